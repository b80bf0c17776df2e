"""Linear conditions on whole counts and on sums of numbers, gathered block by block."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from synthor.problem import Demand
from synthor.types import CellIndex, Counts, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

    Matrix = sparse.csr_array[Any]

WINDOWS = 1_000.0
"""An error is divided by what one record changes, but by so many times the range that is wanted at most: sums of six digits are
wanted to their last, which a solver's tolerance on the whole would hide."""

Entry = tuple[CellIndex, CellIndex, Floats]
"""Entries of D: sums, rows of a block, coefficients."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditions:
    """low <= C'n + D's <= high for counts n of units and sums s of their numbers.

    Attributes:
        matrix: C, units by rows.
        sums: D, sums by rows.
        step: (m,) the sums are whole multiples of this; 0 for any.
        least: (m,) smallest value of each sum; may be -inf.
        home: (m,) a row in which units count that have a part in the sum: where none does, it is 0.
        low: (r,) of each row; may be -inf.
        high: (r,) may be inf.
        scale: (r,) what one record changes at most in any row of its block, or a multiple of the range that is wanted if that
            is less: by this errors are divided.
        counts: (r,) whether it counts the records in a cell of a table.
        source: (r,) whose row it is: the target's position.
        cell: (r,) its cell.
    """

    matrix: "Matrix"
    sums: "Matrix"
    step: Floats
    least: Floats
    home: CellIndex
    low: Floats
    high: Floats
    scale: Floats
    counts: Mask
    source: CellIndex
    cell: CellIndex


class Gathering(Protocol):
    """Rows that are gathered block by block."""

    def new_sums(self, home: CellIndex, step: float, least: float = -np.inf) -> CellIndex:
        """Columns for sums; `home` counts from the next block that is added."""
        ...

    def add(
        self,
        block: "Matrix",
        demand: Demand,
        source: int,
        sums: Sequence[Entry] = (),
        window: Floats | float = np.inf,
        scale: float | None = None,
        cells: CellIndex | None = None,
    ) -> None:
        """A block of rows, (n, r), and what is demanded; `sums` are entries of D as (sum, row of the block, coefficient).

        `window` are the ranges that are wanted; `scale` is given where one record changes less than the largest coefficient;
        and `cells`, whose the rows are, where not all have one.
        """
        ...


class ProgrammeRows:
    """Rows on the counts of units; see `Gathering`."""

    def __init__(self) -> None:
        self.n_rows, self.n_sums = 0, 0
        self.blocks: list[Matrix] = []
        self.sums: list[Entry] = []
        self.step: list[float] = []
        self.least: list[float] = []
        self.home: list[CellIndex] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.scale: list[Floats] = []
        self.source: list[CellIndex] = []
        self.cell: list[CellIndex] = []

    def new_sums(self, home: CellIndex, step: float, least: float = -np.inf) -> CellIndex:
        first, n = self.n_sums, len(home)
        self.home.append(home + self.n_rows)
        self.n_sums += n
        self.step += [step] * n
        self.least += [least] * n
        return np.arange(first, first + n)

    def add(
        self,
        block: "Matrix",
        demand: Demand,
        source: int,
        sums: Sequence[Entry] = (),
        window: Floats | float = np.inf,
        scale: float | None = None,
        cells: CellIndex | None = None,
    ) -> None:
        begin = self.n_rows
        largest = float(np.abs(block.data).max(initial=0.0))  # of the whole block: a row of its own may be empty today
        largest = max(largest, *(np.abs(value).max(initial=0.0) for _, _, value in sums), 1e-12)
        largest = largest if scale is None else scale
        self.scale.append(
            np.minimum(np.full(len(demand.low), largest), WINDOWS * np.where(np.isfinite(window), window, np.inf))
        )
        self.blocks.append(block)
        self.n_rows += block.shape[1]
        self.sums += [(column, row + begin, value) for column, row, value in sums]
        self.low.append(demand.low)
        self.high.append(demand.high)
        self.source.append(np.full(len(demand.low), source))
        self.cell.append(np.arange(len(demand.low)) if cells is None else cells)

    def built(self, n_targets: int) -> Conditions:
        from scipy import sparse

        matrix = sparse.csr_array(sparse.hstack(self.blocks, format="csr"))
        columns, rows, values = (np.concatenate([*(part[i] for part in self.sums), np.zeros(0)]) for i in range(3))
        shape = (self.n_sums, matrix.shape[1])
        sums = sparse.csr_array(sparse.coo_array((values, (columns.astype(np.int64), rows.astype(np.int64))), shape=shape))
        return Conditions(
            matrix=matrix,
            sums=sums,
            step=np.array(self.step),
            least=np.array(self.least),
            home=np.concatenate([*self.home, np.zeros(0, np.int64)]),
            low=np.concatenate(self.low),
            high=np.concatenate(self.high),
            scale=np.concatenate(self.scale),
            counts=np.concatenate(self.source) < n_targets,
            source=np.concatenate(self.source),
            cell=np.concatenate(self.cell),
        )


class LiftedRows:
    """Rows on the rows of some level, which hold for their units; see `Gathering`.

    Args:
        rows: of the units, which are added to.
        owner: (m,) the unit that each row of the level belongs to.
        n_units: how many there are.
        sources: whose each row is, by what it is called here.
    """

    def __init__(self, rows: Gathering, owner: CellIndex, n_units: int, sources: Sequence[int]) -> None:
        self.rows, self.sources = rows, sources
        self.lift = sparse_of(np.ones(len(owner)), owner, np.arange(len(owner)), (n_units, len(owner)))

    def new_sums(self, home: CellIndex, step: float, least: float = -np.inf) -> CellIndex:
        return self.rows.new_sums(home, step, least)

    def add(
        self,
        block: "Matrix",
        demand: Demand,
        source: int,
        sums: Sequence[Entry] = (),
        window: Floats | float = np.inf,
        scale: float | None = None,
        cells: CellIndex | None = None,
    ) -> None:
        from scipy import sparse

        whole = sparse.csr_array(self.lift @ block)
        self.rows.add(whole, demand, self.sources[source], sums, window, scale, cells)


def sparse_of(values: Floats | Counts, rows: CellIndex, columns: CellIndex, shape: tuple[int, int]) -> "Matrix":
    """A matrix from its entries; those in one place are added up."""
    from scipy import sparse

    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=shape))


def kinds_of(matrix: "Matrix") -> CellIndex:
    """Rows of a matrix that are equal get equal numbers: told apart by two random sums of 53 bits each, with a fixed key."""
    key = np.random.default_rng(0).random((2, matrix.shape[1]))
    sums = np.asarray(matrix @ key[0] + 1j * (matrix @ key[1]))
    return np.unique(sums, return_inverse=True)[1].ravel()
