"""Conditions on sums: means, totals and standard deviations that numbers inside their bins can come to.

Where several statistics speak of one variable, or a rule ties two variables, sums get columns of their own, one for each
combination of the cells of these statistics: then all of them ask the same sums. For two variables that a rule ties, least and
most of their sum and of their difference are conditions, too: the sums that records of one unit can reach lie in a convex set,
and these are the sides of it that matter. A standard deviation needs squares as well, followed bin by bin.
"""

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.problem import Moment, Problem
from synthor.rules.syntax import names_in
from synthor.sample.cell_sizes import EDGE, sizes_for
from synthor.sample.gear import Gear
from synthor.sample.rows import Entry, ProgrammeRows, sparse_of
from synthor.schema import Units, of_unit
from synthor.types import CellIndex, Floats
from synthor.values import reaches

FEW_VALUES, MOST_VALUES = 128, 10_000
"""Up to so many values of a bin, and of all bins together, each is a column of its own: then sums and squares are exact."""

VERY_FEW, PARTS, FEWER_PARTS = 150, 16, 4
"""Up to so many records, bands of wider variables are followed in so many parts, those of more in fewer: a chord over a whole
band says too little."""

WHOLE_STEPS = 3.0
"""Ranges of sums up to so many steps may hold no whole one, or few: their sums are followed in steps."""

MOST_SIZES = 3_000
"""Numbers of records that cells may hold are gone through up to so many in all."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Asked:
    """What one moment asks of the sums in its cells.

    Attributes:
        moment: itself.
        low: (cells,) the smallest value that is aimed at, of a standard deviation its square; NaN where none is.
        high: (cells,) the largest.
        window: (cells,) how far apart the smallest and the largest sum lie that a cell may have.
        source: whose rows they are.
    """

    moment: Moment
    low: Floats
    high: Floats
    window: Floats
    source: int

    @classmethod
    def of(cls, problem: Problem, m: int, sizes: Sequence[Floats], inside: float) -> "_Asked":
        """What a moment asks, by its position; `sizes` are the records in the cells of each, as far as they are known."""
        moment = problem.moments[m]
        room = inside * (moment.highest - moment.lowest) / 2
        low, high = moment.lowest + room, moment.highest - room
        if moment.kind == "sd":
            low, high = np.square(np.maximum(low, 0.0)), np.square(high)
        n = 1.0 if moment.kind == "total" else np.maximum(sizes[m], 1.0)
        window = np.asarray(np.maximum((high - low) * n, 10.0**-moment.variable.decimals))
        return cls(moment=moment, low=low, high=high, window=window, source=len(problem.targets) + m)

    def edges(self) -> Iterator[tuple[Floats, bool]]:
        """The smallest values, from which sums must reach upwards, and the largest."""
        yield self.low, True
        yield self.high, False


def bundles_of(problem: Problem) -> list[list[int]]:
    """Moments whose sums hang together: of one variable, or of variables that a rule ties; positions in `problem.moments`."""
    summed = [m for m, moment in enumerate(problem.moments) if moment.groups is None]
    parent = {problem.moments[m].of: problem.moments[m].of for m in summed}

    def root(v: int) -> int:
        while parent[v] != v:
            v = parent[v]
        return v

    for a, b in tied(problem):
        parent[root(a)] = root(b)
    found: dict[int, list[int]] = {}
    for m in summed:
        found.setdefault(root(problem.moments[m].of), []).append(m)
    return list(found.values())


def tied(problem: Problem) -> list[tuple[int, int]]:
    """Pairs of variables with statistics of their sums that one rule speaks of."""
    summed = {moment.of for moment in problem.moments if moment.groups is None}
    level, pairs = problem.schema.unit, set()
    for rule in problem.own_rules:
        of = sorted(summed & {level.position(name) for name in names_in(rule.predicate)})
        pairs |= set(itertools.combinations(of, 2))
    return sorted(pairs)


def add_bundle(
    rows: ProgrammeRows, problem: Problem, units: Units, bundle: list[int], sizes: Sequence[Floats], gear: Gear
) -> None:
    """Rows of moments whose sums hang together."""
    asks = [_Asked.of(problem, m, sizes, gear.inside) for m in bundle]
    moments = [asked.moment for asked in asks]
    if len(moments) == 1:
        moment = moments[0]
        narrowest = 2 * moment.half * float(np.min(sizes[bundle[0]][np.isfinite(asks[0].low)], initial=np.inf))
        if moment.kind != "mean" or narrowest > 10.0**-moment.variable.decimals:
            _add_reach(rows, asks[0], moment.grid.index(units), _powers(problem, units, moment, gear.margin))
            return
    cells = np.stack([moment.grid.index(units) for moment in moments], axis=1)
    if gear.close and len({moment.of for moment in moments}) == 1 and any(moment.kind == "sd" for moment in moments):
        _add_spread(rows, problem, units, asks, cells)
        return
    known, group = np.unique(cells, axis=0, return_inverse=True)
    group = group.ravel()
    sums: dict[tuple[int, str], CellIndex] = {}
    for place, (asked, moment) in enumerate(zip(asks, moments, strict=True)):
        kind = "squares" if moment.kind == "sd" else "values"
        key = (moment.of, f"{kind} {place}" if kind == "squares" else kind)
        if key not in sums:
            sums[key] = rows.new_sums(np.arange(len(known)), 10.0**-moment.variable.decimals if kind == "values" else 0.0)
            _add_sums(rows, group, _powers(problem, units, moment, gear.margin), sums[key], asked.source)
        _add_moment(rows, asked, cells[:, place], known[:, place], sums[key])
        if moment.kind == "mean":
            entry = sums[key], known[:, place], np.ones(len(known))
            _add_sizes(rows, asked, _twin(moment, moments), cells[:, place], entry, 0.0, problem.n_units)
    for a, b in tied(problem):
        if (a, "values") in sums and (b, "values") in sums:
            for sign in (1.0, -1.0):
                reach = _narrowed(*reaches(problem, units, ((a, 1.0), (b, sign))), gear.margin)
                owner = next(asked.source for asked in asks if asked.moment.of == a)
                _add_sums(rows, group, reach, sums[a, "values"], owner, (sums[b, "values"], sign))


def _add_spread(rows: ProgrammeRows, problem: Problem, units: Units, asks: Sequence[_Asked], cells: CellIndex) -> None:
    """Means, totals and deviations of one variable, its numbers followed in each bin of each combination of cells."""
    position, owner = asks[0].moment.of, asks[0].source
    level = problem.schema.unit
    variable, bins = level.band(position), problem.schema.into_bands(problem.schema.refine(units)).column(of_unit(position))
    known, group = np.unique(np.column_stack([cells, bins]), axis=0, return_inverse=True)
    low, high = (side[known[:, -1]] for side in variable.ends)
    step = 10.0**-variable.decimals
    middle = variable.least + step * round((variable.most - variable.least) / step / 2)  # itself a number of steps
    parts = PARTS if problem.n_units <= VERY_FEW else FEWER_PARTS
    first, second = _followed(rows, group.ravel(), (low, high), middle, step, parts, owner)
    moments = [asked.moment for asked in asks]
    for place, asked in enumerate(asks):
        if asked.moment.kind == "mean":
            entry = first[0], known[first[1], place], first[2]
            _add_sizes(rows, asked, _twin(asked.moment, moments), cells[:, place], entry, middle, problem.n_units)
        _add_spread_moment(rows, asked, cells[:, place], known[:, place], (first, second), middle)


def _followed(
    rows: ProgrammeRows, group: CellIndex, ends: tuple[Floats, Floats], middle: float, step: float, n_parts: int, owner: int
) -> tuple[Entry, Entry]:
    """Columns from which the sum and the sum of squares in each bin follow, both taken from a middle to keep them small.

    Where the bins have few values, columns count the records of each; then sums and squares are what they are. Otherwise
    columns are the records of a part of a bin, their sum s and sum of squares q: with n numbers between a and b, q lies above
    every tangent 2ts - t^2 n and below the chord (a + b)s - ab n.

    Args:
        rows: are added to.
        group: (n,) bin of each unit.
        ends: (bins,) smallest and largest number of each.
        middle: of the range.
        step: between two numbers.
        n_parts: that a bin of many values is cut into.
        owner: whose rows they are.
    """
    (low, high), n_bins = ends, len(ends[0])
    zero, n_values = np.zeros(n_bins), np.rint((high - low) / step).astype(np.int64) + 1
    by_value = n_values.max() <= FEW_VALUES and n_values.sum() <= MOST_VALUES
    n_sub = n_values if by_value else np.minimum(n_values, n_parts)
    of = np.repeat(np.arange(n_bins), n_sub)
    part = np.arange(len(of)) - np.repeat(np.cumsum(n_sub) - n_sub, n_sub)
    edges = np.floor(part * n_values[of] / n_sub[of]), np.floor((part + 1) * n_values[of] / n_sub[of]) - 1
    a, b = (low[of] + edge * step - middle for edge in edges)
    held, one = rows.new_sums(of, 1.0, 0.0), np.ones(len(of))
    count = sparse_of(np.ones(len(group)), np.arange(len(group)), group, (len(group), n_bins))
    rows.add(count, zero, zero, owner, [(held, of, -one)])  # the records of a bin, part by part
    if by_value:
        return (held, of, a), (held, of, np.square(a))
    s, q = rows.new_sums(of - n_bins, 0.0), rows.new_sums(of - n_bins, 0.0, 0.0)
    empty, at = sparse_of(np.zeros(0), of[:0], of[:0], (len(group), len(of))), np.arange(len(of))
    none, nil = np.full(len(of), np.inf), np.zeros(len(of))
    rows.add(empty, nil, none, owner, [(s, at, one), (held, at, -a)])
    rows.add(empty, -none, nil, owner, [(s, at, one), (held, at, -b)])
    for t in (a, (a + b) / 2, b):
        rows.add(empty, nil, none, owner, [(q, at, one), (s, at, -2 * t), (held, at, np.square(t))])
    rows.add(empty, -none, nil, owner, [(q, at, one), (s, at, -(a + b)), (held, at, a * b)])
    return (s, of, one), (q, of, one)


def _add_spread_moment(
    rows: ProgrammeRows, asked: _Asked, cell: CellIndex, cell_of: CellIndex, powers: tuple[Entry, Entry], middle: float
) -> None:
    """One moment on the sums and squares of bins, both taken from a middle; `cell_of` is the cell of each bin."""
    moment, source, window, step = asked.moment, asked.source, asked.window, 10.0**-asked.moment.variable.decimals
    size, given = moment.grid.size, np.append(np.isfinite(asked.low), False)
    there_are, none = np.flatnonzero(given[cell]), np.full(moment.grid.size, np.inf)
    fine = np.flatnonzero(given[:-1] & (window < WHOLE_STEPS * step))
    if moment.kind != "sd" and len(fine):  # numbers are whole steps away from the middle, and so are their sums
        ones = sparse_of(np.ones(len(there_are)), there_are, cell[there_are], (len(cell), size))
        whole = rows.new_sums(fine, step)
        rows.add(ones, -none, none, source)
        column, place_of, value = powers[0]
        parts_of = np.flatnonzero(np.isin(cell_of[place_of], fine))
        entries = [(column[parts_of], cell_of[place_of[parts_of]], value[parts_of]), (whole, fine, -np.ones(len(fine)))]
        nothing = sparse_of(np.zeros(0), there_are[:0], there_are[:0], (len(cell), size))
        rows.add(nothing, np.zeros(size), np.zeros(size), source, entries, window)
    for edge, upwards in asked.edges():
        wanted = np.nan_to_num(edge)
        own, bound, parts = middle - wanted, np.zeros(size), [(powers[0], np.ones(size))]
        if moment.kind == "total":
            own, bound = np.full(size, middle), wanted
        elif moment.kind == "sd":
            off = (0.0 if moment.center is None else np.nan_to_num(moment.center)) - middle * np.ones(size)
            own, parts = np.square(off) - wanted, [(powers[1], np.ones(size)), (powers[0], -2 * off)]
        entries = []
        for (column, place_of, value), factor in parts:
            there = np.flatnonzero(given[cell_of[place_of]])
            into = cell_of[place_of[there]]
            entries.append((column[there], into, value[there] * factor[into]))
        block = sparse_of(own[cell[there_are]], there_are, cell[there_are], (len(cell), size))
        low_row = np.where(given[:-1], bound, -none) if upwards else -none
        rows.add(block, low_row, none if upwards else np.where(given[:-1], bound, none), source, entries, window)


def _powers(problem: Problem, units: Units, moment: Moment, margin: float) -> tuple[Floats, Floats]:
    """Least and most that a record of each unit adds to what a moment sums up."""
    least, most = _narrowed(*reaches(problem, units, ((moment.of, 1.0),)), margin)
    if moment.kind != "sd":
        return least, most
    center = np.zeros(moment.grid.size) if moment.center is None else np.nan_to_num(moment.center)
    middle = np.append(center, 0.0)[moment.grid.index(units)]
    nearest = np.clip(middle, least, most)
    return np.square(nearest - middle), np.maximum(np.square(least - middle), np.square(most - middle))


def _narrowed(least: Floats, most: Floats, margin: float) -> tuple[Floats, Floats]:
    inside = margin * (most - least)
    return least + inside, most - inside


def _add_reach(rows: ProgrammeRows, asked: _Asked, cell: CellIndex, reach: tuple[Floats, Floats]) -> None:
    """That a moment of which no other speaks can be reached, without columns for its sums."""
    moment, (least, most) = asked.moment, reach
    inside = np.flatnonzero((cell < moment.grid.size) & np.isfinite(np.append(asked.low, np.nan)[cell]))
    where, n, size = cell[inside], rows.n_units, moment.grid.size
    given, total = np.isfinite(asked.low), moment.kind == "total"
    for edge, upwards in asked.edges():
        numbers = most if upwards else least
        coefficient = numbers[inside] - (0.0 if total else edge[where])
        bound = np.where(given, edge, 0.0) if total else np.zeros(size)
        none = np.full(size, np.inf)
        rows.add(
            sparse_of(coefficient, inside, where, (n, size)),
            np.where(given, bound, -none) if upwards else -none,
            none if upwards else np.where(given, bound, none),
            asked.source,
            window=asked.window,
        )


def _add_sums(
    rows: ProgrammeRows,
    group: CellIndex,
    reach: tuple[Floats, Floats],
    sums: CellIndex,
    source: int,
    other: tuple[CellIndex, float] | None = None,
) -> None:
    """Least'n <= s (plus or minus another sum) <= most'n in each combination of cells, where a record adds least to most."""
    (least, most), n_groups = reach, len(sums)
    everyone, none, zero = np.arange(len(group)), np.full(n_groups, np.inf), np.zeros(n_groups)
    at = np.arange(n_groups)
    if other is None:
        rows.add(sparse_of(np.ones(len(group)), everyone, group, (len(group), n_groups)), -none, none, source)
    entries = [(sums, at, -np.ones(n_groups))]
    if other is not None:
        entries.append((other[0], at, np.full(n_groups, -other[1])))
    shape = (len(group), n_groups)
    rows.add(sparse_of(most, everyone, group, shape), zero, none, source, entries)
    rows.add(sparse_of(least, everyone, group, shape), -none, zero, source, entries)


def _add_moment(rows: ProgrammeRows, asked: _Asked, cell: CellIndex, cell_of_sum: CellIndex, sums: CellIndex) -> None:
    """Low n <= sum of the sums of a cell <= high n; of a total without the n."""
    moment, low, high = asked.moment, asked.low, asked.high
    size, given = moment.grid.size, np.isfinite(low)
    inside = np.flatnonzero((cell < size) & np.append(given, False)[cell])
    there = np.flatnonzero((cell_of_sum < size) & np.append(given, False)[cell_of_sum])
    entries = [(sums[there], cell_of_sum[there], np.ones(len(there)))]
    none = np.full(size, np.inf)
    if moment.kind == "total":
        empty = sparse_of(np.zeros(0), inside[:0], inside[:0], (len(cell), size))
        rows.add(empty, np.where(given, low, -none), np.where(given, high, none), asked.source, entries, asked.window)
        return
    for edge, upwards in asked.edges():
        block = sparse_of(-edge[cell[inside]], inside, cell[inside], (len(cell), size))
        zero = np.zeros(size)
        least, most = (zero, none) if upwards else (-none, zero)
        rows.add(block, np.where(given, least, -none), np.where(given, most, none), asked.source, entries, asked.window)


def _twin(mean: Moment, moments: Sequence[Moment]) -> Moment | None:
    """The standard deviation of the same variable in the same cells."""
    return next((moment for moment in moments if moment.kind == "sd" and moment.is_around(mean)), None)


def _add_sizes(
    rows: ProgrammeRows, asked: _Asked, twin: Moment | None, cell: CellIndex, sums: Entry, middle: float, most: int
) -> None:
    """That cells hold numbers of records with which their means can be had, and sums that are whole steps.

    One column says whether a cell holds so many records, for each number below that from which any will do, and two more
    whether it holds more, and how many: n = sum of k z_k + l with sum of z_k + y = 1 and many y <= l <= most y.

    Args:
        rows: are added to.
        asked: what a mean asks.
        twin: the standard deviation in the same cells, if one is wanted.
        cell: (n,) of each unit.
        sums: columns, the cell of each, and what they add to its sum, taken from a middle.
        middle: that sums are taken from.
        most: records in all.
    """
    mean, source = asked.moment, asked.source
    step, low, high = 10.0**-mean.variable.decimals, mean.lowest, mean.highest
    fine = np.flatnonzero(np.isfinite(low) & ((high - low) < step * (1 - EDGE)))
    if not len(fine) or int(np.minimum(step / np.maximum(high - low, 1e-12), most)[fine].sum()) > MOST_SIZES:
        return
    found = []
    for c in fine.tolist():
        spread = None
        if twin is not None and np.isfinite(twin.lowest[c]):
            spread = float(twin.lowest[c]) / step, float(twin.highest[c]) / step
        found.append(sizes_for((float(low[c]) / step, float(high[c]) / step), spread, most))
    at = np.repeat(np.arange(len(fine)), [len(sizes.few) for sizes in found])
    few, first, last = (
        np.concatenate([getattr(sizes, name) for sizes in found]).astype(np.float64) for name in ("few", "first", "last")
    )
    many = np.array([min(sizes.many, most + 1) for sizes in found], np.float64)
    larger = np.flatnonzero(many <= most)
    place, size, one = np.full(mean.grid.size + 1, -1), len(fine), np.ones(len(fine))
    place[fine] = np.arange(size)
    inside = np.flatnonzero(place[cell] >= 0)
    n_of = sparse_of(np.ones(len(inside)), inside, place[cell[inside]], (len(cell), size))
    nobody = sparse_of(np.zeros(0), inside[:0], inside[:0], (len(cell), size))
    z, y = rows.new_sums(at, 1.0, 0.0), rows.new_sums(larger, 1.0, 0.0)
    rest = rows.new_sums(larger, 1.0, 0.0)
    none, zero = np.full(size, np.inf), np.zeros(size)
    rows.add(n_of, zero, zero, source, [(z, at, -few), (rest, larger, -one[larger])], scale=1.0, cells=fine)
    rows.add(nobody, -none, one, source, [(z, at, np.ones(len(at))), (y, larger, one[larger])], scale=1.0, cells=fine)
    rows.add(nobody, zero, none, source, [(rest, larger, one[larger]), (y, larger, -many[larger])], scale=1.0, cells=fine)
    bounded = [(rest, larger, one[larger]), (y, larger, -one[larger] * most)]
    rows.add(nobody, -none, zero, source, bounded, scale=1.0, cells=fine)
    columns, cell_of, value = sums
    there = np.flatnonzero(place[cell_of] >= 0)
    own = columns[there], place[cell_of[there]], value[there]
    window = step * np.ones(size)
    for edge, sum_of, smallest in ((low, first, True), (high, last, False)):
        entries = [own, (z, at, few * middle - sum_of * step), (rest, larger, (middle - edge[fine])[larger])]
        begin, end = (zero, none) if smallest else (-none, zero)
        rows.add(nobody, begin, end, source, entries, window, cells=fine)
