"""The exact pull of a mixture onto one-way marginals, in closed form and without a pool.

Multiplying a mixture by one factor a variable gives a mixture again: with Z[s, v] = sum_a P_v[s, a] f_v[a], segment s gets the
share share_s prod_v Z[s, v] and the tables P_v f_v / Z. Cycling over the variables and setting each factor so that its marginal
is met is iterative proportional fitting, and its limit is the mixture's I-projection onto the marginals (Csiszar, 1975).
It is no `ipf`, since there are no weights to scale: the factors are applied to the segments' tables.
"""

from collections.abc import Mapping

import numpy as np

from synthor.prior.mixture import TINY, Mixture
from synthor.types import Shares


def tilt(mixture: Mixture, marginals: Mapping[int, Shares], *, sweeps: int = 1000, tolerance: float = 1e-12) -> Mixture:
    """The distribution nearest to a mixture (in KL divergence) that has the given one-way marginals; a mixture again.

    A category that no segment holds keeps share 0.

    Args:
        mixture: the belief.
        marginals: shares wanted, by position of the variable.
        sweeps: at most so many cycles over the variables.
        tolerance: largest gap of any share at which to stop.

    >>> belief = Mixture(shares=np.array([0.5, 0.5]), tables=(np.array([[0.8, 0.2], [0.2, 0.8]]),))
    >>> tilt(belief, {0: np.array([0.3, 0.7])}).marginal(0).round(6)
    array([0.3, 0.7])
    """
    factors = [np.ones(table.shape[1]) for table in mixture.tables]
    sums = np.stack([table.sum(axis=1) for table in mixture.tables])
    for _ in range(sweeps):
        gap = 0.0
        for v, wanted in marginals.items():
            table = mixture.tables[v]
            others = mixture.shares * np.prod(np.delete(sums, v, axis=0), axis=0)
            raw = others @ table
            now = raw * factors[v]
            gap = max(gap, float(np.abs(now / max(now.sum(), TINY) - wanted).max()))
            factors[v] = np.where(raw > 0, wanted / np.where(raw > 0, raw, 1), 0.0)
            factors[v] /= max(factors[v].max(), TINY)
            sums[v] = table @ factors[v]
        if gap < tolerance:
            break
    shares = mixture.shares * np.prod(sums, axis=0)
    tables = []
    for v, table in enumerate(mixture.tables):
        tilted = table * factors[v]
        empty = sums[v] <= 0
        tilted[empty] = table[empty]  # such a segment has share 0; its rows only need to stay distributions
        tables.append(tilted / tilted.sum(axis=1, keepdims=True))
    return Mixture(shares=shares / shares.sum(), tables=tuple(tables))
