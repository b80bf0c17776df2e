"""Tables counted from coded records, and which pairs of variables depend on each other most."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.disclose.columns import DeclaredColumn
from synthor.information import mutual_information
from synthor.types import Counts, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counted:
    """One table.

    Attributes:
        at: positions of its variables among the columns.
        names: of its variables.
        labels: of each variable.
        counts: what the records in each cell stand for, whole numbers, one axis a variable.
        records: how many records are in each cell; the counts themselves where there are no weights.
    """

    at: tuple[int, ...]
    names: tuple[str, ...]
    labels: tuple[tuple[str, ...], ...]
    counts: Counts
    records: Counts

    @property
    def title(self) -> str:
        return " by ".join(self.names)


def whole_weights(weights: Floats, total: int) -> Counts:
    """Weights as whole numbers that add up to a total, (n,) -> (n,).

    Each is the step that the running sum of the scaled weights makes between whole numbers, so that every table of them
    agrees with every other, and differs from the exact one by chance less than a record or so a cell.

    >>> whole_weights(np.array([0.5, 0.5, 1.5, 1.5]), 4)
    array([0, 1, 1, 2])
    """
    running = np.cumsum(weights) * (total / weights.sum())
    return np.diff(np.floor(running + 0.5 - 1e-9 * (running + 1)), prepend=0).astype(np.int64)


def count(columns: Sequence[DeclaredColumn], at: Sequence[int], weights: Counts | None) -> Counted:
    """The table of some variables."""
    chosen = [columns[i] for i in at]
    shape = tuple(column.variable.size for column in chosen)
    cell = np.ravel_multi_index([column.codes for column in chosen], shape)
    size = int(np.prod(shape))
    records = np.bincount(cell, minlength=size).reshape(shape)
    counts = records if weights is None else np.rint(np.bincount(cell, weights, size)).astype(np.int64).reshape(shape)
    return Counted(
        at=tuple(at),
        names=tuple(column.name for column in chosen),
        labels=tuple(column.variable.labels for column in chosen),
        counts=counts,
        records=records,
    )


def strongest_pairs(columns: Sequence[DeclaredColumn], weights: Counts | None) -> list[tuple[int, int]]:
    """All pairs of variables, the most dependent first.

    Dependence is mutual information in nats, less what independent variables would show by chance in a sample of this
    size, (r - 1)(c - 1) / 2n (Miller 1955).
    """
    n = len(columns[0].codes) if columns else 0
    found = []
    for i, j in itertools.combinations(range(len(columns)), 2):
        shares = count(columns, (i, j), weights).counts / max(n if weights is None else int(weights.sum()), 1)
        chance = (shares.shape[0] - 1) * (shares.shape[1] - 1) / (2 * n)
        found.append((chance - mutual_information(shares), i, j))
    return [(i, j) for _, i, j in sorted(found)]
