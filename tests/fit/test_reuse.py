"""Candidates weighed anew: when they may be, and that nothing else changes."""

from dataclasses import replace

import numpy as np
import pytest

from synthor import compile_problem, parse_spec
from synthor.fit.model import Model, fit
from synthor.fit.status import Status
from synthor.measure import measure
from synthor.prior.model import Dependency, Prior, RuleBelief
from synthor.problem import Problem
from synthor.sample.stream import sample

SPEC = """
records: 4000
variables:
  age: {{type: integer, min: 0, max: 99, bins: [0, 18, 65]}}
  works: {{type: boolean}}
  tenure: {{type: category, values: [owned, rented, free]}}
  region: {{type: category, values: [a, b, c, d, e, f, g, h, i, j, k, l]}}
  hours: {{type: number, min: 0, max: 80, bins: [0, 20, 35]}}
targets:
  - {{counts: {{age: {{0-17: {young}, 18-64: 2400, 65+: {old}}}}}}}
  - {{counts: {{works: {{yes: 1900, no: 2100}}}}}}
  - {{counts: {{tenure: {{owned: 2500, rented: {rented}, free: {free}}}}}}}
  - {{mean: hours, where: works, value: 33.4}}
rules:
  - {{never: works and age < 15}}
"""
BELIEVED = Prior(
    dependencies=[
        Dependency(given="age", of="works", rows=[[10, 90], [75, 25], [12, 88]], confidence=0.8),
        Dependency(given="age", of="tenure", rows=[[60, 35, 5], [60, 33, 7], [80, 15, 5]], confidence=0.6),
    ]
)


def problem(young: int = 800, old: int = 800, rented: int = 1300, free: int = 200) -> Problem:
    return compile_problem(parse_spec(SPEC.format(young=young, old=old, rented=rented, free=free)))


@pytest.fixture(scope="module")
def first() -> Model:
    model = fit(problem(), BELIEVED, pool_size=6_000)
    assert model.status is Status.CONVERGED
    return model


@pytest.mark.slow
def test_the_same_fit_from_its_own_candidates_is_the_same_at_once(first: Model) -> None:
    again = fit(first.problem, BELIEVED, like=first)
    assert again.recipe.drawn_for is first.recipe
    assert again.status is Status.CONVERGED
    assert len(again.history) < len(first.history)
    np.testing.assert_allclose(again.weights, first.weights, atol=1e-8)


@pytest.mark.slow
def test_other_numbers_in_the_same_tables_are_met_by_the_same_candidates(first: Model) -> None:
    scenario = problem(young=700, old=900)
    again = fit(scenario, BELIEVED, like=first)
    assert again.recipe.drawn_for is first.recipe
    found = sample(again)
    assert measure(found.problem, found.chunks()).met
    anew = fit(scenario, BELIEVED, pool_size=6_000)
    assert anew.recipe.drawn_for is None
    for table, other in zip(again.tables, anew.tables, strict=True):
        assert table.strain == pytest.approx(other.strain, abs=0.01)


def test_weights_over_other_beliefs_are_those_of_fresh_candidates(first: Model) -> None:
    """Weighed for the other beliefs and not pulled by them: two shares of the base measure, one exact and one re-weighed."""
    other = problem(young=600, old=1000, rented=1200, free=300)
    again = fit(other, Prior(), like=first)
    pool = again.pool
    share = np.bincount(pool.units.columns()[2], np.exp(pool.log_base), 3)
    np.testing.assert_allclose(share, np.array([2500, 1200, 300]) / 4000, atol=0.015)


@pytest.mark.slow
def test_a_model_of_others_candidates_is_read_again(first: Model) -> None:
    again = fit(problem(young=700, old=900), BELIEVED, like=first)
    read = Model.from_json(again.to_json())
    assert read.to_json() == again.to_json()
    np.testing.assert_array_equal(read.weights, again.weights)
    once_more = fit(problem(young=750, old=850), BELIEVED, like=read)
    assert once_more.recipe.drawn_for is read.recipe.drawn_for


@pytest.mark.parametrize(
    ("other", "rules"),
    [
        (problem(), [RuleBelief(never="tenure = 'free' and works")]),
        (problem(rented=100, free=1400), []),
    ],
    ids=["another rule", "too few that count"],
)
def test_candidates_that_will_not_do_are_drawn_anew(first: Model, other: Problem, rules: list[RuleBelief]) -> None:
    again = fit(other, BELIEVED.model_copy(update={"rules": rules}), like=first)
    assert again.recipe.drawn_for is None
    assert again.status is Status.CONVERGED


@pytest.mark.slow
def test_cells_that_had_to_be_empty_are_not_opened() -> None:
    closed = fit(problem(rented=1500, free=0), BELIEVED, pool_size=6_000)
    again = fit(problem(), BELIEVED, like=closed)
    assert again.recipe.drawn_for is None
    assert again.status is Status.CONVERGED
    fewer = fit(problem(rented=1500, free=0), BELIEVED, like=fit(problem(), BELIEVED, pool_size=6_000))
    assert fewer.recipe.drawn_for is not None
    assert measure(sample(fewer).problem, sample(fewer).chunks()).met


@pytest.mark.slow
def test_handed_candidates_are_weighed_as_they_were_handed(first: Model) -> None:
    handed = fit(first.problem, BELIEVED, handed=(first.pool.units, first.pool.log_base))
    assert fit(replace(first.problem), BELIEVED, like=handed).recipe.drawn_for is None
