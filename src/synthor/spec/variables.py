"""What a record holds, as a spec declares it: one of the kinds of variable, each of which builds a `Variable`.

A variable may follow from the members below, too. What it is then hangs on theirs, so that it is no kind by itself:
`spec.levels` says which form it takes.
"""

from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import AfterValidator, Discriminator, Field, SerializerFunctionWrapHandler, Tag, WithJsonSchema, model_serializer
from pydantic_core import PydanticCustomError

from synthor.schema.kinds import KINDS, Boolean, Category, Integer, Number
from synthor.schema.kinds import Declared as AnyDeclared
from synthor.schema.kinds.base import Label


def _known(kind: str) -> str:
    if kind and kind not in KINDS:
        raise PydanticCustomError("union_tag_invalid", "unknown type '{tag}'", {"tag": kind})
    return kind


class Follows(AnyDeclared):
    """What follows from the members of each: computed, never drawn. Type, bins and ends follow, too, unless they are given."""

    from_: str = Field(
        alias="from",
        min_length=1,
        description="count(person), count(person, age < 18), sum(person.earnings), mean, min, max, any(person, age >= 65), "
        "all, or a member by its role: head.age.",
    )
    type: Annotated[
        str, AfterValidator(_known), WithJsonSchema({"enum": [name for name, form in KINDS.items() if not form.kind.free]})
    ] = Field("", description="Follows unless given; number in place of integer where bins need it.")
    min: float | None = Field(None, description="The smallest value; the first bin unless given.")
    max: float | None = Field(None, description="The largest value; needed where there is no largest number of members.")
    bins: list[float] | None = Field(None, min_length=1, description="Left edges; those of the members' variable unless given.")
    decimals: int | None = Field(None, ge=0, le=12, description="Of a number; those of the members' variable unless given.")
    unit: str = Field("", description="Unit of the values; that of the members' variable unless given.")
    labels: list[Label] | None = Field(None, description="One label a bin; made from the edges unless given.")

    @model_serializer(mode="wrap")
    def _by_key(self, dumped: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """As a spec writes it: `from` is no name that Python allows."""
        return {"from" if key == "from_" else key: value for key, value in dumped(self).items()}


def _form(value: object) -> str:
    follows = "from" in value if isinstance(value, Mapping) else isinstance(value, Follows)
    return "what follows" if follows else "what is drawn"


if TYPE_CHECKING:
    Declared = AnyDeclared
else:
    _Drawn = Annotated[reduce(or_, KINDS.values()), Field(discriminator="type"), Tag("what is drawn")]
    Declared = Annotated[_Drawn | Annotated[Follows, Tag("what follows")], Discriminator(_form)]
    """Whatever the table of kinds has; which one it is, `type` says, and `from` that it follows from members."""

__all__ = ["Boolean", "Category", "Declared", "Follows", "Integer", "Number"]
