"""How far an answer is determined: its value, its range over draws, and the bounds that targets alone imply."""

import json
import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from synthor.evaluate.bounds import (
    Interval,
    quantile_bounds,
    ratio_bounds,
    sd_bounds,
    share_bounds,
    sum_bounds,
)
from synthor.evaluate.implied import Implied, Merged, from_marginals, implied, ranked
from synthor.evaluate.of_members import QuestionOfMembers
from synthor.evaluate.question import Question
from synthor.measure import Records
from synthor.problem import Problem
from synthor.rules.on_categories import truth
from synthor.rules.syntax import names_in
from synthor.schema import Variable, of_unit
from synthor.types import CellIndex, Codes, Floats, Mask

ENOUGH = 20
"""Draws from which on the 5% and 95% points are told."""

EDGE = 1e-6
"""How near a whole number a bound of a count must be to be that number."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ImpliedBounds:
    """What targets and rules alone imply of every cell.

    Attributes:
        low: (cells,) least value of any population that meets the targets; NaN where it is not known.
        high: (cells,) greatest.
        sentence: where they come from, in words.
        sharp: whether some population of shares has each of them, as far as bins tell values.
    """

    low: Floats
    high: Floats
    sentence: str
    sharp: bool


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ranges:
    """One question, answered.

    Attributes:
        question: as asked.
        value: (cells,) in the main population; NaN where no record is in the cell.
        draws: (draws, cells) in each of the others.
        bounds: what targets and rules alone imply.
    """

    question: Question
    value: Floats
    draws: Floats
    bounds: ImpliedBounds

    @property
    def lowest(self) -> Floats:
        """(cells,) over the draws that have a record in the cell; NaN where none has."""
        return self._over(np.min)

    @property
    def highest(self) -> Floats:
        return self._over(np.max)

    @property
    def mean(self) -> Floats:
        return self._over(np.mean)

    @property
    def sd(self) -> Floats:
        """Standard deviation over the draws, (cells,)."""
        return self._over(lambda values: np.std(values, ddof=1) if len(values) > 1 else np.nan)

    def quantile(self, q: float) -> Floats:
        """Quantile over the draws, (cells,); NaN where they are fewer than `ENOUGH`."""
        if len(self.draws) < ENOUGH:
            return np.full(len(self.value), np.nan)
        return self._over(lambda values: np.quantile(values, q))

    @property
    def frame(self) -> pl.DataFrame:
        """One row a cell: its labels, `value`, its range over draws if there are any, and the bounds `least` and `most`."""
        by, cells = self.question.by, range(len(self.value))
        labels = [self.question.labels(cell) for cell in cells]
        columns: dict[str, Floats] = {"value": self.value}
        if len(self.draws):
            columns |= {"lowest": self.lowest, "highest": self.highest, "mean": self.mean, "sd": self.sd}
        if len(self.draws) >= ENOUGH:
            columns |= {"q05": self.quantile(0.05), "q95": self.quantile(0.95)}
        columns |= {"least": self.bounds.low, "most": self.bounds.high}
        return pl.DataFrame(
            [
                *(pl.Series(one.name, [label[one.name] for label in labels], pl.Enum(one.labels)) for one in by),
                *(self._column(name, told) for name, told in columns.items()),
            ]
        )

    def _column(self, name: str, told: Floats) -> pl.Series:
        """Numbers, null where there is none; of counts whole ones, where all of them are."""
        column = pl.Series(name, told, pl.Float64).fill_nan(None)
        column = column.set(column.is_infinite().fill_null(False), None)
        whole = self.question.kind == "count" and bool((column.drop_nulls().round() == column.drop_nulls()).all())
        return column.cast(pl.Int64) if whole and name not in ("mean", "sd") else column

    def _over(self, statistic: Callable[[Floats], Any]) -> Floats:
        columns = [column[np.isfinite(column)] for column in self.draws.T]
        return np.array([float(statistic(column)) if len(column) else np.nan for column in columns])

    def to_dict(self) -> dict[str, Any]:
        """For the file ranges.json."""
        five, ninety_five = self.quantile(0.05), self.quantile(0.95)
        columns = {
            "lowest": self.lowest, "highest": self.highest, "mean": self.mean, "sd": self.sd, "q05": five, "q95": ninety_five,
        }  # fmt: skip
        return {
            "of": self.question.text,
            "kind": self.question.kind,
            "unit": self.question.unit,
            **({"rows": self.question.rows, "folds": dict(self.question.folds)} if self.question.rows else {}),
            "draws": len(self.draws),
            "bounds": self.bounds.sentence,
            "bounds_sharp": self.bounds.sharp,
            "cells": [
                {
                    "labels": self.question.labels(cell),
                    "value": plain(self.value[cell]),
                    "draws": {name: plain(column[cell]) for name, column in columns.items()} if len(self.draws) else None,
                    "bounds": {"low": plain(self.bounds.low[cell]), "high": plain(self.bounds.high[cell])},
                }
                for cell in range(len(self.value))
            ],
        }


def ask(
    problem: Problem,
    questions: Sequence[Question],
    records: Records,
    draws: Iterable[Records] = (),
    *,
    advance: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Ranges, ...]:
    """Answer questions from a population, from other draws of it, and from what its targets imply.

    Args:
        problem: its targets and rules are those that bounds come from; not the believed rules.
        questions: parsed.
        records: the main population, one table a level.
        draws: others, one after the other; counts and totals are scaled to the main one's number of units.
        advance: told how many questions have bounds.
    """
    unit = problem.schema.unit.name
    n_units = records[unit].height
    values = [question.values(records) for question in questions]
    drawn: list[list[Floats]] = [[] for _ in questions]
    for frame in draws:
        for found, question in zip(drawn, questions, strict=True):
            scale = n_units / frame[unit].height if question.kind in ("count", "total") else 1.0
            found.append(question.values(frame) * scale)
    answers = []
    scaled = problem.scaled(n_units) if n_units != problem.n_units else problem
    for done, (question, value, found) in enumerate(zip(questions, values, drawn, strict=True)):
        advance(done, len(questions))
        others = np.array(found).reshape(len(found), len(value))
        answers.append(Ranges(question=question, value=value, draws=others, bounds=bounds_of(scaled, question)))
    advance(len(questions), len(questions))
    return tuple(answers)


def bounds_of(problem: Problem, question: Question) -> ImpliedBounds:
    """The least and the greatest value of each cell in any population that meets the targets and breaks no rule."""
    if isinstance(question, QuestionOfMembers):
        return _unknown(question, "not known of members, or of units by their members")
    positions = [problem.schema.unit.position(name) for name in question.names]
    known = implied(problem, positions)
    if question.kind == "count" and (known is None or known.separate):
        return _of_marginals(problem, question, sharp=known is not None and known.sharp)
    if known is None:
        return _unknown(question, "not known: the variables have too many combinations of categories to be looked at")
    found = _programmes(problem, question, known)
    if all(interval is None for interval in found) and len(known.units):
        if question.kind == "count":
            return _of_marginals(problem, question, sharp=False)
        return _unknown(question, "not known: no population meets the targets, or the solver found none")
    low = np.array([math.nan if interval is None else interval[0] for interval in found])
    high = np.array([math.nan if interval is None else interval[1] for interval in found])
    if question.kind in ("count", "total"):
        low, high = low * problem.n_units, high * problem.n_units
    if question.kind == "count" or (question.kind == "total" and question.of is not None and question.of.decimals == 0):
        low, high = _whole(low, high)
    if question.kind == "share":
        low, high = np.clip(low, 0.0, 1.0), np.clip(high, 0.0, 1.0)
    return ImpliedBounds(low=low, high=high, sentence=_sentence(known), sharp=_is_sharp(problem, question, known))


def _is_sharp(problem: Problem, question: Question, known: Implied) -> bool:
    """Whether some population has each of the bounds.

    Of a median, and of a predicate that values inside bins decide, only if no mean or total holds these values together.
    """
    if question.kind == "count":
        return known.sharp
    held = {said.position for said in known.valued}
    names = [question.of.name] if question.of is not None else names_in(question.predicate) if question.predicate else []
    touched = bool(held & {problem.schema.unit.position(name) for name in names})
    if question.kind == "share":
        low, high = _values(problem, question, known)
        return known.sharp and (bool((low == high).all()) or (known.loose and not touched))
    return known.sharp and known.loose and question.kind != "sd" and not (touched and question.kind == "median")


def _programmes(problem: Problem, question: Question, known: Implied) -> list[Interval | None]:
    """Bounds of each cell by linear programmes; counts and totals per record of the whole."""
    cell = _cells(problem, question, known)
    low, high = _values(problem, question, known)
    of = None if question.of is None else problem.schema.unit.position(question.of.name)
    merged = known.merged(cell, ranked(low), ranked(high), of=of)
    cell, low, high = cell[merged.first], low[merged.first], high[merged.first]
    return [_programme(question, merged, cell == number, low, high, of) for number in range(question.n_cells)]


def _programme(question: Question, merged: Merged, inside: Mask, low: Floats, high: Floats, of: int | None) -> Interval | None:
    """Bounds of one cell, the groups inside of which are given, (columns,)."""
    polytope = merged.polytope
    if question.kind == "count":
        return share_bounds(polytope, inside)
    if question.kind == "median":
        return quantile_bounds(polytope, inside, low, high)
    if question.kind == "sd":
        return sd_bounds(polytope, inside, low, high)
    least, most = float(low[inside].min(initial=np.inf)), float(high[inside].max(initial=-np.inf))
    if of is None:  # the share of a predicate: where values inside bins decide it, all of them may or none
        first = ratio_bounds(polytope, inside, polytope.padded(np.where(inside, low, 0.0)), (0.0, 1.0))
        last = ratio_bounds(polytope, inside, polytope.padded(np.where(inside, high, 0.0)), (0.0, 1.0))
        return None if first is None or last is None else (first[0], last[1])
    values = merged.values(of, low, inside)
    if question.kind == "total":
        return sum_bounds(polytope, values, (min(least, 0.0), max(most, 0.0)))
    return ratio_bounds(polytope, inside, values, (least, most))


def _cells(problem: Problem, question: Question, known: Implied) -> CellIndex:
    """The asked cell of each combination, (n,); -1 where it has no value of what a statistic is of."""

    def codes(variable: Variable) -> Codes:
        return known.units.column(of_unit(problem.schema.unit.position(variable.name)))

    cell = np.zeros(len(known.units), np.int64)
    if question.by:
        cell = np.ravel_multi_index([codes(variable) for variable in question.by], question.shape).astype(np.int64)
    return cell if question.of is None else np.where(codes(question.of) < question.of.n_valued, cell, -1)


def _values(problem: Problem, question: Question, known: Implied) -> tuple[Floats, Floats]:
    """Lowest and highest value of what is asked in each combination, (n,) each."""
    level = problem.schema.unit
    n = len(known.units)
    if question.predicate is not None:
        names = [name for name in question.names if name in problem.variables]
        codes = {name: known.units.column(problem.schema.ref(level.position(name))) for name in names}
        found = truth(question.predicate, codes, problem.refined.variables, n)
        return found.must.astype(np.float64), found.may.astype(np.float64)
    if question.of is None:
        return np.zeros(n), np.zeros(n)
    position = level.position(question.of.name)
    finest = level.finest(position)
    bins = known.units.column(problem.schema.ref(position))
    return finest.ends[0][bins], finest.ends[1][bins]


def _of_marginals(problem: Problem, question: Question, *, sharp: bool) -> ImpliedBounds:
    """Bounds of a cross-table's cells from the published tables that hold parts of it."""
    positions = [problem.schema.unit.position(variable.name) for variable in question.by]
    low, high = np.empty(question.n_cells), np.empty(question.n_cells)
    names: tuple[str, ...] = ()
    for cell in range(question.n_cells):
        codes = [int(code) for code in np.unravel_index(cell, question.shape)]
        (low[cell], high[cell]), names = from_marginals(problem, positions, codes)
    told = f"from the marginals of {_listed(names)}" if names else "no target speaks of these variables"
    n = problem.n_units
    low, high = _whole(low * n, high * n)
    return ImpliedBounds(low=low, high=high, sentence=told, sharp=sharp)


def _whole(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Bounds of counts of whole records, or of sums of whole numbers."""
    return np.ceil(low - EDGE) + 0.0, np.floor(high + EDGE) + 0.0


def _unknown(question: Question, sentence: str) -> ImpliedBounds:
    nothing = np.full(question.n_cells, np.nan)
    return ImpliedBounds(low=nothing, high=nothing, sentence=sentence, sharp=False)


def _sentence(known: Implied) -> str:
    if not known.sources:
        return "no target speaks of these variables"
    whole = "" if known.sharp else ", not all that the targets say"
    return f"by linear programmes over {_listed(known.sources)}{whole}"


def _listed(names: Sequence[str]) -> str:
    shown = ", ".join(names[:6])
    return f"{shown} and {len(names) - 6} more" if len(names) > 6 else shown


def plain(number: float) -> float | int | None:
    """A number for JSON: whole ones as such, none where there is no value."""
    if not math.isfinite(number):
        return None
    return round(number) if number == round(number) else float(number)


def to_json(answers: Sequence[Ranges]) -> str:
    """The file ranges.json."""
    return json.dumps({"answers": [answer.to_dict() for answer in answers]}, ensure_ascii=False, indent=1) + "\n"
