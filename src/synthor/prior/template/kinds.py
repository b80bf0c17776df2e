"""A template ready for use: every variable's chances, with its strongest parents and what rules close, in order of drawing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.prior.template.chances import Chances, Closed
from synthor.prior.template.closed import Kin, closed_by
from synthor.prior.template.closed_numbers import CountedRows, numbers_closed
from synthor.prior.template.order import Arranged, arranged, information, roles_in_order, strongest
from synthor.prior.template.told import Believed, Dependence, Members, Template
from synthor.schema import Ref
from synthor.types import Floats, Shares

Known = Callable[[Ref], bool]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Drawing:
    """One variable in the order of drawing.

    Attributes:
        column: that it is written to.
        chances: of its categories.
    """

    column: int
    chances: Chances


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sibling:
    """How the ordering variable of one member depends on that of the one before.

    Attributes:
        rows: (k, k) P(own | that of the next older).
        trust: the table's exponent.
        factors: (k, k) what else its chances are multiplied with.
    """

    rows: Shares
    trust: float
    factors: Floats

    @classmethod
    def of(cls, table: Dependence, usual: Shares) -> "Sibling":
        """From what is believed."""
        return cls(rows=table.shares(usual)[: len(usual)], trust=table.trust, factors=np.ones((len(usual), len(usual))))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KindOfRow:
    """Rows that are drawn alike.

    Attributes:
        index: place of the kind among those of its level.
        drawings: its variables, in order.
        oldest_first: whether the first of these orders the rows.
        sibling: what the row before says of that one.
        chained: whether other variables look at the row before, so that rows are drawn one after the other.
    """

    index: int
    drawings: tuple[Drawing, ...]
    oldest_first: bool
    sibling: Sibling | None
    chained: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kinds:
    """All that is drawn, in order.

    Attributes:
        structural: variables of the unit that come first.
        roles: of each level the categories of its kinds of rows.
        numbers: for each level without a composition the chances of each number of rows.
        by_role: for those of these with roles the chances of each number of rows with each.
        rows: of each level its kinds, in order of drawing.
        rest: variables of the unit that come last.
    """

    structural: tuple[Drawing, ...]
    roles: tuple[tuple[int, ...], ...]
    numbers: Mapping[int, Chances]
    by_role: Mapping[int, tuple[Chances, ...]]
    rows: tuple[tuple[KindOfRow, ...], ...]
    rest: tuple[Drawing, ...]

    @classmethod
    def of(cls, template: Template) -> "Kinds":
        """Everything of a template put in order."""
        return _Ordering(template).kinds()


class _Ordering:
    """Puts a template in order, remembering which kinds of rows are drawn already."""

    def __init__(self, template: Template) -> None:
        self.template, self.schema = template, template.schema
        self.drawn: set[tuple[int, int | None]] = set()
        self.members = {(one.level, one.role): one for one in template.members}
        told = template.composition
        self.of_roles = {**template.by_role, **({} if told is None else {told.level: told.roles})}
        self.roles = tuple(tuple(self.of_roles.get(level, ())) for level in range(len(self.schema.levels)))

    def kinds(self) -> Kinds:
        told = self.template
        structural = self._unit(told.structural, lambda _: False)
        numbers, rows = dict[int, Chances](), list[tuple[KindOfRow, ...]]([()])
        by_role = dict[int, tuple[Chances, ...]]()
        for level in range(1, len(self.schema.levels)):
            if level in told.numbers:
                numbers[level] = self._number(told.numbers[level], level)
            if level in told.by_role:
                by_role[level] = tuple(self._number(each, level, role) for role, each in told.by_role[level].items())
            rows.append(tuple(self._kind(level, role) for role in self._order(level)))
        rest = self._unit(told.rest, self._known_last)
        return Kinds(structural=structural, roles=self.roles, numbers=numbers, by_role=by_role, rows=tuple(rows), rest=rest)

    def _shares(self, ref: Ref) -> Shares | None:
        """Shares of the categories behind a ref, where they are believed."""
        if ref.level == 0:
            believed = self.template.structural.get(ref.column) or self.template.rest.get(ref.column)
        else:
            roles = [ref.role.code] if ref.role is not None else [role for level, role in self.members if level == ref.level]
            of = self.members.get((ref.level, roles[0])) if len(roles) == 1 else None
            believed = None if of is None else of.variables.get(ref.column)
        return None if believed is None else np.asarray(believed.marginal / believed.marginal.sum())

    def _known_last(self, ref: Ref) -> bool:
        """Whether what a variable of the unit looks at is drawn before it, when all members are."""
        if ref.role is not None:
            return (ref.level, ref.role.code) in self.drawn
        return (
            ref.level == 0 and not ref.step and (ref.column in self.template.structural or ref.column in self.template.derived)
        )

    def _known(self, level: int) -> Known:
        """The same of what rows of a level look at."""
        path = self.schema.path(level)

        def known(ref: Ref) -> bool:
            if self._computed(ref):  # when all rows are there
                return False
            if ref.role is not None:
                return (ref.level, ref.role.code) in self.drawn
            if ref.step:
                return ref.level == level and ref.step == -1
            return ref.column in self.template.structural if ref.level == 0 else ref.level in path and ref.level != level

        return known

    def _computed(self, ref: Ref) -> bool:
        """Whether a column of members follows from members of theirs."""
        return ref.level > 0 and ref.column in self.template.derived_below.get(ref.level, ())

    def _number(self, believed: Believed, level: int, role: int | None = None) -> Chances:
        """Chances of how many rows of a level, or of those with a role, there are below a row above, which is drawn."""
        above = self.schema.path(level)[-2]
        known = self._known(above)

        def before(ref: Ref) -> bool:
            return known(ref) or (ref.plain and ref.level == above > 0 and not self._computed(ref))

        usable = [table for table in believed.tables if before(table.given)]
        counted = CountedRows(level=level, role=role, column=self.template.counted.get(level) if role is None else None)
        closed = numbers_closed(self.template.rules, self.schema, counted, len(believed.marginal) - 1, before)
        return Chances.of(self.schema, believed, strongest(usable, self._shares), closed)

    def _order(self, level: int) -> tuple[int | None, ...]:
        """The roles of a level in order of drawing; None alone where it has none."""
        if not self.roles[level]:
            return (None,)
        needs: dict[tuple[int, int], float] = {}
        for role in self.roles[level]:
            for believed in self._variables(level, role).values():
                for table in believed.tables:
                    if table.given.role is not None and table.given.level == level:
                        pair = (role, table.given.role.code)
                        needs[pair] = needs.get(pair, 0.0) + information(table, self._shares(table.given))
        return tuple(roles_in_order(self.roles[level], needs))

    def _variables(self, level: int, role: int | None) -> Mapping[int, Believed]:
        return self.members[level, role].variables

    def _kind(self, level: int, role: int | None) -> KindOfRow:
        of = self.members[level, role]
        most = len(self.of_roles[level][role].marginal) - 1 if role is not None else None
        kin = Kin(schema=self.schema, level=level, role=role, alone=most is not None and most <= 1)
        first, known = of.oldest_first, self._known(level)
        places = arranged(of.variables, level, first=first, known=known, shares=self._shares)
        sibling = None
        if first is not None:
            before = [table for table in places[0].tables if table.given.step]
            sibling = Sibling.of(before[0], places[0].believed.marginal) if before else None
            places = (replace(places[0], tables=tuple(t for t in places[0].tables if not t.given.step)), *places[1:])
        drawings = tuple(
            self._copying(drawing, of) for drawing in self._drawings(places, kin, known, rows_ordered=first is not None)
        )
        later = drawings[1:] if first is not None else drawings
        self.drawn.add((level, role))
        return KindOfRow(
            index=0 if role is None else self.roles[level].index(role),
            drawings=drawings,
            oldest_first=first is not None,
            sibling=sibling,
            chained=any(ref.step for drawing in later for ref in drawing.chances.looked_at),
        )

    def _copying(self, drawing: Drawing, of: Members) -> Drawing:
        """The same variable, which is as a variable of the unit tells, if one does."""
        if drawing.column not in of.copied:
            return drawing
        column, category = of.copied[drawing.column]
        size = self.schema.unit.variables[column].size
        told = Closed(refs=(Ref(0, column),), sizes=(size,), open=np.arange(size + 1)[:, None] == category)
        return replace(drawing, chances=replace(drawing.chances, closed=(*drawing.chances.closed, told)))

    def _unit(self, variables: Mapping[int, Believed], known: Known) -> tuple[Drawing, ...]:
        """Variables of the unit."""
        places = arranged(variables, 0, first=None, known=known, shares=self._shares)
        return self._drawings(places, Kin(schema=self.schema, level=0), known, rows_ordered=False)

    def _drawings(self, places: Sequence[Arranged], kin: Kin, known: Known, *, rows_ordered: bool) -> tuple[Drawing, ...]:
        """Variables of one kind of row, each with its parents and what rules close."""
        columns = [place.column for place in places]
        later = frozenset(columns) if rows_ordered else frozenset[int]()
        closed = closed_by(self.template.rules, kin, columns, known, later=later)
        return tuple(
            Drawing(
                column=place.column,
                chances=Chances.of(self.schema, place.believed, place.tables, closed[place.column]),
            )
            for place in places
        )
