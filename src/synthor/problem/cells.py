"""Arithmetic on the cells of a table as they are printed."""

import numpy as np

from synthor.problem.rows import Listed
from synthor.types import CellIndex, Floats


def beyond_rounding(gap: float, half: float, n: int) -> bool:
    """Whether `n` shares miss their whole by more than rounding each to `2 * half` can do.

    All would have to lie at the very edge of their rounding, and on the same side, to miss it by `n * half`: two shares that
    were rounded add up to their whole.
    """
    return gap > 1e-9 and gap > n * half - 1e-9


def placed(cells: CellIndex, values: Floats, size: int) -> Floats:
    """Values of listed cells among all `size`, 0 elsewhere."""
    filled = np.zeros(size)
    filled[cells] = values
    return filled


def whole_of(rows: Listed) -> float:
    """What shares add up to: 100 where they are percentages."""
    told = rows.values[rows.told]
    return 100.0 if told.sum() > 1.5 or (told > 1.5).any() else 1.0
