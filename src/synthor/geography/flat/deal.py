"""Units dealt out to areas: whoever has a signature that an area has a place for is as likely as any other to come there.

From the largest areas down: the units of an area that are alike to the areas inside it are shuffled, and go, one after the
other, to the places there. Nobody shuffles a hundred million units: which of them stands at a place is looked up through
permutations that need no list (`permuted`), from a zone upwards.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.geography.areas import in_turn, marks_of, parents_of, with_areas
from synthor.geography.flat.permuted import permuted
from synthor.problem.zones import Zones
from synthor.randomness import generator
from synthor.schema import Units
from synthor.types import CellIndex, Counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Lists:
    """The places of one level's areas, entry by entry, an entry being the places of one kind in one area.

    Attributes:
        area: of each entry.
        kind: of its units, as areas of this level tell them apart.
        ends: (entries,) places up to its end, all entries one after the other.
        group: which list its units come from: those of this kind in the area around.
        size: how many units are in that list.
        start: how many of them stand before this entry's in the shuffled list.
        base: where that list begins among all units of the level above, as those stand there.
    """

    area: CellIndex
    kind: CellIndex
    ends: Counts
    group: CellIndex
    size: Counts
    start: Counts
    base: Counts

    @classmethod
    def of(cls, counts: Counts, around: CellIndex, order: CellIndex, coarser: CellIndex | None) -> "_Lists":
        """Those of a level.

        Args:
            counts: (areas, kinds).
            around: (areas,) the area of the level above that each lies in.
            order: the areas in the order in which they stand.
            coarser: (kinds,) as which kind the level below sees each; None of zones.
        """
        area, kind = np.nonzero(counts[order])
        if coarser is not None:  # those that are alike to the areas inside stand together
            kept = np.lexsort((kind, coarser[kind], area))
            area, kind = area[kept], kind[kept]
        area = order[area]
        count = counts[area, kind]
        group = around[area] * counts.shape[1] + kind
        rising = np.argsort(group, kind="stable")
        names, first = np.unique(group[rising], return_index=True)
        sums = np.add.reduceat(count[rising], first) if len(first) else np.zeros(0, np.int64)
        place = np.searchsorted(names, group)
        upto = np.cumsum(count[rising])
        before = np.empty(len(count), np.int64)
        before[rising] = upto - count[rising]
        bases = np.cumsum(sums) - sums
        return cls(
            area=area,
            kind=kind,
            ends=np.cumsum(count),
            group=group,
            size=sums[place],
            start=before - bases[place],
            base=bases[place],
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Dealt:
    """A region's units, each at a place in a zone.

    Attributes:
        distinct: units of the region, those of a signature together.
        ends: (n,) units up to the last copy of each.
        lists: of each level, the smallest areas first.
        zones: the areas.
        marks: places at which chunks end.
        seed: of the shuffles.
    """

    distinct: Units
    ends: Counts
    lists: tuple[_Lists, ...]
    zones: Zones
    marks: Counts
    seed: int

    @classmethod
    def of(
        cls,
        units: Units,
        counts: Counts,
        kinds: CellIndex,
        places: Sequence[Counts],
        coarser: Sequence[CellIndex],
        zones: Zones,
        random_seed: int,
    ) -> "Dealt":
        """Units dealt out.

        Args:
            units: distinct ones.
            counts: (n,) how many there are of each.
            kinds: (n,) signature of each, as the largest areas see it.
            places: for each level (areas, signatures) units that each area has; those of a level add up to those above.
            coarser: for each level but the first the signature of the level below that each of its own is.
            zones: the areas.
            random_seed: of the spec.
        """
        order = np.argsort(kinds, kind="stable")
        below = (None, *coarser)
        lists = [
            _Lists.of(places[level], parents_of(zones, level), in_turn(zones, level), below[level])
            for level in range(len(places))
        ]
        return cls(
            distinct=units.take(order),
            ends=np.cumsum(counts[order]),
            lists=tuple(lists),
            zones=zones,
            marks=marks_of(zones, places[0].sum(axis=1)),
            seed=int(generator(random_seed, "zones", "deal").integers(2**63)),
        )

    def units(self, places: CellIndex) -> Units:
        """The units at some places."""
        zone, where = None, places
        for level, lists in enumerate(self.lists):
            entry = np.searchsorted(lists.ends, where, side="right")
            zone = lists.area[entry] if zone is None else zone
            before = np.append(0, lists.ends)[entry]
            place, size, key = lists.start[entry] + where - before, lists.size[entry], lists.group[entry]
            where = lists.base[entry] + permuted(place, size, key * len(self.lists) + level, self.seed)
        assert zone is not None
        return with_areas(self.distinct.take(np.searchsorted(self.ends, where, side="right")), zone, self.zones)

    def n_rows(self, places: CellIndex) -> Counts:
        """Units have no members."""
        return np.array([len(places)])
