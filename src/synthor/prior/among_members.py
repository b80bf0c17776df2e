"""What a rule can say of several members of a unit at once, as a model is told: numbers to compare, members to count."""

from collections.abc import Sequence
from dataclasses import dataclass

from synthor.prior.differences import differences_told
from synthor.problem import Problem
from synthor.schema import Level


@dataclass(frozen=True, slots=True, kw_only=True)
class AmongMembers:
    """What a condition may speak of where units have members.

    Attributes:
        numbers: variables whose values are compared.
        example: two of them, of members with different roles; empty where roles tell no two apart.
        counted: how members with a role are counted, for an example.
        spaced: whether the name of some role has several words.
    """

    numbers: tuple[str, ...]
    example: str
    counted: str
    spaced: bool

    @classmethod
    def of(cls, problem: Problem) -> "AmongMembers":
        follows = {(one.level, one.position) for one in problem.follows}
        numbers = [
            level.variables[position].name
            for at, level in enumerate(problem.schema)
            for position in level.numeric
            if (at, position) not in follows
        ]
        single = {role for level in problem.schema for role, most in level.roles.items() if most == 1}
        words = [one for one in differences_told(problem) if one.replace(" - ", "").replace(".", "").isidentifier()]
        pairs = [one.split(" - ") for one in words if one.isascii()]
        several = [pair for pair in pairs if pair[1].split(".")[0] not in single]
        return cls(
            numbers=tuple(dict.fromkeys(numbers)),
            example=" > ".join(reversed((several or pairs or [[]])[0])),
            counted=_counted(problem.schema.levels[1:]),
            spaced=any(" " in role for level in problem.schema for role in level.roles),
        )


def _counted(levels: Sequence[Level]) -> str:
    """How members are counted, for an example: those with a role that need not be there, where there is one."""
    roles = [role for level in levels for role, most in level.roles.items() if most == 1 and role.isidentifier()]
    return f"count({roles[-1]}) = 0" if roles else f"count({levels[0].name}) > 1" if levels else ""
