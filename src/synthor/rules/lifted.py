"""Rules that look at other rows: a member by its role, the row beside in an order, any or all rows below.

`child.age > head.age - 12`, `next(trip).origin <> trip.destination`, `not any(person, age >= 15)`: each such part becomes one
more column of the rows that the rule speaks of, beside their own and those of the levels above. Then the rule is a flat one.
What is not there (no partner, no next trip) breaks nothing; that any row below is such may be open, where values decide it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from sqlglot import expressions as exp

from synthor.errors import nearest
from synthor.rules.on_categories import Truth, truth
from synthor.rules.on_values import holds
from synthor.rules.parse import PredicateError, predicate_of, tree_of
from synthor.rules.syntax import Among, Both, Predicate
from synthor.schema import Level, Ref, Schema, Units, Variable, of_unit
from synthor.schema.kinds import Integer
from synthor.types import Codes, Floats, Mask

NOT_THERE = "none"
"""Label of a category that stands for a row that is not there."""

STEPS = {"next": 1, "previous": -1}
FOLDS = {"any": False, "all": True}
STATES = ("no", "perhaps", "yes")


@dataclass(frozen=True, slots=True)
class Beside:
    """A column of another row.

    Attributes:
        name: as it is written, such as `head.age`.
        ref: the declared column, and which row.
    """

    name: str
    ref: Ref


@dataclass(frozen=True, slots=True)
class Folded:
    """Whether any rows below, or all of them, are such.

    Attributes:
        name: as it is written.
        inner: what is said of each row.
        every: whether all must be so.
    """

    name: str
    inner: "Lifted"
    every: bool


Derived = Beside | Folded


@dataclass(frozen=True, slots=True)
class Lifted:
    """A predicate on the rows of one level, with the columns that it needs beside those that these rows see anyway.

    Attributes:
        level: whose rows.
        predicate: over these and the derived columns, by their names.
        derived: the columns.
    """

    level: int
    predicate: Predicate
    derived: tuple[Derived, ...] = ()


def parse_lifted(text: str, schema: Schema) -> Lifted:
    """Parse a predicate that may look at any level.

    It speaks of the rows of the deepest level that it names outside of `any(...)` and `all(...)`; of units where it names none.
    A role of which a unit may have several members stands for each of these.

    Raises:
        PredicateError: it is no SQL, uses what is not allowed, or names what is not there.
    """
    tree = tree_of(text)
    assert isinstance(tree, exp.Expression)
    return _Lifting(schema).lifted(tree, None)


@dataclass(frozen=True, slots=True)
class _Lifting:
    """Looks for names of other rows in a syntax tree and puts columns in their place."""

    schema: Schema

    def lifted(self, tree: exp.Expression, level: int | None) -> Lifted:
        """A tree as a predicate on rows of a level; of the deepest that it names where None."""
        tree = tree.copy()
        level = max(self._levels(tree), key=lambda one: len(self.schema.path(one)), default=0) if level is None else level
        seen = {variable.name: variable for variable in self.schema.seen_from(level).unit.variables}
        derived: dict[str, Derived] = {}
        alone: list[Predicate] = []

        def put(node: exp.Expression) -> exp.Expression:
            found = self._derived(node, level)
            if isinstance(found, str):
                return exp.column(found)
            if isinstance(found, tuple):
                alone.append(found[1])
                return exp.column(found[0])
            if found is None:
                return node
            derived[found.name] = found
            column = exp.column(exp.to_identifier(found.name, quoted=False))
            return column if isinstance(found, Beside) else exp.EQ(this=column, expression=exp.Literal.number(1))

        tree = tree.transform(put)
        variables = seen | {name: variable_of(one, self.schema) for name, one in derived.items()}
        predicate = predicate_of(tree, variables)
        for one in derived.values():
            if isinstance(one, Beside):  # what is not there breaks nothing
                predicate = Both(Among(one.name, tuple(range(variables[one.name].n_valued))), predicate)
        for condition in alone:
            predicate = Both(condition, predicate)
        return Lifted(level=level, predicate=predicate, derived=tuple(derived.values()))

    def _levels(self, tree: exp.Expression) -> Iterator[int]:
        """Levels that a tree names outside of folds."""
        stack: list[exp.Expression] = [tree]
        while stack:
            node = stack.pop()
            if _fold(node) is not None:
                continue
            if isinstance(node, exp.Column) and node.table:
                level, single = self._named(node.table)
                yield self._above(level) if single else level
            elif isinstance(node, exp.Dot):
                yield self._stepped(node)[0]
            elif isinstance(node, exp.Column):
                ref = self.schema.resolve(node.name)
                if ref is not None:
                    yield ref.level
            if not isinstance(node, exp.Dot):
                stack += list(node.iter_expressions())

    def _above(self, level: int) -> int:
        above = self.schema.above(level)
        return 0 if above is None else above

    def _named(self, name: str) -> tuple[int, bool]:
        """The level that a name before a dot means, or that has a role of that name; and whether that is one member at most."""
        for at, level in enumerate(self.schema):
            if level.name == name:
                return at, False
            if name in level.roles:
                return at, level.roles[name] == 1
        known = [level.name for level in self.schema] + [role for level in self.schema for role in level.roles]
        raise PredicateError(f"no level and no role is called '{name}'", nearest(name, known))

    def _stepped(self, node: exp.Dot) -> tuple[int, int, str]:
        """The level, step and variable of `next(level).variable`."""
        call, name = node.this, node.expression.name
        step = STEPS.get(call.name.lower()) if isinstance(call, exp.Anonymous) else None
        if step is None or len(call.expressions) != 1:
            raise PredicateError(
                f"`{node.sql()[:60]}` is not allowed", "write next(level).variable or previous(level).variable"
            )
        level, _ = self._named(call.expressions[0].name)
        if not self.schema.levels[level].ordered:
            raise PredicateError(f"rows of '{self.schema.levels[level].name}' have no order", "declare the level as ordered")
        return level, step, name

    def _derived(self, node: exp.Expression, level: int) -> "Derived | str | tuple[str, Predicate] | None":
        """What stands for a node: a derived column, a name that is seen anyway, that with a condition, or the node itself."""
        fold = _fold(node)
        if fold is not None:
            name, inner, every = fold
            below, _ = self._named(name)
            if level not in self.schema.path(below)[:-1]:
                raise PredicateError(f"'{name}' does not stand below '{self.schema.levels[level].name}'", "name a level below")
            return Folded(name=node.sql(), inner=self.lifted(inner, below), every=every)
        if isinstance(node, exp.Dot):
            at, step, name = self._stepped(node)
            return Beside(name=node.sql(), ref=replace(self._ref(at, name), step=step))
        if not isinstance(node, exp.Column) or not node.table:
            return None
        at, single = self._named(node.table)
        ref, own = self._ref(at, node.name), self.schema.levels[at]
        if node.table == own.name:
            if at not in self.schema.path(level):
                raise PredicateError(f"`{node.sql()}` is not seen from '{self.schema.levels[level].name}'", "use any(...)")
            return node.name
        role = own.role_of(node.table)
        if single:
            return Beside(name=node.sql(), ref=replace(ref, role=role))
        if at != level:
            raise PredicateError(f"there may be several '{node.table}'", f"write any({own.name}, ...)")
        return node.name, Among(own.role, (role.code,))

    def _ref(self, level: int, name: str) -> Ref:
        own = self.schema.levels[level]
        if name not in own.names:
            raise PredicateError(f"'{own.name}' has no variable '{name}'", nearest(name, sorted(own.names)))
        return Ref(level, own.position(name))


def _fold(node: exp.Expression) -> tuple[str, exp.Expression, bool] | None:
    """The level, the predicate and whether all is meant, of `any(level, predicate)` and `all(level, predicate)`."""
    if isinstance(node, exp.Any) and isinstance(node.this, exp.Tuple):
        arguments, every = node.this.expressions, False
    elif isinstance(node, exp.Anonymous) and node.name.lower() in FOLDS:
        arguments, every = node.expressions, FOLDS[node.name.lower()]
    else:
        return None
    if len(arguments) != 2 or not isinstance(arguments[0], exp.Column):
        raise PredicateError(f"`{node.sql()[:60]}` is not allowed", "write any(level, condition)")
    return arguments[0].name, arguments[1], every


def variable_of(derived: Derived, schema: Schema) -> Variable:
    """The variable behind a derived column."""
    if isinstance(derived, Folded):
        whether = Integer(type="integer", min=0, max=1, bins=[0, 1]).build(derived.name)
        return replace(whether, labels=STATES, low=np.array([0.0, 0, 1]), high=np.array([0.0, 1, 1]))
    variable = replace(schema.variable(derived.ref), name=derived.name)
    if variable.missing:
        return variable
    low, high = (np.append(side, np.nan) for side in (variable.low, variable.high))
    return replace(variable, labels=(*variable.labels, NOT_THERE), low=low, high=high, missing=True)


def with_derived(schema: Schema, level: int, derived: Sequence[Derived]) -> Schema:
    """The rows of a level as flat records with derived columns, all in their finest bins: `schema` has no slices."""
    seen = schema.seen_from(level).unit
    return Schema(levels=(Level(name=seen.name, variables=(*seen.variables, *(variable_of(one, schema) for one in derived))),))


def as_seen(schema: Schema, units: Units, level: int, derived: Sequence[Derived]) -> Units:
    """The rows of a level of some units as flat records with derived columns."""
    flat = schema.as_seen(units, level)
    if not derived:
        return flat
    return Units.of_columns([*flat.columns(), *(codes_of(one, schema, units, level) for one in derived)])


def codes_of(derived: Derived, schema: Schema, units: Units, level: int) -> Codes:
    """The categories of a derived column, (rows,)."""
    if isinstance(derived, Beside):
        codes = units.column(derived.ref, level)
        return np.where(codes >= 0, codes, variable_of(derived, schema).size - 1).astype(np.int32)
    inner = derived.inner
    known, variables = _known(inner, schema, units)
    found = truth(inner.predicate, known, variables, units.n_rows(inner.level))
    told = _up(found, derived, units, level)
    return (told.may.astype(np.int32) + told.must).astype(np.int32)


def _known(lifted: Lifted, schema: Schema, units: Units) -> tuple[dict[str, Codes], Mapping[str, Variable]]:
    """All columns that the rows of a level see, by name, and their variables."""
    variables = with_derived(schema, lifted.level, lifted.derived).unit.variables
    seen = as_seen(schema, units, lifted.level, lifted.derived)
    known = {variable.name: seen.column(of_unit(v)) for v, variable in enumerate(variables)}
    return known, {variable.name: variable for variable in variables}


def _up(found: Truth, derived: Folded, units: Units, level: int) -> Truth:
    """What is true of rows below, of the rows above them: of any, or of all."""
    above = units.above(level, derived.inner.level)
    n = units.n_rows(level)

    def some(these: Mask) -> Mask:
        return np.bincount(above[these], minlength=n) > 0

    if derived.every:
        return Truth(~some(~found.may), ~some(~found.must))
    return Truth(some(found.may), some(found.must))


def numbers_of(derived: Derived, schema: Schema, units: Units, level: int, frames: Mapping[str, pl.DataFrame]) -> Floats | None:
    """The values of a derived column as rows have them, (rows,), NaN where there are none; None of one without numbers."""
    if isinstance(derived, Beside):
        variable = schema.variable(derived.ref)
        if not variable.numeric:
            return None
        values = frames[schema.levels[derived.ref.level].name][variable.name].cast(pl.Float64).fill_null(np.nan).to_numpy()
        rows = units.seen(derived.ref, level)
        return np.where(rows >= 0, values[np.maximum(rows, 0)], np.nan) if len(values) else np.full(len(rows), np.nan)
    inner = derived.inner
    known, variables = _known(inner, schema, units)
    frame = seen_values(schema, units, inner.level, inner.derived, frames)
    found = holds(inner.predicate, frame, variables, known)
    return _up(Truth(found, found), derived, units, level).must.astype(np.float64)


def seen_values(
    schema: Schema, units: Units, level: int, derived: Sequence[Derived], frames: Mapping[str, pl.DataFrame]
) -> pl.DataFrame:
    """All numbers that the rows of a level see, derived ones included."""
    numbers: dict[str, pl.Series] = {}
    for at in reversed(schema.path(level)):
        rows, frame = units.above(at, level), frames[schema.levels[at].name]
        for variable in schema.levels[at].variables:
            if variable.numeric and variable.name not in numbers:
                numbers[variable.name] = frame[variable.name].gather(pl.Series(rows.astype(np.uint32)))
    for one in derived:
        values = numbers_of(one, schema, units, level, frames)
        if values is not None:
            numbers[one.name] = pl.Series(one.name, values)
    return pl.DataFrame(list(numbers.values()))
