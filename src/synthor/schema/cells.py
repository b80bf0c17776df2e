"""How often each unit counts in each cell of a table: the matrices that the solver works on.

Every table, at whatever level, is a sparse matrix of counts, units by cells. Where each unit counts once at most (tables of
units themselves) that matrix is a plain index.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Protocol

import numpy as np

from synthor.types import CellIndex, Codes, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse


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

    def squares(self, weights: Floats) -> Floats:
        """Weighted sum of the squared counts in each cell, (c,)."""
        ...

    def matrix(self) -> "sparse.csr_array":
        """C itself."""
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

    def squares(self, weights: Floats) -> Floats:
        return self.totals(weights)

    def matrix(self) -> "sparse.csr_array":
        from scipy import sparse

        inside = self.index < self.size
        starts = np.concatenate([[0], np.cumsum(inside)])
        return sparse.csr_array((np.ones(starts[-1]), self.index[inside], starts), shape=(len(self.index), self.size))


@dataclass(frozen=True, slots=True, eq=False)
class ByRow:
    """Rows of units, each in one cell of a table or in none.

    Attributes:
        index: (rows,) the cell of each; the table's size for none.
        starts: (n + 1,) the first row of each unit; units stand in order.
    """

    index: CellIndex
    starts: CellIndex


@dataclass(frozen=True, eq=False)
class Incidence:
    """Each unit counts any number of times in any cells.

    Attributes:
        counts: units by cells.
        by_row: the rows that are counted, where it is these, each once.
    """

    counts: "sparse.csr_array"
    by_row: ByRow | None = None

    @classmethod
    def of(cls, values: Floats, units: CellIndex, cells: CellIndex, shape: tuple[int, int]) -> "Incidence":
        """What is counted entry by entry; entries of the same unit and cell add up."""
        from scipy import sparse

        return cls(sparse.csr_array(sparse.coo_array((values, (units, cells)), shape=shape)))

    @property
    def size(self) -> int:
        return int(self.counts.shape[1])

    @cached_property
    def rows(self) -> Floats:
        """How often each unit counts in all cells together, (n,)."""
        return np.asarray(self.counts.sum(axis=1), np.float64)

    def constant(self, among: Mask) -> tuple[Mask, Floats]:
        """Cells in which all of some units count alike, (c,), whatever weights they have, and how often each does at most."""
        some = self.counts[np.flatnonzero(among)].tocsc()
        if not some.shape[0]:
            return np.zeros(self.size, bool), np.zeros(self.size)
        most = np.asarray(some.max(axis=0).toarray(), np.float64).ravel()
        return most == some.min(axis=0).toarray().ravel(), most

    @cached_property
    def _transposed(self) -> "sparse.csr_array":
        from scipy import sparse

        return sparse.csr_array(self.counts.T)

    def totals(self, weights: Floats) -> Floats:
        return np.asarray(self._transposed @ weights, dtype=np.float64)

    @classmethod
    def of_rows(cls, by_row: ByRow, size: int) -> "Incidence":
        """What is counted row by row."""
        inside, n = by_row.index < size, len(by_row.starts) - 1
        unit = np.repeat(np.arange(n), np.diff(by_row.starts))[inside]
        found = cls.of(np.ones(len(unit)), unit, by_row.index[inside], (n, size))
        return cls(counts=found.counts, by_row=by_row)

    def spread(self, values: Floats) -> Floats:
        return np.asarray(self.counts @ values, dtype=np.float64)

    def squares(self, weights: Floats) -> Floats:
        return np.asarray(self._squared @ weights)

    @cached_property
    def _squared(self) -> "sparse.csc_array":
        return self.counts.power(2).T

    def matrix(self) -> "sparse.csr_array":
        return self.counts


@dataclass(frozen=True, eq=False)
class Conditional:
    """How far each unit's rows are from believed shares of a column given another: c_ij - t_ij c_i for each cell (i, j).

    Where C'p of it is 0 the rows are as believed, however many there are. As a matrix it would be dense in j; so numbers y of
    its cells are spread over the plain counts as y_ij - sum_k t_ik y_ik.

    Attributes:
        counts: the plain counts c of the cells (i, j), row-major.
        rows: (i, j) shares t, each row summing to one.
    """

    counts: Cells
    rows: Floats

    @property
    def size(self) -> int:
        return self.rows.size

    def totals(self, weights: Floats) -> Floats:
        return self.of_counts(self.counts.totals(weights))

    def of_counts(self, totals: Floats) -> Floats:
        """The same from the totals of the plain counts, (c,)."""
        joint = totals.reshape(self.rows.shape)
        return np.asarray(joint - self.rows * joint.sum(axis=1, keepdims=True)).ravel()

    def spread(self, values: Floats) -> Floats:
        return self.counts.spread(self.on_counts(values))

    def on_counts(self, values: Floats) -> Floats:
        """What numbers of its cells are as numbers of the plain ones, (c,)."""
        of = values.reshape(self.rows.shape)
        return np.asarray(of - (self.rows * of).sum(axis=1, keepdims=True)).ravel()

    def squares(self, weights: Floats) -> Floats:
        return np.asarray(self._squared @ weights)

    @cached_property
    def _squared(self) -> "sparse.csc_array":
        return self.matrix().power(2).T

    @property
    def among_counts(self) -> "sparse.csr_array":
        """Plain cells by its own: what the plain counts are multiplied with."""
        from scipy import sparse

        return sparse.block_diag([np.eye(len(row)) - np.tile(row, (len(row), 1)) for row in self.rows], format="csr")

    def matrix(self) -> "sparse.csr_array":
        from scipy import sparse

        return sparse.csr_array(self.counts.matrix() @ self.among_counts)


def flat(columns: Sequence[Codes], shape: Sequence[int]) -> CellIndex:
    """Cell, in row-major order, of each row over some columns, (n,) each -> (n,).

    >>> flat([np.array([1, 0], np.int32), np.array([2, 1], np.int32)], [2, 3])
    array([5, 1])
    """
    index = np.zeros(len(columns[0]) if columns else 0, np.int64)
    for column, size in zip(columns, shape, strict=True):
        index *= size
        index += column
    return index
