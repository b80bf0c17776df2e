"""Whole units with members as larger areas see them, given what zones have; and at last as the region sees them.

What zones see of their units is settled; what larger areas see beside is not. So units of one vector, as zones see it, are
shared out among the vectors that are the same to zones: by systematic sampling of what is expected, then by exchanges of units
inside these groups until the area's own tables are met, too. Who of them lives in which zone is chance. Where that is not
enough, because hardly two large units are the same to zones, pairs of exchanges inside zones are looked for (`recombined.py`).
"""

import numpy as np

from synthor.geography.housed import Housed
from synthor.geography.nested.recombined import recombined
from synthor.geography.nested.vectors import Vectors
from synthor.geography.nested.within import exchanged_within
from synthor.geography.rounded import rounded
from synthor.types import CellIndex, Counts, Floats


def split(inside: Housed, expected: Floats, vectors: Vectors, level: int, area: int, random: np.random.Generator) -> Housed:
    """Whole units in the zones of an area, told apart as its level does.

    Args:
        inside: the same as the level below tells them apart.
        expected: (vectors,) units of each vector of the area.
        vectors: what areas see.
        level: of the area.
        area: its place among those of the level.
        random: chooses.
    """
    group, tables = vectors.coarser[level - 1], vectors.demanded(level, area)
    totals = inside.totals(vectors.sizes[level - 1])
    counts = rounded(expected[None], group, totals[None], np.argsort(group, kind="stable"), random)[0]
    counts = exchanged_within(counts, expected, group, tables, random)
    return recombined(dealt_inside(inside, counts, group, random), expected, vectors, level, tables, random)


def dealt_inside(inside: Housed, counts: Counts, group: CellIndex, random: np.random.Generator) -> Housed:
    """Units told apart more finely, dealt out to where units of their group are.

    Args:
        inside: units of each group in zones.
        counts: (kinds,) units of each kind, as many of each group.
        group: (kinds,) of each.
        random: chooses.

    >>> inside = Housed.of(np.array([0, 1, 1]), np.array([0, 0, 1]))
    >>> found = dealt_inside(inside, np.array([1, 1, 0, 1]), np.array([0, 0, 1, 1]), np.random.default_rng(0))
    >>> found.totals(4).tolist(), found.count.sum().item()
    ([1, 1, 0, 1], 3)
    """
    each = inside.each
    slots = each[np.lexsort((random.random(len(each)), inside.unit[each]))]
    kinds = np.repeat(np.arange(len(counts)), counts)
    return Housed.of(inside.zone[slots], kinds[np.argsort(group[kinds], kind="stable")])
