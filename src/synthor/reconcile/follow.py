"""Tables that follow others which were changed on purpose: scaled to the new number of rows, then fitted to what these say.

The changed tables keep their cells. Each other one is scaled to as many rows as there are now, and becomes the nearest to that
which agrees with the changed tables, and with those that followed before it, over everything that they share
(`problem.fitting`). Tables that share most with the changed ones come first, so that what hangs on these hands it on to the
others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.errors import Finding
from synthor.problem import Stated, Statements, Target, inexact, shared_over_areas
from synthor.problem.demand import EDGE
from synthor.problem.fitting import BandTotals, distance, fitted_to, is_broken
from synthor.reconcile.tables import are_whole, demands_on, whole_near
from synthor.types import Floats

CURE = "give another table in its place (`table:`), or do without it (`leave_out: true`)"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FollowedTable:
    """What became of a table that was not changed itself.

    Attributes:
        stated: as it was read.
        target: what it says now; None where it holds as it is written.
        factor: that all its figures are scaled by as they are printed, since some are not told; None where they are not.
        fitted: whether its cells changed beyond scaling.
        moved: rows that are in another cell than scaling alone had put them.
    """

    stated: Stated
    target: Target | None = None
    factor: float | None = None
    fitted: bool = False
    moved: float = 0.0


def following(
    found: Statements, changed: Mapping[int, Target], kept: Mapping[int, Target], whole: float
) -> tuple[tuple[FollowedTable, ...], tuple[Finding, ...]]:
    """Let tables of the same rows follow those that were changed.

    Args:
        found: tables as they were read.
        changed: new tables, by position in the spec.
        kept: tables that stay as they are, likewise.
        whole: how many rows there are now.

    Returns:
        What became of each other table, and why some could not follow; nothing must be used then.
    """
    own = own_tables(found)
    columns = {column for target in changed.values() for column in target.columns}
    rest = [stated for at, stated in own.items() if at not in changed and at not in kept]
    near_first = sorted(rest, key=lambda one: (-len(columns.intersection(one.target.columns)), one.position))
    large_first = sorted(rest, key=lambda one: (-one.target.grid.size, one.position))
    first = made, refused = _in_order(near_first, found, changed, kept, whole)
    if refused:  # whole numbers of small tables may leave none for large ones
        made, refused = _in_order(large_first, found, changed, kept, whole)
    return first if refused else (made, ())


def _in_order(
    rest: Sequence[Stated], found: Statements, changed: Mapping[int, Target], kept: Mapping[int, Target], whole: float
) -> tuple[tuple[FollowedTable, ...], tuple[Finding, ...]]:
    """The same, one table after the other; those with margins of error come last."""
    own = own_tables(found)
    now = replace(found, whole=whole)
    factor = whole / found.whole if np.isfinite(found.whole) and found.whole else 1.0
    fixed = {**changed, **kept}
    settled = [replace(own[at], target=target) for at, target in fixed.items() if target.sigma is None]
    moved_by = [(stated.target, changed[at]) for at, stated in own.items() if at in changed]
    made, refused = [], []
    for stated in sorted(rest, key=lambda one: one.target.sigma is not None):
        scaled = replace(stated, target=stated.target.scaled(factor))
        if stated.target.sigma is not None:
            one: FollowedTable | Finding = _grown(stated, scaled.target, moved_by, now)
        else:
            one = _followed(stated, scaled.target, demands_on(scaled, settled, now), factor)
        if isinstance(one, Finding):
            refused.append(one)
            continue
        made.append(one)
        after = scaled.target if one.target is None else one.target
        if after.sigma is None:
            settled.append(replace(stated, target=after))
        if one.fitted:
            moved_by.append((stated.target, after))
    return tuple(made), tuple(refused)


def own_tables(found: Statements) -> dict[int, Stated]:
    """The tables of counts and shares by their position in the spec, without the totals that go by them."""
    own: dict[int, Stated] = {}
    for stated in found.tables:
        own.setdefault(stated.position, stated)
    return own


def _followed(stated: Stated, scaled: Target, demands: Sequence[BandTotals], factor: float) -> FollowedTable | Finding:
    """A table scaled and fitted to demands; or why it cannot be."""
    broken = [demand for demand in demands if is_broken(scaled, demand)]
    as_printed = scaled.statistic.word in ("share", "shares") or abs(factor - 1) * float(scaled.wanted.sum()) <= inexact(1.0)
    if as_printed and not broken:
        return FollowedTable(stated=stated)
    where = stated.file or stated.place
    names = ", ".join(dict.fromkeys(demand.by for demand in broken)) or "the number of records"
    if scaled.hidden and not broken:
        return FollowedTable(stated=stated, factor=factor)
    if scaled.hidden:
        message = f"'{scaled.name}' has cells that are not told, so its cells cannot follow {names}"
        return Finding(where=where, message=message, cure=CURE)
    start = scaled.wanted[: len(scaled.grid.cells)]
    fitted = fitted_to(start, demands)
    if fitted is None:
        message = f"'{scaled.name}' cannot follow {names}: its cells of 0, or other tables, leave no way"
        return Finding(where=where, message=message, cure=CURE)
    moved = distance(start, fitted)
    word = scaled.statistic.word
    # Tables that rules tie to each other (household types and sizes) agree in fractions when all grow alike; rounded, each by
    # itself, they would contradict each other by a row. Either whole number beside a fraction is met.
    if word == "shares" or (word == "count" and are_whole(stated.target.wanted) and moved > 0.5):
        rounded = whole_near(fitted, demands)
        if rounded is None:
            message = f"no whole numbers were found with which '{scaled.name}' follows {names}"
            return Finding(where=where, message=message, cure=CURE)
        fitted = rounded
    return FollowedTable(stated=stated, target=_told(scaled, fitted), fitted=moved > 0.5, moved=moved)


def _grown(stated: Stated, scaled: Target, moved_by: Sequence[tuple[Target, Target]], now: Statements) -> FollowedTable:
    """A table with margins of error: cells and margins grow as the changed table does that shares most variables with it."""
    n = len(scaled.grid.cells)
    before = stated.target.wanted[:n]
    shared = [
        (old, new, of)
        for was, is_now in moved_by
        for (old, of), (new, _) in zip(
            shared_over_areas(scaled, was, now.zones, now.level),
            shared_over_areas(scaled, is_now, now.zones, now.level),
            strict=True,
        )
    ]
    after = scaled.wanted[:n]
    if shared:
        old, new, of = max(shared, key=lambda one: len(one[0].names))
        told, scaling = old.second.wanted > 0, float(after.sum() / max(before.sum(), EDGE))
        growth = np.divide(new.second.wanted, old.second.wanted, out=np.full(len(told), scaling), where=told)
        after = before * np.append(growth, scaling)[of]
    if np.allclose(after, before, rtol=0, atol=EDGE):
        return FollowedTable(stated=stated)
    assert scaled.sigma is not None and stated.target.sigma is not None
    grown = np.divide(after, before, out=np.ones(n), where=before > 0)
    sigma = np.append(stated.target.sigma[:n] * grown, scaled.sigma[n:])
    moved = distance(scaled.wanted[:n], after)
    return FollowedTable(stated=stated, target=replace(_told(scaled, after), sigma=sigma), fitted=moved > 0.5, moved=moved)


def _told(target: Target, cells: Floats) -> Target:
    """The same table with other numbers of rows."""
    closed = np.zeros(int(target.grid.closed))
    return replace(target, wanted=np.append(cells, closed), rounding=0.0, bounds=None)
