"""Tables fitted to sums of other tables, and made whole: whatever the numbers are."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor.problem.fitting import BandTotals, fitted_to, whole_beside

AREAS, LABELS, AROUND = 9, 3, 3


def sums(cells: np.ndarray, of: np.ndarray, by: str) -> BandTotals:
    found = np.bincount(of, cells, int(of.max()) + 1).astype(np.float64)
    return BandTotals.of(of, found, found, by)


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32), size=st.sampled_from([3, 40]))
def test_cells_of_areas_are_whole_and_add_up_to_the_areas_around_them(seed: int, size: int) -> None:
    random = np.random.default_rng(seed)
    truth = random.poisson(size, AREAS * LABELS).astype(np.float64)
    area, label = np.divmod(np.arange(AREAS * LABELS), LABELS)
    around = area % AROUND
    demands = [sums(truth, area, "areas"), sums(truth, around * LABELS + label, "around"), sums(truth, label, "region")]
    published = np.where(truth > 0, truth + random.integers(0, 3, len(truth)), 0.0)
    fitted = fitted_to(published, demands)
    if fitted is None:  # cells of 0 may leave no way
        assert (truth == 0).any()
        return
    assert (fitted[published == 0] == 0).all()
    whole = whole_beside(fitted, demands, np.zeros(len(truth)), np.full(len(truth), np.inf))
    assert whole is not None
    assert np.array_equal(whole, np.rint(whole))
    assert (np.abs(whole - fitted) < 1).all()
    for demand in demands:
        assert np.array_equal(demand.cells.totals(whole), demand.low)


def test_no_whole_cells_are_said_to_be_where_there_are_none() -> None:
    one = BandTotals.of(np.array([0, 0]), np.array([1.5]), np.array([1.5]), "half a record")
    assert whole_beside(np.array([0.7, 0.8]), [one], np.zeros(2), np.ones(2)) is None
