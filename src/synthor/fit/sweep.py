"""Sweeps: each table in turn to its best multipliers given all others.

Inside a block of tables everything happens on the block's joint cells; the candidates are passed over twice a block, however
many tables it holds.

This is no `ipf`: what counts here are the multipliers, which Newton's method goes on from; tables may be soft, known to an
interval or a margin of error, and the weights of all candidates are never scaled one by one.
"""

import numpy as np

from synthor.fit.blocks import Block
from synthor.fit.dual import Dual, TableDemands
from synthor.schema import Incidence
from synthor.types import Floats

ROUNDS = 4
"""Times that the tables of one block are gone through before the next block's turn."""

FURTHEST = 500.0
"""Largest change of a multiplier in one sweep."""

LOWEST = -200.0
"""Log of the least multiplier of a soft table: less is nothing, and its square is no number any more."""


def sweep(dual: Dual) -> None:
    """One cycle over all tables; the weights follow."""
    weights = dual.weights
    multipliers = list(dual.multipliers)
    for block in dual.counted.blocks:
        factor = _sweep_block(dual, block, block.joint(weights), multipliers)
        if factor is not None:
            weights = weights * factor[block.index]
            weights /= weights.sum()
    for t in dual.counted.of_members:
        table = dual.tables[t]
        if not table.signed and isinstance(table.cells, Incidence) and table.free.any():
            new = _member_step(table, table.cells, multipliers[t], table.cells.totals(weights))
            change = np.clip(new - multipliers[t], -FURTHEST, FURTHEST)
            log_factor = table.cells.spread(change)
            weights = weights * np.exp(log_factor - log_factor.max())
            weights /= weights.sum()
            multipliers[t] = multipliers[t] + change
    dual.move_to(multipliers)


def _sweep_block(dual: Dual, block: Block, joint: Floats, multipliers: list[Floats]) -> Floats | None:
    """Sweep the tables of one block on its joint cells; returns the factor of each joint cell's weight."""
    total, held = np.zeros(block.size), joint > 0
    moved = False
    for _ in range(ROUNDS if len(block.tables) > 1 else 1):
        for place, t in enumerate(block.tables):
            table = dual.tables[t]
            if not table.free.any():
                continue
            got = block.totals(joint, place)
            new = _soft_best(table, multipliers[t], got) if table.soft else _hard_best(table, multipliers[t], got)
            change = np.clip(new - multipliers[t], -FURTHEST, FURTHEST)
            multipliers[t] = multipliers[t] + change
            if table.soft:
                multipliers[t] = np.where(table.free, np.maximum(multipliers[t], np.exp(LOWEST)), multipliers[t])
            log_factor = block.spread(change, place)
            log_factor -= log_factor[held].max(initial=-np.inf)
            log_factor[~held] = 0.0
            total += log_factor
            joint = joint * np.exp(log_factor)
            joint /= max(joint.sum(), 1e-300)
            moved = True
    return np.exp(np.minimum(total - total[held].max(initial=-np.inf), 0.0)) if moved else None


def _hard_best(table: TableDemands, now: Floats, got: Floats) -> Floats:
    """Exact cells: log(wanted / got), less what the units outside of all cells gain by it. Others: each cell for itself."""
    usable = table.free & (got > 0)
    safe = np.where(usable, got, 1.0)
    if not table.variance.any() and (table.low == table.high).all():
        with np.errstate(over="ignore"):  # next to nothing is raised by as much as one sweep may
            ratio = np.log(np.where(usable & (table.low > 0), table.low / safe, 1.0))
        rest, goal = 1.0 - got.sum(), 1.0 - table.low.sum()
        if rest > 1e-12 and goal > 1e-12:
            ratio = np.where(usable, ratio - np.log(goal / rest), 0.0)
        return now + ratio
    theta = np.where(usable, now, 0.0)
    base = np.log(safe) - theta  # log of the total that the cell would have without its multiplier
    low = _root(np.maximum(table.low, 1e-12), table.variance, base)
    high = _root(np.maximum(table.high, 1e-12), table.variance, base)
    return np.where(usable, np.where(low > 0, low, np.minimum(high, 0.0)), now)


def _root(wanted: Floats, variance: Floats, base: Floats) -> Floats:
    """The theta with exp(base + theta) + variance * theta = wanted; Newton on a convex rising function."""
    theta = np.log(wanted) - base
    for _ in range(30):
        level = np.exp(np.minimum(base + theta, 700.0))
        theta = theta - (level + variance * theta - wanted) / (level + variance)
    return theta


def _soft_best(table: TableDemands, now: Floats, got: Floats) -> Floats:
    """Solve phi exp(phi) = r t Z / rest for all cells, where Z makes the cells' totals sum to one."""
    free = table.free & (got > 0)
    rest = np.log(np.where(free, got, 1.0)) - np.where(free, now, 0.0)
    goal = table.low[free]
    offset = np.log(goal) - rest[free]
    fixed = max(1.0 - float(got[free].sum()), 0.0)
    log_z = 0.0
    phi = now[free]
    for _ in range(60):
        phi = _log_lambert(offset + log_z)
        outside = fixed * np.exp(min(-log_z, 700.0))
        gap = float((goal / phi).sum() + outside - 1)
        slope = float((goal / (phi * (1 + phi))).sum() + outside)
        log_z += float(np.clip(gap / max(slope, 1e-300), -FURTHEST, FURTHEST))
        if abs(gap) < 1e-13:
            break
    new = now.copy()
    new[free] = _log_lambert(offset + log_z)
    return new


def _log_lambert(log_y: Floats) -> Floats:
    """Lambert's W of exp(log_y): the x with x + log x = log_y."""
    x = np.where(log_y > 1, log_y - np.log(np.maximum(log_y, 1.0)), np.exp(np.clip(log_y, LOWEST, 1.0)))
    for _ in range(12):
        change = (x + np.log(x) - log_y) / (1 + 1 / x)
        x = np.maximum(np.maximum(x - change, 0.1 * x), np.exp(LOWEST))
        if np.abs(change).max(initial=0.0) < 1e-14:
            break
    return x


def _member_step(table: TableDemands, cells: Incidence, now: Floats, got: Floats) -> Floats:
    """A step for a table in which a unit counts several times: IPF's ratio, divided by the most that a unit counts.

    Such steps (generalised iterative scaling; Darroch and Ratcliff, 1972) never overshoot.
    """
    most = max(float(cells.counts.sum(axis=1).max()), 1.0)
    if table.soft:
        target = table.low / np.where(table.free, now, 1.0)
    else:
        target = np.clip(got, table.low, table.high) if not table.variance.any() else table.low
    usable = table.free & (got > 0) & (target > 0)
    new = now + np.where(usable, np.log(np.where(usable, target / np.where(usable, got, 1.0), 1.0)), 0.0) / most
    return np.where(table.free, np.maximum(new, 0.05 * now), 0.0) if table.soft else new
