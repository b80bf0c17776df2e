"""What each chunk of records is to come to, so that all together come to what was published."""

from dataclasses import dataclass

import numpy as np

from synthor.problem import Deviation, OfValues, Target
from synthor.sample.tune import Aim
from synthor.types import CellIndex, Floats

MARGINS = (0.9, 0.2, 0.01)
"""Shares of half the range of a published value, such as its rounding, that are kept free at either end: the first if it can
be."""

EDGE = 1e-6
"""How far from a whole number of steps a sum may be to be one, in steps."""


@dataclass(frozen=True, slots=True, eq=False)
class Quota:
    """Records in each cell, (c,): of the chunks before one, with it, and of all."""

    before: Floats
    upto: Floats
    all: Floats


@dataclass(frozen=True, slots=True, eq=False)
class Quotas:
    """Records in each cell in the first 0, 1, 2, ... chunks, (chunks + 1, c)."""

    upto: Floats

    def __getitem__(self, number: int) -> Quota:
        return Quota(self.upto[number], self.upto[number + 1], self.upto[-1])


def aim_of(target: Target, of: OfValues, cell: CellIndex, quota: Quota, margin: float) -> Aim:
    """What one chunk's numbers are to come to for a mean, total or standard deviation.

    Sums are shared out so that their rounding to the variable's decimals adds up over the chunks.

    Args:
        target: what is wanted of all records.
        of: its statistic.
        cell: (n,) cell of each record of the chunk.
        quota: records in each cell.
        margin: share of half the range of each value that is kept free at either end.
    """
    n = quota.upto - quota.before
    inside = margin * (target.highest - target.lowest) / 2
    low, high = target.lowest + inside, target.highest - inside
    if isinstance(of, Deviation):
        center = np.where(np.isfinite(low), of.middle if of.center is None else of.center, np.nan)
        least, most = of.summed(low), np.square(high)
        # Around the mean as it was published squares are more than around what it is: by the square of its rounding at most.
        off_center = np.minimum(np.square(target.rounding), (most - least) / 4)
        squares = (np.where(least > 0, least + off_center, 0.0) * n, most * n)
        none = np.full(len(n), np.nan)
        return Aim(cell=cell, low=none, high=none, center=center, squares=squares)
    step = 10.0**-of.variable.decimals
    least, most = (edge * quota.all if of.per_row else edge for edge in (low, high))
    # Sums are whole steps: those inside of the range, where there are any, or chunks could each come to less and miss it.
    first, last = np.ceil(least / step - EDGE) * step, np.floor(most / step + EDGE) * step
    some = first <= last
    sums = []
    for whole in (np.where(some, first, least), np.where(some, last, most)):
        each = whole / np.maximum(quota.all, 1.0)
        sums.append(np.rint(each * quota.upto / step) * step - np.rint(each * quota.before / step) * step)
    return Aim(cell=cell, low=sums[0], high=sums[1])
