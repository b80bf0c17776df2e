"""Tables of areas beside those of larger areas, or by kind of area: summed up, so that the two can be compared."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

import numpy as np

from synthor.errors import Finding
from synthor.problem.agree import disagreements
from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.marginals import Shared, Stated, shared_marginals
from synthor.problem.target import Target
from synthor.problem.zones import Zones, kinds_of, summed_into, summed_over
from synthor.schema import Level
from synthor.types import CellIndex


def of_larger_areas(target: Target, zones: Zones, level: Level) -> Iterator[tuple[Target, CellIndex]]:
    """A table of areas summed up for each level of larger ones, to be set against theirs.

    A sparse table is summed up where it lists all that there is.

    Yields:
        The summed table, and which of its cells each cell of the table is summed into.
    """
    own, grid = zones.level(target), target.grid
    if own is None or not target.counts or (grid.listed is not None and not grid.closed):
        return
    place = next(at for at, axis in enumerate(target.axes) if zones.told(axis.ref) == own)
    if not (target.axes[place].group_of >= 0).all():
        return
    for upper in range(own + 1, len(zones.names)):
        position = target.axes[place].position + upper - own
        variable = level.variables[position]
        larger = Axis(
            position=position,
            ref=replace(target.axes[place].ref, column=zones.positions[upper]),
            variable=variable,
            labels=variable.labels,
            group_of=np.arange(variable.size, dtype=np.int32),
        )
        axes = tuple(larger if at == place else axis for at, axis in enumerate(target.axes))
        into = np.zeros(target.axes[place].size, np.int64)
        into[target.axes[place].group_of] = zones.above(own, upper)
        of = np.zeros(len(grid.cells), np.int64)
        for at, (axis, group) in enumerate(zip(axes, grid.groups, strict=True)):
            of = of * axis.size + (into[group] if at == place else group)
        around = TargetGrid(axes=axes, universe=grid.universe)
        if grid.listed is not None:
            listed, of = np.unique(of, return_inverse=True)
            around = replace(around, listed=listed, closed=True)
        summed = summed_into(target, around, of, around.size, grid.size)
        yield replace(summed, name=f"{target.name} (added up by {variable.name})"), of


def by_kinds(target: Target, zones: Zones, beside: Sequence[Target]) -> Iterator[tuple[Target, CellIndex]]:
    """A table of areas summed up for each attribute that another table of counts tells, to be set against that.

    Yields:
        The summed table, and which of its cells each cell of the table is summed into.
    """
    kinds, others = _sides_of_kinds(target, zones)
    told = {axis.ref for other in beside if zones.level(other) is None for axis in other.axes}
    for axis, groups in kinds:
        if axis.ref in told:
            sides = [(axis, groups), *others]
            of = np.zeros(target.grid.size, np.int64)
            for side, own in sides:
                of = of * side.size + own
            summed = summed_over(target, sides, sparse=False)
            yield replace(summed, name=f"{target.name} (added up by {axis.variable.name})"), of


def by_all_kinds(target: Target, zones: Zones) -> Target | None:
    """A table of areas summed up for the attributes of their zones together; None of any other table."""
    kinds, others = _sides_of_kinds(target, zones)
    if not kinds:
        return None
    name = f"{target.name} (added up by {', '.join(axis.variable.name for axis, _ in kinds)})"
    return replace(summed_over(target, [*kinds, *others], sparse=len(kinds) > 1), name=name)


def _sides_of_kinds(target: Target, zones: Zones) -> tuple[list[tuple[Axis, CellIndex]], list[tuple[Axis, CellIndex]]]:
    """Attributes that say more of a table's areas, and its other sides, each with the label of its cells; of others none."""
    place = zones.side(target)
    if zones.kinds is None or place is None or not target.counts or target.grid.listed is not None:
        return [], []
    if not (target.axes[place].group_of >= 0).all():
        return [], []
    others = [(axis, target.grid.groups[at]) for at, axis in enumerate(target.axes) if at != place]
    return kinds_of(target, zones, place), others


def disagreements_over_areas(tables: Sequence[Stated], zones: Zones, level: Level, told: Collection[str]) -> Iterator[Finding]:
    """What tables of areas, added up, say otherwise than those of larger areas.

    Args:
        tables: of the same rows.
        zones: the areas, as these rows see them.
        level: these rows.
        told: findings that are known; what differs in the region already is not told of its areas again.
    """
    beside = [stated.target for stated in tables]
    for stated in tables:
        for summed, _ in (*of_larger_areas(stated.target, zones, level), *by_kinds(stated.target, zones, beside)):
            for one in disagreements([replace(stated, target=summed), *tables], level):
                plain = str(one).replace(summed.name, stated.target.name)
                if f"'{summed.name}'" in one.message and plain not in told:
                    of_table = one.cure.replace(summed.name, stated.target.name)
                    yield replace(one, cure=of_table)


def shared_over_areas(target: Target, other: Target, zones: Zones | None, level: Level) -> Iterator[tuple[Shared, CellIndex]]:
    """The marginals that two tables share, areas of one level added up to those of a larger one.

    Args:
        target: a table.
        other: another of the same rows.
        zones: the areas, as these rows see them; None where there are none.
        level: these rows.

    Yields:
        The marginal, and (c,) the band of it that each cell of the first table is summed into, their number where in none.
    """
    for shared in shared_marginals(target, other, level):
        yield shared, shared.first.of
    own, its = (None if zones is None else zones.level(one) for one in (target, other))
    if zones is not None:
        yield from _shared_over_kinds(target, other, zones, level)
    if zones is None or own is None or its is None:
        return
    if its < own:
        for summed, _ in of_larger_areas(other, zones, level):
            if zones.level(summed) == own:
                for shared in shared_marginals(target, summed, level):
                    yield shared, shared.first.of
    elif own < its:
        for summed, into in of_larger_areas(target, zones, level):
            if zones.level(summed) == its:
                for shared in shared_marginals(summed, other, level):
                    yield shared, shared.first.of[into]


def _shared_over_kinds(target: Target, other: Target, zones: Zones, level: Level) -> Iterator[tuple[Shared, CellIndex]]:
    """The same with the attributes of zones that one of two tables has, and that the areas of the other one share."""
    for summed, into in by_kinds(target, zones, [other]):
        for shared in shared_marginals(summed, other, level):
            yield shared, shared.first.of[into]
    for summed, _ in by_kinds(other, zones, [target]):
        for shared in shared_marginals(target, summed, level):
            yield shared, shared.first.of
