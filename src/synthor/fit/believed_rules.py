"""Which believed rules leave room for the targets: one that does not is no reason to give up the others.

Rules are what a model or a person believes to be impossible, targets are facts. Where both cannot be had, rules are added one
by one, in their order, to a fit that knows none of them: its candidates meet the targets, so that each rule shows by what is
left of them. That is a sign, not a proof (other candidates might do); it costs one rough fit a rule.
"""

from collections.abc import Callable, Sequence

import numpy as np

from synthor.fit.balance import NEAR_ENOUGH, roughly
from synthor.fit.pool import Pool
from synthor.fit.status import Status
from synthor.fit.structure import Structure
from synthor.prior.beliefs import Beliefs, resolve
from synthor.prior.model import Prior, RuleBelief
from synthor.problem import Problem
from synthor.values import possible


def rules_with_room(
    problem: Problem,
    beliefs: Beliefs,
    pool: Pool,
    rules: Sequence[RuleBelief],
    *,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> list[RuleBelief]:
    """Those rules that candidates which meet the targets without any of them can keep together, and still meet them.

    Args:
        problem: what is known.
        beliefs: that the candidates were drawn with: no rules.
        pool: these candidates.
        rules: that cannot all be kept.
        advance: told how many rules of how many were looked at.
    """
    hard = Structure(pool).hard(problem, beliefs)[: len(problem.targets)]
    kept, left = list[RuleBelief](), np.isfinite(pool.log_base)
    refined, fine = problem.refined, problem.schema.refine(pool.units)
    for looked, rule in enumerate(rules):
        advance(looked, len(rules))
        stays = left & possible(refined.with_only(resolve(Prior(rules=[rule]), problem).rules), fine)
        if (stays == left).all():
            kept.append(rule)
            continue
        if not stays.any():
            continue
        found = roughly(np.where(stays, pool.log_base, -np.inf), hard)
        if found.status not in (Status.UNSUPPORTED, Status.INFEASIBLE) and found.residual <= NEAR_ENOUGH:
            kept, left = [*kept, rule], stays
    return kept
