"""Many categories, variables, tables and rules: what they cost grows with their number, and what cannot fit is refused."""

import tracemalloc

import pytest

from synthor import Prior, compile_problem, parse_spec
from synthor.errors import InputError
from synthor.fit import pool_size
from synthor.fit.model import fit
from synthor.fit.status import Status


def booleans(n: int, times: int = 1) -> str:
    variables = "".join(f"\n  b{i}: {{type: boolean}}" for i in range(n))
    tables = "".join(f"\n  - {{name: t{i} {k}, counts: {{b{i}: {{yes: 40, no: 60}}}}}}" for i in range(n) for k in range(times))
    return f"records: 100\nvariables:{variables}\ntargets:{tables}\n"


@pytest.mark.slow
def test_memory_grows_with_categories_and_not_with_their_square() -> None:
    labels = [f"c{i}" for i in range(5_000)]
    table = ", ".join(f"{label}: 1" for label in labels)
    text = f"records: 5000\nvariables:\n  a: {{type: category, values: [{', '.join(labels)}]}}\n  b: {{type: boolean}}\n"
    problem = compile_problem(parse_spec(text + f"targets:\n  - counts: {{a: {{{table}}}}}\n"))
    tracemalloc.start()
    try:
        model = fit(problem, Prior(), pool_size=1_000)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert model.status is Status.CONVERGED
    assert most < 8 * 5_000**2 / 2


@pytest.mark.slow
def test_tables_that_say_the_same_cost_little_and_one_that_differs_is_told_beside_each() -> None:
    text = booleans(2, times=60)
    assert not compile_problem(parse_spec(text)).warnings
    with pytest.raises(InputError) as error:
        compile_problem(
            parse_spec(text.replace("t1 7, counts: {b1: {yes: 40, no: 60}", "t1 7, counts: {b1: {yes: 41, no: 59}"))
        )
    told = [finding for finding in error.value.findings if "disagree on b1" in finding.message]
    assert len(told) == 59
    assert all("'t1 7'" in finding.message for finding in told)


@pytest.mark.slow
def test_candidates_are_fewer_where_each_is_very_wide_and_else_as_many_as_ever() -> None:
    assert pool_size.usual_pool_size(compile_problem(parse_spec(booleans(20)))) == pool_size.POOL_SIZE
    assert pool_size.usual_pool_size(compile_problem(parse_spec(booleans(400)))) == 56_250


def test_what_cannot_fit_is_refused_with_its_size() -> None:
    problem = compile_problem(parse_spec(booleans(3)))
    with pytest.raises(InputError, match=r"needs about .* GiB of memory, most of it for .* cells of believed tables"):
        pool_size.refuse_what_cannot_fit(problem, 10**15, 100_000)
    with pytest.raises(InputError, match="candidates with 3 variables and 3 tables"):
        fit(problem, Prior(), pool_size=10**12)
