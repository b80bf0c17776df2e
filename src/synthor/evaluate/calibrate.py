"""How strong beliefs are, as published tables show it: one factor on what they claim.

A table that is believed with strength n stands for the counts of n records. With fixed margins, the published shares p of a
pair then differ from the believed ones t (fitted to the same margins) by noise of covariance C(p) / n + C(p) / N, where

    C(p) = D - D B (B' D B)^+ B' D,    D = diag(p),

B says which row and column each cell belongs to, and N is the number of records behind the published table. The factor c is the
one for which the squared differences of all tables together are what c times the claimed strengths lets expect:

    sum_d sum_i w_i [ (p_i - t_i)^2 / v_d - C_ii ] + (c - 1) = 0,

    v_d = 1 / (c n_d) + 1 / N_d,    w_i = 1 / ((p_i + t_i) / 2 + v_d).

The last term counts like one more degree of freedom that says that the claims are right: without it a single small table that
happens to agree would make every belief as strong as can be.

Where cells are well filled that is Pearson's chi-squared on its degrees of freedom, and so the largest likelihood of Dirichlet
(or multinomial) noise of strength c n_d given the margins. The likelihood itself is misled by cells that are believed to be,
or published as, nearly empty; these weights, in which a cell of less than one pseudo-record counts little, are not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from synthor.problem import Target
from synthor.types import CellIndex, Codes, Floats, Shares

FACTORS = (1e-2, 1e2)
"""Between these the factor is looked for: they lead from a confidence of 0.5 to the lowest and the highest that there is."""

STEPS = 60
"""Halvings of that interval, on a log scale."""

Z90 = 1.6449
"""Half width of a 90% interval, in standard errors."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ComparedTables:
    """A believed table beside the published one, in common cells.

    Attributes:
        belief: name of the dependency table.
        target: name of the published table.
        believed: (a, b) shares, fitted to the margins of the published table.
        published: (a, b) shares.
        strength: pseudo-records that the belief claims to be worth.
        records: behind the published table; infinite where that is not known.
    """

    belief: str
    target: str
    believed: Shares
    published: Shares
    strength: float
    records: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Calibration:
    """The factor on the strength of beliefs.

    Attributes:
        factor: c.
        low: lower end of its 90% interval.
        high: upper end.
        beliefs: names of the dependency tables that it was judged by.
        targets: names of the published tables, in the same order.
    """

    factor: float
    low: float
    high: float
    beliefs: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """What was done, in words."""
        n = len(self.beliefs)
        tables = ", ".join(f"'{name}'" for name in dict.fromkeys(self.targets))
        compared = f"{n} believed tables ({'; '.join(self.beliefs)}) compare" if n > 1 else f"{self.beliefs[0]} compares"
        return (
            f"The strength of every dependency table was multiplied by {self.factor:.3g} (90% interval {self.low:.2g} "
            f"to {self.high:.2g}), as {compared} with the published {tables}."
        )

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Calibration":
        """From holdout.json."""
        return cls(**{**document, "beliefs": tuple(document["beliefs"]), "targets": tuple(document["targets"])})


def calibrate(pairs: Sequence[ComparedTables]) -> Calibration:
    """The factor on the beliefs' strength that the published tables support.

    Its interval is by the noise that the factor itself implies, or by how much the tables differ among themselves where that
    is more. Where believed tables differ from the published ones by less than the sampling noise of these, a factor above 1
    says little.

    Args:
        pairs: at least one, with at least two rows and columns.

    >>> independent, true = np.full((2, 2), 0.25), np.array([[0.3, 0.2], [0.2, 0.3]])
    >>> pair = ComparedTables(belief="b|a", target="ab", believed=independent, published=true, strength=25, records=np.inf)
    >>> round(calibrate([pair]).factor, 2)  # each cell is off by one standard deviation of a table counted from 25 records
    1.0
    """
    noises = [_Noise.of(pair) for pair in pairs]
    low, high = np.log(FACTORS)
    for _ in range(STEPS):
        middle = (low + high) / 2
        excess = sum(noise.excess(np.exp(middle)) for noise in noises) + np.exp(middle) - 1
        low, high = (middle, high) if excess < 0 else (low, middle)
    factor = float(np.exp((low + high) / 2))
    spread = max(sum(noise.variance(factor) for noise in noises), sum(noise.excess(factor) ** 2 for noise in noises))
    error = float(np.sqrt(spread + 2) / (sum(noise.slope(factor) for noise in noises) + factor))
    width = float(np.exp(Z90 * error))
    return Calibration(
        factor=float(f"{factor:.4g}"),
        low=float(f"{factor / width:.3g}"),
        high=float(f"{factor * width:.3g}"),
        beliefs=tuple(pair.belief for pair in pairs),
        targets=tuple(pair.target for pair in pairs),
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Noise:
    """Squared differences of one pair of tables, and the covariance C of one record's noise without its matrix.

    Attributes:
        pair: the tables.
        middle: (cells,) mean of both.
        squared: (cells,) squared differences.
        diagonal: (cells,) of C.
        within: (cells,) diagonal of B G B', with G = (B' D B)^+.
        inverse: G.
        sides: B.
    """

    pair: ComparedTables
    middle: Floats
    squared: Floats
    diagonal: Floats
    within: Floats
    inverse: Floats
    sides: Floats

    @classmethod
    def of(cls, pair: ComparedTables) -> "_Noise":
        rows, columns = pair.published.shape
        middle = ((pair.believed + pair.published) / 2).ravel()
        cells = np.arange(rows * columns)
        sides = np.zeros((len(cells), rows + columns))
        sides[cells, cells // columns] = sides[cells, rows + cells % columns] = 1.0
        inverse = np.asarray(np.linalg.pinv(sides.T @ (middle[:, None] * sides), hermitian=True), dtype=np.float64)
        within = np.einsum("ci,ij,cj->c", sides, inverse, sides, optimize=True)
        return cls(
            pair=pair,
            middle=middle,
            squared=np.square(pair.published - pair.believed).ravel(),
            diagonal=np.maximum(middle - np.square(middle) * within, 0.0),
            within=within,
            inverse=inverse,
            sides=sides,
        )

    def _noise(self, factor: float) -> float:
        return float(1 / (factor * self.pair.strength) + 1 / self.pair.records)

    def _weights(self, factor: float) -> Floats:
        return 1 / (self.middle + self._noise(factor))

    def excess(self, factor: float) -> float:
        """How much the differences exceed what the factor lets expect."""
        return float((self._weights(factor) * (self.squared / self._noise(factor) - self.diagonal)).sum())

    def variance(self, factor: float) -> float:
        """Of the excess, under normal noise: 2 tr((W C)^2)."""
        weights = self._weights(factor)
        scaled = weights * self.middle
        inner = self.inverse @ (self.sides.T @ ((scaled * self.middle)[:, None] * self.sides))
        traces = np.square(scaled).sum() - 2 * (np.square(scaled) * self.middle * self.within).sum() + np.trace(inner @ inner)
        return float(2 * max(traces, 0.0))

    def slope(self, factor: float) -> float:
        """By how much the expected excess grows with log c."""
        own = 1 / (factor * self.pair.strength)
        return float((self._weights(factor) * self.diagonal).sum() * own / self._noise(factor))


def records_behind(target: Target) -> float:
    """How many records a table was counted from, as far as it tells: by its margins of error, or its total.

    A table of shares without margins of error does not say.
    """
    total = float(target.wanted.sum())
    if target.sigma is not None and target.sigma.any() and total > 0:
        shares = target.wanted / total
        return float((shares * (1 - shares)).sum() / np.square(target.sigma / total).sum())
    return total if target.statistic.word == "count" and total > 0 else float(np.inf)


def pair_of(target: Target, a: int, b: int) -> Floats:
    """The marginal of a table over two of its sides, (a, b) rows."""
    grid = target.grid
    flat = grid.groups[a] * grid.shape[b] + grid.groups[b]
    table = np.bincount(flat, target.wanted[: len(flat)], grid.shape[a] * grid.shape[b])
    return np.asarray(table.reshape(grid.shape[a], grid.shape[b]), dtype=np.float64)


def common_labels(first: Codes, second: Codes) -> tuple[CellIndex, CellIndex]:
    """The finest labels that two groupings of the same categories can both be put under.

    Args:
        first: (k,) group of each category.
        second: (k,) group of each category in the other grouping.

    Returns:
        The common label of each group of the first, and of each of the second.

    >>> common_labels(np.array([0, 0, 1, 2]), np.array([0, 1, 2, 2]))
    (array([0, 1, 1]), array([0, 0, 1]))
    """
    n_first = int(first.max()) + 1
    label = np.arange(n_first + int(second.max()) + 1)
    for a, b in zip(first, second + n_first, strict=True):
        label[label == max(label[a], label[b])] = min(label[a], label[b])
    _, label = np.unique(label, return_inverse=True)
    return label[:n_first].astype(np.int64), label[n_first:].astype(np.int64)


def gathered(table: Floats, rows: CellIndex, columns: CellIndex) -> Shares:
    """A table with rows and columns put together under their labels, normalised."""
    sums = np.zeros((int(rows.max()) + 1, int(columns.max()) + 1))
    np.add.at(sums, (rows[:, None], columns[None, :]), table)
    return np.asarray(sums / sums.sum(), dtype=np.float64)
