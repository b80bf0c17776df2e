"""Labels that are called like totals and are read as categories, because the numbers speak against it: a person is told."""

import re

import numpy as np

from synthor.draft.cube import Cube, SideLabels
from synthor.draft.roles import PEOPLE
from synthor.draft.wholes import ALL, EITHER, ENDS_AS_TOTAL
from synthor.spec.tables.labels import undressed

COUNTED = re.compile(r"n|count|number")
"""Words that stand above or below counts of all, and name no category."""


def told_of_categories(cube: Cube) -> list[str]:
    """What is said of labels that are called like totals, but are none by their numbers, or by those of their parts."""
    said = []
    for edge in cube.sides:
        taken = edge.taken
        if len(taken) < 3 or any(edge.total(i) for i in edge.present):
            continue
        doubtful = [i for i in taken if i not in edge.wholes.asked and _called(edge, i)]
        cells = cube.cells_of(edge, taken) if len(doubtful) == 1 else None
        if cells is None:
            continue
        sums = cells[:, ~np.isnan(cells).any(axis=0)].sum(axis=1)
        at = taken.index(doubtful[0])
        own, others = sums[at], np.delete(sums, at)
        label = edge.labels[doubtful[0]]
        if sums.any() and (own >= others.max() or undressed(label) in ALL):
            told = f"'{label}' is called like a total, but is {own:,.10g}, and all others come to {others.sum():,.10g}"
            said.append(f"{told}: it is read as one of them; if it is their total, correct it or leave it out")
    return said


def _called(edge: SideLabels, code: int) -> bool:
    """Whether a label may be meant as the total of all others; of `all`, which may stand beside `none` and `some`, too."""
    word = undressed(edge.labels[code])
    return edge.called(code) or word in EITHER or any(words.fullmatch(word) for words in (PEOPLE, ENDS_AS_TOTAL, COUNTED))
