"""Numbers moved until means, totals and standard deviations come out as published, with all rules kept.

`tune` moves the numbers of one variable, each between two bounds. Here these bounds are found: the bin's edges, or where a rule
would break before that, found by bisection. Variables are gone through in turn, for what one may take hangs on where the others
stand. A number that a rule ties to another has little room alone (who comes later must leave later), so after each turn those
that are still off are moved together with their partners, by the same amount, and the partner's own sums are put right in
the next turn.
"""

from collections.abc import Callable, Sequence

import numpy as np
import polars as pl

from synthor.problem.rulings import Rulings
from synthor.sample.exact import exactly, gap, n_missed
from synthor.sample.quotas import MARGINS
from synthor.sample.tune import Aim, tune
from synthor.spec.variables import Variable
from synthor.types import CellIndex, Codes, Floats, Mask

TURNS = 12
"""Times that all variables are gone through where rules tie them."""

CREEPING = 0.95
"""Share of what was off before a turn that may be left after it, or further turns are of no use."""

HALVINGS = 48
"""Halvings of the way to a bin's edge, at most; a number of 15 digits needs no more."""

Aims = Callable[[int, float], list[Aim]]
"""What the numbers of a variable, by its position, are to come to, with some share of each range kept free at either end."""


def moved(
    frame: pl.DataFrame,
    codes: Codes,
    variables: Sequence[Variable],
    positions: Sequence[int],
    aims: Aims,
    rulings: Rulings,
) -> pl.DataFrame:
    """The same records, numbers moved inside their bins; none breaks a rule that broke none before.

    Args:
        frame: records of level 0.
        codes: (n, v) their categories, in the finest bins.
        variables: in their finest bins.
        positions: of the variables with sums to come to.
        aims: what these are.
        rulings: all rules.
    """
    numbers = _Numbers(frame, codes, variables, rulings)
    before = np.inf
    for turn in range(TURNS):
        for position in positions:
            numbers.alone(position, aims)
        missed = [position for position in positions if n_missed(numbers.values(position), aims(position, 0.0))]
        left = sum(gap(numbers.values(position), aims(position, 0.0)) for position in missed)
        if left > CREEPING * before:
            break  # rules or bins are in the way, not each other
        before = left
        partners = [(position, numbers.partners(position, positions)) for position in missed]
        if not any(tied for _, tied in partners) or turn == TURNS - 1:
            break
        for position, tied in partners:
            for partner in tied:
                numbers.together(position, partner, aims)
    return numbers.frame


class _Numbers:
    """Records whose numbers are moved one variable, or one pair of variables, at a time."""

    def __init__(self, frame: pl.DataFrame, codes: Codes, variables: Sequence[Variable], rulings: Rulings) -> None:
        self.frame, self.codes, self.variables = frame, codes, variables
        self.rulings = rulings

    def values(self, position: int) -> Floats:
        return self.frame[self.variables[position].name].to_numpy().astype(np.float64)

    def partners(self, position: int, positions: Sequence[int]) -> list[int]:
        """Variables with sums to come to that a rule ties to this one."""
        name = self.variables[position].name
        tied: set[int] = set()
        for ruling in self.rulings.each:
            if position in ruling.columns and name in ruling.numeric:
                tied |= {other for other in positions if other != position and self.variables[other].name in ruling.numeric}
        return sorted(tied)

    def alone(self, position: int, aims: Aims) -> None:
        """One variable's numbers, each as far as its bin and the rules let it."""
        variable, now = self.variables[position], self.values(position)
        low, high = variable.low[self.codes[:, position]], variable.high[self.codes[:, position]]
        low, high = self._reach((position,), now, low, high)
        self._move((position,), now, self._tuned(position, now, low, high, aims))

    def together(self, position: int, partner: int, aims: Aims) -> None:
        """Two variables' numbers by the same amount, for the sake of the first."""
        step = max(10.0 ** -self.variables[p].decimals for p in (position, partner))
        if 10.0 ** -self.variables[position].decimals < step:  # its finer numbers cannot follow in whole steps of both
            return
        now, other = self.values(position), self.values(partner)
        first, second = self.variables[position], self.variables[partner]
        down = np.minimum(now - first.low[self.codes[:, position]], other - second.low[self.codes[:, partner]])
        up = np.minimum(first.high[self.codes[:, position]] - now, second.high[self.codes[:, partner]] - other)
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
        return rulings.breaks(self.codes[rows], moved)

    def _columns(self, positions: tuple[int, ...], change: Floats, rows: CellIndex) -> list[pl.Series]:
        columns = []
        for position in positions:
            variable = self.variables[position]
            values = np.round(self.frame[variable.name].to_numpy()[rows] + change, variable.decimals)
            columns.append(pl.Series(variable.name, values.astype(np.int64) if variable.kind == "integer" else values))
        return columns

    def _move(self, positions: tuple[int, ...], now: Floats, then: Floats) -> None:
        """Take the new numbers, but for records that would break a rule: there is a gap on their way."""
        everyone = np.arange(len(now))
        rulings = self.rulings.of_any(positions)
        if rulings.each:
            then = np.where(self._broken(rulings, positions, now, then, everyone), now, then)
        self.frame = self.frame.with_columns(self._columns(positions, then - now, everyone))
