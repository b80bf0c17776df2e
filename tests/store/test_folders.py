"""One command at a time writes into a folder, what it leaves can be healed, and damage is named."""

import gzip
import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from forked import Forked
from model_server import KEY, Reply, by_schema, serving
from synthor import load_spec, synthesize
from synthor.cli import main
from synthor.disk.lock import FILE, heal, locked
from synthor.disk.staged import NOTE, Staged
from synthor.errors import InputError, OutputError
from synthor.llm.journal import Journal
from synthor.spec.tables import read_frame
from synthor.store.folder import RunFolder
from synthor.store.fresh import fresh

SPEC = """
records: 20
variables: {car: {type: boolean}, home: {type: category, values: [owned, rented]}}
targets: [{counts: {car: {yes: 12, no: 8}}}, {counts: {home: {owned: 12, rented: 8}}}]
"""
HOLDER = """
import sys, time
from pathlib import Path
sys.argv = ["synthor", "run", "spec.yaml"]
from synthor.disk.lock import locked
with locked(Path({folder!r})):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a spec and a finished run."""
    (tmp_path / "spec.yaml").write_text(SPEC)
    synthesize(load_spec(tmp_path / "spec.yaml")).write(tmp_path / "out")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@contextmanager
def held(folder: Path) -> Iterator["subprocess.Popen[str]"]:
    """A folder whose lock another process has."""
    command = [sys.executable, "-c", HOLDER.format(folder=str(folder))]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        try:
            yield process
        finally:
            process.kill()


def ended(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    """Exit code and errors of a command, as typed; lines are joined."""
    monkeypatch.setattr(sys, "argv", ["synthor", *arguments])
    with pytest.raises(SystemExit) as end:
        main()
    told = capsys.readouterr()
    return int(end.value.code or 0), " ".join((told.out + told.err).split())


@pytest.mark.slow
def test_whoever_holds_a_folder_is_named_and_one_that_died_is_taken_over(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / "people.csv").write_text("sex,age\n" + "m,20\nf,30\n" * 30)
    with held(place / "out") as other:
        for arguments in (
            ("run", "spec.yaml", "--out", "out"),
            ("fit", "spec.yaml", "--out", "out"),
            ("sample", "out", "-n", "5"),
            ("measure", "out"),
            ("measure", "out", "--of", "car"),
            ("init", "--from", "people.csv", "out"),
            ("init", ".", "--out", "out/new.yaml"),
        ):
            code, told = ended(monkeypatch, capsys, *arguments)
            assert code == 2
            assert f"process {other.pid} on {socket.gethostname()}, since 20" in told
            assert "synthor run spec.yaml; wait until it has ended, or give --wait" in told
        (place / "out" / ".synthor-0123456789ab").write_text("of a command that is alive")
        assert ended(monkeypatch, capsys, "evaluate", "out", "--against", "people.csv", "--spec", "spec.yaml")[0] in (0, 2)
        assert (place / "out" / ".synthor-0123456789ab").exists()
        other.send_signal(signal.SIGKILL)
        other.wait()
        assert (place / "out" / FILE).exists()
        assert ended(monkeypatch, capsys, "measure", "out")[0] == 0
    assert not list((place / "out").glob(".*"))


@pytest.mark.slow
def test_a_command_waits_when_it_is_told_to(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    with held(place / "out") as other:
        threading.Timer(1.5, other.kill).start()
        begin = time.monotonic()
        code, told = ended(monkeypatch, capsys, "sample", "out", "-n", "5", "--wait")
        assert time.monotonic() - begin > 1
    assert code == 0
    assert f"another command is writing there: process {other.pid}" in told
    assert "Met: 5 records" in told


@pytest.mark.slow
def test_draws_wait_too_and_whoever_waits_says_for_whom(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    draw = place / "out" / "draws" / "001"
    with held(draw) as other:
        code, told = ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "out", "--draws", "1")
        assert (code, f"process {other.pid} " in told) == (2, True)
        threading.Timer(1.5, other.kill).start()
        code, told = ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "out", "--draws", "1", "--wait")
    assert code == 0
    assert f"Note: {Path('out/draws/001')}: another command is writing there: process {other.pid} " in told
    assert "waiting for its end" in told


@pytest.mark.slow
def test_from_python_too_it_is_told_whom_a_run_waits_for(place: Path) -> None:
    told: list[str] = []
    run = synthesize(load_spec(place / "spec.yaml"))
    with held(place / "out") as other:
        threading.Timer(1.5, other.kill).start()
        run.write(place / "out", wait=True, on_event=lambda event: told.append(event.told))
    assert any(f"process {other.pid} " in text and "waiting for its end" in text for text in told)


def test_a_folder_is_held_against_other_threads_and_open_to_its_own(tmp_path: Path) -> None:
    found: list[Exception] = []

    def other() -> None:
        try:
            RunFolder(tmp_path).save("prior.json", "theirs")
        except InputError as error:
            found.append(error)

    with locked(tmp_path), locked(tmp_path):
        thread = threading.Thread(target=other)
        thread.start()
        thread.join()
        RunFolder(tmp_path).save("prior.json", "ours")
    assert f"process {os.getpid()} " in str(found[0])
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {"prior.json": "ours"}


def test_a_lock_of_another_machine_counts_where_the_system_cannot_know(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_text('{"process": 1, "host": "elsewhere", "since": "yesterday", "command": "synthor run"}')
    with monkeypatch.context() as changed:
        changed.setattr("synthor.disk.lock._kind_of", lambda folder: "nfs4")
        with (
            pytest.raises(InputError, match=r"process 1 on elsewhere, since yesterday.*alive any more, delete .*lock"),
            locked(tmp_path),
        ):
            pass
    with locked(tmp_path):  # this file system is one machine's
        assert json.loads((tmp_path / FILE).read_text())["process"] == os.getpid()


def test_without_locks_of_the_system_whoever_made_the_file_has_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("synthor.disk.lock.fcntl", None)
    with locked(tmp_path):
        assert (tmp_path / FILE).exists()
    (tmp_path / FILE).write_text("{}")
    with pytest.raises(InputError, match="has not said who it is"), locked(tmp_path):
        pass


@pytest.mark.slow
def test_two_runs_at_once_pay_for_no_question_twice(tmp_path: Path) -> None:
    def slow(number: int, body: dict[str, object]) -> Reply:
        reply = by_schema(number, body)
        reply.delay = 0.2
        return reply

    with serving(slow) as server:
        (tmp_path / "spec.yaml").write_text(SPEC + f"model: {{name: '{server.model}'}}\n")
        command = ["run", "spec.yaml", "--out", "out"]
        both = [
            Forked([*command, *more], tmp_path / f"told{i}", folder=tmp_path, environment={"OPENAI_API_KEY": KEY})
            for i, more in enumerate(([], ["--wait"]))
        ]
        codes = sorted(run.result()[0] for run in both)
        asked = [json.dumps(body["messages"]) for body in server.bodies]
    assert codes in ([0, 0], [0, 2])
    assert len(asked) == len(set(asked)) > 0
    assert (tmp_path / "out" / "report.html").exists()
    assert not list((tmp_path / "out").glob(".*"))


@pytest.mark.slow
def test_from_python_too_nobody_asks_into_answers_that_another_process_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as server:
        (tmp_path / "spec.yaml").write_text(SPEC + f"model: {{name: '{server.model}'}}\n")
        spec = load_spec(tmp_path / "spec.yaml")
        with held(tmp_path / "out"), pytest.raises(InputError, match="another command is writing there"):
            synthesize(spec, answers=tmp_path / "out" / "answers.jsonl")
        assert server.bodies == []


def test_a_note_finishes_what_was_begun_and_names_nothing_elsewhere(tmp_path: Path) -> None:
    (tmp_path / "in").mkdir()
    staged = Staged(tmp_path / "in")
    staged.write("a.csv", "new")
    (temporary,) = staged.places.values()
    note = {"purpose": "", "fresh": False, "obsolete": ["old.csv"], "names": {temporary.name: "a.csv"}}
    (tmp_path / "in" / "old.csv").write_text("old")
    (tmp_path / "in" / NOTE).write_text(json.dumps(note))
    heal(tmp_path / "in")
    assert {path.name: path.read_text() for path in (tmp_path / "in").iterdir()} == {"a.csv": "new"}
    (tmp_path / "mine").write_text("mine")
    notes: list[object] = [
        {**note, "obsolete": ["../mine"]},
        {**note, "obsolete": [str(tmp_path / "mine")]},
        {**note, "names": {"../mine": "a.csv"}},
        {**note, "names": {temporary.name: "../mine"}},
        [],
        None,
    ]
    for strange in notes:
        (tmp_path / "in" / NOTE).write_text(json.dumps(strange))
        with pytest.raises(InputError, match=r"delete it, and run that command again"), locked(tmp_path / "in"):
            pass
    assert (tmp_path / "mine").read_text() == "mine"


def test_new_files_appear_together_and_never_over_a_persons(tmp_path: Path) -> None:
    (tmp_path / "tables").write_text("a file where a folder should be")
    with pytest.raises(OutputError, match="tables is no folder"), fresh(tmp_path) as target:
        target.write({"spec.yaml": "a", "tables/a.csv": "b"})
    assert [path.name for path in tmp_path.iterdir()] == ["tables"]
    staged = Staged(tmp_path, fresh=True)
    staged.write("spec.yaml", "ours")
    (tmp_path / "spec.yaml").write_text("mine, written meanwhile")
    staged.appear()
    assert (tmp_path / "spec.yaml").read_text() == "mine, written meanwhile"


@pytest.mark.slow
def test_files_are_for_whom_the_umask_allows(place: Path) -> None:
    before = os.umask(0o077)
    try:
        synthesize(load_spec(place / "spec.yaml")).write(place / "private")
        with fresh(place / "new") as target:
            target.write({"tables/a.csv": "a"})
    finally:
        os.umask(before)
    files = [path for name in ("private", "new") for path in (place / name).rglob("*") if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in files} == {0o600}
    assert (place / "out" / "model.json").stat().st_mode & 0o777 == 0o666 & ~before


DEEP = "[" * 100_000


@pytest.mark.slow
@pytest.mark.parametrize("text", ["null", "[]", "{}", DEEP, b"\xff{}", '{"products": {}, "records": [1]}'], ids=repr)
def test_a_damaged_manifest_is_named_and_healed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str | bytes
) -> None:
    manifest = place / "out" / "manifest.json"
    manifest.write_bytes(text if isinstance(text, bytes) else text.encode())
    code, told = ended(monkeypatch, capsys, "measure", "out")
    assert code == 2
    assert "out/manifest.json: is damaged, or no manifest of a run; run the same" in told
    assert ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "out")[0] == 0
    assert ended(monkeypatch, capsys, "measure", "out")[0] == 0


@pytest.mark.slow
@pytest.mark.parametrize(
    "damage", [b"\xff\xfe", DEEP.encode(), b"null", b'{"format": 2}', "loop"], ids=["utf-8", "deep", "null", "bare", "loop"]
)
def test_a_damaged_model_is_named_and_healed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], damage: bytes | str
) -> None:
    model = place / "out" / "model.json"
    if isinstance(damage, bytes):
        model.write_bytes(damage)
    else:  # as good as forbidden, to root too
        model.unlink()
        model.symlink_to(model)
    for verb in ("sample", "measure"):
        code, told = ended(monkeypatch, capsys, verb, "out")
        assert code == 2
        assert "out/model.json: " in told
    assert ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "out")[0] == 0
    assert ended(monkeypatch, capsys, "measure", "out")[0] == 0


def test_beliefs_that_cannot_be_read_are_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    real = place / "out" / "prior.json"
    opened = open

    def forbidden(path: object, *rest: object, **more: object) -> object:
        if str(path).endswith("prior.json"):
            raise PermissionError(13, "Permission denied", str(path))
        return opened(path, *rest, **more)  # type: ignore[call-overload]

    monkeypatch.setattr("builtins.open", forbidden)
    code, told = ended(monkeypatch, capsys, "sample", "out", "-n", "5")
    assert (code, real.exists()) == (2, True)
    assert "out/prior.json: cannot be read: Permission denied; allow yourself to read it, or move it away" in told


@pytest.mark.slow
@pytest.mark.parametrize(
    "text", ["null", DEEP, "{}", '{"tables": 3, "calibration": null}'], ids=["null", "deep", "empty", "wrong"]
)
def test_a_damaged_holdout_is_told_and_healed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (place / "out" / "holdout.json").write_text(text)
    manifest = place / "out" / "manifest.json"
    manifest.write_text(
        json.dumps(said | {"products": said["products"] | {"holdout.json": ""}})
        if (said := json.loads(manifest.read_text()))
        else ""
    )
    code, told = ended(monkeypatch, capsys, "measure", "out")
    assert code == 0
    assert "out/holdout.json is damaged, so what holding out showed is not told" in told
    assert "is damaged, so what" in (place / "out" / "report.html").read_text()
    ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "out")
    assert not (place / "out" / "holdout.json").exists()
    assert "damaged" not in ended(monkeypatch, capsys, "measure", "out")[1]


def test_a_damaged_draw_is_none(place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    (place / "out" / "draws" / "001").mkdir(parents=True)
    (place / "out" / "draws" / "001" / "draw.json").write_text(DEEP)
    code, told = ended(monkeypatch, capsys, "measure", "out", "--of", "car")
    assert code == 0
    assert "There are no draws beside out" in told


def test_a_manifest_of_something_else_is_never_overwritten(place: Path) -> None:
    for text in ('{"name": "a web page", "icons": []}', "not JSON"):
        (place / "web").mkdir(exist_ok=True)
        (place / "web" / "manifest.json").write_text(text)
        with pytest.raises(InputError, match=r"holds manifest\.json, which no run of synthor wrote there"):
            synthesize(load_spec(place / "spec.yaml")).write(place / "web")
        assert {path.name: path.read_text() for path in (place / "web").iterdir()} == {"manifest.json": text}


@pytest.mark.parametrize("name", ["records.parquet", "records.csv", "report.html", "manifest.json", "model.json"])
def test_a_folder_where_a_file_should_be_is_named(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    (place / "other" / name).mkdir(parents=True)
    code, told = ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "other")
    assert code == 2
    assert f"other/{name}: is no file, and a run writes one there; move it away, or choose another folder with --out" in told


@pytest.mark.slow
def test_a_name_that_no_folder_can_have_is_told(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    long = "o" * 300
    for arguments in (
        ("run", "spec.yaml", "--out", long),
        ("sample", "out", "--out", long),
        ("sample", long),
        ("measure", long),
        ("init", ".", "--out", f"{long}/a.yaml"),
        ("init", ".", "--out", f"{long}.yaml"),
    ):
        code, told = ended(monkeypatch, capsys, *arguments)
        assert code == 2
        assert "File name too long" in told
    with pytest.raises(InputError, match="nothing can have a name of 300 characters"):
        synthesize(load_spec("spec.yaml")).write(long)
    with pytest.raises(OutputError, match="cannot be written: File name too long"), fresh(place / "new") as target:
        target.write({f"{long}.csv": ""})
    (place / "people.csv").write_text("sex,age\n" + "m,20\nf,30\n" * 30)
    for arguments in (
        ("run", "spec.yaml", "--out", ""),
        ("sample", "out", "--out", ""),
        ("sample", ""),
        ("measure", ""),
        ("init", ""),
        ("init", "--from", "people.csv", ""),
        ("init", ".", "--out", ""),
    ):
        code, told = ended(monkeypatch, capsys, *arguments)
        assert code == 2
        assert "it is empty" in told
    with pytest.raises(InputError, match="the folder to write: its name is empty"):
        synthesize(load_spec("spec.yaml")).write("")
    assert {path.name for path in place.iterdir()} == {"spec.yaml", "out", "people.csv"}


def test_a_lock_that_is_a_link_or_a_pipe_overwrites_nothing(place: Path) -> None:
    (place / "victim").write_text("precious")
    (place / FILE).symlink_to(place / "victim")
    heal(place)
    with pytest.raises(InputError, match="is no lock, but a link"), locked(place):
        pass
    (place / FILE).unlink()
    os.mkfifo(place / FILE)
    with pytest.raises(InputError, match="is no lock, but a link"), locked(place):
        pass
    (place / FILE).unlink()
    (place / FILE).hardlink_to(place / "victim")
    with pytest.raises(InputError, match="is no lock, but a link"), locked(place):
        pass
    assert (place / "victim").read_text() == "precious"


@pytest.mark.parametrize("name", [FILE, NOTE])
@pytest.mark.parametrize(
    "arguments",
    [
        ("run", "spec.yaml", "--out", "out"),
        ("sample", "out"),
        ("measure", "out"),
        ("init", "tables", "--out", "out/new.yaml"),
    ],
    ids=" ".join,
)
def test_a_folder_in_the_way_of_what_keeps_order_is_named_with_its_cure(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, arguments: tuple[str, ...]
) -> None:
    (place / "out" / name).mkdir()
    code, told = ended(monkeypatch, capsys, *arguments)
    assert code == 2
    assert f"out/{name}: is" in told
    assert "a folder, and in the way of every command that writes there; move it away or delete it" in told
    assert list((place / "out").glob(".*")) == [place / "out" / name]


def test_folders_that_are_called_like_temporary_files_stay(place: Path) -> None:
    (place / ".synthor-0123456789ab").mkdir()
    with locked(place):
        pass
    assert (place / ".synthor-0123456789ab").is_dir()


@pytest.mark.parametrize(
    "arguments",
    [
        ("init", "nowhere", "--out", "new/deeper/spec.yaml"),
        ("init", "--from", "nowhere.csv", "new/deeper"),
        ("check", "new/deeper/spec.yaml", "--reconcile"),
        ("check", "new/deeper/spec.yaml", "--fix-labels"),
    ],
    ids=" ".join,
)
def test_a_command_that_fails_leaves_no_folder_that_was_not_there(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    assert ended(monkeypatch, capsys, *arguments)[0] == 2
    assert not (place / "new").exists()
    (place / "new").mkdir()
    assert ended(monkeypatch, capsys, *arguments)[0] == 2
    assert not list((place / "new").iterdir())


@pytest.mark.slow
def test_beliefs_larger_than_any_that_are_read_are_refused_before_they_are_hashed(
    place: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    os.truncate(place / "out" / "prior.json", 300 * 10**9)
    begin = time.monotonic()
    code, told = ended(monkeypatch, capsys, "run", "spec.yaml", "--out", "out")
    assert code == 2
    assert "out/prior.json: holds 300 GB or more, and 268 MB is the most that is read here" in told
    (place / "out" / "prior.json").unlink()
    (place / "out" / "ranges.html").write_text("")
    os.truncate(place / "out" / "ranges.html", 300 * 10**9)
    assert "out/ranges.html: holds 300 GB or more" in ended(monkeypatch, capsys, "measure", "out")[1]
    assert time.monotonic() - begin < 20


@pytest.mark.parametrize("name", ["link/precious", "a\0", "a\ud800", "..\\precious", "C:/precious", "../home/precious"])
def test_a_note_names_nothing_outside_of_its_folder(place: Path, name: str) -> None:
    (place / "home").mkdir()
    (place / "home" / "precious").write_text("precious")
    (place / "inner").mkdir()
    (place / "inner" / "link").symlink_to(place / "home")
    note = {"purpose": "", "fresh": False, "obsolete": [name], "names": {}}
    (place / "inner" / NOTE).write_text(json.dumps(note))
    heal(place / "inner")
    with pytest.raises(InputError, match="does not say which files"), locked(place / "inner"):
        pass
    assert (place / "home" / "precious").read_text() == "precious"


def test_a_damaged_journal_is_not_healed_into_a_pipe(place: Path) -> None:
    (place / "answers.jsonl").write_text(json.dumps({"synthor": "answers"}) + "\n{cut off\n")
    os.mkfifo(place / "answers.damaged.jsonl")
    with pytest.raises(InputError, match="it is a pipe"):
        Journal(place / "answers.jsonl")
    (place / "answers.damaged.jsonl").unlink()
    assert len(Journal(place / "answers.jsonl").damage) > 0
    assert not list(place.glob(".synthor-*"))


def test_records_that_are_packed_are_refused(place: Path) -> None:
    (place / "r.csv").write_bytes(gzip.compress(b"car\nyes\n" * 1_000))
    with pytest.raises(InputError, match="is compressed, though it is called"):
        read_frame(place / "r.csv")


@pytest.mark.slow
@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device")
def test_an_output_that_is_full_is_told(place: Path) -> None:
    command = [sys.executable, "-c", "from synthor.cli import main; main()", "spec", "spec.yaml"]
    with open("/dev/full", "w") as full:
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, check=False, cwd=place)
    assert done.returncode == 2
    assert "the output cannot be written: No space left" in done.stderr


def test_names_of_records_are_no_patterns(place: Path) -> None:
    (place / "r[1].csv").write_text("car\nyes\n")
    (place / "r1.csv").write_text("car\nno\n")
    assert read_frame(place / "r[1].csv")["car"].to_list() == ["yes"]
