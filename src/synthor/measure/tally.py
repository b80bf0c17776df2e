"""Every target cell counted on the records themselves, chunk by chunk."""

import math
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.measure.coded import Records, coded
from synthor.measure.members import strays
from synthor.measure.related import PairedNumbers, relations_of
from synthor.measure.verdict import CountFit, Measurement, StatisticFit
from synthor.problem import OfValues, Problem, Target, Within
from synthor.randomness import generator
from synthor.rules.lifted import seen_values
from synthor.schema import Ref, Units
from synthor.spread import Spread
from synthor.types import CellIndex, Codes, Counts, Floats

EXAMPLES = 8
"""Units that are shown with their members."""


def measure(
    problem: Problem,
    records: Records | Iterable[Records],
    *,
    status: str | None = None,
    beliefs: str = "",
    notes: tuple[str, ...] = (),
) -> Measurement:
    """Count records in every target cell.

    Args:
        problem: scaled to the number of records that are wanted.
        records: one table a level by the level's name, whole or as chunks.
        status: how the fit ended, to be carried along.
        beliefs: what was believed, to be carried along.
        notes: what else a reader must know.

    Raises:
        InputError: a column is missing, or a value belongs to no category.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... records: 3
    ... variables: {car: {type: boolean}}
    ... targets: [{counts: {car: {yes: 2, no: 1}}}]
    ... '''))
    >>> measure(problem, {"records": pl.DataFrame({"car": [True, False, True]})}).verdict
    'Met: 3 records add up to the target exactly (2 cells).'
    """
    tally = Tally(problem)
    for chunk in [records] if isinstance(records, Mapping) else records:
        tally.add(chunk)
    return tally.measurement(status=status, beliefs=beliefs, notes=notes)


class Tally:
    """Counts that grow chunk by chunk, so that records need never be in memory together.

    Args:
        problem: its targets and rules are counted.
        pairs: pairs of columns to be cross-counted as well, and the level whose rows see both.

    Attributes:
        pair_counts: (k_a, k_b) counts of each pair.
        examples: where units have members, some of the first chunk with all of theirs, for people to look at.
    """

    def __init__(self, problem: Problem, pairs: Sequence[tuple[tuple[Ref, Ref], int]] = ()) -> None:
        self.problem, self.pairs = problem, tuple(pairs)
        sizes = [[problem.schema.variable(ref).size for ref in refs] for refs, _ in self.pairs]
        self.pair_counts = [np.zeros((a, b), np.int64) for a, b in sizes]
        self.n_records = self.n_broken = 0
        self.got = [np.zeros(target.wanted.size, np.int64) for target in problem.counts]
        self.sums = [_Sums(target) for target in problem.statistics]
        unit = problem.schema.unit
        self.spreads = [Spread(unit.variables[position], problem.n_units) for position in unit.numeric]
        self.related = [PairedNumbers(relation, problem.n_units) for relation in relations_of(problem)]
        self.rulings = problem.refined.rulings
        self.examples: Records = {}
        self.violations = dict.fromkeys((rule.text for rule in problem.rules), 0)

    def add(self, records: Records) -> None:
        """Count one chunk."""
        units = coded(records, self.problem.schema)
        self.n_records += len(units)
        for i, target in enumerate(self.problem.counts):
            self.got[i] += _count(units, target)
        for i, (refs, level) in enumerate(self.pairs):
            shape = self.pair_counts[i].shape
            columns = [units.column(ref, level) for ref in refs]
            if not all(ref.plain for ref in refs):
                there = (columns[0] >= 0) & (columns[1] >= 0)
                columns = [column[there] for column in columns]
            self.pair_counts[i] += _count_plain(columns, shape).reshape(shape)
        frame = records[self.problem.schema.unit.name]
        for sums in self.sums:
            sums.add(units, records[self.problem.schema.levels[sums.target.level].name])
        for spread in self.spreads:
            column = frame[spread.variable.name]
            if column.dtype.is_numeric():  # labels of bins in place of numbers say nothing of where these lie
                spread.add(column.drop_nulls().to_numpy())
        for paired in self.related:
            paired.add(units, records[self.problem.schema.levels[paired.relation.refs[0].level].name])
        counts, broken = self.rulings.counts(self.problem.schema.refine(units), frame)
        for ruling, count in zip(self.rulings.each, counts.tolist(), strict=True):
            self.violations[ruling.rule.text] += count
        for level, below in self.problem.refined.below.items():
            broken[self._count_rules(records, units, level, below)] = True
        if units.nested:
            self.examples = self.examples or self._drawn(records, units)
            broken[self._count_strays(records, self.problem.schema.refine(units))] = True
        self.n_broken += int(broken.sum())

    def _count_strays(self, records: Records, units: Units) -> CellIndex:
        """Count rows whose members are not as the spec says; what holds is not told. Returns the units that they belong to."""
        own, broken = {rule.text for rule in self.problem.rules}, [np.zeros(0, np.int64)]
        for text, level, those in strays(self.problem.refined, units, records):
            if text not in own and those.any():
                self.violations[text] = self.violations.get(text, 0) + int(those.sum())
                broken.append(units.above(0, level)[those])
        return np.concatenate(broken)

    def _drawn(self, records: Records, units: Units) -> Records:
        """A few units, in their order, with their members."""
        schema, seed = self.problem.schema, self.problem.spec.random_seed
        kept = np.zeros(len(units), bool)
        kept[generator(seed, "examples").choice(len(units), min(len(units), EXAMPLES), replace=False)] = True
        return {level.name: records[level.name].filter(kept[units.above(0, at)]) for at, level in enumerate(schema)}

    def _count_rules(self, records: Records, units: Units, level: int, below: Problem) -> CellIndex:
        """Count rows of one level that break the rules that look beyond what units say themselves. Returns their units."""
        refined, fine = self.problem.refined, self.problem.schema.refine(units)
        values = seen_values(refined.schema, fine, level, refined.derived(level), records)
        counts, broken = below.rulings.counts(refined.as_seen(fine, level), values)
        for ruling, count in zip(below.rulings.each, counts.tolist(), strict=True):
            self.violations[ruling.rule.text] += count
        return units.above(0, level)[broken]

    def merge(self, other: "Tally") -> None:
        """Add what another tally of the same problem and pairs counted."""
        self.examples = self.examples or other.examples
        self.n_records += other.n_records
        self.n_broken += other.n_broken
        for mine, theirs in zip((*self.got, *self.pair_counts), (*other.got, *other.pair_counts), strict=True):
            np.add(mine, theirs, out=mine)
        for sums, more in zip(self.sums, other.sums, strict=True):
            sums.merge(more)
        for spread, other_spread in zip(self.spreads, other.spreads, strict=True):
            spread.merge(other_spread)
        for paired, others in zip(self.related, other.related, strict=True):
            paired.merge(others)
        for text, count in other.violations.items():
            self.violations[text] = self.violations.get(text, 0) + count

    def measurement(
        self, *, status: str | None = None, beliefs: str = "", notes: tuple[str, ...] = (), random_seed: int | None = None
    ) -> Measurement:
        """What was counted so far."""
        zones = self.problem.zones
        sides = [None if zones is None else zones.side(target) for target in self.problem.counts]
        counts = zip(self.problem.counts, self.got, sides, strict=True)
        return Measurement(
            n_records=self.n_records,
            n_wanted=self.problem.n_units,
            fits=(
                *(CountFit(target=target, got=got, side_of_areas=side) for target, got, side in counts),
                *(StatisticFit(target=sums.target, got=sums.values(), step=sums.step()) for sums in self.sums),
            ),
            violations=self.violations,
            n_broken=self.n_broken,
            random_seed=random_seed,
            status=status,
            beliefs=beliefs,
            notes=notes,
            spreads=tuple(spread for spread in self.spreads if spread.counts.any()),
            related=tuple(self.related),
            counted="unit" if len(self.problem.schema.levels) > 1 else "record",
        )


class _Sums:
    """Counts, sums and sums of squares in the cells of one statistic."""

    def __init__(self, target: Target) -> None:
        self.target = target
        size = target.grid.size
        self.count, self.sum, self.square = np.zeros(size), np.zeros(size), np.zeros(size)
        self.joint = np.zeros(target.wanted.size if target.statistic.groups is not None else 0)

    def add(self, units: Units, frame: pl.DataFrame) -> None:
        """Count one chunk, whose rows of the target's level are in `frame`."""
        target, of, size = self.target, self.target.statistic, self.target.grid.size + 1
        if isinstance(of, Within):
            self.joint += np.bincount(of.index(target, units), minlength=target.wanted.size + 1)[:-1]
            return
        assert isinstance(of, OfValues)
        cell = target.index(units)
        column = frame[of.variable.name]
        if not column.dtype.is_numeric():
            message = f"column '{column.name}' holds labels, but the {of.word} of it is to be counted"
            raise InputError([Finding(where="records", message=message, cure="give its values as numbers")])
        values = column.cast(pl.Float64).to_numpy()
        self.count += np.bincount(cell, minlength=size)[:-1]
        self.sum += np.bincount(cell, values, size)[:-1]
        self.square += np.bincount(cell, np.square(values - np.append(of.near * np.ones(size - 1), 0.0)[cell]), size)[:-1]

    def step(self) -> Floats:
        """What one record changes of each share; 0 of other statistics."""
        wanted = self.target.wanted
        if self.target.statistic.groups is None:
            return np.zeros(wanted.size)
        n = self.joint.reshape(wanted.shape).sum(axis=1, keepdims=True)
        return np.broadcast_to(1 / np.maximum(n, 1.0), wanted.shape).ravel()

    def merge(self, other: "_Sums") -> None:
        """Add what was counted of other chunks."""
        self.count += other.count
        self.sum += other.sum
        self.square += other.square
        self.joint += other.joint

    def values(self) -> Floats:
        """What the records give."""
        of = self.target.statistic
        with np.errstate(invalid="ignore", divide="ignore"):
            if isinstance(of, OfValues):
                return of.of_sums(self.count, self.sum, self.square)
            joint = self.joint.reshape(self.target.wanted.shape)
            return np.asarray(joint / joint.sum(axis=1, keepdims=True)).ravel()


def _count(units: Units, target: Target) -> Counts:
    """Rows in each cell of a target, (c,)."""
    if target.grid.plain and all(axis.ref.plain for axis in target.axes):
        return _count_plain([units.column(axis.ref, target.level) for axis in target.axes], target.shape)
    return np.bincount(target.index(units), minlength=target.grid.size + 1)[:-1]


def _count_plain(columns: Sequence[Codes], shape: Sequence[int]) -> Counts:
    """Rows in each cell of one table, (c,)."""
    index = columns[0]  # stays in 32 bits: a table of more cells would not fit into memory
    for column, size in zip(columns[1:], shape[1:], strict=True):
        index = index * np.int32(size) + column
    return np.bincount(index, minlength=math.prod(shape))
