"""What whole counts must come to, as linear conditions on them: tables, shares inside cells, and sums that numbers can reach.

With n_k copies of unit k,

    low <= C'n <= high                          for the cells of a table,
    |n_gj - s_gj n_g| <= half n_g, or < 1       for a share s of category j inside cell g: at either side where none fits,
    sum n_k least_k <= S <= sum n_k most_k      for the sum S of a variable over a cell, where least and most are the smallest
                                                and the largest number that a record of unit k may have,

and S = m n_c within the rounding of a mean m, or T of a total. Where several statistics speak of one variable, or a rule ties
two variables, sums get columns of their own, one for each combination of the cells of these statistics: then all of them ask
the same sums. For two variables that a rule ties, least and most of their sum and of their difference are conditions, too: the
sums that records of one unit can reach lie in a convex set, and these are the sides of it that matter.

Numbers may move inside of *bands*, the bins whose edges tables name; they are kept away from these edges by a margin, so that
values spread.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from synthor.problem import Moment, Problem
from synthor.spec.rules import names_in
from synthor.types import CellIndex, Codes, Counts, Floats, Mask
from synthor.units import Units
from synthor.values import reaches

if TYPE_CHECKING:
    from scipy import sparse

    Matrix = sparse.csr_array[Any]

WHOLE = 1e-3
"""How near a whole number of records the fitted size of a cell must be to be taken for it."""

BELOW_ONE = 1 - 1e-4
"""A share is met at either side of what no whole number meets: by less than one record."""

FEW_VALUES, MOST_VALUES = 128, 10_000
"""Up to so many values of a bin, and of all bins together, each is a column of its own: then sums and squares are exact."""

VERY_FEW, PARTS, FEWER_PARTS = 150, 16, 4
"""Up to so many records, bands of wider variables are followed in so many parts, those of more in fewer: a chord over a whole
band says too little."""

INSIDE = 0.05
"""Share of half the range of a published value that is kept free at either end, for what rounding moves."""


Shares = Literal["near", "fitting", "loosest"]
"""Shares lie beside what no whole number meets, as far as the sizes of their cells are known; or fit to their rounding,
whatever the sizes; or lie no further off than any population's that meets them: for proofs."""

Entry = tuple[CellIndex, CellIndex, Floats]
"""Entries of D: sums, rows of a block, coefficients."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conditions:
    """low <= C'n + D's <= high for counts n of units and sums s of their numbers.

    Attributes:
        matrix: C, units by rows.
        sums: D, sums by rows.
        step: (m,) the sums are whole multiples of this; 0 for any.
        least: (m,) smallest value of each sum; may be -inf.
        home: (m,) a row in which units count that have a part in the sum: where none does, it is 0.
        low: (r,) of each row; may be -inf.
        high: (r,) may be inf.
        scale: (r,) what one record changes at most in any row of its block, by which errors are divided.
        counts: (r,) whether it counts the records in a cell of a table.
        source: (r,) whose row it is: the target's position, moments after tables.
        cell: (r,) its cell.
    """

    matrix: "Matrix"
    sums: "Matrix"
    step: Floats
    least: Floats
    home: CellIndex
    low: Floats
    high: Floats
    scale: Floats
    counts: Mask
    source: CellIndex
    cell: CellIndex


class _Rows:
    """Rows that are gathered block by block."""

    def __init__(self, n_units: int) -> None:
        self.n_units, self.n_rows, self.n_sums = n_units, 0, 0
        self.blocks: list[Matrix] = []
        self.sums: list[Entry] = []
        self.step: list[float] = []
        self.least: list[float] = []
        self.home: list[CellIndex] = []
        self.low: list[Floats] = []
        self.high: list[Floats] = []
        self.scale: list[Floats] = []
        self.source: list[CellIndex] = []
        self.cell: list[CellIndex] = []

    def new_sums(self, home: CellIndex, step: float, least: float = -np.inf) -> CellIndex:
        """Columns for sums; `home` counts from the next block that is added."""
        first, n = self.n_sums, len(home)
        self.home.append(home + self.n_rows)
        self.n_sums += n
        self.step += [step] * n
        self.least += [least] * n
        return np.arange(first, first + n)

    def add(
        self,
        block: "Matrix",
        low: Floats,
        high: Floats,
        source: int,
        sums: Sequence[Entry] = (),
    ) -> None:
        """A block of rows, (n, r); `sums` are entries of D as (sum, row of the block, coefficient)."""
        begin = self.n_rows
        largest = float(np.abs(block.data).max(initial=0.0))  # of the whole block: a row of its own may be empty today
        self.scale.append(np.full(len(low), max(largest, *(np.abs(value).max(initial=0.0) for _, _, value in sums), 1e-12)))
        self.blocks.append(block)
        self.n_rows += block.shape[1]
        self.sums += [(column, row + begin, value) for column, row, value in sums]
        self.low.append(low)
        self.high.append(high)
        self.source.append(np.full(len(low), source))
        self.cell.append(np.arange(len(low)))

    def built(self, n_targets: int) -> Conditions:
        from scipy import sparse

        matrix = sparse.csr_array(sparse.hstack(self.blocks, format="csr"))
        columns, rows, values = (np.concatenate([*(part[i] for part in self.sums), np.zeros(0)]) for i in range(3))
        shape = (self.n_sums, matrix.shape[1])
        sums = sparse.csr_array(sparse.coo_array((values, (columns.astype(np.int64), rows.astype(np.int64))), shape=shape))
        return Conditions(
            matrix=matrix,
            sums=sums,
            step=np.array(self.step),
            least=np.array(self.least),
            home=np.concatenate([*self.home, np.zeros(0, np.int64)]),
            low=np.concatenate(self.low),
            high=np.concatenate(self.high),
            scale=np.concatenate(self.scale),
            counts=np.concatenate(self.source) < n_targets,
            source=np.concatenate(self.source),
            cell=np.concatenate(self.cell),
        )


def conditions_of(
    problem: Problem, units: Units, sizes: Sequence[Floats], *, margin: float, close: bool, shares: Shares = "near"
) -> Conditions:
    """All conditions on the counts of some units.

    Args:
        problem: scaled to the number of records, with all rules.
        units: the candidates.
        sizes: for each moment the records in each of its cells, as far as they are known.
        margin: share of each band that numbers keep away from its edges.
        close: follow the squares of numbers bin by bin, so that standard deviations hang together with means; otherwise each is
            only known to lie between the extremes.
        shares: how near they must come; where they are `loosest`, statistics, too, may take all of their rounding.
    """
    rows = _Rows(len(units))
    for t, target in enumerate(problem.targets):
        rows.add(target.cells(units).matrix(), target.low.astype(np.float64), target.high.astype(np.float64), t)
    n_targets = len(problem.targets)
    for m, moment in enumerate(problem.moments):
        if moment.groups is not None:
            _add_shares(rows, moment, units, sizes[m], n_targets + m, shares)
        if moment.kind != "total":
            _add_somebody(rows, moment, units, n_targets + m)
    for bundle in _bundles(problem):
        _add_bundle(rows, problem, units, bundle, sizes, margin, close, 0.0 if shares == "loosest" else INSIDE)
    return rows.built(n_targets)


def share_bounds(moment: Moment, sizes: Floats) -> tuple[Floats, Floats]:
    """Fewest and most records of each category in each cell with which shares are met, (values,) each; sizes may be fractions.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 10
    ... variables: {sex: {type: category, values: [men, women]}, works: {type: boolean}}
    ... targets:
    ...   - {by: [sex], table: [{sex: men, works: yes, share: 60}, {sex: men, works: no, share: 40}]}
    ... '''))
    >>> low, high = share_bounds(problem.moments[0], np.array([4.0, 6.0]))
    >>> (low.round(2) + 0.0).tolist(), (high.round(2) + 0.0).tolist()
    ([0.6, 1.4, -inf, -inf], [2.6, 3.4, inf, inf])
    """
    assert moment.groups is not None
    n = np.repeat(sizes, moment.groups.size)
    wanted, low, high = moment.wanted.ravel(), moment.lowest.ravel(), moment.highest.ravel()
    given = np.isfinite(wanted)
    fewest = np.minimum(low * n, wanted * n - BELOW_ONE)
    most = np.maximum(high * n, wanted * n + BELOW_ONE)
    return np.where(given, fewest, -np.inf), np.where(given, most, np.inf)


def _add_shares(rows: _Rows, moment: Moment, units: Units, sizes: Floats, source: int, near: Shares) -> None:
    """n_gj - s n_g: between the edges of the share's rounding, or with a room that follows the size of the cell."""
    assert moment.groups is not None
    n_groups, wanted = moment.groups.size, moment.wanted.ravel()
    joint, cell = moment.joint(units.codes), moment.grid.index(units.codes)
    given = np.isfinite(wanted)
    inside = np.flatnonzero(cell < moment.grid.size)
    place = cell[inside, None] * n_groups + np.arange(n_groups)
    own = joint.index[inside]
    listed = own < joint.size

    def block(share: Floats) -> "Matrix":
        return _sparse(
            np.concatenate([-np.nan_to_num(share)[place].ravel(), np.ones(int(listed.sum()))]),
            np.concatenate([np.repeat(inside, n_groups), inside[listed]]),
            np.concatenate([place.ravel(), own[listed]]),
            (len(units), len(wanted)),
        )

    none, zero = np.full(len(wanted), np.inf), np.zeros(len(wanted))
    if near != "near":
        room = zero + (near == "loosest")
        rows.add(block(moment.lowest.ravel()), np.where(given, -room, -none), none, source)
        rows.add(block(moment.highest.ravel()), -none, np.where(given, room, none), source)
        return
    n = np.repeat(sizes, n_groups)
    below, above = wanted - moment.lowest.ravel(), moment.highest.ravel() - wanted
    low = np.where(given, -np.maximum(np.nan_to_num(below) * n, BELOW_ONE), -np.inf)
    high = np.where(given, np.maximum(np.nan_to_num(above) * n, BELOW_ONE), np.inf)
    rows.add(block(wanted), low, high, source)


def _add_somebody(rows: _Rows, moment: Moment, units: Units, source: int) -> None:
    """A mean or shares of nobody cannot be met: each cell that has some holds a record."""
    given = np.isfinite(moment.wanted if moment.groups is None else moment.wanted[:, 0])
    cell = moment.grid.index(units.codes)
    inside = np.flatnonzero(cell < moment.grid.size)
    matrix = _sparse(np.ones(len(inside)), inside, cell[inside], (len(units), moment.grid.size))
    rows.add(matrix, given.astype(np.float64), np.full(moment.grid.size, np.inf), source)


def _bundles(problem: Problem) -> list[list[int]]:
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
    level, pairs = problem.levels[0], set()
    for rule in problem.rules:
        of = sorted(summed & {level.position(name) for name in names_in(rule.predicate)})
        pairs |= set(itertools.combinations(of, 2))
    return sorted(pairs)


def _add_bundle(
    rows: _Rows,
    problem: Problem,
    units: Units,
    bundle: list[int],
    sizes: Sequence[Floats],
    margin: float,
    close: bool,
    inside: float,
) -> None:
    moments = [problem.moments[m] for m in bundle]
    n_targets = len(problem.targets)
    if len(moments) == 1:
        moment = moments[0]
        least, most = _powers(problem, units, moment, margin)
        cell = moment.grid.index(units.codes)
        low, high = _asked(moment, inside)
        window = 2 * moment.half * float(np.min(sizes[bundle[0]][np.isfinite(low)], initial=np.inf))
        if moment.kind != "mean" or window > 10.0**-moment.variable.decimals:
            _add_reach(rows, moment, cell, least, most, low, high, n_targets + bundle[0])
            return
    cells = np.stack([moment.grid.index(units.codes) for moment in moments], axis=1)
    if close and len({moment.of for moment in moments}) == 1 and any(moment.kind == "sd" for moment in moments):
        _add_spread(rows, problem, units, bundle, cells, inside)
        return
    known, group = np.unique(cells, axis=0, return_inverse=True)
    group = group.ravel()
    sums: dict[tuple[int, str], CellIndex] = {}
    for place, (m, moment) in enumerate(zip(bundle, moments, strict=True)):
        kind = "squares" if moment.kind == "sd" else "values"
        key = (moment.of, f"{kind} {place}" if kind == "squares" else kind)
        if key not in sums:
            least, most = _powers(problem, units, moment, margin)
            sums[key] = rows.new_sums(np.arange(len(known)), 10.0**-moment.variable.decimals if kind == "values" else 0.0)
            _add_sums(rows, group, len(known), least, most, sums[key], n_targets + m)
        low, high = _asked(moment, inside)
        _add_moment(rows, moment, cells[:, place], known[:, place], sums[key], low, high, n_targets + m)
    for a, b in tied(problem):
        if (a, "values") in sums and (b, "values") in sums:
            for sign in (1.0, -1.0):
                least, most = _narrowed(*reaches(problem, units.codes, ((a, 1.0), (b, sign))), margin)
                owner = n_targets + next(m for m in bundle if problem.moments[m].of == a)
                _add_sums(rows, group, len(known), least, most, sums[a, "values"], owner, (sums[b, "values"], sign))


def _add_spread(rows: _Rows, problem: Problem, units: Units, bundle: list[int], cells: CellIndex, inside: float) -> None:
    """Means, totals and deviations of one variable, its numbers followed in each bin of each combination of cells.

    Where the variable has few values, columns count the records of each; then sums and squares are what they are. Otherwise
    columns are the records of a part of a bin, their sum s and sum of squares q: with n numbers between a and b, q lies above
    every tangent 2ts - t^2 n and below the chord (a + b)s - ab n. All are taken from the middle of the range, to keep them
    small.
    """
    position, owner = problem.moments[bundle[0]].of, len(problem.targets) + bundle[0]
    level = problem.levels[0]
    variable, bins = level.band(position), level.into_bands(level.refine(units.codes))[:, position]
    known, group = np.unique(np.column_stack([cells, bins]), axis=0, return_inverse=True)
    group, zero = group.ravel(), np.zeros(len(known))
    low, high, step = variable.low[known[:, -1]], variable.high[known[:, -1]], 10.0**-variable.decimals
    middle = float(variable.low[0] + variable.high[-1]) / 2
    n_values = np.rint((high - low) / step).astype(np.int64) + 1
    by_value = n_values.max() <= FEW_VALUES and n_values.sum() <= MOST_VALUES
    n_sub = n_values if by_value else np.minimum(n_values, PARTS if problem.n_units <= VERY_FEW else FEWER_PARTS)
    of = np.repeat(np.arange(len(known)), n_sub)
    part = np.arange(len(of)) - np.repeat(np.cumsum(n_sub) - n_sub, n_sub)
    ends = np.floor(part * n_values[of] / n_sub[of]), np.floor((part + 1) * n_values[of] / n_sub[of]) - 1
    a, b = (low[of] + end * step - middle for end in ends)
    held, one = rows.new_sums(of, 1.0, 0.0), np.ones(len(of))
    count = _sparse(np.ones(len(group)), np.arange(len(group)), group, (len(group), len(known)))
    rows.add(count, zero, zero, owner, [(held, of, -one)])  # the records of a bin, part by part
    if by_value:
        first, second = (held, of, a), (held, of, np.square(a))
    else:
        s, q = rows.new_sums(of - len(known), 0.0), rows.new_sums(of - len(known), 0.0, 0.0)
        empty, at = _sparse(np.zeros(0), of[:0], of[:0], (len(group), len(of))), np.arange(len(of))
        none, nil = np.full(len(of), np.inf), np.zeros(len(of))
        rows.add(empty, nil, none, owner, [(s, at, one), (held, at, -a)])
        rows.add(empty, -none, nil, owner, [(s, at, one), (held, at, -b)])
        for t in (a, (a + b) / 2, b):
            rows.add(empty, nil, none, owner, [(q, at, one), (s, at, -2 * t), (held, at, np.square(t))])
        rows.add(empty, -none, nil, owner, [(q, at, one), (s, at, -(a + b)), (held, at, a * b)])
        first, second = (s, of, one), (q, of, one)
    for place, m in enumerate(bundle):
        _add_spread_moment(
            rows,
            problem.moments[m],
            cells[:, place],
            known[:, place],
            (first, second),
            middle,
            len(problem.targets) + m,
            inside,
        )


def _add_spread_moment(
    rows: _Rows,
    moment: Moment,
    cell: CellIndex,
    cell_of: CellIndex,
    powers: tuple[Entry, Entry],
    middle: float,
    source: int,
    inside: float,
) -> None:
    """One moment on the sums and squares of bins, both taken from a middle; `cell_of` is the cell of each bin."""
    low_asked, high_asked = _asked(moment, inside)
    size, given = moment.grid.size, np.append(np.isfinite(low_asked), False)
    there_are, none = np.flatnonzero(given[cell]), np.full(moment.grid.size, np.inf)
    for edge, upwards in ((low_asked, True), (high_asked, False)):
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
        block = _sparse(own[cell[there_are]], there_are, cell[there_are], (len(cell), size))
        low_row = np.where(given[:-1], bound, -none) if upwards else -none
        rows.add(block, low_row, none if upwards else np.where(given[:-1], bound, none), source, entries)


def _powers(problem: Problem, units: Units, moment: Moment, margin: float) -> tuple[Floats, Floats]:
    """Least and most that a record of each unit adds to what a moment sums up."""
    least, most = _narrowed(*reaches(problem, units.codes, ((moment.of, 1.0),)), margin)
    if moment.kind != "sd":
        return least, most
    center = np.zeros(moment.grid.size) if moment.center is None else np.nan_to_num(moment.center)
    middle = np.append(center, 0.0)[moment.grid.index(units.codes)]
    nearest = np.clip(middle, least, most)
    return np.square(nearest - middle), np.maximum(np.square(least - middle), np.square(most - middle))


def _narrowed(least: Floats, most: Floats, margin: float) -> tuple[Floats, Floats]:
    inside = margin * (most - least)
    return least + inside, most - inside


def _asked(moment: Moment, inside: float = INSIDE) -> tuple[Floats, Floats]:
    """Smallest and largest value that is aimed at, (cells,); NaN where none is."""
    room = inside * (moment.highest - moment.lowest) / 2
    low, high = moment.lowest + room, moment.highest - room
    return (np.square(np.maximum(low, 0.0)), np.square(high)) if moment.kind == "sd" else (low, high)


def _add_reach(
    rows: _Rows,
    moment: Moment,
    cell: CellIndex,
    least: Floats,
    most: Floats,
    low: Floats,
    high: Floats,
    source: int,
) -> None:
    """That a moment of which no other speaks can be reached, without columns for its sums."""
    inside = np.flatnonzero((cell < moment.grid.size) & np.isfinite(np.append(low, np.nan)[cell]))
    where, n, size = cell[inside], rows.n_units, moment.grid.size
    given = np.isfinite(low)
    total = moment.kind == "total"
    for numbers, edge, upwards in ((most, low, True), (least, high, False)):
        coefficient = numbers[inside] - (0.0 if total else edge[where])
        bound = np.where(given, edge, 0.0) if total else np.zeros(size)
        none = np.full(size, np.inf)
        rows.add(
            _sparse(coefficient, inside, where, (n, size)),
            np.where(given, bound, -none) if upwards else -none,
            none if upwards else np.where(given, bound, none),
            source,
        )


def _add_sums(
    rows: _Rows,
    group: CellIndex,
    n_groups: int,
    least: Floats,
    most: Floats,
    sums: CellIndex,
    source: int,
    other: tuple[CellIndex, float] | None = None,
) -> None:
    """Least'n <= s (plus or minus another sum) <= most'n in each combination of cells."""
    everyone, none, zero = np.arange(len(group)), np.full(n_groups, np.inf), np.zeros(n_groups)
    at = np.arange(n_groups)
    if other is None:
        rows.add(_sparse(np.ones(len(group)), everyone, group, (len(group), n_groups)), -none, none, source)
    entries = [(sums, at, -np.ones(n_groups))]
    if other is not None:
        entries.append((other[0], at, np.full(n_groups, -other[1])))
    shape = (len(group), n_groups)
    rows.add(_sparse(most, everyone, group, shape), zero, none, source, entries)
    rows.add(_sparse(least, everyone, group, shape), -none, zero, source, entries)


def _add_moment(
    rows: _Rows,
    moment: Moment,
    cell: CellIndex,
    cell_of_sum: CellIndex,
    sums: CellIndex,
    low: Floats,
    high: Floats,
    source: int,
) -> None:
    """Low n <= sum of the sums of a cell <= high n; of a total without the n."""
    size, given = moment.grid.size, np.isfinite(low)
    inside = np.flatnonzero((cell < size) & np.append(given, False)[cell])
    there = np.flatnonzero((cell_of_sum < size) & np.append(given, False)[cell_of_sum])
    entries = [(sums[there], cell_of_sum[there], np.ones(len(there)))]
    none = np.full(size, np.inf)
    if moment.kind == "total":
        empty = _sparse(np.zeros(0), inside[:0], inside[:0], (len(cell), size))
        rows.add(empty, np.where(given, low, -none), np.where(given, high, none), source, entries)
        return
    for edge, upwards in ((low, True), (high, False)):
        block = _sparse(-edge[cell[inside]], inside, cell[inside], (len(cell), size))
        zero = np.zeros(size)
        rows.add(block, np.where(given, zero, -none) if upwards else -none, none if upwards else np.where(given, zero, none),
                 source, entries)  # fmt: skip


def _sparse(values: Floats | Counts, rows: CellIndex, columns: CellIndex, shape: tuple[int, int]) -> "Matrix":
    from scipy import sparse

    return sparse.csr_array(sparse.coo_array((values, (rows, columns)), shape=shape))


def sizes_of(problem: Problem, codes: Codes, counts: Floats | Counts) -> list[Floats]:
    """Records in each cell of each moment."""
    return [
        np.bincount(moment.grid.index(codes), counts, moment.grid.size + 1)[:-1].astype(np.float64)
        for moment in problem.moments
    ]
