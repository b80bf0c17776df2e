"""What figures of an office are: counts, shares or others, in units or thousands, with points or commas."""

import re
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation

COUNTED = re.compile(
    r"\b(?:persons?|people|population|residents?|inhabitants?|individuals?|men|women|males?|females?|households?|famil(?:y|ies)"
    r"|dwellings?|jobs?|employees?|employed|students?|pupils?|births?|deaths?|marriages|counts?|numbers?|cases"
    r"|anzahl|personen|einwohner\w*|haushalte|familien|wohnungen|kinder|fälle|aantal|mensen|huishoudens|woningen"
    r"|número|personas|hogares|viviendas|habitantes|nombre|personnes|ménages|logements|antal|personer|hushåll|numero|persone"
    r"|famiglie|lkm|henkilö\w*)\b",
    re.IGNORECASE,
)
RATE = re.compile(
    r"\b(?:per|pro|je|par|por|rate|ratio|index|density|dichte|average|mean|median|mittel\w*|durchschnitt\w*)\b|/|="
)
PERCENT = re.compile(
    r"%|\b(?:per ?cent|percentages?|prozent|procent|porcentaje|pourcentage|pct|shares?|proportions?|anteile?)\b", re.I
)
FACTORS = {"units": 1, "unités": 1, "tens": 10, "hundreds": 100, "thousands": 1000, "milliers": 1000, "millions": 10**6}
_THOUSANDS = re.compile(
    r"(?:^|\b|x )(?P<many>1[ .,\u00a0]?000(?:[ .,\u00a0]?000)?\b|thousands?|tausend|tsd|mill?ions?|millionen|mio"
    r"|miles|duizend)(?!\w)",
    re.IGNORECASE,
)
_ONE_GROUP = re.compile(r"[-+]?[1-9]\d{0,2}([.,])\d{3}")


def measure_of(unit: str) -> str:
    """What a spec calls figures in a unit: `count`, `share`, or `value` for any other.

    >>> [measure_of(unit) for unit in ("Persons", "1000 Personen", "x 1 000", "Percent", "EUR", "Number per 1,000", "")]
    ['count', 'count', 'count', 'share', 'value', 'value', 'value']
    """
    if PERCENT.search(unit):
        return "share"
    plain = unit.strip().lower()
    bare = factor_of(plain) > 1 and not _THOUSANDS.sub("", plain).strip(" x")
    return "count" if bare or (COUNTED.search(plain) and not RATE.search(plain)) else "value"


def best_measure(units: Sequence[str]) -> tuple[str, list[int]]:
    """The measure that is kept of figures in several units, counts before shares before others, and the places of its figures.

    >>> best_measure(["Anzahl", "%", "Anzahl"])
    ('count', [0, 2])
    """
    measures = [measure_of(unit) for unit in units]
    best = next((measure for measure in ("count", "share", "value") if measure in measures), "value")
    return best, [at for at, measure in enumerate(measures) if measure == best]


def left_out(units: Sequence[str], kept: Sequence[int]) -> list[str]:
    """What a reader must know of figures that were not kept."""
    others = dict.fromkeys(units[at] for at in set(range(len(units))).difference(kept))
    told = ", ".join(f"'{unit if len(unit) < 30 else unit[:27] + '...'}'" for unit in sorted(others)[:5])
    return [f"figures in {told} were left out"] if others else []


def multiplied(factor: int) -> list[str]:
    """What a reader must know of figures that were told in thousands or millions."""
    return (
        [f"its figures are told in units of {factor:,} and were multiplied: `rounded_to` says how far each may be off"]
        if factor > 1
        else []
    )


def factor_of(unit: str) -> int:
    """How many ones a figure in a unit stands for.

    >>> [factor_of(unit) for unit in ("Persons", "1000 Personen", "x 1 000", "Thousands", "Mio. EUR", "1 000 000", "per 1,000")]
    [1, 1000, 1000, 1000, 1000000, 1000000, 1]
    """
    found = _THOUSANDS.search(unit)
    if found is None or RATE.search(unit.lower()):
        return 1
    many = re.sub(r"[ .,\u00a0]", "", found["many"].lower())
    return 10**6 if (many.startswith("mi") and not many.startswith("miles")) or many == "1000000" else 1000


def times(figure: str, factor: int) -> str:
    """A plain figure times a power of ten, its digits as they were told; a mark stays.

    >>> times("15.2", 1000), times("3", 1), times("0.25", 1000), times("..", 1000)
    ('15200', '3', '250', '..')
    """
    if factor == 1:
        return figure
    try:
        value = Decimal(figure)
    except InvalidOperation:
        return figure
    if not value.is_finite():
        return figure
    return f"{(value * factor).normalize():f}" if abs(value.adjusted()) < 30 else figure


def in_plain_numbers(figures: Sequence[str], *, decimal: str = ",") -> list[str]:
    """Figures of one column with a point before decimals and nothing between thousands; marks stay.

    The column tells itself which mark is which where one of its figures does: `1.234.567`, `12,5`, `1.234,5`. Where none
    does, a group of three digits is one of thousands, unless it follows the office's own mark before decimals.

    Args:
        figures: as printed.
        decimal: the office's mark before decimals.

    >>> in_plain_numbers(["1.234", "12,5", ".."]), in_plain_numbers(["1.234", "56"]), in_plain_numbers(["1,234,567", "1,2"])
    (['1234', '12.5', '..'], ['1234', '56'], ['1,234,567', '1,2'])
    >>> in_plain_numbers(["47.385.107", "12.000"]), in_plain_numbers(["3574.85"]), in_plain_numbers(["1.375"], decimal=".")
    (['47385107', '12000'], ['3574.85'], ['1.375'])
    """
    marks = {mark for figure in figures if _is_number(figure) for mark in _decimal_marks(figure)}
    if len(marks) > 1:
        return list(figures)  # they contradict each other: whoever reads them says so
    mark = marks.pop() if marks else decimal
    other = "." if mark == "," else ","
    return [_plain(figure, other, mark) if _is_number(figure) else figure for figure in figures]


def _plain(figure: str, grouping: str, mark: str) -> str:
    return re.sub(r"[ \u00a0\u202f']", "", figure).replace(grouping, "").replace(mark, ".")


def _is_number(figure: str) -> bool:
    return re.fullmatch(r"[-+]?\d[\d., \u00a0\u202f']*", figure) is not None


def _decimal_marks(figure: str) -> set[str]:
    """Which mark a figure shows to stand before decimals: one, none where it may be either, or both where it is odd."""
    points, commas = figure.count("."), figure.count(",")
    if not points and not commas:
        return set()
    if points and commas:
        last = "." if figure.rindex(".") > figure.rindex(",") else ","
        return {last} if min(points, commas) == 1 and figure.count(last) == 1 else {".", ","}
    mark = "." if points else ","
    if points + commas > 1:
        return {"," if mark == "." else "."}
    return set() if _ONE_GROUP.fullmatch(figure) else {mark}
