"""Files that never end, swell, or are none: each is refused by name, with what it is or holds and what to do."""

import io
import os
import resource
import socket
import zipfile
from pathlib import Path

import openpyxl
import polars as pl
import pytest

from synthor import InputError, check, load_spec, parse_spec
from synthor.errors import Finding
from synthor.files import read_bytes, read_text
from synthor.llm.batch import BatchFolder
from synthor.llm.budget import Bill, Budget, Permit
from synthor.llm.journal import Journal
from synthor.llm.request import Request
from synthor.loop import check_all
from synthor.prior.model import load_prior
from synthor.spec.tables import files, read_frame
from synthor.spec.tables.records import free_memory
from synthor.store.folder import RunFolder

SPEC = "{records: 10, variables: {sex: {type: category, values: [a, b]}, old: {type: boolean}}"


def found(text: str, folder: Path) -> list[Finding]:
    spec = parse_spec(SPEC + text + "}").placed_in(folder)
    return [finding for finding in check_all(spec) if finding.severity == "error"]


def table_error(name: str, folder: Path) -> Finding:
    spec = parse_spec(f"{SPEC}, targets: [{{table: {name}}}]}}").placed_in(folder)
    (only,) = [finding for finding in check(spec) if finding.severity == "error"]
    return only


@pytest.fixture
def odd(tmp_path: Path) -> Path:
    """A folder with a pipe that nobody writes to, a link to a device without an end, a socket and a folder."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "device").symlink_to("/dev/zero")
    with socket.socket(socket.AF_UNIX) as made:
        here = Path.cwd()
        os.chdir(tmp_path)  # the name of a socket is short
        made.bind("socket")
        os.chdir(here)
    (tmp_path / "folder").mkdir()
    return tmp_path


ODD = [("pipe", "a pipe"), ("device", "a device"), ("socket", "a socket"), ("folder", "a folder")]


@pytest.mark.parametrize(("name", "what"), ODD)
def test_what_is_no_plain_file_is_refused_wherever_it_is_named(name: str, what: str, odd: Path) -> None:
    message = f"cannot be read: it is {what}"
    for ending in ("csv", "tsv", "xlsx", "parquet"):
        (odd / f"t.{ending}").symlink_to(odd / name)
        assert table_error(f"t.{ending}", odd).message == message
    for key in ("prior: t.csv", "sample: {file: t.csv}", "sample: {file: t.parquet}", "model: {name: 'replay:t.csv'}"):
        assert [finding.message for finding in found(f", {key}", odd)] == [message]
    with pytest.raises(InputError, match=message):
        load_spec(odd / name)
    with pytest.raises(InputError, match=message):
        load_prior(odd / name)
    with pytest.raises(InputError, match=message):
        read_frame(odd / "t.csv")
    for product in ("model.json", "answers.jsonl", "responses-0001.jsonl"):
        (odd / product).symlink_to(odd / name)
    with pytest.raises(InputError, match=message):
        RunFolder(odd).read("model.json")
    with pytest.raises(InputError, match=message):
        Journal(odd / "answers.jsonl")
    request = Request(stage="pairs", instructions="", question="?", schema={}, max_output_tokens=1)
    with pytest.raises(InputError, match=message):
        BatchFolder(odd).ask([request], Permit(Budget(), Bill), lambda answer: None)


def test_a_folder_whose_manifest_is_a_pipe_is_refused(odd: Path) -> None:
    (odd / "manifest.json").symlink_to(odd / "pipe")
    with pytest.raises(InputError, match="is no file, and a run writes one there"):
        RunFolder(odd).claim()
    with pytest.raises(InputError, match="is damaged, or no manifest"):
        RunFolder(odd).manifest()


def test_a_sample_is_looked_at_even_where_the_rest_is_wrong(tmp_path: Path) -> None:
    wrong = ", targets: [{counts: {sex: {a: 1, b: 1}}}], sample: {file: none.csv}"
    assert [finding.where for finding in found(wrong, tmp_path)] == ["targets[0]", "none.csv"]


def test_a_file_is_read_to_its_limit_whatever_it_says_of_its_size(tmp_path: Path) -> None:
    (tmp_path / "large").write_bytes(b"x" * 11)
    assert read_bytes(tmp_path / "large", most=11) == b"x" * 11
    for path in (tmp_path / "large", Path("/proc/self/maps")):  # which says that it holds nothing
        with pytest.raises(InputError, match=r"holds .* or more, and 10 bytes is the most that is read here"):
            read_bytes(path, most=10)
    (tmp_path / "ends").write_bytes(b"a\r\nb\rc\n")
    assert read_text(tmp_path / "ends", most=99) == (tmp_path / "ends").read_text(encoding="utf-8")


def workbook(folder: Path, cell: str) -> None:
    book = openpyxl.Workbook()
    sheet = book.active
    assert sheet is not None
    for row in (("sex", "count"), ("a", 4), ("b", 6)):
        sheet.append(row)
    sheet[cell] = 1
    book.save(folder / "t.xlsx")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("cell", "message"),
    [
        ("XFD1048576", "its cells reach so far that it takes more than 3.22 GB to read, or it is broken"),
        ("CV100001", "its cells reach to row 100,001 and column 100, and 10,000,000 cells are the most that is read"),
    ],
)
def test_a_cell_far_from_the_others_is_told(cell: str, message: str, tmp_path: Path) -> None:
    workbook(tmp_path, cell)
    assert table_error("t.xlsx", tmp_path).message == message


def test_a_workbook_that_swells_is_told_even_where_it_lies_about_its_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(files, "MOST_UNPACKED", 2_000_000)
    workbook(tmp_path, "A9")
    packed = io.BytesIO((tmp_path / "t.xlsx").read_bytes())
    with zipfile.ZipFile(packed, "a", zipfile.ZIP_DEFLATED) as bomb:
        bomb.writestr("bomb.xml", " " * 3_000_000)
    honest = packed.getvalue()
    lying = honest.replace((3_000_000).to_bytes(4, "little"), (30).to_bytes(4, "little"))
    assert lying != honest
    for content in (honest, lying):
        (tmp_path / "t.xlsx").write_bytes(content)
        assert table_error("t.xlsx", tmp_path).message == "unpacks to more than 2 MB, the most that is read of a workbook"


@pytest.mark.slow
def test_a_small_file_of_very_many_rows_is_told_before_it_is_read(tmp_path: Path) -> None:
    pl.select(sex=pl.repeat("a", 6_000_000), count=pl.repeat(1, 6_000_000)).write_parquet(tmp_path / "t.parquet")
    assert table_error("t.parquet", tmp_path).message == (
        "has 6,000,000 rows of 2 columns; 10,000,000 are the most that is read of a published table"
    )
    assert read_frame(tmp_path / "t.parquet").height == 6_000_000  # as records they are welcome


def test_a_text_of_very_many_fields_is_told_while_it_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "MOST_FIELDS", 1000)
    (tmp_path / "t.csv").write_text("sex,count\n" + "a,1\n" * 500, encoding="utf-8")
    assert table_error("t.csv", tmp_path).message.startswith("has more than 1,000 fields; 1,000 are the most")


def test_records_beyond_memory_are_refused_with_both_sizes(tmp_path: Path) -> None:
    (tmp_path / "r.csv").write_text("a\n1\n", encoding="utf-8")
    pl.select(a=pl.repeat(1, 1_000_000)).write_parquet(tmp_path / "r.parquet")
    with open(tmp_path / "r.csv", "r+b") as file:
        file.truncate(10 << 40)  # a file with a hole: nothing is on the disk
    free = free_memory()
    assert free is not None and free > 12_000_000
    with pytest.raises(InputError, match=r"holds 1\.1e\+04 GB of text, which take about .* of memory, and .* are free"):
        read_frame(tmp_path / "r.csv")
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    taken = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (taken + 10_000_000, hard))
    try:
        with pytest.raises(InputError, match="holds 1,000,000 rows of 1 columns, which take about 12 MB of memory"):
            read_frame(tmp_path / "r.parquet")
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert read_frame(tmp_path / "r.parquet").height == 1_000_000
