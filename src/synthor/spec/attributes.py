"""Attributes of zones: what kind of place each is, such as urban or with a campus. Every unit has those of its zone."""

import math
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Annotated

from pydantic import BeforeValidator, WithJsonSchema
from pydantic_core import PydanticCustomError

from synthor.errors import InputError, nearest
from synthor.schema.kinds import Boolean, Category, Declared
from synthor.schema.text import as_text, number_of
from synthor.spec.names import VariableName
from synthor.spec.targets import Cell

if TYPE_CHECKING:
    from synthor.spec.model import Spec

Told = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": ["string", "number", "boolean"]})]
"""What kind of place an area is, as a text."""

Attributes = str | dict[VariableName, str | dict[Cell, Told]]
"""A file with a column of areas, all others being attributes; or for each attribute such a file, or what each area is."""

YES_OR_NO = frozenset({"yes", "no", "true", "false"})


def refused(message: str, cure: str) -> PydanticCustomError:
    """What is wrong with a table in memory, as pydantic tells it."""
    return PydanticCustomError("no_table", "{message}", {"message": message, "cure": cure})


def attributes_of_frame(table: object, levels: Sequence[str], only: str | None = None) -> dict[str, dict[str, str]]:
    """What each area is, by attribute, from a frame of any library; what is wrong with it as pydantic tells it.

    Args:
        table: with a column of areas; the smallest where there are several.
        levels: what areas are called, the smallest first.
        only: the one column that is wanted; all that name no areas unless given.
    """
    from synthor.frames import as_frame

    try:
        frame = as_frame(table)
    except InputError as error:
        raise refused(error.findings[0].message, error.findings[0].cure) from None
    of = next((level for level in levels if level in frame.columns), None)
    wanted = [only] if only is not None else [name for name in frame.columns if name not in levels]
    lacking = levels[0] if of is None else next((name for name in wanted if name not in frame.columns), None)
    if of is None or lacking is not None:
        raise refused(f"the table of attributes has no column '{lacking}'", nearest(str(lacking), frame.columns))
    areas = list(map(as_text, frame[of]))
    found: dict[str, dict[str, str]] = {}
    for name in wanted:
        told = found.setdefault(name, {})
        for row, (area, value) in enumerate(zip(areas, map(as_text, frame[name]), strict=True), start=1):
            if not area:
                raise refused(f"row {row} of the table of attributes has no {of}", "fill it in, or leave the row out")
            if told.setdefault(area, value) != value:
                raise refused(*two_of_one(of, area, name, told[area], value))
    return found


def two_of_one(level: str, area: str, name: str, one: str, other: str) -> tuple[str, str]:
    """That an area is said to be of two kinds, and what to do about it."""
    message = f"{level} '{area}' has {name} '{one}' and {name} '{other}'"
    return message, f"let every {level} have one {name}: that of most of it, or a value of its own, such as 'mixed'"


def declared_attributes(spec: "Spec") -> dict[str, Declared]:
    """Variables of a unit that tell attributes of its zone, once these are known: as they are declared, or by their values.

    >>> from synthor import parse_spec
    >>> spec = parse_spec('''
    ... {records: 9, variables: {car: {type: boolean}},
    ...  zones: {key: taz, names: [1, 2], attributes: {setting: {1: urban, 2: rural}, campus: {1: yes, 2: no}}}}
    ... ''')
    >>> [(name, form.build(name).labels) for name, form in declared_attributes(spec).items()]
    [('setting', ('urban', 'rural')), ('campus', ('no', 'yes'))]
    """
    known = known_attributes(spec).items()
    return {name: spec.variables.get(name) or form_of_values(told.values()) for name, told in known}


def known_attributes(spec: "Spec") -> dict[str, dict[Cell, str]]:
    """What each zone is, by attribute; nothing before zones and attributes are known.

    >>> from synthor import parse_spec
    >>> spec = parse_spec("{records: 9, variables: {car: {type: boolean}}, zones: {key: taz, attributes: zones.csv}}")
    >>> known_attributes(spec)
    {}
    """
    zones = spec.zones
    if zones is None or zones.names is None or zones.attributes is None or isinstance(zones.attributes, str):
        return {}
    return {name: told for name, told in zones.attributes.items() if not isinstance(told, str)}


def form_of_values(values: Iterable[str]) -> Declared:
    """What an attribute is that is declared nowhere: yes or no where all its values are such, otherwise one of these.

    >>> form_of_values(["10", "9", "9"]).values, form_of_values(["Urban", "rural", "urban"]).values
    (['9', '10'], ['Urban', 'rural'])
    """
    spelled: dict[str, str] = {}
    for value in values:
        spelled.setdefault(value.strip().casefold(), value)
    if set(spelled) <= YES_OR_NO:
        return Boolean(type="boolean")
    labels = list(spelled.values())
    numbers = {label: number_of(label) for label in labels}
    if not any(map(math.isnan, numbers.values())):
        labels.sort(key=lambda label: numbers[label])
    return Category(type="category", values=labels)
