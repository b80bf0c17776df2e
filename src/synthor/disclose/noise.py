"""Differentially private counts by OpenDP's discrete Laplace mechanism.

Neighbouring files differ by one record, added or removed. A table without weights then changes by one in one cell: its L1
sensitivity is 1. With a budget of epsilon for k tables, noise of scale k / epsilon on every cell makes each table
(epsilon / k)-private, and all of them together epsilon-private (sequential composition; Dwork and Roth 2014, theorem 3.16).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthor.disclose.count import Counted
from synthor.errors import Finding, InputError
from synthor.types import Counts

CONFIDENCE = 0.9


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Noisy:
    """Noisy tables and what they cost.

    Attributes:
        tables: counts of each table with noise, negative ones set to 0.
        total: the number of records with noise, at least 1; None where it is public.
        scale: of the noise on every count.
        margin: that the noise exceeds with probability 1 - CONFIDENCE.
        spent: epsilon of all together, as OpenDP accounts for it.
    """

    tables: tuple[Counts, ...]
    total: int | None
    scale: float
    margin: float
    spent: float


def add_noise(tables: Sequence[Counted], n_records: int | None, epsilon: float) -> Noisy:
    """Tables with noise that hides whether any one record is in the file.

    The noise comes from the operating system's randomness and is never seeded: who could repeat it could take it off.

    Args:
        tables: counted without weights.
        n_records: told with noise, too; None where it is public.
        epsilon: for all together, shared equally.

    Raises:
        InputError: OpenDP is not installed.
    """
    try:
        import opendp.prelude as dp
    except ImportError:
        cure = "install it with: pip install 'synthor[privacy]'"
        raise InputError([Finding(where="--epsilon", message="needs the library opendp", cure=cure)]) from None
    dp.enable_features("contrib")
    scale = (len(tables) + (n_records is not None)) / epsilon
    space = dp.vector_domain(dp.atom_domain(T=dp.i64)), dp.l1_distance(T=dp.i64)
    mechanism = dp.m.make_laplace(*space, scale=scale)
    price: Any = mechanism.map

    def noisy(counts: Counts) -> Counts:
        return np.maximum(np.array(mechanism(counts.ravel().tolist()), np.int64), 0).reshape(counts.shape)

    total = None if n_records is None else max(int(noisy(np.array([n_records]))[0]), 1)
    released = tuple(noisy(table.counts) for table in tables)
    return Noisy(
        tables=released,
        total=total,
        scale=scale,
        margin=float(dp.discrete_laplacian_scale_to_accuracy(scale, 1 - CONFIDENCE)),
        spent=float(price(1)) * (len(tables) + (n_records is not None)),
    )
