"""Tables of one sheet apart: below each other, each under a header of its own, and beside each other, each with its own labels.

What is one table stays one: a header that comes again above other labels, as on the next page, goes on with the first; blocks
that have one header each and a title above it are sections of one table.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace

from synthor.draft.roles import MEASURE, PEOPLE
from synthor.spec.tables import Lines
from synthor.spec.tables.cells import cells_of, letters_of
from synthor.spec.tables.labels import column_key, is_total, undressed
from synthor.spec.tables.layout import NOTE, YEAR
from synthor.spec.tables.numbers import published

NEAR = 3
"""Rows below a header in which figures must begin."""
AGAIN = re.compile(r".*\b(?:continued|cont|forts\w*|suite|continuación|continuação|continua|vervolg)\b.*", re.IGNORECASE)
"""Titles of what goes on from the page before."""
NUMBERED = re.compile(
    r"(?:table|tabelle|tableau|tabla|tabela|tabella|tabel|tabell|taulu|tab)\.? ?[\w.]{1,8}[:.)]? +(?=\S)", re.I
)
"""How a title begins that is numbered."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """A table of a sheet.

    Attributes:
        lines: of it alone.
        cells: its ranges; none where it is all of the sheet.
        title: that stands above it; empty where it is all of the sheet.
    """

    lines: Lines
    cells: tuple[str, ...] = ()
    title: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """Rows from a title to the row before the next one.

    Attributes:
        first, last: positions of its rows, the last one beyond.
        heads: those of its header.
        titles: texts that stand alone above it.
    """

    first: int
    last: int
    heads: tuple[tuple[str, ...], ...]
    titles: tuple[str, ...]


def parts_of(lines: Lines) -> list[Part]:
    """The tables of a sheet; the sheet itself where it holds one."""
    return _parts(Part(lines=lines))


def _parts(part: Part) -> list[Part]:
    for split in (_below, _beside):
        found = split(part.lines)
        if len(found) > 1:
            named = [replace(one, title=one.title or part.title) for one in found]
            return [inner for one in named for inner in _parts(one)]
        if found:
            return [replace(found[0], title=part.title)]
    return [part]


def _below(lines: Lines) -> list[Part]:
    """Tables below each other; none where there is one alone."""
    blocks = _blocks(lines)
    if len(blocks) < 2:
        return []
    alike = len({tuple(tuple(map(undressed, head)) for head in block.heads) for block in blocks}) == 1
    titles = [block.titles for block in blocks]
    told = [block.titles[-1] for block in blocks if block.titles]
    again = all(AGAIN.fullmatch(title) or title == told[0] for title in told[1:])
    ranges = [_range(lines, block.first, block.last) for block in blocks]
    if alike and again and _apart([_labels(lines, block) for block in blocks]):
        first = lines.rows.index(blocks[0].heads[0], blocks[0].first)
        begun = [_range(lines, first, blocks[0].last)]
        begun += [_range(lines, lines.rows.index(block.heads[0], block.first), block.last) for block in blocks[1:]]
        return [Part(lines=cells_of(lines, begun), cells=tuple(begun))]
    if alike and len(told) == len(blocks) == len(set(map(undressed, told))) and all(len(one) == 1 for one in titles[1:]):
        return []  # sections of one table
    return [
        Part(lines=cells_of(lines, [cells]), cells=(cells,), title=_title(block.titles, number))
        for number, (cells, block) in enumerate(zip(ranges, blocks, strict=True), start=1)
    ]


def _blocks(lines: Lines) -> list[_Block]:
    """Rows by the headers that they stand under."""
    rows = lines.rows
    several = [sum(map(bool, row)) > 1 for row in rows]
    data = [several[i] and _has_figures(row) for i, row in enumerate(rows)]
    begin = next((i for i, of_data in enumerate(data) if of_data), None)
    if begin is None:
        return []
    first = tuple(rows[i] for i in range(begin) if several[i])
    if not first:
        return []
    starts = [(0, first, tuple("".join(rows[i]) for i in range(begin) if not several[i]))]
    at = begin + 1
    while at < len(rows):
        if not several[at] or data[at] or not _is_head(lines, at, data, several, first):
            at += 1
            continue
        end = at
        while end < len(rows) and several[end] and not data[end]:
            end += 1
        above = _titles_above(lines, at, several)
        starts.append((above, rows[at:end], tuple("".join(rows[i]) for i in range(above, at))))
        at = end
    ends = [start for start, _, _ in starts[1:]] + [len(rows)]
    return [
        _Block(first=start, last=end, heads=heads, titles=titles)
        for (start, heads, titles), end in zip(starts, ends, strict=True)
    ]


def _has_figures(row: Sequence[str]) -> bool:
    """Whether a row holds numbers, or marks of them, beside its label; years alone are heads."""
    return any(field and not YEAR.fullmatch(field) and published(field) is not None for field in reversed(row[1:]))


def _is_head(lines: Lines, at: int, data: Sequence[bool], several: Sequence[bool], first: Sequence[Sequence[str]]) -> bool:
    """Whether a row of words below figures is the header of other ones: they follow, and it stands apart or has come before."""
    rows = lines.rows
    after = next((i for i in range(at + 1, min(at + 1 + NEAR, len(rows))) if data[i]), None)
    head = [(i, field) for i, field in enumerate(rows[at]) if i > 0 and field]
    if after is None or not any(i < len(rows[after]) and published(rows[after][i]) for i, _ in head):
        return False
    if any(tuple(map(undressed, rows[at])) == tuple(map(undressed, one)) for one in first):
        return True
    years = [YEAR.fullmatch(field) is not None for _, field in head]
    if all(years) and not any(YEAR.fullmatch(field) for one in first for field in one):
        return False  # counts as large as years
    above = [row for row, of_data in zip(rows[:at], data, strict=False) if of_data]
    words = [(i, field) for (i, field), year in zip(head, years, strict=True) if not year]
    if any(i < len(row) and row[i] == field for i, field in words for row in above):
        return False  # labels that stand there before
    alone = not several[at - 1] and bool(rows[at - 1][0])
    gap = bool(lines.gaps) and lines.gaps[at]
    texts = {undressed(field) for _, field in head}
    known = any(column_key(text) in MEASURE or PEOPLE.fullmatch(text) or YEAR.fullmatch(text) for text in texts)
    return (alone or gap) and (known or len(texts) == len(head) > 1)


def _titles_above(lines: Lines, at: int, several: Sequence[bool]) -> int:
    """Position of the first of the rows of one field that belong to the header below them, not to the table before."""
    first = at
    while first > 0 and not several[first - 1] and (first == at or not (lines.gaps and lines.gaps[first])):
        first -= 1
    if first < at and NOTE.match("".join(lines.rows[first])) and not NUMBERED.match("".join(lines.rows[first])):
        return first + 1
    return first


def _labels(lines: Lines, block: _Block) -> set[str]:
    rows = lines.rows[block.first : block.last]
    return {undressed(row[0]) for row in rows if row[0] and _has_figures(row) and not is_total(row[0])}


def _apart(labels: Sequence[set[str]]) -> bool:
    """Whether no label stands in two places."""
    return sum(map(len, labels)) == len(set().union(*labels))


def _title(titles: Sequence[str], number: int) -> str:
    """What a table is called: by its title without a number, else by its number in the sheet."""
    text = NUMBERED.sub("", titles[-1]).strip(" .:") if titles else ""
    return text or f"table {number}"


def _range(lines: Lines, first: int, last: int, left: int = 0, right: int | None = None) -> str:
    """Some rows and columns of a sheet as a range."""
    width = max(len(row) for row in lines.rows[first:last]) if right is None else right
    begin, end = letters_of(lines.left + left), letters_of(lines.left + width - 1)
    return f"{begin}{lines.numbers[first]}:{end}{lines.numbers[last - 1]}"


def _beside(lines: Lines) -> list[Part]:
    """Tables beside each other: an empty column between, and labels in each; or the same heads once more."""
    rows = [row for row in lines.rows if sum(map(bool, row)) > 1]
    if not rows:
        return []
    width = max(map(len, rows))
    padded = [row + ("",) * (width - len(row)) for row in rows]
    groups = _repeated(padded) or _between_blanks(padded)
    if len(groups) < 2:
        return []
    # A title above the first of them alone is that of all.
    ranges = [_range(lines, 0, len(lines.rows), first, last) for first, last in groups]
    parts = [cells_of(lines, [cells]) for cells in ranges]
    heads = [next((row for row in part.rows if sum(map(bool, row)) > 1), ()) for part in parts]
    labels = [{undressed(row[0]) for row in part.rows if row[0] and _has_figures(row)} for part in parts]
    if len({tuple(map(undressed, head)) for head in heads}) == 1 and _apart(labels):
        begun = []
        for part, head, (first, last) in zip(parts, heads, groups, strict=True):
            at = next(i for i, number in enumerate(lines.numbers) if number == part.numbers[part.rows.index(head)])
            begun.append(_range(lines, at, len(lines.rows), first, last))
        return [Part(lines=cells_of(lines, begun), cells=tuple(begun))]
    found = []
    for number, (part, cells, head) in enumerate(zip(parts, ranges, heads, strict=True), start=1):
        above = ["".join(row) for row in part.rows[: part.rows.index(head)] if sum(map(bool, row)) == 1]
        found.append(Part(lines=part, cells=(cells,), title=_title(above, number)))
    return found


def _repeated(rows: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Columns of a header that says the same several times over."""
    head = list(map(undressed, rows[0]))
    for size in range(2, len(head) // 2 + 1):
        if len(head) % size == 0 and all(head) and head == head[:size] * (len(head) // size) and len(set(head[:size])) == size:
            return [(at, at + size) for at in range(0, len(head), size)]
    return []


def _between_blanks(rows: Sequence[Sequence[str]]) -> list[tuple[int, int]]:
    """Columns between empty ones that have labels and figures of their own."""
    used = [any(row[i] for row in rows) for i in range(len(rows[0]))]
    groups: list[tuple[int, int]] = []
    for i, filled in enumerate(used):
        if filled and i > 0 and used[i - 1]:
            groups[-1] = (groups[-1][0], i + 1)
        elif filled:
            groups.append((i, i + 1))
    begin = next((i for i, row in enumerate(rows) if _has_figures(row)), len(rows))
    found: list[tuple[int, int]] = []
    for first, last in groups:
        before = len(found) > 1 or (len(found) == 1 and _is_table(rows, begin, *found[0], None))
        if before and _is_table(rows, begin, first, last, rows[0][groups[0][0]]):
            found.append((first, last))
        else:
            found[-1:] = [(found[-1][0], last)] if found else [(first, last)]
    return found


def _is_table(rows: Sequence[Sequence[str]], begin: int, first: int, last: int, head: str | None) -> bool:
    """Whether columns hold figures right of labels: of words, or under the head of the leftmost ones, which may be numbers."""
    inside = [row[first:last] for row in rows[begin:] if any(row[first:last])]
    stub = [row[0] for row in inside if row[0]]
    figures = [field for row in inside for field in row[1:] if field]
    numbers = sum(published(field) is not None for field in figures)
    words = sum(published(text) is None for text in stub)
    leftmost = head is None or (bool(head) and any(undressed(row[first]) == undressed(head) for row in rows[:begin]))
    return bool(stub) and 2 * numbers > len(figures) and (leftmost or 2 * words > len(stub))
