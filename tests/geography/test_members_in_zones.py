"""Households with their persons in zones: tables of both, of every level of areas, are met together."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import synthor
from synthor import synthesize
from synthor.engine.choice import engine, workers
from synthor.geography.nested.pulled import pulled
from synthor.geography.nested.vectors import Vectors
from synthor.loop import fit_spec
from synthor.problem.zones import tables_of_kinds, zone_tables
from synthor.run import draw
from synthor.spec.model import Spec
from villages import Sides, village


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


@pytest.mark.slow
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
    vectors = Vectors.of((*tables, *tables_of_kinds(zones)), (), zones.sizes, units)
    with engine(zones.sizes[0]) as where:
        base = whole.n_units * vectors.shares(model.weights)
        fit = pulled(vectors, zones.with_region, base, where, lived=np.arange(zones.sizes[-1]), wanted=base)
    assert fit.off < 0.02
    expected = fit.mass(0, fit.down()[0], slice(0, zones.sizes[0])) @ vectors.counts[0]
    others = vectors.strict & (vectors.high[0] <= 0)
    assert others.any()
    assert not expected[others].any()
