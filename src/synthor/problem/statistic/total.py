"""The total of a number's values in each cell."""

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

from synthor.problem.statistic.values import OfValues
from synthor.types import Floats

if TYPE_CHECKING:
    from synthor.problem.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Total(OfValues):
    """What the values of a number come to in all."""

    per_row: ClassVar[bool] = False

    @property
    def word(self) -> str:
        return "total"

    def of_sums(self, n: Floats, first: Floats, second: Floats) -> Floats:
        return first

    def scaled(self, target: "Target", factor: float) -> "Target":
        """Totals grow with the population, and are met to the nearest sum of values."""
        nearest = 0.5 * 10.0**-self.variable.decimals
        return replace(target.times(factor), rounding=max(target.rounding * factor, nearest))
