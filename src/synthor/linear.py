"""Linear programmes: one way of asking for them, and what is tried where the solver fails.

HiGHS now and then ends without an answer on programmes that have one, where presolve or a tight tolerance is in its way. What
fails is tried once more another way; what is decided, or stopped by its limit, is not.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from synthor.types import Floats


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One way of solving: with presolve or without, to a tolerance; the solver's own where that is None."""

    presolve: bool = True
    tolerance: float | None = None


ONCE = (Attempt(),)
TWICE = (Attempt(), Attempt(presolve=False))

Ending = Literal["solved", "limit", "impossible", "failed"]
_ENDINGS: dict[int, Ending] = {0: "solved", 1: "limit", 2: "impossible"}


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Solved:
    """How a programme ended.

    Attributes:
        ending: `limit` where its steps or seconds were used up; `failed` where the solver decided nothing.
        x: where the sum is least; None where that is not known.
        value: the least sum.
        at_most: worth of one more on the right of each row of `at_most`.
        equal: worth of one more on the right of each row of `equal`.
        steps: that were made, at least one for each attempt.
        message: of the solver.
    """

    ending: Ending
    x: Floats | None
    value: float
    at_most: Floats
    equal: Floats
    steps: int
    message: str


def solve_linear(
    prices: Floats,
    *,
    at_most: tuple[Any, Floats] | None = None,
    equal: tuple[Any, Floats] | None = None,
    bounds: Any = (0.0, None),
    attempts: Sequence[Attempt] = ONCE,
    steps: int | None = None,
    seconds: float | None = None,
) -> Solved:
    """The least of prices @ x, where the rows of `at_most` are no more than their right side and those of `equal` are theirs.

    Args:
        prices: (n,).
        at_most: matrix and right side.
        equal: matrix and right side.
        bounds: of x, (n, 2) or one pair for all.
        attempts: made one after the other, while they fail or call the programme impossible: sums that differ in their last
            digits look like that.
        steps: of the simplex method, in all attempts together.
        seconds: in each attempt; where bytes depend on the answer, give steps instead.

    >>> found = solve_linear(np.array([1.0, 2.0]), equal=(np.array([[1.0, 1.0]]), np.array([3.0])), bounds=(0.0, 2.0))
    >>> found.ending, found.value, found.x.tolist()
    ('solved', 4.0, [2.0, 1.0])
    """
    from scipy import optimize

    used, outcome = 0, None
    solve: Any = optimize.linprog
    for attempt in attempts:
        if outcome is not None and steps is not None and used >= steps:
            break
        options: dict[str, Any] = {"presolve": attempt.presolve}
        if attempt.tolerance is not None:
            options |= dict.fromkeys(("primal_feasibility_tolerance", "dual_feasibility_tolerance"), attempt.tolerance)
        if steps is not None:
            options["maxiter"] = steps - used
        if seconds is not None:
            options["time_limit"] = seconds
        (a_ub, b_ub), (a_eq, b_eq) = at_most or (None, None), equal or (None, None)
        outcome = solve(prices, a_ub, b_ub, a_eq, b_eq, bounds=bounds, method="highs-ds", options=options)
        used += max(outcome.nit, 1)
        if outcome.status in (0, 1):
            break
    if outcome is None:
        raise ValueError("a programme needs an attempt")
    solved = outcome.status == 0 and outcome.x is not None
    return Solved(
        ending="failed" if outcome.status == 0 and not solved else _ENDINGS.get(outcome.status, "failed"),
        x=np.asarray(outcome.x, np.float64) if solved else None,
        value=float(outcome.fun) if solved else np.nan,
        at_most=_worth(outcome, "ineqlin"),
        equal=_worth(outcome, "eqlin"),
        steps=used,
        message=outcome.message,
    )


def _worth(outcome: Any, rows: str) -> Floats:
    found = outcome.get(rows)
    return np.empty(0) if found is None or found.marginals is None else np.asarray(found.marginals, np.float64)
