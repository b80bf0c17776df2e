"""Candidates that weigh nothing in any solution are found from what is left of their weight."""

import numpy as np

from synthor.fit.dual import Dual, Hard, Soft
from synthor.fit.face import Faces
from synthor.schema.cells import Partition

N = 600


def test_candidates_without_room_are_found_although_targets_push_others_down_by_more() -> None:
    """Nobody is (1, 0), so half at 0 of the first and half at 0 of the second leave no room for (0, 1), at one place only."""
    first, second = np.r_[np.zeros(N, int), np.ones(N, int), 0], np.r_[np.zeros(N, int), np.ones(N, int), 1]
    place = np.r_[np.arange(N), np.arange(N), 0]
    places = Partition(place, N)
    halves, even = np.array([0.5, 0.5]), np.full(N, 1 / N)
    hard = [Hard.exactly(Partition(first, 2), halves), Hard.exactly(Partition(second, 2), halves), Hard.exactly(places, even)]
    dual = Dual.of(np.zeros(2 * N + 1), hard, [Soft(cells=places, shares=even, weight=1.0)])
    opposed = np.linspace(
        50.0, 0.0, N
    )  # what a target pushes up here, by most at the one place, the belief pushes down by as much
    dual.move_to([np.array([-9.0, 0.0]), np.array([0.0, -9.0]), opposed, -opposed])
    faces, alive = Faces(hard, 2 * N + 1), np.ones(2 * N + 1, bool)
    closing = faces.closing(faces.suspects(dual.taken(), alive), alive)
    assert closing is not None
    np.testing.assert_array_equal(np.flatnonzero(closing.closes([one.cells for one in hard], 2 * N + 1)), [2 * N])
