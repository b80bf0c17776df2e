"""When candidates drawn for one problem may be weighed for another: the structure stays, the numbers change.

A candidate x that was drawn with density g and weighs q(x) / g(x) under beliefs q weighs q'(x) / g(x) under others, q', so

    log w'(x)  =  log w(x) + log q'(x) - log q(x),

and nothing needs to be drawn or counted again: for another draw of the same beliefs, for other numbers in the same tables (a
scenario), or for the same fit once more. That is right only as long as

- variables are cut into the same bins, and the same rules hold;
- what had to be empty still has to be: nothing was drawn there;
- each cell that is wanted, or believed in, holds candidates;
- weights stay even: of those candidates that counted before (Kish), `ENOUGH` still count, or they are all that there can be.

Otherwise candidates are drawn anew. A table that is left out so as to be predicted is no such case where it said what must be
empty or where bins are cut: the candidates would tell what was left out.
"""

from dataclasses import replace

import numpy as np

from synthor.fit.lacking import lacking
from synthor.fit.pool import base_of, missing_of
from synthor.fit.slices import log_share_of_slices
from synthor.fit.structure import Structure
from synthor.information import effective_size
from synthor.prior.beliefs import Beliefs
from synthor.problem import Problem
from synthor.schema import Schema
from synthor.types import CellIndex, Floats

ENOUGH = 0.5
"""Share of the effective number of candidates that must be left."""

FEW = 5_000
"""Candidates that are looked at before all of them."""


def reused(structure: Structure, drawn_for: tuple[Problem, Beliefs], problem: Problem, beliefs: Beliefs) -> Structure | None:
    """The same candidates weighed for another problem; None where they will not do.

    Args:
        structure: the candidates, weighed for those that they were drawn for.
        drawn_for: the problem, with all rules that held, and the beliefs.
        problem: the other one, with all rules that hold.
        beliefs: what is believed now.
    """
    before, believed = drawn_for
    pool = structure.pool
    if [table.key for table in believed.three_way] != [table.key for table in beliefs.three_way]:
        return None  # their multipliers are where the fit begins
    if pool.handed or pool.unsupported or not _alike(before.schema, problem.schema):
        return None
    if {rule.text for rule in before.rules} != {rule.text for rule in problem.rules} or _opened(before, problem):
        return None
    if any(len(missing_of(target, pool.units)) for target in problem.counts) or lacking(problem, beliefs, pool.units):
        return None
    base = base_of(problem, beliefs)

    def weighed(some: CellIndex) -> Floats | None:
        """Log of the shares of some candidates; None where too few of them count."""
        units, known = pool.units.take(some), pool.log_base[some]
        now = base.log_density(units) + log_share_of_slices(problem, beliefs.marginals, units)
        then = pool.base.log_density(units) + log_share_of_slices(before, believed.marginals, units)
        alive = np.isfinite(known) & np.isfinite(then)
        found = np.full(len(units), -np.inf)
        found[alive] = known[alive] + now[alive] - then[alive]
        if not np.isfinite(found).any():
            return None
        found = _normalised(found)
        size, most = (effective_size(np.exp(logs)) for logs in (found, known))
        return found if pool.complete or size >= ENOUGH * most else None

    every = np.arange(len(pool.units))
    if weighed(every[:: max(len(every) // FEW, 1)]) is None:  # mostly these tell, and sooner
        return None
    log_base = weighed(every)
    if log_base is None:
        return None
    return structure.of(replace(pool, base=base, log_base=log_base))


def _normalised(log_base: Floats) -> Floats:
    found = log_base - log_base.max()
    return np.asarray(found - np.log(np.exp(found).sum()))


def _opened(before: Problem, problem: Problem) -> bool:
    """Whether a cell may hold somebody now that had to be empty when candidates were drawn."""
    now = {target.key: target for target in problem.counts}
    for target in before.counts:
        empty = (target.highest <= 0) & np.array(target.sigma is None)
        if empty.any():
            same = now.get(target.key)
            if same is None or (same.highest[empty] > 0).any():
                return True
    return False


def _alike(schema: Schema, other: Schema) -> bool:
    """Whether two schemas have the same columns in the same bins."""
    if schema is other:
        return True
    if [level.name for level in schema] != [level.name for level in other]:
        return False
    for level, others in zip(schema, other, strict=True):
        if list(level.slices) != list(others.slices) or len(level.columns) != len(others.columns):
            return False
        for mine, theirs in zip(level.columns, others.columns, strict=True):
            ends = zip(mine.ends, theirs.ends, strict=True)
            if mine.labels != theirs.labels or not all(np.array_equal(a, b, equal_nan=True) for a, b in ends):
                return False
    return True
