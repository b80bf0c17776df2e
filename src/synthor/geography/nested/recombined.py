"""Pairs of exchanges inside one zone that smaller areas do not notice, for the tables of larger ones and of the region.

What zones see of units settles most of what large units are, so that tables of larger areas come out beside what is wanted.
Where in one zone a unit gives way to one that differs a little, and another unit to one that differs by just the opposite, all
tables of smaller areas stay as they are, and the larger one's change. Such pairs are found by sums of random numbers, one a
cell of those tables, and a search goes through them.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from synthor.geography.housed import Housed
from synthor.geography.nested.vectors import Vectors
from synthor.problem import Demanded
from synthor.sample.breakout import Moves, Standing, key_of
from synthor.types import CellIndex, Counts, Floats, Mask

ROUNDS = 40
"""Rounds, each with other zones and pairs of its own."""

IDLE = 10
"""Rounds in a row that may change nothing."""

STEPS, DEARER = 1_000, 60
"""Exchanges of a round, and times that none helps."""

UNITS = 4_000
"""Units, of some zones, that a round pairs."""

ALIKE, HELPFUL = 12, 12
"""Vectors that each is paired with: those most like its own, and those that take the tables nearest to what is wanted."""

COMING = 6_000
"""Vectors of candidates that a round chooses from; half of them are the most helpful ones."""

WIDE = 1.5
"""By how much chance moves distances between vectors, in squared rows: each round finds others."""

AT_ONCE = 250
"""Vectors that are compared with all at once."""

PAIRS, PRICED = 1_000_000, 20_000
"""Pairs of exchanges that a round looks at, and those of them, the most helpful ones, that it goes through."""

TIMES = 4
"""How many of those with the same effect on the region's tables stay, about."""

NEAR = 24
"""Error up to which two of them that mend everything are looked up."""


def recombined(
    housed: Housed, weights: Floats, vectors: Vectors, level: int, tables: Demanded, random: np.random.Generator
) -> Housed:
    """Units that meet an area's tables, or miss them by no more than before.

    Args:
        housed: whole units of each vector, as the level tells them apart, in the zones of one of its areas.
        weights: (vectors,) how likely each is; those that weigh nothing do not come.
        vectors: what areas see.
        level: of the area.
        tables: of it.
        random: chooses.
    """
    if not len(housed.count) or not np.any(tables.off(housed.totals(len(weights)))):
        return housed
    search = _Recombined(housed, weights, vectors, level, tables, random)
    idle = 0
    for _ in range(ROUNDS):
        if not search.standing.error or idle >= IDLE:
            break
        before = search.standing.error
        search.round()
        idle = 0 if search.standing.error < before else idle + 1
    return search.housed


class _Recombined:
    def __init__(
        self,
        housed: Housed,
        weights: Floats,
        vectors: Vectors,
        level: int,
        tables: Demanded,
        random: np.random.Generator,
    ) -> None:
        from scipy import sparse

        self.housed, self.random = housed, random
        self.rows = tables.cells.matrix().astype(np.int64)
        self.standing = Standing(*tables.demand.rows, np.asarray(self.rows.T @ housed.totals(len(weights))))
        self.key = key_of(len(tables.low), random)
        self.effects = self.rows.astype(np.uint64) @ self.key
        of, seen = np.arange(len(weights)), []
        for lower in range(level - 1, -1, -1):
            of = vectors.coarser[lower][of]
            seen.append(vectors.counts[lower][of])
        self.seen = sparse.csr_array(sparse.hstack(seen, format="csr"), dtype=np.int64)
        self.sums = self.seen.astype(np.uint64) @ key_of(self.seen.shape[1], random)
        self.weights, self.able = weights, np.flatnonzero(weights > 0)

    def round(self) -> None:
        """Pairs of exchanges among the units of some zones, from where the last round ended."""
        found = self._pairs(*self._exchanges())
        if found is None:
            return
        standing, dearer = self.standing, 0
        held, came = self.housed.count.copy(), list[tuple[int, int]]()
        best, kept = standing.error, (held.copy(), 0)
        for _ in range(STEPS):
            if not best or dearer > DEARER:
                break
            cost = found.moves.costs(standing)
            cost[(held[found.out] < 1 + found.twice[:, None]).any(axis=1)] = np.inf
            picks = [int((cost + 1e-3 * self.random.random(len(cost))).argmin())]
            if standing.error <= NEAR:
                picks = self._mending(found, held) or picks
            if len(picks) == 1 and cost[picks[0]] >= 0:
                standing.grow_dearer()
                dearer += 1
                continue
            for pick in picks:
                found.moves.make(pick, standing)
                np.subtract.at(held, found.out[pick], 1)
                came += zip(self.housed.zone[found.out[pick]].tolist(), found.into[pick].tolist(), strict=True)
            if standing.error < best:
                best, kept = standing.error, (held.copy(), len(came))
        self._settle(kept[0], came[: kept[1]])

    @staticmethod
    def _mending(found: "_Opposites", held: Counts) -> list[int]:
        """Two pairs that together mend everything, where units are there for both."""
        for picks in found.moves.mending(found.standing):
            leave, times = np.unique(found.out[list(picks)], return_counts=True)
            if (held[leave] >= times).all():
                return list(picks)
        return []

    def _settle(self, held: Counts, came: list[tuple[int, int]]) -> None:
        zone, unit = np.array(came, np.int64).reshape(-1, 2).T
        old = np.repeat(np.arange(len(held)), held)
        zones, units = self.housed.zone[old], self.housed.unit[old]
        self.housed = Housed.of(np.concatenate([zones, zone]), np.concatenate([units, unit]))
        self.standing.got = np.asarray(self.rows.T @ self.housed.totals(self.rows.shape[0]))

    def _exchanges(self) -> tuple[CellIndex, CellIndex]:
        """Entries of some zones, and for each some candidates that areas see nearly alike."""
        housed = self.housed
        zones, of = np.unique(housed.zone, return_inverse=True)
        rank = self.random.permutation(len(zones))[of]
        n_zones = int(np.searchsorted(np.cumsum(np.bincount(rank)), UNITS)) + 1
        entry = np.flatnonzero(rank < n_zones)
        kinds, of = np.unique(housed.unit[entry], return_inverse=True)
        coming, helps = self._coming()
        theirs = self.seen[coming].toarray().astype(np.float32)
        blocks = [kinds[at : at + AT_ONCE] for at in range(0, len(kinds), AT_ONCE)]
        into = np.concatenate([self._nearest(block, theirs, helps) for block in blocks])
        return np.repeat(entry, into.shape[1]), coming[into[of.ravel()].ravel()]

    def _coming(self) -> tuple[CellIndex, Floats]:
        """Candidates that may come, and by how much each helps: those that help most, and others by their weight."""
        helps = np.asarray(self.rows @ -self.standing.off()).astype(np.float32)
        late = self.random.exponential(size=len(self.able)) / self.weights[self.able]
        n = min(COMING // 2, len(self.able))
        drawn = self.able[np.argpartition(late, n - 1)[:n]]
        best = self.able[np.argpartition(-helps[self.able] + self.random.random(len(self.able)), n - 1)[:n]]
        found = np.unique(np.concatenate([drawn, best]))
        return found, helps[found]

    def _nearest(self, kinds: CellIndex, theirs: NDArray[np.float32], helps: Floats) -> CellIndex:
        """Places of candidates most like some vectors, and of those nearly so that help, (kinds, ALIKE + HELPFUL)."""
        own = self.seen[kinds].toarray().astype(np.float32)
        apart = np.square(theirs).sum(axis=1) - 2 * (own @ theirs.T) + np.square(own).sum(axis=1)[:, None]
        apart += WIDE * self.random.standard_exponential(apart.shape, dtype=np.float32)
        found = []
        for most, distance in ((ALIKE, apart), (HELPFUL, apart - helps)):
            n = min(most, len(theirs))
            found.append(np.argpartition(distance, n - 1, axis=1)[:, :n])
        return np.concatenate(found, axis=1)

    def _pairs(self, entry: CellIndex, into: CellIndex) -> "_Opposites | None":
        """Two exchanges each in one zone that together change nothing that areas see; None where there are none."""
        first, second = self._opposite(entry, into)
        out = self.housed.unit[entry]
        effect = self.effects[into] - self.effects[out]
        salt = self.random.integers(TIMES, size=len(first)).astype(np.uint64)
        _, each = np.unique(effect[first] + effect[second] + salt, return_index=True)
        first, second = first[each], second[each]
        helps = np.asarray(self.rows @ -self.standing.off()).astype(np.float64)
        gain = helps[into] - helps[out]
        order = self.random.random(len(first)) - gain[first] - gain[second]
        if len(first) > PRICED:
            some = np.argpartition(order, PRICED // 2)
            some = np.append(some[: PRICED // 2], self.random.choice(some[PRICED // 2 :], PRICED // 2, replace=False))
            first, second = first[some], second[some]
        change = self.rows[into[first]] - self.rows[out[first]] + self.rows[into[second]] - self.rows[out[second]]
        change.eliminate_zeros()
        moving = np.flatnonzero(np.diff(change.indptr))
        if not len(moving):
            return None
        both = np.stack([first[moving], second[moving]], axis=1)
        moves = Moves(change[moving], self.key)
        return _Opposites(out=entry[both], into=into[both], moves=moves, standing=self.standing)

    def _opposite(self, entry: CellIndex, into: CellIndex) -> tuple[CellIndex, CellIndex]:
        """Two exchanges each in one zone of which one does to what areas see just the opposite of the other."""
        effect = self.sums[into] - self.sums[self.housed.unit[entry]]
        zone = self.housed.zone[entry].astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
        here, there = zone + effect, zone - effect
        rising = np.argsort(here, kind="stable")
        begin = np.searchsorted(here[rising], there, side="left")
        n = np.searchsorted(here[rising], there, side="right") - begin
        n[np.cumsum(n) > PAIRS] = 0
        first = np.repeat(np.arange(len(entry)), n)
        second = rising[np.arange(len(first)) - np.repeat(np.cumsum(n) - n - begin, n)]
        once = first < second
        return first[once], second[once]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Opposites:
    """Pairs of exchanges.

    Attributes:
        out: (m, 2) entries of which a unit leaves.
        into: (m, 2) vectors of which one comes.
        moves: what each does to the tables.
        standing: of these.
    """

    out: CellIndex
    into: CellIndex
    moves: Moves
    standing: Standing

    @property
    def twice(self) -> Mask:
        """Whether both leave the same entry, (m,)."""
        return self.out[:, 0] == self.out[:, 1]
