"""Many tables counted at once: tables that share variables are kept as one joint block.

A pass over all candidates is what costs. Tables whose joint cells are few (all pairs of four or five variables, say) are put
into one block: one index of the candidates' joint cell, and for each table a map from joint cells to its own. Then one
`bincount` gives the totals of all tables of the block, and one gather spreads the sum of all their multipliers; what lies
between works on the joint cells alone. Tables that count the same rows of units are put into blocks of these rows likewise.
"""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from synthor.schema import ByRow, Cells, Conditional, Incidence, Partition
from synthor.types import CellIndex, Floats

if TYPE_CHECKING:
    from scipy import sparse

MOST_JOINT = 8_192
"""Joint cells of a block: few enough to stay in a processor's cache."""

MOST_LOOKED_UP = 4_000_000
"""Length of an array in which combinations are looked up; beyond it they are sorted."""

SPARSEST = 64
"""Possible combinations for each joint cell beyond which tables are taken to have little in common."""

LOOKED_AT = 8_192
"""Candidates that are looked at to see which tables go together."""

MANY_TABLES, NEAREST = 200, 32
"""Of more tables than the first, only so many are looked at for one block: the largest of those that are in none yet."""


@dataclass(frozen=True, eq=False)
class Block:
    """Tables that partition the candidates, or their rows, and their joint cells.

    Attributes:
        tables: positions of its tables among all.
        index: (n,) joint cell of each candidate, or (rows,) of each row.
        size: number of joint cells.
        maps: for each table, (size,) its cell; its own size for none.
        sizes: cells of each table.
        starts: (n + 1,) the first row of each candidate; None where candidates are counted themselves.
    """

    tables: tuple[int, ...]
    index: CellIndex
    size: int
    maps: tuple[CellIndex, ...]
    sizes: tuple[int, ...]
    starts: CellIndex | None = None

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
        return [totals[place] for place in self._places]

    def spread_all(self, values: Sequence[Floats]) -> Floats:
        """For each joint cell the sum of its cells' values over the block's tables, (size,)."""
        padded = np.zeros(sum(self.sizes) + len(self.sizes))
        start = 0
        for part in values:
            padded[start : start + len(part)] = part
            start += len(part) + 1
        return np.asarray(self._matrices[0] @ padded)

    @cached_property
    def _places(self) -> tuple[slice, ...]:
        """Where the cells of each table stand among those of all, one more behind each for units that count in none."""
        ends = np.cumsum(np.array(self.sizes) + 1).tolist()
        return tuple(slice(end - size - 1, end - 1) for end, size in zip(ends, self.sizes, strict=True))

    @cached_property
    def membership(self) -> "sparse.csr_array":
        """Candidates by joint cells: how often each counts there."""
        from scipy import sparse

        starts = np.arange(len(self.index) + 1) if self.starts is None else self.starts
        entries = (np.ones(len(self.index)), self.index, starts)
        found = sparse.csr_array(entries, shape=(len(starts) - 1, self.size), copy=True)
        found.sum_duplicates()  # in place
        return found

    @cached_property
    def inner(self) -> "sparse.csr_array":
        """Joint cells by the cells of all tables of the block."""
        from scipy import sparse

        starts = np.concatenate([[0], np.cumsum(self.sizes)])
        rows = [np.flatnonzero(own < size) for own, size in zip(self.maps, self.sizes, strict=True)]
        columns = [own[kept] + start for own, kept, start in zip(self.maps, rows, starts, strict=False)]
        entries = (np.concatenate(rows), np.concatenate(columns))
        shape = (self.size, int(starts[-1]))
        return sparse.csr_array(sparse.coo_array((np.ones(len(entries[0])), entries), shape=shape))

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


@dataclass(frozen=True, eq=False)
class Tables:
    """All tables of a problem, in blocks as far as they partition candidates or the same rows of theirs.

    Attributes:
        cells: every table, in the given order.
        blocks: of those that partition the candidates.
        of_rows: of those that partition rows of candidates; where shares of these rows are believed, of the plain counts.
        alone: positions of the others.
    """

    cells: tuple[Cells, ...]
    blocks: tuple[Block, ...]
    of_rows: tuple[Block, ...]
    alone: tuple[int, ...]

    @cached_property
    def of_members(self) -> tuple[int, ...]:
        """Positions of all tables in which a candidate may count several times, or by a part."""
        within = {t for block in self.blocks for t in block.tables}
        return tuple(t for t in range(len(self.cells)) if t not in within)

    def totals(self, weights: Floats) -> list[Floats]:
        """Weighted count of each cell of each table."""
        found: list[Floats] = [np.empty(0)] * len(self.cells)
        if self.blocks:
            _, transposed, places = self._joints
            joints = transposed @ weights
            for block, place in zip(self.blocks, places, strict=True):
                for table, totals in zip(block.tables, block.all_totals(joints[place]), strict=True):
                    found[table] = totals
        if self.of_rows:
            _, flipped, places = self._joints_of_rows
            joints = flipped @ weights
            for block, place in zip(self.of_rows, places, strict=True):
                for table, totals in zip(block.tables, block.all_totals(joints[place]), strict=True):
                    cells = self.cells[table]
                    found[table] = cells.of_counts(totals) if isinstance(cells, Conditional) else totals
        for table in self.alone:
            found[table] = self.cells[table].totals(weights)
        return found

    def spread(self, values: Sequence[Floats], onto: Floats) -> Floats:
        """`onto` (n,) plus, for each candidate, the sum of its cells' values over all tables; changed in place."""
        if self.blocks:
            parts = [block.spread_all([values[table] for table in block.tables]) for block in self.blocks]
            onto += self._joints[0] @ np.concatenate(parts)
        if self.of_rows:
            parts = [block.spread_all([self._on_counts(t, values[t]) for t in block.tables]) for block in self.of_rows]
            onto += self._joints_of_rows[0] @ np.concatenate(parts)
        for table in self.alone:
            onto += self.cells[table].spread(values[table])
        return onto

    def _on_counts(self, table: int, values: Floats) -> Floats:
        cells = self.cells[table]
        return cells.on_counts(values) if isinstance(cells, Conditional) else values

    def products(self, weights: Floats) -> Floats:
        """Weighted count of the units in each two cells, over all cells of all tables in the given order, (c, c).

        Blocks meet in their joint cells: only pairs of these that occur are counted, and none of all pairs of tables.
        """
        from scipy import sparse

        starts = np.concatenate([[0], np.cumsum([own.size for own in self.cells])])
        found = np.zeros((starts[-1], starts[-1]))
        groups: list[tuple[sparse.csr_array, sparse.csr_array | None, tuple[int, ...]]]
        groups = [(block.membership, block.inner, block.tables) for block in (*self.blocks, *self.of_rows)]
        groups += [(self.cells[t].matrix(), None, (t,)) for t in self.alone]
        for i, (first, inner, rows) in enumerate(groups):
            weighted = sparse.csr_array((first * weights[:, None]).T)
            into = np.concatenate([np.arange(starts[t], starts[t + 1]) for t in rows])
            for other, inside, columns in groups[i:]:
                both = weighted @ other
                both = both if inside is None else both @ inside
                dense = both.toarray()
                dense = dense if inner is None else inner.T @ dense
                at = np.concatenate([np.arange(starts[t], starts[t + 1]) for t in columns])
                found[np.ix_(into, at)] = dense
                found[np.ix_(at, into)] = dense.T
        for table in (t for block in self.of_rows for t in block.tables):
            own, cells = slice(starts[table], starts[table + 1]), self.cells[table]
            if isinstance(cells, Conditional):  # so far of the plain counts
                found[own] = cells.among_counts.T @ found[own]
                found[:, own] = (cells.among_counts.T @ found[:, own].T).T
        return found

    @cached_property
    def _joints_of_rows(self) -> tuple["sparse.csr_array", "sparse.csr_array", tuple[slice, ...]]:
        """Candidates by the joint cells of all blocks of rows, the same transposed, and where each block's are."""
        from scipy import sparse

        matrix = sparse.csr_array(sparse.hstack([block.membership for block in self.of_rows], format="csr"))
        return matrix, sparse.csr_array(matrix.T), _side_by_side([block.size for block in self.of_rows])

    @cached_property
    def _joints(self) -> tuple["sparse.csr_array", "sparse.csc_array", tuple[slice, ...]]:
        """Candidates by the joint cells of all blocks, the same seen from the side of these, and where each block's are."""
        from scipy import sparse

        places = _side_by_side([block.size for block in self.blocks])
        n, n_blocks = len(self.blocks[0].index), len(self.blocks)
        columns = np.empty((n, n_blocks), np.int32)
        for number, (block, place) in enumerate(zip(self.blocks, places, strict=True)):
            columns[:, number] = block.index
            columns[:, number] += place.start
        rows = np.arange(n + 1) * n_blocks
        matrix = sparse.csr_array((np.ones(columns.size), columns.ravel(), rows), shape=(n, places[-1].stop))
        return matrix, matrix.T, places


def _side_by_side(sizes: Sequence[int]) -> tuple[slice, ...]:
    """Where parts of some sizes are that stand one behind the other."""
    ends = np.cumsum(sizes).tolist()
    return tuple(slice(end - size, end) for end, size in zip(ends, sizes, strict=True))


def gathered(cells: Sequence[Cells]) -> Tables:
    """Put tables that share variables into blocks.

    >>> a, b = Partition(np.array([0, 1, 1]), 2), Partition(np.array([1, 1, 0]), 2)
    >>> [total.tolist() for total in gathered([a, b]).totals(np.array([0.5, 0.25, 0.25]))]
    [[0.5, 0.5], [0.25, 0.75]]
    """
    indices = {t: table.index for t, table in enumerate(cells) if isinstance(table, Partition)}
    blocks = _blocks(indices, {t: cells[t].size for t in indices}, None)
    of_rows = list[Block]()
    rows = {t: by_row for t, table in enumerate(cells) if (by_row := _rows_of(table)) is not None}
    while rows:
        starts = next(iter(rows.values())).starts
        alike = {t: by_row.index for t, by_row in rows.items() if np.array_equal(by_row.starts, starts)}
        of_rows += _blocks(alike, {t: cells[t].size for t in alike}, starts)
        rows = {t: by_row for t, by_row in rows.items() if t not in alike}
    within = {t for block in (*blocks, *of_rows) for t in block.tables}
    return Tables(tuple(cells), blocks, tuple(of_rows), tuple(t for t in range(len(cells)) if t not in within))


def _rows_of(cells: Cells) -> ByRow | None:
    """The rows that a table counts, if it is these, each once; of candidates themselves where shares of these are believed."""
    counts = cells.counts if isinstance(cells, Conditional) else cells
    if isinstance(counts, Partition):
        return ByRow(counts.index, np.arange(len(counts.index) + 1)) if isinstance(cells, Conditional) else None
    return counts.by_row if isinstance(counts, Incidence) else None


def _blocks(indices: dict[int, CellIndex], cells: dict[int, int], starts: CellIndex | None) -> tuple[Block, ...]:
    """Tables by their positions, each with the cell of every candidate or row, in blocks."""
    sizes = {t: size + 1 for t, size in cells.items()}
    return tuple(_block(group, indices, sizes, starts) for group in _grouped(indices, sizes))


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
        others = left[1:] if len(left) <= MANY_TABLES else left[1 : NEAREST + 1]
        bounds = [(0.0, t) for t in others]  # fewest joint cells that adding a table may bring: they only become more
        while bounds:
            _, table = heapq.heappop(bounds)
            found = _present(index, seen[table], sizes[table])
            if found is None:
                continue
            joint, n_joint = found
            if bounds and (n_joint, table) > bounds[0]:
                heapq.heappush(bounds, (n_joint, table))
                continue
            group.append(table)
            index = _codes(index, seen[table], sizes[table], joint)
        groups.append(group)
        left = [t for t in left if t not in group]
    return groups


def _present(index: CellIndex, other: CellIndex, size: int) -> tuple[CellIndex, float] | None:
    """Combinations of two indices that occur, rising, and how many there may be in all; None where they are too many.

    Those that were not seen are estimated by how many were seen once and twice (Chao, 1984).
    """
    both = index * size + other
    if int(both.max(initial=0)) >= SPARSEST * MOST_JOINT:
        return None
    counts = np.bincount(both)
    found = np.flatnonzero(counts)
    if len(found) > MOST_JOINT:
        return None
    often = np.bincount(np.minimum(counts[found], 3), minlength=3)
    unseen = float(often[1]) ** 2 / (2 * max(float(often[2]), 1.0)) if len(both) >= LOOKED_AT else 0.0
    return (found, len(found) + unseen) if len(found) + unseen <= MOST_JOINT else None


def _codes(index: CellIndex, other: CellIndex, size: int, present: CellIndex) -> CellIndex:
    """Position of each combination among those present."""
    both = index * size + other
    top = int(present[-1]) + 1 if len(present) else 1
    if top <= MOST_LOOKED_UP:
        lookup = np.zeros(top, np.int64)
        lookup[present] = np.arange(len(present))
        return lookup[both]
    return np.searchsorted(present, both)


def _block(group: list[int], indices: dict[int, CellIndex], sizes: dict[int, int], starts: CellIndex | None) -> Block:
    """The joint cells of some tables over all candidates, or all their rows."""
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
    return Block(tuple(group), index, len(maps[0]), tuple(maps), tuple(sizes[t] - 1 for t in group), starts)
