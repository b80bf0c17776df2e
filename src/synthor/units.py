"""Units and the cells they count in: the arrays that the solver works on.

A *unit* is a top-level record with its members (a household with its persons); a flat record is a unit without members.
Level 0 holds one row a unit; deeper levels hold one row a member and the unit that it belongs to. Every table, at whatever
level, is a sparse matrix of counts, units by cells. Where each unit counts exactly once (tables of level 0) that matrix is a
plain index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synthor.types import CellIndex, Codes, Counts, Floats

if TYPE_CHECKING:
    from scipy import sparse


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Members:
    """Rows of one deeper level: codes (m, v) and the unit (m,) that each belongs to, in rising order."""

    codes: Codes
    unit: CellIndex


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """Candidate units.

    Attributes:
        codes: (n, v) categories at level 0.
        members: one entry a deeper level.
    """

    codes: Codes
    members: tuple[Members, ...] = ()

    def __len__(self) -> int:
        return len(self.codes)

    def level(self, level: int) -> Codes:
        """Codes of all rows of a level."""
        return self.codes if level == 0 else self.members[level - 1].codes

    def take(self, picks: CellIndex) -> "Units":
        """The units at `picks`, in that order, each with its members; a unit may be picked often.

        >>> units = Units(codes=np.zeros((2, 1), np.int32), members=(
        ...     Members(codes=np.array([[5], [6], [7]], np.int32), unit=np.array([0, 0, 1])),))
        >>> units.take(np.array([1, 0, 0])).members[0].unit.tolist()
        [0, 1, 1, 2, 2]
        """
        return Units(codes=self.codes[picks], members=tuple(_take(members, picks, len(self)) for members in self.members))

    def joined(self, other: "Units") -> "Units":
        """These units followed by others."""
        members = tuple(
            Members(codes=np.concatenate([a.codes, b.codes]), unit=np.concatenate([a.unit, b.unit + len(self)]))
            for a, b in zip(self.members, other.members, strict=True)
        )
        return Units(codes=np.concatenate([self.codes, other.codes]), members=members)


def _take(members: Members, picks: CellIndex, n_units: int) -> Members:
    first = np.searchsorted(members.unit, np.arange(n_units + 1))
    sizes = np.diff(first)[picks]
    starts = np.repeat(first[picks] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
    rows = starts + np.arange(sizes.sum())
    return Members(codes=members.codes[rows], unit=np.repeat(np.arange(len(picks)), sizes))


class Cells(Protocol):
    """How often each unit counts in each cell of one table: a matrix C, units (n) by cells (c)."""

    @property
    def size(self) -> int:
        """Number of cells."""
        ...

    def totals(self, weights: Floats) -> Floats:
        """C'w: weighted count of each cell, (c,)."""
        ...

    def spread(self, values: Floats) -> Floats:
        """Cv: for each unit the sum of its cells' values, (n,)."""
        ...

    def matrix(self) -> "sparse.csr_array":
        """C itself."""
        ...

    def row(self, unit: int) -> tuple[CellIndex, Counts]:
        """Cells of one unit and how often it counts in each."""
        ...


@dataclass(frozen=True, eq=False)
class Partition:
    """Each unit counts once, in cell `index` (n,), or nowhere, where the index is `size`."""

    index: CellIndex
    size: int

    @cached_property
    def covers(self) -> bool:
        """Whether every unit counts somewhere."""
        return bool(self.index.max(initial=-1) < self.size)

    def totals(self, weights: Floats) -> Floats:
        return np.bincount(self.index, weights, self.size + 1)[: self.size].astype(np.float64, copy=False)

    def spread(self, values: Floats) -> Floats:
        return values[self.index] if self.covers else np.append(values, 0.0)[self.index]

    def matrix(self) -> "sparse.csr_array":
        from scipy import sparse

        inside = self.index < self.size
        starts = np.concatenate([[0], np.cumsum(inside)])
        return sparse.csr_array((np.ones(starts[-1]), self.index[inside], starts), shape=(len(self.index), self.size))

    def row(self, unit: int) -> tuple[CellIndex, Counts]:
        cells = self.index[unit : unit + 1]
        return (cells, np.ones(1, np.int64)) if cells[0] < self.size else (cells[:0], np.empty(0, np.int64))


@dataclass(frozen=True, eq=False)
class Incidence:
    """Each unit counts any number of times in any cells."""

    counts: "sparse.csr_array"

    @property
    def size(self) -> int:
        return int(self.counts.shape[1])

    @cached_property
    def _transposed(self) -> "sparse.csr_array":
        from scipy import sparse

        return sparse.csr_array(self.counts.T)

    def totals(self, weights: Floats) -> Floats:
        return np.asarray(self._transposed @ weights, dtype=np.float64)

    def spread(self, values: Floats) -> Floats:
        return np.asarray(self.counts @ values, dtype=np.float64)

    def matrix(self) -> "sparse.csr_array":
        return self.counts

    def row(self, unit: int) -> tuple[CellIndex, Counts]:
        begin, end = self.counts.indptr[unit], self.counts.indptr[unit + 1]
        return self.counts.indices[begin:end].astype(np.int64), self.counts.data[begin:end].astype(np.int64)


def cell_index(codes: Codes, columns: Sequence[int], shape: Sequence[int]) -> CellIndex:
    """Flat cell, in row-major order, of each row over some columns, (n, v) -> (n,).

    >>> cell_index(np.array([[1, 2], [0, 1]], np.int32), [0, 1], [2, 3])
    array([5, 1])
    """
    index = np.zeros(len(codes), np.int64)
    for column, size in zip(columns, shape, strict=True):
        index *= size
        index += codes[:, column]
    return index


def cells_of(units: Units, level: int, columns: Sequence[int], shape: Sequence[int]) -> Cells:
    """The cells of a table over some columns of one level, as counts a unit."""
    index = cell_index(units.level(level), columns, shape)
    size = int(np.prod(shape))
    if level == 0:
        return Partition(index, size)
    from scipy import sparse

    unit = units.members[level - 1].unit
    counts = sparse.coo_array((np.ones(len(index)), (unit, index)), shape=(len(units), size))
    return Incidence(sparse.csr_array(counts))
