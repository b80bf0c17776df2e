"""Current units with members that may change where they stand: kinds of changes, and who makes which.

A household differs from itself with one age changed, or one person more, in few cells, and by one in each. Whole households
differ in many: whole numbers of them that come to what is missed, exactly, are hard to find. Changes are columns of a
programme, beside whole units, and parts of combinations (`combined.py`).
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthor.sample.programme import Exchange
from synthor.sample.rows import kinds_of
from synthor.types import CellIndex, Counts, Floats

if TYPE_CHECKING:
    from synthor.sample.rows import Matrix


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changes:
    """Changes of units; those that the conditions cannot tell apart are of one kind.

    Attributes:
        source: (m,) the unit that changes.
        variant: (m,) what it becomes.
        kind: (m,) of each change, rising.
        exchange: a column for each kind.
    """

    source: CellIndex
    variant: CellIndex
    kind: CellIndex
    exchange: Exchange

    @classmethod
    def between(cls, matrix: "Matrix", source: CellIndex, variant: CellIndex) -> "Changes":
        """Changes of units into others, by what the conditions see of them: rows of a matrix; those that they see."""
        difference = (matrix[variant] - matrix[source]).tocsr()
        difference.eliminate_zeros()
        seen = np.flatnonzero(np.diff(difference.indptr))
        kind = kinds_of(difference[seen])
        pairs, first = np.unique(np.column_stack([kind, source[seen]]), axis=0, return_index=True)
        seen = seen[first]
        begin = np.flatnonzero(np.diff(pairs[:, 0], prepend=-1))
        n_units = np.bincount(pairs[:, 0]).astype(np.float64)
        columns = difference[seen[begin]]
        exchange = Exchange(matrix=columns, sign=np.zeros(len(begin)), cost=np.ones(len(begin)), upper=n_units)
        return cls(source=source[seen], variant=variant[seen], kind=pairs[:, 0], exchange=exchange)

    def made(self, times: Floats, counts: Counts, random: np.random.Generator) -> Counts:
        """Counts of units after so many changes of each kind, each of another unit, as far as these are there.

        Who makes which is a matching: a unit that could make two kinds of change makes the one that others cannot.
        """
        from scipy import sparse
        from scipy.sparse.csgraph import maximum_bipartite_matching

        counts, n = counts.copy(), times.astype(np.int64)
        open_to = np.flatnonzero((n[self.kind] > 0) & (counts[self.source] > 0))
        open_to = random.permutation(open_to)
        units, who = np.unique(self.source[open_to], return_inverse=True)
        begin = np.cumsum(n) - n  # of the places of each kind
        places = n[self.kind[open_to]]
        place = (
            np.repeat(begin[self.kind[open_to]], places)
            + np.arange(places.sum())
            - np.repeat(np.cumsum(places) - places, places)
        )
        ends = (
            place.astype(np.int32),
            np.repeat(who, places).astype(np.int32),
        )  # SciPy 1.13 matches no others
        edges = sparse.csr_array((np.ones(len(place)), ends), shape=(int(n.sum()), len(units)))
        unit_of = maximum_bipartite_matching(edges, perm_type="column")
        made = np.flatnonzero(unit_of >= 0)
        of = {(int(self.kind[at]), int(self.source[at])): int(self.variant[at]) for at in open_to}
        for kind, unit in zip(np.repeat(np.arange(len(n)), n)[made].tolist(), units[unit_of[made]].tolist(), strict=True):
            counts[unit] -= 1
            counts[of[kind, unit]] += 1
        return counts


class Making:
    """Changes made one after the other, each by a unit that has not changed yet.

    Args:
        changes: of units.
        counts: (n,) copies of each unit and of each variant.
        random: chooses who makes a change.
    """

    def __init__(self, changes: Changes, counts: Counts, random: np.random.Generator) -> None:
        self.changes, self.counts, self.random = changes, counts.copy(), random
        self._left = counts.copy()  # copies that have not changed yet
        self._first = np.searchsorted(changes.kind, np.arange(len(changes.exchange.upper) + 1))
        self._made: list[int] = []

    def __len__(self) -> int:
        """Changes made so far."""
        return len(self._made)

    def able(self) -> Counts:
        """How many units there are still that can make each kind of change, (kinds,)."""
        those = self.changes.kind[self._left[self.changes.source] > 0]
        return np.bincount(those, minlength=len(self.changes.exchange.upper))

    def make(self, kinds: CellIndex) -> bool:
        """Make changes of some kinds, each by a unit of its own; none of them, where there are not enough units."""
        before = len(self)
        for kind in kinds.tolist():
            every = np.arange(self._first[kind], self._first[kind + 1])
            able = every[self._left[self.changes.source[every]] > 0]
            if not len(able):
                self.back_to(before)
                return False
            self._made.append(int(self.random.choice(able)))
            self._count(self._made[-1], 1)
        return True

    def back_to(self, n: int) -> None:
        """Undo all changes but the first n."""
        while len(self) > n:
            self._count(self._made.pop(), -1)

    def _count(self, change: int, times: int) -> None:
        source, variant = self.changes.source[change], self.changes.variant[change]
        self._left[source] -= times
        self.counts[source] -= times
        self.counts[variant] += times
