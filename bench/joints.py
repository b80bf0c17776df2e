"""Joint distributions that are known: what bench/truth.py measures against."""

import itertools
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.special import ndtr, ndtri

from synthor.evaluate.tables import Group, Reference
from synthor.prior.mixture import Mixture
from synthor.schema import Units
from synthor.schema.cells import flat
from synthor.types import Codes, Floats, Shares

N_REFERENCE = 300_000
LABELS = "abcdef"

Conditions = tuple[tuple[int, int], ...]
"""Categories that do not occur together, as (variable, category)."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Joint:
    """A known joint distribution.

    Attributes:
        sizes: categories of each variable.
        codes: (n, v) every cell that has a share, or the draws of a large reference sample.
        weights: (n,) their shares.
        listed: whether every cell is listed, so that nothing about the joint is noise.
        impossible: structural zeros.
        plan: the same joint as a mixture, where it is one.
    """

    sizes: tuple[int, ...]
    codes: Codes
    weights: Shares
    listed: bool = True
    impossible: tuple[Conditions, ...] = ()
    plan: Mixture | None = None

    @cached_property
    def reference(self) -> Reference:
        """Its tables of all pairs and triples."""
        return Reference.count(Units.flat(self.codes), self.weights, self.sizes, [(v,) for v in range(len(self.sizes))])

    @property
    def rules(self) -> list[dict[str, str]]:
        """Its structural zeros as a spec has them."""
        return [{"never": " and ".join(f"v{v} = '{LABELS[c]}'" for v, c in zero)} for zero in self.impossible]

    def table(self, pair: Group) -> Floats:
        """Joint shares of two variables, (a, b)."""
        a, b = pair
        return self.reference.pair_shares[self.reference.pairs.index(pair)].reshape(self.sizes[a], self.sizes[b])

    def sample(self, n: int, random: np.random.Generator) -> Codes:
        """Records drawn at random."""
        return self.codes[random.choice(len(self.codes), n, p=self.weights)]


def cells(sizes: Sequence[int]) -> Codes:
    """Every combination of categories, (cells, v), row-major."""
    return np.stack(np.unravel_index(np.arange(int(np.prod(sizes))), sizes), axis=1).astype(np.int32)


def log_linear(
    sizes: tuple[int, ...],
    random: np.random.Generator,
    *,
    strength: float = 0.8,
    three_way: float = 0.0,
    impossible: tuple[Conditions, ...] = (),
) -> Joint:
    """A joint whose log is a sum of normal terms: of half of all pairs, and of a third of all triples. Marginals are drawn.

    Args:
        sizes: categories of each variable.
        random: draws the terms and the marginals.
        strength: standard deviation of the two-way terms.
        three_way: standard deviation of the three-way terms, 0 for none.
        impossible: combinations whose share is taken from them in the end.
    """
    codes = cells(sizes)
    logs = np.zeros(len(codes))
    for size, spread, kept in ((2, strength, 0.5), (3, three_way, 1 / 3)):
        for group in itertools.combinations(range(len(sizes)), size):
            terms = random.normal(0, 1, [sizes[v] for v in group])
            if random.random() < kept and spread:
                logs += spread * terms[tuple(codes[:, v] for v in group)]
    tables = [((v,), random.dirichlet(np.full(size, 5.0))) for v, size in enumerate(sizes)]
    shares = pulled(np.exp(logs - logs.max()), codes, sizes, tables)  # which adds one-way terms and leaves all others
    for zero in impossible:
        shares[np.all([codes[:, v] == category for v, category in zero], axis=0)] = 0.0
    alive = shares > 0
    return Joint(sizes=sizes, codes=codes[alive], weights=shares[alive] / shares.sum(), impossible=impossible)


def pulled(
    shares: Shares, codes: Codes, sizes: Sequence[int], tables: Sequence[tuple[Group, Floats]], *, sweeps: int = 400
) -> Shares:
    """Shares of cells pulled onto tables over some variables: iterative proportional fitting (Deming and Stephan, 1940)."""
    indices = [flat([codes[:, v] for v in group], [sizes[v] for v in group]) for group, _ in tables]
    for _ in range(sweeps):
        gap = 0.0
        for index, (_, wanted) in zip(indices, tables, strict=True):
            got = np.bincount(index, shares, len(wanted))
            gap = max(gap, float(np.abs(got - wanted).max()))
            shares = shares * np.where(got > 0, wanted / np.where(got > 0, got, 1), 0.0)[index]
        if gap < 1e-7:
            break
    return shares / shares.sum()


def segments(sizes: tuple[int, ...], random: np.random.Generator, n: int = 6) -> Joint:
    """A mixture of segments, independent inside each."""
    tables = tuple(random.dirichlet(np.full(size, 0.7), n) for size in sizes)
    return _mixed(sizes, Mixture(shares=random.dirichlet(np.full(n, 4.0)), tables=tables))


def copula(sizes: tuple[int, ...], random: np.random.Generator, nodes: int = 14) -> Joint:
    """A Gaussian copula with two factors, cut into bins; the factors are integrated by Gauss and Hermite's rule.

    Given the factors the variables are independent, so the rule makes it a mixture of nodes x nodes segments: the truth here.
    """
    points, shares = np.polynomial.hermite_e.hermegauss(nodes)
    factors = np.stack([np.repeat(points, nodes), np.tile(points, nodes)], axis=1)
    weights = np.outer(shares, shares).ravel()
    tables = []
    for size in sizes:
        direction = random.normal(0, 1, 2)
        loading = direction / np.linalg.norm(direction) * random.uniform(0.4, 0.9)
        cuts = ndtri(np.cumsum(random.dirichlet(np.full(size, 4.0)))[:-1])
        below = ndtr((cuts[None, :] - (factors @ loading)[:, None]) / np.sqrt(1 - loading @ loading))
        tables.append(np.diff(below, axis=1, prepend=0.0, append=1.0))
    return _mixed(sizes, Mixture(shares=weights / weights.sum(), tables=tuple(tables)))


def _mixed(sizes: tuple[int, ...], plan: Mixture) -> Joint:
    codes = cells(sizes)
    shares = np.exp(plan.log_density(Units.flat(codes)))
    return Joint(sizes=sizes, codes=codes, weights=shares / shares.sum(), plan=plan)


def band(sizes: tuple[int, ...], random: np.random.Generator, *, n: int = N_REFERENCE, strength: float = 0.8) -> Joint:
    """A log-linear joint of many variables: two-way terms of each with the next and the next but one; a reference sample of it.

    What is left to the right of two neighbours is summed out exactly, from the last variable to the first; then the sample is
    drawn from the first to the last.
    """
    last = len(sizes)
    ahead = np.zeros((sizes[-2], sizes[-1]))
    steps: list[Floats] = []
    for v in range(last - 1, 1, -1):
        a, b, c = sizes[v - 2 : v + 1]
        logs = random.normal(0, strength, (a, 1, c)) + random.normal(0, strength, (1, b, c)) + random.normal(0, 0.4, (1, 1, c))
        logs = logs + ahead[None]
        ahead = np.logaddexp.reduce(logs, axis=2)
        steps.append(np.exp(logs - ahead[:, :, None]))
    first = np.exp(ahead + random.normal(0, strength, ahead.shape))
    codes = np.empty((n, last), np.int32)
    start = random.choice(first.size, n, p=first.ravel() / first.sum())
    codes[:, 0], codes[:, 1] = np.unravel_index(start, first.shape)
    for v, rows in enumerate(reversed(steps), start=2):
        rising = np.cumsum(rows[codes[:, v - 2], codes[:, v - 1]], axis=1)
        codes[:, v] = np.minimum((random.random(n)[:, None] > rising).sum(axis=1), sizes[v] - 1)
    return Joint(sizes=sizes, codes=codes, weights=np.full(n, 1 / n), listed=False)


ZEROS: tuple[Conditions, ...] = (((0, 0), (1, 1)), ((2, 0), (3, 0)), ((4, 1), (5, 2), (6, 0)))

KINDS: dict[str, Callable[[np.random.Generator], Joint]] = {
    "two-way, 6 variables": lambda random: log_linear((2, 3, 4, 3, 2, 5), random),
    "two-way, 8 variables": lambda random: log_linear((2, 3, 4, 5, 2, 3, 6, 2), random, strength=0.7),
    "strong two-way, 10 variables": lambda random: log_linear((2, 3, 4, 5, 2, 3, 6, 2, 4, 3), random, strength=1.6),
    "three-way, 7 variables": lambda random: log_linear((2, 3, 4, 3, 2, 5, 3), random, strength=0.6, three_way=0.6),
    "segments, 8 variables": lambda random: segments((2, 3, 4, 5, 2, 3, 6, 2), random),
    "copula, 8 variables": lambda random: copula((2, 3, 4, 5, 2, 3, 6, 2), random),
    "zeros, 7 variables": lambda random: log_linear((2, 3, 4, 3, 2, 5, 3), random, impossible=ZEROS),
    "two-way, 20 variables": lambda random: band((2, 3, 2, 4, 2, 3, 2, 3, 2, 6) * 2, random),
}


def joint_of(kind: str, seed: int) -> Joint:
    """The joint of one kind that a seed gives."""
    return KINDS[kind](np.random.default_rng([seed, list(KINDS).index(kind)]))


def largest_entropy(joint: Joint, pairs: Sequence[Group]) -> Joint:
    """The distribution of largest entropy among all on a joint's cells that have its marginals and its tables of some pairs.

    It is what these tables fix; all cells must be listed.
    """
    even = np.full(len(joint.codes), 1 / len(joint.codes))
    tables = [((v,), marginal) for v, marginal in enumerate(joint.reference.marginals)]
    shares = pulled(even, joint.codes, joint.sizes, tables + [(pair, joint.table(pair).ravel()) for pair in pairs])
    return Joint(sizes=joint.sizes, codes=joint.codes, weights=shares)
