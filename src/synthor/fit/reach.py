"""What targets demand without any give: counts as they stand, statistics as far as the edges of their bins reach.

Where values lie inside their bins is settled after the fit, which therefore lets a statistic give by about the spread of its
bins. What no value in any bin can make good is out of reach, however much the fit would give: a total T of v in cell c needs

    sum_{i in c} high_i p_i  >=  T_low / N     and     sum_{i in c} low_i p_i  <=  T_high / N,

where low and high are the ends of the bins, and likewise a mean m with (v - m) in place of v, and a standard deviation with
the squared distance from its mean, which is largest at one end of a bin. Where several statistics speak of the same values,
each unit is taken once with its value at the lower and once at the upper end of its bin: whatever lies between is a mixture of
both, so that what holds for a mean of all holds for the means of its parts, too.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthor.fit.conflict import TOLERANCE
from synthor.fit.dual import Hard
from synthor.linear import solve_linear
from synthor.problem import Demanded, OfValues, Problem, Target, Within
from synthor.schema import Incidence, Ref, Units
from synthor.types import CellIndex, Floats

Place = tuple[int, int]
"""A target and its cell."""

MOST_UNITS = 400_000
"""Up to so many units are taken at the ends of bins; of more, each statistic is looked at by itself."""

Given = tuple[int, int, float]
"""A target, its cell, and by how much it gave way in the units of the fit."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ends:
    """Units with their values at the ends of their bins.

    Attributes:
        units: each as often as there are combinations of ends.
        of: (n,) which of the units that were given it is.
        values: position to value, (n,), of numeric variables that statistics speak of; none where that would be too many units.
    """

    units: Units
    of: CellIndex
    values: Mapping[int, Floats]

    def spread(self, each: "NDArray[Any]") -> "NDArray[Any]":
        """Something of each unit that was given, for all of its ends."""
        return each[self.of]

    def of_units(self, picks: CellIndex) -> "Ends":
        """Some of them."""
        values = {position: value[picks] for position, value in self.values.items()}
        return Ends(units=self.units.take(picks), of=np.arange(len(picks)), values=values)


def at_ends(problem: Problem, units: Units) -> Ends:
    """Units with the values that statistics speak of at either end of their bins."""
    of, values = np.arange(len(units)), dict[int, Floats]()
    numeric = {one.of: one for target, one in problem.of_values if not target.level and not one.ref.level}
    if len(units) * 2 ** len(numeric) > MOST_UNITS:
        return Ends(units=units, of=of, values={})
    for position, one in sorted(numeric.items()):
        codes = units.column(one.ref)[of]
        low, high = one.variable.low[codes], one.variable.high[codes]
        wide = np.flatnonzero(high > low)
        values = {v: np.concatenate([value, value[wide]]) for v, value in values.items()}
        values[position] = np.concatenate([low, high[wide]])
        of = np.concatenate([of, of[wide]])
    return Ends(units=units.take(of) if values else units, of=of, values=values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rigid:
    """One demand without give.

    Attributes:
        source: place of its target.
        bounds: the demand; a statistic has two, one for each side.
    """

    source: int
    bounds: Demanded


def rigid(problem: Problem, hard: Sequence[Hard], ends: Ends, given: Sequence[Given] = ()) -> list[Rigid]:
    """All demands on some units that can be a part of a contradiction.

    Args:
        problem: what is known.
        hard: its targets as demands of the fit.
        ends: units that have cells in them; not necessarily those of `hard`.
        given: (target, cell, error) of those that gave way already: a count by so much, a statistic altogether.
    """
    return [
        Rigid(source=t, bounds=_given(bounds, t, given, by_error=target.counts))
        for t, target in enumerate(problem.targets)
        for bounds in demanded(target, hard[t], problem, ends)
    ]


def demanded(target: Target, hard: Hard, problem: Problem, ends: Ends) -> list[Demanded]:
    """What a target demands of some units: one table of counts, or both sides of a statistic."""
    return [counts(target, hard, ends.units, problem.n_units)] if target.counts else list(sides(target, problem, ends))


def counts(target: Target, hard: Hard, units: Units, n_units: int) -> Demanded:
    """What a table demands: its cells as the fit has them; within two standard deviations where they have such."""
    cells = target.cells(units)
    if target.sigma is not None:
        low, high = np.minimum(target.lowest, target.low), np.maximum(target.highest, target.high)
        return Demanded.between(cells, low / n_units, high / n_units)
    return Demanded.between(cells, hard.low, hard.high)


def in_whole_records(target: Target, bounds: Demanded, n_units: int) -> Demanded:
    """The same where a cell counts as met at either whole number beside what is wanted."""
    low, high = target.low / n_units, target.high / n_units
    return Demanded.between(bounds.cells, np.minimum(bounds.low, low), np.maximum(bounds.high, high))


def sides(target: Target, problem: Problem, ends: Ends) -> Iterator[Demanded]:
    """Both sides of what a statistic demands, as far as the edges of bins allow."""
    units, level, of = ends.units, target.level, target.statistic
    cell = target.grid.index(units, level)
    rows = np.flatnonzero(cell < target.grid.size)
    cell, n, owner = cell[rows], problem.n_units, rows if level == 0 else units.above(0, level)[rows]
    low, high = target.lowest, target.highest
    given = np.isfinite(target.wanted)
    if isinstance(of, Within):  # a share is met beside what no whole record meets
        group, n_groups = of.side.groups(units, level)[rows], of.side.size
        at = cell[:, None] * n_groups + np.arange(n_groups)
        for edge, sign in ((low, 1.0), (high, -1.0)):
            count = sign * ((group[:, None] == np.arange(n_groups)) - np.nan_to_num(edge)[cell])
            each = np.repeat(owner, n_groups)
            yield _side(count.ravel(), each, at.ravel(), np.where(given.ravel(), -1 / n, -np.inf), len(units))
        return
    assert isinstance(of, OfValues)
    codes = units.column(of.ref, level)[rows]
    low_end, high_end = of.variable.low[codes], of.variable.high[codes]
    value = ends.values.get(of.of) if level == 0 else None
    least, most = (low_end, high_end) if value is None else (value[rows], value[rows])
    least, most = of.image(least, most, cell)
    if of.curved:  # a number inside its bin may be nearer than both of its ends
        least = of.image(low_end, high_end, cell)[0]
    span = 1e-9 * np.maximum(np.abs(low), np.abs(high))
    low, high = of.summed(np.nan_to_num(low - span)), of.summed(np.nan_to_num(high + span))
    high = high + of.loosened(problem.targets, target)
    first, last, off = (0.0 * low, 0.0 * high, (low[cell], high[cell])) if of.per_row else (low / n, high / n, (0.0, 0.0))
    yield _side(most - off[0], owner, cell, np.where(given, first, -np.inf), len(units))
    yield _side(off[1] - least, owner, cell, np.where(given, -last, -np.inf), len(units))


def _side(values: Floats, units: CellIndex, cells: CellIndex, low: Floats, n_units: int) -> Demanded:
    return Demanded.between(Incidence.of(values, units, cells, (n_units, len(low))), low, np.full(len(low), np.inf))


def _given(bounds: Demanded, source: int, given: Sequence[Given], *, by_error: bool) -> Demanded:
    low, high = bounds.low.copy(), bounds.high.copy()
    for t, cell, error in given:
        if t == source:
            room = error * (1 + 1e-6) if by_error else np.inf
            low[cell], high[cell] = low[cell] - room, high[cell] + room
    return Demanded.between(bounds.cells, low, high)


def out_of_reach(problem: Problem, hard: Sequence[Hard], units: Units, weights: Floats) -> bool:
    """Whether weights leave a demand that has some give in the fit further off than it can be made good.

    Margins of error are looked at from a whole record on.
    """
    each = Ends(units=units, of=np.arange(len(units)), values={})
    n = problem.n_units
    tables = zip(problem.counts, hard[: len(problem.counts)], strict=True)
    if any(one.sigma is not None and _off(counts(one, table, units, n), weights, 1 / n) for one, table in tables):
        return True
    for target in problem.statistics:
        if any(_off(bounds, weights, TOLERANCE * _scale(bounds)) for bounds in sides(target, problem, each)):
            return True
    by_variable: dict[tuple[int, Ref], list[tuple[Target, OfValues]]] = {}
    for target, one in problem.of_values:
        if not one.curved:
            by_variable.setdefault((target.level, one.ref), []).append((target, one))
    return any(len(some) > 1 and _at_odds(some, problem.n_units, units, weights) for some in by_variable.values())


def _off(bounds: Demanded, weights: Floats, room: float) -> bool:
    got = bounds.cells.totals(weights)
    return bool((got < bounds.low - room).any() or (got > bounds.high + room).any())


def _scale(bounds: Demanded) -> float:
    return float(np.abs(bounds.cells.matrix().data).max(initial=0.0))


def _at_odds(some: Sequence[tuple[Target, OfValues]], n_units: int, units: Units, weights: Floats) -> bool:
    """Whether no values inside bins give several means and totals of one variable, of the rows of one level, at once.

    What the values come to is looked for where rows fall into the same cells of all of them.
    """
    from scipy import sparse

    level, of_rows = some[0][0].level, some[0][1]
    weights = weights[units.above(0, level)] if level else weights
    cells = np.stack([target.grid.index(units, level) for target, _ in some], axis=1)
    _, first, group = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    variable, codes = of_rows.variable, units.column(of_rows.ref, level)
    ends = np.stack([np.bincount(group.ravel(), weights * side[codes]) for side in (variable.low, variable.high)], axis=1)
    scale = float(np.abs(ends).max(initial=0.0)) or 1.0
    blocks, low, high = [], [], []
    for m, (target, one) in enumerate(some):
        of = cells[first, m]
        inside = np.flatnonzero(of < target.grid.size)
        shape = (target.grid.size, len(first))
        blocks.append(sparse.csr_array((np.ones(len(inside)), (of[inside], inside)), shape=shape))
        size = np.bincount(cells[:, m], weights, target.grid.size + 1)[:-1]
        per = np.full(len(size), 1 / n_units) if not one.per_row else size
        low.append(np.where(np.isfinite(target.wanted), np.nan_to_num(target.lowest) * per, -np.inf))
        high.append(np.where(np.isfinite(target.wanted), np.nan_to_num(target.highest) * per, np.inf))
    least, most = np.concatenate(low) / scale - TOLERANCE, np.concatenate(high) / scale + TOLERANCE
    sums, below, above = sparse.vstack(blocks, format="csr"), np.isfinite(least), np.isfinite(most)
    rows: Any = sparse.vstack([sums[above], -sums[below]], format="csr")
    between: Any = ends / scale
    found = solve_linear(np.zeros(len(first)), at_most=(rows, np.concatenate([most[above], -least[below]])), bounds=between)
    return found.ending == "impossible"
