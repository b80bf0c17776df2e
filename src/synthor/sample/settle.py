"""Whole counts settled by small mixed-integer programmes, where descent, swaps and moves end off target.

Tables alone are met by swapping units. Shares inside other shares, means and totals hang on counts that no table fixes, and at
small numbers even tables can be too tight for swaps. Here some units are chosen that may leave and some that may come, and a
programme (`programme.py`) decides how many of each, so that all conditions (`conditions.py`) hold and as few records as
possible are exchanged; likely units are the cheaper ones to put in. Where no exchange meets everything, the one that lowers the
error most is made, and other units are chosen (`neighbourhood.py`; large neighbourhood search; Shaw, 1998).
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem import Problem
from synthor.sample.conditions import conditions_of, sizes_of
from synthor.sample.gear import Gear
from synthor.sample.missed import SLIGHT, missed
from synthor.sample.neighbourhood import Search
from synthor.schema import Units
from synthor.types import Counts, Floats

MARGINS, SPREAD_MARGINS = (0.02, 0.0), (0.1, 0.02, 0.0)
"""Shares of their bands that numbers keep away from the edges, the first with which all conditions can be met: of means and
totals; and of standard deviations, which hang together with them."""

CROWDED = 20
"""Records in each cell of a statistic from which on there is anything to be kept away from."""

FEW, FEW_CELLS = 3_000, 150
"""Up to so many records, standard deviations are judged closely; with up to so many bins in cells, programmes do so, too."""

SIZES = ((300, 600), (300, 600), (600, 1_200), (1_500, 3_000))
"""Kinds of units that may leave and come, one programme after the other."""

COMBINED = 6
"""Times that changes of several units with members are tried before there are programmes."""

HOPELESS = 2
"""Searches in a row, each with other variants of the records, in which no units would lower the error, after which these
conditions are given up."""

NESTED_SIZES = ((300, 600),) * 6
"""The same of units with members: larger programmes end by their time. Every other one may miss nothing any more: that is
solved soon or not at all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Settled:
    """Counts after the programmes.

    Attributes:
        units: the candidates, followed by variants that came.
        counts: (n,) copies of each.
        exchanged: records that were exchanged.
        error: what is still off, in records; 0 where all conditions are met.
        off: (source, cell) of the conditions that are.
    """

    units: Units
    counts: Counts
    exchanged: int
    error: float
    off: tuple[tuple[int, int], ...]


def settle_counts(
    problem: Problem,
    units: Units,
    counts: Counts,
    log_weight: Callable[[Units], Floats],
    weights: Floats,
    random: np.random.Generator,
    *,
    patient: bool = True,
) -> Settled:
    """Counts that meet all conditions, as near to the given ones as programmes find; the given ones where these do.

    Args:
        problem: scaled to the number of records, with all rules.
        units: the candidates.
        counts: (n,) whole numbers.
        log_weight: log weight of any units under the fitted model, up to a constant.
        weights: (n,) share of each candidate.
        random: chooses units.
        patient: not where it is known that targets contradict each other: then one look is enough.
    """
    best = Settled(units=units, counts=counts, exchanged=0, error=0.0, off=())
    if not problem.targets:
        return best
    close = problem.n_units <= FEW and any(of.curved for _, of in problem.of_values)
    error, off = _error(problem, units, counts, close)
    best = replace(best, error=error, off=off)
    for gear in _gears(problem, units, counts, close)[: None if patient else 1]:
        if not best.off:
            break
        sizes = (NESTED_SIZES if units.nested else SIZES)[: None if patient else 1]
        turns = [(sizes, False)]
        if units.nested:  # each time other members change
            turns = [((), False)] * (COMBINED if patient else 1) + [((one,), at % 2 == 0) for at, one in enumerate(sizes)]
        hopeless = 0
        for some, at_once in turns:
            if not some and not any(source < len(problem.counts) for source, _ in best.off):
                continue  # what combines is tables
            search = Search(problem, best.units, best.counts, log_weight, weights, random, gear)
            if units.nested:
                search.combine()
            search.run(some, at_once=at_once)
            if search.exchanged:
                came, n_of = search.result()
                error, off = _error(problem, came, n_of, close)
                if error < best.error:
                    exchanged = best.exchanged + search.exchanged
                    best = Settled(units=came, counts=n_of, exchanged=exchanged, error=error, off=off)
            hopeless = hopeless + 1 if search.hopeless else 0
            if not best.off or hopeless == HOPELESS:
                break
    return best


def _gears(problem: Problem, units: Units, counts: Counts, close: bool) -> list[Gear]:
    """How conditions are set, one search after the other."""
    kept = np.flatnonzero(counts > 0)
    crowded = all((sizes[sizes > 0] >= CROWDED).all() for sizes in sizes_of(problem, units.take(kept), counts[kept]))
    margins = SPREAD_MARGINS if close else MARGINS if crowded else MARGINS[-1:]
    if units.nested and not problem.of_values:  # no number has to be kept away from anything
        margins = margins[-1:]
    gears = [Gear(margin=margin) for margin in margins]
    if any(target.statistic.groups is not None for target in problem.targets):
        gears.append(Gear(shares="fitting"))
    if close:
        schema = problem.schema
        spread = [(target, of) for target, of in problem.of_values if of.curved]
        if sum(target.grid.size * schema.levels[of.ref.level].band(of.of).size for target, of in spread) <= FEW_CELLS:
            gears.append(Gear(close=True, shares="fitting"))
    return gears


def _error(problem: Problem, units: Units, counts: Counts, close: bool) -> tuple[float, tuple[tuple[int, int], ...]]:
    """By how much counts miss the conditions, and whose conditions they are."""
    kept = np.flatnonzero(counts > 0)
    some = units.take(kept)
    conditions = conditions_of(problem, some, sizes_of(problem, some, counts[kept]), Gear(close=close))
    wrong = missed(conditions, conditions.matrix.T @ counts[kept].astype(np.float64))
    rows = np.flatnonzero(wrong > SLIGHT)
    places = dict.fromkeys((int(conditions.source[row]), int(conditions.cell[row])) for row in rows)
    return float(wrong[rows].sum()), tuple(places)
