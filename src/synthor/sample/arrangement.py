"""Whole-numbered populations laid out for chunks: which units each chunk holds.

Memory is bounded by what tells the units, not by how many there are: `Scattered` keeps distinct units and their numbers,
`InTurn` asks for single units by their places when a chunk is made.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from synthor.problem import Target
from synthor.schema import Schema, Units
from synthor.types import CellIndex, Counts, Floats

CHUNK = 250_000
"""Units of a chunk, at most."""


class Arrangement(Protocol):
    """Who is in which chunk."""

    @property
    def n_chunks(self) -> int:
        """How many chunks there are."""

    @property
    def n_units(self) -> int:
        """How many units all chunks hold."""

    def picks(self, number: int, random: np.random.Generator) -> CellIndex:
        """The units of one chunk, in their order, by whatever `units` knows them by."""

    def units(self, picks: CellIndex) -> Units:
        """These units, each with its members."""

    def refined(self, picks: CellIndex) -> Units:
        """The same without members, in the finest bins."""

    def rows_before(self) -> Counts:
        """Rows of each level in all chunks before each, (chunks, levels)."""

    def cells_before(self, target: Target) -> Floats:
        """Rows in each cell of a target in all chunks before each and in all, (chunks + 1, cells)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Scattered:
    """Distinct units and how many there are of each; every chunk is a fair sample of all.

    Of the population laid out unit by unit, a chunk takes places number, number + n_chunks, ...

    Attributes:
        schema: of the units.
        distinct: units.
        counts: (n,) copies of each.
        chunk_size: units of a chunk, at most.
    """

    schema: Schema
    distinct: Units
    counts: Counts
    chunk_size: int = CHUNK

    @property
    def n_units(self) -> int:
        return int(self.counts.sum())

    @property
    def n_chunks(self) -> int:
        return -(-self.n_units // self.chunk_size)

    def picks(self, number: int, random: np.random.Generator) -> CellIndex:
        """See `Arrangement`."""
        upto = (self._ends - number + self.n_chunks - 1) // self.n_chunks
        copies = np.diff(upto, prepend=0)
        return np.asarray(random.permutation(np.repeat(np.arange(len(copies)), copies)))

    def units(self, picks: CellIndex) -> Units:
        """See `Arrangement`."""
        return self.distinct.take(picks)

    def refined(self, picks: CellIndex) -> Units:
        """See `Arrangement`."""
        return Units.flat(np.take(self._by_variable, picks, axis=1).astype(np.int32).T)

    def rows_before(self) -> Counts:
        """See `Arrangement`."""
        sizes = self.distinct.numbers
        return np.stack([self._before(chunk) @ sizes for chunk in range(self.n_chunks)])

    def cells_before(self, target: Target) -> Floats:
        """See `Arrangement`."""
        cells, of, found = target.index(self.distinct), self.distinct.above(0, target.level), []
        for chunk in range(self.n_chunks + 1):
            found.append(np.bincount(cells, self._before(chunk)[of], target.grid.size + 1)[:-1].astype(np.float64))
        return np.stack(found)

    @cached_property
    def _ends(self) -> Counts:
        """Place after the last copy of each unit, (n,)."""
        return np.cumsum(self.counts)

    def _before(self, chunk: int) -> Counts:
        """How many copies of each unit all chunks before one have together, (n,)."""
        whole, rest = np.divmod(self._ends, self.n_chunks)
        return np.diff(whole * chunk + np.minimum(rest, chunk), prepend=0)

    @cached_property
    def _by_variable(self) -> NDArray[np.integer[Any]]:
        """Categories of the units, (v, n), in the smallest type that holds them: chunks gather from it at random."""
        largest = max((variable.size for variable in self.schema.refined.unit.variables), default=1) - 1
        columns = self.schema.refine(self.distinct).columns()
        return np.stack([column.astype(np.min_scalar_type(largest)) for column in columns])


class Places(Protocol):
    """A population whose units stand in an order, each known by its place."""

    @property
    def marks(self) -> Counts:
        """Places at which chunks end, rising."""

    def units(self, places: CellIndex) -> Units:
        """The units at some places, each with its members."""

    def n_rows(self, places: CellIndex) -> Counts:
        """How many rows of each level they have together, (levels,)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class InTurn:
    """Units chunk by chunk as they stand.

    Attributes:
        schema: of the units.
        places: where they stand.
    """

    schema: Schema
    places: Places

    @property
    def n_units(self) -> int:
        return int(self.places.marks[-1])

    @property
    def n_chunks(self) -> int:
        return len(self.places.marks)

    def picks(self, number: int, random: np.random.Generator) -> CellIndex:
        """See `Arrangement`."""
        return self._places(number)

    def units(self, picks: CellIndex) -> Units:
        """See `Arrangement`."""
        return self.places.units(picks)

    def refined(self, picks: CellIndex) -> Units:
        """See `Arrangement`."""
        return self.schema.refine(self.units(picks)).only()

    def rows_before(self) -> Counts:
        """See `Arrangement`."""
        marks = [0, *self.places.marks.tolist()]
        own = [self.places.n_rows(np.arange(begin, end)) for begin, end in pairwise(marks)]
        return np.cumsum(own, axis=0) - own

    def cells_before(self, target: Target) -> Floats:
        """See `Arrangement`."""
        found = [np.zeros(target.grid.size)]
        for number in range(self.n_chunks):
            cells = target.index(self.units(self._places(number)))
            found.append(found[-1] + np.bincount(cells, minlength=target.grid.size + 1)[:-1])
        return np.stack(found)

    def _places(self, number: int) -> CellIndex:
        """The places of one chunk."""
        return np.arange(self.places.marks[number - 1] if number else 0, self.places.marks[number])
