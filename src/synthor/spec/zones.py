"""Zones as a user writes them: the smallest areas, and the larger ones that they lie in."""

import re
from collections import Counter
from typing import TYPE_CHECKING, Annotated

from pydantic import AfterValidator, BeforeValidator, ConfigDict, Field, WithJsonSchema, field_validator, model_validator

from synthor.forms import Form
from synthor.schema.kinds import Category, Declared
from synthor.schema.text import as_text, in_brief
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
        """The files that it names: crosswalks and polygons."""
        return tuple(one for one in (*self.within.values(), self.polygons) if isinstance(one, str))


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
