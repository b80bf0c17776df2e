"""What tables leave open: bounds against brute force, truths that always lie inside, and questions as users write them."""

from itertools import product
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.optimize import linprog

from synthor import InputError, Spec, compile_problem, parse_spec
from synthor.evaluate.question import parse_question
from synthor.evaluate.ranges import Ranges, ask, bounds_of
from synthor.problem import Problem

VARIABLES = {
    "sex": {"type": "category", "values": ["f", "m"]},
    "car": {"type": "boolean"},
    "age": {"type": "integer", "min": 0, "max": 89, "bins": [0, 20, 60]},
}
QUESTIONS = (
    "sex by car", "age by car", "sex by car by age", "age", "mean age by sex", "total age by car", "median age",
    "sd age by sex", "age > 30 by car", "share of sex = 'f' and age < 20",
)  # fmt: skip


def problem_of(people: pl.DataFrame, tables: list[list[str]], **more: Any) -> Problem:
    """What is known of some people: cross-tables counted from them."""
    targets = [{"table": counted(people, columns)} for columns in tables]
    spec = {"records": people.height, "variables": VARIABLES, "targets": targets} | more
    return compile_problem(Spec.model_validate(spec))


def counted(people: pl.DataFrame, columns: list[str]) -> list[dict[str, Any]]:
    labels = {"sex": ["f", "m"], "car": ["no", "yes"], "age": ["0-19", "20-59", "60+"]}
    coded = people.select(
        "sex",
        car=pl.when("car").then(pl.lit("yes")).otherwise(pl.lit("no")),
        age=pl.when(pl.col("age") < 20)
        .then(pl.lit("0-19"))
        .otherwise(pl.when(pl.col("age") < 60).then(pl.lit("20-59")).otherwise(pl.lit("60+"))),
    )
    rows = [dict(zip(columns, cell, strict=True)) for cell in product(*(labels[column] for column in columns))]
    return [row | {"count": coded.filter(**row).height} for row in rows]


def answered(problem: Problem, people: pl.DataFrame, text: str) -> Ranges:
    return ask(problem, [parse_question(text, problem)], {"records": people})[0]


person = st.tuples(st.sampled_from(["f", "m"]), st.booleans(), st.integers(0, 89))
populations = st.lists(person, min_size=1, max_size=30).map(
    lambda rows: pl.DataFrame(rows, schema=["sex", "car", "age"], orient="row")
)
known_tables = st.lists(
    st.sampled_from([["sex"], ["car"], ["age"], ["sex", "car"], ["car", "age"], ["age", "sex"]]), max_size=4, unique_by=tuple
)


@pytest.mark.long
@given(people=populations, tables=known_tables, question=st.sampled_from(QUESTIONS), ruled=st.booleans())
@settings(max_examples=60, deadline=None)
def test_the_truth_lies_inside_the_bounds(people: pl.DataFrame, tables: list[list[str]], question: str, ruled: bool) -> None:
    rules = [] if not ruled else [{"never": "age < 18 and car = 'yes'"}]
    if ruled:
        people = people.filter(~(pl.col("car") & (pl.col("age") < 18)))
    if not people.height:
        return
    answer = answered(problem_of(people, tables, rules=rules), people, question)
    low, high = answer.bounds.low, answer.bounds.high
    held = np.isfinite(answer.value)
    assert np.isfinite(low[held]).all()
    assert (low[held] <= answer.value[held] + 1e-9).all()
    assert (answer.value[held] <= high[held] + 1e-9).all()


@pytest.mark.long
@example(
    people=pl.DataFrame([("f", False, 0), ("f", True, 42)], schema=["sex", "car", "age"], orient="row"),
    tables=[["car"]],
    question="sex by car",
    more=["mean", "means", "total", "sd", "grown"],
)
@given(
    people=populations,
    tables=known_tables,
    question=st.sampled_from(QUESTIONS),
    more=st.lists(st.sampled_from(["mean", "means", "total", "sd", "grown", "loose", "bands"]), min_size=1, unique=True),
)
@settings(max_examples=40, deadline=None)
def test_the_truth_lies_inside_whatever_kind_of_target_is_known(
    people: pl.DataFrame, tables: list[list[str]], question: str, more: list[str]
) -> None:
    ages, grown = people["age"], people.filter(pl.col("age") >= 18)
    by_sex = people.group_by("sex", maintain_order=True).agg(mean=pl.col("age").mean().round(1)).to_dicts()
    low = people.filter(pl.col("age") < 45).height
    bands = [{"age": "younger", "count": low}, {"age": "older", "count": people.height - low}]
    kinds: dict[str, dict[str, Any]] = {
        "mean": {"mean": "age", "value": round(float(ages.mean()), 1)},  # type: ignore[arg-type]
        "means": {"mean": "age", "by": ["sex"], "table": by_sex},
        "total": {"total": "age", "value": int(ages.sum())},
        "sd": {"sd": "age", "value": round(float(ages.std(ddof=0)), 2)},  # type: ignore[arg-type]
        "grown": {"table": counted(grown, ["car"]), "where": "age >= 18"},
        "loose": {"table": counted(people, ["sex", "age"]), "tolerance": {"points": 3.0}},
        "bands": {"table": bands, "groups": {"age": {"younger": [0, 45], "older": [45, 90]}}},
    }
    targets = [{"table": counted(people, columns)} for columns in tables] + [kinds[kind] for kind in more]
    if "sd" in more and "mean" not in more:
        targets.append(kinds["mean"])
    spec = {"records": people.height, "variables": VARIABLES, "targets": targets}
    try:
        problem = compile_problem(Spec.model_validate(spec))
    except InputError:  # a universe or a mean of nobody
        return
    answer = answered(problem, people, question)
    held = np.isfinite(answer.value)
    assert (answer.bounds.low[held] <= answer.value[held] + 1e-6).all()
    assert (answer.value[held] <= answer.bounds.high[held] + 1e-6).all()


@pytest.mark.slow
@given(cells=st.tuples(*[st.integers(0, 6)] * 4).filter(any), ruled=st.booleans())
@settings(max_examples=30, deadline=None)
def test_bounds_of_two_by_two_are_those_of_all_tables(cells: tuple[int, ...], ruled: bool) -> None:
    if ruled:
        cells = (0, *cells[1:])
    rows = [(sex, car, 30) for n, (sex, car) in zip(cells, product("fm", (False, True)), strict=True) for _ in range(n)]
    if not rows:
        return
    people = pl.DataFrame(rows, schema=["sex", "car", "age"], orient="row")
    rules = [{"never": "sex = 'f' and car = 'no'"}] if ruled else []
    bounds = answered(problem_of(people, [["sex"], ["car"]], rules=rules), people, "sex by car").bounds
    (a, b, c, d), n = cells, sum(cells)
    tables = [
        (x, a + b - x, a + c - x, d - a + x)
        for x in range(n + 1)
        if min(a + b - x, a + c - x, d - a + x) >= 0 and not (ruled and x)
    ]
    assert bounds.sharp
    assert bounds.low.tolist() == [min(table[cell] for table in tables) for cell in range(4)]
    assert bounds.high.tolist() == [max(table[cell] for table in tables) for cell in range(4)]


PEOPLE = pl.DataFrame(
    {"sex": ["f"] * 6 + ["m"] * 4, "car": [True] * 7 + [False] * 3, "age": [10, 20, 30, 40, 50, 60, 70, 80, 5, 15]}
)


def test_a_third_table_ties_two_variables_together() -> None:
    loose = answered(problem_of(PEOPLE, [["sex"], ["age"]]), PEOPLE, "sex by age").bounds
    tied = answered(problem_of(PEOPLE, [["sex", "car"], ["car", "age"]]), PEOPLE, "sex by age").bounds
    assert (loose.low <= tied.low).all()
    assert (tied.high <= loose.high).all()
    assert (tied.high - tied.low).sum() < (loose.high - loose.low).sum()
    assert tied.sharp


def test_a_known_mean_narrows_what_a_share_can_be() -> None:
    mean = {"mean": "age", "value": 38.0}
    problem = problem_of(PEOPLE, [["sex"]])
    spec = problem.spec.model_copy(update={"targets": [*problem.spec.targets, *Spec.model_validate(
        {"records": 10, "variables": VARIABLES, "targets": [mean]}).targets]})  # fmt: skip
    narrow = answered(compile_problem(spec), PEOPLE, "age").bounds
    # All of 60 or more would have a mean of at least 60; and with a mean of 38 not all can be below 20.
    assert narrow.high.tolist() == [7.0, 10.0, 6.0]


@pytest.mark.slow
def test_medians_and_deviations_stay_inside_their_bins() -> None:
    problem = problem_of(PEOPLE, [["age"]])
    median = bounds_of(problem, parse_question("median age", problem))
    assert (median.low.item(), median.high.item()) == (20.0, 59.0)
    sd = bounds_of(problem, parse_question("sd age", problem))
    assert 0 < sd.low.item() < float(np.std(PEOPLE["age"].to_numpy())) < sd.high.item() < 45


def test_ranges_over_draws_are_scaled_to_the_population() -> None:
    problem = problem_of(PEOPLE, [["sex"]])
    answer = ask(
        problem, [parse_question("sex", problem)], {"records": PEOPLE}, [{"records": pl.concat([PEOPLE, PEOPLE])}] * 20
    )[0]
    assert answer.lowest.tolist() == answer.highest.tolist() == answer.quantile(0.05).tolist() == [6.0, 4.0]
    assert (
        ask(problem, [parse_question("sex", problem)], {"records": PEOPLE}, [{"records": PEOPLE}])[0].to_dict()["cells"][0][
            "draws"
        ]["q05"]
        is None
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("agee by sex", "no variable is called 'agee'; did you mean 'age'?"),
        ("age by", "a name of a variable is missing"),
        ("", "a name of a variable is missing|neither a table"),
        ("mean sex by car", 'sex holds no numbers, so it has no mean; ask for "sex by car"'),
        ("mode age", "is neither a table, nor a statistic, nor a predicate"),
        ("age > by sex", "is neither a table, nor a statistic, nor a predicate"),
        ("sex by sex", "names sex twice"),
        ("sex = 'x' by car", "'x'"),
    ],
)
def test_what_is_no_question_is_refused_with_its_cure(text: str, message: str) -> None:
    with pytest.raises(InputError, match=message):
        parse_question(text, problem_of(PEOPLE, [["sex"]]))


BENEFITS = """
records: 20000
variables:
  children: {type: integer, min: 0, max: 6, bins: [0, 1, 2, 3]}
  housing: {type: category, values: [own, social, private]}
  uc: {type: number, min: 0, max: 12000, bins: [0, 0.01, 2000, 4000, 6000, 9000]}
targets:
  - {shares: {children: {0: 60, 1: 17, 2: 16, 3+: 7}}}
  - {counts: {housing: {own: 12600, social: 3500, private: 3900}}}
  - {where: uc > 0, table: [{housing: own, count: 400}, {housing: social, count: 1300}, {housing: private, count: 900}]}
  - {total: uc, by: [housing], table: [{housing: own, total: 1450000}, {housing: social, total: 9100000},
                                       {housing: private, total: 6280000}]}
"""


@pytest.mark.slow
def test_a_question_that_is_an_exact_target_has_its_bounds() -> None:
    problem = compile_problem(parse_spec(BENEFITS))
    totals, sizes = np.array([1_450_000, 9_100_000, 6_280_000]), np.array([12_600, 3_500, 3_900])
    for text, wanted, per in (
        ("total uc by housing", totals, np.ones(3)),
        ("mean uc by housing", totals / sizes, sizes),
        ("total uc", totals.sum(keepdims=True), np.array([1 / 3])),
        ("mean uc", totals.sum(keepdims=True) / 20_000, np.array([20_000 / 3])),
    ):
        bounds = bounds_of(problem, parse_question(text, problem))
        assert bounds.sharp
        for side in (bounds.low, bounds.high):  # to the rounding of the published totals
            np.testing.assert_allclose(side, wanted, atol=float((0.53 / per).max()), rtol=0)
        assert (bounds.low <= wanted).all()
        assert (wanted <= bounds.high).all()
    open_ends = bounds_of(problem, parse_question("mean uc by children", problem))
    assert open_ends.low.tolist() == [0.0] * 4  # and not a little less
    assert open_ends.high.max() <= 12_000


@pytest.mark.parametrize("kind", ["mean", "total", "sd", "median"])
def test_bounds_of_what_is_nought_are_nought(kind: str) -> None:
    cells = "[{kind: flat, rooms: 0, count: 4}, {kind: house, rooms: 0, count: 0}, {kind: house, rooms: 1-9, count: 6}]"
    variables = "{kind: {type: category, values: [flat, house]}, rooms: {type: integer, min: 0, max: 9, bins: [0, 1]}}"
    problem = compile_problem(parse_spec(f"{{records: 10, variables: {variables}, targets: [{{table: {cells}}}]}}"))
    bounds = bounds_of(problem, parse_question(f"{kind} rooms by kind", problem))
    assert [str(side[0]) for side in (bounds.low, bounds.high)] == ["0.0", "0.0"]


@pytest.mark.slow
@given(
    people=populations,
    by=st.sampled_from([[], ["sex"], ["car"], ["sex", "car"]]),
    asked=st.sampled_from([[], ["sex"], ["car"], ["sex", "car"]]),
    kind=st.sampled_from(["mean", "total"]),
)
@settings(max_examples=15, deadline=None)
def test_sharp_bounds_are_those_of_bins_split_into_their_ends(
    people: pl.DataFrame, by: list[str], asked: list[str], kind: str
) -> None:
    """The same programme, written another way: every value in a bin is a mixture of the bin's ends."""
    held = people.with_columns(car=pl.when("car").then(pl.lit("yes")).otherwise(pl.lit("no"))).with_columns(everybody=pl.lit(1))
    statistic = pl.col("age").mean().round(3) if kind == "mean" else pl.col("age").sum()
    rows = held.group_by(by or ["everybody"], maintain_order=True).agg(statistic.alias(kind)).to_dicts()
    target: dict[str, Any] = {kind: "age", "by": by, "table": rows} if by else {kind: "age", "value": rows[0][kind]}
    tables: list[list[str]] = [["sex", "car"], ["age"]]
    spec = problem_of(people, tables).spec.model_dump(mode="json", exclude_defaults=True)
    problem = compile_problem(Spec.model_validate(spec | {"targets": [*spec["targets"], target]}))
    question = parse_question(f"mean age{' by ' if asked else ''}{', '.join(asked)}", problem)
    bounds = bounds_of(problem, question)
    assert bounds.sharp
    level = problem.schema.unit
    fine = level.finest(2)
    columns = list(product("fm", ("no", "yes"), range(fine.size), (0, 1)))
    ages = np.array([(fine.low, fine.high)[end][bin] for *_, bin, end in columns])
    places = {"sex": 0, "car": 1}
    equal, wanted, most, at_most = [np.ones(len(columns))], [1.0], [], []
    for sex, car in product("fm", ("no", "yes")):
        equal.append(np.array([c[0] == sex and c[1] == car for c in columns], float))
        wanted.append(held.filter(sex=sex, car=car).height / people.height)
    for first, last in ((0, 20), (20, 60), (60, 90)):
        equal.append(((ages >= first) & (ages < last)).astype(float))
        wanted.append(people.filter(pl.col("age").is_between(first, last, closed="left")).height / people.height)
    half = problem.statistics[0].rounding
    for row in rows:
        inside = np.array([all(c[places[name]] == row[name] for name in by) for c in columns], float)
        for sign in (1, -1):
            edge = row[kind] + sign * half
            most.append(sign * inside * (ages - edge if kind == "mean" else ages))
            at_most.append(0.0 if kind == "mean" else sign * edge / people.height)
    for number in range(question.n_cells):
        labels = question.labels(number)
        inside = np.array([all(c[places[name]] == labels[name] for name in asked) for c in columns], float)
        size = held.filter(**labels).height / people.height
        if not size:
            continue
        for side, sign in ((bounds.low, 1), (bounds.high, -1)):
            found = linprog(sign * inside * ages, A_eq=np.array(equal), b_eq=wanted, A_ub=np.array(most), b_ub=at_most)
            assert found.status == 0
            assert side[number] == pytest.approx(sign * float(found.fun or 0.0) / size, abs=1e-5)


@pytest.mark.parametrize(
    ("more", "asked", "sharp"),
    [
        ({}, "mean age", True),
        ({}, "median age", True),
        ({"targets": [{"mean": "age", "value": 38}]}, "mean age by sex", True),
        ({"targets": [{"mean": "age", "value": 38}]}, "median age", False),
        ({"targets": [{"mean": "age", "value": 38}]}, "age > 30", False),
        ({"targets": [{"mean": "age", "value": 38}]}, "age < 20", True),
        ({"targets": [{"mean": "age", "value": 38}, {"sd": "age", "value": 20}]}, "mean age by sex", False),
        ({"rules": [{"never": "age < 17 and car"}]}, "age by car", True),
        ({"rules": [{"never": "age < 17 and car"}]}, "mean age by car", False),
        ({"rules": [{"never": "age < 17 and car"}, {"never": "age > 15 and age < 30 and car"}]}, "age by car", False),
    ],
)
def test_bounds_are_called_sharp_only_where_some_population_has_them(more: dict[str, Any], asked: str, sharp: bool) -> None:
    spec = problem_of(PEOPLE, [["age"]]).spec.model_dump(mode="json", exclude_defaults=True)
    merged = spec | more | {"targets": [*spec["targets"], *more.get("targets", [])]}
    problem = compile_problem(Spec.model_validate(merged))
    assert bounds_of(problem, parse_question(asked, problem)).sharp is sharp
