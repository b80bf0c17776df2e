"""Means and totals of a number by zone and by larger area: met by the numbers themselves, or told why they are not."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

import synthor
from synthor import check, parse_spec, synthesize
from synthor.spec.model import Spec

EDGES = (1000, 15000, 30000, 50000, 80000, 130000)
BANDS = ("1000-14999", "15000-29999", "30000-49999", "50000-79999", "80000-129999", "130000-400000")
CARS = ("none", "one", "more")


def earners(seed: int, n: int = 1500, zones: int = 20, tracts: int = 4) -> pl.DataFrame:
    """Households of a made-up region with rich zones and poor ones."""
    random = np.random.default_rng(seed)
    zone = random.choice(zones, n, p=random.dirichlet(np.full(zones, 2.0)))
    rich = 0.4 * random.normal(size=zones)[zone]
    income = np.round(np.clip(np.exp(10.5 + rich + 0.7 * random.normal(size=n)), EDGES[0], 400_000)).astype(int)
    cars = np.clip(np.floor(np.log(income) - 9.8 + 0.7 * random.normal(size=n)), 0, 2).astype(int)
    return pl.DataFrame(
        {
            "taz": [f"z{z:02}" for z in zone],
            "tract": [f"t{z % tracts}" for z in zone],
            "income": income,
            "band": np.array(BANDS)[np.searchsorted(EDGES, income, side="right") - 1],
            "cars": np.array(CARS)[cars],
        }
    )


def counts(frame: pl.DataFrame, *sides: str) -> list[dict[str, Any]]:
    every = frame.select(pl.col(sides[0]).unique().sort())
    for side in sides[1:]:
        every = every.join(frame.select(pl.col(side).unique().sort()), how="cross")
    found = every.join(frame.group_by(sides).len("count"), on=list(sides), how="left").with_columns(
        pl.col("count").fill_null(0)
    )
    return [{("income" if key == "band" else key): value for key, value in row.items()} for row in found.sort(sides).to_dicts()]


def statistic(frame: pl.DataFrame, of: str, area: str) -> dict[str, Any]:
    value = pl.col("income").mean().round(0) if of == "mean" else pl.col("income").sum()
    rows = frame.group_by(area).agg(value.cast(pl.Int64).alias(of)).sort(area).to_dicts()
    return {"name": f"{of} by {area}", of: "income", "by": [area], "table": rows}


def spec_of(frame: pl.DataFrame, *targets: dict[str, Any], **changed: object) -> dict[str, Any]:
    lies = frame.select("taz", "tract").unique().sort("taz").rows()
    return {
        "records": frame.height,
        "variables": {
            "income": {"type": "integer", "min": EDGES[0], "max": 400_000, "bins": list(EDGES)},
            "cars": {"type": "category", "values": list(CARS)},
        },
        "zones": {"key": "taz", "within": {"tract": dict(lies)}},
        "targets": [{"name": "cars by taz", "table": counts(frame, "taz", "cars")}, *targets],
        **changed,
    }


def off(records: pl.DataFrame, told: dict[str, Any], area: str, of: str) -> float:
    """By how much the mean or total of some area's records is off."""
    value = pl.col("income").mean() if of == "mean" else pl.col("income").sum().cast(pl.Float64)
    got = {str(name): number for name, number in records.group_by(area).agg(value).rows()}
    return max(abs(got[row[area]] - row[of]) for row in told["table"])


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("of", "area"), [("mean", "taz"), ("mean", "tract"), ("total", "taz"), ("total", "tract")])
def test_means_and_totals_counted_from_a_population_are_met_in_every_area(of: str, area: str, seed: int) -> None:
    frame = earners(seed, n=(1500, 300, 3000)[seed])
    told = statistic(frame, of, area)
    tables = ({"table": counts(frame, "band")}, {"table": counts(frame, "cars", "band")})
    run = synthesize(Spec.collected(spec_of(frame, told, *tables)))
    assert run.verdict.startswith(f"Met: {frame.height:,} records"), run.verdict
    assert off(run.records, told, area, of) <= 0.5


@pytest.mark.slow
def test_means_stand_beside_bands_of_the_same_zones_and_statistics_of_larger_areas() -> None:
    frame = earners(4)
    means, totals = statistic(frame, "mean", "taz"), statistic(frame, "total", "tract")
    whole = {"name": "all", "mean": "income", "value": round(float(frame["income"].mean()), 0)}  # type: ignore[arg-type]
    spec = spec_of(frame, means, totals, whole, {"name": "bands", "table": counts(frame, "taz", "band")})
    run = synthesize(Spec.collected(spec))
    assert run.verdict.startswith("Met: 1,500 records"), run.verdict
    assert off(run.records, means, "taz", "mean") <= 0.5
    assert off(run.records, totals, "tract", "total") <= 0.5


@pytest.mark.slow
def test_a_run_is_made_again_and_other_numbers_of_records_keep_the_means(tmp_path: Path) -> None:
    frame = earners(5)
    told = statistic(frame, "mean", "taz")
    spec = Spec.collected(spec_of(frame, told))
    run = synthesize(spec)
    run.write(tmp_path / "out")
    again = synthor.open(tmp_path / "out")
    assert again.records.equals(run.records)
    assert synthesize(spec).records.equals(run.records)
    larger = synthesize(Spec.collected(spec_of(frame, told, records=2100, population=1500)))
    assert larger.verdict.startswith("Met: 2,100 records")
    assert off(larger.records, told, "taz", "mean") <= 0.5


@pytest.mark.slow
def test_a_mean_that_bins_cannot_reach_is_told() -> None:
    frame = earners(6)
    told = statistic(frame, "mean", "taz")
    told["table"][3]["mean"], zone = 200_000, told["table"][3]["taz"]
    spec = Spec.collected(spec_of(frame, told, {"name": "bands", "table": counts(frame, "taz", "band")}))
    (warned,) = (str(finding) for finding in check(spec) if "cannot be met" in finding.message)
    assert warned.startswith(
        f"mean by taz: a mean of 200,000 for {zone} cannot be met: with the counts of 'bands' it can be at most"
    )
    run = synthesize(spec)
    assert run.verdict.startswith(f"Not met: 1 of 3 targets are off; {zone} of 'mean by taz' is ")


REFUSED = """
records: 40
UNIT
variables: {income: {type: integer, min: 0, max: 99, bins: [0, 30, 60]}, car: {type: boolean}}
zones: {key: taz, within: {tract: {a: n, b: n}}}
targets:
- {table: [{taz: a, car: yes, count: 10}, {taz: a, car: no, count: 10}, {taz: b, car: yes, count: 5}, {taz: b, car: no, count: 15}]}
"""  # noqa: E501


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("{mean: income, by: [taz], table: [{taz: a, mean: 40}]}", "a mean by taz that leaves some areas out is not met yet"),
        ("{mean: income, by: [taz, car], table: [{taz: a, car: yes, mean: 40}, {taz: a, car: no, mean: 30}]}",
         "a mean by taz of some of the records, or by more than that, is not met yet"),
        ("{total: income, where: car, by: [tract], table: [{tract: n, total: 700}]}", "a total by tract of some"),
        ("{mean: income, by: [taz], table: [{taz: a, mean: 40}, {taz: b, mean: 41}]}}\n- {sd: income, by: [taz], "
         "table: [{taz: a, sd: 20}, {taz: b, sd: 20}]}", "a standard deviation by taz is not met yet"),
    ],
)  # fmt: skip
def test_what_is_not_met_yet_says_so(target: str, said: str) -> None:
    text = f"{REFUSED.replace('UNIT', '')}- {target.replace('}}' + chr(10), '}' + chr(10))}"
    found = [str(finding) for finding in check(parse_spec(text)) if finding.severity == "error"]
    assert any(said in one for one in found), found


def test_means_by_zone_of_units_with_members_are_refused() -> None:
    members = "unit: household\nmembers: {person: {number: {min: 1, max: 3}, variables: {old: {type: boolean}}}}"
    text = REFUSED.replace("UNIT", members) + "- {mean: income, by: [taz], table: [{taz: a, mean: 40}, {taz: b, mean: 41}]}"
    found = [str(finding) for finding in check(parse_spec(text)) if finding.severity == "error"]
    assert any("a mean by taz of units with members is not met yet" in one for one in found), found
