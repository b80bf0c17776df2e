import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor import compile_problem, parse_spec
from synthor.fit.balance import Hard, balance
from synthor.fit.pool import draw_pool
from synthor.fit.tilt import tilt
from synthor.prior.beliefs import resolve
from synthor.prior.mixture import Mixture, independent
from synthor.prior.model import Dependency, Prior, Proposal
from synthor.prior.tree import Joint, strongest_tree
from synthor.schema import Units
from synthor.schema.units import cells_of

SPEC = """
records: 1000
variables:
  a: {type: category, values: [x, y, z]}
  b: {type: category, values: [p, q]}
targets:
  - {counts: {a: {x: 500, y: 499, z: 1}}}
  - {counts: {b: {p: 300, q: 700}}}
"""

WIDE = SPEC.replace("targets:", "  c: {type: integer, min: 0, max: 99}\n  d: {type: integer, min: 0, max: 99}\ntargets:")
"""The same with more combinations of categories than candidates are asked for, so that these are drawn."""


def random_mixture(seed: int, n_segments: int = 4, sizes: tuple[int, ...] = (3, 2, 4)) -> Mixture:
    random = np.random.default_rng(seed)
    tables = tuple(random.dirichlet(np.ones(size), n_segments) for size in sizes)
    return Mixture(shares=random.dirichlet(np.ones(n_segments)), tables=tables)


def grid(sizes: tuple[int, ...]) -> Units:
    codes = np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1)
    return Units.flat(codes.astype(np.int32))


@pytest.mark.slow
@given(st.integers(0, 10_000))
@settings(max_examples=30, deadline=None)
def test_the_closed_form_tilt_equals_balancing_the_same_distribution_on_a_grid(seed: int) -> None:
    sizes = (3, 2, 4)
    mixture, units = random_mixture(seed, sizes=sizes), grid(sizes)
    random = np.random.default_rng(seed + 1)
    wanted = {v: random.dirichlet(np.ones(size) * 3) for v, size in enumerate(sizes)}
    tilted = np.exp(tilt(mixture, wanted).log_density(units))
    hard = [Hard.exactly(cells_of(units, 0, [v], [size]), wanted[v]) for v, size in enumerate(sizes)]
    found = balance(mixture.log_density(units), hard)
    np.testing.assert_allclose(tilted, found.weights, atol=1e-7)


def test_draws_follow_the_density() -> None:
    """Chi-squared over 24 cells and 40,000 draws; the bound fails a right sampler once in a million seeds."""
    mixture, units = random_mixture(1), grid((3, 2, 4))
    expected = np.exp(mixture.log_density(units)) * 40_000
    drawn = mixture.draw(40_000, np.random.default_rng(0))
    got = cells_of(drawn, 0, [0, 1, 2], [3, 2, 4]).totals(np.ones(40_000))
    assert ((got - expected) ** 2 / expected).sum() < 72


def test_a_tree_draws_from_its_own_density_and_keeps_its_tables() -> None:
    random = np.random.default_rng(5)
    joint = random.dirichlet(np.ones(6)).reshape(3, 2)
    marginals = (joint.sum(axis=1), joint.sum(axis=0), np.array([0.5, 0.5]))
    tree = strongest_tree(marginals, {(0, 1): Joint.of(joint)})
    units = grid((3, 2, 2))
    density = np.exp(tree.log_density(units))
    assert density.sum() == pytest.approx(1)
    np.testing.assert_allclose(cells_of(units, 0, [0, 1], [3, 2]).totals(density), joint.ravel(), atol=1e-12)
    drawn = tree.draw(30_000, np.random.default_rng(0))
    got = cells_of(drawn, 0, [0, 1], [3, 2]).totals(np.ones(30_000)) / 30_000
    assert np.abs(got - joint.ravel()).max() < 0.02  # six standard deviations


def test_a_mixture_given_some_categories_is_bayes_rule() -> None:
    mixture, units = random_mixture(2), grid((3, 2, 4))
    n = 40_000
    found, share = mixture.draw_within({1: np.zeros(n, np.int32)}, n, np.random.default_rng(3))
    density = np.exp(mixture.log_density(units)) * (units.row_tables[0].codes[:, 1] == 0)
    assert share == pytest.approx(density.sum())
    got = cells_of(found, 0, [0, 1, 2], [3, 2, 4]).totals(np.ones(n)) / n
    assert np.abs(got - density / density.sum()).max() < 0.015  # six standard deviations


def test_rare_cells_get_candidates_of_their_own() -> None:
    problem = compile_problem(parse_spec(WIDE))
    pool = draw_pool(problem, resolve(Prior(), problem), size=50, random_seed=0)
    assert (pool.units.row_tables[0].codes[:, 0] == 2).sum() > 0
    assert pool.unsupported == ()
    assert np.exp(pool.log_base).sum() == pytest.approx(1)


def test_candidates_for_missing_cells_keep_the_base_measure() -> None:
    """The rare category's share under q is 0.001; where its candidates were all supplied, they weigh just that."""
    problem = compile_problem(parse_spec(WIDE))
    supplied = 0
    for seed in range(20):
        pool = draw_pool(problem, resolve(Prior(), problem), size=50, random_seed=seed)
        rare = pool.units.row_tables[0].codes[:, 0] == 2
        if not rare[:50].any():
            supplied += 1
            assert np.exp(pool.log_base)[rare].sum() == pytest.approx(0.001, rel=0.01)
    assert supplied > 10


def test_a_cell_that_rules_forbid_together_is_reported_as_unsupported() -> None:
    text = WIDE + "rules: [{never: a = 'z' and b = 'p'}, {never: a = 'z' and b = 'q'}]"
    problem = compile_problem(parse_spec(text))
    pool = draw_pool(problem, resolve(Prior(), problem), size=200, random_seed=0)
    assert pool.unsupported == ((0, 2),)


def test_tables_and_proposals_are_weighted_back_to_the_base_measure() -> None:
    """Pools drawn through a tree still average to q: the weighted share of a pair of categories is q's."""
    problem = compile_problem(parse_spec(WIDE))
    prior = Prior(
        dependencies=[Dependency(given="a", of="b", rows=[[80, 20], [10, 90], [50, 50]])],
        proposals=[Proposal(share=1, values={"a": {"x": 1, "y": 1, "z": 0.01}, "b": {"p": 3, "q": 7}})],
    )
    beliefs = resolve(prior, problem)
    pool = draw_pool(problem, beliefs, size=40_000, random_seed=1)
    table = cells_of(pool.units, 0, [0, 1], [3, 2]).totals(np.exp(pool.log_base))
    known = {0: np.array([0.5, 0.499, 0.001]), 1: np.array([0.3, 0.7])}
    tilted = tilt(beliefs.base, known)
    expected = np.einsum("s,sa,sb->ab", tilted.shares, tilted.tables[0], tilted.tables[1]).ravel()
    assert np.abs(table - expected).max() < 0.012


def test_few_combinations_are_all_candidates_with_their_exact_shares() -> None:
    problem = compile_problem(parse_spec(SPEC + "rules: [{never: a = 'z' and b = 'p'}]"))
    prior = Prior(proposals=[Proposal(share=1, values={"a": {"x": 1, "y": 1, "z": 0.01}, "b": {"p": 3, "q": 7}})])
    beliefs = resolve(prior, problem)
    pool = draw_pool(problem, beliefs, size=6, random_seed=1)
    assert pool.units.row_tables[0].codes.tolist() == [[0, 0], [0, 1], [1, 0], [1, 1], [2, 1]]
    known = {0: np.array([0.5, 0.499, 0.001]), 1: np.array([0.3, 0.7])}
    density = np.exp(tilt(beliefs.base, known).log_density(pool.units))
    np.testing.assert_allclose(np.exp(pool.log_base), density / density.sum(), rtol=1e-12)
    assert pool.acceptance == pytest.approx(density.sum())


def test_the_same_seed_gives_the_same_pool_and_another_seed_another() -> None:
    problem = compile_problem(parse_spec(WIDE))
    beliefs = resolve(Prior(), problem)
    first, again, other = (draw_pool(problem, beliefs, size=500, random_seed=seed) for seed in (1, 1, 2))
    assert np.array_equal(first.units.row_tables[0].codes, again.units.row_tables[0].codes)
    assert not np.array_equal(first.units.row_tables[0].codes, other.units.row_tables[0].codes)


def test_independence_is_a_mixture_of_one() -> None:
    assert independent((np.array([0.2, 0.8]), np.array([0.5, 0.5]))).log_density(
        Units.flat(np.array([[1, 0]], np.int32))
    ) == pytest.approx(np.log(0.4))


def test_a_rule_leaves_the_shares_of_segments_as_they_are() -> None:
    """Four equal segments, of which a rule hits all alike: each keeps a quarter of the pool, within six standard deviations."""
    text = "records: 10\nvariables: {s: {type: category, values: [a, b, c, d]}, x: {type: boolean}, y: {type: boolean}}\n"
    problem = compile_problem(parse_spec(text + "rules: [{never: x and y}]"))
    plan = [Proposal(share=1, values={"s": label, "x": {"yes": 3, "no": 2}, "y": {"yes": 3, "no": 2}}) for label in "abcd"]
    pool = draw_pool(problem, resolve(Prior(proposals=plan), problem), size=20_000, random_seed=0)
    shares = cells_of(pool.units, 0, [0], [4]).totals(np.exp(pool.log_base))
    assert np.abs(shares - 0.25).max() < 0.02


def test_the_tree_keeps_the_strongest_tables_and_its_base_the_known_marginals() -> None:
    half = (np.array([0.5, 0.5]),) * 3
    weak, strong = (Joint.of(np.array([[0.25 + d, 0.25 - d], [0.25 - d, 0.25 + d]])) for d in (0.05, 0.2))
    tree = strongest_tree(half, {(0, 1): weak, (1, 2): strong, (0, 2): strong})
    assert tree.parents == (-1, 2, 0)
    problem = compile_problem(parse_spec(WIDE))
    prior = Prior(proposals=[Proposal(share=1, values={"a": {"x": 1, "y": 1, "z": 1}, "b": {"p": 1, "q": 1}})])
    pool = draw_pool(problem, resolve(prior, problem), size=100, random_seed=0)
    np.testing.assert_allclose(pool.base.marginal(0), [0.5, 0.499, 0.001], atol=1e-9)


def test_no_variable_is_drawn_so_that_only_empty_cells_are_left() -> None:
    """A three-way table with zeros whose pairs have none: the tree draws only what is not empty, by its own density."""
    random = np.random.default_rng(1)
    table = np.where(random.random((4, 3, 5)) < 0.4, 0.0, random.random((4, 3, 5)))
    table /= table.sum()
    marginals = tuple(table.sum(axis=tuple(i for i in range(3) if i != v)) for v in range(3))
    joints = {(0, 1): Joint.of(table.sum(axis=2)), (1, 2): Joint.of(table.sum(axis=0))}
    tree = strongest_tree(marginals, joints, [((0, 1, 2), table > 0)])
    units = grid((4, 3, 5))
    density = np.exp(tree.log_density(units))
    assert density.sum() == pytest.approx(1)
    drawn = cells_of(tree.draw(50_000, random), 0, [0, 1, 2], [4, 3, 5]).totals(np.ones(50_000)) / 50_000
    assert np.abs(drawn - density).max() < 0.013  # six standard deviations
    reached = density[table.ravel() > 0].sum()
    assert reached > np.exp(strongest_tree(marginals, joints).log_density(units))[table.ravel() > 0].sum()
    assert reached > 0.99


def test_densities_over_hundreds_of_variables_do_not_vanish() -> None:
    random = np.random.default_rng(0)
    shares, tables = np.array([0.25, 0.75]), random.dirichlet(np.ones(8), (400, 2))
    tables[7, :, 5] = 0.0  # what neither segment allows stays impossible
    mixture = Mixture(shares=shares, tables=tuple(tables))
    codes = random.integers(0, 5, (6, 400)).astype(np.int32)
    codes[5, 7] = 5
    first, second = (np.log(tables[np.arange(400), s, codes[:5]]).sum(axis=1) + np.log(share) for s, share in enumerate(shares))
    found = mixture.log_density(Units.flat(codes))
    np.testing.assert_allclose(found[:5], np.logaddexp(first, second), rtol=1e-12)
    assert np.isneginf(found[5])


@pytest.mark.slow
def test_hundreds_of_variables_with_a_table_of_two_have_candidates_that_weigh() -> None:
    variables = "".join(f"  v{i}: {{type: category, values: [a, b, c, d, e, f, g, h]}}\n" for i in range(380))
    text = f"records: 80\nvariables:\n{variables}targets:\n  - table:\n"
    text += "".join(f"    - {{v0: {a}, v1: {b}, count: {10 * (a == b)}}}\n" for a in "abcdefgh" for b in "abcdefgh")
    problem = compile_problem(parse_spec(text))
    pool = draw_pool(problem, resolve(Prior(), problem), size=500, random_seed=0)
    assert np.isfinite(pool.log_base).all()
    assert not pool.unsupported
