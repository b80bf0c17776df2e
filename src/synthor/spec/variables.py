"""What a record holds, as a spec declares it: one of the kinds of variable, each of which builds a `Variable`."""

from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from synthor.schema.kinds import KINDS, Boolean, Category, Integer, Number
from synthor.schema.kinds import Declared as AnyDeclared

if TYPE_CHECKING:
    Declared = AnyDeclared
else:
    Declared = Annotated[reduce(or_, KINDS.values()), Field(discriminator="type")]
    """Whatever the table of kinds has; which one it is, `type` says."""

__all__ = ["Boolean", "Category", "Declared", "Integer", "Number"]
