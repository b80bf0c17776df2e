"""Sums over areas, and over kinds of units that areas do not tell apart."""

from collections.abc import Sequence

import numpy as np

from synthor.problem.zones import Zones
from synthor.types import CellIndex, Floats


def summed(values: Floats, of: CellIndex, size: int) -> Floats:
    """(rows, s) values summed over what each belongs to, (rows, size)."""
    if (np.diff(of) >= 0).all() and len(of) and of[0] == 0 and of[-1] == size - 1 and (np.diff(of) <= 1).all():
        return np.add.reduceat(values, np.flatnonzero(np.diff(of, prepend=-1)), axis=1)
    into = np.zeros((len(of), size))
    into[np.arange(len(of)), of] = 1.0
    return np.asarray(values @ into)


def gathered(values: Floats, parents: CellIndex, n: int) -> Floats:
    """(areas, s) values summed over the areas around them, (n, s)."""
    from scipy import sparse

    into = sparse.csr_array((np.ones(len(parents)), (parents, np.arange(len(parents)))), shape=(n, len(parents)))
    return np.asarray(into @ values)


def parents_of(zones: Zones, level: int) -> CellIndex:
    """The area around each of a level; all lie in the region at last."""
    return zones.parents[level] if level < len(zones.parents) else np.zeros(zones.sizes[level], np.int64)


def n_above(zones: Zones, level: int) -> int:
    """How many areas lie around those of a level."""
    return zones.sizes[level + 1] if level + 1 < len(zones.sizes) else 1


def distinct(columns: Sequence[CellIndex], known: Sequence[int], n: int) -> list[CellIndex]:
    """For each level the place of each unit among the distinct combinations of the first columns, rising with these."""
    places, place, done = [], np.zeros(n, np.int64), 0
    for upto in known:
        for column in columns[done:upto]:
            _, place = np.unique(place * (int(column.max(initial=0)) + 1) + column, return_inverse=True)
            place = place.ravel()
        done = upto
        places.append(place)
    return places
