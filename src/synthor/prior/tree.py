"""A tree of the strongest dependency tables, as a distribution to draw candidates from.

The tree (Chow and Liu, 1968) keeps, of all tables, the spanning set with the largest mutual information. Weights correct for
what it leaves out, so it is a device of sampling and never counts as evidence.
"""

from dataclasses import dataclass

import numpy as np

from synthor.types import Codes, Floats, Shares
from synthor.units import Units


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tree:
    """p(x) = prod_v P(x_v | x_parent(v)).

    Attributes:
        order: variables, parents before children.
        parents: for each variable its parent, -1 for none.
        tables: for each variable, (k_parent, k) conditional rows; (1, k) without a parent.
    """

    order: tuple[int, ...]
    parents: tuple[int, ...]
    tables: tuple[Shares, ...]

    def draw(self, n: int, random: np.random.Generator) -> Units:
        codes = np.empty((n, len(self.order)), np.int32)
        for v in self.order:
            given = codes[:, self.parents[v]] if self.parents[v] >= 0 else np.zeros(n, np.int32)
            rising = np.cumsum(self.tables[v], axis=1)
            lookup = (rising / rising[:, -1:] + np.arange(len(rising))[:, None]).ravel()
            found = np.searchsorted(lookup, random.random(n) + given, side="right")
            codes[:, v] = np.minimum(found - given * rising.shape[1], rising.shape[1] - 1)
        return Units(codes=codes)

    def log_density(self, codes: Codes) -> Floats:
        """Log p of each unit, (n, v) -> (n,)."""
        total = np.zeros(len(codes))
        with np.errstate(divide="ignore"):
            for v in self.order:
                given = codes[:, self.parents[v]] if self.parents[v] >= 0 else 0
                total += np.log(self.tables[v])[given, codes[:, v]]
        return total


def strongest_tree(marginals: tuple[Shares, ...], joints: dict[tuple[int, int], Shares]) -> Tree:
    """The tree over all variables with the largest total mutual information.

    Args:
        marginals: of each variable, (k,).
        joints: joint shares (k_a, k_b) by pair of variables.

    >>> tree = strongest_tree((np.array([0.5, 0.5]),) * 2, {(0, 1): np.array([[0.4, 0.1], [0.1, 0.4]])})
    >>> tree.parents
    (-1, 0)
    """
    strength = {pair: _mutual_information(joint) for pair, joint in joints.items()}
    n = len(marginals)
    order: list[int] = []
    parents = [-1] * n
    tables = [marginal[None, :] for marginal in marginals]
    while len(order) < n:
        edges = [(s, a, b) for (a, b), s in strength.items() if (a in order) != (b in order)]
        if not edges:
            order.append(next(v for v in range(n) if v not in order))
            continue
        _, a, b = max(edges, key=lambda edge: (edge[0], -edge[1], -edge[2]))
        parent, child = (a, b) if a in order else (b, a)
        joint = joints[a, b] if parent == a else joints[a, b].T
        sums = joint.sum(axis=1, keepdims=True)
        tables[child] = np.where(sums > 0, joint / np.where(sums > 0, sums, 1), marginals[child])
        parents[child] = parent
        order.append(child)
    return Tree(order=tuple(order), parents=tuple(parents), tables=tuple(tables))


def _mutual_information(joint: Shares) -> float:
    product = joint.sum(axis=1, keepdims=True) * joint.sum(axis=0, keepdims=True)
    inside = joint > 0
    return float((joint[inside] * np.log(joint[inside] / product[inside])).sum())
