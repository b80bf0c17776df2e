"""Whatever names say, they steer no terminal and hide in no page: they are shown as they are, or written out."""

import ast
import io
import json
import sys
import unicodedata
from pathlib import Path

import pytest
import yaml

from synthor import load_spec, parse_spec
from synthor.cli.main import main
from synthor.errors import JOINERS
from synthor.llm.budget import Bill
from synthor.prior.model import Prior
from synthor.report.screen import Tone
from synthor.report.terminal import show_prior
from synthor.spec.dump import as_understood, to_yaml

SOURCE = Path(__file__).parents[2] / "src" / "synthor"
EVIL = "\x1b]0;pwn\x07\x1b[2J\x9b31m\u202evil\u2066\u200b[red]x[/red] [link=http://127.0.0.1:9/]:smile:\x7f"
SPEC = {
    "title": EVIL,
    "context": EVIL,
    "records": 6,
    "variables": {
        "sex": {"type": "category", "values": [EVIL, "b"], "about": EVIL},
        "old": {"type": "boolean"},
        "pay": {"type": "number", "min": 0, "max": 9, "bins": [0, 5], "labels": [f"{EVIL}1", "5+"], "unit": EVIL},
    },
    "targets": [
        {"name": EVIL, "counts": {"sex": {EVIL: 2, "b": 4}}},
        {"name": f"c{EVIL}", "counts": {"old": {"yes": 4, "no": 2}}, "where": f"sex = '{EVIL}'", "tolerance": {"points": 50}},
    ],
    "rules": [{"never": f"sex = '{EVIL}' and pay > 8", "why": EVIL}],
    "prior": "p.json",
}
PRIOR = {
    "about": EVIL,
    "dependencies": [
        {"given": "sex", "of": "old", "rows": [[2, 98], [70, 30]], "why": EVIL},
        {"given": EVIL, "of": "old", "rows": [[2, 98]]},
    ],
    "rules": [{"never": f"sex = '{EVIL}' and {EVIL}", "why": EVIL}],
    EVIL: 1,
}
SHOWN = {"\n", *JOINERS}


def hidden(text: str) -> set[str]:
    """Characters that steer, turn or hide."""
    return {c for c in text if c not in SHOWN and unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")}


@pytest.fixture
def spec(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "p.json").write_text(json.dumps(PRIOR), encoding="utf-8")
    file = tmp_path / "\x1b[31ms.yaml"
    file.write_text(yaml.safe_dump(SPEC), encoding="utf-8")
    return file


@pytest.mark.slow
def test_no_verb_lets_a_name_steer_the_terminal(
    spec: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def shown(*words: str, code: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["synthor", *words])
        with pytest.raises(SystemExit) as ended:
            main()
        out, progress = capsys.readouterr()
        assert (ended.value.code or 0, hidden(out + progress)) == (code, set()), out + progress
        return out if "--json" in words else out + progress

    name, out = spec.name, "\x9bo"
    assert "\\x1b]0;pwn\\x07\\x1b[2J" in shown("check", name)
    assert "[red]x[/red] [link=http://127.0.0.1:9/]:smile:" in shown("run", name, "--out", out, "--draws", "1")
    shown("fit", name, "--out", "f")
    shown("spec", name, "--explain")
    assert as_understood(parse_spec(shown("spec", name))) == as_understood(load_spec(name))
    for words in (("spec", name, "--explain"), ("spec", name), ("check", name), ("measure", out), ("fit", name, "--out", "f")):
        json.loads(shown(*words, "--json"))
    shown("sample", out)
    shown("measure", out)
    shown("measure", out, "--of", "old by sex")
    assert (
        EVIL in json.loads(shown("measure", out, "--of", "old by sex", "--json"))["answers"][0]["cells"][0]["labels"].values()
    )
    shown("measure", out, "--of", f"{EVIL} by sex", code=2)
    shown("evaluate", out, "--against", f"{out}/records.parquet", "--spec", name)
    shown("check", EVIL, code=2)
    shown(EVIL, code=2)
    shown("check", name, EVIL, code=2)
    shown("check", name, "--fix-labels")
    shown("init", EVIL, code=2)
    Path("tables").mkdir()
    Path(f"tables/{EVIL.replace('/', '')}.csv").write_text(f"sex,count\n{EVIL},2\nb,4\n", encoding="utf-8")
    shown("init", "tables", "--out", "made/spec.yaml")
    shown("init", "--from", f"{out}/records.parquet", "--below", "1", f"private{EVIL[:9]}")
    for page in ("report.html", "ranges.html"):
        text = (Path(out) / page).read_text(encoding="utf-8")
        assert not hidden(text) - {"\t"}
        assert "\\x1b]0;pwn" in text


def test_a_spec_with_such_names_reads_back_as_it_is_printed(spec: Path) -> None:
    assert as_understood(parse_spec(to_yaml(load_spec(spec)))) == as_understood(load_spec(spec))


@pytest.mark.slow
def test_only_one_place_prints() -> None:
    """A name that is printed elsewhere, or put into rich's own Text or Console, would pass as it is."""
    methods, functions = ("print_exc", "Console", "Text", "from_markup", "secho"), ("print", "echo")
    for module in SOURCE.rglob("*.py"):
        text = module.read_text(encoding="utf-8")
        if module.name == "screen.py" or not any(f"{name}(" in text for name in (*methods, *functions)):
            continue
        for node in ast.walk(ast.parse(text)):
            called = node.func if isinstance(node, ast.Call) else None
            name = called.id if isinstance(called, ast.Name) else called.attr if isinstance(called, ast.Attribute) else ""
            assert name not in methods, (module, name)
            assert not (isinstance(called, ast.Name) and name in functions), (module, name)


ABROAD = """
title: Caf\u00e9 \u6771\u4eac
records: 6
variables: {street: {type: category, values: [\u00e9, \u00fc]}, old: {type: boolean}}
targets: [{name: Gr\u00f6\u00dfe, counts: {street: {\u00e9: 2, \u00fc: 4}}}, {counts: {old: {yes: 3, no: 3}}}]
"""


@pytest.mark.slow
@pytest.mark.parametrize("errors", ["strict", "surrogateescape"])  # what PYTHONIOENCODING=ascii and LC_ALL=C give
def test_where_there_are_no_letters_for_a_name_it_is_written_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, errors: str
) -> None:
    spec = tmp_path / "\u00e9.yaml"
    spec.write_text(ABROAD, encoding="utf-8")

    def said(*arguments: str) -> tuple[object, str]:
        monkeypatch.setattr(sys, "argv", ["synthor", *arguments])
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(io.BytesIO(), encoding="ascii", errors=errors))
        with pytest.raises(SystemExit) as end:
            main()
        sys.stdout.flush()
        assert isinstance(sys.stdout, io.TextIOWrapper)
        held = sys.stdout.buffer
        assert isinstance(held, io.BytesIO)
        return end.value.code, held.getvalue().decode("ascii")

    out = str(tmp_path / "\u00fc")
    code, text = said("run", str(spec), "--out", out)
    assert (code, "Gr\\xf6\\xdfe" in text) == (0, True)
    assert said("check", str(spec))[0] == 0
    assert yaml.safe_load(said("spec", str(spec))[1])["title"] == "Caf\u00e9 \u6771\u4eac"
    assert json.loads(said("measure", out, "--json")[1])["targets"][0]["name"] == "Gr\u00f6\u00dfe"


def test_who_lives_together_is_told_with_what_else_is_believed(capsys: pytest.CaptureFixture[str]) -> None:
    believed = Prior(compositions=[{"members": {"head": 1, "child": 1}, "percent": 60}])
    show_prior(believed, (), Bill(), "", "spec.yaml", "out", Tone.QUIET)
    assert capsys.readouterr().out == "Believed: 1 composition.\n"
