"""Beliefs made stronger or weaker."""

import numpy as np

from synthor.prior.beliefs import CONFIDENCES, TABLE_STRENGTH
from synthor.prior.model import Dependency, Prior


def strengthened(prior: Prior, factor: float, why: str) -> Prior:
    """The same beliefs, every dependency table that states a confidence worth `factor` times as many pseudo-records.

    A confidence q is worth 300 q / (1 - q); it stays between 0.01 and 0.99. Tables counted from a sample know their strength.

    Args:
        prior: as it is.
        factor: on the strength.
        why: kept with the beliefs and told in reports.

    >>> table = Dependency(given="car", of="tenure", rows=[[30, 70], [70, 30]], confidence=0.5)
    >>> strengthened(Prior(dependencies=[table]), 3.0, "tried").dependencies[0].confidence
    0.75
    """
    return prior.model_copy(
        update={"dependencies": [_strengthened(table, factor) for table in prior.dependencies], "calibrated": why}
    )


def _strengthened(table: Dependency, factor: float) -> Dependency:
    if table.records is not None:
        return table
    confidence = float(np.clip(0.5 if table.confidence is None else table.confidence, *CONFIDENCES))
    strength = factor * TABLE_STRENGTH * confidence / (1 - confidence)
    changed = float(np.clip(strength / (TABLE_STRENGTH + strength), *CONFIDENCES))
    return table.model_copy(update={"confidence": round(changed, 6)})
