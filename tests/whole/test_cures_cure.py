"""What `check` proposes is done as it says, and checked again: the finding is gone, and nothing worse has come.

Proposals in so many words (a line for the spec, a label, a number of records) are read out of the cure and made, those of all
broken specs and tables of the bank and those of the cases below. Where a cure is a sentence, the case says what a reader would
change.
"""

import copy
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import yaml

from cures import proposals
from mistakes import CASES, written
from synthor import InputError, check, load_spec
from synthor.errors import Finding

LEADS_ON = {
    ("a key that is misspelt", "did you mean 'table'?"): "t.csv: no such file",
    ("column heads of a wide table", "layout: {wide: [sex]}"): "'Femal' is no label of sex",
    ("a negative share", "suppressed: {marks: ['-10']}"): "shares add up to 110",
    ("margins stand in columns of a wide table", "layout: {wide: [works]}"): "leave it out: `columns: {",
    ("a total that hidden cells cannot come to", "columns: {Total: null}"): "counts add up to at most 997",
}
"""Proposals behind which the next thing that is wrong shows."""


def found(spec: dict[str, Any], files: dict[str, Any], folder: Path) -> list[Finding]:
    return read_and_check(yaml.safe_dump(spec, allow_unicode=True, sort_keys=False), files, folder)


def read_and_check(text: str, files: dict[str, Any], folder: Path) -> list[Finding]:
    folder.mkdir()
    try:
        return check(load_spec(written({"base": "", "spec": text, "files": files}, folder)))
    except InputError as error:
        return list(error.findings)


def worse(after: list[Finding], before: list[Finding]) -> list[str]:
    told = {one.message for one in before}
    return [str(one) for one in after if one.severity == "error" and one.message not in told]


def read(case: dict[str, Any]) -> dict[str, Any] | None:
    """The spec of a case of the bank; None where it is none, or where a workbook would have to be changed."""
    of_text = isinstance(case["base"], str) and isinstance(case["spec"], str)
    if not of_text or any("sheets" in told for told in (case.get("files") or {}).values()):
        return None
    try:
        spec = yaml.load(case["base"] + case["spec"], yaml.CSafeLoader)
    except yaml.YAMLError:
        return None
    return spec if isinstance(spec, dict) else None


BROKEN = [(case, spec) for case in CASES if (spec := read(case)) is not None and case["findings"]]


@pytest.mark.parametrize(("case", "spec"), BROKEN, ids=[f"{case['kind']}: {case['name']}" for case, _ in BROKEN])
def test_what_is_proposed_for_a_broken_spec_mends_it(case: dict[str, Any], spec: dict[str, Any], tmp_path: Path) -> None:
    files = case.get("files") or {}
    before = found(spec, files, tmp_path / "before")
    for number, (finding, said, edit) in enumerate([(f, *proposal) for f in before for proposal in proposals(f)]):
        mended, texts = copy.deepcopy(spec), dict(files)
        edit(mended, texts)
        after = found(mended, texts, tmp_path / str(number))
        assert finding.message not in [one.message for one in after], said
        next_one = LEADS_ON.get((case["name"], said))
        assert all(next_one is not None and next_one in one for one in worse(after, before)), (said, worse(after, before))


SENTENCES: dict[str, tuple[tuple[str, str], ...]] = {
    "an empty download": (("", "tenure,count\nowned,60\nrented,40\n"),),
    "only a header": (("tenure,count\n", "tenure,count\nowned,60\nrented,40\n"),),
    "a text file with the ending of a workbook": (("t.xlsx", "t.csv"),),
    "rows of different lengths": (("owned,no\n", "owned,no,10\n"), ("yes,2,0", "yes,20"), ("rented,no,20", "rented,no,20")),
    "a quote that is never closed": (('"owned', "owned"),),
    "thousands commas without quotes": (("1,060", '"60"'),),
    "an empty spec": (("", "records: 100\nvariables: {tenure: {type: category, values: [owned, rented]}}\n"),),
    "a tab in the spec": (("\t- {table: t.csv}", "  - {counts: {tenure: {owned: 60, rented: 40}}}"),),
    "an encoding that nobody knows": (("ansi-2", "utf-8"),),
    "an encoding that is none of text": (("base64", "utf-8"),),
    "the labels of another variable": (("sex,tenure,count", "tenure,sex,count"),),
    "counts beside shares": ((",share", ""), (",0.6", ""), (",0.3", ""), (",0.1", "")),
    "a category is written twice": (("rented,20\n", ""), ("Rented,10", "rented,30")),
    "a rename of a variable that is not there": (("gender", "sex"), ("M: male", "male: male")),
    "a part that is more than the whole": (("900", "500"),),
    "a number that became a date": (("10-May", "490"),),
    "a mean outside of the range": (("5120000", "51200"),),
    "records written with commas": (("1,000", "1000"),),
    "bands that overlap by one year": (("15-24", "16-24"),),
    "a single value that is no bin": (("17,", "16,"),),
    "bands beyond the range": (("25-99", "25-64"), ("100+", "65+")),
    "groups that overlap": (("[0, 30]", "[0, 25]"),),
    "a group with three edges": (("[0, 16, 25]", "[0, 25]"),),
    "quantiles that fall": (("0.5: 21000", "0.5: 31000"),),
    "quantiles as percent": (("25: 24000", "0.25: 24000"), ("50: 47000", "0.5: 47000")),
    "no type": (("{values", "{type: category, values"),),
    "values as one text": (("'owned, rented'", "[owned, rented]"),),
    "values for a boolean": ((", values: [yes, no]", ""),),
    "records as a word": (("many", "5000"),),
    "records with decimals": (("99.5", "5000"),),
    "no records": (("records: 0", "records: 1"),),
    "variables as a list": (("  - {name: car, type: boolean}", "  car: {type: boolean}"),),
    "targets as a mapping": (("{table: t.csv}", "[{counts: {car: {yes: 50, no: 50}}}]"),),
    "a count as a word": (("sixty", "60"),),
    "a count with a percent sign": (("counts", "shares"), ("60%", "60"), ("40%", "40")),
    "the mean of a category": (("mean: tenure", "mean: persons"),),
    "a single value inside an open bin": (("5: 40", "3+: 40"),),
    "halves of persons": (("2.5: 30", "2: 30"),),
    "a reserved name": (("  count:", "  cars:"),),
    "a name with a blank": (("number of cars", "number_of_cars"),),
    "min above max": (("min: 9, max: 1", "min: 1, max: 9"),),
    "two kinds at once": ((" total: persons,", ""),),
    "a zone that the spec lacks": (("53033000400", "53061000100"),),
    "a zone is written twice": (("01003,100\n", "01007,100\n"),),
    "columns of flows in another order": (("[home, work]", "[work, home]"),),
    "codes were shortened by a spreadsheet": (("5.3033E+10", "53033000100"),),
    "one row of shares does not add up": (("owned,65", "owned,55"),),
    "confidence as a percentage": (("confidence: 90", "confidence: 0.9"),),
    "a margin and a tolerance": ((", tolerance: {points: 1}", ""),),
    "a margin for all that is negative": (("-5", "5"),),
    "a negative margin": (("-12", "12"),),
    "a margin of a percentage": (("2.4%", "12"), ("2.7%", "14")),
    "suppressed says nothing that can be read": (("small", "<10"),),
    "suppressed is a number": (("suppressed: 10", "suppressed: <10"),),
    "suppressed below nothing": (("below: 0", "below: 10"),),
    "an order of labels": (("tenure > 3", "tenure = 'owned'"),),
    "a label without quotes": (("tenure = rented", "tenure = 'rented'"),),
    "a bracket that is never closed": (("(persons = 1 and car", "(persons = 1 and car)"),),
    "a function": (("abs(persons) > 3", "persons > 3"),),
    "a rule that leaves nothing": (("persons >= 1", "persons > 8"),),
    "a where that no record meets": (("persons > 20", "persons > 2"),),
    "a where that compares two variables": (("persons > rooms", "persons > 2"),),
}
"""What a reader changes who follows a cure that is a sentence, in the cases of the bank."""


@pytest.mark.parametrize("name", SENTENCES)
def test_a_sentence_that_is_followed_mends_it(name: str, tmp_path: Path) -> None:
    case = next(case for case in CASES if case["name"] == name)
    text, files = case["base"] + case["spec"], dict(case.get("files") or {})
    before = read_and_check(text, files, tmp_path / "before")
    for old, new in SENTENCES[name]:
        assert old in text or any(old in file or old in told for file, told in files.items()), old
        text = text.replace(old, new) if old else text or new
        files = {
            file.replace(old, new) if old else file: told.replace(old, new) if old else told or new
            for file, told in files.items()
        }
    after = read_and_check(text, files, tmp_path / "after")
    errors = {one.message for one in before if one.severity == "error"}
    assert errors
    assert not [str(one) for one in after if one.severity == "error"]


@dataclass(frozen=True, kw_only=True)
class Case:
    """A spec, what is found, and how to follow the cure.

    Attributes:
        spec: below the base.
        files: by name.
        says: a part of the finding.
        proposed: how many changes its cure proposes in so many words.
        meant: for the blank that the cure leaves.
        edits: where the cure is a sentence: texts of spec or files, and what takes their place.
        base: of the spec, if it is another.
        next: part of an error that shows behind it.
    """

    spec: str
    says: str
    files: dict[str, str] = field(default_factory=dict)
    proposed: int = 0
    meant: str | None = None
    edits: tuple[tuple[str, str], ...] = ()
    base: str | None = None
    next: str | None = None


BASE = """
records: 1000
variables:
  sex: {type: category, values: [male, female]}
  works: {type: boolean}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 65]}
  income: {type: number, min: 0, max: 100000, bins: [0, 20000, 50000]}
  home: {type: category, values: [north, south]}
  work: {type: category, values: [north, south]}
"""
SEX, TWO = "sex,count\nmale,490\nfemale,510\n", "sex,works,count\nmale,yes,250\nmale,no,240\nfemale,yes,200\nfemale,no,310\n"
FLOWS = "home,work,count\nnorth,north,400\nnorth,south,300\nsouth,south,300\n"
T = "targets: [{table: t.csv}]"
C = [f"c{i}" for i in range(30)]

CURED: dict[str, Case] = {
    # tables against tables
    "two names": Case(
        spec="targets: [{name: a, counts: {sex: {male: 490, female: 510}}}, {name: a, counts: {home: {north: 1, south: 999}}}]",
        says="2 targets are called 'a'", edits=(("- name: a\n  counts:\n    home", "- name: b\n  counts:\n    home"),),
    ),
    "tables that disagree": Case(
        spec="targets: [{name: a, counts: {sex: {male: 490, female: 510}}}, {name: b, table: t.csv}]",
        files={"t.csv": TWO.replace("250", "245").replace("200", "205")}, says="disagree on sex", proposed=1,
    ),
    "tables that disagree where counts are small": Case(
        spec="targets: [{name: a, counts: {sex: {male: 20, female: 980}}}, {name: b, table: t.csv}]",
        files={"t.csv": "sex,works,count\nmale,yes,9\nmale,no,9\nfemale,yes,482\nfemale,no,500\n"}, says="disagree on sex",
        proposed=1,
    ),
    "totals that another table disagrees with": Case(
        spec="targets: [{table: t.csv, rounded_to: 5}, {name: b, counts: {sex: {male: 480, female: 520}}}]",
        files={"t.csv": "sex,yes,no,All\nmale,250,240,490\nfemale,200,310,510\n"}, proposed=1,
        says="(totals of sex)' and 'b' disagree on sex",
    ),
    "totals of tables": Case(
        spec="targets: [{counts: {sex: {male: 490, female: 500}}}, {counts: {home: {north: 90, south: 900}}}]",
        says="records is 1,000, 2 tables say 990", proposed=1,
    ),
    "a forbidden cell": Case(
        spec=T + "\nrules: [{never: sex = 'male' and works, why: x}]", files={"t.csv": TWO}, says="but the rule",
        edits=(("rules:\n- never: sex = 'male' and works\n  why: x\n", ""),),
    ),
    # more or fewer records
    "other records": Case(spec=T, files={"t.csv": SEX.replace("490", "540")}, says="counts add up to 1,050", proposed=1),
    "records of a population": Case(spec=T, files={"t.csv": SEX.replace("490", "49000")}, says="counts add", proposed=2),
    "perturbed counts": Case(spec=T, files={"t.csv": SEX.replace("490", "494")}, says="add up to 1,004", proposed=2),
    "thousands": Case(
        spec=T, files={"t.csv": "sex,count\nmale,4\nfemale,6\n"}, says="counts add up to 10, but records is 10,000", proposed=1,
        base=BASE.replace("1000\n", "10000\n"),
    ),
    "points between thousands": Case(
        spec=T, files={"t.csv": "sex,count\nmale,4.900\nfemale,5.100\n"}, says="add up to 10", proposed=1,
        base=BASE.replace("1000\n", "10000\n"),
    ),
    "shares called counts": Case(spec=T, files={"t.csv": "sex,count\nmale,49\nfemale,51\n"}, says="add up to 100", proposed=1),
    "counts called shares": Case(spec=T, files={"t.csv": SEX.replace("count", "share")}, says="shares add up to", proposed=1),
    "margins": Case(
        spec="targets: [{table: t.csv, margin_of_error: 20}]", files={"t.csv": SEX.replace("490", "390")},
        says="with their margins of error", proposed=1,
    ),
    "rounded": Case(
        spec="targets: [{table: t.csv, rounded_to: 10}]", files={"t.csv": SEX.replace("490", "520")},
        says="with their rounding at least", proposed=1,
    ),
    "a part that is more": Case(
        spec="targets: [{table: t.csv, where: age > 15}]", files={"t.csv": SEX.replace("490", "520")},
        says="add up to 1,030", edits=(("520", "480"),),
    ),
    "whole numbers": Case(
        spec="targets: [{rounded_to: 5, counts: {sex: {male: 490, female: 515}}}]", says="the whole numbers inside", proposed=1,
        edits=(("- rounded_to: 5\n", "- tolerance: {relative: 2%}\n"),),
    ),
    # totals
    "a total of a row": Case(
        spec=T, files={"t.csv": SEX + "Total,1020\n"}, says="the total of all cells is 1,020", proposed=1
    ),
    "a total perturbed": Case(
        spec=T, files={"t.csv": SEX + "Total,1003\n"}, says="the total of all cells is 1,003", proposed=2,
    ),
    "a column of totals": Case(
        spec=T, files={"t.csv": "sex,yes,no,All\nmale,250,240,480\nfemale,200,310,510\n"}, says="the total of (male) is 480",
        proposed=1,
    ),
    "rounded totals": Case(
        spec="targets: [{table: t.csv, rounded_to: 5}]", says="but its cells add up to at most 494", proposed=2,
        files={"t.csv": "sex,yes,no,All\nmale,250,240,500\nfemale,200,310,510\n"},
    ),
    "totals within points": Case(
        spec="targets: [{table: t.csv, tolerance: {points: 0.2}}]",
        files={"t.csv": "sex,yes,no,All\nmale,250,240,500\nfemale,200,310,510\n"}, says="at most 494", proposed=2,
    ),  # of 0.4 points the totals would be 1,002 at least
    "totals within a share": Case(
        spec="targets: [{table: t.csv, tolerance: {relative: 1%}}]",
        files={"t.csv": "sex,yes,no,All\nmale,250,240,505\nfemale,200,310,510\n"}, says="at most 494", proposed=2,
    ),
    "a second total": Case(
        spec=T, files={"t.csv": SEX + "Total,1000\nAll,400\n"}, says="is said to be 400 here", edits=(("All,400\n", ""),)
    ),
    "a total without a margin": Case(
        spec="targets: [{table: t.csv, margin_of_error: moe}]",
        files={"t.csv": "sex,works,count,moe\nmale,yes,250,9\nmale,no,240,9\nmale,All,490,\nfemale,yes,200,9\nfemale,no,310,9"},
        says="a total without a margin of error", edits=(("490,\n", "490,10\n"),),
    ),
    # labels
    "a label": Case(
        spec=T, files={"t.csv": "sex,count\nM,490\nfemale,510\n"}, says="'M' is no label of sex", proposed=1, meant="male"
    ),
    "a label that is a total": Case(
        spec=T, files={"t.csv": SEX + "Everybody,1000\n"}, says="'Everybody' is no label", proposed=1, meant="Total"
    ),
    "a label with a quote": Case(
        spec=T, files={"t.csv": "sex,count\nl'homme: 1,490\nfemale,510\n"}, says="'l'homme: 1' is no", proposed=1, meant="male",
    ),
    "a band in other words": Case(
        spec=T, files={"t.csv": "age,count\nkids,190\n16 to 64 years,600\n65+,210\n"}, says="'kids' is no label of age",
        proposed=1, meant="0-15",
    ),
    "a band in other words that is no bin": Case(
        spec=T, files={"t.csv": "age,count\nup to ten,190\n11 to 64 years,600\n65+,210\n"}, says="'up to ten' is no label",
        proposed=1, meant="0-10",
    ),
    "a single value at the top": Case(
        spec="targets: [{where: age >= 16 and age <= 65, table: t.csv}]", files={"t.csv": "age,count\n16-64,600\n65,10\n"},
        base=BASE.replace("65]", "66]"), says="'65' is no label of age", proposed=1,
    ),
    "a number for a bin": Case(
        spec=T, files={"t.csv": "age,count\n0,190\n17,600\n65,210\n"}, says="'17' is no label", edits=(("17,", "16,"),)
    ),
    "a band upside down": Case(
        spec=T, files={"t.csv": "age,count\n0-15,190\n64-16,600\n65+,210\n"}, says="'64-16' is no label", proposed=1
    ),
    "a label of another variable": Case(
        spec=T, files={"t.csv": "home,sex,count\nmale,north,490\nfemale,south,510\n"}, says="it is a label of sex",
        edits=(("home,sex", "sex,home"),),
    ),
    "a sum among codes": Case(
        spec=T, files={"t.csv": "tract,count\n10,1000\n101,400\n102,600\n"}, says="2 labels begin so", proposed=2,
        base="records: 1000\nvariables: {tract: {type: category, values: ['101', '102']}}\n",
    ),
    "a blank label": Case(
        spec=T, files={"t.csv": "sex,works,count\nmale,,490\nfemale,yes,200\nfemale,no,310\n"}, says="works is blank",
        edits=(("male,,490", "male,yes,490"),),
    ),
    "margins as labels": Case(
        spec="targets: [{table: t.csv, layout: {wide: [sex]}}]", says="'male moe' is no label of sex", proposed=1,
        files={"t.csv": "home,male,female,male moe\nnorth,490,300,8\nsouth,10,200,9\n"},
    ),
    "a label twice": Case(
        spec=T, files={"t.csv": SEX + "male,490\n"}, says="cell (male) was given in row 2", edits=(("510\nmale,490", "510"),)
    ),
    "rows of several areas": Case(
        spec=T + "\ncolumns: {zone: null}", files={"t.csv": "zone,sex,count\na,male,490\na,female,510\nb,male,1\nb,female,2\n"},
        says="'zone' was left out, but rows differ by it", proposed=1,
    ),
    # columns
    "a column": Case(
        spec=T, files={"t.csv": "gender,count\nmale,490\nfemale,510\n"}, says="column 'gender' is no variable", proposed=1,
        meant="sex",
    ),
    "a column of notes": Case(
        spec=T, files={"t.csv": "sex,notes: all,count\nmale,a,490\nfemale,b,510\n"}, says="column 'notes: all' is no",
        proposed=1, meant="null",
    ),
    "a column of margins": Case(
        spec=T, files={"t.csv": "sex,count,M.O.E.(±)\nmale,490,12\nfemale,510,13\n"}, says="column 'M.O.E.(±)' is no",
        proposed=2,
    ),
    "a column without a head": Case(
        spec=T, files={"t.csv": TWO.replace("sex,", ",", 1)}, says="column '(no name)' is no variable", proposed=1, meant="sex",
    ),
    "a column of values": Case(
        spec=T, files={"t.csv": "sex,persons in all\nmale,490\nfemale,510\n"}, says="column 'persons in all' is no", proposed=1,
        meant="count",
    ),
    "a column misspelt": Case(
        spec=T, files={"t.csv": "sxe,count\nmale,490\nfemale,510\n"}, says="column 'sxe' is no variable", proposed=1
    ),
    "a margin's column misspelt": Case(
        spec="targets: [{table: t.csv, margin_of_error: mo}]", files={"t.csv": "sex,count,moe\nmale,490,12\nfemale,510,13\n"},
        says="has no column 'mo'", proposed=1,
    ),
    "heads of a wide table": Case(
        spec=T, files={"t.csv": "home,male,female,other\nnorth,490,300,0\nsouth,10,200,0\n"}, says="column 'male' is no",
        proposed=1, next="'other' is no label of sex",
    ),
    "two measures": Case(
        spec=T, files={"t.csv": "sex,count,share\nmale,490,49\nfemale,510,51\n"}, says="has both of the columns",
        edits=((",share", ""), ("490,49", "490"), ("510,51", "510")),
    ),
    # values
    "decimal commas": Case(
        spec=T, files={"t.csv": 'sex,share\nmale,"49,0"\nfemale,"51,0"\n'}, says="'49,0' is no share", proposed=1
    ),
    "points and a decimal comma": Case(
        spec=T, files={"t.csv": "sex;count\nmale;1.490,0\nfemale;510\n"}, says="'1.490,0' is no count", proposed=1,
        base=BASE.replace("1000\n", "2000\n"),
    ),
    "a mark": Case(spec=T, files={"t.csv": "sex,count\nmale,zz\nfemale,510\n"}, says="'zz' is no count", proposed=1),
    "a negative mark": Case(spec=T, files={"t.csv": "sex,count\nmale,-9\nfemale,510\n"}, says="-9 is negative", proposed=1),
    "a blank cell": Case(
        spec=T, files={"t.csv": "sex,count\nmale,\nfemale,1000\n"}, says="count is blank", edits=(("male,", "male,0"),)
    ),
    "a percentage": Case(
        spec=T, files={"t.csv": "sex,count\nmale,49%\nfemale,51%\n"}, says="'49%' is a percentage, not a count", proposed=1
    ),
    "hidden cells": Case(
        spec="targets: [{table: t.csv, suppressed: <10}]", files={"t.csv": "sex,count\nmale,*\nfemale,510\n"},
        says="add up to at most 519", edits=(("<10", "<500"),),
    ),
    # shares
    "shares inside": Case(
        spec=T, files={"t.csv": "sex,works,share\nmale,yes,40\nmale,no,60\nfemale,yes,50\nfemale,no,50\n"},
        says="shares inside each sex", proposed=1,
    ),
    "shares of all": Case(
        spec="targets: [{table: t.csv, by: [sex]}]", says="shares inside (male) add up to 40",
        files={"t.csv": "sex,works,share\nmale,yes,20\nmale,no,20\nfemale,yes,30\nfemale,no,30\n"}, proposed=1,
    ),
    "shares by no column": Case(
        spec="targets: [{table: t.csv, by: [sxe]}]", says="has no column 'sxe', which by names", proposed=1,
        files={"t.csv": "sex,works,share\nmale,yes,40\nmale,no,60\nfemale,yes,50\nfemale,no,50\n"},
    ),
    "a total of shares": Case(
        spec="targets: [{table: t.csv, by: [sex]}]", says="the total of (male) is 90",
        files={"t.csv": "sex,works,share\nmale,yes,40\nmale,no,60\nmale,All,90\nfemale,yes,50\nfemale,no,50\n"},
        edits=(("All,90", "All,100"),),
    ),
    # statistics
    "a deviation": Case(
        spec="targets: [{sd: income, value: 9000}]", says="needs its mean as a target, too",
        edits=(("- sd: income", "- {mean: income, value: 30000}\n- sd: income"),),
    ),
    "a mean of nothing": Case(
        spec="targets: [{mean: incone, value: 9000}]", says="no variable is called 'incone'", proposed=1
    ),
    "a mean beyond the range": Case(
        spec="targets: [{mean: age, value: 120}]", says="a mean of 120 lies outside", edits=(("value: 120", "value: 42"),),
    ),
    "a mean that counts leave no room for": Case(
        spec="targets: [{mean: age, value: 70}, {counts: {age: {0-15: 500, 16-64: 400, 65+: 100}}}]", says="cannot be met",
        edits=(("value: 70", "value: 30"),),
    ),
    "quantiles in per cent": Case(
        spec="targets: [{quantiles: income, values: {25: 20000, 50: 40000}}]", says="quantiles are given for shares between",
        edits=(("25:", "0.25:"), ("50:", "0.5:")),
    ),
    "flows in another order": Case(
        spec="targets: [{flows: [work, home], table: t.csv}]", files={"t.csv": FLOWS}, says="are not the variables of flows",
        edits=(("- work\n  - home", "- home\n  - work"),),
    ),
    "flows with totals": Case(
        spec="targets: [{flows: [home, work], table: t.csv}]", files={"t.csv": FLOWS + "Total,north,400\n"},
        says="'Total' is no label of home", proposed=1,
    ),
    # words
    "a label of `labels`": Case(
        spec=T + "\nlabels: {sex: {M: mael}}", files={"t.csv": "sex,count\nM,490\nfemale,510\n"}, says="'M' is to be 'mael'",
        proposed=1,
    ),
    "a name of `labels`": Case(
        spec=T + "\nlabels: {sez: {M: male}}", files={"t.csv": "sex,count\nM,490\nfemale,510\n"}, says="'sez' is no variable",
        proposed=1,
    ),
    "a name of `columns`": Case(
        spec=T + "\ncolumns: {Gender: sez}", files={"t.csv": "Gender,count\nmale,490\nfemale,510\n"}, says="is to be 'sez'",
        proposed=1,
    ),
    "a label that no table has": Case(
        spec=T + "\nlabels: {sex: {Mas: male}}", files={"t.csv": "sex,count\nMan,490\nfemale,510\n"}, says="speaks of 'Mas'",
        proposed=1,
    ),
    "a column that no table has": Case(
        spec=T + "\ncolumns: {Gendr: sex}", files={"t.csv": "Gender,count\nmale,490\nfemale,510\n"}, says="speaks of 'Gendr'",
        proposed=1,
    ),
    "confidence alone": Case(
        spec="targets: [{table: t.csv, confidence: 0.95}]", files={"t.csv": SEX}, says="confidence says nothing without",
        edits=(("  confidence: 0.95\n", ""),),
    ),
    "a universe of nobody": Case(
        spec="targets: [{table: t.csv, where: age > 120}]", files={"t.csv": SEX.replace("490", "90")}, says="for no record",
        edits=(("age > 120", "age > 12"),),
    ),
    "a variable misspelt in a universe": Case(
        spec="targets: [{table: t.csv, where: aeg > 12}]", files={"t.csv": SEX.replace("490", "90")},
        says="no variable is called 'aeg'", proposed=1,
    ),
    "groups of another name": Case(
        spec="targets: [{table: t.csv, groups: {aeg: {young: [0, 30], old: [30, 100]}}}]", says="groups speak of 'aeg'",
        files={"t.csv": "age,count\nyoung,440\nold,560\n"}, proposed=1,
    ),
    "a group of labels": Case(
        spec="targets: [{table: t.csv, groups: {sex: {all of them: [mael, female]}}}]", says="'mael' in group",
        files={"t.csv": "sex,count\nall of them,1000\n"}, proposed=1,
    ),
    "rows to take": Case(
        spec="targets: [{table: t.csv, layout: {only: {year: 2012}}}]", says="no row has '2012' in column 'year'",
        files={"t.csv": "year,sex,count\n2021,male,490\n2021,female,510\n"}, proposed=1,
    ),
    "a column of rows to take": Case(
        spec="targets: [{table: t.csv, layout: {only: {yera: 2021}}}]", says="has no column 'yera'",
        files={"t.csv": "year,sex,count\n2021,male,490\n2021,female,510\n2020,male,1\n"}, proposed=1,
    ),
    "a wide variable": Case(
        spec="targets: [{table: t.csv, layout: {wide: [sxe]}}]", says="wide speaks of 'sxe'", proposed=1,
        files={"t.csv": "home,male,female\nnorth,490,300\nsouth,10,200\n"},
    ),
    # sentences behind which a reader changes more than a word
    "too many cells": Case(
        base="records: 1000\nvariables: {"
        + ", ".join(f"{name}: {{type: integer, min: 0, max: 99}}" for name in "vwxy") + "}\n",
        spec=T, files={"t.csv": "v,w,x,y,count\n1,1,1,1,1000\n"}, says="cells, more than",
        edits=(("v,w,x,y,count\n1,1,1,1,1000\n", "v,count\n1,1000\n"),),
    ),
    "too many cells that are flows": Case(
        base="records: 1000\nvariables: {"
        + ", ".join(f"{name}: {{type: integer, min: 0, max: 99}}" for name in "vwxy") + "}\n",
        spec=T, files={"t.csv": "v,w,x,y,count\n1,1,1,1,1000\n"}, says="or write it as flows",
        edits=(("- table: t.csv", "- table: t.csv\n  flows: [v, w, x, y]"),),
    ),
    "many unknown columns": Case(
        spec=T, says="more columns that are no variables",
        files={"t.csv": f"sex,count,{','.join(C)}\nmale,490,{','.join(C)}\nfemale,510,{','.join(reversed(C))}\n"},
        edits=(("- table: t.csv\n", "- table: t.csv\n  layout: {columns: {" + ", ".join(f"{c}: null" for c in C) + "}}\n"),),
    ),
    "two columns of one name": Case(
        spec=T, files={"t.csv": "sex,count,count\nmale,490,490\nfemale,510,510\n"}, says="two columns have the same name",
        edits=(("sex,count,count\nmale,490,490\nfemale,510,510", "sex,count\nmale,490\nfemale,510"),),
    ),
    "neither counts nor shares": Case(
        spec=T, files={"t.csv": "home,male,femal\nnorth,400,100\nsouth,90,410\n"}, says="neither of the columns",
        proposed=1, meant="sex", next="'femal' is no label of sex",
    ),
    "shares by others without a share": Case(
        spec="targets: [{table: t.csv, by: [sex]}]", files={"t.csv": TWO}, says="has no column share",
        edits=(("  by:\n  - sex\n", ""),),
    ),
    "a variable by twice": Case(
        spec="targets: [{table: t.csv, by: [sex, sex]}]", says="by names sex 2 times",
        files={"t.csv": "sex,works,share\nmale,yes,60\nmale,no,40\nfemale,yes,40\nfemale,no,60\n"},
        edits=(("  - sex\n  - sex\n", "  - sex\n"),),
    ),
    "shares of two variables by a third": Case(
        spec="targets: [{table: t.csv, by: [sex]}]", says="2 columns beside by",
        files={"t.csv": "sex,works,home,share\nmale,yes,north,60\nmale,no,south,40\nfemale,yes,north,40\nfemale,no,south,60\n"},
        edits=(
            ("sex,works,home,share", "sex,works,share"), ("yes,north", "yes"), ("no,south", "no"),
        ),
    ),
    "a rest that is more than is said": Case(
        spec="targets: [{table: t.csv, by: [sex], suppressed: <10}]", says="the others leave",
        files={"t.csv": "sex,works,share\nmale,yes,60\nmale,no,*\nfemale,yes,40\nfemale,no,60\n"},
        edits=(("male,yes,60", "male,yes,95"),),
    ),
    "a mean by its own variable": Case(
        spec="targets: [{mean: age, by: [age, sex], table: t.csv}]", says="cannot be given by age",
        files={"t.csv": "age,sex,mean\n0-15,male,9\n16-64,male,40\n65+,male,75\n0-15,female,9\n16-64,female,40\n"},
        edits=(
            ("  - age\n", ""), ("age,sex,mean\n0-15,male,9\n16-64,male,40\n65+,male,75\n", "sex,mean\nmale,40\n"),
            ("0-15,female,9\n16-64,female,40\n", "female,41\n"),
        ),
    ),
    "a mean by other columns": Case(
        spec="targets: [{mean: age, by: [home], table: t.csv}]", says="but by is home",
        files={"t.csv": "sex,mean\nmale,40\nfemale,41\n"}, edits=(("  - home\n", "  - sex\n"),),
    ),
    "counts beside per cent": Case(
        spec=T, files={"t.csv": "sex,count\nmale,490\nfemale,51%\n"}, says="'51%' is a percentage, but",
        edits=(("51%", "510"),),
    ),
    "a formula": Case(spec=T, files={"t.csv": "sex,count\nmale,490\nfemale,=1000-A2\n"}, says="it is a formula or its error",
        edits=(("=1000-A2", "510"),)),
    "an error of a formula": Case(
        spec=T, files={"t.csv": "sex,count\nmale,490\nfemale,#REF!\n"}, says="a formula or its error",
        edits=(("#REF!", "510"),),
    ),
    "shares inside each": Case(
        spec=T, says="each sex adds up to 100 by itself", proposed=1,
        files={"t.csv": "sex,works,share\nmale,yes,60\nmale,no,40\nfemale,yes,40\nfemale,no,60\n"},
    ),
    "a universe where another table wants nobody": Case(
        spec="targets: [{counts: {home: {north: 0, south: 1000}}}, {table: t.csv, where: home = 'north'}]",
        says="wants no such record", files={"t.csv": SEX.replace("490", "4").replace("510", "5")},
        edits=(("home = 'north'", "home = 'south'"),),
    ),
    "a rule about nobody": Case(
        spec="targets: [{counts: {home: {north: 0, south: 1000}}}]\nrules: [{never: home = 'north' and works, why: x}]",
        says="names 'north', of which", edits=(("home = 'north'", "home = 'south'"),),
    ),
    "a sheet of another kind": Case(
        spec="targets: [{table: t.csv, layout: {format: nomis, decimal: ','}}]", says="has no `decimal` to choose",
        files={"t.csv": '"date","geography","geography code","Sex: Total; measures: Value","Sex: male; measures: Value",'
               '"Sex: female; measures: Value"\n"2021","N","E1",1000,490,510\n'},
        edits=(("    decimal: ','\n", ""),),
    ),
    "a question": Case(
        spec="targets: [{table: t.csv, where: 'FILL IN: who is counted?'}]", files={"t.csv": SEX.replace("490", "90")},
        says="is still to be filled in", edits=(("'FILL IN: who is counted?'", "age >= 16"),),
    ),
    "a title to fill in": Case(
        spec="title: 'FILL IN: a title'\n" + T, files={"t.csv": SEX}, says="title: is still to be filled in",
        edits=(("'FILL IN: a title'", "Homes"),),
    ),
    "tables that disagree, one of them with margins": Case(
        spec="targets: [{name: a, counts: {sex: {male: 490, female: 510}}}, {name: b, table: t.csv, margin_of_error: 5}]",
        files={"t.csv": TWO.replace("250", "300").replace("200", "150")}, says="disagree on sex",
        edits=(("300", "250"), ("150", "200")),
    ),
    "the format of another office": Case(
        spec="targets: [{table: t.csv, layout: {format: nomis}}]", files={"t.csv": SEX}, says="is not laid out as downloads",
        proposed=1,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CURED)
def test_a_cure_cures(name: str, tmp_path: Path) -> None:
    case = CURED[name]
    spec = yaml.load((case.base or BASE) + case.spec, yaml.CSafeLoader)
    before = found(spec, case.files, tmp_path / "before")
    finding = next(one for one in before if case.says in str(one))
    made = list(proposals(finding, meant=case.meant))
    assert len(made) == case.proposed, (str(finding), [said for said, _ in made])
    mended: list[tuple[str, dict[str, Any], dict[str, str]]] = []
    for said, edit in made:
        mended.append((said, copy.deepcopy(spec), dict(case.files)))
        edit(*mended[-1][1:])
    if case.edits:
        text, files = yaml.safe_dump(spec, sort_keys=False), dict(case.files)
        for old, new in case.edits:
            assert old in text or any(old in told for told in files.values()), (old, text)
            text = text.replace(old, new)
            files = {file: told.replace(old, new) for file, told in files.items()}
        mended.append(("by hand", yaml.load(text, yaml.CSafeLoader), files))
    for number, (said, again, files) in enumerate(mended):
        after = found(again, files, tmp_path / str(number))
        assert finding.message not in [one.message for one in after], (said, str(finding))
        assert all(case.next is not None and case.next in one for one in worse(after, before)), (said, worse(after, before))
