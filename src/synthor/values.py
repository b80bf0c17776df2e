"""From categories back to values: a number inside its bin, drawn afresh for every record.

Inside the range values are spread evenly over their bin. An end bin that is thinner than its neighbour falls off
exponentially, so that the density goes on where the neighbour's ends: few households are as large as the largest allowed.
A neighbour that stands for one value (hours of work: 0, or 1 to 80) has no density that could go on. Such an end bin is
spread over its whole range, more thinly far out the further it reaches.
"""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from types import MappingProxyType

import numpy as np
import polars as pl

from synthor.problem import Problem
from synthor.problem.following import with_followed
from synthor.problem.rulings import BROKEN, OPEN, Ruling
from synthor.problem.tied import Tied
from synthor.randomness import generator
from synthor.rules.lifted import seen_values
from synthor.rules.on_values import numbers_in
from synthor.schema import Ref, Schema, Units, Variable, of_unit
from synthor.schema.kinds.binned import BELOW_ONE
from synthor.types import CellIndex, Codes, Counts, Floats, Mask, Shares

TRIAL_VALUES = 256
"""Values tried for a combination of bins whose rules depend on the values: if all fail, it counts as impossible."""

MAX_CORNERS = 6
"""Variables whose bins are tried at both ends, in all combinations."""

TRIED_AT_ONCE = 16_384
"""Values drawn together when few records are left to be settled."""

TRIED_TOGETHER = 256
"""Values of units and all their rows that are tried where rules between rows depend on them: if all fail, it is impossible."""

PLACED = 24
"""Those of them whose values are placed within what rules leave that tie numbers to each other."""

FEW_TRIES = [1, 8, 24, 64, 128]
"""Numbers of tries after which it is seen who needs more: most units need but few."""

FEW_LEFT = 0.5
"""Share of units up to which those that broke no rule yet are looked at by themselves."""

TRIED_ROWS = 32
"""Rows of a unit with values of their own in such a try; the next ones have those of the first again."""

ROWS_AGAIN, MANY_ROWS = 64, 10
"""Times that a row takes its values of another try, where it breaks a rule that looks at it and at what stands above it; and
rows of a level up to which a unit's wait for a try that suits all of them."""

FAR = 20.0
"""An end bin so many times as wide as the bins beside it goes on beyond anything that these can tell of."""

HALVED = float(np.log(2))
"""Most that a count falls off from one value to the next, where all that is known is how many are none."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Shape:
    """How values lie inside the categories of one variable.

    Attributes:
        variable: the variable.
        decay: (k,) rate of exponential decline from the lower edge, per unit of value; negative from the upper edge; 0 even.
    """

    variable: Variable
    decay: Floats

    def draw(self, codes: Codes, random: np.random.Generator) -> pl.Series:
        """A value for each code, (n,), in the type that records hold."""
        return self.variable.column(codes, self.drawn(codes, random))

    def drawn(self, codes: Codes, random: np.random.Generator) -> Floats | Counts | None:
        """A number inside each code's bin, (n,); None where the variable has none, nothing being drawn."""
        return self.variable.kind.draw(self.variable, codes, self.decay, random)

    def at(self, codes: Codes, u: Floats) -> pl.Series:
        """The value at quantile `u` of each code's category, (n,); categories and booleans have but one."""
        numbers = self.variable.kind.numbers(self.variable, codes, np.minimum(u, BELOW_ONE), self.decay)
        return self.variable.column(codes, numbers)


def shape(variable: Variable, shares: Shares) -> Shape:
    """The shape that continues the density of neighbouring bins.

    Args:
        variable: the variable.
        shares: (k,) share of each category.

    >>> from synthor.spec.variables import Integer
    >>> persons = Integer(type="integer", min=1, max=12, bins=[1, 2, 3]).build("persons")
    >>> shape(persons, np.array([0.4, 0.4, 0.2])).decay.round(1)
    array([0., 0., 2.])
    """
    decay = np.zeros(variable.size)
    bins = list(range(variable.n_valued))
    if variable.numeric and len(bins) > 1:
        width = variable.high - variable.low + 10.0**-variable.decimals
        density = shares / width
        decay[bins[-1]] = _end_rate(variable, density, width, bins[::-1])
        decay[0] = 0.0 - _end_rate(variable, density, width, bins)
    return Shape(variable=variable, decay=decay)


def _end_rate(variable: Variable, density: Floats, width: Floats, inwards: list[int]) -> float:
    """How fast an end bin falls off from its neighbour outwards, per unit of value; `inwards` lists the bins from that end.

    Where the neighbour is of some width, the density goes on. A zero beside 1 to 100,000 says how many have nothing, and
    nothing of the others: their bin falls by one e for each power of ten that it reaches beyond the first, away from 0 alone;
    where it is short (children: 0, or 1 to 12) it is taken for a count. Single values in a row (visits: 0, 1, or 2 to 365), and
    a narrow bin without a like beside it (0 to 99, or 100 to 100,000), say how the bin begins, but not how far it reaches:
    the geometric mean of both rates stands between.
    """
    end, beside = inwards[0], inwards[1]
    going_on = _rate(float(density[end]), float(density[beside]), float(width[end]))
    if not density[end] > 0:
        return 0.0
    point = _is_point(variable, beside)
    alone = len(inwards) == 2 or not width[beside] / FAR <= width[inwards[2]] < width[beside] * FAR
    row = sum(1 for _ in itertools.takewhile(lambda i: _is_point(variable, i), inwards[1:]))
    reach = float(width[end] / width[beside]) / max(row, 1)
    if reach < FAR:
        return min(going_on, HALVED / float(width[beside])) if point and alone else going_on
    if not point and not alone:
        return going_on
    outwards = abs(variable.low[end] + variable.high[end]) > abs(variable.low[beside] + variable.high[beside])
    own = math.log10(reach / 10) / float(width[end]) if outwards else 0.0
    return min(own, going_on) if point and alone else math.sqrt(own * going_on)


def _is_point(variable: Variable, bin: int) -> bool:
    """Whether a bin stands for one value: it holds no other, or is what rounds down to 0."""
    low, high = variable.low[bin], variable.high[bin]
    return bool(low == high or (low == 0 and high < 1))


def _even(variable: Variable) -> Shape:
    return Shape(variable=variable, decay=np.zeros(variable.size))


def _rate(mean: float, edge: float, width: float) -> float:
    """The rate r with mean * r * width / (1 - exp(-r * width)) = edge; 0 where the edge is no denser than the mean."""
    ratio = edge / mean if mean > 0 else 0.0
    if ratio < 1 + 1e-9:
        return 0.0
    x = ratio
    for _ in range(60):  # Newton on x = ratio (1 - exp(-x)), convex, from the right of its positive root
        x -= (x + ratio * np.expm1(-x)) / (1 - ratio * np.exp(-x))
    return float(x / width)


def settle(
    problem: Problem,
    shapes: tuple[Shape, ...],
    units: Units,
    random: np.random.Generator,
    tries: int,
    fixed: Mapping[int, Floats | Counts] = MappingProxyType({}),
) -> tuple[pl.DataFrame, int]:
    """Values for all variables of units that break no rule; those that do are drawn again, up to `tries` times.

    Only the numbers that some rule speaks of are drawn again: the others do not depend on whether the rules are kept. The
    second half of the tries is drawn evenly, so that a rule may leave only values that are rare in their bin.

    Args:
        problem: its rules are kept.
        shapes: how values lie inside the categories of each variable.
        units: n of them, in these categories.
        random: draws the values.
        tries: for each that breaks a rule.
        fixed: position to numbers, (n,), of variables that are drawn already.

    Returns:
        The records, (n, v), and how many of them break a rule all the same. Rows for which no try succeeded take values that
        showed them to be `possible`, so these are rows that are not.
    """
    codes = units.columns()
    free = {v: shape for v, shape in enumerate(shapes) if v not in fixed}
    numbers = _drawn(free, units, random) | dict(fixed)
    rulings = problem.rulings
    spoken_of = [v for v in rulings.columns if v in numbers]
    ruled = [v for v in spoken_of if v not in fixed]
    rows = np.flatnonzero(rulings.breaks(units, _frame(shapes, {v: numbers[v] for v in spoken_of}, units)))
    if fixed and len(rows):  # beside some of these no others are right, however often they are drawn
        known = {v: np.asarray(found[rows], np.float64) for v, found in fixed.items()}
        rows = rows[~Tied.of(problem, units.take(rows), known).empty]
    even = tuple(_even(shape.variable) for shape in shapes)
    for these, n_tries in ((shapes, tries - tries // 2), (even, tries // 2)):
        n_tried = 0
        while n_tried < n_tries and len(rows) and ruled:
            n_each = min(n_tries - n_tried, max(TRIED_AT_ONCE // len(rows), 1))
            n_tried += n_each
            tried = units.take(np.repeat(rows, n_each))
            again = _drawn({v: these[v] for v in ruled}, tried, random)
            beside: dict[int, Floats] = {v: np.repeat(numbers[v][rows], n_each) for v in spoken_of if v in fixed}
            works = ~rulings.breaks(tried, _frame(shapes, {**again, **beside}, tried)).reshape(len(rows), n_each)
            some = works.any(axis=1)
            picks = np.flatnonzero(some) * n_each + works[some].argmax(axis=1)
            for v, drawn in again.items():
                numbers[v][rows[some]] = drawn[picks]
            rows = rows[~some]
    n_broken = len(rows) if fixed else 0  # with some values fixed, trials of all values say nothing
    if len(rows) and not fixed:
        late = units.take(rows)
        found = _found(problem, late, random)
        n_broken = int(rulings.breaks(late, found).sum())
        for v in ruled:
            numbers[v][rows] = found[shapes[v].variable.name].fill_null(0).to_numpy()
    return pl.DataFrame([shape.variable.column(codes[v], numbers.get(v)) for v, shape in enumerate(shapes)]), n_broken


def _drawn(shapes: Mapping[int, Shape], units: Units, random: np.random.Generator) -> dict[int, Floats | Counts]:
    """Numbers of some variables, by position, of those that have such."""
    drawn = {v: shape.drawn(units.column(of_unit(v)), random) for v, shape in shapes.items()}
    return {v: numbers for v, numbers in drawn.items() if numbers is not None}


def _frame(shapes: tuple[Shape, ...], numbers: Mapping[int, Floats | Counts], units: Units) -> pl.DataFrame:
    return pl.DataFrame([shapes[v].variable.column(units.column(of_unit(v)), values) for v, values in numbers.items()])


def possible(problem: Problem, units: Units) -> Mask:
    """Whether values that break no rule exist for each unit's categories and for those of all its rows, (n,).

    Where that depends on the values inside the bins, some are tried.
    """
    outside = _follows_to_nothing(problem, units)
    if outside.any():
        outside[~outside] = ~possible(problem, units.where(~outside))
        return ~outside
    allowed, unsure = _possible_alone(problem, units), np.zeros(len(units), bool)
    opened = {
        rule.text for rule, ruling in zip(problem.own_rules, problem.rulings.each, strict=True) if _open(ruling, units).any()
    }
    for level, below in problem.below.items():
        seen, unit = problem.as_seen(units, level), units.above(0, level)
        allowed[unit[~_possible_alone(below, seen)]] = False
        for ruling in below.rulings.each:
            open_rows = _open(ruling, seen)
            unsure[unit[open_rows]] = True
            opened |= {ruling.rule.text} if open_rows.any() else set()
    open_units = np.flatnonzero(allowed & unsure)
    if not len(open_units):
        return allowed
    undecided = problem.only(frozenset(opened))  # no values break the others
    first, kind = units.take(open_units).alike(undecided.looked_at)  # what is tried for one is so for all like it
    allowed[open_units[~_possible_together(undecided, units.take(open_units[first]))[kind]]] = False
    return allowed


def _possible_together(problem: Problem, units: Units) -> Mask:
    """The same of units whose rules are all left open by categories, by values of all their rows."""
    found, tied = np.zeros(len(units), bool), Tied.of(problem, units)
    for placed in (True, False):
        left = np.flatnonzero(~found & ~tied.empty & (tied.many | (not placed)))
        n_tries = PLACED if placed else TRIED_TOGETHER
        for tries in np.split(np.arange(n_tries), [few for few in FEW_TRIES if few < n_tries]):
            works = Together(problem, units.take(left)).works(tries, placed=placed).any(axis=1)
            found[left[works]] = True
            left = left[~works]
    return found


def _follows_to_nothing(problem: Problem, units: Units) -> Mask:
    """Units of which a variable follows from members that has no category for it: heads younger than heads may be, (n,)."""
    found = np.zeros(len(units), bool)
    for one in problem.follows if units.nested else ():
        found[units.above(0, one.level)[units.column(Ref(one.level, one.position)) < 0]] = True
    return found


def _open(ruling: Ruling, units: Units) -> Mask:
    """For which units, or rows, values decide a rule, (n,)."""
    return np.asarray(ruling.state(units) == OPEN)


@dataclass(frozen=True, slots=True, eq=False)
class Together:
    """Values of units and of all their rows, tried together.

    They are the same whenever a unit is tried, whatever others are. Every second try is even in all bins. In the others all
    rows with one role may have the least or the greatest of a variable's bin: a sum that must be small, or a child that must
    be younger than all others, is found so where hardly any even values are such. A row that breaks a rule which looks at it
    and at what stands above it, and at no other row, takes its values of other tries, if its unit has many: it need not wait
    for a try in which fifty rows happen to be as they must.

    Attributes:
        problem: all of whose rules are to be kept, in the finest bins.
        units: n of them, in these.
        own: values of the units themselves that stay as they are.
    """

    problem: Problem
    units: Units
    own: pl.DataFrame | None = None

    def works(self, tries: CellIndex, *, placed: bool = False) -> Mask:
        """Which of some tries break no rule of each unit, (n, tries).

        Args:
            tries: those.
            placed: whether their values are placed within what rules leave.
        """
        found = np.zeros((len(self.units), len(tries)), bool)
        size = max(TRIED_AT_ONCE // max(len(tries), 1), 1)
        once = self._seen
        for first in range(0, len(self.units), size):
            picks = np.repeat(np.arange(first, min(first + size, len(self.units))), len(tries))
            taken = Together(self.problem, self.units.take(picks), None if self.own is None else self.own[picks])
            values = taken.values(np.tile(tries, len(picks) // max(len(tries), 1)), again=not placed)
            values = taken.placed(values) if placed else values
            seen = {level: rows.take(self.units.rows_of(level, picks)) for level, rows in once.items()}
            works = ~breaking(self.problem, taken.units, values, seen)
            found[first : first + size] = works.reshape(-1, len(tries))
        return found

    def placed(self, values: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
        """Values of all rows, those that rules tie to each other placed within what these leave."""
        unit, own = self.problem.schema.unit, self.own
        known = {} if own is None else {v: numbers_in(own[unit.variables[v].name]) for v in unit.numeric}
        return Tied.of(self.problem, self.units, known).placed(values)

    @property
    def _seen(self) -> dict[int, Units]:
        """What rules on each level look at, in categories: the same in every try."""
        return {level: self.problem.as_seen(self.units, level) for level in self.problem.below}

    def values(
        self, tried: CellIndex, share: float = 0.0, random: np.random.Generator | None = None, *, again: bool = True
    ) -> dict[str, pl.DataFrame]:
        """The numbers of all rows in one try of each unit, (n,), a table a level.

        Args:
            tried: (n,) the tries.
            share: how far from there to values that are drawn evenly they lie instead.
            random: draws these.
            again: whether rows of a large unit that break a rule by themselves take their values of other tries.
        """
        found = {}
        for at, level in enumerate(self.problem.schema):
            unit = self.units.above(0, at)
            place = np.arange(len(unit)) - np.searchsorted(unit, unit)  # among the rows of its unit
            role = self.units.column(Ref(at, level.position(level.role))) if level.role else np.zeros(len(unit), np.int32)
            columns = {}
            for position in level.numeric:
                variable = level.variables[position]
                u = _tried(level.name, variable.name)[tried[unit], place % TRIED_ROWS]
                end = _ends_tried(level.name, variable.name)[tried[unit], role % TRIED_ROWS]
                u = np.where(np.isnan(end), u, end)
                u = u if random is None else u + share * (random.random(len(u)) - u)
                columns[variable.name] = _even(variable).at(self.units.column(Ref(at, position)), u)
            found[level.name] = pl.DataFrame(columns) if at or self.own is None else self.own
            if again and at in self.problem.plain.below and (place >= MANY_ROWS).any():
                found[level.name] = self._rows_again(at, found, tried[unit], place, share, random)
        return found

    def _rows_again(
        self,
        at: int,
        found: Mapping[str, pl.DataFrame],
        tried: CellIndex,
        place: CellIndex,
        share: float,
        random: np.random.Generator | None,
    ) -> pl.DataFrame:
        """The numbers of the rows of one level, those that break a rule by themselves taken from other tries.

        Of few rows some try suits all; where a unit has more, they would hardly ever be right together.
        """
        plain, level = self.problem.plain, self.problem.schema.levels[at]
        rulings, seen = plain.below[at].rulings, plain.as_seen(self.units, at)
        frame, numbers = seen_values(plain.schema, self.units, at, (), found), found[level.name]
        unit = self.units.above(0, at)
        many = np.bincount(unit)[unit] > MANY_ROWS
        rows = np.flatnonzero(many & rulings.breaks(seen, frame))
        names = {plain.below[at].schema.unit.variables[column].name for column in rulings.columns}
        own = [position for position in level.numeric if level.variables[position].name in names]
        done, settled = list[CellIndex](), list[list[pl.Series]]()
        for turn in range(1, ROWS_AGAIN if own else 1):
            if not len(rows):
                break
            again = []
            for position in own:
                variable = level.variables[position]
                u = _tried(level.name, variable.name)[(tried[rows] + turn) % TRIED_TOGETHER, place[rows] % TRIED_ROWS]
                u = u if random is None else u + share * (random.random(len(u)) - u)
                again.append(_even(variable).at(self.units.column(Ref(at, position))[rows], u).alias(variable.name))
            good = np.flatnonzero(~rulings.breaks(seen.take(rows), frame[rows].with_columns(again)))
            done.append(rows[good])
            settled.append([one[good] for one in again])
            rows = np.delete(rows, good)
        if done:
            places = np.concatenate(done)
            together = [pl.concat(list(parts)) for parts in zip(*settled, strict=True)]
            numbers = numbers.with_columns(numbers[one.name].scatter(places, one) for one in together)
        return numbers


@cache
def _tried(level: str, variable: str) -> Floats:
    """At which share of its bin a variable's value lies in each try, by the place of the row in its unit."""
    return generator(0, "together", level, variable).random((TRIED_TOGETHER, TRIED_ROWS))


@cache
def _ends_tried(level: str, variable: str) -> Floats:
    """At which end of its bin it lies instead in each try, by the row's role: 0, 1, or NaN for neither."""
    found = generator(0, "together", "ends", level, variable).choice([0.0, 1.0, np.nan], (TRIED_TOGETHER, TRIED_ROWS))
    found[::2] = np.nan
    return found


def breaking(
    problem: Problem, units: Units, values: Mapping[str, pl.DataFrame], seen: Mapping[int, Units] | None = None
) -> Mask:
    """Which units break a rule by the values of their rows, (n,).

    Args:
        problem: in the finest bins.
        units: n of them, in these.
        values: the numbers of their rows, a table a level.
        seen: their rows as `Problem.as_seen` has them, by level, where that is known.
    """
    finest = problem.schema.refined is problem.schema  # elsewhere conditions are not known on categories
    deeper = [one for one in problem.follows if one.level] if units.nested and finest else []
    if deeper:  # rules of members name what follows from members of theirs; those of units ask these themselves
        values = dict(values)
        with_followed(deeper, problem.schema, units, values)
    found = problem.rulings.breaks(units, values[problem.schema.unit.name])
    for one in deeper:
        if one.by_values:
            found[units.above(0, one.level)[one.astray(problem.schema, units, values)]] = True
    for level, below in problem.below.items():
        left = np.flatnonzero(~found)
        if len(left) <= FEW_LEFT * len(units):  # what broke a rule above need not be looked at
            some, held = units.take(left), values_of(problem.schema, units, values, left)
        else:
            left, some, held = np.arange(len(units)), units, dict(values)
        numbers = seen_values(problem.schema, some, level, problem.derived(level), held)
        rows = problem.as_seen(some, level) if seen is None else seen[level].take(units.rows_of(level, left))
        broken = np.flatnonzero(below.rulings.breaks(rows, numbers))
        found[left[some.above(0, level)[broken]]] = True
    return found


def values_of(schema: Schema, units: Units, values: Mapping[str, pl.DataFrame], picks: CellIndex) -> dict[str, pl.DataFrame]:
    """The values of some units' rows, `picks` rising; a table without columns has no rows either, and stays."""
    chosen = np.zeros(len(units), bool)
    chosen[picks] = True
    rows = {level.name: np.flatnonzero(chosen[units.above(0, at)]) for at, level in enumerate(schema)}
    return {name: values[name][some] if values[name].width else values[name] for name, some in rows.items()}


def _possible_alone(problem: Problem, units: Units) -> Mask:
    """The same of units themselves."""
    state = problem.rulings.state(units)
    allowed: Mask = state < BROKEN
    unsure = state == OPEN
    if not unsure.any():
        return allowed
    _, works, kind = _trials(problem, units.where(unsure))
    allowed[unsure] = works.sum(axis=1)[kind] > 0
    return allowed


def reaches(problem: Problem, units: Units, terms: Sequence[tuple[int, float]]) -> tuple[Floats, Floats]:
    """Smallest and largest sum of numbers that a record of each unit may have in its bands without breaking a rule, (n,) each.

    Where a rule ties numbers inside their bands, these are the extremes of the values that are tried for them.

    Args:
        problem: with all rules.
        units: n of them.
        terms: positions of numeric variables, each with its factor.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 10
    ... variables:
    ...   comes: {type: integer, min: 1, max: 20, bins: [1, 11]}
    ...   goes: {type: integer, min: 1, max: 20, bins: [1, 11]}
    ... targets: [{counts: {comes: {1-10: 6, 11+: 4}}}]
    ... rules: [{never: goes <= comes}]
    ... '''))
    >>> units = Units.flat(np.array([[0, 0], [0, 1]], np.int32))
    >>> least, most = reaches(problem, units, [(1, 1.0), (0, -1.0)])
    >>> least.tolist(), most.tolist()
    ([1.0, 1.0], [9.0, 19.0])
    """
    refined = problem.banded
    fine = problem.schema.into_bands(problem.schema.refine(units))
    least, most = np.zeros(len(units)), np.zeros(len(units))
    for position, factor in terms:
        variable = refined.schema.unit.variables[position]
        codes = fine.column(of_unit(position))
        ends = tuple(factor * side[codes] for side in variable.ends)
        least, most = least + np.minimum(*ends), most + np.maximum(*ends)
    rows = np.flatnonzero(refined.rulings.state(fine) == OPEN) if refined.rules else np.empty(0, np.int64)
    if len(rows):
        tried, works, kind = _trials(refined, fine.take(rows))
        tied_to = [(refined.schema.unit.variables[position].name, factor) for position, factor in terms]
        if all(name in tried.columns for name, _ in tied_to):
            columns = [factor * tried[name].to_numpy().astype(np.float64) for name, factor in tied_to]
            values = np.sum(columns, axis=0).reshape(works.shape)
            some: Mask = np.asarray(works.any(axis=1))[kind]
            rows, kind = rows[some], kind[some]
            least[rows] = np.where(works, values, np.inf).min(axis=1)[kind]
            most[rows] = np.where(works, values, -np.inf).max(axis=1)[kind]
    return least, most


def _trials(problem: Problem, units: Units) -> tuple[pl.DataFrame, Mask, CellIndex]:
    """Numbers tried for each kind of unit: each combination of categories that matters to rules which categories leave open.

    They are the same whenever a kind is tried. The corners of the bins are among them: a comparison of sums that holds
    anywhere in the bins holds at a corner.

    Returns:
        The numbers of the variables that rules speak of, `TRIAL_VALUES` rows a kind; whether each breaks no rule that is open,
        (kinds, TRIAL_VALUES); and the kind of each unit, (n,).
    """
    rulings, variables = problem.rulings, problem.schema.unit.variables
    numeric = [v for v in rulings.columns if v in rulings.numeric]
    u = generator(0, "possible").random((TRIAL_VALUES, len(rulings.columns)))
    cornered = [j for j, v in enumerate(rulings.columns) if v in numeric][:MAX_CORNERS]
    corners = np.array(list(itertools.product((0.0, 1.0), repeat=len(cornered))))
    u[: len(corners), cornered] = corners
    others = [j for j, v in enumerate(rulings.columns) if v in numeric][MAX_CORNERS:]
    u[[[0], [len(corners) - 1]], others] = [[0.0], [1.0]]  # numbers that all must be equal are so at all their lower ends
    matter = sorted({*rulings.open_columns, *numeric})
    first, kind = units.kinds(matter)
    kinds = units.take(first)
    tried = {v: np.repeat(kinds.column(of_unit(v)), TRIAL_VALUES) for v in numeric}
    at = {v: np.tile(u[:, j], len(kinds)) for j, v in enumerate(rulings.columns) if v in tried}
    frame = pl.DataFrame([_even(variables[v]).at(tried[v], at[v]) for v in numeric])
    return frame, ~rulings.breaks_of_values(kinds, frame), kind


def _found(problem: Problem, units: Units, random: np.random.Generator) -> pl.DataFrame:
    """For each unit, one of the trials that break no rule; the first trial where all do, or categories alone."""
    frame, works, kind = _trials(problem, units)
    first_those_that_work = np.argsort(~works, axis=1, stable=True)
    pick = (random.random(len(kind)) * works.sum(axis=1)[kind]).astype(np.int64)
    trial = np.where(problem.rulings.state(units) < BROKEN, first_those_that_work[kind, pick], 0)
    return frame[kind * TRIAL_VALUES + trial]
