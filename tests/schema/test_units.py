"""Units with members: which of them are alike."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthor.schema import OneOfTwo, Ref, Role, Rows, Units

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


@st.composite
def homes(draw: st.DrawFn) -> Units:
    """Units with members of three roles, one or none of the first two each, in any order, and three categories."""
    random = np.random.default_rng(draw(st.integers(0, 2**20)))
    rows = []
    for home in range(draw(st.integers(1, 12))):
        roles = [role for role in (0, 1, 2, 2) if random.random() < 0.7]
        rows += [(home, role, int(random.integers(3))) for role in random.permutation(np.array(roles, np.int64))]
    parent, role, category = np.array(rows, np.int64).reshape(-1, 3).T
    members = Rows(codes=np.stack([role, category], axis=1).astype(np.int32), parent=parent)
    return Units(row_tables=(Rows(codes=np.zeros((home + 1, 1), np.int32)), members))


@pytest.mark.slow
@given(homes(), st.integers(0, 2))
def test_one_of_two_is_seen_where_it_alone_has_the_category(units: Units, category: int) -> None:
    members = units.row_tables[1]
    assert members.parent is not None
    expected = []
    for home in range(len(units)):
        there = [row for row in range(units.n_rows(1)) if members.parent[row] == home and members.codes[row, 0] < 2]
        those = [row for row in there if members.codes[row, 1] == category]
        expected.append(those[0] if len(there) == 2 and len(those) == 1 else -1)
    for roles in ((Role(0, 0), Role(0, 1)), (Role(0, 1), Role(0, 0))):
        ref = Ref(1, 0, of_two=OneOfTwo(roles=roles, category=Role(1, category)))
        assert units.seen(ref, 0).tolist() == expected
        assert units.column(ref, 0).tolist() == [-1 if row < 0 else members.codes[row, 0] for row in expected]
        assert units.column(ref, 1).tolist() == units.column(ref, 0)[members.parent].tolist()  # all of the unit see the same
