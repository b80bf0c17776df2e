"""Whether targets agree with each other and with the rules, as far as that can be seen without a solver."""

import itertools
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from synthor.errors import Finding
from synthor.problem.cures import TOLERANCES
from synthor.problem.demand import EDGE
from synthor.problem.grid import TargetGrid
from synthor.problem.marginals import (
    SIGMAS_APART,
    Shared,
    Stated,
    Sums,
    inexact,
    meeting,
    rounded_apart,
    shared_marginals,
    told_once,
)
from synthor.problem.model import Rule
from synthor.problem.target import Target
from synthor.rules.on_categories import truth
from synthor.rules.syntax import Predicate, names_in
from synthor.schema import Level, Variable
from synthor.schema.crossed import crossed, n_crossed
from synthor.types import CellIndex, Codes

MOST_COMBINATIONS = 2_000_000
"""Combinations of categories behind one table that are tried against the rules; more are left to the solver."""


def repeated_names(targets: Sequence[Target]) -> Iterator[Finding]:
    """Targets that are called the same."""
    for name, times in Counter(target.name for target in targets).items():
        if times > 1:
            yield Finding(where="targets", message=f"{times} targets are called '{name}'", cure="name them apart")


def loosened(targets: Sequence[Target], level: Level) -> Iterator[tuple[Target, Finding | None]]:
    """The targets; tables of shares that differ from another only by their own rounding become intervals, and are told."""
    kinds, number = told_once(targets)
    whole, roomy = [kind.whole for kind in kinds], [bool(kind.room.any()) for kind in kinds]
    pairs = [(a, b) for a, b in meeting(kinds) if whole[a] and whole[b] and (roomy[a] or roomy[b])]
    apart = {kind for a, b in pairs if rounded_apart(kinds[a], kinds[b], level) for kind in (a, b)}
    for target, kind in zip(targets, number, strict=True):
        if roomy[kind] and kind in apart:
            loose = (np.maximum(target.wanted - target.room, 0.0), target.wanted + target.room)
            if target.rounding > 0:
                message = "differs from another table by what its shares were rounded; its cells are met to their rounding"
            else:
                message = "its shares are no whole numbers of records; its cells are met to the next one, as other tables say"
            yield replace(target, bounds=loose), Finding(where=target.name, message=message, severity="warning")
        else:
            yield target, None


def disagreements(tables: Sequence[Stated], level: Level) -> Iterator[Finding]:
    """Tables of the same records must say the same of the variables that they share.

    Each pair is compared over every set of shared variables; where a small set differs already, larger ones are not told.
    Cells that are not told, tolerances and rounding are compared as intervals; margins of error by how many joint standard
    deviations lie between, and only as a warning.

    Args:
        tables: of counts or shares.
        level: that they count.
    """
    kinds, number = told_once([stated.target for stated in tables])
    of_kind: list[list[int]] = [[] for _ in kinds]
    for place, kind in enumerate(number):
        of_kind[kind].append(place)
    apart = {pair for pair in meeting(kinds) if _differ(kinds[pair[0]], kinds[pair[1]], level)}
    for i, j in sorted(tuple(sorted(places)) for a, b in apart for places in itertools.product(of_kind[a], of_kind[b])):
        a, b = tables[i], tables[j]
        if a.position != b.position:  # no table and its own totals
            yield from (_disagreement(a, b, shared) for shared in _differ(a.target, b.target, level))


def _differ(a: Target, b: Target, level: Level) -> list[Shared]:
    """What two tables say differently, over the smallest sets of variables."""
    both = a.whole and b.whole
    if both and (set(a.columns).isdisjoint(b.columns) or not rounded_apart(a, b, level)):
        return []
    told: list[frozenset[str]] = []
    found = []
    for shared in shared_marginals(a, b, level):
        names = frozenset(shared.names)
        if any(fewer <= names for fewer in told) or not shared.differs.any():
            continue
        told.append(names)
        if names or not both:  # totals of all records are told one by one
            found.append(shared)
    return found


def _disagreement(a: Stated, b: Stated, shared: Shared) -> Finding:
    differs = shared.differs
    worst = int(np.where(differs, shared.gap - SIGMAS_APART * shared.deviation, -1.0).argmax())
    first, second = float(shared.first.wanted[worst]), float(shared.second.wanted[worst])
    soft = bool(shared.deviation.any())
    universe = a.target.grid.universe
    within = f" where `{universe.text[:80]}`" if universe is not None else ""
    told = f"{_ranged(shared.first, worst)} in {a.shown}, {_ranged(shared.second, worst)} in {b.shown}, {_apart(shared, worst)}"
    if shared.names:
        kind = "bands" if len(shared.names) == 1 else "cells"
        what = f"{int(differs.sum())} of {len(differs)} {kind} differ; the worst is '{shared.labels[worst]}': "
    else:
        what = ""
    on = " by ".join(shared.names) or "the total"
    message = f"'{a.target.name}' and '{b.target.name}' disagree on {on}{within}: {what}{told}"
    looser = "" if soft else _looser(a, b, shared)
    # Tables are reconciled by their cells; totals that stand beside these would go on to disagree, and one number has none.
    cells = not a.target.totals_of and not b.target.totals_of and bool(a.target.axes and b.target.axes)
    cure = f"correct one of them{looser}{', or try `synthor check SPEC --reconcile`' if cells else ''}"
    return Finding(
        where="targets",
        message=message + _newer(a, b),
        cure="the one with the smaller margin counts for more; correct one of them if this is a slip" if soft else cure,
        label=shared.labels[worst] or None,
        found=first,
        expected=second,
        severity="warning" if soft else "error",
    )


def _looser(a: Stated, b: Stated, shared: Shared) -> str:
    """The smallest of some tolerances with which whole counts of one table can come to what the other says."""
    found = [
        (share, stated)
        for stated, mine, other in ((a, shared.first, shared.second), (b, shared.second, shared.first))
        if stated.target.exact and stated.target.statistic.word == "count" and not stated.target.totals_of
        for share in TOLERANCES
        if _reaches(stated.target, mine, other, share)
    ]
    if not found:
        return ""
    share, stated = min(found, key=lambda pair: pair[0])
    return f", give {stated.shown} `tolerance: {{relative: {100 * share:g}%}}`"


def _reaches(target: Target, mine: Sums, other: Sums, share: float) -> bool:
    """Whether whole counts, each within a share of itself, can come to what another table says."""
    wanted, size = target.wanted[: len(mine.of)], len(mine.wanted)
    least, most = np.ceil(wanted * (1 - share) - EDGE), np.floor(wanted * (1 + share) + EDGE)
    low, high = (np.bincount(mine.of, edge, size + 1)[:size] for edge in (least, most))
    room = inexact(float(other.wanted.sum()))
    return bool(((low <= other.high + room) & (high >= other.low - room)).all())


def _ranged(sums: Sums, cell: int) -> str:
    low, high = float(sums.low[cell]), float(sums.high[cell])
    if _is_point(sums, cell):
        return shown(float(sums.wanted[cell]))
    return f"{shown(low)} or more" if np.isinf(high) else f"{shown(low)} to {shown(high)}"


def _is_point(sums: Sums, cell: int) -> bool:
    return bool(sums.high[cell] - sums.low[cell] <= 2 * inexact(float(sums.high[cell])))


def _apart(shared: Shared, cell: int) -> str:
    """By how much the first of two marginals lies above or below the second."""
    gap, deviation, other = float(shared.gap[cell]), float(shared.deviation[cell]), float(shared.second.wanted[cell])
    more = "more" if shared.first.low[cell] > shared.second.high[cell] else "fewer"
    sure = all(_is_point(sums, cell) for sums in (shared.first, shared.second))
    relative = f" or {100 * gap / other:.1f}%" if other > 0 else ""
    apart = f"{'' if sure else 'at least '}{shown(round(gap, 6))} {more}{relative}"
    return f"{apart}, {gap / deviation:.1f} standard deviations" if deviation > 0 else apart


def _newer(a: Stated, b: Stated) -> str:
    """Which of two tables is newer; else which counts more records."""
    if a.date and b.date:
        newer, older = (a, b) if a.date >= b.date else (b, a)
        return f"; '{newer.target.name}' ({newer.as_of}) is newer" if newer.date > older.date else ""
    sizes = [float(one.target.wanted.sum()) for one in (a, b)]
    if abs(sizes[0] - sizes[1]) <= max(inexact(size) for size in sizes) or not (a.target.grid.covers and b.target.grid.covers):
        return ""
    larger = a if sizes[0] > sizes[1] else b
    return f"; '{larger.target.name}' is larger ({shown(max(sizes))} in all, {shown(min(sizes))} in the other)"


def totals_apart(totals: Sequence[tuple[Stated, float]], key: str, whole: float) -> Iterator[Finding]:
    """One warning that says how many tables agree with which total, where several count all records and some are off.

    Args:
        totals: tables of all records, and what each adds up to.
        key: of the spec, that says how many records there are.
        whole: what it says.
    """
    by_total: dict[float, list[Stated]] = {}
    for stated, total in totals:
        near = next((known for known in by_total if abs(known - total) <= inexact(whole)), total)
        by_total.setdefault(near, []).append(stated)
    if len(totals) < 2 or all(abs(total - whole) <= inexact(whole) for total in by_total):
        return
    groups = sorted(by_total.items(), key=lambda pair: (-len(pair[1]), -pair[0]))
    counted = [(f"{len(tables)} tables say" if len(tables) > 1 else "1 table says", total, tables) for total, tables in groups]
    told = ", ".join(f"{says} {shown(total)} ({_listed(tables)})" for says, total, tables in counted)
    most = groups[0][0]
    other = f"set {key} to {shown(most)}" if abs(most - whole) > inexact(whole) else "correct the tables that are off"
    numbers = sum(any(not stated.target.axes for stated in tables) for tables in by_total.values())
    cure = other if numbers > 1 else f"{other}, or try `synthor check SPEC --reconcile`"
    yield Finding(where=key, message=f"{key} is {shown(whole)}, {told}", cure=cure, severity="warning")


def _listed(tables: Sequence[Stated]) -> str:
    names = ", ".join(stated.shown for stated in tables[:3])
    return names + (", ..." if len(tables) > 3 else "")


def forbids_all(predicate: Predicate, variables: Mapping[str, Variable]) -> bool:
    """Whether a rule forbids every record, whatever its values."""
    return bool(truth(predicate, {}, variables, 1).must.all())


def forbidden_cells(target: Target, rules: tuple[Rule, ...], variables: Mapping[str, Variable]) -> Iterator[Finding]:
    """Cells that are wanted although a rule forbids them, whatever the other variables are."""
    behind = {axis.variable.name: axis.variable for axis in target.axes}
    concerned = [rule for rule in rules if not names_in(rule.predicate).isdisjoint(behind)]
    codes, cell = combinations(target.grid) if concerned else (np.empty((0, 0), np.int32), np.empty(0, np.int64))
    if not len(codes):
        return
    known = {axis.variable.name: codes[:, i] for i, axis in enumerate(target.axes)}
    lowest = target.low
    for rule in concerned:
        must = truth(rule.predicate, known, {**variables, **behind}, len(codes)).must
        free = np.bincount(cell, ~must, target.grid.size) > 0
        for wanted in np.flatnonzero(~free & (lowest > 0)):
            labels = ", ".join(target.labels(int(wanted)).values())
            message = f"{shown(target.wanted[wanted])} wanted in cell ({labels}), but the rule `{rule.text}` forbids it"
            cure = "correct the table or strike the rule"
            found = float(target.wanted[wanted])
            yield Finding(where=target.name, message=message, cure=cure, label=labels, found=found, expected=0.0)


def combinations(grid: TargetGrid) -> tuple[Codes, CellIndex]:
    """Combinations of categories behind a table's cells, and the cell of each; none where there are too many."""
    sides = [np.flatnonzero(axis.group_of >= 0) for axis in grid.axes]
    if grid.listed is None and n_crossed([len(side) for side in sides]) <= MOST_COMBINATIONS:
        codes = crossed(sides)
        of = [axis.group_of[codes[:, i]] for i, axis in enumerate(grid.axes)]
        return codes, np.ravel_multi_index(of, grid.shape).astype(np.int64) if of else np.zeros(len(codes), np.int64)
    if grid.listed is not None and all(axis.size == axis.variable.size for axis in grid.axes):
        back = [np.argsort(axis.group_of)[group] for axis, group in zip(grid.axes, grid.groups, strict=True)]
        return np.column_stack(back).astype(np.int32), np.arange(len(grid.listed))
    return np.empty((0, 0), np.int32), np.empty(0, np.int64)


def shown(count: float) -> str:
    """A count as people read it: with separators, and decimals only where it has any."""
    return f"{count:,.13g}"
