"""Believed shares of a variable given two others: how two go together in each category of a third.

Tables of pairs leave that open: whether men and women work at the same ages is in none of work by age, work by sex, age by sex.
Only the rows are believed, so that a table changes no count of rows and no share of what it is given.
"""

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from math import prod

import numpy as np

from synthor.prior.model import Dropped, Prior, ThreeWay
from synthor.prior.shown import shown
from synthor.prior.unknown import unknown
from synthor.problem import Problem
from synthor.schema import Cells, Ref, Units
from synthor.schema.cells import flat
from synthor.types import Codes, Floats, Shares

MOST_ROWS = 1_000
"""Combinations of what a table is given, at most."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BelievedThreeWay:
    """One table of three variables.

    Attributes:
        name: for people.
        refs: columns of the variables, the two that are given first.
        level: whose rows it is about: those of the deepest.
        group_of: for each of the three, (k,) the group of each category; each its own where the variable is shown as it is.
        labels: of these groups.
        rows: (groups of the first by groups of the second, groups of `of`), each row summing to one.
        strength: pseudo-records that it is worth.
    """

    name: str
    refs: tuple[Ref, Ref, Ref]
    level: int
    group_of: tuple[Codes, Codes, Codes]
    labels: tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]
    rows: Shares
    strength: float

    @property
    def shape(self) -> tuple[int, ...]:
        """Groups of each of the three."""
        return tuple(len(labels) for labels in self.labels)

    @property
    def key(self) -> Hashable:
        """What its cells hang on: tables of one key count alike."""
        return self.level, self.refs, *(group_of.tobytes() for group_of in self.group_of)

    def cells(self, units: Units) -> Cells:
        """How often each unit's rows fall into each believed cell; those that lack one of the three fall into none."""
        codes = [units.column(ref, self.level) for ref in self.refs]
        index = flat([of[own] for of, own in zip(self.group_of, codes, strict=True)], self.shape)
        for own in codes:
            index = np.where(own >= 0, index, self.rows.size)
        return units.counted(self.level, index, self.rows.size)

    def cell(self, number: int) -> str:
        """A cell in words.

        >>> one = np.arange(2, dtype=np.int32)
        >>> table = BelievedThreeWay(
        ...     name="", refs=(Ref(0, 0), Ref(0, 1), Ref(0, 2)), level=0, group_of=(one, one, one), rows=np.full((4, 2), 0.5),
        ...     labels=(("young", "old"), ("woman", "man"), ("works", "does not")), strength=300,
        ... )
        >>> table.cell(3)
        'young, man, does not'
        """
        places = np.unravel_index(number, self.shape)
        return ", ".join(labels[int(place)] for labels, place in zip(self.labels, places, strict=True))


def three_way_of(
    beliefs: Sequence[ThreeWay], strengths: Sequence[float], prior: Prior, problem: Problem, dropped: list[Dropped]
) -> tuple[BelievedThreeWay, ...]:
    """Tables of three variables as arrays; what cannot be used is added to `dropped`.

    Args:
        beliefs: as they were written.
        strengths: pseudo-records that each is worth.
        prior: all beliefs, for groups of categories.
        problem: knows the variables.
        dropped: what could not be used of others.
    """
    found = []
    for i, (belief, strength) in enumerate(zip(beliefs, strengths, strict=True)):
        table = _believed(belief, strength, prior, problem)
        if isinstance(table, str):
            dropped.append(Dropped(belief=f"three_way[{i}] ({belief})", reason=table))
        else:
            found.append(table)
    return tuple(found)


def _believed(belief: ThreeWay, strength: float, prior: Prior, problem: Problem) -> BelievedThreeWay | str:
    """The table, or why it cannot be used."""
    schema = problem.schema
    if len(schema.levels) == 1:
        return "tables of three variables are used where units have members only"
    refs = []
    for name in (*belief.given, belief.of):
        ref = schema.resolve_among(name)
        if ref is None:
            return unknown(name, problem)
        if schema.variable(ref).kind.free:
            return f"{name} is another in each record, so nothing is believed of it"
        refs.append(ref)
    level = schema.shared_level(refs)
    if level is None:
        return "no row holds all three: their levels stand side by side"
    variables = [schema.variable(ref) for ref in refs]
    first, second, of = (shown(variable, prior.groups.get(variable.name)) for variable in variables)
    n_rows = prod((first.size, second.size))
    if n_rows > MOST_ROWS:
        return f"{first.name} and {second.name} have {n_rows:,} combinations, more than {MOST_ROWS:,}"
    rows: Floats = np.zeros((n_rows, of.size))
    if belief.parts not in (None, first.size):
        each = f"a part for each of the {first.size} of {first.name}"
        return f"rows have {belief.parts} parts; write {each}, and in it a row for each of the {second.size} of {second.name}"
    if len(belief.rows) != n_rows or any(len(row) != of.size for row in belief.rows):
        sizes = sorted({len(row) for row in belief.rows})
        order = f"those of the first {first.name} first, one for each {second.name}"
        return f"{len(belief.rows)} rows of {sizes} numbers, expected {n_rows} rows of {of.size}: {order}"
    rows[:] = belief.rows
    sums = rows.sum(axis=1, keepdims=True)
    if not sums.all():
        return f"row {1 + int(np.flatnonzero(sums == 0)[0])} holds only zeros"
    return BelievedThreeWay(
        name=str(belief),
        refs=(refs[0], refs[1], refs[2]),
        level=level,
        group_of=(first.group_of, second.group_of, of.group_of),
        labels=(tuple(first.labels), tuple(second.labels), tuple(of.labels)),
        rows=rows / sums,
        strength=strength,
    )
