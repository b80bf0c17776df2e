"""Is this tree slower than another? The examples run under both in turn, each in a process of its own.

    python bench/speed.py OTHER [runs]      OTHER is another checkout, such as `git worktree add ../before HEAD~20`

Writes bench/results/speed.json: for each example and tree the median of the CPU seconds of whole runs (Linux or macOS), and the
least and the most. Both trees use the packages of the Python that runs this, and one thread for linear algebra.
"""

import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path

HERE = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).parent / "results" / "speed.json"
EXAMPLES = ("census-tables", "households", "trips")
RUN = "import sys; from synthor.cli import main; main()"


def seconds(tree: Path, example: str) -> float:
    """CPU seconds of one run, of all its processes."""
    environment = {**os.environ, "PYTHONPATH": str(tree / "src"), "OPENBLAS_NUM_THREADS": "1"}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", RUN, "run", str(tree / "examples" / example / "spec.yaml"), "--out", f"{folder}/out"]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{example} in {tree}: {done.stderr[-500:]}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def commit(tree: Path) -> str:
    """Name of what is checked out."""
    found = subprocess.run(["git", "rev-parse", "--short", "HEAD"], cwd=tree, capture_output=True, text=True, check=True)
    return found.stdout.strip()


def main() -> None:
    """Run both trees in turn and write the medians."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    trees = {"other": Path(sys.argv[1]).resolve(), "this": HERE}
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    found = {}
    for example in EXAMPLES:
        took: dict[str, list[float]] = {name: [] for name in trees}
        for _ in range(runs):
            for name, tree in trees.items():
                took[name].append(seconds(tree, example))
        medians = {name: statistics.median(some) for name, some in took.items()}
        found[example] = {
            **{name: [round(part, 2) for part in (medians[name], min(some), max(some))] for name, some in took.items()},
            "ratio": round(medians["this"] / medians["other"], 3),
        }
        print(example, found[example], flush=True)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "runs": runs,
        "commits": {name: commit(tree) for name, tree in trees.items()},
        "seconds": found,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
