"""How many candidates a problem gets, and the memory that it takes, told before any of it is taken."""

import os
import sys

import numpy as np

from synthor.errors import Finding, InputError
from synthor.problem import Problem

POOL_SIZE = 100_000
"""Candidates, where there are not very many variables or tables."""

FEWEST, WIDE = 15_000, 300
"""Variables or tables beyond which candidates are fewer, by the square of how many times as many there are: what is computed
for each grows as fast. But no fewer than the first."""

BYTES_OF_A_VARIABLE, BYTES_OF_A_TABLE, BYTES_OF_A_CELL = 16, 72, 400
"""Memory that each variable and each table take for a candidate, and each cell of a table in all, at most; measured."""

BYTES_OF_A_BELIEF = 64
"""Memory that each cell of a believed table takes."""

SHARE_OF_MEMORY = 0.8
"""Share of a machine's memory that one fit may ask for."""


def usual_pool_size(problem: Problem) -> int:
    """Candidates to draw: the same on every machine, fewer where each is large."""
    width = max(len(problem.schema.unit.columns), len(problem.targets), 1)
    return int(np.clip(POOL_SIZE * (WIDE / width) ** 2, FEWEST, POOL_SIZE))


def refuse_what_cannot_fit(problem: Problem, believed_cells: int, size: int) -> None:
    """Say that a problem needs more memory than the machine has, rather than fail when it is taken.

    Args:
        problem: what is known.
        believed_cells: cells of all tables that are believed.
        size: candidates.

    Raises:
        InputError: it does.
    """
    n_variables, n_tables = len(problem.schema.unit.columns), len(problem.targets)
    grids = [target.grid for target in problem.targets]
    cells = sum(float(grid.size) for grid in grids)
    parts = {
        f"{size:,} candidates with {n_variables:,} variables and {n_tables:,} tables": size
        * (BYTES_OF_A_VARIABLE * n_variables + BYTES_OF_A_TABLE * n_tables),
        f"{cells:,.0f} cells of tables": BYTES_OF_A_CELL * cells,
        f"{believed_cells:,} cells of believed tables": BYTES_OF_A_BELIEF * believed_cells,
    }
    needed, there = sum(parts.values()), _memory()
    if needed > SHARE_OF_MEMORY * there:
        most = max(parts, key=lambda part: parts[part])
        message = f"needs about {needed / 2**30:,.1f} GiB of memory, most of it for {most}; {there / 2**30:,.1f} GiB are there"
        cure = "leave out variables or tables, put categories into fewer groups, or use a machine with more memory"
        raise InputError([Finding(where="spec", message=message, cure=cure)])


def _memory() -> float:
    """Bytes that this process may have; without bound where the system does not tell."""
    if sys.platform == "win32":
        return float("inf")
    import resource

    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    physical = float(os.sysconf("SC_PAGE_SIZE")) * float(os.sysconf("SC_PHYS_PAGES"))
    return physical if limit == resource.RLIM_INFINITY else min(physical, float(limit))
