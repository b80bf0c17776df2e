"""Factors fitted so that what is drawn has the believed tables: parents that say the same are not counted twice.

m(c) prod_a [t_a(c | a) / m(c)]^lambda_a is what follows from parents who are independent given c. They seldom are: the ages of
both parents say nearly the same of a child's, and counted twice they make it too certain. On a made-up town whose own exact
tables were believed, the product of four made tables of pairs come out several times as far off as sampling does, and smaller
exponents only trade one table against another (`bench/results/template.md`). So each factor is fitted, from where that product
puts it, until its table comes out: P(c | a) among the rows that are drawn is what it would be if a were the only parent,
m [t / m]^lambda normalised. That is proportional fitting of a log-linear model (Darroch and Ratcliff, 1972), and what rules
close is counted with it: where they leave a category to some rows alone (a head with a partner is married), it is these that
make up its share. Where tables contradict each other, the strongest is fitted last and holds.
"""

from dataclasses import replace

import numpy as np

from synthor.prior.template.chances import Chances, See
from synthor.prior.template.picking import distinct
from synthor.schema import Ref
from synthor.types import Codes, Floats

SWEEPS, STEPS = 10, (0.2, 5.0)
"""Times that all factors of a variable are fitted, and how far each goes at once."""

NO_ROWS = 2.0
"""Rows, of those that are like each other, with which a factor is believed as it was told; it takes many more to move it."""

EXACT = 1e9
"""Rows that shares are worth which are known exactly."""


def fitted(chances: Chances, see: See, weight: Floats, n_rows: float) -> Chances:
    """The same variable with factors by which its tables come out among some rows.

    Args:
        chances: as they were told.
        see: what the rows see.
        weight: (rows,) of each.
        n_rows: how many rows of equal weight they are worth.
    """
    if (len(chances.parents) < 2 and not chances.closed) or not len(weight):
        return chances
    refs = sorted(chances.looked_at, key=repr)
    seen = [see(ref) for ref in refs]
    kinds, place, _ = distinct(np.stack(seen, axis=1) if seen else np.zeros((len(weight), 0), np.int32))
    rows = np.bincount(place, weight) * (n_rows / weight.sum())

    def of_kinds(ref: Ref) -> Codes:
        return np.asarray(kinds[:, refs.index(ref)])

    ratios, usual, n = list(chances.ratios), chances.marginal, len(kinds)
    wanted = [alone(chances.marginal, ratio) for ratio in ratios]
    for _ in range(SWEEPS):
        if chances.closed:
            weights = replace(chances, marginal=usual, ratios=tuple(ratios)).weights(of_kinds, n)
            sums = (normal(weights) * rows[:, None]).sum(axis=0, keepdims=True)
            usual = usual * factor(sums, chances.marginal[None])[0]
        for a in reversed(range(len(ratios))):  # the strongest last, so that it holds
            weights = replace(chances, marginal=usual, ratios=tuple(ratios)).weights(of_kinds, n)
            sums = np.zeros(ratios[a].shape)
            np.add.at(sums, of_kinds(chances.parents[a]), normal(weights) * rows[:, None])  # -1 is the last row
            ratios[a] = ratios[a] * factor(sums, wanted[a])
    return replace(chances, marginal=usual, ratios=tuple(ratios))


def alone(marginal: Floats, ratio: Floats) -> Floats:
    """What a parent says by itself, (categories + 1, k); rows that say nothing are 0."""
    found = marginal * ratio
    return np.where((ratio == 1.0).all(axis=1, keepdims=True), 0.0, found / found.sum(axis=1, keepdims=True))


def factor(got: Floats, wanted: Floats) -> Floats:
    """Factors that bring rows by a parent's category nearer to what is wanted, (categories + 1, k) both."""
    goal = wanted * (got.sum(axis=1, keepdims=True) + NO_ROWS)
    have = got + wanted * NO_ROWS
    return np.where(wanted > 0, np.clip(goal / np.where(have > 0, have, 1.0), *STEPS), 1.0)


def normal(weights: Floats) -> Floats:
    """Rows that sum to one, but for those that are 0."""
    total = weights.sum(axis=1, keepdims=True)
    return np.divide(weights, total, out=np.zeros_like(weights), where=total > 0)
