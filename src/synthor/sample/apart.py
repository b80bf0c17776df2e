"""Numbers of members inside their bins, drawn so that they lie as far apart as is believed: the ages of a couple.

Bins say roughly how old both are; where in them both lie is drawn here. Each number is drawn anew given those that it is
believed to hang on, role after role, a few times over (Gibbs sampling): of some values that its bin would give it, one by the
chances of the differences that it makes. So no number leaves its bin, and those of which nothing is believed stay as they are.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthor.prior.differences import BelievedDifference
from synthor.schema import Ref, Schema, Units
from synthor.types import CellIndex, Codes, Floats
from synthor.values import Shape

SWEEPS = 3
"""Times that all roles are gone through."""

TRIED = 24
"""Values of a bin of which one is taken, as even as can be among all that the bin would give, beside the present one."""

AT_ONCE = 50_000
"""Rows whose values are looked at together."""


@dataclass(frozen=True, slots=True, eq=False)
class _Pairs:
    """Pairs of rows that a difference is believed of, as one of the two roles sees them.

    Attributes:
        belief: in the difference of the two.
        own: rows with the role.
        other: the other row of each.
        sign: 1 where the other is taken from the own, -1 the other way round.
    """

    belief: BelievedDifference
    own: CellIndex
    other: CellIndex
    sign: int


def apart(
    differences: Sequence[BelievedDifference],
    schema: Schema,
    shapes: Sequence[Sequence[Shape]],
    units: Units,
    values: Mapping[str, pl.DataFrame],
    random: np.random.Generator,
) -> dict[str, pl.DataFrame]:
    """The values of units' rows, those of which differences are believed drawn anew inside their bins.

    Args:
        differences: what is believed.
        schema: of the units, in the finest bins.
        shapes: how values lie inside these, for each level a variable each.
        units: in these bins.
        values: of their rows, one table a level.
        random: draws.
    """
    found = dict(values)
    for at, column in dict.fromkeys((one.refs[0].level, one.refs[0].column) for one in differences):
        own = [one for one in differences if (one.refs[0].level, one.refs[0].column) == (at, column)]
        name, level = schema.levels[at].variables[column].name, schema.levels[at].name
        numbers = found[level][name]
        drawn = _drawn(own, shapes[at][column], units, numbers.cast(pl.Float64).to_numpy().copy(), random)
        found[level] = found[level].with_columns(pl.Series(name, drawn).cast(numbers.dtype))
    return found


def _drawn(
    differences: Sequence[BelievedDifference], shape: Shape, units: Units, numbers: Floats, random: np.random.Generator
) -> Floats:
    """The numbers of all rows of one level, (rows,)."""
    by_role: dict[object, list[_Pairs]] = {}
    for belief in differences:
        seen = [units.seen(ref, belief.level) for ref in belief.refs]
        there = np.flatnonzero((seen[0] >= 0) & (seen[1] >= 0))
        for side, sign in ((0, 1), (1, -1)):
            ref = belief.refs[side]
            pairs = _Pairs(belief, seen[side][there], seen[1 - side][there], sign)
            by_role.setdefault(ref.role or ref.among, []).append(pairs)
    codes = units.column(Ref(differences[0].refs[0].level, differences[0].refs[0].column))
    for _ in range(SWEEPS):
        for pairs_of_role in by_role.values():
            rows = np.unique(np.concatenate([pairs.own for pairs in pairs_of_role]))
            for begin in range(0, len(rows), AT_ONCE):
                some = rows[begin : begin + AT_ONCE]
                numbers[some] = _again(pairs_of_role, some, shape, codes, numbers, random)
    return numbers


def _again(
    pairs_of_role: Sequence[_Pairs],
    rows: CellIndex,
    shape: Shape,
    codes: Codes,
    numbers: Floats,
    random: np.random.Generator,
) -> Floats:
    """The numbers of some rows, rising, drawn given those of others, (rows,)."""
    u = (np.arange(TRIED) + random.random((len(rows), TRIED))) / TRIED
    tried = shape.at(np.repeat(codes[rows], TRIED), u.ravel()).cast(pl.Float64).to_numpy().reshape(u.shape)
    logs = np.zeros(tried.shape)
    for pairs in pairs_of_role:
        inside = np.flatnonzero((pairs.own >= rows[0]) & (pairs.own <= rows[-1]))
        place = np.searchsorted(rows, pairs.own[inside])
        mine, theirs = tried[place], numbers[pairs.other[inside]][:, None]
        sides = (mine, theirs) if pairs.sign > 0 else (theirs, mine)
        np.add.at(logs, place, pairs.belief.log_chances(*sides))
    weights = np.exp(logs - logs.max(axis=1, keepdims=True)).cumsum(axis=1)
    picks = (weights < random.random((len(rows), 1)) * weights[:, -1:]).sum(axis=1)
    return np.asarray(tried[np.arange(len(rows)), np.minimum(picks, TRIED - 1)])
