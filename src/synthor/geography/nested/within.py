"""Exchanges of units inside groups, for tables that tell units of a group apart."""

import numpy as np

from synthor.problem import Demanded
from synthor.sample.breakout import Moves, Standing, key_of
from synthor.types import CellIndex, Counts, Floats

ROUNDS, STEPS = 20, 300
"""Rounds, each with pairs of its own, and steps of a round."""

LEAVING, COMING = 2_000, 24
"""Kinds of current units that a round pairs, and with how many others of its group it pairs each."""

NEAR = 24
"""Error up to which two exchanges that mend everything are looked up."""


def exchanged_within(
    counts: Counts,
    weights: Floats,
    group: CellIndex,
    tables: Demanded,
    random: np.random.Generator,
) -> Counts:
    """Counts that meet tables, or miss them by no more than before, with as many units of each group as before.

    Args:
        counts: (n,) whole units of each kind.
        weights: (n,) how likely each is; those that weigh nothing do not come.
        group: (n,) of each kind.
        tables: of all kinds together.
        random: chooses.
    """
    if not tables.cells.size:
        return counts
    search = _Within(counts, weights, group, tables, random)
    for _ in range(ROUNDS):
        if not search.error:
            break
        search.round()
    return search.best


class _Within:
    def __init__(
        self,
        counts: Counts,
        weights: Floats,
        group: CellIndex,
        tables: Demanded,
        random: np.random.Generator,
    ) -> None:
        self.held, self.random = counts.copy(), random
        self.rows = tables.cells.matrix().astype(np.int64)
        self.standing = Standing(*tables.demand.rows, np.asarray(self.rows.T @ self.held))
        self.key = key_of(len(tables.low), random)
        self.sums = self.rows.astype(np.uint64) @ self.key
        # Kinds stand group by group, so that others of a group are drawn from a stretch.
        self.order = np.lexsort((np.arange(len(group)), group))
        sorted_ = group[self.order]
        self.begin = np.searchsorted(sorted_, group)
        self.end = np.searchsorted(sorted_, group, side="right")
        self.rising = np.cumsum(weights[self.order])
        self.best, self.error = self.held.copy(), self.standing.error

    def round(self) -> None:
        """Steps over one choice of pairs, from where the last one ended."""
        out, into = self._pairs()
        if not len(out):
            return
        change = self.rows[into] - self.rows[out]
        change.eliminate_zeros()
        moves, standing = Moves(change, self.key), self.standing
        for _ in range(STEPS):
            cost = moves.costs(standing)
            cost[self.held[out] <= 0] = np.inf
            pick = int((cost + 1e-3 * self.random.random(len(cost))).argmin())
            if cost[pick] >= 0:
                standing.grow_dearer()
                continue
            self._make(out, into, moves, pick)
            if standing.error < self.error:
                self.error, self.best = standing.error, self.held.copy()
            if not self.error or (self.error <= NEAR and self._mended(out, into, moves)):
                break

    def _make(self, out: CellIndex, into: CellIndex, moves: Moves, pick: int) -> None:
        self.held[out[pick]] -= 1
        self.held[into[pick]] += 1
        moves.make(pick, self.standing)

    def _mended(self, out: CellIndex, into: CellIndex, moves: Moves) -> bool:
        """Make two exchanges that together mend everything, where there are such."""
        for one, other in moves.mending(self.standing):
            leave = out[[one, other]]
            if self.held[leave].min() < (2 if leave[0] == leave[1] else 1):
                continue
            self._make(out, into, moves, one)
            self._make(out, into, moves, other)
            self.error, self.best = self.standing.error, self.held.copy()
            return True
        return False

    def _pairs(self) -> tuple[CellIndex, CellIndex]:
        """Kinds that leave and others of their group that come, each pair with another effect on the tables."""
        there = np.flatnonzero((self.held > 0) & (self.end - self.begin > 1))
        if len(there) > LEAVING:
            late = self.random.exponential(size=len(there)) / self.held[there]
            there = there[np.argpartition(late, LEAVING)[:LEAVING]]
        out = np.repeat(there, COMING)
        before = np.append(self.rising, 0.0)[self.begin[out] - 1]
        marks = before + self.random.random(len(out)) * (self.rising[self.end[out] - 1] - before)
        into = self.order[np.clip(np.searchsorted(self.rising, marks, side="right"), self.begin[out], self.end[out] - 1)]
        moving = self.sums[out] != self.sums[into]
        out, into = out[moving], into[moving]
        _, first = np.unique(self.sums[into] - self.sums[out], return_index=True)
        return out[first], into[first]
