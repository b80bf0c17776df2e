"""Rows below folded into one number: on values against plain arithmetic, on ends against all that there could be."""

import itertools
from collections.abc import Callable, Sequence
from fractions import Fraction

import numpy as np
import pytest

from synthor.schema.fold import ALL, ANY, COUNT, FOLDS, MAX, MEAN, MIN, SUM, Fold

PLAIN: dict[str, Callable[[Sequence[Fraction]], Fraction | None]] = {
    "count": lambda them: Fraction(len(them)),
    "sum": lambda them: sum(them, Fraction(0)),
    "mean": lambda them: sum(them, Fraction(0)) / len(them) if them else None,
    "min": lambda them: min(them, default=None),
    "max": lambda them: max(them, default=None),
    "any": lambda them: Fraction(any(them)),
    "all": lambda them: Fraction(all(them)),
}


def numbers(fold: Fold, random: np.random.Generator, n: int, decimals: int) -> list[Fraction]:
    """What a fold is of: ones, ones and zeros, or numbers with decimals."""
    if fold is COUNT:
        return [Fraction(1)] * n
    if fold in (ANY, ALL):
        return [Fraction(int(one)) for one in random.integers(0, 2, n)]
    return [Fraction(int(one), 10**decimals) for one in random.integers(-30, 60, n)]


@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
def test_on_values_a_fold_is_what_plain_arithmetic_says(fold: Fold) -> None:
    random = np.random.default_rng(0)
    parent = np.sort(random.integers(0, 60, 150))  # some have nobody
    for decimals in (0, 1, 3):
        values = numbers(fold, random, 150, decimals)
        found = fold.of_values(np.array(values, float), parent, 60, decimals)
        for row in range(60):
            plain = PLAIN[fold.name]([value for value, of in zip(values, parent, strict=True) if of == row])
            assert np.isnan(found[row]) if plain is None else found[row] == float(plain)


@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
def test_of_nobody_there_is_what_is_said(fold: Fold) -> None:
    none = np.empty(0)
    np.testing.assert_array_equal(fold.of_values(none, none.astype(int), 2), [fold.nobody] * 2)
    low, high = fold.of_bounds(none, none, none > 0, none > 0, none.astype(int), 2)
    np.testing.assert_array_equal([low, high], [[fold.nobody] * 2] * 2)


def test_decimals_add_up_as_they_are_written_and_rows_without_a_value_are_nobody() -> None:
    values, parent = np.array([0.1, 0.2, np.nan, np.nan]), np.array([0, 0, 0, 1])
    assert SUM.of_values(values, parent, 2, decimals=1).tolist() == [0.3, 0.0]
    np.testing.assert_array_equal(MEAN.of_values(values, parent, 2, decimals=1), [0.15, np.nan])
    assert SUM.of_values(np.array([0.29] * 3), np.array([0] * 3), 1, decimals=2).tolist() == [0.87]
    assert SUM.of_values(np.array([0.123, 0.2]), np.array([0, 0]), 1, decimals=1) == pytest.approx(0.323)  # not as declared


@pytest.mark.parametrize("fold", FOLDS.values(), ids=FOLDS)
def test_the_ends_of_a_fold_are_the_least_and_the_greatest_that_there_can_be(fold: Fold) -> None:
    """Of up to four rows: every choice of who counts beside those who must, with values at their ends."""
    random = np.random.default_rng(1)
    for _ in range(60):
        n = int(random.integers(0, 5))
        low, more = numbers(fold, random, n, 1), numbers(fold, random, n, 1)
        high = low if fold is COUNT else [max(pair) for pair in zip(low, more, strict=True)]
        low = [min(pair) for pair in zip(low, high, strict=True)]
        may = random.random(n) < 0.8
        must = may & (random.random(n) < 0.5)
        every = []
        for who in itertools.product(*[(True,) if must[i] else (True, False) if may[i] else (False,) for i in range(n)]):
            for values in itertools.product(*[{low[i], high[i]} if who[i] else {Fraction(0)} for i in range(n)]):
                every.append(PLAIN[fold.name]([value for value, counts in zip(values, who, strict=True) if counts]))
        there = [float(one) for one in every if one is not None]
        ends = fold.of_bounds(np.array(low, float), np.array(high, float), may, must, np.zeros(n, int), 1, decimals=1)
        expected = [min(there), max(there)] if there else [np.nan] * 2
        np.testing.assert_array_equal(np.concatenate(ends), expected)


def test_folds_of_several_rows_above_are_their_own() -> None:
    """What is found of each alone is found of all together."""
    random = np.random.default_rng(2)
    parent = np.sort(random.integers(0, 30, 90))
    low = random.integers(-9, 9, 90).astype(float)
    high, may = low + random.integers(0, 5, 90).astype(float), random.random(90) < 0.7
    must = may & (random.random(90) < 0.4)
    for fold in (COUNT, SUM, MEAN, MIN, MAX):
        together = np.stack(fold.of_bounds(low, high, may, must, parent, 30))
        for row in range(30):
            own = parent == row
            alone = fold.of_bounds(low[own], high[own], may[own], must[own], np.zeros(own.sum(), int), 1)
            np.testing.assert_array_equal(together[:, row], np.concatenate(alone))
