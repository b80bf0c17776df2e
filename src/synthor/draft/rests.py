"""Wholes that stand beside only some of their parts: all homes, and those without a car.

The parts do not add up to the whole, so that nothing shows it but its name, or that it is never less than they are.
"""

import re

import numpy as np

from synthor.draft.cube import BARE, Cube, plain
from synthor.draft.grid import quoted
from synthor.draft.roles import AREAS, PEOPLE
from synthor.draft.wholes import ROWS
from synthor.spec.tables.labels import span, undressed
from synthor.types import Floats

_PART_OF_ACS = re.compile(r"[BC][0-9]{5}[A-Z]*_(?!001)[0-9]{3}E?")
"""Codes of the American Community Survey that are no totals: these end in 001."""
MISSING = 0.02
"""Share of a total that parts must lack in every row to say that some of them are not printed."""


def ask_of_the_rest(cube: Cube) -> list[str]:
    """Keep the total alone where others are only some of its parts, and ask; tells how to have both.

    They are so where the total is clearly more than they are in every row: some are of no label that is printed.
    """
    said: list[str] = []
    for edge in cube.sides:
        totals, taken = [i for i in edge.present if edge.total(i)], edge.taken
        spans = [span(edge.labels[i]) for i in taken]
        if all(spans) and not all(one is not None and one.single for one in spans):  # bands leave gaps, and gaps become bins
            continue
        present = sorted([*totals, *taken])
        cells = cube.cells_of(edge, present) if len(totals) == 1 and taken and not edge.wholes.of else None
        if cells is None:
            continue
        at = present.index(totals[0])
        if _clearly_more(cells[at], np.delete(cells, at, axis=0), MISSING, cube.room):
            names, whole = [edge.labels[i] for i in taken], edge.labels[totals[0]]
            together = " together" * (len(names) > 1)
            said.append(
                f"'{whole}' is more than {quoted(names)}{together}: some are of no label that is printed. To have both, "
                "give the variable one more category for them, and write what is printed as a target of its own, with `where`"
            )
            cube.ask(edge, [whole, *names], whole)
            cube.dropped.append(edge)
    return said


def ask_of_the_first(cube: Cube) -> None:
    """Ask whether a first or last label counts what the others count, too, where only its size and no name tells.

    It may where it is nowhere less than any of them, and is a bare code, or is called like all whom a table counts.
    """
    for edge in cube.sides:
        taken = edge.taken
        known = any(edge.total(i) for i in edge.present) or edge.wholes.of or edge.wholes.asked or edge.doubt or edge.kept
        if known or len(taken) < 2:
            continue
        names = [edge.labels[i] for i in taken]
        coded = edge.heads or not AREAS.search(plain(edge.head))
        bare = coded and all(BARE.fullmatch(name) for name in names) and not _PART_OF_ACS.fullmatch(names[0])
        for at in (0, len(taken) - 1):
            named = PEOPLE.fullmatch(undressed(names[at])) is not None
            cells = cube.cells_of(edge, taken) if bare or named else None
            if cells is None:
                continue
            largest = np.delete(cells, at, axis=0).max(axis=0, keepdims=True)  # parts of several variables may be more together
            if not _clearly_more(cells[at], largest, 0.0, cube.room):
                continue
            others = [name for name in names if name != names[at]]
            edge.doubt = (
                f"'{names[at]}' is nowhere less than {quoted(others)}; delete this entry if it counts others than "
                "they do; if they are parts of it, keep it alone, and change `records`, too"
            )
            break


def _clearly_more(whole: Floats, parts: Floats, share: float, room: float) -> bool:
    """Whether a label has more than others together in all rows, by a share of it, in enough rows to be no chance."""
    told = np.isfinite(whole) & np.isfinite(parts).all(axis=0)
    sums = parts[:, told].sum(axis=0)
    off = whole[told] - sums
    enough = int(((sums > 0) & (off > share * whole[told] + room * (len(parts) + 1))).sum()) >= ROWS
    return enough and bool((off >= share * whole[told] - room * (len(parts) + 1)).all())
