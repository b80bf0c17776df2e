"""Commands in processes of their own that need not load everything anew, and that can be killed at any change of the disk.

One process loads the modules and does nothing else; every command is a fork of it.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from contextlib import suppress
from functools import cache
from multiprocessing import forkserver
from multiprocessing.context import ForkServerContext, ForkServerProcess
from pathlib import Path
from typing import Any

LOADED = [
    "__main__",
    "forked",
    "synthor.cli",
    "synthor.disclose",
    "synthor.draft.infer",
    "synthor.draws.asked",
    "synthor.draws.make",
    "synthor.draws.told",
    "synthor.holdout",
    "synthor.llm.provider",
    "synthor.reconcile",
    "synthor.report.corrections",
    "synthor.report.held_out",
    "synthor.report.progress",
    "synthor.report.ranges",
    "synthor.report.terminal",
    "synthor.scenario",
    "synthor.store.fresh",
    "pydantic_ai.models.openai",
    "scipy.optimize",
    "scipy.sparse.linalg",
    "threadpoolctl",
    "warmed",
]
ROOT = Path(__file__).parents[1]
ONE_THREAD = ("OPENBLAS_NUM_THREADS", "POLARS_MAX_THREADS")
LONGEST = 120.0
"""Seconds after which a command hangs."""

CHANGES = ("os.rename", "os.remove", "os.mkdir", "os.rmdir", "os.truncate", "os.link", "os.symlink")
"""What Python says before it does it, besides opening a file to write."""


class Forked:
    """A command that runs.

    Args:
        arguments: after `synthor`.
        output: file for what it says.
        errors: file for what it says to the error stream, if that is another.
        folder: where it runs.
        environment: besides the usual one.
        watched: a folder whose changes are counted.
        kill_at: the change of it, from 1, before which the command is killed.
    """

    def __init__(
        self,
        arguments: Sequence[str],
        output: Path,
        *,
        errors: Path | None = None,
        folder: Path | None = None,
        environment: Mapping[str, str] | None = None,
        watched: Path | None = None,
        kill_at: int = 0,
    ) -> None:
        self.output = output
        settings = (
            list(arguments),
            str(output),
            str(errors or ""),
            str(folder or Path.cwd()),
            dict(environment or {}),
            str(watched or ""),
            kill_at,
        )
        self.process: ForkServerProcess = _server().Process(target=_command, args=settings, daemon=True)
        self.process.start()

    @property
    def has_ended(self) -> bool:
        """Whether it is no longer there."""
        return not self.process.is_alive()

    def ends_within(self, seconds: float) -> bool:
        """Wait for its end; whether it came."""
        self.process.join(seconds)
        return self.has_ended

    def interrupt(self) -> None:
        """End it as Ctrl-C does."""
        assert self.process.pid is not None
        os.kill(self.process.pid, signal.SIGINT)

    def kill(self) -> None:
        """End it as the system does when it needs memory."""
        self.process.kill()
        self.process.join()

    def result(self) -> tuple[int, str]:
        """Its exit code and what it said, once it has ended."""
        if not self.ends_within(LONGEST):
            self.kill()
            raise TimeoutError("a command did not end")
        code = self.process.exitcode
        return (-1 if code is None else code), self.output.read_text(encoding="utf-8")


class Typed:
    """A command that runs in an interpreter of its own, as a shell starts it; nothing is loaded beforehand.

    Args:
        arguments: after `synthor`.
        output: file for what it says, to the error stream, too.
    """

    def __init__(self, arguments: Sequence[str], output: Path) -> None:
        self.output = output
        command = [sys.executable, "-c", "from synthor.cli import main; main()", *arguments]
        with output.open("w", encoding="utf-8") as said:
            self.process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT)

    @property
    def has_ended(self) -> bool:
        """Whether it is no longer there."""
        return self.process.poll() is not None

    def interrupt(self) -> None:
        """End it as Ctrl-C does."""
        self.process.send_signal(signal.SIGINT)

    def result(self) -> tuple[int, str]:
        """Its exit code and what it said, once it has ended."""
        try:
            code = self.process.wait(LONGEST)
        finally:
            self.process.kill()
        return code, self.output.read_text(encoding="utf-8")


def synthor(*arguments: object, at: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """What a command comes to that is typed here: its exit code, its output and what it says to the error stream.

    Args:
        arguments: after `synthor`.
        at: where it runs, if not here.
        environment: besides the usual one.
    """
    words = list(map(str, arguments))
    environment = {name: value for name, value in os.environ.items() if name not in ONE_THREAD} | environment
    with tempfile.TemporaryDirectory() as place:
        output, errors = Path(place, "output"), Path(place, "errors")
        code, told = Forked(words, output, errors=errors, folder=at, environment=environment).result()
        return subprocess.CompletedProcess(["synthor", *words], code, told, errors.read_text(encoding="utf-8"))


@cache
def _server() -> ForkServerContext:
    """The process that is forked. Many threads help no small command, and half of the seconds went into starting them."""
    if str(ROOT / "tests") not in sys.path:
        sys.path.insert(0, str(ROOT / "tests"))
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(LOADED)
    known = os.environ.get("PYTHONPATH", "")
    told = dict.fromkeys(ONE_THREAD, "1") | {"PYTHONPATH": os.pathsep.join(filter(None, [str(ROOT / "tests"), known]))}
    before = {name: os.environ.get(name) for name in told}
    os.environ.update(told)  # the path, too: what cannot be imported is not loaded, and nobody says so
    forkserver.ensure_running()
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value
    return context


def _command(
    arguments: list[str], output: str, errors: str, folder: str, environment: dict[str, str], watched: str, kill_at: int
) -> None:
    """What a fork does."""
    handle = os.open(output, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    os.dup2(handle, 1)
    os.dup2(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_TRUNC) if errors else handle, 2)
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = ["synthor", *arguments]
    if watched:
        changes = _Changes(watched, kill_at)
        sys.addaudithook(changes)
        try:
            _main()
        finally:
            os.write(2, f"\n{SAID}{changes.count}\n".encode())
    else:
        _main()


SAID = "changes: "


def _main() -> None:
    from synthor.cli import main

    main()


class _Changes:
    """Counts the changes of a folder, each before it is made, and kills the process before one of them."""

    def __init__(self, folder: str, kill_at: int) -> None:
        self.folder, self.kill_at, self.count = folder, kill_at, 0

    def __call__(self, event: str, found: tuple[Any, ...]) -> None:
        if event not in CHANGES and not (event == "open" and _writes(found)):
            return
        with suppress(TypeError):  # a file that is known by its number
            if str(Path.cwd() / os.fspath(found[0])).startswith(self.folder):
                self.count += 1
                if self.count == self.kill_at:
                    os.kill(os.getpid(), signal.SIGKILL)


def _writes(found: tuple[Any, ...]) -> bool:
    _, mode, flags = found
    if isinstance(mode, str):
        return any(letter in mode for letter in "wax+")
    return bool(isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
