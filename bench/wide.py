"""How time and memory grow with rules, tables, categories and variables: whole runs, each in a process of its own.

    python bench/wide.py [smaller]      `smaller` leaves out the thousand variables, which take half a minute

Writes bench/results/wide.json: CPU seconds, the most memory, and the verdict (Linux or macOS).
"""

import json
import random
import sys
import tempfile
from pathlib import Path
from typing import Any

from harness import dated, measured, write


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
            spent = measured(["run", str(path), "--out", f"{folder}/out"])
        verdict = next(
            (line for line in spent.stdout.splitlines() if line.startswith(("Met", "Not met"))), f"exit {spent.code}"
        )
        found[name] = {
            "cpu_seconds": round(spent.cpu, 1),
            "gigabytes": round(spent.memory / 1e9, 2),
            "verdict": verdict.split(";")[0][:120],
        }
        print(name, found[name], flush=True)
    write("wide", dated({"cases": found}))


if __name__ == "__main__":
    main()
