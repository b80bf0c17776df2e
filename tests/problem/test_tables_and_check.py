from decimal import Decimal
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from synthor import InputError, check, compile_problem, load_spec, parse_spec
from synthor.errors import Finding
from synthor.problem import Problem
from synthor.spec.tables import read_frame

VARIABLES = """
records: 100
variables:
  tenure: {type: category, values: [owned, rented]}
  persons: {type: integer, min: 1, max: 9, bins: [1, 2, 3]}
  car: {type: boolean}
  income: {type: number, min: 0, max: 100, bins: [0, 20, 50]}
"""
TENURE = "{counts: {tenure: {owned: 60, rented: 40}}}"


def problem(text: str, folder: Path = Path()) -> Problem:
    return compile_problem(parse_spec(VARIABLES + text).placed_in(folder))


def errors(text: str, folder: Path = Path()) -> list[Finding]:
    """What `check` reports, but for variables without a target; `compile_problem` must refuse exactly that."""
    spec = parse_spec(VARIABLES + text).placed_in(folder)
    found = [finding for finding in check(spec) if finding.severity == "error"]
    if found:
        with pytest.raises(InputError) as caught:
            compile_problem(spec)
        assert list(caught.value.findings) == found
    else:
        compile_problem(spec)
    return found


def error(text: str, folder: Path = Path()) -> Finding:
    (only,) = errors(text, folder)
    return only


def csv(folder: Path, content: str | bytes) -> str:
    """A target whose table is a CSV file."""
    (folder / "t.csv").write_bytes(content.encode() if isinstance(content, str) else content)
    return "targets: [{table: t.csv}]"


# --- Tables that are understood -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "target",
    [
        "{counts: {tenure: {owned: 60, rented: 40}}}",
        "{counts: {tenure: {Rented: 40.0, ' owned ': '60'}}}",
        "{shares: {tenure: {owned: 60, rented: 40}}}",
        "{shares: {tenure: {owned: 0.6, rented: 0.4}}}",
        "{shares: {tenure: {owned: 6.0e-1, rented: 4.0e-1}}}",
        "{table: [{tenure: owned, count: 60}, {tenure: rented, count: 40}]}",
        "{table: [{share: 60.0, tenure: owned}, {tenure: rented, share: 40.0}]}",
        "{table: t.csv}",
        "{table: t.parquet}",
        "{table: folder/t.CSV}",
    ],
)
def test_one_table_may_be_written_in_many_ways(target: str, tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text("tenure,count\nowned,60\nrented,40\n")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "t.CSV").write_bytes(b'\xef\xbb\xbfcount, tenure\r\n\r\n"60","Owned "\r\n,\r\n 40 ,rented\r\n\r\n')
    pl.DataFrame({"tenure": ["rented", "owned"], "count": [40, 60]}).write_parquet(tmp_path / "t.parquet")
    (compiled,) = problem(f"targets: [{target}]", tmp_path).targets
    assert compiled.wanted.tolist() == [60.0, 40.0]
    assert compiled.name == "tenure"
    assert compiled.labels(1) == {"tenure": "rented"}


def test_cells_that_are_not_listed_are_empty() -> None:
    rows = "{car: yes, tenure: rented, count: 30}, {car: no, tenure: owned, count: 70}"
    (compiled,) = problem(f"targets: [{{table: [{rows}]}}]").targets
    assert (compiled.name, compiled.shape, compiled.columns) == ("car by tenure", (2, 2), (2, 0))
    assert compiled.wanted.tolist() == [70.0, 0.0, 0.0, 30.0]
    assert compiled.labels(3) == {"car": "yes", "tenure": "rented"}


def test_numbers_mean_the_bin_that_starts_with_them() -> None:
    (compiled,) = problem("targets: [{counts: {persons: {1: 10, 2.0: 20, 3+: 70}}}]").targets
    assert compiled.wanted.tolist() == [10.0, 20.0, 70.0]
    (compiled,) = problem("targets: [{counts: {income: {0: 10, 20 to 50: 20, '50.0': 70}}}]").targets
    assert compiled.wanted.tolist() == [10.0, 20.0, 70.0]


@pytest.mark.parametrize(
    ("frame", "wanted"),
    [
        (pl.DataFrame({"persons": [1, 2, 3], "count": [10.0, 20.0, 70.0]}), [10, 20, 70]),
        (pl.DataFrame({"persons": [1.0, 2.0, 3.0], "share": [0.1, 0.2, 0.7]}), [10, 20, 70]),
        (pl.DataFrame({"persons": pl.Series(["1", "3+"], dtype=pl.Categorical), "count": [30, 70]}), [30, 0, 70]),
        (pl.DataFrame({"persons": pl.Series([1, 3], dtype=pl.UInt8), "count": [Decimal("30.00"), Decimal(70)]}), [30, 0, 70]),
        (pl.DataFrame({"car": [True, False], "count": [30, 70]}), [70, 30]),
        (pl.DataFrame({"tenure": ["owned", "rented"], "share": [100 / 3, 200 / 3]}), [100 / 3, 200 / 3]),
    ],
)  # fmt: skip
def test_parquet_columns_may_have_any_type(frame: pl.DataFrame, wanted: list[float], tmp_path: Path) -> None:
    frame.write_parquet(tmp_path / "t.parquet")
    (compiled,) = problem("targets: [{table: t.parquet}]", tmp_path).targets
    np.testing.assert_allclose(compiled.wanted, wanted)


@pytest.mark.parametrize(
    "shares",
    [
        "{1: 33.3, 2: 33.3, 3+: 33.3}",
        "{1: 33, 2: 33, 3+: 33}",
        "{1: 0.333, 2: 0.333, 3+: 0.333}",
        "{1: 33.4, 2: 33.3, 3+: 33.4}",
        "{1: 100, 2: 0, 3+: 0}",
        "{1: 1, 2: 0, 3+: 0}",
        "{1: 1.0}",
    ],
)
def test_shares_may_miss_their_whole_by_rounding(shares: str) -> None:
    (compiled,) = problem(f"targets: [{{shares: {{persons: {shares}}}}}]").targets
    assert compiled.wanted.sum() == pytest.approx(100)
    assert compiled.statistic.word == "share"
    assert (compiled.low <= compiled.wanted).all()
    assert (compiled.wanted <= compiled.high).all()


def test_a_compiled_problem_can_be_compiled_again_without_its_files(tmp_path: Path) -> None:
    first = problem(csv(tmp_path, "persons,share\n1,33.3\n2,33.3\n\n3+,33.3\n"), tmp_path)
    (tmp_path / "t.csv").unlink()
    again = compile_problem(first.spec)
    assert again.targets[0].wanted.tolist() == first.targets[0].wanted.tolist()
    assert again.targets[0].rounding == first.targets[0].rounding


# --- Tables that are not ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("target", "found", "expected"),
    [
        ("{counts: {tenure: {owned: 60, rented: 41}}}", 101, 100),
        ("{counts: {tenure: {owned: 60, rented: 39.5}}}", 99.5, 100),
        ("{shares: {tenure: {owned: 35, rented: 60}}}", 95, 100),
        ("{shares: {tenure: {owned: 0.35, rented: 0.6}}}", 0.95, 1),
        ("{shares: {tenure: {owned: 0.7, rented: 0.6}}}", 1.3, 1),
        ("{shares: {tenure: {owned: 1, rented: 1}}}", 2, 100),
        ("{shares: {tenure: {owned: 0, rented: 0}}}", 0, 1),
        ("{shares: {tenure: {owned: 0, rented: 0.0}}}", 0, 1),
        ("{counts: {tenure: {owned: 0, rented: 0}}}", 0, 100),
    ],
)
def test_a_wrong_total_is_told_with_both_numbers(target: str, found: float, expected: float) -> None:
    finding = error(f"targets: [{target}]")
    assert (finding.where, finding.expected) == ("targets[0]", expected)
    assert finding.found == pytest.approx(found)
    assert f"add up to {found:g}" in finding.message
    assert f"{expected:g}" in finding.message
    assert finding.cure


def test_a_wrong_total_in_a_file_names_the_file(tmp_path: Path) -> None:
    finding = error(csv(tmp_path, "tenure,count\nowned,60\nrented,39\n"), tmp_path)
    assert (finding.where, finding.found, finding.expected) == ("t.csv", 99.0, 100.0)
    assert str(finding) == (
        "t.csv: counts add up to 99, but records is 100; correct the table, set records to 99, or write the table as shares"
    )


def test_one_record_too_many_is_seen_among_billions() -> None:
    counts = "{counts: {car: {yes: 10000000000, no: 10000000001}}}"
    (finding,) = check(parse_spec(f"records: 20000000000\nvariables: {{car: {{type: boolean}}}}\ntargets: [{counts}]"))
    assert "counts add up to 20,000,000,001, but records is 20,000,000,000" in finding.message


def test_an_unknown_label_is_told_with_its_row_and_the_nearest(tmp_path: Path) -> None:
    finding = error(csv(tmp_path, "tenure,count\nowned,60\n\nrentd,40\n"), tmp_path)
    assert (finding.where, finding.row, finding.label) == ("t.csv", 4, "rentd")
    assert (finding.message, finding.cure) == ("'rentd' is no label of tenure", "did you mean 'rented'?")
    finding = error("targets: [{name: size, counts: {persons: {1: 30, many: 70}}}]")
    cure = "known: 1, 2, 3+; if it is a band or Total, say so: `labels: {persons: {'many': ...}}`"
    assert (finding.where, finding.row, finding.cure) == ("targets[0] (size)", 2, cure)
    finding = error("targets: [{counts: {persons: {1: 30, 2.5: 70}}}]")
    assert finding.label == "2.5"


def test_rows_are_counted_as_an_editor_counts_them(tmp_path: Path) -> None:
    found = errors(csv(tmp_path, 'tenure,count\n\n"own\ned",60\nrentd,40\n'), tmp_path)
    assert [finding.row for finding in found] == [3, 5]


def test_a_blank_label_is_told(tmp_path: Path) -> None:
    finding = error(csv(tmp_path, "tenure,count\nowned,60\n,40\n"), tmp_path)
    assert (finding.row, finding.message) == (3, "tenure is blank")


def test_a_cell_given_twice_is_told_with_both_rows(tmp_path: Path) -> None:
    finding = error(csv(tmp_path, "tenure,car,count\nowned,yes,60\nrented,no,20\nOwned,true,20\n"), tmp_path)
    assert (finding.where, finding.row, finding.label) == ("t.csv", 4, "Owned, true")
    assert "row 2" in finding.message
    finding = error("targets: [{counts: {persons: {3+: 50, 4: 50}}}]")
    assert (finding.row, finding.label) == (2, "4")
    finding = error("targets: [{counts: {tenure: {owned: 50, Owned: 20, rented: 30}}}]")
    assert (finding.row, finding.label) == (2, "Owned")


@pytest.mark.parametrize("value", ["many", "10..0", "40 km", "nan", "inf", "-inf", "5k", "<", "1e999", "0x10", "(40)"])
def test_what_is_no_count_is_told_with_its_row(value: str, tmp_path: Path) -> None:
    finding = error(csv(tmp_path, f'tenure,count\nowned,60\nrented,"{value}"\n'), tmp_path)
    assert (finding.where, finding.row, finding.message) == ("t.csv", 3, f"'{value}' is no count")
    assert "plain number" in finding.cure


def test_a_missing_number_in_parquet_is_told(tmp_path: Path) -> None:
    frame = pl.DataFrame({"tenure": ["owned", "rented", None, "owned"], "count": [60.0, float("nan"), 4.0, None]})
    frame.write_parquet(tmp_path / "t.parquet")
    found = errors("targets: [{table: t.parquet}]", tmp_path)
    assert [(finding.row, finding.message) for finding in found] == [
        (3, "'nan' is no count"),
        (4, "tenure is blank"),
        (5, "count is blank"),
    ]


def test_a_negative_count_is_told(tmp_path: Path) -> None:
    finding = error(csv(tmp_path, "tenure,share\nowned,1.5\nrented,-0.5\n"), tmp_path)
    assert (finding.row, finding.message, finding.found) == (3, "share -0.5 is negative", -0.5)


def test_an_unknown_column_is_told_with_the_nearest(tmp_path: Path) -> None:
    finding = error(csv(tmp_path, "tenrue,count\nowned,60\nrented,40\n"), tmp_path)
    assert (finding.where, finding.label, finding.cure) == ("t.csv", "tenrue", "did you mean 'tenure'?")
    found = errors(csv(tmp_path, "tenure,Coutn\nowned,60\nrented,40\n"), tmp_path)
    assert [finding.message for finding in found] == [
        "has neither of the columns count and share",
        "column 'Coutn' is no variable",
    ]
    assert found[1].cure == "did you mean 'count'?"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("tenure,count,share\nowned,60,0.6\nrented,40,0.4\n", "has both of the columns count and share"),
        ("tenure,car\nowned,yes\n", "has neither of the columns count and share"),
        ("count\n100\n", "has no column that is named like a variable"),
        ("tenure,tenure,count\nowned,owned,100\n", "two columns have the same name"),
        ("tenure,count,count\nowned,50,50\n", "two columns have the same name"),
        ("tenure,,count\nowned,,60\nrented,x,40\n", "column '(no name)' is no variable"),
        ("tenure,count", "the table has no rows"),
        ("tenure,count\n\n,\n", "the table has no rows"),
        ("", "the file is empty"),
        ("\n\n  \n", "the file is empty"),
        (b"tenure,count\nr\x81nted,40\n", "is neither UTF-8 nor Windows-1252 text (byte 14)"),
        (b"tenure,count\nowned,\x00\n", "cannot be read: it is no text"),
        ('tenure,count\nowned,60\n"rented,40\n', "cannot be read: unexpected end of data"),
    ],
)
def test_a_table_of_another_shape_is_told(content: str | bytes, message: str, tmp_path: Path) -> None:
    messages = [finding.message for finding in errors(csv(tmp_path, content), tmp_path)]
    assert message in messages
    assert all(finding.where == "t.csv" for finding in errors(csv(tmp_path, content), tmp_path))


def test_ragged_rows_are_all_told(tmp_path: Path) -> None:
    found = errors(csv(tmp_path, "tenure,count\nowned\nrented,40\nrented,1,000\n"), tmp_path)
    assert [(finding.row, finding.message) for finding in found] == [
        (2, "has 1 fields, the header has 2"),
        (4, "has 3 fields, the header has 2"),
    ]


@pytest.mark.parametrize("cells", ["counts: {tenure: {}}", "shares: {tenure: {}}", "table: []"])
def test_an_empty_table_in_the_spec_is_told(cells: str) -> None:
    finding = error(f"targets: [{{{cells}}}]")
    assert (finding.where, finding.message) == ("targets[0]", "the table has no rows")


@pytest.mark.parametrize("name", ["none.csv", "none.parquet", "t.csv/t.csv", "a" * 300 + ".csv", "n\\0.csv"])
def test_a_missing_file_is_told_with_the_folder_looked_in(name: str, tmp_path: Path) -> None:
    csv(tmp_path, "x")
    finding = error(f'targets: [{{table: "{name}"}}]', tmp_path)
    assert (finding.message, str(tmp_path) in finding.cure) == ("no such file", True)


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "t.pdf").write_bytes(b"")
    (tmp_path / "t.parquet").write_bytes(b"PAR1 is not enough")
    assert error("targets: [{table: t.pdf}]", tmp_path).cure == "take the table in another format"
    (tmp_path / "t.dta").write_bytes(b"")
    assert error("targets: [{table: t.dta}]", tmp_path).cure == "use .csv, .tsv, .xlsx, .ods, .px or .parquet"
    assert error("targets: [{table: t.parquet}]", tmp_path).message.startswith("cannot be read")


@pytest.mark.slow
def test_a_table_with_too_many_cells_is_told() -> None:
    names = [f"v{i}" for i in range(400)]
    variables = "".join(f"  {name}: {{type: integer, min: 0, max: 99}}\n" for name in names)
    for n in (4, 400):
        row = ", ".join(f"{name}: 1" for name in names[:n])
        spec = parse_spec(f"records: 10\nvariables:\n{variables}targets: [{{table: [{{{row}, count: 10}}]}}]")
        (finding,) = [found for found in check(spec) if found.severity == "error"]
        assert "cells, more than 1,000,000" in finding.message


# --- Rules, and tables against each other -----------------------------------------------------------------------------------


def test_a_wanted_cell_that_a_rule_forbids_is_told() -> None:
    alone = "{persons: 1, car: yes, count: 20}, {persons: 1, car: no, count: 20}"
    table = f"{{name: cars, table: [{alone}, {{persons: 3+, car: yes, count: 60}}]}}"
    finding = error(f"targets: [{table}]\nrules: [{{never: car and persons < 2}}]")
    assert (finding.where, finding.label, finding.found, finding.expected) == ("cars", "1, yes", 20.0, 0.0)
    assert "car and persons < 2" in finding.message
    assert finding.cure == "correct the table or strike the rule"
    assert errors(f"targets: [{table}]\nrules: [{{never: car and persons > 5}}]") == []


def test_a_rule_that_cannot_be_read_is_told() -> None:
    finding = error(f"targets: [{TENURE}]\nrules: [{{never: car}}, {{never: tenure = 'rentd'}}]")
    assert (finding.where, finding.cure) == ("rules[1]", "did you mean 'rented'?")
    assert finding.message.startswith("`tenure = 'rentd'`")


@pytest.mark.parametrize("rule", ["persons >= 1", "1 = 1", "not income > 200", "car or not persons > 9"])
def test_a_rule_that_leaves_nothing_is_told(rule: str) -> None:
    finding = error(f"targets: [{TENURE}]\nrules: [{{never: {rule}}}]")
    assert finding.where == "rules[0]"
    assert finding.message == f"`{rule}` forbids every record"


def test_two_tables_that_disagree_on_a_shared_marginal_are_told() -> None:
    crossed = "{name: crossed, table: [{tenure: owned, car: yes, count: 58}, {tenure: rented, car: no, count: 42}]}"
    finding = error(f"targets: [{TENURE}, {crossed}]")
    assert (finding.where, finding.label, finding.found, finding.expected) == ("targets", "owned", 60.0, 58.0)
    assert "'tenure' and 'crossed' disagree on tenure" in finding.message


def test_tables_that_agree_but_for_their_rounding_are_accepted() -> None:
    crossed = "{name: crossed, table: [{tenure: owned, car: yes, share: 0.6}, {tenure: rented, car: no, share: 0.4}]}"
    exact = "{counts: {tenure: {owned: 62, rented: 38}}}"
    assert errors(f"targets: [{exact}, {crossed}]") == []
    finer = crossed.replace("0.6", "'0.60'").replace("0.4", "'0.40'")
    finding = error(f"targets: [{exact}, {finer}]")
    assert (finding.label, finding.found, finding.expected) == ("owned", 62.0, 60.0)


def test_shares_stretched_to_their_whole_do_not_disagree_with_counts() -> None:
    text = """
records: 1000
variables: {zone: {type: category, values: [a, b, c, d]}}
targets:
  - {name: counts, counts: {zone: {a: 600, b: 204, c: 104, d: 92}}}
  - {name: shares, shares: {zone: {a: 60, b: 20, c: 10, d: 9}}}
"""
    assert [finding.severity for finding in check(parse_spec(text))] == ["warning", "warning"]  # stretched; met to rounding
    finding = check(parse_spec(text.replace("a: 60, b: 20", "a: 58, b: 22")))[-1]
    assert (finding.label, finding.found) == ("b", 204.0)
    assert finding.expected == pytest.approx(220, rel=0.02)


def test_two_targets_with_the_same_name_are_told() -> None:
    named = TENURE.replace("{", "{name: tenure, ", 1)
    finding = error(f"targets: [{named}, {named}]")
    assert (finding.where, finding.message) == ("targets", "2 targets are called 'tenure'")
    assert errors(f"targets: [{TENURE}, {{name: again, {TENURE[1:]}]") == []


def test_a_variable_without_a_target_is_a_warning() -> None:
    found = check(parse_spec(VARIABLES + f"targets: [{TENURE}]"))
    assert [(finding.where, finding.severity) for finding in found] == [
        ("variables.persons", "warning"),
        ("variables.car", "warning"),
        ("variables.income", "warning"),
    ]


def test_ten_problems_are_reported_at_once(tmp_path: Path) -> None:
    (tmp_path / "labels.csv").write_text("tenure,count\nowned,60\nrentd,40\n")
    (tmp_path / "twice.csv").write_text("persons,count\n1,60\n1,40\n")
    (tmp_path / "latin.csv").write_bytes(b"tenure,count\nr\xe9nted,40\n")
    (tmp_path / "ragged.csv").write_text("tenure,count\nowned,60,1\n")
    found = errors(
        """
targets:
  - {name: a, counts: {tenure: {owned: 60, rented: 50}}}
  - {name: b, table: labels.csv}
  - {name: c, table: twice.csv}
  - {name: d, table: latin.csv}
  - {name: e, table: ragged.csv}
  - {name: f, table: none.csv}
  - {name: g, shares: {car: {yes: 35, no: 60}}}
  - {name: h, counts: {car: {yes: -1, no: 1}}}
  - {name: i, counts: {cra: {yes: 100}}}
  - {name: j, counts: {persons: {1: 100}}}
  - {name: j, counts: {persons: {2: 100}}}
rules: [{never: persons = 1}, {never: abs(persons) > 1}, {never: income >= 0}]
""",
        tmp_path,
    )
    assert [finding.where for finding in found] == [
        "targets[0] (a)",
        "labels.csv",
        "twice.csv",
        "latin.csv",
        "ragged.csv",
        "none.csv",
        "targets[6] (g)",
        "targets[7] (h)",
        "targets[8] (i)",
        "rules[1]",
        "rules[2]",
        "targets",
        "targets",
        "j",
    ]
    assert all(finding.message and finding.cure for finding in found)


# --- Records ---------------------------------------------------------------------------------------------------------------


def test_records_are_read_from_csv_and_parquet_alike(tmp_path: Path) -> None:
    frame = pl.DataFrame({"persons": [1, 2], "tenure": ["owned", "rented"], "car": [True, False]})
    frame.write_csv(tmp_path / "r.csv")
    frame.write_parquet(tmp_path / "r.parquet")
    assert read_frame(tmp_path / "r.csv").equals(read_frame(tmp_path / "r.parquet"))


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3\n", b"a\n\xff\n", b'a,b\n1,2\n"x,1\n'])
def test_records_that_cannot_be_read_are_an_input_error(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_bytes(content)
    with pytest.raises(InputError) as caught:
        read_frame(tmp_path / "r.csv", shown="r.csv")
    assert caught.value.findings[0].where == "r.csv"


# --- Whatever is written, nothing but an InputError comes out -----------------------------------------------------------------

SPEC = (
    VARIABLES.replace("records", "title: &t Homes\ncontext: |\n  About homes.\nrandom_seed: 3\nrecords")
    + """
targets:
  - {name: tenure, table: t.csv}
  - {shares: {persons: {1: 33.3, 2: 33.3, 3+: 33.3}}}
  - counts:
      car: {yes: 40, no: 60}
  - table: [{income: 0 to 20, car: yes, share: 0.4}, {income: 50 to 100, car: no, share: 0.6}]
rules:
  - never: tenure = 'rented' and (persons > 5 or income between 30 and 40.5)
    why: *t
prior: beliefs.json
model: {name: none}
"""
)
TABLE = "tenure,count\nowned,60\nrented,40\n"
PIECES = st.one_of(
    st.text(max_size=2),
    st.sampled_from(
        ["\n", "  ", "\t", ":", ",", "-", "- ", "{", "}", "[", "]", "'", '"', "#", "%", "\0", "\ufeff", "? ", "| ", "<<: "]
    ),
    st.sampled_from(["&a ", "*a", "*t", "!!int ", "!!bool ", "~", "null", "yes", ".inf", ".nan", "---\n", "\\ud800"]),
    st.sampled_from(["1e999", "-1", "0", "9" * 40, "0x1F", "count", "share", "tenure", "persons", "t.csv"]),
    st.sampled_from(["table: ", "counts: ", "bins: ", "labels: [a]", "min: 5", "type: number"]),
)
EDITS = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 12), PIECES), min_size=1, max_size=4)


def edited(text: str, edits: list[tuple[float, int, str]]) -> str:
    """Some characters struck and others put in their place, here and there."""
    for place, struck, piece in edits:
        at = int(place * len(text))
        text = text[:at] + piece + text[at + struck :]
    return text


@pytest.mark.slow
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(of_spec=EDITS, of_table=st.one_of(st.just([]), EDITS), spec_too=st.booleans())
@example(of_spec=[], of_table=[], spec_too=True)
def test_no_slip_ends_in_a_traceback(
    of_spec: list[tuple[float, int, str]], of_table: list[tuple[float, int, str]], spec_too: bool, tmp_path: Path
) -> None:
    (tmp_path / "t.csv").write_bytes(edited(TABLE, of_table or of_spec).encode("utf-8", "surrogatepass"))
    (tmp_path / "spec.yaml").write_bytes(edited(SPEC, of_spec if spec_too else []).encode("utf-8", "surrogatepass"))
    try:
        spec = load_spec(tmp_path / "spec.yaml")
        found = check(spec)
        assert str(found)
        compile_problem(spec)
    except InputError as refused:
        assert refused.findings
        assert str(refused).encode()
