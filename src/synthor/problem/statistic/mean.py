"""The mean of a number's values in each cell."""

from dataclasses import dataclass

from synthor.problem.statistic.values import OfValues
from synthor.types import Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mean(OfValues):
    """What the values of a number come to a row."""

    @property
    def word(self) -> str:
        return "mean"

    def of_sums(self, n: Floats, first: Floats, second: Floats) -> Floats:
        return first / n
