"""Means of a number in areas: its bands are tilted until they come out, and whole units stay where numbers can still be moved.

A mean is met by numbers moved inside their bands, when records are written (`sample`). So what areas hold of each band must
only be near: the fit tilts bands by exp(z (v - m)), v being what a number of the band is expected to be, m the mean that is
wanted, which is the I-projection onto that mean as a table's factors are onto its cells. Whole units are a little beside, which
in small areas may be further than bands reach: then single units go to another band.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.geography.flat.exchange import Seen
from synthor.geography.flat.signatures import Signatures
from synthor.problem.means_of_areas import AreaMean
from synthor.types import CellIndex, Counts, Floats

LONGEST = 1.0
"""No tilt moves further in one step, between the bands that are furthest apart: far from the mean the curvature misleads."""

FURTHEST = 40.0
"""Nor any further than this in all: means that no bands reach would move it for ever."""

SPARE, NARROW = 0.2, 0.02
"""Share of what an area's numbers can be moved by inside their bands that is kept free at either end; and where larger areas
ask for it."""

MOST_MOVES, MOST_SHIFTS = 1_000, 20_000
"""Units of one area that go to another band, at most; and of all areas inside a larger one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MeanTilt:
    """The mean of a number in the areas of a level.

    Attributes:
        table: place of its bands among the tables of the level.
        cells: (signatures,) band of each.
        values: (bands + 1,) what a number of each is expected to be; 0 for those in none.
        low: (bands + 1,) the least that it can be.
        high: (bands + 1,) the most.
        wanted: (areas,) the mean.
    """

    table: int
    cells: CellIndex
    values: Floats
    low: Floats
    high: Floats
    wanted: Floats

    @classmethod
    def of(cls, mean: AreaMean, table: int, cells: CellIndex, expected: Floats, weights: Floats) -> "MeanTilt":
        """That of a mean.

        Args:
            mean: of each area.
            table: place of its bands among the tables of the level.
            cells: (signatures,) band of each.
            expected: (bins,) what a number is expected to be, in the bins that the statistic is read in.
            weights: (bins,) share of each in the region.
        """
        band, n = mean.band_of.group_of, mean.band_of.size
        mass = np.bincount(band, weights, n)
        low, high = mean.bands.ends
        with np.errstate(divide="ignore", invalid="ignore"):
            values = np.where(mass > 0, np.bincount(band, weights * expected, n) / mass, (low + high) / 2)
        values, low, high = (np.append(edge, 0.0) for edge in (values, low, high))
        return cls(table=table, cells=cells, values=values, low=low, high=high, wanted=mean.wanted)

    def among(self, columns: slice | CellIndex) -> "MeanTilt":
        """The same for some of the signatures."""
        return replace(self, cells=self.cells[columns])

    def ratio(self, got: Floats, factor: Floats, areas: slice | CellIndex) -> tuple[Floats, float]:
        """By what to multiply each band, (areas, bands + 1), and by how many records the mean of some area is off.

        Args:
            got: (areas, bands + 1) records that are expected.
            factor: likewise, of the tilt so far.
            areas: which of all.
        """
        apart = self.values[None, :] - self.wanted[areas][:, None]
        apart[:, -1] = 0.0
        reach = np.maximum(np.abs(apart).max(axis=1, keepdims=True), 1e-300)
        apart = apart / reach
        lack, curve = (got * apart).sum(axis=1), (got * np.square(apart)).sum(axis=1)
        tilt = np.clip(-lack / np.maximum(curve, 1e-300), -LONGEST, LONGEST)
        moved = np.clip(np.log(factor) + tilt[:, None] * apart, -FURTHEST, FURTHEST)
        found = np.exp(moved) / factor
        all_of, then = got.sum(axis=1), (got * found).sum(axis=1)
        found *= np.divide(all_of, then, out=np.ones(len(got)), where=then > 0)[:, None]
        return found, float(np.abs(lack).max(initial=0.0))

    def bring(self, counts: Counts, likely: Floats, into: CellIndex, areas: slice | CellIndex) -> None:
        """Move single units to other bands where numbers could not come to the mean by moving inside theirs.

        Args:
            counts: (areas, signatures) whole units, which are changed.
            likely: likewise, what was expected.
            into: (signatures, bands) what a signature becomes in another band; -1 where there is no such.
            areas: which of all.
        """
        wanted = self.wanted[areas] * counts.sum(axis=1)
        least, most = counts @ self.low[self.cells], counts @ self.high[self.cells]
        spare = SPARE * (most - least)
        for area in np.flatnonzero((wanted < least + spare) | (wanted > most - spare)):
            self._bring(counts[area], likely[area], into, float(wanted[area]))

    def _bring(self, counts: Counts, likely: Floats, into: CellIndex, wanted: float) -> None:
        signature, band = np.nonzero(into >= 0)
        goes = into[signature, band]
        change = self.values[self.cells[goes]] - self.values[self.cells[signature]]
        for _ in range(MOST_MOVES):
            least, most = float(counts @ self.low[self.cells]), float(counts @ self.high[self.cells])
            spare = SPARE * (most - least)
            if least + spare <= wanted <= most - spare:
                return
            lack = wanted - float(counts @ self.values[self.cells])
            left = np.abs(lack - change)
            left[(counts[signature] <= 0) | (left >= abs(lack))] = np.inf
            if not np.isfinite(left).any():
                return
            best = int(np.lexsort([-likely[goes], left])[0])
            counts[signature[best]] -= 1
            counts[goes[best]] += 1

    def shift(
        self, counts: Counts, tables: Sequence[Seen], kept: Sequence[CellIndex], into: CellIndex, areas: slice | CellIndex
    ) -> None:
        """Move single units to other bands so that tables of a larger area that see these come out, as far as means let them.

        Args:
            counts: (areas, signatures) of the areas inside the larger one, which are changed.
            tables: of the larger area.
            kept: (signatures,) cells that must hold as many units as before, of each table of areas in between.
            into: (signatures, bands) what a signature becomes in another band; -1 where there is no such.
            areas: which of all.
        """
        signature, band = np.nonzero(into >= 0)
        goes = into[signature, band]
        free = np.ones(len(goes), bool)
        for cells in kept:
            free &= cells[signature] == cells[goes]
        signature, goes = signature[free], goes[free]
        wanted = self.wanted[areas] * counts.sum(axis=1)
        shut = np.zeros(len(goes), bool)
        for _ in range(MOST_SHIFTS):
            gain = np.where(shut, 0, sum((_gain(table, counts.sum(axis=0), signature, goes) for table in tables), np.zeros(1)))
            best = int(gain.argmax()) if len(gain) else 0
            if not len(gain) or gain[best] <= 0:
                return
            one, other = signature[best], goes[best]
            area = self._willing(counts, wanted, one, other)
            shut[best] = area is None
            if area is not None:
                counts[area, one] -= 1
                counts[area, other] += 1

    def _willing(self, counts: Counts, wanted: Floats, one: int, other: int) -> int | None:
        """The area that such a move suits best; None where numbers could not come to its mean any more."""
        bands = self.cells[one], self.cells[other]
        low, high, value = (edge[bands[1]] - edge[bands[0]] for edge in (self.low, self.high, self.values))
        least, most = counts @ self.low[self.cells] + low, counts @ self.high[self.cells] + high
        spare = NARROW * (most - least)
        able = np.flatnonzero((counts[:, one] > 0) & (wanted >= least + spare) & (wanted <= most - spare))
        if not len(able):
            return None
        lack = wanted[able] - counts[able] @ self.values[self.cells]
        return int(able[(np.abs(lack - value) - np.abs(lack)).argmin()])


def _gain(table: Seen, held: Counts, signature: CellIndex, goes: CellIndex) -> Floats:
    """By how much the cells of a table are less off when a unit of one signature becomes another, (pairs,)."""
    got = np.bincount(table.cells, held, len(table.low))
    source, target = table.cells[signature], table.cells[goes]
    leaves = np.where(got > table.high, 1, np.where(got <= table.low, -1, 0))[source]
    comes = np.where(got < table.low, 1, np.where(got >= table.high, -1, 0))[target]
    return np.where((source != target) & (held[signature] > 0), leaves + comes, 0).astype(np.float64)


def tilts_of(
    means: Sequence[AreaMean],
    places: Sequence[int],
    signatures: Signatures,
    expected: Sequence[Floats],
    weights: Sequence[Floats],
) -> tuple[tuple[MeanTilt, int], ...]:
    """Those of some means, each with its level.

    Args:
        means: of areas.
        places: of the bands of each among the tables of its level.
        signatures: what areas see of the region's units; their last tables are these bands.
        expected: for each what a number is expected to be in the bins that it is read in.
        weights: for each the share of these bins in the region.
    """
    cells = signatures.cells[len(signatures.cells) - len(means) :]
    return tuple(
        (MeanTilt.of(mean, place, own, value, share), mean.table.level)
        for mean, place, own, value, share in zip(means, places, cells, expected, weights, strict=True)
    )
