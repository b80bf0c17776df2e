"""Tables as statistical offices publish them: other shapes, marks, labels and encodings than a plain list of cells."""

import time
from pathlib import Path

import numpy as np
import openpyxl
import polars as pl
import pytest

from synthor import Spec, check, compile_problem, parse_spec, synthesize
from synthor.holdout import hold_out
from synthor.problem import Problem, Target

SPEC = """
records: 1000
variables:
  sex: {type: category, values: [male, female]}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  works: {type: boolean}
  income: {type: number, min: 0, max: 500000, bins: [0, 10000, 15000], labels: [low, middle, high]}
"""
LONG = {("male", "0-15"): 100, ("male", "16-24"): 80, ("male", "25-64"): 260, ("male", "65+"): 50,
        ("female", "0-15"): 90, ("female", "16-24"): 70, ("female", "25-64"): 270, ("female", "65+"): 80}  # fmt: skip


def problem(text: str, folder: Path = Path()) -> Problem:
    return compile_problem(parse_spec(SPEC + text).placed_in(folder))


def cells(target: Target) -> dict[tuple[str, ...], float]:
    return {tuple(target.labels(cell).values()): float(wanted) for cell, wanted in enumerate(target.wanted)}


def found(text: str, folder: Path = Path()) -> list[str]:
    """Errors, each in a line."""
    return [str(f) for f in check(parse_spec(SPEC + text).placed_in(folder)) if f.severity == "error"]


def warnings(text: str, folder: Path = Path()) -> list[str]:
    """Warnings, but for variables without a target."""
    told = [str(f) for f in check(parse_spec(SPEC + text).placed_in(folder)) if f.severity == "warning"]
    return [text for text in told if "has no target" not in text]


# --- Shapes ---------------------------------------------------------------------------------------------------------------


def test_a_wide_table_is_known_by_its_heads(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Age,Male,Female\n0-15,100,90\n16-24,80,70\n25-64,260,270\n65+,50,80\n", encoding="utf-8")
    (target,) = problem("targets: [{table: t.csv}]", tmp_path).targets
    assert {(sex, age): count for (age, sex), count in cells(target).items()} == LONG


def test_titles_above_notes_below_totals_and_thousands_are_seen_through(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "Table 7: Population by age and sex\n\nSex,Under 16,16 to 24 years,25 to 64 years,65 years and over,All ages\n"
        'Males,"100","80","260","50","490"\nFemales [2],90,70,270,80,510\nTotal,190,150,530,130,"1,000"\n'
        "Source: invented\n[2] and so on\n",
        encoding="utf-8",
    )
    text = "columns: {Sex: sex}\nlabels: {sex: {Males: male, Females: female}}\ntargets: [{table: t.csv}]"
    (target,) = problem(text, tmp_path).targets
    assert cells(target) == LONG
    assert not warnings(text, tmp_path)


def test_two_header_rows_of_merged_cells(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "Age,Male,,Female,\n,Yes,No,Yes,No\n0-15,0,100,0,90\n16-24,40,40,30,40\n25-64,200,60,170,100\n65+,5,45,5,75\n",
        encoding="utf-8",
    )
    (target,) = problem("targets: [{table: t.csv, layout: {wide: [sex, works]}}]", tmp_path).targets
    assert cells(target)["25-64", "female", "no"] == 100
    assert target.wanted.sum() == 1000


def test_percent_signs_make_shares_of_a_wide_table(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sex;yes;no\nmale;24,5%;24,5%\nfemale;20,5%;30,5%\n", encoding="utf-8")
    (target,) = problem("targets: [{table: t.csv, layout: {decimal: ','}}]", tmp_path).targets
    assert target.statistic.word == "share"
    assert cells(target)["female", "yes"] == pytest.approx(205)


def test_a_wide_table_of_means(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('works,male,female\nyes,"$31,000","$27,500"\nno,"9,000",..\n', encoding="utf-8")
    text = "targets: [{mean: income, by: [works, sex], table: t.csv, layout: {wide: [sex], values: mean}}]"
    (target,) = problem(text, tmp_path).statistics
    assert [None if np.isnan(value) else value for value in target.wanted] == [9000, None, 31000, 27500]


@pytest.mark.slow
def test_sheets_of_a_workbook(tmp_path: Path) -> None:
    book = openpyxl.Workbook()
    assert book.active is not None
    book.active.append(["nothing here"])
    sheet = book.create_sheet("Table 2")
    sheet["B3"] = "People by sex"
    for row, fields in enumerate([("Sex", "Number", "%"), ("Male", 490, 0.49), ("Female", 510, 0.51), ("Total", 1000, 1)], 5):
        for column, value in enumerate(fields, 2):
            sheet.cell(row, column, value)
    book.save(tmp_path / "t.xlsx")
    (target,) = problem('columns: {"%": null}\ntargets: [{table: t.xlsx, layout: {sheet: Table 2}}]', tmp_path).targets
    assert cells(target) == {("male",): 490, ("female",): 510}
    bad = 'columns: {"%": null}\ntargets: [{table: t.xlsx, layout: {sheet: %s}}]'
    sheet["C6"] = 480
    book.save(tmp_path / "t.xlsx")
    assert found(bad.replace("%s", "2"), tmp_path) == [
        "t.xlsx, row 8: the total of all cells is 1,000, but its cells add up to 990; "
        "correct the total or a cell, or leave the row of totals out",
    ]
    assert found(bad.replace("%s", "3"), tmp_path) == ["t.xlsx: has no sheet 3; it has Sheet, Table 2"]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "windows-1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_encodings_and_separators(encoding: str, separator: str, tmp_path: Path) -> None:
    text = f"sex{separator}count\nhömme{separator}490\nfemale{separator}510\n"
    (tmp_path / "t.csv").write_bytes(text.encode(encoding))
    spec = "labels: {sex: {hömme: male}}\ntargets: [{table: t.csv}]"
    assert cells(problem(spec, tmp_path).targets[0])["male",] == 490
    assert bool(warnings(spec, tmp_path)) == (encoding == "windows-1252")


def test_a_named_encoding_is_taken(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_bytes("sex,count\nženy,510\nmuži,490\n".encode("cp1250"))
    text = "labels: {sex: {ženy: female, muži: male}}\ntargets: [{table: t.csv, layout: {encoding: cp1250}}]"
    assert cells(problem(text, tmp_path).targets[0])["female",] == 510
    assert found(text.replace("cp1250}", "cp0}"), tmp_path) == [
        "t.csv: no encoding is called 'cp0'; name one such as utf-8, latin-1, windows-1252, utf-16"
    ]


def test_parquet_wide(tmp_path: Path) -> None:
    pl.DataFrame({"sex": ["male", "female"], "yes": [245, 205], "no": [245, 305]}).write_parquet(tmp_path / "t.parquet")
    assert cells(problem("targets: [{table: t.parquet}]", tmp_path).targets[0])["male", "no"] == 245


def test_rows_are_chosen_and_columns_that_say_nothing_left_out(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text(
        "geo,time,sex,unit,OBS_VALUE\nAT,2020,M,NR,480\nAT,2021,M,NR,490\nAT,2021,F,NR,510\nDE,2021,F,NR,9\nAT,2021,T,NR,1000\n",
        encoding="utf-8",
    )
    text = """
labels: {sex: {M: male, F: female, T: Total}}
targets: [{table: t.csv, layout: {only: {geo: AT, TIME: 2021}}}]"""
    assert cells(problem(text, tmp_path).targets[0]) == {("male",): 490, ("female",): 510}
    assert warnings(text, tmp_path) == ["t.csv: column 'unit' holds only 'NR' and was left out"]
    assert found(text.replace("geo: AT", "geo: AD"), tmp_path) == ["t.csv: no row has 'AD' in column 'geo'; known: AT, DE"]


# --- Labels ---------------------------------------------------------------------------------------------------------------


def test_bands_in_words_are_bins() -> None:
    text = "targets: [{counts: {age: {Under 16: 190, Aged 16–24: 150, 25 to 64 years: 530, 65 and over: 130}}}]"
    assert problem(text).targets[0].wanted.tolist() == [190, 150, 530, 130]


def test_numbers_named_by_what_they_count_are_understood() -> None:
    spec = """
records: 100
variables: {cars: {type: integer, min: 0, max: 9, bins: [0, 1, 2, 3]}}
targets: [{counts: {cars: {No cars or vans in household: 20, 1 car or van in household: 40,
                           2 cars or vans in household: 30, 3 or more cars or vans in household: 10}}}]
"""
    assert compile_problem(parse_spec(spec)).targets[0].wanted.tolist() == [20, 40, 30, 10]


def test_other_bands_than_the_bins_need_no_groups() -> None:
    text = "targets: [{counts: {age: {0-17: 210, 18-29: 200, 30+: 590}}}]"
    (target,) = problem(text).targets
    assert target.axes[0].labels == ("0-17", "18-29", "30+")
    assert target.axes[0].variable.labels == ("0-15", "16-17", "18-24", "25-29", "30-64", "65+")


def test_single_years_need_no_groups() -> None:
    years = ", ".join(f"{age}: 10" for age in range(99))
    (target,) = problem(f"targets: [{{counts: {{age: {{{years}, 99 and over: 10}}}}}}]").targets
    assert target.wanted.tolist() == [10] * 100


def test_bands_of_money() -> None:
    text = 'targets: [{counts: {income: {"Less than $10,000": 300, "$10,000 to $14,999": 400, "$15,000 or more": 300}}}]'
    assert problem(text).targets[0].wanted.tolist() == [300, 400, 300]
    text = 'targets: [{counts: {income: {"Less than $5,000": 300, "$5,000 to $14,999": 400, "$15,000 or more": 300}}}]'
    assert problem(text).targets[0].axes[0].variable.low.tolist() == [0, 5000, 10000, 15000]


def test_a_slip_in_a_band_is_told() -> None:
    assert found("targets: [{counts: {age: {0-15: 190, 15-24: 150, 25-64: 530, 65+: 130}}}]") == [
        "targets[0]: bands '0-15' and '15-24' of age overlap; a band [from, below] ends before the next one begins"
    ]
    (told,) = found("targets: [{counts: {age: {0: 190, 17: 150, 25: 530, 65: 130}}}]")
    assert told.startswith("targets[0], row 2: '17' is no label of age")


# --- Cells that are not told -------------------------------------------------------------------------------------------------


def test_a_cell_that_is_not_told_is_what_the_others_leave() -> None:
    text = (
        "targets: [{table: [{sex: male, works: 'yes', count: 590}, {sex: male, works: 'no', count: 400}, "
        "{sex: female, works: 'yes', count: '%s'}, {sex: female, works: 'no', count: 7}]}]"
    )
    for mark in ("*", "..", "c", "<10", "-", ":", "[x]"):
        marks = ", suppressed: {marks: ['[x]']}" if mark == "[x]" else ""
        (target,) = problem((text % mark).replace("]}]", f"]{marks}}}]")).targets
        assert cells(target)["female", "yes"] == 3


def test_several_cells_that_are_not_told_are_intervals() -> None:
    text = """
targets:
  - suppressed: "<10"
    table:
      - {sex: male, age: 0-15, count: 100}
      - {sex: male, age: 16-24, count: "*"}
      - {sex: male, age: 25-64, count: 380}
      - {sex: male, age: 65+, count: "*"}
      - {sex: male, age: Total, count: 491}
      - {sex: female, age: 0-15, count: 90}
      - {sex: female, age: 16-24, count: "*"}
      - {sex: female, age: 25-64, count: 402}
      - {sex: female, age: 65+, count: "*"}
      - {sex: Total, age: 16-24, count: 12}
"""
    made = problem(text)
    table, *sums = made.targets
    at = {labels: i for i, labels in enumerate(cells(table))}
    low, high = table.low, table.high
    assert (low[at["male", "16-24"]], high[at["male", "16-24"]]) == (3, 9)
    assert (low[at["male", "65+"]], high[at["male", "65+"]]) == (2, 8)
    assert (low[at["male", "25-64"]], high[at["male", "25-64"]]) == (380, 380)
    assert {target.name: cells(target) for target in sums} == {
        "sex by age (totals of sex)": {("male",): 491},
        "sex by age (totals of age)": {("16-24",): 12},
    }
    run = synthesize(parse_spec(SPEC + text))
    assert run.measurement.met, run.verdict


def test_cells_that_are_not_told_are_named_where_their_table_is_left_out() -> None:
    table = [("male", "yes", 245), ("male", "no", 245), ("female", "yes", "<10"), ("female", "no", "..")]
    rows = "".join(f"{{sex: {sex}, works: '{works}', count: '{count}'}}, " for sex, works, count in table)
    found = hold_out(parse_spec(SPEC + f"targets: [{{name: t, table: [{rows}]}}]")).outs
    assert "2 cells of 't' are not told, and compared with a guess inside what they may hold." in found.notes


def test_totals_beside_cells_that_are_not_listed_are_a_residual() -> None:
    text = "targets: [{counts: {age: {0-15: 190, 16-24: 150, Total: 1000}}}]"
    (target, *_) = problem(text).targets
    assert target.low.tolist() == [190, 150, 0, 0]
    assert target.high.tolist() == [190, 150, 660, 660]


def test_a_total_that_its_cells_cannot_come_to_is_told() -> None:
    text = (
        "targets: [{suppressed: '<10', table: [{sex: male, works: 'yes', count: 300}, {sex: male, works: 'no', count: '*'}, "
        "{sex: male, works: All, count: 312}, {sex: female, works: 'yes', count: 348}, "
        "{sex: female, works: 'no', count: 340}]}]"
    )
    assert found(text)[0] == (
        "targets[0], row 3: the total of (male) is 312, but its cells add up to at most 309 (1 of them not told); "
        "correct the total or a cell, or leave the row of totals out"
    )


def test_rounded_totals_may_differ_by_the_rounding() -> None:
    text = "targets: [{rounded_to: 5, counts: {sex: {male: 490, female: 515, Total: 1000}}}]"
    assert not found(text)
    assert "add up to 1,005" in found(text.replace("rounded_to: 5, ", ""))[0]


def test_margins_of_error_as_the_american_community_survey_prints_them(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("sex,count,moe\nmale,492,±12\nfemale,508,*****\n", encoding="utf-8")
    (target,) = problem("targets: [{table: t.csv, margin_of_error: moe}]", tmp_path).targets
    assert target.sigma is not None
    assert target.sigma.tolist() == pytest.approx([12 / 1.6448536, 1e-6])


def test_a_model_made_from_such_tables_can_be_read_again(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Sex;Ja;Nein;Alle\nM;245;245;490\nF;..;..;510\nAlle;450;550;1.000\n", encoding="utf-8")
    text = """
columns: {Sex: sex}
labels: {sex: {M: male, F: female}, works: {Ja: 'yes', Nein: 'no'}}
targets: [{table: t.csv, layout: {decimal: ",", total: [Alle]}}]
"""
    run = synthesize(parse_spec(SPEC + text).placed_in(tmp_path))
    assert run.measurement.met, run.verdict
    from synthor import Model

    again = Model.from_json(run.model.to_json())
    assert [t.name for t in again.problem.targets] == [t.name for t in run.model.problem.targets]
    assert np.array_equal(again.weights, run.model.weights)


# --- Tables of more people than are wanted --------------------------------------------------------------------------------


@pytest.mark.slow
def test_counts_of_a_population_are_scaled_to_the_records() -> None:
    text = (
        """
population: 2_500_000
targets:
  - counts: {sex: {male: "1,225,000", female: "1,275,000"}}
  - {mean: income, value: 12000}
  - {total: income, value: 30000000000}
""".replace("_", "")
        .replace('"1,225,000"', "1225000")
        .replace('"1,275,000"', "1275000")
    )
    run = synthesize(parse_spec(SPEC + text))
    assert [fit.got.tolist() for fit in run.measurement.of_counts] == [[490, 510]]
    assert run.measurement.met, run.verdict
    assert "population: tables are scaled from 2,500,000 to 1,000 records; cells are met to the next whole one" in warnings(
        text
    )
    assert found(text.replace("1225000", "1225001"))[0].startswith(
        "targets[0]: counts add up to 2,500,001, but population is 2,500,000; correct the table, set population to 2,500,001"
    )


# --- Offices, from download to records ------------------------------------------------------------------------------------


def test_a_table_of_the_american_community_survey_from_download_to_records(tmp_path: Path) -> None:
    nbsp = "\u00a0"
    (tmp_path / "acs.csv").write_text(
        "\ufeff"
        'Label (Grouping),"Somewhere!!Estimate","Somewhere!!Margin of Error"\n'
        'Total:,"1,000",*****\n'
        f'"{nbsp * 4}Male:",490,±30\n"{nbsp * 8}Under 16 years",190,±20\n"{nbsp * 8}16 to 24 years",70,±9\n'
        f'"{nbsp * 8}25 to 64 years",200,±20\n"{nbsp * 8}65 years and over",30,±7\n'
        f'"{nbsp * 4}Female:",510,±30\n"{nbsp * 8}Under 16 years",180,±20\n"{nbsp * 8}16 to 24 years",80,±9\n'
        f'"{nbsp * 8}25 to 64 years",N,N\n"{nbsp * 8}65 years and over",45,**\n',
        encoding="utf-8",
    )
    text = """
targets:
  - {table: acs.csv, layout: {format: acs, columns: {level_1: sex, level_2: age}}, margin_of_error: margin_of_error}
"""
    assert not found(text, tmp_path)
    run = synthesize(parse_spec(SPEC + text).placed_in(tmp_path))
    assert run.measurement.met, run.verdict
    assert run.measurement.of_counts[0].got.size == 8


def test_cells_that_are_not_told_leave_a_table_with_margins_of_error_a_marginal() -> None:
    text = """
targets:
  - margin_of_error: moe
    suppressed: "<10"
    table:
      - {age: 0-15, count: 200, moe: 9}
      - {age: 16-24, count: 600, moe: 20}
      - {age: 25-64, count: 190, moe: 9}
      - {age: 65+, count: "*", moe: "*"}
"""
    made = problem(text)
    (target,) = made.targets
    assert (target.low[3], target.high[3]) == (8, 10)  # what the others leave, but for their rounding
    assert made.marginal(1) is not None
    run = synthesize(parse_spec(SPEC + text))
    assert run.measurement.met, run.verdict


def test_a_download_of_eurostat_from_file_to_cells(tmp_path: Path) -> None:
    ages = ("Y_LT16", "Y16-24", "Y25-64", "Y_GE65", "TOTAL")
    told = {"M": ("190", "70 p", "200", "30", "490"), "F": ("180", "80", ": c", "45", "510")}
    rows = [f"A,NR,{sex},{age},AT\t1 \t{count} \n" for sex in told for age, count in zip(ages, told[sex], strict=True)]
    (tmp_path / "t.tsv").write_text(
        "freq,unit,sex,age,geo\\TIME_PERIOD\t2020 \t2021 \n" + "".join(rows),
        encoding="utf-8",
    )
    text = """
labels: {sex: {M: male, F: female}}
targets: [{table: t.tsv, layout: {format: eurostat, only: {date: 2021}}}]
"""
    (target,) = problem(text, tmp_path).targets
    assert cells(target)["female", "25-64"] == 205
    assert target.exact or target.low.tolist() == target.high.tolist()


# --- Labels and marks that could be taken for others ---------------------------------------------------------------------

ODD = """
records: 1000
variables:
  sex: {type: category, values: [male, female]}
  reply: {type: category, values: [All, some, Total]}
  cars: {type: category, values: ["1", "2", "3+"]}
  group: {type: category, values: ["white [1]", "white [2]", black]}
  value: {type: category, values: [a, b]}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  works: {type: boolean}
  warmth: {type: integer, min: -20, max: 40, bins: [-20, 0, 20]}
  x: {type: number, min: 0, max: 10, bins: [0, 5]}
"""


def odd(table: str, folder: Path, target: str = "{table: t.csv}") -> tuple[Problem | None, list[str]]:
    """The problem that one table makes, and everything that is found."""
    (folder / "t.csv").write_text(table, encoding="utf-8")
    spec = parse_spec(f"{ODD}targets: [{target}]").placed_in(folder)
    told = [f for f in check(spec) if "has no target" not in f.message]
    made = None if any(f.severity == "error" for f in told) else compile_problem(spec)
    return made, [str(f) for f in told]


@pytest.mark.parametrize(
    ("table", "expected"),
    [
        ("reply,count\nAll,300\nsome,500\nTotal,200\n", [300, 500, 200]),
        ("sex,All,some,Total\nmale,100,300,100\nfemale,200,200,100\n", [100, 300, 100, 200, 200, 100]),
        ("sex,1,2,3+\nmale,100,300,100\nfemale,200,200,100\n", [100, 300, 100, 200, 200, 100]),
        ("cars,count\n1,300\n2,500\n3 or more,200\n", [300, 500, 200]),
        ("group,count\nwhite [1],300\nwhite [2],500\nblack [3],200\n", [300, 500, 200]),
        ("value,number\na,300\nb,700\n", [300, 700]),
        ("warmth,count\n-20 to -1,300\n0 to 19,500\n20 and over,200\n", [300, 500, 200]),
        ("warmth,count\nBelow -10,300\n-10 to 9,500\n10+,200\n", [300, 500, 200]),
        ("sex,count\nmale,4.9e2\nfemale,510\n", [490, 510]),
    ],
)
def test_labels_that_look_like_something_else(table: str, expected: list[float], tmp_path: Path) -> None:
    made, told = odd(table, tmp_path)
    assert made is not None, told
    assert made.targets[0].wanted.tolist() == expected


def test_a_label_that_two_categories_share_but_for_their_footnotes_is_neither(tmp_path: Path) -> None:
    _, (told,) = odd("group,count\nwhite,300\nwhite [2],500\nblack,200\n", tmp_path)
    assert told.startswith("t.csv, row 2: 'white' is no label of group")


def test_a_variable_may_be_called_like_a_column_of_values(tmp_path: Path) -> None:
    made, told = odd("value,mean\na,3\nb,7\n", tmp_path, "{mean: x, by: [value], table: t.csv}")
    assert made is not None, told
    assert made.statistics[0].wanted.tolist() == [3, 7]


def test_a_hidden_cell_of_a_part_is_unknown_not_none(tmp_path: Path) -> None:
    table = "sex,works,count\nmale,yes,*\nmale,no,300\nfemale,yes,200\nfemale,no,400\n"
    made, told = odd(table, tmp_path, "{table: t.csv, where: age >= 16}")
    assert made is not None, told
    target = made.targets[0]
    assert (target.low[1], target.high[1]) == (0, 1000)


def test_a_total_over_more_than_the_labels_is_no_contradiction(tmp_path: Path) -> None:
    made, told = odd("age,count\n16-29,300\n30-64,500\nTotal,1000\n", tmp_path)
    assert made is not None
    assert told == ["t.csv: its labels leave out 0-15, 65+ of age, so it counts the other records only"]
    _, told = odd("age,count\n16-29,300\n30-64,500\nTotal,700\n", tmp_path)
    assert told[-1].startswith("t.csv, row 4: the total of all cells is 700, but its cells add up to 800")


def test_totals_of_shares_by_another_variable(tmp_path: Path) -> None:
    table = "sex,works,share\nmale,yes,40\nmale,no,60\nmale,Total,100\nfemale,yes,50\nfemale,no,50\nTotal,yes,45\n"
    made, told = odd(table, tmp_path, "{table: t.csv, by: [sex]}")
    assert made is not None
    assert told == ["t.csv: shares over all of sex (first in row 7) are left out: sizes of categories settle them"]
    _, told = odd(table.replace("100", "90"), tmp_path, "{table: t.csv, by: [sex]}")
    assert told[0].startswith("t.csv, row 4: the total of (male) is 90, but its shares add up to 100")


def test_a_hidden_share_must_be_able_to_be_what_the_others_leave(tmp_path: Path) -> None:
    table = "sex,works,share\nmale,yes,<5\nmale,no,60\nfemale,yes,50\nfemale,no,50\n"
    _, (told,) = odd(table, tmp_path, "{table: t.csv, by: [sex]}")
    assert told.startswith("t.csv, row 2: the others leave 40 for (male, yes), which is said to be at most 5")


def test_hidden_flows_are_intervals(tmp_path: Path) -> None:
    table = "sex,works,count\nmale,yes,*\nmale,no,490\nfemale,no,503\n"
    made, told = odd(table, tmp_path, "{flows: [sex, works], table: t.csv, suppressed: '<=9'}")
    assert made is not None, told
    assert made.targets[0].high.tolist() == [490, 9, 503, 0]


def test_letters_in_two_parts_are_one_letter(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("place,count\nKo\u0308ln,600\nBonn,400\n", encoding="utf-8")
    text = "records: 1000\nvariables: {place: {type: category, values: [Köln, Bonn]}}\ntargets: [{table: t.csv}]"
    assert compile_problem(parse_spec(text).placed_in(tmp_path)).targets[0].wanted.tolist() == [600, 400]


@pytest.mark.slow
def test_a_code_that_every_row_gets_wrong_is_told_in_few_lines_and_soon() -> None:
    zones = [f"{zone:05d}" for zone in range(1, 3001)]
    table = [{"zone": str(int(zone)), "count": 1} for zone in zones]
    spec = Spec(records=3000, variables={"zone": {"type": "category", "values": zones}}, targets=[{"table": table}])
    started = time.process_time()
    told = [str(f) for f in check(spec)]
    assert time.process_time() - started < 5
    assert len(told) == 21
    assert told[0].endswith("did you mean '00001'? leading zeros were lost: keep codes as text")
    assert told[-1] == "targets[0]: has 2,980 more unknown labels of zone; mend the first ones, then check again"


@pytest.mark.slow
def test_many_groups_and_many_columns_that_are_left_out_take_no_time() -> None:
    zones = [f"z{zone:05d}" for zone in range(12_000)]
    groups = {f"g{i}": zones[3 * i : 3 * i + 3] for i in range(4_000)}
    rows = [{"zone": label, "count": 3} for label in groups]
    wide = {f"c{i}": i for i in range(3_000)}
    spec = Spec(
        records=12_000,
        variables={"zone": {"type": "category", "values": zones}, "car": {"type": "boolean"}},
        columns=dict.fromkeys(wide),
        targets=[
            {"table": rows, "groups": {"zone": groups}},
            {"name": "cars", "table": [{"car": "yes", "count": 5_000, **wide}, {"car": "no", "count": 7_000, **wide}]},
        ],
    )
    started = time.process_time()
    assert check(spec) == []
    assert time.process_time() - started < 5


def test_a_table_with_margins_of_error_that_tells_no_cell_demands_nothing() -> None:
    table = "[{sex: male, count: .., moe: ..}, {sex: female, count: .., moe: ..}]"
    spec = parse_spec(
        SPEC + f"targets: [{{counts: {{works: {{'no': 400, 'yes': 600}}}}}}, {{table: {table}, margin_of_error: moe}}]"
    )
    assert synthesize(spec).verdict.startswith("Met")


def test_a_total_of_a_part_of_the_records_whose_cells_are_not_told_is_met() -> None:
    rows = ", ".join(
        f"{{works: {works}, count: {count}}}" for works, count in (('"no"', ".."), ('"yes"', ".."), ("Total", 333))
    )
    text = f"""population: 10000
targets:
- {{counts: {{sex: {{male: 4004, female: 5996}}}}}}
- {{counts: {{works: {{"no": 4777, "yes": 5223}}}}}}
- {{name: t, where: sex = 'male' and age < 16, table: [{rows}]}}
"""
    total = problem(text).targets[-1]
    assert (total.name, total.grid.combinations(0).shape) == ("t (totals)", (1, 0))
    assert synthesize(parse_spec(SPEC + text)).verdict.startswith("Met")


@pytest.mark.slow
def test_a_standard_deviation_around_a_mean_that_is_not_told_is_not_demanded() -> None:
    means = "[{sex: male, mean: ..}, {sex: female, mean: 41.5}]"
    spreads = "[{sex: male, sd: 12.0}, {sex: female, sd: 20.0}]"
    text = f"targets: [{{mean: age, by: [sex], table: {means}}}, {{sd: age, by: [sex], table: {spreads}}}]"
    assert synthesize(parse_spec(SPEC + text)).verdict.startswith("Met")


def test_a_table_that_tells_nothing_but_a_total_or_how_small_cells_are_says_something() -> None:
    untold = "{works: 'no', count: ..}, {works: 'yes', count: %s}"
    assert any("next to nothing" in text for text in warnings(f"targets: [{{table: [{untold % '..'}]}}]"))
    assert not warnings(f"targets: [{{where: age < 16, table: [{untold % '<10'}]}}]")
    assert not warnings(f"targets: [{{where: age < 16, table: [{untold % '..'}, {{works: Total, count: 30}}]}}]")


@pytest.mark.slow
def test_a_total_that_is_not_met_is_named() -> None:
    rows = "[{works: 'no', count: ..}, {works: 'yes', count: ..}, {works: Total, count: 500}]"
    text = f"targets: [{{name: t, where: age < 16, table: {rows}}}, {{quantiles: age, values: {{0.2: 16}}}}]"
    assert "the worst cell is the total of 't (totals)'" in synthesize(parse_spec(SPEC + text)).verdict
