"""Whether predicates are true of categories: yes, no, or open, where that depends on the values in them.

`head_age < 18` is open in the bin 15-24. Truth is then two masks, `may` (some values in the bins make it true) and `must` (all
do), combined as in Kleene's three-valued logic.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

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
    names_in,
    opposite,
    parts,
)
from synthor.schema import Variable
from synthor.types import Codes, Floats, Mask

Ends = Callable[[str], tuple[Floats, Floats]]
"""Least and greatest value of a variable by its name, (n,) each."""


@dataclass(frozen=True, slots=True)
class Truth:
    """Three-valued truth of a predicate on categories: `must` implies `may`; false where not `may`."""

    may: Mask
    must: Mask


def truth(predicate: Predicate, codes: Mapping[str, Codes], variables: Mapping[str, Variable], n: int) -> Truth:
    """Truth of a predicate given categories, conservative: never `must` unless all values in the bins make it true.

    Args:
        predicate: a parsed predicate.
        codes: (n,) codes of those variables that are known; others may take any value.
        variables: by name.
        n: number of units.

    >>> from synthor.rules.parse import parse_predicate
    >>> from synthor.schema.kinds import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age")
    >>> t = truth(parse_predicate("age < 20", {"age": age}), {"age": np.array([0, 1])}, {"age": age}, 2)
    >>> t.may.tolist(), t.must.tolist()
    ([True, True], [True, False])
    """
    match predicate:
        case Both(left, right):
            a, b = truth(left, codes, variables, n), truth(right, codes, variables, n)
            return Truth(a.may & b.may, a.must & b.must)
        case Either(left, right):
            a, b = truth(left, codes, variables, n), truth(right, codes, variables, n)
            return Truth(a.may | b.may, a.must | b.must)
        case Negated(Among(name) as inner):  # of those without a value it is not true either
            a, absent = truth(inner, codes, variables, n), truth(Absent(name), codes, variables, n)
            return Truth(~a.must & ~absent.must, ~a.may & ~absent.may)
        case Negated(Absent() as inner):
            a = truth(inner, codes, variables, n)
            return Truth(~a.must, ~a.may)
        case Negated(inner):
            return truth(opposite(inner), codes, variables, n)
        case Among(name, members):
            if name not in codes:
                full = len(members) == variables[name].size
                return Truth(np.full(n, bool(members)), np.full(n, full))
            inside = np.isin(codes[name], members)
            return Truth(inside, inside)
        case Absent(name):
            if name not in codes:
                return Truth(np.full(n, variables[name].missing), np.zeros(n, bool))
            gone = codes[name] >= variables[name].n_valued
            return Truth(gone, gone)
        case Compare():
            found = compared(predicate, lambda name: _ends(name, codes, variables, n), n)
            if any(variables[name].missing for name in names_in(predicate) - codes.keys()):  # it may be of no value
                return Truth(found.may, np.zeros(n, bool))
            return found


def compared(said: Compare, ends: Ends, n: int) -> Truth:
    """Truth of a comparison of numbers that lie between ends, where these are there; of no number it is false.

    Args:
        said: the comparison.
        ends: (n,) least and greatest values of each variable that it names.
        n: number of units.
    """
    (a, b), (c, d) = _interval(said.left, ends, n), _interval(said.right, ends, n)
    match said.op:
        case "<":
            return Truth(a < d, b < c)
        case "<=":
            return Truth(a <= d, b <= c)
        case ">":
            return Truth(b > c, a > d)
        case ">=":
            return Truth(b >= c, a >= d)
    same = (a == b) & (c == d) & (a == c)
    if said.op == "=":
        return Truth((a <= d) & (c <= b), same)
    return Truth(~same & (a <= b) & (c <= d), (a > d) | (c > b))  # false of both where there is no value


def settled(predicate: Predicate, variables: Mapping[str, Variable]) -> bool:
    """Whether the bins of its variables decide a predicate.

    >>> from synthor.rules.parse import parse_predicate
    >>> from synthor.schema.kinds import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age")
    >>> [settled(parse_predicate(text, {"age": age}), {"age": age}) for text in ("age < 18", "age < 20")]
    [True, False]
    """
    for part in parts(predicate):
        names = names_in(part)
        if len(names) > 1:
            return False
        name = next(iter(names), None)
        if name is not None:
            codes: Codes = np.arange(variables[name].size, dtype=np.int32)
            found = truth(part, {name: codes}, variables, len(codes))
            if (found.may != found.must).any():
                return False
    return True


def _ends(name: str, codes: Mapping[str, Codes], variables: Mapping[str, Variable], n: int) -> tuple[Floats, Floats]:
    """The ends of a variable's bins, of all its values where it is not known."""
    variable = variables[name]
    if name not in codes:
        return np.full(n, variable.least), np.full(n, variable.most)
    return variable.low[codes[name]], variable.high[codes[name]]


def _interval(term: Term, ends: Ends, n: int) -> tuple[Floats, Floats]:
    match term:
        case Constant(value):
            return np.full(n, value), np.full(n, value)
        case Column(name):
            return ends(name)
        case Arithmetic(op, left, right):
            (a, b), (c, d) = _interval(left, ends, n), _interval(right, ends, n)
            if op == "+":
                return a + c, b + d
            if op == "-":
                return a - d, b - c
            corners = np.stack([a * c, a * d, b * c, b * d])
            return corners.min(axis=0), corners.max(axis=0)
