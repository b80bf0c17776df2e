"""Why targets are not met: do they contradict each other, or does the pool merely lack the units that would meet them?

The pool holds only what was drawn. A set of cells that the pool cannot meet together is therefore looked at once more over all
combinations of the variables that it speaks of, as far as rules on these variables allow them. If none meets it either, the
targets contradict each other, whatever was drawn. Otherwise candidates of just the combinations that are missing are asked for.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from itertools import product

import numpy as np

from synthor.fit.conflict import TOLERANCE, Bounds, Conflict, feasible_point, find_conflict
from synthor.fit.dual import Hard
from synthor.fit.pool import Inside, Pool
from synthor.problem import Moment, Problem, Target
from synthor.spec.rules import names_in
from synthor.types import Codes, Floats, Mask
from synthor.units import Units
from synthor.values import possible

ROOMY = 4.0
"""A statistic is taken to be out of reach when its sum would have to move by so many times the spread inside the bins."""

MOST_COMBINATIONS = 1_000_000
"""Combinations that are looked at; beyond, a contradiction stays unproven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Clash:
    """One cell of a set that cannot be met together.

    Attributes:
        target: name of its target.
        cell: its labels, in words; empty where the target is a single number.
        wanted: what is wanted: rows, or a value.
        error: by how much it alone must give way so that the others hold: rows, or as a share of all records for a statistic.
    """

    target: str
    cell: str
    wanted: float
    error: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagnosis:
    """What stands in the way.

    Attributes:
        clashes: a set of cells that cannot be met together, each needed for that, the one that gives way first; empty where
            nothing was found.
        elastic: (demand, cell, error) of the one that gives way so that the others can be met: a statistic before a count, and
            whichever has to give way least.
        proven: whether no record that the rules allow could help.
        inside: combinations of categories of which candidates would help.
    """

    clashes: tuple[Clash, ...] = ()
    elastic: tuple[int, int, float] | None = None
    proven: bool = False
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
    ordered = sorted(zip(members, found.errors, strict=True), key=lambda entry: entry[0] != weakest[0])
    clashes = tuple(_clash(sources[t], cell, error, problem.n_units) for (t, cell), error in ordered)
    if len(targets) < len(concerned):  # statistics of values, or of members, hang on more than categories
        return Diagnosis(clashes=clashes, elastic=elastic)
    positions = sorted({position for target in targets for position in target.grid.positions})
    combinations = _combinations(problem, positions)
    if combinations is None:
        return Diagnosis(clashes=clashes, elastic=elastic)
    units = Units(codes=combinations)
    everywhere = [_bounds_of(target, hard[t], units) for t, target in zip(concerned, targets, strict=True)]
    point = feasible_point(everywhere, _allowed(problem, positions, combinations))
    if point is None:
        return Diagnosis(clashes=clashes, elastic=elastic, proven=True)
    if not isinstance(point, tuple):
        return Diagnosis(clashes=clashes, elastic=elastic)
    return Diagnosis(clashes=clashes, elastic=elastic, inside=Inside(positions=tuple(positions), codes=combinations[point[0]]))


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
    room = ROOMY * table.sigma if table.signed and table.sigma is not None else 0.0
    return Bounds(cells=table.cells, low=low - room, high=high + room)


def _bounds_of(target: Target, table: Hard, units: Units) -> Bounds:
    demand = _bounds(table)
    return Bounds(cells=target.cells(units), low=demand.low, high=demand.high)


def _clash(source: Target | Moment, cell: int, error: float, n_units: int) -> Clash:
    wanted = float(source.wanted.ravel()[cell])
    labels = ", ".join(f"{name} = {label}" for name, label in source.labels(cell).items())
    return Clash(target=source.name, cell=labels, wanted=wanted, error=error * (n_units if isinstance(source, Target) else 1))


def _combinations(problem: Problem, positions: list[int]) -> Codes | None:
    """Codes of all combinations of some variables' finest bins, the others at 0; None where they are too many."""
    level = problem.levels[0]
    sizes = [level.finest(position).size for position in positions]
    if np.prod([float(size) for size in sizes]) > MOST_COMBINATIONS:
        return None
    grid = np.array(list(product(*map(range, sizes))), np.int32).reshape(-1, len(sizes))
    fine = np.zeros((len(grid), len(level.variables)), np.int32)
    fine[:, positions] = grid
    return level.coarsen(fine)


def _allowed(problem: Problem, positions: list[int], codes: Codes) -> Mask:
    """Combinations that no rule on these variables alone forbids."""
    names = {problem.levels[0].variables[position].name for position in positions}
    rules = tuple(rule for rule in problem.rules if names_in(rule.predicate) <= names)
    return possible(problem.refined.with_only(rules), problem.levels[0].refine(codes))
