"""A first spec from a folder of published tables: which variables they speak of, and what each table tells."""

import math
import os
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

from synthor.errors import Finding, InputError
from synthor.spec.scaffold import CONTEXT, TITLE, Draft, Entry, variable_name
from synthor.spec.tables import Table, read_table
from synthor.spec.tables.labels import Span, bands, column_key, is_total, span, undressed
from synthor.spec.tables.layout import MEASURES, NAMELESS
from synthor.spec.tables.numbers import published
from synthor.spec.variables import FALSE, MAX_UNBINNED, TRUE

ENDINGS = (".csv", ".parquet", ".tsv", ".txt", ".xls", ".xlsb", ".xlsx", ".ods")
MARGIN = re.compile(r"moe|margins?( of error)?|margin_of_error|±", re.IGNORECASE)
CURRENCIES = {"$": "USD", "£": "GBP", "€": "EUR"}
PLACEHOLDER = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class _Side:
    """One side of a table: a column of labels, or the column heads of a wide table.

    Attributes:
        head: name of the column; of column heads, the name that is made for them.
        labels: distinct, in the order of the table, without totals.
        wide: whether they are column heads.
        taken: name of a column of another table that it was taken to be the same as.
    """

    head: str
    labels: tuple[str, ...]
    wide: bool = False
    taken: str = ""

    @property
    def key(self) -> str:
        """What tells its variable from others."""
        return column_key(self.taken or self.head)

    @property
    def spans(self) -> list[Span] | None:
        """Its labels as bands of numbers, where all of them are."""
        found = [span(label) for label in self.labels]
        return None if any(one is None for one in found) else [one for one in found if one is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Found:
    """What one file seems to be.

    Attributes:
        file: its name.
        sides: of the table.
        measure: count, share, mean, total or sd.
        value: head of the column of values, as the file has it; empty for a wide table.
        margin: head of the column of margins of error, if any.
        total: what its counts add up to; None where that cannot be told.
        n_hidden: cells that are not told.
        by: of shares that add up inside the categories of one side, which side.
    """

    file: str
    sides: tuple[_Side, ...]
    measure: str
    value: str = ""
    margin: str | None = None
    total: float | None = None
    by: int | None = None
    n_hidden: int = 0


def infer(folder: Path, *, beside: Path, title: str = TITLE, context: str = CONTEXT) -> Draft:
    """A draft of a spec from the tables of a folder.

    Columns of labels become variables; labels that are all bands of numbers make a variable with bins. Each table becomes a
    target. Whatever could not be told is a remark at the top of the spec, or a comment beside the line it concerns.

    Args:
        folder: of CSV, Parquet or workbook files.
        beside: folder of the spec, to which file names are relative.
        title: of the spec.
        context: what one record is.

    Raises:
        InputError: there is no such folder, or no table that can be read in it.
    """
    if not folder.is_dir():
        raise InputError([Finding(where=str(folder), message="no such folder", cure="name a folder of tables")])
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in ENDINGS and not path.name.startswith("."))
    if not files:
        cure = f"put tables there: {', '.join(ENDINGS)}"
        raise InputError([Finding(where=str(folder), message="holds no tables", cure=cure)])
    tables: list[Table] = []
    problems: list[Finding] = []
    for path in files:
        try:
            tables.append(_read(path.name, folder))
        except InputError as error:
            problems += error.findings[:1]
    if not tables:
        raise InputError(problems)
    found = [_recognised(table) for table in tables]
    remarks = [f"Not understood: {problem}." for problem in problems]
    remarks += [
        f"Not understood: {table.source}: {one}." for table, one in zip(tables, found, strict=True) if isinstance(one, str)
    ]
    counted = [
        replace(one, n_hidden=_n_hidden(table)) for table, one in zip(tables, found, strict=True) if not isinstance(one, str)
    ]
    understood = _named(_joined(counted))
    if not understood:
        messages = [
            Finding(where=table.source, message=one, cure="see docs/tables.md")
            for table, one in zip(tables, found, strict=True)
            if isinstance(one, str)
        ]
        raise InputError([*problems, *messages])
    return _draft(understood, _path(folder, beside), title, context, remarks)


def _read(file: str, folder: Path) -> Table:
    """One file as text; the one place where reading is decided on."""
    return read_table(file, folder)


def _path(folder: Path, beside: Path) -> str:
    """Where tables lie, as a spec writes it."""
    relative = Path(os.path.relpath(folder, beside)).as_posix()
    return "" if relative == "." else f"{relative}/"


_MEASURE = {column_key(other): measure for measure, others in MEASURES.items() for other in (measure, *others)}


def _recognised(table: Table) -> _Found | str:
    """What a table is, or why that cannot be told."""
    columns = list(zip(*table.rows, strict=True))
    margins = [i for i, name in enumerate(table.columns) if MARGIN.fullmatch(name.strip())]
    named = [i for i, name in enumerate(table.columns) if column_key(name) in _MEASURE and i not in margins]
    named = [i for i in named if table.columns[i] in MEASURES] or named
    numeric = [i > 0 and i not in margins and _all_numbers(column) for i, column in enumerate(columns)]
    if len(named) > 1:
        return f"has several columns of values ({', '.join(table.columns[i] for i in named)}); keep one"
    trailing = [i for i in range(len(columns)) if i not in margins and all(numeric[i : min(margins or [len(columns)])])]
    if len(trailing) > 1 and all(is_total(table.columns[i]) for i in named):
        return _wide(table, columns, trailing)
    if not named and not trailing:
        commas = any(re.fullmatch(r"\d+,\d{1,2}%?", field) for column in columns for field in column)
        cure = "; its decimals have commas: add it by hand, with `layout: {decimal: ','}`" if commas else ""
        return f"has no column of numbers{cure}"
    at = named[0] if named else trailing[-1]
    measure = _MEASURE[column_key(table.columns[at])] if named else _measure_of(columns[at])
    if measure == "count":
        measure = _measure_of(columns[at])
    sides = [
        _Side(head=table.columns[i], labels=_labels(column)) for i, column in enumerate(columns) if i != at and i not in margins
    ]
    sides = [side for side in sides if side.labels]
    if not sides:
        return "has no column of labels"
    total = _total(table, [table.columns.index(side.head) for side in sides], columns[at]) if measure == "count" else None
    return _Found(
        file=table.source,
        sides=tuple(sides),
        measure=measure,
        value=table.columns[at],
        margin=table.columns[margins[0]] if margins else None,
        total=total,
    )


def _wide(table: Table, columns: Sequence[Sequence[str]], cells: Sequence[int]) -> _Found | str:
    heads = [table.columns[i] for i in cells]
    if len(set(heads)) < len(heads) or NAMELESS in heads:
        return "has several header rows: say `layout: {wide: [...]}` with the variable of each"
    stub = [_Side(head=table.columns[i], labels=_labels(columns[i])) for i in range(cells[0])]
    across = _Side(head=f"columns of {Path(table.source).stem}", labels=_labels(heads), wide=True)
    if not all(side.labels for side in stub) or not across.labels:
        return "has no labels beside its numbers"
    every = [field for i, head in zip(cells, heads, strict=True) if not is_total(head) for field in columns[i]]
    totals = [i for i, head in zip(cells, heads, strict=True) if is_total(head)]
    measure, by = _measure_of(every), None
    body = [i for i in range(len(table.rows)) if not any(is_total(columns[k][i]) for k in range(cells[0]))]
    values = [_value(columns[i][row]) for i in (totals[:1] or cells) for row in body]
    if len(stub) == 1:
        parts = [[_value(columns[i][row]) for row in body] for i in cells if i not in totals]
        by = _shares_inside(parts)
    if by is not None:
        measure = "share"
    total = sum(values) if measure == "count" and all(map(math.isfinite, values)) else None
    return _Found(file=table.source, sides=(*stub, across), measure=measure, total=total, by=by)


def _shares_inside(parts: Sequence[Sequence[float]]) -> int | None:
    """Whether each column of numbers adds up to a whole (1), or each row (0); None where neither does, or both.

    >>> _shares_inside([[31.2, 34.5, 34.3], [33.9, 32.1, 34.0]])
    1
    """
    sums = [[sum(row) for row in zip(*parts, strict=True)], [sum(column) for column in parts]]
    inside = [
        any(all(abs(one - whole) <= 0.006 * whole for one in side) for whole in (1.0, 100.0)) and len(side) > 1 for side in sums
    ]
    return inside.index(True) if sum(inside) == 1 else None


def _n_hidden(table: Table) -> int:
    """Cells that are marked as not told."""
    cells = (published(field) for row in table.rows for field in row if span(field) is None)
    return sum(cell is not None and not cell.told for cell in cells)


def _all_numbers(column: Sequence[str]) -> bool:
    cells = [published(field) for field in column if field]
    return bool(cells) and all(cell is not None for cell in cells) and any(cell is not None and cell.told for cell in cells)


def _value(field: str) -> float:
    cell = published(field)
    return math.nan if cell is None else cell.value


def _measure_of(column: Sequence[str]) -> str:
    """Whether values are counts or shares: shares carry percent signs, or are fractions or decimals that add up."""
    values = [value for value in map(_value, column) if math.isfinite(value)]
    if any(field.strip().endswith("%") for field in column):
        return "share"
    total = sum(values)
    decimals = any(value != round(value) for value in values)
    near = any(abs(total - whole) <= 0.02 * whole for whole in (1.0, 100.0))
    return "share" if decimals and near else "count"


def _labels(fields: Sequence[str]) -> tuple[str, ...]:
    """Distinct labels, those that stand for all together left out."""
    distinct: dict[str, str] = {}
    for field in fields:
        if field and not is_total(field):
            distinct.setdefault(undressed(field), _clean(field))
    return tuple(distinct.values())


def _clean(label: str) -> str:
    """A label without its dressing, in its own case."""
    plain = undressed(label)
    at = label.casefold().find(plain)
    return label[at : at + len(plain)] if at >= 0 else label.strip()


def _total(table: Table, sides: Sequence[int], column: Sequence[str]) -> float | None:
    """What the counts of a table add up to."""
    kinds = [[is_total(row[i]) for i in sides] for row in table.rows]
    whole = [_value(field) for field, kind in zip(column, kinds, strict=True) if all(kind)]
    if len(whole) == 1 and math.isfinite(whole[0]):
        return whole[0]
    values = [_value(field) for field, kind in zip(column, kinds, strict=True) if not any(kind)]
    return sum(values) if values and all(map(math.isfinite, values)) else None


def _joined(found: Sequence[_Found]) -> list[_Found]:
    """Tables whose columns of bands go by one name, where another table has bands of the same kind under another.

    A column without a name is taken for the only one that it can be, one with a name for one that shares a word with it.
    """
    first: list[_Side] = []
    for side in (side for one in found for side in one.sides if not side.wide and side.head != NAMELESS):
        if all(side.key != other.key for other in first):
            first.append(side)
    joined = []
    for one in found:
        keys = {side.key for side in one.sides}
        sides = []
        for side in one.sides:
            like = [other for other in first if other.key not in keys and _alike(side, other)]
            earlier = [other for other in like if side.head == NAMELESS or first.index(other) < _place(first, side)]
            sides.append(replace(side, taken=earlier[0].head) if len(earlier) == 1 else side)
        joined.append(replace(one, sides=tuple(sides)))
    return joined


def _place(first: Sequence[_Side], side: _Side) -> int:
    return next((i for i, other in enumerate(first) if other.key == side.key), len(first))


def _alike(side: _Side, other: _Side) -> bool:
    """Whether two columns may be one variable: their labels are the same, or bands of the same kind, and so are their names."""
    if side.wide:
        return False
    words = [set(one.key.split("_")) for one in (side, other)]
    if side.head != NAMELESS and not words[0] & words[1]:
        return False
    if set(map(undressed, side.labels)) <= set(map(undressed, other.labels)):
        return True
    mine, theirs = side.spans, other.spans
    if mine is None or theirs is None or _unit(side.labels) != _unit(other.labels):
        return False
    ends = [max(one.low for one in spans if math.isfinite(one.low)) for spans in (mine, theirs)]
    return max(ends) <= 2 * max(min(ends), 1.0)


def _unit(labels: Sequence[str]) -> str:
    return next((CURRENCIES[sign] for label in labels for sign in CURRENCIES if sign in label), "")


def _named(found: Sequence[_Found]) -> list[_Found]:
    """Tables whose column heads, where they are labels, go by the variable of other tables or of the file's name."""
    known: dict[str, set[str]] = {}
    for one in found:
        for side in one.sides:
            if not side.wide:
                known.setdefault(side.head, set()).update(map(undressed, side.labels))
    named = []
    for one in found:
        sides = list(one.sides)
        if sides[-1].wide:
            others = {side.key for side in sides[:-1]}
            own = set(map(undressed, sides[-1].labels))
            fitting = [head for head, labels in known.items() if column_key(head) not in others and own <= labels]
            words = [word for word in re.split(r"_by_|_x_|[\s-]by[\s-]", Path(one.file).stem) if column_key(word) not in others]
            if len(words) != 1 or column_key(words[0]) == column_key(Path(one.file).stem):
                said = {"by", "x"}.union(*(other.split("_") for other in others))
                words = [word for word in re.split(r"[\W_]+", Path(one.file).stem) if column_key(word) not in said] or words
            head = fitting[0] if fitting else words[0] if len(words) == 1 else sides[-1].head
            known.setdefault(head, set()).update(own)
            sides[-1] = replace(sides[-1], head=head)
        named.append(replace(one, sides=tuple(sides)))
    return named


def _draft(found: Sequence[_Found], path: str, title: str, context: str, remarks: list[str]) -> Draft:
    sides: dict[str, list[_Side]] = {}
    for one in found:
        for side in one.sides:
            sides.setdefault(side.key, []).append(side)
    names: dict[str, str] = {}
    for key, group in sides.items():
        names[key] = variable_name(group[0].taken or group[0].head, list(names.values()))
    variables = [_variable(names[key], group) for key, group in sides.items()]
    numeric = {entry.name for entry in variables if entry.body["type"] in ("integer", "number")}
    columns = {
        side.head: names[key]
        for key, group in sides.items()
        for side in group
        if not side.wide and side.head not in (NAMELESS, names[key])
    }
    targets = []
    for one in found:
        target = _target(one, path, names, numeric)
        if isinstance(target, str):
            remarks.append(f"Not used: {one.file}: {target}.")
            continue
        targets.append(target)
        if one.value and _MEASURE.get(column_key(one.value)) != one.measure:
            columns[one.value] = one.measure
    records, told = _records(found)
    return Draft(
        title=title,
        context=context,
        records=records,
        records_comment=told,
        variables=variables,
        targets=targets,
        columns=columns,
        remarks=[
            "A first draft from tables. Read it: names, order of labels, bins, largest values. Say what is impossible in "
            "`rules`, then run `synthor check` on this file.",
            *remarks,
        ],
    )


def _target(one: _Found, path: str, names: dict[str, str], numeric: set[str]) -> Entry | str:
    variables = [names[side.key] for side in one.sides]
    body: dict[str, object] = {"table": path + one.file}
    if one.measure in ("mean", "total", "sd"):
        words = set(column_key(Path(one.file).stem).split("_"))
        of = [name for name in sorted(numeric) if name not in variables and words & set(column_key(name).split("_"))]
        if len(of) != 1:
            return f"it holds a {one.measure}, and its name is that of no variable with bins; declare one, and add the target"
        body = {one.measure: of[0], "by": variables, **body}
    wide = [names[side.key] for side in one.sides if side.wide]
    layout: dict[str, object] = {}
    if wide:
        layout = {"wide": wide} | ({"values": "share"} if one.measure == "share" else {})
    if nameless := [names[side.key] for side in one.sides if side.head == NAMELESS]:
        layout["columns"] = {"": nameless[0]}
    if layout:
        body["layout"] = layout
    if one.by is not None:
        body = {"by": [variables[one.by]], **body}
    if one.margin:
        body |= {"margin_of_error": one.margin}
    size = math.prod(len(side.labels) for side in one.sides)
    told = f", adding up to {one.total:,.10g}" if one.total is not None else ""
    of_what = f"{body[one.measure]} by " if one.measure in body else ""
    if one.n_hidden:
        told += f'; {one.n_hidden} not told: say `suppressed: "<10"` if the notes say how small'
    if one.by is not None:
        told = f", adding up inside each {variables[one.by]}"
    return Entry(body=body, comment=f"{one.measure} of {of_what}{' by '.join(variables)}, {size:,} cells{told}")


def _records(found: Sequence[_Found]) -> tuple[int, str]:
    """How many records the counts speak of, and what to say of it."""
    totals = {one.file: one.total for one in found if one.total is not None and one.total >= 1}
    if not totals:
        return PLACEHOLDER, "FILL IN: the tables do not say how many there are"
    values = [round(total) for total in totals.values()]
    best = max(set(values), key=lambda value: (values.count(value), value))
    others = [f"{file} adds up to {total:,.10g}" for file, total in totals.items() if round(total) != best]
    if not others:
        return best, "what the counts add up to"
    agreeing = values.count(best)
    return best, f"as {agreeing} of {len(values)} tables say; {'; '.join(others)}: other people, or another year?"


def _variable(name: str, group: Sequence[_Side]) -> Entry:
    """A variable from all labels that tables give it."""
    labels: dict[str, str] = {}
    for side in group:
        for label in side.labels:
            labels.setdefault(undressed(label), label)
    spans = {key: span(label) for key, label in labels.items()}
    if all(found is not None for found in spans.values()):
        sets = [[found for label in side.labels if (found := span(label)) is not None] for side in group]
        body = _binned(sets, list(labels.values()), name)
        if body is not None:
            return body
    folded = set(labels)
    if len(folded) == 2 and folded & TRUE and folded & FALSE:
        return Entry(name=name, body={"type": "boolean"})
    sizes = {len(side.labels) for side in group}
    comment = "tables give it different labels: if some are the same, say so under `labels`" if len(sizes) > 1 else ""
    return Entry(name=name, body={"type": "category", "values": list(labels.values())}, comment=comment)


def _binned(sets: Sequence[Sequence[Span]], labels: Sequence[str], name: str) -> Entry | None:
    """A variable with the bins of the table that has most; None where the numbers are rather codes."""
    unit = _unit(labels)
    every = [one for spans in sets for one in spans]
    edges = [edge for one in every for edge in (one.low, one.high) if math.isfinite(edge)]
    whole = not unit and all(edge == round(edge) for edge in edges)
    step = 1.0 if whole else 0.01
    found = [sorted(bands(spans, step=step, whole=whole)) for spans in sets]
    overlapping = any(later[0] < earlier[1] for one in found for earlier, later in pairwise(one))
    singles = sorted({one.low for one in every if one.single})
    are_codes = len(singles) == len(every) and singles[-1] - singles[0] >= 2 * len(singles)
    if overlapping or are_codes or len(found[0]) < 2:
        return None
    best = max(found, key=len)
    first, last = min(one[0][0] for one in found), max(one[-1][1] for one in found)
    starts = [low for low, _ in best if math.isfinite(low)]
    width = starts[-1] - starts[-2] if len(starts) > 1 else max(abs(starts[-1]), 1.0)
    guesses = []
    if math.isinf(first):
        first = 0.0 if starts[0] > 0 else starts[0] - width
        guesses.append("smallest")
    if math.isinf(last):
        last = 5 * starts[-1] if unit and starts[-1] > 0 else _far(starts[-1], width, name)
        guesses.append("largest")
    high = last - 1 if whole and "largest" not in guesses else last
    bins = sorted({first, *starts})
    body: dict[str, object] = {"type": "integer" if whole else "number", "min": _plain(first), "max": _plain(high)}
    if not (whole and bins == [first + i for i in range(len(bins))] and len(bins) == high - first + 1 <= MAX_UNBINNED):
        body["bins"] = [_plain(edge) for edge in bins]
    if unit:
        body["unit"] = unit
    comment = f"the tables say no {' and no '.join(guesses)} value: this is a guess" if guesses else ""
    return Entry(name=name, body=body, comment=comment)


def _far(last: float, width: float, name: str) -> float:
    """A guess at the largest value behind an open band."""
    if "age" in re.split(r"_|\W", name.casefold()):
        return max(105.0, last + 10)
    return last + 5 * width if last < 10 * width else 3 * last


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value
