"""How far whole counts are off the conditions, in records."""

import numpy as np

from synthor.sample.programme import Exchange, Programme
from synthor.sample.rows import Conditions
from synthor.types import Floats

FEW_SUMS = 600
"""Sums that are whole numbers are taken as such at once up to so many of them."""

SLIGHT = 1e-6
"""Violations up to this, in records, are none."""


def missed(conditions: Conditions, got: Floats) -> Floats:
    """How far each row is off, in records, with the sums that suit best.

    Of many sums that have to be whole numbers, fractions are looked at first: they show most of what is wrong in no time.
    """
    if not conditions.sums.shape[0]:
        return _off(conditions, got)
    none = np.zeros(0)
    nobody = Exchange(matrix=conditions.matrix[:0], sign=none, cost=none, upper=none)
    programme = Programme.of(conditions, got, got != 0, nobody, elastic=True)
    found = _off(conditions, got)
    for whole in (True,) if conditions.sums.shape[0] <= FEW_SUMS else (False, True):
        outcome = None if programme is None else programme.solved(whole=whole, briefly=True)
        if outcome is None:
            break
        found = _off(conditions, got + conditions.sums.T @ outcome[1])
        if (found > SLIGHT).any():
            break
    return found


def _off(conditions: Conditions, got: Floats) -> Floats:
    below, above = conditions.low - got, got - conditions.high
    room = 1e-9 * np.maximum(np.abs(np.where(below > 0, conditions.low, 0)), np.abs(np.where(above > 0, conditions.high, 0)))
    return np.asarray(np.maximum(np.maximum(below, above) - room, 0.0) / conditions.scale)
