"""What each column of a grid is: labels, values, margins of error, or nothing that a target needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from synthor.draft.grid import YEAR, Grid
from synthor.spec.tables.labels import column_key, is_total, span
from synthor.spec.tables.layout import MEASURES

MEASURE = {column_key(other): measure for measure, others in MEASURES.items() for other in (measure, *others)}
"""Plain form of what columns of values are called, and the measure that each is."""

MARGIN = re.compile(r".*(?:\bmoe\b|margins? of error|\bmargins?$|margin_of_error|±).*|moe", re.IGNORECASE)
PERCENT = re.compile(
    r".*(?:%|\bper ?cent\b|\bpercentage\b|\bpct\b|\bprozent|\bpourcentage|\bporcentaje|\bpercentuale|\banteil\b).*"
)
NO_COUNT = re.compile(
    r"(?:(?:annual|net|percentage|absolute) )?(?:change|difference|rank|density|average|mean|median|standard error|growth"
    r"|confidence interval|veränderung|durchschnitt|évolution|moyenne|variación)\b.{0,40}"
    r"|ratio|rate|index|(?:lower|upper)(?: limit| bound| ci)?|cv|media|(?:av|avg|avinc)(?: ?(?:income|age|size))?"
    r"|(?:(?:household|annual|weekly|net|gross) )*(?:incomes?|wages?|earnings)"
    r"|.{0,40}\b(?:per (?:km|sq|square|hectare|1,?000|person|household)|density|median|average|rank|growth rate)(?:\b.{0,20})?"
)
TIME = re.compile(
    r"(?:ref ?date|time|time ?period|years?|date|period|period[oe]n?|reference (?:year|date|period)|jahr|zeit|stichtag|datum"
    r"|année|año|ano|anno|jaar|perioden|quarter|month|census ?year|as of)"
)
IDENTIFIER = re.compile(
    r"(?:.*(?:\b|_))?(?:id|ids|code|codes|geoid\w*|fips\w*|geo_?id|tract\w*|puma\w*|taz|maz|zone|zones|blockgroup|block_?grp|bg|zip"
    r"|zcta\w*|uid|dguid|vector|coordinate|nuts\w*|lsoa\w*|msoa\w*|insee|ags|schlüssel|codigo|código|codice|serial\w*)"
    r"(?:(?:\b|_).*)?"
)
PEOPLE = re.compile(
    r"(?:number of |total |all |usual )*(?:persons?|people|population|inhabitants|residents|usual residents|households?|homes"
    r"|dwellings?|housing units|families|jobs|workers|personen|bevölkerung|einwohner|haushalte|wohnungen|personnes|ménages"
    r"|logements|personas|población|habitantes|hogares|viviendas|pessoas|população|domicílios|persone|popolazione|famiglie"
    r"|abitazioni|bevolking|inwoners|huishoudens|woningen|tot(?:al)? ?(?:pop|hh|persons|households)?|pop|hh)"
)
"""Whom a table may count; beside parts of them, it is their total."""


@dataclass(kw_only=True)
class Roles:
    """Columns of a grid by what they are.

    Attributes:
        sides: of labels.
        values: of numbers that are counts, shares or statistics.
        margin: of margins of error, of a table with one column of values.
        left: that no target needs, and why; an empty reason needs no word.
    """

    sides: list[int]
    values: list[int]
    margin: int | None = None
    left: dict[int, str] = field(default_factory=dict)


def roles_of(grid: Grid) -> Roles | str:
    """What each column is, or why that cannot be told."""
    names = [grid.name(i) for i in range(grid.width)]
    plain = [column_key(name).replace("_", " ") for name in names]
    numeric = [i > 0 and _all_numbers(grid, i) for i in range(grid.width)]
    margins = [i for i in range(1, grid.width) if numeric[i] and MARGIN.fullmatch(names[i].strip())]
    left: dict[int, str] = dict.fromkeys(margins, "margins of error of several columns are not read")
    named = [i for i in range(grid.width) if column_key(names[i]) in MEASURE and i not in margins and (numeric[i] or i == 0)]
    if len(grid.heads) > 1:
        named = []
    wholes = [i for i in named if is_total(names[i])]
    if len(wholes) == len(named) and sum(numeric) - len(margins) > 1:
        named = []  # a column called Total beside others is a total of theirs
    numbers = [i for i in range(grid.width) if numeric[i] and i not in margins]
    for i in numbers:
        if i not in named and _is_date(grid, i, plain[i]):
            left[i] = ""
        elif i not in named and (_empty(grid, i) or NO_COUNT.fullmatch(plain[i])):
            left[i] = "" if _empty(grid, i) else f"'{names[i]}' is no count"
    numbers = [i for i in numbers if i not in left]
    percent = [i for i in numbers if PERCENT.fullmatch(plain[i]) or _in_percent(grid, i)]
    if percent and len(percent) < len(numbers):
        left |= dict.fromkeys(percent, "")
        numbers = [i for i in numbers if i not in percent]
        named = [i for i in named if i not in percent]
    if len(named) > 1:
        exact = [i for i in named if names[i] in MEASURES] or named
        counts = [i for i in exact if MEASURE[column_key(names[i])] == "count"]
        if len(counts) != 1:
            return f"has several columns of values ({', '.join(names[i] for i in exact)}); keep one"
        left |= {i: f"'{names[i]}' is not used beside counts" for i in named if i not in counts}
        named = counts
    sides = [i for i in range(grid.width) if i not in numbers and i not in left]
    sides = [i for i in sides if any(grid.columns[i])]
    if named:
        values = named
        others = [i for i in numbers if i not in values]
    else:
        values = [i for i in numbers if not _is_identifier(grid, i, plain[i])]
        if not values:
            return "has no column of numbers but of codes" if numbers else "has no column of numbers"
        others = [i for i in numbers if i not in values]
    sides = sorted({*sides, *(others if not named else [i for i in others if _labels_rows(grid, i, plain[i])])})
    left |= {i: f"'{names[i]}' is not used beside '{names[values[0]]}'" for i in others if i not in sides}
    if not named:
        sides, values = _keyed(grid, sides, values)
    if not sides:
        return "has no column of labels"
    if sides == [0] and not named and len(values) > 0 and not _labels_itself(grid, plain[0]):
        return "has no column of labels: its first column holds numbers that are in no order; add one that names the rows"
    if not values:
        return "has no column of numbers"
    margin = margins[0] if len(margins) == 1 and len(values) == 1 else None
    if margin is not None:
        del left[margin]
    return Roles(sides=sides, values=values, margin=margin, left=left)


def _all_numbers(grid: Grid, i: int) -> bool:
    cells = [grid.number(field) for field in set(grid.columns[i]) if field]
    return bool(cells) and all(cell is not None for cell in cells) and any(cell is not None and cell.told for cell in cells)


def _empty(grid: Grid, i: int) -> bool:
    return not any(grid.columns[i])


def _is_date(grid: Grid, i: int, plain: str) -> bool:
    """Whether a column holds one date or version throughout, such as when the file was made."""
    fields = set(grid.columns[i])
    stamped = re.fullmatch(r".*(?:date|creat|version|updated|vintage|stand).*", plain) is not None
    return (
        len(fields) == 1
        and len(grid.rows) > 1
        and (stamped or re.fullmatch(r"(?:19|20)\d{2}[01]\d[0-3]\d", min(fields)) is not None)
    )


def _in_percent(grid: Grid, i: int) -> bool:
    fields = [field for field in grid.columns[i] if field]
    return bool(fields) and all(field.endswith("%") for field in fields)


def _is_identifier(grid: Grid, i: int, plain: str) -> bool:
    """Whether a column of numbers tells areas or rows apart instead of counting anything."""
    fields = [field for field in grid.columns[i] if field]
    if any(len(field) > 1 and field[0] == "0" and field.isdigit() for field in fields):
        return True
    if any(not field.removeprefix("-").isdigit() for field in fields):
        return False
    if IDENTIFIER.fullmatch(plain) or TIME.fullmatch(plain):
        return True
    whole = is_total(plain) or PEOPLE.fullmatch(plain) is not None
    same = len({len(field) for field in fields}) == 1 and len(fields[0]) >= 4 and len(set(fields)) == len(fields)
    numbers = [int(field) for field in fields]
    ascending = len(fields) >= 5 and numbers == sorted(numbers)
    prefixed = len(fields) >= 3 and len(fields[0]) >= 8
    return same and not whole and (ascending or prefixed)


def _labels_rows(grid: Grid, i: int, plain: str) -> bool:
    """Whether numbers beside a named column of values are labels: of whole numbers, bands, codes or years."""
    fields = set(grid.columns[i])
    return all(field == "" or ((found := span(field)) is not None and found.low == round(found.low)) for field in fields)


def _keyed(grid: Grid, sides: list[int], values: list[int]) -> tuple[list[int], list[int]]:
    """Columns of numbers without a name, from the left, are labels as long as rows cannot be told apart without them."""
    sides, values = sorted(sides), list(values)
    while len(values) > 1 and sides and _repeats(grid, sides):
        first = values[0]
        if _distinct(grid, [*sides, first]) <= _distinct(grid, sides):
            break
        sides, values = sorted([*sides, first]), values[1:]
    return sides, values


def _labels_itself(grid: Grid, plain: str) -> bool:
    """Whether a first column names rows: by words, by codes, or by numbers of its own in order."""
    if not _all_numbers(grid, 0):
        return True
    fields = grid.columns[0]
    spans = [found.low for field in fields if (found := span(field)) is not None]
    ordered = len(spans) == len(fields) and spans == sorted(set(spans))
    return (
        ordered or _is_identifier(grid, 0, plain) or TIME.fullmatch(plain) is not None or _distinct(grid, [0]) < len(grid.rows)
    )


def _distinct(grid: Grid, sides: Sequence[int]) -> int:
    return len(set(zip(*(grid.columns[i] for i in sides), strict=True)))


def _repeats(grid: Grid, sides: Sequence[int]) -> bool:
    return _distinct(grid, sides) < len(grid.rows)


def times(labels: Sequence[str]) -> list[tuple[int, int, int, int]] | None:
    """When labels are, to be put in order; None where they are no years or dates.

    >>> times(["2019", "31.12.2020", "2021-06"]), times(["North", "South"])
    ([(2019, 0, 0, 0), (2020, 12, 31, 1), (2021, 6, 0, 2)], None)
    """
    found = []
    for order, label in enumerate(labels):
        text = label.strip()
        if full := re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)", text):
            found.append((int(full[3]), int(full[2]), int(full[1]), order))
        elif iso := re.fullmatch(r"((?:19|20)\d\d)(?:-?[QTM]?(\d{1,2})(?:-(\d{1,2}))?)?(?:[T ].*)?", text):
            found.append((int(iso[1]), int(iso[2] or 0), int(iso[3] or 0), order))
        elif any_year := re.fullmatch(r"[^0-9]{0,20}(?:\d{1,2}[^0-9]{1,15})?((?:19|20)\d\d)[^0-9]{0,12}", text):
            found.append((int(any_year[1]), 0, 0, order))
        else:
            return None
    return found or None


def is_time(name: str, labels: Sequence[str]) -> bool:
    """Whether labels are dates of the same table, not categories of what it counts.

    A column must be called so; heads of columns, which have no name, must all be years or dates.
    """
    plain = column_key(name).replace("_", " ")
    return times(labels) is not None and (name == "" or TIME.fullmatch(plain) is not None)


__all__ = ["MEASURE", "NO_COUNT", "PEOPLE", "PERCENT", "YEAR", "Roles", "is_time", "roles_of", "times"]
