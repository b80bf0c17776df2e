"""What every question to a model says: the variables as they are shown, what is known of them, which pairs there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from itertools import combinations

import numpy as np

from synthor.prior.shown import Shown, shown
from synthor.problem import Problem
from synthor.types import Shares


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two variables whose dependence is asked for: `of` given `given`.

    Attributes:
        given: name of the one.
        of: name of the other.
        among: the rows that are counted, in words; empty where that is all records.
    """

    given: str
    of: str
    among: str = ""

    def __str__(self) -> str:
        return f"{self.of} given {self.given}"


@dataclass(frozen=True, kw_only=True, eq=False)
class Scene:
    """What every question says: the context, the variables as they are shown, what is impossible.

    Attributes:
        context: of the spec.
        variables: as they are shown.
        shares: (size,) of what is shown, for each variable.
        published: whether a target gives these shares.
        rules: texts and reasons of what is known to be impossible.
        levels: what units and their members are, in words; none of flat records.
        places: for each variable which of them it is about, by their number; none of flat records.
        follows: from what variables follow that do, by their names.
        alike: for a member's variable by its role the name of the same variable of all members.
    """

    context: str
    variables: tuple[Shown, ...]
    shares: tuple[Shares, ...]
    published: tuple[bool, ...]
    rules: tuple[tuple[str, str], ...] = ()
    levels: tuple[str, ...] = ()
    places: tuple[int, ...] = ()
    follows: Mapping[str, str] = field(default_factory=dict)
    alike: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def by_name(self) -> Mapping[str, Shown]:
        """The variables by their names."""
        return {variable.name: variable for variable in self.variables}

    def share(self, name: str) -> Shares:
        """Shares of one variable by its name, (size,)."""
        return self.shares[[variable.name for variable in self.variables].index(name)]


def scene(problem: Problem, variables: Sequence[Shown], marginals: Sequence[Shares]) -> Scene:
    """The scene of a problem.

    Args:
        problem: what is known.
        variables: as they are shown.
        marginals: (k,) shares of the categories of each variable, published or believed.
    """
    told = [v for v, variable in enumerate(variables) if not variable.variable.kind.free]
    return Scene(
        context=problem.spec.context.strip() or problem.spec.title.strip(),
        variables=tuple(variables[v] for v in told),
        shares=tuple(variables[v].gathered(marginals[v]) for v in told),
        published=tuple(problem.marginal(v) is not None for v in told),
        rules=tuple((rule.text, rule.why) for rule in problem.rules),
    )


def plain_scene(problem: Problem) -> Scene:
    """The scene as the problem tells it: no groups, and even shares where none are published."""
    variables = problem.schema.unit.variables
    known = [problem.marginal(v) for v in range(len(variables))]
    even = [np.full(variable.size, 1 / variable.size) for variable in variables]
    marginals = [other if shares is None else shares for shares, other in zip(known, even, strict=True)]
    return scene(problem, [shown(variable) for variable in variables], marginals)


def all_pairs(problem: Problem) -> tuple[Pair, ...]:
    """Every pair of variables that no published cross-table gives; the kind of zone is `given`, else what is declared first."""
    crossed = {pair for target in problem.counts if target.flat for pair in combinations(sorted(target.columns), 2)}
    names = [variable.name for variable in problem.schema.unit.variables]
    order = [*problem.attributes, *(v for v in range(len(names)) if v not in problem.attributes)]
    return tuple(
        Pair(given=names[a], of=names[b])
        for a, b in combinations(order, 2)
        if (min(a, b), max(a, b)) not in crossed and min(problem.schema.unit.variables[v].size for v in (a, b)) > 1
    )
