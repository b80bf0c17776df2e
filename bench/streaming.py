"""How fast a fitted model becomes records on disk, against raw NumPy draws and a raw polars write of the same columns.

    python bench/streaming.py                      (10 million records, three times)
    python bench/streaming.py --records 100000000 --times 1

Writes bench/results/streaming.json and streaming.md; another number of records writes files of its own beside them. Every
repetition is a child process that runs the library, reads its own peak memory, and then runs the baseline. Set-up (elicit,
fit, integerize) is timed apart: it does not grow with the number of records.
"""

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import polars as pl

from harness import dated, write
from synthor import Prior, parse_spec
from synthor.engine.local import in_order
from synthor.loop import synthesize
from synthor.prior.model import Dependency
from synthor.run import Population, draw
from synthor.sample.arrangement import CHUNK
from synthor.schema import Variable
from synthor.schema.kinds import BOOLEAN, CATEGORY, INTEGER
from synthor.store.packed import Format
from synthor.store.parquet import LEVEL

N_RECORDS = 10_000_000
MEDIANS = (
    "seconds", "raw seconds", "rate against raw", "CPU seconds", "raw CPU seconds", "CPU against raw", "set-up seconds",
)  # fmt: skip
SPEC = """
title: Ten columns, many records
records: 100000
random_seed: 1
variables:
  region: {type: category, values: [REGIONS]}
  tenure: {type: category, values: [owned, mortgaged, rented, free]}
  education: {type: category, values: [none, school, college, bachelor, master, doctor]}
  occupation: {type: category, values: [none, farm, craft, office, sales, care, teaching, transport, science, managing]}
  urban: {type: boolean}
  car: {type: boolean}
  age: {type: integer, min: 0, max: 99, bins: [0, 5, 16, 18, 25, 35, 45, 55, 65, 75, 85]}
  persons: {type: integer, min: 1, max: 12, bins: [1, 2, 3, 4, 5]}
  income: {type: number, min: 0, max: 500000, bins: [0, 10000, 20000, 35000, 50000, 75000, 100000, 150000], decimals: 0}
  rent: {type: number, min: 0, max: 4000, bins: [0, 500, 1000, 1500, 2000], decimals: 2}
targets:
  - {shares: {urban: {yes: 71.3, no: 28.7}}}
  - {shares: {tenure: {owned: 31.2, mortgaged: 33.9, rented: 32.8, free: 2.1}}}
  - {shares: {age: {0-4: 5.6, 5-15: 13.1, 16-17: 2.4, 18-24: 9.2, 25-34: 13.9, 35-44: 13.3, 45-54: 12.1, 55-64: 12.7,
                    65-74: 10.4, 75-84: 5.2, 85+: 2.1}}}
  - {shares: {persons: {1: 12.7, 2: 30.9, 3: 20.2, 4: 20.4, 5+: 15.8}}}
  - {table: [{car: no, urban: no, share: 4.1}, {car: no, urban: yes, share: 24.9}, {car: yes, urban: no, share: 24.6},
             {car: yes, urban: yes, share: 46.4}]}
rules:
  - {never: age < 17 and car}
  - {never: "age < 16 and occupation != 'none'"}
  - {never: "age < 22 and education in ('master', 'doctor')"}
  - {never: "tenure = 'rented' and rent = 0"}
""".replace("REGIONS", ", ".join(f"r{number:02d}" for number in range(36)))


def fitted() -> Population:
    """The population whose expansion is timed, with beliefs on four pairs of variables."""
    ladder = [[60, 25, 10, 3, 1.5, 0.5], [20, 40, 20, 15, 4, 1], [10, 30, 25, 25, 8, 2], [25, 35, 20, 15, 4, 1]]
    beliefs = Prior(
        dependencies=[
            Dependency(given="tenure", of="education", rows=ladder),
            Dependency(given="urban", of="tenure", rows=[[45, 35, 17, 3], [25, 33, 40, 2]]),
            Dependency(given="car", of="persons", rows=[[25, 30, 17, 15, 13], [8, 31, 22, 23, 16]]),
            Dependency(given="urban", of="car", rows=[[15, 85], [35, 65]]),
        ]
    )
    return synthesize(parse_spec(SPEC), prior=beliefs)


def raw_chunk(number: int, n_records: int, variables: tuple[Variable, ...]) -> pl.DataFrame:
    """Records without any model: each column drawn evenly by NumPy, in the types that records have."""
    random = np.random.default_rng(number)
    n = min(CHUNK, n_records - number * CHUNK)
    columns = []
    for variable in variables:
        if variable.kind == CATEGORY:
            codes = random.integers(0, variable.size, n, dtype=np.uint32)
            columns.append(pl.Series(variable.name, variable.labels, dtype=pl.Enum(variable.labels)).gather(codes))
        elif variable.kind == BOOLEAN:
            columns.append(pl.Series(variable.name, random.random(n) < 0.5))
        elif variable.kind == INTEGER:
            columns.append(pl.Series(variable.name, random.integers(int(variable.low[0]), int(variable.high[-1]) + 1, n)))
        else:
            values = np.round(random.uniform(variable.low[0], variable.high[-1], n), variable.decimals)
            columns.append(pl.Series(variable.name, values))
    return pl.DataFrame(columns)


def raw_write(folder: Path, format: Format, n_records: int, variables: tuple[Variable, ...]) -> None:
    """Draw and write without a model, on as many threads as the library draws with; one file a chunk."""
    n_chunks = -(-n_records // CHUNK)
    for number, frame in enumerate(in_order(lambda number: raw_chunk(number, n_records, variables), n_chunks)):
        if format == "parquet":
            path = folder / f"{number}.parquet"
            frame.write_parquet(path, compression="zstd", compression_level=LEVEL, row_group_size=frame.height)
        else:
            frame.write_csv(folder / f"{number}.csv")


def once(format: Format, n_records: int, folder: Path) -> dict[str, Any]:
    """Both writers after one another in this process; the library first, so that the peak of memory is its own."""
    begin = time.perf_counter()
    small = fitted()
    run = draw(small.model, n_records)
    setup = {stage: round(seconds, 2) for stage, seconds in {**small.seconds, **run.seconds}.items()}
    ready, cpu_ready = time.perf_counter(), time.process_time()
    measured = run.write(folder / "library", format=format)
    written, cpu_written = time.perf_counter(), time.process_time()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1024 if sys.platform == "linux" else 1)
    size = (folder / "library" / f"records.{format}").stat().st_size
    shutil.rmtree(folder / "library")
    (folder / "raw").mkdir()
    before, cpu_before = time.perf_counter(), time.process_time()
    raw_write(folder / "raw", format, n_records, small.model.problem.schema.unit.variables)
    after, cpu_after = time.perf_counter(), time.process_time()
    shutil.rmtree(folder / "raw")
    return {
        "format": format,
        "set-up seconds": round(ready - begin, 2),
        "set-up by stage": setup,
        "seconds": round(written - ready, 2),
        "raw seconds": round(after - before, 2),
        "rate against raw": round((after - before) / (written - ready), 3),
        "CPU seconds": round(cpu_written - cpu_ready, 2),
        "raw CPU seconds": round(cpu_after - cpu_before, 2),
        "CPU against raw": round((cpu_after - cpu_before) / (cpu_written - cpu_ready), 3),
        "peak MB": round(peak / 1e6),
        "file MB": round(size / 1e6, 1),
        "met": measured.met,
        "verdict": measured.verdict,
    }


def child(format: Format, n_records: int) -> dict[str, Any]:
    """`once` in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="streaming-") as folder:
        command = [sys.executable, __file__, "--records", str(n_records), "--once", format, "--folder", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def row(format: Format, runs: list[dict[str, Any]], n_records: int) -> str:
    """One line of the table: medians over the runs of one format."""
    of = {name: median(run[name] for run in runs) for name in MEDIANS}
    peak, size = max(run["peak MB"] for run in runs), runs[0]["file MB"]
    million = n_records / 1e6
    return (
        f"| {format} | {len(runs)} | {of['seconds']:.1f} | {million / of['seconds']:.2f} | {of['raw seconds']:.1f} | "
        f"{million / of['raw seconds']:.2f} | {of['rate against raw']:.2f} | {of['CPU seconds']:.1f} | "
        f"{of['raw CPU seconds']:.1f} | {of['CPU against raw']:.2f} | {peak:,} | {size:,.0f} | "
        f"{of['set-up seconds']:.1f} |"
    )


def page(n_records: int, runs: list[dict[str, Any]], machine: str) -> str:
    """The results as Markdown."""
    lines = [
        f"# {n_records:,} records of ten columns, from a fitted model to disk",
        "",
        f"`python bench/streaming.py --records {n_records}`, {machine}. Rates in millions of records a second, medians; peak "
        "memory is the largest of a child process from import to manifest, fit included. *Raw* is NumPy draws of the same "
        f"columns, evenly and without a model, on as many threads, written by polars with the same types, zstd level {LEVEL} "
        f"and chunks of {CHUNK:,}, each into a file of its own. The library also counts every target and rule on the records, "
        "joins all into one file, waits until it is on disk, and hashes it. Wall-clock time depends on what else the machine "
        f"does (load at the end: {os.getloadavg()[0]:.1f}); CPU time hardly does.",
        "",
        "| format | runs | seconds | rate | raw seconds | raw rate | rate against raw | CPU seconds | raw CPU seconds "
        "| the same by CPU time | peak MB | file MB | set-up seconds |",
        "|---|---|---|---|---|---|---|---|---|---|---|---|---|",
    ]
    formats: list[Format] = ["parquet", "csv"]
    for format in formats:
        these = [run for run in runs if run["format"] == format]
        lines += [row(format, these, n_records)] if these else []
    return "\n".join([*lines, "", f"All runs: {runs[0]['verdict']}", ""])


def main() -> None:
    parser = argparse.ArgumentParser(description="Records on disk per second.")
    parser.add_argument("--records", type=int, default=N_RECORDS)
    parser.add_argument("--times", type=int, default=3)
    parser.add_argument("--formats", nargs="+", default=["parquet", "csv"], choices=["parquet", "csv"])
    parser.add_argument("--once", choices=["parquet", "csv"], help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    told = parser.parse_args()
    if told.once:
        print(json.dumps(once(told.once, told.records, told.folder)))
        return
    runs = []
    for format in told.formats:
        for _ in range(told.times):
            runs.append(child(format, told.records))
            print({name: value for name, value in runs[-1].items() if name != "verdict"}, flush=True)
    assert all(run["met"] for run in runs)
    libraries = f"polars {pl.__version__}, NumPy {np.__version__}"
    document = dated({"libraries": libraries, "records": told.records, "columns": 10, "chunk": CHUNK, "runs": runs})
    name = "streaming" if told.records == N_RECORDS else f"streaming-{told.records}"
    write(name, document, page(told.records, runs, f"{document['date']}, {document['machine']}, {libraries}"))


if __name__ == "__main__":
    main()
