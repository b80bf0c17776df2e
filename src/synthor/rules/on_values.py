"""Whether predicates are true of the values of records."""

import operator
from collections.abc import Callable, Mapping
from typing import Any, cast

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
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
from synthor.schema import Variable
from synthor.types import Codes, Floats, Mask

OPERATORS: dict[str, Callable[[Any, Any], Any]] = {
    "=": operator.eq, "<": operator.lt, "<=": operator.le, ">": operator.gt, ">=": operator.ge,
    "!=": lambda a, b: (a < b) | (a > b),  # false where there is no value, as the others are
    "+": operator.add, "-": operator.sub, "*": operator.mul,
}  # fmt: skip


def holds(
    predicate: Predicate,
    frame: pl.DataFrame,
    variables: Mapping[str, Variable],
    codes: Mapping[str, Codes] | None = None,
) -> Mask:
    """Whether a predicate is true of each record's values, (n,).

    Args:
        predicate: a parsed predicate.
        frame: records; numbers as numbers, categories as labels, booleans as booleans.
        variables: by name.
        codes: (n,) categories of those variables for which they are known already.

    Raises:
        InputError: a number is needed where a record holds the label of a bin.
    """
    match predicate:
        case Both(left, right):
            return holds(left, frame, variables, codes) & holds(right, frame, variables, codes)
        case Either(left, right):
            return holds(left, frame, variables, codes) | holds(right, frame, variables, codes)
        case Negated(Among(name) as inner) if variables[name].missing:  # of those without a value it is not true either
            return ~holds(inner, frame, variables, codes) & ~holds(Absent(name), frame, variables, codes)
        case Negated(Among() | Absent() as inner):
            return ~holds(inner, frame, variables, codes)
        case Negated(inner):
            return holds(opposite(inner), frame, variables, codes)
        case Among(name, members):
            known = codes[name] if codes is not None and name in codes else variables[name].encode(frame[name])
            return np.isin(known, members)
        case Absent(name):
            known = codes[name] if codes is not None and name in codes else variables[name].encode(frame[name])
            return np.asarray(known >= variables[name].n_valued)
        case Compare(op, left, right):
            return cast(Mask, OPERATORS[op](_values(left, frame), _values(right, frame)))


def _values(term: Term, frame: pl.DataFrame) -> Floats:
    match term:
        case Column(name):
            return numbers_in(frame[name])
        case Constant(value):
            return np.full(frame.height, value)
        case Arithmetic(op, left, right):
            return cast(Floats, OPERATORS[op](_values(left, frame), _values(right, frame)))


def numbers_in(column: pl.Series) -> Floats:
    """The numbers of a column of records, (n,), NaN where there is none.

    Raises:
        InputError: it holds the label of a bin.
    """
    if column.dtype.is_numeric():
        return column.cast(pl.Float64).to_numpy()
    texts = column.cast(pl.String).str.strip_chars()
    numbers = texts.cast(pl.Float64, strict=False)
    labels = texts.filter(numbers.is_null() & texts.is_not_null())
    if len(labels):
        message = (
            f"column '{column.name}' holds '{labels[0]}', a label, where a rule needs a number ({len(labels):,} rows like it)"
        )
        cure = "write values instead of labels, or let the rule compare the bin by its label"
        raise InputError([Finding(where="records", message=message, cure=cure)])
    return numbers.to_numpy()
