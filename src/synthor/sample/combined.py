"""Changes of several units with members at once, put together from changes of one so that few cells alter.

Whoever grows older, or joins a household, counts elsewhere in every table that sees an age, or a person: a change of one unit
alters a dozen cells, and what is missed lies in two or four of them. But two changes may cancel in all tables but one or two.
Such pairs are found without looking at all pairs: each table gives a change a sum of random numbers, one a cell, and sums of
cancelling changes add up to nothing, so that sorted they lie opposite each other (the birthday problem with many lists; Wagner,
2002). Pairs are paired once more. The combinations that alter fewest cells are for these tables what basic moves are for one
table (Diaconis and Sturmfels, 1998): a search among them (`breakout.py`) is soon where nothing is missed.
"""

import itertools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthor.sample.breakout import Moves, Standing, Sums, key_of
from synthor.sample.changes import Making
from synthor.types import CellIndex, Counts, Mask

if TYPE_CHECKING:
    from synthor.sample.rows import Matrix

OPEN = (2, 1)
"""Tables in which pairs may not cancel, of single changes and of pairs; and so many less beside all tables that are off."""

SETS, PAIRS, KEPT = 500, 50_000, 250_000
"""Sets of open tables, pairs found with each of them, and combinations that are kept after each pairing, at most."""

NUMBERS = 1 << 26
"""Sums, one a table, that are held at once: of many tables fewer pairs and combinations."""

MOVES = 100_000
"""Combinations that the search goes through: those that alter fewest cells."""

STEPS, NEAR = 150, 24
"""Steps of the search, and the error up to which two moves that mend everything are looked up."""

PART = 0.01
"""Cost of a change, where that of an error is 1: of equal moves those of fewer changes are made."""

PAIRS_TRIED = 50
"""Of two moves that mend everything so many are tried: who should make them may have changed already."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Combined:
    """Combinations of changes.

    Attributes:
        sums: (n, tables) what each table makes of what a combination alters in it; 0 where that is nothing.
        parts: (n, up to 4) kinds of changes; one more than there are for none.
    """

    sums: Sums
    parts: CellIndex

    def __len__(self) -> int:
        return len(self.parts)

    @classmethod
    def of(cls, changes: "Matrix", table: CellIndex, open_tables: Mask, random: np.random.Generator) -> "Combined":
        """Combinations of at most four changes of single units, (k, cells), with what each alters.

        Args:
            changes: a row for each kind.
            table: (cells,) of each cell.
            open_tables: (tables,) those that are off.
            random: gives cells their numbers, and chooses where there are too many.
        """
        n_tables = len(open_tables)
        key = key_of(len(table), random)
        whole: Any = changes.astype(np.int64).astype(np.uint64)
        sums = np.stack([whole @ np.where(table == at, key, np.uint64(0)) for at in range(n_tables)], axis=1)
        found = cls(sums=sums, parts=np.arange(len(sums))[:, None])
        for n_open in OPEN:
            found = found._paired(_sets(n_open, np.any(sums, axis=0), open_tables, random), len(sums), random)
        return found

    def take(self, picks: CellIndex) -> "Combined":
        """Those at `picks`."""
        return Combined(sums=self.sums[picks], parts=self.parts[picks])

    def matrix(self, changes: "Matrix") -> "Matrix":
        """What each alters in each cell, (n, cells)."""
        from scipy import sparse

        row, place = np.nonzero(self.parts < changes.shape[0])
        ones = np.ones(len(row), np.int64)
        shape = (len(self), changes.shape[0])
        found: Any = sparse.csr_array(sparse.coo_array((ones, (row, self.parts[row, place])), shape=shape)) @ changes
        found.eliminate_zeros()
        return sparse.csr_array(found)

    def _paired(self, sets: list[tuple[int, ...]], none: int, random: np.random.Generator) -> "Combined":
        """These, and their pairs that cancel in all tables but those of a set; each effect once, those of fewest tables."""
        alone = np.concatenate([self.parts, np.full_like(self.parts, none)], axis=1)
        every = [Combined(sums=self.sums, parts=alone)]
        total, n_tables = self.sums.sum(axis=1, dtype=np.uint64), self.sums.shape[1]
        most = min(PAIRS, NUMBERS // (n_tables * max(len(sets), 1)))
        for some in sets:
            one, other = _opposite(total - self.sums[:, some].sum(axis=1, dtype=np.uint64), most, random)
            pairs = Combined(
                sums=self.sums[one] + self.sums[other], parts=np.concatenate([self.parts[one], self.parts[other]], axis=1)
            )
            every.append(pairs._once(random))
        found = Combined(
            sums=np.concatenate([part.sums for part in every]), parts=np.concatenate([part.parts for part in every])
        )._once(random)
        kept = min(KEPT, NUMBERS // n_tables)
        if len(found) <= kept:
            return found
        altered = (found.sums != 0).sum(axis=1) + 0.5 * random.random(len(found))
        return found.take(np.argsort(altered)[:kept])

    def _once(self, random: np.random.Generator) -> "Combined":
        """One combination of each effect, and none without."""
        mixed = self.sums @ key_of(self.sums.shape[1], random)
        first = np.unique(mixed, return_index=True)[1]
        return self.take(first[self.sums[first].any(axis=1)])


def _sets(n_open: int, altered: Mask, open_tables: Mask, random: np.random.Generator) -> list[tuple[int, ...]]:
    """Sets of tables in which pairs need not cancel."""
    tables, wanted = np.flatnonzero(altered).tolist(), set(np.flatnonzero(open_tables).tolist())
    found = {tuple(sorted(some)) for some in itertools.combinations(tables, min(n_open, len(tables)))}
    found |= {tuple(sorted(wanted | set(some))) for some in itertools.combinations(tables, min(n_open - 1, len(tables)))}
    every = sorted(found)
    if len(every) <= SETS:
        return every
    return [every[at] for at in np.sort(random.choice(len(every), SETS, replace=False)).tolist()]


def _opposite(sums: Sums, most: int, random: np.random.Generator) -> tuple[CellIndex, CellIndex]:
    """Pairs whose sums add up to nothing, each once; so many drawn of them where they are more."""
    order = np.argsort(sums, kind="stable")
    rising = sums[order]
    wanted = np.uint64(0) - rising
    first, last = (np.searchsorted(rising, wanted, side=side) for side in ("left", "right"))
    n = last - first
    total = int(n.sum())
    if total > most:
        at = np.sort(random.integers(0, total, size=most))
        one = np.searchsorted(np.cumsum(n), at, side="right")
    else:
        at, one = np.arange(total), np.repeat(np.arange(len(n)), n)
    other = first[one] + at - (np.cumsum(n) - n)[one]
    kept = one <= other
    return order[one[kept]], order[other[kept]]


class Combining:
    """A search among combinations of changes.

    Args:
        changes: what a change of each kind adds to each cell, (k, cells), whole numbers.
        table: (cells,) of each cell.
        open_tables: (tables,) those that are off.
        random: chooses.
    """

    def __init__(self, changes: "Matrix", table: CellIndex, open_tables: Mask, random: np.random.Generator) -> None:
        self.n_kinds, self.random = changes.shape[0], random
        found = Combined.of(changes, table, open_tables, random)
        change = found.matrix(changes)
        fewest = np.argsort(np.diff(change.indptr) + 0.5 * random.random(len(found)))[:MOVES]
        self.parts, key = found.parts[fewest], key_of(len(table), random)
        self.n_parts = (self.parts < self.n_kinds).sum(axis=1)
        self.moves = Moves(change[fewest], key) if len(fewest) else None

    def make(self, making: Making, low: Counts, high: Counts, got: Counts) -> None:
        """Make changes so that cells miss as little as is found.

        Args:
            making: who can make them.
            low: (cells,) fewest.
            high: (cells,) most.
            got: (cells,) now.
        """
        if self.moves is None:
            return
        standing, banned = Standing(low, high, got.copy()), np.zeros(len(self.parts), bool)
        best, n_best = standing.error, len(making)
        dearness = PART * self.n_parts
        for _ in range(STEPS):
            if not best:
                break
            costs = self.moves.costs(standing) + dearness + 1e-3 * self.random.random(len(self.parts))
            costs[banned | (np.append(making.able(), 1)[self.parts] == 0).any(axis=1)] = np.inf
            pick = int(costs.argmin())
            if costs[pick] >= 0:
                standing.grow_dearer()
                continue
            if not making.make(self._kinds(pick)):
                banned[pick] = True
                continue
            self.moves.make(pick, standing)
            if standing.error and standing.error <= NEAR:
                pairs = self.moves.mending(standing)
                for pair in pairs[:PAIRS_TRIED]:
                    if making.make(self._kinds(*pair)):
                        return
            if standing.error < best:
                best, n_best = standing.error, len(making)
        making.back_to(n_best)

    def _kinds(self, *picks: int) -> CellIndex:
        """Of all changes of some combinations."""
        kinds = self.parts[list(picks)].ravel()
        return kinds[kinds < self.n_kinds]
