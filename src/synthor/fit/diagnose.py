"""Why targets are not met: do they contradict each other, or does the pool merely lack the units that would meet them?

The pool holds only what was drawn. A set of cells that the pool cannot meet together is therefore looked at once more over all
combinations of the variables that it speaks of, as far as rules on these variables allow them. If none meets it either, the
targets contradict each other, whatever was drawn. Otherwise candidates of just the combinations that are missing are asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.fit.conflict import TOLERANCE, Bounds, Conflict, Undecided, feasible_point, find_conflict
from synthor.fit.dual import Hard
from synthor.fit.obstacles import Ground, Obstacle, irreducible, widened
from synthor.fit.pool import Inside, Pool
from synthor.problem import Moment, Problem, Target
from synthor.types import CellIndex, Floats
from synthor.units import Units

ROOMY = 4.0
"""A statistic is taken to be out of reach when its sum would have to move by so many times the spread inside the bins."""

MOST_COMBINATIONS = 1_000_000
"""Combinations of the conflicting tables' own variables that are looked at; beyond, a contradiction stays unproven."""

MORE_COMBINATIONS = 100_000
"""Combinations up to which variables are looked at that only rules and empty cells of other tables speak of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """One cell of a set that cannot be met together.

    Attributes:
        target: name of its target.
        cell: its labels, in words; empty where the target is a single number.
        wanted: what is wanted: rows, or a value.
        error: by how much it alone must give way so that the others hold: rows, or as a share of all records for a statistic.
        low: lowest with which it is met.
        high: highest.
        rises: whether it must give way upwards, to more than `high`; otherwise downwards, to less than `low`.
        counts: whether these are rows.
    """

    target: str
    cell: str
    wanted: float
    error: float
    low: float
    high: float
    rises: bool
    counts: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Contradiction:
    """Cells that cannot be met together, each needed for that; the one that gives way in the fit comes first.

    Attributes:
        clashes: the cells.
        proven: whether no population whatever has all of them; otherwise only the candidates have none.
        obstacles: rules, and empty cells of other tables, without which they could be met; each needed for that.
    """

    clashes: tuple[Clash, ...]
    proven: bool = False
    obstacles: tuple[Obstacle, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagnosis:
    """What stands in the way.

    Attributes:
        found: cells that cannot be met together; None where nothing was found.
        elastic: (demand, cell, error) of the one that gives way so that the others can be met: a statistic before a count, and
            whichever has to give way least.
        inside: combinations of categories of which candidates would help.
    """

    found: Contradiction | None = None
    elastic: tuple[int, int, float] | None = None
    inside: Inside | None = None


def diagnose(
    problem: Problem, hard: Sequence[Hard], pool: Pool, *, advance: Callable[[int, int], None] = lambda done, total: None
) -> Diagnosis:
    """Find out why a pool does not meet its targets.

    Args:
        problem: what is known, with all rules that hold.
        hard: its targets, then its moments, as demands on the pool.
        pool: the candidates.
        advance: told how many percent are done.
    """
    sources: list[Target | Moment] = [*problem.targets, *problem.moments]
    rigid = [t for t, source in enumerate(sources) if source.sigma is None]
    bounds = [_bounds(hard[t]) for t in rigid]
    found = find_conflict(bounds, np.isfinite(pool.log_base), advance=advance) if bounds else None
    if not isinstance(found, Conflict):
        return Diagnosis()
    members = [(rigid[table], cell) for table, cell in found.members]
    concerned = sorted({t for t, _ in members})
    targets = [source for t in concerned if isinstance(source := sources[t], Target) and source.level == 0]
    weakest = min(zip(members, found.errors, strict=True), key=lambda entry: (entry[0][0] < len(problem.targets), entry[1]))
    elastic = (*weakest[0], weakest[1])
    ordered = sorted(zip(members, found.moves, strict=True), key=lambda entry: entry[0] != weakest[0])
    clashes = tuple(_clash(sources[t], cell, move, problem.n_units) for (t, cell), move in ordered)
    unproven = Diagnosis(found=Contradiction(clashes=clashes), elastic=elastic)
    if len(targets) < len(concerned):  # statistics of values, or of members, hang on more than categories
        return unproven
    own = sorted({position for target in targets for position in target.grid.positions})
    if np.prod([float(problem.levels[0].finest(position).size) for position in own]) > MOST_COMBINATIONS:
        return unproven
    ground = Ground.of(problem, widened(problem, own, {}, MORE_COMBINATIONS), {})
    units = Units(codes=ground.codes)
    everywhere = [_bounds_of(target, hard[t], units) for t, target in zip(concerned, targets, strict=True)]
    point = _point(everywhere, ground, ground.obstacles)
    if point is None:
        needed = irreducible(ground.obstacles, lambda some: _point(everywhere, ground, some) is None)
        return Diagnosis(found=Contradiction(clashes=clashes, proven=True, obstacles=needed), elastic=elastic)
    if not isinstance(point, tuple):
        return unproven
    return replace(unproven, inside=Inside(positions=ground.positions, codes=ground.codes[point[0]]))


def _point(
    bounds: Sequence[Bounds], ground: Ground, obstacles: Sequence[Obstacle]
) -> tuple[CellIndex, Floats] | Undecided | None:
    """Weights of combinations with which all bounds hold although there are obstacles; None where there are none."""
    free = ground.free(obstacles)
    return feasible_point(bounds, free) if free.any() else None


def given_way(hard: Sequence[Hard], elastic: tuple[int, int, float]) -> list[Hard]:
    """The same demands, one cell made elastic by what it must give way, so that the others can be met."""
    found = list(hard)
    t, cell, error = elastic
    now = found[t].sigma
    sigma = np.zeros(len(found[t].wanted)) if now is None else now
    found[t] = replace(found[t], sigma=np.where(np.arange(len(sigma)) == cell, np.maximum(sigma, error), sigma))
    return found


def out_of_reach(hard: Sequence[Hard], weights: Floats) -> bool:
    """Whether some statistic is off by more than its numbers can be moved inside their bins."""
    for table in hard:
        if table.signed and table.sigma is not None:
            bounds, got = _bounds(table), table.cells.totals(weights)
            if (got < bounds.low - TOLERANCE).any() or (got > bounds.high + TOLERANCE).any():
                return True
    return False


def _bounds(table: Hard) -> Bounds:
    """What a demand allows at most: a statistic can still move as far as numbers have room in their bins."""
    low = table.wanted if table.low is None else table.low
    high = table.wanted if table.high is None else table.high
    room = 0.0 if table.sigma is None else table.sigma * (ROOMY if table.signed else 1.0)  # of counts, what gave way already
    return Bounds(cells=table.cells, low=low - room, high=high + room)


def _bounds_of(target: Target, table: Hard, units: Units) -> Bounds:
    demand = _bounds(table)
    return Bounds(cells=target.cells(units), low=demand.low, high=demand.high)


def _clash(source: Target | Moment, cell: int, move: float, n_units: int) -> Clash:
    labels = ", ".join(f"{name} = {label}" for name, label in source.labels(cell).items())
    counts = isinstance(source, Target)
    return Clash(
        target=source.name,
        cell=labels,
        wanted=float(source.wanted.ravel()[cell]),
        error=abs(move) * (n_units if counts else 1),
        low=float(source.lowest.ravel()[cell]),
        high=float(source.highest.ravel()[cell]),
        rises=move > 0,
        counts=counts,
    )
