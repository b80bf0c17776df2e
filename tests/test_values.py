import itertools

import numpy as np
import polars as pl
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from synthor import compile_problem, parse_spec
from synthor.problem import Problem, forbids_all
from synthor.rules.on_values import holds
from synthor.rules.parse import parse_predicate
from synthor.schema import Units, Variable
from synthor.spec.variables import Integer, Number
from synthor.types import Codes, Floats, Mask
from synthor.values import Shape, possible, settle, shape

HOMES = """
records: 10
variables:
  head_age: {type: integer, min: 15, max: 95, bins: [15, 25, 65]}
  children: {type: boolean}
  persons: {type: integer, min: 1, max: 9, bins: [1, 2, 4]}
  workers: {type: integer, min: 0, max: 6, bins: [0, 1, 3]}
  income: {type: number, min: 0, max: 100, bins: [0, 10, 50]}
  row: {type: category, values: [detached, terraced]}
"""


def homes(*rules: str) -> Problem:
    listed = ", ".join(f'{{never: "{rule}"}}' for rule in rules)
    return compile_problem(parse_spec(f"{HOMES}rules: [{listed}]"))


def forbids_all_homes(rule: str) -> bool:
    """The compiler refuses such a rule."""
    variables = homes().variables
    return forbids_all(parse_predicate(rule, variables), variables)


def broken(problem: Problem, frame: pl.DataFrame) -> Mask:
    """Whether each record breaks some rule, each rule read by itself."""
    found = np.zeros(frame.height, dtype=bool)
    for rule in problem.rules:
        found |= holds(rule.predicate, frame, problem.variables)
    return found


def all_codes(problem: Problem) -> Codes:
    """Every combination of categories."""
    sizes = (range(variable.size) for variable in problem.schema.unit.variables)
    return np.array(list(itertools.product(*sizes)), np.int32)


def even(problem: Problem) -> tuple[Shape, ...]:
    return tuple(Shape(variable=variable, decay=np.zeros(variable.size)) for variable in problem.schema.unit.variables)


def encoded(problem: Problem, frame: pl.DataFrame) -> Codes:
    return np.stack([variable.encode(frame[variable.name]) for variable in problem.schema.unit.variables], axis=1)


def labels(problem: Problem, codes: Codes, *names: str) -> set[tuple[str, ...]]:
    """Labels of some variables that occur."""
    columns = [problem.schema.unit.position(name) for name in names]
    return {tuple(problem.variables[name].labels[row[c]] for name, c in zip(names, columns, strict=True)) for row in codes}


# --- Which combinations are possible ----------------------------------------------------------------------------------------


def test_a_rule_that_cuts_a_bin_leaves_the_rest_of_it() -> None:
    problem = homes("head_age < 18 and children", "head_age >= 90 and children")
    assert possible(problem, Units.flat(all_codes(problem))).all()


def test_a_rule_that_covers_a_bin_forbids_it() -> None:
    problem = homes("head_age < 30 and children")
    codes = all_codes(problem)
    allowed = labels(problem, codes[possible(problem, Units.flat(codes))], "head_age", "children")
    assert allowed == {("15-24", "no"), ("25-64", "no"), ("25-64", "yes"), ("65+", "no"), ("65+", "yes")}


def test_rules_that_leave_nothing_between_them_forbid_a_bin() -> None:
    problem = homes("head_age < 20 and children", "head_age between 20 and 30 and children")
    codes = all_codes(problem)
    forbidden = labels(problem, codes[~possible(problem, Units.flat(codes))], "head_age", "children")
    assert forbidden == {("15-24", "yes")}


def test_sums_of_variables_are_compared_value_by_value() -> None:
    problem = homes("workers > persons")
    codes = all_codes(problem)
    forbidden = labels(problem, codes[~possible(problem, Units.flat(codes))], "workers", "persons")
    assert forbidden == {("3+", "1")}


def test_a_single_value_in_a_wide_bin_is_found() -> None:
    problem = homes("income < 100", "persons * 20 > head_age - 1 and workers < 6")
    codes = all_codes(problem)
    allowed = possible(problem, Units.flat(codes))
    assert labels(problem, codes[allowed], "income") == {("50 to 100",)}
    settled, _ = settle(problem, even(problem), Units.flat(codes[allowed]), np.random.default_rng(0), tries=3)
    assert settled["income"].unique().to_list() == [100.0]


def test_without_rules_everything_is_possible() -> None:
    problem = homes("1 = 2")
    assert possible(problem, Units.flat(all_codes(problem))).all()


@pytest.mark.slow
def test_a_combination_is_possible_whatever_it_is_asked_with() -> None:
    problem = homes("income + head_age < 97.3 and persons > 2", "income > 60 and head_age < 93")
    codes = all_codes(problem)
    together = possible(problem, Units.flat(codes))
    assert together.tolist() == [bool(possible(problem, Units.flat(codes[i : i + 1]))[0]) for i in range(len(codes))]
    assert together.any()


TERMS = st.sampled_from(
    ["head_age", "persons", "workers", "persons + workers", "head_age - 10 * persons", "2 * workers - persons"]
)
CLAUSES = st.one_of(
    st.builds("{} {} {}".format, TERMS, st.sampled_from(["<", "<=", ">", ">=", "="]), st.integers(-20, 60) | TERMS),
    st.sampled_from(["children", "not children", "row = 'detached'"]),
)
RULES = st.lists(st.lists(CLAUSES, min_size=1, max_size=3).map(" and ".join), min_size=1, max_size=3)


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(RULES, st.integers(0, 3))
def test_what_is_possible_is_settled_without_breaking_a_rule(rules: list[str], tries: int) -> None:
    problem = homes(*(rule for rule in rules if not forbids_all_homes(rule)))
    codes = all_codes(problem)
    codes = codes[possible(problem, Units.flat(codes))]
    marginals = [np.linspace(1, 0.01, variable.size) for variable in problem.schema.unit.variables]
    shapes = tuple(shape(v, shares / shares.sum()) for v, shares in zip(problem.schema.unit.variables, marginals, strict=True))
    frame, n_broken = settle(problem, shapes, Units.flat(codes), np.random.default_rng(1), tries)
    assert n_broken == 0
    assert not broken(problem, frame).any()
    assert (encoded(problem, frame) == codes).all()


@pytest.mark.slow
@settings(max_examples=25, deadline=None)
@given(
    st.builds("{} {} {}".format, TERMS, st.sampled_from(["<", "<=", ">", ">="]), st.integers(-20, 60) | TERMS), st.booleans()
)
def test_for_one_comparison_what_is_possible_is_known_exactly(clause: str, only_with_children: bool) -> None:
    rule = f"{clause} and children" if only_with_children else clause
    assume(not forbids_all_homes(rule))
    problem = homes(rule)
    variables = [
        variable
        for variable in problem.schema.unit.variables
        if variable.name in ("head_age", "persons", "workers", "children")
    ]
    values = [range(int(variable.low[0]), int(variable.high[-1]) + 1) for variable in variables]
    everything = pl.DataFrame(list(itertools.product(*values)), schema=[v.name for v in variables], orient="row")
    everything = everything.with_columns(pl.col("children") == 1)
    kept = everything.filter(pl.Series(~holds(problem.rules[0].predicate, everything, problem.variables)))
    allowed = {tuple(row) for row in np.stack([v.encode(kept[v.name]) for v in variables], axis=1).tolist()}
    codes = all_codes(problem)
    found = codes[possible(problem, Units.flat(codes))][:, [problem.schema.unit.position(v.name) for v in variables]]
    assert {tuple(row) for row in found.tolist()} == allowed


# --- Settling ---------------------------------------------------------------------------------------------------------------


def test_settled_records_keep_rules_and_categories() -> None:
    problem = homes("head_age < 18 and children", "workers > persons", "income < 5 * workers")
    codes = all_codes(problem)
    codes = np.repeat(codes[possible(problem, Units.flat(codes))], 20, axis=0)
    frame, _ = settle(problem, even(problem), Units.flat(codes), np.random.default_rng(0), tries=50)
    assert (encoded(problem, frame) == codes).all()
    assert not broken(problem, frame).any()
    with_children = frame.filter(pl.col("children"))
    assert with_children["head_age"].min() == 18
    assert frame.filter(pl.col("workers") > pl.col("persons")).is_empty()
    assert frame.columns == ["head_age", "children", "persons", "workers", "income", "row"]


def test_only_records_that_break_a_rule_are_drawn_again() -> None:
    problem = homes("head_age < 18 and children")
    codes = np.repeat(np.array([[0, 1, 1, 1, 1, 0], [0, 0, 1, 1, 1, 1]], np.int32), 200, axis=0)
    untouched, _ = settle(problem, even(problem), Units.flat(codes), np.random.default_rng(5), tries=0)
    first, _ = settle(homes("1 = 2"), even(problem), Units.flat(codes), np.random.default_rng(5), tries=0)
    settled, _ = settle(problem, even(problem), Units.flat(codes), np.random.default_rng(5), tries=20)
    kept = ~broken(problem, first)
    assert 0 < kept.sum() < len(kept)
    assert settled.filter(pl.Series(kept)).equals(first.filter(pl.Series(kept)))
    assert not broken(problem, settled).any()
    assert not broken(problem, untouched).any()


def test_the_same_generator_gives_the_same_records() -> None:
    problem = homes("workers > persons")
    codes = all_codes(problem)
    codes = codes[possible(problem, Units.flat(codes))]
    one, two = (settle(problem, even(problem), Units.flat(codes), np.random.default_rng(9), tries=5)[0] for _ in range(2))
    assert one.equals(two)


def test_values_that_a_falling_tail_hardly_reaches_are_found_all_the_same() -> None:
    problem = homes("income < 99 and children", "head_age < 90 and children")
    codes = np.repeat(np.array([[2, 1, 0, 0, 2, 0]], np.int32), 500, axis=0)
    shapes = tuple(
        Shape(variable=variable, decay=np.where(np.arange(variable.size) == 2, 3.0, 0.0))
        for variable in problem.schema.unit.variables
    )
    for tries in (2, 200):
        frame, _ = settle(problem, shapes, Units.flat(codes), np.random.default_rng(0), tries)
        assert not broken(problem, frame).any()
        assert frame["income"].is_between(99, 100).all()
    assert frame["income"].n_unique() > 20


def test_what_is_impossible_stays_broken_and_is_seen() -> None:
    problem = homes("head_age < 30 and children")
    frame, n_broken = settle(
        problem, even(problem), Units.flat(np.array([[0, 1, 0, 0, 0, 0]], np.int32)), np.random.default_rng(0), tries=2
    )
    assert broken(problem, frame).tolist() == [True]
    assert n_broken == 1


# --- The shape of values inside a bin ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "variable",
    [
        Integer(type="integer", min=0, max=9, bins=[0, 6]).build("x"),
        Number(type="number", min=0, max=9, bins=[0, 6], decimals=0).build("x"),
        Number(type="number", min=0, max=0.9, bins=[0, 0.6], decimals=1).build("x"),
    ],
)
def test_inside_a_bin_every_value_is_as_likely(variable: Variable) -> None:
    # 6 values, 60,000 draws: each count has a standard deviation of 91; ten times that is a false alarm of about 1e-22.
    flat = Shape(variable=variable, decay=np.zeros(2))
    counts = flat.draw(np.zeros(60_000, np.int32), np.random.default_rng(0)).value_counts()["count"].to_list()
    assert len(counts) == 6
    assert max(abs(count - 10_000) for count in counts) < 910


@pytest.mark.slow
@given(st.floats(0.01, 0.99), st.integers(2, 50), st.integers(2, 400))
def test_a_thinner_end_bin_continues_the_density_of_its_neighbour(share: float, width: int, tail: int) -> None:
    assume(max(width, tail) < 20 * min(width, tail))  # beyond, its neighbour does not tell how far it reaches
    variable = Integer(type="integer", min=0, max=width + tail - 1, bins=[0, width]).build("x")
    density, mean = (1 - share) / width, share / tail
    first, last = shape(variable, np.array([1 - share, share])).decay
    if mean < density * (1 - 1e-8):
        assert first == 0
        assert mean * last * tail / -np.expm1(-last * tail) == pytest.approx(density, rel=1e-6)
    elif density < mean * (1 - 1e-8):
        assert last == 0
        assert density * -first * width / -np.expm1(first * width) == pytest.approx(mean, rel=1e-6)
    else:
        assert abs(first) * width + abs(last) * tail < 1e-3


def test_a_falling_tail_is_denser_where_it_begins() -> None:
    income = Number(type="number", min=0, max=1000, bins=[0, 100], decimals=0).build("income")
    values = shape(income, np.array([0.9, 0.1])).draw(np.ones(20_000, np.int32), np.random.default_rng(0)).to_numpy()
    near, far = np.mean(values < 200), np.mean(values > 900)
    assert near > 0.5
    assert far < 0.01
    assert values.min() == 100


def end_bin(text: str, shares: list[float], code: int = -1) -> Floats:
    """Values drawn in one bin of a variable, that of the largest ones unless said otherwise."""
    variable = parse_spec(f"{{records: 1, variables: {{x: {text}}}}}").variables["x"].build("x")
    codes = np.full(20_000, code % variable.size, np.int32)
    return shape(variable, np.array(shares)).draw(codes, np.random.default_rng(0)).to_numpy().astype(np.float64)


@pytest.mark.parametrize(
    ("text", "largest"),
    [
        ("{type: integer, min: 0, max: 80, bins: [0, 1]}", 80),
        ("{type: number, min: 0, max: 80, bins: [0, 1], decimals: 1}", 80),
        ("{type: number, min: 0, max: 100000, bins: [0, 1], decimals: 0}", 100_000),
        ("{type: number, min: 0, max: 100000, bins: [0, 0.01]}", 100_000),
        ("{type: number, min: 1, max: 100000, bins: [1, 2], decimals: 0}", 100_000),
    ],
)
@pytest.mark.parametrize("share", [0.02, 0.4, 0.95])
def test_beside_a_single_value_an_end_bin_is_spread_over_its_whole_range(text: str, largest: int, share: float) -> None:
    values = end_bin(text, [1 - share, share])
    assert values.max() > 0.9 * largest
    assert 0.1 * largest < np.median(values) < 0.51 * largest
    in_thirds = np.histogram(values, 3, (0, largest))[0]
    assert in_thirds[0] > in_thirds[1] > in_thirds[2]


def test_losses_beside_zero_are_spread_away_from_it_and_gains_go_on_where_their_neighbours_end() -> None:
    text = "{type: number, min: -500000, max: 20000000, bins: [-500000, 0, 1, 15000, 30000], decimals: 0}"
    shares = [0.013, 0.009, 0.2, 0.4, 0.378]
    losses, gains = end_bin(text, shares, 0), end_bin(text, shares)
    assert losses.max() < 0
    assert losses.min() < -400_000
    assert -150_000 < np.median(losses) < -30_000
    # The density 0.4 / 15,000 goes on, so that the mean lies 0.378 / 0.4 of 15,000 beyond the edge: 44,175, give or take 100.
    assert abs(gains.mean() - 44_175) < 600


def test_a_short_end_bin_beside_zero_is_a_count() -> None:
    for share in (0.1, 0.4, 0.9):
        values = end_bin("{type: integer, min: 0, max: 12, bins: [0, 1]}", [1 - share, share])
        assert 1.8 < values.mean() < 6.6  # 6.5 if even
        assert (values == 1).mean() < 0.52
        assert values.max() >= 9


def test_single_values_in_a_row_say_how_a_long_tail_begins() -> None:
    cars = end_bin("{type: integer, min: 0, max: 10, bins: [0, 1, 2]}", [0.3, 0.4, 0.3])
    assert (cars == 2).mean() > 0.6
    visits = end_bin("{type: integer, min: 0, max: 365, bins: [0, 1, 2]}", [0.5, 0.2, 0.3])
    assert 5 < visits.mean() < 60
    assert visits.max() > 100


def test_a_wide_first_bin_below_a_single_value_is_even() -> None:
    values = end_bin("{type: integer, min: 0, max: 100, bins: [0, 100]}", [0.3, 0.7], 0)
    assert abs(values.mean() - 49.5) < 1  # five standard deviations


def test_an_empty_bin_and_a_single_bin_are_even() -> None:
    persons = Integer(type="integer", min=1, max=9, bins=[1, 2, 3]).build("persons")
    assert shape(persons, np.array([0.5, 0.5, 0.0])).decay.tolist() == [0.0, 0.0, 0.0]
    one = Integer(type="integer", min=1, max=9, bins=[1]).build("one")
    assert shape(one, np.array([1.0])).decay.tolist() == [0.0]
