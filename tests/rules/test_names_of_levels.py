"""Names that several levels have: of the rows that other names settle, or refused with every reading written out."""

import polars as pl
import pytest

from synthor import InputError, compile_problem, parse_spec
from synthor.evaluate.crossed import question_of
from synthor.measure import measure
from synthor.prior.beliefs import resolve
from synthor.prior.model import Prior, RuleBelief
from synthor.problem import Problem
from synthor.rules.lifting import parse_lifted
from synthor.rules.parse import PredicateError

HOUSES = """
unit: house
records: 2
variables:
  tenure: {type: category, values: [owned, rented]}
  age: {type: integer, min: 0, max: 200, bins: [0, 50, 100]}
  state: {type: category, values: [good, bad], missing: not stated}
members:
  person:
    number: {min: 1, max: 4}
    role: who
    roles: {head: 1}
    variables:
      who: {type: category, values: [head, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
      state: {type: category, values: [good, bad], missing: not stated}
      km: {type: integer, min: 0, max: 90, bins: [0, 10]}
  car:
    number: {min: 0, max: 3}
    variables:
      fuel: {type: category, values: [petrol, electric]}
      age: {type: integer, min: 0, max: 30, bins: [0, 10]}
      km: {type: integer, min: 0, max: 90, bins: [0, 10]}
targets: [{counts: {tenure: {owned: 1, rented: 1}}}]
"""
RECORDS = {
    "house": pl.DataFrame({"house_id": [0, 1], "tenure": ["owned", "rented"], "age": [120, 20], "state": [None, "good"]}),
    "person": pl.DataFrame(
        {
            "person_id": [0, 1, 2],
            "house_id": [0, 0, 1],
            "who": ["head", "child", "head"],
            "age": [70, 10, 60],
            "state": ["good", "bad", "bad"],
            "km": [0, 20, 5],
        }
    ),
    "car": pl.DataFrame({"car_id": [0], "house_id": [1], "fuel": ["petrol"], "age": [3], "km": [50]}),
}


@pytest.fixture(scope="module")
def houses() -> Problem:
    return compile_problem(parse_spec(HOUSES))


@pytest.mark.parametrize(
    ("text", "whose", "readings"),
    [
        (
            "tenure = 'rented' and age >= 50",
            "of a house and of a person and of a car",
            ["tenure = 'rented' AND house.age >= 50", "tenure = 'rented' AND person.age >= 50"],
        ),
        ("age >= 50", "of a house and of a person and of a car", ["house.age >= 50", "person.age >= 50", "car.age >= 50"]),
        ("km > 9", "of a person and of a car", ["person.km > 9", "car.km > 9"]),
        ("head.age - age > 60", "of a house and of a person", ["head.age - house.age > 60", "head.age - person.age > 60"]),
        ("age > 3 and km > 3", "of a house and of", ["person.age > 3 AND person.km > 3", "car.age > 3 AND car.km > 3"]),
        ("age > 3 and any(person, age > 3)", "whose is meant", ["person.age > 3 AND any(person, age > 3)"]),
    ],
)
def test_what_is_said_of_one_of_two_levels_is_refused_in_every_place(
    text: str, whose: str, readings: list[str], houses: Problem
) -> None:
    with pytest.raises(PredicateError, match=whose) as told:
        houses.rule(text)
    assert all(f"`{reading}`" in told.value.cure for reading in readings)
    for reading in readings:
        houses.rule(reading)
    with pytest.raises(InputError, match="whose is meant"):
        compile_problem(parse_spec(HOUSES + f'rules: [{{never: "{text}"}}]\n'))
    dropped = resolve(Prior(rules=[RuleBelief(never=text, why="so")]), houses).dropped
    assert len(dropped) == 1 and "whose is meant" in dropped[0].reason
    for question in (text, f"tenure where {text}"):
        with pytest.raises(InputError, match="whose is meant"):
            question_of(question, houses)


@pytest.mark.parametrize(
    ("text", "level", "broken"),
    [
        ("who = 'head' and age >= 65", "person", 1),
        ("child.km > 9 and age < 18", "person", 1),
        ("any(person, age >= 65)", "house", 1),
        ("fuel = 'petrol' and age < 5", "car", 1),
        ("house.age >= 100", "house", 1),
        ("person.age > house.age", "person", 1),
        ("person.age < 65 and house.age >= 100", "person", 1),
        ("any(person, house.age - age > 100)", "house", 1),
        ("count(person, house.age < age) > 0 and tenure = 'rented'", "house", 1),
        ("car.km > 9 and house.age < 50", "car", 1),
        ("person.state = 'bad' and house.state = 'not stated'", "person", 1),
        ("person.state = 'bad' and house.state <> person.state and house.age < 50", "person", 1),
        ("any(car, car.age > house.age)", "house", 0),
    ],
)
def test_names_are_of_the_rows_that_are_settled_and_a_level_before_the_dot_is_always_heard(
    text: str, level: str, broken: int, houses: Problem
) -> None:
    """Found in the records by values, not by categories alone."""
    rule = houses.rule(text)
    assert houses.schema.levels[rule.level].name == level
    assert measure(houses.with_rules((rule,)), RECORDS).n_broken == broken


@pytest.mark.parametrize(
    ("text", "message", "cure"),
    [
        ("any(person, fuel = 'petrol')", "names 'fuel', which is a variable of a car and not seen by a person", "any(car,"),
        ("tenure = 'owned' and any(car, who = 'head')", "of a person and not seen by a car", "any(person, who"),
        ("who = 'head' and fuel = 'petrol'", "names 'fuel', which is a variable of a car and not seen", "any(car, fuel ...)"),
        ("kmm > 3", "no variable is called 'kmm'", "known"),
    ],
)
def test_what_rows_do_not_see_is_named_with_whose_it_is(text: str, message: str, cure: str, houses: Problem) -> None:
    with pytest.raises(PredicateError) as told:
        parse_lifted(text, houses.schema)
    assert message in str(told.value) and cure in told.value.cure


def test_a_question_by_a_name_of_two_levels_names_them_all(houses: Problem) -> None:
    with pytest.raises(InputError, match=r"write house\.age or person\.age or car\.age"):
        question_of("mean age by tenure", houses)
    assert question_of("age >= 65 by who", houses).values(RECORDS).tolist() == [0.5, 0.0]
    assert question_of("house.age >= 65 by who", houses).values(RECORDS).tolist() == [0.5, 1.0]


def test_each_reading_is_offered_once_and_none_that_other_names_rule_out() -> None:
    trips = "    members: {trip: {variables: {age: {type: integer, min: 0, max: 9}}}}\n"
    deeper = HOUSES.replace("  car:\n", trips + "  car:\n")
    problem = compile_problem(parse_spec(deeper))
    with pytest.raises(PredicateError) as refused:
        problem.rule("who = 'child' and age > 5")
    assert refused.value.cure == "write `who = 'child' AND person.age > 5` or `who = 'child' AND trip.age > 5`"
    assert "a person and of a trip: whose" in str(refused.value)
