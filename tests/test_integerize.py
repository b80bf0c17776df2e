import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bank import BANK, Case, two_levels
from synthor import compile_problem, parse_spec
from synthor.fit.balance import balance
from synthor.fit.model import fit
from synthor.prior.model import Prior
from synthor.sample.integerize import Band, integerize, systematic
from synthor.sample.stream import sample


@given(st.integers(1, 400), st.integers(0, 10_000), st.integers(0, 1000))
@settings(max_examples=60, deadline=None)
def test_systematic_counts_keep_the_total_and_stay_within_one_of_their_expectation(n: int, total: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    weights = random.dirichlet(np.ones(n))
    counts = systematic(weights, total, random.permutation(n), random)
    assert counts.sum() == total
    assert (counts >= 0).all()
    assert np.abs(counts - weights * total).max() < 1 + 1e-6


def test_systematic_counts_are_unbiased() -> None:
    weights = np.array([0.05, 0.15, 0.3, 0.5])
    draws = [systematic(weights, 3, np.arange(4), np.random.default_rng(seed)) for seed in range(4000)]
    np.testing.assert_allclose(np.mean(draws, axis=0), weights * 3, atol=0.04)  # five standard deviations


@pytest.mark.parametrize("case", [c for c in BANK if c.feasible], ids=lambda case: case.name)
def test_whole_tables_of_the_bank_are_met_exactly(case: Case) -> None:
    found = balance(case.log_base, case.hard)
    bands = [
        Band(cells=hard.cells, low=wanted.ravel().astype(np.int64), high=wanted.ravel().astype(np.int64))
        for hard, (_, wanted) in zip(case.hard, case.tables, strict=True)
    ]
    whole = integerize(found.weights, round(case.total), bands, np.arange(len(found.weights)), np.random.default_rng(0))
    assert whole.error == 0
    assert whole.counts.sum() == round(case.total)
    assert (whole.counts[found.weights == 0] == 0).all()


def test_households_and_persons_are_both_met_in_whole_numbers() -> None:
    units, hard = two_levels()
    found = balance(np.zeros(len(units)), hard)
    bands = [
        Band(cells=h.cells, low=np.round(h.wanted * 1000).astype(int), high=np.round(h.wanted * 1000).astype(int)) for h in hard
    ]
    whole = integerize(found.weights, 1000, bands, np.arange(len(units)), np.random.default_rng(0))
    assert whole.error == 0
    town = units.take(np.repeat(np.arange(len(units)), whole.counts))
    assert len(town) == 1000
    persons = np.bincount(town.members[0].codes[:, 0] * 2 + town.members[0].codes[:, 1], minlength=6)
    assert persons.tolist() == bands[1].low.tolist()


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


@pytest.mark.parametrize(("n_variables", "n_categories", "records"), [(1, 2, 7), (4, 3, 50), (12, 5, 5_000), (20, 6, 20_000)])
def test_one_way_tables_are_met_exactly_however_many_variables_there_are(
    n_variables: int, n_categories: int, records: int
) -> None:
    problem = compile_problem(parse_spec(spec_of(n_variables, n_categories, records, seed=n_variables)))
    drawn = sample(fit(problem, Prior(), pool_size=20_000))
    assert drawn.counts.sum() == records
    for target in problem.targets:
        assert np.array_equal(target.cells(drawn.units).totals(drawn.counts.astype(float)), target.wanted)


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
    drawn = sample(fit(problem, Prior(), pool_size=2_000))
    off = sum(
        float(np.abs(target.cells(drawn.units).totals(drawn.counts.astype(float)) - target.wanted).sum())
        for target in problem.targets
    )
    assert off <= 2 + 0.0005 * records
