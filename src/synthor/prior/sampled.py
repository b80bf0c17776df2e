"""Real units with their members as beliefs: what a file of households and one of their persons say of each pair of variables.

Pairs are those of households, those of persons, and what a person has by what its household has; of members of whom there is
one at most also what the two of a pair of roles have (`head.age` and `partner.age`). What follows from members is counted from
the sample's own. Of all these the tables that tell most are believed, as strongly as the sample is large: a pair that goes
together no more than chance lets it says nothing that is not assumed anyhow.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from synthor.disk.held import found as file_of
from synthor.errors import Finding, InputError, nearest
from synthor.information import effective_size, mutual_information
from synthor.prior.model import Dependency, Marginal
from synthor.problem import Problem
from synthor.problem.following import Followed
from synthor.problem.numbers_of_members import WrongNumber
from synthor.problem.unplaced import unplaced, weights_of
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Role, Schema, Units
from synthor.spec.model import SampleSpec, Spec
from synthor.spec.tables import read_frame
from synthor.types import CellIndex, Codes, Floats

MOST_TABLES = 60
"""Tables that are believed: those that tell most."""

MOST_CATEGORIES = 200
"""A variable with more has no table counted from a sample."""

CHANCE = 4.0
"""Standard deviations of what chance alone makes two variables tell of each other, beyond which they are taken to do so."""


@dataclass(frozen=True, kw_only=True, eq=False)
class SampledUnits:
    """Real units, as far as their files go.

    Attributes:
        problem: whose variables they have.
        units: in declared bins; columns that no file holds mean nothing.
        known: level and column of those that are there.
        weights: (n,) of the units.
        frames: the files, by level, members in the order of their units.
    """

    problem: Problem
    units: Units
    known: frozenset[tuple[int, int]]
    weights: Floats
    frames: Mapping[int, pl.DataFrame]

    @property
    def n_units(self) -> float:
        """How many units of equal weight they are worth."""
        return effective_size(self.weights)

    def tells(self, wrong: WrongNumber) -> bool:
        """Whether the files say how many of such members there are."""
        level = self.problem.schema.levels[wrong.of]
        return wrong.of in self.frames and (wrong.key != "roles" or (wrong.of, level.position(level.role)) in self.known)

    def of_unit(self) -> dict[int, Codes]:
        """Codes of the unit's variables that are known, by position."""
        return {column: self.units.column(Ref(0, column)) for level, column in sorted(self.known) if level == 0}

    def weighing(self, weights: Floats) -> "SampledUnits":
        """The same units with other weights."""
        return SampledUnits(problem=self.problem, units=self.units, known=self.known, weights=weights, frames=self.frames)

    def dependencies(self) -> list[Dependency]:
        """Tables of pairs, those that tell most first."""
        found = []
        for level, given, of in self._pairs():
            variables = [self.problem.schema.variable(ref) for ref in (given, of)]
            if max(variable.size for variable in variables) > MOST_CATEGORIES:
                continue
            table, n_rows = self._counted(level, given, of)
            told = mutual_information(table / table.sum()) if table.sum() > 0 else 0.0
            degrees = (np.count_nonzero(table.sum(axis=1)) - 1) * (np.count_nonzero(table.sum(axis=0)) - 1)
            if 2 * n_rows * told > degrees + CHANCE * np.sqrt(2 * degrees) and degrees > 0:
                found.append((n_rows * told, given, of, table))
        found.sort(key=lambda one: -one[0])
        return [self._dependency(given, of, table) for _, given, of, table in found[:MOST_TABLES]]

    def marginals(self, told: set[str]) -> list[Marginal]:
        """Shares of variables of which no target tells; not of those that somebody told already."""
        found = []
        for ref in [*(Ref(level, column) for level, column in sorted(self.known)), *self._single()]:
            name, size = self._name(ref), self.problem.schema.variable(ref).size
            if name in told or size > MOST_CATEGORIES or self._published(ref) or self._is_role(ref):
                continue
            level = self._seen_by(ref)
            codes = self.units.column(ref, level)
            weights = self.weights[self.units.above(0, level)] * (codes >= 0)
            if weights.sum() > 0:
                shares = np.bincount(np.maximum(codes, 0), weights, size) / weights.sum()
                found.append(Marginal(of=name, percent=np.round(100 * shares, 4).tolist()))
        return found

    def _published(self, ref: Ref) -> bool:
        if ref.level == 0:
            return self.problem.marginal(ref.column) is not None
        return ref.role is None and self.problem.marginal_of_rows(ref.level, ref) is not None

    def _is_role(self, ref: Ref) -> bool:
        own = self.problem.schema.levels[ref.level]
        return bool(own.role) and ref.column == own.position(own.role)

    @staticmethod
    def _seen_by(ref: Ref) -> int:
        """The level whose rows are counted: of one member by its role those of its unit."""
        return 0 if ref.role is not None else ref.level

    def _single(self) -> list[Ref]:
        """Known columns of members of whom there is one at most, by their role."""
        found = []
        for at, level in enumerate(self.problem.schema):
            if at and level.role and (at, level.position(level.role)) in self.known:
                for role in (role for role, most in level.roles.items() if most == 1):
                    columns = [
                        column for own, column in sorted(self.known) if own == at and column != level.position(level.role)
                    ]
                    found += [Ref(at, column, role=level.role_of(role)) for column in columns]
        return found

    def _pairs(self) -> Iterator[tuple[int, Ref, Ref]]:
        """A level whose rows are counted, and two columns that these see."""
        by_level = {at: [Ref(at, column) for level, column in sorted(self.known) if level == at] for at in self.frames}
        for at, refs in by_level.items():
            yield from ((at, one, other) for one, other in combinations(refs, 2))
            if at:
                yield from ((at, one, other) for one in by_level.get(0, []) for other in refs)
        by_variable: dict[tuple[int, int], list[Ref]] = {}
        for ref in self._single():
            by_variable.setdefault((ref.level, ref.column), []).append(ref)
        for refs in by_variable.values():
            yield from ((0, one, other) for one, other in combinations(refs, 2))

    def _counted(self, level: int, given: Ref, of: Ref) -> tuple[Floats, float]:
        """A table of two columns, and how many rows of equal weight it is of."""
        shape = [self.problem.schema.variable(ref).size for ref in (given, of)]
        codes = [self.units.column(ref, level) for ref in (given, of)]
        there = (codes[0] >= 0) & (codes[1] >= 0)
        weights = np.where(there, self.weights[self.units.above(0, level)], 0.0)
        index = np.where(there, codes[0].astype(np.int64) * shape[1] + codes[1], 0)
        table = np.bincount(index, weights, shape[0] * shape[1]).reshape(shape).astype(np.float64)
        return table, effective_size(weights) if weights.any() else 0.0

    def _dependency(self, given: Ref, of: Ref, table: Floats) -> Dependency:
        table = np.where(table.sum(axis=1, keepdims=True) > 0, table, table.sum(axis=0))  # a category that nobody has
        rows = np.round(100 * table / table.sum(axis=1, keepdims=True), 4)
        return Dependency(given=self._name(given), of=self._name(of), rows=rows.tolist(), records=round(self.n_units, 3))

    def _name(self, ref: Ref) -> str:
        """What beliefs call a column."""
        schema = self.problem.schema
        level, name = schema.levels[ref.level], schema.variable(ref).name
        if ref.role is not None:
            return f"{level.variables[ref.role.column].labels[ref.role.code]}.{name}"
        return name if schema.resolve(name) is not None else f"{level.name}.{name}"


def sampled_units(problem: Problem, spec: Spec, sample: SampleSpec) -> SampledUnits:
    """Real units read from a file a level.

    Args:
        problem: gives the levels and their variables.
        spec: in whose folder the files lie.
        sample: names them.

    Raises:
        InputError: a file cannot be read, keys do not fit, a value belongs to no category, or weights are none.
    """
    schema = problem.schema
    where = {schema.index(name): file for name, file in sample.files.items()}
    return joined_units(problem, _frames(schema, spec, sample, where), where, key=sample.key, weight=sample.weight)


def joined_units(
    problem: Problem,
    frames: Mapping[int, pl.DataFrame],
    where: Mapping[int, str],
    *,
    key: str | None,
    weight: str | None = None,
) -> SampledUnits:
    """Real units from a table a level, joined by a key.

    Args:
        problem: gives the levels and their variables.
        frames: tables of the unit and of levels right below it; columns that are missing are not known.
        where: what messages call each.
        key: column of all of them that says which unit a row is of.
        weight: column of the units' weights.

    Raises:
        InputError: keys do not fit, a value belongs to no category, or weights are none.
    """
    schema = problem.schema
    frames, parents = _joined(frames, where, key, schema.unit.name)
    findings: list[Finding] = []
    n_rows = [frames[at].height if at in frames else 0 for at in range(len(schema.levels))]
    codes = [np.zeros((n, len(level.columns)), np.int32) for n, level in zip(n_rows, schema, strict=True)]
    known = set[tuple[int, int]]()
    for at, frame in frames.items():
        for column, variable in enumerate(schema.levels[at].variables):
            if variable.name in frame.columns and not variable.kind.free:
                codes[at][:, column] = variable.encode(frame[variable.name])
                findings += unplaced(variable, frame[variable.name], codes[at][:, column], where=where[at])
                known.add((at, column))
    weights = np.ones(frames[0].height)
    if weight is not None and weight not in frames[0].columns:
        message = f"has no column '{weight}', which weight names"
        findings.append(Finding(where=where[0], message=message, cure=nearest(weight, frames[0].columns)))
    elif weight is not None:
        weights, wrong = weights_of(frames[0][weight], where=where[0])
        findings += wrong
    if not known:
        names = ", ".join(variable.name for variable in schema.unit.variables)
        message, cure = "holds none of the variables", f"name its columns {names}, or leave `sample` out"
        findings.append(Finding(where=where[0], message=message, cure=cure))
    if findings:
        raise InputError(findings)
    units = _together(schema, codes, parents)
    found = SampledUnits(problem=problem, units=units, known=frozenset(known), weights=weights, frames=frames)
    return _with_what_follows(found)


def _frames(schema: Schema, spec: Spec, sample: SampleSpec, where: Mapping[int, str]) -> dict[int, pl.DataFrame]:
    """The files, by level."""
    found = {}
    for level, file in sorted(where.items()):
        above = schema.above(level) if level else None
        if above:
            message = f"holds '{schema.levels[level].name}', which lies below '{schema.levels[above].name}'"
            cure = f"leave it out of `files`: files of '{schema.unit.name}' and of its own members are read"
            raise InputError([Finding(where=file, message=message, cure=cure)])
        variables, weight = schema.levels[level].variables, None if level else sample.weight
        found[level] = read_frame(file_of(spec.folder, file), shown=file, variables=variables, weight=weight)
        if not found[level].height:
            cure = "give a file with one row each, or leave `sample` out"
            raise InputError([Finding(where=file, message="holds no record, only a header", cure=cure)])
    return found


def _joined(
    frames: Mapping[int, pl.DataFrame], where: Mapping[int, str], key: str | None, unit: str
) -> tuple[dict[int, pl.DataFrame], dict[int, CellIndex]]:
    """Members in the order of their units, and the unit that each is of."""
    found, parents = {0: frames[0]}, dict[int, CellIndex]()
    if len(frames) == 1 or key is None:
        return found, parents
    for level, frame in frames.items():
        if key not in frame.columns:
            message = f"has no column '{key}', which key names"
            raise InputError([Finding(where=where[level], message=message, cure=nearest(key, frame.columns))])
    keys = frames[0].select(pl.col(key).cast(pl.String))
    own = frames[0].height - keys[key].drop_nulls().n_unique()
    if own:
        message = f"{own:,} of {frames[0].height:,} rows have no '{key}' of their own: it is empty, or there twice"
        raise InputError([Finding(where=where[0], message=message, cure=f"give each {unit} another key")])
    places = keys.with_row_index("place")
    for level, frame in ((level, frame) for level, frame in frames.items() if level):
        place = frame.select(pl.col(key).cast(pl.String)).join(places, on=key, how="left", maintain_order="left")["place"]
        if place.null_count():
            message = f"{place.null_count():,} of {frame.height:,} rows have a '{key}' that {where[0]} has not"
            raise InputError([Finding(where=where[level], message=message, cure=f"give each row the key of its {unit}")])
        order = np.argsort(place.to_numpy(), kind="stable")
        found[level], parents[level] = frame[order], place.to_numpy()[order].astype(np.int64)
    return found, parents


def _together(schema: Schema, codes: list[Codes], parents: Mapping[int, CellIndex]) -> Units:
    """Units of all levels; of those without a file there are none."""
    nobody = np.zeros(0, np.int64)
    levels = [Units.flat(own) for own in codes]
    above = [None if not at else (parents.get(at, nobody), schema.above(at) or 0) for at in range(len(schema.levels))]
    return Units.of_levels(levels, above)


def _with_what_follows(found: SampledUnits) -> SampledUnits:
    """The same units with what follows from members, where these say enough and no file has it."""
    problem, schema = found.problem, found.problem.schema
    units, known = found.units, set(found.known)
    for one in problem.follows:
        if one.level or (0, one.position) in known or not _says_enough(one, found):
            continue
        fine = _fine(one, found)
        if fine is None:
            continue
        own, frames = schema.unit, {schema.levels[at].name: frame for at, frame in found.frames.items()}
        if one.by_values:
            numbers = one.values(schema.refined, fine, frames)
            codes = one.coded(schema.refined.unit.variables[one.position], np.zeros(0) if numbers is None else numbers)
        else:
            codes = one.codes(schema.refined, fine)
        codes = own.parents(one.position)[codes].astype(np.int32) if one.position in own.slices else codes
        units = units.replace(Ref(0, one.position), slice(None), codes)
        known.add((0, one.position))
    return SampledUnits(problem=problem, units=units, known=frozenset(known), weights=found.weights, frames=found.frames)


def _columns_of(one: Followed, schema: Schema) -> set[int]:
    """Columns of the members that something follows from."""
    own = schema.levels[one.below]
    columns = {one.source} if one.source is not None else set()
    columns |= {one.role.column} if isinstance(one.role, Role) else set()
    if one.condition is not None:
        columns |= {own.position(name) for name in names_in(one.condition) if name in own.names}
    return columns


def _says_enough(one: Followed, found: SampledUnits) -> bool:
    schema = found.problem.schema
    if one.below not in found.frames or schema.above(one.below) != 0:
        return False
    named = set() if one.condition is None else names_in(one.condition) - schema.levels[one.below].names
    return not named and all((one.below, column) in found.known for column in _columns_of(one, schema))


def _fine(one: Followed, found: SampledUnits) -> Units | None:
    """The units in the finest bins, as far as something follows from them; None where the file holds bins, not numbers."""
    schema = found.problem.schema
    refined = schema.refined
    frame, codes = found.frames[one.below], []
    for at, level in enumerate(refined):
        codes.append(np.zeros((found.units.n_rows(at), len(level.variables)), np.int32))
    for column in _columns_of(one, schema):
        variable = refined.levels[one.below].variables[column]
        coded = variable.encode(frame[variable.name])
        if (coded < 0).any():
            return None
        codes[one.below][:, column] = coded
    parents = {at: found.units.above(0, at) for at in found.frames if at}
    return _together(refined, codes, parents)
