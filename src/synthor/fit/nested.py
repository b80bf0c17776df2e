"""What is known and believed of units with members, as a template from which candidates are drawn.

Tables say what they can: shares of each role's variables, how many members there are of each, pairs of variables of one row or
of a row and its unit. What nothing says is as even as it can be. The template need not meet the tables, for the fit does that;
it has to hold every kind of unit that they want, about as often.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthor.errors import Finding, InputError
from synthor.ipf import ipf
from synthor.prior.beliefs import FLOOR_CELL, TABLE_STRENGTH, Beliefs, BelievedTable
from synthor.prior.compositions import level_of_roles
from synthor.prior.template import SURE, Believed, Composition, Dependence, Members, Size, Template, WholeComposition
from synthor.problem import Axis, Problem, Target
from synthor.problem.following import Followed, derived
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Role, Schema, Units, Variable
from synthor.schema.crossed import n_crossed
from synthor.spec.levels import LevelForm, levels_of
from synthor.spec.members import HowMany
from synthor.types import Codes, Floats, Shares

FEW_MEMBERS, MOST_MEMBERS = 3, 15
"""Members of a row above beyond the fewest where nothing tells how many there are; and at most, where there is no limit."""

MOST_STRUCTURES = 2_000
"""Combinations of the unit's variables that are drawn before its members."""

SWEEPS, NEAR = 200, 1e-9
"""Cycles of fitting a marginal to what several tables say of it, and the gap that is left."""

ROUGHLY = 1e-6
"""The gap that is left where a table of all rows is fitted to those with a role."""

FLOOR = 1e-4
"""Share that each category has at least where no table tells."""


def template_of(problem: Problem, beliefs: Beliefs) -> Template:
    """What is known and believed as a way to make a unit.

    Raises:
        InputError: the spec does not say how units are made, or says something that is read, but not made yet.
    """
    if len(levels_of(problem.spec)) != len(problem.schema.levels):
        unit, *members = (level.name for level in problem.schema)
        message = (
            f"units of '{unit}' have {', '.join(members)}, of which the spec says nothing, so that no candidates can be drawn"
        )
        raise InputError([Finding(where="members", message=message, cure="declare them in the spec, or hand candidates in")])
    told = _Told(problem, beliefs)
    for form in told.forms:
        if form.roles and form.name != (told.with_roles and problem.schema.levels[told.with_roles].name):
            message = (
                f"how many {form.name} have each role is read, but not made yet: roles have numbers at one level below the unit"
            )
            raise InputError([Finding(where=f"members.{form.name}.roles", message=message, cure="leave `roles` out there")])
    return told.template


@dataclass(frozen=True, slots=True, eq=False, kw_only=True)
class _Mix:
    """How many members of each role units have on average, by one of their variables.

    Attributes:
        column: of the unit.
        each: (finest bins, roles), NaN where nothing tells of a role.
        strength: of the table that tells.
    """

    column: int
    each: Floats
    strength: float


@dataclass(frozen=True, eq=False)
class _Told:
    """What tables and beliefs say, by level and variable, in the finest bins."""

    problem: Problem
    beliefs: Beliefs

    @cached_property
    def schema(self) -> Schema:
        return self.problem.schema.refined

    @cached_property
    def forms(self) -> tuple[LevelForm, ...]:
        return levels_of(self.problem.spec)

    @cached_property
    def follows(self) -> tuple[Followed, ...]:
        found = self.problem.follows
        deeper = [one for one in found if one.level]
        if deeper:
            name = self.schema.levels[deeper[0].level].variables[deeper[0].position].name
            message = "variables of members that follow from members of theirs are read, but not made yet"
            raise InputError([Finding(where=f"variables.{name}", message=message, cure="leave it out")])
        return found

    @property
    def template(self) -> Template:
        unit = self.schema.unit
        own = {one.position for one in self.follows}
        structural = self._structural
        rest = [column for column in range(len(unit.variables)) if column not in {*structural, *own}]
        return Template(
            schema=self.schema,
            structural={column: self._of_unit(column) for column in structural},
            composition=self._composition(),
            members=tuple(self._members()),
            numbers=dict(self._numbers()),
            rest={column: self._of_unit(column) for column in rest},
            derive=self._derive if self.follows else None,
            derived=tuple(sorted(own - set(structural))),
            rules=self.problem.rules,
        )

    def _derive(self, units: Units) -> Units:
        return derived(self.follows, self.schema, units)

    # --- the unit -----------------------------------------------------------------------------------------------------------

    @cached_property
    def with_roles(self) -> int | None:
        """The level whose members roles tell apart; the first of several."""
        return level_of_roles(self.problem)

    @cached_property
    def size(self) -> int | None:
        """The unit's variable that counts them all."""
        for one in self.follows:
            counts = one.fold is not None and one.fold.name == "count" and one.role is None and one.condition is None
            if counts and one.level == 0 and one.below == self.with_roles:
                return one.position
        return None

    @cached_property
    def _structural(self) -> list[int]:
        """Variables of the unit that its members hang on: how many there are, and what tables or rules tie to what follows."""
        unit, own = self.schema.unit, {one.position for one in self.follows}
        found = [] if self.size is None else [self.size]
        together = [set(target.columns) for target in self.problem.targets if target.flat]
        together += [
            {unit.position(name) for name in names_in(rule.predicate) if name in unit.names}
            for rule in self.problem.rules
            if rule.level == 0
        ]
        tied = {column for some in together if some & own for column in some - own}
        tied |= {mix.column for mix in self._mixes} - (own - set(self._copies))
        for column in sorted(tied):
            if n_crossed([unit.variables[one].size for one in (*found, column)]) <= MOST_STRUCTURES:
                found.append(column)
        return sorted(found)

    @cached_property
    def _copies(self) -> Mapping[int, Followed]:
        """Variables of the unit that are what its one member with a role has, who is always there: by column."""
        found = {}
        for one in self.follows:
            if one.fold is None and one.role is not None and one.below == self.with_roles:
                label = self.schema.levels[one.below].variables[one.role.column].labels[one.role.code]
                number = self.forms[one.below].roles.get(label, HowMany())
                if number.min == number.max == 1:
                    found[one.position] = one
        return found

    def _of_unit(self, column: int) -> Believed:
        return Believed(marginal=self._shares(0, column), tables=tuple(self._tables(0, column, None)))

    # --- members ------------------------------------------------------------------------------------------------------------

    def _rows_a_unit(self, level: int) -> float | None:
        """Rows of a level for each row above it, if tables tell."""
        above = self.schema.above(level)
        known = [1.0 if at == 0 else self._n_rows(at) for at in (above or 0, level)]
        own, parent = known[1], self.problem.n_units if not above else known[0]
        return None if own is None or not parent else own / parent

    def _n_rows(self, level: int) -> float | None:
        for target in self.problem.counts:
            if target.level == level and target.whole and target.statistic.word in ("count", "share"):
                return float(target.wanted.sum())
        return None

    def _expected(self, level: int) -> float:
        known, number = self._rows_a_unit(level), self.forms[level].number
        if known is not None:
            return known
        return (number.min + min(number.max or number.min + FEW_MEMBERS, number.min + FEW_MEMBERS)) / 2

    def _composition(self) -> Composition | None:
        level = self.with_roles
        if level is None:
            return None
        form, own = self.forms[level], self.schema.levels[level]
        most = form.number.max if form.number.max is not None else MOST_MEMBERS
        role_shares, expected = self._shares(level, own.position(own.role)), self._expected(level)
        roles = {}
        for code, label in enumerate(own.variables[own.position(own.role)].labels):
            number = form.roles.get(label, HowMany())
            tables = tuple(self._by_unit(code, number, most))
            roles[code] = Believed(marginal=_numbers(expected * role_shares[code], number, most), tables=tables)
        size = None if self.size is None else self._size(self.size, most, expected)
        whole = tuple(
            WholeComposition(numbers=numbers, share=share, of_as_many=True)
            for numbers, share in self.beliefs.compositions.items()
            if sum(numbers) <= most
        )
        return Composition(level=level, roles=roles, least=form.number.min, most=most, size=size, whole=whole)

    @cached_property
    def _mixes(self) -> tuple["_Mix", ...]:
        """How many members of each role units of some kind have, as tables of roles by a variable of the unit tell."""
        level = self.with_roles
        return () if level is None else (*self._published_mixes(level), *self._believed_mixes(level))

    def _published_mixes(self, level: int) -> Iterator["_Mix"]:
        role = Ref(level, self.schema.levels[level].position(self.schema.levels[level].role))
        for target in self.problem.counts:
            if target.level != level or len(target.axes) != 2 or not target.grid.covers or target.grid.listed is not None:
                continue
            for own, other in ((0, 1), (1, 0)):
                axis, roles = target.axes[other], target.axes[own]
                if roles.ref != role or not axis.ref.plain or axis.ref.level:
                    continue
                of, alone = self._finest(axis), np.bincount(roles.group_of)[roles.group_of] == 1
                units = np.bincount(of, self._shares(0, axis.position), axis.size) * self.problem.n_units
                members = np.moveaxis(target.wanted.reshape(target.shape), own, 1)[:, roles.group_of]
                each = np.divide(members, units[:, None], out=np.zeros(members.shape), where=units[:, None] > 0)
                each[:, ~alone] = np.nan  # told of several roles together
                yield _Mix(column=axis.position, each=each[of], strength=SURE * TABLE_STRENGTH)

    def _believed_mixes(self, level: int) -> Iterator["_Mix"]:
        role = Ref(level, self.schema.levels[level].position(self.schema.levels[level].role))
        for table in self.beliefs.tables:
            for own, other in ((0, 1), (1, 0)):
                ref = table.refs[other]
                if table.level != level or table.refs[own] != role or not ref.plain or ref.level:
                    continue
                grouped = (table.grouped if own == 1 else table.grouped.T)[:, table.group_of[own]]
                sums = grouped.sum(axis=1, keepdims=True)
                shares = np.divide(grouped, sums, out=np.zeros(grouped.shape), where=sums > 0)
                rows = shares[self._fine_groups(ref, table.group_of[other])]
                size = np.full(len(rows), self._expected(level))
                if ref.column == self.size:
                    low, high = self.schema.unit.variables[ref.column].ends
                    size = np.minimum((low + high) / 2, self.forms[level].number.max or MOST_MEMBERS)
                yield _Mix(column=ref.column, each=rows * size[:, None], strength=table.strength)

    def _by_unit(self, code: int, number: HowMany, most: int) -> Iterator[Dependence]:
        """How many members with a role there are, given a variable of the unit that a table of roles is by."""
        for mix in self._mixes:
            expected = mix.each[:, code]
            if mix.column in self._structural and not np.isnan(expected).any():  # else it is drawn after its members
                rows = {each: _numbers(each, number, most) for each in set(expected.tolist())}
                table = np.array([rows[each] for each in expected.tolist()])
                yield Dependence(given=Ref(0, mix.column), rows=table, strength=mix.strength)

    def _size(self, column: int, most: int, expected: float) -> Size:
        """How many members each category of the size stands for; of an open one, so that all members come out as counted."""
        variable = self.schema.unit.variables[column]
        shares = self._shares(0, column)
        low, high = variable.low.astype(np.int64), np.minimum(variable.high, most).astype(np.int64)
        least, top = 0.01, 0.99
        for _ in range(40):
            ratio = (least + top) / 2
            totals = np.zeros((variable.size, most + 1))
            for code in range(variable.n_valued):
                inside = np.arange(low[code], high[code] + 1)
                totals[code, inside] = ratio ** (inside - low[code])
            totals /= np.maximum(totals.sum(axis=1, keepdims=True), 1e-300)
            if float(shares @ (totals @ np.arange(most + 1))) < expected:
                least = ratio
            else:
                top = ratio
        return Size(column=column, totals=totals)

    def _members(self) -> Iterator[Members]:
        for level, own in enumerate(self.schema.levels[1:], start=1):
            role = own.position(own.role) if level == self.with_roles else None
            codes: Sequence[int | None] = [None] if role is None else range(own.variables[role].size)
            ages = [column for column, variable in enumerate(own.variables) if variable.numeric]
            for code in codes:
                several = (
                    own.roles.get(own.variables[role].labels[code]) != 1 if role is not None and code is not None else True
                )
                variables = {
                    column: Believed(
                        marginal=self._shares(level, column, code), tables=tuple(self._tables(level, column, code))
                    )
                    for column in range(len(own.variables))
                    if column != role
                }
                first = ages[0] if several and ages and not own.ordered else None
                yield Members(level=level, role=code, variables=variables, oldest_first=first, copied=self._copied(level, code))

    def _copied(self, level: int, role: int | None) -> Mapping[int, tuple[int, Codes]]:
        """Of the member whose variables structural ones of the unit are copied from: which these are."""
        found = {}
        for column in self._structural:
            one = self._copies.get(column)
            if one is not None and one.source is not None and one.below == level and one.role == self._role(level, role):
                found[one.source] = column, one.of_source(self.schema)
        return found

    def _numbers(self) -> Iterator[tuple[int, Believed]]:
        for level in range(1, len(self.schema.levels)):
            if level != self.with_roles:
                number = self.forms[level].number
                most = number.max if number.max is not None else MOST_MEMBERS
                yield level, Believed(marginal=_numbers(self._expected(level), number, most))

    # --- what tables say ----------------------------------------------------------------------------------------------------

    def _shares(self, level: int, column: int, role: int | None = None) -> Shares:
        """Shares of a variable's finest bins among the rows of a level, or of those with a role, as far as tables tell."""
        variable, own = self.schema.levels[level].variables[column], self._role(level, role)
        declared = None if own is None else self.beliefs.of_members.get(Ref(level, column, role=own))
        believed = None if declared is None else self._inside(level, column, variable, declared)
        if believed is None and own is not None:
            believed = self._by_role(level, column, own)
        even = self._even(level, column, variable) if believed is None else believed
        sums = []
        for target in self.problem.counts:
            for place, axis in enumerate(target.axes):
                if target.level == level and axis.ref.plain and (axis.ref.level, axis.position) == (level, column):
                    side = self._side(target, place, level, role, of_all=believed is None)
                    if side is not None and side.sum() > 0:
                        of = self._finest(axis)
                        share = side / side.sum()
                        sums.append((np.where(of < 0, len(side), of), share, share))
        if not sums:
            return even
        sums.sort(key=lambda one: len(one[1]))
        found = ipf(even, sums, sweeps=SWEEPS, tolerance=NEAR)[0]
        return np.asarray(found / found.sum())

    def _by_role(self, level: int, column: int, role: Role) -> Shares | None:
        """Shares of a variable's finest bins among those with a role, as a table of the two is believed; the surest of them."""
        ends = Ref(level, column), Ref(level, role.column)
        for table in sorted(self.beliefs.tables, key=lambda table: -table.strength):
            if set(table.refs) == set(ends) and table.level == level:
                of, given = table.refs.index(ends[0]), table.refs.index(ends[1])
                grouped = table.grouped if of == 1 else table.grouped.T
                even = self._even(level, column, self.schema.levels[level].variables[column])
                row = _spread(grouped, table.group_of[given], self._fine_groups(ends[0], table.group_of[of]), even)[role.code]
                if row.sum() > 0:
                    return np.asarray(row / row.sum())
        return None

    def _role(self, level: int, code: int | None) -> Role | None:
        own = self.schema.levels[level]
        return None if code is None else Role(own.position(own.role), code)

    def _side(self, target: Target, place: int, level: int, role: int | None, *, of_all: bool) -> Floats | None:
        """A table's marginal, of all rows or of those with a role; None where it speaks of others.

        Args:
            target: the table.
            place: of the side.
            level: whose rows are drawn.
            role: that they have; None where any is meant.
            of_all: whether what it says of all does for those with a role, too.
        """
        if target.grid.universe is not None or not target.axes[place].covers:
            return None
        at = self.schema.levels[level].position(self.schema.levels[level].role) if role is not None else None
        own = next((i for i, axis in enumerate(target.axes) if axis.ref.plain and axis.ref == Ref(level, at or 0)), None)
        if role is None or at is None or own is None or own == place or target.grid.listed is not None:
            return target.side(place) if target.grid.covers and (of_all or role is None) else None
        table = target.wanted.reshape(target.shape)
        kept = np.take(table, int(target.axes[own].group_of[role]), axis=own)
        other = place - (own < place)
        return np.asarray(kept.sum(axis=tuple(i for i in range(kept.ndim) if i != other)))

    def _even(self, level: int, column: int, variable: Variable) -> Shares:
        """As even as can be: what is believed of a variable, else values alike."""
        if level == 0:
            return self._inside(level, column, variable, self.beliefs.marginals[column])
        believed = self.beliefs.of_members.get(Ref(level, column))
        if believed is not None:
            return self._inside(level, column, variable, believed)
        width = _widths(variable)
        return np.asarray(width / width.sum())

    def _inside(self, level: int, column: int, variable: Variable, declared: Shares) -> Shares:
        """Shares of the finest bins from those of the declared ones: inside of these, values alike."""
        own, width = self.problem.schema.levels[level], _widths(variable)
        parents = own.parents(column) if column in own.slices else np.arange(variable.size)
        return np.asarray(declared[parents] * width / np.bincount(parents, width)[parents])

    def _finest(self, axis: Axis) -> Codes:
        """Label of each of a variable's finest bins."""
        own = self.problem.schema.levels[axis.ref.level]
        if axis.declared and axis.position in own.slices:
            return axis.group_of[own.parents(axis.position)]
        return axis.group_of

    def _tables(self, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        """Tables of a variable with another, published or believed, as rows of one kind see them."""
        for target in self.problem.counts:
            yield from self._published(target, level, column, role)
        for table in self.beliefs.tables:
            yield from self._believed(table, level, column, role)

    def _published(self, target: Target, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        if len(target.axes) != 2 or target.grid.listed is not None or target.wanted.sum() <= 0:
            return
        for of, given in ((0, 1), (1, 0)):
            own, other = target.axes[of], target.axes[given]
            seen = self._seen(own.ref, other.ref, target.level, own.position, level, column, role)
            if seen is None or self._is_role(other.ref):
                continue
            table = target.wanted.reshape(target.shape)
            table = table if of == 1 else table.T
            rows = _spread(table, self._finest(other), self._finest(own), self._even_of(own))
            ref = Ref(seen.level, other.position, role=seen.role)
            rows = self._among(rows, ref, Ref(level, column), role, of_all=own.ref.role is None)
            yield Dependence(given=ref, rows=rows, strength=SURE * TABLE_STRENGTH)

    def _believed(self, table: BelievedTable, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        for of, given in ((1, 0), (0, 1)):
            own, other = table.refs[of], table.refs[given]
            seen = self._seen(own, other, table.level, own.column, level, column, role)
            if seen is None or self._is_role(other):
                continue
            groups = [self._fine_groups(ref, table.group_of[i]) for i, ref in enumerate(table.refs)]
            grouped = table.grouped if of == 1 else table.grouped.T
            even = self._even(own.level, own.column, self.schema.levels[own.level].variables[own.column])
            rows = _spread(grouped, groups[given], groups[of], even)
            ref = Ref(seen.level, other.column, role=seen.role)
            of_all = own.role is None and own.among is None and other.among is None
            yield Dependence(
                given=ref, rows=self._among(rows, ref, Ref(level, column), role, of_all=of_all), strength=table.strength
            )

    def _among(self, rows: Floats, given: Ref, of: Ref, role: int | None, *, of_all: bool) -> Floats:
        """What a table of all rows says of those with a role: its odds ratios, beside how these are otherwise.

        Heads are as married as heads are, and more so at some ages than at others by as much as all persons are.
        """
        if role is None or not of_all:
            return rows
        own = role if given.level == of.level and given.role is None else None
        first = self._shares(given.level, given.column, own if given.role is None else given.role.code)
        second = self._shares(of.level, of.column, role)
        shares = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300)
        cells = np.maximum(shares, FLOOR_CELL) * first[:, None]
        row, column = (side.ravel() for side in np.indices(cells.shape))
        found = ipf(cells.ravel(), [(row, first, first), (column, second, second)], sweeps=SWEEPS, tolerance=ROUGHLY)[0]
        return np.where(rows.sum(axis=1, keepdims=True) > 0, found.reshape(cells.shape), 0.0)

    def _even_of(self, axis: Axis) -> Shares:
        level = axis.ref.level
        return self._even(level, axis.position, self.schema.levels[level].variables[axis.position])

    def _fine_groups(self, ref: Ref, group_of: Codes) -> Codes:
        own = self.problem.schema.levels[ref.level]
        return group_of[own.parents(ref.column)] if ref.column in own.slices else group_of

    def _is_role(self, ref: Ref) -> bool:
        own = self.schema.levels[ref.level]
        return bool(own.role) and ref.column == own.position(own.role)

    def _seen(self, own: Ref, other: Ref, rows: int, position: int, level: int, column: int, role: int | None) -> Ref | None:
        """How the rows that are drawn see the other side of a table; None where it is not about their variable."""
        if (own.level, position) != (level, column) or own.step or other.step:
            return None
        if any(one is not None and one.code != role for one in (own.role, own.among, other.among)):
            return None
        if own.role is None and own.level != rows and own.level:
            return None
        if other.role is not None and role is not None and other.role.code == role:
            return Ref(other.level, other.column)  # the only one of its role is the row itself
        return other if other.among is None else Ref(other.level, other.column)


def _widths(variable: Variable) -> Floats:
    """How many values each bin holds, (k,)."""
    low, high = variable.ends
    width = high - low + 10.0**-variable.decimals if variable.numeric else np.ones(variable.size)
    return np.where(np.isnan(variable.low), width.mean(), width)


def _spread(table: Floats, given: Codes, of: Codes, even: Shares) -> Floats:
    """Rows for each fine category of `given`, over the fine ones of `of`: inside a label as even as can be."""
    inside = np.where(of >= 0, even, 0.0)
    whole = np.bincount(of[of >= 0], inside[of >= 0], table.shape[1])
    share = np.where(of >= 0, inside / np.where(of >= 0, np.maximum(whole[np.maximum(of, 0)], 1e-300), 1.0), 0.0)
    rows = np.where(of >= 0, table[:, np.maximum(of, 0)], 0.0) * share
    return np.where((given >= 0)[:, None], rows[np.maximum(given, 0)], 0.0)


def _numbers(expected: float, number: HowMany, most: int) -> Shares:
    """Shares of each number of rows from 0 that are so many on average: as a Poisson distribution inside of what may be."""
    top = min(number.max if number.max is not None else most, most)
    inside = np.arange(number.min, top + 1)
    found = np.zeros(top + 1)
    low, high = -30.0, 30.0
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, top + 1)))])
    for _ in range(60):
        rate = (low + high) / 2
        logs = inside * rate - factorials[inside]
        weights = np.exp(logs - logs.max())
        weights /= weights.sum()
        low, high = (rate, high) if float(weights @ inside) < expected else (low, rate)
    found[inside] = np.maximum(weights, FLOOR if number.max != number.min else 0.0)
    return found / found.sum()
