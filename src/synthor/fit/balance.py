"""Weights for candidates: the distribution nearest to all beliefs among those that meet the targets.

The problem, for a base measure q, hard tables, and soft tables t_d with strength r_d relative to q:

    minimise    KL(p || q) + sum_d r_d KL(t_d || C_d'p) + sum_g (y_g - b_g)^2 / 2 s_g^2
    subject to  low_h <= C_h'p + (y_h - b_h) <= high_h      for every hard table h

where C'p are the cell totals of p; low = high = b for exact cells, and y_g - b_g is the slack that a margin of error s_g allows
(0 without one). Inside an interval the middle is preferred to the edges by 1e-8 nats in the end, which makes the dual smooth;
by more at first, and by less step by step where a leap would lead far off.
A cell of a soft table may give way, too, by so much a nat of pull beyond that of a table that is met (`Soft.give`).
The solution has the form

    p  =  q exp(sum_h C_h theta_h + sum_d C_d phi_d) / Z,      phi_d = r_d t_d / (C_d'p),

and the multipliers maximise the concave dual

    sum_h (low_h theta_h+ - high_h theta_h-  -  s_h^2 theta_h^2 / 2)  +  sum_d r_d t_d'log(phi_d)  -  log Z,

theta+ and theta- being the positive and the negative part (less what smooths the corner between them). It is climbed first by
sweeps, which set each table's multipliers to their best value given all others (for an exact table that is iterative
proportional fitting; for a soft one, Lambert's W), then by Newton steps on all multipliers together. Convergence is judged by
the optimality conditions alone. Where it is slow, candidates are looked for that weigh nothing in any solution, and are left
out (`face.py`). That no weights meet the hard tables is known from a certificate (Farkas' lemma): multipliers
with  low'theta+ - high'theta- > max_i (sum_h C_h theta_h)_i, which every p >= 0 that met the tables would refute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.fit.dual import TASTES, Dual, Hard, Soft, outside_closed_cells
from synthor.fit.face import Closing, Faces
from synthor.fit.newton import Newton
from synthor.fit.status import Status
from synthor.fit.sweep import sweep
from synthor.schema import Cells
from synthor.types import Floats

__all__ = ["Balance", "Hard", "Soft", "balance", "roughly", "weigh"]

TOLERANCE = 1e-9
NEAR, WORTH = 0.02, 0.8
"""Sweeps go on while the residual is above the first, and each brings it down to the second of what it was. A Newton step that
leads above the first, and further off than it began, is followed by a sweep. Middles of intervals are
preferred by less in steps that lead no further off than the first."""

LOOKED = (10, 20, 40, 80)
"""Newton steps after which candidates are looked for that must weigh nothing: most fits have converged before."""

ROUGH, STEPS = 1e-3, 15
"""Residual at which a rough fit ends, and its Newton steps at most."""

NEAR_ENOUGH = 0.01
"""Residual of a rough fit that says that targets can be met."""

PASSED = 1e-4
"""Residual at which the middles of intervals are preferred by less again, where that goes by small steps."""

BETTER = 0.99
"""What does not converge ends at the first of its best iterates; later ones must be better by 1% to count."""


Multipliers = tuple[Sequence[Floats], Sequence[Floats]]
"""Of each hard table, and of each soft one."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Balance:
    """The outcome of a balancing.

    Attributes:
        weights: (n,) p, sums to one.
        hard: multipliers theta of each hard table; 0 where a cell must stay empty (its units weigh nothing anyhow).
        soft: multipliers phi of each soft table.
        status: how it ended.
        residual: largest violation of an optimality condition, as a share of all units.
        history: that figure after each iteration.
        closings: why candidates weigh nothing that the tables leave no room for, in the order in which it was found.
    """

    weights: Floats
    hard: tuple[Floats, ...]
    soft: tuple[Floats, ...]
    status: Status
    residual: float
    history: tuple[float, ...]
    closings: tuple[Closing, ...] = ()


def balance(
    log_base: Floats,
    hard: Sequence[Hard],
    soft: Sequence[Soft] = (),
    *,
    sweeps: int = 12,
    newton_steps: int = 150,
    tolerance: float = TOLERANCE,
    taste: float = TASTES[-1],
    start: Multipliers | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Balance:
    """Solve the problem above on a pool of candidates.

    Args:
        log_base: (n,) log q, up to a constant.
        hard: tables to be met.
        soft: tables to be approached.
        sweeps: at most so many cycles over the tables before Newton; at least one, and more while the residual is large.
        newton_steps: at most so many Newton steps.
        tolerance: largest violation of an optimality condition that counts as converged.
        taste: nats by which the middle of an interval is preferred to its edges in the end.
        start: multipliers of the hard and of the soft tables to begin from, if they are nearer to the solution than none.
        advance: told how many of the steps are done.

    A hard cell that is wanted but has no candidate makes the status `UNSUPPORTED`; tables that are proven to contradict each
    other make it `INFEASIBLE`. In both cases the rest is met as well as the best iterate did.

    >>> from synthor.schema.cells import Partition
    >>> cells = Partition(np.array([0, 1]), 2)
    >>> balance(np.zeros(2), [Hard.exactly(cells, np.array([0.25, 0.75]))]).weights
    array([0.25, 0.75])
    """
    dual = Dual.of(log_base, hard, soft)
    if start is not None:
        dual.begin_at([*start[0], *start[1]])
    closings: list[Closing] = []
    history: list[float] = []
    total = sweeps + newton_steps
    status = Status.ITERATION_LIMIT
    best, at = dual.multipliers, dual.tastes
    newton, steps, astray = Newton(), 0, False
    tastes = [t for t in TASTES[1:] if t >= taste] if dual.has_intervals else []
    midway = False
    for done in range(total):
        advance(done, total)
        history.append(dual.residual())
        if history[-1] < BETTER * min(history[:-1], default=np.inf):
            best, at = dual.multipliers, dual.tastes
        if history[-1] <= (PASSED if midway else tolerance):
            if not tastes:
                status = Status.CONVERGED
                break
            midway = not dual.prefer_middles(tastes[0], NEAR)
            tastes = tastes if midway else tastes[1:]
        if dual.refuted():
            status = Status.INFEASIBLE
            break
        if steps in LOOKED and not dual.unsupported:
            smaller, found = _closed(dual, hard, soft)
            if found:
                dual, newton, best, at = smaller, Newton(), smaller.multipliers, smaller.tastes
                closings += found
        if _sweeps_help(history, steps, sweeps) or (astray and sweeps):
            sweep(dual)
            astray = False
        elif newton.step(dual, tolerance):
            steps += 1
            astray = dual.residual() > max(NEAR, history[-1])
        else:
            status = Status.STALLED
            break
    if status is not Status.CONVERGED:
        dual.take_tastes(at)
        dual.move_to(best)
    if dual.unsupported:
        status = Status.UNSUPPORTED
    advance(total, total)
    n_hard = len(hard)
    return Balance(
        weights=dual.weights,
        hard=tuple(dual.multipliers[:n_hard]),
        soft=tuple(dual.multipliers[n_hard:]),
        status=status,
        residual=dual.residual(),
        history=tuple(history),
        closings=tuple(closings),
    )


def roughly(log_base: Floats, hard: Sequence[Hard], soft: Sequence[Soft] = ()) -> Balance:
    """Weights as good as they need be to see whether targets can be met, and where units are wanted."""
    return balance(log_base, hard, soft, newton_steps=STEPS, tolerance=ROUGH, taste=TASTES[0])


def _sweeps_help(history: Sequence[float], steps: int, sweeps: int) -> bool:
    """Whether sweeps go on: the first always, later ones while there is far to go and they get on."""
    if steps or len(history) > sweeps:
        return False
    return len(history) == 1 or (history[-1] > NEAR and history[-1] < WORTH * history[-2])


def _closed(dual: Dual, hard: Sequence[Hard], soft: Sequence[Soft]) -> tuple[Dual, list[Closing]]:
    """The same dual without candidates that weigh nothing in any solution, and how that is known; the multipliers stay."""
    found: list[Closing] = []
    alive = np.isfinite(dual.log_base)
    faces = Faces(hard, len(alive))
    while True:
        closing = faces.closing(faces.suspects(dual.taken(), alive), alive)
        if closing is None:
            break
        left = alive & ~closing.closes([target.cells for target in hard], len(alive))
        smaller = Dual.of(np.where(left, dual.log_base, -np.inf), hard, soft)
        if smaller.unsupported:  # then the targets contradict each other: that is for others to say
            break
        multipliers = closing.freed(dual.multipliers)
        free = [table.free for table in smaller.tables]
        smaller.move_to([np.where(own, now, 0.0) for own, now in zip(free, multipliers, strict=True)])
        smaller.take_tastes(dual.tastes)
        dual, alive = smaller, left
        found.append(closing)
    return dual, found


def weigh(
    log_base: Floats,
    hard: Sequence[Hard],
    thetas: Sequence[Floats],
    soft: Sequence[Cells],
    phis: Sequence[Floats],
    closings: Sequence[Closing] = (),
) -> Floats:
    """The weights (n,) that known multipliers give: q exp(sum C theta + sum C phi) / Z; 0 where closings say so."""
    cells = [target.cells for target in hard]
    alive = outside_closed_cells(hard, len(log_base))
    for closing in closings:
        alive &= ~closing.closes(cells, len(log_base))
    found = np.where(alive, log_base, -np.inf)
    for table, multipliers in zip([*cells, *soft], [*thetas, *phis], strict=True):
        found = found + table.spread(multipliers)
    weights: Floats = np.exp(found - found.max())
    return weights / weights.sum()
