"""Levels of areas that differ within their tolerance, made to add up.

Agencies round or perturb the tables of each level by itself, so that those of zones, added up, are not quite those of the areas
around them. Where tables say how far they may be off (`tolerance`, `rounded_to`), they are moved inside that until all levels
add up, and zones are filled to what they are then. The number of records and tables without a tolerance are believed as they
are; then come the region's tables, those of the largest areas, and so on down to the zones. Each becomes the nearest to what
was published that agrees with those before it and leaves those behind it a way inside their own intervals (`fitting`): cells of
zones keep their proportions inside an area, and those of 0 stay 0.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

from synthor.errors import Finding
from synthor.problem.agree import shown
from synthor.problem.around import shared_over_areas
from synthor.problem.fitting import BandTotals, nearly_fitted, whole_beside
from synthor.problem.statistic import Count
from synthor.problem.target import Target
from synthor.problem.zones import Zones
from synthor.schema import Level
from synthor.types import Floats

HARDLY = 0.01
"""Records by which a cell moves that counts as moved."""


NEARLY, SWEEPS = 0.25, 500
"""Records by which sums may be off after so many sweeps: zones hold whole ones."""

LITTLE = 0.1
"""Records in a cell of 0 from which it may grow, where there is no other way."""


@dataclass(slots=True, eq=False)
class Levels:
    """Tables of the same rows, on their way to add up.

    Attributes:
        tables: all of them.
        zones: the areas, as these rows see them.
        level: these rows.
        whole: how many there are; infinite where nothing tells.
        scaled: whether tables are of another number of records than was published, so that hardly any cell is whole.
        empty: whether cells of 0 stay so.
        found: what tables that may move are moved to, (c,) each, by their place; of those that are done.
    """

    tables: Sequence[Target]
    zones: Zones
    level: Level
    whole: float
    scaled: bool
    empty: bool = True
    found: dict[int, Floats] = field(default_factory=dict)

    def settle(self) -> Iterator[Finding]:
        """Move the tables, the largest areas first; what could not be moved, and what was by how much, is told."""
        top = len(self.zones.names)
        levels = [self.zones.level(table) for table in self.tables]
        loose = [table.bounds is not None and table.sigma is None and not table.hidden for table in self.tables]
        if not any(own and level is not None for own, level in zip(loose, levels, strict=True)):
            return
        own = {place: level for place, level in enumerate(levels) if self._moves(place)}
        order = sorted(own, key=lambda place: top if own[place] is None else own[place] or 0, reverse=True)
        if not self._fit(order):
            self.empty = False
            self._fit(order)
        for place in (place for place in order if own[place] is not None and loose[place]):
            published = self.tables[place].wanted[: len(self.tables[place].grid.cells)]
            demands = list(self._demands(place))
            by = [demand.by for demand in demands if demand.missed(published, published, float(published.sum()))]
            if place not in self.found:
                yield _stuck(self.tables[place], list(dict.fromkeys(by)))
            elif by:
                yield _moved(self.tables[place], self.found[place], list(dict.fromkeys(by)), self.zones)

    def _fit(self, order: Sequence[int]) -> bool:
        """Move the tables in some order; whether all could be."""
        self.found.clear()
        for place in order:
            low, high = self._ends(self.tables[place])
            start = np.clip(self.tables[place].wanted[: len(low)], low, high)
            demands, growing = list(self._demands(place)), (start <= 0) & (high > 0)
            fitted = _fitted(np.where(growing, LITTLE, start), demands, low, high)
            if fitted is not None and growing.any():  # those that did not have to grow stay empty, if that can be
                needed = ~growing | (fitted > 2 * LITTLE)
                again = _fitted(np.where(needed, fitted, 0.0), demands, low, np.where(needed, high, 0.0))
                fitted = fitted if again is None else again
            if fitted is not None:
                whole = whole_beside(fitted, demands, low, high)
                self.found[place] = fitted if whole is None else whole
        return len(self.found) == len(order)

    @property
    def aims(self) -> Mapping[int, Floats]:
        """What tables of areas are filled to, cell by cell, by their place; nothing where all stay as they are.

        Shares of areas always come as near as they can to what was printed.
        """
        of_areas = [place for place in self.found if self.zones.level(self.tables[place]) is not None]
        aims = {place: self._all_cells(place, self.found[place]) for place in of_areas}
        shares = any(self.tables[place].statistic.word == "shares" for place in aims)
        moved = any(np.abs(aim - self.tables[place].wanted).max(initial=0) > HARDLY for place, aim in aims.items())
        return aims if moved or shares else {}

    def _all_cells(self, place: int, listed: Floats) -> Floats:
        """Numbers of listed cells, with none in the one more cell of a closed table."""
        return np.append(listed, np.zeros(int(self.tables[place].grid.closed)))

    def _moves(self, place: int) -> bool:
        target = self.tables[place]
        return (target.bounds is not None or self.scaled) and target.sigma is None and not target.hidden

    def _ends(self, target: Target) -> tuple[Floats, Floats]:
        """The least and the most of each listed cell, as whole numbers."""
        n = len(target.grid.cells)
        low, high = target.demand.whole
        nobody = (target.wanted <= 0) & (low <= 0) & self.empty
        return np.maximum(low[:n], 0.0), np.where(nobody, 0.0, high)[:n]

    def _demands(self, place: int) -> Iterator[BandTotals]:
        """What the number of records and the other tables ask of one."""
        target, zones = self.tables[place], self.zones
        if target.grid.covers and np.isfinite(self.whole):
            total, everything = np.array([self.whole]), np.zeros(len(target.grid.cells), np.int64)
            yield BandTotals.of(everything, total, total, "the number of records")
        for other, table in enumerate(self.tables):
            if other != place and table.sigma is None:
                for shared, of in shared_over_areas(target, self._as_it_stands(other), zones, self.level):
                    if shared.names or not target.grid.covers:
                        yield BandTotals.of(of, shared.second.low, shared.second.high, f"'{table.name}'")

    def _as_it_stands(self, place: int) -> Target:
        """A table as far as it is known: what it was moved to, or else its interval."""
        target = self.tables[place]
        if not self._moves(place):
            return target
        plain = replace(target, statistic=Count(), rounding=0.0)
        if place in self.found:
            return replace(plain, wanted=self._all_cells(place, self.found[place]), bounds=None)
        low, high = (self._all_cells(place, edge) for edge in self._ends(target))
        return replace(plain, wanted=np.clip(target.wanted, low, high), bounds=(low, high))


def _fitted(start: Floats, demands: Sequence[BandTotals], low: Floats, high: Floats) -> Floats | None:
    """The nearest cells between two edges that meet all demands; None where none are found."""
    box = BandTotals.of(np.arange(len(low)), low, high, "its own")
    return nearly_fitted(start, [*demands, box], NEARLY, SWEEPS)


def _moved(target: Target, fitted: Floats, by: Sequence[str], zones: Zones) -> Finding:
    """That a table was moved, by how much, and where most."""
    published = target.wanted[: len(fitted)]
    off = np.abs(fitted - published)
    worst = int(off.argmax())
    n, total = int((off > HARDLY).sum()), shown(round(float(off.sum()), 1))
    before, after = (shown(round(float(cells[worst]), 1)) for cells in (published, fitted))
    labels = ", ".join(target.labels(worst).values())
    side = zones.side(target)
    assert side is not None
    area = f"{target.axes[side].variable.name} '{target.labels(worst)[target.axes[side].variable.name]}'"
    message = (
        f"differs from {' and '.join(by)} by no more than its tolerance, so its cells were moved inside that until all add up: "
        f"{n:,} of {len(fitted):,} cells, by {total} in all and {shown(round(float(off[worst]), 1))} at most, in {area} "
        f"({labels}: {before} to {after})"
    )
    return Finding(
        where=target.name,
        message=message,
        label=labels,
        found=float(published[worst]),
        expected=float(fitted[worst]),
        severity="warning",
    )


def _stuck(target: Target, by: Sequence[str]) -> Finding:
    """That a table cannot be moved inside its tolerance so that all levels add up."""
    names = f" with {' and '.join(by)}" if by else ""
    message = f"has no numbers inside its tolerance that add up{names}; its cells are met as far as they can be"
    return Finding(where=target.name, message=message, cure="give it, or these, a wider `tolerance`", severity="warning")
