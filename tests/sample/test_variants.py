"""Units with one value changed, or two: these alone, what follows computed anew, and no rule broken."""

import numpy as np
import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import Model, fit
from synthor.problem.following import derived
from synthor.sample.variants import varied
from synthor.schema import Ref, Units
from synthor.types import Counts
from synthor.values import possible

SPEC = """
unit: household
records: 60
variables:
  tenure: {type: category, values: [owned, rented]}
  children: {from: "count(person, age < 18)", bins: [0, 1, 2]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1}
    variables:
      role: {type: category, values: [head, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      work: {type: category, values: [no, yes]}
targets:
  - {rows: person, count: 150}
  - {rows: person, counts: {work: {no: 80, yes: 70}}}
  - {rows: person, counts: {age: {0-17: 30, 18-64: 90, 65+: 30}}}
  - {counts: {tenure: {owned: 30, rented: 30}}}
rules:
  - {never: "head.age < 18"}
  - {never: "age < 18 and work = 'yes'"}
"""


@pytest.fixture(scope="module")
def model() -> Model:
    return fit(compile_problem(parse_spec(SPEC)), Prior(), pool_size=2_000)


@pytest.mark.slow
def test_variants_differ_in_one_value_or_two_of_a_row_and_in_what_follows_from_it(model: Model) -> None:
    problem, units = model.problem, model.pool.units
    counts = np.zeros(len(units), np.int64)
    counts[::20] = 1
    found, source = varied(problem, units, counts, np.random.default_rng(0))
    assert len(found) == len(source) > 100
    assert set(source.tolist()) <= set(np.flatnonzero(counts).tolist())
    kept_all = np.flatnonzero(sizes(found) == sizes(units.take(source)))
    found, before = found.take(kept_all), units.take(source[kept_all])
    own = (np.stack(found.columns(), axis=1) != np.stack(before.columns(), axis=1)).astype(int)
    own[:, problem.schema.unit.position("children")] = 0  # follows
    persons = np.stack(found.columns(1), axis=1) != np.stack(before.columns(1), axis=1)
    changes = own.sum(axis=1) + np.bincount(found.above(0, 1), persons.sum(axis=1), len(found))
    assert set(changes.tolist()) == {0, 1, 2}
    assert (np.bincount(found.above(0, 1), persons.any(axis=1), len(found)) + own.any(axis=1) <= 1).all()
    assert not persons[:, problem.schema.levels[1].position("role")].any()
    fine = problem.schema.refine(found)
    assert possible(problem.refined, fine).all()
    again = derived(problem.follows, problem.schema.refined, fine)
    assert (again.column(Ref(0, 1)) == fine.column(Ref(0, 1))).all()
    assert {0, 1, 2} == set(found.column(Ref(1, 1)).tolist())


def sizes(units: Units) -> Counts:
    return np.bincount(units.above(0, 1), minlength=len(units))


@pytest.mark.slow
def test_members_come_and_leave_one_at_a_time_mostly_where_others_like_them_stay(model: Model) -> None:
    problem, units = model.problem, model.pool.units
    found, source = varied(problem, units, (np.arange(len(units)) % 5 == 0).astype(np.int64), np.random.default_rng(0))
    before = units.take(source)
    change = sizes(found) - sizes(before)
    assert set(change.tolist()) == {-1, 0, 1}
    role = Ref(1, problem.schema.levels[1].position("role"))
    others, others_before = (np.bincount(of.above(0, 1), of.column(role) == 1, len(of)) for of in (found, before))
    assert (others - others_before == change).all()  # heads stay one a household
    assert 0.7 < (others[change == -1] >= 1).mean() < 1  # the only other one leaves more seldom
    assert (others_before[change == 1] >= 1).mean() > 0.7
    assert sizes(found).max() == 6
    of_two, of_one = sizes(before) == 2, sizes(before) == 1
    assert (change[of_two] == -1).any()  # who could make one of two else?
    assert (change[of_one] == 1).any()
    assert possible(problem.refined, problem.schema.refine(found)).all()


def test_members_without_roles_come_and_leave_within_their_numbers() -> None:
    orders = """
unit: order
records: 20
variables: {country: {type: category, values: [uk, other]}}
members:
  line: {number: {min: 2, max: 4}, variables: {product: {type: category, values: [bag, mug, card]}}}
targets:
  - {counts: {country: {uk: 10, other: 10}}}
  - {rows: line, counts: {product: {bag: 20, mug: 20, card: 20}}}
"""
    model = fit(compile_problem(parse_spec(orders)), Prior(), pool_size=500)
    units = model.pool.units
    found, source = varied(model.problem, units, np.ones(len(units), np.int64), np.random.default_rng(0))
    change = sizes(found) - sizes(units.take(source))
    assert set(change.tolist()) == {-1, 0, 1}
    assert set(sizes(found).tolist()) == {2, 3, 4}


@pytest.mark.slow
def test_units_none_of_which_has_members_vary_in_their_own_values() -> None:
    empty = SPEC.replace("number: {min: 1, max: 6}", "number: {min: 0, max: 6}").replace("    roles: {head: 1}\n", "")
    empty = empty.replace('  - {never: "head.age < 18"}\n', "")
    model = fit(compile_problem(parse_spec(empty)), Prior(), pool_size=2_000)
    units = model.pool.units
    alone = np.flatnonzero(np.bincount(units.above(0, 1), minlength=len(units)) == 0)[:20]
    assert len(alone)
    counts = np.zeros(len(units), np.int64)
    counts[alone] = 1
    found, source = varied(model.problem, units, counts, np.random.default_rng(0))
    assert found.n_rows(1) == 0
    assert set(source.tolist()) <= set(alone.tolist())


def test_flat_variants_are_new_and_each_is_there_once() -> None:
    flat = """
records: 40
variables: {a: {type: category, values: [x, y, z]}, b: {type: integer, min: 0, max: 9, bins: [0, 5]}}
targets: [{counts: {a: {x: 10, y: 10, z: 20}}}, {counts: {b: {0-4: 20, 5-9: 20}}}]
rules: [{never: "a = 'x' and b > 7"}]
"""
    model = fit(compile_problem(parse_spec(flat)), Prior())
    units = model.pool.units
    found, _ = varied(model.problem, units.take(np.array([0])), np.array([1]), np.random.default_rng(0))
    assert len(found) == len(found.distinct())
    assert len(found.unlike(units.take(np.array([0])))) == len(found)
