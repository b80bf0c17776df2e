"""Tables of zones beside those of larger areas: told where they differ, made to add up where their tolerance lets them."""

import json
import re
from typing import Any

import numpy as np
import polars as pl
import pytest

from synthor import check, compile_problem, parse_spec, synthesize
from synthor.spec.model import Spec

REGION = """
records: 20
variables: {car: {type: boolean}, size: {type: category, values: [one, two, more]}}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
- {table: [{taz: a, count: 6}, {taz: b, count: 6}, {taz: c, count: 8}]}
"""


def errors(text: str) -> list[str]:
    return [str(finding) for finding in check(parse_spec(text)) if finding.severity == "error"]


def errors_of(spec: dict[str, Any]) -> list[str]:
    return [str(finding) for finding in check(Spec.collected(spec)) if finding.severity == "error"]


SPARSE = (
    REGION
    + """
- {name: few, flows: [taz, size], table: [
    {taz: a, size: one, count: 6}, {taz: b, size: two, count: 6}, {taz: c, size: one, count: 7}, {taz: c, size: two, count: 1}]}
- {name: around, table: [{tract: n, size: one, count: NORTH}, {tract: n, size: two, count: OTHER},
    {tract: s, size: one, count: SOUTH}, {tract: s, size: two, count: REST}]}
"""
)


def sparse(*numbers: int, others: str = "none") -> str:
    text = SPARSE.replace("[taz, size]", f"[taz, size], others: {others}")
    for name, number in zip(("NORTH", "OTHER", "SOUTH", "REST"), numbers, strict=True):
        text = text.replace(name, str(number))
    return text


def test_sparse_tables_of_zones_are_set_against_those_of_larger_areas() -> None:
    assert errors(sparse(6, 6, 7, 1)) == []
    (told,) = errors(sparse(5, 7, 8, 0))
    assert told.startswith("targets: 'few (added up by tract)' and 'around' disagree on tract by size: 4 of 6 cells differ")
    assert errors(sparse(5, 7, 8, 0, others="free")) == []  # cells that are not listed are not known
    (told,) = errors(sparse(5, 7, 7, 1))  # of the whole region: it is told once
    assert told.startswith("targets: 'few' and 'around' disagree on size: 2 of 3 bands differ")


# --- Within their tolerance -----------------------------------------------------------------------------------------------

SIZES = (3, 4, 2)


def rounded_town(seed: int, base: int = 3, **said: object) -> dict[str, Any]:
    """A spec whose tables of zones and tracts were rounded up or down at random, each by itself; the region's is exact."""
    random = np.random.default_rng(seed)
    n, n_zones, n_tracts = 2000, 40, 6
    zone, tract = (
        random.choice(n_zones, n, p=random.dirichlet(np.ones(n_zones))),
        np.sort(np.arange(n_zones) % n_tracts),
    )
    columns = [random.integers(size, size=n) * (random.random(n) < 0.8) for size in SIZES]
    targets = []
    for area, side in (("taz", 0), ("taz", 1), ("tract", 0), ("tract", 2), ("", 1)):
        of = {"taz": zone, "tract": tract[zone], "": np.zeros(n, np.int64)}[area]
        counts = np.zeros(({"taz": n_zones, "tract": n_tracts, "": 1}[area], SIZES[side]), np.int64)
        np.add.at(counts, (of, columns[side]), 1)
        rounded = (base * np.floor(counts / base + random.random(counts.shape))).astype(int) if area else counts
        rows = [
            {f"v{side}": f"c{code}", "count": int(count)} | ({area: f"{area}{place}"} if area else {})
            for place, own in enumerate(rounded)
            for code, count in enumerate(own)
        ]
        targets.append({"name": f"v{side} by {area}" if area else f"v{side}", "table": rows} | (said if area else {}))
    return {
        "records": n,
        "random_seed": seed,
        "variables": {f"v{i}": {"type": "category", "values": [f"c{j}" for j in range(k)]} for i, k in enumerate(SIZES)},
        "zones": {"key": "taz", "within": {"tract": {f"taz{z}": f"tract{tract[z]}" for z in range(n_zones)}}},
        "targets": targets,
    }


def furthest(target: dict[str, Any], records: pl.DataFrame) -> int:
    """By how many records some cell of a table is off."""
    frame = pl.DataFrame(target["table"])
    sides = [name for name in frame.columns if name != "count"]
    got = records.select(pl.col(sides).cast(pl.String)).group_by(sides).len("got")
    both = frame.join(got, on=sides, how="left").fill_null(0)
    return int((both["count"] - both["got"].cast(pl.Int64)).abs().max() or 0)  # type: ignore[arg-type]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_levels_that_differ_within_their_tolerance_are_made_to_add_up_and_what_moved_is_told(seed: int) -> None:
    assert errors_of(rounded_town(seed))  # exact tables contradict each other
    spec = rounded_town(seed, rounded_to=4)
    assert errors_of(spec) == []
    run = synthesize(Spec.collected(spec))
    assert run.verdict.startswith("Met: 2,000 records")
    assert [furthest(target, run.records) <= 2 for target in spec["targets"]] == [True] * 5
    assert furthest(spec["targets"][-1], run.records) == 0
    told = [note for note in run.measurement.notes if "so its cells were moved inside that until all add up" in note]
    assert [note.partition(":")[0] for note in told] == ["v0 by tract", "v2 by tract", "v0 by taz", "v1 by taz"]
    assert re.search(
        r": \d+ of \d+ cells, by [\d.]+ in all and [\d.]+ at most, in taz 'taz\d+' \(.*: \d+ to [\d.]+\)$", told[-1]
    )
    documents = json.loads(run.measurement.to_json())["targets"]
    for document in documents:
        if "areas" in document:
            off = np.abs(np.array(document["areas"]["got"]) - np.array(document["areas"]["wanted"]))
            moved = document["moved"]
            assert (moved["cells"], moved["in_all"], moved["at_most"]) == (int((off > 0).sum()), off.sum(), off.max())
    (by_tract,) = (document["moved"] for document in documents if document["name"] == "v2 by tract")
    assert by_tract["in_all"] <= 20  # larger areas are believed as far as zones and the number of records let them


def test_the_larger_areas_are_believed_in_proportion_and_empty_cells_stay_empty() -> None:
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
    records = synthesize(parse_spec(text)).records
    got = {(zone, car): n for zone, car, n in records.group_by("taz", "car").len().rows()}
    assert got == {("a", True): 36, ("b", True): 18, ("b", False): 24, ("c", True): 20, ("c", False): 22}
    (told,) = (str(one) for one in check(parse_spec(text)) if "moved" in one.message)
    assert told == (
        "zones: differs from 'tracts' by no more than its tolerance, so its cells were moved inside that until all add up: "
        "4 of 6 cells, by 12 in all and 4 at most, in taz 'a' (a, yes: 40 to 36)"
    )


@pytest.mark.slow
def test_what_no_numbers_inside_the_tolerance_can_meet_is_told() -> None:
    text = """
records: 40
variables: {car: {type: boolean}}
zones: {key: taz, within: {tract: {a: n, b: n}}}
targets:
- {name: zones, tolerance: {relative: 3%}, table: [{taz: a, car: yes, count: 10}, {taz: a, car: no, count: 10},
    {taz: b, car: yes, count: 10}, {taz: b, car: no, count: 10}]}
- {name: tracts, tolerance: {relative: 3%}, table: [{tract: n, car: yes, count: YES}, {tract: n, car: no, count: NO}]}
"""
    assert errors(text.replace("YES", "30").replace("NO", "10"))
    near = text.replace("YES", "21").replace("NO", "19")
    assert errors(near) == []
    told = [str(one) for one in check(parse_spec(near))]
    assert any("zones: has no numbers inside its tolerance that add up with" in one for one in told)


def test_tables_that_agree_aim_at_nothing_else() -> None:
    problem = compile_problem(Spec.collected(rounded_town(0, base=1, tolerance={"relative": "5%"})))
    assert all(target.aim is None for target in problem.targets)


@pytest.mark.slow
def test_rounded_levels_add_up_when_they_are_scaled_to_another_number_of_records() -> None:
    spec = rounded_town(1, rounded_to=4) | {"population": 2000, "records": 5000}
    run = synthesize(Spec.collected(spec))
    assert run.verdict.startswith("Met: 5,000 records"), run.verdict
