"""Units while they are made: one table of rows a level, laid out from how many there are of each kind, and then filled.

Below each row its members stand by role, in the order of the roles, and inside a role in the order of drawing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthor.schema import Ref, Schema, Units
from synthor.types import CellIndex, Codes, Counts


@dataclass(frozen=True, kw_only=True, eq=False)
class Laid:
    """The rows of one level.

    Attributes:
        codes: (rows, columns), written while they are drawn.
        parent: (rows,) the row above that each belongs to, rising; each its own of units.
        numbers: (rows above, kinds) how many there are of each kind.
    """

    codes: Codes
    parent: CellIndex
    numbers: Counts

    @classmethod
    def empty(cls, numbers: Counts, columns: int) -> "Laid":
        """Rows without categories yet."""
        totals = numbers.sum(axis=1)
        parent = np.repeat(np.arange(len(numbers)), totals)
        return cls(codes=np.zeros((len(parent), columns), np.int32), parent=parent, numbers=numbers)

    @cached_property
    def starts(self) -> CellIndex:
        """(rows above, kinds) the first row of each kind."""
        flat = self.numbers.ravel()
        return (np.cumsum(flat) - flat).reshape(self.numbers.shape)

    @cached_property
    def kind(self) -> CellIndex:
        """(rows,) which kind each is of."""
        kinds = np.tile(np.arange(self.numbers.shape[1]), len(self.numbers))
        return np.repeat(kinds, self.numbers.ravel())

    @cached_property
    def place(self) -> CellIndex:
        """(rows,) how many of its kind stand before each."""
        return np.arange(len(self.parent)) - np.repeat(self.starts.ravel(), self.numbers.ravel())


class Nested:
    """Units while they are made.

    Args:
        schema: of their levels.
        codes: (n, columns) of the units themselves.
        roles: of each level the categories of its kinds of rows, none where nothing tells them apart.
    """

    def __init__(self, schema: Schema, codes: Codes, roles: Sequence[Sequence[int]]) -> None:
        """Units alone; levels are laid below them one after the other."""
        n = len(codes)
        self.schema, self.roles, self.n = schema, roles, n
        self.laid = [Laid(codes=codes, parent=np.arange(n), numbers=np.ones((n, 1), np.int64))]

    @classmethod
    def of(cls, schema: Schema, units: Units, roles: Sequence[Sequence[int]], numbers: Sequence[Counts]) -> "Nested":
        """Units that are there, their rows in order."""
        found = cls(schema, np.stack(units.columns(), axis=1), roles)
        for level in range(1, len(schema.levels)):
            codes = np.stack(units.columns(level), axis=1)
            found.laid.append(Laid(codes=codes, parent=units.above(_above(schema, level), level), numbers=numbers[level]))
        return found

    def lay(self, level: int, numbers: Counts) -> None:
        """Rows of the next level, so many of each kind below each row above; their roles are written."""
        own = self.schema.levels[level]
        laid = Laid.empty(numbers, len(own.variables))
        if self.roles[level]:
            laid.codes[:, own.position(own.role)] = np.array(self.roles[level], np.int32)[laid.kind]
        self.laid.append(laid)

    def climbed(self, level: int, at: int, rows: CellIndex) -> CellIndex:
        """The rows of a level above those of another."""
        while at != level:
            rows, at = self.laid[at].parent[rows], _above(self.schema, at)
        return rows

    def see(self, ref: Ref, at: int, rows: CellIndex) -> Codes:
        """What some rows of a level see by a ref, (rows,), -1 where there is nothing; steps go to rows of the same kind."""
        laid = self.laid[ref.level]
        if ref.step:
            return np.where(laid.place[rows] + ref.step >= 0, laid.codes[np.maximum(rows + ref.step, 0), ref.column], -1)
        if ref.role is None:
            return laid.codes[self.climbed(ref.level, at, rows), ref.column]
        above = self.climbed(_above(self.schema, ref.level), at, rows)
        kind = list(self.roles[ref.level]).index(ref.role.code)
        there = laid.numbers[above, kind] > 0
        first = laid.starts[above, kind]
        return (
            np.where(there, laid.codes[np.where(there, first, 0), ref.column], -1)
            if len(laid.codes)
            else np.full(len(rows), -1)
        )

    def units(self) -> Units:
        """As units."""
        levels = [Units.flat(laid.codes) for laid in self.laid]
        parents = [(laid.parent, _above(self.schema, level)) if level else None for level, laid in enumerate(self.laid)]
        return Units.of_levels(levels, parents)


def _above(schema: Schema, level: int) -> int:
    above = schema.above(level)
    return 0 if above is None else above
