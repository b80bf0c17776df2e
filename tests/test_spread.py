"""Values counted in fine bins, and the picture that is made of them."""

import re

import numpy as np
import polars as pl
import pytest

from synthor import compile_problem, parse_spec
from synthor.measure import Tally, measure
from synthor.problem import Problem
from synthor.report.spreads import HIGH, WIDE, SpreadView, view_spreads
from synthor.spread import COUNTED, Spread

SPEC = """
records: 4000
variables:
  wages: {type: number, min: 0, max: 15000000, bins: [0, 15000, 50000, 500000], decimals: 0, unit: USD}
  age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}
  balance: {type: number, min: -1000, max: 1000, bins: [-1000, 0]}
  tenure: {type: category, values: [owned, rented]}
"""


@pytest.fixture(scope="module")
def problem() -> Problem:
    return compile_problem(parse_spec(SPEC))


def records(n: int = 4_000) -> pl.DataFrame:
    random = np.random.default_rng(0)
    return pl.DataFrame(
        {
            "wages": np.floor(random.exponential(52_000, n)),
            "age": random.integers(0, 100, n),
            "balance": np.round(random.uniform(-1000, 1000, n), 2),
            "tenure": random.choice(["owned", "rented"], n),
        }
    )


def counted(problem: Problem, frame: pl.DataFrame) -> dict[str, Spread]:
    return {spread.variable.name: spread for spread in measure(problem, {"records": frame}).spreads}


def view(problem: Problem, frame: pl.DataFrame, name: str) -> SpreadView:
    return next(found for found in view_spreads(measure(problem, {"records": frame}).spreads) if found.name == name)


def heights(found: SpreadView) -> list[float]:
    return [HIGH - float(top) for top in re.findall(r"V([\d.]+)H", found.outline)]


def test_each_numeric_variable_is_counted_and_quantiles_are_near_those_of_the_values(problem: Problem) -> None:
    frame = records()
    spreads = counted(problem, frame)
    assert list(spreads) == ["wages", "age", "balance"]
    for name, spread in spreads.items():
        assert spread.counts.sum() == 4_000
        assert (spread.smallest, spread.largest) == (frame[name].min(), frame[name].max())
        assert len(spread.first) < 400
        for share in (0.1, 0.5, 0.9):
            lies_below = float((frame[name] < spread.quantile(share)).mean())  # type: ignore[arg-type]
            assert abs(lies_below - share) < 0.02
    assert np.diff(spreads["wages"].first)[:10].max() < 3_000  # fine where the many are, though the range is long


def test_chunks_add_up_to_the_whole(problem: Problem) -> None:
    frame, joined = records(), Tally(problem)
    for part in (frame[:1_500], frame[1_500:]):
        tally = Tally(problem)
        tally.add({"records": part})
        joined.merge(tally)
    for mine, theirs in zip(joined.spreads, counted(problem, frame).values(), strict=True):
        assert mine.counts.tolist() == theirs.counts.tolist()
        assert (mine.smallest, mine.largest) == (theirs.smallest, theirs.largest)


def test_of_very_many_records_some_are_counted(problem: Problem) -> None:
    spread = Spread(problem.variables["age"], n_records=4 * COUNTED)
    spread.add(np.arange(100.0))
    assert (spread.every, spread.counts.sum(), spread.largest) == (4, 25, 99.0)


def test_labels_in_place_of_numbers_are_not_drawn(problem: Problem) -> None:
    frame = records().with_columns(age=pl.lit("18-64"))
    assert list(counted(problem, frame)) == ["wages", "balance"]


def test_a_long_tail_is_drawn_by_magnitudes_and_an_even_range_as_it_is(problem: Problem) -> None:
    frame = records().with_columns(wages=pl.Series(np.floor(np.random.default_rng(1).lognormal(9, 1.8, 4_000))))
    assert view(problem, frame, "wages").magnitudes
    even = view(problem, frame, "age")
    assert not even.magnitudes
    assert len(heights(even)) == 100  # one column a year
    assert even.figures[0] == ("smallest", "0")
    assert dict(view(problem, frame, "balance").figures)["smallest"].startswith("−99")
    assert [label for _, label in even.marks] == ["0", "18", "65", "99"]
    assert even.edges == (18 * WIDE / 100, 65 * WIDE / 100)


def test_a_smooth_distribution_makes_a_smooth_picture_and_spikes_a_comb(problem: Problem) -> None:
    smooth = heights(view(problem, records(), "wages"))
    first = smooth[: len(smooth) // 4]
    assert min(first) > 5
    spikes = records().with_columns(wages=(pl.col("wages") / 12_000).floor() * 12_000)
    comb = heights(view(problem, spikes, "wages"))
    assert sum(height == 0 for height in comb[: len(comb) // 4]) > len(comb) / 12


def test_a_value_of_many_is_cut_off_and_told(problem: Problem) -> None:
    frame = records().with_columns(age=pl.when(pl.int_range(4_000) % 2 == 0).then(40).otherwise(pl.col("age")))
    found = view(problem, frame, "age")
    assert found.towers == ((40 * WIDE / 100, WIDE / 100),)
    assert len(found.told) == 1
    assert found.told[0].startswith("40: 50")
    assert view(problem, records(), "age").towers == ()


def test_one_value_alone_can_be_drawn(problem: Problem) -> None:
    frame = records(3).with_columns(wages=pl.lit(0.0), age=pl.lit(99), balance=pl.lit(-0.5))
    for found in view_spreads(measure(problem, {"records": frame}).spreads):
        assert "nan" not in found.outline
        assert max(heights(found)) == HIGH
