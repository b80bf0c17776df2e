"""Totals of a table: checked against its cells, and used for what the cells do not tell."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.agree import shown
from synthor.problem.cures import NEAR
from synthor.problem.rows import Listed, Total
from synthor.problem.sides import TOTAL
from synthor.problem.target import Axis, Target
from synthor.types import CellIndex, Floats, Mask

PASSES = 20
"""Times that totals are gone through to narrow cells that are not told."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filled:
    """All cells of a table.

    Attributes:
        values: (c,) as told, or a guess between `low` and `high`.
        low: (c,) the least that each can be.
        high: (c,) the most.
        unknown: (c,) cells that are not told, and not settled by a total either.
        silent: (c,) those of them of which nothing is said: neither a threshold nor a range.
        sums: totals over several cells that are not told: each a demand of its own.
    """

    values: Floats
    low: Floats
    high: Floats
    unknown: Mask
    silent: Mask
    sums: tuple[Total, ...]


def filled(
    listed: Listed,
    labels: Sequence[Sequence[str]],
    room: float,
    add: Callable[..., None],
    whole: float | None,
    *,
    most: float,
    covered: Sequence[bool],
) -> Filled:
    """All cells of a table: what is told, what totals leave for the rest, and 0 for what neither says anything of.

    Args:
        listed: its rows.
        labels: of each side.
        room: how far a cell may be off because it was rounded, and each total likewise.
        add: takes what is wrong.
        whole: of all cells together, where that is known.
        most: that a cell can be at all.
        covered: for each side, whether its labels are all that there are; otherwise a total may be more than their sum.
    """
    shape = [len(side) for side in labels]
    size = math.prod(shape)
    values, low, high = np.zeros(size), np.zeros(size), np.zeros(size)
    values[listed.cells], low[listed.cells], high[listed.cells] = listed.values, listed.low, listed.high
    absent = np.ones(size, bool)
    absent[listed.cells] = False
    grid = np.arange(size).reshape(shape)
    every = [total for total in listed.totals if total.value.told]
    told = [total for total in every if _of_all(total, covered)]
    parts = [_cells_of(total, grid) for total in told]
    for total, cells in zip(told, parts, strict=True):  # what is not listed is not told, if a total leaves something for it
        gone = cells[absent[cells]]
        if len(gone) and total.value.value - np.nansum(values[cells]) > room * (len(cells) + 1) + 1e-9 * total.value.value:
            values[gone], high[gone] = np.nan, np.inf
    unknown = np.isnan(values)
    silent = unknown & (low <= 0) & np.isinf(high)
    sums = [(total.value.value, cells) for total, cells in zip(told, parts, strict=True)]
    for total in every:
        cells = _cells_of(total, grid)
        _check(total, cells, values, low, high if _of_all(total, covered) else np.full(size, np.inf), room, labels, add)
    if whole is not None and unknown.any():
        sums.append((whole, grid.ravel()))
    high[unknown] = np.minimum(high[unknown], np.maximum(most, low[unknown]))
    if unknown.any():
        _narrow(sums, values, low, high, unknown, room)
    settled = unknown & np.isfinite(high) & (high - low <= 1e-9 * np.maximum(high, 1.0))
    values[settled] = low[settled]
    unknown &= ~settled
    values[unknown] = _guesses(values, low, high, unknown, whole)
    several = tuple(total for total, cells in zip(told, parts, strict=True) if unknown[cells].sum() > 1)
    return Filled(values=values, low=low, high=high, unknown=unknown, silent=silent & unknown, sums=several)


def _cells_of(total: Total, grid: CellIndex) -> CellIndex:
    """The cells that a total sums over."""
    return grid[tuple(slice(None) if code == TOTAL else code for code in total.codes)].ravel()


def _of_all(total: Total, covered: Sequence[bool]) -> bool:
    """Whether a total is that of its cells alone."""
    return all(covers for code, covers in zip(total.codes, covered, strict=True) if code == TOTAL)


def _check(
    total: Total,
    cells: CellIndex,
    values: Floats,
    low: Floats,
    high: Floats,
    room: float,
    labels: Sequence[Sequence[str]],
    add: Callable[..., None],
) -> None:
    """Add a finding where a total is not what its cells can come to."""
    wanted, allowed = total.value.value, room * (len(cells) + 1) + 1e-9 * max(total.value.value, 1.0)
    least, most = float(low[cells].sum()), float(high[cells].sum())
    if least - allowed <= wanted <= most + allowed:
        return
    where = ", ".join(side[code] for side, code in zip(labels, total.codes, strict=True) if code != TOTAL)
    name = f"the total of ({where})" if where else "the total of all cells"
    n_hidden = int(np.isnan(values[cells]).sum())
    found = least if wanted < least else most
    if n_hidden:
        bound = "at least" if wanted < least else "at most"
        message = f"{name} is {shown(wanted)}, but its cells add up to {bound} {shown(found)} ({n_hidden} of them not told)"
    else:
        message = f"{name} is {shown(wanted)}, but its cells add up to {shown(found)}"
    add(
        message,
        _cure(wanted, found, hidden=n_hidden > 0),
        row=total.row,
        label=where,
        found=found,
        expected=wanted,
    )


def _cure(wanted: float, found: float, *, hidden: bool) -> str:
    """What to do about a total that its cells do not come to."""
    near = not hidden and abs(wanted - found) < NEAR * abs(wanted)
    perturbed = "; `tolerance: {relative: 1%}` allows for perturbed counts" if near else ""
    return f"correct the total or a cell, or leave the row of totals out{perturbed}"


def _narrow(
    sums: Sequence[tuple[float, CellIndex]], values: Floats, low: Floats, high: Floats, unknown: Mask, room: float
) -> None:
    """Narrow the cells that are not told to what totals leave for them."""
    for _ in range(PASSES):
        before = low.sum() + high[np.isfinite(high)].sum() + np.isinf(high).sum()
        for wanted, cells in sums:
            hidden = cells[unknown[cells]]
            if not len(hidden):
                continue
            allowed = room * (len(cells) + 1)
            rest = wanted - values[cells[~unknown[cells]]].sum()
            lows, highs = low[hidden], high[hidden]
            high[hidden] = np.maximum(np.minimum(highs, rest + allowed - (lows.sum() - lows)), lows)
            others = highs.sum() - highs if np.isfinite(highs).all() else np.full(len(hidden), np.inf)
            if np.isinf(highs).sum() == 1:
                others = np.where(np.isinf(highs), highs[np.isfinite(highs)].sum(), np.inf)
            low[hidden] = np.minimum(np.maximum(lows, rest - allowed - others), high[hidden])
        if low.sum() + high[np.isfinite(high)].sum() + np.isinf(high).sum() == before:
            return


def _guesses(values: Floats, low: Floats, high: Floats, unknown: Mask, whole: float | None) -> Floats:
    """A value for each cell that is not told: as far between its bounds as the whole wants, else the middle."""
    lows, highs = low[unknown], np.where(np.isinf(high[unknown]), low[unknown], high[unknown])
    spread = float((highs - lows).sum())
    rest = None if whole is None else whole - float(values[~unknown].sum()) - float(lows.sum())
    place = 0.5 if rest is None or spread <= 0 else min(max(rest / spread, 0.0), 1.0)
    return np.asarray(lows + place * (highs - lows))


def narrowed(target: Target, others: Sequence[Target]) -> Target:
    """A table whose cells that are not told are narrowed by what exact tables of all records leave for them.

    Nothing is demanded that was not before: what is narrowed follows from the other tables.

    Args:
        target: any table.
        others: those that may tell one of its marginals.
    """
    if target.silent is None or target.bounds is None or target.sigma is not None or target.grid.universe is not None:
        return target
    low, high = (edge.copy() for edge in target.bounds)
    unknown = high - low > 1e-9 * np.maximum(high, 1.0)
    cells = np.arange(target.grid.size) if target.grid.listed is None else target.grid.listed
    groups = np.unravel_index(cells, target.grid.shape)
    sums = [
        (wanted, np.flatnonzero(groups[side] == group))
        for side, axis in enumerate(target.axes)
        for group, wanted in _marginal(axis, others)
    ]
    values = np.where(unknown, np.nan, target.wanted)
    if target.grid.listed is not None or not sums:
        return target
    _narrow(sums, values, low, high, unknown, 0.0)
    wanted = np.clip(target.wanted, low, high)
    return replace(target, wanted=wanted, bounds=(low, high))


def _marginal(axis: Axis, others: Sequence[Target]) -> list[tuple[int, float]]:
    """What exact tables say that the labels of a side come to."""
    found = []
    for other in others:
        for place, side in enumerate(other.axes):
            if other.whole and side.column == axis.column:
                told = other.side(place)
                for group in range(axis.size):
                    mine = axis.group_of == group
                    theirs = np.unique(side.group_of[mine])
                    if len(theirs) and np.array_equal(np.isin(side.group_of, theirs), mine):
                        found.append((group, float(told[theirs].sum())))
    return found
