"""Moves that add to cells and take from them, and a search among them for counts that are met.

All moves are priced at once, step after step. Where none helps, cells that are off become dearer, until one does (breakout
local search; Morris, 1993): so the search leaves hollows that hold it. Two moves that together give exactly what is lacking are
looked up by sums of random numbers, one a cell.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthor.types import CellIndex, Counts, Floats

if TYPE_CHECKING:
    from synthor.sample.rows import Matrix

DEARER, FORGOTTEN = 1.0, 0.98
"""What a cell that is off gains in price where nothing helps, and the share of all prices that is kept then."""

Sums = NDArray[np.uint64]


def key_of(n: int, random: np.random.Generator) -> Sums:
    """A random number for each of n cells, by which sums tell what alters them."""
    return random.integers(2**63, size=n).astype(np.uint64)


class Standing:
    """What cells hold, and what they should.

    Attributes:
        low: (c,) fewest.
        high: (c,) most.
        got: (c,) now.
        prices: (c,) of an error of one.
    """

    def __init__(self, low: Counts, high: Counts, got: Counts) -> None:
        self.low, self.high, self.got = low, high, got
        self.prices = np.ones(len(low))

    def off(self) -> Counts:
        """How far each cell is off: above zero too many, below zero too few."""
        found: Counts = np.maximum(self.got - self.high, 0) + np.minimum(self.got - self.low, 0)
        return found

    @property
    def error(self) -> int:
        """How far all cells are off."""
        return int(np.abs(self.off()).sum())

    def priced(self, most: int) -> Floats:
        """What it costs to add -most, ..., most to each cell, (c, 2 most + 1)."""
        then = self.got[:, None] + np.arange(-most, most + 1)
        off = np.maximum(then - self.high[:, None], 0) + np.maximum(self.low[:, None] - then, 0)
        priced: Floats = (off - np.abs(self.off())[:, None]) * self.prices[:, None]
        return priced

    def grow_dearer(self) -> None:
        """Cells that are off cost more from now on, and all others forget a little."""
        self.prices += DEARER * (self.off() != 0)
        self.prices = np.maximum(FORGOTTEN * self.prices, 1.0)


class Moves:
    """What moves add to cells.

    Args:
        change: (m, c) whole numbers; no row without any.
        key: (c,) a random number for each cell.
    """

    def __init__(self, change: "Matrix", key: Sums) -> None:
        self.change: Any = change
        sums = change.astype(np.uint64) @ key
        self._key, self._rising = key, np.argsort(sums)
        self._sums = sums[self._rising]
        self._most = int(np.abs(change.data).max())
        self._begin, self._slots = change.indptr[:-1], change.indices * (2 * self._most + 1) + change.data + self._most

    def costs(self, standing: Standing) -> Floats:
        """Of each move, (m,); below zero where it helps."""
        found: Floats = np.add.reduceat(standing.priced(self._most).ravel()[self._slots], self._begin)
        return found

    def make(self, move: int, standing: Standing) -> None:
        """Make one move."""
        part = slice(self.change.indptr[move], self.change.indptr[move + 1])
        standing.got[self.change.indices[part]] += self.change.data[part]

    def mending(self, standing: Standing) -> list[tuple[int, int]]:
        """Pairs of moves that together leave nothing off; of equal second ones the first."""
        wanted = (-standing.off()).astype(np.uint64) @ self._key - self._sums  # falls, so that it is soon looked up
        place = np.minimum(np.searchsorted(self._sums, wanted), len(self._sums) - 1)
        ones: CellIndex = np.flatnonzero(self._sums[place] == wanted)
        return list(zip(self._rising[ones].tolist(), self._rising[place[ones]].tolist(), strict=True))
