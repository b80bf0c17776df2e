"""The CSV files of a set-up as pandas reads them: lines behind `#` are comments, and 102.0 and 0102 are the area 102."""

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from synthor.errors import Finding, InputError, nearest
from synthor.schema.text import as_text, number_of
from synthor.spec.tables import read_lines

COMMENT = "#"
_WHOLE = re.compile(r"[-+]?[0-9]+")
BLANKS = frozenset({"", "NA", "N/A", "NaN", "nan", "null", "NULL", "None"})
"""What pandas takes for a missing value, as far as files of surveys hold it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvFile:
    """One file: a header, and rows of as many texts.

    Attributes:
        name: as messages call it.
        heads: names of columns, after renaming.
        rows: texts, as many in each.
        numbers: of each row, as an editor counts.
        notes: what a reader must know of how it was read.
    """

    name: str
    heads: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()

    def column(self, head: str) -> list[str]:
        """The texts of a column.

        Raises:
            InputError: there is none of that name.
        """
        if head not in self.heads:
            cure = nearest(head, self.heads)
            raise InputError([Finding(where=self.name, message=f"has no column '{head}'", cure=cure, label=head)])
        at = self.heads.index(head)
        return [row[at] for row in self.rows]

    def areas(self, head: str) -> list[str]:
        """The names of areas in a column: those that are numbers as pandas tells them, others as they stand.

        Raises:
            InputError: there is no such column, or an area has no name.
        """
        told = self.column(head)
        blank = [number for text, number in zip(told, self.numbers, strict=True) if text in BLANKS]
        if blank:
            cure = f"fill in {head}, or leave the row out"
            raise InputError([Finding(where=self.name, row=row, message=f"{head} is blank", cure=cure) for row in blank[:5]])
        return as_areas(told)


def as_areas(told: Sequence[str]) -> list[str]:
    """Areas by their names, which are numbers where all of a column are.

    >>> as_areas(["102.0", "0103"]), as_areas(["A1", "0103"])
    (['102', '103'], ['A1', '0103'])
    """
    numbers = [number_of(text) for text in told]
    if not all(abs(number) < 1e15 for number in numbers):  # also where one is none
        return list(told)
    return [str(int(text)) if _WHOLE.fullmatch(text) else as_text(number) for text, number in zip(told, numbers, strict=True)]


def read_csv_file(folder: Path, file: str, renamed: Mapping[str, str]) -> CsvFile:
    """A file of a set-up.

    Args:
        folder: that it lies in.
        file: its name there.
        renamed: what columns are called in the set-up, by their heads in the file.

    Raises:
        InputError: it is missing, cannot be read, or has a row that is longer than its header.
    """
    lines, notes = read_lines(file, folder)
    kept = [
        (row, number)
        for row, number in zip(lines.rows, lines.numbers, strict=True)
        if not row[0].startswith(COMMENT) and any(row)
    ]
    if not kept:
        raise InputError([Finding(where=file, message="holds comments alone", cure="write a header row")])
    heads = tuple(renamed.get(head, head) for head in kept[0][0])
    rows = list(_squared([(row, number) for row, number in kept[1:]], len(heads), file))
    return CsvFile(
        name=file, heads=heads, rows=tuple(row for row, _ in rows), numbers=tuple(number for _, number in rows), notes=notes
    )


def _squared(rows: Sequence[tuple[tuple[str, ...], int]], width: int, file: str) -> Iterator[tuple[tuple[str, ...], int]]:
    """Rows as long as the header; commas behind the last field are let be."""
    for row, number in rows:
        if any(row[width:]):
            message = f"has {len(row)} fields, and the header {width}"
            cure = "put a field that holds commas into double quotes"
            raise InputError([Finding(where=file, row=number, message=message, cure=cure)])
        yield (*row[:width], *[""] * (width - len(row))), number


def files_in(folder: Path, *, without: Collection[str] = ()) -> list[str]:
    """Names of the CSV files of a folder."""
    found = sorted(path.name for path in folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith("."))
    return [name for name in found if name not in without]
