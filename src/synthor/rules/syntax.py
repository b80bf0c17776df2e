"""What a predicate is made of: a small frozen tree of comparisons, memberships, and/or/not and arithmetic."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Column:
    """The value of a variable."""

    name: str


@dataclass(frozen=True, slots=True)
class Constant:
    """A number."""

    value: float


@dataclass(frozen=True, slots=True)
class Arithmetic:
    """`left op right`, op one of + - *."""

    op: str
    left: "Term"
    right: "Term"


@dataclass(frozen=True, slots=True)
class Compare:
    """`left op right`, op one of = != < <= > >=."""

    op: str
    left: "Term"
    right: "Term"


@dataclass(frozen=True, slots=True)
class Among:
    """A variable's category is one of some codes."""

    name: str
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Absent:
    """A number has no value: `age = 'not stated'`, where that is the label of those without one."""

    name: str


@dataclass(frozen=True, slots=True)
class Both:
    left: "Predicate"
    right: "Predicate"


@dataclass(frozen=True, slots=True)
class Either:
    left: "Predicate"
    right: "Predicate"


@dataclass(frozen=True, slots=True)
class Negated:
    inner: "Predicate"


Term = Column | Constant | Arithmetic
Predicate = Compare | Among | Absent | Both | Either | Negated


def names_in(node: Predicate | Term) -> frozenset[str]:
    """Variables that a predicate speaks of."""
    match node:
        case Column(name) | Among(name, _) | Absent(name):
            return frozenset({name})
        case Constant():
            return frozenset()
        case Negated(inner):
            return names_in(inner)
        case _:
            return names_in(node.left) | names_in(node.right)


def shown(node: Compare | Term) -> str:
    """A comparison or a term as it could be written; two that differ are written differently.

    >>> shown(Compare(">", Arithmetic("-", Column("age"), Constant(12.0)), Column("count(person)")))
    'age - 12 > count(person)'
    """
    match node:
        case Column(name):
            return name
        case Constant(value):
            return str(int(value)) if float(value).is_integer() else repr(value)
        case Arithmetic(op, left, right):
            sides = (left, right) if op == "*" else (right,)
            before, after = (
                f"({shown(one)})" if one in sides and isinstance(one, Arithmetic) else shown(one) for one in (left, right)
            )
            return f"{before} {op} {after}"
        case Compare(op, left, right):
            return f"{shown(left)} {op} {shown(right)}"


def parts(node: Predicate) -> Iterator[Predicate]:
    """The comparisons and memberships that a predicate is made of."""
    match node:
        case Both(left, right) | Either(left, right):
            yield from parts(left)
            yield from parts(right)
        case Negated(inner):
            yield from parts(inner)
        case _:
            yield node


OPPOSITES = {"=": "!=", "!=": "=", "<": ">=", ">=": "<", ">": "<=", "<=": ">"}


def opposite(node: Predicate) -> Predicate:
    """What is true where a predicate is false: its negations stand at memberships alone.

    Of a record without a value neither a comparison nor its opposite is true, as in SQL; turning a result round would miss it.

    >>> opposite(Negated(Compare("<", Column("age"), Constant(18))))
    Compare(op='<', left=Column(name='age'), right=Constant(value=18))
    """
    match node:
        case Compare(op, left, right):
            return Compare(OPPOSITES[op], left, right)
        case Both(left, right):
            return Either(opposite(left), opposite(right))
        case Either(left, right):
            return Both(opposite(left), opposite(right))
        case Negated(inner):
            return inner
        case Among() | Absent():
            return Negated(node)
