"""What tells a record from all others: a running number, or a code of given width.

The solver sees one category, which every record is in, so that nothing is counted, believed or asked of it. Its values are no
draws either: a record's place among all records of its level says what it holds, so that they are unique over all chunks.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field, model_validator

from synthor.errors import Finding, InputError
from synthor.schema.kinds.base import Declared, Kind, Shortened
from synthor.schema.text import plural
from synthor.schema.variable import Variable
from synthor.types import Codes, Counts, Floats

if TYPE_CHECKING:
    import polars as pl

ANY = "any"
"""The label of its one category."""


@dataclass(frozen=True)
class IdentifierKind(Kind):
    """Records hold a value of their own.

    Attributes:
        width: digits of a code, zeros in front; 0 where it is a number.
        before: text in front of a code.
    """

    width: int = 0
    before: str = ""

    name = "identifier"
    free = True

    @property
    def texts(self) -> bool:  # type: ignore[override]
        """A code keeps its zeros."""
        return self.width > 0

    def encode(self, variable: Variable, column: "pl.Series") -> Codes:
        return np.where(column.is_null().to_numpy(), -1, 0).astype(np.int32)

    def encode_as_drawn(self, variable: Variable, column: "pl.Series") -> NDArray[np.integer[Any]]:
        return np.zeros(len(column), np.uint8)

    def column(self, variable: Variable, codes: Codes, numbers: Floats | Counts | None) -> "pl.Series":
        import polars as pl

        return pl.Series(variable.name, [None], dtype=pl.String if self.texts else pl.Int64).new_from_index(0, len(codes))

    def fill(self, variable: Variable, first: int, n: int) -> "pl.Series":
        import polars as pl

        numbers = pl.Series(variable.name, np.arange(first + 1, first + n + 1))
        if not self.texts:
            return numbers
        if (short := self.short_of(first + n)) is not None:
            raise InputError([Finding(where=variable.name, message=short[0], cure=short[1])])
        return (self.before + numbers.cast(pl.String).str.zfill(self.width)).rename(variable.name)

    def short_of(self, n: int) -> tuple[str, str] | None:
        if not self.width or n < 10**self.width:
            return None
        message = f"codes of {plural(self.width, 'digit')} are too few for {plural(n, 'record')}"
        return message, f"give it a width of {len(str(n))} or more"

    def extent(self, variable: Variable) -> str:
        return f"{variable.name} is of each record alone"

    def described(self, variable: Variable, shortened: Shortened) -> str:
        form = f"a code of {plural(self.width, 'digit')}" if self.texts else "a running number"
        before = f" after '{self.before}'" if self.before else ""
        return f"{form}{before}, another for each record"


class Identifier(Declared):
    """What tells a record from all others; nothing is counted of it."""

    kind = IdentifierKind()
    type: Literal["identifier"]
    width: int = Field(0, ge=0, le=18, description="Digits of a code, with zeros in front; a plain number unless given.")
    before: str = Field("", description="Text in front of a code.")

    @model_validator(mode="after")
    def _with_digits(self) -> "Identifier":
        if self.before and not self.width:
            raise ValueError("text stands before a code alone; give its digits, such as width: 6")
        return self

    def build(self, name: str) -> Variable:
        kind = IdentifierKind(width=self.width, before=self.before)
        one = np.zeros(1)
        return Variable(name=name, kind=kind, labels=(ANY,), low=one, high=one, about=self.about)
