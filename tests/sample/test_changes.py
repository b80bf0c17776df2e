"""Changes of units as columns of a programme: kinds, how many can make them, and who makes which."""

import numpy as np
from scipy import sparse

from synthor.sample.changes import Changes, Making

MATRIX = sparse.csr_array(
    np.array(
        [
            [1, 0, 0],  # two units alike
            [1, 0, 0],
            [0, 1, 0],  # what both may become
            [0, 1, 0],
            [0, 0, 1],  # what the second alone may become
            [1, 0, 0],  # no change
        ]
    )
)


def changes() -> Changes:
    return Changes.between(MATRIX, np.array([0, 1, 1, 0]), np.array([2, 3, 4, 5]))


def test_changes_that_count_alike_are_one_kind_and_those_that_change_nothing_none() -> None:
    found = changes()
    columns = found.exchange.matrix.toarray().tolist()
    assert sorted(columns) == [[-1, 0, 1], [-1, 1, 0]]
    assert found.exchange.upper[columns.index([-1, 1, 0])] == 2
    assert found.exchange.upper[columns.index([-1, 0, 1])] == 1
    assert (found.exchange.sign == 0).all()  # nobody comes or leaves


def test_each_unit_changes_once_and_one_that_could_make_two_kinds_makes_what_others_cannot() -> None:
    found = changes()
    for seed in range(10):
        after = found.made(np.ones(2), np.array([1, 1, 0, 0, 0, 0]), np.random.default_rng(seed))
        assert after.tolist() == [0, 0, 1, 0, 1, 0]


def test_units_that_are_not_there_do_not_change() -> None:
    found = changes()
    times = np.array([2.0, 2.0])
    after = found.made(times, np.array([0, 1, 0, 0, 0, 0]), np.random.default_rng(0))
    assert after.sum() == 1
    assert after[1] == 0
    assert found.made(np.zeros(2), np.array([1, 1, 0, 0, 0, 0]), np.random.default_rng(0)).tolist() == [1, 1, 0, 0, 0, 0]


def test_changes_are_made_one_by_one_each_by_a_unit_that_has_not_changed() -> None:
    found = changes()
    both = [[-1, 0, 1], [-1, 1, 0]]
    first, second = (found.exchange.matrix.toarray().tolist().index(one) for one in both)
    making = Making(found, np.array([1, 1, 0, 0, 0, 0]), np.random.default_rng(0))
    assert making.able()[[first, second]].tolist() == [1, 2]
    assert making.make(np.array([first]))  # the second unit, which alone can
    assert making.able()[[first, second]].tolist() == [0, 1]
    assert not making.make(np.array([second, second]))  # two of whom there is one: none is made
    assert making.counts.tolist() == [1, 0, 0, 0, 1, 0]
    assert making.make(np.array([second]))
    assert making.counts.tolist() == [0, 0, 1, 0, 1, 0]
    making.back_to(1)
    assert (making.counts.tolist(), len(making)) == ([1, 0, 0, 0, 1, 0], 1)
