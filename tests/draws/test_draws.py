"""Draws: plausible populations beside the usual one, made once, the same whatever their number, and asked for ranges."""

import json
import os
import time
from pathlib import Path

import polars as pl
import pytest

from forked import Forked, synthor
from synthor import compile_problem, load_spec, parse_spec, synthesize
from synthor.draws.asked import ask_folder
from synthor.draws.make import make_draws, population, recordings_of
from synthor.draws.perturb import perturb
from synthor.errors import InputError
from synthor.evaluate.calibrate import Calibration
from synthor.events import Event
from synthor.fit.model import Model, fit_what_can_be
from synthor.loop import check_all
from synthor.prior.beliefs import resolve
from synthor.prior.model import Dependency, Marginal, Prior, Proposal
from synthor.report.ranges import show_ranges
from synthor.report.screen import Tone
from synthor.store.folder import RunFolder

SPEC = """
title: Cars & <homes>
records: 400
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented, "let, <free>"]}
  income: {type: integer, min: 0, max: 99, bins: [0, 40]}
targets:
  - {counts: {car: {yes: 250, no: 150}}}
  - {counts: {tenure: {owned: 200, rented: 160, "let, <free>": 40}}}
  - {counts: {income: {0: 250, 40: 150}}}
"""
SURE = Dependency(given="tenure", of="car", rows=[[10, 90], [60, 40], [50, 50]], confidence=0.9)
UNSURE = SURE.model_copy(update={"confidence": 0.1})


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    for name, table in (("one", SURE), ("two", SURE.model_copy(update={"rows": [[60, 40], [10, 90], [50, 50]]}))):
        (tmp_path / f"{name}.json").write_text(Prior(dependencies=[table]).to_json())
    (tmp_path / "spec.yaml").write_text(SPEC + "prior: [one.json, two.json]\n")
    return tmp_path / "spec.yaml"


def renters_with_car(records: pl.DataFrame) -> int:
    return int(records.filter(pl.col("tenure") == "rented")["car"].sum())


def test_a_draw_is_the_same_however_many_are_made_and_whatever_else_is_believed() -> None:
    problem = compile_problem(parse_spec(SPEC))
    alone = perturb(Prior(dependencies=[SURE]), problem, 3)
    other = Dependency(given="income", of="car", rows=[[50, 50], [20, 80]])
    assert perturb(Prior(dependencies=[other, SURE]), problem, 3).dependencies[1] == alone.dependencies[0]
    like = fit_what_can_be(problem, Prior(dependencies=[SURE]))
    first, again = (population(like, [Prior(dependencies=[SURE])], 3) for _ in range(2))
    assert first.records.equals(again.records)
    read = Model.from_json(like.to_json())
    assert population(read, [Prior(dependencies=[SURE])], 3).records.equals(first.records)


@pytest.mark.slow
def test_who_is_less_sure_draws_wider() -> None:
    problem = compile_problem(parse_spec(SPEC))
    spreads = []
    for table in (SURE, UNSURE):
        drawn = [
            resolve(perturb(Prior(dependencies=[table]), problem, k), problem).tables[0].grouped[1, 1] for k in range(1, 60)
        ]
        spreads.append(float(pl.Series(drawn).std()))  # type: ignore[arg-type]
    # Dirichlet's standard deviation at a share of 0.16, marginals fixed: below sqrt(0.16 * 0.84 / (n + 1)) for n = 2700 and 33.
    assert spreads[0] < 0.0071
    assert 3 * spreads[0] < spreads[1] < 0.063


def test_plans_and_marginals_move_and_rules_stay() -> None:
    problem = compile_problem(parse_spec(SPEC.replace("  - {counts: {income: {0: 250, 40: 150}}}\n", "")))
    plan = [
        Proposal(name="a", share=60, values={"tenure": "owned", "car": {"yes": 9, "no": 1}}),
        Proposal(name="b", share=40, values={"tenure": {"rented": 4, "let, <free>": 1}, "car": True}),
    ]
    said = Prior(proposals=plan, marginals=[Marginal(of="income", percent=[70, 30])])
    moved = perturb(said, problem, 1)
    assert [proposal.name for proposal in moved.proposals] == ["a", "b"]
    assert moved.proposals[0].share / moved.proposals[1].share != 1.5
    assert moved.proposals[0].values["tenure"] == "owned"
    assert moved.proposals[1].values["tenure"] != plan[1].values["tenure"]
    assert 55 < moved.marginals[0].percent[0] < 85
    assert moved.marginals[0].percent != [70, 30]
    assert moved.rules == said.rules
    assert population(fit_what_can_be(problem, said), [said], 1).measurement.met


def test_a_belief_that_cannot_be_used_stays_to_be_listed() -> None:
    problem = compile_problem(parse_spec(SPEC))
    strange = Dependency(given="tenure", of="pets", rows=[[1, 1]])
    assert perturb(Prior(dependencies=[strange]), problem, 1).dependencies == [strange]


@pytest.mark.slow
def test_draws_take_recordings_in_turn_and_a_run_takes_the_first(spec: Path, tmp_path: Path) -> None:
    loaded = load_spec(spec)
    run = synthesize(loaded)
    assert run.model.prior.dependencies == [SURE]
    said = recordings_of(run.model, loaded, None)
    drawn = [renters_with_car(population(run.model, said, number).records) for number in (1, 2, 3, 4)]
    assert max(drawn[0], drawn[2]) < 90
    assert min(drawn[1], drawn[3]) > 110
    assert len(recordings_of(run.model, loaded, tmp_path / "two.json")) == 1


def test_a_calibration_of_the_run_is_that_of_every_recording(spec: Path) -> None:
    loaded = load_spec(spec)
    calibration = Calibration(factor=0.1, low=0.01, high=1.0, beliefs=("car given tenure",), targets=("t",))
    said = recordings_of(synthesize(loaded).model, loaded, None, calibration)
    assert [table.confidence for prior in said for table in prior.dependencies] == [pytest.approx(0.9 / 1.9, abs=1e-6)] * 2


def test_every_recording_is_checked(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "two.json").write_text('{"dependencies": [{"given": "tenure", "of": "pets", "rows": [[1, 1]]}]}')
    found = check_all(load_spec(spec))
    assert [finding.severity for finding in found] == ["warning"]
    assert "two.json: dependencies[0] (pets given tenure): no variable is called 'pets'" in str(found[0])
    (tmp_path / "one.json").unlink()
    assert {finding.severity for finding in check_all(load_spec(spec))} == {"error", "warning"}


@pytest.mark.slow
def test_draws_of_a_run_are_kept_and_can_be_asked(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    first = synthor("run", spec, "--out", out, "--draws", "2", "--json")
    assert first.returncode == 0, first.stderr
    assert [draw["kept"] for draw in json.loads(first.stdout)["draws"]] == [False, False]
    before = (out / "draws" / "001" / "records.parquet").read_bytes()
    more = synthor("run", spec, "--out", out, "--draws", "3")
    assert "3 draws (2 of them by an earlier run), 3 of which meet all targets." in more.stdout
    assert (out / "draws" / "001" / "records.parquet").read_bytes() == before
    assert json.loads((out / "draws" / "003" / "measurement.json").read_text())["met"]
    asked = synthor("measure", out, "--of", "car by tenure", "--of", "income >= 40 by car", "--json")
    assert asked.returncode == 0, asked.stderr
    answers = json.loads(asked.stdout)["answers"]
    assert json.loads((out / "ranges.json").read_text()) == {"answers": answers}
    cell = answers[0]["cells"][4]
    assert cell["labels"] == {"car": "yes", "tenure": "rented"}
    assert cell["bounds"] == {"low": 10, "high": 160}
    assert 10 <= cell["draws"]["lowest"] < cell["draws"]["mean"] < cell["draws"]["highest"] <= 160
    page = (out / "ranges.html").read_text()
    assert "let, &lt;free&gt;" in page
    assert "<free>" not in page
    assert synthor("run", spec, "--out", out).returncode == 0  # our own ranges.json is in nobody's way
    assert not (out / "ranges.json").exists()


@pytest.mark.slow
def test_a_draw_that_misses_is_told_and_leaves_the_run_met(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    assert synthor("run", spec, "--out", out, "--draws", "2").returncode == 0
    mark = out / "draws" / "002" / "draw.json"
    missed = json.loads(mark.read_text()) | {"met": False, "verdict": "Not met: 1 of 3 targets is off."}
    mark.write_text(json.dumps(missed))
    again = synthor("run", spec, "--out", out, "--draws", "2")
    assert again.returncode == 0, again.stdout
    assert "Draw 002: Not met: 1 of 3 targets is off." in again.stdout
    assert "1 of which meets all targets. The records themselves meet theirs, so the run counts as met" in again.stdout


@pytest.mark.slow
def test_draws_of_another_model_are_passed_over_and_made_anew(spec: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    first = synthesize(load_spec(spec))
    first.write(folder.path)
    make_draws(first, [first.model.prior], folder, 1)
    assert len(ask_folder(folder, ["car"])[0].draws) == 1
    spec.write_text(spec.read_text().replace("yes: 250, no: 150", "yes: 230, no: 170"))
    other = synthesize(load_spec(spec))
    other.write(folder.path)
    assert len(ask_folder(folder, ["car"])[0].draws) == 0
    assert [draw.kept for draw in make_draws(other, [other.model.prior], folder, 1)] == [False]
    assert ask_folder(folder, ["car"])[0].lowest.tolist() == [170, 230]


@pytest.mark.slow
def test_without_draws_it_is_said_how_to_get_some(spec: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folder = RunFolder(tmp_path / "out")
    synthesize(load_spec(spec)).write(folder.path)
    show_ranges(ask_folder(folder, ["car by tenure"]), "out", Tone.USUAL)
    told = capsys.readouterr().out
    assert "10 to 160" in told
    assert "There are no draws beside out: make some with `synthor run SPEC --out out --draws 20`." in told


@pytest.mark.slow
def test_an_interruption_loses_no_finished_draw(spec: Path, tmp_path: Path) -> None:
    run = synthesize(load_spec(spec))
    run.write(tmp_path / "out")

    def interrupt(event: Event) -> None:
        if event.stage == "draws" and event.done == 2:
            raise KeyboardInterrupt

    folder = RunFolder(tmp_path / "out")
    with pytest.raises(KeyboardInterrupt):
        make_draws(run, [run.model.prior], folder, 3, on_event=interrupt)
    assert [draw.kept for draw in make_draws(run, [run.model.prior], folder, 3)] == [True, True, False]


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_ctrl_c_says_that_finished_draws_are_kept(spec: Path, tmp_path: Path) -> None:
    running = Forked(["run", str(spec), "--out", str(tmp_path / "out"), "--draws", "900"], tmp_path / "said")
    for _ in range(600):
        if (tmp_path / "out" / "draws" / "001" / "draw.json").is_file():
            break
        time.sleep(0.05)
    running.interrupt()
    code, told = running.result()
    assert code == 130
    assert "the same command keeps the draws that are finished" in " ".join(told.split())


@pytest.mark.slow
def test_what_cannot_be_drawn_or_asked_is_refused_with_its_cure(spec: Path, tmp_path: Path) -> None:
    loud = tmp_path / "direct.yaml"
    loud.write_text(SPEC + "method: direct\n")
    refused = synthor("run", loud, "--out", tmp_path / "out", "--draws", "2")
    assert refused.returncode == 2
    assert "use method: calibrated, or leave --draws out" in " ".join(refused.stderr.split())
    assert not (tmp_path / "out").exists()
    synthesize(load_spec(spec)).write(tmp_path / "out", format="csv")
    wrong = synthor("measure", tmp_path / "out", "--of", "tenur by car", "--of", "mean tenure")
    assert wrong.returncode == 2
    assert "did you mean 'tenure'?" in " ".join(wrong.stderr.split())
    assert "tenure holds no numbers" in " ".join(wrong.stderr.split())
    a_file = synthor("measure", tmp_path / "out" / "records.csv")
    assert a_file.returncode == 2
    assert "is a file of records, no run folder and no spec" in " ".join(a_file.stderr.split())
    (tmp_path / "out" / "ranges.json").write_text("mine")
    with pytest.raises(InputError, match="was not written by synthor"):
        RunFolder(tmp_path / "out").add({"ranges.json": "ours"})
