"""By which variables rows above and their members are told apart, so that a programme of them stays small. See `unmeetable.py`.

Categories of which nothing is said that is not said of another one, too, are one. Of the variables as many are taken as a
programme can hold: those that tie rows above to their members first.
"""

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from synthor.problem.following import followed
from synthor.problem.marginals import Stated
from synthor.problem.model import Rule
from synthor.problem.statistic import OfValues
from synthor.problem.together.programme import KindsOfRows, Known, MembersProgramme, RowsTold
from synthor.problem.together.ties import Tie, Trait, of_followed, of_rules, of_where
from synthor.rules.lifted import variable_of
from synthor.rules.on_categories import truth
from synthor.rules.syntax import Predicate, names_in, parts
from synthor.schema import Ref, Schema, Variable
from synthor.schema.crossed import crossed, n_crossed
from synthor.spec.levels import LevelForm
from synthor.types import CellIndex, Codes, Floats, Mask

MOST_COLUMNS = 1200
"""Unknowns of a programme."""

Traits = tuple[Hashable, ...]
"""Variables, by what they are known by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class TwoLevels:
    """The rows of a level and the members below them.

    Attributes:
        forms: of all levels.
        upper: the rows, with what is published of them.
        lower: the members, with what is published of these.
        rules: of the spec.
        n_above: how many rows above there are; infinite where no number is given.
        areas: columns that are left out.
    """

    forms: Sequence[LevelForm]
    upper: RowsTold
    lower: RowsTold
    rules: Sequence[Rule]
    n_above: float
    areas: Set[Ref]

    @property
    def both(self) -> tuple[RowsTold, RowsTold]:
        """The rows and the members."""
        return self.upper, self.lower

    @property
    def schema(self) -> Schema:
        """Of the units."""
        return self.lower.view.schema

    @property
    def above(self) -> int:
        """The level of the rows above."""
        return self.upper.view.level

    @property
    def below(self) -> int:
        """The level of the members."""
        return self.lower.view.level

    @cached_property
    def tables(self) -> Mapping[int, Stated]:
        """What is published of both, by its place in the spec."""
        return {one.position: one for counted in reversed(self.both) for one in reversed(counted.published)}

    @cached_property
    def told(self) -> tuple[Rule, ...]:
        """The rules on either, but for those that compare two variables."""
        own = (rule for rule in self.rules if rule.level in (self.above, self.below))
        return tuple(rule for rule in own if all(len(names_in(part)) == 1 for part in parts(rule.predicate)))

    @cached_property
    def _ties(self) -> Mapping[Hashable, tuple[Variable, Tie]]:
        """What variables of the rows above say of their members, those that a `where` makes included."""
        found: dict[Hashable, tuple[Variable, Tie]] = {}
        for one in followed(self.forms, self.schema):
            if (one.level, one.below) == (self.above, self.below):
                variable = self.schema.levels[self.above].finest(one.position)
                found[Ref(self.above, one.position)] = variable, of_followed(one, self.schema)
        for counted in self.both:
            for name, where in counted.below.items():
                if (where.level, where.follows.level) == (self.above, self.schema.levels[self.below].name):
                    variable = counted.view.variables[name]
                    found[where.level, name] = variable, of_where(where, variable, self.schema)
        return found

    @cached_property
    def _asked(self) -> dict[Hashable, Trait]:
        """What rules ask of members, of each row above."""
        derived = [one for rule in self.told for one in rule.derived]
        return {trait.key: trait for trait in of_rules(derived, self.above, self.below, self.schema)}

    def _variable(self, key: Hashable) -> Variable:
        return self.schema.levels[key.level].finest(key.column) if isinstance(key, Ref) else self._ties[key][0]

    @cached_property
    def traits(self) -> dict[Hashable, Trait]:
        """The variables that rows may be told apart by."""
        said: dict[Hashable, list[Floats]] = {}
        for key, alike in (*self._of_tables(), *self._of_predicates()):
            said.setdefault(key, []).append(alike.astype(np.float64))
        spoken = [key for key in self._ties if key in said]  # what nothing is said of bounds nothing
        for key, alike in (*self._of_ties(spoken), *self._of_roles()):
            said.setdefault(key, []).append(alike.astype(np.float64))
        found = {
            key: Trait.merged(key, self._variable(key), self._ties[key][1] if key in self._ties else None, alike)
            for key, alike in said.items()
            if key not in self.areas and (key in self._ties or isinstance(key, Ref)) and not self._variable(key).kind.free
        }
        return found | self._asked

    def _of_tables(self) -> Iterator[tuple[Hashable, Codes]]:
        """What tables tell apart of each variable's categories."""
        for counted in self.both:
            for axis in (axis for one in counted.published for axis in one.target.grid.axes):
                key = counted.key(axis.ref)
                if isinstance(key, Ref) or key in self._ties:
                    every = np.arange(self._variable(key).size, dtype=np.int32)
                    yield key, axis.group_of[counted.codes(axis.ref, {key: every})]

    def _of_predicates(self) -> Iterator[tuple[Hashable, Mask]]:
        """The same of conditions and rules."""
        for counted, predicate in self._predicates:
            for part in parts(predicate):
                for name in names_in(part):
                    key = counted.keys.get(name)
                    if isinstance(key, Ref) or key in self._ties:
                        variable = replace(self._variable(key), name=name)
                        codes = np.arange(variable.size, dtype=np.int32)
                        found = truth(part, {name: codes}, {name: variable}, variable.size)
                        yield key, found.may
                        yield key, found.must

    @cached_property
    def _predicates(self) -> Sequence[tuple[RowsTold, Predicate]]:
        """All conditions, each with whose it is."""
        found = [
            (counted, one.target.grid.universe.predicate)
            for counted in self.both
            for one in counted.published
            if one.target.grid.universe is not None
        ]
        found += [(self.both[rule.level == self.below], rule.predicate) for rule in self.told]
        ties = [*(tie for _, tie in self._ties.values()), *(trait.tie for trait in self._asked.values())]
        return found + [(self.lower, tie.condition) for tie in ties if tie is not None and tie.condition is not None]

    def _of_ties(self, spoken: Sequence[Hashable]) -> Iterator[tuple[Hashable, Mask | CellIndex]]:
        """The same of what rows above say of members, of totals and of means of these."""
        for one in self.lower.statistics:
            if isinstance(one.target.statistic, OfValues):
                summed = self.lower.key(one.target.statistic.ref)
                if isinstance(summed, Ref):
                    yield summed, np.zeros(self._variable(summed).size, bool)
        for key in spoken:
            variable, tie = self._ties[key]
            if tie.codes:
                yield key, np.arange(variable.size)
        asked = [trait.tie for trait in self._asked.values() if trait.tie is not None]
        for tie in (*(self._ties[key][1] for key in spoken), *asked):
            if tie.role is not None:
                role = Ref(self.below, tie.role.column)
                yield role, np.arange(self._variable(role).size) == tie.role.code
            if tie.source is not None:
                source = Ref(self.below, tie.source)
                numbers = self._variable(source)
                yield source, np.zeros(numbers.size, bool)
                if tie.codes:
                    yield source, np.arange(numbers.size)
                elif tie.function not in ("sum", "mean"):
                    yield from ((source, numbers.low > high) for high in tie.high)
                    yield from ((source, numbers.high < low) for low in tie.low)

    def _of_roles(self) -> Iterator[tuple[Hashable, Mask]]:
        """The same of the roles that there are so many of."""
        form, own = self.forms[self.below], self.schema.levels[self.below]
        for label in form.roles:
            role = own.role_of(label)
            key = Ref(self.below, role.column)
            yield key, np.arange(self._variable(key).size) == role.code

    # --- Which variables

    def choices(self, most: int) -> Iterator[Traits]:
        """Sets of variables that a programme holds: all that go into one, then those of tables of members that are in none."""
        found = list[Traits]()
        for table in (None, *self.lower.published):
            start = () if table is None else self._of(self.lower, table)
            if len(found) == most or any(set(start) <= set(known) for known in found):
                continue
            traits = self._grown(start)
            if traits and traits not in found:
                found.append(traits)
                yield traits

    def _grown(self, start: Sequence[Hashable]) -> Traits:
        """Some variables, and others that fit beside them."""
        chosen: list[Hashable] = []

        def add(keys: Sequence[Hashable]) -> None:
            new = [key for key in dict.fromkeys(keys) if key in self.traits and key not in chosen]
            if self._columns([*chosen, *new]) <= MOST_COLUMNS:
                chosen.extend(new)

        add(start)
        tied = {key: self._needs(trait.tie) for key, trait in self.traits.items() if trait.tie is not None}
        for key, needs in tied.items():
            if set(needs) <= set(chosen):
                add([key])
        for rule in self.told:
            counted = self.both[rule.level == self.below]
            named = [counted.keys.get(name, name) for name in sorted(names_in(rule.predicate))]
            add([*named, *(need for key in named for need in tied.get(key, ()))])
        for one in self.lower.published:
            add(self._of(self.lower, one))
        for key, needs in tied.items():
            add([key, *needs])
        for one in self.upper.published:
            add(self._of(self.upper, one))
        return tuple(chosen)

    def _needs(self, tie: Tie) -> list[Hashable]:
        """What must be known of members for a tie to say something of them."""
        named = () if tie.condition is None else sorted(names_in(tie.condition))
        found = [key for name in named if (key := self.lower.keys.get(name)) is not None]
        columns = ([] if tie.role is None else [tie.role.column]) + ([] if tie.source is None else [tie.source])
        return [*found, *(Ref(self.below, column) for column in columns)]

    def _of(self, counted: RowsTold, one: Stated) -> list[Hashable]:
        """What a table tells rows apart by."""
        grid, statistic = one.target.grid, one.target.statistic
        refs = [axis.ref for axis in grid.axes]
        refs += [] if grid.universe is None else [ref for ref, _ in grid.universe.columns.values()]
        refs += [statistic.ref] if isinstance(statistic, OfValues) else []
        keys = (counted.key(ref) for ref in refs)
        return [key for key in keys if key in self.traits]

    def _is_below(self, key: Hashable) -> bool:
        return isinstance(key, Ref) and key.level == self.below

    def _columns(self, traits: Sequence[Hashable]) -> float:
        """How many unknowns there would be."""
        above, below = (
            n_crossed([len(self.traits[key].categories) for key in traits if self._is_below(key) == is_below])
            for is_below in (False, True)
        )
        return above * (1 + below * (1 + len(self._numbers(traits))))

    def _numbers(self, traits: Sequence[Hashable]) -> list[Hashable]:
        """Variables of members whose numbers are added up: those that a total or a mean is given of, or rows above have."""
        ties = [tie for key in traits if (tie := self.traits[key].tie) is not None and tie.source is not None]
        summed = {Ref(self.below, tie.source) for tie in ties if tie.source is not None and tie.function in ("sum", "mean")}
        tied = {Ref(self.below, tie.source) for tie in ties if tie.source is not None and not tie.codes}
        given = {self.lower.key(one.target.statistic.ref) for one in self.lower.statistics
                 if isinstance(one.target.statistic, OfValues)}  # fmt: skip
        return [key for key in traits if key in summed or (key in tied and key in given)]

    def programme(self, traits: Traits, rules: Sequence[Rule]) -> MembersProgramme | None:
        """The programme of rows that these variables tell apart; None where rules leave none.

        Args:
            traits: the variables.
            rules: those that hold.
        """
        own = [key for key in traits if not self._is_below(key)]
        theirs = [key for key in traits if self._is_below(key)]
        rows = crossed([self.traits[key].categories for key in own])
        rows = rows[~self._forbidden(rules, self.above, dict(zip(own, rows.T, strict=True)), len(rows))]
        below = crossed([self.traits[key].categories for key in theirs])
        parent, kind = np.repeat(np.arange(len(rows)), len(below)), np.tile(np.arange(len(below)), len(rows))
        members = dict(zip((*own, *theirs), (*rows[parent].T, *below[kind].T), strict=True))
        kept = ~self._forbidden(rules, self.below, members, len(parent))
        if not len(rows):
            return None
        members = {key: codes[kept] for key, codes in members.items()}
        numbers = {}
        for key in self._numbers(traits):
            low, high = (np.nan_to_num(edge[members[key]]) for edge in (self.traits[key].low, self.traits[key].high))
            numbers[key] = low, high
        kinds = KindsOfRows(
            traits={key: self.traits[key] for key in traits},
            n=len(rows),
            above=dict(zip(own, rows.T, strict=True)),
            parent=parent[kept],
            known=members,
            numbers=numbers,
        )
        return MembersProgramme(self.forms[self.below], self.both, kinds, self.n_above)

    def _forbidden(self, rules: Sequence[Rule], level: int, known: Known, n: int) -> Mask:
        """Which rows of a level some rules forbid, whatever else they are."""
        counted, found = self.both[level == self.below], np.zeros(n, bool)
        variables = {key: trait.variable for key, trait in self.traits.items()}
        for rule in rules:
            if rule.level == level:
                found |= counted.truth(rule.predicate, known, variables | self._unseen(rule), n).must
        return found

    def _unseen(self, rule: Rule) -> dict[Hashable, Variable]:
        """What a rule looks at of other rows, beyond what rows above are told apart by."""
        return {one.name: variable_of(one, self.schema) for one in rule.derived}
