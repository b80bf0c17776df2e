"""A table file as rows of text: CSV in any usual encoding and separator, workbooks, Parquet."""

import codecs
import csv
import difflib
import io
import json
import pickle
import re
import subprocess
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from synthor.errors import Finding, InputError
from synthor.files import TABLE, in_bytes, read_bytes, refuse_irregular
from synthor.schema.text import as_text
from synthor.spec.tables import unusable
from synthor.spec.tables.cells import cells_of
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.packed import gz_bytes, member_bytes, members_of, opened, place_of, several
from synthor.spec.tables.px import px_lines
from synthor.spec.tables.sdmx_ml import sdmx_lines
from synthor.spec.tables.workbook import COVER
from synthor.spec.targets import Layout

if TYPE_CHECKING:
    import zipfile

TEXTS = (".csv", ".tsv", ".txt", ".tab")
WORKBOOKS = (".xlsx", ".xlsm", ".xlsb", ".xls", ".ods")
PX, SDMX = ".px", ".xml"
ENDINGS = (*TEXTS, *WORKBOOKS, PX, SDMX, ".parquet")
SEPARATORS = ",;\t|"
BLANKS = " \t\r\n"
"""Outer blanks of a field; a no-break space at its beginning tells how deep a label lies, and stays."""
INDENTED = ("acs", "genesis", "statcan")
"""Formats in whose files other blanks tell so, too."""
LATIN = ("genesis", "ine", "statcan")
"""Formats of offices that write Windows-1252."""
_NUMBER = re.compile(r"[-\d.,'%\s]+")
_PERCENT = re.compile(r"(?:[0-9]+(?:[.,][0-9]+)?|<1|-|\*) ?%|[-*]")

SEVERAL = 3
"""Columns of a table with one of notes."""
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
LOOKED_AT = 1 << 16
"""Bytes by which it is told what a file is."""
SHEET = re.compile(r"xl/worksheets/[^/]+\.xml")
HIDDEN = re.compile(rb'<(?:row|col)\b[^>]*\bhidden="(?:1|true)"')
MOST_LOOKED_INTO = 32 << 20
"""Bytes of a sheet in which hidden rows are looked for."""
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
        layout: names sheet, encoding and cells.

    Raises:
        InputError: the file is missing, unreadable, empty, or of another kind.
    """
    layout = layout or Layout()
    lines, notes = _read(file, folder, layout)
    return (cells_of(lines, layout.ranges) if layout.ranges else lines), notes


def _read(file: str, folder: Path, layout: Layout) -> tuple[Lines, tuple[str, ...]]:
    """All rows of a file or of its sheet."""
    content, name, path = _content_of(file, folder)
    ending = Path(name).suffix.lower()
    if ending in TEXTS:
        return _from_text(content or b"", file, layout)
    if ending == PX:
        return px_lines(content or b"", file, encoding=layout.encoding, most_fields=MOST_FIELDS)
    if ending == SDMX:
        return sdmx_lines(content or b"", file, most_fields=MOST_FIELDS), ()
    if layout.encoding is not None:
        cure = "leave `encoding` out; it is for text files"
        raise InputError([Finding(where=file, message="has no encoding to choose", cure=cure)])
    rows, notes, left = _of_workbook(content, file, layout.sheet) if ending in WORKBOOKS else (_of_parquet(path, file), (), 0)
    lines = _lines(file, [[as_text(value) for value in row] for row in rows], indented=layout.format in INDENTED)
    return replace(lines, left=left), notes


def tables_in(file: str, folder: Path) -> tuple[list[str], list[Finding]]:
    """The tables of a file as a spec names them, and what the others in it are: those of a zip, otherwise the file itself.

    Args:
        file: as the user wrote it, relative to `folder`.
        folder: of the spec.

    Raises:
        InputError: it is missing, or is a zip that cannot be opened.
    """
    place = place_of(file, folder)
    if place.kind != ".zip" or place.member:
        return [file], []
    refuse_missing(place.path, file)
    tables, others = [], []
    archive = opened(place.path, file)
    for member in members_of(archive, file):
        ending = Path(member).suffix.lower()
        if ending not in (*TEXTS, *WORKBOOKS, PX, SDMX):
            what, cure = unusable.ENDINGS.get(ending, (f"a file called '{ending}'", "leave it out"))
            others.append(Finding(where=f"{file}/{member}", message=f"is {what}", cure=cure))
        elif ending in TEXTS and (why := _no_table(archive, member, file)) is not None:
            others.append(Finding(where=f"{file}/{member}", message=f"is {why[0]}", cure=why[1]))
        else:
            tables.append(member)
    return [f"{file}/{member}" for member in tables], others


def sheets_in(file: str, folder: Path) -> tuple[list[str], str, bool]:
    """The sheets of a workbook that may hold tables, the one that is read unless one is named, and whether rows are hidden.

    Sheets that are hidden, or called like a cover, are left out. Other files have none.

    Args:
        file: as the user wrote it, relative to `folder`.
        folder: of the spec.

    Raises:
        InputError: it cannot be read.
    """
    content, name, _ = _content_of(file, folder)
    if Path(name).suffix.lower() not in WORKBOOKS or content is None:
        return [], "", False
    _refuse_no_workbook(content, file)
    outcome, product = _kept_sheet(None, content) if len(content) <= SMALL else _sheet(None, content)
    if outcome != "rows":
        return [], "", False  # whoever reads it says why
    return [sheet for sheet in product[1] if not COVER.fullmatch(sheet.strip())], product[2], _hides(content)


def _hides(content: bytes) -> bool:
    """Whether rows or columns of an .xlsx are hidden, as far as its parts are small enough to look into."""
    import zipfile

    if not content.startswith(b"PK"):
        return False
    with zipfile.ZipFile(io.BytesIO(content)) as packed:
        parts = [part for part in packed.infolist() if SHEET.fullmatch(part.filename) and part.file_size <= MOST_LOOKED_INTO]
        return any(HIDDEN.search(packed.read(part)) for part in parts)


def _no_table(archive: "zipfile.ZipFile", member: str, shown: str) -> tuple[str, str] | None:
    """What a text in a zip is that is no table, by its beginning; None where it may be one."""
    content = member_bytes(archive, member, shown, most=LOOKED_AT, cut=True)
    if (kind := unusable.kind_of(content)) is not None or not content:
        return kind or ("empty", "leave it out")
    text = content.decode("utf-16" if content[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE) else "utf-8", "replace")
    try:
        rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=_separator(text)))
    except csv.Error:
        return None  # whoever reads it says so
    return unusable.no_table(Lines(source=member, rows=tuple(tuple(row) for row in rows if any(row)), numbers=()))


def _content_of(file: str, folder: Path) -> tuple[bytes | None, str, Path]:
    """What a table file holds, unpacked; the name that tells its kind; where it lies. Parquet is read in place: no content."""
    place = place_of(file, folder)
    if place.kind == ".zip" and not place.member:
        tables, others = tables_in(file, folder)
        if len(tables) != 1:
            members = [table.removeprefix(f"{file}/") for table in tables]
            raise several(file, members, [str(finding).removeprefix(f"{file}/") for finding in others])
        place = place_of(tables[0], folder)
    name = place.member or (place.path.stem if place.kind == ".gz" else place.path.name)
    ending = Path(name).suffix.lower()
    if place.kind == ".gz" and not ending[1:].isalpha() and ending not in ENDINGS:  # named without the ending of its kind
        name, ending = f"{name}.csv", ".csv"
    if ending not in ENDINGS or (ending == ".parquet" and place.kind):
        if ending in unusable.ENDINGS:
            what, cure = unusable.ENDINGS[ending]
            raise InputError([Finding(where=file, message=f"is {what}, not a table that can be read", cure=cure)])
        cure = "unpack it" if place.kind else "use .csv, .tsv, .xlsx, .ods, .px or .parquet"
        raise InputError([Finding(where=file, message=f"cannot read '{Path(name).suffix}' files", cure=cure)])
    refuse_missing(place.path, file)
    if place.kind == ".zip":
        return member_bytes(opened(place.path, file), place.member, file), name, place.path
    if place.kind == ".gz":
        return gz_bytes(place.path, file), name, place.path
    return None if ending == ".parquet" else read_bytes(place.path, most=TABLE, shown=file), name, place.path


def _from_text(content: bytes, shown: str, layout: Layout) -> tuple[Lines, tuple[str, ...]]:
    if (kind := unusable.kind_of(content)) is not None:
        raise InputError([Finding(where=shown, message=f"is {kind[0]}, not a table of text", cure=kind[1])])
    text, notes = _decoded(content, shown, layout.encoding)
    # Quotes may hold line breaks, which must stay as they are.
    rows, numbers = _fields(text, _separator(text), shown)
    if layout.format in LATIN:
        notes = ()  # it is the office's own encoding
    lines = _lines(shown, rows, numbers, indented=layout.format in INDENTED)
    if (why := unusable.no_table(lines)) is not None:
        raise InputError([Finding(where=shown, message=f"is {why[0]}", cure=why[1])])
    return lines, notes


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
    rows, numbers, n_fields, begin = [], [], 0, 1  # a row is counted by its first line: fields may hold line breaks
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, strict=True)
    try:
        for row in reader:
            n_fields += len(row)
            if n_fields > MOST_FIELDS:
                raise too_many_fields(shown, f"more than {MOST_FIELDS:,} fields")
            rows.append(row)
            numbers.append(begin)
            begin = reader.line_num + 1
    except csv.Error as error:
        raise unreadable(shown, str(error), reader.line_num) from None
    return rows, numbers


def _of_workbook(
    content: bytes | None, shown: str, sheet: str | int | None
) -> tuple[Iterable[Sequence[object]], tuple[str, ...], int]:
    """The rows of a sheet, what a reader must know of how it was chosen, and how many columns are left of its first cell."""
    content = content or b""
    _refuse_no_workbook(content, shown)
    outcome, product = _kept_sheet(sheet, content) if len(content) <= SMALL else _sheet(sheet, content)
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
    names, _, chosen, first, left, rows = product
    others = ", ".join(name for name in names if name != chosen and not COVER.fullmatch(name.strip()))
    note = f"sheet '{chosen}' was read; it also has {others}: name one with `layout: {{sheet: ...}}`"
    return [*([[]] * first), *rows], (note,) if sheet is None and others else (), left


def _sheet(sheet: str | int | None, content: bytes) -> tuple[str, Any]:
    """What became of reading a sheet, and its product, as `workbook.read_sheet`; `memory` where that came to an end."""
    import importlib.util

    reader = importlib.util.find_spec("python_calamine")
    assert reader is not None and reader.origin is not None
    told = [str(Path(reader.origin).parents[1]), str(MOST_MEMORY), str(MOST_FIELDS), json.dumps(sheet)]
    script = str(Path(__file__).with_name("workbook.py"))
    ended = subprocess.run([sys.executable, "-I", "-S", script, *told], input=content, capture_output=True, check=False)
    if ended.returncode != 0:  # the library's own way to end where there is no memory, or where it finds itself wrong
        return "memory", None
    found: tuple[str, Any] = pickle.loads(ended.stdout)  # written by our own process
    return found


@lru_cache(maxsize=16)
def _kept_sheet(sheet: str | int | None, content: bytes) -> tuple[str, Any]:
    """As `_sheet`, kept as long as the file holds the same: a run reads a table more than once."""
    return _sheet(sheet, content)


def _refuse_no_workbook(content: bytes, shown: str) -> None:
    """Raise where a file is no workbook, whatever it is called, or unpacks to more than is read."""
    if not content.startswith((b"PK", b"\xd0\xcf")):
        what, cure = unusable.kind_of(content) or ("no workbook", "if it is text, name it .csv, otherwise download it again")
        if what in ("XML", "a web page"):
            cure = "open it in a spreadsheet and save it as .xlsx, or take the table as CSV"
        elif what == "no workbook" and content and _is_text(content):
            what, cure = "text, no workbook", "name it .csv"
        raise InputError([Finding(where=shown, message=f"is {what}", cure=cure)])
    if content.startswith(b"PK") and _unpacked(content) > MOST_UNPACKED:
        message = f"unpacks to more than {in_bytes(MOST_UNPACKED)}, the most that is read of a workbook"
        raise InputError([Finding(where=shown, message=message, cure="save the one table that is meant as CSV")])


def _is_text(content: bytes) -> bool:
    try:
        text = content[:LOOKED_AT].decode("utf-8")
    except UnicodeDecodeError:
        return False
    return text.isprintable() or not set(text).intersection(map(chr, (*range(9), *range(14, 32))))


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
    stripped = ((tuple(strip(field) for field in row), number, _indent(row)) for row, number in told)
    kept, gaps, gap = [], [], False
    for one in stripped:
        if any(one[0]):
            kept.append(one)
            gaps.append(gap)
        gap = not any(one[0])
    if not kept:
        raise InputError([Finding(where=shown, message="the file is empty", cure="write a header row")])
    texts = [row for row, _, _ in kept]
    if again := _shares_below(texts) | _marked_as_totals(texts):
        kept = [one for at, one in enumerate(kept) if at not in again]
        gaps = [one for at, one in enumerate(gaps) if at not in again]
    rows, numbers, indents = zip(*kept, strict=True)
    return Lines(source=shown, rows=rows, numbers=numbers, gaps=tuple(gaps), indents=indents if any(indents) else ())


def _shares_below(rows: Sequence[Sequence[str]]) -> set[int]:
    """Rows without a label that hold per cent alone, below counts, two or more of them: they say what the counts say."""
    found = {
        at
        for at in range(1, len(rows))
        if not rows[at][0]
        and rows[at - 1][0]
        and all(_PERCENT.fullmatch(field) for field in rows[at] if field)
        and any(map(_NUMBER.fullmatch, rows[at - 1][1:]))
    }
    return found if len(found) > 1 else set()


def _marked_as_totals(rows: Sequence[Sequence[str]]) -> set[int]:
    """Rows that a first column `Notes`, blank beside all others, marks as totals: downloads of CDC WONDER have them."""
    if rows[0][0] != "Notes" or len(rows[0]) < SEVERAL:
        return set()
    body = [at for at in range(1, len(rows)) if len(rows[at]) == len(rows[0])]
    marked = {at for at in body if rows[at][0] == "Total"}
    return marked if all(at in marked or not rows[at][0] for at in body) and len(marked) < len(body) else set()


def _indent(row: Sequence[str]) -> int:
    """Blanks before the first label of a row that has some; those before numbers say nothing."""
    for at, field in enumerate(row):
        if field and field[0].isspace():
            text = field.lstrip()
            if text and (at == 0 or not _NUMBER.fullmatch(text)):
                return len(field) - len(text)
    return 0


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
