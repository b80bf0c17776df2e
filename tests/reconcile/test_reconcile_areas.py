"""`check --reconcile` for tables of areas: the copy agrees on all levels, and its tables are met exactly."""

import csv
import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from forked import synthor
from synthor import check, load_spec, parse_spec, synthesize
from synthor.reconcile import Copy, corrected
from synthor.store.fresh import fresh

N, TRACTS, ZONES = 1_500, 3, 12


def counted(rows: dict[str, np.ndarray[Any, Any]], sides: tuple[str, ...], off: int, random: np.random.Generator) -> str:
    """A table of some columns as a file, of which a few records were counted elsewhere or not at all."""
    labels = [sorted(set(rows[side].tolist())) for side in sides]
    shape = tuple(len(own) for own in labels)
    at = np.ravel_multi_index(tuple(np.searchsorted(own, rows[side]) for own, side in zip(labels, sides, strict=True)), shape)
    cells = np.bincount(at, minlength=int(np.prod(shape)))
    for _ in range(off):
        cells[random.choice(np.flatnonzero(cells > 3))] += random.choice([-1, 1])
    places = [np.unravel_index(cell, shape) for cell in range(len(cells))]
    held = [
        [*(own[int(code)] for own, code in zip(labels, place, strict=True)), n] for place, n in zip(places, cells, strict=True)
    ]
    return "".join(f"{','.join(map(str, row))}\n" for row in [[*sides, "count"], *held])


def region(seed: int, folder: Path, *, members: bool) -> Path:
    """A spec of made-up households in zones, whose tables of zones and of tracts were each counted a little wrong."""
    random = np.random.default_rng(seed)
    zone = np.sort(random.integers(ZONES, size=N))
    size = random.integers(1, 4, size=N)
    rows = {
        "taz": np.array([f"z{z:02}" for z in zone]),
        "tract": np.array([f"t{z % TRACTS}" for z in zone]),
        "tenure": np.array(["rented", "owned"])[(random.random(N) < 0.3 + zone / 30).astype(int)],
        "cars": np.array(["none", "one", "more"])[random.integers(3, size=N)],
    }
    held = {name: column[np.repeat(np.arange(N), size)] for name, column in rows.items()}
    held["old"] = np.array(["no", "yes"])[(random.random(len(held["taz"])) < 0.4).astype(int)]
    tables = [(rows, ("taz", "tenure"), 4), (rows, ("taz", "cars"), 4), (rows, ("tract", "tenure"), 2), (rows, ("cars",), 0)]
    tables += [(held, ("taz", "old"), 6), (held, ("tract", "old"), 3), (held, ("old",), 0)] if members else []
    targets = []
    for columns, sides, off in tables:
        name = "_".join(sides)
        (folder / f"{name}.csv").write_text(counted(columns, sides, off, random))
        targets.append({"name": name, "table": f"{name}.csv"} | ({"rows": "person"} if "old" in sides else {}))
    (folder / "geo.csv").write_text("taz,tract\n" + "".join(f"z{z:02},t{z % TRACTS}\n" for z in range(ZONES)))
    person = {"number": {"min": 1, "max": 3}, "variables": {"old": {"type": "boolean"}}}
    spec = {
        "records": N,
        "variables": {
            "tenure": {"type": "category", "values": ["owned", "rented"]},
            "cars": {"type": "category", "values": ["none", "one", "more"]},
        },
        "zones": {"key": "taz", "within": {"tract": "geo.csv"}},
        "targets": targets,
    }
    spec |= {"unit": "household", "members": {"person": person}} if members else {}
    (folder / "spec.yaml").write_text(yaml.safe_dump(spec, sort_keys=False))
    return folder / "spec.yaml"


def reconciled(spec: Path) -> Copy:
    return corrected(load_spec(spec), spec.read_text(), spec.name, names=False, tables=True)


@pytest.mark.slow
@pytest.mark.parametrize("members", [False, True])
def test_the_copy_agrees_on_all_levels_and_is_met_exactly(tmp_path: Path, members: bool) -> None:
    spec = region(1 + members, tmp_path, members=members)
    assert any(finding.severity == "error" for finding in check(load_spec(spec)))
    copy = reconciled(spec)
    assert not copy.refused
    changed = ["tract_tenure", "taz_tenure", "taz_cars"]
    assert {one.stated.target.name for one in copy.changed} <= {*changed, "taz_old", "tract_old"}
    with fresh(tmp_path) as folder:
        folder.write(copy.files)
    again = load_spec(tmp_path / copy.name)
    assert [str(finding) for finding in check(again) if finding.severity == "error"] == []
    assert reconciled(tmp_path / copy.name).changed == ()
    assert again.zones is not None
    run = synthesize(again)
    assert run.verdict.startswith("Met: ")
    assert " exactly" in run.verdict
    for name, text in copy.files.items():
        if name.endswith(".csv") and not name.endswith("changes.csv"):
            assert "count" in next(csv.reader(io.StringIO(text)))


def test_larger_areas_are_trusted_more_than_zones() -> None:
    text = """
records: 400
variables: {car: {type: boolean}}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
- {name: zones, table: [{taz: a, car: yes, count: 101}, {taz: a, car: no, count: 50}, {taz: b, car: yes, count: 50},
    {taz: b, car: no, count: 50}, {taz: c, car: yes, count: 99}, {taz: c, car: no, count: 50}]}
- {name: tracts, table: [{tract: n, car: yes, count: 150}, {tract: n, car: no, count: 101}, {tract: s, car: yes, count: 99},
    {tract: s, car: no, count: 50}]}
"""
    copy = corrected(parse_spec(text), text, "spec.yaml", names=False, tables=True)
    (one,) = copy.changed
    assert (one.stated.target.name, one.why) == ("zones", "fitted to 'tracts'")
    assert copy.files["reconciled/zones.csv"].splitlines()[0] == "taz,car,count"
    assert float(one.after[[0, 2]].sum()) == 101


def test_what_differs_within_its_tolerance_is_written_as_the_run_has_it() -> None:
    text = """
records: 120
variables: {car: {type: boolean}}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
- {name: zones, tolerance: {relative: 20%}, table: [{taz: a, car: yes, count: 40}, {taz: a, car: no, count: 0},
    {taz: b, car: yes, count: 20}, {taz: b, car: no, count: 20}, {taz: c, car: yes, count: 20}, {taz: c, car: no, count: 20}]}
- {name: tracts, table: [{tract: n, car: yes, count: 54}, {tract: n, car: no, count: 24}, {tract: s, car: yes, count: 20},
    {tract: s, car: no, count: 22}]}
"""
    (one,) = corrected(parse_spec(text), text, "spec.yaml", names=False, tables=True).changed
    assert (one.why, one.after.tolist()) == ("made to add up inside its tolerance", [0, 36, 24, 18, 22, 20])


@pytest.mark.slow
def test_names_are_not_guessed_and_tables_too_far_apart_are_refused(tmp_path: Path) -> None:
    spec = region(3, tmp_path, members=False)
    done = synthor("check", spec, "--fix-labels")
    assert done.returncode == 2
    assert "names in tables of zones are not guessed yet" in done.stdout + done.stderr
    lines = (tmp_path / "taz_cars.csv").read_text().splitlines()
    moved = [f"{line.rpartition(',')[0]},{int(line.rpartition(',')[2]) + 20}" for line in lines[1:8]]
    (tmp_path / "taz_cars.csv").write_text("\n".join([lines[0], *moved, *lines[8:]]) + "\n")
    done = synthor("check", spec, "--reconcile")
    assert done.returncode == 2
    assert "'taz_cars' would have to move" in " ".join(done.stdout.split())
    assert not (tmp_path / "spec.reconciled.yaml").exists()
