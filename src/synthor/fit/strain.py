"""Strain: how far a target pulls the beliefs, and how far a belief had to give way.

Both are KL(p || q) = sum p log(p / q) in nats: e^KL is by how much a record of p is likelier under p than under q, on
(geometric) average. Of a target, p is the table and q what was believed of it: by the table of beliefs on the same two
variables, otherwise by the proposals, before anything was pulled. Where neither says anything of it, q is independence, which
nobody believes. Of a belief, p is the belief and q the fitted distribution.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from synthor.fit.obstacles import Obstacle
from synthor.fit.pool import Pool
from synthor.prior.beliefs import FLOOR_CELL, Beliefs, BelievedTable
from synthor.prior.mixture import TINY
from synthor.prior.three_way import BelievedThreeWay
from synthor.problem import Target
from synthor.types import Floats

Source = Literal["table", "proposals", "independence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Barred:
    """Why no record can be in a believed cell; where both are empty, only that no candidate falls there.

    Attributes:
        obstacles: rules, and cells of tables that want 0, which forbid it together.
        targets: tables that leave no room there together.
    """

    obstacles: tuple[Obstacle, ...] = ()
    targets: tuple[str, ...] = ()

    @property
    def words(self) -> str:
        """The reason as half a sentence.

        >>> Barred(targets=("size", "type")).words
        "'size' and 'type' leave no room"
        """
        if self.targets:
            return f"{_listed([repr(name) for name in self.targets])} leave{'s' * (len(self.targets) == 1)} no room"
        if self.obstacles:
            named = [
                f"the rule never `{obstacle.text}`"
                if obstacle.kind == "rule"
                else f"the cells of '{obstacle.text}' that want 0"
                for obstacle in self.obstacles
            ]
            alone = len(self.obstacles) == 1 and self.obstacles[0].kind == "rule"
            return f"{_listed(named)} leave{'s' * alone} nothing"
        return "no candidate falls"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pull:
    """How one target or one belief fared.

    Attributes:
        name: of the target or the dependency.
        strain: nats. Of a target: KL(target || what the beliefs say of it), so how far it pulls them. Of a belief: KL(belief ||
            fitted), so how far it had to give way.
        support: fewest candidates in any cell that is wanted.
        cell: the cell where both differ most, in words; empty where nothing differs.
        believed: its share as believed.
        wanted: its share in the table; of a belief, in the fitted distribution.
        by: who believed so, of a target.
        barred: of a belief, why no record can be in that cell, where none can.
    """

    name: str
    strain: float
    support: int
    cell: str = ""
    believed: float = 0.0
    wanted: float = 0.0
    by: Source = "table"
    barred: Barred | None = None


def pull_of_target(target: Target, beliefs: Beliefs, pool: Pool, support: int) -> Pull:
    """How far a target pulls the beliefs.

    Args:
        target: the table.
        beliefs: what was believed.
        pool: candidates, for tables of which no marginal of the beliefs says anything directly.
        support: fewest candidates in a wanted cell.
    """
    total = float(target.wanted.sum())
    if total <= 0:
        return Pull(name=target.name, strain=0.0, support=support)
    said, by = _believed(target, beliefs, pool)
    wanted, said = target.wanted / total, said / max(float(said.sum()), TINY)
    cell = _worst(wanted, said)
    return Pull(
        name=target.name,
        strain=kl(wanted, said),
        support=support,
        cell="" if cell is None else ", ".join(f"{name} = {label}" for name, label in target.labels(cell).items()),
        believed=0.0 if cell is None else float(said[cell]),
        wanted=0.0 if cell is None else float(wanted[cell]),
        by=by,
    )


def pull_of_belief(
    belief: BelievedTable, fitted: Floats, names: tuple[tuple[str, ...], tuple[str, ...]], barred: Mapping[int, Barred]
) -> Pull:
    """How far a dependency had to give way.

    Args:
        belief: the table that was believed.
        fitted: (cells,) the same table in the fitted distribution.
        names: labels of its rows and of its columns.
        barred: why no record can be in a cell, by cells.
    """
    if not belief.flat:  # of how many rows there are it says nothing, of a conditional table not even of how many of each kind
        fitted = fitted / max(float(fitted.sum()), TINY)
    believed = belief.grouped.ravel()
    if belief.conditional:
        believed = (belief.rows * fitted.reshape(belief.rows.shape).sum(axis=1, keepdims=True)).ravel()
    cell = _worst(fitted, believed)
    words = ""
    if cell is not None:
        words = cell_of_belief(belief, cell, names)
    return Pull(
        name=belief.name,
        strain=kl(believed, np.maximum(fitted, FLOOR_CELL)),  # what cannot be at all is listed by itself
        support=0,
        cell=words,
        believed=0.0 if cell is None else float(believed[cell]),
        wanted=0.0 if cell is None else float(fitted[cell]),
        barred=None if cell is None else barred.get(cell),
    )


def pull_of_three_way(belief: BelievedThreeWay, fitted: Floats) -> Pull:
    """How far a table of three variables had to give way; `fitted` is the same table, (cells,), in the fitted distribution."""
    fitted = fitted / max(float(fitted.sum()), TINY)
    believed = (belief.rows * fitted.reshape(belief.rows.shape).sum(axis=1, keepdims=True)).ravel()
    cell = _worst(fitted, believed)
    return Pull(
        name=belief.name,
        strain=kl(believed, np.maximum(fitted, FLOOR_CELL)),
        support=0,
        cell="" if cell is None else belief.cell(cell),
        believed=0.0 if cell is None else float(believed[cell]),
        wanted=0.0 if cell is None else float(fitted[cell]),
    )


def cell_of_belief(belief: BelievedTable, cell: int, names: tuple[tuple[str, ...], tuple[str, ...]]) -> str:
    """A cell of a belief in words, given the labels of its rows and of its columns."""
    row, column = divmod(cell, belief.grouped.shape[1])
    return f"{names[0][row]}, {names[1][column]}"


def kl(p: Floats, q: Floats) -> float:
    """KL(p || q) in nats; shares of 0 in q count as `TINY`.

    >>> round(kl(np.array([0.12, 0.88]), np.array([0.34, 0.66])), 3)
    0.128
    """
    inside = p > 0
    return max(0.0, float((p[inside] * np.log(p[inside] / np.maximum(q[inside], TINY))).sum()))


def _listed(texts: Sequence[str]) -> str:
    return " and ".join(filter(None, [", ".join(texts[:-1]), texts[-1]]))


def _worst(p: Floats, q: Floats) -> int | None:
    """The cell that adds most to KL(p || q) + KL(q || p), however rare it is; None where they are equal."""
    gap = (p - q) * np.log(np.maximum(p, FLOOR_CELL) / np.maximum(q, FLOOR_CELL))
    return int(gap.argmax()) if len(gap) and gap.max() > 1e-9 else None


def _believed(target: Target, beliefs: Beliefs, pool: Pool) -> tuple[Floats, Source]:
    """What was believed of each cell, and by whom."""
    by: Source = "proposals" if beliefs.n_proposals and not beliefs.segments else "independence"
    if not target.flat or pool.handed:
        return target.cells(pool.units).totals(np.exp(pool.log_base)), by
    plain = target.grid.universe is None and target.grid.listed is None
    declared = plain and all(axis.declared for axis in target.axes)
    if declared and len(target.axes) == 2:
        for table in beliefs.tables:
            if table.flat and table.columns in (target.columns, target.columns[::-1]):
                shares = table.shares if table.columns == target.columns else table.shares.T
                return _grouped(target, shares), "table"
    if declared and len(target.axes) == 1:  # the pool is drawn from a plan that was pulled onto these already
        return _grouped(target, beliefs.base.marginal(target.columns[0])), by
    index = target.index(pool.units)
    return np.bincount(index, np.exp(pool.log_base), target.grid.size + 1)[:-1].astype(np.float64), by


def _grouped(target: Target, shares: Floats) -> Floats:
    """Shares of categories as shares of a table's labels, (cells,)."""
    for place, axis in enumerate(target.axes):
        inside = np.flatnonzero(axis.group_of >= 0)
        grouped = np.zeros((axis.size, *np.delete(shares.shape, place)))
        np.add.at(grouped, axis.group_of[inside], np.moveaxis(shares, place, 0)[inside])
        shares = np.moveaxis(grouped, 0, place)
    return np.asarray(shares, dtype=np.float64).ravel()
