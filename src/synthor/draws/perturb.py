"""Beliefs as they might as well have been said: each moved by as much as it is unsure.

A strength of n pseudo-records means that a belief is worth a sample of n records, so what it speaks of is known as well as such
a sample would tell it: as a Dirichlet distribution, which independent gamma variates divided by their sum have.

    dependency table t_d of strength n_d      joint ~ Dirichlet(n_d t_d), then fitted to the known marginals as always
    row r of a three-way table of k rows       r     ~ Dirichlet(n_d r / k)
    segment shares w_s of the plan            w     ~ Dirichlet(n_q w)
    a variable's weights r inside segment s   r     ~ Dirichlet(n_q w_s r)
    marginal m of a variable without target   m     ~ Dirichlet(MARGINAL_STRENGTH m)

Rules stay. Each belief has a stream of random numbers of its own, by its name, so that a draw depends neither on how many draws
are made nor on the other beliefs.
"""

from collections.abc import Sequence

import numpy as np

from synthor.prior.beliefs import BASE_STRENGTH, BelievedTable, resolve
from synthor.prior.model import Dependency, Marginal, Prior, Proposal, ThreeWay
from synthor.prior.shown import shown
from synthor.problem import Problem
from synthor.randomness import generator
from synthor.types import Floats, Shares

MARGINAL_STRENGTH = 300.0
"""Pseudo-records that a believed marginal is worth: as a dependency table of confidence 0.5."""

DECIMALS = 6
"""Of percents, as they are written."""


def perturb(prior: Prior, problem: Problem, number: int) -> Prior:
    """The same beliefs, each moved at random by as much as its strength leaves open.

    Args:
        prior: as it was said.
        problem: its random seed names the streams; its targets say which marginals are known.
        number: of the draw, from 1. The same number gives the same beliefs.

    Returns:
        Beliefs about the same things. What cannot be used stays as it is, to be listed by the fit.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec("{records: 9, variables: {car: {type: boolean}, rents: {type: boolean}}}"))
    >>> said = Prior(dependencies=[Dependency(given="car", of="rents", rows=[[20, 80], [60, 40]])])
    >>> perturb(said, problem, 1) == perturb(said, problem, 1) != perturb(said, problem, 2)
    True
    """
    marginals = _marginals(prior, problem, number)
    known = Prior(marginals=marginals, groups=prior.groups)
    seen: dict[str, int] = {}
    tables = []
    for belief in prior.dependencies:
        name = f"{belief.of} given {belief.given}"
        seen[name] = seen.get(name, 0) + 1
        believed = resolve(known.model_copy(update={"dependencies": [belief]}), problem).tables
        random = _stream(problem, number, "table", name, seen[name])
        tables.append(_table(belief, believed[0], random) if believed else belief)
    whole = sum(proposal.share for proposal in prior.proposals)
    plan = [
        _proposal(proposal, known, problem, BASE_STRENGTH * proposal.share / whole, _stream(problem, number, "segment", place))
        for place, proposal in enumerate(prior.proposals)
    ]
    changed = {"dependencies": tables, "marginals": marginals, "proposals": plan}
    if prior.three_way:
        changed["three_way"] = [_three_way(belief, known, problem, number) for belief in prior.three_way]
    return prior.model_copy(update=changed)


def dirichlet(alpha: Floats, random: np.random.Generator) -> Shares:
    """Shares drawn from a Dirichlet distribution; the mean where alpha is so small that all gamma variates are 0.

    >>> dirichlet(np.array([1e9, 3e9]), np.random.default_rng(0)).round(2)
    array([0.25, 0.75])
    """
    drawn = random.standard_gamma(alpha)
    return np.asarray(drawn / drawn.sum() if drawn.sum() > 0 else alpha / alpha.sum(), dtype=np.float64)


def _stream(problem: Problem, number: int, *names: object) -> np.random.Generator:
    return generator(problem.spec.random_seed, "draw", number, *names)


def _marginals(prior: Prior, problem: Problem, number: int) -> list[Marginal]:
    """Marginals of all variables that no target gives, told or implied by other beliefs, each moved."""
    variables = problem.schema.unit.variables
    unknown = [v for v in range(len(variables)) if problem.marginal(v) is None]
    if not unknown:
        return prior.marginals
    believed = resolve(prior, problem).marginals
    return [
        Marginal(
            of=name, percent=_percent(dirichlet(MARGINAL_STRENGTH * believed[v], _stream(problem, number, "marginal", name)))
        )
        for v in unknown
        for name in [variables[v].name]
    ]


def _table(belief: Dependency, believed: BelievedTable, random: np.random.Generator) -> Dependency:
    joint = dirichlet((believed.strength * believed.grouped).ravel(), random).reshape(believed.grouped.shape)
    # A row so rare that none of it was drawn says what it said before.
    joint = np.where(joint.sum(axis=1, keepdims=True) > 0, joint, np.maximum(believed.grouped, np.finfo(float).tiny))
    rows = [_percent(row / row.sum()) for row in joint]
    return belief.model_copy(update={"rows": rows, "percent": None})


def _three_way(belief: ThreeWay, known: Prior, problem: Problem, number: int) -> ThreeWay:
    """A table of three variables, its pseudo-records spread evenly over its rows: how often each occurs it does not say."""
    believed = resolve(known.model_copy(update={"three_way": [belief]}), problem).three_way
    if not believed:
        return belief
    random, each = _stream(problem, number, "three-way", str(belief)), believed[0].strength / len(believed[0].rows)
    return belief.model_copy(update={"rows": [_percent(dirichlet(each * row, random)) for row in believed[0].rows]})


def _proposal(proposal: Proposal, known: Prior, problem: Problem, strength: float, random: np.random.Generator) -> Proposal:
    """A segment with another share, and other weights of whatever it gives several values of."""
    plan = resolve(known.model_copy(update={"proposals": [proposal]}), problem, floor=0.0)
    share = float(np.clip(random.standard_gamma(strength), 1e-9, 1e9))
    if plan.templated:  # its share is that of all units
        return proposal.model_copy(update={"share": proposal.share * share / strength})
    if not plan.n_proposals:
        return proposal.model_copy(update={"share": share})
    values = dict(proposal.values)
    for v, variable in enumerate(problem.schema.unit.variables):
        if variable.name in values:
            seen = shown(variable, known.groups.get(variable.name))
            row = seen.gathered(plan.base.tables[v][0])
            if (row > 0).sum() > 1:
                drawn = dirichlet(strength * row[row > 0], random)
                values[variable.name] = dict(zip(_held(seen.labels, row), _percent(drawn), strict=True))
    return proposal.model_copy(update={"share": share, "values": values})


def _held(labels: Sequence[str], row: Floats) -> list[str]:
    return [labels[int(code)] for code in np.flatnonzero(row > 0)]


def _percent(shares: Shares) -> list[float]:
    return np.round(100 * shares, DECIMALS).tolist()
