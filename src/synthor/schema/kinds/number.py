"""A real number, in bins."""

from itertools import pairwise
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthor.schema.kinds.binned import BinnedDeclared, BinnedKind
from synthor.schema.text import as_text, plural
from synthor.schema.variable import Variable

if TYPE_CHECKING:
    import polars as pl

FEW_BINS = 64
"""Up to so many, comparing with every edge is faster than searching among them."""


class NumberKind(BinnedKind):
    """Records hold a number of so many decimals."""

    name = "number"
    whole = False

    def codes_within(self, variable: Variable, column: "pl.Series", values: NDArray[Any]) -> NDArray[np.integer[Any]] | None:
        import polars as pl

        if column.dtype != pl.Float64 or variable.size > FEW_BINS:
            return None
        codes = np.zeros(len(values), np.uint8)
        for edge in variable.edges[1:]:
            codes += values >= edge
        return codes

    def one(self, variable: Variable) -> str:
        return f"a number with {plural(variable.decimals, 'decimal')}" if variable.decimals else "a number without decimals"


NUMBER = NumberKind()


class Number(BinnedDeclared):
    """A real number, in bins given by their left edges; the last bin is open up to ``max``."""

    kind = NUMBER
    type: Literal["number"]
    min: float
    max: float
    bins: list[float] = Field(min_length=1, description="Left edges.")
    decimals: int = Field(2, ge=0, le=12, description="Decimals that drawn values are rounded to.")

    def check(self) -> None:
        self._check_bins(self.bins, self.min, self.max, self.decimals)

    def of_values(self, name: str) -> Variable:
        low = np.array(self.bins, dtype=float)
        # One step of the declared precision below the next edge, so that intervals are closed and values stay inside.
        high = np.append(np.round(low[1:] - 10.0**-self.decimals, self.decimals), self.max)
        made = [f"{as_text(left)} to {as_text(right)}" for left, right in pairwise([*self.bins, self.max])]
        labels = tuple(self.labels or made)
        return Variable(
            name=name,
            kind=self.kind,
            labels=labels,
            low=low,
            high=high,
            decimals=self.decimals,
            unit=self.unit,
            about=self.about,
        )
