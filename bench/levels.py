"""How exact are whole counts of households with persons, and what do they cost?

    python bench/levels.py               all sizes, several seeds of the small ones
    python bench/levels.py 50 1000       only some sizes; nothing is written
    python bench/levels.py --one 50 3    one town, here and now, as a row of JSON

Writes bench/results/levels.json and levels.md. A made-up town of households with their persons is drawn from known joints:
couples whose ages go together, children younger than the head, work by age, income by who works. Its tables at both levels
are counted as whole numbers, so whole numbers meet them. Candidates are households of another town, where other types are
common and a person's age has nothing to do with its role or with the head's; every tenth is a household of the town itself.
They are handed in, and nothing else may be made of them: where no weights meet the tables, whole numbers cannot either.

- *Zone*: 50 households of a region of 5,000; seven tables, 40 cells at two levels; every tenth of 20,000 candidates is a
  household of the region.
- *Town*: twelve tables, 304 cells at two levels, among them a relation of three (workers, tenure, children), ages of couples,
  and persons by what their household has; 20,000 to 60,000 candidates.

TAE is the sum over all cells of how far each is off; *one-way and nested* leaves out the relation of three and the ages of
couples. Each run is a process of its own, with one thread for linear algebra; memory is the most it took.
"""

import argparse
import json
import os
import resource
import statistics
import sys
import time
from collections.abc import Sequence
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np

from harness import BENCH, ROOT, dated, python, write
from synthor import Prior, parse_spec
from synthor.fit.model import Model, fit
from synthor.problem import Axis, Count, Problem, Target, TargetGrid
from synthor.randomness import generator
from synthor.sample.alike import exchange_alike
from synthor.sample.integerize import integerize, shuffled_tree
from synthor.sample.settle import settle_counts
from synthor.sample.whole import whole_tables
from synthor.schema import Level, Ref, Rows, Schema, Units, Variable
from synthor.spec.variables import Category
from synthor.types import CellIndex, Counts

CANDIDATES = {50: 20_000, 1_000: 20_000, 10_000: 40_000, 50_000: 60_000}
REGION, ZONES = 5_000, 50
"""Households of the region that a zone or a small town is part of; places up to so many are zones."""

SEEDS = {50: 10, 1_000: 5, 10_000: 2, 50_000: 1}

Row = dict[str, Any]


def category(name: str, labels: str) -> Variable:
    return Category(type="category", values=labels.split()).build(name)


AGES = "0-5 6-14 15-17 18-29 30-44 45-59 60-74 75+"
EDGES = np.array([6, 15, 18, 30, 45, 60, 75])
ALONE, COUPLE, FAMILY, LONE, SHARED = range(5)
HEAD, PARTNER, CHILD, OTHER = range(4)
HOME = (
    category("type", "alone couple family lone shared"),
    category("size", "1 2 3 4 5 6+"),
    category("tenure", "owned rented social"),
    category("income", "low middle good high"),
    category("workers", "0 1 2 3+"),
    category("children", "0 1 2 3+"),
    category("head_age", AGES),
    category("partner_age", AGES + " none"),
)
PERSON = (
    category("role", "head partner child other"),
    category("age", AGES),
    category("sex", "female male"),
    category("work", "no yes"),
)
SCHEMA = Schema(
    levels=(Level(name="household", variables=HOME), Level(name="person", variables=PERSON, parent="household")),
)
ZONE: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("type",)),
    (0, ("size",)),
    (0, ("tenure",)),
    (0, ("income",)),
    (1, ("age", "sex")),
    (1, ("role",)),
    (1, ("work",)),
)
TOWN: tuple[tuple[int, tuple[str, ...]], ...] = (
    (0, ("type", "size")),
    (0, ("tenure", "income")),
    (0, ("size", "tenure")),
    (0, ("workers", "tenure", "children")),
    (0, ("head_age", "partner_age")),
    (1, ("age", "sex")),
    (1, ("role", "age")),
    (1, ("role", "sex")),
    (1, ("age", "work")),
    (1, ("age", "tenure")),
    (1, ("work", "income")),
    (1, ("role", "type")),
)
OTHERS = ("workers by tenure by children", "head_age by partner_age")
"""Tables that are neither one-way nor nested."""


def town(n: int, random: np.random.Generator, *, like: bool) -> Units:
    """Households with their persons.

    Args:
        n: households.
        random: draws them.
        like: whether joints are the town's own; otherwise types are others, and ages and work hang on nothing but chance.
    """
    kind = random.choice(5, n, p=[0.30, 0.27, 0.28, 0.08, 0.07] if like else [0.18, 0.2, 0.3, 0.16, 0.16])
    with_children = (kind == FAMILY) | (kind == LONE)
    some = random.choice([1, 2, 3, 4], n, p=[0.42, 0.38, 0.15, 0.05] if like else [0.3, 0.3, 0.25, 0.15])
    n_children = np.where(with_children, some, 0)
    n_partners = ((kind == COUPLE) | (kind == FAMILY)).astype(int)
    n_others = np.where(kind == SHARED, random.choice([1, 2, 3], n, p=[0.6, 0.25, 0.15]), 0)
    n_others += with_children & (random.random(n) < 0.06)
    size = 1 + n_partners + n_children + n_others
    unit = np.repeat(np.arange(n), size)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(size) - size, size)
    partners, children = n_partners[unit], n_children[unit]
    role = np.select([place == 0, place <= partners, place <= partners + children], [HEAD, PARTNER, CHILD], OTHER)
    sex = random.integers(0, 2, len(unit))
    head_sex = sex[place == 0]
    together = (role == PARTNER) & (random.random(len(unit)) < 0.98)
    sex = np.where(together, 1 - head_sex[unit], sex)
    age = _ages(kind, unit, role, random) if like else random.integers(0, 90, len(unit))
    age = np.where((role != CHILD) & (age < 18) & (role != OTHER), age % 60 + 18, age)
    band = np.searchsorted(EDGES, age, side="right")
    chance = np.array([0.0, 0.0, 0.15, 0.7, 0.83, 0.78, 0.18, 0.01])[band] - 0.18 * ((role == PARTNER) & (children > 0))
    work = (random.random(len(unit)) < (np.clip(chance, 0, 1) if like else 0.45 * (band >= 2))).astype(int)
    workers = np.bincount(unit, work, n).astype(int)
    adults = np.bincount(unit, band >= 3, n)
    wealth = 0.5 + 0.75 * workers + 0.25 * adults + random.normal(size=n) * (0.8 if like else 1.5)
    income = np.clip(np.floor(wealth), 0, 3).astype(int)
    owned = 1 / (1 + np.exp(2.4 - 0.6 * income - 0.03 * age[place == 0]))
    tenure = np.where(random.random(n) < owned, 0, 1 + (random.random(n) < 0.55 - 0.15 * income))
    partner_age = np.full(n, len(EDGES) + 1)
    partner_age[unit[role == PARTNER]] = band[role == PARTNER]
    minors = np.bincount(unit, band < 3, n).astype(int)
    homes = [kind, np.minimum(size, 6) - 1, tenure, income, np.minimum(workers, 3), np.minimum(minors, 3)]
    households = np.stack([*homes, band[place == 0], partner_age], axis=1).astype(np.int32)
    persons = np.stack([role, band, sex, work], axis=1).astype(np.int32)
    return Units(row_tables=(Rows(codes=households), Rows(codes=persons, parent=unit)))


def _ages(kind: CellIndex, unit: CellIndex, role: CellIndex, random: np.random.Generator) -> CellIndex:
    """Years: heads by type, partners near their heads, children a generation younger, others anything."""
    n = len(kind)
    old = random.random(n) < 0.35
    head = np.select(
        [(kind == ALONE) & old, kind == ALONE, (kind == COUPLE) & old, kind == COUPLE, kind == FAMILY, kind == LONE],
        [76 + 7 * random.normal(size=n), 44 + 15 * random.normal(size=n), 70 + 7 * random.normal(size=n),
         44 + 13 * random.normal(size=n), 41 + 7 * random.normal(size=n), 40 + 9 * random.normal(size=n)],
        33 + 14 * random.normal(size=n),
    )  # fmt: skip
    head = np.clip(head, 18, 95)[unit]
    m = len(unit)
    partner = np.clip(head + 3.5 * random.normal(size=m), 18, 95)
    child = np.clip(head - 30 + 5 * random.normal(size=m), 0, np.maximum(head - 15, 0))
    other = np.where(random.random(m) < 0.5, 30 + 14 * random.normal(size=m), 66 + 10 * random.normal(size=m))
    years = np.select([role == HEAD, role == PARTNER, role == CHILD], [head, partner, child], np.clip(other, 0, 95))
    return years.astype(np.int64)


def table(level: int, names: Sequence[str], real: Units) -> Target:
    """A table of the rows of a level by columns of theirs or of their household, as it was counted."""
    axes = []
    for name in names:
        at = level if name in SCHEMA.levels[level].names else 0
        position = SCHEMA.levels[at].position(name)
        variable = SCHEMA.levels[at].variables[position]
        own = np.arange(variable.size, dtype=np.int32)
        axes.append(Axis(position=position, ref=Ref(at, position), variable=variable, labels=variable.labels, group_of=own))
    grid = TargetGrid(axes=tuple(axes))
    found = Target(name=" by ".join(names), statistic=Count(), level=level, grid=grid, wanted=np.zeros(grid.size))
    return Target(
        name=found.name, statistic=Count(), level=level, grid=grid, wanted=found.cells(real).totals(np.ones(len(real)))
    )


def problem_of(n: int, random_seed: int) -> tuple[Problem, Units]:
    """A town, or a zone of it, and candidates for it."""
    random = np.random.default_rng((n, random_seed))
    region = town(max(n, REGION), random, like=True)
    real = region.take(np.sort(random.choice(len(region), n, replace=False)))
    n_candidates, own = CANDIDATES[n], region if n <= ZONES else real
    drawn = town(n_candidates - n_candidates // 10, random, like=False)
    pool = drawn.joined(own.take(np.sort(random.choice(len(own), n_candidates // 10, replace=True))))
    spec = parse_spec(f"{{records: {n}, random_seed: {random_seed}, variables: {{tenure: {{type: boolean}}}}}}")
    targets = tuple(table(level, names, real) for level, names in (ZONE if n <= ZONES else TOWN))
    return Problem(spec=spec, n_units=n, schema=SCHEMA, targets=targets, rules=()), pool


def one(n: int, random_seed: int) -> Row:
    """One town from tables to whole counts, stage by stage."""
    problem, pool = problem_of(n, random_seed)
    begin = time.perf_counter()
    model = fit(problem, Prior(), handed=(pool, None))
    fitted = time.perf_counter()
    fit_memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    row: Row = {
        "households": n,
        "persons": int(problem.targets[-1].wanted.sum()),
        "cells": sum(target.grid.size for target in problem.targets),
        "candidates": len(pool),
        "seed": random_seed,
        "status": model.status.value,
        "unsupported": len(model.lacking),
        "fit, s": fitted - begin,
    }
    return row | stages(model, problem) | {"fit, MB": fit_memory // 1024}


def off(targets: Sequence[Target], units: Units, counts: Counts) -> list[int]:
    """TAE of each table."""
    found = []
    for target in targets:
        got = target.cells(units).totals(counts.astype(np.float64))
        found.append(int((np.maximum(got - target.high, 0) + np.maximum(target.low - got, 0)).sum()))
    return found


def stages(model: Model, problem: Problem) -> Row:
    """What `sample` does, one step after the other."""
    units, weights = model.pool.units, model.weights
    begin = time.perf_counter()
    random = generator(problem.spec.random_seed, "integerize", "zone", "", "part", 0)
    order = shuffled_tree(units.columns(), random)
    found = integerize(weights, problem.n_units, whole_tables(problem, units, weights), order, random)
    whole = time.perf_counter()
    counts = found.counts
    if found.error:
        counts, _ = exchange_alike(weights, counts, whole_tables(problem, units, weights), random)
    alike = time.perf_counter()
    exact = settle_counts(problem, units, counts, model.log_weight, weights, random, patient=not model.contradictions)
    end = time.perf_counter()
    first, second = off(problem.targets, units, found.counts), off(problem.targets, units, counts)
    last = off(problem.targets, exact.units, exact.counts)
    other = [name in OTHERS for name in (target.name for target in problem.targets)]
    return {
        "swaps": found.swaps,
        "TAE after swaps": sum(first),
        "TAE after exchanges": sum(second),
        "TAE": sum(last),
        "TAE, one-way and nested": sum(tae for tae, odd in zip(last, other, strict=True) if not odd),
        "exchanged": exact.exchanged,
        "swaps, s": whole - begin,
        "exchanges, s": alike - whole,
        "settle, s": end - alike,
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
    }


def table_of(rows: Sequence[Row]) -> list[str]:
    """One line a size: medians of what was timed, the worst of what was counted."""
    columns = [name for name in rows[0] if name not in ("seed", "status")]
    lines = ["| runs | status | " + " | ".join(columns) + " |", "|" + "---|" * (len(columns) + 2)]
    for n in dict.fromkeys(row["households"] for row in rows):
        these = [row for row in rows if row["households"] == n]
        cells = [str(len(these)), " / ".join(sorted({row["status"] for row in these}))]
        for name in columns:
            values = [row[name] for row in these]
            cells.append(f"{statistics.median(values):.2f}" if name.endswith(", s") else f"{max(values):,}")
        lines.append("| " + " | ".join(cells) + " |")
    return lines


def text_of(document: Row) -> str:
    """The result for people."""
    rows = document["rows"]
    lines = [
        "# Households with persons: whole counts at two levels",
        "",
        f"`python bench/levels.py`, {document['date']}, {document['machine']}. Seconds are medians, counts and memory "
        "the worst of the runs of a size, one for each of as many random seeds. TAE is the sum over all cells of how far "
        "each is off. Where no weights of the candidates meet the tables (status unsupported) it cannot come to 0.",
        "",
        *table_of(rows),
        "",
        "## Each run",
        "",
        "| households | seed | status | TAE after swaps | after exchanges | at the end | one-way and nested |",
        "|---|---|---|---|---|---|---|",
    ]
    names = ("households", "seed", "status", "TAE after swaps", "TAE after exchanges", "TAE", "TAE, one-way and nested")
    lines += ["| " + " | ".join(str(row[name]) for name in names) + " |" for row in rows]
    return "\n".join([*lines, ""])


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("sizes", nargs="*", type=int, help="households, of those above")
    arguments.add_argument("--one", nargs=2, type=int, metavar=("N", "SEED"), help="one town, here and now")
    chosen = arguments.parse_args()
    if chosen.one:
        print(json.dumps(one(*chosen.one)))
        return
    code = "import sys; sys.path.insert(0, sys.argv[1]); from levels import one; import json; "
    code += "print(json.dumps(one(int(sys.argv[2]), int(sys.argv[3]))))"
    rows = []
    for n in chosen.sizes or SEEDS:
        for random_seed in range(1, SEEDS[n] + 1):
            made = python(ROOT, code, [str(BENCH), str(n), str(random_seed)])
            if made.returncode:
                raise SystemExit(made.stderr)
            rows.append(json.loads(made.stdout))
            print(made.stdout, end="", file=sys.stderr, flush=True)
    document = dated({"rows": rows})
    text = text_of(document)
    if not chosen.sizes:
        write("levels", document, text)
    print(text)


if __name__ == "__main__":
    main()
