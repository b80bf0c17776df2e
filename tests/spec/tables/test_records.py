"""Records come back as they went out: what a CSV file holds is read by the spec's kinds, and each misfit is told in words."""

import json
import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from synthor import check, parse_spec, synthesize
from synthor.disclose import Settings, disclose
from synthor.errors import Finding, InputError, WaitingError
from synthor.evaluate.fidelity import evaluate
from synthor.loop import believe, check_all
from synthor.measure import measure
from synthor.problem import compile_problem
from synthor.run import measure_file, remeasure
from synthor.spec.model import Spec
from synthor.spec.tables import read_frame
from synthor.store.folder import RunFolder

LOOKALIKES = [
    "01001",
    "1001",
    "1.1",
    "1.10",
    "1.100",
    "1e3",
    "1000",
    "1000.0",
    "-0",
    "+5",
    ".5",
    "0x1f",
    "1_000",
    "True",
    "False",
]
LOOKALIKES += [
    "true1",
    "None",
    "NO",
    "NA",
    "N/A",
    "nan",
    "null",
    "inf",
    "-inf",
    "2024-01-01",
    "12:30",
    "'=1",
    "=1+1",
    "-5",
    "@a",
]
LOOKALIKES += ["~", "#x", "a, b", 'say "x"', '"', "line\nbreak", "c\r\nd", "two  blanks", "日本", "1,5", "1 000", "\tx", "x;y"]


def spec_of(labels: list[str], folder: Path, more: str = "") -> Spec:
    """Twice as many records as labels, two of each, with a boolean and both kinds of number beside them."""
    counts = json.dumps([{"code": label, "count": 2} for label in labels])
    return parse_spec(
        f"records: {2 * len(labels)}\nvariables:\n  code: {{type: category, values: {json.dumps(labels)}}}\n"
        "  car: {type: boolean}\n  rooms: {type: integer, min: -3, max: 5}\n"
        f"  pay: {{type: number, min: -9, max: 90, bins: [-9, 0, 9]}}\ntargets: [{{table: {counts}}}]\n{more}"
    ).placed_in(folder)


def errors(spec: Spec) -> list[Finding]:
    return [finding for finding in check_all(spec) if finding.severity == "error"]


def read_everywhere(labels: list[str], folder: Path) -> None:
    """Made as CSV, and read by all that read records."""
    spec = spec_of(labels, folder)
    run = synthesize(spec)
    run.write(folder / "o", format="csv")
    file = folder / "o" / "records.csv"
    assert run.measurement.met
    assert remeasure(RunFolder(folder / "o")).met
    assert measure_file(spec, file).met
    problem = compile_problem(spec)
    again = read_frame(file, variables=problem.schema.unit.variables)
    assert again.with_columns(pl.col("code").cast(pl.Enum(labels))).equals(run.records)
    assert evaluate(problem, again, run.records).copies.same_values == len(run.records)
    assert not errors(spec_of(labels, folder, "sample: {file: o/records.csv}"))


@pytest.mark.slow
def test_labels_that_look_like_something_else_come_back_from_csv(tmp_path: Path) -> None:
    read_everywhere(LOOKALIKES, tmp_path)


@pytest.mark.slow
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    labels=st.lists(
        st.text("01.eE+-',\"\n\r ;NanTruef=@", min_size=1, max_size=5).filter(str.strip),
        min_size=2,
        max_size=8,
        unique_by=lambda label: label.strip().casefold(),
    )
)
def test_any_labels_come_back_from_csv(labels: list[str], tmp_path_factory: pytest.TempPathFactory) -> None:
    read_everywhere(labels, tmp_path_factory.mktemp("records"))


def test_columns_of_other_kinds_are_read_by_theirs(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text('code,car,rooms,pay,w\n01,TRUE," 2","1e1","1.50"\n1.0,no,"",".5"," 2"\n', encoding="utf-8")
    variables = compile_problem(spec_of(["01", "1.0"], tmp_path)).schema.unit.variables
    frame = read_frame(tmp_path / "r.csv", variables=variables, weight="w")
    assert frame["code"].to_list() == ["01", "1.0"]
    assert [variable.encode(frame[variable.name]).tolist() for variable in variables[:2]] == [[0, 1], [1, 0]]
    assert frame.select("rooms", "pay", "w").rows() == [(2.0, 10.0, 1.5), (None, 0.5, 2.0)]


@pytest.mark.parametrize(
    ("labels", "column", "codes"),
    [
        (["1", "2", "3"], pl.Series("code", [3, 1, 2]), [2, 0, 1]),
        (["1", "2", "3"], pl.Series("code", [3.0, 1.0, 2.0]), [2, 0, 1]),
        (["True", "False"], pl.Series("code", [False, True]), [1, 0]),
        (["no", "yes"], pl.Series("code", [False, True]), [0, 1]),
        (["1.1", "1.10", "2"], pl.Series("code", [1.1, 2.0]), [-1, 2]),
        (["01001", "10010"], pl.Series("code", [1001, 10010]), [-1, 1]),
    ],
)
def test_parquet_with_numbers_for_labels(tmp_path: Path, labels: list[str], column: pl.Series, codes: list[int]) -> None:
    problem = compile_problem(spec_of(labels, tmp_path))
    others = {"car": [True] * len(codes), "rooms": [1] * len(codes), "pay": [1.0] * len(codes)}
    pl.DataFrame({"code": column, **others}).write_parquet(tmp_path / "r.parquet")
    frame = read_frame(tmp_path / "r.parquet", variables=problem.schema.unit.variables)
    assert problem.variables["code"].encode(frame["code"]).tolist() == codes
    if min(codes) < 0:
        with pytest.raises(InputError, match=r"keep codes as text"):
            measure(problem, {"records": frame})


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["01001", "01003", "10010"], ["01001", "01003", "10010"]),
        (["1.1", "1.10", "2.3"], ["1.1", "1.10", "2.3"]),
        (["1e3", "2", "3"], ["1e3", "2", "3"]),
        (["None", "NO", "NA"], ["NA", "NO", "None"]),
    ],
)
def test_codes_of_private_records_become_categories(tmp_path: Path, texts: list[str], values: list[str]) -> None:
    (tmp_path / "p.csv").write_text("code,w\n" + "".join(f"{text},1.0\n{text},1.00\n" for text in texts * 10), encoding="utf-8")
    made = disclose(read_frame(tmp_path / "p.csv", weight="w"), Settings(weight="w"))
    spec = parse_spec(made.files["spec.yaml"]).placed_in(tmp_path)
    assert sorted(spec.variables["code"].model_dump()["values"]) == sorted(values)
    (tmp_path / "tables").mkdir()
    (tmp_path / "tables" / "code.csv").write_text(made.files["tables/code.csv"], encoding="utf-8")
    assert not [finding for finding in check(spec) if finding.severity == "error"]


def test_numbers_of_private_records_stay_numbers(tmp_path: Path) -> None:
    (tmp_path / "p.csv").write_text('a,b,c,d\n1,0.50,true,"1"\n20,1.25,false,""\n-3,1e-05,true,"2"\n', encoding="utf-8")
    assert read_frame(tmp_path / "p.csv").dtypes == [pl.Int64, pl.Float64, pl.Boolean, pl.Int64]


# --- What check says of a sample, and run after it ---------------------------------------------------------------------------

SAMPLED = """
records: 100
variables:
  county: {type: category, values: ["01001", "01003"]}
  car: {type: category, values: ["no", "yes"]}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
targets: [{counts: {car: {"no": 60, "yes": 40}}}]
rules: [{never: "car = 'yes' and age < 18"}]
sample: {file: s.csv, weight: w}
"""
GOOD = "01001,no,30,1\n01003,yes,40,2\n"


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (
            "1001,no,3,1\n1001,no,3,1\n",
            "row 4: '1001' is no value of county (2 rows); did you mean '01001'? leading zeros were",
        ),
        ("01001,nope,3,1\n01001,yess,30,1\n", "row 5: 'yess' is no value of car (1 row); did you mean 'yes'?"),
        ("1001.0,no,30,1\n", "row 4: '1001.0' is no value of county (1 row); did you mean '01001'?"),
        (
            "1.001e3,no,30,1\n",
            "row 4: '1.001e3' is no value of county (1 row); did you mean '01001'? codes were read as numbers",
        ),
        ("01001,no,130,1\n", "row 4: '130' is no value of age (1 row); age goes from 0 to 99"),
        ("01001,no,30,1\n01001,,30,1\n01001,  ,30,1\n", "row 5: car is blank (2 rows); fill it in, or leave such records out"),
        ("01001,no,,1\n", "row 4: age is blank (1 row)"),
        ("01001,no,30,\n01001,no,30,\n", "row 4: weight 'w' is blank (2 rows); write 0"),
        ("01001,no,30,1\n01001,no,30,-1\n", "row 5: weight '-1' in 'w' is negative (1 row)"),
        ("01001,no,30,inf\n", "row 4: weight 'inf' in 'w' is infinite (1 row)"),
        ("01001,no,30,nan\n", "row 4: weight 'w' is blank (1 row)"),
        ("01001,no,30,many\n", "row 4: weight 'many' in 'w' is no number (1 row); write a plain number"),
    ],
)
def test_check_says_of_a_sample_what_run_says(tmp_path: Path, rows: str, said: str) -> None:
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}{rows}", encoding="utf-8")
    spec = parse_spec(SAMPLED).placed_in(tmp_path)
    found = [str(finding) for finding in errors(spec)]
    assert any(f"s.csv, {said}" in text for text in found), found
    with pytest.raises(InputError) as caught:
        synthesize(spec)
    assert [str(finding) for finding in caught.value.findings] == found
    broken = parse_spec(SAMPLED.replace("no: 60", "no: 61").replace('"no": 60', '"no": 61')).placed_in(tmp_path)
    assert set(found) < {str(finding) for finding in errors(broken)}  # all problems at once


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("county,car,age,w\n01001,no,3,0\n", "s.csv: all weights in 'w' are 0; name another column of weights, or none"),
        (
            "county,car,age,weight\n01001,no,3,1\n",
            "s.csv: has no column 'w', which weight names; known: county, car, age, weight",
        ),
        ("county,w\n01001,1\n", "s.csv: holds fewer than two of the variables; name its columns county, car, age"),
        ("county,car,age,w\n", "s.csv: holds no record, only a header"),
        ("county;car;w\n01001;no;1\n", "s.csv: has no column 'w'"),
    ],
)
def test_check_says_what_is_wrong_with_a_whole_sample(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "s.csv").write_text(content, encoding="utf-8")
    assert any(str(finding).startswith(said) for finding in errors(parse_spec(SAMPLED).placed_in(tmp_path)))


@pytest.mark.parametrize("name", ["nosuch.csv", "folder.csv", "pipe.csv", "/etc/passwd"])
def test_check_opens_no_sample_that_is_none(tmp_path: Path, name: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    os.mkfifo(tmp_path / "pipe.csv")
    (found,) = errors(parse_spec(SAMPLED.replace("s.csv", name)).placed_in(tmp_path))
    assert found.where == name


def test_cures_of_a_sample_cure(tmp_path: Path) -> None:
    spec = parse_spec(SAMPLED).placed_in(tmp_path)
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}1003,ys,30,1\n01001,no,30,\n", encoding="utf-8")
    assert len(errors(spec)) == 3
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}01003,yes,30,1\n01001,no,30,0\n", encoding="utf-8")
    assert not errors(spec)
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}01003,unknown,30,1\n", encoding="utf-8")
    assert not errors(parse_spec(SAMPLED.replace('["no", "yes"]', '["no", "yes", unknown]')).placed_in(tmp_path))


def test_sample_records_that_break_a_rule_are_told_with_their_number(tmp_path: Path) -> None:
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}01003,yes,7,1\n", encoding="utf-8")
    (told,) = [str(finding) for finding in check_all(parse_spec(SAMPLED).placed_in(tmp_path)) if finding.where == "s.csv"]
    assert told.startswith(
        "s.csv: 1 of 3 sample records break the rule never `car = 'yes' and age < 18` and are left out; correct"
    )


@pytest.mark.parametrize("verb", [synthesize, believe])
def test_no_model_is_asked_where_the_sample_cannot_be_used(tmp_path: Path, verb: Callable[..., object]) -> None:
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}01003,yess,30,1\n", encoding="utf-8")
    spec = parse_spec(SAMPLED + "model: {name: 'batch:ask'}\n").placed_in(tmp_path)
    with pytest.raises(InputError, match="'yess' is no value of car"):
        verb(spec, answers=tmp_path / "answers.jsonl")
    assert not list(tmp_path.rglob("*.jsonl"))
    (tmp_path / "s.csv").write_text(f"county,car,age,w\n{GOOD}01003,yes,30,1\n", encoding="utf-8")
    with pytest.raises(WaitingError):
        verb(spec, answers=tmp_path / "answers.jsonl")
