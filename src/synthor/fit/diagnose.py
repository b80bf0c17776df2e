"""Why targets are not met: do they contradict each other, or does the pool merely lack the units that would meet them?

The pool holds only what was drawn. A set of cells that the pool cannot meet together is therefore looked at once more over all
combinations of the variables that it speaks of, as far as rules on these variables allow them. If none meets it either, the
targets contradict each other, whatever was drawn. Otherwise candidates of just the combinations that are missing are asked for.
"""

from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, replace

import numpy as np

from synthor.fit.conflict import LIMITS, Conflict, Undecided, feasible_point, find_conflict, only
from synthor.fit.dual import Hard
from synthor.fit.obstacles import Ground, Obstacle, irreducible, widened
from synthor.fit.pool import Inside, Pool
from synthor.fit.reach import Ends, Given, Place, Rigid, at_ends, demanded, in_whole_records, rigid
from synthor.fit.remedies import Change, Remedies
from synthor.problem import Demanded, Problem, Target
from synthor.schema import Partition, Ref, Units, of_unit
from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Floats

CLASHES = 5
"""Contradictions that are told."""

MOVED, MOVED_TO = 300, 2_000
"""Likeliest units that records are taken from, and put to, where a contradiction is resolved."""

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
        changes: of tables, any one of which was tried and would be enough, or at least resolve this contradiction.
        tried: whether changes were looked for at all.
        more: whether there may be more contradictions than those that were found up to this one.
    """

    clashes: tuple[Clash, ...]
    proven: bool = False
    obstacles: tuple[Obstacle, ...] = ()
    changes: tuple[Change, ...] = ()
    tried: bool = False
    more: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Diagnosis:
    """What stands in the way.

    Attributes:
        found: cells that cannot be met together; None where nothing was found.
        conflict: the same as it was found among all demands.
        elastic: (demand, cell, error) of the one that gives way so that the others can be met: a statistic before a count, and
            whichever has to give way least.
        inside: combinations of categories of which candidates would help.
    """

    found: Contradiction | None = None
    conflict: Conflict | None = None
    elastic: Given | None = None
    inside: Inside | None = None


def diagnose(
    problem: Problem,
    hard: Sequence[Hard],
    pool: Pool,
    *,
    given: Sequence[Given] = (),
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Diagnosis:
    """Find out why a pool does not meet its targets.

    Args:
        problem: what is known, with all rules that hold.
        hard: its targets as demands on the pool.
        pool: the candidates.
        given: what gave way already.
        advance: told how many percent are done.
    """
    ends = at_ends(problem, pool.units)
    demands = rigid(problem, hard, ends, given)
    alive = ends.spread(np.isfinite(pool.log_base))
    found = find_conflict([demand.bounds for demand in demands], alive, advance=advance)
    if not isinstance(found, Conflict):
        return Diagnosis()
    contradiction, inside = _judged(problem, hard, demands, found)
    if pool.complete:  # there is nothing that could be drawn beside
        contradiction, inside = replace(contradiction, proven=True), None
    members = [(demands[table].source, cell) for table, cell in found.members]
    weakest = _weakest(problem, members, found)
    return Diagnosis(
        found=None if inside is not None else contradiction,
        conflict=found,
        elastic=(*members[weakest], found.errors[weakest] / _scale(problem, demands[found.members[weakest][0]])),
        inside=inside,
    )


def several(
    problem: Problem,
    hard: Sequence[Hard],
    pool: Pool,
    first: Diagnosis,
    means: Mapping[Ref, Floats],
    *,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Contradiction, ...]:
    """All contradictions that do not follow from each other, up to a handful, with changes that would resolve them.

    Each is looked for where those before are resolved: as many records as one lacks are taken from where it has too many and
    put where it has too few, in all tables at once, so that these still agree with each other. What contradicts itself there,
    and as the tables stand, is another contradiction.

    Args:
        problem: what is known, with all rules that hold.
        hard: its targets as demands on the pool.
        pool: the candidates.
        first: what was found already.
        means: column to the mean value of each of its bins, as the fit takes it, for variables that have statistics.
        advance: told how many percent are done.
    """
    ends = at_ends(problem, pool.units)
    demands = rigid(problem, hard, ends)
    alive, bounds = ends.spread(np.isfinite(pool.log_base)), [demand.bounds for demand in demands]
    assert first.found is not None
    assert first.conflict is not None
    if sum(table.cells.size for table in bounds) > LIMITS.whole_cells:
        return (replace(first.found, more=True),)
    told, left = [(first.found, first.conflict)], bounds
    while True:
        left = _resolved(problem, hard, demands, left, told[-1][1], pool, ends)
        other = find_conflict(left, alive, advance=advance)
        more = other is not None
        if len(told) == CLASHES or not isinstance(other, Conflict):
            break
        as_it_stands = find_conflict(only(bounds, other.members), alive)
        if not isinstance(as_it_stands, Conflict) or any(as_it_stands.members == known.members for _, known in told):
            break  # it is one only where the others are resolved in this way, or not yet resolved
        told.append((_judged(problem, hard, demands, as_it_stands)[0], as_it_stands))
    remedies, found = Remedies(problem, hard, pool, means), []
    for contradiction, conflict in told:
        changes = remedies.of([(demands[table].source, cell) for table, cell in conflict.members])
        found.append(replace(contradiction, changes=changes, tried=True))
    enough = any(change.enough for contradiction in found for change in contradiction.changes)
    found[-1] = replace(found[-1], more=more and not enough)
    return tuple(found)


def _judged(
    problem: Problem, hard: Sequence[Hard], demands: Sequence[Rigid], found: Conflict
) -> tuple[Contradiction, Inside | None]:
    """A conflict in the words of its targets, whether any population could resolve it; and what candidates would."""
    sources = problem.targets
    members = [(demands[table].source, cell) for table, cell in found.members]
    weakest = _weakest(problem, members, found)
    moves = [
        -move if _is_upper(problem, demands, table) else move
        for (table, _), move in zip(found.members, found.moves, strict=True)
    ]
    ordered = sorted(zip(members, moves, strict=True), key=lambda entry: entry[0] != members[weakest])
    unproven = Contradiction(clashes=tuple(_clash(sources[t], cell, move, problem.n_units) for (t, cell), move in ordered))
    concerned = sorted({t for t, _ in members})
    if any(not sources[t].flat for t in concerned):
        return unproven, None  # members hang on more than categories of their units
    own = sorted({position for t in concerned for position in sources[t].positions})
    if n_crossed([problem.schema.unit.finest(position).size for position in own]) > MOST_COMBINATIONS:
        return unproven, None
    ground = Ground.of(problem, widened(problem, own, {}, MORE_COMBINATIONS), {})
    ends = at_ends(problem, ground.units)
    exact, beside = _everywhere(problem, hard, ends, concerned)
    point = _point(exact, ground, ground.obstacles, ends)
    if isinstance(point, tuple):
        return unproven, Inside(positions=ground.positions, units=ground.units.take(np.unique(ends.of[point[0]])))
    if point is not None or _point(beside, ground, ground.obstacles, ends) is not None:
        return unproven, None
    needed = irreducible(ground.obstacles, lambda some: _point(beside, ground, some, ends) is None)
    return replace(unproven, proven=True, obstacles=needed), None


def _everywhere(
    problem: Problem, hard: Sequence[Hard], ends: Ends, concerned: Sequence[int]
) -> tuple[list[Demanded], list[Demanded]]:
    """What some sources demand of units: as the fit has it, and with the whole records beside what is no whole number."""
    exact: list[Demanded] = []
    beside: list[Demanded] = []
    for t in concerned:
        target = problem.targets[t]
        own = demanded(target, hard[t], problem, ends)
        exact += own
        beside += [in_whole_records(target, bounds, problem.n_units) for bounds in own] if target.counts else own
    return exact, beside


def _weakest(problem: Problem, members: Sequence[Place], found: Conflict) -> int:
    """The member that gives way so that the others can be met."""
    keys = [(problem.targets[t].counts, error) for (t, _), error in zip(members, found.errors, strict=True)]
    return min(range(len(keys)), key=lambda i: keys[i])


def _scale(problem: Problem, demand: Rigid) -> float:
    """What an error of a statistic is divided by to be in the units of the fit."""
    if problem.targets[demand.source].counts:
        return 1.0
    return float(np.abs(demand.bounds.cells.matrix().data).max(initial=0.0)) or 1.0


def _is_upper(problem: Problem, demands: Sequence[Rigid], table: int) -> bool:
    """Whether a demand is the upper side of a statistic, which is written with its sign changed."""
    source = demands[table].source
    return not problem.targets[source].counts and table > 0 and demands[table - 1].source == source


def _resolved(
    problem: Problem,
    hard: Sequence[Hard],
    demands: Sequence[Rigid],
    left: Sequence[Demanded],
    found: Conflict,
    pool: Pool,
    ends: Ends,
) -> list[Demanded]:
    """Demands as they would be if records were moved from where a conflict has too many to where it has too few.

    With multipliers y the conflict says that sum_i (Cy)_i p_i should be more than the largest (Cy)_i of any unit. Where rules
    or empty cells forbid combinations of a larger Cy, the tables count some as if there were such: these records become the
    allowed ones next to them. Otherwise records of the largest Cy become those next to them of the smallest. In both ways
    all tables change as if people had, so whatever they say together of any population stays true.
    """
    log_base = ends.spread(pool.log_base)
    alive, members = np.isfinite(log_base), list(zip(found.members, found.multipliers, strict=True))
    pull = _pull([demand.bounds for demand in demands], members)
    demanded = sum(y * float((left[t].low if y > 0 else left[t].high)[cell]) for (t, cell), y in members)
    top, bottom = float(pull[alive].max()), float(pull[alive].min())
    near = 1e-9 * max(abs(top), abs(bottom), 1e-300)
    order = np.argsort(-log_base, kind="stable")
    order = order[alive[order]]
    high, taken = _forbidden(problem, hard, demands, members, top + near, ends.units.take(order[:MOVED_TO]))
    if taken is None:
        if top - bottom <= near:  # nobody differs in it, so that no move resolves it
            kept = [(t, c) for t, table in enumerate(left) for c in range(table.cells.size) if (t, c) not in found.members]
            return only(left, kept)
        high, taken = top, ends.of_units(order[pull[order] >= top - near][:MOVED])
        order = order[pull[order] <= bottom + near]
    order = order[:MOVED_TO]
    to = order[taken.units.nearest(ends.units.take(order))]
    before = rigid(problem, hard, taken)
    each = _plenty(left, before, {table for table, _ in found.members})
    each *= (demanded - top) * (1 + 1e-6) / float(each @ (high - pull[to]))
    after = np.zeros(len(alive))
    np.add.at(after, to, each)
    shifts = [now.bounds.cells.totals(after) - was.bounds.cells.totals(each) for now, was in zip(demands, before, strict=True)]
    return [
        Demanded.between(table.cells, table.low + shift, table.high + shift) for table, shift in zip(left, shifts, strict=True)
    ]


def _plenty(left: Sequence[Demanded], before: Sequence[Rigid], tables: Set[int]) -> Floats:
    """How many records some tables want where each of some units lies, (n,), as if they did not depend on each other.

    Records are taken in this proportion, so that no cell is left with fewer than none.
    """
    found = np.ones(before[0].bounds.cells.matrix().shape[0])
    for place in tables:
        cells = before[place].bounds.cells
        if isinstance(cells, Partition):
            found *= np.append(np.maximum(left[place].low, 0.0), 1.0)[cells.index]
    return found / found.sum() if found.sum() > 0 else np.full(len(found), 1 / len(found))


def _forbidden(
    problem: Problem,
    hard: Sequence[Hard],
    demands: Sequence[Rigid],
    members: Sequence[tuple[tuple[int, int], float]],
    top: float,
    likely: Units,
) -> tuple[float, Ends | None]:
    """Combinations of a larger Cy than any allowed unit's: their Cy, and units that have them, if there are any."""
    sources = problem.targets
    concerned = {demands[table].source for (table, _), _ in members}
    own = sorted({position for t in concerned for position in sources[t].positions})
    level = problem.schema.unit
    if any(not target.flat for target in problem.targets):  # members hang on more than categories of their units
        return top, None
    if n_crossed([level.finest(position).size for position in own]) > MORE_COMBINATIONS:
        return top, None
    ground = Ground.of(problem, own, {})
    ends = at_ends(problem, ground.units)
    everywhere = rigid(problem, hard, ends)
    pull = _pull([demand.bounds for demand in everywhere], members)
    best = float(pull.max())
    if best <= top:
        return top, None
    chosen = np.flatnonzero(pull >= best - 1e-9 * abs(best))[:MOVED]
    fine, allowed = problem.schema.refine(ends.units.take(chosen)), problem.schema.refine(likely)
    found = allowed.take(fine.nearest(allowed, own))
    for position in own:
        found = found.replace(of_unit(position), slice(None), fine.column(of_unit(position)))
    values = {position: value[chosen] for position, value in ends.values.items()}
    return best, Ends(units=problem.schema.coarsen(found), of=np.arange(len(found)), values=values)


def _pull(bounds: Sequence[Demanded], members: Sequence[tuple[tuple[int, int], float]]) -> Floats:
    """Cy of each unit, (n,)."""
    pull = np.zeros(bounds[0].cells.matrix().shape[0])
    for (t, cell), multiplier in members:
        pull += bounds[t].cells.spread(np.where(np.arange(bounds[t].cells.size) == cell, multiplier, 0.0))
    return pull


def _point(
    bounds: Sequence[Demanded], ground: Ground, obstacles: Sequence[Obstacle], ends: Ends
) -> tuple[CellIndex, Floats] | Undecided | None:
    """Weights of combinations with which all bounds hold although there are obstacles; None where there are none."""
    free = ends.spread(ground.free(obstacles))
    return feasible_point(bounds, free) if free.any() else None


def given_way(hard: Sequence[Hard], elastic: Given) -> list[Hard]:
    """The same demands, one cell made elastic by what it must give way, so that the others can be met."""
    found = list(hard)
    t, cell, error = elastic
    demand = found[t].demand
    sigma = np.zeros(len(demand.low)) if demand.sigma is None else demand.sigma
    sigma = np.where(np.arange(len(sigma)) == cell, np.maximum(sigma, error), sigma)
    found[t] = replace(found[t], demand=replace(demand, sigma=sigma))
    return found


def _clash(source: Target, cell: int, move: float, n_units: int) -> Clash:
    labels = ", ".join(f"{name} = {label}" for name, label in source.labels(cell).items())
    return Clash(
        target=source.name,
        cell=labels,
        wanted=float(source.wanted.ravel()[cell]),
        error=abs(move) * (n_units if source.counts else 1),
        low=float(source.lowest.ravel()[cell]),
        high=float(source.highest.ravel()[cell]),
        rises=move > 0,
        counts=source.counts,
    )
