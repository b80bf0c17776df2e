"""What the rows that a table counts can see, as flat records: so a table of any rows is read like one of records.

A person sees its own variables, those of its household, and the head's as `head.age`; a couple sees those of both, by their
roles or by a category that tells the two apart (`male.age`). Each of these is a column that a `Ref` finds. Tables are read and
compared as if the rows were records with such columns, and what was understood is `lifted` onto the levels.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from sqlglot import expressions as exp

from synthor.errors import nearest
from synthor.problem.grid import Axis, Universe
from synthor.problem.statistic import OfValues, Statistic, Within
from synthor.problem.target import Target
from synthor.rules.parse import PredicateError, fold_of, predicate_of, tree_of
from synthor.rules.syntax import Among, Both, Predicate
from synthor.schema import Level, Ref, Schema, Variable
from synthor.schema.ref import OneOfTwo, Role


@dataclass(frozen=True, kw_only=True, eq=False)
class View:
    """The rows that some tables count, and what they see.

    Attributes:
        name: of these rows: a level, or a relation.
        schema: of the units.
        level: the place of the level whose rows they are.
        refs: by the name under which they see it, the declared column behind it.
        roles: for a relation, the columns that say who somebody is, with the role that they must have, or the category.
        relation: what the spec calls it; empty of other rows.
        categories: of a relation whose two a variable tells apart, its categories that these have.
        below: what a `where` says of rows below, as it is written: how it is seen, and the variable that it is.
    """

    name: str
    schema: Schema
    level: int
    refs: Mapping[str, Ref]
    roles: Sequence[tuple[str, int]] = field(default=())
    relation: str = ""
    categories: tuple[str, ...] = ()
    below: Mapping[str, tuple[Ref, Variable]] = field(default_factory=dict)

    @classmethod
    def of_level(cls, schema: Schema, level: int) -> "View":
        """The rows of one level."""
        return cls(name=schema.levels[level].name, schema=schema, level=level, refs=dict(_seen(schema, level)))

    @classmethod
    def of_pair(cls, schema: Schema, name: str, level: int, roles: Sequence[str]) -> "View":
        """Pairs of two roles of a level, of which units may have several of one at most.

        Raises:
            ValueError: of both.
        """
        own = schema.levels[level]
        many = [role for role in roles if own.roles[role] != 1]
        if len(many) > 1:
            raise ValueError(f"there may be several {many[0]} and several {many[1]} in one {schema.levels[level].parent}")
        above = schema.above(level)
        at = level if many or above is None else above
        refs = dict(_seen(schema, at))
        said = []
        for role in roles:
            names = {f"{role}.{variable.name}": position for position, variable in enumerate(own.variables)}
            one = None if role in many else own.role_of(role)
            refs |= {dotted: Ref(level, position, role=one) for dotted, position in names.items()}
            said.append((f"{role}.{own.role}", own.role_of(role).code))
        return cls(name=name, schema=schema, level=at, refs=refs, roles=said, relation=name)

    @classmethod
    def of_categories(
        cls, schema: Schema, name: str, level: int, roles: Sequence[str], by: str, categories: tuple[str, ...] = ()
    ) -> "View":
        """Pairs of two roles of a level that a variable tells apart: each of the two goes by its category of it.

        Pairs count in which one has the first of two categories and the other the second. Without these it is only seen what
        any two are called.

        Raises:
            ValueError: there may be several of one of the roles.
        """
        own, above = schema.levels[level], schema.above(level)
        many = [role for role in roles if own.roles[role] != 1]
        if many or above is None:
            raise ValueError(f"there may be several {many[0]} in one {own.parent}")
        first, second = (own.role_of(role) for role in roles)
        place = own.position(by)
        both = {f"{role}.{variable.name}" for role in roles for variable in own.variables}
        refs = {seen: ref for seen, ref in _seen(schema, above) if seen not in both}
        for code, label in enumerate(own.variables[place].labels):
            two = OneOfTwo(roles=(first, second), category=Role(place, code))
            refs |= {f"{label}.{one.name}": Ref(level, position, of_two=two) for position, one in enumerate(own.variables)}
        said = [(f"{label}.{by}", own.variables[place].code(label)) for label in categories]
        of_all = len(own.variables[place].labels) == len(categories)
        called = name if of_all or not categories else f"{name} ({' and '.join(categories)})"
        return cls(name=called, schema=schema, level=above, refs=refs, roles=said, relation=name, categories=categories)

    def seeing(self, below: Mapping[str, tuple[Ref, Variable]]) -> "View":
        """The same rows, which see what is said of rows below, too."""
        return replace(self, below=below) if below else self

    @cached_property
    def flat(self) -> Level:
        """These rows as flat records."""
        variables, slices, bands = [], {}, {}
        for place, (name, ref) in enumerate(self.refs.items()):
            level = self.schema.levels[ref.level]
            variables.append(_named(level.variables[ref.column], name, ref))
            if ref.column in level.slices:
                slices[place] = _named(level.slices[ref.column], name, ref)
            if ref.column in level.bands:
                bands[place] = _named(level.bands[ref.column], name, ref)
        variables += [variable for _, variable in self.below.values()]
        return Level(name=self.name, variables=tuple(variables), slices=slices, bands=bands)

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """What they see, by name."""
        return {variable.name: variable for variable in self.flat.variables}

    def called(self, name: str) -> str:
        """How these rows call a variable that was written with its level before it, such as `person.age`."""
        before, dot, own = name.rpartition(".")
        ref = self.refs.get(own)
        return own if dot and ref is not None and ref.plain and self.schema.levels[ref.level].name == before else name

    def predicate(self, text: str) -> Predicate:
        """A predicate on these rows.

        Raises:
            PredicateError: it is none, or names what they do not see.
        """
        tree = tree_of(text)
        assert isinstance(tree, exp.Expression)
        if self.below or any(node.table for node in tree.find_all(exp.Column)):
            return predicate_of(tree.transform(self._as_seen), self.variables)
        return predicate_of(tree, self.variables)

    def _as_seen(self, node: exp.Expression) -> exp.Expression:
        call = fold_of(node)
        if call is not None and call.shown in self.below:
            return exp.column(exp.to_identifier(call.shown, quoted=False))
        if not isinstance(node, exp.Column) or not node.table:
            return node
        name = self.called(f"{node.table}.{node.name}")
        if name not in self.variables:
            raise PredicateError(f"'{name}' is not seen by a {self.name}", nearest(name, list(self.variables)))
        return exp.column(exp.to_identifier(name, quoted=False))

    @property
    def universe(self) -> Predicate | None:
        """That both of a pair are there; None of other rows."""
        found: Predicate | None = None
        for name, code in self.roles:
            own = Among(name, (code,))
            found = own if found is None else Both(found, own)
        return found

    def lifted(self, target: Target) -> Target:
        """A target of these rows as one of units."""
        if self.plain:
            return target
        universe = target.grid.universe
        seen = None if universe is None else self._universe(universe)
        grid = replace(target.grid, axes=tuple(map(self._axis, target.grid.axes)), universe=seen)
        return replace(target, level=self.level, grid=grid, statistic=self._statistic(target.statistic))

    @property
    def plain(self) -> bool:
        """Whether these are units that have no members, so that nothing changes."""
        return len(self.schema.levels) == 1

    def _ref(self, ref: Ref) -> Ref:
        """The column behind one of the flat records."""
        names = list(self.refs)
        if ref.column < len(names):
            return self.refs[names[ref.column]]
        if ref.column < len(names) + len(self.below):
            return list(self.below.values())[ref.column - len(names)][0]
        position = list(self.flat.slices)[ref.column - len(self.flat.variables)]
        own = self.refs[names[position]]
        return replace(own, column=self.schema.levels[own.level].column(own.column))

    def _axis(self, axis: Axis) -> Axis:
        own = self.refs[axis.variable.name]
        return replace(axis, ref=self._ref(axis.ref), position=own.column)

    def _universe(self, universe: Universe) -> Universe:
        columns = {name: (self._ref(ref), variable) for name, (ref, variable) in universe.columns.items()}
        positions = tuple(self.refs[name].column for name in columns if name in self.refs)
        return replace(universe, columns=columns, positions=positions)

    def _statistic(self, statistic: Statistic) -> Statistic:
        if isinstance(statistic, OfValues):
            own = self.refs[statistic.variable.name]
            return replace(statistic, ref=self._ref(statistic.ref), of=own.column)
        if isinstance(statistic, Within):
            return replace(statistic, side=self._axis(statistic.side))
        return statistic


def _named(variable: Variable, name: str, ref: Ref) -> Variable:
    return variable if ref.plain and variable.name == name else replace(variable, name=name)


def _seen(schema: Schema, level: int) -> Iterator[tuple[str, Ref]]:
    """The names under which rows of a level see variables: their own, those above, and those of members with a role."""
    taken: set[str] = set()
    path = schema.path(level)
    for at in reversed(path):
        own = schema.levels[at]
        for position, variable in enumerate(own.variables):
            name = variable.name if variable.name not in taken else f"{own.name}.{variable.name}"
            taken.add(variable.name)
            yield name, Ref(at, position)
    for at, below in enumerate(schema):
        if schema.above(at) in path:
            for role in (label for label, most in below.roles.items() if most == 1):
                for position, variable in enumerate(below.variables):
                    yield f"{role}.{variable.name}", Ref(at, position, role=_role(below, role))


def _role(level: Level, label: str) -> Role:
    return level.role_of(label)
