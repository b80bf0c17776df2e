"""Households with their persons in zones: tables of both, of every level of areas, are met together."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import synthor
from synthor import synthesize
from synthor.engine.choice import engine, workers
from synthor.geography.nested.pulled import pulled
from synthor.geography.nested.vectors import Vectors
from synthor.geography.zoned import sizes_of_zones
from synthor.loop import fit_spec
from synthor.problem.zones import tables_of_kinds, zone_tables
from synthor.run import draw
from synthor.spec.model import Spec

AGES = ("0-15", "16-39", "40-64", "65+")
Sides = tuple[str, ...]
TABLES: dict[str, tuple[Sides, ...]] = {
    "household": (("zone", "size"), ("zone", "tenure"), ("tract", "income"), ("cars", "income"), ("size", "cars")),
    "person": (("zone", "age", "sex"), ("tract", "age", "works"), ("age", "relation")),
}


def village(
    seed: int, *, n_zones: int = 24, per_zone: int = 30, n_tracts: int = 3, tables: dict[str, tuple[Sides, ...]] = TABLES
) -> dict[str, Any]:
    """A spec whose tables were counted from whole households, rich zones and poor ones."""
    random = np.random.default_rng(seed)
    sizes = np.maximum((per_zone * random.gamma(4, 0.25, n_zones)).astype(int), 2)
    n = int(sizes.sum())
    zone = np.repeat(np.arange(n_zones), sizes)
    tract = np.sort(random.integers(n_tracts, size=n_zones))
    rich = random.normal(size=n_zones)[zone]
    tenure = (random.random(n) < 1 / (1 + np.exp(-rich))).astype(int)
    income = np.clip(np.floor(1.5 + rich * 0.6 + tenure * 0.8 + random.normal(size=n)), 0, 3).astype(int)
    head = np.clip(random.normal(46 + 6 * tenure, 16), 18, 94)
    couple = random.random(n) < 0.55
    children = np.where((head > 22) & (head < 58), random.poisson(np.where(couple, 1.1, 0.4)), 0).clip(0, 4)
    rows = [(np.arange(n), "head", head)]
    with_partner = np.flatnonzero(couple)
    rows.append((with_partner, "partner", np.clip(head[with_partner] + random.normal(-1, 5, len(with_partner)), 18, 94)))
    parent = np.repeat(np.arange(n), children)
    rows.append((parent, "child", np.clip(head[parent] - random.normal(29, 6, len(parent)), 0, 40)))
    persons = pl.concat(
        [pl.DataFrame({"household": own, "relation": [role] * len(own), "age": np.floor(age)}) for own, role, age in rows]
    )
    works = (random.random(persons.height) < 0.7) & (persons["age"].to_numpy() >= 16)
    size = persons.group_by("household").len().sort("household")["len"].to_numpy().clip(0, 4)
    household = pl.DataFrame(
        {
            "household": np.arange(n),
            "zone": [f"z{place}" for place in zone],
            "tract": [f"t{place}" for place in tract[zone]],
            "size": [str(each) if each < 4 else "4+" for each in size],
            "tenure": np.array(["rented", "owned"])[tenure],
            "income": np.array(["low", "lower", "higher", "high"])[income],
            "cars": [str(each) for each in np.clip(income // 2 + random.integers(0, 2, n), 0, 2)],
        }
    )
    persons = persons.with_columns(
        age=np.array(AGES)[np.searchsorted([16, 40, 65], persons["age"].to_numpy(), side="right")],
        sex=np.array(["female", "male"])[random.integers(0, 2, persons.height)],
        works=np.array(["no", "yes"])[works.astype(int)],
    ).join(household, on="household")

    def counted(frame: pl.DataFrame, sides: Sides) -> list[dict[str, Any]]:
        every = frame.select(pl.col(sides[0]).unique())
        for side in sides[1:]:
            every = every.join(frame.select(pl.col(side).unique()), how="cross")
        found = every.join(frame.group_by(sides).len("count"), on=list(sides), how="left")
        return found.with_columns(pl.col("count").fill_null(0)).sort(sides).to_dicts()

    targets = []
    for rows_of, frame in (("household", household), ("person", persons)):
        for sides in tables[rows_of]:
            targets.append({"rows": rows_of, "name": " by ".join(sides), "table": counted(frame, sides)})
    return {
        "unit": "household",
        "records": n,
        "random_seed": seed,
        "variables": {
            "size": {"type": "integer", "min": 1, "max": 9, "bins": [1, 2, 3, 4], "from": "count(person)"},
            "tenure": {"type": "category", "values": ["rented", "owned"]},
            "income": {"type": "category", "values": ["low", "lower", "higher", "high"]},
            "cars": {"type": "integer", "min": 0, "max": 2, "bins": [0, 1, 2]},
        },
        "members": {
            "person": {
                "number": {"min": 1, "max": 9},
                "role": "relation",
                "roles": {"head": 1, "partner": {"max": 1}},
                "variables": {
                    "relation": {"type": "category", "values": ["head", "partner", "child"]},
                    "age": {"type": "integer", "min": 0, "max": 95, "bins": [0, 16, 40, 65]},
                    "sex": {"type": "category", "values": ["female", "male"]},
                    "works": {"type": "boolean"},
                },
            }
        },
        "zones": {"key": "zone", "names": [f"z{z}" for z in range(n_zones)], "within": {"tract": lies(tract)}},
        "targets": targets,
        "rules": [{"never": "age < 16 and works"}, {"never": "head.age < 16 or partner.age < 16"}],
    }


def lies(tract: np.ndarray[Any, np.dtype[np.int64]]) -> dict[str, str]:
    """The crosswalk."""
    return {f"z{zone}": f"t{own}" for zone, own in enumerate(tract.tolist())}


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, pytest.param(1, marks=pytest.mark.long)])
def test_tables_of_households_and_persons_are_met_in_every_area(seed: int) -> None:
    run = synthesize(Spec.collected(village(seed)))
    assert run.verdict.startswith("Met: "), run.verdict


@pytest.mark.slow
def test_members_lie_where_their_household_does_and_follow_the_rules(tmp_path: Path) -> None:
    spec = village(2, n_zones=8)
    run = synthesize(Spec.collected(spec))
    households, persons = run.tables["household"], run.tables["person"]
    assert "zone" in households.columns
    assert "zone" not in persons.columns
    assert [spec["zones"]["within"]["tract"][zone] for zone in households["zone"]] == households["tract"].to_list()
    both = persons.join(households, on="household_id")
    assert both.height == persons.height
    assert not both.filter((pl.col("age") < 16) & pl.col("works")).height
    sizes = persons.group_by("household_id").len().sort("household_id")["len"]
    assert sizes.to_list() == households["size"].to_list()
    run.write(tmp_path / "out")
    again = synthor.open(tmp_path / "out")
    assert again.tables["person"].equals(persons)
    assert "Met: " in again.measurement.verdict
    told = again.table("zone", "age", "sex")
    assert told["wanted"].to_list() == told["got"].to_list()


@pytest.mark.long
def test_zones_without_larger_areas_and_without_tables_of_the_region() -> None:
    tables: dict[str, tuple[Sides, ...]] = {
        "household": (("zone", "size"), ("zone", "tenure")),
        "person": (("zone", "age"), ("zone", "relation")),
    }
    spec = village(3, n_zones=10, tables=tables)
    del spec["zones"]["within"]
    model = fit_spec(Spec.collected(spec)).model
    run = draw(model)
    assert run.verdict.startswith("Met: "), run.verdict
    assert draw(model).tables["person"].equals(run.tables["person"])
    assert not draw(model, random_seed=9).records.equals(run.records)


@pytest.mark.long
def test_another_number_of_households_and_zones_of_two_or_three() -> None:
    model = fit_spec(Spec.collected(village(4, n_zones=30, per_zone=3))).model
    run = draw(model)
    assert run.verdict.startswith("Met: "), run.verdict
    fewer = draw(model, 41)
    assert fewer.measurement.n_records == 41


@pytest.mark.long
def test_suppressed_cells_and_means_of_the_region() -> None:
    tables: dict[str, tuple[Sides, ...]] = {
        "household": (("zone", "size"), ("tract", "income")),
        "person": (("zone", "age", "sex"),),
    }
    spec = village(5, n_zones=6, per_zone=20, tables=tables)
    ages = spec["targets"][-1]["table"]
    hidden = [row for row in ages if 0 < row["count"] < 3]
    assert hidden
    for row in hidden:
        row["count"] = "*"
    spec["targets"][-1]["suppressed"] = "<3"
    spec["targets"].append({"rows": "person", "mean": "age", "value": 36, "tolerance": {"relative": "2%"}})
    run = synthesize(Spec.collected(spec))
    assert run.verdict.startswith("Met: "), run.verdict


@pytest.mark.long
def test_records_are_the_same_however_many_workers_there_are() -> None:
    model = fit_spec(Spec.collected(village(6, n_zones=8, per_zone=10))).model
    with workers(1):
        alone = draw(model).tables
    with workers(2):
        shared = draw(model).tables
    assert all(shared[name].equals(alone[name]) for name in alone)


PEOPLE = """
unit: household
records: 4
variables: {size: {type: integer, min: 1, max: 4, bins: [1, 2], from: count(person)}, car: {type: boolean}}
members:
  person:
    number: {min: 1, max: 4}
    variables:
      old: {type: boolean}
      works: {type: boolean}
      race: {type: category, values: [black, white, other]}
      city: {type: category, values: [x, y]}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
- {table: [{taz: a, count: 2}, {taz: b, count: 1}, {taz: c, count: 1}]}
- {rows: person, name: old by taz, table: [
    {taz: a, old: yes, count: 2}, {taz: a, old: no, count: 1}, {taz: b, old: yes, count: 0}, {taz: b, old: no, count: 1},
    {taz: c, old: yes, count: 1}, {taz: c, old: no, count: 1}]}
- {rows: person, table: [{race: black, count: 2}, {race: white, count: 3}, {race: other, count: 1}]}
- {rows: person, table: [{race: black, city: x, count: 1}, {race: black, city: y, count: 1}, {race: white, city: x, count: 2},
    {race: white, city: y, count: 1}, {race: other, city: x, count: 1}, {race: other, city: y, count: 0}]}
TARGET
"""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("- {rows: person, table: [{tract: n, old: yes, count: 1}, {tract: n, old: no, count: 3},"
         " {tract: s, old: yes, count: 2}, {tract: s, old: no, count: 0}]}", "disagree on tract"),
        ("- {rows: person, counts: {works: {yes: 3}}, where: \"taz = 'a'\"}", "areas are told by columns"),
    ],
)  # fmt: skip
def test_tables_of_persons_are_set_against_those_of_larger_areas(target: str, said: str) -> None:
    with pytest.raises(synthor.InputError) as raised:
        synthor.compile_problem(synthor.parse_spec(PEOPLE.replace("TARGET", target)))
    assert said in str(raised.value)


def test_variables_of_persons_are_not_taken_for_areas() -> None:
    problem = synthor.compile_problem(synthor.parse_spec(PEOPLE.replace("TARGET", "")))
    assert problem.zones is not None
    assert [problem.zones.level(target) for target in problem.targets] == [0, 0, None, None]
    assert synthesize(synthor.parse_spec(PEOPLE.replace("TARGET", ""))).verdict.startswith("Met: ")


@pytest.mark.slow
def test_zones_of_households_come_as_near_to_their_tables_with_kinds_as_without() -> None:
    spec = village(0, n_zones=12)
    spec["zones"]["attributes"] = {"setting": {f"z{zone}": ("urban", "rural", "coast")[zone % 3] for zone in range(12)}}
    model = fit_spec(Spec.collected(spec)).model
    whole, units = model.problem.whole, model.pool.units
    zones = whole.zones
    assert zones is not None
    tables = zone_tables(whole)
    totals = sizes_of_zones(whole, tables, zones)
    vectors = Vectors.of((*tables, *tables_of_kinds(zones)), (), zones.sizes, units)
    with engine(zones.sizes[0]) as where:
        fit = pulled(vectors, zones.with_region, vectors.shares(model.weights), int(totals.sum()), where)
    assert fit.off < 0.02
    expected = fit.mass(0, fit.down()[0], slice(0, zones.sizes[0])) @ vectors.counts[0]
    others = vectors.strict & (vectors.high[0] <= 0)
    assert others.any()
    assert not expected[others].any()
