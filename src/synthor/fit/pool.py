"""The pool: candidate units drawn from the beliefs, each with its weight under the base measure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from synthor.fit.listing import (
    FEWEST_DRAWN,
    Listing,
    allowed_combinations,
    every_combination,
    finest_groups,
    lean_positions,
    some_combinations,
)
from synthor.fit.slices import fine_shapes, log_scattered, slice_shares, with_slices
from synthor.fit.tilt import tilt
from synthor.prior.beliefs import Beliefs
from synthor.prior.mixture import TINY, Mixture
from synthor.prior.model import Dropped
from synthor.prior.tree import Joint, strongest_tree
from synthor.problem import Problem, Target
from synthor.randomness import generator
from synthor.schema import Units, of_unit
from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Codes, Floats, Mask
from synthor.values import Shape, possible

PART = 25_000
MAX_DRAWS_PER_CANDIDATE = 100
"""Draws for each candidate that is wanted, before the pool is left smaller than that."""

FEW, FEW_AFTER = 0.002, 20
"""Where fewer candidates than the first share of those wanted are found in so many draws each, more draws are in vain: such
candidates are constructed."""

MOST_ALLOWED = 1_000_000
"""Combinations up to which all are listed that rules leave."""

MOST_SOUGHT, FOLLOWED, SOUGHT_OF_EACH = 200, 20_000, 20
"""Cells without candidates for which some are constructed, partial combinations that are followed for each, and candidates."""

DRAWN_IN_ALL = 1_000_000
"""Candidates that are drawn for listed combinations of some variables, unless these take more."""

DRAWS_PER_MISSING_CELL = 60
MAX_DRAWS_PER_MISSING_CELL = 50_000
MAX_SUPPLIED_AT_ONCE = 200_000

WIDENED = 0.05
"""How far towards the most that a cell may hold candidates are drawn for it, where it may hold more than is published."""


Advance = Callable[[int, int], None]


class Belief(Protocol):
    """Anything that units can be drawn from and that knows how likely each was."""

    def draw(self, n: int, random: np.random.Generator) -> Units: ...

    def log_density(self, units: Units) -> Floats: ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Pool:
    """Candidates for the fit.

    Attributes:
        units: the candidates.
        base: the base measure q, tilted onto the known one-way marginals.
        log_base: (n,) log of each candidate's share under the base measure q, normalised.
        acceptance: share of draws that broke no rule and fell into no cell that must be empty.
        unsupported: cells that are wanted but that no such unit was found for, as (target, cell).
        complete: whether every combination is among them that is allowed and that is believed possible.
        listed: whether they are those of `listed_pool`.
        handed: whether they were handed in, or drawn with members: nothing but their own shares says what is believed of them.
        dropped: segments that no candidate was found for.
    """

    units: Units
    base: Mixture
    log_base: Floats
    acceptance: float
    unsupported: tuple[tuple[int, int], ...]
    complete: bool = False
    listed: bool = False
    handed: bool = False
    dropped: tuple[Dropped, ...] = ()


def handed_pool(problem: Problem, beliefs: Beliefs, units: Units, log_base: Floats | None = None) -> Pool:
    """Candidates that were made elsewhere, of any depth, as a pool: those that a rule forbids are left out.

    Args:
        problem: with all rules that hold.
        beliefs: what is believed.
        units: the candidates.
        log_base: (n,) log of each one's share under the base measure, up to a constant; even where None.
    """
    log_base = np.zeros(len(units)) if log_base is None else log_base
    kept = possible(problem.refined, problem.schema.refine(units)) & np.isfinite(log_base)
    return kept_pool(problem, beliefs, units.where(kept), log_base[kept], float(kept.mean()) if len(kept) else 0.0)


def kept_pool(problem: Problem, beliefs: Beliefs, units: Units, log_base: Floats, acceptance: float) -> Pool:
    """Candidates as a pool that no rule forbids, as whoever made them knows; `acceptance` is their share of those made."""
    missing = [(t, int(cell)) for t, target in enumerate(problem.counts) for cell in missing_of(target, units)]
    top = float(log_base.max(initial=-np.inf))
    return Pool(
        units=units,
        base=beliefs.base,
        log_base=log_base - top - np.log(max(float(np.exp(log_base - top).sum()), TINY)),
        acceptance=acceptance,
        unsupported=tuple(missing),
        handed=True,
    )


def draw_pool(
    problem: Problem,
    beliefs: Beliefs,
    *,
    size: int,
    random_seed: int,
    inside: tuple["Inside", ...] = (),
    advance: Advance = lambda done, total: None,
) -> Pool:
    """Draw candidates that break no rule and fall into no cell that must be empty, as a sample of the base measure.

    Half come from the base measure, tilted onto the known one-way marginals (which changes no optimum under these marginals);
    half from a tree of the strongest tables, published or believed, where there are any. Each weighs q / g with g the mean of
    both densities (the balance heuristic of Veach and Guibas, 1995). Cells that are wanted but hold no candidate get some drawn
    conditionally on them.

    Where all combinations of categories are no more than the candidates that are wanted, each of them is a candidate, with its
    share under the base measure for a weight, and nothing is drawn.

    Args:
        problem: what is known.
        beliefs: what is believed.
        size: candidates, before those for missing cells.
        random_seed: the same seed gives the same pool.
        inside: combinations of categories that need candidates of their own.
        advance: told how many candidates of how many are there.
    """
    draw = _Draw.of(problem, beliefs)
    if draw.n_cells <= size:
        return draw.listed(draw.product())
    parts: list[Units] = []
    log_base: list[Floats] = []
    accepted = drawn = part = 0
    while accepted < size and drawn < (MAX_DRAWS_PER_CANDIDATE if accepted >= FEW * size else FEW_AFTER) * size:
        advance(accepted, size)
        random = generator(random_seed, "pool", "zone", "", "part", part)
        n = min(PART, -(-size // len(draw.sources)))
        first, *others = [source.draw(n, random) for source in draw.sources]
        units = draw.sliced(first.joined(*others), random, scattered=True)
        units = units.where(draw.keeps(units))
        parts.append(units)  # whole: it is ordered by source and segment, so a cut would bias the pool
        accepted += len(units)
        drawn, part = drawn + n * len(draw.sources), part + 1
        log_base.append(draw.log_weight(units))
    whole = parts[0].joined(*parts[1:])
    found = _supplied(draw, whole, np.concatenate(log_base), drawn, accepted / max(drawn, 1), random_seed, inside)
    advance(size, size)
    return found


def listed_pool(
    problem: Problem,
    beliefs: Beliefs,
    *,
    size: int,
    random_seed: int,
    inside: tuple["Inside", ...] = (),
) -> Pool | None:
    """Candidates that are listed: every combination that no table wants empty, where these are few enough.

    Where they are too many, those of the variables that tables with small cells speak of are listed, and the other variables
    are drawn a few times for each. So no combination is missing of the variables that matter. Where numbers have means or
    deviations to meet, that is done in any case: listed, each slice of their bins is a candidate that weighs next to nothing,
    and the whole records that chance takes of these miss a standard deviation by more than numbers can move in their slices.

    Args:
        problem: what is known.
        beliefs: what is believed.
        size: candidates that would be drawn otherwise; it decides which cells are small.
        random_seed: the same seed gives the same pool.
        inside: combinations of categories that need candidates of their own.

    Returns:
        The pool; None where there are too many combinations.
    """
    draw = _Draw.of(problem, beliefs)
    numbers = bool(problem.of_values)
    found = None if numbers else every_combination(problem)
    if found is not None:
        return replace(draw.listed(_coarse(problem, found)), listed=True)
    strata = some_combinations(problem, lean_positions(problem, size))
    if strata is None:
        found = None if numbers else allowed_combinations(problem, MOST_ALLOWED)
        return None if found is None else replace(draw.listed(_coarse(problem, found)), listed=True)
    n_each = max(FEWEST_DRAWN, DRAWN_IN_ALL // max(len(strata), 1))
    n_here = max(PART // n_each, 1)
    parts = [
        draw.completed(strata.part(begin, begin + n_here), n_each, generator(random_seed, "pool", "listed", "", "part", part))
        for part, begin in enumerate(range(0, len(strata), n_here))
    ]
    units, log_base = parts[0][0].joined(*(some for some, _ in parts[1:])), np.concatenate([weights for _, weights in parts])
    acceptance = float(np.exp(log_base).sum())
    return replace(_supplied(draw, units, log_base, 1, acceptance, random_seed, inside), listed=True)


def _coarse(problem: Problem, listing: Listing) -> Units:
    """Listed combinations with all columns."""
    return problem.schema.coarsen(listing.units(problem.schema.unit))


def sought(problem: Problem, unsupported: Sequence[tuple[int, int]], random_seed: int) -> tuple["Inside", ...]:
    """Combinations for wanted cells that hold no candidate, constructed variable by variable along what rules leave.

    Args:
        problem: with all rules that hold.
        unsupported: such cells, as (target, cell); without any, combinations are looked for anywhere.
        random_seed: the same seed gives the same combinations.
    """
    level, found = problem.schema.unit, list[Units]()
    places: list[tuple[int, int] | None] = list(unsupported[:MOST_SOUGHT]) or [None]
    for place in places:
        within: dict[int, CellIndex] = {}
        if place is not None:
            target = problem.targets[place[0]]
            for side, axis in enumerate(target.axes):
                label = np.unique(axis.group_of[target.grid.combinations(place[1])[:, side]])
                within[axis.position] = np.flatnonzero(np.isin(finest_groups(level, axis), label))
        random = generator(random_seed, "pool", "sought", *(place or ()))
        listing = allowed_combinations(problem, FOLLOWED, within=within, random=random)
        if listing is None or not len(listing):
            continue
        fine = listing.units(level)
        units = problem.schema.coarsen(fine.where(possible(problem.refined, fine)))
        if place is not None:
            units = units.where(problem.targets[place[0]].index(units) == place[1])
        n = min(len(units), SOUGHT_OF_EACH if place is not None else FOLLOWED // 10)
        found.append(units.take(np.sort(random.choice(len(units), n, replace=False))))
    if not sum(len(units) for units in found):
        return ()
    return (Inside(positions=tuple(range(len(level.variables))), units=found[0].joined(*found[1:]).distinct()),)


def _supplied(
    draw: "_Draw",
    units: Units,
    weights: Floats,
    n_drawn: int,
    acceptance: float,
    random_seed: int,
    inside: tuple["Inside", ...],
) -> Pool:
    """The pool of some candidates and of those that wanted cells and given combinations lack."""
    units, weights, unsupported = _supply(draw, units, weights, n_drawn, generator(random_seed, "pool", "missing"))
    for number, place in enumerate(inside):
        random = generator(random_seed, "pool", "inside", "", "part", number)
        own = [place.units.column(of_unit(position)) for position in place.positions]
        strata = list(np.stack(own, axis=1)[:, None])
        units, weights, _ = _add(draw, units, weights, n_drawn, place.positions, strata, random, fixed=place)
    if len(weights):
        weights = weights - weights.max()
        weights -= np.log(np.exp(weights).sum())
    return Pool(units=units, base=draw.base, log_base=weights, acceptance=acceptance, unsupported=unsupported)


def draw_as_written(problem: Problem, beliefs: Beliefs, *, size: int, random_seed: int) -> Pool:
    """Draw candidates from the plan of proposals as it stands; rules do not hold, targets are not looked at."""
    shapes = fine_shapes(problem, beliefs.marginals)
    parts = []
    for part, drawn in enumerate(range(0, size, PART)):
        random = generator(random_seed, "pool", "zone", "", "part", part)
        parts.append(with_slices(problem, shapes, beliefs.base.draw(min(PART, size - drawn), random), random))
    units = parts[0].joined(*parts[1:])
    kept = float(possible(problem.refined, problem.schema.refine(units)).mean())
    return Pool(units=units, base=beliefs.base, log_base=np.full(size, -np.log(size)), acceptance=kept, unsupported=())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inside:
    """Combinations of some variables' categories that need candidates of their own.

    Attributes:
        positions: of the variables.
        units: that have them; their other variables mean nothing.
    """

    positions: tuple[int, ...]
    units: Units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draw:
    """What candidates are drawn from, and which of them are kept."""

    problem: Problem
    shapes: tuple[Shape, ...]
    base: Mixture
    sources: tuple[Belief, ...]

    @classmethod
    def of(cls, problem: Problem, beliefs: Beliefs) -> "_Draw":
        base = base_of(problem, beliefs)
        joints = {table.columns: Joint.of(table.shares) for table in beliefs.tables}
        published = _published_pairs(problem)
        joints = {pair: joint for pair, joint in joints.items() if pair not in published and pair[::-1] not in published}
        sources: list[Belief] = [base]
        if joints or published:
            sources.append(strongest_tree(beliefs.marginals, {**joints, **published}, _supports(problem)))
        return cls(problem=problem, shapes=fine_shapes(problem, beliefs.marginals), base=base, sources=tuple(sources))

    @property
    def n_cells(self) -> float:
        """Combinations of all variables' finest bins."""
        level = self.problem.schema.unit
        return n_crossed([level.finest(v).size for v in range(len(level.variables))])

    def product(self) -> Units:
        """All combinations of all variables' finest bins."""
        level = self.problem.schema.unit
        return level.crossed(range(len(level.variables)))

    def listed(self, units: Units) -> Pool:
        """Those of all combinations that are allowed."""
        log_base = self._with_slices(self.base.log_density(units), units, self.problem.schema.unit.slices)
        kept = self.keeps(units) & np.isfinite(log_base)
        units, log_base = units.where(kept), log_base[kept]
        acceptance = float(np.exp(log_base).sum())
        missing = [(t, int(cell)) for t, target in enumerate(self.problem.counts) for cell in missing_of(target, units)]
        return Pool(
            units=units,
            base=self.base,
            log_base=log_base - np.log(max(acceptance, TINY)),
            acceptance=acceptance,
            unsupported=tuple(missing),
            complete=True,
        )

    def completed(self, some: Listing, n_each: int, random: np.random.Generator) -> tuple[Units, Floats]:
        """Candidates of combinations of some variables' finest bins, the others drawn; and the log of their shares."""
        schema, level, listing = self.problem.schema, self.problem.schema.unit, some.repeated(n_each)
        known = _coarse(self.problem, listing)
        declared = {position: known.column(of_unit(position)) for position in listing.bins}
        drawn, share = self.base.draw_within(declared, len(listing), random)
        units = self.sliced(drawn, random)
        cut = [position for position in listing.bins if position in level.slices]
        for position in cut:
            units = units.replace(schema.ref(position), slice(None), known.column(schema.ref(position)))
        with np.errstate(divide="ignore"):
            log_base = self._with_slices(np.log(share / n_each), units, cut)
        kept = self.keeps(units) & (share > 0)
        return units.where(kept), log_base[kept]

    def _with_slices(self, log_base: Floats, units: Units, cut: Iterable[int]) -> Floats:
        """The same, (n,), with the shares that units' slices of some variables have of their bins."""
        level = self.problem.schema.unit
        for v in cut:
            inside = slice_shares(level.variables[v], self.shapes[v], level.parents(v))
            log_base = log_base + np.log(np.maximum(inside, TINY))[units.column(self.problem.schema.ref(v))]
        return log_base

    def sliced(self, units: Units, random: np.random.Generator, *, scattered: bool = False) -> Units:
        """Units with the slices that their values lie in."""
        return with_slices(self.problem, self.shapes, units, random, scattered=scattered)

    def keeps(self, units: Units) -> Mask:
        """Units that no rule forbids and that fall into no cell that must be empty, (n,)."""
        kept = _outside_empty_cells(self.problem, units)
        kept[kept] = possible(self.problem.refined, self.problem.schema.refine(units.where(kept)))
        return kept

    def log_weight(self, units: Units) -> Floats:
        """Log q / g of each unit."""
        inside = log_scattered(self.problem, self.shapes, units)
        if len(self.sources) == 1:
            return inside
        densities = [source.log_density(units) for source in self.sources]
        return inside + (densities[0] - (np.logaddexp.reduce(densities, axis=0) - np.log(len(self.sources))))


def _published_pairs(problem: Problem) -> dict[tuple[int, int], Joint]:
    """Joint shares of pairs of variables that tables of all records give."""
    pairs: dict[tuple[int, int], Joint] = {}
    for target in problem.counts:
        if not target.complete or len(target.axes) < 2:
            continue
        grid = target.grid
        groups = grid.groups
        wanted = (target.wanted + WIDENED * (target.highest - target.wanted))[: len(grid.cells)]
        for i, j in combinations(range(len(grid.axes)), 2):
            a, b = grid.axes[i], grid.axes[j]
            if any(axis.size != axis.variable.size or not axis.declared for axis in (a, b)):
                continue
            flat = groups[i].astype(np.int64) * b.size + groups[j]
            found, place = np.unique(flat, return_inverse=True)
            shares = np.bincount(place.ravel(), wanted)
            held = shares > 0
            joint = Joint(shape=(a.size, b.size), cells=found[held], shares=shares[held] / shares.sum())
            pairs.setdefault((a.position, b.position), joint)
    return pairs


def _supports(problem: Problem) -> list[tuple[tuple[int, ...], Mask]]:
    """Variables of tables in which cells must be empty, and the cells that need not."""
    found = []
    for target in problem.counts:
        grid = target.grid
        plain = all(axis.size == axis.variable.size and axis.declared for axis in grid.axes)
        if target.flat and plain and grid.universe is None and grid.listed is None and len(grid.axes) > 1:
            held = (target.highest > 0).reshape(grid.shape)
            if not held.all():
                found.append((target.columns, held))
    return found


def _outside_empty_cells(problem: Problem, units: Units) -> Mask:
    """Units that fall into no cell that must be empty, (n,)."""
    outside = np.ones(len(units), bool)
    for target in problem.counts:
        if target.flat and target.sigma is None:
            empty = np.append(target.highest <= 0, False)
            if empty.any():
                outside &= ~empty[target.index(units)]
    return outside


def _supply(
    draw: _Draw, units: Units, weights: Floats, n_drawn: int, random: np.random.Generator
) -> tuple[Units, Floats, tuple[tuple[int, int], ...]]:
    """Candidates for wanted cells that have none, each cell a stratum of its own."""
    unsupported: list[tuple[int, int]] = []
    for t, target in enumerate(draw.problem.counts):
        missing = missing_of(target, units) if target.flat else np.empty(0, np.int64)
        if len(missing):
            strata = [_combinations(draw, target, int(cell)) for cell in missing]
            columns = tuple(axis.position for axis in target.axes)
            units, weights, lacking = _add(draw, units, weights, n_drawn, columns, strata, random, within=(target, missing))
            unsupported += [(t, int(cell)) for cell in missing[lacking]]
    return units, weights, tuple(unsupported)


def base_of(problem: Problem, beliefs: Beliefs) -> Mixture:
    """The base measure, tilted onto the marginals that tables tell."""
    known = {v: beliefs.marginals[v] for v in range(len(beliefs.marginals)) if problem.bands(v)}
    return tilt(beliefs.base, known)


def missing_of(target: Target, units: Units) -> CellIndex:
    """Cells of a table that are wanted and hold none of some units."""
    held = np.bincount(target.index(units), minlength=target.grid.size + 1)[:-1]
    wanted = target.lowest if target.sigma is None else target.wanted
    return np.flatnonzero((held == 0) & (wanted > 0))


def _combinations(draw: _Draw, target: Target, cell: int) -> Codes:
    """Declared categories that a cell stands for, (m, axes)."""
    level, found = draw.problem.schema.unit, target.grid.combinations(cell)
    for place, axis in enumerate(target.axes):
        if not axis.declared:
            found[:, place] = level.parents(axis.position)[found[:, place]]
    return np.unique(found, axis=0)


def _add(
    draw: _Draw,
    units: Units,
    weights: Floats,
    n_drawn: int,
    columns: tuple[int, ...],
    strata: list[Codes],
    random: np.random.Generator,
    *,
    within: tuple[Target, CellIndex] | None = None,
    fixed: Inside | None = None,
) -> tuple[Units, Floats, CellIndex]:
    """Candidates of given strata, each one or several combinations of categories; and the strata that none was found for.

    Many more are drawn where the rules allow few. Their weights are relative to those of `n_drawn` units drawn from all.
    """
    log_n = np.log(max(n_drawn, 1))
    schema, every, log_every = draw.problem.schema, [units], [weights]
    first = np.cumsum([0, *(len(choices) for choices in strata)])
    table = np.concatenate(strata)
    _, share = draw.base.draw_within(dict(zip(columns, table.T, strict=True)), len(table), random)
    left, n_each = np.arange(len(strata)), DRAWS_PER_MISSING_CELL
    if fixed is not None and len(columns) == len(draw.problem.schema.unit.variables):
        n_each = 1  # all that is drawn for one is the same
    while len(left) and n_each <= MAX_DRAWS_PER_MISSING_CELL:
        n_here = max(min(n_each, MAX_SUPPLIED_AT_ONCE // len(left)), 1)
        stratum = np.repeat(left, n_here)
        pick, chance = _picks(share, first, stratum, random)
        wanted = dict(zip(columns, table[pick].T, strict=True))
        found = draw.sliced(draw.base.draw_within(wanted, len(pick), random)[0], random, scattered=True)
        if fixed is not None:  # its slices, too
            for ref in dict.fromkeys(ref for p in fixed.positions for ref in (of_unit(p), schema.ref(p))):
                found = found.replace(ref, slice(None), fixed.units.column(ref)[stratum])
        keep = draw.keeps(found) & (chance > 0)
        if within is not None:
            keep &= within[0].index(found) == within[1][stratum]
        every.append(found.where(keep))
        inside = log_scattered(draw.problem, draw.shapes, every[-1], () if fixed is None else fixed.positions)
        log_every.append(inside + (np.log(share[pick[keep]] / chance[keep]) + log_n - np.log(n_here)))
        left = np.setdiff1d(left, stratum[keep])
        n_each *= 30
    return every[0].joined(*every[1:]), np.concatenate(log_every), left


def _picks(share: Floats, first: CellIndex, stratum: CellIndex, random: np.random.Generator) -> tuple[CellIndex, Floats]:
    """A combination of each stratum, by its share, and the chance with which it was picked; 0 where all have no share."""
    rising = np.concatenate([[0.0], np.cumsum(share)])
    begin, end = rising[first[stratum]], rising[first[stratum + 1]]
    found = np.searchsorted(rising, begin + random.random(len(stratum)) * (end - begin), side="right") - 1
    pick = np.clip(found, first[stratum], first[stratum + 1] - 1)
    return pick, np.where(end > begin, share[pick] / np.where(end > begin, end - begin, 1.0), 0.0)
