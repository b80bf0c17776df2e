"""Whether targets agree with each other and with the rules, as far as that can be seen without a solver."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np

from synthor.errors import Finding
from synthor.problem.model import Rule
from synthor.problem.target import Axis, Moment, Target
from synthor.spec.rules import Predicate, names_in, truth
from synthor.spec.variables import Variable
from synthor.types import CellIndex, Codes

MOST_COMBINATIONS = 2_000_000
"""Combinations of categories behind one table that are tried against the rules; more are left to the solver."""


def repeated_names(targets: Sequence[Target | Moment]) -> Iterator[Finding]:
    """Targets that are called the same."""
    names = [target.name for target in targets]
    for name in dict.fromkeys(names):
        if names.count(name) > 1:
            yield Finding(where="targets", message=f"{names.count(name)} targets are called '{name}'", cure="name them apart")


def reconciled(targets: Sequence[Target]) -> Iterator[tuple[Target, Finding | None]]:
    """The targets; tables of shares that differ from another only by their own rounding become intervals, and are told."""
    whole = [target for target in targets if target.whole]
    for target in targets:
        others = [other for other in whole if other is not target]
        if target.whole and target.slack > 0 and any(_rounded_apart(target, other) for other in others):
            loose = (np.maximum(target.wanted - target.slack, 0.0), target.wanted + target.slack)
            message = "differs from another table by what its shares were rounded; its cells are met to their rounding"
            yield replace(target, bounds=loose), Finding(where=target.name, message=message, severity="warning")
        else:
            yield target, None


def _rounded_apart(a: Target, b: Target) -> bool:
    """Whether two tables give a common variable marginals that are not equal."""
    for i, j in ((i, j) for i, x in enumerate(a.axes) for j, y in enumerate(b.axes) if x.position == y.position):
        common = _common(a.axes[i], b.axes[j])
        if common is not None:
            labels, first_of, second_of = common
            gap = np.bincount(first_of, a.side(i), len(labels)) - np.bincount(second_of, b.side(j), len(labels))
            if np.abs(gap).max() > inexact(a.wanted.sum()):
                return True
    return False


def disagreements(targets: Sequence[Target]) -> Iterator[Finding]:
    """Two tables of all records over a common variable must give it the same marginal."""
    for a, b in itertools.combinations([target for target in targets if target.whole], 2):
        for i, j in ((i, j) for i, x in enumerate(a.axes) for j, y in enumerate(b.axes) if x.position == y.position):
            common = _common(a.axes[i], b.axes[j])
            if common is None:
                continue
            labels, first_of, second_of = common
            first = np.bincount(first_of, a.side(i), len(labels))
            second = np.bincount(second_of, b.side(j), len(labels))
            if abs(first.sum() - second.sum()) > inexact(first.sum()):
                continue  # the totals disagree, which is said already
            gap = np.abs(first - second)
            allowed = (a.slack * a.wanted.size + b.slack * b.wanted.size) / len(labels)
            worst = int(gap.argmax())
            if gap[worst] > allowed + inexact(first.sum()):
                message = (
                    f"'{a.name}' and '{b.name}' disagree on {a.axes[i].variable.name}: '{labels[worst]}' adds up to "
                    f"{shown(first[worst])} in one and {shown(second[worst])} in the other"
                )
                yield Finding(
                    where="targets",
                    message=message,
                    cure="correct one of the tables",
                    label=labels[worst],
                    found=float(first[worst]),
                    expected=float(second[worst]),
                )


def _common(a: Axis, b: Axis) -> tuple[tuple[str, ...], Codes, Codes] | None:
    """Labels in which two sides over one variable can be compared, and the one that each side's labels go under."""
    if a.column == b.column:
        for coarse, fine in ((a, b), (b, a)):
            under = np.full(fine.size, -1, np.int32)
            under[fine.group_of] = coarse.group_of
            if (under[fine.group_of] == coarse.group_of).all() and (under >= 0).all():
                own = np.arange(coarse.size, dtype=np.int32)
                return (coarse.labels, own, under) if coarse is a else (coarse.labels, under, own)
        return None
    low = [np.array([axis.variable.low[axis.group_of == g].min() for g in range(axis.size)]) for axis in (a, b)]
    high = [np.array([axis.variable.high[axis.group_of == g].max() for g in range(axis.size)]) for axis in (a, b)]
    if a.size == b.size and np.array_equal(low[0], low[1]) and np.array_equal(high[0], high[1]):
        own = np.arange(a.size, dtype=np.int32)
        return a.labels, own, own
    return None


def forbids_all(predicate: Predicate, variables: Mapping[str, Variable]) -> bool:
    """Whether a rule forbids every record, whatever its values."""
    return bool(truth(predicate, {}, variables, 1).must.all())


def forbidden_cells(target: Target, rules: tuple[Rule, ...], variables: Mapping[str, Variable]) -> Iterator[Finding]:
    """Cells that are wanted although a rule forbids them, whatever the other variables are."""
    behind = {axis.variable.name: axis.variable for axis in target.axes}
    concerned = [rule for rule in rules if not names_in(rule.predicate).isdisjoint(behind)]
    codes, cell = _combinations(target) if concerned else (np.empty((0, 0), np.int32), np.empty(0, np.int64))
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


def _combinations(target: Target) -> tuple[Codes, CellIndex]:
    """Combinations of categories behind a table's cells, and the cell of each; none where there are too many."""
    grid = target.grid
    sides = [np.flatnonzero(axis.group_of >= 0) for axis in grid.axes]
    if grid.listed is None and np.prod([float(len(side)) for side in sides]) <= MOST_COMBINATIONS:
        codes = np.stack(np.meshgrid(*sides, indexing="ij"), axis=-1).reshape(-1, len(sides)).astype(np.int32)
        of = [axis.group_of[codes[:, i]] for i, axis in enumerate(grid.axes)]
        return codes, np.ravel_multi_index(of, grid.shape).astype(np.int64)
    if grid.listed is not None and all(axis.size == axis.variable.size for axis in grid.axes):
        groups = np.unravel_index(grid.listed, grid.shape)
        back = [np.argsort(axis.group_of)[group] for axis, group in zip(grid.axes, groups, strict=True)]
        return np.column_stack(back).astype(np.int32), np.arange(len(grid.listed))
    return np.empty((0, 0), np.int32), np.empty(0, np.int64)


def inexact(total: float) -> float:
    """How far apart two sums of counts may be and still count as equal: less than one record, however many there are."""
    return min(0.5, 1e-6 * max(total, 1.0))


def shown(count: float) -> str:
    """A count as people read it: with separators, and decimals only where it has any."""
    return f"{count:,.13g}"
