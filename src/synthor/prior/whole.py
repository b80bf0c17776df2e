"""Whole units as a model writes them: a row of labels, and the rows of its members below it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from synthor.prior.beliefs import resolve
from synthor.prior.model import Prior
from synthor.prior.scene import Scene
from synthor.prior.scene_of_members import scene_of_members
from synthor.prior.shown import Shown, shown
from synthor.problem import Problem
from synthor.problem.following import Followed
from synthor.schema import Ref
from synthor.spec.levels import LevelForm, levels_of

MOST = 15
"""Members of a row that an answer may list where nothing says how many there are at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WrittenLevel:
    """A level of whole units: what a row of it says, and what lies below.

    Attributes:
        form: as the spec has it.
        variables: that a row gives a label of; none that follows from members.
        below: the levels right below.
    """

    form: LevelForm
    variables: tuple[Shown, ...]
    below: "tuple[WrittenLevel, ...]"

    @property
    def name(self) -> str:
        return self.form.name

    @property
    def most(self) -> int:
        """Members of a row above, at most."""
        return self.form.number.max or MOST

    def wrong(self, rows: Sequence[Sequence[int]]) -> str:
        """Why one row above cannot have these members, in words; empty where it can.

        Args:
            rows: categories of each, in the order of the variables.
        """
        number = self.form.number
        if len(rows) < number.min or (number.max is not None and len(rows) > number.max):
            return f"{len(rows)} of '{self.name}' are more, or fewer, than there may be"
        at = next((at for at, variable in enumerate(self.variables) if variable.name == self.form.role), 0)
        for role, own in self.form.roles.items():
            n = [self.variables[at].labels[codes[at]] for codes in rows].count(role)
            if n < own.min or (own.max is not None and n > own.max):
                return f"{n} with {self.form.role} '{role}' are more, or fewer, than there may be"
        return ""


def written_level(problem: Problem, at: int = 0) -> WrittenLevel:
    """A level of the units of a problem, and those below it.

    Args:
        problem: whose units.
        at: the level.
    """
    schema = problem.schema
    follows = {one.position for one in problem.follows if one.level == at}
    told = (variable for place, variable in enumerate(schema.levels[at].variables) if place not in follows)
    return WrittenLevel(
        form=levels_of(problem.spec)[at],
        variables=tuple(shown(variable) for variable in told if not variable.kind.free),
        below=tuple(written_level(problem, below) for below in range(len(schema.levels)) if schema.above(below) == at),
    )


def scene_of_whole_units(problem: Problem) -> Scene:
    """The scene of who writes whole units: the variables of each level, without those that follow from members."""
    every, n_levels = scene_of_members(problem, Prior(), resolve(Prior(), problem)), len(problem.schema.levels)
    follows = _follows(problem, every)
    kept = [at for at, place in enumerate(every.places) if place < n_levels and follows[at] is None]
    return replace(_narrowed(every, kept), levels=every.levels[:n_levels])


def scene_of_segments(problem: Problem) -> Scene:
    """The scene of who plans groups of units: all variables but those that follow from members and count not all of them."""
    every = scene_of_members(problem, Prior(), resolve(Prior(), problem))
    return _narrowed(every, [at for at, one in enumerate(_follows(problem, every)) if one is None or _counts_all(one)])


def _counts_all(one: Followed) -> bool:
    return one.fold is not None and one.fold.name == "count" and one.role is None and one.condition is None


def _follows(problem: Problem, scene: Scene) -> list[Followed | None]:
    """How each variable of a scene follows from members; None where it does not."""
    known = {Ref(one.level, one.position): one for one in problem.follows}
    refs = (problem.schema.resolve_among(variable.name) for variable in scene.variables)
    return [None if ref is None else known.get(Ref(ref.level, ref.column)) for ref in refs]


def _narrowed(scene: Scene, kept: list[int]) -> Scene:
    return replace(
        scene,
        variables=tuple(scene.variables[at] for at in kept),
        shares=tuple(scene.shares[at] for at in kept),
        published=tuple(scene.published[at] for at in kept),
        places=tuple(scene.places[at] for at in kept),
    )
