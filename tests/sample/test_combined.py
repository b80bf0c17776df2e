"""Combinations of changes: what they alter, who makes them, and that they find what no single one does."""

import numpy as np
import pytest
from scipy import sparse

from synthor.sample.breakout import Moves, Standing, key_of
from synthor.sample.changes import Changes, Making
from synthor.sample.combined import Combined, Combining

SIZES = (3, 4, 2)
"""Cells of three tables: two variables of a unit, each counted alone, and a third that goes with both."""
TABLE = np.repeat(np.arange(3), SIZES)


def units_of_two(n: int, random: np.random.Generator) -> tuple[Changes, np.ndarray, np.ndarray]:
    """Units with a first and a second value, and one that says whether the two are equal; each may change any of the two."""
    values = [(a, b) for a in range(3) for b in range(4)]
    rows = np.array([[*np.eye(3)[a], *np.eye(4)[b], a == b, a != b] for a, b in values], float)
    own = random.integers(0, len(values), n)
    source, variant, every = [], [], [*rows[own]]
    for unit, at in enumerate(own):
        for other, (a, b) in enumerate(values):
            if (a == values[at][0]) != (b == values[at][1]):  # one of the two changed
                source.append(unit)
                variant.append(len(every))
                every.append(rows[other])
    matrix = np.stack(every)
    return Changes.between(sparse.csr_array(matrix), np.array(source), np.array(variant)), matrix, np.array(source)


@pytest.mark.parametrize("seed", range(5))
def test_a_combination_alters_what_its_parts_alter_together(seed: int) -> None:
    random = np.random.default_rng(seed)
    changes, _, _ = units_of_two(30, random)
    matrix = changes.exchange.matrix.astype(np.int64)
    found = Combined.of(matrix, TABLE, np.array([True, False, False]), random)
    dense = np.vstack([matrix.toarray(), np.zeros((1, len(TABLE)), np.int64)])
    assert (found.matrix(matrix).toarray() == dense[found.parts].sum(axis=1)).all()
    altered = np.stack([dense[found.parts].sum(axis=1)[:, at == TABLE].any(axis=1) for at in range(3)], axis=1)
    assert ((found.sums != 0) == altered).all()
    assert (altered.sum(axis=1) == 1).any()
    effects = {row.tobytes() for row in found.matrix(matrix).toarray()}
    assert len(effects) == len(found)  # each effect once


@pytest.mark.parametrize("seed", range(10))
def test_what_few_changes_of_several_units_have_moved_is_found_again(seed: int) -> None:
    random = np.random.default_rng(seed)
    changes, matrix, _ = units_of_two(40, random)
    counts = np.concatenate([np.ones(40, np.int64), np.zeros(len(matrix) - 40, np.int64)])
    wanted = counts.copy()
    for unit in random.choice(40, 4, replace=False):
        every = np.flatnonzero(changes.source == unit)
        wanted[unit] -= 1
        wanted[changes.variant[random.choice(every)]] += 1
    aim, got = ((matrix.T @ of).astype(np.int64) for of in (wanted, counts))
    off = np.bincount(TABLE, got != aim) > 0
    combining = Combining(changes.exchange.matrix.astype(np.int64), TABLE, off, random)
    making = Making(changes, counts, random)
    combining.make(making, aim, aim, got)
    assert (matrix.T @ making.counts == aim).all()
    assert making.counts.sum() == 40
    assert making.counts.min() == 0
    assert len(making) <= 40


def test_where_nothing_helps_nothing_is_made() -> None:
    random = np.random.default_rng(0)
    changes, matrix, _ = units_of_two(20, random)
    counts = np.concatenate([np.ones(20, np.int64), np.zeros(len(matrix) - 20, np.int64)])
    got = (matrix.T @ counts).astype(np.int64)
    aim = got + np.eye(len(TABLE), dtype=np.int64)[0]  # one more of the first, and nobody less: not to be had
    making = Making(changes, counts, random)
    open_tables = np.array([True, False, False])
    Combining(changes.exchange.matrix.astype(np.int64), TABLE, open_tables, random).make(making, aim, aim, got)
    assert (making.counts == counts).all()
    none = sparse.csr_array((0, len(TABLE)), dtype=np.int64)
    Combining(none, TABLE, open_tables, random).make(making, aim, aim, got)
    assert (making.counts == counts).all()


def test_pairs_that_mend_everything_are_all_found() -> None:
    random = np.random.default_rng(1)
    change = sparse.csr_array(random.integers(-1, 2, (60, 8)) | np.eye(60, 8, dtype=np.int64))
    dense = change.toarray()
    got = -(dense[3] + dense[7])
    standing = Standing(np.zeros(8, np.int64), np.zeros(8, np.int64), got)
    pairs = Moves(change, key_of(8, random)).mending(standing)
    assert pairs
    assert {one for one, _ in pairs} == {i for i in range(60) if any((dense[i] + dense[j] == -got).all() for j in range(60))}
    assert all((dense[one] + dense[other] + got == 0).all() for one, other in pairs)


def test_what_stays_off_grows_dearer_until_a_move_that_costs_helps() -> None:
    standing = Standing(np.array([1, 0, 0]), np.array([1, 0, 0]), np.array([0, 0, 0]))
    moves = Moves(sparse.csr_array(np.array([[1, 1, 1], [0, -1, -1]])), np.arange(1, 4).astype(np.uint64))
    assert moves.costs(standing).tolist() == [1.0, 2.0]
    for _ in range(2):
        standing.grow_dearer()
    assert moves.costs(standing)[0] < 0
    moves.make(0, standing)
    assert standing.got.tolist() == [1, 1, 1]
    moves.make(1, standing)
    assert standing.error == 0
