"""The standard deviation of a number's values in each cell."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from synthor.problem.statistic.mean import Mean
from synthor.problem.statistic.values import OfValues
from synthor.types import CellIndex, Floats

if TYPE_CHECKING:
    from synthor.problem.target import Target


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Deviation(OfValues):
    """How far values lie from their mean: the root of the mean squared distance.

    Squares are summed around the mean as it was published, so that they are one linear condition.

    Attributes:
        center: (c,) that mean, NaN where none is given; None as long as it is not known.
    """

    curved: ClassVar[bool] = True

    center: Floats | None = None

    @property
    def word(self) -> str:
        return "sd"

    @property
    def middle(self) -> Floats | float:
        """The mean, 0 where none is given."""
        return 0.0 if self.center is None else np.nan_to_num(self.center)

    def summed(self, value: Floats) -> Floats:
        return np.square(np.maximum(value, 0.0))

    def slope(self, summed: Floats) -> Floats | float:
        return np.asarray(2 * summed**0.5)

    def image(self, least: Floats, most: Floats, cell: CellIndex) -> tuple[Floats, Floats]:
        middle = np.zeros(1) if self.center is None else np.append(np.nan_to_num(self.center), 0.0)
        center = middle[np.minimum(cell, len(middle) - 1)]
        nearest = np.clip(center, least, most)
        return np.square(nearest - center), np.maximum(np.square(least - center), np.square(most - center))

    def expected(self, powers: Sequence[Floats], given: "Floats | np.ndarray") -> tuple[Floats, Floats]:
        values, room = OfValues.expected(self, powers, given)
        center = np.zeros(len(given)) if self.center is None else np.where(given, self.center, 0.0)
        room = room * (2 * np.abs(values - center[:, None]) + room)
        return powers[1] - 2 * center[:, None] * values + np.square(center[:, None]), room

    @property
    def near(self) -> Floats | float:
        return self.middle

    def of_sums(self, n: Floats, first: Floats, second: Floats) -> Floats:
        return np.sqrt(np.maximum(second / n - np.square(first / n - self.middle), 0.0))

    def loosened(self, targets: "Sequence[Target]", target: "Target") -> Floats | float:
        """The square of how far the mean of records may lie from the one that distances are taken from."""
        mean = mean_of(targets, target)
        if mean is None:  # the problem was made without it
            off = np.full(len(target.wanted), self.variable.most - self.variable.least)
        else:
            off = np.nan_to_num(np.maximum(mean.highest - mean.wanted, mean.wanted - mean.lowest))
        return np.square(off)


def around(target: "Target", mean: "Target") -> "Target":
    """A standard deviation around a mean; where the mean is not given, neither is it."""
    assert isinstance(target.statistic, Deviation)
    wanted = np.where(np.isfinite(mean.wanted), target.wanted, np.nan)
    return replace(target, statistic=replace(target.statistic, center=mean.wanted), wanted=wanted)


def mean_of(targets: "Sequence[Target]", deviation: "Target") -> "Target | None":
    """The mean of the same values in the same cells."""
    return next((target for target in targets if isinstance(target.statistic, Mean) and of_the_same(deviation, target)), None)


def of_the_same(target: "Target", other: "Target") -> bool:
    """Whether two statistics are of the same values in the same cells."""
    sides = [[(axis.position, axis.ref.level, axis.labels) for axis in one.grid.axes] for one in (target, other)]
    where = [one.grid.universe and one.grid.universe.text for one in (target, other)]
    of = [(one.level, one.statistic.positions) for one in (target, other)]
    return of[0] == of[1] and sides[0] == sides[1] and where[0] == where[1]
