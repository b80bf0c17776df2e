"""What zones cost: the real controls of 930 zones and 35 tracts (CALM), and copies of them.

    SYNTHOR_DATA=... python bench/zones.py [COPIES ...]

Writes bench/results/zones.md. CPU seconds of one process; no beliefs are used.
"""

import os
import sys
import tempfile
import time
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
HEAD = "| zones | households | reading and checking | region's fit | zones | records | counting | off |\n" + "|---" * 8 + "|\n"


def main() -> None:
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    controls = pl.read_csv(place / "control_totals_taz.csv"), pl.read_csv(place / "control_totals_tract.csv")
    rows = []
    for copies in [int(word) for word in sys.argv[1:]] or [1, 3, 13, 52]:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(Path(folder), controls, copies))
            print(rows[-1], flush=True)
    told = harness.dated({"rows": rows})
    note = f"CPU seconds of one process, one run each; {told['date']}, {told['machine']}."
    harness.write("zones", told, "# Zones\n\n" + HEAD + "\n".join(rows) + f"\n\n{note}\n")


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


def row(folder: Path, controls: tuple[pl.DataFrame, pl.DataFrame], copies: int) -> str:
    """One line of the result: all zones once, or copies of those that have households."""
    n_zones, households = write_spec(folder, controls, copies)
    clock = [time.process_time()]
    problem = compile_problem(load_spec(folder / "spec.yaml"))
    clock.append(time.process_time())
    model = fit_what_can_be(problem.region, Prior())
    clock.append(time.process_time())
    run = Population(model=model, sample=zoned_sample(model))
    clock.append(time.process_time())
    _ = run.tables
    clock.append(time.process_time())
    found = run.measurement
    clock.append(time.process_time())
    off = sum(int(abs(fit.got - fit.target.wanted).sum()) for fit in found.fits if isinstance(fit, CountFit))
    n_cells = sum(fit.target.grid.size for fit in found.fits)
    seconds = " | ".join(f"{after - before:.1f} s" for before, after in pairwise(clock))
    return f"| {n_zones:,} | {households:,} | {seconds} | {off} of {n_cells:,} cells |"


if __name__ == "__main__":
    main()
