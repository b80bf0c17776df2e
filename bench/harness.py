"""What every script here does: where results go, which machine made them, and how another checkout is run beside this one."""

import json
import os
import platform
import subprocess
import sys
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
COMMAND = "import sys; from synthor.cli import main; main()"
"""Python that is the command line of whichever tree is found first."""


def machine() -> str:
    """The machine, in words that name nobody's."""
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"


def commit(tree: Path = ROOT) -> str:
    """Name of what is checked out; ends with + where files were changed since."""
    found = subprocess.run(
        ["git", "describe", "--always", "--dirty=+", "--exclude=*"], cwd=tree, capture_output=True, text=True, check=True
    )
    return found.stdout.strip()


def written(name: str, result: Mapping[str, Any]) -> Path:
    """Results as a file, with the date and the machine before them."""
    path = RESULTS / f"{name}.json"
    dated = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), **result}
    path.write_text(json.dumps(dated, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return path


def python(tree: Path, code: str, arguments: Sequence[str] = (), **options: Any) -> subprocess.CompletedProcess[str]:
    """Run Python code with a tree's package, whatever is installed; one thread for linear algebra."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-c", code, *arguments], env=environment, capture_output=True, text=True, check=False, **options
    )
