"""Units dealt out to zones: everyone once, fairly, and any place of them alone."""

import itertools
import math

import numpy as np
import pytest

from synthor import compile_problem, parse_spec
from synthor.fit.model import fit_what_can_be
from synthor.geography.areas import marks_of
from synthor.geography.flat.permuted import permuted
from synthor.geography.zoned import zoned_sample
from synthor.prior.model import Prior
from synthor.problem.zones import Zones
from synthor.sample.arrangement import InTurn


@pytest.mark.parametrize("size", [1, 2, 5, 16, 17, 63, 64, 65, 1_000, 40_000])
def test_places_are_permuted(size: int) -> None:
    found = permuted(np.arange(size), np.full(size, size), np.full(size, 3), 1)
    assert sorted(found.tolist()) == list(range(size))
    if size > 2:
        others = [permuted(np.arange(size), np.full(size, size), np.full(size, key), 1).tolist() for key in range(4, 12)]
        assert found.tolist() not in others or size < 6


@pytest.mark.parametrize("size", [3, 4, 5])
def test_all_orders_of_short_lists_are_as_likely(size: int) -> None:
    n, orders = 40_000, math.factorial(size)
    keys = np.repeat(np.arange(n), size)
    found = permuted(np.tile(np.arange(size), n), np.full(len(keys), size), keys, 9).reshape(n, size)
    index = found @ (size ** np.arange(size))
    every = [np.array(order) @ (size ** np.arange(size)) for order in itertools.permutations(range(size))]
    counted = [int((index == one).sum()) for one in every]
    expected = n / orders
    squared = sum((count - expected) ** 2 / expected for count in counted)
    assert squared < orders - 1 + 5 * math.sqrt(2 * (orders - 1))


@pytest.mark.parametrize("size", [17, 40, 3_000])
def test_longer_lists_forget_who_stood_where(size: int) -> None:
    n = 200_000 // size
    keys = np.repeat(np.arange(n), size)
    found = permuted(np.tile(np.arange(size), n), np.full(len(keys), size), keys, 2).reshape(n, size)
    noise = 1 / math.sqrt(n * size)
    assert abs(np.corrcoef(np.tile(np.arange(size), n), found.ravel())[0, 1]) < 5 * noise
    steps = np.corrcoef(found[:, :-1].ravel(), found[:, 1:].ravel())[0, 1]
    assert abs(steps + 1 / size) < 5 * noise + 0.2 / size


def test_chunks_hold_whole_zones_unless_one_is_larger_than_a_chunk() -> None:
    for sizes, tracts, marks in (
        ([3, 4, 0, 2, 11, 1], [0, 0, 0, 0, 0, 0], [7, 9, 17, 21]),
        ([0, 0, 20], [0, 1, 2], [8, 16, 20]),
        ([8, 8], [0, 1], [8, 16]),
        ([3, 2, 2, 4, 1], [0, 0, 1, 1, 2], [5, 12]),  # a tract begins at 5, and fits in whole
        ([2, 3, 2], [0, 1, 1], [7]),
        ([1, 6, 6], [0, 1, 1], [7, 13]),  # less than half a chunk would end with a tract
    ):
        n = (len(sizes), max(tracts) + 1)
        zones = Zones(names=("taz", "tract"), positions=(1, 2), sizes=n, parents=(np.array(tracts),))
        assert marks_of(zones, np.array(sizes), 8).tolist() == marks


SPEC = """
records: 4000
random_seed: 5
variables:
  size: {type: category, values: [one, two]}
  hue: {type: category, values: [red, green, blue]}
  age: {type: integer, min: 0, max: 99, bins: [0, 20, 60]}
zones: {key: taz, within: {tract: {z0: t0, z1: t1, z2: t0, z3: t1}}}
targets:
- table:
  - {taz: z0, size: one, count: 700}
  - {taz: z0, size: two, count: 300}
  - {taz: z1, size: one, count: 100}
  - {taz: z1, size: two, count: 900}
  - {taz: z2, size: one, count: 500}
  - {taz: z2, size: two, count: 500}
  - {taz: z3, size: one, count: 800}
  - {taz: z3, size: two, count: 200}
- {table: [{tract: t0, hue: red, count: 900}, {tract: t0, hue: green, count: 600}, {tract: t0, hue: blue, count: 500},
           {tract: t1, hue: red, count: 300}, {tract: t1, hue: green, count: 700}, {tract: t1, hue: blue, count: 1000}]}
- {mean: age, value: 41.5}
"""


def test_a_unit_at_any_place_is_known_without_the_others() -> None:
    made = zoned_sample(fit_what_can_be(compile_problem(parse_spec(SPEC)).region, Prior()))
    assert isinstance(made.arrangement, InTurn)
    whole = made.arrangement.units(np.arange(4000))
    some = np.random.default_rng(0).choice(4000, 300, replace=False)
    assert made.arrangement.units(some).row_tables[0].codes.tolist() == whole.row_tables[0].codes[some].tolist()
    zone = whole.columns()[3]
    assert (np.flatnonzero(np.diff(zone)) + 1).tolist() == [1000, 2000, 3000]  # those of a tract stand together
    assert zone[[0, 1000, 2000, 3000]].tolist() == [0, 2, 1, 3]


@pytest.mark.slow
def test_what_zones_do_not_see_is_dealt_out_as_chance_has_it() -> None:
    """Hues are known of tracts alone: in zones of one tract they differ by no more than sampling does."""
    made = zoned_sample(fit_what_can_be(compile_problem(parse_spec(SPEC)).region, Prior()))
    frame = next(iter(made.chunks()))["records"]
    for one, other, share in (("z0", "z2", 0.45), ("z1", "z3", 0.15)):
        reds = [int((frame.filter(taz=zone)["hue"] == "red").sum()) for zone in (one, other)]
        assert sum(reds) == round(2000 * share)
        assert abs(reds[0] - reds[1]) < 5 * math.sqrt(2000 * share * (1 - share))
    assert made.problem.n_units == len(frame)
    assert sum(frame["age"]) / 4000 == pytest.approx(41.5, abs=0.05)
