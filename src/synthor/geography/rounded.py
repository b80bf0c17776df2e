"""Whole numbers beside what is expected."""

import numpy as np

from synthor.types import CellIndex, Counts, Floats


def rounded(expected: Floats, kept: CellIndex, totals: Counts, order: CellIndex, random: np.random.Generator) -> Counts:
    """Whole counts beside their expectations, (areas, signatures), that add up to given totals in each group of signatures.

    Args:
        expected: (areas, signatures).
        kept: (signatures,) the group of each, rising along `order`.
        totals: (areas, groups).
        order: of the signatures, in which neighbours are alike.
        random: one start for each area.
    """
    n_groups = totals.shape[1]
    of = kept[order]
    mass = expected[:, order]
    ends = np.searchsorted(of, np.arange(n_groups), side="right")
    begins = np.concatenate([[0], ends[:-1]])
    rising = np.cumsum(mass, axis=1)
    before = np.where(begins > 0, rising[:, np.maximum(begins, 1) - 1], 0.0)
    held = rising[:, ends - 1] - before
    with np.errstate(divide="ignore", invalid="ignore"):
        inside = np.where(held[:, of] > 0, (rising - before[:, of]) / held[:, of], 0.0)
    nothing = (held <= 0) & (totals > 0)
    if nothing.any():  # nobody was expected where somebody is: all alike
        share = (np.arange(len(of)) - begins[of] + 1) / (ends - begins)[of]
        inside = np.where(nothing[:, of], share, inside)
    lower = np.cumsum(totals, axis=1) - totals
    marks = np.floor(lower[:, of] + totals[:, of] * np.minimum(inside, 1.0) - random.random((len(mass), 1)) + 1).astype(
        np.int64
    )
    last = np.zeros(len(of), bool)
    last[ends - 1] = True
    top = (lower + totals)[:, of]
    marks = np.where(last, top, np.clip(marks, lower[:, of], top))
    found = np.zeros(expected.shape, np.int64)
    found[:, order] = np.diff(marks, axis=1, prepend=0)
    return found
