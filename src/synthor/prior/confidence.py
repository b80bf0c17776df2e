"""Beliefs made stronger or weaker."""

from typing import TypeVar

import numpy as np

from synthor.prior.beliefs import CONFIDENCES, TABLE_STRENGTH
from synthor.prior.model import Dependency, Prior, ThreeWay

_Told = TypeVar("_Told", Dependency, ThreeWay)


def strengthened(prior: Prior, factor: float, why: str) -> Prior:
    """The same beliefs, every table that states a confidence worth `factor` times as many pseudo-records.

    A confidence q is worth 300 q / (1 - q); it stays between 0.01 and 0.99. Tables counted from a sample know their strength.

    Args:
        prior: as it is.
        factor: on the strength.
        why: kept with the beliefs and told in reports.

    >>> table = Dependency(given="car", of="tenure", rows=[[30, 70], [70, 30]], confidence=0.5)
    >>> strengthened(Prior(dependencies=[table]), 3.0, "tried").dependencies[0].confidence
    0.75
    """
    changed: dict[str, object] = {
        "dependencies": [_strengthened(table, factor) for table in prior.dependencies],
        "calibrated": why,
    }
    if prior.three_way:
        changed["three_way"] = [_strengthened(table, factor) for table in prior.three_way]
    return prior.model_copy(update=changed)


def _strengthened(table: _Told, factor: float) -> _Told:
    if isinstance(table, Dependency) and table.records is not None:
        return table
    confidence = float(np.clip(0.5 if table.confidence is None else table.confidence, *CONFIDENCES))
    strength = factor * TABLE_STRENGTH * confidence / (1 - confidence)
    changed = float(np.clip(strength / (TABLE_STRENGTH + strength), *CONFIDENCES))
    return table.model_copy(update={"confidence": round(changed, 6)})
