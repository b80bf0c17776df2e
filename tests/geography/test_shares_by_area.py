"""Shares inside areas: met as counts where it is known how many records they are of, and refused where it is not."""

import json
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor import check, compile_problem, parse_spec, synthesize
from synthor.spec.model import Spec

ZONES, TRACTS = 20, 4
SIZE, TENURE, CAR = ("one", "two", "more"), ("owned", "rented"), ("no", "yes")


def people(seed: int, n: int) -> pl.DataFrame:
    """Households of a made-up region whose zones are unlike each other."""
    random = np.random.default_rng(seed)
    zone = random.choice(ZONES, n, p=random.dirichlet(np.full(ZONES, 2.0)))
    rich = random.normal(size=ZONES)[zone]
    tenure = (random.random(n) < 1 / (1 + np.exp(rich))).astype(int)
    size = np.clip(np.floor(random.normal(1.4 - 0.5 * tenure, 0.9, n)), 0, 2).astype(int)
    car = (random.random(n) < 1 / (1 + np.exp(-0.8 * rich - size + 1))).astype(int)
    return pl.DataFrame(
        {
            "taz": [f"z{z}" for z in zone],
            "tract": [f"t{z % TRACTS}" for z in zone],
            "size": np.array(SIZE)[size],
            "tenure": np.array(TENURE)[tenure],
            "car": np.array(CAR)[car],
        }
    )


def counts(frame: pl.DataFrame, *sides: str) -> list[dict[str, Any]]:
    every = frame.select(pl.col(sides[0]).unique(maintain_order=True))
    for side in sides[1:]:
        every = every.join(frame.select(pl.col(side).unique(maintain_order=True)), how="cross")
    found = every.join(frame.group_by(sides).len("count"), on=list(sides), how="left")
    return found.with_columns(pl.col("count").fill_null(0)).sort(sides).to_dicts()


def shares(frame: pl.DataFrame, by: list[str], of: str, decimals: int = 1) -> list[dict[str, Any]]:
    """Percent of each label inside each part that somebody is in, as an agency would print it."""
    rows = pl.DataFrame(counts(frame, *by, of))
    whole = rows.with_columns(whole=pl.col("count").sum().over(by)).filter(pl.col("whole") > 0)
    found = whole.with_columns(share=(100 * pl.col("count") / pl.col("whole")).round(decimals))
    return [{**{name: row[name] for name in (*by, of)}, "share": f"{row['share']:.{decimals}f}"} for row in found.to_dicts()]


def spec_of(frame: pl.DataFrame, *targets: dict[str, Any]) -> Spec:
    within = {f"z{z}": f"t{z % TRACTS}" for z in range(ZONES)}
    return Spec.collected(
        {
            "records": frame.height,
            "variables": {
                "size": {"type": "category", "values": list(SIZE)},
                "tenure": {"type": "category", "values": list(TENURE)},
                "car": {"type": "boolean"},
            },
            "zones": {"key": "taz", "names": list(within), "within": {"tract": within}},
            "targets": [{"name": "sizes", "table": counts(frame, "taz", "size")}, *targets],
        }
    )


def off(records: pl.DataFrame, of: list[dict[str, Any]], by: list[str], label: str, such: pl.Expr | None = None) -> float:
    """By how many percent points printed shares differ most from those of the records, the rounding of whole ones aside."""
    records = records.with_columns(pl.col(pl.Enum, pl.Categorical).cast(pl.String))
    records = records.with_columns(car=pl.col("car").replace_strict({True: "yes", False: "no"}, return_dtype=pl.String))
    records = records if such is None else records.filter(such)
    whole = records.group_by(by).len("whole")
    got = records.group_by(*by, label).len("got")
    found = pl.DataFrame(of).join(whole, on=by).join(got, on=[*by, label], how="left").with_columns(pl.col("got").fill_null(0))
    gap = (100 * pl.col("got") / pl.col("whole") - pl.col("share").cast(pl.Float64)).abs() - 100 / pl.col("whole")
    return float(found.select(gap.max()).item())


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1])
def test_shares_inside_zones_and_tracts_and_their_parts_are_met(seed: int) -> None:
    frame = people(seed, 3000)
    by_zone, by_part = shares(frame, ["taz"], "tenure"), shares(frame, ["tract", "size"], "car")
    larger = shares(frame.filter(pl.col("size") != "one"), ["tract"], "tenure")
    run = synthesize(
        spec_of(
            frame,
            {"name": "tenure", "by": ["taz"], "table": by_zone},
            {"name": "cars", "by": ["tract", "size"], "table": by_part},
            {"name": "larger", "by": ["tract"], "where": "size <> 'one'", "table": larger},
        )
    )
    assert run.verdict.startswith("Met: 3,000 records")
    assert off(run.records, by_zone, ["taz"], "tenure") < 0.05
    assert off(run.records, by_part, ["tract", "size"], "car") < 0.05
    assert off(run.records, larger, ["tract"], "tenure", pl.col("size") != "one") < 0.05
    documents = {one["name"]: one for one in json.loads(run.measurement.to_json())["targets"]}
    assert {name: one["published_as"] for name, one in documents.items()} == {
        "sizes": "count", "tenure": "shares", "cars": "shares", "larger": "shares",
    }  # fmt: skip


@pytest.mark.slow
def test_shares_beside_exact_counts_of_larger_areas_and_of_the_region() -> None:
    frame = people(5, 2500)
    tenure = shares(frame, ["taz"], "tenure")
    run = synthesize(
        spec_of(
            frame,
            {"name": "tenure", "by": ["taz"], "table": tenure},
            {"name": "around", "table": counts(frame, "tract", "tenure")},
            {"name": "cars", "table": counts(frame, "tenure", "car")},
        )
    )
    assert run.verdict.startswith("Met: 2,500 records")
    assert off(run.records, tenure, ["taz"], "tenure") < 0.05


def test_how_a_known_part_lies_over_areas_is_met() -> None:
    frame = people(2, 1000)
    of_single = frame.filter(pl.col("size") == "one")
    lies = [
        {key: row[key] for key in ("tract", "share")}
        for row in shares(of_single.with_columns(all=pl.lit("x")), ["all"], "tract")
    ]
    run = synthesize(spec_of(frame, {"name": "single", "where": "size = 'one'", "table": lies}))
    assert run.verdict.startswith("Met: 1,000 records")


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(n=st.integers(1, 4000), share=st.floats(0, 1), decimals=st.integers(0, 2))
def test_counts_that_meet_a_share_round_to_it_or_lie_beside_it(n: int, share: float, decimals: int) -> None:
    held = round(n * share)
    printed = round(100 * held / n, decimals)
    text = f"""
records: {n}
variables: {{car: {{type: boolean}}}}
zones: {{key: taz}}
targets:
- {{table: [{{taz: a, count: {n}}}]}}
- {{name: cars, by: [taz], table: [{{taz: a, car: yes, share: "{printed:.{decimals}f}"}},
    {{taz: a, car: no, share: "{100 - printed:.{decimals}f}"}}]}}
"""
    problem = compile_problem(parse_spec(text))
    target = next(target for target in problem.targets if target.name == "cars")
    low, high = int(target.low[1]), int(target.high[1])
    assert low <= held <= high  # the truth is never shut out
    half = 0.5 * 10.0**-decimals + 1e-6
    assert all(abs(100 * count / n - printed) <= half for count in range(low, high + 1)) or high - low == 1
    assert low + int(target.low[0]) <= n <= high + int(target.high[0])


REGION = """
records: 100
variables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented, free]}}
zones: {key: taz, within: {tract: {a: n, b: n}}}
targets:
- {name: zones, table: [{taz: a, tenure: owned, count: 30}, {taz: a, tenure: rented, count: 20},
    {taz: a, tenure: free, count: 0}, {taz: b, tenure: owned, count: 10}, {taz: b, tenure: rented, count: 40},
    {taz: b, tenure: free, count: 0}]}
"""


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{by: [taz, car], table: [{taz: a, car: yes, tenure: owned, share: 4}, "
         "{taz: a, car: yes, tenure: rented, share: 96}]}",
         "gives shares by taz, car, and no exact table tells how many records these are of"),
        ("{where: car, by: [tract], table: [{tract: n, tenure: owned, share: 40}, {tract: n, tenure: rented, share: 60}]}",
         "gives shares by tract where `car`, and no exact table"),
        ("{where: car, table: [{taz: a, share: 40}, {taz: b, share: 60}]}", "gives shares by taz where `car`"),
        ("{by: [taz], table: [{taz: a, tenure: owned, share: 90}, {taz: a, tenure: rented, share: 10}]}", "disagree on"),
        ("{mean: size, by: [taz], table: [{taz: a, mean: 2}]}", "no variable is called 'size'"),
    ],
)  # fmt: skip
def test_what_cannot_be_met_is_told(target: str, said: str) -> None:
    found = [str(finding) for finding in check(parse_spec(f"{REGION}- {target}")) if finding.severity == "error"]
    assert any(said in one for one in found), found


@pytest.mark.slow
def test_shares_of_persons_inside_areas_are_met() -> None:
    text = """
unit: household
records: 60
variables: {car: {type: boolean}}
members:
  person:
    number: {min: 1, max: 4}
    variables:
      old: {type: boolean}
      works: {type: boolean}
zones: {key: taz, within: {tract: {a: n, b: n, c: s}}}
targets:
- {table: [{taz: a, count: 20}, {taz: b, count: 25}, {taz: c, count: 15}]}
- {rows: person, table: [{taz: a, old: yes, count: 13}, {taz: a, old: no, count: 31}, {taz: b, old: yes, count: 20},
    {taz: b, old: no, count: 40}, {taz: c, old: yes, count: 9}, {taz: c, old: no, count: 20}]}
- {rows: person, name: works, by: [taz], table: [{taz: a, works: yes, share: 47.7}, {taz: a, works: no, share: 52.3},
    {taz: b, works: yes, share: 35.0}, {taz: b, works: no, share: 65.0}, {taz: c, works: yes, share: 13.8},
    {taz: c, works: no, share: 86.2}]}
- {rows: person, name: old at work, where: old, by: [tract], table: [{tract: n, works: yes, share: 12.1},
    {tract: n, works: no, share: 87.9}, {tract: s, works: yes, share: 0}, {tract: s, works: no, share: 100}]}
"""
    run = synthesize(parse_spec(text))
    assert run.verdict.startswith("Met: 60 units")
    persons = run.tables["person"].join(run.tables["household"].select("household_id", "taz"), on="household_id")
    got = {str(zone): (n, works) for zone, n, works in persons.group_by("taz").agg(pl.len(), pl.col("works").sum()).rows()}
    assert got == {"a": (44, 21), "b": (60, 21), "c": (29, 4)}
    assert int(persons.filter(pl.col("old"), pl.col("taz") != "c")["works"].sum()) == 4
