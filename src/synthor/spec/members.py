"""Members of a unit as a user writes them: levels below levels, how many rows there are of each, what tells them apart."""

import re
from typing import Any, ClassVar

from pydantic import ConfigDict, Field, model_validator

from synthor.forms import Form
from synthor.schema.kinds import KINDS
from synthor.spec.names import LevelName, VariableName
from synthor.spec.variables import Declared

MOST = 1_000_000
"""Members of one unit, at most."""


def _or(short: dict[str, Any]) -> Any:
    """Says in the JSON schema that a form may be written shorter."""

    def add(schema: dict[str, Any]) -> None:
        about = schema.pop("description")
        long = dict(schema)
        schema.clear()
        schema.update({"description": about, "anyOf": [short, long]})

    return add


class HowMany(Form):
    """How many there are: a number, or the smallest and the largest."""

    model_config = ConfigDict(
        extra="forbid", frozen=True, defer_build=True, json_schema_extra=_or({"type": "integer", "minimum": 1, "maximum": MOST})
    )

    min: int = Field(0, ge=0, le=MOST, description="There are so many at least.")
    max: int | None = Field(None, ge=1, le=MOST, description="There are so many at most; any number unless given.")

    @model_validator(mode="before")
    @classmethod
    def _exactly(cls, value: object) -> object:
        if isinstance(value, int) and not isinstance(value, bool):
            return {"min": value, "max": value}
        if not isinstance(value, dict | HowMany):
            found = "nothing" if value is None else "a list" if isinstance(value, list) else f"'{str(value)[:60]}'"
            raise ValueError(f"{found} is no number of members; write 1, or {{min: 0, max: 15}}")
        return value

    @model_validator(mode="after")
    def _rising(self) -> "HowMany":
        if self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min} is larger than max {self.max}; swap them")
        return self


class PairSpec(Form):
    """A relation of members: two roles; with `ordered`, their names are the categories of a variable in place of the roles."""

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        defer_build=True,
        json_schema_extra=_or({"type": "array", "items": {"type": "string"}, "minItems": 2, "maxItems": 2}),
    )

    roles: list[str] = Field(description="Two roles; where there may be several of one, each pair counts.")
    ordered: str = Field(
        "",
        description="`by sex`: tables tell the two apart by this variable (male.age, female.age), whoever has which role; "
        "pairs in which both have the same category are in none of them.",
    )

    @model_validator(mode="before")
    @classmethod
    def _listed(cls, value: object) -> object:
        if isinstance(value, list):
            return {"roles": value}
        if not isinstance(value, dict | PairSpec):
            found = "nothing" if value is None else f"'{str(value)[:60]}'"
            raise ValueError(f"two roles are expected, {found} was found; write [head, partner]")
        return value

    @model_validator(mode="after")
    def _two(self) -> "PairSpec":
        if len(self.roles) != 2:
            raise ValueError(f"a pair has two roles, not {len(self.roles)}; write [head, partner]")
        if self.roles[0] == self.roles[1]:
            raise ValueError(f"has '{self.roles[0]}' twice, so nothing tells its members apart; name two roles")
        if self.ordered and not re.fullmatch(r"by\s+[A-Za-z_][A-Za-z0-9_]*", self.ordered.strip()):
            raise ValueError(f"ordered says '{self.ordered[:60]}'; write ordered: by sex")
        return self

    @property
    def by(self) -> str:
        """The variable that orders the two; empty where their roles do."""
        return self.ordered.strip().removeprefix("by").strip()


class MemberSpec(Form):
    """One kind of member: a level below that of the unit, or below another member."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, defer_build=True)

    tags: ClassVar[tuple[str, ...]] = tuple(KINDS)

    about: str = Field("", description="What one is, and who has which role; people and models read it.")
    number: HowMany = Field(default_factory=HowMany, description="How many there are in one of the level above.")
    ordered: bool = Field(False, description="Whether they have an order, as the trips of a day.")
    role: str = Field("", description="The variable that tells members apart, such as relationship.")
    roles: dict[str, HowMany] = Field(
        default_factory=dict, description="How many there are of a role: {head: 1, partner: {max: 1}}; any number unless given."
    )
    pairs: dict[str, PairSpec] = Field(
        default_factory=dict, description="Relations that tables may count: {couple: [head, partner]}."
    )
    variables: dict[VariableName, Declared] = Field(min_length=1, description="Name of each variable and what it holds.")
    members: dict[LevelName, "MemberSpec"] = Field(
        default_factory=dict, description="What each has in turn, such as the trips of a person."
    )
