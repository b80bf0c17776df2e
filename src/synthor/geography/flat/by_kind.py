"""Zones that take units of their own kind alone, and the signatures of that kind: nobody else ever comes there."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np

from synthor.problem.zones import ZoneTable
from synthor.types import CellIndex


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ByKind:
    """What zones and signatures are of which kind.

    Attributes:
        of_zones: (zones,) kind of each.
        of_signatures: (signatures,) kind of each, as zones see them.
    """

    of_zones: CellIndex
    of_signatures: CellIndex

    @classmethod
    def of(cls, tables: Sequence[ZoneTable], cells: Sequence[CellIndex], n_zones: int, n_signatures: int) -> Self:
        """Those that tables of zones tell: where a strict one lets somebody be; one kind where none does.

        Args:
            tables: of areas.
            cells: of each the cell of each signature of its level.
            n_zones: how many there are.
            n_signatures: how many zones see.
        """
        for table, own in zip(tables, cells, strict=True):
            if table.strict:
                return cls(of_zones=(table.high > 0).argmax(axis=1), of_signatures=own)
        return cls(of_zones=np.zeros(n_zones, np.int64), of_signatures=np.zeros(n_signatures, np.int64))

    @property
    def one(self) -> bool:
        """Whether all zones are of one kind, as all signatures are."""
        return not self.of_zones.any() and not self.of_signatures.any()

    def __iter__(self) -> Iterator[tuple[CellIndex, CellIndex]]:
        """The zones of each kind that has signatures, and these."""
        for kind in np.unique(self.of_zones):
            columns = np.flatnonzero(self.of_signatures == kind)
            if len(columns):
                yield np.flatnonzero(self.of_zones == kind), columns
