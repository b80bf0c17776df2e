"""The last step: numbers moved inside their bins until means, totals and standard deviations come out as published.

Whole counts are settled by then, so every number must stay in the bin that tables see. Where a cell's sum is off, the density
inside the bins of its records is tilted: a number at quantile t of its bin goes to quantile

    T(t, z)  =  log(1 + t (exp(z) - 1)) / z

of it, as if the bin's values fell or rose exponentially, by exp(z) from end to end. T rises with t, so that numbers keep their
order and stay apart, and with z, so that one tilt a cell is found for each sum; it is exact wherever the bins allow it. The
same tilt in wide bins and in narrow ones is the gentlest with which all have room. A standard deviation tilts bins away from
the mean or towards it. Statistics of one variable that overlap are gone through in turn, the tilts of a record adding up.
Numbers are then rounded to their decimals, and what rounding has moved is put right step by step. Nothing here is random.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.types import CellIndex, Counts, Floats, Mask

CYCLES = 60
"""Times that overlapping statistics of one variable are gone through."""

STRIDE = 7_919
"""Records by which one turn's choice is ahead of the one before: a large prime."""

SEARCHES = 60
"""Times that a tilt is improved before the next statistic's turn."""

STEEP = 100.0
"""Tilts beyond which exp overflows sooner or later."""

STEEPEST = 500.0
"""Largest tilt: numbers then lie within a hundredth of their bins' edges."""

NEAR = 1e-7
"""Tilts that move by less have settled."""

GOLDEN = (5**0.5 - 1) / 2
"""Multiples of it are spread most evenly over any interval, however many are taken (Weyl's sequence)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Aim:
    """What the numbers of each cell are to come to.

    Attributes:
        cell: (n,) cell of each record; the number of cells for none.
        low: (c,) smallest sum that is wanted; NaN where none is.
        high: (c,) largest sum.
        center: (c,) mean around which the spread is taken, for a standard deviation; None otherwise.
        squares: (c,) lowest and highest sum of squared distances from the center; None otherwise.
    """

    cell: CellIndex
    low: Floats
    high: Floats
    center: Floats | None = None
    squares: tuple[Floats, Floats] | None = None


def tune(values: Floats, low: Floats, high: Floats, aims: Sequence[Aim], step: float) -> Floats:
    """Numbers as near as their bins allow to what they are to come to, each a multiple of `step` away from its bin's edge.

    Args:
        values: (n,) numbers as drawn.
        low: (n,) smallest number that each may be.
        high: (n,) largest.
        aims: what sums and spreads are wanted.
        step: numbers are rounded to multiples of this.

    >>> cell = np.zeros(3, np.int64)
    >>> aim = Aim(cell=cell, low=np.array([12.0]), high=np.array([12.0]))
    >>> tune(np.array([1.0, 2.0, 6.0]), np.array([0.0, 0, 5]), np.array([4.0, 4, 9]), [aim], 1.0)
    array([2., 3., 7.])
    """
    moved = values.astype(np.float64)
    if any(_missing(moved, aim).any() for aim in aims):
        moved = _Bins.of(moved, low, high, aims, step).tilted(aims, step)
    return stepped(moved, low, high, aims, step)


def stepped(values: Floats, low: Floats, high: Floats, aims: Sequence[Aim], step: float) -> Floats:
    """What rounding has left of sums, put right by single steps; the arguments are those of `tune`."""
    sums = [aim for aim in aims if aim.center is None]
    moved = values
    for turn in range(CYCLES):
        before = moved
        for aim in sums:
            moved = _stepped(moved, low, high, aim, step, turn)
        if np.array_equal(before, moved):
            break
    return moved


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Bins:
    """Where numbers lie in their bins; those of a standard deviation end at the mean, which no number crosses.

    Attributes:
        low: (n,) smallest number that each may be.
        high: (n,) largest.
        quantile: (n,) where it lies between half a step below the one and half a step above the other.
        step: that numbers are multiples of.
    """

    low: Floats
    high: Floats
    quantile: Floats
    step: float

    @classmethod
    def of(cls, values: Floats, low: Floats, high: Floats, aims: Sequence[Aim], step: float) -> "_Bins":
        # Equal numbers are set apart by less than a step, or a bin of few values could only be moved as a whole.
        along = values - low + step * ((np.arange(len(values)) + 0.5) * GOLDEN % 1.0)
        for aim in aims:
            if aim.center is not None:
                center = low + np.rint((np.append(aim.center, np.nan)[aim.cell] - low) / step) * step
                above, inside = values >= center, (low < center) & (center <= high)
                along = np.where(inside & above, along - (center - low), along)
                low, high = np.where(inside & above, center, low), np.where(inside & ~above, center - step, high)
        return cls(low=low, high=high, quantile=along / (high - low + step), step=step)

    def at(self, tilt: Floats) -> Floats:
        """The numbers at their quantiles of tilted bins, (n,), not yet rounded; `tilt` is (n,)."""
        flat = np.abs(tilt) < 1e-9
        safe = np.where(flat, 1.0, tilt)
        t, steep = self.quantile, safe > STEEP  # there exp(z) is taken out of the logarithm: it would overflow
        with np.errstate(divide="ignore"):
            far = 1.0 + np.log(t + (1 - t) * np.exp(-np.maximum(safe, STEEP))) / np.where(steep, safe, 1.0)
        near = np.log1p(t * np.expm1(np.where(steep, 1.0, safe))) / np.where(steep, 1.0, safe)
        quantile = np.where(flat, t, np.where(steep, far, near))
        return np.clip(self.low - self.step / 2 + quantile * (self.high - self.low + self.step), self.low, self.high)

    def tilted(self, aims: Sequence[Aim], step: float) -> Floats:
        """Numbers as near as bins allow to what is wanted, rounded."""
        ways = [self._way(aim) for aim in aims]
        tilts = [np.zeros(len(aim.low)) for aim in aims]
        tilt = np.zeros(len(self.low))
        for _ in range(CYCLES if len(aims) > 1 else 1):
            before = tilt
            for place, (aim, way) in enumerate(zip(aims, ways, strict=True)):
                others = tilt - way * np.append(tilts[place], 0.0)[aim.cell]
                tilts[place] = self._solved(aim, way, others, tilts[place])
                tilt = others + way * np.append(tilts[place], 0.0)[aim.cell]
            values = self.at(tilt)
            if all((np.abs(_missing(values, aim)) <= self._slack(aim)).all() for aim in aims):
                break
            if np.abs(tilt - before).max(initial=0.0) < NEAR:
                break
        return np.clip(self.low + np.rint((values - self.low) / step) * step, self.low, self.high)

    def _slack(self, aim: Aim) -> Floats:
        """How near each cell must come to what is wanted, (c,): single steps do the rest for a sum."""
        if aim.squares is None:
            return np.full(len(aim.low), self.step / 4)
        return np.nan_to_num((aim.squares[1] - aim.squares[0]) / 4 + 1e-12 * aim.squares[1])

    def _way(self, aim: Aim) -> Floats:
        """Which way a bin is tilted by a rising tilt of its cell, (n,): up; of a standard deviation, away from the mean."""
        if aim.center is None:
            return np.ones(len(self.low))
        return np.sign((self.low + self.high) / 2 - np.append(np.nan_to_num(aim.center), 0.0)[aim.cell])

    def _solved(self, aim: Aim, way: Floats, others: Floats, first: Floats) -> Floats:
        """The tilt of each cell, (c,), with which it comes to what is wanted, given those of other statistics; 0 if it does so.

        Regula falsi between a tilt that gives too little and one that gives too much, the Illinois way (Dowell and Jarratt,
        1971): the end that stays has its error halved.
        """

        def missing(tilts: Floats) -> Floats:
            return _missing(self.at(np.clip(others + way * np.append(tilts, 0.0)[aim.cell], -STEEPEST, STEEPEST)), aim)

        none = np.zeros(len(aim.low))
        lacking = missing(none)
        enough = self._slack(aim)
        sign = np.where(np.abs(lacking) > enough, np.sign(lacking), 0.0)
        begin, at_begin = none, lacking
        end = np.where(sign == 0, 0.0, sign)
        at_end = missing(end)
        while (short := (at_end * sign > enough) & (np.abs(end) < STEEPEST)).any():
            begin, at_begin = np.where(short, end, begin), np.where(short, at_end, at_begin)
            end = np.where(short, np.minimum(4 * np.abs(end), STEEPEST) * sign, end)
            at_end = missing(end)
        beyond = at_end * sign > enough
        for _ in range(SEARCHES):
            still = (np.abs(at_end) > enough) & (sign != 0) & ~beyond
            if not still.any():
                break
            between = begin + (end - begin) * at_begin / np.where(still, at_begin - at_end, 1.0)
            best = np.where(still, between, end)
            at_best = missing(best)
            crossed = at_best * at_end < 0
            begin, at_begin = np.where(crossed, end, begin), np.where(crossed, at_end, at_begin / 2)
            end, at_end = best, at_best
        return end


def _missing(values: Floats, aim: Aim) -> Floats:
    """What each cell lacks of what is wanted, (c,): of its sum, or of its squares around the center."""
    return _lacking(values, aim) if aim.center is None else _missing_squares(values, aim)


def _missing_squares(values: Floats, aim: Aim) -> Floats:
    """What each cell's squared distances from the center lack, negative where they are too many."""
    assert aim.center is not None
    assert aim.squares is not None
    now = _total(np.square(values - np.append(np.nan_to_num(aim.center), 0.0)[aim.cell]), aim)
    low, high = aim.squares
    return np.nan_to_num(np.maximum(low - now, 0.0) + np.minimum(high - now, 0.0))


def _stepped(values: Floats, low: Floats, high: Floats, aim: Aim, step: float, turn: int) -> Floats:
    """What rounding has left of a sum, put right by steps, spread evenly over the records that have room."""
    lacking = np.rint(_lacking(values, aim) / step).astype(np.int64)
    for sign in (1, -1):
        wanted = np.maximum(sign * lacking, 0)
        room = np.rint((high - values if sign > 0 else values - low) / step)
        n_usable = np.bincount(aim.cell, room > 0, len(wanted) + 1)[:-1].astype(np.int64)
        each = np.append(np.where(wanted > n_usable, wanted // np.maximum(n_usable, 1), 0), 0)[aim.cell]
        if each.any():  # at the very ends of bins, which no tilt reaches
            values = values + sign * step * np.minimum(each, room)
            continue
        values = values + sign * step * _evenly(aim.cell, room > 0, wanted, turn)
    return values


def _evenly(cell: CellIndex, usable: Mask, wanted: Counts, turn: int) -> Mask:
    """For each cell as many of its usable records as wanted, at even distances; others at each turn."""
    wanted = np.append(wanted, 0)
    usable = usable & (wanted[cell] > 0)
    rows = np.flatnonzero(usable)
    chosen = np.zeros(len(cell), bool)
    if len(rows):
        order = rows[np.argsort(cell[rows], kind="stable")]
        here = cell[order]
        first = np.searchsorted(here, here)
        n_usable = np.bincount(here, minlength=len(wanted))
        place = (np.arange(len(order)) - first + turn * STRIDE) % n_usable[here]
        few = np.minimum(wanted, n_usable)[here]
        chosen[order] = (place + 1) * few // n_usable[here] > place * few // n_usable[here]
    return chosen


def _total(values: Floats, aim: Aim) -> Floats:
    return np.bincount(aim.cell, values, len(aim.low) + 1)[:-1].astype(np.float64)


def _lacking(values: Floats, aim: Aim) -> Floats:
    """What each cell's sum lacks, negative where it is too large; 0 where nothing is wanted."""
    now = _total(values, aim)
    return np.nan_to_num(np.maximum(aim.low - now, 0.0) + np.minimum(aim.high - now, 0.0))
