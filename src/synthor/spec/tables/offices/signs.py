r"""By what a download of an office is known: signs that only its files have, so that no other table is taken for one."""

import re
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType

from synthor.spec.tables.lines import Lines

# First cell of Eurostat's TSV: the dimensions, and time across; its guide shows a slash as well as a backslash.
SERIES = re.compile(r"(?P<dimensions>.+)[\\/]\s*time(_period)?", re.IGNORECASE)
CODE = re.compile(r"((?P<table>[A-Z]+)\d+[A-Z]*_(?:C\d+_)?\d+)(?P<kind>PEA|PMA|PE|PM|EA|MA|NA|E|M|N)")
"""A column of data.census.gov: the statistic, its table, and which figure of it."""
FRENCH_CODR = {
    "PÉRIODE DE RÉFÉRENCE": "REF_DATE",
    "GÉO": "GEO",
    "UNITÉ DE MESURE": "UOM",
    "IDENTIFICATEUR D'UNITÉ DE MESURE": "UOM_ID",
    "FACTEUR SCALAIRE": "SCALAR_FACTOR",
    "IDENTIFICATEUR SCALAIRE": "SCALAR_ID",
    "VECTEUR": "VECTOR",
    "COORDONNÉES": "COORDINATE",
    "VALEUR": "VALUE",
    "STATUT": "STATUS",
    "SYMBOLE": "SYMBOL",
    "TERMINÉ": "TERMINATED",
    "DÉCIMALES": "DECIMALS",
}
"""Columns of Statistics Canada's tables in French, and in English."""
IN_HEAD = re.compile(
    r"(?P<variable>[^:]+\(\d+[A-Z]?\)): ?(?P<label>.+?) ?\[\d+\]|Dim: (?P<dimension>.+?): Member ID: \[\d+\]: (?P<member>.+)",
    re.I,
)
"""A column of figures of Statistics Canada's census tables: the variable, how many categories it has, and which one it is."""
V4 = re.compile(r"v4_(\d)", re.IGNORECASE)
"""First column of tables of the Office for National Statistics; the number of columns that tell of the figure follows."""
MEMBER = re.compile(r"(Member ID|Notes): ", re.IGNORECASE)
INE_TIME = ("periodo", "período", "period")
CBS_FIGURE = re.compile(r"[A-Za-z]\w*_\d{1,3}")
"""A column of figures in CBS's open data: its name and its number among them."""
CBS_UNIT = re.compile(r"(?P<name>.+) \((?P<unit>(?:aantal|number|%|x 1 |1 000|euro|mln|per ).*)\)", re.IGNORECASE)
"""A column of figures in StatLine's table of rows: its name and its unit."""
NAMES = {
    "acs": "data.census.gov",
    "cbs": "CBS StatLine",
    "eurostat": "Eurostat",
    "genesis": "GENESIS",
    "ine": "the INE of Spain",
    "nomis": "Nomis",
    "ons": "the Office for National Statistics",
    "sdmx": "SDMX sources",
    "statcan": "Statistics Canada",
}
TOP = 5
"""Rows in which the signs of a file lie."""

TAIL = 40
"""Rows in which the notes below a table lie."""
_DIMENSION = re.compile(r"[A-Za-z]\w*")
_PERIOD = re.compile(r"\d{4}([-_]?[MQSWmqsw]?\d{1,2}|-\d{2}-\d{2})?")
_GERMAN_OFFICE = re.compile(
    r"statistische[sr]? (bundesamt|landes|ämter|amt)|destatis|federal statistical office", re.IGNORECASE
)
_CBS = re.compile(r"(bron|source): (cbs\b|centraal bureau voor de statistiek|statistics netherlands)|© cbs\b", re.IGNORECASE)
_NOMIS_COLUMN = re.compile(r"GEOGRAPHY_(NAME|CODE)|DATE_NAME|MEASURES_NAME|C_[A-Z0-9_]+_NAME")


def recognised(lines: Lines) -> str | None:
    r"""The `layout: {format: ...}` of a file, None where it is no office's download that can be read.

    Args:
        lines: of the file; nothing is asked of its name.

    >>> recognised(Lines(source="a.tsv", rows=(("sex,geo\\TIME_PERIOD", "2021"),), numbers=(1,)))
    'eurostat'
    >>> recognised(Lines(source="a.csv", rows=(("sex", "geo", "count"), ("F", "AT", "1")), numbers=(1, 2)))
    """
    rows = [
        tuple(cell.lstrip("\ufeff").strip() for cell in row) for row in (*lines.rows[:TOP], *lines.rows[TOP:][-TAIL:]) if row
    ]
    return next((office for office, is_its in _SIGNS.items() if rows and is_its(rows)), None)


def _first(row: Sequence[str]) -> str:
    return row[0] if row else ""


def _acs(rows: Sequence[tuple[str, ...]]) -> bool:
    """A row of codes such as B01001_001E beside GEO_ID, or labels beside `Oregon!!Estimate`; the same in a workbook."""
    first = rows[0]
    if is_acs_sheet(rows) or is_factfinder(first):
        return True
    if "GEO_ID" in first:
        return any(CODE.fullmatch(cell) for cell in first)
    return first[0].startswith("Label (Grouping)")


def is_acs_sheet(rows: Sequence[Sequence[str]]) -> bool:
    """Whether areas stand above `Label, Estimate, Margin of Error`, as in workbooks of data.census.gov."""
    under = rows[1] if len(rows) > 1 else ()
    return (
        _first(under) in ("Label", "Label (Grouping)") and not _first(rows[0]) and {"Estimate", "Margin of Error"} <= set(under)
    )


def is_factfinder(head: Sequence[str]) -> bool:
    """Whether a header row is that of American FactFinder, which data.census.gov followed."""
    return {"GEO.id", "GEO.display-label"} <= set(head)


def _eurostat(rows: Sequence[tuple[str, ...]]) -> bool:
    r"""Dimensions before `\TIME_PERIOD` and periods beside them, or the columns of SDMX-CSV."""
    if is_sdmx_csv(rows[0]):
        return _of_eurostat(rows)
    if is_eurostat_sheet(rows):
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


def is_eurostat_sheet(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a sheet begins as those of Eurostat's spreadsheets do."""
    first = _first(rows[0]) if rows else ""
    return first.lower().startswith("data extracted on") and "ESTAT" in first


def is_sdmx_csv(head: Sequence[str]) -> bool:
    """Whether a header row is that of SDMX-CSV, with labels behind its names or without."""
    return {"TIME_PERIOD", "OBS_VALUE"} <= {cell.lstrip("\ufeff").partition(":")[0].upper() for cell in head}


def _of_eurostat(rows: Sequence[tuple[str, ...]]) -> bool:
    """Whether SDMX-CSV is Eurostat's: its data flow says so, or where it names none, its dimensions do."""
    head = [cell.partition(":")[0] for cell in rows[0]]
    flows = [at for at, name in enumerate(head) if name.upper() in ("DATAFLOW", "STRUCTURE_ID")]
    told = [row[at] for row in rows[1:] for at in flows if at < len(row)]
    return any(text.upper().startswith("ESTAT") for text in told) if told else "geo" in head


def _sdmx(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns of SDMX-CSV, of whatever source."""
    return is_sdmx_csv(rows[0])


def _nomis(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns of the API, of a census's bulk file, or the line that says where a page's table is from."""
    first = [cell.upper() for cell in rows[0]]
    if "OBS_VALUE" in first and any(_NOMIS_COLUMN.fullmatch(name) for name in first):
        return True
    if first[:2] == ["DATE", "GEOGRAPHY"] and "GEOGRAPHY CODE" in first:
        return any(": " in cell for cell in rows[0][3:])
    return any("from nomis on" in cell.lower() for row in rows[:TOP] for cell in row)


def _statcan(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns that each full table has, those of a profile, or the categories in the heads of a census table."""
    first = [FRENCH_CODR.get(cell.upper(), cell.upper()) for cell in rows[0]]
    if {"CHARACTERISTIC_NAME", "C1_COUNT_TOTAL"} <= set(first):
        return True
    in_heads = any(IN_HEAD.fullmatch(cell) for cell in rows[0])
    if "REF_DATE" in first:
        return ("VALUE" in first and bool({"VECTOR", "COORDINATE"} & set(first))) or ("DGUID" in first and in_heads)
    return "GEO_CODE (POR)" in first and in_heads


def twins(head: Sequence[str]) -> list[tuple[int, int]]:
    """Places of columns that hold the codes of others, each with that of the labels.

    >>> twins(("Sex Code", "Sex", "Observation"))
    [(0, 1)]
    """
    pairs = [(at, name.removesuffix(" Code")) for at, name in enumerate(head) if name.endswith(" Code")]
    return [(at, head.index(name)) for at, name in pairs if name in head]


def _ons(rows: Sequence[tuple[str, ...]]) -> bool:
    """A column of codes for each of labels, and Observation; or the figure before such pairs."""
    first = rows[0]
    if found := V4.fullmatch(first[0]):
        return (len(first) - 1 - int(found[1])) % 2 == 0
    return bool(twins(first)) and first[-1].lower() == "observation"


def is_flat_genesis(head: Sequence[str]) -> bool:
    """Whether a header row, in small letters, is that of a flat file of GENESIS."""
    return ("1_variable_attribute_label" in head and "time_code" in head) or {"statistik_code", "zeit_code"} <= set(head)


def printed_by_genesis(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a line of underscores stands before the name of a German office, below the table."""
    line = next((at for at, row in enumerate(rows) if re.match("_{5,}", _first(row))), None)
    return line is not None and any(_GERMAN_OFFICE.search(_first(row)) for row in rows[line:])


def _genesis(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns of a flat file, or what stands above and below a printed table."""
    return is_flat_genesis([cell.lower() for cell in rows[0]]) or printed_by_genesis(rows)


def is_flat_ine(head: Sequence[str]) -> bool:
    """Whether a header row, in small letters, is that of a table of the INE: its figures are called Total."""
    told = bool(set(head) & {*INE_TIME, "total nacional", "national total"})
    return told and len(head) > 1 and head[-1] == "total"


def printed_by_ine(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a line below the table names the INE as its source."""
    return any(
        re.match(r"(fuente|source):? *(instituto nacional de estad|ine\b|national statistics institute)", _first(row), re.I)
        for row in rows
    )


def _ine(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns of a table of rows, or the source below a printed one."""
    return is_flat_ine([cell.lower() for cell in rows[0]]) or printed_by_ine(rows)


def is_coded_cbs(head: Sequence[str]) -> bool:
    """Whether a header row is that of CBS's open data: a number of the row, periods, figures with their number."""
    return head[0] == "ID" and bool({"Perioden", "Periods"} & set(head)) and any(CBS_FIGURE.fullmatch(name) for name in head)


def is_flat_cbs(head: Sequence[str]) -> bool:
    """Whether a header row is that of StatLine's table of rows: periods, and figures with their units."""
    return bool({"Perioden", "Periods"} & set(head)) and any(CBS_UNIT.fullmatch(name) for name in head)


def printed_by_cbs(rows: Sequence[Sequence[str]]) -> bool:
    """Whether a line of its own below the table names CBS as its source."""
    return any(_CBS.match(_first(row)) and not any(row[1:]) for row in rows[1:])


def _cbs(rows: Sequence[tuple[str, ...]]) -> bool:
    """The columns of open data or of a table of rows, or the source below a printed one."""
    head = rows[0]
    observed = {"Measure", "ValueAttribute", "Value"} <= set(head)
    return observed or is_coded_cbs(head) or is_flat_cbs(head) or printed_by_cbs(rows)


_SIGNS: Mapping[str, Callable[[Sequence[tuple[str, ...]]], bool]] = MappingProxyType(
    {
        "acs": _acs,
        "cbs": _cbs,
        "eurostat": _eurostat,
        "genesis": _genesis,
        "ine": _ine,
        "nomis": _nomis,
        "ons": _ons,
        "sdmx": _sdmx,
        "statcan": _statcan,
    }
)
