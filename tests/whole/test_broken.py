"""A bank of specs and tables as people really break them, and what `synthor check` says of each.

Every file of `broken/` is a kind of mistake. A case has the files, the spec, and everything that is found: the place, the
message with its numbers, the cure. Warnings that a variable has no target are left out; most cases have no other table.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from forked import synthor
from mistakes import BANK, CASES, KINDS, cases_of, written
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app

FEWEST = 8
FIELDS = ("where", "row", "message", "cure", "label", "found", "expected", "severity")
NAMED = pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case['kind']}: {case['name']}")


def found_by_check(spec: Path) -> tuple[int, list[dict[str, Any]]]:
    """Exit code and findings of `synthor check --json`, paths told from the spec's folder."""
    result = CliRunner().invoke(app, ["check", str(spec), "--json"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    findings = json.loads(result.stdout)["findings"]
    told = [
        {key: shortened(finding[key], spec.parent) for key in FIELDS if finding[key] not in (None, "", "error")}
        for finding in findings
        if "has no target" not in finding["message"]
    ]
    return result.exit_code, told


def shortened(value: object, folder: Path) -> object:
    return value.replace(f"{folder}/", "").replace(str(folder), "FOLDER") if isinstance(value, str) else value


def test_every_kind_has_enough_cases_and_none_twice() -> None:
    assert sorted(path.stem for path in BANK.glob("*.yaml")) == sorted(KINDS)
    for kind in KINDS:
        names = [case["name"] for case in cases_of(kind)]
        assert len(set(names)) == len(names) >= FEWEST, kind


@NAMED
def test_check_says_where_what_and_how_to_mend_it(case: dict[str, Any], tmp_path: Path) -> None:
    code, findings = found_by_check(written(case, tmp_path))
    assert findings == case["findings"]
    assert code == case.get("exit", 2)
    assert all("cure" in finding for finding in findings if "severity" not in finding)
    assert code == (2 if any("severity" not in finding for finding in findings) else 0)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["file", "encoding", "total"])
def test_the_command_itself_says_the_same(kind: str, tmp_path: Path) -> None:
    case = next(case for case in cases_of(kind) if case.get("exit", 2) == 2 and case["spec"] is not None)
    spec = written(case, tmp_path)
    done = synthor("check", spec.name, at=tmp_path)
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    for finding in case["findings"]:
        assert finding["message"] in done.stdout
        assert finding.get("cure", "").replace("FOLDER", ".") in done.stdout
