"""What a record holds: the four kinds of variable that a spec declares, and how values become categories.

A declared variable (pydantic, as written) gives a `Variable` (frozen, ready to use): a list of category labels and, for
numbers, the bins behind them. Everything downstream works on category codes 0, 1, 2, ...
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from synthor.spec.written import AsWritten, Written
from synthor.types import Codes, Floats

if TYPE_CHECKING:
    import polars as pl

Kind = Literal["category", "boolean", "integer", "number"]
MAX_UNBINNED = 100
MAX_DIGITS = 15
"""Digits of a value, decimals included, that a float holds exactly."""
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


def as_text(value: object) -> str:
    """One value of a table as a label is written: no outer blanks, booleans in words, whole floats as whole numbers.

    A number of a spec is the text that it was written as.

    >>> [as_text(value) for value in (" rented ", 3.0, 0.1, True, None)]
    ['rented', '3', '0.1', 'yes', '']
    """
    if value is None:
        return ""
    if isinstance(value, Written):
        return value.text
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.15g}" if isinstance(value, float) else str(value).strip()


Label = Annotated[str, AsWritten, WithJsonSchema({"type": ["string", "number"]})]


class _Declared(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False, coerce_numbers_to_str=True, defer_build=True)

    about: str = Field("", description="What the variable means; people and models read it.")


class Category(_Declared):
    """One of a list of labels."""

    type: Literal["category"]
    values: list[Label] = Field(min_length=1, description="The labels, in the order that tables and beliefs use.")

    def build(self, name: str) -> Variable:
        return _nominal(name, "category", tuple(self.values), self.about)

    @model_validator(mode="after")
    def _distinct(self) -> "Category":
        _check_labels(self.values)
        return self


class Boolean(_Declared):
    """No or yes; records hold false or true."""

    type: Literal["boolean"]

    def build(self, name: str) -> Variable:
        return _nominal(name, "boolean", ("no", "yes"), self.about)


class _Binned(_Declared):
    unit: str = Field("", description="Unit of the values, for example USD/year.")
    labels: list[Label] | None = Field(None, description="One label a bin; made from the edges unless given.")

    def _check_bins(self, bins: Sequence[float], low: float, high: float, decimals: int = 0) -> None:
        for edge in (low, high, *bins):
            if not abs(edge) < 10 ** (MAX_DIGITS - decimals):
                raise ValueError(
                    f"min, max and bins take at most {MAX_DIGITS} digits, {decimals} decimals included; round them"
                )
            if round(edge, decimals) != edge:
                raise ValueError(f"{as_text(edge)} has more than {decimals} decimals; give more `decimals`")
        if low > high:
            raise ValueError(f"min {as_text(low)} is larger than max {as_text(high)}; swap them")
        if any(b <= a for a, b in pairwise(bins)):
            at = next(i for i, (a, b) in enumerate(pairwise(bins)) if b <= a)
            raise ValueError(f"bin {as_text(bins[at + 1])} comes after {as_text(bins[at])}; write left edges in rising order")
        if bins[0] != low:
            raise ValueError(
                f"the first bin must start at min ({as_text(low)}), it starts at {as_text(bins[0])}; correct one of them"
            )
        if bins[-1] > high:
            raise ValueError(f"the last bin starts at {as_text(bins[-1])}, above max ({as_text(high)}); correct one of them")
        if self.labels is not None:
            if len(self.labels) != len(bins):
                raise ValueError(
                    f"{len(self.labels)} labels for {len(bins)} bins; give one label a bin, the last one open to max"
                )
            _check_labels(self.labels)


class Integer(_Binned):
    """A whole number, in bins given by their left edges; the last bin is open up to ``max``."""

    type: Literal["integer"]
    min: int
    max: int
    bins: list[int] | None = Field(None, min_length=1, description="Left edges; one bin a value unless given.")

    @property
    def edges(self) -> list[int]:
        return self.bins if self.bins is not None else list(range(self.min, self.max + 1))

    @model_validator(mode="after")
    def _consistent(self) -> "Integer":
        if self.bins is None and self.max - self.min >= MAX_UNBINNED:
            raise ValueError(f"{self.max - self.min + 1} values need bins; give their left edges")
        self._check_bins(self.edges, self.min, self.max)
        return self

    def build(self, name: str) -> Variable:
        low = np.array(self.edges, dtype=float)
        high = np.append(low[1:] - 1, float(self.max))
        made = [_span(int(a), int(b), last=i == len(low) - 1) for i, (a, b) in enumerate(zip(low, high, strict=True))]
        labels = tuple(self.labels or made)
        return Variable(name=name, kind="integer", labels=labels, low=low, high=high, unit=self.unit, about=self.about)


class Number(_Binned):
    """A real number, in bins given by their left edges; the last bin is open up to ``max``."""

    type: Literal["number"]
    min: float
    max: float
    bins: list[float] = Field(min_length=1, description="Left edges.")
    decimals: int = Field(2, ge=0, le=12, description="Decimals that drawn values are rounded to.")

    @model_validator(mode="after")
    def _consistent(self) -> "Number":
        self._check_bins(self.bins, self.min, self.max, self.decimals)
        return self

    def build(self, name: str) -> Variable:
        low = np.array(self.bins, dtype=float)
        # One step of the declared precision below the next edge, so that intervals are closed and values stay inside.
        high = np.append(np.round(low[1:] - 10.0**-self.decimals, self.decimals), self.max)
        made = [f"{as_text(left)} to {as_text(right)}" for left, right in pairwise([*self.bins, self.max])]
        labels = tuple(self.labels or made)
        return Variable(
            name=name,
            kind="number",
            labels=labels,
            low=low,
            high=high,
            decimals=self.decimals,
            unit=self.unit,
            about=self.about,
        )


Declared = Annotated[Category | Boolean | Integer | Number, Field(discriminator="type")]


def _nominal(name: str, kind: Kind, labels: tuple[str, ...], about: str) -> Variable:
    codes = np.arange(len(labels), dtype=float)
    return Variable(name=name, kind=kind, labels=labels, low=codes, high=codes, about=about)


def _span(low: int, high: int, *, last: bool) -> str:
    return str(low) if low == high else f"{low}+" if last else f"{low}-{high}"


def number_of(text: str) -> float:
    """A text as a number, NaN where it is none."""
    try:
        return float(text)
    except ValueError:
        return float("nan")


def _check_labels(labels: list[str]) -> None:
    if not all(label.strip() for label in labels):
        raise ValueError("a label is blank; give each a name")
    folded = [label.strip().casefold() for label in labels]
    n_like = Counter(folded)
    repeated = sorted({label for label, key in zip(labels, folded, strict=True) if n_like[key] > 1})
    if repeated:
        raise ValueError(f"labels that cannot be told apart: {', '.join(repeated)}; keep one, or name them apart")
