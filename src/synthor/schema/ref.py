"""Where a row finds a value: in a column of its own, of its unit, or of another row of the same unit."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Role:
    """What tells one member apart: a category of one column of its level.

    Attributes:
        column: of the level's codes.
        code: the category.
    """

    column: int
    code: int


@dataclass(frozen=True, slots=True, order=True)
class OneOfTwo:
    """One of two members, whichever role it has: that which has a category while the other has not, as the man of a couple.

    Attributes:
        roles: of the two; there is one of each at most.
        category: that only one of them has.
    """

    roles: tuple[Role, Role]
    category: Role


@dataclass(frozen=True, slots=True)
class Ref:
    """A column of the rows of one level, as another row of the same unit may see it.

    Attributes:
        level: whose rows hold it; 0 is the unit.
        column: of their codes.
        role: the one member of the unit that is meant; None for the row itself, or the row above it.
        step: 0 for the row itself, 1 for the next one of an ordered level, -1 for the one before.
        among: the role that the row itself must have, of several with it; others see nothing.
        of_two: the one of two members of the unit that is meant.
    """

    level: int
    column: int
    role: Role | None = None
    step: int = 0
    among: Role | None = None
    of_two: OneOfTwo | None = None

    @property
    def plain(self) -> bool:
        """Whether it is a row's own column, or that of a row above it."""
        return self.role is None and not self.step and self.among is None and self.of_two is None


def of_unit(column: int) -> Ref:
    """A column of the unit itself.

    >>> of_unit(3)
    Ref(level=0, column=3, role=None, step=0, among=None, of_two=None)
    """
    return Ref(0, column)
