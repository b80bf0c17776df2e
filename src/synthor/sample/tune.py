"""The last step: numbers moved inside their bins until means, totals and standard deviations come out as published.

Whole counts are settled by then, so every number must stay in its finest bin. What a cell lacks is shared out among its records
by the room that each has left in its bin: a closed form, exact wherever the bins allow it. Statistics of one variable that
overlap are gone through in turn. Numbers are then rounded to their decimals, and what rounding has moved is put right step by
step. Nothing here is random.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.types import CellIndex, Counts, Floats, Mask

CYCLES = 60
"""Times that overlapping statistics of one variable are gone through."""

STRIDE = 7_919
"""Records by which one turn's choice is ahead of the one before: a large prime."""

SPREADS = 40
"""Times that a standard deviation, which moves the mean, and the mean are put right in turn."""


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
    sums = [aim for aim in aims if aim.center is None]
    spreads = [aim for aim in aims if aim.center is not None]
    moved = values.astype(np.float64)
    more = [
        np.zeros(len(aim.low)) for aim in spreads
    ]  # squares asked for beyond what is wanted, since the mean takes some back
    for _ in range(SPREADS if spreads else 1):
        for aim, extra in zip(spreads, more, strict=True):
            moved = _spread(moved, low, high, aim, extra)
        moved = _summed(moved, low, high, sums, step)
        missing = [_missing_squares(moved, aim) for aim in spreads]
        if not any(gap.any() for gap in missing):
            break
        more = [extra + gap for extra, gap in zip(more, missing, strict=True)]
    moved = np.clip(low + np.rint((moved - low) / step) * step, low, high)
    for turn in range(CYCLES if len(sums) > 1 else 1):
        before = moved
        for aim in sums:
            moved = _stepped(moved, low, high, aim, step, turn)
        if np.array_equal(before, moved):
            break
    return moved


def off(values: Floats, aims: Sequence[Aim]) -> bool:
    """Whether numbers do not come to what is wanted."""
    return any((_missing_squares(values, aim) if aim.center is not None else _lacking(values, aim)).any() for aim in aims)


def _summed(values: Floats, low: Floats, high: Floats, aims: Sequence[Aim], step: float) -> Floats:
    """Sums put right, each cell by the room that its records have left."""
    for _ in range(CYCLES if len(aims) > 1 else 1):
        furthest = 0.0
        for aim in aims:
            lacking = _lacking(values, aim)
            furthest = max(furthest, float(np.abs(lacking).max(initial=0.0)))
            for room, sign in ((high - values, 1.0), (values - low, -1.0)):
                wanted, left = np.maximum(sign * lacking, 0.0), _total(room, aim)
                share = np.where(left > 0, np.minimum(wanted, left) / np.where(left > 0, left, 1.0), 0.0)
                values = values + sign * room * np.append(share, 0.0)[aim.cell]
        if furthest < step / 4:
            break
    return values


def _missing_squares(values: Floats, aim: Aim) -> Floats:
    """What each cell's squared distances from the center lack, negative where they are too many."""
    assert aim.center is not None
    assert aim.squares is not None
    now = _total(np.square(values - np.append(np.nan_to_num(aim.center), 0.0)[aim.cell]), aim)
    low, high = aim.squares
    return np.nan_to_num(np.maximum(low - now, 0.0) + np.minimum(high - now, 0.0))


def _spread(values: Floats, low: Floats, high: Floats, aim: Aim, extra: Floats) -> Floats:
    """Numbers moved away from the center, or towards it, until their squared distances from it come to what is wanted."""
    assert aim.center is not None
    center = np.append(np.nan_to_num(aim.center), 0.0)[aim.cell]
    distance = values - center
    now = _total(np.square(distance), aim)
    wanted = np.maximum(now + _missing_squares(values, aim) + extra, 0.0)
    outwards = np.where(distance >= 0, high - values, low - values)
    inwards = np.where(distance >= 0, np.maximum(low, center) - values, np.minimum(high, center) - values)
    inwards = np.where(distance >= 0, np.minimum(inwards, 0.0), np.maximum(inwards, 0.0))
    way = np.where(np.append(wanted > now, False)[aim.cell], outwards, inwards)
    # Squares after a share f of the way come to now + 2 f b + f^2 a: the smaller root, where it is within reach.
    a, b = _total(np.square(way), aim), _total(distance * way, aim)
    root = np.sqrt(np.maximum(np.square(b) + a * (wanted - now), 0.0))
    below = np.where(wanted > now, b + root, b - root)
    share = np.clip(np.where(below != 0, (wanted - now) / np.where(below != 0, below, 1.0), 0.0), 0.0, 1.0)
    return values + way * np.append(share, 0.0)[aim.cell]


def _stepped(values: Floats, low: Floats, high: Floats, aim: Aim, step: float, turn: int) -> Floats:
    """What rounding has left of a sum, put right by single steps, spread evenly over the records that have room."""
    lacking = np.rint(_lacking(values, aim) / step).astype(np.int64)
    for sign in (1, -1):
        room = (high - values if sign > 0 else values - low) > step / 2
        chosen = _evenly(aim.cell, room, np.maximum(sign * lacking, 0), turn)
        values = values + sign * step * chosen
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
