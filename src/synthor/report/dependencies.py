"""Each believed dependency beside the same table in the records, as plain values for the page."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.fit.model import Model
from synthor.information import mutual_information
from synthor.prior.beliefs import BelievedTable
from synthor.schema import Ref, Schema
from synthor.types import CellIndex, Counts, Floats, Shares

MAX_LINES = 24
"""Rows and columns of a table that are shown; of a longer one those of the most frequent categories."""

MAX_TABLES = 60
"""Dependencies whose tables are shown; of more the strongest."""

N_OPEN = 6
"""Tables that are unfolded when the page opens."""

MAX_LEVEL_LABEL = 6
"""Characters of a column's label up to which it is set level; a longer one stands upright."""

TINTS = 10
MOVED = 0.05
"""Change of a conditional share that is marked."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Shade:
    """One cell of a conditional table.

    Attributes:
        share: of the row; None where the row is empty.
        tint: 0 to `TINTS`, rising with the share.
        moved: 1 or -1 where the records are clearly above or below the belief, otherwise 0.
    """

    share: float | None
    tint: int
    moved: int


Grid = tuple[tuple[Shade, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DependencyView:
    """One dependency: its line and its two tables.

    Attributes:
        given: name of the variable of the rows.
        of: name of the variable of the columns.
        dependence: mutual information of the believed table, in nats.
        tvd: between the joint table believed and that in the records.
        strain: how far the belief had to give way, in nats.
        rows: labels of the rows shown.
        columns: labels of the columns shown.
        upright: whether some of these are too long to be set level.
        n_left_out: rows and columns that are not shown.
        believed: P(of | given) as believed; empty where the tables are not shown.
        got: the same in the records.
        unfolded: whether the tables are seen at once.
    """

    given: str
    of: str
    dependence: float
    tvd: float
    strain: float
    rows: tuple[str, ...]
    columns: tuple[str, ...]
    upright: bool
    n_left_out: tuple[int, int]
    believed: Grid
    got: Grid
    unfolded: bool


def view_dependencies(model: Model, pair_counts: Sequence[Counts]) -> tuple[DependencyView, ...]:
    """All believed dependencies, the strongest first.

    Args:
        model: its beliefs, and how far each had to give way.
        pair_counts: (k_given, k_of) count table of each in the records.
    """
    schema = model.problem.schema
    every = zip(model.beliefs.tables, model.tables, pair_counts, strict=True)
    found = [one for one in every if one[0].shares.shape == one[2].shape]  # groups of members' categories are not shown
    beliefs = [belief for belief, _, _ in found]
    strengths = [mutual_information(belief.shares) for belief in beliefs]
    order = sorted(range(len(found)), key=lambda i: -strengths[i])
    views = []
    for rank, i in enumerate(order):
        belief, pull, counts = found[i]
        views.append(_view(belief, counts, schema, strain=pull.strain, dependence=strengths[i], rank=rank))
    return tuple(views)


def _view(
    belief: BelievedTable, counts: Counts, schema: Schema, *, strain: float, dependence: float, rank: int
) -> DependencyView:
    given, of = (replace(schema.variable(ref), name=_called(ref, schema)) for ref in belief.refs)
    got = counts / max(int(counts.sum()), 1)
    rows, columns = _frequent(belief.shares.sum(axis=1)), _frequent(belief.shares.sum(axis=0))
    before, after = (_conditional(joint)[np.ix_(rows, columns)] for joint in (belief.shares, got))
    labels = tuple(of.labels[int(column)] for column in columns)
    shown = rank < MAX_TABLES
    return DependencyView(
        given=given.name,
        of=of.name,
        dependence=dependence,
        tvd=0.5 * float(np.abs(belief.shares - got).sum()),
        strain=strain,
        rows=tuple(given.labels[int(row)] for row in rows),
        columns=labels,
        upright=max(map(len, labels)) > MAX_LEVEL_LABEL,
        n_left_out=(given.size - len(rows), of.size - len(columns)),
        believed=_grid(before, before) if shown else (),
        got=_grid(after, before) if shown else (),
        unfolded=rank < N_OPEN,
    )


def _called(ref: Ref, schema: Schema) -> str:
    """A variable by its name, and whose it is by the role."""
    level, role = schema.levels[ref.level], ref.role or ref.among
    name = level.variables[ref.column].name
    return name if role is None else f"{level.variables[role.column].labels[role.code]}.{name}"


def _frequent(shares: Shares) -> CellIndex:
    """The categories to show, in their own order."""
    return np.sort(np.argsort(-shares, kind="stable")[:MAX_LINES]).astype(np.int64)


def _conditional(joint: Floats) -> Floats:
    """Each row as shares of its sum, NaN where that is 0."""
    sums = joint.sum(axis=1, keepdims=True)
    return np.where(sums > 0, joint / np.where(sums > 0, sums, 1), np.nan)


def _grid(shares: Floats, before: Floats) -> Grid:
    return tuple(
        tuple(_shade(float(share), float(was)) for share, was in zip(row, row_before, strict=True))
        for row, row_before in zip(shares, before, strict=True)
    )


def _shade(share: float, was: float) -> Shade:
    if np.isnan(share):
        return Shade(share=None, tint=0, moved=0)
    change = share - was  # NaN where there was no belief, which counts as not moved
    moved = 1 if change >= MOVED else -1 if change <= -MOVED else 0
    return Shade(share=share, tint=round(TINTS * share), moved=moved)
