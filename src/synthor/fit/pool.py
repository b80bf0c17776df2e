"""The pool: candidate units drawn from the beliefs, each with its weight under the base measure."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Protocol

import numpy as np

from synthor.fit.listing import (
    FEWEST_DRAWN,
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
from synthor.prior.tree import Joint, strongest_tree
from synthor.problem import Problem, Target
from synthor.problem.crossed import crossed_bins, n_crossed
from synthor.randomness import generator
from synthor.types import CellIndex, Codes, Floats, Mask
from synthor.units import Units
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

    def log_density(self, codes: Codes) -> Floats: ...


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
    """

    units: Units
    base: Mixture
    log_base: Floats
    acceptance: float
    unsupported: tuple[tuple[int, int], ...]
    complete: bool = False
    listed: bool = False


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
    parts: list[Codes] = []
    log_base: list[Floats] = []
    accepted = drawn = part = 0
    while accepted < size and drawn < (MAX_DRAWS_PER_CANDIDATE if accepted >= FEW * size else FEW_AFTER) * size:
        advance(accepted, size)
        random = generator(random_seed, "pool", "zone", "", "part", part)
        n = min(PART, -(-size // len(draw.sources)))
        codes = np.concatenate([source.draw(n, random).codes for source in draw.sources])
        codes = draw.sliced(codes, random, scattered=True)
        codes = codes[draw.keeps(codes)]
        parts.append(codes)  # whole: it is ordered by source and segment, so a cut would bias the pool
        accepted += len(codes)
        drawn, part = drawn + n * len(draw.sources), part + 1
        log_base.append(draw.log_weight(codes))
    found = _supplied(
        draw, np.concatenate(parts), np.concatenate(log_base), drawn, accepted / max(drawn, 1), random_seed, inside
    )
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
    numbers = any(moment.kind != "shares" for moment in problem.moments)
    found = None if numbers else every_combination(problem)
    if found is not None:
        return replace(draw.listed(found.fine), listed=True)
    strata = some_combinations(problem, lean_positions(problem, size))
    if strata is None:
        found = None if numbers else allowed_combinations(problem, MOST_ALLOWED)
        return None if found is None else replace(draw.listed(found.fine), listed=True)
    n_each = max(FEWEST_DRAWN, DRAWN_IN_ALL // max(len(strata.fine), 1))
    n_here = max(PART // n_each, 1)
    parts = [
        draw.completed(
            strata.positions,
            strata.fine[begin : begin + n_here],
            n_each,
            generator(random_seed, "pool", "listed", "", "part", part),
        )
        for part, begin in enumerate(range(0, len(strata.fine), n_here))
    ]
    codes, log_base = np.concatenate([codes for codes, _ in parts]), np.concatenate([weights for _, weights in parts])
    acceptance = float(np.exp(log_base).sum())
    return replace(_supplied(draw, codes, log_base, 1, acceptance, random_seed, inside), listed=True)


def sought(problem: Problem, unsupported: Sequence[tuple[int, int]], random_seed: int) -> tuple["Inside", ...]:
    """Combinations for wanted cells that hold no candidate, constructed variable by variable along what rules leave.

    Args:
        problem: with all rules that hold.
        unsupported: such cells, as (target, cell); without any, combinations are looked for anywhere.
        random_seed: the same seed gives the same combinations.
    """
    level, found = problem.levels[0], []
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
        if listing is None or not len(listing.fine):
            continue
        fine = listing.fine[possible(problem.refined, listing.fine)]
        codes = level.coarsen(fine)
        if place is not None:
            codes = codes[problem.targets[place[0]].grid.index(codes) == place[1]]
        n = min(len(codes), SOUGHT_OF_EACH if place is not None else FOLLOWED // 10)
        found.append(codes[np.sort(random.choice(len(codes), n, replace=False))])
    if not found or not sum(len(codes) for codes in found):
        return ()
    return (Inside(positions=tuple(range(len(level.variables))), codes=np.unique(np.concatenate(found), axis=0)),)


def _supplied(
    draw: "_Draw",
    codes: Codes,
    weights: Floats,
    n_drawn: int,
    acceptance: float,
    random_seed: int,
    inside: tuple["Inside", ...],
) -> Pool:
    """The pool of some candidates and of those that wanted cells and given combinations lack."""
    codes, weights, unsupported = _supply(draw, codes, weights, n_drawn, generator(random_seed, "pool", "missing"))
    for number, place in enumerate(inside):
        random = generator(random_seed, "pool", "inside", "", "part", number)
        strata = list(place.codes[:, None, list(place.positions)])
        codes, weights, _ = _add(draw, codes, weights, n_drawn, place.positions, strata, random, fixed=place)
    if len(weights):
        weights = weights - weights.max()
        weights -= np.log(np.exp(weights).sum())
    return Pool(units=Units(codes=codes), base=draw.base, log_base=weights, acceptance=acceptance, unsupported=unsupported)


def draw_as_written(problem: Problem, beliefs: Beliefs, *, size: int, random_seed: int) -> Pool:
    """Draw candidates from the plan of proposals as it stands; rules do not hold, targets are not looked at."""
    shapes = fine_shapes(problem, beliefs.marginals)
    parts = []
    for part, drawn in enumerate(range(0, size, PART)):
        random = generator(random_seed, "pool", "zone", "", "part", part)
        parts.append(with_slices(problem, shapes, beliefs.base.draw(min(PART, size - drawn), random).codes, random))
    codes = np.concatenate(parts)
    kept = float(possible(problem.refined, problem.levels[0].refine(codes)).mean())
    return Pool(
        units=Units(codes=codes), base=beliefs.base, log_base=np.full(size, -np.log(size)), acceptance=kept, unsupported=()
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Inside:
    """Combinations of some variables' categories that need candidates of their own.

    Attributes:
        positions: of the variables.
        codes: (m, columns) of units that have them; those of other variables mean nothing.
    """

    positions: tuple[int, ...]
    codes: Codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Draw:
    """What candidates are drawn from, and which of them are kept."""

    problem: Problem
    shapes: tuple[Shape, ...]
    base: Mixture
    sources: tuple[Belief, ...]

    @classmethod
    def of(cls, problem: Problem, beliefs: Beliefs) -> "_Draw":
        known = {v: beliefs.marginals[v] for v in range(len(beliefs.marginals)) if problem.bands(v)}
        base = tilt(beliefs.base, known)
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
        level = self.problem.levels[0]
        return n_crossed([level.finest(v).size for v in range(len(level.variables))])

    def product(self) -> Codes:
        """All combinations of all variables' finest bins, (n, v)."""
        level = self.problem.levels[0]
        return crossed_bins(level, range(len(level.variables)))

    def listed(self, fine: Codes) -> Pool:
        """Those of all combinations, (n, v), that are allowed."""
        codes = self.problem.levels[0].coarsen(fine)
        log_base = self._with_slices(self.base.log_density(codes), codes, self.problem.levels[0].slices)
        kept = self.keeps(codes) & np.isfinite(log_base)
        codes, log_base = codes[kept], log_base[kept]
        acceptance = float(np.exp(log_base).sum())
        missing = [(t, int(cell)) for t, target in enumerate(self.problem.targets) for cell in _missing(target, codes)]
        return Pool(
            units=Units(codes=codes),
            base=self.base,
            log_base=log_base - np.log(max(acceptance, TINY)),
            acceptance=acceptance,
            unsupported=tuple(missing),
            complete=True,
        )

    def completed(
        self, positions: tuple[int, ...], fine: Codes, n_each: int, random: np.random.Generator
    ) -> tuple[Codes, Floats]:
        """Candidates of combinations of some variables' finest bins, the others drawn; and the log of their shares."""
        level = self.problem.levels[0]
        fine = np.repeat(fine, n_each, axis=0)
        known = np.zeros((len(fine), len(level.variables)), np.int32)
        known[:, positions] = fine
        known = level.coarsen(known)
        units, share = self.base.draw_within(positions, known[:, positions], random)
        codes = self.sliced(units.codes, random)
        cut = [position for position in positions if position in level.slices]
        for position in cut:
            codes[:, level.column(position)] = known[:, level.column(position)]
        with np.errstate(divide="ignore"):
            log_base = self._with_slices(np.log(share / n_each), codes, cut)
        kept = self.keeps(codes) & (share > 0)
        return codes[kept], log_base[kept]

    def _with_slices(self, log_base: Floats, codes: Codes, cut: Iterable[int]) -> Floats:
        """The same, (n,), with the shares that units' slices of some variables have of their bins."""
        level = self.problem.levels[0]
        for v in cut:
            inside = slice_shares(level.variables[v], self.shapes[v], level.parents(v))
            log_base = log_base + np.log(np.maximum(inside, TINY))[codes[:, level.column(v)]]
        return log_base

    def sliced(self, codes: Codes, random: np.random.Generator, *, scattered: bool = False) -> Codes:
        """Units with the slices that their values lie in."""
        return with_slices(self.problem, self.shapes, codes, random, scattered=scattered)

    def keeps(self, codes: Codes) -> Mask:
        """Units that no rule forbids and that fall into no cell that must be empty, (n,)."""
        kept = _outside_empty_cells(self.problem, codes)
        kept[kept] = possible(self.problem.refined, self.problem.levels[0].refine(codes[kept]))
        return kept

    def log_weight(self, codes: Codes) -> Floats:
        """Log q / g of each unit."""
        inside = log_scattered(self.problem, self.shapes, codes)
        if len(self.sources) == 1:
            return inside
        densities = [source.log_density(codes) for source in self.sources]
        return inside + (densities[0] - (np.logaddexp.reduce(densities, axis=0) - np.log(len(self.sources))))


def _published_pairs(problem: Problem) -> dict[tuple[int, int], Joint]:
    """Joint shares of pairs of variables that tables of all records give."""
    pairs: dict[tuple[int, int], Joint] = {}
    for target in problem.targets:
        if not target.complete or len(target.axes) < 2:
            continue
        grid = target.grid
        groups = grid.groups
        wanted = (target.wanted + WIDENED * (target.highest - target.wanted))[: len(grid.cells)]
        for i, j in combinations(range(len(grid.axes)), 2):
            a, b = grid.axes[i], grid.axes[j]
            if any(axis.size != axis.variable.size or axis.column != axis.position for axis in (a, b)):
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
    for target in problem.targets:
        grid = target.grid
        plain = all(axis.size == axis.variable.size and axis.column == axis.position for axis in grid.axes)
        if target.level == 0 and plain and grid.universe is None and grid.listed is None and len(grid.axes) > 1:
            held = (target.highest > 0).reshape(grid.shape)
            if not held.all():
                found.append((target.columns, held))
    return found


def _outside_empty_cells(problem: Problem, codes: Codes) -> Mask:
    """Units that fall into no cell that must be empty, (n,)."""
    outside = np.ones(len(codes), bool)
    for target in problem.targets:
        if target.level == 0 and target.sigma is None:
            empty = np.append(target.highest <= 0, False)
            if empty.any():
                outside &= ~empty[target.grid.index(codes)]
    return outside


def _supply(
    draw: _Draw, codes: Codes, weights: Floats, n_drawn: int, random: np.random.Generator
) -> tuple[Codes, Floats, tuple[tuple[int, int], ...]]:
    """Candidates for wanted cells that have none, each cell a stratum of its own."""
    unsupported: list[tuple[int, int]] = []
    for t, target in enumerate(draw.problem.targets):
        missing = _missing(target, codes) if target.level == 0 else np.empty(0, np.int64)
        if len(missing):
            strata = [_combinations(draw, target, int(cell)) for cell in missing]
            columns = tuple(axis.position for axis in target.axes)
            codes, weights, lacking = _add(draw, codes, weights, n_drawn, columns, strata, random, within=(target, missing))
            unsupported += [(t, int(cell)) for cell in missing[lacking]]
    return codes, weights, tuple(unsupported)


def _missing(target: Target, codes: Codes) -> CellIndex:
    held = np.bincount(target.grid.index(codes), minlength=target.grid.size + 1)[:-1]
    wanted = target.lowest if target.sigma is None else target.wanted
    return np.flatnonzero((held == 0) & (wanted > 0))


def _combinations(draw: _Draw, target: Target, cell: int) -> Codes:
    """Declared categories that a cell stands for, (m, axes)."""
    level, found = draw.problem.levels[0], target.grid.combinations(cell)
    for place, axis in enumerate(target.axes):
        if axis.column != axis.position:
            found[:, place] = level.parents(axis.position)[found[:, place]]
    return np.unique(found, axis=0)


def _add(
    draw: _Draw,
    codes: Codes,
    weights: Floats,
    n_drawn: int,
    columns: tuple[int, ...],
    strata: list[Codes],
    random: np.random.Generator,
    *,
    within: tuple[Target, CellIndex] | None = None,
    fixed: Inside | None = None,
) -> tuple[Codes, Floats, CellIndex]:
    """Candidates of given strata, each one or several combinations of categories; and the strata that none was found for.

    Many more are drawn where the rules allow few. Their weights are relative to those of `n_drawn` units drawn from all.
    """
    log_n = np.log(max(n_drawn, 1))
    every, log_every = [codes], [weights]
    first = np.cumsum([0, *(len(choices) for choices in strata)])
    table = np.concatenate(strata)
    _, share = draw.base.draw_within(columns, table, random)
    left, n_each = np.arange(len(strata)), DRAWS_PER_MISSING_CELL
    if fixed is not None and len(columns) == len(draw.problem.levels[0].variables):
        n_each = 1  # all that is drawn for one is the same
    while len(left) and n_each <= MAX_DRAWS_PER_MISSING_CELL:
        n_here = max(min(n_each, MAX_SUPPLIED_AT_ONCE // len(left)), 1)
        stratum = np.repeat(left, n_here)
        pick, chance = _picks(share, first, stratum, random)
        found = draw.sliced(draw.base.draw_within(columns, table[pick], random)[0].codes, random, scattered=True)
        if fixed is not None:  # its slices, too
            known = [c for p in fixed.positions for c in {p, draw.problem.levels[0].column(p)}]
            found[:, known] = fixed.codes[stratum][:, known]
        keep = draw.keeps(found) & (chance > 0)
        if within is not None:
            keep &= within[0].grid.index(found) == within[1][stratum]
        every.append(found[keep])
        inside = log_scattered(draw.problem, draw.shapes, found[keep], () if fixed is None else fixed.positions)
        log_every.append(inside + (np.log(share[pick[keep]] / chance[keep]) + log_n - np.log(n_here)))
        left = np.setdiff1d(left, stratum[keep])
        n_each *= 30
    return np.concatenate(every), np.concatenate(log_every), left


def _picks(share: Floats, first: CellIndex, stratum: CellIndex, random: np.random.Generator) -> tuple[CellIndex, Floats]:
    """A combination of each stratum, by its share, and the chance with which it was picked; 0 where all have no share."""
    rising = np.concatenate([[0.0], np.cumsum(share)])
    begin, end = rising[first[stratum]], rising[first[stratum + 1]]
    found = np.searchsorted(rising, begin + random.random(len(stratum)) * (end - begin), side="right") - 1
    pick = np.clip(found, first[stratum], first[stratum + 1] - 1)
    return pick, np.where(end > begin, share[pick] / np.where(end > begin, end - begin, 1.0), 0.0)
