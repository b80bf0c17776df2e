"""The CSV of Nomis's web page: tables under a title and lines that say what all of a table's cells share, then notes."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from synthor.errors import Finding, InputError
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.numbers import published
from synthor.spec.tables.offices.longform import TOTAL, cell_of, long_form, refused, shortened, varying

COUNTED = ("person", "people", "household", "famil", "dwelling", "job", "resident", "count", "number")
MNEMONIC = "mnemonic"
RENAMED = {"date": "date", "area name": "geography", "geography": "geography"}
TOTALS = re.compile(r"(total|all categories)(:.*)?", re.IGNORECASE)
SHARES = ("%", "percent", "percentage")
NUMBERS = ("number", "value", "count")
AREA = re.compile(r"\b(area|areas|authority|ward|wards|region|regions|country|countries|county|parish|constituency)\b", re.I)
PERIOD = re.compile(r"(\w+ )?\d{4}(\s*-\s*(\w+ )?\d{4})?")
DATES = ("date", "year", "period", "time", "census date")
SETTING = re.compile(r"([^\W\d][^:]{0,40}?) ?: +(\S.*)")
"""A line of one field that says what all cells of a table share, as in `Area name : Leeds`."""


NOTE = re.compile(r"in order to protect|notes?:|sources?:", re.IGNORECASE)
"""How a line below a table begins that holds separators of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Block:
    """One table of the file.

    Attributes:
        settings: what the lines above it say of all its cells: name and text.
        across: name of the variable in its columns, if one stands above them.
        header, below: positions of its header row and of a second one, in the file's rows.
        body: positions of its rows.
    """

    settings: dict[str, str]
    across: str
    header: int
    below: int | None
    body: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Heads:
    """Names of the variables in a table's rows and columns, place and text of each column shown, and what figures are."""

    down: str
    across: str
    shown: tuple[tuple[int, str], ...]
    measure: str


def from_the_web_page(lines: Lines) -> Lines:
    """All tables of the file in long form; `nomis` says what the columns are.

    Raises:
        InputError: there is no table, a row is shorter or longer than its header, or a heading stands among the rows.
    """
    blocks = list(_blocks(lines))
    if not blocks:
        raise refused(lines, len(lines.rows) - 1, "no table follows the title")
    keys: list[dict[str, str]] = []
    figures: list[str] = []
    numbers: list[int] = []
    measures = set()
    for block in blocks:
        heads = _heads(lines, block)
        measures.add(heads.measure)
        settings = {RENAMED.get(name.lower(), name): text for name, text in block.settings.items() if name.lower() != "units"}
        for at in block.body:
            row = lines.rows[at]
            for index, head in heads.shown:
                keys.append({**settings, heads.down: category(row[0]), heads.across: category(head)})
                figures.append(row[index] or ":")
                numbers.append(lines.numbers[at])
    names = list(dict.fromkeys(name for key in keys for name in key))
    columns = varying([(name, [key.get(name, "") for key in keys]) for name in names])
    measure = measures.pop() if len(measures) == 1 else "value"
    return long_form(lines, [*columns, (measure, figures)], numbers, header=blocks[0].header)


def _blocks(lines: Lines) -> Iterator[_Block]:
    """The file's tables, each with the lines above it."""
    settings: dict[str, str] = {}
    across, header = "", -1
    body: list[int] = []
    texts: list[int] = []
    for at, row in enumerate(lines.rows):
        filled = [cell for cell in row if cell]
        key, text, sure = _setting(lines, at)
        if key and (header < 0 or (sure and texts) or key in settings):
            if header >= 0:
                yield _block(lines, settings, across, header, body)
                settings, across, header, body = dict(settings), "", -1, []
            settings[key] = text
            texts = []
        elif len(filled) <= 1 or NOTE.match(row[0]):
            texts.append(at)
            across = across if header >= 0 or not filled or row[0] else filled[0]
        elif header < 0:
            header, texts = at, []
        elif texts:
            message = f"'{shortened(''.join(lines.rows[texts[-1]]))}' stands among the rows of a table"
            raise refused(lines, texts[-1], message, "download it with one variable in the rows and one in the columns")
        else:
            body.append(at)
    if header >= 0:
        yield _block(lines, settings, across, header, body)


def _setting(lines: Lines, at: int) -> tuple[str, str, bool]:
    """What a line says of all cells of a table, as name and text, and whether its form leaves no doubt; empty for others.

    Where neither field has a colon, the line below must not begin a table's figures: then this one is a header.
    """
    row = lines.rows[at]
    first, second = cell_of(row, 0), cell_of(row, 1)
    n_filled = sum(map(bool, row))
    if first.endswith(":") and n_filled <= 2:
        return first.removesuffix(":").strip(), second, True
    if n_filled == 1 and (found := SETTING.fullmatch(first)):
        return found[1], found[2], False
    below = lines.rows[at + 1] if at + 1 < len(lines.rows) else ()
    words = n_filled == 2 and bool(first) and (published(second) is None or PERIOD.fullmatch(second) is not None)
    if not words or not cell_of(below, 0) or (published(cell_of(below, 1)) is not None and _begin(lines, at)):
        return "", "", False
    return first, second, False


def _begin(lines: Lines, at: int) -> bool:
    """Whether figures begin below a line; a year among them may as well be another line's, or a head."""
    name, figure = lines.rows[at + 1][:2]
    alone = at > 0 and lines.numbers[at] > lines.numbers[at - 1] + 1 and lines.numbers[at + 1] == lines.numbers[at] + 1
    return PERIOD.fullmatch(figure) is None or (alone and name.lower() not in DATES)


def _block(lines: Lines, settings: dict[str, str], across: str, header: int, rows: Sequence[int]) -> _Block:
    """A table once its rows are known: a second header row is one that names nothing in the first column."""
    below = rows[0] if rows and not lines.rows[rows[0]][0] else None
    body = tuple(rows if below is None else rows[1:])
    if not body:
        raise refused(lines, header, "no figures follow the header")
    width = len(lines.rows[header] if below is None else lines.rows[below])
    while width and not cell_of(lines.rows[header], width - 1) and not cell_of(lines.rows[below or header], width - 1):
        width -= 1
    ragged = [
        Finding(
            where=lines.source,
            row=lines.numbers[at],
            message=f"has {len(lines.rows[at])} fields, the header has {width}",
            cure="download the table again: it is cut",
        )
        for at in body
        if len(lines.rows[at]) < width or any(lines.rows[at][width:])
    ]
    if ragged:
        raise InputError(ragged)
    return _Block(settings=settings, across=across, header=header, below=below, body=body)


def _heads(lines: Lines, block: _Block) -> _Heads:
    """What the header rows say."""
    heads = _two_rows(lines, block) if block.below is not None else _one_row(lines, block)
    shown = tuple((index, text) for index, text in heads.shown if text.lower() != MNEMONIC)
    if not shown:
        raise refused(lines, block.header, "no column of figures has a head")
    down, across = heads.down, heads.across
    if len(shown) < len(heads.shown) or AREA.search(down):
        down = "geography"
    if across == "columns" and all(PERIOD.fullmatch(text) for _, text in shown):
        across = "date"
    if down == across:
        raise refused(lines, block.header, f"rows and columns are both called '{shortened(down)}'", "rename one in the file")
    return replace(heads, down=down, across=across, shown=shown)


def _one_row(lines: Lines, block: _Block) -> _Heads:
    first, *texts = lines.rows[block.header]
    shown = tuple((index, text) for index, text in enumerate(texts, 1) if text)
    return _Heads(down=first or "rows", across=block.across or "columns", shown=shown, measure=_measure(block.settings))


def _two_rows(lines: Lines, block: _Block) -> _Heads:
    """Kinds of figures below the heads, of which one is kept; or the columns' heads below the name of their variable."""
    above, under = lines.rows[block.header], lines.rows[block.below or 0]
    down, across = above[0] or "rows", block.across or "columns"
    kinds = {text.lower() for text in under[1:] if text}
    if kinds <= {*NUMBERS, *SHARES}:
        kept, measure = (NUMBERS, "count") if kinds & set(NUMBERS) else (SHARES, "share")
        spread = enumerate(_spread(above, len(under)))
        shown = tuple((index, text) for index, text in spread if index and under[index].lower() in kept)
        return _Heads(down=down, across=across, shown=shown, measure=measure)
    names = [text for text in above[1:] if text]
    if len(names) != 1:
        message = "a second header row: the table has two variables in its columns"
        raise refused(lines, block.below or 0, message, "download it with one variable in the columns")
    shown = tuple((index, text) for index, text in enumerate(under) if index and text)
    return _Heads(down=down, across=names[0], shown=shown, measure=_measure(block.settings))


def category(text: str) -> str:
    """A label; the forms in which a census tells the whole are `Total`.

    >>> category("Total: All households"), category("All categories: Age"), category("All persons")
    ('Total', 'Total', 'All persons')
    """
    return TOTAL if TOTALS.fullmatch(text) else text


def _spread(texts: Sequence[str], width: int) -> list[str]:
    """Heads of which each stands over the blank ones that follow it."""
    spread: list[str] = []
    for index in range(width):
        text = cell_of(texts, index)
        spread.append(text or (spread[-1] if index > 1 else ""))
    return spread


def _measure(settings: dict[str, str]) -> str:
    """What the line of units says: persons, households and the like are counts, percentages are shares."""
    units = next((text.lower() for name, text in settings.items() if name.lower() == "units"), "")
    if units.startswith(COUNTED):
        return "count"
    return "share" if units.startswith(SHARES) else "value"
