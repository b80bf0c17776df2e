"""Downloads of Nomis, where the United Kingdom's census and labour market statistics are.

Three layouts. The API and "CSV with codes": a row an observation, with pairs of columns such as C_SEX and C_SEX_NAME. The
bulk files of a census: `date, geography, geography code`, then a column a category (`Sex: Male; Age: 0 to 4; measures: Value`).
The web page's CSV: a title, lines such as `"Date :","2011"`, a table, notes; perhaps the same again for another date.
"""

import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.longform import (
    Column,
    cell_of,
    long_form,
    not_laid_out,
    refuse_cut,
    refused,
    shortened,
    varying,
)
from synthor.spec.tables.offices.nomis_web import category, from_the_web_page
from synthor.spec.tables.offices.signs import recognised

EXPECTED = "a title above '... [from Nomis on ...]', columns such as GEOGRAPHY_NAME and OBS_VALUE, or 'date, geography, ...'"
RENAMED = {"GEOGRAPHY_NAME": "geography", "DATE_NAME": "date"}
# Names of what a figure is, in order of preference, and what a spec calls it.
MEASURES = {"value": "count", "number": "count", "percent": "share", "percentage": "share", "%": "share"}
NOT_CELLS = ("MEASURES_NAME", "OBS_STATUS_NAME", "OBS_CONF_NAME")
SUPPRESSED = re.compile(r"suppress|confidential|disclos|unreliable", re.IGNORECASE)
WHOLE = re.compile(r"[0-9,]+|\D*")
PART = re.compile(r";\s+(?=[^;:]+:\s)")


def nomis(lines: Lines) -> Lines:
    """A Nomis table in long form.

    Columns: what varies of the names (`C_SEX_NAME` and the like as published; `geography`, `date`), or of the lines above
    the web page's tables, their rows and their columns (`rows`, `columns` where they have no name); then `count`, `share`
    or `value`. Where a cell is told as number and percentage, the number is kept. Suppressed cells are `c`, other missing
    ones `:`.

    Raises:
        InputError: it is laid out otherwise, is cut, or holds kinds of figures of which none is a number or percentage.

    >>> rows = (("GEOGRAPHY_NAME", "C_SEX_NAME", "MEASURES_NAME", "OBS_VALUE"),
    ...         ("Leeds", "Male", "Value", "1200"), ("Leeds", "Female", "Value", "1300"))
    >>> nomis(Lines(source="sex.csv", rows=rows, numbers=(1, 2, 3))).rows
    (('C_SEX_NAME', 'count'), ('Male', '1200'), ('Female', '1300'))
    """
    if recognised(lines) not in ("nomis", None):
        raise not_laid_out(lines, "nomis", EXPECTED)
    head = [cell.lstrip("\ufeff").upper() for cell in lines.rows[0]] if lines.rows else []
    if "OBS_VALUE" in head:
        return _observations(lines, head)
    if head[:2] == ["DATE", "GEOGRAPHY"]:
        return _bulk(lines)
    if any("from nomis on" in cell.lower() for row in lines.rows[:5] for cell in row):
        return from_the_web_page(lines)
    raise not_laid_out(lines, "nomis", EXPECTED)


def _observations(lines: Lines, head: Sequence[str]) -> Lines:
    """The API's CSV: a row an observation."""
    places = {name: index for index, name in reversed(list(enumerate(head)))}
    kept = [name for name in places if name.endswith("_NAME") and name not in NOT_CELLS]
    kept.sort(key=places.__getitem__)
    if not kept:
        cure = "download it with names, such as GEOGRAPHY_NAME and C_SEX_NAME"
        raise refused(lines, 0, "there are codes but no column of names", cure)
    if len(lines.rows) < 2:
        raise refused(lines, 0, "no figures follow the header")
    last = max(places[name] for name in (*kept, "OBS_VALUE"))
    refuse_cut(lines, range(1, len(lines.rows)), last=last, width=len(head))
    _refuse_part(lines, places.get("RECORD_COUNT"))
    body = list(zip(lines.rows[1:], lines.numbers[1:], strict=True))
    kinds = [cell_of(row, places.get("MEASURES_NAME")) for row, _ in body]
    kind = _kind(lines, kinds, given="MEASURES_NAME" in places)
    body = [pair for pair, its in zip(body, kinds, strict=True) if its == kind]
    figures = [_figure(row, places) for row, _ in body]
    columns: list[Column] = [
        (RENAMED.get(name, lines.rows[0][places[name]]), [category(row[places[name]]) for row, _ in body]) for name in kept
    ]
    return long_form(lines, [*varying(columns), (_measure(kind, figures), figures)], [number for _, number in body])


def _refuse_part(lines: Lines, count: int | None) -> None:
    """Raise where the file has fewer rows than it says itself: Nomis cuts long answers."""
    told = cell_of(lines.rows[1], count)
    n_rows = len(lines.rows) - 1
    if re.fullmatch("[0-9]{1,12}", told) and int(told) > n_rows:
        cure = "download fewer areas or dates at once, or sign in to Nomis, which raises the limit"
        raise refused(lines, 0, f"has {n_rows} of the {int(told)} rows that its column RECORD_COUNT tells of", cure)


def _kind(lines: Lines, kinds: Sequence[str], *, given: bool) -> str:
    """The one kind of figures to keep: numbers before percentages; the only one, if there is but one."""
    distinct = list(dict.fromkeys(kinds))
    if not given or len(distinct) == 1:
        return distinct[0]
    known = [kind for known in MEASURES for kind in distinct if kind.lower() == known]
    if known:
        return known[0]
    named = ", ".join(f"'{shortened(kind, 30)}'" for kind in distinct[:5])
    raise refused(lines, 0, f"its figures are of {len(distinct)} kinds: {named}", "download one kind of figure (measure) only")


def _figure(row: Sequence[str], places: dict[str, int]) -> str:
    """The figure, or the mark of a cell without one.

    Status Q is "missing value; suppressed" in the SDMX code list of observation status; some data sets say it in words.
    """
    text = row[places["OBS_VALUE"]]
    words = " ".join(cell_of(row, places.get(name)) for name in ("OBS_STATUS_NAME", "OBS_CONF_NAME") if name in places)
    if cell_of(row, places.get("OBS_STATUS")) == "Q" or (not text and SUPPRESSED.search(words)):
        return "c"
    return text or ":"


def _bulk(lines: Lines) -> Lines:
    """A census's bulk file: a row an area, a column a category."""
    heads = [_parts(cell) for cell in lines.rows[0]]
    told = [index for index, parts in enumerate(heads) if parts]
    if not told:
        raise refused(lines, 0, "no column is called like 'Sex: Male' or 'Age: 0 to 4; measures: Value'")
    variables = [name for name in heads[told[0]] if name != "measures"]
    odd = [index for index in told if [name for name in heads[index] if name != "measures"] != variables]
    if odd or not variables:
        name = shortened(lines.rows[0][(odd or told)[0]])
        raise refused(lines, 0, f"column '{name}' is not told by {' and '.join(variables) or 'a variable'} as others are")
    kinds = [heads[index].get("measures", "Value") for index in told]
    kind = _kind(lines, kinds, given=True)
    told = [index for index, its in zip(told, kinds, strict=True) if its == kind]
    beside = [
        (name, index) for index, name in enumerate(lines.rows[0]) if not heads[index] and name and name != "geography code"
    ]
    refuse_cut(lines, range(1, len(lines.rows)), last=max(told[-1], *(at for _, at in beside)), width=len(heads))
    cells = [(row, number, index) for row, number in zip(lines.rows[1:], lines.numbers[1:], strict=True) for index in told]
    columns: list[Column] = varying([(name.lower(), [row[at] for row, _, _ in cells]) for name, at in beside])
    columns += [(variable, [category(heads[index][variable]) for _, _, index in cells]) for variable in variables]
    figures = [row[index] or ":" for row, _, index in cells]
    return long_form(lines, [*columns, (_measure(kind, figures), figures)], [number for _, number, _ in cells])


def _measure(kind: str, figures: Sequence[str]) -> str:
    """What a spec calls the figures: "Value" is a count only where all are whole numbers, as densities and areas are not."""
    measure = MEASURES.get(kind.lower(), "value")
    return measure if measure != "count" or all(WHOLE.fullmatch(figure) for figure in figures) else "value"


def _parts(head: str) -> dict[str, str]:
    """Variables and categories of a bulk file's column; empty for a column about the area.

    >>> _parts("Sex: Male; Age: Aged 0 to 4; measures: Value")
    {'Sex': 'Male', 'Age': 'Aged 0 to 4', 'measures': 'Value'}
    >>> _parts("geography code")
    {}
    """
    pairs = [part.partition(": ") for part in PART.split(head)]
    if not all(colon for _, colon, _ in pairs):
        return {}
    return {name.strip(): label.strip() for name, _, label in pairs}
