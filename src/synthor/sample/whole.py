"""A fitted model's candidates in whole numbers that meet its tables: rounded, exchanged, mended, settled."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from synthor.fit.model import Model
from synthor.problem import Demanded, Problem, Within
from synthor.sample.alike import exchange_alike
from synthor.sample.conditions import WHOLE, share_bounds, sizes_of
from synthor.sample.integerize import integerize, shuffled_tree
from synthor.sample.mend import mend
from synthor.sample.settle import settle_counts
from synthor.schema import Units
from synthor.types import Counts, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class WholeUnits:
    """Distinct units, and how many there are of each.

    Attributes:
        units: distinct ones.
        counts: (n,) copies of each, one at least.
        swaps: units exchanged to meet the tables.
        moves: records moved to another cell to meet them.
    """

    units: Units
    counts: Counts
    swaps: int
    moves: int


def whole_units(
    model: Model,
    problem: Problem,
    weights: Floats,
    random: np.random.Generator,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> WholeUnits:
    """A model's candidates in whole numbers that meet a problem's targets.

    Args:
        model: the fitted model.
        problem: its own, scaled to the number of units and with all rules; perhaps with other targets.
        weights: (n,) share of each candidate.
        random: draws.
        advance: told how much of the rounding error is gone, of how much.
    """
    units = model.pool.units
    order = shuffled_tree(units.columns(), random)
    found = integerize(
        weights,
        problem.n_units,
        whole_tables(problem, units, weights) if model.pulled else [],
        order,
        random,
        advance=advance,
    )
    counts, swaps, moves = found.counts, found.swaps, 0
    log_weight = indifferent if model.pool.handed or units.nested else model.log_weight
    if found.error and units.nested:  # moves know nothing of members; whole units are exchanged
        counts, exchanged = exchange_alike(weights, counts, whole_tables(problem, units, weights), random)
        swaps += exchanged
    elif found.error:
        units, counts, moves = mend(problem, units, counts, log_weight, random)
    if model.pulled:
        settled = settle_counts(problem, units, counts, log_weight, weights, random, patient=not model.contradictions)
        units, counts = settled.units, settled.counts
    kept = counts > 0
    return WholeUnits(units=units.take(np.flatnonzero(kept)), counts=counts[kept], swaps=swaps, moves=moves)


def whole_tables(problem: Problem, units: Units, weights: Floats) -> list[Demanded]:
    """What each table demands of whole counts.

    Those with which it is met; of shares inside cells whose size no table settles, those beside the fitted count.
    """
    tables = [Demanded(cells=target.cells(units), demand=target.demand) for target in problem.counts]
    fitted_sizes = sizes_of(problem, units, weights * problem.n_units)
    for target, sizes in zip(problem.statistics, fitted_sizes, strict=True):
        if isinstance(target.statistic, Within):
            cells = target.statistic.joint(target, units)
            fitted = cells.totals(weights) * problem.n_units
            low, high = np.floor(fitted + 1e-6), np.ceil(fitted - 1e-6)
            fewest, most = share_bounds(target, sizes)
            # Where the size of a cell is settled, what counts as met is known; otherwise it hangs on that size.
            known = np.isfinite(fewest) & np.repeat(np.abs(sizes - np.rint(sizes)) < WHOLE, target.statistic.side.size)
            fewest, most = np.ceil(np.where(known, fewest, low)), np.floor(np.where(known, most, high))
            crossed = fewest > most
            low, high = np.where(crossed, low, fewest), np.where(crossed, high, most)
            tables.append(Demanded.between(cells, low, high))
    return tables


def indifferent(units: Units) -> Floats:
    """Log weights of units of which nothing tells how likely they are: those beside candidates that were handed in."""
    return np.zeros(len(units))
