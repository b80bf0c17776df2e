"""What tables leave open: the least and the greatest that any population can have that agrees with them.

A population is known here by the shares p of n combinations of categories, and tables say of it

    p >= 0,    sum p = 1,    low <= A p <= high.

A share inside some combinations, sum_{i in S} p_i, has its least and greatest value at two linear programmes. A mean over some
combinations is a ratio, sum_{i in S} v_i p_i / sum_{i in S} p_i, and becomes linear too with y = p t, t = 1 / sum_{i in S} p_i
(Charnes and Cooper, 1962). Values v are only known by the bins that they lie in. So what the values of some combinations S come
to is a variable of its own, their excess e over the lowest values of their bins,

    sum_{i in S} v_i p_i  =  sum_{i in S} low_i p_i + e,    0 <= e <= sum_{i in S} (high_i - low_i) p_i,

and where a published mean or total and a question speak of the same values they share it: what is published exactly is then
answered exactly, and the rest by what it leaves open.

Where one-way tables alone are known the answer needs no programme: of k events with shares s_1, ..., s_k, all together have a
share from max(0, s_1 + ... + s_k - (k - 1)) to min(s_1, ..., s_k) (Frechet, 1935).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from synthor.linear import Attempt, solve_linear
from synthor.types import Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

    Matrix = sparse.csr_array[Any]

UNITS = 1e4
"""The shares sum to this inside the solver, whose absolute tolerance then is 1e-13 of all records."""

ATTEMPTS = tuple(
    Attempt(presolve=presolve, tolerance=tolerance)
    for presolve, tolerance in ((True, 1e-9), (False, 1e-9), (True, 1e-7), (False, 1e-6))
)
"""Ever looser: sums that differ in their last digits can look like a contradiction."""

SOLVER_SECONDS = 60.0

MARGIN = 1e-9
"""By so much, as a share of all records or relative to a mean, bounds are widened against the solver's last digits."""

SEVERAL = 16
"""Intervals that a mean is looked for in, for the bounds of a standard deviation."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polytope:
    """All shares p of n combinations, and excesses e of values over the lowest ones, that agree with some tables.

    Attributes:
        matrix: A, (rows, n + excesses); columns of excesses come last.
        low: (rows,) least value of each row; may be -inf.
        high: (rows,) greatest value; may be inf.
        n_excesses: how many columns are excesses.
    """

    matrix: "Matrix"
    low: Floats
    high: Floats
    n_excesses: int = 0

    @property
    def n_shares(self) -> int:
        return int(self.matrix.shape[1]) - self.n_excesses

    def padded(self, prices: Floats) -> Floats:
        """Prices of shares, (n,), with none for excesses."""
        return np.concatenate([prices, np.zeros(self.n_excesses)])


def frechet(parts: Sequence[Interval]) -> Interval:
    """Bounds of the share in which several events hold together, from bounds of the share of each.

    >>> tuple(round(bound, 2) for bound in frechet([(0.7, 0.7), (0.6, 0.6)]))
    (0.3, 0.6)
    >>> frechet([])
    (0.0, 1.0)
    """
    least = sum(low for low, _ in parts) - (len(parts) - 1)
    return (max(0.0, least), min((high for _, high in parts), default=1.0)) if parts else (0.0, 1.0)


def share_bounds(known: Polytope, inside: Mask) -> Interval | None:
    """Least and greatest share of some combinations, (n,) mask; None where nothing agrees with all tables, or nobody knows.

    >>> from scipy import sparse
    >>> sides = sparse.csr_array(np.array([[1.0, 1, 0, 0], [1, 0, 1, 0]]))   # two tables of two, 70% and 60%
    >>> known = Polytope(matrix=sides, low=np.array([0.7, 0.6]), high=np.array([0.7, 0.6]))
    >>> [round(bound, 6) for bound in share_bounds(known, np.array([True, False, False, False]))]
    [0.3, 0.6]
    """
    prices = known.padded(inside.astype(np.float64))
    least, greatest = _least(known, prices), _least(known, -prices)
    if least is None or greatest is None:
        return None
    return max(0.0, least - MARGIN), min(1.0, MARGIN - greatest)


def sum_bounds(known: Polytope, values: Floats, ends: Interval) -> Interval | None:
    """Least and greatest mean over everybody of values, (n + excesses,); `ends` are values that it cannot pass."""
    least, greatest = _least(known, values), _least(known, -values)
    if least is None or greatest is None:
        return None
    return _widened(least, -greatest, ends)


def ratio_bounds(known: Polytope, inside: Mask, values: Floats, ends: Interval) -> Interval | None:
    """Least and greatest mean inside some combinations, (n,) mask, of values, (n + excesses,).

    `ends` are values that it cannot pass. None where nothing agrees with all tables, or where nobody can be inside.

    >>> from scipy import sparse
    >>> within = sparse.csr_array(np.array([[-5.0, -5.0, 0.0, 1.0]]))  # an excess of at most 5 for each of the first two
    >>> known = Polytope(matrix=within, low=np.array([-np.inf]), high=np.array([0.0]), n_excesses=1)
    >>> inside, values = np.array([True, True, False]), np.array([10.0, 20.0, 0.0, 1.0])
    >>> [round(bound, 4) for bound in ratio_bounds(known, inside, values, (0.0, 99.0))]
    [10.0, 25.0]
    """
    least, greatest = _least_ratio(known, inside, values), _least_ratio(known, inside, -values)
    if least is None or greatest is None:
        return None
    return _widened(least, -greatest, ends)


def quantile_bounds(known: Polytope, inside: Mask, low: Floats, high: Floats, q: float = 0.5) -> Interval | None:
    """Least and greatest q-quantile inside some combinations of values that lie between `low` and `high`, (n,) each.

    It can be as low as the first bin up to which a share of q can lie, and as high as the first up to which more must.
    """
    ends = np.unique(high[inside])
    found: list[float] = []
    for sign in (1.0, -1.0):
        first, last = 0, len(ends) - 1
        if last < 0:
            return None
        while first < last:  # the share up to a bin rises with the bin
            middle = (first + last) // 2
            share = _least_ratio(known, inside, known.padded(-sign * (inside & (high <= ends[middle]))))
            if share is None:
                return None
            enough = -share >= q - MARGIN if sign > 0 else share > q + MARGIN
            first, last = (first, middle) if enough else (middle + 1, last)
        found.append(float(low[inside & (high == ends[first])].min() if sign > 0 else ends[first]))
    return found[0], found[1]


def sd_bounds(known: Polytope, inside: Mask, low: Floats, high: Floats) -> Interval | None:
    """Least and greatest standard deviation inside some combinations of values that lie between `low` and `high`, (n,) each.

    The variance is the least mean square distance from any number c. So no population's is larger than the greatest mean of
    (v - c)^2, for whichever c this is smallest; and none whose mean lies in an interval has less than the least mean of the
    squared distance from that interval. Bounds are valid, the lower one not quite sharp.
    """
    least_mean = _least_ratio(known, inside, known.padded(np.where(inside, low, 0.0)))
    greatest_mean = _least_ratio(known, inside, known.padded(np.where(inside, -high, 0.0)))
    if least_mean is None or greatest_mean is None:
        return None
    cuts = np.linspace(least_mean, -greatest_mean, SEVERAL + 1)
    upper, lower = np.inf, np.inf
    for begin, end in pairwise(cuts):
        c = (begin + end) / 2
        square = np.square(np.maximum(np.abs(low - c), np.abs(high - c)))
        most = _least_ratio(known, inside, known.padded(np.where(inside, -square, 0.0)))
        distance = np.maximum(np.maximum(low - end, begin - high), 0.0)
        least = _least_ratio(known, inside, known.padded(np.where(inside, np.square(distance), 0.0)))
        if most is None or least is None:
            return None
        upper, lower = min(upper, -most), min(lower, least)
    bounds = _widened(lower, upper, (0.0, np.inf))
    return float(np.sqrt(bounds[0])), float(np.sqrt(bounds[1]))


def _widened(least: float, greatest: float, ends: Interval) -> Interval:
    """Bounds with room for the solver's last digits, but none beyond what values can be at all."""
    span = MARGIN * max(abs(least), abs(greatest))
    return max(least - span, ends[0]) + 0.0, min(greatest + span, ends[1]) + 0.0  # no minus zero


def _least(known: Polytope, prices: Floats) -> float | None:
    """The least of prices @ p; None where the solver has no answer."""
    from scipy import sparse

    finite_low, finite_high = np.isfinite(known.low), np.isfinite(known.high)
    found = _solved(
        prices,
        sparse.vstack([known.matrix[finite_high], -known.matrix[finite_low]], format="csr"),
        UNITS * np.concatenate([known.high[finite_high], -known.low[finite_low]]),
        sparse.csr_array(known.padded(np.ones(known.n_shares))[None, :]),
        np.array([UNITS]),
    )
    return None if found is None else found / UNITS


def _least_ratio(known: Polytope, inside: Mask, values: Floats) -> float | None:
    """The least of sum values p / sum p; None where no combination is inside, or without an answer.

    Values, (n + excesses,), are 0 of combinations that are not inside, and of excesses that none inside has.
    """
    from scipy import sparse

    scale = float(np.abs(values).max(initial=0.0))
    if not inside.any() or scale == 0.0:
        return 0.0 if inside.any() else None
    finite_low, finite_high = np.isfinite(known.low), np.isfinite(known.high)
    above = sparse.hstack([known.matrix[finite_high], -sparse.csr_array(known.high[finite_high, None])])
    below = sparse.hstack([-known.matrix[finite_low], sparse.csr_array(known.low[finite_low, None])])
    whole = sparse.csr_array(np.append(known.padded(np.ones(known.n_shares)), -1.0)[None, :])
    within = sparse.csr_array(np.append(known.padded(inside.astype(np.float64)), 0.0)[None, :])
    found = _solved(
        np.append(values / scale, 0.0),
        sparse.vstack([above, below], format="csr"),
        np.zeros(finite_high.sum() + finite_low.sum()),
        sparse.vstack([whole, within], format="csr"),
        np.array([0.0, 1.0]),
    )
    return None if found is None else found * scale


def _solved(prices: Floats, upper: Any, most: Floats, equal: Any, totals: Floats) -> float | None:
    """The least of prices @ x with upper @ x <= most, equal @ x = totals, x >= 0; None where none is found."""
    found = solve_linear(prices, at_most=(upper, most), equal=(equal, totals), attempts=ATTEMPTS, seconds=SOLVER_SECONDS)
    return None if found.x is None else found.value
