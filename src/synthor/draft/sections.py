"""Labels in rows of their own: whether the rows below them are of the same variables, or each of a table of its own.

Tables of several variables may also stand below each other without any such row: men and women, then ages.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from synthor.draft.grid import Grid
from synthor.draft.meaning import meaning, sex_of
from synthor.draft.roles import PEOPLE, Roles
from synthor.spec.tables.labels import is_total, span, undressed
from synthor.types import Floats

GROWN = 15
"""Age from which people are grown, as tables of two bands have it."""
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


def by_variables(grid: Grid, roles: Roles) -> dict[str, Grid] | str:
    """The rows of each of several variables whose labels follow each other in one column, each with the same sum.

    One of them is of sexes, or of ages; the row of all people that may stand first is given to each. Where sexes and ages
    follow each other and their sums differ, the reason why nothing can be said; empty for a table of one variable.
    """
    if len(roles.sides) != 1 or grid.depth or grid.indents:
        return {}
    side = roles.sides[0]
    labels = [row[side] for row in grid.rows]
    if not all(labels) or len(set(map(undressed, labels))) < len(labels):
        return {}
    first = int(is_total(labels[0]) or PEOPLE.fullmatch(undressed(labels[0])) is not None)
    cells = np.array([[_value(grid, row[i]) for i in roles.values] for row in grid.rows])
    sexes = [i for i, label in enumerate(labels) if sex_of(label)]
    every = cells[0] if first else cells[sexes].sum(axis=0)
    runs = _runs(cells[first:], every)
    names = [_name_of([labels[first + i] for i in run]) for run in runs]
    named = [name for name in names if name]
    if len(runs) > 1 and {"sex", "age"} & set(named) and len(set(named)) == len(named):
        heads = [name or f"{grid.name(side)} {at}" for at, name in enumerate(names, start=1)]
        return {
            head: replace(grid, rows=(*grid.rows[:first], *(grid.rows[first + i] for i in run)))
            for head, run in zip(heads, runs, strict=True)
        }
    bands = [i for i, label in enumerate(labels) if span(label) is not None]
    if len({sex_of(labels[i]) for i in sexes}) > 1 and len(bands) > 1 and len(sexes) + len(bands) + first == len(labels):
        return (
            f"'{labels[sexes[0]]}' and '{labels[bands[0]]}' are of different variables in one column: take one table for each"
        )
    return {}


def _name_of(labels: Sequence[str]) -> str:
    """What labels beside others of the same people are of; empty where they do not tell. Bands up to grown people are ages."""
    spans = [span(label) for label in labels]
    grown = all(spans) and max(one.low for one in spans if one is not None) >= GROWN
    return meaning(labels) or ("age" if grown else "")


def _runs(cells: Floats, every: Floats) -> list[list[int]]:
    """Rows that follow each other and add up to the same as all of the others; none where some are left."""
    found: list[list[int]] = []
    run: list[int] = []
    for i in range(len(cells)):
        run.append(i)
        if len(run) > 1 and np.allclose(cells[run].sum(axis=0), every, rtol=1e-9, atol=0.5):
            found.append(run)
            run = []
    return [] if run else found


def _value(grid: Grid, text: str) -> float:
    cell = grid.number(text)
    return np.nan if cell is None else cell.value
