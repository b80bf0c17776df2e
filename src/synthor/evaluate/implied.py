"""What targets and rules say of some variables together, as linear conditions on combinations of categories."""

from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from synthor.evaluate.bounds import Interval, Polytope, frechet
from synthor.problem import Moment, Problem, Target
from synthor.problem.target import Grid
from synthor.spec.rules import names_in, truth
from synthor.types import CellIndex, Codes, Floats

MOST_COMBINATIONS = 20_000
"""Combinations of categories in one linear programme."""

Condition = tuple[CellIndex, Floats, Floats, Floats]
"""A cell of each combination (or -1), what it counts there, and bounds of each cell's total."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Implied:
    """What is known of some variables together.

    Attributes:
        codes: (n, columns) combinations that no rule forbids; of variables that are not looked at, 0.
        conditions: what targets say of the combinations' shares.
        sources: names of the targets, in words.
        sharp: whether all targets and rules that touch these variables are used whole, so that bounds cannot be narrower.
        separate: whether no more is known than the exact shares of the declared categories of single variables.
    """

    codes: Codes
    conditions: tuple[Condition, ...]
    sources: tuple[str, ...]
    sharp: bool
    separate: bool

    def merged(self, *kept: CellIndex) -> tuple[Polytope, CellIndex]:
        """The conditions on groups of combinations that neither they nor some other columns, (n,) each, can tell apart.

        Returns:
            The polytope, and the first combination of each of its columns, (columns,).
        """
        from scipy import sparse

        cells = [cell for cell, *_ in self.conditions]
        counted = [np.unique(count, return_inverse=True)[1].ravel() for _, count, *_ in self.conditions]
        seen = np.stack([np.zeros(len(self.codes), np.int64), *cells, *counted, *kept], axis=1)
        first = np.sort(np.unique(seen, axis=0, return_index=True)[1])
        blocks, low, high = [sparse.csr_array((0, len(first)))], [np.empty(0)], [np.empty(0)]
        for cell, count, least, most in self.conditions:
            columns = np.flatnonzero(cell[first] >= 0)
            values = (count[first[columns]], (cell[first[columns]], columns))
            blocks.append(sparse.csr_array(values, shape=(len(least), len(first))))
            low.append(least)
            high.append(most)
        matrix = sparse.csr_array(sparse.vstack(blocks, format="csr"))
        return Polytope(matrix=matrix, low=np.concatenate(low), high=np.concatenate(high)), first


def implied(problem: Problem, positions: Sequence[int]) -> Implied | None:
    """All that targets and rules say of some variables together; None where these have too many combinations.

    Other variables are looked at beside them as far as targets or rules tie them together and combinations stay few enough. Of
    a target that is not wholly among the variables looked at, its marginal is used. Rules that hang on values inside bins
    forbid a combination only where they forbid all its values; standard deviations are left out.
    """
    level = problem.levels[0]
    sizes = [float(level.finest(v).size) for v in range(len(level.variables))]
    chosen = set(positions)
    if _product(sizes, chosen) > MOST_COMBINATIONS:
        return None
    tied = _tied(problem)
    while True:
        near = [ties for ties in tied if ties & chosen and _product(sizes, ties | chosen) <= MOST_COMBINATIONS]
        grown = [ties for ties in near if not ties <= chosen]
        if not grown:
            break
        chosen |= min(grown, key=lambda ties: (_product(sizes, ties | chosen), sorted(ties)))
    codes = _combinations(problem, sorted(chosen))
    known = {level.variables[v].name: level.refine(codes)[:, v] for v in chosen}
    finest = problem.refined.variables
    allowed = np.ones(len(codes), bool)
    for rule in problem.rules:
        if names_in(rule.predicate) & known.keys():
            allowed &= ~truth(rule.predicate, known, finest, len(codes)).must
    separate, codes = bool(allowed.all()), codes[allowed]
    conditions, sources, alone = [], [], set[int]()
    for target in problem.targets:
        found = _of_target(target, chosen, codes, problem.n_units) if target.level == 0 else None
        if found is not None:
            conditions.append(found)
            sources.append(target.name)
            declared = target.grid.plain and target.exact and target.axes[0].column == target.axes[0].position
            separate &= declared and len(target.axes) == 1 and target.columns[0] not in alone
            alone |= set(target.columns)
    for moment in problem.moments:
        if {*moment.grid.positions, moment.of} <= chosen and moment.kind != "sd":
            conditions += _of_moment(moment, codes, problem.n_units)
            sources.append(moment.name)
            separate = False
    loose = any(moment.kind == "sd" and {*moment.grid.positions, moment.of} & chosen for moment in problem.moments)
    sharp = not loose and all(ties <= chosen for ties in tied if ties & chosen)
    return Implied(codes=codes, conditions=tuple(conditions), sources=tuple(sources), sharp=sharp, separate=separate)


def from_marginals(problem: Problem, positions: Sequence[int], cell: Sequence[int]) -> tuple[Interval, tuple[str, ...]]:
    """Bounds of one cell of a cross-table by Frechet's inequalities from every published table that holds a part of it.

    Args:
        problem: what is known.
        positions: of the variables.
        cell: the declared category of each.

    Returns:
        Bounds of its share, and the names of the tables that hold parts.
    """
    wanted = dict(zip(positions, cell, strict=True))
    parts: list[tuple[frozenset[int], Interval]] = []
    names = []
    for target in problem.targets:
        held = frozenset(target.columns) & wanted.keys()
        found = _marginal(target, held) if held and target.level == 0 else None
        if found is not None and found[0].plain and all(axis.column == axis.position for axis in found[0].axes):
            grid, low, high = found
            at = int(np.ravel_multi_index([wanted[axis.position] for axis in grid.axes], grid.shape))
            parts.append((held, (low[at] / problem.n_units, high[at] / problem.n_units)))
            names.append(target.name)
    upper = min((high for _, (_, high) in parts), default=1.0)
    cover: list[Interval] = []
    left = set(positions)
    for held, interval in sorted(parts, key=lambda part: (-len(part[0]), -part[1][0])):
        if held & left:
            cover.append(interval)
            left -= held
    lower = frechet(cover)[0] if not left else 0.0
    return (lower, upper), tuple(dict.fromkeys(names))


def _tied(problem: Problem) -> list[set[int]]:
    """Groups of variables that a target or rule speaks of together."""
    level = problem.levels[0]
    found = [set(target.grid.positions) for target in problem.targets if target.level == 0]
    found += [{*moment.grid.positions, moment.of} for moment in problem.moments]
    found += [{level.position(name) for name in names_in(rule.predicate)} for rule in problem.rules]
    return found


def _product(sizes: Sequence[float], positions: Set[int]) -> float:
    return float(np.prod([sizes[v] for v in positions]))


def _combinations(problem: Problem, positions: list[int]) -> Codes:
    """Codes of all combinations of some variables' finest bins, the others at 0, (n, columns)."""
    level = problem.levels[0]
    sizes = [level.finest(v).size for v in positions]
    fine = np.zeros((int(np.prod(sizes)), len(level.variables)), np.int32)
    fine[:, positions] = np.stack(np.unravel_index(np.arange(len(fine)), sizes), axis=1)
    return level.coarsen(fine)


def _marginal(target: Target, chosen: Set[int]) -> tuple[Grid, Floats, Floats] | None:
    """A target's table over those of its variables that are chosen, with lowest and highest counts; None where it has none."""
    low = np.minimum(target.lowest, target.low).astype(np.float64)
    high = np.maximum(target.highest, target.high).astype(np.float64)
    if set(target.grid.positions) <= chosen:
        return target.grid, low, high
    kept = tuple(axis for axis in target.axes if axis.position in chosen)
    rest = [axis for axis in target.axes if axis.position not in chosen]
    beyond = target.grid.universe is not None and not set(target.grid.universe.positions) <= chosen
    if not kept or beyond or target.grid.listed is not None or not all(axis.covers for axis in rest):
        return None
    over = tuple(place for place, axis in enumerate(target.axes) if axis.position not in chosen)
    sums = [table.reshape(target.shape).sum(axis=over).ravel() for table in (low, high)]
    return replace(target.grid, axes=kept), sums[0], sums[1]


def _of_target(target: Target, chosen: set[int], codes: Codes, n_units: int) -> Condition | None:
    found = _marginal(target, chosen) if set(target.grid.positions) & chosen else None
    if found is None:
        return None
    grid, low, high = found
    cell = grid.index(codes)
    return np.where(cell < grid.size, cell, -1), np.ones(len(codes)), low / n_units, high / n_units


def _of_moment(moment: Moment, codes: Codes, n_units: int) -> list[Condition]:
    """A mean, total or shares inside cells: linear in the combinations' shares, values between the ends of their bins."""
    cell = moment.grid.index(codes)
    cell = np.where(cell < moment.grid.size, cell, -1)
    low, high = moment.lowest, moment.highest
    free = np.full(moment.grid.size, np.inf)
    if moment.groups is not None:
        group = moment.groups.group_of[codes[:, moment.groups.column]]
        found: list[Condition] = []
        for g in range(moment.groups.size):
            for bound, sign in ((low[:, g], 1.0), (-high[:, g], -1.0)):  # a share is met beside what no whole number meets
                count = sign * (group == g) - np.where(cell >= 0, np.nan_to_num(bound)[cell], 0.0)
                least = np.where(np.isfinite(bound), -1 / n_units, -np.inf)
                found.append((cell, count, least, free))
        return found
    smallest, largest = moment.variable.low[codes[:, moment.column]], moment.variable.high[codes[:, moment.column]]
    span = 1e-9 * np.maximum(np.abs(low), np.abs(high))
    low, high = low - span, high + span
    if moment.kind == "total":
        at_least = np.where(np.isfinite(low), low / n_units, -np.inf)
        at_most = np.where(np.isfinite(high), high / n_units, np.inf)
        return [(cell, largest, at_least, free), (cell, smallest, -free, at_most)]
    known = np.isfinite(low)
    below, above = np.nan_to_num(low)[cell], np.nan_to_num(high)[cell]
    return [
        (cell, largest - below, np.where(known, 0.0, -np.inf), free),
        (cell, smallest - above, -free, np.where(known, 0.0, np.inf)),
    ]
