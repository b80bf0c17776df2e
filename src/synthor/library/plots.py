"""Which picture shows a variable, or two: an altair chart where altair is installed, the page's own picture otherwise."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import polars as pl

from synthor.errors import Finding, InputError
from synthor.library.shown import Display
from synthor.measure import Records
from synthor.report import charts, plots
from synthor.schema import Ref, Schema
from synthor.spread import Spread


def plot(names: Sequence[str], table: pl.DataFrame, records: Records, schema: Schema) -> Any:
    """A picture of one variable, or of two.

    Args:
        names: of the variables.
        table: of them, as `cross_table` gives it.
        records: one table a level.
        schema: of the levels.

    Raises:
        InputError: there are more than two.
    """
    if len(names) > 2:
        cure = f"plot two of them, or look at table({', '.join(map(repr, names))})"
        raise InputError([Finding(where="plot", message=f"shows one variable or two, not {len(names)}", cure=cure)])
    altair = _altair()
    about = " by ".join(names)
    if len(names) == 2:
        return charts.heat(altair, table) if altair else Display(plots.heat(table), f"Plot of {about}")
    ref = schema.resolve(names[0])
    alone = set(table.columns) == {names[0], "got"}
    if alone and ref is not None and schema.variable(ref).numeric:
        spread = _spread(names[0], ref, records, schema)
        return charts.values(altair, spread) if altair else Display(plots.values(spread), f"Plot of {about}")
    return charts.bars(altair, table) if altair else Display(plots.bars(table), f"Plot of {about}")


def _altair() -> Any:
    try:
        import altair  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None
    return altair


def _spread(name: str, ref: Ref, records: Records, schema: Schema) -> Spread:
    """How the values of a number lie, of all rows of its level or of those with its role."""
    level = schema.levels[ref.level]
    frame, variable = records[level.name], level.variables[ref.column]
    if ref.role is not None:
        label = level.variables[ref.role.column].labels[ref.role.code]
        frame = frame.filter(pl.col(level.role).cast(pl.String) == label)
    spread = Spread(replace(variable, name=name), frame.height)
    spread.add(frame[variable.name].drop_nulls().to_numpy())
    return spread
