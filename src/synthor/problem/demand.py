"""What is demanded of the cells of a table: numbers alone, whatever they are counted on."""

from dataclasses import dataclass

import numpy as np

from synthor.schema import Cells
from synthor.types import Counts, Floats

EDGE = 1e-6
"""How near a whole number a wanted count must be to be that number, in rows."""

ANY = 1 << 40
"""Rows that stand for any number of them."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """low <= count <= high in each cell. Of rows as a target says it; whoever needs shares of units divides.

    Attributes:
        low: (c,) the least that each cell may hold, -inf where nothing is demanded.
        high: (c,) the most.
        wanted: (c,) what was published, in between; None where nothing was.
        sigma: (c,) standard deviation of each, where it has a margin of error.

    >>> Demand.exactly(np.array([2.0, 3.0])).over(5.0).low.tolist()
    [0.4, 0.6]
    """

    low: Floats
    high: Floats
    wanted: Floats | None = None
    sigma: Floats | None = None

    @classmethod
    def exactly(cls, wanted: Floats, sigma: Floats | None = None) -> "Demand":
        """Totals as they are wanted, but for margins of error."""
        return cls(low=wanted, high=wanted, wanted=wanted, sigma=sigma)

    @property
    def exact(self) -> bool:
        """Whether no cell has any room."""
        return self.sigma is None and bool((self.low == self.high).all())

    @property
    def likeliest(self) -> Floats:
        """What was published, (c,); the middle of the interval where nothing was."""
        return (self.low + self.high) / 2 if self.wanted is None else self.wanted

    def over(self, whole: float | Floats) -> "Demand":
        """The same of shares of a whole."""
        wanted, sigma = (None if one is None else one / whole for one in (self.wanted, self.sigma))
        return Demand(low=self.low / whole, high=self.high / whole, wanted=wanted, sigma=sigma)

    @property
    def whole(self) -> tuple[Floats, Floats]:
        """Fewest and most whole rows that count as met: at either side of an interval without a whole number in it."""
        low, high = np.ceil(self.low - EDGE), np.floor(self.high + EDGE)
        none = low > high
        return np.where(none, np.floor(self.low + EDGE), low), np.where(none, np.ceil(self.high - EDGE), high)

    @property
    def rows(self) -> tuple[Counts, Counts]:
        """The same in whole numbers, `ANY` where there is no end.

        >>> Demand(low=np.array([1.5, -np.inf]), high=np.array([3.0, np.inf])).rows[0].tolist()
        [2, -1099511627776]
        """
        low, high = self.whole
        return np.maximum(low, -ANY).astype(np.int64), np.minimum(high, ANY).astype(np.int64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demanded:
    """A table on some units, and what is demanded of its cells.

    Attributes:
        cells: how often each unit counts in each.
        demand: of the sum over all units, each times its weight or its copies.
    """

    cells: Cells
    demand: Demand

    @classmethod
    def between(cls, cells: Cells, low: Floats, high: Floats) -> "Demanded":
        """Anything between two edges."""
        return cls(cells=cells, demand=Demand(low=low, high=high))

    @property
    def low(self) -> Floats:
        """The least that each cell may hold."""
        return self.demand.low

    @property
    def high(self) -> Floats:
        """The most."""
        return self.demand.high

    def off(self, counts: Counts) -> Counts:
        """How far whole copies of the units are off, (c,): above zero rows too many, below zero too few.

        Args:
            counts: (n,) copies of each unit.
        """
        low, high = self.demand.rows
        got = np.rint(self.cells.totals(counts.astype(np.float64))).astype(np.int64)
        return got - np.clip(got, low, high)
