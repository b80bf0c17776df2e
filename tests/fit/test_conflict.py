import time
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import optimize, sparse

from bank import BANK, Case, two_levels
from synthor.fit.conflict import Conflict, Limits, Undecided, feasible_point, find_conflict
from synthor.problem import Demanded
from synthor.schema import Incidence, Partition, Units
from synthor.schema.units import cells_of
from synthor.types import Floats, Mask

Problem = tuple[list[Demanded], Mask]


def grid(*shape: int) -> Units:
    """All combinations of categories."""
    return Units.flat(np.stack(np.unravel_index(np.arange(np.prod(shape)), shape), axis=1).astype(np.int32))


def table(units: Units, columns: Sequence[int], low: object, high: object = None) -> Demanded:
    shape = [int(units.row_tables[0].codes[:, c].max()) + 1 for c in columns]
    lowest = np.array(low, dtype=float).ravel()
    return Demanded.between(
        cells_of(units, 0, columns, shape), lowest, lowest if high is None else np.array(high, dtype=float).ravel()
    )


def mean(values: Floats, wanted: float) -> Demanded:
    return Demanded.between(Incidence(sparse.csr_array((values - wanted)[:, None])), np.zeros(1), np.zeros(1))


def everyone(tables: Sequence[Demanded]) -> Mask:
    return np.ones(tables[0].cells.matrix().shape[0], dtype=bool)


def plainly(tables: Sequence[Demanded], alive: Mask, rows: Sequence[tuple[int, int]] | None = None) -> float:
    """Least sum of errors of some cells (all unless said), by one plain programme over all units."""
    if rows is not None and not rows:
        return 0.0
    wanted = [(t, c) for t, bounds in enumerate(tables) for c in range(bounds.cells.size)] if rows is None else list(rows)
    dense = [bounds.cells.matrix().toarray()[alive] for bounds in tables]
    scale = np.array([np.abs(dense[t]).max() or 1.0 for t, _ in wanted])
    counts = np.array([dense[t][:, c] for t, c in wanted]) / scale[:, None]
    low = np.array([tables[t].low[c] for t, c in wanted]) / scale
    high = np.array([tables[t].high[c] for t, c in wanted]) / scale
    r, k = counts.shape
    upper = np.block([[counts, -np.eye(r)], [-counts, -np.eye(r)]])
    limit = np.concatenate([high, -low])
    finite = np.isfinite(limit)
    found = optimize.linprog(
        np.concatenate([np.zeros(k), np.ones(r)]),
        A_ub=upper[finite],
        b_ub=limit[finite],
        A_eq=np.concatenate([np.ones(k), np.zeros(r)])[None],
        b_eq=[1.0],
    )
    assert found.status == 0
    assert found.fun is not None  # for the type checker
    return float(found.fun)


def certified(tables: Sequence[Demanded], alive: Mask) -> Conflict:
    """The conflict, proven by brute force: irreducible, and each error is just what lets the others hold."""
    found = find_conflict(tables, alive)
    assert isinstance(found, Conflict)
    assert found.irreducible
    assert plainly(tables, alive, found.members) > 1e-7
    for member, error in zip(found.members, found.errors, strict=True):
        assert plainly(tables, alive, [other for other in found.members if other != member]) <= 2e-7
        assert plainly(widened(tables, member, error + 1e-7), alive, found.members) <= 2e-7
        assert plainly(widened(tables, member, 0.98 * error), alive, found.members) > 1e-8
    assert found.total == pytest.approx(plainly(tables, alive), abs=1e-7)  # as near as the plain solver comes
    assert found.at_least == pytest.approx(found.total, abs=1e-8)
    return found


def widened(tables: Sequence[Demanded], member: tuple[int, int], by: float) -> list[Demanded]:
    change = [np.zeros(bounds.cells.size) for bounds in tables]
    change[member[0]][member[1]] = by
    return [Demanded.between(b.cells, b.low - c, b.high + c) for b, c in zip(tables, change, strict=True)]


def involved(found: Conflict) -> set[int]:
    return {table for table, _ in found.members}


def test_a_structural_zero_brings_two_one_way_tables_into_conflict() -> None:
    units = grid(2, 2)
    tables = [table(units, [0], [0.4, 0.6]), table(units, [1], [0.5, 0.5])]
    alive = np.array([True, True, False, True])  # the second of the first never with the first of the second
    assert find_conflict(tables, everyone(tables)) is None
    found = certified(tables, alive)
    assert involved(found) == {0, 1}
    assert found.members == ((0, 1), (1, 1))
    assert found.errors == pytest.approx((0.1, 0.1))


def test_a_cell_that_no_unit_reaches_is_a_conflict_of_its_own() -> None:
    units = grid(2, 2)
    tables = [table(units, [0], [0.3, 0.7]), table(units, [1], [0.6, 0.4])]
    found = certified(tables, units.row_tables[0].codes[:, 0] == 1)
    assert len(found.members) == 1
    assert involved(found) == {0}
    assert found.errors == pytest.approx((0.3,))


@pytest.mark.slow
def test_three_tables_that_agree_in_pairs_but_have_no_joint_are_all_named() -> None:
    """Each of three yes-no questions is answered otherwise than each other by everyone."""
    units = grid(2, 2, 2)
    apart = [[0, 0.5], [0.5, 0]]
    tables = [table(units, pair, apart) for pair in ((0, 1), (1, 2), (0, 2))]
    alive = everyone(tables)
    assert all(find_conflict(two, alive) is None for two in combinations(tables, 2))
    found = certified(tables, alive)
    assert involved(found) == {0, 1, 2}
    assert found.total == pytest.approx(
        2
    )  # every unit agrees in one pair at least: once too many there, once too few elsewhere


@pytest.mark.parametrize(("highest", "meets"), [(0.2999, False), (0.3, True), (0.3001, True)])
def test_an_interval_is_just_too_tight_or_just_wide_enough(highest: float, meets: bool) -> None:
    units = grid(2, 3)
    tables = [
        table(units, [0, 1], [[0.1, 0.2, 0.1], [0.2, 0.2, 0.2]]),
        table(units, [1], [0, 0, 0], [highest, np.inf, np.inf]),
    ]
    if meets:
        assert find_conflict(tables, everyone(tables)) is None
    else:
        found = certified(tables, everyone(tables))
        assert set(found.members) == {(0, 0), (0, 3), (1, 0)}
        assert found.errors == pytest.approx((1e-4,) * 3)
        assert found.total == pytest.approx(1e-4)


@pytest.mark.slow
def test_a_mean_outside_the_reachable_range_is_named_with_the_table_that_holds_it_down() -> None:
    units = grid(3, 2)
    income = np.array([10_000.0, 40_000.0, 900_000.0])[units.row_tables[0].codes[:, 0]]
    bands, other = table(units, [0], [0.5, 0.4, 0.1]), table(units, [1], [0.3, 0.7])
    exact = 0.5 * 10_000 + 0.4 * 40_000 + 0.1 * 900_000
    assert find_conflict([bands, other, mean(income, exact)], everyone([bands])) is None
    found = certified([bands, other, mean(income, 120_000)], everyone([bands]))
    assert involved(found) == {0, 2}
    assert dict(zip(found.members, found.errors, strict=True))[2, 0] == pytest.approx(120_000 - exact)
    beyond = certified([other, mean(income, 1e6)], everyone([bands]))
    assert beyond.members == ((1, 0),)
    assert beyond.errors == pytest.approx((1e5,))


def test_coefficients_of_units_that_may_not_occur_do_not_matter() -> None:
    units = grid(3, 2)
    income = np.array([10_000.0, 40_000.0, 1e12])[units.row_tables[0].codes[:, 0]]
    tables = [table(units, [1], [0.3, 0.7]), mean(income, 40_010)]
    found = certified(tables, units.row_tables[0].codes[:, 0] < 2)
    assert found.members == ((1, 0),)
    assert found.errors == pytest.approx((10,))


@pytest.mark.slow
def test_a_conflict_of_one_unit_in_a_million_is_found() -> None:
    units = grid(2, 2)
    tables = [table(units, [0], [1e-6, 1 - 1e-6]), table(units, [0, 1], [[1e-6, 1e-6], [0.5 - 1e-6, 0.5 - 1e-6]])]
    found = find_conflict(tables, everyone(tables))
    assert isinstance(found, Conflict)
    assert found.total == pytest.approx(2e-6, rel=1e-3)


def test_households_and_persons_that_contradict_each_other_are_named() -> None:
    units, hard = two_levels()
    met = [Demanded.between(h.cells, h.low, h.high) for h in hard]
    alive = np.ones(len(units), dtype=bool)
    assert find_conflict(met, alive) is None
    crowded = [met[0], Demanded.between(met[1].cells, met[1].low * 1.5, met[1].high * 1.5)]
    assert 1 in involved(certified(crowded, alive))


@pytest.mark.parametrize("case", BANK, ids=lambda case: case.name)
def test_of_the_bank_just_those_that_cannot_be_met_are_in_conflict(case: Case) -> None:
    tables = [Demanded.between(h.cells, h.low, h.high) for h in case.hard]
    alive = np.isfinite(case.log_base)
    if case.feasible:
        assert find_conflict(tables, alive) is None
    else:
        certified(tables, alive)


def counted(units: Units, columns: Sequence[int], weights: Floats) -> Demanded:
    shape = [int(units.row_tables[0].codes[:, c].max()) + 1 for c in columns]
    totals = cells_of(units, 0, columns, shape).totals(weights)
    return table(units, columns, totals / weights.sum())


@pytest.mark.slow
def test_amid_fifty_innocent_tables_only_the_guilty_ones_are_named() -> None:
    random = np.random.default_rng(5)
    units = Units.flat(random.integers(0, 3, (4000, 12)).astype(np.int32))
    weights = random.gamma(0.5, size=4000)
    pairs = list(combinations(range(2, 12), 2)) + [(0, v) for v in range(2, 7)]
    tables = [counted(units, pair, weights) for pair in pairs]
    assert len(tables) == 50
    innocent = counted(units, [1], weights)
    guilty = table(units, [0, 1], (counted(units, [0, 1], weights).low.reshape(3, 3)[:, [1, 0, 2]]))
    found = find_conflict([*tables, innocent, guilty], everyone(tables))
    assert isinstance(found, Conflict)
    assert involved(found) == {50, 51}
    assert len(found.members) == 4  # one total and the three cells that should add up to it
    assert found.irreducible


@st.composite
def populations(draw: st.DrawFn) -> Problem:
    """Tables counted from a random population in which some combinations do not occur."""
    shape = draw(st.tuples(*[st.integers(2, 4)] * 3))
    random = np.random.default_rng(draw(st.integers(0, 10_000)))
    units = grid(*shape)
    alive = random.random(len(units.row_tables[0].codes)) < draw(st.floats(0.3, 1))
    alive[0] = True
    weights = np.where(alive, random.gamma(0.5, size=len(alive)) + 1e-9, 0)
    groups = draw(st.lists(st.sampled_from([(0,), (1,), (2,), (0, 1), (1, 2), (0, 2)]), min_size=2, max_size=6, unique=True))
    made = []
    for group in groups:
        exact = counted(Units.flat(units.row_tables[0].codes), group, weights)
        slack = draw(st.sampled_from([0.0, 0.01]))
        made.append(Demanded.between(exact.cells, exact.low - slack, exact.high + slack))
    values = random.normal(50, 20, len(alive))
    return [*made, mean(values, float(values @ weights / weights.sum()))], alive


@pytest.mark.slow
@given(populations())
@settings(max_examples=40, deadline=None)
def test_tables_counted_from_one_population_are_never_in_conflict(problem: Problem) -> None:
    tables, alive = problem
    assert find_conflict(tables, alive) is None
    point = feasible_point(tables, alive)
    assert isinstance(point, tuple)
    units, weights = point
    assert len(units) <= 1 + sum(bounds.cells.size for bounds in tables)
    assert alive[units].all()
    assert weights.sum() == pytest.approx(1)
    whole = np.zeros(len(alive))
    whole[units] = weights
    for bounds in tables:
        got, near = bounds.cells.totals(whole), 1e-7 * np.abs(bounds.cells.matrix().data).max()
        assert (got >= bounds.low - near).all()
        assert (got <= bounds.high + near).all()


@pytest.mark.long
@given(populations(), st.data())
@settings(max_examples=25, deadline=None)
def test_a_perturbed_cell_is_named_with_its_partners(problem: Problem, data: st.DataObject) -> None:
    tables, alive = problem
    chosen = data.draw(st.integers(0, len(tables) - 2))
    cell = data.draw(st.integers(0, tables[chosen].cells.size - 1))
    low, high = tables[chosen].low.copy(), tables[chosen].high.copy()
    low[cell] = high[cell] = high[cell] + 0.3
    changed = list(tables)
    changed[chosen] = Demanded.between(tables[chosen].cells, low, high)
    assert plainly(changed, alive) > 1e-3
    found = certified(changed, alive)
    assert (chosen, cell) in found.members
    assert feasible_point(changed, alive) is None


@pytest.mark.long
@given(st.integers(0, 10_000))
@settings(max_examples=25, deadline=None)
def test_the_least_sum_of_errors_is_that_of_one_plain_programme(seed: int) -> None:
    random = np.random.default_rng(seed)
    units = Units.flat(random.integers(0, 4, (150, 4)).astype(np.int32))
    alive = random.random(150) < 0.8
    tables = [
        table(units, pair, random.dirichlet(np.ones(16)))
        for pair in ((0, 1), (1, 2), (2, 3))
        if units.row_tables[0].codes.max() == 3
    ]
    certified([*tables, mean(random.normal(size=150), 1.0)], alive)


def planted(n: int, n_tables: int, n_variables: int) -> list[Demanded]:
    """Two-way tables counted from n candidates, one of them with two of its cells exchanged in part."""
    random = np.random.default_rng(1)
    taste = random.random((n, 2))
    noise = random.random((n, n_variables))
    units = Units.flat((6 * (0.35 * taste[:, np.arange(n_variables) % 2] + 0.65 * noise**1.5)).astype(np.int32))
    weights = random.gamma(0.3, size=n) * np.exp(taste[:, 0])
    pairs = list(combinations(range(n_variables), 2))
    tables = [counted(units, pairs[i], weights) for i in random.permutation(len(pairs))[:n_tables]]
    wanted = tables[7].low.copy()
    wanted[3] += wanted[10] / 2
    wanted[10] /= 2
    tables[7] = Demanded.between(tables[7].cells, wanted, wanted)
    return tables


@pytest.mark.slow
@pytest.mark.long
def test_two_hundred_thousand_candidates_and_thirty_tables_take_seconds() -> None:
    tables = planted(200_000, 30, 11)
    steps: list[tuple[int, int]] = []
    begin = time.process_time()
    found = find_conflict(tables, everyone(tables), advance=lambda done, total: steps.append((done, total)))
    taken = time.process_time() - begin
    assert isinstance(found, Conflict)
    assert found.irreducible
    assert 7 in involved(found)
    assert len(involved(found)) == 2
    assert found.total - found.at_least < 1e-8
    assert steps == sorted(steps)
    assert steps[-1] == (100, 100)
    assert taken < 20  # of one processor; about 5 where nothing else runs


@pytest.mark.slow
def test_more_cells_than_one_programme_takes_are_tried_by_suspicion() -> None:
    limits = Limits(whole_cells=150)
    tables = planted(5_000, 20, 11)
    found = find_conflict(tables, everyone(tables), limits=limits)
    assert isinstance(found, Conflict)
    assert found.irreducible
    assert 7 in involved(found)
    assert found.total >= found.at_least > 0
    innocent = [bounds for i, bounds in enumerate(tables) if i != 7]
    assert find_conflict(innocent, everyone(tables), limits=limits) is None


@pytest.mark.slow
@pytest.mark.parametrize(("work", "said"), [(0.0, "too large"), (2_000.0, "limit")])
def test_a_solver_that_gives_up_is_told_and_nothing_is_concluded(work: float, said: str) -> None:
    limits = Limits(work=work)
    tables = planted(2_000, 20, 11)
    found = find_conflict(tables, everyone(tables), limits=limits)
    assert isinstance(found, Undecided)
    assert said in found.message
    assert isinstance(feasible_point(tables, everyone(tables), limits=limits), Undecided)


def test_bounds_that_make_no_sense_are_refused() -> None:
    units = grid(2)
    with pytest.raises(ValueError, match="no unit is alive"):
        find_conflict([table(units, [0], [0.5, 0.5])], np.zeros(2, dtype=bool))
    with pytest.raises(ValueError, match="table 0: a lower bound exceeds"):
        find_conflict([table(units, [0], [0.5, 0.5], [0.4, 0.5])], np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match="no number"):
        feasible_point([table(units, [0], [np.nan, 0.5])], np.ones(2, dtype=bool))
    with pytest.raises(ValueError, match="need as many bounds"):
        find_conflict([Demanded.between(Partition(np.array([0, 1]), 2), np.zeros(3), np.ones(3))], np.ones(2, dtype=bool))


def test_no_tables_are_met_by_any_unit() -> None:
    assert find_conflict([], np.array([False, True])) is None


@pytest.mark.slow
def test_of_many_cells_only_those_near_what_is_missed_are_looked_at() -> None:
    limits = Limits(most_cells=100, whole_cells=60)
    random = np.random.default_rng(2)
    zone, a, b, c = np.unravel_index(np.arange(40 * 3 * 2 * 2), (40, 3, 2, 2))
    people = random.gamma(1.0, size=len(zone))
    people /= people.sum()
    alive = ~((zone == 7) & (a == 0) & (b == 0))
    people[~alive] = 0.0
    tables = []
    for side, size in ((a, 3), (b, 2), (c, 2)):
        cells = Partition(zone * size + side, 40 * size)
        wanted = cells.totals(people)
        tables.append(Demanded.between(cells, wanted, wanted))
    assert not isinstance(find_conflict(tables, alive, limits=limits), Conflict)
    wanted, whole = tables[1].low.copy(), tables[1].low[14:16].sum()
    b_zero = whole - tables[0].low[21] + 0.1 * whole  # more than all in zone 7 that are not a = 0
    wanted[14], wanted[15] = b_zero, whole - b_zero
    tables[1] = Demanded.between(tables[1].cells, wanted, wanted)
    found = find_conflict(tables, alive, limits=limits)
    assert isinstance(found, Conflict)
    assert found.irreducible
    assert {cell * 40 // tables[table].cells.size for table, cell in found.members} == {7}
    assert plainly(tables, alive, found.members) > 1e-7
    for member in found.members:
        assert plainly(tables, alive, [other for other in found.members if other != member]) <= 1e-7
