"""Combinations of categories that no table wants empty, listed: the join of the tables' cells that may hold records.

Variables are bound one after the other. What a bound combination may go on with is looked up in the tables that speak of the
next variable: the one that leaves least is followed, and the others are asked (a join that is optimal in the worst case; Ngo,
Re and Rudra, 2013). So nothing is ever listed that a table of the bound variables alone wants empty, and how many
combinations a step gives is counted before they are made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.problem import Axis, Problem, Target
from synthor.problem.rulings import BROKEN, Rulings
from synthor.schema import Level, Units
from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Codes, Counts, Mask

MOST_LISTED = 3_000_000
"""Combinations of all variables up to which they are listed."""

FEWEST_DRAWN = 3
"""Candidates that a listed combination of some variables has at least when those of the others are drawn."""

EXPECTED = 10.0
"""A wanted cell is lean where a pool is expected to hold fewer candidates of it."""

MANY_LEAN = 1_000
"""Lean cells from which a pool is listed: of so many, drawn candidates would miss too many combinations with other tables."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Listing:
    """Combinations of some variables' finest bins.

    Attributes:
        bins: position of each variable, rising, to its finest bins, (n,) each; combinations are in lexical order.
    """

    bins: Mapping[int, Codes]

    @classmethod
    def of(cls, bins: Mapping[int, Codes]) -> "Listing":
        """Combinations put into order."""
        places = sorted(bins)
        order = np.lexsort([bins[position] for position in reversed(places)])
        return cls(bins={position: bins[position][order] for position in places})

    def __len__(self) -> int:
        return len(next(iter(self.bins.values())))

    def part(self, begin: int, end: int) -> "Listing":
        """Those from one place to another."""
        return Listing(bins={position: codes[begin:end] for position, codes in self.bins.items()})

    def repeated(self, times: int) -> "Listing":
        """Each so many times in a row."""
        return Listing(bins={position: np.repeat(codes, times) for position, codes in self.bins.items()})

    def units(self, level: Level) -> Units:
        """The same as units in the finest bins alone; their variables that are not listed mean nothing."""
        return level.fine(self.bins, len(self))


def finest_groups(level: Level, axis: Axis) -> Codes:
    """The label that each of a variable's finest bins goes under on one side of a table, -1 where under none."""
    if axis.declared and axis.position in level.slices:
        return axis.group_of[level.parents(axis.position)]
    return axis.group_of


def lean_positions(problem: Problem, size: int) -> tuple[int, ...]:
    """Variables of tables with cells so small that a pool of some size would hold few candidates of each.

    None where there are few such cells: candidates can be drawn for these.
    """
    lean = {}
    for t, target in enumerate(problem.counts):
        if target.flat:
            expected = target.wanted * (size / problem.n_units)
            lean[t] = int(((expected > 0) & (expected < EXPECTED)).sum())
    if sum(lean.values()) < MANY_LEAN:
        return ()
    return tuple(sorted({position for t, n in lean.items() if n for position in problem.counts[t].grid.positions}))


def every_combination(problem: Problem, most: int = MOST_LISTED) -> Listing | None:
    """All combinations of all variables that no table wants empty; None where they are more than `most`."""
    return _listed(problem, tuple(range(len(problem.schema.unit.variables))), most)


def some_combinations(problem: Problem, positions: Sequence[int], most: int = MOST_LISTED // FEWEST_DRAWN) -> Listing | None:
    """The same of some variables; where they are too many, without one of those that no flows speak of, or without all these.

    None where even so they are too many: without flows there is nothing that could not be drawn from tables of pairs.
    """
    flows = {at for target in problem.counts if target.grid.listed is not None for at in target.grid.positions}
    found = _listed(problem, positions, most)
    if found is not None or not flows & set(positions):
        return found
    others = [position for position in positions if position not in flows]
    fewer = [_listed(problem, [position for position in positions if position != other], most) for other in others]
    fitting = [listing for listing in fewer if listing is not None]
    if fitting:
        return max(fitting, key=len)
    return _listed(problem, [position for position in positions if position in flows], most)


def allowed_combinations(
    problem: Problem,
    most: int,
    *,
    within: Mapping[int, CellIndex] | None = None,
    random: np.random.Generator | None = None,
) -> Listing | None:
    """All combinations of all variables that no table wants empty and that no rule forbids whatever the values.

    Variables are bound one after the other, first those that rules and tables tie to the ones that are bound already; what a
    rule forbids is left out as soon as all its variables are bound. So rules that leave few combinations of many variables
    (equalities along a chain, permutations) never let more than a few be held.

    Args:
        problem: with all rules that hold.
        most: combinations, of some variables too, beyond which none are listed.
        within: position to the finest bins that are looked at, for variables of which not all are.
        random: where it is given and there are more, only so many are followed, picked at random.
    """
    level, rulings = problem.schema.unit, problem.refined.rulings
    bins = {v: np.arange(level.finest(v).size, dtype=np.int32) for v in range(len(level.variables))}
    bins |= {v: picked.astype(np.int32) for v, picked in (within or {}).items()}
    relations = [found for target in problem.counts if (found := _relation(level, target)) is not None]
    ties = [frozenset(relation.positions) for relation in relations]
    ties += [frozenset(columns) for columns in dict.fromkeys(ruling.columns for ruling in rulings.each)]
    n, bound = 1, dict[int, Codes]()
    while len(bound) < len(bins):
        position = _next(bins, set(bound), ties)
        own = bins[position]
        if n * len(own) > most:
            if random is None:
                return None
            kept = np.sort(random.choice(n, min(max(most // len(own), 1), n), replace=False))
            n, bound = len(kept), {v: codes[kept] for v, codes in bound.items()}
        bound = {v: np.repeat(codes, len(own)) for v, codes in bound.items()}
        bound[position] = np.tile(own, n)
        n *= len(own)
        for relation in relations:
            if position in relation.positions:
                before = {v: codes for v, codes in bound.items() if v != position}
                pairs, n_labels = _pairs(relation, before, position)
                label = relation.group_of[relation.positions.index(position)][bound[position]]
                allowed = _among(_keys(relation, before, position, n) * n_labels + label, pairs)
                n, bound = int(allowed.sum()), {v: codes[allowed] for v, codes in bound.items()}
        complete = (ruling for ruling in rulings.each if position in ruling.columns and bound.keys() >= set(ruling.columns))
        ruled = Rulings(each=tuple(complete))
        if ruled.each:
            allowed = ruled.state(level.fine(bound, n)) < BROKEN
            n, bound = int(allowed.sum()), {v: codes[allowed] for v, codes in bound.items()}
    return Listing.of(bound)


def _next(bins: Mapping[int, Codes], bound: set[int], ties: Sequence[frozenset[int]]) -> int:
    """The variable that completes most of what ties it to those that are bound; else the one tied to most, of fewest bins."""
    complete, near = dict.fromkeys(bins, 0), dict.fromkeys(bins, 0)
    for tie in ties:
        left = tie - bound
        for position in left:
            complete[position] += len(left) == 1 and len(tie) > 1
            near[position] += len(left) < len(tie)
    return min(bins.keys() - bound, key=lambda v: (-complete[v], -near[v], len(bins[v]), v))


def _listed(problem: Problem, positions: Sequence[int], most: int) -> Listing | None:
    level = problem.schema.unit
    sizes = {position: level.finest(position).size for position in positions}
    relations = [found for target in problem.counts if (found := _relation(level, target)) is not None]
    spoken_of = {position for relation in relations for position in relation.positions}
    if n_crossed([size for position, size in sizes.items() if position not in spoken_of]) > most:
        return None
    bound: dict[int, Codes] = {}
    n = 1
    while len(bound) < len(sizes):
        left = [position for position in sizes if position not in bound]
        left = [position for position in left if position in spoken_of] or left  # all others multiply what is there
        steps = [_step(relations, bound, n, position, sizes[position]) for position in left]
        least = min(steps, key=lambda step: (step.n, step.position))
        if least.n > most:
            return None
        bound = _taken(relations, bound, n, least)
        n = len(bound[least.position])
    return Listing.of(bound) if bound else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Relation:
    """The cells of a table that may hold records.

    Attributes:
        positions: of the variables of its sides.
        group_of: for each side, the label of each finest bin.
        sizes: labels of each side.
        cells: (m, sides) labels of each cell.
    """

    positions: tuple[int, ...]
    group_of: tuple[Codes, ...]
    sizes: tuple[int, ...]
    cells: Codes


def _relation(level: Level, target: Target) -> _Relation | None:
    """What a table keeps empty, where it speaks of all records and keeps anything empty at all."""
    grid = target.grid
    positions = tuple(axis.position for axis in grid.axes)
    if not target.flat or target.sigma is not None or not grid.covers or len(set(positions)) < len(positions):
        return None
    held = target.highest[: len(grid.cells)] > 0
    if np.count_nonzero(held) == n_crossed(grid.shape):
        return None
    return _Relation(
        positions=positions,
        group_of=tuple(finest_groups(level, axis) for axis in grid.axes),
        sizes=grid.shape,
        cells=np.stack([group[held] for group in grid.groups], axis=1).astype(np.int32),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Step:
    """How combinations go on with one variable more.

    Attributes:
        position: of the variable.
        n: combinations that this gives.
        counts: (rows,) in how many ways each goes on; None where in all.
        first: (rows,) where its ways begin among `ways`.
        ways: finest bins of the variable.
        by: the relation that was followed.
    """

    position: int
    n: int
    counts: Counts | None
    first: CellIndex
    ways: Codes
    by: _Relation | None = None


def _step(relations: Sequence[_Relation], bound: dict[int, Codes], n: int, position: int, size: int) -> _Step:
    """The way on that leaves least."""
    every = np.arange(size, dtype=np.int32)
    best = _Step(position=position, n=n * size, counts=None, first=np.zeros(0, np.int64), ways=every)
    for relation in relations:
        if position in relation.positions:
            pairs, n_labels = _pairs(relation, bound, position)
            of = relation.group_of[relation.positions.index(position)]
            order = np.argsort(of, kind="stable").astype(np.int32)
            begin = np.searchsorted(of[order], np.arange(n_labels + 1))
            label = pairs % n_labels
            n_bins = np.diff(begin)[label]
            ends = np.cumsum(n_bins)
            keys = _keys(relation, bound, position, n)
            starts = np.searchsorted(pairs, keys * n_labels)
            stops = np.searchsorted(pairs, (keys + 1) * n_labels)
            before = np.concatenate([[0], ends])
            counts = before[stops] - before[starts]
            total = int(counts.sum())
            if total < best.n or (total == best.n and best.by is None):
                place = np.arange(int(n_bins.sum())) - np.repeat(ends - n_bins, n_bins)
                ways = order[np.repeat(begin[label], n_bins) + place]
                best = _Step(position=position, n=total, counts=counts, first=before[starts], ways=ways, by=relation)
    return best


def _pairs(relation: _Relation, bound: dict[int, Codes], position: int) -> tuple[CellIndex, int]:
    """What a relation holds of the bound variables and the next one: flat, rising, each once; and the next one's labels."""
    own = relation.positions.index(position)
    sides = [place for place, known in enumerate(relation.positions) if known in bound]
    flat = np.zeros(len(relation.cells), np.int64)
    for place in [*sides, own]:
        flat = flat * relation.sizes[place] + relation.cells[:, place]
    return np.unique(flat), relation.sizes[own]


def _keys(relation: _Relation, bound: dict[int, Codes], position: int, n: int) -> CellIndex:
    """The bound variables' part of that for each combination, (n,)."""
    keys = np.zeros(n, np.int64)
    for place, known in enumerate(relation.positions):
        if known in bound and known != position:
            keys = keys * relation.sizes[place] + relation.group_of[place][bound[known]]
    return keys


def _taken(relations: Sequence[_Relation], bound: dict[int, Codes], n: int, step: _Step) -> dict[int, Codes]:
    """The combinations after a step."""
    counts = np.full(n, len(step.ways)) if step.counts is None else step.counts
    row = np.repeat(np.arange(n), counts)
    place = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    new = step.ways[place if step.counts is None else step.first[row] + place]
    kept = np.ones(len(row), dtype=bool)
    for relation in relations:
        if step.position in relation.positions and relation is not step.by:
            pairs, n_labels = _pairs(relation, bound, step.position)
            label = relation.group_of[relation.positions.index(step.position)][new]
            kept &= _among(_keys(relation, bound, step.position, n)[row] * n_labels + label, pairs)
    row, new = row[kept], new[kept]
    return {**{position: codes[row] for position, codes in bound.items()}, step.position: new}


def _among(values: CellIndex, rising: CellIndex) -> Mask:
    if not len(rising):
        return np.zeros(len(values), dtype=bool)
    found: Mask = rising[np.minimum(np.searchsorted(rising, values), len(rising) - 1)] == values
    return found
