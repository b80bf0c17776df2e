"""Is this tree slower than another? Both do the same in turn, each time in a process of its own.

    python bench/speed.py OTHER [runs]      OTHER is another checkout, such as `git worktree add ../before HEAD~20`

Writes bench/results/speed.json and speed.md: of each part and tree the median of the CPU seconds of all threads and processes
(Linux or macOS), and the least and the most. Time by the clock would say what else the machine does.

- Whole runs of the examples, from the command line to the run folder, Python's start included.
- Balancing, whole counts, and ten million records written: the cases of bench/balancing.py, integers.py and streaming.py.
  Each tree does them by its own copy of these, since what they call has moved; what they do is the same. Imports, making the
  case, and what is only done once (a first call) are not counted; records are counted from the fitted model to the manifest.

Both trees use the packages of the Python that runs this, and one thread for linear algebra.
"""

import json
import os
import statistics
import sys
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from harness import NAMES, ROOT, commit, dated, measured, python, write

TIMED = """
import json, os, sys
sys.path.insert(0, sys.argv[1])

def cpu():
    return sum(os.times()[:4])

def timed(what, times, first=True):
    if first:
        what(0)
    begin = cpu()
    for turn in range(times):
        what(turn)
    print(json.dumps((cpu() - begin) / times))
"""
"""Seconds of processors that a call takes, on average over `times`, after one that does not count."""

BALANCING = """
import balancing
import numpy as np
codes, wanted = balancing.made(np.random.default_rng(1), STRENGTH)
timed(lambda turn: balancing.ours(codes, wanted), TIMES)
"""

INTEGERS = """
import integers
timed(lambda turn: CALL, TIMES)
"""

STREAMING = """
import tempfile
import streaming
small = streaming.fitted()
with tempfile.TemporaryDirectory() as folder:
    timed(lambda turn: streaming.draw(small.model, 10_000_000).write(folder + "/out", format="FORMAT"), 1, first=False)
"""

KERNELS = {
    **{
        f"balancing, dependence of {strength}": BALANCING.replace("STRENGTH", str(strength)).replace("TIMES", str(times))
        for strength, times in ((0.25, 5), (0.5, 3), (1.0, 1))
    },
    **{
        f"whole counts, {name}": INTEGERS.replace("CALL", call).replace("TIMES", str(times))
        for name, call, times in (
            ("ten overlapping tables", "integers.oregon(turn)", 3),
            ("households with persons", "integers.two_level_town(turn)", 5),
            ("eight variables", "integers.one_way(integers.marginals_of(8, turn), turn)", 5),
            ("twenty variables", "integers.one_way(integers.marginals_of(20, turn), turn)", 3),
        )
    },
    **{f"10,000,000 records, {format}": STREAMING.replace("FORMAT", format) for format in ("parquet", "csv")},
}
"""Python for each part that a tree does by its own copy of a bench."""


def of_example(tree: Path, example: str) -> float:
    """CPU seconds of one run, of all its processes."""
    with tempfile.TemporaryDirectory() as folder:
        spec = tree / "examples" / example / "spec.yaml"
        spent = measured(["run", str(spec), "--out", f"{folder}/out"], tree=tree)
    if spent.code:
        raise SystemExit(f"{example} in {tree}: {spent.stderr[-500:]}")
    return spent.cpu


def of_kernel(tree: Path, code: str) -> float:
    """CPU seconds of one part, in a process of its own."""
    done = python(tree, TIMED + code, [str(tree / "bench")])
    if done.returncode:
        raise SystemExit(f"{tree}: {done.stderr[-500:]}")
    return float(json.loads(done.stdout.splitlines()[-1]))


def parts() -> dict[str, Callable[[Path], float]]:
    """What is compared, by its name."""
    runs = {f"run of {name}": partial(of_example, example=name) for name in NAMES}
    return {**runs, **{name: partial(of_kernel, code=code) for name, code in KERNELS.items()}}


def page(result: dict[str, object], found: dict[str, dict[str, object]]) -> str:
    """The results as Markdown."""
    commits = result["commits"]
    assert isinstance(commits, dict)
    lines = [
        "# This tree against another",
        "",
        f"`python bench/speed.py OTHER {result['runs']}`, {result['date']}, {result['machine']}. This is {commits['this']}, "
        f"the other {commits['other']}. CPU seconds of all threads and processes: medians of {result['runs']} in turn, with "
        "least and most.",
        "",
        "| | other | this | ratio of medians |",
        "|---|---|---|---|",
    ]
    for name, took in found.items():
        other, this = ("{} ({} to {})".format(*took[tree]) for tree in ("other", "this"))  # type: ignore[misc]
        lines.append(f"| {name} | {other} | {this} | {took['ratio']} |")
    return "\n".join([*lines, ""])


def main() -> None:
    """Have both trees do everything in turn and write the medians."""
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)  # sources are compiled once, as where the package is installed
    trees = {"other": Path(sys.argv[1]).resolve(), "this": ROOT}
    runs = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    found: dict[str, dict[str, object]] = {}
    for name, seconds in parts().items():
        took: dict[str, list[float]] = {tree: [] for tree in trees}
        for _ in range(runs):
            for tree, place in trees.items():
                took[tree].append(seconds(place))
        medians = {tree: statistics.median(some) for tree, some in took.items()}
        found[name] = {
            **{tree: [round(part, 3) for part in (medians[tree], min(some), max(some))] for tree, some in took.items()},
            "ratio": round(medians["this"] / medians["other"], 3),
        }
        print(name, found[name], flush=True)
    result = dated({"runs": runs, "commits": {tree: commit(place) for tree, place in trees.items()}, "seconds": found})
    write("speed", result, page(result, found))


if __name__ == "__main__":
    main()
