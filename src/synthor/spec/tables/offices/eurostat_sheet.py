"""Eurostat's spreadsheet: lines that say what all cells share, a header of two rows, figures beside their flags, a legend."""

import re
from collections.abc import Sequence

from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.figures import measure_of
from synthor.spec.tables.offices.longform import TOTAL, Column, cell_of, long_form, refuse_cut, refused, varying

LABELLED = re.compile(r"(?P<name>.+?) \((?P<kind>Labels|Codes)\)")
SHARED = re.compile(r".+ \[(?P<code>\w+)\]")
ENDS = ("special value", "available flags:", "observation flags:")
BETWEEN = re.compile(r"From (\d+) to (\d+) years", re.IGNORECASE)
RENAMED = {"geo": "geography", "time": "date"}
CODES = {"NR": "count", "PER": "count", "PC": "share"}


def from_the_spreadsheet(lines: Lines) -> Lines:
    """A sheet in long form; `eurostat` says what the columns are, and labels stand in place of codes.

    Raises:
        InputError: there is no header of two rows, or a row is too short.
    """
    labels = next((at for at, row in enumerate(lines.rows) if at and LABELLED.fullmatch(cell_of(row, 0))), None)
    if labels is None:
        message = "no row such as 'GEO (Labels)' begins a table: it is a cover sheet, or cut"
        raise refused(lines, len(lines.rows) - 1, message, "name the sheet that holds the figures: `layout: {sheet: Sheet 1}`")
    if labels + 1 < len(lines.rows) and LABELLED.fullmatch(cell_of(lines.rows[labels + 1], 0)):
        labels += 1  # the row above names the heads
    heads = lines.rows[labels - 1]
    stub = [found for cell in lines.rows[labels] if (found := LABELLED.fullmatch(cell))]
    shown = [(at, head) for at, head in enumerate(heads) if at >= len(stub) and head]
    if not shown:
        raise refused(lines, labels - 1, "no heads stand above the figures")
    last = next((at for at in range(labels, len(lines.rows)) if cell_of(lines.rows[at], 0).lower() in ENDS), len(lines.rows))
    body = range(labels + 1, last)
    refuse_cut(lines, body, last=shown[-1][0], width=len(heads))
    cells = [(lines.rows[at], lines.numbers[at], index, head) for at in body for index, head in shown]
    named = {found["name"].lower() for found in stub if found["kind"] == "Labels"}
    columns: list[Column] = []
    for index, found in enumerate(stub):
        name = found["name"].lower()
        if found["kind"] == "Labels" or name not in named:
            columns.append((RENAMED.get(name, name), [_worded(row[index].strip()) for row, _, _, _ in cells]))
    above = LABELLED.fullmatch(heads[0])
    across = (above["name"] if above else heads[0]).lower()
    columns.append((RENAMED.get(across, across or "columns"), [_worded(head) for _, _, _, head in cells]))
    figures = [_figure(row, index, heads) for row, _, index, _ in cells]
    return long_form(lines, [*varying(columns), (_measure(lines, labels), figures)], [number for _, number, _, _ in cells])


def _worded(label: str) -> str:
    if found := BETWEEN.fullmatch(label):
        return f"{found[1]}-{found[2]}"
    return TOTAL if label.lower() == "total" else label


def _figure(row: Sequence[str], at: int, heads: Sequence[str]) -> str:
    """The figure, or the mark of a cell without one: `c` where the flag beside it says so."""
    text = row[at].strip()
    flag = cell_of(row, at + 1).strip() if not cell_of(heads, at + 1) else ""
    return text if text not in ("", ":") else "c" if "c" in flag else ":"


def _measure(lines: Lines, labels: int) -> str:
    """What the unit says that all cells of the sheet share."""
    for row in lines.rows[: labels - 1]:
        if (found := SHARED.fullmatch(cell_of(row, 0))) and found["code"].upper() == "UNIT":
            unit = next((cell for cell in row[1:] if cell), "")
            code = SHARED.fullmatch(unit)
            return CODES.get(code["code"].partition("_")[0], "value") if code else measure_of(unit)
    return "value"
