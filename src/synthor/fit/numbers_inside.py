"""How many members the units of an open category have: of "6 or more" as the template says, whatever else pulls at units.

A unit's weight is a product over its members, and of many members a product of much: of units of 12 to 16 members a few that
fit all beliefs come to hold as much as all others together, while those of 7 become rare. The mean, which is all that tables
tell, stays as it is. So what the template says of numbers inside a category, with that mean, is believed as surely as if it
were published; targets that say otherwise are met all the same.
"""

from collections.abc import Hashable, Iterator
from dataclasses import dataclass

import numpy as np

from synthor.problem import Problem
from synthor.problem.following import Followed
from synthor.schema import Cells, Ref, Units
from synthor.types import Codes, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NumbersInside:
    """Rows of a level by a variable that counts those below them, and by how many there are.

    Attributes:
        counts: the variable.
        place: (k,) of each of its categories, among those of several numbers; -1 of the others.
        most: rows below, at most.
    """

    counts: Followed
    place: Codes
    most: int

    @property
    def shape(self) -> tuple[int, int]:
        """Categories of several numbers, and numbers from 0."""
        return int(self.place.max()) + 1, self.most + 1

    @property
    def key(self) -> Hashable:
        """What its cells hang on."""
        return "numbers inside", self.counts.level, self.counts.position, self.most

    def cells(self, units: Units) -> Cells:
        """How often each unit's rows fall into each cell; those of a single number fall into none."""
        level, position, below = self.counts.level, self.counts.position, self.counts.below
        number = np.bincount(units.above(level, below), minlength=units.n_rows(level))
        place = self.place[units.column(Ref(level, position), level)]
        size = int(np.prod(self.shape))
        return units.counted(level, np.where(place >= 0, place * self.shape[1] + number, size), size)

    def rows_of(self, told: Floats) -> Floats:
        """Share of each number in each category, (categories, numbers), as it is told of all categories of the variable."""
        wide, upto = self.place >= 0, min(told.shape[1], self.most + 1)
        found = np.zeros(self.shape)
        found[:, :upto] = told[wide, :upto]
        return self.rows(found.ravel())

    def rows(self, counted: Floats) -> Floats:
        """The same of what each cell holds; alike where nothing is."""
        joint = counted.reshape(self.shape)
        sums = joint.sum(axis=1, keepdims=True)
        return np.divide(joint, sums, out=np.full(self.shape, 1 / self.shape[1]), where=sums > 0)


def numbers_inside(problem: Problem, units: Units) -> Iterator[NumbersInside]:
    """Of all variables that count all rows of a level, those with a category of several numbers that some units have.

    Args:
        problem: knows what follows from members.
        units: the candidates.
    """
    for one in problem.follows:
        if one.fold is None or one.fold.name != "count" or one.role is not None or one.condition is not None:
            continue
        number = np.bincount(units.above(one.level, one.below), minlength=units.n_rows(one.level))
        variable, most = problem.schema.levels[one.level].variables[one.position], int(number.max(initial=0))
        wide = np.minimum(variable.high, most) > variable.low
        if wide.any():
            place = np.where(wide, np.cumsum(wide) - 1, -1)
            yield NumbersInside(counts=one, place=place, most=most)
