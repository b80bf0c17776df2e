"""Rules decided beforehand for every combination of categories, many rules in one table.

A rule speaks of a few variables, so what it says of their categories can be listed once: it is kept by all values in them,
broken by all, or open, where that depends on the values. Rules are put together while the combinations of all variables that
they speak of stay few; then one look-up for each unit answers for all of them, and only rules that are open somewhere are ever
looked at again, one by one and there alone. So what many rules cost is little more than what their variables cost.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import polars as pl
from numpy.typing import NDArray

from synthor.rules.on_categories import truth
from synthor.rules.on_values import holds
from synthor.rules.syntax import names_in
from synthor.schema import Units, Variable, of_unit
from synthor.schema.crossed import crossed
from synthor.types import CellIndex, Codes, Counts, Mask

if TYPE_CHECKING:
    from synthor.problem.model import Rule

KEPT, OPEN, BROKEN = 0, 1, 2
"""What a rule says of categories; of several rules the largest counts."""

MAX_LISTED = 50_000
"""Combinations of categories that a rule is decided for beforehand."""

MOST_TOGETHER = 8_192
"""Combinations of categories up to which rules are put together: few enough to stay in a processor's cache."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Ruling:
    """One rule, decided once for every combination of categories that it speaks of.

    Attributes:
        rule: the rule.
        variables: of level 0, by name.
        columns: positions of those that it speaks of.
        shape: their sizes.
        states: (cells,) KEPT by all values in these categories, BROKEN by all, or OPEN: that depends on the values; None where
            there are too many cells to list: then it is found for each unit anew.
    """

    rule: "Rule"
    variables: Mapping[str, Variable]
    columns: tuple[int, ...]
    shape: tuple[int, ...]
    states: NDArray[np.uint8] | None

    @classmethod
    def of(cls, rule: "Rule", variables: Mapping[str, Variable]) -> "Ruling":
        """A rule decided for some variables' categories."""
        named = names_in(rule.predicate)
        columns = tuple(v for v, name in enumerate(variables) if name in named)
        shape = tuple(variable.size for name, variable in variables.items() if name in named)
        found = cls(rule=rule, variables=variables, columns=columns, shape=shape, states=None)
        n_cells = math.prod(shape)
        if n_cells > MAX_LISTED:
            return found
        codes = dict(zip(columns, crossed([np.arange(size) for size in shape]).T, strict=True))
        return cls(rule=rule, variables=variables, columns=columns, shape=shape, states=found._judged(codes, n_cells))

    def state(self, units: Units) -> NDArray[np.uint8]:
        """What categories alone say of each unit, (n,)."""
        if self.states is None:
            return self._judged({v: units.column(of_unit(v)) for v in self.columns}, len(units))
        return self.states[_cells(units, self.columns, self.shape)]

    def breaks(self, units: Units, frame: pl.DataFrame) -> Mask:
        """Which records break the rule, (n,); values are looked at only where categories do not decide.

        Args:
            units: n of them, in the bins that the rule is decided for.
            frame: n records, or their numbers alone.
        """
        if self.states is None:
            return self.by_value(units, frame)
        state = self.state(units)
        found: Mask = state == BROKEN
        rows = np.flatnonzero(state == OPEN)
        if len(rows):
            found[rows] = self.by_value(units.take(rows), taken(frame, rows, self.numeric))
        return found

    @cached_property
    def numeric(self) -> tuple[str, ...]:
        """Numeric variables that the rule speaks of."""
        named = names_in(self.rule.predicate)
        return tuple(name for name, variable in self.variables.items() if name in named and variable.numeric)

    def _judged(self, codes: Mapping[int, Codes], n: int) -> NDArray[np.uint8]:
        known = {name: codes[v] for v, name in enumerate(self.variables) if v in codes}
        found = truth(self.rule.predicate, known, self.variables, n)
        return np.where(found.must, BROKEN, np.where(found.may, OPEN, KEPT)).astype(np.uint8)

    def by_value(self, units: Units, frame: pl.DataFrame) -> Mask:
        """Which records break the rule, (n,), by their values alone; arguments as those of `breaks`."""
        known = {name: units.column(of_unit(v)) for v, name in enumerate(self.variables) if v in self.columns}
        return holds(self.rule.predicate, frame, self.variables, known)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Group:
    """Rules that are looked up together.

    Attributes:
        columns: positions of all variables that they speak of.
        shape: their sizes.
        states: (cells,) the largest of the rules' states.
        members: the rules, by their place among all.
        open: those of them that are open somewhere.
        numeric: numeric variables that these speak of.
    """

    columns: tuple[int, ...]
    shape: tuple[int, ...]
    states: NDArray[np.uint8]
    members: tuple[int, ...]
    open: tuple[int, ...]
    numeric: tuple[str, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class Rulings:
    """All rules of a problem, decided for each combination of categories.

    Attributes:
        each: one by one, in their order.
    """

    each: tuple[Ruling, ...]

    @classmethod
    def of(cls, rules: Iterable["Rule"], variables: Mapping[str, Variable]) -> "Rulings":
        """The rules decided for some variables' categories."""
        return cls(each=tuple(Ruling.of(rule, variables) for rule in rules))

    def of_any(self, positions: Iterable[int]) -> "Rulings":
        """The rules that speak of any of these variables."""
        wanted = set(positions)
        return Rulings(each=tuple(ruling for ruling in self.each if wanted & set(ruling.columns)))

    @cached_property
    def columns(self) -> tuple[int, ...]:
        """Positions of all variables that some rule speaks of, rising."""
        return tuple(sorted({v for ruling in self.each for v in ruling.columns}))

    @cached_property
    def numeric(self) -> frozenset[int]:
        """Positions of those of them that are numeric."""
        return frozenset(v for ruling in self.each for v in ruling.columns if list(ruling.variables)[v] in ruling.numeric)

    def state(self, units: Units) -> NDArray[np.uint8]:
        """What categories alone say of all rules together, (n,): BROKEN where any is, OPEN where some are at most."""
        found = np.zeros(len(units), np.uint8)
        for group in self._groups:
            np.maximum(found, self._looked_up(group, units), out=found)
        for r in self._unlisted:
            left = np.flatnonzero(found < BROKEN)
            found[left] = np.maximum(found[left], self.each[r].state(units.take(left)))
        return found

    def breaks(self, units: Units, frame: pl.DataFrame) -> Mask:
        """Which records break some rule, (n,); values are looked at only where categories do not decide.

        Args:
            units: n of them, in the bins that the rules are decided for.
            frame: n records, or their numbers alone.
        """
        found = np.zeros(len(units), dtype=bool)
        for group in self._groups:
            state = self._looked_up(group, units)
            found |= state == BROKEN
            rows = np.flatnonzero((state == OPEN) & ~found)
            if len(rows):
                there, numbers = units.take(rows), taken(frame, rows, group.numeric)
                broken = np.zeros(len(rows), dtype=bool)
                for r in group.open:
                    broken |= self.each[r].breaks(there, numbers)
                found[rows] = broken
        for r in self._unlisted:
            found |= self.each[r].breaks(units, frame)
        return found

    @cached_property
    def open_columns(self) -> tuple[int, ...]:
        """Positions of all variables that some rule speaks of which values inside of categories may decide, rising."""
        of = [r for group in self._groups for r in group.open] + list(self._unlisted)
        return tuple(sorted({v for r in of for v in self.each[r].columns}))

    def breaks_of_values(self, units: Units, frame: pl.DataFrame) -> Mask:
        """Which of several records of the same categories break a rule that categories leave open, (n, records of each).

        Args:
            units: one of each combination of categories.
            frame: the numbers of the records, one combination of categories after the other.
        """
        times = frame.height // max(len(units), 1)
        found = np.zeros((len(units), times), dtype=bool)
        everyone = np.arange(len(units))
        places = [(np.flatnonzero(self._looked_up(group, units) != KEPT), group.open) for group in self._groups if group.open]
        for near, rules in [*places, (everyone, self._unlisted)]:
            for ruling in (self.each[r] for r in rules):
                rows = near[ruling.state(units.take(near)) == OPEN]
                if len(rows):
                    records = (rows[:, None] * times + np.arange(times)).ravel()
                    there = units.take(np.repeat(rows, times))
                    broken = ruling.by_value(there, taken(frame, records, ruling.numeric))
                    found[rows] |= broken.reshape(len(rows), times)
        return found

    def counts(self, units: Units, frame: pl.DataFrame) -> tuple[Counts, Mask]:
        """How many records break each rule, (rules,), and which break any, (n,); arguments as those of `breaks`."""
        counts, broken = np.zeros(len(self.each), np.int64), np.zeros(len(units), dtype=bool)
        for group in self._groups:
            state = self._looked_up(group, units)
            rows = np.flatnonzero(state != KEPT)
            if len(rows):
                there, numbers = units.take(rows), taken(frame, rows, group.numeric)
                for r in group.members if (state == BROKEN).any() else group.open:
                    these = self.each[r].breaks(there, numbers)
                    counts[r] = these.sum()
                    broken[rows] |= these
        for r in self._unlisted:
            these = self.each[r].breaks(units, frame)
            counts[r] = these.sum()
            broken |= these
        return counts, broken

    def _looked_up(self, group: _Group, units: Units) -> NDArray[np.uint8]:
        return group.states[_cells(units, group.columns, group.shape)]

    @cached_property
    def _unlisted(self) -> tuple[int, ...]:
        return tuple(r for r, ruling in enumerate(self.each) if ruling.states is None)

    @cached_property
    def _groups(self) -> tuple[_Group, ...]:
        """Rules of few variables join those of the group before them while the combinations of all their variables are few."""
        by_columns: dict[tuple[int, ...], list[int]] = {}
        size_of: dict[int, int] = {}
        for r, ruling in enumerate(self.each):
            if ruling.states is not None:
                by_columns.setdefault(ruling.columns, []).append(r)
                size_of.update(zip(ruling.columns, ruling.shape, strict=True))
        groups: list[tuple[set[int], list[int]]] = []
        for columns in sorted(by_columns, key=lambda columns: (-len(columns), columns)):
            inside = next((group for group in groups if group[0].issuperset(columns)), None)
            if inside is None and groups:
                union = groups[-1][0].union(columns)
                inside = groups[-1] if math.prod(size_of[v] for v in union) <= MOST_TOGETHER else None
            if inside is None:
                inside = (set(), [])
                groups.append(inside)
            inside[0].update(columns)
            inside[1].extend(by_columns[columns])
        return tuple(self._group(tuple(sorted(columns)), members, size_of) for columns, members in groups)

    def _group(self, columns: tuple[int, ...], members: Sequence[int], size_of: Mapping[int, int]) -> _Group:
        shape = tuple(size_of[v] for v in columns)
        states, opened = np.zeros(shape, np.uint8), []
        for r in members:
            ruling = self.each[r]
            own = np.zeros(0, np.uint8) if ruling.states is None else ruling.states
            beside = tuple(size if v in ruling.columns else 1 for v, size in zip(columns, shape, strict=True))
            np.maximum(states, own.reshape(beside), out=states)
            if (own == OPEN).any():
                opened.append(r)
        names = dict.fromkeys(name for r in opened for name in self.each[r].numeric)
        return _Group(
            columns=columns,
            shape=shape,
            states=states.ravel(),
            members=tuple(members),
            open=tuple(opened),
            numeric=tuple(names),
        )


def _cells(units: Units, columns: Sequence[int], shape: Sequence[int]) -> CellIndex:
    """The combination of some columns that each unit has, (n,)."""
    cell = np.zeros(len(units), np.uint16)  # MAX_LISTED fits into it, and it is the fastest
    for v, size in zip(columns, shape, strict=True):
        cell *= np.uint16(size)
        cell += units.column(of_unit(v)).astype(np.uint16)
    return cell.astype(np.intp)


def taken(frame: pl.DataFrame, rows: CellIndex, names: Sequence[str]) -> pl.DataFrame:
    """Some rows of some columns of records."""
    return pl.DataFrame([_rows(frame[name], rows) for name in names])


def _rows(column: pl.Series, rows: CellIndex) -> pl.Series:
    return pl.Series(column.name, column.to_numpy()[rows]) if column.dtype.is_numeric() else column[rows]
