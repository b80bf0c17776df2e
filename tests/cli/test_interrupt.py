"""Ctrl-C ends a command with exit code 130 wherever it falls, also where other libraries forget it."""

import signal
import subprocess
import sys
from pathlib import Path
from types import FrameType

import pytest

from synthor.cli import main
from synthor.cli.interrupt import interruption

SPEC = """
records: 600000
variables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented]}}
targets: [{shares: {car: {yes: 60, no: 40}}}, {shares: {tenure: {owned: 50, rented: 50}}}]
"""


PLACES = 16
"""Moments of a run at which Ctrl-C is pressed."""


class Pressed:
    """Presses Ctrl-C at one of the calls of Python functions whose file and name fit, once a command has begun."""

    def __init__(self, at: int, file: str = "", name: str = "") -> None:
        self.at, self.file, self.name, self.calls, self.begun = at, file, name, 0, False

    def __call__(self, frame: FrameType, event: str, argument: object) -> None:
        code = frame.f_code
        self.begun |= code.co_name == "_ended"
        if self.begun and code.co_filename.endswith(self.file) and code.co_name.startswith(self.name):
            self.calls += 1
            if self.calls == self.at:
                signal.raise_signal(signal.SIGINT)


def run(spec: Path, out: Path, pressed: Pressed, monkeypatch: pytest.MonkeyPatch) -> object:
    """The exit code of `synthor run`, in this process."""
    monkeypatch.setattr(sys, "argv", ["synthor", "run", str(spec), "--out", str(out)])
    before = sys.gettrace()
    sys.settrace(pressed)
    try:
        with pytest.raises(SystemExit) as ended:
            main()
    finally:
        sys.settrace(before)
    return ended.value.code


@pytest.fixture
def spec(tmp_path: Path) -> Path:
    (tmp_path / "spec.yaml").write_text(SPEC)
    return tmp_path / "spec.yaml"


def test_a_press_that_numpy_forgets_ends_the_run_all_the_same(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    inside_numpy = Pressed(1, file="sparse/_base.py", name="__len__")
    assert run(spec, tmp_path / "out", inside_numpy, monkeypatch) == 130
    assert inside_numpy.calls
    assert "goes on from its model" in capsys.readouterr().err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {"prior.json", "model.json", "manifest.json"}


@pytest.mark.slow
def test_wherever_it_is_pressed_the_exit_code_is_130_and_nothing_half_written_stays(
    spec: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for _ in range(2):  # the first time all is loaded
        counted = Pressed(0)
        assert run(spec, tmp_path / "whole", counted, monkeypatch) == 0
    for number in range(PLACES):
        out = tmp_path / str(number)
        assert run(spec, out, Pressed(1 + counted.calls * number // PLACES), monkeypatch) == 130
        assert "Traceback" not in capsys.readouterr().err
        assert not [path for path in out.glob(".*") if path.exists()]
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_one_press_interrupts_once_and_a_second_one_what_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with interruption.noticed():
        try:
            raise KeyboardInterrupt  # as Polars does before Python has come to it
        except KeyboardInterrupt:
            signal.raise_signal(signal.SIGINT)
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
    assert interruption.noted


def test_where_interruptions_are_ignored_they_still_are() -> None:
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        with interruption.noticed():
            signal.raise_signal(signal.SIGINT)
            interruption.heed()
    finally:
        signal.signal(signal.SIGINT, usual)
    assert not interruption.noted


HEARS = """
import ctypes, sys
from synthor.cli.interrupt import interruption

def first():
    found = ctypes.create_string_buffer(256)
    ctypes.CDLL(None).sigaction(2, None, found)
    return found.raw[:8]

with interruption.noticed():
    ours = first()
    import polars
    theirs = first()
    interruption.claim()
    print(theirs != ours, first() == ours)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="who hears of a signal is asked as Linux tells it")
def test_polars_is_taken_out_of_the_line() -> None:
    done = subprocess.run([sys.executable, "-c", HEARS], capture_output=True, text=True, check=True)
    assert done.stdout == "True True\n"
