"""A few units with their members, drawn at random, for people to look at: what no table of figures shows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import polars as pl

from synthor.measure import Records
from synthor.schema import Level, Schema, Variable

MOST_MEMBERS = 15
"""Members of one kind that are shown of a unit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MembersView:
    """The members of one kind of a unit.

    Attributes:
        name: of their level.
        columns: what they have: their variables, then kinds of members of their own; each with whether it holds numbers.
        rows: (members, columns) as texts.
        more: how many are not shown.
    """

    name: str
    columns: tuple[tuple[str, bool], ...]
    rows: tuple[tuple[str, ...], ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class UnitView:
    """One unit.

    Attributes:
        name: what it is, with its key.
        values: of its variables, by name.
        members: by kind.
    """

    name: str
    values: tuple[tuple[str, str], ...]
    members: tuple[MembersView, ...]


def view_units(records: Records, schema: Schema) -> tuple[UnitView, ...]:
    """The units of some records, each with its members; none where units have no members.

    Args:
        records: one table a level, with keys.
        schema: of the levels.
    """
    return tuple(_units(records, schema)) if records else ()


def _units(records: Records, schema: Schema) -> Iterator[UnitView]:
    unit = schema.unit
    for row in records[unit.name].iter_rows(named=True):
        yield UnitView(
            name=f"{unit.name} {row[unit.key]}",
            values=tuple((variable.name, as_shown(row[variable.name], variable)) for variable in unit.variables),
            members=tuple(_members(level, unit, row[unit.key], records, schema) for level in _below(unit, schema)),
        )


def _members(level: Level, above: Level, key: object, records: Records, schema: Schema) -> MembersView:
    below = _below(level, schema)
    found = records[level.name].filter(pl.col(above.key) == key)
    rows = [
        (
            *(as_shown(row[variable.name], variable) for variable in level.variables),
            *(_told(one, level, row[level.key], records, schema) for one in below),
        )
        for row in found.head(MOST_MEMBERS).iter_rows(named=True)
    ]
    return MembersView(
        name=level.name,
        columns=(*((variable.name, variable.numeric) for variable in level.variables), *((one.name, False) for one in below)),
        rows=tuple(rows),
        more=max(found.height - MOST_MEMBERS, 0),
    )


def _told(level: Level, above: Level, key: object, records: Records, schema: Schema) -> str:
    """Members of members, in one line."""
    found = _members(level, above, key, records, schema)
    more = (f"{found.more} more",) if found.more else ()
    return "; ".join((*(", ".join(row) for row in found.rows), *more)) or "–"


def _below(level: Level, schema: Schema) -> Sequence[Level]:
    return [one for one in schema if one.parent == level.name]


def as_shown(value: object, variable: Variable) -> str:
    """A value of a record as people read it: yes and no as labels have them, numbers with the decimals that they have."""
    if value is None:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.{variable.decimals}f}" if isinstance(value, float) else str(value)
