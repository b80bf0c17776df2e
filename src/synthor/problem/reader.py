"""One table on its way from text to a target: its columns, sides, bands and universe, and what is wrong with them."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import numpy as np

from synthor.errors import Finding, nearest
from synthor.problem.agree import forbids_all
from synthor.problem.cures import of_column, short
from synthor.problem.demand import EDGE
from synthor.problem.grid import Axis, TargetGrid, Universe
from synthor.problem.printed import LISTED, MEASURES
from synthor.problem.rows import Listed, listed
from synthor.problem.sides import Bands, bands_told, codes_of
from synthor.problem.statistic import OF_VALUES, Count, Statistic, Within
from synthor.problem.target import Target
from synthor.problem.totals import Filled
from synthor.rules.on_categories import settled
from synthor.rules.syntax import Both, Column, Compare, Constant, Negated, Predicate, names_in
from synthor.schema import Level, Variable, of_unit
from synthor.schema.bins import band_of
from synthor.schema.text import as_text
from synthor.spec.tables import Table
from synthor.spec.targets import TargetSpec
from synthor.types import CellIndex, Floats

MAX_CELLS = 1_000_000
MAX_INDEX = 2**62


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reading:
    """One target as written, and its table as text.

    Attributes:
        written: in the spec.
        table: its rows.
        place: what to call it in a message.
        universe: its `where`, parsed, and that what it is of is known.
        renamed: what tables call categories, by variable and undressed form.
        whole: the spec's key for what counts of all records add up to; empty where nothing says that exactly.
        position: of the target in the spec, from 0.
        bands: of numbers, by variable: those that the spec declares, and those that the table's labels stand for.
    """

    written: TargetSpec
    table: Table
    place: str
    universe: Predicate | None = None
    renamed: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    whole: str = "records"
    position: int = 0
    bands: Mapping[str, Mapping[str, Sequence[float] | Sequence[str]]] = field(default_factory=dict)

    def within(self, predicate: Predicate) -> "Reading":
        return replace(self, universe=predicate)

    def where_known(self, variable: Variable) -> "Reading":
        """The same, over the records that have a value of a variable alone: a mean leaves the others out."""
        if not variable.missing:
            return self
        known = Compare(">=", Column(variable.name), Constant(variable.least))
        return replace(self, universe=known if self.universe is None else Both(self.universe, known))

    def with_bands(self, variables: Mapping[str, Variable]) -> "Reading":
        """The same, knowing which of its sides are bands: declared ones, or those that all labels of a side stand for."""
        found: dict[str, Bands | Mapping[str, Sequence[float] | Sequence[str]]] = dict(self.written.groups or {})
        totals = self.written.layout.total if self.written.layout is not None else None
        for side, name in enumerate(self.table.columns):
            if name in found and name in variables and variables[name].missing and variables[name].numeric:
                none = variables[name].labels[-1]  # who has no value is in no band of values
                if none not in found[name] and any(row[side] == none for row in self.table.rows):
                    found[name] = {**found[name], none: [none]}
            if name in variables and name not in found:
                told = bands_told((row[side] for row in self.table.rows), variables[name], self.renamed.get(name, {}), totals)
                if told is not None:
                    found[name] = told
        return replace(self, bands=found)

    def edges(self, variables: Mapping[str, Variable]) -> dict[str, list[float]]:
        """Edges that its bands and quantiles cut numeric variables at."""
        edges: dict[str, list[float]] = {}
        for name, bands in self.bands.items():
            if name in variables:
                for band in bands.values():
                    if len(band) == 2 and not any(isinstance(edge, str) for edge in band):
                        edges.setdefault(name, []).extend(float(edge) for edge in band)
        if self.written.quantiles:
            edges[self.written.quantiles] = [float(value) for value in (self.written.values or {}).values()]
        return edges


@dataclass(slots=True, eq=False)
class Reader:
    """One table on its way; what is wrong with it is added to the findings."""

    reading: Reading
    level: Level
    n_units: float
    findings: list[Finding]
    n_before: int
    sums: list[Target] = field(default_factory=list)
    off: list[Finding] = field(default_factory=list)

    @property
    def written(self) -> TargetSpec:
        return self.reading.written

    @property
    def table(self) -> Table:
        return self.reading.table

    @property
    def whole(self) -> float:
        """What counts of all records add up to; infinite where nothing says that exactly."""
        return float(self.n_units) if self.reading.whole else math.inf

    @property
    def failed(self) -> bool:
        """Whether anything was found wrong with it so far."""
        return n_errors(self.findings) > self.n_before

    def too_large(self, axes: tuple[Axis, ...], *, sparse: bool = False) -> bool:
        """Whether a table has more cells than are worked with; adds a finding where it has."""
        size = math.prod(axis.size for axis in axes)
        if size > (MAX_INDEX if sparse else MAX_CELLS):
            cure = "use fewer or coarser variables"
            flows = (
                ""
                if self.written.statistic or self.written.by or sparse
                else (", or write it as flows, which list only the cells that are not 0")
            )
            self.add(f"has {size:,} cells, more than {MAX_INDEX if sparse else MAX_CELLS:,}", cure + flows)
            return True
        return False

    def name(self, grid: TargetGrid) -> str:
        """What the spec calls it, or what its variables do."""
        names = [axis.variable.name for axis in grid.axes]
        told = self.written.quantiles and f"quantiles of {names[0]}"
        return self.written.name or told or " by ".join(name for name in self.table.columns if name in self.level.names)

    def target(self, measure: str, grid: TargetGrid, table: Filled, sigma: Floats, factor: float, rounding: float) -> Target:
        """A target from the values of a table, of which one stands for `factor` rows."""
        wanted = table.values * factor
        least = self.n_units if np.isfinite(self.n_units) else float(wanted.sum())
        bounds = self.bounds(wanted, 0.01 * least, factor)
        if table.unknown.any():
            low, high = (wanted, wanted) if bounds is None else bounds
            bounds = (np.where(table.unknown, table.low * factor, low), np.where(table.unknown, table.high * factor, high))
        return Target(
            name=self.name(grid),
            level=0,
            grid=grid,
            statistic=Count(of_all=measure == "share"),
            wanted=wanted,
            rounding=rounding,
            bounds=bounds,
            sigma=np.maximum(sigma * factor, 1e-9 * least) if self.written.margin_of_error is not None else None,
            hidden=bool(table.unknown.any()),
            silent=table.silent if table.unknown.any() else None,
        )

    def statistic(self, word: str, grid: TargetGrid, position: int, wanted: Floats, sigma: Floats, rounding: float) -> Target:
        """A statistic of the values of the variable at a position."""
        ref, variable = of_unit(self.level.column(position)), self.level.finest(position)
        statistic = OF_VALUES[word](of=position, ref=ref, variable=variable)
        return self._stated(f"{word} of {variable.name}", grid, statistic, wanted, sigma, rounding, 1.0)

    def shares(
        self,
        grid: TargetGrid,
        side: Axis,
        wanted: Floats,
        sigma: Floats,
        rounding: float,
        *,
        unit: float = 1.0,
        printed: Floats | None = None,
    ) -> Target:
        """Shares of the labels of a side, of which one as it is printed is worth `unit`."""
        found = self._stated(f"{side.variable.name} shares", grid, Within(side=side), wanted, sigma, rounding, unit)
        return replace(found, statistic=Within(side=side, printed=printed)) if found.exact else found

    def _stated(
        self, made: str, grid: TargetGrid, statistic: Statistic, wanted: Floats, sigma: Floats, rounding: float, unit: float
    ) -> Target:
        by = ", ".join(axis.variable.name for axis in grid.axes)
        return Target(
            name=self.written.name or made + (f" by {by}" if by else ""),
            level=0,
            grid=grid,
            statistic=statistic,
            wanted=wanted,
            rounding=rounding,
            bounds=self.bounds(wanted, 0.01, unit),
            sigma=np.maximum(sigma, 1e-12) if self.written.margin_of_error is not None else None,
        )

    def bounds(self, wanted: Floats, point: float, unit: float = 1.0) -> tuple[Floats, Floats] | None:
        """The interval of each cell; `point` is what one percentage point is worth, `unit` what one as it is printed is."""
        if self.written.rounded_to is not None:
            off: Floats | float = self.written.rounded_to / 2 * unit
        elif self.written.tolerance is not None and self.written.tolerance.points is not None:
            off = self.written.tolerance.points * point
        elif self.written.tolerance is not None:
            off = np.abs(wanted) * self.written.tolerance.factor
        else:
            return None
        low = wanted - off
        return (np.maximum(low, 0.0) if self.written.statistic is None else low), wanted + off

    def measure(self, known: Sequence[str]) -> str | None:
        columns = self.table.columns
        found = [column for column in columns if column in known and column not in self.level.names]
        if len(set(columns)) < len(columns):
            self.add("two columns have the same name", "rename or drop one")
        elif len(found) != 1:
            both = f"{known[0]} and {known[1]}" if len(known) > 1 else known[0]
            if len(known) == 1:
                self.add(
                    f"has no column {both}", "shares by other variables need one: counts of all of them together need no `by`"
                )
            else:
                has = "both" if found else "neither"
                cure = "" if found else "; where column heads are labels, name their variable: `layout: {wide: [...]}`"
                self.add(f"has {has} of the columns {both}", f"give exactly one of them{cure}")
        elif len(columns) == 1 and self.written.statistic is None:
            self.add("has no column that is named like a variable", nearest("", [v.name for v in self.level.variables]))
        else:
            return found[0]
        return None

    def names(self, measure: str | None) -> list[str]:
        """Columns that name variables."""
        return [column for column in self.table.columns if column not in (measure, self.written.margin_of_error)]

    def axes(self, names: Sequence[str], measure: str | None) -> tuple[Axis, ...] | None:
        known = {variable.name: i for i, variable in enumerate(self.level.variables)}
        missing = False
        strange: list[str] = []
        margin = self.written.margin_of_error
        for name in names:
            if name not in known and name not in MEASURES:
                missing = True
                if isinstance(margin, str) and margin not in names and nearest(margin, [name]).startswith("did"):
                    continue  # the margin's name is misspelt, which is said below
                strange.append(name)
        for name in strange[:LISTED]:
            of_office = self.written.layout is not None and self.written.layout.format is not None
            texts = [row[self.table.columns.index(name)] for row in self.table.rows] if of_office else ()
            cure = of_column(name, self.level.variables, MEASURES, measured=measure is not None, chosen_of=texts)
            self.add(f"column '{short(name)}' is no variable", cure, label=name)
        if len(strange) > LISTED:
            self.add(
                f"has {len(strange) - LISTED:,} more columns that are no variables", "mend the first ones, then check again"
            )
        if isinstance(margin, str) and margin not in self.table.columns:
            self.add(
                f"has no column '{margin}', which margin_of_error names", nearest(margin, self.table.columns), label=margin
            )
            missing = True
        for name in self.written.groups or {}:
            if name not in names:
                self.add(f"groups speak of '{name}', which is no column of the table", nearest(name, names), label=name)
                missing = True
        for name in names:
            if name in known and self.level.variables[known[name]].kind.free:
                cure = f"leave it out, a column of a file by `columns: {{{name}: null}}`, or declare {name} with its categories"
                self.add(f"counts {name}, which is another in each record", cure, label=name)
                missing = True
        if missing or any(name not in known for name in names):
            return None
        axes = [self._axis(known[name]) for name in names]
        return None if any(axis is None for axis in axes) else tuple(axis for axis in axes if axis is not None)

    def _axis(self, position: int) -> Axis | None:
        variable = self.level.variables[position]
        groups = self.reading.bands.get(variable.name)
        if groups is None:
            own = np.arange(variable.size, dtype=np.int32)
            return Axis(position=position, ref=of_unit(position), variable=variable, labels=variable.labels, group_of=own)
        finest = self.level.finest(position)
        group_of = np.full(finest.size, -1, np.int32)
        inside_of = partial(self._between, finest)
        if not variable.numeric:
            members = (str(member) for band in groups.values() for member in band)
            inside_of = partial(self._among, codes_of(members, variable.labels, variable, {}))
        for number, (label, band) in enumerate(groups.items()):
            inside = inside_of(variable, label, band)
            if inside is None:
                return None
            clash = group_of[inside]
            if (clash >= 0).any():
                other = list(groups)[int(clash.max())]
                what = f"bands '{other}' and '{label}' of {variable.name} overlap"
                self.add(what, "a band [from, below] ends before the next one begins", label=label)
                return None
            group_of[inside] = number
        return Axis(
            position=position,
            ref=of_unit(self.level.column(position)),
            variable=finest,
            labels=tuple(groups),
            group_of=group_of,
        )

    def _between(
        self, finest: Variable, variable: Variable, label: str, band: Sequence[float] | Sequence[str]
    ) -> CellIndex | None:
        """Which of the finest bins lie in a band [from, below), or in [label], which those without a value have."""
        if variable.missing and list(band) == [variable.labels[-1]]:
            return np.array([finest.size - 1])
        told = len(band) == 2 and not any(isinstance(edge, str) for edge in band)
        beyond = told and float(band[0]) > variable.most
        if not told or not (beyond or float(band[0]) < float(band[1])):
            what = f"band '{label}' of {variable.name} is not [from, below]"
            self.add(what, f"write {label}: [16, 25] for 16 up to, but not including, 25", label=label)
            return None
        inside = np.flatnonzero(band_of(finest, float(band[0]), float(band[1])))
        if not len(inside):
            what = f"band '{label}' lies outside of {variable.name}'s range"
            self.add(what, variable.extent, label=label)
            return None
        self._warn_beyond(variable, label, float(band[0]), float(band[1]))
        return inside

    def _among(
        self, known: Mapping[str, int], variable: Variable, label: str, band: Sequence[float] | Sequence[str]
    ) -> CellIndex | None:
        """The categories of a group of labels, their codes being known."""
        codes = [known[str(member)] for member in band]
        for member, code in zip(band, codes, strict=True):
            if code < 0:
                what = f"'{member}' in group '{label}' is no label of {variable.name}"
                self.add(what, nearest(str(member), variable.labels), label=str(member))
        return np.array(codes, np.int64) if min(codes) >= 0 else None

    def _warn_beyond(self, variable: Variable, label: str, first: float, below: float) -> None:
        """A declared band that reaches beyond the variable's range means fewer values than it says."""
        low, high, step = variable.least, variable.most, 10.0**-variable.decimals
        if variable.name in (self.written.groups or {}) and (first < low or below > high + step + EDGE):
            reach = f"[{as_text(first)}, {as_text(below)}]"
            goes = f"{variable.name} goes from {as_text(low)} to {as_text(high)}"
            self.warn(f"band '{label}' {reach} reaches beyond the range; {goes}, so widen min and max if values beyond exist")

    def listed(self, axes: tuple[Axis, ...], measure: str, *, signed: bool = False) -> Listed:
        return listed(
            self.table,
            self.written,
            axes,
            measure,
            self.reading.renamed,
            self.add,
            variables=self.level.variables,
            signed=signed,
        )

    def universe(self) -> Universe | None:
        predicate, text = (
            self.reading.universe,
            self.written.where or (f"{self.written.of} is known" if self.written.of else "both are there"),
        )
        if predicate is None:
            return None
        positions = {name: self.level.position(name) for name in sorted(names_in(predicate))}
        columns = {name: (of_unit(self.level.column(at)), self.level.finest(at)) for name, at in positions.items()}
        universe = Universe(text=text, predicate=predicate, columns=columns, positions=tuple(positions.values()))
        if not settled(predicate, {name: variable for name, (_, variable) in columns.items()}):
            cure = "compare each variable with numbers or labels, not with another variable"
            self.add(f"where `{text[:80]}` depends on more than the bins of its variables", cure)
        elif forbids_all(Negated(predicate), {variable.name: variable for variable in self.level.variables}):
            ranges = "; ".join(self.level.variables[position].extent for position in positions.values())
            self.add(f"where `{text[:80]}` holds for no record", ranges, label=text)
        return universe

    def warn(
        self,
        message: str,
        cure: str = "",
        *,
        row: int | None = None,
        label: str | None = None,
        found: float | None = None,
        expected: float | None = None,
    ) -> None:
        self.add(message, cure, row=row, label=label, found=found, expected=expected)
        self.findings.append(replace(self.findings.pop(), severity="warning"))

    def add(
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


def n_errors(findings: list[Finding]) -> int:
    """How many of some findings are errors."""
    return sum(finding.severity == "error" for finding in findings)
