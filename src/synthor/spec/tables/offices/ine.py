"""Downloads of the INE, Spain's statistical office: `Sexo;Edad;Periodo;Total`, or a printed table above `Fuente: ...`.

Columns of places go from the nation to the section of a town (`Total Nacional;Provincias;Municipios;...`), and are blank
where a row tells of a larger one. Thousands have points, decimals commas; in English it is the other way round.
"""

import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.figures import in_plain_numbers
from synthor.spec.tables.offices.longform import TOTAL, Column, long_form, not_laid_out, refuse_cut, varying
from synthor.spec.tables.offices.matrix import TOTALS, Marks, matrix
from synthor.spec.tables.offices.signs import INE_TIME, is_flat_ine, printed_by_ine

EXPECTED = "columns such as 'Sexo;Edad;Periodo;Total', or a table above 'Fuente: Instituto Nacional de Estadística'"
ENDS = re.compile(r"(notas?|fuente|notes?|source|footnotes?)\b", re.IGNORECASE)
MARKS = Marks(none=(), hidden=(".", "..", "...", ""))
WHOLE = re.compile(r"\d+|:|\.\.")
ENGLISH = ("period", "sex", "age", "national total", "nationality")


def ine(lines: Lines) -> Lines:
    """A table of the INE in long form.

    Columns: those that vary, under their names, the time as `date`; then `count` where all figures are whole numbers, otherwise
    `value`. `Total`, `Ambos sexos`, `Todas las edades` and a blank place are `Total`; a cell without figure is `:`.

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> rows = (("Sexo", "Periodo", "Total"), ("Hombres", "2022", "1.234.567"), ("Mujeres", "2022", "1.000"))
    >>> ine(Lines(source="56934.csv", rows=rows, numbers=(1, 2, 3))).rows
    (('Sexo', 'count'), ('Hombres', '1234567'), ('Mujeres', '1000'))
    """
    head = [cell.lower() for cell in (lines.rows[0] if lines.rows else ())]
    decimal = "." if set(head) & set(ENGLISH) else ","
    if is_flat_ine(head):
        return _flat(lines, head, decimal)
    if lines.rows and printed_by_ine(lines.rows):
        return matrix(lines, ends=ENDS, marks=MARKS, decimal=decimal)
    raise not_laid_out(lines, "ine", EXPECTED)


def _flat(lines: Lines, head: Sequence[str], decimal: str) -> Lines:
    """A row a cell; the last column is the figure."""
    value = len(head) - 1
    refuse_cut(lines, range(1, len(lines.rows)), last=value, width=len(head))
    rows = lines.rows[1:]
    columns: list[Column] = []
    for at, name in enumerate(head[:value]):
        texts = [TOTAL if not row[at] or TOTALS.fullmatch(row[at]) else row[at] for row in rows]
        columns.append(("date" if name in INE_TIME else lines.rows[0][at], texts))
    figures = in_plain_numbers([MARKS.read(row[value]) for row in rows], decimal=decimal)
    measure = "count" if all(WHOLE.fullmatch(figure) for figure in figures) else "value"
    return long_form(lines, [*varying(columns), (measure, figures)], lines.numbers[1:])
