"""Tables that count the same rows, on their way from text to targets, with every violation among them."""

import itertools
import math
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace

from synthor.errors import Finding, InputError, nearest
from synthor.problem.adding_up import Levels
from synthor.problem.agree import disagreements, forbidden_cells, loosened, totals_apart
from synthor.problem.below import FoldedBelow
from synthor.problem.beyond import beyond_reach, without_whole_numbers
from synthor.problem.marginals import Stated
from synthor.problem.model import Rule
from synthor.problem.read import read_target
from synthor.problem.reader import Reading
from synthor.problem.shares_of_areas import shares_as_counts
from synthor.problem.sides import renamed_labels
from synthor.problem.slips import questions, slips_of_rules, slips_of_universes
from synthor.problem.statistic import Deviation, around, mean_of
from synthor.problem.target import Target
from synthor.problem.together import RowsTold
from synthor.problem.totals import narrowed
from synthor.problem.views import View
from synthor.problem.zones import Zones
from synthor.rules.parse import PredicateError, fold_of, outside_folds, tree_of
from synthor.rules.syntax import Both, names_in
from synthor.schema import Ref, Variable
from synthor.schema.bins import edges_of
from synthor.schema.text import as_text
from synthor.spec.levels import written_levels
from synthor.spec.model import Spec
from synthor.spec.tables import read_target_table, vocabulary_of
from synthor.spec.tables.table import Table
from synthor.spec.targets import TargetSpec

Edges = dict[str, list[float]]
"""Where the bins of variables are cut, by name."""

MOST_OF_WHERE = 60
"""Letters of a `where` in the name of a target."""


@dataclass(slots=True, eq=False)
class RowSet:
    """Tables that count the same rows.

    Attributes:
        spec: that they are of.
        view: the rows, and what they see.
        key: of the spec, for how many rows there are; empty where nothing tells exactly.
        whole: how many that are; infinite where nothing tells exactly.
        about: how many there are nearly, as a target says; infinite where none does.
        findings: of the whole spec, which are added to.
        readings: the tables as text, or what is wrong with one, each by its position in the spec.
        made: what they say, each with where it was read.
        off: findings about tables that add up to another number.
        stated: tables of counts, each followed by its totals over cells that are not told.
        counted: the same as targets, as far as they agree.
        statistics: means, totals, deviations and shares inside cells.
        below: what their `where` says of rows below, as it is written.
    """

    spec: Spec
    view: View
    key: str
    whole: float
    about: float
    findings: list[Finding]
    readings: list[Reading | list[Finding]] = field(default_factory=list)
    made: list[tuple[Target, Reading]] = field(default_factory=list)
    off: list[Finding] = field(default_factory=list)
    stated: tuple[Stated, ...] = ()
    counted: tuple[Target, ...] = ()
    statistics: tuple[Target, ...] = ()
    below: dict[str, FoldedBelow] = field(default_factory=dict)

    @property
    def understood(self) -> tuple[Reading, ...]:
        """The tables that could be read."""
        return tuple(reading for reading in self.readings if isinstance(reading, Reading))

    def read(self, written: TargetSpec, table: Table, i: int) -> None:
        """Take the text of one target's table, and the universe that it counts; or what is wrong with them."""
        self.readings.append(self._reading(written, i, table))

    def _reading(self, written: TargetSpec, i: int, table: Table) -> Reading | list[Finding]:
        variables, level = self.view.variables, self.view.flat
        reading = Reading(
            written=written,
            table=table,
            place=place_of(written, i),
            universe=self.view.universe,
            renamed=renamed_labels(labels_of(self.spec)),
            whole=self.key,
            position=i,
        ).with_bands(variables)
        of = written.of
        numeric = [level.variables[position].name for position in level.numeric]
        if of is not None and of not in numeric:
            message = f"'{of}' is no numeric variable" if of in variables else f"no variable is called '{of}'"
            return [Finding(where=reading.place, message=message, cure=nearest(of, numeric), label=of)]
        inside = reading if written.where is None else self._within(reading, written.where)
        return inside if of is None or isinstance(inside, list) else inside.where_known(variables[of])

    def _within(self, reading: Reading, text: str) -> Reading | list[Finding]:
        try:
            self._look_below(text)
            predicate = self.view.predicate(text)
        except PredicateError as error:
            return [_unread(reading, error)]
        known = self.view.universe
        return reading.within(predicate if known is None else Both(known, predicate))

    def _look_below(self, where: str) -> None:
        """Let these rows see what a `where` says of rows below."""
        calls = [call for node in outside_folds(tree_of(where)) if (call := fold_of(node)) is not None]
        new = {call.shown: call for call in calls if call.shown not in self.below}
        if new and len(self.view.schema.levels) > 1:
            levels = written_levels(self.spec)
            self.below |= {name: FoldedBelow.of(call, self.view, levels) for name, call in new.items()}
            self.see(self.view)

    def see(self, view: View) -> None:
        """Take the same rows, variables being cut as they are there."""
        edges, seen = self.edges, dict[str, tuple[Ref, Variable]]()
        for name, one in self.below.items():
            try:
                seen[name] = one.seen(view.schema, edges.get(name, ()))
            except PredicateError as error:
                self.readings = [_refused(reading, name, error) for reading in self.readings]
        self.below = {name: self.below[name] for name in seen}
        self.view = view.seeing(seen)

    def edges_below(self) -> Iterator[tuple[int, str, list[float]]]:
        """Where what is said of rows below cuts variables, by their level and their name."""
        edges = self.edges
        for name, one in self.below.items():
            yield from one.edges(self.view.schema, edges.get(name, ()))

    @property
    def edges(self) -> Edges:
        """Where its tables cut variables, by the names that rows see them under."""
        found: Edges = {}
        for reading in self.understood:
            if reading.universe is not None:
                for name, edges in edges_of(reading.universe, self.view.variables).items():
                    found.setdefault(name, []).extend(edges)
            for name, edges in reading.edges(self.view.variables).items():
                found.setdefault(name, []).extend(edges)
        return found

    @property
    def moved(self) -> set[str]:
        """Variables of which a statistic is given, by these names."""
        return {str(reading.written.of) for reading in self.understood if reading.written.statistic}

    def understand(self) -> None:
        """Make targets of the tables, which speak of the view's variables in their finest bins."""
        if not math.isfinite(self.whole):
            self.key, self.whole = self._told_by_tables()
            self.readings = [one if isinstance(one, list) else replace(one, whole=self.key) for one in self.readings]
        n_rows = self.whole if math.isfinite(self.whole) else self.about
        for reading in self.readings:
            if isinstance(reading, list):
                self.findings += reading
            elif said := [name for name in reading.table.columns if name in self.below]:
                message, cure = f"column '{said[0]}' is no variable", f'declare one, `{{from: "{said[0]}"}}`, and name that'
                self.findings.append(Finding(where=reading.table.source, message=message, cure=cure, label=said[0]))
            else:
                notes = reading.table.notes
                self.findings += [Finding(where=reading.table.source, message=note, severity="warning") for note in notes]
                off: list[Finding] = []
                found = read_target(reading, self.view.flat, n_rows, self.findings, off)
                self.made += [(target, reading) for target in found]
                self.findings += off
                self.off += off

    def _told_by_tables(self) -> tuple[str, float]:
        """The first table that counts all rows, and how many there are by it; infinite where none does."""
        off: list[Finding] = []
        for reading in self.understood:
            for target in read_target(reading, self.view.flat, self.whole, [], off):
                if target.whole and target.statistic.word == "count":
                    return f"the sum of {reading.place}", float(target.wanted.sum())
        return "", math.inf

    def count_shares(self, zones: Zones) -> None:
        """Let shares inside areas be counts where it is known how many rows these are of."""
        tables = [target for target, _ in self.made]
        self.made = [(shares_as_counts(target, tables, zones, self.view.flat), reading) for target, reading in self.made]

    def settle(self) -> None:
        """Tell tables of counts from statistics, which find the means that they hang on."""
        self.counted = tuple(target for target, _ in self.made if target.counts)
        self.statistics = self._centered([(target, reading) for target, reading in self.made if not target.counts])
        self.stated = tuple(_stated(target, reading) for target, reading in self.made if target.counts)

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

    def compare(self, rules: Sequence[Rule], between: list[Finding]) -> None:
        """Set the tables of counts against each other and against rules on these rows; `between` gathers what differs."""
        level = self.view.flat
        self.findings += totals_apart(self._totals(), self.key, self.whole)
        disagreeing = list(disagreements(self.stated, level))
        targets = tuple(narrowed(target, self.counted) for target in self.counted)
        self.findings += disagreeing
        between += disagreeing
        if not any(finding.severity == "error" for finding in disagreeing):
            loose = list(loosened(targets, level))
            targets = tuple(target for target, _ in loose)
            self.findings += [finding for _, finding in loose if finding is not None]
        for target in targets:
            self.findings += forbidden_cells(target, tuple(rules), dict(self.view.variables))
        self.counted = targets

    def add_up(self, zones: Zones, factor: float) -> list[Finding]:
        """Let tables of areas that differ within their tolerance aim at numbers that add up, and tell what moved.

        Args:
            zones: the areas, as these rows see them.
            factor: by how much more records are made than the tables count.
        """
        tables = self.counted if factor == 1 else tuple(target.scaled(factor) for target in self.counted)
        units = not self.view.level and not self.view.roles
        whole = self.whole * factor if factor == 1 or units else math.inf  # members that are scaled are no whole number
        levels = Levels(tables=tables, zones=zones, level=self.view.flat, whole=whole, scaled=factor != 1)
        told = list(levels.settle())
        aims = {place: aim / factor for place, aim in levels.aims.items()}
        self.counted = tuple(replace(one, aim=aims.get(place)) for place, one in enumerate(self.counted))
        self.stated = tuple(
            replace(stated, target=replace(stated.target, aim=aims.get(place))) for place, stated in enumerate(self.stated)
        )
        return told

    @property
    def published(self) -> RowsTold:
        """All that tables say of these rows."""
        return RowsTold(view=self.view, tables=self.stated, statistics=self.stated_statistics, below=self.below)

    @property
    def stated_statistics(self) -> tuple[Stated, ...]:
        """The statistics, each with where it was read."""
        return tuple(_stated(target, reading) for target, reading in self.made if not target.counts)

    def slips(self, rules: Sequence[Rule]) -> Iterator[Finding]:
        """What these tables and rules say to no effect."""
        yield from slips_of_universes([target for target, _ in self.made], self.view.flat)
        if self.view.plain:
            yield from slips_of_rules(tuple(rules), self.counted, self.view.flat)

    def beyond(self) -> Iterator[Finding]:
        """Statistics that counts leave no way to meet."""
        return beyond_reach(self.counted, self.statistics, self.view.flat, self.whole)

    def whole_numbers(self, factor: float) -> Iterator[Finding]:
        """Tables whose cells hold no whole numbers that add up to all rows, once they are scaled."""
        if not math.isfinite(self.whole):
            return iter(())
        n_rows = round(self.whole * factor)
        scaled = self.counted if factor == 1 else tuple(target.scaled(factor) for target in self.counted)
        units = not self.view.level and not self.view.roles
        made = f"{n_rows:,} records are made" if units else f"there are {n_rows:,} of '{self.view.name}'"
        return without_whole_numbers(scaled, n_rows, made, "" if factor != 1 else self.key)

    def targets(self, factor: float) -> Iterator[Target]:
        """What is to be met, counts first, for a population `factor` times as large."""
        for target in (*self.counted, *self.statistics):
            yield self.view.lifted(target if factor == 1 else target.scaled(factor))

    def _totals(self) -> list[tuple[Stated, float]]:
        """What tables that count all these rows add up to."""
        counts = [stated for stated in self.stated if stated.target.whole and stated.target.statistic.word == "count"]
        return [(stated, float(stated.target.wanted.sum())) for stated in counts]


def _unread(reading: Reading, error: PredicateError) -> Finding:
    """Why a `where` is not read."""
    where = str(reading.written.where)
    return Finding(where=f"{reading.place}: where", message=f"`{where[:80]}` {error}", cure=error.cure)


def _refused(reading: Reading | list[Finding], name: str, error: PredicateError) -> Reading | list[Finding]:
    """A table, or why it is not read where its `where` names something."""
    if isinstance(reading, list) or reading.universe is None or name not in names_in(reading.universe):
        return reading
    return [_unread(reading, error)]


def rules_on(rules: Sequence[Rule], view: View) -> tuple[Rule, ...]:
    """Rules that some rows tell by what they see, as rules on flat records."""
    if view.plain:
        return tuple(rules)
    found = []
    for rule in rules:
        if not rule.derived and rule.level in view.schema.path(view.level):
            own = View.of_level(view.schema, rule.level).refs
            if all(view.refs.get(name) == own[name] for name in names_in(rule.predicate)):
                found.append(replace(rule, level=0))
    return tuple(found)


def place_of(written: TargetSpec, i: int) -> str:
    """What to call a target in a message."""
    return f"targets[{i}]" + (f" ({written.name})" if written.name else "")


def labels_of(spec: Spec) -> dict[str, dict[str, str]]:
    """What tables call categories, by variable, all as texts."""
    return {name: {as_text(a): as_text(b) for a, b in pairs.items()} for name, pairs in spec.labels.items()}


def table_of(spec: Spec, written: TargetSpec, i: int, views: Sequence[View]) -> Table | list[Finding]:
    """The text of one target's table; or what is wrong with it.

    Args:
        spec: that it is of.
        written: the target.
        i: its position.
        views: the rows that it may count: whatever any of these sees may be a side.
    """
    if open_questions := questions(written.model_dump(exclude_unset=True)):
        told = [f"`{'.'.join(where)}` is still to be filled in: {asked}" for where, asked in open_questions]
        return [Finding(where=place_of(written, i), message=one, cure="answer it in place of the words") for one in told]
    try:
        variables = {name: variable for view in reversed(views) for name, variable in view.variables.items()}
        vocabulary = vocabulary_of(written, list(variables.values()), spec.columns, labels_of(spec))
        return read_target_table(written, place_of(written, i), spec.folder, vocabulary)
    except InputError as error:
        return list(error.findings)


def numbered(made: Sequence[tuple[Target, Reading]], taken: set[str]) -> list[tuple[Target, Reading]]:
    """Targets whose names were made from their variables, told apart by whom they count or by numbers; what is named stays.

    A number, a mean, quantiles or shares by others of some rows say of which in any case. Totals follow the table that they are
    of, and go by its name.

    Args:
        made: targets, each with where it was read.
        taken: names that are given already, which are added to.
    """
    found: list[tuple[Target, Reading]] = []
    alike = Counter(target.name for target, reading in made if not reading.written.name)
    for one, reading in made:
        target = one
        if one.totals_of:
            table = next(other.name for other, its in reversed(found) if its is reading and not other.totals_of)
            target = replace(one, name=table + one.name.removeprefix(one.totals_of), totals_of=table)
        name, written = target.name, reading.written
        if written.where and not written.name and not target.totals_of:
            alone = written.count is not None or written.statistic or written.quantiles or written.by
            apart = alone or alike[name] > 1 or name in taken
            name += f" where {_in_short(written.where)}" if apart else ""
        base, numbers = name, itertools.count(2)
        while not written.name and name in taken:
            name = f"{base} ({next(numbers)})"
        taken.add(name)
        found.append((replace(target, name=name), reading))
    return found


def _in_short(where: str) -> str:
    """A predicate as it stands in a name."""
    told = " ".join(where.split())
    return told if len(told) <= MOST_OF_WHERE else f"{told[: MOST_OF_WHERE - 3]}..."


def _stated(target: Target, reading: Reading) -> Stated:
    written = reading.written
    file = written.table if isinstance(written.table, str) else None
    as_of = None if written.as_of is None else as_text(written.as_of)
    return Stated(target=target, place=reading.place, position=reading.position, file=file, as_of=as_of)
