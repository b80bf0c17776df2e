"""Weights to whole counts: balanced sampling, then repair until the tables are met.

Systematic sampling along the candidates in the order of their categories gives counts whose tables are off by little. Repair
then swaps one unit at a time, taking out one that counts where there is too much and putting in the candidate that
mends most, until every cell lies between its lowest and highest whole count or no swap helps. Only candidates with a weight
are ever put in, so repair breaks no rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.types import Counts, Floats
from synthor.units import Cells, Partition

TRIES = 400
"""Swaps in a row that may fail to help before repair gives up."""

LIKELY = 1e-3
"""A candidate that is put in must weigh at least so much of the mean weight, while any such can mend the cells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Band:
    """Whole counts that a table may have: low <= C'counts <= high, (c,) each."""

    cells: Cells
    low: Counts
    high: Counts

    def excess(self, got: Floats) -> Floats:
        """How far each cell is off: above zero too many, below zero too few."""
        return np.maximum(got - self.high, 0) + np.minimum(got - self.low, 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Integers:
    """Whole counts.

    Attributes:
        counts: (n,) copies of each candidate.
        error: sum over all cells of how far they are off (TAE).
        swaps: how many units repair exchanged.
    """

    counts: Counts
    error: int
    swaps: int


def integerize(
    weights: Floats,
    total: int,
    bands: Sequence[Band],
    order: Counts,
    random: np.random.Generator,
    *,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Integers:
    """Whole counts that sum to `total`, follow the weights and meet the tables as nearly as repair can.

    Args:
        weights: (n,) share of each candidate, summing to one.
        total: units wanted.
        bands: tables to be met.
        order: (n,) an order of the candidates in which neighbours are alike.
        random: draws the start of the systematic sample and the swaps.
        advance: told how much of the error is gone, of how much.

    >>> cells = Partition(np.array([0, 0, 1, 1]), 2)
    >>> wanted = np.array([3, 2])
    >>> found = integerize(np.full(4, 0.25), 5, [Band(cells=cells, low=wanted, high=wanted)], np.arange(4),
    ...                    np.random.default_rng(0))
    >>> cells.totals(found.counts), found.error
    (array([3., 2.]), 0)
    """
    counts = systematic(weights, total, order, random)
    repair = _Repair(weights, counts, bands, random)
    first = repair.error
    failures = 0
    while repair.error > 0 and failures < TRIES:
        failures = 0 if repair.swap() else failures + 1
        advance(first - repair.error, first)
    advance(first, first)
    return Integers(counts=repair.counts, error=repair.error, swaps=repair.swaps)


def systematic(weights: Floats, total: int, order: Counts, random: np.random.Generator) -> Counts:
    """Counts within one of their expectations, by one random start and equal steps along `order`.

    >>> systematic(np.array([0.5, 0.25, 0.25]), 4, np.arange(3), np.random.default_rng(0))
    array([2, 1, 1])
    """
    rising = np.cumsum(weights[order])
    rising *= total / rising[-1]
    marks = np.floor(rising - random.random() + 1).astype(np.int64)
    marks[-1] = total
    counts = np.zeros(len(weights), np.int64)
    counts[order] = np.diff(marks, prepend=0)
    return counts


class _Repair:
    """Counts under repair, with the tables that follow from them."""

    def __init__(self, weights: Floats, counts: Counts, bands: Sequence[Band], random: np.random.Generator) -> None:
        self.counts, self.bands, self.random = counts, bands, random
        self.likely = weights >= LIKELY / max(int(np.count_nonzero(weights)), 1)
        self.possible = weights > 0
        self.got = [band.cells.totals(counts.astype(np.float64)) for band in bands]
        self.error = self._error()
        self.swaps = 0

    def _error(self) -> int:
        return int(sum(np.abs(band.excess(got)).sum() for band, got in zip(self.bands, self.got, strict=True)))

    def swap(self) -> bool:
        """Exchange one unit for another if that lowers the error, or leaves it but moves it elsewhere."""
        out = self._worst_unit()
        self._count(out, -1)
        into = self._best_candidate(out)
        self._count(into, +1)
        error = self._error()
        improved = error < self.error
        if error > self.error:
            self._count(into, -1)
            self._count(out, +1)
            return False
        self.swaps += into != out
        self.error = error
        return improved

    def _count(self, unit: int, change: int) -> None:
        self.counts[unit] += change
        for band, got in zip(self.bands, self.got, strict=True):
            cells, times = band.cells.row(unit)
            got[cells] += change * times

    def _worst_unit(self) -> int:
        """A unit from an overfull cell whose removal helps most; among equals, any."""
        gain = self._gain(-1)
        gain[self.counts == 0] = -np.inf
        return self._any_best(gain)

    def _best_candidate(self, out: int) -> int:
        gain = self._gain(+1)
        gain[~self.likely] = -np.inf
        gain[out] = -np.inf
        if not np.isfinite(gain.max()):
            gain = np.where(self.possible, self._gain(+1), -np.inf)
        return self._any_best(gain)

    def _any_best(self, gain: Floats) -> int:
        best = np.flatnonzero(gain >= gain.max() - 1e-9)
        return int(best[self.random.integers(len(best))])

    def _gain(self, change: int) -> Floats:
        """By how much one more (or one less) of each candidate lowers the error, (n,)."""
        total = np.zeros(len(self.counts))
        for band, got in zip(self.bands, self.got, strict=True):
            now = np.abs(band.excess(got))
            if isinstance(band.cells, Partition):
                total += band.cells.spread(now - np.abs(band.excess(got + change)))
                continue
            matrix = band.cells.matrix()
            after = got[matrix.indices] + change * matrix.data
            off = np.maximum(after - band.high[matrix.indices], 0) + np.maximum(band.low[matrix.indices] - after, 0)
            gains = now[matrix.indices] - off
            rows = np.repeat(np.arange(matrix.shape[0]), np.diff(matrix.indptr))
            total += np.bincount(rows, gains, matrix.shape[0])
        return total
