"""A table file as rows of text, before anything is known of how the table lies in it."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Lines:
    """The rows of a file or sheet, each a tuple of texts; rows may differ in length.

    Attributes:
        source: what to call it in a message: the file as the user wrote it.
        rows: outer blanks removed; blank rows are left out.
        numbers: number of each row as an editor counts it, from 1.
        notes: what a reader must know of how they were read.
        left: columns of the sheet left of the first.
        gaps: whether blank rows stand above each row; empty where nobody knows.
        indents: blanks before the first label of each row that has some; empty where no label has any.
        titles: what the file says of its table beside its rows.
    """

    source: str
    rows: tuple[tuple[str, ...], ...]
    numbers: tuple[int, ...]
    notes: tuple[str, ...] = ()
    left: int = 0
    gaps: tuple[bool, ...] = ()
    indents: tuple[int, ...] = ()
    titles: tuple[str, ...] = ()
