"""How far apart the numbers of two members lie, as a model is asked for it, and what becomes of its answer."""

import json
from pathlib import Path

import pytest

from model_server import KEY, Reply, by_schema, serving
from synthor import Prior, compile_problem, parse_spec, synthesize
from synthor.loop import expected_requests
from synthor.method.calibrated import Calibrated
from synthor.prior.answers_of_members import hear_differences
from synthor.prior.beliefs import resolve
from synthor.prior.differences import differences_told
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
QUANTILES = [16, 19, 25, 29, 34, 42, 50]
CHILD = {"difference": "head.age - child.age", "quantiles": QUANTILES, "confidence": 0.8}


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(TOWN))


def heard_of(problem: Problem, listed: object) -> tuple[dict[str, dict[str, float] | None], list[str]]:
    """Differences that an answer gave, and what was said of the others."""
    heard = hear_differences(json.dumps({"differences": listed}), differences_told(problem))
    told = {one.difference: one.quantiles for one in heard.differences}
    return told, [f"{one.belief} {one.reason}" for one in heard.mended]


def test_differences_are_asked_for_where_roles_tell_members_apart_and_answers_may_lack_them(problem: Problem) -> None:
    asked = next(one for one in Calibrated().begin(problem).questions if one.request.stage == "differences")
    assert asked.optional  # recordings of before replay
    assert "partner.age - child in law.age" in asked.request.question
    assert asked.request.schema["properties"]["differences"]["maxItems"] == len(differences_told(problem)) == 5
    without = compile_problem(parse_spec(TOWN.replace("    role: role\n    roles: {head: 1, partner: {max: 1}}\n", "")))
    assert "differences" not in [one.request.stage for one in Calibrated().begin(without).questions]


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
    told, mended = heard_of(problem, [CHILD, wrong])
    assert list(told) == ["head.age - child.age"]
    assert len(mended) == 1
    assert reason in mended[0]


def test_a_difference_the_other_way_round_is_turned_and_nothing_usable_is_asked_for_again(problem: Problem) -> None:
    turned = {"difference": "child.age – head.age", "quantiles": [-50, -42, -34, -29, -25, -19, -16]}
    told, mended = heard_of(problem, [turned])
    assert told == {"head.age - child.age": dict(zip(("1%", "5%", "25%", "50%", "75%", "95%", "99%"), QUANTILES, strict=True))}
    assert mended == ["head.age - child.age 'child.age – head.age' was turned round"]
    by_name = heard_of(problem, {"head.age - child.age": QUANTILES, "head.age - partner.age": {"5%": -5, "95%": 8}})
    assert by_name[0]["head.age - partner.age"] == {"5%": -5, "95%": 8}
    wrong = hear_differences(json.dumps({"differences": [CHILD | {"quantiles": QUANTILES[::-1]}]}), differences_told(problem))
    assert wrong.errors == {"differences": "its quantiles do not rise"}
    other = heard_of(problem, [CHILD | {"quantiles": {"q1": 5, "median": 8, "q3": 10}}])
    assert "names its quantiles by something else than percents" in other[1][0]


def test_differences_are_read_as_models_write_them(problem: Problem) -> None:
    told, mended = heard_of(
        problem,
        [
            CHILD | {"difference": "head.age − child.age", "quantiles": [16, 19, 25, 25, 34, 42, 42]},
            {"difference": "Partner.age-child.age", "quantiles": {"5%": 15, "p50": 28, "95": 41.5}},
            {"difference": 'head.age - "child in law".age', "quantiles": QUANTILES, "confidence": 80},
        ],
    )
    assert told["head.age - child.age"] == {"1%": 16, "5%": 19, "50%": 25, "75%": 34, "95%": 42}  # whole years are often alike
    assert told["partner.age - child.age"] == {"5%": 15, "50%": 28, "95%": 41.5}, "percents that are named are taken as named"
    assert mended == ["head.age - child in law.age its confidence was taken as percent"]


@pytest.mark.slow
def test_a_model_that_knows_how_old_parents_are_makes_families_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def answer(number: int, body: dict) -> Reply:  # type: ignore[type-arg]
        question = body["messages"][1]["content"]
        return Reply(content=json.dumps({"differences": [CHILD]})) if "how far apart" in question else by_schema(number, body)

    with serving(answer) as server:
        spec = parse_spec(TOWN + f'model: {{name: "{server.model}"}}\n')
        assert [one.stage for one in expected_requests(spec)].count("differences") == 1
        run = synthesize(spec, answers=tmp_path / "answers.jsonl")
    assert run.measurement.met
    assert [one.name for one in run.model.beliefs.differences] == ["head.age - child.age"]
    persons = run.tables["person"].to_dicts()
    heads = {one["household_id"]: one["age"] for one in persons if one["role"] == "head"}
    gaps = [heads[one["household_id"]] - one["age"] for one in persons if one["role"] == "child"]
    assert sum(gap < 16 for gap in gaps) < len(gaps) / 20
    assert sum(gap > 50 for gap in gaps) < len(gaps) / 20


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
