"""A target: the cells of a table, a statistic of the rows in each, and the numbers that were published."""

from collections.abc import Hashable
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.demand import EDGE, Demand
from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.statistic import Statistic
from synthor.schema import Cells, Ref, Units, Variable
from synthor.types import CellIndex, Counts, Floats, Mask

BELOW_ONE = 1 - 1e-4
"""A share that no whole number of records meets is met at either side of it: by less than one record."""

SCARCE = 0.05
"""Share of the most that a label may hold with which it is drawn, where the table itself says 0."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A published table of one level's rows: counts, or a statistic, in each of its cells.

    Attributes:
        name: for people.
        level: whose rows it speaks of.
        grid: its cells; one where it speaks of all rows together.
        statistic: what it says of the rows in a cell.
        wanted: (c,) what is wanted of each cell, perhaps not whole where shares were published; NaN where a statistic is not
            given; of shares inside cells (c, labels), each row summing to one.
        rounding: how far a number may be off because it was rounded when it was published: of counts in rows, and for
            comparing tables only.
        bounds: lowest and highest number, shaped like `wanted` each, where an interval is wanted; None where `wanted` is.
        sigma: standard deviation of each number, shaped like `wanted`, where it has a margin of error.
        hidden: whether the table does not tell some cells, so that their `bounds` are all that is known.
        silent: (c,) cells of which the table says nothing: their bounds follow from its other cells, or from other tables.
        totals_of: name of the table whose totals over cells that are not told these are; empty for a table of its own.
        aim: of a table of areas the numbers inside its bounds that these are filled to, (c,); None where any will do.
    """

    name: str
    level: int
    grid: TargetGrid
    statistic: Statistic
    wanted: Floats
    rounding: float = 0.0
    bounds: tuple[Floats, Floats] | None = None
    sigma: Floats | None = None
    hidden: bool = False
    silent: Mask | None = None
    totals_of: str = ""
    aim: Floats | None = None

    @property
    def counts(self) -> bool:
        """Whether its cells hold numbers of rows."""
        return self.statistic.counts

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.grid.axes

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of its variables among the declared ones."""
        return (*(axis.position for axis in self.axes), *self.statistic.positions)

    @property
    def seen(self) -> tuple[Ref, ...]:
        """The same variables as the declared columns that its rows see, so that those of other levels are told apart."""
        return (*(axis.seen for axis in self.axes), *self.statistic.seen)

    @property
    def positions(self) -> tuple[int, ...]:
        """The same, and those of the variables that say which rows it counts."""
        return (*self.grid.positions, *self.statistic.positions)

    @property
    def variables(self) -> tuple[Variable, ...]:
        """Of its sides."""
        return tuple(axis.variable for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.grid.shape

    @property
    def flat(self) -> bool:
        """Whether it speaks of units by their own variables alone, so that these say which cell a unit falls into."""
        return self.level == 0 and all(ref.plain and not ref.level for ref in self.grid.refs)

    @property
    def exact(self) -> bool:
        """Whether its cells are wanted as they are, without interval or margin of error."""
        return self.bounds is None and self.sigma is None

    @property
    def whole(self) -> bool:
        """Whether it gives exact counts of all rows."""
        return self.counts and self.exact and self.grid.covers

    @property
    def complete(self) -> bool:
        """Whether it gives counts of all records, be it only as intervals or with margins of error."""
        return self.counts and self.flat and self.grid.covers and float(self.wanted.sum()) > 0

    @property
    def telling(self) -> bool:
        """Whether it tells how many rows there are, be it nearly: counts of all of them, none of which is hidden."""
        return self.counts and self.sigma is None and not self.hidden and self.grid.covers

    @property
    def room(self) -> Floats:
        """How far each cell may be off because shares were rounded, or no whole number of rows is such a share, (c,)."""
        room = np.full(len(self.wanted), self.rounding)
        if self.statistic.word == "share" and self.exact:
            split = np.abs(self.wanted - np.rint(self.wanted)) > EDGE
            room = np.where(split, np.maximum(room, BELOW_ONE), room)
        return room

    @property
    def demand(self) -> Demand:
        """The numbers alone: with what each cell is met, perhaps not whole."""
        return Demand(low=self.lowest, high=self.highest, wanted=self.wanted, sigma=self.sigma)

    @property
    def lowest(self) -> Floats:
        """Smallest number with which each cell is met, shaped like `wanted`."""
        return self.statistic.lowest(self)

    @property
    def highest(self) -> Floats:
        """Largest number with which each cell is met, shaped like `wanted`."""
        return self.statistic.highest(self)

    @property
    def low(self) -> Counts:
        """Fewest rows that count as met. An interval without a whole number in it is met at either side of it."""
        return self.demand.rows[0]

    @property
    def high(self) -> Counts:
        """Most rows that count as met."""
        return self.demand.rows[1]

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one of its numbers by variable."""
        return self.statistic.labels(self.grid, cell)

    def side(self, place: int) -> Floats:
        """The table's marginal over one of its sides, (labels,)."""
        group = self.grid.groups[place]
        return np.asarray(np.bincount(group, self.wanted[: len(group)], self.shape[place]), dtype=np.float64)

    def believable_side(self, place: int) -> Floats:
        """The same to draw by, (labels,): a label that holds nobody, but may within its rounding or margin, gets a little."""
        side = self.side(place)
        return side if self.exact else np.where(side > 0, side, SCARCE * replace(self, wanted=self.highest).side(place))

    @property
    def key(self) -> Hashable:
        """What its cells hang on: tables of one key count alike."""
        return self.level, self.grid.key

    def cells(self, units: Units) -> Cells:
        """How often each unit counts in each cell."""
        return units.counted(self.level, self.index(units), self.grid.size)

    def index(self, units: Units) -> CellIndex:
        """Cell of each row of its level, the number of cells where it falls into none, (rows,)."""
        return self.grid.index(units, self.level)

    def scaled(self, factor: float) -> "Target":
        """The same table for a population `factor` times as large."""
        return self.statistic.scaled(self, factor)

    def times(self, factor: float) -> "Target":
        """All numbers `factor` times as large."""
        bounds = None if self.bounds is None else (self.bounds[0] * factor, self.bounds[1] * factor)
        sigma, aim = (None if one is None else one * factor for one in (self.sigma, self.aim))
        return replace(self, wanted=self.wanted * factor, bounds=bounds, sigma=sigma, aim=aim)
