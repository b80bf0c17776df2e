"""How time and memory grow with rules, tables, categories and variables: whole runs, each in a process of its own.

    python bench/wide.py [smaller]      `smaller` leaves out the thousand variables, which take half a minute

Writes bench/results/wide.json: CPU seconds, the most memory, and the verdict (Linux or macOS).
"""

import json
import os
import platform
import random
import subprocess
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results" / "wide.json"
RUN = (
    "import resource, sys; from synthor.cli import main; sys.argv[0] = 'synthor'\n"
    "try: main()\n"
    "finally:\n"
    "    used = resource.getrusage(resource.RUSAGE_SELF)\n"
    "    print(used.ru_utime + used.ru_stime, used.ru_maxrss, file=sys.stderr)"
)


def spec(n: int, sizes: list[int], *, tables: int | None = None, rules: int = 0) -> dict[str, Any]:
    """Variables of so many categories, one-way tables counted from made-up records, and rules that few records break."""
    draw = random.Random(1)
    names = [f"v{i}" for i in range(len(sizes))]
    variables = {
        name: {"type": "category", "values": [f"c{k}" for k in range(size)]} for name, size in zip(names, sizes, strict=True)
    }
    counts = []
    for size in sizes:
        found = [0] * size
        for _ in range(n):
            found[draw.randrange(size)] += 1
        counts.append(found)
    some = range(len(sizes) if tables is None else tables)
    targets = [
        {"counts": {names[i % len(names)]: {f"c{k}": c for k, c in enumerate(counts[i % len(names)])}}, "name": f"t{i}"}
        for i in some
    ]
    forbidden = []
    for _ in range(rules):
        chosen = draw.sample(range(len(sizes)), 3)
        forbidden.append({"never": " and ".join(f"{names[i]} = 'c{draw.randrange(sizes[i])}'" for i in chosen)})
    return {"records": n, "variables": variables, "targets": targets, "rules": forbidden}


CASES = {
    "500 rules, 8 variables of 6": spec(1_000, [6] * 8, rules=500),
    "5,000 rules, 20 variables of 12": spec(1_000, [12] * 20, rules=5_000),
    "3,000 tables of three variables": spec(1_000, [4] * 3, tables=3_000),
    "50,000 categories and a pair": spec(100_000, [50_000, 2]),
    "1,000 variables of two": spec(10_000, [2] * 1_000),
}


def main() -> None:
    """Run all cases and write what they took."""
    found = {}
    for name, document in CASES.items():
        if "1,000 variables" in name and "smaller" in sys.argv:
            continue
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "spec.yaml")
            path.write_text(json.dumps(document), encoding="utf-8")
            command = [sys.executable, "-c", RUN, "run", str(path), "--out", f"{folder}/out"]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
        seconds, memory = done.stderr.splitlines()[-1].split()
        scale = 1 if sys.platform == "darwin" else 1_024
        verdict = next(
            (line for line in done.stdout.splitlines() if line.startswith(("Met", "Not met"))), f"exit {done.returncode}"
        )
        found[name] = {
            "cpu_seconds": round(float(seconds), 1),
            "gigabytes": round(int(memory) * scale / 1e9, 2),
            "verdict": verdict.split(";")[0][:120],
        }
        print(name, found[name], flush=True)
    result = {
        "date": datetime.now(UTC).date().isoformat(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}",
        "cases": found,
    }
    RESULTS.write_text(json.dumps(result, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
