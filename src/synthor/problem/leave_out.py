"""A problem without one of its targets: its dependence is left out, what it says of each variable alone stays."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.model import Problem
from synthor.problem.target import Target
from synthor.schema import Level
from synthor.types import Codes, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remainder:
    """What is left when targets are left out.

    Attributes:
        problem: the others, and the sides of what was left out.
        kept: names of one-way tables that took the place of what was left out, because no other target gives them.
    """

    problem: Problem
    kept: tuple[str, ...]


def leave_out(problem: Problem, names: Sequence[str]) -> Remainder:
    """The problem without some targets.

    Of a cross-table only the dependence goes: where no other target gives one of its one-way marginals, that marginal becomes a
    target of its own, with the intervals and margins of error that sums of its cells have. A one-way table goes altogether, and
    so do shares inside cells and tables that list only some cells, for their sides are not known. Totals of a table that speak
    of several variables together go with it.

    Args:
        problem: what is known.
        names: of the targets to leave out.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 10
    ... variables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented]}}
    ... targets:
    ... - name: both
    ...   table: [{car: "no", tenure: owned, count: 1}, {car: "no", tenure: rented, count: 4},
    ...           {car: "yes", tenure: owned, count: 3}, {car: "yes", tenure: rented, count: 2}]
    ... - {counts: {car: {"no": 5, "yes": 5}}}
    ... '''))
    >>> left = leave_out(problem, ["both"])
    >>> left.kept, [target.wanted.tolist() for target in left.problem.targets]
    (('tenure of both',), [[4.0, 6.0], [5.0, 5.0]])
    """
    kept: list[str] = []
    for name in names:
        targets: list[Target] = []
        left = [target for target in problem.targets if target.totals_of != name or len(target.axes) < 2]
        others = [target for target in left if target.name != name]
        for target in left:
            sides = [] if target.name != name or not target.counts else _sides(target, others, problem.schema.unit)
            targets += [target] if target.name != name else sides
            kept += [side.name for side in sides]
        problem = replace(problem, targets=tuple(targets))
    return Remainder(problem=problem, kept=tuple(kept))


def holding(problem: Problem, target: Target) -> tuple[str, ...]:
    """Names of other targets that give the same variables together, so that leaving one out hides nothing.

    Args:
        problem: all targets.
        target: one of them.
    """
    together = set(target.columns)
    tables = [other for other in problem.targets if other.counts or other.statistic.groups is not None]
    return tuple(
        other.name
        for other in tables
        if other.name != target.name and together <= set(other.columns) and other.totals_of != target.name
    )


def touching(problem: Problem, target: Target) -> tuple[str, ...]:
    """Names of means, totals and deviations that are about the same variables: they tell a part of what is left out."""
    together = set(target.columns)
    of_values = (other for other in problem.statistics if other.statistic.groups is None)
    return tuple(other.name for other in of_values if other.name != target.name and together <= set(other.columns))


def _sides(target: Target, others: Sequence[Target], level: Level) -> list[Target]:
    """The one-way marginals of a cross-table that no other target gives."""
    grid = target.grid
    if len(grid.axes) < 2 or (grid.listed is not None and not grid.closed):
        return []
    free = grid.covers and target.flat
    return [
        _side(target, place)
        for place, axis in enumerate(grid.axes)
        if not (free and any(_gives(other, axis, level) for other in others))
    ]


def _side(target: Target, place: int) -> Target:
    """One side as a table of its own; the rows that it counts are those that the whole table counts."""
    grid = target.grid
    axes = tuple(axis if i == place else _any_of(axis) for i, axis in enumerate(grid.axes) if i == place or not axis.covers)

    def summed(values: Floats) -> Floats:
        return replace(target, wanted=values).side(place)

    return replace(
        target,
        name=f"{grid.axes[place].variable.name} of {target.name}",
        grid=TargetGrid(axes=axes, universe=grid.universe),
        wanted=summed(target.wanted),
        bounds=None if target.bounds is None else (summed(target.bounds[0]), summed(target.bounds[1])),
        sigma=None if target.sigma is None else np.sqrt(summed(np.square(target.sigma))),
        silent=None,
    )


def _any_of(axis: Axis) -> Axis:
    """A side with a single label: any category that the table counts."""
    return replace(axis, labels=("any",), group_of=np.where(axis.group_of >= 0, 0, -1).astype(np.int32))


def _gives(other: Target, axis: Axis, level: Level) -> bool:
    """Whether a table gives the shares of all labels of an axis, because its own labels lie inside them."""
    if not (other.whole and other.flat):
        return False
    for own in other.axes:
        if own.position == axis.position:
            fine, coarse = _finest(own, level), _finest(axis, level)
            of = np.full(own.size, -1, np.int32)
            of[fine] = coarse
            if (of[fine] == coarse).all():
                return True
    return False


def _finest(axis: Axis, level: Level) -> Codes:
    """Label of each of a variable's finest categories."""
    return axis.group_of if axis.ref.column == level.column(axis.position) else axis.group_of[level.parents(axis.position)]
