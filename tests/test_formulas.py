"""No label of records in CSV is run by a spreadsheet, and every reader of ours gets it back as it was."""

import csv
import json
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from synthor import parse_spec, synthesize
from synthor.formulas import bare, bared, guard, guarded
from synthor.loop import check_all
from synthor.run import measure_file, remeasure
from synthor.spec.tables import read_frame
from synthor.store.folder import RunFolder

LABELS = [
    "=cmd|' /C calc'!A0",
    "'=1",
    "''=1",
    "+1+1",
    "- none",
    "@SUM(1)",
    "\t=1",
    "\uff1d1",
    "'a",
    "'",
    "-5",
    "1e3",
    "a,=1",
    "-",
    "'-",
]


@pytest.mark.slow
@given(st.text(alphabet="'=+-@\t\r\n\uff1d01.e a", max_size=6))
def test_what_is_guarded_is_bared_to_itself_and_never_begins_like_a_formula(text: str) -> None:
    assert bared(guarded(text)) == text
    try:
        float(guarded(text))
    except ValueError:
        assert guarded(text)[:1] not in list("=+-@\t\r\n\uff1d")
    frame = pl.DataFrame({"a": [text, "b"], "n": [-1, 2]})
    assert bare(guard(frame)).equals(frame)
    assert guard(frame)["a"].to_list() == [guarded(text), "b"]


@pytest.mark.slow
def test_records_in_csv_are_safe_and_read_back(tmp_path: Path) -> None:
    values = json.dumps(LABELS)
    n = len(LABELS)
    text = f"records: {2 * n}\nvariables:\n  a: {{type: category, values: {values}}}\n  b: {{type: boolean}}\n"
    text += "  x: {type: integer, min: -9, max: -1}\n"
    text += f"targets: [{{table: {json.dumps([{'a': label, 'count': 2} for label in LABELS])}}}]\n"
    spec = parse_spec(text).placed_in(tmp_path)
    run = synthesize(spec)
    run.write(tmp_path / "o", format="csv")
    file = tmp_path / "o" / "records.csv"
    with open(file, encoding="utf-8", newline="") as opened:
        rows = list(csv.DictReader(opened))
    assert {row["a"] for row in rows} == {guarded(label) for label in LABELS}
    assert all(row["x"].startswith("-") for row in rows)  # numbers stay numbers
    for found in (run.measurement, measure_file(spec, file), remeasure(RunFolder(tmp_path / "o"))):
        assert found.met
    assert read_frame(file)["a"].to_list() == run.records["a"].cast(pl.String).to_list()
    sampled = parse_spec(text + "sample: {file: o/records.csv}").placed_in(tmp_path)
    assert not [finding for finding in check_all(sampled) if finding.severity == "error"]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["=1", "b"])])
def test_all_kinds_of_text_columns_are_guarded(dtype: pl.DataType) -> None:
    frame = pl.DataFrame({"a": pl.Series(["=1", "b", None], dtype=dtype)})
    assert guard(frame)["a"].to_list() == ["'=1", "b", None]
