from collections.abc import Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from bank import BANK, Case, two_levels
from chunks import scattered
from synthor import compile_problem, parse_spec
from synthor.fit.balance import balance
from synthor.fit.model import fit
from synthor.prior.model import Prior
from synthor.problem import Demanded
from synthor.sample.integerize import integerize, shuffled_tree, systematic
from synthor.sample.stream import sample
from synthor.schema import Cells, Incidence, Partition, Ref
from synthor.types import Counts


@pytest.mark.slow
@given(st.integers(1, 400), st.integers(0, 10_000), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_systematic_counts_keep_the_total_and_stay_within_one_of_their_expectation(n: int, total: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.dirichlet(np.ones(n))
    counts = systematic(weights, total, random.permutation(n), random)
    assert counts.sum() == total
    assert (counts >= 0).all()
    assert np.abs(counts - weights * total).max() < 1 + 1e-6


@pytest.mark.slow
def test_systematic_counts_are_unbiased() -> None:
    weights = np.array([0.05, 0.15, 0.3, 0.5])
    draws = [systematic(weights, 3, np.arange(4), np.random.default_rng(seed)) for seed in range(4000)]
    np.testing.assert_allclose(np.mean(draws, axis=0), weights * 3, atol=0.04)  # five standard deviations


@pytest.mark.parametrize("case", [c for c in BANK if c.feasible], ids=lambda case: case.name)
def test_whole_tables_of_the_bank_are_met_exactly(case: Case) -> None:
    found = balance(case.log_base, case.hard)
    bands = [
        Demanded.between(hard.cells, wanted.ravel(), wanted.ravel())
        for hard, (_, wanted) in zip(case.hard, case.tables, strict=True)
    ]
    whole = integerize(found.weights, round(case.total), bands, np.arange(len(found.weights)), np.random.default_rng(0))
    assert whole.error == 0
    assert whole.counts.sum() == round(case.total)
    assert (whole.counts[found.weights == 0] == 0).all()


def test_households_and_persons_are_both_met_in_whole_numbers() -> None:
    units, hard = two_levels()
    found = balance(np.zeros(len(units)), hard)
    bands = [Demanded.between(h.cells, np.round(h.low * 1000), np.round(h.low * 1000)) for h in hard]
    whole = integerize(found.weights, 1000, bands, np.arange(len(units)), np.random.default_rng(0))
    assert whole.error == 0
    town = units.take(np.repeat(np.arange(len(units)), whole.counts))
    assert len(town) == 1000
    persons = np.bincount(town.column(Ref(1, 0)) * 2 + town.column(Ref(1, 1)), minlength=6)
    assert persons.tolist() == bands[1].low.tolist()


def bands_of(cells: Sequence[Cells], counts: Counts) -> list[Demanded]:
    """The tables of one population, to be met exactly."""
    wanted = [table.totals(counts.astype(float)) for table in cells]
    return [Demanded.between(table, cell, cell) for table, cell in zip(cells, wanted, strict=True)]


def error_of(bands: Sequence[Demanded], counts: Counts) -> int:
    """How far the tables are off, counted anew from their matrices."""
    total = 0
    for band in bands:
        got = band.cells.matrix().toarray().T @ counts
        total += int((np.maximum(got - band.high, 0) + np.maximum(band.low - got, 0)).sum())
    return total


def households(n: int, random: np.random.Generator) -> list[Cells]:
    """Households by kind and, at two deeper levels, by how many rows of each kind they hold; some hold none."""
    levels = [random.integers(0, 4, (n, k)) * (random.random((n, k)) < 0.6) for k in (3, 2)]
    deep: list[Cells] = [Incidence(sparse.csr_array(counts.astype(float))) for counts in levels]
    return [Partition(random.integers(0, 3, n), 3), *deep]


@pytest.mark.long
@given(st.integers(0, 10_000), st.integers(1, 60), st.integers(1, 300))
@settings(max_examples=40, deadline=None)
def test_repair_keeps_the_total_and_tells_the_error_that_is_left(seed: int, n: int, total: int) -> None:
    random = np.random.default_rng(seed)
    cells = households(n, random)
    weights = random.dirichlet(np.full(n, 0.3)) * (random.random(n) < 0.7)
    weights[random.integers(n)] += 0.1
    weights /= weights.sum()
    bands = bands_of(cells, random.multinomial(total, np.full(n, 1 / n)))
    start = systematic(weights, total, np.arange(n), np.random.default_rng(seed))
    whole = integerize(weights, total, bands, np.arange(n), np.random.default_rng(seed))
    assert whole.counts.sum() == total
    assert (whole.counts >= 0).all()
    assert (whole.counts[weights == 0] == 0).all()
    assert whole.error == error_of(bands, whole.counts) <= error_of(bands, start)


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(1, 60))
@settings(max_examples=30, deadline=None)
def test_weights_that_are_whole_numbers_already_come_back_as_they_are(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    counts = random.integers(0, 9, n)
    counts[0] += 1
    bands = bands_of(households(n, random), counts)
    whole = integerize(counts / counts.sum(), int(counts.sum()), bands, random.permutation(n), random)
    assert (whole.counts == counts).all()
    assert (whole.error, whole.swaps) == (0, 0)


@pytest.mark.slow
@given(st.integers(0, 10_000))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_candidates_does_not_matter_to_exactness(seed: int) -> None:
    random = np.random.default_rng(seed)
    codes = np.array(list(np.ndindex(4, 3, 5)))[random.permutation(60)]
    cells: list[Cells] = [Partition(codes[:, 0] * 3 + codes[:, 1], 12), Partition(codes[:, 2], 5)]
    bands = bands_of(cells, random.multinomial(500, random.dirichlet(np.ones(60))))
    whole = integerize(random.dirichlet(np.ones(60)), 500, bands, random.permutation(60), random)
    assert whole.error == 0


def test_tables_are_met_whatever_the_weights_expect() -> None:
    cells = Partition(np.array([0, 0, 1, 1]), 2)
    wanted = np.array([90, 10])
    whole = integerize(np.full(4, 0.25), 100, [Demanded.between(cells, wanted, wanted)], np.arange(4), np.random.default_rng(0))
    assert cells.totals(whole.counts.astype(float)).tolist() == [90, 10]
    assert whole.swaps >= 40


def test_within_a_wide_band_nothing_is_changed() -> None:
    cells = Partition(np.array([0, 0, 1, 1]), 2)
    band = Demanded.between(cells, np.array([40, 0]), np.array([60, 100]))
    whole = integerize(np.full(4, 0.25), 100, [band], np.arange(4), np.random.default_rng(0))
    assert whole.counts.tolist() == [25, 25, 25, 25]
    assert whole.swaps == 0


@pytest.mark.parametrize(("low", "high", "wanted"), [([0, 0], [30, 100], [30, 70]), ([0, 80], [100, 100], [20, 80])])
def test_a_cell_outside_its_band_is_brought_to_the_nearer_end(low: list[int], high: list[int], wanted: list[int]) -> None:
    cells = Partition(np.array([0, 0, 1, 1]), 2)
    band = Demanded.between(cells, np.array(low), np.array(high))
    whole = integerize(np.full(4, 0.25), 100, [band], np.arange(4), np.random.default_rng(0))
    assert cells.totals(whole.counts.astype(float)).tolist() == wanted


@pytest.mark.parametrize("wanted", [10, 70])
def test_units_may_count_in_no_cell_of_a_table(wanted: int) -> None:
    renters = Incidence(sparse.csr_array(np.array([[1.0], [1.0], [0.0], [0.0]])))
    band = Demanded.between(renters, np.array([wanted]), np.array([wanted]))
    whole = integerize(np.full(4, 0.25), 100, [band], np.arange(4), np.random.default_rng(0))
    assert (whole.error, whole.counts.sum(), whole.counts[:2].sum()) == (0, 100, wanted)


@pytest.mark.parametrize("seed", range(10))
@pytest.mark.parametrize("share", [0.8, 0.52])  # many swaps are wanted at once, and few
def test_a_candidate_that_weighs_next_to_nothing_is_put_in_only_if_no_other_helps(share: float, seed: int) -> None:
    weights = np.array([share, 1 - share - 1e-9, 1e-9])
    likely = Demanded.between(Partition(np.array([0, 1, 1]), 2), np.array([50, 50]), np.array([50, 50]))
    whole = integerize(weights, 100, [likely], np.arange(3), np.random.default_rng(seed))
    assert whole.counts.tolist() == [50, 50, 0]
    only = Demanded.between(Partition(np.array([0, 0, 1]), 2), np.array([97, 3]), np.array([97, 3]))
    assert integerize(weights, 100, [only], np.arange(3), np.random.default_rng(seed)).counts[2] == 3


@pytest.mark.parametrize("seed", range(10))
def test_likely_candidates_come_first_even_if_an_unlikely_one_would_mend_more_at_once(seed: int) -> None:
    cells = [Partition(np.array([0, 1, 0, 1]), 2), Partition(np.array([0, 0, 1, 1]), 2)]
    bands = [Demanded.between(table, np.array([74, 26]), np.array([74, 26])) for table in cells]
    weights = np.array([0.5, 0.25, 0.25 - 1e-9, 1e-9])
    whole = integerize(weights, 100, bands, np.arange(4), np.random.default_rng(seed))
    assert whole.counts.tolist() == [48, 26, 26, 0]


@pytest.mark.slow
@pytest.mark.parametrize(("kinds", "wanted"), [(1, 20), (50, 100)])
def test_what_repair_puts_in_follows_the_weights(kinds: int, wanted: int) -> None:
    light_and_heavy = np.repeat([0.05, 0.45], kinds) / kinds
    weights = np.concatenate([np.full(kinds, 0.5 / kinds), light_and_heavy])
    cells = Partition(np.repeat([0, 1, 1], kinds), 2)
    band = Demanded.between(cells, np.array([wanted, 500 - wanted]), np.array([wanted, 500 - wanted]))
    shares = []
    for seed in range(10):
        whole = integerize(weights, 500, [band], np.arange(3 * kinds), np.random.default_rng(seed))
        assert whole.error == 0
        shares.append(whole.counts[2 * kinds :].sum() / whole.counts[kinds:].sum())
    assert 0.86 < np.mean(shares) < 0.94


@pytest.mark.parametrize("seed", range(10))
def test_tables_that_contradict_each_other_are_met_as_nearly_as_they_can_be(seed: int) -> None:
    cells = Partition(np.array([0, 1]), 2)
    bands = [Demanded.between(cells, np.array([a, 100 - a]), np.array([a, 100 - a])) for a in (50, 51, 52)]
    whole = integerize(np.array([0.4, 0.6]), 100, bands, np.arange(2), np.random.default_rng(seed))
    assert whole.counts.tolist() == [51, 49]
    assert whole.error == error_of(bands, whole.counts) == 4


def test_a_town_is_met_at_three_levels() -> None:
    random = np.random.default_rng(5)
    cells = households(400, random)
    bands = bands_of(cells, random.multinomial(5_000, random.dirichlet(np.ones(400))))
    whole = integerize(random.dirichlet(np.ones(400)), 5_000, bands, np.arange(400), random)
    assert whole.error == error_of(bands, whole.counts) == 0


def test_progress_is_told_up_to_the_whole() -> None:
    random = np.random.default_rng(5)
    bands = bands_of(households(400, random), random.multinomial(5_000, random.dirichlet(np.ones(400))))
    told: list[tuple[int, int]] = []
    integerize(random.dirichlet(np.ones(400)), 5_000, bands, np.arange(400), random, advance=lambda a, b: told.append((a, b)))
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert {total for _, total in told} == {told[-1][0]}


def spec_of(n_variables: int, n_categories: int, records: int, seed: int) -> str:
    random = np.random.default_rng(seed)
    labels = [f"c{i}" for i in range(n_categories)]
    variables = "".join(f"  v{v}: {{type: category, values: [{', '.join(labels)}]}}\n" for v in range(n_variables))
    targets = ""
    for v in range(n_variables):
        counts = random.multinomial(records, random.dirichlet(np.ones(n_categories) * 2))
        cells = ", ".join(f"{label}: {count}" for label, count in zip(labels, counts, strict=True))
        targets += f"  - {{counts: {{v{v}: {{{cells}}}}}}}\n"
    return f"records: {records}\nvariables:\n{variables}targets:\n{targets}"


@pytest.mark.slow
@pytest.mark.parametrize(("n_variables", "n_categories", "records"), [(1, 2, 7), (4, 3, 50), (12, 5, 5_000), (20, 6, 20_000)])
def test_one_way_tables_are_met_exactly_however_many_variables_there_are(
    n_variables: int, n_categories: int, records: int
) -> None:
    problem = compile_problem(parse_spec(spec_of(n_variables, n_categories, records, seed=n_variables)))
    drawn = scattered(sample(fit(problem, Prior(), pool_size=20_000)))
    assert drawn.counts.sum() == records
    for target in problem.counts:
        assert np.array_equal(target.cells(drawn.distinct).totals(drawn.counts.astype(float)), target.wanted)


@pytest.mark.slow
@given(st.integers(0, 500), st.integers(3, 300))
@settings(max_examples=15, deadline=None)
def test_cross_tables_counted_from_one_population_are_met_within_half_a_permille(seed: int, records: int) -> None:
    random = np.random.default_rng(seed)
    people = random.integers(0, 3, (records, 3))
    text = f"records: {records}\nvariables:\n" + "".join(f"  v{v}: {{type: category, values: [a, b, c]}}\n" for v in range(3))
    text += "targets:\n"
    for a, b in ((0, 1), (1, 2)):
        rows = [
            f"{{v{a}: {'abc'[i]}, v{b}: {'abc'[j]}, count: {int(((people[:, a] == i) & (people[:, b] == j)).sum())}}}"
            for i in range(3)
            for j in range(3)
        ]
        text += f"  - {{table: [{', '.join(rows)}]}}\n"
    problem = compile_problem(parse_spec(text))
    drawn = scattered(sample(fit(problem, Prior(), pool_size=2_000)))
    off = sum(
        float(np.abs(target.cells(drawn.distinct).totals(drawn.counts.astype(float)) - target.wanted).sum())
        for target in problem.counts
    )
    assert off <= 2 + 0.0005 * records


def test_equal_steps_do_not_fall_in_with_the_period_of_the_order() -> None:
    """Each of 30 x 60 combinations has a third of a record: plain steps would always pick the same third category."""
    codes = np.stack(np.unravel_index(np.arange(30 * 60 * 3), (30, 60, 3)), axis=1).astype(np.int32)
    weights = np.tile([0.3, 0.4, 0.3], 30 * 60) / (30 * 60)
    random = np.random.default_rng(0)
    counts = systematic(weights, 600, shuffled_tree(list(codes.T), random), random)
    assert np.abs(np.bincount(codes[:, 2], counts) / 600 - [0.3, 0.4, 0.3]).max() < 0.12  # six standard deviations


@pytest.mark.parametrize("seed", range(6))
def test_units_outside_of_one_table_do_not_count_in_the_next(seed: int) -> None:
    """Of three tables the first two count only some of the units, as those over a `where` do."""
    random = np.random.default_rng(seed)
    n = 600
    weights = random.dirichlet(np.full(n, 0.3))
    tables = [Partition(random.integers(0, 3 + outside, n), 3) for outside in (1, 2, 0)]
    bands = []
    for cells in tables:
        fitted = cells.totals(weights) * 1_000
        bands.append(Demanded.between(cells, np.floor(fitted), np.ceil(fitted)))
    found = integerize(weights, 1_000, bands, random.permutation(n), random)
    off = [np.abs(band.off(found.counts)).sum() for band in bands]
    assert sum(off) == found.error == 0
    assert found.swaps > 0


@pytest.mark.slow
def test_tables_of_many_small_zones_are_met_exactly() -> None:
    random = np.random.default_rng(4)
    n_zones = 3_000
    zone, *sides = np.divmod(np.arange(n_zones * 8), 8)[0], *np.unravel_index(np.arange(n_zones * 8) % 8, (2, 2, 2))
    people = random.integers(0, n_zones * 8, 12_000)
    bands, shares, occupied = [], np.ones(len(zone)), np.bincount(zone[people], minlength=n_zones)[zone]
    for side in sides:
        index = zone * 2 + side
        wanted = np.bincount(index[people], minlength=n_zones * 2).astype(float)
        bands.append(Demanded.between(Partition(index, n_zones * 2), wanted, wanted))
        shares = shares * wanted[index] / np.maximum(occupied, 1)
    shares = shares * occupied
    weights = shares / shares.sum()  # of independence within each zone
    order = shuffled_tree(list(np.stack([zone, *sides]).astype(np.int32)), random)
    whole = integerize(weights, 12_000, bands, order, random)
    assert whole.error == 0
    assert whole.counts.sum() == 12_000


@pytest.mark.slow
def test_many_tables_are_repaired_as_few_are() -> None:
    random = np.random.default_rng(5)
    n, total = 300, 90
    index = random.integers(0, 3, (70, n))
    population = random.integers(0, n, total)
    bands = []
    for column in index:
        wanted = np.bincount(column[population], minlength=3).astype(float)
        bands.append(Demanded.between(Partition(column, 3), wanted - (column[0] == 0), wanted))
    weights = random.dirichlet(np.ones(n))

    def repaired(many_tables: int) -> tuple[list[int], int, int]:
        found = integerize(weights, total, bands, np.arange(n), np.random.default_rng(1), many_tables=many_tables)
        return found.counts.tolist(), found.error, found.swaps

    many = repaired(70)
    assert repaired(71) == many
    assert many[2] > 20
