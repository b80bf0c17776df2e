"""The cells of a table: its sides, the rows that it counts, and which cell each row falls into."""

import math
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from synthor.rules.on_categories import truth
from synthor.rules.syntax import Predicate
from synthor.schema import Ref, Units, Variable
from synthor.schema.crossed import crossed
from synthor.types import CellIndex, Codes, Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One side of a table: a variable, and the label that each of its categories goes under.

    Attributes:
        position: of the variable among the declared ones of its level.
        ref: the column that is read: the variable's own, or that of its slices.
        variable: behind that column.
        labels: of the table.
        group_of: (k,) label of each category, -1 where it goes under none.
    """

    position: int
    ref: Ref
    variable: Variable
    labels: tuple[str, ...]
    group_of: Codes

    @property
    def size(self) -> int:
        return len(self.labels)

    @property
    def seen(self) -> Ref:
        """The declared column behind it, as the rows that are counted see it."""
        return replace(self.ref, column=self.position)

    @property
    def declared(self) -> bool:
        """Whether it is read in the bins that the spec declares."""
        return self.ref.column == self.position

    def groups(self, units: Units, at: int) -> Codes:
        """The label under which each row of level `at` goes, (rows,), -1 where under none."""
        return self.grouped(units.column(self.ref, at))

    def grouped(self, codes: Codes) -> Codes:
        """The label of each category, (n,), -1 where it goes under none or where there is no row that has one."""
        group: Codes = self.group_of[codes]
        return group if self.ref.plain else np.where(codes >= 0, group, -1).astype(np.int32)

    @property
    def covers(self) -> bool:
        """Whether every row goes under some label."""
        return self.ref.plain and bool((self.group_of >= 0).all())

    def categories(self, group: int) -> CellIndex:
        """The categories under one label."""
        return np.flatnonzero(self.group_of == group)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Universe:
    """The records that a table counts: those for which a predicate holds.

    Attributes:
        text: the predicate as written.
        predicate: the same, parsed.
        columns: for each variable that it names, the column that is read and the variable behind it.
        positions: of these variables among the declared ones.
    """

    text: str
    predicate: Predicate
    columns: Mapping[str, tuple[Ref, Variable]]
    positions: tuple[int, ...]

    def holds(self, column: Callable[[Ref], Codes], n: int) -> Mask:
        """Whether each of n rows belongs to it, (n,), whose codes are told column by column."""
        known, there = {}, np.ones(n, bool)
        for name, (ref, _) in self.columns.items():
            known[name] = codes = column(ref)
            if not ref.plain:  # whoever sees no such row does not belong
                there &= codes >= 0
        return truth(self.predicate, known, {name: v for name, (_, v) in self.columns.items()}, n).must & there


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetGrid:
    """The cells of a table: which one each row falls into.

    Attributes:
        axes: its sides.
        universe: the rows that it counts; None for all.
        listed: of a sparse table, the flat cells that it lists, rising; None where all are listed.
        closed: of a sparse table, whether no row may fall into a cell that is not listed: one more cell, with none wanted.
    """

    axes: tuple[Axis, ...]
    universe: Universe | None = None
    listed: CellIndex | None = None
    closed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of cells; 1 for a table without sides, which is a single number."""
        if self.listed is not None:
            return len(self.listed) + self.closed
        return math.prod(self.shape)

    @property
    def positions(self) -> tuple[int, ...]:
        """The variables that decide which cell a row falls into, by their positions."""
        inside = () if self.universe is None else self.universe.positions
        return (*(axis.position for axis in self.axes), *inside)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The columns that decide it."""
        inside = () if self.universe is None else (ref for ref, _ in self.universe.columns.values())
        return tuple(dict.fromkeys((*(axis.ref for axis in self.axes), *inside)))

    @property
    def plain(self) -> bool:
        """Whether it is a full table of its columns' categories as they are."""
        as_they_are = (axis.size == axis.variable.size and axis.covers for axis in self.axes)
        return (
            self.universe is None
            and self.listed is None
            and bool(self.axes)
            and all(as_they_are)
            and all(bool((axis.group_of == np.arange(axis.size)).all()) for axis in self.axes)
        )

    @property
    def covers(self) -> bool:
        """Whether every row falls into some cell."""
        return self.universe is None and all(axis.covers for axis in self.axes) and (self.listed is None or self.closed)

    @property
    def key(self) -> Hashable:
        """What decides which cell a row falls into."""
        axes = tuple((axis.ref, axis.size, axis.group_of.tobytes()) for axis in self.axes)
        listed = None if self.listed is None else self.listed.tobytes()
        universe = None if self.universe is None else (self.universe.text, *(ref for ref, _ in self.universe.columns.values()))
        return axes, universe, listed, self.closed

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one cell by variable."""
        if self.listed is not None:
            if cell == len(self.listed):
                return {axis.variable.name: "any that is not listed" for axis in self.axes[:1]}
            cell = int(self.listed[cell])
        codes = np.unravel_index(cell, self.shape) if self.axes else ()
        return {axis.variable.name: axis.labels[int(code)] for axis, code in zip(self.axes, codes, strict=True)}

    @property
    def cells(self) -> CellIndex:
        """Flat place of each cell among all combinations of labels; the one more cell of a closed table has none."""
        return np.arange(self.size) if self.listed is None else self.listed

    @property
    def groups(self) -> tuple[CellIndex, ...]:
        """Label of each of these cells on each side, (cells,) a side."""
        return tuple(np.unravel_index(self.cells, self.shape)) if self.axes else ()

    def index(self, units: Units, at: int = 0) -> CellIndex:
        """Cell of each row of a level, `size` where it falls into none, (rows,)."""
        return self.index_of(lambda ref: units.column(ref, at), units.n_rows(at))

    def index_of(self, column: Callable[[Ref], Codes], n: int) -> CellIndex:
        """The same of n rows whose codes are told column by column: few of many columns decide it."""
        index = np.zeros(n, np.int64)
        outside = np.zeros(n, bool) if self.universe is None else ~self.universe.holds(column, n)
        for axis in self.axes:
            group = axis.grouped(column(axis.ref))
            outside |= group < 0
            index *= axis.size
            index += group
        if self.listed is not None:
            found = np.minimum(np.searchsorted(self.listed, index), len(self.listed) - 1)
            index = np.where(self.listed[found] == index, found, len(self.listed))  # the last cell, or beyond it
        return np.where(outside, self.size, index)

    def combinations(self, cell: int) -> Codes:
        """Categories of the axes' columns that put a row into a cell, whatever the universe, (m, axes)."""
        if self.listed is not None and cell >= len(self.listed):
            return np.empty((0, len(self.axes)), np.int32)
        if not self.axes:
            return crossed(())
        flat = int(self.listed[cell]) if self.listed is not None and cell < len(self.listed) else cell
        groups = np.unravel_index(flat, self.shape)
        return crossed([axis.categories(int(group)) for axis, group in zip(self.axes, groups, strict=True)])
