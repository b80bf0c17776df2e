"""What targets and beliefs count on candidates, and what is demanded of these counts.

*Structure* is candidates with the cells that they count in: it hangs on which tables there are, not on their numbers, so it is
made once and fitted for as many demands as come (`reuse.py` says when that is right). *Demands* are the numbers: made afresh of
each problem and its beliefs, in shares of units. The coefficients of a statistic hang on the value that it wants, so they are
numbers, too.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import replace

import numpy as np

from synthor.fit.balance import Hard, Soft
from synthor.fit.dual import TASTES
from synthor.fit.nested import numbers_within
from synthor.fit.numbers_inside import NumbersInside, numbers_inside
from synthor.fit.pool import Pool
from synthor.fit.shapes import powers_of_statistics
from synthor.prior.beliefs import TABLE_STRENGTH, Beliefs, BelievedTable, fit_to_marginals
from synthor.prior.template import SURE
from synthor.prior.three_way import BelievedThreeWay
from synthor.problem import Demand, Problem, Target
from synthor.problem.statistic import Counting, LinearDemand
from synthor.schema import Cells, Conditional, Ref, Units
from synthor.types import Floats, Shares

LEAST_VARIANCE = 1e-6
"""Of a share that is believed to be 0 or 1, or of rows that hardly occur: what is believed is never quite certain."""

LEAST_SHARE = 1e-4
"""Share of its rows that a category gives way by, at least, when it is pulled by as much as makes a believed cell give way."""

FIRM = 10.0
"""Nats by which a believed row pulls before it gives way freely. Beliefs of who knows a place pull by 4 in 99 cells of 100, and
by 9 at most; rows that contradict each other, or the targets, would pull by hundreds, and leave a handful of candidates."""

GIVE = 30.0
"""Nats of pull for which a believed cell of units with members gives way altogether. Of millions of ways to make a household
few are candidates, so that some cell of some table is always believed to hold more than the others let it; without any give
such cells pull, and others hold against them, by thousands of nats, and no solver gets to an end."""

MIDDLE = 0.05
"""Nats by which a published statistic is preferred as it stands to what its rounding allows."""


class Structure:
    """Candidates, and how often each counts in the cells of tables; these are looked up once and kept.

    Args:
        pool: the candidates.
        counted: what was looked up on the same candidates already, by what it is.
    """

    def __init__(self, pool: Pool, counted: dict[Hashable, Cells] | None = None) -> None:
        self.pool = pool
        self._counted: dict[Hashable, Cells] = {} if counted is None else counted

    def of(self, pool: Pool) -> "Structure":
        """The same candidates, in a pool that weighs them otherwise."""
        return Structure(pool, self._counted)

    def cells(self, of: Target | BelievedTable | BelievedThreeWay | NumbersInside) -> Cells:
        """How often each candidate counts in each cell."""
        key = of.key
        if key not in self._counted:
            self._counted[key] = of.cells(self.pool.units)
        return self._counted[key]

    def hard(self, problem: Problem, beliefs: Beliefs) -> list[Hard]:
        """The targets as demands on shares of units, then rows that are believed."""
        on = counting(problem, beliefs, self.pool.units, self.cells)
        found = demanded(problem.targets, beliefs, linear(problem.targets, on, masses_of(problem.targets, self.pool)))
        strength = beliefs.base_strength
        for table in beliefs.conditional:
            found.append(self._rows_as_believed(table, table.rows, table.strength / strength))
        for three in beliefs.three_way:
            found.append(self._rows_as_believed(three, self._as_known(three, problem), three.strength / strength))
            if not _told_of(three.refs[:2], problem, beliefs):
                given = self._as_it_is(three)
                found.append(self._rows_as_believed(given, given.rows, given.strength / strength))
        if beliefs.templated and self.pool.units.nested:
            base = np.exp(self.pool.log_base)
            for one in numbers_inside(problem, self.pool.units):
                told = numbers_within(problem, beliefs, one.counts)
                rows = one.rows(self.cells(one).totals(base)) if told is None else one.rows_of(told)
                found.append(self._rows_as_believed(one, rows, SURE * TABLE_STRENGTH / strength))
        return found

    def soft(self, beliefs: Beliefs) -> list[Soft]:
        """Believed tables, to be approached."""
        strength, give = beliefs.base_strength, GIVE if self.pool.units.nested else 0.0
        return [
            Soft(cells=self.cells(table), shares=table.grouped.ravel(), weight=table.strength / strength, give=give)
            for table in beliefs.joint
        ]

    def _as_known(self, table: BelievedThreeWay, problem: Problem) -> Shares:
        """Believed rows with the shares of their variable that targets give: odds ratios stay, as in tables of pairs.

        Where more are believed to work than do, at each age and of each sex, there would have to be fewer of those of whom many
        do; and how many there are of each was not asked. What each row counts for in it is as among candidates.
        """
        known = problem.marginal_of_rows(table.level, table.refs[-1])
        each = self.cells(table).totals(np.exp(self.pool.log_base)).reshape(table.rows.shape).sum(axis=1)
        there = each > 0
        if known is None or not there.any():
            return table.rows
        rows, share = table.rows.copy(), each[there] / each.sum()
        wanted = np.asarray(np.bincount(table.group_of[-1], known), np.float64)
        fitted = fit_to_marginals(rows[there] * share[:, None], share, wanted)
        rows[there] = fitted / fitted.sum(axis=1, keepdims=True)
        return rows

    def _as_it_is(self, table: BelievedThreeWay) -> BelievedTable:
        """How the two go together that a table is given, among candidates: nothing else says it, and neither does the table.

        Rows that are believed to be other than the candidates' become rarer; where no table holds them, that can be all women
        of an age.
        """
        mass = self.cells(table).totals(np.exp(self.pool.log_base)).reshape(table.shape).sum(axis=2)
        grouped = np.maximum(mass, LEAST_VARIANCE * mass.sum())
        return BelievedTable(
            name=table.name,
            refs=(table.refs[0], table.refs[1]),
            level=table.level,
            group_of=(table.group_of[0], table.group_of[1]),
            grouped=grouped,
            shares=grouped,
            denied=np.zeros(grouped.shape, bool),
            strength=table.strength,
            conditional=True,
        )

    def _rows_as_believed(self, table: BelievedTable | BelievedThreeWay | NumbersInside, rows: Floats, weight: float) -> Hard:
        """E[c_ij - t_ij c_i] = 0 for the rows t of a table, with as much give as it is worth beside the base.

        With n_d of them, the share of a category j among those of i varies by t (1 - t) / n_d E[c_i], in counts of rows a unit
        t (1 - t) E[c_i] / n_d; a category that is believed never to be gives way by a little. How many rows of i there are is
        left to all else; where nothing tells, rows that are believed to be other than the candidates' become rarer by
        e^KL(t || candidates'): so these are drawn with what is believed. Cells that no candidate counts in, since a rule
        forbids them, take no part: they would pull by all that they are worth, for nothing.
        """
        counts = self.cells(table)
        mass = counts.totals(np.exp(self.pool.log_base)).reshape(rows.shape)
        each, rows = mass.sum(axis=1, keepdims=True), _of_possible(rows, mass)
        variance = np.maximum(rows * (1 - rows), LEAST_VARIANCE) / weight
        variance = np.maximum(variance, LEAST_SHARE / GIVE) * np.maximum(each, LEAST_VARIANCE)
        demand = Demand.exactly(np.zeros(rows.size), np.sqrt(variance.ravel()))
        return Hard(cells=Conditional(counts, rows), demand=demand, silent=mass.ravel() <= 0, signed=True, firm=FIRM)


def _told_of(refs: Sequence[Ref], problem: Problem, beliefs: Beliefs) -> bool:
    """Whether a table, published or believed, says how two columns go together."""
    published = ({axis.seen for axis in target.axes} for target in problem.counts)
    believed = (set(table.refs) for table in beliefs.tables)
    return any(set(refs) <= told for told in (*published, *believed))


def _of_possible(rows: Floats, mass: Floats) -> Floats:
    """Believed rows over the categories that there are candidates of; those of the candidates where it is none of these."""
    found = np.where(mass > 0, rows, 0.0)
    found = np.where(found.sum(axis=1, keepdims=True) > 0, found, mass)
    return found / np.maximum(found.sum(axis=1, keepdims=True), 1e-300)


def demanded(targets: Sequence[Target], beliefs: Beliefs, asked_of: Sequence[LinearDemand]) -> list[Hard]:
    """What targets demand, margins of error being in the units of the whole objective.

    Args:
        targets: some targets.
        beliefs: their base measure's strength is what margins are measured by.
        asked_of: the same targets as linear conditions.
    """
    found = []
    spread = np.sqrt(beliefs.base_strength)
    # Intervals of cells inside those of their totals meet at their edges wherever both are pulled: a multitude of corners that
    # hundreds of steps do not get around. With a taste for what was published, a few do.
    within = {target.totals_of for target in targets if target.counts and target.bounds is not None} - {""}
    for target, asked in zip(targets, asked_of, strict=True):
        sigma = None if asked.demand.sigma is None else asked.demand.sigma * spread
        if target.counts:
            taste = TASTES[0] if target.name in within or target.totals_of in within else TASTES[-1]
            found.append(Hard(cells=asked.cells, demand=replace(asked.demand, sigma=sigma), silent=target.silent, taste=taste))
        else:  # the numbers of a statistic move inside their bins, afterwards
            demand = replace(asked.demand, sigma=asked.room if sigma is None else np.hypot(sigma, asked.room))
            taste = MIDDLE if target.exact else TASTES[-1]
            found.append(Hard(cells=asked.cells, demand=demand, signed=True, taste=taste))
    return found


def masses_of(targets: Sequence[Target], pool: Pool) -> tuple[Floats, ...]:
    """How much of the pool there is in each cell of each statistic."""
    base = np.exp(pool.log_base) if not all(target.counts for target in targets) else pool.log_base
    return tuple(target.statistic.mass(target, pool.units, base) for target in targets)


def counting(problem: Problem, beliefs: Beliefs, units: Units, cells: Callable[[Target], Cells] | None = None) -> Counting:
    """What targets are counted on to become conditions on some units, whose cells may be known already."""
    powers = powers_of_statistics(problem, beliefs)
    found = cells or (lambda target: target.cells(units))
    return Counting(units=units, cells=found, powers=powers, n_units=problem.n_units)


def linear(targets: Sequence[Target], on: Counting, masses: Sequence[Floats]) -> list[LinearDemand]:
    """Targets as linear conditions, given how much of the pool there is in each cell."""
    return [target.statistic.linear(target, on, mass) for target, mass in zip(targets, masses, strict=True)]


def means_of(problem: Problem, beliefs: Beliefs) -> dict[Ref, Floats]:
    """Mean value of each bin of the columns that have statistics."""
    return {ref: first for ref, (first, _) in powers_of_statistics(problem, beliefs).items()}
