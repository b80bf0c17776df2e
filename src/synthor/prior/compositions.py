"""Who the members of a unit are, as a whole: a head, a partner and two children."""

from collections.abc import Iterator, Sequence

from synthor.errors import nearest
from synthor.prior.model import CompositionBelief, Dropped, Prior
from synthor.problem import Problem
from synthor.spec.levels import LevelForm, levels_of

ROUNDING = 3.0
"""Percent by which compositions may add up to more than all without a word."""

Numbers = tuple[int, ...]
"""Members of each role, in the order of the roles."""


def level_of_roles(problem: Problem) -> int | None:
    """The level right below the unit whose members roles tell apart; the first of several."""
    schema = problem.schema
    if len(levels_of(problem.spec)) != len(schema.levels):
        return None  # members were handed in, of whom the spec says nothing
    return next((at for at, level in enumerate(schema) if level.role and schema.above(at) == 0), None)


def compositions_of(prior: Prior, problem: Problem, dropped: list[Dropped]) -> dict[Numbers, float]:
    """Believed compositions, each once, with the share of such units among those with as many members."""
    told = list(told_compositions(prior.compositions or (), problem, "compositions", dropped))
    sums: dict[int, float] = {}
    for numbers, percent in told:
        sums[sum(numbers)] = sums.get(sum(numbers), 0.0) + percent
    for n, total in sums.items():
        if total > 100 + ROUNDING:
            reason = f"they add up to {total:.4g}%; they were stretched to 100%"
            dropped.append(Dropped(belief=f"compositions of {n}", reason=reason, action="mended"))
    found: dict[Numbers, float] = {}
    for numbers, percent in told:
        share = percent / max(sums[sum(numbers)], 100.0)  # more than all is stretched to all
        found[numbers] = found.get(numbers, 0.0) + share
    return found


def told_compositions(
    beliefs: Sequence[CompositionBelief], problem: Problem, place: str, dropped: list[Dropped]
) -> Iterator[tuple[Numbers, float]]:
    """Members of each role and the percent of each composition that there can be.

    Args:
        beliefs: as written.
        problem: what is known.
        place: of the list, for people.
        dropped: takes those that cannot be, with the reason.
    """
    level = level_of_roles(problem)
    for i, belief in enumerate(beliefs):
        numbers: Numbers = ()
        wrong = "no members have roles" if level is None else ""
        if level is not None:
            own = problem.schema.levels[level]
            numbers, wrong = _numbers(belief, own.variables[own.position(own.role)].labels, levels_of(problem.spec)[level])
        if wrong:
            dropped.append(Dropped(belief=f"{place}[{i}]", reason=wrong))
        else:
            yield numbers, belief.percent


def _numbers(belief: CompositionBelief, labels: tuple[str, ...], form: LevelForm) -> tuple[Numbers, str]:
    """Members of each role, and why there cannot be such."""
    for label in belief.members:
        if label not in labels:
            return (), f"'{label}' is no {form.role}; {nearest(label, labels)}"
    numbers = tuple(belief.members.get(label, 0) for label in labels)
    for label, n in zip(labels, numbers, strict=True):
        number = form.roles.get(label)
        if number is not None and (n < number.min or (number.max is not None and n > number.max)):
            return (), f"{n} with {form.role} '{label}' are more, or fewer, than there may be"
    total = sum(numbers)
    if total < form.number.min or (form.number.max is not None and total > form.number.max):
        return (), f"{total} {form.name}s are more, or fewer, than there may be"
    return numbers, ""
