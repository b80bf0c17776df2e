"""Exchanges between two units of one area, for tables of larger areas that say what the areas' own tables leave open.

Zones are given what they ask for one table at a time; how two of these go together is left to chance. Where a larger area (or
the region) has a table of both, its counts come out beside what is wanted. Two units of one zone then exchange what one of the
zone's tables sees of them: the zone's own tables stay as they are, and the larger table changes in up to four cells.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.types import CellIndex, Counts, Floats

SIDE = 192
"""Signatures on either side that one step pairs."""

AT_ONCE = 48
"""Exchanges that are made before pairs are priced anew."""

FAILURES = 12
"""Steps in a row that may find nothing."""

UPHILL = 3
"""Steps that may change nothing, one after the other, before such ones count as failures."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Seen:
    """A table of a larger area as far as what smaller ones see decides it.

    Attributes:
        cells: (signatures,) cell of each.
        low: (cells,) the fewest units.
        high: (cells,) the most.
    """

    cells: CellIndex
    low: Floats
    high: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Own:
    """The tables of the areas themselves, which exchanges leave as they are.

    Attributes:
        into: for each of them (signatures, cells) what a signature becomes in another cell, -1 where nothing.
        cells: for each the cell of each signature.
        kinds: (signatures,) of areas that may hold each: units of two kinds are never in one area. None where all may.
    """

    into: Sequence[CellIndex]
    cells: Sequence[CellIndex]
    kinds: CellIndex | None = None


def decided(cells: CellIndex, coarser: CellIndex, n_coarser: int, size: int) -> tuple[CellIndex, CellIndex]:
    """What coarser signatures decide of a table: the group of each of these, and of each cell.

    Cells that units of one coarser signature may be in belong together: only their sum is decided.

    Args:
        cells: (signatures,) of the table.
        coarser: (signatures,) the coarser one of each.
        n_coarser: how many those are.
        size: cells of the table.
    """
    from scipy import sparse
    from scipy.sparse.csgraph import connected_components

    ones = np.ones(len(cells), np.int8)
    graph = sparse.csr_array((ones, (coarser, n_coarser + cells)), shape=(n_coarser + size, n_coarser + size))
    _, group = connected_components(graph, directed=False)
    return group[:n_coarser].astype(np.int64), group[n_coarser:].astype(np.int64)


def seen_of(
    cells: CellIndex, coarser: CellIndex, n_coarser: int, low: Floats, high: Floats
) -> tuple[CellIndex, Floats, Floats] | None:
    """A table as far as coarser signatures decide it: the group of each, and the fewest and most units; None where not at all.

    Args:
        cells: (signatures,) cell of each.
        coarser: (signatures,) the coarser one of each.
        n_coarser: how many those are.
        low: (..., cells) the fewest units.
        high: (..., cells) the most.
    """
    from scipy import sparse

    of, groups = decided(cells, coarser, n_coarser, low.shape[-1])
    names, of = np.unique(of, return_inverse=True)
    if len(names) == 1:
        return None
    cell = np.flatnonzero(np.isin(groups, names))
    group = np.searchsorted(names, groups[cell])
    into = sparse.csr_array((np.ones(len(cell)), (group, cell)), shape=(len(names), low.shape[-1]))
    fewest, most, open_ends = (
        np.asarray((into @ one.T).T) for one in (low, np.where(np.isinf(high), 0.0, high), np.isinf(high) * 1.0)
    )
    return of.astype(np.int64), fewest, np.where(open_ends > 0, np.inf, most)


def exchanged(
    counts: Counts,
    tables: Sequence[Seen],
    kept: Sequence[CellIndex],
    own: Own,
    weights: Floats,
    random: np.random.Generator,
) -> int:
    """Exchange what two units of one area have until the larger tables are met; by how much they are still off.

    Args:
        counts: (areas, signatures) of the areas inside one larger area, which are changed.
        tables: of the larger area.
        kept: (signatures,) cells that must hold as many units as before, of each table of areas in between.
        own: the areas' own tables.
        weights: (signatures,) share of each: likelier pairs come first among equals.
        random: chooses.
    """
    work = _Exchange(counts, tables, kept, own, weights, random)
    failures = level = 0
    while work.error and failures < FAILURES:
        gain = work.step(least=1 if level < UPHILL else 0)
        level = 0 if gain > 0 else level + 1
        failures = 0 if gain > 0 else failures + 1
    return work.error


class _Exchange:
    def __init__(
        self,
        counts: Counts,
        tables: Sequence[Seen],
        kept: Sequence[CellIndex],
        own: Own,
        weights: Floats,
        random: np.random.Generator,
    ) -> None:
        self.kept = kept
        self.counts, self.tables, self.own, self.random = counts, tables, own, random
        with np.errstate(divide="ignore"):
            self.likely = np.log(weights)
        held = counts.sum(axis=0)
        self.got = [np.bincount(t.cells, held, len(t.low)).astype(np.int64) for t in tables]

    @property
    def error(self) -> int:
        return int(sum(np.abs(self._off(at)).sum() for at in range(len(self.tables))))

    def _off(self, at: int) -> Counts:
        table, got = self.tables[at], self.got[at]
        return (np.maximum(got - table.high, 0) + np.minimum(got - table.low, 0)).astype(np.int64)

    def step(self, least: int) -> int:
        """Price pairs of signatures once and make the best exchanges; by how much the error fell."""
        firsts, seconds = self._drawn()
        if not len(firsts) or not len(seconds):
            return 0
        pairs = []
        for cells, into in zip(self.own.cells, self.own.into, strict=True):
            a = into[firsts][:, cells[seconds]]
            b = into[seconds][:, cells[firsts]].T
            possible = (a >= 0) & (b >= 0) & (a != seconds[None, :]) & (cells[firsts][:, None] != cells[seconds][None, :])
            if self.own.kinds is not None:
                possible &= self.own.kinds[firsts][:, None] == self.own.kinds[seconds][None, :]
            row, column = np.nonzero(possible)
            if len(row):
                pairs.append(np.stack([firsts[row], seconds[column], a[row, column], b[row, column]]))
        if not pairs:
            return 0
        found = np.concatenate(pairs, axis=1)
        for cells in self.kept:
            one, two, new, other = cells[found]
            found = found[:, ((one == new) & (two == other)) | ((one == other) & (two == new))]
        gain = self._gain(found)
        keep = gain >= least
        found, gain = found[:, keep], gain[keep]
        if not len(gain):
            return 0
        likelier = self.likely[found[2]] + self.likely[found[3]] - self.likely[found[0]] - self.likely[found[1]]
        likelier = np.nan_to_num(likelier, nan=-50.0, posinf=50.0, neginf=-50.0)
        rank = np.argsort(-(gain * 1e3 + np.clip(likelier, -50, 50) + self.random.gumbel(size=len(gain))), kind="stable")
        before, made = self.error, 0
        for at in rank[: AT_ONCE * 4]:
            if made >= (AT_ONCE if least else 1):
                break
            made += self._make(found[:, at], least)
        return before - self.error

    def _drawn(self) -> tuple[CellIndex, CellIndex]:
        """Signatures that some unit has: those in cells that are off, and any."""
        held = self.counts.sum(axis=0)
        off = np.zeros(len(held), bool)
        for at, table in enumerate(self.tables):
            wrong = self._off(at)
            cells = wrong > 0 if (wrong > 0).any() else wrong < 0
            off |= cells[table.cells]
        there = held > 0

        def some(of: CellIndex) -> CellIndex:
            if len(of) <= SIDE:
                return of
            late = self.random.exponential(size=len(of)) / held[of]
            return of[np.argpartition(late, SIDE)[:SIDE]]

        firsts = np.flatnonzero(there & off)
        return some(firsts if len(firsts) else np.flatnonzero(there)), some(np.flatnonzero(there))

    def _gain(self, pairs: CellIndex) -> Counts:
        """By how much each exchange lowers the error, (m,)."""
        total = np.zeros(pairs.shape[1], np.int64)
        for at, table in enumerate(self.tables):
            cells = table.cells[pairs]  # two that leave, two that come
            moving = (cells[0] != cells[2]) & (cells[0] != cells[3]) | (cells[1] != cells[2]) & (cells[1] != cells[3])
            if not moving.any():
                continue
            some = cells[:, moving]
            change = np.array([-1, -1, 1, 1])
            net = np.zeros(some.shape, np.int64)
            first = np.ones(some.shape, bool)
            for i in range(4):
                for j in range(4):
                    same = some[i] == some[j]
                    net[i] += np.where(same, change[j], 0)
                    if j < i:
                        first[i] &= ~same
            got, low, high = self.got[at][some], table.low[some], table.high[some]
            now = np.maximum(got - high, 0) + np.maximum(low - got, 0)
            then = np.maximum(got + net - high, 0) + np.maximum(low - got - net, 0)
            total[moving] += np.where(first, now - then, 0).sum(axis=0).astype(np.int64)
        return total

    def _make(self, pair: CellIndex, least: int) -> int:
        """Make one exchange where it still helps, in an area that has both units; how many were made."""
        if self._gain(pair[:, None])[0] < least:
            return 0
        a, b, into_a, into_b = pair
        where = np.flatnonzero((self.counts[:, a] > 0) & (self.counts[:, b] > (a == b)))
        if not len(where):
            return 0
        area = where[self.random.integers(len(where))]
        for unit, change in ((a, -1), (b, -1), (into_a, 1), (into_b, 1)):
            self.counts[area, unit] += change
            for got, table in zip(self.got, self.tables, strict=True):
                got[table.cells[unit]] += change
        return 1
