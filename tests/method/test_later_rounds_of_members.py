"""Later rounds for households with their persons: what the fit lacks is asked for, through a server on loopback."""

import json
import random
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from model_server import KEY, Reply, serving, value_of
from synthor import Prior, Spec, compile_problem, parse_spec
from synthor.loop import synthesize
from synthor.prior import answers_of_members as hearing_of_members
from synthor.prior.beliefs import resolve
from synthor.prior.heard import Heard
from synthor.prior.questions import Segment
from synthor.prior.scene_of_members import scene_of_members
from synthor.prior.segments import form_of_segments, wrong_in

HOMES = """
unit: home
records: 400
variables:
  tenure: {type: category, values: [owned, rented]}
  head_age: {from: head.age, bins: [18, 40, 65, 95]}
  partner_age: {from: partner.age, bins: [18, 40, 65, 95]}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 40, 65, 95]}
      sex: {type: category, values: [f, m]}
targets:
  - {counts: {tenure: {owned: 300, rented: 100}}}
  - {counts: {role: {head: 400, partner: 200, child: 200}}}
  - {counts: {age: {0-17: 190, 18-39: 300, 40-64: 220, 65-94: 86, 95+: 4}}}
  - {name: very old couples, where: "head_age >= 95 and partner_age >= 95", counts: {tenure: {owned: 1, rented: 0}}}
rules:
  - {never: "head.age < 18"}
  - {never: "partner.age < 18"}
  - {never: "child.age > head.age - 15"}
"""

OLD_COUPLE = {
    "values": [{"variable": "head.age", "value": {"from": 95, "to": 99}}, {"variable": "partner.age", "value": "95+"}],
    "compositions": [{"members": [1, 1, 0], "percent": 100}],
    "differences": [{"difference": "head.age - partner.age", "from": -3, "to": 3}],
}


def homes(**more: Any) -> Spec:
    return Spec.model_validate(parse_spec(HOMES).model_dump(exclude_unset=True, by_alias=True) | more)


def knows(number: int, body: dict[str, Any]) -> Reply:
    """Tables that are even throughout, which targets and rules contradict, and are kept when they are shown again.

    And the same segment for every cell.
    """
    text, schema = body["messages"][-1]["content"], body["response_format"]["json_schema"]["schema"]
    if "describe one segment of units" in text:
        return Reply(content=json.dumps(dict.fromkeys(schema["properties"], OLD_COUPLE)))
    if "Choose up to" in text:
        return Reply(content="{}")
    if "keep it as it is" in text:
        return Reply(content=json.dumps({key: {"why": "", "rows": [], "confidence": 0.125} for key in schema["properties"]}))
    if "conditional table" in text:
        told = value_of(schema, schema, random.Random(1))
        for table in told.values():
            table["rows"] = [[100 / len(row)] * len(row) for row in table["rows"]]
        return Reply(content=json.dumps(told))
    return Reply(content='{"rules":[]}' if "impossible: those" in text else "{}")


@pytest.mark.long
def test_what_the_fit_lacks_is_asked_and_a_recording_of_the_first_round_ends_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    journal = tmp_path / "answers.jsonl"
    with serving(knows) as server:
        run = synthesize(homes(model={"name": server.model}), answers=journal)
    assert run.measurement.met
    assert run.model.rounds[2].asked == {"targeted": 1, "revise": 1}
    assert run.model.rounds[2].beliefs["proposals"] > 0
    kept = [table for table in run.model.prior.dependencies if table.confidence == 0.125]
    assert kept
    assert all(np.ptp(row) < 1e-9 for table in kept for row in table.rows or [])
    asked = [body["messages"][-1]["content"] for body in server.bodies]
    assert any("wanted 37.5% of these rows, have" in text for text in asked)
    again = next(text for text in asked if "counted over every person with role 'child'" in text and "nearest" in text)
    assert re.search(r"   you wrote \[\[[\d.,\[\]]+\]\]", again)
    first = [line for line in journal.read_text().splitlines() if not {"targeted", "revise"} & set(json.loads(line).values())]
    (tmp_path / "first.jsonl").write_text("\n".join(first) + "\n")
    replayed = synthesize(homes(model={"name": f"replay:{tmp_path / 'first.jsonl'}"}), answers=tmp_path / "none.jsonl")
    assert replayed.model.rounds == run.model.rounds[:2]
    assert replayed.measurement.met


def heard(told: object) -> Heard:
    problem = compile_problem(homes())
    scene = scene_of_members(problem, Prior(), resolve(Prior(), problem))
    form = form_of_segments(problem, [variable.name for variable in scene.variables])
    segments = {"cell a": Segment(name="a", share=0.5)}
    text = json.dumps({"1": told})
    return hearing_of_members.hear_segments(text, scene, form, segments, lambda proposal: wrong_in(proposal, problem, {}))


def test_a_segment_is_heard_as_it_is_told() -> None:
    found = heard(OLD_COUPLE)
    assert not found.errors
    proposal = found.proposals["cell a"]
    assert proposal.values.keys() == {"head.age", "partner.age"}
    assert proposal.compositions is not None
    assert proposal.compositions[0].members == {"head": 1, "partner": 1}
    assert proposal.differences is not None
    assert proposal.differences[0].percent == {"-3 to 3": 100}


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"values": [{"variable": "head.agge", "value": "95+"}]}, "'head.agge' is no variable that a segment can give"),
        ({"values": [{"variable": "role", "value": "child"}]}, "'role' is no variable that a segment can give"),
        ({"values": [{"variable": "head.age", "value": "ancient"}]}, "'ancient' is no label"),
        ({"compositions": [{"members": [1, 1], "percent": 100}]}, "no 3 whole numbers"),
        ({"compositions": [{"members": [2, 0, 0], "percent": 100}]}, "none of its compositions can be"),
        ({"differences": [{"difference": "head.age - uncle.age", "from": 1, "to": 2}]}, "no variable is called 'uncle.age'"),
        ({"values": [], "compositions": [], "differences": []}, "it says nothing of its units"),
    ],
)
def test_a_segment_that_cannot_be_used_is_refused_with_the_reason(change: dict[str, Any], reason: str) -> None:
    found = heard(OLD_COUPLE | change)
    assert not found.proposals
    assert reason in found.errors["cell a"]
