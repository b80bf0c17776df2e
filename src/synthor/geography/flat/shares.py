"""Expected units of each signature in each area: the region's fit tilted until every area's tables are met.

Mass(zone, signature) = P(signature) k(signature) times a factor for each cell of each table of the zone and of the areas
around it. P is the region's fitted share. The factors make the tables of areas come out; k makes all areas together be the
region again, as far as their tables let it: that is proportional fitting of zone by signature, with the region's fit as one
more margin.

What the tables of larger areas see of a unit, zones do not. So mass is never laid out as zones by all signatures: zones are
held by what they see, and each larger area adds how the rest is shared given that (a tree of conditional tables). A factor of
an area is put in by a *message* down to what its zones see, and taken out by one up to the areas around them. Every step is
the I-projection onto one table, so that the divergence from the region's fit falls with each, as in proportional fitting of
one table (Csiszar, 1975).
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from synthor.geography.areas import gathered, n_above, parents_of, summed
from synthor.geography.flat.by_kind import ByKind
from synthor.geography.flat.means import MeanTilt
from synthor.geography.flat.signatures import Signatures
from synthor.problem.zones import Zones, ZoneTable
from synthor.types import CellIndex, Floats

SWEEPS = 300
"""Rounds over all tables, at most."""

INNER = 2
"""Rounds over the tables of zones for each over those of larger areas."""

CLOSE = 1e-3
"""Units by which a cell of an area may be off."""

STEADY = 1e-5
"""Share of the region's units by which all areas together may differ from it."""

BELIEVED = 60
"""Rounds in which the region's own shares are asked for: where areas cannot make them up, they give way."""

BLOCK = 1 << 21
"""Numbers of areas by signatures, or by pairs of cells, that are held at once."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Area:
    """The tables of the areas of one level, on what these see of units.

    Attributes:
        cells: for each table the cell of each signature, (s,); its number of cells where in none.
        low: (areas, cells + 1) for each; nothing is asked of the last, those in none.
        high: likewise.
        tilts: means of numbers, each of one of these tables.
    """

    cells: tuple[CellIndex, ...]
    low: tuple[Floats, ...]
    high: tuple[Floats, ...]
    tilts: tuple[MeanTilt, ...] = ()

    def among(self, rows: "slice | CellIndex", columns: "slice | CellIndex") -> "Area":
        """The same for some of the areas and some of the signatures."""
        return Area(
            cells=tuple(cells[columns] for cells in self.cells),
            low=tuple(low[rows] for low in self.low),
            high=tuple(high[rows] for high in self.high),
            tilts=tuple(tilt.among(columns) for tilt in self.tilts),
        )


def levels_of(
    tables: Sequence[ZoneTable], signatures: Signatures, zones: Zones, tilts: Sequence[tuple[MeanTilt, int]]
) -> tuple[Area, ...]:
    """The tables of each level of areas, the smallest first."""
    found = []
    for level in range(len(zones.names)):
        own = [at for at, table in enumerate(tables) if table.level == level and not table.strict]
        n = zones.sizes[level]
        low = tuple(np.hstack([tables[at].low, np.zeros((n, 1))]) for at in own)
        high = tuple(np.hstack([tables[at].high, np.full((n, 1), np.inf)]) for at in own)
        means = tuple(tilt for tilt, of in tilts if of == level)
        found.append(Area(cells=tuple(signatures.cells[at] for at in own), low=low, high=high, tilts=means))
    return tuple(found)


@dataclass(slots=True, eq=False)
class Tilted:
    """Expected units of each signature in each area.

    Attributes:
        zones: the areas.
        signatures: of the region's units.
        by_level: the tables of each level.
        kinds: of zones, where these take units of their own kind alone.
        base: (s,) share of each signature in the region, times k.
        factors: for each level and table, (areas, cells + 1).
        off: largest number of units by which a cell of an area is off.
        apart: share of units by which all areas together differ from the region.
        sweeps: rounds that it took.
    """

    zones: Zones
    signatures: Signatures
    by_level: tuple[Area, ...]
    kinds: ByKind
    base: Floats
    factors: list[list[Floats]] = field(default_factory=list)
    off: float = np.inf
    apart: float = np.inf
    sweeps: int = 0

    def blocks(self, level: int) -> Iterator[slice]:
        """Areas of a level that are held at once."""
        # Moves look at each pair of a table's cells in each area, so these count, too.
        widest = max((low.shape[1] ** 2 for low in self.by_level[level].low), default=0)
        n, each = self.zones.sizes[level], max(BLOCK // max(self.signatures.sizes[level], widest), 1)
        return (slice(begin, min(begin + each, n)) for begin in range(0, n, each))

    def parts(self, level: int) -> Iterator[tuple[slice | CellIndex, slice | CellIndex]]:
        """The same areas, each with the signatures that it may hold: zones of one kind after those of another."""
        if level or self.kinds.one:
            yield from ((block, slice(None)) for block in self.blocks(level))
            return
        widest = max((low.shape[1] ** 2 for low in self.by_level[level].low), default=0)
        for rows, columns in self.kinds:
            each = max(BLOCK // max(len(columns), widest), 1)
            yield from ((rows[begin : begin + each], columns) for begin in range(0, len(rows), each))

    def down(self) -> list[Floats]:
        """For each level (areas of the level above, signatures of this level): what those and all above let each weigh."""
        top = len(self.by_level) - 1
        found = [np.broadcast_to(self.base, (1, len(self.base)))]
        for level in range(top, 0, -1):
            potential = self.potential(level, found[-1])
            of, size = self.signatures.coarser[level - 1], self.signatures.sizes[level - 1]
            found.append(summed(potential, of, size))
        return found[::-1]

    def potential(
        self, level: int, above: Floats, areas: slice | CellIndex = slice(None), columns: slice | CellIndex = slice(None)
    ) -> Floats:
        """(areas, signatures): what the areas of a level and all above let each weigh; some areas, and some signatures."""
        last = level == len(self.by_level) - 1
        parents = np.zeros(self.zones.sizes[level], np.int64) if last else self.zones.parents[level]
        found = above[:, columns][parents[areas]]
        for cells, factor in zip(self.by_level[level].cells, self.factors[level], strict=True):
            found *= np.take(factor[areas], cells[columns], axis=1)
        return found


def tilted(
    tables: Sequence[ZoneTable],
    signatures: Signatures,
    zones: Zones,
    base: Floats,
    wanted: Floats | None,
    advance: Callable[[int, int], None] = lambda done, total: None,
    tilts: Sequence[tuple[MeanTilt, int]] = (),
) -> Tilted:
    """The region's shares tilted for each area until its tables are met.

    Args:
        tables: of areas; each level-0 one or several that cover all units say how many these are.
        signatures: of the region's units.
        zones: the areas.
        base: (s,) units of each signature that the region is expected to have.
        wanted: (s,) those that all areas together are to have; None where only tables are wanted.
        advance: told how many rounds of how many are done.
        tilts: means of numbers, each with its level; of their tables nothing else is asked.
    """
    found = Tilted(
        zones=zones,
        signatures=signatures,
        by_level=levels_of(tables, signatures, zones, tilts),
        kinds=ByKind.of(tables, signatures.cells, zones.sizes[0], signatures.sizes[0]),
        base=base,
    )
    found.factors = [[np.ones(low.shape) for low in level.low] for level in found.by_level]
    top, since = len(found.by_level) - 1, 0
    for sweep in range(SWEEPS):
        found.sweeps = sweep + 1
        above = found.down()
        off, masses = 0.0, np.zeros((n_above(zones, 0), signatures.sizes[0]))
        for block, columns in found.parts(0):
            gap, mass = _fit_zones(found, above[0], block, columns)
            off = max(off, gap)
            masses[:, columns] += gathered(mass, parents_of(zones, 0)[block], len(masses))
        for level in range(1, top + 1):
            gap, masses = _fit_larger(found, level, above[level], masses)
            off = max(off, gap)
        together = masses[0]
        before, found.off = found.off, off
        found.apart = 0.0 if wanted is None else 0.5 * float(np.abs(together - wanted).sum() / wanted.sum())
        advance(sweep, SWEEPS)
        believing = sweep < BELIEVED and found.apart > STEADY
        if off < CLOSE and not believing:
            break
        since = since + 1 if off > 0.999 * before else 0
        if since > INNER + BELIEVED:
            break
        if believing and wanted is not None:
            with np.errstate(divide="ignore", invalid="ignore"):
                k = np.where((together > 0) & (wanted > 0), wanted / together, 1.0)
            found.base = found.base * k
    advance(SWEEPS, SWEEPS)
    return found


def _fit_zones(found: Tilted, above: Floats, block: slice | CellIndex, columns: slice | CellIndex) -> tuple[float, Floats]:
    """Fit the factors of some zones, which hold some signatures; by how much cells were off, and their expected units."""
    area = found.by_level[0].among(block, columns)
    mass, gap = found.potential(0, above, block, columns), 0.0
    for turn in range(INNER):
        mass, apart = _with_means(found.factors[0], area.tilts, mass, block)
        gap = gap if turn else max(gap, apart)
        for cells, factor, low, high in zip(area.cells, found.factors[0], area.low, area.high, strict=True):
            ratio, off = _ratio(summed(mass, cells, low.shape[1]), low, high)
            factor[block] *= ratio
            mass *= np.take(ratio, cells, axis=1)
            gap = gap if turn else max(gap, off)
    return gap, mass


def _with_means(
    factors: list[Floats], tilts: Sequence[MeanTilt], mass: Floats, areas: slice | CellIndex
) -> tuple[Floats, float]:
    """Tilt the bands of numbers towards their means; the expected units then, and by how many records a mean was off."""
    gap = 0.0
    for tilt in tilts:
        factor = factors[tilt.table]
        ratio, off = tilt.ratio(summed(mass, tilt.cells, factor.shape[1]), factor[areas], areas)
        factor[areas] *= ratio
        mass, gap = mass * np.take(ratio, tilt.cells, axis=1), max(gap, off)
    return mass, gap


def _fit_larger(found: Tilted, level: int, above: Floats, below: Floats) -> tuple[float, Floats]:
    """Fit the factors of the areas of a level, given the expected units of what the level below sees in each.

    Returns by how much their cells were off, and the expected units of those around them.
    """
    area, signatures = found.by_level[level], found.signatures
    of, size = signatures.coarser[level - 1], signatures.sizes[level - 1]
    potential = found.potential(level, above)
    seen, gap = summed(potential, of, size), 0.0
    with np.errstate(divide="ignore", invalid="ignore"):
        per = np.where(seen > 0, below / seen, 0.0)
    mass = potential * np.take(per, of, axis=1)
    for turn in range(INNER):
        mass, apart = _with_means(found.factors[level], area.tilts, mass, slice(None))
        gap = gap if turn else max(gap, apart)
        for at, (cells, low, high) in enumerate(zip(area.cells, area.low, area.high, strict=True)):
            ratio, off = _ratio(summed(mass, cells, low.shape[1]), low, high)
            found.factors[level][at] *= ratio
            mass *= np.take(ratio, cells, axis=1)
            gap = gap if turn else max(gap, off)
    return gap, gathered(mass, parents_of(found.zones, level), n_above(found.zones, level))


def _ratio(got: Floats, low: Floats, high: Floats) -> tuple[Floats, float]:
    """By what to multiply each cell, and the most that one is off."""
    wanted = np.clip(got, low, high)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(got > 0, wanted / got, 1.0)
    return ratio, float(np.abs(wanted - got).max(initial=0.0))
