"""Downloads of Statistics Canada: full tables (CODR), in one row a cell or with a column a category; the census of 2016.

A full table has REF_DATE, GEO, DGUID, a column a dimension, then what tells of the figure: UOM, SCALAR_FACTOR, VECTOR,
COORDINATE, VALUE, STATUS and more. Tables of the 2021 census have columns such as `Gender (3):Men+[2]` in place of VALUE,
each with symbols behind it; those of 2016 have `DIM: ...` beside `Member ID: ...`, and `Dim: Sex (3): Member ID: [2]: Male`.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.figures import FACTORS, best_measure, in_plain_numbers, left_out, multiplied, times
from synthor.spec.tables.offices.longform import (
    TOTAL,
    Column,
    cell_of,
    long_form,
    named_apart,
    not_laid_out,
    refuse_cut,
    refused,
    shortened,
    varying,
)
from synthor.spec.tables.offices.signs import FRENCH_CODR, IN_HEAD, MEMBER
from synthor.spec.tables.offices.statcan_profile import is_profile, profile

EXPECTED = "columns REF_DATE, GEO, DGUID, ..., VALUE, or CENSUS_YEAR, ..., CHARACTERISTIC_NAME, C1_COUNT_TOTAL"
ABOUT = ("UOM", "UOM_ID", "SCALAR_FACTOR", "SCALAR_ID", "VECTOR", "COORDINATE", "VALUE", "STATUS", "SYMBOL", "TERMINATED")
"""Columns of a full table that tell of the figure, in the order of the file."""
OF_CENSUS = ("GEO_CODE (POR)", "GEO_LEVEL", "GNR", "GNR_LF", "DATA_QUALITY_FLAG", "ALT_GEO_CODE", "CSD_TYPE_NAME", "DGUID")
SYMBOLS = ("symbol", "symbols", "symboles", "symbole")
MARKS = {"F": ":", "x": "x", "X": "x", "..": "..", "...": "...", "…": "..."}
"""Signs of a cell that is not told: too unreliable to be published, suppressed, not available, not applicable."""
WHOLE = re.compile(r"total\b.*|both sexes|all ages|les deux sexes|tous les âges|both genders|all persons", re.IGNORECASE)
NO_COUNT = re.compile(
    r"(average|median|mean|% )\b.*|.*(% distribution|percent|density|\brate\b|\brank(ing)?\b|square kilomet).*", re.IGNORECASE
)
"""Categories of a census table whose figures are no counts."""
COUNTER = re.compile(r"\s*\(\d+[A-Z]?\)\Z")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heads:
    """Columns whose heads are categories: the variable, and place, label and place of the symbol of each."""

    variable: str
    cells: tuple[tuple[int, str, int | None], ...]


def statcan(lines: Lines) -> Lines:
    """A table of Statistics Canada in long form.

    Columns: `geography` and `date`, each dimension under its name, where they vary; then `count` where the unit is persons, a
    number and the like, `share` where it is a percentage, otherwise `value`. Of counts beside other figures counts are kept.
    Figures in thousands or millions are multiplied. Totals (`Both sexes`, `Total - Gender`) are `Total`. Cells without figure
    are `x`, `..` or `...` as the file marks them, otherwise `:`. A census profile has `topic` and `level_1`, `level_2`, ...

    Raises:
        InputError: it is laid out otherwise, or is cut.

    >>> rows = (("REF_DATE", "GEO", "DGUID", "Sex", "UOM", "SCALAR_FACTOR", "VECTOR", "COORDINATE", "VALUE", "STATUS"),
    ...         ("2021", "Canada", "a", "Males", "Persons", "thousands", "v1", "1.2", "1.5", ""),
    ...         ("2021", "Canada", "a", "Females", "Persons", "thousands", "v2", "1.3", "", "x"))
    >>> statcan(Lines(source="17100005.csv", rows=rows, numbers=(1, 2, 3))).rows
    (('Sex', 'count'), ('Males', '1500'), ('Females', 'x'))
    """
    head = [FRENCH_CODR.get(cell.upper(), cell) for cell in (lines.rows[0] if lines.rows else ())]
    upper = [cell.upper() for cell in head]
    if is_profile(upper):
        return profile(lines)
    if "REF_DATE" in upper and "VALUE" in upper:
        return _full_table(lines, head, upper)
    if any(IN_HEAD.fullmatch(cell) for cell in head) and ("REF_DATE" in upper or "GEO_NAME" in upper):
        return _census(lines, head, upper)
    raise not_laid_out(lines, "statcan", EXPECTED)


def _full_table(lines: Lines, head: Sequence[str], upper: Sequence[str]) -> Lines:
    """A row a cell."""
    places = {name: upper.index(name) for name in ABOUT if name in upper}
    value = places["VALUE"]
    refuse_cut(lines, range(1, len(lines.rows)), last=value, width=len(head))
    body = list(zip(lines.rows[1:], lines.numbers[1:], strict=True))
    units = [cell_of(row, places.get("UOM")) for row, _ in body]
    measure, kept = best_measure(units) if any(units) else ("count", list(range(len(units))))
    notes = left_out(units, kept)
    body = [body[at] for at in kept]
    factors = [FACTORS.get(cell_of(row, places.get("SCALAR_FACTOR")).strip().lower(), 1) for row, _ in body]
    plain = in_plain_numbers([row[value] for row, _ in body], decimal="," if "VALEUR" in _upper(lines) else ".")
    figures = [
        _marked(times(figure, factor), cell_of(row, places.get("STATUS")))
        for figure, factor, (row, _) in zip(plain, factors, body, strict=True)
    ]
    notes += multiplied(max(factors, default=1))
    dimensions = [at for at in range(places.get("UOM", value)) if upper[at] not in ABOUT]
    columns = varying([*_described([row for row, _ in body], head, upper, dimensions), ("unit", [units[at] for at in kept])])
    return long_form(lines, [*columns, (measure, figures)], [number for _, number in body], notes=notes)


def _upper(lines: Lines) -> list[str]:
    return [cell.upper() for cell in lines.rows[0]]


def _described(rows: Sequence[Sequence[str]], head: Sequence[str], upper: Sequence[str], at: Sequence[int]) -> list[Column]:
    """Dimensions of the cells: the geography told apart by its code, totals by one word."""
    columns: list[Column] = []
    for index in at:
        texts = [cell_of(row, index) for row in rows]
        if upper[index] in ("GEO", "GEO_NAME"):
            code = next((upper.index(name) for name in ("DGUID", "GEO_CODE (POR)") if name in upper), None)
            columns.append(("geography", named_apart(texts, [cell_of(row, code) for row in rows])))
        elif upper[index] in ("REF_DATE", "CENSUS_YEAR"):
            columns.append(("date", texts))
        elif upper[index] != "DGUID":
            name = COUNTER.sub("", head[index].removeprefix("DIM: "))
            columns.append((name, [TOTAL if WHOLE.fullmatch(text) else text for text in texts]))
    return columns


def _marked(figure: str, status: str) -> str:
    """The figure, or the mark of a cell without one: the status where there is one, else what stands in its place."""
    if figure and figure not in MARKS:
        return figure
    return MARKS.get(status.strip()) or MARKS.get(figure, ":")


def _census(lines: Lines, head: Sequence[str], upper: Sequence[str]) -> Lines:
    """A column a category of the last dimension, each with its symbols behind it."""
    heads = _heads(lines, head)
    refuse_cut(lines, range(1, len(lines.rows)), last=heads.cells[-1][0], width=len(head))
    first = heads.cells[0][0]
    apart = {*OF_CENSUS, *ABOUT, *map(str.upper, SYMBOLS)}
    beside = [at for at in range(first) if upper[at] not in apart and not MEMBER.match(head[at])]
    told = [at for at in beside if upper[at] not in ("GEO", "GEO_NAME")]
    odd = dict.fromkeys(row[at] for row in lines.rows[1:] for at in told if NO_COUNT.fullmatch(row[at]))
    body = [pair for pair in zip(lines.rows[1:], lines.numbers[1:], strict=True) if not any(pair[0][at] in odd for at in told)]
    cells = [cell for cell in heads.cells if not NO_COUNT.fullmatch(cell[1])]
    odd |= dict.fromkeys(label for _, label, _ in heads.cells if NO_COUNT.fullmatch(label))
    notes = [f"{', '.join(repr(shortened(label, 40)) for label in list(odd)[:5])} were left out: no counts"] if odd else []
    rows = [(row, number, cell) for row, number in body for cell in cells]
    columns = _described([row for row, _, _ in rows], head, upper, beside)
    columns.append((heads.variable, [TOTAL if WHOLE.fullmatch(label) else label for _, _, (_, label, _) in rows]))
    figures = [_marked(row[at], cell_of(row, symbol)) for row, _, (at, _, symbol) in rows]
    return long_form(lines, [*varying(columns), ("count", figures)], [number for _, number, _ in rows], notes=notes)


def _heads(lines: Lines, head: Sequence[str]) -> _Heads:
    """What the heads of the columns of figures say."""
    cells, variables = [], []
    for at, cell in enumerate(head):
        if found := IN_HEAD.fullmatch(cell):
            symbol = at + 1 if cell_of(head, at + 1).lower() in SYMBOLS else None
            cells.append((at, (found["label"] or found["member"]).strip(), symbol))
            variables.append(COUNTER.sub("", (found["variable"] or found["dimension"]).strip()))
    if len(set(variables)) > 1:
        named = " and ".join(f"'{shortened(name, 30)}'" for name in dict.fromkeys(variables))
        raise refused(lines, 0, f"the columns are categories of {named}", "keep the columns of one of them")
    return _Heads(variable=variables[0], cells=tuple(cells))
