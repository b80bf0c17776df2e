"""How fast and how exact are whole counts? Overlapping tables, two levels, and many one-way tables beside another tool.

    python bench/integers.py              (Linux or macOS; the first run builds humanleague, see bench/qis.py)
    python bench/integers.py --tables     counts bench/tables/oregon-ten anew; SYNTHOR_DATA names the folder of microdata

Writes bench/results/integers.json and integers.md. Every figure is the median of five runs, under five random seeds, of one
process with one thread for linear algebra; TAE, the sum over all cells of how far each is off, is the worst of the five.

- *Oregon*: ten overlapping two- and three-way tables of 77,536 households, counted from one file of microdata, so that they can
  be met, and the rules of examples/households. Nothing else is known: no beliefs. Source of the tables: American Community
  Survey 2006-2010, Public Use Microdata Sample, PUMA 600 in Oregon (see examples/households/make_targets.py).
- *Town*: 50,000 made-up households with their persons; the tables of both levels are counted from them. Candidates are
  households of another town, where families are larger, older, poorer and own less.
- *Toy*: the town of five kinds of household in tests/bank.py.
- *One-way*: 100,000 records, random marginals of eight and of twenty variables of six categories. qis makes eight in a table
  of 6^8 counts; twenty do not fit into any memory. Its runs alternate with ours.
"""

import argparse
import json
import os
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import polars as pl

from harness import BENCH, EXAMPLES, borrow_from_tests, dated, microdata, scattered, write
from qis import Qis
from synthor import Prior, compile_problem, load_spec, parse_spec, synthesize
from synthor.fit.balance import Hard, balance
from synthor.fit.pool import draw_pool
from synthor.fit.pool_size import POOL_SIZE
from synthor.prior.beliefs import resolve
from synthor.problem import Demanded
from synthor.sample.integerize import integerize
from synthor.schema import Cells, Rows, Units
from synthor.schema.units import cells_of
from synthor.spec.targets import TargetSpec
from synthor.types import Codes, Floats
from synthor.values import possible

EXAMPLE = EXAMPLES / "households"
TABLES = BENCH / "tables" / "oregon-ten"
RUNS = 5

TEN = (
    ("persons", "head_age"),
    ("persons", "household_type"),
    ("household_type", "children_under_18", "tenure"),
    ("workers", "income"),
    ("head_age", "tenure", "food_stamps"),
    ("income", "tenure", "vehicles"),
    ("building", "tenure"),
    ("building", "heating_fuel"),
    ("persons", "workers", "vehicles"),
    ("head_age", "income"),
)

Row = dict[str, Any]


def table_of(names: Sequence[str]) -> Path:
    return TABLES / ("_by_".join(names) + ".csv")


def count_tables() -> None:
    """Count the ten tables from the microdata, and see that no household in it breaks a rule."""
    problem = compile_problem(load_spec(EXAMPLE / "spec.yaml"))
    real = microdata()
    names = [variable.name for variable in problem.schema.unit.variables]
    codes = np.stack([variable.encode(real[variable.name]) for variable in problem.schema.unit.variables], axis=1)
    units = Units.flat(codes.astype(np.int32))
    broken = int((~possible(problem, units)).sum())
    print(f"{len(units):,} households in the microdata, {broken} of them break a rule")
    TABLES.mkdir(parents=True, exist_ok=True)
    for table in TEN:
        variables = [problem.variables[name] for name in table]
        shape = [variable.size for variable in variables]
        counts = cells_of(units, 0, [names.index(name) for name in table], shape).totals(
            real["weight"].to_numpy().astype(float)
        )
        places = np.unravel_index(np.arange(len(counts)), shape)
        columns = {v.name: [v.labels[code] for code in place] for v, place in zip(variables, places, strict=True)}
        pl.DataFrame({**columns, "count": counts.astype(np.int64)}).write_csv(table_of(table))


def oregon(random_seed: int) -> Row:
    """The whole path through the public API."""
    spec = load_spec(EXAMPLE / "spec.yaml")
    targets = [TargetSpec(table=str(table_of(names))) for names in TEN]
    ten = spec.model_copy(update={"targets": targets, "model": None, "random_seed": random_seed}).placed_in(EXAMPLE)
    begin = time.perf_counter()
    run = synthesize(ten, prior=Prior())
    whole = time.perf_counter() - begin
    made = scattered(run.sample)
    off = [np.abs(t.cells(made.distinct).totals(made.counts.astype(float)) - t.wanted) for t in run.model.problem.targets]
    return {
        "case": "Oregon, ten overlapping tables",
        "units": run.sample.problem.n_units,
        "cells": sum(len(cells) for cells in off),
        "status": run.model.status.value,
        "TAE": int(sum(cells.sum() for cells in off)),
        "worst cell": int(max(cells.max() for cells in off)),
        "broken rules": int((~possible(run.model.problem, made.distinct)).sum()),
        "swaps": run.sample.swaps,
        "moves": run.sample.moves,
        "fit, s": run.seconds["fit"],
        "integerize, s": run.seconds["sample"],
        "whole, s": whole,
    }


def town(n: int, random: np.random.Generator, *, families: float, age: float, rich: float) -> Units:
    """Households by size, tenure and income class, with persons by age band, sex and work.

    Args:
        n: households.
        random: draws them.
        families: weight of each further person.
        age: added to the age band of the first person, in standard deviations.
        rich: added to the income, in standard deviations.
    """
    size = random.choice(6, n, p=_shares(families ** np.arange(6) * [0.9, 1, 0.6, 0.5, 0.2, 0.1])) + 1
    head = np.clip(np.round(2.6 + 1.1 * (random.normal(size=n) + age)), 1, 4).astype(int)
    unit = np.repeat(np.arange(n), size)
    place = np.arange(len(unit)) - np.repeat(np.cumsum(size) - size, size)
    child = (place >= 2) | ((place == 1) & (random.random(len(unit)) < 0.15))
    grown = np.clip(head[unit] + random.integers(-1, 2, len(unit)) * (place > 0), 1, 4)
    band = np.where(child, 0, grown)
    works = (random.random(len(unit)) < np.array([0.0, 0.65, 0.85, 0.7, 0.1])[band]).astype(int)
    earners = np.bincount(unit, works, n)
    money = np.clip(np.round(0.2 + 0.9 * earners + 0.7 * (random.normal(size=n) + rich)), 0, 3).astype(int)
    owns = (random.random(n) < 1 / (1 + np.exp(1.8 - 0.7 * money - 0.4 * head))).astype(int)
    persons = np.stack([band, random.integers(0, 2, len(unit)), works], axis=1)
    households = np.stack([size - 1, owns, money], axis=1)
    return Units(row_tables=(Rows(codes=households.astype(np.int32)), Rows(codes=persons.astype(np.int32), parent=unit)))


def _shares(weights: Floats) -> Floats:
    return weights / weights.sum()


def two_level_town(random_seed: int) -> Row:
    random = np.random.default_rng(random_seed)
    n = 50_000
    real = town(n, random, families=1.0, age=0.0, rich=0.0)
    pool = town(n, random, families=1.3, age=0.4, rich=-0.5)
    tables = ((0, (0, 1, 2), (6, 2, 4)), (1, (0, 1, 2), (5, 2, 2)))
    wanted = [cells_of(real, *table).totals(np.ones(n)) for table in tables]
    return two_levels(
        "Town, households and persons", pool, [cells_of(pool, *table) for table in tables], wanted, n, random_seed
    )


def toy(random_seed: int) -> Row:
    borrow_from_tests()
    from bank import two_levels as kinds

    units, hard = kinds()
    tables = [np.round(table.low * 1000) for table in hard]
    return two_levels("Toy, households and persons", units, [table.cells for table in hard], tables, 1000, random_seed)


def two_levels(case: str, pool: Units, cells: Sequence[Cells], wanted: Sequence[Floats], n: int, random_seed: int) -> Row:
    begin = time.perf_counter()
    found = balance(np.zeros(len(pool)), [Hard.exactly(c, w / n) for c, w in zip(cells, wanted, strict=True)])
    fitted = time.perf_counter()
    tables = [Demanded.between(c, w, w) for c, w in zip(cells, wanted, strict=True)]
    order = np.lexsort(pool.row_tables[0].codes.T[::-1])
    whole = integerize(found.weights, n, tables, order, np.random.default_rng(random_seed))
    end = time.perf_counter()
    off = [np.abs(table.off(whole.counts)) for table in tables]
    return {
        "case": case,
        "units": n,
        "members": int(wanted[1].sum()),
        "cells": sum(len(table) for table in off),
        "status": found.status.value,
        "TAE": int(sum(table.sum() for table in off)),
        "TAE of households": int(off[0].sum()),
        "TAE of persons": int(off[1].sum()),
        "worst cell": int(max(table.max() for table in off)),
        "swaps": whole.swaps,
        "fit, s": fitted - begin,
        "integerize, s": end - fitted,
        "whole, s": end - begin,
    }


def marginals_of(n_variables: int, random_seed: int) -> list[list[int]]:
    random = np.random.default_rng(random_seed)
    return [random.multinomial(100_000, random.dirichlet(np.full(6, 2.0))).tolist() for _ in range(n_variables)]


def one_way(marginals: list[list[int]], random_seed: int) -> Row:
    labels = [f"c{i}" for i in range(6)]
    spec = parse_spec(
        json.dumps(
            {
                "records": 100_000,
                "random_seed": random_seed,
                "variables": {f"v{v}": {"type": "category", "values": labels} for v in range(len(marginals))},
                "targets": [{"counts": {f"v{v}": dict(zip(labels, c, strict=True))}} for v, c in enumerate(marginals)],
            }
        )
    )
    problem = compile_problem(spec)
    begin = time.perf_counter()
    draw_pool(problem, resolve(Prior(), problem), size=POOL_SIZE, random_seed=random_seed)
    drawn = time.perf_counter()
    run = synthesize(spec)
    whole = time.perf_counter()
    run.records  # noqa: B018  made when first looked at
    end = time.perf_counter()
    made = scattered(run.sample)
    codes: Codes = np.repeat(made.distinct.row_tables[0].codes, made.counts, axis=0)
    off = [np.abs(np.bincount(codes[:, v], minlength=6) - wanted).sum() for v, wanted in enumerate(marginals)]
    return {
        "case": f"One-way, {len(marginals)} variables of six categories",
        "units": len(codes),
        "cells": 6 * len(marginals),
        "status": run.model.status.value,
        "TAE": int(sum(off)),
        "swaps": run.sample.swaps,
        "moves": run.sample.moves,
        "pool, s": drawn - begin,
        "fit, s": run.seconds["fit"],
        "integerize, s": run.seconds["sample"],
        "whole, s": whole - drawn,
        "whole and records, s": end - drawn,
    }


def beside_qis() -> list[Row]:
    """Ours and qis by turns."""
    eight, twenty, theirs = [], [], []
    qis = Qis()
    for random_seed in range(RUNS + 1):  # the first warms up
        marginals = marginals_of(8, random_seed)
        found = qis.timed(marginals)
        row = {"whole, s": found["counts"], "whole and records, s": found["records"], "TAE": found["TAE"]}
        theirs.append({"case": "One-way, 8 variables: humanleague's qis", "units": 100_000, "cells": 48, **row})
        eight.append(one_way(marginals, random_seed))
        twenty.append(one_way(marginals_of(20, random_seed), random_seed))
    qis.close()
    return [over_runs(rows[1:]) for rows in (theirs, eight, twenty)]


def over_runs(rows: list[Row]) -> Row:
    """One row of several runs: medians of what was timed, the worst of what was counted."""
    found: Row = {}
    for name, value in rows[0].items():
        values = [row[name] for row in rows]
        if name.endswith(", s"):
            found[name] = round(statistics.median(values), 3)
        elif isinstance(value, str):
            found[name] = " / ".join(sorted(set(values)))
        else:
            found[name] = max(values)
    return found


def text_of(document: Row) -> str:
    """The result for people."""
    columns = list(dict.fromkeys(name for row in document["rows"] for name in row))
    shown = [
        [f"{row[name]:,}" if isinstance(row.get(name), int) else str(row.get(name, "")) for name in columns]
        for row in document["rows"]
    ]
    by_case = {row["case"].split(",")[0]: row for row in document["rows"]}
    theirs, eight, twenty = document["rows"][-3:]
    lines = [
        "# Whole counts: how fast and how exact",
        "",
        f"`python bench/integers.py`, {document['date']}, {document['machine']}. Seconds are medians of {RUNS} runs, one "
        "for each of as many random seeds; counts are the worst of them. TAE is the sum over all cells of how far each is off. "
        "*Whole* is everything from the spec (or the pool) to whole counts; *pool* is part of *fit*.",
        "",
        "| " + " | ".join(columns) + " |",
        "|" + "---|" * len(columns),
        *("| " + " | ".join(row) + " |" for row in shown),
        "",
        f"- Oregon: TAE {by_case['Oregon']['TAE']:,} of {by_case['Oregon']['units']:,} households "
        f"({by_case['Oregon']['TAE'] / by_case['Oregon']['units']:.3%}), worst cell off by {by_case['Oregon']['worst cell']}.",
        f"- Town: TAE {by_case['Town']['TAE of households'] / by_case['Town']['units']:.3%} of the households and "
        f"{by_case['Town']['TAE of persons'] / by_case['Town']['members']:.3%} of the persons.",
        f"- One-way, whole counts: eight variables took {eight['whole, s'] / theirs['whole, s']:.2f} of the time of qis, "
        f"twenty {twenty['whole, s'] / theirs['whole, s']:.2f} of it; with all records, "
        f"{eight['whole and records, s'] / theirs['whole and records, s']:.2f} and "
        f"{twenty['whole and records, s'] / theirs['whole and records, s']:.2f}.",
        "",
    ]
    return "\n".join(lines)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("--tables", action="store_true", help="count the Oregon tables anew")
    if arguments.parse_args().tables:
        count_tables()
        return
    rows = [over_runs([case(seed) for seed in range(RUNS + 1)][1:]) for case in (oregon, two_level_town, toy)] + beside_qis()
    document = dated(
        {
            "rows": rows,
        }
    )
    text = text_of(document)
    write("integers", document, text)
    print(text)


if __name__ == "__main__":
    main()
