"""What a person meets behind `synthor init` on downloads of several offices: words, names and questions, and little to type."""

import re
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from synthor import InputError, check, compile_problem
from synthor.cli.app import app
from synthor.draft import infer
from synthor.spec.load import parse_spec
from synthor.spec.model import Spec
from synthor.spec.scaffold import Draft, scaffold

OFFICES = Path(__file__).parents[1] / "cases" / "offices"
NOMIS = """\
"DC1117EW - Sex by age"
"ONS Crown Copyright Reserved [from Nomis on 5 June 2023]"

"Population :","All usual residents"
"Units      :","Persons"
"Area name  :","Northby"
"Date       :","2021"

"Age","All persons","Males","Females"

"All categories: Age","100","48","52"
"Age 0 to 15","30","14","16"
"Age 16 and over","70","34","36"
"""
ONS = (
    "Countries Code,Countries,Sex (2 categories) Code,Sex (2 categories),Tenure of household (3 categories) Code,"
    "Tenure of household (3 categories),Observation\n"
    + "".join(
        f"E1,Northby,{sex},{tenure},{n}\n"
        for sex, owned, rented in (("1,Female", 30, 22), ("2,Male", 28, 20))
        for tenure, n in (("-8,Does not apply", 0), ("1,Owned", owned), ("2,Rented", rented))
    )
)
YEARS = [f"Aged {i} years" for i in range(20)]
BANDS = {f"Aged {low} to {low + 4} years": YEARS[low : low + 5] for low in range(0, 20, 5)}
BULK = (
    "date,geography,geography code,Age: Total,"
    + ",".join(f"Age: {label}" for band, years in BANDS.items() for label in (band, *years))
    + "\n2021,Northby,E1,100,"
    + ",".join(str(n) for _ in BANDS for n in (25, 6, 5, 5, 5, 4))
    + "\n"
)
PX = """\
CHARSET="ANSI";
TITLE="Usual residents by tenure of household, Northby, 2021";
UNITS="Persons";
STUB="Tenure of household";
VALUES("Tenure of household")="Owned","Rented";
DATA=
58
42;
"""


def drafted(folder: Path, files: dict[str, str]) -> tuple[Draft, Spec]:
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    draft = infer(folder, beside=folder)
    return draft, parse_spec(scaffold(draft)).placed_in(folder)


def found(spec: Spec) -> list[str]:
    return [str(finding) for finding in check(spec)]


def test_downloads_of_three_offices_need_no_answer(tmp_path: Path) -> None:
    draft, spec = drafted(tmp_path, {"nomis.csv": NOMIS, "ons.csv": ONS, "tenure.px": PX})
    assert found(spec) == [
        "ons.csv: nobody falls into 'Does not apply' of 'Tenure of household (3 categories)', which was left out"
    ]
    assert draft.questions == []
    assert spec.title == "All usual residents, Northby, 2021"
    assert spec.context.startswith("One record is one person of: All usual residents (Northby, 2021).")
    assert "'Sex by age'" in spec.context
    assert sorted(spec.variables) == ["Age", "Sex", "Tenure_of_household"]
    assert spec.labels == {"Sex": {"Female": "Females", "Male": "Males"}}
    assert [target.wanted.sum() for target in compile_problem(spec).targets] == [100, 100, 100]
    assert "# taken from what 3 files say" in scaffold(draft)


@pytest.mark.parametrize(
    ("files", "title", "record"),
    [
        (("ine/t20e301.csv",), "Población por sexo y grupo de edad, 2022", "one person (2022)"),
        (
            ("genesis/12411-0005.csv",),
            "Bevölkerung: Deutschland, Stichtag, Altersgruppen, 31.12.2022",
            "one person (31.12.2022)",
        ),
        (("genesis/12211-0300.csv",), "Privathaushalte: Deutschland, Jahre, Haushaltsgröße, 2022", "one household (2022)"),
        (("statcan/17100005.csv",), "Sex, Age group, Northland, 2021", "one person (Northland, 2021)"),
        (("nomis/census2021-ts999-ltla.csv",), "All homes, 2021", "one home of: All homes (2021)"),
    ],
)
def test_title_and_context_are_in_the_words_of_the_files(files: tuple[str], title: str, record: str, tmp_path: Path) -> None:
    for file in files:
        shutil.copy(OFFICES / file, tmp_path)
    draft = infer(tmp_path, beside=tmp_path)
    assert draft.title == title
    assert draft.context.startswith(f"One record is {record}.")
    assert draft.questions == []


def test_what_no_file_says_is_asked(tmp_path: Path) -> None:
    draft, _ = drafted(tmp_path, {"a.csv": "sex,n_2021\nm,40\nf,60\n"})
    assert draft.questions == [
        "context: what one record is (a household, a person, a trip), where, and when. The model reads this."
    ]
    persons, homes = "Persons by sex\nsex,count\nm,40\nf,60\n", "Households by kind\nkind,count\na,40\nb,60\n"
    draft, _ = drafted(tmp_path, {"a.csv": persons, "b.csv": homes})
    assert "files speak of different things (a.csv: person; b.csv: household)" in draft.questions[0]


def test_tables_of_several_years_are_told(tmp_path: Path) -> None:
    draft, _ = drafted(tmp_path, {"a.csv": NOMIS, "b.csv": NOMIS.replace('"2021"', '"2011"')})
    assert "Tables are of several times: a.csv of 2021; b.csv of 2011." in draft.remarks


@pytest.mark.parametrize(
    ("labels", "name"),
    [
        (("Male", "Female"), "sex"),
        (("männlich", "weiblich"), "sex"),
        (("hommes", "femmes"), "sex"),
        (("hombres", "mujeres"), "sex"),
        (("homens", "mulheres"), "sex"),
        (("maschi", "femmine"), "sex"),
        (("mannen", "vrouwen"), "sex"),
        (("Under 16 years", "16 years and over"), "age"),
        (("unter 15 Jahre", "15 Jahre und mehr"), "age"),
        (("Owner occupied", "Renter occupied"), "tenure"),
        (("Single", "Married", "Divorced", "Widowed"), "marital_status"),
        (("1 person", "2 persons", "3 or more persons"), "household_size"),
        (("red", "blue"), "level_1"),
        (("5", "6"), "level_1"),
    ],
)
def test_variables_are_named_by_what_their_labels_say(labels: tuple[str, ...], name: str, tmp_path: Path) -> None:
    _, spec = drafted(tmp_path, {"a.csv": "level_1,count\n" + "".join(f"{label},{50 - i}\n" for i, label in enumerate(labels))})
    assert list(spec.variables) == [name]
    assert [finding for finding in found(spec) if not finding.startswith("context")] == []


def test_columns_without_a_telling_name_are_one_only_where_their_labels_meet(tmp_path: Path) -> None:
    files = {
        "a.csv": "group,count\nred,40\nblue,60\n",
        "b.csv": "group,count\nx,30\ny,70\n",
        "c.csv": "group,count\nred,40\nblue,60\n",
    }
    _, spec = drafted(tmp_path, files)
    assert list(spec.variables) == ["group", "group_of_b"]


def test_the_sex_of_somebody_else_is_another_variable(tmp_path: Path) -> None:
    _, spec = drafted(
        tmp_path, {"a.csv": "Sex,count\nMale,40\nFemale,60\n", "b.csv": "Sex of parent,count\nMen,30\nWomen,70\n"}
    )
    assert list(spec.variables) == ["Sex", "Sex_of_parent"]


def test_bands_above_single_years_are_named_instead_of_all_years(tmp_path: Path) -> None:
    draft, spec = drafted(tmp_path, {"a.csv": BULK})
    assert spec.targets[0].layout is not None
    assert spec.targets[0].layout.only is None
    assert spec.targets[0].layout.total == ["Total", *BANDS]
    assert [one for one in found(spec) if "context" not in one] == []
    assert compile_problem(spec).targets[0].wanted.sum() == spec.records == 100
    assert "Aged 0 years" not in scaffold(draft).partition("targets:")[2]


def test_a_band_that_is_a_category_of_another_table_stays_a_choice(tmp_path: Path) -> None:
    other = "Age,count\nAged 0 to 4 years,25\nAged 5 to 9 years,25\nAged 10 to 19 years,50\n"
    _, spec = drafted(tmp_path, {"a.csv": BULK, "b.csv": other})
    layout = next(target.layout for target in spec.targets if target.table == "a.csv")
    assert layout is not None
    assert layout.only is not None
    assert [one for one in found(spec) if "context" not in one] == []


def test_the_terminal_says_what_the_page_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "tables").mkdir()
    text = "sex,Age,n\n0,Under 75,190\n0,75+,810\n1,Under 75,100\n1,75+,400\n2,Under 75,90\n2,75+,410\n"
    (tmp_path / "tables" / "a.csv").write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(app, ["init", "tables"])
    told, page = " ".join(done.output.split()), " ".join((tmp_path / "spec.yaml").read_text("utf-8").replace("#", " ").split())
    for said in (
        "the tables say no largest value: this is a guess, and values from 75 on are invented; change `variables.Age.max`",
        "2 questions to answer, each in its place, where it says FILL IN:",
        "1. context: what one record is",
        "2. targets[0].layout.total: '0' is as large as all other labels together",
    ):
        assert said in told
        assert said in page
    assert "answer what it asks, then `synthor check spec.yaml`, then `synthor run spec.yaml --out out/`" in told
    assert told.index("Age:") < told.index("2 questions") < told.index("Wrote spec.yaml")


PERTURBED = "Region,Male,Female,Total\nNorth,100,111,213\nSouth,205,189,391\nEast,77,66,145\nTotal,382,366,749\n"


def test_a_draft_says_how_printed_totals_of_perturbed_counts_are_kept_and_that_cures(tmp_path: Path) -> None:
    draft, spec = drafted(tmp_path, {"a.csv": PERTURBED})
    assert spec.records == 748
    (said,) = [remark for remark in draft.remarks if "together 749, and 748 by their cells" in remark]
    keys = re.search(r"write `(tolerance: .*?)` in place of `layout.only` and `records: (\d+)`", said)
    assert keys is not None
    text = re.sub(r", only: \{.*\}(?=\}\})", "", scaffold(draft)).replace("records: 748", f"records: {keys[2]}")
    text = text.replace("wide: [a]}}", f"wide: [a]}}, {keys[1]}}}")
    kept = parse_spec(text).placed_in(tmp_path)
    assert [one for one in found(kept) if "context" not in one] == []
    assert kept.records == 749
    assert [target.name for target in compile_problem(kept).targets] == [
        "Region by a", "Region by a (totals of Region)", "Region by a (totals of a)",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (
            "tenure,1 person,2 persons,Total\nowned,3104,4520,7624\nrented,2817,1903,4735\nTotal,5921,6423,12344\n",
            "a.csv: totals are not the sums of their cells, by up to 15 (rented, Total: 4,735, and 4,720 by its cells",
        ),
        (
            "tenure,1 person,2 persons,Total\nowned,20,40,60\nrented,10,30,40\nTotal,30,70,110\n",
            "a.csv: totals are not the sums of their cells, by up to 10 (all together: 110, and 100 by its cells), and all "
            "numbers are multiples of 10",
        ),
    ],
)
def test_totals_that_are_read_as_blurred_are_told_with_both_numbers(text: str, said: str, tmp_path: Path) -> None:
    draft, _ = drafted(tmp_path, {"a.csv": text})
    assert [remark for remark in draft.remarks if said in remark]


@pytest.mark.parametrize("label", ["Sum", "Both", "N", "Households"])
@pytest.mark.parametrize("first", [True, False])
def test_a_label_that_is_called_like_a_total_and_is_none_is_told_with_both_numbers(
    label: str, first: bool, tmp_path: Path
) -> None:
    rows = ["owned,3104", "rented,2817", "free,903"]
    wrong = f"{label},7642"  # in place of 6,824
    draft, spec = drafted(tmp_path, {"a.csv": "\n".join(["tenure,count", *([wrong, *rows] if first else [*rows, wrong]), ""])})
    assert spec.records == 6824 + 7642
    told = f"a.csv: '{label}' is called like a total, but is 7,642, and all others come to 6,824: it is read as one of them"
    assert [remark for remark in draft.remarks if remark.startswith(told)]


@pytest.mark.parametrize("rows", [("petrol,3104", "diesel,2817", "both,903"), ("all,120", "some,340", "none,560")])
def test_categories_whose_words_may_be_totals_are_told_only_where_they_are_large(rows: tuple[str, ...], tmp_path: Path) -> None:
    draft, spec = drafted(tmp_path, {"a.csv": "\n".join(["fuel,count", *rows, ""])})
    assert spec.records == sum(int(row.split(",")[1]) for row in rows)
    told = [remark for remark in draft.remarks if "is called like a total" in remark]
    assert bool(told) == (rows[0] == "all,120")


def test_totals_that_differ_from_their_cells_within_margins_are_targets_of_their_own(tmp_path: Path) -> None:
    text = (
        "sex,Region,count,moe\nM,North,1003,20\nM,South,2055,35\nM,Total,3065,40\nF,North,977,10\nF,South,1990,10\n"
        "F,Total,2980,30\nTotal,Total,6040,30\n"
    )
    _, spec = drafted(tmp_path, {"a.csv": text})
    assert spec.records == 6040
    told = "3 totals are not the sums of their cells, by up to 15: cells and totals are met within the margin of error of each"
    assert [one for one in found(spec) if "context" not in one] == [f"a.csv: {told}"]
    own = [target for target in compile_problem(spec).targets if target.totals_of]
    assert [target.wanted.tolist() for target in own] == [[3065, 2980]]
    far = text.replace("3065,40", "3265,40")
    with pytest.raises(InputError, match="the total of \\(M\\) is 3,265, but its cells add up to 3,058"):
        drafted(tmp_path, {"a.csv": far})


YEARS_TOLD = "Year,Sex,count\n2020,m,40\n2020,f,50\n2021,m,45\n2021,f,55\n"
PROPOSED: dict[str, tuple[str, str, tuple[tuple[str, str], ...], int]] = {
    # what a draft says: the table, what is said, the change in the draft, and how many records there are then
    "another year": (
        YEARS_TOLD, "for another change `only` and `records`", (('"2021"', '"2020"'), ("records: 100", "records: 90")), 90,
    ),
    "cells that are not told": (
        "Kind,count\na,*\nb,50\nc,*\nTotal,60\n", "say `suppressed: \"<10\"` if the notes say how small",
        (("{table: a.csv}", "{table: a.csv, suppressed: <10}"),), 60,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", PROPOSED)
def test_what_a_draft_proposes_can_be_done(name: str, tmp_path: Path) -> None:
    table, said, edits, records = PROPOSED[name]
    draft, _ = drafted(tmp_path, {"a.csv": table})
    text = scaffold(draft)
    assert said in " ".join(text.replace("#", " ").split())
    for old, new in edits:
        assert old in text
        text = text.replace(old, new)
    spec = parse_spec(text).placed_in(tmp_path)
    assert [one for one in found(spec) if "context" not in one] == []
    assert spec.records == records


def test_a_question_which_figures_are_meant_is_answered_in_its_place(tmp_path: Path) -> None:
    table = "Measure,Sex,count\nAdults,m,40\nAdults,f,50\nChildren,m,45\nChildren,f,56\n"
    draft, _ = drafted(tmp_path, {"a.csv": table})
    assert any("which of 'Adults', 'Children' is meant? the draft speaks of 'Children'" in one for one in draft.questions)
    text, n_answers = re.subn(r'"FILL IN: which of [^"]*"', "Adults", scaffold(draft).replace("records: 101", "records: 90"))
    assert n_answers == 1
    spec = parse_spec(text).placed_in(tmp_path)
    assert [one for one in found(spec) if "context" not in one] == []
    assert compile_problem(spec).targets[0].wanted.sum() == 90


def test_single_years_up_to_the_last_beside_bands(tmp_path: Path) -> None:
    years = "".join(f"{year},1\n" for year in range(20))
    _, spec = drafted(tmp_path, {"a.csv": f"Age,count\n{years}", "b.csv": "Age,count\n0 to 4,5\n5 to 17,13\n18,1\n19,1\n"})
    assert [target.wanted.sum() for target in compile_problem(spec).targets] == [20, 20]
    assert [one for one in found(spec) if "context" not in one] == []


def test_a_file_that_does_not_say_whom_it_counts_is_told(tmp_path: Path) -> None:
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "ages.csv").write_text(NOMIS, encoding="utf-8")
    (tmp_path / "tables" / "homes.csv").write_text(ONS, encoding="utf-8")
    draft = infer(tmp_path / "tables", beside=tmp_path)
    assert "Whom homes.csv counts is not said there: taken for what the others say." in draft.remarks
