"""From a spec and its tables to a problem, with every violation that can be seen without a solver, all at once."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from synthor.errors import Finding, InputError
from synthor.problem.agree import forbids_all, repeated_names, shown
from synthor.problem.marginals import Stated
from synthor.problem.model import Problem, Rule
from synthor.problem.reader import Reading
from synthor.problem.row_set import Edges, RowSet, numbered, table_of
from synthor.problem.slips import slips_of_names, slips_of_words
from synthor.problem.views import flat_view
from synthor.rules.parse import PredicateError, parse_predicate
from synthor.schema import Level
from synthor.schema.bins import SLICES, sliced
from synthor.spec.model import RuleSpec, Spec
from synthor.spec.tables import office_of
from synthor.spec.targets import Layout, TargetSpec


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


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Statements:
    """What the tables of a spec state, be it that they contradict each other.

    Attributes:
        tables: of counts and shares, each followed by its totals over cells that are not told.
        readings: all tables that could be read, as text.
        level: that they count.
        whole: what counts of all records should add up to.
        others: errors of another kind than tables against tables or against `whole`.
    """

    tables: tuple[Stated, ...]
    readings: tuple[Reading, ...]
    level: Level
    whole: float
    others: tuple[Finding, ...]


def statements(spec: Spec) -> Statements:
    """The tables of a spec as far as they can be understood each by itself.

    >>> from synthor import parse_spec
    >>> found = statements(parse_spec("{records: 9, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 8}}}]}"))
    >>> [stated.target.wanted.tolist() for stated in found.tables], found.whole, found.others
    ([[0.0, 8.0]], 9, ())
    """
    compilation = _Compilation(spec)
    between = {id(finding) for finding in compilation.between}
    errors = [finding for finding in compilation.findings if finding.severity == "error"]
    return Statements(
        tables=compilation.rows.stated,
        readings=compilation.rows.understood,
        level=compilation.rows.view.flat,
        whole=compilation.whole,
        others=tuple(finding for finding in errors if id(finding) not in between),
    )


class _Compilation:
    """One pass over a spec that gathers findings beside the compiled parts."""

    def __init__(self, spec: Spec) -> None:
        self.findings: list[Finding] = []
        self.between: list[Finding] = []
        self.spec = spec
        level = _flat(spec)
        self.variables = {variable.name: variable for variable in level.variables}
        self.findings += slips_of_names(spec, self.variables)
        view = flat_view(level)
        rows = self.rows = RowSet(spec=spec, view=view, key=self._whole_key, whole=self.whole, findings=self.findings)
        for i, written in enumerate(spec.targets):
            table = table_of(spec, written, i, [view])
            if isinstance(table, list):
                rows.readings.append(table)
            else:
                rows.read(written, i, table)
        rows.view = flat_view(_cut(level, rows.edges, rows.moved))
        rows.understand()
        rows.made = numbered(rows.made, {reading.written.name for _, reading in rows.made if reading.written.name})
        rows.settle()
        rules = tuple(rule for i, written in enumerate(spec.rules) if (rule := self._rule(written, i)) is not None)
        self.findings += repeated_names([target for target, _ in rows.made])
        self.between += rows.off
        rows.compare(rules, self.between)
        self.findings += rows.slips(rules)
        self.findings += slips_of_words(spec, rows.understood, rows.view.flat)
        self.findings += [*self._scaling(), *self._offices()]
        if not self._wrong:
            self.findings += (*rows.beyond(), *self._untargeted())
        factor = spec.records / self.whole
        if not self._wrong:
            self.findings += rows.whole_numbers(factor, spec.records)
        self.problem = Problem(
            spec=spec.model_copy(
                update={"targets": self._inlined(), "columns": {}, "prior": None, "model": None, "sample": None}
            ),
            n_units=spec.records,
            schema=rows.view.schema,
            targets=tuple(rows.targets(factor)),
            rules=rules,
            warnings=tuple(str(finding) for finding in self.findings if finding.severity == "warning"),
        )

    @property
    def _wrong(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)

    def _inlined(self) -> list[TargetSpec]:
        """The targets as they were written, their tables in place of the files' names."""
        first = {id(reading): target.name for target, reading in reversed(self.rows.made)}
        return [_inlined(first[id(reading)], reading) for reading in self.rows.understood if id(reading) in first]

    def _scaling(self) -> Iterator[Finding]:
        """That tables count another number than is made."""
        if self.whole != self.spec.records:
            to = f"{shown(self.whole)} to {self.spec.records:,} records"
            message = f"tables are scaled from {to}; cells are met to the next whole one"
            yield Finding(where="population", message=message, severity="warning")

    def _offices(self) -> Iterator[Finding]:
        """Files with errors that are downloads of an office, whose `format` the spec does not name."""
        for i, written in enumerate(self.spec.targets):
            places = (f"targets[{i}]", *([written.table] if isinstance(written.table, str) else []))
            wrong = any(finding.severity == "error" and finding.where.startswith(places) for finding in self.findings)
            if wrong and (office := office_of(written, self.spec.folder)) is not None:
                cure = f"say `layout: {{format: {office}}}`, or let `synthor init` write it"
                yield Finding(
                    where=str(written.table), message="looks like an office's download", cure=cure, severity="warning"
                )

    @property
    def _whole_key(self) -> str:
        return "records" if self.spec.population is None else "population"

    @property
    def whole(self) -> float:
        """What counts of all records add up to in the tables."""
        return self.spec.records if self.spec.population is None else self.spec.population

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

    def _untargeted(self) -> Iterator[Finding]:
        targets = [target for target, _ in self.rows.made]
        covered = {self.rows.view.flat.variables[position].name for target in targets for position in target.columns}
        inside = {name for target in targets if target.grid.universe is not None for name in target.grid.universe.columns}
        for name in self.variables:
            if name not in covered:
                only_told = "has no target but for `where`: what that does not tell of its shares is only believed"
                message = only_told if name in inside else "has no target, so its shares are only believed"
                yield Finding(where=f"variables.{name}", message=message, severity="warning")


def _cut(level: Level, edges: Edges, moved: set[str]) -> Level:
    """A level, its bins cut into slices where targets need finer ones."""
    slices, bands = {}, {}
    for position, variable in enumerate(level.variables):
        n_slices = SLICES if variable.name in moved else 1
        if variable.name in edges or n_slices > 1:
            finer = sliced(variable, edges.get(variable.name, ()), n_slices)
            if finer is not None:
                slices[position] = finer
            band = sliced(variable, edges.get(variable.name, ()))
            if band is not None:
                bands[position] = band
    return replace(level, slices=slices, bands=bands)


def _flat(spec: Spec) -> Level:
    """The one level of a flat spec.

    Raises:
        InputError: the spec names units, or members of them.
    """
    if spec.members or spec.unit is not None:
        where, what = ("members", "members") if spec.members else ("unit", "a name")
        message = f"units with {what} are read, but not made yet"
        cure = "until then, make one level at a time: a spec without `unit` and `members` makes records"
        raise InputError([Finding(where=where, message=message, cure=cure)])
    return Level(name="records", variables=tuple(v.build(name) for name, v in spec.variables.items()))


def _inlined(name: str, reading: Reading) -> TargetSpec:
    """The target as it was written, its table in place of the file's name."""
    written, table = reading.written, reading.table
    if written.value is not None or written.values is not None:
        return written.model_copy(update={"name": name})
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    kept = written.layout and Layout(decimal=written.layout.decimal, total=written.layout.total, unit=written.layout.unit)
    plain = {"layout": None if kept == Layout() else kept, "counts": None, "shares": None}
    return written.model_copy(update={"name": name, "table": rows, **plain})
