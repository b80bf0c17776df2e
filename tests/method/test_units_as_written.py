"""`direct` and `incremental` of households with their persons: taken as a model wrote them, through a server on loopback."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from model_server import KEY, Reply, serving
from synthor import Prior, Spec, compile_problem, parse_spec
from synthor.errors import WaitingError
from synthor.fit.model import Model, as_written
from synthor.loop import expected_requests, synthesize
from synthor.method.estimate import estimate
from synthor.prior.answers_of_members import hear_units
from synthor.prior.model import Proposal, read_prior
from synthor.prior.whole import written_level
from synthor.report.misfit import explain_misfit
from synthor.sample.stream import sample

HOMES = """
unit: home
records: 400
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {from: count(person), bins: [1, 2, 3]}
  oldest: {from: max(person.age), bins: [0, 18, 65]}
members:
  person:
    number: {min: 1, max: 4}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner, child]}
      age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
targets:
  - {name: tenure, counts: {tenure: {owned: 300, rented: 100}}}
  - {name: adults, table: [{age: 0-17, count: 200}, {age: 18+, count: 600}]}
  - {name: forties, where: "role = 'head'", table: [{age: 0-39, count: 100}, {age: 40+, count: 300}]}
rules:
  - {never: "tenure = 'rented' and head.age > 80"}
"""

FAMILY = {"home": ["owned"], "person": [["head", "18-64"], ["partner", "18-64"], ["child", "0-17"]]}
WIDOW = {"home": ["rented"], "person": [["head", "65+"]]}
TWO_HEADS = {"home": ["rented"], "person": [["head", "65+"], ["head", "18-64"]]}


def homes(**more: Any) -> Spec:
    return Spec.model_validate(parse_spec(HOMES).model_dump(exclude_unset=True, by_alias=True) | more)


def units(*written: Any) -> str:
    return json.dumps({"units": written})


def made(method: str, answer: Callable[[int, dict[str, Any]], Reply], folder: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(answer) as server:
        return synthesize(homes(method=method, model={"name": server.model}), answers=folder / "answers.jsonl"), server


@pytest.mark.slow
def test_whole_households_are_taken_as_the_model_writes_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, server = made(
        "direct", lambda number, body: Reply(content=units(FAMILY, FAMILY, FAMILY, WIDOW, TWO_HEADS)), tmp_path, monkeypatch
    )
    assert run.model.status.value == "as_written"
    home, person = run.tables["home"], run.tables["person"]
    assert home.height == 400
    assert home["tenure"].value_counts().sort("tenure").rows() == [("owned", 300), ("rented", 100)], (
        "three in four, whatever rules say"
    )
    with_home = person.join(home, on="home_id")
    assert sorted(with_home.filter(pl.col("tenure") == "rented")["role"].unique()) == ["head"]
    assert with_home.filter(pl.col("tenure") == "rented")["age"].max() > 80, "no rule holds it back"
    families = with_home.filter(pl.col("tenure") == "owned")
    assert families["role"].value_counts().sort("role").rows() == [("head", 300), ("partner", 300), ("child", 300)]
    assert families.filter(pl.col("role") == "child")["age"].max() < 18
    ages = families.filter(pl.col("role") == "head")["age"]
    assert ages.min() < 40 <= ages.max(), "an age lies anywhere in the bin that was written"
    counted = person.group_by("home_id").agg(pl.len().alias("n"), pl.col("age").max().alias("most"))
    both = home.join(counted, on="home_id")
    assert (both["persons"] == both["n"]).all()
    assert (both["oldest"] == both["most"]).all()
    assert any("2 with role 'head' are more, or fewer" in entry.reason for entry in run.model.dropped)
    question = server.bodies[0]["messages"][-1]["content"]
    assert "write 25 whole units" in question
    assert 'Form: {"units":[{"home":["owned"],"person":[["head","0-17"],..]},..]}' in question
    assert "1 to 4 in each" in question
    assert run.bill.requests == 6


@pytest.mark.slow
def test_groups_of_alike_households_are_added_round_by_round(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def group(share: float, tenure: str, roles: list[int], head: list[int]) -> dict[str, Any]:
        one = [0, 100, 0] if roles[1] or roles[2] else [100, 0, 0]
        named = {"head.age": head, "partner.age": head, "child.age": [100, 0, 0], "age": head}
        return {"share": share, "tenure": tenure, "persons": one, "role": roles, **named}

    plan = {"1": group(75, "owned", [50, 50, 0], [0, 100, 0]), "2": group(25, "rented", [100, 0, 0], [0, 0, 100])}
    run, server = made("incremental", lambda number, body: Reply(content=json.dumps(plan)), tmp_path, monkeypatch)
    assert run.model.status.value == "as_written"
    assert len(run.model.rounds) == 7, "round 0 is what the targets say alone"
    with_home = run.tables["person"].join(run.tables["home"], on="home_id")
    assert run.tables["home"]["tenure"].value_counts().sort("tenure").rows() == [("owned", 300), ("rented", 100)]
    rented = with_home.filter(pl.col("tenure") == "rented")
    assert rented["role"].unique().to_list() == ["head"]
    assert rented["age"].min() >= 65
    first, later = (body["messages"][-1]["content"] for body in (server.bodies[0], server.bodies[1]))
    assert "So far" not in first
    assert "- person: age = '0-17': wanted 25.0%, have" in later
    assert run.bill.requests == 6


ORDERS = """
unit: order
records: 100
variables:
  lines: {from: count(line), bins: [1, 2, 4]}
members:
  line: {number: {min: 1, max: 30}, variables: {product: {type: category, values: [bicycle, part]}}}
targets:
  - {name: lines, counts: {lines: {"1": 50, "2-3": 34, "4+": 16}}}
"""


def test_groups_have_as_many_members_as_is_said_of_them() -> None:
    said = [{"1": 60, "2-3": 30, "4+": 10}, {"1": 0, "2-3": 100, "4+": 0}]
    proposals = [Proposal(share=50, values={"lines": shares, "product": {"bicycle": 20, "part": 80}}) for shares in said]
    model = as_written(compile_problem(parse_spec(ORDERS)), Prior(proposals=proposals), pool_size=4_000)
    units = model.pool.units
    shares = np.bincount(np.bincount(units.above(0, 1)), model.weights)
    assert shares[1] == pytest.approx(0.30, abs=0.02)
    assert shares[2] == pytest.approx(shares[3], abs=0.03), "nothing is said of numbers inside a category"
    assert shares[4:].sum() == pytest.approx(0.05, abs=0.01)
    assert (np.diff(shares[4:8]) < 0).all(), "the last category falls off"
    (told,) = explain_misfit(model)
    assert "the proposals say 65%" in told.sentence


@pytest.mark.slow
def test_what_a_model_wrote_is_kept_replayed_and_drawn_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run, _ = made("direct", lambda number, body: Reply(content=units(FAMILY, WIDOW)), tmp_path, monkeypatch)
    out = tmp_path / "out"
    run.write(out)
    said, dropped = read_prior((out / "prior.json").read_text(), source="prior.json")
    assert not dropped
    assert said == run.model.prior
    again = Model.from_json((out / "model.json").read_text())
    assert again.pool.units.sha256 == run.model.pool.units.sha256
    assert sample(again).chunk(0)["person"].equals(sample(run.model).chunk(0)["person"])
    replayed = synthesize(
        homes(method="direct", model={"name": f"replay:{tmp_path / 'answers.jsonl'}"}), answers=tmp_path / "b"
    )
    assert replayed.tables["person"].equals(run.tables["person"])
    assert "taken as the model wrote them" in (out / "report.html").read_text()


@pytest.mark.slow
@pytest.mark.parametrize(("method", "n_requests"), [("direct", 6), ("incremental", 6)])
def test_costs_are_told_and_requests_can_be_written_to_a_folder(method: str, n_requests: int, tmp_path: Path) -> None:
    spec = homes(method=method, model={"name": "batch:asked"}).placed_in(tmp_path)
    told = estimate(spec, expected_requests(spec))
    assert told.total.requests == n_requests
    assert told.total.output_tokens > 1_000
    with pytest.raises(WaitingError):
        synthesize(spec, answers=tmp_path / "answers.jsonl")
    first = (tmp_path / "asked" / "requests-0001.jsonl").read_text().splitlines()
    assert len(first) == (6 if method == "direct" else 1)


@pytest.mark.long
def test_answers_of_a_batch_are_taken_and_a_budget_ends_asking(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = homes(method="direct", model={"name": "batch:asked"}).placed_in(tmp_path)
    with pytest.raises(WaitingError):
        synthesize(spec, answers=tmp_path / "answers.jsonl")
    asked = tmp_path / "asked"
    message = {"choices": [{"message": {"content": units(FAMILY, WIDOW)}, "finish_reason": "stop"}]}
    lines = (json.loads(line)["custom_id"] for line in (asked / "requests-0001.jsonl").read_text().splitlines())
    done = [json.dumps({"custom_id": key, "response": {"status_code": 200, "body": message}}) + "\n" for key in lines]
    (asked / "responses-0001.jsonl").write_text("".join(done))
    run = synthesize(spec, answers=tmp_path / "answers.jsonl")
    assert run.tables["home"]["tenure"].value_counts().sort("tenure").rows() == [("owned", 200), ("rented", 200)]
    assert "units break a rule" in run.verdict
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving(lambda number, body: Reply(content=units(WIDOW))) as server:
        capped = homes(method="direct", model={"name": server.model, "requests": 2})
        run = synthesize(capped, answers=tmp_path / "capped.jsonl")
    assert len(server.bodies) == 2
    assert run.tables["person"].height == 400


@pytest.mark.parametrize(
    ("written", "reason"),
    [
        ({"home": ["owned"], "person": []}, "0 of 'person' are more, or fewer, than there may be"),
        ({"home": ["owned"], "person": [["partner", "65+"]]}, "0 with role 'head' are more, or fewer"),
        ({"home": ["owned"], "person": [["head"]]}, "a row of 'person' is no list of 2 labels"),
        ({"home": ["let"], "person": [["head", "65+"]]}, "'let' is no label of tenure"),
        ({"home": ["owned"]}, "0 of 'person' are more, or fewer"),
        (["owned"], "a home has no list called 'person'"),
        ({"home": ["owned"], "person": "head"}, "a home has no list called 'person'"),
        (7, "a row of 'home' is no list of 1 labels"),
    ],
)
def test_a_household_that_cannot_be_costs_itself_alone(written: object, reason: str) -> None:
    unit = written_level(compile_problem(parse_spec(HOMES)))
    heard = hear_units(units(WIDOW, written), unit, 25)
    assert len(heard.proposals) == 1
    assert not heard.errors
    assert reason in heard.mended[0].reason
    alone = hear_units(units(written), unit, 25)
    assert reason in alone.errors["records"]


def test_labels_are_mended_and_objects_are_read_where_there_is_no_doubt() -> None:
    unit = written_level(compile_problem(parse_spec(HOMES)))
    told = {"home": {"tenure": "Owned"}, "person": [{"age": 70, "role": "Head"}, {"person": ["partner", "65+"]}]}
    proposal = next(iter(hear_units(units(told), unit, 25).proposals.values()))
    assert proposal.values == {"tenure": "owned"}
    assert proposal.members is not None
    assert [one.values for one in proposal.members["person"]] == [
        {"role": "head", "age": "65+"},
        {"role": "partner", "age": "65+"},
    ]


def test_trips_stand_below_the_person_who_makes_them() -> None:
    trips = "    members: {trip: {number: {max: 2}, variables: {mode: {type: category, values: [walk, bus]}}}}\n"
    spec = parse_spec(HOMES.replace("targets:", trips + "targets:"))
    problem = compile_problem(spec)
    written = {
        "home": ["owned"],
        "person": [{"person": ["head", "65+"], "trip": [["bus"], ["walk"]]}, {"person": ["child", "0-17"], "trip": []}],
    }
    heard = hear_units(units(written), written_level(problem), 25)
    assert not heard.mended
    model = as_written(problem, Prior(proposals=list(heard.proposals.values())))
    records = sample(model).chunk(0)
    assert records["trip"].height == 800
    walked = records["trip"].join(records["person"], on="person_id")
    assert walked["role"].unique().to_list() == ["head"]
