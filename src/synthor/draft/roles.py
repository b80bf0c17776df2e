"""What each column of a grid is: labels, values, margins of error, or nothing that a target needs."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from synthor.draft.grid import Grid
from synthor.draft.times import is_time_name
from synthor.draft.units import AREA
from synthor.spec.tables.labels import column_key, is_total, span
from synthor.spec.tables.layout import MEASURES

MEASURE = {column_key(other): measure for measure, others in MEASURES.items() for other in (measure, *others)}
"""Plain form of what columns of values are called, and the measure that each is."""

MARGIN = re.compile(
    r".*(?:\bmoe\b|margins? of error|\bmargins?$|margin_of_error|±|\b(?:r?se|s\.e\.|lcl|ucl|ci)\b).*|moe|.*_[0-9]{3}m",
    re.IGNORECASE,
)
PERCENT = re.compile(
    r"(?!.*\b(?:n|no|number|count)\.? ?(?:[(\[]%|[(\[]per ?cent))"
    r".*(?:%|\bper ?cent\b|\bpercentage\b|\bpct\b|\bprozent|\bpourcentage|\bporcentaje|\bpercentuale|\banteil\b).*"
)
NO_COUNT = re.compile(
    r"(?:(?:annual|net|percentage|absolute) )?(?:change|difference|rank|density|average|mean|median|standard error|growth"
    r"|avg(?! emplvl)"
    r"|confidence interval|veränderung|durchschnitt\w*|évolution|moyenne|variación|unweighted|sample|cumulative)\b.{0,40}"
    r"|ratio|rate|index|(?:lower|upper)(?: limit| bound| ci)?|cv|media|(?:av|avinc)(?: ?(?:income|age|size))?|bases?"
    r"|(?:(?:household|annual|weekly|net|gross) )*(?:incomes?|wages?|earnings)|x|y|[xy] mp.*|lat(?:itude)?|lon(?:gitude)?"
    r"|(?:elevation|altitude|höhe|turnout|wahlbeteiligung)\b.{0,12}|eastings?|northings?"
    r"|(?:land )?area(?: ?\(?(?:km|ha|hectares|sq|acres).*)?|fläche.*|superficie.*|oppervlakte.*"
    r"|(?:total |net |gross |sales )*(?:revenues?|turnover|payroll|umsatz|umsätze|chiffre d'affaires|facturación|fatturato"
    r"|omzet)(?:\b.{0,20})?|total (?:annual |quarterly )?wages|.{0,20}\b(?:annual|weekly|wkly|hourly) (?:wages?|pay)"
    r"|.{0,40}[(\[](?:.{0,12} )?(?:eur|usd|gbp|chf|aud|cad|€|\$|£|¥|kr|sek|nok|dkk)[)\]]"
    r"|.{0,40}\b(?:per (?:km|sq|square|hectare|1,?000|person|household)|density|median|average|rank|ratio"
    r"|(?:growth|crude|adjusted|standardi[sz]ed|death|mortality|birth|fertility|incidence|unemployment) rate"
    r"|dependency|unweighted|cumulative|hh size(?!s? [0-9])|per 100|[ah] mean|prse)(?:\b.{0,20})?"
)
"""Columns of numbers that count nobody, or a sample, or are places and sizes."""
STATISTIC = re.compile(
    r"unweighted\b.*|nets? ?[:(].*|(?:mean|median|average|moyenne|durchschnitt\w*)\b.*"
    r"|.*\b(?:sex ratio|ratio|rate|dependency|density|index|percentage)(?:\b.{0,20})?"
)
"""Labels of rows and heads that stand beside counts and count nobody."""
OF_WHICH = re.compile(
    r"[-–—>.·+ ]*(?:of which|of whom|of them|of these|thereof|incl\.? *|including|da[rv]\. *|darunter|davon|dont(?! know)"
    r"|de l[oa]s (?:cuales|que)|de quienes|dos quais|das quais|di cui|dei quali|delle quali|waarvan|wv\. *|herav|heraf"
    r"|hvorav|deraf|därav|varav|siitä|josta|joista|niistä|w tym|z tego|z toho|v tom|od toga|od čega|ebből|din care|в том числе"
    r"|из них|у тому числі|з них"
    r"|bunlardan|εκ των οποίων|trong đó|di antaranya|منهم|منها)\b.*"
    r"|[-–—>.·+ (（]*(?:うち|其中|그 ?중).*|.*\((?:total|(?:of )?any race)\)|.*[(（](?:再掲|うち数|內數)[)）]"
)
"""Labels of people who are counted elsewhere in the same table."""
KIND = re.compile(r"indicator|statistics?|variants?|scenario|measures?|series|concept|projection|scope|units?|quantity|item")
"""Columns that say what a figure is, of which one can be counted."""
IDENTIFIER = re.compile(
    r"(?:.*(?:\b|_))?(?:id|ids|code|codes|geoid\w*|fips\w*|geo_?id|tract\w*|puma\w*|taz|maz|zone|zones|blockgroup|block_?grp|bg|zip"
    r"|zcta\w*|uid|dguid|vector|coordinate|nuts\w*|lsoa\w*|msoa\w*|insee|ags|schlüssel|codigo|código|codice|serial\w*|kode?|コード|코드|代[码碼])"
    r"(?:(?:\b|_).*)?"
)
NO_NUMBERS = "is no count"
CENSUS_CODE = re.compile(r"[a-z]{1,4}[0-9]{1,5}[a-z]* [0-9]{3,4}[a-z]{0,2}")
"""Codes of figures of the Census Bureau, as its API names columns: `B25003_002E`, `P1_001N`."""
CENSUS_AREAS = frozenset(("state", "county", "tract", "block group", "block", "place", "county subdivision", "us", "region"))
"""What the same API calls its columns of codes of areas."""
PEOPLE = re.compile(
    r"(?:number of |total |all |usual )*(?:persons?|people|population|inhabitants|residents|usual residents|households?|homes"
    r"|dwellings?|housing units|families|jobs|workers|personen|bevölkerung|einwohner|haushalte|wohnungen|personnes|ménages"
    r"|logements|personas|población|habitantes|hogares|viviendas|pessoas|população|domicílios|persone|popolazione|famiglie"
    r"|abitazioni|bevolking|inwoners|huishoudens|woningen|tot(?:al)? ?(?:pop|hh|persons|households)?|pop|hh)"
)
"""Whom a table may count; beside parts of them, it is their total."""

MANY_ALIKE = 2
"""Columns called alike but for their numbers that are hardly all codes."""

AREAS = re.compile(
    r"\b(?:areas?|regions?|geograph(?:y|ies)|district|county|state|province|municipality|place|location|country|zones?|wards?"
    r"|land|kreis|gebiet|gemeinde|bezirk|kanton|r[ée]gion(?:en)?|d[ée]partement|commune|canton|territoire|regi[oóã]n?|provincia"
    r"|municipio|município|comunidad\w*|concelho|distrito|comune|regione|gemeente|provincie|regio|wijk|kommune?|kommun|fylke|län"
    r"|kunta|maakunta|województwo|powiat|gmina|kraj|okres|obec|megye|județ|ilçe|i̇?l|jud|local authority"
    r"|omr[åa]de|alue|obszar|území|územie|terület|zona|περιοχή|περιφέρεια|регион|область|район|регіон|wilayah|provinsi"
    r"|地域|都道府県|地区|市町村|省份?|시도|행정구역|지역|المنطقة|المحافظة)\b"
)
"""Words of areas, in names of columns."""


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
    lone = _counts_in_a_row(grid, plain)
    numeric = [(i > 0 or lone) and i not in grid.sections and _all_numbers(grid, i) for i in range(grid.width)]
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
        lost = 2 * len(percent) > len(numbers) and all(_in_percent(grid, i) for i in percent)  # they say more than counts do
        left |= dict.fromkeys(percent, "it is per cent of what others count" if lost else "")
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
        values = _without_codes(grid, numbers, plain)
        if not values:
            none = ", ".join(dict.fromkeys(f"'{names[i]}'" for i, reason in left.items() if reason.endswith(NO_NUMBERS)))
            return f"has no column of {f'counts: {none} {NO_NUMBERS}' if none else 'numbers'}{' but of codes' * bool(numbers)}"
        others = [i for i in numbers if i not in values]
    sides = sorted({*sides, *(others if not named else [i for i in others if _labels_rows(grid, i, plain[i])])})
    left |= {i: f"'{names[i]}' is not used beside '{names[values[0]]}'" for i in others if i not in sides}
    if not named:
        sides, values = _keyed(grid, sides, values)
    if not sides and not lone:
        return "has no column of labels"
    if sides == [0] and not named and len(values) > 0 and not _labels_itself(grid, plain[0]):
        return "has no column of labels: its first column holds numbers that are in no order; add one that names the rows"
    if not values:
        return "has no column of numbers"
    margin = margins[0] if len(margins) == 1 and len(values) == 1 else None
    if margin is not None:
        del left[margin]
    return Roles(sides=sides, values=values, margin=margin, left=left)


def _counts_in_a_row(grid: Grid, plain: Sequence[str]) -> bool:
    """Whether the one row of a table holds counts from its first column on, which is no code, year or name of an area."""
    first = plain[0]
    codes = IDENTIFIER.fullmatch(first) or AREAS.search(first) or is_time_name(first) or not first
    return len(grid.rows) == 1 and grid.width > 2 and not codes and all(_all_numbers(grid, i) for i in range(grid.width))


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
        elif NO_COUNT.fullmatch(plain[i]) or AREA.fullmatch(plain[i]):
            left[i] = f"'{grid.name(i)}' {NO_NUMBERS}"
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


def _without_codes(grid: Grid, numbers: Sequence[int], plain: Sequence[str]) -> list[int]:
    """Columns of numbers that count something, of those whose names do not say it."""
    alike = _numbered_alike(grid, numbers, plain)
    of_a_census = any(CENSUS_CODE.fullmatch(name) for name in plain)
    areas = [i for i in numbers if of_a_census and plain[i] in CENSUS_AREAS]
    return [i for i in numbers if i not in areas and not _is_identifier(grid, i, "" if i in alike else plain[i])]


def _numbered_alike(grid: Grid, numbers: Sequence[int], plain: Sequence[str]) -> set[int]:
    """Columns that are called alike but for their numbers, or like rows: each is a zone, and holds no codes of zones."""
    alike: dict[str, list[int]] = {}
    for i in numbers:
        stem = re.sub(r"[ _]?[0-9]+\Z", "", plain[i])
        if stem and stem != plain[i]:
            alike.setdefault(stem, []).append(i)
    rows = set(grid.columns[0])
    return {i for group in alike.values() for i in group if len(group) > MANY_ALIKE or grid.name(i) in rows}


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
