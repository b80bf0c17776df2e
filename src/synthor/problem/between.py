"""Whether tables of one level agree with those of the level below: how many members there are, and what follows from them.

A table of households says between which ends their members lie: 300 households of one person and 170 of four to eight make 980
to 1,660 persons. A table of persons says how many there are, and of whom a variable counts only some, how many of these. Where
the two leave no number that is right for both, neither can be met, which is told before anything is fitted. Where tables are of
zones, all this holds in each of their areas, too. There it is a warning: hardly any two sources agree in each of thousands of
zones, and all others are met.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import Finding
from synthor.problem.agree import combinations, shown
from synthor.problem.demand import EDGE
from synthor.problem.fitting import BandTotals
from synthor.problem.following import Followed, followed
from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.marginals import Stated, inexact
from synthor.problem.views import View
from synthor.problem.zones import AreaCells, Zones
from synthor.rules.on_categories import truth
from synthor.rules.syntax import Absent, Among, Both, Column, Compare, Constant, Either, Predicate
from synthor.schema import Ref, Role, Schema, Variable
from synthor.spec.levels import LevelForm
from synthor.types import CellIndex, Floats, Mask

MOST_COMBINATIONS = 100_000
"""Combinations of categories behind one table that are looked at."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RowRange:
    """Between which numbers some rows lie in each of some areas, and who says so.

    Attributes:
        low: (areas,) so many at least.
        high: (areas,) so many at most.
        by: the table, as a message calls it, or what the spec says beside its tables.
    """

    low: Floats
    high: Floats
    by: str

    def told(self, area: int) -> str:
        """In words, of one area."""
        low, high = float(self.low[area]), float(self.high[area])
        if high - low <= inexact(high):
            return shown(low)
        return f"{shown(low)} or more" if np.isinf(high) else f"{shown(low)} to {shown(high)}"

    def apart(self, other: "RowRange") -> Mask:
        """(areas,): whether no number lies between both."""
        return _beyond(self.low, other.high) | _beyond(other.low, self.high)


def _beyond(low: Floats, high: Floats) -> Mask:
    slack = np.minimum(0.5, 1e-6 * np.maximum(high, 1.0))  # as `inexact` has it
    return np.asarray(low > high + slack)


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _InAreas:
    """A table, and in which of some areas each of its cells is.

    Attributes:
        stated: the table.
        grid: its cells inside one area.
        cells: (c,) the place of each cell in `grid`.
        areas: (c,) its area.
        told: (areas,) whether the table speaks of an area.
        low: (c,) the fewest rows of each cell.
        high: (c,) the most.
    """

    stated: Stated
    grid: TargetGrid
    cells: CellIndex
    areas: CellIndex
    told: Mask
    low: Floats
    high: Floats

    @classmethod
    def of(cls, stated: Stated, zones: Zones | None, level: int) -> "_InAreas | None":
        """A table as areas of a level see it, the region beyond the last one; None where it speaks of larger ones."""
        target = stated.target
        own = None if zones is None else AreaCells.of(target, zones)
        low, high = bounds_of(stated)
        if own is None or zones is None:
            if zones is not None and level < len(zones.sizes):
                return None
            n = len(target.grid.cells)
            cells, areas = np.arange(n), np.zeros(n, np.int64)
            return cls(
                stated=stated, grid=target.grid, cells=cells, areas=areas, told=np.ones(1, bool), low=low[:n], high=high[:n]
            )
        if own.level > level:
            return None
        whole = zones.with_region
        up, n = whole.above(own.level, level), len(own.areas)
        told = np.bincount(up[~own.told], minlength=whole.sizes[level]) == 0
        if target.grid.listed is not None and not target.grid.closed:
            told[:] = False
        return cls(stated=stated, grid=own.grid, cells=own.cells, areas=up[own.areas], told=told, low=low[:n], high=high[:n])

    def summed(self, values: Floats, cells: Mask) -> Floats:
        """(areas,) values of some cells, added up."""
        return np.bincount(self.areas[cells], values[cells], len(self.told)).astype(np.float64)

    def most(self, high: Floats) -> Floats:
        """(areas,) the most rows there are, given what its cells come to: any number where some rows are in none of them."""
        return np.where(self.told & self.grid.covers, high, np.inf)


def contradictions(
    forms: Sequence[LevelForm],
    schema: Schema,
    tables: Mapping[int, Sequence[Stated]],
    n_units: float,
    zones: Mapping[int, Zones] | None = None,
) -> Iterator[Finding]:
    """Tables of two levels that no units can meet together.

    Args:
        forms: of the levels.
        schema: the same, in slices where tables need them.
        tables: of counts, by the place of their level.
        n_units: how many units there are in the tables.
        zones: the areas, as the rows of each level see them; None where there are none.
    """
    areas = None if not zones else zones[0].with_region
    told = set[tuple[str, str, str]]()
    for level in range(1 if areas is None else len(areas.sizes)):  # the smallest areas first: they say best where it is
        there = {
            rows: [found for one in own if (found := _InAreas.of(one, zones[rows] if zones else None, level)) is not None]
            for rows, own in tables.items()
        }
        off = set[str]()
        region = areas is None or level == len(areas.sizes) - 1
        for claim in _claims(forms, schema, there, n_units if region else None):
            view = View.of_level(schema, claim.level)
            for table in there.get(claim.level, ()):
                place = table.stated.place
                ends = _counted(table, claim.such, view) if place not in off else None
                apart = None if ends is None else np.flatnonzero(ends.apart(claim.ends))
                if ends is None or apart is None or not len(apart):
                    continue
                if claim.such is None:  # where all are too many, some are no news
                    off.add(place)
                if region or (claim.of, claim.ends.by, place) not in told:
                    told.add((claim.of, claim.ends.by, place))
                    yield _finding(claim, ends, apart, "" if areas is None or region else areas.names[level], schema)


def too_many_pairs(
    forms: Sequence[LevelForm],
    view: View,
    pairs: Sequence[Stated],
    tables: Mapping[int, Sequence[Stated]],
    n_units: float,
    by_roles: Sequence[tuple[View, Sequence[Stated]]],
) -> Iterator[Finding]:
    """Tables of pairs which count more than there can be, as other tables have it.

    Fewer are no contradiction: a pair may be in no cell.

    Args:
        forms: of the levels.
        view: the pairs.
        pairs: tables of them.
        tables: of counts, by the place of their level.
        n_units: how many units there are in the tables.
        by_roles: pairs that roles tell apart, with tables of these.
    """
    telling = _most_by_category(view, tables, by_roles) if view.categories else _most_by_role(view, tables)
    units = [(n_units, f"there are {shown(n_units)} of '{view.schema.unit.name}'")] if view.level == 0 else []
    ends = sorted([*units, *telling, *_most_by_followed(forms, view, tables)])
    for stated in pairs if ends else ():
        (most, why), least = ends[0], float(bounds_of(stated)[0].sum())
        if _beyond(np.array([least]), np.array([most]))[0]:
            message = f"{stated.shown} counts {shown(least)} pairs of '{view.name}', and {why}"
            fewer = "there may be fewer such pairs, for those of one category are in no cell, but no more"
            cure = f"correct one of them: {fewer}" if view.categories else "correct one of them, or give one a tolerance"
            yield Finding(where=stated.place, message=message, cure=cure)


def _most_by_followed(
    forms: Sequence[LevelForm], view: View, tables: Mapping[int, Sequence[Stated]]
) -> Iterator[tuple[float, str]]:
    """The same by what follows from members: tables of how many there are, of all or of a role, or of what one of them has.

    A row above makes one pair at most, where it has two members and those of each role that it tells of; with several of one
    role it makes as many as it has beside the one with the other.
    """
    schema, (level, roles) = view.schema, _members(view)
    several = view.level == level
    for one in followed(forms, schema):
        if one.below != level or one.condition is not None or (one.fold is not None and one.fold.name != "count"):
            continue
        if one.role is not None and (one.role not in roles or (several and not _is_several(one.role, level, schema))):
            continue
        variable = schema.levels[one.level].variables[one.position]
        numbers = np.nan_to_num(variable.high) if one.fold is not None else 1.0 * (np.arange(variable.size) < variable.n_valued)
        room = np.maximum(numbers if one.role is not None else numbers - 1, 0.0)
        pairs = room if several else np.minimum(room, 1.0)
        for stated in tables.get(one.level, ()):
            table = _InAreas.of(stated, None, 0)
            for place, axis in enumerate(() if table is None else table.grid.axes):
                if table is not None and axis.position == one.position and axis.variable.name == variable.name:
                    each = np.array([pairs[axis.categories(label)].max(initial=0) for label in range(axis.size)])
                    in_cells = each[table.grid.groups[place][table.cells]]
                    held = np.multiply(table.high, in_cells, out=np.zeros(len(in_cells)), where=table.high > 0)
                    most = float(table.most(table.summed(held, np.ones(len(held), bool)))[0])
                    yield most, f"{variable.name} in {stated.shown} leaves room for {shown(most)} of them"


def _members(view: View) -> tuple[int, list[Role]]:
    """The level of the two of each pair, and their roles."""
    refs = [view.refs[name] for name, _ in view.roles]
    level = refs[0].level
    if refs[0].of_two is not None:
        return level, list(refs[0].of_two.roles)
    own = view.schema.levels[level]
    return level, [Role(own.position(own.role), code) for _, code in view.roles]


def _is_several(role: Role, level: int, schema: Schema) -> bool:
    own = schema.levels[level]
    return own.roles[own.variables[role.column].labels[role.code]] != 1


def _most_by_role(view: View, tables: Mapping[int, Sequence[Stated]]) -> Iterator[tuple[float, str]]:
    """How many pairs there are at most, by what tables say of those with either role, and what says so.

    A member is in one pair at most where the unit has one at most of the other role.
    """
    schema = view.schema
    at = {view.refs[name].level for name, _ in view.roles}.pop()
    own = schema.levels[at]
    column = own.position(own.role)
    (_, one), (_, other) = view.roles
    for code, beside in ((one, other), (other, one)):
        if own.roles[own.variables[column].labels[beside]] == 1:
            yield from _most_such(schema, tables, at, column, code, Among(own.role, (code,)))


def _most_by_category(
    view: View, tables: Mapping[int, Sequence[Stated]], by_roles: Sequence[tuple[View, Sequence[Stated]]]
) -> Iterator[tuple[float, str]]:
    """The same of pairs of whom each has one category of a variable."""
    schema = view.schema
    at = {view.refs[name].level for name, _ in view.roles}.pop()
    two = next(two for name, _ in view.roles if (two := view.refs[name].of_two) is not None)
    own = schema.levels[at]
    for beside, theirs in by_roles:
        if {(beside.refs[name].level, code) for name, code in beside.roles} == {(at, role.code) for role in two.roles}:
            for stated in (stated for stated in theirs if _of_all_pairs(stated.target.grid, beside)):
                most = float(bounds_of(stated)[1].sum())
                yield most, f"{stated.shown} leaves {shown(most)} pairs of '{beside.name}' at most"
    of_both = Among(own.role, tuple(sorted(role.code for role in two.roles)))
    for role in two.roles:
        yield from _most_such(schema, tables, at, role.column, role.code, Among(own.role, (role.code,)))
    for name, code in view.roles:
        with_both = Both(of_both, Among(name.rpartition(".")[2], (code,)))
        yield from _most_such(schema, tables, at, two.category.column, code, with_both)


def _most_such(
    schema: Schema, tables: Mapping[int, Sequence[Stated]], level: int, column: int, code: int, such: Predicate
) -> Iterator[tuple[float, str]]:
    """How many members are such at most, as each table of them says: those with a category, maybe with more beside."""
    own = schema.levels[level]
    with_it = f"with {own.variables[column].name} '{own.variables[column].labels[code]}'"
    named = View.of_level(schema, level)
    for stated in tables.get(level, ()):
        table = _InAreas.of(stated, None, 0)
        ends = None if table is None else _counted(table, such, named)
        if ends is not None:
            most = float(ends.high[0])
            yield most, f"{ends.by} leaves {shown(most)} of '{own.name}' {with_it} at most"


def _of_all_pairs(grid: TargetGrid, pairs: View) -> bool:
    """Whether each pair is in some cell of a table."""
    complete = all(bool((axis.group_of >= 0).all()) for axis in grid.axes) and (grid.listed is None or grid.closed)
    return complete and grid.universe is not None and grid.universe.predicate == pairs.universe


def claims(
    forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[Stated]], n_units: float
) -> tuple[Claim, ...]:
    """What the spec and tables of each level say of how many members there are in all; arguments as of `contradictions`."""
    whole = {level: [found for one in own if (found := _InAreas.of(one, None, 0)) is not None] for level, own in tables.items()}
    return _claims(forms, schema, whole, n_units)


def asked_of(claim: Claim, stated: Stated, schema: Schema) -> list[BandTotals]:
    """What a claim asks of the cells of a table of these members: of those that count such alone, and of those that may.

    Args:
        claim: of the number of some members in all.
        stated: a table of the same level.
        schema: of the units, in slices where tables need them.
    """
    grid = stated.target.grid
    sides = _counting(grid, claim.such, View.of_level(schema, claim.level))
    if sides is None:
        return []
    may, must = (side[: len(grid.cells)] for side in sides)
    none, ends = np.zeros(1), claim.ends
    most = BandTotals.of(np.where(must, 0, 1), none, np.floor(ends.high + EDGE), ends.by)
    least = BandTotals.of(np.where(may, 0, 1), np.ceil(ends.low - EDGE), none + np.inf, ends.by)
    return [most, *([least] if grid.covers else [])]


def _claims(
    forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[_InAreas]], n_units: float | None
) -> tuple[Claim, ...]:
    return (*_of_numbers(forms, schema, tables, n_units), *_of_followed(forms, schema, tables))


def _finding(claim: Claim, ends: RowRange, apart: CellIndex, level: str, schema: Schema) -> Finding:
    """That two tables leave no number, in the first of these areas."""
    area, by = int(apart[0]), f"{ends.by} counts {ends.told(int(apart[0]))}"
    makes = f"{claim.ends.by} makes {claim.ends.told(area)} {claim.of}"
    cure = "correct one of them, or give one a tolerance"
    if not level:
        return Finding(where="targets", message=f"{makes}, {by}", cure=cure)
    label = schema.unit.variables[schema.unit.position(level)].labels[area]
    more = f"; so in {len(apart):,} areas" if len(apart) > 1 else ""
    message = f"in {level} '{label}' {makes}, {by}, which cannot both be met{more}"
    return Finding(where="targets", message=message, cure=cure, severity="warning")


def _of_numbers(
    forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[_InAreas]], n_units: float | None
) -> Iterator[Claim]:
    """What `number` and `roles` say, of as many rows above as there are."""
    for level, form in enumerate(forms[1:], start=1):
        above = schema.above(level) or 0
        name = schema.levels[above].name
        n_above = _total(tables.get(above, ())) if above or n_units is None else np.array([n_units])
        if n_above is None:
            continue
        for role in ("", *form.roles):
            least, most = form.fewest(role), form.most(role)
            each = f"{least}" if least == most else f"{least} or more" if most is None else f"{least} to {most}"
            of_all = f", {shown(float(n_above[0]))} {name}" if len(n_above) == 1 else ""
            by = f"`{'roles' if role else 'number'}` of {form.name} ({each} a {name}{of_all})"
            high = np.full(len(n_above), np.inf) if most is None else most * n_above
            such = _inside(form.role, *_variable(schema, level, form.role, [role])) if role else None
            of = f"{form.name} with {form.role} '{role}'" if role else form.name
            yield Claim(of=of, level=level, such=such, ends=RowRange(low=least * n_above, high=high, by=by))


def _variable(schema: Schema, level: int, name: str, labels: Sequence[str]) -> tuple[Variable, CellIndex]:
    own = schema.levels[level]
    variable = own.variables[own.position(name)]
    return variable, np.array([variable.code(label) for label in labels])


def _total(tables: Sequence[_InAreas]) -> Floats | None:
    """How many rows there are in each area, by the first table that counts all of them."""
    for table in tables:
        target = table.stated.target
        if target.whole and table.told.all():
            n = len(table.cells)
            return table.summed(target.wanted[:n], np.ones(n, bool))
    return None


def _of_followed(forms: Sequence[LevelForm], schema: Schema, tables: Mapping[int, Sequence[_InAreas]]) -> Iterator[Claim]:
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
        for table in tables.get(one.level, ()):
            for place, axis in enumerate(table.grid.axes):
                if axis.position == one.position and axis.variable.name == variable.name:
                    if one.fold is not None:
                        by = f"{variable.name} in {table.stated.shown}"
                        ends = _made(one, table, place, most, None, by)
                        yield Claim(of=f"`{one.text}`", level=one.below, such=such, ends=ends)
                    yield from _by_label(one, table, place, such, most, tables.get(one.below, ()), view if sees else None)


def _by_label(
    one: Followed,
    table: _InAreas,
    place: int,
    such: Predicate | None,
    most: int | None,
    below: Sequence[_InAreas],
    view: View | None,
) -> Iterator[Claim]:
    """The same for each label: of members in households with such a number, or of the one member with such a value."""
    axis = table.grid.axes[place]
    if one.fold is None:
        yield from _of_member(one, table, place, such, view)
        return
    if view is None:
        return
    for other in below:
        for theirs in other.grid.axes:
            if theirs.variable.name == axis.variable.name:
                for label in range(theirs.size):
                    inside = theirs.categories(label)
                    known = _same(theirs, axis, inside)
                    if known is not None:
                        where = f"{axis.variable.name} {theirs.labels[label]}"
                        own = _inside(axis.variable.name, axis.variable, known)
                        ends = _made(one, table, place, most, known, f"{where} in {table.stated.shown}")
                        of = f"`{one.text}` where {where}"
                        yield Claim(of=of, level=one.below, such=own if such is None else Both(such, own), ends=ends)


def _of_member(one: Followed, table: _InAreas, place: int, such: Predicate | None, view: View | None) -> Iterator[Claim]:
    """What a table of the one member with a role says of these members: how many there are, and with which values."""
    axis, role = table.grid.axes[place], one.text.split(".")[0].strip()
    valued = np.arange(axis.variable.n_valued)
    if one.absent:
        ends = _made(one, table, place, 1, valued, f"{axis.variable.name} in {table.stated.shown}")
        yield Claim(of=role, level=one.below, such=such, ends=ends)
    refs = {} if view is None else view.refs
    source = next((name for name, ref in refs.items() if ref == Ref(one.below, one.source or 0)), None)
    for label, told in enumerate(axis.labels if source is not None else ()):
        known = axis.categories(label)
        if len(known) and np.isin(known, valued).all():
            with_value = _inside(str(source), axis.variable, known)
            ends = _made(one, table, place, 1, known, f"{axis.variable.name} {told} in {table.stated.shown}")
            both = with_value if such is None else Both(such, with_value)
            yield Claim(of=f"{role} with {source} {told}", level=one.below, such=both, ends=ends)


def _same(theirs: Axis, mine: Axis, inside: CellIndex) -> CellIndex | None:
    """The categories of my axis that are those of theirs; None where the two are cut otherwise."""
    if theirs.variable.size == mine.variable.size:
        return inside
    return None


def _made(one: Followed, table: _InAreas, place: int, most: int | None, inside: CellIndex | None, by: str) -> RowRange:
    """How many members the rows of a table make, those in some categories alone where these are given."""
    axis, variable = table.grid.axes[place], table.grid.axes[place].variable
    low, high = np.nan_to_num(variable.low), np.nan_to_num(variable.high)
    if one.fold is None:
        low = high = np.ones(variable.size)
    elif one.fold.name == "any":
        low, high = np.array([0.0, 1.0]), np.array([0.0, np.inf if most is None else most])
    elif most is not None:
        high = np.minimum(high, most)
    kept = np.ones(variable.size, bool) if inside is None else np.isin(np.arange(variable.size), inside)
    group = table.grid.groups[place][table.cells]
    least, most_of = np.zeros(len(table.told)), np.zeros(len(table.told))
    for label in range(axis.size):
        own = axis.categories(label)
        if not len(own) or not kept[own].any():
            continue
        if kept[own].all():
            least += table.summed(table.low, group == label) * float(low[own].min())
        rows, each = table.summed(table.high, group == label), float(high[own[kept[own]]].max())
        most_of += np.multiply(rows, each, out=np.zeros(len(rows)), where=rows > 0)
    return RowRange(low=least, high=table.most(most_of), by=by)


def bounds_of(stated: Stated) -> tuple[Floats, Floats]:
    """The fewest and the most rows in each cell of a table, rounding included; any number where there are margins of error."""
    target = stated.target
    if target.sigma is not None:  # a margin of error is no end
        return np.zeros(len(target.wanted)), np.full(len(target.wanted), np.inf)
    return np.maximum(target.lowest - target.room, 0.0), target.highest + target.room


def _counted(table: _InAreas, such: Predicate | None, view: View) -> RowRange | None:
    """How many rows a table counts of whom something is true; None where it tells nothing of that."""
    sides = _counting(table.grid, such, view)
    if sides is None:
        return None
    may, must = sides
    high = table.most(table.summed(table.high, may[table.cells]))
    return RowRange(low=table.summed(table.low, must[table.cells]), high=high, by=table.stated.shown)


def _counting(grid: TargetGrid, such: Predicate | None, view: View) -> tuple[Mask, Mask] | None:
    """In which cells of a table some of whom something is true may be, and which hold such alone, (c,) each."""
    codes, cell = combinations(grid)
    if not len(codes) or len(codes) > MOST_COMBINATIONS:
        return None
    if such is None:
        return np.ones(grid.size, bool), np.ones(grid.size, bool)
    behind = {axis.variable.name: axis.variable for axis in grid.axes}
    known = {axis.variable.name: codes[:, i] for i, axis in enumerate(grid.axes)}
    found = truth(such, known, {**view.variables, **behind}, len(codes))
    may = np.bincount(cell, found.may, grid.size) > 0
    return may, (np.bincount(cell, ~found.must, grid.size) == 0) & may


def _inside(name: str, variable: Variable, categories: CellIndex) -> Predicate:
    """That a variable has one of some categories, which are neighbours where it is numeric."""
    if not variable.numeric:
        return Among(name, tuple(int(code) for code in categories))
    valued = categories[categories < variable.n_valued]
    if not len(valued):
        return Absent(name)
    low, high = float(variable.low[valued].min()), float(variable.high[valued].max())
    within = Both(Compare(">=", Column(name), Constant(low)), Compare("<=", Column(name), Constant(high)))
    return within if len(valued) == len(categories) else Either(within, Absent(name))
