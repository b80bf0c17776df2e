"""What every script here does: where results go, who made them, what the truth is, how a run of its own is measured."""

import importlib
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import polars as pl

    from synthor.sample.arrangement import Scattered
    from synthor.sample.stream import Sample

ROOT = Path(__file__).resolve().parents[1]
BENCH = ROOT / "bench"
RESULTS = BENCH / "results"
EXAMPLES = ROOT / "examples"
NAMES = ("census-tables", "households", "trips")
"""All examples."""

COMMAND = "import sys; from synthor.cli import main; main()"
"""Python that is the command line of whichever tree is found first."""


def machine() -> str:
    """The machine, in words that name nobody's."""
    return f"{sys.platform} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def commit(tree: Path = ROOT) -> str:
    """Name of what is checked out; ends with + where files were changed since."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=tree, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def dated(result: Mapping[str, Any]) -> dict[str, Any]:
    """Results with the date and the machine before them."""
    return {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), **result}


def write(name: str, result: Mapping[str, Any], page: str = "") -> None:
    """Keep results as a file, and the page that tells of them beside it, where there is one."""
    (RESULTS / f"{name}.json").write_text(json.dumps(result, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    if page:
        (RESULTS / f"{name}.md").write_text(page, encoding="utf-8")


def microdata(example: str = "households") -> "pl.DataFrame":
    """The real records behind an example, which SYNTHOR_DATA holds."""
    sys.path.insert(0, str(EXAMPLES / example))
    sys.modules.pop("make_targets", None)  # each example has one
    try:
        found: pl.DataFrame = importlib.import_module("make_targets").microdata()
    finally:
        sys.path.pop(0)
    return found


def borrow_from_tests() -> None:
    """Let helpers of tests be imported."""
    sys.path.insert(0, str(ROOT / "tests"))


def python(tree: Path, code: str, arguments: Sequence[str] = (), **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python code with a tree's package, whatever is installed; one thread for linear algebra."""
    command = [sys.executable, "-c", code, *arguments]
    return subprocess.run(command, env=_environment(tree), capture_output=True, text=True, check=False, **options)


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """What a command took, all its processes together.

    Attributes:
        code: that it ended with.
        stdout: what it printed.
        stderr: what it complained of.
        seconds: by the clock.
        cpu: seconds of processors.
        memory: bytes, the most of any of its processes.
    """

    code: int
    stdout: str
    stderr: str
    seconds: float
    cpu: float
    memory: int


def measured(arguments: Sequence[str], *, tree: Path = ROOT, folder: Path | None = None) -> Spent:
    """Run the command line of a tree in a process of its own, and measure it (Linux or macOS)."""
    return spent([sys.executable, "-c", COMMAND, *arguments], _environment(tree), folder)


def spent(command: Sequence[str], variables: Mapping[str, str], folder: Path | None = None) -> Spent:
    """Run any command with these environment variables, and measure it (Linux or macOS)."""
    begin = time.perf_counter()
    with tempfile.TemporaryFile("w+") as out, tempfile.TemporaryFile("w+") as err:
        process = subprocess.Popen(command, env=variables, cwd=folder, stdout=out, stderr=err)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        seconds = time.perf_counter() - begin
        for file in (out, err):
            file.seek(0)
        return Spent(
            code=process.returncode,
            stdout=out.read(),
            stderr=err.read(),
            seconds=seconds,
            cpu=used.ru_utime + used.ru_stime,
            memory=used.ru_maxrss * (1 if sys.platform == "darwin" else 1_024),
        )


def environment(folder: Path, requirements: Sequence[str], *, also: str = "") -> Path:
    """The interpreter of a virtual environment with some packages, made or brought up to date when it has to be.

    Args:
        folder: of the environment; delete it to be rid of it.
        requirements: as pip takes them.
        also: text on which they hang beside their names: where it changes they are installed again.
    """
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "installed.txt"
    wanted = "\n".join([*requirements, also])
    if interpreter.exists() and done.is_file() and done.read_text(encoding="utf-8") == wanted:
        return interpreter
    print(f"installing {' '.join(requirements)} into {folder}; this takes minutes", file=sys.stderr, flush=True)
    if not (interpreter.exists() and done.is_file()):
        venv.create(folder, with_pip=True, clear=True)
    (folder / ".gitignore").write_text("*\n", encoding="utf-8")
    subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *requirements], check=True)
    done.write_text(wanted, encoding="utf-8")
    return interpreter


def _environment(tree: Path) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(tree / "src"), "OPENBLAS_NUM_THREADS": "1"}


def scattered(made: "Sample") -> "Scattered":
    """The distinct units of a population, and how many there are of each."""
    from synthor.sample.arrangement import Scattered

    assert isinstance(made.arrangement, Scattered)
    return made.arrangement
