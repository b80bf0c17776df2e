"""Many tables counted at once: tables that share variables are kept as one joint block.

A pass over all candidates is what costs. Tables whose joint cells are few (all pairs of four or five variables, say) are put
into one block: one index of the candidates' joint cell, and for each table a map from joint cells to its own. Then one
`bincount` gives the totals of all tables of the block, and one gather spreads the sum of all their multipliers; what lies
between works on the joint cells alone.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from synthor.types import CellIndex, Floats
from synthor.units import Cells, Partition

if TYPE_CHECKING:
    from scipy import sparse

MOST_JOINT = 8_192
"""Joint cells of a block: few enough to stay in a processor's cache."""

MOST_LOOKED_UP = 4_000_000
"""Length of an array in which combinations are looked up; beyond it they are sorted."""

SPARSEST = 64
"""Possible combinations for each joint cell beyond which tables are taken to have little in common."""

LOOKED_AT = 16_384
"""Candidates that are looked at to see which tables go together."""


@dataclass(frozen=True, eq=False)
class Block:
    """Tables that partition the candidates, and their joint cells.

    Attributes:
        tables: positions of its tables among all.
        index: (n,) joint cell of each candidate.
        size: number of joint cells.
        maps: for each table, (size,) its cell; its own size for none.
        sizes: cells of each table.
    """

    tables: tuple[int, ...]
    index: CellIndex
    size: int
    maps: tuple[CellIndex, ...]
    sizes: tuple[int, ...]

    def joint(self, weights: Floats) -> Floats:
        """Weight of each joint cell, (size,)."""
        return np.bincount(self.index, weights, self.size).astype(np.float64, copy=False)

    def totals(self, joint: Floats, place: int) -> Floats:
        """Totals of one table, by its place in the block, from the weights of the joint cells."""
        return np.bincount(self.maps[place], joint, self.sizes[place] + 1)[:-1].astype(np.float64, copy=False)

    def spread(self, values: Floats, place: int) -> Floats:
        """For each joint cell the value of one table's cell, (size,); 0 where it has none."""
        return np.append(values, 0.0)[self.maps[place]]

    def all_totals(self, joint: Floats) -> list[Floats]:
        """Totals of every table of the block."""
        totals = np.asarray(self._matrices[1] @ joint)
        return [part[:-1] for part in np.split(totals, np.cumsum(self.sizes)[:-1] + np.arange(1, len(self.sizes)))]

    def spread_all(self, values: Sequence[Floats]) -> Floats:
        """For each joint cell the sum of its cells' values over the block's tables, (size,)."""
        padded = np.zeros(sum(self.sizes) + len(self.sizes))
        start = 0
        for part in values:
            padded[start : start + len(part)] = part
            start += len(part) + 1
        return np.asarray(self._matrices[0] @ padded)

    @cached_property
    def _matrices(self) -> tuple["sparse.csr_array", "sparse.csr_array"]:
        """Joint cells by cells of all tables, one more a table for units that count in none; and the same transposed."""
        from scipy import sparse

        starts = np.concatenate([[0], np.cumsum(np.array(self.sizes) + 1)])
        columns = np.column_stack([own + start for own, start in zip(self.maps, starts, strict=False)])
        rows = np.arange(self.size + 1) * len(self.tables)
        shape = (self.size, int(starts[-1]))
        matrix = sparse.csr_array((np.ones(columns.size), columns.ravel(), rows), shape=shape)
        return matrix, sparse.csr_array(matrix.T)


@dataclass(frozen=True, slots=True, eq=False)
class Tables:
    """All tables of a problem: blocks of partitions, and those in which a unit may count often, each alone.

    Attributes:
        cells: every table, in the given order.
        blocks: of those that partition the candidates.
        alone: positions of the others.
    """

    cells: tuple[Cells, ...]
    blocks: tuple[Block, ...]
    alone: tuple[int, ...]

    def totals(self, weights: Floats) -> list[Floats]:
        """Weighted count of each cell of each table."""
        found: list[Floats] = [np.empty(0)] * len(self.cells)
        for block in self.blocks:
            for table, totals in zip(block.tables, block.all_totals(block.joint(weights)), strict=True):
                found[table] = totals
        for table in self.alone:
            found[table] = self.cells[table].totals(weights)
        return found

    def spread(self, values: Sequence[Floats], onto: Floats) -> Floats:
        """`onto` (n,) plus, for each candidate, the sum of its cells' values over all tables; changed in place."""
        for block in self.blocks:
            onto += block.spread_all([values[table] for table in block.tables])[block.index]
        for table in self.alone:
            onto += self.cells[table].spread(values[table])
        return onto


def gathered(cells: Sequence[Cells]) -> Tables:
    """Put tables that share variables into blocks.

    >>> a, b = Partition(np.array([0, 1, 1]), 2), Partition(np.array([1, 1, 0]), 2)
    >>> [total.tolist() for total in gathered([a, b]).totals(np.array([0.5, 0.25, 0.25]))]
    [[0.5, 0.5], [0.25, 0.75]]
    """
    flat = [t for t, table in enumerate(cells) if isinstance(table, Partition)]
    indices = {t: cells[t].index for t in flat if isinstance(cells[t], Partition)}  # type: ignore[attr-defined]
    sizes = {t: cells[t].size + 1 for t in flat}
    groups = _grouped(indices, sizes)
    blocks = tuple(_block(group, indices, sizes) for group in groups)
    return Tables(tuple(cells), blocks, tuple(t for t in range(len(cells)) if t not in indices))


def _grouped(indices: dict[int, CellIndex], sizes: dict[int, int]) -> list[list[int]]:
    """Which tables share a block: each block takes the table that adds fewest joint cells, while they stay few.

    Judged by candidates at even distances; largest tables first, so that tables inside them cost nothing.
    """
    left = sorted(indices, key=lambda t: (-sizes[t], t))
    n = max((len(index) for index in indices.values()), default=0)
    step = max(n // LOOKED_AT, 1)
    seen = {t: index[::step] for t, index in indices.items()}
    groups = []
    while left:
        group, index = [left[0]], seen[left[0]]
        bounds = [(0, t) for t in left[1:]]  # fewest joint cells that adding a table may bring: they only become more
        while bounds:
            _, table = heapq.heappop(bounds)
            joint = _present(index, seen[table], sizes[table])
            if joint is None:
                continue
            if bounds and (len(joint), table) > bounds[0]:
                heapq.heappush(bounds, (len(joint), table))
                continue
            group.append(table)
            index = _codes(index, seen[table], sizes[table], joint)
        groups.append(group)
        left = [t for t in left if t not in group]
    return groups


def _present(index: CellIndex, other: CellIndex, size: int) -> CellIndex | None:
    """Combinations of two indices that occur, rising; None where they are too many."""
    both = index * size + other
    if int(both.max(initial=0)) >= SPARSEST * MOST_JOINT:
        return None
    found = np.flatnonzero(np.bincount(both))
    return found if len(found) <= MOST_JOINT else None


def _codes(index: CellIndex, other: CellIndex, size: int, present: CellIndex) -> CellIndex:
    """Position of each combination among those present."""
    both = index * size + other
    top = int(present[-1]) + 1 if len(present) else 1
    if top <= MOST_LOOKED_UP:
        lookup = np.zeros(top, np.int64)
        lookup[present] = np.arange(len(present))
        return lookup[both]
    return np.searchsorted(present, both)


def _block(group: list[int], indices: dict[int, CellIndex], sizes: dict[int, int]) -> Block:
    """The joint cells of some tables over all candidates."""
    index, present = indices[group[0]], np.arange(sizes[group[0]])
    maps = [present]
    for t in group[1:]:
        own = np.zeros(len(maps[0]), np.int64)
        own[index] = indices[t]
        if np.array_equal(own[index], indices[t]):  # a table inside the joint cells that are there already
            maps.append(own)
            continue
        both = index * sizes[t] + indices[t]
        top = int(both.max(initial=0)) + 1
        found = np.flatnonzero(np.bincount(both, minlength=top)) if top <= MOST_LOOKED_UP else np.unique(both)
        index = _codes(index, indices[t], sizes[t], found)
        before, own = np.divmod(found, sizes[t])
        maps = [*(known[before] for known in maps), own]
    return Block(tuple(group), index, len(maps[0]), tuple(maps), tuple(sizes[t] - 1 for t in group))
