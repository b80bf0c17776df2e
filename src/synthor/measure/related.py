"""Numbers that two members of a unit both have, such as the ages of a couple: looked at in so many units, chunk by chunk."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from synthor.problem import Problem
from synthor.schema import Level, Ref, Schema, Units, Variable
from synthor.spec.members import MemberSpec
from synthor.types import Floats

LOOKED_AT = 50_000
"""Units in which pairs are looked at: of more, every second, third, ... one."""

MOST = 12
"""Relations that are looked at: of the first numeric variable of a level before others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Relation:
    """Two members by their roles, and a number that both have.

    Attributes:
        name: as `pairs` of the spec has it, or both roles.
        level: whose rows see both: that above theirs, or theirs where there may be several of one role.
        refs: where these rows find the two numbers.
        names: of these: `head.age` and `partner.age`.
        variable: the one that both have, as declared.
    """

    name: str
    level: int
    refs: tuple[Ref, Ref]
    names: tuple[str, str]
    variable: Variable


def relations_of(problem: Problem) -> tuple[Relation, ...]:
    """The relations of a problem's members: those that the spec names, and the head beside each other role.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... unit: home
    ... records: 10
    ... variables: {garden: {type: boolean}}
    ... members:
    ...   person:
    ...     role: role
    ...     roles: {head: 1, partner: {max: 1}}
    ...     pairs: {couple: [partner, head]}
    ...     variables:
    ...       role: {type: category, values: [head, partner, child]}
    ...       age: {type: integer, min: 0, max: 99}
    ... '''))
    >>> [(found.name, *found.names) for found in relations_of(problem)]
    [('couple', 'partner.age', 'head.age'), ('head and child', 'head.age', 'child.age')]
    """
    named = dict[str, Mapping[str, Sequence[str]]](_named(problem.spec.members))
    found: list[Relation] = []
    for at, level in enumerate(problem.schema):
        if level.role:
            pairs = _pairs(level, named.get(level.name, {}))
            for position in level.numeric:
                found += (_relation(problem.schema, at, position, name, roles) for name, roles in pairs)
    return tuple(found[:MOST])


def _named(members: Mapping[str, MemberSpec]) -> Iterator[tuple[str, Mapping[str, Sequence[str]]]]:
    """The pairs of each level by their roles, first those that nothing else tells apart."""
    for name, written in members.items():
        yield name, {pair: of.roles for pair, of in sorted(written.pairs.items(), key=lambda one: bool(one[1].by))}
        yield from _named(written.members)


def _pairs(level: Level, named: Mapping[str, Sequence[str]]) -> list[tuple[str, tuple[str, str]]]:
    """Two roles each, of one of which there is one at most, by name; no two roles twice."""
    found: dict[frozenset[str], tuple[str, tuple[str, str]]] = {}
    head = next((role for role, most in level.roles.items() if most == 1), None)
    others = [(head, role) for role in level.roles if head is not None and role != head]
    for name, (one, other) in [*named.items(), *((f"{head} and {role}", (head, role)) for head, role in others)]:
        if {one, other} <= level.roles.keys() and 1 in (level.roles[one], level.roles[other]):
            found.setdefault(frozenset((one, other)), (name, (one, other)))
    return list(found.values())


def _relation(schema: Schema, at: int, position: int, name: str, roles: tuple[str, str]) -> Relation:
    level, above = schema.levels[at], schema.above(at)
    several = [role for role in roles if level.roles[role] != 1]
    own = Ref(at, position)
    first, second = (
        replace(own, among=level.role_of(role)) if role in several else replace(own, role=level.role_of(role)) for role in roles
    )
    return Relation(
        name=name,
        level=at if several or above is None else above,
        refs=(first, second),
        names=(f"{roles[0]}.{level.variables[position].name}", f"{roles[1]}.{level.variables[position].name}"),
        variable=level.variables[position],
    )


class PairedNumbers:
    """Both numbers of pairs of members, of so many units that they can be kept.

    Args:
        relation: of the two.
        n_units: of which every so many-th is looked at that there are about `LOOKED_AT`.

    Attributes:
        relation: the same.
        every: the how many-th units are looked at.
    """

    def __init__(self, relation: Relation, n_units: int) -> None:
        self.relation, self.every = relation, max(n_units // LOOKED_AT, 1)
        self._parts: list[Floats] = []

    def add(self, units: Units, frame: pl.DataFrame) -> None:
        """Look at units of one chunk, the rows of whose level are in `frame`; labels in place of numbers say nothing."""
        column = frame[self.relation.variable.name]
        if not column.dtype.is_numeric():
            return
        level = self.relation.level
        first, second = (units.seen(ref, level) for ref in self.relation.refs)
        there = np.flatnonzero((first >= 0) & (second >= 0))
        there = there[units.above(0, level)[there] % self.every == 0]
        values = column.cast(pl.Float64).fill_null(np.nan).to_numpy()
        both = np.stack([values[first[there]], values[second[there]]])
        self._parts.append(both[:, np.isfinite(both).all(axis=0)])

    def merge(self, other: "PairedNumbers") -> None:
        """Add what was seen in other chunks."""
        self._parts += other._parts

    @property
    def values(self) -> Floats:
        """(2, pairs) the two numbers."""
        return np.concatenate([np.zeros((2, 0)), *self._parts], axis=1)
