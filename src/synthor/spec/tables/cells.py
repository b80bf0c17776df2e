"""Part of a sheet: the cells of a range, or of several that lie apart and are one table."""

from collections.abc import Sequence
from dataclasses import replace

from synthor.errors import Finding, InputError
from synthor.spec.tables.labels import undressed
from synthor.spec.tables.lines import Lines
from synthor.spec.targets import RANGE


def cells_of(lines: Lines, ranges: Sequence[str]) -> Lines:
    """The rows of some cells; those of a second range follow without its head, which must be that of the first.

    Args:
        lines: of the sheet.
        ranges: such as `A5:D12`, columns by their letters and rows by their numbers.

    Raises:
        InputError: nothing is there, or ranges have different heads.

    >>> sheet = Lines(source="t.csv", rows=(("age", "n", "age", "n"), ("0", "5", "1", "7")), numbers=(3, 4))
    >>> cells_of(sheet, ["A3:B4", "C3:D4"]).rows
    (('age', 'n'), ('0', '5'), ('1', '7'))
    """
    parts = [_cut(lines, one) for one in ranges]
    rows, numbers = list(parts[0].rows), list(parts[0].numbers)
    gaps, indents = list(parts[0].gaps), list(parts[0].indents)
    for told, part in zip(ranges[1:], parts[1:], strict=True):
        n_heads = _shared(parts[0], part)
        if not n_heads:
            message = f"the cells {told} begin otherwise than {ranges[0]}: they are no part of one table"
            raise InputError(
                [Finding(where=lines.source, row=part.numbers[0], message=message, cure="use one target for each")]
            )
        rows += part.rows[n_heads:]
        numbers += part.numbers[n_heads:]
        gaps += part.gaps[n_heads:]
        indents += part.indents[n_heads:]
    left = min(part.left for part in parts)
    indents = indents if any(indents) else []
    return replace(lines, rows=tuple(rows), numbers=tuple(numbers), left=left, gaps=tuple(gaps), indents=tuple(indents))


def _cut(lines: Lines, told: str) -> Lines:
    found = RANGE.fullmatch(told.strip())
    assert found is not None  # the layout has seen to it
    first, last = sorted((column_of(found[1]), column_of(found[3])))
    top, bottom = sorted((int(found[2]), int(found[4])))
    begin, end = max(first - lines.left, 0), max(last + 1 - lines.left, 0)
    n = len(lines.rows)
    told_of_each = zip(lines.rows, lines.numbers, lines.gaps or (False,) * n, lines.indents or (0,) * n, strict=True)
    kept = [
        (row[begin:end], number, gap, 0 if begin else indent)  # that of a label further left
        for row, number, gap, indent in told_of_each
        if top <= number <= bottom and any(row[begin:end])
    ]
    if not kept:
        cure = f"the last row is {lines.numbers[-1]}, the last column {letters_of(lines.left + max(map(len, lines.rows)) - 1)}"
        raise InputError([Finding(where=lines.source, message=f"holds nothing in the cells {told}", cure=cure)])
    rows, numbers, gaps, indents = zip(*kept, strict=True)
    return replace(lines, rows=rows, numbers=numbers, gaps=gaps, left=max(first, lines.left), indents=indents)


def _shared(one: Lines, other: Lines) -> int:
    """How many rows two parts begin with in common; a row of figures is no head."""
    alike = [list(map(undressed, a)) == list(map(undressed, b)) for a, b in zip(one.rows, other.rows, strict=False)]
    return alike.index(False) if False in alike else len(alike)


def column_of(letters: str) -> int:
    """Place of a column by its letters, from 0.

    >>> column_of("A"), column_of("AB")
    (0, 27)
    """
    place = 0
    for letter in letters.upper():
        place = 26 * place + ord(letter) - ord("A") + 1
    return place - 1


def letters_of(column: int) -> str:
    """Letters of a column by its place.

    >>> letters_of(0), letters_of(27)
    ('A', 'AB')
    """
    letters = ""
    column += 1
    while column:
        column, rest = divmod(column - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters
