"""A template made ready: every variable's factors fitted on units that are drawn for it, from the top down.

Each variable is fitted on rows whose parents were drawn with fitted factors, with a fixed seed. Then factors are numbers like
others, and densities are as exact as before. Rows that are drawn one after the other (trips that look at the trip before) stay
as they were told.
"""

from dataclasses import replace

import numpy as np

from synthor.information import effective_size
from synthor.prior.template.drawn import Plan
from synthor.prior.template.factors import alone, factor, fitted, normal
from synthor.prior.template.kinds import Drawing, KindOfRow, Kinds, Sibling
from synthor.prior.template.making import Maker, Walk
from synthor.prior.template.nested import Nested
from synthor.prior.template.told import Template, Weights
from synthor.randomness import generator
from synthor.types import CellIndex, Codes, Counts, Floats

FITTED_ON = 20_000
"""Units that are drawn to fit factors on."""

CHAINS = 3
"""Times that members are drawn oldest first, to fit what hangs on the one before."""


def prepared(template: Template) -> Maker:
    """A template ready to be drawn from, its factors fitted.

    Raises:
        ValueError: see `Maker.of`.
    """
    maker = Maker.of(template)
    plan = Plan.of(maker, FITTED_ON, 0)
    random = generator(0, "template", "fitted")
    composition = plan.slots
    structure = plan.structures(composition, random)
    weight = np.exp(plan.log_each(plan.draws)[composition])
    walk = _Fitting(maker, structure, weight, random)
    walk.down(plan.numbers[composition])
    return replace(maker, kinds=walk.fitted)


class _Fitting(Walk):
    """One way down, each variable fitted before it is drawn.

    Args:
        maker: as its template was told.
        structure: (n,) structural variables of the units that it is fitted on.
        weight: (n,) of each of these.
        random: draws.
    """

    def __init__(self, maker: Maker, structure: CellIndex, weight: Floats, random: np.random.Generator) -> None:
        """At the top, nothing fitted yet."""
        nested = Nested(maker.template.schema, maker.structures[structure].copy(), maker.kinds.roles)
        super().__init__(maker.template, maker.kinds, nested, random)
        self.weight = weight * (effective_size(weight) / weight.sum())
        self.chained = False
        self.better: dict[int, Drawing] = {}
        self.siblings: dict[int, Sibling] = {}

    @property
    def fitted(self) -> Kinds:
        """All that is drawn, with fitted factors."""
        rows = tuple(tuple(self._with(kind) for kind in kinds) for kinds in self.kinds.rows)
        return replace(self.kinds, rows=rows, rest=tuple(self._of(drawing) for drawing in self.kinds.rest))

    def _of(self, drawing: Drawing) -> Drawing:
        return self.better.get(id(drawing), drawing)

    def _with(self, kind: KindOfRow) -> KindOfRow:
        sibling = self.siblings.get(id(kind), kind.sibling)
        return replace(kind, drawings=tuple(self._of(drawing) for drawing in kind.drawings), sibling=sibling)

    def _count(self, level: int, rows: CellIndex, weights: Weights, codes: Codes | Counts) -> None:
        """Nobody asks how likely the units are that factors are fitted on."""

    def _derive(self) -> None:
        """What follows from members, if anything that is drawn after it may look at it."""
        if self.kinds.rest:
            super()._derive()

    def rows_of(self, level: int, kind: KindOfRow) -> None:
        """All rows of one kind; where they are drawn one after the other, nothing but their order is fitted."""
        self.chained = kind.chained
        super().rows_of(level, kind)
        self.chained = False

    def draw(self, level: int, rows: CellIndex, drawing: Drawing) -> None:
        """One variable of some rows, fitted first."""
        if not self.chained:
            weight = self.weight[self.nested.climbed(0, level, rows)]
            better = fitted(drawing.chances, lambda ref: self.nested.see(ref, level, rows), weight, effective_size(weight))
            self.better[id(drawing)] = replace(drawing, chances=better)
        super().draw(level, rows, self._of(drawing))

    def oldest_first(self, level: int, kind: KindOfRow) -> None:
        """The ordering variable: first as of members by themselves, then, drawn again and again, with the one before."""
        laid, ordering = self.nested.laid[level], kind.drawings[0]
        rows = np.flatnonzero(laid.kind == kind.index)
        weight = self.weight[self.nested.climbed(0, level, rows)]
        chances = fitted(ordering.chances, lambda ref: self.nested.see(ref, level, rows), weight, effective_size(weight))
        self.better[id(ordering)] = replace(ordering, chances=chances)
        for _ in range(CHAINS if kind.sibling is not None else 0):
            for feature in range(-1, len(chances.parents)):
                self.random = generator(0, "template", "chain", level, kind.index)
                self._refit(level, kind, len(chances.parents) - 1 - feature)
        super().oldest_first(level, self._with(kind))

    def _refit(self, level: int, kind: KindOfRow, feature: int) -> None:
        """One more step of one parent's factors, or, behind these, of the member before's, on members drawn with all so far."""
        now = self._with(kind)
        (ordering, *_), sibling = now.drawings, now.sibling
        assert sibling is not None
        parents = ordering.chances.parents
        got = np.zeros(sibling.factors.shape if feature == len(parents) else ordering.chances.ratios[feature].shape)
        goal = np.zeros(got.shape)
        for rows, before, weights, by_itself in self.chain(level, now):
            self.settle(level, rows, ordering.column, weights)
            weight = self.weight[self.nested.climbed(0, level, rows)][:, None]
            if feature < len(parents):
                np.add.at(got, self.nested.see(parents[feature], level, rows), normal(weights) * weight)
            else:
                later = before >= 0
                np.add.at(got, before[later], (normal(weights) * weight)[later])
                np.add.at(goal, before[later], (normal(by_itself) * weight)[later])
        if feature == len(parents):
            factors = sibling.factors * factor(got, normal(goal))
            self.siblings[id(kind)] = replace(sibling, factors=factors)
            return
        told, ratios = kind.drawings[0].chances, list(ordering.chances.ratios)
        ratios[feature] = ratios[feature] * factor(got, alone(told.marginal, told.ratios[feature]))
        self.better[id(kind.drawings[0])] = replace(ordering, chances=replace(ordering.chances, ratios=tuple(ratios)))
