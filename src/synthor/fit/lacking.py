"""What is believed, or what the targets need, although no candidate is there: where it is allowed, candidates are drawn for it.

A belief cannot be approached in a cell without candidates. Rules may forbid such records, or the targets leave them no room;
then the belief gives way. Otherwise the pool merely lacks what is believed. Likewise, that the targets leave some candidates no
room is known of the pool alone at first: records that it lacks might make room.
"""

from collections.abc import Sequence

import numpy as np

from synthor.fit.dual import Hard
from synthor.fit.face import CLEAR, Closing
from synthor.fit.obstacles import Ground, Obstacle, irreducible, widened
from synthor.fit.pool import Inside
from synthor.fit.strain import Barred
from synthor.prior.beliefs import Beliefs, BelievedTable
from synthor.problem import Problem
from synthor.schema import Units
from synthor.types import CellIndex, Floats

BELIEVED = 1e-5
"""Share of all records from which a cell counts as believed in; below, it is near to what stands for a believed 0."""

MOST_CELLS = 60
"""Cells that are looked at, those believed in most first."""

MOST_OPENINGS = 100
"""Combinations that candidates are drawn for so that others have room."""

MOST_COMBINATIONS = 20_000
"""Combinations up to which variables are looked at that rules and empty cells of targets speak of beside the table's own."""


def without(table: BelievedTable, weights: Floats, units: Units) -> CellIndex:
    """Cells that are believed in although no unit there may have weight, those believed in most first.

    Args:
        table: the belief.
        weights: (n,) of candidates; any number above 0 for those that may have weight.
        units: the candidates.
    """
    held = table.cells(units).totals(weights)
    shares = table.grouped.ravel()
    cells = np.flatnonzero((held <= 0) & (shares >= BELIEVED) & ~table.denied.ravel())
    return cells[np.argsort(-shares[cells], kind="stable")]


def lacking(problem: Problem, beliefs: Beliefs, units: Units) -> tuple[Inside, ...]:
    """Combinations of two variables' categories that a belief wants, that nothing forbids, and that no candidate has.

    Args:
        problem: with all rules that hold.
        beliefs: what is believed.
        units: the candidates.
    """
    found, looked = [], 0
    for table in beliefs.tables:
        found_here = []
        for cell in without(table, np.ones(len(units)), units)[: MOST_CELLS - looked]:
            ground = _ground(problem, table, int(cell))
            free = ground.units.where(ground.free(ground.obstacles))
            found_here.append(free.take(free.kinds(table.columns)[0]))
            looked += 1
        if any(len(units) for units in found_here):
            found.append(Inside(positions=table.columns, units=found_here[0].joined(*found_here[1:])))
    return tuple(found)


def openings(problem: Problem, closings: Sequence[Closing]) -> tuple[Inside, ...]:
    """Combinations that nothing forbids and that would make room for candidates which have none among themselves.

    Args:
        problem: with all rules that hold.
        closings: why candidates have no room.
    """
    level, found = problem.schema.unit, []
    for closing in closings:
        targets = [problem.targets[t] for t in np.unique(closing.tables).tolist()]
        own = sorted({position for target in targets for position in target.grid.positions})
        size = np.prod([float(level.finest(position).size) for position in own])
        if any(not target.flat for target in targets) or size > MOST_COMBINATIONS:
            continue
        ground = Ground.of(problem, widened(problem, own, {}, MOST_COMBINATIONS), {})
        cells = {t: problem.targets[t].cells(ground.units) for t in np.unique(closing.tables).tolist()}
        opening = np.flatnonzero((closing.sums(cells, len(ground.units)) < -CLEAR) & ground.free(ground.obstacles))
        if len(opening):
            picks = opening[np.unique(np.linspace(0, len(opening) - 1, MOST_OPENINGS).astype(np.int64))]
            found.append(Inside(positions=ground.positions, units=ground.units.take(picks)))
    return tuple(found)


def barred(
    problem: Problem, table: BelievedTable, cell: int, units: Units, closings: Sequence[Closing], hard: Sequence[Hard]
) -> Barred:
    """Why no unit may have weight in a believed cell.

    Args:
        problem: with all rules that hold.
        table: the belief.
        cell: its cell.
        units: the candidates.
        closings: why candidates have no room.
        hard: the targets as demands on the candidates.
    """
    obstacles = _forbidding(problem, table, cell)
    if obstacles:
        return Barred(obstacles=obstacles)
    there = table.cells(units).spread(np.arange(table.grouped.size) == cell) > 0
    cells = [target.cells for target in hard]
    names = [
        problem.targets[t].name
        for closing in closings
        if (closing.closes(cells, len(units)) & there).any()
        for t in np.unique(closing.tables).tolist()
    ]
    return Barred(targets=tuple(dict.fromkeys(names)))


def _forbidding(problem: Problem, table: BelievedTable, cell: int) -> tuple[Obstacle, ...]:
    """Rules and empty cells of targets that together keep every record out of a believed cell, each needed for that."""
    ground = _ground(problem, table, cell)
    if ground.free(ground.obstacles).any():
        return ()
    return irreducible(ground.obstacles, lambda some: not ground.free(some).any())


def _ground(problem: Problem, table: BelievedTable, cell: int) -> Ground:
    """All combinations that a believed cell stands for."""
    level, choices = problem.schema.unit, {}
    for column, groups, group in zip(table.columns, table.group_of, divmod(cell, table.grouped.shape[1]), strict=True):
        of = groups[level.parents(column)] if column in level.slices else groups
        choices[column] = np.flatnonzero(of == group)
    positions = widened(problem, table.columns, {at: len(bins) for at, bins in choices.items()}, MOST_COMBINATIONS)
    return Ground.of(problem, positions, choices)
