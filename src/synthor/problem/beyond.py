"""Means, totals, deviations and shares that no records can have which other tables count: as far as one table tells.

Each statistic is set beside each table of counts that shares a variable with it. The table says how many records lie in each of
its cells, the bins say how large or small their values can be; together they bound what the statistic's cells can come to. What
needs several tables at once is left to the fit, which finds it by a linear programme.
"""

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.errors import Finding
from synthor.problem.cures import TOLERANCES
from synthor.problem.marginals import inexact
from synthor.problem.statistic import Deviation, OfValues, Within, mean_of
from synthor.problem.target import Target
from synthor.schema import Level, Units
from synthor.schema.crossed import n_crossed
from synthor.schema.text import as_text
from synthor.types import CellIndex, Floats, Mask

MOST_COMBINATIONS = 50_000
"""Combinations of categories behind a statistic and a table that are looked at."""

MOST_BANDS = 2_000
"""The same where two tables are set beside each other that are not of the same bands."""

HALVINGS = 60

WORDS = {"mean": "a mean", "total": "a total", "sd": "a standard deviation", "shares": "a share"}


def beyond_reach(targets: Sequence[Target], statistics: Sequence[Target], level: Level, n_units: float) -> Iterator[Finding]:
    """One warning for each statistic or table that cannot be met, with the cell that is furthest off.

    Args:
        targets: tables of counts of level 0, as published.
        statistics: means, totals, deviations and shares inside cells, as published.
        level: their variables.
        n_units: records in all.
    """
    counted = [target for target in targets if target.flat and target.sigma is None]
    for one in statistics:
        if isinstance(one.statistic, Within):
            shares = _shares(one, one.statistic, counted, level, n_units)
            if shares is not None:
                yield shares
            continue
        assert isinstance(one.statistic, OfValues)
        beside = (_beside(one, one.statistic, statistics, table, level, n_units) for table in (None, *counted))
        parts = (_parts(one, whole, counted, level, n_units) for whole in statistics)
        found = next((finding for finding in itertools.chain(beside, parts) if finding is not None), None)
        if found is not None:
            yield found
    nearby = _Nearby.of(counted)
    for target in targets:
        others = (table for table in nearby.beside(target) if table is not target and _nearly_one_way(target, table, level))
        found = next((finding for table in others if (finding := _cells(target, table, level, n_units)) is not None), None)
        if found is not None:
            yield found


def without_whole_numbers(targets: Sequence[Target], n_units: int, made: str, key: str) -> Iterator[Finding]:
    """One warning for each table whose cells hold too many or too few records at the whole numbers inside of their intervals.

    Args:
        targets: tables of counts, for the number of rows that are made.
        n_units: that number.
        made: the same in words.
        key: of the spec, that says it; empty where tables add up to another number, which is scaled.
    """
    for target in targets:
        fewest, most = int(target.low.sum()), int(target.high.sum())
        if not target.flat or not target.grid.covers or fewest <= n_units <= most:
            continue
        edge, found = ("at least", fewest) if fewest > n_units else ("at most", most)
        message = f"the whole numbers inside its intervals add up to {edge} {found:,}, but {made}"
        better = f"set {key} to {found:,}" if key else "make more records"
        cure = f"{better}, or give it a wider `tolerance`"
        yield Finding(where=target.name, message=message, cure=cure, found=found, expected=n_units, severity="warning")


@dataclass(frozen=True, slots=True, eq=False)
class _Nearby:
    """Tables by the variables that they speak of; those apart that are full tables of their variables' categories."""

    plain: Mapping[frozenset[int], Sequence[int]]
    others: Mapping[frozenset[int], Sequence[int]]
    tables: Sequence[Target]

    @classmethod
    def of(cls, tables: Sequence[Target]) -> "_Nearby":
        plain: dict[frozenset[int], list[int]] = {}
        others: dict[frozenset[int], list[int]] = {}
        for place, table in enumerate(tables):
            (plain if table.grid.plain else others).setdefault(frozenset(table.grid.positions), []).append(place)
        return cls(plain, others, tables)

    def beside(self, target: Target) -> list[Target]:
        """Those that speak of the same variables as a table or of some of them, but for full ones beside a full one."""
        mine = frozenset(target.grid.positions)
        some = [self.others] if target.grid.plain else [self.plain, self.others]
        places = [place for tables in some for theirs, of in tables.items() if theirs <= mine for place in of]
        return [self.tables[place] for place in sorted(places)]


def _nearly_one_way(target: Target, table: Target, level: Level) -> bool:
    """Whether two tables speak of the same few variables in other bands or universes: those in the same are compared anyway."""
    mine, theirs = set(target.grid.positions), set(table.grid.positions)
    size = float(np.prod([float(level.finest(v).size) for v in mine | theirs]))
    return target.flat and theirs <= mine and size <= MOST_BANDS and not (target.grid.plain and table.grid.plain)


def _cells(target: Target, table: Target, level: Level, n_units: float) -> Finding | None:
    """Whether a table wants more or fewer records of a cell than those that another table has in all bands around it."""
    joint = _joint(target, target.grid.positions, table, level, n_units)
    if joint is None:
        return None
    ones = np.ones(len(joint.units))
    most, least = joint.most(ones, joint.cell, target.grid.size), -joint.most(-ones, joint.cell, target.grid.size)
    low, high = np.minimum(target.lowest, target.low), np.maximum(target.highest, target.high)
    gap = np.maximum(low - most, least - high) - inexact(n_units) - target.rounding - table.rounding
    cell = int(gap.argmax())
    if not gap[cell] > 0:
        return None
    more = low[cell] - most[cell] > 0
    edge = float(most[cell] if more else least[cell])
    labels = ", ".join(target.labels(cell).values())
    held = f"'{table.name}' has {'at most' if more else 'at least'} {_shown(edge)}"
    room = inexact(n_units) + target.rounding + table.rounding
    looser = "" if target.statistic.word != "count" or not target.exact else next(
        (f", or give it `tolerance: {{relative: {100 * share:g}%}}`" for share in TOLERANCES
         if (np.ceil(target.wanted * (1 - share)) <= most + room).all()
         and (np.floor(target.wanted * (1 + share)) >= least - room).all()), "")  # fmt: skip
    return Finding(
        where=target.name,
        message=f"{_shown(float(target.wanted[cell]))} {f'of {labels} ' if labels else ''}cannot be met: {held}",
        cure=f"correct one of them{looser}",
        label=labels or None,
        found=float(target.wanted[cell]),
        expected=edge,
        severity="warning",
    )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Joint:
    """The combinations of a statistic's cells with those of a table; the last cell of the table is what lies in none.

    Attributes:
        units: the combinations of all variables of both.
        cell: (n,) of the statistic; its size where a combination is in none.
        other: (n,) of the table.
        low: (cells of the table + 1,) fewest records there.
        high: most.
    """

    units: Units
    cell: CellIndex
    other: CellIndex
    low: Floats
    high: Floats

    def most(self, values: Floats, of: CellIndex, size: int) -> Floats:
        """The greatest sum of values, (n,), that records in some cells, (n,) of `size`, can have, (size,)."""
        width = len(self.low)
        inside = of < size
        best = np.full(size * width, -np.inf)
        np.maximum.at(best, of[inside] * width + self.other[inside], values[inside])
        there = np.isfinite(best).reshape(size, width)
        best = np.where(there, best.reshape(size, width), 0.0)
        sure = there & (np.bincount(self.other[~inside], minlength=width)[None] == 0) & (there.sum(axis=0) == 1)[None]
        with np.errstate(invalid="ignore"):  # none of a value of 0, however many there are
            above = np.where(best > 0, best * self.high, 0.0)
        return np.asarray((above + np.where(sure & (best < 0), best * self.low, 0.0)).sum(axis=1), dtype=np.float64)


def _joint(source: Target, own: Sequence[int], table: Target | None, level: Level, n_units: float) -> _Joint | None:
    """The combinations of what one target speaks of, at some positions, and a table; None where it is not looked at."""
    mine = set(own)
    theirs = set() if table is None else set(table.grid.positions)
    if table is not None and not mine & theirs:
        return None
    positions = sorted(mine | theirs)
    if n_crossed([level.finest(v).size for v in positions]) > MOST_COMBINATIONS:
        return None
    units = level.crossed(positions)
    low = np.zeros(0) if table is None else np.minimum(table.lowest, table.low)
    high = np.zeros(0) if table is None else np.maximum(table.highest, table.high)
    fewest = max(n_units - float(high.sum()), 0.0) if np.isfinite(n_units) else 0.0  # nobody knows how many rows there are
    rest = fewest, max(n_units - float(low.sum()), 0.0)
    return _Joint(
        units=units,
        cell=source.grid.index(units),
        other=np.zeros(len(units), np.int64) if table is None else table.grid.index(units),
        low=np.append(low, rest[0]),
        high=np.append(high, rest[1]),
    )


def _beside(
    target: Target, of: OfValues, targets: Sequence[Target], table: Target | None, level: Level, n_units: float
) -> Finding | None:
    """What one table says of a statistic."""
    joint = _joint(target, target.positions, table, level, n_units)
    if joint is None:
        return None
    size, cell = target.grid.size, joint.cell
    low_end, high_end = (side[joint.units.column(of.ref)] for side in of.variable.ends)
    low_end, high_end = of.image(low_end, high_end, cell)
    if not of.per_row:
        return _told(target, table, -joint.most(-low_end, cell, size), joint.most(high_end, cell, size))
    off = of.loosened(targets, target)
    low, high = of.summed(np.nan_to_num(target.lowest)), of.summed(np.nan_to_num(target.highest)) + off
    ends = of.variable.least, of.variable.most
    widest = np.full(size, np.inf)
    if isinstance(of, Deviation):
        widest = _widest(of, mean_of(targets, target) or target)
        ends = 0.0, float(high_end.max(initial=0.0))

    def reached(edge: Floats, values: Floats) -> Mask:
        """Whether values of records in each cell can be as large as some on average."""
        return joint.most(values - _at(edge, cell), cell, size) >= 0

    if (reached(low, high_end) & reached(-high, -low_end) & (np.sqrt(np.maximum(low, 0.0)) <= widest)).all():
        return None
    most = _last(lambda edge: reached(edge, high_end), size, ends)
    least = -_last(lambda edge: reached(edge, -low_end), size, (-ends[1], -ends[0]))
    if isinstance(of, Deviation):
        least = np.sqrt(np.maximum(least - off, 0.0))
        most = np.minimum(np.sqrt(most), widest)
    return _told(target, table, least, most)


def _widest(of: Deviation, mean: Target) -> Floats:
    """The largest deviation of values within a range around a mean (Bhatia and Davis, 2000), (cells,)."""
    low, high = of.variable.least, of.variable.most
    nearest = np.clip((low + high) / 2, np.nan_to_num(mean.lowest), np.nan_to_num(mean.highest))
    return np.sqrt(np.maximum((high - nearest) * (nearest - low), 0.0))


def _at(values: Floats, cell: CellIndex) -> Floats:
    return np.append(values, 0.0)[cell]


def _last(holds: Callable[[Floats], Mask], size: int, ends: tuple[float, float]) -> Floats:
    """The greatest values, (size,), for which something holds that holds of all smaller ones; the upper end at most."""
    low, high = np.full(size, ends[0]), np.full(size, ends[1])
    everywhere = holds(high)
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        enough = holds(middle)
        low, high = np.where(enough, middle, low), np.where(enough, high, middle)
    return np.where(everywhere, ends[1], low)


def _told(target: Target, table: Target | None, least: Floats, most: Floats) -> Finding | None:
    """The cell that is furthest out of reach."""
    given = np.isfinite(target.wanted)
    low, high = np.nan_to_num(target.lowest), np.nan_to_num(target.highest)
    room = 1e-6 * np.maximum(np.maximum(np.abs(low), np.abs(high)), 1e-9)
    gap = np.where(given, np.maximum(np.maximum(low - most, least - high) - room, 0.0), 0.0)
    if not (gap > 0).any():
        return None
    cell = int((gap / np.maximum(np.abs(np.nan_to_num(target.wanted)), 1e-9)).argmax())
    edge = most[cell] if low[cell] > most[cell] else least[cell]
    bound = "at most" if low[cell] > most[cell] else "at least"
    return _finding(target, cell, float(target.wanted[cell]), f"it can be {bound} {_shown(edge)}", table, float(edge))


def _shares(target: Target, of: Within, counted: Sequence[Target], level: Level, n_units: float) -> Finding | None:
    """Whether shares of cells want more or fewer records than tables have, whichever tells most of each."""
    n_groups, size = of.side.size, target.grid.size
    fewest, largest = np.zeros(size), np.full(size, n_units)
    sure, held = np.zeros(size * n_groups), np.full(size * n_groups, n_units)
    by: list[Target | None] = [None] * (size * n_groups)
    for table in counted:
        joint = _joint(target, target.positions, table, level, n_units)
        if joint is not None:
            ones = np.ones(len(joint.units))
            group = of.side.groups(joint.units, 0)
            both = np.where((joint.cell < size) & (group >= 0), joint.cell * n_groups + group, size * n_groups)
            fewest = np.maximum(fewest, -joint.most(-ones, joint.cell, size))
            largest = np.minimum(largest, joint.most(ones, joint.cell, size))
            before = held - sure
            held = np.minimum(held, joint.most(ones, both, size * n_groups))
            sure = np.maximum(sure, -joint.most(-ones, both, size * n_groups))
            by = [table if less else known for less, known in zip(held - sure < before, by, strict=True)]
    low, high = (np.nan_to_num(side) for side in (target.lowest, target.highest))
    above = (low * fewest[:, None]).ravel() - held - 1  # a share is met beside what no whole record meets
    with np.errstate(invalid="ignore"):  # none of any number is none
        below = sure - np.where(high > 0, high * largest[:, None], 0.0).ravel() - 1
    gap = np.where(np.isfinite(target.wanted).ravel(), np.maximum(above, below), 0.0)
    cell = int(gap.argmax())
    if not gap[cell] > 0:
        return None
    n, among, bound = (held, fewest, "at most") if above[cell] > 0 else (sure, largest, "at least")
    said = f"{bound} {_shown(n[cell])} of {_shown(among[cell // n_groups])} can be there"
    edge = float(n[cell] / max(among[cell // n_groups], 1.0))
    return _finding(target, cell, float(target.wanted.ravel()[cell]), said, by[cell], edge)


def _parts(part: Target, whole: Target, counted: Sequence[Target], level: Level, n_units: float) -> Finding | None:
    """Whether a mean or total of all is what those of its parts come to, whose sizes some table tells."""
    one, other = part.statistic, whole.statistic
    linear = all(isinstance(of, OfValues) and not of.curved for of in (one, other))
    if part is whole or not linear or one.positions != other.positions or part.sigma is not None:
        return None
    if whole.sigma is not None or not np.isfinite(part.wanted).all() or part.grid.size <= whole.grid.size:
        return None
    for table in (None, *counted):
        joint = _joint(part, part.positions, table, level, n_units)
        if joint is None or not set(whole.grid.positions) <= set(part.positions):
            continue
        into = whole.grid.index(joint.units)
        ones = np.ones(len(joint.units))
        sizes = [(-joint.most(-ones, at, n), joint.most(ones, at, n)) for at, n in
                 ((joint.cell, part.grid.size), (into, whole.grid.size))]  # fmt: skip
        (low, high), (whole_low, whole_high) = (_sums(target, *size) for target, size in zip((part, whole), sizes, strict=True))
        pairs = np.unique(np.stack([joint.cell, into], axis=1), axis=0)
        for cell in np.flatnonzero(np.isfinite(whole.wanted)):
            inside = pairs[pairs[:, 1] == cell, 0]
            alone = np.isin(pairs[:, 0], inside).sum() == len(inside)  # each part lies in this whole alone
            if not alone or (inside >= part.grid.size).any():
                continue
            least, most = float(low[inside].sum()), float(high[inside].sum())
            room = 1e-6 * max(abs(most), 1.0)
            if least > whole_high[cell] + room or most < whole_low[cell] - room:
                per = max(float(sizes[1][1][cell]), 1.0) if other.word == "mean" else 1.0
                edge = least / per if least > whole_high[cell] else most / per
                said = f"the parts that '{part.name}' gives come to {_shown(float(f'{edge:.6g}'))}"
                return _finding(whole, int(cell), float(whole.wanted[cell]), said, table, edge)
    return None


def _sums(target: Target, fewest: Floats, most: Floats) -> tuple[Floats, Floats]:
    """Lowest and highest sum of values in each cell, given how many records there can be."""
    low, high = np.nan_to_num(target.lowest), np.nan_to_num(target.highest)
    if isinstance(target.statistic, OfValues) and not target.statistic.per_row:
        return low, high
    return np.where(low > 0, low * fewest, low * most), np.where(high > 0, high * most, high * fewest)


def _finding(target: Target, cell: int, wanted: float, said: str, table: Target | None, edge: float) -> Finding:
    labels = ", ".join(target.labels(cell).values())
    where = f" for {labels}" if labels else ""
    with_it = "with the range of its values" if table is None else f"with the counts of '{table.name}'"
    return Finding(
        where=target.name,
        message=f"{WORDS[target.statistic.word]} of {_shown(wanted)}{where} cannot be met: {with_it} {said}",
        cure="correct one of them, or widen the variable's range if values beyond it exist",
        label=labels or None,
        found=wanted,
        expected=edge,
        severity="warning",
    )


def _shown(value: float) -> str:
    return f"{round(value):,}" if abs(value) >= 1000 else as_text(float(f"{value:.6g}"))
