"""The rows of a file as a grid: which are headers, which are cells, and what titles and notes say of them.

Nothing is known of variables yet, so everything is told by the shape: columns that hold numbers in most rows are columns of
values, and the rows above the first row of numbers are headers.
"""

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import groupby, pairwise

from synthor.errors import InputError
from synthor.spec.tables import Lines, blank_head
from synthor.spec.tables.labels import is_total, undressed
from synthor.spec.tables.layout import NOTE, YEAR, filled_down, header_of
from synthor.spec.tables.numbers import Published, published
from synthor.spec.tables.sections import sectioned

MOSTLY = 0.7
"""Share of the fields of a column that are numbers where it holds values."""

COMMA_WORDS = re.compile(
    r"hombres|mujeres|ambos sexos|todas las edades|varones|homens|mulheres|männlich|weiblich|männer|frauen|insgesamt"
    r"|maschi|femmine|mannen|vrouwen|mænd|kvinder|erkek|kadın|toplam"
    r"|.*[0-9] (?:años|anos|jahren?|anni|jaar)(?: (?:y|e|und|en) (?:más|mais|più|mehr|meer|ouder|älter))?"
)
"""Labels in languages that write points between thousands and a comma before decimals."""

MOST_SECTIONS = 2
"""Levels of labels that stand in rows of their own."""
TWO = 2
"""Columns of the smallest table."""
YEAR_HEAD = re.compile(r"years?|anos?|años?|année|anno|jahr|jaar|år")
"""Heads above years that stand in a header row below them."""
ROWS_OF_A_SECTION = 3
"""The label of a section and two rows below it."""

_LAST = tuple("0123456789%")
_COMMA = re.compile(r"-?(?:[0-9]+|[0-9]{1,3}(?:\.[0-9]{3})+),(?:[0-9]{1,2}|[0-9]{4,})%?")
_POINTS = re.compile(r"-?[1-9][0-9]{0,2}(?:\.[0-9]{3}){2,}%?")
_POINT_OF_THREE = re.compile(r"-?[1-9][0-9]{0,2}\.[0-9]{3}")
_OTHER_POINT = re.compile(r"-?[0-9]*\.(?:[0-9]{1,2}|[0-9]{4,})%?|-?0\.[0-9]+")


@dataclass(frozen=True, kw_only=True)
class Grid:
    """A table with its header rows apart.

    Attributes:
        file: name of its file.
        heads: header rows from the top, one text a column each; blanks of merged heads are still blank.
        rows: of cells, one text a column each.
        places: of each column in the file, from 0.
        skip: rows of the file above the header, where they must be told; None otherwise.
        decimal: mark before decimals.
        words: titles above and notes below.
        format: of the office that it comes from; None otherwise.
        sheet: of the workbook, where it must be named; empty otherwise.
        cells: where it lies in its sheet, in ranges; empty where it is all of it.
        title: that stands above it, where the file has other tables.
        depth: how many of the columns, the last ones, hold labels that stand in rows of their own above others.
        repeated: whether its header comes again below each of these labels.
        remarks: on the file.
        indents: blanks before the first label of each row that has some; empty where no label has any.
    """

    file: str
    heads: tuple[tuple[str, ...], ...]
    rows: tuple[tuple[str, ...], ...]
    places: tuple[int, ...]
    skip: int | None = None
    decimal: str = "."
    words: tuple[str, ...] = ()
    format: str | None = None
    sheet: str = ""
    cells: tuple[str, ...] = ()
    title: str = ""
    depth: int = 0
    repeated: bool = False
    remarks: tuple[str, ...] = ()

    @property
    def sections(self) -> range:
        """Columns of labels that stand in rows of their own, the outermost first."""
        return range(self.width - self.depth, self.width)

    indents: tuple[int, ...] = ()

    @property
    def width(self) -> int:
        return len(self.places)

    @cached_property
    def columns(self) -> list[tuple[str, ...]]:
        return list(zip(*self.rows, strict=True)) if self.rows else [()] * self.width

    @cached_property
    def filled(self) -> list[list[str]]:
        """Header rows with merged heads filled to the right; the last one as it is."""
        found = []
        for head in self.heads[:-1]:
            row: list[str] = []
            for text in head:
                row.append(text or (row[-1] if row else ""))
            found.append(row)
        return [*found, list(self.heads[-1])]

    def name(self, i: int) -> str:
        """What a spec calls a column: its lowest head, or its place; the first column without a head goes by an empty name."""
        if i in self.sections:
            return f"section {i - self.sections[0] + 1}" if self.depth > 1 else "section"
        text = next((head[i] for head in reversed(self.heads) if head[i]), "")
        if text:
            return text
        nameless = [j for j in range(self.width) if not any(head[j] for head in self.heads)]
        return "" if nameless[0] == i else blank_head(self.places[i])

    def number(self, field: str) -> Published | None:
        return published(field, decimal=self.decimal)


def quoted(names: Sequence[str]) -> str:
    """Names for a remark, the first and last of many.

    >>> quoted(["2019", "2020"])
    "'2019', '2020'"
    """
    shown = [f"'{name}'" for name in names]
    return ", ".join(shown) if len(shown) < 6 else f"{', '.join(shown[:2])} ... {shown[-1]}"


def gridded(lines: Lines, format: str | None = None, *, title: str = "") -> Grid | str:
    """The grid of a file or of a part of it, or why there is none."""
    first, last = _trimmed(lines)
    rows, numbers = list(lines.rows[first:last]), list(lines.numbers[first:last])
    words = tuple(text for row in (*lines.rows[:first], *lines.rows[last:]) for text in row if text)
    if len(rows) < 2:
        return "has no rows below its header"
    width = max(len(row) for row in rows[:6])
    padded = [row + ("",) * (width - len(row)) if len(row) == 1 or i < 6 else row for i, row in enumerate(rows)]
    if any(len(row) != width for row in padded):
        return "rows have different numbers of fields: quote a field that holds the separator"
    alone = [i for i in labels_alone(padded) if i > 0]
    sections = len(alone) + (padded[0] in padded[1:]) > 1 and format is None
    inside = _once([row for i, row in enumerate(padded) if i not in alone]) if sections else padded
    values = _columns_of_values(inside)
    if not values:
        return "has no column of numbers"
    n_heads = _n_heads(inside, values)
    if n_heads is None:
        return "no row of numbers follows its header"
    decimal = _decimal(inside, n_heads) if format is None else "."  # a format says itself how figures are written
    if decimal is None:
        return "its numbers are written like 1.234 throughout: say `layout: {decimal: ','}` if points separate thousands"
    skip = None
    start = 0
    while start < n_heads - 1 and _says_nothing(inside[start], values):
        words += tuple(text for text in inside[start] if text)
        start += 1
    if start:
        skip = numbers[start] - 1
    heads, body = inside[start:n_heads], inside[n_heads:]
    keep = [i for i in range(width) if any(row[i] for row in padded[start:])]
    grid = Grid(
        file=lines.source,
        heads=tuple(tuple(head[i] for i in keep) for head in heads),
        rows=tuple(tuple(row[i] for i in keep) for row in body),
        places=tuple(keep),
        skip=skip,
        decimal=decimal,
        words=words,
        format=format,
        title=title,
        indents=() if sections or not lines.indents else lines.indents[first + n_heads : last],
    )
    if sections:
        if alone[0] < n_heads:
            return "a label stands alone among its header rows"
        above = lines.rows[first - 1] if first else ()
        told = "".join(above) if sum(map(bool, above)) == 1 else ""
        return _with_sections(grid, padded[n_heads:], numbers[n_heads:], keep, told)
    if format is None and (level := _figured(grid)):
        return _with_sections(grid, padded[n_heads:], numbers[n_heads:], keep, "", level)
    return _filled(grid, [place for place, i in enumerate(keep) if i in values])


def _once(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Rows without headers that come again."""
    found: dict[tuple[str, ...], tuple[str, ...]] = {}
    return [row for row in rows if any(map(_either, row[1:])) or found.setdefault(row, row) is row]


def _filled(grid: Grid, values: Sequence[int]) -> Grid:
    """The grid with merged labels filled."""
    sides = _sides(grid, values)
    right = [range(i + 1, grid.width - grid.depth - 1) for i in sides]
    return replace(grid, rows=filled_down(grid.rows, sides, right, is_total))


def labels_alone(rows: Sequence[Sequence[str]]) -> list[int]:
    """Rows that have one field, at the left, of those between rows that have several."""
    found = [i for i, row in enumerate(rows) if row[0] and not any(row[1:])]
    several = [i for i, row in enumerate(rows) if sum(map(bool, row)) > 1]
    return [i for i in found if several and several[0] < i < several[-1]]


def _with_sections(
    grid: Grid,
    rows: Sequence[tuple[str, ...]],
    numbers: Sequence[int],
    keep: Sequence[int],
    above: str,
    level: Sequence[str] = (),
) -> Grid | str:
    """The grid with labels that stand in rows of their own as columns."""
    body = [tuple(row[i] for i in keep) for row in rows]
    alone = labels_alone([("", *["x"] * (grid.width - 1)), *body])
    runs = [sum(1 for _ in run) for of_labels, run in groupby(range(1, len(body) + 1), lambda i: i in alone) if of_labels]
    depth = max(runs, default=1)
    if depth > MOST_SECTIONS:
        return f"{depth} rows of labels follow each other"
    repeated = grid.heads[-1] in body
    plain = {undressed(label) for label in level}
    try:
        parts = sectioned(
            grid.file,
            body,
            numbers,
            depth=depth,
            level=lambda label: 0 if undressed(label) in plain else None,
            total=is_total,
            heads=grid.heads,
            above=above if repeated else "",
        )
    except InputError as error:
        return error.findings[0].message
    if any(not label for labels in parts.labels for label in labels):
        return "some of its rows stand above all labels that others stand below"
    return replace(
        grid,
        heads=tuple((*head, *[""] * depth) for head in grid.heads),
        rows=tuple((*row, *labels) for row, labels in zip(parts.rows, parts.labels, strict=True)),
        places=(*grid.places, *[-1] * depth),
        depth=depth,
        repeated=repeated,
        indents=(),
    )


def _figured(grid: Grid) -> list[str]:
    """Labels of rows of figures that the same other labels follow, which add up to them; none where there are none."""
    if grid.width < 2 or len(grid.rows) < 2 * ROWS_OF_A_SECTION:
        return []
    labels = [undressed(row[0]) for row in grid.rows]
    if not all(labels) or any(field and grid.number(field) is None for row in grid.rows for field in row[1:]):
        return []
    times = Counter(labels)
    once = [i for i, label in enumerate(labels) if times[label] == 1]
    if len(once) < 2 or once[0] != 0 or len(once) == len(labels):
        return []
    below = [labels[i + 1 : j] for i, j in pairwise([*once, len(labels)])]
    several = [part for part in below if part]
    if len(several) < 2 or any(part != several[0] for part in several) or len(several[0]) < 2:
        return []
    for i, part in zip(once, below, strict=True):
        if part and not _sums(grid, i, [i + 1 + k for k, label in enumerate(part) if not is_total(label)]):
            return []
        if not part and not is_total(labels[i]):
            return []
    return [grid.rows[i][0] for i in once if not is_total(labels[i])]


def _sums(grid: Grid, whole: int, parts: Sequence[int]) -> bool:
    """Whether a row of figures is the sum of others, up to roundings."""
    for column in range(1, grid.width):
        told = [grid.number(grid.rows[i][column]) for i in (whole, *parts)]
        values = [one.value for one in told if one is not None and one.told]
        if len(values) == len(told) and abs(values[0] - sum(values[1:])) > len(parts):
            return False
    return True


def _trimmed(lines: Lines) -> tuple[int, int]:
    """Position of the header, and that behind the last row of cells."""
    rows = lines.rows
    first = header_of(rows)
    last = len(rows)
    while last > first + 1 and bool(rows[last - 1][0]) and not any(rows[last - 1][1:]):
        if len(rows[last - 1]) == 2 and not NOTE.match(rows[last - 1][0]):
            break
        last -= 1
    return first, last


def _decimal(table: Sequence[Sequence[str]], n_heads: int) -> str | None:
    """The mark before decimals; None where 1.234 may be either.

    Where points are followed by three digits throughout, numbers below a thousand in the same column tell that they separate
    thousands, and longer ones without a point that they do not; so do words of languages that write points between thousands.
    """
    rows = table[n_heads:]
    columns = [{field for field in column if field and field[-1] in _LAST} for column in zip(*rows, strict=True)]
    fields = set().union(*columns)
    if any(_COMMA.fullmatch(field) or _POINTS.fullmatch(field) for field in fields):
        return ","
    threes = [column for column in columns if any(_POINT_OF_THREE.fullmatch(field) for field in column)]
    others = [column for column in columns if column not in threes and not all(map(YEAR.fullmatch, column))]
    if not threes or any(_OTHER_POINT.fullmatch(field) for field in fields):
        return "."
    if any(re.fullmatch(r"[1-9][0-9]{3,}", field) for column in threes for field in column):
        return "."
    short = [all(re.fullmatch(r"[0-9]{1,3}", field) for field in column) for column in others if column]
    whole = any(re.fullmatch(r"[0-9]{1,3}", field) for column in threes for field in column)
    spoken = any(COMMA_WORDS.fullmatch(undressed(text)) for row in table for text in row if text)
    return "," if whole or (short and all(short)) or spoken else None


def _columns_of_values(rows: Sequence[Sequence[str]]) -> list[int]:
    """Columns that hold numbers in most of the lower rows; never the first."""
    lower = rows[max(len(rows) // 2, 1) :] if len(rows) > 3 else rows[1:]
    lower = [row for row in lower if sum(map(bool, row)) > 1] or lower
    found = []
    for i in range(1, len(rows[0])):
        fields = [row[i] for row in lower if row[i]]
        cells = [cell for field in fields if (cell := _either(field)) is not None]
        if fields and len(cells) >= MOSTLY * len(fields) and any(cell.told for cell in cells):
            found.append(i)
    return found


def _n_heads(rows: Sequence[Sequence[str]], values: Sequence[int]) -> int | None:
    """How many rows stand above the first row of cells.

    The last column of values tells, since columns of codes before it may hold words of totals. Below heads that span several
    columns there is another row of heads, be they numbers.
    """
    for k in range(1, min(len(rows), 8)):
        last = next((rows[k][i] for i in reversed(values) if rows[k][i]), "")
        if _either(last) is None:
            continue
        fields = [rows[k][i] for i in values if rows[k][i]]
        stub = any(rows[k][i] for i in range(values[0]))
        several = len(fields) > 1 or (
            len(rows[0]) > TWO and YEAR_HEAD.fullmatch(undressed(rows[k - 1][values[-1]])) is not None
        )
        years = several and all(YEAR.fullmatch(field) for field in fields)
        if not _is_below(rows[k - 1], rows[k], values) and not (years and not stub):
            return k
    return None


def _is_below(upper: Sequence[str], lower: Sequence[str], values: Sequence[int]) -> bool:
    """Whether a row of numbers holds heads, too: the same ones under each of the merged heads above, or years."""
    spans: list[list[str]] = []
    for i in values:
        if upper[i]:
            spans.append([])
        if spans:
            spans[-1].append(lower[i])
    if not spans or max(map(len, spans)) < 2:
        return False
    years = all(YEAR.fullmatch(field) for span in spans for field in span if field)
    return years or (len(spans) > 1 and all(span == spans[0] for span in spans))


def _either(field: str) -> Published | None:
    """A number, whatever the mark before its decimals is."""
    return published(field) or published(field, decimal=",")


def _says_nothing(head: Sequence[str], values: Sequence[int]) -> bool:
    """Whether a header row says the same of all columns of values, so that it tells none apart."""
    said = {head[i] for i in values if head[i]}
    return len(said) <= 1


def _sides(grid: Grid, values: Sequence[int]) -> list[int]:
    """Columns that may hold merged labels: those without numbers, and codes that are blank where a column before is, too."""
    blanks = [{row for row, field in enumerate(column) if not field} for column in grid.columns]
    words = max((i for i in range(grid.width) if i not in values), default=-1)
    merged = [
        i
        for i in values
        if i < values[-1]
        and blanks[i]
        and 0 not in blanks[i]
        and (i < words or any(2 * len(blanks[i] & blanks[before]) >= len(blanks[i]) for before in range(i)))
    ]
    return [i for i in range(grid.width) if i not in values or i in merged]
