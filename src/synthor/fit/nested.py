"""What is known and believed of units with members, as a template from which candidates are drawn.

Tables say what they can: shares of each role's variables, how many members there are of each, pairs of variables of one row or
of a row and its unit. What nothing says is as even as it can be. The template need not meet the tables, for the fit does that;
it has to hold every kind of unit that they want, about as often.
"""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synthor.errors import Finding, InputError
from synthor.fit.shares_by_role import SharesByRole
from synthor.prior.beliefs import TABLE_STRENGTH, Beliefs
from synthor.prior.compositions import level_of_roles
from synthor.prior.template import SURE, Believed, Composition, Dependence, Members, Size, Template, WholeComposition
from synthor.prior.template.closed_numbers import CountedRows, columns_of_numbers
from synthor.prior.template.closed_roles import columns_of_roles
from synthor.problem import Problem
from synthor.problem.following import Followed, derived
from synthor.rules.lifted import Beside
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Schema, Units
from synthor.schema.crossed import n_crossed
from synthor.spec.levels import LevelForm, levels_of
from synthor.spec.members import HowMany
from synthor.types import Codes, Floats, Shares

FEW_MEMBERS, MOST_MEMBERS = 3, 15
"""Members of a row above beyond the fewest where nothing tells how many there are; and at most, where there is no limit."""

MANY_MEMBERS = 10
"""Members of a unit, on all levels, from which on what they are together hardly ever suits what was drawn apart from them."""

ANOTHER = 0.5
"""Who is in the last category of a number of members has another one so often, where only shares of categories are told."""

MOST_STRUCTURES = 2_000
"""Combinations of the unit's variables that are drawn before its members."""

FLOOR = 1e-4
"""Share that no member of a role has at least, and one, where no table tells."""

ONE_MORE = 0.2
"""Who has a member of a role has one more at least so often."""

RARE, CLUSTERED = 0.5, 0.6
"""Members of a role that units have fewer of, on average, are not there independently: few units have lodgers, but many of
these have several. Their numbers fall like those of a logarithmic distribution, each k to 0.6 (k - 1) / k of the one before:
0.30, 0.40, 0.45. In a survey of the United States 0.18 to 0.29 of those with siblings, other relatives or others had one more,
and 0.36 to 0.58 of these yet another; in one of large families 0.35 to 0.79 of those with one of five kinds of relatives."""


def template_of(problem: Problem, beliefs: Beliefs, *, counted: Set[Ref] = frozenset()) -> Template:
    """What is known and believed as a way to make a unit.

    Args:
        problem: what is known.
        beliefs: what is believed.
        counted: variables that count all members and whose believed shares are to hold, where no table tells of them.

    Raises:
        InputError: the spec does not say how units are made.
    """
    refuse_undeclared(problem)
    return _Told(problem, beliefs, counted).template


def numbers_within(problem: Problem, beliefs: Beliefs, counts: Followed) -> Shares | None:
    """How many rows the units of each category have, as a template draws them, by a variable that counts all rows of a level.

    Args:
        problem: what is known.
        beliefs: what is believed.
        counts: the variable.

    Returns:
        (categories, numbers from 0), each row adding up to 1, or to 0 where there are no such numbers; None where nothing tells
        how many rows there are.
    """
    told = _Told(problem, beliefs)
    return None if told.rows_a_unit(counts.below) is None else told.numbers_of(counts)


def refuse_undeclared(problem: Problem) -> None:
    """Members that were handed in end here, where they must be made.

    Raises:
        InputError: the spec does not declare them.
    """
    if len(levels_of(problem.spec)) != len(problem.schema.levels):
        unit, *members = (level.name for level in problem.schema)
        message = (
            f"units of '{unit}' have {', '.join(members)}, of which the spec says nothing, so that no candidates can be drawn"
        )
        raise InputError([Finding(where="members", message=message, cure="declare them in the spec, or hand candidates in")])


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
    """What tables and beliefs say, as parts of a template."""

    problem: Problem
    beliefs: Beliefs
    by_belief: Set[Ref] = frozenset()

    @cached_property
    def said(self) -> SharesByRole:
        return SharesByRole(self.problem, self.beliefs, self._rows_by)

    @property
    def schema(self) -> Schema:
        return self.said.schema

    @cached_property
    def forms(self) -> tuple[LevelForm, ...]:
        return levels_of(self.problem.spec)

    @cached_property
    def follows(self) -> tuple[Followed, ...]:
        return self.problem.follows

    @property
    def template(self) -> Template:
        unit = self.schema.unit
        own = self._own(0)
        structural = self._structural
        rest = [column for column in range(len(unit.variables)) if column not in {*structural, *own}]
        return Template(
            schema=self.schema,
            structural={column: self._of_unit(column) for column in structural},
            composition=self._composition(),
            members=tuple(self._members()),
            numbers=dict(self._numbers()),
            by_role={level: self._by_role(level) for level in self._others_with_roles},
            counted=self._counted,
            rest={column: self._of_unit(column) for column in rest},
            derive=self._derive if self.follows else None,
            derived=tuple(sorted(own - set(structural))),
            derived_below={level: tuple(sorted(self._own(level))) for level in range(1, len(self.schema.levels))},
            rules=self.problem.rules,
        )

    def _own(self, level: int) -> set[int]:
        """Columns of a level that follow from members."""
        return {one.position for one in self.follows if one.level == level}

    def _derive(self, units: Units, random: np.random.Generator | None) -> Units:
        def drawn(level: int, column: int, codes: Codes) -> Floats:
            assert random is not None
            return np.asarray(self.said.shape(level, column).drawn(codes, random), np.float64)

        return derived(self.follows, self.schema, units, None if random is None else drawn)

    # --- the unit -----------------------------------------------------------------------------------------------------------

    @cached_property
    def with_roles(self) -> int | None:
        """The level right below the unit whose members roles tell apart; the first of several."""
        return level_of_roles(self.problem)

    @cached_property
    def _others_with_roles(self) -> tuple[int, ...]:
        """Other levels of which the spec says how many rows there are of some roles."""
        return tuple(level for level, form in enumerate(self.forms) if form.roles and level != self.with_roles)

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
        unit, own = self.schema.unit, self._own(0)
        found = [] if self.size is None else [self.size]
        together = [set(target.columns) for target in self.problem.targets if target.flat]
        together += [
            {unit.position(name) for name in names_in(rule.predicate) if name in unit.names}
            for rule in self.problem.rules
            if rule.level == 0
        ]
        tied = {column for some in together if some & own for column in some - own}
        tied |= {mix.column for mix in self._mixes} - (own - set(self._copies))
        if self.with_roles is not None:
            tied |= set(columns_of_roles(self.problem.rules, self.schema, self.with_roles)) - own
        for counted in self._counted_rows:
            if not self.schema.above(counted.level):
                tied |= set(columns_of_numbers(self.problem.rules, self.schema, counted)) - own
        for column in (*sorted(tied), *sorted(self._seen_by_members - tied - own)):
            if n_crossed([unit.variables[one].size for one in (*found, column)]) <= MOST_STRUCTURES:
                found.append(column)
        return sorted(found)

    @property
    def _seen_by_members(self) -> set[int]:
        """Variables of the unit that rules or tables tie to each of its members, where it has many.

        Drawn last, they would have to agree with all members by chance: of a school's classes hardly ever all are such as a
        primary school may have, and hardly ever are the ages of fifty pupils together those of one kind of school.
        """
        unit, found = self.schema.unit, set[int]()
        if sum(self._members_a_unit(level) for level in range(1, len(self.schema.levels))) < MANY_MEMBERS:
            return found
        for rule in self.problem.rules:
            path = self.schema.path(rule.level)
            nearer = {name for at in path[1:] for name in self.schema.levels[at].names}
            if rule.level and all(isinstance(one, Beside) for one in rule.derived):
                found |= {unit.position(name) for name in names_in(rule.predicate) & {*unit.names} - nearer}
        for target in self.problem.counts:
            seen = {axis.position for axis in target.axes if axis.ref.plain and not axis.ref.level}
            found |= seen if len(seen) < len(target.axes) else set()
        return found

    def _members_a_unit(self, level: int) -> float:
        """Rows of a level for each unit, as far as one can tell."""
        return float(np.prod([self._expected(at) for at in self.schema.path(level)[1:]]))

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
        return Believed(marginal=self.said.shares(0, column), tables=tuple(self.said.tables(0, column, None)))

    # --- members ------------------------------------------------------------------------------------------------------------

    def rows_a_unit(self, level: int) -> float | None:
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
        known, number = self.rows_a_unit(level), self.forms[level].number
        if known is not None:
            return known
        return (number.min + min(number.max or number.min + FEW_MEMBERS, number.min + FEW_MEMBERS)) / 2

    def _composition(self) -> Composition | None:
        level = self.with_roles
        if level is None:
            return None
        form, own = self.forms[level], self.schema.levels[level]
        most = form.number.max if form.number.max is not None else MOST_MEMBERS
        role_shares, expected = self.said.shares(level, own.position(own.role)), self._expected(level)
        roles = {}
        for code, label in enumerate(own.variables[own.position(own.role)].labels):
            number = form.roles.get(label, HowMany())
            mean = expected * role_shares[code]
            tables = tuple(self._by_unit(code, number, most, rare=mean < RARE))
            roles[code] = Believed(marginal=_numbers(mean, number, most, rare=mean < RARE), tables=tables)
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
                of, alone = self.said.finest(axis), np.bincount(roles.group_of)[roles.group_of] == 1
                units = np.bincount(of, self.said.shares(0, axis.position), axis.size) * self.problem.n_units
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
                rows = shares[self.said.fine_groups(ref, table.group_of[other])]
                size = np.full(len(rows), self._expected(level))
                if ref.column == self.size:
                    size = self._mean_sizes
                yield _Mix(column=ref.column, each=rows * size[:, None], strength=table.strength)

    def _rows_by(self, column: int, code: int) -> Shares | None:
        """How members with a role are spread over a variable of the unit: of a household of one nobody is a child."""
        units, expected = self.said.shares(0, column), None
        mixes = [mix for mix in self._mixes if mix.column == column and not np.isnan(mix.each[:, code]).any()]
        if mixes:
            expected = max(mixes, key=lambda mix: mix.strength).each[:, code]
        elif column == self.size and self.with_roles is not None:
            form, own = self.forms[self.with_roles], self.schema.levels[self.with_roles]
            numbers = [form.roles.get(label, HowMany()) for label in own.variables[own.position(own.role)].labels]
            always = sum(number.min for number in numbers if number.min == number.max)
            mine, others = numbers[code], self._mean_sizes - always
            expected = np.full(len(others), float(mine.min)) if mine.min == mine.max else np.maximum(others, 0.0)
        rows = None if expected is None else units * expected
        return None if rows is None or rows.sum() <= 0 else np.asarray(rows / rows.sum())

    def _by_unit(self, code: int, number: HowMany, most: int, *, rare: bool) -> Iterator[Dependence]:
        """How many members with a role there are, given a variable of the unit that a table of roles is by."""
        for mix in self._mixes:
            expected = mix.each[:, code]
            if mix.column in self._structural and not np.isnan(expected).any():  # else it is drawn after its members
                rows = {each: _numbers(each, number, most, rare=rare) for each in set(expected.tolist())}
                table = np.array([rows[each] for each in expected.tolist()])
                yield Dependence(given=Ref(0, mix.column), rows=table, strength=mix.strength)

    def _size(self, column: int, most: int, expected: float) -> Size:
        """How many members each category of the size stands for; of an open one, so that all members come out as counted."""
        return Size(column=column, totals=self._totals(0, column, most, expected))

    @cached_property
    def _mean_sizes(self) -> Floats:
        """Members of units in each category of the variable that counts them all."""
        assert self.size is not None
        assert self.with_roles is not None
        number = self.forms[self.with_roles].number
        most = number.max if number.max is not None else MOST_MEMBERS
        return np.asarray(self._totals(0, self.size, most, self._expected(self.with_roles)) @ np.arange(most + 1))

    def _totals(self, level: int, column: int, most: int, expected: float) -> Shares:
        """Shares of each number from 0 inside each category of a variable that counts, (categories, numbers)."""
        variable = self.schema.levels[level].variables[column]
        shares = self.said.shares(level, column)
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
        return totals

    def numbers_of(self, counts: Followed) -> Shares:
        """Shares of each number from 0 inside each category of a variable that counts, in its declared bins."""
        own, number = self.problem.schema.levels[counts.level], self.forms[counts.below].number
        most = number.max if number.max is not None else MOST_MEMBERS
        place = counts.level, counts.position
        found = self._totals(*place, most, self._expected(counts.below)) * self.said.shares(*place)[:, None]
        if counts.position in own.slices:
            parts, found = found, np.zeros((own.variables[counts.position].size, most + 1))
            np.add.at(found, own.parents(counts.position), parts)
        sums = found.sum(axis=1, keepdims=True)
        return np.divide(found, sums, out=np.zeros(found.shape), where=sums > 0)

    def _members(self) -> Iterator[Members]:
        for level, own in enumerate(self.schema.levels[1:], start=1):
            role = own.position(own.role) if level in (self.with_roles, *self._others_with_roles) else None
            codes: Sequence[int | None] = [None] if role is None else range(own.variables[role].size)
            free = [column for column in range(len(own.variables)) if column != role and column not in self._own(level)]
            ages = [column for column in free if own.variables[column].numeric]
            for code in codes:
                several = (
                    own.roles.get(own.variables[role].labels[code]) != 1 if role is not None and code is not None else True
                )
                variables = {
                    column: Believed(
                        marginal=self.said.shares(level, column, code), tables=tuple(self.said.tables(level, column, code))
                    )
                    for column in free
                }
                first = ages[0] if several and ages and not own.ordered else None
                yield Members(level=level, role=code, variables=variables, oldest_first=first, copied=self._copied(level, code))

    def _copied(self, level: int, role: int | None) -> Mapping[int, tuple[int, Codes]]:
        """Of the member whose variables structural ones of the unit are copied from: which these are."""
        found = {}
        for column in self._structural:
            one = self._copies.get(column)
            if one is not None and one.source is not None and one.below == level and one.role == self.said.role(level, role):
                found[one.source] = column, one.of_source(self.schema)
        return found

    def _numbers(self) -> Iterator[tuple[int, Believed]]:
        for level in self._without_composition:
            number = self.forms[level].number
            most = number.max if number.max is not None else MOST_MEMBERS
            counting = self._counting(level)
            if counting is None:
                believed = self._believed_numbers(level, number, most)
                yield level, Believed(marginal=_numbers(self._expected(level), number, most) if believed is None else believed)
                continue
            place = counting.level, counting.position
            each = self._totals(*place, most, self._expected(level))
            tables = (replace(table, rows=table.rows @ each) for table in self.said.tables(*place, None))
            yield level, Believed(marginal=self.said.shares(*place) @ each, tables=tuple(tables))

    def _believed_numbers(self, level: int, number: HowMany, most: int) -> Shares | None:
        """Shares of each number of rows of a level from 0, as those of a variable that counts them are believed, if any are.

        Numbers of one category are alike, but those of the last fall off: it may reach far.
        """
        for one in self._counts_all():
            if one.below == level and Ref(one.level, one.position) in self.by_belief:
                variable = self.schema.levels[one.level].variables[one.position]
                found = np.zeros(most + 1)
                for code, share in enumerate(self.said.shares(one.level, one.position)[: variable.n_valued]):
                    inside = np.arange(max(int(variable.low[code]), number.min), int(min(variable.high[code], most)) + 1)
                    each = np.power(ANOTHER if code == variable.n_valued - 1 else 1.0, np.arange(len(inside)))
                    found[inside] += share * each / max(each.sum(), 1e-300)
                if found.sum() > 0:
                    return np.asarray(found / found.sum())
        return None

    @cached_property
    def _without_composition(self) -> tuple[int, ...]:
        return tuple(level for level in range(1, len(self.schema.levels)) if level != self.with_roles)

    @cached_property
    def _counted(self) -> Mapping[int, int]:
        """For levels without a composition the column of the level above that counts all of their rows."""
        return {one.below: one.position for one in self._counts_all() if one.below in self._without_composition}

    @property
    def _counted_rows(self) -> Iterator[CountedRows]:
        """Rows whose number is drawn without a composition: all of a level, and those with each role."""
        for level in self._without_composition:
            yield CountedRows(level=level, column=self._counted.get(level))
            own = self.schema.levels[level]
            for code in range(own.variables[own.position(own.role)].size) if level in self._others_with_roles else ():
                yield CountedRows(level=level, role=code)

    def _counts_all(self) -> Iterator[Followed]:
        """Variables that count all rows right below."""
        for one in self.follows:
            counts = one.fold is not None and one.fold.name == "count" and one.role is None and one.condition is None
            if counts and one.level == self.schema.above(one.below):
                yield one

    def _by_role(self, level: int) -> dict[int, Believed]:
        """How many rows of a level there are of each role below a row above, by its category."""
        form, own = self.forms[level], self.schema.levels[level]
        most = form.number.max if form.number.max is not None else MOST_MEMBERS
        role_shares, expected = self.said.shares(level, own.position(own.role)), self._expected(level)
        numbers = [form.roles.get(label, HowMany()) for label in own.variables[own.position(own.role)].labels]
        return {
            code: Believed(marginal=_numbers(expected * share, number, most, rare=expected * share < RARE))
            for code, (share, number) in enumerate(zip(role_shares, numbers, strict=True))
        }

    def _counting(self, level: int) -> Followed | None:
        """The variable of the rows above that counts those of a level, if a table tells of it."""
        for one in self._counts_all():
            if one.below == level:
                told = any(axis.ref == Ref(one.level, one.position) for target in self.problem.counts for axis in target.axes)
                return one if told else None
        return None


def _numbers(expected: float, number: HowMany, most: int, *, rare: bool = False) -> Shares:
    """Shares of each number of rows from 0 that are so many on average, inside of what may be.

    They are those of a Poisson distribution, but where its tail falls faster than `ONE_MORE` says, or `CLUSTERED` of what is
    rare.
    """
    top = min(number.max if number.max is not None else most, most)
    inside = np.arange(number.min, top + 1)
    found = np.zeros(top + 1)
    low, high = -30.0, 30.0
    factorials = np.concatenate([[0.0], np.cumsum(np.log(np.arange(1, top + 1)))])
    beyond = np.arange(1, len(inside))
    falling = (beyond - 1) * np.log(CLUSTERED if rare else ONE_MORE) - (np.log(beyond) if rare else 0.0)
    for _ in range(60):
        rate = (low + high) / 2
        logs = inside * rate - factorials[inside]
        logs -= logs.max()
        logs[:2] = np.maximum(logs[:2], np.log(FLOOR))
        logs[1:] = np.maximum.accumulate(logs[1:] - falling) + falling
        weights = np.exp(logs)
        weights /= weights.sum()
        low, high = (rate, high) if float(weights @ inside) < expected else (low, rate)
    found[inside] = weights
    return found
