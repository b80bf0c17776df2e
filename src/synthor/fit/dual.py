"""The dual of the balancing problem: multipliers, the weights that follow from them, and how far they are from the optimum.

`balance.py` states the problem and its dual.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.fit.blocks import Tables, gathered
from synthor.problem import Demand, Demanded
from synthor.schema import Cells, Incidence
from synthor.types import Floats, Mask

TASTES = (1e-3, 1e-5, 1e-8)
"""Nats by which the middle of an interval is preferred to its edges, one after the other: it makes the dual smooth, and is next
to nothing in the end."""

SLOWEST = 0.5
"""Share of what edges cost that they cost after a step at most: smaller steps are not tried."""

LEAST_TOTAL = 0.01
"""Share of what a belief wants that a total counts as at least, so that no multiplier grows beyond bounds in one step."""

SETTLED = 1e-12
"""By how much a total that no weight can change may be off and be as wanted."""

YIELDING = 0.04
"""How much a demand gives way for each nat of pull beyond what is firm, in counts of rows a unit."""

CERTAIN = 1e-6
"""Margin, relative to the largest multiplier, by which a certificate of infeasibility must hold."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hard(Demanded):
    """A table to be met: low <= C'p <= high, (c,), per unit of p (so a table of all units of level 0 sums to one).

    Standard deviations of its demand are in units of the whole objective: the published ones times the square root of the base
    measure's pseudo-records.

    Attributes:
        signed: coefficients may be negative, so that a wanted 0 does not mean an empty cell.
        silent: (c,) cells that are not demanded at all: what they may hold follows from other cells, or is nothing.
        taste: nats by which the middle of an interval is preferred to its edges in the end.
        firm: nats of pull up to which a demand gives way by its variance alone; beyond, by `YIELDING` more a nat.
    """

    signed: bool = False
    silent: Mask | None = None
    taste: float = TASTES[-1]
    firm: float = np.inf

    @classmethod
    def exactly(cls, cells: Cells, wanted: Floats, sigma: Floats | None = None) -> "Hard":
        """Totals to be met as they are, but for margins of error."""
        return cls(cells=cells, demand=Demand.exactly(wanted, sigma))

    def from_totals(self, weights: Floats, share: float) -> "Hard":
        """The same demand, moved to where some of the way is done from what weights come to; what must be empty stays so.

        >>> from synthor.schema.cells import Partition
        >>> cells = Partition(np.array([0, 1]), 2)
        >>> Hard.exactly(cells, np.array([0.1, 0.9])).from_totals(np.array([0.5, 0.5]), 0.25).demand.low
        array([0.4, 0.6])
        """
        got, demand = self.cells.totals(weights), self.demand
        back = np.where(self.closed, 0.0, (1 - share) * (got - np.clip(got, demand.low, demand.high)))
        wanted = None if demand.wanted is None else demand.wanted + back
        return replace(self, demand=replace(demand, low=demand.low + back, high=demand.high + back, wanted=wanted))

    @property
    def closed(self) -> Mask:
        """Cells that must be empty."""
        if self.signed:
            return np.zeros(len(self.high), bool)
        closed: Mask = self.high <= 0
        return closed if self.demand.sigma is None else closed & (self.demand.sigma <= 0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Soft:
    """A table to be approached: weight * KL(shares || C'p), shares (c,) summing to one.

    Attributes:
        give: nats of pull for which a cell gives way by all that is believed of it, and by a part for a part; 0 for none.
    """

    cells: Cells
    shares: Floats
    weight: float
    give: float = 0.0


def outside_closed_cells(hard: Sequence[Hard], n: int) -> Mask:
    """Units that count in no cell that must be empty, (n,)."""
    outside = np.ones(n, dtype=bool)
    for target in hard:
        closed = target.closed.astype(np.float64)
        if closed.any():
            outside &= target.cells.spread(closed) == 0
    return outside


@dataclass(slots=True, eq=False)
class TableDemands:
    """One table's demands.

    Attributes:
        cells: the table.
        soft: whether it is only to be approached.
        free: cells that have candidates and may have weight.
        low: lowest totals; of a soft table, r t.
        high: highest totals; of a soft table, r t.
        variance: of each total; 0 where it has no margin of error. Of a soft table, how much it gives way a nat of pull.
        weight: r of a soft table, 1 of a hard one.
        met: the pull of each cell of a soft table that is met: r by the rows that a unit has in it.
        firm: the pull up to which a hard table's totals give way by their variance alone.
        signed: coefficients may be negative.
        scale: largest coefficient in size, by which violations are divided.
        taste: nats by which the middle of an interval is preferred to its edges now.
        least_taste: and in the end.
    """

    cells: Cells
    soft: bool
    free: Mask
    low: Floats
    high: Floats
    variance: Floats
    weight: float = 1.0
    signed: bool = False
    scale: float = 1.0
    taste: float = TASTES[0]
    least_taste: float = TASTES[-1]
    met: float = 0.0
    firm: float = np.inf

    def wanted(self, multipliers: Floats) -> Floats:
        """The totals that multipliers ask for, (c,)."""
        if self.soft:
            phi = np.where(self.free, multipliers, 1.0)
            return np.where(self.free, self.low / phi - self.variance * (phi - self.met), 0.0)
        inside = np.clip(self._middle - multipliers / self._stiffness, self.low, self.high)
        return inside - self.variance * multipliers - YIELDING * self._beyond(multipliers)

    def gradient(self, multipliers: Floats, got: Floats) -> Floats:
        """Of the dual, 0 where a multiplier is not free."""
        return np.where(self.free, self.wanted(multipliers) - got, 0.0)

    def value(self, multipliers: Floats) -> float:
        """Its part of the dual."""
        if self.soft:
            phi = multipliers[self.free]
            given = self.variance[self.free] @ np.square(phi - self.met)
            return float(self.low[self.free] @ np.log(phi) - given / 2)
        inside = np.clip(self._middle - multipliers / self._stiffness, self.low, self.high)
        taste = np.where(self.low < self.high, self._stiffness * np.square(inside - self._middle), 0.0)
        given = self.variance @ np.square(multipliers) + YIELDING * np.square(self._beyond(multipliers)).sum()
        return float(inside @ multipliers + taste.sum() / 2 - given / 2)

    def bound(self, multipliers: Floats) -> float:
        """What the multipliers are worth at least with any totals that a hard table allows."""
        return float(np.where(multipliers > 0, self.low, self.high) @ multipliers)

    def curvature(self, multipliers: Floats, got: Floats) -> Floats:
        """Its own part of the dual's negative second derivative, (c,): a diagonal.

        Of a soft table it is r t / phi^2; here one factor r t / phi is taken for C'p and what is given, which it equals at the
        optimum. So steps are those of a primal-dual method: with totals that stay as they are, one step leads to the best phi
        from anywhere.
        """
        if self.soft:
            phi = np.where(self.free, multipliers, 1.0)
            believed = got + self.variance * (phi - self.met)
            return np.maximum(believed, LEAST_TOTAL * self.low / phi) / phi + self.variance
        yielding = np.where(np.abs(multipliers) > self.firm, YIELDING, 0.0)
        return self.variance + yielding + np.where(self.inside(multipliers), 1 / self._stiffness, 0.0)

    def inside(self, multipliers: Floats) -> Mask:
        """Cells whose multipliers ask for a total strictly inside of its interval, (c,)."""
        if self.soft:
            return np.zeros(len(multipliers), bool)
        asked = self._middle - multipliers / self._stiffness
        found: Mask = (asked > self.low) & (asked < self.high)
        return found

    def _beyond(self, multipliers: Floats) -> Floats:
        """What pulls beyond what is firm, (c,)."""
        return multipliers - np.clip(multipliers, -self.firm, self.firm)

    @property
    def _middle(self) -> Floats:
        return (self.low + self.high) / 2

    @property
    def _stiffness(self) -> Floats:
        """How strongly the middle of an interval is preferred: its edges cost `taste`."""
        half = (self.high - self.low) / 2
        return 2 * self.taste / np.square(np.where(half > 0, half, 1.0))


class Dual:
    """Multipliers of all tables and the weights that follow from them.

    Attributes:
        tables: hard ones first.
        counted: the same, ready to be counted together.
        multipliers: (c,) of each table.
        weights: (n,) that follow.
        log_z: log of the sum of the weights before they were normalised.
        unsupported: whether a wanted cell has no candidate.
    """

    def __init__(self, log_base: Floats, tables: Sequence[TableDemands], counted: Tables, *, unsupported: bool) -> None:
        self.log_base, self.tables, self.counted, self.unsupported = log_base, tuple(tables), counted, unsupported
        self.move_to(_start(tables))

    @classmethod
    def of(cls, log_base: Floats, hard: Sequence[Hard], soft: Sequence[Soft]) -> "Dual":
        """The dual at its start: no pull by hard tables, soft ones as if they were met."""
        alive = np.isfinite(log_base) & outside_closed_cells(hard, len(log_base))
        counted = gathered([*(target.cells for target in hard), *(belief.cells for belief in soft)])
        held = counted.totals(alive.astype(np.float64))
        tables, unsupported = [], False
        for target, inside in zip(hard, held, strict=False):
            table, lacking = _hard_table(target, inside)
            tables.append(_without_settled(table, alive))
            unsupported |= lacking
        for belief, inside in zip(soft, held[len(hard) :], strict=True):
            free = (inside > 0) & (belief.shares > 0)
            shares = np.where(free, belief.shares, 0.0)
            weight = max(belief.weight, 1e-300)
            met = weight / _rows_a_unit(belief.cells, tables)
            goal = belief.weight * shares / max(shares.sum(), 1e-300)
            given = goal / met / belief.give if belief.give else np.zeros(len(goal))
            tables.append(TableDemands(belief.cells, True, free, goal, goal, given, weight, met=met))
        return cls(np.where(alive, log_base, -np.inf), tables, counted, unsupported=unsupported)

    @property
    def size(self) -> int:
        """Number of multipliers."""
        return sum(int(table.free.sum()) for table in self.tables)

    def move_to(self, multipliers: Sequence[Floats]) -> None:
        """Take other multipliers; constants cancel in the weights."""
        self.multipliers = list(multipliers)
        log_weights = self.counted.spread(self.multipliers, self.log_base.copy())
        top = log_weights.max(initial=-np.inf)
        if not np.isfinite(top):
            self.weights, self.log_z = np.zeros(len(log_weights)), -np.inf
        else:
            log_weights -= top
            weights = np.exp(log_weights, out=log_weights)
            total = float(weights.sum())
            weights /= total
            self.weights, self.log_z = weights, float(top + np.log(total))
        self.got = self.counted.totals(self.weights)

    def taken(self) -> Floats:
        """Logarithm of each candidate's weight as a share of its weight in the base, up to a constant, (n,)."""
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.asarray(np.log(self.weights) - self.log_base)

    def begin_at(self, multipliers: Sequence[Floats]) -> None:
        """Take other multipliers if they are of these tables and nearer to the optimum."""
        known = self.multipliers
        if [len(m) for m in multipliers] != [len(m) for m in known]:
            return
        before = self.residual()
        usable = [
            np.where(table.free & ((now > 0) | (not table.soft)), now, own)
            for table, now, own in zip(self.tables, multipliers, known, strict=True)
        ]
        self.move_to(usable)
        if not self.residual() < before:
            self.move_to(known)

    @property
    def has_intervals(self) -> bool:
        """Whether some cell may lie anywhere in an interval."""
        return any(not table.soft and (table.low < table.high).any() for table in self.tables)

    @property
    def tastes(self) -> tuple[float, ...]:
        """Nats by which the middles of each table's intervals are preferred now."""
        return tuple(table.taste for table in self.tables)

    def prefer_middles(self, taste: float, far: float) -> bool:
        """Prefer the middles of intervals by less; multipliers of cells inside of theirs follow, so that they stay there.

        Args:
            taste: nats that an edge is to cost.
            far: residual above which that would lead too far at once; then an edge costs as much as leads less far.

        Returns:
            Whether it costs as little as was asked.
        """
        known, tastes = self.multipliers, self.tastes
        least, before = taste, max((t.taste for t in self.tables if t.taste > t.least_taste), default=taste)
        while True:
            self._prefer(taste, known, tastes)
            if taste >= SLOWEST * before or self.residual() <= far:
                return taste == least
            taste = float(np.sqrt(taste * before))

    def _prefer(self, taste: float, known: Sequence[Floats], tastes: Sequence[float]) -> None:
        """Take a taste, from multipliers and tastes that were."""
        multipliers = []
        for table, now, before in zip(self.tables, known, tastes, strict=True):
            table.taste = before
            inside = table.inside(now)
            table.taste = max(taste, table.least_taste)
            multipliers.append(np.where(inside, now * table.taste / before, now))
        self.move_to(multipliers)

    def take_tastes(self, tastes: Sequence[float]) -> None:
        """Prefer the middles of intervals by as much as the dual of the same tables did, maybe on other candidates."""
        for table, taste in zip(self.tables, tastes, strict=True):
            table.taste = taste

    def gradients(self) -> list[Floats]:
        """Of the dual, by table."""
        return [t.gradient(m, got) for t, m, got in zip(self.tables, self.multipliers, self.got, strict=True)]

    def units(self) -> list[Floats]:
        """What gradients are multiplied by to be shares of all units, by table."""
        return [
            m / t.weight if t.soft else np.full(len(m), 1 / t.scale) for t, m in zip(self.tables, self.multipliers, strict=True)
        ]

    def residual(self) -> float:
        """Largest violation of an optimality condition, as a share of all units."""
        worst = 0.0
        for unit, gradient in zip(self.units(), self.gradients(), strict=True):
            worst = max(worst, float(np.abs(gradient * unit).max(initial=0.0)))
        return worst

    def value(self) -> float:
        """The dual itself."""
        return sum((t.value(m) for t, m in zip(self.tables, self.multipliers, strict=True)), start=-self.log_z)

    def refuted(self) -> bool:
        """Whether the hard tables' multipliers prove that no weights meet the tables."""
        thetas, wanted, scale = [], 0.0, 1.0
        for table, multipliers in zip(self.tables, self.multipliers, strict=True):
            rigid = not table.soft and not table.variance.any()
            thetas.append(multipliers if rigid else np.zeros(len(multipliers)))
            if rigid:
                wanted += table.bound(multipliers)
                scale = max(scale, float(np.abs(multipliers).max(initial=0.0)))
        reach = self.counted.spread(thetas, np.where(np.isfinite(self.log_base), 0.0, -np.inf))
        return wanted > float(reach.max(initial=-np.inf)) + CERTAIN * scale


def _start(tables: Sequence[TableDemands]) -> list[Floats]:
    """No pull by hard tables, soft ones as if they were met: the same pull in all cells of a soft table.

    Where each unit is in one of its cells that shifts nothing. Where a unit counts several times it would make weights
    e^(pull x rows), and the largest units alone would have any: so the hard table that says how many such rows there are pulls
    as much the other way.
    """
    found = [np.where(t.free, t.met, 0.0) if t.soft else np.zeros(len(t.low)) for t in tables]
    for table in tables:
        place = _same_rows(table.cells, tables) if table.soft else None
        if place is not None:
            found[place] = found[place] - np.where(tables[place].free, table.met, 0.0)
    return found


def _rows_a_unit(cells: Cells, tables: Sequence[TableDemands]) -> float:
    """How many rows a unit has in a table, as a hard table of the same rows tells; 1 where none does."""
    place = _same_rows(cells, tables)
    total = 1.0 if place is None else float((tables[place].low + tables[place].high).sum() / 2)
    return total if 0 < total < np.inf else 1.0


def _same_rows(cells: Cells, tables: Sequence[TableDemands]) -> int | None:
    """The place of the first hard table in which each unit counts as often as in this one; None where that is always once."""
    if not isinstance(cells, Incidence):
        return None
    rows = cells.rows
    for place, other in enumerate(tables):
        if not (other.soft or other.signed) and isinstance(other.cells, Incidence) and np.array_equal(other.cells.rows, rows):
            return place
    return None


def _hard_table(target: Hard, held: Floats) -> tuple[TableDemands, bool]:
    """A hard table's demands, and whether a cell that must have weight has no candidate."""
    low, high, sigma = target.low, target.high, target.demand.sigma
    if target.signed:
        return _table(target, np.ones(len(low), bool) if target.silent is None else ~target.silent, low, high), False
    supported, closed = held > 0, target.closed
    free = supported & ~closed
    if target.silent is not None:
        free &= ~target.silent
    rigid = np.ones(len(low), bool) if sigma is None else sigma <= 0
    lacking = bool((~supported & (low > 0) & rigid).any())
    low, high = np.where(free, low, 0.0), np.where(free, high, 0.0)
    if target.demand.exact and lacking and low.sum() > 0:  # the rest shares what cannot be placed
        low = high = low * (target.low.sum() / low.sum())
    return _table(target, free, low, high), lacking


def _without_settled(table: TableDemands, alive: Mask) -> TableDemands:
    """The same without multipliers of cells that are as wanted whatever the weights: each household has one head.

    They would grow without end on what rounding leaves.
    """
    if table.signed or not isinstance(table.cells, Incidence):
        return table
    same, each = table.cells.constant(alive)
    settled = same & (each >= table.low - SETTLED) & (each <= table.high + SETTLED)
    return replace(table, free=table.free & ~settled)


def _table(target: Hard, free: Mask, low: Floats, high: Floats) -> TableDemands:
    variance = np.zeros(len(low)) if target.demand.sigma is None else np.square(target.demand.sigma)
    scale = float(np.abs(target.cells.matrix().data).max(initial=0.0)) if target.signed else 1.0
    return TableDemands(
        target.cells,
        False,
        free,
        low,
        high,
        variance,
        signed=target.signed,
        scale=scale or 1.0,
        taste=max(TASTES[0], target.taste),
        least_taste=target.taste,
        firm=target.firm,
    )
