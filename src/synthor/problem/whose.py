"""Whose rows a target counts: those of the deepest level among its variables, or what it says itself. Never guessed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cache

from sqlglot import expressions as exp

from synthor.errors import Finding, near, nearest
from synthor.problem.instead import of_several, summed
from synthor.problem.printed import MEASURES
from synthor.problem.read import VALUE
from synthor.problem.views import View
from synthor.rules.parse import PredicateError, outside_folds, tree_of
from synthor.schema import Schema
from synthor.spec.levels import LevelForm
from synthor.spec.tables.table import Table
from synthor.spec.targets import TargetSpec

NAMED = ("mean", "total", "sd", "quantiles")
"""Keys of a target that hold the name of a variable."""

TWO = 2
"""Sides of a pair."""


class Whose:
    """The rows that targets of one spec may count.

    Args:
        schema: the levels of units.
        forms: the same as the spec has them, which know relations.
    """

    def __init__(self, schema: Schema, forms: Sequence[LevelForm]) -> None:
        self.schema = schema
        self._pairs = {name: (at, pair) for at, form in enumerate(forms) for name, pair in form.pairs.items()}
        self._follows = {(at, name): follows.text for at, form in enumerate(forms) for name, follows in form.follows.items()}
        self.level = cache(self._level)
        self.pair = cache(self._pair)

    def on(self, schema: Schema) -> "Whose":
        """The same rows, their variables cut otherwise."""
        other = Whose(schema, ())
        other._pairs, other._follows = self._pairs, self._follows
        return other

    def _level(self, at: int) -> View:
        return View.of_level(self.schema, at)

    def _pair(self, name: str, categories: tuple[str, ...] = ()) -> View:
        at, pair = self._pairs[name]
        if pair.by:
            return View.of_categories(self.schema, name, at, pair.roles, pair.by, categories)
        return View.of_pair(self.schema, name, at, pair.roles)

    @property
    def levels(self) -> list[View]:
        """The rows of each level."""
        return [self.level(at) for at in range(len(self.schema.levels))]

    def again(self, view: View) -> View:
        """The same rows as another schema has them."""
        return self.pair(view.relation, view.categories) if view.relation else self.level(view.level)

    def seen_by(self, written: TargetSpec) -> list[View]:
        """The rows that a target may count: whatever any of these sees may be a side of its table."""
        _, pair = self._pairs.get(written.pairs or "", (0, None))
        if written.pairs is None or pair is None or not pair.by:
            return self.levels
        try:
            return [self.pair(written.pairs), *self.levels]
        except ValueError:  # which is told of the target
            return self.levels

    def of(self, written: TargetSpec, table: Table | None, place: str) -> View | Finding:
        """The rows that a target counts; or why that is not clear.

        Args:
            written: the target.
            table: its rows as text, where they could be read.
            place: what to call it in a message.
        """
        sums = None if written.where is None else summed(written.where, self.schema, place)
        if sums is not None:
            return sums
        if written.pairs is not None:
            return self._of_pair(written, written.pairs, table, place)
        names = dict.fromkeys(self._names(written, table))
        if written.rows is not None:
            found: View | Finding = self.level(self.schema.index(written.rows))
        else:
            found = self._deepest([*names, *self._meant(written, table)], place)
        if isinstance(found, Finding):
            return found
        for name in names:
            if found.called(name) not in found.variables:
                return self._several(name, written, place) or _unseen(name, found, place)
        return self._not_summed(written, found, place) or self._aside(written, found, names, place) or found

    def _several(self, name: str, written: TargetSpec, place: str) -> Finding | None:
        """That a name is of one of several members, if it is."""
        several = of_several(name, self.schema)
        if several is None:
            return None
        message, own, such = several
        if name in _columns(written.where or ""):
            cure = f"write {own} in `where`, and `{such}` with it: these are counted then"
        else:
            either = " or " in (written.where or "").lower()
            where = such if not written.where else f"({written.where}) and {such}" if either else f"{written.where} and {such}"
            cure = f'write {own}, and `where: "{where}"`'
        if written.rows is not None:
            cure += f", with `rows: {next(level.name for level in self.schema if own.rpartition('.')[2] in level.names)}`"
        return Finding(where=place, message=message, cure=cure, label=name)

    def _aside(self, written: TargetSpec, view: View, names: Iterable[str], place: str) -> Finding | None:
        """Why a statistic cannot be told by what a target names, if it cannot: what neither these rows nor those above have."""
        if not (written.mean or written.total or written.sd):
            return None
        path = self.schema.path(view.level)
        for name in names:
            ref = view.refs[view.called(name)]
            owner = self.schema.levels[ref.level]
            own = owner.variables[ref.column].name
            if not ref.plain:
                message = f"'{name}' is of another {owner.name}, and means, totals and deviations by such are not met"
                cure = f"let a variable of the {self._above(ref.level)} follow from it, and name that: {{from: {name}}}"
                return Finding(where=place, message=message, cure=cure)
            for hiding in path[path.index(ref.level) + 1 :]:
                level = self.schema.levels[hiding]
                if own in level.names:
                    message = (
                        f"'{name}' hides behind the {level.name}'s own '{own}': means, totals and deviations by it are not met"
                    )
                    return Finding(where=place, message=message, cure="give one of the two another name")
        return None

    def _not_summed(self, written: TargetSpec, view: View, place: str) -> Finding | None:
        """Why what a target sums up is not a number of the very rows that it counts, if it is not."""
        name = written.mean or written.total or written.sd
        ref = view.refs.get(view.called(name)) if name else None
        if ref is None:
            return None
        owner = self.schema.levels[ref.level]
        own = owner.variables[ref.column].name
        text = self._follows.get((ref.level, own), "")
        if text:
            message = f"'{own}' follows from {text}, and sums of what follows are not met yet"
            return Finding(
                where=place, message=message, cure="give a table of its categories, or a target on the members themselves"
            )
        if ref.level != view.level or not ref.plain:
            message = f"'{name}' belongs to a {owner.name}, and sums over other rows ({view.name}) are not met yet"
            return Finding(
                where=place, message=message, cure=f"give the target with `rows: {owner.name}`, and `where:` if only some count"
            )
        return None

    def _of_pair(self, written: TargetSpec, name: str, table: Table | None, place: str) -> View | Finding:
        _, pair = self._pairs[name]
        try:
            view = self.pair(name)
        except ValueError as error:
            cure = f"say `max: 1` of both under roles, or give a table by them, of a relation without `ordered: by {pair.by}`"
            message = f"{error}: such pairs are not counted yet"
            return Finding(where=place, message=message, cure=cure if pair.by else "leave the target out")
        categories = self._categories(written, name, table, place) if pair.by else ()
        if isinstance(categories, Finding):
            return categories
        return self._of_one(written, view, place) or (self.pair(name, categories) if categories else view)

    def _categories(self, written: TargetSpec, name: str, table: Table | None, place: str) -> tuple[str, ...] | Finding:
        """The two categories by which a target tells the two of a pair apart: those that it names, where there are more."""
        at, pair = self._pairs[name]
        own = self.schema.levels[at]
        labels = own.variables[own.position(pair.by)].labels
        if len(labels) == TWO:
            return labels
        told = (one.rpartition(".") for one in _named(written, table))
        named = {before for before, _, variable in told if before in labels and variable in own.names}
        if len(named) == TWO:
            return tuple(label for label in labels if label in named)
        one, other, *_ = [label for label in labels if label in named] + [label for label in labels if label not in named]
        message = f"names {len(named)} of the {len(labels)} categories of {pair.by} that tell pairs of '{name}' apart"
        where = " and ".join(f"{_quoted(label)}.{pair.by} = '{label}'" for label in (one, other))
        cure = f"name two, in columns of its table or in `where`, such as `{where}`"
        return Finding(where=place, message=message, cure=cure)

    def _of_one(self, written: TargetSpec, view: View, place: str) -> Finding | None:
        """Why a statistic of pairs' values cannot be told, if a target is one: the values are those of one of the two."""
        name = written.mean or written.total or written.sd
        if not name:
            return None
        owner = self.schema.levels[self._pairs[view.name][0]]
        role, _, own = name.rpartition(".")
        message = f"means, totals and deviations of pairs ('{view.name}') are not met"
        cure = "give it of single rows, without `pairs`, and with `where:` if only some count"
        if role in owner.roles:
            cure = f"give that of '{own}' with `rows: {owner.name}` and `where: \"{owner.role} = '{role}'\"`"
        return Finding(where=place, message=message, cure=cure)

    def _above(self, level: int) -> str:
        """What the rows of a level belong to."""
        above = self.schema.above(level)
        return self.schema.levels[0 if above is None else above].name

    def _names(self, written: TargetSpec, table: Table | None) -> Iterator[str]:
        """Everything that a target calls by name and that some rows see."""
        for name in _named(written, table):
            if self._levels_of(name):
                yield name

    def _meant(self, written: TargetSpec, table: Table | None) -> Iterator[str]:
        """What columns that nothing sees may have meant, so that what is said of them is said of the likeliest rows."""
        every = dict.fromkeys(name for level in self.schema for name in level.names)
        aside = {*MEASURES, written.statistic, VALUE, written.margin_of_error}
        for name in () if table is None else table.columns:
            if name not in aside and not self._levels_of(name):
                meant = near(name, list(every))
                if meant is not None and len(self._levels_of(meant)) == 1:
                    yield meant

    def _levels_of(self, name: str) -> list[int]:
        """The levels whose rows see a name at the least depth."""
        before, dot, own = name.rpartition(".")
        found = []
        for at, level in enumerate(self.schema):
            if own in level.names and (not dot or level.name == before):
                found.append(at)
            elif dot and own in level.names and before in level.roles:
                above = self.schema.above(at)
                found.append(at if level.roles[before] != 1 or above is None else above)
        return found

    def _deepest(self, names: Sequence[str], place: str) -> View | Finding:
        levels: set[int] = set()
        for name in names:
            found = self._levels_of(name)
            if len(found) > 1:
                owners = " and of ".join(f"a {self.schema.levels[at].name}" for at in found)
                written = " or ".join(f"{self.schema.levels[at].name}.{name}" for at in found)
                message = f"'{name}' is a variable of {owners}: whose is meant?"
                return Finding(where=place, message=message, cure=f"write {written}, or say `rows:`")
            levels |= set(found)
        deepest = max(levels, key=lambda at: len(self.schema.path(at)), default=0)
        beside = [at for at in sorted(levels) if at not in self.schema.path(deepest)]
        if beside:
            a, b = (self.schema.levels[at].name for at in (deepest, beside[0]))
            message = f"speaks of {a} and {b}, which stand side by side: no row has both"
            return Finding(where=place, message=message, cure="give one table of each, or let a variable of the unit follow")
        return self.level(deepest)


def spoken(written: TargetSpec, table: Table, view: View) -> tuple[TargetSpec, Table]:
    """A target and its table with variables called as the rows call them: `person.age` is `age` to a person."""

    def keyed(pairs: Mapping[str, object] | None) -> dict[str, object] | None:
        return None if pairs is None else {view.called(name): value for name, value in pairs.items()}

    changed: dict[str, object] = {key: view.called(name) for key in NAMED if (name := getattr(written, key)) is not None}
    for key in ("by", "flows"):
        names = getattr(written, key)
        changed |= {} if names is None else {key: type(names)(view.called(name) for name in names)}
    for key in ("counts", "shares", "groups"):
        changed |= {} if getattr(written, key) is None else {key: keyed(getattr(written, key))}
    columns = tuple(view.called(name) for name in table.columns)
    same = Table(
        source=table.source,
        columns=columns,
        rows=table.rows,
        numbers=table.numbers,
        notes=table.notes,
        left_out=table.left_out,
    )
    return written.model_copy(update=changed), same


def _named(written: TargetSpec, table: Table | None) -> list[str]:
    """Everything that a target calls by name, and what else heads its table."""
    said = [getattr(written, key) for key in NAMED]
    said += [*(written.counts or ()), *(written.shares or ()), *(written.by or ()), *(written.flows or ())]
    said += [] if table is None else table.columns
    said += [] if written.where is None else _columns(written.where)
    return [name for name in said if name is not None]


def _quoted(label: str) -> str:
    """A label as a predicate names it before a dot: in double quotes where it is no word."""
    return label if label.isidentifier() else f'"{label}"'


def _columns(text: str) -> list[str]:
    """What a predicate names of the rows themselves; nothing where it cannot be parsed, which is said elsewhere."""
    try:
        tree = tree_of(text)
    except PredicateError:
        return []
    assert isinstance(tree, exp.Expression)
    own = [node for node in outside_folds(tree) if isinstance(node, exp.Column)]
    return [f"{node.table}.{node.name}" if node.table else node.name for node in own]


def _unseen(name: str, view: View, place: str) -> Finding:
    known = nearest(name, list(view.variables))
    cure = f"write a variable of the {view.name} with `from:`, such as head.{name} or any(...), or count other rows"
    message = f"'{name}' is not seen by a {view.name}: whose is meant?"
    return Finding(where=place, message=message, cure=known if known.startswith("did") else cure, label=name)
