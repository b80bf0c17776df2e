"""Files that lie beside tables, or are called like them, and are none: what each is, and what to do."""

import codecs
import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines

AGAIN = "open it to see what went wrong, and download the table again"
AS_CSV = "take the table as CSV"
COMPRESSED = (b"\x1f\x8b", b"\x28\xb5\x2f\xfd", b"\x78\x01", b"\x78\x9c", b"\x78\xda")
"""How gzip, Zstandard and zlib begin."""

OTHERS = (
    (b"PK\x03\x04", "a workbook or a packed file", "name it .xlsx or .ods, or .zip"),
    (b"\xd0\xcf\x11\xe0", "an old workbook", "name it .xls"),
    (b"PAR1", "a Parquet file", "name it .parquet"),
    (b"%PDF", "a PDF document", "take the table in another format"),
    (COMPRESSED[0], "a packed file", "name it .gz"),
    *((begin, "a packed file", "unpack it") for begin in COMPRESSED[1:]),
    (
        b"version https://git-lfs",
        "a pointer to the file, which Git LFS keeps elsewhere",
        "run `git lfs pull`, or download the file",
    ),
    (b"/annex/objects/", "a pointer to the file, which git-annex keeps elsewhere", "run `git annex get`, or download the file"),
    *((begin, "a web page", AGAIN) for begin in (b"<!doctype", b"<html", b"<head", b"<body", b"<table")),
    (b"<?xml", "XML", AS_CSV),
    (b"{", "JSON", AS_CSV),
    (b"[{", "JSON", AS_CSV),
    (b'[["', "JSON", AS_CSV),
)
"""How files of other kinds begin that are saved as text or workbook, what they are, and what to do."""

ENDINGS = {
    ".pdf": ("a PDF document", "take the table in another format"),
    ".doc": ("a document", "take the table as CSV or workbook"),
    ".docx": ("a document", "take the table as CSV or workbook"),
    ".json": ("JSON", AS_CSV),
    ".geojson": ("a map", "take the table of the areas as CSV"),
    ".shp": ("a map", "take the table of the areas as CSV"),
    ".html": ("a web page", AS_CSV),
    ".htm": ("a web page", AS_CSV),
    ".md": ("a text", "leave it out"),
    ".7z": ("a packed file of a kind that is not opened", "unpack it"),
    ".bz2": ("a packed file of a kind that is not opened", "unpack it"),
    ".xz": ("a packed file of a kind that is not opened", "unpack it"),
    ".rar": ("a packed file of a kind that is not opened", "unpack it"),
    ".tar": ("a packed file of a kind that is not opened", "unpack it"),
    ".tgz": ("a packed file of a kind that is not opened", "unpack it"),
}
"""Endings of files that hold no table that can be read, what they are, and what to do."""

CODES = ("a list of codes and what they mean", "the table is Observations.csv, TypedDataSet.csv or data.csv")
METADATA = (
    ({"column name", "label"}, 2, "the list of a table's columns", "the table is the file called ...-Data.csv"),
    ({"geo.id", "id"}, 2, "the list of a table's columns", "the table is the file called ..._with_ann.csv"),
    ({"geo_id", "id"}, 2, "the list of a table's columns", "the table is the file called ..._data_with_overlays_....csv"),
    (
        {"geo_id", "geography"},
        2,
        "the list of a table's columns",
        "the table is the file called ..._data_with_overlays_....csv",
    ),
    (
        {"geo code", "geo name", "line number"},
        3,
        "the list of rows where areas begin",
        "the table is the file called ..._data.csv",
    ),
    ({"cube title", "product id"}, 99, "the description of a table", "the table is the file without _MetaData in its name"),
    ({"identifier", "title", "description"}, 99, *CODES),
    ({"key", "title", "description"}, 99, *CODES),
    ({"dimensionkey", "title", "description"}, 99, *CODES),
)
"""Columns of files that describe a table, how many they may have, what they are, and which file is the table."""

LOOK_UP = re.compile(
    r"[a-z]{2,8}\d{2}(?:cd|nm|nmw|cdh|cdo)|fid|objectid\w*|bng_[en]|lat|long|shape\w*|globalid|ruc\d*\w*|dointr|doterm",
    re.IGNORECASE,
)
"""Columns of the Office for National Statistics' look-ups of areas."""

IDENTIFIER = re.compile(
    r"(?:.*[ _.])?(?:id\d?|code|cd|fips|geoid\d*|dguid|nuts\w*|ags|ars|insee|lau\w*|gss|key|fid|objectid|lat|lon|lng|long"
    r"|latitude|longitude|x|y|zip|plz|postcode|nr)|geo_?id",
    re.IGNORECASE,
)
NOTES = re.compile(r".*(?:read[ _]?me|meta|notes?|licen[cs]e|disclaimer|copyright)[^/]*\.txt", re.IGNORECASE)
NUMBER = re.compile(r"[-+]?\d[\d., ]*%?")
SHOWN = 200
"""Rows that are looked at."""


def kind_of(content: bytes) -> tuple[str, str] | None:
    """What a file is that is no text of a table, and what to do; None where it may be one.

    >>> kind_of(b"version https://git-lfs.github.com/spec/v1")[1], kind_of(b"sex,count")
    ('run `git lfs pull`, or download the file', None)
    """
    start = content[:200].removeprefix(codecs.BOM_UTF8).lstrip().lower()
    found = next(((what, cure) for sign, what, cure in OTHERS if start.startswith(sign.lower())), None)
    page = found is not None and found[0] == "XML" and b"<html" in content[:2000].lower()
    return ("a web page", AGAIN) if page else found


def no_table(lines: Lines) -> tuple[str, str] | None:
    """What a file of text is that tells of a table and is none, and what to do; None where it may be one.

    >>> no_table(Lines(source="a.csv", rows=(("Column Name", "Label"), ("B01001_001E", "Total")), numbers=(1, 2)))
    ("the list of a table's columns", 'the table is the file called ...-Data.csv')
    """
    head = tuple(cell.lstrip("\ufeff").strip().lower() for cell in (lines.rows[0] if lines.rows else ()))
    for names, most, what, cure in METADATA:
        if names <= set(head) and len(head) <= most and not any("value" in name or "count" in name for name in head):
            return what, cure
    if NOTES.fullmatch(lines.source) and not any(len(row) > 1 and NUMBER.fullmatch(row[-1]) for row in lines.rows[:SHOWN]):
        return "a text about a table", "leave it out; the table is in a file of its own"
    if all(len(row) == 1 for row in lines.rows[:SHOWN]) and len(lines.rows) > 1:
        if not any(NUMBER.fullmatch(row[0]) for row in lines.rows[:SHOWN]):
            return "text without columns, such as notes", "leave it out, or take the table as CSV"
        return None
    if len(head) > 1 and all(LOOK_UP.fullmatch(name) for name in head if name):
        return "a look-up of areas, which counts nobody", "take a table that counts people in these areas"
    return None


def only_identifiers(lines: Lines) -> tuple[str, str] | None:
    """What a table is that has names and codes alone, and what to do; None where something in it may count or measure.

    It is for who looks for tables: a spec that names one says itself what its columns are.

    >>> only_identifiers(Lines(source="a.csv", rows=(("zone", "name"), ("1", "north"), ("2", "south")), numbers=(1, 2, 3)))
    >>> only_identifiers(Lines(source="a.csv", rows=(("zone_id", "name"), ("1", "north"), ("2", "south")), numbers=(1, 2, 3)))
    ('a table of names and codes alone', 'leave it out; take the table that has the figures')
    """
    head, body = lines.rows[0], [row for row in lines.rows[1:SHOWN] if len(row) == len(lines.rows[0])]
    numbers = [at for at in range(len(head)) if body and all(NUMBER.fullmatch(row[at]) for row in body)]
    if body and _any_code(head, numbers) and all(IDENTIFIER.fullmatch(head[at]) for at in numbers):
        return "a table of names and codes alone", "leave it out; take the table that has the figures"
    return None


def _any_code(head: Sequence[str], numbers: Sequence[int]) -> bool:
    return len(head) > 1 and (bool(numbers) or any(IDENTIFIER.fullmatch(name) for name in head))
