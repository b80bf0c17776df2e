"""What of a unit with members the tables of areas can see: how many of its rows count in which of their cells.

As `signatures.py` has it for flat units, but a household with three persons counts three times in a table of persons. So units
are told apart by vectors of counts, and large ones are hardly ever alike. The region is one more level, with one area.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthor.geography.areas import distinct
from synthor.problem import Demanded
from synthor.problem.zones import ZoneTable
from synthor.schema import Cells, Incidence, Units
from synthor.types import CellIndex, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

HARDLY = 0.5
"""Rows that stand for none in a cell that is full."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Vectors:
    """The distinct vectors of counts of some units, for each level of areas, the smallest areas first, the region last.

    Attributes:
        of_units: (n,) vector of each unit as the region sees it.
        sizes: how many vectors areas of each level see.
        coarser: for each level but the first, which vector of the level below each of its own is, (sizes,).
        counts: for each level (sizes, cells) how often units count in the cells of its own tables, one table after the other.
        low: for each level (areas, cells) the fewest rows that each cell may hold.
        high: likewise the most.
        strict: (cells,) of the smallest areas: whether nobody at all may be in those that may hold none.
    """

    of_units: CellIndex
    sizes: tuple[int, ...]
    coarser: tuple[CellIndex, ...]
    counts: tuple["sparse.csr_array", ...]
    low: tuple[Floats, ...]
    high: tuple[Floats, ...]
    strict: Mask

    @classmethod
    def of(cls, tables: Sequence[ZoneTable], region: Sequence[Demanded], areas: Sequence[int], units: Units) -> "Vectors":
        """Those that tables see of some units.

        Args:
            tables: of areas.
            region: tables of the region.
            areas: how many there are of each level, the region aside.
            units: of the region.
        """
        from scipy import sparse

        columns: list[CellIndex] = []
        known, matrices, low, high = [], [], [], []
        for level, n in enumerate((*areas, 1)):
            own = [table for table in tables if table.level == level]
            cells = [units.counted(table.rows, table.grid.index(units, table.rows), table.grid.size) for table in own]
            ends: list[tuple[Floats, Floats]] = [(table.low, table.high) for table in own]
            if level == len(areas):
                cells = [table.cells for table in region]
                ends = [(low[None], high[None]) for low, high in (table.demand.whole for table in region)]
            counted = _beside(cells, len(units))
            columns += [counted[:, [at]].toarray().ravel().astype(np.int64) for at in range(counted.shape[1])]
            known.append(len(columns))
            matrices.append(counted.tocsr())
            low.append(np.hstack([np.zeros((n, 0)), *(low for low, _ in ends)]))
            high.append(np.hstack([np.zeros((n, 0)), *(high for _, high in ends)]))
        places = distinct(columns, known, len(units))
        first = [np.unique(place, return_index=True)[1] for place in places]
        return cls(
            of_units=places[-1],
            sizes=tuple(len(one) for one in first),
            coarser=tuple(lower[one] for lower, one in zip(places, first[1:], strict=False)),
            counts=tuple(sparse.csr_array(matrix[one]).astype(np.float64) for matrix, one in zip(matrices, first, strict=True)),
            low=tuple(low),
            high=tuple(high),
            strict=np.array([table.strict for table in tables if not table.level for _ in range(table.grid.size)], bool),
        )

    def numbers(self) -> list[NDArray[Any]]:
        """All that it holds, for a hash."""
        counts = [array for one in self.counts for array in (one.indptr, one.indices, one.data)]
        return [*self.coarser, *counts, *self.low, *self.high]

    def shares(self, weights: Floats) -> Floats:
        """Weight of each vector, as the region sees it."""
        return np.bincount(self.of_units, weights, self.sizes[-1]).astype(np.float64)

    def demanded(self, level: int, area: int) -> Demanded:
        """What the tables of one area demand, on one unit of each vector."""
        return Demanded.between(Incidence(self.counts[level]), self.low[level][area], self.high[level][area])

    def rows(self, picks: Sequence[CellIndex]) -> "Vectors":
        """The same for some areas of each level."""
        low = tuple(one[own] for one, own in zip(self.low, picks, strict=True))
        return replace(self, low=low, high=tuple(one[own] for one, own in zip(self.high, picks, strict=True)))

    def without(self, made: Floats, whole: "Vectors") -> "Vectors":
        """The same, of the region only what is lacking beside so many rows in each of its cells, (cells,).

        Cells that already hold what they should are wanted as empty as can be: nothing less can be asked for.
        """
        low, high = np.maximum(whole.low[-1] - made, 0.0), np.maximum(whole.high[-1] - made, np.minimum(whole.high[-1], HARDLY))
        return replace(self, low=(*self.low[:-1], low), high=(*self.high[:-1], np.maximum(low, high)))


def _beside(cells: Sequence[Cells], n: int) -> "sparse.csc_array":
    """How often units count in the cells of some tables, side by side."""
    from scipy import sparse

    found = sparse.hstack([one.matrix() for one in cells], format="csc") if cells else sparse.csc_array((n, 0))
    return sparse.csc_array(found)
