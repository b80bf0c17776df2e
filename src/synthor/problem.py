"""The spec compiled: frozen arrays for the solver, and every violation that can be seen without one, all at once."""

import itertools
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

import numpy as np

from synthor.errors import Finding, InputError, nearest
from synthor.spec.model import RuleSpec, Spec
from synthor.spec.rules import Predicate, PredicateError, names_in, parse_predicate, truth
from synthor.spec.tables import Table, read_target_table
from synthor.spec.targets import TargetSpec
from synthor.spec.variables import Variable
from synthor.types import Codes, Counts, Floats, Mask
from synthor.units import Cells, Units, cells_of

MAX_CELLS = 1_000_000
MEASURES = ("count", "share")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Level:
    """One kind of row: its name (also its file's name) and its variables."""

    name: str
    variables: tuple[Variable, ...]

    def position(self, name: str) -> int:
        return next(i for i, variable in enumerate(self.variables) if variable.name == name)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Target:
    """One macro-statistic: a table of counts over some variables of one level.

    Attributes:
        name: for people.
        kind: whether it was published as counts or as shares.
        level: which level's rows it counts.
        columns: positions of its variables in that level.
        variables: those variables.
        wanted: (c,) rows wanted in each cell, row-major; whole for counts, perhaps not for shares.
        slack: how far a cell may be off because of the table's own rounding, in rows; for comparing tables only.
    """

    name: str
    kind: Literal["count", "share"]
    level: int
    columns: tuple[int, ...]
    variables: tuple[Variable, ...]
    wanted: Floats
    slack: float = 0.0

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(variable.size for variable in self.variables)

    @property
    def low(self) -> Counts:
        """Fewest rows that count as exact: `wanted`, rounded down where it is not whole."""
        return np.floor(self.wanted + 1e-6).astype(np.int64)

    @property
    def high(self) -> Counts:
        """Most rows that count as exact: `wanted`, rounded up where it is not whole."""
        return np.ceil(self.wanted - 1e-6).astype(np.int64)

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one cell by variable."""
        codes = np.unravel_index(cell, self.shape)
        return {v.name: v.labels[int(code)] for v, code in zip(self.variables, codes, strict=True)}

    def cells(self, units: Units) -> Cells:
        return cells_of(units, self.level, self.columns, self.shape)

    def scaled(self, factor: float) -> "Target":
        """The same table for a population `factor` times as large."""
        return replace(self, wanted=self.wanted * factor, slack=self.slack * factor)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Rule:
    """A structural zero over the variables of level 0.

    Attributes:
        text: the predicate that holds for no record, as written.
        why: the reason.
        predicate: the same, parsed.
        source: who says so, the user's spec or the beliefs.
    """

    text: str
    why: str
    predicate: Predicate
    source: Literal["spec", "beliefs"] = "spec"


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """What is known, ready for the solver. Never changes; `scaled` and `with_rules` return new ones.

    Attributes:
        spec: the spec that this was compiled from, its tables written in place.
        n_units: how many units (records of level 0) to make.
        levels: level 0 first.
        targets: in the spec's order.
        rules: in the spec's order.
        warnings: what was taken as it is although it may be a slip.
    """

    spec: Spec
    n_units: int
    levels: tuple[Level, ...]
    targets: tuple[Target, ...]
    rules: tuple[Rule, ...]
    warnings: tuple[str, ...] = ()

    @cached_property
    def variables(self) -> Mapping[str, Variable]:
        """Variables of level 0 by name."""
        return {variable.name: variable for variable in self.levels[0].variables}

    def scaled(self, n_units: int) -> "Problem":
        """The same problem for another number of units, counts in proportion."""
        factor = n_units / self.n_units
        return replace(self, n_units=n_units, targets=tuple(target.scaled(factor) for target in self.targets))

    def with_rules(self, rules: tuple[Rule, ...]) -> "Problem":
        known = {rule.text for rule in self.rules}
        return replace(self, rules=self.rules + tuple(rule for rule in rules if rule.text not in known))

    def with_only(self, rules: tuple[Rule, ...]) -> "Problem":
        return replace(self, rules=rules)

    def marginal(self, column: int) -> Floats | None:
        """Known shares of one variable of level 0, from the first target that gives them; None where none does."""
        for target in self.targets:
            if target.level == 0 and column in target.columns and target.wanted.sum() > 0:
                axis = target.columns.index(column)
                others = tuple(i for i in range(len(target.columns)) if i != axis)
                table: Floats = target.wanted.reshape(target.shape).sum(axis=others)
                return table / table.sum()
        return None

    def allowed(self, codes: Codes) -> Mask:
        """Whether some values in each unit's categories break no rule, (n, v) -> (n,)."""
        known = {v.name: codes[:, i] for i, v in enumerate(self.levels[0].variables)}
        allowed = np.ones(len(codes), dtype=bool)
        for rule in self.rules:
            allowed &= ~truth(rule.predicate, known, self.variables, len(codes)).must
        return allowed

    def unsettled(self, codes: Codes) -> Mask:
        """Whether it depends on the values inside the categories that a rule is kept, (n, v) -> (n,)."""
        known = {v.name: codes[:, i] for i, v in enumerate(self.levels[0].variables)}
        unsure = np.zeros(len(codes), dtype=bool)
        for rule in self.rules:
            found = truth(rule.predicate, known, self.variables, len(codes))
            unsure |= found.may & ~found.must
        return unsure


def check(spec: Spec) -> list[Finding]:
    """Every problem of a spec and its tables that can be seen before anything is spent, warnings included.

    >>> from synthor import parse_spec
    >>> for finding in check(parse_spec('''
    ... records: 10
    ... variables: {car: {type: boolean}}
    ... targets: [{name: cars, counts: {car: {yes: 4, "no": 5}}}]
    ... ''')):
    ...     print(finding)
    targets[0] (cars): counts add up to 9, but records is 10; correct the table, set records to 9, or write the table as shares
    """
    return _Compilation(spec).findings


def compile_problem(spec: Spec) -> Problem:
    """Compile a spec: read its tables, parse its rules, freeze everything.

    Raises:
        InputError: with every problem found, not just the first.
    """
    compilation = _Compilation(spec)
    errors = [finding for finding in compilation.findings if finding.severity == "error"]
    if errors:
        raise InputError(errors)
    return compilation.problem


class _Compilation:
    """One pass over a spec that gathers findings beside the compiled parts."""

    def __init__(self, spec: Spec) -> None:
        self.findings: list[Finding] = []
        self.spec = spec
        self.level = Level(name="records", variables=tuple(v.build(name) for name, v in spec.variables.items()))
        self.variables = {variable.name: variable for variable in self.level.variables}
        self.n_units = spec.records
        targets: list[Target] = []
        inlined: list[TargetSpec] = []
        for i, written in enumerate(spec.targets):
            place = f"targets[{i}]" + (f" ({written.name})" if written.name else "")
            try:
                table = read_target_table(written, place, spec.folder)
            except InputError as error:
                self.findings += error.findings
                continue
            target = self._target(written, table)
            if target is not None:
                targets.append(target)
                rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
                inlined.append(TargetSpec(name=target.name, table=rows))
        rules = tuple(rule for i, written in enumerate(spec.rules) if (rule := self._rule(written, i)) is not None)
        self.findings += _repeated_names(targets)
        self.findings += _disagreements(targets)
        for target in targets:
            self.findings += forbidden_cells(target, rules, self.variables)
        if not self._n_errors:
            self.findings += self._untargeted(targets)
        frozen = spec.model_copy(update={"targets": inlined, "prior": None, "model": None})
        warnings = tuple(str(finding) for finding in self.findings if finding.severity == "warning")
        self.problem = Problem(
            spec=frozen,
            n_units=spec.records,
            levels=(self.level,),
            targets=tuple(targets),
            rules=rules,
            warnings=warnings,
        )

    def _rule(self, written: RuleSpec, i: int) -> Rule | None:
        try:
            predicate = parse_predicate(written.never, self.variables)
        except PredicateError as error:
            self._add_rule(i, f"`{written.never[:80]}` {error}", error.cure)
            return None
        if forbids_all(predicate, self.variables):
            message = f"`{written.never[:80]}` forbids every record"
            self._add_rule(i, message, "say what never occurs, not what always does")
            return None
        return Rule(text=written.never, why=written.why, predicate=predicate)

    def _add_rule(self, i: int, message: str, cure: str) -> None:
        where = f"{self.spec.file}: rules[{i}]" if self.spec.file is not None else f"rules[{i}]"
        self.findings.append(Finding(where=where, row=self.spec.row(f"rules[{i}]"), message=message, cure=cure))

    def _target(self, written: TargetSpec, table: Table) -> Target | None:
        before = self._n_errors
        measure = self._measure(table)
        columns = [column for column in table.columns if column != measure]
        for column in columns:
            if column not in self.variables and column not in MEASURES:
                cure = nearest(column, [*self.variables, *MEASURES])
                self._add(table, f"column '{column}' is no variable", cure, label=column)
        if measure is None or self._n_errors > before:
            return None
        variables = tuple(self.variables[column] for column in columns)
        size = math.prod(variable.size for variable in variables)
        if size > MAX_CELLS:
            self._add(table, f"has {size:,} cells, more than {MAX_CELLS:,}", "use fewer or coarser variables")
            return None
        values = self._cells(table, columns, measure, variables)
        if self._n_errors > before:
            return None
        kind: Literal["count", "share"] = "count" if measure == "count" else "share"
        wanted, slack = self._scale(table, measure, values, max(variable.size for variable in variables))
        return Target(
            name=written.name or " by ".join(columns),
            kind=kind,
            level=0,
            columns=tuple(self.level.position(column) for column in columns),
            variables=variables,
            wanted=wanted,
            slack=slack,
        )

    @property
    def _n_errors(self) -> int:
        return sum(finding.severity == "error" for finding in self.findings)

    def _measure(self, table: Table) -> str | None:
        found = [column for column in table.columns if column in MEASURES]
        if len(set(table.columns)) < len(table.columns):
            self._add(table, "two columns have the same name", "rename or drop one")
        elif len(found) != 1:
            has = "both" if found else "neither"
            self._add(table, f"has {has} of the columns count and share", "give exactly one of them")
        elif len(table.columns) == 1:
            self._add(table, "has no column that is named like a variable", nearest("", list(self.variables)))
        else:
            return found[0]
        return None

    def _cells(self, table: Table, columns: list[str], measure: str, variables: tuple[Variable, ...]) -> Floats:
        """Values of all cells, row-major; those not listed are 0."""
        shape = [variable.size for variable in variables]
        values = np.zeros(int(np.prod(shape)))
        seen: dict[int, int] = {}
        for number, row in zip(table.numbers, table.rows, strict=True):
            texts = dict(zip(table.columns, row, strict=True))
            codes = [variable.code(texts[variable.name]) for variable in variables]
            for variable, code in zip(variables, codes, strict=True):
                if code < 0:
                    text = texts[variable.name]
                    message = f"'{text}' is no label of {variable.name}" if text else f"{variable.name} is blank"
                    self._add(table, message, nearest(text, variable.labels), row=number, label=text)
            value = self._value(table, texts[measure], measure, number)
            if min(codes) < 0 or value is None:
                continue
            cell = int(np.ravel_multi_index(codes, shape))
            if cell in seen:
                shown = ", ".join(texts[column] for column in columns)
                message = f"cell ({shown}) was given in row {seen[cell]} already"
                self._add(table, message, "keep one of the two rows", row=number, label=shown)
            seen[cell] = number
            values[cell] = value
        if len(variables) == 1 and len(seen) < len(values):
            absent = ", ".join(label for code, label in enumerate(variables[0].labels) if code not in seen)
            self._warn(table, f"has no row for {absent}; none is wanted")
        return values

    def _value(self, table: Table, text: str, measure: str, row: int) -> float | None:
        try:
            value = float(text)
        except ValueError:
            value = float("nan")
        if not np.isfinite(value):
            cure = "write a plain number, with a point for decimals and without separators"
            self._add(table, f"'{text}' is no {measure}", cure, row=row, label=text)
            return None
        if value < 0:
            self._add(table, f"{measure} {text} is negative", "counts and shares are 0 or more", row=row, found=value)
            return None
        return value

    def _scale(self, table: Table, measure: str, values: Floats, widest: int) -> tuple[Floats, float]:
        """Rows wanted in each cell, and how far the table's own rounding may put one off.

        Shares are stretched to their whole, so a gap between total and whole counts as rounding too. It is spread over the
        cells such that each marginal, even that of the `widest` variable, has room for all of it.
        """
        total = float(values.sum())
        if measure == "count":
            if abs(total - self.n_units) > _inexact(self.n_units):
                cure = _cure_of_total(total, self.n_units)
                message = f"counts add up to {_shown(total)}, but records is {self.n_units:,}"
                self._add(table, message, cure, found=total, expected=float(self.n_units))
            return values, 0.0
        whole = 100.0 if total > 1.5 else 1.0
        column = table.columns.index(measure)
        decimals = max(_decimals(row[column]) for row in table.rows)
        half_unit = 0.5 * 10.0**-decimals if decimals or whole > 1 else 0.0  # fractions without decimals are 0 or 1, exactly
        gap = abs(total - whole)
        if gap > half_unit * len(table.rows) + 1e-9 or total == 0:
            message = f"shares add up to {total:.10g}, not to {whole:g}"
            cure = "correct them, or write counts; shares of one table cover every record once"
            self._add(table, message, cure, found=total, expected=whole)
        elif gap > 1e-9:
            self._warn(table, f"shares add up to {total:.10g}, not to {whole:g}; they were stretched")
        slack = (half_unit + gap * widest / values.size) / whole
        return values * (self.n_units / total if total else 0.0), slack * self.n_units

    def _untargeted(self, targets: list[Target]) -> Iterator[Finding]:
        covered = {variable.name for target in targets for variable in target.variables}
        for name in self.variables:
            if name not in covered:
                message = "has no target, so its shares are only believed"
                yield Finding(where=f"variables.{name}", message=message, severity="warning")

    def _warn(self, table: Table, message: str) -> None:
        self.findings.append(Finding(where=table.source, message=message, severity="warning"))

    def _add(
        self,
        table: Table,
        message: str,
        cure: str = "",
        *,
        row: int | None = None,
        label: str | None = None,
        found: float | None = None,
        expected: float | None = None,
    ) -> None:
        self.findings.append(
            Finding(where=table.source, row=row, message=message, cure=cure, label=label, found=found, expected=expected)
        )


def _cure_of_total(total: float, n_units: int) -> str:
    for whole in (1, 100):
        if abs(total - whole) < 0.03 * whole and n_units > 3 * whole:
            return "they look like shares: call the column share"
    if total != round(total):
        return "counts must be whole numbers, without thousands separators, or be written as shares"
    return f"correct the table, set records to {_shown(total)}, or write the table as shares"


def _repeated_names(targets: list[Target]) -> Iterator[Finding]:
    names = [target.name for target in targets]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Finding(where="targets", message=f"{names.count(name)} targets are called '{name}'", cure="name them apart")


def _disagreements(targets: list[Target]) -> Iterator[Finding]:
    """Two tables over a common variable must give it the same marginal."""
    for a, b in itertools.combinations(targets, 2):
        for variable in a.variables:
            if variable not in b.variables:
                continue
            first, second = _marginal(a, variable), _marginal(b, variable)
            if abs(first.sum() - second.sum()) > _inexact(first.sum()):
                continue  # the totals disagree, which is said already
            gap = np.abs(first - second)
            allowed = a.slack * a.wanted.size / variable.size + b.slack * b.wanted.size / variable.size
            worst = int(gap.argmax())
            if gap[worst] > allowed + _inexact(first.sum()):
                label = variable.labels[worst]
                message = (
                    f"'{a.name}' and '{b.name}' disagree on {variable.name}: "
                    f"'{label}' adds up to {_shown(first[worst])} in one and {_shown(second[worst])} in the other"
                )
                yield Finding(
                    where="targets",
                    message=message,
                    cure="correct one of the tables",
                    label=label,
                    found=float(first[worst]),
                    expected=float(second[worst]),
                )


def _marginal(target: Target, variable: Variable) -> Floats:
    axis = target.variables.index(variable)
    others = tuple(i for i in range(len(target.variables)) if i != axis)
    marginal: Floats = target.wanted.reshape(target.shape).sum(axis=others)
    return marginal


def _inexact(total: float) -> float:
    """How far apart two sums of counts may be and still count as equal: less than one record, however many there are."""
    return min(0.5, 1e-6 * max(total, 1.0))


def _decimals(text: str) -> int:
    """Decimals that a number was written with.

    >>> [_decimals(text) for text in ("33.3", "35", "2.5e-3")]
    [1, 0, 4]
    """
    mantissa, _, exponent = text.lower().partition("e")
    return min(max(len(mantissa.partition(".")[2]) - int(exponent or 0), 0), 15)


def _shown(count: float) -> str:
    return f"{count:,.13g}"


def forbids_all(predicate: Predicate, variables: Mapping[str, Variable]) -> bool:
    """Whether a rule forbids every record, whatever its values."""
    return bool(truth(predicate, {}, variables, 1).must.all())


def forbidden_cells(target: Target, rules: tuple[Rule, ...], variables: Mapping[str, Variable]) -> Iterator[Finding]:
    """Cells that are wanted although a rule forbids them, whatever the other variables are."""
    codes = np.stack(np.unravel_index(np.arange(target.wanted.size), target.shape), axis=1)
    known = {variable.name: codes[:, i].astype(np.int32) for i, variable in enumerate(target.variables)}
    for rule in rules:
        if names_in(rule.predicate).isdisjoint(known):
            continue
        must = truth(rule.predicate, known, variables, len(codes)).must
        for cell in np.flatnonzero(must & (target.wanted > 0)):
            shown = ", ".join(target.labels(int(cell)).values())
            message = f"{_shown(target.wanted[cell])} wanted in cell ({shown}), but the rule `{rule.text}` forbids it"
            cure = "correct the table or strike the rule"
            found = float(target.wanted[cell])
            yield Finding(where=target.name, message=message, cure=cure, label=shown, found=found, expected=0.0)
