"""Bins cut finer: at the edges of tables, universes and quantiles, and where means need room."""

from collections.abc import Iterable, Mapping

import numpy as np

from synthor.rules.syntax import Column, Compare, Constant, Predicate, parts
from synthor.schema.text import as_text
from synthor.schema.variable import Variable
from synthor.types import Floats, Mask

SLICES = 8
"""Slices of a bin whose variable has a mean, total or standard deviation to be met: room to move inside the bin."""

LONG, LONG_SLICES = 32.0, 16
"""A bin whose ends are further apart than this, as a ratio, has more slices: the mean may lie far from its middle."""

REACH = 1e4
"""How much smaller than a variable's largest value means are that slices are made for; ratios mean nothing beside 0."""


def sliced(variable: Variable, edges: Iterable[float], n_slices: int = 1) -> Variable | None:
    """A numeric variable cut at more edges; None where that changes nothing.

    Args:
        variable: as declared.
        edges: first values of bands; those outside the range cut nothing.
        n_slices: slices that each bin has at least, as far as it holds so many values; narrower ones nearer to 0, since values
            that reach far are mostly small.

    >>> from synthor.spec.variables import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18, 65]).build("age")
    >>> sliced(age, [16, 18, 25]).labels
    ('0-15', '16-17', '18-24', '25-64', '65+')
    """
    step = 10.0**-variable.decimals
    inside = [edge for edge in edges if variable.low[0] < edge <= variable.high[-1]]
    low = np.unique(np.round([*variable.low, *np.ceil(np.round(np.array(inside) / step, 6)) * step], variable.decimals))
    if n_slices > 1:
        below = np.append(low[1:], variable.high[-1] + step)
        least = max(abs(low[0]), abs(below[-1])) / REACH
        cuts = np.concatenate([_cuts(a, b, max(least, 2 * step), n_slices) for a, b in zip(low, below, strict=True)])
        low = np.unique(np.round(np.floor(np.round(cuts / step, 6)) * step, variable.decimals))
    if len(low) == variable.size:
        return None
    high = np.append(np.round(low[1:] - step, variable.decimals), variable.high[-1])
    return Variable(
        name=variable.name,
        kind=variable.kind,
        labels=tuple(_span(a, b, last=i == len(low) - 1) for i, (a, b) in enumerate(zip(low, high, strict=True))),
        low=low,
        high=high,
        decimals=variable.decimals,
        unit=variable.unit,
        about=variable.about,
    )


def _cuts(low: float, below: float, least: float, n_slices: int) -> Floats:
    """First values of a bin's slices, the bin ending before `below`: in equal ratios, so that a mean finds them wherever it is.

    Equal ratios of values far from 0 are next to equal widths. Values nearer to 0 than `least` are not told apart by them. A
    bin with long ratios is cut in equal widths besides, halved towards its other end, since its mean may also lie there.
    """
    if low < 0 < below:
        return np.concatenate([_cuts(low, 0.0, least, n_slices), _cuts(0.0, below, least, n_slices)])
    near, far = sorted([abs(low), abs(below)])
    shift = max(least - near, 0.0)
    ratio = (far + shift) / (near + shift)
    n = n_slices if ratio <= LONG else max(n_slices, LONG_SLICES)
    away = (near + shift) * ratio ** (np.arange(n + 1) / n) - shift
    if ratio > LONG:
        equal = np.linspace(near, far, n_slices + 1)[1:]
        away = np.union1d(away[:-1], np.append(equal, far - (far - near) / n_slices / 2.0 ** np.arange(1, 4)))
    return np.append(low, away[1:-1]) if low >= 0 else np.append(low, -away[-2:0:-1])


def edges_of(predicate: Predicate, variables: Mapping[str, Variable]) -> dict[str, list[float]]:
    """First values of the bands that comparisons of a variable with a number cut it into, by variable.

    >>> from synthor.rules.parse import parse_predicate
    >>> age = Variable(name="age", kind="integer", labels=("0+",), low=np.array([0.0]), high=np.array([99.0]))
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
    ends = np.inf if below >= variable.high[-1] else below
    inside: Mask = (variable.low >= low) & (variable.high < ends)
    return inside


def _span(low: float, high: float, *, last: bool) -> str:
    first, final = as_text(float(low)), as_text(float(high))
    if low == high:
        return first
    return f"{first}+" if last else f"{first}-{final}" if low >= 0 else f"{first} to {final}"
