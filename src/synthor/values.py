"""From categories back to values: a number inside its bin, drawn afresh for every record.

Inside the range values are spread evenly over their bin. An end bin that is thinner than its neighbour falls off
exponentially, so that the density goes on where the neighbour's ends: few households are as large as the largest allowed.
"""

import itertools
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthor.problem import Problem
from synthor.randomness import generator
from synthor.spec.rules import holds, names_in
from synthor.spec.variables import Variable
from synthor.types import CellIndex, Codes, Floats, Mask, Shares

TRIAL_VALUES = 256
"""Values tried for a combination of bins whose rules depend on the values: if all fail, it counts as impossible."""

MAX_CORNERS = 6
"""Variables whose bins are tried at both ends, in all combinations."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """How values lie inside the categories of one variable.

    Attributes:
        variable: the variable.
        decay: (k,) rate of exponential decline from the lower edge, per unit of value; negative from the upper edge; 0 even.
    """

    variable: Variable
    decay: Floats

    def draw(self, codes: Codes, random: np.random.Generator) -> pl.Series:
        """A value for each code, (n,), in the type that records hold."""
        return self.at(codes, random.random(len(codes)) if self.variable.numeric else np.empty(0))

    def at(self, codes: Codes, u: Floats) -> pl.Series:
        """The value at quantile `u` of each code's category, (n,); categories and booleans have but one."""
        variable = self.variable
        if variable.kind == "category":
            labels = pl.Series(variable.name, variable.labels, dtype=pl.Enum(variable.labels))
            return labels.gather(codes)
        if variable.kind == "boolean":
            return pl.Series(variable.name, codes == 1)
        step = 10.0**-variable.decimals
        low, width, rate = variable.low[codes], (variable.high - variable.low + step)[codes], self.decay[codes]
        fallen = np.abs(rate) * width
        curved = fallen > 1e-9
        safe = np.where(curved, fallen, 1.0)
        along = np.where(curved, -np.log1p(-u * -np.expm1(-safe)) / safe, u)
        along = np.where(rate < 0, 1 - along, along)
        rounded = np.round(low + np.floor(along * width / step) * step, variable.decimals) + 0.0  # no negative zero
        values = np.clip(rounded, low, variable.high[codes])
        return pl.Series(variable.name, values.astype(np.int64) if variable.kind == "integer" else values)


def shape(variable: Variable, shares: Shares) -> Shape:
    """The shape that continues the density of neighbouring bins.

    Args:
        variable: the variable.
        shares: (k,) share of each category.

    >>> from synthor.spec.variables import Integer
    >>> persons = Integer(type="integer", min=1, max=12, bins=[1, 2, 3]).build("persons")
    >>> shape(persons, np.array([0.4, 0.4, 0.2])).decay.round(1)
    array([0., 0., 2.])
    """
    decay = np.zeros(variable.size)
    if variable.numeric and variable.size > 1:
        width = variable.high - variable.low + 10.0**-variable.decimals
        density = shares / width
        decay[-1] = _rate(density[-1], density[-2], width[-1])
        decay[0] = 0.0 - _rate(density[0], density[1], width[0])
    return Shape(variable=variable, decay=decay)


def _even(variable: Variable) -> Shape:
    return Shape(variable=variable, decay=np.zeros(variable.size))


def _rate(mean: float, edge: float, width: float) -> float:
    """The rate r with mean * r * width / (1 - exp(-r * width)) = edge; 0 where the edge is no denser than the mean."""
    ratio = edge / mean if mean > 0 else 0.0
    if ratio < 1 + 1e-9:
        return 0.0
    x = ratio
    for _ in range(60):  # Newton on x = ratio (1 - exp(-x)), convex, from the right of its positive root
        x -= (x + ratio * np.expm1(-x)) / (1 - ratio * np.exp(-x))
    return float(x / width)


def settle(problem: Problem, shapes: tuple[Shape, ...], codes: Codes, random: np.random.Generator, tries: int) -> pl.DataFrame:
    """Values for all variables of level 0 that break no rule; rows that do are drawn again, up to `tries` times.

    The second half of the tries is drawn evenly, so that a rule may leave only values that are rare in their bin.

    Returns:
        (n, v); rows for which no try succeeded take values that showed them to be `possible`.
    """
    frame = pl.DataFrame([shape.draw(codes[:, v], random) for v, shape in enumerate(shapes)])
    rows = np.flatnonzero(broken(problem, frame)) if problem.rules else np.empty(0, np.int64)
    pieces, source = [frame], np.arange(frame.height)  # where in the pieces, laid end to end, each row is found
    made = frame.height
    for left in range(tries, 0, -1):
        if not len(rows):
            break
        shapes = shapes if 2 * left > tries else tuple(_even(shape.variable) for shape in shapes)
        again = pl.DataFrame([shape.draw(codes[rows, v], random) for v, shape in enumerate(shapes)])
        mended = ~broken(problem, again)
        if mended.any():
            source[rows[mended]] = made + np.arange(mended.sum())
            pieces.append(again.filter(pl.Series(mended)))
            made += pieces[-1].height
        rows = rows[~mended]
    if len(rows):
        source[rows] = made + np.arange(len(rows))
        pieces.append(frame[rows].with_columns(_found(problem, codes[rows], random)))
    return pl.concat(pieces)[source] if len(pieces) > 1 else frame


def broken(problem: Problem, frame: pl.DataFrame) -> Mask:
    """Whether each record breaks some rule, (n,)."""
    found = np.zeros(frame.height, dtype=bool)
    for rule in problem.rules:
        found |= holds(rule.predicate, frame, problem.variables)
    return found


def possible(problem: Problem, codes: Codes) -> Mask:
    """Whether values that break no rule exist for each unit's categories, (n, v) -> (n,).

    Where that depends on the values inside the bins, some are tried.
    """
    allowed = problem.allowed(codes)
    unsure = allowed & problem.unsettled(codes)
    if not unsure.any():
        return allowed
    _, works, kind = _trials(problem, codes[unsure])
    allowed[unsure] = works.sum(axis=1)[kind] > 0
    return allowed


def _trials(problem: Problem, codes: Codes) -> tuple[pl.DataFrame, Mask, CellIndex]:
    """Values tried for each kind of unit: each combination of categories of the variables that rules speak of.

    They are the same whenever a kind is tried. The corners of the bins are among them: a comparison of sums that holds
    anywhere in the bins holds at a corner.

    Returns:
        The values of those variables, `TRIAL_VALUES` rows a kind; whether each breaks no rule, (kinds, TRIAL_VALUES); and the
        kind of each unit, (n,).
    """
    named = frozenset[str]().union(*(names_in(rule.predicate) for rule in problem.rules))
    columns = [(i, variable) for i, variable in enumerate(problem.levels[0].variables) if variable.name in named]
    kinds, kind = np.unique(codes[:, [i for i, _ in columns]], axis=0, return_inverse=True)
    u = generator(0, "possible").random((TRIAL_VALUES, len(columns)))
    cornered = [j for j, (_, variable) in enumerate(columns) if variable.numeric][:MAX_CORNERS]
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=len(cornered))))
    u[: len(corners), cornered] = corners
    tried = np.repeat(kinds, TRIAL_VALUES, axis=0)
    frame = pl.DataFrame([_even(v).at(tried[:, j], np.tile(u[:, j], len(kinds))) for j, (_, v) in enumerate(columns)])
    return frame, ~broken(problem, frame).reshape(len(kinds), TRIAL_VALUES), kind.ravel()


def _found(problem: Problem, codes: Codes, random: np.random.Generator) -> pl.DataFrame:
    """For each unit, one of the trials that break no rule; any trial where all do."""
    frame, works, kind = _trials(problem, codes)
    first_those_that_work = np.argsort(~works, axis=1, stable=True)
    pick = (random.random(len(kind)) * works.sum(axis=1)[kind]).astype(np.int64)
    return frame[kind * TRIAL_VALUES + first_those_that_work[kind, pick]]
