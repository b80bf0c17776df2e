"""Tables against tables, totals against `records`, and what a spec says to no effect."""

from pathlib import Path

import pytest

from synthor import check, parse_spec
from synthor.errors import Finding

VARIABLES = """
records: 1000
variables:
  sex: {type: category, values: [male, female]}
  age: {type: integer, min: 0, max: 99, bins: [0, 16, 25, 65]}
  works: {type: boolean}
"""
AGE = "0-15: 190, 16-24: 150, 25-64: 530, 65+: 130"


def findings(text: str, folder: Path = Path()) -> list[Finding]:
    """What check tells, but for variables without a target."""
    return [f for f in check(parse_spec(VARIABLES + text).placed_in(folder)) if "has no target" not in f.message]


def told(text: str, folder: Path = Path()) -> list[str]:
    return [f"{finding.severity}: {finding}" for finding in findings(text, folder)]


def table(*rows: tuple[object, ...], columns: str, measure: str = "count") -> str:
    names = [*columns.split(), measure]
    return "[" + ", ".join("{" + ", ".join(f"{n}: {v}" for n, v in zip(names, row, strict=True)) + "}" for row in rows) + "]"


# --- Tables against tables -------------------------------------------------------------------------------------------------


def test_files_numbers_and_the_newer_one_are_told(tmp_path: Path) -> None:
    (tmp_path / "age.csv").write_text("age,count\n0-15,190\n16-24,150\n25-64,530\n65+,130\n", encoding="utf-8")
    (tmp_path / "work.csv").write_text("age,no,yes\n0-15,190,0\n16-24,80,80\n25-64,180,332\n65+,128,10\n", encoding="utf-8")
    text = """
targets:
  - {name: a, table: age.csv, as_of: 2021}
  - {name: b, table: work.csv, as_of: 2011, layout: {wide: [works]}}
"""
    assert told(text, tmp_path) == [
        "error: targets: 'a' and 'b' disagree on age: 3 of 4 bands differ; the worst is '25-64': 530 in 'a' (age.csv), "
        "512 in 'b' (work.csv), 18 more or 3.5%; 'a' (2021) is newer; "
        "correct one of them, give 'a' (age.csv) `tolerance: {relative: 10%}`, or try `synthor check SPEC --reconcile`"
    ]
    (finding,) = findings(text, tmp_path)
    assert (finding.label, finding.found, finding.expected) == ("25-64", 530, 512)


def test_bands_that_cut_across_each_other_are_compared_in_their_unions() -> None:
    coarse = "{name: a, counts: {age: {0-17: 210, 18-29: 200, 30-64: 460, 65+: 130}}}"
    assert not told(f"targets: [{coarse}, {{name: b, counts: {{age: {{{AGE}}}}}}}]")
    (line,) = told(f"targets: [{coarse.replace('460', '470').replace('130', '120')}, {{name: b, counts: {{age: {{{AGE}}}}}}}]")
    assert "2 of 2 bands differ; the worst is '0-17 + 18-29 + 30-64': 880 in 'a', 870 in 'b', 10 more or 1.1%" in line


def test_a_pair_that_two_crossed_tables_share_is_compared() -> None:
    first = table(("male", "no", 240), ("male", "yes", 250), ("female", "no", 310), ("female", "yes", 200), columns="sex works")
    rows = [
        ("male", "no", "0-15", 240),
        ("male", "yes", "25-64", 250),
        ("female", "no", "65+", 310),
        ("female", "yes", "25-64", 200),
    ]
    second = table(*rows, columns="sex works age")
    both = f"targets: [{{name: a, table: {first}}}, {{name: b, table: %s}}]"
    blanks = ["warning: targets[1] (b): has no row for 16-24 of age; none is wanted"]
    assert told(both % second) == blanks
    (*_, line) = told(both % second.replace("240", "239").replace("250", "251").replace("310", "311").replace("200", "199"))
    assert (
        "disagree on sex by works: 4 of 4 cells differ; the worst is 'male, no': 240 in 'a', 239 in 'b', 1 more or 0.4%" in line
    )


def test_tables_of_the_same_part_are_compared_and_of_others_not() -> None:
    text = """
targets:
  - {name: a, where: age >= 16, counts: {sex: {male: 400, female: 410}}}
  - {name: b, where: %s, counts: {works: {no: 300, yes: 500}}}
"""
    assert "disagree on the total where `age >= 16`: 810 in 'a', 800 in 'b', 10 more or 1.2%" in told(text % "age >= 16")[0]
    assert not told(text % "age >= 25")


@pytest.mark.parametrize(
    ("loose", "agree"),
    [
        ("rounded_to: 5, counts: {sex: {male: 490, female: 510}}", True),
        ("rounded_to: 3, counts: {sex: {male: 490, female: 510}}", False),
        ("tolerance: {relative: 1%}, counts: {sex: {male: 490, female: 510}}", True),
        ("tolerance: {points: 0.1}, counts: {sex: {male: 490, female: 510}}", False),
        ("shares: {sex: {male: 49, female: 51}}", True),
        ("shares: {sex: {male: 48.9, female: 51.1}}", False),
    ],
)
def test_tolerance_and_rounding_are_compared_as_intervals(loose: str, agree: bool) -> None:
    found = findings(f"targets: [{{name: a, counts: {{sex: {{male: 492, female: 508}}}}}}, {{name: b, {loose}}}]")
    assert [finding for finding in found if finding.severity == "error"] == [] or not agree
    if not agree:
        assert "the worst is 'male': 492 in 'a', " in str(found[0])
        assert "at least" in str(found[0])


def test_cells_that_are_not_told_are_compared_as_intervals() -> None:
    rows = [("male", "no", "'*'"), ("male", "yes", 480), ("female", "no", "'*'"), ("female", "yes", 505)]
    hidden = f"{{name: a, suppressed: '<10', table: {table(*rows, columns='sex works')}}}"
    text = f"targets: [{hidden}, {{name: b, counts: {{sex: %s}}}}]"
    assert not told(text % "{male: 489, female: 511}")
    assert "disagree on sex: 2 of 2 bands differ; the worst is 'male'" in told(text % "{male: 479, female: 521}")[0]


def test_margins_of_error_are_judged_by_standard_deviations_and_only_warned_of() -> None:
    text = """
targets:
  - {name: a, margin_of_error: 16.45, counts: {sex: {male: %d, female: %d}}}
  - {name: b, counts: {sex: {male: 490, female: 510}}}
"""
    assert not told(text % (515, 485))
    (line,) = told(text % (530, 470))
    assert line.startswith("warning: targets: 'a' and 'b' disagree on sex: 2 of 2 bands differ")
    assert "530 in 'a', 490 in 'b', 40 more or 8.2%, 4.0 standard deviations" in line


# --- Totals against records ------------------------------------------------------------------------------------------------


def test_how_many_tables_agree_with_which_total_is_told() -> None:
    lines = told(
        "targets: [{name: a, counts: {sex: {male: 490, female: 500}}}, {name: b, counts: {works: {no: 540, yes: 450}}}, "
        f"{{name: c, counts: {{age: {{{AGE}}}}}}}]"
    )
    assert [line.split(";")[0] for line in lines] == [
        "error: targets[0] (a): counts add up to 990, but records is 1,000",
        "error: targets[1] (b): counts add up to 990, but records is 1,000",
        "warning: records: records is 1,000, 2 tables say 990 ('a', 'b'), 1 table says 1,000 ('c')",
    ]
    assert lines[-1].endswith("set records to 990, or try `synthor check SPEC --reconcile`")


# --- Bands, shares, quantiles ----------------------------------------------------------------------------------------------


def test_bands_that_leave_something_out_although_counts_are_all() -> None:
    text = "targets: [{groups: {age: {young: [0, 25], old: [65, %s]}}, counts: {age: {young: 400, old: %d}}}]"
    assert told(text % (100, 600)) == [
        "warning: targets[0]: its labels leave out 25-64 of age, yet its counts add up to all 1,000 records: nobody is left "
        "for them; close the gap if it is a slip"
    ]
    part = ["warning: targets[0]: its labels leave out 25-64 of age, so it counts the other records only"]
    assert told(text % (100, 500)) == part
    assert told(text % (130, 500))[:1] == [
        "warning: targets[0]: band 'old' [65, 130] reaches beyond the range; age goes from 0 to 99, so widen min and max if "
        "values beyond exist"
    ]


def test_shares_are_judged_by_the_decimals_they_are_printed_with() -> None:
    assert "shares add up to 101, not to 100" in told("targets: [{shares: {sex: {male: 70, female: 31}}}]")[0]
    by = table(
        ("male", "no", 70),
        ("male", "yes", "%s"),
        ("female", "no", 40),
        ("female", "yes", 60),
        columns="sex works",
        measure="share",
    )
    assert not told(f"targets: [{{by: [sex], table: {by % 30}}}]")
    assert (
        "error: targets[0]: shares inside (male) add up to 101, not to 100"
        in told(f"targets: [{{by: [sex], table: {by % 31}}}]")[0]
    )
    shares = {"0-15": 20, "16-24": 20, "25-64": 40, "65+": 21}
    ages = table(*(("male", age, share) for age, share in shares.items()), columns="sex age", measure="share")
    assert not told(f"targets: [{{by: [sex], table: {ages}}}]")


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ("{0.25: 0, 0.5: 40}", "a quantile at 0, the smallest value of age: nobody is below it"),
        ("{0.25: 20, 0.5: 120}", "a quantile at 120 lies outside of age's range; age goes from 0 to 99"),
        ("{0.25: 40, 0.5: 40}", "quantiles must rise: 0.5 is at 40, 0.25 at 40"),
    ],
)
def test_a_slip_of_a_quantile_is_told_by_its_number(values: str, said: str) -> None:
    assert said in told(f"targets: [{{quantiles: age, values: {values}}}]")[0]


# --- What has no effect ----------------------------------------------------------------------------------------------------


def test_a_where_that_selects_nobody_is_told() -> None:
    text = "targets: [{name: old, where: %s, counts: {sex: {male: 4, female: 6}}}]"
    assert told(text % "age > 99") == [
        "error: targets[0] (old): where `age > 99` holds for no record; age goes from 0 to 99",
    ]
    children = text.replace("targets: [", "targets: [{name: works, counts: {works: {no: 1000, yes: 0}}}, ")
    assert told(children % "works") == [
        "error: old: where `works` selects nobody: 'works' wants no such record; correct the predicate or that table"
    ]


def test_what_is_said_to_no_effect_is_told(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("Sex,count\nMales,490\nFemales,510\n", encoding="utf-8")
    lines = told(
        """
columns: {Sex: sex, Age group: age, Work: wroks}
labels: {sex: {Males: male, Females: female, Femmes: female, Hommes: mael}, aeg: {old: 65+}}
targets: [{table: t.csv, confidence: 0.95}]
rules: [{never: sex = 'female' and age < 3}]
""",
        tmp_path,
    )
    assert lines == [
        "error: columns: 'Work' is to be 'wroks', which is no variable; did you mean 'works'?",
        "error: labels.sex: 'Hommes' is to be 'mael', which is no label of sex; did you mean 'male'?",
        "error: labels: 'aeg' is no variable; did you mean 'age'?",
        "warning: targets[0]: confidence says nothing without margin_of_error; add margin_of_error, or leave confidence out",
        "warning: labels.sex: speaks of 'Femmes', which no table has; did you mean 'Females'?",
        "warning: columns: speaks of 'Age group', which no table has; leave it out if no table needs it",
    ]


def test_a_rule_about_a_label_that_no_table_wants_is_told() -> None:
    text = """
records: 10
variables: {home: {type: category, values: [flat, house, boat]}, car: {type: boolean}}
targets: [{name: homes, counts: {home: {flat: 4, house: 6, boat: 0}}}, {counts: {car: {yes: 4, no: 6}}}]
rules: [{never: home = 'boat' and car}]
"""
    (finding,) = check(parse_spec(text))
    assert (finding.severity, finding.where) == ("warning", "rules[0]")
    assert finding.message == "`home = 'boat' and car` names 'boat', of which 'homes' wants none"


def test_what_a_target_may_be_made_of_is_told_in_full() -> None:
    with pytest.raises(Exception, match="has table and value of table, counts, shares, count, value, values; give exactly one"):
        parse_spec(VARIABLES + "targets: [{mean: age, table: t.csv, value: 3}]")
