"""The number of rows in each cell."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from synthor.problem.demand import Demand
from synthor.problem.statistic.base import SIGMAS, Counting, LinearDemand, Statistic
from synthor.types import Floats

if TYPE_CHECKING:
    from synthor.problem.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Count(Statistic):
    """How many rows there are.

    Attributes:
        of_all: whether these were published as shares of all rows.
        of_parts: whether these were published as shares of parts of them whose size is known.
    """

    counts: ClassVar[bool] = True

    of_all: bool = False
    of_parts: bool = False

    @property
    def word(self) -> str:
        return "share" if self.of_all else "shares" if self.of_parts else "count"

    def lowest(self, target: "Target") -> Floats:
        """Fewest rows; what rounding of printed shares may put off does not count."""
        if target.bounds is not None:
            return target.bounds[0]
        return target.wanted if target.sigma is None else np.maximum(target.wanted - SIGMAS * target.sigma, 0.0)

    def highest(self, target: "Target") -> Floats:
        if target.bounds is not None:
            return target.bounds[1]
        return target.wanted if target.sigma is None else target.wanted + SIGMAS * target.sigma

    def aimed(self, target: "Target") -> tuple[Floats, Floats]:
        """The edges of an interval, or what is wanted."""
        return (target.wanted, target.wanted) if target.bounds is None else target.bounds

    def counted(self, target: "Target") -> "Target | None":
        return target

    def scaled(self, target: "Target", factor: float) -> "Target":
        """Counts grow with the population; margins of error stay shares of it."""
        return replace(target.times(factor), rounding=target.rounding * factor)

    def linear(self, target: "Target", on: Counting, mass: Floats) -> LinearDemand:
        """Counts over all units; those of a table of all units over what they themselves add up to."""
        total = target.wanted.sum() if target.level == 0 and target.whole and target.wanted.any() else on.n_units
        low, high = self.aimed(target)
        demand = Demand(low=low, high=high, wanted=target.wanted, sigma=target.sigma).over(total)
        return LinearDemand(cells=on.cells(target), unit=1.0, demand=demand, room=np.zeros(target.grid.size))
