"""Rules that look at other rows: roles, the row beside, any and all rows below; on categories and on values."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from synthor import parse_spec
from synthor.fit.model import fit
from synthor.measure import measure
from synthor.prior.model import Dependency, Prior
from synthor.problem import Axis, Count, Problem, Target, TargetGrid
from synthor.problem.model import Rule
from synthor.rules.lifting import parse_lifted
from synthor.rules.parse import PredicateError
from synthor.sample.stream import sample
from synthor.schema import Level, Ref, Role, Rows, Schema, Units
from synthor.schema.kinds import Category, Integer
from synthor.types import Floats
from synthor.values import possible

KIN = Category(type="category", values=["head", "partner", "child"]).build("kin")
AGE = Integer(type="integer", min=0, max=99, bins=[0, 15, 25, 65]).build("age")
SEX = Category(type="category", values=["f", "m"]).build("sex")
TENURE = Category(type="category", values=["owned", "rented"]).build("tenure")
PLACES = ["home", "work", "shop"]
FROM = Category(type="category", values=PLACES).build("origin")
TO = Category(type="category", values=PLACES).build("destination")
SCHEMA = Schema(
    levels=(
        Level(name="household", variables=(TENURE,)),
        Level(
            name="person",
            variables=(KIN, AGE, SEX),
            parent="household",
            role="kin",
            roles={"head": 1, "partner": 1, "child": None},
        ),
        Level(name="trip", variables=(FROM, TO), parent="person", ordered=True),
    )
)
SPEC = parse_spec("{records: 4, variables: {tenure: {type: category, values: [owned, rented]}}}")


Home = list[tuple[str, int, str, list[tuple[str, str]]]]
"""Persons of a household: kin, bin of age, sex, and trips from one place to another."""


def units(*homes: Home) -> Units:
    """Households from their persons."""
    persons = [(h, one) for h, home in enumerate(homes) for one in home]
    trips = [(p, trip) for p, (_, one) in enumerate(persons) for trip in one[3]]
    return Units(
        row_tables=(
            Rows(codes=np.zeros((len(homes), 1), np.int32)),
            Rows(
                codes=np.array([[KIN.code(k), a, SEX.code(s)] for _, (k, a, s, _) in persons], np.int32).reshape(-1, 3),
                parent=np.array([h for h, _ in persons], np.int64),
            ),
            Rows(
                codes=np.array([[FROM.code(a), TO.code(b)] for _, (a, b) in trips], np.int32).reshape(-1, 2),
                parent=np.array([p for p, _ in trips], np.int64),
                above=1,
            ),
        )
    )


def allowed(text: str, some: Units) -> list[bool]:
    """Which units a rule leaves, by their categories."""
    problem = Problem(spec=SPEC, n_units=len(some), schema=SCHEMA, targets=(), rules=(Rule.of(text, SCHEMA),))
    return possible(problem, some).tolist()


ALONE: Home = [("head", 2, "f", [])]
WITH_PARTNER: Home = [("head", 2, "f", []), ("partner", 2, "m", [])]
ALIKE: Home = [("head", 2, "m", []), ("partner", 2, "m", [])]
BABY: Home = [("head", 2, "f", []), ("child", 0, "m", [])]
OLD_CHILD: Home = [("head", 1, "f", []), ("child", 3, "m", [])]
CHILDREN: Home = [("child", 0, "f", []), ("child", 0, "m", [])]


@pytest.mark.parametrize(
    ("text", "homes", "left"),
    [
        ("head.age < 15", [ALONE, [("head", 0, "f", [])]], [True, False]),
        ("partner.sex = head.sex", [ALONE, WITH_PARTNER, ALIKE], [True, True, False]),
        ("partner.sex <> head.sex", [ALONE, WITH_PARTNER, ALIKE], [True, False, True]),
        ("child.sex = head.sex", [ALONE, BABY, [("head", 2, "m", []), ("child", 0, "m", [])]], [True, True, False]),
        ("partner.sex = head.tenure", None, None),
        ("partner.sex = 'm' and head.sex = 'm'", [ALONE, WITH_PARTNER, ALIKE], [True, True, False]),
        ("partner.sex <> 'f'", [ALONE, WITH_PARTNER], [True, False]),  # who is not there breaks nothing
        ("child.age > head.age", [ALONE, BABY, OLD_CHILD], [True, True, False]),
        ("child.age > 20 and tenure = 'owned'", [ALONE, BABY, OLD_CHILD], [True, True, False]),
        ("not any(person, age >= 15)", [ALONE, CHILDREN], [True, False]),
        ("all(person, age < 15)", [ALONE, BABY, CHILDREN], [True, True, False]),
        ("any(person, sex = 'm') and any(person, sex = 'f')", [ALONE, WITH_PARTNER], [True, False]),
        (
            "next(trip).origin <> 'work' and trip.destination = 'work'",
            [
                [("head", 2, "f", [("home", "work"), ("work", "home")])],
                [("head", 2, "f", [("home", "work"), ("shop", "home")])],
                [("head", 2, "f", [("home", "work")])],  # no next trip
                [("head", 2, "f", [("home", "work")]), ("child", 0, "m", [("shop", "home")])],  # not of the same person
            ],
            [True, False, True, True],
        ),
        (
            "person.age < 15 and any(trip, destination = 'work')",
            [[("child", 0, "f", [("home", "work")])], ALONE],
            [False, True],
        ),
        ("any(person, any(trip, destination = 'shop'))", [[("head", 2, "f", [("home", "shop")])], ALONE], [False, True]),
        ("any(trip, destination = 'shop')", [[("head", 2, "f", [("home", "shop")])], ALONE], [False, True]),
    ],
)
def test_what_rules_leave(text: str, homes: list[Home] | None, left: list[bool]) -> None:
    if homes is None:
        with pytest.raises(PredicateError):
            parse_lifted(text, SCHEMA)
    else:
        assert allowed(text, units(*homes)) == left


def test_where_values_decide_a_rule_is_open() -> None:
    """Both are 15 to 24 years old: who is older is not known of their categories."""
    young: Home = [("head", 1, "f", []), ("child", 1, "m", [])]
    assert allowed("child.age > head.age", units(young)) == [True]
    assert allowed("child.age >= 15 and head.age < 25", units(young)) == [False]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("uncle.age > 3", "no level and no role is called 'uncle'"),
        ("head.weight > 3", "'person' has no variable 'weight'"),
        ("next(person).age > 3", "rows of 'person' have no order"),
        ("any(household, tenure = 'owned')", "'household' does not stand below 'household'"),
        ("tenure = 'owned' and any(person, trip.origin = 'home')", "not seen from 'person'"),
        ("count(person, age) > 3", "'age' alone is no condition"),
        ("any(person)", "does not say what 'person' is to be"),
    ],
)
def test_what_cannot_be_said_is_refused_in_words(text: str, said: str) -> None:
    with pytest.raises(PredicateError, match=said):
        parse_lifted(text, SCHEMA)


@pytest.mark.slow
def test_values_of_members_keep_rules_that_look_at_each_other() -> None:
    """Heads and children of the same broad ages: values are drawn until each child is younger by a year or more."""
    random = np.random.default_rng(0)
    homes: list[Home] = []
    for _ in range(400):
        home: Home = [("head", int(random.integers(1, 4)), "fm"[random.integers(2)], [])]
        home += [("child", int(random.integers(0, 3)), "f", []) for _ in range(int(random.integers(0, 3)))]
        homes.append(home)
    some = units(*homes)
    rules = (Rule.of("child.age >= head.age", SCHEMA), Rule.of("not any(person, age >= 18)", SCHEMA))
    axis = Axis(position=0, ref=Ref(1, 0), variable=KIN, labels=KIN.labels, group_of=np.arange(3, dtype=np.int32))
    wanted = np.array([100.0, 0.0, 90.0])
    table = Target(name="kin", level=1, grid=TargetGrid(axes=(axis,)), statistic=Count(), wanted=wanted)
    problem = Problem(spec=SPEC, n_units=100, schema=SCHEMA, targets=(table,), rules=rules)
    model = fit(problem, Prior(), handed=(some, None))
    records = sample(model).chunk(0)
    found = measure(problem, records)
    assert found.met, found.verdict
    persons = records["person"]
    heads = persons.filter(pl.col("kin") == "head").select("household_id", head_age="age")
    children = persons.filter(pl.col("kin") == "child").join(heads, on="household_id")
    assert children.height == 90
    assert (children["age"] < children["head_age"]).all()
    assert persons.group_by("household_id").agg(pl.col("age").max())["age"].min() >= 18  # type: ignore[operator]
    older = persons.with_columns(pl.when(pl.col("kin") == "child").then(99).otherwise(pl.col("age")).alias("age"))
    assert measure(problem, {**records, "person": older}).violations["child.age >= head.age"] == 90


def axis(position: int, ref: Ref) -> Axis:
    variable = SCHEMA.variable(Ref(ref.level, ref.column))
    own = np.arange(variable.size, dtype=np.int32)
    return Axis(position=position, ref=ref, variable=variable, labels=variable.labels, group_of=own)


@pytest.mark.slow
def test_tables_of_couples_and_of_parents_with_children_are_met_with_those_of_persons() -> None:
    """A couple is a household as its head and partner see it; who has no partner counts in no cell of couples."""
    random = np.random.default_rng(1)
    homes: list[Home] = []
    for _ in range(900):
        home: Home = [("head", int(random.integers(1, 4)), "fm"[random.integers(2)], [])]
        home += [("partner", int(random.integers(1, 4)), "fm"[random.integers(2)], [])] * int(random.integers(2))
        home += [("child", int(random.integers(0, 3)), "f", []) for _ in range(int(random.integers(0, 3)))]
        homes.append(home)
    real, pool = units(*homes[:60]), units(*homes[60:])
    head, partner = Ref(1, 1, role=Role(0, 0)), Ref(1, 1, role=Role(0, 1))
    tables = {
        "couples": (0, (axis(1, head), axis(1, partner))),
        "persons": (1, (axis(0, Ref(1, 0)), axis(1, Ref(1, 1)))),
        "heads of persons": (1, (axis(1, head), axis(0, Ref(1, 0)))),
    }
    targets = []
    for name, (level, axes) in tables.items():
        grid = TargetGrid(axes=axes)
        empty = Target(name=name, level=level, grid=grid, statistic=Count(), wanted=np.zeros(grid.size))
        targets.append(replace(empty, wanted=empty.cells(real).totals(np.ones(60))))
    assert targets[0].wanted.sum() == (real.column(Ref(1, 0)) == 1).sum() < 60
    assert not targets[0].complete
    problem = Problem(spec=SPEC, n_units=60, schema=SCHEMA, targets=tuple(targets), rules=())
    model = fit(problem, Prior(), handed=(pool, None))
    found = measure(problem, sample(model).chunk(0))
    assert found.met, found.verdict


@pytest.mark.slow
def test_a_belief_about_couples_says_nothing_of_how_many_there_are() -> None:
    """That partners are of one age is believed of couples, of whom tables tell the number; equal rows need no such table."""
    random = np.random.default_rng(2)
    homes: list[Home] = []
    for _ in range(2_000):
        home: Home = [("head", int(random.integers(0, 4)), "fm"[random.integers(2)], [])]
        homes.append(home + [("partner", int(random.integers(0, 4)), "fm"[random.integers(2)], [])] * int(random.integers(2)))
    pool = units(*homes)
    grid = TargetGrid(axes=(axis(0, Ref(1, 0)),))
    kin = Target(name="kin", level=1, grid=grid, statistic=Count(), wanted=np.array([1_000.0, 400.0, 0.0]))
    alike, even = [(np.eye(4) * 85 + 5).tolist(), np.full((4, 4), 25.0).tolist()]

    def couples(rows: list[list[float]], targets: tuple[Target, ...]) -> Floats:
        problem = Problem(spec=SPEC, n_units=1_000, schema=SCHEMA, targets=targets, rules=())
        believed = Dependency(given="head.age", of="partner.age", rows=rows, confidence=0.9)
        model = fit(problem, Prior(dependencies=[believed]), handed=(pool, None))
        (table,) = model.beliefs.tables
        assert (table.name, table.level, table.conditional) == ("partner.age given head.age", 0, True)
        return table.cells(pool).totals(model.weights).reshape(4, 4)

    n_couples = float((pool.column(Ref(1, 0)) == 1).mean() * pool.n_rows(1) / len(pool))
    assert couples(even, ()).sum() == pytest.approx(n_couples, rel=0.01)
    told = couples(alike, (kin,))
    assert told.sum() == pytest.approx(0.4, abs=1e-4)
    assert np.diag(told).sum() / told.sum() > 0.8
