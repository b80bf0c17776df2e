"""Tables of records as units: values become categories, keys become rows that point at their parents."""

from collections.abc import Iterable, Mapping

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.problem.unplaced import unplaced
from synthor.schema import Schema, Units, Variable
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
    levels: list[Units] = []
    parents: list[tuple[CellIndex, int] | None] = []
    for place, level in enumerate(schema):
        levels.append(encode(records[level.name], level.columns))
        above = schema.above(place)
        key = "" if above is None else schema.levels[above].key
        parents.append(
            None if above is None else (_parents(records[level.name], records[schema.levels[above].name], key), above)
        )
    return Units.of_levels(levels, parents)


def _parents(frame: pl.DataFrame, above: pl.DataFrame, key: str) -> CellIndex:
    """The row of the parent's table to which each row belongs."""
    for where, table in (("the table of its rows", above), ("the table below it", frame)):
        if key not in table.columns:
            cure = f"each table has its rows' key, and that of the level above: {key}"
            raise InputError([Finding(where="records", message=f"column '{key}' is missing in {where}", cure=cure)])
    places = above.select(key).with_row_index("place")
    found = frame.select(key).join(places, on=key, how="left", maintain_order="left")["place"].cast(pl.Int64)
    if found.null_count() or (found.diff().drop_nulls() < 0).any() or len(found) != frame.height:
        message = f"rows point at a '{key}' that is not there, that is there twice, or not in its order"
        raise InputError(
            [Finding(where="records", message=message, cure="sort both tables by it, and give each row its parent")]
        )
    return found.to_numpy()


def encode(frame: pl.DataFrame, variables: Iterable[Variable]) -> Units:
    """A table of records as units without members, their categories in columns.

    Raises:
        InputError: lists every column that is missing and every value that belongs to no category.
    """
    variables = tuple(variables)
    findings, found = [], np.empty((len(variables), frame.height), np.int32)
    for variable, codes in zip(variables, found, strict=True):
        if variable.name not in frame.columns:
            cure = f"the columns are {', '.join(frame.columns[:12])}"
            findings.append(Finding(where="records", message=f"column '{variable.name}' is missing", cure=cure))
            continue
        codes[:] = variable.encode_quickly(frame[variable.name])
        if frame.height and codes.min() < 0:
            findings += unplaced(variable, frame[variable.name], codes, where="records")
    if findings:
        raise InputError(findings)
    return Units.flat(found.T)
