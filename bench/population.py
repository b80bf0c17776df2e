"""What does a population of households with their persons cost, from a spec with tables at two levels and beliefs?

    python bench/population.py              all sizes
    python bench/population.py 40000        only some sizes; nothing is written
    python bench/population.py --one 10000  one of them, here and now, as a row of JSON

Writes bench/results/population.json and population.md. The made-up town of `levels.py` is counted: twelve tables, 304 cells at
two levels, and 60 tables of pairs within households, within persons and between the two, which are believed (confidence 0.7)
as they are in the town. Nothing else is handed in: candidates are drawn by the template. Each run is a process of its own, with
one thread for linear algebra; memory is the most it took. *Believed tables* is the mean TVD between those 60 tables in the
records and in the town, beside that of beliefs of which the model is sure (confidence 0.99), of a run without beliefs, and of
chance: as many households drawn at random from the town, with replacement.
"""

import argparse
import itertools
import json
import os
import resource
import time
from collections.abc import Sequence
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np

from harness import BENCH, ROOT, dated, python, write
from levels import EDGES, SCHEMA, TOWN, town
from synthor import Prior, compile_problem, parse_spec
from synthor.fit.model import fit
from synthor.measure import Tally
from synthor.measure.coded import coded
from synthor.prior.model import Dependency
from synthor.sample.stream import sample
from synthor.schema import Ref, Units
from synthor.types import Floats

SIZES = (2_000, 10_000, 40_000, 100_000, 1_000_000)
N_BELIEVED, CONFIDENCE, SURE = 60, 0.7, 0.99

Row = dict[str, Any]
Pair = tuple[int, Ref, Ref]
"""The level whose rows are counted, and two columns that these see."""


def name_of(ref: Ref) -> str:
    return SCHEMA.levels[ref.level].variables[ref.column].name


def where(level: int, name: str) -> Ref:
    """The column that rows of a level see by a name."""
    at = level if name in SCHEMA.levels[level].names else 0
    return Ref(at, SCHEMA.levels[at].position(name))


def counted(units: Units, level: int, refs: Sequence[Ref]) -> Floats:
    """A table of the rows of a level."""
    shape = [SCHEMA.variable(ref).size for ref in refs]
    cells = np.ravel_multi_index([units.column(ref, level) for ref in refs], shape)
    return np.bincount(cells, minlength=int(np.prod(shape))).reshape(shape).astype(np.float64)


def pairs() -> list[Pair]:
    """Pairs of variables that are believed."""
    homes = [Ref(0, column) for column in range(len(SCHEMA.levels[0].variables))]
    persons = [Ref(1, column) for column in range(len(SCHEMA.levels[1].variables))]
    found = [(0, *two) for two in itertools.combinations(homes, 2)]
    found += [(1, *two) for two in itertools.combinations(persons, 2)]
    return [*found, *((1, home, person) for home in homes for person in persons)][-N_BELIEVED:]


def spec_of(real: Units) -> str:
    """The spec of a town whose tables are known, as JSON, which is YAML."""
    bins = [0, *EDGES.tolist()]
    own = {variable.name: list(variable.labels) for level in SCHEMA for variable in level.variables}
    targets: list[Row] = [{"rows": "person", "count": real.n_rows(1)}]
    for level, names in TOWN:
        table = counted(real, level, [where(level, name) for name in names])
        labels = [own[name] for name in names]
        rows = [dict(zip(names, combination, strict=True)) for combination in itertools.product(*labels)]
        cells = [row | {"count": int(count)} for row, count in zip(rows, table.ravel(), strict=True)]
        targets.append({"name": " by ".join(names), "table": cells} | ({"rows": "person"} if level else {}))
    return json.dumps(
        {
            "unit": "household",
            "records": len(real),
            "variables": {
                "type": {"type": "category", "values": own["type"]},
                "size": {"from": "count(person)", "bins": [1, 2, 3, 4, 5, 6]},
                "tenure": {"type": "category", "values": own["tenure"]},
                "income": {"type": "category", "values": own["income"]},
                "workers": {"from": "count(person, work = 'yes')", "bins": [0, 1, 2, 3]},
                "children": {"from": "count(person, age < 18)", "bins": [0, 1, 2, 3]},
                "head_age": {"from": "head.age", "bins": bins},
                "partner_age": {"from": "partner.age", "bins": bins},
            },
            "members": {
                "person": {
                    "number": {"min": 1, "max": 10},
                    "role": "role",
                    "roles": {"head": 1, "partner": {"max": 1}},
                    "variables": {
                        "role": {"type": "category", "values": own["role"]},
                        "age": {"type": "integer", "min": 0, "max": 99, "bins": bins},
                        "sex": {"type": "category", "values": own["sex"]},
                        "work": {"type": "category", "values": own["work"]},
                    },
                }
            },
            "targets": targets,
        }
    )


def beliefs_of(real: Units, confidence: float) -> Prior:
    told = []
    for level, given, of in pairs():
        rows = counted(real, level, [given, of]) + 1e-9
        percent = 100 * rows / rows.sum(axis=1, keepdims=True)
        told.append(Dependency(given=name_of(given), of=name_of(of), rows=percent.tolist(), confidence=confidence))
    return Prior(dependencies=told)


def apart(real: Units, made: Units) -> float:
    """Mean TVD of the believed tables in two towns."""
    found = []
    for level, given, of in pairs():
        one, other = (counted(units, level, [given, of]) for units in (real, made))
        found.append(float(np.abs(one / one.sum() - other / other.sum()).sum() / 2))
    return float(np.mean(found))


def run(real: Units, prior: Prior) -> Row:
    """From a spec to records."""
    problem = compile_problem(parse_spec(spec_of(real)))
    begin, cpu = time.perf_counter(), time.process_time()
    model = fit(problem, prior)
    fitted, fit_cpu = time.perf_counter(), time.process_time()
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    tally, parts = Tally(model.problem), []
    drawn = sample(model)
    for chunk in drawn.chunks():
        tally.add(chunk)
        parts.append(coded(chunk, problem.schema))
    found = tally.measurement()
    return {
        "status": model.status.value,
        "effective": round(model.effective_sample_size),
        "fit, s": fitted - begin,
        "fit, CPU s": fit_cpu - cpu,
        "fit, MB": memory,
        "records, s": time.perf_counter() - fitted,
        "MB": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024,
        "TAE": sum(one.tae for one in found.of_counts),
        "verdict": found.verdict,
        "believed tables": apart(real, parts[0].joined(*parts[1:])),
    }


def one(n: int) -> Row:
    """One town, with beliefs and without."""
    real = town(n, np.random.default_rng(n), like=True)
    told = run(real, beliefs_of(real, CONFIDENCE))
    row: Row = {"households": n, "persons": real.n_rows(1)} | told
    drawn = real.take(np.random.default_rng(n + 1).integers(0, n, n))
    return row | {
        "sure of them": run(real, beliefs_of(real, SURE))["believed tables"],
        "no beliefs": run(real, Prior())["believed tables"],
        "chance": apart(real, drawn),
    }


def page(rows: Sequence[Row], document: Row) -> str:
    names = ["households", "persons", "status", "effective", "fit, s", "fit, CPU s", "records, s", "MB", "TAE"]
    names += ["believed tables", "sure of them", "no beliefs", "chance"]
    shown = [[f"{row[name]:,.3g}" if isinstance(row[name], float) else f"{row[name]}" for name in names] for row in rows]
    lines = [f"| {' | '.join(line)} |" for line in (names, ["---"] * len(names), *shown)]
    head = f"# Households with their persons, from a spec\n\n{document['date']}, {document['machine']}.\n\n"
    return head + "\n".join(lines) + f"\n\n{(__doc__ or '').split(chr(10) * 2, 2)[2].strip()}\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("sizes", nargs="*", type=int)
    parser.add_argument("--one", type=int)
    asked = parser.parse_args()
    if asked.one:
        print(json.dumps(one(asked.one)))
        return
    rows = []
    code = "import sys; sys.path.insert(0, sys.argv[1]); from population import one; import json; "
    code += "print(json.dumps(one(int(sys.argv[2]))))"
    for n in asked.sizes or SIZES:
        made = python(ROOT, code, [str(BENCH), str(n)])
        if made.returncode:
            raise SystemExit(made.stderr)
        rows.append(json.loads(made.stdout.splitlines()[-1]))
        print(rows[-1])
    if not asked.sizes:
        document = dated({"rows": rows})
        write("population", document, page(rows, document))


if __name__ == "__main__":
    main()
