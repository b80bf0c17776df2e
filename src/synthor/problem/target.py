"""Published statistics, compiled: counts in the cells of a table, and means, totals, deviations or shares inside cells."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthor.rules.on_categories import truth
from synthor.rules.syntax import Predicate
from synthor.schema import Cells, Incidence, Partition, Ref, Units, Variable
from synthor.schema.crossed import crossed
from synthor.types import CellIndex, Codes, Counts, Floats, Mask, Shares

if TYPE_CHECKING:
    from scipy import sparse

EDGE = 1e-6
"""How near a whole number a wanted count must be to be that number, in rows."""

ROOM = 0.5
"""Share of the spread of numbers inside their finest bins that the fit leaves to their settling."""

HALVINGS, STEEPEST = 60, 40.0
"""Halvings of the range in which a tilt is looked for; its ends, in inverse hyperbolic sines of tilt times largest distance."""

AIMED = 0.8
"""Share of the rounding of a published value that the fit makes use of: whole records need the rest."""

BELOW_ONE = 1 - 1e-4
"""A share that no whole number of records meets is met at either side of it: by less than one record."""

SCARCE = 0.05
"""Share of the most that a label may hold with which it is drawn, where the table itself says 0."""

SIGMAS = 2.0
"""A cell with a margin of error is met within so many standard deviations."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Axis:
    """One side of a table: a variable, and the label that each of its categories goes under.

    Attributes:
        position: of the variable among the declared ones of its level.
        ref: the column that is read: the variable's own, or that of its slices.
        variable: behind that column.
        labels: of the table.
        group_of: (k,) label of each category, -1 where it goes under none.
    """

    position: int
    ref: Ref
    variable: Variable
    labels: tuple[str, ...]
    group_of: Codes

    @property
    def size(self) -> int:
        return len(self.labels)

    @property
    def declared(self) -> bool:
        """Whether it is read in the bins that the spec declares."""
        return self.ref.column == self.position

    def groups(self, units: Units, at: int) -> Codes:
        """The label under which each row of level `at` goes, (rows,), -1 where under none."""
        return self.grouped(units.column(self.ref, at))

    def grouped(self, codes: Codes) -> Codes:
        """The label of each category, (n,), -1 where it goes under none or where there is no row that has one."""
        group: Codes = self.group_of[codes]
        return group if self.ref.plain else np.where(codes >= 0, group, -1).astype(np.int32)

    @property
    def covers(self) -> bool:
        """Whether every row goes under some label."""
        return self.ref.plain and bool((self.group_of >= 0).all())

    def categories(self, group: int) -> CellIndex:
        """The categories under one label."""
        return np.flatnonzero(self.group_of == group)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Universe:
    """The records that a table counts: those for which a predicate holds.

    Attributes:
        text: the predicate as written.
        predicate: the same, parsed.
        columns: for each variable that it names, the column that is read and the variable behind it.
        positions: of these variables among the declared ones.
    """

    text: str
    predicate: Predicate
    columns: Mapping[str, tuple[Ref, Variable]]
    positions: tuple[int, ...]

    def holds(self, column: Callable[[Ref], Codes], n: int) -> Mask:
        """Whether each of n rows belongs to it, (n,), whose codes are told column by column."""
        known = {name: column(place) for name, (place, _) in self.columns.items()}
        return truth(self.predicate, known, {name: v for name, (_, v) in self.columns.items()}, n).must


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class TargetGrid:
    """The cells of a table: which one each row falls into.

    Attributes:
        axes: its sides.
        universe: the rows that it counts; None for all.
        listed: of a sparse table, the flat cells that it lists, rising; None where all are listed.
        closed: of a sparse table, whether no row may fall into a cell that is not listed: one more cell, with none wanted.
    """

    axes: tuple[Axis, ...]
    universe: Universe | None = None
    listed: CellIndex | None = None
    closed: bool = False

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(axis.size for axis in self.axes)

    @property
    def size(self) -> int:
        """Number of cells; 1 for a table without sides, which is a single number."""
        if self.listed is not None:
            return len(self.listed) + self.closed
        return math.prod(self.shape)

    @property
    def positions(self) -> tuple[int, ...]:
        """The variables that decide which cell a row falls into, by their positions."""
        inside = () if self.universe is None else self.universe.positions
        return (*(axis.position for axis in self.axes), *inside)

    @property
    def refs(self) -> tuple[Ref, ...]:
        """The columns that decide it."""
        inside = () if self.universe is None else (ref for ref, _ in self.universe.columns.values())
        return tuple(dict.fromkeys((*(axis.ref for axis in self.axes), *inside)))

    @property
    def plain(self) -> bool:
        """Whether it is a full table of its columns' categories as they are."""
        as_they_are = (axis.size == axis.variable.size and axis.covers for axis in self.axes)
        return (
            self.universe is None
            and self.listed is None
            and bool(self.axes)
            and all(as_they_are)
            and all(bool((axis.group_of == np.arange(axis.size)).all()) for axis in self.axes)
        )

    @property
    def covers(self) -> bool:
        """Whether every row falls into some cell."""
        return self.universe is None and all(axis.covers for axis in self.axes) and (self.listed is None or self.closed)

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one cell by variable."""
        if self.listed is not None:
            if cell == len(self.listed):
                return {axis.variable.name: "any that is not listed" for axis in self.axes[:1]}
            cell = int(self.listed[cell])
        codes = np.unravel_index(cell, self.shape) if self.axes else ()
        return {axis.variable.name: axis.labels[int(code)] for axis, code in zip(self.axes, codes, strict=True)}

    @property
    def cells(self) -> CellIndex:
        """Flat place of each cell among all combinations of labels; the one more cell of a closed table has none."""
        return np.arange(self.size) if self.listed is None else self.listed

    @property
    def groups(self) -> tuple[CellIndex, ...]:
        """Label of each of these cells on each side, (cells,) a side."""
        return tuple(np.unravel_index(self.cells, self.shape)) if self.axes else ()

    def index(self, units: Units, at: int = 0) -> CellIndex:
        """Cell of each row of a level, `size` where it falls into none, (rows,)."""
        return self.index_of(lambda ref: units.column(ref, at), units.n_rows(at))

    def index_of(self, column: Callable[[Ref], Codes], n: int) -> CellIndex:
        """The same of n rows whose codes are told column by column: few of many columns decide it."""
        index = np.zeros(n, np.int64)
        outside = np.zeros(n, bool) if self.universe is None else ~self.universe.holds(column, n)
        for axis in self.axes:
            group = axis.grouped(column(axis.ref))
            outside |= group < 0
            index *= axis.size
            index += group
        if self.listed is not None:
            found = np.minimum(np.searchsorted(self.listed, index), len(self.listed) - 1)
            index = np.where(self.listed[found] == index, found, len(self.listed))  # the last cell, or beyond it
        return np.where(outside, self.size, index)

    def combinations(self, cell: int) -> Codes:
        """Categories of the axes' columns that put a row into a cell, whatever the universe, (m, axes)."""
        if self.listed is not None and cell >= len(self.listed):
            return np.empty((0, len(self.axes)), np.int32)
        if not self.axes:
            return crossed(())
        flat = int(self.listed[cell]) if self.listed is not None and cell < len(self.listed) else cell
        groups = np.unravel_index(flat, self.shape)
        return crossed([axis.categories(int(group)) for axis, group in zip(self.axes, groups, strict=True)])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """A table of counts over some variables of one level.

    Attributes:
        name: for people.
        kind: whether it was published as counts or as shares.
        level: which level's rows it counts.
        grid: its cells.
        wanted: (c,) rows wanted in each cell; whole for counts, perhaps not for shares.
        slack: how far a cell may be off because of the table's own rounding, in rows; for comparing tables only.
        bounds: lowest and highest count of each cell, (c,) each, where an interval is wanted; None where `wanted` is.
        sigma: (c,) standard deviation of each cell, in rows, where it has a margin of error.
        hidden: whether the table does not tell some cells, so that their `bounds` are all that is known.
        silent: (c,) cells of which the table says nothing: their bounds follow from its other cells, or from other tables.
        totals_of: name of the table whose totals over cells that are not told these are; empty for a table of its own.
    """

    name: str
    kind: Literal["count", "share"]
    level: int
    grid: TargetGrid
    wanted: Floats
    slack: float = 0.0
    bounds: tuple[Floats, Floats] | None = None
    sigma: Floats | None = None
    hidden: bool = False
    silent: Mask | None = None
    totals_of: str = ""

    @property
    def axes(self) -> tuple[Axis, ...]:
        return self.grid.axes

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of its variables among the declared ones."""
        return tuple(axis.position for axis in self.axes)

    @property
    def variables(self) -> tuple[Variable, ...]:
        return tuple(axis.variable for axis in self.axes)

    @property
    def shape(self) -> tuple[int, ...]:
        return self.grid.shape

    @property
    def exact(self) -> bool:
        """Whether its cells are wanted as they are, without interval or margin of error."""
        return self.bounds is None and self.sigma is None

    @property
    def whole(self) -> bool:
        """Whether it gives exact counts of all records."""
        return self.exact and self.grid.covers

    @property
    def complete(self) -> bool:
        """Whether it gives counts of all records, be it only as intervals or with margins of error."""
        return self.level == 0 and self.grid.covers and float(self.wanted.sum()) > 0

    @property
    def room(self) -> Floats:
        """How far each cell may be off because shares were rounded, or no whole number of rows is such a share, (c,)."""
        room = np.full(len(self.wanted), self.slack)
        if self.kind == "share" and self.exact:
            split = np.abs(self.wanted - np.rint(self.wanted)) > EDGE
            room = np.where(split, np.maximum(room, BELOW_ONE), room)
        return room

    @property
    def lowest(self) -> Floats:
        """Fewest rows with which each cell is met, (c,); perhaps not whole."""
        if self.bounds is not None:
            return self.bounds[0]
        return self.wanted if self.sigma is None else np.maximum(self.wanted - SIGMAS * self.sigma, 0.0)

    @property
    def highest(self) -> Floats:
        """Most rows with which each cell is met, (c,); perhaps not whole."""
        if self.bounds is not None:
            return self.bounds[1]
        return self.wanted if self.sigma is None else self.wanted + SIGMAS * self.sigma

    @property
    def low(self) -> Counts:
        """Fewest rows that count as met. An interval without a whole number in it is met at either side of it."""
        inside = np.ceil(self.lowest - EDGE) <= np.floor(self.highest + EDGE)
        return np.where(inside, np.ceil(self.lowest - EDGE), np.floor(self.lowest + EDGE)).astype(np.int64)

    @property
    def high(self) -> Counts:
        """Most rows that count as met."""
        inside = np.ceil(self.lowest - EDGE) <= np.floor(self.highest + EDGE)
        return np.where(inside, np.floor(self.highest + EDGE), np.ceil(self.highest - EDGE)).astype(np.int64)

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one cell by variable."""
        return self.grid.labels(cell)

    def side(self, place: int) -> Floats:
        """The table's marginal over one of its sides, (labels,)."""
        group = self.grid.groups[place]
        return np.asarray(np.bincount(group, self.wanted[: len(group)], self.shape[place]), dtype=np.float64)

    def believable_side(self, place: int) -> Floats:
        """The same to draw by, (labels,): a label that holds nobody, but may within its rounding or margin, gets a little."""
        side = self.side(place)
        return side if self.exact else np.where(side > 0, side, SCARCE * replace(self, wanted=self.highest).side(place))

    def cells(self, units: Units) -> Cells:
        """How often each unit counts in each cell."""
        return units.counted(self.level, self.index(units), self.grid.size)

    def index(self, units: Units) -> CellIndex:
        """Cell of each row of its level, the number of cells where it falls into none, (rows,)."""
        return self.grid.index(units, self.level)

    def scaled(self, factor: float) -> "Target":
        """The same table for a population `factor` times as large; margins of error stay shares of it."""
        bounds = None if self.bounds is None else (self.bounds[0] * factor, self.bounds[1] * factor)
        sigma = None if self.sigma is None else self.sigma * factor
        return replace(self, wanted=self.wanted * factor, slack=self.slack * factor, bounds=bounds, sigma=sigma)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Moment:
    """A mean, total or standard deviation of a variable, or shares of its categories, in each cell of a table of level 0.

    Attributes:
        name: for people.
        kind: mean, total, sd, or shares.
        grid: the cells that it is given for; one cell where it is given for all records.
        of: position of the variable.
        ref: the column that is read: its own, or that of its slices.
        variable: behind that column.
        groups: of shares, the axis of the variable; None otherwise.
        wanted: (c,) value; of shares (c, groups), each row summing to one; NaN where it is not given.
        half: how far a value may be off because it was rounded when it was published.
        bounds: lowest and highest value that is wanted, shaped like `wanted`, where an interval is; None otherwise.
        sigma: standard deviation of each value, shaped like `wanted`, where it has a margin of error.
        center: (c,) of a standard deviation, the mean around which it is taken.
        printed: of shares, as they were published, shaped like `wanted`, which they are rounded from: they need not add up to
            one; None where an interval or a margin of error says what counts.
    """

    name: str
    kind: Literal["mean", "total", "sd", "shares"]
    grid: TargetGrid
    of: int
    ref: Ref
    variable: Variable
    wanted: Floats
    half: float
    groups: Axis | None = None
    bounds: tuple[Floats, Floats] | None = None
    sigma: Floats | None = None
    center: Floats | None = None
    printed: Floats | None = None

    @property
    def exact(self) -> bool:
        """Whether its values are wanted as they were published, without interval or margin of error."""
        return self.bounds is None and self.sigma is None

    @property
    def columns(self) -> tuple[int, ...]:
        """Positions of its variables among the declared ones."""
        return (*(axis.position for axis in self.grid.axes), self.of)

    @property
    def lowest(self) -> Floats:
        """Smallest value with which each cell is met, shaped like `wanted`."""
        if self.bounds is not None:
            return self.bounds[0]
        wanted = self.wanted if self.printed is None else self.printed
        return wanted - (self.half if self.sigma is None else SIGMAS * self.sigma)

    @property
    def highest(self) -> Floats:
        """Largest value with which each cell is met, shaped like `wanted`."""
        if self.bounds is not None:
            return self.bounds[1]
        wanted = self.wanted if self.printed is None else self.printed
        return wanted + (self.half if self.sigma is None else SIGMAS * self.sigma)

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one of its values by variable."""
        if self.groups is None:
            return self.grid.labels(cell)
        outer, inner = divmod(cell, self.groups.size)
        return {**self.grid.labels(outer), self.groups.variable.name: self.groups.labels[inner]}

    def joint(self, units: Units) -> Partition:
        """Of shares: the cell and category of each unit, as one table."""
        assert self.groups is not None
        cell, group = self.grid.index(units), self.groups.groups(units, 0)
        size = self.grid.size * self.groups.size
        return Partition(np.where((cell < self.grid.size) & (group >= 0), cell * self.groups.size + group, size), size)

    def is_around(self, mean: "Moment") -> bool:
        """Whether a mean is of the same variable in the same cells."""
        sides = [[(axis.position, axis.ref.level, axis.labels) for axis in moment.grid.axes] for moment in (self, mean)]
        where = [moment.grid.universe and moment.grid.universe.text for moment in (self, mean)]
        return self.of == mean.of and sides[0] == sides[1] and where[0] == where[1]

    def around(self, mean: "Moment") -> "Moment":
        """A standard deviation around a mean; where the mean is not given, neither is it."""
        return replace(self, center=mean.wanted, wanted=np.where(np.isfinite(mean.wanted), self.wanted, np.nan))

    def scaled(self, factor: float) -> "Moment":
        """The same for a population `factor` times as large: only totals grow, and are met to the nearest sum of values."""
        if self.kind != "total":
            return self
        bounds = None if self.bounds is None else (self.bounds[0] * factor, self.bounds[1] * factor)
        sigma = None if self.sigma is None else self.sigma * factor
        half = max(self.half * factor, 0.5 * 10.0**-self.variable.decimals)
        return replace(self, wanted=self.wanted * factor, half=half, bounds=bounds, sigma=sigma)

    def mass(self, units: Units, base: Shares) -> Floats:
        """Believed share of all units in each cell, by the variable's categories, (cells, k); of shares, in all, (cells, 1).

        Args:
            units: the candidates.
            base: (n,) share of each, as far as it is believed.
        """
        cell, size = self.grid.index(units), 1 if self.kind == "shares" else self.variable.size
        place = cell if size == 1 else cell * size + units.column(self.ref)
        found = np.bincount(place, base, (self.grid.size + 1) * size)[: self.grid.size * size]
        return np.asarray(found.reshape(self.grid.size, size), dtype=np.float64)

    def demand(self, units: Units, powers: Sequence[Floats], n_units: int, mass: Floats) -> "Demand":
        """The linear condition on shares of units that says the same.

        A mean m of v in cell c is  E[1_c (v - m)] = 0, and likewise for a standard deviation and for shares; a total T is
        E[1_c v] = T / N. An interval, or a margin of error, of a ratio is widened by the cell's share of all units.

        Args:
            units: the candidates.
            powers: expected value and expected square of the variable in each of its categories, (k,) each; none for shares.
            n_units: units of the whole population.
            mass: what `mass` says of the candidates that are weighed.
        """
        cell, shares = self.grid.index(units), mass.sum(axis=1)
        inside = cell < self.grid.size
        rows, where = np.flatnonzero(inside), cell[inside]
        given = np.isfinite(self.wanted)
        if self.kind == "shares":
            return self._demand_of_shares(units, rows, where, shares)
        low, high = (np.where(given, edge, 0.0) for edge in self._asked())
        wanted = np.where(given, self.wanted, 0.0)
        values = np.broadcast_to(powers[0], (len(wanted), len(powers[0])))
        room = np.broadcast_to(np.sqrt(np.maximum(powers[1] - np.square(powers[0]), 0.0)), values.shape)
        middle = wanted / n_units / np.where(shares > 0, shares, np.inf) if self.kind == "total" else wanted
        if self.kind == "sd":
            center = np.zeros(len(wanted)) if self.center is None else np.where(given, self.center, 0.0)
            room = room * (2 * np.abs(values - center[:, None]) + room)
            values = powers[1] - 2 * center[:, None] * values + np.square(center[:, None])
            low, high, wanted = np.square(low), np.square(high), np.square(wanted)
            middle = wanted
        inner = (_tilted(mass, values - middle[:, None]) * room).sum(axis=1)
        value = values[where, units.column(self.ref)[rows]]
        off = value if self.kind == "total" else value - wanted[where]
        unit = max(float(np.abs(off[given[where]]).max(initial=0.0)), 1e-300)
        if self.kind == "total":
            coefficient, widen, zero = off / unit, np.full(len(wanted), 1 / (n_units * unit)), wanted / (n_units * unit)
        else:
            coefficient, widen, zero = off / unit, shares / unit, np.zeros(len(wanted))
        sigma = (
            None
            if self.sigma is None
            else np.where(given, self.sigma, 1.0) * widen * (2 * wanted**0.5 if self.kind == "sd" else 1)
        )
        keep = given[where]
        matrix = _sparse(coefficient[keep], rows[keep], where[keep], (len(units), len(wanted)))
        return Demand(
            cells=Incidence(matrix),
            unit=unit,
            low=zero + (low - wanted) * widen,
            high=zero + (high - wanted) * widen,
            sigma=sigma,
            room=ROOM * inner / unit * shares,
        )

    def _asked(self) -> tuple[Floats, Floats]:
        """Lowest and highest value that the fit aims at: whatever is published as `wanted` when rounded."""
        if self.sigma is not None:
            return self.wanted, self.wanted
        if self.bounds is not None:
            return self.bounds
        inside, printed = AIMED * self.half, self.wanted if self.printed is None else self.printed
        return np.minimum(printed - inside, self.wanted), np.maximum(printed + inside, self.wanted)

    def _demand_of_shares(self, units: Units, rows: CellIndex, where: CellIndex, shares: Floats) -> "Demand":
        assert self.groups is not None
        n_groups = self.groups.size
        group = self.groups.groups(units, 0)[rows].astype(np.int64)
        given = np.isfinite(self.wanted[:, 0])
        rows, where, group = (array[given[where] & (group >= 0)] for array in (rows, where, group))
        coefficient = (group[:, None] == np.arange(n_groups)) - self.wanted[where]
        place = where[:, None] * n_groups + np.arange(n_groups)
        size = self.wanted.size
        matrix = _sparse(coefficient.ravel(), np.repeat(rows, n_groups), place.ravel(), (len(units), size))
        widen = np.repeat(shares, n_groups)
        low, high = ((edge - self.wanted).ravel() * widen for edge in self._asked())
        sigma = None if self.sigma is None else self.sigma.ravel() * widen
        known = np.repeat(given, n_groups)
        return Demand(
            cells=Incidence(matrix),
            unit=1.0,
            low=np.where(known, low, 0.0),
            high=np.where(known, high, 0.0),
            sigma=sigma,
            room=np.zeros(size),
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Demand:
    """low <= C'p <= high, (c,) each; the coefficients C may be negative.

    Attributes:
        cells: C.
        unit: what C was divided by, which depends on the units that it was made for.
        low: lowest totals.
        high: highest totals.
        sigma: standard deviation of each total, where there is a margin of error.
        room: by how much a total can still be moved when numbers are settled inside their bins, as a standard deviation.
    """

    cells: Incidence
    unit: float
    low: Floats
    high: Floats
    sigma: Floats | None
    room: Floats


def _tilted(mass: Floats, distance: Floats) -> Shares:
    """Weights of the bins of each cell, (c, k), pulled exponentially until distances are 0 on average, as far as they can be.

    So the bins that a statistic will hardly use have no say in how much it can be moved inside of bins, be they ever so wide.
    """
    largest = np.maximum(np.abs(distance).max(axis=1, keepdims=True), 1e-300)
    log_mass = np.log(np.maximum(mass, 1e-300))
    low, high = np.full((len(mass), 1), -STEEPEST), np.full((len(mass), 1), STEEPEST)
    for _ in range(HALVINGS):
        tilt = (low + high) / 2
        logs = log_mass + np.sinh(tilt) * distance / largest
        weights = np.exp(logs - logs.max(axis=1, keepdims=True)) * (mass > 0)
        above = (weights * distance).sum(axis=1, keepdims=True) > 0
        low, high = np.where(above, low, tilt), np.where(above, tilt, high)
    return np.asarray(weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-300))


def _sparse(values: Floats, rows: CellIndex, columns: CellIndex, shape: tuple[int, int]) -> "sparse.csr_array":
    from scipy import sparse

    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=shape))
