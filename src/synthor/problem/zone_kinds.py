"""Kinds of zones: what their attributes are, as variables that every unit has from the zone it lies in."""

from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.attributes import codes_of_zones
from synthor.problem.grid import Axis
from synthor.schema import Level, Ref, Variable
from synthor.spec.model import Spec
from synthor.types import CellIndex


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZoneKinds:
    """The attributes of some zones.

    Attributes:
        positions: of the unit's variables that tell them.
        variables: these.
        codes: (attributes, zones) category of each zone.
    """

    positions: tuple[int, ...]
    variables: tuple[Variable, ...]
    codes: CellIndex

    @classmethod
    def of(cls, spec: Spec, unit: Level) -> "ZoneKinds | None":
        """Those of a spec whose zones and attributes are known; None where it has none."""
        codes = codes_of_zones(spec)
        if not codes:
            return None
        positions = tuple(unit.position(name) for name in codes)
        variables = tuple(unit.variables[position] for position in positions)
        return cls(positions=positions, variables=variables, codes=np.array(list(codes.values()), np.int64))

    @property
    def axes(self) -> tuple[Axis, ...]:
        """A side of a table for each attribute."""
        return tuple(
            Axis(
                position=position,
                ref=Ref(0, position),
                variable=variable,
                labels=variable.labels,
                group_of=np.arange(variable.size, dtype=np.int32),
            )
            for position, variable in zip(self.positions, self.variables, strict=True)
        )

    def at(self, positions: tuple[int, ...]) -> "ZoneKinds":
        """The same, told by variables at other positions."""
        return replace(self, positions=positions)

    def among(self, around: CellIndex, n: int) -> tuple[tuple[Axis, CellIndex], ...]:
        """Attributes that all zones of each larger area share, each with the category of these areas.

        Args:
            around: (zones,) the area of each.
            n: areas.
        """
        found = []
        for axis, codes in zip(self.axes, self.codes, strict=True):
            of_area = np.zeros(n, np.int64)
            of_area[around] = codes
            if (of_area[around] == codes).all():
                found.append((axis, of_area))
        return tuple(found)
