"""Tables and microdata as they lie on disk: the one place where a user's data files are read."""

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.spec.targets import TargetSpec
from synthor.spec.variables import as_text

RAGGED = "write the same number of fields in every row; quote a field that holds a comma"


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """A table as text: nothing is interpreted yet.

    Attributes:
        source: what to call it in a message: the file as the user wrote it, or the place in the spec.
        columns: names of the columns.
        rows: one tuple of texts a row, outer blanks removed.
        numbers: number of each row as an editor counts it.
    """

    source: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]


def read_target_table(target: TargetSpec, place: str, folder: Path) -> Table:
    """The rows behind one target, from its file or from the spec itself.

    Raises:
        InputError: the file is missing, unreadable, empty, or no table.
    """
    if isinstance(target.table, str):
        return read_table(target.table, folder)
    if target.table is not None:
        columns = tuple(dict.fromkeys(str(key) for row in target.table for key in row))
        return _table(place, columns, [[as_text(row.get(column)) for column in columns] for row in target.table])
    if target.value is not None:
        return _table(place, (str(target.statistic),), [[as_text(target.value)]])
    if target.values is not None:
        return _table(place, ("quantile", "value"), [[as_text(cell) for cell in pair] for pair in target.values.items()])
    inline = target.counts or target.shares or {}
    variable, cells = next(iter(inline.items()))
    return _table(place, (variable, target.kind or ""), [[as_text(cell) for cell in pair] for pair in cells.items()])


def read_table(file: str, folder: Path) -> Table:
    """A table file as text.

    Raises:
        InputError: the file is missing, unreadable, empty, or no table.
    """
    if Path(file).suffix.lower() == ".csv":
        return _read_csv(folder / file, file)
    frame = read_frame(folder / file, shown=file)
    return _table(file, frame.columns, [[as_text(value) for value in row] for row in frame.iter_rows()], first=2)


def _read_csv(path: Path, shown: str) -> Table:
    """A CSV file as the text that it is, with the line of every row; blank lines are passed over."""
    _refuse_missing(path, shown)
    lines: list[list[str]] = []
    numbers: list[int] = []
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.reader(file, strict=True)
            for line in reader:
                if any(field.strip() for field in line):
                    lines.append([field.strip() for field in line])
                    numbers.append(reader.line_num)
    except UnicodeDecodeError as error:
        raise _unreadable(shown, f"it is not UTF-8 text (byte {error.start})") from None
    except csv.Error as error:
        raise _unreadable(shown, str(error), reader.line_num) from None
    except OSError as error:
        raise _unreadable(shown, error.strerror or type(error).__name__) from None
    if not lines:
        raise InputError([Finding(where=shown, message="the file is empty", cure="write a header row")])
    for mark, name in ((";", "semicolons"), ("\t", "tabs")):
        if len(lines[0]) == 1 and mark in lines[0][0]:
            cure = "save it as CSV with commas between fields and points in numbers"
            raise InputError([Finding(where=shown, row=numbers[0], message=f"its fields are separated by {name}", cure=cure)])
    width = len(lines[0])
    ragged = [
        Finding(where=shown, row=number, message=f"has {len(line)} fields, the header has {width}", cure=RAGGED)
        for line, number in zip(lines, numbers, strict=True)
        if len(line) != width
    ]
    if ragged:
        raise InputError(ragged)
    return _table(shown, lines[0], lines[1:], numbers[1:])


def _table(source: str, columns: Sequence[str], rows: list[list[str]], numbers: Sequence[int] = (), first: int = 1) -> Table:
    if not rows:
        raise InputError([Finding(where=source, message="the table has no rows", cure="write one row a cell")])
    return Table(
        source=source,
        columns=tuple(column.strip() for column in columns),
        rows=tuple(tuple(row) for row in rows),
        numbers=tuple(numbers or range(first, first + len(rows))),
    )


def read_frame(path: Path, *, shown: str | None = None) -> pl.DataFrame:
    """Records from CSV or Parquet, by the file's ending.

    Args:
        path: the file.
        shown: what to call it in a message; the path unless given.

    Raises:
        InputError: the file is missing, unreadable or of another kind.
    """
    where = shown or str(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError([Finding(where=where, message=f"cannot read '{path.suffix}' files", cure="use .csv or .parquet")])
    _refuse_missing(path, where)
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None)
    except pl.exceptions.NoDataError:
        raise InputError([Finding(where=where, message="the file is empty", cure="write a header row")]) from None
    except UnicodeDecodeError:
        raise _unreadable(where, "it is not UTF-8 text") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise _unreadable(where, first_line) from error


def _refuse_missing(path: Path, where: str) -> None:
    try:
        there = path.is_file()
    except OSError:  # a name that no file can have, or a folder that may not be entered
        there = False
    if not there:
        raise InputError([Finding(where=where, message="no such file", cure=f"looked in {path.parent}")])


def _unreadable(where: str, reason: str, row: int | None = None) -> InputError:
    cure = "save it as UTF-8 CSV with a header row and the same number of columns in each row, or as Parquet"
    return InputError([Finding(where=where, row=row, message=f"cannot be read: {reason}", cure=cure)])
