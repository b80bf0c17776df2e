"""The pool: candidate units drawn from the beliefs, each with its weight under the base measure."""

from dataclasses import dataclass
from typing import Protocol

import numpy as np

from synthor.fit.tilt import tilt
from synthor.prior.beliefs import Beliefs
from synthor.prior.mixture import Mixture
from synthor.prior.tree import strongest_tree
from synthor.problem import Problem, Target
from synthor.randomness import generator
from synthor.types import Codes, Floats
from synthor.units import Units
from synthor.values import possible

PART = 25_000
MAX_DRAWS_PER_CANDIDATE = 400
DRAWS_PER_MISSING_CELL = 60
MAX_DRAWS_PER_MISSING_CELL = 50_000


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
        acceptance: share of draws that broke no rule.
        unsupported: cells that are wanted but that no unit which the rules allow was found for, as (target, cell).
    """

    units: Units
    base: Mixture
    log_base: Floats
    acceptance: float
    unsupported: tuple[tuple[int, int], ...]


def draw_pool(problem: Problem, beliefs: Beliefs, *, size: int, random_seed: int) -> Pool:
    """Draw candidates that break no rule, with weights that make them a sample of the base measure.

    Half come from the base measure, tilted onto the known one-way marginals (which changes no optimum under these marginals);
    half from a tree of the strongest dependency tables, where there are any. Each weighs q / g with g the mean of both
    densities (the balance heuristic of Veach and Guibas, 1995). Cells that are wanted but hold no candidate get some drawn
    conditionally on them.

    Args:
        problem: what is known.
        beliefs: what is believed.
        size: candidates, before those for missing cells.
        random_seed: the same seed gives the same pool.
    """
    known = {v: beliefs.marginals[v] for v in range(len(beliefs.marginals)) if problem.marginal(v) is not None}
    base = tilt(beliefs.base, known)
    sources: list[Belief] = [base]
    if beliefs.tables:
        sources.append(strongest_tree(beliefs.marginals, {table.columns: table.shares for table in beliefs.tables}))
    parts: list[Codes] = []
    log_base: list[Floats] = []
    accepted = allowed = drawn = part = 0
    while accepted < size and drawn < MAX_DRAWS_PER_CANDIDATE * size:
        random = generator(random_seed, "pool", "zone", "", "part", part)
        n = min(PART, -(-size // len(sources)))
        codes = np.concatenate([source.draw(n, random).codes for source in sources])
        codes = codes[possible(problem, codes)]
        allowed += len(codes)
        parts.append(codes)  # whole: it is ordered by source and segment, so a cut would bias the pool
        accepted += len(parts[-1])
        drawn, part = drawn + n * len(sources), part + 1
        log_base.append(_log_weight(base, sources, parts[-1]))
    codes = np.concatenate(parts)
    weights = np.concatenate(log_base)
    codes, weights, unsupported = _supply(problem, base, codes, weights, generator(random_seed, "pool", "missing"))
    if len(weights):
        weights = weights - weights.max()
        weights -= np.log(np.exp(weights).sum())
    return Pool(
        units=Units(codes=codes), base=base, log_base=weights, acceptance=allowed / max(drawn, 1), unsupported=unsupported
    )


def draw_as_written(problem: Problem, beliefs: Beliefs, *, size: int, random_seed: int) -> Pool:
    """Draw candidates from the plan of proposals as it stands; rules do not hold, targets are not looked at."""
    parts = []
    for part, drawn in enumerate(range(0, size, PART)):
        random = generator(random_seed, "pool", "zone", "", "part", part)
        parts.append(beliefs.base.draw(min(PART, size - drawn), random).codes)
    codes = np.concatenate(parts)
    kept = float(possible(problem, codes).mean())
    return Pool(
        units=Units(codes=codes), base=beliefs.base, log_base=np.full(size, -np.log(size)), acceptance=kept, unsupported=()
    )


def _log_weight(base: Mixture, sources: list[Belief], codes: Codes) -> Floats:
    if len(sources) == 1:
        return np.zeros(len(codes))
    densities = [source.log_density(codes) for source in sources]
    return densities[0] - (np.logaddexp.reduce(densities, axis=0) - np.log(len(sources)))


def _supply(
    problem: Problem, base: Mixture, codes: Codes, weights: Floats, random: np.random.Generator
) -> tuple[Codes, Floats, tuple[tuple[int, int], ...]]:
    """Candidates for wanted cells that have none, each cell a stratum of its own."""
    unsupported: list[tuple[int, int]] = []
    log_n = np.log(max(len(codes), 1))
    for t, target in enumerate(problem.targets):
        if target.level != 0:
            continue
        for cell in _missing(target, codes):
            values = tuple(int(code) for code in np.unravel_index(cell, target.shape))
            probability, inside = base.within(target.columns, values)
            if probability <= 0:
                unsupported.append((t, cell))
                continue
            found, drawn = _drawn_within(problem, inside, random)
            if not len(found):
                unsupported.append((t, cell))
                continue
            codes = np.concatenate([codes, found])
            log_weight = np.log(probability) + log_n - np.log(drawn)
            weights = np.concatenate([weights, np.full(len(found), log_weight)])
    return codes, weights, tuple(unsupported)


def _drawn_within(problem: Problem, inside: Mixture, random: np.random.Generator) -> tuple[Codes, int]:
    """Units of one cell that the rules allow, and of how many draws; many more are drawn where the rules allow few."""
    drawn = DRAWS_PER_MISSING_CELL
    while True:
        codes = inside.draw(drawn, random).codes
        codes = codes[possible(problem, codes)]
        if len(codes) or drawn >= MAX_DRAWS_PER_MISSING_CELL:
            return codes, drawn
        drawn *= 30


def _missing(target: Target, codes: Codes) -> list[int]:
    held = target.cells(Units(codes=codes)).totals(np.ones(len(codes)))
    return [int(cell) for cell in np.flatnonzero((held == 0) & (target.wanted > 0))]
