"""A tree of the strongest tables, as a distribution to draw candidates from.

The tree (Chow and Liu, 1968) keeps, of all tables, the spanning set with the largest mutual information. Weights correct for
what it leaves out, so it is a device of sampling and never counts as evidence.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from synthor.information import divergence
from synthor.schema import Units
from synthor.schema.cells import flat
from synthor.types import CellIndex, Codes, Floats, Mask, Shares

MOST_MASKED = 64
"""Categories of a variable that are looked at one by one for empty cells."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Joint:
    """Joint shares of two variables; cells that are not listed have none.

    Attributes:
        shape: categories of each.
        cells: (m,) flat cells, row-major, rising.
        shares: (m,) above 0.
    """

    shape: tuple[int, int]
    cells: CellIndex
    shares: Shares

    @classmethod
    def of(cls, table: Shares) -> "Joint":
        """From a table of all cells."""
        cells = np.flatnonzero(table.ravel() > 0)
        return cls(shape=(table.shape[0], table.shape[1]), cells=cells, shares=table.ravel()[cells])

    @property
    def turned(self) -> "Joint":
        """With the second variable first."""
        rows, columns = np.divmod(self.cells, self.shape[1])
        flat = columns * self.shape[0] + rows
        order = np.argsort(flat, kind="stable")
        return Joint(shape=(self.shape[1], self.shape[0]), cells=flat[order], shares=self.shares[order])

    @property
    def mutual_information(self) -> float:
        """How much one variable says of the other, in nats."""
        rows, columns = np.divmod(self.cells, self.shape[1])
        shares = self.shares / self.shares.sum()
        first, second = np.bincount(rows, shares, self.shape[0]), np.bincount(columns, shares, self.shape[1])
        return divergence(shares, np.asarray(first[rows] * second[columns], np.float64))


@dataclass(frozen=True, kw_only=True, eq=False)
class Edge:
    """P(child | parent), for every category of the parent: rows without shares hold the child's marginal.

    Attributes:
        n_children: categories of the child.
        cells: (m,) flat cells, parent first, rising.
        shares: (m,) share of each cell in its row.
        rising: (m + 1,) sum of the shares before each cell: row r ends at r + 1.
    """

    n_children: int
    cells: CellIndex
    shares: Floats
    rising: Floats

    @classmethod
    def of(cls, joint: Joint, marginal: Shares) -> "Edge":
        """The conditional rows of a joint table."""
        n_parents, n_children = joint.shape
        rows = joint.cells // n_children
        sums = np.bincount(rows, joint.shares, n_parents)
        usual = np.flatnonzero(marginal > 0)
        blank = np.flatnonzero(sums <= 0)
        cells = np.concatenate([joint.cells, (blank[:, None] * n_children + usual).ravel()])
        shares = np.concatenate([joint.shares / sums[rows], np.tile(marginal[usual] / marginal[usual].sum(), len(blank))])
        order = np.argsort(cells, kind="stable")
        cells, shares = cells[order], shares[order]
        return cls(n_children=n_children, cells=cells, shares=shares, rising=np.concatenate([[0.0], np.cumsum(shares)]))

    def draw(self, parent: Codes, u: Floats) -> Codes:
        """A child for each parent, at quantile `u` of its row."""
        first = np.searchsorted(self.cells, parent.astype(np.int64) * self.n_children)
        last = np.searchsorted(self.cells, (parent.astype(np.int64) + 1) * self.n_children)
        at = self.rising[first] + u * (self.rising[last] - self.rising[first])
        found = np.clip(np.searchsorted(self.rising, at, side="right") - 1, first, last - 1)
        return (self.cells[found] % self.n_children).astype(np.int32)

    @cached_property
    def dense(self) -> Shares:
        """All rows, (parents, children)."""
        table = np.zeros((int(self.cells[-1]) // self.n_children + 1) * self.n_children)
        table[self.cells] = self.shares
        return table.reshape(-1, self.n_children)

    def density(self, parent: Codes, child: Codes) -> Floats:
        """P(child | parent) of each unit."""
        flat = parent.astype(np.int64) * self.n_children + child
        found = np.minimum(np.searchsorted(self.cells, flat), len(self.cells) - 1)
        return np.where(self.cells[found] == flat, self.shares[found], 0.0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Blank:
    """Which categories of one variable a table leaves open, given the variables drawn before it.

    Attributes:
        columns: those variables.
        shape: their categories.
        open: (their combinations, k) whether some cell is not empty.
    """

    columns: tuple[int, ...]
    shape: tuple[int, ...]
    open: Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tree:
    """p(x) = prod_v P(x_v | x_parent(v)).

    Attributes:
        order: variables, parents before children.
        parents: for each variable its parent, -1 for none.
        edges: for each variable its table; that of a variable without a parent has one row.
        blanks: for each variable what empty cells of tables leave open; then p is normalised anew at each variable.
    """

    order: tuple[int, ...]
    parents: tuple[int, ...]
    edges: tuple[Edge, ...]
    blanks: tuple[tuple[Blank, ...], ...] = ()

    def draw(self, n: int, random: np.random.Generator) -> Units:
        codes: list[Codes] = [np.zeros(n, np.int32)] * len(self.order)
        for v in self.order:
            given, u = self._given(v, codes, n), random.random(n)
            rows = self._rows(v, given, codes)
            if rows is None:
                codes[v] = self.edges[v].draw(given, u)
            else:
                rising = np.cumsum(rows, axis=1)
                picked = (rising <= (u * rising[:, -1])[:, None]).sum(axis=1).clip(max=rows.shape[1] - 1)
                codes[v] = picked.astype(np.int32)
        return Units.of_columns(codes)

    def log_density(self, units: Units) -> Floats:
        """Log p of each unit, (n,); -inf where a table has no share."""
        n, codes = len(units), units.columns()
        total = np.zeros(n)
        with np.errstate(divide="ignore"):
            for v in self.order:
                given = self._given(v, codes, n)
                rows = self._rows(v, given, codes)
                if rows is None:
                    total += np.log(self.edges[v].density(given, codes[v]))
                else:
                    total += np.log(rows[np.arange(n), codes[v]] / rows.sum(axis=1))
        return total

    def _given(self, v: int, codes: Sequence[Codes], n: int) -> Codes:
        return codes[self.parents[v]] if self.parents[v] >= 0 else np.zeros(n, np.int32)

    def _rows(self, v: int, given: Codes, codes: Sequence[Codes]) -> Floats | None:
        """Weights of all categories of a variable, given those before it; None where the edge alone says them."""
        if not self.blanks or not self.blanks[v]:
            return None
        rows: Floats = self.edges[v].dense[given]
        held = rows.copy()
        for blank in self.blanks[v]:
            held *= blank.open[flat([codes[column] for column in blank.columns], blank.shape)]
        dead = held.sum(axis=1) <= 0  # nothing is left: the unit will be thrown away
        held[dead] = rows[dead]
        return held


def strongest_tree(
    marginals: tuple[Shares, ...],
    joints: Mapping[tuple[int, int], Joint],
    supports: Sequence[tuple[tuple[int, ...], Mask]] = (),
) -> Tree:
    """The tree over all variables with the largest total mutual information.

    Args:
        marginals: of each variable, (k,).
        joints: joint shares by pair of variables.
        supports: variables of tables in which some cells are empty, and which cells are not, (k, ...): no variable is drawn so
            that, with those before it, it falls into empty cells only.

    >>> tree = strongest_tree((np.array([0.5, 0.5]),) * 2, {(0, 1): Joint.of(np.array([[0.4, 0.1], [0.1, 0.4]]))})
    >>> tree.parents
    (-1, 0)
    """
    strength = {pair: joint.mutual_information for pair, joint in joints.items()}
    n = len(marginals)
    order: list[int] = []
    parents = [-1] * n
    edges = [Edge.of(Joint.of(marginal[None, :]), marginal) for marginal in marginals]
    while len(order) < n:
        open_ = [(s, a, b) for (a, b), s in strength.items() if (a in order) != (b in order)]
        if not open_:
            order.append(next(v for v in range(n) if v not in order))
            continue
        _, a, b = max(open_, key=lambda edge: (edge[0], -edge[1], -edge[2]))
        parent, child = (a, b) if a in order else (b, a)
        joint = joints[a, b] if parent == a else joints[a, b].turned
        edges[child] = Edge.of(joint, marginals[child])
        parents[child] = parent
        order.append(child)
    return Tree(order=tuple(order), parents=tuple(parents), edges=tuple(edges), blanks=_blanks(order, marginals, supports))


def _blanks(
    order: list[int], marginals: tuple[Shares, ...], supports: Sequence[tuple[tuple[int, ...], Mask]]
) -> tuple[tuple[Blank, ...], ...]:
    blanks: list[list[Blank]] = [[] for _ in order]
    for columns, held in supports:
        for v in columns:
            before = tuple(c for c in columns if order.index(c) < order.index(v))
            if not before or len(marginals[v]) > MOST_MASKED:
                continue
            rest = tuple(i for i, c in enumerate(columns) if c != v and c not in before)
            kept = [c for c in columns if c == v or c in before]
            table = np.moveaxis(np.asarray(held.any(axis=rest)), kept.index(v), -1)
            if not table.all():
                shape = table.shape[:-1]
                blanks[v].append(Blank(columns=before, shape=shape, open=table.reshape(-1, table.shape[-1])))
    return tuple(tuple(entry) for entry in blanks)
