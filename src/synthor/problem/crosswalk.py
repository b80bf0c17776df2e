"""Which zones there are and which areas they lie in, read from the crosswalk or, without one, from the tables."""

from collections.abc import Iterator, Mapping, Sequence

from synthor.errors import Finding, InputError, nearest
from synthor.schema.text import as_text, some_of
from synthor.spec.model import Spec
from synthor.spec.tables import read_lines, read_target_table
from synthor.spec.tables.labels import column_key, is_total
from synthor.spec.tables.layout import Vocabulary
from synthor.spec.zones import ZonesSpec

Lies = dict[str, str]
"""The area that each smaller one lies in, by name."""

LISTED = 5
"""Areas that one message names."""


def with_known_zones(spec: Spec) -> Spec:
    """The same spec, its zones named and their areas written in place; itself where it has no zones.

    Raises:
        InputError: a crosswalk cannot be read or understood, or nothing names the zones.

    >>> from synthor import parse_spec
    >>> spec = with_known_zones(parse_spec('''
    ... {records: 3, variables: {car: {type: boolean}}, zones: {key: taz},
    ...  targets: [{table: [{taz: 7, car: yes, count: 1}, {taz: 9, car: no, count: 2}]}]}
    ... '''))
    >>> spec.zones.names
    ['7', '9']
    """
    if spec.zones is None:
        return spec
    names, within = _read(spec, spec.zones)
    return spec.model_copy(update={"zones": spec.zones.model_copy(update={"names": names, "within": within})})


def _read(spec: Spec, zones: ZonesSpec) -> tuple[list[str], dict[str, Lies]]:
    own = {column_key(told): name for told, name in spec.columns.items() if name is not None}
    pairs: dict[str, tuple[str, list[tuple[str, str]], str]] = {}
    below = [zones.key]
    for name, table in zones.within.items():
        if isinstance(table, str):
            pairs[name] = _from_file(spec, table, name, below, own)
        else:
            listed = [(as_text(zone), area) for zone, area in table.items()]
            pairs[name] = (_level_of([zone for zone, _ in listed], below, pairs), listed, f"zones.within.{name}")
        below.append(name)
    named = zones.names or _named(spec, zones, pairs)
    lies: dict[str, Lies] = {}
    for at, name in enumerate(zones.within):
        level, listed, where = pairs[name]
        lies[name] = _nested(name, level, listed, where)
        lower = named if not at else list(dict.fromkeys(lies[below[at]].values()))
        if level != below[at]:  # told zone by zone: the areas between lie where their zones lie
            of = _through(level, below[at], lies)
            found = [(of[zone], area) for zone, area in lies[name].items() if zone in of]
            lies[name] = _nested(name, below[at], found, where)
        if missing := [area for area in lower if area not in lies[name]]:
            message = f"does not say in which {name} {some_of(missing, LISTED)} {'lies' if len(missing) == 1 else 'lie'}"
            raise InputError([Finding(where=where, message=message, cure="add a row for each of them")])
        lies[name] = {area: lies[name][area] for area in lower}
    return named, lies


def _from_file(
    spec: Spec, file: str, name: str, below: Sequence[str], own: Mapping[str, str]
) -> tuple[str, list[tuple[str, str]], str]:
    """A crosswalk's level that it speaks of, and its pairs of areas."""
    lines, _ = read_lines(file, spec.folder)
    heads = _called(lines.rows[0], own)
    by_key = {column_key(head): at for at, head in enumerate(heads)}
    if column_key(name) not in by_key:
        cure = f"{nearest(name, heads)}; or say what it is called: columns: {{THEIR_NAME: {name}}}"
        raise InputError([Finding(where=file, message=f"has no column '{name}'", cure=cure)])
    level = next((level for level in below if column_key(level) in by_key), None)
    if level is None:
        message = f"has no column {' or '.join(repr(level) for level in below)}, so it does not say what lies in a {name}"
        raise InputError([Finding(where=file, message=message, cure=nearest(below[0], heads))])
    of, into = by_key[column_key(level)], by_key[column_key(name)]
    found = []
    for row, number in zip(lines.rows[1:], lines.numbers[1:], strict=True):
        if len(row) <= max(of, into) or not row[of] or not row[into]:
            message = f"has no {level if len(row) <= of or not row[of] else name}"
            raise InputError([Finding(where=file, row=number, message=message, cure="fill it in, or leave the row out")])
        found.append((row[of], row[into]))
    if not found:
        raise InputError([Finding(where=file, message="the table has no rows", cure=f"write one row a {level}")])
    return level, found, file


def _level_of(zones: Sequence[str], below: Sequence[str], pairs: Mapping[str, tuple[str, list[tuple[str, str]], str]]) -> str:
    """The level that areas written in place belong to: the one right below where they are its areas, else the zones."""
    last = below[-1]
    return last if last in pairs and set(zones) <= {area for _, area in pairs[last][1]} else below[0]


def _nested(name: str, level: str, listed: Sequence[tuple[str, str]], where: str) -> Lies:
    """Pairs of areas as a mapping.

    Raises:
        InputError: one area lies in two.
    """
    found: Lies = {}
    for area, into in listed:
        if found.setdefault(area, into) != into:
            message = f"{level} '{area}' lies in {name} '{found[area]}' and in {name} '{into}'"
            cure = f"let every {level} lie in one {name}, or leave `{name}` out of `within`"
            raise InputError([Finding(where=where, message=message, cure=cure, label=area)])
    return found


def _through(level: str, upto: str, lies: Mapping[str, Lies]) -> Lies:
    """The area of a higher level that each of a lower one lies in, through those between."""
    names = list(lies)
    begin = 0 if level not in names else names.index(level) + 1
    found = {area: area for area in lies[names[begin]]}
    for name in names[begin : names.index(upto) + 1]:
        found = {area: lies[name][into] for area, into in found.items() if into in lies[name]}
    return found


def _named(spec: Spec, zones: ZonesSpec, pairs: Mapping[str, tuple[str, list[tuple[str, str]], str]]) -> list[str]:
    """The zones: those of the crosswalk, or of the first table that has a column of them."""
    for level, listed, _ in pairs.values():
        if level == zones.key:
            return list(dict.fromkeys(zone for zone, _ in listed))
    for found in _columns_of_zones(spec, zones.key):
        return list(dict.fromkeys(found))
    cure = f"give a crosswalk, within: {{AREA: FILE}}, name them, names: [...], or give a table with a column '{zones.key}'"
    raise InputError([Finding(where="zones", message=f"nothing says which zones ('{zones.key}') there are", cure=cure)])


def _called(heads: Sequence[str], own: Mapping[str, str]) -> list[str]:
    """The heads of columns as the spec calls them."""
    return [own.get(column_key(head), head) for head in heads]


def _columns_of_zones(spec: Spec, key: str) -> Iterator[list[str]]:
    """The zones that each table names which has a column of them."""
    known = Vocabulary(labels={key: ()}, columns=spec.columns, renamed={})
    for i, written in enumerate(spec.targets):
        columns = spec.columns | ((written.layout.columns or {}) if written.layout is not None else {})
        wide = written.layout is not None and bool(written.layout.wide)
        try:
            if isinstance(written.table, str) and wide:
                lines, _ = read_lines(written.table, spec.folder, written.layout)
                own = {column_key(told): name for told, name in columns.items() if name is not None}
                heads = _called(lines.rows[0], own)
                rows: Sequence[Sequence[str]] = [row for row in lines.rows[1:] if len(row) == len(heads)]
            else:
                table = read_target_table(written, f"targets[{i}]", spec.folder, known)
                heads, rows = list(table.columns), table.rows
        except InputError:  # told where the table itself is read
            continue
        at = next((at for at, head in enumerate(heads) if column_key(head) == column_key(key)), None)
        if at is not None:
            yield [row[at] for row in rows if row[at] and not is_total(row[at])]
