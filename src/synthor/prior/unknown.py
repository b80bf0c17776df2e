"""Why no belief can speak of a name that means no variable, and what to write instead."""

from collections.abc import Sequence

from synthor.errors import nearest
from synthor.problem import Problem
from synthor.spec.levels import levels_of


def unknown(name: str, problem: Problem, known: Sequence[str] | None = None) -> str:
    """What is wrong with a name, in words.

    Args:
        name: as a belief has it.
        problem: what is known.
        known: names that would do; all that the problem knows unless given.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... unit: home
    ... records: 10
    ... variables: {garden: {type: boolean}}
    ... members:
    ...   person:
    ...     role: role
    ...     roles: {head: 1, partner: {max: 1}}
    ...     pairs: {couple: {roles: [head, partner], ordered: by sex}}
    ...     variables:
    ...       role: {type: category, values: [head, partner, child]}
    ...       sex: {type: category, values: [male, female]}
    ... '''))
    >>> unknown("male.role", problem)
    "'male.role' is of one of two that sex tells apart, of whom nothing is believed; name them by role: head.role, partner.role"
    >>> unknown("gardn", problem)
    "no variable is called 'gardn'; did you mean 'garden'?"
    """
    before, _, own = name.rpartition(".")
    for form, level in zip(levels_of(problem.spec), problem.schema, strict=True):
        for pair in form.pairs.values():
            if pair.by and own in level.names and before in level.variables[level.position(pair.by)].labels:
                instead = ", ".join(f"{role}.{own}" for role in pair.roles)
                told = f"'{name}' is of one of two that {pair.by} tells apart, of whom nothing is believed"
                return f"{told}; name them by role: {instead}"
    return f"no variable is called '{name}'; {nearest(name, problem.schema.names if known is None else known)}"
