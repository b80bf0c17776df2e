"""Where in their bins the values of candidates lie, for variables that targets cut into slices."""

import numpy as np

from synthor.prior.mixture import TINY
from synthor.problem import Problem
from synthor.schema import Level, Units, Variable, of_unit
from synthor.types import Codes, Floats, Shares
from synthor.values import Shape, shape

SCATTERED = 0.25
"""Share of candidates whose slice is drawn evenly among those of its bin: wherever the mean lies, there are some."""


def fine_shapes(problem: Problem, marginals: tuple[Shares, ...]) -> tuple[Shape, ...]:
    """How values lie inside the finest bins of each variable of level 0: as in the declared bins that hold these.

    Args:
        problem: gives the variables.
        marginals: shares of each variable's declared categories.
    """
    of_each = zip(problem.schema.unit.variables, marginals, strict=True)
    return tuple(fine_shape(problem.schema.unit, position, shape(*each)) for position, each in enumerate(of_each))


def fine_shape(level: Level, position: int, whole: Shape) -> Shape:
    """The same shape in the finest bins of a variable."""
    if position not in level.slices:
        return whole
    return Shape(variable=level.slices[position], decay=whole.decay[level.parents(position)])


def with_slices(
    problem: Problem, shapes: tuple[Shape, ...], units: Units, random: np.random.Generator, *, scattered: bool = False
) -> Units:
    """Units of declared categories with a slice drawn inside each bin that is cut.

    Args:
        problem: gives the slices.
        shapes: how values lie inside the finest bins.
        units: of declared categories alone.
        random: draws the slices.
        scattered: whether some are drawn from slices that are unlikely; `log_scattered` tells how much less these weigh.
    """
    level = problem.schema.unit
    if not level.slices:
        return units
    columns = []
    for position in level.slices:
        parents = level.parents(position)
        inside = slice_shares(level.variables[position], shapes[position], parents)
        if scattered and position in _moved(problem):
            inside = _scattered(inside, parents)
        columns.append(slices_drawn(inside, parents, units.column(of_unit(position)), random))
    return units.with_columns([*units.columns(), *columns])


def slices_drawn(inside: Floats, parents: Codes, bins: Codes, random: np.random.Generator) -> Codes:
    """A slice of each row, drawn inside its declared bin, (n,).

    Args:
        inside: (slices,) share of each of its bin.
        parents: (slices,) the bin of each, rising.
        bins: (n,) of the rows.
        random: draws.

    >>> slices_drawn(np.array([1.0, 0.0, 1.0]), np.array([0, 0, 1]), np.array([1, 0]), np.random.default_rng(0)).tolist()
    [2, 0]
    """
    first = np.searchsorted(parents, np.arange(int(parents.max()) + 2))
    rising = np.concatenate([[0.0], np.cumsum(inside)])
    at = rising[first[bins]] + random.random(len(bins)) * (rising[first[bins + 1]] - rising[first[bins]])
    found = np.searchsorted(rising, at, side="right") - 1
    return np.asarray(np.clip(found, first[bins], first[bins + 1] - 1).astype(np.int32))


def log_scattered(problem: Problem, shapes: tuple[Shape, ...], units: Units, but: tuple[int, ...] = ()) -> Floats:
    """Log of how likely each unit's slices are over how likely they are when scattered, (n,).

    Args:
        problem: gives the slices.
        shapes: how values lie inside the finest bins.
        units: n of them.
        but: positions of variables whose slices were not drawn.
    """
    level, total = problem.schema.unit, np.zeros(len(units))
    for position in _moved(problem) - set(but):
        parents = level.parents(position)
        inside = slice_shares(level.variables[position], shapes[position], parents)
        each = np.log(np.maximum(inside, TINY)) - np.log(_scattered(inside, parents))
        total += each[units.column(problem.schema.ref(position))]
    return total


def _moved(problem: Problem) -> set[int]:
    """Positions of sliced variables that have a mean, total or standard deviation to be met, which may lie anywhere."""
    return {of.of for _, of in problem.of_values if not of.ref.level} & set(problem.schema.unit.slices)


def _scattered(inside: Floats, parents: Codes) -> Floats:
    return (1 - SCATTERED) * inside + SCATTERED / np.bincount(parents)[parents]


def slice_shares(variable: Variable, fine: Shape, parents: Codes) -> Floats:
    """Share of each slice of its declared bin, (slices,): an even or exponential density inside the bin."""
    step = 10.0**-variable.decimals
    low, width = variable.low[parents], (variable.high - variable.low + step)[parents]
    begin, end = fine.variable.low - low, fine.variable.high + step - low
    rate = np.abs(fine.decay)
    begin, end = np.where(fine.decay < 0, width - end, begin), np.where(fine.decay < 0, width - begin, end)
    curved = rate * width > 1e-9
    safe = np.where(curved, rate, 1.0)
    fallen = (np.exp(-safe * begin) - np.exp(-safe * end)) / -np.expm1(-safe * width)
    return np.nan_to_num(np.where(curved, fallen, (end - begin) / width), nan=1.0)  # what has no value lies in a slice alone


def log_share_of_slices(problem: Problem, marginals: tuple[Shares, ...], units: Units) -> Floats:
    """Log of the share of each unit's slices among all slices of its declared bins, (n,)."""
    level, found = problem.schema.unit, np.zeros(len(units))
    if level.slices:
        shapes = fine_shapes(problem, marginals)
    for v in level.slices:
        inside = slice_shares(level.variables[v], shapes[v], level.parents(v))
        found += np.log(np.maximum(inside, TINY))[units.column(problem.schema.ref(v))]
    return found
