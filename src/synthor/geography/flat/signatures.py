"""What of a unit the tables of areas can see: units alike in that are the same to every area.

A region may have 100,000 candidates and 10,000 zones, but a zone's tables see few of a unit's variables. All that a zone
needs to know is how many of its units count in which cells, so areas are filled by *signatures*, the distinct combinations of
what tables of areas see, and the units themselves are dealt out at the end. Tables of larger areas see more: what zones see
of a unit follows from what they see.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.geography.areas import distinct
from synthor.problem import Axis, TargetGrid
from synthor.problem.zones import ZoneTable
from synthor.schema import Units
from synthor.types import CellIndex, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Signatures:
    """The signatures of some units, for each level of areas, the smallest areas first.

    Attributes:
        grid: the cells that tell units apart as the largest areas see them; those that are nobody's are no cells.
        of_units: (n,) signature of each unit as the largest areas see it.
        sizes: how many signatures areas of each level see.
        coarser: for each level but the first, which signature of the level below each of its own is, (sizes,).
        cells: for each table of areas, the cell that each signature of its level falls into, (sizes,); the number of its
            cells where it falls into none.
    """

    grid: TargetGrid
    of_units: CellIndex
    sizes: tuple[int, ...]
    coarser: tuple[CellIndex, ...]
    cells: tuple[CellIndex, ...]

    @classmethod
    def of(cls, tables: Sequence[ZoneTable], n_levels: int, units: Units) -> "Signatures":
        """Those that the tables of areas see of some units."""
        axes: dict[object, Axis] = {}
        known = []
        for level in range(n_levels):
            for table in tables:
                if table.level == level:
                    for axis in _axes(table.grid):
                        axes.setdefault((axis.ref, axis.group_of.tobytes()), axis)
            known.append(len(axes))
        sides = tuple(axes.values())
        places = distinct([axis.groups(units, 0).astype(np.int64) for axis in sides], known, len(units))
        first = [np.unique(place, return_index=True)[1] for place in places]
        cells = tuple(table.grid.index(units.take(first[table.level])) for table in tables)
        listed = TargetGrid(axes=sides).index(units.take(first[-1]))
        rising = np.argsort(listed)  # signatures are told apart in the same order as their cells are listed
        assert (rising == np.arange(len(rising))).all()
        return cls(
            grid=TargetGrid(axes=sides, listed=listed, closed=True),
            of_units=places[-1],
            sizes=tuple(len(one) for one in first),
            coarser=tuple(lower[one] for lower, one in zip(places, first[1:], strict=False)),
            cells=cells,
        )

    def shares(self, weights: Floats) -> Floats:
        """Weight of each signature, as the largest areas see it."""
        return np.bincount(self.of_units, weights, self.sizes[-1]).astype(np.float64)


def _axes(grid: TargetGrid) -> list[Axis]:
    """What tells units apart in a table, categories that go under no label being one more."""
    found = [_covering(axis) for axis in grid.axes]
    if grid.universe is not None:
        for position, (ref, variable) in zip(grid.universe.positions, grid.universe.columns.values(), strict=True):
            own = np.arange(variable.size, dtype=np.int32)
            found.append(Axis(position=position, ref=ref, variable=variable, labels=variable.labels, group_of=own))
    return found


def _covering(axis: Axis) -> Axis:
    if axis.covers:
        return axis
    of = np.where(axis.group_of >= 0, axis.group_of, axis.size).astype(np.int32)
    return replace(axis, labels=(*axis.labels, "other"), group_of=of)
