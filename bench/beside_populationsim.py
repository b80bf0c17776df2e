"""Side by side with PopulationSim: the household controls of 930 zones and 35 tracts (CALM), from the same survey sample.

    SYNTHOR_DATA=... python bench/beside_populationsim.py [--populationsim PYTHON] [--prior prior.json] [--times N]

PYTHON is the interpreter of an environment with PopulationSim (`pip install populationsim`); unless it or POPULATIONSIM_PYTHON
names one, bench/.venv-populationsim is made, which takes minutes and about a gigabyte; delete the folder to be rid of it.

bench/populationsim holds PopulationSim's configuration: settings and controls of its own CALM example (release 0.10.0), without
what speaks of persons (they are no part of the data; the one table of persons that it insists on has one dummy a household),
without tracing of two zones and without summaries. synthor gets the same controls as five tables (`zones.py`), and writes CSV
as PopulationSim does. Both read the sample with the columns that are used, and no more.

Runs alternate, each in a process of its own, after one of each that is not counted: it leaves compiled files behind, those of
Numba among them, and notes which modules it has loaded in the end. The others import all of these first; until then it is
start-up. CPU seconds are those of the process and all that it started. Medians are shown.

Realism is the mean total variation distance between tables of the five household variables, in the categories of the controls,
and those of the weighted sample: all pairs, all triples, and the one of all five. The sample is of a larger area than the
controls, whose totals differ from its own: no population that meets the controls has distance 0. So the same is shown against
the sample raked to the totals of the controls. PopulationSim copies households of the very sample that it is compared with;
so, once more, each is given half of the sample's addresses, and compared with the other half.

Writes bench/results/beside_populationsim.json and beside_populationsim.md.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import yaml

from harness import BENCH, COMMAND, ROOT, commit, dated, environment, spent, write
from synthor.evaluate.tables import tvd
from synthor.ipf import ipf
from synthor.types import Floats
from zones import SPEC, TABLES

ENVIRONMENT = BENCH / ".venv-populationsim"
REQUIREMENTS = ("populationsim==0.10.0",)
CONFIGURATION = BENCH / "populationsim"
PACKAGES = ("populationsim", "numpy", "pandas", "numba", "ortools")
HOUSEHOLDS = 62_041

WORDS = {2: "pairs", 3: "triples", 5: "all five"}
RAKED = "what they are compared with, raked to the controls' totals"

NAMES, MARK = "NAMES_OF_MODULES", "MARK_OF_START"
"""Environment variables: the file that names the modules which a run has loaded in the end, and that of when they are there."""

NOTED = f"""
import atexit, os, sys
atexit.register(lambda: open(os.environ["{NAMES}"], "w").write("\\n".join(sys.modules)))
"""
STARTED = f"""
import importlib, os, time
for name in open(os.environ["{NAMES}"]).read().splitlines():
    try:
        importlib.import_module(name)
    except Exception:
        pass
open(os.environ["{MARK}"], "w").write(f"{{time.perf_counter()}} {{time.process_time()}}")
"""
POPULATIONSIM = "import sys; from populationsim.__main__ import main; sys.exit(main())"

VARIABLES: Mapping[str, Mapping[str, str]] = yaml.safe_load(SPEC.format(records=HOUSEHOLDS))["labels"]
"""Of each variable its controls' names, and the category that each counts."""

DWELLINGS = {1: "single", 2: "multi", 3: "mobile", 4: "duplex"}
INCOMES = (("low", 21_297), ("middle", 42_593), ("high", 85_185))
"""Upper edges, as PopulationSim's controls have them."""

BANDS = {"size": [2, 3, 4], "age": [25, 55, 65], "workers": [1, 2, 3]}
"""Left edges of all categories but the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tool:
    """One way to make the population.

    Attributes:
        name: in words.
        interpreter: of its environment.
        code: Python that runs it.
        arguments: of its command line.
        out: the folder that it fills, empty before each run.
        made: reads the households that lie there: TAZ, and the five variables as they are written.
    """

    name: str
    interpreter: Path
    code: str
    arguments: tuple[str, ...]
    out: Path
    made: Callable[[], pl.DataFrame]

    def run(self, before: str, names: Path) -> "Taken":
        """Run it after some Python, measured."""
        shutil.rmtree(self.out, ignore_errors=True)
        self.out.mkdir()
        mark = names.with_suffix(".mark")
        mark.write_text("0 0", encoding="utf-8")
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
        threads = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
        variables = {**kept, **threads, "PYTHONPATH": str(ROOT / "src"), NAMES: str(names), MARK: str(mark)}
        begin = time.perf_counter()
        found = spent([str(self.interpreter), "-c", before + self.code, *self.arguments], variables, self.out)
        if found.code != 0:
            raise SystemExit(f"{self.name} ended with {found.code}:\n{found.stdout[-4000:]}\n{found.stderr[-4000:]}")
        at, cpu = (float(word) for word in mark.read_text(encoding="utf-8").split())
        return Taken(wall=found.seconds, start_wall=at - begin, cpu=found.cpu, start_cpu=cpu, memory=found.memory / 1e6)


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What a run took, or the medians of several: seconds, of which start-up, and megabytes."""

    wall: float
    start_wall: float
    cpu: float
    start_cpu: float
    memory: float

    @classmethod
    def median(cls, runs: "Sequence[Taken]") -> "Taken":
        """Of each figure by itself."""
        columns = zip(*(asdict(run).values() for run in runs), strict=True)
        return cls(**dict(zip(asdict(runs[0]), (statistics.median(column) for column in columns), strict=True)))


def households(place: Path) -> pl.DataFrame:
    """The survey sample: PopulationSim's columns, and the five variables as synthor's spec has them."""
    frame = pl.read_csv(place / "households_core.csv", infer_schema_length=None).rename({"hhnum": "hh_id"})
    income = pl.lit("top")
    for label, edge in reversed(INCOMES):
        income = pl.when(pl.col("HHINCADJ") <= edge).then(pl.lit(label)).otherwise(income)
    return frame.select(
        *("hh_id", "SERIALNO"),
        *("PUMA", "WGTP", "NP", "AGEHOH", "HHINCADJ", "NWESR", "HTYPE"),
        size="NP",
        age="AGEHOH",
        income=income,
        workers="NWESR",
        dwelling=pl.col("HTYPE").replace_strict(DWELLINGS, return_dtype=pl.String),
        w="WGTP",
    )


def populationsim(interpreter: Path, place: Path, sample: pl.DataFrame, folder: Path) -> Tool:
    """PopulationSim, its inputs laid out."""
    data, out = folder / "data", folder / "output"
    data.mkdir(parents=True)
    sample.select("hh_id", "PUMA", "WGTP", "NP", "AGEHOH", "HHINCADJ", "NWESR", "HTYPE").write_csv(data / "households.csv")
    sample.select("hh_id", per_num=1).write_csv(data / "persons.csv")
    crosswalk = pl.read_csv(place / "geo_cross_walk.csv").rename({"TRACTCE": "TRACT"})
    crosswalk.select("TAZ", "TRACT", "PUMA", "REGION").write_csv(data / "geo_cross_walk.csv")
    for level in ("taz", "tract"):
        shutil.copy(place / f"control_totals_{level}.csv", data)

    def made() -> pl.DataFrame:
        frame = pl.read_csv(out / "final_expanded_household_ids.csv")
        return frame.join(sample, on="hh_id", how="left", maintain_order="left").select("TAZ", *VARIABLES, "hh_id")

    arguments = ("-c", str(CONFIGURATION), "-d", str(data), "-o", str(out))
    return Tool(name="PopulationSim", interpreter=interpreter, code=POPULATIONSIM, arguments=arguments, out=out, made=made)


def synthor(name: str, controls: Mapping[str, pl.DataFrame], folder: Path, more: str = "", prior: Path | None = None) -> Tool:
    """Synthor, its spec and tables laid out.

    Args:
        name: in words.
        controls: by the name of their areas.
        folder: for them.
        more: lines of the spec.
        prior: beliefs.
    """
    folder.mkdir(exist_ok=True)
    for file, columns in TABLES.items():
        controls[columns[0] if file != "crosswalk.csv" else "TAZ"].select(columns).write_csv(folder / file)
    (folder / "spec.yaml").write_text(SPEC.format(records=HOUSEHOLDS) + more, encoding="utf-8")
    out = folder / "out"
    beliefs = () if prior is None else ("--prior", str(prior))
    arguments = ("run", str(folder / "spec.yaml"), "--out", str(out), "--format", "csv", "--quiet", *beliefs)

    def made() -> pl.DataFrame:
        return pl.read_csv(out / "records.csv").rename({"taz": "TAZ"}).select("TAZ", *VARIABLES)

    return Tool(name=name, interpreter=Path(sys.executable), code=COMMAND, arguments=arguments, out=out, made=made)


def coded(frame: pl.DataFrame) -> pl.DataFrame:
    """Households' categories, by their places among the controls."""
    numbers = [pl.sum_horizontal([pl.col(name) >= edge for edge in edges]).alias(name) for name, edges in BANDS.items()]
    labels = [
        pl.col(name).replace_strict({label: at for at, label in enumerate(VARIABLES[name].values())}, return_dtype=pl.Int64)
        for name in ("income", "dwelling")
    ]
    return frame.with_columns([*(number.cast(pl.Int64) for number in numbers), *labels])


def accuracy(made: pl.DataFrame, controls: Mapping[str, pl.DataFrame]) -> list[dict[str, Any]]:
    """How far each control is off: one row a control."""
    tract_of = controls["TAZ"].select("TAZ", "TRACTGEOID")
    placed = coded(made).join(tract_of, on="TAZ", how="left")
    rows = []
    for file, (area, *fields) in TABLES.items():
        if file == "crosswalk.csv":
            continue
        variable = file.removesuffix(".csv")
        for code, field in enumerate(fields):
            counted = placed.filter(pl.col(variable) == code).group_by(area).agg(got=pl.len().cast(pl.Int64))
            both = controls[area].select(area, wanted=field).join(counted, on=area, how="left").fill_null(0)
            wanted = both["wanted"].to_numpy().astype(np.float64)
            off = both["got"].to_numpy() - wanted
            rows.append(
                {
                    "control": field,
                    "areas": len(wanted),
                    "percent RMSE": float(100 * np.sqrt((off**2).mean()) / wanted.mean()),
                    "TAE": int(np.abs(off).sum()),
                    "off by more than 1": int((np.abs(off) > 1).sum()),
                }
            )
    return rows


def joint(frame: pl.DataFrame, weights: Floats | None = None) -> Floats:
    """Shares of all combinations of categories, an axis a variable."""
    shape = [len(labels) for labels in VARIABLES.values()]
    cells = np.ravel_multi_index([coded(frame)[name].to_numpy() for name in VARIABLES], shape)
    found = np.bincount(cells, weights, int(np.prod(shape))).reshape(shape)
    return found / found.sum()


def raked(table: Floats, totals: Mapping[str, Floats]) -> Floats:
    """A table whose one-way tables are these."""
    places = np.indices(table.shape).reshape(table.ndim, -1)
    sums = [(places[axis], totals[name], totals[name]) for axis, name in enumerate(VARIABLES)]
    found, agreed = ipf(table.ravel(), sums, sweeps=1_000, tolerance=1e-12)
    if not agreed:
        raise SystemExit("the sample cannot be raked to the controls")
    return found.reshape(table.shape)


def distance(table: Floats, reference: Floats, size: int) -> float:
    """Mean TVD of all tables of so many variables."""
    found = []
    for group in combinations(range(table.ndim), size):
        others = tuple(axis for axis in range(table.ndim) if axis not in group)
        found.append(tvd(table.sum(axis=others), reference.sum(axis=others)))
    return float(np.mean(found))


def totals_of(controls: Mapping[str, pl.DataFrame]) -> dict[str, Floats]:
    """Shares of the region's households in each category, by the controls."""
    found = {}
    for name, labels in VARIABLES.items():
        area = next(columns[0] for columns in TABLES.values() if next(iter(labels)) in columns)
        counts = controls[area].select(pl.col(list(labels)).sum()).to_numpy()[0].astype(np.float64)
        found[name] = counts / counts.sum()
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """All runs of a tool.

    Attributes:
        first: that is not counted.
        counted: the others.
        made: the households of the last.
        alike: whether all made the same.
    """

    first: Taken
    counted: Sequence[Taken]
    made: pl.DataFrame
    alike: bool

    def told(self) -> str:
        """Each run, in words."""
        each = ", ".join(f"{run.wall:.1f} {run.cpu:.1f}" for run in self.counted)
        first = f"{self.first.wall:.1f} {self.first.cpu:.1f}"
        return f"{each}; before them, not counted, {first}; {'the same' if self.alike else 'other'} households each time"


def measured(tools: Sequence[Tool], times: int, folder: Path) -> dict[str, Runs]:
    """Runs of all tools, alternately, by their names; one of each before them."""
    files = {tool.name: folder / f"modules-{at}.txt" for at, tool in enumerate(tools)}
    found: dict[str, Runs] = {}
    for tool in tools:
        first = tool.run(NOTED, files[tool.name])
        found[tool.name] = Runs(first=first, counted=(), made=tool.made(), alike=True)
    for _ in range(times):
        for tool in tools:
            taken, before = tool.run(STARTED, files[tool.name]), found[tool.name]
            made = tool.made()
            alike = before.alike and made.equals(before.made)
            found[tool.name] = Runs(first=before.first, counted=(*before.counted, taken), made=made, alike=alike)
            print(tool.name, taken, flush=True)
    return found


def page(told: Mapping[str, Any]) -> str:
    """The results in words and tables."""
    names, costs = list(told["costs"]), {name: Taken(**cost) for name, cost in told["costs"].items()}
    theirs = costs["PopulationSim"]
    lines = [
        "# Beside PopulationSim",
        "",
        f"{told['date']}, {told['machine']}; synthor {told['synthor']}, {told['versions']}; load average "
        f"{told['load'][0]:.1f} at the beginning, {told['load'][1]:.1f} in the end; {told['times']} runs each, alternately.",
        "",
        "```text",
        (__doc__ or "").strip(),
        "```",
        "",
        "## Cost",
        "",
        "Median seconds; *times shorter* is PopulationSim's by the tool's, both without start-up.",
        "",
        "| | CPU | of that start-up | without | times shorter | wall | of that start-up | without | times shorter | peak MB |",
        "|" + "---|" * 10,
    ]
    for name, cost in costs.items():
        cpu, wall = cost.cpu - cost.start_cpu, cost.wall - cost.start_wall
        ratios = (theirs.cpu - theirs.start_cpu) / cpu, (theirs.wall - theirs.start_wall) / wall
        lines.append(
            f"| {name} | {cost.cpu:.1f} | {cost.start_cpu:.1f} | {cpu:.2f} | {ratios[0]:.1f} | {cost.wall:.1f} "
            f"| {cost.start_wall:.1f} | {wall:.2f} | {ratios[1]:.1f} | {cost.memory:.0f} |"
        )
    lines += ["", "Every run, seconds with start-up (wall, CPU):", ""]
    lines += [f"- {name}: {told['each'][name]}" for name in names]
    lines += ["", "## Controls", "", "%RMSE is the root of the mean squared difference over areas, by the mean of the control."]
    lines += ["TAE is the sum of absolute differences; *off* counts areas that are off by more than 1.", ""]
    lines += ["| control | areas | " + " | ".join(f"{name}: %RMSE | TAE | off" for name in names) + " |"]
    lines += ["|" + "---|" * (2 + 3 * len(names))]
    for at, row in enumerate(told["accuracy"]["PopulationSim"]):
        cells = [told["accuracy"][name][at] for name in names]
        shown = " | ".join(f"{cell['percent RMSE']:.2f} | {cell['TAE']:,} | {cell['off by more than 1']}" for cell in cells)
        lines.append(f"| {row['control']} | {row['areas']} | {shown} |")
    sums = [[sum(row[head] for row in told["accuracy"][name]) for head in ("TAE", "off by more than 1")] for name in names]
    lines += ["| all | | " + " | ".join(f" | {tae:,} | {off:,}" for tae, off in sums) + " |", "", "## Realism", ""]
    lines += ["Mean TVD of tables of the five household variables; *raked*: from the sample raked to the controls' totals.", ""]
    lines += distances(told["realism"])
    lines += ["", "From one half of the sample, against its other half:", "", *distances(told["of half"])]
    lines += ["", "## Distinct households", ""]
    lines += [
        "| | households | distinct in the spec's five variables | in the categories of the controls |",
        "|---|---|---|---|",
    ]
    lines += [f"| {name} | {' | '.join(f'{n:,}' for n in told['distinct'][name])} |" for name in told["distinct"]]
    lines += ["", f"PopulationSim used {told['used']:,} of the sample's {told['distinct']['the sample'][0]:,} households."]
    return "\n".join([*lines, ""])


def distances(rows: Mapping[str, Mapping[str, float]]) -> list[str]:
    """A table of distances."""
    heads = list(next(iter(rows.values())))
    shown = [f"| {name} | " + " | ".join(f"{row[head]:.4f}" for head in heads) + " |" for name, row in rows.items()]
    return ["| | " + " | ".join(heads) + " |", "|" + "---|" * (len(heads) + 1), *shown]


def tools_for(
    interpreter: Path, place: Path, sample: pl.DataFrame, controls: Mapping[str, pl.DataFrame], folder: Path
) -> list[Tool]:
    """All that are compared, but the one with beliefs; with their inputs."""
    folder.mkdir()
    sample.select(*VARIABLES, "w").write_csv(folder / "sample.csv")
    joined = f"sample: {{file: {folder / 'sample.csv'}, weight: w}}\n"
    return [
        populationsim(interpreter, place, sample, folder / "populationsim"),
        synthor("synthor", controls, folder / "alone"),
        synthor("synthor with the sample", controls, folder / "joined", joined),
    ]


def realism(tables: Mapping[str, Floats], sample: pl.DataFrame, totals: Mapping[str, Floats]) -> dict[str, dict[str, float]]:
    """Distances of some joints, by their names, from the sample's, as it is and raked; after them its own, raked."""
    truth = joint(sample, sample["w"].to_numpy().astype(np.float64))
    moved = raked(truth, totals)
    return {
        name: {
            f"{word}{told}": distance(table, reference, size)
            for told, reference in (("", truth), (", raked", moved))
            for size, word in WORDS.items()
        }
        for name, table in {**tables, RAKED: moved}.items()
    }


def distinct(frame: pl.DataFrame) -> list[int]:
    """Households; how many are distinct in the five variables, and in their categories."""
    kinds = frame.select(list(VARIABLES))
    return [kinds.height, kinds.unique().height, coded(kinds).unique().height]


def halves(sample: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Half the addresses and the others, at random; weights doubled."""
    addresses = sample["SERIALNO"].unique().sort().shuffle(seed=1)
    first = sample["SERIALNO"].is_in(addresses.head(len(addresses) // 2).implode())
    doubled = sample.with_columns(pl.col("w", "WGTP") * 2)
    return doubled.filter(first), doubled.filter(~first)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--populationsim", type=Path, help="interpreter of an environment that has it")
    parser.add_argument("--prior", type=Path, help="beliefs, for one more comparison")
    parser.add_argument("--times", type=int, default=3, help="runs of each")
    given = parser.parse_args()
    named = given.populationsim or os.environ.get("POPULATIONSIM_PYTHON") or environment(ENVIRONMENT, REQUIREMENTS)
    interpreter = Path(named).absolute()
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    sample = households(place)
    controls = {
        area: pl.read_csv(place / f"control_totals_{level}.csv") for area, level in (("TAZ", "taz"), ("TRACTGEOID", "tract"))
    }
    totals = totals_of(controls)
    begun = os.getloadavg()[0]
    with tempfile.TemporaryDirectory() as name:
        tools = tools_for(interpreter, place, sample, controls, Path(name) / "whole")
        if given.prior is not None:
            believed = synthor("synthor with beliefs", controls, Path(name) / "believed", prior=given.prior.resolve())
            tools.append(believed)
        found = measured(tools, given.times, Path(name))
        used, other = halves(sample)
        of_half = measured(tools_for(interpreter, place, used, controls, Path(name) / "half"), 0, Path(name))
    joints = {tool: joint(runs.made) for tool, runs in found.items()}
    joints["independence, by the controls' totals"] = raked(np.full((4,) * len(VARIABLES), 1.0), totals)
    joints_of_half = {tool: joint(runs.made) for tool, runs in of_half.items()}
    joints_of_half["the half that is used, raked to the controls' totals"] = raked(
        joint(used, used["w"].to_numpy().astype(np.float64)), totals
    )
    code = f"from importlib.metadata import version; print(', '.join(f'{{n}} {{version(n)}}' for n in {PACKAGES!r}))"
    versions = subprocess.run([str(interpreter), "-c", code], capture_output=True, text=True, check=True).stdout.strip()
    told = dated(
        {
            "synthor": commit(),
            "versions": versions,
            "load": [begun, os.getloadavg()[0]],
            "times": given.times,
            "costs": {tool: asdict(Taken.median(runs.counted)) for tool, runs in found.items()},
            "each": {tool: runs.told() for tool, runs in found.items()},
            "accuracy": {tool: accuracy(runs.made, controls) for tool, runs in found.items()},
            "realism": realism(joints, sample, totals),
            "of half": realism(joints_of_half, other, totals),
            "distinct": {"the sample": distinct(sample), **{tool: distinct(runs.made) for tool, runs in found.items()}},
            "used": found["PopulationSim"].made["hh_id"].n_unique(),
        }
    )
    write("beside_populationsim", told, page(told))


if __name__ == "__main__":
    main()
