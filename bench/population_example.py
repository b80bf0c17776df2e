"""How near do households made from beliefs come to real ones, in tables that were no target? The example of Buenos Aires.

    SYNTHOR_DATA=... python bench/population_example.py

Writes bench/results/population_example.json and .md. Pairs of variables in seven groups: two of a household; two of a person;
one of a household and one of each of its persons; one of the head and one of the partner; one of the head and one of each
child; one of a child and one of the next younger; one of a household and how many of its members have a role.

*Recovered* is the share of independence's TVD that is gone, over a group; independence is given all that the spec states
(targets, numbers of roles, what follows from members, its rules) and nothing of the model. Real households are a sample, so
that nobody could recover all: the *noise* of a table is half the mean TVD between its two random halves (a half is off by the
square root of two times as much as the whole, and the difference of two halves by that once more), the *ceiling* of a group is
what is recovered by whoever is at noise in each table. Tables in which independence is not even twice the noise away are not
counted. *Real households*: random samples of so many, with their weights, fitted to the same targets as far as they can be.
"""

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

os.environ |= {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}

import numpy as np
import polars as pl

from harness import COMMAND, EXAMPLES, ROOT, dated, python, write
from synthor import Prior, compile_problem, load_spec
from synthor.fit.balance import balance
from synthor.fit.model import one_thread
from synthor.fit.pool import kept_pool
from synthor.fit.structure import Structure
from synthor.prior.beliefs import resolve
from synthor.prior.sampled import SampledUnits, joined_units
from synthor.problem import Problem
from synthor.schema import Ref, Units
from synthor.types import CellIndex, Codes, Counts, Floats

HERE = EXAMPLES / "population"
LATER, FIRST, PAIRS = ("targeted", "revise"), "first round", "pairs alone"
"""Stages of a later round; the first recording without it, and without what the first round asks beside tables of pairs."""

HALVES, SAMPLES, SLACK = 20, 10, 2e-3
CORRELATION, GAP = "couples' age correlation", "head's age less a child's, 5, 50, 95%"
LARGE, LARGEST = 6, 10
OF_LARGE = f"of households of {LARGE} or more, % with {LARGE} to {LARGEST - 1} and {LARGEST} or more"
SIZES = (100, 200, 300, 500, 700, 1_000, 1_500, 2_000, 3_000)
GROUPS = (
    "within household", "within person", "household and person", "head and partner", "head and child", "siblings",
    "counts in households",
)  # fmt: skip
SPEC = (HERE / "spec.yaml").read_text(encoding="utf-8")
ASKED = 'model: {name: "replay:answers.jsonl"}'
assert ASKED in SPEC

MOST_COUNTED = 4
"""Members with one role that are told apart by their number."""

FIT = """
import sys, time
import synthor.cli.app
from synthor import compile_problem, load_spec
from synthor.fit.model import fit
from synthor.prior.model import load_prior
problem, prior = compile_problem(load_spec(sys.argv[1])), load_prior(sys.argv[2])[0]
begin = time.process_time()
assert fit(problem, prior).status.value == "converged"
print(time.process_time() - begin)
"""
"""One fit by itself, with the beliefs of a run, as the command line makes it."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Table:
    """One pair of columns of some rows.

    Attributes:
        group: of tables.
        name: of the two variables.
        cell: of each row.
        unit: of each row.
        size: cells.
    """

    group: str
    name: str
    cell: CellIndex
    unit: CellIndex
    size: int

    def shares(self, weights: Floats) -> Floats:
        found = np.bincount(self.cell, weights[self.unit], self.size)
        return found / max(float(found.sum()), 1e-300)


def tables_of(problem: Problem, units: Units, ages: Floats) -> list[Table]:
    """All pairs in all groups."""
    schema = problem.schema
    person = schema.levels[1]
    homes = [Ref(0, column) for column in range(len(schema.unit.variables))]
    role = Ref(1, person.position(person.role))
    own = [Ref(1, column) for column in range(len(person.variables))]
    rest = [ref for ref in own if ref != role]
    head, partner, child = (person.role_of(name) for name in ("head", "partner", "child"))
    persons, above = np.arange(units.n_rows(1)), units.above(0, 1)

    def name(ref: Ref) -> str:
        return schema.variable(ref).name

    def size(ref: Ref) -> int:
        return schema.variable(ref).size

    def codes(ref: Ref, at: int) -> Codes:
        return units.column(ref, at)

    def of(group: str, pairs: Iterator[tuple[str, Codes, int, str, Codes, int]], unit: CellIndex) -> Iterator[Table]:
        for one, first, n, other, second, m in pairs:
            there = (first >= 0) & (second >= 0)
            cells = first[there].astype(np.int64) * m + second[there]
            yield Table(group, f"{one} by {other}", cells, unit[there], n * m)

    def pair(one: Ref, other: Ref, at: int, what: tuple[str, str] = ("", "")) -> tuple[str, Codes, int, str, Codes, int]:
        sizes = schema.variable(one).size, schema.variable(other).size
        return what[0] + name(one), codes(one, at), sizes[0], what[1] + name(other), codes(other, at), sizes[1]

    found = [*of(GROUPS[0], (pair(a, b, 0) for i, a in enumerate(homes) for b in homes[i + 1 :]), np.arange(len(units)))]
    found += of(GROUPS[1], (pair(a, b, 1) for i, a in enumerate(own) for b in own[i + 1 :]), above)
    found += of(GROUPS[2], (pair(a, b, 1) for a in homes for b in own), above)
    mine = [Ref(1, ref.column, role=head) for ref in rest]
    theirs = [Ref(1, ref.column, role=partner) for ref in rest]
    found += of(GROUPS[3], (pair(a, b, 0, ("head.", "partner.")) for a in mine for b in theirs), np.arange(len(units)))
    children = [Ref(1, ref.column, among=child) for ref in rest]
    found += of(GROUPS[4], (pair(a, b, 1, ("head.", "child.")) for a in mine for b in children), above)
    rows = persons[codes(role, 1) == child.code]
    rows = rows[np.lexsort((-ages[rows], above[rows]))]
    after = np.flatnonzero(above[rows[:-1]] == above[rows[1:]])
    older, younger = rows[after], rows[after + 1]
    found += of(
        GROUPS[5],
        (
            (
                name(a),
                codes(a, 1)[older],
                schema.variable(a).size,
                f"next {name(b)}",
                codes(b, 1)[younger],
                schema.variable(b).size,
            )
            for a in rest
            for b in rest
        ),
        above[older],
    )
    for code, label in enumerate(person.variables[role.column].labels):
        if label == "head":
            continue
        number = np.bincount(above[codes(role, 1) == code], minlength=len(units))
        counted = np.minimum(number, MOST_COUNTED).astype(np.int32)
        both = ((name(a), codes(a, 0), schema.variable(a).size, f"count({label})", counted, MOST_COUNTED + 1) for a in homes)
        found += of(GROUPS[6], both, np.arange(len(units)))
    return found


def ages_of(sampled: SampledUnits) -> Floats:
    return sampled.frames[1]["age"].cast(pl.Float64).to_numpy()


def read(problem: Problem, folder: Path, weight: str | None) -> SampledUnits:
    """Units of a folder with a file a level."""
    frames = {at: _frame(folder, level.name) for at, level in enumerate(problem.schema)}
    where = {at: f"records of '{problem.schema.levels[at].name}'" for at in frames}
    return joined_units(problem, frames, where, key=problem.schema.unit.key, weight=weight)


def tvds(ours: Sequence[Floats], real: Sequence[Floats]) -> Floats:
    return np.array([np.abs(a - b).sum() / 2 for a, b in zip(ours, real, strict=True)])


def raked(problem: Problem, units: Units, weights: Floats, picks: Counts) -> Floats:
    """Weights of a sample of real units that meet the targets as far as the sample can."""
    some, nothing = np.flatnonzero(picks), resolve(Prior(), problem)
    with one_thread():
        pool = kept_pool(problem, nothing, units.take(some), np.log(picks[some]), 1.0)  # they are real, whatever rules say
        hard = Structure(pool).hard(problem, nothing)
        slack = [replace(one, demand=replace(one.demand, sigma=np.full(len(one.low), SLACK))) for one in hard]
        found = balance(pool.log_base, slack)
    full = np.zeros(len(weights))
    full[some] = found.weights
    return full


@dataclass(frozen=True)
class Truth:
    """Real units, and what chance makes of their tables."""

    problem: Problem
    real: SampledUnits
    tables: list[Table]
    shares: list[Floats]
    noise: Floats

    @classmethod
    def of(cls, problem: Problem, folder: Path) -> "Truth":
        real = read(problem, folder, "weight")
        tables = tables_of(problem, real.units, ages_of(real))
        found, dice, n = [], np.random.default_rng(0), len(real.units)
        for _ in range(HALVES):
            half = dice.permutation(n) < n // 2
            found.append(tvds(*([t.shares(real.weights * side) for t in tables] for side in (half, ~half))))
        return cls(problem, real, tables, [table.shares(real.weights) for table in tables], np.mean(found, axis=0) / 2)

    def of_folder(self, folder: Path) -> Floats:
        """TVD of each table of a run's records."""
        made = read(self.problem, folder, None)
        tables = tables_of(self.problem, made.units, ages_of(made))
        return tvds([table.shares(made.weights) for table in tables], self.shares)

    def of_sample(self, n: int, seed: int) -> Floats:
        """The same of so many real households, fitted to the targets."""
        dice = np.random.default_rng([n, seed])
        picks = dice.multinomial(n, self.real.weights / self.real.weights.sum())
        weights = raked(self.problem, self.real.units, self.real.weights, picks)
        return tvds([table.shares(weights) for table in self.tables], self.shares)


@contextmanager
def prepared() -> Iterator[tuple[Path, Truth]]:
    """A folder with the example's tables, for runs, and the real households."""
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        shutil.copytree(HERE, folder, dirs_exist_ok=True)
        code = (HERE / "make_tables.py").read_text(encoding="utf-8").replace("__file__", repr(str(HERE / "make_tables.py")))
        done = python(ROOT, code, ["--microdata", str(folder / "real")])
        if done.returncode:
            raise SystemExit(done.stdout + done.stderr)
        yield folder, Truth.of(compile_problem(load_spec(folder / "spec.yaml")), folder / "real")


def recorded() -> list[Path]:
    """The files of all recordings."""
    return sorted(HERE.glob("answers*.jsonl"), key=lambda path: path.stem)


def recordings() -> Iterator[tuple[str, list[str]]]:
    """Every recording; the first also without some of its answers."""
    for at, answers in enumerate(recorded()):
        lines = answers.read_text(encoding="utf-8").splitlines(keepends=True)
        yield answers.stem, lines
        if at == 0:
            first = [line for line in lines if json.loads(line).get("stage") not in LATER]
            yield f"{answers.stem} {FIRST}", first
            more = ("three_way", "differences")
            yield f"{answers.stem} {PAIRS}", [line for line in first if json.loads(line).get("stage") not in more]


def grouped(truth: Truth, alone: Floats, got: Floats, counted: Floats) -> Row:
    """What is recovered of each group, beside its ceiling."""
    found: Row = {}
    for group in GROUPS:
        these = np.array([table.group == group for table in truth.tables]) & (counted > 0)
        of_all = alone[these].sum()
        recovered, ceiling = 1 - got[these].sum() / of_all, 1 - truth.noise[these].sum() / of_all
        found[group] = {"tables": int(these.sum()), "alone": alone[these].mean(), "tvd": got[these].mean(),
                        "recovered": recovered, "ceiling": ceiling, "of ceiling": recovered / ceiling}  # fmt: skip
    found["mean of ceiling"] = float(np.mean([found[group]["of ceiling"] for group in GROUPS]))
    return found


def ages_of_kin(folder: Path) -> Row:
    """How the ages of couples go together, how much older heads are than their children, and how large large households are."""
    home, people = (_frame(folder, name) for name in ("household", "person"))
    people = people.join(
        home.select("household_id", weight="weight" if "weight" in home.columns else pl.lit(1.0)), on="household_id"
    )
    heads = people.filter(pl.col("role") == "head").select("household_id", head="age")
    couples = people.filter(pl.col("role") == "partner").join(heads, on="household_id")
    children = people.filter(pl.col("role") == "child").join(heads, on="household_id")
    together = np.cov(couples["head"], couples["age"], aweights=couples["weight"])
    gap, weight = (children["head"] - children["age"]).to_numpy(), children["weight"].to_numpy()
    order = np.argsort(gap)
    rising = np.cumsum(weight[order]) / weight.sum()
    size = people.group_by("household_id").agg(pl.len().clip(upper_bound=LARGEST), pl.col("weight").first())
    of_size = np.bincount(size["len"], size["weight"], LARGEST + 1)[LARGE:]
    return {OF_LARGE: (100 * of_size / of_size.sum()).round(1).tolist(),
            CORRELATION: together[0, 1] / np.sqrt(together[0, 0] * together[1, 1]),
            GAP: [int(gap[order][np.searchsorted(rising, at)]) for at in (0.05, 0.5, 0.95)]}  # fmt: skip


def _frame(folder: Path, name: str) -> pl.DataFrame:
    parquet = folder / f"{name}.parquet"
    return pl.read_parquet(parquet) if parquet.exists() else pl.read_csv(folder / f"{name}.csv", infer_schema_length=None)


def run(folder: Path, spec: str, out: str) -> Row:
    """One run by the command line, in a folder that holds the tables."""
    (folder / f"{out}.yaml").write_text(spec, encoding="utf-8")
    begin = time.perf_counter()
    done = python(ROOT, COMMAND, ["run", str(folder / f"{out}.yaml"), "--out", str(folder / out)])
    if done.returncode:
        raise SystemExit(done.stdout + done.stderr)
    model = json.loads((folder / out / "model.json").read_text(encoding="utf-8"))
    measured = json.loads((folder / out / "measurement.json").read_text(encoding="utf-8"))
    asked = [made for made in model["rounds"] if made["asked"]]
    return {"seconds": time.perf_counter() - begin, "status": model["status"], "exact": _exact(measured),
            "output tokens": sum(made["output_tokens"] for made in asked), "beliefs": model["beliefs"],
            "effective candidates": model["effective_sample_size"]}  # fmt: skip


def _exact(measured: Row) -> bool:
    return all(target["tae"] == 0 for target in measured["targets"])


def equivalent(truth: Truth, got: float, counted: Floats) -> Row:
    """How many real households come as near, by the mean TVD of all counted tables; lower and upper over samples."""
    means = np.array([[truth.of_sample(n, seed)[counted > 0].mean() for seed in range(SAMPLES)] for n in SIZES])
    logs = np.log(SIZES)

    def crossing(line: Floats) -> float:
        return float(np.exp(np.interp(-got, -line, logs)))

    found = sorted(crossing(np.minimum.accumulate(means[:, seed])) for seed in range(SAMPLES))
    return {"households": crossing(means.mean(axis=1)), "from": found[0], "to": found[-1],
            "by size": dict(zip(map(str, SIZES), means.mean(axis=1).tolist(), strict=True))}  # fmt: skip


def main() -> None:
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    with prepared() as (folder, truth):
        result: Row = {"real": ages_of_kin(folder / "real"), "alone": run(folder, SPEC.replace(ASKED, ""), "alone")}
        alone = truth.of_folder(folder / "alone")
        counted = np.where(alone >= 2 * truth.noise, 1.0, 0.0)
        result["tables"], result["not counted"] = len(counted), int((counted == 0).sum())
        result["alone"] |= ages_of_kin(folder / "alone")
        for name, lines in recordings():
            (folder / f"{name}.jsonl").write_text("".join(lines), encoding="utf-8")
            result[name] = run(folder, SPEC.replace("answers.jsonl", f"{name}.jsonl"), name)
            got = truth.of_folder(folder / name)
            result[name] |= ages_of_kin(folder / name) | {"groups": grouped(truth, alone, got, counted)}
            result[name]["mean tvd"] = float(got[counted > 0].mean())
            fitted = python(ROOT, FIT, [str(folder / f"{name}.yaml"), str(folder / name / "prior.json")])
            result[name]["fit, CPU s"] = float(fitted.stdout)
            print(json.dumps({name: result[name]}, indent=1), flush=True)
        for n in (300, 1_000):
            samples = np.mean([truth.of_sample(n, seed) for seed in range(SAMPLES)], axis=0)
            result[f"{n} real households"] = {"groups": grouped(truth, alone, samples, counted)}
        whole = [answers.stem for answers in recorded()]
        middle = float(np.median([result[name]["mean tvd"] for name in whole]))
        result["equivalent"] = equivalent(truth, middle, counted) | {"of": whole}
    write("population_example", dated(result), page(dated(result)))
    print(page(dated(result)))


def page(result: Row) -> str:
    """The figures as a page."""
    names = [name for name in result if name.startswith("answers") or name.endswith("households")]
    lines = ["# Households of Buenos Aires from beliefs", "", f"{result['date']}, {result['machine']};"
             f" {result['tables']} tables, {result['not counted']} of them not counted.", ""]  # fmt: skip
    lines += ["| group | tables | independence | ceiling | " + " | ".join(names) + " |", "|---" * (4 + len(names)) + "|"]
    first = result[names[0]]["groups"]
    for group in GROUPS:
        told = first[group]
        each = [f"{result[name]['groups'][group]['recovered']:.2f}" for name in names]
        lines.append(f"| {group} | {told['tables']} | {told['alone']:.3f} | {told['ceiling']:.2f} | {' | '.join(each)} |")
    of = [f"{result[name]['groups']['mean of ceiling']:.2f}" for name in names]
    lines += [f"| mean of recovered / ceiling | | | | {' | '.join(of)} |", ""]
    found = result["equivalent"]
    lines += [
        f"{', '.join(found['of'])}: worth {found['households']:.0f} real households ({found['from']:.0f} to {found['to']:.0f}"
        f" over {SAMPLES} samples) by the mean TVD of all counted tables, their median.",
        "",
    ]
    lines += [
        f"| | seconds, all | of these fit, CPU | tokens out | exact | {CORRELATION} | {GAP} | {OF_LARGE} |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name in ("real", "alone", *(name for name in names if name.startswith("answers"))):
        one = result[name]
        lines.append(
            f"| {name} | {one.get('seconds', 0):.0f} | {one.get('fit, CPU s', 0):.0f} | {one.get('output tokens', '')} |"
            f" {one.get('exact', '')} |"
            f" {one[CORRELATION]:.3f} | {one[GAP]} | {', '.join(f'{share:.0f}' for share in one[OF_LARGE])} |"
        )
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    main()
