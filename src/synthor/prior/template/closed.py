"""What rules leave open of a variable, where they look at one row, at its unit and at one other row: known before it is drawn.

A rule is a flat predicate over columns that the rows of its level see (`rules/lifted.py`). Where all of these but one are
drawn, the categories of that one that break the rule whatever the values in them are left out, before the others are
normalised. So nobody is drawn, and thrown away with the whole household, for being a child older than its mother. What looks
at all rows, or at any of several, is left to rejection; what is said of roles themselves, see `closed_roles`.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.prior.template.chances import Closed
from synthor.problem.model import Rule
from synthor.rules.lifted import Beside, with_derived
from synthor.rules.on_categories import truth
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Role, Schema, Variable
from synthor.schema.crossed import crossed, n_crossed
from synthor.types import Codes

MOST_CELLS = 200_000
"""Combinations of categories up to which a rule is decided beforehand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kin:
    """Rows of one kind, in the eyes of a rule.

    Attributes:
        schema: of all levels.
        level: of the rows.
        role: their role; None for rows of the unit or of a level without roles.
        alone: whether there is one such row at most.
    """

    schema: Schema
    level: int
    role: int | None = None
    alone: bool = False

    def seen(self, rule: Rule) -> Mapping[str, Ref | int] | None:
        """What a rule names, as these rows see it, or the category that it is for all of them; None where they cannot."""
        path = self.schema.path(self.level)
        if rule.level not in path or not all(isinstance(one, Beside) for one in rule.derived):
            return None
        refs: dict[str, Ref] = {}
        for at in reversed(self.schema.path(rule.level)):
            for column, variable in enumerate(self.schema.levels[at].variables):
                refs.setdefault(variable.name, Ref(at, column))
        refs |= {one.name: one.ref for one in rule.derived if isinstance(one, Beside)}
        named = {name: refs[name] for name in sorted(names_in(rule.predicate))}
        steps = {ref.step for ref in named.values()}
        beside = self.role is None and rule.level == self.level and (steps <= {0, 1} or steps <= {0, -1})
        if steps != {0} and not beside:
            return None
        return {name: self._own(ref, later=1 in steps) for name, ref in named.items()}

    def through_others(self, rule: Rule) -> Iterator[tuple[Mapping[str, Ref | int], tuple[Ref, ...]]]:
        """What a rule about members of another role says of the one member with this one, and a ref to see if there are any.

        Who the members are is known before any of their variables is: where there is a partner, the head is married.
        """
        own = self.schema.levels[self.level]
        if self.role is None or not self.alone or rule.level != self.level:
            return
        role = own.position(own.role)
        for other in range(own.variables[role].size):
            seen = replace(self, role=other, alone=False).seen(rule) if other != self.role else None
            if seen is None or any(isinstance(ref, Ref) and ref.plain and ref.level == self.level for ref in seen.values()):
                continue  # theirs are drawn with this one known, or this one's with theirs
            mine = {name: self._own(at, later=False) if isinstance(at, Ref) else at for name, at in seen.items()}
            yield mine, (Ref(self.level, role, role=Role(role, other)),)

    def _own(self, ref: Ref, *, later: bool) -> Ref | int:
        """A ref as these rows see it; of a rule on the next row, as that next row does."""
        if ref.level != self.level:
            return ref
        if ref.step or (later and ref.plain):
            return Ref(ref.level, ref.column, step=ref.step - later)
        if self.role is not None:
            role = self.schema.levels[self.level].position(self.schema.levels[self.level].role)
            if ref.role is not None and ref.role.code == self.role and self.alone:
                ref = Ref(ref.level, ref.column)
            if ref.plain and ref.column == role:
                return self.role
        return ref


def closed_by(
    rules: Sequence[Rule], kin: Kin, columns: Sequence[int], known: Callable[[Ref], bool], *, later: frozenset[int]
) -> dict[int, tuple[Closed, ...]]:
    """For each column of some rows what rules leave open of it, given what is drawn before.

    Args:
        rules: to be looked at.
        kin: the rows.
        columns: in the order in which they are drawn.
        known: whether what a ref looks at, outside of the row itself, is drawn before.
        later: columns of the row before that are not drawn yet when the first column is.
    """
    found: dict[int, list[Closed]] = {column: [] for column in columns}
    for rule in rules:
        for seen, present in ((kin.seen(rule), ()), *kin.through_others(rule)):
            refs = [] if seen is None else list(dict.fromkeys(ref for ref in seen.values() if isinstance(ref, Ref)))
            own = [ref for ref in refs if ref.plain and ref.level == kin.level and ref.column in columns]
            others = [ref for ref in refs if ref not in own]
            if seen is None or not own or not all(known(ref) for ref in others):
                continue
            last = max(own, key=lambda ref: columns.index(ref.column))
            if last.column == columns[0] and any(ref.step and ref.column in later for ref in others):
                continue
            closed = _decided(rule, kin.schema, seen, last, (*present, *(ref for ref in refs if ref != last)))
            if closed is not None:
                found[last.column].append(closed)
    return {column: tuple(these) for column, these in found.items()}


def _decided(rule: Rule, schema: Schema, seen: Mapping[str, Ref | int], last: Ref, others: tuple[Ref, ...]) -> Closed | None:
    """A rule decided for all categories of one column given some others; None where there are too many or it closes none."""
    sizes = tuple(schema.variable(ref).size for ref in others)
    k = schema.variable(last).size
    if n_crossed([*(size + 1 for size in sizes), k]) > MOST_CELLS:
        return None
    codes = crossed([*(np.arange(size + 1) for size in sizes), np.arange(k)])
    variables: dict[str, Variable] = {one.name: one for one in with_derived(schema, rule.level, rule.derived).unit.variables}
    axes = [*others, last]

    def code(name: str, at: Ref | int) -> Codes:
        column = np.full(len(codes), at) if isinstance(at, int) else codes[:, axes.index(at)]
        return np.minimum(column, variables[name].size - 1).astype(np.int32)

    known = {name: code(name, at) for name, at in seen.items()}
    broken = truth(rule.predicate, known, variables, len(codes)).must
    absent = (codes[:, :-1] == np.array(sizes, np.int64)).any(axis=1)  # what is not there breaks nothing
    open_ = (~broken | absent).reshape(-1, k)
    return None if open_.all() else Closed(refs=others, sizes=sizes, open=open_)
