"""Before any fit, households are drawn as tables of roles, rules about partners and tables of children say."""

from collections.abc import Sequence

import numpy as np
import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import fit
from synthor.fit.nested import template_of
from synthor.fit.status import Status
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, RuleBelief
from synthor.prior.template import draw, prepared
from synthor.problem import Problem
from synthor.problem.following import derived
from synthor.schema import Ref, Units
from synthor.types import Floats
from synthor.values import possible

SPEC = """
unit: household
records: 400
random_seed: 3
variables:
  size: {from: count(person), bins: [1, 2, 3, 4]}
  head_age: {from: head.age, bins: [18, 30, 50, 70]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 10, 18, 30, 50, 70]}
      marital: {type: category, values: [single, married, widowed]}
targets:
  - {counts: {size: {1: 100, 2: 140, 3: 80, 4+: 80}}}
  - {counts: {head_age: {18-29: 80, 30-49: 120, 50-69: 120, 70+: 80}}}
  - {rows: person, counts: {role: {head: 400, partner: 200, child: 380}}}
rules:
  - {never: "role <> 'child' and age < 18"}
  - {never: "role = 'partner' and marital <> 'married'"}
  - {never: "role = 'partner' and head.marital <> 'married'"}
"""
MARITAL: list[list[float]] = [[20, 55, 25], [0.1, 99.8, 0.1], [97, 2, 1]]
AGE: list[list[float]] = [[0.1, 0.1, 20, 30, 30, 19.8], [0.1, 0.1, 20, 33, 33, 13.8], [45, 35, 15, 4, 0.9, 0.1]]
WITH_WHOM: list[list[float]] = [[50, 10, 40], [35, 15, 50], [45, 40, 15], [55, 44, 1]]
YOUNG = [1.0] * 6
CHILD_AGE: list[list[float]] = [YOUNG] * 2 + [
    [94, 5, 0.7, 0.1, 0.1, 0.1],
    [50, 40, 9.8, 0.1, 0.1, 0],
    [2, 18, 60, 20, 0, 0],
    [0, 0, 10, 60, 30, 0],
]


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(SPEC))


def believed(*tables: tuple[str, str, Sequence[Sequence[float]]]) -> Prior:
    told = [Dependency(of=of, given=given, rows=[list(row) for row in rows], confidence=0.9) for of, given, rows in tables]
    return Prior(dependencies=told)


def drawn(problem: Problem, prior: Prior) -> tuple[Units, Floats]:
    """Units of the template, in the spec's bins, and their shares."""
    found = draw(prepared(template_of(problem, resolve(prior, problem))), size=6_000, random_seed=1)
    return problem.schema.coarsen(found.units), np.exp(found.log_weight)


def shares(problem: Problem, units: Units, weights: Floats, *names: str) -> Floats:
    """A table of the rows that see all of some columns."""
    refs = [problem.schema.resolve_among(name) for name in names]
    level = problem.schema.shared_level([ref for ref in refs if ref is not None])
    assert level is not None
    columns = [units.column(ref, level) for ref in refs if ref is not None]
    there = np.logical_and.reduce([column >= 0 for column in columns])
    shape = [problem.schema.variable(ref).size for ref in refs if ref is not None]
    cells = np.ravel_multi_index([column[there] for column in columns], shape)
    found = np.bincount(cells, weights[units.above(0, level)][there], int(np.prod(shape))).reshape(shape)
    return np.asarray(found / found.sum())


@pytest.mark.slow
def test_a_rule_about_partners_leaves_the_share_of_widowed_heads_to_those_without_one(problem: Problem) -> None:
    units, weights = drawn(problem, believed(("marital", "role", MARITAL), ("age", "role", AGE)))
    heads = shares(problem, units, weights, "head.marital")
    np.testing.assert_allclose(heads, [0.20, 0.55, 0.25], atol=0.03)
    ages = shares(problem, units, weights, "child.age")
    np.testing.assert_allclose(ages[:2], [0.45, 0.35], atol=0.04)


@pytest.mark.slow
def test_who_lives_with_whom_hangs_on_the_age_of_the_head_which_is_the_heads(problem: Problem) -> None:
    units, weights = drawn(problem, believed(("role", "head_age", WITH_WHOM), ("age", "role", AGE)))
    assert (shares(problem, units, weights, "head_age", "head.age")[:, 2:] > 0).tolist() == np.eye(4, dtype=bool).tolist()
    rows = shares(problem, units, weights, "head_age", "role")
    _, partners, children = (rows / rows.sum(axis=1, keepdims=True)).T
    assert partners[3] > 2 * partners[1]
    assert children[1] > 1.4 * children[3]
    assert shares(problem, units, weights, "head_age") == pytest.approx([0.2, 0.3, 0.3, 0.2], abs=0.03)


@pytest.mark.slow
def test_a_child_is_as_old_as_is_believed_of_children_by_the_age_of_the_head(problem: Problem) -> None:
    prior = believed(("child.age", "head.age", CHILD_AGE), ("age", "role", AGE))
    assert not resolve(prior, problem).dropped
    units, weights = drawn(problem, prior)
    rows = shares(problem, units, weights, "head.age", "child.age")
    given = rows[2:] / rows[2:].sum(axis=1, keepdims=True)
    told = np.array(CHILD_AGE[2:], np.float64)
    told /= told.sum(axis=1, keepdims=True)
    assert np.abs(given - told).sum(axis=1).max() / 2 < 0.2
    model = fit(problem, prior)
    assert model.status is Status.CONVERGED
    table = next(table for table in model.beliefs.tables if table.name == "child.age given head.age")
    assert table.conditional  # nothing tells how many children there are of heads of some age
    got = table.cells(model.pool.units).totals(model.weights).reshape(6, 6)[2:]
    assert np.abs(got / got.sum(axis=1, keepdims=True) - told).sum(axis=1).max() / 2 < 0.1


@pytest.mark.slow
def test_a_row_without_the_role_sees_nothing_of_it(problem: Problem) -> None:
    ref = problem.schema.resolve_among("child.age")
    assert ref is not None
    assert problem.schema.resolve("child.age") is None  # of several there is not one
    assert problem.schema.resolve_among("head.age") == problem.schema.resolve("head.age")
    units, _ = drawn(problem, Prior())
    seen, role = units.column(ref), units.column(Ref(1, 0))
    assert ((seen >= 0) == (role == 2)).all()


@pytest.mark.slow
def test_a_head_younger_than_any_category_of_heads_is_not_possible(problem: Problem) -> None:
    units, _ = drawn(problem, Prior())
    fine = problem.schema.refine(units)
    assert possible(problem.refined, fine).all()
    heads = np.flatnonzero(fine.column(Ref(1, 0)) == 0)[::7]
    younger = derived(problem.follows, problem.refined.schema, fine.replace(Ref(1, 1), heads, np.zeros(len(heads), np.int32)))
    assert (younger.column(Ref(0, 1)) < 0).sum() == len(heads)
    changed = np.zeros(len(units), bool)
    changed[fine.above(0, 1)[heads]] = True
    assert (possible(problem.refined, younger) == ~changed).all()


@pytest.mark.slow
def test_a_believed_cell_that_a_rule_empties_gives_way(problem: Problem) -> None:
    alone = Prior(
        dependencies=[Dependency(given="size", of="head_age", rows=[[25, 25, 25, 25]] * 4, confidence=0.6)],
        rules=[RuleBelief(never="size = '4+' and head_age >= 70")],
    )
    model = fit(problem, alone)
    assert model.status is Status.CONVERGED
    table = model.beliefs.tables[0]
    assert not table.conditional
    got = table.cells(model.pool.units).totals(model.weights).reshape(4, 4)
    assert got[3, 3] == 0
    assert model.tables[0].strain > 0


@pytest.mark.slow
def test_couples_are_drawn_as_a_table_of_his_and_her_ages_has_them() -> None:
    ages, names = ["18-29", "30-49", "50-69", "70+"], ("male.age", "female.age")
    apart = {("18-29", "18-29"): 40, ("30-49", "18-29"): 30, ("30-49", "30-49"): 50, ("50-69", "50-69"): 50, ("70+", "70+"): 20}
    cells = [dict(zip(names, (his, hers), strict=True)) | {"count": apart.get((his, hers), 0)} for his in ages for hers in ages]
    text = SPEC.replace(
        "    variables:\n      role",
        "    pairs: {couple: {roles: [head, partner], ordered: by sex}}\n    variables:\n      role",
    )
    text = text.replace("      marital", "      sex: {type: category, values: [male, female]}\n      marital")
    ordered = compile_problem(parse_spec(text.replace("rules:", f"  - {{pairs: couple, table: {cells}}}\nrules:")))
    told = shares(ordered, *drawn(ordered, Prior()), "head.age", "partner.age")[2:, 2:]
    rows = told / told.sum(axis=1, keepdims=True)
    assert rows[2, 2] > 0.8  # both are 50 to 69, whoever is the head
    assert rows[3, 3] > 0.8
    assert (
        abs(rows[1, 0] - 30 / 130) < 0.08
    )  # a head of 30 to 49 is he or she: of 80 such men and 50 such women 30 men have a younger wife
    assert rows[1, 2] < 0.05
