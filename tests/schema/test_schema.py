"""Units with their rows: who sees what, who belongs to whom, and what is counted."""

import ast
import re
from dataclasses import replace
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from synthor.schema import (
    Below,
    Growing,
    Incidence,
    Level,
    Partition,
    Ref,
    Role,
    Rows,
    Schema,
    Units,
    Variable,
    of_below,
    of_unit,
)
from synthor.schema.kinds import CATEGORY
from synthor.spec.variables import Integer

SOURCE = Path(__file__).parents[2] / "src" / "synthor"


def day() -> Units:
    """Two households; persons 0, 1 of the first and 2 of the second; their trips."""
    return Units(
        row_tables=(
            Rows(codes=np.array([[7, 1], [8, 2]], np.int32)),
            Rows(codes=np.array([[0, 40], [1, 30], [0, 70]], np.int32), parent=np.array([0, 0, 1])),
            Rows(codes=np.array([[1], [2], [3], [4]], np.int32), parent=np.array([0, 0, 1, 2]), above=1),
        )
    )


AGE, TRIP = Ref(1, 1), Ref(2, 0)
HEAD = Ref(1, 1, role=Role(column=0, code=0))
PARTNER = Ref(1, 1, role=Role(column=0, code=1))


def test_rows_see_their_own_columns_and_those_above_them() -> None:
    units = day()
    assert units.column(of_unit(0)).tolist() == [7, 8]
    assert units.column(of_unit(0), at=1).tolist() == [7, 7, 8]
    assert units.column(of_unit(1), at=2).tolist() == [1, 1, 1, 2]
    assert units.column(AGE, at=2).tolist() == [40, 40, 30, 70]
    assert [units.n_rows(level) for level in range(3)] == [2, 3, 4]
    with pytest.raises(ValueError, match="level 2 is not above"):
        units.column(TRIP, at=0)


def test_a_member_is_seen_by_its_role_from_anywhere_in_its_unit() -> None:
    units = day()
    assert units.column(HEAD, at=0).tolist() == [40, 70]
    assert units.column(PARTNER, at=0).tolist() == [30, -1]  # the second has none
    assert units.column(PARTNER, at=1).tolist() == [30, 30, -1]
    assert units.column(HEAD, at=2).tolist() == [40, 40, 40, 70]


def test_what_rows_below_come_to_is_seen_from_above_and_from_the_rows_themselves() -> None:
    units = day()
    marks = np.array([0, 0, 1, 3, 2], np.uint16).tobytes()  # trips of 0 and 1 count nothing, of 2 one
    most = Below(level=2, columns=(TRIP,), sizes=(5,), marks=marks, added=False, codes=(9, 5, 6, 7))
    assert units.column(of_below(0, most)).tolist() == [7, 6]
    assert units.column(of_below(1, most)).tolist() == [5, 7, 6]
    assert units.column(of_below(1, most), at=2).tolist() == [5, 5, 7, 6]
    summed = replace(most, added=True, codes=(0, 1, 2, 3))
    assert units.column(of_below(0, summed), at=1).tolist() == [3, 3, 2]  # 1 and 3 are more than the last one
    both = replace(most, columns=(Ref(1, 0), TRIP), sizes=(2, 5), marks=marks + bytes(10))  # of one person's alone
    assert units.column(of_below(1, both)).tolist() == [5, 9, 6]
    nobody = units.take(np.array([1])).without_rows(2, np.array([0]))
    assert nobody.column(of_below(0, most)).tolist() == [9]
    assert not of_below(0, most).plain
    assert of_below(0, both).decided_by == (Ref(1, 0), TRIP)


def test_the_next_row_is_one_of_the_same_parent() -> None:
    units = day()
    assert units.column(Ref(2, 0, step=1)).tolist() == [2, -1, -1, -1]
    assert units.column(Ref(2, 0, step=-1)).tolist() == [-1, 1, -1, -1]


def test_rows_of_any_level_are_counted_up_to_units() -> None:
    units = day()
    assert isinstance(units.counted(0, np.array([0, 2]), 2), Partition)
    trips = units.counted(2, np.array([0, 1, 1, 2]), 2)
    assert isinstance(trips, Incidence)
    assert trips.matrix().toarray().tolist() == [[1, 2], [0, 0]]  # an index of the table's size counts nowhere


def flattened(units: Units) -> list[object]:
    """Each unit with all its rows, as one nested value."""
    trips: list[list[int]] = [[] for _ in range(units.n_rows(1))]
    for parent, code in zip(units.row_tables[2].parent, units.column(TRIP), strict=True):  # type: ignore[arg-type]
        trips[parent].append(int(code))
    persons: list[list[object]] = [[] for _ in range(len(units))]
    for parent, age, own in zip(units.row_tables[1].parent, units.column(AGE), trips, strict=True):  # type: ignore[arg-type]
        persons[parent].append((int(age), own))
    return list(zip(units.column(of_unit(0)).tolist(), persons, strict=True))


@st.composite
def populations(draw: st.DrawFn) -> Units:
    """Households with any number of persons, each with any number of trips."""
    n = draw(st.integers(1, 6))
    persons = np.repeat(np.arange(n), draw(st.lists(st.integers(0, 3), min_size=n, max_size=n)))
    sizes = draw(st.lists(st.integers(0, 3), min_size=len(persons), max_size=len(persons)))
    trips = np.repeat(np.arange(len(persons)), np.array(sizes, np.int64))
    return Units(
        row_tables=(
            Rows(codes=np.arange(2 * n, dtype=np.int32).reshape(n, 2)),
            Rows(codes=np.arange(2 * len(persons), dtype=np.int32).reshape(-1, 2), parent=persons),
            Rows(codes=np.arange(len(trips), dtype=np.int32)[:, None], parent=trips, above=1),
        )
    )


@given(units=populations(), data=st.data())
@settings(max_examples=100, deadline=None)
def test_picked_and_joined_units_keep_all_their_rows(units: Units, data: st.DataObject) -> None:
    each = flattened(units)
    picks = data.draw(st.lists(st.integers(0, len(units) - 1), max_size=8))
    taken = units.take(np.array(picks, np.int64))
    assert flattened(taken) == [each[pick] for pick in picks]
    assert flattened(units.joined(taken, units)) == each + [each[pick] for pick in picks] + each
    kept = np.array([pick % 2 == 0 for pick in range(len(units))])
    assert flattened(units.where(kept)) == each[::2]


@given(units=populations())
@settings(max_examples=50, deadline=None)
def test_pools_that_differ_anywhere_are_told_apart(units: Units) -> None:
    assert units.take(np.arange(len(units))).sha256 == units.sha256
    if units.n_rows(2):
        other = units.replace(TRIP, np.array([0]), units.column(TRIP)[:1] + 1)
        assert other.sha256 != units.sha256
        assert units.column(TRIP)[0] == 0  # the first one stays as it was


def test_changed_copies_can_be_taken_back() -> None:
    growing = Growing(day())
    growing.add(growing.changed(np.array([0, 1]), [1], np.array([[5], [6]])))
    assert growing.column(of_unit(1), slice(None)).tolist() == [1, 2, 5, 6]
    assert growing.of(np.array([2]), [0, 1]).tolist() == [[7, 5]]
    growing.cut(3)
    assert len(growing) == 3 and growing.units(np.array([2])).column(of_unit(1)).tolist() == [5]


def sliced_schema() -> Schema:
    from synthor.schema.bins import sliced

    age = Integer(type="integer", min=0, max=9, bins=[0, 5]).build("age")
    finer = sliced(age, [3])
    assert finer is not None
    kind = Variable(name="kind", kind=CATEGORY, labels=("a", "b"), low=np.arange(2.0), high=np.arange(2.0))
    home = Level(name="household", variables=(kind,))
    person = Level(name="person", variables=(age, kind), parent="household", slices={0: finer}, bands={0: finer})
    return Schema(levels=(home, person))


def test_levels_know_the_way_to_the_unit_and_their_finest_bins() -> None:
    schema = sliced_schema()
    assert (schema.index("person"), schema.above(1), schema.path(1)) == (1, 0, (0, 1))
    assert schema.ref(0, level=1) == Ref(1, 2)
    assert schema.variable(Ref(1, 2)).labels == ("0-2", "3-4", "5+")
    fine = Units(
        row_tables=(
            Rows(codes=np.array([[1]], np.int32)),
            Rows(codes=np.array([[0, 0], [1, 1], [2, 0]], np.int32), parent=np.zeros(3, np.int64)),
        )
    )
    whole = schema.coarsen(fine)
    assert whole.column(Ref(1, 0)).tolist() == [0, 0, 1]  # declared bins, from their slices
    assert whole.column(schema.ref(0, level=1)).tolist() == [0, 1, 2]
    assert schema.refine(whole).sha256 == fine.sha256


def reaches_into_rows(text: str) -> list[str]:
    """Expressions that reach into the tables of rows, or pick a level by its number."""
    if not re.search(r"row_tables|levels\s*\[", text):
        return []  # who names neither reaches for neither
    found = []
    for node in ast.walk(ast.parse(text)):
        reaches = isinstance(node, ast.Attribute) and node.attr == "row_tables"
        picks = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Attribute) and node.value.attr == "levels"
        known = isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant)
        found += [ast.unparse(node)] if reaches or (picks and known) else []
    return found


def test_only_the_schema_knows_how_rows_are_laid_out() -> None:
    outside = [module for module in SOURCE.rglob("*.py") if module.relative_to(SOURCE).parts[0] != "schema"]
    found = {str(module.relative_to(SOURCE)): reaches_into_rows(module.read_text(encoding="utf-8")) for module in outside}
    assert {name: expressions for name, expressions in found.items() if expressions} == {}
    assert reaches_into_rows("a = units.row_tables\nb = schema.levels[0]\nc = schema.levels[k]") == [
        "units.row_tables",
        "schema.levels[0]",
    ]
