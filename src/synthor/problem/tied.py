"""Numbers of rows that rules tie to each other: what these leave of their bins, and values that are found within that.

A pupil's age lies between its class's grade and some years more, a trip begins where the one before has ended. Tried at random,
forty rows hardly ever are right together. But of rules that keep one number no greater than another, or than a multiple of it,
bounds say all: what they leave of each bin has a least and a greatest value, all the least ones keep the rules together, and so
do the greatest. A number may take any value between; then the others are bounded anew.

Rules of another kind, as of sums, are not looked at here, nor what two comparisons of one rule leave open.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from types import MappingProxyType

import numpy as np
import polars as pl

from synthor.problem.model import Problem, Rule
from synthor.rules.apart import at_most_zero, cases
from synthor.rules.lifted import Beside
from synthor.rules.on_categories import truth
from synthor.rules.on_values import numbers_in
from synthor.rules.syntax import Compare, opposite
from synthor.schema import Ref, Units, Variable
from synthor.types import CellIndex, Codes, Floats, Mask

BY_CHANCE = 10
"""Tied numbers of a unit up to which some of a few hundred values drawn at random are expected to be right together."""

ROUNDED = 1e-6
"""Steps that a number may lie beside a whole one."""


@dataclass(frozen=True, slots=True, eq=False)
class Ties:
    """Numbers that stay below others: x <= slope * y + offset, in steps of each.

    Attributes:
        x: (ties,) the number that stays below.
        y: (ties,) the other.
        slope: (ties,) above 0.
        offset: (ties,).
        strict: (ties,) whether x stays below, and is not equal.
    """

    x: CellIndex
    y: CellIndex
    slope: Floats
    offset: Floats
    strict: Mask

    def where(self, kept: Mask) -> "Ties":
        """Those that a mask keeps."""
        return Ties(self.x[kept], self.y[kept], self.slope[kept], self.offset[kept], self.strict[kept])

    def joined(self, other: "Ties") -> "Ties":
        """These and others."""
        own, theirs = ((one.x, one.y, one.slope, one.offset, one.strict) for one in (self, other))
        return Ties(*(np.concatenate(pair) for pair in zip(own, theirs, strict=True)))

    def greatest(self, high: Floats) -> Floats:
        """Of each x what the greatest y leaves, (ties,)."""
        top = self.slope * high[self.y] + self.offset
        return np.where(self.strict, np.ceil(top - ROUNDED) - 1, np.floor(top + ROUNDED))

    def least(self, low: Floats) -> Floats:
        """Of each y what the least x leaves, (ties,)."""
        bottom = (low[self.x] - self.offset) / self.slope
        return np.where(self.strict, np.floor(bottom + ROUNDED) + 1, np.ceil(bottom - ROUNDED))


NO_TIES = Ties(*(np.zeros(0, dtype) for dtype in (np.int64, np.int64, np.float64, np.float64, bool)))


@dataclass(frozen=True, slots=True, eq=False)
class Bounds:
    """Between which ends numbers lie, in steps, (numbers,) each."""

    low: Floats
    high: Floats


@dataclass(frozen=True, kw_only=True, eq=False)
class Tied:
    """The numbers of all rows of some units, and what ties them.

    Attributes:
        problem: whose rules are looked at, in the finest bins.
        units: n of them, in these.
        unit: (numbers,) whose each is: row by row of a level, one variable beside the other.
        bins: between which ends each lies by its category, or is known to be.
        ties: by rules that categories leave open.
        within: what rules leave that compare one number with a known one.
    """

    problem: Problem
    units: Units
    unit: CellIndex
    bins: Bounds
    ties: Ties
    within: Bounds

    @classmethod
    def of(cls, problem: Problem, units: Units, known: Mapping[int, Floats] = MappingProxyType({})) -> "Tied":
        """The numbers of some units.

        Args:
            problem: whose rules are looked at, in the finest bins.
            units: n of them, in these.
            known: (n,) numbers of the units themselves that stay as they are, by their positions.
        """
        parts = [_numbers_of(problem, units, at, {} if at else known) for at in range(len(problem.schema.levels))]
        unit = np.concatenate([np.repeat(units.above(0, at), parts[at][0].shape[1]) for at in range(len(parts))])
        low, high = (np.concatenate([part[side].ravel() for part in parts]) for side in (0, 1))
        ties, within = NO_TIES, Bounds(low.copy(), high.copy())
        for rule in problem.rules:
            ties = ties.joined(_ties_of(problem, units, rule, within))
        return cls(problem=problem, units=units, unit=unit, bins=Bounds(low, high), ties=ties, within=within)

    @cached_property
    def left(self) -> Bounds:
        """What all rules leave of each number; of numbers that cannot be, the least lies above the greatest somewhere."""
        return self._narrowed(self.within, np.ones(len(self.units), bool))

    @cached_property
    def many(self) -> Mask:
        """(n,) units of which rules tie numbers to those of rows above, or more than are right together by chance."""
        return self.across | (np.bincount(self.unit[self._concerned], minlength=len(self.units)) > BY_CHANCE)

    @cached_property
    def across(self) -> Mask:
        """(n,) units in which numbers of rows are tied to those of rows above them."""
        levels = self._level[self.ties.x] != self._level[self.ties.y]
        return np.bincount(self.unit[self.ties.x[levels]], minlength=len(self.units)) > 0

    @cached_property
    def empty(self) -> Mask:
        """(n,) units that no values leave."""
        return np.bincount(self.unit[self.left.low > self.left.high], minlength=len(self.units)) > 0

    def placed(self, values: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Values that keep these rules in the units that have some: each lies in what is left as it lay in its bin.

        One number after the other is placed, those first that most others hang on.

        Args:
            values: the numbers of all rows, inside of their bins, a table a level.
        """
        width = self.bins.high - self.bins.low + 1
        share = (self._steps(values) - self.bins.low + 0.5) / width
        bounds, fits = self.left, ~self.empty
        open_ = self._concerned & fits[self.unit] & (bounds.low < bounds.high)
        while open_.any():
            some = self._one_of_each(open_)
            at = bounds.low[some] + np.floor(share[some] * (bounds.high - bounds.low + 1)[some])
            at = np.clip(at, bounds.low[some], bounds.high[some])
            low, high = bounds.low.copy(), bounds.high.copy()
            low[some], high[some] = at, at
            moved = np.zeros(len(self.units), bool)
            moved[self.unit[some]] = True
            bounds = self._narrowed(Bounds(low, high), moved)
            open_ &= bounds.low < bounds.high
        return self._with(values, bounds.low, self._concerned & fits[self.unit])

    @cached_property
    def _concerned(self) -> Mask:
        """(numbers,) those that rules tie or bound."""
        found = (self.within.low > self.bins.low) | (self.within.high < self.bins.high)
        found[self.ties.x] = True
        found[self.ties.y] = True
        return found

    def _narrowed(self, given: Bounds, units: Mask) -> Bounds:
        """Bounds that ties leave of others, those of some units being new.

        In a unit whose numbers go on being narrowed longer than there are of them, ties run in a circle that nothing keeps.
        """
        low, high = given.low.copy(), given.high.copy()
        unit = self.unit[self.ties.x]
        rounds = np.bincount(self.unit, minlength=len(self.units))[units].max(initial=0) + 1
        active = units.copy()
        for _ in range(int(rounds)):
            active[self.unit[low > high]] = False
            ties = self.ties.where(active[unit])
            top, bottom = ties.greatest(high), ties.least(low)
            lower, higher = top < high[ties.x], bottom > low[ties.y]
            np.minimum.at(high, ties.x[lower], top[lower])
            np.maximum.at(low, ties.y[higher], bottom[higher])
            active = np.zeros(len(self.units), bool)
            active[self.unit[ties.x[lower | higher]]] = True
            if not active.any():
                return Bounds(low, high)
        endless = active[self.unit] & bool((self.ties.slope == 1).all())
        return Bounds(np.where(endless, np.inf, low), high)

    def _one_of_each(self, open_: Mask) -> CellIndex:
        """One of all open numbers that hang together: of the uppermost level, that which most hang on, the middle one."""
        from scipy.sparse import coo_array
        from scipy.sparse.csgraph import connected_components

        numbers = np.flatnonzero(open_)
        place = np.full(len(open_), -1)
        place[numbers] = np.arange(len(numbers))
        both = open_[self.ties.x] & open_[self.ties.y]
        x, y = place[self.ties.x[both]], place[self.ties.y[both]]
        shape = (len(numbers), len(numbers))
        group = connected_components(coo_array((np.ones(len(x)), (x, y)), shape=shape), directed=False)[1]
        hang = np.bincount(np.concatenate([x, y]), minlength=len(numbers))
        first = np.lexsort((-hang, self._level[numbers], group))
        leading = first[np.concatenate([[True], np.diff(group[first]) > 0])][group]
        alike = np.flatnonzero((self._level[numbers] == self._level[numbers][leading]) & (hang == hang[leading]))
        alike = alike[np.argsort(group[alike], kind="stable")]
        sizes = np.bincount(group[alike])
        return numbers[alike[np.cumsum(sizes) - sizes + sizes // 2]]

    @cached_property
    def _level(self) -> CellIndex:
        """(numbers,) of which level each is."""
        sizes = [self.units.n_rows(at) * len(level.numeric) for at, level in enumerate(self.problem.schema)]
        return np.repeat(np.arange(len(sizes)), sizes)

    def _steps(self, values: Mapping[str, pl.DataFrame]) -> Floats:
        """The numbers of all rows in steps, (numbers,)."""
        found = [np.zeros(0)]
        for level in self.problem.schema:
            columns = [
                numbers_in(values[level.name][level.variables[v].name]) * _scale(level.variables[v]) for v in level.numeric
            ]
            found.append(np.rint(np.stack(columns, axis=1)).ravel() if columns else np.zeros(0))
        return np.concatenate(found)

    def _with(self, values: Mapping[str, pl.DataFrame], steps: Floats, which: Mask) -> dict[str, pl.DataFrame]:
        """The same values, some numbers being so many steps."""
        found = dict(values)
        for at, level in enumerate(self.problem.schema):
            first = int(np.searchsorted(self._level, at))
            for place, position in enumerate(level.numeric):
                numbers = slice(first + place, first + self.units.n_rows(at) * len(level.numeric), len(level.numeric))
                rows = np.flatnonzero(which[numbers])
                variable, codes = level.variables[position], self.units.column(Ref(at, position))
                if len(rows):
                    new = variable.kind.of_steps(steps[numbers][rows], _scale(variable))  # type: ignore[attr-defined]
                    column = variable.column(codes[rows], new)
                    found[level.name] = found[level.name].with_columns(found[level.name][variable.name].scatter(rows, column))
        return found


def _scale(variable: Variable) -> float:
    return float(10.0**variable.decimals)


def _numbers_of(problem: Problem, units: Units, at: int, known: Mapping[int, Floats]) -> tuple[Floats, Floats]:
    """Least and greatest of the numbers of a level's rows, in steps, (rows, numeric variables) each."""
    level, sides = problem.schema.levels[at], list[tuple[Floats, Floats]]()
    for position in level.numeric:
        variable, codes = level.variables[position], units.column(Ref(at, position))
        ends = (known[position],) * 2 if position in known else (variable.low[codes], variable.high[codes])
        sides.append((np.rint(ends[0] * _scale(variable)), np.rint(ends[1] * _scale(variable))))
    shape = (units.n_rows(at), len(sides))
    low, high = (np.stack([one[side] for one in sides], axis=1) if sides else np.zeros(shape) for side in (0, 1))
    return low, high


def _ties_of(problem: Problem, units: Units, rule: Rule, within: Bounds) -> Ties:
    """What one rule ties, where categories leave it open; what it says of one number alone narrows `within` in place."""
    seen, named = _seen(problem, units, rule)
    variables = _variables(problem, rule)
    codes = {name: seen[name] for name in variables}
    n, found = units.n_rows(rule.level), NO_TIES
    for case in cases(rule.predicate):
        told = [truth(said, codes, variables, n) for said in case]
        so = np.logical_and.reduce([one.may for one in told])
        n_open = np.sum([one.may & ~one.must for one in told], axis=0)
        for said, one in zip(case, told, strict=True):
            rows = np.flatnonzero(so & one.may & ~one.must & (n_open == 1))
            if len(rows) and isinstance(said, Compare):
                found = found.joined(_tied_by(said, rows, named, within))
    return found


@dataclass(frozen=True, slots=True, eq=False)
class _Named:
    """A number as rows see it.

    Attributes:
        number: (rows,) which of all numbers.
        scale: steps of its values.
    """

    number: CellIndex
    scale: float


def _variables(problem: Problem, rule: Rule) -> Mapping[str, Variable]:
    own = problem.schema.unit if rule.flat else problem.below[rule.level].schema.unit
    return {variable.name: variable for variable in own.variables}


def _seen(problem: Problem, units: Units, rule: Rule) -> tuple[Mapping[str, Codes], Mapping[str, _Named]]:
    """What the rows of a rule see: categories by name, and numbers that are drawn."""
    seen = units if rule.flat else problem.as_seen(units, rule.level)
    codes = dict(zip(_variables(problem, rule), seen.columns(), strict=True))
    refs = {one.name: one.ref for one in rule.derived if isinstance(one, Beside)}
    for at in reversed(problem.schema.path(rule.level)):
        for column, variable in enumerate(problem.schema.levels[at].variables):
            refs.setdefault(variable.name, Ref(at, column))
    computed = {(one.level, one.position) for one in (problem.follows if units.nested else ())}
    first = np.cumsum([0, *(units.n_rows(at) * len(level.numeric) for at, level in enumerate(problem.schema))])
    named = {}
    for name, ref in refs.items():
        level = problem.schema.levels[ref.level]
        if ref.column in level.numeric and (ref.level, ref.column) not in computed:
            rows = units.seen(ref, rule.level)  # of rows that are not there nothing is open
            number = first[ref.level] + rows * len(level.numeric) + list(level.numeric).index(ref.column)
            named[name] = _Named(number, _scale(level.variables[ref.column]))
    return codes, named


def _tied_by(said: Compare, rows: CellIndex, named: Mapping[str, _Named], within: Bounds) -> Ties:
    """What holds where a comparison is not to be true of some rows."""
    found, never = NO_TIES, opposite(said)
    for weights, constant, strict in at_most_zero(never) if isinstance(never, Compare) else ():
        if not weights.keys() <= named.keys():
            continue
        match sorted(weights.items(), key=lambda item: -item[1]):
            case [(x, up), (y, down)] if up > 0 > down:
                one, other = named[x], named[y]
                slope, offset = -down / up * one.scale / other.scale, -constant / up * one.scale
                ones = np.ones(len(rows))
                tie = Ties(one.number[rows], other.number[rows], slope * ones, offset * ones, np.full(len(rows), strict))
                found = found.joined(tie.where(tie.x != tie.y))
            case [(x, weight)]:
                end = -constant / weight * named[x].scale
                if weight > 0:
                    top = np.ceil(end - ROUNDED) - 1 if strict else np.floor(end + ROUNDED)
                    np.minimum.at(within.high, named[x].number[rows], top)
                else:
                    bottom = np.floor(end + ROUNDED) + 1 if strict else np.ceil(end - ROUNDED)
                    np.maximum.at(within.low, named[x].number[rows], bottom)
    return found
