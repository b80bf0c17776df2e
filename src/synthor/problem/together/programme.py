"""A linear programme of rows above and of their members: its unknowns, and what bounds them. See `unmeetable.py`."""

from collections.abc import Hashable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from synthor.linear import Attempt, Solved, solve_linear
from synthor.problem.below import FoldedBelow
from synthor.problem.between import bounds_of
from synthor.problem.grid import TargetGrid
from synthor.problem.marginals import Stated
from synthor.problem.statistic import OfValues
from synthor.problem.together.ties import Tie, Trait
from synthor.problem.views import View
from synthor.rules.on_categories import Truth, truth
from synthor.rules.syntax import Predicate, names_in
from synthor.schema import Ref, Variable
from synthor.spec.levels import LevelForm
from synthor.types import CellIndex, Codes, Floats, Mask

SURE = (Attempt(tolerance=1e-9), Attempt(presolve=False, tolerance=1e-9))

APART = 1e-6
"""Share of all rows by which tables must miss each other to be told."""

LITTLE = 1e-7
"""Share of all rows that tables may miss each other by, as sums of floats do."""

Known = Mapping[Hashable, Codes]
"""Categories of some rows, by what their variables are known by."""


@dataclass(frozen=True, kw_only=True, eq=False)
class RowsTold:
    """The rows of one level, and what is published of them.

    Attributes:
        view: what they see.
        tables: of counts.
        statistics: means, totals and others.
        below: what `where` says of rows below.
    """

    view: View
    tables: Sequence[Stated] = ()
    statistics: Sequence[Stated] = ()
    below: Mapping[str, FoldedBelow] = field(default_factory=dict)

    @property
    def published(self) -> tuple[Stated, ...]:
        """All that is."""
        return (*self.tables, *self.statistics)

    @cached_property
    def keys(self) -> Mapping[str, Hashable]:
        """What the variables that they see are known by, whoever sees them; what a row beside them has is not."""
        plain: dict[str, Hashable] = {name: ref for name, ref in self.view.refs.items() if ref.plain}
        return plain | {name: (one.level, name) for name, one in self.below.items()}

    def key(self, ref: Ref) -> Hashable | None:
        """What the variable behind a column of the flat rows is known by."""
        flat = self.view.flat
        return self.keys.get(flat.variables[flat.declared(ref.column)].name)

    def codes(self, ref: Ref, known: Known) -> Codes:
        """A column of rows of which the finest categories are known."""
        flat = self.view.flat
        position, fine = flat.declared(ref.column), known[self.key(ref)]
        return flat.parents(position)[fine] if ref.column == position and position in flat.slices else fine

    def truth(self, predicate: Predicate, known: Known, variables: Mapping[Hashable, Variable], n: int) -> Truth:
        """Whether a predicate is true of n rows, as far as what is known of them decides it."""
        named = {name: self.keys.get(name, name) for name in names_in(predicate)}
        codes = {name: known[key] for name, key in named.items() if key in known}
        finest = {name: replace(variables[key], name=name) for name, key in named.items() if key in variables}
        return truth(predicate, codes, {**self.view.variables, **finest}, n)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Asked:
    """One cell of a table, as a programme asks for it.

    Attributes:
        of: the place of the table; None of the number of units.
        unit: what one in it stands for: a row, or so much of a number.
        labels: of the cell.
        columns: the unknowns that count in it.
        weights: how often each does.
        wanted: as published.
        low: at least.
        high: at most.
    """

    of: int | None
    unit: float
    labels: str
    columns: CellIndex
    weights: Floats
    wanted: float
    low: float
    high: float

    @property
    def alone(self) -> bool:
        """Whether it is a number by itself: a mean hangs on how many rows there are."""
        return bool((self.weights == 1).all())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Missed:
    """How far tables miss each other.

    Attributes:
        by: as a share of all rows.
        at: the cells that this hangs on.
    """

    by: float
    at: tuple[Asked, ...]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class KindsOfRows:
    """The kinds of rows above, and of the members of each, that some variables tell apart.

    Attributes:
        traits: the variables, by what they are known by.
        n: kinds of rows above.
        above: (n,) their categories.
        parent: (m,) the kind of row above of each kind of member.
        known: (m,) categories of these, those of the rows above included.
        numbers: (m,) the least and the greatest of variables whose numbers are added up.
    """

    traits: Mapping[Hashable, Trait]
    n: int
    above: Known
    parent: CellIndex
    known: Known
    numbers: Mapping[Hashable, tuple[Floats, Floats]]


class MembersProgramme:
    """The programme of some kinds of rows above and of their members.

    Unknown are numbers of each kind of row above, of each kind of member inside it, and what the members' numbers come to.

    Args:
        form: of the members.
        both: the rows above and the members, with what is published of them.
        kinds: of both.
        n_above: how many rows above there are; infinite where nobody knows.
    """

    def __init__(self, form: LevelForm, both: tuple[RowsTold, RowsTold], kinds: KindsOfRows, n_above: float) -> None:
        self.form, self.both, self.traits, self.numbers = form, both, kinds.traits, kinds.numbers
        self.above, self.parent, self.known = kinds.above, kinds.parent, kinds.known
        self.n, self.m, numbers = kinds.n, len(kinds.parent), kinds.numbers
        self.unit = {key: max(float(np.abs(edge).max(initial=1.0)) for edge in of) for key, of in numbers.items()}
        self.place = {key: self.n + self.m * (1 + i) for i, key in enumerate(numbers)}
        self.width = self.n + self.m * (1 + len(numbers))
        _, self.lower = both
        self.level = self.lower.view.level
        self._rows: list[Any] = []
        self._bound()
        self.asked = tuple(self._asked(n_above))
        self.whole = max(
            [n_above if np.isfinite(n_above) else 0.0, 1.0, *(one.low / one.unit for one in self.asked if one.of is not None)]
        )

    # --- What a unit can be

    def _each(self, members: Floats, above: Floats | float, values: tuple[Hashable, Floats] | None = None) -> None:
        """Of each kind of row above, so much of its members and of itself comes to no more than 0.

        Args:
            members: (m,) how often each kind of member counts.
            above: (n,) how often the row itself does; infinite where nothing is said.
            values: how often what members' numbers come to does.
        """
        own: Floats = np.broadcast_to(np.asarray(above, np.float64), (self.n,))
        told, rows, each = np.isfinite(own), np.arange(self.n), np.arange(self.m)
        parts = [(rows, rows, np.where(told, own, 0.0)), (self.parent, self.n + each, members)]
        if values is not None:
            parts.append((self.parent, self.place[values[0]] + each, values[1]))
        self._rows.append(_sparse(parts, (self.n, self.width))[np.flatnonzero(told)])

    def _count(self, may: Mask, must: Mask, low: Floats, high: Floats) -> None:
        """Between which ends the number of some members of each row above lies."""
        self._each(-may.astype(np.float64), low)
        self._each(must.astype(np.float64), -high)

    def _bound(self) -> None:
        every = np.ones(self.m, bool)
        for role in ("", *self.form.roles):
            may, must = (every, every) if not role else self._of_role(role)
            most = self.form.most(role)
            low, high = float(self.form.fewest(role)), np.inf if most is None else float(most)
            self._count(may, must, np.full(self.n, low), np.full(self.n, high))
        for key, trait in self.traits.items():
            if trait.tie is not None and key in self.above:
                self._tie(trait.tie, self.above[key])
        each = np.arange(self.m)
        for key, edges in self.numbers.items():
            for edge, sign in zip(edges, (-1.0, 1.0), strict=True):
                times: Floats = -sign * edge / self.unit[key]
                parts = [(each, self.place[key] + each, np.full(self.m, sign)), (each, self.n + each, times)]
                self._rows.append(_sparse(parts, (self.m, self.width)))

    def _of_role(self, role: str) -> tuple[Mask, Mask]:
        own = self.lower.view.schema.levels[self.level]
        return self._with(own.position(self.form.role), own.role_of(role).code)

    def _with(self, column: int, code: int) -> tuple[Mask, Mask]:
        """Which kinds of members may have a category, and which have it."""
        codes = self.known.get(Ref(self.level, column))
        if codes is None:
            return np.ones(self.m, bool), np.zeros(self.m, bool)
        return codes == code, codes == code

    def _such(self, tie: Tie) -> tuple[Mask, Mask]:
        """Which kinds of members may count for a tie, and which do."""
        may, must = np.ones(self.m, bool), np.ones(self.m, bool)
        if tie.condition is not None:
            variables = {key: trait.variable for key, trait in self.traits.items()}
            found = self.lower.truth(tie.condition, self.known, variables, self.m)
            may, must = (~found.must, ~found.may) if tie.opposite else (found.may, found.must)
        if tie.role is not None:
            role = self._with(tie.role.column, tie.role.code)
            may, must = may & role[0], must & role[1]
        return may, must

    def _tie(self, tie: Tie, of: Codes) -> None:
        """What categories of the rows above, (n,), say of their members."""
        may, must = self._such(tie)
        low, high = tie.low[of], tie.high[of]
        key = None if tie.source is None else Ref(self.level, tie.source)
        if tie.function == "count":
            self._count(may, must, low, high)
        elif key in self.known and tie.codes:
            same = self.known[key] == of[self.parent]
            self._count(may & same, must & ~same, (of < self.traits[key].variable.size).astype(np.float64), np.zeros(self.n))
        elif key in self.known:
            self._tie_numbers(tie, key, may, must, low, high)

    def _tie_numbers(self, tie: Tie, key: Hashable, may: Mask, must: Mask, low: Floats, high: Floats) -> None:
        """The same of members' numbers."""
        least, most = (edge[self.known[key]] for edge in (self.traits[key].low, self.traits[key].high))
        there, somebody, none = ~np.isnan(least), ~np.isnan(low), np.zeros(self.n)
        may, sure = may & there, must & there
        if tie.function == "sum":
            if key in self.numbers and (may == sure).all():
                self._each(np.zeros(self.m), low / self.unit[key], (key, -may.astype(np.float64)))
                self._each(np.zeros(self.m), -high / self.unit[key], (key, may.astype(np.float64)))
            return
        self._count(may, sure, none, np.where(somebody, np.inf, 0.0))
        low_of, high_of = low[self.parent], high[self.parent]
        if tie.function == "mean":
            self._each(-may.astype(np.float64), somebody.astype(np.float64))
            if key in self.numbers and (may == sure).all():
                inside = may & somebody[self.parent]
                self._each(np.where(inside, low_of / self.unit[key], 0.0), 0.0, (key, -inside.astype(np.float64)))
                self._each(np.where(inside, -high_of / self.unit[key], 0.0), 0.0, (key, inside.astype(np.float64)))
            return
        above, under = least > high_of, most < low_of
        off = {"max": sure & above, "min": sure & under, "": (sure & (above | under)) | (must & ~there)}[tie.function]
        off &= somebody[self.parent]
        self._count(may & ~above & ~under, off, somebody.astype(np.float64), none)

    # --- What is published

    def _asked(self, n_above: float) -> Iterator[Asked]:
        """The cells of all tables, and the number of units."""
        if np.isfinite(n_above):
            yield Asked(
                of=None,
                unit=1.0,
                labels="",
                columns=np.arange(self.n),
                weights=np.ones(self.n),
                wanted=n_above,
                low=n_above,
                high=n_above,
            )
        for level, known, first, size in ((0, self.above, 0, self.n), (1, self.known, self.n, self.m)):
            counted = self.both[level]
            for stated in counted.tables:
                yield from self._of_table(stated, counted, known, first, size)
        for stated in self.lower.statistics:
            yield from self._of_statistic(stated)

    def _of_table(self, stated: Stated, counted: RowsTold, known: Known, first: int, size: int) -> Iterator[Asked]:
        placed = _placed(stated.target.grid, counted, known)
        if placed is None:
            return
        grid, into, covers = placed
        n = len(stated.target.grid.cells)
        least, most = bounds_of(stated)
        fewest, largest = stated.target.demand.whole  # an interval without a whole number is met at either side of it
        edges = np.minimum(least, fewest), np.maximum(most, largest), stated.target.wanted
        low, high, wanted = (np.bincount(into, edge[:n], grid.size)[: grid.size] for edge in edges)
        high = high if covers else np.full(len(high), np.inf)
        if grid.closed:
            high[-1] = 0.0
        index = grid.index_of(lambda ref: counted.codes(ref, known), size)
        for cell in np.flatnonzero((low > 0) | np.isfinite(high)).tolist():
            inside = np.flatnonzero(index == cell)
            yield Asked(
                of=stated.position,
                unit=1.0,
                labels=", ".join(grid.labels(cell).values()),
                columns=first + inside,
                weights=np.ones(len(inside)),
                wanted=float(wanted[cell]),
                low=float(low[cell]),
                high=float(high[cell]),
            )

    def _of_statistic(self, stated: Stated) -> Iterator[Asked]:
        """Totals and means of members' numbers: what these come to lies between edges, of a mean times how many they are."""
        target, of, counted = stated.target, stated.target.statistic, self.lower
        if not isinstance(of, OfValues) or of.curved or target.sigma is not None:
            return
        key, placed = counted.key(of.ref), _placed(target.grid, counted, self.known)
        if placed is None or key not in self.numbers or placed[0].size != target.grid.size:
            return
        index = placed[0].index_of(lambda ref: counted.codes(ref, self.known), self.m)
        for cell in np.flatnonzero(np.isfinite(target.wanted)).tolist():
            inside = np.flatnonzero(index == cell)
            labels = ", ".join(target.labels(cell).values())
            wanted, low, high = (float(edge[cell]) for edge in (target.wanted, target.lowest, target.highest))
            ones, unit = np.ones(len(inside)), self.unit[key]
            one = Asked(
                of=stated.position,
                unit=unit,
                labels=labels,
                columns=self.place[key] + inside,
                weights=ones,
                wanted=wanted,
                low=low,
                high=high,
            )
            if not of.per_row:
                yield one
                continue
            both = np.concatenate([one.columns, self.n + inside])
            for edge, least, most in ((low, 0.0, np.inf), (high, -np.inf, 0.0)):
                weights = np.concatenate([ones, -edge / unit * ones])
                yield replace(one, columns=both, weights=weights, low=least, high=most)

    # --- Answers

    def missed(self, tables: Set[int]) -> Missed | None:
        """How far the number of units and some tables miss each other at least; None where the solver does not tell."""
        kept = [one for one in self.asked if one.of is None or one.of in tables]
        found, rows = self._solved(kept, np.append(np.zeros(self.width), 1.0), np.inf)
        if found.x is None or not len(found.at_most):
            return None
        worth = np.abs(found.at_most[-len(rows) :]) if rows else np.zeros(0)
        at = {id(one): one for one, of in zip(rows, worth, strict=True) if of > LITTLE}
        return Missed(by=max(found.value, 0.0), at=tuple(at.values()))

    def reach(self, one: Asked, tables: Set[int]) -> tuple[float, float] | None:
        """The least and the most that all else that some tables ask for leaves of one cell; None where that is not known."""
        kept = [other for other in self.asked if other is not one and (other.of is None or other.of in tables)]
        ends, prices = [], np.zeros(self.width + 1)
        prices[one.columns] = one.weights
        for sign in (1.0, -1.0):
            found, _ = self._solved(kept, sign * prices, LITTLE)
            if found.ending not in ("solved", "failed") or (found.x is None and sign > 0):
                return None
            ends.append(np.inf if found.x is None else sign * found.value * self.whole * one.unit)
        return ends[0], ends[1]

    def _solved(self, kept: Sequence[Asked], prices: Floats, most: float) -> tuple[Solved, list[Asked]]:
        """The least of some prices, tables being missed by a last unknown at most; and what each row of theirs is asked by."""
        from scipy.sparse import vstack

        parts, right, of = list[tuple[CellIndex, CellIndex, Floats]](), list[float](), list[Asked]()
        for one in kept:
            size = max(float(np.abs(one.weights).max(initial=1.0)), 1.0)
            for sign, edge in ((1.0, one.high), (-1.0, -one.low)):
                if np.isfinite(edge):
                    parts.append((np.full(len(one.columns), len(of)), one.columns, sign * one.weights / size))
                    right.append(edge / one.unit / size / self.whole)
                    of.append(one)
        parts.append((np.arange(len(of)), np.full(len(of), self.width), np.full(len(of), -1.0)))
        bounds = vstack([*self._rows, _sparse([], (0, self.width))])
        bounds.resize((bounds.shape[0], self.width + 1))
        matrix = vstack([bounds, _sparse(parts, (len(of), self.width + 1))]).tocsr()
        limits = np.full((self.width + 1, 2), (0.0, np.inf))
        limits[self.n + self.m : -1, 0] = -np.inf
        limits[-1, 1] = most
        limit = np.append(np.zeros(bounds.shape[0]), right)
        return solve_linear(prices, at_most=(matrix, limit), bounds=limits, attempts=SURE), of


def _sparse(parts: Sequence[tuple[CellIndex, CellIndex, Floats]], shape: tuple[int, int]) -> Any:
    """A matrix of parts: row, column and value of each entry."""
    from scipy.sparse import csr_array

    if not parts:
        return csr_array(shape)
    row, column, value = (np.concatenate(of) for of in zip(*parts, strict=True))
    there = value != 0
    return csr_array((value[there], (row[there], column[there])), shape=shape)


def _placed(grid: TargetGrid, counted: RowsTold, known: Known) -> tuple[TargetGrid, CellIndex, bool] | None:
    """A table summed over what is not known of rows: what is left, the cell of each of its own, and whether all of these count.

    None where it is not known which rows it counts.
    """
    if grid.universe is not None and any(counted.key(ref) not in known for ref, _ in grid.universe.columns.values()):
        return None
    kept = [place for place, axis in enumerate(grid.axes) if counted.key(axis.ref) in known]
    if len(kept) == len(grid.axes):
        return grid, np.arange(len(grid.cells)), True
    if grid.listed is not None:
        return None
    left = replace(grid, axes=tuple(grid.axes[place] for place in kept))
    into = np.zeros(len(grid.cells), np.int64)
    for place in kept:
        into = into * grid.axes[place].size + grid.groups[place]
    gone = [axis for place, axis in enumerate(grid.axes) if place not in kept]
    return left, into, all(counted.key(axis.ref) is not None and axis.covers for axis in gone)
