"""Whole units of each signature in each area, so that the tables of all areas are met.

The smallest areas come first: systematic sampling gives counts beside their expectations, then single units are moved to a
signature that differs in one table only, until no table is off. What larger areas ask of the same (`exchange`) is made good
by pairs of units. Areas around zones are then given what their own tables see beside: the units that zones have are split by
it, sampled and moved likewise, so that nothing below changes. An area in which moves cannot end (tables that share what they
see, so that no signature differs in one alone) is made anew by the exchange of units that makes flat records whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from synthor.geography.areas import gathered
from synthor.geography.flat.exchange import Own, Seen, exchanged, seen_of
from synthor.geography.flat.shares import Area, Tilted
from synthor.geography.rounded import rounded
from synthor.problem import Demanded
from synthor.randomness import generator
from synthor.sample.integerize import integerize
from synthor.schema import Partition
from synthor.types import CellIndex, Counts, Floats

MOST_MOVES = 10_000
"""Moves of one unit in each area for one table, at most."""

ROUNDS = 4
"""Times that all tables are gone through: a move for one leaves the others as they are, but may find none."""

LEAST = 1e-9
"""Expected units below which a signature is not put in while there is another."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Neighbours:
    """Where a unit of each signature may go so that one table changes and no other: for each table (signatures, cells).

    -1 where there is no such signature.
    """

    into: tuple[CellIndex, ...]

    @classmethod
    def of(cls, cells: Sequence[CellIndex], sizes: Sequence[int], kept: CellIndex, weights: Floats) -> "Neighbours":
        """Those of some signatures.

        Args:
            cells: of each table.
            sizes: numbers of these cells, one more where units may be in none.
            kept: (s,) what must stay as it is beside.
            weights: (s,) of several that would do the heaviest is taken.
        """
        found = []
        for place, size in enumerate(sizes):
            others = kept
            for other, its in enumerate(cells):
                if other != place:
                    _, others = np.unique(others * (int(its.max(initial=0)) + 1) + its, return_inverse=True)
            n_groups = int(others.max(initial=0)) + 1
            rising = np.argsort(weights, kind="stable")
            best = np.full((n_groups, size), -1, np.int64)
            best[others[rising], cells[place][rising]] = rising  # the last one stays
            found.append(best[others])
        return cls(into=tuple(found))

    def among(self, columns: slice | CellIndex) -> "Neighbours":
        """The same for some signatures, of which none goes to another one; by their places among these."""
        if isinstance(columns, slice):
            return self
        place = np.full(len(self.into[0]) + 1 if self.into else 1, -1, np.int64)  # the last one stays: of nowhere
        place[columns] = np.arange(len(columns))
        return Neighbours(into=tuple(place[into[columns]] for into in self.into))


def moved(
    counts: Counts,
    expected: Floats,
    area: Area,
    neighbours: Neighbours,
    rows: slice | CellIndex,
    random: np.random.Generator,
) -> CellIndex:
    """Move single units until no table of any area is off; the areas where that did not end.

    Args:
        counts: (areas, signatures), which are changed.
        expected: likewise: units go where more are expected, and come from where fewer are.
        area: the tables.
        neighbours: where units may go.
        rows: which areas of the level these are.
        random: chooses among units.
    """
    with np.errstate(divide="ignore"):
        likely = np.log(np.maximum(expected, 0.0))
    tables = [(c, low[rows], high[rows]) for c, low, high in zip(area.cells, area.low, area.high, strict=True)]
    for _ in range(ROUNDS):
        left = np.zeros(len(counts), bool)
        for (cells, low, high), into in zip(tables, neighbours.into, strict=True):
            left[_moved_in_one(counts, likely, cells, low, high, into, random)] = True
        if not left.any():
            break
    return np.flatnonzero(left)


def _moved_in_one(
    counts: Counts,
    likely: Floats,
    cells: CellIndex,
    low: Floats,
    high: Floats,
    into: CellIndex,
    random: np.random.Generator,
) -> CellIndex:
    """The same for one table; areas where a cell is still off."""
    got = tallied(counts, cells, low.shape[1])
    linked = np.zeros((low.shape[1], low.shape[1]), bool)  # from which cell units may go into which
    for cell in range(low.shape[1]):
        linked[np.unique(cells[into[:, cell] >= 0]), cell] = True
    np.fill_diagonal(linked, val=False)
    tried = np.zeros((len(counts), *linked.shape), bool)
    stuck = np.zeros(len(counts), bool)
    for _ in range(MOST_MOVES):
        over, under = np.maximum(got - high, 0), np.maximum(low - got, 0)
        at = np.flatnonzero(((over > 0) | (under > 0)).any(axis=1) & ~stuck)
        if not len(at):
            break
        spare, room = np.maximum(got - low, 0)[at], np.minimum(np.maximum(high - got, 0)[at], 1e6)
        over, under = over[at], under[at]
        # Out of an overfull cell into an underfull one, or else from or into any that can give or take.
        worth = (
            np.where(over > 0, 1e3 + over, np.where(spare > 0, 1.0, -np.inf))[:, :, None]
            + np.where(under > 0, 1e3 + under, np.where(room > 0, 1.0, -np.inf))[:, None, :]
        )
        worth = np.where(linked & ~tried[at], worth, -np.inf)
        worth = np.where((over > 0)[:, :, None] | (under > 0)[:, None, :], worth, -np.inf).reshape(len(at), -1)
        best = worth.argmax(axis=1)
        lost = worth[np.arange(len(at)), best] == -np.inf
        stuck[at[lost]] = True
        at, best = at[~lost], best[~lost]
        source, target = np.divmod(best, len(linked))
        goes = into[:, target].T  # (areas, signatures)
        possible = (counts[at] > 0) & (cells == source[:, None]) & (goes >= 0)
        gain = np.take_along_axis(likely[at], np.maximum(goes, 0), axis=1) - np.maximum(likely[at], np.log(LEAST))
        gain = np.where(possible, gain + random.gumbel(size=gain.shape), -np.inf)
        chosen = gain.argmax(axis=1)
        works = gain[np.arange(len(at)), chosen] > -np.inf
        tried[at[~works], source[~works], target[~works]] = True
        at, chosen, goes = at[works], chosen[works], goes[works, chosen[works]]
        source, target = source[works], target[works]
        counts[at, chosen] -= 1
        counts[at, goes] += 1
        got[at, source] -= 1
        got[at, target] += 1
        tried[at] = False
    return np.flatnonzero(((got > high) | (got < low)).any(axis=1))


def tallied(counts: Counts, cells: CellIndex, size: int) -> Counts:
    """Units in each cell of one table, (areas, size)."""
    found = np.zeros((len(counts), size), np.int64)
    for cell in range(size):
        found[:, cell] = counts[:, cells == cell].sum(axis=1)
    return found


def together(
    expected: Floats, tables: Sequence[tuple[CellIndex, Floats, Floats]], total: int, random: np.random.Generator
) -> Counts:
    """Whole counts by the exchange of units, (n,).

    Args:
        expected: (n,) expected units.
        tables: each the cell of each of them, and the fewest and most units in each cell.
        total: units in all.
        random: of the exchange.
    """
    demanded = [Demanded.between(Partition(cells, len(low)), low, high) for cells, low, high in tables]
    return integerize(expected / expected.sum(), total, demanded, np.arange(len(expected)), random).counts


def made_whole(tilted: Tilted, totals: Counts, random_seed: int, region: Sequence[Seen] = ()) -> tuple[Counts, ...]:
    """Whole units of each signature in each area: for each level (areas, signatures).

    Args:
        tilted: what is expected.
        totals: (zones,) units in each zone.
        random_seed: of the spec.
        region: tables of the region, as far as signatures decide them.
    """
    levels, signatures, above = tilted.by_level, tilted.signatures, tilted.down()
    counts: list[Counts] = []
    for level, area in enumerate(levels):
        if level:
            kept = signatures.coarser[level - 1]
            given = np.rint(
                gathered(counts[-1].astype(np.float64), tilted.zones.parents[level - 1], tilted.zones.sizes[level])
            ).astype(np.int64)
        else:
            kept, given = np.zeros(signatures.sizes[0], np.int64), totals[:, None]
        alike = kept if level else tilted.kinds.of_signatures
        near = Neighbours.of(area.cells, [low.shape[1] for low in area.low], alike, above[level].sum(axis=0))
        counts.append(_made(tilted, level, above, kept, given, near, random_seed))
        _agree(tilted, level, counts[-1], near, above[level].sum(axis=0), region, random_seed)
    return tuple(counts)


def _made(
    tilted: Tilted, level: int, above: Sequence[Floats], kept: CellIndex, given: Counts, near: Neighbours, random_seed: int
) -> Counts:
    """Whole units in the areas of one level, given those that its signatures are to add up to."""
    found = np.zeros((tilted.zones.sizes[level], tilted.signatures.sizes[level]), np.int64)
    for number, (rows, columns) in enumerate(tilted.parts(level)):
        random = generator(random_seed, "zones", "whole", level, number)
        area, groups, names = tilted.by_level[level].among(slice(None), columns), kept[columns], np.arange(len(found))[rows]
        expected = tilted.potential(level, above[level], rows, columns)
        own = rounded(expected, groups, given[rows], np.argsort(groups, kind="stable"), random)
        for at in moved(own, expected, area, near.among(columns), rows, random):
            total = int(own[at].sum())
            if total and expected[at].any():
                place = int(names[at])
                tables = [(c, low[place], high[place]) for c, low, high in _tables(area)]
                if level:
                    ends = given[place].astype(np.float64)
                    tables.append((groups, ends, ends))
                own[at] = together(expected[at], tables, total, generator(random_seed, "zones", "alone", level, place))
        for tilt in area.tilts:
            tilt.bring(own, expected, near.among(columns).into[tilt.table], rows)
        found[rows if isinstance(rows, slice) else rows[:, None], columns] = own
    return found


def _agree(
    tilted: Tilted, level: int, counts: Counts, near: Neighbours, heavy: Floats, region: Sequence[Seen], random_seed: int
) -> None:
    """Exchange units inside areas so that they come to what larger areas and the region ask of their signatures."""
    zones, signatures, n_own = tilted.zones, tilted.signatures, tilted.signatures.sizes[level]
    kept: list[CellIndex] = []
    kinds = None if level or tilted.kinds.one else tilted.kinds.of_signatures
    tables_of_areas = Own(into=near.into, cells=tilted.by_level[level].cells, kinds=kinds)
    coarser = np.arange(n_own)
    for upper in range(level + 1, len(tilted.by_level) + 1):
        if upper < len(tilted.by_level):
            coarser = coarser[signatures.coarser[upper - 1]]
            found = [seen_of(cells, coarser, n_own, low, high) for cells, low, high in _tables(tilted.by_level[upper])]
            n_areas, around = zones.sizes[upper], zones.above(level, upper)
        else:
            found = [seen_of(seen.cells, coarser, n_own, seen.low[None], seen.high[None]) for seen in region]
            n_areas, around = 1, np.zeros(len(counts), np.int64)
        known = [one for one in found if one is not None]
        for at in range(n_areas if known else 0):
            tables = [Seen(cells=of, low=low[at], high=high[at]) for of, low, high in known]
            rows = np.flatnonzero(around == at)
            own = counts[rows]
            for tilt in tilted.by_level[level].tilts:
                tilt.shift(own, tables, kept, near.into[tilt.table], rows)
            random = generator(random_seed, "zones", "exchange", level, upper, at)
            exchanged(own, tables, kept, tables_of_areas, heavy, random)
            counts[rows] = own
        kept += [of for of, _, _ in known]


def _tables(area: Area) -> list[tuple[CellIndex, Floats, Floats]]:
    return list(zip(area.cells, area.low, area.high, strict=True))
