"""How the rows below become one number of the row above them: their count, a sum, a mean, the least, the greatest, any, all.

A fold has two readings. On *values* it is exact: numbers are counted in steps of their last decimal, so that 0.1 and 0.2 are
0.3. On *categories* values lie between ends, and whether a row counts may be open: then it is an interval, which holds the
number whatever the values are, and whose ends some values reach.

What there is of nobody: a count and a sum are 0, nobody is any and everybody is all; a mean, a least and a greatest are not
there, which is NaN. Rows without a value (NaN) are nobody.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from synthor.types import CellIndex, Counts, Floats, Mask

OFF = 1e-6
"""Steps by which a number may miss a whole one and be it. Others have more decimals than declared and stay as they are."""


class Fold(ABC):
    """How several rows become one number.

    Attributes:
        name: as it is written.
        takes_numbers: whether it is of a variable's numbers; else a row's number is 1, or 0 where it is asked and is not such.
        nobody: the number of nobody; NaN where there is none.
        of_bins: whether it is known from bins alone, where these are cut at its own edges.
    """

    name: ClassVar[str]
    of_bins: ClassVar[bool] = True
    takes_numbers: ClassVar[bool] = True
    nobody: ClassVar[float] = 0.0

    def of_values(self, values: Floats, parent: CellIndex, n: int, decimals: int = 0) -> Floats:
        """The number of each row above, (n,).

        Args:
            values: (rows,) the numbers of the rows that count.
            parent: (rows,) the row above each.
            n: rows above.
            decimals: of the values.

        >>> MEAN.of_values(np.array([0.1, 0.2, 7]), np.array([0, 0, 2]), 3, decimals=1).tolist()
        [0.15, nan, 7.0]
        """
        there, scale = ~np.isnan(values), 10.0**decimals
        return self._folded(_steps(values[there], scale), parent[there], n, scale)

    def of_bounds(
        self, low: Floats, high: Floats, may: Mask, must: Mask, parent: CellIndex, n: int, decimals: int = 0
    ) -> tuple[Floats, Floats]:
        """Between which ends the number of each row above lies, (n,) each, if it is there; NaN where none can be.

        Args:
            low: (rows,) the least number of each row below.
            high: (rows,) the greatest.
            may: whether it may count.
            must: whether it counts in any case.
            parent: (rows,) the row above each.
            n: rows above.
            decimals: of the numbers.

        >>> [side.tolist() for side in COUNT.of_bounds(np.ones(2), np.ones(2), np.array([True, True]), np.array([True, False]),
        ...                                            np.array([0, 0]), 2)]
        [[1.0, 0.0], [2.0, 0.0]]
        """
        may, scale = may & ~np.isnan(low), 10.0**decimals
        return self._bounds(_steps(low[may], scale), _steps(high[may], scale), must[may], parent[may], n, scale)

    @abstractmethod
    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        """`of_values` of rows with numbers, these in steps, `scale` of which are one."""

    @abstractmethod
    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        """`of_bounds` of rows that all may count, their ends in steps."""


class SumOf(Fold):
    """What their numbers come to."""

    name = "sum"
    of_bins = False

    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        return _total(steps, parent, n) / scale

    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        least = self._folded(np.where(must, low, np.minimum(low, 0)), parent, n, scale)
        return least, self._folded(np.where(must, high, np.maximum(high, 0)), parent, n, scale)


class CountOf(SumOf):
    """How many there are: the sum of ones."""

    name = "count"
    of_bins = True
    takes_numbers = False


class MeanOf(Fold):
    """What their numbers come to, by how many there are."""

    name = "mean"
    of_bins = False
    nobody = np.nan

    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        return _mean(_total(steps, parent, n), np.bincount(parent, minlength=n), scale)

    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        return _least_mean(low, must, parent, n, scale), -_least_mean(-high, must, parent, n, scale)


class MaxOf(Fold):
    """The greatest of their numbers."""

    name = "max"
    nobody = np.nan

    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        return _greatest(steps, parent, n) / scale

    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        of_some = _greatest(low[must], parent[must], n)
        of_one = -_greatest(-low, parent, n)  # where nobody counts in any case, the one with the least may count alone
        return np.where(np.isnan(of_some), of_one, of_some) / scale, _greatest(high, parent, n) / scale


class MinOf(MaxOf):
    """The least of their numbers: the greatest, counted downwards."""

    name = "min"

    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        return 0.0 - super()._folded(-steps, parent, n, scale)  # no minus zero

    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        downwards = super()._bounds(-high, -low, must, parent, n, scale)
        return -downwards[1], -downwards[0]


class AnyOf(MaxOf):
    """Whether any of those who are asked is such: 1 or 0."""

    name = "any"
    takes_numbers = False
    nobody = 0.0

    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        return np.nan_to_num(super()._folded(steps, parent, n, scale), nan=0.0)

    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        return self._folded(low[must], parent[must], n, scale), self._folded(high, parent, n, scale)


class AllOf(AnyOf):
    """Whether all of those who are asked are such: whether not any is not."""

    name = "all"
    nobody = 1.0

    def _folded(self, steps: Floats, parent: CellIndex, n: int, scale: float) -> Floats:
        return 1.0 - super()._folded(scale - steps, parent, n, scale)

    def _bounds(self, low: Floats, high: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> tuple[Floats, Floats]:
        return self._folded(low, parent, n, scale), self._folded(high[must], parent[must], n, scale)


COUNT, SUM, MEAN, MIN, MAX, ANY, ALL = CountOf(), SumOf(), MeanOf(), MinOf(), MaxOf(), AnyOf(), AllOf()

FOLDS: Mapping[str, Fold] = {fold.name: fold for fold in (COUNT, SUM, MEAN, MIN, MAX, ANY, ALL)}
"""All of them by name."""


def _steps(values: Floats, scale: float) -> Floats:
    """Numbers in steps of their last decimal: whole ones, whose sums floats hold exactly."""
    steps = values * scale
    near = np.rint(steps)
    return np.where(np.abs(steps - near) <= OFF + 4e-16 * np.abs(near), near, steps)


def _total(steps: Floats, parent: CellIndex, n: int) -> Floats:
    """What steps below each row come to, (n,)."""
    return np.bincount(parent, steps, n).astype(np.float64, copy=False)


def _mean(total: Floats, size: Counts, scale: float) -> Floats:
    """What some steps come to by how many numbers they are of, NaN where there is none."""
    return np.divide(total, size * scale, out=np.full(len(size), np.nan), where=size > 0)


def _greatest(steps: Floats, parent: CellIndex, n: int) -> Floats:
    """The greatest below each row, (n,), NaN where there is none."""
    found = np.full(n, -np.inf)
    np.maximum.at(found, parent, steps)
    return np.where(np.isneginf(found), np.nan, found)


def _least_mean(low: Floats, must: Mask, parent: CellIndex, n: int, scale: float) -> Floats:
    """The least mean that rows below can have, (n,): of those that count in any case and of the lowest of the others.

    Each of the others lowers the mean while it lies below it, so the least is that of some first ones, in rising order.
    """
    total, size = _total(low[must], parent[must], n), np.bincount(parent[must], minlength=n)
    found = _mean(total, size, scale)
    others = np.flatnonzero(~must)
    others = others[np.lexsort((low[others], parent[others]))]
    if len(others):
        above = parent[others]
        first = np.searchsorted(above, above)  # of the same row above
        upto = np.cumsum(low[others])
        upto -= upto[first] - low[others][first]
        rank = np.arange(len(others)) - first + 1
        np.fmin.at(found, above, (total[above] + upto) / ((size[above] + rank) * scale))
    return found
