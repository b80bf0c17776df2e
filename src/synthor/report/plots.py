"""Pictures of one variable or of two, small enough for a notebook: HTML and SVG with nothing beside them, labels escaped."""

from dataclasses import dataclass

import numpy as np
import polars as pl

from synthor.report.page import template
from synthor.report.spreads import view_spreads
from synthor.spread import Spread
from synthor.types import Floats

MEASURES = ("wanted", "got", "real")
"""What a cross-table may tell of each cell."""

DEEPEST = 0.6
"""How much of its colour a cell of all has: dark letters are read on it, and light ones where the notebook is dark."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """One category: its label, and of each measure how many rows it has and how long its bar is, in percent."""

    label: str
    values: tuple[float | None, ...]
    widths: tuple[float, ...]


def bars(table: pl.DataFrame) -> str:
    """One variable: a row a category, its numbers of rows as bars.

    Args:
        table: of the variable, as `cross_table` gives it.
    """
    name, told = table.columns[0], [measure for measure in MEASURES if measure in table.columns]
    longest = max((float(value) for measure in told for value in table[measure].drop_nulls()), default=0.0) or 1.0
    rows = [
        Bar(
            label=str(row[name]),
            values=tuple(row[measure] for measure in told),
            widths=tuple(round(100 * (row[measure] or 0) / longest, 1) for measure in told),
        )
        for row in table.iter_rows(named=True)
    ]
    return template("plot_bars.html.j2").render(name=name, measures=told, bars=rows)


def heat(table: pl.DataFrame) -> str:
    """Two variables: of the rows in each category of the first, the percentages of the second.

    Args:
        table: of both, as `cross_table` gives it.
    """
    first, second = table.columns[:2]
    shares = shares_of(table, "got")
    rows = table[first].unique(maintain_order=True).to_list()
    columns = table[second].unique(maintain_order=True).to_list()
    cells = [[(share, round(DEEPEST * share, 3)) for share in row] for row in shares.tolist()]
    return template("plot_heat.html.j2").render(first=first, second=second, rows=rows, columns=columns, cells=cells)


def shares_of(table: pl.DataFrame, measure: str) -> Floats:
    """Shares of the second variable among the rows of each category of the first, (first, second); 0 of none."""
    counts = table[measure].to_numpy().reshape(table[table.columns[0]].n_unique(), -1).astype(np.float64)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1.0))


def values(spread: Spread) -> str:
    """A number: how its values lie."""
    views = view_spreads([spread])
    return template("plot_values.html.j2").render(view=views[0]) if views else "<p>No record has a value.</p>\n"
