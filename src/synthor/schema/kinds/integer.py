"""A whole number, in bins."""

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthor.schema.kinds.binned import BinnedDeclared, BinnedKind
from synthor.schema.text import number
from synthor.schema.variable import Variable
from synthor.types import Counts, Floats

if TYPE_CHECKING:
    import polars as pl

MAX_UNBINNED = 100
"""Values that are bins by themselves, at most, where no bins are given."""

MANY_VALUES = 10_000
"""Up to so many whole numbers, a table of all of them is faster than comparing."""


class IntegerKind(BinnedKind):
    """Records hold a whole number."""

    name = "integer"
    wider = ("number",)

    def inside(self, variable: Variable, values: Floats) -> NDArray[np.bool_]:
        return super().inside(variable, values) & (values == np.rint(values))

    def codes_within(self, variable: Variable, column: "pl.Series", values: NDArray[Any]) -> NDArray[np.integer[Any]] | None:
        low, n_values = int(variable.least), variable.most - variable.least + 1
        if not column.dtype.is_integer() or n_values > MANY_VALUES:
            return None
        return variable.codes_of_numbers(np.arange(low, low + n_values))[values.astype(np.int64, copy=False) - low]

    def of_steps(self, steps: Floats, scale: float) -> Counts:
        return self.held(steps)

    def held(self, values: Floats) -> Counts:
        return values.astype(np.int64)

    def one(self, variable: Variable) -> str:
        return "a whole number"

    def band(self, low: float, below: float) -> str:
        return f"{number(low)} to {number(below - 1)}"

    def overlap(self, variable: Variable, low: float, high: float) -> Floats:
        low, high = float(np.ceil(low)), float(np.floor(high))
        overlap = np.minimum(high, variable.high) - np.maximum(low, variable.low) + 1.0
        return np.nan_to_num(np.maximum(overlap, 0), nan=0.0)


INTEGER = IntegerKind()


class Integer(BinnedDeclared):
    """A whole number, in bins given by their left edges; the last bin is open up to ``max``."""

    kind = INTEGER
    type: Literal["integer"]
    min: int
    max: int
    bins: list[int] | None = Field(None, min_length=1, description="Left edges; one bin a value unless given.")

    @property
    def edges(self) -> list[int]:
        return self.bins if self.bins is not None else list(range(self.min, self.max + 1))

    def check(self) -> None:
        if self.bins is None and self.max - self.min >= MAX_UNBINNED:
            raise ValueError(f"{self.max - self.min + 1} values need bins; give their left edges")
        self._check_bins(self.edges, self.min, self.max)

    def of_values(self, name: str) -> Variable:
        low = np.array(self.edges, dtype=float)
        high = np.append(low[1:] - 1, float(self.max))
        made = [_span(int(a), int(b), last=i == len(low) - 1) for i, (a, b) in enumerate(zip(low, high, strict=True))]
        labels = tuple(self.labels or made)
        return Variable(name=name, kind=self.kind, labels=labels, low=low, high=high, unit=self.unit, about=self.about)


def _span(low: int, high: int, *, last: bool) -> str:
    return str(low) if low == high else f"{low}+" if last else f"{low}-{high}"
