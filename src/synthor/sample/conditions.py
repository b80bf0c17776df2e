"""What whole counts must come to, as linear conditions on them: tables, shares inside cells, and sums that numbers can reach.

With n_k copies of unit k,

    low <= C'n <= high                          for the cells of a table,
    |n_gj - s_gj n_g| <= half n_g, or < 1       for a share s of category j inside cell g: at either side where none fits,
    sum n_k least_k <= S <= sum n_k most_k      for the sum S of a variable over a cell, where least and most are the smallest
                                                and the largest number that a record of unit k may have,

and S = m n_c within the rounding of a mean m, or T of a total (`sums.py`). Numbers may move inside of *bands*, the bins whose
edges tables name; they are kept away from these edges by a margin, so that values spread.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from synthor.problem import Demand, Problem, Target, Within
from synthor.problem.target import BELOW_ONE
from synthor.sample.cell_sizes import EDGE
from synthor.sample.gear import Gear, Shares
from synthor.sample.rows import Conditions, ProgrammeRows, sparse_of
from synthor.sample.sums import add_sums
from synthor.schema import Units
from synthor.types import Counts, Floats

if TYPE_CHECKING:
    from synthor.sample.rows import Matrix

WHOLE = 1e-3
"""How near a whole number of records the fitted size of a cell must be to be taken for it."""


def conditions_of(problem: Problem, units: Units, sizes: Sequence[Floats], gear: Gear) -> Conditions:
    """All conditions on the counts of some units.

    Args:
        problem: scaled to the number of records, with all rules.
        units: the candidates.
        sizes: for each statistic the records in each of its cells, as far as they are known.
        gear: how they are set.
    """
    rows = ProgrammeRows()
    for t, target in enumerate(problem.counts):
        low, high = target.demand.whole
        rows.add(target.cells(units).matrix(), Demand(low=low, high=high), t)
    for s, target in enumerate(problem.statistics, start=len(problem.counts)):
        if isinstance(target.statistic, Within):
            _add_shares(rows, target, target.statistic, units, sizes[s - len(problem.counts)], s, gear.shares)
        if target.statistic.word != "total":
            _add_somebody(rows, target, units, s)
    for level in sorted({target.level for target, _ in problem.of_values}):
        add_sums(rows, problem, units, level, sizes, gear)
    return rows.built(len(problem.counts))


def share_bounds(target: Target, sizes: Floats) -> tuple[Floats, Floats]:
    """Fewest and most records of each category in each cell with which shares are met, (values,) each; sizes may be fractions.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 10
    ... variables: {sex: {type: category, values: [men, women]}, works: {type: boolean}}
    ... targets:
    ...   - {by: [sex], table: [{sex: men, works: yes, share: 60}, {sex: men, works: no, share: 40}]}
    ... '''))
    >>> low, high = share_bounds(problem.statistics[0], np.array([4.0, 6.0]))
    >>> (low.round(2) + 0.0).tolist(), (high.round(2) + 0.0).tolist()
    ([0.6, 1.4, -inf, -inf], [2.6, 3.4, inf, inf])
    """
    n = np.repeat(sizes, target.wanted.shape[1])
    wanted, low, high = target.wanted.ravel(), target.lowest.ravel(), target.highest.ravel()
    given = np.isfinite(wanted)
    fewest = np.minimum(low * n, wanted * n - BELOW_ONE)
    most = np.maximum(high * n, wanted * n + BELOW_ONE)
    return np.where(given, fewest, -np.inf), np.where(given, most, np.inf)


def _add_shares(
    rows: ProgrammeRows, target: Target, of: Within, units: Units, sizes: Floats, source: int, near: Shares
) -> None:
    """n_gj - s n_g: between the edges of the share's rounding, or with a room that follows the size of the cell."""
    n_groups, wanted = of.side.size, target.wanted.ravel()
    cell = target.grid.index(units, target.level)
    given = np.isfinite(wanted)
    inside = np.flatnonzero(cell < target.grid.size)
    place = cell[inside, None] * n_groups + np.arange(n_groups)
    own = of.index(target, units)[inside]
    owner, listed = units.above(0, target.level)[inside], own < len(wanted)

    def block(share: Floats) -> "Matrix":
        return sparse_of(
            np.concatenate([-np.nan_to_num(share)[place].ravel(), np.ones(int(listed.sum()))]),
            np.concatenate([np.repeat(owner, n_groups), owner[listed]]),
            np.concatenate([place.ravel(), own[listed]]),
            (len(units), len(wanted)),
        )

    none, zero = np.full(len(wanted), np.inf), np.zeros(len(wanted))
    if near != "near":
        room = zero + (near == "loosest")
        rows.add(block(target.lowest.ravel()), Demand(low=np.where(given, -room, -none), high=none), source)
        rows.add(block(target.highest.ravel()), Demand(low=-none, high=np.where(given, room, none)), source)
        return
    n = np.repeat(sizes, n_groups)
    below, above = wanted - target.lowest.ravel(), target.highest.ravel() - wanted
    low = np.where(given, -np.maximum(np.nan_to_num(below) * n, BELOW_ONE), -np.inf)
    high = np.where(given, np.maximum(np.nan_to_num(above) * n, BELOW_ONE), np.inf)
    rows.add(block(wanted), Demand(low=low, high=high), source)


def _add_somebody(rows: ProgrammeRows, target: Target, units: Units, source: int) -> None:
    """A mean or shares of nobody cannot be met: each cell that has some holds a record."""
    given = np.isfinite(target.wanted if target.statistic.groups is None else target.wanted[:, 0])
    fewest = given.astype(np.float64)
    if target.statistic.word == "sd":
        fewest += np.nan_to_num(target.lowest) > EDGE  # one record alone has none
    rows.add(target.cells(units).matrix(), Demand(low=fewest, high=np.full(target.grid.size, np.inf)), source)


def sizes_of(problem: Problem, units: Units, counts: Floats | Counts) -> list[Floats]:
    """Rows in each cell of each statistic, of so many copies of each unit."""
    return [
        np.bincount(target.index(units), counts[units.above(0, target.level)], target.grid.size + 1)[:-1].astype(np.float64)
        for target in problem.statistics
    ]
