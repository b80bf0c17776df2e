"""How values are written, and what a text stands for as a value."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from synthor.errors import visible

if TYPE_CHECKING:
    import polars as pl


class Written(float):
    """A number that keeps the text it was written as; in everything else a float.

    >>> Written("-1000.00") + 1, Written("-1000.00").text
    (-999.0, '-1000.00')
    """

    __slots__ = ("text",)
    text: str

    def __new__(cls, text: str) -> "Written":
        self = super().__new__(cls, text)
        self.text = text
        return self

    def __reduce__(self) -> tuple[type["Written"], tuple[str]]:
        return Written, (self.text,)


def as_text(value: object) -> str:
    """One value of a table as a label is written: no outer blanks, booleans in words, whole floats as whole numbers.

    A number of a spec is the text that it was written as.

    >>> [as_text(value) for value in (" rented ", 3.0, 0.1, True, None)]
    ['rented', '3', '0.1', 'yes', '']
    """
    if value is None:
        return ""
    if isinstance(value, Written):
        return value.text
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else str(value).strip()


def unread(value: object) -> object:
    """What was written, where a text is wanted and a number was read.

    >>> unread(Written("1.10")), unread(2)
    ('1.10', 2)
    """
    return value.text if isinstance(value, Written) else value


def number_of(text: str) -> float:
    """A text as a number, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def as_numbers(column: "pl.Series") -> "pl.Series":
    """A column of texts as numbers, blanks being missing values; as it is where some text is none."""
    import polars as pl

    texts = column.str.strip_chars().replace("", None)
    found = texts.cast(pl.Float64, strict=False)
    return found if found.null_count() == texts.null_count() else column


def number(value: float) -> str:
    """A number with separators and all its digits, for people.

    >>> number(46_000_000.0), number(-0.25)
    ('46,000,000', '-0.25')
    """
    return f"{value:,.15g}"


def plural(n: int, one: str, many: str = "") -> str:
    """A number of things.

    >>> plural(1, "cell"), plural(1200, "cell")
    ('1 cell', '1,200 cells')
    """
    return f"{n:,} {one if n == 1 else many or one + 's'}"


def in_brief(text: str, most: int) -> str:
    r"""A text on one line, its control characters written out, cut where it is longer than there is room for.

    >>> in_brief("Households of\na small town", 30), in_brief("a" * 50, 10)
    ('Households of a small town', 'aaaaaaa...')
    """
    line = visible(" ".join(text.split()))
    return line if len(line) <= most else f"{line[: most - 3]}..."


def some_of(texts: Iterable[str], most: int = 6) -> str:
    """The first few of some names, and how many more there are.

    >>> some_of(["age", "sex"]), some_of("abcdefgh")
    ('age, sex', 'a, b, c, d, e, f and 2 more')
    """
    every = [in_brief(text, 40) for text in texts]
    more = f" and {len(every) - most:,} more" if len(every) > most else ""
    return ", ".join(every[:most]) + more
