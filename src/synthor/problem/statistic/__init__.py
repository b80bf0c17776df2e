"""What a target says of the rows in its cells: a file a kind. `reader.py` makes them of what is published."""

from synthor.problem.statistic.base import AIMED, SIGMAS, Counting, LinearDemand, Statistic
from synthor.problem.statistic.count import Count
from synthor.problem.statistic.deviation import Deviation, around, mean_of, of_the_same
from synthor.problem.statistic.mean import Mean
from synthor.problem.statistic.total import Total
from synthor.problem.statistic.values import OfValues
from synthor.problem.statistic.within import Within

OF_VALUES: dict[str, type[Mean] | type[Total] | type[Deviation]] = {"mean": Mean, "total": Total, "sd": Deviation}
"""Statistics of a number's values, as a spec calls them."""

__all__ = [
    "AIMED",
    "OF_VALUES",
    "SIGMAS",
    "Count",
    "Counting",
    "Deviation",
    "LinearDemand",
    "Mean",
    "OfValues",
    "Statistic",
    "Total",
    "Within",
    "around",
    "mean_of",
    "of_the_same",
]
