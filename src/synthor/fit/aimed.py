"""Candidates of units with members, drawn where the fit wants them.

A template made of tables says what each says by itself. What they say together, and what is said of variables that follow from
members, it misses, and the fit would have to make it good by weights: on a made-up town with twelve tables 774 of 30,000
candidates held nearly all of it, and no weights met the tables. So the template's numbers are read off a first, rough fit, and
candidates are drawn again, until weights are even. Targets come first and beliefs after them, since with few candidates that
count nothing can be learned from either.

The template from which the last candidates are drawn is the base measure: it is what is known and believed, told in full.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from synthor.fit.balance import NEAR_ENOUGH, Balance, roughly
from synthor.fit.nested import template_of
from synthor.fit.pool import Pool, kept_pool
from synthor.fit.segments import drawn_segments
from synthor.fit.status import Status
from synthor.fit.structure import Structure
from synthor.fit.supplied import supplied
from synthor.information import effective_size
from synthor.prior.beliefs import Beliefs, resolve
from synthor.prior.model import Prior
from synthor.prior.template import Maker, draw, learned, prepared
from synthor.problem import Problem
from synthor.randomness import generator
from synthor.schema import Units
from synthor.types import Floats
from synthor.values import possible

FEW = 20
"""Units that are drawn to see whether any can be."""

LOOKS = 10_000
"""Candidates on which a template is tried."""

ROUNDS, EVEN = 3, 0.5
"""Times that a template is learned, for targets and then for beliefs; and how many effective candidates a rough fit leaves, of
those before it, for a template to do."""

PARTS, FAR_ROUNDS = (0.5, 0.25, 0.125), 12
"""Parts of the way to the targets that are tried where no weights come near them, such as to a mean that is a tenth of what
candidates have; and how often candidates are drawn again on the way, at most."""

BESIDE = 0.05
"""Share of candidates that were drawn before beliefs counted: where these see no way to meet targets, there still is one.
Those of segments have as much at most: a segment that is wrong does little harm."""

SUPPLIED = 0.1
"""Of one candidate's even share, what all together have that are made for cells without any."""

FEWEST, NEAR = 0.1, 1e-3
"""Effective candidates that are learned from, of all; where weights leave fewer, they are flattened until they do, about."""


def aimed_pool(
    problem: Problem,
    beliefs: Beliefs,
    *,
    size: int,
    random_seed: int,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Pool:
    """Candidates with members that break no rule, and their shares under a template.

    Args:
        problem: with all rules that hold, compiled from a spec.
        beliefs: what is believed.
        size: candidates to draw.
        random_seed: the same seed gives the same candidates.
        advance: told how many candidates of how many are there, as far as one can tell.
    """
    advance(0, size)
    aims = (False, True) if beliefs.tables or beliefs.three_way else (False,)
    found = _Drawn.of(prepared(template_of(problem, beliefs)), problem, beliefs, size, random_seed)
    if not len(found.units):
        return found.pool
    looked, beside, few, tries = found.thinned(), None, min(LOOKS, size), 0
    for aim, believing in enumerate(aims):
        if believing:  # what was drawn before beliefs count
            beside = looked if looked.meets() else _without_beliefs(looked, few, random_seed)
        turn = far = 0
        while turn < ROUNDS and far < FAR_ROUNDS:
            advance(size * (1 + aim * ROUNDS + turn) // (2 + len(aims) * ROUNDS), size)
            seed = int(generator(random_seed, "template", "aimed", tries + 1).integers(2**31))
            weighed = looked.weighed(believing=believing)
            if looked.teaches(weighed.weights):
                turn += 1
            elif weighed.residual <= NEAR_ENOUGH or weighed.status is Status.UNSUPPORTED:  # who lacks is not learned
                break
            else:  # no weights come near: candidates that lie part of the way are drawn first
                part = looked.part_of_the_way(believing=believing)
                if part is None:
                    break
                weighed, far = part, far + 1
            looked, tries = looked.nearer(weighed.weights, few, seed), tries + 1
    last = found if looked.maker is found.maker else _Drawn.of(looked.maker, problem, beliefs, size, random_seed)
    if beside is not None and beside is not looked:
        last = last.with_others(beside.units, beside.pool.log_base, BESIDE)
    if not beliefs.segments:
        pool = last.with_lacking(random_seed).pool
    else:
        some = drawn_segments(problem, beliefs, found.maker.template, size=round(BESIDE * size), random_seed=random_seed)
        if some.units is not None:
            last = last.with_others(some.units, some.log_share, min(some.share, BESIDE))
        pool = replace(last.with_lacking(random_seed).pool, dropped=some.empty)
    advance(size, size)
    return pool


def _without_beliefs(beside: "_Drawn", size: int, random_seed: int) -> "_Drawn":
    """Units of a template that tables alone have made: beliefs that contradict each other may leave none that meet them.

    Args:
        beside: units that do not meet the targets; these again where the rules leave no others.
        size: units to draw.
        random_seed: the same seed gives the same units.
    """
    problem, beliefs = beside.problem, beside.beliefs
    maker = prepared(template_of(problem, resolve(Prior(), problem)))
    looked = _Drawn.of(maker, problem, beliefs, size, random_seed)
    if not len(looked.units):
        return beside
    for turn in range(ROUNDS):
        seed = int(generator(random_seed, "template", "without beliefs", turn).integers(2**31))
        weights = looked.weighed(believing=False).weights
        if not looked.teaches(weights):
            break
        looked = looked.nearer(weights, size, seed)
    return looked


def some_made(problem: Problem, beliefs: Beliefs) -> Pool:
    """A few units, to see whether they can be drawn at all; none where rules leave none.

    Raises:
        InputError: the spec does not say how units are made.
    """
    maker = prepared(template_of(problem, beliefs))
    few = _Drawn.of(maker, problem, beliefs, FEW, problem.spec.random_seed)
    return few.pool if len(few.units) else _Drawn.of(maker, problem, beliefs, LOOKS, problem.spec.random_seed).pool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Drawn:
    """Units drawn from a template.

    Attributes:
        problem: with all rules that hold.
        beliefs: what is believed.
        maker: by which they were drawn.
        units: in its bins.
        pool: the same as candidates.
    """

    problem: Problem
    beliefs: Beliefs
    maker: Maker
    units: Units
    pool: Pool

    @classmethod
    def of(cls, maker: Maker, problem: Problem, beliefs: Beliefs, size: int, random_seed: int) -> "_Drawn":
        """So many units that break no rule."""
        refined = problem.refined
        drawn = draw(maker, size=size, random_seed=random_seed, allows=lambda units: possible(refined, units))
        acceptance = float(drawn.kept.sum()) / max(float(drawn.tried.sum()), 1.0)
        pool = kept_pool(problem, beliefs, problem.schema.coarsen(drawn.units), drawn.log_weight, acceptance)
        return cls(problem=problem, beliefs=beliefs, maker=maker, units=drawn.units, pool=pool)

    def with_lacking(self, random_seed: int) -> "_Drawn":
        """The same, and units for cells that none falls into."""
        more = supplied(self.problem, self.units, random_seed)
        if more is None:
            return self
        units = self.units.joined(more)
        log_base = np.append(self.pool.log_base, np.full(len(more), np.log(SUPPLIED / (len(self.units) * len(more)))))
        pool = kept_pool(self.problem, self.beliefs, self.problem.schema.coarsen(units), log_base, self.pool.acceptance)
        return replace(self, units=units, pool=pool)

    def with_others(self, others: Units, log_base: Floats, share: float) -> "_Drawn":
        """The same, and units of another source.

        Args:
            others: these units.
            log_base: (n,) log of the share of each among them.
            share: that they have together.
        """
        units = self.units.joined(others)
        log_base = np.concatenate([self.pool.log_base + np.log(1 - share), log_base + np.log(share)])
        pool = kept_pool(self.problem, self.beliefs, self.problem.schema.coarsen(units), log_base, self.pool.acceptance)
        return replace(self, units=units, pool=pool)

    def thinned(self) -> "_Drawn":
        """So few of them that a rough fit is quick."""
        n = len(self.units)
        some = np.arange(0, n, -(-n // LOOKS))
        units = self.units.take(some)
        pool = kept_pool(self.problem, self.beliefs, self.pool.units.take(some), self.pool.log_base[some], self.pool.acceptance)
        return _Drawn(problem=self.problem, beliefs=self.beliefs, maker=self.maker, units=units, pool=pool)

    def meets(self) -> bool:
        """Whether some weights meet the targets, about."""
        return not self.problem.targets or self.weighed(believing=False).residual <= NEAR_ENOUGH

    def teaches(self, weights: Floats) -> bool:
        """Whether weights are so uneven that a template is to be learned from them."""
        return effective_size(weights) < EVEN * effective_size(np.exp(self.pool.log_base))

    def nearer(self, weights: Floats, size: int, random_seed: int) -> "_Drawn":
        """So many units of a template that is learned from weights."""
        template = learned(self.maker.template, self.units, self.flattened(weights))
        return _Drawn.of(prepared(template), self.problem, self.beliefs, size, random_seed)

    def part_of_the_way(self, *, believing: bool) -> Balance | None:
        """Weights with which targets are nearer than they are, as far as candidates can follow; None where they cannot."""
        tried = (self.weighed(believing=believing, share=share) for share in PARTS)
        return next((weighed for weighed in tried if weighed.residual <= NEAR_ENOUGH), None)

    def weighed(self, *, believing: bool, share: float = 1.0) -> Balance:
        """Weights that about meet the targets, and beliefs if these count.

        Args:
            believing: whether beliefs count.
            share: how much of the way is wanted, from what candidates come to by themselves.
        """
        structure = Structure(self.pool)
        hard = structure.hard(self.problem, self.beliefs)
        if believing:
            soft = structure.soft(self.beliefs)
        else:
            hard, soft = hard[: len(self.problem.targets)], []
        if share < 1:
            hard = [table.from_totals(np.exp(self.pool.log_base), share) for table in hard]
        return roughly(self.pool.log_base, hard, soft)

    def flattened(self, weights: Floats) -> Floats:
        """Weights between those of the base measure and others, as near to the latter as leaves enough effective candidates."""
        some = weights > 0
        pull = np.log(weights[some]) - self.pool.log_base[some]

        def by(share: float) -> Floats:
            logs = self.pool.log_base[some] + share * pull
            found = np.zeros(len(weights))
            found[some] = np.exp(logs - logs.max())
            return found / found.sum()

        low, high = (1.0, 1.0) if effective_size(weights) >= FEWEST * len(weights) else (0.0, 1.0)
        while high - low > NEAR:
            middle = (low + high) / 2
            low, high = (middle, high) if effective_size(by(middle)) >= FEWEST * len(weights) else (low, middle)
        return by(low)
