"""How many records a cell may hold, so that numbers of so many decimals can have its mean and its standard deviation at all.

A mean of 12.34 of whole numbers is that of 50 records, or of 41, but of no 7: the sum of 7 would have to lie between 86.35 and
86.41. Small cells whose means are printed to several digits hold only some numbers of records, and a programme that knows which
does not look for numbers where there are none.
"""

from dataclasses import dataclass

import numpy as np

from synthor.types import Counts, Floats, Mask

EDGE = 1e-6
"""How far from a whole number of steps a sum may be to be one, in steps."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sizes:
    """Numbers of records with which a mean can be had, and the sums that are.

    Attributes:
        few: (k,) those below `many`, rising.
        first: (k,) smallest sum of each, in steps.
        last: (k,) largest.
        many: from so many records on there always is one.
    """

    few: Counts
    first: Floats
    last: Floats
    many: int


def sizes_for(mean: tuple[float, float], spread: tuple[float, float] | None, most: int) -> Sizes:
    """Which numbers of records a cell may hold, up to `most`.

    Args:
        mean: smallest and largest mean that is wanted, in steps: numbers are whole.
        spread: smallest and largest standard deviation, in steps; None where none is wanted.
        most: records of all cells.

    >>> found = sizes_for((12.335, 12.345), None, 60)
    >>> found.few.tolist(), found.many
    ([29, 32, 35, 38, 41, 44, 47, 50, 53, 56, 58, 59], 61)
    """
    low, high = mean
    wide = high - low
    many = int(min(np.ceil(1 / wide), most + 1)) if wide > 0 else most + 1
    if spread is not None:
        many = max(many, 2 if spread[0] > EDGE else 1)
    n = np.arange(1, min(many, most + 1), dtype=np.int64)
    first, last = np.ceil(low * n - EDGE), np.floor(high * n + EDGE)
    can = first <= last
    if spread is not None:
        can &= _spread_out(n, first, last, spread)
    return Sizes(few=n[can], first=first[can], last=last[can], many=many)


def _spread_out(n: Counts, first: Floats, last: Floats, spread: tuple[float, float]) -> Mask:
    """Whether whole numbers with some sum can have such squares, as far as their parity tells: v^2 is odd where v is."""
    low, high = n * np.square(max(spread[0], 0.0)), n * np.square(spread[1])
    found: Mask = np.zeros(len(n), bool)
    for more in range(int((last - first).max(initial=-1)) + 1):
        total = first + more
        own = np.square(total) / n
        least, most = np.ceil(own + low - EDGE), np.floor(own + high + EDGE)
        least += (least - total) % 2
        found |= (total <= last) & (least <= most)
    two = np.flatnonzero(n == 2)
    if len(two):  # of two numbers d apart the squares are d^2 / 2 from their middle
        apart = np.arange(np.ceil(2 * max(spread[0], 0.0) - EDGE), np.floor(2 * spread[1] + EDGE) + 1)
        sums = np.arange(first[two[0]], last[two[0]] + 1)
        found[two] = bool(np.isin(np.unique(apart % 2), np.unique(sums % 2)).any())
    if spread[0] > EDGE:
        found[n == 1] = False
    return found
