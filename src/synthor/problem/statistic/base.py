"""What a target says of the rows in each of its cells: how many there are, or what they come to."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from synthor.problem.demand import Demand
from synthor.schema import Cells, Ref, Units, Variable
from synthor.types import Floats, Shares

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from synthor.problem.grid import Axis, TargetGrid
    from synthor.problem.target import Target

SIGMAS = 2.0
"""A cell with a margin of error is met within so many standard deviations."""

AIMED = 0.8
"""Share of the rounding of a published value that the fit makes use of: whole records need the rest."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LinearDemand:
    """A target as a linear condition on shares of units: low <= C'p <= high; of statistics, C may be negative.

    Attributes:
        cells: C.
        unit: what C was divided by, which depends on the units that it was made for.
        demand: of C'p.
        room: by how much a total can still be moved when numbers are settled inside their bins, as a standard deviation.
    """

    cells: Cells
    unit: float
    demand: Demand
    room: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counting:
    """What a target is counted on to become a linear condition.

    Attributes:
        units: whose shares it is a condition on.
        cells: how often each of them counts in the cells of a table.
        powers: expected value and expected square in each category, (k,) each, of the columns that have statistics.
        n_units: units of the whole population.
    """

    units: Units
    cells: "Callable[[Target], Cells]"
    powers: "Mapping[Ref, tuple[Floats, Floats]]"
    n_units: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statistic(ABC):
    """A kind of target, one file each; `read.py`, `counts.py` and `shares.py` read what is published as each of them."""

    counts: ClassVar[bool] = False
    """Whether the cells hold numbers of rows."""

    @property
    @abstractmethod
    def word(self) -> str:
        """What spec and files call it."""

    @property
    def positions(self) -> tuple[int, ...]:
        """Of the variables that it is of, beside those of the table's sides."""
        return ()

    @property
    def variables(self) -> tuple[Variable, ...]:
        """These variables."""
        return ()

    @property
    def seen(self) -> tuple[Ref, ...]:
        """The declared columns of these variables, as the rows that are counted see them."""
        return ()

    @property
    def groups(self) -> "Axis | None":
        """The side whose labels share each cell out; None of what gives one number a cell."""
        return None

    def lowest(self, target: "Target") -> Floats:
        """Smallest number with which each cell is met, shaped like `wanted`."""
        if target.bounds is not None:
            return target.bounds[0]
        return self.printed_of(target) - (target.rounding if target.sigma is None else SIGMAS * target.sigma)

    def highest(self, target: "Target") -> Floats:
        """Largest number with which each cell is met, shaped like `wanted`."""
        if target.bounds is not None:
            return target.bounds[1]
        return self.printed_of(target) + (target.rounding if target.sigma is None else SIGMAS * target.sigma)

    def printed_of(self, target: "Target") -> Floats:
        """The numbers as they were published, shaped like `wanted`."""
        return target.wanted

    def aimed(self, target: "Target") -> tuple[Floats, Floats]:
        """Lowest and highest number that the fit aims at: whatever is published as `wanted` when rounded."""
        if target.sigma is not None:
            return target.wanted, target.wanted
        if target.bounds is not None:
            return target.bounds
        inside, printed = AIMED * target.rounding, self.printed_of(target)
        return np.minimum(printed - inside, target.wanted), np.maximum(printed + inside, target.wanted)

    def labels(self, grid: "TargetGrid", cell: int) -> dict[str, str]:
        """Labels of one of its numbers by variable."""
        return grid.labels(cell)

    def counted(self, target: "Target") -> "Target | None":
        """The table whose wanted cells must hold somebody; None where there is none."""
        return None

    def scaled(self, target: "Target", factor: float) -> "Target":
        """The target for a population `factor` times as large."""
        return target

    def mass(self, target: "Target", units: Units, base: Shares) -> Floats:
        """Believed rows a unit in each cell, by the variable's categories, (cells, k), or in all, (cells, 1).

        Args:
            target: whose statistic this is.
            units: the candidates.
            base: (n,) share of each, as far as it is believed.
        """
        return np.zeros((0, 1))

    @abstractmethod
    def linear(self, target: "Target", on: Counting, mass: Floats) -> LinearDemand:
        """The linear condition on shares of units that says the same.

        Args:
            target: whose statistic this is.
            on: the units, and what is known of them.
            mass: what `mass` says of the candidates that are weighed.
        """
