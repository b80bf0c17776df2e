"""A made-up town of households with persons and their trips, for tests of all that goes by levels."""

from dataclasses import replace

import numpy as np
import polars as pl

from chunks import chunked
from synthor import parse_spec
from synthor.fit.model import Model
from synthor.problem import Axis, Count, Problem, Target, TargetGrid
from synthor.problem.model import Rule
from synthor.rules.parse import parse_predicate
from synthor.sample.stream import sample
from synthor.schema import Level, Ref, Rows, Schema, Units, Variable
from synthor.spec.variables import Category, Integer
from synthor.types import Codes, Floats

TENURE = Category(type="category", values=["owned", "rented"]).build("tenure")
INCOME = Integer(type="integer", min=0, max=99, bins=[0, 20, 50]).build("income")
AGE = Integer(type="integer", min=0, max=99, bins=[0, 18, 65]).build("age")
SEX = Category(type="category", values=["f", "m"]).build("sex")
MODE = Category(type="category", values=["walk", "car", "bus"]).build("mode")
SCHEMA = Schema(
    levels=(
        Level(name="household", variables=(TENURE, INCOME)),
        Level(name="person", variables=(AGE, SEX), parent="household"),
        Level(name="trip", variables=(MODE,), parent="person", ordered=True),
    )
)
SPEC = parse_spec("{records: 300, variables: {tenure: {type: category, values: [owned, rented]}}}")


def pool(n: int, seed: int) -> Units:
    """Households with one to four persons of up to three trips each, all at random."""
    random = np.random.default_rng(seed)
    persons = np.repeat(np.arange(n), random.integers(1, 5, n))
    trips = np.repeat(np.arange(len(persons)), random.integers(0, 4, len(persons)))

    def drawn(rows: int, *variables: Variable) -> Codes:
        return np.stack([random.integers(0, variable.size, rows) for variable in variables], axis=1).astype(np.int32)

    return Units(
        row_tables=(
            Rows(codes=drawn(n, TENURE, INCOME)),
            Rows(codes=drawn(len(persons), AGE, SEX), parent=persons),
            Rows(codes=drawn(len(trips), MODE), parent=trips, above=1),
        )
    )


def target(name: str, level: int, *refs: tuple[int, int], wanted: Floats | None = None, schema: Schema = SCHEMA) -> Target:
    """A table of rows of a level by some columns, each of that level or of one above it."""
    axes = []
    for at, position in refs:
        variable = schema.levels[at].variables[position]
        own = np.arange(variable.size, dtype=np.int32)
        axes.append(Axis(position=position, ref=Ref(at, position), variable=variable, labels=variable.labels, group_of=own))
    grid = TargetGrid(axes=tuple(axes))
    return Target(
        name=name, level=level, grid=grid, statistic=Count(), wanted=np.zeros(grid.size) if wanted is None else wanted
    )


TABLES = (
    target("tenure", 0, (0, 0)),
    target("age by sex", 1, (1, 0), (1, 1)),
    target("age by tenure", 1, (1, 0), (0, 0)),
    target("mode", 2, (2, 0)),
    target("mode by sex", 2, (2, 0), (1, 1)),
)


def town(tables: tuple[Target, ...] = TABLES, rules: tuple[Rule, ...] = (), n: int = 300) -> Problem:
    """Tables counted from other households than the candidates, twice as many owners as tenants among them."""
    real = pool(3 * n, 99)
    owned = np.flatnonzero(real.column(Ref(0, 0)) == 0)[: 2 * n // 3]
    rented = np.flatnonzero(real.column(Ref(0, 0)) == 1)[: n - len(owned)]
    lived = real.take(np.concatenate([owned, rented]))
    counted = tuple(replace(one, wanted=one.cells(lived).totals(np.ones(n))) for one in tables)
    return Problem(spec=SPEC, n_units=n, schema=SCHEMA, targets=counted, rules=rules)


def drawn(model: Model) -> dict[str, pl.DataFrame]:
    """All records of a model, the chunks put together."""
    made = chunked(sample(model), 130)
    chunks = list(made.chunks())
    return {name: pl.concat([chunk[name] for chunk in chunks]) for name in chunks[0]}


def rule(text: str, level: int) -> Rule:
    seen = {variable.name: variable for variable in SCHEMA.seen_from(level).unit.variables}
    return Rule(text=text, why="", predicate=parse_predicate(text, seen), level=level)
