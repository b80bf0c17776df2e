"""Shares of a variable inside the categories of others."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

import numpy as np

from synthor.errors import nearest
from synthor.problem.agree import shown
from synthor.problem.cells import beyond_rounding, placed
from synthor.problem.gaps import left_out, of_numbers_alone
from synthor.problem.grid import Axis, TargetGrid
from synthor.problem.reader import Reader
from synthor.problem.rows import Listed, PrintedTotal
from synthor.problem.sides import TOTAL
from synthor.problem.target import Target
from synthor.problem.totals import Room, by_sides, chosen
from synthor.types import Floats, Mask

HALVINGS, NEARLY = 60, 1e-9
"""Halvings of the range of a factor, and how near to one a sum then comes."""


def shares_by(reader: Reader) -> Target | None:
    """Shares of the last variables inside each category of the first: each adds up to one."""
    measure = reader.measure(("share",))
    axes = _axes(reader, measure)
    if measure is None or axes is None or reader.too_large(axes):
        return None
    rows = reader.listed(axes, measure)
    if reader.failed:
        return None
    shape = (math.prod(axis.size for axis in axes[:-1]), axes[-1].size)
    values, sigma, listed = (
        placed(rows.cells, part, shape[0] * shape[1]).reshape(shape)
        for part in (rows.values, rows.sigma, np.ones(len(rows.cells)))
    )
    hidden, shares = np.isnan(values), np.nan_to_num(values)
    n_whole = int((listed.any(axis=1) & ~hidden.any(axis=1)).sum())
    whole = 100.0 if shares[~hidden.any(axis=1)].sum() > 1.5 * n_whole or (shares > 1.5).any() else 1.0
    half = 0.5 * 10.0**-rows.decimals
    totals, _ = chosen(rows, Room(fixed=half), [axis.labels for axis in axes], reader.warn)
    _check_totals(reader, axes, totals, shares, hidden, half)
    rest = whole - shares.sum(axis=1)
    alone = (hidden.sum(axis=1) == 1) & (rest >= 0)
    _check_rests(reader, axes, rows, np.where(alone, rest, np.nan), half * shape[1])
    shares = np.where(hidden & alone[:, None], rest[:, None], shares)  # one that is not told is what the others leave
    several = listed.any(axis=1) & (hidden.sum(axis=1) > 1)
    if several.any():
        first = ", ".join(TargetGrid(axes=axes[:-1]).labels(int(np.flatnonzero(several)[0])).values())
        reader.warn(f"several shares inside ({first}) are not told, so none of them is used")
    given = listed.any(axis=1) & ~several
    _check_sums(reader, axes, shares / whole, (listed > 0) & ~hidden, given, half / whole, whole)
    printed = np.where(given[:, None], shares / whole, np.nan)
    grid = TargetGrid(axes=axes[:-1], universe=reader.universe())
    if told := left_out(reader, axes[-1], grid.universe):
        name = axes[-1].variable.name
        reader.warn(
            f"its labels leave out {told} of {name}, so its shares are of the other records only; close the gap if it is a slip"
            + of_numbers_alone(axes[-1])
        )
    wanted = adding_up(printed, half / whole)
    found = reader.shares(grid, axes[-1], wanted, sigma / whole, half / whole, unit=1 / whole, printed=printed)
    if reader.written.loose:
        reader.sums += _over(reader, axes, totals, whole, half)
    return found


def _over(
    reader: Reader, axes: tuple[Axis, ...], totals: Sequence[PrintedTotal], whole: float, half: float
) -> Iterator[Target]:
    """Shares over all categories of some sides: with those inside each known only nearly, they say something of their own."""
    for kept, some in by_sides([total for total in totals if total.codes[-1] != TOTAL]).items():
        by = tuple(axis for axis, keep in zip(axes[:-1], kept[:-1], strict=True) if keep)
        shape = (math.prod(axis.size for axis in by), axes[-1].size)
        shares, sigma = np.full(shape, np.nan), np.zeros(shape)
        for total in some:
            codes = [code for code, keep in zip(total.codes[:-1], kept[:-1], strict=True) if keep]
            at = (int(np.ravel_multi_index(codes, [axis.size for axis in by])) if by else 0, total.codes[-1])
            shares[at], sigma[at] = total.value.value / whole, total.sigma / whole
        given = np.isfinite(shares).all(axis=1) & np.isfinite(sigma).all(axis=1)
        over = TargetGrid(axes=by, universe=reader.universe())
        _check_sums(reader, (*by, axes[-1]), np.nan_to_num(shares), np.isfinite(shares), given, half / whole, whole)
        shares[~given] = np.nan
        if reader.failed or not given.any():
            continue
        wanted = adding_up(shares, half / whole)
        made = reader.shares(over, axes[-1], wanted, np.where(given[:, None], sigma, 0.0), half / whole, unit=1 / whole)
        of = " by ".join(axis.variable.name for axis in by)
        yield replace(made, name=f"{reader.written.name} (totals{f' of {of}' if of else ''})") if reader.written.name else made


def adding_up(shares: Floats, half: float) -> Floats:
    """Shares stretched until each row adds up to one, none further from what was printed than its rounding, if that can be.

    Args:
        shares: (rows, categories) as printed; NaN where none are given.
        half: how far a share may be off because it was rounded.

    >>> adding_up(np.array([[0.9, 0.06, 0.06], [0.5, 0.25, 0.25]]), 0.01).round(4).tolist()
    [[0.89, 0.055, 0.055], [0.5, 0.25, 0.25]]
    """
    with np.errstate(invalid="ignore", divide="ignore"):
        stretched = shares / shares.sum(axis=1, keepdims=True)
        beyond = (np.abs(stretched - shares) > half).any(axis=1)
        if not beyond.any():
            return np.asarray(stretched)
        rows, least, most = shares[beyond], np.full((int(beyond.sum()), 1), 0.0), np.full((int(beyond.sum()), 1), 2.0)
        for _ in range(HALVINGS):
            factor = (least + most) / 2
            inside = np.clip(rows * factor, rows - half, np.where(rows > 0, rows + half, 0.0))
            few = inside.sum(axis=1, keepdims=True) < 1
            least, most = np.where(few, factor, least), np.where(few, most, factor)
        reached = np.abs(inside.sum(axis=1) - 1) < NEARLY
        inside /= inside.sum(axis=1, keepdims=True)
    stretched[beyond] = np.where(reached[:, None], inside, stretched[beyond])
    return np.asarray(stretched)


def _axes(reader: Reader, measure: str | None) -> tuple[Axis, ...] | None:
    """Sides of the table, the variable whose shares are given last; None, and a finding, where that is not clear."""
    by = list(reader.written.by or ())
    names = reader.names(measure)
    if measure is None:
        return None
    if twice := [name for name in dict.fromkeys(by) if by.count(name) > 1]:
        reader.add(f"by names {twice[0]} {by.count(twice[0])} times", "name each variable once", label=twice[0])
        return None
    if unknown := [name for name in by if name not in names]:
        reader.add(f"has no column '{unknown[0]}', which by names", nearest(unknown[0], names), label=unknown[0])
        return None
    of = [name for name in names if name not in by]
    if len(of) != 1:
        what = f"{len(of)} columns beside by ({', '.join(of)})" if of else "no column beside by"
        reader.add(what, "give shares of one variable by others")
        return None
    return reader.axes([*by, *of], measure)


def _check_sums(
    reader: Reader, axes: tuple[Axis, ...], shares: Floats, printed: Mask, given: Mask, half: float, whole: float
) -> None:
    """Shares inside each category must add up to one, as far as their printed decimals tell."""
    sums = shares.sum(axis=1)
    off = [beyond_rounding(float(gap), half, int(n)) for gap, n in zip(np.abs(sums - 1), printed.sum(axis=1), strict=True)]
    wrong = given & np.array(off, bool)
    stretched = np.flatnonzero(given & ~wrong & (np.abs(sums - 1) > 2 * half + 1e-9))  # one unit is common
    if len(stretched):
        first = ", ".join(TargetGrid(axes=axes[:-1]).labels(int(stretched[0])).values())
        more = f", and {len(stretched) - 1} more likewise" if len(stretched) > 1 else ""
        found = f"{sums[stretched[0]] * whole:.10g}, not to {whole:g}"
        reader.warn(f"shares inside ({first}) add up to {found}{more}; they were stretched")
    all_records = len(np.flatnonzero(given)) > 1 and abs(sums[given].sum() - 1) <= half * shares.size + 1e-9
    cure = "they look like shares of all records: leave `by` out" if all_records else "correct them"
    for row in np.flatnonzero(wrong):
        where = ", ".join(TargetGrid(axes=axes[:-1]).labels(int(row)).values())
        message = f"shares inside ({where}) add up to {sums[row] * whole:.10g}, not to {whole:g}"
        reader.add(message, cure, label=where, found=round(float(sums[row] * whole), 10), expected=whole)


def _check_totals(
    reader: Reader, axes: tuple[Axis, ...], totals: Sequence[PrintedTotal], shares: Floats, hidden: Mask, half: float
) -> None:
    """Totals inside one category must be those of its shares; totals over categories are left out, which is told."""
    by = TargetGrid(axes=axes[:-1])
    for total in totals:
        if TOTAL in total.codes[:-1]:
            continue
        at = int(np.ravel_multi_index(total.codes[:-1], by.shape))
        found, wanted = round(float(shares[at].sum()), 10), total.value.value
        if not hidden[at].any() and abs(found - wanted) > half * (shares.shape[1] + 1) + 1e-9:
            where = ", ".join(by.labels(at).values())
            message = f"the total of ({where}) is {shown(wanted)}, but its shares add up to {shown(found)}"
            reader.add(message, "correct the total or a share", row=total.row, label=where, found=found, expected=wanted)
    over = [total.row for total in totals if TOTAL in total.codes[:-1] and total.codes[-1] != TOTAL]
    if over and not reader.written.loose:
        names = " and ".join(axis.variable.name for axis in axes[:-1])
        reader.warn(f"shares over all of {names} (first in row {over[0]}) are left out: sizes of categories settle them")


def _check_rests(reader: Reader, axes: tuple[Axis, ...], rows: Listed, rests: Floats, room: float) -> None:
    """A share that is not told must be able to be what the others leave."""
    for cell, low, high, row in zip(
        rows.cells[~rows.told], rows.low[~rows.told], rows.high[~rows.told], rows.rows[~rows.told], strict=True
    ):
        rest = float(rests[cell // axes[-1].size])
        if rest < low - room or rest > high + room:
            where = ", ".join(TargetGrid(axes=axes).labels(int(cell)).values())
            bound, edge = ("at most", float(high)) if rest > high else ("at least", float(low))
            message = f"the others leave {rest:.10g} for ({where}), which is said to be {bound} {edge:.10g}"
            reader.add(message, "correct the others or it", row=int(row), label=where, found=rest, expected=edge)
