"""What other targets say of a table that is left out, whatever is believed: it follows from them, as one sum from others.

Where units have members, tables of different rows can say the same: households by their number of persons and persons by it;
ages of heads and ages by role; what follows from members and the members. What a table counts of a unit is then a sum of what
the others count of it, for every unit that there can be. That is looked up on candidates: a cell is determined where, of these,
nothing of its count is left when what the others count is taken off (least squares).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from synthor.fit.model import Model
from synthor.problem import Problem, Target
from synthor.types import CellIndex, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

LEFT = 1e-5
"""Share of the squares of a cell's counts that may be left over by rounding."""

RIDGE = 1e-9
"""Of each condition's own squares, so that such as repeat each other do no harm."""

CANDIDATES_A_CONDITION, MOST_CONDITIONS = 2, 4_000
"""Candidates for each condition, at least: of fewer, everything would seem to follow. And conditions at most: products of
them take memory by the square, and time by more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Determined:
    """What follows of a table.

    Attributes:
        names: of the other targets from which all of it follows; none where not all does.
        together: whether it takes all of them, where it is several.
        n_cells: cells that follow from others.
        looked: whether it was looked at; not where there are too many cells.
    """

    names: tuple[str, ...] = ()
    together: bool = False
    n_cells: int = 0
    looked: bool = True


def determined(problem: Problem, target: Target, model: Model, kept: Sequence[str]) -> Determined:
    """From which other targets a table follows that was left out; what stays known of it alone is no such.

    Args:
        problem: all targets.
        target: the one that was left out.
        model: fitted without it.
        kept: names of the tables that took its place.
    """
    structure, alive = model.recipe.structure, np.flatnonzero(model.weights > 0)
    others = model.problem.targets
    tables = structure.hard(model.problem, model.beliefs)[: len(others)]
    place = [one.name for one in problem.targets].index(target.name)
    wanted = structure.hard(problem, model.beliefs)[place].cells.matrix()[alive]
    matrices = [table.cells.matrix()[alive] for table in tables]
    if sum(matrix.shape[1] for matrix in matrices) > min(MOST_CONDITIONS, len(alive) // CANDIDATES_A_CONDITION):
        return Determined(looked=False)
    known = [np.ones((len(alive), 1)), *_sides(target, wanted)]
    if any(other.level == target.level and other.whole for other in others):  # how many rows there are is told
        known.append(model.pool.units.numbers[alive, target.level, None].astype(np.float64))
    sums = _Sums.of(np.concatenate(known, axis=1), matrices, wanted)
    own = [place for place, other in enumerate(others) if other.name in kept]
    rest = [place for place in range(len(others)) if place not in own]
    open_cells = ~sums.follows(own)
    found = sums.follows([*own, *rest]) & open_cells
    if not open_cells.any() or not (found == open_cells).all():
        return Determined(n_cells=int(found.sum()))
    alone = [place for place in rest if sums.follows([*own, place])[open_cells].all()]
    needed = alone or list(rest)
    for place in [] if alone else rest:
        fewer = [other for other in needed if other != place]
        needed = fewer if sums.follows([*own, *fewer])[open_cells].all() else needed
    names = tuple(others[place].name for place in needed)
    return Determined(names=names, together=not alone and len(names) > 1, n_cells=int(found.sum()))


def _sides(target: Target, wanted: "sparse.csr_array") -> list[Floats]:
    """What a cross-table counts under each label of its sides, of each candidate: that stays known, be it by other tables."""
    grid = target.grid
    if not target.counts or len(grid.axes) < 2 or (grid.listed is not None and not grid.closed):
        return []
    return [
        np.asarray((wanted[:, : len(group)] @ (group[:, None] == np.arange(axis.size))), dtype=np.float64)
        for axis, group in zip(grid.axes, grid.groups, strict=True)
    ]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Sums:
    """Counts of candidates, multiplied with each other: of all other targets' cells, and of the table's.

    Attributes:
        n_known: columns of what is known anyhow: that there is a unit, and how many rows it has.
        square: (m, m) of these and of the others.
        cross: (m, c) of the others with the table.
        own: (c,) of the table with itself.
        columns: of each other target, its places among the m.
    """

    n_known: int
    square: Floats
    cross: Floats
    own: Floats
    columns: tuple[CellIndex, ...]

    @classmethod
    def of(cls, known: Floats, matrices: "Sequence[sparse.csr_array]", wanted: "sparse.csr_array") -> "_Sums":
        """The sums of some candidates' counts, (n, cells) each."""
        from scipy import sparse

        every = sparse.csr_array(sparse.hstack([sparse.csr_array(known), *matrices]))
        ends = np.cumsum([known.shape[1], *(matrix.shape[1] for matrix in matrices)])
        return cls(
            n_known=known.shape[1],
            square=np.asarray((every.T @ every).todense()),
            cross=np.asarray((every.T @ wanted).todense()),
            own=np.asarray(wanted.power(2).sum(axis=0), dtype=np.float64).ravel(),
            columns=tuple(np.arange(low, high) for low, high in pairwise(ends)),
        )

    def follows(self, places: Sequence[int]) -> Mask:
        """Whether each cell of the table is a sum of what some of the others count, (c,)."""
        from scipy import linalg

        columns = np.concatenate([np.arange(self.n_known), *(self.columns[place] for place in places)])
        size = np.sqrt(np.diagonal(self.square)[columns])
        columns, size = columns[size > 0], size[size > 0]
        scaled = self.square[np.ix_(columns, columns)] / np.outer(size, size)
        cross = self.cross[columns] / size[:, None]
        factor = linalg.cho_factor(scaled + RIDGE * np.eye(len(columns)))
        left = self.own - np.einsum("mc,mc->c", cross, linalg.cho_solve(factor, cross))
        return np.asarray(left <= LEFT * self.own)
