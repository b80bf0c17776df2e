"""What a model is told that rules can say of several members of a unit at once, and what becomes of such rules."""

import json

import pytest

from synthor import compile_problem, parse_spec
from synthor.llm.request import Answer, Request
from synthor.method.calibrated import Calibrated
from synthor.method.state import State
from synthor.prior.among_members import AmongMembers
from synthor.prior.answers import hear_rules
from synthor.problem import Problem

TOWN = """
unit: household
records: 600
variables: {size: {from: count(person), bins: [1, 2, 3]}, rooms: {type: integer, min: 1, max: 9, bins: [1, 4]}}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child, child in law]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 30, 50, 70]}
targets:
  - {counts: {size: {1: 180, 2: 220, 3+: 200}}}
  - {counts: {rooms: {1-3: 250, 4+: 350}}}
  - {rows: person, counts: {role: {head: 600, partner: 380, child: 320, child in law: 20}}}
  - {rows: person, counts: {age: {0-17: 220, 18-29: 250, 30-49: 400, 50-69: 300, 70+: 150}}}
"""
ORDERS = """
unit: order
records: 9
variables: {n: {from: count(line), bins: [1, 2]}}
members:
  line: {number: {min: 1, max: 3}, variables: {price: {type: number, min: 0, max: 9, bins: [0, 5]}}}
targets:
  - {counts: {n: {1: 5, 2+: 4}}}
  - {rows: line, counts: {price: {0 to 5: 10, 5 to 9: 5}}}
"""


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(TOWN))


def asked_of(problem: Problem, state: State | None = None) -> Request:
    """The request for rules."""
    questions = (state or Calibrated().begin(problem)).questions
    return next(one.request for one in questions if one.request.stage == "rules")


def test_numbers_to_compare_and_members_to_count_are_named_and_what_follows_is_not(problem: Problem) -> None:
    assert AmongMembers.of(problem).numbers == ("rooms", "age")  # size follows from the members
    asked = asked_of(problem).question
    assert "rooms, age are numbers: compare them" in asked
    assert "(child.age > head.age)" in asked
    assert "(count(partner) = 0)" in asked
    assert "without quotes" in asked
    assert "listed as impossible already" not in asked  # since nothing is


def test_members_without_roles_are_counted_and_records_without_members_are_asked_as_before() -> None:
    asked = asked_of(compile_problem(parse_spec(ORDERS))).question
    assert "price is a number: compare it" in asked
    assert "(count(line) > 1)" in asked
    flat = compile_problem(parse_spec("{records: 9, variables: {a: {type: boolean}, n: {type: integer, min: 0, max: 9}}}"))
    method = Calibrated()
    state = method.begin(flat)
    text = json.dumps({"a": [50, 50], "n": [10] * 10})
    asked = asked_of(flat, method.step(state, [Answer(key="", stage="marginals", model="", text=text, finish="stop")])).question
    assert "count(" not in asked


def test_rules_compare_two_members_and_say_that_somebody_must_be_there(problem: Problem) -> None:
    said = [
        "child.age > head.age - 15",
        "size = '2' and count(partner) = 0 and count(child) = 0",
        "count(partner) = 0 and child.age > head.age - 15",
        "child in law.age < 14",
    ]
    heard = hear_rules(json.dumps({"rules": [{"never": never, "why": "x"} for never in said]}), problem)
    assert [rule.never for rule in heard.rules] == [*said[:3], '"child in law".age < 14']
    assert not heard.mended
