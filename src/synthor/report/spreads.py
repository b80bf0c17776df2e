"""How the values of each numeric variable lie in the records: a picture a variable, so that spikes and gaps are seen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.spread import Spread
from synthor.types import Floats

COLUMNS = 120
"""Columns of a picture at most; fine bins are shared out among them."""

WIDE, HIGH = 600, 100
"""Size of the area that is drawn on."""

LONG_TAIL = 20.0
"""A range is drawn by magnitudes where its largest value is so many times the median away from 0."""

TOWER = 4.0
"""A column is cut off where it is so many times as high as nine in ten of them."""

MOST_TOLD = 3
"""Columns that are cut off whose shares are told."""

MARK = 75
"""Least distance of two labels of the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SpreadView:
    """The picture of one variable.

    Attributes:
        name: of the variable.
        unit: of its values.
        outline: path of the columns, in a picture of `WIDE` by `HIGH`.
        towers: left edge and width of columns that are cut off.
        told: what these hold.
        edges: where declared bins begin, along the axis.
        marks: place and label of some of these.
        figures: names and values of some quantiles.
        magnitudes: whether the axis goes by magnitudes rather than by values.
        every: which of the records were looked at: every so many-th.
    """

    name: str
    unit: str
    outline: str
    towers: tuple[tuple[float, float], ...]
    told: tuple[str, ...]
    edges: tuple[float, ...]
    marks: tuple[tuple[float, str], ...]
    figures: tuple[tuple[str, str], ...]
    magnitudes: bool
    every: int


def view_spreads(spreads: Sequence[Spread]) -> tuple[SpreadView, ...]:
    """A picture of each variable that has values."""
    return tuple(_view(spread) for spread in spreads if spread.counts.any())


def short(value: float) -> str:
    """A number as an axis has room for it.

    >>> [short(value) for value in (0, 0.25, 999.5, -15000, 2_500_000, 3e9)]
    ['0', '0.25', '999.5', '−15k', '2.5M', '3G']
    """
    size = abs(value)
    for unit, letter in ((1e9, "G"), (1e6, "M"), (1e4, "k")):
        if size >= unit:
            return f"{value / min(unit, 1e3 if letter == 'k' else unit):.3g}{letter}".replace("-", "−")
    return f"{value:.4g}".replace("-", "−")


def _view(spread: Spread) -> SpreadView:
    variable, held = spread.variable, np.flatnonzero(spread.counts)
    first, last = int(held[0]), int(held[-1]) + 1
    low, high = float(spread.first[first]), float(spread.below[last - 1])
    scale = _scale(spread)

    def along(values: Floats) -> Floats:
        """Where values lie on the axis."""
        places = np.arcsinh(values / scale) if scale else values
        ends = np.arcsinh(np.array([low, high]) / scale) if scale else np.array([low, high])
        return np.asarray(WIDE * (places - ends[0]) / (ends[1] - ends[0]))

    n_values = round((high - low) * 10.0**variable.decimals)
    n_columns = min(COLUMNS, n_values)
    edges = along(np.append(spread.first[first:last], high))
    columns = np.linspace(0, WIDE, n_columns + 1)
    rising = np.concatenate([[0.0], np.cumsum(spread.counts[first:last])]) / spread.counts.sum()
    shares = np.diff(np.interp(columns, edges, rising))
    usual = float(np.quantile(shares[shares > 0], 0.9))
    top = min(float(shares.max()), TOWER * usual)
    heights = np.round(HIGH * np.minimum(shares / top, 1.0), 1)
    towers = np.flatnonzero(shares > top * (1 + 1e-9))
    highest = towers[np.argsort(-shares[towers], kind="stable")][:MOST_TOLD]
    starts = variable.low[(variable.low > low) & (variable.low < high)]
    return SpreadView(
        name=variable.name,
        unit=variable.unit,
        outline=_outline(np.round(columns, 1), heights),
        towers=tuple((round(float(columns[t]), 1), round(WIDE / n_columns, 1)) for t in towers),
        told=tuple(_told(spread, along, float(columns[t]), float(columns[t + 1]), float(shares[t])) for t in sorted(highest)),
        edges=tuple(np.round(along(starts), 1).tolist()),
        marks=_marks(along(starts), starts, low, high - 10.0**-variable.decimals),
        figures=tuple(
            (name, f"{value:,.{variable.decimals}f}".replace("-", "−"))
            for name, value in (
                ("smallest", spread.smallest),
                ("10% below", spread.quantile(0.1)),
                ("half below", spread.quantile(0.5)),
                ("90% below", spread.quantile(0.9)),
                ("largest", spread.largest),
            )
        ),
        magnitudes=bool(scale),
        every=spread.every,
    )


def _scale(spread: Spread) -> float:
    """Where an axis by magnitudes begins to be one; 0 where values themselves are drawn."""
    middle = (spread.first + spread.below) / 2
    size, order = np.abs(middle), np.argsort(np.abs(middle), kind="stable")
    weights = np.where(np.abs(spread.first) > 0, spread.counts, 0)[order]
    if not weights.any():
        return 0.0
    median = float(size[order][np.searchsorted(np.cumsum(weights), weights.sum() / 2)])
    furthest = max(abs(spread.smallest), abs(spread.largest))
    near = 0.0 if spread.smallest <= 0 <= spread.largest else min(abs(spread.smallest), abs(spread.largest))
    return median / 4 if furthest > LONG_TAIL * max(median, near) else 0.0


def _outline(columns: Floats, heights: Floats) -> str:
    """Path of a row of columns."""
    steps = "".join(f"V{HIGH - height:g}H{right:g}" for height, right in zip(heights, columns[1:], strict=True))
    return f"M0 {HIGH}{steps}V{HIGH}Z"


def _told(spread: Spread, along: Callable[[Floats], Floats], left: float, right: float, share: float) -> str:
    """Which values a column holds, and the share of records."""
    places = along(spread.first)
    inside = np.flatnonzero((along(spread.below) > left + 1e-6) & (places < right - 1e-6) & (spread.counts > 0))
    step = 10.0**-spread.variable.decimals
    first, last = float(spread.first[inside[0]]), float(spread.below[inside[-1]] - step)
    values = short(first) if last - first < step / 2 else f"{short(first)} to {short(last)}"
    return f"{values}: {share:.1%}"


def _marks(places: Floats, starts: Floats, low: float, high: float) -> tuple[tuple[float, str], ...]:
    """Labels of the axis: its ends, and first values of bins that have room between them."""
    marks = [(0.0, short(low))]
    for place, start in zip(places.tolist(), starts.tolist(), strict=True):
        if place - marks[-1][0] >= MARK and WIDE - place >= MARK:
            marks.append((round(place, 1), short(start)))
    return (*marks, (float(WIDE), short(high)))
