"""`synthor init`: a spec from a folder of tables, and from private records, as a person at a terminal would."""

import os
import pty
import subprocess
import sys
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from forked import synthor
from synthor import InputError, check, load_spec, parse_spec
from synthor.cli.app import app
from synthor.draft import infer
from synthor.spec.model import Spec
from synthor.spec.scaffold import Draft, Entry, scaffold
from synthor.spec.variables import Category, Integer, Number


def slips(spec: Spec) -> list[str]:
    """What check finds, but for what a person has still to fill in."""
    return [str(finding) for finding in check(spec) if "filled in" not in finding.message]


def spec_from(tables: dict[str, str], folder: Path) -> Spec:
    (folder / "tables").mkdir()
    for name, text in tables.items():
        (folder / "tables" / name).write_text(text, encoding="utf-8")
    (folder / "spec.yaml").write_text(scaffold(infer(folder / "tables", beside=folder)), encoding="utf-8")
    return load_spec(folder / "spec.yaml")


anything = st.characters(codec="utf-8")
labels = st.lists(st.text(anything, min_size=1).map(str.strip).filter(bool), min_size=1, max_size=5, unique_by=str.casefold)
AWKWARD = ["no", "1-4", "12:30", "a: b", "#x", "~", "- a", "{", "007", "0x1f", "1e3", "null", "=", "<<", "a #b", "'", "y"]


@pytest.mark.slow
@given(labels, st.text(anything))
@example(
    ["no", "1-4", "12:30", "a: b", "#x", "~", "- a", "{", "007", "0x1f", "1e3", "null", "=", "<<", "a #b", "'"], "x: y\n#z"
)
@example(["a\u2028b", "a\x85x", "\x7f", "\ufeff!", "\U0001f600", "a\\b", 'say "x"', "a\tb"], "\n\n a\n\tb")
def test_what_is_written_loads_back_to_the_same_labels(values: list[str], words: str) -> None:
    draft = Draft(
        title=words,
        context=words,
        records=3,
        records_comment=words,
        variables=[Entry(name="x", body={"type": "category", "values": values, "about": words}, comment=words)],
        targets=[Entry(body={"counts": {"x": dict.fromkeys(values, 1)}}, comment=words)],
        remarks=[words],
    )
    spec = parse_spec(scaffold(draft))
    assert isinstance(spec.variables["x"], Category)
    assert spec.variables["x"].values == values
    assert spec.title == spec.variables["x"].about == words
    assert list((spec.targets[0].counts or {})["x"]) == values


def test_long_lists_are_broken_into_lines_and_load_back() -> None:
    values = [f"label number {i}, of many" for i in range(40)]
    text = scaffold(
        Draft(
            title="t",
            context="c",
            records=1,
            variables=[Entry(name="x", body={"type": "category", "values": values})],
            targets=[],
        )
    )
    assert max(map(len, text.splitlines())) <= 120
    loaded = parse_spec(text).variables["x"]
    assert isinstance(loaded, Category)
    assert loaded.values == values


TABLES = {
    "age_by_sex.csv": (
        "Table 1. Usual residents\nAge,Male,Female,Total\n0-15,100,90,190\n16 to 24,80,70,150\n25-64,300,320,620\n"
        "65 and over,60,80,140\nTotal,540,560,\"1,100\"\nSource: the office\n"
    ),
    "income.csv": (
        "Household income,share\n\"Less than $10,000\",12.5%\n\"$10,000 to $14,999\",17.5%\n\"$15,000 or more\",70.0%\n"
    ),
    "mean_income.csv": "Tenure,mean\nOwned,16000\nRented: social,12000\nno,9000\n",
    "sex_by_work.csv": "sex,works,count\nMale,yes,300\nMale,no,240\nFemale,yes,250\nFemale,no,310\n",
    "tenure.csv": "Tenure,Persons\nOwned [1],700\nRented: social,*\nno,100\nTotal,1100\n",
}  # fmt: skip


def test_a_folder_of_tables_becomes_a_spec_that_passes_the_check(tmp_path: Path) -> None:
    spec = spec_from(TABLES, tmp_path)
    assert [finding for finding in check(spec) if finding.severity == "error"] == []
    assert spec.records == 1100
    assert len(spec.targets) == 5
    assert {name: declared.type for name, declared in spec.variables.items()} == {
        "Age": "integer", "sex": "category", "Household_income": "number", "Tenure": "category", "works": "boolean",
    }  # fmt: skip


def test_bands_become_bins(tmp_path: Path) -> None:
    spec = spec_from(TABLES, tmp_path)
    age, income = spec.variables["Age"], spec.variables["Household_income"]
    assert isinstance(age, Integer)
    assert isinstance(income, Number)
    assert (age.min, age.bins) == (0, [0, 16, 25, 65])
    assert (income.min, income.bins, income.unit) == (0, [0, 10000, 15000], "USD")
    text = (tmp_path / "spec.yaml").read_text(encoding="utf-8")
    assert "the tables say no largest value: this is a guess" in text


def test_labels_that_look_like_something_else_stay_labels(tmp_path: Path) -> None:
    tenure = spec_from(TABLES, tmp_path).variables["Tenure"]
    assert isinstance(tenure, Category)
    assert tenure.values == ["Owned", "Rented: social", "no"]


def test_means_find_their_variable_and_columns_of_values_their_name(tmp_path: Path) -> None:
    spec = spec_from(TABLES, tmp_path)
    means = [target for target in spec.targets if target.mean]
    assert [(target.mean, target.by) for target in means] == [("Household_income", ["Tenure"])]
    assert spec.columns == {"Household income": "Household_income", "Persons": "count"}


def test_single_numbers_in_a_row_are_an_integer_and_codes_are_labels(tmp_path: Path) -> None:
    spec = spec_from(
        {"a.csv": "persons,count\n1,10\n2,20\n3,5\n4+,5\n", "b.csv": "zone,count\n101,10\n205,20\n999,10\n"}, tmp_path
    )
    assert (spec.variables["persons"].type, spec.variables["zone"].type) == ("integer", "category")
    assert slips(spec) == []


def test_totals_that_disagree_are_told(tmp_path: Path) -> None:
    tables = {"a.csv": "x,count\nu,10\nv,20\n", "b.csv": "y,count\nu,11\nv,20\n", "c.csv": "z,count\nu,15\nv,15\n"}
    assert spec_from(tables, tmp_path).records == 30
    assert "as 2 of 3 tables say; b.csv adds up to 31" in (tmp_path / "spec.yaml").read_text(encoding="utf-8")


def test_workbooks_and_margins_of_error(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("Heating", "count", "moe"), ("gas", 70, 5), ("wood", 30, 4)):
        sheet.append(row)
    book.save(tmp_path / "heating.xlsx")
    draft = infer(tmp_path, beside=tmp_path)
    spec = parse_spec(scaffold(draft)).placed_in(tmp_path)
    assert spec.targets[0].margin_of_error == "moe"
    assert slips(spec) == []


def test_a_folder_without_tables_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="holds no tables"):
        infer(tmp_path, beside=tmp_path)
    with pytest.raises(InputError, match="no such folder"):
        infer(tmp_path / "nowhere", beside=tmp_path)
    (tmp_path / "words.csv").write_text("a,b\nx,y\n")
    with pytest.raises(InputError, match=r"words\.csv: has no column of numbers"):
        infer(tmp_path, beside=tmp_path)


def test_the_schema_beside_an_earlier_draft_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "homes.csv").write_text("Tenure,N\nowned,30\nrented,20\n", encoding="utf-8")
    (tmp_path / "spec.schema.json").write_text("{}", encoding="utf-8")
    assert not any("Not understood" in remark for remark in infer(tmp_path, beside=tmp_path).remarks)


@pytest.mark.slow
def test_from_the_command_line(tmp_path: Path) -> None:
    spec_from(TABLES, tmp_path)
    done = synthor("init", "tables", "--out", "new/first.yaml", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "5 variables, 5 targets, 1,100 records." in done.stdout
    text = (tmp_path / "new" / "first.yaml").read_text(encoding="utf-8")
    assert text.startswith("# yaml-language-server: $schema=spec.schema.json\n")
    assert (tmp_path / "new" / "spec.schema.json").is_file()
    assert synthor("check", "new/first.yaml", at=tmp_path).returncode == 0
    (tmp_path / "new" / "first.yaml").write_text(text + "# mine\n", encoding="utf-8")
    again = synthor("init", "tables", "--out", "new/first.yaml", at=tmp_path)
    assert again.returncode == 2
    assert "first.yaml: is there already and is not overwritten" in " ".join(again.stderr.split())


@pytest.mark.slow
def test_private_records_become_a_folder_that_can_be_handed_on(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    size = rng.integers(1, 7, 500)
    pl.DataFrame(
        {
            "person": [f"Jane {i}" for i in range(500)],
            "size": size,
            "tenure": np.where(rng.random(500) < size / 8, "owned", "rented"),
            "heating": rng.choice(["gas", "wood", "oil"], 500, p=[0.8, 0.17, 0.03]),
        }
    ).write_csv(tmp_path / "private.csv")
    done = synthor("init", "--from", "private.csv", "handed", "--cross-tables", "2", "--cross", "tenure,heating", at=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "3 variables, 6 tables (3 crossed), 500 records." in done.stdout
    assert "Left out: person" in done.stdout
    assert "Jane" not in "".join(path.read_text() for path in (tmp_path / "handed").rglob("*") if path.is_file())
    checked = synthor("check", "handed/spec.yaml", at=tmp_path)
    assert checked.returncode == 0, checked.stdout
    ran = synthor("run", "handed/spec.yaml", "--out", "out", at=tmp_path)
    assert ran.returncode == 0, ran.stdout
    again = synthor("init", "--from", "private.csv", "handed", "--below", "5", at=tmp_path)
    assert again.returncode == 2
    assert "is not overwritten" in " ".join(again.stderr.split())


@pytest.mark.slow
def test_at_a_terminal_it_asks(tmp_path: Path) -> None:
    spec_from(TABLES, tmp_path)
    ours, theirs = pty.openpty()
    command = [sys.executable, "-c", "from synthor.cli import main; main()", "init", "--out", "asked.yaml"]
    with subprocess.Popen(command, cwd=tmp_path, stdin=theirs, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as asked:
        os.write(ours, b"tables\nHomes: all\nOne record is one home.\n")
        out, _ = asked.communicate(timeout=60)
    os.close(theirs)
    os.close(ours)
    assert b"Folder of your tables" in out
    assert asked.returncode == 0, out
    spec = load_spec(tmp_path / "asked.yaml")
    assert (spec.title, spec.context.strip()) == ("Homes: all", "One record is one home.")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "there is no terminal to ask at; write synthor init FOLDER"),
        (["--from", "x.csv"], "needs a folder to write"),
        (["tables", "--below", "5"], "--below: speaks of private records"),
        (["--from", "x.csv", "out"], "x.csv: no such file"),
        (["--from", "x.csv", "out", "--out", "y.yaml"], "--out: is where a spec of a folder of tables goes; --from writes"),
        (["--from-populationsim", "x", "out", "--out", "spec.yaml"], "--from-populationsim writes FOLDER, and spec.yaml in it"),
    ],
)
def test_what_is_missing_is_said(arguments: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError, match=message):
        app(["init", *arguments], standalone_mode=False)
