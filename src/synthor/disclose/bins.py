"""Round bins of similar population for a column of numbers, and a range that tells no single record's extreme."""

import math
from dataclasses import dataclass

import numpy as np

from synthor.types import Floats

N_BINS = 7
SPIKE = 0.2
"""A value that so large a share of the records holds gets a bin of its own."""

FEW_VALUES = 12
"""Whole numbers with no more different values get one bin a value."""

TOP_SHARE = 0.01
"""Share of the records that an open top bin of single values holds at least."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Bins:
    """Left edges, and the range; values beyond it belong to the first and last bin (they are bottom- and top-coded)."""

    edges: Floats
    low: float
    high: float


def round_bins(values: Floats, *, whole: bool, fewest: int) -> Bins:
    """Bins for a column of numbers.

    Whole numbers with few values get one bin a value; others get about seven of similar population, with edges on
    multiples of 1, 2 or 5 times a power of ten. Each bin holds `fewest` records at least: smaller ones join the bin below
    (the first one the bin above). The range ends on round numbers outside of the `fewest`-th smallest and largest value.

    Args:
        values: (n,) finite numbers, not all the same.
        whole: whether they are whole numbers.
        fewest: records behind every edge.

    >>> round_bins(np.repeat([1.0, 2, 3, 4, 9], [30, 40, 20, 8, 2]), whole=True, fewest=5).edges
    array([1., 2., 3., 4.])
    >>> made = round_bins(np.arange(10_000) * 7.3, whole=False, fewest=10)
    >>> made.edges, made.high
    (array([    0., 10000., 20000., 30000., 40000., 50000., 65000.]), 80000.0)
    """
    ordered = np.sort(values)
    rank = min(max(fewest, 1), len(ordered))
    lowest, highest = float(ordered[rank - 1]), float(ordered[-rank])
    if lowest >= highest:  # nearly all records hold one value
        lowest, highest = float(ordered[0]), float(ordered[-1])
    distinct = np.unique(ordered)
    if whole and len(distinct) <= FEW_VALUES:
        least = max(fewest, round(TOP_SHARE * len(ordered))) if fewest > 1 else 1
        edges = _with_enough(distinct[distinct >= lowest], ordered, max(fewest, 1), top=least)
    else:
        edges = _with_enough(_quantile_edges(ordered, lowest, whole=whole), ordered, fewest, top=fewest)
    last = float(edges[-1])
    beyond = last + (1.0 if whole else round_step(0.1 * float(np.ptp(ordered)))) if ordered[-1] > last else last
    return Bins(edges=edges, low=float(edges[0]), high=max(_outward(highest), beyond))


def _quantile_edges(ordered: Floats, lowest: float, *, whole: bool) -> Floats:
    """Quantiles, each moved to the roundest number that keeps it apart from its neighbours.

    A value that many records share (often 0) begins a bin; among whole numbers, it is alone in it.
    """
    values, counts = np.unique(ordered, return_counts=True)
    common = values[counts >= SPIKE * len(ordered)]
    rest = ordered[~np.isin(ordered, common)]
    n_bins = max(N_BINS - len(common), 2)
    points = np.quantile(rest, np.arange(1, n_bins) / n_bins) if len(rest) else np.empty(0)
    fine = round_step(float(np.ptp(ordered)) / 1000)
    fixed = np.concatenate([common, common + 1]) if whole else np.floor(common / fine) * fine
    bounds = np.unique(np.concatenate([[lowest], points[points > lowest]]))
    edges = [edge for edge in fixed.tolist() if lowest <= edge <= ordered[-1]]
    for i, point in enumerate(bounds):
        gaps = [abs(point - bounds[j]) for j in (i - 1, i + 1) if 0 <= j < len(bounds)]
        step = round_step(0.8 * min(gaps) if gaps else abs(point) / 2)
        step = max(step, 1.0) if whole else step
        outward = max(round_step(gaps[0]) if gaps else step, step)
        edges.append(math.floor(point / outward) * outward if i == 0 else round(point / step) * step)
    return np.unique(np.round(edges, 12))


def _with_enough(edges: Floats, ordered: Floats, fewest: int, *, top: int) -> Floats:
    """The edges without those that begin a bin of too few records."""
    kept = list(edges)
    while len(kept) > 1:
        counts = np.diff(np.append(np.searchsorted(ordered, kept[1:]), len(ordered)), prepend=0)
        short = [i for i, count in enumerate(counts) if count < (top if i == len(kept) - 1 else fewest)]
        if not short:
            break
        at = short[-1]
        kept.pop(at if at else 1)
    return np.array(kept)


def round_step(size: float) -> float:
    """The largest of 1, 2, 5 times a power of ten that is no larger.

    >>> [round_step(size) for size in (1, 3.9, 6200, 0.7)]
    [1.0, 2.0, 5000.0, 0.5]
    """
    if not size > 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(size) + 1e-12)
    return float(next(factor for factor in (5, 2, 1) if factor * power <= size * (1 + 1e-12)) * power)


def _outward(value: float) -> float:
    """The next number with one significant digit, away from below: 91 gives 100, 430,000 gives 500,000."""
    if value == 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(abs(value)) + 1e-12)
    return round(math.ceil(value / power - 1e-12) * power, 12)
