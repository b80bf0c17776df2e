"""One published table as text, read into what it says: counts in cells, or a statistic inside cells."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from statistics import NormalDist
from typing import Literal

import numpy as np

from synthor.errors import Finding, nearest
from synthor.problem.agree import inexact, shown
from synthor.problem.level import Level, band_of
from synthor.problem.target import Axis, Grid, Moment, Target, Universe
from synthor.spec.rules import Predicate, names_in, parts, truth
from synthor.spec.tables import Table
from synthor.spec.targets import TargetSpec
from synthor.spec.variables import Variable, as_text
from synthor.types import CellIndex, Codes, Floats

MAX_CELLS = 1_000_000
MEASURES = ("count", "share")
VALUE = "value"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """One target as written, and its table as text.

    Attributes:
        written: in the spec.
        table: its rows.
        place: what to call it in a message.
        universe: its `where`, parsed.
    """

    written: TargetSpec
    table: Table
    place: str
    universe: Predicate | None = None

    def within(self, predicate: Predicate) -> "Reading":
        return replace(self, universe=predicate)

    def edges(self, variables: Mapping[str, Variable]) -> dict[str, list[float]]:
        """Edges that its bands and quantiles cut numeric variables at."""
        edges: dict[str, list[float]] = {}
        for name, bands in (self.written.groups or {}).items():
            if name in variables and variables[name].numeric:
                for band in bands.values():
                    if len(band) == 2 and not any(isinstance(edge, str) for edge in band):
                        edges.setdefault(name, []).extend(float(edge) for edge in band)
        if self.written.quantiles:
            edges[self.written.quantiles] = [float(value) for value in (self.written.values or {}).values()]
        return edges


def read_target(reading: Reading, level: Level, n_units: int, findings: list[Finding]) -> Target | Moment | None:
    """What a table says; None, and findings, where it cannot be understood."""
    before = _n_errors(findings)
    reader = _Reader(reading, level, n_units, findings, before)
    if reading.written.quantiles:
        found: Target | Moment | None = reader.quantiles()
    elif reading.written.statistic:
        found = reader.statistic()
    elif reading.written.by:
        found = reader.shares_by()
    else:
        found = reader.counts()
    return None if reader.failed else found


def _n_errors(findings: list[Finding]) -> int:
    return sum(finding.severity == "error" for finding in findings)


@dataclass(slots=True, eq=False)
class _Reader:
    """One table on its way; what is wrong with it is added to the findings."""

    reading: Reading
    level: Level
    n_units: int
    findings: list[Finding]
    n_before: int

    @property
    def written(self) -> TargetSpec:
        return self.reading.written

    @property
    def table(self) -> Table:
        return self.reading.table

    @property
    def failed(self) -> bool:
        """Whether anything was found wrong with it so far."""
        return _n_errors(self.findings) > self.n_before

    # What each kind of target is made of.

    def counts(self) -> Target | Moment | None:
        measure = self._measure(MEASURES)
        axes = self._axes(self._names(measure))
        if measure is None or axes is None:
            return None
        if self.written.flows is not None and list(self.written.flows) != [axis.variable.name for axis in axes]:
            cure = f"name them in the order of the table: {', '.join(axis.variable.name for axis in axes)}"
            self._add("its columns are not the variables of flows", cure)
            return None
        sparse = self.written.flows is not None
        size = math.prod(axis.size for axis in axes)
        if size > MAX_CELLS and not sparse:
            cure = "use fewer or coarser variables, or write it as flows, which list only the cells that are not 0"
            self._add(f"has {size:,} cells, more than {MAX_CELLS:,}", cure)
            return None
        grid = Grid(axes=axes, universe=self._universe())
        if measure == "share" and not grid.covers and len(axes) == 1:
            return self.shares_by()  # of a part of the records whose size is not known
        cells, values, margins = self._cells(axes, measure)
        if self.failed:
            return None
        if sparse:
            order = np.argsort(cells, kind="stable")
            closed = self.written.others == "none"
            grid = replace(grid, listed=cells[order], closed=closed)
            wanted, margins = np.append(values[order], [0.0] * closed), np.append(margins[order], [0.0] * closed)
        else:
            wanted, margins = _filled(cells, values, size), _filled(cells, margins, size)
        self._warn_of_blanks(axes, cells)
        widest = max(axis.size for axis in axes)
        factor, slack = self._scale(measure, wanted, grid, widest)
        return self._target("count" if measure == "count" else "share", grid, wanted * factor, margins * factor, slack)

    def quantiles(self) -> Target | Moment | None:
        """Quantile points are the edges of bands whose shares are known."""
        position = self.level.position(str(self.written.quantiles))
        variable = self.level.finest(position)
        pairs = sorted((_number(as_text(share)), value) for share, value in (self.written.values or {}).items())
        shares, edges = np.array([share for share, _ in pairs]), np.array([value for _, value in pairs])
        if not np.isfinite(shares).all() or (shares <= 0).any() or (shares >= 1).any():
            self._add("quantiles are given for shares between 0 and 1", "write {0.25: 24000, 0.5: 47000}")
        elif (np.diff(edges) <= 0).any() or (edges <= variable.low[0]).any() or (edges > variable.high[-1]).any():
            low, high = as_text(float(variable.low[0])), as_text(float(variable.high[-1]))
            self._add("quantiles must rise, and lie inside the variable's range", f"{variable.name} goes from {low} to {high}")
        else:
            bands = np.searchsorted(edges, variable.low, side="right").astype(np.int32)
            texts = [as_text(float(edge)) for edge in edges]
            labels = (
                f"under {texts[0]}",
                *(f"{a} to {b}" for a, b in pairwise(texts)),
                f"{texts[-1]} and more",
            )
            axis = Axis(position=position, column=self.level.column(position), variable=variable, labels=labels, group_of=bands)
            parts = np.diff(np.concatenate([[0.0], shares, [1.0]]))
            universe = self._universe()
            if universe is None:
                return self._target("share", Grid(axes=(axis,)), parts * self.n_units, np.zeros(len(parts)), 0.0)
            inside = Grid(axes=(), universe=universe)
            return self._moment("shares", inside, position, parts[None, :], np.zeros((1, len(parts))), 5e-4, groups=axis)
        return None

    def statistic(self) -> Moment | None:
        kind = self.written.statistic
        assert kind is not None
        name = str(self.written.of)
        measure = self._measure((kind, VALUE))
        names = self._names(measure)
        axes = self._axes(names)
        if measure is None or axes is None:
            return None
        if self.written.by is not None and sorted(self.written.by) != sorted(names):
            self._add(
                f"its columns are {', '.join(names) or 'none'}, but by is {', '.join(self.written.by)}", "make them equal"
            )
        cells, values, margins = self._cells(axes, measure, signed=kind != "sd")
        if name in names:
            self._add(f"{kind} of {name} cannot be given by {name}", "leave that column out")
        if self.failed:
            return None
        grid = Grid(axes=axes, universe=self._universe())
        wanted, sigma = np.full(grid.size, np.nan), np.zeros(grid.size)
        wanted[cells], sigma[cells] = values, margins
        half = 0.5 * 10.0 ** -self._decimals(measure)
        position = self.level.position(name)
        variable = self.level.variables[position]
        low, high = float(variable.low[0]), float(variable.high[-1])
        outside = np.asarray((wanted < low) | (wanted > high))
        if kind == "mean" and outside.any():
            worst = float(wanted[outside][0])
            message = f"a mean of {as_text(worst)} lies outside of {name}'s range"
            self._add(message, f"{name} goes from {as_text(low)} to {as_text(high)}", found=worst)
            return None
        return self._moment(kind, grid, position, wanted, sigma, half)

    def shares_by(self) -> Moment | None:
        """Shares of the last variables inside each category of the first: each adds up to one."""
        by = list(self.written.by or ())
        measure = self._measure(("share",))
        names = self._names(measure)
        if measure is None:
            return None
        unknown = [name for name in by if name not in names]
        if unknown:
            self._add(f"has no column '{unknown[0]}', which by names", nearest(unknown[0], names), label=unknown[0])
            return None
        of = [name for name in names if name not in by]
        if len(of) != 1:
            what = f"{len(of)} columns beside by ({', '.join(of)})" if of else "no column beside by"
            self._add(what, "give shares of one variable by others")
            return None
        axes = self._axes([*by, *of])
        if axes is None:
            return None
        cells, values, margins = self._cells(axes, measure)
        if self.failed:
            return None
        shape = (math.prod(axis.size for axis in axes[:-1]), axes[-1].size)
        shares = _filled(cells, values, shape[0] * shape[1]).reshape(shape)
        sigma = _filled(cells, margins, shape[0] * shape[1]).reshape(shape)
        given = np.asarray(_filled(cells, np.ones(len(cells)), shape[0] * shape[1]).reshape(shape).any(axis=1))
        whole = 100.0 if shares.sum() > 1.5 * given.sum() else 1.0
        half = 0.5 * 10.0 ** -self._decimals(measure) / whole
        sums = shares.sum(axis=1) / whole
        wrong = np.asarray(given & (np.abs(sums - 1) > half * shape[1] + 1e-9))
        for row in np.flatnonzero(wrong):
            inside = Grid(axes=axes[:-1]).labels(int(row))
            where = ", ".join(inside.values())
            message = f"shares inside ({where}) add up to {sums[row] * whole:.10g}, not to {whole:g}"
            self._add(message, "correct them", label=where, found=float(sums[row] * whole), expected=whole)
        with np.errstate(invalid="ignore", divide="ignore"):
            shares = np.where(given[:, None], shares / shares.sum(axis=1, keepdims=True), np.nan)
        grid = Grid(axes=axes[:-1], universe=self._universe())
        return self._moment("shares", grid, axes[-1].position, shares, sigma / whole, half, groups=axes[-1])

    def _target(self, kind: Literal["count", "share"], grid: Grid, wanted: Floats, sigma: Floats, slack: float) -> Target:
        names = [axis.variable.name for axis in grid.axes]
        told = self.written.quantiles and f"quantiles of {names[0]}"
        return Target(
            name=self.written.name or told or " by ".join(names),
            kind=kind,
            level=0,
            grid=grid,
            wanted=wanted,
            slack=slack,
            bounds=self._bounds(wanted, 0.01 * self.n_units),
            sigma=np.maximum(sigma, 1e-9 * self.n_units) if self.written.margin_of_error is not None else None,
        )

    def _moment(
        self,
        kind: Literal["mean", "total", "sd", "shares"],
        grid: Grid,
        position: int,
        wanted: Floats,
        sigma: Floats,
        half: float,
        *,
        groups: Axis | None = None,
    ) -> Moment:
        name = self.level.variables[position].name
        by = ", ".join(axis.variable.name for axis in grid.axes)
        made = (f"{kind} of {name}" if kind != "shares" else f"{name} shares") + (f" by {by}" if by else "")
        return Moment(
            name=self.written.name or made,
            kind=kind,
            grid=grid,
            of=position,
            column=self.level.column(position),
            variable=self.level.finest(position),
            wanted=wanted,
            half=half,
            groups=groups,
            bounds=self._bounds(wanted, 0.01),
            sigma=np.maximum(sigma, 1e-12) if self.written.margin_of_error is not None else None,
        )

    def _bounds(self, wanted: Floats, point: float) -> tuple[Floats, Floats] | None:
        """The interval of each cell; `point` is what one percentage point is worth."""
        if self.written.rounded_to is not None:
            off: Floats | float = self.written.rounded_to / 2
        elif self.written.tolerance is not None and self.written.tolerance.points is not None:
            off = self.written.tolerance.points * point
        elif self.written.tolerance is not None:
            off = np.abs(wanted) * self.written.tolerance.factor
        else:
            return None
        low = wanted - off
        return (np.maximum(low, 0.0) if self.written.statistic is None else low), wanted + off

    # How its columns and rows are read.

    def _measure(self, known: Sequence[str]) -> str | None:
        columns = self.table.columns
        found = [column for column in columns if column in known]
        if len(set(columns)) < len(columns):
            self._add("two columns have the same name", "rename or drop one")
        elif len(found) != 1:
            both = f"{known[0]} and {known[1]}" if len(known) > 1 else known[0]
            if len(known) == 1:
                self._add(f"has no column {both}", "shares by other variables need one")
            else:
                has = "both" if found else "neither"
                self._add(f"has {has} of the columns {both}", "give exactly one of them")
        elif len(columns) == 1 and self.written.statistic is None:
            self._add("has no column that is named like a variable", nearest("", [v.name for v in self.level.variables]))
        else:
            return found[0]
        return None

    def _names(self, measure: str | None) -> list[str]:
        """Columns that name variables."""
        return [column for column in self.table.columns if column not in (measure, self.written.margin_of_error)]

    def _axes(self, names: Sequence[str]) -> tuple[Axis, ...] | None:
        known = {variable.name: i for i, variable in enumerate(self.level.variables)}
        missing = False
        for name in names:
            if name not in known and name not in MEASURES:
                self._add(f"column '{name}' is no variable", nearest(name, [*known, *MEASURES]), label=name)
                missing = True
        margin = self.written.margin_of_error
        if isinstance(margin, str) and margin not in self.table.columns:
            self._add(
                f"has no column '{margin}', which margin_of_error names", nearest(margin, self.table.columns), label=margin
            )
            missing = True
        for name in self.written.groups or {}:
            if name not in names:
                self._add(f"groups speak of '{name}', which is no column of the table", nearest(name, names), label=name)
                missing = True
        if missing or any(name not in known for name in names):
            return None
        axes = [self._axis(known[name]) for name in names]
        return None if any(axis is None for axis in axes) else tuple(axis for axis in axes if axis is not None)

    def _axis(self, position: int) -> Axis | None:
        variable = self.level.variables[position]
        groups = (self.written.groups or {}).get(variable.name)
        if groups is None:
            own = np.arange(variable.size, dtype=np.int32)
            return Axis(position=position, column=position, variable=variable, labels=variable.labels, group_of=own)
        finest = self.level.finest(position) if variable.numeric else variable
        group_of = np.full(finest.size, -1, np.int32)
        for number, (label, band) in enumerate(groups.items()):
            inside = self._band(variable, finest, label, band)
            if inside is None:
                return None
            clash = group_of[inside]
            if (clash >= 0).any():
                other = list(groups)[int(clash.max())]
                what = f"bands '{other}' and '{label}' of {variable.name} overlap"
                self._add(what, "a band [from, below] ends before the next one begins", label=label)
                return None
            group_of[inside] = number
        column = self.level.column(position) if variable.numeric else position
        return Axis(position=position, column=column, variable=finest, labels=tuple(groups), group_of=group_of)

    def _band(
        self, variable: Variable, finest: Variable, label: str, band: Sequence[float] | Sequence[str]
    ) -> CellIndex | None:
        if variable.numeric:
            if len(band) != 2 or any(isinstance(edge, str) for edge in band) or not float(band[0]) < float(band[1]):
                what = f"band '{label}' of {variable.name} is not [from, below]"
                self._add(what, f"write {label}: [16, 25] for 16 up to, but not including, 25", label=label)
                return None
            inside = np.flatnonzero(band_of(finest, float(band[0]), float(band[1])))
            if not len(inside):
                what = f"band '{label}' lies outside of {variable.name}'s range"
                low, high = as_text(float(variable.low[0])), as_text(float(variable.high[-1]))
                self._add(what, f"{variable.name} goes from {low} to {high}", label=label)
                return None
            return inside
        codes = [variable.code(str(member)) for member in band]
        for member, code in zip(band, codes, strict=True):
            if code < 0:
                what = f"'{member}' in group '{label}' is no label of {variable.name}"
                self._add(what, nearest(str(member), variable.labels), label=str(member))
        return np.array(codes, np.int64) if min(codes) >= 0 else None

    def _cells(self, axes: tuple[Axis, ...], measure: str, *, signed: bool = False) -> tuple[CellIndex, Floats, Floats]:
        """Listed cells, their values, and the standard deviation of each where it has a margin of error."""
        lookup = [_codes(axis) for axis in axes]
        cells: list[int] = []
        values: list[float] = []
        margins: list[float] = []
        seen: dict[int, int] = {}
        names = [axis.variable.name for axis in axes]
        for number, row in zip(self.table.numbers, self.table.rows, strict=True):
            texts = dict(zip(self.table.columns, row, strict=True))
            cell, known = 0, True
            for axis, codes in zip(axes, lookup, strict=True):
                text = texts[axis.variable.name]
                code = codes.get(text.strip().casefold(), -1)
                if code < 0 and len(axis.labels) == axis.variable.size:
                    code = axis.variable.code(text)
                if code < 0:
                    what = f"'{text}' is no label of {axis.variable.name}" if text else f"{axis.variable.name} is blank"
                    self._add(what, nearest(text, axis.labels), row=number, label=text)
                    known = False
                cell = cell * axis.size + code
            value = self._value(texts[measure], measure, number, signed=signed)
            sigma = self._sigma(texts, number)
            if not known or value is None or sigma is None:
                continue
            if cell in seen:
                labels = ", ".join(texts[name] for name in names)
                what = f"cell ({labels}) was given in row {seen[cell]} already"
                self._add(what, "keep one of the two rows", row=number, label=labels)
            else:
                cells.append(cell)
                values.append(value)
                margins.append(sigma)
            seen[cell] = number
        return np.array(cells, np.int64), np.array(values, np.float64), np.array(margins, np.float64)

    def _value(self, text: str, measure: str, row: int, *, signed: bool) -> float | None:
        value = _number(text)
        if not math.isfinite(value):
            cure = "write a plain number, with a point for decimals and without separators"
            self._add(f"'{text}' is no {measure}", cure, row=row, label=text)
            return None
        if value < 0 and not signed:
            cure = "counts and shares are 0 or more" if measure in MEASURES else f"a {measure} is 0 or more"
            self._add(f"{measure} {text} is negative", cure, row=row, found=value)
            return None
        return value

    def _sigma(self, texts: Mapping[str, str], row: int) -> float | None:
        """Standard deviation of a cell from its margin of error and confidence; 0 where it has none."""
        margin = self.written.margin_of_error
        if margin is None:
            return 0.0
        text = texts[margin] if isinstance(margin, str) else str(margin)
        value = _number(text)
        if not (math.isfinite(value) and value >= 0):
            self._add(f"'{text}' is no margin of error", "write a number of 0 or more", row=row, label=text)
            return None
        return value / NormalDist().inv_cdf(0.5 + self.written.confidence / 2)

    def _universe(self) -> Universe | None:
        predicate, text = self.reading.universe, self.written.where
        if predicate is None or text is None:
            return None
        positions = {name: self.level.position(name) for name in sorted(names_in(predicate))}
        columns = {name: (self.level.column(at), self.level.finest(at)) for name, at in positions.items()}
        universe = Universe(text=text, predicate=predicate, columns=columns, positions=tuple(positions.values()))
        if not _settled(predicate, {name: variable for name, (_, variable) in columns.items()}):
            cure = "compare each variable with numbers or labels, not with another variable"
            self._add(f"where `{text[:80]}` depends on more than the bins of its variables", cure)
        return universe

    def _decimals(self, measure: str) -> int:
        column = self.table.columns.index(measure)
        return max(_decimals(row[column]) for row in self.table.rows)

    def _warn_of_blanks(self, axes: tuple[Axis, ...], cells: CellIndex) -> None:
        if len(axes) == 1 and len(cells) < axes[0].size and self.written.flows is None:
            absent = ", ".join(label for code, label in enumerate(axes[0].labels) if code not in set(cells.tolist()))
            self._warn(f"has no row for {absent}; none is wanted")

    def _scale(self, measure: str, values: Floats, grid: Grid, widest: int) -> tuple[float, float]:
        """Rows that a value of one stands for, and how far the table's own rounding may put a cell off, in rows.

        Shares are stretched to their whole, so a gap between total and whole counts as rounding too. It is spread over the
        cells such that each marginal, even that of the `widest` variable, has room for all of it.
        """
        total = float(values.sum())
        if measure == "count":
            loose = self.written.tolerance or self.written.margin_of_error is not None or self.written.rounded_to
            wrong = abs(total - self.n_units) > inexact(self.n_units) and not loose
            if wrong if grid.covers else total > self.n_units + inexact(self.n_units) and not loose:
                message = f"counts add up to {shown(total)}, but records is {self.n_units:,}"
                self._add(message, _cure_of_total(total, self.n_units), found=total, expected=float(self.n_units))
            return 1.0, 0.0
        whole = 100.0 if total > 1.5 else 1.0
        decimals = self._decimals(measure)
        half_unit = 0.5 * 10.0**-decimals if decimals or whole > 1 else 0.0  # fractions without decimals are 0 or 1, exactly
        gap = abs(total - whole)
        if not grid.covers:
            message = "shares of a table that does not count every record have no whole"
            self._add(message, "write counts, or shares of one variable `by` the others")
            return 1.0, 0.0
        if gap > half_unit * len(self.table.rows) + 1e-9 or total == 0:
            message = f"shares add up to {total:.10g}, not to {whole:g}"
            cure = "correct them, or write counts; shares of one table cover every record once"
            self._add(message, cure, found=total, expected=whole)
        elif gap > 1e-9:
            self._warn(f"shares add up to {total:.10g}, not to {whole:g}; they were stretched")
        slack = (half_unit + gap * widest / values.size) / whole
        return self.n_units / total if total else 0.0, slack * self.n_units

    def _warn(self, message: str) -> None:
        self.findings.append(Finding(where=self.table.source, message=message, severity="warning"))

    def _add(
        self,
        message: str,
        cure: str = "",
        *,
        row: int | None = None,
        label: str | None = None,
        found: float | None = None,
        expected: float | None = None,
    ) -> None:
        self.findings.append(
            Finding(where=self.table.source, row=row, message=message, cure=cure, label=label, found=found, expected=expected)
        )


def _filled(cells: CellIndex, values: Floats, size: int) -> Floats:
    filled = np.zeros(size)
    filled[cells] = values
    return filled


def _codes(axis: Axis) -> dict[str, int]:
    return {label.strip().casefold(): code for code, label in enumerate(axis.labels)}


def _settled(predicate: Predicate, variables: Mapping[str, Variable]) -> bool:
    """Whether the bins of its variables decide a predicate."""
    for part in parts(predicate):
        names = names_in(part)
        if len(names) > 1:
            return False
        name = next(iter(names), None)
        if name is not None:
            codes: Codes = np.arange(variables[name].size, dtype=np.int32)
            found = truth(part, {name: codes}, variables, len(codes))
            if (found.may != found.must).any():
                return False
    return True


def _cure_of_total(total: float, n_units: int) -> str:
    for whole in (1, 100):
        if abs(total - whole) < 0.03 * whole and n_units > 3 * whole:
            return "they look like shares: call the column share"
    if total != round(total):
        return "counts must be whole numbers, without thousands separators, or be written as shares"
    return f"correct the table, set records to {shown(total)}, or write the table as shares"


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _decimals(text: str) -> int:
    """Decimals that a number was written with.

    >>> [_decimals(text) for text in ("33.3", "35", "2.5e-3")]
    [1, 0, 4]
    """
    mantissa, _, exponent = text.lower().partition("e")
    return min(max(len(mantissa.partition(".")[2]) - int(exponent or 0), 0), 15)
