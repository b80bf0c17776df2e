"""How much there is to know: in a table of one variable by another, and in records that do not all weigh the same."""

import numpy as np

from synthor.types import Floats, Shares


def mutual_information(joint: Shares) -> float:
    """How much one variable says of the other, in nats: KL(table || product of its margins); 0 where they are independent.

    Args:
        joint: (a, b) shares of all.

    >>> round(mutual_information(np.array([[0.5, 0.0], [0.0, 0.5]])), 3)
    0.693
    """
    apart = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    inside = joint > 0
    return max(0.0, divergence(joint[inside], apart[inside]))


def divergence(shares: Shares, others: Shares) -> float:
    """KL(shares || others) in nats, of cells that all have some, (m,) each."""
    return float((shares * np.log(shares / others)).sum())


def effective_size(weights: Floats, total: float | None = None) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2: so many records of equal weight say as much.

    Args:
        weights: (n,).
        total: what they sum to, where that is known better than by summing them.

    >>> effective_size(np.array([1.0, 1, 1, 1])), effective_size(np.array([1.0, 0, 0, 0]))
    (4.0, 1.0)
    """
    return float((weights.sum() if total is None else total) ** 2 / np.square(weights).sum())
