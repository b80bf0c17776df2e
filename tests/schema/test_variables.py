import time
from datetime import date
from decimal import Decimal

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from synthor import InputError
from synthor.schema import Variable
from synthor.spec.variables import Boolean, Category, Integer, Number
from synthor.values import Shape, shape

PERSONS = Integer(type="integer", min=1, max=12, bins=[1, 2, 6]).build("persons")
INCOME = Number(type="number", min=-5000, max=90000.5, bins=[-5000, 0, 15000], decimals=1).build("income")
TENURE = Category(type="category", values=["owned", "rented", "Other"]).build("tenure")
CAR = Boolean(type="boolean").build("car")


@st.composite
def integers(draw: st.DrawFn) -> Variable:
    widths = draw(st.lists(st.integers(1, 30), min_size=1, max_size=6))
    low = draw(st.integers(-60, 60))
    edges = np.cumsum([low, *widths]).tolist()
    return Integer(type="integer", min=low, max=edges[-1] - 1, bins=edges[:-1]).build("x")


@st.composite
def numbers(draw: st.DrawFn) -> Variable:
    decimals = draw(st.integers(0, 4))
    widths = draw(st.lists(st.integers(1, 10 ** draw(st.integers(0, 6))), min_size=1, max_size=6))
    low = draw(st.integers(-(10**6), 10**6))
    edges = [edge / 10**decimals for edge in np.cumsum([low, *widths]).tolist()]
    return Number(type="number", min=edges[0], max=edges[-1], bins=edges[:-1], decimals=decimals).build("x")


# --- Labels ---------------------------------------------------------------------------------------------------------------


def test_bins_are_named_after_their_edges() -> None:
    assert PERSONS.labels == ("1", "2-5", "6+")
    assert Integer(type="integer", min=15, max=30, bins=[15, 25, 30]).build("age").labels == ("15-24", "25-29", "30")
    assert Integer(type="integer", min=0, max=3).build("n").labels == ("0", "1", "2", "3")
    assert INCOME.labels == ("-5000 to 0", "0 to 15000", "15000 to 90000.5")


def test_large_edges_keep_all_their_digits() -> None:
    income = Number(type="number", min=0, max=3_000_000, bins=[0, 1_234_567, 1_234_568], decimals=0).build("income")
    assert income.labels == ("0 to 1234567", "1234567 to 1234568", "1234568 to 3000000")


def test_given_labels_replace_those_made() -> None:
    size = Integer(type="integer", min=1, max=9, bins=[1, 2], labels=["alone", "more"]).build("size")
    assert size.labels == ("alone", "more")
    assert size.encode(pl.Series(["more", "Alone ", "9", "2", "0"])).tolist() == [1, 0, 1, 1, -1]


def test_labels_may_be_written_as_numbers() -> None:
    assert Category.model_validate({"type": "category", "values": [1, 2, 1.5]}).values == ["1", "2", "1.5"]


@pytest.mark.slow
@given(st.one_of(integers(), numbers()))
def test_every_label_means_its_own_category(variable: Variable) -> None:
    assert [variable.code(f" {label.upper()} ") for label in variable.labels] == list(range(variable.size))
    assert variable.encode(pl.Series(variable.labels)).tolist() == list(range(variable.size))


# --- Declarations that make no sense --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"type": "category", "values": []}, "it is empty; give at least one"),
        ({"type": "category", "values": ["a", "A "]}, "cannot be told apart: A , a"),
        ({"type": "category", "values": ["a", " "]}, "a label is blank"),
        ({"type": "category", "values": [True]}, "a text is expected, 'True' was found; put it in quotes"),
        ({"type": "boolean", "values": ["a"]}, "unknown key 'values'; known: about, missing, type"),
        ({"type": "integer", "min": 3, "max": 1}, "min 3 is larger than max 1"),
        ({"type": "integer", "min": 0, "max": 100}, "101 values need bins"),
        ({"type": "integer", "min": 0, "max": 9, "bins": []}, "it is empty; give at least one"),
        ({"type": "integer", "min": 0, "max": 9, "bins": [1]}, r"must start at min \(0\), it starts at 1"),
        ({"type": "integer", "min": 0, "max": 9, "bins": [0, 5, 5]}, "rising order"),
        ({"type": "integer", "min": 0, "max": 9, "bins": [0, 10]}, r"starts at 10, above max \(9\)"),
        ({"type": "integer", "min": 0, "max": 9, "bins": [0, 2.5]}, "integer"),
        ({"type": "integer", "min": 0, "max": 9, "bins": [0, 5], "labels": ["a"]}, "1 labels for 2 bins"),
        ({"type": "integer", "min": 0, "max": 9, "bins": [0, 5], "labels": ["a", "A"]}, "told apart"),
        ({"type": "integer", "min": 0, "max": 10**400, "bins": [0]}, "15 digits"),
        ({"type": "number", "min": 0, "max": 1e300, "bins": [0]}, "15 digits"),
        ({"type": "number", "min": 0, "max": float("inf"), "bins": [0]}, "finite"),
        ({"type": "number", "min": 0, "max": 1, "bins": [0, 0.125]}, "0.125 has more than 2 decimals"),
        ({"type": "number", "min": 0.5, "max": 9, "bins": [0.5], "decimals": 0}, "0.5 has more than 0 decimals"),
        ({"type": "number", "min": 0, "max": 1, "bins": [0, 1234567.5]}, "starts at 1234567.5, above max"),
        ({"type": "number", "min": 0, "max": 1}, "'bins' is missing"),
    ],
)
def test_a_declaration_that_makes_no_sense_says_why(declared: dict[str, object], message: str) -> None:
    kinds: dict[str, type[BaseModel]] = {"category": Category, "boolean": Boolean, "integer": Integer, "number": Number}
    with pytest.raises(InputError, match=message):
        kinds[str(declared["type"])].model_validate(declared)


# --- Values to categories -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("variable", "column", "codes"),
    [
        (PERSONS, pl.Series([1, 2, 5, 6, 12, 0, 13, None]), [0, 1, 1, 2, 2, -1, -1, -1]),
        (PERSONS, pl.Series([1, 255], dtype=pl.UInt8), [0, -1]),
        (PERSONS, pl.Series([1.0, 5.0, 1.5, float("nan"), float("inf"), None]), [0, 1, -1, -1, -1, -1]),
        (PERSONS, pl.Series(["1", "3", "2-5", "6+", " 6+ ", "7.0", "1.5", "x", "", None]), [0, 1, 1, 2, 2, 2, -1, -1, -1, -1]),
        (PERSONS, pl.Series([Decimal("6"), None]), [2, -1]),
        (PERSONS, pl.Series([], dtype=pl.Int64), []),
        (
            INCOME,
            pl.Series([-5000, -0.1, -0.05, 0, 14999.99, 90000.5, 90000.6, -5000.1], dtype=pl.Float64),
            [0, 0, 0, 1, 1, 2, -1, -1],
        ),
        (INCOME, pl.Series(["-5000 to 0", "12", "1e4", "nan"]), [0, 1, 1, -1]),
        (TENURE, pl.Series(["owned", "RENTED ", "other", "rent", None]), [0, 1, 2, -1, -1]),
        (TENURE, pl.Series(["rented", None, "owned"], dtype=pl.Enum(["rented", "owned", "third"])), [1, -1, 0]),
        (TENURE, pl.Series(["rented", None, "else"], dtype=pl.Categorical), [1, -1, -1]),
        (TENURE, pl.Series([None, None], dtype=pl.Null), [-1, -1]),
        (TENURE, pl.Series([], dtype=pl.String), []),
        (TENURE, pl.Series([date(2020, 1, 1)]), [-1]),
        (CAR, pl.Series([True, False, None]), [1, 0, -1]),
        (CAR, pl.Series(["yes", "No", "TRUE", "f", "1", "maybe", None]), [1, 0, 1, 0, 1, -1, -1]),
        (CAR, pl.Series([1, 0, 2, None]), [1, 0, -1, -1]),
        (CAR, pl.Series([1.0, 0.0, None]), [1, 0, -1]),
    ],
)
def test_a_column_is_encoded_whatever_its_type(variable: Variable, column: pl.Series, codes: list[int]) -> None:
    assert variable.encode(column).tolist() == codes


def test_numbers_may_stand_for_category_labels() -> None:
    zone = Category(type="category", values=["1", "2"]).build("zone")
    assert zone.encode(pl.Series([2, 1, 3])).tolist() == [1, 0, -1]
    assert zone.encode(pl.Series([2.0, 1.5, None])).tolist() == [1, -1, -1]


@pytest.mark.slow
@given(st.one_of(integers(), numbers()), st.floats(allow_nan=True, allow_infinity=True))
def test_a_value_is_inside_exactly_when_it_is_in_the_range(variable: Variable, value: float) -> None:
    (code,) = variable.codes_of_numbers(np.array([value])).tolist()
    inside = variable.low[0] <= value <= variable.high[-1] and (not variable.kind.whole or value == int(value))
    assert (code >= 0) == inside
    if inside:
        assert variable.low[code] <= value
        assert code == variable.size - 1 or value < variable.low[code + 1]


# --- Categories to values and back ----------------------------------------------------------------------------------------


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.one_of(integers(), numbers()), st.integers(0, 2**32), st.data())
def test_every_value_drawn_is_in_the_category_it_was_drawn_for(variable: Variable, seed: int, data: st.DataObject) -> None:
    weights = data.draw(st.lists(st.integers(0, 10**6), min_size=variable.size, max_size=variable.size).filter(sum))
    drawn_from = shape(variable, np.array(weights) / sum(weights))
    codes = np.repeat(np.arange(variable.size, dtype=np.int32), 40)
    values = drawn_from.draw(codes, np.random.default_rng(seed))
    assert variable.encode(values).tolist() == codes.tolist()
    assert variable.encode(values.cast(pl.String)).tolist() == codes.tolist()
    assert [round(value, variable.decimals) for value in values] == values.to_list()
    assert values.dtype == (pl.Int64 if variable.kind.whole else pl.Float64)


@pytest.mark.slow
@given(st.one_of(integers(), numbers()))
def test_the_ends_of_a_bin_are_drawn_too(variable: Variable) -> None:
    even = Shape(variable=variable, decay=np.zeros(variable.size))
    codes = np.arange(variable.size, dtype=np.int32)
    assert even.at(codes, np.zeros(variable.size)).to_list() == variable.low.tolist()
    assert even.at(codes, np.full(variable.size, 1 - 1e-9)).to_list() == variable.high.tolist()


def test_categories_and_booleans_come_back_as_they_are() -> None:
    random = np.random.default_rng(0)
    tenure = shape(TENURE, np.full(3, 1 / 3)).draw(np.array([2, 0, 1], np.int32), random)
    assert tenure.to_list() == ["Other", "owned", "rented"]
    assert tenure.dtype == pl.Enum(TENURE.labels)
    assert TENURE.encode(tenure).tolist() == [2, 0, 1]
    car = shape(CAR, np.array([0.5, 0.5])).draw(np.array([1, 0], np.int32), random)
    assert car.to_list() == [True, False]


def test_thousands_of_labels_are_looked_up_without_trying_them_one_by_one() -> None:
    zones = Integer(type="integer", min=0, max=2_999, bins=[float(zone) for zone in range(3_000)]).build("zone")
    begin = time.process_time()
    assert [zones.code(f" {zone}.0 ") for zone in range(3_000)] == list(range(3_000))
    assert [zones.code(label) for label in zones.labels] == list(range(3_000))
    assert time.process_time() - begin < 0.5  # one by one it takes seconds
