"""What came out in each area: its records, by how much its tables are off, its worst cell; and each control over all areas."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.measure.verdict import CountFit, Measurement
from synthor.problem import Problem
from synthor.problem.zones import AreaCells
from synthor.types import CellIndex, Counts, Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Differences:
    """One label of a table of areas, over all areas: how its differences lie, in percent of what is wanted.

    Attributes:
        label: of the cell inside an area.
        areas: that want some of it; only these are looked at for mean and deviation.
        wanted: in all of them.
        got: in all areas.
        mean: of the areas' differences, each in percent of what that area wants.
        sd: standard deviation of these.
        rmse: root of the mean square of the differences of all areas, in percent of the mean that is wanted.
    """

    label: str
    areas: int
    wanted: float
    got: int
    mean: float
    sd: float
    rmse: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class AreaTable:
    """A table of areas, met or not.

    Attributes:
        fit: of the whole table.
        of: the area and the inner cell of each of its cells.
    """

    fit: CountFit
    of: AreaCells

    @property
    def n_met(self) -> int:
        """How many of its cells are met."""
        return int(self.fit.met_cells.sum())

    def label(self, cell: int) -> str:
        """What a cell inside an area is called."""
        return " · ".join(self.of.grid.labels(cell).values()) or "all records"

    def inside(self, values: Floats) -> Floats:
        """A number of each of its cells as (areas, inner cells); 0 where a sparse table has none."""
        found = np.zeros((len(self.of.told), self.of.grid.size))
        found[self.of.areas, self.of.cells] = values[: len(self.of.areas)]
        return found

    def controls(self) -> tuple[Differences, ...]:
        """Each of its labels over all areas."""
        n, cells, size = len(self.of.areas), self.of.cells, self.of.grid.size
        wanted, off = np.nan_to_num(self.fit.target.wanted[:n]), self.fit.error[:n]
        some = wanted > 0
        percent = np.divide(100 * off, wanted, out=np.zeros(n), where=some)
        n_all, n_some = np.bincount(cells, minlength=size), np.bincount(cells, some, size)
        in_all, got = np.bincount(cells, wanted, size), np.bincount(cells, self.fit.got[:n], size)
        with np.errstate(divide="ignore", invalid="ignore"):
            mean = np.nan_to_num(np.bincount(cells, percent, size) / n_some)
            sd = np.sqrt(np.nan_to_num(np.bincount(cells, some * (percent - mean[cells]) ** 2, size) / n_some))
            rmse = np.nan_to_num(100 * np.sqrt(np.bincount(cells, off**2, size) / n_all) / (in_all / n_all))
        return tuple(
            Differences(
                label=self.label(cell),
                areas=int(n_some[cell]),
                wanted=float(in_all[cell]),
                got=int(got[cell]),
                mean=float(mean[cell]),
                sd=float(sd[cell]),
                rmse=float(rmse[cell]),
            )
            for cell in np.flatnonzero(n_all).tolist()
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Areas:
    """The areas of one level.

    Attributes:
        name: what they are called.
        names: of each.
        tables: those of this level, in the spec's order.
        records: (areas,) how many lie in each.
        error: (areas,) by how many rows the cells of these tables are off.
        worst: (areas, 2) table and cell of it that is furthest off; -1 where all are met.
    """

    name: str
    names: tuple[str, ...]
    tables: tuple[AreaTable, ...]
    records: Counts
    error: Counts
    worst: CellIndex

    @property
    def n_cells(self) -> int:
        """Cells of all its tables."""
        return sum(table.fit.n_cells for table in self.tables)

    @property
    def n_met(self) -> int:
        """How many of them are met."""
        return sum(table.n_met for table in self.tables)

    @property
    def by_error(self) -> CellIndex:
        """All areas, those furthest off first, then the largest."""
        return np.lexsort([-self.records, -self.error])

    def off_by(self, area: int) -> float:
        """By how much the worst cell of an area is off; 0 where all are met."""
        table, cell = self.worst[area]
        return float(self.tables[table].fit.error[cell]) if table >= 0 else 0.0


def areas_of(problem: Problem, measurement: Measurement) -> tuple[Areas, ...]:
    """What came out in the areas of each level, the smallest first; nothing where records lie in none.

    Args:
        problem: with zones, that the records were measured by.
        measurement: of any records.

    >>> from synthor import compile_problem, parse_spec
    >>> from synthor.measure import measure
    >>> import polars as pl
    >>> problem = compile_problem(parse_spec('''
    ... {records: 3, variables: {car: {type: boolean}}, zones: {key: taz},
    ...  targets: [{table: [{taz: 7, car: yes, count: 1}, {taz: 9, car: no, count: 2}]}]}
    ... '''))
    >>> found = measure(problem, {"records": pl.DataFrame({"car": [True, True, False], "taz": ["7", "7", "9"]})})
    >>> zones = areas_of(problem, found)[0]
    >>> zones.names, zones.records.tolist(), zones.error.tolist()
    (('7', '9'), [2, 1], [1, 1])
    """
    zones = problem.zones
    if zones is None:
        return ()
    known = [(fit, AreaCells.of(fit.target, zones)) for fit in measurement.of_counts]
    tables = [AreaTable(fit=fit, of=of) for fit, of in known if of is not None]
    unit = problem.schema.unit
    telling = [one for one in tables if not one.of.level and not one.fit.target.level and one.fit.target.telling]
    counted = min(telling, key=lambda one: not one.fit.target.whole)  # the first that is exact, if one is
    n = len(counted.of.areas)
    records = np.bincount(counted.of.areas, counted.fit.got[:n], zones.sizes[0]).astype(np.int64)
    found = []
    for level, (name, position) in enumerate(zip(zones.names, zones.positions, strict=True)):
        own = tuple(one for one in tables if one.of.level == level)
        error, worst = _errors(own, zones.sizes[level])
        lies = zones.above(0, level)
        found.append(
            Areas(
                name=name,
                names=unit.variables[position].labels,
                tables=own,
                records=np.bincount(lies, records, zones.sizes[level]).astype(np.int64),
                error=error,
                worst=worst,
            )
        )
    return tuple(found)


def _errors(tables: Sequence[AreaTable], n_areas: int) -> tuple[Counts, CellIndex]:
    """By how many rows each area is off, and the table and cell that is furthest off."""
    total, most = np.zeros(n_areas), np.zeros(n_areas)
    worst = np.full((n_areas, 2), -1, np.int64)
    for at, table in enumerate(tables):
        of, off = table.of.areas, np.abs(table.fit.error[: len(table.of.areas)])
        total += np.bincount(of, off, n_areas)
        order = np.lexsort([-off, of])
        area, first = np.unique(of[order], return_index=True)
        cell = order[first]
        more = off[cell] > most[area]
        most[area[more]] = off[cell[more]]
        worst[area[more]] = np.column_stack([np.full(int(more.sum()), at), cell[more]])
    return np.rint(total).astype(np.int64), worst
