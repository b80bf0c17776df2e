"""A whole population in zones from the fitted model of its region."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from synthor.fit.model import Model, one_thread
from synthor.fit.shapes import all_shapes
from synthor.geography.deal import dealt
from synthor.geography.exchange import Seen, seen_of
from synthor.geography.shares import tilted
from synthor.geography.signatures import Signatures
from synthor.geography.whole import made_whole
from synthor.problem import Count, Problem, Target
from synthor.problem.zones import Zones, ZoneTable, zone_tables
from synthor.randomness import generator
from synthor.sample.stream import Sample, whole_units
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Mask
from synthor.values import Shape

BETWEEN_HALVES = 0.618
"""Share of a unit from which on the next one begins, where zones are scaled to another number of units."""


def zoned_sample(
    model: Model,
    n_units: int | None = None,
    *,
    random_seed: int | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Sample:
    """Exactly N units, each in a zone, in whole numbers that meet the tables of all areas and of the region.

    1. The region's weights are tilted for each area, on what areas see of units (`shares`).
    2. Whole counts of that, from the smallest areas up (`whole`).
    3. Whole units of the region that have just these signatures, and meet the region's own targets.
    4. These are dealt out to the zones (`deal`).

    Args:
        model: of a region.
        n_units: how many; the spec's number unless given. Targets are scaled in proportion.
        random_seed: the spec's unless given.
        advance: told how far it is.
    """
    seed = model.problem.spec.random_seed if random_seed is None else random_seed
    region = model.problem if n_units is None else model.problem.scaled(n_units)
    region = region.with_rules(model.beliefs.rules)
    whole, zones = region.whole, region.whole.zones
    assert zones is not None
    tables = zone_tables(whole)
    signatures = Signatures.of(tables, len(zones.names), model.pool.units)
    shares = signatures.shares(model.weights)
    with one_thread():
        fit = tilted(tables, signatures, zones, shares, region.n_units, advance)
        seen = _of_region(region, signatures, model.pool.units, model.weights > 0)
        places = made_whole(fit, sizes_of_zones(whole, tables, zones), seed, seen)
    wanted = places[-1].sum(axis=0)
    with np.errstate(divide="ignore", invalid="ignore"):
        weights = np.where(shares > 0, wanted / (region.n_units * shares), 0.0)[signatures.of_units] * model.weights
    left = _with_signatures(region, signatures, wanted, model.pool.units)
    found = whole_units(model, left, weights / weights.sum(), generator(seed, "zones", "integerize"), advance)
    of_units = np.repeat(signatures.grid.index(found.units), found.counts)
    where = dealt(of_units, places, signatures, zones, generator(seed, "zones", "deal"))
    units, counts = _in_zones(found.units, np.repeat(np.arange(len(found.counts)), found.counts), where, whole)
    unit = whole.schema.unit
    shapes = all_shapes(region, model.beliefs)
    of_areas = tuple(
        Shape(variable=v, decay=np.zeros(v.size)) for v in unit.variables[len(unit.variables) - len(zones.names) :]
    )
    return Sample(
        problem=whole,
        units=units,
        counts=counts,
        shapes=((*shapes[0], *of_areas), *shapes[1:]),
        random_seed=seed,
        swaps=found.swaps,
        moves=found.moves,
        pulled=model.pulled,
        in_order=True,
    )


def _of_region(region: Problem, signatures: Signatures, units: Units, there: Mask) -> list[Seen]:
    """The region's tables, as far as what areas see of units decides them."""
    found = []
    for target in region.counts:
        low, high = target.demand.whole
        low, high = np.append(low, 0.0), np.append(high, np.inf)  # units may be in none of its cells
        of = signatures.of_units[there]
        seen = seen_of(target.index(units)[there], of, signatures.sizes[-1], low, high)
        if seen is not None:
            found.append(Seen(cells=seen[0], low=seen[1], high=seen[2]))
    return found


def sizes_of_zones(problem: Problem, tables: tuple[ZoneTable, ...], zones: Zones) -> Counts:
    """Whole units in each zone, that add up to all units; those of areas around them are beside what is wanted, too."""
    table = next(
        table
        for table, target in zip(tables, (t for t in problem.targets if zones.level(t) is not None), strict=True)
        if table.level == 0 and target.whole
    )
    expected = table.wanted.sum(axis=1)
    around = [zones.above(0, level) for level in range(len(zones.names) - 1, 0, -1)]
    order = np.lexsort([np.arange(len(expected)), *around[::-1]]) if around else np.arange(len(expected))
    rising = np.cumsum(expected[order])
    # Whole numbers of people stay as they are: halves, where rounding goes now up, now down, are no marks.
    marks = np.floor(rising * (problem.n_units / rising[-1]) + BETWEEN_HALVES).astype(np.int64)
    marks[-1] = problem.n_units
    found = np.zeros(len(expected), np.int64)
    found[order] = np.diff(marks, prepend=0)
    return found


def _with_signatures(region: Problem, signatures: Signatures, wanted: Counts, units: Units) -> Problem:
    """The region's problem with one more table, that of signatures, in place of tables that these decide."""
    table = Target(
        name="signatures", level=0, grid=signatures.grid, statistic=Count(), wanted=np.append(wanted, 0).astype(np.float64)
    )
    left = tuple(target for target in region.targets if not _decided(target, signatures, units))
    return replace(region, targets=(table, *left), zoned=None)


def _decided(target: Target, signatures: Signatures, units: Units) -> bool:
    """Whether a unit's signature says in which cell of a table it counts."""
    if not target.counts or not set(target.grid.refs) <= set(signatures.grid.refs):
        return False
    cell = target.index(units)
    first = np.full(signatures.sizes[-1], -1, np.int64)
    first[signatures.of_units] = cell
    return bool((first[signatures.of_units] == cell).all())


def _in_zones(units: Units, which: CellIndex, where: CellIndex, problem: Problem) -> tuple[Units, Counts]:
    """Distinct units of each zone, zone after zone, and how many copies there are of each."""
    zones, n_before = problem.zones, len(problem.schema.unit.variables)
    assert zones is not None
    n_before -= len(zones.names)
    pairs, counts = np.unique(where * len(units) + which, return_counts=True)
    zone, unit = np.divmod(pairs, len(units))
    columns = units.take(unit).columns()
    areas = [zones.above(0, level)[zone].astype(np.int32) for level in range(len(zones.names))]
    return Units.of_columns([*columns[:n_before], *areas, *columns[n_before:]]), counts.astype(np.int64)
