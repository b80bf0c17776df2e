"""Totals that are targets of their own: those over cells that are not told, and all those of figures that may be off.

Where cells are told as they are, a total says nothing that they do not. Where each of them may be off, by rounding, a tolerance
or a margin of error, their sum may be off by all of these together, but the published total by its own alone.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from synthor.problem.grid import TargetGrid
from synthor.problem.reader import Reader
from synthor.problem.rows import PrintedTotal
from synthor.problem.sides import TOTAL
from synthor.problem.target import Target
from synthor.problem.totals import Filled, by_sides
from synthor.types import CellIndex


def own_totals(reader: Reader, measure: str, table: Filled, grid: TargetGrid, factor: float) -> Iterator[Target]:
    """Totals of a table as tables without the sides that they sum over; of all records there is none, for these are counted.

    Args:
        reader: of the table.
        measure: count or share.
        table: its cells and totals.
        grid: its sides.
        factor: rows that a value of one stands for.
    """
    for kept, totals in by_sides(table.totals if reader.written.loose else table.sums).items():
        axes = tuple(axis for axis, keep in zip(grid.axes, kept, strict=True) if keep)
        known = [total for total in totals if np.isfinite(total.sigma)]
        if not axes and grid.covers:
            continue
        if len(known) < len(totals):
            row = next(total.row for total in totals if np.isinf(total.sigma))
            others = f", and {len(totals) - len(known) - 1} more" if len(totals) - len(known) > 1 else ""
            reader.warn(f"a total without a margin of error{others}: what its cells come to is all that is met of it", row=row)
        if known:
            yield _target(reader, measure, replace(grid, axes=axes), known, factor)
    if reader.written.loose:
        told: set[bytes] = set()
        for total, cells in table.of_some:
            if cells.tobytes() not in told and np.isfinite(total.sigma):
                told.add(cells.tobytes())
                yield from _of_some(reader, measure, grid, total, cells, factor)


def _of_some(
    reader: Reader, measure: str, grid: TargetGrid, total: PrintedTotal, cells: CellIndex, factor: float
) -> Iterator[Target]:
    """A total of some cells as a table of one cell, if they are all that some labels of each side have in common."""
    groups = [np.unique(side) for side in np.unravel_index(cells, grid.shape)]
    if math.prod(len(of) for of in groups) != len(cells):
        return
    kept = [(axis, of) for axis, of in zip(grid.axes, groups, strict=True) if len(of) < axis.size or not axis.covers]
    axes = tuple(
        replace(
            axis,
            labels=(" + ".join(axis.labels[group] for group in of.tolist()),),
            group_of=np.where(np.isin(axis.group_of, of), 0, -1).astype(np.int32),
        )
        for axis, of in kept
    )
    value, none = np.array([total.value.value]), np.zeros(1, bool)
    table = Filled(values=value, low=value, high=value, unknown=none, silent=none)
    made = reader.target(measure, replace(grid, axes=axes), table, np.array([total.sigma]), factor, 0.0)
    of_what = ", ".join(axis.labels[0] for axis in axes)
    yield replace(made, name=f"{made.name} (total of {of_what})", totals_of=made.name)


def _target(reader: Reader, measure: str, grid: TargetGrid, totals: Sequence[PrintedTotal], factor: float) -> Target:
    """Totals over the same sides as a table without these."""
    cells = [
        int(np.ravel_multi_index([code for code in total.codes if code != TOTAL], grid.shape)) if grid.axes else 0
        for total in totals
    ]
    order = np.argsort(cells)
    values, sigma = (np.array([of[i] for i in order]) for of in ([t.value.value for t in totals], [t.sigma for t in totals]))
    none = np.zeros(len(values), bool)
    table = Filled(values=values, low=values, high=values, unknown=none, silent=none)
    if not reader.written.loose or len(cells) < grid.size:
        grid = replace(grid, listed=np.array(cells, np.int64)[order])
    made = reader.target(measure, grid, table, sigma, factor, 0.0)
    over = " by ".join(axis.variable.name for axis in grid.axes)
    return replace(made, name=f"{made.name} (totals{f' of {over}' if over else ''})", totals_of=made.name)
