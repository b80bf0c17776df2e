"""Records in zones: every area's tables are met, whatever these see of each other."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from synthor import InputError, compile_problem, parse_spec, synthesize
from synthor.loop import fit_spec
from synthor.run import draw
from synthor.spec.model import Spec

SIZES = (3, 4, 3, 2, 3)
Sides = tuple[tuple[int, ...], ...]


def town(
    seed: int,
    *,
    n: int = 2000,
    n_zones: int = 40,
    n_tracts: int = 6,
    by_zone: Sides = ((0,), (1,), (2,)),
    by_tract: Sides = ((3,),),
    of_region: Sides = ((4,),),
    never: tuple[tuple[int, int, int, int], ...] = (),
) -> dict[str, Any]:
    """A spec whose tables were counted from a whole population, zones being unlike each other."""
    random = np.random.default_rng(seed)
    zone = random.choice(n_zones, n, p=random.dirichlet(np.ones(n_zones) * 0.7))
    tract = np.sort(random.integers(n_tracts, size=n_zones))
    common = random.normal(size=n) + random.normal(size=n_zones)[zone]
    columns = [np.clip(np.floor((common + random.normal(size=n) + 2) / 4 * k), 0, k - 1).astype(int) for k in SIZES]
    kept = np.ones(n, bool)
    for a, i, b, j in never:
        kept &= ~((columns[a] == i) & (columns[b] == j))
    zone, columns = zone[kept], [column[kept] for column in columns]

    def table(sides: tuple[int, ...], area: str) -> dict[str, Any]:
        n_areas = {"taz": n_zones, "tract": n_tracts, "": 1}[area]
        index = {"taz": zone, "tract": tract[zone], "": np.zeros(len(zone), int)}[area]
        shape = (n_areas, *(SIZES[side] for side in sides))
        for side in sides:
            index = index * SIZES[side] + columns[side]
        rows = []
        for cell, count in enumerate(np.bincount(index, minlength=int(np.prod(shape))).tolist()):
            place = np.unravel_index(cell, shape)
            row: dict[str, Any] = {f"v{side}": f"c{code}" for side, code in zip(sides, place[1:], strict=True)}
            rows.append(row | ({area: f"{area}{place[0]}"} if area else {}) | {"count": count})
        return {"name": f"{sides} by {area}", "table": rows}

    targets = [table(sides, "taz") for sides in by_zone] + [table(sides, "tract") for sides in by_tract]
    return {
        "records": int(kept.sum()),
        "random_seed": seed,
        "variables": {f"v{i}": {"type": "category", "values": [f"c{j}" for j in range(k)]} for i, k in enumerate(SIZES)},
        "zones": {
            "key": "taz",
            "names": [f"taz{z}" for z in range(n_zones)],
            "within": {"tract": {f"taz{z}": f"tract{tract[z]}" for z in range(n_zones)}},
        },
        "targets": targets + [table(sides, "") for sides in of_region],
        "rules": [{"never": f"v{a} = 'c{i}' and v{b} = 'c{j}'"} for a, i, b, j in never],
    }


TOWNS: dict[str, dict[str, Any]] = {
    "one-way tables": {},
    "tables of zones that share a variable": {"by_zone": ((0, 1), (1, 2))},
    "a tract that crosses what zones tell apart": {"by_tract": ((0, 2), (3,))},
    "a region that crosses what zones tell apart": {"of_region": ((0, 1), (4,), (1, 4))},
    "all of these": {"by_tract": ((0, 3), (1, 2)), "of_region": ((0, 1, 2), (3, 4))},
    "rules": {"never": ((0, 0, 1, 3), (2, 0, 1, 2), (3, 1, 0, 0))},
    "zones of two or three records": {"n": 150, "n_zones": 60, "n_tracts": 8},
    "levels that share variables": {"by_zone": ((0, 1), (2,)), "by_tract": ((3, 0),), "of_region": ((4, 3),)},
}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
@pytest.mark.parametrize("name", TOWNS)
def test_tables_counted_from_a_population_are_met_in_every_area(name: str, seed: int) -> None:
    run = synthesize(Spec.collected(town(seed, **TOWNS[name])))
    assert run.verdict.startswith("Met: "), run.verdict
    assert run.measurement.n_records == len(run.records) == run.spec.records


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        pytest.param("a tract that crosses what zones tell apart", marks=pytest.mark.long),
        "all of these",
        "zones of two or three records",
    ],
)
def test_tables_are_met_where_hardly_two_zones_are_of_one_kind(name: str) -> None:
    spec, random = town(0, **TOWNS[name]), np.random.default_rng(0)
    zones = spec["zones"]["names"]
    told = {f"a{size}": {zone: f"k{random.integers(size)}" for zone in zones} for size in (2, 3, 4)}
    spec["zones"]["attributes"] = told
    run = synthesize(Spec.collected(spec))
    assert run.verdict.startswith("Met: "), run.verdict
    for attribute, kinds in told.items():
        assert [kinds[zone] for zone in run.records["taz"]] == run.records[attribute].to_list()


@pytest.mark.slow
def test_records_say_their_zone_and_what_it_lies_in_and_stand_zone_by_zone() -> None:
    spec = town(3)
    run = synthesize(Spec.collected(spec))
    within = spec["zones"]["within"]["tract"]
    zones, tracts = run.records["taz"].to_list(), run.records["tract"].to_list()
    assert [within[zone] for zone in zones] == tracts
    order = [spec["zones"]["names"].index(zone) for zone in zones]
    assert order == sorted(order)


@pytest.mark.slow
def test_the_same_seed_gives_the_same_records_and_another_one_others() -> None:
    model = fit_spec(Spec.collected(town(1))).model
    assert draw(model).records.equals(draw(model).records)
    assert not draw(model).records.equals(draw(model, random_seed=9).records)


@pytest.mark.slow
def test_a_run_folder_makes_and_counts_the_same_again(tmp_path: Path) -> None:
    import synthor

    run = synthesize(Spec.collected(town(2)))
    run.write(tmp_path / "out")
    again = synthor.open(tmp_path / "out")
    assert again.records.equals(run.records)
    assert "Met: " in again.measurement.verdict


@pytest.mark.slow
def test_another_number_of_records_is_shared_out_to_the_next_whole_one() -> None:
    model = fit_spec(Spec.collected(town(4))).model
    run = draw(model, 777)
    assert run.measurement.n_records == 777
    assert run.measurement.met, run.verdict


SMALL = """
records: 6
variables: {car: {type: boolean}}
zones: {key: taz, within: {tract: WITHIN}NAMES}
targets:
- {name: cars, table: [{taz: a, car: yes, count: 1}, {taz: a, car: no, count: 2}, {taz: b, car: yes, count: 3}, {taz: b, car: no, count: 0}]}
TARGET
"""  # noqa: E501


@pytest.mark.parametrize(
    ("within", "target", "said"),
    [
        ("nowhere.csv", "", "nowhere.csv"),
        ("{a: north}", "NAMES", "does not say in which tract"),
        ("{a: north, b: south}", "- {table: [{tract: north, count: 2}, {tract: south, count: 4}]}", "disagree on tract"),
        ("{a: north, b: south}", "rules: [{never: \"taz = 'a' and car\"}]", "rules on areas"),
        ("{a: north, b: south}", "- {counts: {car: {yes: 3}}, where: \"taz = 'a'\"}", "areas are told by columns"),
        (
            "{a: north, b: south}",
            "- {table: [{taz: a, tract: north, count: 3}, {taz: b, tract: south, count: 3}]}",
            "lies in one",
        ),
    ],
)
def test_what_cannot_be_is_told_with_its_cure(within: str, target: str, said: str) -> None:
    with pytest.raises(InputError) as raised:
        names, target = (", names: [a, b]", "") if target == "NAMES" else ("", target)
        compile_problem(parse_spec(SMALL.replace("WITHIN", within).replace("NAMES", names).replace("TARGET", target)))
    assert said in str(raised.value)
    assert all(finding.cure for finding in raised.value.findings)


def test_a_zone_that_lies_in_two_areas_is_told(tmp_path: Path) -> None:
    (tmp_path / "geo.csv").write_text("TAZ,Tract\na,north\nb,south\na,south\n")
    spec = parse_spec(SMALL.replace("WITHIN", "geo.csv").replace("NAMES", "").replace("TARGET", "")).placed_in(tmp_path)
    with pytest.raises(InputError, match="taz 'a' lies in tract 'north' and in tract 'south'"):
        compile_problem(spec)


@pytest.mark.slow
def test_areas_of_three_depths_come_from_crosswalks_with_names_of_their_own(tmp_path: Path) -> None:
    (tmp_path / "geo.csv").write_text("TAZ,GEOID\na,n\nb,n\nc,s\n")
    (tmp_path / "county.csv").write_text("GEOID,County\nn,1\ns,1\n")
    text = """
records: 6
variables: {car: {type: boolean}, old: {type: boolean}}
columns: {GEOID: tract}
zones: {key: taz, within: {tract: geo.csv, county: county.csv}}
targets:
- {table: [{taz: a, car: yes, count: 1}, {taz: a, car: no, count: 1}, {taz: b, car: yes, count: 2}, {taz: b, car: no, count: 0},
           {taz: c, car: yes, count: 0}, {taz: c, car: no, count: 2}]}
- {table: [{tract: n, old: yes, count: 3}, {tract: n, old: no, count: 1}, {tract: s, old: yes, count: 0},
           {tract: s, old: no, count: 2}]}
- {table: [{county: 1, count: 6}]}
"""
    run = synthesize(parse_spec(text).placed_in(tmp_path))
    assert run.verdict.startswith("Met: ")
    assert run.records["county"].unique().to_list() == ["1"]


def test_zones_without_a_crosswalk_are_those_of_the_tables() -> None:
    text = SMALL.replace(", within: {tract: WITHIN}NAMES", "").replace("TARGET", "")
    assert synthesize(parse_spec(text)).records["taz"].to_list() == ["a"] * 3 + ["b"] * 3


def test_what_does_not_know_zones_says_so() -> None:
    spec = Spec.collected(town(0))
    for method in ("incremental", "direct"):
        with pytest.raises(InputError, match="does not know zones yet"):
            from synthor.loop import expected_requests

            expected_requests(spec.model_copy(update={"method": method}))


@pytest.mark.slow
def test_zones_can_be_asked_for_and_seen_as_tables(tmp_path: Path) -> None:
    import synthor

    run = synthesize(Spec.collected(town(5)))
    told = run.table("tract", "v3")
    assert told["wanted"].to_list() == told["got"].to_list()
    assert "tract0" in str(run.measure("v3 = 'c0' by tract"))
    run.write(tmp_path / "out", format="csv")
    again = synthor.open(tmp_path / "out")
    assert again.records["taz"].to_list() == run.records["taz"].to_list()
    assert str(again.measure("v3 = 'c0' by tract")) == str(run.measure("v3 = 'c0' by tract"))


@pytest.mark.slow
def test_cells_that_are_not_told_tolerances_and_other_numbers_of_records_are_met_within_them() -> None:
    hidden = town(1)
    for row in hidden["targets"][0]["table"]:
        row["count"] = "<10" if 0 < row["count"] < 10 else row["count"]
    hidden["targets"][0]["suppressed"] = "<10"
    hidden["targets"][1]["tolerance"] = {"relative": "5%"}
    assert synthesize(Spec.collected(hidden)).verdict.startswith("Met: ")
    for seed in (3, 4):
        scaled = town(seed)
        scaled |= {"population": scaled["records"], "records": 9_000}
        assert synthesize(Spec.collected(scaled)).verdict.startswith("Met: 9,000 records")


@pytest.mark.slow
def test_zones_that_contradict_each_other_are_missed_and_never_called_met() -> None:
    spec = town(8)
    nobody = [{"taz": f"taz{zone}", "v3": f"c{code}", "count": 0} for zone in range(40) for code in range(2)]
    spec["targets"].append({"name": "nobody", "where": "v0 = 'c1'", "table": nobody})
    run = synthesize(Spec.collected(spec))
    assert run.verdict.startswith("Not met: ")
    assert len(run.records) == spec["records"]
