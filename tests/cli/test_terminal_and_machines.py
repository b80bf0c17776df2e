"""What people and machines see of the command line: help, quiet, JSON of failures, progress without a terminal, completion."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from forked import Forked, synthor
from synthor.errors import Finding
from synthor.report.failure import CODES, finding_document

ROOT = Path(__file__).parents[2]
VERBS = ("init", "schema", "spec", "check", "estimate", "elicit", "fit", "sample", "run", "measure", "evaluate", "export")
SPEC = "{records: 10, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 6, no: 4}}}]}\n"


@pytest.mark.parametrize("columns", ["60", "80", "120"])
@pytest.mark.parametrize("verb", ["", *VERBS])
@pytest.mark.slow
def test_help_is_whole_at_every_width_and_tells_the_exit_codes(verb: str, columns: str) -> None:
    told = synthor(*filter(None, [verb]), "-h", COLUMNS=columns)
    assert told.returncode == 0
    assert max(map(len, told.stdout.splitlines())) <= int(columns)
    assert "..." not in told.stdout.replace("[ARGS]...", "")
    assert not verb or "Exit codes: 0 " in told.stdout


def test_the_reference_is_the_current_one() -> None:
    made = subprocess.run([sys.executable, ROOT / "docs" / "reference.py"], capture_output=True, text=True, check=True)
    assert made.stdout == (ROOT / "docs" / "cli.md").read_text(encoding="utf-8"), "run `make docs`"


FAILURES: list[tuple[list[str], str]] = [
    (["run", "nowhere.yaml", "--out", "out", "--json"], "input"),
    (["run", "--json"], "usage"),
    (["nonsense", "--json"], "usage"),
    (["init", "--json"], "input"),
    (["measure", "nowhere", "--json"], "input"),
]


@pytest.mark.slow
@pytest.mark.parametrize(("arguments", "code"), FAILURES)
def test_a_failure_is_one_document_with_the_same_exit_code(arguments: list[str], code: str) -> None:
    done = synthor(*arguments)
    document = json.loads(done.stdout)
    assert (document["ok"], document["exit_code"], document["findings"][0]["code"]) == (False, done.returncode, code)
    schema = json.loads((ROOT / "docs" / "failure.schema.json").read_text(encoding="utf-8"))
    assert document.keys() == set(schema["required"])
    form = schema["properties"]["findings"]["items"]
    assert all(found.keys() == set(form["required"]) == set(form["properties"]) for found in document["findings"])


ASKING = SPEC.replace("{records", "{model: {name: NAME}, records")


@pytest.mark.parametrize(
    ("name", "out", "code", "where", "cure"),
    [
        ("replay:recording.jsonl", "file", "output", "file", "choose another --out"),
        ("openai:gpt-5", "out", "model", "openai:gpt-5", "set the environment variable OPENAI_API_KEY"),
        ("batch:questions", "out", "waiting", "requests-0001.jsonl", "responses-0001.jsonl"),
    ],
)
@pytest.mark.slow
def test_a_document_tells_the_place_and_the_cure(name: str, out: str, code: str, where: str, cure: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    (tmp_path / "spec.yaml").write_text(ASKING.replace("NAME", f'"{name}"'))
    done = synthor("run", tmp_path / "spec.yaml", "--out", tmp_path / out, "--json", OPENAI_API_KEY="")
    (found,) = json.loads(done.stdout)["findings"]
    assert found["code"] == code
    assert where in found["where"]
    assert cure in found["cure"]
    assert cure in done.stderr


@pytest.mark.slow
@pytest.mark.parametrize(
    "arguments", [["check", ""], ["run", "spec.yaml", "--prior", "", "--out", "out"], ["fit", "s", "--out", ""]]
)
def test_a_name_that_is_empty_is_told_as_such(arguments: list[str]) -> None:
    done = synthor(*arguments)
    assert (done.returncode, "it is empty; name " in done.stderr) == (2, True)


def test_who_is_to_ask_nobody_is_told_why(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(ASKING.replace("NAME", "none"))
    done = synthor("elicit", tmp_path / "spec.yaml", "--out", tmp_path / "out")
    assert (done.returncode, "`model: {name: none}` asks nobody" in done.stderr) == (2, True)


@pytest.mark.parametrize("manner", [[], ["--json"]])
@pytest.mark.slow
def test_a_reader_that_leaves_early_changes_no_outcome(manner: list[str], tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("no: 4", "no: 5"))
    code = "from synthor.cli import main; main()"
    command = [sys.executable, "-c", code, "check", str(tmp_path / "spec.yaml"), *manner]
    read, write = os.pipe()
    os.close(read)  # nobody listens from the beginning
    done = subprocess.run(command, stdout=write, stderr=subprocess.PIPE, text=True, check=False, timeout=120)
    os.close(write)
    assert (done.returncode, "Traceback" in done.stderr, "Exception ignored" in done.stderr) == (2, False, False)


@pytest.mark.slow
def test_a_spec_with_a_mistake_fails_as_all_else_does(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC.replace("no: 4", "no: 5"))
    done = synthor("check", tmp_path / "spec.yaml", "--json")
    document = json.loads(done.stdout)
    assert (done.returncode, document["ok"], document["exit_code"]) == (2, False, 2)
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert json.loads(synthor("check", tmp_path / "spec.yaml", "--json").stdout) == {"ok": True, "findings": []}


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="a device that is always full")
@pytest.mark.slow
def test_a_run_whose_standard_error_is_full_is_a_run_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    words = ["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), "--json"]
    code, said = Forked(words, tmp_path / "said", errors=Path("/dev/full")).result()
    assert code == 0
    assert json.loads(said)["met"] is True
    assert (tmp_path / "out" / "records.parquet").is_file()


@pytest.mark.skipif(os.name == "nt", reason="a shell of this kind")
@pytest.mark.slow
def test_a_run_whose_standard_error_is_closed_is_a_run_all_the_same(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    code = "import sys; sys.argv[0] = 'synthor'; from synthor.cli import main; main()"
    line = '"$0" -c "$1" run spec.yaml --out out --json 2>&-'
    done = subprocess.run(["sh", "-c", line, sys.executable, code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert json.loads(done.stdout)["met"] is True
    assert (tmp_path / "out" / "records.parquet").is_file()


@pytest.mark.slow
def test_commands_to_go_on_with_can_be_pasted(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    done = synthor("fit", tmp_path / "spec.yaml", "--out", tmp_path / "my out")
    assert f"Next: synthor sample '{tmp_path / 'my out'}'" in done.stdout


@pytest.mark.slow
def test_without_a_terminal_there_are_lines_whatever_colours_are_forced(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    done = synthor("run", tmp_path / "spec.yaml", "--out", tmp_path / "out", "-v", FORCE_COLOR="1")
    assert "\x1b[" not in done.stderr
    assert [line.split(" took ")[0] for line in done.stderr.splitlines() if " took " in line][-1] == "Writing"


def test_the_published_schema_of_failures_knows_every_code_and_every_part_of_a_finding() -> None:
    schema = json.loads((ROOT / "docs" / "failure.schema.json").read_text(encoding="utf-8"))
    form = schema["properties"]["findings"]["items"]["properties"]
    assert form["code"]["enum"] == list(CODES)
    assert form.keys() == finding_document(Finding(where="a", message="b")).keys()


@pytest.mark.slow
def test_quietly_a_run_says_its_verdict_alone(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    done = synthor("run", tmp_path / "spec.yaml", "--out", tmp_path / "out", "-q")
    assert (done.stdout, done.stderr) == ("Met: 10 records add up to the target exactly (2 cells).\n", "")
    assert "exclude each other" in synthor("measure", tmp_path / "out", "-q", "-v").stderr


@pytest.mark.slow
def test_without_a_model_the_estimate_says_that_nothing_would_be_asked(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(SPEC)
    assert synthor("estimate", tmp_path / "spec.yaml").stdout.startswith("Nothing would be asked, and a run costs nothing")
    assert json.loads(synthor("estimate", tmp_path / "spec.yaml", "--json").stdout)["asks"] is False


def test_a_shell_can_complete_verbs() -> None:
    done = synthor(_SYNTHOR_COMPLETE="complete_bash", COMP_WORDS="synthor es", COMP_CWORD="1")
    assert done.stdout.split() == ["estimate"]
