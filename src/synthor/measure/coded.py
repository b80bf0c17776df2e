"""Tables of records as units: values become categories, keys become rows that point at their parents."""

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.problem.unplaced import unplaced
from synthor.schema import Level, Schema, Units, Variable
from synthor.types import CellIndex

Records = Mapping[str, pl.DataFrame]
"""One table a level, by the level's name."""


def coded(records: Records, schema: Schema) -> Units:
    """Records of all levels as units, in the order of their tables.

    Args:
        records: one table a level; those of deeper levels hold the key of their parent, and follow the order of its table.
        schema: the levels.

    Raises:
        InputError: a column is missing, a value belongs to no category, or a row has no parent.
    """
    missing = [level.name for level in schema if level.name not in records]
    if missing:
        cure = f"give one table a level: {', '.join(level.name for level in schema)}"
        raise InputError([Finding(where="records", message=f"there are none of '{missing[0]}'", cure=cure)])
    if len(schema.levels) > 1:
        _keys(records, schema)
    levels: list[Units] = []
    parents: list[tuple[CellIndex, int] | None] = []
    for place, level in enumerate(schema):
        levels.append(
            encode(records[level.name], level.columns, where=_where(level.name) if len(schema.levels) > 1 else "records")
        )
        above = schema.above(place)
        parents.append(None if above is None else (_parents(records, level, schema.levels[above]), above))
    return Units.of_levels(levels, parents)


def _keys(records: Records, schema: Schema) -> None:
    """Refuse rows without a key of their own, wherever there are members: nobody could tell what belongs to what."""
    for place, level in enumerate(schema):
        frame, key = records[level.name], level.key
        if place == 0:
            _there(frame, level.name, key)
        if key in frame.columns:
            twice = frame.height - frame[key].drop_nulls().n_unique()
            if twice:
                message = f"{twice:,} of {frame.height:,} rows have no '{key}' of their own: it is empty, or there twice"
                raise InputError([Finding(where=_where(level.name), message=message, cure="give each row another key")])


def _where(name: str) -> str:
    """What messages call the table of a level."""
    return f"records of '{name}'"


def _there(frame: pl.DataFrame, name: str, key: str) -> None:
    if key not in frame.columns:
        cure = f"each table has its rows' key, and that of the level above; the columns are {', '.join(frame.columns[:12])}"
        raise InputError([Finding(where=_where(name), message=f"column '{key}' is missing", cure=cure)])


def _parents(records: Records, level: Level, above: Level) -> CellIndex:
    """The row of the parent's table to which each row belongs."""
    frame, parents, key = records[level.name], records[above.name], above.key
    where = _where(level.name)
    _there(frame, level.name, key)
    _there(parents, above.name, key)
    if (frame[key].dtype.is_numeric(), parents[key].dtype.is_numeric()) not in ((True, True), (False, False)):
        held = ["numbers" if table[key].dtype.is_numeric() else "text" for table in (frame, parents)]
        message = f"'{key}' holds {held[0]}, in the records of '{above.name}' {held[1]}"
        raise InputError([Finding(where=where, message=message, cure="write the keys alike in both tables")])
    numeric, either = frame[key].dtype.is_numeric(), (frame[key].dtype, parents[key].dtype)
    both = pl.Float64 if any(dtype.is_float() for dtype in either) else pl.Int64
    as_one = either[0] if numeric and either[0] == either[1] else both if numeric else pl.String
    places = parents.select(pl.col(key).cast(as_one, strict=False)).with_row_index("place")
    own = frame.select(pl.col(key).cast(as_one, strict=False))
    found = own.join(places, on=key, how="left", maintain_order="left")["place"].cast(pl.Int64)
    astray = found.null_count()
    if astray:
        message = f"{astray:,} of {frame.height:,} rows have a '{key}' that the records of '{above.name}' have not"
        raise InputError([Finding(where=where, message=message, cure=f"give each row the key of its {above.name}")])
    if (found.diff().drop_nulls() < 0).any():
        message = f"they are not in the order of their {above.name}"
        raise InputError([Finding(where=where, message=message, cure=f"sort both tables by {key}")])
    return found.to_numpy()


def encode(frame: pl.DataFrame, variables: Iterable[Variable], where: str = "records") -> Units:
    """A table of records as units without members, their categories in columns; identifiers need not be there.

    Raises:
        InputError: lists every column that is missing and every value that belongs to no category.
    """
    variables = tuple(variables)
    findings, found = [], np.empty((len(variables), frame.height), np.int32)
    for variable, codes in zip(variables, found, strict=True):
        if variable.kind.free and variable.name not in frame.columns:
            codes[:] = 0
            continue
        if variable.name not in frame.columns:
            cure = f"the columns are {', '.join(frame.columns[:12])}"
            findings.append(Finding(where=where, message=f"column '{variable.name}' is missing", cure=cure))
            continue
        codes[:] = variable.encode_quickly(frame[variable.name])
        if frame.height and codes.min() < 0:
            findings += unplaced(variable, frame[variable.name], codes, where=where)
    if findings:
        raise InputError(findings)
    return Units.flat(found.T)
