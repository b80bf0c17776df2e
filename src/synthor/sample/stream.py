"""Records from a fitted model, in chunks: memory is bounded by the pool and the chunk, not by how many records are made."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import polars as pl

from synthor.errors import BugError
from synthor.fit.model import Model
from synthor.problem import Problem
from synthor.randomness import generator
from synthor.sample.integerize import Band, integerize
from synthor.sample.mend import mend
from synthor.types import Counts
from synthor.units import Units
from synthor.values import Shape, broken, settle, shape

CHUNK = 250_000
VALUE_TRIES = 10_000
Records = dict[str, pl.DataFrame]
"""One table a level, by the level's name."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """A whole-numbered population: how many copies of which unit, and how their values are drawn.

    Attributes:
        problem: scaled to the number of units, with all rules.
        units: distinct units.
        counts: (n,) copies of each.
        shapes: how values lie inside categories, a variable of level 0 each.
        random_seed: draws order and values.
        swaps: units exchanged to meet the tables.
        moves: records moved to another cell to meet them.
        pulled: whether targets and rules were enforced; otherwise records are as the proposals have them.
    """

    problem: Problem
    units: Units
    counts: Counts
    shapes: tuple[Shape, ...]
    random_seed: int
    swaps: int
    moves: int
    pulled: bool = True

    @property
    def n_chunks(self) -> int:
        return -(-self.problem.n_units // CHUNK)

    def chunk(self, number: int) -> Records:
        """One chunk of records; the same whoever asks, in whatever order.

        Every chunk takes every `n_chunks`-th unit of the whole population, so each is a fair sample of it.
        """
        random = generator(self.random_seed, "records", "zone", "", "chunk", number)
        places = np.arange(number, self.problem.n_units, self.n_chunks)
        picks = np.searchsorted(np.cumsum(self.counts), random.permutation(places), side="right")
        units = self.units.take(picks)
        problem = self.problem if self.pulled else self.problem.with_only(())
        frame = settle(problem, self.shapes, units.codes, random, VALUE_TRIES)
        if problem.rules and broken(problem, frame).any():
            raise BugError("a record breaks a rule although its categories were found possible; please report the spec")
        return {self.problem.levels[0].name: frame} | self._members(units, random)

    def _members(self, units: Units, random: np.random.Generator) -> Records:
        tables = {}
        for level, members in zip(self.problem.levels[1:], units.members, strict=True):
            even = [Shape(variable=variable, decay=np.zeros(variable.size)) for variable in level.variables]
            columns = [shape.draw(members.codes[:, v], random) for v, shape in enumerate(even)]
            tables[level.name] = pl.DataFrame([pl.Series("unit", members.unit), *columns])
        return tables

    def chunks(self) -> Iterator[Records]:
        """All chunks in order."""
        return (self.chunk(number) for number in range(self.n_chunks))


def sample(
    model: Model,
    n_units: int | None = None,
    *,
    random_seed: int | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Sample:
    """Exactly N units from a fitted model, in whole numbers that meet its tables.

    Args:
        model: the fitted model.
        n_units: how many; the spec's number unless given. Targets are scaled in proportion.
        random_seed: the spec's unless given.
        advance: told how much of the rounding error is gone, of how much.
    """
    seed = model.problem.spec.random_seed if random_seed is None else random_seed
    problem = model.problem if n_units is None else model.problem.scaled(n_units)
    problem = problem.with_rules(model.beliefs.rules)
    units = model.pool.units
    enforced = problem.targets if model.pulled else ()
    bands = [Band(cells=target.cells(units), low=target.low, high=target.high) for target in enforced]
    order = np.lexsort(units.codes.T[::-1])
    random = generator(seed, "integerize", "zone", "", "part", 0)
    found = integerize(model.weights, problem.n_units, bands, order, random, advance=advance)
    counts, moves = found.counts, 0
    if found.error:
        units, counts, moves = mend(problem, units, counts, model.log_weight, random)
    kept = counts > 0
    shapes = tuple(
        shape(variable, shares) for variable, shares in zip(problem.levels[0].variables, model.beliefs.marginals, strict=True)
    )
    return Sample(
        problem=problem,
        units=units.take(np.flatnonzero(kept)),
        counts=counts[kept],
        shapes=shapes,
        random_seed=seed,
        swaps=found.swaps,
        moves=moves,
        pulled=model.pulled,
    )
