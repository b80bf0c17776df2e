"""Whole counts settled by small mixed-integer programmes, where descent, swaps and moves end off target.

Tables alone are met by swapping units. Shares inside other shares, means and totals hang on counts that no table fixes, and at
small numbers even tables can be too tight for swaps. Here some units are chosen that may leave and some that may come, and a
programme (`programme.py`) decides how many of each, so that all conditions (`conditions.py`) hold and as few records as
possible are exchanged; likely units are the cheaper ones to put in. Units that the conditions cannot tell apart are one column;
who of them goes or comes is drawn afterwards. Where no exchange meets everything, the one that lowers the error most is made,
and other units are chosen (large neighbourhood search; Shaw, 1998). Beside the candidates, current records with one value
changed may come: numbers so move to another bin, and a pool that holds no such unit is no obstacle.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from synthor.problem import Problem
from synthor.sample.conditions import conditions_of, sizes_of
from synthor.sample.gear import Gear
from synthor.sample.programme import Exchange, Programme
from synthor.sample.rows import Conditions
from synthor.sample.variants import varied
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Floats, Mask

if TYPE_CHECKING:
    from synthor.sample.rows import Matrix

MARGINS, SPREAD_MARGINS = (0.02, 0.0), (0.1, 0.02, 0.0)
"""Shares of their bands that numbers keep away from the edges, the first with which all conditions can be met: of means and
totals; and of standard deviations, which hang together with them."""

CROWDED = 20
"""Records in each cell of a statistic from which on there is anything to be kept away from."""

FEW, FEW_CELLS = 3_000, 150
"""Up to so many records, standard deviations are judged closely; with up to so many bins in cells, programmes do so, too."""

SIZES = ((300, 600), (300, 600), (600, 1_200), (1_500, 3_000))
"""Kinds of units that may leave and come, one programme after the other."""

NESTED_SIZES = ((300, 600), (300, 600), (600, 1_200), (600, 1_200))
"""The same of units with members: larger programmes end by their time."""

IN_VAIN = 2
"""Programmes in a row that may help nothing."""

PRICED = 4
"""Times that units are added that the relaxation asks for; each time a sixth of those that may come."""

UNLIKELIER = 5.0
"""Nats by which a unit with members is taken to be less likely for one changed value."""

DEAR = 4.0
"""How much dearer the unlikeliest unit is than the likeliest."""

FEW_SUMS = 600
"""Sums that are whole numbers are taken as such at once up to so many of them."""

SLIGHT = 1e-6
"""Violations up to this, in records, are none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """Counts after the programmes.

    Attributes:
        units: the candidates, followed by variants that came.
        counts: (n,) copies of each.
        exchanged: records that were exchanged.
        error: what is still off, in records; 0 where all conditions are met.
        off: (source, cell) of the conditions that are.
    """

    units: Units
    counts: Counts
    exchanged: int
    error: float
    off: tuple[tuple[int, int], ...]


def settle_counts(
    problem: Problem,
    units: Units,
    counts: Counts,
    log_weight: Callable[[Units], Floats],
    weights: Floats,
    random: np.random.Generator,
    *,
    patient: bool = True,
) -> Settled:
    """Counts that meet all conditions, as near to the given ones as programmes find; the given ones where these do.

    Args:
        problem: scaled to the number of records, with all rules.
        units: the candidates.
        counts: (n,) whole numbers.
        log_weight: log weight of any units under the fitted model, up to a constant.
        weights: (n,) share of each candidate.
        random: chooses units.
        patient: not where it is known that targets contradict each other: then one look is enough.
    """
    best = Settled(units=units, counts=counts, exchanged=0, error=0.0, off=())
    if not problem.targets:
        return best
    close = problem.n_units <= FEW and any(of.curved for _, of in problem.of_values)
    error, off = _error(problem, units, counts, close)
    best = replace(best, error=error, off=off)
    for gear in _gears(problem, units, counts, close)[: None if patient else 1]:
        if not best.off:
            break
        search = _Search(problem, best.units, best.counts, log_weight, weights, random, gear)
        sizes = NESTED_SIZES if units.nested else SIZES
        search.run(sizes if patient else sizes[:1])
        found = search.result()
        if not found.exchanged:
            continue
        error, off = _error(problem, found.units, found.counts, close)
        if error < best.error:
            best = replace(found, exchanged=best.exchanged + found.exchanged, error=error, off=off)
    return best


def _gears(problem: Problem, units: Units, counts: Counts, close: bool) -> list[Gear]:
    """How conditions are set, one search after the other."""
    kept = np.flatnonzero(counts > 0)
    crowded = all((sizes[sizes > 0] >= CROWDED).all() for sizes in sizes_of(problem, units.take(kept), counts[kept]))
    margins = SPREAD_MARGINS if close else MARGINS if crowded else MARGINS[-1:]
    gears = [Gear(margin=margin) for margin in margins]
    if any(target.statistic.groups is not None for target in problem.targets):
        gears.append(Gear(shares="fitting"))
    if close:
        schema = problem.schema
        spread = [(target, of) for target, of in problem.of_values if of.curved]
        if sum(target.grid.size * schema.levels[of.ref.level].band(of.of).size for target, of in spread) <= FEW_CELLS:
            gears.append(Gear(close=True, shares="fitting"))
    return gears


def _error(problem: Problem, units: Units, counts: Counts, close: bool) -> tuple[float, tuple[tuple[int, int], ...]]:
    """By how much counts miss the conditions, and whose conditions they are."""
    kept = np.flatnonzero(counts > 0)
    some = units.take(kept)
    conditions = conditions_of(problem, some, sizes_of(problem, some, counts[kept]), Gear(close=close))
    missed = _missed(conditions, conditions.matrix.T @ counts[kept].astype(np.float64))
    rows = np.flatnonzero(missed > SLIGHT)
    places = dict.fromkeys((int(conditions.source[row]), int(conditions.cell[row])) for row in rows)
    return float(missed[rows].sum()), tuple(places)


def _missed(conditions: Conditions, got: Floats) -> Floats:
    """How far each row is off, in records, with the sums that suit best.

    Of many sums that have to be whole numbers, fractions are looked at first: they show most of what is wrong in no time.
    """
    if not conditions.sums.shape[0]:
        return _off(conditions, got)
    none = np.zeros(0)
    nobody = Exchange(matrix=conditions.matrix[:0], sign=none, cost=none, upper=none)
    programme = Programme.of(conditions, got, got != 0, nobody, elastic=True)
    missed = _off(conditions, got)
    for whole in (True,) if conditions.sums.shape[0] <= FEW_SUMS else (False, True):
        outcome = None if programme is None else programme.solved(whole=whole, briefly=True)
        if outcome is None:
            break
        missed = _off(conditions, got + conditions.sums.T @ outcome[1])
        if (missed > SLIGHT).any():
            break
    return missed


def _off(conditions: Conditions, got: Floats) -> Floats:
    below, above = conditions.low - got, got - conditions.high
    room = 1e-9 * np.maximum(np.abs(np.where(below > 0, conditions.low, 0)), np.abs(np.where(above > 0, conditions.high, 0)))
    return np.asarray(np.maximum(np.maximum(below, above) - room, 0.0) / conditions.scale)


class _Search:
    """One neighbourhood search over the candidates and variants of current records."""

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
        variants, self.source = varied(problem, units, counts, random)
        self.units = units.joined(variants) if len(variants) else units
        self.counts = np.concatenate([counts, np.zeros(len(variants), np.int64)])
        with np.errstate(divide="ignore", invalid="ignore"):
            likely = np.concatenate([np.log(weights), np.full(len(units) - len(weights), -np.inf)])
            known = np.flatnonzero(weights > 0)[:1]
            rest = np.arange(len(weights), len(self.units))
            if units.nested:  # how likely any units are is not known: less so than those they were made of
                likely = np.concatenate([likely, likely[self.source] - UNLIKELIER])
            elif len(rest) and len(known):
                anchor = likely[known] - log_weight(units.take(known))
                likely = np.concatenate([likely[: len(weights)], log_weight(self.units.take(rest)) + anchor])
        self.likely = np.where(np.isnan(likely), -np.inf, likely)
        kept = counts > 0
        sizes = sizes_of(problem, units.where(kept), counts[kept])
        self.conditions = conditions_of(problem, self.units, sizes, gear)
        self.close = gear.close
        self.kinds = kinds_of(self.conditions.matrix)
        self.got = np.asarray(self.conditions.matrix.T @ self.counts.astype(np.float64))
        self.exchanged = 0

    @property
    def held(self) -> Mask:
        """Rows in which current units count."""
        held: Mask = np.diff(self.conditions.matrix[self.counts > 0].tocsc().indptr) > 0
        return held

    def result(self) -> Settled:
        """The candidates, and the variants that came."""
        came = self.n_given + np.flatnonzero(self.counts[self.n_given :] > 0)
        return Settled(
            units=self.units.take(np.concatenate([np.arange(self.n_given), came])) if len(came) else self._given(),
            counts=np.concatenate([self.counts[: self.n_given], self.counts[came]]),
            exchanged=self.exchanged,
            error=0.0,
            off=(),
        )

    def _given(self) -> Units:
        return self.units if len(self.units) == self.n_given else self.units.take(np.arange(self.n_given))

    def run(self, sizes: Sequence[tuple[int, int]]) -> None:
        """Programmes over one choice of units after the other, until nothing is off."""
        in_vain = 0
        for n_leaving, n_coming in sizes:
            off = _missed(self.conditions, self.got) > SLIGHT
            if not off.any():
                return
            leaving = self._chosen(self.counts > 0, np.log(np.maximum(self.counts, 1)), off, n_leaving)
            coming = self._chosen(np.isfinite(self.likely), self.likely, off, n_coming)
            if self.units.nested:
                leaving = self._with_sources(leaving, coming)
            leaving, coming = self._asked_for(leaving, coming, n_leaving, n_coming)
            if self.units.nested:
                leaving = self._with_sources(leaving, coming)
            made = self.close and self._exchange(leaving, coming, elastic=False)  # all at once is sooner found, if at all
            made = made or self._exchange(leaving, coming, elastic=True)
            in_vain = 0 if made else in_vain + 1
            if self.units.nested:
                continue  # hardly two are alike, so that a larger programme may help where smaller ones do not
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

    def _with_sources(self, leaving: CellIndex, coming: CellIndex) -> CellIndex:
        """Who may leave, and those of whom variants may come: an exchange of the two changes few cells."""
        source = self.source[coming[coming >= self.n_given] - self.n_given]
        return np.union1d(leaving, source[self.counts[source] > 0])

    def _asked_for(self, leaving: CellIndex, coming: CellIndex, n_leaving: int, n_coming: int) -> tuple[CellIndex, CellIndex]:
        """Who may leave and come, with those that the relaxed programme would pay most for, and fewer of the others.

        Flat units that leave stay as they are: they are told apart by few cells, so that those chosen stand for all. Units with
        members are not.
        """
        every = self._one_of_each(np.isfinite(self.likely))
        if len(every) <= len(coming):
            return leaving, coming
        cost = self._cost(every)
        coming = self.random.permutation(coming)[: n_coming - PRICED * (n_coming // 6)]
        held = self._one_of_each(self.counts > 0) if self.units.nested else leaving
        if len(held) > len(leaving):
            leaving = self.random.permutation(leaving)[: n_leaving - PRICED * (n_leaving // 6)]
        for _ in range(PRICED):
            programme = Programme.of(self.conditions, self.got, self.held, self._columns(leaving, coming), elastic=True)
            worth = None if programme is None else programme.prices(len(self.got))
            if worth is None:
                break
            come = self._best_paid(every, coming, cost - self.conditions.matrix[every] @ worth[0] - worth[1], n_coming // 6)
            leave = self._best_paid(held, leaving, self.conditions.matrix[held] @ worth[0] + worth[1], n_leaving // 6)
            if not len(come) + len(leave):
                break
            leaving, coming = np.concatenate([leaving, leave]), np.concatenate([coming, come])
        return np.sort(leaving), np.sort(coming)

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
        return Exchange(matrix=matrix, sign=sign, cost=cost, upper=upper)

    def _exchange(self, leaving: CellIndex, coming: CellIndex, *, elastic: bool) -> bool:
        """Solve one programme and make what it says; whether that lowered the error."""
        conditions, kinds, columns = self.conditions, self.kinds, self._columns(leaving, coming)
        programme = Programme.of(conditions, self.got, self.held, columns, elastic=elastic)
        outcome = None if programme is None else programme.solved(any_will_do=self.units.nested)
        if outcome is None:
            return False
        change = np.rint(outcome[0])
        got = self.got + columns.matrix.T @ change
        now, then = _missed(conditions, self.got), _missed(conditions, got)
        if then.sum() >= now.sum() or then[conditions.counts].sum() > now[conditions.counts].sum():
            return False
        before = self.counts.copy()
        for unit, n in zip(leaving, change[: len(leaving)].astype(np.int64), strict=True):
            if n:
                members = np.flatnonzero((kinds == kinds[unit]) & (self.counts > 0))
                self.counts[members] -= self.random.multivariate_hypergeometric(self.counts[members], n, method="marginals")
        for unit, n in zip(coming, change[len(leaving) :].astype(np.int64), strict=True):
            if n:
                members = np.flatnonzero((kinds == kinds[unit]) & np.isfinite(self.likely))
                chance = np.exp(self.likely[members] - self.likely[members].max())
                self.counts[members] += self.random.multinomial(n, chance / chance.sum())
        self.got = np.asarray(conditions.matrix.T @ self.counts.astype(np.float64))
        self.exchanged += int(np.maximum(self.counts - before, 0).sum())
        return True


def kinds_of(matrix: "Matrix") -> CellIndex:
    """Rows of a matrix that are equal get equal numbers: told apart by two random sums of 53 bits each, with a fixed key."""
    key = np.random.default_rng(0).random((2, matrix.shape[1]))
    sums = np.asarray(matrix @ key[0] + 1j * (matrix @ key[1]))
    return np.unique(sums, return_inverse=True)[1].ravel()
