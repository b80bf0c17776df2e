"""Units with members exchanged for units that are nearly alike, where swaps of any two end off target.

A unit with members counts in so many cells that hardly two differ in a few only, and swaps drawn from everywhere end where each
of them raises the error. Here each of some current units is paired with the candidates whose counts differ least from its own,
and with those that would take it nearest to what is wanted; a search goes through these pairs (`breakout.py`).

A round looks at so many current units and candidates at most, so that its cost hardly grows with the population.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthor.problem import Demanded
from synthor.sample.breakout import Moves, Standing, key_of
from synthor.sample.integerize import FAINTEST
from synthor.sample.rows import kinds_of
from synthor.types import CellIndex, Counts, Floats, Mask

ROUNDS, STEPS = 12, 200
"""Rounds, each with pairs of its own, and steps of a round."""

STARTS = 5
"""Times that rounds begin, each time from the best counts so far: a search that leads nowhere moves away from these, and what
it leaves costs minutes of integer programmes."""

LEAVING = 1_000
"""Kinds of current units that a round pairs."""

NUMBERS = 1 << 24
"""Counts of candidates that a round holds side by side: fewer candidates where there are many cells."""

ALIKE, HELPFUL = 12, 8
"""Candidates that each is paired with: those most like it, and those that take the tables nearest to what is wanted. Where few
kinds leave, each is paired with more, for about half as many pairs in all."""

AT_ONCE = 250
"""Current units that are compared with all candidates at once."""

NEAR = 24
"""Error up to which two exchanges that mend everything are looked up."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Pairs:
    """Exchanges of one unit of a kind for one of another, each with another effect.

    Attributes:
        out: (p,) kinds that leave.
        into: (p,) kinds that come.
        moves: what exchanges add to each cell; None where there are no pairs.
    """

    out: CellIndex
    into: CellIndex
    moves: Moves | None


def exchange_alike(
    weights: Floats, counts: Counts, tables: Sequence[Demanded], random: np.random.Generator
) -> tuple[Counts, int]:
    """Counts that meet the tables, or miss them by no more than before; and how many units were exchanged.

    Args:
        weights: (n,) share of each candidate; those that weigh nothing do not come.
        counts: (n,) whole numbers.
        tables: what their cells are to hold, in whole rows.
        random: chooses units.
    """
    search = _Alike(weights, counts, tables, random)
    for start in range(STARTS):
        if start:
            search.again()
        for _ in range(ROUNDS):
            if not search.error or not search.round():
                break
    return search.counts()


class _Alike:
    """Counts by kind: units that count alike in all tables are one."""

    def __init__(self, weights: Floats, counts: Counts, tables: Sequence[Demanded], random: np.random.Generator) -> None:
        from scipy import sparse

        self.given, self.weights, self.random = counts, weights, random
        matrix = sparse.hstack([table.cells.matrix() for table in tables], format="csr")
        self.kinds = kinds_of(matrix)
        _, first = np.unique(self.kinds, return_index=True)
        self.rows = matrix[first].astype(np.int64)
        self.held = np.bincount(self.kinds, counts, len(first)).astype(np.int64)
        self.mass = np.bincount(self.kinds, weights, len(first))
        low, high = (np.concatenate(own) for own in zip(*(table.demand.rows for table in tables), strict=True))
        self.standing = Standing(low, high, np.asarray(self.rows.T @ self.held))
        self.low, self.high = low, high
        self.key = key_of(len(low), random)
        self.sums = self.rows.astype(np.uint64) @ self.key
        self.best, self.error = self.held.copy(), self.standing.error

    def again(self) -> None:
        """Go on from the best counts so far."""
        self.held = self.best.copy()
        self.standing = Standing(self.low, self.high, np.asarray(self.rows.T @ self.held))

    def counts(self) -> tuple[Counts, int]:
        """Copies of each unit: who of a kind leaves is drawn from its copies, who comes by weight."""
        found, more = self.given.copy(), self.best - np.bincount(self.kinds, self.given, len(self.best)).astype(np.int64)
        for kind in np.flatnonzero(more):
            members = np.flatnonzero(self.kinds == kind)
            if more[kind] < 0:
                found[members] -= self.random.multivariate_hypergeometric(found[members], -more[kind], method="marginals")
            else:
                chance = self.weights[members]
                found[members] += self.random.multinomial(more[kind], chance / chance.sum())
        return found, int(np.maximum(more, 0).sum())

    def round(self) -> bool:
        """Steps over one choice of pairs, from where the last one ended; whether there was any to be made."""
        pairs, standing = self._pairs(), self.standing
        if pairs.moves is None:
            return False
        for _ in range(STEPS):
            cost = pairs.moves.costs(standing)
            cost[self.held[pairs.out] <= 0] = np.inf
            pick = int((cost + 1e-3 * self.random.random(len(cost))).argmin())
            if cost[pick] >= 0:
                standing.grow_dearer()
                continue
            self._make(pairs, pairs.moves, pick)
            error = standing.error
            if error < self.error:
                self.error, self.best = error, self.held.copy()
            if not self.error or (error <= NEAR and self._mended(pairs, pairs.moves)):
                break
        return True

    def _make(self, pairs: _Pairs, moves: Moves, pick: int) -> None:
        self.held[pairs.out[pick]] -= 1
        self.held[pairs.into[pick]] += 1
        moves.make(pick, self.standing)

    def _mended(self, pairs: _Pairs, moves: Moves) -> bool:
        """Make two exchanges that together mend everything, where there are such."""
        for one, other in moves.mending(self.standing):
            leave = pairs.out[[one, other]]
            if self.held[leave].min() < (2 if leave[0] == leave[1] else 1):
                continue
            self._make(pairs, moves, one)
            self._make(pairs, moves, other)
            self.error, self.best = self.standing.error, self.held.copy()
            return True
        return False

    def _drawn(self, allowed: Mask, chance: Floats | Counts, most: int) -> CellIndex:
        """Kinds, at most so many, drawn by chance."""
        found = np.flatnonzero(allowed)
        if len(found) <= most:
            return found
        late = self.random.exponential(size=len(found)) / np.maximum(chance[found], FAINTEST)
        return np.sort(found[np.argpartition(late, most)[:most]])

    def _pairs(self) -> _Pairs:
        leaving = self._drawn(self.held > 0, self.held, LEAVING)
        coming = self._drawn(self.mass > 0, self.mass, max(NUMBERS // len(self.standing.low), ALIKE))
        theirs = self.rows[coming].toarray().astype(np.float32)
        length = np.square(theirs).sum(axis=1)
        help_ = 2 * (theirs @ -self.standing.off().astype(np.float32))
        outs, ins = [], []
        wider = max(LEAVING // (2 * len(leaving)), 1)
        for at in range(0, len(leaving), AT_ONCE):
            some = leaving[at : at + AT_ONCE]
            own = self.rows[some].toarray().astype(np.float32)
            apart = length - 2 * (own @ theirs.T) + np.square(own).sum(axis=1)[:, None]
            apart[apart < 0.5] = np.inf  # the same kind
            for most, distance in ((ALIKE, apart), (HELPFUL, apart - help_)):
                n = min(most * wider, len(coming))
                nearest = np.argpartition(distance, n - 1, axis=1)[:, :n]
                rows, places = np.nonzero(np.isfinite(np.take_along_axis(apart, nearest, axis=1)))
                outs.append(some[rows])
                ins.append(coming[nearest[rows, places]])
        out, into = np.concatenate(outs), np.concatenate(ins)
        _, first = np.unique(self.sums[into] - self.sums[out], return_index=True)
        change: Any = self.rows[into[first]] - self.rows[out[first]]
        change.eliminate_zeros()
        moves = Moves(change, self.key) if len(first) else None
        return _Pairs(out=out[first], into=into[first], moves=moves)
