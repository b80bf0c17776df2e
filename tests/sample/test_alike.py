"""Whole counts of units with members: exchanges of units that are nearly alike, and what must not change them."""

import numpy as np
import pytest

from chunks import scattered
from synthor import parse_spec
from synthor.fit.model import fit
from synthor.fit.status import Status
from synthor.prior.model import Prior
from synthor.problem import Axis, Count, Demanded, Problem, Target, TargetGrid
from synthor.sample.alike import exchange_alike
from synthor.sample.stream import sample
from synthor.schema import Level, Ref, Rows, Schema, Units
from synthor.schema.units import cells_of
from synthor.spec.variables import Category
from synthor.types import Counts


def category(name: str, size: int) -> Category:
    return Category(type="category", values=[f"{name[0]}{code}" for code in range(size)])


HOME = tuple(category(name, size).build(name) for name, size in (("type", 5), ("tenure", 3), ("income", 4), ("rooms", 6)))
PERSON = tuple(category(name, size).build(name) for name, size in (("age", 7), ("sex", 2), ("role", 4), ("work", 2)))
SCHEMA = Schema(levels=(Level(name="household", variables=HOME), Level(name="person", variables=PERSON, parent="household")))
TABLES = ((0, (0,)), (0, (1,)), (0, (2,)), (0, (3,)), (1, (0, 1)), (1, (2,)), (1, (3,)))
"""Levels and columns of seven tables: 40 cells."""


def homes(n: int, seed: int) -> Units:
    """Households of one to five persons; what they are hangs on their type, and a person's age on its role."""
    random = np.random.default_rng(seed)
    kind = random.integers(0, 5, n)
    columns = [kind, *((kind + random.integers(0, size.size, n)) % size.size for size in HOME[1:])]
    unit = np.repeat(np.arange(n), 1 + (kind + random.integers(0, 3, n)) % 5)
    role = random.integers(0, 4, len(unit))
    age = np.minimum(role + random.integers(0, 4, len(unit)), 6)
    persons = [age, random.integers(0, 2, len(unit)), role, (age + random.integers(0, 2, len(unit)) > 3).astype(int)]
    codes = [np.stack(rows, axis=1).astype(np.int32) for rows in (columns, persons)]
    return Units(row_tables=(Rows(codes=codes[0]), Rows(codes=codes[1], parent=unit)))


def counted(units: Units, counts: Counts) -> list[Counts]:
    """The seven tables of some households."""
    found = []
    for level, columns in TABLES:
        shape = [SCHEMA.levels[level].variables[column].size for column in columns]
        found.append(cells_of(units, level, columns, shape).totals(counts.astype(float)).astype(np.int64))
    return found


def zone(n: int, seed: int) -> Problem:
    """Tables counted from n households."""
    targets = []
    for (level, columns), wanted in zip(TABLES, counted(homes(n, seed), np.ones(n, np.int64)), strict=True):
        variables = [SCHEMA.levels[level].variables[column] for column in columns]
        grid = TargetGrid(
            axes=tuple(
                Axis(position=c, ref=Ref(level, c), variable=v, labels=v.labels, group_of=np.arange(v.size, dtype=np.int32))
                for c, v in zip(columns, variables, strict=True)
            )
        )
        name = " by ".join(variable.name for variable in variables)
        targets.append(Target(name=name, statistic=Count(), level=level, grid=grid, wanted=wanted.astype(float)))
    spec = parse_spec(f"{{records: {n}, random_seed: {seed}, variables: {{tenure: {{type: boolean}}}}}}")
    return Problem(spec=spec, n_units=n, schema=SCHEMA, targets=tuple(targets), rules=())


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.slow
def test_a_zone_of_50_households_with_40_cells_at_two_levels_is_exact(seed: int) -> None:
    problem = zone(50, seed)
    model = fit(problem, Prior(), handed=(homes(3_000, 90 + seed), None))
    made = scattered(sample(model))
    assert model.status is Status.CONVERGED
    assert made.counts.sum() == 50
    for target, got in zip(problem.targets, counted(made.distinct, made.counts), strict=True):
        assert got.tolist() == target.wanted.tolist(), target.name


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_counts_that_are_far_off_are_mended_by_units_that_are_nearly_alike(seed: int) -> None:
    units, random = homes(2_000, seed), np.random.default_rng(seed)
    wanted = counted(units, random.multinomial(200, np.full(2_000, 1 / 2_000)))
    shapes = [[SCHEMA.levels[level].variables[column].size for column in columns] for level, columns in TABLES]
    bands = [
        Demanded.between(cells_of(units, level, columns, shape), own.astype(float), own.astype(float))
        for (level, columns), shape, own in zip(TABLES, shapes, wanted, strict=True)
    ]
    weights = np.where(np.arange(2_000) < 1_500, 1 / 1_500, 0.0)
    others = random.multinomial(200, weights)
    before = sum(np.abs(got - own).sum() for got, own in zip(counted(units, others), wanted, strict=True))
    found, exchanged = exchange_alike(weights, others, bands, np.random.default_rng(seed))
    after = sum(np.abs(got - own).sum() for got, own in zip(counted(units, found), wanted, strict=True))
    assert before > 40
    assert after == 0
    assert 0 < exchanged == np.maximum(found - others, 0).sum()
    assert found.sum() == 200
    assert found.min() >= 0
    assert not found[1_500:].any()  # what weighs nothing never comes


@pytest.mark.slow
def test_members_in_another_order_change_no_count() -> None:
    units, problem = homes(1_500, 7), zone(60, 3)
    persons = units.row_tables[1]
    assert persons.parent is not None
    shuffled = np.lexsort((np.random.default_rng(0).random(len(persons.parent)), persons.parent))
    assert (shuffled != np.arange(len(shuffled))).mean() > 0.5
    other = Units(row_tables=(units.row_tables[0], Rows(codes=persons.codes[shuffled], parent=persons.parent)))
    one, two = (scattered(sample(fit(problem, Prior(), handed=(pool, None)))) for pool in (units, other))
    assert one.counts.tolist() == two.counts.tolist()
    assert [column.tolist() for column in one.distinct.columns()] == [column.tolist() for column in two.distinct.columns()]
