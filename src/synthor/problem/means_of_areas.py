"""Means and totals of a number over all records of each area.

How many records an area has is known, so a mean is a total, and totals of areas add up to one of the region, by which its fit
is made. Inside the areas, bands of the number are tilted (`geography/flat`), and numbers move inside these (`sample`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.statistic import Mean, OfValues, Total
from synthor.problem.target import Target
from synthor.problem.zones import Zones, ZoneTable, statistic_of_region, telling_table
from synthor.schema import Variable
from synthor.types import CellIndex, Floats

if TYPE_CHECKING:
    from synthor.problem.model import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaMean:
    """The mean of a number in each area of a level.

    Attributes:
        table: of its bands, of which nothing is asked but their mean.
        of: the statistic, on the region's units.
        bands: the variable in the bands that its numbers may move inside of.
        wanted: (areas,) the mean.
    """

    table: ZoneTable
    of: OfValues
    bands: Variable
    wanted: Floats

    @property
    def band_of(self) -> Axis:
        """The band of each of the bins that the statistic is read in."""
        return self.table.grid.axes[0]


def why_no_mean(target: Target, zones: Zones, *, members: bool) -> str:
    """Why a statistic by areas cannot be met; nothing of one that can, or of any other target."""
    if not isinstance(target.statistic, OfValues) or all(zones.told(axis.ref) is None for axis in target.axes):
        return ""
    area = zones.names[next(level for axis in target.axes if (level := zones.told(axis.ref)) is not None)]
    what = f"a {target.statistic.word} by {area}"
    if not isinstance(target.statistic, Mean | Total):
        return f"a standard deviation by {area} is not met yet"
    if members:
        return f"{what} of units with members is not met yet"
    if target.statistic.variable.missing:
        return f"{what} of a variable that some records have no value of is not met yet"
    if len(target.axes) > 1 or target.grid.universe is not None:
        return f"{what} of some of the records, or by more than that, is not met yet"
    return "" if np.isfinite(target.wanted).all() else f"{what} that leaves some areas out is not met yet"


def sizes_of_areas(of_zones: Floats, zones: Zones) -> tuple[Floats, ...]:
    """For each level how many records each area has, given those of the zones.

    >>> zones = Zones(names=("taz", "tract"), positions=(3, 4), sizes=(3, 2), parents=(np.array([0, 0, 1]),))
    >>> [sizes.tolist() for sizes in sizes_of_areas(np.array([4.0, 5.0, 6.0]), zones)]
    [[4.0, 5.0, 6.0], [9.0, 6.0]]
    """
    levels = range(len(zones.names))
    return tuple(np.bincount(zones.above(0, level), of_zones, zones.sizes[level]).astype(np.float64) for level in levels)


def with_totals_of_areas(region: "Problem", problem: "Problem") -> "Problem":
    """The problem of a region, means and totals of areas being totals of it.

    Args:
        region: without them.
        problem: with zones.
    """
    zones = problem.zones
    assert zones is not None
    own = [target for target, _ in problem.of_values if zones.level(target) is not None]
    if not own:
        return region
    sizes = sizes_of_areas(telling_table(problem).wanted.sum(axis=1), zones)
    return replace(region, targets=(*region.targets, *(_in_region(target, sizes, zones) for target in own)))


def _in_region(target: Target, sizes: Sequence[Floats], zones: Zones) -> Target:
    """Means or totals by area alone as a total of the region."""
    level, of = zones.level(target), statistic_of_region(target.statistic, zones)
    assert level is not None
    assert isinstance(of, OfValues)
    held = sizes[level][_areas(target)] if of.per_row else np.ones(target.grid.size)
    low, high, wanted = (np.array([float((edge * held).sum())]) for edge in (target.lowest, target.highest, target.wanted))
    return replace(
        target,
        grid=TargetGrid(axes=()),
        statistic=Total(of=of.of, ref=of.ref, variable=of.variable),
        wanted=wanted,
        rounding=float((high - low)[0] / 2),
        bounds=None if target.bounds is None else (low, high),
        sigma=None if target.sigma is None else np.sqrt([float(np.square(target.sigma * held).sum())]),
    )


def _areas(target: Target) -> CellIndex:
    """The area that each cell of a table by area speaks of."""
    of = target.axes[0].group_of
    found = np.zeros(target.grid.size, np.int64)
    found[of] = np.arange(len(of))
    return found


def area_means(problem: "Problem", sizes: Sequence[Floats]) -> tuple[AreaMean, ...]:
    """The means of areas; totals as the means that they come to.

    Args:
        problem: with zones.
        sizes: for each level of areas how many records each has.
    """
    zones = problem.zones
    assert zones is not None
    found = []
    for target, of in problem.of_values:
        level = zones.level(target)
        if level is None:
            continue
        own = statistic_of_region(of, zones)
        assert isinstance(own, OfValues)
        unit = problem.schema.unit
        bands = unit.bands.get(of.of, unit.variables[of.of])
        band = np.clip(np.searchsorted(bands.ends[0], own.variable.ends[0], side="right") - 1, 0, None).astype(np.int32)
        axis = Axis(position=of.of, ref=own.ref, variable=own.variable, labels=bands.labels, group_of=band)
        shape = (zones.sizes[level], len(bands.labels))
        table = ZoneTable(
            name=target.name,
            level=level,
            rows=0,
            grid=TargetGrid(axes=(axis,)),
            low=np.zeros(shape),
            high=np.full(shape, np.inf),
            wanted=np.full(shape, np.nan),
        )
        wanted = np.zeros(shape[0])
        wanted[_areas(target)] = target.wanted
        per = np.maximum(sizes[level], 1.0) if not of.per_row else 1.0
        found.append(AreaMean(table=table, of=own, bands=bands, wanted=wanted / per))
    return tuple(found)
