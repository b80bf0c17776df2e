"""Units dealt out to areas: whoever has a signature that an area has a place for is as likely as any other to come there."""

from collections.abc import Sequence

import numpy as np

from synthor.geography.areas import parents_of
from synthor.geography.flat.places import Places
from synthor.problem.zones import Zones
from synthor.types import CellIndex


def dealt(
    units: CellIndex, places: Sequence[Places], coarser: Sequence[CellIndex], zones: Zones, random: np.random.Generator
) -> CellIndex:
    """The zone of each unit, (n,).

    From the largest areas down: of the units of an area those of one signature are put into a random order and go, one after
    the other, to the places for it in the areas inside.

    Args:
        units: (n,) signature of each, as the largest areas see it.
        places: for each level how many units of each signature each area has; those of a level add up to those above.
        coarser: for each level but the first the signature of the level below that each of its own is.
        zones: the areas.
        random: shuffles.
    """
    where, own = np.zeros(len(units), np.int64), units
    for level in range(len(places) - 1, -1, -1):
        if level < len(places) - 1:
            own = coarser[level][own]
        n_signatures = int(own.max(initial=0)) + 1
        asking = where * n_signatures + own
        order = np.lexsort((random.random(len(units)), asking))
        here = places[level]
        keys = parents_of(zones, level)[here.area] * n_signatures + here.kind
        rising = np.lexsort((here.area, keys))
        found = np.empty(len(units), np.int64)
        found[order] = np.repeat(here.area[rising], here.count[rising])
        where = found
    return where
