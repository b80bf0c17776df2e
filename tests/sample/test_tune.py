"""Numbers moved until their sums come out: exactly, apart from each other, and away from the edges of their bins."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor.sample.exact import n_missed
from synthor.sample.tune import Aim, tune
from synthor.types import Floats


def summing_to(n: int, total: float) -> Aim:
    return Aim(cell=np.zeros(n, np.int64), low=np.array([total]), high=np.array([total]))


@pytest.mark.parametrize("share", [0.2, 0.35, 0.6, 0.8])
def test_numbers_stay_apart_and_away_from_the_edges_of_a_wide_bin(share: float) -> None:
    values = np.sort(np.random.default_rng(0).integers(0, 1_000_001, 2_000)).astype(np.float64)
    low, high = np.zeros(2_000), np.full(2_000, 1_000_000.0)
    total = np.rint(share * 1_000_000) * 2_000
    moved = tune(values, low, high, [summing_to(2_000, total)], 1.0)
    assert moved.sum() == total
    assert (np.diff(moved) >= -1).all()  # in their order, but for the last single steps
    assert len(np.unique(moved)) > 1_900
    assert np.histogram(moved, 100, (0, 1_000_000))[0].max() < 250  # the steepest of these falls by 1% in every 1/500


def test_narrow_bins_and_wide_ones_give_way_alike() -> None:
    """Ten bins of widths 1 to 10,000: each bin's numbers move by the same share of it, down to whole steps."""
    width = np.repeat(np.array([1.0, 3, 10, 30, 100, 300, 1_000, 3_000, 10_000, 30_000]), 500)
    values = np.floor(np.tile(np.linspace(0, 1, 500, endpoint=False), 10) * (width + 1))
    total = np.rint(0.6 * width.sum())
    moved = tune(values, np.zeros(5_000), width, [summing_to(5_000, total)], 1.0)
    assert moved.sum() == total
    shares = (moved / width).reshape(10, 500).mean(axis=1)
    assert (np.abs(shares[2:] - 0.6) < 0.02).all()
    assert 0.5 < shares[0] < 0.7


def test_numbers_that_are_right_stay_as_they_are() -> None:
    values = np.array([3.0, 8.0, 1.0])
    moved = tune(values, np.zeros(3), np.full(3, 9.0), [summing_to(3, 12.0)], 1.0)
    assert moved.tolist() == [3.0, 8.0, 1.0]


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 50), st.integers(0, 50), st.floats(0, 1)), min_size=1, max_size=60),
    st.floats(0, 1),
    st.integers(0, 2),
)
def test_any_sum_within_reach_is_met_to_the_last_digit(rows: list[tuple[int, int, float]], share: float, decimals: int) -> None:
    step = 10.0**-decimals
    low = np.array([a for a, _, _ in rows]) * step
    high = low + np.array([b for _, b, _ in rows]) * step
    values = low + np.floor((np.rint((high - low) / step) + 0.999) * np.array([u for _, _, u in rows])) * step
    total = np.rint((low.sum() + share * (high - low).sum()) / step) * step
    aim = summing_to(len(rows), total)
    moved = tune(values, low, high, [aim], step)
    assert abs(moved.sum() - total) < step / 10
    assert ((moved >= low - step / 10) & (moved <= high + step / 10)).all()
    assert np.abs((moved - low) / step - np.rint((moved - low) / step)).max() < 1e-6


def test_a_sum_out_of_reach_is_come_near() -> None:
    aims = [summing_to(4, 1_000.0)]
    moved = tune(np.array([1.0, 2, 3, 4]), np.zeros(4), np.full(4, 9.0), aims, 1.0)
    assert moved.tolist() == [9.0] * 4
    assert n_missed(moved, aims)


def spread_around(values: Floats, mean: float, sd: float) -> list[Aim]:
    n = len(values)
    none, square = np.full(1, np.nan), np.array([sd**2 * n])
    cell = np.zeros(n, np.int64)
    return [
        summing_to(n, mean * n),
        Aim(cell=cell, low=none, high=none, center=np.array([mean]), squares=(0.999 * square, 1.001 * square)),
    ]


@pytest.mark.parametrize("sd", [5.0, 12.0, 33.0])
def test_a_standard_deviation_is_met_with_its_mean(sd: float) -> None:
    values = np.random.default_rng(1).integers(0, 101, 3_000).astype(np.float64)
    moved = tune(values, np.zeros(3_000), np.full(3_000, 100.0), spread_around(values, 44.0, sd), 1.0)
    assert moved.mean() == pytest.approx(44.0, abs=1e-9)
    assert moved.std() == pytest.approx(sd, rel=0.001)
    assert len(np.unique(moved)) > sd


def test_overlapping_sums_are_met_together() -> None:
    """Totals of rows, of columns, and of all, over records that fall into both."""
    random = np.random.default_rng(2)
    row, column = random.integers(0, 4, 4_000), random.integers(0, 3, 4_000)
    goal = random.integers(0, 10_001, 4_000).astype(np.float64)
    values = random.integers(0, 10_001, 4_000).astype(np.float64)
    sums = [np.bincount(cell, goal).astype(np.float64) for cell in (row, column)]
    aims = [Aim(cell=cell, low=s, high=s) for cell, s in zip((row, column), sums, strict=True)]
    moved = tune(values, np.zeros(4_000), np.full(4_000, 10_000.0), aims, 1.0)
    assert not n_missed(moved, aims)
    assert np.bincount(row, moved).tolist() == sums[0].tolist()
    assert np.bincount(column, moved).tolist() == sums[1].tolist()
    assert len(np.unique(moved)) > 3_000
