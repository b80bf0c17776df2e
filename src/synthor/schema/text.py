"""How values are written, and what a text stands for as a value."""


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


def number_of(text: str) -> float:
    """A text as a number, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")
