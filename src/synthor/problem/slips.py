"""What a spec says to no effect, and what selects nobody: mostly slips, told before anything is spent."""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from synthor.errors import Finding, nearest
from synthor.problem.grid import Universe
from synthor.problem.model import Rule
from synthor.problem.printed import MEASURES
from synthor.problem.read import VALUE
from synthor.problem.reader import Reading
from synthor.problem.sides import NONE, codes_of
from synthor.problem.target import Target
from synthor.rules.syntax import Among, parts
from synthor.schema import Level, Ref, Variable, of_unit
from synthor.schema.crossed import crossed
from synthor.schema.text import as_text
from synthor.spec.model import Spec
from synthor.spec.tables import unused_columns
from synthor.spec.tables.labels import is_total, span, undressed
from synthor.spec.targets import STATISTICS, TargetSpec
from synthor.types import Codes, Mask

OPEN = "FILL IN:"
"""How a value begins that a person has still to say."""

MOST_COMBINATIONS = 200_000
"""Combinations of categories that a `where` is tried on; with more it is left to the solver."""


def slips_of_universes(targets: Sequence[Target], level: Level) -> Iterator[Finding]:
    """Tables whose `where` selects nobody: by the ranges of variables, or because other tables want nobody there."""
    empty = _empty_categories([target for target in targets if target.counts], level)
    for target in targets:
        universe = target.grid.universe
        if universe is None or math.prod(variable.size for _, variable in universe.columns.values()) > MOST_COMBINATIONS:
            continue
        sides = {ref: codes for (ref, _), codes in zip(universe.columns.values(), _combinations(universe), strict=True)}
        n = len(next(iter(sides.values()))) if sides else 1
        holds = universe.holds(sides.__getitem__, n)
        text = universe.text[:80]
        if not holds.any():
            ranges = ", ".join(level.variables[position].extent for position in universe.positions)
            yield Finding(where=target.name, message=f"where `{text}` selects nobody: {ranges}", cure="correct the predicate")
            continue
        none = np.zeros(n, bool)
        used = [ref for ref in sides if ref in empty]
        for ref in used:
            none |= empty[ref][0][sides[ref]]
        if none[holds].all():
            names = sorted({empty[ref][1] for ref in used})
            message = f"where `{text}` selects nobody: {' and '.join(names)} want{'s' * (len(names) == 1)} no such record"
            told = Finding(where=target.name, message=message, cure="correct the predicate or that table")
            impossible = target.counts and bool((target.low > 0).any())
            yield told if impossible else replace(told, severity="warning")


def _empty_categories(targets: Sequence[Target], level: Level) -> dict[Ref, tuple[Mask, str]]:
    """For columns of records, the categories that a table of all records wants nobody in, and the table's name."""
    found: dict[Ref, tuple[Mask, str]] = {}
    for target in targets:
        if not target.grid.covers or target.wanted.sum() <= 0:
            continue
        for axis, group in zip(target.axes, target.grid.groups, strict=True):
            most = np.bincount(group, target.highest[: len(group)], axis.size)
            gone = (most <= 0)[axis.group_of]
            finest = replace(axis.ref, column=level.column(axis.position))
            if axis.ref != finest:
                gone = gone[level.parents(axis.position)]
            if gone.any() and finest not in found:
                found[finest] = (gone, f"'{target.name}'")
    return found


def _combinations(universe: Universe) -> list[Codes]:
    """All combinations of the categories that a universe speaks of, (n,) each variable."""
    return list(crossed([np.arange(variable.size) for _, variable in universe.columns.values()]).T)


def slips_of_rules(rules: Sequence[Rule], targets: Sequence[Target], level: Level) -> Iterator[Finding]:
    """Rules that name a label which the tables of its variable never use."""
    empty = _empty_categories(targets, level)
    for number, rule in enumerate(rules):
        for part in parts(rule.predicate):
            if not isinstance(part, Among):
                continue
            position = level.position(part.name)
            gone, table = empty.get(of_unit(position), (None, ""))
            variable = level.variables[position]
            if gone is None or not variable.kind.named or len(part.codes) * 2 > variable.size:
                continue
            for code in part.codes:
                if gone[code]:
                    message = f"`{rule.text[:80]}` names '{variable.labels[code]}', of which {table} wants none"
                    cure = "it changes nothing as it stands; correct the label if it is a slip"
                    yield Finding(where=f"rules[{number}]", message=message, cure=cure, severity="warning")


def slips_of_names(spec: Spec, variables: Mapping[str, Variable]) -> Iterator[Finding]:
    """Names and labels of tables that are said to be something that is not there."""
    source = f"{spec.file}: " if spec.file is not None else ""
    margins = [written.margin_of_error for written in spec.targets if isinstance(written.margin_of_error, str)]
    known = [*variables, *MEASURES, *STATISTICS, VALUE, *margins]
    chosen = {name for written in spec.targets if written.layout for name in written.layout.only or {}}
    for told, meant in spec.columns.items():
        if meant is not None and meant not in known and meant not in chosen:
            message = f"'{told}' is to be '{meant}', which is no variable"
            yield Finding(where=f"{source}columns", message=message, cure=nearest(meant, known), label=meant)
    for name, pairs in spec.labels.items():
        if name not in variables:
            cure = nearest(name, list(variables))
            yield Finding(where=f"{source}labels", message=f"'{name}' is no variable", cure=cure, label=name)
            continue
        groups = [label for written in spec.targets for label in (written.groups or {}).get(name, ())]
        totals = [label for written in spec.targets if written.layout for label in written.layout.total or ()]
        labels = [*variables[name].labels, *groups, *totals]
        found = codes_of(map(as_text, pairs.values()), tuple(labels), variables[name], {})
        for told, meant in ((as_text(told), as_text(meant)) for told, meant in pairs.items()):
            if found[meant] == NONE and span(meant) is None:
                message = f"'{told}' is to be '{meant}', which is no label of {name}"
                where = f"{source}labels.{name}"
                yield Finding(where=where, message=message, cure=nearest(meant, [*labels, "Total"]), label=meant)


def questions(written: object, place: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], str]]:
    """What a draft asks in place of values, and under which keys.

    >>> questions({"table": "t.csv", "where": "FILL IN: who is counted?"})
    [(('where',), 'who is counted?')]
    """
    if isinstance(written, str):
        return [(place, written.removeprefix(OPEN).strip())] if written.startswith(OPEN) else []
    if isinstance(written, Mapping):
        return [found for key, value in written.items() for found in questions(value, (*place, as_text(key)))]
    if isinstance(written, list | tuple):
        return [found for value in written for found in questions(value, place)]
    return []


def slips_of_words(spec: Spec, readings: Sequence[Reading], level: Level, files: Sequence[str] = ()) -> Iterator[Finding]:
    """Entries of `labels` and `columns` that name nothing or are never used, and keys without effect.

    Args:
        spec: that says them.
        readings: of its tables.
        level: with all its variables.
        files: other tables that `columns` speaks of, too.
    """
    for i, written in enumerate(spec.targets):
        if "confidence" in written.model_fields_set and written.margin_of_error is None:
            place = f"targets[{i}]" + (f" ({written.name})" if written.name else "")
            cure = "add margin_of_error, or leave confidence out"
            yield Finding(where=place, message="confidence says nothing without margin_of_error", cure=cure, severity="warning")
    for key in ("title", "context"):
        if "FILL IN" in getattr(spec, key):
            yield Finding(where=key, message="is still to be filled in", cure="the model reads it", severity="warning")
    yield from _slips_of_labels(spec, readings, level)
    if spec.columns:
        yield from _slips_of_columns(spec, level, files)


def _slips_of_labels(spec: Spec, readings: Sequence[Reading], level: Level) -> Iterator[Finding]:
    variables = {variable.name: variable for variable in level.variables}
    for name, pairs in spec.labels.items():
        where = f"labels.{name}"
        if name not in variables:
            continue
        bands = [label for reading in readings for label in reading.bands.get(name, ())]
        meant = [as_text(label) for label in pairs.values()]
        known = codes_of(meant, (*variables[name].labels, *dict.fromkeys(bands)), variables[name], {})
        used = {undressed(text) for reading in readings for text in _texts(reading, name)}
        complete = len(readings) == len(spec.targets)  # labels of a table that could not be read are not known
        for told, label in zip(map(as_text, pairs), meant, strict=True):
            if known[label] == NONE and not is_total(label) and span(label) is None:
                continue
            if complete and undressed(told) not in used:
                message = f"speaks of '{told}', which no table has"
                cure = nearest(told, sorted({text for reading in readings for text in _texts(reading, name)}))
                yield Finding(where=where, message=message, cure=cure, label=told, severity="warning")


def _texts(reading: Reading, name: str) -> set[str]:
    """Labels that a table has for a variable, as printed."""
    if name not in reading.table.columns:
        return set()
    side = reading.table.columns.index(name)
    return {row[side] for row in reading.table.rows}


def _slips_of_columns(spec: Spec, level: Level, files: Sequence[str]) -> Iterator[Finding]:
    kept = [target.margin_of_error for target in spec.targets if isinstance(target.margin_of_error, str)]
    known = [*(variable.name for variable in level.variables), *MEASURES, *STATISTICS, VALUE, *kept]
    unused = unused_columns(spec.columns, [*spec.targets, *(TargetSpec(table=file) for file in files)], spec.folder)
    for told, meant in spec.columns.items():
        if (meant is None or meant in known) and told in unused:
            message = f"speaks of '{told}', which no table has"
            yield Finding(where="columns", message=message, cure=unused[told], label=told, severity="warning")
