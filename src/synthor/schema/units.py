"""Units with their members, as one table of rows a level, each row pointing at its parent in the next level up.

A *unit* is a top-level record with its members (a household with its persons); a flat record is a unit without members. Level
0 holds one row a unit. How rows are laid out is known here and nowhere else: others ask for the column of a `Ref`, take,
join and replace, and count rows up to units as `Cells`.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.schema.cells import ByRow, Cells, Incidence, Partition, flat
from synthor.schema.ref import Below, OneOfTwo, Ref, Role
from synthor.types import CellIndex, Codes, Counts, Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rows:
    """The rows of one level.

    Attributes:
        codes: (m, columns) categories.
        parent: (m,) the row of the next level up that each belongs to, rising; None for units themselves.
        above: which level that is.
    """

    codes: Codes
    parent: CellIndex | None = None
    above: int = 0


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Units:
    """Units with all their rows.

    Attributes:
        row_tables: of each level, units first, each level after the one above it.

    >>> units = Units(row_tables=(
    ...     Rows(codes=np.array([[0], [1]], np.int32)),
    ...     Rows(codes=np.array([[5], [6], [7]], np.int32), parent=np.array([0, 0, 1])),
    ... ))
    >>> units.column(Ref(1, 0)).tolist(), units.column(Ref(0, 0), at=1).tolist()
    ([5, 6, 7], [0, 0, 1])
    """

    row_tables: tuple[Rows, ...]

    @classmethod
    def flat(cls, codes: Codes) -> "Units":
        """Units without members, (n, columns)."""
        return cls(row_tables=(Rows(codes=codes),))

    @classmethod
    def of_columns(cls, columns: Sequence[Codes]) -> "Units":
        """Units without members, (n,) each column."""
        return cls.flat(np.stack(columns, axis=1).astype(np.int32, copy=False))

    @classmethod
    def of_levels(cls, levels: Sequence["Units"], parents: Sequence[tuple[CellIndex, int] | None]) -> "Units":
        """Levels put together, each given flat: of each but the first the row above that each row belongs to, and its level."""
        found = [Rows(codes=levels[0].row_tables[0].codes)]
        for level, belongs in zip(levels[1:], parents[1:], strict=True):
            assert belongs is not None
            found.append(Rows(codes=level.row_tables[0].codes, parent=belongs[0], above=belongs[1]))
        return cls(row_tables=tuple(found))

    def __len__(self) -> int:
        return len(self.row_tables[0].codes)

    @property
    def nested(self) -> bool:
        """Whether there are levels below the unit."""
        return len(self.row_tables) > 1

    def n_rows(self, level: int) -> int:
        """Rows of a level."""
        return len(self.row_tables[level].codes)

    @property
    def numbers(self) -> Counts:
        """How many rows of each level each unit has, (n, levels)."""
        above = [self.above(0, level) for level in range(len(self.row_tables))]
        return np.stack([np.bincount(rows, minlength=len(self)) for rows in above], axis=1)

    def n_columns(self, level: int = 0) -> int:
        """Columns of its codes."""
        return int(self.row_tables[level].codes.shape[1])

    def above(self, level: int, at: int) -> CellIndex:
        """For each row of level `at` the row of a level above it to which it belongs, (rows,).

        Raises:
            ValueError: `level` is not above `at`.
        """
        index = np.arange(self.n_rows(at))
        while at != level:
            rows = self.row_tables[at]
            if rows.parent is None:
                raise ValueError(f"level {level} is not above the rows that are to see it")
            index, at = rows.parent[index], rows.above
        return index

    def column(self, ref: Ref, at: int | None = None) -> Codes:
        """What the rows of level `at`, that of the ref unless given, see there, (rows,): -1 where there is no such row.

        Args:
            ref: a column of the rows of `at` or of a level above them, or of those with a role among these; of one member by
                its role, of the one of two that has a category, or of the row beside; or what rows below come to.
            at: the level of those who look.
        """
        if ref.below is not None:
            return self._come_to(ref.below, ref.level)[self.above(ref.level, ref.level if at is None else at)]
        own: Codes = self.row_tables[ref.level].codes[:, ref.column]
        at = ref.level if at is None else at
        if ref.plain:
            return own if at == ref.level else own[self.above(ref.level, at)]
        if not len(own):
            return np.full(self.n_rows(at), -1, np.int32)
        seen = self.seen(ref, at)
        return np.where(seen >= 0, own[seen], -1).astype(np.int32)

    def _come_to(self, below: Below, level: int) -> Codes:
        """What the rows below each row of a level come to, (rows,)."""
        marks, place = np.frombuffer(below.marks, np.uint16), np.zeros(self.n_rows(below.level), np.int64)
        for ref, size in zip(below.columns, below.sizes, strict=True):
            place = place * size + self.column(ref, below.level)
        counted, parent, n = marks[place].astype(np.int64), self.above(level, below.level), self.n_rows(level)
        if below.added:
            found = np.bincount(parent, counted, n).astype(np.int64)
        else:
            found = np.zeros(n, np.int64)
            np.maximum.at(found, parent, counted)
        return np.array(below.codes, np.int32)[np.minimum(found, len(below.codes) - 1)]

    def seen(self, ref: Ref, at: int) -> CellIndex:
        """Which row of its level each row of level `at` sees by a ref, (rows,), -1 for none."""
        if ref.plain:
            return self.above(ref.level, at)
        if ref.among is not None:
            above = self.above(ref.level, at)
            return np.where(self.row_tables[ref.level].codes[above, ref.among.column] == ref.among.code, above, -1)
        if ref.step:
            found = self._beside(ref)
        else:
            found = self._member(ref.level, ref.role) if ref.of_two is None else self._one_of_two(ref.level, ref.of_two)
        return found[self.above(ref.level if ref.step else self.row_tables[ref.level].above, at)]

    def _beside(self, ref: Ref) -> CellIndex:
        """The row so many steps on among its siblings, -1 where there is none."""
        parent = self.row_tables[ref.level].parent
        place = np.arange(self.n_rows(ref.level)) + ref.step
        inside = (place >= 0) & (place < len(place))
        place = np.where(inside, place, 0)
        if parent is not None:
            inside &= parent[place] == parent
        return np.where(inside, place, -1)

    def _member(self, level: int, role: Role | None) -> CellIndex:
        """For each row above the first member with a role, -1 where there is none."""
        rows = self.row_tables[level]
        assert role is not None and rows.parent is not None
        found = np.full(self.n_rows(rows.above), -1)
        those = np.flatnonzero(rows.codes[:, role.column] == role.code)[::-1]
        found[rows.parent[those]] = those
        return found

    def _one_of_two(self, level: int, two: OneOfTwo) -> CellIndex:
        """For each row above that of two members which alone has a category, -1 where one is missing, both have it or none."""
        first, second = (self._member(level, role) for role in two.roles)
        has = np.append(self.row_tables[level].codes[:, two.category.column] == two.category.code, False)  # nobody has none
        alone = (first >= 0) & (second >= 0) & (has[first] != has[second])
        return np.where(alone, np.where(has[first], first, second), -1)

    def columns(self, level: int = 0) -> list[Codes]:
        """All columns of one level's rows, (rows,) each."""
        return list(self.row_tables[level].codes.T)

    def tolist(self) -> list[list[int]]:
        """Each unit's own categories, for a file; members are left out."""
        found: list[list[int]] = self.row_tables[0].codes.tolist()
        return found

    def take(self, picks: CellIndex) -> "Units":
        """The units at `picks`, in that order, each with its members; a unit may be picked often.

        >>> units = Units(row_tables=(Rows(codes=np.zeros((2, 1), np.int32)),
        ...     Rows(codes=np.array([[5], [6], [7]], np.int32), parent=np.array([0, 0, 1]))))
        >>> units.take(np.array([1, 0, 0])).row_tables[1].parent.tolist()
        [0, 1, 1, 2, 2]
        """
        return self._picked(0, picks, None)

    def rows_of(self, level: int, picks: CellIndex) -> CellIndex:
        """Which rows of a level the units at `picks` have, one unit after the other: those that `take` takes, in its order.

        >>> units = Units(row_tables=(Rows(codes=np.zeros((2, 1), np.int32)),
        ...     Rows(codes=np.array([[5], [6], [7]], np.int32), parent=np.array([0, 0, 1]))))
        >>> units.rows_of(1, np.array([1, 0, 0])).tolist()
        [2, 0, 1, 0, 1]
        """
        first = np.searchsorted(self.above(0, level), np.arange(len(self) + 1))
        sizes = np.diff(first)[picks]
        starts = np.repeat(first[picks] - (np.cumsum(sizes) - sizes), sizes)
        return starts + np.arange(len(starts))

    def _picked(self, level: int, picks: CellIndex, parent: CellIndex | None) -> "Units":
        """The same units with other rows of one level: those at `picks`, with all below them, belonging to `parent`, rising."""
        picked, found = {level: picks}, list(self.row_tables)
        found[level] = replace(found[level], codes=found[level].codes[picks], parent=parent)
        for at, rows in enumerate(self.row_tables):
            if rows.parent is None or at == level or rows.above not in picked:
                continue
            first = np.searchsorted(rows.parent, np.arange(self.n_rows(rows.above) + 1))
            of = picked[rows.above]
            sizes = np.diff(first)[of]
            starts = np.repeat(first[of] - np.concatenate([[0], np.cumsum(sizes)[:-1]]), sizes)
            picked[at] = starts + np.arange(sizes.sum())
            found[at] = replace(rows, codes=rows.codes[picked[at]], parent=np.repeat(np.arange(len(of)), sizes))
        return Units(row_tables=tuple(found))

    def of_rows(self, level: int, rows: CellIndex) -> tuple["Units", CellIndex]:
        """The unit of each of some rows of a level, once for each, and where that row stands among theirs, (rows,).

        >>> units = Units(row_tables=(Rows(codes=np.zeros((2, 1), np.int32)),
        ...     Rows(codes=np.array([[5], [6], [7]], np.int32), parent=np.array([0, 0, 1]))))
        >>> taken, places = units.of_rows(1, np.array([1, 2]))
        >>> taken.row_tables[1].codes.ravel().tolist(), places.tolist()
        ([5, 6, 7], [1, 2])
        """
        above = self.above(0, level)
        taken = self.take(above[rows])
        begin = np.searchsorted(taken.above(0, level), np.arange(len(rows)))
        return taken, begin + rows - np.searchsorted(above, above[rows])

    def without_rows(self, level: int, rows: CellIndex) -> "Units":
        """The unit of each of some rows of a level below the unit, once for each, without that row and all below it.

        >>> units = Units(row_tables=(Rows(codes=np.array([[0], [1]], np.int32)),
        ...     Rows(codes=np.array([[5], [6], [7]], np.int32), parent=np.array([0, 0, 1]))))
        >>> fewer = units.without_rows(1, np.array([1, 0]))
        >>> fewer.column(Ref(1, 0)).tolist(), fewer.column(Ref(0, 0), at=1).tolist()
        ([5, 6], [0, 0])
        """
        taken, places = self.of_rows(level, rows)
        kept = np.delete(np.arange(taken.n_rows(level)), places)
        return taken._picked(level, kept, taken._parent(level)[kept])

    def with_copies(self, level: int, rows: CellIndex, others: CellIndex) -> "Units":
        """The unit of each of some rows of a level below the unit, once for each, with a copy of another row right after it.

        >>> units = Units(row_tables=(Rows(codes=np.array([[0], [1]], np.int32)),
        ...     Rows(codes=np.array([[5], [6], [7]], np.int32), parent=np.array([0, 0, 1]))))
        >>> more = units.with_copies(1, np.array([0]), np.array([2]))
        >>> more.column(Ref(1, 0)).tolist(), more.column(Ref(0, 0), at=1).tolist()
        ([5, 7, 6], [0, 0, 0])
        """
        taken, places = self.of_rows(level, rows)
        own, parent = taken.n_rows(level), taken._parent(level)
        picks = np.insert(np.arange(own), places + 1, own + others)
        longer = taken.joined(self)._picked(level, picks, np.insert(parent, places + 1, parent[places]))
        return longer.take(np.arange(len(taken)))

    def _parent(self, level: int) -> CellIndex:
        parent = self.row_tables[level].parent
        assert parent is not None
        return parent

    def where(self, kept: Mask) -> "Units":
        """Those that a mask keeps."""
        return Units.flat(self.row_tables[0].codes[kept]) if not self.nested else self.take(np.flatnonzero(kept))

    def joined(self, *others: "Units") -> "Units":
        """These units followed by others."""
        every = (self, *others)
        found = []
        for level, rows in enumerate(self.row_tables):
            before = np.cumsum([0, *(units.n_rows(rows.above) for units in every[:-1])])
            parents = [units.row_tables[level].parent for units in every]
            parent = (
                None
                if rows.parent is None
                else np.concatenate([own + n for own, n in zip(parents, before, strict=True) if own is not None])
            )
            found.append(replace(rows, codes=np.concatenate([units.row_tables[level].codes for units in every]), parent=parent))
        return Units(row_tables=tuple(found))

    def repeated(self, times: int) -> "Units":
        """Each unit so many times in a row."""
        return self.take(np.repeat(np.arange(len(self)), times))

    def replace(self, ref: Ref, rows: "CellIndex | slice", codes: Codes) -> "Units":
        """The same units, with other categories in some rows of a plain ref."""
        changed = self.row_tables[ref.level].codes.copy()
        changed[rows, ref.column] = codes
        return self._with(ref.level, changed)

    def _with(self, level: int, codes: Codes) -> "Units":
        found = (replace(rows, codes=codes) if at == level else rows for at, rows in enumerate(self.row_tables))
        return Units(row_tables=tuple(found))

    def with_columns(self, columns: Sequence[Codes], level: int = 0) -> "Units":
        """The same units, the rows of one level with these columns instead, (rows,) each."""
        return self._with(level, np.stack(columns, axis=1).astype(np.int32, copy=False))

    def selected(self, columns: Sequence[int], level: int = 0) -> "Units":
        """The same units, the rows of one level with some of their columns, in that order."""
        return self._with(level, self.row_tables[level].codes[:, list(columns)])

    def only(self) -> "Units":
        """The same units without their members."""
        return Units(row_tables=self.row_tables[:1])

    def distinct(self) -> "Units":
        """Units without members, each once, in rising order."""
        return Units.flat(np.unique(self.row_tables[0].codes, axis=0))

    def first_of_each(self, columns: Sequence[int]) -> CellIndex:
        """The first of those units that have the same in some of their own columns, in rising order of these."""
        return np.unique(self.row_tables[0].codes[:, list(columns)], axis=0, return_index=True)[1]

    def kinds(self, columns: Sequence[int]) -> tuple[CellIndex, CellIndex]:
        """The first unit of each combination of some columns, in rising order, and which of these each unit has, (n,)."""
        _, first, kind = np.unique(self.row_tables[0].codes[:, list(columns)], axis=0, return_index=True, return_inverse=True)
        return first, kind.ravel()

    def alike(self, looked_at: Mapping[int, Sequence[int]]) -> tuple[CellIndex, CellIndex]:
        """Units that have the same in some columns, row by row: the first of each kind, and which of these each unit is, (n,).

        Args:
            looked_at: for each level, these columns; of a level that is left out only how many rows there are.

        >>> units = Units(row_tables=(Rows(codes=np.zeros((3, 1), np.int32)),
        ...     Rows(codes=np.array([[5, 0], [6, 1], [5, 2], [7, 0], [5, 3], [6, 4]]), parent=np.array([0, 0, 1, 1, 2, 2]))))
        >>> [side.tolist() for side in units.alike({1: [0]})]
        [[0, 1], [0, 1, 0]]
        """
        first, kind = np.zeros(0, np.int64), np.zeros(len(self), np.int64)
        numbers = self.numbers
        starts = np.cumsum(numbers, axis=0) - numbers
        codes = [rows.codes[:, list(looked_at.get(level, ()))] for level, rows in enumerate(self.row_tables)]
        for level, rows in enumerate(self.row_tables):
            if rows.parent is not None and rows.above:  # below which of the unit's rows it stands
                place = rows.parent - starts[self.above(0, level), rows.above]
                codes[level] = np.column_stack([codes[level], place])
        for own in np.unique(numbers, axis=0):
            these = np.flatnonzero((numbers == own).all(axis=1))
            each = [starts[these, level][:, None] + np.arange(number) for level, number in enumerate(own)]
            told = np.concatenate([side[at].reshape(len(these), -1) for side, at in zip(codes, each, strict=True)], axis=1)
            if not told.shape[1]:
                told = np.zeros((len(these), 1), np.int32)
            _, begin, of = np.unique(told, axis=0, return_index=True, return_inverse=True)
            kind[these] = len(first) + of.ravel()
            first = np.append(first, these[begin])
        return first, kind

    def unlike(self, others: "Units") -> CellIndex:
        """Which units differ from all others, members aside."""
        known = {row.tobytes() for row in np.ascontiguousarray(others.row_tables[0].codes, np.int32)}
        own = np.ascontiguousarray(self.row_tables[0].codes, np.int32)
        return np.array([i for i, row in enumerate(own) if row.tobytes() not in known], np.int64)

    def nearest(self, others: "Units", columns: Sequence[int] | None = None) -> CellIndex:
        """For each unit that one of the others, members aside, which differs in fewest columns; the first of several."""
        mine, theirs = self.row_tables[0].codes, others.row_tables[0].codes
        if columns is not None:
            mine, theirs = mine[:, list(columns)], theirs[:, list(columns)]
        return np.asarray((mine[:, None] != theirs[None]).sum(axis=2).argmin(axis=1))

    def counted(self, level: int, index: CellIndex, size: int) -> Cells:
        """How often each unit's rows of a level fall into each cell; an index of `size` is none."""
        if level == 0:
            return Partition(index, size)
        starts = np.searchsorted(self.above(0, level), np.arange(len(self) + 1))
        return Incidence.of_rows(ByRow(index, starts), size)

    @property
    def sha256(self) -> str:
        """Of all that their rows hold, so that two pools are told apart."""
        found = hashlib.sha256()
        for rows in self.row_tables:
            if rows.parent is not None:
                found.update(np.ascontiguousarray(rows.parent).astype("<i8").tobytes())
            found.update(np.ascontiguousarray(rows.codes).astype("<i4").tobytes())
        return found.hexdigest()


def cells_of(units: Units, level: int, columns: Sequence[int], shape: Sequence[int]) -> Cells:
    """The cells of a table over some columns of one level, as counts a unit."""
    index = flat([units.column(Ref(level, column)) for column in columns], shape)
    return units.counted(level, index, int(np.prod(shape)))
