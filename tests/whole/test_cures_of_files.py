"""What is proposed for workbooks, packed files, samples and copies is done as a reader would do it, and checked again."""

import gzip
import io
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from typer.testing import CliRunner

from synthor import InputError, load_spec
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app
from synthor.loop import check_all

BASE = """\
title: people
context: One record is one person.
records: 100
variables: {sex: {type: category, values: [male, female]}, works: {type: boolean}}
"""
SEX = "sex,count\nmale,40\nfemale,60\n"
TWO = "sex,works,count\nmale,yes,25\nmale,no,15\nfemale,yes,20\nfemale,no,40\n"


def told(folder: Path, spec: str) -> list[str]:
    (folder / "spec.yaml").write_text(BASE + spec, encoding="utf-8")
    try:
        return [str(finding) for finding in check_all(load_spec(folder / "spec.yaml"), None)]
    except InputError as error:
        return [str(finding) for finding in error.findings]


def workbook(**sheets: list[list[object]]) -> bytes:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.remove(book.active)
    for name, rows in sheets.items():
        sheet = book.create_sheet(name)
        for row in rows:
            sheet.append(row)
    made = io.BytesIO()
    book.save(made)
    return made.getvalue()


def zipped(**files: str) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, text in files.items():
            archive.writestr(f"{name}.csv", text)
    return made.getvalue()


GOOD: list[list[object]] = [["sex", "count"], ["male", 40], ["female", 60]]
FORMULA: list[list[object]] = [["sex", "count"], ["male", 40], ["female", "=100-B2"]]
ONE = "targets: [{table: FILE}]"
FILES: dict[str, tuple[str, bytes, str, str, bytes | None, str]] = {
    # name: file, what it holds, what is said, then the file's new name, what it holds, and the target
    "a sheet that is not there": (
        "t.xlsx", workbook(Notes=[["about"]], Table=GOOD), "has no sheet Tabel; it has Notes, Table",
        "t.xlsx", None, "targets: [{table: FILE, layout: {sheet: Table}}]",
    ),
    "a formula that was never worked out": (
        "t.xlsx", workbook(Table=FORMULA), "a formula that was never worked out, or its error, is blank, too: save the table",
        "t.xlsx", workbook(Table=GOOD), ONE,
    ),
    "an error of a formula": (
        "t.xlsx", workbook(Table=[*GOOD[:2], ["female", "#REF!"]]), "or its error, is blank, too: save the table",
        "t.xlsx", workbook(Table=GOOD), ONE,
    ),
    "text that is called a workbook": ("t.xlsx", SEX.encode(), "text, no workbook; name it .csv", "t.csv", SEX.encode(), ONE),
    "a web page that is called a workbook": (
        "t.xls", b"<html><body><table><tr><td>sex</td></tr></table></body></html>",
        "open it in a spreadsheet and save it as .xlsx, or take the table as CSV", "t.xlsx", workbook(Table=GOOD), ONE,
    ),
    "a document": ("t.docx", b"PK", "take the table as CSV or workbook", "t.csv", SEX.encode(), ONE),
    "a file of another kind": ("t.foo", b"PK", "cannot read '.foo' files; use .csv", "t.csv", SEX.encode(), ONE),
    "a zip of two tables": (
        "t.zip", zipped(a=SEX, b=TWO), "name one of them: `table: t.zip/a.csv`", "t.zip", None,
        "targets: [{table: t.zip/a.csv}]",
    ),
    "a zip that is cut": ("t.zip", zipped(a=SEX)[:60], "download it again", "t.zip", zipped(a=SEX), ONE),
    "a packed file that is cut": (
        "t.csv.gz", gzip.compress(SEX.encode())[:20], "download it again, or unpack it", "t.csv", SEX.encode(), ONE,
    ),
    "an encoding for a workbook": ("t.xlsx", workbook(Table=GOOD), "leave `encoding` out", "t.xlsx", None, ONE),
    "no header": ("t.csv", b"", "", "t.csv", SEX.encode(), ONE),
}  # fmt: skip
FIRST = {
    "a sheet that is not there": "targets: [{table: FILE, layout: {sheet: Tabel}}]",
    "an encoding for a workbook": "targets: [{table: FILE, layout: {encoding: latin-1}}]",
}


@pytest.mark.parametrize("name", FILES)
def test_what_is_said_of_a_file_mends_it(name: str, tmp_path: Path) -> None:
    file, content, said, then, new, spec = FILES[name]
    (tmp_path / file).write_bytes(content)
    before = told(tmp_path, FIRST.get(name, ONE).replace("FILE", file))
    assert any(said in one for one in before), before
    if then != file:
        (tmp_path / file).unlink()
    (tmp_path / then).write_bytes(new or content)
    assert [one for one in told(tmp_path, spec.replace("FILE", then)) if "only believed" not in one] == []


SAMPLES: dict[str, tuple[str, str, str, Callable[[str], str]]] = {
    # name: the sample, more of the spec, what is said, and what a reader makes of the sample
    "columns of other names": (
        "gender,works\nmale,yes\nfemale,no\n", "columns: {gender: sex}\n",
        "name its columns sex, works in the file itself: `columns` and `labels` speak of tables alone",
        lambda text: text.replace("gender", "sex"),
    ),
    "labels of other names": (
        "sex,works\nMales,yes\nfemale,no\n", "labels: {sex: {Males: male}}\n", "did you mean 'male'?",
        lambda text: text.replace("Males", "male"),
    ),
    "a blank": ("sex,works\n,yes\nfemale,no\n", "", "fill it in", lambda text: text.replace("\n,", "\nmale,")),
    "no records": ("sex,works\n", "", "give a file with one record a row", lambda text: text + "male,yes\nfemale,no\n"),
    "weights of 0": (
        "sex,works,w\nmale,yes,0\nfemale,no,0\n", "", "name another column of weights", lambda text: text.replace(",0", ",2"),
    ),
    "a weight that is blank": (
        "sex,works,w\nmale,yes,\nfemale,no,1\n", "", "write 0 for a record that is not to count",
        lambda text: text.replace("yes,\n", "yes,0\n"),
    ),
    "a negative weight": ("sex,works,w\nmale,yes,-1\nfemale,no,1\n", "", "0 or more", lambda text: text.replace("-1", "1")),
    "many unknown labels": (
        "sex,works\nmale,yes\nfemale,no\n" + "".join(f"x{i},yes\n" for i in range(30)), "",
        "mend the first ones, then check again", lambda text: text.partition("x0")[0],
    ),
    "a record that a rule forbids": (
        "sex,works\nmale,yes\nfemale,no\nmale,no\n", "rules: [{never: sex = 'male' and works, why: x}]\n",
        "correct them if they are wrong", lambda text: text.replace("male,yes\n", "male,no\n", 1),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SAMPLES)
def test_what_is_said_of_a_sample_mends_it(name: str, tmp_path: Path) -> None:
    text, more, said, edited = SAMPLES[name]
    (tmp_path / "t.csv").write_text(SEX, encoding="utf-8")
    (tmp_path / "s.csv").write_text(text, encoding="utf-8")
    weight = ", weight: w" if ",w\n" in text else ""
    spec = f"targets: [{{table: t.csv}}]\nsample: {{file: s.csv{weight}}}\n{more}"
    assert any(said in one for one in told(tmp_path, spec))
    (tmp_path / "s.csv").write_text(edited(text), encoding="utf-8")
    assert [one for one in told(tmp_path, spec) if "s.csv" in one] == []


def reconciled(folder: Path, monkeypatch: pytest.MonkeyPatch, *flags: str) -> Any:
    monkeypatch.chdir(folder)
    return CliRunner().invoke(app, ["check", "spec.yaml", *flags])


def test_reconcile_does_what_check_says_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(TWO.replace("25", "26").replace("no,40", "no,39"), encoding="utf-8")
    spec = "targets: [{counts: {sex: {male: 40, female: 60}}}, {table: t.csv}]"
    assert any("try `synthor check SPEC --reconcile`" in one for one in told(tmp_path, spec))
    assert reconciled(tmp_path, monkeypatch, "--reconcile").exit_code == 0
    done = CliRunner().invoke(app, ["check", "spec.reconciled.yaml"])
    assert done.exit_code == 0, done.output


@pytest.mark.slow
def test_what_reconcile_refuses_can_be_mended_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(
        TWO.replace("25", "26").replace("no,40", "no,39").replace("female", "femal"), encoding="utf-8"
    )
    told(tmp_path, "targets: [{counts: {sex: {male: 40, female: 60}}}, {table: t.csv}]")
    refused = reconciled(tmp_path, monkeypatch, "--reconcile")
    assert "mend these first, then reconcile; --fix-labels mends labels and columns" in " ".join(refused.output.split())
    fixed = CliRunner().invoke(app, ["check", "spec.yaml", "--fix-labels"])
    assert fixed.exit_code == 2, fixed.output
    again = CliRunner().invoke(app, ["check", "spec.fixed.yaml", "--reconcile"])
    assert again.exit_code == 0, again.output
    assert CliRunner().invoke(app, ["check", "spec.fixed.reconciled.yaml"]).exit_code == 0


@pytest.mark.parametrize("wider", [False, True])
def test_a_tolerance_of_its_own_lets_a_table_move_further(wider: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "t.csv").write_text(TWO.replace("yes,25", "yes,45").replace("no,40", "no,20"), encoding="utf-8")
    tolerance = ", tolerance: {relative: 45%}" if wider else ""
    told(tmp_path, f"targets: [{{counts: {{sex: {{male: 40, female: 60}}}}}}, {{table: t.csv{tolerance}}}]")
    done = reconciled(tmp_path, monkeypatch, "--reconcile")
    if not wider:
        assert "see which of them is right; a `tolerance` of its own allows more" in " ".join(done.output.split())
    assert (done.exit_code == 0) is wider, done.output
