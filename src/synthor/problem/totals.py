"""Totals of a table: checked against its cells, and used for what the cells do not tell."""

import math
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.agree import shown
from synthor.problem.cures import of_total
from synthor.problem.demand import EDGE
from synthor.problem.grid import Axis
from synthor.problem.rows import Listed, PrintedTotal
from synthor.problem.sides import TOTAL
from synthor.problem.statistic import SIGMAS
from synthor.problem.target import Target
from synthor.types import CellIndex, Floats, Mask

PASSES = 20
"""Times that totals are gone through to narrow cells that are not told."""

NEARLY = 1e-9
"""Share of a total that sums of floats may be off."""

WIDER = (2, 3, 4, 5)
"""How many times as far off figures are taken to be at most, where totals are not what their cells come to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """How far each figure of a table, total or not, may be off.

    Attributes:
        fixed: the same for all, as printed.
        share: of the figure itself.
        whole: whether what is counted is whole, so that only whole numbers inside of an interval count.
        said: what the spec would say of so many times as much; empty where it cannot, None where it says nothing as it is.
    """

    fixed: float
    share: float = 0.0
    whole: bool = False
    said: Callable[[float], str] | None = None

    def times(self, factor: float) -> "Room":
        """So many times as much."""
        return replace(self, fixed=self.fixed * factor, share=self.share * factor)

    def off(self, values: Floats) -> Floats:
        """How far each value may be off."""
        return np.maximum(self.fixed, np.abs(values) * self.share) if self.share else np.full(len(values), self.fixed)

    def ends(self, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """The least and the most that figures can be which are printed as something from `low` to `high`."""
        least, most = np.maximum(low - self.off(low), 0.0), high + self.off(high)
        if not self.whole:
            return least, most
        least, most = least - EDGE, most + EDGE
        inside = np.ceil(least) <= np.floor(most)
        return np.where(inside, np.ceil(least), np.floor(least)), np.where(inside, np.floor(most), np.ceil(most))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Filled:
    """All cells of a table.

    Attributes:
        values: (c,) as told, or a guess between `low` and `high`.
        low: (c,) the least that each can be.
        high: (c,) the most.
        unknown: (c,) cells that are not told, and not settled by a total either.
        silent: (c,) those of them of which nothing is said: neither a threshold nor a range.
        totals: those that are told of all their cells.
        sums: those of them over several cells that are not told: each a demand of its own.
        of_some: totals of a few cells next to them, and these cells.
    """

    values: Floats
    low: Floats
    high: Floats
    unknown: Mask
    silent: Mask
    totals: tuple[PrintedTotal, ...] = ()
    sums: tuple[PrintedTotal, ...] = ()
    of_some: tuple[tuple[PrintedTotal, CellIndex], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Frame:
    """What is known of a table before its rows are looked at.

    Attributes:
        labels: of each side.
        covered: for each side, whether its labels are all that there are; otherwise a total may be more than their sum.
        possible: (c,) cells that the records of the table may fall into.
        room: how far a cell may be off because it was rounded, and each total likewise.
        whole: of all cells together, where that is known.
        most: that a cell can be at all.
    """

    labels: Sequence[Sequence[str]]
    covered: Sequence[bool]
    possible: Mask
    room: Room
    whole: float | None
    most: float

    @property
    def grid(self) -> CellIndex:
        """Its cells, a side an axis."""
        shape = [len(side) for side in self.labels]
        return np.arange(math.prod(shape)).reshape(shape)


def filled(listed: Listed, frame: Frame, add: Callable[..., None], warn: Callable[..., None]) -> Filled:
    """All cells of a table: what is told, what totals leave for the rest, and 0 for what neither says anything of.

    Args:
        listed: its rows.
        frame: what is known of it beside them.
        add: takes what is wrong.
        warn: takes what may be a slip.
    """
    labels, covered, room, whole, grid = frame.labels, frame.covered, frame.room, frame.whole, frame.grid
    size = grid.size
    values, low, high = np.zeros(size), np.zeros(size), np.zeros(size)
    values[listed.cells], low[listed.cells], high[listed.cells] = listed.values, listed.low, listed.high
    absent = np.ones(size, bool)
    absent[listed.cells] = False
    off = float(room.off(listed.values[listed.told]).max(initial=room.fixed))
    every, of_some = chosen(listed, room, labels, warn)
    told = [total for total in every if _of_all(total, covered)]
    parts = [_cells_of(total, grid) for total in told]
    for total, cells in zip(told, parts, strict=True):  # what is not listed is not told, if a total leaves something for it
        gone = cells[absent[cells] & frame.possible[cells]]
        if len(gone) and total.value.value - np.nansum(values[cells]) > off * (len(cells) + 1) + 1e-9 * total.value.value:
            values[gone], high[gone] = np.nan, np.inf
    unknown = np.isnan(values)
    silent = unknown & (low <= 0) & np.isinf(high)
    sums = [(total.value.value, cells) for total, cells in zip(told, parts, strict=True)]
    open_ended = [total.codes for total in every if not _of_all(total, covered)]
    noise = np.zeros(size)
    noise[listed.cells] = SIGMAS * listed.sigma
    _check(every, open_ended, frame, values, np.maximum(low - noise, 0.0), high + noise, add)
    if noise.any():
        _tell_of_noise(told, parts, values, room, warn)
    if whole is not None and unknown.any():
        sums.append((whole, grid.ravel()))
    high[unknown] = np.minimum(high[unknown], np.maximum(frame.most, low[unknown]))
    if unknown.any():
        _narrow(sums, values, low, high, unknown, off)
    settled = unknown & np.isfinite(high) & (high - low <= 1e-9 * np.maximum(high, 1.0))
    values[settled] = low[settled]
    unknown &= ~settled
    values[unknown] = _guesses(values, low, high, unknown, whole)
    several = tuple(total for total, cells in zip(told, parts, strict=True) if unknown[cells].sum() > 1)
    return Filled(
        values=values,
        low=low,
        high=high,
        unknown=unknown,
        silent=silent & unknown,
        totals=tuple(told),
        sums=several,
        of_some=tuple(of_some),
    )


def _cells_of(total: PrintedTotal, grid: CellIndex) -> CellIndex:
    """The cells that a total sums over."""
    return grid[tuple(slice(None) if code == TOTAL else code for code in total.codes)].ravel()


def _of_all(total: PrintedTotal, covered: Sequence[bool]) -> bool:
    """Whether a total is that of its cells alone."""
    return all(covers for code, covers in zip(total.codes, covered, strict=True) if code == TOTAL)


def chosen(
    listed: Listed, room: Room, labels: Sequence[Sequence[str]], warn: Callable[..., None]
) -> tuple[list[PrintedTotal], list[tuple[PrintedTotal, CellIndex]]]:
    """One told total of each: of several, the one that its cells come to, else the largest; and totals of some of these cells.

    Another one may be a total of the next cells above or below it; if it is none of anything, that is told.

    Args:
        listed: the rows of a table.
        room: how far figures may be off.
        labels: of each side.
        warn: takes what may be a slip.
    """
    shape = [len(side) for side in labels]
    grid = np.arange(math.prod(shape)).reshape(shape)
    of: dict[tuple[int, ...], list[PrintedTotal]] = {}
    for total in listed.totals:
        if total.value.told:
            of.setdefault(total.codes, []).append(total)
    found, parts = [], []
    for totals in of.values():
        best = totals[0]
        if len(totals) > 1:
            inside = np.flatnonzero(np.isin(listed.cells, _cells_of(best, grid)))
            low, high = room.ends(listed.low[inside], listed.high[inside])
            fitting = [total for total in totals if _fits(total, float(low.sum()), float(high.sum()), room)]
            best = max(fitting or totals, key=lambda total: total.value.value)
            for other in (total for total in totals if not _alike(total, best, room)):
                runs = _runs(other, listed, inside, room)
                if not runs:
                    _warn_of_second(other, best, labels, warn, fits=bool(fitting))
                elif len(runs) == 1:
                    parts.append((other, listed.cells[runs[0]]))
                elif room.said is not None:
                    message = f"a total of {shown(other.value.value)} is one of some cells, but it is not clear of which"
                    cure = "write it as a target of its own, with `groups`, if it is to be met to its own rounding"
                    warn(message, cure, row=other.row, found=other.value.value)
        found.append(best)
    return found, parts


def _runs(total: PrintedTotal, listed: Listed, inside: CellIndex, room: Room) -> list[CellIndex]:
    """The next cells above or below a total that come to it; if they can within their room, those whose figures do."""
    places = listed.places[inside]
    fitting, equal = [], []
    for beside in (inside[places > total.place], inside[places < total.place][::-1]):
        low, high = (edge.cumsum() for edge in room.ends(listed.low[beside], listed.high[beside]))
        values = listed.values[beside].cumsum()
        for n in (n for n in range(len(beside)) if _fits(total, float(low[n]), float(high[n]), room)):
            fitting.append(beside[: n + 1])
            if abs(values[n] - total.value.value) <= NEARLY * max(total.value.value, 1.0):
                equal.append(beside[: n + 1])
    return equal or fitting


def _fits(total: PrintedTotal, least: float, most: float, room: Room) -> bool:
    """Whether a total can be what its cells come to at least and at most."""
    value = np.array([total.value.value])
    low, high = room.ends(value, value)
    near = NEARLY * max(float(value[0]), 1.0) + (SIGMAS * total.sigma if math.isfinite(total.sigma) else 0.0)
    return bool(least - near <= high[0] and low[0] <= most + near)


def _tell_of_noise(
    totals: Sequence[PrintedTotal], parts: Sequence[CellIndex], values: Floats, room: Room, warn: Callable[..., None]
) -> None:
    """Tell of totals that are not the sums of their cells, as margins of error allow: each is met to its own."""
    figures = [np.append(values[cells], total.value.value) for total, cells in zip(totals, parts, strict=True)]
    gaps = [(abs(float(of[-1] - of[:-1].sum())), float(room.off(of).sum())) for of in figures]
    off = [gap for gap, rounding in gaps if gap > rounding + NEARLY * gap]
    if off:
        many = f"{len(off)} totals are not the sums of their cells" if len(off) > 1 else "a total is not the sum of its cells"
        warn(f"{many}, by up to {shown(max(off))}: cells and totals are met within the margin of error of each")


def _alike(one: PrintedTotal, other: PrintedTotal, room: Room) -> bool:
    values = np.array([one.value.value, other.value.value])
    return bool(abs(values[0] - values[1]) <= 2 * room.off(values).max() + NEARLY * values.max())


def by_sides(totals: Sequence[PrintedTotal]) -> dict[tuple[bool, ...], list[PrintedTotal]]:
    """Totals by the sides that they keep."""
    found: dict[tuple[bool, ...], list[PrintedTotal]] = {}
    for total in totals:
        found.setdefault(tuple(code != TOTAL for code in total.codes), []).append(total)
    return found


def _name(total: PrintedTotal, labels: Sequence[Sequence[str]]) -> tuple[str, str]:
    """What a message calls a total, and the labels that it is of."""
    where = ", ".join(side[code] for side, code in zip(labels, total.codes, strict=True) if code != TOTAL)
    return f"the total of ({where})" if where else "the total of all cells", where


def _warn_of_second(
    other: PrintedTotal, best: PrintedTotal, labels: Sequence[Sequence[str]], warn: Callable[..., None], *, fits: bool
) -> None:
    """Warn of a second total of the same cells."""
    name, where = _name(best, labels)
    which = "which its cells come to" if fits else "and its cells come to neither"
    message = f"{name} is said to be {shown(other.value.value)} here and {shown(best.value.value)} in row {best.row}, {which}"
    cure = "leave one of them out, or give it a label of its own"
    told = (other.value.value, best.value.value)
    message += f": {shown(other.value.value)} is no total of anything here"
    warn(message, cure, row=other.row, label=where, found=told[0], expected=told[1])


def _check(
    totals: Sequence[PrintedTotal],
    open_ended: Collection[tuple[int, ...]],
    frame: Frame,
    values: Floats,
    low: Floats,
    high: Floats,
    add: Callable[..., None],
) -> None:
    """Add a finding where a total is not what its cells can come to.

    Args:
        totals: all of them.
        open_ended: codes of those that may be more than their cells come to.
        frame: what is known of the table.
        values: (c,) as told.
        low: (c,) the least that each can be, as printed, or by its margin of error.
        high: (c,) the most.
        add: takes what is wrong.
    """
    labels, room, whole, grid = frame.labels, frame.room, frame.whole, frame.grid

    def ends(total: PrintedTotal, room: Room) -> tuple[float, float]:
        cells = _cells_of(total, grid)
        least, most = room.ends(low[cells], high[cells])
        return float(least.sum()), math.inf if total.codes in open_ended else float(most.sum())

    wrong = [total for total in totals if not _fits(total, *ends(total, room), room)]
    wider = [times for times in WIDER if wrong and room.said is not None and room.said(times)
             and all(_fits(total, *ends(total, room.times(times)), room.times(times)) for total in totals)
             and _come_to(totals, whole, grid.shape, room.times(times))]  # fmt: skip
    for total in wrong:
        wanted, (least, most), (name, where) = total.value.value, ends(total, room), _name(total, labels)
        n_hidden = int(np.isnan(values[_cells_of(total, grid)]).sum())
        loose = n_hidden > 0 or room.said is not None
        found = float(values[_cells_of(total, grid)].sum()) if not loose else least if wanted < least else most
        bound = ("at least " if wanted < least else "at most ") if loose else ""
        hidden = f" ({n_hidden} of them not told)" if n_hidden else ""
        cure = of_total(wanted, found, total.head, exact=not loose)
        if wider and room.said is not None:
            cure = f"{room.said(wider[0])} allows for it, as where figures were rounded up or down at random; or {cure}"
        add(
            f"{name} is {shown(wanted)}, but its cells add up to {bound}{shown(found)}{hidden}",
            cure,
            row=total.row,
            label=where,
            found=found,
            expected=wanted,
        )


def _come_to(totals: Sequence[PrintedTotal], whole: float | None, shape: tuple[int, ...], room: Room) -> bool:
    """Whether the totals of each side, where all are told, can come to what all cells do."""
    for kept, of in by_sides(totals).items():
        if whole is not None and len(of) == math.prod(size for size, keep in zip(shape, kept, strict=True) if keep):
            values = np.array([total.value.value for total in of])
            low, high = room.ends(values, values)
            if not low.sum() - NEARLY * whole <= whole <= high.sum() + NEARLY * whole:
                return False
    return True


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
    groups = target.grid.groups
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
            if other.whole and side.ref == axis.ref:
                told = other.side(place)
                for group in range(axis.size):
                    mine = axis.group_of == group
                    theirs = np.unique(side.group_of[mine])
                    if len(theirs) and np.array_equal(np.isin(side.group_of, theirs), mine):
                        found.append((group, float(told[theirs].sum())))
    return found
