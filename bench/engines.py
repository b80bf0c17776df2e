"""The same zones with members by two processes of this machine and by a dask cluster of two workers that is begun for it.

    python bench/engines.py [ZONES ...]

The regions are those of `members_in_zones.py`. Seconds by the clock from the fitted region to records in all zones, with
what beginning and ending takes; both in turn, twice; and whether the records are the same. Needs `pip install
'synthor[cluster]'`. Writes bench/results/engines.md.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

import harness
import members_in_zones
from synthor import compile_problem, load_spec, workers
from synthor.fit.model import fit_what_can_be
from synthor.geography.zoned import zoned_sample
from synthor.prior.model import Prior
from synthor.run import Population

HEAD = "| zones | households | processes | dask | the same records |\n" + "|---" * 5 + "|\n"


def main() -> None:
    rows = []
    for n_zones in [int(word) for word in sys.argv[1:]] or [200]:
        with tempfile.TemporaryDirectory() as folder:
            rows.append(row(Path(folder), n_zones))
            print(rows[-1], flush=True)
    told = harness.dated({"rows": rows})
    note = f"Two workers each, two runs in turn; load {os.getloadavg()[0]:.1f} at the end; {told['date']}, {told['machine']}."
    harness.write("engines", told, "# Zones by engine\n\n" + HEAD + "\n".join(rows) + f"\n\n{note}\n")


def row(folder: Path, n_zones: int) -> str:
    """One line of the result."""
    n, _ = members_in_zones.write_spec(folder, n_zones)
    model = fit_what_can_be(compile_problem(load_spec(folder / "spec.yaml")).region, Prior())
    seconds: dict[str | None, list[float]] = {None: [], "dask": []}
    records = []
    for _ in range(2):
        for name, found in seconds.items():
            begun = time.perf_counter()
            with workers(2, engine=name):
                sample = zoned_sample(model)
            found.append(time.perf_counter() - begun)
            records.append(Population(model=model, sample=sample).tables)
    same = all(tables[name].equals(records[0][name]) for tables in records for name in tables)
    clock = [" and ".join(f"{one:.0f}" for one in found) + " s" for found in seconds.values()]
    return f"| {n_zones:,} | {n:,} | {' | '.join(clock)} | {'yes' if same else 'no'} |"


if __name__ == "__main__":
    main()
