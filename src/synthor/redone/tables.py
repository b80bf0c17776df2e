"""Tables of records of which some zones are taken out and others put in."""

from collections.abc import Mapping
from contextlib import suppress

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.geography.areas import in_turn
from synthor.problem import Problem
from synthor.schema import Schema
from synthor.types import Mask

Tables = dict[str, pl.DataFrame]
"""One table a level, by its name."""


def units_of(tables: Mapping[str, pl.DataFrame], schema: Schema, kept: Mask) -> Tables:
    """Some units with their members."""
    found = {schema.unit.name: tables[schema.unit.name].filter(pl.Series(kept))}
    for at, level in enumerate(schema):
        above = schema.above(at)
        if above is not None:
            upper = schema.levels[above]
            found[level.name] = tables[level.name].join(
                found[upper.name].select(upper.key), on=upper.key, how="semi", maintain_order="left"
            )
    return found


def named(made: Tables, old: Tables, mine: Mask, schema: Schema, key: str) -> Tables:
    """The new records with the keys of those in whose place they come; where there are more, with new ones.

    Args:
        made: the new records.
        old: all that were there.
        mine: which units of these they replace.
        schema: of both.
        key: column of the zones.
    """
    before, found = units_of(old, schema, mine), dict(made)
    zones_before, zones = _zones_of(before, schema, key), _zones_of(made, schema, key)
    for level in schema:
        frame = found[level.name]
        if level.key in frame.columns:
            largest = old[level.name][level.key].cast(pl.Int64).max()
            first = (largest if isinstance(largest, int) else -1) + 1
            more = pl.Series(level.key, np.arange(first, first + frame.height))
            own = _of_zones(zones_before[level.name], before[level.name][level.key].cast(pl.Int64), zones[level.name], more)
            names = pl.DataFrame({level.key: frame[level.key], "named": own})
            frame = frame.with_columns(own.alias(level.key))
            for below in schema:
                if below.parent == level.name:
                    child = found[below.name]
                    renamed = child.select(level.key).join(names, on=level.key, how="left", maintain_order="left")["named"]
                    found[below.name] = child.with_columns(renamed.alias(level.key))
        found[level.name] = frame
    return found


def merged(others: Tables, made: Tables, problem: Problem, key: str) -> Tables:
    """All records, zone by zone."""
    zones, schema = problem.zones, problem.schema
    assert zones is not None
    labels, found = schema.unit.variables[zones.positions[0]].labels, dict[str, pl.DataFrame]()
    order = pl.DataFrame({"zone": [labels[at] for at in in_turn(zones, 0)]}).with_row_index("rank")
    for at, level in enumerate(schema):
        whole, above = _joined(others[level.name], made[level.name], level.name), schema.above(at)
        if above is None:
            ranks = whole.select(zone=pl.col(key).cast(pl.String)).join(order, on="zone", how="left", maintain_order="left")
        else:
            upper = schema.levels[above]
            places = found[upper.name].select(upper.key).with_row_index("rank")
            ranks = whole.select(upper.key).join(places, on=upper.key, how="left", maintain_order="left")
        found[level.name] = whole[np.argsort(ranks["rank"].to_numpy(), kind="stable")]
    return found


def cuts_of(tables: Mapping[str, pl.DataFrame], schema: Schema, most: int) -> list[dict[str, int]]:
    """Rows at which chunks of so many units begin, of each level; and at which the last one ends."""
    n = tables[schema.unit.name].height
    starts = [*range(0, n, most), n]
    found = [{schema.unit.name: start} for start in starts]
    for at, level in enumerate(schema):
        above = schema.above(at)
        if above is not None:
            upper = schema.levels[above]
            places = tables[upper.name].select(upper.key).with_row_index("place")
            own = tables[level.name].select(upper.key).join(places, on=upper.key, how="left", maintain_order="left")["place"]
            for cut in found:
                cut[level.name] = int(np.searchsorted(own.to_numpy(), cut[upper.name]))
    return found


def _zones_of(tables: Mapping[str, pl.DataFrame], schema: Schema, key: str) -> dict[str, pl.Series]:
    """The zone of each row of each level, as text."""
    unit = schema.unit
    found = {unit.name: tables[unit.name][key].cast(pl.String)}
    for at, level in enumerate(schema):
        above = schema.above(at)
        if above is not None:
            upper = schema.levels[above]
            known = tables[upper.name].select(upper.key, found[upper.name].alias("zone"))
            joined = tables[level.name].select(upper.key).join(known, on=upper.key, how="left", maintain_order="left")
            found[level.name] = joined["zone"]
    return found


def _of_zones(zones_before: pl.Series, before: pl.Series, zones: pl.Series, more: pl.Series) -> pl.Series:
    """What rows of each zone had before, in their order; where there are more rows now, what comes next of others."""
    old = pl.DataFrame({"zone": zones_before, "value": before}).with_columns(place=pl.int_range(pl.len()).over("zone"))
    new = pl.DataFrame({"zone": zones}).with_columns(place=pl.int_range(pl.len()).over("zone"))
    found = new.join(old, on=["zone", "place"], how="left", maintain_order="left")["value"]
    empty = np.flatnonzero(found.is_null().to_numpy())
    return found.scatter(empty, more[: len(empty)].cast(found.dtype)) if len(empty) else found


def _joined(others: pl.DataFrame, made: pl.DataFrame, name: str) -> pl.DataFrame:
    """Old and new records of a level, in the columns and types of the old ones."""
    if set(others.columns) != set(made.columns):
        odd = sorted(set(others.columns) ^ set(made.columns))
        message = f"the records of '{name}' in the folder have other columns than the spec now gives: {', '.join(odd)}"
        raise InputError([Finding(where="--only-zones", message=message, cure="run all zones, without --only-zones")])
    made = made.select(others.columns)
    with suppress(pl.exceptions.InvalidOperationError):
        return pl.concat([others, made.cast(others.schema, strict=True)])
    text = [column for column in others.columns if others[column].dtype != made[column].dtype]
    return pl.concat([frame.with_columns(pl.col(text).cast(pl.String)) for frame in (others, made)])
