"""From a text to a predicate that may look at other rows: names of these are found, and columns put in their place.

What the grammar has beside that of flat rules:

- `head.age`: of the one member with that role; `next(trip).origin`, `previous(trip).origin`: of the row beside in an order.
- `any(person, age >= 15)`, `all(child, age < 6)`: conditions on rows below, by their level or by a role.
- `count(person)`, `sum(person.earnings)`, `mean`, `min`, `max`: numbers of rows below, each with a condition as its last
  argument where only some count. A condition speaks of the rows that are folded, and may fold those below them again. Rows that
  do not stand below those that are spoken of are those below the nearest row above: `role = 'child' and count(partner) = 0`.
- `child.age > grandparent.age - 20`, of two roles that there may be several of: of each pair of such rows below the same row.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from sqlglot import expressions as exp

from synthor.errors import nearest
from synthor.rules.lifted import Beside, Derived, Folded, Folding, Lifted, Paired, Those, Weighed, may_lack, variable_of
from synthor.rules.parse import (
    ARITHMETIC,
    COMPARISONS,
    Call,
    PredicateError,
    bare,
    call_of,
    predicate_of,
    text_of,
    too_deep,
    tree_of,
)
from synthor.rules.syntax import (
    Absent,
    Among,
    Both,
    Column,
    Compare,
    Constant,
    Either,
    Negated,
    Predicate,
    names_in,
    opposite,
    shown,
)
from synthor.schema import Ref, Role, Schema, Variable
from synthor.schema.fold import ALL, ANY, FOLDS, MAX, MIN, Fold
from synthor.schema.kinds import Number

MOST_WRITTEN = 300
"""Letters of a cure that writes a predicate out as often as it can be read."""

STEPS = {"next": 1, "previous": -1}
MEANT = {
    **dict.fromkeys(("avg", "average"), "write mean(...)"),
    **dict.fromkeys(("some", "exists"), "write any(...)"),
    **dict.fromkeys(("every", "each"), "write all(...)"),
    **{step: f"write {step}(level).variable" for step in STEPS},
}
"""What to write instead of functions that others have, or that stand for nothing by themselves."""


def parse_lifted(text: str, schema: Schema, of: int = 0) -> Lifted:
    """Parse a predicate that may look at any level.

    It speaks of the rows of the deepest level that it names outside of folds; of units where it names none. A role of which a
    unit may have several members stands for each of these, two such roles for each pair.

    Args:
        text: of the predicate.
        schema: the levels.
        of: the level whose rows are spoken of anyway, where what stands beside the predicate names one.

    Raises:
        PredicateError: it is no SQL, uses what is not allowed, or names what is not there.
    """
    tree = tree_of(text)
    assert isinstance(tree, exp.Expression)
    lifting = _Lifting(schema)
    try:
        roles = lifting.many(tree)
        if roles:
            lifted = lifting.of_pairs(tree, roles) if len(roles) > 1 else lifting.lifted(tree)
            lifting.refuse_guess(tree, roles[0], of)
        else:
            lifted = lifting.lifted(tree, of=of)
    except RecursionError:
        raise too_deep() from None
    if lifted.role is None:
        return lifted
    only = Among(schema.levels[lifted.level].role, (lifted.role.code,))
    return replace(lifted, predicate=Both(only, lifted.predicate))


def levels_named(text: str, schema: Schema) -> frozenset[int]:
    """Levels whose rows a predicate names outside of folds.

    Raises:
        PredicateError: it is no SQL, or names what is not there.
    """
    tree = tree_of(text)
    assert isinstance(tree, exp.Expression)
    return frozenset(_Lifting(schema).levels(tree))


def refuse_alternatives(text: str, schema: Schema) -> None:
    """Raise where one side of an `or` names a role of several and the other does not.

    Who has no such member would be passed over, although the other side is true of it.

    Raises:
        PredicateError: it is so; or it cannot be understood.
    """
    tree = tree_of(text)
    assert isinstance(tree, exp.Expression)
    _Lifting(schema).refuse_alternatives(tree)


@dataclass(frozen=True, slots=True)
class _Named:
    """A level or a role as a name means it.

    Attributes:
        name: as it is written.
        level: the level, or that of the role.
        role: where it is one.
        single: whether a row above has one such row at most.
    """

    name: str
    level: int
    role: Role | None
    single: bool


@dataclass(frozen=True, slots=True)
class _Found:
    """Columns that were put into a tree, by name.

    Attributes:
        derived: that a predicate may name.
        folds: numbers of rows below; comparisons of these become derived columns.
        others: columns of the other row of a pair.
        roles: of the rows that the tree speaks of, by which it calls them.
    """

    derived: dict[str, Derived] = field(default_factory=dict)
    folds: dict[str, Folding] = field(default_factory=dict)
    others: dict[str, int] = field(default_factory=dict)
    roles: dict[str, Role] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Lifting:
    """Looks for names of other rows in a syntax tree and puts columns in their place."""

    schema: Schema

    def lifted(
        self,
        tree: exp.Expression,
        level: int | None = None,
        found: _Found | None = None,
        other: _Named | None = None,
        of: int = 0,
    ) -> Lifted:
        """A tree as a predicate on rows of a level.

        Args:
            tree: of a predicate.
            level: whose rows; those of the deepest that it names unless given.
            found: columns that stand in the tree already.
            other: the role of the other row of a pair.
            of: without `level`, whose rows unless it names deeper ones.
        """
        self._check(tree)
        if level is None:
            level = max([of, *self.levels(tree)], key=lambda one: len(self.schema.path(one)))
            self._refuse_ambiguous(tree, level)
        self._refuse_unseen(tree, level)
        found = _Found() if found is None else found
        tree = tree.transform(lambda node: self._put(node, level, found, other))
        variables = {variable.name: variable for variable in self.schema.seen_from(level).unit.variables}
        variables |= {name: variable_of(one, self.schema) for name, one in found.derived.items()}
        variables |= {name: _number(name) for name in found.folds}
        if other is not None:
            theirs = self.schema.levels[other.level].variables
            variables |= {name: replace(theirs[at], name=name) for name, at in found.others.items()}
        lacking = [name for name, one in found.derived.items() if may_lack(one)]
        predicate = _weighed(predicate_of(tree, variables, lacking), found)
        valued = {name: variables[name].n_valued for name in lacking if isinstance(found.derived[name], Beside)}
        named = names_in(predicate)
        return Lifted(
            level=level,
            predicate=_there(predicate, valued),
            contrary=_there(opposite(predicate), valued),
            derived=tuple(one for name, one in found.derived.items() if name in named),
            role=next(iter(found.roles.values()), None),
        )

    # --- Names

    def _outside(self, tree: exp.Expression) -> Iterator[exp.Expression]:
        """Nodes outside of folds in the order of the text; `next(level).variable` is one."""
        stack = [tree]
        while stack:
            node = stack.pop()
            yield node
            call = call_of(node)
            if not isinstance(node, exp.Dot) and (call is None or call.name not in FOLDS):
                stack += reversed([inner for inner in node.iter_expressions() if isinstance(inner, exp.Expression)])

    def levels(self, tree: exp.Expression) -> Iterator[int]:
        """Levels whose rows a tree names outside of folds."""
        for node in self._outside(tree):
            if isinstance(node, exp.Dot):
                yield self._stepped(node)[0]
            elif isinstance(node, exp.Column) and node.table:
                named = self._named(node.table)
                yield self._above(named.level) if named.single else named.level
            elif isinstance(node, exp.Column):
                ref = self.schema.resolve(node.name)
                if ref is not None:
                    yield ref.level

    def many(self, tree: exp.Expression) -> list[_Named]:
        """Roles that a tree names outside of folds of which there may be several, each once."""
        tables = [node.table for node in self._outside(tree) if isinstance(node, exp.Column) and node.table]
        found = [self._named(name) for name in dict.fromkeys(tables)]
        return [one for one in found if one.role is not None and not one.single]

    def refuse_alternatives(self, tree: exp.Expression, beside: frozenset[str] = frozenset()) -> None:
        """See there; `beside` are such roles that stand beside the tree in an `and`, so that there must be some in any case."""
        tree = bare(tree)
        if not isinstance(tree, exp.And | exp.Or):
            return
        sides = tree.this, tree.expression
        named = [frozenset(one.name for one in self.many(side)) | beside for side in sides]
        if isinstance(tree, exp.Or) and named[0] != named[1]:
            lesser = sides[0] if named[1] - named[0] else sides[1]
            (role, *_) = sorted(named[0] ^ named[1])
            raise PredicateError(
                f"`{text_of(bare(lesser))[:60]}` would be looked at only where there is '{role}', which stands beside it",
                "write a rule for each side of `or`",
            )
        for side, other in zip(sides, reversed(named), strict=True):
            self.refuse_alternatives(side, other if isinstance(tree, exp.And) else beside)

    def _nearest(self, name: str, level: int) -> int | None:
        """Of which level a name is to the rows of a level: their own or the next above that has it."""
        return next((at for at in reversed(self.schema.path(level)) if name in self.schema.levels[at].names), None)

    def _alone(self, tree: exp.Expression) -> dict[str, list[int]]:
        """Names of variables that a tree writes without a dot outside of folds, and the levels that have one."""
        columns = [node for node in self._outside(tree) if isinstance(node, exp.Column) and not node.table]
        names = dict.fromkeys(node.name for node in columns if not node.this.quoted)  # what is quoted may be a label
        having = {name: [at for at, level in enumerate(self.schema) if name in level.names] for name in names}
        return {name: found for name, found in having.items() if found}

    def _refuse_ambiguous(self, tree: exp.Expression, level: int) -> None:
        """Raise where a name may be of rows below those that all other names settle: then those may be spoken of as well."""
        alone = self._alone(tree)
        for name, having in alone.items():
            path = self.schema.path(level)
            seen = self._nearest(name, level)
            readings = [at for at in having if at == seen or (at not in path and level in self.schema.path(at))]
            if len(having) > 1 and any(at not in path for at in readings):
                owners = " and of ".join(f"a {self._name(at)}" for at in readings)
                written = [f"`{self._written(tree, alone, max(level, at))}`" for at in readings]
                short = [f"{_quoted(self._name(at))}.{name}" for at in readings]
                cure = " or ".join(written if sum(map(len, written)) <= MOST_WRITTEN else short)
                raise PredicateError(f"names '{name}', which is a variable of {owners}: whose is meant?", f"write {cure}")

    def _written(self, tree: exp.Expression, names: Iterable[str], level: int) -> str:
        """A tree as it is read of rows of a level, each of some names with the level that has it."""
        told = tree.copy()
        for node in list(self._outside(told)):
            owner = self._nearest(node.name, level) if isinstance(node, exp.Column) and not node.table else None
            if owner is not None and node.name in names and self.schema.resolve(node.name) is None:
                node.set("table", exp.to_identifier(self._name(owner)))
        return text_of(told)

    def _refuse_unseen(self, tree: exp.Expression, level: int) -> None:
        """Raise where rows of a level see no variable of a name that rows of other levels have."""
        for name, having in self._alone(tree).items():
            if self._nearest(name, level) is None:
                owners = " and of ".join(f"a {self._name(at)}" for at in having)
                below = [at for at in having if level in self.schema.path(at)] or having
                cure = " or ".join(f"any({_quoted(self._name(at))}, {name} ...)" for at in below)
                message = f"names '{name}', which is a variable of {owners} and not seen by a {self._name(level)}"
                raise PredicateError(message, f"write {cure}")

    def refuse_guess(self, tree: exp.Expression, role: _Named, of: int) -> None:
        """Raise where a fold is of other rows if it is said of one with the role than if it is of rows below that."""
        if role.level not in self.schema.path(of):
            return
        for call in filter(None, map(call_of, self._outside(tree))):
            if call.name in FOLDS and call.arguments:
                named, _ = self._folded_from(call, call.arguments[0], role.level)
                ends = [self._name(self._onto(call, named, level)) for level in (role.level, of)]
                if ends[0] != ends[1]:
                    own, who = self._name(role.level), self.schema.levels[role.level].role
                    cure = f"write {own}.{who} = '{role.name}' and {own}.VARIABLE in place of {role.name}.VARIABLE"
                    message = f"asks rows of {self._name(of)}, and `{call.shown}` may be of a {ends[0]} or of a {ends[1]}"
                    raise PredicateError(message, f"for that of a {ends[1]} {cure}; for that of a {ends[0]} ask these alone")

    def _above(self, level: int) -> int:
        above = self.schema.above(level)
        return 0 if above is None else above

    def _named(self, name: str) -> _Named:
        """What a name before a dot means, or the first argument of a fold."""
        found = [_Named(name, at, None, False) for at, level in enumerate(self.schema) if level.name == name]
        for at, level in enumerate(self.schema):
            if name in level.roles:
                found.append(_Named(name, at, level.role_of(name), level.roles[name] == 1))
        if len(found) == 1:
            return found[0]
        if found:
            raise PredicateError(
                f"'{name}' means several: of {_listed(self._name(one.level) for one in found)}", "name them apart"
            )
        known = [level.name for level in self.schema] + [role for level in self.schema for role in level.roles]
        longer = [one for one in known if name in one.split()[1:]]
        cure = f'write "{longer[0]}" in double quotes' if longer else nearest(name, known)
        raise PredicateError(f"no level and no role is called '{name}'", cure)

    def _name(self, level: int) -> str:
        return self.schema.levels[level].name

    def _ref(self, level: int, name: str) -> Ref:
        own = self.schema.levels[level]
        if name not in own.names:
            raise PredicateError(f"'{own.name}' has no variable '{name}'", nearest(name, sorted(own.names)))
        return Ref(level, own.position(name))

    # --- Columns put in their place

    def _put(self, node: exp.Expression, level: int, found: _Found, other: _Named | None) -> exp.Expression:
        """What stands for a node."""
        call = call_of(node)
        if call is not None and call.name in FOLDS:
            return self._put_fold(call, level, found)
        if isinstance(node, exp.Dot):
            at, step, name = self._stepped(node)
            self._check_seen(at, level, node)
            beside = Beside(name=text_of(node), ref=replace(self._ref(at, name), step=step))
            found.derived[beside.name] = beside
            return _column(beside.name)
        if not isinstance(node, exp.Column) or not node.table:
            return node
        return self._put_name(node, level, found, other)

    def _put_name(self, node: exp.Column, level: int, found: _Found, other: _Named | None) -> exp.Expression:
        """What stands for a name with a dot."""
        named = self._named(node.table)
        ref = self._ref(named.level, node.name)
        if named.role is None:
            self._check_seen(named.level, level, node)
            if self._nearest(node.name, level) == named.level:
                return exp.column(node.name)
            found.derived[text_of(node)] = Beside(name=text_of(node), ref=ref)
            return _column(text_of(node))
        if named.single:
            self._check_seen(self._above(named.level), level, node)
            found.derived[text_of(node)] = Beside(name=text_of(node), ref=replace(ref, role=named.role))
            return _column(text_of(node))
        if named == other:
            found.others[text_of(node)] = ref.column
            return _column(text_of(node))
        if named.level != level:
            raise PredicateError(f"there may be several '{named.name}'", f"write any({named.name}, {node.name} ...)")
        found.roles[named.name] = named.role
        return exp.column(node.name)

    def _check_seen(self, at: int, level: int, node: exp.Expression) -> None:
        if at not in self.schema.path(level):
            raise PredicateError(
                f"`{text_of(node)}` is not seen from '{self._name(level)}'", f"write any({self._name(at)}, ...)"
            )

    def _stepped(self, node: exp.Dot) -> tuple[int, int, str]:
        """The level, step and variable of `next(level).variable`."""
        call, name = call_of(node.this), node.expression.name
        step = None if call is None else STEPS.get(call.name)
        if call is None or step is None or len(call.arguments) != 1:
            raise PredicateError(
                f"`{text_of(node)[:60]}` is not allowed", "write next(level).variable or previous(level).variable"
            )
        named = self._named(call.arguments[0].name)
        if named.role is not None or not self.schema.levels[named.level].ordered:
            raise PredicateError(f"rows of '{named.name}' have no order", "declare the level as ordered")
        return named.level, step, name

    # --- Folds

    def _put_fold(self, call: Call, level: int, found: _Found) -> exp.Expression:
        """The column that stands for a fold."""
        fold, arguments = FOLDS[call.name], call.arguments or (exp.null(),)
        named, position = self._folded_from(call, arguments[0], level)
        if len(arguments) > 2:
            raise PredicateError(f"`{call.shown}` has {len(arguments)} arguments", "join conditions by and")
        onto = self._onto(call, named, level)
        such = self._such(call, named, arguments[1]) if len(arguments) > 1 else None
        role = such.role if such is not None and named.role is None else named.role
        rows = Those(named.level, role, such)
        if fold not in (ANY, ALL):
            found.folds[call.shown] = Folding(call.shown, fold, rows, onto, position)
            return _column(call.shown)
        if such is None:
            cure = f"write {call.name}({named.name}, condition)"
            raise PredicateError(f"`{call.shown}` does not say what '{named.name}' is to be", cure)
        found.derived[call.shown] = Folded(call.shown, fold, rows, onto)
        return _is_so(call.shown)

    def _onto(self, call: Call, named: _Named, level: int) -> int:
        """The row that has what is folded: the one that is spoken of or, where it has no such rows, the nearest above that has.

        So `count(partner) = 0 and child.age > head.age - 12` counts the partners of the child's household.
        """
        shared = [at for at in self.schema.path(level) if at in self.schema.path(named.level)[:-1]]
        if not shared:
            raise self._not_below(call, named, level)
        return shared[-1]

    def _folded_from(self, call: Call, first: exp.Expression, level: int) -> tuple[_Named, int | None]:
        """The rows that a fold names and the position of the variable whose numbers it takes."""
        numbers, column = FOLDS[call.name].takes_numbers, first if isinstance(first, exp.Column) else None
        rows = self._rows_below(level)
        if column is not None and column.table:
            named = self._named(column.table)
            if not numbers:
                cure = f"write {call.name}({named.name}{'' if call.name == 'count' else ', condition'})"
                raise PredicateError(f"`{call.shown}` is of rows and takes no variable", cure)
            ref = self._ref(named.level, column.name)
            if not self.schema.variable(ref).numeric:
                cure = f"count rows: count({named.name}, {column.name} = ...)"
                raise PredicateError(f"'{column.name}' is no number, so it has no {call.name}", cure)
            return named, ref.column
        if numbers and call_of(first) is not None:
            cure = f"say it of each row: any({_listed(rows[:1])}, {text_of(first)} > ...)"
            raise PredicateError(f"`{call.shown}` folds what is folded already", cure)
        if numbers and column is None:
            raise PredicateError(
                f"`{call.shown}` is not of one variable", f"fold one at a time, as in {call.name}(level.variable)"
            )
        if numbers:
            raise self._not_of_variable(call, first.name, level)
        if column is None:
            said = [text_of(first)] if isinstance(first, exp.Binary | exp.Not | exp.In | exp.Between) else []
            raise PredicateError(f"`{call.shown}` names no level", f"write {call.name}({', '.join([*rows[:1], *said])})")
        of = [one.name for one in self.schema if one.name in rows and column.name in one.names]
        if of:
            cure = f"write {call.name}({of[0]}, {column.name} = ...)"
            raise PredicateError(f"`{call.shown}` names no level", cure)
        return self._named(column.name), None

    def _not_of_variable(self, call: Call, name: str, level: int) -> PredicateError:
        """That a fold of numbers names a level alone, or a variable alone."""
        below = [at for at in range(len(self.schema.levels)) if level in self.schema.path(at)[:-1]]
        numbers = {at: [one.name for one in self.schema.levels[at].variables if one.numeric] for at in below}
        here = [at for at in below if name in numbers[at]]
        if here:
            cure = f"write {' or '.join(f'{call.name}({self._name(at)}.{name})' for at in here)}"
            return PredicateError(f"`{call.shown}` names no level", cure)
        rows = [(self._name(at), self._name(at)) for at in below] + [
            (role, self._name(at)) for at in below for role in self.schema.levels[at].roles
        ]
        own = {row: numbers[self.schema.index(of)] for row, of in rows}
        if name in own:
            cure = f"write {call.name}({name}.VARIABLE), of {_listed(own[name])}" if own[name] else "it has no numbers"
            return PredicateError(f"`{call.shown}` names no variable", cure)
        known = [f"{row}.{one}" for row, names in own.items() for one in names]
        return PredicateError(f"`{call.shown}` names no level", nearest(name, known))

    def _not_below(self, call: Call, named: _Named, level: int) -> PredicateError:
        """That the rows of a fold do not stand below those that a rule speaks of."""
        message = f"'{named.name}' does not stand below '{self._name(level)}', of which `{call.shown}` is said"
        rows = self._rows_below(level)
        return PredicateError(message, f"below it: {_listed(rows)}" if rows else "nothing stands below it")

    def _rows_below(self, level: int) -> list[str]:
        """Names of the levels below one."""
        return [one.name for at, one in enumerate(self.schema) if level in self.schema.path(at)[:-1]]

    def _such(self, call: Call, named: _Named, tree: exp.Expression) -> Lifted:
        """What a fold asks of its rows."""
        roles = dict.fromkeys([*([named.name] if named.role is not None else []), *(one.name for one in self.many(tree))])
        if len(roles) > 1:
            cure = "a fold looks at one row at a time; compare with folds of the others, or outside of any fold"
            raise PredicateError(f"`{call.shown}` speaks of {' and '.join(roles)} together", cure)
        return self.lifted(tree, named.level)

    def _check(self, tree: exp.Expression) -> None:
        """Refuse functions that there are not, and conditions where a number is needed."""
        for node in self._outside(tree):
            call = call_of(node)
            if isinstance(node, exp.Filter | exp.Window):
                cure = "a condition is the last argument: count(person, age < 18)"
                raise PredicateError(f"`{text_of(node)[:60]}` is not allowed", cure)
            if isinstance(node, exp.AggFunc | exp.Exists):
                call = Call(node.key, ())
            if call is not None and call.name not in FOLDS:
                cure = MEANT.get(call.name) or nearest(call.name, [*FOLDS, *STEPS])
                raise PredicateError(f"no function is called '{call.name}'", cure)
            if (
                call is not None
                and call.name in (ANY.name, ALL.name)
                and type(node.parent) in (*COMPARISONS, *ARITHMETIC, exp.Neg)
            ):
                raise PredicateError(f"`{call.shown}` is a condition and no number", "let it stand alone, or write count(...)")

    # --- Pairs

    def of_pairs(self, tree: exp.Expression, roles: Sequence[_Named]) -> Lifted:
        """A tree that names two roles of which there may be several, as a predicate on rows with the first.

        What is said of the other row alone, or compares one number of it, is folded; else pairs are looked at.
        """
        if len(roles) > 2:
            raise PredicateError(
                f"speaks of rows of {len(roles)} roles: {_listed(one.name for one in roles)}", "look at two at a time"
            )
        mine, other = roles
        self._check_pair(tree, mine, other)
        parts, top, found = list(_conjuncts(tree)), self._above(mine.level), _Found()
        theirs = [part for part in parts if any(_is_of(node, other) for node in self._outside(part))]
        mixed = [
            part
            for part in theirs
            if not all(_is_of(node, other) for node in part.find_all(exp.Column, exp.Dot, exp.Anonymous))
        ]
        alone = [part for part in theirs if part not in mixed]
        those = Those(other.level, other.role, self.lifted(_both(*alone), other.level) if alone else None)
        extreme = _extreme(mixed[0], other) if len(mixed) == 1 else None
        said = ", ".join([other.name, *(text_of(part) for part in alone)])
        if not mixed:
            name = f"any({said})"
            found.derived[name] = Folded(name, ANY, those, top)
            together = _is_so(name)
        elif extreme is not None and self.schema.variable(self._ref(other.level, extreme[1].name)).numeric:
            fold, column = extreme
            name = f"{fold.name}({text_of(column)} of {said})"
            found.folds[name] = Folding(name, fold, those, top, self._ref(other.level, column.name).column)
            together = mixed[0].transform(lambda node: _column(name) if node == column else node)
        else:
            inside = _Found()
            lifted = self.lifted(_both(*theirs), mine.level, inside, other)
            name = f"any pair with {other.name}: {text_of(_both(*theirs))}"
            assert mine.role is not None
            found.derived[name] = Paired(name, Those(other.level, other.role), tuple(inside.others.items()), lifted, mine.role)
            together = _is_so(name)
        rest = [part for part in parts if part not in theirs]
        return replace(self.lifted(_both(*rest, together), mine.level, found), role=mine.role)

    def _check_pair(self, tree: exp.Expression, mine: _Named, other: _Named) -> None:
        """Refuse pairs that are none, and names that either row may have."""
        if self.schema.above(mine.level) != self.schema.above(other.level):
            message = f"'{mine.name}' and '{other.name}' do not stand below the same row"
            raise PredicateError(message, "compare one of them with a fold of the other")
        own = {self._name(mine.level), self._name(other.level)}
        for node in self._outside(tree):
            if not isinstance(node, exp.Column):
                continue
            names = {name for one in (mine, other) for name in self.schema.levels[one.level].names}
            if node.table in own or (not node.table and node.name in names):
                cure = f"write {mine.name}.{node.name} or {other.name}.{node.name}"
                raise PredicateError(f"`{text_of(node)}` may be of either row", cure)


def _column(name: str) -> exp.Column:
    return exp.column(exp.to_identifier(name, quoted=False))


def _quoted(name: str) -> str:
    """A level as a predicate names it."""
    return name if name.isidentifier() else f'"{name}"'


def _is_so(name: str) -> exp.Expression:
    """That what a derived column says is so."""
    return exp.EQ(this=_column(name), expression=exp.Literal.number(1))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(names)


def _number(name: str) -> Variable:
    """A number of which nothing is known but its name."""
    one = Number(type="number", min=0, max=1, bins=[0]).build(name)
    return replace(one, labels=("a number",), low=np.array([-np.inf]), high=np.array([np.inf]))


def _is_of(node: object, named: _Named) -> bool:
    return isinstance(node, exp.Column) and node.table == named.name


def _both(*parts: exp.Expression) -> exp.Expression:
    """That all are true."""
    joined = exp.and_(*parts)
    assert isinstance(joined, exp.Expression)
    return joined


def _conjuncts(tree: exp.Expression) -> Iterator[exp.Expression]:
    """What must all be true together."""
    stack = [tree]
    while stack:
        node = bare(stack.pop())
        if isinstance(node, exp.And):
            stack += [node.expression, node.this]
        else:
            yield node


def _extreme(part: exp.Expression, other: _Named) -> tuple[Fold, exp.Column] | None:
    """By which fold of which of its numbers a comparison is true of any of some rows if it is true at all; None of others.

    It compares by an order and names one number of theirs once, with which one side rises or falls.
    """
    columns = [node for node in part.find_all(exp.Column) if _is_of(node, other)]
    if len(columns) != 1 or not isinstance(part, exp.LT | exp.LTE | exp.GT | exp.GTE):
        return None
    left, right = (_direction(side, columns[0]) for side in (part.this, part.expression))
    if left is None or right is None:
        return None
    rising = left - right  # how the left side less the right one goes with the number
    return (MAX if (rising > 0) == isinstance(part, exp.GT | exp.GTE) else MIN), columns[0]


def _direction(term: exp.Expression, column: exp.Column) -> int | None:
    """Whether a term rises (1) or falls (-1) with a column that it may hold (0: it does not); None where that is not known."""
    term = bare(term)
    if term == column:
        return 1
    if column not in term.find_all(exp.Column):
        return 0
    if isinstance(term, exp.Neg):
        inner = _direction(term.this, column)
        return None if inner is None else -inner
    if not isinstance(term, exp.Add | exp.Sub):
        return None
    left, right = _direction(term.this, column), _direction(term.expression, column)
    if left is None or right is None:
        return None
    return left + right if isinstance(term, exp.Add) else left - right


def _weighed(predicate: Predicate, found: _Found) -> Predicate:
    """The same, comparisons of folded numbers being derived columns."""
    match predicate:
        case Both(left, right):
            return Both(_weighed(left, found), _weighed(right, found))
        case Either(left, right):
            return Either(_weighed(left, found), _weighed(right, found))
        case Negated(inner):
            return Negated(_weighed(inner, found))
        case Compare() as said if names_in(said) & found.folds.keys():
            named, name = names_in(said), shown(said)
            if named & found.others.keys():
                (other, *_), (fold, *_) = sorted(named & found.others.keys()), sorted(named & found.folds.keys())
                raise PredicateError(
                    f"`{other}` is of one of several and is compared with `{fold}`", "compare it with numbers of single rows"
                )
            folds = tuple(one for one in found.folds.values() if one.name in named)
            beside = tuple(one for one in found.derived.values() if isinstance(one, Beside) and one.name in named)
            found.derived[name] = Weighed(name, said, folds, beside)
            return Compare("=", Column(name), Constant(1.0))
    return predicate


def _there(predicate: Predicate, valued: Mapping[str, int]) -> Predicate:
    """The same, true of no category of a row that is not there: no matter whether something is said of it or denied.

    Args:
        predicate: over columns of other rows, too.
        valued: how many categories of each of these stand for values.
    """
    match predicate:
        case Both(left, right):
            return Both(_there(left, valued), _there(right, valued))
        case Either(left, right):
            return Either(_there(left, valued), _there(right, valued))
        case Among(name, codes) if name in valued:
            return Among(name, tuple(code for code in codes if code < valued[name]))
        case Negated(Among(name, codes)) if name in valued:
            return Among(name, tuple(code for code in range(valued[name]) if code not in codes))
        case Negated(Among() | Absent()) | Among() | Absent() | Compare():
            return predicate
        case Negated(inner):
            return _there(opposite(inner), valued)
