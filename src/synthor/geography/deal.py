"""Units dealt out to areas: whoever has a signature that an area has a place for is as likely as any other to come there."""

from collections.abc import Sequence

import numpy as np

from synthor.geography.signatures import Signatures
from synthor.problem.zones import Zones
from synthor.types import CellIndex, Counts


def dealt(
    units: CellIndex, places: Sequence[Counts], signatures: Signatures, zones: Zones, random: np.random.Generator
) -> CellIndex:
    """The zone of each unit, (n,).

    From the largest areas down: of the units of an area those of one signature are put into a random order and go, one after
    the other, to the places for it in the areas inside.

    Args:
        units: (n,) signature of each, as the largest areas see it.
        places: for each level (areas, signatures) how many units each area has; those of a level add up to those above.
        signatures: what areas see.
        zones: the areas.
        random: shuffles.
    """
    where, own = np.zeros(len(units), np.int64), units
    for level in range(len(places) - 1, -1, -1):
        if level < len(places) - 1:
            own = signatures.coarser[level][own]
        n_signatures = signatures.sizes[level]
        asking = where * n_signatures + own
        order = np.lexsort((random.random(len(units)), asking))
        parents = zones.parents[level] if level < len(zones.parents) else np.zeros(zones.sizes[level], np.int64)
        area, signature = np.nonzero(places[level])
        keys = parents[area] * n_signatures + signature
        rising = np.lexsort((area, keys))
        slots = np.repeat(area[rising], places[level][area, signature][rising])
        found = np.empty(len(units), np.int64)
        found[order] = slots
        where = found
    return where
