from dataclasses import replace
from itertools import combinations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import optimize, sparse

from bank import BANK, NO_ROOM, Case, NoRoom, two_levels
from synthor.fit.balance import Hard, Soft, balance, weigh
from synthor.fit.blocks import gathered
from synthor.fit.dual import YIELDING, Dual
from synthor.fit.model import one_thread
from synthor.fit.status import Status
from synthor.fit.sweep import sweep
from synthor.prior.beliefs import fit_to_marginals
from synthor.problem import Demand
from synthor.schema import Conditional, Incidence, Partition, Ref, Units
from synthor.schema.units import cells_of
from synthor.types import Floats

FEASIBLE = [case for case in BANK if case.feasible]
OVERLAPS: list[list[tuple[int, ...]]] = [[(0,), (1,), (2,)], [(0, 1), (2,)], [(0, 1), (1, 2)], [(0, 1), (1, 2), (0, 2)]]
positive = st.floats(0.05, 20)


@pytest.mark.parametrize("case", FEASIBLE, ids=lambda case: case.name)
def test_targets_of_the_bank_are_met_and_recognised(case: Case) -> None:
    found = balance(case.log_base, case.hard)
    assert found.status is Status.CONVERGED
    for target in case.hard:
        assert np.abs(target.cells.totals(found.weights) - target.low).max() <= 1e-9


@pytest.mark.parametrize("case", [c for c in FEASIBLE if c.answer is not None], ids=lambda case: case.name)
def test_answers_of_the_bank_agree_with_independent_tools(case: Case) -> None:
    assert case.answer is not None  # for the type checker
    found = balance(case.log_base, case.hard)
    np.testing.assert_allclose(found.weights * case.total, case.answer.ravel(), atol=1e-5)


@pytest.mark.parametrize("case", [c for c in BANK if not c.feasible], ids=lambda case: case.name)
def test_what_cannot_be_met_is_never_called_converged(case: Case) -> None:
    found = balance(case.log_base, case.hard)
    assert found.status in (Status.INFEASIBLE, Status.UNSUPPORTED, Status.STALLED, Status.ITERATION_LIMIT)
    assert found.residual > 0.01 or found.status in (Status.INFEASIBLE, Status.UNSUPPORTED)


@pytest.mark.parametrize("case", FEASIBLE, ids=lambda case: case.name)
def test_structural_zeros_stay_zero(case: Case) -> None:
    found = balance(case.log_base, case.hard)
    assert (found.weights[case.base.ravel() == 0] == 0).all()


def test_two_levels_are_met_together() -> None:
    units, hard = two_levels()
    found = balance(np.zeros(len(units)), hard)
    assert found.status is Status.CONVERGED
    for target in hard:
        np.testing.assert_allclose(target.cells.totals(found.weights), target.low, atol=1e-9)


def test_contradictory_members_are_never_called_converged() -> None:
    units, (households, persons) = two_levels()
    too_many = Hard.exactly(persons.cells, persons.low * 10)
    assert balance(np.zeros(len(units)), [households, too_many]).status is not Status.CONVERGED


@st.composite
def tables(draw: st.DrawFn) -> tuple[Units, Floats, list[Hard]]:
    """A random joint on a small grid, with targets counted from another one, so that a solution exists."""
    shape = draw(st.tuples(*[st.integers(2, 4)] * 3))
    base = draw(arrays(float, shape, elements=positive)).ravel()
    truth = draw(arrays(float, shape, elements=positive)).ravel()
    units = Units.flat(np.stack(np.unravel_index(np.arange(base.size), shape), axis=1).astype(np.int32))
    columns: list[tuple[int, ...]] = draw(st.sampled_from(OVERLAPS))
    cells = [cells_of(units, 0, group, [shape[c] for c in group]) for group in columns]
    return units, base, [Hard.exactly(c, c.totals(truth / truth.sum())) for c in cells]


@pytest.mark.slow
@given(tables())
@settings(max_examples=60, deadline=None)
def test_any_tables_counted_from_one_population_are_met(problem: tuple[Units, Floats, list[Hard]]) -> None:
    _, base, hard = problem
    found = balance(np.log(base), hard)
    assert found.status is Status.CONVERGED
    assert all(np.abs(h.cells.totals(found.weights) - h.low).max() <= 1e-9 for h in hard)


@pytest.mark.slow
@given(tables())
@settings(max_examples=40, deadline=None)
def test_the_result_has_the_form_of_an_exponential_tilt(problem: tuple[Units, Floats, list[Hard]]) -> None:
    _, base, hard = problem
    found = balance(np.log(base), hard)
    again = weigh(np.log(base), hard, found.hard, [], [])
    np.testing.assert_allclose(again, found.weights, rtol=1e-9)


@pytest.mark.slow
@given(tables())
@settings(max_examples=40, deadline=None)
def test_a_feasible_start_is_a_fixed_point(problem: tuple[Units, Floats, list[Hard]]) -> None:
    _, base, hard = problem
    base = base / base.sum()
    met = [Hard.exactly(h.cells, h.cells.totals(base)) for h in hard]
    np.testing.assert_allclose(balance(np.log(base), met).weights, base, atol=1e-9)


@pytest.mark.slow
@given(tables())
@settings(max_examples=30, deadline=None)
def test_relabelling_categories_relabels_the_answer(problem: tuple[Units, Floats, list[Hard]]) -> None:
    _, base, hard = problem
    order = np.random.default_rng(0).permutation(hard[0].cells.size)
    cells = hard[0].cells
    assert isinstance(cells, Partition)
    wanted = np.empty_like(hard[0].low)
    wanted[order] = hard[0].low
    renamed = [Hard.exactly(Partition(order[cells.index], cells.size), wanted), *hard[1:]]
    np.testing.assert_allclose(balance(np.log(base), renamed).weights, balance(np.log(base), hard).weights, atol=1e-8)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:Values in x were outside bounds:RuntimeWarning")  # SciPy 1.13 says so of its own steps
def test_beliefs_that_contradict_each_other_have_the_optimum_that_a_general_solver_finds() -> None:
    """Minimise KL(p||q) + sum r KL(t||Cp) over p directly, by SciPy, and compare."""
    random = np.random.default_rng(3)
    shape = (3, 3, 2)
    units = Units.flat(np.stack(np.unravel_index(np.arange(18), shape), axis=1).astype(np.int32))
    base = random.dirichlet(np.ones(18) * 5)
    hard = [Hard.exactly(cells_of(units, 0, [0], [3]), np.array([0.2, 0.5, 0.3]))]
    soft = [
        Soft(cells=cells_of(units, 0, group, [shape[c] for c in group]), shares=random.dirichlet(np.ones(size)), weight=weight)
        for group, size, weight in (((0, 1), 9, 4.0), ((1, 2), 6, 10.0), ((0, 2), 6, 1.0))
    ]

    def objective(p: Floats) -> float:
        value = float((p * np.log(p / base)).sum())
        for table in soft:
            value += table.weight * float((table.shares * np.log(table.shares / table.cells.totals(p))).sum())
        return value

    met = optimize.LinearConstraint(hard[0].cells.matrix().toarray().T, hard[0].low, hard[0].low)
    by_scipy = optimize.minimize(
        objective, base, bounds=[(1e-12, 1)] * 18, constraints=[met], method="SLSQP", options={"ftol": 1e-15, "maxiter": 2000}
    )
    found = balance(np.log(base), hard, soft)
    assert found.status is Status.CONVERGED
    assert objective(found.weights) <= by_scipy.fun + 1e-9
    np.testing.assert_allclose(found.weights, by_scipy.x, atol=2e-5)


def test_beliefs_that_agree_with_the_targets_are_taken_over_as_they_are() -> None:
    units = Units.flat(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32))
    joint = np.array([0.3, 0.1, 0.2, 0.4])
    hard = [Hard.exactly(cells_of(units, 0, [v], [2]), cells_of(units, 0, [v], [2]).totals(joint)) for v in (0, 1)]
    strong = Soft(cells=cells_of(units, 0, [0, 1], [2, 2]), shares=joint, weight=1e6)
    np.testing.assert_allclose(balance(np.zeros(4), hard, [strong]).weights, joint, atol=1e-5)


def test_a_belief_counts_more_the_stronger_it_is() -> None:
    units = Units.flat(np.array([[0, 0], [0, 1], [1, 0], [1, 1]], np.int32))
    hard = [Hard.exactly(cells_of(units, 0, [v], [2]), np.array([0.5, 0.5])) for v in (0, 1)]
    cells, believed = cells_of(units, 0, [0, 1], [2, 2]), np.array([0.45, 0.05, 0.05, 0.45])
    gaps = []
    for weight in (0.01, 0.1, 1, 10, 100):
        found = balance(np.zeros(4), hard, [Soft(cells=cells, shares=believed, weight=weight)])
        assert found.status is Status.CONVERGED
        gaps.append(float(np.abs(found.weights - believed).sum()))
    assert gaps == sorted(gaps, reverse=True)
    assert gaps[0] > 0.7
    assert gaps[-1] < 0.02


def test_residual_history_is_kept_and_ends_below_the_tolerance() -> None:
    case = next(case for case in BANK if "two-way" in case.name)
    found = balance(case.log_base, case.hard)
    assert found.history[0] > found.history[-1]
    assert found.history[-1] <= 1e-9


def test_a_contradiction_is_proven_by_a_certificate_and_ends_at_the_best_that_was_seen() -> None:
    """Three pairs of which each two must differ: no joint exists, though all marginals agree."""
    units = Units.flat(np.array(list(product(range(2), repeat=3)), np.int32))
    unequal = np.array([0.0, 0.5, 0.5, 0.0]) * (1 - 4e-3) + 1e-3
    hard = [Hard.exactly(cells_of(units, 0, pair, [2, 2]), unequal) for pair in ((0, 1), (0, 2), (1, 2))]
    found = balance(np.zeros(8), hard)
    assert found.status is Status.INFEASIBLE
    assert found.residual <= min(found.history) / 0.99


@pytest.mark.parametrize("case", NO_ROOM, ids=lambda case: case.name)
def test_candidates_that_targets_leave_no_room_weigh_nothing_though_beliefs_insist(case: NoRoom) -> None:
    found = balance(case.log_base, case.hard, [case.believed])
    assert found.status is Status.CONVERGED
    assert len(found.history) <= 40
    np.testing.assert_array_equal(found.weights == 0, case.closed)
    for target in case.hard:
        got = target.cells.totals(found.weights)
        low, high = target.low, target.high
        assert (np.maximum(low - got, got - high) <= 1e-9).all()
    again = weigh(case.log_base, case.hard, found.hard, [case.believed.cells], found.soft, found.closings)
    np.testing.assert_allclose(again, found.weights, rtol=1e-9)


def contradicting(seed: int, *, fitted: bool) -> tuple[Floats, list[Hard], list[Soft]]:
    """One-way targets of four variables, and sure beliefs about all pairs, with or without the targets' marginals."""
    random = np.random.default_rng(seed)
    shape = (5, 4, 5, 4)
    units = Units.flat(np.array(list(product(*map(range, shape))), np.int32))
    wanted = [random.dirichlet(np.full(size, 0.5)) for size in shape]
    hard = [Hard.exactly(cells_of(units, 0, [v], [shape[v]]), wanted[v]) for v in range(4)]
    soft = []
    for a, b in combinations(range(4), 2):
        shares = random.dirichlet(np.full(shape[a] * shape[b], 0.2)) + 1e-9
        if fitted:
            shares = fit_to_marginals(shares.reshape(shape[a], shape[b]), wanted[a], wanted[b]).ravel()
        cells, weight = cells_of(units, 0, [a, b], [shape[a], shape[b]]), float(random.choice([25, 300, 3000]))
        soft.append(Soft(cells=cells, shares=shares / shares.sum(), weight=weight))
    return np.zeros(len(units)), hard, soft


@pytest.mark.slow
def test_sure_beliefs_that_contradict_each_other_converge() -> None:
    log_base, hard, soft = contradicting(0, fitted=True)
    with one_thread():
        found = balance(log_base, hard, soft)
    assert found.status is Status.CONVERGED
    assert all(np.abs(h.cells.totals(found.weights) - h.low).max() <= 1e-9 for h in hard)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_beliefs_that_contradict_the_targets_are_never_more_than_not_converged(seed: int) -> None:
    log_base, hard, soft = contradicting(seed, fitted=False)
    with one_thread():
        found = balance(log_base, hard, soft, newton_steps=5)
    assert np.isfinite(found.weights).all()
    assert (found.status is Status.CONVERGED) == (found.residual <= 1e-9)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(5))
def test_believed_rows_that_contradict_each_other_give_way_before_they_pull_by_hundreds(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (6, 5, 6)
    units = Units.flat(np.array(list(product(*map(range, shape))), np.int32))
    hard = [Hard.exactly(cells_of(units, 0, [v], [shape[v]]), random.dirichlet(np.full(shape[v], 2.0))) for v in range(3)]
    rows = []
    for of, by in ((0, 1), (1, 2), (2, 0), (1, 0), (2, 1), (0, 2)):
        told = random.dirichlet(np.full(shape[of], 0.1), shape[by])
        cells = Conditional(cells_of(units, 0, [by, of], [shape[by], shape[of]]), told)
        sure = Demand.exactly(np.zeros(told.size), np.full(told.size, 1e-2))
        rows.append(Hard(cells=cells, demand=sure, signed=True, firm=5.0))
    with one_thread():
        found = balance(np.zeros(len(units)), [*hard, *rows])
    assert found.status is Status.CONVERGED
    assert all(np.abs(h.cells.totals(found.weights) - h.low).max() <= 1e-9 for h in hard)
    assert np.abs(np.concatenate(found.hard[3:])).max() < 5 + 1 / YIELDING
    stiff = [*hard, *(replace(row, firm=np.inf) for row in rows)]
    assert balance(np.zeros(len(units)), stiff, newton_steps=len(found.history)).status is not Status.CONVERGED


def test_members_can_leave_no_room_either() -> None:
    """Half of the households have one person and half have more; with 1.5 persons on average none has three."""
    sizes = np.array([1, 2, 3])
    persons = Incidence(sparse.csr_array(sizes[:, None].astype(float)))
    hard = [
        Hard.exactly(Partition(np.array([0, 1, 1]), 2), np.array([0.5, 0.5])),
        Hard.exactly(persons, np.array([1.5])),
    ]
    believed = Soft(cells=Partition(np.arange(3), 3), shares=np.array([0.2, 0.5, 0.3]), weight=20.0)
    found = balance(np.zeros(3), hard, [believed])
    assert found.status is Status.CONVERGED
    np.testing.assert_allclose(found.weights, [0.5, 0.5, 0.0], atol=1e-9)


def test_a_contradiction_is_no_reason_to_empty_cells() -> None:
    units = Units.flat(np.array([[0, 0], [1, 0], [1, 1]], np.int32))
    cells = [cells_of(units, 0, [v], [2]) for v in (0, 1)]
    hard = [Hard.exactly(cells[0], np.array([0.4, 0.6])), Hard.exactly(cells[1], np.array([0.3, 0.7]))]
    believed = Soft(cells=Partition(np.arange(3), 3), shares=np.full(3, 1 / 3), weight=5.0)
    found = balance(np.zeros(3), hard, [believed])
    assert found.status is not Status.CONVERGED
    assert found.residual > 0.01


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=8, deadline=None)
def test_tables_of_a_sparse_population_are_met_and_only_what_it_lacks_is_closed(seed: int) -> None:
    random = np.random.default_rng(seed)
    shape = (3, 4, 3)
    units = Units.flat(np.array(list(product(*map(range, shape))), np.int32))
    truth = random.random(len(units)) * (random.random(len(units)) < 0.4)
    truth[0] += 0.1
    possible = (truth > 0) | (random.random(len(units)) < 0.4)
    log_base = np.where(possible, random.normal(0, 1, len(units)), -np.inf)
    pairs = [(0, 1), (1, 2), (0, 2)]
    cells = [cells_of(units, 0, pair, [shape[v] for v in pair]) for pair in pairs]
    hard = [Hard.exactly(c, c.totals(truth / truth.sum())) for c in cells]
    believed = Soft(
        cells=Partition(np.arange(len(units)), len(units)), shares=random.dirichlet(np.ones(len(units))), weight=9.0
    )
    with one_thread():
        found = balance(log_base, hard, [believed])
    assert found.status is Status.CONVERGED
    assert all(np.abs(h.cells.totals(found.weights) - h.low).max() <= 1e-9 for h in hard)
    for closing in found.closings:
        assert not truth[closing.closes([h.cells for h in hard], len(units))].any()


def test_one_sweep_solves_a_table_alone() -> None:
    """Exact, soft, of a part of the units, in an interval: with no other table there is nothing left to do."""
    random = np.random.default_rng(4)
    index, log_base = random.integers(0, 5, 400), random.normal(0, 1, 400)
    shares = random.dirichlet(np.ones(5))
    whole, part = Partition(index, 5), Partition(index, 4)  # the fifth category counts nowhere in the second
    for hard, soft in (
        ([Hard.exactly(whole, shares)], []),
        ([Hard.exactly(part, shares[:4])], []),
        ([], [Soft(cells=whole, shares=shares, weight=7.0)]),
    ):
        dual = Dual.of(log_base, hard, soft)
        sweep(dual)
        assert dual.residual() < 1e-12


def test_sweeps_of_members_never_overshoot() -> None:
    units, hard = two_levels()
    dual = Dual.of(np.zeros(len(units)), list(hard), [])
    values = [dual.value()]
    for _ in range(30):
        sweep(dual)
        values.append(dual.value())
    assert (np.diff(values) >= -1e-12).all()
    assert dual.residual() < 0.05 * balance(np.zeros(len(units)), hard, newton_steps=0, sweeps=0).residual


def test_newton_alone_finds_the_same_weights_as_sweeps_alone() -> None:
    case = next(case for case in BANK if case.name.startswith("2x2x2 from all its two-way tables"))
    swept = balance(case.log_base, case.hard, newton_steps=0, sweeps=5_000)
    stepped = balance(case.log_base, case.hard, sweeps=0)
    assert stepped.status is Status.CONVERGED
    np.testing.assert_allclose(swept.weights, stepped.weights, atol=1e-7)


def test_intervals_that_do_not_bind_change_nothing_and_margins_of_error_pull_by_their_size() -> None:
    cells = Partition(np.array([0, 0, 1, 1]), 2)
    free = balance(np.zeros(4), [Hard(cells=cells, demand=Demand(low=np.full(2, 0.3), high=np.full(2, 0.7)))])
    np.testing.assert_allclose(free.weights, 0.25, atol=1e-8)
    bound = balance(np.zeros(4), [Hard(cells=cells, demand=Demand(low=np.array([0.6, 0]), high=np.array([0.9, 1])))])
    np.testing.assert_allclose(cells.totals(bound.weights), [0.6, 0.4], atol=1e-8)
    got = [
        cells.totals(balance(np.zeros(4), [Hard.exactly(cells, np.array([0.8, 0.2]), np.full(2, s))]).weights)[0]
        for s in (1e-4, 0.1, 0.5, 100.0)
    ]
    assert got == sorted(got, reverse=True)
    assert got[0] == pytest.approx(0.8, abs=1e-4)
    assert got[-1] == pytest.approx(0.5, abs=1e-4)


@pytest.mark.slow
def test_intervals_are_narrowed_step_by_step_where_a_leap_would_lead_astray() -> None:
    """Tables within 2% of others, of a population with few kinds of units: at once, edges that cost a hundredth led nowhere."""
    rng = np.random.default_rng(12)
    codes, shares = rng.integers(0, 4, (600, 5)), rng.dirichlet(np.full(600, 0.02))
    hard = []
    for a, b in combinations(range(5), 2):
        index = 4 * codes[:, a] + codes[:, b]
        got = np.bincount(index, shares, 16)
        low = got * (0.98 + 0.019 * rng.uniform(-1, 1, 16))
        hard.append(Hard(cells=Partition(index, 16), demand=Demand(low=low, high=low + 0.04 * got)))
    found = balance(np.zeros(600), hard)
    assert found.status is Status.CONVERGED
    for table in hard:
        counted = table.cells.totals(found.weights)
        assert (counted >= table.low - 1e-9).all()
        assert (counted <= table.high + 1e-9).all()


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 8, 16])
def test_directions_that_candidates_do_not_determine_hold_no_fit_up(seed: int) -> None:
    """Within 2% or less of tables, few candidates leave directions open: steps along these led to no end of small ones."""
    rng = np.random.default_rng(seed)
    n = int(rng.integers(60, 250))
    codes, shares = rng.integers(0, 3, (n, 5)), rng.dirichlet(np.full(n, (0.05, 0.3, 1.0)[seed % 3]))
    width = (0.005, 0.02, 0.002)[(seed // 3) % 3]
    hard = []
    for a, b in combinations(range(5), 2):
        index = 3 * codes[:, a] + codes[:, b]
        got = np.bincount(index, shares, 9)
        low = got * (1 - width + 0.95 * width * rng.uniform(-1, 1, 9))
        hard.append(Hard(cells=Partition(index, 9), demand=Demand(low=low, high=low + 2 * width * got)))
    found = balance(np.zeros(n), hard)
    assert found.status is Status.CONVERGED


def test_middles_are_preferred_by_as_little_as_was_asked_or_by_what_does_not_lead_too_far() -> None:
    within = Demand(low=np.array([0.4, 0.4]), high=np.array([0.6, 0.6]))
    dual = Dual.of(np.log([0.9, 0.1]), [Hard(cells=Partition(np.array([0, 1]), 2), demand=within)], [])
    assert not dual.prefer_middles(1e-8, 0.0)
    assert 1e-8 < dual.tables[0].taste < 1e-3
    assert dual.prefer_middles(1e-8, 1.0)
    assert dual.tables[0].taste == 1e-8


def test_rough_weights_stay_at_the_first_preference() -> None:
    within = Demand(low=np.array([0.4, 0.4]), high=np.array([0.6, 0.6]))
    hard = [Hard(cells=Partition(np.array([0, 1]), 2), demand=within)]
    rough, fine = (balance(np.log([0.55, 0.45]), hard, taste=taste) for taste in (1e-3, 1e-8))
    assert rough.status is fine.status is Status.CONVERGED
    assert 0.5 < rough.weights[0] < 0.549
    assert np.isclose(fine.weights[0], 0.55, atol=1e-5)


@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_tables_counted_in_blocks_are_the_tables_counted_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = random.integers(0, random.integers(1, 7, 6), (random.integers(1, 300), 6)).astype(np.int32)
    units = Units.flat(codes)
    columns = [sorted(random.choice(6, random.integers(1, 4), replace=False).tolist()) for _ in range(8)]
    cells = [cells_of(units, 0, c, [7] * len(c)) for c in columns]
    cells[0] = Partition(np.minimum(codes[:, 0], 2).astype(np.int64), 2)  # some units count nowhere
    tables, weights = gathered(cells), random.random(len(units))
    for own, together in zip(cells, tables.totals(weights), strict=True):
        np.testing.assert_allclose(together, own.totals(weights), atol=1e-9)
    values = [random.random(own.size) for own in cells]
    apart = np.sum([own.spread(v) for own, v in zip(cells, values, strict=True)], axis=0)
    np.testing.assert_allclose(tables.spread(values, np.zeros(len(units))), apart, atol=1e-9)


@pytest.mark.slow
@given(st.integers(0, 2**32 - 1))
@settings(max_examples=40, deadline=None)
def test_tables_of_members_counted_in_blocks_are_the_tables_counted_alone(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = int(random.integers(1, 60))
    parent = np.repeat(np.arange(n), random.integers(0, 5, n))
    units = Units.of_levels(
        [Units.flat(random.integers(0, 3, (k, 3)).astype(np.int32)) for k in (n, len(parent))], [None, (parent, 0)]
    )
    columns = [sorted(random.choice(3, 2, replace=False).tolist()) for _ in range(4)]
    cells = [cells_of(units, 1, c, [3, 3]) for c in columns] + [cells_of(units, 0, columns[0], [3, 3])]
    some = units.counted(1, np.minimum(units.column(Ref(1, 0)).astype(np.int64), 2), 2)  # some rows count nowhere
    believed = [Conditional(own, random.dirichlet(np.ones(3), 3)) for own in (cells[0], cells[4])]
    every = [*cells, some, *believed]
    tables, weights = gathered(every), random.random(n)
    assert not tables.alone and tables.of_members == (0, 1, 2, 3, 5, 6, 7)
    for own, together in zip(every, tables.totals(weights), strict=True):
        np.testing.assert_allclose(together, own.totals(weights), atol=1e-9)
    values = [random.random(own.size) for own in every]
    apart = np.sum([own.spread(v) for own, v in zip(every, values, strict=True)], axis=0)
    np.testing.assert_allclose(tables.spread(values, np.zeros(n)), apart, atol=1e-9)
    counts = np.hstack([own.matrix().toarray() for own in every])
    np.testing.assert_allclose(tables.products(weights), counts.T @ (counts * weights[:, None]), atol=1e-9)
    for own, again in zip(every, tables.totals(weights), strict=True):  # nothing was changed by it
        np.testing.assert_allclose(again, own.totals(weights), atol=1e-9)
    squares = np.concatenate([own.squares(weights) for own in every])
    np.testing.assert_allclose(squares, (counts**2).T @ weights, atol=1e-9)
