"""From a spec and its tables to a problem, with every violation that can be seen without a solver, all at once."""

import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial

from synthor.errors import Finding, InputError
from synthor.problem.agree import forbidden_cells, forbids_all, repeated_names, shown
from synthor.problem.around import by_all_kinds, disagreements_over_areas
from synthor.problem.attributes import with_attributes
from synthor.problem.between import contradictions, too_many_pairs
from synthor.problem.crosswalk import with_known_zones
from synthor.problem.cut_by_rules import edges_by_rules
from synthor.problem.following import followed, unclear
from synthor.problem.levels import schema_of
from synthor.problem.marginals import Stated
from synthor.problem.means_of_areas import why_no_mean
from synthor.problem.model import Problem, Rule
from synthor.problem.outlined import with_outlines
from synthor.problem.reader import Reading
from synthor.problem.row_set import Edges, RowSet, numbered, place_of, rules_on, table_of
from synthor.problem.slips import slips_of_names, slips_of_words
from synthor.problem.together import unmeetable
from synthor.problem.views import View
from synthor.problem.whose import Whose, spoken
from synthor.problem.zones import Zones, slips_of_zones
from synthor.rules.lifting import refuse_alternatives
from synthor.rules.parse import PredicateError
from synthor.rules.syntax import names_in
from synthor.schema import Level, Ref, Schema
from synthor.schema.bins import SLICES, edges_of, sliced
from synthor.schema.text import as_text
from synthor.spec.levels import levels_of
from synthor.spec.model import RuleSpec, Spec
from synthor.spec.scenario import AppliedScenario
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
    try:
        return _Compilation(spec).findings
    except InputError as error:  # it is none, or nobody knows which zones there are
        return list(error.findings)


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
        across: errors of tables of these rows against those of others, as persons against households.
        statistics: means, totals, deviations and shares inside cells.
        view: the rows that they speak of.
        zones: the areas that these lie in, as they see them; None where they lie in none.
    """

    tables: tuple[Stated, ...]
    readings: tuple[Reading, ...]
    level: Level
    whole: float
    others: tuple[Finding, ...]
    across: tuple[Finding, ...]
    statistics: tuple[Stated, ...]
    view: View
    zones: Zones | None = None


def statements(spec: Spec) -> Statements:
    """The tables of a spec's units as far as they can be understood each by itself.

    >>> from synthor import parse_spec
    >>> found = statements(parse_spec("{records: 9, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 8}}}]}"))
    >>> [stated.target.wanted.tolist() for stated in found.tables], found.whole, found.others
    ([[0.0, 8.0]], 9, ())
    """
    return every_statement(spec)[0]


def every_statement(spec: Spec) -> tuple[Statements, ...]:
    """The same of all rows that tables count, those of members included: the units' own first.

    >>> from synthor import parse_spec
    >>> spec = parse_spec("{records: 9, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 9}}}]}")
    >>> [found.view.name for found in every_statement(spec)]
    ['records']
    """
    compilation = _Compilation(spec)
    return tuple(_statements(compilation, rows) for rows in compilation.row_sets.values())


def _statements(compilation: "_Compilation", rows: RowSet) -> Statements:
    between = {id(finding) for finding in compilation.between}
    errors = [finding for finding in compilation.findings if finding.severity == "error"]
    return Statements(
        tables=rows.stated,
        readings=rows.understood,
        level=rows.view.flat,
        whole=rows.whole,
        others=tuple(finding for finding in errors if id(finding) not in between),
        across=tuple(compilation.across),
        statistics=rows.stated_statistics,
        view=rows.view,
        zones=None if compilation.zones is None else _seen(compilation.zones, rows.view),
    )


class _Compilation:
    """One pass over a spec that gathers findings beside the compiled parts."""

    def __init__(self, spec: Spec) -> None:
        if not isinstance(spec, Spec):
            message = f"is no spec but of type {type(spec).__name__}"
            cure = "read one with load_spec(file), or make it with Spec(...), parse_spec(text) or draft_spec(tables)"
            raise InputError([Finding(where="spec", message=message, cure=cure)])
        if isinstance(spec.scenario, str):
            cure = "leave `scenario:` out of it, or give the spec to a command or to `synthesize`, which apply it first"
            raise InputError([Finding(where="scenario", message=f"'{spec.scenario}' is not applied here", cure=cure)])
        spec, told, drawn, files = _with_zones(spec)
        self.findings: list[Finding] = [*spec.remarks, *_told_of_scenario(spec), *_told_of_method(spec), *told]
        self.between: list[Finding] = []
        self.spec, self.forms = spec, levels_of(spec)
        self.whose = Whose(schema_of(spec), self.forms)
        self._refuse_unclear()
        union = {name: variable for view in reversed(self.whose.levels) for name, variable in view.variables.items()}
        self.findings += slips_of_names(spec, union)
        self.row_sets: dict[str, RowSet] = {}
        self.rows = self._row_set(self.whose.level(0))
        for i, written in enumerate(spec.targets):
            self._sort(written, i)
        self._cut()
        for rows in self.row_sets.values():
            rows.understand()
        self._number()
        self.zones = Zones.of(spec, self.whose.schema)
        for rows in self.row_sets.values():
            if self.zones is not None:
                rows.count_shares(_seen(self.zones, rows.view))
            rows.settle()
        rules = tuple(rule for i, written in enumerate(spec.rules) if (rule := self._rule(written, i)) is not None)
        rules += tuple(self._implied())
        self.findings += repeated_names([target for rows in self.row_sets.values() for target, _ in rows.made])
        for rows in self.row_sets.values():
            self.between += rows.off
            seen = rules_on(rules, rows.view)
            rows.compare(seen, self.between)
            self.findings += rows.slips(seen)
        self.across = self._across() if spec.members else []
        if spec.scenario is None:  # tables that a scenario writes anew say what the spec's own words mean already
            self.findings += slips_of_words(spec, self._understood, Level(name="all", variables=tuple(union.values())), files)
        if self.zones is not None:
            self._compare_areas(self.zones)
            self._compare_kinds(self.zones, rules)
        self.findings += [*self._scaling(), *self._offices()]
        self.findings += self._together(rules)
        if not self._wrong:
            self.findings += [finding for rows in self.row_sets.values() for finding in rows.beyond()]
            self.findings += self._untargeted()
        factor = spec.records / self.whole
        if not self._wrong:
            self.findings += [finding for rows in self.row_sets.values() for finding in rows.whole_numbers(factor)]
        targets = [target for rows in self.row_sets.values() for target in rows.targets(factor)]
        compiled: dict[str, object] = {"targets": self._inlined(), "columns": {}, "prior": None, "model": None, "sample": None}
        self.problem = Problem(
            spec=spec.model_copy(update=compiled),
            n_units=spec.records,
            schema=self.whose.schema,
            targets=(*(one for one in targets if one.counts), *(one for one in targets if not one.counts)),
            rules=rules,
            warnings=tuple(str(finding) for finding in self.findings if finding.severity == "warning"),
            zones=self.zones,
        )
        self.findings += drawn  # of a picture: no record hangs on it, so that no run need tell it

    def _refuse_unclear(self) -> None:
        """Raise where variables follow from members in a way that cannot be understood: nothing else can be read then."""
        found = []
        for at, name, message, cure in unclear(self.forms, self.whose.schema):
            place = "".join(f"{key}." for key in self.forms[at].path) + f"variables.{name}"
            where = f"{self.spec.file}: {place}" if self.spec.file is not None else place
            found.append(Finding(where=where, message=message, cure=cure))
        if found:
            raise InputError([*(finding for finding in self.findings if finding.severity == "error"), *found])

    def _row_set(self, view: View) -> RowSet:
        """The tables of some rows, to which more are added."""
        if view.name not in self.row_sets:
            units = view.level == 0 and not view.roles
            key, whole, about = (self._whole_key, self.whole, math.inf) if units else _counted(self.spec, view)
            found = RowSet(spec=self.spec, view=view, key=key, whole=whole, about=about, findings=self.findings)
            self.row_sets[view.name] = found
        return self.row_sets[view.name]

    def _sort(self, written: TargetSpec, i: int) -> None:
        """Read one target's table, among those of the rows that it counts."""
        table = table_of(self.spec, written, i, self.whose.seen_by(written))
        if isinstance(table, list):
            self.rows.readings.append(table)
            return
        view = self.whose.of(written, table, place_of(written, i))
        if isinstance(view, Finding):
            self.rows.readings.append([view])
        else:
            self._row_set(view).read(*spoken(written, table, view), i)

    @property
    def _understood(self) -> list[Reading]:
        """All tables that could be read, in the spec's order."""
        return sorted((one for rows in self.row_sets.values() for one in rows.understood), key=lambda one: one.position)

    def _number(self) -> None:
        made = [(target, reading) for rows in self.row_sets.values() for target, reading in rows.made]
        taken = {reading.written.name for _, reading in made if reading.written.name}
        for rows in self.row_sets.values():
            rows.made = numbered(rows.made, taken)

    def _cut(self) -> None:
        """Bins cut into slices where targets need finer ones, and where what follows from members has edges."""
        edges, moved = dict[tuple[int, str], list[float]](), set[tuple[int, str]]()
        schema = self.whose.schema
        for rows in self.row_sets.values():
            own = {
                name: (ref.level, schema.levels[ref.level].variables[ref.column].name) for name, ref in rows.view.refs.items()
            }
            for name, found in rows.edges.items():
                if name not in rows.below:
                    edges.setdefault(own[name], []).extend(found)
            for at, name, found in rows.edges_below():
                edges.setdefault((at, name), []).extend(found)
            moved |= {own[name] for name in rows.moved}
        for at, form in enumerate(self.forms):
            for name, follows in form.follows.items():
                below = schema.index(follows.level)
                view = self.whose.level(below)
                if follows.condition:
                    for other, found in edges_of(view.predicate(follows.condition), view.variables).items():
                        ref = view.refs[other]
                        source = ref.level, schema.levels[ref.level].variables[ref.column].name
                        edges.setdefault(source, []).extend(found)
                if follows.variable and follows.function in ("", "min", "max"):
                    known = schema.levels[at].variables[schema.levels[at].position(name)]
                    source_of = schema.levels[below].variables[schema.levels[below].position(follows.variable)]
                    half = 10.0**-known.decimals / 2 if source_of.decimals > known.decimals else 0.0  # what follows is rounded
                    cut = [edge - half for edge in (*known.edges, *edges.get((at, name), ()))]
                    edges.setdefault((below, follows.variable), []).extend(cut)
        for at, name, found in edges_by_rules(self._understood_rules(), schema):
            edges.setdefault((at, name), []).extend(found)
        levels = []
        for at, level in enumerate(schema):
            own_edges = {name: found for (place, name), found in edges.items() if place == at}
            levels.append(_sliced(level, own_edges, {name for place, name in moved if place == at}))
        self.whose = self.whose.on(Schema(levels=tuple(levels)))
        for rows in self.row_sets.values():
            rows.see(self.whose.again(rows.view))

    def _understood_rules(self) -> Iterator[Rule]:
        """Rules between rows as they are before bins are cut, those that cannot be understood left out."""
        for written in self.spec.rules if self.spec.members else ():
            with suppress(PredicateError):
                yield Rule.of(written.never, self.whose.schema)

    def _across(self) -> list[Finding]:
        """Tables of rows of different levels against each other."""
        stated = {rows.view.level: rows.stated for rows in self.row_sets.values() if not rows.view.roles}
        views = {rows.view.level: rows.view for rows in self.row_sets.values() if not rows.view.roles}
        zones = None if self.zones is None else {level: _seen(self.zones, view) for level, view in views.items()}
        found = list(contradictions(self.forms, self.whose.schema, stated, self.whole, zones))
        pairs = [rows for rows in self.row_sets.values() if rows.view.relation]
        by_roles = [(rows.view, rows.stated) for rows in pairs if not rows.view.categories]
        for rows in pairs:
            found += too_many_pairs(self.forms, rows.view, rows.stated, stated, self.whole, by_roles)
        self.findings += found
        self.between += found
        return found

    def _together(self, rules: tuple[Rule, ...]) -> list[Finding]:
        """Tables of rows of two levels that no units can meet, all of them together, where nothing else is wrong."""
        if self._wrong or not self.spec.members:
            return []
        counted = {rows.view.level: rows.published for rows in self.row_sets.values() if not rows.view.roles}
        said = tuple(rule for rule in rules if rule.text in {written.never for written in self.spec.rules})
        areas = () if self.zones is None else self.zones.columns
        columns = {Ref(0, column) for column in areas}
        return list(unmeetable(self.forms, self.whose.schema, counted, said, self.whole, columns))

    def _compare_areas(self, zones: Zones) -> None:
        """Tables of areas against those of the larger ones that these lie in."""
        made = [(rows.view.lifted(target), reading.place) for rows in self.row_sets.values() for target, reading in rows.made]
        self.findings += slips_of_zones(made, zones, partial(why_no_mean, zones=zones, members=bool(self.spec.members)))
        known = {str(finding) for finding in self.between}
        for rows in self.row_sets.values():
            new = list(disagreements_over_areas(rows.stated, _seen(zones, rows.view), rows.view.flat, known))
            self.findings += new
            self.between += new
        for rows in self.row_sets.values():  # what differs within its tolerance is moved until all levels add up
            if not self._wrong:
                self.findings += rows.add_up(_seen(zones, rows.view), self.spec.records / self.whole)

    def _compare_kinds(self, zones: Zones, rules: tuple[Rule, ...]) -> None:
        """Tables of areas by the kinds of their zones against rules, which may speak of these."""
        names = () if zones.kinds is None else [variable.name for variable in zones.kinds.variables]
        concerned = [rule for rule in rules if not names_in(rule.predicate).isdisjoint(names)]
        for rows in self.row_sets.values() if concerned else ():
            seen, known = zones.seen(list(rows.view.refs.values())), rules_on(concerned, rows.view)
            for target in rows.counted:
                if (summed := by_all_kinds(target, seen)) is not None:
                    self.findings += forbidden_cells(summed, known, dict(rows.view.variables))

    @property
    def _wrong(self) -> bool:
        return any(finding.severity == "error" for finding in self.findings)

    def _inlined(self) -> list[TargetSpec]:
        """The targets as they were written, their tables in place of the files' names."""
        first = {id(reading): target.name for rows in self.row_sets.values() for target, reading in reversed(rows.made)}
        rows_of = {id(reading): rows.view for rows in self.row_sets.values() for reading in rows.understood}
        found = []
        for reading in self._understood:
            if id(reading) in first:
                view, target = rows_of[id(reading)], _inlined(first[id(reading)], reading)
                told = {} if view.plain or view.roles else {"rows": view.name}
                found.append(target.model_copy(update=told))
        return found

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
        schema = self.whose.schema
        try:
            rule = Rule.of(written.never, schema, written.why)
            refuse_alternatives(written.never, schema)
        except PredicateError as error:
            self._add_rule(i, f"`{written.never[:80]}` {error}", error.cure)
            return None
        areas = self.spec.zones.levels if self.spec.zones is not None else ()
        if named := [name for name in names_in(rule.predicate) if name in areas]:
            message = f"`{written.never[:80]}` speaks of {' and '.join(named)}, and rules on areas are not kept yet"
            self._add_rule(i, message, "let a table of the areas say it, with zeros")
            return None
        variables = self.whose.level(rule.level).variables
        if not rule.derived and forbids_all(rule.predicate, dict(variables)):
            message = f"`{written.never[:80]}` forbids every record"
            self._add_rule(i, message, "say what never occurs, not what always does")
            return None
        return rule.asked_of_members(schema, {name: follows.text for name, follows in self.forms[0].follows.items()})

    def _implied(self) -> Iterator[Rule]:
        """That what follows from members lies inside the bins that it is given, and values come to the unit's own one."""
        schema = self.whose.schema
        for one in followed(self.forms, schema):
            if never := one.never(schema.refined):
                name = schema.levels[one.level].variables[one.position].name
                yield replace(Rule.of(never, schema, f"{name} is {one.text}"), text=f"{name} in another bin than {one.text}")
        for at, form in enumerate(self.forms):
            for name, follows in form.follows.items():
                variable = schema.levels[at].variables[schema.levels[at].position(name)]
                if variable.numeric and not at:
                    for beyond in (f"< {as_text(variable.least)}", f"> {as_text(variable.most)}"):
                        why = f"{name} has no such value"
                        rule = Rule.of(f"{follows.text} {beyond}", schema, why)
                        if rule.text not in {written.never for written in self.spec.rules}:
                            yield rule

    def _add_rule(self, i: int, message: str, cure: str) -> None:
        where = f"{self.spec.file}: rules[{i}]" if self.spec.file is not None else f"rules[{i}]"
        self.findings.append(Finding(where=where, row=self.spec.row(f"rules[{i}]"), message=message, cure=cure))

    def _untargeted(self) -> Iterator[Finding]:
        covered, inside = set[tuple[int, int]](), set[tuple[int, int]]()
        for rows in self.row_sets.values():
            refs = rows.view.refs
            for target, _ in rows.made:
                names = [rows.view.flat.variables[position].name for position in target.columns]
                covered |= {(refs[name].level, refs[name].column) for name in names if refs[name].plain}
                known = () if target.grid.universe is None else target.grid.universe.columns
                named = [refs[name] if name in refs else rows.view.below[name][0] for name in known]
                deciding = [one for ref in named for one in ref.decided_by if one.plain]
                inside |= {(one.level, self.whose.schema.levels[one.level].declared(one.column)) for one in deciding}
        for at, form in enumerate(self.forms):
            place = "".join(f"{key}." for key in form.path)
            for position, name in enumerate(form.variables):
                areas = () if at or self.zones is None else self.zones.columns
                told = name in form.follows or position in areas or form.variables[name].kind.free
                if (at, position) not in covered and not told:
                    only_told = "has no target but for `where`: what that does not tell of its shares is only believed"
                    message = only_told if (at, position) in inside else "has no target, so its shares are only believed"
                    yield Finding(where=f"{place}variables.{name}", message=message, severity="warning")


def _seen(zones: Zones, view: View) -> Zones:
    """The areas as some rows see them."""
    return zones.seen(list(view.refs.values()))


def _with_zones(given: Spec) -> tuple[Spec, list[Finding], list[Finding], tuple[str, ...]]:
    """The same spec, all that it says of zones in place; what to say of that, and of their picture; files it was read from."""
    spec, told = with_attributes(with_known_zones(given))
    spec, drawn = with_outlines(spec)
    return spec, told, drawn, () if given.zones is None else given.zones.tables


def _told_of_method(spec: Spec) -> Iterator[Finding]:
    """That a method which takes a model at its word has none."""
    if spec.method != "calibrated" and spec.asks_nobody:
        message = f"`{spec.method}` takes a model at its word, and none is asked: records are made as by `calibrated`"
        yield Finding(where="method", message=message, cure="name a model, or leave `method` out", severity="warning")


def _told_of_scenario(spec: Spec) -> Iterator[Finding]:
    """What a scenario changed of the targets."""
    if isinstance(spec.scenario, AppliedScenario):
        for told in spec.scenario.told:
            yield Finding(where=f"scenario {spec.scenario.file}", message=told, severity="warning")


def _sliced(level: Level, edges: Edges, moved: set[str]) -> Level:
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


def _counted(spec: Spec, view: View) -> tuple[str, float, float]:
    """Which target says exactly how many rows there are, and how many; and what one says nearly. Infinite where none does."""
    key, whole, about = "", math.inf, math.inf
    for i, written in reversed(list(enumerate(spec.targets))):
        if written.count is not None and written.where is None and view.name in (written.rows, written.pairs):
            if written.loose:
                about = float(written.count)
            else:
                key, whole = f"the count of {view.name} in {place_of(written, i)}", float(written.count)
    return key, whole, about


def _inlined(name: str, reading: Reading) -> TargetSpec:
    """The target as it was written, its table in place of the file's name."""
    written, table = reading.written, reading.table
    if any(one is not None for one in (written.value, written.values, written.count)):
        return written.model_copy(update={"name": name})
    rows = [dict(zip(table.columns, row, strict=True)) for row in table.rows]
    kept = written.layout and Layout(decimal=written.layout.decimal, total=written.layout.total, unit=written.layout.unit)
    plain = {"layout": None if kept == Layout() else kept, "counts": None, "shares": None}
    return written.model_copy(update={"name": name, "table": rows, **plain})
