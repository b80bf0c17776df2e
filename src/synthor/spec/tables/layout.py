"""From the rows of a file to a table with one header and one row a cell: titles, header rows, wide tables, notes below."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from synthor.errors import Finding, InputError, nearest
from synthor.spec.tables.labels import column_key, is_total, span, undressed
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices import CONVERTERS
from synthor.spec.targets import Layout
from synthor.spec.variables import as_text

RAGGED = "write the same number of fields in every row; quote a field that holds a comma"
MEASURES = {
    "count": ("counts", "number", "n", "freq", "frequency", "obs_value", "value", "estimate"),
    "share": ("shares", "percent", "percentage", "pct", "%"),
    "mean": ("average",),
    "total": ("sum",),
    "sd": ("standard deviation", "std"),
}
"""Columns that hold the values of a table, and what else they are called."""

NOTE = re.compile(
    r"[*(\[\u00a9\u00b9]|\d+[.)] |(?:sources?|notes?|footnotes?|quelle|copyright|table|in order to)\b", re.IGNORECASE
)
"""How a note below a table of two columns begins."""

LISTED = 20
"""Rows of another length that are told one by one."""

NAMELESS = "(no name)"
"""A column whose head is blank."""

LEFT_OUT = ""


@dataclass(frozen=True, kw_only=True)
class Vocabulary:
    """What the spec calls things, and what tables call them.

    Attributes:
        labels: of each variable, those of its categories.
        columns: of tables, and the variable or measure that each is; None where it is to be left out.
        renamed: for each variable, what tables call its categories, and the label that each is.
        measures: names that a column of values may have.
        kept: columns that mean something to the target, such as that of the margins of error.
        edges: first values of the bins of variables whose labels may be bands of numbers.
        totals: labels of totals; the usual words unless given.
    """

    labels: Mapping[str, Sequence[str]]
    columns: Mapping[str, str | None]
    renamed: Mapping[str, Mapping[str, str]]
    measures: Sequence[str] = ("count", "share")
    kept: Collection[str] = ()
    edges: Mapping[str, Collection[float]] = field(default_factory=dict)
    totals: Collection[str] | None = None

    def column(self, name: str) -> str | None:
        """What the spec calls a column; the name itself where it calls it nothing, None where it is to be left out."""
        plain = column_key(name)
        if not plain and "" not in self.columns:
            return self._renamed_columns.get(column_key(NAMELESS), NAMELESS)
        if plain in self._renamed_columns:
            return self._renamed_columns[plain]
        if name in self.labels or name in self.measures or name in self.kept:
            return name
        known = {column_key(variable): variable for variable in (*self.labels, *self.measures)}
        return known.get(plain, name)

    @cached_property
    def _renamed_columns(self) -> Mapping[str, str | None]:
        """`columns` by the plain form of their names; the first of those that are alike."""
        return {column_key(told): meant for told, meant in reversed(list(self.columns.items()))}

    @cached_property
    def _own(self) -> Mapping[str, frozenset[str]]:
        """For each variable, its labels and what tables call them, undressed."""
        return {
            variable: frozenset(undressed(label) for label in (*labels, *self.renamed.get(variable, ())))
            for variable, labels in self.labels.items()
        }

    def knows(self, variable: str, label: str) -> bool:
        """Whether a label is one of a variable's, as far as words tell."""
        if undressed(label) in self._own[variable]:
            return True
        return variable in self.edges and span(label) is not None

    def labelled(self, text: str) -> bool:
        """Whether a text is a label of some variable."""
        return any(undressed(text) in own for own in self._own.values())

    def near(self, variable: str, labels: Sequence[str]) -> int:
        """How many labels are a variable's own, or bands that begin where one of its bins does."""
        own = self._own[variable]
        starts = self.edges.get(variable, ())
        spans = [span(label) for label in labels]
        return sum(
            undressed(label) in own or (found is not None and found.low in starts)
            for label, found in zip(labels, spans, strict=True)
        )

    def total(self, label: str) -> bool:
        """Whether a label stands for all categories together."""
        return is_total(label, self.totals)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """A table in plain form: names of columns and one row a cell.

    Attributes:
        columns: their names, as the spec calls them.
        rows: texts.
        numbers: row of the file that each stems from.
        notes: what a reader must know of how it was read.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()


def laid_out(lines: Lines, layout: Layout | None, vocabulary: Vocabulary) -> Sheet:
    """The table that lies in some rows.

    Rows of a single field above the header are titles, such rows below the last cell are notes; both are passed over. Blank
    columns are dropped. Column heads that are labels of one variable make the table wide, if `layout` does not say so already.

    Args:
        lines: of the file.
        layout: as the spec says it lies.
        vocabulary: names and labels that are known.

    Raises:
        InputError: rows of different lengths, no header, names that are not there.
    """
    layout = layout or Layout()
    if layout.format is not None:
        lines = converted(lines, layout)
    rows, numbers = _trimmed(lines, layout.skip, vocabulary)
    n_heads = len(layout.wide) if layout.wide else 1
    if len(rows) <= n_heads:
        raise InputError([Finding(where=lines.source, message="the table has no rows", cure="write one row a cell")])
    _refuse_ragged(lines.source, rows, numbers, n_heads)
    rows = _without_blank_columns(rows)
    heads, body, numbers = rows[:n_heads], rows[n_heads:], numbers[n_heads:]
    wide = layout.wide or _told_by_heads(heads[0], vocabulary)
    if wide:
        sheet = _long(lines.source, heads, body, numbers, wide, layout, vocabulary)
    else:
        names = tuple(vocabulary.column(name) or LEFT_OUT for name in heads[0])
        sheet = Sheet(columns=_measured(names, vocabulary), rows=tuple(body), numbers=tuple(numbers))
    return _chosen(lines.source, replace(sheet, notes=lines.notes), layout, vocabulary)


def converted(lines: Lines, layout: Layout) -> Lines:
    """A download as plain rows, by its format, which alone says how its figures are written.

    Raises:
        InputError: it is laid out otherwise, or the spec says of it what its format says.
    """
    assert layout.format is not None
    if layout.decimal != ".":
        message = f"has no `decimal` to choose: its figures are read as downloads of format {layout.format} write them"
        raise InputError([Finding(where=lines.source, message=message, cure="leave `decimal` out of layout")])
    return CONVERTERS[layout.format](lines)


def _trimmed(lines: Lines, skip: int | None, vocabulary: Vocabulary) -> tuple[list[tuple[str, ...]], list[int]]:
    """Rows from the header to the last cell."""

    def is_note(row: tuple[str, ...]) -> bool:
        alone = bool(row[0]) and not any(row[1:])
        return alone and (len(row) != 2 or NOTE.match(row[0]) is not None) and not vocabulary.labelled(row[0])

    rows, numbers = list(lines.rows), list(lines.numbers)
    if skip is not None:
        first = next((i for i, number in enumerate(numbers) if number > skip), len(rows))
    else:
        first = next((i for i, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)
    last = next((i for i in range(len(rows) - 1, first - 1, -1) if not is_note(rows[i])), len(rows) - 1)
    return rows[first : last + 1], numbers[first : last + 1]


def _refuse_ragged(source: str, rows: list[tuple[str, ...]], numbers: list[int], n_heads: int) -> None:
    """Raise where a row is longer than the header, or has fewer fields than it and is no row of a workbook."""
    width = max(len(row) for row in rows[:n_heads])
    ragged = [
        Finding(where=source, row=number, message=f"has {len(row)} fields, the header has {width}", cure=RAGGED)
        for row, number in zip(rows[n_heads:], numbers[n_heads:], strict=True)
        if len(row) != width
    ]
    if ragged:
        more = f"has {len(ragged) - LISTED:,} more rows of another length"
        rest = [Finding(where=source, message=more, cure=RAGGED)] if len(ragged) > LISTED else []
        raise InputError([*ragged[:LISTED], *rest])
    for i, row in enumerate(rows[:n_heads]):
        rows[i] = row + ("",) * (width - len(row))


def _without_blank_columns(rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    blank = [not any(row[i] for row in rows) for i in range(len(rows[0]))]
    if not any(blank):
        return rows
    return [tuple(field for field, none in zip(row, blank, strict=True) if not none) for row in rows]


def _measured(names: tuple[str, ...], vocabulary: Vocabulary) -> tuple[str, ...]:
    """Names of columns; what is called `obs_value` and the like is the measure where no column has its very name."""
    if any(name in vocabulary.measures for name in names):
        return names
    also = {column_key(other): measure for measure in vocabulary.measures for other in MEASURES.get(measure, ())}
    found = [i for i, name in enumerate(names) if column_key(name) in also and name not in vocabulary.labels]
    if len(found) != 1:
        return names
    measure = also[column_key(names[found[0]])]
    return tuple(measure if i == found[0] else name for i, name in enumerate(names))


def _told_by_heads(head: Sequence[str], vocabulary: Vocabulary) -> list[str] | None:
    """The variable whose labels the column heads are, where they are of exactly one and no column holds values."""
    names = [vocabulary.column(name) for name in head]
    columns = _measured(tuple(name or LEFT_OUT for name in names), vocabulary)
    if any(name in vocabulary.measures for name in columns):
        return None
    others = [name for name in head if vocabulary.column(name) not in vocabulary.labels]

    def fits(variable: str) -> bool:
        unknown = [name for name in others[1:] if not vocabulary.knows(variable, name)]
        return len(others) > len(unknown) + 1 and all(vocabulary.total(name) for name in unknown)

    fitting = [variable for variable in vocabulary.labels if variable not in names and fits(variable)]
    # A head that no variable knows may only be that of the column of row labels.
    fitting = [
        name for name in fitting if vocabulary.knows(name, others[0]) or vocabulary.total(others[0]) or others[0] == head[0]
    ]
    near = [vocabulary.near(variable, others) for variable in fitting]
    return [fitting[near.index(max(near))]] if fitting and near.count(max(near)) == 1 else None


def _long(
    source: str,
    heads: list[tuple[str, ...]],
    body: list[tuple[str, ...]],
    numbers: list[int],
    wide: list[str],
    layout: Layout,
    vocabulary: Vocabulary,
) -> Sheet:
    """One row a cell from a table whose column heads are labels."""
    for name in wide:
        if name not in vocabulary.labels:
            cure = nearest(name, list(vocabulary.labels))
            raise InputError([Finding(where=source, message=f"wide speaks of '{name}', which is no variable", cure=cure)])
    filled = [_to_the_right(head) for head in heads[:-1]] + [list(heads[-1])]
    stub = _stub(heads, wide, vocabulary)
    names = [next((head[i] for head in reversed(heads) if head[i]), "") for i in range(stub)]
    cells = range(stub, len(heads[-1]))
    usual = vocabulary.measures[0]
    measure = layout.values or (
        usual if usual != "count" else "share" if any(row[i].endswith("%") for row in body for i in cells) else "count"
    )
    columns = (*(vocabulary.column(name) or LEFT_OUT for name in names), *wide, measure)
    rows, of = [], []
    for row, number in zip(body, numbers, strict=True):
        for i in cells:
            rows.append((*row[:stub], *(head[i] for head in filled), row[i]))
            of.append(number)
    return Sheet(columns=columns, rows=tuple(rows), numbers=tuple(of))


def _to_the_right(head: Sequence[str]) -> list[str]:
    """A header row of merged cells: a blank stands for what is left of it."""
    found: list[str] = []
    for name in head:
        found.append(name or (found[-1] if found else ""))
    return found


def _stub(heads: Sequence[Sequence[str]], wide: Sequence[str], vocabulary: Vocabulary) -> int:
    """How many columns at the left hold labels of rows: those that name a variable, or are blank at the top; one at least."""
    stub = 0
    for i in range(len(heads[-1])):
        names = [head[i] for head in heads if head[i]]
        meant = [vocabulary.column(name) for name in names]
        is_label = bool(heads[-1][i]) and (vocabulary.knows(wide[-1], heads[-1][i]) or vocabulary.total(heads[-1][i]))
        if any(name in vocabulary.labels or name is None for name in meant) and not is_label:
            stub = i + 1
        elif stub == i and i == 0 and not is_label:
            stub = 1
        else:
            break
    return stub


def _chosen(source: str, sheet: Sheet, layout: Layout, vocabulary: Vocabulary) -> Sheet:
    """The rows that `only` names, without columns that say nothing: those left out, and those that hold one value only."""
    keep = list(range(len(sheet.rows)))
    for column, wanted in (layout.only or {}).items():
        at = _column_of(source, sheet, column, vocabulary)
        values = {undressed(as_text(value)) for value in (wanted if isinstance(wanted, list) else [wanted])}
        kept = [i for i in keep if undressed(sheet.rows[i][at]) in values]
        if not kept:
            told = ", ".join(as_text(value) for value in (wanted if isinstance(wanted, list) else [wanted]))
            cure = nearest(told, list(dict.fromkeys(sheet.rows[i][at] for i in keep)))
            message = f"no row has '{told}' in column '{column}'"
            raise InputError([Finding(where=source, message=message, cure=cure, label=told)])
        keep = kept
    rows = [sheet.rows[i] for i in keep]
    notes, columns = [], []
    for at, name in enumerate(sheet.columns):
        known = name in vocabulary.labels or name in vocabulary.measures or name in vocabulary.kept
        distinct = {row[at] for row in rows}
        if name == LEFT_OUT:
            continue
        named = [told for told in layout.only or {} if column_key(told) == column_key(name) or vocabulary.column(told) == name]
        if not known and len(distinct) == 1 and (named or not nearest(name, list(vocabulary.labels)).startswith("did")):
            if not named and distinct != {""}:
                notes.append(f"column '{name}' holds only '{next(iter(distinct))}' and was left out")
            continue
        columns.append(at)
    every = len(columns) == len(sheet.columns)
    return replace(
        sheet,
        columns=tuple(sheet.columns[at] for at in columns),
        rows=tuple(rows if every else [tuple(row[at] for at in columns) for row in rows]),
        numbers=tuple(sheet.numbers[i] for i in keep),
        notes=(*sheet.notes, *notes),
    )


def _column_of(source: str, sheet: Sheet, name: str, vocabulary: Vocabulary) -> int:
    for at, column in enumerate(sheet.columns):
        if column_key(column) == column_key(name) or column == vocabulary.column(name):
            return at
    cure = nearest(name, sheet.columns)
    raise InputError([Finding(where=source, message=f"has no column '{name}', which only names", cure=cure, label=name)])
