"""The same pictures as altair charts, for who has it installed. Data stand in them; names with dots are titles, not fields."""

from typing import Any

import polars as pl

from synthor.report.plots import MEASURES, shares_of
from synthor.spread import Spread

SIZE = {"width": 420, "height": 260}


def bars(altair: Any, table: pl.DataFrame) -> Any:
    """One variable: a group of bars a category.

    Args:
        altair: the library.
        table: of the variable, as `cross_table` gives it.
    """
    name, told = table.columns[0], [measure for measure in MEASURES if measure in table.columns]
    data = [
        {"label": str(row[name]), "rows": row[measure], "which": measure}
        for row in table.iter_rows(named=True)
        for measure in told
    ]
    order = [str(label) for label in table[name]]
    return (
        altair.Chart(altair.InlineData(values=data))
        .mark_bar()
        .encode(
            x=altair.X("label:N", sort=order, title=name),
            y=altair.Y("rows:Q"),
            xOffset=altair.XOffset("which:N", sort=told),
            color=altair.Color("which:N", sort=told, title=None),
        )
        .properties(**SIZE)
    )


def heat(altair: Any, table: pl.DataFrame) -> Any:
    """Two variables: of the rows in each category of the first, the shares of the second.

    Args:
        altair: the library.
        table: of both, as `cross_table` gives it.
    """
    first, second = table.columns[:2]
    shares = shares_of(table, "got").ravel().tolist()
    data = [
        {"first": str(row[first]), "second": str(row[second]), "rows": row["got"], "share": share}
        for row, share in zip(table.iter_rows(named=True), shares, strict=True)
    ]
    orders = {name: [str(label) for label in table[name].unique(maintain_order=True)] for name in (first, second)}
    return (
        altair.Chart(altair.InlineData(values=data))
        .mark_rect()
        .encode(
            x=altair.X("second:N", sort=orders[second], title=second),
            y=altair.Y("first:N", sort=orders[first], title=first),
            color=altair.Color("share:Q", title=f"share of each {first}", scale=altair.Scale(scheme="blues")),
            tooltip=["first:N", "second:N", "rows:Q", altair.Tooltip("share:Q", format=".1%")],
        )
        .properties(**SIZE)
    )


def values(altair: Any, spread: Spread) -> Any:
    """A number: how its values lie, rows for each step of one.

    Args:
        altair: the library.
        spread: counts of its values.
    """
    cells = zip(spread.first.tolist(), spread.below.tolist(), spread.counts.tolist(), strict=True)
    data = [{"from": low, "below": below, "density": n / (below - low)} for low, below, n in cells if n]
    title = spread.variable.name + (f" ({spread.variable.unit})" if spread.variable.unit else "")
    return (
        altair.Chart(altair.InlineData(values=data))
        .mark_bar()
        .encode(
            x=altair.X("from:Q", title=title),
            x2="below:Q",
            y=altair.Y("density:Q", title="rows for each step of 1"),
        )
        .properties(**SIZE)
    )
