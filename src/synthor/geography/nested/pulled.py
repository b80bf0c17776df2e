"""Expected units of each vector in each area: the region's fit tilted until every area's counts are met.

What `shares.py` is for flat units, for units that count several times in a table: mass(area, vector) = P(vector) k(vector)
exp(sum of its counts times the area's multipliers), with multipliers of the areas around it, too. As counts are no indicators,
a table is not met by a factor for each cell; multipliers of an area move by Newton's step on the dual of all its tables
together, whose gradient is what cells lack and whose curvature are the second moments of counts. The levels take turns with
messages up and down, and with the region's own shares, as there.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

import numpy as np

from synthor.disk.shelf import Shelf
from synthor.engine.engine import Engine
from synthor.geography.areas import gathered, n_above, parents_of, summed
from synthor.geography.nested.vectors import Vectors
from synthor.problem.zones import Zones
from synthor.types import CellIndex, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

SWEEPS = 40
"""Rounds over all levels, at most."""

INNER = 3
"""Newton steps of each area in the first rounds; one is enough later, when the levels move each other but little."""

CLOSE = 0.02
"""Rows by which a cell of an area may be off: whole units are off by far more at first."""

BELIEVED = 12
"""Rounds in which the region's own shares are asked for: where areas cannot make them up, they give way."""

SETTLED = 0.01
"""Share of itself by which what is off still changes where nothing more is to be had: cells that whole units have filled, or
that contradict each other, stay off however long multipliers move."""

PATIENT = 2
"""Rounds in which nothing changes, after which there are no more."""

STEADY = 1e-3
"""Share of the region's units by which all areas together may differ from it."""

LONGEST = 2.0
"""No multiplier moves further in one step: far from the optimum the curvature misleads."""

FURTHEST = 60.0
"""Nor any further than this in all: what cannot be met would move it for ever, until numbers overflow."""

NEVER = -50.0
"""Multiplier of cells that nobody may be in."""

BARRED = -1e6
"""The same where no unit may come whatever that leaves unmet: nothing of its weight is left, and the multiplier stays."""

RIDGE = 1e-7
"""Share of the mean curvature that is added: tables of an area share totals, so that some directions have none."""

LEAST = 1e-12
"""The same of areas where nobody is expected."""

BLOCK = 1 << 21
"""Numbers that are held at once: areas by vectors."""


@dataclass(slots=True, eq=False)
class Pulled:
    """Expected units of each vector in some areas.

    Attributes:
        zones: these areas, the region around them being the last level.
        vectors: of the region's units, and what is wanted of these areas.
        areas: for each level which of all areas these are.
        base: (s,) expected units of each vector in the region, times k.
        multipliers: for each level (areas, cells).
        off: largest number of rows by which a cell of an area is off.
        apart: share of units by which all areas together differ from the region.
        sweeps: rounds that it took.
        still: rounds at the end of these in which nothing changed.
        shelf: where the state is kept.
    """

    zones: Zones
    vectors: Vectors
    areas: tuple[CellIndex, ...]
    base: Floats
    shelf: Shelf
    multipliers: list[Floats] = field(default_factory=list)
    off: float = np.inf
    apart: float = np.inf
    sweeps: int = 0
    still: int = 0

    def keep(self, name: str, next_round: int) -> None:
        """Keep the state before a round."""
        numbers = np.array([next_round, self.off, self.apart, self.sweeps, self.still], np.float64)
        self.shelf.put(name, [numbers, self.base, *self.multipliers])

    def resumed(self, name: str) -> int:
        """The round to go on with: take on the state that was kept, if there is one."""
        there = self.shelf.take(name)
        if there is None:
            return 0
        numbers, self.base, *self.multipliers = there
        self.off, self.apart, self.sweeps, self.still = float(numbers[1]), float(numbers[2]), int(numbers[3]), int(numbers[4])
        return int(numbers[0])

    def part(self, picks: CellIndex) -> "Pulled":
        """The same for some of the largest areas and those inside them."""
        sizes = self.zones.sizes
        kept = [np.arange(1), picks]
        for level in range(len(sizes) - 3, -1, -1):
            kept.append(np.flatnonzero(np.isin(self.zones.parents[level], kept[-1])))
        kept = kept[::-1]
        parents = [np.searchsorted(kept[at + 1], self.zones.parents[at][kept[at]]) for at in range(len(sizes) - 1)]
        return replace(
            self,
            zones=replace(self.zones, sizes=tuple(len(one) for one in kept), parents=tuple(parents)),
            vectors=self.vectors.rows(kept),
            areas=tuple(every[own] for every, own in zip(self.areas, kept, strict=True)),
            multipliers=[one[own] for one, own in zip(self.multipliers, kept, strict=True)],
        )

    def given(self, inside: Floats) -> Floats:
        """(vectors of the largest areas,) -> (cells,): rows that so many units are expected to have in the region's cells."""
        of, size = self.vectors.coarser[-1], self.vectors.sizes[-2]
        counts, mass = self.vectors.counts[-1], self.mass(len(self.zones.sizes) - 1, self.base[None], slice(0, 1))
        seen = summed(mass, of, size)[0]
        with np.errstate(divide="ignore", invalid="ignore"):
            per = np.where(seen > 0, inside / seen, 0.0)
        return np.asarray((mass[0] * per[of]) @ counts)

    def blocks(self, level: int) -> Iterator[slice]:
        """Areas of a level that are held at once."""
        # Second moments are cells by cells in each area.
        widest = max(self.vectors.sizes[level], self.vectors.counts[level].shape[1] ** 2, 1)
        n, each = self.zones.sizes[level], max(BLOCK // widest, 1)
        return (slice(begin, min(begin + each, n)) for begin in range(0, n, each))

    def down(self) -> list[Floats]:
        """For each level (areas of the level above, vectors of this level): what those and all above let each weigh."""
        found = [np.broadcast_to(self.base, (1, len(self.base)))]
        for level in range(len(self.zones.sizes) - 1, 0, -1):
            of, size = self.vectors.coarser[level - 1], self.vectors.sizes[level - 1]
            found.append(np.vstack([summed(self.mass(level, found[-1], block), of, size) for block in self.blocks(level)]))
        return found[::-1]

    def mass(self, level: int, above: Floats, areas: slice) -> Floats:
        """(areas, vectors): what the areas of a level and all above let each weigh."""
        return tilted(above[parents_of(self.zones, level)[areas]], self.vectors.counts[level], self.multipliers[level][areas])


def tilted(weights: Floats, counts: "sparse.csr_array", multipliers: Floats) -> Floats:
    """(areas, vectors) weights times what multipliers, (areas, cells), make of them."""
    return np.asarray(weights * np.exp((counts @ multipliers.T).T))


class Curvature:
    """Second moments of the counts of a level under any weights.

    Args:
        counts: (vectors, cells).
        fixed: (cells,) those whose multipliers stay: they have none, and say nothing of the others.
    """

    def __init__(self, counts: "sparse.csr_array", fixed: Mask) -> None:
        self.counts, self.fixed = counts, fixed

    def ready(self) -> Self:
        """The same, all worked out: others need not do it again."""
        _ = self._pairs
        return self

    @cached_property
    def _pairs(self) -> tuple[CellIndex, CellIndex, "sparse.csr_array"]:
        """Two cells each, and the products of all units' counts in them, pairs by vectors."""
        from scipy import sparse

        n = self.counts.shape[1]
        one, other = np.triu_indices(n)
        columns = self.counts.tocsc()
        both = [columns[:, [cell]].multiply(columns[:, cell:]) for cell in range(n)]
        products = sparse.csr_array(sparse.hstack(both).T if both else (0, self.counts.shape[0]))
        held = np.diff(products.indptr) > 0  # most pairs of a table's own cells are nobody's but of large units
        held &= ~(self.fixed[one] | self.fixed[other])
        return one[held], other[held], products[held]

    def of(self, mass: Floats) -> Floats:
        """(areas, vectors) -> (areas, cells, cells)."""
        one, other, products = self._pairs
        n = self.counts.shape[1]
        found = np.zeros((len(mass), n, n))
        found[:, one, other] = found[:, other, one] = (products @ mass.T).T
        return found


def pulled(
    vectors: Vectors,
    zones: Zones,
    base: Floats,
    engine: Engine,
    *,
    lived: CellIndex,
    wanted: Floats | None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Pulled:
    """The region's shares tilted for each area until its tables are met.

    Args:
        vectors: what areas see of the region's units, and what they want.
        zones: the areas, the region the last of them.
        base: (s,) units of each vector that the region is expected to have.
        engine: where zones are fitted.
        lived: the largest areas in which anybody lives.
        wanted: (s,) units of each vector that all areas together are to have; None where only tables are wanted.
        advance: told how many rounds of how many are done.
    """
    found = Pulled(
        zones=zones,
        vectors=vectors,
        areas=tuple(np.arange(size) for size in zones.sizes),
        base=base,
        shelf=Shelf.of(*vectors.numbers(), base, lived, np.array(wanted is None)),
        multipliers=[np.where(high <= 0, NEVER, 0.0) for high in vectors.high],
    )
    found.multipliers[0][vectors.strict & (vectors.high[0] <= 0)] = BARRED
    found = found.part(lived)
    fitted(found, engine, wanted, advance, kept="fit")
    return found


def fitted(
    found: Pulled,
    engine: Engine,
    wanted: Floats | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
    *,
    kept: str,
) -> None:
    """Move the multipliers until all tables are met.

    Args:
        found: whose multipliers these are; from where they are.
        engine: where zones are fitted.
        wanted: (s,) units of each vector that all areas together are to have; None where only tables are wanted.
        advance: told how many rounds of how many are done.
        kept: name of the state on the shelf.
    """
    found.still = 0
    first = found.resumed(kept)
    fixed = (found.vectors.strict, *(np.zeros(counts.shape[1], bool) for counts in found.vectors.counts[1:]))
    all_of_them = zip(found.vectors.counts, fixed, strict=True)
    curvatures = [Curvature(*each).ready() for each in all_of_them] if first < SWEEPS else []
    for sweep in range(first, SWEEPS):
        before = found.off
        found.sweeps = sweep + 1
        above, steps = found.down(), INNER if sweep < INNER else 1
        off, below = _fit_zones(found, curvatures[0], above[0], steps, engine)
        for level in range(1, len(found.zones.sizes)):
            gap, below = _fit_larger(found, curvatures[level], level, above[level], below, steps)
            off = max(off, gap)
        advance(sweep, SWEEPS)
        found.off, found.apart = off, 0.0
        if wanted is not None and sweep < BELIEVED:
            together = below[0]
            found.apart = 0.5 * float(np.abs(together - wanted).sum() / wanted.sum())
            if off < CLOSE and found.apart < STEADY:
                break
            with np.errstate(divide="ignore", invalid="ignore"):
                found.base = found.base * np.where((together > 0) & (wanted > 0), wanted / together, 1.0)
        else:
            found.still = found.still + 1 if abs(off - before) < SETTLED * before else 0
            if off < CLOSE or found.still >= PATIENT:
                break
        if found.shelf.due():
            found.keep(kept, sweep + 1)
    found.keep(kept, SWEEPS)
    advance(SWEEPS, SWEEPS)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Block:
    """Some areas of a level, to be fitted.

    Attributes:
        weights: (areas around, vectors) what these let each weigh.
        around: (areas,) which of these each lies in.
        multipliers: (areas, cells) of the areas.
        low: (areas, cells) the fewest rows.
        high: (areas, cells) the most.
        steps: Newton steps.
    """

    weights: Floats
    around: CellIndex
    multipliers: Floats
    low: Floats
    high: Floats
    steps: int


def _fit_zones(found: Pulled, curvature: Curvature, above: Floats, steps: int, engine: Engine) -> tuple[float, Floats]:
    """Fit the multipliers of zones; by how much cells were off, and the expected units of the areas around them."""
    blocks, parents = list(found.blocks(0)), parents_of(found.zones, 0)
    items, rows = [], []
    for block in blocks:
        own, around = np.unique(parents[block], return_inverse=True)
        rows.append(own)
        low, high = found.vectors.low[0][block], found.vectors.high[0][block]
        multipliers = found.multipliers[0][block]
        items.append(_Block(weights=above[own], around=around, multipliers=multipliers, low=low, high=high, steps=steps))
    off, below = 0.0, np.zeros((n_above(found.zones, 0), found.vectors.sizes[0]))
    results = engine.map(_zones_fitted, items, shared=curvature)
    for block, own, (gap, multipliers, sums) in zip(blocks, rows, results, strict=True):
        off = max(off, gap)
        found.multipliers[0][block] = multipliers
        below[own] += sums
    return off, below


def _zones_fitted(curvature: Curvature, block: _Block) -> tuple[float, Floats, Floats]:
    """By how much cells of some zones were off, their multipliers, and the expected units of the areas around them."""
    mass = tilted(block.weights[block.around], curvature.counts, block.multipliers)
    gap, multipliers, mass = _stepped(curvature, block, mass)
    return gap, multipliers, gathered(mass, block.around, len(block.weights))


def _stepped(curvature: Curvature, block: _Block, mass: Floats) -> tuple[float, Floats, Floats]:
    """Some Newton steps; by how much cells were off before, the multipliers, and the expected units, (areas, vectors)."""
    counts, low, high, multipliers = curvature.counts, block.low, block.high, block.multipliers
    gap, places = 0.0, np.arange(curvature.counts.shape[1])
    for step in range(block.steps):
        got = np.asarray(mass @ counts)
        lacks = np.where((high <= 0) | (got <= 0), 0.0, np.clip(got, low, high) - got)
        lack = float(np.abs(lacks).max(initial=0.0))
        gap = gap if step else lack
        if lack < CLOSE / 10:
            break
        curves = curvature.of(mass)
        size = np.trace(curves, axis1=1, axis2=2) / len(places)
        curves[:, places, places] += (RIDGE * size + LEAST)[:, None]
        moves = np.asarray(np.linalg.solve(curves, lacks[..., None])[..., 0], np.float64)
        moves = moves * np.minimum(1.0, LONGEST / np.maximum(np.abs(moves).max(axis=1), LONGEST))[:, None]
        moves = np.clip(multipliers + moves, -FURTHEST, FURTHEST) - multipliers
        moves = np.where(multipliers > BARRED, moves, 0.0)
        multipliers = multipliers + moves
        mass = tilted(mass, counts, moves)
    return gap, multipliers, mass


def _fit_larger(
    found: Pulled, curvature: Curvature, level: int, above: Floats, below: Floats, steps: int
) -> tuple[float, Floats]:
    """Fit the multipliers of a level, given the expected units of what the level below sees in each of its areas.

    Returns by how much their cells were off, and the expected units of those around them.
    """
    vectors, gap = found.vectors, 0.0
    of, size = vectors.coarser[level - 1], vectors.sizes[level - 1]
    upper, parents = np.zeros((n_above(found.zones, level), vectors.sizes[level])), parents_of(found.zones, level)
    for areas in found.blocks(level):
        mass = found.mass(level, above, areas)
        seen = summed(mass, of, size)
        with np.errstate(divide="ignore", invalid="ignore"):
            per = np.where(seen > 0, below[areas] / seen, 0.0)
        low, high, multipliers = vectors.low[level][areas], vectors.high[level][areas], found.multipliers[level][areas]
        block = _Block(weights=above, around=parents[areas], multipliers=multipliers, low=low, high=high, steps=steps)
        off, found.multipliers[level][areas], mass = _stepped(curvature, block, mass * np.take(per, of, axis=1))
        gap = max(gap, off)
        upper += gathered(mass, parents[areas], len(upper))
    return gap, upper
