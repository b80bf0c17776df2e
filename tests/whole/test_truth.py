"""The key statement of the bench of synthetic truth, on one small joint."""

import numpy as np
import pytest

import joints
import truth
from synthor.run import draw
from synthor.schema import Units

SEED = 0


@pytest.fixture(scope="module")
def joint() -> joints.Joint:
    return joints.log_linear((2, 3, 2, 3, 2), np.random.default_rng(SEED))


@pytest.fixture(scope="module")
def sampling_noise(joint: joints.Joint) -> truth.Error:
    return truth.sampling_error(joint, truth.N_RECORDS, SEED)


def error(joint: joints.Joint, blur: truth.Blur) -> float:
    model = truth.fitted(joint, truth.tables(joint, blur), SEED)
    assert model.status.value == "converged"
    return truth.Error.of(model.pool.units, model.weights, joint).pair


@pytest.mark.slow
def test_exact_beliefs_leave_no_more_than_sampling_noise(joint: joints.Joint, sampling_noise: truth.Error) -> None:
    run = draw(truth.fitted(joint, truth.tables(joint), SEED))
    found = truth.figures(run.model, joint, None)
    assert found["records: TAE"] == 0
    assert float(found["pair TVD"]) < sampling_noise.pair / 2
    assert float(found["records: pair TVD"]) < sampling_noise.pair / 2
    assert float(found["records: triple TVD"]) < sampling_noise.triple


@pytest.mark.slow
def test_the_blurrier_the_beliefs_the_larger_the_error(joint: joints.Joint, sampling_noise: truth.Error) -> None:
    towards = [error(joint, truth.towards_independence(t)) for t in (0.0, 0.25, 0.5, 0.75, 1.0)]
    noisy = [error(joint, truth.noisy(sd, SEED)) for sd in (0.0, 0.1, 0.3, 1.0)]
    assert all(np.diff(towards) > sampling_noise.pair)
    assert all(np.diff(noisy) > 0)
    reference = joint.reference
    assert towards[-1] == pytest.approx(reference.independent_tvds(reference.pairs, reference.pair_shares).mean(), rel=0.05)


def test_two_way_terms_are_fixed_by_their_pairs_and_three_way_terms_are_not() -> None:
    for three_way in (0.0, 1.0):
        joint = joints.log_linear((2, 3, 2, 3), np.random.default_rng(SEED), three_way=three_way)
        best = joints.largest_entropy(joint, joint.reference.pairs)
        left = truth.Error.of(Units.flat(best.codes), best.weights, joint)
        assert left.pair < 1e-6
        assert (left.triple < 1e-5) == (three_way == 0.0)


def test_exact_proposals_lose_little_but_the_share_of_independence_that_every_plan_gets() -> None:
    joint = joints.segments((2, 3, 2, 3, 2), np.random.default_rng(SEED), n=3)
    assert joint.plan is not None
    model = truth.fitted(joint, truth.proposals(joint.plan), SEED)
    reference = joint.reference
    independent = reference.independent_tvds(reference.pairs, reference.pair_shares).mean()
    assert truth.Error.of(model.pool.units, model.weights, joint).pair < 0.04 * independent


def test_records_of_a_joint_with_structural_zeros_break_none() -> None:
    joint = joints.log_linear(
        (2, 3, 2, 3), np.random.default_rng(SEED), impossible=(((0, 0), (1, 1)), ((1, 2), (2, 0), (3, 1)))
    )
    model = truth.fitted(joint, truth.tables(joint), SEED)
    assert truth.broken(model, joint) == 0
    assert truth.Error.of(model.pool.units, model.weights, joint).pair < 0.002


def test_the_same_seed_gives_the_same_joint() -> None:
    first, second = (joints.joint_of("copula, 8 variables", 1) for _ in range(2))
    np.testing.assert_array_equal(first.weights, second.weights)
    assert truth.whole(np.array([0.55, 0.3, 0.15]), 3) == [2, 1, 0]
