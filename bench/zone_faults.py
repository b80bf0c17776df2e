"""Is anything lost, or another byte written, when a run in zones is struck at random moments?

    python bench/zone_faults.py [--times N]

A made-up region of households with their persons is made by two workers, one Parquet file a zone. N times each (20
unless given)

- a worker is killed,
- the command itself is killed, and given again,
- the disk (a small file system, which only the superuser can mount) is full, and gets larger before the command is given again,
- the command is killed, a file that it left is cut short or changed by one byte, and the command is given again.

At the end every file but the manifest must be the same as without any of this. Writes bench/results/zone_faults.md; ends with 1
when one is not.
"""

import argparse
import hashlib
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl

import harness

COMMAND = "from synthor.cli import main; main()"
ZONES, PER_ZONE = 40, 60
SPEC = """
unit: household
records: {n}
random_seed: 1
variables:
  size: {{type: integer, min: 1, max: 4, bins: [1, 2, 3, 4], from: count(person)}}
members:
  person:
    number: {{min: 1, max: 4}}
    variables:
      age: {{type: integer, min: 0, max: 95, bins: [0, 18, 65]}}
zones: {{key: zone, within: {{tract: geo.csv}}}}
targets:
- {{table: size.csv}}
- {{rows: person, table: age.csv}}
"""
PAGE = 4096
"""Bytes by which a file takes room on a disk."""


def main() -> None:
    asked = argparse.ArgumentParser()
    asked.add_argument("--times", type=int, default=20)
    times, dice = asked.parse_args().times, random.Random(18)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_spec(folder)
        begin = time.perf_counter()
        assert started(folder, folder / "whole").wait() <= 1
        seconds, wanted = time.perf_counter() - begin, contents(folder / "whole")
        trial = Trial(folder, seconds, dice, wanted)
        kinds: dict[str, Callable[[Path], str]] = {
            "worker killed": trial.worker,
            "command killed": trial.command,
            "disk full": trial.disk,
            "file damaged": trial.damaged,
        }
        rows, all_same = [], True
        for kind, strike in kinds.items():
            told = [strike(folder / f"{kind}-{number}".replace(" ", "-")) for number in range(times)]
            same, struck = sum(one != "other" for one in told), sum(one == "struck" for one in told)
            all_same = all_same and same == times
            rows.append(f"| {kind} | {times} | {struck} | {same} |")
            print(rows[-1], flush=True)
    found = harness.dated({"rows": rows, "seconds": seconds})
    head = "| | times | struck before the end | same bytes |\n|---|---|---|---|\n"
    note = f"One run takes {seconds:.1f} s; {found['date']}, {found['machine']}."
    harness.write("zone_faults", found, f"# Faults at random moments\n\n{head}" + "\n".join(rows) + f"\n\n{note}\n")
    sys.exit(0 if all_same else 1)


def write_spec(folder: Path) -> None:
    """Write spec and tables, counted from whole households: of zones by size, of tracts by age of persons."""
    random_number = np.random.default_rng(18)
    zone = np.repeat(np.arange(ZONES), PER_ZONE)
    size = random_number.integers(1, 5, len(zone))
    age = random_number.choice(["0-17", "18-64", "65-95"], size.sum(), p=[0.2, 0.6, 0.2])
    households = pl.DataFrame({"zone": zone, "tract": zone // 8, "size": size})
    persons = pl.DataFrame({"tract": np.repeat(zone // 8, size), "age": age})
    households.group_by("zone", "size").len("count").sort("zone", "size").write_csv(folder / "size.csv")
    persons.group_by("tract", "age").len("count").sort("tract", "age").write_csv(folder / "age.csv")
    households.select("zone", "tract").unique().sort("zone").write_csv(folder / "geo.csv")
    (folder / "spec.yaml").write_text(SPEC.format(n=len(zone)), encoding="utf-8")


def started(folder: Path, out: Path) -> subprocess.Popen[bytes]:
    words = ["run", folder / "spec.yaml", "--out", out, "--partition", "zone", "--workers", "2", "--quiet"]
    silent = subprocess.DEVNULL
    return subprocess.Popen([sys.executable, "-c", COMMAND, *map(str, words)], stdout=silent, stderr=silent)


def contents(out: Path) -> dict[str, str]:
    """The hash of each file that a run leaves; the manifest has times in it."""
    files = [path for path in out.rglob("*") if path.is_file() and path.name != "manifest.json"]
    return {str(path.relative_to(out)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


class Trial:
    """What is done to a run; each tells "struck", "late" where the run had ended before, or "other" where bytes differ."""

    def __init__(self, folder: Path, seconds: float, dice: random.Random, wanted: dict[str, str]) -> None:
        self.folder, self.seconds, self.dice, self.wanted = folder, seconds, dice, wanted

    def worker(self, out: Path) -> str:
        process, struck = started(self.folder, out), False
        time.sleep(self.dice.uniform(0.2, 0.9) * self.seconds)
        for _ in range(200):
            if process.poll() is not None or struck:
                break
            for worker in children(process.pid):
                struck = kill(worker)
                break
            time.sleep(0.02)
        process.wait()
        return self.judged(out, struck)

    def command(self, out: Path) -> str:
        struck = self.killed(out, self.dice.uniform(0.1, 1.0))
        started(self.folder, out).wait()
        return self.judged(out, struck)

    def disk(self, out: Path) -> str:
        out.mkdir()
        size = sum(-(-(self.folder / "whole" / name).stat().st_size // PAGE) * PAGE for name in self.wanted)
        small = 16 * PAGE + int(self.dice.uniform(0.1, 1.0) * size)
        subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={small}", "tmpfs", str(out)], check=True)
        try:
            struck = started(self.folder, out).wait() > 1
            subprocess.run(["mount", "-o", "remount,size=1g", str(out)], check=True)
            started(self.folder, out).wait()
            return self.judged(out, struck)
        finally:
            subprocess.run(["umount", str(out)], check=True)

    def damaged(self, out: Path) -> str:
        struck = self.killed(out, self.dice.uniform(0.4, 1.0))
        left = [path for path in out.rglob("*") if path.is_file() and any(part.startswith(".synthor-") for part in path.parts)]
        files = [path for path in left if path.suffix in (".npz", ".parquet") and path.stat().st_size]
        if files:
            path = self.dice.choice(sorted(files))
            text, at = bytearray(path.read_bytes()), self.dice.randrange(path.stat().st_size)
            text[at] ^= 1 << self.dice.randrange(8)
            path.write_bytes(bytes(text[:at] if self.dice.random() < 0.5 else text))
        started(self.folder, out).wait()
        return self.judged(out, struck and bool(files))

    def killed(self, out: Path, share: float) -> bool:
        process = started(self.folder, out)
        try:
            process.wait(share * self.seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return True
        return False

    def judged(self, out: Path, struck: bool) -> str:
        return ("struck" if struck else "late") if contents(out) == self.wanted else "other"


def children(pid: int) -> list[int]:
    """Processes that a process has started."""
    return [int(word) for word in Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()] + [
        int(word)
        for thread in Path(f"/proc/{pid}/task").iterdir()
        if thread.name != str(pid)
        for word in (thread / "children").read_text(encoding="ascii").split()
    ]


def kill(pid: int) -> bool:
    try:
        os.kill(pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


if __name__ == "__main__":
    main()
