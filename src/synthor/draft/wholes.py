"""Labels that are the sum of others: found by adding up, believed where the name, the place or another table says so.

A whole beside its parts counts everybody twice, so it must be found; a category that happens to be as large as others together
must not be lost. So arithmetic alone never decides: it has to hold in three or more rows and be borne out by something else,
and where less speaks for it, a person is asked.
"""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from synthor.draft.roles import PEOPLE
from synthor.spec.tables.labels import Span, span, undressed
from synthor.types import Floats

ROWS = 3
"""Rows in which a sum must hold to say anything by itself."""
EITHER = frozenset(
    ("both", "sum", "all", "together", "overall", "conjunto", "gesamt", "zusammen", "summe", "complesso", "alle")
)
"""Words of totals that are words of categories, too."""
DOUBTFUL = frozenset(("both", "together", "sum", "conjunto", "complesso"))
"""Words of totals that are words of categories, too: a person is asked where less than three rows speak for a total."""
ALL = frozenset(("all", "alle", "todos", "todas", "tous", "toutes", "tutti", "tutte"))
ENDS_AS_TOTAL = re.compile(r".{1,40}\W(?:totals?|gesamt|insgesamt|totale)|(?:weighted )?base\b.{0,40}")
"""Labels such as `District total`."""
NEARLY = 0.02
"""Share by which a total may differ from its parts where its name says that it is their total."""
PERTURBED, NOISE = 0.001, 2.0
"""Share, and records a number, by which totals may differ from sums where counts were perturbed one by one."""
NEAR, FAR = 3.0, 20.0
"""Times that a total must be larger than what rounding, or perturbation, may put it off, to say anything."""
DIGITS = 4.5
"""Digits that sums must have together to be none by chance."""
LONG = 4
"""Digits, but for zeros behind them, of a number that others hardly add up to by chance."""
ROWS_PERTURBED = 5
"""Rows in which a sum must nearly hold to say anything by itself."""
MOST_LABELS = 20_000
"""Labels of one side up to which sums are looked for."""


@dataclass(kw_only=True)
class Wholes:
    """Labels of one side that are sums.

    Attributes:
        of: each whole and its parts, by position among the labels.
        asked: labels that may be wholes, which a person must say, and what may be their parts.
        not_totals: positions of labels that are called like totals and are none.
    """

    of: dict[int, list[int]] = field(default_factory=dict)
    asked: dict[int, list[int]] = field(default_factory=dict)
    not_totals: list[int] = field(default_factory=list)


def wholes_of(labels: Sequence[str], cells: Floats, called: Collection[int], absent: Collection[str], room: float) -> Wholes:
    """The wholes among the labels of one side of a table.

    Args:
        labels: as printed, in the order of the table.
        cells: (labels, rows of the rest) values; NaN where they are not told or not listed.
        called: positions of labels that are called totals.
        absent: labels, undressed, that no other table of the same variable has although it has others of them.
        room: how far a printed value may be off because it was rounded.

    >>> cells = np.array([[48.0, 52, 30], [18, 22, 10], [30, 30, 20]])
    >>> wholes_of(["England and Wales", "England", "Wales"], cells, (), (), 0.0).of
    {0: [1, 2]}
    >>> wholes_of(["child", "spouse", "other"], np.array([[9.0], [5], [4]]), (), (), 0.0).of
    {}
    """
    found = Wholes()
    if len(labels) > MOST_LABELS or len(labels) < 2:
        return found
    _by_bands(labels, cells, called, room, found)
    doubtful = [i for i in called if undressed(labels[i]) in DOUBTFUL]
    others = [i for i in range(len(labels)) if i not in called and i not in found.of]
    if len(doubtful) == len(called) == 1 and len(others) > 1 and _adds_up(cells, doubtful[0], others, room) < ROWS:
        found.not_totals = doubtful
        if not _contradicted(labels, cells, doubtful[0], called, found, room):
            found.asked[doubtful[0]] = others
        return found
    if _known_to_be_parts(labels, cells, called, room):
        found.not_totals = [i for i in called if _contradicted(labels, cells, i, called, found, room)]
        return found
    items = [i for i in range(len(labels)) if i not in called and i not in found.of]
    if cells.shape[1] and len(items) > 2:
        items = _by_runs(labels, cells, items, room, found)
        items = _by_all_others(labels, cells, items, absent, room, found)
    _by_names(labels, cells, items, room, found)
    found.not_totals = [i for i in called if _contradicted(labels, cells, i, called, found, room)]
    return found


def _known_to_be_parts(labels: Sequence[str], cells: Floats, called: Collection[int], room: float) -> bool:
    """Whether all labels are parts: a total that is called so is their sum, or they are bands of which none meets another."""
    items = [i for i in range(len(labels)) if i not in called]
    if any(cells.shape[1] and _adds_up(cells, i, items, room) for i in called if len(items) > 1):
        return True
    return bands_apart([labels[i] for i in items])


def bands_apart(labels: Sequence[str]) -> bool:
    """Whether labels are bands of which none meets another, so that none is the sum of others.

    >>> bands_apart(["Under 15", "15 to 64", "65+"]), bands_apart(["0-14", "0-4", "5-14"]), bands_apart(["1", "2", "3"])
    (True, False, False)
    """
    spans = sorted((one for label in labels if (one := span(label)) is not None), key=lambda one: one.low)
    apart = len(spans) == len(labels) > 1 and all(later.low >= earlier.high for earlier, later in pairwise(spans))
    return apart and not all(one.single for one in spans)  # numbers alone may be codes, one of them that of a total


def _adds_up(cells: Floats, whole: int, parts: Sequence[int], room: float, share: float = 0.0) -> int:
    """In how many rows a label is the sum of others, up to a share of it; 0 where it is not in one of them."""
    allowed = allowed_off(cells[whole], len(parts), room, share)
    told, inside = ~np.isnan(cells[whole]), cells[list(parts)]
    seen = told & ~np.isnan(inside).any(axis=0)
    off = np.nan_to_num(inside).sum(axis=0) - cells[whole]  # cells that are not told are at least 0
    if not told.any() or (off > allowed)[told].any() or (off < -allowed)[seen].any():
        return 0
    several = (np.abs(np.nan_to_num(inside)) > room).sum(axis=0) >= 2
    return int((seen & several & (cells[whole] > least_told(len(parts), room, share))).sum())


def least_told(n_parts: int, room: float, share: float = 0.0) -> float:
    """Totals below this say nothing of whether others add up to them."""
    return (NEAR * room + (FAR * NOISE if share else 0.0)) * (n_parts + 1)


def adding_up(cells: Floats, whole: int, parts: Sequence[int], room: float) -> str:
    """How a label is told by those that stand below it: their `whole`, more than `some` of its parts, `over`, or `untold`.

    >>> cells = np.array([[100.0, 50], [60, 20], [40, 30], [10, 5]])
    >>> adding_up(cells, 0, [1, 2], 0.0), adding_up(cells, 0, [1, 3], 0.0), adding_up(cells, 3, [1, 2], 0.0)
    ('whole', 'some', 'over')
    """
    wanted, inside = cells[whole], cells[list(parts)]
    told = ~np.isnan(wanted) & (~np.isnan(inside)).any(axis=0)
    if not told.any():
        return "untold"
    off = np.nansum(inside, axis=0) - wanted
    allowed = allowed_off(wanted, len(parts), room, NEARLY if len(parts) > 1 else 0.0)
    exact = allowed_off(wanted, len(parts), room)
    if (off > allowed)[told].any():
        return "over"
    every = not np.isnan(inside[:, told]).any()
    small = (wanted <= least_told(len(parts), room, NEARLY))[told].all()
    return "whole" if every and (np.abs(off) <= (exact if small else allowed))[told].all() else "some"


def _sum_by_name(cells: Floats, whole: int, parts: Sequence[int], room: float) -> int:
    """In how many rows a label is the sum of others, where its name says that it is: nearly is enough."""
    return _adds_up(cells, whole, parts, room) or _adds_up(cells, whole, parts, room, NEARLY)


def allowed_off(values: Floats, n_parts: int, room: float, share: float = 0.0) -> Floats:
    """How far printed totals may be from the sums of their parts.

    Args:
        values: (n,) totals.
        n_parts: of each.
        room: how far each printed number may be off because it was rounded.
        share: of the total; where it is not 0, counts may have been perturbed one by one as well.
    """
    noise = NOISE * (n_parts + 1) if share else 0.0
    return np.asarray(room * (n_parts + 1) + noise + (share + 1e-9) * np.abs(np.nan_to_num(values)))


def _by_bands(labels: Sequence[str], cells: Floats, called: Collection[int], room: float, found: Wholes) -> None:
    """Bands of numbers that others make up together: their names say what they are."""
    spans = {i: one for i, label in enumerate(labels) if i not in called and (one := span(label)) is not None}
    if len(spans) < 3:
        return
    order = sorted(spans, key=lambda i: (_width(spans[i]), i))
    leaves: list[int] = []
    for i in order:
        parts = [j for j in leaves if _inside(spans[j], spans[i])]
        if (
            len(parts) >= 2
            and _fills(spans[i], [spans[j] for j in parts])
            and (not cells.shape[1] or _sum_by_name(cells, i, parts, room))
        ):
            found.of[i] = parts
        else:
            leaves.append(i)


def _width(one: Span) -> float:
    return (one.high if np.isfinite(one.high) else 1e12) - (one.low if np.isfinite(one.low) else -1e12)


def _inside(part: Span, whole: Span) -> bool:
    return whole.low <= part.low and part.high <= whole.high and part != whole


def _fills(whole: Span, parts: Sequence[Span]) -> bool:
    ordered = sorted(parts, key=lambda one: one.low)
    begins = ordered[0].low == whole.low or (np.isinf(whole.low) and ordered[0].low <= 0)
    ends = ordered[-1].high == whole.high
    return begins and ends and all(0 <= later.low - earlier.high <= 1 for earlier, later in pairwise(ordered))


def _by_runs(labels: Sequence[str], cells: Floats, items: list[int], room: float, found: Wholes) -> list[int]:
    """Wholes that stand right before or right behind their parts, level by level.

    Three rows or more say enough, five where sums nearly hold; two say enough where several labels are such wholes. A single
    row says something only where it does so of all labels, and then a person is asked.
    """
    sums: dict[int, list[int]] = {}
    top = _collapsed(cells, items, room, ROWS, sums)
    if sums and _by_chance(cells, sums):
        found.asked |= sums
        return items
    found.of |= sums
    if not room:
        top = _collapsed(cells, top, room, ROWS_PERTURBED, found.of, PERTURBED)
    less: dict[int, list[int]] = {}
    rest = _collapsed(cells, top, room, 2, less)
    if sum(_adds_up(cells, i, parts, room) for i, parts in less.items()) > ROWS:
        found.of |= less
        top = rest
    else:
        found.asked |= less
        alone: dict[int, list[int]] = {}
        once = _collapsed(cells, top, room, 1, alone)
        every = len(alone) > 1 and all(i in alone for i in once)
        found.asked |= alone if every else {i: parts for i, parts in alone.items() if _long(cells[i])}
    if found.of and (room or less):  # where sums are blurred, a label beside wholes may be one whose parts do not show it
        found.asked |= {i: [] for i in top if i not in found.of and i not in found.asked}
    # What is left at the top are wholes and labels of no whole: wholes stay out of the search that follows.
    return [i for i in range(len(labels)) if i in top or any(i in parts for parts in found.of.values())]


def _long(values: Floats) -> bool:
    """Whether a number has so many digits, but for zeros behind them, that others hardly add up to it by chance."""
    return any(len(f"{value:.0f}".rstrip("0")) >= LONG for value in values[np.isfinite(values)])


def _by_chance(cells: Floats, sums: Mapping[int, Sequence[int]]) -> bool:
    """Whether numbers are so few and small that labels may happen to be sums of others."""
    return sum(float(np.log10(np.maximum(np.nan_to_num(cells[i]), 1.0)).sum()) for i in sums) < DIGITS


def _collapsed(
    cells: Floats, items: Sequence[int], room: float, least: int, found: dict[int, list[int]], share: float = 0.0
) -> list[int]:
    """Labels of which none is next to others that add up to it, after wholes have taken the place of their parts."""
    items, changed = list(items), True
    while changed:
        changed = False
        for direction in (1, -1):
            inside = cells[items]
            # A part is nowhere larger than its whole, which rules most neighbours out at once.
            larger, smaller = (inside[:-1], inside[1:]) if direction == 1 else (inside[1:], inside[:-1])
            fits = ~(smaller > larger + allowed_off(larger, 1, room, share)).any(axis=1)
            places = np.flatnonzero(fits) + (direction == -1)
            gone: set[int] = set()
            for i in [items[place] for place in places[::-direction]]:
                if i in gone or i in found:
                    continue
                run = _run(cells, items, i, direction, room, share)
                if run and _adds_up(cells, i, run, room, share) >= least:
                    found[i] = run
                    gone |= set(run)
                    items = [j for j in items if j not in run]
                    changed = True
        if not changed and found and least >= ROWS and (pair := _alone(cells, items, found)):
            found[pair[0]] = [pair[1]]
            items = [j for j in items if j != pair[1]]
            changed = True
    return items


def _alone(cells: Floats, items: Sequence[int], found: Mapping[int, Sequence[int]]) -> tuple[int, int] | None:
    """A label and the only part that it has, right behind it, where others have several: the same in three rows or more."""
    for i, j in pairwise(items):
        told = ~np.isnan(cells[i])
        same = told.any() and not np.isnan(cells[j][told]).any() and np.array_equal(cells[i][told], cells[j][told])
        if same and i not in found and (cells[i][told] > 0).sum() >= ROWS:
            return i, j
    return None


def _run(cells: Floats, items: Sequence[int], i: int, direction: int, room: float, share: float) -> list[int]:
    """The labels next to one that add up to it, as far as its values reach."""
    wanted = cells[i]
    told = ~np.isnan(wanted)
    if not told.any():
        return []
    at = items.index(i)
    following = items[at + 1 :] if direction == 1 else list(reversed(items[:at]))
    so_far, seen = np.zeros(cells.shape[1]), told.copy()
    run: list[int] = []
    best: list[int] = []
    for j in following:
        so_far = so_far + np.nan_to_num(cells[j])
        seen &= ~np.isnan(cells[j])
        run.append(j)
        allowed = allowed_off(wanted, len(run), room, share)
        off = so_far - wanted
        if (off > allowed)[told].any():
            break
        if len(run) > 1 and seen.any() and (np.abs(off) <= allowed)[seen].all():
            best = list(run)
    return sorted(best)


def _by_all_others(
    labels: Sequence[str], cells: Floats, items: list[int], absent: Collection[str], room: float, found: Wholes
) -> list[int]:
    """A label that is the sum of all others, wherever it stands."""
    leaves = [i for i in items if i not in found.of]
    for i in leaves:
        others = [j for j in leaves if j != i]
        told = _named_after(labels[i], [labels[j] for j in others]) or any(
            words.fullmatch(undressed(labels[i])) for words in (PEOPLE, ENDS_AS_TOTAL)
        )
        rows = (_sum_by_name if told else _adds_up)(cells, i, others, room) if len(others) > 1 else 0
        if not rows:
            continue
        place = i in (leaves[0], leaves[-1]) and rows >= ROWS
        if told or (rows >= ROWS and place) or (rows > 1 and undressed(labels[i]) in absent):
            found.of[i] = others
        else:
            found.asked[i] = others
        break
    return [i for i in items if i not in found.of]


def _by_names(labels: Sequence[str], cells: Floats, items: Sequence[int], room: float, found: Wholes) -> None:
    """Labels that are named after some of the others, and their sum where that can be seen."""
    leaves = [i for i in items if i not in found.of]
    for i in leaves:
        parts = [j for j in leaves if j != i and j not in found.of and _names(labels[i], labels[j])]
        if len(parts) > 1 and _named_after(labels[i], [labels[j] for j in parts]) and _sum_by_name(cells, i, parts, room):
            found.of[i] = parts


def _names(whole: str, part: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(undressed(part))}(?!\w)", undressed(whole)) is not None


def _named_after(whole: str, parts: Sequence[str]) -> bool:
    """Whether a label names all of its parts, as `England and Wales` does."""
    return len(parts) > 1 and all(_names(whole, part) for part in parts)


def _contradicted(labels: Sequence[str], cells: Floats, i: int, called: Collection[int], found: Wholes, room: float) -> bool:
    """Whether a label whose word may also be a category's cannot be the sum of the others: `both` is a fuel, too.

    Of `all`, which may stand beside `none` and `some`, that is said only where it is less than one of them.
    """
    word = undressed(labels[i])
    if word not in DOUBTFUL and word not in ALL:
        return False
    if any(undressed(labels[j]) not in (*DOUBTFUL, *ALL) for j in called):
        return True  # another label is the total beyond doubt
    others = [j for j in range(len(labels)) if j not in called and j not in found.of]
    if len(others) < 2 or not cells.shape[1]:
        return False
    values, parts = cells[i], cells[others]
    told = ~np.isnan(values) & ~np.isnan(parts).any(axis=0)
    if (values[told] < parts[:, told].max(axis=0, initial=0.0) - room).any():
        return True
    sums = parts[:, told].sum(axis=0)
    off = np.abs(values[told] - sums) > np.maximum(NEARLY * sums, room * (len(others) + 1))
    return bool(off.any()) and word in DOUBTFUL
