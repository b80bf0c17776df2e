"""Rules that look at other rows: a member by its role, the row beside in an order, folds of rows below, pairs of rows.

`child.age > head.age - 12`, `next(trip).origin <> trip.destination`, `sum(person.earnings) > income`: what such a rule says of
other rows becomes one more column of the rows that it speaks of, beside their own and those of the levels above. Then the rule
is a flat one. A column of another row has its categories; one that holds whether something is so says no, perhaps or yes on
categories, where a number of rows below lies between ends and is the number itself on values.

What is not there (no partner, no next trip, the mean of nobody) breaks nothing: whether it is so is neither yes nor no. So
whatever is judged here is judged twice, whether it is so and whether it is not.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from synthor.rules.on_categories import Truth, compared, truth
from synthor.rules.on_values import holds, numbers_in
from synthor.rules.syntax import OPPOSITES, Compare, Predicate, names_in
from synthor.schema import Level, Ref, Role, Schema, Units, Variable, of_unit
from synthor.schema.fold import ALL, ANY, Fold
from synthor.schema.kinds import Integer
from synthor.types import CellIndex, Codes, Floats, Mask

NOT_THERE = "none"
"""Label of a category that stands for a row, or a number, that is not there."""

NO, PERHAPS, YES, NEITHER = range(4)
STATES = ("no", "perhaps", "yes", NOT_THERE)

PAIRS_AT_ONCE = 2_000_000
"""Pairs of rows that are looked at together, which bounds memory."""


@dataclass(frozen=True, slots=True)
class Beside:
    """A column of another row.

    Attributes:
        name: as it is written, such as `head.age`.
        ref: the declared column, and which row.
    """

    name: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Those:
    """Some rows of a level.

    Attributes:
        level: of which.
        role: that they have; None of any.
        such: what is true of them; None where all of them are meant.
    """

    level: int
    role: Role | None = None
    such: "Lifted | None" = None


@dataclass(frozen=True, slots=True)
class Folding:
    """A number that rows below fold into.

    Attributes:
        name: as it is written, such as `sum(person.earnings, age >= 15)`.
        fold: how.
        rows: which of them count.
        onto: the level above them whose rows have the number.
        position: of the variable whose numbers they are; None where rows count by being there.
    """

    name: str
    fold: Fold
    rows: Those
    onto: int
    position: int | None = None


@dataclass(frozen=True, slots=True)
class Folded:
    """Whether any of some rows below are such, or all of them.

    Attributes:
        name: as it is written.
        fold: any or all.
        rows: who is asked; what is true of them is what they are asked.
        onto: the level above them of whose rows it is said.
    """

    name: str
    fold: Fold
    rows: Those
    onto: int


@dataclass(frozen=True, slots=True)
class Weighed:
    """Whether numbers compare so, some of them folded from rows below.

    Attributes:
        name: as it is written.
        said: the comparison.
        folds: the folded numbers.
        beside: columns of other rows that are compared, too.
    """

    name: str
    said: Compare
    folds: tuple[Folding, ...]
    beside: tuple[Beside, ...]


@dataclass(frozen=True, slots=True)
class Paired:
    """Whether a row and any of some others below the same row above are such together.

    Attributes:
        name: as it is written.
        others: these.
        columns: of theirs that are looked at, each by the name that it is written with, and its position.
        said: of a row and one of the others.
        role: of the rows that have others; the rest have none.
    """

    name: str
    others: Those
    columns: tuple[tuple[str, int], ...]
    said: "Lifted"
    role: Role


Derived = Beside | Folded | Weighed | Paired


@dataclass(frozen=True, slots=True)
class Lifted:
    """A predicate on the rows of one level, with the columns that it needs beside those that these rows see anyway.

    Attributes:
        level: whose rows.
        predicate: over these and the derived columns, by their names.
        contrary: what is true where the predicate is false; neither is where something is not there.
        derived: the columns.
        role: of the rows that it speaks of; None of all.
    """

    level: int
    predicate: Predicate
    contrary: Predicate
    derived: tuple[Derived, ...] = ()
    role: Role | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Whether something is so, and whether it is not: it may be neither, where it is of what is not there."""

    so: Truth
    not_so: Truth

    @classmethod
    def of_all(cls, one: Mask, other: Mask) -> "Judged":
        """What is known of all."""
        return cls(Truth(one, one), Truth(other, other))

    @property
    def decided(self) -> bool:
        """Whether nothing is open."""
        return all(bool((told.may == told.must).all()) for told in (self.so, self.not_so))

    def at(self, rows: "CellIndex | Mask") -> "Judged":
        """What is known of some."""
        return Judged(*(Truth(told.may[rows], told.must[rows]) for told in (self.so, self.not_so)))

    def folded(self, fold: Fold, parent: CellIndex, n: int) -> "Judged":
        """What is known of the rows above, of whom it is so if it is of any below, or of all."""
        every = np.ones(len(parent), bool)

        def of(told: Truth, by: Fold) -> Truth:
            must, may = by.of_bounds(told.must.astype(float), told.may.astype(float), every, every, parent, n)
            return Truth(may > 0, must > 0)

        return Judged(of(self.so, fold), of(self.not_so, ALL if fold is ANY else ANY))

    def beside(self, other: "Judged") -> "Judged":
        """What is known of rows of whom it is so if it is by either."""
        so, not_so = (self.so, other.so), (self.not_so, other.not_so)
        return Judged(
            Truth(so[0].may | so[1].may, so[0].must | so[1].must),
            Truth(not_so[0].may & not_so[1].may, not_so[0].must & not_so[1].must),
        )

    @property
    def codes(self) -> Codes:
        """Places among `STATES`."""
        neither = np.where(self.so.may | self.not_so.may, PERHAPS, NEITHER)
        return np.where(self.so.must, YES, np.where(self.not_so.must, NO, neither)).astype(np.int32)

    @property
    def numbers(self) -> Floats:
        """1, 0 or NaN, where nothing is open."""
        return np.where(self.so.must, 1.0, np.where(self.not_so.must, 0.0, np.nan))


def may_lack(derived: Derived) -> bool:
    """Whether a row may have nothing of what a column says: that of a row above it is always there."""
    return not (isinstance(derived, Beside) and derived.ref.plain)


def variable_of(derived: Derived, schema: Schema) -> Variable:
    """The variable behind a derived column."""
    if not isinstance(derived, Beside):
        whether = Integer(type="integer", min=0, max=1, bins=[0, 1]).build(derived.name)
        low, high = np.array([0.0, 0, 1, np.nan]), np.array([0.0, 1, 1, np.nan])
        return replace(whether, labels=STATES, low=low, high=high, missing=True)
    variable = replace(schema.variable(derived.ref), name=derived.name)
    if variable.missing or not may_lack(derived):
        return variable
    low, high = (np.append(side, np.nan) for side in (variable.low, variable.high))
    return replace(variable, labels=(*variable.labels, NOT_THERE), low=low, high=high, missing=True)


def with_derived(schema: Schema, level: int, derived: Sequence[Derived]) -> Schema:
    """The rows of a level as flat records with derived columns, all in their finest bins: `schema` has no slices."""
    seen = schema.seen_from(level).unit
    return Schema(levels=(Level(name=seen.name, variables=(*seen.variables, *(variable_of(one, schema) for one in derived))),))


def as_seen(schema: Schema, units: Units, level: int, derived: Sequence[Derived]) -> Units:
    """The rows of a level of some units as flat records with derived columns."""
    flat = schema.as_seen(units, level)
    if not derived:
        return flat
    look = _Look(schema, units)
    return Units.of_columns([*flat.columns(), *(look.codes(one, level) for one in derived)])


def seen_values(
    schema: Schema, units: Units, level: int, derived: Sequence[Derived], frames: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """All numbers that the rows of a level see, derived ones included."""
    return _Look(schema, units, frames).seen(level, derived)


def folds_in(derived: Sequence[Derived]) -> Iterator[Folded | Folding]:
    """What a rule says of rows below those that it speaks of, or below those above them."""
    for one in derived:
        if isinstance(one, Folded):
            yield one
        elif isinstance(one, Weighed):
            yield from one.folds


def levels_of_rows(derived: Sequence[Derived]) -> set[int]:
    """Levels of the other rows that a rule looks at."""

    def those(rows: Those) -> set[int]:
        return {rows.level, *(() if rows.such is None else levels_of_rows(rows.such.derived))}

    found = set[int]()
    for one in derived:
        match one:
            case Beside():
                found.add(one.ref.level)
            case Folded():
                found |= those(one.rows)
            case Weighed():
                found |= levels_of_rows(one.beside).union(*(those(fold.rows) for fold in one.folds))
            case Paired():
                found |= those(one.others) | levels_of_rows(one.said.derived)
    return found


def looked_at(schema: Schema, predicate: Predicate, derived: Sequence[Derived], *, roles: bool = True) -> dict[int, set[int]]:
    """Columns that may decide a rule, by level: two units that are alike in them are judged alike.

    Args:
        schema: of all levels.
        predicate: of a rule.
        derived: columns of other rows that it looks at.
        roles: whether those that tell members apart are among them in any case.
    """
    found = {at: {level.position(level.role)} if level.role and roles else set() for at, level in enumerate(schema)}

    def named(names: Set[str]) -> None:
        for at, level in enumerate(schema):
            found[at] |= {column for column, variable in enumerate(level.variables) if variable.name in names}

    def those(rows: Those) -> None:
        if rows.such is not None:
            said(rows.such.predicate, rows.such.derived)

    def said(of: Predicate, others: Sequence[Derived]) -> None:
        named(names_in(of))
        for one in others:
            match one:
                case Beside():
                    found[one.ref.level].add(one.ref.column)
                case Folded():
                    those(one.rows)
                case Weighed():
                    said(one.said, one.beside)
                    for fold in one.folds:
                        found[fold.rows.level] |= set() if fold.position is None else {fold.position}
                        those(fold.rows)
                case Paired():
                    found[one.others.level] |= {position for _, position in one.columns}
                    those(one.others)
                    said(one.said.predicate, one.said.derived)

    said(predicate, derived)
    return found


@dataclass(frozen=True, slots=True)
class _Look:
    """What rows of some units say of each other.

    Attributes:
        schema: in the finest bins.
        units: with their rows.
        frames: the values of these, a table a level; None where categories alone are known.
    """

    schema: Schema
    units: Units
    frames: Mapping[str, pl.DataFrame] | None = None

    @property
    def _on_categories(self) -> "_Look":
        return _Look(self.schema, self.units)

    def codes(self, derived: Derived, level: int) -> Codes:
        """The categories of a derived column, (rows,)."""
        if not isinstance(derived, Beside):
            return self._on_categories.judged(derived, level).codes
        codes = self.units.column(derived.ref, level)
        return np.where(codes >= 0, codes, variable_of(derived, self.schema).size - 1).astype(np.int32)

    def seen(self, level: int, derived: Sequence[Derived]) -> pl.DataFrame:
        """All numbers that the rows of a level see, derived ones included."""
        assert self.frames is not None
        numbers: dict[str, pl.Series] = {}
        for at in reversed(self.schema.path(level)):
            rows, frame = self.units.above(at, level), self.frames[self.schema.levels[at].name]
            for variable in self.schema.levels[at].variables:
                if variable.numeric and variable.name not in numbers:
                    numbers[variable.name] = frame[variable.name].gather(pl.Series(rows.astype(np.uint32)))
        for one in derived:
            if not isinstance(one, Beside):
                numbers[one.name] = pl.Series(one.name, self.judged(one, level).numbers)
            elif self.schema.variable(one.ref).numeric:
                numbers[one.name] = pl.Series(one.name, self._beside(one, level))
        return pl.DataFrame(list(numbers.values()))

    def _beside(self, derived: Beside, level: int) -> Floats:
        """The numbers of other rows, NaN where there are none."""
        values, rows = self._values(derived.ref.level, derived.ref.column), self.units.seen(derived.ref, level)
        return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan) if len(values) else np.full(len(rows), np.nan)

    def _values(self, level: int, position: int) -> Floats:
        """The numbers that the rows of a level have of a variable."""
        assert self.frames is not None
        own = self.schema.levels[level]
        return numbers_in(self.frames[own.name][own.variables[position].name])

    # --- What is said of rows

    def judged(self, derived: Folded | Weighed | Paired, level: int) -> Judged:
        """Whether it is so, of each row of a level; values are looked at only where categories leave something open."""
        if self.frames is not None:
            known = self._on_categories.judged(derived, level)
            if known.decided:
                return known
        match derived:
            case Folded():
                return self._folded(derived).at(self.units.above(derived.onto, level))
            case Weighed():
                return self._weighed(derived, level)
            case Paired():
                return self._paired(derived, level)

    def _said(self, lifted: Lifted) -> Judged:
        """Whether a predicate is true of the rows of its level."""
        known, variables = self._columns(lifted.level, lifted.derived)
        found = _truths(lifted, known, variables, self.units.n_rows(lifted.level))
        if self.frames is None or found.decided:
            return found
        return _held(lifted, self.seen(lifted.level, lifted.derived), variables, known)

    def _columns(self, level: int, derived: Sequence[Derived]) -> tuple[dict[str, Codes], dict[str, Variable]]:
        """All columns that the rows of a level see, by name, and their variables."""
        variables = with_derived(self.schema, level, derived).unit.variables
        seen = as_seen(self.schema, self.units, level, derived)
        known = {variable.name: seen.column(of_unit(v)) for v, variable in enumerate(variables)}
        return known, {variable.name: variable for variable in variables}

    def _asked(self, rows: Those) -> Mask:
        """Which rows of a level have the role that is meant, whatever is true of them."""
        if rows.role is None:
            return np.ones(self.units.n_rows(rows.level), bool)
        return np.asarray(self.units.column(Ref(rows.level, rows.role.column)) == rows.role.code)

    def _folded(self, derived: Folded) -> Judged:
        """Whether any or all are such, of each row onto which these are folded."""
        rows = derived.rows
        assert rows.such is not None
        asked = self._asked(rows)
        above = self.units.above(derived.onto, rows.level)[asked]
        return self._said(rows.such).at(asked).folded(derived.fold, above, self.units.n_rows(derived.onto))

    # --- Numbers of rows below

    def _weighed(self, derived: Weighed, level: int) -> Judged:
        """Whether numbers compare so, of each row of a level; neither so nor not where one is not there."""
        n = self.units.n_rows(level)
        ends, sure = (
            self._ends(names_in(derived.said) - {one.name for one in derived.folds}, level, derived.beside),
            np.ones(n, bool),
        )
        for one in derived.folds:
            seen = self.units.above(one.onto, level)
            low, high, there = self._number(one)
            ends[one.name] = low[seen], high[seen]
            sure &= there[seen]
        contrary = Compare(OPPOSITES[derived.said.op], derived.said.left, derived.said.right)
        so, not_so = (compared(said, ends.__getitem__, n) for said in (derived.said, contrary))
        return Judged(Truth(so.may, so.must & sure), Truth(not_so.may, not_so.must & sure))

    def _ends(self, names: Set[str], level: int, beside: Sequence[Beside]) -> dict[str, tuple[Floats, Floats]]:
        """The least and the greatest that numbers seen by the rows of a level can be, (rows,) each."""
        if self.frames is not None:
            frame = self.seen(level, beside)
            return {name: (numbers_in(frame[name]),) * 2 for name in names}
        known, variables = self._columns(level, beside)
        return {name: (variables[name].low[known[name]], variables[name].high[known[name]]) for name in names}

    def _number(self, folding: Folding) -> tuple[Floats, Floats, Mask]:
        """Between which ends a folded number lies, NaN where it is not there, and whether it is there in any case, (rows,)."""
        rows, fold, position = folding.rows, folding.fold, folding.position
        parent, n = self.units.above(folding.onto, rows.level), self.units.n_rows(folding.onto)
        low = high = np.ones(len(parent))
        decimals, counting = 0, self._counting(rows)
        if position is not None:
            variable, codes = self.schema.levels[rows.level].variables[position], self.units.column(Ref(rows.level, position))
            decimals, low, high = variable.decimals, variable.low[codes], variable.high[codes]
            if self.frames is not None:
                low = high = self._values(rows.level, position)
        there = np.bincount(parent[counting.must & ~np.isnan(low)], minlength=n) > 0
        sure = there | ~np.isnan(fold.nobody)
        if self.frames is not None:
            found = fold.of_values(low[counting.must], parent[counting.must], n, decimals)
            return found, found, sure
        return *fold.of_bounds(low, high, counting.may, counting.must, parent, n, decimals), sure

    def _counting(self, rows: Those) -> Truth:
        """Which rows of a level count."""
        asked = self._asked(rows)
        if rows.such is None:
            return Truth(asked, asked)
        such = self._said(rows.such).so
        return Truth(asked & such.may, asked & such.must)

    # --- Pairs of rows

    def _paired(self, derived: Paired, level: int) -> Judged:
        """Whether it and any of the others are such together, of each row of a level."""
        lifted, at, n = derived.said, derived.others.level, self.units.n_rows(level)
        known, variables = self._columns(level, lifted.derived)
        beside = {name: replace(self.schema.levels[at].variables[position], name=name) for name, position in derived.columns}
        theirs = {name: self.units.column(Ref(at, position)) for name, position in derived.columns}
        looked_at = names_in(lifted.predicate) & known.keys()
        frame = None if self.frames is None else self.seen(level, lifted.derived)
        found = Judged.of_all(np.zeros(n, bool), np.ones(n, bool))
        for own, other in self._pairs(derived, level):
            codes = {name: known[name][own] for name in looked_at} | {name: column[other] for name, column in theirs.items()}
            told = _truths(lifted, codes, variables | beside, len(own))
            if frame is not None and not told.decided:
                numbers = [frame[name].gather(pl.Series(own)) for name in frame.columns if name in looked_at]
                numbers += [
                    pl.Series(name, self._values(at, position)[other])
                    for name, position in derived.columns
                    if beside[name].numeric
                ]
                told = _held(lifted, pl.DataFrame(numbers), variables | beside, codes)
            found = found.beside(told.folded(ANY, own, n))
        return found

    def _pairs(self, derived: Paired, level: int) -> Iterator[tuple[CellIndex, CellIndex]]:
        """All pairs of a row and one of the others below the same row above, so many at once."""
        top = self.schema.above(level)
        assert top is not None
        own, others = np.flatnonzero(self._asked(Those(level, derived.role))), np.flatnonzero(self._asked(derived.others))
        above, theirs = self.units.above(top, level)[own], self.units.above(top, derived.others.level)[others]
        first = np.searchsorted(theirs, above)
        sizes = np.searchsorted(theirs, above, side="right") - first
        blocks = np.flatnonzero(np.diff(np.cumsum(sizes) // PAIRS_AT_ONCE)) + 1
        for rows in np.split(np.arange(len(own)), blocks):
            size = sizes[rows]
            starts = np.repeat(first[rows] - (np.cumsum(size) - size), size)
            yield np.repeat(own[rows], size), others[starts + np.arange(len(starts))]


def _truths(lifted: Lifted, codes: Mapping[str, Codes], variables: Mapping[str, Variable], n: int) -> Judged:
    return Judged(*(truth(side, codes, variables, n) for side in (lifted.predicate, lifted.contrary)))


def _held(lifted: Lifted, frame: pl.DataFrame, variables: Mapping[str, Variable], codes: Mapping[str, Codes]) -> Judged:
    return Judged.of_all(*(holds(side, frame, variables, codes) for side in (lifted.predicate, lifted.contrary)))
