"""Records from a fitted model, in chunks: memory is bounded by the pool and the chunk, not by how many records are made."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl

from synthor.errors import BugError, Finding, InputError
from synthor.fit.model import Model
from synthor.fit.shapes import all_shapes
from synthor.prior.differences import BelievedDifference
from synthor.problem import Problem, Rule
from synthor.problem.following import with_followed
from synthor.problem.of_rows import as_rows, of_rows
from synthor.problem.tied import Tied
from synthor.randomness import generator
from synthor.rules.lifted import seen_values
from synthor.sample.apart import apart
from synthor.sample.arrangement import Arrangement, Scattered
from synthor.sample.numbers import moved
from synthor.sample.quotas import Quotas, aim_of
from synthor.sample.tune import Aim
from synthor.sample.whole import whole_units
from synthor.schema import Schema, Units
from synthor.schema.text import some_of
from synthor.types import CellIndex, Counts
from synthor.values import PLACED, TRIED_TOGETHER, Shape, Together, breaking, settle, values_of

VALUE_TRIES = 10_000

TRIES_BESIDE = 100
"""The same beside numbers that lie as far apart as is believed: these give way soon."""

LOOKS = 30
"""Times that members' values are drawn again where a rule looks at other rows, before those of a unit are tried together."""

MOVES = 12
"""Times that members' numbers are moved to their sums where a rule looks at other rows: each time some units keep theirs."""

TOWARDS = (0.75, 0.5, 0.35, 0.25, 0.15, 0.1, 0.05)
"""Shares of the way from values that work to values drawn evenly, the first that works being taken."""

Records = dict[str, pl.DataFrame]
"""One table a level, by the level's name."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Sample:
    """A whole-numbered population: how many copies of which unit, and how their values are drawn.

    Attributes:
        problem: scaled to the number of units, with all rules.
        arrangement: which units there are, and which of them each chunk holds.
        shapes: how values lie inside categories, for each level a variable each.
        random_seed: draws order and values.
        swaps: units exchanged to meet the tables.
        moves: records moved to another cell to meet them.
        pulled: whether targets and rules were enforced; otherwise records are as the proposals have them.
        differences: how far the numbers of two members are believed to lie apart.
    """

    problem: Problem
    arrangement: Arrangement
    shapes: tuple[tuple[Shape, ...], ...]
    random_seed: int
    swaps: int
    moves: int
    pulled: bool = True
    differences: tuple[BelievedDifference, ...] = ()

    @property
    def n_chunks(self) -> int:
        return self.arrangement.n_chunks

    def chunk(self, number: int) -> Records:
        """One chunk of records; the same whoever asks, in whatever order."""
        named = generator(self.random_seed, "records", "zone", "", "chunk", number)
        random = np.random.Generator(np.random.SFC64(named.integers(2**63, size=2)))  # draws a million twice as fast
        picks = self.arrangement.picks(number, random)
        units = self.arrangement.refined(picks)
        problem = self.problem if self.pulled else self.problem.with_only(())
        frame, n_broken = settle(problem.refined, self.shapes[0], units, random, VALUE_TRIES)
        if self.pulled and any(not target.level for target, _ in problem.of_values):
            frame = self._moved(number, picks, units, frame)
        if n_broken:
            raise BugError("a record breaks a rule although its categories were found possible; please report the spec")
        return self._keyed(number, picks, frame, random)

    def _moved(self, number: int, picks: CellIndex, units: Units, frame: pl.DataFrame) -> pl.DataFrame:
        """The same records with numbers moved inside their bands so that means, totals and deviations are met."""
        banded = self.problem.banded
        positions = sorted({of.of for target, of in self.problem.of_values if not target.level})
        whole, none = self.arrangement.units(picks), np.zeros(0, np.int64)
        cells = [none if target.level else target.index(whole) for target, _ in self.problem.of_values]

        def aims(position: int, margin: float) -> list[Aim]:
            return self._aims(number, cells, 0, position, margin)

        units = self.problem.schema.seen_from(0).into_bands(units)
        return moved(frame, units, banded.schema.unit.variables, positions, aims, banded.rulings)

    def _moved_below(self, number: int, units: Units, values: Records, looking: tuple[Rule, ...]) -> Records:
        """The same values, those of members moved inside their bands likewise; in units where that breaks a rule they stay.

        What those would have brought is left to all, which lose a small share of it again: so this is done some times.
        """
        problem, schema = self.problem, self.problem.schema
        if not looking:
            return self._moved_once(number, units, values)
        ruled, banded = (
            problem.banded.with_only(looking),
            schema.into_bands(schema.refine(units)),
        )  # values leave the finest bins
        for _ in range(MOVES):
            found = self._moved_once(number, units, values)
            broken = np.flatnonzero(breaking(ruled, banded, found))
            values = _with_units(schema, banded, found, broken, values_of(schema, banded, values, broken))
            if not len(broken):
                break
        return values

    def _moved_once(self, number: int, units: Units, values: Records) -> Records:
        problem, schema, found = self.problem, self.problem.schema, dict(values)
        cells = [target.index(units) for target, _ in problem.of_values]
        for at in sorted({target.level for target, _ in problem.of_values if target.level}):
            of_level, _ = of_rows(problem, at, problem.n_units)
            flat, seen = of_level.schema, of_level.banded
            own = {seen.schema.unit.position(variable.name): p for p, variable in enumerate(schema.levels[at].variables)}
            summed = sorted({place for place, p in own.items() if (at, p) in {(t.level, of.of) for t, of in problem.of_values}})

            def aims(position: int, margin: float, at: int = at, own: Mapping[int, int] = own) -> list[Aim]:
                return self._aims(number, cells, at, own[position], margin)

            banded = flat.into_bands(flat.refine(as_rows(problem, units, at)))
            rows = seen_values(schema, units, at, (), found)
            placed = moved(rows, banded, seen.schema.unit.variables, summed, aims, seen.rulings, tuple(own))
            numbers = [variable.name for variable in schema.levels[at].variables if variable.numeric]
            found[schema.levels[at].name] = found[schema.levels[at].name].with_columns(placed.select(numbers))
        return found

    def _aims(self, number: int, cells: Sequence[CellIndex], level: int, position: int, margin: float) -> list[Aim]:
        """What one variable's numbers in one chunk are to come to; `cells` are those of its rows, (rows,) a statistic."""
        return [
            aim_of(target, of, own, quotas[number], margin)
            for (target, of), own, quotas in zip(self.problem.of_values, cells, self._quotas, strict=True)
            if (target.level, of.of) == (level, position)
        ]

    @cached_property
    def _quotas(self) -> tuple[Quotas, ...]:
        """For each of these how many rows each chunk has in each cell, and those of all chunks before it."""
        return tuple(Quotas(self.arrangement.cells_before(target)) for target, _ in self.problem.of_values)

    def _keyed(self, number: int, picks: CellIndex, frame: pl.DataFrame, random: np.random.Generator) -> Records:
        """One table a level; where there are several, each row has its key and that of its parent, unique over all chunks."""
        schema = self.problem.schema
        if len(schema.levels) == 1:
            return {schema.unit.name: self._filled(0, number, frame)}
        units, before = self.arrangement.units(picks), self._rows_before[number]
        values = self._valued(number, units, frame, random)
        tables: Records = {}
        for at, level in enumerate(schema):
            keys = [pl.Series(level.key, before[at] + np.arange(units.n_rows(at)))]
            above = schema.above(at)
            if above is not None:
                keys.append(pl.Series(schema.levels[above].key, before[above] + units.above(above, at)))
            filled = self._filled(at, number, values[level.name])
            tables[level.name] = pl.DataFrame([*keys, *filled.get_columns()])
        return tables

    def _valued(self, number: int, units: Units, frame: pl.DataFrame, random: np.random.Generator) -> Records:
        """Values of all rows: drawn, as rules between rows have them, moved to their sums, and what follows from them."""
        values = self._of_members(units, frame, random)
        looking = tuple(rule for rule in self.problem.rules if not rule.flat) if self.pulled else ()
        if looking:
            values = self._agreed(units, values, looking, random)
        if self.pulled and any(target.level for target, _ in self.problem.of_values):
            values = self._moved_below(number, units, values, looking)
        if self.problem.follows:
            with_followed(self.problem.follows, self.problem.schema.refined, self.problem.schema.refine(units), values)
        return values

    def _of_members(self, units: Units, frame: pl.DataFrame, random: np.random.Generator) -> Records:
        """Values of all rows of units whose own values are there; rules that look at other rows have no say yet."""
        schema = self.problem.schema
        values = {schema.unit.name: frame}
        plain = tuple(rule for rule in self.problem.rules if not rule.derived) if self.pulled else ()
        refined, fine = self.problem.refined.with_only(plain), schema.refine(units)
        for at, level in enumerate(schema):
            if at:
                values[level.name] = self._of_rows(refined, fine, at, values, random)
        return self._apart(refined, fine, values, random) if self.differences else values

    def _apart(self, refined: Problem, fine: Units, values: Records, random: np.random.Generator) -> Records:
        """The same, numbers of members as far apart as is believed.

        Where that breaks a rule of a row and what stands above it, its other numbers are drawn again; if in vain, all stay.
        """
        schema = refined.schema
        found = apart(self.differences, schema, self.shapes, fine, values, random)
        for other in (True, False):
            broken = np.flatnonzero(breaking(refined, fine, found))
            if not len(broken):
                break
            instead = values_of(schema, fine, found if other else values, broken)
            for at in sorted({one.refs[0].level for one in self.differences} if other else ()):
                moved = {one.variable.name for one in self.differences if one.refs[0].level == at}
                name = schema.levels[at].name
                instead[name] = self._of_rows(refined, fine.take(broken), at, instead, random, instead[name].select(moved))
            found = _with_units(schema, fine, found, broken, instead)
        return found

    def _of_rows(
        self,
        refined: Problem,
        units: Units,
        at: int,
        above: Records,
        random: np.random.Generator,
        kept: pl.DataFrame | None = None,
    ) -> pl.DataFrame:
        """Values of the rows of one level below the unit, with the values above them as they are, and some of their own."""
        schema, seen = refined.schema, refined.seen_from(at)
        fixed = {}
        for level in schema.path(at)[:-1]:
            table, rows = above[schema.levels[level].name], units.above(level, at)
            for position in seen.schema.unit.numeric:
                name = seen.schema.unit.variables[position].name
                if name not in schema.levels[at].names and name in table.columns:
                    fixed[position] = table[name].fill_null(0).to_numpy()[rows]
        for column in () if kept is None else kept:
            fixed[seen.schema.unit.position(column.name)] = column.fill_null(0).to_numpy()
        own = {each.variable.name: each for each in self.shapes[at]}
        known = (own.get(v.name, Shape(variable=v, decay=np.zeros(v.size))) for v in seen.schema.unit.variables)
        # What breaks a rule is drawn again.
        tries = VALUE_TRIES if kept is None else TRIES_BESIDE
        frame, _ = settle(seen, tuple(known), refined.as_seen(units, at), random, tries, fixed)
        return frame.select(variable.name for variable in schema.levels[at].variables)

    def _agreed(self, units: Units, values: Records, looking: tuple[Rule, ...], random: np.random.Generator) -> Records:
        """The same, members' values drawn again in units that break a rule which looks at other rows.

        Where units' own numbers were moved to a sum, they have left the finest bins, and stay as they are if that is possible.
        """
        schema, problem, fine = self.problem.schema, self.problem.refined, self.problem.schema.refine(units)
        averaged = any(not target.level for target, _ in self.problem.of_values)
        if averaged:
            problem, fine = self.problem.banded, schema.into_bands(fine)
        ruled = problem.with_only(looking)
        left = np.flatnonzero(breaking(ruled, fine, values))
        hanging = np.zeros(
            len(units), bool
        )  # many rows that hang on one above, drawn before, hardly ever find values by chance
        hanging[left] = Tied.of(ruled, fine.take(left)).across
        for _ in range(LOOKS):
            values = self._placed(problem, values, fine, left[hanging[left]])
            left = left[breaking(ruled, fine.take(left), values_of(schema, fine, values, left))]
            if not len(left):
                return values
            again = self._of_members(units.take(left), values[schema.unit.name][left], random)
            values = _with_units(schema, fine, values, left, again)
        everyone = np.ones(len(units), bool)
        for placed, meant in ((False, ~hanging), (True, everyone), (False, hanging)):
            for own in (True, False):
                these = left[meant[left]]
                if len(these):
                    values, others = self._together(problem, values, fine, these, own, placed, random)
                    left = np.union1d(left[~meant[left]], others)
        if len(left):
            raise _no_values(ruled, fine.take(left), values_of(schema, fine, values, left))
        return values

    def _placed(self, problem: Problem, values: Records, fine: Units, left: CellIndex) -> Records:
        """The same values, those of some units that rules tie to each other placed within what these leave, own ones last."""
        schema = problem.schema
        for own in (True, False):
            if len(left):
                together = Together(problem, fine.take(left), values[schema.unit.name][left] if own else None)
                found = together.placed(values_of(schema, fine, values, left))
                good = ~breaking(problem, together.units, found)
                others = values_of(schema, together.units, found, np.flatnonzero(good))
                values = _with_units(schema, fine, values, left[good], others, first=int(own))
                left = left[~good]
        return values

    def _together(
        self,
        problem: Problem,
        values: Records,
        fine: Units,
        left: CellIndex,
        own: bool,
        placed: bool,
        random: np.random.Generator,
    ) -> tuple[Records, CellIndex]:
        """The same, some units having values tried for all their rows together, `own` ones kept if so; and who found none.

        From the values of a try that works they go towards others that are drawn evenly, as far as the rules allow.
        """
        schema, unit = problem.schema, problem.schema.unit.name
        tries = np.arange(PLACED if placed else TRIED_TOGETHER)
        works = Together(problem, fine.take(left), values[unit][left] if own else None).works(tries, placed=placed)
        some, tried = works.any(axis=1), np.argmax(works * random.random(works.shape), axis=1)
        picks, tried = left[some], tried[some]
        for share in (*TOWARDS, 0.0):
            if len(picks):
                together = Together(problem, fine.take(picks), values[unit][picks] if own else None)
                found = together.values(tried, share, random)
                found = together.placed(found) if placed else found
                good = ~breaking(problem, together.units, found)
                others = values_of(schema, together.units, found, np.flatnonzero(good))
                values = _with_units(schema, fine, values, picks[good], others, first=int(own))
                picks, tried = picks[~good], tried[~good]
        return values, left[~some]

    def _filled(self, at: int, number: int, frame: pl.DataFrame) -> pl.DataFrame:
        """Rows of one level in one chunk with the values that their place among all rows says."""
        free = [variable for variable in self.problem.schema.levels[at].variables if variable.kind.free]
        return frame.with_columns(one.kind.fill(one, int(self._rows_before[number][at]), frame.height) for one in free)

    @cached_property
    def _rows_before(self) -> Counts:
        """Rows of each level in all chunks before each, (chunks, levels)."""
        return self.arrangement.rows_before()

    def chunks(self) -> Iterator[Records]:
        """All chunks in order."""
        return (self.chunk(number) for number in range(self.n_chunks))


def _with_units(schema: Schema, units: Units, values: Records, picks: CellIndex, others: Records, first: int = 1) -> Records:
    """The same values, those of some units' rows from a level on (members') as others have them, `picks` rising."""
    found = dict(values)
    for at, level in enumerate(schema):
        places = np.flatnonzero(np.isin(units.above(0, at), picks))
        if at >= first and len(places):
            old, new = found[level.name], others[level.name]
            found[level.name] = old.with_columns(old[name].scatter(places, new[name]) for name in new.columns)
    return found


def _no_values(problem: Problem, units: Units, values: Records) -> InputError:
    """That some units found none, with the rules that they break as they are."""
    broken = (rule.text for rule in problem.rules if breaking(problem.with_only((rule,)), units, values).any())
    message = f"{len(units):,} units found no values that keep the rules with those of other rows: {some_of(broken)}"
    return InputError([Finding(where="rules", message=message, cure="let rules between rows compare bins, not values")])


def sample(
    model: Model,
    n_units: int | None = None,
    *,
    random_seed: int | None = None,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> Sample:
    """Exactly N units from a fitted model, in whole numbers that meet its tables.

    Args:
        model: the fitted model.
        n_units: how many; the spec's number unless given. Targets are scaled in proportion.
        random_seed: the spec's unless given.
        advance: told how much of the rounding error is gone, of how much.
    """
    seed = model.problem.spec.random_seed if random_seed is None else random_seed
    problem = model.problem if n_units is None else model.problem.scaled(n_units)
    problem = problem.with_rules(model.beliefs.rules)
    random = generator(seed, "integerize", "zone", "", "part", 0)
    whole = whole_units(model, problem, model.weights, random, advance)
    return Sample(
        problem=problem,
        arrangement=Scattered(schema=problem.schema, distinct=whole.units, counts=whole.counts),
        shapes=all_shapes(problem, model.beliefs),
        random_seed=seed,
        swaps=whole.swaps,
        moves=whole.moves,
        pulled=model.pulled,
        differences=model.beliefs.differences,
    )
