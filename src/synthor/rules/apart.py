"""Predicates taken apart: the cases in which they are true, and comparisons as weighted sums of numbers."""

from collections.abc import Iterator
from itertools import product

from synthor.rules.syntax import (
    Absent,
    Among,
    Arithmetic,
    Both,
    Column,
    Compare,
    Constant,
    Either,
    Negated,
    Predicate,
    Term,
    opposite,
)

MOST_CASES = 64
"""Cases of a predicate, beyond which it is not taken apart."""

Case = tuple[Predicate, ...]
"""Comparisons and memberships that are true together."""


def cases(node: Predicate) -> list[Case]:
    """The cases in which a predicate is true; none where there are too many.

    >>> one, other, third = (Compare(">", Column(name), Constant(0)) for name in "abc")
    >>> cases(Both(one, Either(other, third))) == [(one, other), (one, third)]
    True
    """
    found = _cases(node)
    return found if len(found) <= MOST_CASES else []


def _cases(node: Predicate) -> list[Case]:
    match node:
        case Either(left, right):
            return [*_cases(left), *_cases(right)]
        case Both(left, right):
            one, other = _cases(left), _cases(right)
            if len(one) * len(other) > MOST_CASES:
                return [()] * (MOST_CASES + 1)
            return [a + b for a, b in product(one, other)]
        case Negated(Among() | Absent()):
            return [(node,)]
        case Negated(inner):
            return _cases(opposite(inner))
        case _:
            return [(node,)]


def at_most_zero(said: Compare) -> Iterator[tuple[dict[str, float], float, bool]]:
    """What is 0 at most where a comparison is true: weights of numbers by their names, a constant, and whether it is less.

    None where it multiplies numbers by each other, or says no more than that two differ.

    >>> [*at_most_zero(Compare(">", Column("age"), Arithmetic("+", Column("grade"), Constant(5))))]
    [({'age': -1.0, 'grade': 1.0}, 5.0, True)]
    """
    weights = _weights(Arithmetic("-", said.left, said.right))
    if weights is None:
        return
    constant = weights.pop("", 0.0)
    signs = {"<": (1.0,), "<=": (1.0,), ">": (-1.0,), ">=": (-1.0,), "=": (1.0, -1.0)}
    for sign in signs.get(said.op, ()):
        yield {name: sign * weight for name, weight in weights.items() if weight}, sign * constant, said.op in ("<", ">")


def _weights(term: Term) -> dict[str, float] | None:
    """A term as a weighted sum of numbers, by name, and of a constant, by no name; None where it is none."""
    match term:
        case Constant(value):
            return {"": value}
        case Column(name):
            return {name: 1.0}
        case Arithmetic(op, left, right):
            one, other = _weights(left), _weights(right)
            if one is None or other is None:
                return None
            if op == "*":
                one, other = (other, one) if set(one) == {""} else (one, other)
                return {name: weight * other[""] for name, weight in one.items()} if set(other) == {""} else None
            sign = 1.0 if op == "+" else -1.0
            return {name: one.get(name, 0.0) + sign * other.get(name, 0.0) for name in {**one, **other}}
