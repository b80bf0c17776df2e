"""Zones of a problem: the areas that units lie in, the tables of these areas, and the problem of the region as a whole.

Where a unit lies is a category of its own like others, so that tables of zones are read, checked and counted as all tables
are. The solver does without it: the *region's* problem is the same without the areas, its tables summed over them. What is
believed is asked, and fitted, for the region alone; `geography/` says how its units are shared out.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from synthor.errors import Finding
from synthor.problem.demand import Demand
from synthor.problem.grid import Axis, TargetGrid, Universe
from synthor.problem.statistic import OfValues, Statistic, Within
from synthor.problem.target import Target
from synthor.problem.zone_kinds import ZoneKinds
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Schema
from synthor.spec.model import Spec
from synthor.types import CellIndex, Floats, Mask

if TYPE_CHECKING:
    from synthor.problem.model import Problem


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Zones:
    """Nested areas, the smallest first.

    Attributes:
        names: what areas of each level are called.
        positions: of the unit's variables that say in which one it lies; they are its last ones.
        sizes: how many areas there are.
        parents: for each level but the last the area of the next one that each of its areas lies in.
        kinds: attributes of the smallest ones; None where nothing tells such.
    """

    names: tuple[str, ...]
    positions: tuple[int, ...]
    sizes: tuple[int, ...]
    parents: tuple[CellIndex, ...]
    kinds: ZoneKinds | None = None

    @classmethod
    def of(cls, spec: Spec, schema: Schema) -> "Zones | None":
        """Those of a spec whose zones are known; None where it has none."""
        if spec.zones is None or spec.zones.names is None:
            return None
        unit, names = schema.unit, spec.zones.levels
        variables = [unit.variables[unit.position(name)] for name in names]
        parents = []
        for lower, upper in pairwise(variables):
            within = spec.zones.within[upper.name]
            assert not isinstance(within, str)
            place = {label: at for at, label in enumerate(upper.labels)}
            lies = {str(area): place[into] for area, into in within.items()}
            parents.append(np.array([lies[label] for label in lower.labels], np.int64))
        positions = tuple(unit.position(name) for name in names)
        sizes, kinds = tuple(v.size for v in variables), ZoneKinds.of(spec, unit)
        return cls(names=names, positions=positions, sizes=sizes, parents=tuple(parents), kinds=kinds)

    def above(self, level: int, upto: int) -> CellIndex:
        """The area of a level at or above it that each area of a level lies in.

        >>> zones = Zones(names=("taz", "tract"), positions=(3, 4), sizes=(3, 2), parents=(np.array([0, 0, 1]),))
        >>> zones.above(0, 1).tolist(), zones.above(1, 1).tolist()
        ([0, 0, 1], [0, 1])
        """
        found = np.arange(self.sizes[level])
        for at in range(level, upto):
            found = self.parents[at][found]
        return found

    def level(self, target: Target) -> int | None:
        """The level whose areas a target speaks of; None of one that speaks of the region."""
        side = self.side(target)
        return None if side is None else self.told(target.axes[side].ref)

    def side(self, target: Target) -> int | None:
        """Which side of a target's table are areas; None where none is."""
        return next((at for at, axis in enumerate(target.axes) if self.told(axis.ref) is not None), None)

    @property
    def with_region(self) -> "Zones":
        """The same, the region as one more level around all."""
        whole = np.zeros(self.sizes[-1], np.int64)
        return replace(self, names=(*self.names, ""), sizes=(*self.sizes, 1), parents=(*self.parents, whole))

    def seen(self, refs: Sequence[Ref]) -> "Zones":
        """The same for rows that see the unit's columns, among others, as flat records have them.

        Args:
            refs: the column behind each of theirs.

        >>> zones = Zones(names=("taz",), positions=(2,), sizes=(3,), parents=())
        >>> zones.seen([Ref(1, 0), Ref(0, 0), Ref(0, 1), Ref(0, 2)]).positions
        (3,)
        """
        kinds = None if self.kinds is None else self.kinds.at(tuple(refs.index(Ref(0, p)) for p in self.kinds.positions))
        return replace(self, positions=tuple(refs.index(Ref(0, position)) for position in self.positions), kinds=kinds)

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of the unit's variables that its zone says: the areas it lies in, and what kind of place that is."""
        return (*self.positions, *(() if self.kinds is None else self.kinds.positions))

    def shared_kinds(self, level: int) -> tuple[tuple[Axis, CellIndex], ...]:
        """Attributes that all zones of each area of a level share, each with the category of these areas."""
        return () if self.kinds is None else self.kinds.among(self.above(0, level), self.sizes[level])

    def told(self, ref: Ref) -> int | None:
        """The level whose areas a column of the unit tells; None of any other column."""
        return self.positions.index(ref.column) if ref.plain and not ref.level and ref.column in self.positions else None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ZoneTable:
    """A table of counts of each area of a level.

    Attributes:
        name: of the target.
        level: of the areas.
        rows: the level whose rows it counts.
        grid: its cells inside one area, on the region's units.
        low: (areas, cells) the fewest units that each may hold.
        high: (areas, cells) the most.
        wanted: (areas, cells) what was published; the middle where only an interval was.
        strict: whether nobody may be in cells that hold nobody, whatever that leaves unmet.
    """

    name: str
    level: int
    rows: int
    grid: TargetGrid
    low: Floats
    high: Floats
    wanted: Floats
    strict: bool = False


def tables_of_kinds(zones: Zones) -> tuple[ZoneTable, ...]:
    """That every zone takes units of its own kind alone, as a table of zones; none where they have no attributes."""
    if zones.kinds is None:
        return ()
    axes, own = zones.kinds.axes, np.zeros(zones.sizes[0], np.int64)
    for axis, codes in zip(axes, zones.kinds.codes, strict=True):
        own = own * axis.size + codes
    listed, own = np.unique(own, return_inverse=True)
    grid = TargetGrid(axes=axes, listed=listed, closed=True)
    low = np.zeros((len(own), grid.size))
    high = low.copy()
    high[np.arange(len(own)), own] = np.inf
    wanted = np.where(high > 0, np.nan, 0.0)
    return (ZoneTable(name="", level=0, rows=0, grid=grid, low=low, high=high, wanted=wanted, strict=True),)


def zone_tables(problem: "Problem") -> tuple[ZoneTable, ...]:
    """The tables of areas, apart from those of the region."""
    zones = problem.zones
    assert zones is not None
    return tuple(table for target in problem.counts if (table := _zone_table(target, zones)) is not None)


def telling_table(problem: "Problem") -> ZoneTable:
    """The table that tells how many units each zone has: the first that is exact, if one is."""
    zones = problem.zones
    assert zones is not None
    of_zones = [one for one in problem.counts if zones.level(one) == 0 and not one.level and one.telling]
    found = _zone_table(min(of_zones, key=lambda one: not one.whole), zones)
    assert found is not None
    return found


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaCells:
    """The cells of a table of areas: the area that each speaks of, and its place inside that.

    Attributes:
        level: of the areas.
        grid: the cells inside one area, on the region's units.
        areas: (n,) area of each cell; a sparse table's one more cell is of none.
        cells: (n,) its place in `grid`.
        told: (areas,) whether the table speaks of an area at all.
    """

    level: int
    grid: TargetGrid
    areas: CellIndex
    cells: CellIndex
    told: Mask

    @classmethod
    def of(cls, target: Target, zones: Zones) -> "AreaCells | None":
        """Those of a target; None of one that speaks of the region."""
        level, place = zones.level(target), zones.side(target)
        if level is None or place is None:
            return None
        others = tuple(axis for at, axis in enumerate(target.axes) if at != place)
        inside = TargetGrid(axes=tuple(_axis(axis, zones) for axis in others), universe=_universe(target.grid.universe, zones))
        of_area = target.axes[place].group_of
        area_of = np.full(target.axes[place].size, -1, np.int64)
        area_of[of_area[of_area >= 0]] = np.flatnonzero(of_area >= 0)
        groups = target.grid.groups
        cells = np.zeros(len(groups[place]), np.int64)
        for at, axis in enumerate(target.axes):
            if at != place:
                cells = cells * axis.size + groups[at]
        return cls(level=level, grid=inside, areas=area_of[groups[place]], cells=cells, told=of_area >= 0)


def _zone_table(target: Target, zones: Zones) -> ZoneTable | None:
    found = AreaCells.of(target, zones)
    if found is None:
        return None
    areas, cells, n = found.areas, found.cells, len(found.areas)
    shape = (zones.sizes[found.level], found.grid.size)
    low = np.zeros(shape)
    high = np.where(found.told[:, None] & (target.grid.listed is None or target.grid.closed), 0.0, np.inf) * np.ones(shape)
    wanted = np.full(shape, np.nan)
    (bottom, top), likeliest = target.demand.whole, target.demand.likeliest
    if target.aim is not None:
        likeliest = target.aim
        bottom, top = (np.clip(beside, bottom, top) for beside in Demand.exactly(target.aim).whole)
    low[areas, cells], high[areas, cells], wanted[areas, cells] = bottom[:n], top[:n], likeliest[:n]
    wanted = np.where(np.isnan(wanted), np.where(high > 0, np.nan, 0.0), wanted)
    return ZoneTable(name=target.name, level=found.level, rows=target.level, grid=found.grid, low=low, high=high, wanted=wanted)


def region_of(problem: "Problem") -> "Problem":
    """The problem of the region as a whole: no areas, and tables summed over them."""
    zones = problem.zones
    assert zones is not None
    unit = problem.schema.unit
    level = replace(unit, variables=unit.variables[: len(unit.variables) - len(zones.names)])
    schema = Schema(levels=(level, *problem.schema.levels[1:]))
    targets = [summed for target in problem.targets if (summed := _summed(target, zones)) is not None]
    return replace(problem, schema=schema, targets=tuple(targets), zones=None, zoned=problem)


def without_attributes(problem: "Problem") -> "Problem":
    """The problem of a region without what zones are: tables summed over that, and no table of some kinds of zones alone.

    Args:
        problem: of a region, whose units have these variables last.
    """
    kinds = None if problem.whole.zones is None else problem.whole.zones.kinds
    if kinds is None:
        return problem
    unit, names = problem.schema.unit, tuple(variable.name for variable in kinds.variables)
    told = Zones(names=names, positions=kinds.positions, sizes=tuple(v.size for v in kinds.variables), parents=())
    level = replace(unit, variables=unit.variables[: len(unit.variables) - len(names)])
    left = [target for target in problem.targets if target.grid.universe is None or not _speaks(target.grid.universe, told)]
    targets = tuple(summed for target in left if (summed := _summed(target, told)) is not None)
    rules = tuple(rule for rule in problem.rules if names_in(rule.predicate).isdisjoint(names))
    return replace(problem, schema=Schema(levels=(level, *problem.schema.levels[1:])), targets=targets, rules=rules, zoned=None)


def _speaks(universe: Universe, zones: Zones) -> bool:
    return any(zones.told(one) is not None for ref, _ in universe.columns.values() for one in ref.decided_by)


def _summed(target: Target, zones: Zones) -> Target | None:
    """A target of the region; None where it does not tell all its areas."""
    found = replace(target, grid=_grid(target.grid, zones), statistic=statistic_of_region(target.statistic, zones))
    places = [at for at, axis in enumerate(target.axes) if zones.told(axis.ref) is not None]
    if not places:
        return found
    if not target.counts:  # means of areas come as totals, see `means_of_areas`
        return None
    grid = target.grid
    if not all((target.axes[at].group_of >= 0).all() for at in places) or (grid.listed is not None and not grid.closed):
        return None
    sides = [(axis, grid.groups[at]) for at, axis in enumerate(found.axes) if at not in places]
    kinds = kinds_of(target, zones, places[0])
    return summed_over(found, [*kinds, *sides], sparse=grid.listed is not None or len(kinds) > 1)


def kinds_of(target: Target, zones: Zones, place: int) -> list[tuple[Axis, CellIndex]]:
    """Attributes that say more of a table's areas than it does, each with the category of its cells."""
    axis, level = target.axes[place], zones.told(target.axes[place].ref)
    assert level is not None
    area = np.zeros(axis.size, np.int64)
    area[axis.group_of] = np.arange(len(axis.group_of))
    told = {own.ref for own in target.axes}
    cells = area[target.grid.groups[place]]
    return [(own, codes[cells]) for own, codes in zones.shared_kinds(level) if own.ref not in told]


def summed_over(target: Target, sides: Sequence[tuple[Axis, CellIndex]], *, sparse: bool) -> Target:
    """A table of counts summed up.

    Args:
        target: the table.
        sides: of the sum, each with the label of each cell of the table.
        sparse: whether combinations of labels that are no cell's may hold nobody.
    """
    n = len(target.grid.cells)
    of = np.zeros(n, np.int64)
    for axis, groups in sides:
        of = of * axis.size + groups
    size = int(np.prod([axis.size for axis, _ in sides], dtype=np.int64)) if sides else 1
    listed, closed = None, False
    if sparse:
        listed, of = np.unique(of, return_inverse=True)
        listed, closed, size = (None, False, size) if len(listed) == size else (listed, True, len(listed) + 1)
    grid = TargetGrid(axes=tuple(axis for axis, _ in sides), universe=target.grid.universe, listed=listed, closed=closed)
    return summed_into(target, grid, of, size, n)


def summed_into(target: Target, grid: TargetGrid, of: CellIndex, size: int, n: int) -> Target:
    """A table of counts on other cells, into which its first n are summed."""

    def summed(values: Floats) -> Floats:
        return np.bincount(of, values[: len(of)], size).astype(np.float64)

    return replace(
        target,
        grid=grid,
        wanted=summed(target.wanted),
        rounding=target.rounding * n / max(size, 1),
        bounds=None if target.bounds is None else (summed(target.bounds[0]), summed(target.bounds[1])),
        sigma=None if target.sigma is None else np.sqrt(summed(target.sigma**2)),
        silent=None,
        aim=None,
    )


def slips_of_zones(targets: Sequence[tuple[Target, str]], zones: Zones, why_not: Callable[[Target], str]) -> Iterator[Finding]:
    """Targets that speak of areas in a way that cannot be met yet, or that is not clear.

    Args:
        targets: each with what messages call its place.
        zones: the areas.
        why_not: why a statistic of values by areas cannot be met; nothing where it can.
    """
    counted = False
    for target, place in targets:
        inside = target.grid.universe
        if inside is not None and _speaks(inside, zones):
            message = f"`where` speaks of {' and '.join(zones.names)}: areas are told by columns"
            yield Finding(where=place, message=message, cure="give the table a column of them, or leave it out")
            continue
        groups = target.statistic.groups
        sides = target.axes if groups is None else (*target.axes, groups)
        levels = [level for axis in sides if (level := zones.told(axis.ref)) is not None]
        if not levels:
            continue
        own = {axis.ref for axis in target.axes}
        twice = [axis.variable.name for axis, _ in zones.shared_kinds(levels[0]) if axis.ref in own]
        if twice:
            area, kind = zones.names[levels[0]], twice[0]
            message = f"has columns of {area} and of {kind}; each {area} has one {kind}"
            yield Finding(where=place, message=message, cure=f"leave the column '{kind}' out: columns: {{{kind}: null}}")
            continue
        if groups is not None:
            yield _unknown_parts(target, place, zones.names[levels[0]])
        elif not target.counts:
            if message := why_not(target):
                yield Finding(where=place, message=message, cure="give counts by zone, and the statistic of the region")
        elif len(levels) > 1:
            first, second = (zones.names[level] for level in levels[:2])
            message = f"has columns of {first} and of {second}; each {first} lies in one {second}"
            yield Finding(where=place, message=message, cure=f"leave the column '{second}' out: columns: {{{second}: null}}")
        else:
            axis = next(axis for axis in target.axes if zones.told(axis.ref) == levels[0])
            held = axis.group_of[axis.group_of >= 0]
            if len(held) != len(np.unique(held)):
                message = f"puts several areas of {zones.names[levels[0]]} under one label"
                yield Finding(where=place, message=message, cure="give these larger areas a line in `zones.within`")
            counted = counted or (levels[0] == 0 and not target.level and target.telling)
    if not counted:
        key = zones.names[0]
        message = f"no target says how many records each {key} has"
        yield Finding(where="zones", message=message, cure=f"give a table of counts of all records with a column '{key}'")


def _unknown_parts(target: Target, place: str, area: str) -> Finding:
    """That shares are of parts of areas of which nobody tells how many they are."""
    by = ", ".join(axis.variable.name for axis in target.axes) or area
    where = "" if target.grid.universe is None else f" where `{target.grid.universe.text[:80]}`"
    message = f"gives shares by {by}{where}, and no exact table tells how many records these are of"
    cure = f"give counts by {by} of these records, or counts in place of shares; labels must be all that these may have"
    return Finding(where=place, message=message, cure=cure)


def _grid(grid: TargetGrid, zones: Zones) -> TargetGrid:
    return replace(grid, axes=tuple(_axis(axis, zones) for axis in grid.axes), universe=_universe(grid.universe, zones))


def _axis(axis: Axis, zones: Zones) -> Axis:
    return replace(axis, ref=_ref(axis.ref, zones))


def _universe(universe: Universe | None, zones: Zones) -> Universe | None:
    if universe is None:
        return None
    columns = {name: (_ref(ref, zones), variable) for name, (ref, variable) in universe.columns.items()}
    return replace(universe, columns=columns)


def statistic_of_region(statistic: Statistic, zones: Zones) -> Statistic:
    """A statistic on the region's units, which know no areas."""
    if isinstance(statistic, OfValues):
        return replace(statistic, ref=_ref(statistic.ref, zones))
    if isinstance(statistic, Within):
        return replace(statistic, side=_axis(statistic.side, zones))
    return statistic


def _ref(ref: Ref, zones: Zones) -> Ref:
    """A column of the unit among those without the areas', which stand between its other variables and their slices."""
    if ref.below is not None:
        return replace(ref, below=replace(ref.below, columns=tuple(_ref(one, zones) for one in ref.below.columns)))
    beyond = ref.level == 0 and ref.column > zones.positions[-1]
    return replace(ref, column=ref.column - len(zones.positions)) if beyond else ref
