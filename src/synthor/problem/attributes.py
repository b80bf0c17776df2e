"""What kind of place each zone is: attributes read from their file, and set against the zones."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import Finding, InputError, nearest
from synthor.schema import Variable
from synthor.schema.kinds import CATEGORY
from synthor.schema.kinds.base import nominal
from synthor.schema.text import as_text, number_of, some_of
from synthor.spec.attributes import declared_attributes, known_attributes, two_of_one
from synthor.spec.levels import written_levels
from synthor.spec.model import Spec
from synthor.spec.names import NAME, RESERVED
from synthor.spec.tables import read_lines
from synthor.spec.tables.labels import column_key
from synthor.spec.variables import Follows
from synthor.spec.zones import ZonesSpec

LISTED = 5
"""Areas or values that one message names."""

MOST_KINDS = 12
"""Values of one attribute: beliefs are asked for kinds of zones, and each zone for itself would be none."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What a file, or the spec itself, says of areas.

    Attributes:
        where: to be named in messages.
        level: whose areas these are, by its name.
        values: of each area.
        rows: of the file, where it is one.
    """

    where: str
    level: str
    values: Mapping[str, str]
    rows: Mapping[str, int]


def with_attributes(spec: Spec) -> tuple[Spec, list[Finding]]:
    """The same spec, attributes of its zones written in place, and what else there is to say of them; itself without any.

    Args:
        spec: whose zones are known.

    Raises:
        InputError: attributes cannot be read or understood, or do not tell all zones; all that is wrong.

    >>> from synthor import parse_spec
    >>> spec, findings = with_attributes(parse_spec('''
    ... {records: 3, variables: {car: {type: boolean}},
    ...  zones: {key: taz, names: [7, 9], attributes: {campus: {7: yes, 8: no, 9: no}}}}
    ... '''))
    >>> spec.zones.attributes
    {'campus': {'7': 'yes', '9': 'no'}}
    >>> print(findings[0])
    zones.attributes.campus: taz 8 is in none of the tables; nothing is made of it
    """
    zones = spec.zones
    if zones is None or zones.attributes is None or zones.names is None:
        return spec, []
    findings: list[Finding] = []
    found: dict[str, dict[str, str]] = {}
    areas = _areas(zones)
    for name, told in _read(spec, zones, findings).items():
        wrong = [*_unnamed(name, told.where, spec, zones), *_against(name, told, areas, zones)]
        findings += wrong
        if not any(finding.severity == "error" for finding in wrong):
            found[name] = {zone: told.values[area] for zone, area in zip(zones.names, areas[told.level], strict=True)}
    placed = spec.model_copy(update={"zones": zones.model_copy(update={"attributes": found or None})})
    for name in found:
        findings += _values(name, placed)
    if any(finding.severity == "error" for finding in findings):
        raise InputError(list(dict.fromkeys(findings)))
    return placed, list(dict.fromkeys(findings))


def kind_variable(variable: Variable, key: str) -> Variable:
    """The variable that tells an attribute, as a unit has it: a number by its bin's label, which is what all in a zone share.

    Args:
        variable: as it is declared.
        key: what zones are called.
    """
    about = variable.about or f"What kind of place the zone ({key}) is that it lies in; all in one zone have the same."
    return nominal(variable.name, CATEGORY if variable.numeric else variable.kind, variable.labels, about)


def codes_of_zones(spec: Spec) -> dict[str, list[int]]:
    """The category of each zone, by attribute, in the order of the zones; -1 where its value is none.

    >>> from synthor import parse_spec
    >>> codes_of_zones(parse_spec('''
    ... {records: 3, variables: {rent: {type: integer, min: 0, max: 2000, bins: [0, 800]}},
    ...  zones: {key: taz, names: [7, 9], attributes: {rent: {7: 950, 9: 700}}}}
    ... '''))
    {'rent': [1, 0]}
    """
    return {name: _codes(name, list(told.values()), spec) for name, told in known_attributes(spec).items()}


def _codes(name: str, values: Sequence[str], spec: Spec) -> list[int]:
    variable = declared_attributes(spec)[name].build(name)
    return [variable.kind.code_of_value(variable, value) for value in values]


def _areas(zones: ZonesSpec) -> dict[str, list[str]]:
    """By the name of a level, the area of it that each zone lies in."""
    around = [as_text(name) for name in zones.names or ()]
    found = {zones.key: around}
    for name, within in zones.within.items():
        assert not isinstance(within, str)
        lies = {as_text(area): into for area, into in within.items()}
        found[name] = around = [lies[area] for area in around]
    return found


def _read(spec: Spec, zones: ZonesSpec, findings: list[Finding]) -> dict[str, _Told]:
    """What is said of areas, by attribute."""
    if isinstance(zones.attributes, str):
        return _from_file(spec, zones, zones.attributes, None, findings)
    found: dict[str, _Told] = {}
    areas = _areas(zones)
    for name, told in (zones.attributes or {}).items():
        if isinstance(told, str):
            found |= _from_file(spec, zones, told, name, findings)
        else:
            values = {as_text(area): value for area, value in told.items()}
            level = next((level for level in zones.levels if set(values) <= set(areas[level])), zones.key)
            found[name] = _Told(where=f"zones.attributes.{name}", level=level, values=values, rows={})
    return found


def _from_file(spec: Spec, zones: ZonesSpec, file: str, only: str | None, findings: list[Finding]) -> dict[str, _Told]:
    """Columns of a file: one of them, or all that name no areas."""
    try:
        lines, _ = read_lines(file, spec.folder)
    except InputError as error:
        findings += error.findings
        return {}
    own = {column_key(told): name for told, name in spec.columns.items()}
    known = {column_key(name): name for name in (*spec.variables, *zones.levels, *([only] if only else ()))}
    heads = [known.get(column_key(head), own.get(column_key(head), head)) for head in lines.rows[0]]
    level = next((level for level in zones.levels if level in heads), None)
    if level is None:
        message = f"has no column {' or '.join(repr(level) for level in zones.levels)}, so it does not say whose attributes"
        findings.append(Finding(where=file, message=message, cure=_called(zones.key, heads)))
        return {}
    if only is not None and only not in heads:
        findings.append(Finding(where=file, message=f"has no column '{only}'", cure=_called(only, heads)))
        return {}
    wanted = [only] if only is not None else [head for head in heads if head is not None and head not in zones.levels]
    if not wanted:
        cure = "give it a column such as setting or campus, or leave `attributes` out"
        findings.append(Finding(where=file, message=f"has no column beside those of areas ({level})", cure=cure))
    if len(lines.rows) == 1:
        findings.append(Finding(where=file, message="the table has no rows", cure=f"write one row a {level}"))
        return {}
    found = {}
    for name in wanted:
        at = [place for place, head in enumerate(heads) if head == name]
        if len(at) > 1:
            findings.append(Finding(where=file, message=f"has two columns '{name}'", cure="leave one of them out"))
            continue
        found[name] = _column(lines.rows[1:], lines.numbers[1:], heads.index(level), at[0], (file, level, name), findings)
    return found


def _called(name: str, heads: Sequence[str | None]) -> str:
    near = nearest(name, [head for head in heads if head])
    return f"{near}; or say what it is called: columns: {{THEIR_NAME: {name}}}"


def _column(
    rows: Sequence[Sequence[str]],
    numbers: Sequence[int],
    of: int,
    at: int,
    named: tuple[str, str, str],
    findings: list[Finding],
) -> _Told:
    """One column of a file."""
    file, level, name = named
    values: dict[str, str] = {}
    found: dict[str, int] = {}
    for row, number in zip(rows, numbers, strict=True):
        area, value = (row[place].strip() if place < len(row) else "" for place in (of, at))
        if not area:
            cure = "fill it in, or leave the row out"
            findings.append(Finding(where=file, row=number, message=f"has no {level}", cure=cure))
        elif values.setdefault(area, value) != value:
            message, cure = two_of_one(level, area, name, values[area], value)
            findings.append(Finding(where=file, row=number, message=message, cure=cure, label=area))
        found.setdefault(area, number)
    return _Told(where=file, level=level, values=values, rows=found)


def _unnamed(name: str, where: str, spec: Spec, zones: ZonesSpec) -> Iterator[Finding]:
    """That an attribute is called as no variable may be, or as something else is."""
    levels = written_levels(spec)
    taken = {level.name.casefold(): "a level" for level in levels}
    taken |= {f"{level.name}_id".casefold(): "a key" for level in levels}
    taken |= {level.casefold(): "what areas are called" for level in zones.levels}
    if not name.strip():
        message, cure = "has a column without a name", "name it, or name the attributes that are meant: {setting: FILE}"
        yield Finding(where=where, message=message, cure=cure)
    elif not re.fullmatch(NAME, name) or name.casefold() in RESERVED:
        cure = f"call it by letters, digits and _, or leave it out: columns: {{{name}: null}}"
        yield Finding(where=where, message=f"'{name}' cannot name an attribute", cure=cure, label=name)
    elif name.casefold() in taken:
        message = f"'{name}' is {taken[name.casefold()]}, too"
        yield Finding(where=where, message=message, cure="call the attribute something else", label=name)
    elif isinstance(spec.variables.get(name), Follows):
        message = f"'{name}' follows from members, and an attribute is the same for all in one zone"
        yield Finding(where=where, message=message, cure="call one of them something else", label=name)


def _against(name: str, told: _Told, areas: Mapping[str, Sequence[str]], zones: ZonesSpec) -> Iterator[Finding]:
    """Areas that an attribute does not tell, and what it tells of areas that there are not."""
    known = dict.fromkeys(areas[told.level])
    beyond = [area for area in told.values if area not in known]
    missing = [area for area in known if area not in told.values]
    if len(missing) == len(known):
        there = f"there {some_of(beyond, LISTED)}, in the tables {some_of(known, LISTED)}"
        message = f"tells the {name} of no {told.level} of the tables: {there}"
        yield Finding(where=told.where, message=message, cure="write their names alike")
        return
    if missing:
        message = f"does not say the {name} of {some_of(missing, LISTED)}"
        cure = "add a row for each of them" if told.rows else f"add {', '.join(f'{area}: ...' for area in missing[:2])}"
        yield Finding(where=told.where, message=message, cure=cure)
    if beyond:
        are, them = ("is", "it") if len(beyond) == 1 else ("are", "them")
        message = f"{told.level} {some_of(beyond, LISTED)} {are} in none of the tables"
        cure = f"nothing is made of {them}"
        yield Finding(where=told.where, message=message, cure=cure, severity="warning")
    for area in known:
        if area in told.values and not told.values[area].strip():
            message = f"{told.level} '{area}' has no {name}"
            cure = "fill it in; where nothing fits, with a value of its own, such as 'other'"
            yield Finding(where=told.where, row=told.rows.get(area), message=message, cure=cure, label=area)
            return


def _values(name: str, spec: Spec) -> Iterator[Finding]:
    """Values that are none of the attribute's, or too many."""
    assert spec.zones is not None
    told = known_attributes(spec)[name]
    where = f"zones.attributes.{name}"
    values = list(told.values())
    codes = _codes(name, values, spec)
    declared = spec.variables.get(name)
    wrong = [(zone, value) for (zone, value), code in zip(told.items(), codes, strict=True) if code < 0]
    if declared is not None and declared.build(name).kind.free:
        message = f"{name} is declared as another in each record, and what zones are, all in one share"
        yield Finding(where=where, message=message, cure=f"leave {name} out of `variables`, or declare its values there")
    elif wrong and declared is not None:
        zone, value = wrong[0]
        variable = declared.build(name)
        cure = variable.extent if variable.numeric else nearest(value, list(variable.labels))
        message = f"{spec.zones.key} '{as_text(zone)}' has {name} '{value}', which is none of its values"
        yield Finding(where=where, message=message, cure=cure, label=value)
    elif len(set(codes)) > MOST_KINDS:
        message = f"{name} has {len(set(codes)):,} values, and beliefs are asked for kinds of zones: {MOST_KINDS} at most"
        yield Finding(where=where, message=message, cure=_fewer(name, values, declared is not None))


def _fewer(name: str, values: Sequence[str], declared: bool) -> str:
    """How an attribute comes to have few values: numbers in quarters of the zones, as one would declare them."""
    numbers = np.array([number_of(value) for value in values])
    leave = f"leave it out (columns: {{{name}: null}})"
    if declared:
        return f"declare fewer bins or values under `variables`, or {leave}"
    if not np.isfinite(numbers).all():
        return f"put them into fewer groups, or {leave}"
    whole = bool((numbers == np.floor(numbers)).all())
    edges = [float(edge) for edge in np.unique(np.quantile(numbers, [0, 0.25, 0.5, 0.75], method="higher"))]
    bins = ", ".join(as_text(edge) for edge in edges)
    kind, most = "integer" if whole else "number", as_text(float(numbers.max()))
    form = f"{name}: {{type: {kind}, min: {as_text(edges[0])}, max: {most}, bins: [{bins}]}}"
    return f"declare its bins under `variables`, such as quarters of the zones, {form}; or {leave}"
