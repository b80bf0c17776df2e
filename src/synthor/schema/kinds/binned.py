"""Numbers inside bins: what whole and real numbers have in common.

Values are steps of 10^-decimals from the smallest to the largest; a bin begins at its left edge and ends one step before the
next, and the last holds the largest value.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import pairwise
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from synthor.schema.kinds.base import DeclaredValues, Kind, Label, Shortened, check_labels
from synthor.schema.text import as_numbers, as_text, number, number_of, plural
from synthor.schema.variable import Variable
from synthor.types import Codes, Counts, Floats

if TYPE_CHECKING:
    import polars as pl

MAX_DIGITS = 15
"""Digits of a value, decimals included, that a float holds exactly."""

LONG, LONG_SLICES = 32.0, 16
"""A bin whose ends are further apart than this, as a ratio, has more slices: the mean may lie far from its middle."""

REACH = 1e4
"""How much smaller than a variable's largest value means are that slices are made for; ratios mean nothing beside 0."""

BELOW_ONE = float(np.nextafter(1.0, 0.0))


class BinnedKind(Kind):
    """Records hold a number; categories are bins of it."""

    numeric = True
    ordered = True

    # --- Values that are read

    def code_of_other(self, variable: Variable, text: str) -> int:
        # A number stands for the bin that starts with it; any other is none: single values inside bins are another table.
        value = number_of(text)
        code = variable.code_of_number(value)
        return code if code >= 0 and variable.low[code] == value else -1

    def code_of_value(self, variable: Variable, value: object) -> int:
        code = super().code_of_value(variable, value)
        return variable.code_of_number(number_of(as_text(value))) if code < 0 else code

    def codes_of_numbers(self, variable: Variable, values: Floats) -> Codes:
        codes = np.searchsorted(variable.low, values, side="right") - 1
        return np.where(self.inside(variable, values), codes, -1).astype(np.int32)

    def inside(self, variable: Variable, values: Floats) -> NDArray[np.bool_]:
        """Which numbers are values, (n,)."""
        return np.asarray((values >= variable.least) & (values <= variable.most))

    def encode(self, variable: Variable, column: "pl.Series") -> Codes:
        import polars as pl

        if not column.dtype.is_numeric():
            return super().encode(variable, column)
        return variable.codes_of_numbers(column.cast(pl.Float64).fill_null(np.nan).to_numpy())

    def encode_as_drawn(self, variable: Variable, column: "pl.Series") -> NDArray[np.integer[Any]] | None:
        if not column.dtype.is_numeric():
            return super().encode_as_drawn(variable, column)
        values = column.to_numpy()
        within = values.min() >= variable.least and values.max() <= variable.most
        return self.codes_within(variable, column, values) if within else None

    def codes_within(self, variable: Variable, column: "pl.Series", values: NDArray[Any]) -> NDArray[np.integer[Any]] | None:
        """Bins of a column's numbers, none of which lies outside; None where there is no way that is sooner than searching."""
        raise NotImplementedError

    def from_text(self, column: "pl.Series") -> "pl.Series":
        import polars as pl

        return as_numbers(column) if column.dtype == pl.String else column

    def numbers_of(self, column: "pl.Series") -> "pl.Series":
        import polars as pl

        if column.dtype.is_numeric():
            return column.cast(pl.Float64).fill_nan(None)
        return column.cast(pl.String).str.strip_chars().cast(pl.Float64, strict=False)

    # --- Values that are drawn and written

    def draw(self, variable: Variable, codes: Codes, decay: Floats, random: np.random.Generator) -> Floats | Counts:
        return self.numbers(variable, codes, random.random(len(codes)), decay)

    def numbers(self, variable: Variable, codes: Codes, u: Floats, decay: Floats) -> Floats | Counts:
        # A bin holds whole steps of 10^-decimals, from `low` to `high`; a share u of its values lies below the quantile u.
        scale = 10.0**variable.decimals
        low, high = variable.low, variable.high
        if variable.missing:  # no number is drawn that anybody sees
            low, high = np.nan_to_num(low, nan=variable.least), np.nan_to_num(high, nan=variable.least)
        first, steps = np.rint(low * scale), np.rint((high - low) * scale) + 1
        at = codes.astype(np.intp)
        along = u * steps[at]
        fallen = np.abs(decay) * steps / scale
        curved = fallen > 1e-9
        if curved.any():
            rows = np.flatnonzero(curved[at])
            there = at[rows]
            fell = -np.log1p(u[rows] * np.expm1(-fallen)[there]) / np.where(curved, fallen, 1.0)[there]
            along[rows] = np.minimum(np.where(decay[there] < 0, 1 - fell, fell), BELOW_ONE) * steps[there]
        np.floor(along, out=along)
        along += first[at]
        return self.of_steps(along, scale)

    def of_steps(self, steps: Floats, scale: float) -> Floats | Counts:
        """Values that are so many steps, in the type that records hold; `steps` may be used up."""
        return steps / scale

    def column(self, variable: Variable, codes: Codes, numbers: Floats | Counts | None) -> "pl.Series":
        import polars as pl

        return pl.Series(variable.name, numbers)

    # --- Bins

    def cut(self, variable: Variable, edges: Iterable[float], n_slices: int) -> Variable | None:
        step, lowest, most = 10.0**-variable.decimals, variable.low[: variable.n_valued], variable.most
        inside = [edge for edge in edges if lowest[0] < edge <= most]
        low = np.unique(np.round([*lowest, *np.ceil(np.round(np.array(inside) / step, 6)) * step], variable.decimals))
        if n_slices > 1:
            below = np.append(low[1:], most + step)
            least = max(abs(low[0]), abs(below[-1])) / REACH
            cuts = np.concatenate([_cuts(a, b, max(least, 2 * step), n_slices) for a, b in zip(low, below, strict=True)])
            low = np.unique(np.round(np.floor(np.round(cuts / step, 6)) * step, variable.decimals))
        if len(low) == len(lowest):
            return None
        high = np.append(np.round(low[1:] - step, variable.decimals), most)
        labels = tuple(_span(a, b, last=i == len(low) - 1) for i, (a, b) in enumerate(zip(low, high, strict=True)))
        finer = replace(variable, labels=labels, low=low, high=high, missing=False)
        return finer.with_missing(variable.labels[-1]) if variable.missing else finer

    # --- Words for people

    def extent(self, variable: Variable) -> str:
        return f"{variable.name} goes from {as_text(variable.least)} to {as_text(variable.most)}"

    def described(self, variable: Variable, shortened: Shortened) -> str:
        span = f"from {number(variable.least)} to {number(variable.most)}"
        unit = f" in {variable.unit.strip()}" if variable.unit.strip() else ""
        if all(variable.low[: variable.n_valued] == variable.high[: variable.n_valued]):
            return f"{self.one(variable)} {span}{unit}, each value by itself"
        bins = f"in {plural(variable.size, 'bin')}: {shortened([_bin(variable, code) for code in range(variable.size)])}"
        return f"{self.one(variable)} {span}{unit}, {bins}"

    def one(self, variable: Variable) -> str:
        """What one value is."""
        raise NotImplementedError

    def band(self, low: float, below: float) -> str:
        return f"{number(low)} to under {number(below)}"

    # --- What a model is asked and answers

    def range_schema(self, variable: Variable) -> dict[str, Any]:
        return {"type": self.name, "minimum": variable.least, "maximum": variable.most}

    def overlap(self, variable: Variable, low: float, high: float) -> Floats:
        return np.nan_to_num(np.maximum(np.minimum(high, variable.high) - np.maximum(low, variable.low), 0), nan=0.0)


class BinnedDeclared(DeclaredValues):
    """A variable whose values are numbers inside bins, as a spec declares it."""

    kind: ClassVar[BinnedKind]
    unit: str = Field("", description="Unit of the values, for example USD/year.")
    labels: list[Label] | None = Field(None, description="One label a bin; made from the edges unless given.")

    def understood(self) -> dict[str, Any]:
        variable = self.of_values("")
        return {"bins": [float(edge) for edge in variable.low], "labels": list(variable.labels)}

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
            check_labels(self.labels)


def _cuts(low: float, below: float, least: float, n_slices: int) -> Floats:
    """First values of a bin's slices, the bin ending before `below`: in equal ratios, so that a mean finds them wherever it is.

    Equal ratios of values far from 0 are next to equal widths. Values nearer to 0 than `least` are not told apart by them. A
    bin with long ratios is cut in equal widths besides, halved towards its other end, since its mean may also lie there.
    """
    if low < 0 < below:
        return np.concatenate([_cuts(low, 0.0, least, n_slices), _cuts(0.0, below, least, n_slices)])
    near, far = sorted([abs(low), abs(below)])
    shift = max(least - near, 0.0)
    ratio = (far + shift) / (near + shift)
    n = n_slices if ratio <= LONG else max(n_slices, LONG_SLICES)
    away = (near + shift) * ratio ** (np.arange(n + 1) / n) - shift
    if ratio > LONG:
        equal = np.linspace(near, far, n_slices + 1)[1:]
        away = np.union1d(away[:-1], np.append(equal, far - (far - near) / n_slices / 2.0 ** np.arange(1, 4)))
    return np.append(low, away[1:-1]) if low >= 0 else np.append(low, -away[-2:0:-1])


def _span(low: float, high: float, *, last: bool) -> str:
    first, final = as_text(float(low)), as_text(float(high))
    if low == high:
        return first
    return f"{first}+" if last else f"{first}-{final}" if low >= 0 else f"{first} to {final}"


def _bin(variable: Variable, code: int) -> str:
    """A bin by its label; with its edges, where the label was not made from them."""
    label, low, high = variable.labels[code], float(variable.low[code]), float(variable.high[code])
    beyond = as_text(float(variable.low[code + 1])) if code + 1 < variable.n_valued else as_text(high)
    if np.isnan(low):
        return label
    made = (as_text(low), f"{as_text(low)}-{as_text(high)}", f"{as_text(low)}+", f"{as_text(low)} to {beyond}")
    return label if label in made else f"{label} ({number(low)} to {number(high)})"
