"""A target's table as text, from its file or from the spec itself."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from synthor.errors import Finding, InputError, nearest
from synthor.schema import Variable
from synthor.schema.text import as_text
from synthor.spec.tables.files import read_lines
from synthor.spec.tables.layout import Vocabulary, blank_head, converted, laid_out, written
from synthor.spec.tables.offices import recognised
from synthor.spec.targets import Layout, TargetSpec

DEEPEST_HEAD = 60
"""Rows of a file in which the names of its columns are looked for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as text, one row a cell: nothing is interpreted yet.

    Attributes:
        source: what to call it in a message: the file as the user wrote it, or the place in the spec.
        columns: names of the columns, as the spec calls them.
        rows: one tuple of texts a row, outer blanks removed.
        numbers: number of each row as an editor counts it; cells of one row of a wide table have the same.
        notes: what a reader must know of how it was read.
        left_out: heads of columns that were left out although rows differ by them, and their texts, one a row.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()
    left_out: tuple[tuple[str, tuple[str, ...]], ...] = ()


def read_target_table(target: TargetSpec, place: str, folder: Path, vocabulary: Vocabulary) -> Table:
    """The rows behind one target, from its file or from the spec itself.

    Raises:
        InputError: the file is missing, unreadable, empty, or no table.
    """
    if isinstance(target.table, str):
        return read_table(target.table, folder, target.layout, vocabulary)
    if target.table is not None:
        sheet = written(place, target.table, target.layout, vocabulary)
        table = _inline(place, sheet.columns, list(map(list, sheet.rows)))
        return replace(table, numbers=sheet.numbers, notes=sheet.notes, left_out=sheet.left_out)
    if target.count is not None:
        return _inline(place, ("count",), [[as_text(target.count)]])
    if target.value is not None:
        return _inline(place, (str(target.statistic),), [[as_text(target.value)]])
    if target.values is not None:
        return _inline(place, ("quantile", "value"), [[as_text(cell) for cell in pair] for pair in target.values.items()])
    inline = target.counts or target.shares or {}
    variable, cells = next(iter(inline.items()))
    return _inline(place, (variable, target.kind or ""), [[as_text(cell) for cell in pair] for pair in cells.items()])


def read_table(file: str, folder: Path, layout: Layout | None = None, vocabulary: Vocabulary | None = None) -> Table:
    """A table file as text.

    Args:
        file: as the user wrote it, relative to `folder`.
        folder: of the spec.
        layout: how the table lies in its file.
        vocabulary: names and labels that are known; without any, names stay as they are.

    Raises:
        InputError: the file is missing, unreadable, empty, or no table.
    """
    lines, notes = read_lines(file, folder, layout)
    sheet = laid_out(lines, layout, vocabulary or Vocabulary(labels={}, columns={}, renamed={}))
    if not sheet.rows:
        raise InputError([Finding(where=file, message="the table has no rows", cure="write one row a cell")])
    return Table(
        source=file,
        columns=sheet.columns,
        rows=sheet.rows,
        numbers=sheet.numbers,
        notes=(*notes, *sheet.notes),
        left_out=sheet.left_out,
    )


def office_of(target: TargetSpec, folder: Path) -> str | None:
    """The `format` that a target's file has as an office hands it out, where the spec does not name it already.

    Args:
        target: whose table is a file.
        folder: of the spec.
    """
    layout = target.layout or Layout()
    if not isinstance(target.table, str) or layout.format is not None:
        return None
    try:
        lines, _ = read_lines(target.table, folder, layout)
    except InputError:
        return None
    return recognised(lines)


def vocabulary_of(
    target: TargetSpec,
    variables: Sequence[Variable],
    columns: dict[str, str | None],
    renamed: dict[str, dict[str, str]],
) -> Vocabulary:
    """Names and labels that may occur in one target's table.

    Args:
        target: its bands are labels, too; its kind tells what its column of values is called.
        variables: as declared.
        columns: what tables call columns.
        renamed: what tables call categories.
    """
    labels = {variable.name: (*variable.labels, *(target.groups or {}).get(variable.name, ())) for variable in variables}
    measures = (target.statistic, "value") if target.statistic else ("share", "count") if target.by else ("count", "share")
    kept = {target.margin_of_error} if isinstance(target.margin_of_error, str) else set()
    return Vocabulary(
        labels=labels,
        columns=columns | ((target.layout.columns or {}) if target.layout is not None else {}),
        renamed=renamed,
        measures=tuple(map(str, measures)),
        kept=kept,
        edges={variable.name: variable.edges for variable in variables if variable.edges},
        totals=target.layout.total if target.layout is not None else None,
    )


def _inline(source: str, columns: Sequence[str], rows: list[list[str]]) -> Table:
    if not rows:
        raise InputError([Finding(where=source, message="the table has no rows", cure="write one row a cell")])
    numbers = tuple(range(1, 1 + len(rows)))
    return Table(source=source, columns=tuple(columns), rows=tuple(tuple(row) for row in rows), numbers=numbers)


def unused_columns(columns: Mapping[str, str | None], targets: Sequence[TargetSpec], folder: Path) -> dict[str, str]:
    """Entries of the spec's `columns` that name no column of any table, each with the nearest head that there is.

    Args:
        columns: what tables call columns.
        targets: whose tables are looked at; where one cannot be read, nothing is known, and nothing is unused.
        folder: of the spec.
    """
    heads: dict[str, None] = {}
    for target in targets:
        if isinstance(target.table, str):
            try:
                lines, _ = read_lines(target.table, folder, target.layout)
                if target.layout is not None and target.layout.format is not None:
                    lines = converted(lines, target.layout)
            except InputError:
                return {}
            heads.update((field, None) for row in lines.rows[:DEEPEST_HEAD] for field in row)
            heads.update((blank_head(i), None) for i in range(max(map(len, lines.rows[:DEEPEST_HEAD]))))
        elif target.table is not None:
            heads.update((str(key), None) for row in target.table for key in row)
    known = Vocabulary(labels={}, columns={told: str(i) for i, told in enumerate(columns)}, renamed={}, measures=())
    used = {known.column(head) for head in heads}
    near = {told: nearest(told, list(heads)) for i, told in enumerate(columns) if str(i) not in used}
    return {told: cure if cure.startswith("did") else "leave it out if no table needs it" for told, cure in near.items()}
