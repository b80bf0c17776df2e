"""What files say of themselves: whom a table counts, where and when, for the title and context of a draft.

All of it is in the file's own words: titles above the table, lines such as `Population : All usual residents`, and columns that
hold one text throughout. Nothing is guessed from what variables there are.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from synthor.draft.grid import Grid
from synthor.draft.roles import PEOPLE, Roles, roles_of
from synthor.draft.times import is_time_name
from synthor.draft.told import Told
from synthor.spec.tables import Lines
from synthor.spec.tables.labels import column_key, is_total, undressed
from synthor.spec.tables.layout import NOTE, YEAR

LONG = 160
"""Letters of a title that a draft repeats."""
MOST_TITLES = 5
"""Titles that a context repeats."""
ROWS = 25
"""Rows above a table in which titles are looked for."""
_KEYS = {
    "whom": r"population(?: universe| base)?|universe|table universe|contents|grundgesamtheit|univers|universo|populatie",
    "unit": r"units?(?: of measure)?|uom|measure|unidad(?:es)?|einheit(?:en)?|unit[ée]s?(?: de mesure)?|unità(?: di misura)?"
    r"|eenheid|unidades?(?: de medida)?",
    "where": r"area(?: name)?|geo|geography(?: name)?|geographic area name|geo name|name|place|region|location|countr(?:y|ies)"
    r"|(?:lower|upper) tier local authorities|local authority|gebiet|géo|territorio",
    "when": r"date(?: name)?|years?|census year|ref date|time(?: period| name)?|period|reference period|stichtag|jahr|zeit"
    r"|année|période(?: de référence)?|año|periodo|período|ano|anno|jaar|perioden|fecha",
}
KEYS = {key: re.compile(words) for key, words in _KEYS.items()}
"""Names of columns, and what stands before a colon above a table, by what they tell."""
_UNITS = {
    "person": r"persons?|people|population|residents|inhabitants|individuals|adults|children|personen|bevölkerung\w*|einwohner"
    r"|personnes|habitants|personas|población|habitantes|pessoas|população|persone|popolazione|residenti|bevolking|inwoners",
    "household": r"households|haushalte|privathaushalte|ménages|hogares|famiglie|huishoudens",
    "home": r"homes|dwellings|housing units|addresses|wohnungen|logements|viviendas|domicílios|alojamentos|abitazioni|woningen",
    "family": r"families|familien|familles|familias|famílias|gezinnen",
    "worker": r"workers|employees|erwerbstätige|travailleurs|trabajadores|trabalhadores|lavoratori|werknemers",
    "job": r"jobs|arbeitsplätze|emplois|empleos|empregos",
    "trip": r"trips|journeys|wege|déplacements|viajes|viagens|spostamenti|verplaatsingen",
    "order": r"orders|bestellungen|commandes|pedidos|ordini|bestellingen",
    "line": r"(?:order |invoice )?lines|order items|line items",
    "pupil": r"pupils|students|schüler|élèves|alumnos|alunos|alunni|leerlingen",
    "vehicle": r"vehicles|fahrzeuge|véhicules|vehículos|veículos|veicoli|voertuigen",
    "business": r"businesses|enterprises|establishments|unternehmen|entreprises|empresas|imprese|bedrijven",
    "death": r"deaths|sterbefälle|décès|defunciones|óbitos|decessi",
    "birth": r"births|geburten|naissances|nacimientos|nascimentos|nascite",
}
UNITS = re.compile("|".join(rf"(?P<{unit}>(?<!\w)(?:{words})(?!\w))" for unit, words in _UNITS.items()))
_SIZE = re.compile(r"\b(?:per|in|of) (?:the |a )?(?:household|family|dwelling|room|home|vehicle)\b")
"""What makes of people a size of something else."""
_ALL = re.compile(r"\b[Aa]ll [a-z][a-z ]{2,50}")
_BY = re.compile(r"(?:^|[\s,])(?:by|nach|por|par|per|naar|selon)\s")
_NUMBER = re.compile(
    r"^(?:(?:table|tabelle|tableau|tabla|tabela|tavola|tabel)\s+)?(?:[A-Z]{0,4}\d[\w.\-]*)\s*[-.:–|]\s+(?=\S)|^(?:table|tabelle|tableau"
    r"|tabla|tabela|tavola|tabel)\s+[\w.\-]+[.:]?\s+",
    re.IGNORECASE,
)
_LETTERS = re.compile(r"[^\W\d_]{3,}")
_NOT_A_TITLE = re.compile(
    r"(?:ons )?crown copyright|copyright|(?:genesis-)?tabelle:|source|quelle|fuente|bron\b|last update|extracted|http"
    r"|downloaded|data extracted|(?:the )?[\w ]*(?:bureau of statistics|statistics (?:office|canada|netherlands|new zealand)"
    r"|office for national statistics|census bureau|statistisches \w+)$|institut\w* (?:national|nacional|nazionale)\b",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What one file says of its table.

    Attributes:
        titles: lines above it.
        whom: it counts, as it says.
        unit: what one of these is called, if that can be told.
        where: they are.
        when: it was.
    """

    titles: tuple[str, ...] = ()
    whom: str = ""
    unit: str = ""
    where: str = ""
    when: str = ""


def about(lines: Lines, grid: Grid) -> About:
    """What a file says of its table.

    Args:
        lines: of the file, before an office's layout is taken off.
        grid: the table.
    """
    said: dict[str, str] = {}
    titles: list[str] = []
    for text in _above(lines):
        key, _, rest = text.partition(":")
        if (found := _key(key)) and rest.strip():
            if found != "when" or YEAR.search(rest):
                said.setdefault(found, rest.strip())
        elif _LETTERS.search(text) and not _NOT_A_TITLE.match(text) and not is_total(text) and "FILL IN" not in text:
            titles.append(_shortened(_NUMBER.sub("", text)))
    for key, value in _throughout(lines):
        said.setdefault(key, value)
    whom = said.get("whom", "") or _all_of(lines, grid)
    texts = (whom, said.get("unit", ""), *titles[:1])
    unit = next((found for text in texts if (found := unit_in(text))), "") or _unit_of_heads(grid)
    return About(
        titles=tuple(dict.fromkeys(titles)),
        whom=_shortened(whom) if unit_in(whom) else "",
        unit=unit,
        where=_shortened(said.get("where", "")),
        when=_shortened(said.get("when", "")),
    )


def _unit_of_heads(grid: Grid) -> str:
    """What columns of values are called after, such as `Persons`."""
    roles = roles_of(grid)
    heads = [grid.name(i) for i in roles.values] if isinstance(roles, Roles) else []
    return next((found for name in heads if PEOPLE.fullmatch(undressed(name)) and (found := unit_in(name))), "")


def unit_in(text: str) -> str:
    """What is counted, as the words before `by` say; empty where they do not.

    >>> [unit_in(text) for text in ("All usual residents", "Households by size", "Tenure by persons", "Bevölkerung: Land")]
    ['person', 'household', '', 'person']
    """
    counted = _BY.split(undressed(text).replace("_", " "))[0]
    found = None if _SIZE.search(counted) else UNITS.search(counted)
    return "" if found is None or found.lastgroup is None else found.lastgroup


def _above(lines: Lines) -> Iterator[str]:
    """Texts above a table: of rows that hold one, or one behind what it is of."""
    yield from lines.titles
    wide = any(sum(map(bool, row)) > 2 for row in lines.rows[:ROWS])  # otherwise two texts are the heads of a table
    for row in lines.rows[:ROWS]:
        told = [text.strip("\ufeff ") for text in row if text.strip("\ufeff ")]
        if len(told) == 2 and row[0] and _key(told[0]) and (wide or told[0].endswith(":")):
            yield f"{told[0].rstrip(' :')}: {told[1]}"
        elif len(told) == 1 and (_NUMBER.match(told[0]) or not NOTE.match(told[0])):
            yield told[0]
        elif len(told) > 1:
            return


def _key(text: str) -> str:
    plain = column_key(text.strip(" :")).replace("_", " ")
    return next((key for key, words in KEYS.items() if words.fullmatch(plain)), "")


def _throughout(lines: Lines) -> Iterator[tuple[str, str]]:
    """What columns hold that say the same in all rows."""
    at = next((k for k, row in enumerate(lines.rows) if sum(map(bool, row)) > 2), None)
    if at is None:
        return
    head = lines.rows[at]
    if (areas := {text.partition("!!")[0] for text in head[1:] if "!!" in text}) and len(areas) == 1:
        yield "where", areas.pop()
    body = [row for row in lines.rows[at + 1 + ("GEO_ID" in head or "GEO.id" in head) :] if len(row) >= len(head)]
    for i, name in enumerate(head):
        key = _key(name)
        if key and body and len(texts := {row[i] for row in body}) == 1:
            (text,) = texts
            usable = YEAR.search(text) if key == "when" else _LETTERS.search(text)
            if usable and not is_total(text):
                yield key, text


def _all_of(lines: Lines, grid: Grid) -> str:
    """A label of all that says whom it stands for, such as `All usual residents`."""
    texts = [text for row in lines.rows[:ROWS] for text in row]
    found = (one[0].strip() for text in texts for one in _ALL.finditer(text))
    labels = (
        text.strip(" :") for column in grid.columns for text in column[:1] if is_total(text) and ":" not in text.strip(" :")
    )
    return next((text for text in (*found, *labels) if unit_in(text)), "")


def _shortened(text: str) -> str:
    plain = " ".join("".join(letter if letter.isprintable() else " " for letter in text).split()).strip(" .:")
    return plain if len(plain) <= LONG else f"{plain[: LONG - 3].rstrip()}..."


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """Title and context of a draft.

    Attributes:
        title: of the spec.
        context: what one record is; empty where no file says it.
        titled: whether the title is in words of the files.
        sources: files whose words they are.
        asked: what a person must say because files say several things.
        remarks: on files that are of several times.
    """

    title: str
    context: str = ""
    titled: bool = True
    sources: tuple[str, ...] = ()
    asked: str = ""
    remarks: tuple[str, ...] = ()


def words_of(used: Sequence[Told], said: Mapping[str, About], names: Sequence[str]) -> Words:
    """Title and context, from what the files of a draft say.

    Args:
        used: its tables.
        said: what each file says.
        names: of its variables.
    """
    files = list(dict.fromkeys(one.file for one in used))
    told = {file: said[file] for file in files if file in said}
    units: dict[str, list[str]] = {}
    for file, one in told.items():
        if one.unit:
            units.setdefault(one.unit, []).append(file)
    where = list(dict.fromkeys(one.where for one in told.values() if one.where))
    whom = list(dict.fromkeys(one.whom for one in told.values() if one.whom))
    times = {file: _time(one, [other for other in used if other.file == file]) for file, one in told.items()}
    when = list(dict.fromkeys(time for time in times.values() if time))
    titles = [one.titles[0] for one in told.values() if one.titles]
    first = titles[0] if len(titles) == 1 == len(told) or (titles and not whom) else whom[0] if whom else ""
    title = _title(first or _capital(", ".join(name.replace("_", " ") for name in names[:4])), where, when)
    remarks: tuple[str, ...] = ()
    if len({found[0] for time in when if (found := YEAR.findall(time))}) > 1:
        remarks = (f"tables are of several times: {'; '.join(f'{file} of {time}' for file, time in times.items() if time)}",)
    sources = tuple(file for file, one in told.items() if one.titles or one.whom or one.unit or one.where)
    if len(units) > 1:
        of = "; ".join(f"{', '.join(files)}: {unit}" for unit, files in units.items())
        return Words(
            title=title, titled=bool(first), sources=sources, asked=f"files speak of different things ({of})", remarks=remarks
        )
    if not units:
        return Words(title=title, titled=bool(first), sources=sources, remarks=remarks)
    (unit,) = units
    silent = [file for file, one in told.items() if not one.unit and not one.whom]
    if silent:
        count = "counts" if len(silent) == 1 else "count"
        remarks = (*remarks, f"whom {', '.join(silent)} {count} is not said there: taken for what the others say")
    place = ", ".join([*(where if len(where) == 1 else []), *(when if len(when) == 1 else [])])
    of_one = f"One record is one {unit}" + (f" of: {whom[0]}" if whom else "") + (f" ({place})" if place else "") + "."
    shown = list(dict.fromkeys(f"'{text}'" for text in titles))[:MOST_TITLES]
    of_tables = f" The tables are: {', '.join(shown)}." if shown else ""
    return Words(title=title, titled=bool(first), context=of_one + of_tables, sources=sources, remarks=remarks)


def _time(one: About, used: Sequence[Told]) -> str:
    """When a table was: as the file says, or the one time of several that a draft reads."""
    chosen = [labels[0] for told in used for key, labels in told.only.items() if isinstance(key, str) and is_time_name(key)]
    return one.when or next((text for text in chosen if not text.startswith("FILL IN")), "")


def _title(first: str, where: Sequence[str], when: Sequence[str]) -> str:
    """A title with the one place and the one time that all tables are of."""
    parts = [first]
    for more in (where, when):
        if len(more) == 1 and more[0].casefold() not in first.casefold():
            parts.append(more[0])
    return ", ".join(parts)


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
