"""Realism of units with members against real ones: a comparison for each kind of row.

*Households* are compared in their own variables; *persons* in theirs and in what each has by its household; the *two of a pair
of roles* (`head and partner`) in what one has by what the other has. So every table that such rows can make is compared once.
Samples of real rows, from which equivalent sizes are read, are drawn as if rows were independent: of members, who are not, a
real sample of so many households shows less.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.evaluate.fidelity import Evaluation, evaluate
from synthor.prior.sampled import SampledUnits, joined_units
from synthor.problem import Problem, Target
from synthor.schema import Level, Ref, Role, Schema, Variable
from synthor.types import CellIndex

WEIGHT = "weight of the unit"
"""Column of the weights in tables that are made here."""

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
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _View:
    """One kind of row as flat records.

    Attributes:
        name: for people.
        problem: their variables, targets and rules.
        records: synthetic ones.
        microdata: real ones.
        known: positions of variables that are not to be compared.
    """

    name: str
    problem: Problem
    records: pl.DataFrame
    microdata: pl.DataFrame
    known: tuple[tuple[int, ...], ...]

    @property
    def left(self) -> bool:
        """Whether any pair is left to be compared, and any row."""
        held = [set(one) for one in (*self.known, *(target.columns for target in self.problem.counts if target.flat))]
        pairs = combinations(range(len(self.problem.schema.unit.variables)), 2)
        return min(self.records.height, self.microdata.height) > 0 and any(
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
        columns = [self._column(ref, level, rows).alias(name) for name, ref in refs.items()]
        weights = self.units.weights[self.units.units.above(0, level)][rows]
        return pl.DataFrame([*columns, pl.Series(WEIGHT, weights)])

    def _column(self, ref: Ref, level: int, rows: CellIndex) -> pl.Series:
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
    schema = problem.schema
    for at in sorted(set(records.units.frames) & set(microdata.units.frames)):
        own = {variable.name: Ref(at, column) for column, variable in enumerate(schema.levels[at].variables)}
        above = {variable.name: Ref(0, column) for column, variable in enumerate(schema.unit.variables)} if at else {}
        refs = {name: ref for name, ref in (above | own).items() if records.knows(ref) and microdata.knows(ref)}
        together = [name for name, ref in refs.items() if at and not ref.level]
        rows = [np.arange(side.units.units.n_rows(at)) for side in (records, microdata)]
        yield _view(problem, schema.levels[at].name, refs, at, (records, microdata), rows, [together])
        if at:
            yield from _pairs(problem, at, list(own.values()), records, microdata)


def _pairs(problem: Problem, at: int, own: Sequence[Ref], records: _Side, microdata: _Side) -> Iterator[_View]:
    """Of each two roles of whom there is one at most, what one has by what the other has."""
    level = problem.schema.levels[at]
    role = Ref(at, level.position(level.role)) if level.role else None
    if role is None or not all(side.knows(role) for side in (records, microdata)):
        return
    single = [name for name, most in level.roles.items() if most == 1]
    for one, other in combinations(single, 2):
        refs, together = dict[str, Ref](), list[list[str]]()
        for name in (one, other):
            code = level.role_of(name)
            mine = [ref for ref in own if ref != role and all(side.knows(ref) for side in (records, microdata))]
            these = {f"{name}.{problem.schema.variable(ref).name}": replace(ref, role=code) for ref in mine}
            refs |= these
            together.append(list(these))
        rows = [_with_both(side, [level.role_of(name) for name in (one, other)], at) for side in (records, microdata)]
        yield _view(problem, f"{one} and {other}", refs, 0, (records, microdata), rows, together)


def _with_both(side: _Side, roles: Sequence[Role], at: int) -> CellIndex:
    """Units that have a member with each of some roles."""
    there = [side.units.units.column(Ref(at, role.column, role=role), 0) >= 0 for role in roles]
    return np.flatnonzero(np.logical_and.reduce(there))


def _view(
    problem: Problem,
    name: str,
    refs: Mapping[str, Ref],
    level: int,
    sides: Sequence[_Side],
    rows: Sequence[CellIndex],
    together: Sequence[Sequence[str]],
) -> _View:
    """Rows of a level as flat records of what they see; of variables that stand together no pair is compared."""
    places = {ref: place for place, ref in enumerate(refs.values())}
    variables: list[Variable] = [replace(problem.schema.variable(ref), name=called) for called, ref in refs.items()]
    flat = Schema(levels=(Level(name=name, variables=tuple(variables)),))
    targets, known = list[Target](), [tuple(list(refs).index(one) for one in these) for these in together if these]
    for target in problem.counts:
        seen = {axis.ref if axis.declared else replace(axis.ref, column=axis.position) for axis in target.axes}
        if not seen <= set(places):
            continue
        if target.level == level and target.grid.universe is None and all(axis.declared for axis in target.axes):
            targets.append(_onto(target, places))
        elif target.level == level:
            known.append(tuple(sorted(places[ref] for ref in seen)))
    tables = [side.table(refs, own, level) for side, own in zip(sides, rows, strict=True)]
    of_units = set(refs.values()) == {Ref(0, column) for column in range(len(problem.schema.unit.variables))}
    rules = problem.own_rules if of_units else ()
    flattened = replace(problem, schema=flat, targets=tuple(targets), rules=rules)
    return _View(name=name, problem=flattened, records=tables[0], microdata=tables[1], known=tuple(known))


def _onto(target: Target, places: Mapping[Ref, int]) -> Target:
    """A target of rows as one of flat records."""
    axes = tuple(replace(axis, position=places[axis.ref], ref=Ref(0, places[axis.ref])) for axis in target.axes)
    return replace(target, level=0, grid=replace(target.grid, axes=axes))
