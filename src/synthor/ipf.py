"""Iterative proportional fitting (Deming and Stephan, 1940): weights scaled onto sums, one table after the other."""

from collections.abc import Sequence

import numpy as np

from synthor.types import CellIndex, Codes, Floats

Sums = tuple[CellIndex | Codes, Floats, Floats]
"""The sum that each weight belongs to, (n,), as many as there are where it belongs to none; the least and the most of each."""


def ipf(weights: Floats, tables: Sequence[Sums], *, sweeps: int, tolerance: float, floor: float = 0.0) -> tuple[Floats, bool]:
    """Weights near to those given, in whose sums all tables agree; and whether they do.

    Ratios of weights inside all the same sums stay as they are. A sum that is empty although it must not be is filled evenly:
    nothing is known of its inside.

    Args:
        weights: (n,), none negative.
        tables: the least and the most of each sum of each table; both the same where it is known.
        sweeps: at most so many over all tables.
        tolerance: largest gap of any sum, before it is closed, at which to stop.
        floor: what lower weights are raised to before each table, so that zeros can grow.

    >>> half = np.array([0.5, 0.5])
    >>> ipf(np.array([1.0, 2, 3, 4]), [(np.array([0, 0, 1, 1]), half, half)], sweeps=9, tolerance=1e-9)[0].round(3)
    array([0.167, 0.333, 0.214, 0.286])
    """
    sums = [(np.asarray(of, np.intp), low, high, bool(np.array_equal(low, high))) for of, low, high in tables]
    for _ in range(sweeps):
        worst = 0.0
        for of, low, high, known in sums:
            n = len(low)
            weights = np.maximum(weights, floor) if floor else weights
            have = np.bincount(of, weights, n + 1)[:n]
            goal = low if known else np.minimum(np.maximum(have, low), high)
            if worst <= tolerance:  # else this is not the last sweep, however near the others are
                worst = max(worst, float(np.abs(goal - have).max(initial=0.0)))
            factor, filled = np.ones(n + 1), have > 0
            np.divide(goal, have, out=factor[:n], where=True if filled.all() else filled)
            weights = weights * factor.take(of)
            if not filled.all() and (empty := (have <= 0) & (goal > 0)).any():
                size = np.bincount(of, minlength=n + 1)[: n + 1]
                weights = weights + (np.append(np.where(empty, goal, 0.0), 0.0) / np.maximum(size, 1))[of]
        if worst <= tolerance:
            return weights, True
    return weights, False
