"""What the check sees without a solver: statistics and bands that no records can have which other tables count."""

from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor import InputError, Spec, parse_spec
from synthor.problem import check

SPEC = """
records: 1000
variables:
  sex: {type: category, values: [f, m]}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
targets:
  - {counts: {sex: {f: 600, m: 400}}}
  - {counts: {age: {0-17: 300, 18-64: 500, 65+: 200}}}
"""
BY_SEX = "{name: by sex, mean: age, by: [sex], table: [{sex: f, mean: 40}, {sex: m, mean: 30}]}"


@pytest.mark.parametrize(
    ("targets", "said"),
    [
        (["{name: x, mean: age, value: 60}"], "x: a mean of 60 cannot be met: with the counts of 'age' it can be at most 56.9"),
        (["{name: x, mean: age, value: 21}"], "x: a mean of 21 cannot be met: with the counts of 'age' it can be at least 22"),
        (["{name: x, total: age, value: 57500}"], "a total of 57,500 cannot be met"),
        (["{name: x, total: age, value: 60000, tolerance: {relative: 3%}}"], "it can be at most 56,900"),
        (["{name: x, total: age, value: 2000000}"], "with the range of its values it can be at most 99,000"),
        (["{name: x, total: age, by: [sex], table: [{sex: f, total: 59900}, {sex: m, total: 1}]}"],
         "a total of 59,900 for f cannot be met: with the counts of 'sex' it can be at most 59,400"),
        ([BY_SEX, "{name: x, mean: age, value: 38}"], "the parts that 'by sex' gives come to 36.5"),
        ([BY_SEX, "{name: x, total: age, value: 39000}"], "the parts that 'by sex' gives come to 36,500"),
        (["{name: m, mean: age, value: 40}", "{name: x, sd: age, value: 10}"], "a standard deviation of 10 cannot be met"),
        (["{name: m, mean: age, value: 40}", "{name: x, sd: age, value: 60}"], "it can be at most 48.6"),
        (["{name: x, shares: {age: {0-17: 90, 18-64: 5, 65+: 5}}, where: sex = 'f'}"], "at most 300 of 600 can be there"),
        (["{name: x, shares: {sex: {f: 90, m: 10}}, where: age >= 18}"], "a share of 0.9 for f cannot be met"),
        (["{name: x, quantiles: age, values: {0.5: 70}}"], "x: 500 of under 70 cannot be met: 'age' has at least 800"),
        (["{name: x, where: age >= 65, table: [{count: 260, moe: 30}], margin_of_error: moe}"],
         "x: 260 cannot be met: 'age' has at most 200"),
        (["{name: x, where: age >= 18, table: [{sex: f, count: 600}, {sex: m, count: 90}]}"], None),
        ([BY_SEX, "{name: x, mean: age, value: 36}", "{name: y, total: age, value: 36100}"], None),
        (["{name: m, mean: age, value: 40}", "{name: x, sd: age, value: 25}"], None),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_told_with_what_can(targets: list[str], said: str | None) -> None:
    found = check(parse_spec(SPEC + "".join(f"  - {target}\n" for target in targets)))
    assert {finding.severity for finding in found} <= {"warning"}
    told = [str(finding) for finding in found if "cannot be met" in finding.message]
    assert any(said in text for text in told) if said else not told


def test_a_total_beyond_its_records_at_most_is_told_with_its_cell() -> None:
    (found,) = check(
        parse_spec("""
records: 20000
variables:
  housing: {type: category, values: [own, private]}
  uc: {type: number, min: 0, max: 12000, bins: [0, 0.01, 2000, 9000]}
targets:
  - {counts: {housing: {own: 16100, private: 3900}}}
  - {name: caseload, where: uc > 0, table: [{housing: own, count: 1700}, {housing: private, count: 900}]}
  - {name: spending, total: uc, by: [housing], table: [{housing: own, total: 10550000}, {housing: private, total: 11280000}]}
""")
    )
    assert (found.label, found.found, found.expected) == ("private", 11_280_000, 10_800_000)
    assert found.message.startswith("a total of 11,280,000 for private cannot be met: with the counts of 'caseload'")


person = st.tuples(st.sampled_from(["f", "m"]), st.booleans(), st.integers(0, 99))
KINDS = ["sex", "age", "car", "mean", "means", "total", "totals", "sd", "sds", "women", "grown", "quantile", "bands"]


@pytest.mark.slow
@given(people=st.lists(person, min_size=1, max_size=25), kinds=st.lists(st.sampled_from(KINDS), min_size=2, unique=True))
@settings(max_examples=40, deadline=None)
def test_what_was_counted_from_one_population_is_never_called_impossible(people: list[Any], kinds: list[str]) -> None:
    frame = pl.DataFrame(people, schema=["sex", "car", "age"], orient="row").with_columns(
        car=pl.when("car").then(pl.lit("yes")).otherwise(pl.lit("no")),
        age_band=pl.when(pl.col("age") < 18)
        .then(pl.lit("0-17"))
        .otherwise(pl.when(pl.col("age") < 65).then(pl.lit("18-64")).otherwise(pl.lit("65+"))),
    )
    ages = frame["age"].to_numpy()
    by = frame.group_by("sex", maintain_order=True)

    def counts(column: str, labels: list[str], of: pl.DataFrame, name: str) -> dict[str, Any]:
        return {"table": [{name: label, "count": of.filter(pl.col(column) == label).height} for label in labels]}

    women = frame.filter(sex="f")
    statistics = by.agg(mean=pl.col("age").mean().round(1), total=pl.col("age").sum(), sd=pl.col("age").std(ddof=0).round(1))
    rows = statistics.to_dicts()
    edge = int(np.clip(np.median(ages), 1, 99))
    targets: dict[str, dict[str, Any]] = {
        "sex": counts("sex", ["f", "m"], frame, "sex"),
        "car": counts("car", ["yes", "no"], frame, "car"),
        "age": counts("age_band", ["0-17", "18-64", "65+"], frame, "age"),
        "mean": {"mean": "age", "value": round(float(ages.mean()), 1)},
        "means": {"mean": "age", "by": ["sex"], "table": [{"sex": r["sex"], "mean": r["mean"]} for r in rows]},
        "total": {"total": "age", "value": int(ages.sum())},
        "totals": {"total": "age", "by": ["sex"], "table": [{"sex": r["sex"], "total": r["total"]} for r in rows]},
        "sd": {"sd": "age", "value": round(float(ages.std()), 1)},
        "sds": {"sd": "age", "by": ["sex"], "table": [{"sex": r["sex"], "sd": r["sd"]} for r in rows]},
        "women": counts("car", ["yes", "no"], women, "car") | {"where": "sex = 'f'"},
        "grown": counts("sex", ["f", "m"], frame.filter(pl.col("age") >= 16), "sex") | {"where": "age >= 16"},
        "quantile": {
            "table": [{"age": "under", "count": int((ages < edge).sum())}, {"age": "over", "count": int((ages >= edge).sum())}],
            "groups": {"age": {"under": [0, edge], "over": [edge, 100]}},
        },
        "bands": {"where": "sex = 'f' and age >= 30", "table": [{"count": women.filter(pl.col("age") >= 30).height}]},
    }
    chosen = {"mean", *kinds} if "sd" in kinds else set(kinds)
    chosen |= {"means"} if "sds" in kinds else set()
    variables = {
        "sex": {"type": "category", "values": ["f", "m"]},
        "car": {"type": "boolean"},
        "age": {"type": "integer", "min": 0, "max": 99, "bins": [0, 18, 65]},
    }
    listed = [targets[kind] | {"name": kind} for kind in KINDS if kind in chosen]
    spec = Spec.model_validate({"records": len(people), "variables": variables, "targets": listed})
    try:
        found = check(spec)
    except InputError:
        return
    assert not [str(finding) for finding in found if "cannot be met" in finding.message]
