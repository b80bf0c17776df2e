"""Cells that are left out so that no small count can be read or worked out: primary and complementary suppression.

A cell that few records stand behind is suppressed (primary). Since all one-way marginals are published, it could be worked
out as a difference; so further cells are suppressed (complementary) until linear programmes prove that it cannot. They ask
for the smallest and largest value of a cell among all non-negative tables that agree with everything published:

    min, max  x(cell)   subject to   x >= 0,  every published count,  every statement about suppressed cells.

Further cells come from one more programme: the cheapest change of the table that moves the cell as far as it must be free to
move, and keeps all other published numbers; the cells that it changes are suppressed (the linear heuristic of Kelly, Golden
and Assad 1992, and Fischetti and Salazar 2001).

Values are taken as real numbers. For a two-way table with its marginals that is exact. Where three cross-tables join the same
three variables pairwise, the programmes are over all three variables together; longer circles of tables are not followed.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy import sparse

from synthor.disclose.columns import DeclaredColumn
from synthor.disclose.count import Counted, count
from synthor.errors import BugError
from synthor.linear import TWICE, solve_linear
from synthor.types import CellIndex, Counts, Floats, Mask

NEAR = 1e-6
MOST_JOINT_CELLS = 5_000
"""Joint cells of three variables up to which a circle of tables is audited."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Suppressed:
    """One cross-table with its small cells left out.

    Attributes:
        table: as counted.
        hidden: cells that are not told.
        primary: those among them that few records stand behind.
        low: for each hidden cell, the smallest value that the audit has proven to be possible, (h,), in the order of cells.
        high: the largest.
        withheld: no protection was found, so the table is not to be published at all.
        zeros: a hidden cell may be 0; in other tables all zeros are told.
        n_unaudited: circles of tables that were too large to audit.
    """

    table: Counted
    hidden: Mask
    primary: Mask
    low: Floats
    high: Floats
    withheld: bool = False
    zeros: bool = False
    n_unaudited: int = 0

    @property
    def only_primary(self) -> bool:
        """Whether all that is hidden is small, so that it can be said how small."""
        return bool((self.hidden == self.primary).all())


def suppress(
    tables: Sequence[Counted], columns: Sequence[DeclaredColumn], weights: Counts | None, *, below: int
) -> list[Suppressed]:
    """Cross-tables whose cells of 1 to `below` - 1 records can neither be read nor worked out.

    Without weights, each primary cell may then have any value from 1 to `below` - 1, and each complementary one lies in an
    interval at least `below` - 1 wide. With weights, every interval is at least as wide as what `below` - 1 records stand
    for on average.

    Args:
        tables: cross-tables; their variables' one-way marginals are published, too.
        columns: all variables.
        weights: (n,) whole weights, None for records that count once.
        below: counts of fewer records are suppressed.
    """
    published = _Published(tables, columns, weights, below)
    for t in sorted(range(len(tables)), key=lambda t: tables[t].counts.size):
        while not published.withheld[t] and (exposed := _exposed(published, t)) is not None:
            _hide_more(published, t, exposed)
    return [published.found(t) for t in range(len(tables))]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Exposed:
    """A hidden cell that can be told too nearly: over which variables, and how nearly."""

    cell: int
    group: tuple[int, ...]
    low: float
    high: float


class _Published:
    """What is told and hidden so far; more is hidden as the audit goes on."""

    def __init__(
        self, tables: Sequence[Counted], columns: Sequence[DeclaredColumn], weights: Counts | None, below: int
    ) -> None:
        self.tables, self.columns, self.weights, self.below = tables, columns, weights, below
        self.primary = [((table.records > 0) & (table.records < below)).ravel() for table in tables]
        self.hidden = [mask.copy() for mask in self.primary]
        self.withheld = [False] * len(tables)
        self.zeros = [False] * len(tables)  # whether a hidden cell may be 0; else all zeros are told
        unit = 1.0 if weights is None else float(weights.sum()) / len(weights)
        self.width = max(below - 1, 1) * unit
        self._joints: dict[tuple[int, ...], Counted] = {}
        self._seen: dict[tuple[int, tuple[int, ...]], tuple[Floats, Floats]] = {}

    def found(self, t: int) -> Suppressed:
        table, shape = self.tables[t], self.tables[t].counts.shape
        low, high = self.intervals(t) if not self.withheld[t] else (np.empty(0), np.empty(0))
        return Suppressed(
            table=table,
            hidden=self.hidden[t].reshape(shape),
            primary=self.primary[t].reshape(shape),
            low=low,
            high=high,
            withheld=self.withheld[t],
            zeros=self.zeros[t],
            n_unaudited=len(self.circles(t)) + 1 - len(self.groups(t)),
        )

    def joint(self, group: tuple[int, ...]) -> Counted:
        if group not in self._joints:
            self._joints[group] = count(self.columns, group, self.weights)
        return self._joints[group]

    def circles(self, t: int) -> list[tuple[int, ...]]:
        """The variables of a table with one more, that other tables join to at least two of them separately."""
        own = self.tables[t].at
        met: dict[int, list[set[int]]] = {}
        for s, other in enumerate(self.tables):
            beyond = set(other.at) - set(own)
            if s != t and not self.withheld[s] and len(beyond) == 1 and set(other.at) & set(own):
                met.setdefault(beyond.pop(), []).append(set(other.at) & set(own))
        return [(*own, w) for w, shared in sorted(met.items()) if len(set().union(*shared)) > 1]

    def groups(self, t: int) -> list[tuple[int, ...]]:
        """Sets of variables over which a table is audited."""
        sizes = {group: float(np.prod([float(self.columns[i].variable.size) for i in group])) for group in self.circles(t)}
        return [self.tables[t].at, *(group for group, size in sizes.items() if size <= MOST_JOINT_CELLS)]

    def stated(self, s: int) -> tuple[float, float]:
        """What a mark says of a cell: not 0 where zeros are told, and small where all that are marked are small."""
        small = self.weights is None and bool((self.hidden[s] == self.primary[s]).all())
        return self.least(s), self.below - 1.0 if small else np.inf

    def least(self, s: int) -> float:
        """What a hidden cell cannot be smaller than; a weight may be, for all that anybody knows, next to nothing."""
        return 0.0 if self.zeros[s] or self.weights is not None else 1.0

    def exact(self, t: int, cell: int) -> bool:
        """Whether a hidden cell must be free to have every value from 1 to below - 1; others need a width alone."""
        return self.weights is None and bool(self.primary[t][cell])

    def short(self, t: int, cell: int, low: float, high: float) -> tuple[bool, bool]:
        """Whether an interval does not reach low enough, and whether it does not reach high enough."""
        if self.exact(t, cell):
            return low > 1 + NEAR, high < self.below - 1 - NEAR
        narrow = high - low < self.width - NEAR
        return narrow, narrow

    def seen(self, t: int, group: tuple[int, ...]) -> tuple[Floats, Floats]:
        """Smallest and largest value of each cell of a table among the witnesses found so far over some variables.

        Hiding more only adds tables that agree with what is published, so a witness stays one.
        """
        if (t, group) not in self._seen:
            counts = self.tables[t].counts.ravel().astype(float)
            self._seen[t, group] = (counts, counts.copy())
        return self._seen[t, group]

    def intervals(self, t: int) -> tuple[Floats, Floats]:
        """For each hidden cell, values that all audits have proven to be possible: the interval is this wide at least."""
        proven = [self.seen(t, group) for group in self.groups(t)]
        low = np.max([low for low, _ in proven], axis=0)
        high = np.min([high for _, high in proven], axis=0)
        return low[self.hidden[t]], high[self.hidden[t]]


class _Programme:
    """The linear programme of all that is published over some variables."""

    def __init__(self, published: _Published, group: tuple[int, ...], *, without: int | None = None) -> None:
        joint = published.joint(group)
        equal = [_rows(joint, (i,)) for i in group]
        values = [rows @ joint.counts.ravel() for rows in equal]
        upper, most = [], []
        for s, table in enumerate(published.tables):
            if published.withheld[s] or s == without or not set(table.at) <= set(group):
                continue
            rows, hidden = _rows(joint, table.at), published.hidden[s]
            equal.append(rows[np.flatnonzero(~hidden)])
            values.append(table.counts.ravel()[~hidden])
            low, high = published.stated(s)
            inside = rows[np.flatnonzero(hidden)]
            upper.append(-inside)
            most.append(np.full(inside.shape[0], -low))
            if np.isfinite(high):
                upper.append(inside)
                most.append(np.full(inside.shape[0], high))
        self.size = joint.counts.size
        self.equal = sparse.csr_array(sparse.vstack(equal))
        self.values = np.concatenate(values).astype(float)
        self.upper = sparse.csr_array(sparse.vstack(upper)) if upper else sparse.csr_array((0, self.size))
        self.most = np.concatenate(most) if most else np.empty(0)

    def lowest(self, costs: Floats) -> Floats:
        """Joint cells that make a sum smallest, (n,); the published table itself is always among the candidates."""
        found = _minimum(costs, (self.upper, self.most), (self.equal, self.values), np.full(self.size, np.inf))
        if found is None:
            raise BugError("the audit of suppressed cells found no table that agrees with what is published")
        return found


def _exposed(published: _Published, t: int) -> _Exposed | None:
    """The first hidden cell of a table that can be told too nearly; None when all are protected."""
    cells = np.flatnonzero(published.hidden[t]).tolist()
    for group in published.groups(t) if cells else ():
        programme = _Programme(published, group)
        own = _rows(published.joint(group), published.tables[t].at)
        low, high = published.seen(t, group)
        for cell in cells:
            for upwards in (True, False):
                if published.short(t, cell, low[cell], high[cell])[upwards]:
                    row = own[[cell]].toarray().ravel()
                    witness = own @ programme.lowest(-row if upwards else row)
                    np.minimum(low, witness, out=low)  # a witness for all cells at once: most need no programme of their own
                    np.maximum(high, witness, out=high)
            if any(published.short(t, cell, low[cell], high[cell])):
                return _Exposed(cell=cell, group=group, low=float(low[cell]), high=float(high[cell]))
    return None


def _hide_more(published: _Published, t: int, exposed: _Exposed) -> None:
    """Hide the cells of a table that must be for one more of them to be protected; withhold it where none helps."""
    programme = _Programme(published, exposed.group, without=t)
    own = _rows(published.joint(exposed.group), published.tables[t].at)
    known = set(np.flatnonzero(published.hidden[t]).tolist())
    exact = published.exact(t, exposed.cell)
    up = published.below - 1.0 if exact else exposed.low + published.width
    down = 1.0 if exact else exposed.high - published.width
    new: set[int] = set()
    for sign, reach in ((1.0, up), (-1.0, down)):
        if exact or not new:
            new |= set(_cheapest_change(programme, own, published, t, exposed.cell, sign, reach).tolist()) - known
    new = new or _neighbour(published, t, exposed.cell)
    published.hidden[t][list(new)] = True
    if not new and published.zeros[t]:
        published.withheld[t] = True
    elif not new:
        published.zeros[t] = True  # where few cells are not 0, only zeros can hide them


def _cheapest_change(
    programme: _Programme,
    own: sparse.csr_array,
    published: _Published,
    t: int,
    cell: int,
    sign: float,
    reach: float,
) -> CellIndex:
    """Cells of the cheapest change that moves one of them as far as `reach`; none where no change does.

    minimise  sum_c w_c |x_c - a_c|  over tables x that keep everything else that is published, where a is the table and w_c is
    small for hidden cells and grows with the count of others. Empty cells stay empty, unless zeros may be hidden, too.
    """
    counts = published.tables[t].counts.ravel().astype(float)
    n, m = programme.size, len(counts)
    costs = np.where(published.hidden[t], 1e-3, 1.0 + 0.1 * np.log1p(counts))
    row = own[[cell]]
    blank = sparse.csr_array((programme.equal.shape[0], 2 * m))
    split = sparse.hstack([own, -sparse.eye_array(m), sparse.eye_array(m)])
    equal = sparse.vstack([sparse.hstack([programme.equal, blank]), split])
    movable = (counts > 0) | published.zeros[t]
    low = np.minimum(counts, published.least(t))
    upper = sparse.vstack(
        [
            sparse.hstack([programme.upper, sparse.csr_array((programme.upper.shape[0], 2 * m))]),
            sparse.hstack([-sign * row, sparse.csr_array((1, 2 * m))]),
        ]
    )
    step_up, step_down = np.where(movable, np.inf, 0.0), counts - low
    found = _minimum(
        np.concatenate([np.zeros(n), costs, costs]),
        (sparse.csr_array(upper), np.append(programme.most, -sign * reach)),
        (sparse.csr_array(equal), np.concatenate([programme.values, counts])),
        np.concatenate([np.full(n, np.inf), step_up, step_down]),
    )
    return np.empty(0, np.int64) if found is None else np.flatnonzero(found[n : n + m] + found[n + m :] > NEAR)


def _minimum(costs: Floats, upper: tuple[Any, Floats], equal: tuple[Any, Floats], most: Floats) -> Floats | None:
    """Where a linear sum over 0 <= x <= most is smallest; None where no x meets the rows."""
    bounds: Any = np.column_stack([np.zeros(len(most)), most])
    return solve_linear(costs, at_most=upper, equal=equal, bounds=bounds, attempts=TWICE).x


def _neighbour(published: _Published, t: int, cell: int) -> set[int]:
    """The smallest told cell in a line with another, or of the whole table; none where no other can be hidden."""
    table = published.tables[t]
    counts = table.counts.ravel()
    free = ~published.hidden[t] & ((counts > 0) | published.zeros[t])
    codes = np.array(np.unravel_index(np.arange(counts.size), table.counts.shape))
    in_line = (codes == codes[:, [cell]]).any(axis=0)
    for among in (free & in_line, free):
        if among.any():
            return {int(np.flatnonzero(among)[np.argmin(counts[among])])}
    return set()


def _rows(joint: Counted, at: tuple[int, ...]) -> sparse.csr_array:
    """The cells of a table as sums of joint cells, (cells, joint cells)."""
    places = [joint.at.index(i) for i in at]
    shape = joint.counts.shape
    codes = np.indices(shape).reshape(len(shape), -1)
    cell = np.ravel_multi_index([codes[p] for p in places], [shape[p] for p in places])
    size = int(np.prod([shape[p] for p in places]))
    return sparse.csr_array((np.ones(joint.counts.size), (cell, np.arange(joint.counts.size))), shape=(size, joint.counts.size))
