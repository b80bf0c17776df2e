"""What kinds of target there are, and what a table says as each of them."""

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np

from synthor.errors import Finding
from synthor.problem.agree import shown
from synthor.problem.counts import counts
from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.marginals import inexact
from synthor.problem.printed import z_of
from synthor.problem.reader import Reader, Reading, n_errors
from synthor.problem.shares import shares_by
from synthor.problem.target import Target
from synthor.problem.totals import Filled
from synthor.schema import Level, of_unit
from synthor.schema.text import as_text, number_of

VALUE = "value"


def read_target(
    reading: Reading, level: Level, n_units: float, findings: list[Finding], off: list[Finding]
) -> tuple[Target, ...]:
    """What a table says: itself, and totals over what it does not tell; nothing, and findings, where it is not understood.

    A table of all records that adds up to another number is understood all the same; that it does is added to `off`.
    """
    before = n_errors(findings)
    reader = Reader(reading, level, n_units, findings, before)
    if reading.written.count is not None:
        found: Target | None = _number_of_rows(reader)
    elif reading.written.quantiles:
        found = _quantiles(reader)
    elif reading.written.statistic:
        found = _statistic(reader)
    elif reading.written.by:
        found = shares_by(reader)
    else:
        found = counts(reader)
    if reader.failed or found is None:
        return ()
    off += reader.off
    return (found, *reader.sums)


def _number_of_rows(reader: Reader) -> Target:
    """How many rows there are: a table of one cell."""
    value, none = np.array([float(reader.written.count or 0)]), np.zeros(1, bool)
    table = Filled(values=value, low=value, high=value, unknown=none, silent=none)
    grid = TargetGrid(axes=(), universe=reader.universe())
    margin = reader.written.margin_of_error
    sigma = margin / z_of(reader.written.confidence) if isinstance(margin, float) else 0.0
    found = reader.target("count", grid, table, np.array([sigma]), 1.0, 0.0)
    if found.whole and math.isfinite(reader.whole) and abs(value[0] - reader.whole) > inexact(reader.whole):
        message = f"counts {shown(value[0])} {reader.level.name}, but {reader.reading.whole} is {shown(reader.whole)}"
        cure = "correct one of them, leave one out, or say with `where` which of them it counts"
        reader.add(message, cure, found=float(value[0]), expected=reader.whole)
        reader.off.append(reader.findings.pop())
    return found if reader.written.name else replace(found, name=f"number of {reader.level.name}")


def _quantiles(reader: Reader) -> Target | None:
    """Quantile points are the edges of bands whose shares are known."""
    position = reader.level.position(str(reader.written.quantiles))
    variable = reader.level.finest(position)
    pairs = sorted((number_of(as_text(share)), value) for share, value in (reader.written.values or {}).items())
    shares, edges = np.array([share for share, _ in pairs]), np.array([value for _, value in pairs])
    if not np.isfinite(shares).all() or (shares <= 0).any() or (shares >= 1).any():
        worst = next((as_text(share) for share, _ in pairs if not 0 < share < 1), "")
        cure = "write {0.25: 24000, 0.5: 47000}" + ("; 25% is 0.25" if np.isfinite(shares).all() and shares.max() > 1 else "")
        reader.add(f"quantiles are given for shares between 0 and 1, not {worst}", cure, label=worst)
    elif (np.diff(edges) <= 0).any():
        at = int(np.flatnonzero(np.diff(edges) <= 0)[0])
        (a, below), (b, above) = pairs[at], pairs[at + 1]
        what = f"quantiles must rise: {as_text(b)} is at {as_text(above)}, {as_text(a)} at {as_text(below)}"
        reader.add(what, "correct one of them", label=as_text(b), found=above, expected=below)
    elif (edges <= variable.least).any() or (edges > variable.most).any():
        low, high = as_text(variable.least), as_text(variable.most)
        worst_edge = next(edge for edge in edges.tolist() if edge <= variable.least or edge > variable.most)
        what = f"a quantile at {as_text(worst_edge)} lies outside of {variable.name}'s range"
        if worst_edge == variable.least:
            what = f"a quantile at {as_text(worst_edge)}, the smallest value of {variable.name}: nobody is below it"
        reader.add(what, f"{variable.name} goes from {low} to {high}", found=worst_edge)
    else:
        bands = np.searchsorted(edges, variable.low, side="right").astype(np.int32)
        texts = [as_text(float(edge)) for edge in edges]
        labels = (
            f"under {texts[0]}",
            *(f"{a} to {b}" for a, b in pairwise(texts)),
            f"{texts[-1]} and more",
        )
        axis = Axis(
            position=position, ref=of_unit(reader.level.column(position)), variable=variable, labels=labels, group_of=bands
        )
        parts = np.diff(np.concatenate([[0.0], shares, [1.0]]))
        universe = reader.universe()
        if universe is None and math.isfinite(reader.n_units):
            none = np.zeros(len(parts))
            table = Filled(values=parts, low=parts, high=parts, unknown=none > 0, silent=none > 0)
            return reader.target("share", TargetGrid(axes=(axis,)), table, none, float(reader.n_units), 0.0)
        inside = TargetGrid(axes=(), universe=universe)
        return reader.shares(inside, axis, parts[None, :], np.zeros((1, len(parts))), 5e-4)
    return None


def _statistic(reader: Reader) -> Target | None:
    kind = reader.written.statistic
    assert kind is not None
    name = str(reader.written.of)
    measure = reader.measure((kind, VALUE))
    names = reader.names(measure)
    axes = reader.axes(names, measure)
    if measure is None or axes is None:
        return None
    if reader.written.by is not None and sorted(reader.written.by) != sorted(names):
        reader.add(f"its columns are {', '.join(names) or 'none'}, but by is {', '.join(reader.written.by)}", "make them equal")
    if reader.too_large(axes):
        return None
    rows = reader.listed(axes, measure, signed=kind != "sd")
    if rows.totals:
        row = rows.totals[0].row
        reader.warn(f"totals are left out (first in row {row}); write a target without that side if they say something new")
    if name in names:
        reader.add(f"{kind} of {name} cannot be given by {name}", "leave that column out")
    if reader.failed:
        return None
    grid = TargetGrid(axes=axes, universe=reader.universe())
    wanted, sigma = np.full(grid.size, np.nan), np.zeros(grid.size)
    wanted[rows.cells], sigma[rows.cells] = rows.values, rows.sigma
    half = 0.5 * 10.0**-rows.decimals
    position = reader.level.position(name)
    variable = reader.level.variables[position]
    low, high = variable.least, variable.most
    outside = np.asarray((wanted < low) | (wanted > high))
    if kind == "mean" and outside.any():
        worst = float(wanted[outside][0])
        message = f"a mean of {as_text(worst)} lies outside of {name}'s range"
        reader.add(
            message, f"{name} goes from {as_text(low)} to {as_text(high)}", found=worst, expected=min(max(worst, low), high)
        )
        return None
    return reader.statistic(kind, grid, position, wanted, sigma, half)
