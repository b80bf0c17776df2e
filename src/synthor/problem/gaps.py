"""What the labels of a side leave out of its variable."""

import numpy as np

from synthor.problem.grid import Axis, Universe
from synthor.problem.reader import Reader
from synthor.rules.on_categories import truth
from synthor.spec.tables.labels import span
from synthor.types import Mask

SHOWN = 3
"""Gaps between bands that a warning names."""


def left_out(reader: Reader, axis: Axis, universe: Universe | None) -> str:
    """Categories of a side that no label has though the table's records may be in them, as a warning names them."""
    gaps = np.flatnonzero(records_may_have(reader, axis, universe) & (axis.group_of < 0))
    if axis.variable.name in (reader.written.groups or {}):  # may well speak of a part, but hardly of one with a hole
        counted = np.flatnonzero(axis.group_of >= 0)
        gaps = gaps[(gaps > counted.min()) & (gaps < counted.max())] if axis.variable.kind.ordered else gaps[:0]
    return ", ".join(axis.variable.labels[gap] for gap in gaps[:SHOWN]) + (", ..." if len(gaps) > SHOWN else "")


def of_numbers_alone(axis: Axis) -> str:
    """What to do about gaps where labels are numbers written alone, which may be meant to begin bins; else nothing."""
    if axis.variable.kind.whole or not any((one := span(label)) is not None and one.single for label in axis.labels):
        return ""
    return "; a number alone is that value, unless such labels begin all bins: write bands (0-4.9) where they are meant"


def records_may_have(reader: Reader, axis: Axis, universe: Universe | None) -> Mask:
    """Which categories of a side the records of the table may have."""
    if universe is None:
        return np.ones(axis.variable.size, bool)
    name, size = axis.variable.name, axis.variable.size
    variables = {**{variable.name: variable for variable in reader.level.variables}, name: axis.variable}
    return truth(universe.predicate, {name: np.arange(size, dtype=np.int32)}, variables, size).may
