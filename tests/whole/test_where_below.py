"""A `where` that looks at rows below those that a table counts: records meet it as counted by hand, and hold nothing of it."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np
import polars as pl
import pytest
import yaml

from synthor import check, compile_problem, parse_spec, synthesize
from synthor.fit.model import fit
from synthor.measure import measure
from synthor.method.calibrated import Calibrated
from synthor.method.direct import Direct
from synthor.prior.model import Prior
from synthor.problem import Problem
from synthor.sample.stream import sample

N = 120
TOWN = f"""
title: A town
unit: household
records: {N}
variables:
  tenure: {{type: category, values: [owned, rented]}}
  cars: {{type: integer, min: 0, max: 4, bins: [0, 1, 2]}}
members:
  person:
    number: {{min: 1}}
    role: role
    roles: {{head: 1, partner: {{max: 1}}}}
    pairs: {{couple: [head, partner], parents: [head, child]}}
    variables:
      role: {{type: category, values: [head, partner, child]}}
      age: {{type: integer, min: 0, max: 99, bins: [0, 20, 65]}}
      income: {{type: integer, min: 0, max: 9999, bins: [0, 1000]}}
    members:
      trip:
        number: {{max: 4}}
        variables:
          mode: {{type: category, values: [car, foot]}}
          km: {{type: number, min: 0, max: 50, decimals: 1, bins: [0, 5]}}
"""

Home = dict[str, Any]


@cache
def town() -> tuple[Home, ...]:
    """Households with persons and their trips."""
    random = np.random.default_rng(7)

    def person(role: str, age: float) -> Home:
        trips = [
            {"mode": ("car", "foot")[random.integers(2)], "km": round(float(random.exponential(6)) % 50, 1)}
            for _ in range(random.integers(0, 4))
        ]
        return {"role": role, "age": int(np.clip(age, 0, 99)), "income": int(random.integers(0, 3000)), "trips": trips}

    found = []
    for _ in range(N):
        age = random.uniform(20, 90)
        persons = [person("head", age)]
        if random.random() < 0.5:
            persons.append(person("partner", max(age + random.normal(0, 5), 18)))
        if age < 60:
            persons += [person("child", random.uniform(0, age - 18)) for _ in range(random.poisson(0.9))]
        found.append(
            {"tenure": ("owned", "rented")[random.integers(2)], "cars": int(random.integers(0, 4)), "persons": persons}
        )
    return tuple(found)


def homes_of(tables: Mapping[str, pl.DataFrame]) -> tuple[Home, ...]:
    """The same of records."""
    trips: dict[int, list[Home]] = {}
    for row in tables["trip"].to_dicts():
        trips.setdefault(row["person_id"], []).append(row)
    persons: dict[int, list[Home]] = {}
    for row in tables["person"].to_dicts():
        persons.setdefault(row["household_id"], []).append({**row, "trips": trips.get(row["person_id"], [])})
    return tuple({**row, "persons": persons[row["household_id"]]} for row in tables["household"].to_dicts())


def young(home: Home) -> bool:
    return any(one["age"] < 18 for one in home["persons"])


def among(homes: Iterable[Home], role: str) -> list[Home]:
    return [one for home in homes for one in home["persons"] if one["role"] == role]


def banded(persons: Iterable[Home], edge: int) -> dict[str, int]:
    told = Counter(one["age"] >= edge for one in persons)
    return {f"0-{edge - 1}": told[False], f"{edge}+": told[True]}


def by(rows: Iterable[Home], name: str) -> dict[str, int]:
    return dict(Counter(row[name] for row in rows))


def counts(homes: Sequence[Home]) -> list[dict[str, Any]]:
    """Tables of all rows, and of those for which something holds of the rows below, counted by hand."""
    persons = [one for home in homes for one in home["persons"]]
    trips = [trip for one in persons for trip in one["trips"]]
    old = [home for home in homes if sum(one["age"] >= 66 for one in home["persons"]) >= 2]
    far = [home for home in homes if any(t["mode"] == "car" and t["km"] >= 10 for p in home["persons"] for t in p["trips"])]
    near = [one for one in persons if max((trip["km"] for trip in one["trips"]), default=99) <= 3]
    toddlers = [home for home in homes if any(one["age"] < 3 for one in among([home], "child"))]
    couples = [home for home in homes if among([home], "partner") and among([home], "child")]
    grown = [home for home in homes if all(one["age"] >= 12 for one in home["persons"])]
    still = [home for home in homes if not any(one["trips"] for one in home["persons"])]
    flows = Counter((home["tenure"], min(home["cars"], 2)) for home in homes if young(home))
    return [
        {"counts": {"tenure": by(homes, "tenure")}},
        {"counts": {"role": by(persons, "role")}},
        {"counts": {"age": banded(persons, 25)}},
        {"counts": {"mode": by(trips, "mode")}},
        {"counts": {"tenure": by(old, "tenure")}, "where": "count(person, age >= 66) >= 2"},
        {
            "rows": "household",
            "count": by(old, "tenure")["rented"],
            "where": "count( person,age>=66 ) > 1 and tenure = 'rented'",
        },
        {"counts": {"tenure": by(far, "tenure")}, "where": "any(trip, mode = 'car' and km >= 10)"},
        {"counts": {"role": by((p for home in toddlers for p in home["persons"]), "role")}, "where": "any(child, age < 3)"},
        {"counts": {"mode": by((t for one in near for t in one["trips"]), "mode")}, "where": "max(trip.km) <= 3"},
        {"pairs": "couple", "counts": {"head.age": banded(among(couples, "head"), 40)}, "where": "count(child) >= 1"},
        {"pairs": "parents", "counts": {"child.age": banded(among(grown, "child"), 15)}, "where": "all(person, age >= 12)"},
        {"rows": "household", "count": len(still), "where": "min(trip.km) = 'none' and not count(trip) > 0"},
        {
            "flows": ["tenure", "cars"],
            "table": [{"tenure": one, "cars": f"{n}{'+' * (n > 1)}", "count": c} for (one, n), c in sorted(flows.items())],
            "where": "any(person, age < 18)",
        },
    ]


def statistics(homes: Sequence[Home]) -> list[float]:
    """Two means, a share of a median, a total, and a share inside, where something holds of rows below."""
    kept = [home for home in homes if min(one["age"] for one in home["persons"]) < 30]
    pay = [one["income"] for home in homes for one in home["persons"] if all(p["age"] >= 18 for p in home["persons"])]
    few = [home for home in homes if 2 <= len(home["persons"]) <= 3 and home["tenure"] == "owned"]
    return [
        float(np.mean([one["income"] for home in kept for one in home["persons"]])),
        float(np.mean([home["cars"] for home in homes if young(home)])),
        float(np.mean([income < 1500 for income in pay])),
        float(sum(one["income"] for home in homes if young(home) for one in among([home], "head"))),
        len(among(few, "head")) / sum(len(home["persons"]) for home in few),
    ]


@cache
def spec_text() -> str:
    mean, cars, below, total, heads = statistics(town())
    targets = [
        *counts(town()),
        {"mean": "income", "where": "min(person.age) < 30", "value": round(mean)},
        {"mean": "cars", "where": "any(person, age < 18)", "value": round(cars, 1)},
        {"quantiles": "income", "values": {round(below, 3): 1500}, "where": "all(person, age >= 18)"},
        {"total": "income", "where": "any(person, age < 18) and role = 'head'", "value": total},
        {
            "by": ["tenure"],
            "table": [
                {"tenure": "owned", "role": role, "share": share}
                for role, share in (("head", round(100 * heads, 1)), ("others", round(100 - 100 * heads, 1)))
            ],
            "groups": {"role": {"head": ["head"], "others": ["partner", "child"]}},
            "where": "count(person) between 2 and 3",
        },
    ]
    return TOWN + yaml.safe_dump({"targets": targets}, sort_keys=False)


@cache
def problem() -> Problem:
    return compile_problem(parse_spec(spec_text()))


@cache
def records() -> dict[str, pl.DataFrame]:
    return sample(fit(problem(), Prior(), pool_size=2000)).chunk(0)


@pytest.mark.slow
def test_records_meet_each_kind_of_table_as_counted_by_hand() -> None:
    homes = homes_of(records())
    assert measure(problem(), records()).met
    assert counts(homes) == counts(town())
    for got, wanted, off in zip(statistics(homes), statistics(town()), (1, 0.1, 0.01, 0.5, 0.01), strict=True):
        assert abs(got - wanted) <= off


@pytest.mark.slow
def test_nothing_of_it_is_held_by_records_or_asked_of_a_model() -> None:
    columns = [column for table in records().values() for column in table.columns]
    assert columns == [
        *("household_id", "tenure", "cars"),
        *("person_id", "household_id", "role", "age", "income"),
        *("trip_id", "person_id", "mode", "km"),
    ]
    written = yaml.safe_load(spec_text())
    written["targets"] = [target for target in written["targets"] if "where" not in target]
    plain = compile_problem(parse_spec(yaml.safe_dump(written, sort_keys=False)))
    for method in (Calibrated(), Direct()):
        asked, as_before = (method.begin(one).questions for one in (problem(), plain))
        assert [str(one.request) for one in asked] == [str(one.request) for one in as_before]


@pytest.mark.slow
def test_given_records_are_measured_by_it() -> None:
    older = records()["person"].with_columns(age=pl.when(pl.col("age") < 3).then(4).otherwise("age"))
    missed = {
        fit.target.name: fit.got.tolist() for fit in measure(problem(), {**records(), "person": older}).of_counts if fit.tae
    }
    assert missed == {"role where any(child, age < 3)": [0, 0, 0]}


ZONES = """
unit: household
records: 200
variables: {tenure: {type: category, values: [owned, rented]}}
members:
  person:
    number: {min: 1, max: 4}
    variables: {age: {type: integer, min: 0, max: 99, bins: [0, 20, 65]}}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
  - table: [{taz: a, count: 90}, {taz: b, count: 70}, {taz: c, count: 40}]
  - {counts: {tenure: {owned: 120, rented: 80}}}
  - {counts: {age: {0-24: 150, 25-64: 220, 65+: 60}}}
  - {rows: household, table: [{taz: a, count: 20}, {taz: b, count: 30}, {taz: c, count: 5}], where: "any(person, age < 18)"}
  - {table: [{tract: n, tenure: owned, count: 9}, {tract: n, tenure: rented, count: 4}], where: "count(person, age >= 66) >= 2"}
  - {table: [{taz: a, age: 0-24, count: 40}, {taz: c, age: 0-24, count: 9}], where: "any(person, age>29 and tenure='rented')"}
"""


@pytest.mark.slow
def test_tables_of_zones_may_look_at_rows_below() -> None:
    run = synthesize(parse_spec(ZONES))
    homes, persons = (run.tables[name] for name in ("household", "person"))
    told = (
        persons.join(homes, on="household_id")
        .group_by("household_id")
        .agg(
            (pl.col("age") < 18).any().alias("young"),
            ((pl.col("age") >= 66).sum() >= 2).alias("old"),
            ((pl.col("age") >= 30) & (pl.col("tenure") == "rented")).any().alias("tenants"),
        )
    )
    homes = homes.join(told, on="household_id")
    assert dict(homes.filter("young").group_by("taz").len().iter_rows()) == {"a": 20, "b": 30, "c": 5}
    old = homes.filter(pl.col("old") & (pl.col("tract") == "n"))
    assert dict(old.group_by("tenure").len().iter_rows()) == {"owned": 9, "rented": 4}
    youths = persons.filter(pl.col("age") < 25).join(homes.filter("tenants"), on="household_id").group_by("taz").len()
    assert {zone: n for zone, n in youths.iter_rows() if zone != "b"} == {"a": 40, "c": 9}


def test_a_where_asks_no_row_below_for_its_zone() -> None:
    spec = parse_spec(ZONES.replace("any(person, age < 18)", "any(person, taz = 'a')"))
    (error,) = [str(finding) for finding in check(spec) if finding.severity == "error"]
    assert "`where` speaks of taz and tract: areas are told by columns" in error
