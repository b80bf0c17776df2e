"""What a model is asked, and can say, of several members of a unit at once: rules between them, and how far apart they are."""

import json
from pathlib import Path

import pytest

from model_server import KEY, Reply, by_schema, serving
from synthor import Prior, compile_problem, parse_spec, synthesize
from synthor.llm.request import Answer, Request
from synthor.loop import expected_requests
from synthor.method.calibrated import Calibrated
from synthor.method.state import State
from synthor.prior.among_members import AmongMembers
from synthor.prior.answers import hear_rules
from synthor.prior.beliefs import resolve
from synthor.problem import Problem

TOWN = """
unit: household
records: 600
variables: {size: {from: count(person), bins: [1, 2, 3, 4]}, rooms: {type: integer, min: 1, max: 9, bins: [1, 3, 5]}}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child, child in law]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 30, 50, 70]}
targets:
  - {counts: {size: {1: 200, 2: 200, 3: 100, 4+: 100}}}
  - {counts: {rooms: {1-2: 200, 3-4: 300, 5+: 100}}}
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
QUANTILES = [16, 19, 25, 29, 34, 42, 50]
CHILD = {"difference": "head.age - child.age", "quantiles": QUANTILES, "confidence": 0.8}


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(TOWN))


def asked_of(problem: Problem, state: State | None = None) -> Request:
    """The request for rules."""
    questions = (state or Calibrated().begin(problem)).questions
    return next(one.request for one in questions if one.request.stage == "rules")


def heard_of(problem: Problem, **answer: object) -> tuple[list[str], dict[str, dict[str, float] | None], list[str]]:
    """Rules and differences that an answer gave, and what was said of the others."""
    heard = hear_rules(json.dumps({"rules": []} | answer), problem, AmongMembers.of(problem).differences)
    told = {one.difference: one.quantiles for one in heard.differences}
    return [rule.never for rule in heard.rules], told, [f"{one.belief} {one.reason}" for one in heard.mended]


def test_numbers_to_compare_and_members_to_count_are_named_and_what_follows_is_not(problem: Problem) -> None:
    among = AmongMembers.of(problem)
    assert among.numbers == ("rooms", "age")  # size follows from the members
    assert among.differences == (
        "head.age - partner.age", "head.age - child.age", "head.age - child in law.age", "partner.age - child.age",
        "partner.age - child in law.age",
    )  # fmt: skip
    asked = asked_of(problem)
    assert "rooms, age are numbers: compare them" in asked.question
    assert "(child.age > head.age)" in asked.question
    assert "(count(partner) = 0)" in asked.question
    assert "without quotes" in asked.question
    assert "listed as impossible already" not in asked.question  # since nothing is
    assert asked.schema["required"] == ["rules", "differences"]


def test_members_without_roles_have_no_differences_and_records_without_members_are_asked_as_before() -> None:
    asked = asked_of(compile_problem(parse_spec(ORDERS)))
    assert "price is a number: compare it" in asked.question
    assert "(count(line) > 1)" in asked.question
    assert "differences" not in asked.question
    assert asked.schema["required"] == ["rules"]
    flat = compile_problem(parse_spec("{records: 9, variables: {a: {type: boolean}, n: {type: integer, min: 0, max: 9}}}"))
    method = Calibrated()
    state = method.begin(flat)
    text = json.dumps({"a": [50, 50], "n": [10] * 10})
    asked = asked_of(flat, method.step(state, [Answer(key="", stage="marginals", model="", text=text, finish="stop")]))
    assert "count(" not in asked.question
    assert not hear_rules(json.dumps({"rules": [], "differences": [CHILD]}), flat).differences


def test_rules_compare_two_members_and_say_that_somebody_must_be_there(problem: Problem) -> None:
    said = ["child.age > head.age - 15", "size = '2' and count(partner) = 0 and count(child) = 0", "child in law.age < 14"]
    rules, _, mended = heard_of(problem, rules=[{"never": never, "why": "x"} for never in said])
    assert rules == [*said[:2], '"child in law".age < 14']
    assert not mended


@pytest.mark.parametrize(
    ("entry", "reason"),
    [
        ({"difference": "head.age - aunt.age"}, "is none of the differences that were asked for"),
        ({"quantiles": QUANTILES[:6]}, "gives no 7 numbers as its quantiles"),
        ({"quantiles": [*QUANTILES[:6], None]}, "gives no 7 numbers"),
        ({"quantiles": QUANTILES[::-1]}, "its quantiles do not rise"),
        ({"quantiles": [3] * 7}, "its quantiles do not rise"),
        ({"quantiles": "16 to 50"}, "gives no 7 numbers"),
        (CHILD, "was given before"),
        (7, "is none of"),
    ],
)
def test_a_difference_that_cannot_be_used_costs_itself(problem: Problem, entry: object, reason: str) -> None:
    wrong = CHILD | {"difference": "head.age - partner.age"} | entry if isinstance(entry, dict) else entry
    _, told, mended = heard_of(problem, differences=[CHILD, wrong])
    assert list(told) == ["head.age - child.age"]
    assert len(mended) == 1
    assert reason in mended[0]


def test_differences_are_read_as_models_write_them(problem: Problem) -> None:
    _, told, mended = heard_of(
        problem,
        differences=[
            CHILD | {"difference": "head.age − child.age", "quantiles": [16, 19, 25, 25, 34, 42, 42]},
            {"difference": "Partner.age-child.age", "quantiles": dict(zip("abcdefg", QUANTILES, strict=True))},
            {"difference": 'head.age - "child in law".age', "quantiles": QUANTILES, "confidence": 80},
        ],
    )
    assert told["head.age - child.age"] == {"1%": 16, "5%": 19, "50%": 25, "75%": 34, "95%": 42}  # whole years are often alike
    assert len(told) == 3
    assert mended == ["head.age - child in law.age its confidence was taken as percent"]


@pytest.mark.slow
def test_a_model_that_knows_how_old_parents_are_makes_families_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    rules = {"rules": [{"never": "child.age > head.age - 15", "why": "too young"}], "differences": [CHILD]}

    def answer(number: int, body: dict) -> Reply:  # type: ignore[type-arg]
        question = body["messages"][1]["content"]
        return Reply(content=json.dumps(rules)) if '{"rules":' in question else by_schema(number, body)

    with serving(answer) as server:
        spec = parse_spec(TOWN + f'model: {{name: "{server.model}"}}\n')
        assert [one.stage for one in expected_requests(spec)].count("rules") == 1
        run = synthesize(spec, answers=tmp_path / "answers.jsonl")
    assert run.measurement.met
    assert [one.name for one in run.model.beliefs.differences] == ["head.age - child.age"]
    persons = run.tables["person"].to_dicts()
    heads = {one["household_id"]: one["age"] for one in persons if one["role"] == "head"}
    gaps = [heads[one["household_id"]] - one["age"] for one in persons if one["role"] == "child"]
    assert min(gaps) >= 15
    assert sum(gap > 50 for gap in gaps) < len(gaps) / 10


def test_a_table_of_the_same_two_is_pulled_to_alone_and_the_difference_lies_inside_its_bins(problem: Problem) -> None:
    difference = {"difference": "head.age - child.age", "quantiles": {"5%": 19, "95%": 42}}
    table = {"given": "head.age", "of": "child.age", "rows": [[90, 7, 1, 1, 1]] * 5}
    alone, beside = (
        resolve(Prior.model_validate({"differences": [difference], "dependencies": listed}), problem)
        for listed in ([], [table])
    )
    assert [one.name for one in alone.tables] == ["difference head.age - child.age"]
    assert [one.name for one in beside.tables] == [one.name for one in beside.dependencies] == ["child.age given head.age"]
    assert len(beside.differences) == len(alone.differences) == 1
    assert not alone.dependencies
