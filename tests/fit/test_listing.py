"""Candidates that are listed rather than drawn."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor import Model, Prior, Spec, compile_problem, parse_spec
from synthor.fit.listing import Listing, every_combination, lean_positions, some_combinations
from synthor.fit.model import fit
from synthor.fit.pool import listed_pool
from synthor.fit.status import Status
from synthor.prior.beliefs import resolve
from synthor.problem import Problem
from synthor.run import draw
from synthor.schema import Units


def rows(found: Listing) -> list[tuple[int, ...]]:
    return list(zip(*(codes.tolist() for codes in found.bins.values()), strict=True))


def by_trial(problem: Problem) -> list[tuple[int, ...]]:
    """All combinations of finest bins that fall into no cell that must be empty, tried one by one."""
    level = problem.schema.unit
    fine = np.array(list(product(*(range(level.finest(v).size) for v in range(len(level.variables))))), np.int32)
    units = problem.schema.coarsen(Units.flat(fine))
    kept = np.ones(len(units), bool)
    for target in problem.counts:
        kept &= ~np.append(target.highest <= 0, False)[target.index(units)]
    return [tuple(row) for row in fine[kept].tolist()]


def listed(problem: Problem) -> list[tuple[int, ...]]:
    found = every_combination(problem)
    assert found is not None
    assert tuple(found.bins) == tuple(range(len(problem.schema.unit.variables)))
    return rows(found)


def test_flows_bands_and_empty_cells_leave_just_what_they_leave_together() -> None:
    text = """
records: 20
variables:
  home: {type: category, values: [a, b, c]}
  job: {type: category, values: [a, b, c]}
  age: {type: integer, min: 0, max: 89, bins: [0, 15, 30, 60]}
  mode: {type: category, values: [car, walk]}
targets:
  - {flows: [home, job], table: [{home: a, job: b, count: 9}, {home: b, job: a, count: 6}, {home: c, job: c, count: 5}]}
  - table: [{home: a, mode: car, count: 9}, {home: b, mode: car, count: 1}, {home: b, mode: walk, count: 5},
            {home: c, mode: walk, count: 5}]
  - table: [{job: a, age: Under 20, count: 0}, {job: a, age: 20 and over, count: 6}, {job: b, age: Under 20, count: 9},
            {job: b, age: 20 and over, count: 0}, {job: c, age: Under 20, count: 2}, {job: c, age: 20 and over, count: 3}]
"""
    problem = compile_problem(parse_spec(text))
    assert problem.schema.unit.slices  # the band begins inside a bin
    assert listed(problem) == by_trial(problem)
    assert 0 < len(listed(problem)) < 40


@pytest.mark.slow
@settings(max_examples=40, deadline=None)
@given(st.integers(0, 10_000))
def test_any_tables_are_joined_as_by_trial(seed: int) -> None:
    random = np.random.default_rng(seed)
    sizes = random.integers(2, 5, 4)
    names = ["a", "b", "c", "d"]
    values = {name: [f"{name}{code}" for code in range(size)] for name, size in zip(names, sizes, strict=True)}
    people = np.stack([random.integers(0, size, 6) for size in sizes], axis=1)
    targets = []
    for sides in ((0, 1), (1, 2), (0, 2, 3)):
        shape = [int(sizes[side]) for side in sides]
        counts = np.bincount(np.ravel_multi_index(people[:, sides].T, shape), minlength=int(np.prod(shape)))
        rows = [
            {**{names[side]: values[names[side]][code] for side, code in zip(sides, codes, strict=True)}, "count": int(n)}
            for codes, n in zip(np.ndindex(*shape), counts, strict=True)
        ]
        targets.append({"table": rows})
    variables = {name: {"type": "category", "values": known} for name, known in values.items()}
    problem = compile_problem(Spec.model_validate({"records": 6, "variables": variables, "targets": targets}))
    assert listed(problem) == by_trial(problem)


def test_nothing_is_listed_that_is_too_much() -> None:
    text = """
records: 4
variables: {a: {type: category, values: [x, y]}, b: {type: category, values: [p, q]}, c: {type: category, values: [r, s]}}
targets: [{table: [{a: x, b: p, count: 1}, {a: x, b: q, count: 0}, {a: y, b: p, count: 0}, {a: y, b: q, count: 3}]}]
"""
    problem = compile_problem(parse_spec(text))
    assert every_combination(problem, 3) is None
    found = every_combination(problem, 4)
    assert found is not None and rows(found) == [(0, 0, 0), (0, 0, 1), (1, 1, 0), (1, 1, 1)]
    some = some_combinations(problem, (0, 1), 3)
    assert some is not None and (tuple(some.bins), rows(some)) == ((0, 1), [(0, 0), (1, 1)])


def trips(n_zones: int = 60, n_pairs: int = 1_100, n_trips: int = 1_400, n_purposes: int = 0) -> Problem:
    """Flows between zones, modes by origin and by destination, counted from one made-up population."""
    random = np.random.default_rng(3)
    flat = random.choice(n_zones * n_zones, n_pairs, replace=False)
    flat = np.concatenate([flat, random.choice(flat, n_trips - n_pairs)])
    columns = {"origin": flat // n_zones, "destination": flat % n_zones, "mode": random.integers(0, 3, n_trips)}

    def table(*names: str) -> list[dict[str, Any]]:
        found, counts = np.unique(np.stack([columns[name] for name in names], axis=1), axis=0, return_counts=True)
        rows = zip(found, counts, strict=True)
        return [{**{n: str(c) for n, c in zip(names, row, strict=True)}, "count": int(k)} for row, k in rows]

    sizes = {"origin": n_zones, "destination": n_zones, "mode": 3, **({"purpose": n_purposes} if n_purposes else {})}
    document = {
        "records": n_trips,
        "variables": {n: {"type": "category", "values": [str(code) for code in range(k)]} for n, k in sizes.items()},
        "targets": [
            {"flows": ["origin", "destination"], "table": table("origin", "destination")},
            {"table": table("origin", "mode")},
            {"table": table("destination", "mode")},
        ],
    }
    return compile_problem(Spec.model_validate(document))


@pytest.mark.long
def test_flows_between_600_zones_with_modes_at_both_ends_are_met() -> None:
    model = fit(trips(n_zones=600, n_pairs=25_000, n_trips=45_000), Prior())
    assert model.status is Status.CONVERGED
    assert draw(model).measurement.met


@pytest.mark.slow
def test_flows_with_other_tables_are_met_though_a_drawn_pool_would_lack_units() -> None:
    model = fit(trips(), Prior(), pool_size=2_000)
    assert model.status is Status.CONVERGED
    assert (model.contradictions, model.lacking) == ((), ())
    assert model.recipe.listed and model.pool.complete
    assert len(model.pool.units) == 3 * 1_100  # of 10,800 combinations
    again = Model.from_json(model.to_json())
    assert np.array_equal(again.weights, model.weights)
    assert draw(model).measurement.met


@pytest.mark.slow
def test_variables_beside_those_of_small_cells_are_drawn_for_each_listed_combination() -> None:
    problem = trips(n_purposes=1_000)
    assert every_combination(problem) is None
    assert lean_positions(problem, 2_000) == (0, 1, 2)
    pool = listed_pool(problem, resolve(Prior(), problem), size=2_000, random_seed=0)
    assert pool is not None and not pool.complete
    flat, n_each = np.unique(np.ravel_multi_index(pool.units.row_tables[0].codes[:, :3].T, (60, 60, 3)), return_counts=True)
    strata = np.stack(np.unravel_index(flat, (60, 60, 3)), axis=1)
    some = some_combinations(problem, (0, 1, 2))
    assert some is not None and [tuple(row) for row in strata.tolist()] == rows(some)
    assert len(set(n_each.tolist())) == 1
    # Each weighs what it does under independence, however it was listed.
    shares = np.exp(pool.log_base)
    mode = np.bincount(pool.units.row_tables[0].codes[:, 2], shares)
    base = [problem.marginal(v) for v in range(3)]
    joint = np.prod([known[strata[:, v]] for v, known in enumerate(base) if known is not None], axis=0)
    assert np.allclose(mode, np.bincount(strata[:, 2], joint / joint.sum()))
    assert shares.sum() == pytest.approx(1)


def test_where_all_is_too_much_what_no_flows_speak_of_is_drawn() -> None:
    problem = trips()
    pairs = 1_100
    every = some_combinations(problem, (0, 1, 2), 3 * pairs)
    assert every is not None and tuple(every.bins) == (0, 1, 2)
    some = some_combinations(problem, (0, 1, 2), 3 * pairs - 1)
    assert some is not None and tuple(some.bins) == (0, 1)
    assert len(some) == pairs
    assert some_combinations(problem, (0, 1, 2), pairs - 1) is None


def test_few_small_cells_leave_the_pool_drawn() -> None:
    assert lean_positions(trips(n_pairs=900, n_trips=1_100), 20_000) == ()


def test_numbers_with_means_to_meet_are_drawn_inside_their_bins() -> None:
    text = """
records: 10
variables: {sex: {type: category, values: [f, m]}, age: {type: integer, min: 0, max: 99, bins: [0, 20, 60]}}
targets: [{counts: {sex: {f: 6, m: 4}}}, {counts: {age: {0: 2, 20: 5, 60: 3}}}]
"""
    plain = compile_problem(parse_spec(text))
    pool = listed_pool(plain, resolve(Prior(), plain), size=100, random_seed=0)
    assert pool is not None and pool.complete
    with_mean = compile_problem(parse_spec(text.replace("60: 3}}}]", "60: 3}}}, {mean: age, value: 41.5}]")))
    assert listed_pool(with_mean, resolve(Prior(), with_mean), size=100, random_seed=0) is None
