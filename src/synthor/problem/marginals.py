"""What two tables both say: their marginals over variables that they share, in the finest bands that both can be summed to."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from synthor.problem.grid import Axis
from synthor.problem.target import Target
from synthor.schema import Level
from synthor.types import CellIndex, Codes, Floats, Mask

SIGMAS_APART = 3.0
"""Marginals with margins of error differ beyond so many joint standard deviations."""

MOST_CROSSED = 3
"""Marginals over more variables than this are compared only where two tables share no others beside them."""

_DATE = re.compile(r"\d{4}(?:-\d\d(?:-\d\d)?)?")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Stated:
    """A table of counts, or a statistic, and who states it.

    Attributes:
        target: the table.
        place: of the target in the spec, as messages call it.
        position: of the target among those of the spec, from 0.
        file: that the table was read from, as the user wrote it; None where it is written in place.
        as_of: year or date that it speaks of, if that is told.
    """

    target: Target
    place: str
    position: int
    file: str | None = None
    as_of: str | None = None

    @property
    def shown(self) -> str:
        """What a message calls it."""
        return f"'{self.target.name}'" + (f" ({self.file})" if self.file is not None else "")

    @property
    def date(self) -> str:
        """Year or date that it speaks of, so that later ones sort behind earlier ones; empty where it is not told.

        Where a text holds several years, as `2016-2020` does, the last one counts.
        """
        found = _DATE.findall(re.sub(r"(?<=\d{4})\s*[-/]\s*(?=\d{4})", " ", self.as_of or ""))
        return found[-1] if found else ""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sums:
    """A marginal of one table.

    Attributes:
        of: (c,) the band that each of the table's listed cells is summed into; the number of bands where it is in none.
        wanted: (m,) sum of what is wanted.
        low: (m,) the least that it can be, given intervals and rounding.
        high: (m,) the most; infinite where cells are neither listed nor empty.
        variance: (m,) of the sum, where cells have margins of error, taken to be independent; otherwise 0.
    """

    of: CellIndex
    wanted: Floats
    low: Floats
    high: Floats
    variance: Floats


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shared:
    """The marginal that two tables both give.

    Attributes:
        names: of the variables; none where only the totals are compared.
        labels: (m,) of its cells.
        first: what one table says.
        second: what the other says.
    """

    names: tuple[str, ...]
    labels: tuple[str, ...]
    first: Sums
    second: Sums

    @property
    def gap(self) -> Floats:
        """How far what one table can mean lies from what the other can mean, (m,)."""
        return np.maximum(np.maximum(self.first.low - self.second.high, self.second.low - self.first.high), 0.0)

    @property
    def deviation(self) -> Floats:
        """Standard deviation of the difference, (m,); 0 without margins of error."""
        return np.sqrt(self.first.variance + self.second.variance)

    @property
    def differs(self) -> Mask:
        """Cells in which the two cannot both be right, (m,)."""
        room = inexact(max(float(self.first.wanted.sum()), float(self.second.wanted.sum())))
        return np.asarray(self.gap > room + SIGMAS_APART * self.deviation)


def shared_marginals(a: Target, b: Target, level: Level, *, whole: bool = False) -> Iterator[Shared]:
    """The marginals over every set of variables that two tables of the same records share, small sets first.

    Where labels of one span several of the other, or cut across them, both are summed to the finest bands that are unions of
    labels of both. Variables that only one of the two has are summed over, which needs that its labels cover every category.

    Args:
        a: a table.
        b: another.
        level: that both count.
        whole: give only the marginal over all variables that they share.

    >>> from synthor import parse_spec
    >>> from synthor.problem import statements
    >>> age = "{age: {type: integer, min: 0, max: 99, bins: [0, 18, 65]}}"
    >>> tables = "[{counts: {age: {0-17: 2, 18-64: 5, 65+: 2}}}, {counts: {age: {0-29: 4, 30-64: 3, 65+: 2}}}]"
    >>> found = statements(parse_spec(f"{{records: 9, variables: {age}, targets: {tables}}}"))
    >>> for shared in shared_marginals(*(stated.target for stated in found.tables), found.level):
    ...     print(shared.names, shared.labels, shared.first.wanted.tolist(), shared.second.wanted.tolist())
    () ('',) [9.0] [9.0]
    ('age',) ('0-17 + 18-64', '65+') [7.0, 2.0] [7.0, 2.0]
    """
    if not _same_records(a, b):
        return
    pairs = [(axis, other) for axis in a.axes for other in b.axes if axis.position == other.position]
    common = {axis.position: _common(axis, other, level) for axis, other in pairs}
    everything = range(len(common), len(common) + 1)
    for n in everything if whole else range(len(common) + 1):
        if MOST_CROSSED < n < len(common):
            continue
        for positions in combinations(common, n):
            if all(axis.covers for table in (a, b) for axis in table.axes if axis.position not in positions):
                bands = [common[position] for position in positions]
                if all(one.labels for one in bands):
                    yield Shared(
                        names=tuple(level.variables[position].name for position in positions),
                        labels=_crossed([one.labels for one in bands]),
                        first=_sums(a, positions, [one.first for one in bands], [len(one.labels) for one in bands]),
                        second=_sums(b, positions, [one.second for one in bands], [len(one.labels) for one in bands]),
                    )


def rounded_apart(a: Target, b: Target, level: Level) -> bool:
    """Whether two tables give something that they share differently, be it only because of rounding."""
    return any(  # where tables cover all records, smaller marginals are sums of the largest
        bool((np.abs(shared.first.wanted - shared.second.wanted) > inexact(float(shared.first.wanted.sum()))).any())
        for shared in shared_marginals(a, b, level, whole=a.whole and b.whole)
    )


def told_once(tables: Sequence[Target]) -> tuple[list[Target], list[int]]:
    """The tables without those that say the same as an earlier one, and which of these each of them says the same as."""
    first: dict[object, int] = {}
    number = [first.setdefault(_said(table), len(first)) for table in tables]
    kept = dict(zip(reversed(number), reversed(tables), strict=True))
    return [kept[kind] for kind in range(len(first))], number


def _said(table: Target) -> tuple[object, ...]:
    """All that a table says of its level's rows: two tables of which this is equal differ in nothing but their names."""
    grid = table.grid
    numbers = (grid.listed, table.wanted, *(table.bounds or (None,)), table.sigma, table.silent)
    return (
        table.level,
        tuple((axis.position, axis.ref, axis.labels, axis.group_of.tobytes()) for axis in grid.axes),
        None if grid.universe is None else (grid.universe.predicate, *(ref for ref, _ in grid.universe.columns.values())),
        grid.closed,
        table.rounding,
        table.statistic.word,
        *(None if array is None else array.tobytes() for array in numbers),
    )


def meeting(tables: Sequence[Target]) -> Iterator[tuple[int, int]]:
    """Which two of some tables, by their places, share a variable or differ in what they add up to; all others agree."""
    totals = np.array([float(table.wanted.sum()) for table in tables])
    near = np.array([inexact(float(total)) for total in totals])
    by_column: dict[int, list[int]] = {}
    for place, table in enumerate(tables):
        for column in table.columns:
            by_column.setdefault(column, []).append(place)
    for place, table in enumerate(tables[:-1]):
        apart = np.abs(totals[place + 1 :] - totals[place]) > np.minimum(near[place + 1 :], near[place])
        for column in table.columns:
            sharing = np.array(by_column[column])
            apart[sharing[sharing > place] - place - 1] = True
        for other in np.flatnonzero(apart).tolist():
            yield place, place + 1 + other


def inexact(total: float) -> float:
    """How far apart two sums of counts may be and still count as equal: less than one record, however many there are."""
    return min(0.5, 1e-6 * max(total, 1.0))


def _same_records(a: Target, b: Target) -> bool:
    one, other = a.grid.universe, b.grid.universe
    if one is None or other is None:
        return one is other and a.level == b.level
    return one.predicate == other.predicate and a.level == b.level


@dataclass(frozen=True, slots=True, eq=False)
class _Bands:
    """Bands of one variable, and the band that each label of two axes lies in, -1 where it lies in none."""

    labels: tuple[str, ...]
    first: Codes
    second: Codes


def _common(a: Axis, b: Axis, level: Level) -> _Bands:
    """The finest bands that are unions of labels of both axes of one variable."""
    of = [axis.group_of if axis.ref.column == level.column(axis.position) else _finer(axis, level) for axis in (a, b)]
    if a.size == b.size and np.array_equal(of[0], of[1]):
        own = np.arange(a.size, dtype=np.int32)
        return _Bands(a.labels, own, own)
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    # Labels of both that share a category are linked; so are all that lie in what the other table leaves out.
    outside = (a.size, a.size + 1 + b.size)
    ends = (np.where(of[0] < 0, outside[0], of[0]), a.size + 1 + np.where(of[1] < 0, b.size, of[1]))
    size = a.size + b.size + 2
    _, part = connected_components(coo_array((np.ones(len(ends[0])), ends), shape=(size, size)), directed=False)
    left_out = {int(part[node]) for node, used in zip(outside, ((o < 0).any() for o in of), strict=True) if used}
    kept = [p for p in dict.fromkeys(part[ends[0]].tolist()) if p not in left_out]
    number = np.full(int(part.max()) + 1, -1, np.int32)
    number[kept] = np.arange(len(kept))
    first, second = number[part[: a.size]], number[part[a.size + 1 : a.size + 1 + b.size]]
    labels = tuple(_label(a, first, b, second, band) for band in range(len(kept)))
    return _Bands(labels, first, second)


def _finer(axis: Axis, level: Level) -> Codes:
    return axis.group_of[level.parents(axis.position)]


def _label(a: Axis, first: Codes, b: Axis, second: Codes, band: int) -> str:
    sides = [[axis.labels[g] for g in np.flatnonzero(of == band)] for axis, of in ((a, first), (b, second))]
    shorter = min(sides, key=len)
    return " + ".join(shorter) if len(shorter) <= MOST_CROSSED else f"{shorter[0]} ... {shorter[-1]}"


def _crossed(sides: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    labels = [""]
    for side in sides:
        labels = [f"{before}, {label}" if before else label for before in labels for label in side]
    return tuple(labels)


def _sums(target: Target, positions: Sequence[int], of: Sequence[Codes], sizes: Sequence[int]) -> Sums:
    cells, groups = target.grid.cells, target.grid.groups
    m, band, outside = math.prod(sizes), np.zeros(len(cells), np.int64), np.zeros(len(cells), bool)
    for position, band_of, size in zip(positions, of, sizes, strict=True):
        one = band_of[groups[target.columns.index(position)]]
        band, outside = band * size + one, outside | (one < 0)
    band[outside] = m

    def summed(values: Floats) -> Floats:
        return np.asarray(np.bincount(band, values[: len(cells)], m + 1)[:m], dtype=np.float64)

    low, high = (target.wanted, target.wanted) if target.bounds is None else target.bounds
    low, high = np.minimum(low, target.wanted - target.room), np.maximum(high, target.wanted + target.room)
    most = summed(high)
    if target.grid.listed is not None and not target.grid.closed:
        most[summed(np.ones(len(cells))) < _n_cells(target, positions, of, sizes)] = np.inf
    return Sums(
        of=band,
        wanted=summed(target.wanted),
        low=np.maximum(summed(low), 0.0),
        high=most,
        variance=np.zeros(m) if target.sigma is None else summed(np.square(target.sigma)),
    )


def _n_cells(target: Target, positions: Sequence[int], of: Sequence[Codes], sizes: Sequence[int]) -> Floats:
    """How many cells of a table lie in each band, listed or not, (m,)."""
    others = math.prod(axis.size for axis in target.axes if axis.position not in positions)
    found = np.array([float(others)])
    for band_of, size in zip(of, sizes, strict=True):
        found = np.multiply.outer(found, np.bincount(band_of[band_of >= 0], minlength=size)).ravel()
    return found
