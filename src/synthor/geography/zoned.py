"""A whole population in zones from the fitted model of its region."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.engine.choice import engine
from synthor.fit.model import Model, one_thread
from synthor.fit.shapes import all_shapes, powers_of_statistics
from synthor.geography.areas import in_turn, with_areas
from synthor.geography.flat.deal import Dealt
from synthor.geography.flat.exchange import Seen, seen_of
from synthor.geography.flat.means import MeanTilt, tilts_of
from synthor.geography.flat.shares import tilted
from synthor.geography.flat.signatures import Signatures
from synthor.geography.flat.whole import made_whole
from synthor.geography.housed import Housed, InZones
from synthor.geography.kinds import refuse_empty_kinds
from synthor.geography.nested.fill import filled as with_members
from synthor.geography.nested.pulled import SWEEPS, pulled
from synthor.geography.nested.vectors import Vectors
from synthor.problem import Count, Problem, Target
from synthor.problem.means_of_areas import AreaMean, area_means, sizes_of_areas
from synthor.problem.zones import Zones, ZoneTable, tables_of_kinds, telling_table, zone_tables
from synthor.randomness import generator
from synthor.sample.arrangement import InTurn
from synthor.sample.settle import settle_counts
from synthor.sample.stream import Sample
from synthor.sample.whole import indifferent, whole_tables, whole_units
from synthor.schema import Units
from synthor.types import CellIndex, Counts, Floats, Mask
from synthor.values import Shape

BETWEEN_HALVES = 0.618
"""Share of a unit from which on the next one begins, where zones are scaled to another number of units."""

CELLS = 20_000
"""Cells up to which what is left is settled by programmes on zones, areas and region together."""


def zoned_sample(
    model: Model,
    n_units: int | None = None,
    *,
    lacks: Problem | None = None,
    random_seed: int | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Sample:
    """Exactly N units, each in a zone, in whole numbers that meet the tables of all areas and of the region.

    1. The region's weights are tilted for each area, on what areas see of units (`flat/shares`, `nested/pulled`).
    2. Whole counts of that, from the smallest areas up (`flat/whole`, `nested/fill`).
    3. Whole units of the region that areas see as these, and that meet the region's own targets.
    4. Each goes to one of the zones that have a place for it (`flat/deal`, `nested/split`).

    Args:
        model: of a region.
        n_units: how many; the spec's number unless given. Targets are scaled in proportion.
        lacks: what some zones lack where the others are there already; they are made without regard to the region's shares.
        random_seed: the spec's unless given.
        advance: told how far it is.
    """
    seed = model.problem.spec.random_seed if random_seed is None else random_seed
    region = model.problem if n_units is None else model.problem.scaled(n_units)
    region = region if lacks is None else lacks.region
    region = region.with_rules(model.beliefs.rules)
    whole, zones = region.whole, region.whole.zones
    assert zones is not None
    tables = zone_tables(whole)
    filled = _members if model.pool.units.nested else _flat
    with one_thread():
        sizes, of_kinds = sizes_of_zones(whole, zones), tables_of_kinds(zones)
        refuse_empty_kinds(model.pool.units, model.weights, zones, sizes)
        found = filled(model, region, (*tables, *of_kinds), sizes, seed, advance, alone=lacks is not None)
    places, swaps = found.places, found.swaps
    if isinstance(places, InZones) and model.pulled and sum(target.grid.size for target in whole.targets) <= CELLS:
        places, exchanged = _settled(model, whole, places, seed)
        swaps += exchanged
    unit = whole.schema.unit
    shapes = all_shapes(region, model.beliefs)
    of_areas = tuple(
        Shape(variable=v, decay=np.zeros(v.size)) for v in unit.variables[len(unit.variables) - len(zones.names) :]
    )
    return Sample(
        problem=whole,
        arrangement=InTurn(schema=whole.schema, places=places),
        shapes=((*shapes[0], *of_areas), *shapes[1:]),
        random_seed=seed,
        swaps=swaps,
        moves=found.moves,
        pulled=model.pulled,
        differences=model.beliefs.differences,
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Filled:
    """Whole units of the region, and what areas want of them.

    Attributes:
        places: in the zones.
        swaps: units exchanged to meet the tables.
        moves: records moved to another cell to meet them.
    """

    places: Dealt | InZones
    swaps: int = 0
    moves: int = 0


def _flat(
    model: Model,
    region: Problem,
    tables: tuple[ZoneTable, ...],
    totals: Counts,
    seed: int,
    advance: Callable[[int, int], None],
    *,
    alone: bool,
) -> _Filled:
    """Units without members."""
    zones = region.whole.zones
    assert zones is not None
    means = area_means(region.whole, sizes_of_areas(totals.astype(np.float64), zones))
    tables = (*tables, *(mean.table for mean in means))
    signatures = Signatures.of(tables, len(zones.names), model.pool.units)
    shares = signatures.shares(model.weights)
    tilts, base = _tilts(means, tables, signatures, model, region), region.n_units * shares
    fit = tilted(tables, signatures, zones, base, None if alone else base, advance, tilts)
    seen = _of_region(region, signatures, model.pool.units, model.weights > 0)
    places = made_whole(fit, totals, seed, seen)
    wanted = places[-1].sum(axis=0)
    weights = _reweighted(model.weights, signatures.of_units, shares, wanted, region.n_units)
    left = _with_signatures(region, signatures, wanted, model.pool.units)
    found = whole_units(model, left, weights, generator(seed, "zones", "integerize"), advance)
    kinds = signatures.grid.index(found.units)
    dealt = Dealt.of(found.units, found.counts, kinds, places, signatures.coarser, zones, seed)
    return _Filled(places=dealt, swaps=found.swaps, moves=found.moves)


def _tilts(
    means: Sequence[AreaMean], tables: Sequence[ZoneTable], signatures: Signatures, model: Model, region: Problem
) -> tuple[tuple[MeanTilt, int], ...]:
    """What means ask of the bands of their numbers, each with its level."""
    powers, units = powers_of_statistics(region, model.beliefs), model.pool.units
    places = [[one for one in tables if one.level == mean.table.level and not one.strict].index(mean.table) for mean in means]
    expected = [powers[mean.of.ref][0] for mean in means]
    weights = [
        np.bincount(units.column(mean.of.ref), model.weights, mean.of.variable.size).astype(np.float64) for mean in means
    ]
    return tilts_of(means, places, signatures, expected, weights)


def _members(
    model: Model,
    region: Problem,
    tables: tuple[ZoneTable, ...],
    totals: Counts,
    seed: int,
    advance: Callable[[int, int], None],
    *,
    alone: bool,
) -> _Filled:
    """Units with members."""
    zones, units = region.whole.zones, model.pool.units
    assert zones is not None
    names = {table.name for table in tables}
    own = replace(region, targets=tuple(target for target in region.targets if target.name not in names))
    of_region = whole_tables(own, units, model.weights)
    vectors = Vectors.of(tables, of_region, zones.sizes, units)
    lived = np.flatnonzero(np.bincount(zones.above(0, len(zones.sizes) - 1), totals, zones.sizes[-1]))
    base, all_of_it = region.n_units * vectors.shares(model.weights), SWEEPS + zones.sizes[0]
    with engine(zones.sizes[0]) as where:
        fit = pulled(
            vectors,
            zones.with_region,
            base,
            where,
            lived=lived,
            wanted=None if alone else base,
            advance=lambda done, _: advance(done, all_of_it),
        )
        housed = with_members(fit, zones, model.weights, totals, seed, where, lambda done, _: advance(SWEEPS + done, all_of_it))
    return _Filled(places=InZones.of(units, housed, zones))


def _reweighted(weights: Floats, of: CellIndex, shares: Floats, wanted: Counts, n_units: int) -> Floats:
    """The share of each candidate, those of each kind together as many as are wanted."""
    with np.errstate(divide="ignore", invalid="ignore"):
        found = np.where(shares > 0, wanted / (n_units * shares), 0.0)[of] * weights
    return np.asarray(found / found.sum())


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


def sizes_of_zones(problem: Problem, zones: Zones) -> Counts:
    """Whole units in each zone, that add up to all units; those of areas around them are beside what is wanted, too."""
    expected = telling_table(problem).wanted.sum(axis=1)
    order = in_turn(zones, 0)
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


def _settled(model: Model, whole: Problem, places: InZones, seed: int) -> tuple[InZones, int]:
    """The same units, what is left settled by programmes on zones, areas and region together; and how many were exchanged."""
    zones, housed = whole.zones, places.housed
    assert zones is not None
    units = with_areas(places.distinct.take(housed.unit), housed.zone, zones)
    random, patient = generator(seed, "zones", "settle"), not model.contradictions
    weights = housed.count / housed.count.sum()
    last = settle_counts(whole, units, housed.count, indifferent, weights, random, patient=patient)
    kept = np.flatnonzero(last.counts)
    units = last.units.take(kept)
    columns = units.columns()
    own = [column for at, column in enumerate(columns) if at not in zones.positions]
    found = Housed(zone=columns[zones.positions[0]].astype(np.int64), unit=np.arange(len(kept)), count=last.counts[kept])
    return InZones.of(units.with_columns(own), found, zones), last.exchanged
