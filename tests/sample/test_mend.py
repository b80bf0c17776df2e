from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from synthor import compile_problem, parse_spec
from synthor.problem import Problem
from synthor.sample.mend import mend
from synthor.schema import Rows, Units, of_unit
from synthor.types import Counts, Floats

TWO = """
records: 4
variables: {a: {type: category, values: [x, y]}, b: {type: category, values: [p, q]}}
targets: [{counts: {b: {p: 2, q: 2}}}]
"""
ALL_P = Units.flat(np.array([[0, 0], [1, 0]], np.int32))
"""x and y, both with p."""


def by_table(table: list[list[float]]) -> Callable[[Units], Floats]:
    """Log weights read from a table of the two variables."""
    return lambda units: np.array(table)[units.column(of_unit(0)), units.column(of_unit(1))]


def even(units: Units) -> Floats:
    return np.zeros(len(units))


def counted(units: Units, counts: Counts) -> dict[tuple[int, ...], int]:
    """Copies of each combination of categories."""
    found: dict[tuple[int, ...], int] = {}
    for codes, count in zip(units.row_tables[0].codes.tolist(), counts.tolist(), strict=True):
        if count:
            found[tuple(codes)] = found.get(tuple(codes), 0) + count
    return found


def error(problem: Problem, units: Units, counts: Counts) -> int:
    """How far all tables are off, counted anew."""
    total = 0
    for target in problem.counts:
        got = target.cells(units).totals(counts.astype(float))
        total += int((np.maximum(got - target.high, 0) + np.maximum(target.low - got, 0)).sum())
    return total


def test_the_records_are_moved_that_the_model_finds_likeliest_relative_to_what_they_were() -> None:
    log_weight = by_table([[0.0, 1.0], [5.0, 4.0]])  # y with q is likelier than x with q, but x gains by the move and y loses
    units, counts, moves = mend(compile_problem(parse_spec(TWO)), ALL_P, np.array([2, 2]), log_weight, np.random.default_rng(0))
    assert counted(units, counts) == {(0, 1): 2, (1, 0): 2}
    assert moves == 2


def test_of_many_that_could_move_at_once_the_likeliest_do() -> None:
    text = """
records: 6
variables: {a: {type: category, values: [a0, a1, a2, a3, a4, a5]}, b: {type: category, values: [p, q]}}
targets: [{counts: {b: {p: 3, q: 3}}}]
"""
    units = Units.flat(np.array([[a, 0] for a in range(6)], np.int32))
    likes = [[0.0, like] for like in (-1.0, 3.0, -2.0, 2.0, 1.0, 0.0)]
    moved, counts, _ = mend(
        compile_problem(parse_spec(text)), units, np.ones(6, int), by_table(likes), np.random.default_rng(0)
    )
    assert counted(moved, counts) == {(0, 0): 1, (1, 1): 1, (2, 0): 1, (3, 1): 1, (4, 1): 1, (5, 0): 1}


def test_no_move_breaks_a_rule_however_likely_the_model_finds_it() -> None:
    problem = compile_problem(parse_spec(TWO + "rules: [{never: a = 'x' and b = 'q'}]"))
    log_weight = by_table([[0.0, 9.0], [0.0, -9.0]])
    units, counts, moves = mend(problem, ALL_P, np.array([2, 2]), log_weight, np.random.default_rng(0))
    assert counted(units, counts) == {(0, 0): 2, (1, 1): 2}
    assert moves == 2


def test_what_the_rules_leave_no_way_to_mend_stays_as_it_is() -> None:
    problem = compile_problem(parse_spec(TWO + "rules: [{never: a = 'x' and b = 'q'}]"))
    units, counts, moves = mend(problem, ALL_P, np.array([3, 1]), even, np.random.default_rng(0))
    assert counted(units, counts) == {(0, 0): 3, (1, 1): 1}
    assert (moves, error(problem, units, counts)) == (1, 2)


def test_a_rule_on_values_inside_the_bins_holds_too() -> None:
    text = """
records: 4
variables: {age: {type: integer, min: 0, max: 89, bins: [0, 40]}, jobs: {type: integer, min: 0, max: 3, bins: [0, 1]}}
targets: [{counts: {jobs: {0: 2, 1 to 3: 2}}}]
rules: [{never: jobs >= 1 and age < 50}]
"""
    problem = compile_problem(parse_spec(text.replace("1 to 3", parse_spec(text).variables["jobs"].build("jobs").labels[1])))
    units, counts, _ = mend(problem, ALL_P, np.array([2, 2]), by_table([[0, 9], [0, -9]]), np.random.default_rng(0))
    assert counted(units, counts) == {(0, 0): 2, (1, 1): 2}


def test_two_categories_of_a_record_may_change_at_once() -> None:
    text = """
records: 3
variables: {a: {type: category, values: [x, y]}, b: {type: category, values: [p, q]}}
targets:
  - table: [{a: x, b: p, count: 2}, {a: x, b: q, count: 0}, {a: y, b: p, count: 0}, {a: y, b: q, count: 1}]
"""
    units, counts, moves = mend(compile_problem(parse_spec(text)), ALL_P, np.array([3, 0]), even, np.random.default_rng(0))
    assert counted(units, counts) == {(0, 0): 2, (1, 1): 1}
    assert moves == 1


@pytest.mark.parametrize(
    ("counts", "wanted"),
    [
        ([2, 1, 2], {(0,): 3, (1,): 1, (2,): 1}),  # one too many of the third, and only the first has room
        ([3, 2, 0], {(0,): 2, (1,): 2, (2,): 1}),  # one too few of the third, and the first can spare one more likely
    ],
)
def test_where_a_cell_may_have_one_of_two_counts_records_go_where_room_is(
    counts: list[int], wanted: dict[tuple[int], int]
) -> None:
    text = """
records: 5
variables: {a: {type: category, values: [x, y, z]}}
targets: [{shares: {a: {x: 0.5, y: 0.3, z: 0.2}}}]
"""
    units = Units.flat(np.array([[0], [1], [2]], np.int32))

    def log_weight(units: Units) -> Floats:
        likely = np.array([3.0, 2.0, 1.0]) if counts[2] else np.array([1.0, 2.0, 3.0])
        return likely[units.column(of_unit(0))]

    problem = compile_problem(parse_spec(text))
    after, found, moves = mend(problem, units, np.array(counts), log_weight, np.random.default_rng(0))
    assert counted(after, found) == wanted
    assert moves == 1


CUBE = "records: {n}\nvariables:\n" + "".join(f"  {v}: {{{{type: category, values: [u, w]}}}}\n" for v in "abc")


def cube(n: int, wanted: Floats) -> Problem:
    """Three variables of two categories and all their two-way tables, counted from a joint table."""
    text = CUBE.format(n=n) + "targets:\n"
    for axis, (first, second) in ((2, "ab"), (1, "ac"), (0, "bc")):
        table = wanted.sum(axis=axis)
        cells = [f"{{{first}: {'uw'[i]}, {second}: {'uw'[j]}, count: {int(table[i, j])}}}" for i in (0, 1) for j in (0, 1)]
        text += f"  - table: [{', '.join(cells)}]\n"
    return compile_problem(parse_spec(text))


def test_where_no_single_move_helps_a_chain_of_moves_does() -> None:
    wanted = np.full((2, 2, 2), 5.0)
    have = wanted.copy()
    have[0, 0, 0] += 1
    have[1, 0, 0] -= 1
    have[1, 1, 0] += 1
    have[0, 1, 0] -= 1
    problem = cube(40, wanted)
    codes = np.array(list(np.ndindex(2, 2, 2)), np.int32)
    units, counts = Units.flat(codes), have.ravel().astype(int)
    assert error(problem, units, counts) == 4
    units, counts, moves = mend(problem, units, counts, even, np.random.default_rng(0))
    assert error(problem, units, counts) == 0
    assert moves >= 2


@pytest.mark.slow
@given(st.integers(0, 10_000), st.integers(1, 60))
@settings(max_examples=40, deadline=None)
def test_mending_keeps_the_total_never_does_harm_and_counts_what_it_moved(seed: int, n: int) -> None:
    random = np.random.default_rng(seed)
    codes = np.array(list(np.ndindex(2, 2, 2)), np.int32)
    problem = cube(n, random.multinomial(n, random.dirichlet(np.ones(8))).reshape(2, 2, 2).astype(float))
    before = random.multinomial(n, np.full(8, 1 / 8))
    given_counts = before.copy()
    units, counts, moves = mend(problem, Units.flat(codes), before, even, np.random.default_rng(seed))
    assert (before == given_counts).all()
    assert (units.row_tables[0].codes[:8] == codes).all()
    assert (counts >= 0).all()
    assert counts.sum() == n
    assert counts[8:].sum() == moves
    assert error(problem, units, counts) <= error(problem, Units.flat(codes), before)


def test_the_same_generator_gives_the_same_moves() -> None:
    problem = cube(60, np.random.default_rng(1).multinomial(60, np.full(8, 1 / 8)).reshape(2, 2, 2).astype(float))
    units = Units.flat(np.array(list(np.ndindex(2, 2, 2)), np.int32))
    first, second = (
        mend(problem, units, np.array([60, 0, 0, 0, 0, 0, 0, 0]), even, np.random.default_rng(3)) for _ in range(2)
    )
    assert (first[0].row_tables[0].codes == second[0].row_tables[0].codes).all()
    assert (first[1] == second[1]).all()


def test_a_moved_unit_keeps_its_members() -> None:
    persons = Rows(codes=np.array([[7], [8], [9]], np.int32), parent=np.array([0, 0, 1]))
    units = Units(row_tables=(*ALL_P.row_tables, persons))
    log_weight = by_table([[0, 1], [0, -1]])
    after, counts, _ = mend(compile_problem(parse_spec(TWO)), units, np.array([2, 2]), log_weight, np.random.default_rng(0))
    moved = after.take(np.flatnonzero((counts > 0) & (np.arange(len(counts)) >= 2)))
    assert moved.row_tables[0].codes.tolist() == [[0, 1]] * len(moved)
    assert moved.row_tables[1].codes.ravel().tolist() == [7, 8] * len(moved)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(3))
def test_many_records_are_moved_in_little_time_and_exactly(seed: int) -> None:
    random = np.random.default_rng(seed)
    n = 20_000
    wanted = [random.multinomial(n, random.dirichlet(np.ones(5))) for _ in range(10)]
    text = f"records: {n}\nvariables:\n" + "".join(f"  v{v}: {{type: category, values: [a, b, c, d, e]}}\n" for v in range(10))
    text += "targets:\n" + "".join(
        f"  - counts: {{v{v}: {{{', '.join(f'{label}: {count}' for label, count in zip('abcde', table, strict=True))}}}}}\n"
        for v, table in enumerate(wanted)
    )
    units = Units.flat(random.integers(0, 5, (n, 10)).astype(np.int32))
    problem = compile_problem(parse_spec(text))
    before = error(problem, units, np.ones(n, int))
    mended, counts, moves = mend(problem, units, np.ones(n, int), even, random)
    assert error(problem, mended, counts) == 0
    assert moves <= before  # one for two cells would do, but a record may be moved in several tables


def test_records_of_pairs_that_flows_do_not_list_are_moved_to_pairs_that_they_do() -> None:
    text = """
records: 4
variables:
  home: {type: category, values: [a, b, c]}
  job: {type: category, values: [a, b, c]}
targets:
  - {flows: [home, job], table: [{home: a, job: b, count: 3}, {home: b, job: a, count: 1}]}
"""
    problem = compile_problem(parse_spec(text))
    units = Units.flat(np.array([[0, 1], [0, 2], [2, 1]], np.int32))  # the last two are not listed
    moved, counts, _ = mend(problem, units, np.array([2, 1, 1]), even, np.random.default_rng(0))
    assert counted(moved, counts) == {(0, 1): 3, (1, 0): 1}


SLICED = """
records: 8
variables: {age: {type: integer, min: 0, max: 89, bins: [0, 40]}, job: {type: boolean}}
targets:
  - {counts: {age: {0-39: 6, 40+: 2}}}
  - {counts: {age: {0-19: 3, 20-59: 4, 60+: 1}}}
"""


def test_bins_and_their_slices_are_moved_together() -> None:
    problem = compile_problem(parse_spec(SLICED))
    level = problem.schema.unit
    ages = problem.schema.coarsen(Units.flat(np.array([[0, 0], [0, 1], [1, 0]], np.int32)))  # 0-19 twice, 20-39
    moved, counts, moves = mend(problem, ages, np.array([4, 2, 2]), even, np.random.default_rng(0))
    assert error(problem, moved, counts) == 0
    assert moves
    kept = moved.row_tables[0].codes[counts > 0]
    assert (level.parents(0)[kept[:, level.column(0)]] == kept[:, 0]).all()
    assert {tuple(row) for row in kept[:, [1]].tolist()} <= {(0,), (1,)}


@pytest.mark.slow
def test_many_variables_are_mended_table_by_table_and_no_record_is_weighed_twice() -> None:
    random = np.random.default_rng(2)
    n, n_variables = 400, 120
    names = [f"v{i}" for i in range(n_variables)]
    wanted = random.integers(150, 250, n_variables)
    text = f"records: {n}\nvariables:\n" + "".join(f"  {name}: {{type: boolean}}\n" for name in names) + "targets:\n"
    text += "".join(
        f"  - {{counts: {{{name}: {{yes: {yes}, no: {n - yes}}}}}}}\n" for name, yes in zip(names, wanted, strict=True)
    )
    units = Units.flat(random.integers(0, 2, (n, n_variables)).astype(np.int32))
    problem = compile_problem(parse_spec(text))
    asked = []

    def log_weight(units: Units) -> Floats:
        asked.append(len(units))
        return np.zeros(len(units))

    mended, counts, moves = mend(problem, units, np.ones(n, int), log_weight, random)
    assert error(problem, mended, counts) == 0
    assert moves <= n
    assert sum(asked) < 32_000  # 23,662 moves are weighed: what is known of the records before is not asked again
