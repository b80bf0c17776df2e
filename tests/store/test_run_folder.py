import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from chunks import chunked
from synthor import load_spec, parse_spec
from synthor.errors import BugError, InputError, OutputError
from synthor.events import Event, ignore
from synthor.loop import synthesize
from synthor.prior.model import Dependency, Prior
from synthor.run import Population, draw, keeping, remeasure
from synthor.store.folder import RunFolder
from synthor.store.packed import Format, pack

SPEC = """
title: Cars and homes
records: 200
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
targets:
  - {table: car.csv}
  - {shares: {tenure: {owned: 50, rented: 50}}}
"""
BELIEFS = Prior(dependencies=[Dependency(given="tenure", of="car", rows=[[10, 90], [60, 40]], confidence=0.9)])
PRODUCTS = {"prior.json", "model.json", "records.parquet", "measurement.json", "manifest.json", "report.html"}


@pytest.fixture
def spec_file(tmp_path: Path) -> Path:
    (tmp_path / "car.csv").write_text("car,count\nno,60\nyes,140\n")
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def digests(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir() if path.name != "manifest.json"
    }


def test_a_run_folder_holds_every_product_and_nothing_else(spec_file: Path, tmp_path: Path) -> None:
    run = synthesize(load_spec(spec_file))
    measured = run.write(tmp_path / "out")
    assert measured.met
    assert {path.name for path in (tmp_path / "out").iterdir()} == PRODUCTS
    frame = pl.read_parquet(tmp_path / "out" / "records.parquet")
    assert frame.height == 200
    assert int(frame["car"].sum()) == 140
    assert run.records.equals(frame)
    assert run.verdict == measured.verdict


def test_the_manifest_tells_inputs_products_and_seed(spec_file: Path, tmp_path: Path) -> None:
    synthesize(load_spec(spec_file)).write(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["inputs"]["car.csv"] == hashlib.sha256((tmp_path / "car.csv").read_bytes()).hexdigest()
    for name, digest in manifest["products"].items():
        assert digest == hashlib.sha256((tmp_path / "out" / name).read_bytes()).hexdigest()
    assert manifest["random_seed"] == 0
    assert set(manifest["seconds"]) == {"elicit", "fit", "sample", "write"}
    assert manifest["usage"]["requests"] == 0


@pytest.mark.slow
def test_two_runs_give_the_same_bytes(spec_file: Path, tmp_path: Path) -> None:
    for name in ("one", "two"):
        synthesize(load_spec(spec_file), prior=BELIEFS).write(tmp_path / name)
    assert digests(tmp_path / "one") == digests(tmp_path / "two")


def test_beliefs_do_the_work_and_their_absence_is_said(spec_file: Path) -> None:
    believed, independent = synthesize(load_spec(spec_file), prior=BELIEFS), synthesize(load_spec(spec_file))
    renters = [run.records.filter(pl.col("tenure") == "rented")["car"].sum() for run in (believed, independent)]
    assert int(renters[0]) < 55
    assert int(renters[1]) > 65
    assert independent.measurement.beliefs.startswith("No beliefs were used")
    assert "1 dependency table" in believed.measurement.beliefs


@pytest.mark.slow
def test_csv_replaces_parquet_and_holds_the_same_records(spec_file: Path, tmp_path: Path) -> None:
    run = synthesize(load_spec(spec_file))
    run.write(tmp_path / "out")
    parquet = pl.read_parquet(tmp_path / "out" / "records.parquet")
    run.write(tmp_path / "out", format="csv")
    assert not (tmp_path / "out" / "records.parquet").exists()
    again = pl.read_csv(tmp_path / "out" / "records.csv")
    assert again["car"].equals(parquet["car"])
    assert again["tenure"].to_list() == parquet["tenure"].cast(pl.String).to_list()


def test_another_model_takes_the_old_records_away(spec_file: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    synthesize(load_spec(spec_file)).write(folder.path)
    other = synthesize(load_spec(spec_file), prior=BELIEFS).model
    folder.save_model(other.to_json())
    assert {path.name for path in folder.path.iterdir()} == {"prior.json", "model.json", "manifest.json"}


def test_a_failure_while_writing_leaves_what_was_there(spec_file: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    synthesize(load_spec(spec_file)).write(folder.path)
    before = digests(folder.path)
    with pytest.raises(KeyboardInterrupt), folder.edition() as new, new.writing(["records"], "parquet") as write:
        write(pack({"records": pl.DataFrame({"car": [True]})}, "parquet"))
        raise KeyboardInterrupt
    assert digests(folder.path) == before


def test_many_chunks_make_one_file(tmp_path: Path) -> None:
    formats: tuple[Format, ...] = ("parquet", "csv")
    for format in formats:
        folder = RunFolder(tmp_path / format)
        with folder.edition() as new, new.writing(["records"], format) as write:
            for start in range(0, 30, 10):
                write(pack({"records": pl.DataFrame({"x": range(start, start + 10)})}, format))
        read = pl.read_parquet if format == "parquet" else pl.read_csv
        assert read(folder.records("records"))["x"].to_list() == list(range(30))
        assert [path.name for path in folder.path.iterdir()] == [f"records.{format}"]


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(OutputError, match="choose another --out"):
        RunFolder(tmp_path / "out")


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("mine")
    with pytest.raises(OutputError, match="cannot be written"):
        RunFolder(tmp_path / "out")
    assert (tmp_path / "out").read_text() == "mine"


def test_a_folder_without_a_model_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"model\.json: cannot be read"):
        remeasure(RunFolder(tmp_path))


def test_records_edited_by_hand_are_measured_anew(spec_file: Path, tmp_path: Path) -> None:
    synthesize(load_spec(spec_file)).write(tmp_path / "out")
    path = tmp_path / "out" / "records.parquet"
    pl.read_parquet(path).with_columns(car=pl.lit(True)).write_parquet(path)
    assert not remeasure(RunFolder(tmp_path / "out")).met
    assert not json.loads((tmp_path / "out" / "measurement.json").read_text())["met"]


def test_another_number_of_records_is_remeasured_as_such(spec_file: Path, tmp_path: Path) -> None:
    model = synthesize(load_spec(spec_file)).model
    draw(model, 30).write(tmp_path / "out")
    assert remeasure(RunFolder(tmp_path / "out")).verdict.startswith("Met: 30 records")


def test_events_tell_each_stage_from_begin_to_end(spec_file: Path, tmp_path: Path) -> None:
    events: list[Event] = []
    synthesize(load_spec(spec_file), on_event=events.append).write(tmp_path / "out", on_event=events.append)
    assert list(dict.fromkeys(event.stage for event in events)) == ["elicit", "fit", "sample", "write"]
    for stage in ("elicit", "fit", "sample", "write"):
        last = [event for event in events if event.stage == stage][-1]
        assert last.done == last.total


def test_files_that_no_run_wrote_are_never_overwritten(spec_file: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine"
    mine.mkdir()
    for name in ("records.csv", "report.html", "prior.json"):
        (mine / name).write_text("mine")
    with pytest.raises(InputError, match=r"holds prior\.json, report\.html, records\.csv, which no run"):
        synthesize(load_spec(spec_file)).write(mine)
    assert {path.name: path.read_text() for path in mine.iterdir()} == dict.fromkeys(
        ("records.csv", "report.html", "prior.json"), "mine"
    )


def test_a_file_of_the_users_beside_an_earlier_run_is_not_overwritten_either(spec_file: Path, tmp_path: Path) -> None:
    run = synthesize(load_spec(spec_file))
    run.write(tmp_path / "out")
    (tmp_path / "out" / "records.csv").write_text("mine")
    with pytest.raises(InputError, match=r"records\.csv"):
        run.write(tmp_path / "out", format="csv")
    assert (tmp_path / "out" / "records.csv").read_text() == "mine"


def test_beliefs_that_lie_in_the_folder_stay_as_they_were_written(spec_file: Path, tmp_path: Path) -> None:
    text = '{"dependencies": [{"given": "tenure", "of": "car", "rows": [[10, 90], [60, 40]]}]}'
    (tmp_path / "prior.json").write_text(text)
    spec_file.write_text(SPEC + "prior: prior.json\n")
    run = synthesize(load_spec(spec_file))
    assert run.write(tmp_path).met
    assert (tmp_path / "prior.json").read_text() == text
    assert run.write(tmp_path).met


@pytest.mark.slow
def test_a_run_on_other_beliefs_may_follow_in_the_same_folder(spec_file: Path, tmp_path: Path) -> None:
    spec, out = load_spec(spec_file), tmp_path / "out"
    synthesize(spec).write(out)
    folder = RunFolder(out)
    folder.claim()
    believed = Prior(about="mine")
    synthesize(spec, prior=believed, on_event=keeping(folder, ignore)).write(out)
    assert (out / "prior.json").read_text() == believed.to_json()


def test_the_manifest_names_the_spec_and_the_beliefs(spec_file: Path, tmp_path: Path) -> None:
    synthesize(load_spec(spec_file)).write(tmp_path / "out")
    manifest = json.loads((tmp_path / "out" / "manifest.json").read_text())
    assert manifest["inputs"]["spec"] == hashlib.sha256(spec_file.read_bytes()).hexdigest()
    assert manifest["beliefs"].startswith("No beliefs were used")


@pytest.mark.slow
def test_the_model_is_the_same_on_any_number_of_cores(spec_file: Path) -> None:
    code = (
        "import sys, hashlib, synthor; from synthor.prior.model import Dependency, Prior; "
        "prior = Prior(dependencies=[Dependency(given='tenure', of='car', rows=[[10, 90], [60, 40]])]); "
        "print(synthor.synthesize(synthor.load_spec(sys.argv[1]), prior=prior).model.to_json())"
    )
    texts = [
        subprocess.run(
            [sys.executable, "-c", code, str(spec_file)],
            env={**os.environ, "OPENBLAS_NUM_THREADS": threads},
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        for threads in ("1", "2")
    ]
    assert texts[0] == texts[1]


@pytest.mark.slow
def test_a_run_that_was_killed_after_writing_records_goes_on_in_its_folder(spec_file: Path, tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "out")
    folder.claim()
    synthesize(load_spec(spec_file)).write(tmp_path / "out")
    claimed = RunFolder(tmp_path / "out")
    claimed.claim()
    (tmp_path / "out" / "records.csv").write_text("half of a run that was killed")
    (tmp_path / "out" / ".synthor-0123456789ab").write_text("left over")
    (tmp_path / "out" / ".synthor-cdef01234567").write_text("left over")
    synthesize(load_spec(spec_file)).write(tmp_path / "out")
    assert not (tmp_path / "out" / "records.csv").exists()
    assert not list((tmp_path / "out").glob(".*"))
    assert "unfinished" not in json.loads((tmp_path / "out" / "manifest.json").read_text())


MANY = """
records: 3000
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented]}
  persons: {type: integer, min: 1, max: 9, bins: [1, 2, 3]}
  income: {type: number, min: 0, max: 100, bins: [0, 50], decimals: 1}
targets:
  - {shares: {car: {yes: 70, no: 30}}}
rules: [{never: car and persons > 6}]
"""


def in_many_chunks() -> Population:
    run = synthesize(parse_spec(MANY))
    return replace(run, sample=chunked(run.sample, 700))


@pytest.mark.slow
@pytest.mark.parametrize("format", ["parquet", "csv"])
def test_many_chunks_give_the_same_bytes_whatever_the_number_of_cores(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, format: Format
) -> None:
    run = in_many_chunks()
    for n_cores in (1, 2, 5):
        monkeypatch.setattr(os, "cpu_count", lambda n=n_cores: n)
        assert run.write(tmp_path / str(n_cores), format=format).met
    assert digests(tmp_path / "1") == digests(tmp_path / "2") == digests(tmp_path / "5")
    read = pl.read_parquet if format == "parquet" else pl.read_csv
    assert read(tmp_path / "1" / f"records.{format}").height == 3000
    assert remeasure(RunFolder(tmp_path / "1")).met


@pytest.mark.slow
def test_a_folder_whose_name_is_a_pattern_takes_many_chunks(tmp_path: Path) -> None:
    run = in_many_chunks()
    (tmp_path / "out1").mkdir()
    run.write(tmp_path / "out[1]")
    run.write(tmp_path / "out[1]", format="csv")
    run.write(tmp_path / "out[1]")
    assert {path.name for path in (tmp_path / "out[1]").iterdir()} == PRODUCTS
    assert pl.scan_parquet(tmp_path / "out[1]" / "records.parquet", glob=False).collect().height == 3000
    assert not list((tmp_path / "out1").iterdir())


@pytest.mark.slow
def test_the_joined_file_is_the_chunks_one_after_another(tmp_path: Path) -> None:
    run = in_many_chunks()
    run.write(tmp_path)
    chunks = pl.concat([chunk["records"] for chunk in run.sample.chunks()])
    assert pl.read_parquet(tmp_path / "records.parquet").equals(chunks)
    filtered = pl.scan_parquet(tmp_path / "records.parquet").filter(pl.col("persons") > 6).select("car", "income").collect()
    assert filtered.equals(chunks.filter(pl.col("persons") > 6).select("car", "income"))  # statistics are each group's own


def test_tables_that_differ_never_become_one_file(tmp_path: Path) -> None:
    with (
        pytest.raises(BugError, match="differ in their columns"),
        RunFolder(tmp_path).edition() as new,
        new.writing(["records"], "parquet") as write,
    ):
        write(pack({"records": pl.DataFrame({"x": [1]})}, "parquet"))
        write(pack({"records": pl.DataFrame({"x": ["1"]})}, "parquet"))
    assert not list(tmp_path.iterdir())


def test_a_name_with_a_line_break_is_one_header(tmp_path: Path) -> None:
    with RunFolder(tmp_path).edition() as new, new.writing(["records"], "csv") as write:
        for x in (1, 2):
            write(pack({"records": pl.DataFrame({"a\nb": [x]})}, "csv"))
    assert pl.read_csv(tmp_path / "records.csv")["a\nb"].to_list() == [1, 2]


MEMORY = """
import resource, sys
from pathlib import Path
from synthor import parse_spec, synthesize
from synthor.run import draw
model = synthesize(parse_spec(Path(sys.argv[1]).read_text())).model
for n in (1_000_000, 4_000_000):
    draw(model, n).write(Path(sys.argv[2], str(n)))
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
"""


@pytest.mark.slow
def test_memory_does_not_grow_with_the_number_of_records(tmp_path: Path) -> None:
    """Three million records more would take 60 MB at least; 40 MB are allowed for the allocator's mood."""
    (tmp_path / "spec.yaml").write_text(MANY)
    command = [sys.executable, "-c", MEMORY, str(tmp_path / "spec.yaml"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    few, many = (int(peak) / 1024 for peak in done.stdout.split())
    assert many - few < 40
