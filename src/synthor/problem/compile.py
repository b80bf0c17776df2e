"""From a spec and its tables to a problem, with every violation that can be seen without a solver, all at once."""

from collections.abc import Iterator

from synthor.errors import Finding, InputError, nearest
from synthor.problem.agree import disagreements, forbidden_cells, forbids_all, reconciled, repeated_names
from synthor.problem.level import SLICES, Level, edges_of, sliced
from synthor.problem.model import Problem, Rule
from synthor.problem.statistics import Reading, read_target
from synthor.problem.target import Moment, Target
from synthor.spec.model import RuleSpec, Spec
from synthor.spec.rules import Predicate, PredicateError, parse_predicate
from synthor.spec.tables import read_target_table
from synthor.spec.targets import TargetSpec


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
        readings = [self._read(written, i) for i, written in enumerate(spec.targets)]
        self.level = self._cut([reading for reading in readings if isinstance(reading, Reading)])
        made: list[tuple[Target | Moment, Reading]] = []
        for reading in readings:
            if isinstance(reading, list):
                self.findings += reading
            elif (target := read_target(reading, self.level, spec.records, self.findings)) is not None:
                made.append((target, reading))
        targets = tuple(target for target, _ in made if isinstance(target, Target))
        moments = self._centered([(t, reading) for t, reading in made if isinstance(t, Moment)])
        rules = tuple(rule for i, written in enumerate(spec.rules) if (rule := self._rule(written, i)) is not None)
        self.findings += repeated_names([target for target, _ in made])
        disagreeing = list(disagreements(targets))
        self.findings += disagreeing
        if not disagreeing:
            reconciliation = list(reconciled(targets))
            targets = tuple(target for target, _ in reconciliation)
            self.findings += [finding for _, finding in reconciliation if finding is not None]
        for target in targets:
            self.findings += forbidden_cells(target, rules, self.variables)
        if not any(finding.severity == "error" for finding in self.findings):
            self.findings += self._untargeted([target for target, _ in made])
        inlined = [_inlined(target.name, reading) for target, reading in made]
        frozen = spec.model_copy(update={"targets": inlined, "prior": None, "model": None, "sample": None})
        warnings = tuple(str(finding) for finding in self.findings if finding.severity == "warning")
        self.problem = Problem(
            spec=frozen,
            n_units=spec.records,
            levels=(self.level,),
            targets=targets,
            moments=moments,
            rules=rules,
            warnings=warnings,
        )

    def _read(self, written: TargetSpec, i: int) -> Reading | list[Finding]:
        """The text of one table, and the universe that it counts; or what is wrong with them."""
        place = f"targets[{i}]" + (f" ({written.name})" if written.name else "")
        try:
            table = read_target_table(written, place, self.spec.folder)
        except InputError as error:
            return list(error.findings)
        reading = Reading(written=written, table=table, place=place)
        of = written.of
        if of is not None and (of not in self.variables or not self.variables[of].numeric):
            numeric = [name for name, variable in self.variables.items() if variable.numeric]
            message = f"'{of}' is no numeric variable" if of in self.variables else f"no variable is called '{of}'"
            return [Finding(where=place, message=message, cure=nearest(of, numeric), label=of)]
        return reading if written.where is None else self._within(reading, written.where)

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
        slices = {}
        for position, variable in enumerate(self.level.variables):
            n_slices = SLICES if variable.name in moved else 1
            if variable.numeric and (variable.name in edges or n_slices > 1):
                finer = sliced(variable, edges.get(variable.name, ()), n_slices)
                if finer is not None:
                    slices[position] = finer
        return Level(name=self.level.name, variables=self.level.variables, slices=slices)

    def _centered(self, found: list[tuple[Moment, Reading]]) -> tuple[Moment, ...]:
        """Standard deviations with the means that they are taken around; one without a mean is refused."""
        moments = []
        for moment, reading in found:
            if moment.kind == "sd":
                mean = next((m for m, _ in found if m.kind == "mean" and moment.is_around(m)), None)
                if mean is None:
                    by = ", ".join(axis.variable.name for axis in moment.grid.axes)
                    message = f"a standard deviation of {moment.variable.name} needs its mean as a target, too"
                    cure = f"add {{mean: {moment.variable.name}{f', by: [{by}]' if by else ''}, ...}} for the same records"
                    self.findings.append(Finding(where=reading.place, message=message, cure=cure))
                    continue
                moments.append(moment.around(mean))
            else:
                moments.append(moment)
        return tuple(moments)

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

    def _untargeted(self, targets: list[Target | Moment]) -> Iterator[Finding]:
        covered = {self.level.variables[position].name for target in targets for position in target.columns}
        for name in self.variables:
            if name not in covered:
                message = "has no target, so its shares are only believed"
                yield Finding(where=f"variables.{name}", message=message, severity="warning")


def _predicates(reading: Reading) -> tuple[Predicate, ...]:
    return () if reading.universe is None else (reading.universe,)


def _inlined(name: str, reading: Reading) -> TargetSpec:
    """The target as it was written, its table in place of the file's name."""
    written, table = reading.written, reading.table
    if written.value is not None or written.values is not None:
        return written.model_copy(update={"name": name})
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    return written.model_copy(update={"name": name, "table": rows, "counts": None, "shares": None})
