"""Whole units of each kind in each area, as far as there are any: areas by kinds would be mostly empty."""

from dataclasses import dataclass

import numpy as np

from synthor.types import CellIndex, Counts


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Places:
    """Entry by entry.

    Attributes:
        area: of each.
        kind: of units, as areas of this level tell them apart.
        count: how many units, above 0.
    """

    area: CellIndex
    kind: CellIndex
    count: Counts

    @classmethod
    def of(cls, counts: Counts) -> "Places":
        """Those of a full table, (areas, kinds).

        >>> places = Places.of(np.array([[0, 2], [1, 0]]))
        >>> places.area.tolist(), places.kind.tolist(), places.count.tolist()
        ([0, 1], [1, 0], [2, 1])
        """
        area, kind = np.nonzero(counts)
        return cls(area=area, kind=kind, count=counts[area, kind])
