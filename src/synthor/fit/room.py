"""Which believed rules leave room for the targets: one that does not is no reason to give up the others.

Rules are what a model or a person believes to be impossible, targets are facts. Where both cannot be had, rules are added one
by one, in their order, to a fit that knows none of them: its candidates meet the targets, so that each rule shows by what is
left of them. That is a sign, not a proof (other candidates might do); it costs one rough fit a rule.
"""

from collections.abc import Sequence

import numpy as np

from synthor.fit.balance import balance
from synthor.fit.dual import TASTES
from synthor.fit.pool import Pool
from synthor.fit.status import Status
from synthor.fit.structure import Structure
from synthor.prior.beliefs import Beliefs, resolve
from synthor.prior.model import Prior, RuleBelief
from synthor.problem import Problem
from synthor.values import possible

STEPS, ROUGH = 25, 1e-3
"""Newton steps of a rough fit, and the residual at which it ends."""

NEAR_ENOUGH = 0.01
"""Residual that says that the targets can be met."""


def rules_with_room(problem: Problem, beliefs: Beliefs, pool: Pool, rules: Sequence[RuleBelief]) -> list[RuleBelief]:
    """Those rules that candidates which meet the targets without any of them can keep together, and still meet them.

    Args:
        problem: what is known.
        beliefs: that the candidates were drawn with: no rules.
        pool: these candidates.
        rules: that cannot all be kept.
    """
    hard = Structure(pool).hard(problem, beliefs)[: len(problem.targets)]
    kept, left = list[RuleBelief](), np.isfinite(pool.log_base)
    refined, fine = problem.refined, problem.schema.refine(pool.units)
    for rule in rules:
        stays = left & possible(refined.with_only(resolve(Prior(rules=[rule]), problem).rules), fine)
        if (stays == left).all():
            kept.append(rule)
            continue
        log_base = np.where(stays, pool.log_base, -np.inf)
        found = balance(log_base, hard, newton_steps=STEPS, tolerance=ROUGH, taste=TASTES[0]) if stays.any() else None
        if found is None or found.status in (Status.UNSUPPORTED, Status.INFEASIBLE) or found.residual > NEAR_ENOUGH:
            continue
        kept, left = [*kept, rule], stays
    return kept
