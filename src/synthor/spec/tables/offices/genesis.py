"""Downloads of GENESIS, the database of German official statistics: of Destatis, of the Länder, of the regions and the census.

The flat file has a row a figure: `statistics_code;...;time;1_variable_label;1_variable_attribute_label;...;value;value_unit`;
the older one has `1_Auspraegung_Label` and a column `BEVSTD__Bevoelkerungsstand__Anzahl` for each kind of figure. The ordinary
CSV and workbook show the table as it is printed, between title lines and a line `__________`.
"""

import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.figures import (
    best_measure,
    factor_of,
    in_plain_numbers,
    left_out,
    multiplied,
    times,
)
from synthor.spec.tables.offices.longform import (
    TOTAL,
    Column,
    cell_of,
    long_form,
    named_apart,
    not_laid_out,
    refuse_cut,
    refused,
    varying,
)
from synthor.spec.tables.offices.matrix import Marks, matrix
from synthor.spec.tables.offices.signs import is_flat_genesis, printed_by_genesis

EXPECTED = "columns such as 1_variable_attribute_label and value, or a table that ends in a line '__________'"
ENDS = re.compile("_{5,}")
LABEL = re.compile(r"(?P<number>\d)_(?:variable_attribute|auspraegung)_label")
WHOLE = re.compile(r"insgesamt|gesamt|total|", re.IGNORECASE)
MARKS = Marks()
REGIONS = re.compile(r"DINSG|DG|DLAND|REGBEZ|KREISE?|KREI.*|GEMEIN.*|GEO.*|STLAND|RAUM.*")


def genesis(lines: Lines) -> Lines:
    """A table of GENESIS in long form.

    Columns: `date`, `geography`, other variables by their labels or what the header rows call them, where they vary; `level`
    where regions are indented below each other; then `count`, `share` or `value`. `Insgesamt` is `Total`, `-` is 0, and `.`,
    `/` and `...` are `:`. Figures in thousands are multiplied.

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> head = ("statistics_code", "time_code", "time", "1_variable_code", "1_variable_label", "1_variable_attribute_code",
    ...         "1_variable_attribute_label", "value", "value_unit", "value_variable_label")
    >>> rows = (("12411", "STAG", "2022", "GES", "Geschlecht", "GESM", "männlich", "12", "Anzahl", "Bevölkerung"),
    ...         ("12411", "STAG", "2022", "GES", "Geschlecht", "", "Insgesamt", "20", "Anzahl", "Bevölkerung"))
    >>> genesis(Lines(source="12411.csv", rows=(head, *rows), numbers=(1, 2, 3))).rows
    (('Geschlecht', 'count'), ('männlich', '12'), ('Total', '20'))
    """
    head = [cell.strip().lower() for cell in (lines.rows[0] if lines.rows else ())]
    if is_flat_genesis(head):
        return _long(lines, head) if "value" in head else _wide(lines, head)
    if lines.rows and printed_by_genesis(lines.rows):
        return matrix(lines, ends=ENDS, marks=MARKS, decimal=",")
    raise not_laid_out(lines, "genesis", EXPECTED)


def _long(lines: Lines, head: Sequence[str]) -> Lines:
    """The flat file: a row a figure."""
    value = head.index("value")
    refuse_cut(lines, range(1, len(lines.rows)), last=value, width=len(head))
    body = list(zip(lines.rows[1:], lines.numbers[1:], strict=True))
    places = {name: head.index(name) for name in ("value_unit", "value_variable_label", "value_q") if name in head}
    units = [cell_of(row, places.get("value_unit")) or "Anzahl" for row, _ in body]
    measure, kept = best_measure(units)
    notes = left_out(units, kept)
    body, units = [body[at] for at in kept], [units[at] for at in kept]
    plain = in_plain_numbers([MARKS.read(row[value]) for row, _ in body])
    figures = [times(figure, factor_of(unit)) for figure, unit in zip(plain, units, strict=True)]
    notes += multiplied(max(map(factor_of, units), default=1))
    rows = [row for row, _ in body]
    of = ("figures", [cell_of(row, places.get("value_variable_label")) for row in rows])
    columns = varying([*_described(lines, head, rows), of])
    return long_form(lines, [*columns, (measure, figures)], [number for _, number in body], notes=notes)


def _wide(lines: Lines, head: Sequence[str]) -> Lines:
    """The older flat file: a column for each kind of figure, called `code__label__unit`."""
    parted = [(at, lines.rows[0][at].strip().split("__")) for at, name in enumerate(head) if name.count("__") >= 2]
    told = [(at, label, unit) for at, (_, label, unit, *_) in parted]
    if not told:
        raise refused(lines, 0, "no column is called like BEVSTD__Bevoelkerungsstand__Anzahl")
    units = [unit.replace("_", " ") for _, _, unit in told]
    measure, kept = best_measure(units)
    notes = left_out(units, kept)
    refuse_cut(lines, range(1, len(lines.rows)), last=max(at for at, _, _ in told), width=len(head))
    rows: list[tuple[str, ...]] = []
    numbers: list[int] = []
    figures: list[str] = []
    of: list[str] = []
    for place in kept:
        at, label, _ = told[place]
        plain = in_plain_numbers([MARKS.read(row[at]) for row in lines.rows[1:]])
        figures += [times(figure, factor_of(units[place])) for figure in plain]
        rows += lines.rows[1:]
        numbers += lines.numbers[1:]
        of += [label.replace("_", " ")] * len(plain)
    notes += multiplied(max(factor_of(units[place]) for place in kept))
    columns = varying([*_described(lines, head, rows), ("figures", of)])
    return long_form(lines, [*columns, (measure, figures)], numbers, notes=notes)


def _described(lines: Lines, head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[Column]:
    """Date and variables of the cells."""
    time = next((at for at, name in enumerate(head) if name in ("time", "zeit")), None)
    if time is None:
        raise refused(lines, 0, "there is no column of the time")
    columns: list[Column] = [("date", [row[time] for row in rows])]
    for at, name in enumerate(head):
        if found := LABEL.fullmatch(name):
            called = {role: _place(head, found["number"], role) for role in ("label", "code")}
            labels = list(dict.fromkeys(cell_of(row, called["label"]) for row in rows))
            regional = any(REGIONS.fullmatch(cell_of(row, called["code"])) for row in rows)
            codes = [cell_of(row, at - 1) for row in rows]
            texts = [TOTAL if WHOLE.fullmatch(row[at].strip()) else row[at].strip() for row in rows]
            named = "geography" if regional else (labels[0] if labels else "") or f"variable_{found['number']}"
            columns.append((named, named_apart(texts, codes)))
            if regional and len(labels) > 1:
                columns.append(("level", [cell_of(row, called["label"]) for row in rows]))
    return columns


def _place(head: Sequence[str], number: str, role: str) -> int | None:
    return next(
        (head.index(f"{number}_{name}_{role}") for name in ("variable", "merkmal") if f"{number}_{name}_{role}" in head), None
    )
