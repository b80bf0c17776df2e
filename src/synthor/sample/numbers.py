"""Numbers moved until means, totals and standard deviations come out as published, with all rules kept.

`tune` moves the numbers of one variable, each between two bounds. Here these bounds are found: the bin's edges, or where a rule
would break before that, found by bisection. Variables are gone through in turn, for what one may take hangs on where the others
stand. A number that a rule ties to another has little room alone (who comes later must leave later), so after each turn those
that are still off are moved together with their partners, by the same amount, and the partner's own sums are put right in
the next turn. Where that is not enough, a variable takes whatever its bins leave it, and its partners make room: one after the
other, in either order.
"""

import itertools
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import polars as pl

from synthor.problem.rulings import Rulings
from synthor.sample.exact import exactly, gap, n_missed
from synthor.sample.quotas import MARGINS
from synthor.sample.tune import Aim, tune
from synthor.schema import Units, Variable, of_unit
from synthor.types import CellIndex, Floats, Mask

TURNS = 12
"""Times that all variables are gone through where rules tie them."""

CREEPING = 0.95
"""Share of what was off before a turn that may be left after it, or further turns are of no use."""

CORNERED = 3
"""Variables that make room for another, at most: all combinations of their bins' edges are tried."""

WAYS = (0.125, 0.25, 0.5, 1.0)
"""Shares of its way to an edge that a number goes to make room, the first that is enough."""

HALVINGS = 48
"""Halvings of the way to a bin's edge, at most; a number of 15 digits needs no more."""

Aims = Callable[[int, float], list[Aim]]
"""What the numbers of a variable, by its position, are to come to, with some share of each range kept free at either end."""


def moved(
    frame: pl.DataFrame,
    units: Units,
    variables: Sequence[Variable],
    positions: Sequence[int],
    aims: Aims,
    rulings: Rulings,
    movable: Sequence[int] | None = None,
) -> pl.DataFrame:
    """The same records, numbers moved inside their bins; none breaks a rule that broke none before.

    Args:
        frame: records of units.
        units: the same in the bands that their numbers may move inside of.
        variables: in these bands.
        positions: of the variables with sums to come to.
        aims: what these are.
        rulings: all rules.
        movable: positions of the variables whose numbers may move; all where None.
    """
    numbers = _Numbers(frame, units, variables, rulings, movable)
    before = np.inf
    for turn in range(TURNS):
        for position in positions:
            numbers.alone(position, aims)
        missed = numbers.missed(positions, aims)
        left = numbers.gap(missed, aims)
        if left > CREEPING * before:
            break  # rules or bins are in the way, not each other
        before = left
        partners = [(position, numbers.partners(position, positions)) for position in missed]
        if not any(tied for _, tied in partners) or turn == TURNS - 1:
            break
        for position, tied in partners:
            for partner in tied:
                numbers.together(position, partner, aims)
    return _with_room(numbers, positions, aims)


def _with_room(numbers: "_Numbers", positions: Sequence[int], aims: Aims) -> pl.DataFrame:
    """The records; of those orders in which variables are settled and their partners make room, the one that misses least."""
    missed = numbers.missed(positions, aims)
    tied = [position for position in missed if numbers.partners(position)]
    if not tied:
        return numbers.frame
    begin = numbers.frame
    best, least = begin, (len(missed), numbers.gap(missed, aims))
    partners = sorted({other for position in tied for other in numbers.partners(position, positions)} - set(tied))
    for order in dict.fromkeys(((*tied, *partners), (*partners, *tied), (*reversed(tied), *partners))):
        numbers.frame = begin
        for place, position in enumerate(order):
            numbers.freely(position, order[:place], aims)
        missed = numbers.missed(positions, aims)
        found = (len(missed), numbers.gap(missed, aims))
        if found < least:
            best, least = numbers.frame, found
        if not missed:
            break
    return best


class _Numbers:
    """Records whose numbers are moved one variable, or one pair of variables, at a time."""

    def __init__(
        self,
        frame: pl.DataFrame,
        units: Units,
        variables: Sequence[Variable],
        rulings: Rulings,
        movable: Sequence[int] | None,
    ) -> None:
        self.frame, self.units, self.variables = frame, units, variables
        self.rulings, self.movable = rulings, range(len(variables)) if movable is None else movable

    def ends(self, position: int) -> tuple[Floats, Floats]:
        """Lowest and highest value that each record's band of a variable holds."""
        variable, band = self.variables[position], self.units.column(of_unit(position))
        low, high = variable.ends
        return low[band], high[band]

    def values(self, position: int) -> Floats:
        return _numbers(self.frame[self.variables[position].name])

    def missed(self, positions: Sequence[int], aims: Aims) -> list[int]:
        """Variables whose numbers do not come to what is wanted."""
        return [position for position in positions if n_missed(self.values(position), aims(position, 0.0))]

    def gap(self, positions: Sequence[int], aims: Aims) -> float:
        """By how much some variables are off."""
        return sum(gap(self.values(position), aims(position, 0.0)) for position in positions)

    def partners(self, position: int, among: Sequence[int] | None = None) -> list[int]:
        """Numeric variables that may move and that a rule ties to this one; all, or those with sums to come to."""
        name = self.variables[position].name
        tied: set[int] = set()
        for ruling in self.rulings.each:
            if position in ruling.columns and name in ruling.numeric:
                others = set(ruling.columns if among is None else among) & set(self.movable) - {position}
                tied |= {other for other in others if self.variables[other].name in ruling.numeric}
        return sorted(tied)

    def alone(self, position: int, aims: Aims) -> None:
        """One variable's numbers, each as far as its bin and the rules let it."""
        now = self.values(position)
        low, high = self._reach((position,), now, *self.ends(position))
        self._move((position,), now, self._tuned(position, now, low, high, aims))

    def freely(self, position: int, settled: Sequence[int], aims: Aims) -> None:
        """One variable's numbers as far as bins let them, where partners that are not settled can make room."""
        movable = [partner for partner in self.partners(position) if partner not in settled][:CORNERED]
        now, begin, widest = self.values(position), self.frame, self.ends(position)
        rulings = self.rulings.of_any((position, *movable))
        low, high = self._reach((position,), now, *widest)
        rooms = []
        for sides in itertools.product((False, True), repeat=len(movable)):
            edges = {p: self._edge(p, upper) for p, upper in zip(movable, sides, strict=True)}
            room = self._shifted(begin, edges, 1.0)
            clear = ~rulings.breaks(self.units, room)
            self.frame = room
            lower, upper = self._reach((position,), now, *widest)
            low, high = np.where(clear, np.minimum(low, lower), low), np.where(clear, np.maximum(high, upper), high)
            rooms.append(edges)
        self.frame = begin
        then = self._tuned(position, now, low, high, aims)
        moved = self._columns((position,), then - now, np.arange(len(now)))
        placed = begin.with_columns(moved)
        best, late = placed, rulings.breaks(self.units, placed)
        for way, edges in itertools.product(WAYS, rooms):
            if not late.any():
                break
            trial = self._shifted(placed, edges, way)
            works = late & ~rulings.breaks(self.units, trial)
            best, late = _rows_of(best, trial, works), late & ~works
        self.frame = _rows_of(best, begin, late)

    def _edge(self, position: int, upper: bool) -> Floats:
        return self.ends(position)[upper]

    def _shifted(self, frame: pl.DataFrame, edges: Mapping[int, Floats], way: float) -> pl.DataFrame:
        """Some variables' numbers a share of the way to edges of their bins."""
        columns = []
        for position, edge in edges.items():
            variable = self.variables[position]
            now = _numbers(frame[variable.name])
            values = np.round(now + way * (edge - now), variable.decimals)
            columns.append(variable.column(self.units.column(of_unit(position)), variable.kind.held(values)))
        return frame.with_columns(columns)

    def together(self, position: int, partner: int, aims: Aims) -> None:
        """Two variables' numbers by the same amount, for the sake of the first."""
        step = max(10.0 ** -self.variables[p].decimals for p in (position, partner))
        if 10.0 ** -self.variables[position].decimals < step:  # its finer numbers cannot follow in whole steps of both
            return
        now, other = self.values(position), self.values(partner)
        (first_low, first_high), (second_low, second_high) = self.ends(position), self.ends(partner)
        down = np.minimum(now - first_low, other - second_low)
        up = np.minimum(first_high - now, second_high - other)
        low, high = (now + sign * np.floor(np.round(way / step, 6)) * step for way, sign in ((down, -1), (up, 1)))
        low, high = self._reach((position, partner), now, low, high)
        self._move((position, partner), now, self._tuned(position, now, low, high, aims))

    def _tuned(self, position: int, now: Floats, low: Floats, high: Floats, aims: Aims) -> Floats:
        variable, values = self.variables[position], now
        for margin in MARGINS:
            values = tune(now, low, high, aims(position, margin), 10.0**-variable.decimals)
            if not n_missed(values, aims(position, 0.0)):
                break
        else:
            values = exactly(values, low, high, aims(position, 0.0), 10.0**-variable.decimals)
        return np.round(values, variable.decimals)

    def _reach(self, positions: tuple[int, ...], now: Floats, low: Floats, high: Floats) -> tuple[Floats, Floats]:
        """How far numbers can go, the first one's values being told, before a rule breaks: between its bounds, by bisection."""
        rulings = self.rulings.of_any(positions)
        if not rulings.each:
            return low, high
        step = 10.0 ** -self.variables[positions[0]].decimals
        found = []
        for edge in (low, high):
            reached, steps = edge.copy(), np.rint(np.abs(edge - now) / step)
            rows = np.flatnonzero((steps > 0) & self._broken(rulings, positions, now, edge, np.arange(len(now))))
            good, bad = np.zeros(len(rows)), steps[rows]
            way = np.sign(edge[rows] - now[rows]) * step
            for _ in range(HALVINGS):
                open_rows = np.flatnonzero(bad - good > 1)
                if not len(open_rows):
                    break
                middle = np.floor((good + bad)[open_rows] / 2)
                trial = now.copy()
                trial[rows[open_rows]] = now[rows[open_rows]] + way[open_rows] * middle
                fails = self._broken(rulings, positions, now, trial, rows[open_rows])
                bad[open_rows] = np.where(fails, middle, bad[open_rows])
                good[open_rows] = np.where(fails, good[open_rows], middle)
            reached[rows] = now[rows] + way * good
            found.append(np.round(reached, self.variables[positions[0]].decimals))
        return found[0], found[1]

    def _broken(self, rulings: Rulings, positions: tuple[int, ...], now: Floats, then: Floats, rows: CellIndex) -> Mask:
        """Which of some rows would break a rule if the first variable's numbers became `then`, the others' moving along."""
        some = self.frame[rows] if len(rows) < self.frame.height else self.frame
        moved = some.with_columns(self._columns(positions, (then - now)[rows], rows))
        return rulings.breaks(self.units.take(rows), moved)

    def _columns(self, positions: tuple[int, ...], change: Floats, rows: CellIndex) -> list[pl.Series]:
        columns = []
        for position in positions:
            variable = self.variables[position]
            values = np.round(_numbers(self.frame[variable.name])[rows] + change, variable.decimals)
            columns.append(variable.column(self.units.column(of_unit(position))[rows], variable.kind.held(values)))
        return columns

    def _move(self, positions: tuple[int, ...], now: Floats, then: Floats) -> None:
        """Take the new numbers, but for records that would break a rule: there is a gap on their way."""
        everyone = np.arange(len(now))
        rulings = self.rulings.of_any(positions)
        if rulings.each:
            then = np.where(self._broken(rulings, positions, now, then, everyone), now, then)
        self.frame = self.frame.with_columns(self._columns(positions, then - now, everyone))


def _numbers(column: pl.Series) -> Floats:
    """A column's numbers; 0 where there is none, which is moved nowhere and counted nowhere."""
    return column.fill_null(0).to_numpy().astype(np.float64)


def _rows_of(frame: pl.DataFrame, other: pl.DataFrame, rows: Mask) -> pl.DataFrame:
    """The records of one frame, some rows taken from another."""
    if not rows.any():
        return frame
    return frame.select(pl.when(pl.lit(rows)).then(other[name]).otherwise(pl.col(name)).alias(name) for name in frame.columns)
