"""All combinations of some lists of codes."""

import math
from collections.abc import Sequence

import numpy as np

from synthor.types import CellIndex, Codes


def crossed(sides: Sequence[CellIndex]) -> Codes:
    """Every combination of one code of each side, (n, sides), the last side running fastest; one empty one of no sides.

    >>> crossed([np.array([0, 2]), np.array([5, 6])]).tolist()
    [[0, 5], [0, 6], [2, 5], [2, 6]]
    """
    if not sides:
        return np.zeros((1, 0), np.int32)
    return np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, len(sides)).astype(np.int32)


def n_crossed(sizes: Sequence[int]) -> float:
    """How many combinations there are of so many codes on each side; a float, since they may be beyond any integer."""
    return math.prod(float(size) for size in sizes)
