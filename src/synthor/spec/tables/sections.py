"""Labels that stand in rows of their own above the rows that they are true of: `Male`, and ages below it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthor.errors import Finding, InputError
from synthor.spec.tables.labels import undressed

TOTAL = "Total"
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sectioned:
    """Rows without those that only tell where they belong.

    Attributes:
        rows: of cells.
        numbers: of each in the file.
        labels: of each, one a level, from the outermost; blank where none stands above it.
    """

    rows: tuple[Row, ...]
    numbers: tuple[int, ...]
    labels: tuple[Row, ...]


def sectioned(
    source: str,
    rows: Sequence[Row],
    numbers: Sequence[int],
    *,
    depth: int,
    level: Callable[[str], int | None],
    total: Callable[[str], bool],
    heads: Sequence[Row] = (),
    above: str = "",
    called: str = TOTAL,
) -> Sectioned:
    """The rows of a table under labels of rows of their own.

    Such a row has a label and nothing else, or has figures and a label that is known to be one: then it is the total of the
    rows below it. Several that follow each other are of several levels; one alone is of the innermost, unless it is known to
    be of another. Header rows that come again are passed over. A total below the last section is one of everything where the
    others have one less.

    Args:
        source: of the table, for messages.
        rows: below the header.
        numbers: of each in the file.
        depth: how many levels there are.
        level: which one a label is known to be of, from 0; None where that is not known.
        total: whether a label is a total.
        heads: header rows.
        above: the first label, where it stands above the header.
        called: what a row of totals is called.

    Raises:
        InputError: more rows of labels follow each other than there are levels.

    >>> rows = [("Male", ""), ("young", "1"), ("old", "2"), ("Female", ""), ("young", "3"), ("old", "4")]
    >>> sectioned("t.csv", rows, range(6), depth=1, level=lambda text: None, total=lambda text: False).labels
    (('Male',), ('Male',), ('Female',), ('Female',))
    """
    plain_heads = {tuple(map(undressed, head)) for head in heads}
    told = [i for i, row in enumerate(rows) if tuple(map(undressed, row)) not in plain_heads]
    alone = {i for i in told if sum(map(bool, rows[i])) == 1}
    figured = any(i not in alone and level(_label(rows[i])) is not None for i in told)
    current = [above] + [""] * (depth - 1)
    found: list[tuple[Row, int, Row]] = []
    for place, i in enumerate(told):
        row, label = rows[i], _label(rows[i])
        known = level(label)
        if i in alone:
            at = _run(told, place, alone, depth, source, numbers) if known is None else known
            current = [*current[:at], label, *[""] * (depth - at - 1)]
            continue
        if known is not None or (figured and total(label)):
            at = known or 0
            current = [*current[:at], label, *[""] * (depth - at - 1)]
            within = tuple(text or called for text in current)
            row = tuple(
                called if field == label and position == row.index(label) else field for position, field in enumerate(row)
            )
        else:
            within = tuple(text or (label if total(label) else "") for text in current)
        found.append((row, numbers[i], within))
    if found and not figured:
        found[-1] = _of_everything(found, total)
    kept, places, labels = zip(*found, strict=True) if found else ((), (), ())
    return Sectioned(rows=kept, numbers=places, labels=labels)


def _of_everything(found: Sequence[tuple[Row, int, Row]], total: Callable[[str], bool]) -> tuple[Row, int, Row]:
    """The last row, as a total of all sections where it is one: its own has one more total than any other has."""
    row, number, last = found[-1]
    label = _label(row)
    totals = [within for one, _, within in found if total(_label(one))]
    others = {within for _, _, within in found} - {last}
    most = max((totals.count(within) for within in others), default=totals.count(last))
    return (row, number, (label,) * len(last)) if total(label) and totals.count(last) > most else found[-1]


def _label(row: Row) -> str:
    return next((field for field in row if field), "")


def _run(told: Sequence[int], place: int, alone: set[int], depth: int, source: str, numbers: Sequence[int]) -> int:
    """The level of a label by how many others follow it before the next row of figures."""
    after = 0
    while place + after + 1 < len(told) and told[place + after + 1] in alone:
        after += 1
    if after >= depth:
        message = f"{after + 1} rows of labels follow each other, and `sections` names {depth}"
        cure = "name as many, leave rows out with `cells`, or see whether one of them is a note"
        raise InputError([Finding(where=source, row=numbers[told[place]], message=message, cure=cure)])
    return depth - 1 - after
