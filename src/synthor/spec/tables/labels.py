"""Labels of published tables as they are printed: what is dressing, what is a band of numbers, what is a total."""

import math
import re
import unicodedata
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache

from synthor.spec.tables import words
from synthor.spec.tables.numbers import SPACES
from synthor.spec.tables.words import any_of

_DASHES = dict.fromkeys(map(ord, "\u2010\u2011\u2012\u2013\u2014\u2015\u2212"), "-")
_MARKS = "*\u2020\u2021\u00b9\u00b2\u00b3\u2070\u2071\u2072\u2073\u2074\u2075\u2076\u2077\u2078\u2079"
_BRACKETED = re.compile(r"(?:\[\w{1,3}\]|\([0-9a-z]\))\Z")
_TOTAL = re.compile(any_of(*words.TOTALS))
_SEX = re.compile(any_of(*words.SEXES))
_UNKNOWN = rf"(?:[^\W\d]+:? ){{0,2}}{any_of(*words.UNKNOWN)}"
_DRESSING = re.compile(rf"\b{any_of(*words.UNITS)}\b|[$\u00a3\u20ac]")
_AMOUNT = r"(-?[0-9]+(?:[, ][0-9]{3})*(?:\.[0-9]+)?)"
_THOUSANDS = re.compile(r"\b[1-9][0-9]{0,2}(?:\.[0-9]{3})+\b(?!\.)")
"""Points between thousands, as offices of the continent write them."""
_SCALED = re.compile(rf"(?<![0-9]){_AMOUNT} ?({'|'.join(sorted(words.SCALES, key=len, reverse=True))})\b\.?")
_UPTO = re.compile(rf"{any_of(*words.UNDER)} ?{_AMOUNT}")
_BELOW = re.compile(rf"{_AMOUNT} ?{any_of(*words.BEHIND_UNDER)}")
_JOINED = re.compile(rf"(?<=[0-9]) ?{any_of(*words.JOINED)}(?![0-9])")
_ATMOST = re.compile(rf"{any_of(*words.UP_TO)} ?{_AMOUNT}|{_AMOUNT} {any_of(*words.AND_LESS)}")
_ABOVE = re.compile(rf"{any_of(*words.OVER)} ?{_AMOUNT}")
_FROM = re.compile(
    rf"{_AMOUNT} ?[+-]|{_AMOUNT} plus|{_AMOUNT},? (?:[^\W\d]+ ){{0,2}}{any_of(*words.AND_MORE)}"
    rf"|{any_of(*words.AT_LEAST)} ?{_AMOUNT}"
)
_BETWEEN = re.compile(
    rf"(?:{any_of(*words.BETWEEN)} )?{_AMOUNT} ?(?:{any_of(*words.TO)}|(?P<below>{any_of(*words.TO_UNDER)})) ?{_AMOUNT}"
)


_CODE_AND_NAME = re.compile(r"(?:0[0-9]+|[1-9][0-9]{2,}) (?=[A-Z\u00c0-\u00de])(?!(?:Persons?|People|Years?|EUR|USD|GBP)\b)")
"""A number of several digits before a name, as `0114 Upplands Vasby`: the code of what goes by it."""
NEXT = 1.0
"""How far behind the end of a printed band the next one may begin and still follow it."""


BEHIND = 3
"""Words behind its last number that a band is written with at most, as in `16 and over`; one more for a lone comma."""


@dataclass(frozen=True, slots=True)
class Span:
    """Numbers from `low` to `high`.

    Attributes:
        low: the least; minus infinity where there is none.
        high: the most; infinity where there is none.
        closed: whether `high` belongs to it.
        above: whether `low` does not.
        single: whether it is one number, written alone.
    """

    low: float
    high: float
    closed: bool = True
    above: bool = False
    single: bool = False


@lru_cache(maxsize=1 << 16)
def undressed(label: str) -> str:
    """A label without what does not tell it apart: case, outer dots and colons, footnote marks, kinds of dashes and blanks.

    >>> [undressed(label) for label in ("  Owned [1]", "Total:", "....Rented", "16\u201324", "Male\u00b9")]
    ['owned', 'total', 'rented', '16-24', 'male']
    """
    text = SPACES.sub(" ", unicodedata.normalize("NFC", label).translate(_DASHES)).strip()
    shorter = _without_footnote(text).strip(" .:\u00b7")
    return (shorter or text).casefold()


def _without_footnote(text: str) -> str:
    """A label without the mark of one footnote at its end; looked for from there, since a label may be all marks."""
    if text[-1:] in _MARKS:
        return text.rstrip(_MARKS).rstrip() or text[:1]
    found = _BRACKETED.search(text, max(len(text) - 5, 0))
    return (text[: found.start()].rstrip() or text) if found else text


def column_key(name: str) -> str:
    """What tells a column's name from others: neither case, blanks, underscores nor footnotes.

    >>> column_key("Age group [1]") == column_key("age_group")
    True
    """
    return re.sub(r"[\s_-]+", "_", undressed(name))


def is_total(label: str, known: Collection[str] | None = None) -> bool:
    """Whether a label stands for all categories together.

    Args:
        label: as printed.
        known: labels that do; the usual words unless given.

    >>> [is_total(label) for label in ("Total:", "All usual residents", "Both sexes", "Allotment", "Total aged 16 and over")]
    [True, True, True, False, True]
    """
    plain = undressed(label)
    if known is not None:
        return plain in {undressed(name) for name in known}
    return _TOTAL.fullmatch(plain) is not None


def is_sex(label: str) -> bool:
    """Whether a label is one of the sexes.

    >>> is_sex("Males"), is_sex("Frauen"), is_sex("Manchester")
    (True, True, False)
    """
    return _SEX.fullmatch(undressed(label)) is not None


def is_unknown(label: str) -> bool:
    """Whether a label stands for those without a value, or of whom it is not told.

    >>> [is_unknown(label) for label in ("Not stated [1]", "Age not known", "ohne Angabe", "Stated", "Unknown district 3")]
    [True, True, True, False, False]
    """
    return re.fullmatch(_UNKNOWN, undressed(label)) is not None


def span(label: str) -> Span | None:
    """The numbers that a label stands for, None where it is not of that kind.

    >>> span("16 to 24 years")
    Span(low=16.0, high=24.0, closed=True, above=False, single=False)
    >>> span("2 or more cars in household").low, span("No cars").high, span("5 or 6 rooms").high
    (2.0, 0.0, 6.0)
    >>> span("Under 15").closed, span("$10,000 to $14,999").high, span("3+ persons").low, span("7").single, span("rented")
    (False, 14999.0, 3.0, True, None)
    >>> span("65 Jahre und älter").low, span("moins de 15 ans").high, span("15 tot 25 jaar").closed
    (65.0, 15.0, False)
    >>> span("fewer than 1,500 thousand").high, span("No answer")
    (1500000.0, None)
    """
    plain = _JOINED.sub(" ", undressed(label))
    plain = _scaled(_THOUSANDS.sub(lambda found: found[0].replace(".", ""), plain))
    said = SPACES.sub(" ", _DRESSING.sub(" ", plain)).strip(" ,").split(" ")
    if said[0] in words.NOTHING and not any(char.isdigit() for char in label):
        return None if is_unknown(label) else Span(0.0, 0.0, single=True)
    last = next((at for at in reversed(range(len(said))) if any(char.isdigit() for char in said[at])), None)
    if last is None:
        return None
    for n_words in range(min(last + 1 + BEHIND, len(said)), last, -1):  # what is counted may be named behind the number
        if (found := _span(" ".join(said[:n_words]).strip(" ,"))) is not None:
            return None if found.single and _CODE_AND_NAME.match(label.strip()) else found
    return None


def _scaled(text: str) -> str:
    """A label with its thousands and millions written out; one word behind the second of two numbers is meant for both."""
    found = list(_SCALED.finditer(text))
    if not found:
        return text
    if len(found) == 1 and len(re.findall(_AMOUNT, text[: found[0].start()])) == 1:
        text = re.sub(_AMOUNT, rf"\g<0> {found[0][2]}", text[: found[0].start()], count=1) + text[found[0].start() :]
    return _SCALED.sub(lambda one: f"{_number(one[1]) * words.SCALES[one[2]]:.15g}", text)


def _span(text: str) -> Span | None:
    if found := re.fullmatch(_AMOUNT, text):
        value = _amount(found)
        return Span(value, value, single=True)
    if found := _UPTO.fullmatch(text):
        return Span(-math.inf, _amount(found), closed=False)
    if found := _BELOW.fullmatch(text):
        return Span(-math.inf, _amount(found), closed=False)
    if found := _ATMOST.fullmatch(text):
        return Span(-math.inf, _amount(found))
    if found := _ABOVE.fullmatch(text):
        return Span(_amount(found), math.inf, above=True)
    if found := _FROM.fullmatch(text):
        return Span(_amount(found), math.inf)
    if found := _BETWEEN.fullmatch(text):
        low, high = _number(found[1]), _number(found[3])
        return Span(low, high, closed=found["below"] is None) if low <= high else None
    return None


def _amount(found: "re.Match[str]") -> float:
    return _number(next(part for part in found.groups() if part is not None))


def _number(text: str) -> float:
    return float(re.sub("[, ]", "", text))


def bands(spans: Sequence[Span], *, step: float, whole: bool) -> list[tuple[float, float]]:
    """What bands of one table mean as [from, below), each.

    A band of numbers that are not whole ends where the next one begins, if that is printed as the next number: of `10,000 to
    14,999` and `15,000 to 19,999` the first ends below 15,000.

    Args:
        spans: of all labels of one side of a table.
        step: smallest difference between two values of the variable.
        whole: whether its values are whole numbers.

    >>> bands([span("0-9.9"), span("10-19.9"), span("20+")], step=0.01, whole=False)
    [(0.0, 10.0), (10.0, 20.0), (20.0, inf)]
    >>> bands([span("16-24"), span("over 24")], step=1, whole=True)
    [(16.0, 25.0), (25.0, inf)]
    """
    starts = sorted(one.low + step if one.above and whole else one.low for one in spans)
    found = []
    for one in spans:
        low = one.low + step if one.above and whole else one.low
        if not one.closed or math.isinf(one.high):
            below = one.high
        elif whole:
            below = one.high + 1
        else:
            after = next((start for start in starts if start >= one.high and start > low), math.inf)
            below = after if after - one.high <= NEXT else one.high + step
        found.append((low, below))
    return found
