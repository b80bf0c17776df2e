"""What is still to be made where most of a population is there and stays: the problem of some zones."""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem.demand import Demand
from synthor.problem.model import Problem
from synthor.problem.target import Target
from synthor.problem.zones import AreaCells, Zones, telling_table
from synthor.types import CellIndex, Counts, Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Lacking:
    """The problem of some zones.

    Attributes:
        problem: with zones; all other zones are to stay empty in it.
        over: tables and cells of larger areas that hold more than they are to have already, in words.
        unheeded: names of targets that are not looked at: means, totals, deviations, shares inside cells.
    """

    problem: Problem
    over: tuple[str, ...]
    unheeded: tuple[str, ...]


def lacking(problem: Problem, zones: CellIndex, there: Mapping[str, Counts]) -> Lacking:
    """What some zones are to have: their own tables, and of larger areas and the region what the others leave.

    Args:
        problem: of all zones.
        zones: those that are to be made, by their places.
        there: (cells,) rows that the other zones have in each cell, by the names of tables of counts.
    """
    areas = problem.zones
    assert areas is not None
    made = [np.isin(np.arange(size), areas.above(0, level)[zones]) for level, size in enumerate(areas.sizes)]
    targets, over = [], list[str]()
    for target in problem.counts:
        left = _left(target, areas, made, there[target.name])
        cells = AreaCells.of(target, areas)
        if cells is None or cells.level:
            over += _over(target, cells, made, there[target.name])
        targets.append(left)
    found = replace(problem, targets=tuple(targets))
    n_units = round(float(telling_table(found).wanted.sum()))
    found = replace(found, n_units=n_units)
    return Lacking(problem=found, over=tuple(over), unheeded=tuple(target.name for target in problem.statistics))


def _left(target: Target, zones: Zones, made: list[Mask], there: Counts) -> Target:
    """A table less what is there; areas in which nothing is made lack nothing."""
    low, high = target.demand.whole
    if target.aim is not None:  # what levels were moved to so that they add up
        low, high = (np.clip(beside, low, high) for beside in Demand.exactly(target.aim).whole)
    cells = AreaCells.of(target, zones)
    outside = np.zeros(len(low), bool)
    if cells is not None:
        outside[: len(cells.areas)] = ~made[cells.level][cells.areas]
        there = there if cells.level else np.zeros(len(low), np.int64)
    low, high, wanted = (
        np.where(outside, 0.0, np.maximum(one - there, 0.0))
        for one in (low, high, target.aim if target.aim is not None else target.demand.likeliest)
    )
    if (low == high).all():
        return replace(target, wanted=low, bounds=None, sigma=None, rounding=0.0, aim=None)
    return replace(target, wanted=np.clip(wanted, low, high), bounds=(low, high), sigma=None, rounding=0.0, aim=None)


def _over(target: Target, cells: AreaCells | None, made: list[Mask], there: Counts) -> list[str]:
    """Cells of larger areas that hold too many already."""
    high = target.demand.whole[1]
    too_many = there > high
    if cells is not None:
        too_many[: len(cells.areas)] &= made[cells.level][cells.areas]
    found = []
    for cell in np.flatnonzero(too_many).tolist():
        labels = ", ".join(f"{name} {label}" for name, label in target.labels(cell).items())
        found.append(f"'{target.name}' ({labels}) is to be {high[cell]:,.0f} and is {there[cell]:,} without these zones")
    return found
