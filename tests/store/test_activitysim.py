"""`synthor export`: records in files as PopulationSim names them, for ActivitySim to read."""

from pathlib import Path

import polars as pl
import pytest

from forked import synthor
from synthor import InputError, compile_problem, parse_spec
from synthor.store.activitysim import synthetic_tables

HOMES = """
unit: household
records: 4
variables:
  persons: {from: count(person), bins: [1, 2]}
  car: {type: boolean}
members:
  person:
    number: {min: 1, max: 2}
    variables: {age: {type: integer, min: 0, max: 99, bins: [0, 18]}}
targets:
  - {counts: {persons: {"1": 2, "2+": 2}}}
  - {counts: {car: {"yes": 1, "no": 3}}}
"""
ZONES = """
unit: household
records: 3
variables: {car: {type: boolean}}
zones: {key: TAZ, within: {TRACT: {a: north, "=b": north}}}
targets:
  - {table: [{TAZ: a, car: yes, count: 1}, {TAZ: a, car: no, count: 0}, {TAZ: "=b", car: yes, count: 0},
             {TAZ: "=b", car: no, count: 2}]}
"""


def run(spec: str, folder: Path) -> Path:
    (folder / "spec.yaml").write_text(spec, encoding="utf-8")
    assert synthor("run", folder / "spec.yaml", "--out", folder / "out").returncode == 0
    return folder / "out"


@pytest.mark.slow
def test_households_and_persons_have_keys_from_1_and_persons_a_number(tmp_path: Path) -> None:
    out = run(HOMES, tmp_path)
    before = {path.name: path.read_bytes() for path in out.iterdir()}
    done = synthor("export", out, "--out", tmp_path / "data")
    assert done.returncode == 0, done.stderr
    homes = pl.read_csv(tmp_path / "data" / "synthetic_households.csv")
    persons = pl.read_csv(tmp_path / "data" / "synthetic_persons.csv")
    assert homes.columns == ["household_id", "persons", "car"]
    assert persons.columns == ["person_id", "household_id", "per_num", "age"]
    assert homes["household_id"].to_list() == [1, 2, 3, 4]
    assert persons["person_id"].to_list() == [1, 2, 3, 4, 5, 6]
    assert persons.group_by("household_id").len().sort("household_id")["len"].to_list() == homes["persons"].to_list()
    assert sorted(persons["per_num"]) == [1, 1, 1, 1, 2, 2]
    assert {path.name: path.read_bytes() for path in out.iterdir() if path.name in before} == before


@pytest.mark.slow
def test_zones_and_the_areas_around_them_come_after_the_key_and_no_spreadsheet_runs_one(tmp_path: Path) -> None:
    out = run(ZONES, tmp_path)
    assert synthor("export", out, "--out", tmp_path / "data").returncode == 0
    text = (tmp_path / "data" / "synthetic_households.csv").read_text(encoding="utf-8")
    assert text == "household_id,TAZ,TRACT,car\n1,a,north,true\n2,'=b,north,false\n3,'=b,north,false\n"


def test_persons_lie_where_their_households_lie() -> None:
    schema = compile_problem(parse_spec(HOMES)).schema
    made = {
        "household": pl.DataFrame({"household_id": [5, 6], "persons": [1, 2], "car": [True, False], "TAZ": ["b", "a"]}),
        "person": pl.DataFrame({"person_id": [1, 2, 3], "household_id": [6, 5, 6], "age": [3, 4, 5]}),
    }
    persons = synthetic_tables(made, schema, ["TAZ"])["synthetic_persons.csv"]
    assert persons.rows() == [(1, 2, "a", 1, 3), (2, 1, "b", 1, 4), (3, 2, "a", 2, 5)]


@pytest.mark.slow
def test_what_is_there_is_not_overwritten(tmp_path: Path) -> None:
    out = run(ZONES, tmp_path)
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "synthetic_households.csv").write_text("mine", encoding="utf-8")
    done = synthor("export", out, "--out", tmp_path / "data")
    assert done.returncode == 2
    assert "is not overwritten" in done.stderr
    assert (tmp_path / "data" / "synthetic_households.csv").read_text(encoding="utf-8") == "mine"


@pytest.mark.slow
def test_records_that_are_no_households_and_folders_without_records_are_refused(tmp_path: Path) -> None:
    schema = compile_problem(parse_spec("{records: 2, variables: {car: {type: boolean}}}")).schema
    with pytest.raises(InputError, match="say `unit: household` in the spec"):
        synthetic_tables({"records": pl.DataFrame({"car": [True]})}, schema)
    (tmp_path / "spec.yaml").write_text(ZONES, encoding="utf-8")
    assert synthor("fit", tmp_path / "spec.yaml", "--out", tmp_path / "out").returncode == 0
    done = synthor("export", tmp_path / "out", "--out", tmp_path / "data")
    assert (done.returncode, (tmp_path / "data").exists()) == (2, False)
    assert "holds no household.parquet" in done.stderr
