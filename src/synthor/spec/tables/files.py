"""A table file as rows of text: CSV in any usual encoding and separator, workbooks, Parquet."""

import codecs
import csv
import difflib
import io
import json
import pickle
import subprocess
import sys
from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from synthor.errors import Finding, InputError
from synthor.files import TABLE, in_bytes, read_bytes, refuse_irregular
from synthor.spec.tables.lines import Lines
from synthor.spec.targets import Layout
from synthor.spec.variables import as_text

TEXTS = (".csv", ".tsv", ".txt", ".tab")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
ENDINGS = (*TEXTS, *WORKBOOKS, ".parquet")
PACKED = (".zip", ".gz", ".7z", ".bz2", ".xz", ".rar")
COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""How gzip, Zstandard and zlib begin."""

OTHERS = (
    (b"PK\x03\x04", "a workbook or a packed file", "name it .xlsx or .ods, or unpack it"),
    (b"\xd0\xcf\x11\xe0", "an old workbook", "name it .xls"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"%PDF", "a PDF document", "take the table in another format"),
    *((begin, "a packed file", "unpack it") for begin in COMPRESSED),
    (b"<!doctype", "a web page", "open it to see what went wrong, and download the table again"),
    (b"<html", "a web page", "open it to see what went wrong, and download the table again"),
    (b"<?xml", "XML", "take the table as CSV"),
    (b"{", "JSON", "take the table as CSV"),
)
"""How files of other kinds begin that are saved as text, what they are, and what to do."""

SEPARATORS = ",;\t|"
BLANKS = " \t\r\n"
"""Outer blanks of a field; a no-break space at its beginning tells how deep a label lies, and stays."""
INDENTED = ("acs", "genesis", "statcan")
"""Formats in whose files other blanks tell so, too."""

SNIFFED = 200
"""Rows that the separator is told from."""
SNIFFED_TEXT = 1 << 20
"""Characters that these are looked for in."""

MOST_FIELDS = 10_000_000
"""Of a published table; the texts of so many take about 1.5 GB."""
MOST_MEMORY = 3 << 30
"""Bytes, of the process that reads a workbook."""
MOST_UNPACKED = 512 << 20
"""Bytes of a workbook's parts together; a sheet of 10 million cells has about 400 million."""
SMALL = 1 << 20
"""Bytes of a workbook whose sheets are kept once they are read."""

WIDE = ("utf-16", "utf16", "utf_16", "utf-32", "utf32", "utf_32")

MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
"""Byte order marks, longer ones before those that they begin with."""


def read_lines(file: str, folder: Path, layout: Layout | None = None) -> tuple[Lines, tuple[str, ...]]:
    """The rows of a table file, and what a reader must know of how they were read.

    Args:
        file: as the user wrote it, relative to `folder`; its ending tells its kind.
        folder: of the spec.
        layout: names sheet and encoding.

    Raises:
        InputError: the file is missing, unreadable, empty, or of another kind.
    """
    path, layout = folder / file, layout or Layout()
    ending = path.suffix.lower()
    if ending not in ENDINGS:
        cure = "unpack it" if ending in PACKED else "use .csv, .tsv, .xlsx, .ods or .parquet"
        raise InputError([Finding(where=file, message=f"cannot read '{path.suffix}' files", cure=cure)])
    refuse_missing(path, file)
    if ending in TEXTS:
        return _from_text(path, file, layout)
    if layout.encoding is not None:
        cure = "leave `encoding` out; it is for text files"
        raise InputError([Finding(where=file, message="has no encoding to choose", cure=cure)])
    rows, notes = _of_workbook(path, file, layout.sheet) if ending in WORKBOOKS else (_of_parquet(path, file), ())
    return _lines(file, [[as_text(value) for value in row] for row in rows], indented=layout.format in INDENTED), notes


def _from_text(path: Path, shown: str, layout: Layout) -> tuple[Lines, tuple[str, ...]]:
    content = read_bytes(path, most=TABLE, shown=shown)
    _refuse_other_kinds(content, shown)
    text, notes = _decoded(content, shown, layout.encoding)
    # Quotes may hold line breaks, which must stay as they are.
    rows, numbers = _fields(text, _separator(text), shown)
    return _lines(shown, rows, numbers, indented=layout.format in INDENTED), notes


def _refuse_other_kinds(content: bytes, shown: str) -> None:
    """Raise where a file is no text, whatever it is called."""
    start = content[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    for sign, what, cure in OTHERS:
        if start.startswith(sign.lower()):
            raise InputError([Finding(where=shown, message=f"is {what}, not a table of text", cure=cure)])


def _decoded(content: bytes, shown: str, encoding: str | None) -> tuple[str, tuple[str, ...]]:
    """Text of a file: as the spec says, as its mark says, UTF-8, or else Windows-1252, which is told."""
    marked = next((name for mark, name in MARKS if content.startswith(mark)), None)
    chosen = encoding or marked or "utf-8"
    if chosen.lower().startswith(WIDE) and b"\0" not in content:  # its separators and line ends would have one each
        message, cure = f"is not {chosen} text", "leave `encoding` out, or name its own"
        raise InputError([Finding(where=shown, message=message, cure=cure)])
    if chosen == "utf-8" and content.count(0) > len(content) // 3:
        first = "le" if content[1:2] == b"\0" else "be"
        message, cure = "is UTF-16 text without a mark", f"say `layout: {{encoding: utf-16-{first}}}`"
        raise InputError([Finding(where=shown, message=message, cure=cure)])
    try:
        text = content.decode(chosen)
    except LookupError:
        cure = "name one such as utf-8, latin-1, windows-1252, utf-16"
        raise InputError([Finding(where=shown, message=f"no encoding is called '{chosen}'", cure=cure)]) from None
    except UnicodeDecodeError as error:
        row = content.count(b"\n", 0, error.start) + 1
        if chosen != "utf-8" or encoding is not None:
            cure = "name its encoding: `layout: {encoding: ...}`"
            message = f"is not {chosen} text (byte {error.start})"
            raise InputError([Finding(where=shown, row=row, message=message, cure=cure)]) from None
        try:
            text = content.decode("windows-1252")
        except UnicodeDecodeError as worse:
            message = f"is neither UTF-8 nor Windows-1252 text (byte {worse.start})"
            cure = "save it as UTF-8, or name its encoding: `layout: {encoding: ...}`"
            raise InputError([Finding(where=shown, row=row, message=message, cure=cure)]) from None
        if "\0" in text:
            raise unreadable(shown, "it is no text") from None
        return text, (f"is not UTF-8 (row {row}); read as Windows-1252: name another with `layout: {{encoding: ...}}`",)
    if "\0" in text:
        raise unreadable(shown, "it is no text")
    return text.removeprefix("\ufeff"), ()


def _separator(text: str) -> str:
    r"""The mark between fields: the one by which most of the first rows have the same number of fields, above one.

    >>> _separator("sex;count\nmale;1,5\nfemale;2,5\n")
    ';'
    """
    head = "".join(text[:SNIFFED_TEXT].splitlines(keepends=True)[:SNIFFED])

    def agreeing(separator: str) -> tuple[int, int]:
        try:
            widths = [len(row) for row in csv.reader(io.StringIO(head, newline=""), delimiter=separator) if len(row) > 1]
        except csv.Error:
            return (0, 0)
        usual = max(set(widths), key=widths.count) if widths else 0
        return widths.count(usual) if usual else 0, usual

    return max(SEPARATORS, key=agreeing)


def _fields(text: str, separator: str, shown: str) -> tuple[list[list[str]], list[int]]:
    rows, numbers, n_fields = [], [], 0
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            n_fields += len(row)
            if n_fields > MOST_FIELDS:
                raise too_many_fields(shown, f"more than {MOST_FIELDS:,} fields")
            rows.append(row)
            numbers.append(reader.line_num)
    except csv.Error as error:
        raise unreadable(shown, str(error), reader.line_num) from None
    return rows, numbers


def _of_workbook(path: Path, shown: str, sheet: str | int | None) -> tuple[Iterable[Sequence[object]], tuple[str, ...]]:
    """The rows of a sheet, and what a reader must know of how it was chosen."""
    content = read_bytes(path, most=TABLE, shown=shown)
    _refuse_no_workbook(content, shown)
    outcome, product = _kept_sheet(path, sheet, content) if len(content) <= SMALL else _sheet(path, sheet)
    if outcome == "no sheet":
        cure = f"it has {', '.join(product)}" if product else "it has no sheet at all"
        raise InputError([Finding(where=shown, message=f"has no sheet {sheet}", cure=cure, label=str(sheet))])
    if outcome == "cells":
        rows, columns = product
        message = f"its cells reach to row {rows:,} and column {columns:,}, and {MOST_FIELDS:,} cells are the most that is read"
        cure = "delete what lies far from the table, or save the table as CSV"
        raise InputError([Finding(where=shown, message=message, cure=cure)])
    if outcome == "memory":
        message = f"its cells reach so far that it takes more than {in_bytes(MOST_MEMORY)} to read, or it is broken"
        cure = "delete what lies far from the table, or save the table as CSV"
        raise InputError([Finding(where=shown, message=message, cure=cure)])
    if outcome == "broken":
        raise unreadable(shown, str(product))
    names, chosen, first, rows = product
    others = ", ".join(name for name in names if name != chosen)
    note = f"sheet '{chosen}' was read; it also has {others}: name one with `layout: {{sheet: ...}}`"
    return [*([[]] * first), *rows], (note,) if sheet is None and others else ()


def _sheet(path: Path, sheet: str | int | None) -> tuple[str, Any]:
    """What became of reading a sheet, and its product, as `workbook.read_sheet`; `memory` where that came to an end."""
    import importlib.util

    reader = importlib.util.find_spec("python_calamine")
    assert reader is not None and reader.origin is not None
    told = [str(Path(reader.origin).parents[1]), str(path), str(MOST_MEMORY), str(MOST_FIELDS), json.dumps(sheet)]
    script = str(Path(__file__).with_name("workbook.py"))
    ended = subprocess.run(
        [sys.executable, "-I", "-S", script, *told], stdin=subprocess.DEVNULL, capture_output=True, check=False
    )
    if ended.returncode != 0:  # the library's own way to end where there is no memory, or where it finds itself wrong
        return "memory", None
    found: tuple[str, Any] = pickle.loads(ended.stdout)  # written by our own process
    return found


@lru_cache(maxsize=16)
def _kept_sheet(path: Path, sheet: str | int | None, content: bytes) -> tuple[str, Any]:
    """As `_sheet`, kept as long as the file holds the same: a run reads a table more than once."""
    return _sheet(path, sheet)


def _refuse_no_workbook(content: bytes, shown: str) -> None:
    """Raise where a file is no workbook, whatever it is called, or unpacks to more than is read."""
    if not content.startswith((b"PK", b"\xd0\xcf")):
        cure = "if it is text, name it .csv, otherwise download it again"
        raise InputError([Finding(where=shown, message="is no workbook", cure=cure)])
    if content.startswith(b"PK") and _unpacked(content) > MOST_UNPACKED:
        message = f"unpacks to more than {in_bytes(MOST_UNPACKED)}, the most that is read of a workbook"
        raise InputError([Finding(where=shown, message=message, cure="save the one table that is meant as CSV")])


def _unpacked(content: bytes) -> int:
    """To how many bytes a packed file unpacks, whatever it says of itself; not looked at any further once they are too many."""
    import zipfile
    import zlib

    size = 0
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as packed:
            parts = packed.infolist()
            told = sum(part.file_size for part in parts)
            if told > MOST_UNPACKED:
                return told
            for part in parts:
                part.file_size = sys.maxsize  # to be read to its end, not to where it says that it ends
                with packed.open(part) as file:
                    while size <= MOST_UNPACKED and (chunk := file.read(1 << 20)):
                        size += len(chunk)
    except (zipfile.BadZipFile, zlib.error, OSError, EOFError, ValueError, RuntimeError, NotImplementedError):
        return size  # the reader tells what is broken
    return size


def _of_parquet(path: Path, shown: str) -> Iterable[Sequence[object]]:
    from synthor.spec.tables.records import read_table_frame

    frame = read_table_frame(path, shown)
    return [frame.columns, *frame.iter_rows()]


def _lines(shown: str, rows: Iterable[Sequence[str]], numbers: Sequence[int] | None = None, *, indented: bool = False) -> Lines:
    """Rows without blank ones and without blanks around fields; where blanks before a label tell its depth, they stay."""
    told = (
        zip(rows, numbers, strict=True) if numbers is not None else ((row, number) for number, row in enumerate(rows, start=1))
    )
    strip = _outer_blanks_off if indented else _blanks_off
    stripped = ((tuple(strip(field) for field in row), number) for row, number in told)
    kept = [(row, number) for row, number in stripped if any(row)]
    if not kept:
        raise InputError([Finding(where=shown, message="the file is empty", cure="write a header row")])
    return Lines(source=shown, rows=tuple(row for row, _ in kept), numbers=tuple(number for _, number in kept))


def _blanks_off(field: str) -> str:
    return field.strip(BLANKS)


def _outer_blanks_off(field: str) -> str:
    r"""A field whose blanks in front are no-break spaces.

    >>> _outer_blanks_off("  0 to 14 years "), _outer_blanks_off(" ")
    ('\xa0\xa00 to 14 years', '')
    """
    text = field.strip(BLANKS)
    return "\u00a0" * (len(field.rstrip(BLANKS)) - len(text)) + text if text and field[0] in BLANKS else text


def refuse_missing(path: Path, where: str) -> None:
    """Raise when a file is not there, or is none.

    Raises:
        InputError: says where it was looked for, or what it is.
    """
    refuse_irregular(path, where)
    try:
        there = path.is_file()
    except (OSError, ValueError):  # a name that no file can have, or a folder that may not be entered
        there = False
    if not there:
        cure = f"looked in {path.parent}"
        if near := _files_like(path):
            cure = f"did you mean '{near}'? {cure}"
        raise InputError([Finding(where=where, message="no such file", cure=cure)])


def _files_like(path: Path) -> str:
    """The file of that folder whose name is nearest, empty where none is."""
    try:
        names = [other.name for other in path.parent.iterdir() if other.is_file()]
    except (OSError, ValueError):
        return ""
    folded = {name.casefold(): name for name in names}
    close = difflib.get_close_matches(path.name.casefold(), list(folded), n=1)
    return folded[close[0]] if close else ""


def too_many_fields(shown: str, found: str) -> InputError:
    """The error of a table that is larger than any that is published."""
    message = f"has {found}; {MOST_FIELDS:,} are the most that is read of a published table"
    cure = "take the table that is meant, without other columns and areas; for records use `sample`, `measure` or `evaluate`"
    return InputError([Finding(where=shown, message=message, cure=cure)])


def unreadable(shown: str, reason: str, row: int | None = None) -> InputError:
    """The error of a file that is there but cannot be read."""
    cure = "save it as UTF-8 CSV with a header row and the same number of columns in each row, or as Parquet"
    return InputError([Finding(where=shown, row=row, message=f"cannot be read: {reason}", cure=cure)])
