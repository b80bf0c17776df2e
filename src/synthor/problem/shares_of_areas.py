"""Shares inside areas as counts: a share of a number of rows that is known is a number of rows.

`{by: [taz], table: ...}` says how the records of each zone are shared out. How many these are, tables of counts say that all
zones have; so a share s of N rows, published to within h, is met by any count from N (s - h) to N (s + h), or at either side of
N s where no whole number lies there, and such a table is met as tables of counts are. Parts of areas (`where`, several `by`)
are known where an exact table tells them apart, also one of smaller areas.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthor.problem.agree import combinations
from synthor.problem.around import shared_over_areas
from synthor.problem.grid import TargetGrid, Universe
from synthor.problem.statistic import Count
from synthor.problem.target import Target
from synthor.problem.zones import Zones
from synthor.rules.on_categories import truth
from synthor.rules.syntax import names_in
from synthor.schema import Level
from synthor.types import Floats


def shares_as_counts(target: Target, tables: Sequence[Target], zones: Zones, level: Level) -> Target:
    """Shares of areas, or inside them, as the counts that they come to; any other target, or one of unknown parts, as it is.

    Args:
        target: of any kind.
        tables: of the same rows.
        zones: the areas, as these rows see them.
        level: these rows.
    """
    side = target.statistic.groups
    if side is None or all(zones.told(axis.ref) is None for axis in (*target.axes, side)):
        return target
    sizes = known_sizes(target.grid, tables, zones, level) if _all_told(target) else None
    if sizes is None:
        return target
    shape = target.wanted.shape
    whole = np.repeat(sizes[:, None], shape[1], axis=1)
    given = np.isfinite(target.wanted)
    low = np.where(given, np.clip(target.lowest, 0.0, 1.0) * whole, 0.0).ravel()
    high = np.where(given, np.clip(target.highest, 0.0, 1.0) * whole, whole).ravel()
    wanted = np.where(given, target.wanted, 1 / shape[1]) * whole
    return replace(
        target,
        grid=TargetGrid(axes=(*target.axes, side), universe=target.grid.universe),
        statistic=Count(of_parts=True),
        wanted=wanted.ravel(),
        rounding=0.0,
        bounds=(low, high) if target.sigma is None else None,
        sigma=None if target.sigma is None else np.where(given, target.sigma * whole, whole).ravel(),
        hidden=not given.all(),
        silent=~given.ravel() if not given.all() else None,
    )


def known_sizes(grid: TargetGrid, tables: Sequence[Target], zones: Zones, level: Level) -> Floats | None:
    """How many rows each cell of a grid holds, by the first exact table of counts that tells; None where none does."""
    asked = Target(name="", level=0, grid=grid, statistic=Count(), wanted=np.zeros(grid.size))
    for table in tables:
        seen = _inside(table, grid.universe) if table.counts and table.exact and table.statistic.word == "count" else None
        if seen is None:
            continue
        for shared, of in shared_over_areas(asked, seen, zones, level):
            alone = len(shared.names) == len(grid.axes) and (np.bincount(of, minlength=len(shared.labels)) == 1).all()
            if alone and len(of) == len(shared.labels) and (shared.second.low == shared.second.high).all():
                return shared.second.wanted[of]
    return None


def _inside(table: Target, universe: Universe | None) -> Target | None:
    """A table as one of the rows for which a predicate holds; None where its cells do not say it."""
    own = table.grid.universe
    if universe is None or own is not None:
        same = (own is None) == (universe is None) and (own is None or universe is None or own.predicate == universe.predicate)
        return table if same else None
    if not names_in(universe.predicate) <= {axis.variable.name for axis in table.axes}:
        return None
    codes, cell = combinations(table.grid)
    if not len(codes):
        return None
    variables = {name: variable for name, (_, variable) in universe.columns.items()}
    known = {axis.variable.name: codes[:, i] for i, axis in enumerate(table.axes) if axis.variable.name in variables}
    columns = {axis.variable.name: axis.variable for axis in table.axes if axis.variable.name in variables}
    found = truth(universe.predicate, known, columns, len(codes))
    holds, fails = (np.bincount(cell, of, len(table.grid.cells)) > 0 for of in (found.may, ~found.must))
    if (holds & fails).any():  # cells of which some rows belong to it
        return None
    kept = np.append(holds, np.zeros(int(table.grid.closed), bool))
    return replace(table, grid=replace(table.grid, universe=universe), wanted=np.where(kept, table.wanted, 0.0))


def _all_told(target: Target) -> bool:
    """Whether every row that the shares may speak of goes under one of their labels."""
    side, universe = target.statistic.groups, target.grid.universe
    assert side is not None
    without = side.group_of < 0
    if universe is not None and side.variable.name in universe.columns:
        codes = np.arange(side.variable.size, dtype=np.int32)
        columns = {name: variable for name, (_, variable) in universe.columns.items()} | {side.variable.name: side.variable}
        without &= truth(universe.predicate, {side.variable.name: codes}, columns, len(codes)).may
    return side.ref.plain and not without.any()
