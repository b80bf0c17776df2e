"""Cross-tables of all pairs and triples of variables, and their distance."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthor.schema import Units, of_unit
from synthor.schema.cells import flat
from synthor.types import Floats, Shares

Group = tuple[int, ...]


def tvd(p: Shares, q: Shares) -> float:
    """Total variation distance of two distributions: half the sum of absolute differences, 0 to 1.

    >>> tvd(np.array([0.5, 0.5]), np.array([0.25, 0.75]))
    0.25
    """
    return 0.5 * float(np.abs(p - q).sum())


def held_out(sizes: Sequence[int], n: int, targeted: Iterable[Sequence[int]]) -> list[Group]:
    """All groups of `n` variables of so many categories that no target holds together; of one category nothing is to be told.

    >>> held_out([2, 3, 2, 1], 2, [(0, 1), (2,)])
    [(0, 2), (1, 2)]
    """
    known = [set(columns) for columns in targeted]
    groups = combinations([v for v, size in enumerate(sizes) if size > 1], n)
    return [group for group in groups if not any(set(group) <= columns for columns in known)]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reference:
    """The truth: shares in each held-out group of variables.

    Attributes:
        sizes: categories of each variable.
        pairs: groups of two.
        triples: groups of three.
        pair_shares: shares of each pair's cells, flat.
        marginals: of each variable.
        units: the microdata.
        weights: (n,) their weights.
    """

    sizes: tuple[int, ...]
    pairs: tuple[Group, ...]
    triples: tuple[Group, ...]
    pair_shares: tuple[Shares, ...]
    marginals: tuple[Shares, ...]
    units: Units
    weights: Floats

    @classmethod
    def count(cls, units: Units, weights: Floats, sizes: Sequence[int], targeted: Sequence[Sequence[int]]) -> "Reference":
        """The weighted tables of microdata."""
        sizes = tuple(sizes)
        pairs, triples = held_out(sizes, 2, targeted), held_out(sizes, 3, targeted)
        return cls(
            sizes=sizes,
            pairs=tuple(pairs),
            triples=tuple(triples),
            pair_shares=tuple(shares(units, weights, sizes, group) for group in pairs),
            marginals=tuple(shares(units, weights, sizes, (v,)) for v in range(len(sizes))),
            units=units,
            weights=weights,
        )

    @property
    def triple_shares(self) -> Iterator[Shares]:
        """Shares of each triple's cells, flat, counted as they are asked for: all of them together can be too many to keep."""
        return (shares(self.units, self.weights, self.sizes, group) for group in self.triples)

    def pair_tvds(self, units: Units, weights: Floats) -> Floats:
        """Distance of some records from the truth, for each pair."""
        return self._distances(units, weights, self.pairs, self.pair_shares)

    def triple_tvds(self, units: Units, weights: Floats) -> Floats:
        """Distance of some records from the truth, for each triple."""
        return self._distances(units, weights, self.triples, self.triple_shares)

    def independent_tvds(self, groups: Sequence[Group], truths: Iterable[Shares]) -> Floats:
        """Distance of independence with the true marginals from the truth, for each group."""
        return np.array([tvd(self._product(group), truth) for group, truth in zip(groups, truths, strict=True)])

    def _product(self, group: Group) -> Shares:
        product = np.ones(1)
        for v in group:
            product = np.outer(product, self.marginals[v]).ravel()
        return product

    def _distances(self, units: Units, weights: Floats, groups: Sequence[Group], truths: Iterable[Shares]) -> Floats:
        found = [tvd(shares(units, weights, self.sizes, g), truth) for g, truth in zip(groups, truths, strict=True)]
        return np.array(found)


def shares(units: Units, weights: Floats, sizes: Sequence[int], group: Group) -> Shares:
    """Weighted shares of the cells of one group of variables, flat."""
    shape = [sizes[v] for v in group]
    counted = np.bincount(flat([units.column(of_unit(v)) for v in group], shape), weights, int(np.prod(shape)))
    return counted / counted.sum()
