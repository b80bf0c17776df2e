"""Weights for candidates: the distribution nearest to all beliefs among those that meet the targets.

The problem, for a base measure q, hard tables b_h and soft tables t_d with strength r_d relative to q:

    minimise    KL(p || q) + sum_d r_d KL(t_d || C_d'p)     subject to    C_h'p = b_h for every h

where C'p are the cell totals of p. Its solution has the form

    p  =  q exp(sum_h C_h theta_h + sum_d C_d phi_d) / Z,      phi_d = r_d t_d / (C_d'p),

and the multipliers maximise the concave dual  sum_h b_h'theta_h + sum_d r_d t_d'log(phi_d) - log Z. It is climbed first by
sweeps, which set one table's multipliers to their best value given all others (for a hard table that is iterative
proportional fitting; for a soft one, Lambert's W), then by Newton steps on all multipliers together. Convergence is judged
by the optimality conditions alone: the residuals of the hard tables and of phi_d C_d'p = r_d t_d. That no weights meet the hard
tables is known from a certificate (Farkas' lemma): multipliers with  sum_h b_h'theta_h > max_i (sum_h C_h theta_h)_i, which
every p >= 0 that met the tables would refute.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.fit.status import Status
from synthor.types import Floats, Mask
from synthor.units import Cells, Incidence, Partition

TOLERANCE = 1e-9
MAX_NEWTON_CELLS = 6_000
RIDGE = 1e-11
BETTER = 0.99
"""What does not converge ends at the first of its best iterates; later ones must be better by 1% to count."""

CERTAIN = 1e-6
"""Margin, relative to the largest multiplier, by which a certificate must hold."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hard:
    """A table to be met exactly: C'p = wanted, (c,), per unit of p (so a table of level 0 sums to one)."""

    cells: Cells
    wanted: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Soft:
    """A table to be approached: weight * KL(shares || C'p), shares (c,) summing to one."""

    cells: Cells
    shares: Floats
    weight: float


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
    """

    weights: Floats
    hard: tuple[Floats, ...]
    soft: tuple[Floats, ...]
    status: Status
    residual: float
    history: tuple[float, ...]


def balance(
    log_base: Floats,
    hard: Sequence[Hard],
    soft: Sequence[Soft] = (),
    *,
    sweeps: int = 12,
    newton_steps: int = 60,
    tolerance: float = TOLERANCE,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Balance:
    """Solve the problem above on a pool of candidates.

    Args:
        log_base: (n,) log q, up to a constant.
        hard: tables to be met exactly.
        soft: tables to be approached.
        sweeps: cycles over the tables before Newton; the only steps where there are too many cells for Newton.
        newton_steps: at most so many Newton steps.
        tolerance: largest violation of an optimality condition that counts as converged.
        advance: told how many of the steps are done.

    A hard cell that is wanted but has no candidate makes the status `INFEASIBLE`, as do tables that are proven to contradict
    each other; the rest is met as well as the best iterate did.

    >>> cells = Partition(np.array([0, 1]), 2)
    >>> balance(np.zeros(2), [Hard(cells=cells, wanted=np.array([0.25, 0.75]))]).weights
    array([0.25, 0.75])
    """
    state = _State(log_base, hard, soft)
    history: list[float] = []
    total = sweeps + newton_steps
    use_newton = state.size <= MAX_NEWTON_CELLS
    status = Status.ITERATION_LIMIT
    best = state.saved()
    for done in range(total):
        advance(done, total)
        history.append(state.residual())
        if history[-1] < BETTER * min(history[:-1], default=np.inf):
            best = state.saved()
        if history[-1] <= tolerance:
            status = Status.CONVERGED
            break
        if state.refuted():
            status = Status.INFEASIBLE
            break
        if done < sweeps or not use_newton:
            state.sweep()
        elif not state.newton():
            status = Status.STALLED
            break
    if status is not Status.CONVERGED:
        state.restore(best)
    residual = state.residual()
    if residual <= tolerance:
        status = Status.CONVERGED
    if state.unsupported:
        status = Status.INFEASIBLE
    advance(total, total)
    return Balance(
        weights=state.weights,
        hard=tuple(block.multipliers for block in state.blocks if not block.soft),
        soft=tuple(block.multipliers for block in state.blocks if block.soft),
        status=status,
        residual=residual,
        history=tuple(history),
    )


def weigh(
    log_base: Floats, hard: Sequence[Hard], thetas: Sequence[Floats], soft: Sequence[Cells], phis: Sequence[Floats]
) -> Floats:
    """The weights (n,) that known multipliers give: q exp(sum C theta + sum C phi) / Z."""
    log_weights = np.where(_outside_closed_cells(hard, len(log_base)), log_base, -np.inf)
    for cells, multipliers in zip([*(target.cells for target in hard), *soft], [*thetas, *phis], strict=True):
        log_weights = log_weights + cells.spread(multipliers)
    weights: Floats = np.exp(log_weights - log_weights.max())
    return weights / weights.sum()


def _outside_closed_cells(hard: Sequence[Hard], n: int) -> Mask:
    """Units that count in no cell whose target is 0, (n,)."""
    outside = np.ones(n, dtype=bool)
    for target in hard:
        closed = (target.wanted <= 0).astype(np.float64)
        if closed.any():
            outside &= target.cells.spread(closed) == 0
    return outside


@dataclass(slots=True, eq=False)
class _Block:
    """One table and its multipliers. `goal` is b for a hard table and r t for a soft one."""

    cells: Cells
    goal: Floats
    soft: bool
    free: Mask
    multipliers: Floats
    weight: float = 1.0


class _State:
    """Multipliers of all tables and the weights that follow from them."""

    def __init__(self, log_base: Floats, hard: Sequence[Hard], soft: Sequence[Soft]) -> None:
        alive = np.isfinite(log_base) & _outside_closed_cells(hard, len(log_base))
        self.log_base = np.where(alive, log_base, -np.inf)
        held = alive.astype(np.float64)
        self.unsupported = False
        self.blocks: list[_Block] = []
        for target in hard:
            supported = target.cells.totals(held) > 0
            free = supported & (target.wanted > 0)
            self.unsupported |= bool((~supported & (target.wanted > 0)).any())
            goal = np.where(free, target.wanted, 0.0)
            if isinstance(target.cells, Partition) and goal.sum() > 0:
                goal *= target.wanted.sum() / goal.sum()
            multipliers = np.zeros(len(goal))
            self.blocks.append(_Block(target.cells, goal, False, free, multipliers))
        for belief in soft:
            free = (belief.cells.totals(held) > 0) & (belief.shares > 0)
            shares = np.where(free, belief.shares, 0.0)
            goal = belief.weight * shares / max(shares.sum(), 1e-300)
            multipliers = np.where(free, belief.weight, 0.0)
            block = _Block(belief.cells, goal, True, free, multipliers, max(belief.weight, 1e-300))
            self.blocks.append(block)
        self.size = sum(int(block.free.sum()) for block in self.blocks)
        self._refresh()

    def _refresh(self) -> None:
        """Weights and the log of their sum from the multipliers; constants cancel in the weights."""
        log_weights = self.log_base.copy()
        for block in self.blocks:
            log_weights += block.cells.spread(block.multipliers)
        top = log_weights.max(initial=-np.inf)
        if not np.isfinite(top):
            self.weights, self.log_z = np.zeros(len(log_weights)), -np.inf
            return
        weights = np.exp(log_weights - top)
        total = float(weights.sum())
        self.weights, self.log_z = weights / total, float(top + np.log(total))

    def saved(self) -> list[Floats]:
        return [block.multipliers for block in self.blocks]

    def restore(self, multipliers: list[Floats]) -> None:
        for block, saved in zip(self.blocks, multipliers, strict=True):
            block.multipliers = saved
        self._refresh()

    def refuted(self) -> bool:
        """Whether the hard tables' multipliers prove that no weights meet the tables."""
        wanted, reach, scale = 0.0, np.where(np.isfinite(self.log_base), 0.0, -np.inf), 1.0
        for block in self.blocks:
            if not block.soft:
                wanted += float(block.goal @ block.multipliers)
                reach = reach + block.cells.spread(block.multipliers)
                scale = max(scale, float(np.abs(block.multipliers).max(initial=0.0)))
        return wanted > float(reach.max(initial=-np.inf)) + CERTAIN * scale

    def gradients(self) -> list[Floats]:
        """Of the dual, by block, 0 where a multiplier is not free."""
        out = []
        for block in self.blocks:
            got = block.cells.totals(self.weights)
            if block.soft:
                safe = np.where(block.free, block.multipliers, 1.0)
                out.append(np.where(block.free, block.goal / safe - got, 0.0))
            else:
                out.append(np.where(block.free, block.goal - got, 0.0))
        return out

    def residual(self) -> float:
        worst = 0.0
        for block, gradient in zip(self.blocks, self.gradients(), strict=True):
            scaled = np.abs(gradient) * (block.multipliers / block.weight if block.soft else 1.0)
            worst = max(worst, float(scaled.max(initial=0.0)))
        return worst

    def dual(self) -> float:
        value = -self.log_z
        for block in self.blocks:
            if block.soft:
                value += float(block.goal[block.free] @ np.log(block.multipliers[block.free]))
            else:
                value += float(block.goal @ block.multipliers)
        return value

    def sweep(self) -> None:
        """Each table in turn to its best multipliers given the others."""
        for block in self.blocks:
            if not block.free.any():
                continue
            got = block.cells.totals(self.weights)
            if isinstance(block.cells, Partition):
                new = _soft_best(block, got) if block.soft else _hard_best(block, got)
            else:
                new = _member_step(block, got)
            change = np.clip(new - block.multipliers, -500, 500)
            factor = block.cells.spread(change)
            self.weights = self.weights * np.exp(factor - factor.max())
            self.weights /= self.weights.sum()
            block.multipliers = block.multipliers + change
        self._refresh()

    def newton(self) -> bool:
        """One damped Newton step on all multipliers; False when no step improves the dual."""
        from scipy import linalg

        gradients = self.gradients()
        free = np.concatenate([block.free for block in self.blocks])
        gradient = np.concatenate(gradients)[free]
        curvature = _covariance([block.cells for block in self.blocks], self.weights)[np.ix_(free, free)]
        barrier = np.concatenate(
            [
                block.goal / np.where(block.free, block.multipliers, 1.0) ** 2 if block.soft else np.zeros(len(block.goal))
                for block in self.blocks
            ]
        )[free]
        curvature[np.diag_indices_from(curvature)] += barrier
        scale = 1 / np.sqrt(np.maximum(np.diag(curvature), 1e-30))
        curvature *= scale[:, None] * scale[None, :]
        curvature[np.diag_indices_from(curvature)] += RIDGE
        try:
            factor = linalg.cho_factor(curvature, check_finite=False, overwrite_a=True)
            step = scale * linalg.cho_solve(factor, scale * gradient, check_finite=False)
        except linalg.LinAlgError:
            step = scale * np.linalg.lstsq(curvature, scale * gradient, rcond=1e-12)[0]
        return self._search(free, step, float(gradient @ step))

    def _search(self, free: Mask, step: Floats, slope: float) -> bool:
        start = [block.multipliers for block in self.blocks]
        value, before = self.dual(), self.residual()
        whole = np.zeros(len(free))
        whole[free] = step
        parts = np.split(whole, np.cumsum([len(block.goal) for block in self.blocks])[:-1])
        length = 1.0
        for block, part in zip(self.blocks, parts, strict=True):
            falling = block.free & (part < 0) if block.soft else np.zeros(len(part), dtype=bool)
            if falling.any():  # stay inside phi > 0
                length = min(length, 0.95 * float((block.multipliers[falling] / -part[falling]).min()))
        for _ in range(40):
            for block, first, part in zip(self.blocks, start, parts, strict=True):
                block.multipliers = first + length * part
            self._refresh()
            # Near the optimum the dual's gain drowns in rounding; there a smaller residual is the better witness.
            if self.dual() >= value + 1e-4 * length * slope or (abs(slope) < 1e-9 and self.residual() < before):
                return True
            length /= 2
        for block, first in zip(self.blocks, start, strict=True):
            block.multipliers = first
        self._refresh()
        return False


def _hard_best(block: _Block, got: Floats) -> Floats:
    usable = block.free & (got > 0)
    ratio = np.where(usable, block.goal / np.where(usable, got, 1.0), 1.0)
    return block.multipliers + np.where(usable, np.log(np.where(usable, ratio, 1.0)), 0.0)


def _soft_best(block: _Block, got: Floats) -> Floats:
    """Solve phi exp(phi) = r t Z / rest for all cells, where Z makes the cells' totals sum to one."""
    free = block.free & (got > 0)
    rest = np.log(np.where(free, got, 1.0)) - np.where(free, block.multipliers, 0.0)
    goal = block.goal[free]
    offset = np.log(goal) - rest[free]
    fixed = got[~free].sum()
    log_z = 0.0
    for _ in range(60):
        phi = _log_lambert(offset + log_z)
        gap = float((goal / phi).sum() + fixed * np.exp(-log_z) - 1)
        slope = float((goal / (phi * (1 + phi))).sum() + fixed * np.exp(-log_z))
        log_z += gap / slope
        if abs(gap) < 1e-13:
            break
    new = block.multipliers.copy()
    new[free] = _log_lambert(offset + log_z)
    return new


def _log_lambert(log_y: Floats) -> Floats:
    """Lambert's W of exp(log_y): the x with x + log x = log_y."""
    x = np.where(log_y > 1, log_y - np.log(np.maximum(log_y, 1.0)), np.exp(np.minimum(log_y, 1.0)))
    for _ in range(12):
        change = (x + np.log(x) - log_y) / (1 + 1 / x)
        x = np.maximum(x - change, 0.1 * x)
    return x


def _member_step(block: _Block, got: Floats) -> Floats:
    """A step for a table in which a unit counts several times: IPF's ratio, divided by the most that a unit counts.

    Such steps (generalised iterative scaling; Darroch and Ratcliff, 1972) never overshoot.
    """
    assert isinstance(block.cells, Incidence)
    most = max(float(block.cells.counts.sum(axis=1).max()), 1.0)
    target = block.goal / (np.where(block.free, block.multipliers, 1.0) if block.soft else 1.0)
    usable = block.free & (got > 0) & (target > 0)
    new = block.multipliers + np.where(usable, np.log(np.where(usable, target / np.where(usable, got, 1.0), 1.0)), 0.0) / most
    return np.where(block.free, np.maximum(new, 0.05 * block.multipliers), 0.0) if block.soft else new


def _covariance(tables: Sequence[Cells], weights: Floats) -> Floats:
    """Covariance of all tables' counts under weights, (sum c, sum c)."""
    means = [table.totals(weights) for table in tables]
    starts = np.concatenate([[0], np.cumsum([len(mean) for mean in means])])
    out = np.empty((starts[-1], starts[-1]))
    for i, first in enumerate(tables):
        for j, second in enumerate(tables[: i + 1]):
            rows, columns = slice(starts[i], starts[i + 1]), slice(starts[j], starts[j + 1])
            joint = _joint(first, second, weights) - np.outer(means[i], means[j])
            out[rows, columns] = joint
            out[columns, rows] = joint.T
    return out


def _joint(first: Cells, second: Cells, weights: Floats) -> Floats:
    if isinstance(first, Partition) and isinstance(second, Partition):
        index = first.index * second.size + second.index
        joint = np.bincount(index, weights, first.size * second.size).astype(np.float64, copy=False)
        return joint.reshape(first.size, second.size)
    weighted = second.matrix().multiply(weights[:, None]).tocsr()
    return np.asarray((first.matrix().T @ weighted).todense())
