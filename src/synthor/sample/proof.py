"""Whether any whole numbers meet some targets together, whatever the candidates.

Over all combinations of the finest bins of the variables that the targets speak of, as far as rules on these variables allow
them, a mixed-integer programme asks for any counts with which the conditions hold, taken as loosely as measuring takes them. If
it has no solution, no population has one. Targets that are not needed for that are left out one by one (the deletion filter of
Chinneck and Dravnieks, 1991).
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthor.fit.obstacles import Ground
from synthor.problem import Problem
from synthor.sample.conditions import conditions_of, sizes_of
from synthor.sample.gear import Gear
from synthor.sample.programme import Exchange, Programme
from synthor.sample.rows import Conditions, kinds_of

MOST_COMBINATIONS = 200_000
"""Combinations of the variables' finest bins that are looked at."""

MOST_KINDS = 20_000
"""Kinds of combinations, of those that the conditions tell apart, up to which a programme is asked."""

ROOM = 1e-4
"""Room that is added to rows of real coefficients, as a share of the largest: a hundred times the solver's tolerance."""

MOST_STEPS = 1_000
"""Steps of a number's range up to which its sums must be whole steps."""

MOST_LEFT_OUT = 12
"""Targets up to which those that are not needed are looked for."""


def no_whole_numbers(problem: Problem, off: Sequence[int]) -> tuple[int, ...]:
    """Targets that no whole numbers meet together, each needed for that; none where that is not proven.

    Args:
        problem: scaled to the number of records, with all rules.
        off: positions of targets that are not met.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 100
    ... variables: {sex: {type: category, values: [men, women]}}
    ... targets: [{table: [{sex: men, count: 51}, {sex: women, count: 50}], tolerance: {points: 0.5}}]
    ... '''))
    >>> no_whole_numbers(problem, [0])
    (0,)
    """
    if not off or len(problem.schema.levels) > 1:  # it knows nothing of members
        return ()
    concerned = set(off)
    for _ in range(3):  # those that are off; with those that share their variables; and with theirs
        if _refuted(problem, sorted(concerned)):
            kept = sorted(concerned)
            for one in kept if len(kept) <= MOST_LEFT_OUT else []:
                rest = [other for other in kept if other != one]
                if rest and _refuted(problem, rest):
                    kept = rest
            return tuple(kept)
        positions = {p for i in concerned for p in problem.targets[i].positions}
        wider = concerned | {i for i, target in enumerate(problem.targets) if positions & set(target.positions)}
        if wider == concerned:
            break
        concerned = wider
    return ()


def _loosened(conditions: Conditions, n_targets: int) -> Conditions:
    """Rows of real coefficients with more room than a solver's tolerance; long sums may be fractions.

    What is taken for a proof must not hang on the last digits of floating-point numbers.
    """
    room = np.where(conditions.source >= n_targets, ROOM * conditions.scale, 0.0)
    reach = abs(conditions.matrix).max(axis=0).toarray().ravel()[conditions.home]
    long = conditions.step * MOST_STEPS < np.maximum(reach, conditions.scale[conditions.home])
    return replace(
        conditions,
        low=conditions.low - room,
        high=conditions.high + room,
        step=np.where(long, 0.0, conditions.step),
    )


def _refuted(problem: Problem, some: Sequence[int]) -> bool:
    """Whether it is proven that no whole numbers meet some targets together."""
    positions = sorted({p for i in some for p in problem.targets[i].positions})
    level = problem.schema.unit
    if np.prod([float(level.finest(position).size) for position in positions]) > MOST_COMBINATIONS:
        return False
    ground = Ground.of(problem, positions, {})
    rules = [obstacle for obstacle in ground.obstacles if obstacle.kind == "rule"]
    units = ground.units.where(ground.free(rules))
    if not len(units):
        return True
    # Rules have had their say about combinations; what they say about values inside bins is left out, which proves less.
    asked = replace(
        problem,
        targets=tuple(target for i, target in enumerate(problem.targets) if i in some),
        rules=(),
    )
    nobody = sizes_of(asked, units, np.zeros(len(units)))
    conditions = _loosened(conditions_of(asked, units, nobody, Gear(close=True, shares="loosest")), len(asked.counts))
    _, first = np.unique(kinds_of(conditions.matrix), return_index=True)
    if len(first) > MOST_KINDS:
        return False
    one, none = np.ones(len(first)), np.zeros(len(conditions.low))
    everyone = Exchange(matrix=conditions.matrix[first], sign=one, cost=one, upper=one * problem.n_units)
    held = np.zeros(len(conditions.low), bool)
    programme = Programme.of(conditions, none, held, everyone, elastic=False, more=float(problem.n_units))
    return programme is None or programme.refuted()
