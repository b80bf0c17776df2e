"""A variable as the solver sees it: how values become categories.

A list of category labels and, for numbers, the bins behind them. Everything downstream works on category codes 0, 1, 2, ...
"""

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import numpy as np

from synthor.schema.text import as_text, number_of
from synthor.types import Codes, Floats

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["category", "boolean", "integer", "number"]
TRUE, FALSE = frozenset({"yes", "true", "1", "y", "t"}), frozenset({"no", "false", "0", "n", "f"})


@dataclass(frozen=True, kw_only=True, eq=False)
class Variable:
    """A variable as the solver sees it.

    Attributes:
        name: as in the spec.
        kind: category, boolean, integer or number.
        labels: one per category, in order; codes index this tuple.
        low: smallest value of each category, (k,); the code itself for categories and booleans.
        high: largest value of each category, (k,), inclusive.
        decimals: that drawn values are rounded to.
        unit: as in the spec, for people to read.
        about: as in the spec, for people and models to read.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    low: Floats
    high: Floats
    decimals: int = 0
    unit: str = ""
    about: str = ""

    @property
    def size(self) -> int:
        """Number of categories."""
        return len(self.labels)

    @property
    def numeric(self) -> bool:
        return self.kind in ("integer", "number")

    @property
    def extent(self) -> str:
        """Its values in words, for messages.

        >>> from synthor.spec.variables import Integer
        >>> Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age").extent
        'age goes from 0 to 99'
        """
        if self.numeric:
            return f"{self.name} goes from {as_text(float(self.low[0]))} to {as_text(float(self.high[-1]))}"
        return f"{self.name} is one of {', '.join(self.labels[:8])}{', ...' if self.size > 8 else ''}"

    def code(self, label: str) -> int:
        """The code of one label as written in a table, -1 when it matches none.

        Case and outer blanks are forgiven. A number stands for the bin that starts with it; any other is no label, since a
        table that gives single values inside bins is another table.

        >>> from synthor.spec.variables import Integer
        >>> persons = Integer(type="integer", min=1, max=9, bins=[1, 2, 3]).build("persons")
        >>> [persons.code(text) for text in ("1", "2.0", " 3+ ", "3", "4", "many")]
        [0, 1, 2, 2, -1, -1]
        """
        text = label.strip().casefold()
        if text in self._codes:
            return self._codes[text]
        if self.kind == "boolean":
            return 1 if text in TRUE else 0 if text in FALSE else -1
        number = number_of(text)
        code = self.code_of_number(number) if self.numeric else -1
        return code if code >= 0 and self.low[code] == number else -1

    @cached_property
    def _codes(self) -> dict[str, int]:
        """The code of each label, without case and outer blanks; of like ones the first."""
        return {label.strip().casefold(): code for code, label in reversed(list(enumerate(self.labels)))}

    def code_of_number(self, value: float) -> int:
        """The bin of one value, -1 where there is none."""
        return int(self.codes_of_numbers(np.array([value]))[0])

    def codes_of_numbers(self, values: Floats) -> Codes:
        """Bins of numeric values, (n,) -> (n,); -1 outside the range, not a number, or not whole where an integer is meant.

        >>> from synthor.spec.variables import Number
        >>> Number(type="number", min=0, max=10, bins=[0, 5]).build("x").codes_of_numbers(np.array([0, 4.9, 5, 10, 11]))
        array([ 0,  0,  1,  1, -1], dtype=int32)
        """
        codes = np.searchsorted(self.low, values, side="right") - 1
        inside = (values >= self.low[0]) & (values <= self.high[-1])
        if self.kind == "integer":
            inside &= values == np.rint(values)
        return np.where(inside, codes, -1).astype(np.int32)

    def encode(self, column: "pl.Series") -> Codes:
        """Category codes of a column of raw values or of labels, (n,); -1 where a value matches nothing.

        >>> import polars as pl
        >>> from synthor.spec.variables import Boolean
        >>> Boolean(type="boolean").build("car").encode(pl.Series([True, False]))
        array([1, 0], dtype=int32)
        """
        import polars as pl

        if self.numeric and column.dtype.is_numeric():
            return self.codes_of_numbers(column.cast(pl.Float64).fill_null(np.nan).to_numpy())
        distinct = column.unique(maintain_order=True)
        codes = pl.Series([self._code_of_value(value) for value in distinct], dtype=pl.Int32)
        return column.replace_strict(distinct, codes, return_dtype=pl.Int32).to_numpy().astype(np.int32)

    def _code_of_value(self, value: object) -> int:
        code = self.code(as_text(value))
        if self.kind == "category" and isinstance(value, bool) and code < 0:
            return self.code(str(value))
        if self.kind == "category" and isinstance(value, int | float) and not isinstance(value, bool):
            return code if self._n_alike[value] < 2 else -1  # 1.1 may have been 1.1 or 1.10
        return self.code_of_number(number_of(as_text(value))) if code < 0 and self.numeric else code

    @cached_property
    def _n_alike(self) -> Counter[float]:
        """How many labels are the same number, by that number."""
        return Counter(map(number_of, self.labels))
