"""What the converters share: cells in long form, and how a file that is laid out otherwise is refused."""

from collections import Counter
from collections.abc import Iterable, Sequence

from synthor.errors import Finding, InputError
from synthor.spec.tables.lines import Lines
from synthor.spec.tables.offices.signs import NAMES, recognised

Column = tuple[str, Sequence[str]]
TOTAL = "Total"
AGAIN = "download the table again and leave the file as it came"


def varying(columns: Sequence[Column]) -> list[Column]:
    """The columns that hold more than one text: the others tell nothing apart.

    >>> varying([("sex", ["F", "M"]), ("unit", ["NR", "NR"])])
    [('sex', ['F', 'M'])]
    """
    return [(name, texts) for name, texts in columns if len(set(texts)) > 1]


def long_form(
    lines: Lines, columns: Sequence[Column], numbers: Sequence[int], *, header: int = 0, notes: Sequence[str] = ()
) -> Lines:
    """One row a cell under a header row.

    Args:
        lines: the file that the cells come from.
        columns: name and texts of each column, one text a cell.
        numbers: for each cell, the number of its row in the file.
        header: which of the file's rows the header came from.
        notes: what a reader must know of how the cells were read.

    Raises:
        InputError: there is no cell, or two columns have one name.
    """
    number = lines.numbers[header]
    if not numbers:
        raise InputError([Finding(where=lines.source, row=number, message="no figures follow the header", cure=AGAIN)])
    if twice := [name for name, times in Counter(name for name, _ in columns).items() if times > 1]:
        message = f"two columns would be called '{twice[0]}'"
        raise InputError([Finding(where=lines.source, row=number, message=message, cure="rename one of them in the file")])
    names = tuple(name for name, _ in columns)
    cells = zip(*(texts for _, texts in columns), strict=True)
    return Lines(source=lines.source, rows=(names, *cells), numbers=(number, *numbers), notes=tuple(notes))


def named_apart(names: Sequence[str], codes: Sequence[str]) -> list[str]:
    """Names, each with its code where one name stands for several codes, as a city and the county around it may have one.

    >>> named_apart(["Ansbach", "Ansbach", "Hof"], ["09561", "09571", "09464"])
    ['Ansbach (09561)', 'Ansbach (09571)', 'Hof']
    """
    known: dict[str, set[str]] = {}
    for name, code in zip(names, codes, strict=True):
        known.setdefault(name, set()).add(code)
    return [f"{name} ({code})" if len(known[name]) > 1 and code else name for name, code in zip(names, codes, strict=True)]


def not_laid_out(lines: Lines, office: str, expected: str) -> InputError:
    """The refusal of a file that is no download of the office: what was expected, what was found."""
    if not lines.rows:
        return InputError([Finding(where=lines.source, message="the file is empty", cure=AGAIN)])
    found = shortened(", ".join(lines.rows[0]))
    other = recognised(lines)
    cure = AGAIN
    if other and other != office:
        cure = f"it looks like a download from {NAMES[other]}: write layout: {{format: {other}}}"
    elif other is None:
        cure = "leave format out of layout if the table is your own"
    message = f"is not laid out as downloads from {NAMES[office]} are: it begins '{found}', expected {expected}"
    return InputError([Finding(where=lines.source, row=lines.numbers[0], message=message, cure=cure, expected=expected)])


def refused(lines: Lines, at: int, message: str, cure: str = AGAIN) -> InputError:
    """One finding about the file's row of that position."""
    return InputError([Finding(where=lines.source, row=lines.numbers[at], message=message, cure=cure)])


def refuse_cut(lines: Lines, at: Iterable[int], *, last: int, width: int) -> None:
    """Raise where a row does not reach the last column that is needed.

    Args:
        lines: the file.
        at: positions of the rows to look at.
        last: position of the last column that is needed.
        width: how many fields the header has, for the message.

    Raises:
        InputError: one finding for each row that is too short.
    """
    short = [
        Finding(
            where=lines.source,
            row=lines.numbers[position],
            message=f"has {len(lines.rows[position])} fields, the header has {width}",
            cure=f"the file is cut: {AGAIN}",
        )
        for position in at
        if len(lines.rows[position]) <= last
    ]
    if short:
        raise InputError(short)


def shortened(text: str, length: int = 60) -> str:
    """At most `length` characters, for a message.

    >>> shortened("a long header", 8)
    'a lon...'
    """
    return text if len(text) <= length else text[: length - 3] + "..."


def cell_of(row: Sequence[str], index: int | None) -> str:
    """A row's text at that place; empty where the row is shorter or there is no such column."""
    return row[index] if index is not None and index < len(row) else ""
