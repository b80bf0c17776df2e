"""Tables of counts or shares of all records, or of a part of them."""

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthor.problem.agree import shown
from synthor.problem.cells import beyond_rounding, placed, whole_of
from synthor.problem.cures import of_counts, of_shares
from synthor.problem.gaps import left_out, of_numbers_alone, records_may_have
from synthor.problem.grid import Axis, TargetGrid, Universe
from synthor.problem.marginals import SIGMAS_APART, inexact
from synthor.problem.own_totals import own_totals
from synthor.problem.printed import MEASURES
from synthor.problem.reader import Reader
from synthor.problem.rows import Listed, PrintedTotal
from synthor.problem.shares import shares_by
from synthor.problem.statistic import SIGMAS
from synthor.problem.target import Target
from synthor.problem.totals import Filled, Frame, Room, by_sides, filled
from synthor.schema.text import as_text
from synthor.types import Mask

PERCENT = 100.0
LITTLE = 0.01
"""Share of all records by which noise may put them off without a word."""


def counts(reader: Reader) -> Target | None:
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
    grid = TargetGrid(axes=axes, universe=reader.universe())
    complete = _is_complete(reader, grid)
    if measure == "share" and not grid.covers and len(axes) == 1:
        return shares_by(reader)  # of a part of the records whose size is not known
    if not math.isfinite(reader.n_units) and (complete or measure != "share") and _needs_number(reader, measure):
        return None
    rows = reader.listed(axes, measure)
    _refuse_shares_inside(reader, axes, rows)
    if reader.failed:
        return None
    _warn_of_blanks(reader, axes, rows, grid.universe, all_records=measure == "count" and not grid.universe)
    if sparse:
        found = _sparse(reader, rows, grid, measure)
        return _of_all_records(reader, found, rows, (), Room(fixed=0.0)) if measure == "count" else found
    most, room = reader.whole if measure == "count" else whole_of(rows), _room(reader, measure, rows)
    inside = [records_may_have(reader, axis, grid.universe) for axis in axes]
    table = filled(
        rows,
        Frame(
            labels=[axis.labels for axis in axes],
            covered=[bool((axis.group_of[of] >= 0).all()) for axis, of in zip(axes, inside, strict=True)],
            possible=_possible(axes, inside),
            room=room,
            whole=most if (complete if measure == "share" else grid.covers) and math.isfinite(most) else None,
            most=most,
        ),
        reader.add,
        reader.warn,
    )
    if reader.failed:
        return None
    factor, slack = _scale(reader, measure, table, rows, grid)
    found = _table(reader, measure, table, rows, grid, factor, slack)
    return _of_all_records(reader, found, rows, table.totals, room) if measure == "count" else found


def _is_complete(reader: Reader, grid: TargetGrid) -> bool:
    """Whether each row falls into some cell; of pairs, each pair."""
    every_pair = reader.written.pairs is not None and reader.written.where is None
    return replace(grid, universe=None).covers if every_pair else grid.covers


def _needs_number(reader: Reader, measure: str) -> bool:
    """Whether a table says something of all rows together although nothing tells how many there are; a finding is added."""
    loose = reader.written.tolerance
    what = "shares of all rows" if measure == "share" else "a tolerance in points" if loose and loose.points is not None else ""
    if what:
        rows, pairs = reader.level.name, reader.written.pairs
        cure = f"add a target {{{'rows' if pairs is None else 'pairs'}: {rows}, count: ...}}, or give counts"
        if pairs not in (None, rows):  # told apart by two of more categories: no target counts all of these
            cure = "give counts"
        reader.add(f"gives {what}, and nothing tells how many rows of '{rows}' there are", cure)
    return bool(what)


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


def _sparse(reader: Reader, rows: Listed, grid: TargetGrid, measure: str) -> Target:
    """A table of the cells that are listed."""
    order = np.argsort(rows.cells, kind="stable")
    closed = reader.written.others == "none"
    grid = replace(grid, listed=rows.cells[order], closed=closed)
    none = [0.0] * closed
    values, low, high = (np.append(part[order], none) for part in (rows.values, rows.low, rows.high))
    hidden = np.isnan(values)
    values = np.where(hidden, (low + np.minimum(high, reader.n_units)) / 2, values)
    table = Filled(
        values=values, low=low, high=np.minimum(high, reader.n_units), unknown=hidden, silent=hidden & np.isinf(high)
    )
    factor, slack = _scale(reader, measure, table, rows, grid)
    sigma = np.append(rows.sigma[order], none)
    return reader.target(measure, grid, table, sigma, factor, slack)


def _table(reader: Reader, measure: str, table: Filled, rows: Listed, grid: TargetGrid, factor: float, slack: float) -> Target:
    """A full table."""
    sigma = placed(rows.cells, rows.sigma, grid.size)
    reader.sums += own_totals(reader, measure, table, grid, factor)
    if reader.written.margin_of_error is not None and table.unknown.any():
        if table.unknown.all():  # then there is nothing that a margin of error could be about
            return replace(reader.target(measure, grid, table, sigma, factor, slack), sigma=None)
        # Its intervals become margins: two standard deviations reach as far as they do.
        reach = np.maximum(np.minimum(table.high, reader.n_units) - table.values, table.values - table.low)
        told = replace(table, unknown=np.zeros(grid.size, bool))
        sigma = np.where(table.unknown, reach / SIGMAS, sigma)
        return replace(reader.target(measure, grid, told, sigma, factor, slack), hidden=True)
    return reader.target(measure, grid, table, sigma, factor, slack)


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
            if all_records and np.nansum(rows.values) >= reader.whole - inexact(reader.whole):
                counts = f"yet its counts add up to all {shown(reader.whole)} records"
                reader.warn(
                    f"its labels leave out {told} of {name}, {counts}: nobody is left for them; close the gap if it is a slip"
                    + of_numbers_alone(axis)
                )
            else:
                reader.warn(
                    f"its labels leave out {told} of {name}, so it counts the other records only{of_numbers_alone(axis)}"
                )


def _possible(axes: Sequence[Axis], inside: Sequence[Mask]) -> Mask:
    """Which cells records may fall into whose categories on each side are `inside`, (cells,)."""
    found = np.ones(1, bool)
    for axis, of in zip(axes, inside, strict=True):
        groups = np.bincount(axis.group_of[of & (axis.group_of >= 0)], minlength=axis.size) > 0
        found = np.logical_and.outer(found, groups).ravel()
    return found


def _room(reader: Reader, measure: str, rows: Listed) -> Room:
    """How far rounding, or what the spec says, may put each value off, as printed."""
    half = 0.5 * 10.0**-rows.decimals if measure == "share" else 0.0
    written, loose = reader.written, reader.written.tolerance
    told = rows.values[rows.told]
    whole = measure == "count" and bool((told == np.rint(told)).all())
    if written.rounded_to is not None:
        step = written.rounded_to
        return Room(fixed=step / 2, whole=whole, said=lambda times: f"`rounded_to: {as_text(step * times)}`")
    if loose is not None and loose.points is not None:
        points = loose.points
        fixed = 0.01 * points * (whole_of(rows) if measure == "share" else float(reader.n_units))

        def in_points(times: float) -> str:
            return f"`tolerance: {{points: {as_text(points * times)}}}`" if points * times <= PERCENT else ""

        return Room(fixed=max(half, fixed), whole=whole, said=in_points)
    if loose is not None:
        share = loose.factor

        def in_percent(times: float) -> str:
            return f"`tolerance: {{relative: {as_text(PERCENT * share * times)}%}}`" if share * times <= 1 else ""

        return Room(fixed=half, share=share, whole=whole, said=in_percent)
    return Room(fixed=half if written.margin_of_error is None else max(half, 0.5))


def _scale(reader: Reader, measure: str, table: Filled, rows: Listed, grid: TargetGrid) -> tuple[float, float]:
    """Rows that a value of one stands for, and how far the table's own rounding may put a cell off, in rows.

    Shares are stretched to their whole, so a gap between total and whole counts as rounding too. It is spread over the
    cells such that each marginal, even that of the widest variable, has room for all of it.
    """
    total = float(table.values.sum())
    if measure == "count":
        return 1.0, 0.0
    whole = whole_of(rows)
    if not _is_complete(reader, grid):
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


def _of_all_records(reader: Reader, target: Target, rows: Listed, totals: Sequence[PrintedTotal], room: Room) -> Target:
    """A table of counts; a finding is added where it cannot add up to `records`, or hardly can.

    It cannot where no records meet all cells, or all totals of one side. It hardly can where figures with margins of error add
    up to any other number, since records are made for their sum, and where roundings would have to conspire.

    Args:
        reader: of the table.
        target: the table.
        rows: its rows.
        totals: those that are told of all their cells.
        room: how far they may be off.
    """
    covers, n_units, loose = target.grid.covers, reader.whole, reader.written.loose
    if not math.isfinite(n_units):  # nothing tells exactly how many rows there are
        return target
    low, high = _ends(target)
    published = float(target.wanted.sum())
    hidden = not rows.told.all()
    for kept, of in by_sides(totals).items() if covers else ():
        if len(of) == math.prod(size for size, keep in zip(target.shape, kept, strict=True) if keep):
            least, most = _ends_of_totals(of, room)
            low, high = max(low, least), min(high, most)
            if not any(kept):
                published, hidden = of[0].value.value, False
    gap, near = published - n_units, inexact(n_units)
    cannot = low > n_units + near or (covers and high < n_units - near)
    if not cannot and not (covers and loose and not hidden and abs(gap) > _usual(reader, target) + near):
        return target
    found = low if low > n_units else high
    n_hidden = f" ({int((~rows.told).sum())} of them not told)" if hidden else ""
    if loose:
        found = math.floor(found) if low > n_units else math.ceil(found)
    bound = "" if not (hidden or loose) else "at least " if low > n_units else "at most "
    what = f"counts add up to {bound}{shown(found)}{n_hidden}"
    if loose:
        ends = f"{bound}{shown(found)}" if cannot else f"{shown(math.ceil(low))} to {shown(math.floor(high))}"
        what = f"counts add up to {shown(published)}{n_hidden}, with {_looseness(reader)} {ends}"
    message = f"{what}, but {reader.reading.whole} is {shown(n_units)}"
    whole = found if not loose else published if low > high else min(max(published, math.ceil(low)), math.floor(high))
    cure = of_counts(
        whole,
        n_units,
        reader.reading.whole,
        target,
        decimals=rows.decimals,
        hidden=hidden,
        exact=not loose,
    )
    (reader.add if cannot else reader.warn)(message, cure, found=float(found if cannot else published), expected=n_units)
    if covers and cannot:
        reader.off.append(reader.findings.pop())
    return target


def _ends(target: Target) -> tuple[float, float]:
    """The fewest and the most records with which all cells of a table are met; whole numbers where it has margins of error."""
    edges = (target.lowest, target.highest) if target.sigma is None else (target.low, target.high)
    return float(edges[0].sum()), float(edges[1].sum())


def _ends_of_totals(totals: Sequence[PrintedTotal], room: Room) -> tuple[float, float]:
    """The least and the most that totals come to together; whole numbers where they have margins of error and are whole."""
    values, sigma = (np.array(of) for of in ([one.value.value for one in totals], [one.sigma for one in totals]))
    low, high = room.ends(values, values)
    low, high = np.maximum(low - SIGMAS * sigma, 0.0), high + SIGMAS * sigma
    if (sigma > 0).any() and (values == np.rint(values)).all():
        low, high = np.ceil(low), np.floor(high)
    return float(low.sum()), float(high.sum())


def _usual(reader: Reader, target: Target) -> float:
    """How far the sum of a table is off its population, as a rule.

    Of margins of error by the rounding of its cells, and where noise was added to each by what it comes to together, as far as
    that is little of the whole: samples are weighted so that their estimates add up.
    """
    if target.sigma is not None:
        noise = SIGMAS * float(np.sqrt(np.square(target.sigma).sum()))
        return 0.5 * (target.grid.size + 1) + min(noise, LITTLE * float(target.wanted.sum()))
    intervals = reader.bounds(target.wanted, 0.01 * reader.n_units)
    off = np.zeros(1) if intervals is None else intervals[1] - target.wanted
    return SIGMAS_APART * float(np.sqrt(np.square(off).sum() / 3))  # of so many uniform distributions


def _looseness(reader: Reader) -> str:
    if reader.written.margin_of_error is not None:
        return "their margins of error"
    return "their rounding" if reader.written.rounded_to is not None else "their tolerance"
