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

from synthor.problem import Moment, Problem
from synthor.problem.target import BELOW_ONE
from synthor.sample.cell_sizes import EDGE
from synthor.sample.gear import Gear, Shares
from synthor.sample.rows import Conditions, ProgrammeRows, sparse_of
from synthor.sample.sums import add_bundle, bundles_of
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
        sizes: for each moment the records in each of its cells, as far as they are known.
        gear: how they are set.
    """
    rows = ProgrammeRows(len(units))
    for t, target in enumerate(problem.targets):
        rows.add(target.cells(units).matrix(), target.low.astype(np.float64), target.high.astype(np.float64), t)
    n_targets = len(problem.targets)
    for m, moment in enumerate(problem.moments):
        if moment.groups is not None:
            _add_shares(rows, moment, units, sizes[m], n_targets + m, gear.shares)
        if moment.kind != "total":
            _add_somebody(rows, moment, units, n_targets + m)
    for bundle in bundles_of(problem):
        add_bundle(rows, problem, units, bundle, sizes, gear)
    return rows.built(n_targets)


def share_bounds(moment: Moment, sizes: Floats) -> tuple[Floats, Floats]:
    """Fewest and most records of each category in each cell with which shares are met, (values,) each; sizes may be fractions.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 10
    ... variables: {sex: {type: category, values: [men, women]}, works: {type: boolean}}
    ... targets:
    ...   - {by: [sex], table: [{sex: men, works: yes, share: 60}, {sex: men, works: no, share: 40}]}
    ... '''))
    >>> low, high = share_bounds(problem.moments[0], np.array([4.0, 6.0]))
    >>> (low.round(2) + 0.0).tolist(), (high.round(2) + 0.0).tolist()
    ([0.6, 1.4, -inf, -inf], [2.6, 3.4, inf, inf])
    """
    assert moment.groups is not None
    n = np.repeat(sizes, moment.groups.size)
    wanted, low, high = moment.wanted.ravel(), moment.lowest.ravel(), moment.highest.ravel()
    given = np.isfinite(wanted)
    fewest = np.minimum(low * n, wanted * n - BELOW_ONE)
    most = np.maximum(high * n, wanted * n + BELOW_ONE)
    return np.where(given, fewest, -np.inf), np.where(given, most, np.inf)


def _add_shares(rows: ProgrammeRows, moment: Moment, units: Units, sizes: Floats, source: int, near: Shares) -> None:
    """n_gj - s n_g: between the edges of the share's rounding, or with a room that follows the size of the cell."""
    assert moment.groups is not None
    n_groups, wanted = moment.groups.size, moment.wanted.ravel()
    joint, cell = moment.joint(units), moment.grid.index(units)
    given = np.isfinite(wanted)
    inside = np.flatnonzero(cell < moment.grid.size)
    place = cell[inside, None] * n_groups + np.arange(n_groups)
    own = joint.index[inside]
    listed = own < joint.size

    def block(share: Floats) -> "Matrix":
        return sparse_of(
            np.concatenate([-np.nan_to_num(share)[place].ravel(), np.ones(int(listed.sum()))]),
            np.concatenate([np.repeat(inside, n_groups), inside[listed]]),
            np.concatenate([place.ravel(), own[listed]]),
            (len(units), len(wanted)),
        )

    none, zero = np.full(len(wanted), np.inf), np.zeros(len(wanted))
    if near != "near":
        room = zero + (near == "loosest")
        rows.add(block(moment.lowest.ravel()), np.where(given, -room, -none), none, source)
        rows.add(block(moment.highest.ravel()), -none, np.where(given, room, none), source)
        return
    n = np.repeat(sizes, n_groups)
    below, above = wanted - moment.lowest.ravel(), moment.highest.ravel() - wanted
    low = np.where(given, -np.maximum(np.nan_to_num(below) * n, BELOW_ONE), -np.inf)
    high = np.where(given, np.maximum(np.nan_to_num(above) * n, BELOW_ONE), np.inf)
    rows.add(block(wanted), low, high, source)


def _add_somebody(rows: ProgrammeRows, moment: Moment, units: Units, source: int) -> None:
    """A mean or shares of nobody cannot be met: each cell that has some holds a record."""
    given = np.isfinite(moment.wanted if moment.groups is None else moment.wanted[:, 0])
    cell = moment.grid.index(units)
    inside = np.flatnonzero(cell < moment.grid.size)
    matrix = sparse_of(np.ones(len(inside)), inside, cell[inside], (len(units), moment.grid.size))
    fewest = given.astype(np.float64)
    if moment.kind == "sd":
        fewest += np.nan_to_num(moment.lowest) > EDGE  # one record alone has none
    rows.add(matrix, fewest, np.full(moment.grid.size, np.inf), source)


def sizes_of(problem: Problem, units: Units, counts: Floats | Counts) -> list[Floats]:
    """Records in each cell of each moment."""
    return [
        np.bincount(moment.grid.index(units), counts, moment.grid.size + 1)[:-1].astype(np.float64)
        for moment in problem.moments
    ]
