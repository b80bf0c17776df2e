"""Realism of units with members against real ones: a comparison for each kind of row.

*Households* are compared in their own variables; *persons* in theirs and in what each has by its household; *two members* by
their roles, of whom there is one at most (`head and partner`), in what one has by what the other has; likewise the one with the
first of these roles and *each of several with another* (`head and child`), and *two of the same role* (`child and next child`,
the older one first); *persons of a household* in how many there are of each role, by each other and by what the household has.
So every table that such rows can make is compared once. Two members of whom there are hardly any pairs are left out.
Samples of real rows, from which equivalent sizes are read, are drawn as if rows were independent: of members, who are not, a
real sample of so many households shows less.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, product
from types import MappingProxyType
from typing import Any

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.evaluate.broken import Ruled, ruled
from synthor.evaluate.fidelity import Evaluation, evaluate
from synthor.prior.sampled import SampledUnits, joined_units
from synthor.problem import Problem, Target
from synthor.schema import Level, Ref, Role, Schema, Variable
from synthor.schema.kinds import Integer
from synthor.types import CellIndex

WEIGHT = "weight of the unit"
"""Column of the weights in tables that are made here."""

FEWEST = 0.02
"""Pairs of two members for each row of their level, in the microdata and in the records, with which they are compared."""

MOST_TOLD = 6
"""Members of one role that are told apart by their number; more are counted together with these."""

Tables = Mapping[int, pl.DataFrame]
"""One table a level, by the level's place."""


def evaluate_levels(
    problem: Problem,
    records: Tables,
    microdata: Tables,
    *,
    weight: str | None = None,
    random_seed: int = 0,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Evaluation]:
    """Compare units with their members with real ones, by kind of row: see above.

    Args:
        problem: levels, targets and rules.
        records: synthetic ones, a table a level.
        microdata: real ones; variables and levels that they lack are left out, and what follows from members is counted.
        weight: column of the real units' weights.
        random_seed: of the bootstrap.
        advance: told how many comparisons of how many are done.

    Raises:
        InputError: keys do not fit, a value belongs to no category, or nothing is left to compare.
    """
    sides = []
    for tables, what in ((records, "records"), (microdata, "microdata")):
        if not tables[0].height:
            raise InputError([Finding(where=what, message="there are no rows", cure="give at least one record")])
        where = {at: f"{what} of '{problem.schema.levels[at].name}'" for at in tables}
        of_real = weight if what == "microdata" else None
        key = problem.schema.unit.key if len(tables) > 1 else None
        sides.append(_Side(joined_units(problem, tables, where, key=key, weight=of_real)))
    views = list(_views(problem, *sides))
    found = {}
    for done, view in enumerate(views):
        advance(done, len(views))
        if len(view.problem.schema.unit.variables) > 1 and view.left:
            tables_of_view = view.records, view.microdata
            found[view.name] = evaluate(view.problem, *tables_of_view, weight=WEIGHT, known=view.known, random_seed=random_seed)
    advance(len(views), len(views))
    if not found:
        message = "every pair of variables was a target, or is missing in the microdata, so nothing is left to judge"
        raise InputError([Finding(where="evaluate", message=message, cure="leave some table out of the targets")])
    return _with_rules(found, problem, ruled(problem, *(side.units for side in sides)))


def _with_rules(found: Mapping[str, Evaluation], problem: Problem, rules: Sequence[Ruled]) -> dict[str, Evaluation]:
    """The same, each rule with the rows that it speaks of, or with the first kind where these are not compared."""
    names, first = [level.name for level in problem.schema], next(iter(found))

    def of(view: str) -> dict[str, Any]:
        own = [one for one in rules if (names[one.level] if names[one.level] in found else first) == view]
        return {
            "sources": {one.text: one.source for one in own},
            "violations": {one.text: one.made for one in own if one.made is not None},
            "real_violations": {one.text: one.real for one in own if one.real is not None},
        }

    return {view: replace(one, **of(view)) for view, one in found.items()}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """One kind of row as flat records.

    Attributes:
        name: for people.
        problem: their variables, targets and rules.
        records: synthetic ones.
        microdata: real ones.
        known: positions of variables that are not to be compared.
        fewest: rows with which it is compared.
    """

    name: str
    problem: Problem
    records: pl.DataFrame
    microdata: pl.DataFrame
    known: tuple[tuple[int, ...], ...]
    fewest: int = 1

    @property
    def left(self) -> bool:
        """Whether any pair is left to be compared, among rows enough."""
        held = [set(one) for one in (*self.known, *(target.columns for target in self.problem.counts if target.flat))]
        pairs = combinations([v for v, one in enumerate(self.problem.schema.unit.variables) if one.size > 1], 2)
        return min(self.records.height, self.microdata.height) >= self.fewest and any(
            not any(set(pair) <= one for one in held) for pair in pairs
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Side:
    """Records or microdata.

    Attributes:
        units: with what follows from their members.
    """

    units: SampledUnits

    def knows(self, ref: Ref) -> bool:
        return (ref.level, ref.column) in self.units.known

    def table(self, refs: Mapping[str, Ref], rows: CellIndex, level: int) -> pl.DataFrame:
        """What some rows of a level see, and the weights of their units."""
        columns = [self.column(ref, level, rows).alias(name) for name, ref in refs.items()]
        return pl.DataFrame([*columns, self.weights(rows, level)])

    def weights(self, rows: CellIndex, level: int) -> pl.Series:
        """Of the units of some rows."""
        return pl.Series(WEIGHT, self.units.weights[self.units.units.above(0, level)][rows])

    def with_role(self, role: Role, at: int) -> CellIndex:
        """Rows with a role."""
        return np.flatnonzero(self.units.units.column(Ref(at, role.column)) == role.code)

    def next_with_role(self, role: Role, at: int, by: Ref) -> tuple[CellIndex, CellIndex]:
        """Rows with a role, the greatest of a unit by some column first, and the next of the same unit after each."""
        rows, unit = self.with_role(role, at), self.units.units.above(0, at)
        values = self.column(by, at, rows)
        numbers = values.cast(pl.Float64).to_numpy() if values.dtype.is_numeric() else self.units.units.column(by)[rows]
        rows = rows[np.lexsort((-numbers, unit[rows]))]
        follows = np.flatnonzero(unit[rows[:-1]] == unit[rows[1:]])
        return rows[follows], rows[follows + 1]

    def column(self, ref: Ref, level: int, rows: CellIndex) -> pl.Series:
        """Values as the file has them; what was counted, and is in no file, as labels."""
        variable = self.units.problem.schema.variable(ref)
        seen = self.units.units.seen(ref, level)[rows] if ref.role is not None or ref.level != level else rows
        frame = self.units.frames[ref.level]
        if variable.name in frame.columns:
            return frame[variable.name].gather(seen)
        codes = self.units.units.column(Ref(ref.level, ref.column))[seen]
        return pl.Series(variable.name, np.array(variable.labels, object)[codes].tolist(), pl.String)


def _views(problem: Problem, records: _Side, microdata: _Side) -> Iterator[_View]:
    """Every kind of row that both sides hold."""
    schema, sides = problem.schema, (records, microdata)
    for at in sorted(set(records.units.frames) & set(microdata.units.frames)):
        own = {variable.name: Ref(at, column) for column, variable in enumerate(schema.levels[at].variables)}
        above = {variable.name: Ref(0, column) for column, variable in enumerate(schema.unit.variables)} if at else {}
        refs = {name: ref for name, ref in (above | own).items() if records.knows(ref) and microdata.knows(ref)}
        together = [name for name, ref in refs.items() if at and not ref.level]
        tables = [side.table(refs, np.arange(side.units.units.n_rows(at)), at) for side in sides]
        yield _view(problem, schema.levels[at].name, refs, at, tables, [together])
        level = schema.levels[at]
        role = Ref(at, level.position(level.role)) if level.role else None
        if role is not None and all(side.knows(role) for side in sides):
            theirs = [ref for name, ref in refs.items() if name in own and ref != role]
            fewest = max(int(FEWEST * min(table.height for table in tables)), 1)
            yield from (replace(view, fewest=fewest) for view in _pairs(problem, at, theirs, sides))
            if schema.above(at) == 0:
                yield _numbers(problem, at, [ref for name, ref in refs.items() if name in above], sides)


def _pairs(problem: Problem, at: int, own: Sequence[Ref], sides: Sequence[_Side]) -> Iterator[_View]:
    """Of two members by their roles, what one has by what the other has."""
    level = problem.schema.levels[at]
    every = level.variables[level.position(level.role)].labels
    single = [role for role in every if level.roles.get(role) == 1]
    several = [role for role in every if role not in single]

    if not own:
        return  # of whom nothing but the role is known

    def of(name: str, **as_seen: Any) -> dict[str, Ref]:
        return {f"{name}.{problem.schema.variable(ref).name}": replace(ref, **as_seen) for ref in own}

    for one, other in combinations(single, 2):
        roles = level.role_of(one), level.role_of(other)
        mine, theirs = of(one, role=roles[0]), of(other, role=roles[1])
        tables = [side.table(mine | theirs, _with_both(side, roles, at), 0) for side in sides]
        yield _view(problem, f"{one} and {other}", mine | theirs, 0, tables, [list(mine), list(theirs)])
    for one, other in product(single[:1], several):
        mine, theirs, tables = of(one, role=level.role_of(one)), of(other, among=level.role_of(other)), []
        for side in sides:
            rows = side.with_role(level.role_of(other), at)
            there = np.logical_and.reduce([side.units.units.column(ref, at)[rows] >= 0 for ref in mine.values()])
            tables.append(side.table(mine | theirs, rows[there], at))
        yield _view(problem, f"{one} and {other}", mine | theirs, at, tables, [list(mine), list(theirs)])
    by = next((ref for ref in own if problem.schema.variable(ref).numeric), None)
    for role in several if by is not None else ():
        assert by is not None
        yield _siblings(problem, at, of(role, among=level.role_of(role)), by, sides)


def _siblings(problem: Problem, at: int, mine: Mapping[str, Ref], by: Ref, sides: Sequence[_Side]) -> _View:
    """Of two members with the same role, one after the other, what one has by what the other has."""
    role = next(iter(mine.values())).among
    assert role is not None
    called = problem.schema.levels[at].variables[role.column].labels[role.code]
    theirs = {f"next {name}": replace(ref, step=1) for name, ref in mine.items()}
    tables = []
    for side in sides:
        rows, after = side.next_with_role(role, at, by)
        columns = [side.column(ref, at, rows).alias(name) for name, ref in mine.items()]
        columns += [side.column(ref, at, after).alias(name) for name, ref in theirs.items()]
        tables.append(pl.DataFrame([*columns, side.weights(rows, at)]))
    return _view(problem, f"{called} and next {called}", {**mine, **theirs}, at, tables, [list(mine), list(theirs)])


def _numbers(problem: Problem, at: int, above: Sequence[Ref], sides: Sequence[_Side]) -> _View:
    """How many members of each role units have, by each other and by the units' own variables."""
    level, unit = problem.schema.levels[at], problem.schema.unit
    refs, numbers = {unit.variables[ref.column].name: ref for ref in above}, dict[str, Variable]()
    counts = list[dict[str, CellIndex]]([{} for _ in sides])
    for code, label in enumerate(level.variables[level.position(level.role)].labels):
        role, name = Role(level.position(level.role), code), f"count({label})"
        for side, found in zip(sides, counts, strict=True):
            unit_of = side.units.units.above(0, at)[side.with_role(role, at)]
            found[name] = np.bincount(unit_of, minlength=len(side.units.units))
        most = max(int(found[name].max(initial=0)) for found in counts)
        if min(int(found[name].min(initial=most)) for found in counts) < most:
            bins = list(range(min(most, MOST_TOLD) + 1))
            numbers[name] = Integer(type="integer", min=0, max=most, bins=bins).build(name)
    tables = []
    for side, found in zip(sides, counts, strict=True):
        own = side.table(refs, np.arange(len(side.units.units)), 0)
        tables.append(own.with_columns([pl.Series(name, found[name]) for name in numbers]))
    return _view(problem, f"{level.name}s of a {unit.name}", refs, 0, tables, [list(refs)], numbers)


def _with_both(side: _Side, roles: Sequence[Role], at: int) -> CellIndex:
    """Units that have a member with each of some roles."""
    there = [side.units.units.column(Ref(at, role.column, role=role), 0) >= 0 for role in roles]
    return np.flatnonzero(np.logical_and.reduce(there))


def _view(
    problem: Problem,
    name: str,
    refs: Mapping[str, Ref],
    level: int,
    tables: Sequence[pl.DataFrame],
    together: Sequence[Sequence[str]],
    more: Mapping[str, Variable] = MappingProxyType({}),
) -> _View:
    """Rows of a level as flat records of what they see, and of more; of variables that stand together no pair is compared."""
    places = {ref: place for place, ref in enumerate(refs.values())}
    variables: list[Variable] = [replace(problem.schema.variable(ref), name=called) for called, ref in refs.items()]
    flat = Schema(levels=(Level(name=name, variables=(*variables, *more.values())),))
    targets, known = list[Target](), [tuple(list(refs).index(one) for one in these) for these in together if these]
    for target in problem.counts:
        seen = {axis.ref if axis.declared else replace(axis.ref, column=axis.position) for axis in target.axes}
        if not seen <= set(places):
            continue
        if target.level == level and target.grid.universe is None and all(axis.declared for axis in target.axes):
            targets.append(_onto(target, places))
        elif target.level == level:
            known.append(tuple(sorted(places[ref] for ref in seen)))
    flattened = replace(problem, schema=flat, targets=tuple(targets), rules=())  # which are judged on whole units
    return _View(name=name, problem=flattened, records=tables[0], microdata=tables[1], known=tuple(known))


def _onto(target: Target, places: Mapping[Ref, int]) -> Target:
    """A target of rows as one of flat records."""
    axes = tuple(replace(axis, position=places[axis.ref], ref=Ref(0, places[axis.ref])) for axis in target.axes)
    return replace(target, level=0, grid=replace(target.grid, axes=axes))
