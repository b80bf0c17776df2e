"""Units with members: which of them are alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthor.schema import Rows, Units

LOOKED_AT = {0: [1], 1: [0], 2: [0, 1]}


@st.composite
def three_levels(draw: st.DrawFn) -> Units:
    """Units with members that have members, few categories each, so that many are alike."""
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    n = draw(st.integers(1, 30))
    tables = [Rows(codes=random.integers(0, 2, (n, 2)).astype(np.int32))]
    for level in (1, 2):
        above = len(tables[-1].codes)
        parent = np.repeat(np.arange(above), random.integers(0, 3, above))
        codes = random.integers(0, 2, (len(parent), 2)).astype(np.int32)
        tables.append(Rows(codes=codes, parent=parent, above=level - 1))
    return Units(row_tables=tuple(tables))


def told(units: Units, unit: int) -> tuple[object, ...]:
    """All that is looked at of one unit, row by row, each below the row that it belongs to."""
    own, persons, trips = units.row_tables
    assert persons.parent is not None
    assert trips.parent is not None
    below = [
        (persons.codes[row, 0], [trips.codes[trip].tolist() for trip in np.flatnonzero(trips.parent == row)])
        for row in np.flatnonzero(persons.parent == unit)
    ]
    return own.codes[unit, 1], below


@pytest.mark.slow
@given(three_levels())
def test_units_are_alike_where_all_that_is_looked_at_is(units: Units) -> None:
    first, kind = units.alike(LOOKED_AT)
    assert kind[first].tolist() == list(range(len(first)))
    for one in range(len(units)):
        for other in range(len(units)):
            assert (kind[one] == kind[other]) == (told(units, one) == told(units, other))
