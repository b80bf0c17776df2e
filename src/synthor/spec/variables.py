"""What a record holds, as a spec declares it: four kinds of variable, each of which builds a `Variable`."""

from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema, model_validator

from synthor.schema import Variable
from synthor.schema.text import as_text
from synthor.schema.variable import Kind
from synthor.spec.written import AsWritten

MAX_UNBINNED = 100
MAX_DIGITS = 15
"""Digits of a value, decimals included, that a float holds exactly."""


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


def _check_labels(labels: list[str]) -> None:
    if not all(label.strip() for label in labels):
        raise ValueError("a label is blank; give each a name")
    folded = [label.strip().casefold() for label in labels]
    n_like = Counter(folded)
    repeated = sorted({label for label, key in zip(labels, folded, strict=True) if n_like[key] > 1})
    if repeated:
        raise ValueError(f"labels that cannot be told apart: {', '.join(repeated)}; keep one, or name them apart")
