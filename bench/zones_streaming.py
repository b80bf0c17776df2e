"""A hundred million records in ten thousand zones: how long they take to be on disk, and in how much memory.

    SYNTHOR_DATA=... python bench/zones_streaming.py [--records N] [--copies C]

Copies of the controls of the Corvallis-Albany-Lebanon area (`zones.py`), scaled to so many records, from spec to manifest by
the command line, one Parquet file a zone. Killed in the middle, begun again, and compared with a run that was not.
Writes bench/results/zones_streaming.md.
"""

import argparse
import hashlib
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import polars as pl

import harness
import zones

COMMAND = "from synthor.cli import main; main()"
HEAD = (
    "| zones | records | seconds | CPU seconds | peak | files | on disk | killed after | begun again | same bytes | off |\n"
    + "|---" * 11
    + "|\n"
)


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--records", type=int, default=100_000_000)
    asked.add_argument("--copies", type=int, default=13)
    given = asked.parse_args()
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    controls = pl.read_csv(place / "control_totals_taz.csv"), pl.read_csv(place / "control_totals_tract.csv")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        n_zones, _ = zones.write_spec(folder, controls, given.copies)
        run("fit", folder / "spec.yaml", "--out", folder / "whole", "--quiet")
        run("fit", folder / "spec.yaml", "--out", folder / "killed", "--quiet")
        begin, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
        verdict = sample(folder / "whole", given.records)
        seconds, after = time.perf_counter() - begin, resource.getrusage(resource.RUSAGE_CHILDREN)
        process = subprocess.Popen(command("sample", folder / "killed", *sampled(given.records)), stdout=subprocess.DEVNULL)
        time.sleep(0.6 * seconds)
        process.kill()
        process.wait()
        begin = time.perf_counter()
        sample(folder / "killed", given.records)
        again = time.perf_counter() - begin
        files = list((folder / "whole" / "by_taz").rglob("*.parquet"))
        size = sum(file.stat().st_size for file in files)
        same = digest(folder / "whole") == digest(folder / "killed")
        cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
        found = json.loads((folder / "whole" / "measurement.json").read_text(encoding="utf-8"))
        off = sum(target["tae"] for target in found["targets"])
    row = (
        f"| {n_zones:,} | {given.records:,} | {seconds:.0f} | {cpu:.0f} | {after.ru_maxrss / 1024:.0f} MB | {len(files):,} | "
        f"{size / 2**20:,.0f} MB | {0.6 * seconds:.0f} s | {again:.0f} | {'yes' if same else 'no'} | {off} |"
    )
    told = harness.dated({"row": row, "verdict": verdict, "load": os.getloadavg()[0]})
    note = f"Load {told['load']:.1f} at the end; {told['date']}, {told['machine']}. {verdict}"
    print(row, note, sep="\n")
    harness.write("zones_streaming", told, f"# Records in zones, streamed\n\n{HEAD}{row}\n\n{note}\n")


def command(*words: object) -> list[str]:
    return [sys.executable, "-c", COMMAND, *map(str, words)]


def sampled(records: int) -> list[str]:
    return ["-n", str(records), "--partition", "taz", "--quiet"]


def run(*words: object) -> str:
    """What a verb prints; targets that are missed end it with 1."""
    done = subprocess.run(command(*words), stdout=subprocess.PIPE, text=True, check=False)
    if done.returncode > 1:
        raise SystemExit(done.returncode)
    return done.stdout.strip()


def sample(folder: Path, records: int) -> str:
    return run("sample", folder, *sampled(records))


def digest(folder: Path) -> str:
    """Of all files of records."""
    found = hashlib.sha256()
    for file in sorted((folder / "by_taz").rglob("*")):
        if file.is_file():
            found.update(str(file.relative_to(folder)).encode() + file.read_bytes())
    return found.hexdigest()


if __name__ == "__main__":
    main()
