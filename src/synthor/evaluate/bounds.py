"""What tables leave open: the least and the greatest that any population can have that agrees with them.

A population is known here by the shares p of n combinations of categories, and tables say of it

    p >= 0,    sum p = 1,    low <= A p <= high.

A share inside some combinations, sum_{i in S} p_i, has its least and greatest value at two linear programmes. A mean over some
combinations is a ratio, sum_{i in S} v_i p_i / sum_{i in S} p_i, and becomes linear too with y = p t, t = 1 / sum_{i in S} p_i
(Charnes and Cooper, 1962). Values v are only known by the bins that they lie in, so the least mean takes the lowest value of
each bin and the greatest the highest: whatever the values are, the truth lies between.

Where one-way tables alone are known the answer needs no programme: of k events with shares s_1, ..., s_k, all together have a
share from max(0, s_1 + ... + s_k - (k - 1)) to min(s_1, ..., s_k) (Frechet, 1935).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from synthor.types import Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

    Matrix = sparse.csr_array[Any]

UNITS = 1e4
"""The shares sum to this inside the solver, whose absolute tolerance then is 1e-13 of all records."""

ATTEMPTS = ((True, 1e-9), (False, 1e-9), (True, 1e-7), (False, 1e-6))
"""With or without presolve, and to which tolerance: sums that differ in their last digits can look like a contradiction."""

SOLVER_SECONDS = 60.0

MARGIN = 1e-9
"""By so much, as a share of all records or relative to a mean, bounds are widened against the solver's last digits."""

SEVERAL = 16
"""Intervals that a mean is looked for in, for the bounds of a standard deviation."""

Interval = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Polytope:
    """All shares p of n combinations that agree with some tables.

    Attributes:
        matrix: A, (rows, n).
        low: (rows,) least value of each row; may be -inf.
        high: (rows,) greatest value; may be inf.
    """

    matrix: "Matrix"
    low: Floats
    high: Floats


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
    prices = inside.astype(np.float64)
    least, greatest = _least(known, prices), _least(known, -prices)
    if least is None or greatest is None:
        return None
    return max(0.0, least - MARGIN), min(1.0, MARGIN - greatest)


def sum_bounds(known: Polytope, low: Floats, high: Floats) -> Interval | None:
    """Least and greatest mean over everybody of values between `low` and `high`, (n,) each, 0 for those who do not count."""
    least, greatest = _least(known, low), _least(known, -high)
    if least is None or greatest is None:
        return None
    return _widened(least, -greatest)


def ratio_bounds(known: Polytope, inside: Mask, low: Floats, high: Floats) -> Interval | None:
    """Least and greatest mean inside some combinations, (n,) mask, of values that lie between `low` and `high`, (n,) each.

    None where nothing agrees with all tables, or where nobody can be inside.

    >>> from scipy import sparse
    >>> known = Polytope(matrix=sparse.csr_array((0, 3)), low=np.empty(0), high=np.empty(0))
    >>> inside, values = np.array([True, True, False]), np.array([10.0, 20.0, 99.0])
    >>> [round(bound, 4) for bound in ratio_bounds(known, inside, values, values + 5)]
    [10.0, 25.0]
    """
    least, greatest = _least_ratio(known, inside, low), _least_ratio(known, inside, -high)
    if least is None or greatest is None:
        return None
    return _widened(least, -greatest)


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
            share = _least_ratio(known, inside, -sign * (high <= ends[middle]))
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
    mean = ratio_bounds(known, inside, low, high)
    if mean is None:
        return None
    cuts = np.linspace(*mean, SEVERAL + 1)
    upper, lower = np.inf, np.inf
    for begin, end in pairwise(cuts):
        c = (begin + end) / 2
        square = np.square(np.maximum(np.abs(low - c), np.abs(high - c)))
        most = _least_ratio(known, inside, -square)
        distance = np.maximum(np.maximum(low - end, begin - high), 0.0)
        least = _least_ratio(known, inside, np.square(distance))
        if most is None or least is None:
            return None
        upper, lower = min(upper, -most), min(lower, least)
    bounds = _widened(lower, upper)
    return float(np.sqrt(max(bounds[0], 0.0))), float(np.sqrt(max(bounds[1], 0.0)))


def _widened(least: float, greatest: float) -> Interval:
    span = MARGIN * max(abs(least), abs(greatest), 1e-300)
    return least - span, greatest + span


def _least(known: Polytope, prices: Floats) -> float | None:
    """The least of prices @ p; None where the solver has no answer."""
    from scipy import sparse

    finite_low, finite_high = np.isfinite(known.low), np.isfinite(known.high)
    found = _solved(
        prices,
        sparse.vstack([known.matrix[finite_high], -known.matrix[finite_low]], format="csr"),
        UNITS * np.concatenate([known.high[finite_high], -known.low[finite_low]]),
        sparse.csr_array(np.ones((1, len(prices)))),
        np.array([UNITS]),
    )
    return None if found is None else found / UNITS


def _least_ratio(known: Polytope, inside: Mask, values: Floats) -> float | None:
    """The least of sum values p / sum p over the combinations inside; None where there are none, or no answer."""
    from scipy import sparse

    n = len(inside)
    scale = float(np.abs(values[inside]).max(initial=0.0))
    if not inside.any() or scale == 0.0:
        return 0.0 if inside.any() else None
    finite_low, finite_high = np.isfinite(known.low), np.isfinite(known.high)
    above = sparse.hstack([known.matrix[finite_high], -sparse.csr_array(known.high[finite_high, None])])
    below = sparse.hstack([-known.matrix[finite_low], sparse.csr_array(known.low[finite_low, None])])
    whole = sparse.csr_array(np.append(np.ones(n), -1.0)[None, :])
    within = sparse.csr_array(np.append(inside.astype(np.float64), 0.0)[None, :])
    found = _solved(
        np.append(np.where(inside, values / scale, 0.0), 0.0),
        sparse.vstack([above, below], format="csr"),
        np.zeros(finite_high.sum() + finite_low.sum()),
        sparse.vstack([whole, within], format="csr"),
        np.array([0.0, 1.0]),
    )
    return None if found is None else found * scale


def _solved(prices: Floats, upper: Any, most: Floats, equal: Any, totals: Floats) -> float | None:
    """The least of prices @ x with upper @ x <= most, equal @ x = totals, x >= 0; None where none is found."""
    from scipy import optimize

    for presolve, tolerance in ATTEMPTS:
        found = optimize.linprog(
            prices,
            A_ub=upper,
            b_ub=most,
            A_eq=equal,
            b_eq=totals,
            method="highs-ds",
            options={
                "presolve": presolve,
                "time_limit": SOLVER_SECONDS,
                "primal_feasibility_tolerance": tolerance,
                "dual_feasibility_tolerance": tolerance,
            },
        )
        if found.status == 0 and found.fun is not None:
            return float(found.fun)
        if found.status == 1:
            break
    return None
