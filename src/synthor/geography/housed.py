"""Whole units of each kind in each zone, entry by entry: zones by kinds would be mostly empty."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.geography.areas import in_turn, marks_of, with_areas
from synthor.problem.zones import Zones
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Housed:
    """Whole units in zones, entry by entry, rising.

    Attributes:
        zone: of each.
        unit: which of the region's units, or kinds of units.
        count: copies.
    """

    zone: CellIndex
    unit: CellIndex
    count: Counts

    @classmethod
    def of(cls, zone: CellIndex, unit: CellIndex) -> "Housed":
        """Units one by one.

        >>> housed = Housed.of(np.array([1, 0, 1]), np.array([7, 7, 7]))
        >>> housed.zone.tolist(), housed.unit.tolist(), housed.count.tolist()
        ([0, 1], [7, 7], [1, 2])
        """
        n = int(unit.max(initial=0)) + 1
        index, count = np.unique(zone * n + unit, return_counts=True)
        return cls(zone=index // n, unit=index % n, count=count.astype(np.int64))

    @classmethod
    def joined(cls, every: Sequence["Housed"]) -> "Housed":
        """Those of some zones after those of others."""
        none = np.zeros(0, np.int64)
        return cls(
            zone=np.concatenate([none, *(one.zone for one in every)]),
            unit=np.concatenate([none, *(one.unit for one in every)]),
            count=np.concatenate([none, *(one.count for one in every)]),
        )

    def where(self, kept: Mask | CellIndex) -> "Housed":
        """Some entries."""
        return Housed(zone=self.zone[kept], unit=self.unit[kept], count=self.count[kept])

    def totals(self, n_units: int) -> Counts:
        """(units,) copies of each in all zones."""
        return np.bincount(self.unit, self.count, n_units).astype(np.int64)

    @property
    def each(self) -> CellIndex:
        """Which entry each single unit is of."""
        return np.repeat(np.arange(len(self.count)), self.count)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class InZones:
    """Whole units of the region in zones, area after area.

    Attributes:
        distinct: units of the region.
        housed: how many copies of each are in each zone, in the order in which zones stand.
        ends: (entries,) units up to the end of each entry.
        numbers: (n, levels) rows that each unit has.
        zones: the areas.
        marks: places at which chunks end.
    """

    distinct: Units
    housed: Housed
    ends: Counts
    numbers: Counts
    zones: Zones
    marks: Counts

    @classmethod
    def of(cls, units: Units, housed: Housed, zones: Zones) -> "InZones":
        """Those of some entries."""
        order = in_turn(zones, 0)
        rank = np.empty(len(order), np.int64)
        rank[order] = np.arange(len(order))
        housed = housed.where(np.lexsort((housed.unit, rank[housed.zone])))
        return cls(
            distinct=units,
            housed=housed,
            ends=np.cumsum(housed.count),
            numbers=units.numbers,
            zones=zones,
            marks=marks_of(zones, np.bincount(housed.zone, housed.count, len(order)).astype(np.int64)),
        )

    def units(self, places: CellIndex) -> Units:
        """The units at some places, each with its members."""
        entry = np.searchsorted(self.ends, places, side="right")
        return with_areas(self.distinct.take(self.housed.unit[entry]), self.housed.zone[entry], self.zones)

    def n_rows(self, places: CellIndex) -> Counts:
        """How many rows of each level they have together, (levels,)."""
        entry = np.searchsorted(self.ends, places, side="right")
        found: Counts = self.numbers[self.housed.unit[entry]].sum(axis=0)
        return found
