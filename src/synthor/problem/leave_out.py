"""A problem without some of its targets: their dependence is left out, what they say of each variable alone stays."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.model import Problem
from synthor.problem.statistic import OfValues
from synthor.problem.target import Target
from synthor.schema import Schema
from synthor.types import Codes, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Remainder:
    """What is left when targets are left out.

    Attributes:
        problem: the others, and the sides of what was left out.
        kept: names of one-way tables, and of numbers of members, that took the place of what was left out, because no other
            target gives them.
    """

    problem: Problem
    kept: tuple[str, ...]


def leave_out(problem: Problem, names: Sequence[str]) -> Remainder:
    """The problem without some targets.

    Of a cross-table only the dependence goes: where no other target gives one of its one-way marginals, that marginal becomes a
    target of its own, with the intervals and margins of error that sums of its cells have. A one-way table goes altogether, and
    so do shares inside cells and tables that list only some cells, for their sides are not known. How many members, or pairs of
    them, a one-way table counts stays, where no other target gives that: only of units it is known anyhow. Totals of a table
    that speak of several variables together go with it.

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
            sides = [] if target.name != name or not target.counts else _sides(target, others, problem.schema)
            targets += [target] if target.name != name else sides
            kept += [side.name for side in sides]
        problem = replace(problem, targets=tuple(targets))
    return Remainder(problem=problem, kept=tuple(kept))


def apart(problem: Problem) -> Problem:
    """The problem as if every variable had been published alone: what rules and numbers of members make of that stays.

    Args:
        problem: what is known.
    """
    together = [
        target.name for target in problem.targets if len(set(target.seen)) > 1 and not isinstance(target.statistic, OfValues)
    ]
    left = leave_out(problem, together).problem
    alone = (one for one in left.targets if len(set(one.seen)) < 2 or not isinstance(one.statistic, OfValues))
    return replace(left, targets=tuple(alone))


def holding(problem: Problem, target: Target) -> tuple[str, ...]:
    """Names of other targets that give the same variables of the same rows together, so that leaving one out hides nothing.

    Args:
        problem: all targets.
        target: one of them.
    """
    together = set(target.seen)
    tables = [other for other in problem.targets if other.counts or other.statistic.groups is not None]
    return tuple(
        other.name
        for other in tables
        if other.name != target.name
        and other.level == target.level
        and together <= set(other.seen)
        and other.totals_of != target.name
    )


def touching(problem: Problem, target: Target) -> tuple[str, ...]:
    """Names of means, totals and deviations that are about the same variables: they tell a part of what is left out."""
    together = set(target.seen)
    of_values = (other for other in problem.statistics if other.statistic.groups is None)
    return tuple(
        other.name
        for other in of_values
        if other.name != target.name and other.level == target.level and together <= set(other.seen)
    )


def _sides(target: Target, others: Sequence[Target], schema: Schema) -> list[Target]:
    """What stays of a table: the one-way marginals of a cross-table that no other target gives, or the number of members."""
    grid = target.grid
    if grid.listed is not None and not grid.closed:
        return []
    if len(grid.axes) < 2:
        told = target.whole and any(other.level == target.level and other.whole for other in others)
        return [] if target.flat or told else [_number(target)]
    return [
        _side(target, place)
        for place, axis in enumerate(grid.axes)
        if not (grid.covers and any(_gives(other, target.level, axis, schema) for other in others))
    ]


def _side(target: Target, place: int) -> Target:
    """One side as a table of its own; the rows that it counts are those that the whole table counts."""
    grid = target.grid
    axes = tuple(axis if i == place else _any_of(axis) for i, axis in enumerate(grid.axes) if i == place or not axis.covers)
    name = f"{grid.axes[place].variable.name} of {target.name}"
    return _summed(target, name, axes, lambda values: replace(target, wanted=values).side(place))


def _number(target: Target) -> Target:
    """How many rows a table counts, as a target of its own."""
    axes = tuple(_any_of(axis) for axis in target.grid.axes if not axis.covers)
    return _summed(target, f"number of {target.name}", axes, lambda values: np.array([values.sum()]))


def _summed(target: Target, name: str, axes: tuple[Axis, ...], summed: Callable[[Floats], Floats]) -> Target:
    """Sums over the cells of a table."""
    return replace(
        target,
        name=name,
        grid=TargetGrid(axes=axes, universe=target.grid.universe),
        wanted=summed(target.wanted),
        bounds=None if target.bounds is None else (summed(target.bounds[0]), summed(target.bounds[1])),
        sigma=None if target.sigma is None else np.sqrt(summed(np.square(target.sigma))),
        silent=None,
    )


def _any_of(axis: Axis) -> Axis:
    """A side with a single label: any category that the table counts."""
    return replace(axis, labels=("any",), group_of=np.where(axis.group_of >= 0, 0, -1).astype(np.int32))


def _gives(other: Target, level: int, axis: Axis, schema: Schema) -> bool:
    """Whether a table gives the shares of all labels of an axis among the rows of a level: its own labels lie inside them."""
    if other.level != level or not other.whole:
        return False
    for own in other.axes:
        if own.seen == axis.seen:
            fine, coarse = _finest(own, schema), _finest(axis, schema)
            of = np.full(own.size, -1, np.int32)
            of[fine] = coarse
            if (of[fine] == coarse).all():
                return True
    return False


def _finest(axis: Axis, schema: Schema) -> Codes:
    """Label of each of a variable's finest categories."""
    level = schema.levels[axis.ref.level]
    return axis.group_of if axis.ref.column == level.column(axis.position) else axis.group_of[level.parents(axis.position)]
