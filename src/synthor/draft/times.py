"""Years, dates, seasons of a survey: labels of which several beside each other are the same people at several times."""

import re
from collections.abc import Sequence

from synthor.spec.tables.labels import column_key
from synthor.spec.tables.layout import YEAR

BESIDE = 25
"""Letters beside a year at most."""
_NAMES = frozenset((
    "ref_date", "date", "dates", "time", "period", "periods", "year", "years", "quarter", "month", "ending", "vintage",
    "census", "jahr", "berichtsjahr", "zeit", "stichtag", "datum", "annee", "année", "mois", "millésime", "ano", "año", "mes",
    "anno", "jaar", "perioden", "periode", "år", "tid", "vuosi", "rok", "ročník", "év", "an", "anul", "yıl", "год", "рік",
    "monat", "年", "年次", "年度", "時点", "年份", "연도", "년도", "시점", "ปี", "السنة",
))  # fmt: skip
"""Words of columns that hold times."""
_WAVES = frozenset(
    (
        "wave",
        "waves",
        "round",
        "sweep",
        "welle",
        "erhebungswelle",
        "vague",
        "ola",
        "onda",
        "ondata",
        "golf",
        "ronde",
        "edition",
        "release",
        "campaign",
    )
)
"""Words of columns that hold rounds of a survey."""
_NO_TIME = re.compile(
    r"built|build|construction|birth|arrival|entry|immigration|baujahr|geburt|nacimiento|naissance|age|old|school"
    r"|years? (?:of residence|of stay|in|since)|time (?:of|to|in)|travel"
)
_LIFE = re.compile(
    r"\b(?:born|buil[dt]|construct|birth|arriv|enter|immigrat|moved|baujahr|gebaut|errichtet|gebor|zuzug|constru|né|nacid|llegad"
    r"|nascid|nat[oi]\b|costrui|gebouwd|bygg|född|rakenn|synty|zbudow|urodz|postav|naroz)"
)
"""Words of times in the life of what is counted, beside years."""
_MONTHS = (
    "jan ene gen", "feb fév fev", "mar mär", "apr avr abr", "may mai mei mag maj", "jun giu jui",
    "jul lug", "aug aoû ago", "sep set",
    "oct okt out ott", "nov", "dec dez déc dic",
)  # fmt: skip
_MONTH = {name: number for number, names in enumerate(_MONTHS, start=1) for name in names.split()}
_ERAS = {
    "明治": 1867, "大正": 1911, "昭和": 1925, "平成": 1988, "令和": 2018, "meiji": 1867, "taisho": 1911, "showa": 1925,
    "heisei": 1988, "reiwa": 2018, "民國": 1911, "中華民國": 1911, "民国": 1911, "roc": 1911,
}  # fmt: skip
"""Years before the first one of an era, as Japan and Taiwan count them."""
_ERA = re.compile(rf"({'|'.join(sorted(_ERAS, key=len, reverse=True))})\.? ?(\d{{1,3}}|元)(?: ?年)?")
_LETTERS = {"s": 1925, "h": 1988, "r": 2018}
"""Eras of Japan by their letters."""
_OTHER_ERAS = (
    (re.compile(r"(1[34]\d\d) ?(?:a\.?h\.?|h|هـ)"), 579),
    (re.compile(r"(?:พ\.?ศ\.?|b\.?e\.?) ?(2[45]\d\d)|(2[45]\d\d) ?b\.?e\.?"), -543),
    (re.compile(r"(1[34]\d\d) ?(?:s\.?h\.?|a\.?p\.?|ش)"), 621),
)
"""Years of Islam, of Buddhism and of Iran, and what to add to them; near enough to put them in order."""
_SEASON = re.compile(
    r"(?:wave|round|sweep|vintage|release|edition|welle|runde|vague|ola|ondata|onda|golf|ronde|aalto|bølge|våg|runda|vlna|fala"
    r"|волна|раунд) ?#?(\d{1,2})|(\d{1,2})(?:st|nd|rd|th|\.|ª|a|e) (?:wave|round|welle|runde|vague|ola|ondata|onda)",
)
"""Rounds of a survey, which have a number and no year."""
_QUARTER = re.compile(
    r"(?:q|t|k|trimestre |quartal |kwartaal |kvartal |kwartał )([1-4])[ /'-]{0,2}((?:19|20)?\d\d)"
    r"|((?:19|20)\d\d)[ -]?(?:q|t|k|quartal )([1-4])"
    r"|([1-4])(?:q|t|k|\. ?(?:quartal|kvartal)|(?:er|e|º|°)? (?:trimestre|trim\.?)|st|nd|rd|th)(?: ?(?:quarter|qtr))?"
    r"[ /'-]{0,2}((?:19|20)?\d\d)"
)
_FISCAL = re.compile(
    r"(?:fy|fiscal year|financial year|school year|schuljahr|exercice)[ '’_-]{0,2}((?:19|20)?\d\d)(?:[/–-]\d\d)?"
)
_ABOUT = re.compile(
    r"spring|summer|autumn|fall|winter|frühjahr|frühling|herbst|sommer|printemps|été|automne|hiver|census|cen|base|based?|estimates?|est|proj(?:ection|ected)?s?|forecasts?|predicted|actual|observed|plan|planned|target"
    r"|mid|year|end|start|of|on|at|as|the|in|jan(?:uary)?|april|july?|december|annual|provisional|prelim(?:inary)?|revised|final"
    r"|pop(?:ulation|estimates?)?|popestimate|residents?|persons?|people|total|tot|count|horizon|scenario|future|current|latest"
    r"|zensus|volkszählung|stand|prognose|fortschreibung|schätzung|bevölkerung|einwohner|recensement|estimation|projection"
    r"|prévision|censo|padrón|estimación|estimativa|proyección|projeção|población|população|censimento|stima|previsione"
    r"|volkstelling|raming|prognos|framskrivning|ennuste|spis|sčítání|odhad|prognoza|перепись|оценка|прогноз|data|survey|v|r|p|e"
)
"""Words beside years that say whence a figure is, not whom it counts."""
_VARIANT = re.compile(r"\b(?:variants?|variante[sn]?|scenarios?|szenario|scénario|escenario|cenário|assumption)\b")
_RULES = frozenset((
    "de facto", "de jure", "registered", "estimated", "observed", "expected", "modelled", "modeled", "measured", "reported",
    "counted", "imputed", "raw", "adjusted", "corrected", "weighted", "unweighted", "census", "survey", "register", "estimate",
    "projection",
))  # fmt: skip
"""Words of how the same is counted."""
_SHORT = re.compile(
    r"(.*?[^\W\d]{2,})[ _'’.-]?(\d\d)((?:[ _][^\W\d]+)*)|(?:y|yr|p|e|jahr|an)?(\d\d)[ _]([^\W\d]{2,}(?:[ _][^\W\d]+)*)"
    r"|[pey](\d\d)[ _]([^\W\d]{2,}(?:[ _][^\W\d]+)*)"
)
_COUNTED = re.compile(
    r"(?:tot(?:al)?|est|proj|census|cen|base|num|n|p|e)?_?(?:pop|population|hh|hhs|households?|persons?|people|emp|jobs?|workers"
    r"|res|residents|du|dwellings|units|ew|einwohner|bev|hab|habitants|hogares|viv|inw|abitanti|fy|cy|yr|year|y)_?(?:tot(?:al)?|est)?"
)
"""Whom short names of columns count: what two digits behind it are is a year, or an age."""
_MOMENTS = frozenset((
    "before", "after", "baseline", "endline", "midline", "previous", "current", "previous year", "current year", "this year",
    "last year", "next year", "then", "now", "prior year", "prior", "base year", "design year", "future year", "existing",
    "future", "vorjahr", "aktuell", "vorher", "nachher", "heute", "avant", "après", "antes", "después", "depois", "prima",
    "dopo", "anterior", "voor", "før", "efter", "före", "ennen", "jälkeen", "przed", "до", "после",
))  # fmt: skip
"""Words of times that have no number."""
_MOMENT = re.compile(r"(?:(?:pop|hh|emp|n|persons?|households?)[ _]?)?(?:t|time|zeitpunkt)[ _]?\d")


def times(labels: Sequence[str]) -> list[tuple[int, int, int, int]] | None:
    """When labels are, to be put in order; None where they are no years or dates, or differ by something else.

    >>> times(["2019", "31.12.2020", "2021-06"]), times(["North", "South"]), times(["Men 2022", "Women 2022"])
    ([(2019, 0, 0, 0), (2020, 12, 31, 1), (2021, 6, 0, 2)], None, None)
    >>> times(["Jan 2021", "Feb 2021"]), times(["2019/20", "2020/21"])
    ([(2021, 1, 0, 0), (2021, 2, 0, 1)], [(2020, 0, 0, 0), (2021, 0, 0, 1)])
    >>> times(["平成27年", "令和2年"]), times(["Census 2011", "Mid-year estimate 2019"])
    ([(2015, 0, 0, 0), (2020, 0, 0, 1)], [(2011, 0, 0, 0), (2019, 0, 0, 1)])
    >>> times(["Built before 1980", "Built since 1990"]), times(["Wave 1", "Wave 2"])
    (None, [(0, 1, 0, 0), (0, 2, 0, 1)])
    """
    found = [_time(label.strip()) for label in labels]
    known = [one for one in found if one is not None]
    if not found or len(known) < len(found):
        return None
    if any(_LIFE.search(rest) for _, rest in known):
        return None
    if len({rest for _, rest in known}) > 1:
        apart = len({when for when, _ in known}) == len(known)
        if not apart or not all(_ABOUT.fullmatch(word) for _, rest in known for word in re.findall(r"[^\W\d_]+", rest)):
            return None
    return [(*when, order) for order, (when, _) in enumerate(known)]


def _time(text: str) -> tuple[tuple[int, int, int], str] | None:
    """Year, month and day of a label, and what else it says."""
    if full := re.fullmatch(r"(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)", text):
        return (int(full[3]), int(full[2]), int(full[1])), ""
    if iso := re.fullmatch(
        r"((?:19|20)\d\d)(?:(?:-?[QTMK]|-)?(0[1-9]|1[0-2])(?:-(\d{1,2}))?|-?[QTMK]([1-9])|-?W(\d\d?))?(?:[T ]\d.*)?", text
    ):
        return (int(iso[1]), int(iso[2] or iso[4] or iso[5] or 0), int(iso[3] or 0)), ""
    plain = text.casefold()
    if quarter := _QUARTER.fullmatch(plain):
        number, year = next((quarter[a], quarter[b]) for a, b in ((1, 2), (4, 3), (5, 6)) if quarter[a])
        return (_full(year), 3 * int(number), 0), ""
    if span_of := re.fullmatch(r"(?:19|20)(\d\d)[/–-]((?:19|20)?\d\d)", text):
        return (int(span_of[2]) if len(span_of[2]) == 4 else 2000 + int(span_of[2]), 0, 0), ""
    named = re.fullmatch(r"(?:(\d{1,2})\.?(?: de)? )?([^\W\d]{3,12})(?: de)?[ .'-]*((?:19|20)?\d\d)", text)
    if named and (month := _MONTH.get(named[2][:3].casefold())):
        return (_full(named[3]), month, int(named[1] or 0)), ""
    if len(found := list(_ERA.finditer(plain))) == 1 and len(plain) - len(found[0][0]) <= BESIDE:
        begin, end = found[0].span()
        return (_ERAS[found[0][1]] + (1 if found[0][2] == "元" else int(found[0][2])), 0, 0), f"{plain[:begin]}|{plain[end:]}"
    if letter := re.fullmatch(r"([shr])(\d{1,2})年(?:度)?", plain):
        return (_LETTERS[letter[1]] + int(letter[2]), 0, 0), ""
    if day := re.fullmatch(r"(.{0,25}?)(\d{1,2})[./](\d{1,2})[./]((?:19|20)\d\d)(.{0,25})", plain):
        return (int(day[4]), int(day[3]), int(day[2])), f"{day[1]}|{day[5]}"
    if compact := re.fullmatch(r"(\d{1,2})([^\W\d]{3})((?:19|20)\d\d)", plain):
        return (int(compact[3]), _MONTH.get(compact[2], 0), int(compact[1])), ""
    if digits := re.fullmatch(r"((?:19|20)\d\d)(0[1-9]|1[0-2])([0-3]\d)", plain):
        return (int(digits[1]), int(digits[2]), int(digits[3])), ""
    if short := re.fullmatch(r"['’](\d\d)", plain):
        return (2000 + int(short[1]), 0, 0), ""
    if (pair := re.fullmatch(r"(\d\d)/(\d\d)", plain)) and int(pair[2]) == int(pair[1]) + 1:
        return (2000 + int(pair[2]), 0, 0), ""
    for pattern, more in _OTHER_ERAS:
        if other := pattern.fullmatch(plain):
            return (int(next(year for year in other.groups() if year)) + more, 0, 0), ""
    if fiscal := _FISCAL.fullmatch(plain):
        return (_full(fiscal[1]), 0, 0), ""
    if season := _SEASON.fullmatch(plain):
        return (0, int(season[1] or season[2]), 0), ""
    if any_year := re.fullmatch(rf"([^0-9]{{0,{BESIDE}}})((?:19|20)\d\d)([^0-9]{{0,{BESIDE}}})", text):
        return (int(any_year[2]), 0, 0), f"{any_year[1]}|{any_year[3]}".casefold()
    return None


def _full(year: str) -> int:
    return int(year) if len(year) == 4 else 2000 + int(year)


def is_time_name(name: str) -> bool:
    """Whether a column is called like times of publication or reference, not like a time in somebody's life.

    >>> is_time_name("Survey year"), is_time_name("Year built"), is_time_name("Stichtag")
    (True, False, True)
    """
    words = name.casefold().replace("_", " ")
    if any(letter.isdigit() for letter in words):
        return False
    return bool(_NAMES & set(words.split()) or words == "as of") and _NO_TIME.search(words) is None


def is_time(name: str, labels: Sequence[str]) -> bool:
    """Whether labels are dates of the same table, not categories of what it counts.

    A column must be called so; heads of columns, which have no name, must all be years or dates.
    """
    return times(labels) is not None and (name == "" or is_time_name(column_key(name).replace("_", " ")))


def may_be_time(name: str, labels: Sequence[str]) -> bool:
    """Whether labels seem to be years or dates, though the column is not called so, or they cannot be put in order.

    >>> may_be_time("", ["POP_19", "POP_21"]), may_be_time("", ["pop_0_14", "pop_15_64"]), may_be_time("", ["Before", "After"])
    (True, False, True)
    """
    if len(labels) < 2:
        return False
    plain = column_key(name).replace("_", " ")
    if name == "":
        return _short_years(labels) or _moments(labels) or _other_years(labels) or _of_seasons(labels) or _variants(labels)
    called = is_time_name(plain) or bool(_WAVES & set(plain.split()))
    years = all(re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", label) for label in labels)
    numbered = all(re.fullmatch(r"\d{1,2}", label.strip()) for label in labels)
    alone = all(YEAR.fullmatch(label.strip()) for label in labels)
    when = None if alone else times(labels)
    seen = alone or (when is not None and min(when)[0] > 0 and _about([found[1] for found in map(_time, labels) if found]))
    return (called and (years or numbered or _moments(labels))) or (seen and _NO_TIME.search(plain) is None)


def _about(labels: Sequence[str]) -> bool:
    """Whether words beside years say whence a figure is, not whom it counts."""
    return all(_ABOUT.fullmatch(word) for label in labels for word in re.findall(r"[^\W\d_]+", label.casefold()))


def _of_seasons(labels: Sequence[str]) -> bool:
    """Whether heads are months or weeks, or parts of years by their names."""
    plain = [label.strip(" .").casefold() for label in labels]
    months = all(re.fullmatch(r"[^\W\d]{3,10}", text) and text[:3] in _MONTH for text in plain)
    numbered = all(
        re.fullmatch(r"(?:week|woche|kw|semaine|semana|settimana|year|jahr|année|año|anno|day|tag) ?\d{1,2}", text)
        for text in plain
    )
    years = all(re.search(r"(?<!\d)(?:19|20)\d\d(?!\d)", text) for text in plain)
    eras = [found for text in plain if (found := re.fullmatch(r"([shr])(\d{1,2})", text))]
    lettered = len(eras) == len(plain) and (len({found[1] for found in eras}) > 1 or all(len(found[2]) > 1 for found in eras))
    apart = years and len({re.sub(r"[^0-9]+", " ", text).strip() for text in plain}) == len(plain)
    if apart and not any(_LIFE.search(text) for text in plain):
        return True
    return months or numbered or lettered or (years and _about([re.sub(r"\d+", " ", text) for text in plain]))


def _variants(labels: Sequence[str]) -> bool:
    """Whether heads are estimates of the same by several assumptions, or counts of the same people by several rules."""
    plain = [label.strip().casefold() for label in labels]
    return any(_VARIANT.search(text) for text in plain) or all(text in _RULES for text in plain)


def _short_years(labels: Sequence[str]) -> bool:
    """Whether heads are the same word of people with two digits, as `POP_19` and `POP_24` are."""
    found = [_SHORT.fullmatch(label.strip().casefold()) for label in labels]
    rests, numbers = set(), []
    for one in found:
        if one is None:
            return False
        told = [part or "" for part in one.groups()]
        rests.add(f"{told[0]} {told[2]} {told[4]} {told[6]}".strip(" _-."))
        numbers.append(told[1] or told[3] or told[5])
    return (
        len(rests) == 1 and len(set(numbers)) == len(labels) and _COUNTED.fullmatch(re.sub(r"\W", "_", min(rests))) is not None
    )


def _moments(labels: Sequence[str]) -> bool:
    return all(label.strip().casefold() in _MOMENTS or _MOMENT.fullmatch(label.strip().casefold()) for label in labels)


def _other_years(labels: Sequence[str]) -> bool:
    """Whether heads are numbers such as years of other calendars are."""
    years = [int(label) for label in labels if re.fullmatch(r"1[34]\d\d|2[45]\d\d", label.strip())]
    return len(years) == len(labels) and max(years) - min(years) <= 120
