"""Every kind of target, met by records that were never seen: statistics of a made-up population in, records out."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthor import InputError, Run, Spec, check, parse_spec, synthesize
from synthor.evaluate.fidelity import evaluate

N = 20_000
BANDS: dict[str, list[float]] = {"under 16": [0, 16], "16-24": [16, 25], "25-64": [25, 65], "65+": [65, 99]}


def town() -> pl.DataFrame:
    """A population whose variables depend on each other."""
    random = np.random.default_rng(5)
    age = np.minimum(random.gamma(2.2, 18, N), 99).astype(int)
    sex = np.where(random.random(N) < 0.48 - 0.001 * (age - 40), "male", "female")
    works = (age >= 16) & (random.random(N) < np.where((age > 24) & (age < 65), 0.8, 0.3))
    tenure = np.where(random.random(N) < 0.25 + age / 120, "owned", np.where(random.random(N) < 0.9, "rented", "other"))
    income = np.round(
        np.where(works, random.lognormal(10.6, 0.6, N), random.lognormal(9.3, 0.9, N)) * (1 + (tenure == "owned"))
    )
    hours = np.where(works, np.round(np.clip(random.normal(36, 9, N), 1, 80), 1), 0.0)
    income = np.minimum(np.where(age < 16, 0.0, income), 500_000)
    return pl.DataFrame({"age": age, "sex": sex, "tenure": tenure, "works": works, "income": income, "hours": hours})


VARIABLES: dict[str, Any] = {
    "age": {"type": "integer", "min": 0, "max": 99, "bins": [0, 18, 40, 65, 80]},
    "sex": {"type": "category", "values": ["female", "male"]},
    "tenure": {"type": "category", "values": ["owned", "rented", "other"]},
    "works": {"type": "boolean"},
    "income": {"type": "number", "min": 0, "max": 500_000, "bins": [0, 20_000, 50_000, 100_000], "decimals": 0},
    "hours": {"type": "number", "min": 0, "max": 80, "bins": [0, 10, 35], "decimals": 1},
}


def band(column: str, bands: dict[str, list[float]]) -> pl.Expr:
    """The label of the band that a number lies in."""
    found = pl.lit(None, dtype=pl.String)
    for label, (low, below) in bands.items():
        found = (
            pl.when((pl.col(column) >= low) & (pl.col(column) < (below if below < 99 else 1e9)))
            .then(pl.lit(label))
            .otherwise(found)
        )
    return found


def rows(frame: pl.DataFrame, by: list[str], **values: pl.Expr) -> list[dict[str, Any]]:
    """A published table: one row a cell."""
    found = frame.group_by(by).agg(**values).sort(by).to_dicts()
    return [{k: ("yes" if v else "no") if isinstance(v, bool) else v for k, v in row.items()} for row in found]


def spec_of(targets: list[dict[str, Any]], **more: Any) -> Spec:
    return Spec.model_validate({"records": N, "random_seed": 3, "variables": VARIABLES, "targets": targets, **more})


def every_kind() -> list[dict[str, Any]]:
    people = town()
    adults = people.filter(pl.col("age") >= 16)
    banded = people.with_columns(band("age", BANDS).alias("age"))
    sd = pl.col("income").std(ddof=0).round(0)
    return [
        {"name": "sex", "table": rows(people, ["sex"], count=pl.len())},
        {"name": "bands", "groups": {"age": BANDS}, "table": rows(banded, ["age", "sex"], count=pl.len())},
        {"name": "workers", "where": "age >= 16", "table": rows(adults, ["works"], count=pl.len())},
        {
            "name": "works by sex",
            "where": "age >= 16",
            "by": ["sex"],
            "table": [
                {"sex": sex, "works": label, "share": round(100 * float((of_sex["works"] == works).sum()) / of_sex.height, 1)}
                for sex in ("female", "male")
                for of_sex in [adults.filter(pl.col("sex") == sex)]
                for label, works in (("yes", True), ("no", False))
            ],
        },
        {"name": "tenure", "tolerance": {"points": 0.5}, "table": rows(people, ["tenure"], count=pl.len())},
        {"mean": "income", "by": ["tenure"], "table": rows(people, ["tenure"], mean=pl.col("income").mean().round(0))},
        {"sd": "income", "by": ["tenure"], "table": rows(people, ["tenure"], sd=sd)},
        {"quantiles": "income", "values": {q: people["income"].quantile(q) for q in (0.25, 0.5, 0.75)}},
        {"total": "hours", "where": "works = 'yes'", "value": round(people.filter("works")["hours"].sum(), 1)},
        {
            "mean": "hours",
            "by": ["sex"],
            "where": "works = 'yes'",
            "table": rows(people.filter("works"), ["sex"], mean=pl.col("hours").mean().round(1)),
        },
        {"mean": "age", "value": float(people["age"].mean()), "tolerance": {"relative": "1%"}},  # type: ignore[arg-type]
    ]


@pytest.fixture(scope="module")
def run() -> Run:
    return synthesize(spec_of(every_kind(), rules=[{"never": "age < 16 and works = 'yes'"}]))


@pytest.mark.slow
def test_every_kind_of_target_is_met_together(run: Run) -> None:
    assert run.model.status.value == "converged"
    assert [fit.target.name for fit in run.measurement.fits if not fit.met] == []
    assert run.measurement.met


@pytest.mark.slow
def test_statistics_counted_by_another_tool_are_the_published_ones(run: Run) -> None:
    people, made = town(), run.records.with_columns(pl.col("sex", "tenure").cast(pl.String))
    assert made["age"].dtype.is_integer()
    assert made["age"].is_between(0, 99).all()
    for tenure in ("owned", "rented", "other"):
        theirs, ours = (frame.filter(pl.col("tenure") == tenure)["income"].to_numpy() for frame in (people, made))
        assert abs(theirs.mean() - ours.mean()) <= 1
        assert abs(theirs.std() - ours.std()) <= 1.5
    for q in (0.25, 0.5, 0.75):
        edge = people["income"].quantile(q)
        assert (made["income"] < edge).mean() == pytest.approx(q, abs=1e-9)
    assert made.filter("works")["hours"].sum() == pytest.approx(people.filter("works")["hours"].sum(), abs=0.06)
    assert made.filter((pl.col("age") < 16) & pl.col("works")).height == 0
    seen = {(r["age"], r["sex"]): r["len"] for r in made.group_by(band("age", BANDS).alias("age"), "sex").len().to_dicts()}
    wanted = people.group_by(band("age", BANDS).alias("age"), "sex").len().to_dicts()
    assert all(seen[r["age"], r["sex"]] == r["len"] for r in wanted)


@pytest.mark.slow
def test_what_is_written_is_measured_as_what_is_held_in_memory(run: Run, tmp_path: Path) -> None:
    written = run.write(tmp_path / "out")
    assert written.met
    assert [fit.got.tolist() for fit in written.of_statistics] == [fit.got.tolist() for fit in run.measurement.of_statistics]
    page = (tmp_path / "out" / "report.html").read_text(encoding="utf-8")
    assert "mean of income by tenure" in page
    assert "No target gives the shares" not in page


@pytest.mark.slow
@pytest.mark.long
def test_a_statistic_that_the_rules_put_out_of_reach_is_named_and_every_table_is_met() -> None:
    too_rich = {"name": "too rich", "mean": "income", "where": "age < 16", "value": 90_000}
    run = synthesize(spec_of([*every_kind(), too_rich], rules=[{"never": "age < 16 and income > 1000"}]))
    assert run.model.status.value == "infeasible"
    assert "too rich" in {clash.target for clash in run.model.clashes}
    assert all(fit.met for fit in run.measurement.of_counts)
    assert "too rich" in [fit.target.name for fit in run.measurement.of_statistics if not fit.met]
    told = run.measurement.explanations[0]
    assert "'too rich' (of the records with `age < 16`) wants 90,000" in " ".join(told.lines)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_numbers_and_model_json_the_same_records(run: Run) -> None:
    from synthor.fit.model import Model
    from synthor.sample.stream import sample

    again = sample(Model.from_json(run.model.to_json()))
    name = again.problem.schema.unit.name
    assert pl.concat([chunk[name] for chunk in again.chunks()]).equals(run.records)


def test_a_standard_deviation_without_its_mean_is_refused_with_a_sentence() -> None:
    found = check(spec_of([{"sd": "income", "value": 40_000}]))
    told = "targets[0]: a standard deviation of income needs its mean as a target, too"
    assert [str(f) for f in found if f.severity == "error"] == [f"{told}; add {{mean: income, ...}} for the same records"]


def test_margins_of_error_pull_by_their_size_and_are_met_within_two_standard_deviations() -> None:
    shares = [{"sex": "female", "count": 11_000, "moe": 400}, {"sex": "male", "count": 9_000, "moe": 400}]
    exact = {"counts": {"tenure": {"owned": 12_000, "rented": 7_000, "other": 1_000}}}
    loose = {"table": shares, "margin_of_error": "moe", "confidence": 0.9}
    run = synthesize(spec_of([exact, loose]))
    assert run.measurement.met
    assert run.model.status.value == "converged"
    female = int((run.records["sex"] == "female").sum())
    assert abs(female - 11_000) <= 2 * 400 / 1.645


FLOWS = [("a", "b", 500), ("a", "c", 20), ("b", "a", 300), ("c", "c", 180)]


def test_sparse_flows_leave_other_pairs_empty_or_free() -> None:
    zones = {"type": "category", "values": ["a", "b", "c", "d"]}
    table = [{"origin": o, "destination": d, "count": n} for o, d, n in FLOWS]
    spec = {"records": 1000, "variables": {"origin": zones, "destination": zones, "sex": VARIABLES["sex"]}}
    flows = {"flows": ["origin", "destination"], "table": table}
    closed = synthesize(Spec.model_validate({**spec, "targets": [flows]}))
    assert closed.measurement.met
    pairs = closed.records.group_by("origin", "destination").len().sort("origin", "destination").rows()
    assert pairs == FLOWS
    free = {**flows, "others": "free", "table": [row for row in table if row["origin"] != "c"]}
    records = synthesize(Spec.model_validate({**spec, "targets": [free]})).records
    counted = {(o, d): n for o, d, n in records.group_by("origin", "destination").len().rows()}
    assert [counted[o, d] for o, d, _ in FLOWS[:3]] == [500, 20, 300]
    assert len(counted) > 4


@pytest.mark.slow
def test_thousands_of_zones_are_met_exactly() -> None:
    random = np.random.default_rng(2)
    n_zones, n_flows = 2_000, 6_000
    cells = np.sort(random.choice(n_zones * n_zones, n_flows, replace=False))
    counts = 1 + random.geometric(0.2, n_flows)
    names = [f"z{i:04d}" for i in range(n_zones)]
    table = [
        {"origin": names[c // n_zones], "destination": names[c % n_zones], "count": int(n)}
        for c, n in zip(cells, counts, strict=True)
    ]
    zones = {"type": "category", "values": names}
    spec = Spec.model_validate(
        {
            "records": int(counts.sum()),
            "variables": {
                "origin": zones,
                "destination": zones,
                "mode": {"type": "category", "values": ["car", "bus", "foot"]},
            },
            "targets": [
                {"flows": ["origin", "destination"], "table": table},
                {"shares": {"mode": {"car": 60, "bus": 30, "foot": 10}}},
            ],
        }
    )
    run = synthesize(spec)
    assert run.measurement.met
    assert run.model.status.value == "converged"


def test_cells_rounded_to_fives_are_intervals() -> None:
    counts = {"owned": 12_405, "rented": 6_000, "other": 1_600}  # add up to 20,005
    rounded = [{"tenure": tenure, "count": count} for tenure, count in counts.items()]
    run = synthesize(spec_of([{"table": rounded, "rounded_to": 5}]))
    assert run.measurement.met
    assert 12_403 <= int((run.records["tenure"] == "owned").sum()) <= 12_407


def test_shares_that_differ_by_their_rounding_are_met_to_it_and_told() -> None:
    crossed = {"name": "crossed", "table": [{"sex": s, "works": w, "share": x} for s, w, x in _CROSSED]}
    spec = spec_of([{"name": "sexes", "shares": {"sex": {"female": 53.2, "male": 46.8}}}, crossed])
    assert "differs from another table by what its shares were rounded" in " ".join(map(str, check(spec)))
    run = synthesize(spec)
    assert run.model.status.value == "converged"
    assert run.measurement.met


_CROSSED = [("female", "yes", 30.1), ("female", "no", 23.2), ("male", "yes", 28.4), ("male", "no", 18.3)]


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"mean": "sex", "value": 3}, "'sex' is no numeric variable"),
        ({"mean": "incom", "value": 3}, "no variable is called 'incom'; did you mean 'income'?"),
        ({"mean": "income", "value": 900_000}, "a mean of 900000 lies outside of income's range; income goes from 0 to 500000"),
        (
            {"quantiles": "income", "values": {0.5: 600_000}},
            "a quantile at 600000 lies outside of income's range; income goes from 0",
        ),
        ({"quantiles": "income", "values": {0.2: 300, 0.5: 200}}, "quantiles must rise: 0.5 is at 200, 0.2 at 300"),
        ({"quantiles": "income", "values": {1.5: 6_000}}, "quantiles are given for shares between 0 and 1"),
        ({"where": "age > income", "counts": {"sex": {"female": 3, "male": 4}}}, "depends on more than the bins"),
        ({"where": "aeg > 3", "counts": {"sex": {"female": 3, "male": 4}}}, "no variable is called 'aeg'"),
        ({"groups": {"age": {"x": [0, 30], "y": [20, 99]}}, "counts": {"age": {"x": 3, "y": 4}}}, "'x' and 'y' of age overlap"),
        ({"groups": {"age": {"x": [30, 20]}}, "counts": {"age": {"x": 3}}}, "band 'x' of age is not [from, below]"),
        ({"groups": {"sex": {"all": ["femal"]}}, "counts": {"sex": {"all": 3}}}, "'femal' in group 'all' is no label of sex"),
        ({"groups": {"tenure": {"x": ["owned"]}}, "counts": {"sex": {"male": 3}}}, "groups speak of 'tenure'"),
        ({"by": ["tenur"], "table": [{"sex": "male", "share": 1}]}, "has no column 'tenur', which by names"),
        ({"margin_of_error": "moe", "counts": {"sex": {"female": 3, "male": 4}}}, "has no column 'moe'"),
        (
            {"by": ["sex"], "table": [{"sex": "male", "works": "yes", "share": 40}]},
            "shares inside (male) add up to 40, not to 100",
        ),
    ],
)
def test_what_is_wrong_with_a_target_is_told(target: dict[str, Any], said: str) -> None:
    assert any(said in str(finding) for finding in check(spec_of([target])))


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ({"mean": "income", "total": "income", "value": 3}, "is mean and total at once"),
        ({"value": 3}, "value needs mean, total or sd beside it"),
        ({"quantiles": "income", "table": "x.csv"}, "quantiles take a variable, and values"),
        ({"table": "x.csv", "tolerance": {"points": 1}, "rounded_to": 5}, "a cell is off by one rule only"),
        ({"table": "x.csv", "tolerance": {"relative": "ten"}}, "relative is no share; write 1% or 0.01"),
        (
            {"mean": "income", "value": 3, "tolerance": {"points": 0.5}},
            "of shares and counts, not of a mean; write tolerance: {relative: 1%}, or rounded_to: 1 for 0.5 to either side",
        ),
    ],
)
def test_what_a_target_cannot_be_is_refused(target: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError) as caught:
        spec_of([target])
    assert said in str(caught.value)


@pytest.mark.long
def test_tables_that_contradict_each_other_are_named_cell_by_cell() -> None:
    """Of three yes-no variables no three can all differ: each pair's table is possible alone, and any two together."""
    pairs = [("a", "b"), ("a", "c"), ("b", "c")]
    unequal = [("yes", "no", 490), ("no", "yes", 490), ("yes", "yes", 10), ("no", "no", 10)]
    targets = [{"name": f"{x} {y}", "table": [{x: p, y: q, "count": n} for p, q, n in unequal]} for x, y in pairs]
    variables = {name: {"type": "boolean"} for name in ("a", "b", "c", "d")}
    innocent = {"name": "innocent", "counts": {"d": {"yes": 300, "no": 700}}}
    spec = Spec.model_validate({"records": 1000, "variables": variables, "targets": [*targets, innocent]})
    run = synthesize(spec)
    assert run.model.status.value == "infeasible"
    assert {clash.target for clash in run.model.clashes} == {"a b", "a c", "b c"}
    assert all(clash.error > 0 for clash in run.model.clashes)
    assert (
        "'a b', 'a c' and 'b c' cannot all be met together: no population can do it."
        in run.measurement.explanations[0].sentence
    )
    assert [fit.met for fit in run.measurement.fits if fit.target.name == "innocent"] == [True]
    assert run.records.height == 1000


@pytest.mark.long
def test_sparse_tables_in_a_ring_are_met_although_few_units_fit_them_all() -> None:
    """300 records with 40 categories in each of five variables; each neighbouring pair is published, mostly empty cells."""
    random = np.random.default_rng(8)
    base = random.integers(0, 40, 300)
    codes = np.column_stack([(base * k + random.integers(0, 3, 300)) % 40 for k in (1, 3, 7, 9, 11)])
    names = ["v0", "v1", "v2", "v3", "v4"]
    people = pl.DataFrame({name: [f"c{c}" for c in codes[:, i]] for i, name in enumerate(names)})
    ring = [(names[i], names[(i + 1) % 5]) for i in range(5)]
    targets = [{"name": f"{a} {b}", "table": people.group_by(a, b).agg(count=pl.len()).sort(a, b).to_dicts()} for a, b in ring]
    variables = {name: {"type": "category", "values": [f"c{c}" for c in range(40)]} for name in names}
    run = synthesize(Spec.model_validate({"records": 300, "variables": variables, "targets": targets}))
    assert run.model.status.value == "converged"
    assert (
        sum(fit.tae for fit in run.measurement.of_counts) <= 60
    )  # whole records of a ring are a puzzle; 1,500 cells are wanted


@pytest.mark.slow
def test_what_the_rules_forbid_is_called_unsupported_not_a_contradiction() -> None:
    """The rules forbid a wanted cell only together, which no check of single rules sees."""
    spec = spec_of(
        [{"counts": {"sex": {"female": 19_000, "male": 1_000}}}],
        rules=[{"never": f"sex = 'male' and tenure = '{tenure}'"} for tenure in ("owned", "rented", "other")],
    )
    run = synthesize(spec)
    assert run.model.status.value == "unsupported"
    assert run.model.unsupported == ("sex: sex = male",)
    assert not run.measurement.met


@pytest.mark.slow
def test_a_survey_sample_is_believed_by_its_effective_size(tmp_path: Path) -> None:
    people = town()
    some = people.sample(400, seed=1).with_columns(w=pl.lit(2.5))
    some.with_columns(works=pl.when("works").then(pl.lit("yes")).otherwise(pl.lit("no"))).write_csv(tmp_path / "survey.csv")
    marginals = [{"table": rows(people, [name], count=pl.len())} for name in ("sex", "works")]
    written = {"records": N, "variables": VARIABLES, "targets": marginals, "sample": {"file": "survey.csv", "weight": "w"}}
    run = synthesize(Spec.model_validate(written).placed_in(tmp_path))
    assert run.measurement.met
    assert run.model.status.value == "converged"
    assert {table.records for table in run.model.prior.dependencies} == {400.0}
    children = run.records.filter(pl.col("age") < 18)
    assert children["works"].mean() < 0.15  # type: ignore[operator]
    assert run.records["works"].mean() > 0.45  # type: ignore[operator]
    owned = {tenure: float((run.records["tenure"] == tenure).mean()) for tenure in ("owned", "rented")}  # type: ignore[arg-type]
    assert abs(owned["owned"] - float((people["tenure"] == "owned").mean())) < 0.1  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("sample", "text", "said"),
    [
        ({"file": "none.csv"}, "sex,works\n", "no such file"),
        ({"file": "s.csv", "weight": "w"}, "sex,works\nmale,yes\n", "has no column 'w', which weight names; known: sex, works"),
        (
            {"file": "s.csv", "weight": "w"},
            "sex,works,w\nmale,yes,-1\n",
            "s.csv, row 2: weight '-1' in 'w' is negative (1 row)",
        ),
        ({"file": "s.csv"}, "sex,works\nmael,yes\n", "s.csv, row 2: 'mael' is no value of sex (1 row); did you mean 'male'?"),
        ({"file": "s.csv"}, "sex,x\nmale,yes\n", "holds fewer than two of the variables"),
    ],
)
def test_a_survey_sample_that_cannot_be_used_is_told(tmp_path: Path, sample: dict[str, str], text: str, said: str) -> None:
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    with pytest.raises(InputError) as caught:
        synthesize(spec_of([], sample=sample).placed_in(tmp_path))
    assert said in str(caught.value)


@pytest.mark.slow
def test_records_that_met_every_kind_of_target_can_be_evaluated(run: Run) -> None:
    found = evaluate(run.sample.problem, run.records, town().with_columns(w=pl.lit(1.0)), weight="w")
    assert found.records.mean_pair_tvd < 0.3


def test_shares_written_with_one_digit_are_aimed_at_as_they_stand() -> None:
    table = [("female", "yes", 0.6), ("female", "no", 0.4), ("male", "yes", 0.7), ("male", "no", 0.3)]
    by = {"by": ["sex"], "table": [{"sex": s, "works": w, "share": x} for s, w, x in table]}
    run = synthesize(spec_of([{"shares": {"sex": {"female": 51.5, "male": 48.5}}}, by]))
    assert run.measurement.met
    got = run.measurement.of_statistics[0].got
    assert np.abs(got - [0.4, 0.6, 0.3, 0.7]).max() < 5e-3


def test_a_share_that_no_whole_number_of_records_has_is_met_at_either_side() -> None:
    spec = Spec.model_validate({"records": 1000, "variables": VARIABLES, "targets": [
        {"groups": {"age": {"under": [0, 65], "over": [65, 99]}}, "counts": {"age": {"under": 850, "over": 150}}},
        {"where": "age >= 65", "shares": {"works": {"yes": 7.5, "no": 92.5}}},
    ]})  # fmt: skip
    run = synthesize(spec)
    assert run.measurement.met
    assert run.measurement.of_statistics[0].got[1] in (11 / 150, 12 / 150)


@pytest.mark.slow
def test_a_mean_that_the_bins_put_out_of_reach_is_named() -> None:
    bins = {
        "counts": {"income": {"0 to 20000": 6000, "20000 to 50000": 9000, "50000 to 100000": 4000, "100000 to 500000": 1000}}
    }
    run = synthesize(spec_of([bins, {"mean": "income", "value": 10_000}]))
    assert run.model.status.value in ("unsupported", "infeasible")
    assert "mean of income" in {clash.target for clash in run.model.clashes}
    assert not run.measurement.met


def test_shares_of_a_category_inside_others_are_met() -> None:
    inside = [("female", 70, 25, 5), ("male", 50, 40, 10)]
    table = [
        {"sex": s, "tenure": t, "share": v}
        for s, *row in inside
        for t, v in zip(("owned", "rented", "other"), row, strict=True)
    ]
    targets = [{"counts": {"sex": {"female": 600, "male": 400}}}, {"by": ["sex"], "table": table}]
    made = synthesize(Spec.model_validate({"records": 1000, "variables": VARIABLES, "targets": targets}))
    assert made.verdict.startswith("Met")
    assert made.records.filter(pl.col("sex") == "male", pl.col("tenure") == "rented").height == 160


def test_a_total_of_whole_numbers_is_scaled_to_what_they_can_add_up_to() -> None:
    age = "{type: integer, min: 0, max: 99, bins: [0, 16, 65]}"
    text = f"{{records: 60, population: 600, variables: {{age: {age}}}, targets: [{{total: age, value: 26082}}]}}"
    assert synthesize(parse_spec(text)).measurement.met  # 2,608.2 for 60 records
