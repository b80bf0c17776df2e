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
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthor.fit.conflict import TOLERANCE, Bounds
from synthor.fit.dual import Hard
from synthor.linear import solve_linear
from synthor.problem import Moment, Problem, Target
from synthor.schema import Incidence, Units
from synthor.types import CellIndex, Floats

Place = tuple[int, int]
"""A target, counted on into the statistics, and its cell."""

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
    numeric = {moment.of: moment for moment in problem.moments if moment.groups is None}
    if len(units) * 2 ** len(numeric) > MOST_UNITS:
        return Ends(units=units, of=of, values={})
    for position, moment in sorted(numeric.items()):
        codes = units.column(moment.ref)[of]
        low, high = moment.variable.low[codes], moment.variable.high[codes]
        wide = np.flatnonzero(high > low)
        values = {v: np.concatenate([value, value[wide]]) for v, value in values.items()}
        values[position] = np.concatenate([low, high[wide]])
        of = np.concatenate([of, of[wide]])
    return Ends(units=units.take(of) if values else units, of=of, values=values)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rigid:
    """One demand without give.

    Attributes:
        source: place of its target among the targets, then the statistics.
        bounds: the demand; a statistic has two, one for each side.
    """

    source: int
    bounds: Bounds


def rigid(problem: Problem, hard: Sequence[Hard], ends: Ends, given: Sequence[Given] = ()) -> list[Rigid]:
    """All demands on some units that can be a part of a contradiction.

    Args:
        problem: what is known.
        hard: its targets, then its statistics, as demands of the fit.
        ends: units that have cells in them; not necessarily those of `hard`.
        given: (target, cell, error) of those that gave way already: a count by so much, a statistic altogether.
    """
    found = [
        Rigid(source=t, bounds=_given(counts(target, hard[t], ends.units, problem.n_units), t, given, by_error=True))
        for t, target in enumerate(problem.targets)
    ]
    for m, moment in enumerate(problem.moments, start=len(problem.targets)):
        for bounds in statistics(moment, problem, ends):
            found.append(Rigid(source=m, bounds=_given(bounds, m, given, by_error=False)))
    return found


def counts(target: Target, hard: Hard, units: Units, n_units: int) -> Bounds:
    """What a table demands: its cells as the fit has them; within two standard deviations where they have such."""
    cells = target.cells(units)
    if target.sigma is not None:
        low, high = np.minimum(target.lowest, target.low), np.maximum(target.highest, target.high)
        return Bounds(cells=cells, low=low / n_units, high=high / n_units)
    low = hard.wanted if hard.low is None else hard.low
    high = hard.wanted if hard.high is None else hard.high
    return Bounds(cells=cells, low=low, high=high)


def in_whole_records(target: Target, bounds: Bounds, n_units: int) -> Bounds:
    """The same where a cell counts as met at either whole number beside what is wanted."""
    low, high = target.low / n_units, target.high / n_units
    return replace(bounds, low=np.minimum(bounds.low, low), high=np.maximum(bounds.high, high))


def statistics(moment: Moment, problem: Problem, ends: Ends) -> Iterator[Bounds]:
    """Both sides of what a statistic demands, as far as the edges of bins allow."""
    units = ends.units
    cell = moment.grid.index(units)
    rows = np.flatnonzero(cell < moment.grid.size)
    cell, n = cell[rows], problem.n_units
    low, high = moment.lowest, moment.highest
    given = np.isfinite(moment.wanted)
    if moment.groups is not None:  # a share is met beside what no whole record meets
        group, n_groups = moment.groups.groups(units, 0)[rows], moment.groups.size
        at = cell[:, None] * n_groups + np.arange(n_groups)
        for edge, sign in ((low, 1.0), (high, -1.0)):
            count = sign * ((group[:, None] == np.arange(n_groups)) - np.nan_to_num(edge)[cell])
            each = np.repeat(rows, n_groups)
            yield _side(count.ravel(), each, at.ravel(), np.where(given.ravel(), -1 / n, -np.inf), len(units))
        return
    codes = units.column(moment.ref)[rows]
    low_end, high_end = moment.variable.low[codes], moment.variable.high[codes]
    least = most = ends.values[moment.of][rows] if moment.of in ends.values else None
    if least is None or most is None:
        least, most = low_end, high_end
    span = 1e-9 * np.maximum(np.abs(low), np.abs(high))
    low, high = np.nan_to_num(low - span), np.nan_to_num(high + span)
    if moment.kind == "sd":
        center = np.zeros(len(low)) if moment.center is None else np.nan_to_num(moment.center)
        below, above = low_end - center[cell], high_end - center[cell]
        nearest = np.where((below <= 0) & (above >= 0), 0.0, np.minimum(np.abs(below), np.abs(above)))
        most = np.maximum(np.square(least - center[cell]), np.square(most - center[cell]))
        least = np.square(nearest)
        low, high = np.square(np.maximum(low, 0.0)), np.square(high) + np.square(_off_center(moment, problem))
    total = moment.kind == "total"
    first, last = (low / n, high / n) if total else (np.zeros(len(low)), np.zeros(len(high)))
    off = (0.0, 0.0) if total else (low[cell], high[cell])
    yield _side(most - off[0], rows, cell, np.where(given, first, -np.inf), len(units))
    yield _side(off[1] - least, rows, cell, np.where(given, -last, -np.inf), len(units))


def _off_center(deviation: Moment, problem: Problem) -> Floats:
    """How far the mean of records may lie from the one that a standard deviation is taken around."""
    mean = next((moment for moment in problem.moments if moment.kind == "mean" and deviation.is_around(moment)), None)
    if mean is None:  # the problem was made without it
        return np.full(len(deviation.wanted), deviation.variable.most - deviation.variable.least)
    return np.nan_to_num(np.maximum(mean.highest - mean.wanted, mean.wanted - mean.lowest))


def _side(values: Floats, rows: CellIndex, cells: CellIndex, low: Floats, n_units: int) -> Bounds:
    from scipy import sparse

    matrix = sparse.csr_array(sparse.coo_array((values, (rows, cells)), shape=(n_units, len(low))))
    return Bounds(cells=Incidence(matrix), low=low, high=np.full(len(low), np.inf))


def _given(bounds: Bounds, source: int, given: Sequence[Given], *, by_error: bool) -> Bounds:
    low, high = bounds.low.copy(), bounds.high.copy()
    for t, cell, error in given:
        if t == source:
            room = error * (1 + 1e-6) if by_error else np.inf
            low[cell], high[cell] = low[cell] - room, high[cell] + room
    return Bounds(cells=bounds.cells, low=low, high=high)


def out_of_reach(problem: Problem, hard: Sequence[Hard], units: Units, weights: Floats) -> bool:
    """Whether weights leave a demand that has some give in the fit further off than it can be made good.

    Margins of error are looked at from a whole record on.
    """
    each = Ends(units=units, of=np.arange(len(units)), values={})
    for t, target in enumerate(problem.targets):
        if target.sigma is not None and _off(counts(target, hard[t], units, problem.n_units), weights, 1 / problem.n_units):
            return True
    for moment in problem.moments:
        if any(_off(bounds, weights, TOLERANCE * _scale(bounds)) for bounds in statistics(moment, problem, each)):
            return True
    by_variable: dict[int, list[Moment]] = {}
    for moment in problem.moments:
        if moment.kind in ("mean", "total"):
            by_variable.setdefault(moment.of, []).append(moment)
    return any(len(some) > 1 and _at_odds(some, problem.n_units, units, weights) for some in by_variable.values())


def _off(bounds: Bounds, weights: Floats, room: float) -> bool:
    got = bounds.cells.totals(weights)
    return bool((got < bounds.low - room).any() or (got > bounds.high + room).any())


def _scale(bounds: Bounds) -> float:
    return float(np.abs(bounds.cells.matrix().data).max(initial=0.0))


def _at_odds(moments: Sequence[Moment], n_units: int, units: Units, weights: Floats) -> bool:
    """Whether no values inside bins give several means and totals of one variable at once.

    What the values come to is looked for where units fall into the same cells of all of them.
    """
    from scipy import sparse

    cells = np.stack([moment.grid.index(units) for moment in moments], axis=1)
    _, first, group = np.unique(cells, axis=0, return_index=True, return_inverse=True)
    variable, codes = moments[0].variable, units.column(moments[0].ref)
    ends = np.stack([np.bincount(group.ravel(), weights * side[codes]) for side in (variable.low, variable.high)], axis=1)
    scale = float(np.abs(ends).max(initial=0.0)) or 1.0
    blocks, low, high = [], [], []
    for m, moment in enumerate(moments):
        of = cells[first, m]
        inside = np.flatnonzero(of < moment.grid.size)
        shape = (moment.grid.size, len(first))
        blocks.append(sparse.csr_array((np.ones(len(inside)), (of[inside], inside)), shape=shape))
        size = np.bincount(cells[:, m], weights, moment.grid.size + 1)[:-1]
        per = np.full(len(size), 1 / n_units) if moment.kind == "total" else size
        low.append(np.where(np.isfinite(moment.wanted), np.nan_to_num(moment.lowest) * per, -np.inf))
        high.append(np.where(np.isfinite(moment.wanted), np.nan_to_num(moment.highest) * per, np.inf))
    least, most = np.concatenate(low) / scale - TOLERANCE, np.concatenate(high) / scale + TOLERANCE
    sums, below, above = sparse.vstack(blocks, format="csr"), np.isfinite(least), np.isfinite(most)
    rows: Any = sparse.vstack([sums[above], -sums[below]], format="csr")
    between: Any = ends / scale
    found = solve_linear(np.zeros(len(first)), at_most=(rows, np.concatenate([most[above], -least[below]])), bounds=between)
    return found.ending == "impossible"
