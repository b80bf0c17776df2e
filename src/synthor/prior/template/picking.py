"""Categories picked by their weights, and rows of whole numbers told apart."""

import numpy as np

from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Codes, Counts, Floats

MOST_CODED = 2.0**62
"""Combinations that one whole number can tell apart."""


def distinct(rows: Counts | Codes) -> tuple[Counts, CellIndex, Counts]:
    """Rows of whole numbers that differ, in rising order, which of these each row is, and how often each occurs."""
    low = rows.min(axis=0, initial=0)
    spans = rows.max(axis=0, initial=0) - low + 1
    if n_crossed(spans.tolist()) > MOST_CODED:
        found, place, times = np.unique(rows, axis=0, return_inverse=True, return_counts=True)
        return found.astype(np.int64), place.ravel(), times
    code = np.zeros(len(rows), np.int64)  # sorting one number a row is far quicker than sorting rows
    for column, span in zip((rows - low).T, spans, strict=True):
        code = code * span + column
    _, first, place, times = np.unique(code, return_index=True, return_inverse=True, return_counts=True)
    return rows[first].astype(np.int64), place.ravel(), times


def picked(weights: Floats, random: np.random.Generator) -> CellIndex:
    """A category for each row of weights, (n, k) -> (n,)."""
    rising = np.cumsum(weights, axis=1)
    at = random.random(len(weights)) * rising[:, -1]
    return np.minimum((rising <= at[:, None]).sum(axis=1), weights.shape[1] - 1)
