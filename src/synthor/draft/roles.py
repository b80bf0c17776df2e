"""What each column of a grid is: labels, values, margins of error, or nothing that a target needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from synthor.draft.grid import YEAR, Grid
from synthor.spec.tables.labels import column_key, is_total, span
from synthor.spec.tables.layout import MEASURES

MEASURE = {column_key(other): measure for measure, others in MEASURES.items() for other in (measure, *others)}
"""Plain form of what columns of values are called, and the measure that each is."""

MARGIN = re.compile(
    r".*(?:\bmoe\b|margins? of error|\bmargins?$|margin_of_error|±|\b(?:r?se|s\.e\.|lcl|ucl|ci)\b).*|moe|.*_[0-9]{3}m",
    re.IGNORECASE,
)
PERCENT = re.compile(
    r".*(?:%|\bper ?cent\b|\bpercentage\b|\bpct\b|\bprozent|\bpourcentage|\bporcentaje|\bpercentuale|\banteil\b).*"
)
NO_COUNT = re.compile(
    r"(?:(?:annual|net|percentage|absolute) )?(?:change|difference|rank|density|average|mean|median|standard error|growth|avg"
    r"|confidence interval|veränderung|durchschnitt\w*|évolution|moyenne|variación|unweighted|sample|cumulative)\b.{0,40}"
    r"|ratio|rate|index|(?:lower|upper)(?: limit| bound| ci)?|cv|media|(?:av|avinc)(?: ?(?:income|age|size))?|bases?"
    r"|(?:(?:household|annual|weekly|net|gross) )*(?:incomes?|wages?|earnings)|x|y|[xy] mp.*|lat(?:itude)?|lon(?:gitude)?"
    r"|eastings?|northings?|(?:land )?area(?: ?\(?(?:km|ha|hectares|sq|acres).*)?|fläche.*|superficie.*|oppervlakte.*"
    r"|.{0,40}\b(?:per (?:km|sq|square|hectare|1,?000|person|household)|density|median|average|rank|growth rate|ratio"
    r"|dependency|unweighted|cumulative|hh size)(?:\b.{0,20})?"
)
"""Columns of numbers that count nobody, or a sample, or are places and sizes."""
STATISTIC = re.compile(
    r"(?:mean|median|average|moyenne|durchschnitt\w*)\b.*"
    r"|.*\b(?:sex ratio|ratio|rate|dependency|density|index|percentage)(?:\b.{0,20})?"
)
"""Labels of rows and heads that stand beside counts and count nobody."""
OF_WHICH = re.compile(
    r"[-–>. ]*(?:of which|of whom|thereof|darunter|davon|dont|de los cuales|di cui|waarvan|herav|därav|including)\b.*"
    r"|.*\(total\)"
)
"""Labels of people who are counted elsewhere in the same table."""
KIND = re.compile(r"indicator|statistics?|variants?|scenario|measures?|series|concept|projection|scope|units?|quantity|item")
"""Columns that say what a figure is, of which one can be counted."""
_TIMES = frozenset((
    "ref_date", "date", "dates", "time", "period", "periods", "year", "years", "quarter", "month", "ending", "vintage", "jahr",
    "berichtsjahr", "zeit", "stichtag", "datum", "annee", "année", "mois", "ano", "año", "mes", "anno", "jaar", "perioden",
    "periode", "år", "tid", "vuosi", "rok", "monat", "年", "연도",
))  # fmt: skip
_NO_TIME = re.compile(
    r"built|build|construction|birth|arrival|entry|immigration|baujahr|geburt|nacimiento|naissance|age|old|school"
    r"|years? (?:of residence|of stay|in|since)|time (?:of|to|in)|travel"
)
_MONTHS = (
    "jan ene gen", "feb fév fev", "mar mär", "apr avr abr", "may mai mei mag maj", "jun giu jui",
    "jul lug", "aug aoû ago", "sep set",
    "oct okt out ott", "nov", "dec dez déc dic",
)  # fmt: skip
_MONTH = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
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
    if sum(numeric) > 1 and len(named) == 1 and plain[named[0]] in ("n", "sd", "std", "sum"):
        named = []  # north, a sample or a super district, beside others
    wholes = [i for i in named if is_total(names[i])]
    if len(wholes) == len(named) and sum(numeric) - len(margins) > 1:
        named = []  # a column called Total beside others is a total of theirs
    numbers = [i for i in range(grid.width) if numeric[i] and i not in margins]
    left |= _no_counts(grid, numbers, named, plain)
    named = [i for i in named if i not in left]
    numbers = [i for i in numbers if i not in left]
    percent = [i for i in numbers if PERCENT.fullmatch(plain[i]) or _in_percent(grid, i)]
    if percent and len(percent) < len(numbers):
        left |= dict.fromkeys(percent, "")
        numbers = [i for i in numbers if i not in percent]
        named = [i for i in named if i not in percent]
    counted = _counts(grid, named, [i for i in numbers if PEOPLE.fullmatch(plain[i]) and not is_total(names[i])])
    if counted is None:
        return f"has several columns of values ({', '.join(names[i] for i in numbers)}); keep one"
    named = counted
    numbers = [i for i in numbers if i in named or column_key(names[i]) not in MEASURE or not named]
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


def _no_counts(grid: Grid, numbers: Sequence[int], named: Sequence[int], plain: Sequence[str]) -> dict[int, str]:
    """Columns of numbers that count nobody, or a sample, and why; an empty reason needs no word."""
    weighted = any(plain[i].startswith("weighted") for i in numbers)
    left: dict[int, str] = {}
    for i in numbers:
        if weighted and plain[i] in ("n", "unweighted", "sample", "cases"):
            left[i] = f"'{grid.name(i)}' counts a sample"
        elif i in named:
            continue
        elif _is_date(grid, i, plain[i]) or _empty(grid, i):
            left[i] = ""
        elif NO_COUNT.fullmatch(plain[i]):
            left[i] = f"'{grid.name(i)}' is no count"
    return left


def _counts(grid: Grid, named: list[int], people: list[int]) -> list[int] | None:
    """The column of counts among those that are named like columns of values; None where there are several, or none of many."""
    measures = {i: MEASURE[column_key(grid.name(i))] for i in named}
    counts = [i for i in named if measures[i] == "count"]
    if len(counts) > 1:
        exact = [i for i in counts if grid.name(i) in MEASURES]
        return exact if len(exact) == 1 else None
    if counts or (len(named) == 1 and not (people and measures[named[0]] == "share")):
        return counts or named
    if named and len(people) == 1:
        return people
    return None if len(named) > 1 else []


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
    if IDENTIFIER.fullmatch(plain) or is_time_name(plain):
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
        if _distinct(grid, [*sides, first]) <= _distinct(grid, sides) or 3 * _distinct(grid, [first]) > 2 * len(grid.rows):
            break  # counts differ from row to row, labels come again
        sides, values = sorted([*sides, first]), values[1:]
    return sides, values


def _labels_itself(grid: Grid, plain: str) -> bool:
    """Whether a first column names rows: by words, by codes, or by numbers of its own in order."""
    if not _all_numbers(grid, 0):
        return True
    fields = grid.columns[0]
    spans = [found.low for field in fields if (found := span(field)) is not None]
    ordered = len(spans) == len(fields) and spans == sorted(set(spans))
    return ordered or _is_identifier(grid, 0, plain) or is_time_name(plain) is not None or _distinct(grid, [0]) < len(grid.rows)


def _distinct(grid: Grid, sides: Sequence[int]) -> int:
    return len(set(zip(*(grid.columns[i] for i in sides), strict=True)))


def _repeats(grid: Grid, sides: Sequence[int]) -> bool:
    return _distinct(grid, sides) < len(grid.rows)


def times(labels: Sequence[str]) -> list[tuple[int, int, int, int]] | None:
    """When labels are, to be put in order; None where they are no years or dates, or differ by something else.

    >>> times(["2019", "31.12.2020", "2021-06"]), times(["North", "South"]), times(["Men 2022", "Women 2022"])
    ([(2019, 0, 0, 0), (2020, 12, 31, 1), (2021, 6, 0, 2)], None, None)
    >>> times(["Jan 2021", "Feb 2021"]), times(["2019/20", "2020/21"])
    ([(2021, 1, 0, 0), (2021, 2, 0, 1)], [(2020, 0, 0, 0), (2021, 0, 0, 1)])
    """
    found = [_time(label.strip()) for label in labels]
    rests = {rest for _, rest in (one for one in found if one is not None)}
    if not found or len(rests) != 1 or None in found:
        return None
    return [(*one[0], order) for order, one in enumerate(found) if one is not None]


def _time(text: str) -> tuple[tuple[int, int, int], str] | None:
    """Year, month and day of a label, and what else it says."""
    if full := re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)", text):
        return (int(full[3]), int(full[2]), int(full[1])), ""
    if iso := re.fullmatch(r"((?:19|20)\d\d)(?:-?[QTMK]?(0?\d|1[0-2])(?:-(\d{1,2}))?)?(?:[T ]\d.*)?", text):
        return (int(iso[1]), int(iso[2] or 0), int(iso[3] or 0)), ""
    if quarter := re.fullmatch(r"(?:Q([1-4])[ -]?((?:19|20)\d\d)|((?:19|20)\d\d)[ -]?Q([1-4]))", text):
        return (int(quarter[2] or quarter[3]), 3 * int(quarter[1] or quarter[4]), 0), ""
    if span_of := re.fullmatch(r"(?:19|20)(\d\d)[/–-]((?:19|20)?\d\d)", text):
        return (int(span_of[2]) if len(span_of[2]) == 4 else 2000 + int(span_of[2]), 0, 0), ""
    named = re.fullmatch(r"(?:(\d{1,2})\.?(?: de)? )?([^\W\d]{3,12})(?: de)?[ .'-]*((?:19|20)?\d\d)", text)
    if named and (month := _MONTH.get(named[2][:3].casefold())):
        return (int(named[3]) if len(named[3]) == 4 else 2000 + int(named[3]), month, int(named[1] or 0)), ""
    if any_year := re.fullmatch(r"([^0-9]{0,20})((?:19|20)\d\d)([^0-9]{0,12})", text):
        return (int(any_year[2]), 0, 0), f"{any_year[1]}|{any_year[3]}".casefold()
    return None


def is_time_name(name: str) -> bool:
    """Whether a column is called like times of publication or reference, not like a time in somebody's life.

    >>> is_time_name("Survey year"), is_time_name("Year built"), is_time_name("Stichtag")
    (True, False, True)
    """
    words = name.casefold().replace("_", " ")
    if any(letter.isdigit() for letter in words):
        return False
    return bool(_TIMES & set(words.split()) or words == "as of") and _NO_TIME.search(words) is None


def is_time(name: str, labels: Sequence[str]) -> bool:
    """Whether labels are dates of the same table, not categories of what it counts.

    A column must be called so; heads of columns, which have no name, must all be years or dates.
    """
    return times(labels) is not None and (name == "" or is_time_name(column_key(name).replace("_", " ")))


def may_be_time(name: str, labels: Sequence[str]) -> bool:
    """Whether labels seem to be years or dates, though the column is not called so, or they cannot be put in order."""
    plain = column_key(name).replace("_", " ")
    years = all(re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", label) for label in labels)
    alone = all(YEAR.fullmatch(label.strip()) for label in labels)
    called = name != "" and is_time_name(plain)
    other = _NO_TIME.search(plain) is not None or IDENTIFIER.fullmatch(plain) is not None
    numbered = called and all(label.strip().isdigit() for label in labels)  # years that a file tells by numbers of its own
    return len(labels) > 1 and ((called and (years or numbered)) or (name != "" and alone and not other))
