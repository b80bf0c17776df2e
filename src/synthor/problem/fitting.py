"""A table fitted to sums that others demand of its cells: the nearest to what was published, by proportional fitting.

    minimise sum_i x_i log(x_i / t_i)   subject to   low_b <= sum of x over band b <= high_b   for all bands,

each band scaled to the nearest end of its interval (Deming and Stephan, 1940).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.ipf import ipf
from synthor.linear import TWICE, solve_linear
from synthor.problem.demand import EDGE, Demand, Demanded
from synthor.problem.marginals import inexact
from synthor.problem.target import Target
from synthor.schema import Partition
from synthor.types import CellIndex, Floats

MOST_SWEEPS = 2_000
CLOSE = 1e-9
"""Sweeps end when every band is met to this share of the total."""

SMALL = 1e-5
"""Share of a sum by which it may be off where it is to be met nearly."""

STEPS = 1_000_000
"""Steps after which whole cells are no longer looked for."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BandTotals(Demanded):
    """What is demanded of the sums of a table's cells.

    Attributes:
        by: who demands it, in words.
    """

    by: str

    @classmethod
    def of(cls, band: CellIndex, low: Floats, high: Floats, by: str) -> "BandTotals":
        """Bands of cells, of which each is in one, or in none where its band is beyond the last."""
        return cls(cells=Partition(band, len(low)), demand=Demand(low=low, high=high), by=by)

    @property
    def band(self) -> CellIndex:
        """The band of each cell, their number where it is in none."""
        assert isinstance(self.cells, Partition)
        return self.cells.index

    def missed(self, least: Floats, most: Floats, total: float) -> bool:
        """Whether cells between two edges, (c,) each, that come to about some total cannot meet it, be it but for rounding."""
        room = inexact(total)
        low, high = self.cells.totals(least), self.cells.totals(most)
        return bool(((low > self.high + room) | (high < self.low - room)).any())


def is_broken(target: Target, demand: BandTotals) -> bool:
    """Whether a table cannot mean what is demanded of it, given its intervals and rounding."""
    low, high = (target.wanted, target.wanted) if target.bounds is None else target.bounds
    n = len(target.grid.cells)
    least = np.maximum(np.minimum(low, target.wanted - target.room), 0.0)[:n]
    return demand.missed(least, np.maximum(high, target.wanted + target.room)[:n], float(target.wanted.sum()))


def fitted_to(published: Floats, demands: Sequence[BandTotals]) -> Floats | None:
    """The nearest cells that meet all demands; None where sweeps do not get there.

    >>> both = BandTotals.of(np.array([0, 0, 1]), np.array([6.0, 4.0]), np.array([6.0, 4.0]), "another table")
    >>> fitted_to(np.array([1.0, 2.0, 5.0]), [both]).tolist()
    [2.0, 4.0, 4.0]
    """
    cells, met = _swept(published, demands, MOST_SWEEPS)
    return cells if met else None


def nearly_fitted(published: Floats, demands: Sequence[BandTotals], within: float, sweeps: int) -> Floats | None:
    """The same, where sums may be off by so many rows once sweeps end; None where one still is by more.

    >>> both = BandTotals.of(np.array([0, 0, 1]), np.array([6.0, 4.0]), np.array([6.0, 4.2]), "another table")
    >>> nearly_fitted(np.array([1.0, 2.0, 5.0]), [both], 0.1, 9).tolist()
    [2.0, 4.0, 4.2]
    """
    cells, met = _swept(published, demands, sweeps)
    return cells if met or all(_near(cells, demand, within) for demand in demands) else None


def _swept(published: Floats, demands: Sequence[BandTotals], sweeps: int) -> tuple[Floats, bool]:
    room = CLOSE * max(float(published.sum()), 1.0)
    sums = [(demand.band, demand.low, demand.high) for demand in demands]
    return ipf(published.astype(np.float64), sums, sweeps=sweeps, tolerance=room)


def _near(cells: Floats, demand: BandTotals, within: float) -> bool:
    """Whether no sum is off by more than so many rows, or by more than a small share of a large one."""
    got = demand.cells.totals(cells)
    return bool((np.maximum(got - demand.high, demand.low - got) <= np.maximum(within, SMALL * got)).all())


def whole_beside(cells: Floats, demands: Sequence[BandTotals], low: Floats, high: Floats) -> Floats | None:
    """Whole cells, each next to the one that is given, that meet all demands and come nearest; None where there are none.

    A linear programme over which cells are rounded up. Where sums lie inside each other, as zones in tracts and labels in
    totals, its best corners are whole; where they do not, cells that stay between are the reason for none.

    Args:
        cells: (c,) that nearly meet them.
        demands: of their sums.
        low: (c,) the least of each cell.
        high: (c,) the most.

    >>> zones = BandTotals.of(np.array([0, 0, 1, 1]), np.array([1.0, 2.0]), np.array([1.0, 2.0]), "zones")
    >>> labels = BandTotals.of(np.array([0, 1, 0, 1]), np.array([2.0, 1.0]), np.array([2.0, 1.0]), "labels")
    >>> whole_beside(np.array([0.6, 0.4, 1.4, 0.6]), [zones, labels], np.zeros(4), np.full(4, 9.0)).tolist()
    [1.0, 0.0, 1.0, 1.0]
    """
    from scipy import sparse

    base = np.clip(np.floor(cells + EDGE), low, high)
    free = np.flatnonzero((cells > base + EDGE) & (base + 1 <= high))
    matrices = [demand.cells.matrix().T.tocsr()[:, free] for demand in demands]
    none, have = np.zeros(0), [demand.cells.totals(base) for demand in demands]
    least = np.concatenate([none, *(demand.low - held for demand, held in zip(demands, have, strict=True))])
    most = np.concatenate([none, *(demand.high - held for demand, held in zip(demands, have, strict=True))])
    if not len(free):
        return base if (least <= EDGE).all() and (most >= -EDGE).all() else None
    rows = sparse.csr_array(sparse.vstack(matrices))
    same = least == most
    found = solve_linear(
        1 - 2 * (cells - base)[free],
        equal=(rows[same], least[same]) if same.any() else None,
        at_most=(sparse.vstack([rows[~same], -rows[~same]]), np.concatenate([most[~same], -least[~same]])),
        bounds=(0.0, 1.0),
        attempts=TWICE,
        steps=STEPS,
    )
    if found.x is None or (np.abs(found.x - np.rint(found.x)) > EDGE).any():
        return None
    base[free] += np.rint(found.x)
    return base


def distance(before: Floats, after: Floats) -> float:
    """Records that change their cell, are added or left out.

    >>> distance(np.array([3.0, 1.0]), np.array([2.0, 3.0]))
    2.0
    """
    gap = after - before
    return float(max(np.maximum(gap, 0).sum(), np.maximum(-gap, 0).sum()))
