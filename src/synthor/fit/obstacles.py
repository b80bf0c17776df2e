"""What keeps records out of a place: rules, and cells of tables that want none.

A place is a set of combinations of some variables' finest bins. An obstacle takes some of them away. A set of obstacles that
takes all of them is *irreducible* when no obstacle can be left out of it; it is found by leaving out one after the other
(the deletion filter of Chinneck and Dravnieks, 1991).
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np

from synthor.fit.listing import finest_groups
from synthor.problem import Problem, Rule, Target
from synthor.problem.rulings import OPEN
from synthor.rules.syntax import names_in
from synthor.schema import Units
from synthor.schema.crossed import n_crossed
from synthor.types import CellIndex, Mask
from synthor.values import possible

MOST_COMBINATIONS = 200_000
"""Combinations up to which variables are looked at beside those of the cell itself."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Obstacle:
    """A rule, or the cells of one table that want no record.

    Attributes:
        kind: which of the two.
        text: the rule as written, or the table's name.
        why: the rule's reason.
        source: of a rule, who says so.
    """

    kind: Literal["rule", "table"]
    text: str
    why: str = ""
    source: Literal["spec", "beliefs"] = "spec"


@dataclass(frozen=True, kw_only=True, eq=False)
class Ground:
    """Combinations of the finest bins of some variables, and the obstacles that speak of these variables alone.

    Attributes:
        problem: with all rules that hold.
        positions: of the variables.
        units: the combinations; their other variables mean nothing.
        obstacles: rules, then tables with cells that want none.
    """

    problem: Problem
    positions: tuple[int, ...]
    units: Units
    obstacles: tuple[Obstacle, ...]

    @classmethod
    def of(cls, problem: Problem, positions: Sequence[int], choices: Mapping[int, CellIndex]) -> "Ground":
        """All combinations over some positions; `choices` names the bins of those that may not take all."""
        level, places = problem.schema.unit, sorted(set(positions))
        obstacles = [what for what, at in _obstacles(problem) if set(at) <= set(places)]
        return cls(problem=problem, positions=tuple(places), units=level.crossed(places, choices), obstacles=tuple(obstacles))

    @cached_property
    def _found(self) -> dict[Obstacle, tuple[Mask, bool]]:
        """For each obstacle the combinations that it leaves, (n,), and whether values inside their bins matter to it."""
        refined, fine = self.problem.refined, self.problem.schema.refine(self.units)
        found = {}
        for obstacle in self.obstacles:
            if obstacle.kind == "rule":
                alone = refined.with_only((_rule(self.problem, obstacle),))
                found[obstacle] = (possible(alone, fine), bool((alone.rulings.state(fine) == OPEN).any()))
            else:
                target = next(target for target in self.problem.counts if target.name == obstacle.text)
                found[obstacle] = (~np.append(_empty(target), False)[target.index(self.units)], False)
        return found

    def free(self, obstacles: Sequence[Obstacle]) -> Mask:
        """The combinations that some obstacles together leave, (n,); where values inside bins decide, some are tried."""
        left = np.ones(len(self.units), dtype=bool)
        for obstacle in obstacles:
            left &= self._found[obstacle][0]
        rules = tuple(_rule(self.problem, obstacle) for obstacle in obstacles if self._found[obstacle][1])
        if len(rules) > 1 and left.any():  # each may leave some values of a bin, and all together none
            some = self.problem.schema.refine(self.units.where(left))
            left[left] = possible(self.problem.refined.with_only(rules), some)
        return left


def widened(problem: Problem, positions: Sequence[int], sizes: Mapping[int, int], most: int) -> tuple[int, ...]:
    """Positions and those that obstacles speak of beside them, step by step, while the combinations stay few.

    Args:
        problem: with all rules that hold.
        positions: to begin with.
        sizes: bins of those that may not take all.
        most: combinations that are still few.
    """
    level, found = problem.schema.unit, set(positions)
    size = n_crossed([sizes.get(at, level.finest(at).size) for at in found])
    waiting = [set(at) for _, at in _obstacles(problem)]
    while True:
        near = [at - found for at in waiting if at & found and at - found]
        grown = [(float(np.prod([float(level.finest(position).size) for position in more])), sorted(more)) for more in near]
        if not grown or size * min(grown)[0] > most:
            return tuple(sorted(found))
        factor, more = min(grown)
        size, found = size * factor, found | set(more)


def irreducible(obstacles: Sequence[Obstacle], blocks: Callable[[Sequence[Obstacle]], bool]) -> tuple[Obstacle, ...]:
    """Obstacles that block together, none of which can be left out; all of them must block."""
    kept = list(obstacles)
    for obstacle in obstacles:
        rest = [other for other in kept if other is not obstacle]
        if blocks(rest):
            kept = rest
    return tuple(kept)


def keepers(problem: Problem, target: Target, cell: int) -> tuple[tuple[Obstacle, ...], ...]:
    """What keeps every record out of one cell: sets of obstacles, each of which does so alone and is irreducible.

    The sets have no obstacle in common; a single obstacle that is enough is a set of its own. To open the cell something must
    be struck from each set. None where no reason is found: the cell is only without candidates, or variables beyond
    `MOST_COMBINATIONS` matter. A single empty set where the table's own universe leaves nothing there.

    Args:
        problem: with all rules that hold.
        target: of level 0.
        cell: its cell.

    Raises:
        ValueError: the target counts members.
    """
    if not target.flat:
        raise ValueError(f"'{target.name}' counts members of units, of which no combinations are known")
    choices = {axis.position: _bins(problem, target, place, cell) for place, axis in enumerate(target.grid.axes)}
    sizes = {position: len(bins) for position, bins in choices.items()}
    positions = widened(problem, target.grid.positions, sizes, MOST_COMBINATIONS)
    whole = Ground.of(problem, positions, choices)
    there = whole.units.where(target.index(whole.units) == cell)
    ground = Ground(problem=problem, positions=whole.positions, units=there, obstacles=whole.obstacles)
    if not len(there):
        return ((),)

    def blocks(some: Sequence[Obstacle]) -> bool:
        return not ground.free(some).any()

    found: list[tuple[Obstacle, ...]] = [(obstacle,) for obstacle in ground.obstacles if blocks([obstacle])]
    left = [obstacle for obstacle in ground.obstacles if (obstacle,) not in found]
    while blocks(left):
        found.append(irreducible(left, blocks))
        left = [obstacle for obstacle in left if obstacle not in found[-1]]
    return tuple(found)


def _bins(problem: Problem, target: Target, place: int, cell: int) -> CellIndex:
    """Finest bins of one side of a table that a cell stands for."""
    of, listed = finest_groups(problem.schema.unit, target.grid.axes[place]), target.grid.listed
    if listed is not None and cell >= len(listed):  # all that is not listed
        return np.arange(len(of))
    group = int(np.unravel_index(cell if listed is None else int(listed[cell]), target.grid.shape)[place])
    return np.flatnonzero(of == group)


def _obstacles(problem: Problem) -> list[tuple[Obstacle, tuple[int, ...]]]:
    """Everything that keeps records out of some place, and the positions that it speaks of."""
    found = []
    for rule in problem.own_rules:
        at = tuple(problem.schema.unit.position(name) for name in sorted(names_in(rule.predicate)))
        found.append((Obstacle(kind="rule", text=rule.text, why=rule.why, source=rule.source), at))
    for target in problem.counts:
        if target.flat and target.sigma is None and _empty(target).any():
            found.append((Obstacle(kind="table", text=target.name), target.grid.positions))
    return found


def _rule(problem: Problem, obstacle: Obstacle) -> Rule:
    return next(rule for rule in problem.rules if rule.text == obstacle.text)


def _empty(target: Target) -> Mask:
    """Cells that want no record."""
    empty: Mask = target.highest <= 0
    return empty
