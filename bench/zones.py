"""What zones cost: the real controls of 930 zones and 35 tracts (CALM), and copies of them.

    SYNTHOR_DATA=... python bench/zones.py [COPIES ...]

Writes bench/results/zones.md. CPU seconds of processes of their own, medians of five in turn; no beliefs are used.
"""

import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

import harness
from synthor import compile_problem, load_spec
from synthor.fit.model import fit_what_can_be
from synthor.geography.zoned import zoned_sample
from synthor.measure import CountFit
from synthor.prior.model import Prior
from synthor.run import Population

SPEC = """
title: Households of the Corvallis-Albany-Lebanon area
records: {records}
random_seed: 1
variables:
  size: {{type: integer, min: 1, max: 12, bins: [1, 2, 3, 4]}}
  age: {{type: integer, min: 15, max: 94, bins: [15, 25, 55, 65]}}
  income: {{type: category, values: [low, middle, high, top]}}
  workers: {{type: integer, min: 0, max: 6, bins: [0, 1, 2, 3]}}
  dwelling: {{type: category, values: [single, duplex, multi, mobile]}}
columns: {{TAZ: taz, TRACTGEOID: tract}}
labels:
  size: {{HHSIZE1: "1", HHSIZE2: "2", HHSIZE3: "3", HHSIZE4: "4+"}}
  age: {{HHAGE1: 15-24, HHAGE2: 25-54, HHAGE3: 55-64, HHAGE4: "65+"}}
  income: {{HHINC1: low, HHINC2: middle, HHINC3: high, HHINC4: top}}
  workers: {{HHWORK0: "0", HHWORK1: "1", HHWORK2: "2", HHWORK3: "3+"}}
  dwelling: {{SF: single, DUP: duplex, MF: multi, MH: mobile}}
zones: {{key: taz, within: {{tract: crosswalk.csv}}}}
targets:
- {{name: size by taz, table: size.csv, layout: {{wide: [size]}}}}
- {{name: age by taz, table: age.csv, layout: {{wide: [age]}}}}
- {{name: income by taz, table: income.csv, layout: {{wide: [income]}}}}
- {{name: workers by tract, table: workers.csv, layout: {{wide: [workers]}}}}
- {{name: dwelling by tract, table: dwelling.csv, layout: {{wide: [dwelling]}}}}
"""
TABLES = {
    "size.csv": ("TAZ", "HHSIZE1", "HHSIZE2", "HHSIZE3", "HHSIZE4"),
    "age.csv": ("TAZ", "HHAGE1", "HHAGE2", "HHAGE3", "HHAGE4"),
    "income.csv": ("TAZ", "HHINC1", "HHINC2", "HHINC3", "HHINC4"),
    "crosswalk.csv": ("TAZ", "TRACTGEOID"),
    "workers.csv": ("TRACTGEOID", "HHWORK0", "HHWORK1", "HHWORK2", "HHWORK3"),
    "dwelling.csv": ("TRACTGEOID", "SF", "DUP", "MF", "MH"),
}
HEAD = (
    "| zones | households | reading and checking | region's fit | zones | records and counting | all | a zone | peak | off |\n"
    + "|---" * 10
    + "|\n"
)
TIMES = 5


def main() -> None:
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    controls = pl.read_csv(place / "control_totals_taz.csv"), pl.read_csv(place / "control_totals_tract.csv")
    copies = [int(word) for word in sys.argv[1:]] or [1, 3, 13, 52]
    found: dict[int, list[Row]] = {number: [] for number in copies}
    with tempfile.TemporaryDirectory() as name:
        for number in copies:
            (Path(name) / str(number)).mkdir()
            write_spec(Path(name) / str(number), controls, number)
        for _ in range(TIMES):  # in turn, each in a process of its own
            for number in copies:
                text = subprocess.run(
                    [sys.executable, __file__, "--one", Path(name) / str(number)], stdout=subprocess.PIPE, check=True
                ).stdout
                found[number].append(Row(**json.loads(text)))
                print(number, found[number][-1], flush=True)
    rows = [line(runs) for runs in found.values()]
    told = harness.dated({"rows": rows, "runs": {number: [asdict(run) for run in runs] for number, runs in found.items()}})
    note = f"CPU seconds of one process, medians of {TIMES} in turn (least to most); load {os.getloadavg()[0]:.1f} at the end; "
    note += f"{told['date']}, {told['machine']}."
    harness.write("zones", told, "# Zones\n\n" + HEAD + "\n".join(rows) + f"\n\n{note}\n")


@dataclass(frozen=True, slots=True)
class Row:
    """One run: seconds of each step, and what came out."""

    zones: int
    households: int
    seconds: list[float]
    off: int
    cells: int
    peak: int


def line(runs: list[Row]) -> str:
    """One line of the result."""
    first = runs[0]
    steps = [sorted(run.seconds[at] for run in runs) for at in range(len(first.seconds))]
    told = " | ".join(f"{statistics.median(own):.1f} s ({own[0]:.1f}-{own[-1]:.1f})" for own in steps)
    whole = sorted(sum(run.seconds) for run in runs)
    per = 1000 * statistics.median(whole) / first.zones
    return (
        f"| {first.zones:,} | {first.households:,} | {told} | {statistics.median(whole):.1f} s | {per:.2f} ms "
        f"| {max(run.peak for run in runs)} MB | {first.off} of {first.cells:,} cells |"
    )


def write_spec(folder: Path, controls: tuple[pl.DataFrame, pl.DataFrame], copies: int) -> tuple[int, int]:
    """Write spec and tables: all zones once, or copies of those that have households; how many zones and households."""
    taz, tract = controls
    if copies > 1:
        taz = taz.filter(pl.col("HHBASE") > 0)
    for file, columns in TABLES.items():
        frame = (tract if columns[0] == "TRACTGEOID" else taz).select(columns)
        areas = [name for name in columns if name in ("TAZ", "TRACTGEOID")]
        parts = [
            frame.with_columns((pl.lit(f"{copy}-") + pl.col(name).cast(pl.String)).alias(name) for name in areas)
            for copy in range(copies)
        ]
        pl.concat(parts).write_csv(folder / file)
    households = copies * int(tract["HHBASE"].sum())
    (folder / "spec.yaml").write_text(SPEC.format(records=households), encoding="utf-8")
    return len(taz) * copies, households


def row(folder: Path) -> Row:
    """One run."""
    clock = [time.process_time()]
    problem = compile_problem(load_spec(folder / "spec.yaml"))
    clock.append(time.process_time())
    model = fit_what_can_be(problem.region, Prior())
    clock.append(time.process_time())
    run = Population(model=model, sample=zoned_sample(model))
    clock.append(time.process_time())
    found = run.measurement  # records are made chunk by chunk, and counted
    clock.append(time.process_time())
    assert problem.zones is not None
    return Row(
        zones=problem.zones.sizes[0],
        households=problem.n_units,
        seconds=[after - before for before, after in pairwise(clock)],
        off=sum(int(abs(fit.got - fit.target.wanted).sum()) for fit in found.fits if isinstance(fit, CountFit)),
        cells=sum(fit.target.grid.size for fit in found.fits),
        peak=resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--one"]:
        print(json.dumps(asdict(row(Path(sys.argv[2])))))
    else:
        main()
