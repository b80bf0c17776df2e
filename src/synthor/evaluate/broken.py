"""How many rows of units with members break each rule, of records and of real units, as far as these hold what it looks at.

A rule may look at rows of several levels, so it is judged on whole units, as when records are measured. Numbers of members that
the spec does not allow are counted beside, where there are any.
"""

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from synthor.errors import InputError
from synthor.prior.sampled import SampledUnits
from synthor.problem import Problem, Rule
from synthor.problem.numbers_of_members import wrong_numbers
from synthor.rules.lifted import levels_of_rows, looked_at, seen_values
from synthor.schema import Ref, Schema, Units


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """A rule, and what breaks it.

    Attributes:
        text: of the rule.
        source: who says so, the spec or the beliefs.
        level: whose rows it speaks of.
        made: rows of the records that break it; None where they do not hold what it looks at.
        real: the same of the real ones.
    """

    text: str
    source: str
    level: int
    made: int | None
    real: int | None


def ruled(problem: Problem, records: SampledUnits, microdata: SampledUnits) -> list[Ruled]:
    """Every rule with the rows that break it, and what else the spec says of members where some rows are not so.

    Args:
        problem: its rules, those that are believed included.
        records: synthetic units.
        microdata: real ones.
    """
    sides = [_Held.of(problem, side) for side in (records, microdata)]
    written = {rule.never for rule in problem.spec.rules}
    found = []
    for rule in problem.rules:
        made, real = (side.breaks(rule) for side in sides)
        if rule.source == "beliefs" or rule.text in written or made or real:
            found.append(Ruled(text=rule.text, source=rule.source, level=rule.level, made=made, real=real))
    known, wrong = {rule.text for rule in problem.rules}, [_wrong(problem, side) for side in (records, microdata)]
    for text, level in dict.fromkeys(place for side in wrong for place in side):
        if text not in known:
            made, real = (side.get((text, level), 0) for side in wrong)
            found.append(Ruled(text=text, source="spec", level=level, made=made, real=real))
    return found


def _wrong(problem: Problem, side: SampledUnits) -> dict[tuple[str, int], int]:
    """Numbers of members that must not be, the level of the rows that have them, and how many do."""
    return {
        (one.text, one.level): int(one.rows.sum())
        for one in wrong_numbers(problem, side.units)
        if one.rows.any() and side.tells(one)
    }


@dataclass(frozen=True, slots=True, eq=False)
class _Held:
    """Units in declared bins, and tables of their values that have every column, empty where nobody knows it."""

    problem: Problem
    side: SampledUnits
    units: Units
    frames: Mapping[str, pl.DataFrame]

    @classmethod
    def of(cls, problem: Problem, side: SampledUnits) -> "_Held":
        levels = tuple(replace(level, slices={}, bands={}) for level in problem.schema)
        units, frames = side.units, {}
        for at, level in enumerate(levels):
            units = units.selected(range(len(level.variables)), at)
            held, columns = side.frames.get(at), []
            for position, variable in enumerate(level.variables):
                if held is not None and variable.name in held.columns:
                    columns.append(held[variable.name])
                elif (at, position) in side.known:  # counted from members: its categories alone are known
                    labels = np.array(variable.labels, object)[units.column(Ref(at, position))]
                    columns.append(pl.Series(variable.name, labels.tolist(), pl.String))
                else:
                    columns.append(pl.Series(variable.name, [None] * units.n_rows(at), pl.Float64))
            frames[level.name] = pl.DataFrame(columns)
        return cls(replace(problem, schema=Schema(levels=levels), targets=()), side, units, frames)

    def breaks(self, rule: Rule) -> int | None:
        """Rows that break a rule; None where columns that it looks at are not there, or hold labels where it needs numbers."""
        if not self._tells(rule):
            return None
        alone, level = self.problem.with_only((rule,)), rule.level
        with suppress(InputError):
            if rule.flat:
                counts, _ = alone.rulings.counts(self.units, self.frames[alone.schema.unit.name])
            else:
                values = seen_values(alone.schema, self.units, level, alone.derived(level), self.frames)
                counts, _ = alone.below[level].rulings.counts(alone.as_seen(self.units, level), values)
            return int(counts[0])
        return None

    def _tells(self, rule: Rule) -> bool:
        """Whether all is there that a rule looks at."""
        schema = self.problem.schema
        levels = {*schema.path(rule.level), *levels_of_rows(rule.derived)}
        columns = looked_at(schema, rule.predicate, rule.derived, roles=bool(rule.derived))
        asked = {(at, column) for at in levels for column in columns.get(at, ())}
        return levels <= self.side.frames.keys() and asked <= self.side.known
