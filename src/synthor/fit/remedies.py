"""Changes of tables with which a contradiction would be gone: each is tried before it is told.

A change of one table is the smallest that there is: weights of the candidates are looked for that meet all other targets and
miss the cells of this one by as little as can be in sum. What they give is the changed table, so it still adds up and agrees
with every other. It is then rounded as tables are printed, and tried once more as it would stand in the spec. Where another
contradiction remains whatever one table says, the change is only asked to meet the cells of this contradiction and to leave
alone what the table tells together with others.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from synthor.fit.conflict import TOLERANCE, Bounds, feasible_point, least_change, only
from synthor.fit.dual import Hard
from synthor.fit.pool import Pool
from synthor.fit.reach import Place, Rigid, at_ends, counts, statistics
from synthor.problem import Moment, Problem, Target
from synthor.problem.marginals import shared_marginals
from synthor.types import CellIndex, Floats, Mask
from synthor.units import Cells, Incidence, Partition

PERCENT_DIGITS = 6
"""Decimals that a changed share is told with, in percent."""

INNER = 0.5
"""Share of the rounding of published values that a change may make use of: at its very edge no records might be found."""

INSET = 0.02
"""The same of the width of bins."""

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
        hard: its targets, then its statistics, as demands of the fit.
        pool: the candidates.
    """

    def __init__(self, problem: Problem, hard: Sequence[Hard], pool: Pool) -> None:
        self.problem, self.hard, self.pool = problem, hard, pool
        self._ends = at_ends(problem, pool.units, INSET)
        self._demands = [demand for t in range(len(hard)) for demand in self._of(t)]
        self._alive = self._ends.spread(np.isfinite(pool.log_base))
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
        changed: dict[int, list[Bounds]] = {}
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

    def _tried(self, edits: Sequence[Edit], bounds: Sequence[Bounds], enough: bool) -> Change | None:
        """The change, if it is one and brings what is asked of it as it would be written."""
        if not 0 < len(edits) <= MOST_EDITS or not isinstance(feasible_point(bounds, self._alive), tuple):
            return None
        return Change(edits=tuple(edits), enough=enough)

    def _of(self, t: int) -> Iterator[Rigid]:
        """What a target demands of a change: deviations and shares as the fit meets them, whatever more could be reached."""
        n = len(self.problem.targets)
        if t < n:
            bounds = [counts(self.problem.targets[t], self.hard[t], self._ends.units, self.problem.n_units)]
        elif self.problem.moments[t - n].kind in ("mean", "total"):
            moment = self.problem.moments[t - n]
            inner = replace(moment, half=INNER * moment.half)
            bounds = list(statistics(inner, self.problem, self._ends))
        else:
            table = self.hard[t]
            matrix = table.cells.matrix()[self._ends.of]
            low, high = (table.wanted if side is None else side for side in (table.low, table.high))
            bounds = [Bounds(cells=Incidence(matrix), low=low, high=high)]
        for one in bounds:
            yield Rigid(source=t, bounds=one)

    def _others(self, but: Sequence[int]) -> list[Bounds]:
        return [demand.bounds for demand in self._demands if demand.source not in but]

    def _source(self, t: int) -> Target | Moment:
        n = len(self.problem.targets)
        return self.problem.targets[t] if t < n else self.problem.moments[t - n]

    def _editable(self, t: int) -> bool:
        """Whether a target's numbers are told one by one, so that they can be changed one by one."""
        source = self._source(t)
        if isinstance(source, Moment):
            return source.exact and source.kind in ("mean", "total")
        of_all = source.kind == "count" or source.grid.covers
        bands = any(written.name == source.name and written.quantiles for written in self.problem.spec.targets)
        return source.exact and source.level == 0 and not source.totals_of and not bands and of_all

    def _nested(self, t: int) -> Iterator[int]:
        """Tables that say again what one says, or some of it."""
        mine = self._source(t)
        for other, target in enumerate(self.problem.targets):
            if isinstance(mine, Target) and other != t and self._editable(other):
                one, two = set(mine.columns), set(target.columns)
                if one <= two or two <= one:
                    yield other

    def _margins(self, t: int) -> Iterator[Bounds]:
        """What other tables say of a table's sums."""
        mine = self._source(t)
        if not isinstance(mine, Target):
            return
        index = _index(mine.cells(self._ends.units))
        for other, target in enumerate(self.problem.targets):
            if other != t and target.level == 0 and target.sigma is None:
                for shared in shared_marginals(mine, target, self.problem.levels[0]):
                    size = len(shared.second.low)
                    of = np.full(mine.grid.size + 1, size)
                    of[: len(shared.first.of)] = np.where(shared.first.of < size, shared.first.of, size)
                    n = self.problem.n_units
                    yield Bounds(cells=Partition(of[index], size), low=shared.second.low / n, high=shared.second.high / n)

    @property
    def _factor(self) -> float:
        """Records for each one that tables count."""
        return self.problem.n_units / (self.problem.spec.population or self.problem.n_units)

    def _edited(self, t: int, weights: Floats) -> tuple[list[Edit], list[Bounds]] | None:
        """What changes in a target where weights miss it, and what it then demands; None where it cannot be written so."""
        source = self._source(t)
        found = self._table(source, t, weights) if isinstance(source, Target) else self._statistic(source, weights)
        if found is None:
            return None
        before, after, kind, bounds = found
        cells = np.flatnonzero(before != after)
        if isinstance(source, Target) and source.grid.listed is not None and (cells >= len(source.grid.listed)).any():
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
    ) -> tuple[Floats, Floats, Literal["count", "share"], list[Bounds]] | None:
        bounds = counts(target, self.hard[t], self._ends.units, self.problem.n_units)
        got = bounds.cells.totals(weights)
        off = np.abs(got - bounds.low) > 2 * TOLERANCE
        rows = float(target.wanted.sum()) if target.whole else float(self.problem.n_units)
        after: Floats
        if target.kind == "share":
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
        return before, after, target.kind, [replace(bounds, low=demanded, high=demanded)]

    def _statistic(self, moment: Moment, weights: Floats) -> tuple[Floats, Floats, Literal["value"], list[Bounds]]:
        """Values moved to where the edges of bins can reach, to the digits that were published."""
        codes = self._ends.units.codes
        cell = moment.grid.index(codes)
        inside = cell < moment.grid.size
        share = weights[inside]
        ends = [side[codes[:, moment.column]] for side in (moment.variable.low, moment.variable.high)]
        if moment.of in self._ends.values:
            ends = [self._ends.values[moment.of]] * 2
        sums = (np.bincount(cell[inside], share * side[inside], moment.grid.size) for side in ends)
        is_total = moment.kind == "total"
        of = np.bincount(cell[inside], share, moment.grid.size)
        size = np.full(len(of), 1 / self.problem.n_units) if is_total else of
        with np.errstate(invalid="ignore", divide="ignore"):
            least, most = (total / size for total in sums)
        factor = self._factor if is_total else 1.0
        digits = 0 if moment.half <= 0 else int(np.clip(round(-math.log10(2 * moment.half / factor)), -12, 12))
        step = 10.0**-digits
        before = moment.wanted / factor
        low, high = (least - 1e-9 * np.abs(least)) / factor, (most + 1e-9 * np.abs(most)) / factor
        after = np.where(before > high + step / 2, np.floor(high / step) * step, before)
        after = np.where(before < low - step / 2, np.ceil(low / step) * step, after)
        after = np.where(np.isfinite(before), np.round(after, max(digits, 0)), before)
        same = np.isnan(before) | (before == after)
        changed = replace(moment, wanted=np.where(same, moment.wanted, after * factor))
        return (
            np.where(same, 0.0, before),
            np.where(same, 0.0, after),
            "value",
            list(statistics(changed, self.problem, self._ends)),
        )


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
