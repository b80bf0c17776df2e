"""Which targets contradict each other, and by how much: an elastic linear programme over all candidates.

The question is whether weights p of n units exist with

    p >= 0,    sum p = 1,    p = 0 where a unit is not alive,    low <= C'p <= high    (all cells of all tables).

Its elastic form lets every cell be missed at a price,  minimise sum_j (missed by cell j) / scale_j,  where the scale of a
table is the largest coefficient of a living unit in size (1 for a table that counts units), so that means in dollars and
shares of units can be added up. Its dual maximises over multipliers y, |y_j| <= 1 / scale_j,

    L(y)  =  sum_j (low_j max(y_j, 0) - high_j max(-y_j, 0))  -  max_i (Cy)_i.

Any weights give an upper bound of the optimum, and any multipliers give the lower bound L(y); L(y) > 0 is Farkas' certificate
that no weights exist. Both are computed here from the whole pool, whatever the solver says of itself. The programme is
solved on few units at first; those with the largest (Cy)_i join (column generation; Gilmore and Gomory, 1961) until the two
bounds meet, so its optimum is that of the whole pool.

The cells with multipliers contradict each other already. Of all proofs, one with small multipliers in sum uses few cells: the
multipliers of the programme that lets all cells be missed by the same, as little as can be. A deletion filter (Chinneck and
Dravnieks, 1991) leaves out one table at a time, then one cell at a time, whenever the rest is still a contradiction; what
remains is irreducible. Which one remains depends on the order, so several are tried and the smallest set is kept.
"""

from collections.abc import Callable, Sequence, Set
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from synthor.linear import Attempt, solve_linear
from synthor.problem import Demanded
from synthor.randomness import generator
from synthor.schema import Cells, Incidence
from synthor.types import CellIndex, Counts, Floats, Mask

if TYPE_CHECKING:
    from scipy import sparse

    Matrix = sparse.csr_array[Any]

TOLERANCE = 1e-7
GAP = 1e-9
"""Bounds of the optimum that are this near to each other, as a share of all units, have met."""

UNITS = 1e4
"""The weights sum to this inside the solver, whose absolute tolerance then is 1e-13 of all units."""

ATTEMPTS = (Attempt(tolerance=1e-9), Attempt(presolve=False, tolerance=1e-9))

MOST_STEPS = 2**31 - 1
"""More the solver cannot be told."""

ROUNDS = 200
AT_ONCE = 4_000
"""So few columns are given to the solver without generating any."""

SLATE = 20_000
BEST = 300
SWEEPS = 20
MANY_SWEEPS = 100
"""Where the programme is slow, so many are tried: tables that can be met are often met by these alone."""

PENALTY = 1e4
"""Price of a cell that shall hold, where that of the cell which gives way is 1: right while errors differ by less than this."""

LIGHT = 1e-2
"""Price of a cell that need not hold, and had better."""

FEW_ROWS = 40
"""Up to so many cells of a contradiction are left out in several orders."""

ORDERS = 3

Advance = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """How large a question may be. Steps are counted, not seconds, so that the answer is the same on every machine.

    Attributes:
        whole_cells: above so many the programme over all tables is too slow: suspicious tables are tried first.
        most_cells: above so many no programme over all cells is tried: only those near the cells that are missed.
        work: steps of the simplex method times rows of their programmes that one question may take: a minute or so.
    """

    whole_cells: int = 2_000
    most_cells: int = 10_000
    work: float = 5e9


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Conflict:
    """Cells that cannot be met together.

    Attributes:
        members: (table, cell) of a set that no weights meet, while each set with one of them left out can be met.
        moves: for each member the least by which it alone must give way so that all other members hold, in its own units:
            above 0 where it must be more than its upper bound, below 0 where less than its lower one.
        total: sum of all errors over all tables in `best`, each divided by the largest coefficient of its table.
        at_least: proven lower bound of that sum for any weights; equals `total` but for rounding, unless the tables have
            too many cells for a programme over all of them or the solver gave up on it.
        best: for each table the error of every cell, (c,), at the weights with that total.
        irreducible: False when the solver gave up on a part of the question: then a member might be left out.
        multipliers: of the members, above 0 where a lower bound is in the way: with all others 0, L(y) > 0.
    """

    members: tuple[tuple[int, int], ...]
    moves: tuple[float, ...]
    total: float
    at_least: float
    best: tuple[Floats, ...]
    irreducible: bool
    multipliers: tuple[float, ...] = ()

    @property
    def errors(self) -> tuple[float, ...]:
        """The sizes of the moves."""
        return tuple(abs(move) for move in self.moves)


@dataclass(frozen=True, slots=True, kw_only=True)
class Undecided:
    """The solver gave up before it was known whether weights exist.

    Attributes:
        message: what the solver said.
        at_least: proven lower bound of the sum of errors.
        at_most: the sum of errors of the best weights that were found.
    """

    message: str
    at_least: float
    at_most: float


def find_conflict(
    tables: Sequence[Demanded],
    alive: Mask,
    *,
    tolerance: float = TOLERANCE,
    limits: Limits = LIMITS,
    advance: Advance = lambda done, total: None,
) -> Conflict | Undecided | None:
    """An irreducible set of cells that contradict each other, or None when weights exist that meet all.

    Args:
        tables: all tables, over the same units, demanded of weights that sum to one; bounds may be infinite, and coefficients
            any real numbers: a mean m of values v is one cell of coefficients v - m with both bounds 0.
        alive: (n,) units that may have weight.
        tolerance: sum of errors, as a share of all units, up to which tables count as met.
        limits: of what is tried.
        advance: told how many percent are done.

    Raises:
        ValueError: when no unit is alive, a bound is NaN or low exceeds high.

    Two tables, where a structural zero forbids the second category of one with the first of the other:

    >>> from synthor.schema.cells import Partition
    >>> first, second = Partition(np.array([0, 0, 1, 1]), 2), Partition(np.array([0, 1, 0, 1]), 2)
    >>> exact = lambda cells, shares: Demanded.between(cells, np.array(shares), np.array(shares))
    >>> tables = [exact(first, [0.4, 0.6]), exact(second, [0.5, 0.5])]
    >>> find_conflict(tables, np.array([True, True, False, True])).members
    ((0, 1), (1, 1))
    >>> find_conflict(tables, np.array([True, True, True, True])) is None
    True
    """
    scaled = _checked(tables, alive)
    weights = _swept(scaled, alive, tolerance, limits, lambda done: advance(int(30 * done), 100))
    if sum(_missed(table, weights).sum() / table.scale for table in scaled) <= tolerance:
        advance(100, 100)
        return None
    if sum(table.cells.size for table in scaled) > limits.most_cells:
        return _local_conflict(scaled, alive, weights, tolerance, limits, advance)
    work = _Work(limits)
    chosen, outcome = _first_outcome(scaled, alive, weights, tolerance, work, advance)
    if outcome.upper <= tolerance:
        advance(100, 100)
        return None
    if outcome.lower <= tolerance:
        return Undecided(message=outcome.message, at_least=outcome.lower, at_most=outcome.upper)
    sharpest = _sharpest(_Whole([scaled[i] for i in chosen], alive, work), outcome, tolerance)
    few, proof = _needed(scaled, chosen, alive, sharpest, tolerance, work, lambda done: advance(60 + int(15 * done), 100))
    narrow = _narrowed(scaled, few, alive, proof, work)
    pool, irreducible = _smallest(narrow, tolerance, lambda done: advance(75 + int(24 * done), 100))
    moves, told = _moves(pool)
    reasons = _elastic(pool, _all_or_start(pool)).multipliers / pool.units_of_one
    if len(chosen) == len(tables):
        weights = np.zeros(len(alive))
        weights[outcome.picks] = outcome.weights
    best = tuple(_missed(table, weights) for table in scaled)
    advance(100, 100)
    return Conflict(
        members=tuple((int(table), int(cell)) for table, cell in pool.members),
        moves=moves,
        total=sum(float(missed.sum()) / table.scale for table, missed in zip(scaled, best, strict=True)),
        at_least=outcome.lower,
        best=best,
        irreducible=irreducible and told,
        multipliers=tuple(reasons.tolist()),
    )


def feasible_point(
    tables: Sequence[Demanded],
    alive: Mask,
    *,
    tolerance: float = TOLERANCE,
    limits: Limits = LIMITS,
    advance: Advance = lambda done, total: None,
) -> tuple[CellIndex, Floats] | Undecided | None:
    """A few units and their weights that meet all tables together, or None when no weights do.

    The weights are a vertex of the set of all that do: no more units than cells, plus one. They sum to one. Arguments and
    errors are those of `find_conflict`.

    >>> from synthor.schema.cells import Partition
    >>> table = Demanded.between(Partition(np.array([0, 0, 1]), 2), np.array([0.4, 0.0]), np.array([0.4, np.inf]))
    >>> units, weights = feasible_point([table], np.array([False, True, True]))
    >>> units.tolist(), weights.round(6).tolist()
    ([1, 2], [0.4, 0.6])
    """
    scaled = _checked(tables, alive)
    pool = _Whole(scaled, alive, _Work(limits))
    weights = _swept(scaled, alive, tolerance, limits, lambda done: advance(int(30 * done), 100))
    outcome = _elastic(pool, _start(pool, weights), enough=tolerance, advance=lambda rounds: _asymptotic(advance, rounds))
    advance(100, 100)
    if outcome.upper <= tolerance:
        kept = outcome.weights > 0
        order = np.argsort(outcome.picks[kept])
        return outcome.picks[kept][order], outcome.weights[kept][order]
    if outcome.lower > tolerance:
        return None
    return Undecided(message=outcome.message, at_least=outcome.lower, at_most=outcome.upper)


def least_change(
    tables: Sequence[Demanded],
    alive: Mask,
    changing: Set[int],
    *,
    lightly: Set[int] = frozenset(),
    tolerance: float = TOLERANCE,
) -> Floats | None:
    """Weights, (n,), with which some tables are missed by as little as can be, in sum, and all others are met.

    Args:
        tables: demands, over the same units.
        alive: (n,) units that may have weight.
        changing: places of the tables that may be missed.
        lightly: places of tables that may be missed, too, and that only matter where all else is equal.
        tolerance: sum of errors of the others up to which they count as met.

    Returns:
        None where no weights meet the others, or none were found.
    """
    scaled = _checked(tables, alive)
    pool = _Whole(scaled, alive, _Work(LIMITS))
    price = [1.0 if place in changing else LIGHT if place in lightly else PENALTY for place in range(len(tables))]
    kept = [table for place, table in enumerate(scaled) if price[place] == PENALTY]
    start = _start(pool, _swept(kept, alive, tolerance, LIMITS, lambda done: None))
    outcome = _elastic(pool, start, cost=np.repeat(price, [table.cells.size for table in scaled]))
    weights = np.zeros(len(alive))
    weights[outcome.picks] = outcome.weights
    return weights if sum(_missed(table, weights).sum() / table.scale for table in kept) <= tolerance else None


def only(bounds: Sequence[Demanded], members: Sequence[tuple[int, int]]) -> list[Demanded]:
    """The same demands, those of other cells left out."""
    found = [(np.full(table.cells.size, -np.inf), np.full(table.cells.size, np.inf)) for table in bounds]
    for t, cell in members:
        found[t][0][cell], found[t][1][cell] = bounds[t].low[cell], bounds[t].high[cell]
    return [Demanded.between(table.cells, low, high) for table, (low, high) in zip(bounds, found, strict=True)]


@dataclass(slots=True, eq=False)
class _Work:
    """How much work a question may still take."""

    limits: Limits
    left: float = field(init=False)

    def __post_init__(self) -> None:
        self.left = self.limits.work


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Table(Demanded):
    """A demanded table, and the largest coefficient in size that a living unit has in it."""

    scale: float


def _scaled(table: Demanded, alive: Mask) -> _Table:
    matrix = table.cells.matrix()
    largest = float(np.abs(matrix.data[np.repeat(alive, np.diff(matrix.indptr))]).max(initial=0.0))
    return _Table(cells=table.cells, demand=table.demand, scale=largest or 1.0)


def _checked(bounds: Sequence[Demanded], alive: Mask) -> list[_Table]:
    if not alive.any():
        raise ValueError("no unit is alive")
    for position, table in enumerate(bounds):
        if table.low.shape != (table.cells.size,) or table.high.shape != (table.cells.size,):
            raise ValueError(f"table {position}: {table.cells.size} cells need as many bounds")
        if not (table.low <= table.high).all() or (table.low == np.inf).any() or (table.high == -np.inf).any():
            raise ValueError(f"table {position}: a lower bound exceeds its upper one, or a bound is no number")
    return [_scaled(table, alive) for table in bounds]


def _missed(table: _Table, weights: Floats) -> Floats:
    return _outside(table.cells.totals(weights), table.low, table.high)


def _outside(got: Floats, low: Floats, high: Floats) -> Floats:
    return np.maximum(low - got, 0.0) + np.maximum(got - high, 0.0)


def _asymptotic(advance: Advance, rounds: int) -> None:
    """Nobody knows how many rounds there will be: the bar nears 60 percent."""
    advance(60 - int(30 * 0.8**rounds), 100)


class _Pool(Protocol):
    """Columns (units) and rows (cells, scaled) of one elastic programme."""

    @property
    def low(self) -> Floats: ...

    @property
    def high(self) -> Floats: ...

    @property
    def work(self) -> _Work: ...

    def price(self, multipliers: Floats) -> Floats:
        """Cy of every column, -inf where it may have no weight."""
        ...

    def columns(self, picks: CellIndex) -> "Matrix":
        """Some columns of the programme: a matrix, picks by rows."""
        ...


class _Whole:
    """All cells of some tables over all units, never written out as one matrix."""

    def __init__(self, tables: Sequence[_Table], alive: Mask, work: _Work) -> None:
        self.tables, self.alive, self.work = tables, alive, work
        self.ends = np.cumsum([table.cells.size for table in tables])
        self.low = _joined([table.low / table.scale for table in tables])
        self.high = _joined([table.high / table.scale for table in tables])

    def price(self, multipliers: Floats) -> Floats:
        prices = np.where(self.alive, 0.0, -np.inf)
        for table, end in zip(self.tables, self.ends, strict=True):
            part = multipliers[end - table.cells.size : end]
            if part.any():
                prices += table.cells.spread(part / table.scale)
        return prices

    def columns(self, picks: CellIndex) -> "Matrix":
        from scipy import sparse

        parts = [table.cells.matrix()[picks] / table.scale for table in self.tables]
        return sparse.csr_array(sparse.hstack(parts, format="csr")) if parts else sparse.csr_array((len(picks), 0))


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate([np.zeros(0), *parts])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Narrow:
    """Some cells over the distinct columns that the units have there.

    Attributes:
        matrix: distinct columns (k) by rows (r).
        members: (r, 2) table and cell of each row.
        units_of_one: (r,) a row's own unit of measurement, in scaled ones.
        start: columns that the last programme used.
        order: (r,) size of each row's multiplier in the last certificate.
        work: that is left.
    """

    matrix: "Matrix"
    low: Floats
    high: Floats
    members: Counts
    units_of_one: Floats
    start: CellIndex
    order: Floats
    work: _Work

    def price(self, multipliers: Floats) -> Floats:
        return np.asarray(self.matrix @ multipliers, dtype=np.float64)

    def columns(self, picks: CellIndex) -> "Matrix":
        return self.matrix[picks]

    def only(self, rows: Mask) -> "_Narrow":
        """The same with some rows alone; columns that these cannot tell apart become one."""
        chosen = np.flatnonzero(rows)
        matrix = self.matrix[:, chosen]
        first, which = _distinct(matrix)
        return replace(
            self,
            matrix=matrix[first],
            low=self.low[chosen],
            high=self.high[chosen],
            members=self.members[chosen],
            units_of_one=self.units_of_one[chosen],
            start=np.unique(which[self.start]),
            order=self.order[chosen],
        )


def _distinct(matrix: "Matrix") -> tuple[CellIndex, CellIndex]:
    """First of each kind of row of a matrix, and the kind of each row.

    Rows are told apart by two random sums of 53 bits each. The key is fixed since nothing is drawn with it.
    """
    key = np.random.default_rng(0).random((2, matrix.shape[1]))
    sums = np.asarray(matrix @ key[0] + 1j * (matrix @ key[1]))
    _, first, which = np.unique(sums, return_index=True, return_inverse=True)
    return first, which


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Outcome:
    """How far an elastic programme came: bounds of its optimum, multipliers of the lower and weights of the upper one.

    Attributes:
        picks: columns that were generated.
        weights: of these columns, summing to one.
        message: why the bounds have not met, or empty.
    """

    lower: float
    upper: float
    multipliers: Floats
    picks: CellIndex
    weights: Floats
    message: str


def _elastic(
    pool: _Pool,
    start: CellIndex,
    *,
    cost: Floats | None = None,
    enough: float | None = None,
    advance: Callable[[int], None] = lambda rounds: None,
) -> _Outcome:
    """Minimise the sum of errors times `cost` by column generation.

    With `enough`, stop as soon as it is known whether the optimum exceeds that.
    """
    cost = np.ones(len(pool.low)) if cost is None else cost
    picks = start
    lower, multipliers = 0.0, np.zeros(len(pool.low))
    upper, weights, message = np.inf, np.zeros(0), ""
    for done in range(ROUNDS):
        advance(done)
        columns = pool.columns(picks)
        solved = _solved(columns, pool.low, pool.high, cost, pool.work)
        if isinstance(solved, str):
            message = solved
            break
        weights, dual = solved
        upper = float(cost @ _outside(np.asarray(columns.T @ weights), pool.low, pool.high))
        prices = pool.price(dual)
        bound = _value(dual, pool) - float(prices.max())
        if bound > lower:
            lower, multipliers = bound, dual
        if upper - lower <= GAP * max(1.0, float(cost.max(initial=1.0)) / 100) or (
            enough is not None and (upper <= enough or lower > enough)
        ):
            break
        better = np.flatnonzero(prices > prices[picks].max() + 1e-12)
        if not len(better):
            message = f"no column improves on errors of {upper:.3g}, but no more than {lower:.3g} is proven"
            break
        picks = np.concatenate([picks, _diverse(pool, better, prices[better])])
    else:
        message = f"no optimum in {ROUNDS} rounds"
    if len(weights) < len(picks):
        weights = np.concatenate([weights, np.zeros(len(picks) - len(weights))])
    return _Outcome(lower=lower, upper=upper, multipliers=multipliers, picks=picks, weights=weights, message=message)


def _sharpest(pool: _Pool, outcome: _Outcome, tolerance: float) -> _Outcome:
    """A proof with small multipliers in sum, and so with few cells: that of cells which are all missed by the same.

    The outcome that was known where none is found.
    """
    picks = outcome.picks
    for _ in range(ROUNDS):
        multipliers = _evenly(pool.columns(picks), pool.low, pool.high)
        size = 0.0 if multipliers is None else float(np.abs(multipliers).max(initial=0.0))
        if multipliers is None or size == 0.0:
            break
        prices = pool.price(multipliers)
        better = np.flatnonzero(prices > prices[picks].max() + GAP)
        if not len(better):
            bound = (_value(multipliers, pool) - float(prices.max())) / size
            if bound > tolerance:
                return replace(outcome, lower=bound, multipliers=multipliers / size)
            break
        picks = np.concatenate([picks, _diverse(pool, better, prices[better])])
    return outcome


def _evenly(columns: "Matrix", low: Floats, high: Floats) -> Floats | None:
    """Multipliers, (r,), of the programme that lets every cell be missed by the same e, and makes e small."""
    from scipy import sparse

    k, r = columns.shape
    below, above = np.isfinite(low), np.isfinite(high)
    rows = sparse.csr_array(columns.T)
    missed = sparse.csr_array(-np.ones((int(below.sum() + above.sum()), 1)))
    sides: Any = sparse.vstack([-rows[below], rows[above]], format="csr")
    both: Any = sparse.hstack([sides, missed], format="csc")
    whole: Any = np.append(np.ones(k), 0.0)[None]
    found = solve_linear(
        np.append(np.zeros(k), 1.0),
        at_most=(both, UNITS * np.concatenate([-low[below], high[above]])),
        equal=(whole, np.array([UNITS])),
        steps=MOST_STEPS,
    )
    if found.x is None:
        return None
    multipliers = np.zeros(r)
    multipliers[below] -= found.at_most[: below.sum()]
    multipliers[above] += found.at_most[below.sum() :]
    return multipliers


def _value(multipliers: Floats, pool: _Pool) -> float:
    """First part of L(y): what the bounds are worth at multipliers that use finite bounds alone."""
    bound = np.where(multipliers > 0, pool.low, pool.high)
    return float(multipliers @ np.where(multipliers == 0, 0.0, bound))


def _diverse(pool: _Pool, better: CellIndex, prices: Floats) -> CellIndex:
    """Of columns that improve: the best ones, and for every row the best that counts in it."""
    order = np.argsort(prices, kind="stable")[-SLATE:]
    slate = better[order]
    matrix = pool.columns(slate)
    first, _ = _distinct(matrix[::-1])
    distinct = np.zeros(len(slate), dtype=bool)
    distinct[len(slate) - 1 - first] = True
    slate, matrix = slate[distinct], matrix[distinct]
    of_row = np.full(matrix.shape[1], -1)
    of_row[matrix.indices] = np.repeat(np.arange(len(slate)), np.diff(matrix.indptr))
    return slate[np.union1d(of_row[of_row >= 0], np.arange(len(slate))[-BEST:])]


def _solved(columns: "Matrix", low: Floats, high: Floats, cost: Floats, work: _Work) -> tuple[Floats, Floats] | str:
    """Optimal weights and multipliers of the elastic programme over some columns, or what the solver said instead.

    Each cell's total is  (C'p)_j + short_j - over_j = t_j  with  low_j <= t_j <= high_j.
    """
    from scipy import sparse

    k, r = columns.shape
    identity = sparse.eye_array(r)
    sums = sparse.csr_array(np.concatenate([np.ones(k), np.zeros(3 * r)])[None])
    matrix = sparse.vstack([sparse.hstack([columns.T, identity, -identity, -identity]), sums], format="csc")
    bounds: Any = np.zeros((k + 3 * r, 2))
    bounds[: k + 2 * r, 1] = np.inf
    bounds[k + 2 * r :] = UNITS * np.stack([low, high], axis=1)
    prices = np.concatenate([np.zeros(k), cost, cost, np.zeros(r)])
    steps = min(int(work.left / (r + 1)), MOST_STEPS)
    if steps < 1:
        return "the programmes became too large"
    found = solve_linear(prices, equal=(matrix, np.append(np.zeros(r), UNITS)), bounds=bounds, attempts=ATTEMPTS, steps=steps)
    work.left -= found.steps * (r + 1)
    if found.x is None:
        return found.message
    weights = np.maximum(found.x[:k], 0.0)
    multipliers = np.clip(found.equal[:r], -cost, cost)
    multipliers[(np.isneginf(low) & (multipliers > 0)) | (np.isposinf(high) & (multipliers < 0))] = 0.0
    return weights / weights.sum(), multipliers


def _swept(tables: Sequence[_Table], alive: Mask, tolerance: float, limits: Limits, advance: Callable[[float], None]) -> Floats:
    """Weights, (n,), near to what the tables demand, from sweeps of proportional fitting that end when they are met.

    Only a place to start from: that they are not met proves nothing. It is no `ipf`, since cells may count units with any real
    coefficients, and a scaling then has to be damped.
    """
    weights = alive / alive.sum()
    reaches = [_reach(table.cells) for table in tables]
    sweeps = SWEEPS if sum(table.cells.size for table in tables) <= limits.whole_cells else MANY_SWEEPS
    history: list[float] = []
    for done in range(sweeps):
        advance(done / sweeps)
        missed = 0.0
        for table, (limit, size) in zip(tables, reaches, strict=True):
            got = table.cells.totals(weights)
            goal = np.clip(got, table.low, table.high)
            missed += float(np.abs(goal - got).sum()) / limit
            if size is None:
                usable = got > 0
                step = np.log(np.maximum(goal, 1e-12) / np.where(usable, got, 1.0)) / limit
            else:
                reach = size @ weights
                usable = reach > 0
                step = (goal - got) / np.where(usable, limit * reach, 1.0)
            change = table.cells.spread(np.where(usable, step, 0.0))
            weights = weights * np.exp(np.minimum(change - change[alive].max(), 0.0))
            weights = np.where(alive, np.maximum(weights, 1e-100), 0.0)  # tables that exclude each other must not end at 0/0
            weights /= weights.sum()
        history.append(missed)
        if missed <= tolerance / 2 or (done >= SWEEPS and missed > 0.9 * history[-SWEEPS // 2]):
            break
    return weights


def _reach(cells: Cells) -> tuple[float, "Matrix | None"]:
    """The most that a unit counts in all cells together and, where some coefficients are negative, their sizes (c, n)."""
    matrix = cells.matrix()
    sizes = abs(matrix)
    most = float(sizes.sum(axis=1).max(initial=0.0)) or 1.0
    return most, sizes.T.tocsr() if (matrix.data < 0).any() else None


def _start(pool: _Pool, weights: Floats) -> CellIndex:
    """Columns to start with: as many as a few times the cells, evenly over the weights, then one for every cell."""
    n = 3 * len(pool.low) + 50
    reach = np.cumsum(weights)
    even = [np.searchsorted(reach, reach[-1] * (np.arange(m) + 0.5) / m) for m in (n, SLATE)]
    few, many = (np.unique(picks) for picks in even)
    few = few[_distinct(pool.columns(few))[0]]
    others = np.setdiff1d(many, few)
    return np.concatenate([few, _diverse(pool, others, weights[others])]) if len(others) else few


def _first_outcome(
    tables: Sequence[_Table], alive: Mask, weights: Floats, tolerance: float, work: _Work, advance: Advance
) -> tuple[tuple[int, ...], _Outcome]:
    """Which tables were looked at, and the outcome: all, or the most suspicious ones where there are too many cells."""
    cells = np.array([table.cells.size for table in tables], dtype=np.int64)
    if cells.sum() > work.limits.whole_cells:
        missed = np.array([_missed(table, weights).sum() / table.scale for table in tables])
        order = np.argsort(-missed, kind="stable")
        fitting = int((np.cumsum(cells[order]) <= work.limits.whole_cells).sum())
        size = 2
        while size < 2 * fitting:
            chosen = tuple(sorted(order[: min(size, fitting)].tolist()))
            pool = _Whole([tables[i] for i in chosen], alive, work)
            outcome = _elastic(pool, _start(pool, weights), enough=tolerance)
            if outcome.lower > tolerance:
                return chosen, outcome
            size *= 2
            _asymptotic(advance, size)
    pool = _Whole(tables, alive, work)
    start = _start(pool, weights)
    return tuple(range(len(tables))), _elastic(pool, start, advance=lambda rounds: _asymptotic(advance, rounds))


def _local_conflict(
    tables: Sequence[_Table], alive: Mask, weights: Floats, tolerance: float, limits: Limits, advance: Advance
) -> Conflict | Undecided:
    """A contradiction among the cells near those that sweeps miss, over all units; whatever else is demanded, it stays one."""
    missed = [_missed(table, weights) for table in tables]
    near = _near(tables, alive, [m / table.scale for m, table in zip(missed, tables, strict=True)], limits.whole_cells)
    parts = [
        Demanded.between(Incidence(table.cells.matrix()[:, cells]), table.low[cells], table.high[cells])
        for table, cells in zip(tables, near, strict=True)
    ]
    found = find_conflict(parts, alive, tolerance=tolerance, limits=limits, advance=advance)
    total = sum(float(m.sum()) / table.scale for m, table in zip(missed, tables, strict=True))
    if not isinstance(found, Conflict):
        return Undecided(message="there are too many cells for one programme over all", at_least=0.0, at_most=total)
    members = tuple((table, int(near[table][cell])) for table, cell in found.members)
    return replace(found, members=members, total=total, best=tuple(missed))


def _near(tables: Sequence[_Table], alive: Mask, missed: Sequence[Floats], most: int) -> list[CellIndex]:
    """For each table the cells that units in the most missed cells count in; as many missed cells as give few cells near.

    Args:
        tables: all.
        alive: (n,) units that may have weight.
        missed: by how much each cell is.
        most: cells near, in all.
    """
    flat = np.concatenate(missed)
    order = np.argsort(-flat, kind="stable")[: int((flat > 0).sum())]
    ends = np.cumsum([table.cells.size for table in tables])
    best: list[CellIndex] = [np.zeros(0, np.int64) for _ in tables]
    size = 1
    while size < 2 * len(order):
        chosen = np.zeros(len(flat))
        chosen[order[:size]] = 1.0
        inside = np.zeros(len(alive))
        for table, part in zip(tables, np.split(chosen, ends[:-1]), strict=True):
            if part.any():
                inside += table.cells.spread(part)
        there = (alive & (inside != 0)).astype(np.float64)
        near = [np.flatnonzero(table.cells.totals(there)) for table in tables]
        if sum(map(len, near)) > most:
            break
        best, size = near, 2 * size
    return best


def _support(multipliers: Floats, pool: _Pool, tolerance: float) -> Mask:
    """Rows whose multipliers prove the contradiction; the smallest, which are rounding, are left out where possible."""
    size = np.abs(multipliers)
    large = size > 1e-9 * size.max(initial=0.0)
    kept = np.where(large, multipliers, 0.0)
    return large if _value(kept, pool) - float(pool.price(kept).max()) > tolerance else size > 0


def _narrowed(tables: Sequence[_Table], chosen: Sequence[int], alive: Mask, outcome: _Outcome, work: _Work) -> _Narrow:
    """The rows of a certificate, over the distinct columns that the units have there."""
    from scipy import sparse

    whole = _Whole([tables[i] for i in chosen], alive, work)
    support = _support(outcome.multipliers, whole, 0.0)
    owner = np.repeat(chosen, [tables[i].cells.size for i in chosen])
    cell = np.concatenate([np.arange(tables[i].cells.size) for i in chosen])
    scales = np.repeat([tables[i].scale for i in chosen], [tables[i].cells.size for i in chosen])
    units = np.flatnonzero(alive)
    parts = []
    for i in chosen:
        mine = cell[support & (owner == i)]
        if len(mine):
            matrix = sparse.csr_array(tables[i].cells.matrix())[:, mine]
            parts.append((matrix if alive.all() else matrix[units]) / tables[i].scale)
    place = np.zeros(len(alive), dtype=np.int64)
    place[units] = np.arange(len(units))
    narrow = _Narrow(
        matrix=sparse.csr_array(sparse.hstack(parts, format="csr")),
        low=whole.low[support],
        high=whole.high[support],
        members=np.stack([owner, cell], axis=1)[support],
        units_of_one=scales[support],
        start=place[outcome.picks],
        order=np.abs(outcome.multipliers[support]),
        work=work,
    )
    return narrow.only(np.ones(len(narrow.low), dtype=bool))


def _needed(
    tables: Sequence[_Table],
    chosen: tuple[int, ...],
    alive: Mask,
    outcome: _Outcome,
    tolerance: float,
    work: _Work,
    advance: Callable[[float], None],
) -> tuple[tuple[int, ...], _Outcome]:
    """Leave out one table at a time as long as the rest is a contradiction; with the outcome of what remains."""
    chosen, outcome, mass = _proving(tables, chosen, alive, outcome, work)
    first = size = len(chosen) // 2
    while size:  # first the half with the smallest multipliers, then fewer, in the end each table alone
        batches = _batches(chosen, mass, size)
        for done, left_out in enumerate(batches):
            advance(1 - size * (1 - done / len(batches) / 2) / first)
            rest = tuple(i for i in chosen if i not in left_out)
            if rest and len(rest) < len(chosen):
                found = _elastic(_Whole([tables[i] for i in rest], alive, work), outcome.picks, enough=tolerance)
                if found.lower > tolerance:
                    chosen, outcome, mass = _proving(tables, rest, alive, found, work)
                elif size > 1:
                    break
        size //= 2
    return chosen, outcome


def _batches(chosen: tuple[int, ...], mass: Floats, size: int) -> list[set[int]]:
    """Tables by rising multipliers, so many at a time."""
    order = [chosen[i] for i in np.argsort(mass, kind="stable")]
    return [set(order[begin : begin + size]) for begin in range(0, len(order), size)]


def _proving(
    tables: Sequence[_Table], chosen: tuple[int, ...], alive: Mask, outcome: _Outcome, work: _Work
) -> tuple[tuple[int, ...], _Outcome, Floats]:
    """The tables that a certificate uses, the outcome with multipliers of these alone, and their sums in size."""
    pool = _Whole([tables[i] for i in chosen], alive, work)
    used = np.where(_support(outcome.multipliers, pool, 0.0), outcome.multipliers, 0.0)
    parts = {i: part for i, part in zip(chosen, np.split(used, pool.ends[:-1]), strict=True) if part.any()}
    mass = np.array([np.abs(part).sum() for part in parts.values()])
    return tuple(parts), replace(outcome, multipliers=_joined(list(parts.values()))), mass


def _smallest(pool: _Narrow, tolerance: float, advance: Callable[[float], None]) -> tuple[_Narrow, bool]:
    """The smallest irreducible set that several orders of leaving cells out end at; and whether that was always decided."""
    found = _filtered(pool, pool.members[np.argsort(pool.order, kind="stable")], tolerance, advance)
    if len(pool.low) <= FEW_ROWS:
        random = generator(0, "conflict", "orders")
        for _ in range(ORDERS - 1 if len(found[0].low) > 2 else 0):
            other = _filtered(pool, random.permutation(pool.members), tolerance, lambda done: None)
            found = other if other[1] and len(other[0].low) < len(found[0].low) else found
    return found


def _filtered(pool: _Narrow, todo: Counts, tolerance: float, advance: Callable[[float], None]) -> tuple[_Narrow, bool]:
    """Leave out one cell at a time as long as the rest is a contradiction; and whether that was always decided."""
    decided = True
    for done, member in enumerate(todo):
        advance(done / len(todo))
        pool, known = _without(pool, (pool.members == member).all(axis=1), tolerance)
        decided &= known
    return pool, decided


def _without(pool: _Narrow, rows: Mask, tolerance: float) -> tuple[_Narrow, bool]:
    """The pool without some rows if the rest is still a contradiction; and whether that could be decided."""
    if not rows.any() or rows.all():
        return pool, True
    smaller = pool.only(~rows)
    outcome = _elastic(smaller, _all_or_start(smaller), enough=tolerance)
    if outcome.lower > tolerance:
        proven = replace(smaller, start=outcome.picks, order=np.abs(outcome.multipliers))
        return proven.only(_support(outcome.multipliers, smaller, tolerance)), True
    return pool, outcome.upper <= tolerance


def _all_or_start(pool: _Narrow) -> CellIndex:
    columns = pool.matrix.shape[0]
    return np.arange(columns) if columns <= AT_ONCE else pool.start


def _moves(pool: _Narrow) -> tuple[tuple[float, ...], bool]:
    """For each row the least by which it alone must give way, in its own units; and whether all were found."""
    moves, told = [], True
    for row in range(len(pool.low)):
        cost = np.full(len(pool.low), PENALTY)
        cost[row] = 1.0
        outcome = _elastic(pool, _all_or_start(pool), cost=cost)
        got = float((pool.columns(outcome.picks).T @ outcome.weights)[row])
        moves.append(float((got - np.clip(got, pool.low[row], pool.high[row])) * pool.units_of_one[row]))
        told &= not outcome.message
    return tuple(moves), told
