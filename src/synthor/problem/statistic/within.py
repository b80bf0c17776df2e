"""Shares of the categories of a variable inside each cell."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from synthor.problem.demand import Demand
from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.statistic.base import Counting, LinearDemand, Statistic
from synthor.problem.statistic.count import Count
from synthor.schema import Cells, Incidence, Ref, Units, Variable
from synthor.types import CellIndex, Floats, Shares

if TYPE_CHECKING:
    from synthor.problem.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Within(Statistic):
    """How the rows of each cell are shared out over the labels of one more side: `wanted` is (c, labels), rows sum to one.

    Of a share s of label j inside cell c:  E[1_c (1_j - s)] = 0.

    Attributes:
        side: whose labels these are.
        printed: as they were published, shaped like `wanted`, which they are rounded from: they need not add up to one; None
            where an interval or a margin of error says what counts.
    """

    side: Axis
    printed: Floats | None = None

    @property
    def word(self) -> str:
        return "shares"

    @property
    def positions(self) -> tuple[int, ...]:
        return (self.side.position,)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return (self.side.variable,)

    @property
    def seen(self) -> tuple[Ref, ...]:
        return (self.side.seen,)

    @property
    def groups(self) -> Axis:
        return self.side

    def printed_of(self, target: "Target") -> Floats:
        return target.wanted if self.printed is None else self.printed

    def labels(self, grid: TargetGrid, cell: int) -> dict[str, str]:
        outer, inner = divmod(cell, self.side.size)
        return {**grid.labels(outer), self.side.variable.name: self.side.labels[inner]}

    def counted(self, target: "Target") -> "Target | None":
        """A table of the rows by the labels, too, and each of these by how many are to have it at least."""
        grid = replace(target.grid, axes=(*target.axes, self.side))
        least = np.nan_to_num(self.lowest(target)).ravel()
        return replace(target, grid=grid, statistic=Count(), wanted=least, bounds=None, sigma=None, aim=None)

    def index(self, target: "Target", units: Units) -> CellIndex:
        """Cell and label of each row, as one table, (rows,): as many as it has where it falls into none."""
        cell, group = target.grid.index(units, target.level), self.side.groups(units, target.level)
        size = target.grid.size * self.side.size
        return np.where((cell < target.grid.size) & (group >= 0), cell * self.side.size + group, size)

    def joint(self, target: "Target", units: Units) -> Cells:
        """The same counted up to units."""
        return units.counted(target.level, self.index(target, units), target.grid.size * self.side.size)

    def mass(self, target: "Target", units: Units, base: Shares) -> Floats:
        cell, size = target.grid.index(units, target.level), target.grid.size
        share = base[units.above(0, target.level)] if target.level else base
        return np.bincount(cell, share, size + 1)[:size].reshape(size, 1).astype(np.float64)

    def linear(self, target: "Target", on: Counting, mass: Floats) -> LinearDemand:
        units = on.units
        cell, shares = target.index(units), mass.sum(axis=1)
        rows = np.flatnonzero(cell < target.grid.size)
        where = cell[rows]
        n_groups = self.side.size
        group = self.side.groups(units, target.level)[rows].astype(np.int64)
        given = np.isfinite(target.wanted[:, 0])
        rows, where, group = (array[given[where] & (group >= 0)] for array in (rows, where, group))
        coefficient = (group[:, None] == np.arange(n_groups)) - target.wanted[where]
        place = where[:, None] * n_groups + np.arange(n_groups)
        size = target.wanted.size
        owner = rows if target.level == 0 else units.above(0, target.level)[rows]
        matrix = Incidence.of(coefficient.ravel(), np.repeat(owner, n_groups), place.ravel(), (len(units), size))
        widen = np.repeat(shares, n_groups)
        low, high = ((edge - target.wanted).ravel() * widen for edge in self.aimed(target))
        sigma = None if target.sigma is None else target.sigma.ravel() * widen
        known = np.repeat(given, n_groups)
        demand = Demand(low=np.where(known, low, 0.0), high=np.where(known, high, 0.0), sigma=sigma)
        return LinearDemand(cells=matrix, unit=1.0, demand=demand, room=np.zeros(size))
