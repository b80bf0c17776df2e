"""What targets and rules say of some variables together, as linear conditions on combinations of categories."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

import numpy as np

from synthor.evaluate.bounds import Interval, Polytope, frechet
from synthor.problem import OfValues, Problem, Target, TargetGrid, Within
from synthor.rules.on_categories import truth
from synthor.rules.syntax import names_in
from synthor.schema import Units
from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Floats, Mask

MOST_COMBINATIONS = 20_000
"""Combinations of categories in one linear programme."""

Condition = tuple[CellIndex, Floats, Floats, Floats]
"""A cell of each combination (or -1), what it counts there, and bounds of each cell's total."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Valued:
    """What means or totals of one variable say: sum (v - least) p >= at_least and sum (v - most) p <= at_most in each cell.

    Attributes:
        position: of the variable.
        cell: (n,) of each combination, -1 where it is in none.
        least: (cells,) what is taken off each value for the lower condition: the lowest mean, 0 of a total.
        most: (cells,) the same for the upper one.
        at_least: (cells,) per record of the whole; -inf where nothing is said.
        at_most: (cells,) the same.
    """

    position: int
    cell: CellIndex
    least: Floats
    most: Floats
    at_least: Floats
    at_most: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Implied:
    """What is known of some variables together.

    Attributes:
        units: combinations that no rule forbids; variables that are not looked at mean nothing.
        low: position to the lowest value of each combination, (n,), for numeric variables that are looked at.
        high: position to the highest.
        conditions: what targets say of the combinations' shares.
        valued: what targets say of values inside them.
        sources: names of the targets, in words.
        sharp: whether all targets and rules that touch these variables are used whole, so that bounds cannot be narrower.
        loose: whether values may lie anywhere in their bins, as far as rules say.
        separate: whether no more is known than the exact shares of the declared categories of single variables.
    """

    units: Units
    low: Mapping[int, Floats]
    high: Mapping[int, Floats]
    conditions: tuple[Condition, ...]
    valued: tuple[Valued, ...]
    sources: tuple[str, ...]
    sharp: bool
    loose: bool
    separate: bool

    def merged(self, *kept: CellIndex, of: int | None = None) -> "Merged":
        """The conditions on groups of combinations that neither they nor some other columns, (n,) each, can tell apart.

        Args:
            kept: columns that must stay apart, the first being the cell that is asked for.
            of: position of the variable whose values are asked for, if any.
        """
        numeric = sorted({said.position for said in self.valued} | ({of} if of is not None else set()))
        cells = [cell for cell, *_ in self.conditions] + [said.cell for said in self.valued]
        counted = [ranked(count) for _, count, *_ in self.conditions]
        counted += [ranked(side[v]) for v in numeric for side in (self.low, self.high)]
        seen = np.stack([np.zeros(len(self.units), np.int64), *cells, *counted, *kept], axis=1)
        first = np.sort(np.unique(seen, axis=0, return_index=True)[1])
        blocks = [_Rows(cell[first], count[first], low, high) for cell, count, low, high in self.conditions]
        excesses, n_excesses = {}, 0
        for v in numeric:
            mine = [said for said in self.valued if said.position == v]
            apart = [said.cell[first] for said in mine] + ([kept[0][first]] if v == of else [])
            _, chief, group = np.unique(np.stack(apart, axis=1), axis=0, return_index=True, return_inverse=True)
            low, width = self.low[v][first], (self.high[v] - self.low[v])[first]
            scale = max(float(np.abs(self.low[v]).max(initial=0.0)), float(np.abs(self.high[v]).max(initial=0.0))) or 1.0
            places = n_excesses + np.arange(len(chief))
            nothing, free = np.zeros(len(chief)), np.full(len(chief), np.inf)
            blocks.append(_Rows(group.ravel(), -width / scale, -free, nothing, np.arange(len(chief)), places))
            for said in mine:
                cell, of_group = said.cell[first], said.cell[first][chief]
                open_end = np.full(len(said.least), np.inf)
                for off, least, most in ((said.least, said.at_least, open_end), (said.most, -open_end, said.at_most)):
                    count = (low - np.where(cell >= 0, off[cell], 0.0)) / scale
                    blocks.append(_Rows(cell, count, least / scale, most / scale, of_group, places))
            excesses[v] = Excess(first=n_excesses, chief=chief, scale=scale)
            n_excesses += len(chief)
        return Merged(polytope=_polytope(blocks, len(first), n_excesses), first=first, excesses=excesses)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Excess:
    """The columns of a polytope that hold one variable's excesses.

    Attributes:
        first: the first of them, counted behind those of shares.
        chief: (groups,) column of shares that stands for the group of each.
        scale: what one of them is worth.
    """

    first: int
    chief: CellIndex
    scale: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Merged:
    """A polytope over groups of combinations.

    Attributes:
        polytope: of their shares, and excesses.
        first: (columns,) the first combination of each group.
        excesses: by the position of their variable.
    """

    polytope: Polytope
    first: CellIndex
    excesses: Mapping[int, Excess]

    def values(self, position: int, low: Floats, inside: Mask) -> Floats:
        """What one variable's values inside some groups, (columns,) mask, come to: prices of shares and excesses."""
        excess, prices = self.excesses[position], np.zeros(self.polytope.n_excesses)
        prices[excess.first : excess.first + len(excess.chief)] = np.where(inside[excess.chief], excess.scale, 0.0)
        return np.concatenate([np.where(inside, low, 0.0), prices])


@dataclass(frozen=True, slots=True, eq=False)
class _Rows:
    """Conditions low <= sum of counts + sum of excesses <= high: one a cell.

    Attributes:
        cell: (columns,) of each column of shares, -1 where it is in none.
        count: (columns,) what it counts there.
        low: (cells,) least.
        high: (cells,) greatest.
        of: (excesses,) the cell that each of some excesses counts in, -1 for none.
        places: (excesses,) their columns, counted behind those of shares.
    """

    cell: CellIndex
    count: Floats
    low: Floats
    high: Floats
    of: CellIndex = field(default_factory=lambda: np.empty(0, np.int64))
    places: CellIndex = field(default_factory=lambda: np.empty(0, np.int64))


def _polytope(blocks: Sequence[_Rows], n_shares: int, n_excesses: int) -> Polytope:
    from scipy import sparse

    parts, size = [sparse.csr_array((0, n_shares + n_excesses))], n_shares + n_excesses
    for rows in blocks:
        shares, excesses = np.flatnonzero(rows.cell >= 0), rows.of >= 0
        values = np.concatenate([rows.count[shares], np.ones(excesses.sum())])
        at = np.concatenate([rows.cell[shares], rows.of[excesses]]), np.concatenate([shares, n_shares + rows.places[excesses]])
        parts.append(sparse.csr_array((values, at), shape=(len(rows.low), size)))
    return Polytope(
        matrix=sparse.csr_array(sparse.vstack(parts, format="csr")),
        low=np.concatenate([np.empty(0), *(rows.low for rows in blocks)]),
        high=np.concatenate([np.empty(0), *(rows.high for rows in blocks)]),
        n_excesses=n_excesses,
    )


def ranked(values: Floats) -> CellIndex:
    """Which of the distinct values each is, (n,)."""
    return np.unique(values, return_inverse=True)[1].ravel().astype(np.int64)


def implied(problem: Problem, positions: Sequence[int]) -> Implied | None:
    """All that targets and rules say of some variables together; None where these have too many combinations.

    Other variables are looked at beside them as far as targets or rules tie them together and combinations stay few enough. Of
    a target that is not wholly among the variables looked at, its marginal is used. Rules that hang on values inside bins
    forbid a combination only where they forbid all its values; standard deviations are left out.
    """
    level, tied = problem.schema.unit, _tied(problem)
    chosen = _with_tied([level.finest(v).size for v in range(len(level.variables))], positions, tied)
    if chosen is None:
        return None
    units = level.crossed(chosen)
    known = {level.variables[v].name: units.column(problem.schema.ref(v)) for v in chosen}
    finest = problem.refined.variables
    allowed, unsettled = np.ones(len(units), bool), []
    for rule in problem.own_rules:
        if names_in(rule.predicate) & known.keys():
            found = truth(rule.predicate, known, finest, len(units))
            allowed &= ~found.must
            unsettled.append(found.may & ~found.must)
    n_unsettled = sum(bool(some[allowed].any()) for some in unsettled)
    separate, units = bool(allowed.all()), units.where(allowed)
    conditions, valued, sources, alone = [], [], [], set[int]()
    for target in problem.counts:
        said = _of_target(target, chosen, units, problem.n_units) if target.flat else None
        if said is not None:
            conditions.append(said)
            sources.append(target.name)
            declared = target.grid.plain and target.exact and target.axes[0].declared
            separate &= declared and len(target.axes) == 1 and target.columns[0] not in alone
            alone |= set(target.columns)
    left_out = False
    for target in (target for target in problem.statistics if target.flat):
        of, own = target.statistic, set(target.positions)
        if isinstance(of, OfValues) and of.curved:
            left_out |= bool(own & chosen)
        elif own <= chosen:
            if isinstance(of, Within):
                conditions += _of_shares(target, of, units, problem.n_units)
            elif isinstance(of, OfValues):
                valued.append(_of_values(target, of, units, problem.n_units))
            sources.append(target.name)
            separate = False
    left_out |= any(not target.flat for target in problem.targets)
    numeric = [v for v in level.numeric if v in chosen]
    return Implied(
        units=units,
        low={v: level.finest(v).ends[0][units.column(problem.schema.ref(v))] for v in numeric},
        high={v: level.finest(v).ends[1][units.column(problem.schema.ref(v))] for v in numeric},
        conditions=tuple(conditions),
        valued=tuple(valued),
        sources=tuple(sources),
        sharp=not left_out and n_unsettled < 2 and all(ties <= chosen for ties in tied if ties & chosen),
        loose=n_unsettled == 0,
        separate=separate,
    )


def _with_tied(sizes: Sequence[int], positions: Sequence[int], tied: Sequence[Set[int]]) -> set[int] | None:
    """Some variables and those that are tied to them, while combinations stay few; None where they are too many already."""
    chosen = set(positions)

    def size(some: Set[int]) -> float:
        return n_crossed([sizes[v] for v in some])

    if size(chosen) > MOST_COMBINATIONS:
        return None
    while grown := [ties for ties in tied if ties & chosen and not ties <= chosen and size(ties | chosen) <= MOST_COMBINATIONS]:
        chosen |= min(grown, key=lambda ties: (size(ties | chosen), sorted(ties)))
    return chosen


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
    for target in problem.counts:
        held = frozenset(target.columns) & wanted.keys()
        found = _marginal(target, held) if held and target.flat else None
        if found is not None and found[0].plain and all(axis.declared for axis in found[0].axes):
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
    level = problem.schema.unit
    found = [set(target.positions) for target in problem.targets if target.flat]
    found += [{level.position(name) for name in names_in(rule.predicate)} for rule in problem.own_rules]
    return found


def _marginal(target: Target, chosen: Set[int]) -> tuple[TargetGrid, Floats, Floats] | None:
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


def _of_target(target: Target, chosen: set[int], units: Units, n_units: int) -> Condition | None:
    found = _marginal(target, chosen) if set(target.grid.positions) & chosen else None
    if found is None:
        return None
    grid, low, high = found
    cell = grid.index(units)
    return np.where(cell < grid.size, cell, -1), np.ones(len(units)), low / n_units, high / n_units


def _of_shares(target: Target, of: Within, units: Units, n_units: int) -> list[Condition]:
    """Shares inside cells, linear in the combinations' shares."""
    cell = target.grid.index(units)
    cell = np.where(cell < target.grid.size, cell, -1)
    low, high = target.lowest, target.highest
    free = np.full(target.grid.size, np.inf)
    group = of.side.groups(units, 0)
    found: list[Condition] = []
    for g in range(of.side.size):
        for bound, sign in ((low[:, g], 1.0), (-high[:, g], -1.0)):  # a share is met beside what no whole number meets
            taken = np.where(cell >= 0, np.nan_to_num(bound)[cell], 0.0)
            count = sign * (group == g) - taken
            least = np.where(np.isfinite(bound), -1 / n_units, -np.inf)
            found.append((cell, count, least, free))
    return found


def _of_values(target: Target, of: OfValues, units: Units, n_units: int) -> Valued:
    """A mean or total inside cells."""
    cell = target.grid.index(units)
    low, high = target.lowest, target.highest
    known = np.isfinite(low)
    span = 1e-9 * np.maximum(np.abs(low), np.abs(high))  # what the order of a sum makes of its last digits
    low, high = np.nan_to_num(low - span), np.nan_to_num(high + span)
    nothing = np.zeros(len(low))
    return Valued(
        position=of.of,
        cell=np.where(cell < target.grid.size, cell, -1),
        least=low if of.per_row else nothing,
        most=high if of.per_row else nothing,
        at_least=np.where(known, nothing if of.per_row else low / n_units, -np.inf),
        at_most=np.where(known, nothing if of.per_row else high / n_units, np.inf),
    )
