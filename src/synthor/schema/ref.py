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
class Below:
    """What the rows below one come to, as a category that nothing holds: it is counted whenever it is asked for.

    Attributes:
        level: of the rows below.
        columns: of these rows or of rows above them, which decide it.
        sizes: how many categories each has.
        marks: for each combination of these what such a row counts, as bytes of 16 bits.
        added: whether that is added up over all rows; else the greatest is taken.
        codes: the category where that is 0, 1, ...; the last one where it is more.
    """

    level: int
    columns: "tuple[Ref, ...]"
    sizes: tuple[int, ...]
    marks: bytes
    added: bool
    codes: tuple[int, ...]


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
        below: what the rows below come to, in place of a column.
    """

    level: int
    column: int
    role: Role | None = None
    step: int = 0
    among: Role | None = None
    of_two: OneOfTwo | None = None
    below: Below | None = None

    @property
    def plain(self) -> bool:
        """Whether it is a row's own column, or that of a row above it."""
        return self.role is None and not self.step and self.among is None and self.of_two is None and self.below is None

    @property
    def decided_by(self) -> "tuple[Ref, ...]":
        """The columns that it is read from: itself, or those of the rows below."""
        return (self,) if self.below is None else self.below.columns


def of_unit(column: int) -> Ref:
    """A column of the unit itself.

    >>> of_unit(3)
    Ref(level=0, column=3, role=None, step=0, among=None, of_two=None, below=None)
    """
    return Ref(0, column)


def of_below(level: int, below: Below) -> Ref:
    """What the rows below each row of a level come to."""
    return Ref(level, -1, below=below)
