"""Labels in rows of their own: whether the rows below them are of the same variables, or each of a table of its own."""

from dataclasses import replace

from synthor.draft.grid import Grid
from synthor.draft.roles import Roles
from synthor.spec.tables.labels import is_total, undressed

CROSSED = 1.3
"""How often each label stands in the rows of some section, on average, where the same ones do in each."""


def by_sections(grid: Grid, roles: Roles) -> dict[str, Grid]:
    """The rows of each section of the outermost level, where sections have labels of their own; empty where they share them."""
    level = grid.sections[0]
    sides = [i for i in roles.sides if i != level]
    rows: dict[str, list[tuple[str, ...]]] = {}
    for row in grid.rows:
        if not is_total(row[level]):
            rows.setdefault(row[level], []).append(row)
    labels = [
        {tuple(undressed(row[i]) for i in sides) for row in inside if not any(is_total(row[i]) for i in sides)}
        for inside in rows.values()
    ]
    every = set().union(*labels)
    if len(rows) < 2 or not every or sum(map(len, labels)) > CROSSED * len(every):
        return {}
    return {label: replace(grid, rows=tuple(inside)) for label, inside in rows.items()}
