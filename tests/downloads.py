"""Downloads of statistical offices, as a reader of files hands them on."""

import csv
import io

from synthor.spec.tables.lines import Lines


def published(text: str, *, mark: str = ",", source: str = "table.csv") -> Lines:
    """A file's text as rows: outer blanks gone but for no-break spaces, blank rows left out, numbered as an editor does."""
    found = [
        (tuple(cell.strip(" ") for cell in row), number)
        for number, row in enumerate(csv.reader(io.StringIO(text), delimiter=mark), 1)
        if any(cell.strip() for cell in row)
    ]
    return Lines(source=source, rows=tuple(row for row, _ in found), numbers=tuple(number for _, number in found))
