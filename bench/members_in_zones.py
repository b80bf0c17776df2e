"""Households with their persons in many zones: tables counted from whole households that are made up here.

    python bench/members_in_zones.py [ZONES[xWORKERS] ...]

Each zone has about 100 households, 25 zones are a tract; rich zones and poor ones differ. Zones have four tables of households
and persons (33 cells), tracts three (19), the region four. No beliefs are used. For each number of zones: CPU seconds of all
processes and seconds by the clock, the peak memory of the largest process, and how many cells are off. Writes
bench/results/members_in_zones.md.
"""

import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

import harness
from synthor import compile_problem, load_spec, workers
from synthor.fit.model import fit_what_can_be
from synthor.geography.zoned import zoned_sample
from synthor.measure import CountFit
from synthor.prior.model import Prior
from synthor.run import Population

AGES = ("0-4", "5-15", "16-24", "25-34", "35-44", "45-54", "55-64", "65+")
TABLES = (
    ("household", ("zone", "size")),
    ("household", ("zone", "tenure")),
    ("household", ("zone", "income")),
    ("person", ("zone", "age", "sex")),
    ("person", ("zone", "relation")),
    ("household", ("tract", "cars")),
    ("person", ("tract", "age", "work")),
    ("household", ("cars", "income")),
    ("household", ("size", "cars")),
    ("person", ("age", "relation")),
    ("person", ("sex", "work")),
)
SPEC = """
title: Households with their persons in many zones
unit: household
records: {n}
random_seed: 1
variables:
  size:   {{type: integer, min: 1, max: 12, bins: [1, 2, 3, 4, 5], from: count(person)}}
  tenure: {{type: category, values: [owned, rented]}}
  income: {{type: category, values: [a, b, c, d, e]}}
  cars:   {{type: integer, min: 0, max: 5, bins: [0, 1, 2]}}
members:
  person:
    number: {{min: 1, max: 12}}
    role: relation
    roles: {{head: 1, partner: {{max: 1}}}}
    variables:
      relation: {{type: category, values: [head, partner, child, other]}}
      age: {{type: integer, min: 0, max: 95, bins: [0, 5, 16, 25, 35, 45, 55, 65]}}
      sex: {{type: category, values: [female, male]}}
      work: {{type: boolean}}
zones: {{key: zone, within: {{tract: geo.csv}}}}
rules:
  - {{never: "age < 16 and work"}}
  - {{never: "head.age < 16 or partner.age < 16"}}
targets:
"""
HEAD = (
    "| zones | workers | households | persons | reading | region's fit | zones: CPU | zones: clock | records and counting "
    "| peak memory | off by more than 1 |\n" + "|---" * 11 + "|\n"
)


def main() -> None:
    rows = []
    for word in sys.argv[1:] or ["1000x1", "1000x2", "1000x1", "1000x2", "10000x2"]:
        n_zones, _, n_workers = word.partition("x")
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(Path(folder), int(n_zones), int(n_workers or len(os.sched_getaffinity(0)))))
            print(rows[-1], flush=True)
    told = harness.dated({"rows": rows})
    load, where = os.getloadavg()[0], f"{told['date']}, {told['machine']}"
    note = (
        f"One run a line; load {load:.1f} at the end; {where}. Memory is that of the largest process, with "
        "the records of the whole population."
    )
    harness.write("members_in_zones", told, "# Households with persons in zones\n\n" + HEAD + "\n".join(rows) + f"\n\n{note}\n")


def write_spec(folder: Path, n_zones: int, per_zone: int = 100) -> tuple[int, int]:
    """Write spec and tables of a made-up region; how many households and persons it has."""
    random = np.random.default_rng(n_zones)
    sizes = np.maximum((per_zone * random.gamma(4, 0.25, n_zones)).astype(int), 3)
    n = int(sizes.sum())
    zone = np.repeat(np.arange(n_zones), sizes)
    rich = random.normal(size=n_zones)[zone]
    tenure = (random.random(n) < 1 / (1 + np.exp(-0.8 * rich))).astype(int)
    income = np.clip(np.floor(2 + 0.6 * rich + 0.8 * tenure + random.normal(size=n)), 0, 4).astype(int)
    head = np.clip(random.normal(48 + 6 * tenure, 16), 18, 94)
    couple = random.random(n) < np.where(head < 25, 0.25, np.where(head > 75, 0.35, 0.6))
    children = np.where((head > 22) & (head < 58), random.poisson(np.where(couple, 1.68, 0.72)), 0).clip(0, 5)
    one = np.arange(n)
    partner, parent, lodger = one[couple], np.repeat(one, children), np.repeat(one, random.binomial(2, 0.07, n))
    parts = [
        (one, "head", head),
        (partner, "partner", np.clip(head[partner] + random.normal(-1, 5, len(partner)), 18, 94)),
        (parent, "child", np.minimum(np.clip(head[parent] - random.normal(29, 6, len(parent)), 0, 40), head[parent] - 15)),
        (lodger, "other", random.integers(0, 90, len(lodger)).astype(float)),
    ]
    own = np.concatenate([of for of, _, _ in parts])
    age = np.floor(np.concatenate([ages for _, _, ages in parts])).clip(0)
    working = random.random(len(own)) < np.where(age < 16, 0, np.where(age < 65, 0.45 + 0.08 * income[own], 0.1))
    size = np.bincount(own, minlength=n)
    cars = np.clip(np.floor(0.4 * income + 0.25 * size + random.normal(0, 0.6, n)), 0, 2).astype(int)
    households = pl.DataFrame(
        {
            "zone": np.char.add("z", zone.astype(str)),
            "tract": np.char.add("t", (zone // 25).astype(str)),
            "size": np.array(["", "1", "2", "3", "4", "5+"])[size.clip(0, 5)],
            "tenure": np.array(["rented", "owned"])[tenure],
            "income": np.array(list("abcde"))[income],
            "cars": np.array(["0", "1", "2+"])[cars],
        }
    )
    persons = households[own].with_columns(
        relation=pl.Series(np.concatenate([np.full(len(of), role) for of, role, _ in parts])),
        age=np.array(AGES)[np.searchsorted([5, 16, 25, 35, 45, 55, 65], age, side="right")],
        sex=np.array(["female", "male"])[random.integers(0, 2, len(own))],
        work=np.array(["no", "yes"])[working.astype(int)],
    )
    lines = []
    for rows_of, sides in TABLES:
        file = "_".join(sides) + ".csv"
        counted(households if rows_of == "household" else persons, sides).write_csv(folder / file)
        lines.append(f"  - {{rows: {rows_of}, table: {file}}}\n")
    households.select("zone", "tract").unique(maintain_order=True).write_csv(folder / "geo.csv")
    (folder / "spec.yaml").write_text(SPEC.format(n=n) + "".join(lines), encoding="utf-8")
    return n, len(own)


def counted(frame: pl.DataFrame, sides: tuple[str, ...]) -> pl.DataFrame:
    """A table with all its cells."""
    every = frame.select(pl.col(sides[0]).unique(maintain_order=True))
    for side in sides[1:]:
        every = every.join(frame.select(pl.col(side).unique()).sort(side), how="cross")
    found = every.join(frame.group_by(sides).len("count"), on=list(sides), how="left", maintain_order="left")
    return found.with_columns(pl.col("count").fill_null(0))


def row(folder: Path, n_zones: int, n_workers: int) -> str:
    """One line of the result."""
    n, n_persons = write_spec(folder, n_zones)
    begun = time.process_time()
    problem = compile_problem(load_spec(folder / "spec.yaml"))
    read = time.process_time()
    model = fit_what_can_be(problem.region, Prior())
    fitted, clock, before = time.process_time(), time.perf_counter(), spent()
    with workers(n_workers):
        run = Population(model=model, sample=zoned_sample(model))
    zones, clock, made = spent() - before, time.perf_counter() - clock, time.process_time()
    found = run.measurement
    told = time.process_time() - made
    fits: list[Any] = [fit for fit in found.fits if isinstance(fit, CountFit)]
    off = sum(int((abs(fit.got - fit.target.wanted) > 1).sum()) for fit in fits)
    any_off = sum(int((fit.got != fit.target.wanted).sum()) for fit in fits)
    n_cells = sum(fit.target.grid.size for fit in fits)
    peak = max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)) // 1024
    return (
        f"| {n_zones:,} | {n_workers} | {n:,} | {n_persons:,} | {read - begun:.1f} s | {fitted - read:.1f} s | {zones:.0f} s "
        f"| {clock:.0f} s | {told:.1f} s | {peak:,} MB | {off} of {n_cells:,} cells ({any_off} off at all) |"
    )


def spent() -> float:
    """CPU seconds of this process and of those that it started and that have ended."""
    own, others = resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN)
    return own.ru_utime + own.ru_stime + others.ru_utime + others.ru_stime


if __name__ == "__main__":
    main()
