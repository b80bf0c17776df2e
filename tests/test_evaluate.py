import json

import numpy as np
import polars as pl
import pytest

from synthor import compile_problem, parse_spec
from synthor.errors import InputError
from synthor.evaluate.bootstrap import Curve, kish
from synthor.evaluate.fidelity import evaluate
from synthor.problem import Problem
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


def test_the_equivalent_size_of_a_real_sample_is_about_its_own_size() -> None:
    """A sample of 500 real records should be worth about 500; within a factor of three, over ten samples in the mean."""
    real = dependent(20_000, 2)
    problem, random = problem_for(real), np.random.default_rng(0)
    found = [
        evaluate(problem, frame(real[random.integers(0, len(real), 500)]), frame(real)).records.equivalent.size
        for _ in range(3)
    ]
    assert 170 < np.mean(found) < 1500


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


def test_weights_count() -> None:
    real = dependent(1_000, 5)
    weights = np.where(real[:, 0] == real[:, 1], 3.0, 1.0)
    weighted = frame(real).with_columns(w=pl.Series(weights))
    repeated = frame(np.repeat(real, weights.astype(int), axis=0))
    problem = problem_for(np.repeat(real, weights.astype(int), axis=0))
    by_weight = evaluate(problem, frame(shuffled(real)), weighted, weight="w")
    by_rows = evaluate(problem, frame(shuffled(real)), repeated)
    assert by_weight.records.mean_pair_tvd == pytest.approx(by_rows.records.mean_pair_tvd)
    assert by_weight.effective_real == pytest.approx(kish(weights))


def test_the_same_seed_gives_the_same_evaluation() -> None:
    real = dependent(400, 6)
    first, again = (evaluate(problem_for(real), frame(shuffled(real)), frame(real)).to_json() for _ in range(2))
    assert first == again
    assert set(json.loads(first)) >= {"records", "independence", "ceiling", "violations", "copies"}


@pytest.mark.parametrize(
    ("weight", "values", "message"),
    [
        ("nope", [1.0], "column 'nope' is missing"),
        ("w", ["x"], "no numbers"),
        ("w", [-1.0], "0 or more"),
        ("w", [0.0], "not all 0"),
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
