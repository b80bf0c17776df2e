"""Names for the arrays that kernels pass to each other, each defined once.

Shapes use these letters: ``n`` units (candidates), ``v`` variables, ``c`` cells of one table, ``s`` segments of a
mixture, ``k`` categories of one variable.
"""

import numpy as np
from numpy.typing import NDArray

Codes = NDArray[np.int32]
"""(n, v) category of every variable of every unit; each column counts from 0."""

CellIndex = NDArray[np.int64]
"""(n,) flat cell of one table that each unit falls into."""

Shares = NDArray[np.float64]
"""Non-negative, summing to one unless said otherwise."""

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Mask = NDArray[np.bool_]
