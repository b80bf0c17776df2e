"""The draft of a spec from what its tables tell."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthor.draft.about import About, words_of
from synthor.draft.meaning import sex_of
from synthor.draft.names import nameless
from synthor.draft.roles import MEASURE
from synthor.draft.told import ASK, Side, Told
from synthor.draft.variables import variable_of
from synthor.schema.kinds import KINDS
from synthor.spec.scaffold import CONTEXT, Draft, Entry, variable_name
from synthor.spec.tables.labels import column_key, is_unknown, span, undressed

PLACEHOLDER = 1000
LARGE = 1_000_000
"""Records beyond which a first run had better make fewer."""
THOUSANDTHS, SURELY = 1000, 1e-9
"""Decimals of thousands, and what sums of numbers in binary may be off."""
NEARLY = 0.01
"""Share by which two tables of the same people may differ where counts are perturbed."""
READ_IT = (
    "A first draft from tables. Read it: names, order of labels, bins, largest values. Say what is impossible in "
    "`rules`, then run `synthor check` on this file."
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Composed:
    """A draft, and the table behind each of its targets.

    Attributes:
        draft: of the spec.
        told: one a target.
        names: of the variables of each.
    """

    draft: Draft
    told: tuple[Told, ...]
    names: tuple[tuple[str, ...], ...]


def composed(
    found: Sequence[Told],
    said: Mapping[str, About],
    path: str,
    title: str,
    context: str,
    remarks: Sequence[str],
    records: int | None = None,
) -> Composed:
    """A draft from tables.

    Args:
        found: what they tell, one a target.
        said: what each file says of its table.
        path: where they lie, as a spec writes it.
        title: of the spec; from the files where it is empty.
        context: what one record is, likewise.
        remarks: what a person should read first.
        records: how many there are, where the sums of the tables are not what they allow.
    """
    sides, names = _named(found)
    labels = {names[key]: pairs for key, group in sides.items() if (pairs := _same_sexes(group) or _same_unknown(group))}
    variables = [variable_of(names[key], _renamed(group, labels.get(names[key], {}))) for key, group in sides.items()]
    numeric = {entry.name for entry in variables if KINDS[str(entry.body["type"])].kind.numeric}
    columns = _columns(found, names)
    total, told, others = _records(found)
    if records is not None:
        told = f"what the roundings of the cells allow; the counts add up to {total:,}"
    notes, targets, behind = list(remarks), [], []
    for one in found:
        target = _target(one, found, path, names, numeric, columns, others.get(id(one)))
        if isinstance(target, str):
            notes.append(f"Not used: {one.file}: {target}.")
            continue
        targets.append(target)
        behind.append(one)
        notes += [f"{one.file}: {remark}." for remark in one.remarks]
    words = words_of([one for one in behind if id(one) not in others], said, list(names.values()))
    notes += [f"{remark[:1].upper()}{remark[1:]}." for remark in words.remarks]
    of_files = f"taken from {words.sources[0] if len(words.sources) == 1 else f'what {len(words.sources)} files say'}"
    draft = Draft(
        title=title or words.title,
        title_comment="" if title else of_files if words.titled else "from the names of the variables",
        context=context or words.context or _context_asked(words.asked),
        context_comment=f"{of_files}; the model reads it, say more if you can" if words.context and not context else "",
        records=total if records is None else records,
        records_comment=told,
        population=_weighted(found, others) if records is None else None,
        variables=variables,
        targets=targets,
        columns=columns,
        labels=labels,
        remarks=[READ_IT, *dict.fromkeys(notes)],
    )
    of_each = tuple(tuple(names[side.key] for side in one.sides) for one in behind)
    return Composed(draft=draft, told=tuple(behind), names=of_each)


def _named(found: Sequence[Told]) -> tuple[dict[str, list[Side]], dict[str, str]]:
    """The sides of all tables and the name of the variable that each is, by what makes them one variable."""
    sides, names = dict[str, list[Side]](), dict[str, str]()
    for one in found:
        for side in one.sides:
            sides.setdefault(side.key, []).append(side)
    for key, group in sides.items():
        names[key] = variable_name(group[0].taken or group[0].head or "label", list(names.values()))
    return sides, names


def _context_asked(why: str) -> str:
    """The question what one record is, and why it is asked."""
    return CONTEXT if not why else CONTEXT.replace(". The model", f": {why}. The model")


def _same_sexes(group: Sequence[Side]) -> dict[str, str]:
    """Labels of the two sexes that tables write otherwise than the first one, and what each is there."""
    every = list(dict.fromkeys(label for side in group for label in side.labels))
    if not all(map(sex_of, every)) or not all(len(side.labels) == 2 for side in group):
        return {}
    first = {sex_of(label): label for label in group[0].labels}
    other = [label for label in every if undressed(label) not in set(map(undressed, group[0].labels))]
    return {label: first[sex_of(label)] for label in other if sex_of(label) in first} if len(first) == 2 else {}


def _same_unknown(group: Sequence[Side]) -> dict[str, str]:
    """What tables of one number call those without a value otherwise than the first one, and what that calls them."""
    every = list(dict.fromkeys(label for side in group for label in side.labels))
    unknown = [label for label in every if is_unknown(label)]
    if not all(span(label) for label in every if label not in unknown):
        return {}
    if any(len([label for label in side.labels if label in unknown]) > 1 for side in group):
        return {}
    return {label: unknown[0] for label in unknown if undressed(label) != undressed(unknown[0])}


def _renamed(group: Sequence[Side], labels: Mapping[str, str]) -> list[Side]:
    return [replace(side, labels=tuple(labels.get(label, label) for label in side.labels)) for side in group]


def _columns(found: Sequence[Told], names: Mapping[str, str]) -> dict[str, str | None]:
    """What tables call columns, as far as it can be said for all of them at once."""
    columns: dict[str, str | None] = {}
    for one in found:
        for side in one.sides:
            if side.titled and not nameless(side.head) and side.head != names[side.key]:
                columns.setdefault(side.head, names[side.key])
    used = {*columns, *(side.head for one in found for side in one.sides), *(head for one in found for head in _heads(one))}
    for one in found:
        for head in one.left:
            if head not in used and not nameless(head):
                columns[head] = None
    for one in found:
        if one.value and not nameless(one.value) and MEASURE.get(column_key(one.value)) != _measure(one):
            columns.setdefault(one.value, _measure(one))
    return columns


def _measure(one: Told) -> str:
    return "count" if one.measure == "total?" else one.measure


def _target(
    one: Told,
    found: Sequence[Told],
    path: str,
    names: Mapping[str, str],
    numeric: set[str],
    columns: Mapping[str, str | None],
    other: str | None,
) -> Entry | str:
    variables = [names[side.key] for side in one.sides]
    if len(set(variables)) < len(variables):
        return f"two of its sides are {next(name for name in variables if variables.count(name) > 1)}"
    body: dict[str, object] = {"table": path + one.file}
    if one.measure in ("mean", "total", "sd"):
        words = set(column_key(Path(one.file).stem).split("_"))
        of = [name for name in sorted(numeric) if name not in variables and words & set(column_key(name).split("_"))]
        if len(of) != 1:
            return f"it holds a {one.measure}, and its name is that of no variable with bins; declare one, and add the target"
        body = {one.measure: of[0], "by": variables, **body}
    layout: dict[str, object] = dict(one.layout)
    if one.wide:
        layout["wide"] = [names[one.sides[row].key] if isinstance(row, int) else row for row in one.wide]
        if one.measure == "share":
            layout["values"] = "share"
    if one.sections:
        layout["sections"] = [names[one.sides[level].key] if isinstance(level, int) else level for level in one.sections]
    own = _own_columns(one, names, columns)
    if own:
        layout["columns"] = own
    layout |= _chosen(one, found, names, layout)
    if layout:
        body["layout"] = _ordered(layout)
    if one.by is not None:
        body = {"by": [variables[one.by]], **body}
    if one.margin:
        body |= {"margin_of_error": one.margin}
    body |= one.keys
    if other is not None:
        body["where"] = other
    return Entry(body=body, comment=_comment(one, variables, body))


def _chosen(one: Told, found: Sequence[Told], names: Mapping[str, str], layout: Mapping[str, object]) -> dict[str, object]:
    """What a layout says of labels that are taken, and of those that are sums of others."""
    chosen: dict[str, object] = {}
    sums = {key: labels for key, labels in one.sums.items() if not _are_categories(labels, one, key, found)}
    only = {key: labels for key, labels in one.only.items() if key not in sums}
    if only:
        chosen["only"] = {
            (key if isinstance(key, str) else _head(one.sides[key], names)): labels[0] if len(labels) == 1 else list(labels)
            for key, labels in only.items()
        }
    if sums:
        told = one.layout.get("total", one.named or ["Total"])
        chosen["total"] = list(dict.fromkeys([*told, *(label for labels in sums.values() for label in labels)]))  # type: ignore[misc]
    if one.asked:
        chosen["total"] = [*(chosen["total"] if sums else layout["total"]), *one.asked]  # type: ignore[misc]
    return chosen


def _are_categories(labels: Sequence[str], one: Told, position: int, found: Sequence[Told]) -> bool:
    """Whether labels of sums are categories of another table, or of another side, where they cannot be named as totals."""
    key = one.sides[position].key
    others = [side for other in found for side in other.sides if side.key == key]
    others += [side for side in one.sides if side.key != key]
    known = {undressed(label) for side in others for label in side.labels}
    spans = {span(label) for side in others for label in side.labels} - {None}
    return any(undressed(label) in known or span(label) in spans for label in labels)


def _head(side: Side, names: Mapping[str, str]) -> str:
    """What `only` calls a side."""
    return names[side.key] if not side.titled or nameless(side.head) else side.head


def _own_columns(one: Told, names: Mapping[str, str], columns: Mapping[str, str | None]) -> dict[str, str | None]:
    """Columns of one table that mean something else there than in all of them."""
    own: dict[str, str | None] = {}
    for side in one.sides:
        if not side.titled:
            continue
        if nameless(side.head) or columns.get(side.head, names[side.key]) != names[side.key]:
            own[side.head] = names[side.key]
    if one.value and (nameless(one.value) or columns.get(one.value, _measure(one)) != _measure(one)):
        own[one.value] = _measure(one)
    return own | {head: None for head in one.left if head not in columns or columns[head] is not None}


def _heads(one: Told) -> list[str]:
    """Heads of columns that are used beside those of its sides."""
    choosing = [key for key in one.only if isinstance(key, str)]
    return [head for head in (*one.used, one.margin, *choosing) if head]


def _ordered(layout: Mapping[str, object]) -> dict[str, object]:
    order = (
        "format",
        "sheet",
        "encoding",
        "cells",
        "skip",
        "wide",
        "sections",
        "values",
        "unit",
        "decimal",
        "columns",
        "only",
        "total",
    )
    return {key: layout[key] for key in order if key in layout}


def _comment(one: Told, variables: Sequence[str], body: Mapping[str, object]) -> str:
    size = math.prod(len(side.labels) for side in one.sides)
    told = f", adding up to {one.total:,.10g}" if one.total is not None else ""
    of_what = f"{body[one.measure]} by " if one.measure in body else ""
    if one.by is not None:
        told = f", adding up inside each {variables[one.by]}"
    if one.n_hidden and "suppressed" not in body:
        told += f'; {one.n_hidden} not told: say `suppressed: "<10"` if the notes say how small'
    return f"{_measure(one)} of {of_what}{' by '.join(variables)}, {size:,} cells{told}"


def _records(found: Sequence[Told]) -> tuple[int, str, dict[int, str]]:
    """How many records the counts speak of, what to say of it, and what to ask of tables that count others."""
    totals = [(one, one.total) for one in found if one.total is not None and one.total >= 1]
    totals = [(one, total) for one, total in totals if not one.asked and "where" not in one.keys] or totals
    if not totals:
        counted = max((one for one in found if one.n_hidden and one.least >= 1), key=lambda one: one.least, default=None)
        if counted is None:
            return PLACEHOLDER, "FILL IN: the tables do not say how many there are", {}
        below = str(counted.keys.get("suppressed", "<10")).lstrip("<")
        guess = round(counted.least + counted.n_hidden * float(below) / 2)
        told = f"{counted.least:,.0f} are told, {counted.n_hidden} cells are not: write how many there are, as published"
        return guess, told, {}
    values = [round(total) for _, total in totals]
    best = max(dict.fromkeys(values), key=lambda value: (values.count(value), value))
    apart = [(one, total) for one, total in totals if round(total) != best and not _within(one, total, best)]
    if not apart:
        fewer = f"; for fewer, write `records: 10000` and `population: {best}`" if best > LARGE else ""
        return best, f"what the counts add up to{fewer}", {}
    others = "; ".join(dict.fromkeys(f"{one.file} adds up to {total:,.10g}" for one, total in apart))
    asks = {}
    for one, total in apart:
        near = abs(total - best) <= NEARLY * best and not {"rounded_to", "tolerance"} & set(one.keys)
        otherwise = ", or if counts were perturbed, `tolerance: {relative: 1%}` in place of `where`"
        if not near:
            otherwise = "; households beside their persons need `unit` and `members`"
        whom = f"which records are counted here (they are {total:,.10g}, not {best:,})"
        asks[id(one)] = f'{ASK}{whom}? a condition such as "age >= 16"{otherwise}'
    agreeing = len(values) - len(apart)
    return best, f"as {agreeing} of {len(values)} tables say; {others}: other people, or another year?", asks


def _weighted(found: Sequence[Told], others: Mapping[int, str]) -> float | None:
    """What counts add up to that are sums of weights, with more decimals than thousands or money have; None of whole ones."""
    totals = [one.total for one in found if one.total is not None and one.total >= 1 and id(one) not in others]
    fine = [total for total in totals if abs(total * THOUSANDTHS - round(total * THOUSANDTHS)) > SURELY * total]
    return fine[0] if fine else None


def _within(one: Told, total: float, records: int) -> bool:
    """Whether rounded cells may add up to the number of records."""
    base = one.keys.get("rounded_to")
    n_cells = math.prod(len(side.labels) for side in one.sides)
    return one.margin is not None or (isinstance(base, int | float) and abs(total - records) <= base / 2 * n_cells)


def settled(found: Sequence[Told]) -> list[Told]:
    """Tables without questions that others answer: what counts a label as a category adds up to what another table says."""
    answered = []
    for one in found:
        others = {
            round(other.total) for other in found if other.file != one.file and other.total is not None and not other.asked
        }
        open_still = bool(one.asked) and (one.total is None or round(one.total) not in others)
        answered.append(one if open_still or not one.asked else replace(one, asked=()))
    return answered


def parted(found: Sequence[Told]) -> list[Told]:
    """Tables, with a question where a file has several of one kind: of other people, or of the same at another time."""
    asked = []
    for one in found:
        alike = [other for other in found if other is not one and _of_one_kind(one, other)]
        title = str(one.title or one.layout.get("cells", ""))
        question = f"{ASK}which records does '{title}' count? other tables of this file have the same labels; a condition"
        keys = {**one.keys, "where": f"{question}, or leave all but one of these targets out"} if alike else one.keys
        asked.append(replace(one, keys=keys))
    return asked


def _of_one_kind(one: Told, other: Told) -> bool:
    """Whether two tables of one file have the same sides, and labels of each in common."""
    places = [(told.layout.get("sheet"), told.layout.get("cells")) for told in (one, other)]
    if one.file != other.file or places[0] == places[1]:
        return False
    mine, theirs = ({side.key: set(map(undressed, side.labels)) for side in told.sides if side.titled} for told in (one, other))
    wide = [{frozenset(map(undressed, side.labels)) for side in told.sides if not side.titled} for told in (one, other)]
    return mine.keys() == theirs.keys() and all(mine[key] & theirs[key] for key in mine) and wide[0] == wide[1]


def without(found: Sequence[Told], gone: Sequence[Told]) -> list[Told]:
    """The same tables but for some."""
    return [one for one in found if not any(one is other for other in gone)]
