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

from synthor.problem import Demand, Deviation, OfValues, Problem, Target
from synthor.problem.of_rows import as_rows, of_rows
from synthor.problem.statistic import of_the_same
from synthor.rules.syntax import names_in
from synthor.sample.cell_sizes import EDGE, sizes_for
from synthor.sample.gear import Gear
from synthor.sample.rows import Entry, Gathering, LiftedRows, sparse_of
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
    """What one statistic asks of the sums in its cells.

    Attributes:
        target: whose it is.
        of: itself.
        low: (cells,) the smallest value that is aimed at, of a standard deviation its square; NaN where none is.
        high: (cells,) the largest.
        window: (cells,) how far apart the smallest and the largest sum lie that a cell may have.
        source: whose rows they are.
    """

    target: Target
    of: OfValues
    low: Floats
    high: Floats
    window: Floats
    source: int

    @classmethod
    def by(cls, problem: Problem, s: int, sizes: Sequence[Floats], inside: float) -> "_Asked":
        """What a statistic asks, by its position; `sizes` are the records in the cells of each, as far as they are known."""
        target = problem.statistics[s]
        of = target.statistic
        assert isinstance(of, OfValues)
        room = inside * (target.highest - target.lowest) / 2
        low, high = of.summed(target.lowest + room), of.summed(target.highest - room)
        n = np.maximum(sizes[s], 1.0) if of.per_row else 1.0
        window = np.asarray(np.maximum((high - low) * n, 10.0**-of.variable.decimals))
        return cls(target=target, of=of, low=low, high=high, window=window, source=len(problem.counts) + s)

    def edges(self) -> Iterator[tuple[Floats, bool]]:
        """The smallest values, from which sums must reach upwards, and the largest."""
        yield self.low, True
        yield self.high, False


def add_sums(rows: Gathering, problem: Problem, units: Units, level: int, sizes: Sequence[Floats], gear: Gear) -> None:
    """Rows of all statistics of the values of one level's rows.

    Args:
        rows: are added to.
        problem: scaled to the number of units, with all rules.
        units: the candidates.
        level: whose rows.
        sizes: for each statistic the rows in each of its cells, as far as they are known.
        gear: how conditions are set.
    """
    if not units.nested:
        for bundle in bundles_of(problem):
            _add_bundle(rows, problem, units, bundle, sizes, gear)
        return
    owner = units.above(0, level)
    most = int(np.bincount(owner, minlength=1).max()) * problem.n_units
    seen, places = of_rows(problem, level, most)
    lifted = LiftedRows(rows, owner, len(units), [len(problem.counts) + place for place in places])
    for bundle in bundles_of(seen):
        _add_bundle(lifted, seen, as_rows(problem, units, level), bundle, [sizes[place] for place in places], gear)


def bundles_of(problem: Problem) -> list[list[int]]:
    """Statistics whose sums hang together: of one variable, or of variables that a rule ties; by their positions."""
    summed = {s: one.of for s, target in enumerate(problem.statistics) if isinstance(one := target.statistic, OfValues)}
    parent = {of: of for of in summed.values()}

    def root(v: int) -> int:
        while parent[v] != v:
            v = parent[v]
        return v

    for a, b in tied(problem):
        parent[root(a)] = root(b)
    found: dict[int, list[int]] = {}
    for s, of in summed.items():
        found.setdefault(root(of), []).append(s)
    return list(found.values())


def tied(problem: Problem) -> list[tuple[int, int]]:
    """Pairs of variables with statistics of their sums that one rule speaks of."""
    summed = {one.of for _, one in problem.of_values}
    level, pairs = problem.schema.unit, set()
    for rule in problem.own_rules:
        of = sorted(summed & {level.position(name) for name in names_in(rule.predicate)})
        pairs |= set(itertools.combinations(of, 2))
    return sorted(pairs)


def _add_bundle(
    rows: Gathering, problem: Problem, units: Units, bundle: list[int], sizes: Sequence[Floats], gear: Gear
) -> None:
    """Rows of statistics whose sums hang together."""
    asks = [_Asked.by(problem, s, sizes, gear.inside) for s in bundle]
    if len(asks) == 1:
        one, target = asks[0].of, asks[0].target
        narrowest = 2 * target.rounding * float(np.min(sizes[bundle[0]][np.isfinite(asks[0].low)], initial=np.inf))
        if one.word != "mean" or narrowest > 10.0**-one.variable.decimals:
            _add_reach(rows, asks[0], target.grid.index(units), _powers(problem, units, asks[0], gear.margin))
            return
    cells = np.stack([asked.target.grid.index(units) for asked in asks], axis=1)
    if gear.close and len({asked.of.of for asked in asks}) == 1 and any(asked.of.curved for asked in asks):
        _add_spread(rows, problem, units, asks, cells)
        return
    known, group = np.unique(cells, axis=0, return_inverse=True)
    group = group.ravel()
    sums: dict[tuple[int, str], CellIndex] = {}
    for place, asked in enumerate(asks):
        one = asked.of
        key = (one.of, f"squares {place}" if one.curved else "values")
        if key not in sums:
            sums[key] = rows.new_sums(np.arange(len(known)), 0.0 if one.curved else 10.0**-one.variable.decimals)
            _add_sums(rows, group, _powers(problem, units, asked, gear.margin), sums[key], asked.source)
        _add_asked(rows, asked, cells[:, place], known[:, place], sums[key])
        if one.word == "mean":
            entry = sums[key], known[:, place], np.ones(len(known))
            _add_sizes(rows, asked, _twin(asked, asks), cells[:, place], entry, 0.0, problem.n_units)
    for a, b in tied(problem):
        if (a, "values") in sums and (b, "values") in sums:
            for sign in (1.0, -1.0):
                reach = _narrowed(*reaches(problem, units, ((a, 1.0), (b, sign))), gear.margin)
                owner = next(asked.source for asked in asks if asked.of.of == a)
                _add_sums(rows, group, reach, sums[a, "values"], owner, (sums[b, "values"], sign))


def _add_spread(rows: Gathering, problem: Problem, units: Units, asks: Sequence[_Asked], cells: CellIndex) -> None:
    """Means, totals and deviations of one variable, its numbers followed in each bin of each combination of cells."""
    position, owner = asks[0].of.of, asks[0].source
    level = problem.schema.unit
    variable, bins = level.band(position), problem.schema.into_bands(problem.schema.refine(units)).column(of_unit(position))
    known, group = np.unique(np.column_stack([cells, bins]), axis=0, return_inverse=True)
    low, high = (side[known[:, -1]] for side in variable.ends)
    step = 10.0**-variable.decimals
    middle = variable.least + step * round((variable.most - variable.least) / step / 2)  # itself a number of steps
    parts = PARTS if problem.n_units <= VERY_FEW else FEWER_PARTS
    first, second = _followed(rows, group.ravel(), (low, high), middle, step, parts, owner)
    for place, asked in enumerate(asks):
        if asked.of.word == "mean":
            entry = first[0], known[first[1], place], first[2]
            _add_sizes(rows, asked, _twin(asked, asks), cells[:, place], entry, middle, problem.n_units)
        _add_spread_of(rows, asked, cells[:, place], known[:, place], (first, second), middle)


def _followed(
    rows: Gathering, group: CellIndex, ends: tuple[Floats, Floats], middle: float, step: float, n_parts: int, owner: int
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
    rows.add(count, Demand(low=zero, high=zero), owner, [(held, of, -one)])  # the records of a bin, part by part
    if by_value:
        return (held, of, a), (held, of, np.square(a))
    s, q = rows.new_sums(of - n_bins, 0.0), rows.new_sums(of - n_bins, 0.0, 0.0)
    empty, at = sparse_of(np.zeros(0), of[:0], of[:0], (len(group), len(of))), np.arange(len(of))
    none, nil = np.full(len(of), np.inf), np.zeros(len(of))
    rows.add(empty, Demand(low=nil, high=none), owner, [(s, at, one), (held, at, -a)])
    rows.add(empty, Demand(low=-none, high=nil), owner, [(s, at, one), (held, at, -b)])
    for t in (a, (a + b) / 2, b):
        rows.add(empty, Demand(low=nil, high=none), owner, [(q, at, one), (s, at, -2 * t), (held, at, np.square(t))])
    rows.add(empty, Demand(low=-none, high=nil), owner, [(q, at, one), (s, at, -(a + b)), (held, at, a * b)])
    return (s, of, one), (q, of, one)


def _add_spread_of(
    rows: Gathering, asked: _Asked, cell: CellIndex, cell_of: CellIndex, powers: tuple[Entry, Entry], middle: float
) -> None:
    """One statistic on the sums and squares of bins, both taken from a middle; `cell_of` is the cell of each bin."""
    one, source, window, step = asked.of, asked.source, asked.window, 10.0**-asked.of.variable.decimals
    size, given = asked.target.grid.size, np.append(np.isfinite(asked.low), False)
    there_are, none = np.flatnonzero(given[cell]), np.full(size, np.inf)
    fine = np.flatnonzero(given[:-1] & (window < WHOLE_STEPS * step))
    if not one.curved and len(fine):  # numbers are whole steps away from the middle, and so are their sums
        ones = sparse_of(np.ones(len(there_are)), there_are, cell[there_are], (len(cell), size))
        whole = rows.new_sums(fine, step)
        rows.add(ones, Demand(low=-none, high=none), source)
        column, place_of, value = powers[0]
        parts_of = np.flatnonzero(np.isin(cell_of[place_of], fine))
        entries = [(column[parts_of], cell_of[place_of[parts_of]], value[parts_of]), (whole, fine, -np.ones(len(fine)))]
        nothing = sparse_of(np.zeros(0), there_are[:0], there_are[:0], (len(cell), size))
        rows.add(nothing, Demand(low=np.zeros(size), high=np.zeros(size)), source, entries, window)
    for edge, upwards in asked.edges():
        wanted = np.nan_to_num(edge)
        own, bound, parts = middle - wanted, np.zeros(size), [(powers[0], np.ones(size))]
        if not one.per_row:
            own, bound = np.full(size, middle), wanted
        elif isinstance(one, Deviation):
            off = one.middle - middle * np.ones(size)
            own, parts = np.square(off) - wanted, [(powers[1], np.ones(size)), (powers[0], -2 * off)]
        entries = []
        for (column, place_of, value), factor in parts:
            there = np.flatnonzero(given[cell_of[place_of]])
            into = cell_of[place_of[there]]
            entries.append((column[there], into, value[there] * factor[into]))
        block = sparse_of(own[cell[there_are]], there_are, cell[there_are], (len(cell), size))
        low_row = np.where(given[:-1], bound, -none) if upwards else -none
        rows.add(
            block, Demand(low=low_row, high=none if upwards else np.where(given[:-1], bound, none)), source, entries, window
        )


def _powers(problem: Problem, units: Units, asked: _Asked, margin: float) -> tuple[Floats, Floats]:
    """Least and most that a record of each unit adds to what a statistic sums up."""
    least, most = _narrowed(*reaches(problem, units, ((asked.of.of, 1.0),)), margin)
    return asked.of.image(least, most, asked.target.grid.index(units))


def _narrowed(least: Floats, most: Floats, margin: float) -> tuple[Floats, Floats]:
    inside = margin * (most - least)
    return least + inside, most - inside


def _add_reach(rows: Gathering, asked: _Asked, cell: CellIndex, reach: tuple[Floats, Floats]) -> None:
    """That a statistic of whose values no other speaks can be reached, without columns for its sums."""
    least, most = reach
    size = asked.target.grid.size
    inside = np.flatnonzero((cell < size) & np.isfinite(np.append(asked.low, np.nan)[cell]))
    where, n = cell[inside], len(cell)
    given, total = np.isfinite(asked.low), not asked.of.per_row
    for edge, upwards in asked.edges():
        numbers = most if upwards else least
        coefficient = numbers[inside] - (0.0 if total else edge[where])
        bound = np.where(given, edge, 0.0) if total else np.zeros(size)
        none = np.full(size, np.inf)
        rows.add(
            sparse_of(coefficient, inside, where, (n, size)),
            Demand(
                low=np.where(given, bound, -none) if upwards else -none, high=none if upwards else np.where(given, bound, none)
            ),
            asked.source,
            window=asked.window,
        )


def _add_sums(
    rows: Gathering,
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
        rows.add(sparse_of(np.ones(len(group)), everyone, group, (len(group), n_groups)), Demand(low=-none, high=none), source)
    entries = [(sums, at, -np.ones(n_groups))]
    if other is not None:
        entries.append((other[0], at, np.full(n_groups, -other[1])))
    shape = (len(group), n_groups)
    rows.add(sparse_of(most, everyone, group, shape), Demand(low=zero, high=none), source, entries)
    rows.add(sparse_of(least, everyone, group, shape), Demand(low=-none, high=zero), source, entries)


def _add_asked(rows: Gathering, asked: _Asked, cell: CellIndex, cell_of_sum: CellIndex, sums: CellIndex) -> None:
    """Low n <= sum of the sums of a cell <= high n; of a total without the n."""
    low, high = asked.low, asked.high
    size, given = asked.target.grid.size, np.isfinite(low)
    inside = np.flatnonzero((cell < size) & np.append(given, False)[cell])
    there = np.flatnonzero((cell_of_sum < size) & np.append(given, False)[cell_of_sum])
    entries = [(sums[there], cell_of_sum[there], np.ones(len(there)))]
    none = np.full(size, np.inf)
    if not asked.of.per_row:
        empty = sparse_of(np.zeros(0), inside[:0], inside[:0], (len(cell), size))
        rows.add(
            empty,
            Demand(low=np.where(given, low, -none), high=np.where(given, high, none)),
            asked.source,
            entries,
            asked.window,
        )
        return
    for edge, upwards in asked.edges():
        block = sparse_of(-edge[cell[inside]], inside, cell[inside], (len(cell), size))
        zero = np.zeros(size)
        least, most = (zero, none) if upwards else (-none, zero)
        rows.add(
            block,
            Demand(low=np.where(given, least, -none), high=np.where(given, most, none)),
            asked.source,
            entries,
            asked.window,
        )


def _twin(mean: _Asked, asks: Sequence[_Asked]) -> Target | None:
    """The standard deviation of the same variable in the same cells."""
    return next((one.target for one in asks if one.of.curved and of_the_same(one.target, mean.target)), None)


def _add_sizes(
    rows: Gathering, asked: _Asked, twin: Target | None, cell: CellIndex, sums: Entry, middle: float, most: int
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
    source, n_cells = asked.source, asked.target.grid.size
    step, low, high = 10.0**-asked.of.variable.decimals, asked.target.lowest, asked.target.highest
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
    place, size, one = np.full(n_cells + 1, -1), len(fine), np.ones(len(fine))
    place[fine] = np.arange(size)
    inside = np.flatnonzero(place[cell] >= 0)
    n_of = sparse_of(np.ones(len(inside)), inside, place[cell[inside]], (len(cell), size))
    nobody = sparse_of(np.zeros(0), inside[:0], inside[:0], (len(cell), size))
    z, y = rows.new_sums(at, 1.0, 0.0), rows.new_sums(larger, 1.0, 0.0)
    rest = rows.new_sums(larger, 1.0, 0.0)
    none, zero = np.full(size, np.inf), np.zeros(size)
    rows.add(n_of, Demand(low=zero, high=zero), source, [(z, at, -few), (rest, larger, -one[larger])], scale=1.0, cells=fine)
    rows.add(
        nobody,
        Demand(low=-none, high=one),
        source,
        [(z, at, np.ones(len(at))), (y, larger, one[larger])],
        scale=1.0,
        cells=fine,
    )
    rows.add(
        nobody,
        Demand(low=zero, high=none),
        source,
        [(rest, larger, one[larger]), (y, larger, -many[larger])],
        scale=1.0,
        cells=fine,
    )
    bounded = [(rest, larger, one[larger]), (y, larger, -one[larger] * most)]
    rows.add(nobody, Demand(low=-none, high=zero), source, bounded, scale=1.0, cells=fine)
    columns, cell_of, value = sums
    there = np.flatnonzero(place[cell_of] >= 0)
    own = columns[there], place[cell_of[there]], value[there]
    window = step * np.ones(size)
    for edge, sum_of, smallest in ((low, first, True), (high, last, False)):
        entries = [own, (z, at, few * middle - sum_of * step), (rest, larger, (middle - edge[fine])[larger])]
        begin, end = (zero, none) if smallest else (-none, zero)
        rows.add(nobody, Demand(low=begin, high=end), source, entries, window, cells=fine)
