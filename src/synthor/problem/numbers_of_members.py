"""How many members there are, against how many a spec lets there be: of all of a level, and of each role.

Said in the words of rules, with the rows in which it is not so: no household has `count(head) <> 1`.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from synthor.problem.model import Problem
from synthor.schema import Ref, Units
from synthor.spec.levels import levels_of
from synthor.spec.members import HowMany
from synthor.types import Counts, Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WrongNumber:
    """A number of members that must not be.

    Attributes:
        text: what must not be, as a rule says it.
        key: of the spec that says so.
        of: the level of the members.
        level: the next level up, whose rows have them.
        rows: those with such a number, (rows,).
    """

    text: str
    key: str
    of: int
    level: int
    rows: Mask


def wrong_numbers(problem: Problem, units: Units) -> Iterator[WrongNumber]:
    """Everything that a spec says of numbers of members, and which rows are not so; members that were handed in say nothing.

    Args:
        problem: of the spec.
        units: in its declared bins or finer ones; where nobody knows a column of roles, what is said of these means nothing.
    """
    forms = levels_of(problem.spec)
    if len(forms) != len(problem.schema.levels):
        return
    for of, form in enumerate(forms[1:], start=1):
        level = problem.schema.above(of) or 0
        parent, n = units.above(level, of), units.n_rows(level)
        for text, rows in _beyond(form.name, form.number, np.bincount(parent, minlength=n)):
            yield WrongNumber(text=text, key="number", of=of, level=level, rows=rows)
        for label, number in form.roles.items():
            role = problem.schema.levels[of].role_of(label)
            those = units.column(Ref(of, role.column)) == role.code
            for text, rows in _beyond(label, number, np.bincount(parent[those], minlength=n)):
                yield WrongNumber(text=text, key="roles", of=of, level=level, rows=rows)


def _beyond(name: str, number: HowMany, found: Counts) -> Iterator[tuple[str, Mask]]:
    if number.min == number.max:
        yield f"count({name}) <> {number.min}", found != number.min
        return
    if number.min:
        yield f"count({name}) < {number.min}", found < number.min
    if number.max is not None:
        yield f"count({name}) > {number.max}", found > number.max
