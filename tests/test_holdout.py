"""Published tables left out and predicted: what is told of them, on small problems and from the command line."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from forked import synthor
from model_server import KEY, by_schema, serving
from synthor import Prior, Spec, compile_problem, load_spec
from synthor.errors import InputError, WaitingError
from synthor.evaluate.calibrate import ComparedTables, calibrate
from synthor.evaluate.holdout import HoldOuts
from synthor.evaluate.tables import Reference
from synthor.holdout import hold_out, synthesize_after
from synthor.loop import fit_spec, synthesize
from synthor.measure import encode
from synthor.prior.beliefs import fit_to_marginals
from synthor.problem import leave_out
from synthor.run import remeasure
from synthor.store.folder import existing
from synthor.types import Floats

ROOT = Path(__file__).parents[1]
CAR, TENURE, BUILDING = ["no", "yes"], ["owned", "rented"], ["house", "flat", "boat"]
CAR_BY_TENURE = [[50.0, 150.0], [150.0, 50.0]]
TENURE_BY_BUILDING = [[160.0, 30.0, 10.0], [40.0, 130.0, 30.0]]
"""The two tables agree: 200 owned, 200 rented."""

RIGHT = {"given": "car", "of": "tenure", "rows": [[25, 75], [75, 25]], "confidence": 0.9}
ALSO_RIGHT = {"given": "tenure", "of": "building", "rows": [[80, 15, 5], [20, 65, 15]], "confidence": 0.9}


def cells(names: Sequence[str], labels: Sequence[Sequence[str]], counts: Sequence[Sequence[float]]) -> list[dict[str, Any]]:
    return [{names[0]: a, names[1]: b, "count": counts[i][j]} for i, a in enumerate(labels[0]) for j, b in enumerate(labels[1])]


CAR_ROWS = cells(("car", "tenure"), (CAR, TENURE), CAR_BY_TENURE)
CARS = {"name": "cars", "table": CAR_ROWS}
HOMES = {"name": "homes", "table": cells(("tenure", "building"), (TENURE, BUILDING), TENURE_BY_BUILDING)}


def spec_of(*targets: dict[str, Any], **more: Any) -> Spec:
    variables = {
        "car": {"type": "boolean"},
        "tenure": {"type": "category", "values": TENURE},
        "building": {"type": "category", "values": BUILDING},
        "income": {"type": "integer", "min": 0, "max": 99, "bins": [0, 25, 50, 75]},
    }
    return Spec.model_validate({"records": 400, "variables": variables, "targets": list(targets)} | more)


def believing(*tables: dict[str, Any]) -> Prior:
    return Prior.model_validate({"dependencies": list(tables)})


def test_each_cross_table_is_predicted_in_turn_and_set_against_independence() -> None:
    outs = hold_out(spec_of(CARS, HOMES), ["each"], prior=believing(RIGHT, ALSO_RIGHT)).outs
    cars, homes = outs.tables
    assert (cars.name, homes.name) == ("cars", "homes")
    assert cars.tvd < 0.005
    assert homes.tvd < 0.005
    assert cars.tvd_of_independence == pytest.approx(0.25)
    assert homes.tvd_of_independence == pytest.approx(0.30)
    assert cars.tvd_of_targets == pytest.approx(0.25, abs=0.001), "the other table says nothing of cars"
    assert cars.kept == ("car of cars",), "tenure is known from the other table"
    assert cars.worst.published in (0.125, 0.375)
    assert cars.believed
    assert outs.ratio is not None
    assert outs.ratio < 0.02
    assert "2 cross-tables, each left out in turn, were predicted at" in outs.verdict
    assert "not known" in outs.beliefs, "given beliefs may come from whoever saw the tables"


def test_wrong_beliefs_are_shown_to_be_worse_than_independence() -> None:
    outs = hold_out(spec_of(CARS), ["cars"], prior=believing({**RIGHT, "rows": [[75, 25], [25, 75]]})).outs
    assert outs.tables[0].tvd == pytest.approx(0.5, abs=0.01)
    assert "no nearer than independence" in outs.verdict


def test_without_beliefs_only_the_other_targets_predict() -> None:
    outs = hold_out(spec_of(CARS, HOMES), ["cars"]).outs
    assert outs.tables[0].tvd == outs.tables[0].tvd_of_targets
    assert not outs.tables[0].believed
    assert "No beliefs were used" in outs.beliefs


def test_the_floor_is_that_of_a_random_sample_or_of_the_margin_of_error() -> None:
    quarters = [{**row, "share": row["count"] / 4} for row in CAR_ROWS]
    shares = {"name": "shares", "table": [{name: row[name] for name in ("car", "tenure", "share")} for row in quarters]}
    measured = {**CARS, "name": "measured", "margin_of_error": 16.449}  # 10 records, one standard deviation
    floors = {
        held.outs.tables[0].name: held.outs.tables[0].floor
        for held in (hold_out(spec_of(target)) for target in (CARS, shares, measured))
    }
    normal = np.sqrt(2 / np.pi) / 2
    p = np.array([0.125, 0.375, 0.375, 0.125])
    assert floors["cars"] == pytest.approx(normal * np.sqrt(p * (1 - p) / 400).sum())
    assert floors["measured"] == pytest.approx(normal * 4 * 10 / 400, rel=1e-3)
    assert floors["shares"] is None


def test_a_table_that_another_holds_is_no_test_and_does_not_count() -> None:
    finer = [
        {"car": car, "tenure": tenure, "building": building, "count": CAR_BY_TENURE[i][j] * share}
        for i, car in enumerate(CAR)
        for j, tenure in enumerate(TENURE)
        for building, share in zip(BUILDING, (0.5, 0.3, 0.2), strict=True)
    ]
    outs = hold_out(spec_of(CARS, {"name": "finer", "table": finer}), ["cars"], prior=believing(RIGHT)).outs
    assert outs.tables[0].told_by == ("finer",)
    assert outs.tables[0].tvd < 1e-6
    assert outs.ratio is None
    assert outs.verdict == "No cross-table was put to the test."
    assert "'cars' is no test: 'finer' gives the same variables together" in " ".join(outs.notes)


def test_a_one_way_table_is_predicted_against_even_shares() -> None:
    homes = {"name": "homes", "counts": {"building": {"house": 200, "flat": 160, "boat": 40}}}
    prior = Prior.model_validate({"marginals": [{"of": "building", "percent": [50, 40, 10]}]})
    table = hold_out(spec_of(homes), ["homes"], prior=prior).outs.tables[0]
    assert table.tvd < 0.005
    assert table.tvd_of_independence == pytest.approx(0.7 / 3)
    assert table.kept == ()


def test_shares_inside_cells_are_predicted() -> None:
    rows = [
        {"tenure": tenure, "building": building, "share": count / 2}
        for tenure, counts in zip(TENURE, TENURE_BY_BUILDING, strict=True)
        for building, count in zip(BUILDING, counts, strict=True)
    ]
    targets = ({"counts": {"tenure": {"owned": 200, "rented": 200}}}, {"name": "by", "by": ["tenure"], "table": rows})
    prior = Prior.model_validate({"dependencies": [ALSO_RIGHT], "marginals": [{"of": "building", "percent": [50, 40, 10]}]})
    table = hold_out(spec_of(*targets), ["by"], prior=prior).outs.tables[0]
    assert table.variables == ("tenure", "building")
    assert table.tvd < 0.01
    assert table.tvd_of_independence == pytest.approx(0.3, abs=0.001)


def test_flows_keep_their_sides_and_what_they_do_not_list_is_one_more_cell() -> None:
    flows = {"name": "flows", "flows": ["car", "tenure"], "table": [{**row, "count": 200} for row in CAR_ROWS[1:3]]}
    table = hold_out(spec_of(flows), ["flows"]).outs.tables[0]
    assert table.n_cells == 3
    assert table.kept == ("car of flows", "tenure of flows")
    assert table.tvd_of_independence == pytest.approx(0.5)
    assert table.worst.label == "any that is not listed"


def test_intervals_and_margins_of_error_of_cells_become_those_of_the_sides() -> None:
    tolerant = {**CARS, "tolerance": {"points": 1}}
    sides = leave_out(compile_problem(spec_of(tolerant)), ["cars"]).problem.targets
    assert sides[0].bounds is not None
    assert [bound.tolist() for bound in sides[0].bounds] == [[192.0, 192.0], [208.0, 208.0]]
    uncertain = {**CARS, "margin_of_error": 16.449}
    sigma = leave_out(compile_problem(spec_of(uncertain)), ["cars"]).problem.targets[0].sigma
    assert sigma is not None
    assert sigma == pytest.approx([14.142, 14.142], abs=0.01)


def test_the_sides_of_a_table_of_some_records_count_the_same_records() -> None:
    target = {**CARS, "name": "poor", "where": "income < 50"}
    target["table"] = [{**row, "count": row["count"] / 2} for row in CAR_ROWS]
    left = leave_out(compile_problem(spec_of(target, {"counts": {"car": {"no": 200, "yes": 200}}})), ["poor"])
    assert left.kept == ("car of poor", "tenure of poor"), "a marginal of all records does not give that of the poor"
    assert {side.grid.universe.text for side in left.problem.targets if side.grid.universe} == {"income < 50"}


@pytest.mark.parametrize(
    ("targets", "names", "words"),
    [
        ([CARS], ["car"], "no target is called 'car'; did you mean 'cars'?"),
        ([CARS], ["nothing like it"], "known: cars, each"),
        ([{"counts": {"car": {"no": 200, "yes": 200}}}], ["each"], "no target is a cross-table"),
        ([{"name": "mean", "mean": "income", "value": 50}], ["mean"], "'mean' is a mean: one number a cell"),
    ],
)
def test_what_cannot_be_left_out_is_told(targets: list[dict[str, Any]], names: list[str], words: str) -> None:
    with pytest.raises(InputError, match="hold-out") as told:
        hold_out(spec_of(*targets), names)
    assert words in str(told.value)


def test_records_taken_as_they_are_cannot_be_fitted_without_a_table() -> None:
    spec = spec_of(CARS, method="direct", model={"name": "batch:asked"})
    with pytest.raises(InputError, match=r"method: direct.*write `method: calibrated`"):
        hold_out(spec)


def test_a_model_is_asked_what_it_would_be_asked_had_the_tables_never_been_published(tmp_path: Path) -> None:
    one_way = [{"counts": {"car": {"no": 200, "yes": 200}}}, {"counts": {"tenure": {"owned": 200, "rented": 200}}}]
    held = spec_of(CARS, model={"name": "batch:held"}).placed_in(tmp_path)
    never = spec_of(*one_way, model={"name": "batch:never"}).placed_in(tmp_path)
    with pytest.raises(WaitingError):
        hold_out(held, answers=tmp_path / "held.jsonl")
    with pytest.raises(WaitingError):
        fit_spec(never, answers=tmp_path / "never.jsonl")
    asked = (tmp_path / "held" / "requests-0001.jsonl").read_text()
    assert asked == (tmp_path / "never" / "requests-0001.jsonl").read_text()


@pytest.mark.slow
def test_after_holding_out_the_run_goes_on_with_the_same_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    variables = {"car": {"type": "boolean"}, "tenure": {"type": "category", "values": TENURE}}
    with serving(by_schema) as server:
        spec = spec_of(CARS, model={"name": server.model}, variables=variables)
        run = synthesize_after(spec, answers=tmp_path / "answers.jsonl")
        asked = len(server.bodies)
    assert asked == run.bill.requests
    assert run.measurement.met
    assert run.held_out is not None
    assert "without being shown any of these tables" in run.held_out.beliefs
    assert run.held_out.tables[0].believed, "its pair was asked for, although the run's targets give it"
    assert len(run.model.rounds) > 1


# Calibration.


def noisy_pairs(strength: float, claimed: float, seed: int, n: int) -> list[ComparedTables]:
    """Believed tables that are worth `strength` records each, and claim to be worth another number."""
    random = np.random.default_rng(seed)
    pairs = []
    for i in range(n):
        true: Floats = random.dirichlet(np.ones(4) * 3)[:, None] * random.dirichlet(np.ones(5) * 3, 4)
        counted = random.multinomial(int(strength), true.ravel()).reshape(true.shape) / strength
        believed = fit_to_marginals(counted, true.sum(axis=1), true.sum(axis=0))
        pairs.append(
            ComparedTables(belief=f"b{i}", target=f"t{i}", believed=believed, published=true, strength=claimed, records=np.inf)
        )
    return pairs


@pytest.mark.slow
@pytest.mark.parametrize("factor", [0.2, 1.0, 5.0])
def test_beliefs_of_known_noise_get_the_right_factor_within_its_error(factor: float) -> None:
    found = [calibrate(noisy_pairs(500, 500 / factor, seed, 4)) for seed in range(40)]
    inside = sum(one.low <= factor <= one.high for one in found)
    assert inside >= 30, "36 of 40 are expected; fewer than 30 happen by chance less than once in 200 times"
    assert np.exp(np.mean(np.log([one.factor for one in found]))) == pytest.approx(factor, rel=0.15)


@pytest.mark.slow
def test_what_the_published_table_does_not_know_itself_is_not_held_against_a_belief() -> None:
    random = np.random.default_rng(0)
    pairs = []
    for pair in noisy_pairs(500, 500, 1, 60):
        sampled = random.multinomial(500, pair.published.ravel()).reshape(4, 5) / 500
        believed = fit_to_marginals(pair.believed, sampled.sum(axis=1), sampled.sum(axis=0))
        pairs.append(ComparedTables(belief="b", target="t", believed=believed, published=sampled, strength=500, records=500))
    known, exact = calibrate(pairs), calibrate([ComparedTables(**{**_fields(pair), "records": np.inf}) for pair in pairs])
    assert known.factor == pytest.approx(1, rel=0.25)
    assert exact.factor == pytest.approx(0.5, rel=0.25)


def _fields(pair: ComparedTables) -> dict[str, Any]:
    return {name: getattr(pair, name) for name in ("belief", "target", "believed", "published", "strength", "records")}


def test_one_small_table_that_happens_to_agree_does_not_make_beliefs_as_strong_as_can_be() -> None:
    table = np.array([[0.3, 0.2], [0.2, 0.3]])
    pair = ComparedTables(belief="b", target="t", believed=table, published=table, strength=300, records=np.inf)
    found = calibrate([pair])
    assert 1 < found.factor <= 2
    assert found.low < 1


def test_calibration_moves_the_confidence_of_tables_and_leaves_samples_alone() -> None:
    off = {**RIGHT, "rows": [[40, 60], [60, 40]], "confidence": 0.9}
    counted = {"given": "building", "of": "car", "rows": [[50, 50]] * 3, "records": 80}
    held = hold_out(spec_of(CARS), calibrated=True, prior=believing(off, ALSO_RIGHT, counted))
    assert held.outs.calibration is not None
    assert held.outs.calibration.factor < 0.1, "the table is off by far more than 2,700 records could be"
    assert held.outs.calibration.beliefs == ("tenure given car",)
    first, second, third = held.prior.dependencies
    assert first.confidence == second.confidence
    assert first.confidence is not None
    assert 300 * first.confidence / (1 - first.confidence) == pytest.approx(2700 * held.outs.calibration.factor, rel=1e-3)
    assert third.records == 80


def test_a_published_table_in_other_bands_calibrates_in_common_cells() -> None:
    bands = {"low": [0, 50], "high": [50, 100]}
    rows = cells(("car", "income"), (CAR, ["low", "high"]), CAR_BY_TENURE)
    belief = {"given": "car", "of": "income", "rows": [[20, 5, 35, 40], [35, 40, 20, 5]], "confidence": 0.5}
    spec = spec_of({"name": "bands", "groups": {"income": bands}, "table": rows})
    calibration = hold_out(spec, calibrated=True, prior=believing(belief)).outs.calibration
    assert calibration is not None
    assert calibration.factor > 1, "25 and 75 percent are what the belief says of the bands"


def test_calibration_without_a_belief_about_a_table_is_refused() -> None:
    with pytest.raises(InputError, match="no pair of the tables that are left out has a dependency table"):
        hold_out(spec_of(CARS), calibrated=True, prior=believing(ALSO_RIGHT))


# From the command line.


@pytest.fixture
def files(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(
        "records: 400\n"
        "variables:\n"
        "  car: {type: boolean}\n"
        "  tenure: {type: category, values: [owned, rented]}\n"
        "targets: [{name: '<b>cars</b>', table: cars.csv}]\n"
    )
    (tmp_path / "cars.csv").write_text("car,tenure,count\nno,owned,50\nno,rented,150\nyes,owned,150\nyes,rented,50\n")
    (tmp_path / "prior.json").write_text(json.dumps({"dependencies": [{**RIGHT, "confidence": 0.6}]}))
    return tmp_path


@pytest.mark.slow
def test_a_run_holds_out_calibrates_goes_on_and_writes_all_of_it(files: Path) -> None:
    out = files / "out"
    given = ("--prior", files / "prior.json", "--out", out)
    done = synthor("run", files / "spec.yaml", *given, "--hold-out", "each", "--calibrate-confidence")
    assert done.returncode == 0, done.stderr
    assert "<b>cars</b>" in done.stdout
    assert "The cross-table left out was predicted at" in done.stdout
    assert "The strength of every dependency table was multiplied by" in done.stdout
    assert "Met: 400 records add up to the target exactly (4 cells)." in done.stdout
    outs = HoldOuts.from_json((out / "holdout.json").read_text())
    assert outs.to_json() == (out / "holdout.json").read_text()
    assert outs.calibration is not None
    prior = json.loads((out / "prior.json").read_text())
    assert prior["calibrated"] == outs.calibration.sentence
    assert prior["dependencies"][0]["confidence"] > 0.6
    assert outs.calibration.sentence in json.loads((out / "measurement.json").read_text())["notes"]
    page = (out / "report.html").read_text()
    assert "Published tables, left out and predicted" in page
    assert "&lt;b&gt;cars&lt;/b&gt;" in page
    assert "<b>cars</b>" not in page
    assert json.loads((files / "prior.json").read_text())["dependencies"][0]["confidence"] == 0.6


@pytest.mark.slow
def test_reports_written_anew_keep_what_was_held_out_as_long_as_the_model_does(tmp_path: Path) -> None:
    out = tmp_path / "out"
    run = synthesize_after(spec_of(CARS), prior=believing(RIGHT))
    run.write(out)
    (out / "report.html").unlink()
    remeasure(existing(out))
    assert "Published tables, left out and predicted" in (out / "report.html").read_text()
    synthesize(spec_of(CARS), prior=believing(ALSO_RIGHT)).write(out)
    assert not (out / "holdout.json").exists()
    assert "left out and predicted" not in (out / "report.html").read_text()


@pytest.mark.slow
def test_an_unknown_table_ends_the_run_with_a_suggestion(files: Path) -> None:
    done = synthor("run", files / "spec.yaml", "--out", files / "out", "--hold-out", "<b>car</b>")
    assert done.returncode == 2
    assert "hold-out: no target is called '<b>car</b>'; did you mean '<b>cars</b>'?" in done.stderr
    assert not (files / "out" / "records.parquet").exists()


@pytest.mark.slow
def test_beliefs_that_lie_where_calibrated_ones_would_are_not_written_over(files: Path) -> None:
    done = synthor("run", files / "spec.yaml", "--prior", files / "prior.json", "--out", files, "--calibrate-confidence")
    assert done.returncode == 2
    assert "was given to the run, which would have to write it anew" in done.stderr
    assert json.loads((files / "prior.json").read_text())["dependencies"][0]["confidence"] == 0.6


def test_the_committed_tables_are_those_of_the_microdata_and_were_chosen_by_the_rule(
    microdata_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SYNTHOR_DATA", str(microdata_folder))
    from make_targets import microdata

    import holdout as bench

    spec, real = load_spec(ROOT / "examples" / "households" / "spec.yaml"), microdata()
    variables = compile_problem(spec).schema.unit.variables
    codes, weights = encode(real, variables), real["weight"].to_numpy().astype(np.float64)
    reference = Reference.count(codes, weights, [variable.size for variable in variables], [])
    pairs = bench.strongest_apart(reference, bench.N_TABLES)
    assert {path.stem for path in bench.TABLES.iterdir()} == {f"{variables[a].name}_by_{variables[b].name}" for a, b in pairs}
    for pair in pairs:
        assert bench.committed(pair, list(spec.variables)).equals(bench.counted(spec, codes, weights, pair))


def test_totals_over_cells_that_are_not_told_go_with_their_table() -> None:
    counts: dict[tuple[str, str], tuple[object, ...]] = {
        ("no", "owned"): ("..", "..", 70),
        ("no", "rented"): ("..", "..", 130),
        ("yes", "owned"): (100, 30, 130),
        ("yes", "rented"): (20, 50, 70),
    }
    rows = [
        {"car": car, "tenure": tenure, "income": income, "count": count}
        for (car, tenure), told in counts.items()
        for income, count in zip(("under 50", "50 and over", "Total"), told, strict=True)
    ]
    spec = spec_of({"table": rows}, {"table": rows})
    names = [target.name for target in compile_problem(spec).targets]
    table, second = "car by tenure by income", "car by tenure by income (2)"
    assert names == [table, f"{table} (totals of car by tenure)", second, f"{second} (totals of car by tenure)"]
    outs = hold_out(spec_of({"name": "t", "table": rows})).outs
    assert [(out.name, out.told_by) for out in outs.tables] == [("t", ())]
    left = leave_out(compile_problem(spec_of({"name": "t", "table": rows})), ["t"])
    assert [target.name for target in left.problem.targets] == [f"{side} of t" for side in ("car", "tenure", "income")]
