"""Weights to whole counts: balanced sampling, then repair until the tables are met.

Systematic sampling along the candidates in the order of their categories gives counts whose tables are off by little. Repair
then swaps units: it takes out one that counts where there is too much and puts in one that counts where there is too little.
What a swap would do to the error is the sum of what it does to each cell, so prices are kept by cell, and only the cells that a
swap changes are priced anew. Repair has three gears:

1. *descend*: many units out and many in, each chosen alone, while the error is large;
2. *several pairs* at once, each pair priced jointly: what both units count in does not change;
3. *one pair*, in a cell that is off. A pair that leaves the error as it is moves it elsewhere, where it may meet its opposite.
   Where all pairs would raise it a little, the cheapest is taken all the same, units just swapped stay as they are for a while,
   and repair ends at the best counts seen (tabu search; Glover, 1986).

Among equals a candidate is put in with a chance in proportion to its weight, so that repair follows the fitted distribution.
Only candidates with a weight are ever put in, so repair breaks no rule.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthor.problem import Demanded
from synthor.schema import Cells, Partition
from synthor.types import CellIndex, Codes, Counts, Floats, Mask

PLATEAU = 400
"""Steps in a row that may leave the error where it is before repair gives up."""

STUCK = 60
"""As many steps may find nothing but swaps that raise the error."""

FAINTEST = 1e-280
"""No weight above nothing is smaller: divided by less, what is drawn would be infinite."""

LIKELY = 1e-3
"""A candidate that is put in must weigh at least so much of the mean weight, while any such can mend the cells."""

FIXED, FREE = 16, 1_000
"""Units on either side of the pairs that one step prices."""

DRAWN = 400
"""Units from which the first side is chosen."""

FAILURES = 5
"""Steps with several pairs that may fail before repair goes on with one."""

UPHILL = 2
"""By how much the error may rise over the best seen."""

RECENT = 8
"""Swaps whose units stay as they are."""

MANY_CELLS = 10_000
"""Cells from which units of the same place are looked for where others fail."""

MANY_TABLES = 64
"""Tables from which what a unit counts in lies side by side."""

AT_ONCE = 1 << 20
"""Slots that are looked up at once."""

SMALLEST = 4
"""Units that a batch must hold to be worth its price."""


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
    tables: Sequence[Demanded],
    order: Counts,
    random: np.random.Generator,
    *,
    many_tables: int = MANY_TABLES,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Integers:
    """Whole counts that sum to `total`, follow the weights and meet the tables as nearly as repair can.

    Args:
        weights: (n,) share of each candidate, summing to one.
        total: units wanted.
        tables: what their cells are to hold, in whole rows.
        order: (n,) an order of the candidates in which neighbours are alike.
        random: draws the start of the systematic sample and the swaps.
        many_tables: from so many on memory is laid out for many.
        advance: told how much of the error is gone, of how much.

    >>> cells = Partition(np.array([0, 0, 1, 1]), 2)
    >>> wanted = np.array([3, 2])
    >>> found = integerize(np.full(4, 0.25), 5, [Demanded.between(cells, wanted, wanted)], np.arange(4),
    ...                    np.random.default_rng(0))
    >>> cells.totals(found.counts), found.error
    (array([3., 2.]), 0)
    """
    counts = systematic(weights, total, order, random)
    if not any(table.off(counts).any() for table in tables):
        advance(0, 0)
        return Integers(counts=counts, error=0, swaps=0)
    repair = _Repair(weights, counts, tables, random, many=len(tables) >= many_tables)
    first = repair.error
    repair.descend()
    repair.walk(repair.likely, lambda: advance(first - repair.error, first))
    if not repair.likely.all():
        repair.walk(np.ones_like(repair.likely), lambda: advance(first - repair.error, first))
    advance(first, first)
    return Integers(counts=repair.all_counts(len(weights)), error=repair.error, swaps=repair.swaps)


def shuffled_tree(columns: Sequence[Codes], random: np.random.Generator) -> Counts:
    """An order of candidates in which neighbours are alike and nothing repeats.

    Candidates are sorted by their first category, inside it by their second, and so on; but the categories come in another
    random order inside each combination of those before. Equal steps along a plain order can fall in with its period, and then
    pick the same category again and again.

    Args:
        columns: (n,) categories of each variable.
        random: shuffles.

    >>> shuffled_tree([np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])], np.random.default_rng(0)).tolist()
    [2, 0, 1, 3]
    """
    keys: list[Counts] = []
    n = len(columns[0]) if columns else 0
    prefix, n_alike = np.zeros(n, np.int64), 0
    for column in columns:
        if n_alike == n:  # no two are alike any more; still drawn, so that what is drawn later does not depend on it
            random.permutation(n_alike)
            continue
        _, prefix = np.unique(prefix * (int(column.max(initial=0)) + 1) + column, return_inverse=True)
        prefix = prefix.ravel()
        n_alike = int(prefix.max(initial=0)) + 1
        keys.append(random.permutation(n_alike)[prefix])
    return np.lexsort(keys[::-1]) if keys else np.arange(n)


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


def _excess(got: Counts, low: Counts, high: Counts) -> Counts:
    return np.maximum(got - high, 0) + np.minimum(got - low, 0)


class _Repair:
    """Counts under repair, with all tables side by side.

    A unit is a row of slots, one for each cell that it counts in. Slot (m - 1) * width + cell stands for counting m times
    in a cell, so that one lookup a slot prices a unit. Short rows are padded with the last cell, which costs nothing.
    """

    def __init__(
        self, weights: Floats, counts: Counts, tables: Sequence[Demanded], random: np.random.Generator, *, many: bool
    ) -> None:
        self.random = random
        self.units = np.flatnonzero(weights > 0)
        self.weights, self.counts = np.maximum(weights[self.units], FAINTEST), counts[self.units]
        self.likely = self.weights >= LIKELY * self.weights.mean()
        sizes = np.array([table.cells.size for table in tables])
        self.width = int(sizes.sum()) + 1
        self.slots = _slots([table.cells for table in tables], self.units, self.width, many=many)
        self.inside, self.first = _by_cell(self.slots, self.width)
        self.rising = np.zeros(len(self.inside) + 1)
        for begin in range(0, len(self.inside), AT_ONCE):
            inside = self.inside[begin : begin + AT_ONCE]
            self.rising[begin + 1 : begin + 1 + len(inside)] = self.weights[inside]
        np.cumsum(self.rising, out=self.rising)
        self.end = np.repeat(np.cumsum(sizes), sizes)
        self.begin = self.end - np.repeat(sizes, sizes)
        self.low, self.high = np.zeros(self.width, np.int64), np.zeros(self.width, np.int64)
        ends = [table.demand.rows for table in tables]
        self.low[:-1], self.high[:-1] = (np.concatenate(own) for own in zip(*ends, strict=True))
        self.times = np.arange(1, int(self.slots.max()) // self.width + 2)[:, None]
        self.got = np.zeros(self.width, np.int64)
        self.got[:-1] = np.concatenate([table.cells.totals(counts.astype(np.float64)) for table in tables])
        self.off = _excess(self.got, self.low, self.high)
        self.error = int(np.abs(self.off).sum())
        self.prices = {change: np.zeros((len(self.times), self.width), np.int64) for change in (-1, 1)}
        self._price(np.arange(self.width - 1))
        self.swaps = 0

    def all_counts(self, n: int) -> Counts:
        """Counts of all n candidates, those without a weight included."""
        counts = np.zeros(n, np.int64)
        counts[self.units] = self.counts
        return counts

    def descend(self) -> None:
        """The first gear: batches, of half the size whenever one brings less than it has pairs."""
        size = self.error // 8
        while size >= SMALLEST:
            outs = self._helpful(-self._alone(-1), self.counts, size)
            ins = self._helpful(-self._alone(+1), self.weights * self.likely, size)
            pairs = min(len(outs), len(ins))
            if not pairs:
                break
            outs, ins = outs[:pairs], ins[:pairs]
            gain = self._try(outs, ins)
            if gain < pairs:
                size //= 2
            size = min(size, self.error // 8)

    def walk(self, allowed: Mask, advance: Callable[[], None]) -> None:
        """The second and third gear, until the tables are met or nothing helps; ends at the best counts seen."""
        failures = 0
        while self.error and failures < FAILURES:
            failures = 0 if self._several_pairs(allowed) else failures + 1
            advance()
        best, since, stuck = self.error, 0, 0
        way_back: list[tuple[CellIndex, CellIndex]] = []
        while self.error and since < PLATEAU and stuck < STUCK:
            found = self._one_pair(allowed, [unit for pair in way_back[-RECENT:] for unit in pair])
            if found is None or self.error + found[2] > best + UPHILL:
                stuck += 1
                continue
            out, into, change = found
            self._swap(out, into)
            way_back.append((out, into))
            since, stuck = since + 1, stuck + (change > 0)
            if self.error < best:
                self.swaps += len(way_back)
                best, since, stuck, way_back = self.error, 0, 0, []
                advance()
        for out, into in reversed(way_back):
            self._swap(into, out)

    def _try(self, outs: CellIndex, ins: CellIndex) -> int:
        """Swap units if that lowers the error; by how much it did."""
        before = self.error
        self._swap(outs, ins)
        if self.error >= before:
            self._swap(ins, outs)
            return 0
        self.swaps += len(outs)
        return before - self.error

    def _swap(self, outs: CellIndex, ins: CellIndex) -> None:
        self._count(outs, -1)
        self._count(ins, +1)

    def _count(self, units: CellIndex, change: int) -> None:
        """Take units in (+1) or out (-1); none twice."""
        self.counts[units] += change
        times, cells = np.divmod(self._slots_of(units).ravel(), self.width)
        if len(cells) > self.width:
            held = np.bincount(cells, times + 1, self.width)
            cells = np.flatnonzero(held)
            held = held[cells]
        else:
            cells, place = np.unique(cells, return_inverse=True)
            held = np.bincount(place, times + 1)
        self.got[cells] += change * held.astype(np.int64)
        self.got[-1] = 0
        before = np.abs(self.off[cells]).sum()
        self.off[cells] = _excess(self.got[cells], self.low[cells], self.high[cells])
        self.error += int(np.abs(self.off[cells]).sum() - before)
        self._price(cells[cells < self.width - 1])

    def _price(self, cells: CellIndex) -> None:
        for change, prices in self.prices.items():
            prices[:, cells] = self._prices(cells, self.got[cells], change)

    def _prices(self, cells: CellIndex, got: Counts, change: int) -> Counts:
        """What counting 1, 2, ... times more (or less) in each cell adds to the error, (times, cells)."""
        low, high = self.low[cells], self.high[cells]
        times = self.times.reshape(-1, *(1,) * cells.ndim)
        return np.abs(_excess(got + change * times, low, high)) - np.abs(_excess(got, low, high))

    def _slots_of(self, units: CellIndex) -> CellIndex:
        """The slots of some units, a column each."""
        return np.ascontiguousarray(self.slots[units].T, np.int64)

    def _alone(self, change: int, units: CellIndex | None = None) -> Counts:
        """What one more (or less) of each unit, or of some, adds to the error, if nothing else changes."""
        prices, total = self.prices[change].ravel(), np.zeros(1, np.int64)
        if units is None and self.slots.flags.c_contiguous:
            n_here = max(AT_ONCE // self.slots.shape[1], 1)
            parts = [self.slots[begin : begin + n_here] for begin in range(0, len(self.slots), n_here)]
            return np.concatenate([total[:0], *(prices[part].sum(axis=1) for part in parts)])
        for slots in self.slots.T if units is None else self._slots_of(units):
            total = total + prices[slots]
        return total

    def _after(self, fixed: CellIndex, change: int, free: CellIndex) -> Counts:
        """What the opposite change of each free unit adds once that of a fixed one is made, (fixed, free)."""
        times, cells = np.divmod(self._slots_of(fixed), self.width)
        after = self._prices(cells, self.got[cells] + change * (times + 1), -change)
        which = np.broadcast_to(np.arange(len(fixed)), cells.shape)
        slots, prices = self._slots_of(free), self.prices[-change]
        width = self.width
        if width > slots.size:  # of many cells only those in use are priced
            often, used = np.divmod(slots, width)
            used, place = np.unique(np.append(used.ravel(), width - 1), return_inverse=True)
            slots, prices, width = often * len(used) + place[:-1].reshape(slots.shape), prices[:, used], len(used)
            found = np.minimum(np.searchsorted(used, cells), width - 1)
            known = used[found] == cells
            which, after, cells = which[known], after[:, known], found[known]
        # A price is no larger than how often a unit counts. Those of a cell lie side by side, and are fetched together.
        priced = np.repeat(prices.astype(np.int32)[:, :, None], len(fixed), axis=2)
        priced[:, cells, which] = after
        priced[:, -1] = 0
        priced = priced.reshape(-1, len(fixed))
        total, fetched = np.zeros((len(free), len(fixed)), np.int32), np.empty((len(free), len(fixed)), np.int32)
        for row in slots:
            priced.take(row, axis=0, out=fetched, mode="clip")
            total += fetched
        return np.ascontiguousarray(total.T, np.int64)

    def _helpful(self, gain: Counts, chance: Floats | Counts, size: int) -> CellIndex:
        """At most `size` units that help, drawn with more chance the more they do; first drawn, first named."""
        helps = np.flatnonzero((chance > 0) & (gain > 0))
        late = self.random.exponential(size=len(helps)) / (gain[helps] ** 2 * chance[helps])
        chosen = np.argpartition(late, size)[:size] if len(helps) > size else np.arange(len(helps))
        return helps[chosen[np.argsort(late[chosen])]]

    def _several_pairs(self, allowed: Mask) -> int:
        """Swap as many pairs as one step finds; by how much the error fell."""
        over, under = np.flatnonzero(self.off > 0), np.flatnonzero(self.off < 0)
        outs = self._drawn(over, self.counts, DRAWN)
        outs = outs[np.argsort(self._alone(-1, outs) + self.random.random(len(outs)))[:FIXED]]
        gain = self._best_pairs(outs, self._drawn(under, allowed, FREE))
        if gain or self.width < MANY_CELLS or not len(outs):
            return gain
        return self._best_pairs(outs, self._near(outs, allowed))

    def _near(self, units: CellIndex, allowed: Mask) -> CellIndex:
        """Units that share the rarest cell of some: among many cells, what is drawn anywhere shares none."""
        cells = self._slots_of(units) % self.width
        held = np.where(cells < self.width - 1, self.first[cells + 1] - self.first[cells], len(self.inside))
        near = []
        for cell in np.unique(cells[held.argmin(axis=0), np.arange(len(units))]):
            there = self.inside[self.first[cell] : self.first[cell + 1]]
            there = there[allowed[there]]
            most = FREE // len(units)
            near.append(there if len(there) <= most else self.random.choice(there, most, replace=False))
        return np.unique(np.concatenate(near))

    def _best_pairs(self, outs: CellIndex, ins: CellIndex) -> int:
        """Swap the best pairs of some units, if that lowers the error; by how much it did."""
        if not len(outs) or not len(ins):
            return 0
        ins = ins[np.argsort(self.random.exponential(size=len(ins)) / self.weights[ins])]  # the first of equals is taken
        joint = self._alone(-1, outs)[:, None] + self._after(outs, -1, ins)
        best = joint.argmin(axis=1)
        rows = np.flatnonzero(joint[np.arange(len(outs)), best] < 0)
        _, first = np.unique(best[rows], return_index=True)
        rows = rows[first]
        return self._try(outs[rows], ins[best[rows]]) if len(rows) else 0

    def _one_pair(self, allowed: Mask, recent: list[CellIndex]) -> tuple[CellIndex, CellIndex, int] | None:
        """The cheapest of the pairs that one step prices, in a cell that is off: out, in, and what the error gains by it."""
        cell = self._any(np.flatnonzero(self.off), 1)[0]
        sign = int(np.sign(self.off[cell]))
        begin, end = self.begin[cell], self.end[cell]
        opposite = begin + np.flatnonzero(self.off[begin:end] * sign < 0)
        movable: dict[int, Counts | Mask] = {-1: self.counts, 1: allowed}
        fixed = self._drawn(np.array([cell]), movable[-sign], DRAWN, recent)
        free = self._drawn(opposite, movable[sign], FREE, recent)
        if not len(fixed) or not len(free):
            return None
        alone = self._alone(-sign, fixed)
        chosen = np.argsort(alone + self.random.random(len(fixed)))[:FIXED]
        fixed, alone = fixed[chosen], alone[chosen]
        joint = alone[:, None] + self._after(fixed, -sign, free)
        row, column = np.nonzero(joint == joint.min())
        pairs = {-sign: fixed[row], sign: free[column]}
        pick = int(np.argmin(self.random.exponential(size=len(row)) / self.weights[pairs[1]]))
        pair = {change: units[pick : pick + 1] for change, units in pairs.items()}
        return pair[-1], pair[1], int(joint.min())

    def _any(self, cells: CellIndex, size: int) -> CellIndex:
        """Cells drawn by how far they are off."""
        rising = np.cumsum(np.abs(self.off[cells]))
        return cells[np.searchsorted(rising, self.random.integers(rising[-1], size=size), side="right")]

    def _drawn(self, cells: CellIndex, allowed: Counts | Mask, size: int, recent: Sequence[CellIndex] = ()) -> CellIndex:
        """Different units that count in cells that are off, drawn by weight; from anywhere where no cell is."""

        def usable(units: NDArray[np.integer[Any]]) -> CellIndex:
            found: CellIndex = np.unique(units[allowed[units] > 0]).astype(np.int64)
            return found[~np.isin(found, np.concatenate(recent))] if len(recent) else found

        if not len(cells):
            return usable(self.random.integers(len(self.units), size=size))
        begin, end = self.first[cells], self.first[cells + 1]
        if (end - begin).sum() > 4 * size:
            chosen = self._any(cells[end > begin], size)
            below, above = self.rising[self.first[chosen]], self.rising[self.first[chosen + 1]]
            at = below + self.random.random(size) * (above - below)
            in_order = np.argsort(at)  # so they are found sooner
            at, chosen = at[in_order], chosen[in_order]
            place = np.searchsorted(self.rising, at, side="right") - 1
            units = usable(self.inside[np.clip(place, self.first[chosen], self.first[chosen + 1] - 1)])
            if len(units):
                return units
        units = usable(np.concatenate([self.inside[a:b] for a, b in zip(begin, end, strict=True)]))
        return units if len(units) <= size else self.random.choice(units, size, replace=False)


def _slots(tables: Sequence[Cells], units: CellIndex, width: int, *, many: bool) -> NDArray[np.integer[Any]]:
    """Each unit's cells and how often it counts in them, as `_Repair` holds them, (n, most cells of a unit).

    Of few tables those of all units lie side by side, table by table; of many those of one unit do, in half the memory.
    """
    blocks: list[NDArray[np.integer[Any]]] = []
    begin = 0
    for cells in tables:
        if isinstance(cells, Partition):
            index = cells.index[units]
            block = np.where(index < cells.size, begin + index, width - 1)[None]  # a unit may count in no cell of it
        else:
            rows = cells.matrix()[units]
            lengths = np.diff(rows.indptr)
            unit = np.repeat(np.arange(len(units)), lengths)
            block = np.full((int(lengths.max(initial=0)), len(units)), width - 1, np.int64)
            block[np.arange(len(unit)) - rows.indptr[unit], unit] = (
                (rows.data.astype(np.int64) - 1) * width + begin + rows.indices
            )
        blocks.append(block.astype(np.int32) if many and block.max(initial=0) < 2**31 else block)
        begin += cells.size
    slots = np.concatenate(blocks)
    del blocks
    return np.ascontiguousarray(slots.T) if many else slots.T


def _by_cell(slots: NDArray[np.integer[Any]], width: int) -> tuple[NDArray[np.integer[Any]], CellIndex]:
    """The units that count in each cell, cell after cell, and where each cell's begin (and the last one's end)."""
    from scipy import sparse

    n, depth = slots.shape
    cells = slots if slots.max(initial=0) < width else slots % width
    rows = (np.ones(slots.size, np.int8), np.ascontiguousarray(cells, np.int32).ravel(), np.arange(0, slots.size + 1, depth))
    columns = sparse.csr_array(rows, shape=(n, width)).tocsc()
    return columns.indices, columns.indptr.astype(np.int64)
