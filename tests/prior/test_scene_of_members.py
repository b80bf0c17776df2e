"""What a model is asked where units have members: whose variables are, which pairs there are, and a run on its answers."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_server import KEY, Reply, by_schema, serving
from synthor import compile_problem, parse_spec, synthesize
from synthor.errors import InputError
from synthor.fit.model import fit_what_can_be
from synthor.fit.nested import template_of
from synthor.fit.status import Status
from synthor.llm.request import Answer
from synthor.loop import expected_requests
from synthor.method.calibrated import Calibrated
from synthor.prior.among_members import AmongMembers
from synthor.prior.answers import hear_rules
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, Prior, RuleBelief, read_prior
from synthor.prior.questions import ask_marginals, ask_rules, ask_tables
from synthor.prior.scene_of_members import pairs_of_members, scene_of_members, unpublished_of_members
from synthor.prior.template import draw, prepared
from synthor.problem import Problem
from synthor.schema import Ref

TOWN = """
context: Households of a small town.
unit: household
records: 120
variables:
  size: {from: "count(person)", bins: [1, 2, 3, 4]}
  tenure: {type: category, values: [owned, rented]}
  cars: {type: integer, min: 0, max: 4, bins: [0, 1, 2]}
  head_age: {from: head.age, bins: [18, 30, 65]}
members:
  person:
    about: who lives there
    number: {min: 1, max: 6}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, other]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 30, 65]}
      sex: {type: category, values: [woman, man]}
targets:
  - {counts: {tenure: {owned: 70, rented: 50}}}
  - {counts: {size: {1: 40, 2: 40, 3: 20, 4+: 20}}}
  - {rows: person, counts: {age: {0-17: 50, 18-29: 40, 30-64: 130, 65+: 50}}}
  - rows: person
    table:
      - {role: head, sex: woman, count: 60}
      - {role: head, sex: man, count: 60}
      - {role: partner, sex: woman, count: 30}
      - {role: partner, sex: man, count: 30}
      - {role: other, sex: woman, count: 45}
      - {role: other, sex: man, count: 45}
rules:
  - {never: "head.age < 18", why: a head is of age}
"""


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(TOWN))


def question(problem: Problem) -> str:
    scene = scene_of_members(problem, Prior(), resolve(Prior(), problem))
    return ask_tables(scene, pairs_of_members(problem), {}).question


def test_a_question_tells_whose_each_variable_is_and_only_shares_that_are_known(problem: Problem) -> None:
    asked = question(problem)
    for line in (
        "Of each household, which is a unit",
        "1. size, which is count(person): '1' 33.3%, '2' 33.3%, '3' 16.7%, '4+' 16.7%",
        "3. cars: '0', '1', '2+'",
        "4. head_age, which is head.age: '18-29', '30-64', '65+'",
        "Of each person, a member of a household"
        " (1 to 6 in each; 1 with role 'head'; 0 to 1 with role 'partner'; 0 or more with role 'other'): who lives there",
        "5. role: 'head' 44.4%, 'partner' 22.2%, 'other' 33.3%",
        "Of the head of each household, as that person is",
        "8. head.age, as age",
        "Of the partner of each household, where there is one, as that person is",
        "Of each person with role 'other', as that person is",
        "- head.age < 18 (a head is of age)",
    ):
        assert line in asked.splitlines()
    assert "no such value" not in asked  # that a count has the bins that it has is told by its bins


def test_pairs_are_those_inside_a_level_of_unit_and_member_and_of_two_members(problem: Problem) -> None:
    pairs = {str(pair): pair.among for pair in pairs_of_members(problem)}
    assert pairs["cars given tenure"] == "household"
    assert pairs["age given role"] == "person"
    assert pairs["age given tenure"] == "person"
    assert pairs["head.age given tenure"] == "household"
    assert pairs["partner.age given head.age"] == "household with a partner"
    assert "sex given role" not in pairs  # published
    assert not {"head.age given head_age", "head_age given head.age"} & pairs.keys()  # the same
    assert len(pairs) == len({frozenset(name.split(" given ")) for name in pairs})
    assert pairs["other.age given head.age"] == "person with role 'other'"
    assert pairs["other.age given partner.age"] == "person with role 'other' and with a partner"
    assert pairs["other.sex given other.age"] == "person with role 'other'"
    assert pairs["head.sex given head.age"] == "household"
    names = {end for name in pairs for end in name.split(" given ")}
    assert all(problem.schema.resolve_among(name) is not None for name in names)


def test_shares_are_asked_for_that_no_table_gives_and_that_follow_from_nothing(problem: Problem) -> None:
    assert unpublished_of_members(problem) == ("cars",)
    prior = Prior(marginals=[{"of": "cars", "percent": [20, 50, 30]}])
    scene = scene_of_members(problem, prior, resolve(prior, problem))
    question = ask_rules(scene, "", AmongMembers.of(problem)).question
    assert "3. cars: '0' 20.0%, '1' 50.0%, '2+' 30.0% (shares not published, only believed)" in question
    assert '{"cars":[..]}' in ask_marginals(scene, ["cars"]).question


def test_shares_are_known_of_tables_with_tolerances_finer_bands_and_nearly_all_rows() -> None:
    """As offices print them: single years, everybody who was there that night, dwellings but caravans."""
    with_dwellings = TOWN.replace("  tenure:", "  dwelling: {type: category, values: [house, flat, caravan]}\n  tenure:")
    ages = "{0-9: 30, 10-17: 20, 18-19: 5, 20-29: 35, 30-64: 131, 65+: 51}"
    spec = with_dwellings.replace(
        "counts: {age: {0-17: 50, 18-29: 40, 30-64: 130, 65+: 50}}", f"counts: {{age: {ages}}}, tolerance: {{relative: 2%}}"
    ).replace(
        "  - {counts: {tenure: {owned: 70, rented: 50}}}",
        "  - {counts: {dwelling: {house: 100, flat: 17, caravan: 3}}}\n"
        "  - {where: dwelling <> 'caravan', counts: {tenure: {owned: 78, rented: 39}}}\n"
        "  - {where: dwelling = 'flat', counts: {cars: {0: 10, 1: 5, 2+: 2}}}\n"
        "  - {rows: person, where: age >= 20, counts: {sex: {woman: 108, man: 107}}}",
    )
    problem = compile_problem(parse_spec(spec))
    asked = question(problem)
    assert "age: '0-17' 18.4%, '18-29' 14.7%, '30-64' 48.2%, '65+' 18.8%" in asked
    assert "tenure: 'owned' 66.7%, 'rented' 33.3%" in asked
    assert unpublished_of_members(problem) == ("cars",), "17 flats say little of all"


def test_what_is_believed_of_nobody_is_believed() -> None:
    problem = compile_problem(parse_spec(TOWN.replace("30-64: 130, 65+: 50", "30-64: 180, 65+: 0")))
    table = Dependency(given="age", of="cars", rows=[[20, 50, 30], [50, 30, 20], [10, 50, 40], [80, 10, 10]])
    (believed,) = resolve(Prior(dependencies=[table]), problem).tables
    assert believed.conditional
    np.testing.assert_allclose(believed.rows, np.array(table.rows) / 100)


def test_rows_that_a_table_of_nearly_all_leaves_out_are_what_it_has_nobody_of() -> None:
    spec = (
        TOWN.replace(
            "  - {counts: {tenure: {owned: 70, rented: 50}}}",
            "  - {where: size < 6, counts: {tenure: {owned: 118, rented: 0}}}",
        )
        .replace("bins: [1, 2, 3, 4]", "bins: [1, 2, 3, 4, 6]")
        .replace("4+: 20", '"4-5": 18, "6+": 2')
    )
    assert "tenure: 'owned' 98.3%, 'rented' 1.7%" in question(compile_problem(parse_spec(spec)))


def test_every_answer_is_a_belief_that_can_be_used(problem: Problem) -> None:
    dice = np.random.default_rng(0)
    scene = scene_of_members(problem, Prior(), resolve(Prior(), problem))
    state = Calibrated().begin(problem)
    tables = []
    for pair in pairs_of_members(problem):
        shape = (scene.by_name[pair.given].size, scene.by_name[pair.of].size)
        tables.append({"given": pair.given, "of": pair.of, "rows": dice.integers(1, 99, shape).tolist(), "confidence": 0.6})
    found = resolve(Prior(dependencies=tables), problem)
    assert not found.dropped
    assert len(found.tables) == len(tables)
    assert [question.items for question in state.questions] == [("marginal cars",)]


@pytest.mark.long
def test_a_run_asks_and_meets_its_targets_whatever_it_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)

    def answer(number: int, body: dict[str, Any]) -> Reply:
        reply, asked = by_schema(number, body), body["response_format"]["json_schema"]["schema"]["properties"]
        if "2" in asked and asked["2"].get("type") == "array":
            assert list(asked) == ["2", "3"]  # no table tells how many have four
            pairs = [{"members": [1, 1, 0], "percent": 90}, {"members": [1, 1, 1], "percent": 9}]
            three = [
                {"members": [1, 1, 1], "percent": 60},
                {"members": [2, 0, 1], "percent": 30},
                {"members": [1, 0], "percent": 9},
            ]
            return Reply(content=json.dumps({"2": pairs, "3": three}))
        if "rules" in asked:
            rules = [{"never": "partner.age < 18", "why": "x"}, {"never": "nobody.age < 18", "why": "x"}]
            return Reply(content=json.dumps({"rules": rules}))
        said = json.loads(reply.content)
        for table in (entry for entry in said.values() if isinstance(entry, dict)):
            table["rows"] = [[round(80 / len(row) + 20 * share / sum(row), 2) for share in row] for row in table["rows"]]
            table["confidence"] = 0.3
        return Reply(content=json.dumps(said))

    with serving(answer) as server:
        spec = parse_spec(TOWN + f'model: {{name: "{server.model}"}}\n')
        assert [request.stage for request in expected_requests(spec)] == [
            "marginals",
            "tables",
            "rules",
            "compositions",
            "differences",
            "three_way",
        ]
        run = synthesize(spec, answers=tmp_path / "answers.jsonl")
    assert run.measurement.met
    assert 5 <= run.bill.requests <= 11  # what cannot be used is asked for once more, and strained tables are shown again
    assert run.model.beliefs.compositions == {(1, 1, 0): 0.9, (1, 1, 1): 0.6}
    assert run.model.rounds[1].beliefs["compositions"] == 2
    reasons = [entry.reason for entry in run.model.dropped]
    assert {"its 3 members are not 2", "gives no percent, or no 3 whole numbers"} <= set(reasons)
    assert any("2 with role 'head'" in reason for reason in reasons)
    assert len(run.model.beliefs.tables) == len(pairs_of_members(run.model.problem))
    assert [rule.text for rule in run.model.beliefs.rules] == ["partner.age < 18"]
    assert any("nobody.age" in entry.belief + entry.reason for entry in run.model.dropped)
    persons = run.tables["person"]
    assert persons.filter((persons["role"] == "partner") & (persons["age"] < 18)).height == 0


@pytest.mark.slow
def test_no_more_pairs_than_usual_are_asked_without_a_choice() -> None:
    own = "  tenure: {type: category, values: [owned, rented]}\n"
    more = "".join(f"  thing{number}: {{type: boolean}}\n" for number in range(14))
    state = Calibrated().begin(compile_problem(parse_spec(TOWN.replace(own, own + more))))
    shares = {f"thing{number}": [50, 50] for number in range(14)} | {"cars": [30, 50, 20]}
    state = Calibrated().step(state, [answer_of("marginals", json.dumps(shares))])
    asked = next(question.request for question in state.questions if question.items == ("pairs",)).question
    assert "is asked for anyway" not in asked
    assert "at most 105 pairs" in asked
    named = [[one, other] for one in range(1, 19) for other in range(one + 1, 19)]
    state = Calibrated().step(state, [answer_of("pairs", json.dumps({"pairs": named})), *[None] * (len(state.questions) - 1)])
    tables = [item for question in state.questions if question.request.stage == "tables" for item in question.items]
    assert len(tables) == 105


def test_an_estimate_counts_each_request_once_and_the_tables_of_pairs_that_are_named_first() -> None:
    own = "  tenure: {type: category, values: [owned, rented]}\n"
    more = "".join(f"  thing{number}: {{type: boolean}}\n" for number in range(8))
    counts = "".join(f"  - {{counts: {{thing{number}: {{yes: 60, no: 60}}}}}}\n" for number in range(8))
    shares = "  - {counts: {cars: {0: 40, 1: 40, 2+: 40}}}\n"
    spec = TOWN.replace(own, own + more).replace("rules:", f"{counts}{shares}rules:", 1)
    stages = [request.stage for request in expected_requests(parse_spec(spec + "model: {name: 'batch:asked'}\n"))]
    assert stages == ["pairs", "rules", "compositions", "differences", "three_way", "tables"]


def test_shares_of_members_that_are_asked_for_in_groups_are_believed() -> None:
    jobs = [f"job {i}" for i in range(30)]
    spec = TOWN.replace("      sex:", f"      job: {{type: category, values: {jobs}}}\n      sex:")
    problem = compile_problem(parse_spec(spec))
    groups = {"few": jobs[:10], "many": jobs[10:]}
    beliefs = resolve(Prior(groups={"job": groups}, marginals=[{"of": "job", "percent": [40, 60]}]), problem)
    assert not beliefs.dropped
    (shares,) = beliefs.of_members.values()
    assert shares == pytest.approx([0.04] * 10 + [0.03] * 20)


@pytest.mark.slow
def test_compositions_written_by_hand_are_drawn_and_those_that_cannot_be_are_told(problem: Problem) -> None:
    told = [
        {"members": {"head": 1, "partner": 1}, "percent": 97},
        {"members": {"head": 1, "other": 1}, "percent": 3},
        {"members": {"head": 1, "cousin": 1}, "percent": 5},
        {"members": {"head": 1, "other": 7}, "percent": 5},
    ]
    prior, dropped = read_prior(json.dumps({"compositions": told}), source="prior.json")
    assert not dropped
    assert read_prior(prior.to_json(), source="again")[0] == prior
    beliefs = resolve(prior, problem)
    assert beliefs.compositions == {(1, 1, 0): 0.97, (1, 0, 1): 0.03}
    assert [entry.belief for entry in beliefs.dropped] == ["compositions[2]", "compositions[3]"]
    much = Prior(compositions=[*told[:1], {"members": {"head": 1, "other": 1}, "percent": 97}])
    assert resolve(much, problem).compositions == {(1, 1, 0): 0.5, (1, 0, 1): 0.5}
    (stretched,) = resolve(much, problem).dropped
    assert (stretched.belief, stretched.action) == ("compositions of 2", "mended")
    assert stretched.reason == "they add up to 194%; they were stretched to 100%"
    drawn = draw(prepared(template_of(problem, beliefs)), size=3_000, random_seed=1)
    units, weights = drawn.units, np.exp(drawn.log_weight)
    two = np.bincount(units.above(0, 1)) == 2
    partner = np.bincount(units.above(0, 1), units.column(Ref(1, 0)) == 1) == 1
    assert weights[two & partner].sum() / weights[two].sum() == pytest.approx(0.97, abs=0.01)


def test_what_cannot_be_made_is_told_before_anything_is_asked() -> None:
    never = TOWN.replace("rules:\n", "rules:\n  - {never: 'count(person) > 0'}\n", 1)
    assert never != TOWN
    with pytest.raises(InputError, match="allowed by all rules"):
        expected_requests(parse_spec(never + "model: {name: 'batch:asked'}\n"))


@pytest.mark.slow
def test_roles_of_members_of_members_are_asked_about() -> None:
    trips = "    members: {trip: {role: way, roles: {out: 1}, variables: {way: {type: category, values: [out, back]}}}}\n"
    two = TOWN.replace("targets:\n", f"{trips}targets:\n", 1)
    asked = expected_requests(parse_spec(two + "model: {name: 'batch:asked'}\n"))
    assert any("Of each trip, a member of a person (1 or more in each; 1 with way 'out'" in one.question for one in asked)


@pytest.mark.slow
def test_many_categories_are_put_into_groups_once_and_the_head_is_shown_in_the_same() -> None:
    jobs = [f"job {number}" for number in range(30)]
    own = "      sex: {type: category, values: [woman, man]}\n"
    many = TOWN.replace(own, f"{own}      job: {{type: category, values: {json.dumps(jobs)}}}\n")
    method = Calibrated()
    state = method.begin(compile_problem(parse_spec(many)))
    assert [question.items for question in state.questions] == [("groups job",)]
    groups = [{"name": "one", "categories": list(range(1, 16))}, {"name": "two", "categories": list(range(16, 31))}]
    state = method.step(state, [answer_of("groups", json.dumps({"groups": groups}))])
    assert [question.items for question in state.questions] == [("marginal cars", "marginal job")]
    state = method.step(state, [answer_of("marginals", json.dumps({"cars": [30, 50, 20], "job": [60, 40]}))])
    tables = state.questions[0].request.question
    assert "job: 'one', 'two'" in tables.replace(" 60.0%", "").replace(" 40.0%", "")
    assert "head.job, as job" in tables
    assert "job given sex" in tables


def answer_of(stage: str, text: str) -> Answer:
    return Answer(key="", stage=stage, model="", text=text, finish="stop")


@pytest.mark.parametrize(
    "never", ["", "((((", "count(person", "count(person) <", "head.age.age < 3", "age < 'x", "1", "not", "sum(person.role) > 1"]
)
def test_rules_that_cannot_be_read_cost_themselves(problem: Problem, never: str) -> None:
    heard = hear_rules(json.dumps({"rules": [{"never": never, "why": ""}, {"never": "partner.age < 18", "why": ""}]}), problem)
    assert [rule.never for rule in heard.rules] == ["partner.age < 18"]
    assert len(heard.mended) == 1


@pytest.mark.slow
def test_rules_that_leave_no_unit_are_told_before_anything_is_asked() -> None:
    none = TOWN.replace("why: a head is of age}", "why: a head is of age}\n  - {never: head.age >= 18}")
    with pytest.raises(InputError, match="no combination of categories is allowed by all rules"):
        expected_requests(parse_spec(none + "model: {name: 'batch:asked'}\n"))


@pytest.mark.slow
def test_of_many_believed_rules_those_that_leave_no_room_are_left_out_alone(problem: Problem) -> None:
    told = ["count(partner) >= 1", "head.age < 18", "role = 'partner' and age < 18", "head.age < 200", "count(person) > 0"]
    model = fit_what_can_be(problem, Prior(rules=[RuleBelief(never=never, why="x") for never in told]))
    assert model.status is Status.CONVERGED
    assert [rule.text for rule in model.beliefs.rules] == told[1:3]
    assert [entry.belief for entry in model.dropped] == [f"rules[{at}]: {told[at]}" for at in (0, 3, 4)]
