"""The last step of integerizing, where no candidate fits: change single categories of single records.

With many variables a pool holds no two candidates that differ in one category only, and swaps cannot end. Here a record that
counts in an overfull cell is moved to an underfull one of the same table, if that lowers the error over all tables and
breaks no rule; among the records that can be moved, the one is taken that the fitted model finds most likely afterwards,
relative to before.
"""

from collections.abc import Callable, Sequence

import numpy as np

from synthor.problem import Problem
from synthor.sample.integerize import Band
from synthor.types import Codes, Counts, Floats
from synthor.units import Units
from synthor.values import possible

TRIED = 4_000
"""Records considered for each move."""


def mend(
    problem: Problem,
    units: Units,
    counts: Counts,
    log_weight: Callable[[Codes], Floats],
    random: np.random.Generator,
) -> tuple[Units, Counts, int]:
    """Units and counts whose tables of level 0 are met, as far as single moves can; and how many moves that took.

    Args:
        problem: its targets give the tables, its rules what must not occur.
        units: the candidates.
        counts: (n,) copies of each.
        log_weight: log weight of any units under the fitted model, up to a constant.
        random: draws which records are considered.
    """
    moves = 0
    while (move := _best_move(problem, units, counts, log_weight, random)) is not None:
        unit, codes = move
        added = Units(codes=codes[None, :], members=units.take(np.array([unit])).members)
        units = units.joined(added)
        counts = np.append(counts, 1)
        counts[unit] -= 1
        moves += 1
    return units, counts, moves


def _best_move(
    problem: Problem,
    units: Units,
    counts: Counts,
    log_weight: Callable[[Codes], Floats],
    random: np.random.Generator,
) -> tuple[int, Codes] | None:
    bands = [Band(cells=target.cells(units), low=target.low, high=target.high) for target in problem.targets]
    got = [band.cells.totals(counts.astype(np.float64)) for band in bands]
    off = [band.excess(table) for band, table in zip(bands, got, strict=True)]
    for target, band, excess in zip(problem.targets, bands, off, strict=True):
        if target.level != 0:
            continue
        for over in np.flatnonzero(excess > 0):
            rows = np.flatnonzero((counts > 0) & (band.cells.spread(_one(int(over), len(excess))) > 0))
            if len(rows) > TRIED:
                rows = random.choice(rows, TRIED, replace=False)
            for under in np.flatnonzero(excess < 0):
                codes = units.codes[rows].copy()
                for column, code in zip(target.columns, np.unravel_index(under, target.shape), strict=True):
                    codes[:, column] = code
                gain = _gains(problem, bands, got, units.take(rows), Units(codes=codes, members=units.take(rows).members))
                better = np.flatnonzero((gain == gain.max()) & (gain > 0) & possible(problem, codes))
                if len(better):
                    likelier = log_weight(codes[better]) - log_weight(units.codes[rows[better]])
                    chosen = better[int(np.argmax(likelier))]
                    return int(rows[chosen]), codes[chosen]
    return None


def _one(cell: int, size: int) -> Floats:
    chosen = np.zeros(size)
    chosen[cell] = 1.0
    return chosen


def _gains(problem: Problem, bands: Sequence[Band], got: Sequence[Floats], before: Units, after: Units) -> Floats:
    """By how much each move lowers the error over the tables of level 0, (n,); members stay as they are."""
    total = np.zeros(len(before))
    for target, band, table in zip(problem.targets, bands, got, strict=True):
        if target.level != 0:
            continue
        error = np.abs(band.excess(table))
        removed, added = error - np.abs(band.excess(table - 1)), error - np.abs(band.excess(table + 1))
        old, new = target.cells(before), target.cells(after)
        moved = old.spread(np.arange(old.size, dtype=float)) != new.spread(np.arange(new.size, dtype=float))
        total += np.where(moved, old.spread(removed) + new.spread(added), 0.0)
    return total
