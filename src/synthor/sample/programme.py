"""A small mixed-integer programme: how many of each of some units, and which sums of numbers, so that conditions hold.

With columns a_k that add one record of a kind or take one away, x_k of each, current totals g and sums s,

    minimise    sum c_k x_k + M sum_j e_j / scale_j
    subject to  low - e <= g + A'x + D's <= high + e,    sum x = 0 (as many come as leave),    x whole, 0 <= x_k <= upper_k.

Programmes end by their number of nodes, so that the outcome does not depend on the machine; nearly all take less than a second.
A limit of time keeps the rare puzzle from holding a run: what is found then may differ between machines, and is not yet met.
The relaxation's multipliers price units that are no columns yet (column generation; Gilmore and Gomory, 1961).
"""

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from synthor.linear import solve_linear
from synthor.sample.rows import Conditions
from synthor.types import CellIndex, Floats, Mask

if TYPE_CHECKING:
    from synthor.sample.rows import Matrix

FEWEST_NODES, WORK, SECONDS = 200, 1_000_000, 60.0
"""Nodes of one programme, at least, and times its rows and columns; seconds after which it is given up. Nodes decide what comes
out, so that it is the same on every machine; the seconds are many, for a machine that has other things to do."""

BRIEF_NODES, BRIEF_SECONDS = 20, 30.0
"""The same where what is looked for is only how well some sums can do."""

PROVING, PROVING_SECONDS = 3, 30.0
"""Times as many nodes for a proof that there is no solution, and the seconds that it may take."""

GAP = 0.3
"""Relative gap of the objective with which a programme is content: that few records are exchanged is a wish."""

ANY_GAP = 0.97
"""The same of units with members, hardly two of which count alike: that nothing is missed is enough."""

ANY_NODES = 500
"""Nodes of their programmes, which are wide."""

MISSED = 1e6
"""Price of an error of one record, where that of an exchange is 1: errors that matter are small parts of a record."""


_ALONE = threading.Lock()


@contextmanager
def quiet() -> Iterator[None]:
    """Without what HiGHS prints of itself, past its own options, when it polishes a solution."""
    with _ALONE:  # of two threads at once the second would keep the first one's silence
        if sys.stdout is not None:
            with suppress(OSError, ValueError):
                sys.stdout.flush()
        try:
            kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
        except OSError:  # no standard output to be kept clean
            yield
            return
        try:
            os.dup2(nowhere, 1)
            yield
        finally:
            os.dup2(kept, 1)
            os.close(kept)
            os.close(nowhere)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exchange:
    """Columns of a programme.

    Attributes:
        matrix: columns by all rows of the conditions, with their signs.
        sign: (k,) whether a column adds a record, takes one away, or (0) changes one.
        cost: (k,) of one of each.
        upper: (k,) most of each.
    """

    matrix: "Matrix"
    sign: Floats
    cost: Floats
    upper: Floats

    def beside(self, other: "Exchange") -> "Exchange":
        """These columns and others."""
        from scipy import sparse

        return Exchange(
            matrix=sparse.vstack([self.matrix, other.matrix], format="csr"),
            sign=np.concatenate([self.sign, other.sign]),
            cost=np.concatenate([self.cost, other.cost]),
            upper=np.concatenate([self.upper, other.upper]),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Programme:
    """A programme, ready to be solved.

    Attributes:
        matrix: rows by variables: columns, sums, and errors above and below.
        low: of each row.
        high: of each row.
        cost: of each variable.
        lower: of each variable.
        upper: of each variable.
        whole: variables that are whole numbers.
        n_columns: how many variables are columns.
        rows: of the conditions that the rows are; the last row balances who comes with who leaves.
        scale: of these rows.
        summed: the sums that are variables.
        unit: of these sums.
        n_all_sums: sums of the conditions in all.
    """

    matrix: "Matrix"
    low: Floats
    high: Floats
    cost: Floats
    lower: Floats
    upper: Floats
    whole: Mask
    n_columns: int
    rows: CellIndex
    scale: Floats
    summed: CellIndex
    unit: Floats
    n_all_sums: int

    @classmethod
    def of(
        cls, conditions: Conditions, got: Floats, held: Mask, exchange: Exchange, *, elastic: bool, more: float = 0.0
    ) -> "Programme | None":
        """The programme of an exchange; None where rows that are off cannot be touched and must not be missed.

        Args:
            conditions: give the rows.
            got: (r,) what the current counts come to.
            held: (r,) rows in which current units count.
            exchange: the columns.
            elastic: whether rows may be missed at a price.
            more: by how many more records come than leave.
        """
        from scipy import sparse

        missed = (conditions.low > got) | (got > conditions.high)
        touched = np.diff(exchange.matrix.tocsc().indptr) > 0
        summed = np.flatnonzero(touched[conditions.home] | held[conditions.home])
        sums = conditions.sums[summed]
        touched |= np.diff(sums.tocsc().indptr) > 0
        if not elastic and (missed & ~touched).any():
            return None
        bounded = np.isfinite(conditions.low) | np.isfinite(conditions.high)
        rows = np.flatnonzero(bounded & (touched | missed))
        scale = conditions.scale[rows]
        n_columns, n_sums = exchange.matrix.shape[0], len(summed)
        step = conditions.step[summed]
        size = np.maximum(abs(sums).max(axis=1).toarray().ravel(), 1e-12) if n_sums else np.zeros(0)
        unit = np.where(step > 0, step, scale.max(initial=1.0) / np.where(size > 0, size, 1.0))
        stacked = sparse.vstack([exchange.matrix[:, rows], sums[:, rows].multiply(unit[:, None])], format="csr")
        stacked = stacked.multiply(1 / scale[None, :]).tocsr()
        n_errors = 0
        if elastic:
            # Counts that are right stay right: no table is given up for a statistic.
            loose = np.flatnonzero(~conditions.counts[rows] | missed[rows])
            eye = sparse.identity(len(rows), format="csr")[loose]
            stacked = sparse.vstack([stacked, eye, -eye], format="csr")
            n_errors = 2 * len(loose)
        balanced = sparse.csr_array(np.concatenate([exchange.sign, np.zeros(n_sums + n_errors)])[:, None])
        return cls(
            matrix=sparse.hstack([stacked, balanced], format="csr").T.tocsr(),
            low=np.append((conditions.low[rows] - got[rows]) / scale, more),
            high=np.append((conditions.high[rows] - got[rows]) / scale, more),
            cost=np.concatenate([exchange.cost, np.zeros(n_sums), np.full(n_errors, MISSED)]),
            lower=np.concatenate([np.zeros(n_columns), conditions.least[summed] / unit, np.zeros(n_errors)]),
            upper=np.concatenate([exchange.upper, np.full(n_sums + n_errors, np.inf)]),
            whole=np.concatenate([np.ones(n_columns, bool), step > 0, np.zeros(n_errors, bool)]),
            n_columns=n_columns,
            rows=rows,
            scale=scale,
            summed=summed,
            unit=unit,
            n_all_sums=conditions.sums.shape[0],
        )

    def solved(self, *, whole: bool = True, briefly: bool = False, any_will_do: bool = False) -> tuple[Floats, Floats] | None:
        """How many of each column, and the sums; None where the solver finds nothing.

        Args:
            whole: whether what should be whole numbers must be.
            briefly: look at few nodes, for an answer that need not be the best.
            any_will_do: however many records are exchanged, if only nothing is missed.
        """
        nodes, seconds = (BRIEF_NODES, BRIEF_SECONDS) if briefly else (self._nodes, SECONDS)
        nodes = ANY_NODES if any_will_do else nodes
        from scipy.optimize import Bounds, LinearConstraint, milp

        with quiet():
            outcome = milp(
                self.cost,
                constraints=LinearConstraint(self.matrix, self.low, self.high),
                integrality=(self.whole & whole).astype(int),
                bounds=Bounds(self.lower, self.upper),
                options={"node_limit": nodes, "time_limit": seconds, "mip_rel_gap": ANY_GAP if any_will_do else GAP},
            )
        if outcome.x is None:
            return None
        sums = np.zeros(self.n_all_sums)
        sums[self.summed] = outcome.x[self.n_columns : self.n_columns + len(self.unit)] * self.unit
        return outcome.x[: self.n_columns], sums

    @property
    def _nodes(self) -> int:
        """Nodes to look at: many of a small programme."""
        return max(FEWEST_NODES, WORK // sum(self.matrix.shape))

    def refuted(self) -> bool:
        """Whether it is proven that there is no solution in whole numbers."""
        from scipy.optimize import Bounds, LinearConstraint, milp

        with quiet():
            outcome = milp(
                np.zeros(len(self.cost)),
                constraints=LinearConstraint(self.matrix, self.low, self.high),
                integrality=self.whole.astype(int),
                bounds=Bounds(self.lower, self.upper),
                options={"node_limit": PROVING * self._nodes, "time_limit": PROVING_SECONDS},
            )
        return outcome.status == 2  # infeasible; a limit that was reached is another

    def prices(self, n_rows: int) -> tuple[Floats, float] | None:
        """What one more in each row of the conditions, (n_rows,), and one more record would be worth to the relaxation."""
        from scipy import sparse

        equal = self.low == self.high
        above, below = ~equal & np.isfinite(self.high), ~equal & np.isfinite(self.low)
        sides: Any = sparse.vstack([self.matrix[above], -self.matrix[below]], format="csr")
        outcome = solve_linear(
            self.cost,
            at_most=(sides, np.concatenate([self.high[above], -self.low[below]])),
            equal=(self.matrix[equal], self.low[equal]),
            bounds=np.column_stack([self.lower, self.upper]),
            seconds=SECONDS,
        )
        if outcome.x is None:
            return None
        worth = np.zeros(len(self.low))
        worth[equal] = outcome.equal
        n_above = int(above.sum())
        worth[above] += outcome.at_most[:n_above]
        worth[below] -= outcome.at_most[n_above:]
        found = np.zeros(n_rows)
        found[self.rows] = worth[:-1] / self.scale
        return found, float(worth[-1])
