"""Rules that leave few combinations of many variables: drawing never finds these, so they are listed or constructed."""

import itertools
from collections.abc import Callable

import numpy as np
import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.fit.listing import Listing, allowed_combinations
from synthor.fit.model import Model, fit
from synthor.fit.status import Status
from synthor.loop import synthesize
from synthor.problem import Problem
from synthor.run import Population

UNEVEN = (300, 250, 200, 150, 60, 40)
ALL_DIFFERENT = "{a} = '{c}' and {b} = '{c}'"


def spec(names: list[str], counts: tuple[int, ...], rules: list[str]) -> str:
    labels = [f"c{i}" for i in range(len(counts))]
    table = ", ".join(f"{label}: {count}" for label, count in zip(labels, counts, strict=True))
    variables = "".join(f"\n  {name}: {{type: category, values: [{', '.join(labels)}]}}" for name in names)
    targets = "".join(f"\n  - counts: {{{name}: {{{table}}}}}" for name in names)
    never = "".join(f'\n  - {{never: "{rule}"}}' for rule in rules)
    return f"records: {sum(counts)}\nvariables:{variables}\ntargets:{targets}\nrules:{never}\n"


def equal(pairs: list[tuple[str, str]], k: int) -> list[str]:
    return [f"{a} = 'c{i}' and {b} != 'c{i}'" for a, b in pairs for i in range(k)]


def different(pairs: list[tuple[str, str]], k: int) -> list[str]:
    return [ALL_DIFFERENT.format(a=a, b=b, c=f"c{i}") for a, b in pairs for i in range(k)]


def chain() -> str:
    names = [f"v{i}" for i in range(8)]
    return spec(names, UNEVEN, equal(list(itertools.pairwise(names)), 6))


def cycle() -> str:
    """Implications in a cycle, the variables not in its order, of more combinations than could be listed without the rules."""
    order = [3, 11, 0, 7, 5, 9, 1, 10, 2, 8, 4, 6]
    pairs = [(f"v{a}", f"v{b}") for a, b in zip(order, order[1:] + order[:1], strict=True)]
    return spec([f"v{i}" for i in range(12)], UNEVEN, equal(pairs, 6))


def latin_square() -> str:
    cells = list(itertools.product(range(4), repeat=2))
    pairs = [(a, b) for a, b in itertools.combinations(cells, 2) if a[0] == b[0] or a[1] == b[1]]
    named = [(f"x{a[0]}{a[1]}", f"x{b[0]}{b[1]}") for a, b in pairs]
    return spec([f"x{r}{c}" for r, c in cells], (100, 100, 100, 100), different(named, 4))


def permutation() -> str:
    names = [f"p{i}" for i in range(6)]
    return spec(names, (20, 20, 20, 20, 20, 20), different(list(itertools.combinations(names, 2)), 6))


@pytest.mark.long
@pytest.mark.parametrize("made_by", [chain, cycle, latin_square, permutation])
def test_few_combinations_of_many_variables_are_found(made_by: Callable[[], str]) -> None:
    made = synthesize(parse_spec(made_by()))
    assert isinstance(made, Population)
    assert made.measurement.met
    assert not sum(made.measurement.violations.values())


def fitted(text: str) -> tuple[Problem, Model]:
    problem = compile_problem(parse_spec(text))
    return problem, fit(problem, Prior(), pool_size=5_000)


@pytest.mark.slow
def test_that_nothing_left_can_meet_the_targets_is_proven() -> None:
    names = [f"v{i}" for i in range(6)]
    text = spec(names, (30, 20, 10, 5), equal(list(itertools.pairwise(names)), 4)).replace("c2: 10, c3: 5", "c2: 9, c3: 6", 1)
    model = fit(compile_problem(parse_spec(text)), Prior(), pool_size=1_000)
    assert model.status is Status.INFEASIBLE
    assert all(found.proven for found in model.contradictions)


@pytest.mark.slow
def test_a_model_whose_candidates_were_constructed_makes_them_again() -> None:
    _, model = fitted(cycle())
    again = Model.from_json(model.to_json())
    assert np.array_equal(again.pool.units.row_tables[0].codes, model.pool.units.row_tables[0].codes)
    assert model.status is Status.CONVERGED


def rows(found: Listing) -> list[tuple[int, ...]]:
    return list(zip(*(codes.tolist() for codes in found.bins.values()), strict=True))


@pytest.mark.slow
def test_combinations_are_listed_as_rules_leave_them_or_not_at_all() -> None:
    problem = compile_problem(parse_spec(permutation()))
    every = allowed_combinations(problem, 5_000)
    assert every is not None
    assert set(rows(every)) == set(itertools.permutations(range(6)))
    assert allowed_combinations(problem, 100) is None
    some = allowed_combinations(problem, 100, within={0: np.array([2])}, random=np.random.default_rng(0))
    assert some is not None
    assert 0 < len(some) <= 100
    assert {row[0] for row in rows(some)} == {2}
    assert set(rows(some)) <= set(itertools.permutations(range(6)))


def test_numbers_that_must_all_be_equal_are_possible() -> None:
    names = [f"n{i}" for i in range(8)]
    variables = "".join(f"\n  {name}: {{type: integer, min: 0, max: 19, bins: [0, 10]}}" for name in names)
    rules = "".join(f'\n  - {{never: "{a} <> {b}"}}' for a, b in itertools.pairwise(names))
    text = f"records: 10\nvariables:{variables}\ntargets:\n  - counts: {{n0: {{0-9: 6, 10+: 4}}}}\nrules:{rules}\n"
    _, model = fitted(text)
    assert model.status is Status.CONVERGED
