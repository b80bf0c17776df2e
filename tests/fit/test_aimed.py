"""Candidates with members are drawn where a fit wants them: weights come out even, and beliefs as they are believed."""

import json
from collections.abc import Sequence

import numpy as np
import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.aimed import aimed_pool
from synthor.fit.balance import Hard, Soft, balance
from synthor.fit.model import Model, fit
from synthor.fit.nested import template_of
from synthor.fit.status import Status
from synthor.fit.structure import Structure
from synthor.fit.supplied import supplied
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, Marginal
from synthor.prior.template import draw, prepared
from synthor.problem import Problem
from synthor.problem.following import derived
from synthor.schema import Incidence, Partition, Ref, Role, Schema, Units, of_unit
from synthor.types import Floats
from synthor.values import possible

AGES = ["0-17", "18-34", "35-64", "65+"]
SPEC = {
    "unit": "household",
    "records": 800,
    "random_seed": 5,
    "variables": {
        "size": {"from": "count(person)", "bins": [1, 2, 3, 4]},
        "workers": {"from": "count(person, work = 'yes')", "bins": [0, 1, 2]},
        "children": {"from": "count(person, age < 18)", "bins": [0, 1, 2]},
        "head_age": {"from": "head.age", "bins": [18, 35, 65]},
        "partner_age": {"from": "partner.age", "bins": [18, 35, 65]},
        "tenure": {"type": "category", "values": ["owned", "rented"]},
    },
    "members": {
        "person": {
            "number": {"min": 1, "max": 8},
            "role": "role",
            "roles": {"head": 1, "partner": {"max": 1}},
            "variables": {
                "role": {"type": "category", "values": ["head", "partner", "child"]},
                "age": {"type": "integer", "min": 0, "max": 99, "bins": [0, 18, 35, 65]},
                "work": {"type": "category", "values": ["no", "yes"]},
            },
        }
    },
}
TABLES = (
    ("household", ("size", "tenure")),
    ("household", ("workers", "tenure", "children")),
    ("household", ("head_age", "partner_age")),
    ("person", ("role", "age")),
    ("person", ("age", "work")),
    ("person", ("age", "tenure")),
)
BELIEVED = (
    *((0, one, other) for one, other in (("head_age", "tenure"), ("workers", "head_age"), ("children", "head_age"))),
    *((0, one, other) for one, other in (("size", "workers"), ("size", "head_age"), ("children", "partner_age"))),
    *((1, one, other) for one, other in (("role", "work"), ("size", "work"), ("children", "age"), ("head_age", "age"))),
)
"""The level whose rows are counted, and two variables that these see."""


def town(n: int) -> list[tuple[str, list[tuple[str, int, str]]]]:
    """Made-up households: tenure, and persons by role, age and work. Couples are of an age, the old own, parents work less."""
    random, found = np.random.default_rng(n), []
    for _ in range(n):
        old, together = random.random() < 0.3, random.random() < 0.55
        age = int(random.integers(65, 90) if old else random.integers(20, 64))
        ages = [("head", age)] + [("partner", int(np.clip(age + random.normal(0, 3), 18, 95)))] * together
        n_children = 0 if old else int(random.integers(0, 4) * (random.random() < (0.6 if together else 0.2)))
        ages += [("child", int(random.integers(0, 18))) for _ in range(n_children)]
        chance = {True: 0.02, False: 0.85 - 0.1 * n_children}
        persons = [(role, a, "yes" if a >= 18 and random.random() < chance[a >= 65] else "no") for role, a in ages]
        found.append(("owned" if random.random() < (0.75 if old else 0.2 + 0.15 * n_children) else "rented", persons))
    return found


HOMES = town(800)


def band(age: int) -> str:
    return AGES[int(np.searchsorted([18, 35, 65], age, side="right"))]


def seen(home: tuple[str, list[tuple[str, int, str]]]) -> dict[str, str]:
    """What a household has in each of its variables."""
    tenure, persons = home
    n_workers, n_children = sum(work == "yes" for _, _, work in persons), sum(age < 18 for _, age, _ in persons)
    partner = [band(age) for role, age, _ in persons if role == "partner"]
    return {
        "size": "4+" if len(persons) >= 4 else str(len(persons)),
        "workers": "2+" if n_workers >= 2 else str(n_workers),
        "children": "2+" if n_children >= 2 else str(n_children),
        "head_age": band(persons[0][1]),
        "partner_age": partner[0] if partner else "none",
        "tenure": tenure,
    }


def rows_of(level: str) -> list[dict[str, str]]:
    if level == "household":
        return [seen(home) for home in HOMES]
    return [seen(home) | {"role": r, "age": band(a), "work": w} for home in HOMES for r, a, w in home[1]]


def counted(level: str, names: Sequence[str]) -> list[dict[str, object]]:
    found: dict[tuple[str, ...], int] = {}
    for row in rows_of(level):
        found[tuple(row[name] for name in names)] = found.get(tuple(row[name] for name in names), 0) + 1
    return [dict(zip(names, cell, strict=True)) | {"count": count} for cell, count in sorted(found.items())]


def spec() -> str:
    targets: list[dict[str, object]] = [{"rows": "person", "count": len(rows_of("person"))}]
    for level, names in TABLES:
        targets.append({"table": counted(level, names)} | ({"rows": "person"} if level == "person" else {}))
    return json.dumps(SPEC | {"targets": targets})


def where(schema: Schema, level: int, name: str) -> Ref:
    at = level if name in schema.levels[level].names else 0
    return Ref(at, schema.levels[at].position(name))


def of_town(schema: Schema, level: int, given: str, of: str) -> Floats:
    """A table of the town, by the categories of two variables."""
    labels = [schema.variable(where(schema, level, name)).labels for name in (given, of)]
    found = np.zeros([len(one) for one in labels])
    for row in rows_of(schema.levels[level].name):
        found[labels[0].index(row[given]), labels[1].index(row[of])] += 1
    return found


@pytest.fixture(scope="module")
def believing() -> Model:
    problem = compile_problem(parse_spec(spec()))
    told = []
    for level, given, of in BELIEVED:
        table = of_town(problem.schema, level, given, of) + 1e-9
        percent = 100 * table / table.sum(axis=1, keepdims=True)
        told.append(Dependency(given=given, of=of, rows=percent.tolist(), confidence=0.7))
    return fit(problem, Prior(dependencies=told))


@pytest.mark.slow
def test_tables_of_what_follows_and_ten_believed_ones_leave_most_candidates_some_weight(believing: Model) -> None:
    assert believing.status is Status.CONVERGED
    assert believing.effective_sample_size > 0.2 * believing.n_candidates  # a template of tables alone left one in 40
    schema, units = believing.problem.schema, believing.pool.units
    for level, given, of in BELIEVED:
        wanted = of_town(schema, level, given, of)
        refs = [where(schema, level, name) for name in (given, of)]
        index = np.ravel_multi_index([units.column(ref, level) for ref in refs], wanted.shape)
        got = np.bincount(index, believing.weights[units.above(0, level)], wanted.size).reshape(wanted.shape)
        apart = np.abs(got / got.sum() - wanted / wanted.sum()).sum() / 2
        assert apart < 0.02, (given, of)


@pytest.mark.slow
def test_a_model_file_draws_the_same_candidates_again(believing: Model) -> None:
    again = Model.from_json(believing.to_json())
    assert again.pool.units.sha256 == believing.pool.units.sha256
    assert np.allclose(again.weights, believing.weights, rtol=1e-6, atol=1e-12)


@pytest.mark.slow
def test_what_nobody_says_anything_of_stays_as_even_as_it_was(believing: Model) -> None:
    """Learning from weights must not make up what is neither known nor believed: work and tenure of persons of one age."""
    plain = fit(believing.problem, Prior())
    units, weights = plain.pool.units, plain.weights
    schema = believing.problem.schema
    columns = [units.column(where(schema, 1, name), 1) for name in ("role", "age", "work")]
    person = weights[units.above(0, 1)]
    for age in (1, 2):  # role and work are known by age alone, so that they go together by age and by nothing else
        some = columns[1] == age
        table = np.bincount(columns[0][some] * 2 + columns[2][some], person[some], 6).reshape(3, 2)
        working = table[:2, 1] / table[:2].sum(axis=1)
        assert abs(working[0] - working[1]) < 0.15


def test_a_believed_cell_that_a_target_contradicts_gives_way() -> None:
    cells = Partition(np.array([0, 1]), 2)
    target = Hard.exactly(cells, np.array([0.999, 0.001]))
    even = np.array([0.5, 0.5])
    rigid = balance(np.zeros(2), [target], [Soft(cells=cells, shares=even, weight=23.0)])
    giving = balance(np.zeros(2), [target], [Soft(cells=cells, shares=even, weight=23.0, give=30.0)])
    assert rigid.status is giving.status is Status.CONVERGED
    assert rigid.soft[0][1] > 10_000
    assert giving.soft[0][1] < 23 + 30
    assert giving.weights == pytest.approx([0.999, 0.001])


@pytest.mark.slow
def test_the_pull_of_a_believed_cell_that_cannot_be_is_bounded(believing: Model) -> None:
    met = [table.strength / believing.beliefs.base_strength for table in believing.beliefs.joint]
    pulls = [float(phi.max(initial=0.0)) for phi in believing.recipe.phis]
    assert max(pull / one for pull, one in zip(pulls, met, strict=True)) < 3


@pytest.mark.slow
def test_candidates_that_do_are_left_as_they_are() -> None:
    """One table of persons, as the template has it: nothing is learned, and the first candidates are the last."""
    alone = SPEC | {"targets": [{"table": counted("person", ("role", "age")), "rows": "person"}]}
    problem = compile_problem(parse_spec(json.dumps(alone)))
    maker = prepared(template_of(problem, resolve(Prior(), problem)))
    first = draw(maker, size=2_000, random_seed=5, allows=lambda units: possible(problem.refined, units))
    model = fit(problem, Prior(), pool_size=2_000)
    assert model.pool.units.sha256 == problem.schema.coarsen(first.units).sha256


@pytest.mark.slow
def test_a_count_that_no_weights_can_change_adds_nothing_to_be_found() -> None:
    """Each household has one head: a multiplier of that count would grow without end on what rounding leaves."""
    roles = {row["role"]: row["count"] for row in counted("person", ("role",))}
    targets = [{"rows": "person", "counts": {"role": roles}}, {"counts": {"tenure": {"owned": 300, "rented": 500}}}]
    model = fit(compile_problem(parse_spec(json.dumps(SPEC | {"targets": targets}))), Prior(), pool_size=2_000)
    assert model.status is Status.CONVERGED
    assert max(float(np.abs(theta).max()) for theta in model.recipe.thetas) < 100


def test_a_count_that_no_weights_can_change_and_is_wanted_otherwise_is_infeasible() -> None:
    rows = np.array([0, 1, 2, 2])
    heads = Incidence.of(np.ones(4), rows, np.array([0, 0, 0, 1]), (3, 2))
    met = balance(np.zeros(3), [Hard.exactly(heads, np.array([1.0, 0.5]))])
    assert met.status is Status.CONVERGED
    assert met.hard[0][0] == 0.0
    off = balance(np.zeros(3), [Hard.exactly(heads, np.array([0.9, 0.5]))])
    assert off.status is Status.INFEASIBLE


@pytest.mark.slow
def test_a_cell_that_no_candidate_falls_into_gets_some_that_miss_it_by_one_value() -> None:
    """One person under 18 at work, of 46,000: not drawn, but a table that counts it has candidates for it."""
    spec = SPEC | {
        "records": 20_000,
        "rules": [{"never": "head.age < 18"}, {"never": "partner.age < 18"}],
        "targets": [
            {"rows": "person", "counts": {"role": {"head": 20_000, "partner": 11_000, "child": 15_000}}},
            {"table": [{"age": "0-17", "work": "no", "count": 14_999}, {"age": "0-17", "work": "yes", "count": 1},
                       {"age": "18-34", "work": "no", "count": 3_000}, {"age": "18-34", "work": "yes", "count": 8_000},
                       {"age": "35-64", "work": "no", "count": 3_000}, {"age": "35-64", "work": "yes", "count": 9_000},
                       {"age": "65+", "work": "no", "count": 7_998}, {"age": "65+", "work": "yes", "count": 2}]},
        ],
    }  # fmt: skip
    problem = compile_problem(parse_spec(json.dumps(spec)))
    fine, lacking = template_units(problem, 1_500)
    assert lacking
    made = supplied(problem, fine, 0)
    assert made is not None
    coarse = problem.schema.coarsen(made)
    for t, cell in lacking:
        assert problem.counts[t].cells(coarse).matrix()[:, [cell]].sum() > 0
    assert possible(problem.refined, made).all()
    again = derived(problem.follows, problem.schema.refined, made)
    assert all((again.column(of_unit(c)) == made.column(of_unit(c))).all() for c in range(len(problem.schema.unit.variables)))
    model = fit(problem, Prior(), pool_size=1_500)
    assert not model.lacking
    assert Model.from_json(model.to_json()).pool.units.sha256 == model.pool.units.sha256


@pytest.mark.slow
def test_the_few_units_that_leave_room_for_a_rare_member_are_found_among_many() -> None:
    """A child of 65 or more needs a head of 81: of 3,000 households with children two have one who may be."""
    ages = [("child", 14_990, 10), ("head", 15_000, 5_000), ("partner", 9_000, 2_000)]
    bands = ("0-64", "65+")
    table = [{"role": role, "age": band, "count": n} for role, *each in ages for band, n in zip(bands, each, strict=True)]
    rules = [{"never": "head.age < 18"}, {"never": "child.age > head.age - 16"}]
    spec = SPEC | {"records": 20_000, "rules": rules, "targets": [{"table": table}]}
    problem = compile_problem(parse_spec(json.dumps(spec)))
    fine, _ = template_units(problem, 6_000)
    head, child = Ref(1, 1, role=Role(0, 0)), Ref(1, 0)
    children = np.bincount(fine.above(0, 1), fine.column(child, 1) == 2, len(fine))
    old = fine.column(head, 0) == problem.schema.refined.levels[1].variables[1].size - 1
    few = np.flatnonzero((children > 0) & old)[:2]
    rest = np.flatnonzero((children > 0) & ~old)[:3_000]
    held = fine.take(np.sort(np.concatenate([few, rest])))
    target = problem.counts[-1]
    (cell,) = (i for i in range(target.grid.size) if target.labels(i) == {"role": "child", "age": "65+"})
    made = supplied(problem, held, 0)
    assert made is not None
    assert target.cells(problem.schema.coarsen(made)).matrix()[:, [cell]].sum() > 0
    assert possible(problem.refined, made).all()


@pytest.mark.slow
def test_shares_of_a_part_have_candidates_in_bins_that_hardly_anybody_is_drawn_in() -> None:
    """Of 40 old persons two have no income at all: one value of 150,000."""
    income = {"type": "number", "min": 0, "max": 150_000, "decimals": 0, "bins": [0, 1, 20_000, 40_000]}
    age = {"type": "integer", "min": 0, "max": 99, "bins": [0, 18, 65]}
    shares = {"income": {"0": 5, "1-19999": 75, "20000-39999": 15, "40000+": 5}}
    spec = {
        "unit": "household",
        "records": 100,
        "variables": {"tenure": {"type": "category", "values": ["owned", "rented"]}},
        "members": {"person": {"number": {"min": 1, "max": 4}, "variables": {"age": age, "income": income}}},
        "targets": [
            {"counts": {"age": {"0-17": 50, "18-64": 120, "65+": 40}}},
            {"where": "age >= 65", "shares": shares, "tolerance": {"points": 1}},
        ],
    }
    model = fit(compile_problem(parse_spec(json.dumps(spec))), Prior(), pool_size=3_000)
    assert model.status is Status.CONVERGED


@pytest.mark.slow
def test_a_believed_table_of_all_persons_by_size_leaves_children_as_old_as_they_are() -> None:
    """Whoever lives alone is old, and is nobody's child: that says nothing of how old children are in larger households."""
    size, own = [[2.0, 10, 40, 48], [12, 28, 40, 20], [30, 30, 30, 10], [40, 28, 28, 4]], [55.0, 28, 16, 1]
    prior = Prior(
        dependencies=[Dependency(given="size", of="age", rows=size, confidence=0.9)],
        marginals=[Marginal(of="child.age", percent=own)],
    )
    targets = [{"rows": "person", "counts": {"role": {"head": 800, "partner": 500, "child": 700}}}]
    targets += [{"counts": {"size": {"1": 240, "2": 240, "3": 160, "4+": 160}}}]
    problem = compile_problem(parse_spec(json.dumps(SPEC | {"targets": targets, "rules": [{"never": "head.age < 18"}]})))
    maker = prepared(template_of(problem, resolve(prior, problem)))
    drawn = draw(maker, size=4_000, random_seed=2, allows=lambda units: possible(problem.refined, units))
    weights = np.exp(drawn.log_weight)[drawn.units.above(0, 1)]
    children = drawn.units.column(Ref(1, 0), 1) == 2
    ages = drawn.units.column(Ref(1, 1), 1)
    found = np.bincount(ages[children], weights[children], 4) / weights[children].sum()
    np.testing.assert_allclose(found, np.array(own) / 100, atol=0.06)


def template_units(problem: Problem, n: int) -> tuple[Units, tuple[tuple[int, int], ...]]:
    """Units drawn from the template alone, and the cells that none of them falls into."""
    maker = prepared(template_of(problem, resolve(Prior(), problem)))
    units = draw(maker, size=n, random_seed=5, allows=lambda units: possible(problem.refined, units)).units
    coarse = problem.schema.coarsen(units)
    held = [target.cells(coarse).totals(np.ones(len(coarse))) for target in problem.counts]
    return units, tuple(
        (t, int(cell))
        for t, (target, got) in enumerate(zip(problem.counts, held, strict=True))
        for cell in np.flatnonzero((got == 0) & (target.wanted > 0))
    )


@pytest.mark.long
def test_beliefs_that_are_all_wrong_leave_candidates_that_meet_the_targets() -> None:
    """Each table is told of other labels than it is true of, and with certainty."""
    problem = compile_problem(parse_spec(spec()))
    told = []
    for level, given, of in BELIEVED:
        wrong = np.roll(of_town(problem.schema, level, given, of), 1, axis=1) + 0.5
        told.append(Dependency(of=of, given=given, rows=(wrong / wrong.sum(axis=1, keepdims=True)).tolist(), confidence=0.99))
    beliefs = resolve(Prior(dependencies=told), problem)
    pool = aimed_pool(problem, beliefs, size=4_000, random_seed=5)
    targets = Structure(pool).hard(problem, beliefs)[: len(problem.targets)]
    assert balance(pool.log_base, targets).status is Status.CONVERGED


def test_a_mean_far_from_all_that_candidates_have_is_come_to_step_by_step() -> None:
    """Kilometres are even from 0 to 80 where no table tells: of six persons no household has a mean near 1."""
    problem = compile_problem(
        parse_spec("""
unit: household
records: 100
variables: {tenure: {type: category, values: [owned, rented]}}
members:
  person:
    number: 6
    variables: {km: {type: number, min: 0, max: 80, bins: [0, 3, 10]}, mode: {type: category, values: [car, bus]}}
targets:
  - {counts: {tenure: {owned: 40, rented: 60}}}
  - {counts: {mode: {car: 250, bus: 350}}}
  - {mean: km, by: [mode], table: [{mode: car, mean: 0.7}, {mode: bus, mean: 0.9}]}
""")
    )
    assert fit(problem, Prior(), pool_size=1_000).status is Status.CONVERGED


@pytest.mark.parametrize("size", ["count(person)", "persons"])
def test_what_rules_say_of_how_many_there_are_is_known_before_anybody_is_drawn(size: str) -> None:
    problem = compile_problem(
        parse_spec(f"""
unit: household
records: 200
variables:
  kind: {{type: category, values: [private, care home]}}
  persons: {{from: count(person), bins: [1, 2, 3, 6, 11]}}
members:
  person:
    number: {{min: 1, max: 30}}
    variables: {{age: {{type: integer, min: 0, max: 105, bins: [0, 18, 65]}}}}
targets:
  - {{counts: {{kind: {{private: 190, care home: 10}}}}}}
  - {{counts: {{persons: {{"1": 70, "2": 60, "3-5": 60, "6-10": 5, "11+": 5}}}}}}
  - {{counts: {{age: {{0-17: 100, 18-64: 260, 65+: 140}}}}}}
rules:
  - {{never: "kind = 'private' and {size} > 7"}}
  - {{never: "kind = 'care home' and {size} < 8"}}
  - {{never: "kind = 'care home' and age < 18"}}
""")
    )
    maker = prepared(template_of(problem, resolve(Prior(), problem)))
    drawn = draw(maker, size=2_000, random_seed=5, allows=lambda units: possible(problem.refined, units))
    assert drawn.kept.sum() == drawn.tried.sum()
    homes, sizes = drawn.units.column(of_unit(0)) == 1, np.bincount(drawn.units.above(0, 1))
    assert 0.03 < homes.mean() < 0.07
    assert sizes[homes].min() >= 8
    assert (sizes[homes] > 10).mean() > 0.2
