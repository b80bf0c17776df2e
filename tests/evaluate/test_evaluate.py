import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.cli.versus import evaluate as evaluate_records
from synthor.errors import InputError
from synthor.evaluate.bootstrap import Curve, rake
from synthor.evaluate.fidelity import evaluate
from synthor.information import effective_size
from synthor.loop import synthesize
from synthor.prior.model import RuleBelief
from synthor.problem import Problem
from synthor.spec.load import load_spec
from synthor.types import Codes

LETTERS = np.array(["a", "b", "c"])


def problem_for(codes: Codes) -> Problem:
    text = f"records: {len(codes)}\nvariables:\n"
    text += "".join(f"  v{v}: {{type: category, values: [a, b, c]}}\n" for v in range(3)) + "targets:\n"
    for v in range(3):
        counts = np.bincount(codes[:, v], minlength=3)
        text += f"  - {{counts: {{v{v}: {{a: {counts[0]}, b: {counts[1]}, c: {counts[2]}}}}}}}\n"
    return compile_problem(parse_spec(text))


def frame(codes: Codes) -> pl.DataFrame:
    return pl.DataFrame({f"v{v}": LETTERS[codes[:, v]] for v in range(3)})


def dependent(n: int, seed: int) -> Codes:
    random = np.random.default_rng(seed)
    first = random.integers(0, 3, n)
    others = [np.where(random.random(n) < 0.7, first, random.integers(0, 3, n)) for _ in range(2)]
    return np.stack([first, *others], axis=1).astype(np.int32)


def shuffled(codes: Codes) -> Codes:
    random = np.random.default_rng(9)
    return np.stack([random.permutation(codes[:, v]) for v in range(3)], axis=1)


@pytest.mark.slow
def test_the_truth_recovers_everything_and_independence_nothing() -> None:
    real = dependent(2_000, 1)
    same = evaluate(problem_for(real), frame(real), frame(real))
    assert same.records.recovered == pytest.approx(1)
    assert same.records.mean_pair_tvd == 0
    assert same.records.equivalent.capped
    apart = evaluate(problem_for(real), frame(shuffled(real)), frame(real))
    assert abs(apart.records.recovered) < 0.1
    assert apart.mean_marginal_tvd == pytest.approx(0)
    assert apart.independence.recovered == 0
    assert 0.8 < apart.ceiling < 1


@pytest.mark.slow
@pytest.mark.long
def test_the_equivalent_size_of_a_real_sample_is_about_its_own_size() -> None:
    """A sample of 500 real records should be worth about 500; within a factor of three, over two samples in the mean."""
    real = dependent(20_000, 2)
    problem, random = problem_for(real), np.random.default_rng(0)
    found = [
        evaluate(problem, frame(real[random.integers(0, len(real), 500)]), frame(real)).records.equivalent.size
        for _ in range(2)
    ]
    assert 170 < np.mean(found) < 1500


@pytest.mark.slow
def test_targeted_pairs_are_not_judged() -> None:
    real = dependent(900, 3)
    counts = np.bincount(real[:, 0] * 3 + real[:, 1], minlength=9)
    rows = ", ".join(f"{{v0: {'abc'[i // 3]}, v1: {'abc'[i % 3]}, count: {counts[i]}}}" for i in range(9))
    text = "records: 900\nvariables:\n" + "".join(f"  v{v}: {{type: category, values: [a, b, c]}}\n" for v in range(3))
    problem = compile_problem(parse_spec(f"{text}targets:\n  - {{table: [{rows}]}}\n"))
    found = evaluate(problem, frame(real), frame(real))
    assert (found.n_pairs, found.n_triples) == (2, 1)
    assert {pair.variables for pair in found.pairs} == {("v0", "v2"), ("v1", "v2")}
    assert [triple.variables for triple in found.triples] == [("v0", "v1", "v2")]


@pytest.mark.slow
def test_copies_and_violations_are_counted() -> None:
    real = dependent(300, 4)
    problem = problem_for(real)
    assert evaluate(problem, frame(real), frame(real)).copies.same_values == 300
    with_rule = compile_problem(
        parse_spec("{records: 300, variables: {v0: {type: category, values: [a, b, c]}, v1: {type: category, "
                   "values: [a, b, c]}, v2: {type: category, values: [a, b, c]}}, rules: [{never: v0 = 'a' and v1 = 'c'}]}")
    )  # fmt: skip
    found = evaluate(with_rule, frame(shuffled(real)), frame(real))
    expected = int(((shuffled(real)[:, 0] == 0) & (shuffled(real)[:, 1] == 2)).sum())
    assert found.violations == {"v0 = 'a' and v1 = 'c'": expected}


@pytest.mark.long
def test_weights_count() -> None:
    real = dependent(1_000, 5)
    weights = np.where(real[:, 0] == real[:, 1], 3.0, 1.0)
    weighted = frame(real).with_columns(w=pl.Series(weights))
    repeated = frame(np.repeat(real, weights.astype(int), axis=0))
    problem = problem_for(np.repeat(real, weights.astype(int), axis=0))
    by_weight = evaluate(problem, frame(shuffled(real)), weighted, weight="w")
    by_rows = evaluate(problem, frame(shuffled(real)), repeated)
    assert by_weight.records.mean_pair_tvd == pytest.approx(by_rows.records.mean_pair_tvd)
    assert by_weight.effective_real == pytest.approx(effective_size(weights))


@pytest.mark.long
def test_the_same_seed_gives_the_same_evaluation() -> None:
    real = dependent(400, 6)
    first, again = (evaluate(problem_for(real), frame(shuffled(real)), frame(real)).to_json() for _ in range(2))
    assert first == again
    assert set(json.loads(first)) >= {"records", "independence", "ceiling", "violations", "copies"}


@pytest.mark.parametrize(
    ("weight", "values", "message"),
    [
        ("nope", [1.0], "column 'nope' is missing"),
        ("w", ["x"], "is no number"),
        ("w", [-1.0], "0 or more"),
        ("w", [0.0], "all weights in .w. are 0"),
    ],
)
def test_bad_weights_are_refused(weight: str, values: list[object], message: str) -> None:
    real = dependent(50, 7)
    microdata = frame(real).with_columns(w=pl.Series(values * 50))
    with pytest.raises(InputError, match=message):
        evaluate(problem_for(real), frame(real), microdata, weight=weight)


def test_microdata_without_a_column_or_with_a_strange_value_is_refused() -> None:
    real = dependent(50, 8)
    with pytest.raises(InputError, match=r"microdata: column 'v1' is missing"):
        evaluate(problem_for(real), frame(real), frame(real).drop("v1"))
    with pytest.raises(InputError, match="no value of v1"):
        evaluate(problem_for(real), frame(real), frame(real).with_columns(v1=pl.lit("zebra")))


def test_the_curve_is_read_in_logarithms_and_never_beyond_its_cap() -> None:
    curve = Curve(sizes=np.array([100.0, 400.0]), tvds=np.array([[0.2, 0.2], [0.1, 0.1]]), cap=400.0)
    assert curve.equivalent(0.2**0.5 * 0.1**0.5).size == pytest.approx(200)
    assert curve.equivalent(0.05).capped
    assert curve.equivalent(0.5).size == 0


def test_the_interval_is_read_from_the_samples_quantiles() -> None:
    """Of 21 samples a size the 5% and 95% quantiles are the second and the last but one."""
    spread = np.linspace(-0.01, 0.01, 21)
    tvds = np.stack([centre + spread for centre in (0.4, 0.2, 0.1)])
    found = Curve(sizes=np.array([25.0, 100.0, 400.0]), tvds=tvds, cap=400.0).equivalent(0.2)
    assert found.size == pytest.approx(100)

    def passes(shift: float) -> float:
        curve = -np.log(np.array([0.4, 0.2, 0.1]) + shift)
        return float(np.exp(np.interp(-np.log(0.2), curve, np.log([25.0, 100.0, 400.0]))))

    assert found.low == pytest.approx(passes(-0.009))
    assert found.high == pytest.approx(passes(0.009))
    assert found.low < found.size < found.high


def test_raking_meets_both_margins_and_keeps_the_odds_ratio() -> None:
    weights = np.array([4.0, 1.0, 2.0, 3.0])
    rows, columns = np.array([0, 0, 1, 1]), np.array([0, 1, 0, 1])
    raked = rake(weights, [(rows, np.array([0.3, 0.7])), (columns, np.array([0.6, 0.4]))])
    table = raked.reshape(2, 2)
    np.testing.assert_allclose(table.sum(axis=1), [0.3, 0.7], atol=1e-5)
    np.testing.assert_allclose(table.sum(axis=0), [0.6, 0.4], atol=1e-5)
    assert table[0, 0] * table[1, 1] / (table[0, 1] * table[1, 0]) == pytest.approx(4 * 3 / (1 * 2))


def test_raking_leaves_out_what_the_sample_or_the_target_misses() -> None:
    three = np.array([0, 0, 1, 2])
    np.testing.assert_allclose(rake(np.ones(4), [(three, np.array([0.5, 0.0, 0.3, 0.2]))]), [0.3125, 0.3125, 0, 0.375])
    np.testing.assert_allclose(rake(np.ones(2), [(np.array([0, 0]), np.array([0.0, 1.0]))]), [0.5, 0.5])


def letters(*rows: str) -> pl.DataFrame:
    return pl.DataFrame([list(row) for row in rows], schema=["v0", "v1", "v2"], orient="row")


@pytest.mark.slow
def test_shares_of_copies_are_of_the_same_half_of_the_microdata() -> None:
    """Real records are all different, so none of one half is in the other; records that repeat them hit half of them."""
    every = np.stack(np.meshgrid(*[np.arange(3)] * 3), axis=-1).reshape(-1, 3)[:26].astype(np.int32)
    copies = evaluate(problem_for(every), frame(every), frame(every)).copies
    assert copies.same_values == 26
    assert copies.same_categories == pytest.approx(0.5)
    assert copies.expected_categories == 0


@pytest.mark.slow
def test_the_share_that_is_expected_is_weighted() -> None:
    """Nine real records in ten are alike; each record that is not is alone of its kind."""
    real = letters(*["aaa"] * 18, "abc", "bca").with_columns(w=pl.Series([1.0] * 18 + [9.0, 9.0]))
    problem = problem_for(np.zeros((20, 3), np.int32))
    for seed in range(6):
        order = np.random.default_rng(seed).permutation(20)
        n_alone = int((order[10:] >= 18).sum())
        copies = evaluate(problem, letters("aaa", "ccc"), real, weight="w", random_seed=seed).copies
        assert copies.expected_categories == pytest.approx((10 - n_alone) / (10 - n_alone + 9 * n_alone))
        assert copies.same_categories == 0.5


MIXED = """
records: 4
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
  persons: {type: integer, min: 1, max: 9, bins: [1, 2, 3]}
  income: {type: number, min: 0, max: 100, bins: [0, 50], decimals: 1}
"""


def test_copies_are_found_however_values_are_written() -> None:
    records = pl.DataFrame(
        {"car": [True, False], "tenure": ["owned", "rented"], "persons": [4, 2], "income": [12.5, 70.0]},
        schema_overrides={"tenure": pl.Enum(["owned", "rented"])},
    )
    microdata = pl.DataFrame(
        {"car": ["yes", "no"], "tenure": ["Owned ", "rented"], "persons": ["4.0", "2"], "income": ["12.50", "70.1"]}
    )
    problem = compile_problem(parse_spec(MIXED))
    assert evaluate(problem, records, microdata).copies.same_values == 1
    labelled = microdata.with_columns(persons=pl.Series(["3+", "2"]), income=pl.Series([12.5, 70.0]))
    assert evaluate(problem, records, labelled).copies.same_values == 2


def test_a_label_where_a_rule_needs_a_number_is_told_with_its_table_and_column() -> None:
    problem = compile_problem(parse_spec(MIXED + "rules: [{never: car and persons > 4}]"))
    records = pl.DataFrame(
        {"car": [True, False], "tenure": ["owned", "rented"], "persons": [4, 2], "income": [12.5, 70.0]},
    )
    decided = records.with_columns(persons=pl.Series(["2", "3+"]))  # the second has no car, whatever its size
    assert evaluate(problem, records, decided).real_violations == {"car and persons > 4": 0}
    with pytest.raises(
        InputError, match=r"microdata: column 'persons' holds '3\+', a label, where a rule needs a number.*values"
    ):
        evaluate(problem, records, records.with_columns(persons=pl.Series(["3+", "2"])))


@pytest.mark.slow
def test_rules_that_were_believed_are_counted_too_one_by_one(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spec = tmp_path / "spec.yaml"
    spec.write_text(
        "{records: 40, variables: {car: {type: boolean}, bike: {type: boolean}, dog: {type: boolean}}, "
        "targets: [{counts: {car: {yes: 10, no: 30}}}], rules: [{never: car and dog}]}"
    )
    believed = Prior(rules=[RuleBelief(never="bike and dog", why="no room for both")])
    out, real = tmp_path / "out", tmp_path / "real.csv"
    synthesize(load_spec(spec), prior=believed).write(out, format="csv")
    real.write_text("car,bike,dog\n" + "no,yes,yes\n" * 17 + "no,no,yes\n" * 20 + "yes,no,no\n" * 13)

    def counted(records: Path) -> str:
        evaluate_records(records, against=real, spec=spec)
        return capsys.readouterr().out

    told = counted(out)
    assert "2 rules (1 believed), broken 0 times by records, 17 times by real ones." in told
    assert "  believed: never bike and dog: 0 records, 17 real ones" in told
    assert "never car and dog" not in told
    assert counted(out / "records.csv") == told  # the model beside them says what was believed
    (tmp_path / "elsewhere").mkdir()
    alone = (out / "records.csv").rename(tmp_path / "elsewhere" / "records.csv")
    assert "1 rule, broken 0 times by records, 0 times by real ones." in counted(alone)
    (tmp_path / "beliefs.json").write_text(believed.to_json())
    spec.write_text(spec.read_text().replace("{records: 40,", "{records: 40, prior: beliefs.json,"))
    assert "17 real ones" in counted(alone)
