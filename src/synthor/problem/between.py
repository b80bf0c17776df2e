"""Whether tables of one level agree with those of the level below: how many members there are, and what follows from them.

A table of households says between which ends their members lie: 300 households of one person and 170 of four to eight make 980
to 1,660 persons. A table of persons says how many there are, and of whom a variable counts only some, how many of these. Where
the two leave no number that is right for both, neither can be met, which is told before anything is fitted.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import Finding
from synthor.problem.agree import combinations, shown
from synthor.problem.following import Followed, followed
from synthor.problem.grid import Axis
from synthor.problem.marginals import Stated, inexact
from synthor.problem.views import View
from synthor.rules.on_categories import truth
from synthor.rules.syntax import Among, Both, Column, Compare, Constant, Predicate
from synthor.schema import Ref, Schema, Variable
from synthor.spec.levels import LevelForm
from synthor.types import CellIndex, Floats

MOST_COMBINATIONS = 100_000
"""Combinations of categories behind one table that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RowRange:
    """Between which numbers some rows lie, and who says so.

    Attributes:
        low: so many at least.
        high: so many at most.
        by: the table, as a message calls it, or what the spec says beside its tables.
    """

    low: float
    high: float
    by: str

    @property
    def told(self) -> str:
        """In words."""
        if self.high - self.low <= inexact(self.high):
            return shown(self.low)
        return f"{shown(self.low)} or more" if np.isinf(self.high) else f"{shown(self.low)} to {shown(self.high)}"

    def apart(self, other: "RowRange") -> bool:
        """Whether no number lies between both."""
        return self.low > other.high + inexact(other.high) or other.low > self.high + inexact(self.high)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is said, or follows, of the number of some members.

    Attributes:
        of: these members, in words.
        level: theirs.
        such: who of the level; None of all.
        ends: how many there are.
    """

    of: str
    level: int
    such: Predicate | None
    ends: RowRange


def contradictions(
    forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[Stated]], n_units: float
) -> Iterator[Finding]:
    """Tables of two levels that no units can meet together.

    Args:
        forms: of the levels.
        schema: the same, in slices where tables need them.
        tables: of counts, by the place of their level.
        n_units: how many units there are in the tables.
    """
    off = set[str]()
    for claim in (*_of_numbers(forms, schema, tables, n_units), *_of_followed(forms, schema, tables)):
        view = View.of_level(schema, claim.level)
        for stated in tables.get(claim.level, ()):
            ends = _counted(stated, claim.such, view) if stated.place not in off else None
            if ends is not None and ends.apart(claim.ends):
                if claim.such is None:  # where all are too many, some are no news
                    off.add(stated.place)
                message = f"{claim.ends.by} makes {claim.ends.told} {claim.of}, {ends.by} counts {ends.told}"
                yield Finding(where="targets", message=message, cure="correct one of them, or give one a tolerance")


def _of_numbers(
    forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[Stated]], n_units: float
) -> Iterator[Claim]:
    """What `number` and `roles` say, of as many rows above as there are."""
    for level, form in enumerate(forms[1:], start=1):
        above = schema.above(level) or 0
        name = schema.levels[above].name
        n_above = n_units if not above else _total(tables.get(above, ()))
        if n_above is None:
            continue
        for role in ("", *form.roles):
            least, most = form.fewest(role), form.most(role)
            each = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            by = f"`{'roles' if role else 'number'}` of {form.name} ({each} a {name}, {shown(n_above)} {name})"
            high = float("inf") if most is None else most * n_above
            such = _inside(form.role, *_variable(schema, level, form.role, [role])) if role else None
            of = f"{form.name} with {form.role} '{role}'" if role else form.name
            yield Claim(of=of, level=level, such=such, ends=RowRange(low=least * n_above, high=high, by=by))


def _variable(schema: Schema, level: int, name: str, labels: Sequence[str]) -> tuple[Variable, CellIndex]:
    own = schema.levels[level]
    variable = own.variables[own.position(name)]
    return variable, np.array([variable.code(label) for label in labels])


def _total(tables: Sequence[Stated]) -> float | None:
    """How many rows there are, by the first table that counts all of them."""
    return next((float(stated.target.wanted.sum()) for stated in tables if stated.target.whole), None)


def _of_followed(forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[Stated]]) -> Iterator[Claim]:
    """What tables of variables that follow from members say of these: of all first, then of each label of a table."""
    for one in followed(forms, schema):
        if one.fold is not None and one.fold.name not in ("count", "any"):
            continue
        variable = schema.levels[one.level].variables[one.position]
        view, role = View.of_level(schema, one.below), schema.levels[one.below].role
        such = one.condition
        if one.role is not None:
            of_role = Among(role, (one.role.code,))
            such = of_role if such is None else Both(of_role, such)
        label = "" if one.role is None else schema.levels[one.below].variables[one.role.column].labels[one.role.code]
        most = forms[one.below].most(label)
        sees = view.refs.get(variable.name) == Ref(one.level, one.position)
        for stated in tables.get(one.level, ()):
            for place, axis in enumerate(stated.target.axes):
                if axis.position == one.position and axis.variable.name == variable.name:
                    if one.fold is not None:
                        by = f"{variable.name} in {stated.shown}"
                        yield Claim(
                            of=f"`{one.text}`", level=one.below, such=such, ends=_made(one, stated, place, most, None, by)
                        )
                    yield from _by_label(one, stated, place, such, most, tables.get(one.below, ()), view if sees else None)


def _by_label(
    one: Followed,
    stated: Stated,
    place: int,
    such: Predicate | None,
    most: int | None,
    below: Sequence[Stated],
    view: View | None,
) -> Iterator[Claim]:
    """The same for each label: of members in households with such a number, or of the one member with such a value."""
    axis = stated.target.axes[place]
    if one.fold is None:
        yield from _of_member(one, stated, place, such, view)
        return
    if view is None:
        return
    for other in below:
        for theirs in other.target.axes:
            if theirs.variable.name == axis.variable.name:
                for label in range(theirs.size):
                    inside = theirs.categories(label)
                    known = _same(theirs, axis, inside)
                    if known is not None:
                        where = f"{axis.variable.name} {theirs.labels[label]}"
                        own = _inside(axis.variable.name, axis.variable, known)
                        ends = _made(one, stated, place, most, known, f"{where} in {stated.shown}")
                        of = f"`{one.text}` where {where}"
                        yield Claim(of=of, level=one.below, such=own if such is None else Both(such, own), ends=ends)


def _of_member(one: Followed, stated: Stated, place: int, such: Predicate | None, view: View | None) -> Iterator[Claim]:
    """What a table of the one member with a role says of these members: how many there are, and with which values."""
    axis, role = stated.target.axes[place], one.text.split(".")[0].strip()
    valued = np.arange(axis.variable.size - axis.variable.missing)
    if axis.variable.missing:
        ends = _made(one, stated, place, 1, valued, f"{axis.variable.name} in {stated.shown}")
        yield Claim(of=role, level=one.below, such=such, ends=ends)
    refs = {} if view is None else view.refs
    source = next((name for name, ref in refs.items() if ref == Ref(one.below, one.source or 0)), None)
    for label, told in enumerate(axis.labels if source is not None else ()):
        known = axis.categories(label)
        if len(known) and np.isin(known, valued).all():
            with_value = _inside(str(source), axis.variable, known)
            ends = _made(one, stated, place, 1, known, f"{axis.variable.name} {told} in {stated.shown}")
            both = with_value if such is None else Both(such, with_value)
            yield Claim(of=f"{role} with {source} {told}", level=one.below, such=both, ends=ends)


def _same(theirs: Axis, mine: Axis, inside: CellIndex) -> CellIndex | None:
    """The categories of my axis that are those of theirs; None where the two are cut otherwise."""
    if theirs.variable.size == mine.variable.size:
        return inside
    return None


def _made(one: Followed, stated: Stated, place: int, most: int | None, inside: CellIndex | None, by: str) -> RowRange:
    """How many members the rows of a table make, those in some categories alone where these are given."""
    target = stated.target
    axis, variable = target.axes[place], target.axes[place].variable
    low, high = np.nan_to_num(variable.low), np.nan_to_num(variable.high)
    if one.fold is None:
        low = high = np.ones(variable.size)
    elif one.fold.name == "any":
        low, high = np.array([0.0, 1.0]), np.array([0.0, np.inf if most is None else most])
    elif most is not None:
        high = np.minimum(high, most)
    kept = np.ones(variable.size, bool) if inside is None else np.isin(np.arange(variable.size), inside)
    group = target.grid.groups[place]
    lowest, highest = _bounds(stated)
    least = most_of = 0.0
    for label in range(axis.size):
        own = axis.categories(label)
        if not len(own) or not kept[own].any():
            continue
        cells = np.flatnonzero(group == label)
        least += float(lowest[cells].sum()) * float(low[own].min()) if kept[own].all() else 0.0
        rows = float(highest[cells].sum())
        most_of += rows * float(high[own[kept[own]]].max()) if rows else 0.0
    return RowRange(low=least, high=most_of if target.grid.covers else float("inf"), by=by)


def _bounds(stated: Stated) -> tuple[Floats, Floats]:
    target = stated.target
    if target.sigma is not None:  # a margin of error is no end
        return np.zeros(len(target.wanted)), np.full(len(target.wanted), np.inf)
    return np.maximum(target.lowest - target.room, 0.0), target.highest + target.room


def _counted(stated: Stated, such: Predicate | None, view: View) -> RowRange | None:
    """How many rows a table counts of whom something is true; None where it tells nothing of that."""
    target = stated.target
    codes, cell = combinations(target)
    if not len(codes) or len(codes) > MOST_COMBINATIONS:
        return None
    lowest, highest = _bounds(stated)
    if such is None:
        may = must = np.ones(target.grid.size, bool)
    else:
        behind = {axis.variable.name: axis.variable for axis in target.axes}
        known = {axis.variable.name: codes[:, i] for i, axis in enumerate(target.axes)}
        found = truth(such, known, {**view.variables, **behind}, len(codes))
        may = np.bincount(cell, found.may, target.grid.size) > 0
        must = (np.bincount(cell, ~found.must, target.grid.size) == 0) & may
    high = float(highest[may].sum()) if target.grid.covers else float("inf")
    return RowRange(low=float(lowest[must].sum()), high=high, by=stated.shown)


def _inside(name: str, variable: Variable, categories: CellIndex) -> Predicate:
    """That a variable has one of some categories, which are neighbours where it is numeric."""
    if not variable.numeric:
        return Among(name, tuple(int(code) for code in categories))
    low, high = float(variable.low[categories].min()), float(variable.high[categories].max())
    return Both(Compare(">=", Column(name), Constant(low)), Compare("<=", Column(name), Constant(high)))
