"""A cross-table of records, beside what a target wants of its cells and what real records have in them."""

import re
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.evaluate.of_members import QuestionOfMembers, parse_of_members
from synthor.evaluate.question import Question, parse_question
from synthor.measure import Records, encode
from synthor.prior.sampled import joined_units
from synthor.problem import Problem, Target
from synthor.problem.demand import EDGE
from synthor.problem.unplaced import weights_of
from synthor.schema import Ref, Units, of_unit
from synthor.types import Codes, Floats


def question_of(text: str, problem: Problem) -> Question:
    """A question to units or to members of theirs, whichever it is about.

    Raises:
        InputError: it is none, or names an unknown variable.
    """
    if len(problem.schema.levels) == 1:
        return parse_question(text, problem)
    unit = problem.schema.unit.name
    return parse_of_members(text, problem) or replace(parse_question(_of_unit(text, unit), problem), rows=unit)


def _of_unit(text: str, unit: str) -> str:
    """A question to units alone, whose variables may be written `household.tenure`, with their names only."""
    parts = re.split("('[^']*')", text)  # labels stay as they are
    parts[::2] = [re.sub(rf"(?<![\w.]){re.escape(unit)}\.(?=\w)", "", part) for part in parts[::2]]
    return "".join(parts)


def cross_table(
    problem: Problem,
    names: Sequence[str],
    records: Records,
    *,
    real: Records | None = None,
    weight: str | None = None,
) -> pl.DataFrame:
    """How many records are in each cell: `wanted` by a target where one says it, `got`, and `real` where that is given.

    Args:
        problem: variables and targets, scaled to the records.
        names: of variables; `person.age` and `head.age` name those of members.
        records: one table a level.
        real: real records, likewise; their counts are scaled to as many rows as the records have.
        weight: column of the real units' weights.

    Returns:
        One row a cell, in the order of the categories.

    Raises:
        InputError: no variable is called so, or the tables lack a column or hold a value of no category.
    """
    names = [str(name) for name in names]
    if not names:
        cure = "name one or more: table('age'), table('age', 'sex')"
        raise InputError([Finding(where="table", message="names no variable", cure=cure)])
    question = question_of(", ".join(names), problem)
    if question.kind != "count":
        message = f"'{', '.join(names)}' is no list of variables"
        raise InputError([Finding(where="table", message=message, cure='ask measure("...") for shares and statistics')])
    shape = question.shape
    codes = np.unravel_index(np.arange(question.n_cells), shape)
    columns = [
        pl.Series(variable.name, np.array(variable.labels, object)[code].tolist(), pl.Enum(variable.labels))
        for variable, code in zip(question.by, codes, strict=True)
    ]
    wanted = wanted_of(problem, question)
    if wanted is not None:
        columns.append(pl.Series("wanted", _plain(wanted)))
    got = question.values(records)
    columns.append(pl.Series("got", got.astype(np.int64)))
    if real is not None:
        counted = _real(problem, question, real, weight)
        columns.append(pl.Series("real", counted * (got.sum() / counted.sum() if counted.sum() else 0.0)))
    return pl.DataFrame(columns)


def wanted_of(problem: Problem, question: Question) -> Floats | None:
    """What a target wants of each cell of a cross-table, (cells,), NaN where it does not say; None where no target gives it.

    A table of these variables is taken before one of more, whose cells are added up.
    """
    level = question.level if isinstance(question, QuestionOfMembers) else 0
    refs = _refs(problem, question)
    found = [(len(target.axes), target) for target in problem.counts if _gives(target, level, refs)]
    if not found:
        return None
    n_axes, target = min(found, key=lambda pair: pair[0])
    unknown = target.highest - target.lowest > EDGE if target.hidden else np.zeros(len(target.wanted), bool)
    cells = np.where(unknown, np.nan, target.wanted).reshape(target.shape)
    seen = [next(place for place, axis in enumerate(target.axes) if axis.ref == ref) for ref in refs]
    others = [place for place in range(n_axes) if place not in seen]
    return np.asarray(cells.transpose([*seen, *others]).reshape(question.n_cells, -1).sum(axis=1), dtype=np.float64)


def _refs(problem: Problem, question: Question) -> tuple[Ref, ...]:
    """Where the rows that are asked find each variable."""
    if isinstance(question, QuestionOfMembers):
        return question.refs
    return tuple(of_unit(problem.schema.unit.position(variable.name)) for variable in question.by)


def _gives(target: Target, level: int, refs: Sequence[Ref]) -> bool:
    """Whether a target counts all rows of a level by categories as they are of these variables, and perhaps of others."""
    grid, own = target.grid, [axis.ref for axis in target.axes]
    if target.level != level or grid.universe is not None or grid.listed is not None or target.totals_of:
        return False
    if not set(refs) <= set(own):
        return False
    as_they_are = all(
        axis.declared and axis.size == axis.variable.size and bool((axis.group_of == np.arange(axis.size)).all())
        for axis in target.axes
        if axis.ref in refs
    )
    return as_they_are and all(axis.covers for axis in target.axes if axis.ref not in refs)


def _real(problem: Problem, question: Question, real: Records, weight: str | None) -> Floats:
    """Weighted rows of real records in each cell, (cells,)."""
    unit = problem.schema.unit
    if unit.name not in real:
        cure = f"give one table a level, by its name: {', '.join(level.name for level in problem.schema)}"
        raise InputError([Finding(where="real", message=f"there are no records of '{unit.name}'", cure=cure)])
    if isinstance(question, QuestionOfMembers):
        units, weights = _units(problem, real, weight)
        columns: Sequence[Codes] = [units.column(ref, question.level) for ref in question.refs]
        weights = weights[units.above(0, question.level)]
    else:
        frame = real[unit.name]
        columns = encode(frame, question.by, where="real").columns()
        weights = _weights(frame, weight)
    kept = np.logical_and.reduce([column >= 0 for column in columns])
    cell = np.ravel_multi_index([column[kept] for column in columns], question.shape)
    return np.asarray(np.bincount(cell, weights[kept], question.n_cells), dtype=np.float64)


def _units(problem: Problem, real: Records, weight: str | None) -> tuple[Units, Floats]:
    frames = {at: real[level.name] for at, level in enumerate(problem.schema) if level.name in real}
    where = {at: f"real '{problem.schema.levels[at].name}'" for at in frames}
    found = joined_units(problem, frames, where, key=problem.schema.unit.key if len(frames) > 1 else None, weight=weight)
    return found.units, found.weights


def _weights(frame: pl.DataFrame, weight: str | None) -> Floats:
    if weight is None:
        return np.ones(frame.height)
    if weight not in frame.columns:
        cure = f"the columns are {', '.join(frame.columns[:12])}"
        raise InputError([Finding(where="real", message=f"column '{weight}' is missing", cure=cure)])
    weights, wrong = weights_of(frame[weight], where="real")
    if wrong:
        raise InputError(wrong)
    return weights


def _plain(wanted: Floats) -> list[float | None] | list[int | None]:
    """Whole numbers where all are whole; null where a cell is not told."""
    told = wanted[np.isfinite(wanted)]
    if np.allclose(told, np.rint(told), rtol=0, atol=EDGE):
        return [None if np.isnan(value) else round(value) for value in wanted]
    return [None if np.isnan(value) else float(value) for value in wanted]
