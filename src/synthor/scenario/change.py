"""One target changed: the cells that a `where` selects, and what they hold then."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from synthor.errors import Finding, nearest
from synthor.problem import Axis, Statements, Target, Zones, shown
from synthor.problem.demand import EDGE
from synthor.reconcile import are_whole
from synthor.rules.on_categories import truth
from synthor.rules.parse import PredicateError
from synthor.rules.syntax import Both, Predicate, names_in
from synthor.scenario.form import ChangeSpec
from synthor.schema import Level, Variable
from synthor.schema.crossed import crossed, n_crossed
from synthor.schema.text import plural, some_of
from synthor.types import Codes, Floats, Mask

MOST_COMBINATIONS = 4_000_000
"""Combinations of categories that a `where` is judged on."""

Refuse = Callable[..., Finding]
"""Says what is wrong with a change: message and cure."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Altered:
    """A target after some changes.

    Attributes:
        target: as it is now.
        touched: (c,) cells that changes named; the others may give way.
        told: what was done, a clause each.
    """

    target: Target
    touched: Mask
    told: tuple[str, ...] = ()


def untouched(target: Target) -> Altered:
    """A target before any change."""
    return Altered(target=target, touched=np.zeros(len(target.grid.cells), bool))


def altered(before: Altered, change: ChangeSpec, found: Statements, refuse: Refuse) -> Altered | Finding:
    """One change of a target's cells.

    Args:
        before: the target, perhaps changed already.
        change: what becomes of it.
        found: gives the variables and areas.
        refuse: says what is wrong.
    """
    target = before.target
    if target.hidden:
        cure = "give another table in its place (`table:`)"
        return refuse(f"'{target.name}' has cells that are not told, which cannot be changed in part", cure)
    if target.statistic.groups is not None or (target.counts and target.statistic.word == "share" and not target.grid.covers):
        message = f"'{target.name}' gives shares inside parts of the records, which cannot be changed cell by cell"
        return refuse(message, "give another table in its place (`table:`)")
    cells = selected(target, change.where, found, refuse)
    if isinstance(cells, Finding):
        return cells
    if (twice := before.touched & cells).any():
        label = ", ".join(target.labels(int(np.flatnonzero(twice)[0])).values())
        message = f"'{target.name}': an earlier change speaks of the cell ({label}), too" if label else "it is changed twice"
        return refuse(message, "say it in one change, or let their `where` exclude each other", label=label or None)
    new = _values(target, cells, change, refuse)
    if isinstance(new, Finding):
        return new
    return Altered(
        target=_now(target, new),
        touched=before.touched | cells,
        told=(*before.told, _clause(target, new, cells, change)),
    )


def filled(one: Altered, whole: float, refuse: Refuse) -> Altered | Finding:
    """A table of all rows whose other cells give way, in proportion, so that it adds up to the whole."""
    n = len(one.touched)
    cells = one.target.wanted[:n]
    rest, have = whole - float(cells[one.touched].sum()), float(cells[~one.touched].sum())
    if abs(rest - have) <= EDGE * max(whole, 1.0):
        return one
    told = f"'{one.target.name}': the cells that are changed come to {shown(round(whole - rest, 6))} of {shown(whole)}"
    if rest < 0:
        return refuse(told, "change them less, or make more records (`records:`)", found=whole - rest, expected=whole)
    if not have:
        message = f"{told}, and there are no others to hold the rest"
        return refuse(message, "change fewer cells, or leave `records` out", found=whole - rest, expected=whole)
    after = cells.copy()
    after[~one.touched] = dealt(cells[~one.touched], rest, whole=_in_whole(one.target) and _is_whole(rest))
    wanted = np.append(after, one.target.wanted[n:])
    clause = f"its other cells give way, from {shown(round(have, 6))} to {shown(round(rest, 6))}"
    return Altered(target=_now(one.target, wanted), touched=one.touched, told=(*one.told, clause))


def selected(target: Target, where: str | None, found: Statements, refuse: Refuse) -> Mask | Finding:
    """The cells of a table in which a predicate holds, (c,); or why that cannot be said."""
    cells = np.ones(len(target.grid.cells), bool)
    if where is None:
        return cells
    try:
        predicate = found.view.predicate(where)
    except PredicateError as error:
        return refuse(f"`{where[:80]}` {error}", error.cure)
    columns = _columns(target, found.zones, found.level)
    strange = [name for name in sorted(names_in(predicate)) if name not in columns]
    if strange:
        message = f"where `{where[:80]}` speaks of {some_of(strange)}, and '{target.name}' has no such column"
        return refuse(message, f"it has {some_of(columns)}; {nearest(strange[0], list(columns))}")
    cut = np.zeros(len(cells), bool)
    for part in _together(predicate):
        judged = _judged(target, part, columns)
        if judged is None:
            cure = "compare one variable with labels or numbers at a time, joined by `and`"
            return refuse(f"where `{where[:80]}` has too many combinations to be judged", cure)
        may, must = judged
        cut = (cut | (may & ~must)) & may
        cells &= may
    if (broken := cells & cut).any():
        label = ", ".join(target.labels(int(np.flatnonzero(broken)[0])).values())
        message = f"where `{where[:80]}` cuts through the cell ({label}) of '{target.name}'"
        return refuse(message, "name the edges that the table has", label=label)
    if not cells.any():
        return refuse(f"where `{where[:80]}` holds in no cell of '{target.name}'", "see its labels with `synthor spec`")
    return cells


def dealt(cells: Floats, total: float, *, whole: bool) -> Floats:
    """Cells scaled to a total; whole numbers by the largest remainders where that is wanted.

    >>> dealt(np.array([10.0, 20.0, 3.0]), 40.0, whole=True).tolist()
    [12.0, 24.0, 4.0]
    """
    found = cells * (total / cells.sum())
    if not whole:
        return np.asarray(found)
    down = np.floor(found + EDGE)
    n_more = round(total - float(down.sum()))
    first = np.argsort(-(found - down), kind="stable")[:n_more]
    down[first] += 1
    return np.asarray(down)


def _values(target: Target, cells: Mask, change: ChangeSpec, refuse: Refuse) -> Floats | Finding:
    """What a target says once some of its cells are changed."""
    new = target.wanted.astype(np.float64).copy()
    n = len(cells)
    told = np.flatnonzero(cells & np.isfinite(new[:n]))
    word = target.statistic.word
    if not target.counts:
        if change.count is not None or change.share is not None:
            return refuse(f"'{target.name}' is a {word}", "write `value:`, or `change: +10%`")
        if change.value is not None:
            new[told] = float(change.value)
        elif change.factor is not None:
            new[told] *= change.factor
        else:
            new[told] += change.amount or 0.0
        return new
    if change.value is not None:
        return refuse(f"'{target.name}' is a table of {word}s", f"write `{word}:`, or `change: +20%`")
    if word == "share" and (change.count is not None or change.amount is not None):
        cure = "write `share: 36%`, or `change: +20%` of what it is"
        return refuse(f"'{target.name}' is a table of shares, and a number of rows is none", cure)
    if word == "count" and change.share is not None:
        return refuse(f"'{target.name}' is a table of counts", "write `count:`, or `change: +20%`")
    have = float(new[told].sum())
    if change.factor is not None:
        goal = have * change.factor
    elif change.share is not None:
        goal = change.part * float(new.sum())
    else:
        goal = have + change.amount if change.amount is not None else float(change.count or 0)
    if goal < 0:
        message = f"{change.told} of {shown(round(have, 6))} leaves fewer than none in '{target.name}'"
        return refuse(message, "write `count: 0` if nobody is left", found=goal, expected=0.0)
    if not have:
        if goal:
            message = f"'{target.name}' has nobody in these cells, so they cannot grow in proportion"
            return refuse(message, "give another table in its place (`table:`)", found=goal, expected=0.0)
        return new
    in_whole = _in_whole(target)
    new[told] = dealt(new[told], float(round(goal)) if in_whole else goal, whole=in_whole)
    return new


def _now(target: Target, wanted: Floats) -> Target:
    """A target with other numbers; how far each may be off, and its margin of error, grow with it."""
    if not target.counts:
        return replace(target, wanted=wanted)
    grown = np.divide(wanted, target.wanted, out=np.ones(len(wanted)), where=target.wanted > 0)
    bounds = None if target.bounds is None else (target.bounds[0] * grown, target.bounds[1] * grown)
    sigma = None if target.sigma is None else target.sigma * grown
    return replace(target, wanted=wanted, rounding=0.0, bounds=bounds, sigma=sigma)


def _in_whole(target: Target) -> bool:
    return target.statistic.word == "count" and are_whole(target.wanted)


def _is_whole(number: float) -> bool:
    return abs(number - round(number)) <= EDGE


def _clause(target: Target, new: Floats, cells: Mask, change: ChangeSpec) -> str:
    """What was done, with both numbers."""
    where = f" where `{change.where[:80]}`" if change.where is not None else ""
    n = int(cells.sum())
    if not target.counts:
        return f"{change.told} in {plural(n, 'cell')}{where}"
    before, after = (float(values[: len(cells)][cells].sum()) for values in (target.wanted, new))
    return f"{change.told} in {plural(n, 'cell')}{where}, from {shown(round(before, 3))} to {shown(round(after, 3))}"


def _columns(target: Target, zones: Zones | None, level: Level) -> Mapping[str, tuple[int, Variable, Codes | None]]:
    """What the cells of a table tell: by name its side, the variable, and of a larger area that of each of its."""
    found: dict[str, tuple[int, Variable, Codes | None]] = {}
    for place, axis in enumerate(target.axes):
        found[axis.variable.name] = (place, axis.variable, None)
        if zones is not None and axis.position in zones.positions:
            own = zones.positions.index(axis.position)
            for upper in range(own + 1, len(zones.names)):
                variable = level.variables[zones.positions[upper]]
                found[variable.name] = (place, variable, zones.above(own, upper).astype(np.int32))
            for kind, codes in zones.shared_kinds(own):
                found.setdefault(kind.variable.name, (place, kind.variable, codes.astype(np.int32)))
    return found


def _together(predicate: Predicate) -> list[Predicate]:
    """What must hold together."""
    match predicate:
        case Both(left, right):
            return [*_together(left), *_together(right)]
    return [predicate]


def _judged(
    target: Target, predicate: Predicate, columns: Mapping[str, tuple[int, Variable, Codes | None]]
) -> tuple[Mask, Mask] | None:
    """Whether a predicate may hold in each cell of a table, and whether it must, (c,) each; None where that is too much."""
    names = sorted(names_in(predicate))
    places = sorted({columns[name][0] for name in names})
    axes: list[Axis] = [target.axes[place] for place in places]
    sides = [np.flatnonzero(axis.group_of >= 0) for axis in axes]
    if n_crossed([len(side) for side in sides]) > MOST_COMBINATIONS:
        return None
    codes = crossed(sides)
    known: dict[str, Codes] = {}
    for name in names:
        place, _, above = columns[name]
        own = codes[:, places.index(place)]
        known[name] = own if above is None else above[own]
    true = truth(predicate, known, {name: columns[name][1] for name in names}, len(codes))
    shape = [axis.size for axis in axes]
    group = np.zeros(len(codes), np.int64)
    for at, axis in enumerate(axes):
        group = group * axis.size + axis.group_of[codes[:, at]]
    size = int(np.prod(shape, dtype=np.int64)) if shape else 1
    held = np.bincount(group, minlength=size)
    may, must = np.bincount(group, true.may, size) > 0, np.bincount(group, true.must, size) == held
    cell = np.zeros(len(target.grid.cells), np.int64)
    for place in places:
        cell = cell * target.axes[place].size + target.grid.groups[place]
    return np.asarray(may[cell]), np.asarray(must[cell] & may[cell])
