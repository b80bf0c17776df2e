"""Zones as a user writes them: the smallest areas, and the larger ones that they lie in."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from synthor.errors import InputError, nearest
from synthor.forms import Form
from synthor.schema.kinds import Category, Declared
from synthor.schema.text import as_text, in_brief
from synthor.spec.attributes import Attributes, attributes_of_frame, refused
from synthor.spec.names import VariableName
from synthor.spec.targets import Cell

if TYPE_CHECKING:
    from synthor.spec.model import Spec


Area = Annotated[str, BeforeValidator(as_text), WithJsonSchema({"type": ["string", "number"]})]
"""What an area is called, as a text."""

OUTLINE = r"^(M-?[0-9]+ -?[0-9]+l[0-9 -]*[0-9]z)+$"


def _as_outline(text: str) -> str:
    if not re.fullmatch(OUTLINE, text):
        raise ValueError(f"'{in_brief(text, 40)}' is no outline; name a GeoJSON file of the polygons, polygons: FILE")
    return text


Outline = Annotated[str, AfterValidator(_as_outline), WithJsonSchema({"type": "string", "pattern": OUTLINE})]
"""The shape of an area as `spec/outlines.py` writes it: moves, lines and ends of an SVG path, in whole numbers."""


def _pairs(table: object, name: str, below: Sequence[str]) -> dict[str, str]:
    """The area that each smaller one lies in, from a crosswalk in memory; what is wrong with it as pydantic tells it."""
    from synthor.frames import as_frame

    try:
        frame = as_frame(table)
    except InputError as error:
        raise refused(error.findings[0].message, error.findings[0].cure) from None
    of = next((level for level in below if level in frame.columns), None)
    if name not in frame.columns or of is None:
        lacking = name if name not in frame.columns else below[0]
        raise refused(f"the crosswalk of '{name}' has no column '{lacking}'", nearest(lacking, frame.columns))
    found: dict[str, str] = {}
    for row, (area, into) in enumerate(zip(map(as_text, frame[of]), map(as_text, frame[name]), strict=True), start=1):
        if not area or not into:
            raise refused(f"row {row} of the crosswalk has no {name if area else of}", "fill it in, or leave the row out")
        if found.setdefault(area, into) != into:
            message = f"{of} '{area}' lies in {name} '{found[area]}' and in {name} '{into}'"
            raise refused(message, f"let every {of} lie in one {name}, or leave `{name}` out of `within`")
    return found


def _crosswalks_in_place(given: dict[str, Any], levels: Sequence[str]) -> dict[str, object]:
    """`within`, where it holds frames."""
    from synthor.frames import is_frame

    within = given.get("within")
    if not isinstance(within, dict) or not any(map(is_frame, within.values())):
        return {}
    found = {
        name: _pairs(table, str(name), levels[: at + 1]) if is_frame(table) else table
        for at, (name, table) in enumerate(within.items())
    }
    return {"within": found}


def _attributes_in_place(given: dict[str, Any], levels: Sequence[str]) -> dict[str, object]:
    """`attributes`, where it is a frame or holds such."""
    from synthor.frames import is_frame

    told = given.get("attributes")
    if is_frame(told):
        return {"attributes": attributes_of_frame(told, levels)}
    if not isinstance(told, dict) or not any(map(is_frame, told.values())):
        return {}
    found: dict[str, object] = {}
    for name, table in told.items():
        found[name] = attributes_of_frame(table, levels, str(name))[str(name)] if is_frame(table) else table
    return {"attributes": found}


class ZonesSpec(Form):
    """Areas that every unit lies in: one zone, and the larger areas around it.

    >>> zones = ZonesSpec(key="taz", within={"tract": {"1": "north", "2": "north", "3": "south"}})
    >>> [name for name in zones.levels]
    ['taz', 'tract']
    """

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    key: VariableName = Field(description="What the smallest areas are called: a column of tables, and of the records.")
    names: list[Area] | None = Field(
        None,
        min_length=1,
        description="The zones, in the order of records; those of the crosswalk or of the tables unless given.",
    )
    within: dict[VariableName, str | dict[Cell, Area]] = Field(
        default_factory=dict,
        description="Larger areas around the zones, from small to large, each with a table that says which one every zone (or "
        "area of the line before) lies in: a file with a column of each, or {zone: area, ...}.",
    )
    attributes: Attributes | None = Field(
        None,
        description="What kind of place each zone is: a file with a column of zones, every other column being an attribute "
        "such as setting or campus; or {attribute: file}, or {attribute: {zone: value, ...}}.",
    )
    polygons: Annotated[str, Field(min_length=1)] | dict[Cell, Outline] | None = Field(
        None,
        description="A map of the zones for the page: a GeoJSON file of their polygons. A run keeps them as outlines: "
        "{zone: path of whole numbers, ...}.",
    )
    id: str | None = Field(
        None,
        min_length=1,
        description="Property of the polygons that holds the zone's name; the one called as the zones are, unless given.",
    )

    @model_validator(mode="before")
    @classmethod
    def _in_place(cls, given: object) -> object:
        """Frames of any library as what lies in what, and what each zone is; what files and specs say as it is."""
        if not isinstance(given, dict):
            return given
        within = given.get("within")
        levels = [str(given.get("key")), *(map(str, within) if isinstance(within, dict) else ())]
        return {**given, **_crosswalks_in_place(given, levels), **_attributes_in_place(given, levels)}

    @field_validator("names")
    @classmethod
    def _distinct(cls, names: list[str] | None) -> list[str] | None:
        twice = [name for name, times in Counter(names or ()).items() if times > 1]
        if twice:
            raise ValueError(f"zone '{twice[0]}' is named twice; name each once")
        return names

    @model_validator(mode="after")
    def _id_of_polygons(self) -> "ZonesSpec":
        if self.id is not None and not isinstance(self.polygons, str):
            raise ValueError(
                "id names a property of the polygons' file, and there is none; write polygons: FILE, or leave id out"
            )
        return self

    @property
    def levels(self) -> tuple[str, ...]:
        """What areas are called, the smallest first."""
        return (self.key, *self.within)

    @property
    def files(self) -> tuple[str, ...]:
        """The files that it names: crosswalks, attributes and polygons."""
        return (*self.tables, *([self.polygons] if isinstance(self.polygons, str) else []))

    @property
    def tables(self) -> tuple[str, ...]:
        """Those of them that are tables."""
        attributes = self.attributes.values() if isinstance(self.attributes, dict) else [self.attributes]
        return tuple(dict.fromkeys(one for one in (*self.within.values(), *attributes) if isinstance(one, str)))


def declared_zones(spec: "Spec") -> dict[str, Declared]:
    """Variables of a unit that say in which areas it lies, once the areas are known; none before, and without zones.

    >>> from synthor import parse_spec
    >>> spec = parse_spec("{records: 9, variables: {car: {type: boolean}}, zones: {key: taz, names: [1, 2]}}")
    >>> declared_zones(spec)["taz"].values
    ['1', '2']
    """
    zones = spec.zones
    if zones is None or zones.names is None:
        return {}
    found: dict[str, Declared] = {zones.key: Category(type="category", values=list(zones.names))}
    for name, within in zones.within.items():
        if not isinstance(within, str):
            found[name] = Category(type="category", values=list(dict.fromkeys(within.values())))
    return found
