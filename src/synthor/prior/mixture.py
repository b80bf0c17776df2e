"""A plan of proposals as a probability distribution: a mixture of segments, independent inside each."""

from dataclasses import dataclass

import numpy as np

from synthor.types import Codes, Floats, Shares
from synthor.units import Units

TINY = 1e-300


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Mixture:
    """p(x) = sum_s share_s prod_v P_v[s, x_v].

    Attributes:
        shares: (s,) share of each segment.
        tables: for each variable, (s, k) distribution inside each segment; rows sum to one.
    """

    shares: Shares
    tables: tuple[Shares, ...]

    def draw(self, n: int, random: np.random.Generator) -> Units:
        """N units, each from a segment drawn by its share."""
        segment = np.sort(random.choice(len(self.shares), n, p=self.shares))
        codes = np.empty((n, len(self.tables)), np.int32)
        for v, table in enumerate(self.tables):
            rising = np.cumsum(table, axis=1)
            # A uniform number in segment s, shifted by s, is looked up in one rising array for all segments at once.
            lookup = (rising / rising[:, -1:] + np.arange(len(table))[:, None]).ravel()
            found = np.searchsorted(lookup, random.random(n) + segment, side="right")
            codes[:, v] = np.minimum(found - segment * table.shape[1], table.shape[1] - 1)
        return Units(codes=codes)

    def log_density(self, codes: Codes) -> Floats:
        """Log p of each unit, (n, v) -> (n,); -inf where no segment allows it."""
        density = np.zeros(len(codes))
        for s, share in enumerate(self.shares):
            part = np.full(len(codes), share)
            for v, table in enumerate(self.tables):
                part *= table[s][codes[:, v]]
            density += part
        with np.errstate(divide="ignore"):
            return np.log(density)

    def marginal(self, column: int) -> Shares:
        """Distribution of one variable, (k,)."""
        marginal: Shares = self.shares @ self.tables[column]
        return marginal / marginal.sum()

    def within(self, columns: tuple[int, ...], codes: tuple[int, ...]) -> tuple[float, "Mixture"]:
        """The mixture given that some variables have some categories, and the probability of that."""
        likelihood = self.shares.copy()
        for column, code in zip(columns, codes, strict=True):
            likelihood *= self.tables[column][:, code]
        probability = float(likelihood.sum())
        tables = list(self.tables)
        for column, code in zip(columns, codes, strict=True):
            tables[column] = np.zeros_like(tables[column])
            tables[column][:, code] = 1.0
        shares = likelihood / max(probability, TINY)
        return probability, Mixture(shares=shares, tables=tuple(tables))


def independent(marginals: tuple[Shares, ...]) -> Mixture:
    """All variables independent: a mixture of one segment.

    >>> independent((np.array([0.3, 0.7]),)).marginal(0)
    array([0.3, 0.7])
    """
    return Mixture(shares=np.ones(1), tables=tuple(marginal[None, :] for marginal in marginals))


def joined(first: Mixture, second: Mixture, share_of_second: float) -> Mixture:
    """Both mixtures in one, the second with a given share."""
    shares = np.concatenate([first.shares * (1 - share_of_second), second.shares * share_of_second])
    tables = tuple(np.concatenate([a, b]) for a, b in zip(first.tables, second.tables, strict=True))
    return Mixture(shares=shares / shares.sum(), tables=tables)
