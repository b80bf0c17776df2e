r"""By what a download of an office is known: signs that only its files have, so that no other table is taken for one."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from synthor.spec.tables.lines import Lines

# First cell of Eurostat's TSV: the dimensions, and time across; its guide shows a slash as well as a backslash.
SERIES = re.compile(r"(?P<dimensions>.+)[\\/]\s*time(_period)?", re.IGNORECASE)
CODE = re.compile(r"((?P<table>[A-Z]+)\d+[A-Z]*_(?:C\d+_)?\d+)(?P<kind>PEA|PMA|PE|PM|EA|MA|NA|E|M|N)")
"""A column of data.census.gov: the statistic, its table, and which figure of it."""
NAMES = {"acs": "data.census.gov", "eurostat": "Eurostat", "nomis": "Nomis"}
TOP = 5
"""Rows in which the signs of a file lie."""

_DIMENSION = re.compile(r"[A-Za-z]\w*")
_PERIOD = re.compile(r"\d{4}([-_]?[MQSWmqsw]?\d{1,2}|-\d{2}-\d{2})?")
_NOMIS_COLUMN = re.compile(r"GEOGRAPHY_(NAME|CODE)|DATE_NAME|MEASURES_NAME|C_[A-Z0-9_]+_NAME")


def recognised(lines: Lines) -> str | None:
    r"""The `layout: {format: ...}` of a file, None where it is no office's download that can be read.

    Args:
        lines: of the file; nothing is asked of its name.

    >>> recognised(Lines(source="a.tsv", rows=(("sex,geo\\TIME_PERIOD", "2021"),), numbers=(1,)))
    'eurostat'
    >>> recognised(Lines(source="a.csv", rows=(("sex", "geo", "count"), ("F", "AT", "1")), numbers=(1, 2)))
    """
    rows = [tuple(cell.lstrip("\ufeff") for cell in row) for row in lines.rows[:TOP] if row]
    return next((office for office, is_its in _SIGNS.items() if rows and is_its(rows)), None)


def _acs(rows: Sequence[tuple[str, ...]]) -> bool:
    """A row of codes such as B01001_001E beside GEO_ID, or labels beside `Oregon!!Estimate`."""
    first = rows[0]
    if "GEO_ID" in first:
        return any(CODE.fullmatch(cell) for cell in first)
    return first[0].startswith("Label (Grouping)")


def _eurostat(rows: Sequence[tuple[str, ...]]) -> bool:
    r"""Dimensions before `\TIME_PERIOD` and periods beside them, or the columns of SDMX-CSV."""
    if {"TIME_PERIOD", "OBS_VALUE"} <= {cell.partition(":")[0].upper() for cell in rows[0]}:
        return True
    # The key may lie in several cells, where its commas were taken for separators.
    cells = [part.strip() for cell in rows[0] for part in cell.split("\t")]
    last = next((at for at, cell in enumerate(cells) if SERIES.fullmatch(cell)), None)
    if last is None:
        return False
    *dimensions, geo = [name.strip() for name in ",".join(cells[: last + 1]).split(",")]
    own = "\\" in geo or len(dimensions) > 0
    named = all(_DIMENSION.fullmatch(name) for name in (*dimensions, re.split(r"[\\/]", geo)[0].strip()))
    return own and named and all(_PERIOD.fullmatch(period) for period in cells[last + 1 :])


def _nomis(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns of the API, of a census's bulk file, or the line that says where a page's table is from."""
    first = [cell.upper() for cell in rows[0]]
    if "OBS_VALUE" in first and any(_NOMIS_COLUMN.fullmatch(name) for name in first):
        return True
    if first[:2] == ["DATE", "GEOGRAPHY"] and "GEOGRAPHY CODE" in first:
        return any(": " in cell for cell in rows[0][3:])
    return any("from nomis on" in cell.lower() for row in rows for cell in row)


_SIGNS: Mapping[str, Callable[[Sequence[tuple[str, ...]]], bool]] = MappingProxyType(
    {"acs": _acs, "eurostat": _eurostat, "nomis": _nomis}
)
