"""Drafts from published tables: nobody is counted twice, nothing exists that no table knows, and what is unclear is asked."""

import re
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import yaml

from published import specimen, tried
from synthor import InputError, check, load_spec
from synthor.draft import infer
from synthor.problem import compile_problem
from synthor.spec.load import parse_spec
from synthor.spec.model import Spec
from synthor.spec.scaffold import scaffold

ROOT = Path(__file__).parents[2]
PUBLISHED = ROOT / "tests" / "cases" / "published"
CASES = sorted(folder.name for folder in PUBLISHED.iterdir())
TWO_POPULATIONS = {f"examples/{name}/tables" for name in ("leitrim", "norway", "population")}
"""Tables of households beside tables of persons: who the unit is and who its members are is asked."""

TABLES = sorted(
    {
        str(path.parent.relative_to(ROOT))
        for place in ("examples/*/*", "bench/tables/*", "tests/cases/slow_fits/*/*", "tests/cases/od_with_modes_crash")
        for path in ROOT.glob(f"{place}/*.csv")
    }
    - TWO_POPULATIONS
    - {"examples/orders/tables"}  # of two populations, too, but its files say so
)


def drafted(folder: Path) -> Spec:
    return parse_spec(scaffold(infer(folder, beside=folder))).placed_in(folder)


def truth(case: str) -> dict[str, Any]:
    """What the README of a case says: how many people there are, how many questions are allowed, and the variables."""
    block = re.search(r"```yaml\n(.*?)```", (PUBLISHED / case / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    assert block is not None
    return dict(yaml.safe_load(block[1]))


def errors(spec: Spec) -> tuple[list[str], list[str]]:
    """What check finds: questions of the draft, and everything else."""
    found = [str(finding) for finding in check(spec) if finding.severity == "error"]
    asked = [text for text in found if "is still to be filled in" in text]
    return asked, [text for text in found if text not in asked]


def rows_of_everybody(spec: Spec) -> list[tuple[float, float]]:
    """What each table of all records adds up to, and how far roundings may lead."""
    rounded = {i: written.rounded_to or 0.0 for i, written in enumerate(spec.targets)}
    targets = [target for target in compile_problem(spec).counts if target.grid.covers and not target.totals_of]
    return [(float(target.wanted.sum()), max(rounded.values()) * target.grid.size) for target in targets]


@pytest.mark.parametrize("case", CASES)
def test_a_draft_counts_everybody_once(case: str) -> None:
    said, spec = truth(case), drafted(PUBLISHED / case)
    asked, wrong = errors(spec)
    assert wrong == []
    assert len(asked) == said["questions"], asked
    assert spec.records == said["people"]
    if not asked:
        variables = compile_problem(spec).schema.unit.variables
        assert {variable.name: list(variable.labels) for variable in variables} == said["variables"]
        assert all(abs(total - said["people"]) <= room + 0.5 for total, room in rows_of_everybody(spec))


def test_two_thirds_of_the_cases_need_no_answer() -> None:
    assert sum(truth(case)["questions"] == 0 for case in CASES) >= 2 / 3 * len(CASES)


@pytest.mark.parametrize("folder", sorted(TWO_POPULATIONS))
def test_a_draft_of_units_beside_their_members_asks_what_is_counted(folder: str) -> None:
    found, _ = errors(drafted(ROOT / folder))
    assert found
    assert all("still to be filled in" in line for line in found)


@pytest.mark.parametrize("folder", TABLES)
def test_a_draft_of_every_folder_of_tables_passes_its_own_check(folder: str) -> None:
    spec = drafted(ROOT / folder)
    assert errors(spec) == ([], [])
    own = ROOT / folder / ".." / "spec.yaml"
    if own.is_file():
        published = load_spec(own)
        unit = 1000 if any(written.layout and written.layout.unit == 1000 for written in spec.targets) else 1
        assert spec.records == (published.population or published.records) * unit
    assert all(abs(total - spec.records) <= room + 0.5 for total, room in rows_of_everybody(spec))


@pytest.mark.parametrize("first", [0, *(pytest.param(n, marks=pytest.mark.long) for n in (30, 60, 90))])
@pytest.mark.slow
def test_no_layout_counts_anybody_twice(first: int, tmp_path: Path) -> None:
    outcomes = {seed: tried(specimen(seed), tmp_path) for seed in range(first, first + 30)}
    assert {seed: one.why for seed, one in outcomes.items() if one.kind in ("wrong", "lost", "fails")} == {}
    assert sum(one.kind == "passed" for one in outcomes.values()) >= 27


def folder_of(tables: dict[str, str], at: Path) -> Path:
    at.mkdir()
    for name, text in tables.items():
        (at / name).write_text(text, encoding="utf-8")
    return at


ASKED = (
    "FILL IN: '{}' is as large as all other labels together; write it here if it is their total, "
    "or delete this entry if it is one of them"
)
QUESTIONS = {
    "a label as large as all others": (
        {"t.csv": "kin,count\nchild,50\nspouse,30\nother,20\n"},
        100,
        f', "{ASKED}"',
        "child",
        "",
    ),
    "that label, being their total": ({"t.csv": "area,count\nLand,50\nNorth,30\nSouth,20\n"}, 50, f'"{ASKED}"', "Land", "Land"),
}


@pytest.mark.parametrize("name", QUESTIONS)
def test_a_question_is_a_value_that_check_refuses_until_it_is_answered(name: str, tmp_path: Path) -> None:
    tables, people, asked, label, answer = QUESTIONS[name]
    folder = folder_of(tables, tmp_path / "tables")
    text = scaffold(infer(folder, beside=tmp_path))
    assert len(errors(parse_spec(text).placed_in(tmp_path))[0]) == 1
    assert asked.format(label) in text
    text = text.replace(asked.format(label), answer)
    if answer:
        text = text.replace("records: 100", f"records: {people}").replace(f"values: [{answer}, ", "values: [")
    spec = parse_spec(text).placed_in(tmp_path)
    assert errors(spec) == ([], [])
    assert rows_of_everybody(spec) == [(people, 0.0)]


def test_a_table_of_other_people_is_asked_about(tmp_path: Path) -> None:
    tables = {
        "a.csv": "sex,count\nm,48\nf,52\n",
        "b.csv": "age,count\n0-15,20\n16+,80\n",
        "work.csv": "work,count\nyes,50\nno,30\n",
    }
    folder = folder_of(tables, tmp_path / "tables")
    text = scaffold(infer(folder, beside=tmp_path))
    asked, wrong = errors(parse_spec(text).placed_in(tmp_path))
    assert wrong == []
    assert len(asked) == 1
    assert "which records are counted here (they are 80, not 100)?" in asked[0]
    assert "households beside their persons need `unit` and `members`" in asked[0]
    question = re.search(r'"FILL IN: which records.*`"', text)
    assert question is not None
    spec = parse_spec(text.replace(question[0], '"age >= 16"')).placed_in(tmp_path)
    assert errors(spec) == ([], [])


def test_what_cannot_be_used_is_named_with_the_reason(tmp_path: Path) -> None:
    tables = {
        "good.csv": "sex,count\nm,48\nf,52\n",
        "words.csv": "a,b\nx,y\nz,w\n",
        "wrong.csv": "home,count\nflat,40\nhouse,50\nTotal,100\n",
        "codes.csv": "zone,tract_id\na,10001\nb,10002\nc,10003\n",
    }
    draft = infer(folder_of(tables, tmp_path / "tables"), beside=tmp_path)
    remarks = " ".join(draft.remarks)
    assert len(draft.targets) == 1
    assert "words.csv: has no column of numbers" in remarks
    assert "codes.csv: is a table of names and codes alone" in remarks
    assert "the total of all cells is 100, but its cells add up to 90" in remarks


def test_columns_that_count_different_things_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"columns count different things \(people, homes\).*a spec with `members`"):
        infer(folder_of({"t.csv": "zone,people,homes\na,10,4\nb,20,8\nc,15,7\n"}, tmp_path / "tables"), beside=tmp_path)


def test_what_a_draft_proposes_for_perturbed_counts_is_a_cure(tmp_path: Path) -> None:
    tables = {"a.csv": "sex,count\nm,4800\nf,5200\n", "b.csv": "age,count\n0-15,2003\n16+,7999\n"}
    folder = folder_of(tables, tmp_path / "tables")
    text = scaffold(infer(folder, beside=tmp_path))
    question = re.search(r'where: "FILL IN: [^\n]*?in place of `where`"', text)
    assert question is not None
    assert "`tolerance: {relative: 1%}` in place of `where`" in question[0]
    answered = text.replace(question[0], "tolerance: {relative: 1%}")
    assert errors(parse_spec(answered).placed_in(tmp_path)) == ([], [])


def test_another_year_is_chosen_as_the_draft_says(tmp_path: Path) -> None:
    folder = folder_of({"t.csv": "year,sex,count\n2020,m,48\n2020,f,52\n2021,m,49\n2021,f,53\n"}, tmp_path / "tables")
    draft = infer(folder, beside=tmp_path)
    assert any("only 2021 is read; for another change `only` and `records`" in remark for remark in draft.remarks)
    text = scaffold(draft).replace('only: {year: "2021"}', 'only: {year: "2020"}').replace("records: 102", "records: 100")
    spec = parse_spec(text).placed_in(tmp_path)
    assert errors(spec) == ([], [])
    assert rows_of_everybody(spec) == [(100, 0.0)]


def test_numbers_with_three_digits_behind_a_point_are_asked_about(tmp_path: Path) -> None:
    folder = folder_of({"t.csv": "sex;count\nm;1.234\nf;1.766\n"}, tmp_path / "tables")
    with pytest.raises(InputError, match=r"say `layout: \{decimal: ','\}` if points separate thousands"):
        infer(folder, beside=tmp_path)
    spec = parse_spec(
        "records: 3000\nvariables: {sex: {type: category, values: [m, f]}}\n"
        "targets: [{table: tables/t.csv, layout: {decimal: ','}}]"
    )
    assert errors(spec.placed_in(tmp_path)) == ([], [])


def test_folders_that_a_download_was_unpacked_to_are_looked_into(tmp_path: Path) -> None:
    folder = folder_of({"README.txt": "Notes.\nOf no use here.\n"}, tmp_path / "tables")
    office = ROOT / "tests" / "cases" / "offices" / "acs" / "ACSDT5Y2022.B25003-Data.csv"
    unpacked = folder_of({office.name: office.read_text(encoding="utf-8")}, folder / "ACSDT5Y2022.B25003_2024")
    (unpacked / "ACSDT5Y2022.B25003-Column-Metadata.csv").write_text("Column Name,Label\nB25003_001E,Estimate!!Total:\n")
    folder_of({"people.csv": "sex,count\nm,1\nf,2\n"}, folder / "other")
    spec = parse_spec(scaffold(infer(folder, beside=tmp_path))).placed_in(tmp_path)
    assert [target.table for target in spec.targets] == [f"tables/ACSDT5Y2022.B25003_2024/{office.name}"]
    assert errors(spec) == ([], [])
    assert spec.records == 1000


PERSONS_AND_HOUSEHOLDS = "Persons\nAge,Number\n0-15,100\n16+,300\n\nHouseholds\nAge,Number\n0-15,0\n16+,150\n"
ALIKE = {
    "blocks under titles": (PERSONS_AND_HOUSEHOLDS, "which of 'Persons', 'Households' is meant"),
    "blocks without titles": ("Age,Persons\n0-15,10\n16+,30\n\nAge,Persons\n0-15,9\n16+,31\n", "does 'table 2' count"),
    "tables side by side": ("Area,Men,,Area,Women\nNorth,30,,North,20\nSouth,25,,South,25\n", "does 'table 1' count"),
    "rows of labels": (
        "Age,n\nPersons,\n0-15,9\n16+,9\nHouseholds,\n0-15,1\n16+,5\n",
        "which of 'Persons', 'Households' is meant",
    ),
}


@pytest.mark.parametrize("how", ALIKE)
def test_what_belongs_together_is_never_guessed(how: str, tmp_path: Path) -> None:
    table, question = ALIKE[how]
    asked, wrong = errors(drafted(folder_of({"t.csv": table}, tmp_path / "tables")))
    assert wrong == []
    assert any(question in text for text in asked), asked


def book(sheets: dict[str, list[list[object]]], folder: Path, *, hidden: int = 0) -> Path:
    """A workbook of some sheets in a folder of its own; a row of the last one hidden."""
    workbook = openpyxl.Workbook()
    del workbook["Sheet"]
    for name, rows in sheets.items():
        sheet = workbook.create_sheet(name)
        for row in rows:
            sheet.append(row)
    if hidden:
        sheet.row_dimensions[hidden].hidden = True
    folder.mkdir()
    workbook.save(folder / "book.xlsx")
    return folder


def test_each_sheet_of_a_workbook_is_a_table_but_for_covers_and_notes(tmp_path: Path) -> None:
    sheets: dict[str, list[list[object]]] = {
        "Contents": [["Table 1", 1], ["Table 2", 2]],
        "1": [["Population"], [None], ["Age", "Persons"], ["0-15", 20], ["16+", 80]],
        "2": [["Sex", "Persons"], ["m", 48], ["f", 52]],
        "Notes": [["a", "b"], ["c", 3]],
    }
    folder = book(sheets, tmp_path / "tables", hidden=2)
    draft = infer(folder, beside=folder)
    assert [dict(target.body)["layout"] for target in draft.targets] == [{"sheet": "1"}, {"sheet": "2"}]
    assert any("some rows or columns of its sheets are hidden; they are read like the others" in one for one in draft.remarks)
    spec = parse_spec(scaffold(draft)).placed_in(folder)
    assert errors(spec) == ([], [])
    assert rows_of_everybody(spec) == [(100, 0.0), (100, 0.0)]


def test_of_sheets_that_are_years_the_latest_is_read(tmp_path: Path) -> None:
    sheets: dict[str, list[list[object]]] = {
        str(year): [["Sex", "Persons"], ["m", 48], ["f", year - 1968]] for year in (2019, 2020)
    }
    folder = book(sheets, tmp_path / "tables")
    draft = infer(folder, beside=folder)
    assert draft.records == 100
    assert any("of the sheets '2019', '2020' only 2020 is read" in one for one in draft.remarks)
    assert errors(parse_spec(scaffold(draft)).placed_in(folder)) == ([], [])


TOWN = {
    "homes.csv": "tenure,persons,count\nowned,1,30\nowned,2,40\nowned,3+,30\nrented,1,30\nrented,2,20\nrented,3+,10\n",
    "ages.csv": "age,tenure,count\n0-17,owned,45\n0-17,rented,20\n18+,owned,165\n18+,rented,85\n",
    "sexes.csv": "sex,count\nm,155\nf,160\n",
}


def test_tables_of_households_and_their_persons_are_drafted_as_such_and_asked_about(tmp_path: Path) -> None:
    draft = infer(folder_of(TOWN, tmp_path / "tables"), beside=tmp_path)
    (asked,) = draft.questions
    assert "are these households with their persons (160 in homes.csv and 315 in ages.csv, sexes.csv)?" in asked
    spec = parse_spec(scaffold(draft)).placed_in(tmp_path)
    assert errors(spec) == ([], [])
    problem = compile_problem(spec)
    assert (problem.n_units, [level.name for level in problem.schema]) == (160, ["household", "person"])
    assert [[variable.name for variable in level.variables] for level in problem.schema] == [
        ["tenure", "persons"],
        ["age", "sex"],
    ]
    assert [one.text for one in problem.follows] == ["count(person)"]
    assert {target.name: (target.level, target.wanted.sum()) for target in problem.targets} == {
        "age by tenure": (1, 315),
        "tenure by persons": (0, 160),
        "sex": (1, 315),
    }


SHOP = {
    "orders_by_channel.csv": "channel,count\nweb,600\nshop,400\n",
    "lines_by_category.csv": "category,channel,count\nfood,web,500\nfood,shop,300\ntoys,web,600\ntoys,shop,370\n",
}
TRAVEL = {
    "persons.csv": "age,trips,count\n0-17,0,50\n0-17,1,20\n0-17,2+,30\n18+,0,50\n18+,1,20\n18+,2+,130\n",
    "modes.csv": "mode,count\ncar,500\nwalk,200\n",
}


@pytest.mark.parametrize(
    ("tables", "records", "variables", "member", "of_members", "number"),
    [
        (SHOP, 1000, ["channel"], "line", ["category"], {"min": 1, "max": 50}),
        (
            SHOP | {"sizes.csv": "lines,count\n1,500\n2,300\n3,130\n4,70\n"},
            1000,
            ["channel", "lines"],
            "line",
            ["category"],
            {"min": 1, "max": 4},
        ),
        (TRAVEL, 300, ["age", "trips"], "trip", ["mode"], {"min": 0, "max": 7}),
    ],
)
def test_orders_with_their_lines_and_persons_with_their_trips_are_drafted_as_such(
    tables: dict[str, str],
    records: int,
    variables: list[str],
    member: str,
    of_members: list[str],
    number: dict[str, int],
    tmp_path: Path,
) -> None:
    draft = infer(folder_of(tables, tmp_path / "tables"), beside=tmp_path)
    (asked,) = draft.questions
    assert f"s with their {member}s" in asked
    (lines,) = draft.members
    assert (draft.records, [one.name for one in draft.variables]) == (records, variables)
    assert (lines.name, [one.name for one in lines.variables], lines.number) == (member, of_members, number)
    assert [entry.body["from"] for entry in draft.variables[1:]] == [f"count({member})"] * (len(variables) - 1)
    assert errors(parse_spec(scaffold(draft)).placed_in(tmp_path)) == ([], [])


def test_tables_that_say_of_both_what_they_count_leave_nothing_to_ask() -> None:
    draft = infer(ROOT / "examples/orders/tables", beside=ROOT / "examples/orders")
    assert (draft.unit, [one.name for one in draft.members], draft.questions) == ("order", ["line"], [])
    assert draft.context.startswith("One record is one order with its lines.")
    assert next(one for one in draft.variables if one.name == "n_lines").body["from"] == "count(line)"


def test_larger_tables_that_nothing_calls_lines_are_asked_about_one_by_one(tmp_path: Path) -> None:
    tables = {("visits.csv" if name.startswith("lines") else name): text for name, text in SHOP.items()}
    assert not infer(folder_of(tables, tmp_path / "tables"), beside=tmp_path).members


@pytest.mark.parametrize(
    ("sizes", "bins", "number"),
    [
        ("persons,count\n0,10\n1,45\n2,30\n3,70\n", [0, 1, 2, 3], (0, 3)),
        ("persons,count\n0 persons,20\n1 person,60\n2 or more persons,80\n", [0, 1, 2], (0, None)),
        ("household size,count\n2,75\n3,55\n", [2, 3], (2, 3)),
    ],
)
def test_sizes_follow_from_the_persons_from_none_or_two_on_as_well(
    sizes: str, bins: list[int], number: tuple[int, int | None], tmp_path: Path
) -> None:
    draft = infer(folder_of(TOWN | {"homes.csv": sizes}, tmp_path / "tables"), beside=tmp_path)
    (size,), (person,) = draft.variables, draft.members
    least, most = number
    assert size.body["from"] == "count(person)"
    assert person.number["min"] == least
    assert most is None or person.number["max"] == most
    assert size.body["bins"] == bins
    assert errors(parse_spec(scaffold(draft)).placed_in(tmp_path)) == ([], [])


@pytest.mark.parametrize(
    "changed",
    [
        {"homes.csv": TOWN["homes.csv"].replace("persons", "rooms")},  # nothing says that these are households
        {"homes.csv": TOWN["homes.csv"].replace("3+,30", "3+,330")},  # more households than persons
        {"sexes.csv": "sex,count\nm,150\nf,160\n"},  # three populations
    ],
)
def test_other_tables_of_two_populations_are_asked_about_one_by_one(changed: dict[str, str], tmp_path: Path) -> None:
    draft = infer(folder_of(TOWN | changed, tmp_path / "tables"), beside=tmp_path)
    assert not draft.unit
    assert not draft.members


def test_a_file_called_after_households_says_that_its_rows_are_such(tmp_path: Path) -> None:
    named = {"households.csv": "tenure,rooms,count\nowned,4,100\nrented,2,60\n", **TOWN}
    del named["homes.csv"]
    draft = infer(folder_of(named, tmp_path / "tables"), beside=tmp_path)
    assert (draft.unit, draft.records, [one.name for one in draft.members]) == ("household", 160, ["person"])
