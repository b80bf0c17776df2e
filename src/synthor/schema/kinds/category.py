"""One of a list of labels, without order."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field

from synthor.schema.kinds.base import DeclaredValues, Kind, Label, Shortened, check_labels, nominal
from synthor.schema.text import as_text, plural
from synthor.schema.variable import Variable
from synthor.types import Codes, Counts, Floats

if TYPE_CHECKING:
    import polars as pl


class CategoryKind(Kind):
    """Records hold the label."""

    name = "category"
    named = True
    texts = True

    def code_of_value(self, variable: Variable, value: object) -> int:
        code = self.code(variable, as_text(value))
        if isinstance(value, bool):
            return self.code(variable, str(value)) if code < 0 else code
        if isinstance(value, int | float):
            return code if variable.n_alike[value] < 2 else -1  # 1.1 may have been 1.1 or 1.10
        return code

    def column(self, variable: Variable, codes: Codes, numbers: Floats | Counts | None) -> "pl.Series":
        import numpy as np
        import polars as pl

        labels = pl.Series(variable.name, variable.labels, dtype=pl.Enum(variable.labels))
        return labels.gather(pl.Series(codes.astype(np.uint32)))

    def described(self, variable: Variable, shortened: Shortened) -> str:
        return f"one of {plural(variable.size, 'category', 'categories')}: {shortened(variable.labels)}"


CATEGORY = CategoryKind()


class Category(DeclaredValues):
    """One of a list of labels."""

    kind = CATEGORY
    type: Literal["category"]
    values: list[Label] = Field(min_length=1, description="The labels, in the order that tables and beliefs use.")

    def of_values(self, name: str) -> Variable:
        return nominal(name, self.kind, tuple(self.values), self.about)

    def check(self) -> None:
        check_labels(self.values)
