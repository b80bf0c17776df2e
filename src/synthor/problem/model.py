"""What is known, ready for the solver."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Literal

import numpy as np

from synthor.problem.following import Followed, followed
from synthor.problem.grid import Axis
from synthor.problem.means_of_areas import with_totals_of_areas
from synthor.problem.rulings import OPEN, Rulings
from synthor.problem.statistic import OfValues
from synthor.problem.target import Target
from synthor.problem.zones import Zones, region_of
from synthor.rules.lifted import Derived, as_seen, looked_at, with_derived
from synthor.rules.lifting import parse_lifted, refuse_alternatives
from synthor.rules.parse import PredicateError, with_columns
from synthor.rules.syntax import Predicate, names_in
from synthor.schema import Ref, Schema, Units, Variable
from synthor.schema.text import plural, some_of
from synthor.spec.levels import levels_of
from synthor.spec.model import Spec
from synthor.types import Codes, Floats

NEARLY = 0.95
"""Share of a level's rows from which on a table of some of them tells what all are like."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A structural zero: no row of a level is such.

    Attributes:
        text: the predicate that holds for no record, as written.
        why: the reason.
        predicate: the same, parsed.
        source: who says so, the user's spec or the beliefs.
        level: whose rows it speaks of; it may name their variables and those of the levels above.
        derived: columns of other rows that it looks at, too.
    """

    text: str
    why: str
    predicate: Predicate
    source: Literal["spec", "beliefs"] = "spec"
    level: int = 0
    derived: tuple[Derived, ...] = ()

    @classmethod
    def of(cls, text: str, schema: Schema, why: str = "", of: int = 0) -> "Rule":
        """A rule that may look at any level; see `parse_lifted`.

        Raises:
            PredicateError: it cannot be understood.
        """
        lifted = parse_lifted(text, schema, of)
        return cls(text=text, why=why, predicate=lifted.predicate, level=lifted.level, derived=lifted.derived)

    def asked_of_members(self, schema: Schema, follows: Mapping[str, str]) -> "Rule":
        """The same rule, numbers that follow from members asked of these, where categories alone do not decide it.

        Args:
            schema: of the units.
            follows: from what variables of the unit follow, as it is written, by their names.
        """
        unit = schema.refined.unit
        named = {name: follows[name] for name in names_in(self.predicate) if name in follows}
        if not self.flat or not any(unit.variables[unit.position(name)].numeric for name in named):
            return self
        variables = {variable.name: variable for variable in unit.variables}
        if not any(ruling.states is None or (ruling.states == OPEN).any() for ruling in Rulings.of((self,), variables).each):
            return self
        try:
            rule = Rule.of(with_columns(self.text, named), schema, self.why)
        except PredicateError:  # one that compares labels of the same variable, too
            return self
        return replace(rule, text=self.text, source=self.source)

    @property
    def flat(self) -> bool:
        """Whether it speaks of units by their own variables alone."""
        return self.level == 0 and not self.derived


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is known, ready for the solver. Never changes; `scaled` and `with_rules` return new ones.

    Attributes:
        spec: the spec that this was compiled from, its tables written in place.
        n_units: how many units (records of level 0) to make.
        schema: what a unit is.
        targets: tables of counts in the spec's order, then statistics in theirs; multipliers and rows keep to that order.
        rules: in the spec's order.
        warnings: what was taken as it is although it may be a slip.
        zones: the areas that units lie in; None where they lie in none.
        zoned: where this is the problem of a region, that with its zones.
    """

    spec: Spec
    n_units: int
    schema: Schema
    targets: tuple[Target, ...]
    rules: tuple[Rule, ...]
    warnings: tuple[str, ...] = ()
    zones: Zones | None = None
    zoned: "Problem | None" = None

    def __post_init__(self) -> None:
        if any(after.counts > before.counts for before, after in pairwise(self.targets)):
            raise ValueError("a table of counts stands behind a statistic: multipliers are kept in another order")

    def __repr__(self) -> str:
        levels = some_of(f"{level.name} ({plural(len(level.variables), 'variable')})" for level in self.schema)
        n_cells = sum(target.grid.size for target in self.targets)
        targets = f"{plural(len(self.targets), 'target')} of {plural(n_cells, 'cell')}"
        return f"<Problem: {plural(self.n_units, 'unit')}; {levels}; {targets}, {plural(len(self.rules), 'rule')}>"

    @cached_property
    def region(self) -> "Problem":
        """The same problem without the areas that units lie in, its tables summed over them; itself where there are none."""
        return self if self.zones is None else with_totals_of_areas(region_of(self), self)

    @property
    def whole(self) -> "Problem":
        """The problem that records are made for: with zones, where this is that of their region."""
        return self if self.zoned is None else self.zoned

    @property
    def attributes(self) -> tuple[int, ...]:
        """Positions of the variables that say in what kind of zone a unit lies; none where nothing tells that."""
        zones = self.whole.zones
        return () if zones is None or zones.kinds is None else zones.kinds.positions

    @cached_property
    def counts(self) -> tuple[Target, ...]:
        """The tables of counts."""
        return tuple(target for target in self.targets if target.counts)

    @cached_property
    def statistics(self) -> tuple[Target, ...]:
        """Means, totals, standard deviations and shares inside cells."""
        return tuple(target for target in self.targets if not target.counts)

    @cached_property
    def of_values(self) -> tuple[tuple[Target, OfValues], ...]:
        """Those of a number's values, each with its statistic."""
        found = ((target, target.statistic) for target in self.targets)
        return tuple((target, of) for target, of in found if isinstance(of, OfValues))

    @cached_property
    def follows(self) -> tuple[Followed, ...]:
        """What follows from members, in the order in which it is computed."""
        return followed(levels_of(self.spec), self.schema) if self.spec.members else ()

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """Variables of the unit by name, as declared."""
        return {variable.name: variable for variable in self.schema.unit.variables}

    @cached_property
    def refined(self) -> "Problem":
        """The same problem, its variables in their finest bins: what values and rules are judged by. See `Schema.refine`."""
        return self._on(self.schema.refined)

    @cached_property
    def banded(self) -> "Problem":
        """The same problem, its variables in the bins that numbers may move inside of. See `Schema.into_bands`."""
        return self._on(self.schema.banded)

    def _on(self, schema: Schema) -> "Problem":
        return self if schema is self.schema else replace(self, schema=schema)

    @cached_property
    def rulings(self) -> Rulings:
        """The rules on units themselves, decided for their categories as this problem has them."""
        return Rulings.of(self.own_rules, self.variables)

    @property
    def own_rules(self) -> tuple[Rule, ...]:
        """The rules on units by their own variables."""
        return tuple(rule for rule in self.rules if rule.flat)

    @cached_property
    def below(self) -> Mapping[int, "Problem"]:
        """For each level whose rows are ruled beyond what units say themselves, these rows as flat records, without slices."""
        return {level: self.seen_from(level) for level in sorted({rule.level for rule in self.rules if not rule.flat})}

    def derived(self, level: int) -> tuple[Derived, ...]:
        """The columns of other rows that rules on one level look at, each once."""
        return tuple({one.name: one for rule in self.rules if rule.level == level for one in rule.derived}.values())

    def seen_from(self, level: int) -> "Problem":
        """The rows of one level as flat records that hold all they can see, with the rules on them and no targets.

        Rules that only look at units' own variables are left out.
        """
        rules = tuple(replace(rule, level=0, derived=()) for rule in self.rules if rule.level == level and not rule.flat)
        schema = with_derived(self.schema.refined, level, self.derived(level))
        return replace(self, schema=schema, rules=rules, targets=())

    def as_seen(self, units: Units, level: int) -> Units:
        """The rows of one level of some units, in the finest bins, as flat records; see `seen_from`."""
        return as_seen(self.schema.refined, units, level, self.derived(level))

    @cached_property
    def plain(self) -> "Problem":
        """The same problem with the rules alone that look at one row below the unit and at what stands above it."""
        return self.with_only(tuple(rule for rule in self.rules if rule.level and not rule.derived))

    @cached_property
    def looked_at(self) -> Mapping[int, Sequence[int]]:
        """Columns of each level that may decide a rule."""
        found: dict[int, set[int]] = {}
        for rule in self.rules:
            for level, columns in looked_at(self.schema, rule.predicate, rule.derived).items():
                found.setdefault(level, set()).update(columns)
        return {level: sorted(columns) for level, columns in found.items()}

    def scaled(self, n_units: int) -> "Problem":
        """The same problem for another number of units, counts in proportion."""
        factor = n_units / self.n_units
        return replace(
            self,
            n_units=n_units,
            targets=tuple(target.scaled(factor) for target in self.targets),
            zoned=None if self.zoned is None else self.zoned.scaled(n_units),
        )

    def rule(self, text: str, why: str = "", of: int = 0) -> Rule:
        """A rule on these units, or on rows of theirs: those of the level `of`, or deeper ones that it names.

        Raises:
            PredicateError: it cannot be understood.
        """
        rule = Rule.of(text, self.schema, why, of)
        refuse_alternatives(text, self.schema)
        follows = {self.schema.unit.variables[one.position].name: one.text for one in self.follows if not one.level}
        return rule.asked_of_members(self.schema, follows)

    def with_rules(self, rules: tuple[Rule, ...]) -> "Problem":
        known = {rule.text for rule in self.rules}
        zoned = None if self.zoned is None else self.zoned.with_rules(rules)
        return replace(self, rules=self.rules + tuple(rule for rule in rules if rule.text not in known), zoned=zoned)

    def with_only(self, rules: tuple[Rule, ...]) -> "Problem":
        return replace(self, rules=rules)

    def only(self, texts: frozenset[str]) -> "Problem":
        """The same problem with some of its rules, by their texts; made ready once."""
        if texts not in self._with_some:
            self._with_some[texts] = self.with_only(tuple(rule for rule in self.rules if rule.text in texts))
        return self._with_some[texts]

    @cached_property
    def _with_some(self) -> dict[frozenset[str], "Problem"]:
        return {}

    def marginal(self, position: int) -> Floats | None:
        """Known shares of one variable of level 0, None where no target gives them.

        They are those of the first target that gives them exactly, else of the first that gives intervals or margins of error;
        of units with members, else of the first that counts nearly all.
        """
        found = self._shares(sorted(self._complete.get(position, ()), key=lambda target: not target.exact), Ref(0, position))
        return self._nearly(0, Ref(0, position)) if found is None and self.spec.members else found

    def marginal_of_rows(self, level: int, ref: Ref) -> Floats | None:
        """Known shares of a declared column among the rows of a level, None where no target gives them of nearly all.

        As with `marginal`, those that are given exactly go before others.
        """
        of_all = [target for target in self.counts if target.level == level and target.grid.covers and target.wanted.any()]
        found = self._shares(sorted(of_all, key=lambda target: not target.exact), ref)
        return self._nearly(level, ref) if found is None else found

    def _shares(self, targets: Iterable[Target], ref: Ref) -> Floats | None:
        """Shares of a declared column in the first table that tells them, however fine its bands."""
        for target in targets:
            for side, axis in enumerate(target.axes):
                declared = self._declared(axis) if axis.seen == ref and axis.covers else None
                if declared is not None:
                    table = np.bincount(declared, target.believable_side(side), self.schema.variable(ref).size)
                    return np.asarray(table / table.sum(), dtype=np.float64)
        return None

    def _nearly(self, level: int, ref: Ref) -> Floats | None:
        """The same of a table that leaves a few rows out: these go where it has nobody, or are like the others.

        Offices count a dwelling's year of building where it is no caravan, and a last school where somebody has left it.
        """
        of_all = [float(target.wanted.sum()) for target in self.counts if target.level == level and target.grid.covers]
        n_rows = float(self.n_units) if level == 0 else max(of_all, default=np.inf)
        for target in self.counts:
            told, whole = float(target.wanted.sum()) / n_rows, target.grid.listed is None or target.grid.closed
            if target.level == level and target.grid.universe is not None and whole and NEARLY <= told <= 1:
                shares = self._shares((target,), ref)
                if shares is not None:
                    rest = np.where(shares > 0, 0.0, 1.0) if (shares == 0).any() else shares
                    return told * shares + (1 - told) * rest / rest.sum()
        return None

    def bands(self, position: int) -> list[tuple[Codes, Floats]]:
        """Known shares of groups of one variable's finest bins: the group of each bin, -1 for none, and the groups' shares."""
        found = []
        for target in self._complete.get(position, ()):
            side = target.columns.index(position)
            axis, level = target.axes[side], self.schema.unit
            of = axis.group_of
            if axis.ref != self.schema.ref(position):
                of = of[level.parents(position)]
            table = target.believable_side(side)
            found.append((of, table / table.sum()))
        return found

    @cached_property
    def _complete(self) -> Mapping[int, Sequence[Target]]:
        """The tables that give counts of all records, by position of their variables."""
        found: dict[int, list[Target]] = {}
        for target in self.counts:
            if target.complete:
                for position in dict.fromkeys(target.columns):
                    found.setdefault(position, []).append(target)
        return found

    def _declared(self, axis: Axis) -> Codes | None:
        """The declared category of each label of an axis; None where a label spans several."""
        level = self.schema.levels[axis.ref.level]
        parent = np.arange(level.variables[axis.position].size, dtype=np.int32)
        if not axis.declared:
            parent = level.parents(axis.position)
        first = np.full(axis.size, -1, np.int32)
        first[axis.group_of] = parent
        return first if (first[axis.group_of] == parent).all() and (first >= 0).all() else None
