"""A plan of proposals as a probability distribution: a mixture of segments, independent inside each."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.schema import Units, of_unit
from synthor.types import CellIndex, Codes, Floats, Shares

TINY = 1e-300

LEAST = float(np.finfo(np.float64).tiny)
"""Densities below this have lost digits, if they are not 0 altogether."""

FEW = 20_000
"""Units whose codes are laid out variable by variable before they are looked up: of few, many variables cost the time."""


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
        return Units.flat(self._inside(np.sort(random.choice(len(self.shares), n, p=self.shares)), random))

    def _inside(self, segment: CellIndex, random: np.random.Generator) -> Codes:
        """Categories of units of given segments, (n,) -> (n, v)."""
        n = len(segment)
        codes = np.empty((n, len(self.tables)), np.int32)
        for v, table in enumerate(self.tables):
            rising = np.cumsum(table, axis=1)
            # A uniform number in segment s, shifted by s, is looked up in one rising array for all segments at once.
            lookup = (rising / rising[:, -1:] + np.arange(len(table))[:, None]).ravel()
            found = np.searchsorted(lookup, random.random(n) + segment, side="right")
            codes[:, v] = np.minimum(found - segment * table.shape[1], table.shape[1] - 1)
        return codes

    def log_density(self, units: Units) -> Floats:
        """Log p of each unit, (n,); -inf where no segment allows it."""
        density, columns = np.zeros(len(units)), [units.column(of_unit(v)) for v in range(len(self.tables))]
        if len(units) <= FEW:
            columns = [np.ascontiguousarray(column) for column in columns]
        for s, share in enumerate(self.shares):
            part = np.full(len(units), share)
            for v, table in enumerate(self.tables):
                part *= table[s][columns[v]]
            density += part
        with np.errstate(divide="ignore"):
            found = np.log(density)
            few = np.flatnonzero(density < LEAST)
            if len(few):
                found[few] = self._in_logs([column[few] for column in columns], len(few))
        return found

    def _in_logs(self, columns: Sequence[Codes], n: int) -> Floats:
        """The same by sums of logs: a product over hundreds of variables may be smaller than any number."""
        parts = np.full((len(self.shares), n), np.log(self.shares)[:, None])
        for v, table in enumerate(self.tables):
            parts += np.log(table)[:, columns[v]]
        found: Floats = np.logaddexp.reduce(parts, axis=0)
        return found

    def marginal(self, column: int) -> Shares:
        """Distribution of one variable, (k,)."""
        marginal: Shares = self.shares @ self.tables[column]
        return marginal / marginal.sum()

    def draw_within(self, fixed: Mapping[int, Codes], n: int, random: np.random.Generator) -> tuple[Units, Floats]:
        """N units of which some variables have given categories, (n,) each; and the share of such units, (n,)."""
        likelihood = np.repeat(self.shares[None, :], n, axis=0)
        for column, codes in fixed.items():
            likelihood *= self.tables[column][:, codes].T
        share = likelihood.sum(axis=1)
        rising = np.cumsum(likelihood, axis=1)
        segment = (rising <= (random.random(n) * rising[:, -1])[:, None]).sum(axis=1)
        found = self._inside(np.minimum(segment, len(self.shares) - 1), random)
        for column, codes in fixed.items():
            found[:, column] = codes
        return Units.flat(found), share


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
