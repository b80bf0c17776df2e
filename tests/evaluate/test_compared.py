"""Runs beside each other: `synthor compare`, `run.compare`, and the page."""

import json
import re
from pathlib import Path

import pytest
from typer.testing import CliRunner

import synthor
from synthor import InputError, Run, parse_spec, synthesize
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app

CARS = """
title: Cars of a town
records: 100
variables:
  car: {type: boolean}
  home: {type: category, values: [owned, rented]}
  income: {type: number, min: 0, max: 90000, bins: [0, 30000, 60000]}
targets:
  - {name: cars, counts: {car: {yes: YES, no: NO}}}
  - {name: homes, counts: {home: {owned: 60, rented: 40}}}
  - {name: mean income, mean: income, value: MEAN}
"""
ZONED = """
records: ALL
variables: {car: {type: boolean}}
zones: {key: taz, within: {county: {a: north, b: north, c: south}}}
targets:
  - {name: cars, table: [{taz: a, car: yes, count: 5}, {taz: a, car: no, count: 5}, {taz: b, car: yes, count: 5},
                         {taz: b, car: no, count: 5}, {taz: c, car: yes, count: YES}, {taz: c, car: no, count: 5}]}
"""
HOMES = """
unit: household
records: 10
variables: {tenure: {type: category, values: [owned, rented]}, persons: {from: count(person), bins: [1, 2]}}
members:
  person:
    number: {min: 1, max: 2}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables: {role: {type: category, values: [head, partner]}, age: {type: integer, min: 18, max: 99, bins: [18, 65]}}
targets:
  - {name: tenure, counts: {tenure: {owned: 6, rented: 4}}}
  - {name: ages, counts: {age: {18-64: YOUNG, 65+: OLD}}}
"""


def cars(yes: int = 60, mean: int = 40000, **changed: str) -> Run:
    text = CARS.replace("YES", str(yes)).replace("NO", str(100 - yes)).replace("MEAN", str(mean))
    for old, new in changed.items():
        text = text.replace(old, new)
    return synthesize(parse_spec(text))


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    cars().write("base")
    cars(75, 45000).write("more")
    return tmp_path


def told(*arguments: str) -> str:
    done = CliRunner().invoke(app, ["compare", *arguments])
    assert done.exit_code == 0, done.output
    return done.output


@pytest.mark.slow
def test_what_differs_most_comes_first_with_wanted_and_got_of_both(place: Path) -> None:
    text = told("base", "more")
    assert "Both runs have 3 targets (5 cells) in common; 3 cells differ." in text
    assert "Beliefs, random seed and version are the same: what differs comes from the targets." in text
    assert re.search(r"cars +no +40 +25 +-15 \(-37.5%\)", text)
    assert re.search(r"cars +yes +60 +75 +\+15 \(\+25.0%\)", text)
    assert re.search(r"mean income +all records +40,000.0 +45,000.0 +\+5,000.0 \(\+12.5%\)", text)
    assert re.search(r"car +15.0% +no +40.0% +25.0%", text)
    assert not [line for line in text.splitlines() if "homes" in line]
    assert max(len(line) for line in text.splitlines()) <= 84  # of sentences; tables fit


@pytest.mark.slow
@pytest.mark.parametrize("width", [40, 60, 80])
def test_tables_fit_the_terminal_or_stand_one_below_the_other(place: Path, width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    text = told("base", "more")
    assert "-15 (-37.5%)" in text
    rows = [line for line in text.splitlines() if "37.5" in line or "mean income" in line]
    assert all(len(line) <= width for line in rows)


@pytest.mark.slow
def test_programs_get_every_cell(place: Path) -> None:
    document = json.loads(told("base", "more", "--json"))
    assert [run["records"] for run in document["runs"]] == [100, 100]
    assert document["same"] == {"beliefs": True, "random_seed": True, "version": True}
    target = document["targets"][0]
    assert target["name"] == "cars"
    cell = next(cell for cell in target["cells"] if cell["labels"] == {"car": "yes"})
    assert (cell["wanted"], cell["got"], cell["difference"], cell["percent"]) == ([60, 75], [60, 75], [0, 15], [0, 25])
    car = document["variables"][0]
    assert (car["name"], car["tvd"]) == ("car", [0, pytest.approx(0.15)])


@pytest.mark.slow
def test_a_run_that_misses_says_what_it_wanted(place: Path) -> None:
    (place / "base" / "records.parquet").write_bytes((place / "more" / "records.parquet").read_bytes())
    assert re.search(r"targets met +no +yes", told("base", "more"))
    cells = json.loads(told("base", "more", "--json"))["targets"][0]["cells"]
    assert next((cell["wanted"], cell["got"]) for cell in cells if cell["labels"] == {"car": "yes"}) == ([60, 75], [75, 75])
    cars(80).write("most")
    assert "75 (of 60)" in told("base", "most")


@pytest.mark.slow
def test_what_was_made_otherwise_is_said(place: Path) -> None:
    text = CARS.replace("YES", "60").replace("NO", "40").replace("MEAN", "40000").replace("records", "random_seed: 3\nrecords")
    prior = synthor.Prior(dependencies=[{"given": "car", "of": "home", "rows": [[20, 80], [85, 15]]}])
    synthesize(parse_spec(text), prior=prior).write("other")
    assert "They differ in beliefs and random seed, too, so not all that differs comes from the targets." in " ".join(
        told("base", "other").split()
    )


@pytest.mark.slow
def test_what_only_one_has_is_told_and_left_out(place: Path) -> None:
    other = CARS.replace("name: homes", "name: houses").replace("rented]}", "rented, other]}")
    other = other.replace("YES", "60").replace("NO", "40").replace("MEAN", "40000")
    synthesize(parse_spec(other)).write("houses")
    text = " ".join(told("base", "houses").split())
    assert "Not in all runs, but in base: 1 target: homes." in text
    assert "Not in all runs, but in houses: 1 target: houses." in text
    assert "Not in all runs, but in houses: 1 variable: home." in text


@pytest.mark.slow
def test_three_runs_are_all_compared_with_the_first(place: Path) -> None:
    cars(90).write("most")
    text = told("base", "more", "most", "-v")
    assert "All 3 runs have 3 targets" in text
    document = json.loads(told("base", "more", "most", "--json"))
    cell = next(cell for cell in document["targets"][0]["cells"] if cell["labels"] == {"car": "yes"})
    assert cell["difference"] == [0, 15, 30]


@pytest.mark.slow
def test_runs_of_another_kind_are_refused(place: Path) -> None:
    ages = "{name: ages, counts: {age: {yes: 2, no: 3}}}"
    other = parse_spec(f"{{records: 5, variables: {{age: {{type: boolean}}}}, targets: [{ages}]}}")
    synthesize(other).write("other")
    (place / "empty").mkdir()
    for arguments, message in (
        (["base", "other"], "have neither a target nor a variable in common"),
        (["base"], "there is only one run"),
        (["base", "base"], "is named twice"),
        (["base", "nowhere"], "no such folder"),
        (["base", "empty"], "holds no model.json"),
    ):
        done = CliRunner().invoke(app, ["compare", *arguments])
        assert isinstance(done.exception, InputError)
        assert message in str(done.exception)


@pytest.mark.slow
def test_the_page_is_one_file_and_overwrites_nothing(place: Path) -> None:
    told("base", "more", "--write", "compared.html")
    page = (place / "compared.html").read_text(encoding="utf-8")
    assert "Cars of a town: 2 runs compared" in page
    assert "+15 (+25.0%)" in page
    assert not re.search(r"<script|https?://|<img|@import|url\((?!data:)", page)
    cars(80).write("third")
    done = CliRunner().invoke(app, ["compare", "base", "third", "--write", "compared.html"])
    assert isinstance(done.exception, InputError)
    assert "is there already and is not overwritten" in str(done.exception)
    assert (place / "compared.html").read_text(encoding="utf-8") == page


def test_labels_and_names_are_escaped() -> None:
    spec = """
title: <script>alert(1)</script>
records: 10
variables: {kind: {type: category, values: ["<b>bold</b>", other]}}
targets: [{name: "<i>kinds</i>", counts: {kind: {"<b>bold</b>": N, other: M}}}]
"""
    runs = [synthesize(parse_spec(spec.replace("N", str(n)).replace("M", str(10 - n)))) for n in (4, 6)]
    found = runs[0].compare(runs[1])
    for text in (found.page(), found._repr_html_()):
        assert "<script>" not in text
        assert "<b>bold" not in text
        assert "<i>kinds" not in text
        assert "&lt;b&gt;bold" in text


@pytest.mark.slow
def test_in_python_a_comparison_shows_itself_and_is_a_frame() -> None:
    found = cars().compare(cars(75))
    assert repr(found).splitlines()[0] == "<Comparison of run 1 and run 2>"
    assert "cars, no: 40 -> 25" in repr(found)
    frame = found.frame()
    row = frame.filter((frame["name"] == "cars") & (frame["cell"] == "yes")).row(0, named=True)
    assert row["kind"] == "count"
    assert (row["wanted: run 1"], row["got: run 2"], row["difference: run 2"], row["percent: run 2"]) == (60, 75, 15, 25)
    assert set(frame.filter(frame["kind"] == "variable")["name"]) == {"car", "home", "income"}
    with pytest.raises(InputError, match="there is only one run"):
        cars().compare()


@pytest.mark.slow
def test_areas_of_the_largest_kind_have_a_table_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name, yes in (("base", 5), ("more", 9)):
        synthesize(parse_spec(ZONED.replace("ALL", str(25 + yes)).replace("YES", str(yes)))).write(name)
    text = told("base", "more")
    assert re.search(r"county +south +10 +14 +\+4 \(\+40.0%\)", text)
    assert re.search(r"county +north +20 +20 +0", text)
    assert re.search(r"cars +c · yes +5 +9 +\+4", text)


@pytest.mark.slow
def test_members_are_compared_too() -> None:
    texts = [HOMES.replace("YOUNG", young).replace("OLD", old) for young, old in (("10", "5"), ("5", "10"))]
    runs = [synthesize(parse_spec(text)) for text in texts]
    frame = runs[0].compare(runs[1]).frame()
    assert {"person.age", "tenure", "persons"} <= set(frame.filter(frame["kind"] == "variable")["name"])
    old = frame.filter((frame["name"] == "person.age") & (frame["cell"] == "65+")).row(0, named=True)
    assert old["difference: run 2"] == 5
