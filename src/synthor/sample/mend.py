"""The last step of integerizing, where no candidate fits: change one or two categories of single records.

With many variables a pool holds no two candidates that differ in one category only, and swaps cannot end. Here records that
count in an overfull cell are moved to underfull ones of the same table, if that lowers the error over all tables and breaks no
rule; among the moves that lower it most, those come first that the fitted model finds most likely afterwards, relative to
before. Moves that do not disturb each other are made together. Where tables overlap and no single move helps, moves that leave
the error as it is, or raise it a little, are tried in chains; what a chain did not mend is taken back.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.problem import Problem, Target
from synthor.schema import Growing, Level, Ref, Units, of_unit
from synthor.types import CellIndex, Codes, Counts, Floats
from synthor.values import possible

TRIED = 4_000
"""Moves considered for each cell that records should leave; in a chain, a tenth."""

MOST_CHANGED = 2
"""Categories of one record that a move may change."""

MOST_WAYS = 64
"""Cells that the records of one are tried in, underfull ones and the nearest first."""

RANKED = 400_000
"""Moves that gain the same are ranked by their likelihood: so many of them at most, times the tables."""

CHAIN = 60
"""Steps in a row that may leave the best error where it is."""

UPHILL = 4
"""By how much a chain may raise the error over the best seen."""


def mend(
    problem: Problem,
    units: Units,
    counts: Counts,
    log_weight: Callable[[Units], Floats],
    random: np.random.Generator,
) -> tuple[Units, Counts, int]:
    """Units and counts whose tables of level 0 are met, as far as moves can; and how many moves that took.

    Args:
        problem: its targets give the tables, its rules what must not occur.
        units: the candidates.
        counts: (n,) copies of each.
        log_weight: log weight of any units under the fitted model, up to a constant.
        random: draws which records are considered.
    """
    mending = _Mending(problem, units, counts, log_weight, random)
    while mending.error and mending.direct():
        pass
    mending.chains()
    return mending.result()


def _ways_into(target: Target, cell: int) -> list[tuple[int, ...]]:
    """The codes of the table's columns that put a record into a cell, if it is in the table's universe."""
    return [tuple(int(code) for code in codes) for codes in target.grid.combinations(cell)]


def _decided(level: Level, columns: Sequence[int]) -> list[int]:
    """Some columns of the codes with all others of the same variables."""
    found = set(columns)
    for position in level.slices:
        pair = {position, level.column(position)}
        if found & pair:
            found |= pair
    return sorted(found)


def _agreeing(level: Level, codes: Codes, old: Codes, decided: Sequence[int], columns: Sequence[int]) -> Codes:
    """Codes of decided columns some of which were changed, the slices and bins of the same variables brought into line."""
    at = {column: place for place, column in enumerate(decided)}
    for position in level.slices:
        column, parents = level.column(position), level.parents(position)
        if column in columns:
            codes[..., at[position]] = parents[codes[..., at[column]]]
        elif position in columns:
            first = np.searchsorted(parents, np.arange(level.variables[position].size))
            last = np.searchsorted(parents, np.arange(level.variables[position].size), side="right")
            middle = ((first + last - 1) // 2).astype(codes.dtype)[codes[..., at[position]]]
            stays = codes[..., at[position]] == old[..., at[position]]
            codes[..., at[column]] = np.where(stays, codes[..., at[column]], middle)
    return codes


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Moves:
    """Moves of records: which (m,), what some columns of their codes become (m, columns), and how far the error falls (m,)."""

    rows: CellIndex
    columns: Sequence[int]
    codes: Codes
    gain: Counts

    def __len__(self) -> int:
        return len(self.rows)

    def take(self, picks: CellIndex) -> "_Moves":
        return _Moves(rows=self.rows[picks], columns=self.columns, codes=self.codes[picks], gain=self.gain[picks])


class _Mending:
    """Records under repair. Those that were moved follow the candidates; row n + i is the i-th move's record."""

    def __init__(
        self,
        problem: Problem,
        units: Units,
        counts: Counts,
        log_weight: Callable[[Units], Floats],
        random: np.random.Generator,
    ) -> None:
        self.problem, self.units, self.log_weight, self.random = problem, units, log_weight, random
        self.targets = [target for target in problem.counts if target.flat]
        self._tables_of: dict[int, list[int]] = {}
        for t, target in enumerate(self.targets):
            for ref in target.grid.refs:
                self._tables_of.setdefault(ref.column, []).append(t)
        self._tables_at: dict[int, list[int]] = {}
        for t, target in enumerate(self.targets):
            for position in set(target.grid.positions):
                self._tables_at.setdefault(position, []).append(t)
        self.low, self.high = [t.low for t in self.targets], [t.high for t in self.targets]
        self.counts = counts.copy()
        self.held = Growing(units)
        self.source = np.arange(len(units))
        self.index = [target.index(units).astype(np.int32) for target in self.targets]
        self.got = [
            np.bincount(index, counts, len(low) + 1)[:-1].astype(np.int64)
            for index, low in zip(self.index, self.low, strict=True)
        ]
        self.errors = np.array([self._error_of(t) for t in range(len(self.targets))], np.int64)
        # The log weights of rows that are known already. With statistics they hang, by a rounding, on who else is weighed.
        self.weights, self.weighed = np.zeros(len(units)), np.zeros(len(units), bool)

    @property
    def error(self) -> int:
        return int(self.errors.sum())

    def result(self) -> tuple[Units, Counts, int]:
        """The candidates followed by what was made of some of them; counts; and how many were moved."""
        n = len(self.units)
        left = n + np.flatnonzero(self.counts[n:] > 0)
        moved = self.units.take(self.source[left]).with_columns(self.held.units(left).columns())
        return self.units.joined(moved), np.concatenate([self.counts[:n], self.counts[left]]), len(left)

    def direct(self) -> bool:
        """Moves from overfull to underfull cells, table by table; whether any lowered the error."""
        before = self.error
        for t in range(len(self.targets)):
            for cell in self._sources(t):
                while self._make_together(t, cell):
                    pass
        return self.error < before

    def chains(self) -> None:
        """Single moves that need not help at once, until the tables are met or nothing was gained for long."""
        best, since, first, saved = self.error, 0, len(self.held), self._state()
        while self.error and since < CHAIN:
            since += 1
            source = self._any_source()
            if source is None:
                break
            moves = self._moves(*source, TRIED // 10, free=True, fixed_from=first)
            moves = self._best(moves, least=self.error - best - UPHILL)
            if not len(moves):
                continue
            self._make(moves.take(np.arange(1)))
            if self.error < best:
                best, since, first, saved = self.error, 0, len(self.held), self._state()
        self._restore(saved)

    def _state(self) -> tuple[int, Counts, list[Counts], Counts]:
        return len(self.held), self.counts.copy(), list(self.got), self.errors.copy()

    def _restore(self, state: tuple[int, Counts, list[Counts], Counts]) -> None:
        n, self.counts, self.got, self.errors = state
        self.held.cut(n)
        self.source, self.weights, self.weighed = self.source[:n], self.weights[:n], self.weighed[:n]

    def _off(self, t: int) -> Counts:
        return np.maximum(self.got[t] - self.high[t], 0) + np.minimum(self.got[t] - self.low[t], 0)

    def _error_of(self, t: int) -> int:
        return int(np.abs(self._off(t)).sum())

    def _sources(self, t: int) -> list[int]:
        """Cells that records should leave: overfull ones; where there are none, those that can spare most for the others."""
        off, spare = self._off(t), self.got[t] - self.low[t]
        if (off > 0).any() or not off.any():
            return np.flatnonzero(off > 0).tolist()
        return [int(cell) for cell in np.argsort(-spare, kind="stable")[:MOST_WAYS] if spare[cell] > 0]

    def _any_source(self) -> tuple[int, int] | None:
        sources = [(t, cell) for t in range(len(self.targets)) for cell in self._sources(t)]
        return sources[self.random.integers(len(sources))] if sources else None

    def _before(self, t: int, moves: _Moves) -> CellIndex:
        """The cell of a table that each record falls into."""
        return self.targets[t].grid.index_of(lambda ref: self.held.column(ref, moves.rows), len(moves))

    def _after(self, t: int, moves: _Moves) -> CellIndex:
        """The same once it is moved."""
        changed = {of_unit(column): moves.codes[:, place] for place, column in enumerate(moves.columns)}

        def codes_of(ref: Ref) -> Codes:
            return changed[ref] if ref in changed else self.held.column(ref, moves.rows)

        return self.targets[t].grid.index_of(codes_of, len(moves))

    def _inside(self, t: int, cell: int, first: int) -> CellIndex:
        """Rows with copies that count in a cell, without those that were moved since `first`."""
        n = len(self.units)
        moved = self.targets[t].grid.index_of(lambda ref: self.held.column(ref, slice(n, first)), first - n)
        inside = np.concatenate([self.index[t] == cell, moved == cell])
        return np.flatnonzero(inside & (self.counts[:first] > 0))

    def _make_together(self, t: int, cell: int) -> bool:
        """As many of the best moves out of a cell as it can spare and others have room for and as do not disturb each other."""
        moves = self._best(self._moves(t, cell, TRIED, free=False, fixed_from=len(self.held)), least=1)
        if not len(moves):
            return False
        got, off = self.got[t], self._off(t)
        spare = int(off[cell] if off[cell] > 0 else got[cell] - self.low[t][cell])
        room = np.where(off < 0, -off, self.high[t] - got)
        _, first = np.unique(moves.rows, return_index=True)
        best_of_each = moves.take(np.sort(first))
        moves = best_of_each.take(np.repeat(np.arange(len(first)), np.minimum(self.counts[best_of_each.rows], spare)))
        into = self._after(t, moves)
        into = np.where(into < len(off), into, 0)
        moves = moves.take(np.flatnonzero(_rank(into) < room[into])[:spare])
        before = self.error
        while len(moves):
            saved = self._state()
            self._make(moves)
            if self.error <= before - int(moves.gain.sum()):
                return True
            self._restore(saved)
            moves = moves.take(np.arange(len(moves) // 2))
        return False

    def _make(self, moves: _Moves) -> None:
        differ = (self.held.of(moves.rows, moves.columns) != moves.codes).any(axis=0)
        changed = [column for column, does in zip(moves.columns, differ, strict=True) if does]
        for t in sorted({t for column in changed for t in self._tables_of.get(column, ())}):
            n = len(self.got[t]) + 1
            came, went = np.bincount(self._after(t, moves), minlength=n), np.bincount(self._before(t, moves), minlength=n)
            self.got[t] = self.got[t] + (came - went)[:-1]
            self.errors[t] = self._error_of(t)
        added = self._whole(moves)
        np.subtract.at(self.counts, moves.rows, 1)
        self.counts = np.concatenate([self.counts, np.ones(len(moves), np.int64)])
        self.held.add(added)
        self.source = np.concatenate([self.source, self.source[moves.rows]])
        self.weights = np.concatenate([self.weights, np.zeros(len(moves))])
        self.weighed = np.concatenate([self.weighed, np.zeros(len(moves), bool)])

    def _whole(self, moves: _Moves) -> Units:
        """The records as they are once they are moved."""
        return self.held.changed(moves.rows, moves.columns, moves.codes)

    def _best(self, moves: _Moves, least: int) -> _Moves:
        """Of the moves that gain at least so much and break no rule, those that gain most, likeliest first."""
        moves = moves.take(np.flatnonzero(moves.gain >= least))
        for gain in np.unique(moves.gain)[::-1]:
            found = moves.take(np.flatnonzero(moves.gain == gain))
            if self.problem.rules:
                refined = self.problem.schema.refine(self._whole(found))
                found = found.take(np.flatnonzero(possible(self.problem.refined, refined)))
            most = RANKED // max(len(self.problem.targets), 1)
            if len(found) > most:
                found = found.take(np.sort(self.random.choice(len(found), most, replace=False)))
            if len(found):
                with np.errstate(invalid="ignore"):
                    likelier = self._likelier(found)
                return found.take(np.argsort(-np.nan_to_num(likelier, nan=-np.inf), kind="stable"))
        return moves.take(np.zeros(0, np.int64))

    def _likelier(self, moves: _Moves) -> Floats:
        """Log weight of records once they are moved, less that before, (m,)."""
        rows = np.unique(moves.rows)
        if not self.problem.statistics:
            rows = rows[~self.weighed[rows]]
        after, before = np.split(self.log_weight(self._whole(moves).joined(self.held.units(rows))), [len(moves)])
        self.weights[rows], self.weighed[rows] = before, True
        return after - self.weights[moves.rows]

    def _moves(self, t: int, cell: int, most: int, *, free: bool, fixed_from: int) -> _Moves:
        """Moves of records out of a cell: into others of the table with room; if free, into any that differs in one code."""
        target = self.targets[t]
        rows = self._inside(t, cell, fixed_from)
        ways = list(self._ways(t, cell, rows, free))
        each = max(most // max(len(ways), 1), 1)
        if len(rows) > each:
            rows = np.sort(self.random.choice(rows, each, replace=False))
        level, columns = self.problem.schema.unit, [axis.ref.column for axis in target.axes]
        decided = _decided(level, columns)
        old = self.held.of(rows, decided)
        codes = np.repeat(old[None], len(ways), axis=0)
        if ways:
            codes[:, :, [decided.index(column) for column in columns]] = np.array(ways, old.dtype)[:, None, :]
            codes = _agreeing(level, codes, old, decided, columns)
        finest = {level.column(position) for position in range(len(level.variables))}
        counted = [place for place, column in enumerate(decided) if column in finest]
        changed = (codes[:, :, counted] != old[:, counted]).sum(axis=2).ravel()
        few = np.flatnonzero((changed > 0) & (changed <= MOST_CHANGED))
        codes, rows = codes.reshape(-1, len(decided))[few], np.tile(rows, len(ways))[few]
        moves = _Moves(rows=rows, columns=decided, codes=codes, gain=np.zeros(len(rows), np.int64))
        return replace(moves, gain=self._gain(set(target.grid.positions), moves))

    def _ways(self, t: int, cell: int, rows: CellIndex, free: bool) -> Iterator[tuple[int, ...]]:
        """Codes that the records of a cell, some rows, may take."""
        target, off = self.targets[t], self._off(t)
        here = _ways_into(target, cell)
        if not here:  # the cell of all that is not listed: no combinations are named there, but its records have some
            columns = [axis.ref.column for axis in target.axes]
            here = [tuple(int(code) for code in codes) for codes in np.unique(self.held.of(rows, columns), axis=0)]
        if not here:
            return
        open_cells = off < 0 if off[cell] <= 0 else self.got[t] < self.high[t]
        found = [
            (off[into] == 0, min(sum(a != b for a, b in zip(way, start, strict=True)) for start in here), way)
            for into in np.flatnonzero(open_cells)
            for way in _ways_into(target, int(into))
        ]
        yield from (way for _, _, way in sorted(found)[:MOST_WAYS])
        if free:
            for start in here:
                for i, variable in enumerate(target.variables):
                    yield from ((*start[:i], code, *start[i + 1 :]) for code in range(variable.size) if code != start[i])

    def _gain(self, positions: set[int], moves: _Moves) -> Counts:
        """By how much each move lowers the error over all tables that any of some variables decide."""
        total = np.zeros(len(moves), np.int64)
        for t in sorted({t for position in positions for t in self._tables_at.get(position, ())}):
            error = np.abs(self._off(t))
            removed, added = error - self._error_at(t, self.got[t] - 1), error - self._error_at(t, self.got[t] + 1)
            old, new = self._before(t, moves), self._after(t, moves)
            total += np.where(old != new, np.append(removed, 0)[old] + np.append(added, 0)[new], 0)
        return total

    def _error_at(self, t: int, got: Counts) -> Counts:
        return np.maximum(got - self.high[t], 0) + np.maximum(self.low[t] - got, 0)


def _rank(values: Counts) -> Counts:
    """How often each value has occurred before it, (n,)."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    begin = np.flatnonzero(np.concatenate([[True], ordered[1:] != ordered[:-1]]))
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values)) - np.repeat(begin, np.diff(np.concatenate([begin, [len(values)]])))
    return rank
