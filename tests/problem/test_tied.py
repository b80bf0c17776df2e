"""Rules that tie numbers of many rows to each other: what they leave, and values that keep them, however many they are."""

import numpy as np
import polars as pl

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import fit
from synthor.fit.status import Status
from synthor.measure import measure
from synthor.problem import Problem
from synthor.problem.tied import Tied
from synthor.sample.stream import sample
from synthor.schema import Rows, Units
from synthor.values import Together, breaking, possible

ORDERS = """
unit: order
records: 100
variables:
  placed: {type: integer, min: 1, max: 365, bins: [1, 91, 182, 274]}
members:
  line:
    number: {min: 1, max: 40}
    variables:
      shipped: {type: integer, min: 1, max: 400, bins: [1, 91, 182, 274, 366]}
      price: {type: number, min: 0, max: 1000, decimals: 2, bins: [0, 100]}
targets:
  - {rows: line, count: 2000}
rules:
  - {never: "shipped < placed"}
  - {never: "shipped > placed + 30"}
"""

TRIPS = """
unit: person
records: 10
variables: {kind: {type: category, values: [worker, student]}}
members:
  trip:
    number: {min: 1, max: 30}
    ordered: true
    variables:
      departs: {type: integer, min: 0, max: 1439, bins: [0]}
      arrives: {type: integer, min: 0, max: 1439, bins: [0]}
rules:
  - {never: "arrives <= departs"}
  - {never: "next(trip).departs < arrives + 10"}
"""

CLASSES = """
unit: school
records: 8
variables: {kind: {type: category, values: [primary, secondary]}}
members:
  class:
    number: {min: 1, max: 4}
    variables:
      grade: {type: integer, min: 1, max: 12, bins: [1, 4, 7, 10]}
    members:
      pupil:
        number: {min: 10, max: 28}
        variables:
          age: {type: integer, min: 6, max: 19}
targets:
  - {counts: {grade: {"1-3": 4, "4-6": 5, "7-9": 6, "10-12": 5}}}
  - {rows: pupil, count: 400}
rules:
  - {never: "age < grade + 5"}
  - {never: "age > grade + 7"}
"""


def order_of(*lines: tuple[int, int]) -> Units:
    """One order of the first quarter, and bins of its lines."""
    rows = np.array(lines, np.int32)
    return Units(row_tables=(Rows(codes=np.zeros((1, 1), np.int32)), Rows(codes=rows, parent=np.zeros(len(rows), np.int64))))


def orders(*more: str) -> Problem:
    return compile_problem(parse_spec(ORDERS + "".join(f'  - {{never: "{rule}"}}\n' for rule in more))).refined


def day_of(trips: int) -> Units:
    rows = Rows(codes=np.zeros((trips, 2), np.int32), parent=np.zeros(trips, np.int64))
    return Units(row_tables=(Rows(codes=np.zeros((1, 1), np.int32)), rows))


def test_forty_lines_find_a_day_from_which_all_of_them_are_right() -> None:
    """Shipped in this quarter or in the next: the order was placed in the last thirty days of its own."""
    problem = orders()
    assert possible(problem, order_of(*[(0, 0), (1, 1)] * 20)).tolist() == [True]
    assert possible(problem, order_of(*[(0, 0)] * 39, (2, 0))).tolist() == [False]  # and none two quarters later


def test_values_are_spread_over_what_rules_leave() -> None:
    problem, units = orders(), order_of(*[(0, 0), (1, 1)] * 20).repeated(50)
    values = Together(problem, units).values(np.arange(50))
    found = Tied.of(problem, units).placed(values)
    assert not breaking(problem, units, found).any()
    days = found["order"]["placed"].to_numpy()
    assert 61 <= days.min() <= 66 and 85 <= days.max() <= 90
    waited = found["line"]["shipped"].to_numpy() - np.repeat(days, 40)
    assert np.unique(waited).tolist() == list(range(31))
    assert found["line"]["price"].equals(values["line"]["price"])


def test_a_value_that_is_known_bounds_the_others() -> None:
    problem, units = orders(), order_of((0, 0), (1, 0)).repeated(3)
    tied = Tied.of(problem, units, {0: np.array([60.0, 61.0, 90.0])})
    assert tied.empty.tolist() == [True, False, False]
    values = Together(problem, units, pl.DataFrame({"placed": [60, 61, 90]})).values(np.arange(3))
    shipped = tied.placed(values)["line"]["shipped"].to_list()
    assert 61 <= shipped[2] <= 90 and shipped[3] == 91


def test_sums_beside_such_rules_are_kept_too() -> None:
    problem = orders("sum(line.price) > 3000")
    assert possible(problem, order_of(*[(0, 0), (1, 1)] * 10)).tolist() == [True]
    assert possible(problem, order_of(*[(0, 1), (1, 1)] * 20)).tolist() == [False]  # forty of 100 or more


def test_thirty_trips_in_a_row_find_times() -> None:
    problem = compile_problem(parse_spec(TRIPS)).refined
    day = day_of(30)
    assert possible(problem, day).tolist() == [True]
    made = Tied.of(problem, day).placed(Together(problem, day).values(np.zeros(1, np.int64)))["trip"]
    assert (made["arrives"] > made["departs"]).all()
    assert (made["departs"][1:] >= made["arrives"][:-1] + 10).all()


def test_rules_that_run_in_a_circle_leave_nothing() -> None:
    text = TRIPS + '  - {never: "next(trip).departs > departs"}\n'
    problem = compile_problem(parse_spec(text)).refined
    assert possible(problem, day_of(1)).tolist() == [True]
    assert possible(problem, day_of(12)).tolist() == [False]


def test_large_classes_agree_on_their_grade() -> None:
    """Twenty pupils of three years: the grade, which tables tell in bins of three, is drawn before their ages."""
    problem = compile_problem(parse_spec(CLASSES))
    model = fit(problem, Prior(), pool_size=300)
    assert model.acceptance > 0.9
    records = sample(model).chunk(0)
    assert measure(problem, [records]).met
    apart = records["pupil"].join(records["class"], on="class_id").select(pl.col("age") - pl.col("grade"))["age"].to_list()
    assert set(apart) == {5, 6, 7}


def test_bins_are_cut_only_where_rows_below_must_agree() -> None:
    def grades(text: str) -> int:
        (grade,) = compile_problem(parse_spec(text)).refined.schema.levels[1].variables
        return grade.size

    assert grades(CLASSES) == 12
    assert grades(CLASSES.replace('  - {never: "age > grade + 7"}\n', "")) == 4
    assert grades(CLASSES.replace("grade + 7", "grade + 14")) == 4  # those of all ages may be together


def test_own_rules_of_units_hold_where_members_move_their_numbers() -> None:
    """An order is placed anew for its lines, and still not before it was begun."""
    text = ORDERS.replace("members:", "  begun: {type: integer, min: 1, max: 365, bins: [1, 91, 182, 274]}\nmembers:")
    problem = compile_problem(parse_spec(text + '  - {never: "placed < begun"}\n  - {never: "placed > begun + 60"}\n'))
    records = sample(fit(problem, Prior(), pool_size=300)).chunk(0)
    assert measure(problem, [records]).met
    assert (records["order"]["placed"] - records["order"]["begun"]).is_between(0, 60).all()


def test_units_that_no_placed_values_suit_are_tried_by_chance() -> None:
    """What trips cost is bounded by their length, and what all lengths come to is rounded: not every placed try is right."""
    spec = """
    unit: person
    records: 30
    variables: {day: {from: sum(trip.km), bins: [0, 20, 60], decimals: 1, min: 0, max: 400}}
    members:
      trip:
        number: {min: 0, max: 8}
        variables:
          km: {type: number, min: 0.5, max: 50, decimals: 1, bins: [0.5, 5, 15]}
          cost: {type: number, min: -3.25, max: 40, decimals: 2, bins: [-3.25, 0, 10]}
    targets: [{rows: trip, count: 90}]
    rules: [{never: cost > km * 0.8}]
    """
    assert fit(compile_problem(parse_spec(spec)), Prior(), pool_size=400).status is Status.CONVERGED
