"""The numbers of few records, settled exactly: where moving all by a little leaves sums or squares off.

Records in the same cells of all statistics, whose numbers lie between the same bounds, can stand in for each other: a *group*.
Where a variable has few values, a mixed-integer programme says how many records of each group take which value; sums and sums
of squares are linear in that. Otherwise a linear programme says what the numbers of each group sum up to, themselves and
squared; these are then met group by group, and what rounding leaves of the squares is put right by pairs of records in
the same cells that move apart or together by the same amount, which leaves every sum as it is.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from synthor.randomness import generator
from synthor.sample.programme import quiet
from synthor.sample.tune import Aim, stepped, tune
from synthor.types import CellIndex, Counts, Floats, Mask

FEW = 3_000
"""Records up to which this is worth its time."""

FEW_VALUES, MOST_COLUMNS = 256, 20_000
"""Values of a group, and of all groups together, up to which each is a column."""

NODES, SECONDS = 1_000, 120.0
"""Nodes of the programme, which decide what comes out; seconds after which it is given up on a busy machine."""

MARGIN = 0.05
"""Share of a standard deviation's range that is kept free at either end, for what rounding moves."""

PAIRS, MOVES = 400, 600
"""Pairs that are looked at for one move, and moves at most."""

FINE, DOUBLES, MOST_STEPS = 60, 16, 500
"""Records of a cell up to which two pairs are moved at once; pairs looked at for it; and steps either way of the first."""


def exactly(values: Floats, low: Floats, high: Floats, aims: Sequence[Aim], step: float) -> Floats:
    """Numbers that come to what is wanted in all cells, or in more than the given ones; otherwise these.

    Args:
        values: (n,) numbers, each a multiple of `step` away from `low`.
        low: (n,) smallest number that each may be.
        high: (n,) largest.
        aims: what sums and spreads are wanted.
        step: of numbers.

    >>> cell = np.zeros(3, np.int64)
    >>> aims = [Aim(cell=cell, low=np.array([12.0]), high=np.array([12.0])),
    ...         Aim(cell=cell, low=np.array([np.nan]), high=np.array([np.nan]), center=np.array([4.0]),
    ...             squares=(np.array([14.0]), np.array([14.0])))]
    >>> sorted(exactly(np.array([4.0, 4.0, 4.0]), np.zeros(3), np.full(3, 9.0), aims, 1.0).tolist())
    [1.0, 5.0, 6.0]
    """
    if len(values) > FEW or not len(values):
        return values
    keys = np.column_stack([*(aim.cell for aim in aims), low, high])
    known, group = np.unique(keys, axis=0, return_inverse=True)
    group = group.ravel()
    a, b = known[:, -2], known[:, -1]
    n_values = np.rint((b - a) / step).astype(np.int64) + 1
    if n_values.max() <= FEW_VALUES and n_values.sum() <= MOST_COLUMNS:
        found = _by_value(values, group, a, n_values, aims, step)
    else:
        found = _by_sums(values, low, high, group, (a, b), aims, step)
    return values if found is None or n_missed(found, aims) >= n_missed(values, aims) else found


def n_missed(values: Floats, aims: Sequence[Aim]) -> int:
    """Cells in which numbers do not come to what is wanted, but for the last digits of long sums."""
    missed = 0
    for aim in aims:
        given, least, most = _demanded(aim)
        got = np.bincount(aim.cell, _amount(aim, values, aim.cell), len(given) + 1)[:-1]
        room = 1e-9 * np.maximum(np.abs(least), np.abs(most))
        missed += int((given & ((got < least - room) | (got > most + room))).sum())
    return missed


def gap(values: Floats, aims: Sequence[Aim]) -> float:
    """By how much sums and spreads are off, as shares of themselves, in sum."""
    total = 0.0
    for aim in aims:
        given, least, most = _demanded(aim)
        got = np.bincount(aim.cell, _amount(aim, values, aim.cell), len(given) + 1)[:-1]
        off = np.where(given, np.maximum(least - got, 0.0) + np.maximum(got - most, 0.0), 0.0)
        total += float((off / np.maximum(np.abs(most), 1.0)).sum())
    return total


def _by_value(values: Floats, group: CellIndex, a: Floats, n_values: Counts, aims: Sequence[Aim], step: float) -> Floats | None:
    """How many records of each group take which value."""
    from scipy import sparse

    of = np.repeat(np.arange(len(a)), n_values)
    value = a[of] + step * (np.arange(len(of)) - np.repeat(np.cumsum(n_values) - n_values, n_values))
    _, first = np.unique(group, return_index=True)
    rows = [sparse.csr_array((np.ones(len(of)), (of, np.arange(len(of)))), shape=(len(a), len(of)))]
    sizes = np.bincount(group).astype(np.float64)
    low, high = [sizes], [sizes]
    for aim in aims:
        cell = aim.cell[first][of]
        given, below, above = _demanded(aim)
        there = np.flatnonzero(np.append(given, False)[cell])
        amount = _amount(aim, value, cell)
        rows.append(sparse.csr_array((amount[there], (cell[there], there)), shape=(len(given), len(of))))
        low.append(np.where(given, below, -np.inf))
        high.append(np.where(given, above, np.inf))
    now = np.searchsorted(_key(of, value, step), _key(group, values, step), side="left")
    held = np.bincount(np.minimum(now, len(of) - 1), minlength=len(of))
    cost = np.where(held > 0, 0.0, 1.0) + generator(0, "exact", len(of)).random(len(of))
    solved = _solved(cost, sparse.vstack(rows, format="csr"), low, high, np.zeros(len(of)), whole=True)
    if solved is None:
        return None
    counts = np.rint(solved).astype(np.int64)
    if (np.bincount(of, counts, len(a)) != sizes).any():
        return None
    found = np.empty(len(values))
    # Records keep their order inside a group: the smallest number stays the smallest.
    found[np.lexsort((values, group))] = np.repeat(value, counts)
    return found


def _key(group: CellIndex, value: Floats, step: float) -> Counts:
    """Rising with group, then value."""
    lowest = np.rint(value / step).astype(np.int64)
    return group * (2**40) + lowest


def _demanded(aim: Aim) -> tuple[Mask, Floats, Floats]:
    """Which cells are wanted, and the least and most that they come to."""
    low, high = (aim.low, aim.high) if aim.squares is None else aim.squares
    given = np.isfinite(low) & np.isfinite(high)
    return given, np.nan_to_num(low), np.nan_to_num(high)


def _amount(aim: Aim, value: Floats, cell: CellIndex) -> Floats:
    """What a number adds to its cell."""
    if aim.center is None:
        return value
    return np.square(value - np.append(np.nan_to_num(aim.center), 0.0)[cell])


def _by_sums(
    values: Floats,
    low: Floats,
    high: Floats,
    group: CellIndex,
    ends: tuple[Floats, Floats],
    aims: Sequence[Aim],
    step: float,
) -> Floats | None:
    """What the numbers of each group sum up to, themselves and squared; then numbers that do."""
    sizes = np.bincount(group).astype(np.float64)
    solved = _sums_and_squares(values, group, ends, aims, step)
    if solved is None:
        return None
    sums, spread = solved
    own = [Aim(cell=group, low=sums, high=sums)]
    if any(aim.center is not None for aim in aims):
        nothing = np.full(len(sums), np.nan)
        own.append(Aim(cell=group, low=nothing, high=nothing, center=sums / sizes, squares=(spread, spread)))
    found = tune(_apart(values, low, high, group, spread, step), low, high, own, step)
    plain = [aim for aim in aims if aim.center is None]
    near = stepped(found, low, high, plain, step)
    found = tune(found, low, high, plain, step) if n_missed(near, plain) else near
    together = np.unique(np.column_stack([aim.cell for aim in aims]), axis=0, return_inverse=True)[1].ravel()
    return _paired(found, low, high, together, aims, step)


def _sums_and_squares(
    values: Floats, group: CellIndex, ends: tuple[Floats, Floats], aims: Sequence[Aim], step: float
) -> tuple[Floats, Floats] | None:
    """Sums, and squared distances from their means, by group that meet all aims and lie near to what they are, (k,) each."""
    from scipy import sparse

    a, b = ends
    k, sizes = len(a), np.bincount(group).astype(np.float64)
    middle = float((a.min() + b.max()) / 2)
    unit = max(float(b.max() - a.min()) / 2, step)
    x, y = (a - middle) / unit, (b - middle) / unit
    _, first = np.unique(group, return_index=True)
    now = np.bincount(group, (values - middle) / unit)
    squared = np.bincount(group, np.square((values - middle) / unit))
    eye, none, blank = sparse.identity(k, format="csr"), np.full(k, np.inf), sparse.csr_array((k, k))
    # Columns: s, q, and how far each lies from what it is now.
    rows = [sparse.hstack([eye, blank, -eye, blank]), sparse.hstack([eye, blank, eye, blank])]
    rows += [sparse.hstack([blank, eye, blank, -eye]), sparse.hstack([blank, eye, blank, eye])]
    below, above = [-none, now, -none, squared], [now, none, squared, none]
    for t in (x, (3 * x + y) / 4, (x + y) / 2, (x + 3 * y) / 4, y):
        rows.append(sparse.hstack([-2 * sparse.diags_array(t), eye, blank, blank]))
        below.append(-np.square(t) * sizes)
        above.append(none)
    rows.append(sparse.hstack([-sparse.diags_array(x + y), eye, blank, blank]))
    below.append(-none)
    above.append(-x * y * sizes)
    for aim in aims:
        row, least, most = _aimed(aim, aim.cell[first], sizes, middle, unit)
        rows.append(row)
        below.append(least)
        above.append(most)
    cost = np.concatenate([np.zeros(2 * k), np.full(2 * k, 1.0)])
    lower = np.concatenate([sizes * x, np.full(k, 0.0), np.zeros(2 * k)])
    upper = np.concatenate([sizes * y, none, none, none])
    solved = _solved(cost, sparse.vstack(rows, format="csr"), below, above, lower, whole=False, upper=upper)
    if solved is None:
        return None
    s, q = solved[:k], solved[k : 2 * k]
    return s * unit + middle * sizes, np.maximum(q - np.square(s) / sizes, 0.0) * unit**2


def _aimed(aim: Aim, cell: CellIndex, sizes: Floats, middle: float, unit: float) -> tuple[Any, Floats, Floats]:
    """One aim as rows on sums and squares of groups, from a middle and in units; and their bounds."""
    from scipy import sparse

    given, least, most = _demanded(aim)
    there = np.flatnonzero(np.append(given, False)[cell])
    at, shape = cell[there], (len(given), len(cell))
    n_cell = np.bincount(at, sizes[there], len(given))
    sums: Any = sparse.csr_array((np.ones(len(there)), (at, there)), shape=shape)
    wide: Any = sparse.csr_array(shape)
    if aim.center is None:
        row = sparse.hstack([sums, wide, wide, wide])
        least, most = (least - middle * n_cell) / unit, (most - middle * n_cell) / unit
    else:
        off_center = (np.nan_to_num(aim.center) - middle) / unit
        row = sparse.hstack([-2 * sparse.diags_array(off_center) @ sums, sums, wide, wide])
        inside = MARGIN * (most - least)
        least, most = ((edge / unit**2 - np.square(off_center) * n_cell) for edge in (least + inside, most - inside))
    return row, np.where(given, least, -np.inf), np.where(given, most, np.inf)


def _apart(values: Floats, low: Floats, high: Floats, group: CellIndex, spread: Floats, step: float) -> Floats:
    """Numbers of a group that are all alike cannot be spread by stretching: move every other one first."""
    mean = np.bincount(group, values) / np.bincount(group)
    alike = (np.bincount(group, np.square(values - mean[group])) < 0.01 * spread)[group]
    order = np.lexsort((values, group))
    rank = np.empty(len(values), np.int64)
    rank[order] = np.arange(len(values))
    target = np.where(rank % 2 == 0, (values + low) / 2, (values + high) / 2)
    return np.clip(low + np.rint((np.where(alike, target, values) - low) / step) * step, low, high)


def _paired(values: Floats, low: Floats, high: Floats, group: CellIndex, aims: Sequence[Aim], step: float) -> Floats:
    """Squares put right by pairs in the same cells that move by the same amount, one up and the other down."""
    spreads = [aim for aim in aims if aim.center is not None]
    random, found = generator(0, "exact", "pairs"), values.copy()
    n_group = np.bincount(group)
    start = np.concatenate([[0], np.cumsum(n_group)[:-1]])
    members = np.argsort(group, kind="stable")

    def missing(numbers: Floats) -> list[Floats]:
        gaps = []
        for aim in spreads:
            given, least, most = _demanded(aim)
            now = np.bincount(aim.cell, _amount(aim, numbers, aim.cell), len(given) + 1)[:-1]
            gaps.append(np.where(given, np.maximum(least - now, 0.0) + np.minimum(most - now, 0.0), 0.0))
        return gaps

    gaps = missing(found)
    for _ in range(MOVES if spreads else 0):
        total = sum(float(np.abs(gap).sum()) for gap in gaps)
        if total <= 0:
            break
        off = [(place, cell) for place, gap in enumerate(gaps) for cell in np.flatnonzero(gap).tolist()]
        worst, cell = off[int(random.integers(len(off)))]
        wanted = gaps[worst][cell]
        _, least_wanted, most_wanted = _demanded(spreads[worst])
        window = float(most_wanted[cell] - least_wanted[cell])
        there = np.flatnonzero((spreads[worst].cell == cell) & (n_group[group] > 1))
        if not len(there):
            break
        first = random.choice(there, PAIRS)
        second = members[start[group[first]] + random.integers(0, n_group[group[first]])]
        move, score = _moves(found, (low, high), (first, second), wanted, window, step, random)
        best = np.argsort(score, kind="stable")
        trials = [_shifted(found, first[pick], second[pick], move[pick]) for pick in best[:5] if score[pick] < np.inf]
        if len(there) <= FINE:  # where one pair is too coarse, a second one makes up for what the first gives too much
            bounds = low, high
            trials += [
                _twice(found, bounds, first[i : i + 2], second[i : i + 2], wanted + np.sign(wanted) * window / 2, step)
                for i in range(0, DOUBLES, 2)
            ]
        for trial in trials:
            then = missing(trial)
            if sum(float(np.abs(gap).sum()) for gap in then) < total:
                found, gaps = np.round(trial, 9), then
                break
    return found


def _moves(
    values: Floats,
    bounds: tuple[Floats, Floats],
    pairs: tuple[CellIndex, CellIndex],
    wanted: float,
    window: float,
    step: float,
    random: np.random.Generator,
) -> tuple[Floats, Floats]:
    """By how much each pair might move, (pairs,), and how far squares would then be from what is wanted.

    Args:
        values: (n,) numbers.
        bounds: (n,) least and most of each.
        pairs: (pairs,) which goes up, and which down.
        wanted: change of the squares.
        window: how far beyond it they may be.
        step: between two numbers.
        random: draws which part of its way each pair goes.
    """
    (low, high), (first, second) = bounds, pairs
    apart = values[first] - values[second]
    # One up and the other down by d: squares change by 2 d (apart + d), whatever the center.
    root = np.sqrt(np.maximum(np.square(apart) + 2 * wanted, 0.0))
    ideal = np.where(np.abs(-apart + root) < np.abs(-apart - root), -apart + root, -apart - root) / 2
    ideal = np.where(np.square(apart) + 2 * wanted < 0, -apart / 2, ideal)
    fraction = np.where(random.random(PAIRS) < 0.5, 1.0, random.random(PAIRS))
    move = np.rint(ideal * fraction / step) * step
    move = np.where(move == 0, step * random.choice([-2.0, -1.0, 1.0, 2.0], PAIRS), move)  # too fine for one pair alone
    least = np.maximum(low[first] - values[first], values[second] - high[second])
    most = np.minimum(high[first] - values[first], values[second] - low[second])
    move = np.clip(move, np.ceil(np.round(least / step, 6)) * step, np.floor(np.round(most / step, 6)) * step)
    change = 2 * move * (apart + move)
    # Whatever lies in the range will do: it reaches from what is wanted away from what there is.
    beyond = np.sign(wanted) * (change - wanted)
    score = np.where((first == second) | (change == 0), np.inf, np.maximum(np.maximum(beyond - window, -beyond), 0.0))
    return move, score


def _shifted(values: Floats, up: int, down: int, by: float) -> Floats:
    moved = values.copy()
    moved[up] += by
    moved[down] -= by
    return moved


def _twice(
    values: Floats, bounds: tuple[Floats, Floats], first: CellIndex, second: CellIndex, wanted: float, step: float
) -> Floats:
    """Two pairs moved: of all moves of one pair, and the best of the other after each, those that change squares as wanted."""
    low, high = bounds
    (i, k), (j, m) = (int(one) for one in first), (int(one) for one in second)
    if i == j or k == m:
        return values
    least, most = max(low[i] - values[i], values[j] - high[j]), min(high[i] - values[i], values[j] - low[j])
    some = np.arange(-MOST_STEPS, MOST_STEPS + 1) * step
    some = some[(some >= least - step / 4) & (some <= most + step / 4)]
    # After the first pair's move the second starts elsewhere, if they have a record in common.
    up = values[k] + some * ((k == i) * 1.0 - (k == j))
    down = values[m] + some * ((m == i) * 1.0 - (m == j))
    apart, left = up - down, wanted - 2 * some * (values[i] - values[j] + some)
    inner = np.square(apart) + 2 * left
    root = np.sqrt(np.maximum(inner, 0.0))
    best, off = (0.0, 0.0), np.inf
    for sign in (1.0, -1.0):
        move = np.rint((-apart + sign * root) / 2 / step) * step
        fits = (up + move <= high[k] + step / 4) & (up + move >= low[k] - step / 4)
        fits &= (down - move <= high[m] + step / 4) & (down - move >= low[m] - step / 4) & (inner >= 0)
        error = np.where(fits, np.abs(left - 2 * move * (apart + move)), np.inf)
        if len(error) and error.min() < off:
            at = int(error.argmin())
            best, off = (float(some[at]), float(move[at])), float(error[at])
    return _shifted(_shifted(values, i, j, best[0]), k, m, best[1]) if np.isfinite(off) else values


def _solved(
    cost: Floats,
    matrix: Any,
    low: Sequence[Floats],
    high: Sequence[Floats],
    lower: Floats,
    *,
    whole: bool,
    upper: Floats | None = None,
) -> Floats | None:
    from scipy import sparse
    from scipy.optimize import Bounds, LinearConstraint, milp

    matrix = sparse.csc_array(matrix)
    matrix.indices, matrix.indptr = (own.astype(np.int32) for own in (matrix.indices, matrix.indptr))  # all that 1.13 takes
    with quiet():
        outcome = milp(
            cost,
            constraints=LinearConstraint(matrix, np.concatenate(low), np.concatenate(high)),
            integrality=np.full(len(cost), int(whole)),
            bounds=Bounds(lower, np.inf if upper is None else upper),
            options={"node_limit": NODES, "time_limit": SECONDS, "mip_rel_gap": 1.0},
        )
    return None if outcome.x is None else np.asarray(outcome.x, dtype=np.float64)
