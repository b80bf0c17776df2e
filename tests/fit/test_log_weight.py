"""The fitted model says of any record how likely it is, whatever kinds of target have pulled it."""

from dataclasses import replace
from itertools import product

import numpy as np
import pytest

from synthor import parse_spec
from synthor.fit.model import Model, fit
from synthor.fit.pulls import Pulls
from synthor.fit.status import Status
from synthor.prior.model import Dependency, Prior
from synthor.problem import compile_problem
from synthor.schema import of_unit

SPEC = """
records: 1000
variables:
  sex: {type: category, values: [f, m]}
  works: {type: boolean}
  income: {type: integer, min: 0, max: 100, bins: [0, 20, 50]}
  age: {type: integer, min: 0, max: 79, bins: [0, 20, 40, 60]}
targets:
  - {counts: {sex: {f: 480, m: 520}}}
"""
KINDS = {
    "counts": "  - {counts: {age: {0-19: 200, 20-39: 300, 40-59: 300, 60+: 200}}}",
    "means": "  - {mean: income, by: [sex], table: [{sex: f, mean: 31}, {sex: m, mean: 42}]}",
    "totals": "  - {total: income, value: 36500}",
    "spreads": "  - {mean: age, value: 38}\n  - {sd: age, value: 20.5}",
    "shares": "  - {by: [sex], table: [{sex: f, works: yes, share: 0.4}, {sex: m, works: yes, share: 0.7},"
    " {sex: f, works: no, share: 0.6}, {sex: m, works: no, share: 0.3}]}",
    "quantiles": "  - {quantiles: income, values: {0.25: 18, 0.5: 33}}",
    "a tolerance": "  - {counts: {works: {yes: 600, no: 380}}, tolerance: {relative: 5%}}",
}
BELIEFS = Prior(dependencies=[Dependency(given="works", of="age", rows=[[30, 20, 20, 30], [10, 40, 45, 5]])])


def fitted(*kinds: str) -> Model:
    model = fit(compile_problem(parse_spec(SPEC + "\n".join(KINDS[kind] for kind in kinds))), BELIEFS)
    assert model.status is Status.CONVERGED
    return model


@pytest.mark.parametrize("kinds", [*((kind,) for kind in KINDS), ("means", "spreads", "shares")], ids=" and ".join)
def test_log_weights_of_candidates_are_the_logs_of_their_weights(kinds: tuple[str, ...]) -> None:
    model = fitted(*kinds)
    gap = model.log_weight(model.pool.units) - np.log(model.weights)
    np.testing.assert_allclose(gap, gap[0], atol=1e-9)
    few = model.log_weight(model.pool.units.take(np.arange(3)))  # what they are asked with does not matter
    np.testing.assert_allclose(few - np.log(model.weights[:3]), gap[0], atol=1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("limit", ["few", "together"])
def test_however_tables_are_looked_up_a_weight_is_the_same_to_its_last_digit(limit: str) -> None:
    extra = "".join(f"  x{i}: {{type: boolean}}\n" for i in range(9))
    text = SPEC.replace("targets:", extra + "targets:") + KINDS["counts"] + "\n" + KINDS["a tolerance"] + "\n"
    text += "\n".join(f"  - {{counts: {{x{i}: {{yes: {300 + 7 * i}, no: {700 - 7 * i}}}}}}}" for i in range(9))
    text += "\n  - {counts: {x0: {yes: 90, no: 110}}, where: age < 20}"
    problem = compile_problem(parse_spec(text))
    model = fit(problem, BELIEFS, pool_size=2_000)
    units = model.pool.units.take(np.arange(50))
    open_cells = [np.zeros(target.grid.size, bool) for target in problem.counts]
    recipe, base = model.recipe, np.linspace(-1, 1, len(units))
    usual, other = (
        Pulls(problem.counts, recipe.thetas[: len(open_cells)], open_cells, recipe.closings, **limits)
        for limits in ({}, {limit: 3})
    )
    assert other.log_weights(base, units).tobytes() == usual.log_weights(base, units).tobytes()
    each = [model.log_weight(units.take(np.array([i]))) for i in range(len(units))]
    assert np.concatenate(each).tobytes() == model.log_weight(units).tobytes()


def test_units_that_are_no_candidates_have_log_weights_too() -> None:
    spec = SPEC.replace("targets:", "rules: [{never: sex = 'f' and income < 20 and age >= 60}]\ntargets:")
    problem = compile_problem(parse_spec(spec + KINDS["totals"]))
    model, free = fit(problem, BELIEFS), fit(problem.with_only(()), BELIEFS)
    codes = free.pool.units.row_tables[0].codes
    known = {tuple(row) for row in model.pool.units.row_tables[0].codes.tolist()}
    lost = np.array([tuple(row) not in known for row in codes.tolist()])
    assert lost.any()
    found = model.log_weight(free.pool.units)
    assert np.isfinite(found).all()
    there = {tuple(row): value for row, value in zip(codes.tolist(), found.tolist(), strict=True)}
    for sex, works, income, age, *inside in codes[lost].tolist():  # sex does not depend on age, given all else
        here, young, man, young_man = (there[(*of, *inside)] for of in product((sex, 1 - sex), [works], [income], (age, 0)))
        assert here - man == pytest.approx(young - young_man, abs=1e-9)


def test_cells_that_must_be_empty_weigh_nothing() -> None:
    spec = SPEC + "  - {counts: {works: {yes: 1000, no: 0}}}"
    model = fit(compile_problem(parse_spec(spec)), BELIEFS)
    one = model.pool.units.take(np.array([0]))
    assert np.isfinite(model.log_weight(one)).all()
    other = one.replace(of_unit(1), slice(None), 1 - one.column(of_unit(1)))
    assert np.isneginf(model.log_weight(other)).all()


def test_members_are_not_passed_over_in_silence() -> None:
    model = fitted("counts")
    deeper = tuple(replace(target, level=1) for target in model.problem.targets)
    with pytest.raises(ValueError, match="units have members"):
        replace(model.recipe, problem=replace(model.problem, targets=deeper)).log_weight(model.pool.units.take(np.array([0])))
