"""Units under repair: changed copies are added one batch after the other, and the last ones can be taken back."""

from collections.abc import Sequence

import numpy as np

from synthor.schema.ref import Ref
from synthor.schema.units import Units
from synthor.types import CellIndex, Codes


class Growing:
    """Units' own columns, to which more are added without all being copied each time.

    >>> growing = Growing(Units.flat(np.array([[0, 1], [2, 3]], np.int32)))
    >>> growing.add(growing.changed(np.array([1]), [0], np.array([[7]])))
    >>> growing.units(np.array([2])).columns()
    [array([7], dtype=int32), array([3], dtype=int32)]
    """

    def __init__(self, units: Units) -> None:
        self._held: Codes = units.row_tables[0].codes
        self._n = len(units)

    def __len__(self) -> int:
        return self._n

    def column(self, ref: Ref, rows: CellIndex | slice) -> Codes:
        """What some of the units have in a column of their own."""
        found: Codes = self._held[: self._n][rows, ref.column]
        return found

    def of(self, rows: CellIndex, columns: Sequence[int]) -> Codes:
        """Some columns of some units, (m, columns)."""
        found: Codes = self._held[rows[:, None], np.asarray(columns, np.intp)]
        return found

    def units(self, rows: CellIndex) -> Units:
        """Some of the units, without members."""
        return Units.flat(self._held[: self._n][rows])

    def changed(self, rows: CellIndex, columns: Sequence[int], codes: Codes) -> Units:
        """Some of the units, some of their columns as given, (m, columns)."""
        found: Codes = self._held[: self._n][rows]
        found[:, list(columns)] = codes
        return Units.flat(found)

    def add(self, units: Units) -> None:
        """Put more after them."""
        codes = units.row_tables[0].codes
        n = self._n + len(codes)
        if n > len(self._held):
            wider = np.empty((n + n // 4, codes.shape[1]), codes.dtype)
            wider[: self._n] = self._held[: self._n]
            self._held = wider
        self._held[self._n : n] = codes
        self._n = n

    def cut(self, n: int) -> None:
        """Take back all but the first."""
        self._n = n
