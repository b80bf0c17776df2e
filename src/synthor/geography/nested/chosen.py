"""Whole units with members for each zone, so that the zone's tables are met.

A zone holds few units, and each counts in many cells. A systematic sample of what is expected is off by some rows in most
cells. Exchanges of one unit for another bring it near, priced all at once by the squared distance of the counts from what is
wanted: for a unit with counts a that leaves and one with b that comes that changes by |b|^2 + 2 r b + |a|^2 - 2 r a - 2 a b, r
being what there is too much. Of exchanges that are as good, one is chosen by how likely who comes is: otherwise rare units,
of which there are many kinds, would come too often. What these leave, exchanges of units that are nearly alike mend
(`sample/alike.py`). Zones know nothing of each other: what they have in common is in what is expected.
"""

from typing import TYPE_CHECKING

import numpy as np

from synthor.geography.housed import Housed
from synthor.geography.nested.pulled import Pulled
from synthor.problem import Demanded
from synthor.randomness import generator
from synthor.sample.alike import exchange_alike
from synthor.sample.integerize import integerize
from synthor.schema import Incidence
from synthor.types import CellIndex, Counts, Floats

if TYPE_CHECKING:
    from scipy import sparse

COMING = 1_000
"""Vectors that exchanges choose from, at least; they are drawn by what is expected."""

EACH = 4
"""The same for each unit of the zone."""

STEPS = 20
"""Exchanges that lead nowhere nearer before units that are nearly alike are looked at."""

MOST_STEPS = 2_000
"""Exchanges in all."""

RECENT = 12
"""Exchanges for which who came stays."""

CHANCE = 0.15
"""What it costs, in squared rows, to be less likely by a factor e."""

LARGE = 2_000
"""Units of a zone beyond which they are not looked at one by one, but as those of a region are."""

FAINT = 1e-30
"""Share of the likeliest vector's weight below which one does not come: it is there by rounding alone."""


def chosen(pulled: Pulled, above: Floats, totals: Counts, areas: slice, random_seed: int) -> Housed:
    """Whole units of each vector in some zones.

    Args:
        pulled: what is expected.
        above: (areas around, vectors), as `Pulled.down` has it for zones.
        totals: units in each of all zones.
        areas: which zones.
        random_seed: of the spec.
    """
    vectors = pulled.vectors
    expected = pulled.mass(0, above, areas)
    found = []
    for place, own in enumerate(expected):
        zone = areas.start + place
        low, high = vectors.low[0][zone], vectors.high[0][zone]
        named = int(pulled.areas[0][zone])
        random = generator(random_seed, "zones", "chosen", named)
        counts = _chosen(own, int(totals[named]), vectors.counts[0], low, high, random)
        kinds = np.flatnonzero(counts)
        found.append(Housed(zone=np.full(len(kinds), named), unit=kinds, count=counts[kinds]))
    return Housed.joined(found)


def _chosen(
    expected: Floats, total: int, counts: "sparse.csr_array", low: Floats, high: Floats, random: np.random.Generator
) -> Counts:
    """Whole units of each vector in one zone, (vectors,)."""
    weights = expected if expected.any() else np.ones_like(expected)
    if not total or not counts.shape[1]:
        return np.bincount(_systematic(weights, total, random), minlength=len(expected)).astype(np.int64)
    shares, tables = weights / weights.sum(), [Demanded.between(Incidence(counts), low, high)]
    if total > LARGE:
        whole = integerize(shares, total, tables, np.arange(len(shares)), random)
        found, error = whole.counts, float(whole.error)
    else:
        units, error = _nearer(_systematic(weights, total, random), weights, counts, low, high, random)
        found = np.bincount(units, minlength=len(expected)).astype(np.int64)
    return exchange_alike(shares, found, tables, random)[0] if error else found


def _systematic(weights: Floats, total: int, random: np.random.Generator) -> CellIndex:
    """Vectors at equal steps along what is expected, (total,): neighbours are alike."""
    rising = np.cumsum(weights)
    marks = (np.arange(total) + random.random()) * (rising[-1] / max(total, 1))
    found = np.minimum(np.searchsorted(rising, marks, side="right"), len(weights) - 1)
    return np.where(weights[found] > 0, found, np.argmax(weights)).astype(np.int64)


def _nearer(
    units: CellIndex, weights: Floats, counts: "sparse.csr_array", low: Floats, high: Floats, random: np.random.Generator
) -> tuple[CellIndex, float]:
    """Units nearer to what is wanted after exchanges; and by how many rows they are off."""
    some, likely = _drawn(weights, max(COMING, EACH * len(units)), random)
    dearer = -CHANCE * np.log(likely)
    own, theirs = counts[units].toarray(), counts[some].toarray()
    length, lengths = np.square(own).sum(axis=1), np.square(theirs).sum(axis=1)
    apart = length[:, None] + lengths[None, :] - 2 * (own @ theirs.T)
    got = own.sum(axis=0)
    best, least, since = units.copy(), np.inf, 0
    stays = np.zeros(len(units), np.int64)
    for step in range(MOST_STEPS):
        over = got - np.clip(got, low, high)
        error = float(np.abs(over).sum())
        best, least, since = (units.copy(), error, 0) if error < least else (best, least, since + 1)
        if not error or since > STEPS:
            break
        cost = apart + (2 * (theirs @ over) + dearer - CHANCE * random.gumbel(size=len(some)))[None, :]
        cost += (CHANCE * random.random(len(units)) - 2 * (own @ over))[:, None]
        cost[(apart < 0.5) | (stays > step)[:, None]] = np.inf
        leaves, comes = divmod(int(cost.argmin()), len(some))
        got += theirs[comes] - own[leaves]
        own[leaves], units[leaves] = theirs[comes], some[comes]
        apart[leaves] = lengths[comes] + lengths - 2 * (theirs @ theirs[comes])
        stays[leaves] = step + min(RECENT, len(units))
    return best, least


def _drawn(weights: Floats, most: int, random: np.random.Generator) -> tuple[CellIndex, Floats]:
    """Vectors, so many at most, each as likely as it weighs; and what each stands for, those that were not drawn included."""
    there = np.flatnonzero(weights > FAINT * weights.max())
    if len(there) <= most:
        return there, weights[there]
    late = random.exponential(size=len(there)) / weights[there]
    latest = np.partition(late, most)[most]
    found = there[late < latest]
    return found, weights[found] / -np.expm1(-weights[found] * latest)
