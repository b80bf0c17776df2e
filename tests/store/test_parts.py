"""Records in one file an area: whole, read as one, gone on from after a kill."""

import hashlib
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import synthor
from synthor.disk.staged import NOTE, recover
from synthor.errors import InputError
from synthor.events import ignore
from synthor.store.packed import Format
from synthor.store.parts import file_names

SPEC = """
unit: household
records: 3000
random_seed: 3
variables:
  size: {type: integer, min: 1, max: 4, bins: [1, 2, 3, 4], from: count(person)}
members:
  person:
    number: {min: 1, max: 4}
    variables:
      age: {type: integer, min: 0, max: 95, bins: [0, 18, 65]}
zones: {key: taz, within: {tract: {"007": t/0, "08": t/0, b: .t1, c: .t1}}}
targets:
- {table: size.csv}
- rows: person
  table:
  - {tract: t/0, age: 0-17, count: 700}
  - {tract: t/0, age: 18-64, count: 1800}
  - {tract: t/0, age: 65-95, count: 550}
  - {tract: .t1, age: 0-17, count: 900}
  - {tract: .t1, age: 18-64, count: 1500}
  - {tract: .t1, age: 65-95, count: 400}
"""
SIZES = {"007": (300, 200, 100, 50), "08": (400, 300, 150, 100), "b": (350, 250, 150, 100), "c": (200, 200, 100, 50)}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> synthor.Run:
    return synthor.synthesize(written(tmp_path_factory.mktemp("spec")))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    written(tmp_path)
    return tmp_path


def written(folder: Path) -> Path:
    """The spec and its table in a folder."""
    rows = "".join(f"{zone},{size},{n}\n" for zone, counts in SIZES.items() for size, n in enumerate(counts, start=1))
    (folder / "size.csv").write_text(f"taz,size,count\n{rows}")
    (folder / "spec.yaml").write_text(SPEC)
    return folder / "spec.yaml"


@pytest.mark.slow
def test_all_files_together_are_the_records_and_each_holds_one_area(run: synthor.Run, folder: Path) -> None:
    measured = run.write(folder / "out", partition="taz")
    for level in ("household", "person"):
        files = sorted((folder / "out" / "by_taz" / level).iterdir())
        assert {file.name for file in files} == {"007.parquet", "08.parquet", "b.parquet", "c.parquet"}
        read = pl.read_parquet(folder / "out" / "by_taz" / level / "*.parquet").sort(f"{level}_id")
        assert read.cast(pl.String).equals(run.tables[level].sort(f"{level}_id").cast(pl.String))
    own = pl.read_parquet(folder / "out" / "by_taz" / "household" / "007.parquet")
    assert own["taz"].dtype == pl.String
    assert own["taz"].unique().to_list() == ["007"]
    persons = pl.read_parquet(folder / "out" / "by_taz" / "person" / "007.parquet")
    assert set(persons["household_id"]) == set(own["household_id"])
    again = synthor.open(folder / "out")
    assert again.measurement.to_json() == measured.to_json()
    assert again.tables["person"].height == run.tables["person"].height


@pytest.mark.slow
def test_another_partition_or_none_takes_the_place_of_the_first(run: synthor.Run, folder: Path) -> None:
    for partition, there in (("taz", ["by_taz"]), ("tract", ["by_tract"]), (None, ["household.parquet", "person.parquet"])):
        run.write(folder / "out", partition=partition)
        records = [
            path.name for path in (folder / "out").iterdir() if path.name.startswith(("by_", "household", "person", "."))
        ]
        assert sorted(records) == there
    run.write(folder / "out", partition="tract")
    assert {path.name for path in (folder / "out" / "by_tract" / "person").iterdir()} == {"t%2F0.parquet", "%2Et1.parquet"}


@pytest.mark.slow
def test_a_folder_of_somebody_else_is_left_alone(run: synthor.Run, folder: Path) -> None:
    (folder / "out" / "by_taz").mkdir(parents=True)
    (folder / "out" / "by_taz" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="was not written by synthor"):
        run.write(folder / "out", partition="taz")
    assert (folder / "out" / "by_taz" / "notes.txt").read_text() == "mine"


@pytest.mark.slow
@pytest.mark.parametrize(("partition", "format", "says"), [("nix", "parquet", "taz or tract"), ("taz", "csv", "as csv")])
def test_what_cannot_be_written_so_is_told(run: synthor.Run, folder: Path, partition: str, format: Format, says: str) -> None:
    with pytest.raises(InputError, match=says):
        run.write(folder / "out", partition=partition, format=format)


def test_names_of_files_are_told_apart_where_capitals_do_not_count() -> None:
    names = file_names(["a", "A", "_x", "%", "Straße", "x" * 300, "x" * 299 + "y", ""])
    assert len({name.casefold() for name in names.values()}) == 8
    assert all(len(name) < 140 and not name.startswith(("_", ".")) and "/" not in name for name in names.values())


CHUNKED = """
import sys
from dataclasses import replace
import numpy as np
import synthor

def write(spec, out, on_event):
    run = synthor.synthesize(spec)
    sample = run._made.sample
    places = replace(sample.arrangement.places, marks=np.array([650, 1600, 2450, 3000]))
    made = replace(run._made, sample=replace(sample, arrangement=replace(sample.arrangement, places=places)))
    made.write(out, partition="taz", on_event=on_event)
"""
"""A run in four chunks, here and where it is killed."""

KILLED = """
def tell(event):
    if event.stage == "write":
        print(event.done, flush=True)
        if event.done == int(sys.argv[3]):
            sys.stdin.read()

write(sys.argv[1], sys.argv[2], tell)
"""


def _run(folder: Path, out: str) -> None:
    known: dict[str, Any] = {}
    exec(CHUNKED, known)
    known["write"](folder / "spec.yaml", folder / out, ignore)


def _killed(folder: Path, out: str, after: int) -> None:
    """The same, killed once so many chunks are written."""
    command = [sys.executable, "-c", CHUNKED + KILLED, str(folder / "spec.yaml"), str(folder / out), str(after)]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdout is not None
    for line in process.stdout:
        if int(line) == after:
            process.send_signal(signal.SIGKILL)
            break
    process.communicate()


def _contents(folder: Path) -> dict[str, str]:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.mark.slow
def test_a_killed_run_goes_on_from_what_is_on_disk_and_makes_damaged_files_anew(folder: Path) -> None:
    _run(folder, "whole")
    _killed(folder, "out", 3)
    (staged,) = [path for path in (folder / "out").glob(".synthor-*") if path.is_dir()]
    lines = [json.loads(line) for line in (staged / "chunks.jsonl").read_text().splitlines()]
    assert [line["chunk"] for line in lines] == [0, 1]
    kept, damaged = staged / "person" / "007.parquet", staged / "household" / "08.parquet"
    stamp = kept.stat().st_mtime_ns
    damaged.write_bytes(damaged.read_bytes()[:-9])
    with open(staged / "chunks.jsonl", "a") as file:
        file.write('{"chunk": 2, "fil')
    time.sleep(0.02)
    _run(folder, "out")
    assert _contents(folder / "out") == _contents(folder / "whole")
    assert (folder / "out" / "by_taz" / "person" / "007.parquet").stat().st_mtime_ns == stamp
    assert not list((folder / "out").glob(".synthor-*"))


@pytest.mark.slow
def test_files_of_other_records_are_not_gone_on_from(folder: Path) -> None:
    _killed(folder, "out", 3)
    (folder / "spec.yaml").write_text(SPEC.replace("random_seed: 3", "random_seed: 4"))
    _run(folder, "out")
    _run(folder, "whole")
    assert _contents(folder / "out") == _contents(folder / "whole")


def test_what_a_kill_left_half_renamed_is_finished_and_nothing_that_has_its_name_goes(tmp_path: Path) -> None:
    """Old products go before the new ones of the same name appear: after a kill in between, the new ones must stay."""
    (tmp_path / "report.html").write_text("new")
    (tmp_path / ".synthor-aaaaaaaaaaaa").write_text("counts")
    (tmp_path / "measurement.json").write_text("old")
    (tmp_path / "by_taz").mkdir()
    (tmp_path / "by_taz" / "parts.json").write_text("{}")
    names = {
        ".synthor-bbbbbbbbbbbb": "report.html",
        ".synthor-aaaaaaaaaaaa": "measurement.json",
        ".synthor-cccccccccccc": "by_taz",
    }
    note = {"purpose": "", "fresh": False, "obsolete": ["report.html", "measurement.json", "by_taz"], "names": names}
    (tmp_path / NOTE).write_text(json.dumps(note))
    recover(tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "measurement.json", "by_taz"}
    assert (tmp_path / "report.html").read_text() == "new"
    assert (tmp_path / "measurement.json").read_text() == "counts"
    assert (tmp_path / "by_taz" / "parts.json").is_file()
