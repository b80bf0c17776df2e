"""Units that may leave and come, chosen around those there are, and the programme that says how many of each do.

Units that the conditions cannot tell apart are one column; who of them goes or comes is drawn afterwards. Current records with
one value changed may come, too. Of units with members hardly two count alike, and whole ones come to what is missed only by
chance: values of theirs may change where they stand (`changes.py`).
"""

from collections.abc import Callable, Sequence

import numpy as np

from synthor.problem import Problem
from synthor.sample.changes import Changes, Making
from synthor.sample.combined import Combining
from synthor.sample.conditions import conditions_of, sizes_of
from synthor.sample.gear import Gear
from synthor.sample.missed import SLIGHT, missed
from synthor.sample.programme import Exchange, Programme
from synthor.sample.rows import kinds_of
from synthor.sample.variants import varied
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Floats, Mask

IN_VAIN = 2
"""Programmes in a row that may help nothing."""

PRICED = 4
"""Times that units are added that the relaxation asks for; each time a sixth of those that may come."""

NESTED_PRICED = 6
"""The same of units with members: so often, nothing was missed any more in fractions of them wherever it was tried."""

MANY = 1e15
"""No table counts so many."""

DEAR = 4.0
"""How much dearer the unlikeliest unit is than the likeliest."""


class Search:
    """One neighbourhood search over the candidates and variants of current records.

    Attributes:
        hopeless: whether it ended because no units at all, not even in fractions, would lower the error.
    """

    def __init__(
        self,
        problem: Problem,
        units: Units,
        counts: Counts,
        log_weight: Callable[[Units], Floats],
        weights: Floats,
        random: np.random.Generator,
        gear: Gear,
    ) -> None:
        self.problem, self.random, self.n_given = problem, random, len(units)
        variants, source = varied(problem, units, counts, random)
        self.units = units.joined(variants) if len(variants) else units
        self.counts = np.concatenate([counts, np.zeros(len(variants), np.int64)])
        with np.errstate(divide="ignore", invalid="ignore"):
            likely = np.concatenate([np.log(weights), np.full(len(self.units) - len(weights), -np.inf)])
            known = np.flatnonzero(weights > 0)[:1]
            rest = np.arange(len(weights), len(self.units))
            if not units.nested and len(rest) and len(known):  # how likely any units with members are is not known
                anchor = likely[known] - log_weight(units.take(known))
                likely = np.concatenate([likely[: len(weights)], log_weight(self.units.take(rest)) + anchor])
        self.likely = np.where(np.isnan(likely), -np.inf, likely)
        kept = counts > 0
        sizes = sizes_of(problem, units.where(kept), counts[kept])
        self.conditions = conditions_of(problem, self.units, sizes, gear)
        self.close = gear.close
        self.kinds = kinds_of(self.conditions.matrix)
        self.changes = Changes.between(self.conditions.matrix, source, np.arange(len(units), len(units) + len(source)))
        self.got = np.asarray(self.conditions.matrix.T @ self.counts.astype(np.float64))
        self.exchanged = 0
        self.hopeless = False
        self._missed: tuple[Floats, Floats] | None = None

    @property
    def missed(self) -> Floats:
        """How far each row is off now; found once for the same totals, since of many sums it is a programme of its own."""
        if self._missed is None or self._missed[0] is not self.got:
            self._missed = self.got, missed(self.conditions, self.got)
        return self._missed[1]

    @property
    def held(self) -> Mask:
        """Rows in which current units count."""
        held: Mask = np.diff(self.conditions.matrix[self.counts > 0].tocsc().indptr) > 0
        return held

    def result(self) -> tuple[Units, Counts]:
        """The candidates and the variants that came, and copies of each."""
        came = self.n_given + np.flatnonzero(self.counts[self.n_given :] > 0)
        kept = np.concatenate([np.arange(self.n_given), came])
        return self.units if len(kept) == len(self.units) else self.units.take(kept), self.counts[kept]

    def combine(self) -> None:
        """Changes of several units at once, until tables miss less, if there are such."""
        tables = np.flatnonzero(self.conditions.counts)
        off = self.missed[tables] > SLIGHT
        if not len(self.changes.source) or not off.any():
            return
        ends = (side[tables].clip(-MANY, MANY) for side in (self.conditions.low, self.conditions.high))
        low, high = (np.rint(side).astype(np.int64) for side in ends)
        table = self.conditions.source[tables]
        changes = self.changes.exchange.matrix[:, tables].rint().astype(np.int64)
        combining = Combining(changes, table, np.bincount(table, off) > 0, self.random)
        making = Making(self.changes, self.counts, self.random)
        combining.make(making, low, high, np.rint(self.got[tables]).astype(np.int64))
        self._kept(making.counts)

    def run(self, sizes: Sequence[tuple[int, int]], *, at_once: bool = False) -> None:
        """Programmes over one choice of units after the other, until nothing is off.

        Args:
            sizes: kinds of units that may leave and come, for each programme.
            at_once: nothing may be missed any more, where that can be met in fractions.
        """
        in_vain = 0
        for n_leaving, n_coming in sizes:
            off = self.missed > SLIGHT
            if not off.any():
                return
            leaving = self._chosen(self.counts > 0, np.log(np.maximum(self.counts, 1)), off, n_leaving)
            coming = self._chosen(np.isfinite(self.likely), self.likely, off, n_coming)
            leaving, coming, best = self._asked_for(leaving, coming, n_leaving, n_coming)
            least = self._least_missed(leaving, coming) if best or at_once else np.empty(0)
            if best and least.sum() >= self.missed.sum() - SLIGHT:
                self.hopeless = True
                return
            whole = at_once and least.max(initial=0.0) <= SLIGHT
            made = (self.close or whole) and self._exchange(leaving, coming, elastic=False)  # sooner found, if at all
            made = made or (not whole and self._exchange(leaving, coming, elastic=True))
            in_vain = 0 if made else in_vain + 1
            if in_vain == IN_VAIN or (in_vain and len(leaving) < n_leaving and len(coming) < n_coming):
                return  # nothing helps, or all kinds were there

    def _chosen(self, allowed: Mask, log_chance: Floats, off: Mask, most: int) -> CellIndex:
        """Units of different kinds, drawn by weight: half of them among those that count where something is off."""
        rows = np.flatnonzero(allowed)
        kinds = self.kinds[rows]
        late = self.random.exponential(size=len(rows))
        with np.errstate(divide="ignore"):
            order = np.log(late) - log_chance[rows]
        concerned = abs(self.conditions.matrix[rows]) @ off.astype(np.float64) > 0
        by_time = np.argsort(order, kind="stable")
        _, first = np.unique(kinds[by_time], return_index=True)
        firsts = by_time[np.sort(first)]  # of each kind the one that was drawn first
        if len(firsts) <= most:
            return rows[firsts]
        near = firsts[concerned[firsts]][: most // 2]
        rest = firsts[~np.isin(firsts, near)][: most - len(near)]
        return rows[np.sort(np.concatenate([near, rest]))]

    def _asked_for(
        self, leaving: CellIndex, coming: CellIndex, n_leaving: int, n_coming: int
    ) -> tuple[CellIndex, CellIndex, bool]:
        """Who may leave and come, with those that the relaxed programme would pay most for, and fewer of the others.

        Flat units that leave stay as they are: they are told apart by few cells, so that those chosen stand for all. Units with
        members are not. The last that is told is whether it would pay for nobody else, of units with members: then no choice
        of units is better than this one, in fractions.
        """
        every = self._one_of_each(np.isfinite(self.likely))
        if len(every) <= len(coming):
            return leaving, coming, False
        cost, nested, best = self._cost(every), self.units.nested, False
        coming = self.random.permutation(coming)[: n_coming - PRICED * (n_coming // 6)]
        held = self._one_of_each(self.counts > 0) if nested else leaving
        if len(held) > len(leaving):
            leaving = self.random.permutation(leaving)[: n_leaving - PRICED * (n_leaving // 6)]
        for _ in range(NESTED_PRICED if nested else PRICED):
            programme = Programme.of(self.conditions, self.got, self.held, self._columns(leaving, coming), elastic=True)
            worth = None if programme is None else programme.prices(len(self.got))
            if worth is None:
                break
            come = self._best_paid(every, coming, cost - self.conditions.matrix[every] @ worth[0] - worth[1], n_coming // 6)
            leave = self._best_paid(held, leaving, self.conditions.matrix[held] @ worth[0] + worth[1], n_leaving // 6)
            if not len(come) + len(leave):
                best = nested
                break
            leaving, coming = np.concatenate([leaving, leave]), np.concatenate([coming, come])
        return np.sort(leaving), np.sort(coming), best

    def _least_missed(self, leaving: CellIndex, coming: CellIndex) -> Floats:
        """How far each row would be off if fractions of units could leave and come; without end where that is not known.

        Where nothing would be off, whole units are sooner found if none may be missed.
        """
        columns = self._columns(leaving, coming)
        programme = Programme.of(self.conditions, self.got, self.held, columns, elastic=True)
        outcome = None if programme is None else programme.solved(whole=False)
        if outcome is None:
            return np.full(1, np.inf)
        return missed(self.conditions, self.got + columns.matrix.T @ outcome[0])

    def _one_of_each(self, allowed: Mask) -> CellIndex:
        """One unit of each kind."""
        rows = np.flatnonzero(allowed)
        return rows[np.unique(self.kinds[rows], return_index=True)[1]]

    def _best_paid(self, every: CellIndex, known: CellIndex, reduced: Floats, most: int) -> CellIndex:
        """Of all units those whose kind is not known yet and whose reduced cost is least, if it is below nothing."""
        reduced = np.where(np.isin(self.kinds[every], self.kinds[known]), 0.0, reduced)
        best = np.argsort(reduced, kind="stable")[:most]
        return every[best[reduced[best] < -1e-9]]

    def _cost(self, coming: CellIndex) -> Floats:
        """Of putting in one of each."""
        rarity = self.likely.max(initial=-np.inf) - self.likely[coming]
        return 1.0 + (DEAR - 1) * np.clip(rarity / 20.0, 0.0, 1.0)

    def _columns(self, leaving: CellIndex, coming: CellIndex) -> Exchange:
        sign = np.repeat([-1.0, 1.0], [len(leaving), len(coming)])
        matrix = self.conditions.matrix[np.concatenate([leaving, coming])].multiply(sign[:, None]).tocsr()
        n_of_kind = np.bincount(self.kinds, self.counts)
        upper = np.concatenate([n_of_kind[self.kinds[leaving]], np.full(len(coming), float(self.counts.sum()))])
        cost = np.concatenate([np.zeros(len(leaving)), self._cost(coming)])
        whole = Exchange(matrix=matrix, sign=sign, cost=cost, upper=upper)
        return whole.beside(self.changes.exchange) if self.units.nested else whole

    def _exchange(self, leaving: CellIndex, coming: CellIndex, *, elastic: bool) -> bool:
        """Solve one programme and make what it says; whether that lowered the error."""
        conditions, kinds, columns = self.conditions, self.kinds, self._columns(leaving, coming)
        programme = Programme.of(conditions, self.got, self.held, columns, elastic=elastic)
        outcome = None if programme is None else programme.solved(any_will_do=self.units.nested)
        if outcome is None:
            return False
        change = np.rint(outcome[0])
        if not self._lower(self.got + columns.matrix.T @ change):
            return False
        counts = self.counts.copy()
        for unit, n in zip(leaving, change[: len(leaving)].astype(np.int64), strict=True):
            if n:
                members = np.flatnonzero((kinds == kinds[unit]) & (self.counts > 0))
                counts[members] -= self.random.multivariate_hypergeometric(counts[members], n, method="marginals")
        for unit, n in zip(coming, change[len(leaving) :][: len(coming)].astype(np.int64), strict=True):
            if n:
                members = np.flatnonzero((kinds == kinds[unit]) & np.isfinite(self.likely))
                chance = np.exp(self.likely[members] - self.likely[members].max())
                counts[members] += self.random.multinomial(n, chance / chance.sum())
        if self.units.nested:  # who should have changed may have left
            counts = self.changes.made(change[len(leaving) + len(coming) :], counts, self.random)
        return self._kept(counts)

    def _kept(self, counts: Counts) -> bool:
        """Take these counts if they are less off; whether they are."""
        got = np.asarray(self.conditions.matrix.T @ counts.astype(np.float64))
        if not self._lower(got):
            return False
        self.exchanged += int(np.maximum(counts - self.counts, 0).sum())
        self.counts, self.got = counts, got
        return True

    def _lower(self, got: Floats) -> bool:
        """Whether totals are less off than they are now, and tables no more."""
        now, then, counts = self.missed, missed(self.conditions, got), self.conditions.counts
        return bool(then.sum() < now.sum() and then[counts].sum() <= now[counts].sum())
