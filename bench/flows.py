"""How fast and how exact are many zones? Flows between them with other tables, and tables of every zone.

    python bench/flows.py                                    all cases; writes bench/results/flows.json and flows.md
    python bench/flows.py --make FOLDER flows 600 25255 45000 --seed 1 [--also destination,hour]
    python bench/flows.py --make FOLDER zones 781 --seed 1   only the spec and its tables

Every input is counted from one made-up population, so that it can be met. Every figure is of one process of the command line
(`synthor run`), from start to the written report: seconds of CPU, wall-clock time, most memory, TAE (the sum over all cells of
how far each is off), and how the fit ended.

- *Flows*: trips between zones, with the pairs of zones that occur (flows), modes by origin, and the hours of all trips. Some
  zones are near each other, and some attract more. `--also` adds modes by destination and hours by origin.
- *Zones*: households of zones of uneven size, with a table of every zone for each of four variables (4, 4, 4 and 2 categories).
"""

import argparse
import json
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from harness import dated, measured, write

MODES, MODE_SHARES = ("car", "transit", "walk"), (0.55, 0.25, 0.2)
HOURS, HOUR_SHARES = (0, 6, 9, 12, 15, 18, 21), (0.04, 0.22, 0.15, 0.17, 0.24, 0.13, 0.05)
NEAR = 0.6
"""Share of trips that end within three zones of their origin."""

CASES: tuple[tuple[str, ...], ...] = (
    ("flows", "600", "25255", "45000"),
    ("flows", "600", "25255", "45000", "--also", "destination,hour"),
    ("flows", "4000", "274292", "500000"),
    ("zones", "781"),
    ("zones", "1562"),
    ("zones", "10153"),
)


def make_flows(folder: Path, zones: int, pairs: int, trips: int, seed: int, also: Sequence[str] = ()) -> None:
    """Write the tables of one population of trips, and the spec that names them."""
    random = np.random.default_rng(seed)
    homes, jobs = random.lognormal(0, 1, zones), random.lognormal(0, 1.4, zones)
    found = np.empty(0, np.int64)
    while len(found) < pairs:  # different pairs, those that are drawn first
        n = 2 * pairs
        origin = random.choice(zones, n, p=homes / homes.sum())
        near = (origin + random.integers(-3, 4, n)) % zones
        far = random.choice(zones, n, p=jobs / jobs.sum())
        drawn = np.concatenate([found, origin * zones + np.where(random.random(n) < NEAR, near, far)])
        found = drawn[np.sort(np.unique(drawn, return_index=True)[1])]
    found = found[:pairs]
    attraction = random.lognormal(0, 1, pairs)
    more = random.choice(pairs, trips - pairs, p=attraction / attraction.sum())
    flat = found[np.concatenate([np.arange(pairs), more])]
    frame = pl.DataFrame(
        {
            "origin": [f"Z{zone:05d}" for zone in flat // zones],
            "destination": [f"Z{zone:05d}" for zone in flat % zones],
            "mode": random.choice(MODES, trips, p=MODE_SHARES),
            "hour": random.choice(HOURS, trips, p=HOUR_SHARES),
        }
    )
    tables = [("origin", "destination"), ("origin", "mode"), ("hour",)]
    tables += [("destination", "mode")] * ("destination" in also) + [("origin", "hour")] * ("hour" in also)
    labels = [f"Z{zone:05d}" for zone in range(zones)]
    variables = {
        "origin": {"type": "category", "values": labels},
        "destination": {"type": "category", "values": labels},
        "mode": {"type": "category", "values": list(MODES)},
        "hour": {"type": "integer", "min": 0, "max": 23, "bins": list(HOURS)},
    }
    _write(folder, frame, variables, tables, flows=tables[0])


def make_zones(folder: Path, zones: int, seed: int) -> None:
    """Write tables of every zone of one population of households, and the spec that names them."""
    random = np.random.default_rng(seed)
    size = np.maximum(random.lognormal(np.log(40), 0.8, zones).astype(int), 1)
    zone = np.repeat(np.arange(zones), size)
    wealth = (random.normal(0, 0.7, zones)[zone] + random.normal(0, 1, len(zone))).clip(-3, 3)
    codes = {
        "persons": np.digitize(random.normal(0, 1, len(zone)), [-0.5, 0.5, 1.2]),
        "income": np.digitize(wealth, [-0.8, 0.1, 1.0]),
        "vehicles": np.digitize(wealth + random.normal(0, 1, len(zone)), [-1.0, 0.2, 1.5]),
        "owns": (wealth + random.normal(0, 1, len(zone)) > 0).astype(int),
    }
    labels = {name: [f"{name} {code}" for code in range(2 if name == "owns" else 4)] for name in codes}
    columns = {name: [labels[name][code] for code in column] for name, column in codes.items()}
    names = [f"Z{number:05d}" for number in range(zones)]
    frame = pl.DataFrame({"zone": [names[number] for number in zone], **columns})
    values = {"zone": names, **labels}
    variables = {name: {"type": "category", "values": known} for name, known in values.items()}
    _write(folder, frame, variables, [("zone", name) for name in labels])


def _write(
    folder: Path,
    frame: pl.DataFrame,
    variables: dict[str, Any],
    tables: Sequence[tuple[str, ...]],
    flows: tuple[str, ...] = (),
) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    targets = []
    for names in tables:
        file = "_by_".join(names) + ".csv"
        frame.group_by(names).len("count").sort(names).write_csv(folder / file)
        targets.append({"flows": list(names), "table": file} if names == flows else {"table": file})
    spec = {"records": frame.height, "variables": variables, "targets": targets}
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))


def ran(folder: Path) -> dict[str, Any]:
    """Run the command line on a spec; what it took and how it ended."""
    spent = measured(["run", "spec.yaml", "--out", "out"], folder=folder)
    row = {"exit": spent.code, "wall, s": spent.seconds, "CPU, s": spent.cpu, "memory, MB": spent.memory // 1_000_000}
    if (folder / "out" / "measurement.json").exists():
        document = json.loads((folder / "out" / "measurement.json").read_text())
        row |= {
            "records": document["records"],
            "cells": sum(len(target["cells"]) for target in document["targets"]),
            "status": document["status"],
            "TAE": sum(target["tae"] for target in document["targets"]),
            "explanations": sum(e["kind"] in ("contradiction", "unsupported") for e in document["explanations"]),
        }
    return row


def make(arguments: Sequence[str], folder: Path) -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("kind", choices=["flows", "zones"])
    parser.add_argument("numbers", type=int, nargs="+")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--also", default="")
    chosen = parser.parse_args(arguments)
    if chosen.kind == "flows":
        zones, pairs, trips = chosen.numbers
        make_flows(folder, zones, pairs, trips, chosen.seed, chosen.also.split(","))
    else:
        make_zones(folder, chosen.numbers[0], chosen.seed)


def main() -> None:
    if sys.argv[1:2] == ["--make"]:
        make(sys.argv[3:], Path(sys.argv[2]))
        return
    rows = []
    for case in CASES:
        with tempfile.TemporaryDirectory() as folder:
            make(case, Path(folder))
            rows.append({"case": " ".join(case), **ran(Path(folder))})
            print(rows[-1], flush=True)
    document = dated({"cases": rows})
    names = list(dict.fromkeys(name for row in rows for name in row))
    lines = ["| " + " | ".join(names) + " |", "|" + "---|" * len(names)]
    lines += ["| " + " | ".join(_cell(row.get(name, "")) for name in names) + " |" for row in rows]
    text = f"Made by bench/flows.py on {document['date']}, {document['machine']}.\n\n"
    write("flows", document, text + "\n".join(lines) + "\n")


def _cell(value: Any) -> str:
    return f"{value:.1f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
