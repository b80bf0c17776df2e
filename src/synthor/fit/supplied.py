"""Units with members for cells that no candidate falls into: such as miss the cell by one value, with that value changed.

A widowed child is so rare that 30,000 drawn households have none, and a table that counts one could not be met. What follows
from members is computed anew, and what breaks a rule is left out. How rarely such units come under the template is not asked:
they get a tiny share together, from which the table pulls them up.
"""

from collections.abc import Iterator

import numpy as np

from synthor.fit.pool import missing_of
from synthor.problem import Axis, Problem, Target
from synthor.problem.following import derived
from synthor.randomness import generator
from synthor.schema import Ref, Units
from synthor.types import CellIndex, Mask
from synthor.values import possible

FOR_EACH = 40
"""Units that are changed for each cell and each of its variables."""

LOOKS = np.cumsum([FOR_EACH, 400, 4_000])
"""Units that are looked at for these: more where rules leave none of the first. Few have a child that may be 67, those in
which the parent is 80."""

MOST_CELLS = 500
"""Cells that units are made for."""


def supplied(problem: Problem, units: Units, random_seed: int) -> Units | None:
    """Units in the cells that others lack, in the finest bins; None where there are none.

    Args:
        problem: with all rules.
        units: candidates in the finest bins.
        random_seed: chooses whom to change.
    """
    random, coarse = generator(random_seed, "template", "supplied"), problem.schema.coarsen(units)
    tables = [table for target in problem.targets if (table := target.statistic.counted(target)) is not None]
    lacking = [(table, int(cell)) for table in tables for cell in missing_of(table, coarse)]
    parts = []
    for target, cell in lacking[:MOST_CELLS]:
        for axis, label, rows in _near(problem, coarse, target, cell):
            for some in np.split(random.permutation(rows)[: LOOKS[-1]], LOOKS[:-1]):
                if not len(some):
                    break
                made = _kept(problem, _changed(problem, units, target, axis, np.sort(some), label, random), target, cell)
                if len(made):
                    parts.append(made.take(np.arange(min(len(made), FOR_EACH))))
                    break
    return parts[0].joined(*parts[1:]) if parts else None


def _kept(problem: Problem, made: Units, target: Target, cell: int) -> Units:
    """Those of some units, what follows computed, that no rule forbids and that are in a cell."""
    fine = derived(problem.follows, problem.schema.refined, made)
    fine = fine.take(np.flatnonzero(possible(problem.refined, fine)))
    there = target.cells(problem.schema.coarsen(fine)).matrix()[:, [cell]].toarray().ravel() > 0
    return fine.take(np.flatnonzero(there))


def _near(problem: Problem, coarse: Units, target: Target, cell: int) -> Iterator[tuple[Axis, int, CellIndex]]:
    """Rows that miss a cell by the label of one of its variables: which one, its label there, and the rows."""
    if target.grid.listed is not None or not target.axes:
        return
    n, universe = coarse.n_rows(target.level), target.grid.universe
    inside = np.ones(n, bool) if universe is None else universe.holds(lambda ref: coarse.column(ref, target.level), n)
    wanted = np.unravel_index(cell, target.shape)
    seen = [axis.groups(coarse, target.level) for axis in target.axes]
    for place, axis in enumerate(target.axes):
        if not _may_change(problem, axis):
            continue
        others: Mask = inside.copy()
        for other, labels in enumerate(seen):
            others &= (labels == wanted[other]) | (other == place)
        yield axis, int(wanted[place]), np.flatnonzero(others)


def _may_change(problem: Problem, axis: Axis) -> bool:
    """Whether a value of its variable can be changed without another unit coming of it."""
    own = problem.schema.levels[axis.ref.level]
    settled = [one for one in problem.follows if not one.by_values]  # what hangs on values may be another inside its ends
    follows = any((one.level, one.position) == (axis.ref.level, axis.position) for one in settled)
    return axis.ref.plain and not follows and not (own.role and own.position(own.role) == axis.position)


def _changed(
    problem: Problem, units: Units, target: Target, axis: Axis, rows: CellIndex, label: int, random: np.random.Generator
) -> Units:
    """Units of some rows, each with the variable of one row under another label."""
    own = problem.schema.levels[axis.ref.level]
    group_of = axis.group_of[own.parents(axis.position)] if axis.declared and axis.position in own.slices else axis.group_of
    some, at = units.of_rows(axis.ref.level, units.above(axis.ref.level, target.level)[rows])
    codes = random.choice(np.flatnonzero(group_of == label), len(rows)).astype(np.int32)
    return some.replace(Ref(axis.ref.level, axis.position), at, codes)
