"""Areas: sums over them and over kinds of units that they do not tell apart, and the order in which they stand."""

from collections.abc import Sequence

import numpy as np

from synthor.problem.zones import Zones
from synthor.sample.arrangement import CHUNK
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Floats


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


def in_turn(zones: Zones, level: int) -> CellIndex:
    """The areas of a level in the order in which they stand: those of one area around them together, and so on.

    >>> zones = Zones(names=("taz", "tract"), positions=(3, 4), sizes=(3, 2), parents=(np.array([1, 0, 1]),))
    >>> in_turn(zones, 0).tolist(), in_turn(zones, 1).tolist()
    ([1, 0, 2], [0, 1])
    """
    around = [zones.above(level, upper) for upper in range(level, len(zones.names))]
    return np.lexsort(around)


def marks_of(zones: Zones, sizes: Counts, most: int = CHUNK) -> Counts:
    """Places at which chunks of units end: where one of the largest areas does, or else one inside it, unless a zone is larger.

    Args:
        zones: the areas.
        sizes: (zones,) units of each.
        most: units of a chunk; chunks that end with a larger area hold half as many at least.

    >>> zones = Zones(names=("taz",), positions=(2,), sizes=(6,), parents=())
    >>> marks_of(zones, np.array([3, 4, 0, 2, 11, 1]), 8).tolist()
    [7, 9, 17, 21]
    """
    order = in_turn(zones, 0)
    ends = np.cumsum(sizes[order])
    levels = []
    for level in range(len(zones.names) - 1, -1, -1):
        area = zones.above(0, level)[order]
        levels.append(ends[np.append(area[1:] != area[:-1], True)])
    found, begin = list[int](), 0
    while begin < ends[-1]:
        fits = [int(np.append(0, own)[np.searchsorted(own, begin + most, side="right")]) for own in levels]
        large = [end for end in fits if end - begin >= most / 2 or end == ends[-1]]
        end = large[0] if large else fits[-1]
        begin = end if end > begin else min(begin + most, int(ends[np.searchsorted(ends, begin, side="right")]))
        found.append(begin)
    return np.array(found, np.int64)


def with_areas(units: Units, zone: CellIndex, zones: Zones) -> Units:
    """Units of the region with the columns that say in which area of each level they lie.

    Args:
        units: of the region.
        zone: (n,) of each.
        zones: the areas.
    """
    columns, first = units.columns(), zones.positions[0]
    if zones.kinds is not None:  # what kind of place it lies in, its zone says, whatever rounding left undone
        for position, codes in zip(zones.kinds.positions, zones.kinds.codes, strict=True):
            columns[position] = codes[zone].astype(np.int32)
    areas = [zones.above(0, level)[zone].astype(np.int32) for level in range(len(zones.names))]
    return units.with_columns([*columns[:first], *areas, *columns[first:]])
