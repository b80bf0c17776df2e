"""What tables and beliefs say of a variable among rows of one kind: heads, children, all persons, units.

A role's shares are those that a table by role gives, published or believed; where none does, those of all rows of the level.
What it depends on is said by tables of pairs, of these rows themselves or of all. Everything is in the finest bins: inside of a
label as even as can be, inside of a declared bin as its neighbours let expect.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

import numpy as np

from synthor.fit.slices import fine_shape, slice_shares
from synthor.ipf import ipf
from synthor.prior.beliefs import FLOOR_CELL, TABLE_STRENGTH, Beliefs, BelievedTable
from synthor.prior.differences import BelievedDifference
from synthor.prior.template import SURE, Dependence
from synthor.problem import Axis, Problem, Target
from synthor.schema import Ref, Role, Schema, Variable
from synthor.types import Codes, Floats, Shares
from synthor.values import Shape, shape

SWEEPS, NEAR = 200, 1e-9
"""Cycles of fitting a marginal to what several tables say of it, and the gap that is left."""

ROUGHLY = 1e-6
"""The gap that is left where a table of all rows is fitted to those with a role."""


@dataclass(frozen=True, eq=False)
class SharesByRole:
    """What tables and beliefs say of each variable.

    Attributes:
        problem: has the tables.
        beliefs: what is believed beside.
        rows_by: how members with a role are spread over a variable of the unit, by its column; None where nothing tells.
    """

    problem: Problem
    beliefs: Beliefs
    rows_by: Callable[[int, int], Shares | None] = lambda column, role: None
    _known: dict[tuple[int, int, int | None], Shares] = field(default_factory=dict, repr=False)
    _shapes: dict[tuple[int, int], Shape] = field(default_factory=dict, repr=False)

    @cached_property
    def schema(self) -> Schema:
        """Of the units, in the finest bins."""
        return self.problem.schema.refined

    def shares(self, level: int, column: int, role: int | None = None) -> Shares:
        """Shares of a variable's finest bins among the rows of a level, or of those with a role, as far as tables tell."""
        place = level, column, role
        if place not in self._known:
            self._known[place] = self._fitted(level, column, role)
        return self._known[place]

    def shape(self, level: int, column: int) -> Shape:
        """How values lie inside the finest bins of a variable: as the shares of its declared ones among all rows let expect."""
        if (level, column) not in self._shapes:
            own = self.problem.schema.levels[level]
            variable, shares = own.variables[column], np.ones(own.variables[column].size)
            if level == 0:
                shares = self.beliefs.marginals[column]
            elif variable.numeric:
                shares = self._fitted(level, column, None, plain=True)
                if column in own.slices:
                    shares = np.asarray(np.bincount(own.parents(column), shares))
            self._shapes[level, column] = fine_shape(own, column, shape(variable, shares))
        return self._shapes[level, column]

    def _fitted(self, level: int, column: int, role: int | None, *, plain: bool = False) -> Shares:
        """Shares as tables tell, else as even as can be; plainly, without regard to how values lie inside bins."""
        own = self.role(level, role)
        declared = None if own is None else self.beliefs.of_members.get(Ref(level, column, role=own))
        believed = None if declared is None else self._inside(level, column, declared)
        if believed is None and own is not None:
            believed = self._by_role(level, column, own)
        even = (self._plain(level, column) if plain else self._even(level, column)) if believed is None else believed
        sums = []
        for target in self.problem.counts:
            for place, axis in enumerate(target.axes):
                if target.level == level and axis.ref.plain and (axis.ref.level, axis.position) == (level, column):
                    side = self._side(target, place, level, role, of_all=believed is None)
                    if side is not None and side.sum() > 0:
                        of = self.finest(axis)
                        share = side / side.sum()
                        sums.append((np.where(of < 0, len(side), of), share, share))
        if not sums:
            return even
        sums.sort(key=lambda one: len(one[1]))
        found = ipf(even, sums, sweeps=SWEEPS, tolerance=NEAR)[0]
        return np.asarray(found / found.sum())

    def _by_role(self, level: int, column: int, role: Role) -> Shares | None:
        """Shares of a variable's finest bins among those with a role, as a table of the two is believed; the surest of them."""
        ends = Ref(level, column), Ref(level, role.column)
        for table in sorted(self.beliefs.tables, key=lambda table: -table.strength):
            if set(table.refs) == set(ends) and table.level == level:
                of, given = table.refs.index(ends[0]), table.refs.index(ends[1])
                grouped = table.grouped if of == 1 else table.grouped.T
                even = self._even(level, column)
                row = _spread(grouped, table.group_of[given], self.fine_groups(ends[0], table.group_of[of]), even)[role.code]
                if row.sum() > 0:
                    return np.asarray(row / row.sum())
        return None

    def role(self, level: int, code: int | None) -> Role | None:
        own = self.schema.levels[level]
        return None if code is None else Role(own.position(own.role), code)

    def _side(self, target: Target, place: int, level: int, role: int | None, *, of_all: bool) -> Floats | None:
        """A table's marginal, of all rows or of those with a role; None where it speaks of others.

        Args:
            target: the table.
            place: of the side.
            level: whose rows are drawn.
            role: that they have; None where any is meant.
            of_all: whether what it says of all does for those with a role, too.
        """
        if target.grid.universe is not None or not target.axes[place].covers:
            return None
        at = self.schema.levels[level].position(self.schema.levels[level].role) if role is not None else None
        own = next((i for i, axis in enumerate(target.axes) if axis.ref.plain and axis.ref == Ref(level, at or 0)), None)
        if role is None or at is None or own is None or own == place or target.grid.listed is not None:
            return target.side(place) if target.grid.covers and (of_all or role is None) else None
        table = target.wanted.reshape(target.shape)
        kept = np.take(table, int(target.axes[own].group_of[role]), axis=own)
        other = place - (own < place)
        return np.asarray(kept.sum(axis=tuple(i for i in range(kept.ndim) if i != other)))

    def _even(self, level: int, column: int) -> Shares:
        """As even as can be: what is believed of a variable, else values alike, but as they lie inside declared bins."""
        return self._inside(level, column, self._declared(level, column))

    def _plain(self, level: int, column: int) -> Shares:
        """The same, values alike inside declared bins, too."""
        own, width = self.problem.schema.levels[level], _widths(self.schema.levels[level].variables[column])
        parents = own.parents(column) if column in own.slices else np.arange(len(width))
        return np.asarray(self._declared(level, column)[parents] * width / np.bincount(parents, width)[parents])

    def _declared(self, level: int, column: int) -> Shares:
        """Shares of a variable's declared bins as far as no table tells."""
        if level == 0:
            return self.beliefs.marginals[column]
        believed, width = self.beliefs.of_members.get(Ref(level, column)), _widths(self.schema.levels[level].variables[column])
        if believed is not None:
            return believed
        own = self.problem.schema.levels[level]
        wide = np.bincount(own.parents(column), width) if column in own.slices else width
        return np.asarray(wide / wide.sum())

    def _inside(self, level: int, column: int, declared: Shares) -> Shares:
        """Shares of the finest bins from those of the declared ones."""
        own = self.problem.schema.levels[level]
        if column not in own.slices:
            return declared
        parents = own.parents(column)
        return np.asarray(declared[parents] * slice_shares(own.variables[column], self.shape(level, column), parents))

    def finest(self, axis: Axis) -> Codes:
        """Label of each of a variable's finest bins."""
        own = self.problem.schema.levels[axis.ref.level]
        if axis.declared and axis.position in own.slices:
            return axis.group_of[own.parents(axis.position)]
        return axis.group_of

    def tables(self, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        """Tables of a variable with another, published or believed, as rows of one kind see them."""
        for target in self.problem.counts:
            yield from self._published(target, level, column, role)
            yield from self._either_way(target, level, column, role)
        for table in self.beliefs.dependencies:
            yield from self._believed(table, level, column, role)
        for difference in self.beliefs.differences:
            yield from self._apart(difference, level, column, role)

    def _published(self, target: Target, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        if len(target.axes) != 2 or target.grid.listed is not None or target.wanted.sum() <= 0:
            return
        for of, given in ((0, 1), (1, 0)):
            own, other = target.axes[of], target.axes[given]
            seen = self._seen(own.ref, other.ref, target.level, own.position, level, column, role)
            if seen is None or self._is_role(other.ref):
                continue
            table = target.wanted.reshape(target.shape)
            table = table if of == 1 else table.T
            rows = _spread(table, self.finest(other), self.finest(own), self._even_of(own))
            ref = Ref(seen.level, other.position, role=seen.role)
            rows = self._among(rows, ref, Ref(level, column), role, of_all=own.ref.role is None)
            yield Dependence(given=ref, rows=rows, strength=SURE * TABLE_STRENGTH)

    def _either_way(self, target: Target, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        """A table of one variable of two that a category tells apart, read both ways: either may have either role."""
        if len(target.axes) != 2 or target.grid.listed is not None or target.wanted.sum() <= 0:
            return
        (one, first), (other, second) = ((axis, axis.ref.of_two) for axis in target.axes)
        if first is None or second is None or first.roles != second.roles or first == second:
            return
        others = [own for own in first.roles if own.code != role]
        places = {(axis.ref.level, axis.position) for axis in target.axes}
        if places != {(level, column)} or len(others) != 1:
            return
        even, groups = self._even(level, column), (self.finest(one), self.finest(other))
        told = np.bincount(groups[0][groups[0] >= 0], even[groups[0] >= 0], one.size)
        share = np.where(groups[0] >= 0, even / np.maximum(told[groups[0]], 1e-300), 0.0)
        cells = share[:, None] * _spread(target.wanted.reshape(target.shape), *groups, even)
        yield Dependence(given=Ref(level, column, role=others[0]), rows=cells + cells.T, strength=SURE * TABLE_STRENGTH)

    def _believed(self, table: BelievedTable, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        for of, given in ((1, 0), (0, 1)):
            own, other = table.refs[of], table.refs[given]
            seen = self._seen(own, other, table.level, own.column, level, column, role)
            if seen is None or self._is_role(other):
                continue
            groups = [self.fine_groups(ref, table.group_of[i]) for i, ref in enumerate(table.refs)]
            grouped = table.grouped if of == 1 else table.grouped.T
            even = self._even(own.level, own.column)
            rows = _spread(grouped, groups[given], groups[of], even)
            ref = Ref(seen.level, other.column, role=seen.role)
            of_all = own.role is None and own.among is None and other.among is None
            yield Dependence(
                given=ref, rows=self._among(rows, ref, Ref(level, column), role, of_all=of_all), strength=table.strength
            )

    def _apart(self, belief: BelievedDifference, level: int, column: int, role: int | None) -> Iterator[Dependence]:
        """Differences say more of the finest bins than of declared ones."""
        variable = self.problem.schema.levels[level].finest(column)
        for of, given in ((1, 0), (0, 1)):
            own, other = belief.refs[of], belief.refs[given]
            seen = self._seen(own, other, belief.level, own.column, level, column, role)
            if seen is not None:
                rows = replace(belief, variable=variable).rows(of)
                yield Dependence(given=Ref(seen.level, other.column, role=seen.role), rows=rows, strength=belief.strength)

    def _among(self, rows: Floats, given: Ref, of: Ref, role: int | None, *, of_all: bool) -> Floats:
        """What a table of all rows says of those with a role: its odds ratios, beside how these are otherwise.

        Heads are as married as heads are, and more so at some ages than at others by as much as all persons are.
        """
        if role is None or not of_all:
            return rows
        own = role if given.level == of.level and given.role is None else None
        by_unit = self.rows_by(given.column, role) if given.plain and given.level == 0 else None
        first = by_unit if by_unit is not None else self._spread_of(given, own)
        second = self.shares(of.level, of.column, role)
        shares = rows / np.maximum(rows.sum(axis=1, keepdims=True), 1e-300)
        cells = np.maximum(shares, FLOOR_CELL) * first[:, None]
        row, column = (side.ravel() for side in np.indices(cells.shape))
        found = ipf(cells.ravel(), [(row, first, first), (column, second, second)], sweeps=SWEEPS, tolerance=ROUGHLY)[0]
        return np.where(rows.sum(axis=1, keepdims=True) > 0, found.reshape(cells.shape), 0.0)

    def _spread_of(self, given: Ref, role: int | None) -> Shares:
        return self.shares(given.level, given.column, role if given.role is None else given.role.code)

    def _even_of(self, axis: Axis) -> Shares:
        return self._even(axis.ref.level, axis.position)

    def fine_groups(self, ref: Ref, group_of: Codes) -> Codes:
        own = self.problem.schema.levels[ref.level]
        return group_of[own.parents(ref.column)] if ref.column in own.slices else group_of

    def _is_role(self, ref: Ref) -> bool:
        own = self.schema.levels[ref.level]
        return bool(own.role) and ref.column == own.position(own.role)

    def _seen(self, own: Ref, other: Ref, rows: int, position: int, level: int, column: int, role: int | None) -> Ref | None:
        """How the rows that are drawn see the other side of a table; None where it is not about their variable."""
        if (own.level, position) != (level, column) or own.step or other.step:
            return None
        if any(one is not None and one.code != role for one in (own.role, own.among, other.among)):
            return None
        if own.role is None and own.level != rows and own.level:
            return None
        if other.role is not None and role is not None and other.role.code == role:
            return Ref(other.level, other.column)  # the only one of its role is the row itself
        return other if other.among is None else Ref(other.level, other.column)


def _widths(variable: Variable) -> Floats:
    """How many values each bin holds, (k,)."""
    low, high = variable.ends
    width = high - low + 10.0**-variable.decimals if variable.numeric else np.ones(variable.size)
    return np.where(np.isnan(variable.low), width.mean(), width)


def _spread(table: Floats, given: Codes, of: Codes, even: Shares) -> Floats:
    """Rows for each fine category of `given`, over the fine ones of `of`: inside a label as even as can be."""
    inside = np.where(of >= 0, even, 0.0)
    whole = np.bincount(of[of >= 0], inside[of >= 0], table.shape[1])
    share = np.where(of >= 0, inside / np.where(of >= 0, np.maximum(whole[np.maximum(of, 0)], 1e-300), 1.0), 0.0)
    rows = np.where(of >= 0, table[:, np.maximum(of, 0)], 0.0) * share
    return np.where((given >= 0)[:, None], rows[np.maximum(given, 0)], 0.0)
