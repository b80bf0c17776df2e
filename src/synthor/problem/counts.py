"""Tables of counts or shares of all records, or of a part of them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthor.problem.agree import shown
from synthor.problem.cells import beyond_rounding, placed, whole_of
from synthor.problem.cures import of_counts, of_shares
from synthor.problem.gaps import left_out, of_numbers_alone, records_may_have
from synthor.problem.marginals import inexact
from synthor.problem.printed import MEASURES
from synthor.problem.reader import Reader
from synthor.problem.rows import Listed, Total
from synthor.problem.shares import shares_by
from synthor.problem.sides import TOTAL
from synthor.problem.target import SIGMAS, Axis, Grid, Moment, Target, Universe
from synthor.problem.totals import Filled, filled

PERCENT = 100.0
FAR = 4.0
"""Standard deviations that a cell is never off by."""


def counts(reader: Reader) -> Target | Moment | None:
    """Counts, or shares of all records, in each cell; shares of a part of the records are shares inside it."""
    measure = reader.measure(MEASURES)
    axes = reader.axes(reader.names(measure), measure)
    if measure is None or axes is None:
        return None
    if reader.written.flows is not None and list(reader.written.flows) != [axis.variable.name for axis in axes]:
        cure = f"name them in the order of the table: {', '.join(axis.variable.name for axis in axes)}"
        reader.add("its columns are not the variables of flows", cure)
        return None
    sparse = reader.written.flows is not None
    if reader.too_large(axes, sparse=sparse):
        return None
    grid = Grid(axes=axes, universe=reader.universe())
    if measure == "share" and not grid.covers and len(axes) == 1:
        return shares_by(reader)  # of a part of the records whose size is not known
    rows = reader.listed(axes, measure)
    _refuse_shares_inside(reader, axes, rows)
    if reader.failed:
        return None
    _warn_of_blanks(reader, axes, rows, grid.universe, all_records=measure == "count" and not grid.universe)
    if sparse:
        return _sparse(reader, rows, grid, measure)
    whole, room = _whole(reader, measure, rows, grid)
    covered = [axis.covers for axis in axes]
    most = float(reader.n_units) if measure == "count" else whole_of(rows)
    table = filled(rows, [axis.labels for axis in axes], room, reader.add, whole, most=most, covered=covered)
    if reader.failed:
        return None
    factor, slack = _scale(reader, measure, table, rows, grid)
    return _table(reader, measure, table, rows, grid, factor, slack)


def _refuse_shares_inside(reader: Reader, axes: tuple[Axis, ...], rows: Listed) -> None:
    """Add a finding where each category of one side adds up to 100 by itself: these are not shares of all records."""
    if len(axes) != 2 or reader.written.flows is not None or not rows.told.all():
        return
    if reader.written.where is not None and not rows.decimals:
        return  # a part of the records may well come to that
    table = placed(rows.cells, rows.values, axes[0].size * axes[1].size).reshape(axes[0].size, axes[1].size)
    for axis, across in zip(axes, (table.sum(axis=1), table.sum(axis=0)), strict=True):
        sums = across[across > 0]
        near = len(sums) > 1 and (np.abs(sums - PERCENT) <= 0.006 * PERCENT).all()
        if near and abs(sums.sum() - reader.n_units) > 0.01 * reader.n_units:
            name = axis.variable.name
            message = f"each {name} adds up to {PERCENT:g} by itself, so these are shares inside each {name}"
            reader.add(message, f"say `by: [{name}]`", label=name, found=float(sums[0]), expected=PERCENT)
            return


def _sparse(reader: Reader, rows: Listed, grid: Grid, measure: str) -> Target:
    """A table of the cells that are listed."""
    order = np.argsort(rows.cells, kind="stable")
    closed = reader.written.others == "none"
    grid = replace(grid, listed=rows.cells[order], closed=closed)
    none = [0.0] * closed
    values, low, high = (np.append(part[order], none) for part in (rows.values, rows.low, rows.high))
    hidden = np.isnan(values)
    values = np.where(hidden, (low + np.minimum(high, reader.n_units)) / 2, values)
    table = Filled(
        values=values, low=low, high=np.minimum(high, reader.n_units), unknown=hidden, silent=hidden & np.isinf(high), sums=()
    )
    factor, slack = _scale(reader, measure, table, rows, grid)
    sigma = np.append(rows.sigma[order], none)
    return reader.target(measure, grid, table, sigma, factor, slack)


def _table(reader: Reader, measure: str, table: Filled, rows: Listed, grid: Grid, factor: float, slack: float) -> Target:
    """A full table."""
    sigma = placed(rows.cells, rows.sigma, grid.size)
    for kept in dict.fromkeys(tuple(code != TOTAL for code in total.codes) for total in table.sums):
        axes = tuple(axis for axis, keep in zip(grid.axes, kept, strict=True) if keep)
        totals = [total for total in table.sums if tuple(code != TOTAL for code in total.codes) == kept]
        if not axes and grid.covers:
            continue  # all records together
        reader.sums.append(_sum(reader, measure, replace(grid, axes=axes), totals, factor))
    if reader.written.margin_of_error is not None and table.unknown.any():
        if table.unknown.all():  # then there is nothing that a margin of error could be about
            return replace(reader.target(measure, grid, table, sigma, factor, slack), sigma=None)
        # Its intervals become margins: two standard deviations reach as far as they do.
        reach = np.maximum(np.minimum(table.high, reader.n_units) - table.values, table.values - table.low)
        told = replace(table, unknown=np.zeros(grid.size, bool))
        sigma = np.where(table.unknown, reach / SIGMAS, sigma)
        return replace(reader.target(measure, grid, told, sigma, factor, slack), hidden=True)
    return reader.target(measure, grid, table, sigma, factor, slack)


def _sum(reader: Reader, measure: str, grid: Grid, totals: Sequence[Total], factor: float) -> Target:
    """Totals over cells that are not told, as a table without the sides that they sum over."""
    cells = [
        int(np.ravel_multi_index([code for code in total.codes if code != TOTAL], grid.shape)) if grid.axes else 0
        for total in totals
    ]
    order = np.argsort(cells)
    values = np.array([totals[i].value.value for i in order])
    none = np.zeros(len(values))
    table = Filled(values=values, low=values, high=values, unknown=none > 0, silent=none > 0, sums=())
    grid = replace(grid, listed=np.array(cells, np.int64)[order])
    made = reader.target(measure, grid, table, none, factor, 0.0)
    over = " by ".join(axis.variable.name for axis in grid.axes)
    return replace(made, name=f"{made.name} (totals{f' of {over}' if over else ''})", totals_of=made.name)


def _warn_of_blanks(
    reader: Reader, axes: tuple[Axis, ...], rows: Listed, universe: Universe | None, *, all_records: bool
) -> None:
    """Warn of labels that no row has, of numbers that no band holds, and of a table that tells nothing."""
    hinted = np.isfinite(rows.high).any() or any(total.value.told for total in rows.totals)
    if len(rows.cells) and not rows.told.any() and not hinted:
        reader.warn("tells none of its cells, so it says next to nothing")
    if reader.written.flows is not None or not axes:
        return
    for axis, codes in zip(axes, np.unravel_index(rows.cells, [axis.size for axis in axes]), strict=True):
        name = axis.variable.name
        inside = records_may_have(reader, axis, universe)
        met = np.bincount(axis.group_of[inside & (axis.group_of >= 0)], minlength=axis.size) > 0
        met[codes] = False
        if met.any() and not rows.totals:
            absent = ", ".join(np.array(axis.labels)[met].tolist())
            reader.warn(f"has no row for {absent}{f' of {name}' if len(axes) > 1 else ''}; none is wanted")
        if told := left_out(reader, axis, universe):
            if all_records and np.nansum(rows.values) >= reader.n_units - inexact(reader.n_units):
                counts = f"yet its counts add up to all {shown(reader.n_units)} records"
                reader.warn(
                    f"its labels leave out {told} of {name}, {counts}: nobody is left for them; close the gap if it is a slip"
                    + of_numbers_alone(axis)
                )
            else:
                reader.warn(
                    f"its labels leave out {told} of {name}, so it counts the other records only{of_numbers_alone(axis)}"
                )


def _whole(reader: Reader, measure: str, rows: Listed, grid: Grid) -> tuple[float | None, float]:
    """What all cells add up to, as far as that is known, and how far rounding may put each value off, as printed."""
    half = 0.5 * 10.0**-rows.decimals if measure == "share" else 0.0
    loose = reader.written.tolerance
    if reader.written.rounded_to is not None:
        half = reader.written.rounded_to / 2
    elif loose is not None and len(rows.values):
        points = loose.points if measure == "share" else 0.01 * reader.n_units * (loose.points or 0)
        half = max(half, float(np.nanmax(rows.values, initial=0.0)) * loose.factor, points or 0.0)
    elif reader.written.margin_of_error is not None:
        half = max(half, 0.5)
    if not grid.covers:
        return None, half
    return (float(reader.n_units) if measure == "count" else whole_of(rows)), half


def _scale(reader: Reader, measure: str, table: Filled, rows: Listed, grid: Grid) -> tuple[float, float]:
    """Rows that a value of one stands for, and how far the table's own rounding may put a cell off, in rows.

    Shares are stretched to their whole, so a gap between total and whole counts as rounding too. It is spread over the
    cells such that each marginal, even that of the widest variable, has room for all of it.
    """
    total = float(table.values.sum())
    if measure == "count":
        _check_counts(reader, table, rows, grid)
        return 1.0, 0.0
    whole = whole_of(rows)
    if not grid.covers:
        message = "shares of a table that does not count every record have no whole"
        reader.add(message, "write counts, or shares of one variable `by` the others")
        return 1.0, 0.0
    half_unit = 0.5 * 10.0**-rows.decimals if rows.decimals or whole > 1 else 0.0  # 0 and 1 without decimals are exact
    gap = abs(total - whole)
    if beyond_rounding(gap, half_unit, len(rows.cells)) or total == 0:
        message = f"shares add up to {total:.10g}, not to {whole:g}"
        values = table.values.reshape(grid.shape) if grid.size == table.values.size and grid.listed is None else table.values
        cure = of_shares(values, [axis.variable.name for axis in grid.axes], whole, reader.n_units)
        reader.add(message, cure, found=total, expected=whole)
    elif gap > 1e-9:
        reader.warn(f"shares add up to {total:.10g}, not to {whole:g}; they were stretched")
    widest = max(axis.size for axis in grid.axes)
    slack = (half_unit + gap * widest / table.values.size) / whole
    return reader.n_units / total if total else 0.0, slack * reader.n_units


def _check_counts(reader: Reader, table: Filled, rows: Listed, grid: Grid) -> None:
    """Add a finding where counts cannot add up to `records`, whatever they are inside their intervals."""
    least, most = np.where(table.unknown, table.low, table.values), np.where(table.unknown, table.high, table.values)
    intervals = reader.bounds(table.values, 0.01 * reader.n_units)
    loose = intervals is not None or reader.written.margin_of_error is not None
    if intervals is not None:
        least, most = np.where(table.unknown, least, intervals[0]), np.where(table.unknown, most, intervals[1])
    elif loose:
        off = FAR * (rows.sigma.max(initial=0.0) if grid.listed is not None else placed(rows.cells, rows.sigma, grid.size))
        least, most = np.maximum(least - off, 0.0), most + off
    low, high, room = float(least.sum()), float(most.sum()), inexact(reader.n_units)
    if not (low > reader.n_units + room or (grid.covers and high < reader.n_units - room)):
        return
    hidden = not rows.told.all()
    found = low if low > reader.n_units else high
    if loose:
        found = math.floor(found) if low > reader.n_units else math.ceil(found)
    bound = "" if not (hidden or loose) else "at least " if low > reader.n_units else "at most "
    n_hidden = f" ({int((~rows.told).sum())} of them not told)" if hidden else ""
    message = f"counts add up to {bound}{shown(found)}{n_hidden}, but {reader.reading.whole} is {shown(reader.n_units)}"
    whole = float(table.values.sum()) if loose else found
    cure = of_counts(whole, reader.n_units, reader.reading.whole, decimals=rows.decimals, covers=grid.covers, hidden=hidden)
    reader.add(message, cure, found=float(found), expected=float(reader.n_units))
    if grid.covers:
        reader.off.append(reader.findings.pop())
