"""Which candidates weigh nothing in every solution: the smallest face of the solutions, by facial reduction.

Exact targets can leave no room without any contradiction. Where `persons = 1` and "one person" both want 11,967, and a rule
says that the first implies the second, then nobody who is "one person" may have two persons, although no table says so.
Candidates there need multipliers without end, and a belief in such a cell has no finite optimum. So they are left out.

That candidates must weigh nothing is known from a certificate (Borwein and Wolkowicz, 1981): numbers y of the cells with

    sum_j (high_j y_j+ - low_j y_j-)  =  0      and      (Cy)_i >= 0  for every candidate i,

since the candidates' weights times Cy sum to at most the first. Wherever (Cy)_i > 0 the weight is 0. The numbers are found by a
linear programme that wants Cy large on candidates which look as if they had to be empty; other candidates join it as far as
they break Cy >= 0 (cutting planes), so that it ends with a certificate of the whole pool, or with none.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from synthor.fit.dual import Hard
from synthor.linear import Attempt, solve_linear
from synthor.schema import Cells
from synthor.types import CellIndex, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

SUSPECTS = 2_000
"""Candidates, each unlike the others, that are looked at together: those that have lost most of their weight in the base. What
targets alone push down is no sign of it, where beliefs push the same up: of a unit with members both do so once a member."""

MOST_CELLS = 2_000
"""Cells of targets up to which the programme is small; the largest targets take no part where there are more."""

ROUNDS = 60
MOST_PIVOTS = 100_000
JOINING = 300
"""Candidates that join the programme in one round."""

SLACK = 1e-10
"""Room of so small a share of all units is none; it is less than a record, and less than what counts as met."""

UNITS = 1e4
"""The wanted totals sum to this inside the solver, whose absolute tolerance then is far below `SLACK`."""

SPARSE = 1e-4
"""Price of a number that is not 0, where a suspect is worth 1: so that no more targets are named than needed."""

CLEAR = 1e-6
"""What counts as above 0 in numbers of size 1."""

DENOMINATORS = (1, 2, 3, 4, 5, 6, 8, 12, 60)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Closing:
    """Why some candidates weigh nothing: numbers of cells that sum to 0 over what is wanted, and to 0 or more in each unit.

    Attributes:
        tables: position of each cell's target.
        cells: the cell in its target.
        values: its number.
    """

    tables: CellIndex
    cells: CellIndex
    values: Floats

    def closes(self, cells: Sequence[Cells] | Mapping[int, Cells], n: int) -> Mask:
        """Units in which the numbers sum to more than 0, (n,); `cells` are those of all targets on these units."""
        found: Mask = self.sums(cells, n) > CLEAR
        return found

    def sums(self, cells: Sequence[Cells] | Mapping[int, Cells], n: int) -> Floats:
        """Sum of the numbers of each unit's cells, (n,)."""
        total = np.zeros(n)
        for t in np.unique(self.tables).tolist():
            mine = self.tables == t
            values = np.zeros(cells[t].size)
            values[self.cells[mine]] = self.values[mine]
            total += cells[t].spread(values)
        return total

    def freed(self, thetas: Sequence[Floats]) -> list[Floats]:
        """Multipliers without what pushed the closed units down, which is none of the other units' business."""
        found = [now.copy() for now in thetas]
        excess = float(_at(thetas, self.tables, self.cells) @ self.values) / float(self.values @ self.values)
        for t, cell, value in zip(self.tables.tolist(), self.cells.tolist(), self.values.tolist(), strict=True):
            found[t][cell] -= excess * value
        return found


class Faces:
    """The targets of one problem as a linear programme, ready to be asked for certificates.

    Args:
        hard: the targets; those with a margin of error, and statistics, take no part.
        n: candidates.
    """

    def __init__(self, hard: Sequence[Hard], n: int) -> None:
        from scipy import sparse

        usable = _small([_usable(target) for target in hard])
        self.tables = np.repeat(np.arange(len(usable)), [len(cells) for cells in usable])
        self.cells = np.concatenate([np.empty(0, np.int64), *usable])
        matrices = [target.cells.matrix()[:, cells] for target, cells in zip(hard, usable, strict=True) if len(cells)]
        self.matrix = sparse.csr_array(sparse.hstack([sparse.csr_array((n, 0)), *matrices], format="csr"))
        none = np.empty(0)
        self.low = np.concatenate([none, *(target.low[cells] for target, cells in zip(hard, usable, strict=True))])
        self.high = np.concatenate([none, *(target.high[cells] for target, cells in zip(hard, usable, strict=True))])

    def closing(self, suspects: CellIndex, alive: Mask) -> Closing | None:
        """A certificate that some of the suspects weigh nothing; None where there is none.

        Args:
            suspects: positions of candidates.
            alive: (n,) candidates that may have weight still.
        """
        if not len(suspects) or not len(self.cells):
            return None
        wanted = self.matrix[suspects]
        joined = np.empty(0, np.int64)
        for _ in range(ROUNDS):
            numbers = self._solved(wanted, self.matrix[joined])
            if numbers is None or not (wanted @ numbers > CLEAR).any():
                return None
            sums = self.matrix @ numbers
            broken = np.flatnonzero(alive & (sums < -CLEAR))
            if not len(broken):
                return self._written(numbers, alive)
            joined = np.concatenate([joined, _unlike(self.matrix, broken[np.argsort(sums[broken], kind="stable")])[:JOINING]])
        return None

    def suspects(self, taken: Floats, alive: Mask) -> CellIndex:
        """Candidates that have lost most of their weight, each unlike the others.

        Args:
            taken: (n,) logarithms of what is left of each candidate's weight in the base.
            alive: (n,) candidates that may have weight still.
        """
        return _unlike(self.matrix, np.flatnonzero(alive)[np.argsort(taken[alive], kind="stable")])[:SUSPECTS]

    def _solved(self, wanted: "sparse.csr_array", joined: "sparse.csr_array") -> Floats | None:
        """Numbers that are best for the suspects as far as the candidates that have joined allow."""
        from scipy import sparse

        k, r = wanted.shape
        prices = np.concatenate([np.full(2 * r, SPARSE), -np.ones(k)])
        reaching = sparse.hstack([-wanted, wanted, sparse.eye_array(k)])
        rows = [reaching]
        if joined.shape[0]:
            rows.append(sparse.hstack([-joined, joined, sparse.csr_array((joined.shape[0], k))]))
        balance = np.concatenate([self.high, -self.low, np.zeros(k)])[None] * UNITS
        found = solve_linear(
            prices,
            at_most=(sparse.vstack(rows, format="csc"), np.zeros(k + joined.shape[0])),
            equal=(balance, np.zeros(1)),
            bounds=(0.0, 1.0),
            attempts=(Attempt(tolerance=1e-9),),
            steps=MOST_PIVOTS,
        )
        return None if found.x is None else found.x[:r] - found.x[r : 2 * r]

    def _written(self, numbers: Floats, alive: Mask) -> Closing | None:
        """Numbers as whole ones where they are fractions of small whole ones; None if rounding has spoilt them."""
        for denominator in DENOMINATORS:
            whole = np.round(numbers * denominator)
            if np.abs(whole - numbers * denominator).max() < CLEAR * denominator:
                numbers = whole
                break
        room = float(self.high @ np.maximum(numbers, 0) - self.low @ np.maximum(-numbers, 0))
        if abs(room) > SLACK * float(np.abs(numbers).max()) or (self.matrix @ numbers)[alive].min() < -CLEAR:
            return None
        used = np.flatnonzero(np.abs(numbers) > CLEAR)
        return Closing(tables=self.tables[used], cells=self.cells[used], values=numbers[used])


def _at(values: Sequence[Floats], tables: CellIndex, cells: CellIndex) -> Floats:
    return np.array([values[t][cell] for t, cell in zip(tables.tolist(), cells.tolist(), strict=True)])


def _usable(target: Hard) -> CellIndex:
    """Cells of a target that hold exactly, or inside an interval."""
    usable = np.full(target.cells.size, not target.signed)
    if target.demand.sigma is not None:
        usable &= target.demand.sigma <= 0
    if target.silent is not None:
        usable &= ~target.silent
    return np.flatnonzero(usable & np.isfinite(target.high))


def _small(usable: Sequence[CellIndex]) -> list[CellIndex]:
    """The same cells, none of the largest targets where there would be too many."""
    sizes = np.array([len(cells) for cells in usable], np.int64)
    order = np.argsort(sizes, kind="stable")
    few = np.zeros(len(sizes), dtype=bool)
    few[order] = np.cumsum(sizes[order]) <= MOST_CELLS
    return [cells if kept else cells[:0] for cells, kept in zip(usable, few, strict=True)]


def _unlike(matrix: "sparse.csr_array", rows: CellIndex) -> CellIndex:
    """Of some rows, in their order, the first of each kind; told apart by a random sum of 53 bits, its key fixed."""
    key = np.random.default_rng(0).random(matrix.shape[1])
    _, first = np.unique(matrix[rows] @ key, return_index=True)
    return rows[np.sort(first)]
