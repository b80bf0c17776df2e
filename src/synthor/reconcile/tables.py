"""Tables rescaled onto each other: the one that gives way is fitted to what those before it say, and made whole again.

Tables of units come first, then those of members, of whom these say how many there are (`problem.between`). Of each kind of
rows, tables are taken in the order in which they are trusted (`trusted`). The first keeps its cells. Each further one is
compared with all before it, over everything that they share; where it differs, it is fitted to them (`problem.fitting`). Then
whole numbers with the same bands are found by the rounding that also makes records (`sample.integerize`).
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from synthor.errors import Finding
from synthor.problem import Count, Demanded, Stated, Statements, Target, inexact, shared_over_areas, shown
from synthor.problem.between import Claim, asked_of
from synthor.problem.demand import EDGE
from synthor.problem.fitting import BandTotals, distance, fitted_to, is_broken
from synthor.sample.integerize import integerize
from synthor.schema import Partition
from synthor.types import CellIndex, Floats

LIMIT = 0.01
"""A table is moved by no more than its own tolerance or rounding allows, or by this share of its total if that is more."""

SPARES = (0, 1, 3, 10, 100)
"""Counts that are taken off each cell and dealt out anew, until whole numbers are found."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Changed:
    """A table that gave way.

    Attributes:
        stated: as it was read.
        after: (c,) whole count of each of its cells.
        why: what it was fitted to.
        moved: records that change their cell, are added or left out.
    """

    stated: Stated
    after: Floats
    why: str
    moved: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Reconciled:
    """What became of the tables.

    Attributes:
        changed: those that gave way, in the order of trust.
        refused: why some could not; nothing must be used then.
        tables: all of them, those that gave way as they are now.
    """

    changed: tuple[Changed, ...]
    refused: tuple[Finding, ...] = ()
    tables: tuple[Stated, ...] = ()


def reconciled(found: Statements, claims: Sequence[Claim] = ()) -> Reconciled:
    """Rescale tables onto each other and to the number of records.

    Tables with margins of error stay as they are, and nothing is fitted to them: they are met within their margins anyway.

    Args:
        found: tables that can be understood each by itself.
        claims: what tables of the levels above, and the spec, say of how many such rows there are.
    """
    own: dict[int, Stated] = {}
    for stated in found.tables:
        own.setdefault(stated.position, stated)  # a table comes before its totals
    order = trusted([stated for stated in own.values() if stated.target.sigma is None], found)
    found = replace(found, whole=_as_claimed(_whole(order, found), claims))
    settled: list[Stated] = []
    changed, refused = [], []
    for stated in order:
        demands = demands_on(stated, settled, found)
        demands += [demand for claim in claims for demand in asked_of(claim, stated, found.view.schema)]
        broken = [demand for demand in demands if is_broken(stated.target, demand)]
        change = _moved(stated, demands, broken) if broken else _inside(stated)
        if change is None:
            settled.append(stated)
        elif isinstance(change, Finding):
            refused.append(change)
        else:
            changed.append(change)
            settled.append(replace(stated, target=_with(stated.target, change.after)))
    now = {stated.position: stated for stated in settled}
    tables = tuple(now[one.position] if own[one.position] is one and one.position in now else one for one in found.tables)
    return Reconciled(changed=tuple(changed), refused=tuple(refused), tables=tables)


def _whole(order: Sequence[Stated], found: Statements) -> float:
    """How many rows there are: as the spec says it of units; of others what the table says that is trusted most."""
    if not found.view.level and not found.view.roles:
        return found.whole
    told = (stated.target for stated in order if stated.target.whole and stated.target.statistic.word == "count")
    return next((float(target.wanted.sum()) for target in told), found.whole)


def _as_claimed(whole: float, claims: Sequence[Claim]) -> float:
    """How many rows there are, as near to a number as claims about all of them let it be."""
    for claim in claims:
        if claim.such is None and np.isfinite(whole):
            low, high = float(claim.ends.low[0]), float(claim.ends.high[0])
            whole = min(max(whole, float(np.ceil(low - EDGE))), float(np.floor(high + EDGE)))
    return whole


def _inside(stated: Stated) -> Changed | None:
    """A table of areas moved inside its tolerance so that levels add up (`problem.adding_up`); None of others."""
    target = stated.target
    n = len(target.grid.cells)
    if (
        target.aim is None
        or target.statistic.word != "count"
        or not are_whole(target.aim)
        or np.array_equal(target.aim[:n], target.wanted[:n])
    ):
        return None
    moved = distance(target.wanted[:n], target.aim[:n])
    return Changed(stated=stated, after=np.rint(target.aim[:n]), why="made to add up inside its tolerance", moved=moved)


def are_whole(numbers: Floats) -> bool:
    """Whether all numbers of a table are whole."""
    return bool((np.abs(numbers - np.rint(numbers)) <= EDGE).all())


def trusted(tables: Sequence[Stated], found: Statements) -> list[Stated]:
    """Tables in the order in which they are trusted.

    First those that say `as_of`, the newest first; then those of the region, and of larger areas; then those that add up to the
    number of records; then by how many tables of the same records add up to the same; then the larger; then as the spec has
    them.
    """
    totals, whole, zones = {id(stated): float(stated.target.wanted.sum()) for stated in tables}, found.whole, found.zones

    def smaller(stated: Stated) -> int:
        level = None if zones is None else zones.level(stated.target)
        return 0 if zones is None or level is None else len(zones.names) - level

    def agreeing(stated: Stated) -> int:
        alike = [other for other in tables if other.target.grid.covers == stated.target.grid.covers]
        return sum(abs(totals[id(other)] - totals[id(stated)]) <= inexact(whole) for other in alike)

    def rank(stated: Stated) -> tuple[int, bool, int, bool, float, int]:
        total, loose = totals[id(stated)], stated.target.bounds is not None
        return smaller(stated), abs(total - whole) > inexact(whole), -agreeing(stated), loose, -total, stated.position

    return sorted(sorted(tables, key=rank), key=lambda stated: stated.date, reverse=True)


def demands_on(stated: Stated, settled: Sequence[Stated], found: Statements) -> list[BandTotals]:
    """What the tables before one, and the number of records, ask of it."""
    target = stated.target
    demands = []
    if target.grid.covers and np.isfinite(found.whole):
        total = np.array([found.whole])
        units = not found.view.level and not found.view.roles
        name = "the number of records" if units else f"the count of {found.view.name}"
        demands.append(BandTotals.of(_everything(target), total, total, name))
    for other in settled:
        for shared, of in shared_over_areas(target, other.target, found.zones, found.level):
            if not shared.names and target.grid.covers:
                continue  # that is the number of records
            demands.append(BandTotals.of(of, shared.second.low, shared.second.high, other.shown))
    return demands


def _everything(target: Target) -> CellIndex:
    return np.zeros(len(target.grid.cells), np.int64)


def _moved(stated: Stated, demands: Sequence[BandTotals], broken: Sequence[BandTotals]) -> Changed | Finding:
    """A table fitted to demands; or why it is not."""
    target = stated.target
    names = ", ".join(dict.fromkeys(demand.by for demand in broken))
    published = target.wanted[: len(target.grid.cells)]
    where = stated.file or stated.place
    if target.hidden or target.statistic.word == "shares":
        what = "has cells that are not told" if target.hidden else "gives shares inside areas"
        message = f"'{target.name}' {what}, and differs from {names}"
        return Finding(where=where, message=message, cure="correct one of them by hand")
    fitted = fitted_to(published, demands)
    if fitted is None:
        message = f"'{target.name}' cannot be fitted to {names}: its cells of 0 leave no way to meet them"
        return Finding(where=where, message=message, cure="correct one of them by hand")
    moved, limit, total = distance(published, fitted), _limit(target), float(published.sum())
    if moved > limit + inexact(total):
        message = (
            f"'{target.name}' would have to move {shown(round(moved, 1))} of {shown(total)} records "
            f"({100 * moved / max(total, 1.0):.1f}%) to agree with {names}, more than the {shown(round(limit, 1))} allowed"
        )
        cure = "see which of them is right; a `tolerance` of its own allows more"
        return Finding(where=where, message=message, cure=cure, found=moved, expected=limit)
    after = whole_near(fitted, demands)
    if after is None:
        message = f"no whole numbers were found for '{target.name}' that agree with {names}"
        return Finding(where=where, message=message, cure="correct one of them by hand")
    return Changed(stated=stated, after=after, why=f"fitted to {names}", moved=distance(published, after))


def _limit(target: Target) -> float:
    own = target.rounding * len(target.wanted)
    if target.bounds is not None:
        own = max(own, float((target.bounds[1] - target.wanted).sum()))
    return max(own, LIMIT * float(target.wanted.sum()))


def _with(target: Target, counts: Floats) -> Target:
    closed = np.zeros(int(target.grid.closed))
    return replace(target, wanted=np.append(counts, closed), statistic=Count(), rounding=0.0, bounds=None)


def whole_near(fitted: Floats, demands: Sequence[BandTotals]) -> Floats | None:
    """Whole cells near the fitted ones that meet all demands; None where none are found."""
    for spare in SPARES:
        base = np.maximum(np.floor(fitted + 1e-6) - spare, 0.0)
        rest = np.maximum(fitted - base, 0.0)
        rest[rest < 1e-6] = 0.0
        n_rest = round(float(fitted.sum() - base.sum()))
        if not n_rest:
            found = base
        else:
            open_cells = np.flatnonzero(rest)
            parts = [_left(demand, base, open_cells) for demand in demands]
            random = np.random.default_rng(0)  # part of the answer: the same tables are always rounded alike
            weights = rest[open_cells] / rest[open_cells].sum()
            dealt = integerize(weights, n_rest, parts, np.arange(len(open_cells)), random)
            found = base.copy()
            found[open_cells] += dealt.counts
        if all(_is_met(found, demand) for demand in demands):
            return found
    return None


def _left(demand: BandTotals, base: Floats, kept: CellIndex) -> Demanded:
    """What is left of a demand for some cells, once all have their base."""
    low, high = demand.demand.whole
    have = demand.cells.totals(base)
    return Demanded.between(Partition(demand.band[kept], len(low)), low - have, high - have)


def _is_met(cells: Floats, demand: BandTotals) -> bool:
    low, high = demand.demand.whole
    have = demand.cells.totals(cells)
    return bool(((have >= low - 0.5) & (have <= high + 0.5)).all())
