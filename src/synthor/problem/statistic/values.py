"""Statistics of a number's values: sums of them, or of their squared distances, over the rows of a cell.

Of v in cell c, f(v) being v itself or (v - m)^2, each is one linear condition on shares of units:

    E[1_c f(v)] = T / N                  of what is summed over all rows (a total),
    E[1_c (f(v) - w)] = 0                of what is so much a row (a mean, a standard deviation).

An interval, or a margin of error, of what is so much a row is widened by the cell's rows a unit.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from synthor.problem.demand import Demand
from synthor.problem.statistic.base import Counting, LinearDemand, Statistic
from synthor.schema import Incidence, Ref, Units, Variable
from synthor.types import CellIndex, Floats, Shares

if TYPE_CHECKING:
    from synthor.problem.target import Target

ROOM = 0.5
"""Share of the spread of numbers inside their finest bins that the fit leaves to their settling."""

HALVINGS, STEEPEST = 60, 40.0
"""Halvings of the range in which a tilt is looked for; its ends, in inverse hyperbolic sines of tilt times largest distance."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class OfValues(Statistic):
    """What the values of a number come to in each cell.

    Attributes:
        of: position of the variable.
        ref: the column that is read: its own, or that of its slices.
        variable: behind that column.
    """

    per_row: ClassVar[bool] = True
    """Whether it is so much a row, not a sum of all."""

    curved: ClassVar[bool] = False
    """Whether what is summed up is no straight line of the values, so that bins do not tell it by their ends alone."""

    of: int
    ref: Ref
    variable: Variable

    @property
    def positions(self) -> tuple[int, ...]:
        return (self.of,)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return (self.variable,)

    @property
    def seen(self) -> tuple[Ref, ...]:
        return (replace(self.ref, column=self.of),)

    def summed(self, value: Floats) -> Floats:
        """What f comes to, a row or in all, where the statistic is `value`, (c,)."""
        return value

    def slope(self, summed: Floats) -> Floats | float:
        """By how much more that is where the statistic is one more."""
        return 1.0

    def image(self, least: Floats, most: Floats, cell: CellIndex) -> tuple[Floats, Floats]:
        """Smallest and largest f of the numbers between two, (n,) each, in the cells where they are counted."""
        return least, most

    def expected(self, powers: Sequence[Floats], given: "Floats | np.ndarray") -> tuple[Floats, Floats]:
        """Expected f, and how widely it spreads, in each category, (cells, k) each; `given` says which cells matter."""
        values = np.broadcast_to(powers[0], (len(given), len(powers[0])))
        return values, np.broadcast_to(np.sqrt(np.maximum(powers[1] - np.square(powers[0]), 0.0)), values.shape)

    @abstractmethod
    def of_sums(self, n: Floats, first: Floats, second: Floats) -> Floats:
        """The statistic of n rows whose values have these sums, (c,) each.

        Args:
            n: how many rows there are in each cell.
            first: sum of their values.
            second: sum of the squares of what they differ from `near`.
        """

    @property
    def near(self) -> Floats | float:
        """Numbers near the values of each cell, (c,), so that squares do not drown what they differ by."""
        return 0.0

    def loosened(self, targets: "Sequence[Target]", target: "Target") -> Floats | float:
        """How much more f may come to than `highest` says, because of what it hangs on."""
        return 0.0

    def mass(self, target: "Target", units: Units, base: Shares) -> Floats:
        grid, at, size = target.grid, target.level, self.variable.size
        cell = grid.index(units, at)
        place = cell * size + units.column(self.ref, at)
        found = np.bincount(place, base[units.above(0, at)] if at else base, (grid.size + 1) * size)[: grid.size * size]
        return np.asarray(found.reshape(grid.size, size), dtype=np.float64)

    def linear(self, target: "Target", on: Counting, mass: Floats) -> LinearDemand:
        units, n_units = on.units, on.n_units
        cell, shares = target.index(units), mass.sum(axis=1)
        rows = np.flatnonzero(cell < target.grid.size)
        where = cell[rows]
        given = np.isfinite(target.wanted)
        low, high, wanted = (np.where(given, edge, 0.0) for edge in (*self.aimed(target), target.wanted))
        values, room = self.expected(on.powers[self.ref], given)
        low, high, wanted = self.summed(low), self.summed(high), self.summed(wanted)
        middle = wanted if self.per_row else wanted / n_units / np.where(shares > 0, shares, np.inf)
        inner = (_tilted(mass, values - middle[:, None]) * room).sum(axis=1)
        value = values[where, units.column(self.ref, target.level)[rows]]
        off = value - wanted[where] if self.per_row else value
        unit = max(float(np.abs(off[given[where]]).max(initial=0.0)), 1e-300)
        if self.per_row:
            widen, zero = shares / unit, np.zeros(len(wanted))
        else:
            widen, zero = np.full(len(wanted), 1 / (n_units * unit)), wanted / (n_units * unit)
        sigma = None if target.sigma is None else np.where(given, target.sigma, 1.0) * widen * self.slope(wanted)
        keep = given[where]
        owner = rows if target.level == 0 else units.above(0, target.level)[rows]
        matrix = Incidence.of((off / unit)[keep], owner[keep], where[keep], (len(units), len(wanted)))
        demand = Demand(low=zero + (low - wanted) * widen, high=zero + (high - wanted) * widen, sigma=sigma)
        return LinearDemand(cells=matrix, unit=unit, demand=demand, room=ROOM * inner / unit * shares)


def _tilted(mass: Floats, distance: Floats) -> Shares:
    """Weights of the bins of each cell, (c, k), pulled exponentially until distances are 0 on average, as far as they can be.

    So the bins that a statistic will hardly use have no say in how much it can be moved inside of bins, be they ever so wide.
    """
    largest = np.maximum(np.abs(distance).max(axis=1, keepdims=True), 1e-300)
    log_mass = np.log(np.maximum(mass, 1e-300))
    low, high = np.full((len(mass), 1), -STEEPEST), np.full((len(mass), 1), STEEPEST)
    for _ in range(HALVINGS):
        tilt = (low + high) / 2
        logs = log_mass + np.sinh(tilt) * distance / largest
        weights = np.exp(logs - logs.max(axis=1, keepdims=True)) * (mass > 0)
        above = (weights * distance).sum(axis=1, keepdims=True) > 0
        low, high = np.where(above, low, tilt), np.where(above, tilt, high)
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300))
