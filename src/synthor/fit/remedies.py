"""Changes of tables with which a contradiction would be gone: each is tried before it is told.

A change of one table is the smallest that there is: weights of the candidates are looked for that meet all other targets and
miss the cells of this one by as little as can be in sum. What they give is the changed table, so it still adds up and agrees
with every other. It is then rounded as tables are printed, and tried once more as it would stand in the spec. Where another
contradiction remains whatever one table says, the change is only asked to meet the cells of this contradiction and to leave
alone what the table tells together with others.

Values are taken as the fit takes them, at the mean of their bins: what only values at the very ends of bins could give is not
promised.
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from synthor.fit.conflict import TOLERANCE, feasible_point, least_change, only
from synthor.fit.dual import Hard
from synthor.fit.pool import Pool
from synthor.fit.reach import Ends, Place, Rigid, counts, sides
from synthor.problem import Demanded, OfValues, Problem, Target
from synthor.problem.marginals import shared_marginals
from synthor.schema import Cells, Partition, Ref
from synthor.types import CellIndex, Floats, Mask

PERCENT_DIGITS = 6
"""Decimals that a changed share is told with, in percent."""

MOST_EDITS = 40
"""Cells that a change may have: nobody writes more by hand."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Edit:
    """One number of a table, before and after.

    Attributes:
        target: its name.
        cell: its labels, in words; empty where the target is a single number.
        before: as published: records, percent of all, or a value.
        after: the same.
        kind: which of these.
    """

    target: str
    cell: str
    before: float
    after: float
    kind: Literal["count", "share", "value"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Edits to be made together.

    Attributes:
        edits: in the order of the tables.
        enough: whether all targets can be met with them; otherwise the contradiction is gone, and another remains.
    """

    edits: tuple[Edit, ...]
    enough: bool


class Remedies:
    """Changes of a problem's tables, each tried once.

    Args:
        problem: what is known, with all rules that hold.
        hard: its targets as demands of the fit; believed rows after them take no part.
        pool: the candidates.
        means: column to the mean value of each of its bins, (k,), as the fit takes it, for variables that have statistics.
    """

    def __init__(self, problem: Problem, hard: Sequence[Hard], pool: Pool, means: Mapping[Ref, Floats]) -> None:
        self.problem, self.hard, self.pool, self.means = problem, hard, pool, means
        self._demands = [Rigid(source=t, bounds=self._demand(t)) for t in range(len(problem.targets))]
        self._alive = np.isfinite(pool.log_base)
        self._known: dict[tuple[int, ...], Change | None] = {}

    def of(self, members: Sequence[Place]) -> tuple[Change, ...]:
        """Changes of a contradiction's tables, any one of which would do: for all targets if there is such, else for it alone.

        Args:
            members: the cells that contradict each other.
        """
        concerned = list(dict.fromkeys(t for t, _ in members))
        groups = [(t,) for t in concerned], [tuple(sorted((t, *self._nested(t)))) for t in concerned]
        for some in groups:
            found = [self._whole(changing) for changing in dict.fromkeys(some)]
            if any(found):
                return tuple(dict.fromkeys(change for change in found if change is not None))
        parts = [self._part(t, members) for t in concerned]
        return tuple(change for change in parts if change is not None)

    def _whole(self, changing: tuple[int, ...]) -> Change | None:
        """The smallest change of some tables with which all targets can be met."""
        if changing not in self._known:
            self._known[changing] = self._found(changing)
        return self._known[changing]

    def _found(self, changing: tuple[int, ...]) -> Change | None:
        if not all(self._editable(t) for t in changing):
            return None
        places = {place for place, demand in enumerate(self._demands) if demand.source in changing}
        weights = least_change([demand.bounds for demand in self._demands], self._alive, places)
        if weights is None:
            return None
        edits: list[Edit] = []
        changed: dict[int, list[Demanded]] = {}
        for t in changing:
            found = self._edited(t, weights)
            if found is None:
                return None
            edits += found[0]
            changed[t] = found[1]
        return self._tried(edits, [*self._others(changing), *(b for both in changed.values() for b in both)], True)

    def _part(self, t: int, members: Sequence[Place]) -> Change | None:
        """The smallest change of one table that resolves a contradiction and keeps what other tables say of it, too."""
        if not self._editable(t):
            return None
        own = [demand.bounds for demand in self._demands if demand.source == t]
        kept = list(self._margins(t))
        places = [(place, cell) for place, demand in enumerate(self._demands) for s, cell in members if s == demand.source != t]
        kept += only([demand.bounds for demand in self._demands], places)
        rest = self._others((t,))
        light = set(range(len(own) + len(kept), len(own) + len(kept) + len(rest)))
        weights = least_change([*own, *kept, *rest], self._alive, set(range(len(own))), lightly=light)
        found = None if weights is None else self._edited(t, weights)
        return None if found is None else self._tried(found[0], [*kept, *found[1]], False)

    def _tried(self, edits: Sequence[Edit], bounds: Sequence[Demanded], enough: bool) -> Change | None:
        """The change, if it is one and brings what is asked of it as it would be written."""
        if not 0 < len(edits) <= MOST_EDITS or not isinstance(feasible_point(bounds, self._alive), tuple):
            return None
        return Change(edits=tuple(edits), enough=enough)

    def _demand(self, t: int) -> Demanded:
        """What a target demands of a change: statistics as the fit meets them, whatever more the edges of bins could reach."""
        target, table = self.problem.targets[t], self.hard[t]
        if target.counts:
            return counts(target, table, self.pool.units, self.problem.n_units)
        return Demanded.between(table.cells, table.low, table.high)

    def _others(self, but: Sequence[int]) -> list[Demanded]:
        return [demand.bounds for demand in self._demands if demand.source not in but]

    def _editable(self, t: int) -> bool:
        """Whether a target's numbers are told one by one, so that they can be changed one by one."""
        source = self.problem.targets[t]
        if not source.counts:
            return source.exact and isinstance(source.statistic, OfValues) and not source.statistic.curved
        of_all = source.statistic.word == "count" or source.grid.covers
        bands = any(written.name == source.name and written.quantiles for written in self.problem.spec.targets)
        return source.exact and source.flat and not source.totals_of and not bands and of_all

    def _nested(self, t: int) -> Iterator[int]:
        """Tables that say again what one says, or some of it."""
        mine = self.problem.targets[t]
        for other, target in enumerate(self.problem.targets):
            if mine.counts and target.counts and other != t and self._editable(other):
                one, two = set(mine.columns), set(target.columns)
                if one <= two or two <= one:
                    yield other

    def _margins(self, t: int) -> Iterator[Demanded]:
        """What other tables say of a table's sums."""
        mine = self.problem.targets[t]
        if not mine.counts:
            return
        index = _index(mine.cells(self.pool.units))
        for other, target in enumerate(self.problem.targets):
            if other != t and target.counts and target.flat and target.sigma is None:
                for shared in shared_marginals(mine, target, self.problem.schema.unit):
                    size = len(shared.second.low)
                    of = np.full(mine.grid.size + 1, size)
                    of[: len(shared.first.of)] = np.where(shared.first.of < size, shared.first.of, size)
                    n = self.problem.n_units
                    yield Demanded.between(Partition(of[index], size), shared.second.low / n, shared.second.high / n)

    @property
    def _factor(self) -> float:
        """Records for each one that tables count."""
        return self.problem.n_units / (self.problem.spec.population or self.problem.n_units)

    def _edited(self, t: int, weights: Floats) -> tuple[list[Edit], list[Demanded]] | None:
        """What changes in a target where weights miss it, and what it then demands; None where it cannot be written so."""
        source = self.problem.targets[t]
        found = self._table(source, t, weights) if source.counts else self._statistic(source, t, weights)
        if found is None:
            return None
        before, after, kind, bounds = found
        cells = np.flatnonzero(before != after)
        if source.counts and source.grid.listed is not None and (cells >= len(source.grid.listed)).any():
            return None
        edits = [
            Edit(
                target=source.name,
                cell=", ".join(f"{name} = {label}" for name, label in source.labels(int(cell)).items()),
                before=float(before[cell]),
                after=float(after[cell]),
                kind=kind,
            )
            for cell in cells
        ]
        return edits, bounds

    def _table(
        self, target: Target, t: int, weights: Floats
    ) -> tuple[Floats, Floats, Literal["count", "share"], list[Demanded]] | None:
        kind: Literal["count", "share"] = "share" if target.statistic.word == "share" else "count"
        bounds = counts(target, self.hard[t], self.pool.units, self.problem.n_units)
        got = bounds.cells.totals(weights)
        off = np.abs(got - bounds.low) > 2 * TOLERANCE
        rows = float(target.wanted.sum()) if target.whole else float(self.problem.n_units)
        after: Floats
        if kind == "share":
            before = 100 * target.wanted / rows
            after = np.where(off, np.round(100 * got, PERCENT_DIGITS), before)
            if off.any():  # what rounding leaves goes to the largest cell that changes
                after[int(np.where(off, after, -1.0).argmax())] += float(before.sum() - after.sum())
            after = np.round(after, PERCENT_DIGITS + 2)
            demanded = after / 100
        else:
            before = target.wanted / self._factor
            moved = np.where(off, got * rows / self._factor - before, 0.0)
            after = before + (_rounded(moved, off) if target.grid.covers else np.where(off, np.round(moved), 0.0))
            demanded = np.where(off, after * self._factor / rows, bounds.low)
        if (after < 0).any():
            return None
        return before, after, kind, [Demanded.between(bounds.cells, demanded, demanded)]

    def _statistic(self, target: Target, t: int, weights: Floats) -> tuple[Floats, Floats, Literal["value"], list[Demanded]]:
        """Values moved to what weights give, to the digits that were published."""
        of, bounds, units = target.statistic, self._demand(t), self.pool.units
        assert isinstance(of, OfValues)
        cell, owner = target.grid.index(units, target.level), units.above(0, target.level)
        got = bounds.cells.totals(weights)
        off = (got < bounds.low - 2 * TOLERANCE) | (got > bounds.high + 2 * TOLERANCE)
        value = self.means[of.ref][units.column(of.ref, target.level)]
        sums, size = (np.bincount(cell, share, target.grid.size + 1)[:-1] for share in (weights[owner] * value, weights[owner]))
        factor = 1.0 if of.per_row else self._factor
        digits = 0 if target.rounding <= 0 else int(np.clip(round(-math.log10(2 * target.rounding / factor)), -12, 12))
        with np.errstate(invalid="ignore", divide="ignore"):
            reached = sums / size if of.per_row else sums * self.problem.n_units
        off &= np.isfinite(target.wanted) & np.isfinite(reached)
        before = np.where(off, target.wanted / factor, 0.0)
        after = np.where(off, np.round(np.where(off, reached, 0.0) / factor, digits), 0.0)
        changed = replace(target, wanted=np.where(off, after * factor, target.wanted))
        each = Ends(units=units, of=np.arange(len(units)), values={} if target.level else {of.of: value})
        return before, after, "value", list(sides(changed, self.problem, each))


def _index(cells: Cells) -> CellIndex:
    assert isinstance(cells, Partition)
    return cells.index


def _rounded(moved: Floats, off: Mask) -> Floats:
    """Whole numbers near to some that add up to 0, and that do so, too."""
    whole = np.where(off, np.round(moved), 0.0)
    rest = round(float(whole.sum()))
    order = np.argsort(np.where(off, np.sign(rest) * (moved - whole), np.inf), kind="stable")
    whole[order[: abs(rest)]] -= np.sign(rest)
    return whole
