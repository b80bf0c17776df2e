"""How values lie inside the finest bins of all variables, whatever row they are of, and what their bins count with."""

import numpy as np

from synthor.fit.shares_by_role import SharesByRole
from synthor.fit.slices import fine_shapes
from synthor.prior.beliefs import Beliefs
from synthor.problem import Problem
from synthor.schema import Ref
from synthor.types import Floats
from synthor.values import Shape

POINTS = 64
"""Values of a bin that its mean and mean square are taken over."""


def all_shapes(problem: Problem, beliefs: Beliefs) -> tuple[tuple[Shape, ...], ...]:
    """How values lie inside the finest bins: for each level a shape a variable.

    Args:
        problem: gives the variables; its tables say how members are spread.
        beliefs: say how units are, and members where no table does.
    """
    known = SharesByRole(problem, beliefs)
    below = (
        tuple(known.shape(at, column) for column in range(len(level.variables)))
        for at, level in enumerate(problem.schema.levels[1:], start=1)
    )
    return fine_shapes(problem, beliefs.marginals), *below


def powers_of_statistics(problem: Problem, beliefs: Beliefs) -> dict[Ref, tuple[Floats, Floats]]:
    """Expected value and square in each bin of the columns that have statistics."""
    refs = {of.ref: of.of for _, of in problem.of_values}
    shapes = all_shapes(problem, beliefs) if refs else ()
    return {ref: powers(shapes[ref.level][position]) for ref, position in refs.items()}


def powers(fine: Shape) -> tuple[Floats, Floats]:
    """Expected value and expected square in each bin of a numeric variable, (k,) each; 0 where there are no values."""
    size = fine.variable.size
    u = (np.arange(POINTS) + 0.5) / POINTS
    values = fine.at(np.repeat(np.arange(size, dtype=np.int32), POINTS), np.tile(u, size)).fill_null(0)
    table = values.to_numpy().astype(np.float64).reshape(size, POINTS)
    return table.mean(axis=1), np.square(table).mean(axis=1)
