"""No or yes."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from synthor.schema.kinds.base import DeclaredValues, Kind, Shortened, nominal
from synthor.schema.variable import Variable
from synthor.types import Codes, Counts, Floats

if TYPE_CHECKING:
    import polars as pl

TRUE, FALSE = frozenset({"yes", "true", "1", "y", "t"}), frozenset({"no", "false", "0", "n", "f"})
"""How yes and no are written."""


class BooleanKind(Kind):
    """Records hold false or true; a condition may name it alone."""

    name = "boolean"
    alone = 1

    def code_of_other(self, variable: Variable, text: str) -> int:
        return 1 if text in TRUE else 0 if text in FALSE else -1

    def encode_as_drawn(self, variable: Variable, column: "pl.Series") -> NDArray[np.integer[Any]] | None:
        import polars as pl

        if column.dtype == pl.Boolean:
            return column.to_numpy().view(np.uint8)
        return super().encode_as_drawn(variable, column)

    def column(self, variable: Variable, codes: Codes, numbers: Floats | Counts | None) -> "pl.Series":
        import polars as pl

        return pl.Series(variable.name, codes == 1)

    def described(self, variable: Variable, shortened: Shortened) -> str:
        return "yes or no"


BOOLEAN = BooleanKind()


class Boolean(DeclaredValues):
    """No or yes; records hold false or true."""

    kind = BOOLEAN
    type: Literal["boolean"]

    def of_values(self, name: str) -> Variable:
        return nominal(name, self.kind, ("no", "yes"), self.about)
