"""From the rows of a file to a table with one header and one row a cell: titles, header rows, wide tables, notes below."""

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from synthor.errors import Finding, InputError, nearest
from synthor.schema.text import as_text
from synthor.spec.tables.labels import column_key, is_total, span, undressed
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.numbers import published
from synthor.spec.tables.offices import CONVERTERS
from synthor.spec.tables.sections import TOTAL, Sectioned, sectioned
from synthor.spec.targets import Layout

RAGGED = "write the same number of fields in every row; quote a field that holds a comma"
MEASURES = {
    "count": (
        "counts", "number", "n", "freq", "frequency", "obs_value", "value", "estimate", "observation", "observations",
        "anzahl", "wert", "nombre", "effectif", "valeur", "número", "valor", "numero", "valore", "aantal", "waarde",
    ),
    "share": ("shares", "percent", "percentage", "pct", "%"),
    "mean": ("average",),
    "total": ("sum",),
    "sd": ("standard deviation", "std"),
}  # fmt: skip
"""Columns that hold the values of a table, and what else they are called."""

NOTE = re.compile(
    r"[*(\[\u00a9\u00b9]|\d+[.)] |(?:sources?|notes?|footnotes?|quelle|copyright|table|in order to)\b", re.IGNORECASE
)
"""How a note below a table of two columns begins."""

YEAR = re.compile(r"(?:19|20)[0-9]{2}")
LISTED = 20
"""Rows of another length that are told one by one."""

NAMELESS = "(no name)"
"""A column whose head is blank."""

LEFT_OUT = ""

OF_FILES = ("format", "sheet", "encoding", "cells", "skip", "wide", "sections", "values")
"""What a layout says of how a table lies in its file."""


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

    def named(self, variable: str, label: str) -> bool:
        """Whether a text is one of a variable's labels, word by word."""
        return undressed(label) in self._own[variable]

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
        left_out: heads of columns that are none of these, and their texts, one a row.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()


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
    rows, numbers, above = _trimmed(lines, layout.skip, vocabulary)
    n_heads = len(layout.wide) if layout.wide else 1
    if len(rows) <= n_heads:
        raise InputError([Finding(where=lines.source, message="the table has no rows", cure="write one row a cell")])
    if layout.sections:
        rows = [*rows[:n_heads], *(row + ("",) * (len(rows[0]) - 1) if len(row) == 1 else row for row in rows[n_heads:])]
    _refuse_ragged(lines.source, rows, numbers, n_heads)
    rows = _without_blank_columns(_placed(rows, n_heads, wide=bool(layout.wide) and "" not in vocabulary.columns), n_heads)
    heads, body, numbers = rows[:n_heads], rows[n_heads:], numbers[n_heads:]
    if layout.sections:
        parts = _sections(lines.source, heads, body, numbers, above, layout, vocabulary)
        body, every, numbers = list(parts.rows), parts.numbers, list(range(len(parts.rows)))
    chosen = _chosen_by(layout, vocabulary)
    wide = layout.wide or _told_by_heads(heads[0], vocabulary, chosen)
    if wide:
        sheet = _long(lines.source, heads, body, numbers, wide, layout, vocabulary)
    else:
        names = tuple(_name_of(name, chosen, vocabulary) for name in heads[0])
        sheet = Sheet(
            columns=_measured(names, vocabulary),
            rows=tuple(body),
            numbers=tuple(numbers),
            left_out=_columns_of(body, heads, [i for i, name in enumerate(names) if name == LEFT_OUT]),
        )
        labels = {*vocabulary.labels, *chosen.values()}
        sheet = _downwards(sheet, [i for i, name in enumerate(sheet.columns) if name in labels], vocabulary)
    if layout.sections:
        sheet = replace(
            sheet,
            columns=(*layout.sections, *sheet.columns),
            rows=tuple((*parts.labels[i], *row) for i, row in zip(sheet.numbers, sheet.rows, strict=True)),
            numbers=tuple(every[i] for i in sheet.numbers),
        )
    return _chosen(lines.source, replace(sheet, notes=(*lines.notes, *sheet.notes)), layout, vocabulary)


def written(place: str, rows: Sequence[Mapping[str, object]], layout: Layout | None, vocabulary: Vocabulary) -> Sheet:
    """The table of rows that are written in the spec itself.

    Raises:
        InputError: `layout` speaks of a file, or chooses rows that are not there.
    """
    layout = layout or Layout()
    if of_files := [key for key in OF_FILES if getattr(layout, key) is not None]:
        message = f"`layout` has {', '.join(of_files)}, which is of tables in files; these rows are written in the spec"
        raise InputError([Finding(where=place, message=message, cure="leave it out, and write a column for each side")])
    heads = list(dict.fromkeys(str(key) for row in rows for key in row))
    chosen = _chosen_by(layout, vocabulary)
    names = [_name_of(head, chosen, vocabulary) for head in heads]
    kept = [i for i, name in enumerate(names) if name != LEFT_OUT]
    body = [tuple(as_text(row.get(head)) for head in heads) for row in rows]
    left_out = _columns_of(body, [heads], [i for i in range(len(heads)) if i not in kept])
    sheet = Sheet(
        columns=tuple(names[i] for i in kept),
        rows=tuple(tuple(row[i] for i in kept) for row in body),
        numbers=tuple(range(1, len(body) + 1)),
        left_out=tuple((name, texts) for name, texts in left_out if len(set(texts)) > 1),
    )
    return _chosen(place, sheet, layout, vocabulary) if layout.only else sheet


def _sections(
    source: str,
    heads: Sequence[tuple[str, ...]],
    body: Sequence[tuple[str, ...]],
    numbers: Sequence[int],
    above: str,
    layout: Layout,
    vocabulary: Vocabulary,
) -> Sectioned:
    """The rows of a table that has labels in rows of their own."""
    names = layout.sections or []
    for name in names:
        if name not in vocabulary.labels and column_key(name) not in _chosen_by(layout, vocabulary):
            cure = nearest(name, list(vocabulary.labels))
            raise InputError([Finding(where=source, message=f"sections speaks of '{name}', which is no variable", cure=cure)])

    def level(label: str) -> int | None:
        found = [at for at, name in enumerate(names) if name in vocabulary.labels and vocabulary.named(name, label)]
        return found[0] if len(found) == 1 else None

    repeated = {tuple(map(undressed, head)) for head in heads} & {tuple(map(undressed, row)) for row in body}
    return sectioned(
        source,
        body,
        numbers,
        depth=len(names),
        level=level,
        total=vocabulary.total,
        heads=heads,
        above=above if repeated else "",
        called=(layout.total or [TOTAL])[0],
    )


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


def _columns_of(
    body: Sequence[Sequence[str]], heads: Sequence[Sequence[str]], at: Sequence[int], times: int = 1
) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Heads of some columns, and their texts, each so many times one after the other."""
    told = [next((head[i] for head in reversed(heads) if head[i]), "") for i in at]
    texts = [tuple(text for row in body for text in [row[i]] * times) for i in at]
    return tuple(zip(told, texts, strict=True))


def _chosen_by(layout: Layout, vocabulary: Vocabulary) -> dict[str, str]:
    """Columns that rows are chosen by and that are no variables: plain form of their heads, and how `only` calls them."""
    return {column_key(told): told for told in layout.only or {} if vocabulary.column(told) not in vocabulary.labels}


def _name_of(head: str, chosen: Mapping[str, str], vocabulary: Vocabulary) -> str:
    """What a column is called; one that is left out keeps its name as long as rows are chosen by it."""
    name = vocabulary.column(head)
    if name is None:
        return chosen.get(column_key(head), LEFT_OUT)
    return name


def _trimmed(lines: Lines, skip: int | None, vocabulary: Vocabulary) -> tuple[list[tuple[str, ...]], list[int], str]:
    """Rows from the header to the last cell, and what stands right above them."""

    def is_note(row: tuple[str, ...]) -> bool:
        alone = bool(row[0]) and not any(row[1:])
        return alone and (len(row) != 2 or NOTE.match(row[0]) is not None) and not vocabulary.labelled(row[0])

    rows, numbers = list(lines.rows), list(lines.numbers)
    first = next((i for i, number in enumerate(numbers) if number > skip), len(rows)) if skip is not None else header_of(rows)
    last = next((i for i in range(len(rows) - 1, first - 1, -1) if not is_note(rows[i])), len(rows) - 1)
    above = rows[first - 1] if first else ()
    return rows[first : last + 1], numbers[first : last + 1], "".join(above) if sum(map(bool, above)) == 1 else ""


def header_of(rows: Sequence[Sequence[str]]) -> int:
    """Position of the first header row: of several fields, or of one alone that stands above figures and no years.

    >>> header_of([("Homes", ""), ("", "count"), ("A", "10")]), header_of([("Homes",), ("zone", "count"), ("A", "10")])
    (1, 1)
    """
    first = next((i for i, row in enumerate(rows) if sum(map(bool, row)) > 1), 0)
    if first == 0:
        return 0
    above, row = rows[first - 1], rows[first]
    at = next(i for i, field in enumerate(above) if field)
    figure = 0 < at < len(row) and bool(row[0]) and sum(map(bool, row)) == 2 and published(row[at]) is not None
    return first - 1 if figure and not YEAR.fullmatch(row[at]) else first


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


def _placed(rows: list[tuple[str, ...]], n_heads: int, *, wide: bool) -> list[tuple[str, ...]]:
    """The same rows, where every column without a head but the first is called by its place in the file.

    In a wide table only the leftmost column can do without: any other is of a category, whose name `labels` can tell.
    """
    nameless = [i for i in range(len(rows[0])) if not any(head[i] for head in rows[:n_heads])]
    last = list(rows[n_heads - 1])
    for i in nameless[0 if wide and nameless[:1] != [0] else 1 :]:
        last[i] = blank_head(i)
    return [*rows[: n_heads - 1], tuple(last), *rows[n_heads:]]


def blank_head(position: int) -> str:
    """What a column without a head is called, by its place in the file.

    >>> blank_head(1)
    '(column 2)'
    """
    return f"(column {position + 1})"


def _without_blank_columns(rows: list[tuple[str, ...]], n_heads: int) -> list[tuple[str, ...]]:
    blank = [
        not any(row[i] for row in rows[n_heads:])
        and rows[n_heads - 1][i] in ("", blank_head(i))
        and not any(head[i] for head in rows[: n_heads - 1])
        for i in range(len(rows[0]))
    ]
    if not any(blank):
        return rows
    return [tuple(field for field, none in zip(row, blank, strict=True) if not none) for row in rows]


def _downwards(sheet: Sheet, sides: Sequence[int], vocabulary: Vocabulary) -> Sheet:
    """Blank labels of rows filled, as merged cells leave them, and a note of it."""
    rows = filled_down(sheet.rows, sides, [sides[place + 1 :] for place in range(len(sides))], vocabulary.total)
    filled = [
        i
        for i in sides
        if any(
            before[i] != after[i] and not _of_total(after, i, sides, vocabulary)
            for before, after in zip(sheet.rows, rows, strict=True)
        )
    ]
    notes = [f"blank labels of {sheet.columns[i]} were taken for the label above them" for i in filled]
    return replace(sheet, rows=rows, notes=(*sheet.notes, *notes))


def _of_total(row: Sequence[str], i: int, sides: Sequence[int], vocabulary: Vocabulary) -> bool:
    """Whether a label stands right of a total that is the same."""
    place = list(sides).index(i)
    return place > 0 and row[sides[place - 1]] == row[i] and vocabulary.total(row[i])


def filled_down(
    rows: tuple[tuple[str, ...], ...], sides: Sequence[int], right: Sequence[Sequence[int]], total: Callable[[str], bool]
) -> tuple[tuple[str, ...], ...]:
    """Rows whose blank labels are filled: with a label to its right, by the label above it; right of a total, by the total.

    Args:
        rows: texts.
        sides: positions of labels, from the left.
        right: of each side, positions that count as right of it.
        total: whether a label is a total.

    >>> filled_down((("m", "young"), ("", "old"), ("Total", "")), [0, 1], [[1], []], lambda label: label == "Total")
    (('m', 'young'), ('m', 'old'), ('Total', 'Total'))
    """
    if all(row[i] for row in rows for i in sides):
        return rows
    found, above = [], [""] * len(sides)
    for row in rows:
        fields = list(row)
        for place, i in enumerate(sides):
            before = fields[sides[place - 1]] if place else ""
            if not fields[i] and above[place] and any(fields[other] for other in right[place]):
                fields[i] = above[place]
            elif not fields[i] and before and total(before):
                fields[i] = before
        above = [fields[i] for i in sides]
        found.append(tuple(fields))
    return tuple(found)


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


def _told_by_heads(head: Sequence[str], vocabulary: Vocabulary, chosen: Collection[str]) -> list[str] | None:
    """The variable whose labels the column heads are, where they are of exactly one and no column holds values."""
    names = [vocabulary.column(name) for name in head]
    columns = _measured(tuple(name or LEFT_OUT for name in names), vocabulary)
    if any(name in vocabulary.measures for name in columns):
        return None
    others = [
        told
        for i, (told, name) in enumerate(zip(head, names, strict=True))
        if name not in vocabulary.labels and (i == 0 or (name is not None and column_key(told) not in chosen))
    ]
    if not others:
        return None

    def fits(variable: str) -> bool:
        unknown = [name for name in others[1:] if not vocabulary.knows(variable, name)]
        return len(others) > len(unknown) + 1 and all(vocabulary.total(name) for name in unknown)

    fitting = [variable for variable in vocabulary.labels if variable not in names and fits(variable)]
    # Of a member's variable and that of one with a role, `sex` and `head.sex`, the table is of the first unless it says so.
    fitting = [variable for variable in fitting if "." not in variable] or fitting
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
    chosen = _chosen_by(layout, vocabulary)
    for name in wide:
        if name not in vocabulary.labels and column_key(name) not in chosen:
            cure = nearest(name, list(vocabulary.labels))
            raise InputError([Finding(where=source, message=f"wide speaks of '{name}', which is no variable", cure=cure)])
    filled = _merged(heads, vocabulary.total)
    sides, cells = _parted(heads, body, wide, chosen, vocabulary)
    if all(vocabulary.total(heads[-1][i]) for i in cells):
        known = list(dict.fromkeys(name for name in heads[-1] if name))
        cure = f"heads are {', '.join(known[:8])}; columns that `columns` leaves out with null are not read"
        message = f"no column that is read has a label of {wide[-1]} as its head"
        raise InputError([Finding(where=source, message=message, cure=cure)])
    names = [next((head[i] for head in reversed(heads) if head[i]), "") for i in sides]
    usual = vocabulary.measures[0]
    measure = layout.values or (
        usual if usual != "count" else "share" if any(row[i].endswith("%") for row in body for i in cells) else "count"
    )
    labels = Sheet(
        columns=tuple(_name_of(name, chosen, vocabulary) for name in names),
        rows=tuple(tuple(row[i] for i in sides) for row in body),
        numbers=tuple(numbers),
    )
    labels = _downwards(labels, range(len(sides)), vocabulary)
    rows, of = [], []
    for row, stub, number in zip(body, labels.rows, numbers, strict=True):
        for i in cells:
            rows.append((*stub, *(head[i] for head in filled), row[i]))
            of.append(number)
    columns = (*labels.columns, *wide, measure)
    others = [i for i in range(len(heads[-1])) if i not in {*sides, *cells}]
    others += [i for i, name in zip(sides, labels.columns, strict=True) if name == LEFT_OUT]
    left_out = _columns_of(body, heads, others, len(cells))
    return Sheet(columns=columns, rows=tuple(rows), numbers=tuple(of), notes=labels.notes, left_out=left_out)


def _merged(heads: Sequence[Sequence[str]], total: Callable[[str], bool]) -> list[list[str]]:
    """Header rows of merged cells: a blank stands for what is left of it, but in the last row; below a total, for the total.

    >>> _merged([("", "Total", "Men", ""), ("age", "", "young", "old")], lambda label: label == "Total")
    [['', 'Total', 'Men', 'Men'], ['age', 'Total', 'young', 'old']]
    """
    found: list[list[str]] = []
    for at, head in enumerate(heads):
        row: list[str] = []
        for i, name in enumerate(head):
            above = found[-1][i] if found else ""
            left = row[-1] if row and head is not heads[-1] else ""
            row.append(name or (above if at and heads[at - 1][i] and total(above) else left))
        found.append(row)
    return found


def _parted(
    heads: Sequence[Sequence[str]],
    body: Sequence[Sequence[str]],
    wide: Sequence[str],
    chosen: Collection[str],
    vocabulary: Vocabulary,
) -> tuple[list[int], list[int]]:
    """Columns that hold labels of rows, and those that hold cells.

    Labels are in columns that name a variable or that rows are chosen by, wherever they stand, in the first column if its head
    is no label, and in columns of text before the first cell. A column that is left out is neither.
    """
    sides: list[int] = []
    cells: list[int] = []
    for i, head in enumerate(heads[-1]):
        names = [row[i] for row in heads if row[i]]
        meant = [vocabulary.column(name) for name in names]
        by = any(column_key(name) in chosen and column_key(name) not in map(column_key, wide) for name in names)
        is_label = bool(head) and (
            vocabulary.total(head) or (wide[-1] in vocabulary.labels and vocabulary.knows(wide[-1], head))
        )
        named = i == 0 or any(name in vocabulary.labels for name in meant)
        if None in meant and not by:
            continue
        if by or (not is_label and (named or (not cells and _is_text([row[i] for row in body])))):
            sides.append(i)
        else:
            cells.append(i)
    return sides, cells


def _is_text(fields: Sequence[str]) -> bool:
    """Whether no field of a column can be read as a number, nor as one that is not told."""
    return any(fields) and not any(published(field) for field in fields if field)


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

    def named(name: str) -> bool:
        return any(column_key(told) == column_key(name) or vocabulary.column(told) == name for told in layout.only or {})

    rows = [sheet.rows[i] for i in keep]
    left_out = [(name, tuple(texts[i] for i in keep)) for name, texts in sheet.left_out]
    notes, columns = list(sheet.notes), []
    for at, name in enumerate(sheet.columns):
        known = name in vocabulary.labels or name in vocabulary.measures or name in vocabulary.kept
        if name == LEFT_OUT:
            continue
        if not known and named(name):
            left_out.append((name, tuple(row[at] for row in rows)))
            continue
        distinct = {row[at] for row in rows}
        if not known and len(distinct) == 1 and not nearest(name, list(vocabulary.labels)).startswith("did"):
            if distinct != {""}:
                notes.append(f"column '{name}' holds only '{next(iter(distinct))}' and was left out")
            continue
        columns.append(at)
    every = len(columns) == len(sheet.columns)
    return replace(
        sheet,
        columns=tuple(sheet.columns[at] for at in columns),
        rows=tuple(rows if every else [tuple(row[at] for at in columns) for row in rows]),
        numbers=tuple(sheet.numbers[i] for i in keep),
        notes=tuple(notes),
        left_out=tuple((name, texts) for name, texts in left_out if len(set(texts)) > 1),
    )


def _column_of(source: str, sheet: Sheet, name: str, vocabulary: Vocabulary) -> int:
    for at, column in enumerate(sheet.columns):
        if column_key(column) == column_key(name) or column == vocabulary.column(name):
            return at
    cure = nearest(name, sheet.columns)
    raise InputError([Finding(where=source, message=f"has no column '{name}', which only names", cure=cure, label=name)])
