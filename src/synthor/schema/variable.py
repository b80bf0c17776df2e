"""A variable as the solver sees it: how values become categories.

A list of category labels and, for numbers, the bins behind them. Everything downstream works on category codes 0, 1, 2, ...
What is done with them that depends on what they are, the variable's kind does.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from synthor.schema.text import number_of
from synthor.types import Codes, Counts, Floats

if TYPE_CHECKING:
    import polars as pl

    from synthor.schema.kinds.base import Kind


@dataclass(frozen=True, kw_only=True, eq=False)
class Variable:
    """A variable as the solver sees it.

    Attributes:
        name: as in the spec.
        kind: how it behaves.
        labels: one per category, in order; codes index this tuple.
        low: smallest value of each category, (k,); the code itself for categories and booleans.
        high: largest value of each category, (k,), inclusive.
        decimals: that drawn values are rounded to.
        unit: as in the spec, for people to read.
        about: as in the spec, for people and models to read.
        missing: whether the last category is that of records without a value: it has a label and a share, and no low and high;
            records hold null.
    """

    name: str
    kind: "Kind"
    labels: tuple[str, ...]
    low: Floats
    high: Floats
    decimals: int = 0
    unit: str = ""
    about: str = ""
    missing: bool = False

    @property
    def size(self) -> int:
        """Number of categories."""
        return len(self.labels)

    @property
    def n_valued(self) -> int:
        """Number of categories that stand for values: the first ones."""
        return self.size - self.missing

    @property
    def least(self) -> float:
        """Its smallest value."""
        return float(self.low[0])

    @property
    def most(self) -> float:
        """Its largest value."""
        return float(self.high[self.n_valued - 1])

    @property
    def ends(self) -> tuple[Floats, Floats]:
        """Smallest and largest value of each category, (k,) each; 0 of one without values, which no sum counts."""
        return (np.nan_to_num(self.low), np.nan_to_num(self.high)) if self.missing else (self.low, self.high)

    @property
    def numeric(self) -> bool:
        """Whether its values are numbers inside bins."""
        return self.kind.numeric

    @property
    def edges(self) -> list[float]:
        """First values of its bins; none where it has none."""
        return self.low[: self.n_valued].tolist() if self.numeric else []

    @property
    def extent(self) -> str:
        """Its values in words, for messages.

        >>> from synthor.schema.kinds import Integer
        >>> Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age").extent
        'age goes from 0 to 99'
        """
        return self.kind.extent(self)

    def code(self, label: str) -> int:
        """The code of one label as written in a table, -1 when it matches none.

        Case and outer blanks are forgiven. A number stands for the bin that starts with it; any other is no label, since a
        table that gives single values inside bins is another table.

        >>> from synthor.schema.kinds import Integer
        >>> persons = Integer(type="integer", min=1, max=9, bins=[1, 2, 3]).build("persons")
        >>> [persons.code(text) for text in ("1", "2.0", " 3+ ", "3", "4", "many")]
        [0, 1, 2, 2, -1, -1]
        """
        return self.kind.code(self, label)

    @cached_property
    def code_by_label(self) -> Mapping[str, int]:
        """The code of each label, without case and outer blanks; of like ones the first."""
        return {label.strip().casefold(): code for code, label in reversed(list(enumerate(self.labels)))}

    @cached_property
    def n_alike(self) -> Counter[float]:
        """How many labels are the same number, by that number."""
        return Counter(map(number_of, self.labels))

    def code_of_number(self, value: float) -> int:
        """The bin of one value, -1 where there is none."""
        return int(self.codes_of_numbers(np.array([value]))[0])

    def codes_of_numbers(self, values: Floats) -> Codes:
        """Bins of numeric values, (n,) -> (n,); -1 outside the range, not a number, or not whole where an integer is meant.

        >>> from synthor.schema.kinds import Number
        >>> Number(type="number", min=0, max=10, bins=[0, 5]).build("x").codes_of_numbers(np.array([0, 4.9, 5, 10, 11]))
        array([ 0,  0,  1,  1, -1], dtype=int32)
        """
        return self.kind.codes_of_numbers(self, values)

    def codes_of_bins(self, finer: "Variable") -> Codes:
        """Its category that each category of the same variable in finer bins lies in, (k,)."""
        return np.where(np.isnan(finer.low), self.size - 1, self.codes_of_numbers(finer.low)).astype(np.int32)

    def with_missing(self, label: str = "missing") -> "Variable":
        """The same variable, which some records have no value of.

        >>> import polars as pl
        >>> from synthor.schema.kinds import Integer
        >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age").with_missing("not stated")
        >>> age.encode(pl.Series([17, None, 18])).tolist(), age.code("Not stated")
        ([0, 2, 1], 2)
        """
        low, high = np.append(self.low, np.nan), np.append(self.high, np.nan)
        return replace(self, labels=(*self.labels, label), low=low, high=high, missing=True)

    @property
    def valued(self) -> "Variable":
        """The same variable without the category of records that have no value."""
        n = self.n_valued
        return replace(self, labels=self.labels[:n], low=self.low[:n], high=self.high[:n], missing=False)

    def from_text(self, column: "pl.Series") -> "pl.Series":
        """A column of a text file as values, where it holds such or the label of records without one, and else as it is."""
        import polars as pl

        if self.missing and column.dtype == pl.String:
            unknown = column.str.strip_chars().str.to_lowercase() == self.labels[-1].strip().lower()
            column = column.set(unknown.fill_null(value=False), None)
        return self.kind.from_text(column)

    def encode(self, column: "pl.Series") -> Codes:
        """Category codes of a column of raw values or of labels, (n,); -1 where a value matches nothing.

        >>> import polars as pl
        >>> from synthor.schema.kinds import Boolean
        >>> Boolean(type="boolean").build("car").encode(pl.Series([True, False]))
        array([1, 0], dtype=int32)
        """
        codes = self.kind.encode(self, column)
        if not self.missing:
            return codes
        known = column.fill_nan(None) if column.dtype.is_float() else column
        return np.where(known.is_null().to_numpy(), np.int32(self.size - 1), codes)

    def encode_quickly(self, column: "pl.Series") -> NDArray[np.integer[Any]]:
        """What `encode` gives, in any type, and sooner where the column's type allows; records as drawn have such types."""
        sooner = None if column.null_count() or not len(column) else self.kind.encode_as_drawn(self, column)
        return self.encode(column) if sooner is None else sooner

    def column(self, codes: Codes, numbers: Floats | Counts | None) -> "pl.Series":
        """What records hold of it: numbers where it has such, otherwise what the codes stand for."""
        found = self.kind.column(self, codes, numbers)
        if not self.missing:
            return found
        import polars as pl

        return found.set(pl.Series(codes == self.size - 1), None)
