"""How many members there are: inside an open category as the template has them, and rarely many of a rare role."""

import numpy as np
import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import fit
from synthor.fit.nested import template_of
from synthor.fit.numbers_inside import numbers_inside
from synthor.fit.status import Status
from synthor.prior.beliefs import resolve

TOWN = """
unit: household
records: 2000
variables: {size: {from: count(person), bins: [1, 2, 3]}, tenure: {type: category, values: [owned, rented]}}
members:
  person:
    number: {min: 1, max: 14}
    variables:
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 60]}
      work: {type: category, values: [works, does not]}
targets:
  - {counts: {size: {1: 600, 2: 600, 3+: 800}}}
  - {counts: {tenure: {owned: 1000, rented: 1000}}}
  - {rows: person, counts: {age: {0-17: 1500, 18-59: 2500, 60+: 1000}}}
  - {rows: person, counts: {work: {works: 2500, does not: 2500}}}
"""
TIES = [
    {"given": "tenure", "of": "age", "rows": [[5, 15, 80], [60, 38, 2]], "confidence": 0.95},
    {"given": "tenure", "of": "work", "rows": [[95, 5], [5, 95]], "confidence": 0.95},
]


@pytest.mark.slow
def test_units_of_many_members_are_as_rare_as_the_template_has_them_under_beliefs_about_members() -> None:
    problem = compile_problem(parse_spec(TOWN))
    model = fit(problem, Prior.model_validate({"dependencies": TIES}))
    assert model.status is Status.CONVERGED
    number = model.pool.units.numbers[:, 1]
    among = np.bincount(number, model.weights, 15)[3:] / model.weights[number >= 3].sum()
    halved = 0.5 ** np.arange(1, 13)  # 3,200 members of 800 units that have 3 at least: each number half as often as the last
    np.testing.assert_allclose(among, halved, atol=0.01)


def test_only_variables_that_count_all_members_and_leave_their_number_open_are_held() -> None:
    problem = compile_problem(parse_spec(TOWN))
    units = fit(problem, Prior()).pool.units
    (found,) = numbers_inside(problem, units)
    assert (found.counts.level, found.counts.below, found.shape[0]) == (0, 1, 1)
    counted = found.cells(units).totals(np.ones(len(units)))
    assert counted[:3].sum() == 0
    assert counted.sum() == (units.numbers[:, 1] >= 3).sum()
    every = (
        TOWN.replace("bins: [1, 2, 3]", "bins: [1, 2, 3, 4]").replace("max: 14", "max: 4").replace("3+: 800", "3: 0, 4: 800")
    )
    whole = compile_problem(parse_spec(every))
    assert not list(numbers_inside(whole, fit(whole, Prior()).pool.units))


LODGINGS = """
unit: household
records: 1000
variables: {lodgers: {from: count(lodger), bins: [0, 1, 5]}}
members:
  person:
    number: {min: 1, max: 12}
    role: role
    roles: {head: 1, lodger: {max: 11}}
    variables: {role: {type: category, values: [head, lodger]}}
targets:
  - {rows: person, counts: {role: {head: 1000, lodger: 30}}}
"""


def test_a_house_full_of_members_with_a_rare_role_is_rarer_than_one_of_few() -> None:
    problem = compile_problem(parse_spec(LODGINGS))
    model = fit(problem, Prior())
    assert model.status is Status.CONVERGED
    lodgers = model.pool.units.numbers[:, 1] - 1
    among = np.bincount(lodgers, model.weights, 12)[1:] / model.weights[lodgers > 0].sum()
    assert among[4:].sum() < 0.05
    assert among[0] > 0.6
    assert among[1] > 0.15
    assert (np.diff(among[:6]) < 0).all()


def test_members_of_a_role_that_most_units_lack_come_in_clusters() -> None:
    """Of 1,000 units with 30 lodgers not 30 have one each, as chance would have it, whereas children come as they come."""
    schema = LODGINGS.replace("head, lodger]", "head, lodger, child]").replace("lodger: 30", "lodger: 30, child: 900")
    problem = compile_problem(parse_spec(schema))
    composition = template_of(problem, resolve(Prior(), problem)).composition
    assert composition is not None
    lodgers, children = (composition.roles[code].marginal for code in (1, 2))
    assert lodgers[2] / lodgers[1] == pytest.approx(0.3, abs=0.01)
    assert lodgers[3] / lodgers[2] == pytest.approx(0.4, abs=0.01)
    assert children[2] / children[1] == pytest.approx(0.45, abs=0.01)  # 0.9 / 2
    assert children[3] / children[2] == pytest.approx(0.3, abs=0.01)
