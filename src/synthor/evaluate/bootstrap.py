"""How many real records would be as good: the weighted bootstrap behind the equivalent sample size."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.evaluate.tables import Reference
from synthor.information import effective_size
from synthor.ipf import ipf
from synthor.problem import Target
from synthor.randomness import generator
from synthor.schema import Units
from synthor.types import CellIndex, Floats

FIRST_SIZE = 25
STEP = 2**0.5
REPLICATES = 40
RAKING_SWEEPS = 100
RAKING_TOLERANCE = 1e-6


@dataclass(frozen=True, slots=True, kw_only=True)
class Equivalent:
    """An equivalent sample size.

    Attributes:
        size: real records that, drawn with their weights and raked to the same targets, show the same mean pair TVD.
        low: where 5% of such samples are as good, so the smallest size that the figure may stand for.
        high: where 95% of them are.
        capped: the size reached `cap`, so the true figure may be larger.
    """

    size: float
    low: float
    high: float
    capped: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Curve:
    """Mean pair TVD of real samples by their size.

    Attributes:
        sizes: (m,) records in a sample, rising to `cap`.
        tvds: (m, replicates) mean pair TVD of each sample.
        cap: Kish's effective size of the microdata, (sum w)^2 / sum w^2: no sample says more than that.
    """

    sizes: Floats
    tvds: Floats
    cap: float

    def equivalent(self, mean_pair_tvd: float) -> Equivalent:
        """The sample size at which the curve passes a given mean pair TVD."""
        middle = self._passes(self.tvds.mean(axis=1), mean_pair_tvd)
        return Equivalent(
            size=min(middle, self.cap),
            low=min(self._passes(np.quantile(self.tvds, 0.05, axis=1), mean_pair_tvd), self.cap),
            high=min(self._passes(np.quantile(self.tvds, 0.95, axis=1), mean_pair_tvd), self.cap),
            capped=middle >= self.cap,
        )

    def _passes(self, tvds: Floats, wanted: float) -> float:
        """Size at which falling distances pass a value, straight between points in logarithms; 0 before the first."""
        falling = np.minimum.accumulate(tvds)
        if wanted > falling[0]:
            return 0.0
        if wanted <= falling[-1]:
            return float(self.sizes[-1])
        return float(np.exp(np.interp(-np.log(wanted), -np.log(falling), np.log(self.sizes))))


def real_samples(
    reference: Reference,
    units: Units,
    weights: Floats,
    targets: Sequence[Target],
    *,
    random_seed: int = 0,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Curve:
    """Draw real records with replacement, rake them to the targets, and see how near the truth they come.

    Args:
        reference: the truth.
        units: the microdata.
        weights: (n,) weights of the microdata.
        targets: what the records under test had to meet; full tables of the variables' own categories are raked to.
        random_seed: of the bootstrap.
        advance: told how many sizes of how many are done.
    """
    cap = effective_size(weights)
    n_steps = max(int(np.ceil(np.log(cap / FIRST_SIZE) / np.log(STEP))), 1)
    sizes = np.unique(np.round(np.minimum(FIRST_SIZE * STEP ** np.arange(n_steps + 1), cap)))
    chance = weights / weights.sum()
    plain = [t for t in targets if t.grid.plain and t.exact and t.wanted.any()]
    tables = [(t.index(units), t.wanted / t.wanted.sum()) for t in plain]
    tvds = np.empty((len(sizes), REPLICATES))
    for i, size in enumerate(sizes):
        for replicate in range(REPLICATES):
            drawn = generator(random_seed, "bootstrap", i, replicate).multinomial(int(size), chance)
            kept = np.flatnonzero(drawn)
            raked = rake(drawn[kept].astype(np.float64), [(index[kept], goal) for index, goal in tables])
            tvds[i, replicate] = reference.pair_tvds(units.take(kept), raked).mean()
        advance(i + 1, len(sizes))
    return Curve(sizes=sizes, tvds=tvds, cap=cap)


def rake(weights: Floats, tables: Sequence[tuple[CellIndex, Floats]]) -> Floats:
    """Iterative proportional fitting of a sample's weights to shares by cell; cells that the sample misses stay empty.

    Args:
        weights: (n,) of the sample's records.
        tables: the cell of each record, (n,), and the share wanted in each cell, (c,).

    Returns:
        (n,) weights that add up to one. A table of which no record could stay is left out.

    >>> rake(np.array([1.0, 1, 1, 1]), [(np.array([0, 0, 0, 1]), np.array([0.5, 0.5]))]).round(3)
    array([0.167, 0.167, 0.167, 0.5  ])
    """
    kept = weights > 0
    for index, goal in tables:  # records in cells of which none is wanted go, unless no record would be left
        wanted = kept & (goal > 0)[index]
        kept = wanted if wanted.any() else kept
    raked = weights[kept] / weights[kept].sum()
    met = [_occupied(index[kept], goal) for index, goal in tables if (goal > 0)[index[kept]].all()]
    raked, _ = ipf(raked, [(index, goal, goal) for index, goal in met], sweeps=RAKING_SWEEPS, tolerance=RAKING_TOLERANCE)
    weights = np.zeros(len(weights))
    weights[kept] = raked / raked.sum()
    return weights


def _occupied(index: CellIndex, goal: Floats) -> tuple[CellIndex, Floats]:
    """The same table over those cells alone that hold a record, their shares adding up to one."""
    cells, index = np.unique(index, return_inverse=True)
    return index.ravel(), goal[cells] / goal[cells].sum()
