"""Families of controls as targets: a table each, of zones or larger areas, or counts of the region written in place."""

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from synthor.populationsim.columns import Codes, Column, Numbers, adjoining, groups_of
from synthor.populationsim.controls import Control, Untranslated
from synthor.populationsim.expressions import AnyHolds, Condition, OneColumn, single_conditions
from synthor.populationsim.families import Family
from synthor.populationsim.geography import Geography
from synthor.populationsim.settings import LEVELS, PERSONS
from synthor.populationsim.values import ValueSet, union
from synthor.schema.text import as_text, number_of
from synthor.spec.scaffold import Entry, variable_name

TABLES = "tables"
LONGEST = 80
"""Characters of a table's name."""


@dataclass(slots=True)
class Targets:
    """Targets on their way, with the tables that they name.

    Attributes:
        geography: the areas.
        columns: variables, by seed table and column.
        names: what each is called in the spec.
        areas: what each geography is called there.
        entries: targets so far.
        files: text of each table, by its name.
        not_said: controls that no target says.
    """

    geography: Geography
    columns: Mapping[tuple[str, str], Column]
    names: Mapping[tuple[str, str], str]
    areas: Mapping[str, str]
    entries: list[Entry] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    not_said: list[Untranslated] = field(default_factory=list)

    def add(self, family: Family) -> None:
        """One more family, as a table if its controls are cells of one, otherwise a target for each."""
        if not family.columns:
            self._alone(family.controls[0])
            return
        labelled = {column: self._labelled(family, column) for column in family.columns}
        told = {column: labels for column, labels in labelled.items() if labels is not None}
        if len(told) < len(labelled) or not self._is_grid(family, told):
            for one in family.alone():
                self.add(one)
            return
        where = [
            self._among(family.table, column, family.sets(column))
            for column in family.columns
            if not self._column(family, column).covers(family.sets(column))
        ]
        groups = {
            self.names[family.table, column]: own
            for column in family.columns
            if (own := self._groups(family, column, told[column]))
        }
        rows = [[told[column][at] for column in family.columns] for at in range(len(family.controls))]
        heads = [self.names[family.table, column] for column in family.columns]
        targets = ", ".join(control.target for control in family.controls)
        self._write(family, heads, rows, where=" and ".join(where), groups=groups, comment=targets)

    def _column(self, family: Family, column: str) -> Column:
        return self.columns[family.table, column]

    def _labelled(self, family: Family, column: str) -> list[str] | None:
        """What a table calls the values of each control; None where a table cannot say them.

        These are labels that the variable knows, or else names of the controls.
        """
        held, sets = self._column(family, column), family.sets(column)
        if isinstance(held, Codes):
            own = [held.labels_in(values) for values in sets]
            if not all(own):
                return None
            if all(len(labels) == 1 for labels in own):
                return [labels[0] for labels in own]
            said = [" or ".join(labels) for labels in own]
        else:
            bands = [held.bands_in(values) for values in sets]
            if not all(len(one) == 1 for one in bands):
                return None
            known = [held.label_of(one[0]) for one in bands]
            if None not in known:
                return [label for label in known if label is not None]
            said = [f"{as_text(low)} to under {as_text(below)}" for ((low, below),) in bands]
        names = [control.target for control in family.controls]
        return names if len(family.columns) == 1 and len(set(names)) == len(names) else said

    def _is_grid(self, family: Family, told: Mapping[str, Sequence[str]]) -> bool:
        """Whether each combination of labels is one control, and labels of one column lie apart."""
        n_cells = 1
        for column, labels in told.items():
            n_cells *= len(set(labels))
            held, sets = self._column(family, column), dict(zip(labels, family.sets(column), strict=True))
            if isinstance(held, Numbers):
                apart = adjoining([held.bands_in(values)[0] for values in sets.values()])
            else:
                every = [label for values in sets.values() for label in held.labels_in(values)]
                apart = len(every) == len(set(every))
            if not apart:
                return False
        return n_cells == len(family.controls) == len(set(zip(*told.values(), strict=True)))

    def _groups(self, family: Family, column: str, labels: Sequence[str]) -> dict[str, object]:
        """What labels of a table are that its variable does not know; nothing where it knows them all."""
        held, sets = self._column(family, column), dict(zip(labels, family.sets(column), strict=True))
        if isinstance(held, Codes):
            own = {label: held.labels_in(values) for label, values in sets.items()}
            return {} if all(told == [label] for label, told in own.items()) else dict(own)
        bands = {label: held.bands_in(values)[0] for label, values in sets.items()}
        return {} if all(held.label_of(band) == label for label, band in bands.items()) else dict(groups_of(bands))

    def _alone(self, control: Control) -> None:
        """A control that no table says: its condition stands as `where`; that of all rows has none."""
        condition = control.condition
        if condition is not None:
            empty = [one for one in single_conditions(condition) if not self._said(control.table, one)]
            if empty:
                why = f"no {empty[0].column} is as it says" if len(empty) == 1 else "nobody is as it says"
                self.not_said.append(Untranslated(target=control.target, row=control.row, why=why))
                return
        family = Family(geography=control.geography, table=control.table, columns=(), controls=(control,))
        if condition is None and control.geography in self.geography.whole and not control.of_persons:
            return  # it is the number of records
        where = "" if condition is None else self._condition(control.table, condition)
        self._write(family, [], [[]], where=where, groups={}, comment="", name=control.target)

    def _said(self, table: str, one: OneColumn) -> bool:
        held = self.columns[table, one.column]
        return bool(held.labels_in(one.values) if isinstance(held, Codes) else held.bands_in(one.values))

    def _write(
        self,
        family: Family,
        heads: Sequence[str],
        rows: Sequence[Sequence[str]],
        *,
        where: str,
        groups: Mapping[str, object],
        comment: str,
        name: str = "",
    ) -> None:
        """One target, and its table where it has one."""
        body: dict[str, object] = {"name": self._name(name, family.geography)} if name else {}
        if family.table == PERSONS or (not heads and family.geography in self.geography.whole):
            body["rows"] = LEVELS[family.table]
        body |= self._counted(family, heads, rows, name)
        if where:
            body["where"] = where
        if groups:
            body["groups"] = groups
        self.entries.append(Entry(body=body, comment=comment))

    def _name(self, name: str, geography: str) -> str:
        """A name that no other target has."""
        taken = {entry.body.get("name") for entry in self.entries}
        tried = (name, f"{name} of {geography}", *(f"{name} ({n})" for n in range(2, len(taken) + 3)))
        return next(one for one in tried if one not in taken)

    def _counted(self, family: Family, heads: Sequence[str], rows: Sequence[Sequence[str]], name: str) -> dict[str, object]:
        """The key that holds the counts."""
        counts = [self.geography.counts[control.row] for control in family.controls]
        if family.geography in self.geography.whole:
            area = self.geography.whole[family.geography]
            if not heads:
                return {"count": _number(counts[0][area])}
            if len(heads) == 1:
                return {"counts": {heads[0]: {row[0]: _number(own[area]) for row, own in zip(rows, counts, strict=True)}}}
            lines = [[*row, own[area]] for row, own in zip(rows, counts, strict=True)]
            return {"table": self._file(family, heads, [[*heads, "count"], *lines], name)}
        key = self.areas[family.geography]
        lines = [
            [area, *row, own[area]]
            for area in self.geography.areas(family.geography)
            for row, own in zip(rows, counts, strict=True)
        ]
        return {"table": self._file(family, heads, [[key, *heads, "count"], *lines], name)}

    def _file(self, family: Family, heads: Sequence[str], lines: Sequence[Sequence[str]], name: str) -> str:
        """The name of a table whose text is kept."""
        parts = [self.areas.get(family.geography, ""), *(heads or [name])]
        plain = variable_name("_".join(part for part in parts if part), [])[:LONGEST]
        taken = {file.casefold() for file in self.files}
        file, n = f"{TABLES}/{plain}.csv", 1
        while file.casefold() in taken:
            n += 1
            file = f"{TABLES}/{plain}_{n}.csv"
        self.files[file] = as_csv(lines)
        return file

    def _among(self, table: str, column: str, sets: Sequence[ValueSet]) -> str:
        """The condition that a column has one of some values."""
        held, name = self.columns[table, column], self.names[table, column]
        if isinstance(held, Codes):
            own = dict.fromkeys(label for values in sets for label in held.labels_in(values))
            return _in(name, list(own))
        return " or ".join(_within(held, name, low, below) for low, below in held.bands_in(union(sets)))

    def _condition(self, table: str, condition: Condition) -> str:
        if isinstance(condition, OneColumn):
            return self._among(table, condition.column, [condition.values])
        joiner = " or " if isinstance(condition, AnyHolds) else " and "
        return joiner.join(self._in_brackets(table, part) for part in condition.parts)

    def _in_brackets(self, table: str, condition: Condition) -> str:
        text = self._condition(table, condition)
        return text if isinstance(condition, OneColumn) and " or " not in text else f"({text})"


def _in(name: str, labels: Sequence[str]) -> str:
    quoted = ["'" + label.replace("'", "''") + "'" for label in labels]
    return f"{name} = {quoted[0]}" if len(quoted) == 1 else f"{name} in ({', '.join(quoted)})"


def _within(held: Numbers, name: str, low: float, below: float) -> str:
    first, last = low <= held.edges[0], below >= held.beyond
    if not held.decimals and below == low + 1:
        return f"{name} = {as_text(low)}"
    if first and last:
        return f"{name} >= {as_text(low)}"
    upper = f"{name} < {as_text(below)}"
    return upper if first else f"{name} >= {as_text(low)}" if last else f"{name} >= {as_text(low)} and {upper}"


def _number(text: str) -> float | int:
    value = number_of(text)
    return int(value) if value == int(value) else value


def as_csv(rows: Sequence[Sequence[str]]) -> str:
    r"""Rows as the text of a file.

    >>> as_csv([["TAZ", "count"], ["1, north", "5"]])
    'TAZ,count\n"1, north",5\n'
    """
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
