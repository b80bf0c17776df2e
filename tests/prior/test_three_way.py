"""Tables of three variables: written by hand, asked of a model, and what comes out."""

import json
from pathlib import Path

import numpy as np
import pytest

from model_server import KEY, Reply, serving
from synthor import compile_problem, load_spec, parse_spec, synthesize
from synthor.draws.perturb import perturb
from synthor.fit.model import Model, fit
from synthor.loop import believe, expected_requests
from synthor.prior.answers_of_members import hear_three_way
from synthor.prior.beliefs import resolve
from synthor.prior.confidence import strengthened
from synthor.prior.model import Prior, ThreeWay, read_prior
from synthor.prior.scene_of_members import scene_of_members
from synthor.problem import Problem
from synthor.report.misfit import strain_tables
from synthor.schema import Ref

TOWN = """
context: Households of a small town.
unit: household
records: 600
variables:
  size: {from: "count(person)", bins: [1, 2, 3, 4]}
  tenure: {type: category, values: [owned, rented]}
members:
  person:
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 30]}
      sex: {type: category, values: [woman, man]}
      work: {type: category, values: [works, does not]}
targets:
  - {counts: {tenure: {owned: 350, rented: 250}}}
  - {counts: {size: {1: 200, 2: 200, 3: 100, 4+: 100}}}
  - {rows: person, counts: {age: {0-29: 400, 30+: 930}}}
  - {rows: person, counts: {sex: {woman: 700, man: 630}}}
  - {rows: person, counts: {work: {works: 700, does not: 630}}}
"""
ROWS = [[60, 40], [20, 80], [20, 80], [90, 10]]
"""Young women work more than young men, older ones less: in no pair of the three is that to be seen."""


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(TOWN))


def said(**changed: object) -> Prior:
    told = {"given": ["age", "sex"], "of": "work", "rows": ROWS, "confidence": 0.99} | changed
    return Prior(three_way=[ThreeWay.model_validate(told)])


@pytest.mark.slow
def test_what_is_believed_of_three_comes_out_with_every_target_exact(tmp_path: Path) -> None:
    (tmp_path / "prior.json").write_text(said().to_json(), encoding="utf-8")
    run = synthesize(parse_spec(TOWN), prior=tmp_path / "prior.json")
    assert run.measurement.met
    assert run.model.beliefs.sentence == "Beliefs used: 1 three-way table."
    persons = run.tables["person"]
    woman, works = persons["sex"].to_numpy() == "woman", persons["work"].to_numpy() == "works"
    young = persons["age"].to_numpy() < 30
    assert works[young & woman].mean() - works[young & ~woman].mean() > 0.3
    assert works[~young & woman].mean() - works[~young & ~woman].mean() < -0.5
    again = Model.from_json(run.model.to_json())
    assert again.three_way == run.model.three_way
    np.testing.assert_allclose(again.weights, run.model.weights, rtol=1e-6)
    names = [row.name for table in strain_tables(run.model) for row in table.rows]
    assert "work given age and sex" in names
    assert "three_way" not in fit(compile_problem(parse_spec(TOWN)), Prior()).to_json()


@pytest.mark.slow
def test_rates_that_do_not_add_up_to_what_is_known_move_nobody_between_the_sexes() -> None:
    """Of all persons 700 work: as many men as women there are at each age, whatever rates are believed."""
    problem = compile_problem(parse_spec(TOWN))
    for rows in ([[80, 20], [55, 45], [55, 45], [98, 2]], [[40, 60], [8, 92], [8, 92], [75, 25]]):
        model = fit(problem, said(rows=rows, confidence=0.95))
        units, weights = model.pool.units, model.weights
        age, sex, work = (units.column(Ref(1, position), 1) for position in (1, 2, 3))
        person = weights[units.above(0, 1)]
        women = [person[(age == own) & (sex == 0)].sum() / person[age == own].sum() for own in (0, 1)]
        np.testing.assert_allclose(women, 700 / 1330, atol=0.04)  # 0.2 and 0.8, were rates to add up by this
        rates = [person[(age == a) & (sex == s) & (work == 0)].sum() / person[(age == a) & (sex == s)].sum()
                 for a in (0, 1) for s in (0, 1)]  # fmt: skip
        odds = [rate / (1 - rate) for rate in rates]
        told = [row[0] / row[1] for row in rows]
        np.testing.assert_allclose(np.log(odds[0] / odds[1]), np.log(told[0] / told[1]), atol=0.4)


@pytest.mark.parametrize(
    ("changed", "why"),
    [
        ({"of": "wrk"}, "no variable is called 'wrk'; did you mean 'work'?"),
        ({"rows": ROWS[:3]}, "3 rows of [2] numbers, expected 4 rows of 2: those of the first age first, one for each sex"),
        (
            {"given": ["role", "sex"], "rows": [[[1, 1]] * 3] * 2},
            "rows have 2 parts; write a part for each of the 3 of role, and in it a row for each of the 2 of sex",
        ),
        ({"rows": [[0, 0], *ROWS[1:]]}, "row 1 holds only zeros"),
        ({"given": ["age", "tenure"], "of": "size", "rows": [[1, 1, 1, 1]] * 4}, ""),
        ({"given": ["head.age", "head.sex"], "of": "head.work"}, ""),
        ({"given": ["other.age", "tenure"], "of": "other.work"}, ""),
    ],
)
def test_variables_of_any_level_and_role_are_taken_and_others_told(
    changed: dict[str, object], why: str, problem: Problem
) -> None:
    beliefs = resolve(said(**changed), problem)
    assert [entry.reason for entry in beliefs.dropped] == ([why] if why else [])
    assert len(beliefs.three_way) == (not why)


def test_records_without_members_have_none() -> None:
    flat = compile_problem(parse_spec("{records: 9, variables: {a: {type: boolean}, b: {type: boolean}, c: {type: boolean}}}"))
    prior = Prior(three_way=[ThreeWay(given=["a", "b"], of="c", rows=ROWS)])
    assert [entry.reason for entry in resolve(prior, flat).dropped] == [
        "tables of three variables are used where units have members only"
    ]


def test_a_file_of_beliefs_holds_them_and_a_bad_one_costs_itself() -> None:
    told = [{"given": ["age", "sex"], "of": "work", "rows": ROWS}, {"given": ["age", "age"], "of": "work", "rows": ROWS}, 3]
    prior, dropped = read_prior(json.dumps({"three_way": told}), source="prior.json")
    assert [entry.belief for entry in dropped] == ["three_way[1]", "three_way[2]"]
    assert read_prior(prior.to_json(), source="again") == (prior, ())
    assert not prior.empty
    assert "three_way" not in Prior().to_json()


def test_rows_may_be_nested_as_they_are_told(problem: Problem) -> None:
    nested = [ROWS[:2], ROWS[2:]]
    told = [{"given": ["age", "sex"], "of": "work", "rows": rows} for rows in (nested, ROWS, [ROWS[:2], ROWS[2:3]])]
    prior, dropped = read_prior(json.dumps({"three_way": told}), source="prior.json")
    assert [entry.belief for entry in dropped] == ["three_way[2]"]
    assert "parts have different numbers of rows" in dropped[0].reason
    first, second = resolve(prior, problem).three_way
    np.testing.assert_allclose(first.rows, np.array(ROWS) / 100)
    np.testing.assert_allclose(first.rows, second.rows)
    again, _ = read_prior(prior.to_json(), source="again")
    np.testing.assert_allclose(resolve(again, problem).three_way[0].rows, first.rows)


def test_draws_move_them_by_what_their_strength_leaves_open(problem: Problem) -> None:
    sure, unsure = (perturb(said(confidence=confidence), problem, 1).three_way for confidence in (0.99, 0.1))
    assert sure
    assert unsure
    off = [np.abs(np.array(one[0].rows) - ROWS).mean() for one in (sure, unsure)]
    assert 0 < off[0] < 2 < off[1]
    stronger = strengthened(said(confidence=0.5), 3.0, "tried").three_way
    assert stronger is not None
    assert stronger[0].confidence == 0.75


@pytest.mark.slow
def test_another_fit_of_the_same_candidates_takes_only_the_same_tables(problem: Problem) -> None:
    first = fit(problem, said())
    assert fit(problem, said(rows=ROWS[::-1]), like=first).status.value == "converged"
    assert fit(problem, Prior(), like=first).status.value == "converged"


@pytest.mark.slow
def test_a_model_is_asked_for_them_and_older_recordings_replay_without(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def answer(number: int, body: dict) -> Reply:  # type: ignore[type-arg]
        question = body["messages"][1]["content"]
        if "triples" in question:
            names = [line for line in question.splitlines() if line[:1].isdigit()]
            at = {name: next(i for i, line in enumerate(names, 1) if f" {name}:" in line) for name in ("age", "sex", "work")}
            table = {"triple": [at["work"], at["age"], at["sex"]], "why": "x", "rows": ROWS, "confidence": 0.9}
            return Reply(content=json.dumps({"tables": [table, {"triple": [1, 2], "rows": []}]}))
        return Reply(content="{}")

    answers = tmp_path / "answers.jsonl"
    with serving(answer) as server:
        spec = parse_spec(TOWN + f'model: {{name: "{server.model}"}}\n')
        assert "three_way" in [request.stage for request in expected_requests(spec)]
        run = synthesize(spec, answers=answers)
    assert [table.name for table in run.model.beliefs.three_way] == ["work given age and sex"]
    assert any("names no three variables" in entry.reason for entry in run.model.dropped)
    (tmp_path / "spec.yaml").write_text(TOWN + 'model: {name: "replay:answers.jsonl"}\n', encoding="utf-8")
    assert believe(load_spec(tmp_path / "spec.yaml"))[0].prior.three_way == run.model.recipe.prior.three_way
    lines = answers.read_text(encoding="utf-8").splitlines()
    older = [line for line in lines if json.loads(line).get("stage") != "three_way"]
    assert len(older) == len(lines) - 1
    answers.write_text("\n".join(older) + "\n", encoding="utf-8")
    without = believe(load_spec(tmp_path / "spec.yaml"))[0]
    assert without.prior == run.model.recipe.prior.model_copy(update={"three_way": None, "about": without.prior.about})
    assert not without.questions


@pytest.mark.parametrize(
    ("tables", "reason"),
    [
        ([{"triple": ["work", "age", "sex"], "rows": ROWS}], ""),
        ([{"triple": ["work", "age", "age"], "rows": ROWS}], "names no three variables by their numbers"),
        ([{"triple": ["work", "age", "sex"], "rows": ROWS[:2]}], "it has 2 rows, expected 4"),
        ([{"triple": ["work", "age", "sex"], "rows": [[1, 2, 3], *ROWS[1:]]}], "row 1 has 3 numbers, expected 2"),
        ([{"triple": ["work", "age", "sex"], "rows": [["x", 2], *ROWS[1:]]}], "row 1 holds something that is no number"),
        (["no table", None, 7], "names no three variables by their numbers"),
    ],
)
def test_an_answer_costs_what_is_wrong_with_it(tables: list[object], reason: str, problem: Problem) -> None:
    heard = hear_three_way(json.dumps({"tables": tables}), scene_of_members(problem, Prior(), resolve(Prior(), problem)))
    assert len(heard.three_way) == (not reason)
    assert bool(heard.errors) == bool(reason)
    assert all(entry.reason.startswith(reason) for entry in heard.mended)
