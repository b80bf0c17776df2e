r"""Eurostat's downloads: the TSV of time series, SDMX-CSV, and the spreadsheet.

TSV: the first cell names the dimensions (`freq,unit,sex,age,geo\TIME_PERIOD`), the others the periods; each row is a series, a
figure followed by its flags (`123 bp`, `: c`). SDMX-CSV: a row an observation (`..., geo, TIME_PERIOD, OBS_VALUE, OBS_FLAG`).
"""

import re
from collections.abc import Sequence
from dataclasses import replace

from synthor.errors import Finding, InputError
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.eurostat_sheet import from_the_spreadsheet
from synthor.spec.tables.offices.figures import multiplied, times
from synthor.spec.tables.offices.longform import (
    AGAIN,
    TOTAL,
    Column,
    cell_of,
    long_form,
    not_laid_out,
    refuse_cut,
    refused,
    shortened,
    varying,
)
from synthor.spec.tables.offices.signs import SERIES, is_eurostat_sheet, recognised

EXPECTED = "a first cell such as 'freq,unit,sex,geo\\TIME_PERIOD', or columns TIME_PERIOD and OBS_VALUE"
FLAGS = re.compile(r"[bcdefimnprsuz]{1,4}\Z")
AGE = re.compile(r"Y(?:_?(?P<bound>GE|GT|LT|LE))?_?(?P<first>\d{1,3})(?:[-T](?P<last>\d{1,3}))?")
DIMENSION = re.compile(r"[A-Za-z]\w*")
# Columns of SDMX-CSV that tell of the download, not of the cell.
ABOUT = ("DATAFLOW", "STRUCTURE", "STRUCTURE_ID", "STRUCTURE_NAME", "ACTION", "KEY", "SERIESKEY")
RENAMED = {"geo": "geography", "time": "date", "time_period": "date"}
COUNTED = ("NR", "PER")


def eurostat(lines: Lines) -> Lines:
    r"""A Eurostat table in long form.

    Columns: each dimension that varies, by its code, with `geo` as `geography` and `TIME_PERIOD` as `date`; then `count` where
    the unit is a number (NR) or persons (PER), `share` where it is a percentage (PC, PC_...), otherwise `value`. Ages become
    `15-24`, `65+`, `under 15`, sex T and TOTAL become `Total`. Flags are dropped; a cell without figure is `c` where it is
    confidential, otherwise `:`.

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> rows = (("unit,sex,age,geo\\TIME_PERIOD", "2021"), ("NR,F,Y_GE65,AT", "120 b"), ("NR,M,Y_GE65,AT", ": c"))
    >>> eurostat(Lines(source="pop.tsv", rows=rows, numbers=(1, 2, 3))).rows
    (('sex', 'count'), ('F', '120'), ('M', 'c'))
    """
    rows = [_split_at_tabs(row) for row in lines.rows]
    lines = Lines(source=lines.source, rows=tuple(rows), numbers=lines.numbers)
    if is_eurostat_sheet(rows):
        return from_the_spreadsheet(lines)
    if recognised(lines) not in ("eurostat", "sdmx", None):
        raise not_laid_out(lines, "eurostat", EXPECTED)
    head = rows[0] if rows else ()
    if key := SERIES.fullmatch(cell_of(head, 0).lstrip("\ufeff")):
        return _series(lines, [name.strip() for name in key["dimensions"].split(",")])
    if any(_code(name).upper() == "OBS_VALUE" for name in head):
        return observations(lines)
    raise not_laid_out(lines, "eurostat", EXPECTED)


def _split_at_tabs(row: tuple[str, ...]) -> tuple[str, ...]:
    """The row as the TSV has it, where it was taken for one separated by commas."""
    if any("\t" in cell for cell in row):
        return tuple(cell.strip() for cell in ",".join(row).split("\t"))
    return row


def _series(lines: Lines, dimensions: Sequence[str]) -> Lines:
    """TSV: a row a series, a column a period."""
    periods = [period.strip() for period in lines.rows[0][1:]]
    if not periods or not all(periods) or not all(dimensions):
        raise refused(lines, 0, "the header should name the dimensions, then a period in each column: it is cut")
    keys, figures, numbers, cut = [], [], [], []
    for row, number in zip(lines.rows[1:], lines.numbers[1:], strict=True):
        key = [code.strip() for code in row[0].split(",")] if row else []
        if len(key) != len(dimensions):
            message = f"'{shortened(cell_of(row, 0))}' has {len(key)} codes, the header names {len(dimensions)} dimensions"
            cut.append(Finding(where=lines.source, row=number, message=message, cure=AGAIN))
        elif len(row) != len(periods) + 1:
            message = f"has {len(row) - 1} figures, the header {len(periods)} periods"
            cut.append(Finding(where=lines.source, row=number, message=message, cure=AGAIN))
        else:
            for period, text in zip(periods, row[1:], strict=True):
                keys.append((*key, period))
                figures.append(_figure(*_unflagged(text)))
                numbers.append(number)
    if cut:
        raise InputError(cut)
    texts = list(zip(*keys, strict=True)) or [()] * (len(dimensions) + 1)
    return _long(lines, list(zip((*dimensions, "time"), texts, strict=True)), figures, numbers)


def observations(lines: Lines) -> Lines:
    """SDMX-CSV, of Eurostat or others: a row an observation; figures in powers of ten (UNIT_MULT) are multiplied."""
    names = [_code(name) for name in lines.rows[0]]
    places = {name.upper(): index for index, name in reversed(list(enumerate(names)))}
    time = places.get("TIME_PERIOD", places.get("TIME"))
    if time is None:
        raise refused(lines, 0, "there is no column TIME_PERIOD before OBS_VALUE")
    value = places["OBS_VALUE"]
    kept = [index for index in range(min(time, value)) if _is_dimension(names, index)]
    if not kept:
        raise refused(lines, 0, "no column of a dimension, such as geo, stands before TIME_PERIOD")
    refuse_cut(lines, range(1, len(lines.rows)), last=max(*kept, time, value), width=len(names))
    rows = lines.rows[1:]
    flags = [places.get("OBS_FLAG", places.get("OBS_STATUS")), places.get("CONF_STATUS")]
    figures = [_figure(row[value], "".join(_code(cell_of(row, flag)).lower() for flag in flags)) for row in rows]
    factors = [_factor(_code(cell_of(row, places.get("UNIT_MULT")))) for row in rows]
    figures = [times(figure, factor) for figure, factor in zip(figures, factors, strict=True)]
    columns = [(names[index], [_code(row[index]) for row in rows]) for index in (*kept, time)]
    return replace(_long(lines, columns, figures, lines.numbers[1:]), notes=tuple(multiplied(max(factors, default=1))))


def _factor(power: str) -> int:
    """How many ones a figure stands for: UNIT_MULT is a power of ten."""
    return 10 ** int(power) if re.fullmatch("[0-9]|1[0-2]", power) else 1


def _is_dimension(names: Sequence[str], index: int) -> bool:
    """Whether a column holds codes: not the download's own name, nor the labels that may stand beside the codes."""
    name = names[index]
    before = {other.lower() for other in names[:index]}
    return bool(DIMENSION.fullmatch(name)) and name.upper() not in ABOUT and name.lower() not in before


def _code(text: str) -> str:
    """The code of `F:Females`, as downloads with labels write it.

    >>> _code("geo:Geopolitical entity"), _code("AT"), _code(":")
    ('geo', 'AT', '')
    """
    return text.lstrip("\ufeff").partition(":")[0].strip()


def _unflagged(text: str) -> tuple[str, str]:
    """A figure and its flags.

    >>> _unflagged("1234.5 bp"), _unflagged(":c"), _unflagged(": "), _unflagged("12")
    (('1234.5', 'bp'), (':', 'c'), (':', ''), ('12', ''))
    """
    text = text.strip()
    if text == "c":
        return "", "c"
    flags = FLAGS.search(text, max(len(text) - 4, 0))
    figure = text[: flags.start()].rstrip() if flags else ""
    return (figure, flags[0]) if flags and (figure == ":" or any(char.isdigit() for char in figure)) else (text, "")


def _figure(text: str, flags: str) -> str:
    """The figure, or the mark of a cell without one."""
    if text not in ("", ":"):
        return text
    return "c" if "c" in flags else ":"


def _long(lines: Lines, columns: Sequence[Column], figures: Sequence[str], numbers: Sequence[int]) -> Lines:
    """Dimensions in words, those that vary, and the figures under the name of what they measure."""
    units = {text for name, texts in columns if name.lower() == "unit" for text in texts}
    measure = _measure(units.pop()) if len(units) == 1 else "value"
    worded = [(RENAMED.get(name.lower(), name), _worded(name.lower(), texts)) for name, texts in columns]
    return long_form(lines, [*varying(worded), (measure, figures)], numbers)


def _measure(unit: str) -> str:
    if unit in COUNTED:
        return "count"
    return "share" if unit == "PC" or unit.startswith("PC_") else "value"


def _worded(dimension: str, codes: Sequence[str]) -> list[str]:
    """Codes of ages, sexes and totals in words; others as they are."""
    words = {code: _word(dimension, code) for code in set(codes)}
    return [words[code] for code in codes]


def _word(dimension: str, code: str) -> str:
    """One code in words.

    >>> [_word("age", code) for code in ("Y15-24", "Y15T24", "Y_GE65", "Y_LT15", "Y40", "TOTAL", "UNK")]
    ['15-24', '15-24', '65+', 'under 15', '40', 'Total', 'UNK']
    """
    if code in ("TOTAL", "_T") or (dimension == "sex" and code == "T"):
        return TOTAL
    match = AGE.fullmatch(code) if dimension.startswith("age") else None
    if match is None:
        return code
    first, last = int(match["first"]), match["last"]
    if last is not None:
        return code if match["bound"] else f"{match['first']}-{last}"
    words = {"GE": f"{first}+", "GT": f"{first + 1}+", "LT": f"under {first}", "LE": f"under {first + 1}", None: f"{first}"}
    return words[match["bound"]]
