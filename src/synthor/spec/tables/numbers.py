"""What is printed in a cell of a published table: a number as offices write it, or a mark that it is not told."""

import math
import re
from collections.abc import Collection
from dataclasses import dataclass

SUPPRESSED = frozenset(("*", "**", "***", "-", "--", "..", "...", "c", "x", ":", "(x)", "(d)", "(s)", "n/a", "na", "n.a."))
"""Marks of a cell that is not told, in lower case."""

SPACES = re.compile("[\u00a0\u2000-\u200a\u202f\u205f\u3000\\s]+")
_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_FOOTNOTE = re.compile(
    r"(?<=[0-9%.])\s*(?:[*\u2020\u2021\u00b9\u00b2\u00b3\u2070-\u2079]+|\[\w{1,3}\]|\(\w{1,2}\)|[abdefnprsuz]{1,2})$"
)
_CURRENCY = re.compile(r"^[$\u00a3\u20ac\u00a5]\s*|\s*[$\u00a3\u20ac\u00a5]$")
_WITH_SHARE = re.compile(r"([0-9][0-9,. ]*?) ?\((?:[0-9]{1,3}[.,][0-9]+ ?%?|[0-9]{1,3} ?%)\)")
"""A count with its per cent in brackets, as tables of health research have it."""
_PLAIN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")
_GROUPED = {
    ".": re.compile(r"[-+]?[0-9]{1,3}([,'\u2019 ])[0-9]{3}(?:\1[0-9]{3})*(?:\.[0-9]+)?"),
    ",": re.compile(r"[-+]?[0-9]{1,3}([.'\u2019 ])[0-9]{3}(?:\1[0-9]{3})*(?:,[0-9]+)?"),
}


@dataclass(frozen=True, slots=True)
class Published:
    """What one cell says.

    Attributes:
        value: the number; NaN where it is not told.
        low: the least that it can be; the number itself where it is told.
        high: the most that it can be; infinite where nothing is said.
        decimals: that it was written with.
    """

    value: float
    low: float
    high: float
    decimals: int = 0

    @property
    def told(self) -> bool:
        return not math.isnan(self.value)


def published(
    text: str, *, decimal: str = ".", marks: Collection[str] = (), below: float = math.inf, whole: bool = True
) -> Published | None:
    """What the text of a cell says; None where it says nothing that can be read.

    Thousands may be separated by commas, spaces, points or apostrophes, one of them throughout; percent signs, currency signs
    and footnote marks behind a number are passed over. `<10` is anything from 0 to less than 10, `>95` anything above 95,
    `1-4` anything between; a mark such as `*` or `..` is anything from 0 to less than `below`.

    Args:
        text: of the cell.
        decimal: mark before decimals.
        marks: of cells that are not told, beside the usual ones.
        below: what cells that are not told were smaller than.
        whole: whether it must be a whole number, so that less than 10 is at most 9.

    >>> [published(text).value for text in ("1,234.5", "12 345", "34.8%", "$1,200", "87 [2]", "3 p")]
    [1234.5, 12345.0, 34.8, 1200.0, 87.0, 3.0]
    >>> published("..", below=10), published("<5"), published("many")
    (Published(value=nan, low=0.0, high=9.0, decimals=0), Published(value=nan, low=0.0, high=4.0, decimals=0), None)
    """
    shown = SPACES.sub(" ", text).strip().translate(_DASHES).replace("\u2026", "...")
    if shown.lower() in SUPPRESSED or text.strip() in marks or shown in marks:
        return Published(math.nan, 0.0, _under(below, whole))
    if shown[:1] in ("<", "\u2264"):
        edge = _number(shown.lstrip("<=\u2264 "), decimal)
        at_most = shown[0] == "\u2264" or shown[1:2] == "="
        return None if edge is None or edge[0] < 0 else Published(math.nan, 0.0, edge[0] if at_most else _under(edge[0], whole))
    if shown[:1] in (">", "\u2265"):
        edge = _number(shown.lstrip(">=\u2265 "), decimal)
        return None if edge is None else Published(math.nan, edge[0], math.inf)
    if between := re.fullmatch(r"([0-9]+) ?(?:-|to) ?([0-9]+)", shown):
        low, high = float(between[1]), float(between[2])
        return Published(math.nan, low, high) if low < high else None
    found = _number(shown, decimal)
    return None if found is None else Published(found[0], found[0], found[0], found[1])


def _under(edge: float, whole: bool) -> float:
    """The most that is less than `edge`: of whole numbers the one before it; of others, `edge` itself."""
    return math.ceil(edge) - 1.0 if whole and 0 < edge < math.inf else edge


def _number(shown: str, decimal: str) -> tuple[float, int] | None:
    """A number and its decimals."""
    if shared := _WITH_SHARE.fullmatch(shown):
        found = _number(shared[1], decimal)
        return found if found is not None and found[0] == round(found[0]) and not found[1] else None
    for without in (shown, _FOOTNOTE.sub("", shown)):
        bare = _CURRENCY.sub("", without.removesuffix("%").rstrip()).strip()
        grouped = _GROUPED[decimal].fullmatch(bare)
        if grouped:
            bare = bare.replace(grouped[1], "")
        if decimal == "," and "." not in bare:
            bare = bare.replace(",", ".")
        elif decimal == "," and not grouped:
            continue
        if _PLAIN.fullmatch(bare):
            value = float(bare)
            return (value, decimals_of(bare)) if math.isfinite(value) else None
    return None


def decimals_of(text: str) -> int:
    """Decimals that a plain number was written with.

    >>> [decimals_of(text) for text in ("33.3", "35", "2.5e-3")]
    [1, 0, 4]
    """
    mantissa, _, exponent = text.lower().partition("e")
    shift = int(min(max(float(exponent or 0), -999), 999))  # an exponent may have thousands of digits itself
    return min(max(len(mantissa.partition(".")[2]) - shift, 0), 15)
