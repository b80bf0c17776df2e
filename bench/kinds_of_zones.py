"""What attributes of zones cost: the same regions with one attribute of three kinds, and without, in turn.

    SYNTHOR_DATA=... python bench/kinds_of_zones.py [RUNS]

Writes bench/results/kinds_of_zones.md. CPU seconds; a belief says how a variable that zones do not tell hangs on the kind.
"""

import os
import statistics
import sys
import tempfile
import time
from itertools import pairwise
from pathlib import Path

import polars as pl

import harness
import members_in_zones
import zones
from synthor import compile_problem, load_spec
from synthor.fit.model import fit_what_can_be
from synthor.geography.zoned import zoned_sample
from synthor.measure import CountFit
from synthor.prior.model import Prior
from synthor.run import Population

KINDS = ("rural", "suburban", "urban")
HEAD = (
    "| region | zones | kinds | reading and checking | region's fit | zones, records, counting | off |\n" + "|---" * 7 + "|\n"
)
BELIEFS = {"dwelling": [[80, 5, 5, 10], [70, 10, 15, 5], [40, 10, 49, 1]], "cars": [[10, 30, 60], [20, 45, 35], [50, 35, 15]]}


def main() -> None:
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    controls = pl.read_csv(place / "control_totals_taz.csv"), pl.read_csv(place / "control_totals_tract.csv")
    n_runs = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    rows = []
    for copies in (1, 13):
        with tempfile.TemporaryDirectory() as folder:
            zones.write_spec(Path(folder), controls, copies)
            rows += both(Path(folder), "households", "taz", "size.csv", n_runs)
    with tempfile.TemporaryDirectory() as folder:
        members_in_zones.write_spec(Path(folder), 100)
        rows += both(Path(folder), "households with persons", "zone", "geo.csv", n_runs)
    told = harness.dated({"rows": rows})
    note = f"CPU seconds of one process, medians of {n_runs} runs in turn; {told['date']}, {told['machine']}."
    harness.write("kinds_of_zones", told, "# Kinds of zones\n\n" + HEAD + "\n".join(rows) + f"\n\n{note}\n")


def both(folder: Path, what: str, key: str, file: str, n_runs: int) -> list[str]:
    """Two lines of the result: one region without and with an attribute."""
    text = (folder / "spec.yaml").read_text(encoding="utf-8")
    areas = pl.read_csv(folder / file).rename({"TAZ": "taz"}, strict=False)[key].cast(pl.String).unique(maintain_order=True)
    kinds = pl.Series("setting", [KINDS[at * 7919 % 100 * 3 // 100] for at in range(len(areas))])
    pl.DataFrame([areas, kinds]).write_csv(folder / "kinds.csv")
    specs = text, text.replace(f"key: {key},", f"key: {key}, attributes: kinds.csv,")
    assert specs[0] != specs[1]
    seconds: list[list[tuple[float, ...]]] = [[], []]
    off = ["", ""]
    for _ in range(n_runs):
        for at, spec in enumerate(specs):
            (folder / "spec.yaml").write_text(spec, encoding="utf-8")
            told, off[at] = once(folder)
            seconds[at].append(told)
            print(what, len(areas), at, *(f"{part:.2f}" for part in told), off[at], flush=True)
    rows = []
    for at, n_kinds in enumerate(("none", "3")):
        medians = [statistics.median(parts) for parts in zip(*seconds[at], strict=True)]
        rows.append(f"| {what} | {len(areas):,} | {n_kinds} | {' | '.join(f'{part:.1f} s' for part in medians)} | {off[at]} |")
    return rows


def once(folder: Path) -> tuple[tuple[float, ...], str]:
    """One run: CPU seconds of its parts, and the cells that it missed by more than 1."""
    clock = [time.process_time()]
    problem = compile_problem(load_spec(folder / "spec.yaml"))
    clock.append(time.process_time())
    names = [variable.name for variable in problem.region.schema.unit.variables]
    believed = [name for name in BELIEFS if name in names and "setting" in names]
    tables = [{"given": "setting", "of": name, "rows": BELIEFS[name], "confidence": 0.8} for name in believed]
    model = fit_what_can_be(problem.region, Prior.model_validate({"dependencies": tables}))
    clock.append(time.process_time())
    run = Population(model=model, sample=zoned_sample(model))
    _ = run.tables
    fits = [fit for fit in run.measurement.fits if isinstance(fit, CountFit)]
    clock.append(time.process_time())
    off = sum(int((abs(fit.got - fit.target.wanted) > 1).sum()) for fit in fits)
    n_cells = sum(fit.target.grid.size for fit in fits)
    return tuple(after - before for before, after in pairwise(clock)), f"{off} of {n_cells:,} cells"


if __name__ == "__main__":
    main()
