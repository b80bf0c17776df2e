import json
import os
import time
from pathlib import Path

import polars as pl
import pytest

from forked import Forked, Typed, synthor
from synthor import __version__

ROOT = Path(__file__).parents[2]
SPEC = """
records: 100
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
targets:
  - {table: car.csv}
  - {shares: {tenure: {owned: 50, rented: 50}}}
"""


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "car.csv").write_text("car,count\nno,40\nyes,60\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


@pytest.mark.slow
def test_run_writes_the_folder_and_ends_with_a_table_and_a_verdict(spec: Path, tmp_path: Path) -> None:
    done = synthor("run", spec, "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "Met: 100 records add up to all 2 targets exactly (4 cells)." in done.stdout
    assert "No beliefs were used" in done.stdout
    assert pl.read_parquet(tmp_path / "out" / "records.parquet").height == 100


@pytest.mark.slow
def test_run_as_json_prints_the_measurement_and_nothing_else(spec: Path, tmp_path: Path) -> None:
    done = synthor("run", spec, "--out", tmp_path / "out", "--json")
    assert json.loads(done.stdout) == json.loads((tmp_path / "out" / "measurement.json").read_text())
    assert json.loads(done.stdout)["status"] == "converged"


@pytest.mark.slow
def test_fit_then_sample_then_measure(spec: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    fitted = synthor("fit", spec, "--out", out)
    assert fitted.returncode == 0, fitted.stderr
    assert {path.name for path in out.iterdir()} == {"prior.json", "model.json", "manifest.json"}
    drawn = synthor("sample", out, "-n", "37", "--format", "csv")
    assert drawn.returncode == 0, drawn.stderr
    assert pl.read_csv(out / "records.csv").height == 37
    measured = synthor("measure", out)
    assert measured.returncode == 0, measured.stderr
    assert "Met: 37 records" in measured.stdout


@pytest.mark.slow
def test_a_folder_works_without_the_spec_and_tables_it_came_from(spec: Path, tmp_path: Path) -> None:
    synthor("fit", spec, "--out", tmp_path / "out")
    spec.unlink()
    (tmp_path / "car.csv").unlink()
    assert synthor("sample", tmp_path / "out").returncode == 0


@pytest.mark.slow
def test_any_records_can_be_measured_against_a_spec(spec: Path, tmp_path: Path) -> None:
    pl.DataFrame({"car": [True] * 100, "tenure": ["owned", "rented"] * 50}).write_csv(tmp_path / "mine.csv")
    done = synthor("measure", spec, tmp_path / "mine.csv")
    assert done.returncode == 1
    assert "0 instead of 40" in done.stdout


@pytest.mark.slow
def test_targets_that_cannot_be_met_give_exit_code_1_and_the_records(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "{records: 10, variables: {a: {type: boolean}, b: {type: boolean}}, "
        "targets: [{counts: {a: {yes: 8, no: 2}}}, {counts: {b: {yes: 8, no: 2}}}], rules: [{never: a and b}]}"
    )
    done = synthor("run", tmp_path / "spec.yaml", "--out", tmp_path / "out")
    assert done.returncode == 1
    assert "Not met" in done.stdout
    assert "contradict" in done.stdout
    assert pl.read_parquet(tmp_path / "out" / "records.parquet").height == 10


@pytest.mark.slow
def test_check_lists_all_problems_with_place_and_numbers(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "car.csv").write_text("car,count\nno,40\nyess,-3\n")
    spec.write_text(SPEC.replace("rented: 50", "rented: 30"))
    done = synthor("check", spec)
    assert done.returncode == 2
    assert "car.csv, row 3: 'yess' is no label of car; did you mean 'yes'?" in done.stdout
    assert "-3 is negative" in done.stdout
    assert "shares add up to 80, not to 100" in done.stdout
    assert "3 problems to mend" in done.stdout
    findings = json.loads(synthor("check", spec, "--json").stdout)
    assert findings["ok"] is False
    assert [finding["row"] for finding in findings["findings"]][:2] == [3, 3]


@pytest.mark.slow
def test_check_of_a_good_spec_says_so(spec: Path) -> None:
    done = synthor("check", spec)
    assert (done.returncode, done.stdout) == (0, "No problems found.\n")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "nowhere.yaml", "--out", "OUT"], "nowhere.yaml: cannot be read"),
        (["sample", "nowhere"], "nowhere: no such folder"),
        (["sample", "FOLDER"], "model.json: cannot be read"),
        (["measure", "SPEC"], "has no records beside it"),
        (["measure", "nowhere"], "nowhere: no such folder"),
        (["evaluate", "nowhere.csv", "--against", "SPEC", "--spec", "SPEC"], "nowhere.csv: no such file"),
        (["run", "SPEC", "--out", "SPEC"], "it is a file; choose another --out"),
        (["run", "SPEC", "--out", "OUT", "--prior", "SPEC"], "is not JSON"),
        (["run", "SPEC"], "--out"),
        (["sample", "OUT", "-n", "0"], "-n"),
    ],
)
def test_bad_input_gives_exit_code_2_and_a_message_without_traceback(
    spec: Path, tmp_path: Path, arguments: list[str], message: str
) -> None:
    filled = [
        a.replace("SPEC", str(spec)).replace("OUT", str(tmp_path / "out")).replace("FOLDER", str(tmp_path)) for a in arguments
    ]
    done = synthor(*filled)
    assert done.returncode == 2
    assert message in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.slow
def test_check_looks_at_beliefs_too(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "beliefs.json").write_text('{"dependancies": [], "rules": [{"never": "bus"}]}')
    done = synthor("check", spec, "--prior", tmp_path / "beliefs.json")
    assert done.returncode == 0
    assert "dependancies: unknown key; did you mean 'dependencies'?" in done.stdout
    assert "no variable is called 'bus'" in done.stdout
    missing = synthor("check", spec, "--prior", tmp_path / "nowhere.json")
    assert missing.returncode == 2
    assert "cannot be read" in missing.stdout


@pytest.mark.slow
def test_a_run_tells_which_beliefs_could_not_be_used_and_why(spec: Path, tmp_path: Path) -> None:
    (tmp_path / "beliefs.json").write_text('{"dependencies": [{"given": "tenure", "of": "car", "rows": [[1, 2]]}]}')
    done = synthor("run", spec, "--out", tmp_path / "out", "--prior", tmp_path / "beliefs.json")
    assert "A belief could not be used: dependencies[0] (car given tenure): 1 rows of [2] numbers" in done.stdout


@pytest.mark.slow
def test_a_forgotten_row_and_stretched_shares_are_told_by_check_and_run(spec: Path, tmp_path: Path) -> None:
    forgotten = SPEC.replace("{table: car.csv}", "{shares: {car: {yes: 100}}}")
    forgotten = forgotten.replace("[owned, rented]", "[owned, rented, other]")
    spec.write_text(forgotten.replace("{owned: 50, rented: 50}", "{owned: 49, rented: 30, other: 20}"))
    commands: list[list[str | Path]] = [["check", spec], ["run", spec, "--out", tmp_path / "out"]]
    for command in commands:
        done = synthor(*command)
        assert done.returncode == 0
        assert "has no row for no; none is wanted" in done.stdout
        assert "shares add up to 99, not to 100; they were stretched" in done.stdout


@pytest.mark.slow
def test_sample_can_leave_the_folders_own_records_alone(spec: Path, tmp_path: Path) -> None:
    synthor("run", spec, "--out", tmp_path / "out")
    done = synthor("sample", tmp_path / "out", "-n", "7", "--out", tmp_path / "few")
    assert done.returncode == 0, done.stderr
    assert pl.read_parquet(tmp_path / "few" / "records.parquet").height == 7
    assert pl.read_parquet(tmp_path / "out" / "records.parquet").height == 100


@pytest.mark.slow
def test_the_version_can_be_asked_for() -> None:
    assert synthor("--version").stdout.strip() == __version__


@pytest.mark.slow
def test_labels_are_shown_as_they_are_never_as_markup(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(
        "{records: 2, variables: {a: {type: category, values: ['[bold]x[/bold]', '[/nonsense]']}}, "
        "targets: [{name: '[red]t[/]', counts: {a: {'[bold]x[/bold]': 1, '[/nonsense]': 1}}}]}"
    )
    done = synthor("run", tmp_path / "spec.yaml", "--out", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    assert "[red]t[/]" in done.stdout


@pytest.mark.slow
def test_schema_is_json_that_names_every_key() -> None:
    schema = json.loads(synthor("schema").stdout)
    assert {"records", "variables", "targets", "rules", "prior"} <= set(schema["properties"])


@pytest.mark.slow
def test_evaluate_compares_with_microdata(spec: Path, tmp_path: Path) -> None:
    synthor("run", spec, "--out", tmp_path / "out")
    real = pl.DataFrame({"car": [True, True, False, False] * 25, "tenure": ["owned", "owned", "rented", "owned"] * 25, "w": 2})
    real.write_csv(tmp_path / "real.csv")
    arguments: list[str | Path] = [
        "evaluate",
        tmp_path / "out",
        "--against",
        tmp_path / "real.csv",
        "--weight",
        "w",
        "--spec",
        spec,
    ]
    done = synthor(*arguments)
    assert done.returncode == 0, done.stderr
    assert "equivalent sample size" in done.stdout
    assert json.loads(synthor(*arguments, "--json").stdout)["n_pairs"] == 1


@pytest.mark.slow
@pytest.mark.parametrize("wait", [0.0, 0.4, 0.8])
def test_ctrl_c_leaves_a_folder_from_which_the_run_can_be_made_again(tmp_path: Path, wait: float) -> None:
    (tmp_path / "spec.yaml").write_text(
        SPEC.replace("records: 100", "records: 800000000").replace("{table: car.csv}", "{shares: {car: {yes: 60, no: 40}}}")
    )
    out = tmp_path / "out"
    arguments = ["run", str(tmp_path / "spec.yaml"), "--out", str(out)]
    # One of them as a shell starts it; the others do not load everything anew.
    process = Typed(arguments, tmp_path / "said") if wait == 0.4 else Forked(arguments, tmp_path / "said")
    deadline = time.monotonic() + 60
    while not (out / "model.json").exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    time.sleep(wait)
    process.interrupt()
    code, errors = process.result()
    assert code == 130, errors
    assert "Interrupted" in errors
    assert "Traceback" not in errors
    assert not [path.name for path in out.iterdir() if path.name.startswith(".")]
    assert not (out / "records.parquet").exists()
    assert synthor("sample", out, "-n", "50").returncode == 0


@pytest.mark.slow
def test_no_progress_bar_and_no_colour_where_there_is_no_terminal(spec: Path, tmp_path: Path) -> None:
    done = synthor("run", spec, "--out", tmp_path / "out")
    assert done.stderr == "Beliefs ...\nFitting ...\nWhole numbers ...\nWriting ...\n"
    assert "\x1b" not in done.stdout


@pytest.mark.slow
def test_the_example_can_be_checked_from_any_folder(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        assert synthor("check", ROOT / "examples" / "households" / "spec.yaml").returncode == 0
    finally:
        os.chdir(here)
