"""Is this tree slower than another? The examples run under both in turn, each in a process of its own.

    python bench/speed.py OTHER [runs]      OTHER is another checkout, such as `git worktree add ../before HEAD~20`

Writes bench/results/speed.json: for each example and tree the median of the CPU seconds of whole runs (Linux or macOS), and the
least and the most. Both trees use the packages of the Python that runs this, and one thread for linear algebra.
"""

import statistics
import sys
import tempfile
from pathlib import Path

from harness import NAMES, ROOT, commit, dated, measured, write


def seconds(tree: Path, example: str) -> float:
    """CPU seconds of one run, of all its processes."""
    with tempfile.TemporaryDirectory() as folder:
        spec = tree / "examples" / example / "spec.yaml"
        spent = measured(["run", str(spec), "--out", f"{folder}/out"], tree=tree)
    if spent.code:
        raise SystemExit(f"{example} in {tree}: {spent.stderr[-500:]}")
    return spent.cpu


def main() -> None:
    """Run both trees in turn and write the medians."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    trees = {"other": Path(sys.argv[1]).resolve(), "this": ROOT}
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    found = {}
    for example in NAMES:
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
        "runs": runs,
        "commits": {name: commit(tree) for name, tree in trees.items()},
        "seconds": found,
    }
    write("speed", dated(result))


if __name__ == "__main__":
    main()
