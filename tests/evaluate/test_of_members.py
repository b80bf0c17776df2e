"""Questions about members, and about units by them, answered from the records of all levels."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from synthor import InputError, compile_problem, parse_spec
from synthor.evaluate.crossed import question_of
from synthor.evaluate.of_members import parse_of_members
from synthor.evaluate.ranges import bounds_of
from synthor.problem import Problem

HOMES = """
unit: home
records: 3
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3]}
members:
  person:
    number: {min: 1, max: 5}
    role: who
    roles: {head: 1, partner: {max: 1}}
    variables:
      who: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
  car: {variables: {fuel: {type: category, values: [petrol, electric]}}}
"""
RECORDS = {
    "home": pl.DataFrame({"home_id": [0, 1, 2], "tenure": ["owned", "owned", "rented"], "persons": [3, 1, 2]}),
    "person": pl.DataFrame(
        {
            "person_id": [0, 1, 2, 3, 4, 5],
            "home_id": [0, 0, 0, 1, 2, 2],
            "who": ["head", "partner", "child", "head", "head", "child"],
            "age": [40, 38, 10, 70, 30, 5],
        }
    ),
    "car": pl.DataFrame({"car_id": [0], "home_id": [2], "fuel": ["petrol"]}),
}


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(HOMES))


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("who", [3, 1, 2]),
        ("who by tenure", [2, 1, 1, 0, 1, 1]),
        ("age where who = 'head'", [0, 2, 1]),
        ("mean age by tenure", [39.5, 17.5]),
        ("mean age by tenure where age >= 18", [49.33333333333333, 30.0]),
        ("mean age where age >= 18 by tenure", [49.33333333333333, 30.0]),
        ("mean head.age by tenure", [55.0, 30.0]),
        ("mean partner.age by tenure", [38.0, np.nan]),
        ("total age by who", [140, 38, 15]),
        ("median age", [34.0]),
        ("age < 18 by tenure", [0.25, 0.5]),
        ("count(partner) < 1 where age < 18", [0.5]),
        ("share of count(partner) < 1 by tenure", [0.5, 1.0]),
        ("persons > 1 where any(person, age < 18)", [1.0]),
        ("child.age > head.age - 28 by who", [0, 0, 0.5]),
        ("fuel by tenure", [0, 1, 0, 0]),
        ("count(car) < 1 by tenure", [1.0, 0.0]),
        ("head.age by tenure", [0, 0, 1, 1, 1, 0]),
    ],
)
def test_members_are_asked_by_hand_counted_figures(text: str, values: list[float], problem: Problem) -> None:
    question = parse_of_members(text, problem)
    assert question is not None
    np.testing.assert_allclose(question.values(RECORDS), values)


@pytest.mark.parametrize("text", ["tenure", "mean persons by tenure", "persons > 1 by tenure"])
def test_units_are_asked_as_ever(text: str, problem: Problem) -> None:
    assert parse_of_members(text, problem) is None


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("home.tenure", [2, 1]),
        ("mean home.persons by home.tenure", [2, 2]),
        ("home.persons > 1 and tenure = 'owned'", [1 / 3]),
    ],
)
def test_units_may_be_named_with_their_variables(text: str, values: list[float], problem: Problem) -> None:
    np.testing.assert_allclose(question_of(text, problem).values(RECORDS), values)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("fuel by who", "side by side"),
        ("mean who", "holds no numbers"),
        ("who by who", "names who twice"),
        ("agge by who", "did you mean 'age'"),
        ("child.age by tenure", "there may be several 'child' in one 'home'.*ask for age, with `where who = 'child'`"),
        ("who where age > 3 where age < 8", "join the two"),
        ("who where agge > 3", "agge"),
        ("mean  by", "missing|no variable"),
    ],
)
def test_questions_that_have_no_answer_are_refused(text: str, told: str, problem: Problem) -> None:
    with pytest.raises(InputError, match=told):
        parse_of_members(text, problem)


HOUSES = """
unit: house
records: 2
variables:
  tenure: {type: category, values: [owned, rented]}
members:
  family:
    number: {min: 1, max: 3}
    variables: {kind: {type: category, values: [couple, single]}}
    members:
      person:
        number: {min: 1, max: 5}
        role: who
        roles: {head: 1}
        variables:
          who: {type: category, values: [head, child]}
          pay: {type: number, min: 0, max: 9999, bins: [0, 1]}
        members: {job: {variables: {hours: {type: integer, min: 1, max: 60, bins: [1, 20]}}}}
"""
OF_HOUSES = {
    "house": pl.DataFrame({"house_id": [0, 1], "tenure": ["owned", "rented"]}),
    "family": pl.DataFrame({"family_id": [0, 1, 2], "house_id": [0, 0, 1], "kind": ["couple", "single", "single"]}),
    "person": pl.DataFrame(
        {
            "person_id": [0, 1, 2, 3, 4],
            "family_id": [0, 0, 1, 2, 2],
            "who": ["head", "child", "head", "head", "child"],
            "pay": [2000.0, 0.0, 1500.0, 0.0, 10.0],
        }
    ),
    "job": pl.DataFrame({"job_id": [0, 1, 2], "person_id": [0, 2, 4], "hours": [40, 10, 5]}),
}


@pytest.fixture(scope="module")
def houses() -> Problem:
    return compile_problem(parse_spec(HOUSES))


@pytest.mark.parametrize(
    ("text", "values", "asked"),
    [
        ("count(person) > 1", [1.0], "Of rows of house; `count(person)` is of each house."),
        ("count(person) > 1 where kind = 'single'", [0.5], "Of rows of family; `count(person)` is of each family."),
        ("kind = 'single' and count(person) > 1", [1 / 3], "Of rows of family; `count(person)` is of each family."),
        ("count(child) > 0 by kind", [1.0, 0.5], "Of rows of family; `count(child)` is of each family."),
        ("sum(person.pay) > 1800 by kind", [1.0, 0.0], "Of rows of family; `sum(person.pay)` is of each family."),
        ("tenure = 'owned' and count(person) > 1 by kind", [1.0, 0.0], "Of rows of family; `count(person)` is of each family."),
        ("kind by tenure where count(person) > 1", [1, 0, 0, 1], "Of rows of family; `count(person)` is of each family."),
        ("mean pay where count(family) > 1", [3500 / 3], "Of rows of person; `count(family)` is of each house."),
        ("any(child, pay > 0) where who = 'head'", [1 / 3], "Of rows of person; `any(child, pay > 0)` is of each family."),
        ("child.pay > 0 by hours", [0.5, 0.0], "Of rows of job."),
        ("child.pay > 0 and count(person) > 1 by hours", [0.5, 0.0], "Of rows of job; `count(person)` is of each family."),
        ("kind by tenure", [1, 0, 1, 1], "Of rows of family."),
        ("tenure", [1, 1], "Of rows of house."),
    ],
)
def test_what_is_said_of_rows_below_is_of_the_rows_that_are_asked(
    text: str, values: list[float], asked: str, houses: Problem
) -> None:
    question = question_of(text, houses)
    np.testing.assert_allclose(question.values(OF_HOUSES), values)
    assert question.asked == asked


def test_where_two_rows_may_have_what_is_below_both_are_told() -> None:
    stops = "bins: [1, 20]}}, members: {stop: {variables: {late: {type: boolean}}}}}}"
    stops_of = compile_problem(parse_spec(HOUSES.replace("bins: [1, 20]}}}}", stops)))
    with pytest.raises(InputError, match=r"count\(stop\).*may be of a person or of a job.*person.who = 'child'"):
        question_of("child.pay > 0 and count(stop) > 1 by hours", stops_of)
    told = question_of("person.who = 'child' and person.pay > 0 and count(stop) > 1 by hours", stops_of).asked
    assert told == "Of rows of job; `count(stop)` is of each job."


@pytest.mark.slow
def test_answers_have_ranges_over_draws_of_all_levels(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from synthor.cli import main  # noqa: F401  adds the verbs
    from synthor.cli.app import app

    targets = "targets: [{counts: {tenure: {owned: 18, rented: 12}}}, {rows: person, count: 60}]\n"
    (tmp_path / "spec.yaml").write_text(HOMES.replace("records: 3", "records: 30") + targets, encoding="utf-8")
    command = ["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), "--draws", "2"]
    for _ in range(2):
        made = CliRunner().invoke(app, command)
        assert made.exit_code == 0, made.output
        marks = [path.stat().st_mtime_ns for path in sorted((tmp_path / "out" / "draws").glob("*/draw.json"))]
    assert len(marks) == 2
    again = CliRunner().invoke(app, command)
    assert [path.stat().st_mtime_ns for path in sorted((tmp_path / "out" / "draws").glob("*/draw.json"))] == marks, again.output
    asked = CliRunner().invoke(app, ["measure", str(tmp_path / "out"), "--of", "mean age by tenure", "--json"])
    assert asked.exit_code == 0 and '"draws": 2' in asked.output, asked.output


def test_what_is_known_of_members_bounds_nothing_of_units() -> None:
    targets = "targets: [{counts: {persons: {'1': 12, '2': 10, 3+: 8}}}%s]\n"
    found = []
    for more in ("", ", {mean: age, value: 30}"):  # age and persons stand at the same place of their levels
        homes = compile_problem(parse_spec(HOMES.replace("records: 3", "records: 30") + targets % more))
        found.append(bounds_of(homes, question_of("mean persons", homes)))
    np.testing.assert_allclose([found[0].low, found[0].high], [[56 / 30], [72 / 30]])
    np.testing.assert_array_equal([found[1].low, found[1].high], [found[0].low, found[0].high])
