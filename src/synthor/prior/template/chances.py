"""Categories given others: P(c | parents) ~ m(c) prod_a [t_a(c | a) / m(c)]^lambda_a, what rules forbid left out.

The product is what follows where the parents are independent given c. With one parent and lambda = 1 it is the table itself; a
table with equal rows changes nothing. Lambda is less than one since beliefs are: a table that nobody is sure of leaves c near
its marginal, instead of pulling it as far as a fact would. No more than the four strongest parents count: the more there are
the more they repeat each other, which `factors` corrects for, and the fewer rows show what they say together.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.prior.beliefs import FLOOR_CELL
from synthor.prior.template.told import Believed, Dependence, Weights
from synthor.schema import Ref, Schema
from synthor.types import Codes, Floats, Mask, Shares

MOST_PARENTS = 4

See = Callable[[Ref], Codes]
"""What the rows that are drawn see by a ref, (rows,), -1 where there is nothing."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Closed:
    """Which categories a rule leaves open.

    Attributes:
        refs: of the other columns that the rule looks at.
        sizes: their categories; one more stands for what is not there.
        open: (their combinations, k) whether a category may be drawn.
    """

    refs: tuple[Ref, ...]
    sizes: tuple[int, ...]
    open: Mask

    def of(self, see: See) -> Mask:
        """The same for some rows, (rows, k)."""
        index = np.zeros((), np.int64)
        for ref, size in zip(self.refs, self.sizes, strict=True):
            codes = see(ref)
            index = index * (size + 1) + np.where(codes < 0, size, codes)
        return np.atleast_2d(self.open[index])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Chances:
    """Chances of one variable's categories.

    Attributes:
        marginal: (k,).
        parents: what it depends on.
        ratios: for each parent (categories + 1, k) the factors [t / m]^lambda; the last row is for what is not there.
        closed: what rules leave.
    """

    marginal: Shares
    parents: tuple[Ref, ...]
    ratios: tuple[Floats, ...]
    closed: tuple[Closed, ...] = ()

    @classmethod
    def of(cls, schema: Schema, believed: Believed, tables: Sequence[Dependence], closed: Sequence[Closed] = ()) -> "Chances":
        """Of a variable given some tables, all of which count.

        Only rules and marginals say that something is impossible: see `lift`.
        """
        marginal = believed.marginal / believed.marginal.sum()
        ratios = []
        for table in tables:
            ratio = lift(table.shares(marginal), marginal) ** table.trust
            silent = len(ratio) == schema.variable(table.given).size  # of those who see nobody
            ratios.append(np.concatenate([ratio, np.ones((1, len(marginal)))]) if silent else ratio)
        return cls(
            marginal=marginal,
            parents=tuple(table.given for table in tables),
            ratios=tuple(ratios),
            closed=tuple(closed),
        )

    def weights(self, see: See, n: int) -> Weights:
        """Weights of all categories for n rows, (n, k); all 0 where rules leave nothing."""
        found = np.tile(self.marginal, (n, 1))
        for parent, ratio in zip(self.parents, self.ratios, strict=True):
            found *= ratio[see(parent)]  # -1, for what is not there, is the last row
        for closed in self.closed:
            found *= closed.of(see)
        return found

    @property
    def looked_at(self) -> frozenset[Ref]:
        """All that it looks at."""
        return frozenset(self.parents).union(*(closed.refs for closed in self.closed))


def lift(rows: Floats, usual: Floats) -> Floats:
    """How many times as likely categories are as usually: t / m; 1 of what never is.

    A believed 0 stands for what hardly ever occurs, beside what is usual: less than one in a million times as often, and no
    less, so that a target can still ask for it.
    """
    return np.where(usual > 0, np.maximum(rows / np.where(usual > 0, usual, 1.0), FLOOR_CELL), 1.0)
