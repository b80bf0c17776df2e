"""Bins cut finer: at the edges of tables, universes and quantiles, and where means need room."""

from collections.abc import Iterable, Mapping

import numpy as np

from synthor.rules.syntax import Column, Compare, Constant, Predicate, parts
from synthor.schema.variable import Variable
from synthor.types import Mask

SLICES = 8
"""Slices of a bin whose variable has a mean, total or standard deviation to be met: room to move inside the bin."""


def sliced(variable: Variable, edges: Iterable[float], n_slices: int = 1) -> Variable | None:
    """A variable cut at more edges; None where that changes nothing, or its values are no numbers.

    Args:
        variable: as declared.
        edges: first values of bands; those outside the range cut nothing.
        n_slices: slices that each bin has at least, as far as it holds so many values; narrower ones nearer to 0, since values
            that reach far are mostly small.

    >>> from synthor.schema.kinds import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18, 65]).build("age")
    >>> sliced(age, [16, 18, 25]).labels
    ('0-15', '16-17', '18-24', '25-64', '65+')
    """
    return variable.kind.cut(variable, edges, n_slices)


def edges_of(predicate: Predicate, variables: Mapping[str, Variable]) -> dict[str, list[float]]:
    """First values of the bands that comparisons of a variable with a number cut it into, by variable.

    >>> from synthor.rules.parse import parse_predicate
    >>> from synthor.schema.kinds import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0]).build("age")
    >>> edges_of(parse_predicate("age > 15 and age < 65", {"age": age}), {"age": age})
    {'age': [16.0, 65.0]}
    """
    edges: dict[str, list[float]] = {}
    for part in parts(predicate):
        match part:
            case Compare(op, Column(name), Constant(value)):
                pass
            case Compare(op, Constant(value), Column(name)):
                op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
            case _:
                continue
        step = 10.0 ** -variables[name].decimals
        beyond = np.floor(np.round(value / step, 6)) * step + step
        found = {"<": [value], ">=": [value], "<=": [beyond], ">": [beyond]}.get(op, [value, beyond])
        edges.setdefault(name, []).extend(float(np.round(edge, variables[name].decimals)) for edge in found)
    return edges


def band_of(variable: Variable, low: float, below: float) -> Mask:
    """Which of a variable's bins lie in [low, below), (k,); a band that ends at the largest value includes it."""
    ends = np.inf if below >= variable.most else below
    inside: Mask = (variable.low >= low) & (variable.high < ends)
    return inside
