"""A table as offices print it: title lines, header rows, columns of labels at the left, figures, notes below."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.figures import (
    best_measure,
    factor_of,
    in_plain_numbers,
    left_out,
    measure_of,
    multiplied,
    times,
)
from synthor.spec.tables.offices.longform import TOTAL, Column, cell_of, long_form, named_apart, refused, varying

TOTALS = re.compile(
    r"total\b.*|totaa?l\b.*|insgesamt|gesamt|zusammen|alle altersgruppen|ambos sexos|todas las edades|all ages"
    r"|both sexes|in totaal",
    re.IGNORECASE,
)
PERIOD = re.compile(
    r"(?:\d{1,2}[./]\d{1,2}[./])?(?:19|20)\d{2}\*{0,2}|(?:19|20)\d{2}-\d{2}-\d{2}"
    r"|\d{1,2} de \w+ de \d{4}|\w+ (?:19|20)\d{2}"
)
TIMES = (
    "stichtag",
    "jahr",
    "jahre",
    "zeit",
    "date",
    "year",
    "time",
    "perioden",
    "periods",
    "periodo",
    "period",
    "reference date",
)
CODE = re.compile(r"DG|\d{1,12}|[A-Z]{1,2}\d{2,10}")
FIGURE = re.compile(r"\(?[-+]?\d[\d.,\u00a0 ]*\)?%?|[-–./x:]|\.{2,3}")
CERTAIN = ("anzahl", "number", "aantal", "eur", "euro", "%")
"""Units that are no labels of anything: a header row that has one of them holds units."""
UNITS = (*CERTAIN, "persons", "personen", "personas", "euros", "qkm", "ha")
DASHES = ("-", "–", "—")


@dataclass(frozen=True, slots=True, kw_only=True)
class Marks:
    """What stands in cells without a figure, as the office says.

    Attributes:
        none: exactly nothing: 0.
        hidden: not told; the others stay as they are.
    """

    none: tuple[str, ...] = DASHES
    hidden: tuple[str, ...] = (".", "/", "...", "")

    def read(self, text: str) -> str:
        """A figure without brackets around it, or a mark that any table may have."""
        if text in self.none:
            return "0"
        if text in self.hidden:
            return ":"
        return text[1:-1] if text.startswith("(") and text.endswith(")") and any(map(str.isdigit, text)) else text


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """Where the parts of a table lie.

    Attributes:
        heads: positions of the header rows.
        body: positions of the rows of figures.
        groups: for each of these, the label of the line of a single field that stands above it.
        stub: how many columns hold labels.
    """

    heads: tuple[int, ...]
    body: tuple[int, ...]
    groups: tuple[str, ...]
    stub: int


def matrix(lines: Lines, *, ends: "re.Pattern[str]", marks: Marks, decimal: str) -> Lines:
    """A printed table in long form.

    A column each: of labels (`rows` where it has no name), of header rows (`columns`), `date` where they are years or dates,
    `geography` where codes stand beside labels, `level` where its labels are indented; then `count`, `share` or `value`, as the
    units say. A header row that says the same throughout names the one below it.

    Args:
        lines: of the file.
        ends: how the line begins that ends the table.
        marks: of the office.
        decimal: its mark before decimals.

    Raises:
        InputError: no table can be told apart in it.
    """
    parts = parts_of(lines, ends)
    width = max(len(lines.rows[at]) for at in (*parts.heads, *parts.body))
    short = next(
        (at for at in parts.body if len(lines.rows[at]) < width and len(lines.rows[at]) != len(lines.rows[parts.body[0]])), None
    )
    if short is not None:
        raise refused(lines, short, f"has {len(lines.rows[short])} fields, others have {width}: the file is cut")
    names, heads, units, free = _heads(lines, parts, width)
    columns = [at for at in range(parts.stub, width) if any(head[at] for head in heads) or units[at]]
    if not columns:
        raise refused(lines, parts.heads[-1], "no heads stand above the figures")
    told = [units[at] or _unit_above(lines, parts) for at in columns]
    measure, kept = best_measure(told)
    notes = left_out(told, kept)
    columns = [columns[at] for at in kept]
    factors = {columns[at]: factor_of(told[place]) for at, place in enumerate(kept)}
    figures: dict[int, list[str]] = {}
    for at in columns:
        plain = in_plain_numbers([marks.read(cell_of(lines.rows[row], at).strip()) for row in parts.body], decimal=decimal)
        figures[at] = [times(figure, factors[at]) for figure in plain]
    cells = [(row, at) for row in range(len(parts.body)) for at in columns]
    found: list[Column] = [("group", [_total(parts.groups[row]) for row, _ in cells])]
    found += [(name, [texts[row] for row, _ in cells]) for name, texts in _labels(lines, parts, free)]
    for name, head in zip(names, heads, strict=True):
        told_heads = _alone({at: head[at] for at in columns})
        found.append((name, [_total(told_heads[at]) for _, at in cells]))
    numbers = [lines.numbers[parts.body[row]] for row, _ in cells]
    counts = [figures[at][row] for row, at in cells]
    notes += multiplied(max(factors.values()))
    return long_form(lines, [*varying(_named_once(found)), (measure, counts)], numbers, header=parts.heads[-1], notes=notes)


def parts_of(lines: Lines, ends: "re.Pattern[str]") -> Parts:
    """Header rows are those of several fields before the first row of figures; a line of one field above them is a title."""
    last = next((at for at, row in enumerate(lines.rows) if ends.match(cell_of(row, 0))), len(lines.rows))
    filled = [sum(map(bool, row)) for row in lines.rows[:last]]
    headed = [filled[at] > 1 or (filled[at] == 1 and not cell_of(lines.rows[at], 0)) for at in range(last)]
    first = next((at for at in range(last) if headed[at]), None)
    if first is None:
        raise refused(lines, 0, "no table follows the title")
    if _is_body(lines.rows[first]) and not all(PERIOD.fullmatch(cell) for cell in lines.rows[first][1:] if cell):
        raise refused(lines, first, "figures begin and no header row stands above them")
    begin = next((at for at in range(first + 1, last) if _is_body(lines.rows[at])), None)
    if begin is None:
        raise refused(lines, first, "no row of figures follows the header")
    heads = tuple(at for at in range(first, begin) if headed[at])
    groups, body, above = [], [], ""
    for at in range(heads[-1] + 1, last):
        if filled[at] == 1 and cell_of(lines.rows[at], 0):
            above = cell_of(lines.rows[at], 0).strip()
        else:
            body.append(at)
            groups.append(above)
    if not body:
        raise refused(lines, heads[-1], "no row of figures follows the header")
    blank = next((at for at, cell in enumerate(lines.rows[heads[0]]) if cell), 1)
    rows = [lines.rows[at] for at in body]
    words = [at for at in range(max(map(len, rows))) if any(not _is_figure(cell_of(row, at)) for row in rows)]
    return Parts(heads=heads, body=tuple(body), groups=tuple(groups), stub=max(1, blank, *(at + 1 for at in words)))


def _is_figure(text: str) -> bool:
    plain = text.strip()
    return not plain or plain.isdigit() or (FIGURE.fullmatch(plain) is not None and PERIOD.fullmatch(plain) is None)


def _is_body(row: Sequence[str]) -> bool:
    """Whether a label stands at the left and a figure at the right of a row."""
    labels = [cell.lower() for cell in row if not _is_figure(cell)]
    years = [cell for cell in row if cell and _is_figure(cell)]
    dated = all(PERIOD.fullmatch(cell) for cell in years) and any(label in TIMES for label in labels)
    return bool(labels or cell_of(row, 0)) and bool(row[-1:] and row[-1]) and _is_figure(row[-1]) and not dated


def _heads(lines: Lines, parts: Parts, width: int) -> tuple[list[str], list[list[str]], list[str], list[tuple[str, ...]]]:
    """Names and texts of the header rows that tell columns apart, the unit of each column, and rows that may name labels."""
    names, heads, units, above = [], [], [""] * width, ""
    free = [lines.rows[parts.heads[-1]]]
    for depth, at in enumerate(parts.heads):
        row = [cell_of(lines.rows[at], index).strip() for index in range(width)]
        its = row[parts.stub :]
        deepest = at == parts.heads[-1]
        if not deepest or depth == 0:
            for index in range(parts.stub + 1, width):
                row[index] = row[index] or row[index - 1]
        told = [text for text in its if text]
        certain = any(text.lower() in CERTAIN for text in told)
        if told and (certain or all(map(_is_unit, told))) and (len(set(told)) > 1 or depth > 0):
            units = row
            free.append(lines.rows[at])
            continue
        if len(set(told)) == 1 and len(its) > 1 and not deepest:
            above = "" if PERIOD.fullmatch(told[0]) else told[0]
            free.append(lines.rows[at])
            continue
        beside = [text for text in row[: parts.stub] if text]
        name = above or (beside[-1] if beside and not deepest else "")
        dated = bool(told) and all(PERIOD.fullmatch(text) for text in told)
        names.append("date" if dated or name.lower() in TIMES else name or "columns")
        heads.append(row)
        above = ""
    return names, heads, units, free


def _is_unit(text: str) -> bool:
    return text.lower() in UNITS or measure_of(text) == "share" or factor_of(text) > 1


def _unit_above(lines: Lines, parts: Parts) -> str:
    """The unit that a title line tells in brackets at its end: `Bevölkerung (Anzahl)`; counts where none does."""
    for at in range(parts.heads[0] - 1, -1, -1):
        found = re.search(r"\(([^()]+)\)\s*\Z", cell_of(lines.rows[at], 0))
        if found and _is_unit(found[1]):
            return found[1]
        if (found := re.match(r"unidades: *(.+)", cell_of(lines.rows[at], 0), re.IGNORECASE)) is not None:
            return found[1]
    return "Anzahl"


def _labels(lines: Lines, parts: Parts, free: Sequence[Sequence[str]]) -> list[Column]:
    """The columns of labels, called as header rows say; one of codes tells apart what the one behind it names."""
    rows = [lines.rows[at] for at in parts.body]
    columns: list[Column] = []
    codes: list[str] | None = None
    for at in range(parts.stub):
        texts, above = [], ""
        for row in rows:
            inner = any(cell_of(row, index) for index in range(at + 1, parts.stub))
            above = cell_of(row, at) or (above if inner else TOTAL if at else "")
            texts.append(above)
        plain = [text.strip() for text in texts]
        if at < parts.stub - 1 and codes is None and all(CODE.fullmatch(text) for text in plain):
            codes = plain
            continue
        head = next((head for row in free if (head := cell_of(row, at).strip())), "")
        dated = all(PERIOD.fullmatch(text) for text in plain)
        name = "date" if dated or head.lower() in TIMES else head or ("geography" if codes is not None else "rows")
        if codes is not None:
            plain, codes = named_apart(plain, codes), None
        depths = [len(text) - len(text.lstrip()) for text in texts]
        if len(set(depths)) > 1:
            order = sorted(set(depths))
            columns.append(("level", [str(order.index(depth) + 1) for depth in depths]))
        columns.append((name, [_total(text) for text in plain]))
    return columns


def _alone(heads: dict[int, str]) -> dict[int, str]:
    """Heads without the name of their group (`Huishoudens|Totaal huishoudens`), where all are of one.

    >>> _alone({1: "Huishoudens|Totaal", 2: "Huishoudens|Eenpersoons"}), _alone({1: "a|b", 2: "c"})
    ({1: 'Totaal', 2: 'Eenpersoons'}, {1: 'a|b', 2: 'c'})
    """
    groups = {text.rpartition("|")[0] for text in heads.values()}
    return {at: text.rpartition("|")[2] for at, text in heads.items()} if len(groups) == 1 else heads


def _total(text: str) -> str:
    return TOTAL if TOTALS.fullmatch(text) else text


def _named_once(columns: Sequence[Column]) -> list[Column]:
    """Columns of one name numbered."""
    names = [name for name, _ in columns]
    found = []
    for at, (name, texts) in enumerate(columns):
        found.append((f"{name}_{names[: at + 1].count(name)}" if names.count(name) > 1 else name, texts))
    return found
