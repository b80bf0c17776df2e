"""Downloads of StatLine, the database of CBS, the statistical office of the Netherlands.

Of the page: a table as it is printed, above `Bron: CBS`, or a row a combination, with columns such as `Bevolking (aantal)`. Of
the open data: `ID;Geslacht;Perioden;BevolkingOp1Januari_1` with codes in place of labels, or Observations, a row a figure.
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
from synthor.spec.tables.offices.longform import TOTAL, Column, cell_of, long_form, not_laid_out, refuse_cut, varying
from synthor.spec.tables.offices.matrix import TOTALS, Marks, matrix
from synthor.spec.tables.offices.signs import CBS_FIGURE, CBS_UNIT, is_coded_cbs, is_flat_cbs, printed_by_cbs

EXPECTED = "a table above 'Bron: CBS', or columns such as 'Perioden' and 'Bevolking (aantal)' or 'Bevolking_1'"
ENDS = re.compile(r"(bron|source): |© cbs", re.IGNORECASE)
MARKS = Marks(none=("-",), hidden=(".", "", "*"))
PERIOD = re.compile(r"(?P<year>\d{4})(?P<kind>JJ|KW|MM)(?P<part>\d{2})")
WHOLE = re.compile(r"[-+]?\d+|:|x|0")
TIMES = ("perioden", "periods")
REGIONS = re.compile(r"regio['’]?\w*|wijken\w*|gemeente\w*|provincie\w*|regions?", re.IGNORECASE)
REGION = re.compile(r"(?P<level>NL|LD|PV|CR|GM|WK|BU|GG|RB|AM|RL|RP)\w*")
NATION = "NL"
SEX = {"3000": "Mannen", "4000": "Vrouwen"}
"""Codes of all tables; those of ages and others differ, and stay."""


def cbs(lines: Lines) -> Lines:
    """A table of StatLine in long form.

    Columns: what varies, under its name; periods as `date`, regions as `geography`, beside `level` where codes tell of several;
    `figures` where several kinds of them are counts; then `count`, `share` or `value`, as the units say. Totals are `Total`;
    codes of sexes and periods are put into words. `-` is 0; `.` and blank cells are `:`. Figures in thousands are multiplied.

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> rows = (("ID", "Geslacht", "Perioden", "Bevolking_1"), ("0", "3000", "2023JJ00", "12"), ("1", "4000", "2023JJ00", "13"))
    >>> cbs(Lines(source="03759ned.csv", rows=rows, numbers=(1, 2, 3))).rows
    (('Geslacht', 'count'), ('Mannen', '12'), ('Vrouwen', '13'))
    """
    head = [cell.strip() for cell in (lines.rows[0] if lines.rows else ())]
    lower = [cell.lower() for cell in head]
    if {"measure", "valueattribute", "value"} <= set(lower):
        return _observations(lines, head, lower)
    if head and is_coded_cbs(head):
        told = [at for at, name in enumerate(head) if CBS_FIGURE.fullmatch(name)]
        return _flat(lines, head, told, [head[at].rpartition("_")[0] for at in told], [""] * len(told), decimal=".")
    if is_flat_cbs(head):
        told = [at for at, name in enumerate(head) if CBS_UNIT.fullmatch(name)]
        found = [match for name in head if (match := CBS_UNIT.fullmatch(name))]
        return _flat(lines, head, told, [match["name"] for match in found], [match["unit"] for match in found], decimal=",")
    if lines.rows and printed_by_cbs(lines.rows):
        return matrix(lines, ends=ENDS, marks=MARKS, decimal=",")
    raise not_laid_out(lines, "cbs", EXPECTED)


def _flat(
    lines: Lines, head: Sequence[str], told: Sequence[int], names: Sequence[str], units: Sequence[str], *, decimal: str
) -> Lines:
    """A row a combination, a column a kind of figure."""
    last = next((at for at, row in enumerate(lines.rows) if ENDS.match(cell_of(row, 0))), len(lines.rows))
    beside = [at for at, name in enumerate(head) if at not in told and name.lower() != "id"]
    refuse_cut(lines, range(1, last), last=max(*told, *beside), width=len(head))
    measure, kept = best_measure(units) if any(units) else ("", list(range(len(told))))
    rows: list[tuple[str, ...]] = []
    numbers: list[int] = []
    figures: list[str] = []
    of: list[str] = []
    for place in kept:
        factor = factor_of(units[place])
        plain = in_plain_numbers([MARKS.read(row[told[place]].strip()) for row in lines.rows[1:last]], decimal=decimal)
        figures += [times(figure, factor) for figure in plain]
        rows += lines.rows[1:last]
        numbers += lines.numbers[1:last]
        of += [names[place]] * len(plain)
    columns = [*_described(head, rows, beside), ("figures", of)]
    notes = [*left_out(units, kept), *multiplied(max(factor_of(units[place]) for place in kept))]
    return long_form(lines, [*varying(columns), (measure or _measure(figures), figures)], numbers, notes=notes)


def _observations(lines: Lines, head: Sequence[str], lower: Sequence[str]) -> Lines:
    """A row a figure; what it measures is a code."""
    value, measure = lower.index("value"), lower.index("measure")
    about = ("id", "measure", "valueattribute", "value", "stringvalue")
    beside = [at for at, name in enumerate(lower) if name not in about]
    refuse_cut(lines, range(1, len(lines.rows)), last=max(value, measure, *beside), width=len(head))
    rows = lines.rows[1:]
    hidden = [cell_of(row, lower.index("valueattribute")).lower() == "confidential" for row in rows]
    plain = in_plain_numbers([MARKS.read(row[value]) for row in rows], decimal=".")
    figures = ["x" if secret and figure == ":" else figure for figure, secret in zip(plain, hidden, strict=True)]
    columns = [*_described(head, rows, beside), ("figures", [row[measure] for row in rows])]
    return long_form(lines, [*varying(columns), (_measure(figures), figures)], lines.numbers[1:])


def _measure(figures: Sequence[str]) -> str:
    return "count" if all(WHOLE.fullmatch(figure) for figure in figures) else "value"


def _described(head: Sequence[str], rows: Sequence[Sequence[str]], at: Sequence[int]) -> list[Column]:
    columns: list[Column] = []
    for index in at:
        texts = [row[index].strip() for row in rows]
        if head[index].lower() in TIMES:
            columns.append(("date", [_period(text) for text in texts]))
        elif REGIONS.fullmatch(head[index]):
            found = [REGION.fullmatch(text) for text in texts]
            levels = [match["level"] if match else "" for match in found]
            parts = set(levels) - {NATION}
            places = [TOTAL if level == NATION and parts else text for text, level in zip(texts, levels, strict=True)]
            if len(parts) > 1:
                columns.append(("level", [TOTAL if level == NATION else level for level in levels]))
            columns.append(("geography", places))
        else:
            sexes = SEX if head[index].lower() in ("geslacht", "sex") else {}
            columns.append((head[index], [_category(sexes.get(text, text)) for text in texts]))
    return columns


def _category(text: str) -> str:
    """A label; codes of totals begin with T.

    >>> _category("T001038"), _category("Totaal mannen en vrouwen"), _category("Mannen")
    ('Total', 'Total', 'Mannen')
    """
    return TOTAL if TOTALS.fullmatch(text) or re.fullmatch(r"T\d{6}", text) else text


def _period(text: str) -> str:
    """A period in words.

    >>> _period("2023JJ00"), _period("2023KW02"), _period("2023MM11"), _period("2023")
    ('2023', '2023 Q2', '2023-11', '2023')
    """
    if (found := PERIOD.fullmatch(text)) is None:
        return text
    return {"JJ": found["year"], "KW": f"{found['year']} Q{int(found['part'])}", "MM": f"{found['year']}-{found['part']}"}[
        found["kind"]
    ]
