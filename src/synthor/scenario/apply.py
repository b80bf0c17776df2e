"""A spec changed by a scenario: the tables that it names, those that must follow, and beliefs that are at hand already."""

from collections.abc import Mapping, Sequence, Set
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from synthor.errors import Finding, InputError, nearest
from synthor.prior.elicit import asks, sources
from synthor.prior.model import Prior
from synthor.problem import Shared, Stated, Statements, Target, every_statement, inexact, shared_over_areas, shown
from synthor.problem.crosswalk import with_known_zones
from synthor.reconcile import following, own_tables
from synthor.scenario.base import base_files, check_base
from synthor.scenario.change import Altered, altered, filled, untouched
from synthor.scenario.form import ScenarioSpec, load_scenario
from synthor.scenario.rewrite import as_printed, rewritten
from synthor.scenario.told import Outcome, told_of
from synthor.schema.text import some_of
from synthor.spec.levels import levels_of
from synthor.spec.model import Spec
from synthor.spec.scenario import AppliedScenario
from synthor.spec.tables.packed import place_of
from synthor.spec.targets import TargetSpec

IN_PLACE = ("table", "counts", "shares", "count", "value", "values")
"""Where a target's numbers may stand."""


def applied(spec: Spec, scenario: str | Path | None = None, *, prior: str | Path | Prior | None = None) -> Spec:
    """The spec that a scenario makes of a spec; the spec itself where it names none.

    Args:
        spec: its `scenario:` names a file, relative to its folder.
        scenario: a file to use instead of that.
        prior: beliefs that a run will be given.

    Raises:
        InputError: the scenario cannot be read or applied, tables cannot follow it, or a model would have to be asked.
    """
    if scenario is None and not isinstance(spec.scenario, str):
        return spec
    file = Path(scenario) if scenario is not None else spec.folder / str(spec.scenario)
    base = spec.model_copy(update={"scenario": None})
    form, rows = load_scenario(file)
    believing = check_base(base, form, file, prior)
    if asks(believing, prior):
        message = f"a scenario asks nobody, and the beliefs of its base are not at hand ({_model(spec)} would be asked)"
        cure = "run the spec without the scenario first, and name its folder: `base: FOLDER`; or give its beliefs, `prior:`"
        raise InputError([Finding(where=str(file), message=message, cure=cure)])
    whose = "that the base has" if form.base is None else f"that the run in {form.base} had"
    beliefs = f"Beliefs are those {whose if prior is None else 'that were given'}, and nothing was asked."
    return _Application(believing, form, file, rows, beliefs).spec(sources(base))


def _model(spec: Spec) -> str:
    return spec.model.name if spec.model is not None else "a model"


class _Application:
    """One scenario on its way into a spec; what is wrong with it is gathered, then raised together."""

    def __init__(self, spec: Spec, form: ScenarioSpec, file: Path, rows: Mapping[str, int], beliefs: str) -> None:
        self.base, self.form, self.file, self.rows, self.beliefs = spec, form, file, rows, beliefs
        self.findings: list[Finding] = []
        self.replaced: set[int] = set()
        self.left_out: set[int] = set()
        self.positions = self._positions(every_statement(spec))
        self._check_names()
        self._settle()
        self.replacing = self._with_tables()
        self.statements = every_statement(self.replacing)
        self.findings += [problem for found in self.statements[:1] for problem in found.others]
        self._settle()
        self.positions = self._positions(self.statements)
        self.kept = frozenset(self.positions[name] for name in form.keep)
        whole = self._whole_of_units()
        units = self._outcome(self.statements[0], whole)
        factor = units.whole / self.statements[0].whole
        self.outcomes = [units, *(self._outcome(found, None, factor) for found in self.statements[1:])]
        self._settle()

    def spec(self, inputs: Mapping[str, Path]) -> Spec:
        """The spec as the scenario has it."""
        targets = list(self.replacing.targets)
        for one in self.outcomes:
            after = {at: table.target for at, table in (*one.changed.items(), *one.statistics.items())}
            after |= {table.stated.position: table.target for table in one.followed if table.target is not None}
            for table in one.followed:
                if table.factor is not None:
                    at = table.stated.position
                    targets[at] = as_printed(targets[at], table.factor)
            for at, target in after.items():
                targets[at] = rewritten(targets[at], target, one.whole)
        names = {at: name for name, at in self.positions.items()}
        kept = [
            written if written.name or at not in names else written.model_copy(update={"name": names[at]})
            for at, written in enumerate(targets)
            if at not in self.left_out
        ]
        records, population = self._numbers()
        sentences = [*told_of(self.form, self.outcomes, self.base.records, records, self.kept), self.beliefs]
        told = AppliedScenario(file=str(self.file), title=self.form.title, base=self.form.base, told=sentences)
        title = ": ".join(part for part in (self.base.title.strip(), self.form.title.strip()) if part)
        changed = {
            "targets": kept,
            "records": records,
            "population": population,
            "title": title,
            "scenario": told,
            "zones": with_known_zones(self.base).zones,
        }
        files = {
            "scenario": self.file,
            **base_files(self.form, self.file),
            **{name: path for name, path in inputs.items() if name != "spec"},
        }
        files |= {f"scenario: {name}": path for name, path in self._tables().items()}
        return self.base.in_scenario(changed, files)

    # --- Which targets are meant

    def _positions(self, statements: Sequence[Statements]) -> dict[str, int]:
        """Place in the spec of each target, by its name."""
        every = [stated for found in statements for stated in (*found.tables, *found.statistics)]
        return {stated.target.name: stated.position for stated in every if not stated.target.totals_of}

    def _check_names(self) -> None:
        names = list(self.positions)
        told = [(f"changes[{i}]", change.target) for i, change in enumerate(self.form.changes)]
        for place, name in [*told, *(("keep", name) for name in self.form.keep)]:
            if name not in self.positions:
                cure = f"{nearest(name, names)}; the spec's targets are {some_of(names, 12)}"
                self.findings.append(self._refuse(place, f"no target is called '{name}'", cure, label=name))
        done: dict[str, int] = {}
        for i, change in enumerate(self.form.changes):
            at = self.positions.get(change.target)
            ends = change.table is not None or change.leave_out is not None
            if change.target in done and (ends or done[change.target] in self.replaced | self.left_out):
                message = f"'{change.target}' is given another table or left out, and changed besides"
                self.findings.append(self._refuse(f"changes[{i}]", message, "keep one of these changes"))
            if at is not None:
                done[change.target] = at
                self.replaced |= {at} if change.table is not None else set()
                self.left_out |= {at} if change.leave_out else set()
        if self.form.population is not None and self.base.population is None:
            message = "gives a population, and the spec has none: its tables count the records themselves"
            self.findings.append(self._refuse("population", message, "write `records:`"))

    def _with_tables(self) -> Spec:
        """The spec with other tables in the place of some, and without those that are left out."""
        targets: list[TargetSpec] = list(self.base.targets)
        for change in self.form.changes:
            at = self.positions[change.target]
            if change.table is None:
                continue
            table = change.table if isinstance(change.table, list) else str((self.file.parent / change.table).resolve())
            layout = change.layout if change.layout is not None else targets[at].layout
            places: dict[str, object] = dict.fromkeys(IN_PLACE)
            told = places | {"table": table, "layout": layout, "name": change.target, "values": None, "quantiles": None}
            targets[at] = targets[at].model_copy(update=told)
        return self.base.model_copy(update={"targets": targets})

    def _tables(self) -> dict[str, Path]:
        """Files of other tables."""
        told = [change.table for change in self.form.changes if isinstance(change.table, str)]
        return {table: place_of(table, self.file.parent).path for table in told}

    # --- What they say then

    def _whole_of_units(self) -> float | None:
        """How many units published counts add up to, where the scenario says it."""
        if self.base.population is not None:
            return self.form.population
        return None if self.form.records is None else float(self.form.records)

    def _outcome(self, found: Statements, told: float | None, factor: float = 1.0) -> Outcome:
        """Change the tables of the same rows, and let the others follow.

        Args:
            found: the tables.
            told: how many rows there are, where the scenario says it.
            factor: by how much rows grow where no table says it.
        """
        own = {at: stated for at, stated in own_tables(found).items() if at not in self.left_out}
        found = replace(found, tables=tuple(stated for stated in found.tables if stated.position in own))
        statistics = {one.position: one for one in found.statistics if one.position not in self.left_out}
        of_counts, of_statistics = dict[int, Altered](), dict[int, Altered]()
        for i, change in enumerate(self.form.changes):
            at = self.positions[change.target]
            if change.table is not None or change.leave_out:
                continue
            into, stated = (of_counts, own.get(at)) if at in own else (of_statistics, statistics.get(at))
            if stated is not None:
                before = into[at] if at in into else untouched(stated.target)
                one = altered(before, change, found, partial(self._refuse, f"changes[{i}]"))
                if isinstance(one, Finding):
                    self.findings.append(one)
                else:
                    into[at] = one
        replaced = {at: stated.target for at, stated in own.items() if at in self.replaced}
        whole = told if told is not None else self._whole(found, own, of_counts, replaced, factor)
        for at, one in list(of_counts.items()):
            shares = one.target.statistic.word == "share"
            if shares or (told is not None and one.target.grid.covers):
                full = filled(one, found.whole if shares else whole, partial(self._refuse, self._place_of(one.target.name)))
                if isinstance(full, Finding):
                    self.findings.append(full)
                    continue
                of_counts[at] = full
            if shares:
                grown = of_counts[at].target.scaled(whole / found.whole)
                of_counts[at] = replace(of_counts[at], target=grown)
        if not any(finding.severity == "error" for finding in self.findings):
            of_counts |= self._with_roles(found, own, {*of_counts, *replaced, *self.kept}, whole, factor)
        stands = {at: one.target for at, one in of_counts.items()} | replaced
        kept = {at: self._held(own[at].target, whole / found.whole) for at in self.kept if at in own}
        self._clashes(stands, kept, replace(found, whole=whole))
        self._unsure(own, of_counts)
        if self.findings:
            return Outcome(found=found, whole=whole, changed=of_counts, statistics=of_statistics, followed=())
        followed, refused = following(found, stands, kept, whole)
        self.findings += refused
        return Outcome(found=found, whole=whole, changed=of_counts, statistics=of_statistics, followed=followed)

    def _whole(
        self,
        found: Statements,
        own: Mapping[int, Stated],
        changed: Mapping[int, Altered],
        replaced: Mapping[int, Target],
        factor: float,
    ) -> float:
        """How many rows there are now: what the tables of all rows that the scenario changes say of it."""
        grown = [(one.target, own[at].target) for at, one in changed.items()]
        totals = [
            (after, found.whole * float(after.wanted.sum()) / max(float(before.wanted.sum()), 1e-9))
            for after, before in grown
            if before.grid.covers and before.statistic.word == "count"
        ]
        totals += [(one, float(one.wanted.sum())) for one in replaced.values() if one.whole and one.statistic.word == "count"]
        if not totals:
            return found.whole * factor
        (first, whole), *others = totals
        for other, total in others:
            if abs(total - whole) > inexact(whole):
                message = (
                    f"'{first.name}' comes to {shown(round(whole, 6))} now, and '{other.name}' to {shown(round(total, 6))}"
                )
                records = self._or_records(found)
                cure = f"change one of them, which the other follows{records and records + ': other cells give way'}"
                self.findings.append(self._refuse("changes", message, cure, found=total, expected=whole))
                break
        return float(round(whole)) if float(found.whole).is_integer() else whole

    def _with_roles(
        self, found: Statements, own: Mapping[int, Stated], standing: Set[int], whole: float, factor: float
    ) -> dict[int, Altered]:
        """Tables of members by their role, where each unit has so many of some role: as many stay, and the others follow.

        Those that share another variable with what stands already have to agree with it first.

        Args:
            found: the tables.
            own: those of these rows, by place.
            standing: places of tables that are as the scenario has them.
            whole: how many rows there are now.
            factor: by how much more units there are.
        """
        form = next((one for one in levels_of(self.base) if one.name == found.view.name), None)
        fixed = [] if form is None else [role for role, number in form.roles.items() if number.min == number.max]
        units = self.statements[0].view.name
        if form is None or not fixed or form.parent != units or whole == found.whole * factor:
            return {}
        changed = {column for at in standing if at in own for column in own[at].target.columns}
        told = {}
        for at, stated in own.items():
            target, names = stated.target, [axis.variable.name for axis in stated.target.axes]
            shared = {axis.position for axis in target.axes if axis.variable.name != form.role} & changed
            if at in standing or form.role not in names or shared or not target.whole or target.statistic.word != "count":
                continue
            side = names.index(form.role)
            of_role = np.isin(target.axes[side].labels, fixed)[target.grid.groups[side]]
            staying, rest = (float(target.wanted[: len(of_role)][cells].sum()) for cells in (of_role, ~of_role))
            if rest <= 0 or whole <= staying * factor:
                continue
            times = np.where(of_role, factor, (whole - staying * factor) / rest)
            wanted = np.append(target.wanted[: len(of_role)] * times, target.wanted[len(of_role) :])
            clause = f"as many of {some_of(fixed)} as each {units} has; the others follow"
            told[at] = Altered(target=replace(target, wanted=wanted), touched=of_role, told=(clause,))
        return told

    @staticmethod
    def _held(target: Target, factor: float) -> Target:
        """A table that is kept: counts as they are, shares of as many rows as there are now."""
        return target.scaled(factor) if target.statistic.word == "share" else target

    def _or_records(self, found: Statements) -> str:
        """That it may be said how many records there are, where these are meant; of their members no key says it."""
        return ", or say how many records there are (`records:`)" if not found.view.level and not found.view.roles else ""

    def _clashes(self, stands: Mapping[int, Target], kept: Mapping[int, Target], found: Statements) -> None:
        """Tables that the scenario changes or keeps must agree with each other."""
        for one in kept.values():
            total = float(one.wanted.sum())
            if one.whole and one.statistic.word == "count" and abs(total - found.whole) > inexact(total):
                message = f"'{one.name}' is kept and adds up to {shown(total)}, and the scenario to {shown(found.whole)}"
                cure = f"leave it out of `keep`{self._or_records(found)}"
                self.findings.append(self._refuse("keep", message, cure, found=total, expected=found.whole))
                return
        fixed = {**stands, **kept}
        places = sorted(fixed)
        for i, a in enumerate(places):
            for b in places[i + 1 :]:
                apart = [one for one, _ in shared_over_areas(fixed[a], fixed[b], found.zones, found.level) if one.differs.any()]
                if apart:
                    self.findings.append(self._apart(fixed[a], fixed[b], apart[0]))

    def _unsure(self, own: Mapping[int, Stated], changed: Mapping[int, Altered]) -> None:
        """Exact tables are not fitted to figures with margins of error, so these are not what is changed."""
        for one in changed.values():
            if one.target.sigma is None:
                continue
            columns = set(one.target.columns)
            exact = [
                other.target.name
                for place, other in own.items()
                if place not in changed and other.target.sigma is None and columns & set(other.target.columns)
            ]
            if exact:
                message = f"'{one.target.name}' has margins of error, and '{exact[0]}' has none but shares a variable with it"
                cure = f"change '{exact[0]}', which '{one.target.name}' follows"
                self.findings.append(self._refuse(self._place_of(one.target.name), message, cure))

    def _apart(self, a: Target, b: Target, shared: Shared) -> Finding:
        worst = int(shared.gap.argmax())
        on = " by ".join(shared.names) or "how many there are"
        label = f" of '{shared.labels[worst]}'" if shared.labels[worst] else ""
        one, other = (float(sums.wanted[worst]) for sums in (shared.first, shared.second))
        message = (
            f"'{a.name}' and '{b.name}' stand as the scenario has them and disagree on {on}: {shown(round(one, 3))} and "
            f"{shown(round(other, 3))}{label}"
        )
        return self._refuse(
            "changes", message, "let one of them follow the other: change or keep one alone", found=one, expected=other
        )

    def _numbers(self) -> tuple[int, float | None]:
        """How many records are made, and what published counts add up to."""
        whole = self.outcomes[0].whole
        if self.base.population is None:
            return round(whole), None
        grown = round(self.base.records * whole / self.base.population)
        return self.form.records or max(grown, 1), whole

    # --- What is wrong

    def _place_of(self, name: str) -> str:
        return next((f"changes[{i}]" for i, change in enumerate(self.form.changes) if change.target == name), "changes")

    def _refuse(
        self,
        place: str,
        message: str,
        cure: str,
        *,
        label: str | None = None,
        found: float | None = None,
        expected: float | None = None,
    ) -> Finding:
        where = f"{self.file}: {place}"
        row = self.rows.get(place)
        return Finding(where=where, row=row, message=message, cure=cure, label=label, found=found, expected=expected)

    def _settle(self) -> None:
        if self.findings:
            raise InputError(list(dict.fromkeys(self.findings)))
