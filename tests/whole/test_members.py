"""Units with members from targets to records: candidates handed in, tables, beliefs and rules at every level."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from members import SCHEMA, TABLES, drawn, pool, rule, target, town
from synthor import InputError, compile_problem, parse_spec
from synthor.fit.model import Model, fit
from synthor.fit.status import Status
from synthor.measure import measure
from synthor.prior.model import Dependency, Prior
from synthor.problem import Target
from synthor.sample.stream import sample
from synthor.schema import Units
from synthor.types import Floats


@pytest.fixture(scope="module")
def fitted() -> Model:
    return fit(town(), Prior(), handed=(pool(3_000, 1), None))


@pytest.fixture(scope="module")
def records(fitted: Model) -> dict[str, pl.DataFrame]:
    return drawn(fitted)


@pytest.mark.slow
def test_tables_of_three_levels_and_between_them_are_met_together(fitted: Model, records: dict[str, pl.DataFrame]) -> None:
    assert fitted.status is Status.CONVERGED
    found = measure(fitted.problem, records)
    assert found.met, found.verdict
    assert found.n_records == 300


@pytest.mark.slow
def test_rows_have_keys_of_their_own_and_their_parents_over_all_chunks(records: dict[str, pl.DataFrame]) -> None:
    homes, persons, trips = (records[level.name] for level in SCHEMA)
    assert homes.columns == ["household_id", "tenure", "income"]
    assert persons.columns == ["person_id", "household_id", "age", "sex"]
    assert trips.columns == ["trip_id", "person_id", "mode"]
    for table, key in ((homes, "household_id"), (persons, "person_id"), (trips, "trip_id")):
        assert table[key].to_list() == list(range(table.height))
    assert set(persons["household_id"]) == set(homes["household_id"])
    assert set(trips["person_id"]) <= set(persons["person_id"])


@pytest.mark.slow
def test_rules_on_rows_and_on_what_stands_above_them_are_kept() -> None:
    rules = (
        rule("age < 18 and mode = 'car'", 2),
        rule("tenure = 'owned' and income < 20", 0),
        rule("age < 10 and income > 60", 1),
    )
    tables = (target("tenure", 0, (0, 0)), target("age by tenure", 1, (1, 0), (0, 0)))
    problem = town(tables, rules)
    model = fit(problem, Prior(), handed=(pool(6_000, 2), None))
    assert model.pool.acceptance < 0.7  # many households have a child in a car, or break another rule
    records = drawn(model)
    found = measure(problem, records)
    assert found.met, found.verdict
    trips = records["trip"].join(records["person"], on="person_id")
    assert not trips.filter((pl.col("age") < 18) & (pl.col("mode") == "car")).height
    persons = records["person"].join(records["household"], on="household_id")
    assert not persons.filter((pl.col("age") < 10) & (pl.col("income") > 60)).height
    broken = records["trip"].with_columns(pl.lit("car", dtype=records["trip"]["mode"].dtype).alias("mode"))
    told = measure(problem, {**records, "trip": broken})
    assert told.violations["age < 18 and mode = 'car'"] == trips.filter(pl.col("age") < 18).height > 0


def shares(model: Model, table: Target) -> Floats:
    """What a model says of a table's cells, as shares of its rows."""
    got = table.cells(model.pool.units).totals(model.weights)
    return got / got.sum()


@pytest.mark.slow
def test_a_belief_about_rows_goes_with_their_margins() -> None:
    age, sex, both = target("age", 1, (1, 0)), target("sex", 1, (1, 1)), target("age by sex", 1, (1, 0), (1, 1))
    problem = town((target("tenure", 0, (0, 0)), age, sex))
    rows = [[90.0, 10.0], [50.0, 50.0], [10.0, 90.0]]
    believed = Prior(dependencies=[Dependency(given="age", of="sex", rows=rows, confidence=0.95)])
    plain, told = (fit(problem, prior, handed=(pool(4_000, 3), None)) for prior in (Prior(), believed))
    (table,) = told.beliefs.tables
    assert (table.level, table.conditional) == (1, False)
    assert told.status is Status.CONVERGED
    np.testing.assert_allclose(shares(told, age), shares(plain, age), atol=1e-6)  # margins are facts
    near, far = (np.abs(shares(model, both) - table.grouped.ravel()).sum() for model in (told, plain))
    assert near < 0.1 * far
    assert [pull.name for pull in told.tables] == ["sex given age"]
    assert told.tables[0].strain < 0.01
    assert measure(problem, drawn(told)).met


def test_a_belief_between_levels_whose_rows_nobody_counts_is_believed_row_by_row() -> None:
    problem = town((target("tenure", 0, (0, 0)), target("income", 0, (0, 1))))
    rows = [[70.0, 20.0, 10.0], [5.0, 15.0, 80.0]]
    believed = Prior(dependencies=[Dependency(given="tenure", of="mode", rows=rows, confidence=0.95)])
    model = fit(problem, believed, handed=(pool(4_000, 4), None))
    (table,) = model.beliefs.tables
    assert (table.level, table.conditional) == (2, True)
    got = table.cells(model.pool.units).totals(model.weights).reshape(2, 3)
    np.testing.assert_allclose(got / got.sum(axis=1, keepdims=True), table.rows, atol=0.02)
    assert model.tables[0].strain < 0.01


@pytest.mark.parametrize("confidence", [0.5, 0.99])
def test_a_relation_table_with_equal_rows_changes_no_count_of_rows(confidence: float) -> None:
    """It says that two things have nothing to do with each other: nothing about how many rows there are."""
    problem = town((target("tenure", 0, (0, 0)),))
    candidates = pool(3_000, 5)
    even = [[100 / 3] * 3] * 2
    plain = fit(problem, Prior(), handed=(candidates, None))
    told = fit(
        problem,
        Prior(dependencies=[Dependency(given="sex", of="mode", rows=even, confidence=confidence)]),
        handed=(candidates, None),
    )
    assert told.beliefs.tables[0].conditional

    def rows(model: Model, level: int) -> float:
        size = np.zeros(model.pool.units.n_rows(level), np.int64)
        return float(model.pool.units.counted(level, size, 1).totals(model.weights)[0])

    assert rows(told, 1) == pytest.approx(rows(plain, 1), rel=2e-3)
    assert rows(told, 2) == pytest.approx(rows(plain, 2), rel=2e-3)


def test_strain_and_support_know_the_deeper_levels() -> None:
    skewed = replace(TABLES[3], wanted=np.array([900.0, 50.0, 50.0]))
    problem = replace(town(), targets=(TABLES[0].scaled(0), skewed))
    problem = replace(problem, targets=(replace(town().targets[0]), skewed))
    model = fit(problem, Prior(), handed=(pool(3_000, 6), None))
    assert model.targets[1].strain > 0.3  # a third of the trips was believed of each mode
    assert model.targets[1].cell.startswith("mode = walk")
    assert model.targets[1].support > 0


@pytest.mark.long
def test_tables_that_contradict_each_other_at_two_levels_are_named() -> None:
    problem = town((TABLES[1], TABLES[2]))
    more = replace(problem.targets[1], wanted=problem.targets[1].wanted * 1.5)
    model = fit(replace(problem, targets=(problem.targets[0], more)), Prior(), handed=(pool(3_000, 7), None))
    assert model.status is not Status.CONVERGED
    assert {clash.target for clash in model.clashes} == {"age by sex", "age by tenure"}


def test_candidates_that_were_handed_in_must_be_handed_in_again() -> None:
    problem = town()
    model = fit(problem, Prior(), handed=(pool(300, 8), None))
    with pytest.raises(InputError, match="handed in"):
        _ = replace(model, recipe=replace(model.recipe, made=None)).pool


@pytest.mark.slow
def test_flat_candidates_that_were_handed_in_and_do_not_meet_their_tables_are_drawn_all_the_same() -> None:
    text = "{records: 10, variables: {a: {type: boolean}, b: {type: boolean}}, targets: [%s]}"
    tables = "{counts: {a: {yes: 5, no: 5}}}, {counts: {b: {yes: 3, no: 7}}}"
    problem = compile_problem(parse_spec(text % tables))
    alike = Units.flat(np.array([[0, 0], [1, 1]], np.int32))
    records = sample(fit(problem, Prior(), handed=(alike, None))).chunk(0)["records"]
    assert records.height == 10


FAMILIES = """
unit: home
records: 120
variables:
  tenure: {type: category, values: [owned, rented]}
members:
  family:
    number: {min: 1, max: 2}
    variables:
      kind: {type: category, values: [couple, lone]}
    members:
      person:
        number: {min: 1, max: 6}
        role: role
        roles: {head: 1, partner: {max: 1}}
        pairs: {couple: [head, partner]}
        variables:
          role: {type: category, values: [head, partner, child]}
          age: {type: integer, min: 0, max: 99, bins: [0, 18, 40, 65]}
  car:
    number: {max: 3}
    role: use
    roles: {main: {max: 1}}
    variables:
      use: {type: category, values: [main, other]}
      fuel: {type: category, values: [petrol, electric]}
targets:
  - {counts: {tenure: {owned: 70, rented: 50}}}
  - {counts: {kind: {couple: 80, lone: 60}}}
  - {counts: {role: {head: 140, partner: 80, child: 120}}}
  - {counts: {age: {0-17: 110, 18-39: 90, 40-64: 90, 65-99: 50}}}
  - {pairs: couple, table: [{head.age: 18-39, partner.age: 18-39, count: 30}, {head.age: 40-64, partner.age: 40-64, count: 30},
      {head.age: 65-99, partner.age: 65-99, count: 20}]}
  - {counts: {use: {main: 75, other: 25}}}
  - {counts: {fuel: {petrol: 80, electric: 20}}}
rules:
  - never: child.age > head.age - 15
  - never: kind = 'lone' and count(partner) > 0
  - never: kind = 'couple' and count(partner) < 1
"""


@pytest.mark.slow
def test_roles_have_numbers_at_any_level_and_at_several() -> None:
    """Heads and partners of families, which are members of homes themselves; beside them cars, of which one is the main one."""
    problem = compile_problem(parse_spec(FAMILIES))
    model = fit(problem, Prior())
    assert model.status is Status.CONVERGED
    records = drawn(model)
    assert measure(problem, records).met
    family, person, car = (records[name] for name in ("family", "person", "car"))
    heads, partners = (
        person.filter(pl.col("role") == role)["family_id"].value_counts()["count"].to_list() for role in ("head", "partner")
    )
    assert (len(heads), set(heads), len(partners), set(partners)) == (family.height, {1}, 80, {1})
    with_partner = person.filter(pl.col("role") == "partner")["family_id"]
    assert set(family.filter(pl.col("kind") == "couple")["family_id"]) == set(with_partner)
    main = car.filter(pl.col("use") == "main")["home_id"].value_counts()["count"].to_list()
    assert (len(main), set(main)) == (75, {1})
