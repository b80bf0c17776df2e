"""Believed tables beside the published ones that they are about, where no other target gives what these say."""

from collections.abc import Iterator, Sequence
from itertools import combinations

from synthor.evaluate.calibrate import ComparedTables, common_labels, gathered, pair_of, records_behind
from synthor.prior.beliefs import Beliefs, BelievedTable, fit_to_marginals, resolve
from synthor.prior.model import Prior
from synthor.problem import Axis, Problem, Target, Universe, leave_out
from synthor.rules.syntax import Among, Both, Predicate
from synthor.schema import Ref, Role, Schema
from synthor.types import Codes

Who = frozenset[tuple[int, Role]]
"""The roles that must be there for a row to count, each with its level."""


def believed_of(problem: Problem, target: Target, prior: Prior) -> Iterator[ComparedTables]:
    """Believed tables beside a published one: of every pair of its variables that no other target gives.

    Only tables of all units, of all members, or of all pairs of two roles compare: a belief is about these.

    Args:
        problem: all targets.
        target: one of them.
        prior: what is believed.
    """
    rows = _rows_of(target, problem.schema)
    if rows is None or not target.counts or target.wanted.sum() <= 0:
        return
    beliefs = [
        table
        for table in _stated(prior, leave_out(problem, [target.name]).problem)
        if table.level == target.level and _roles(table.refs) == rows
    ]
    for a, b in combinations(range(len(target.axes)), 2):
        ends = {target.axes[a].seen, target.axes[b].seen}
        others = (other for other in problem.counts if target.name not in (other.name, other.totals_of))
        if len(ends) < 2 or any(other.level == target.level and ends <= set(other.seen) for other in others):
            continue
        for table in beliefs:
            if {_seen(ref) for ref in table.refs} == ends:
                pair = _pair(problem.schema, target, (a, b), table)
                if min(pair.published.shape) > 1:
                    yield pair


def speaks_of(table: BelievedTable, target: Target) -> bool:
    """Whether a believed table is about two of the variables of a published one, of the same rows.

    Args:
        table: what is believed.
        target: what is published.
    """
    return table.level == target.level and {_seen(ref) for ref in table.refs} <= set(target.seen)


def _seen(ref: Ref) -> Ref:
    """The column of a belief as rows see it: of several with a role, their own."""
    return Ref(ref.level, ref.column, role=ref.role, step=ref.step)


def _roles(refs: Sequence[Ref]) -> Who:
    return frozenset((ref.level, role) for ref in refs for role in (ref.role, ref.among) if role is not None)


def _rows_of(target: Target, schema: Schema) -> Who | None:
    """Which roles the rows of a table have, where it counts all rows that there are with these; None where it counts fewer."""
    grid = target.grid
    complete = all(bool((axis.group_of >= 0).all()) for axis in grid.axes) and (grid.listed is None or grid.closed)
    said = _said(grid.universe.predicate, grid.universe, schema) if grid.universe is not None else frozenset()
    return None if not complete or said is None else said | _roles([axis.ref for axis in grid.axes])


def _said(predicate: Predicate, universe: Universe, schema: Schema) -> Who | None:
    """The roles that a predicate asks for; None where it asks for more than roles."""
    match predicate:
        case Both(left, right):
            one, other = (_said(part, universe, schema) for part in (left, right))
            return None if one is None or other is None else one | other
        case Among(name, (code,)):
            ref = universe.columns[name][0]
            level = schema.levels[ref.level]
            is_role = bool(level.role) and ref.column == level.position(level.role)
            return frozenset({(ref.level, Role(ref.column, code))}) if is_role else None
        case _:
            return None


def _stated(prior: Prior, problem: Problem) -> tuple[BelievedTable, ...]:
    """The believed tables whose strength is a stated confidence: one counted from a sample knows its own."""
    stated = [table for table in prior.dependencies if table.records is None]
    beliefs: Beliefs = resolve(prior.model_copy(update={"dependencies": stated}), problem)
    return beliefs.tables


def _pair(schema: Schema, target: Target, sides: tuple[int, int], table: BelievedTable) -> ComparedTables:
    """A believed and a published table in the finest cells that both can be put into."""
    if _seen(table.refs[0]) != target.axes[sides[0]].seen:
        sides = (sides[1], sides[0])
    labels = [common_labels(*_groupings(schema, target.axes[s], table.group_of[i])) for i, s in enumerate(sides)]
    published = gathered(pair_of(target, *sides), labels[0][0], labels[1][0])
    believed = gathered(table.grouped, labels[0][1], labels[1][1])
    if table.conditional:  # its rows are believed, not how many there are of each
        believed = fit_to_marginals(believed, published.sum(axis=1), published.sum(axis=0))
    return ComparedTables(
        belief=table.name,
        target=target.name,
        believed=believed,
        published=published,
        strength=table.strength,
        records=records_behind(target),
    )


def _groupings(schema: Schema, axis: Axis, group_of: Codes) -> tuple[Codes, Codes]:
    """Label in the table, and group in the belief, of each category behind an axis."""
    believed = group_of if axis.declared else group_of[schema.levels[axis.ref.level].parents(axis.position)]
    return axis.group_of, believed
