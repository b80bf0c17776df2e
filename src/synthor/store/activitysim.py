"""Records as models of activities read them: files named as PopulationSim names its own, keys and areas before the rest."""

from collections.abc import Mapping, Sequence

import polars as pl

from synthor.errors import Finding, InputError
from synthor.formulas import guard
from synthor.schema import Schema

HOUSEHOLD = "household"
PLURALS = {"household": "households", "person": "persons"}
"""What PopulationSim and ActivitySim call the tables of these; others have an s more."""
NUMBER = "per_num"
"""A person's number in the household, from 1."""


def synthetic_tables(tables: Mapping[str, pl.DataFrame], schema: Schema, areas: Sequence[str] = ()) -> dict[str, pl.DataFrame]:
    """The records of all levels, by the name of the file that PopulationSim would write.

    Keys come first, from 1 on, then the areas, also of persons, then all else as it is. Persons are numbered inside their
    household, in their order.

    Args:
        tables: the records, by level.
        schema: of them.
        areas: names of the columns of a household that say where it lies.

    Raises:
        InputError: the unit is no household.

    >>> from synthor import compile_problem, parse_spec
    >>> spec = parse_spec("{unit: household, records: 2, variables: {car: {type: boolean}}, zones: {key: TAZ, names: [7]},"
    ...     "targets: [{table: [{TAZ: 7, car: no, count: 2}]}]}")
    >>> made = pl.DataFrame({"car": [True, False], "TAZ": ["7", "7"]})
    >>> synthetic_tables({"household": made}, compile_problem(spec).schema, ["TAZ"])["synthetic_households.csv"].columns
    ['household_id', 'TAZ', 'car']
    """
    unit = schema.unit
    if unit.name != HOUSEHOLD:
        message = f"holds {unit.name}, and what is exported are households"
        cure = "say `unit: household` in the spec, and run it again"
        raise InputError([Finding(where="export", message=message, cure=cure)])
    tables = dict(tables)
    if unit.key not in tables[unit.name].columns:
        tables[unit.name] = tables[unit.name].with_row_index(unit.key, offset=1)
    found = _from_one(tables, schema)
    for level in schema.levels[1:]:
        own = found[level.name]
        if level.parent == unit.name:
            where = found[unit.name].select(unit.key, *(name for name in areas if name not in own.columns))
            own = own.join(where, on=unit.key, how="left", maintain_order="left")
            if level.name == "person" and NUMBER not in own.columns:
                own = own.with_columns(pl.int_range(1, pl.len() + 1).over(unit.key).alias(NUMBER))
        found[level.name] = own
    heads = [*(level.key for level in reversed(schema.levels)), *areas, NUMBER]
    return {
        f"synthetic_{PLURALS.get(name, f'{name}s')}.csv": table.select(
            *(head for head in heads if head in table.columns), pl.exclude(heads)
        )
        for name, table in found.items()
    }


def _from_one(tables: Mapping[str, pl.DataFrame], schema: Schema) -> dict[str, pl.DataFrame]:
    """The same records, the keys of each level from 1 on."""
    firsts = {level.key: tables[level.name].select(pl.col(level.key).cast(pl.Int64).min()).item() for level in schema.levels}
    return {
        name: table.with_columns(
            pl.col(key).cast(pl.Int64) + (1 - first)
            for key, first in firsts.items()
            if key in table.columns and first is not None
        )
        for name, table in tables.items()
    }


def synthetic_files(tables: Mapping[str, pl.DataFrame]) -> dict[str, str]:
    """The text of each file."""
    return {name: guard(table).write_csv() for name, table in tables.items()}
