"""How large is the page of many zones, and what does it cost? Copies of the zones of `bench/zones.py`, also with polygons.

    SYNTHOR_DATA=... python bench/zones_page.py [COPIES ...]

Writes bench/results/zones_page.md. CPU seconds of one process. Polygons are made up: squares beside each other, each side with
15 corners that neighbours share.
"""

import json
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import polars as pl

import harness
from synthor import compile_problem, load_spec
from synthor.fit.model import fit_what_can_be
from synthor.geography.zoned import zoned_sample
from synthor.prior.model import Prior
from synthor.report.page import render
from synthor.run import Population
from zones import write_spec

HEAD = "| zones | polygons | reading and checking | page | its size | measurement.json | its size |\n" + "|---" * 7 + "|\n"
CORNERS = 15
"""Of each side of a polygon."""


def main() -> None:
    place = Path(os.environ["SYNTHOR_DATA"]) / "population" / "calm_pums"
    controls = pl.read_csv(place / "control_totals_taz.csv"), pl.read_csv(place / "control_totals_tract.csv")
    rows = []
    for copies in [int(word) for word in sys.argv[1:]] or [1, 13, 52]:
        with tempfile.TemporaryDirectory() as folder:
            write_spec(Path(folder), controls, copies)
            for row in rows_of(Path(folder)):
                rows.append(row)
                print(row, flush=True)
    told = harness.dated({"rows": rows})
    note = f"CPU seconds of one process, one run each; {told['date']}, {told['machine']}."
    harness.write("zones_page", told, "# The page of many zones\n\n" + HEAD + "\n".join(rows) + f"\n\n{note}\n")


def rows_of(folder: Path) -> Iterator[str]:
    """The same run without polygons and with them."""
    spec = folder / "spec.yaml"
    for polygons in (False, True):
        size = "none"
        if polygons:
            names = pl.read_csv(folder / "size.csv", infer_schema=False)["TAZ"].to_list()
            text = json.dumps({"type": "FeatureCollection", "features": list(squares(names))})
            (folder / "zones.geojson").write_text(text, encoding="utf-8")
            spec.write_text(spec.read_text().replace("{key: taz, ", "{key: taz, polygons: zones.geojson, "), encoding="utf-8")
            size = megabytes(text)
        clock = [time.process_time()]
        problem = compile_problem(load_spec(spec))
        clock.append(time.process_time())
        model = fit_what_can_be(problem.region, Prior())
        found = Population(model=model, sample=zoned_sample(model)).measurement
        clock.append(time.process_time())
        page = render(model, found, [])
        clock.append(time.process_time())
        file = found.to_json()
        clock.append(time.process_time())
        read, _, drawn, written = np.diff(clock).tolist()
        n_zones = problem.zones.sizes[0] if problem.zones is not None else 0
        yield (
            f"| {n_zones:,} | {size} | {read:.1f} s | {drawn:.1f} s | {megabytes(page)} | {written:.1f} s | {megabytes(file)} |"
        )


def squares(names: list[str]) -> Iterator[dict[str, object]]:
    """Polygons in rows, their sides not straight."""
    across = math.ceil(math.sqrt(len(names)))
    along = np.linspace(0, 1, CORNERS, endpoint=False)
    wave = 0.08 * np.sin(np.pi * along) * np.random.default_rng(1).normal(size=(2, across + 1, across + 1, CORNERS))
    for at, name in enumerate(names):
        row, column = divmod(at, across)
        sides = []
        for dx, dy, x, y in ((1, 0, column, row), (0, 1, column + 1, row), (-1, 0, column, row + 1), (0, -1, column, row)):
            bent = wave[abs(dy), y, x]  # of the side that begins in this corner and goes up, or to the right
            side = np.column_stack([x + (along if dx else bent), y + (along if dy else bent)])
            sides.append(side if dx + dy > 0 else np.append(side, [[x + abs(dx), y + abs(dy)]], axis=0)[:0:-1])
        ring = np.concatenate(sides).round(4).tolist()
        yield {
            "type": "Feature",
            "properties": {"taz": name},
            "geometry": {"type": "Polygon", "coordinates": [[*ring, ring[0]]]},
        }


def megabytes(text: str) -> str:
    return f"{len(text.encode()) / 1e6:.1f} MB"


if __name__ == "__main__":
    main()
