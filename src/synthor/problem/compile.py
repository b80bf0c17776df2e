"""From a spec and its tables to a problem, with every violation that can be seen without a solver, all at once."""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, replace

from synthor.errors import Finding, InputError, nearest
from synthor.problem.agree import disagreements, forbidden_cells, forbids_all, loosened, repeated_names, shown, totals_apart
from synthor.problem.beyond import beyond_reach, without_whole_numbers
from synthor.problem.marginals import Stated
from synthor.problem.model import Problem, Rule
from synthor.problem.read import read_target
from synthor.problem.reader import Reading
from synthor.problem.sides import renamed_labels
from synthor.problem.slips import questions, slips_of_names, slips_of_rules, slips_of_universes, slips_of_words
from synthor.problem.statistic import Deviation, around, mean_of
from synthor.problem.target import Target
from synthor.problem.totals import narrowed
from synthor.rules.parse import PredicateError, parse_predicate
from synthor.rules.syntax import Predicate
from synthor.schema import Level, Schema
from synthor.schema.bins import SLICES, edges_of, sliced
from synthor.schema.text import as_text
from synthor.spec.model import RuleSpec, Spec
from synthor.spec.tables import office_of, read_target_table, vocabulary_of
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
        tables=compilation.stated,
        readings=compilation.readings,
        level=compilation.level,
        whole=compilation.whole,
        others=tuple(finding for finding in errors if id(finding) not in between),
    )


class _Compilation:
    """One pass over a spec that gathers findings beside the compiled parts."""

    def __init__(self, spec: Spec) -> None:
        self.findings: list[Finding] = []
        self.spec = spec
        self.level = Level(name="records", variables=tuple(v.build(name) for name, v in spec.variables.items()))
        self.variables = {variable.name: variable for variable in self.level.variables}
        self.findings += slips_of_names(spec, self.variables)
        readings = [self._read(written, i) for i, written in enumerate(spec.targets)]
        self.level = self._cut([reading for reading in readings if isinstance(reading, Reading)])
        made: list[tuple[Target, Reading]] = []
        self.between: list[Finding] = []
        for reading in readings:
            if isinstance(reading, list):
                self.findings += reading
            else:
                self._warn_of(reading)
                off: list[Finding] = []
                found = read_target(reading, self.level, self.whole, self.findings, off)
                made += [(target, reading) for target in found]
                self.findings += off
                self.between += off
        made = _numbered(made)
        targets = tuple(target for target, _ in made if target.counts)
        statistics = self._centered([(target, reading) for target, reading in made if not target.counts])
        rules = tuple(rule for i, written in enumerate(spec.rules) if (rule := self._rule(written, i)) is not None)
        self.findings += repeated_names([target for target, _ in made])
        self.stated = tuple(_stated(target, reading) for target, reading in made if target.counts)
        self.findings += totals_apart(self._totals(), self._whole_key, self.whole)
        disagreeing = list(disagreements(self.stated, self.level))
        targets = tuple(narrowed(target, targets) for target in targets)
        self.findings += disagreeing
        self.between += disagreeing
        if not any(finding.severity == "error" for finding in disagreeing):
            loose = list(loosened(targets, self.level))
            targets = tuple(target for target, _ in loose)
            self.findings += [finding for _, finding in loose if finding is not None]
        for target in targets:
            self.findings += forbidden_cells(target, rules, self.variables)
        self.readings = understood = tuple(reading for reading in readings if isinstance(reading, Reading))
        self.findings += slips_of_universes([target for target, _ in made], self.level)
        self.findings += slips_of_rules(rules, targets, self.level)
        self.findings += slips_of_words(spec, understood, self.level)
        self.findings += [*self._scaling(), *self._offices()]
        if not any(finding.severity == "error" for finding in self.findings):
            self.findings += (
                *beyond_reach(targets, statistics, self.level, self.whole),
                *self._untargeted([target for target, _ in made]),
            )
        factor = spec.records / self.whole
        scaled = targets if factor == 1 else tuple(target.scaled(factor) for target in targets)
        if not any(finding.severity == "error" for finding in self.findings):
            self.findings += without_whole_numbers(scaled, spec.records, scaled=factor != 1)
        first = {id(reading): target.name for target, reading in reversed(made)}
        inlined = [_inlined(first[id(reading)], reading) for reading in understood if id(reading) in first]
        frozen = spec.model_copy(update={"targets": inlined, "columns": {}, "prior": None, "model": None, "sample": None})
        warnings = tuple(str(finding) for finding in self.findings if finding.severity == "warning")
        self.problem = Problem(
            spec=frozen,
            n_units=spec.records,
            schema=Schema(levels=(self.level,)),
            targets=(*scaled, *(statistics if factor == 1 else (target.scaled(factor) for target in statistics))),
            rules=rules,
            warnings=warnings,
        )

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

    def _totals(self) -> list[tuple[Stated, float]]:
        """What tables that count all records add up to."""
        counts = [stated for stated in self.stated if stated.target.whole and stated.target.statistic.word == "count"]
        return [(stated, float(stated.target.wanted.sum())) for stated in counts]

    @property
    def whole(self) -> float:
        """What counts of all records add up to in the tables."""
        return self.spec.records if self.spec.population is None else self.spec.population

    def _read(self, written: TargetSpec, i: int) -> Reading | list[Finding]:
        """The text of one table, and the universe that it counts; or what is wrong with them."""
        place = f"targets[{i}]" + (f" ({written.name})" if written.name else "")
        if open_questions := questions(written.model_dump(exclude_unset=True)):
            told = [f"`{'.'.join(where)}` is still to be filled in: {asked}" for where, asked in open_questions]
            return [Finding(where=place, message=message, cure="answer it in place of the words") for message in told]
        try:
            labels = {name: {as_text(a): as_text(b) for a, b in pairs.items()} for name, pairs in self.spec.labels.items()}
            vocabulary = vocabulary_of(written, self.level.variables, self.spec.columns, labels)
            table = read_target_table(written, place, self.spec.folder, vocabulary)
        except InputError as error:
            return list(error.findings)
        reading = Reading(
            written=written,
            table=table,
            place=place,
            renamed=renamed_labels(labels),
            whole=self._whole_key,
            position=i,
        ).with_bands(self.variables)
        of = written.of
        numeric = [self.level.variables[position].name for position in self.level.numeric]
        if of is not None and of not in numeric:
            message = f"'{of}' is no numeric variable" if of in self.variables else f"no variable is called '{of}'"
            return [Finding(where=place, message=message, cure=nearest(of, numeric), label=of)]
        inside = reading if written.where is None else self._within(reading, written.where)
        return inside if of is None or isinstance(inside, list) else inside.where_known(self.variables[of])

    def _warn_of(self, reading: Reading) -> None:
        self.findings += [Finding(where=reading.table.source, message=note, severity="warning") for note in reading.table.notes]

    def _within(self, reading: Reading, text: str) -> Reading | list[Finding]:
        try:
            predicate = parse_predicate(text, self.variables)
        except PredicateError as error:
            where = f"{reading.place}: where"
            return [Finding(where=where, message=f"`{text[:80]}` {error}", cure=error.cure)]
        return reading.within(predicate)

    def _cut(self, readings: list[Reading]) -> Level:
        """The level, its bins cut into slices where targets need finer ones."""
        edges: dict[str, list[float]] = {}
        for reading in readings:
            for predicate in _predicates(reading):
                for name, found in edges_of(predicate, self.variables).items():
                    edges.setdefault(name, []).extend(found)
            for name, found in reading.edges(self.variables).items():
                edges.setdefault(name, []).extend(found)
        moved = {reading.written.of for reading in readings if reading.written.statistic}
        slices, bands = {}, {}
        for position, variable in enumerate(self.level.variables):
            n_slices = SLICES if variable.name in moved else 1
            if variable.name in edges or n_slices > 1:
                finer = sliced(variable, edges.get(variable.name, ()), n_slices)
                if finer is not None:
                    slices[position] = finer
                band = sliced(variable, edges.get(variable.name, ()))
                if band is not None:
                    bands[position] = band
        return Level(name=self.level.name, variables=self.level.variables, slices=slices, bands=bands)

    def _centered(self, found: list[tuple[Target, Reading]]) -> tuple[Target, ...]:
        """Standard deviations with the means that they are taken around; one without a mean is refused."""
        statistics = []
        for target, reading in found:
            if isinstance(target.statistic, Deviation):
                mean, of = mean_of([other for other, _ in found], target), target.statistic.variable.name
                if mean is None:
                    by = ", ".join(axis.variable.name for axis in target.grid.axes)
                    message = f"a standard deviation of {of} needs its mean as a target, too"
                    cure = f"add {{mean: {of}{f', by: [{by}]' if by else ''}, ...}} for the same records"
                    self.findings.append(Finding(where=reading.place, message=message, cure=cure))
                    continue
                statistics.append(around(target, mean))
            else:
                statistics.append(target)
        return tuple(statistics)

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

    def _untargeted(self, targets: list[Target]) -> Iterator[Finding]:
        covered = {self.level.variables[position].name for target in targets for position in target.columns}
        inside = {name for target in targets if target.grid.universe is not None for name in target.grid.universe.columns}
        for name in self.variables:
            if name not in covered:
                only_told = "has no target but for `where`: what that does not tell of its shares is only believed"
                message = only_told if name in inside else "has no target, so its shares are only believed"
                yield Finding(where=f"variables.{name}", message=message, severity="warning")


def _stated(target: Target, reading: Reading) -> Stated:
    written = reading.written
    file = written.table if isinstance(written.table, str) else None
    as_of = None if written.as_of is None else as_text(written.as_of)
    return Stated(target=target, place=reading.place, position=reading.position, file=file, as_of=as_of)


def _numbered(made: list[tuple[Target, Reading]]) -> list[tuple[Target, Reading]]:
    """Targets whose names were made from their variables, told apart by numbers; what the user named stays.

    Totals follow the table that they are of, and go by its name.
    """
    taken = {reading.written.name for _, reading in made if reading.written.name}
    found: list[tuple[Target, Reading]] = []
    for one, reading in made:
        target = one
        if one.totals_of:
            table = next(other.name for other, its in reversed(found) if its is reading and not other.totals_of)
            target = replace(one, name=table + one.name.removeprefix(one.totals_of), totals_of=table)
        name, numbers = target.name, itertools.count(2)
        while not reading.written.name and name in taken:
            name = f"{target.name} ({next(numbers)})"
        taken.add(name)
        found.append((replace(target, name=name), reading))
    return found


def _predicates(reading: Reading) -> tuple[Predicate, ...]:
    return () if reading.universe is None else (reading.universe,)


def _inlined(name: str, reading: Reading) -> TargetSpec:
    """The target as it was written, its table in place of the file's name."""
    written, table = reading.written, reading.table
    if written.value is not None or written.values is not None:
        return written.model_copy(update={"name": name})
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    kept = written.layout and Layout(decimal=written.layout.decimal, total=written.layout.total, unit=written.layout.unit)
    plain = {"layout": None if kept == Layout() else kept, "counts": None, "shares": None}
    return written.model_copy(update={"name": name, "table": rows, **plain})
