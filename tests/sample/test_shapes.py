"""Published means, totals and deviations are met by numbers that lie as real ones do: spread, not on a few points."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from chunks import chunked
from synthor import Spec
from synthor.loop import synthesize
from synthor.run import Population
from synthor.types import Floats

BINS = [0, 15_000, 30_000, 50_000, 75_000, 100_000, 200_000, 500_000]
TENURE = {"type": "category", "values": ["owned", "rented", "free"]}
SHARES = {"shares": {"tenure": {"owned": 50, "rented": 45, "free": 5}}}
MEANS = {"owned": 82_000, "rented": 31_000, "free": 12_000}


def number(**more: Any) -> dict[str, Any]:
    return {"type": "number", "min": 0, "max": 15_000_000, "decimals": 0, **more}


def made(records: int, variables: dict[str, Any], *targets: dict[str, Any], **more: Any) -> Population:
    return synthesize(Spec.model_validate({"records": records, "variables": variables, "targets": list(targets), **more}))


def values(run: Population, name: str) -> Floats:
    found: Floats = run.records[name].to_numpy().astype(np.float64)
    return found


def distance_to_exponential(numbers: Floats, largest: float = np.inf) -> float:
    """The largest gap between how numbers accumulate and how those do that fall off exponentially with the same mean."""
    mean = numbers.mean()
    if largest < np.inf:  # of the exponential that ends at `largest`: its rate, by halving
        low, high = -500.0 / largest, 1e4 / largest
        for _ in range(80):
            rate = (low + high) / 2 or 1e-12
            low, high = (rate, high) if 1 / rate - largest / np.expm1(min(rate * largest, 700.0)) > mean else (low, rate)
        wanted = np.expm1(-rate * np.sort(numbers)) / np.expm1(-rate * largest)
    else:
        wanted = -np.expm1(-np.sort(numbers) / mean)
    return float(np.abs(wanted - (np.arange(len(numbers)) + 0.5) / len(numbers)).max())


def assert_spread(numbers: Floats, *, repeated: float = 0.005) -> None:
    """No value is the value of many."""
    _, counts = np.unique(numbers, return_counts=True)
    assert counts.max() <= max(repeated * len(numbers), 3)


def assert_inside(run: Population, name: str, numbers: Floats) -> None:
    """Numbers lie all over the finest bins that the fit told apart, rather than at their edges."""
    level = run.model.problem.schema.unit
    fine = level.finest(level.position(name))
    codes = fine.codes_of_numbers(numbers)
    width = fine.high - fine.low
    along = (numbers - fine.low[codes])[width[codes] > 100] / width[codes][width[codes] > 100]
    tenths = np.histogram(along, 10, (0, 1))[0] / len(along)
    assert 0.05 < tenths.min() <= tenths.max() < 0.17


# --- A maximum that is far away ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("n", "least"), [(2_000, 1_900), (50_000, 30_000)])
def test_a_mean_far_below_the_maximum_is_met_by_numbers_that_are_spread(n: int, least: int) -> None:
    run = made(n, {"wages": number(bins=BINS)}, {"mean": "wages", "value": 52602.2})
    wages = values(run, "wages")
    assert run.measurement.met
    assert len(np.unique(wages)) > least
    assert_spread(wages)
    assert_inside(run, "wages", wages)
    assert distance_to_exponential(wages) < 0.07  # no shares are given, so each bin is believed to be as common


@pytest.mark.parametrize("mean", [150_000, 50_000, 5_000])
@pytest.mark.parametrize("bins", [[0], [0, 1_000_000], [0, 14_000_000]])
def test_in_few_bins_a_mean_gives_an_exponential(mean: int, bins: list[int]) -> None:
    run = made(4_000, {"wages": number(bins=bins, decimals=2)}, {"mean": "wages", "value": mean})
    wages = values(run, "wages")
    assert run.measurement.met
    assert_spread(wages)
    assert_inside(run, "wages", wages)
    assert distance_to_exponential(wages) < 0.04


@pytest.mark.parametrize("mean", [10, 35, 50, 72, 90])
def test_a_mean_anywhere_in_one_bin_gives_an_exponential_that_ends_at_its_maximum(mean: int) -> None:
    run = made(4_000, {"score": number(max=100, bins=[0], decimals=3)}, {"mean": "score", "value": mean})
    scores = values(run, "score")
    assert run.measurement.met
    assert_spread(scores)
    assert distance_to_exponential(scores, 100.0) < 0.05


def test_fifty_records_come_to_their_mean_without_leaving_its_neighbourhood() -> None:
    run = made(50, {"wages": number(bins=BINS)}, {"mean": "wages", "value": 52_602})
    wages = values(run, "wages")
    assert run.measurement.met
    assert len(np.unique(wages)) >= 48
    assert 20_000 < np.median(wages) < 53_000


@pytest.mark.slow
def test_a_standard_deviation_larger_than_the_mean_is_met_by_a_long_tail() -> None:
    targets = ({"mean": "wages", "value": 52_602}, {"sd": "wages", "value": 70_000})
    run = made(10_000, {"wages": number(bins=[0])}, *targets)
    wages = values(run, "wages")
    assert run.measurement.met
    assert_spread(wages)
    assert 250_000 < np.quantile(wages, 0.99) < 400_000


# --- Beside a bin of one value ----------------------------------------------------------------------------------------------


def test_zero_or_more_alone_spreads_what_is_more() -> None:
    hours = {"type": "integer", "min": 0, "max": 80, "bins": [0, 1], "labels": ["none", "some"]}
    run = made(10_000, {"hours": hours}, {"shares": {"hours": {"none": 40, "some": 60}}})
    worked = values(run, "hours")
    worked = worked[worked > 0]
    assert run.measurement.met
    assert len(worked) == 6_000
    assert 25 < worked.mean() < 45
    assert np.unique(worked).tolist() == list(range(1, 81))


@pytest.mark.parametrize("mean", [1_200, 14_210, 48_000])
@pytest.mark.parametrize("decimals", [0, 2])
def test_zero_or_more_with_the_mean_of_the_positive_is_an_exponential(mean: int, decimals: int) -> None:
    gains = number(max=100_000, bins=[0, 1], labels=["none", "some"], decimals=decimals)
    shares = {"shares": {"gains": {"none": 60, "some": 40}}}
    run = made(10_000, {"gains": gains}, shares, {"mean": "gains", "where": "gains >= 1", "value": mean})
    gained = values(run, "gains")
    gained = gained[gained >= 1]
    assert run.measurement.met
    assert len(gained) == 4_000
    assert_spread(gained)
    assert_inside(run, "gains", gained)
    assert distance_to_exponential(gained, 100_000.0) < 0.05


@pytest.mark.slow
@pytest.mark.parametrize("total", [-46_210_000, -60_000_000, -7_000_000, -200_000_000])
def test_losses_come_to_their_total_spread_below_zero(total: int) -> None:
    edges = [-500_000, 0, 1, 15_000, 30_000, 50_000, 75_000, 100_000, 200_000, 500_000, 1_000_000]
    percent = [1.3, 0.9, 19.4, 17.6, 18.3, 14.5, 9.0, 13.5, 4.4, 0.7, 0.4]
    labels = ["loss", "none", *(f"from {edge}" for edge in edges[2:])]
    agi = number(min=-500_000, max=20_000_000, bins=edges, labels=labels)
    shares = {"shares": {"agi": dict(zip(labels, percent, strict=True))}}
    run = made(50_000, {"agi": agi}, shares, {"total": "agi", "where": "agi < 0", "value": total})
    losses = values(run, "agi")
    losses = losses[losses < 0]
    assert run.measurement.met
    assert (len(losses), losses.sum()) == (650, total)
    assert_spread(losses)
    assert distance_to_exponential(-losses, 500_000.0) < 0.08  # 650 records: 0.053 is passed by chance once in twenty


# --- By cells, together, in chunks, in large pools --------------------------------------------------------------------------


def by_tenure(kind: str, given: Mapping[str, float]) -> dict[str, Any]:
    return {kind: "wages", "by": ["tenure"], "table": [{"tenure": tenure, kind: value} for tenure, value in given.items()]}


@pytest.mark.long
def test_means_totals_and_deviations_by_cells_are_met_together() -> None:
    targets = (
        SHARES,
        by_tenure("mean", MEANS),
        by_tenure("sd", {"owned": 95_000, "rented": 22_000, "free": 9_000}),
        {"total": "wages", "where": "wages >= 200000", "value": 330_000_000},
        {"quantiles": "wages", "values": {0.5: 33_000}},
    )
    run = made(20_000, {"tenure": TENURE, "wages": number(max=3_000_000, bins=BINS)}, *targets)
    run = replace(run, sample=chunked(run.sample, 7_000))
    assert run.sample.n_chunks == 3
    assert run.measurement.met
    wages = values(run, "wages")
    assert_spread(wages)
    assert wages[wages >= 200_000].sum() == 330_000_000
    assert (wages < 33_000).sum() == 10_000


@pytest.mark.slow
def test_means_by_cells_of_a_pool_that_is_drawn_reach_far_below_the_maximum() -> None:
    others = {f"c{i}": {"type": "category", "values": [f"k{j}" for j in range(8)]} for i in range(5)}
    shares = [{"shares": {name: {f"k{j}": 12.5 for j in range(8)}}} for name in others]
    table = [{"c1": f"k{j}", "mean": 4_000 + 1_000 * j} for j in range(8)]
    some = {"shares": {"wages": {"none": 60, "some": 40}}}
    means = {"mean": "wages", "by": ["c1"], "where": "wages > 0", "table": table}
    run = made(20_000, {**others, "wages": number(bins=[0, 1], labels=["none", "some"])}, *shares, some, means)
    assert run.model.status.value == "converged"
    assert run.measurement.met
    wages = values(run, "wages")
    assert_spread(wages[wages > 0])
    assert distance_to_exponential(wages[wages > 0]) < 0.07  # eight of them, mixed


@pytest.mark.slow
def test_numbers_that_rules_compare_come_to_their_means_and_keep_the_rule() -> None:
    numbers = {"low": number(max=500_000, bins=[0, 20_000, 100_000]), "top": number(max=500_000, bins=[0, 20_000, 100_000])}
    targets = ({"mean": "low", "value": 52_602}, {"mean": "top", "value": 80_000})
    run = made(5_000, numbers, *targets, rules=[{"never": "low > top"}])
    assert run.measurement.met
    assert (values(run, "low") <= values(run, "top")).all()
    assert_spread(values(run, "low"))
