"""A survey sample as beliefs: what real microdata, however few, say of each pair of variables.

Each pair's weighted table enters the fit beside the beliefs of a model, as strong as the sample is large: its effective size in
the sense of Kish, (sum w)^2 / sum w^2. Like every belief it gives way to the targets. Records that cannot be (they break a
rule, lie where a target wants none, or have numbers of members that the spec does not allow) are left out, and it is told how
many.
"""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import polars as pl

from synthor.disk.held import found
from synthor.errors import Finding, InputError, nearest
from synthor.information import effective_size
from synthor.prior.model import Dependency, Marginal, Prior
from synthor.prior.sampled import MOST_CATEGORIES, SampledUnits, sampled_units
from synthor.problem import Problem
from synthor.problem.numbers_of_members import wrong_numbers
from synthor.problem.unplaced import unplaced, weights_of
from synthor.rules.on_categories import truth
from synthor.rules.on_values import holds
from synthor.rules.syntax import names_in
from synthor.schema import Variable
from synthor.spec.model import SampleSpec, Spec
from synthor.spec.tables import read_frame
from synthor.types import Codes, Floats, Mask


def with_survey(prior: Prior, problem: Problem, spec: Spec) -> Prior:
    """The same beliefs, and those that the spec's survey sample gives; unchanged where it names none.

    Args:
        prior: beliefs; tables of an earlier reading of the sample are replaced.
        problem: gives the variables.
        spec: its `sample:` names the file.

    Raises:
        InputError: the sample cannot be read, lacks its weight, or holds values that belong to no category.
    """
    if spec.sample is None:
        return prior
    if spec.sample.files:
        return _with_units(prior, problem, spec, spec.sample)
    survey = _read(problem, spec, spec.sample)
    columns, weights = survey.columns, survey.weights
    told_of = list(survey.notes) or None
    if not weights.any():
        return prior.model_copy(update={"survey": told_of})
    size = effective_size(weights)
    variables = problem.schema.unit.variables
    known = [v for v in columns if variables[v].size <= MOST_CATEGORIES]
    tables = []
    for a, b in combinations(known, 2):
        shape = (variables[a].size, variables[b].size)
        table = np.bincount(columns[a] * shape[1] + columns[b], weights, shape[0] * shape[1]).reshape(shape)
        table = np.where(table.sum(axis=1, keepdims=True) > 0, table, table.sum(axis=0))  # a category that nobody has
        rows = np.round(100 * table / table.sum(axis=1, keepdims=True), 4)
        tables.append(Dependency(given=variables[a].name, of=variables[b].name, rows=rows.tolist(), records=round(size, 3)))
    told = {marginal.of for marginal in prior.marginals}
    marginals = []
    for v in known:
        if problem.marginal(v) is None and variables[v].name not in told:
            shares = np.bincount(columns[v], weights, variables[v].size) / weights.sum()
            marginals.append(Marginal(of=variables[v].name, percent=np.round(100 * shares, 4).tolist()))
    own = [table for table in prior.dependencies if table.records is None]
    changed = {"dependencies": [*own, *tables], "marginals": [*prior.marginals, *marginals], "survey": told_of}
    return prior.model_copy(update=changed)


def _with_units(prior: Prior, problem: Problem, spec: Spec, sample: SampleSpec) -> Prior:
    """The same beliefs, and those that real units with their members give."""
    survey = _read(problem, spec, sample)
    told_of = list(survey.notes) or None
    if survey.units is None or not survey.weights.any():
        return prior.model_copy(update={"survey": told_of})
    units = survey.units.weighing(survey.weights)
    own = [table for table in prior.dependencies if table.records is None]
    marginals = units.marginals({marginal.of for marginal in prior.marginals})
    changed = {
        "dependencies": [*own, *units.dependencies()],
        "marginals": [*prior.marginals, *marginals],
        "survey": told_of,
    }
    return prior.model_copy(update=changed)


def check_survey(problem: Problem | None, spec: Spec) -> list[Finding]:
    """What is wrong with the spec's survey sample: errors where it cannot be used, warnings of records that are left out.

    Args:
        problem: of the spec; None where that is not known, and only the sample's own values are looked at.
        spec: may name a sample.
    """
    if spec.sample is None:
        return []
    try:
        if problem is None and spec.sample.files:
            return []  # their levels are known only with the rest
        if problem is None:
            _records([declared.build(name) for name, declared in spec.variables.items()], spec, spec.sample)
            return []
        notes = _read(problem, spec, spec.sample).notes
    except InputError as error:
        return list(error.findings)
    cure = "correct them if they are wrong, or what speaks against them"
    where = spec.sample.file or next(iter(spec.sample.files.values()))
    return [Finding(where=where, message=note.split(": ", 1)[1], cure=cure, severity="warning") for note in notes]


def refuse_survey(problem: Problem, spec: Spec) -> None:
    """Make sure that the spec's survey sample, if it names one, can be used, before a model is asked.

    Raises:
        InputError: as `with_survey`.
    """
    if spec.sample is not None:
        _read(problem, spec, spec.sample)


@dataclass(frozen=True, kw_only=True, eq=False)
class _Survey:
    """A sample as far as it is used.

    Attributes:
        columns: codes of each variable that it holds, by position.
        weights: of the records; 0 of those that are left out.
        notes: how many are left out, and why.
        units: the same with their members, where they have such.
    """

    columns: dict[int, Codes]
    weights: Floats
    notes: tuple[str, ...]
    units: SampledUnits | None = None


def _records(variables: Sequence[Variable], spec: Spec, sample: SampleSpec) -> tuple[pl.DataFrame, dict[int, Codes], Floats]:
    """What a sample's file holds, the codes of each variable in it by position, and the records' weights.

    Raises:
        InputError: lists all that is wrong with them.
    """
    frame = read_frame(found(spec.folder, sample.file), shown=sample.file, variables=variables, weight=sample.weight)
    if not frame.height:
        cure = "give a file with one record a row, or leave `sample` out"
        raise InputError([Finding(where=sample.file, message="holds no record, only a header", cure=cure)])
    findings: list[Finding] = []
    columns: dict[int, Codes] = {}
    for v, variable in enumerate(variables):
        if variable.name in frame.columns and not variable.kind.free:
            columns[v] = variable.encode(frame[variable.name])
            findings += unplaced(variable, frame[variable.name], columns[v], where=sample.file)
    if len(columns) < 2:
        names = ", ".join(variable.name for variable in variables)
        message = "holds fewer than two of the variables"
        in_file = f"name its columns {names} in the file itself: `columns` and `labels` speak of tables alone"
        cure = in_file if len(variables) > 1 else "leave `sample` out: it tells how variables go together"
        findings.append(Finding(where=sample.file, message=message, cure=cure))
    weights = np.ones(frame.height)
    if sample.weight is not None:
        if sample.weight not in frame.columns:
            message = f"has no column '{sample.weight}', which weight names"
            findings.append(Finding(where=sample.file, message=message, cure=nearest(sample.weight, frame.columns)))
        else:
            weights, wrong = weights_of(frame[sample.weight], where=sample.file)
            findings += wrong
    if findings:
        raise InputError(findings)
    return frame, columns, weights


def _read(problem: Problem, spec: Spec, sample: SampleSpec) -> _Survey:
    """A sample's records, without those that cannot be."""
    units = sampled_units(problem, spec, sample) if sample.files else None
    if units is None:
        frame, columns, weights = _records(problem.schema.unit.variables, spec, sample)
    else:
        frame, columns, weights = units.frames[0], units.of_unit(), units.weights
    file = sample.file or sample.files[problem.schema.unit.name]
    impossible = _impossible(problem, columns, frame) | ({} if units is None else _of_wrong_numbers(problem, units))
    lost = {why: these for why, these in impossible.items() if these.any()}
    for these in lost.values():
        weights = np.where(these, 0.0, weights)
    of = f"of {frame.height:,} sample records"
    notes = [f"{file}: {int(these.sum()):,} {of} {why} and are left out" for why, these in lost.items()]
    return _Survey(columns=columns, weights=weights, notes=tuple(notes), units=units)


def _impossible(problem: Problem, columns: Mapping[int, Codes], frame: pl.DataFrame) -> dict[str, Mask]:
    """Records that break a rule, and those in cells that want none, as far as the sample's own variables tell."""
    level, found = problem.schema.unit, {}
    known = {level.variables[v].name: codes for v, codes in columns.items()}
    for rule in problem.own_rules:
        if names_in(rule.predicate) <= set(known):
            breaks = truth(rule.predicate, known, problem.variables, frame.height)
            these = breaks.must
            if (breaks.may & ~these).any():  # it depends on the numbers, if the sample holds numbers and not bins
                with suppress(InputError):
                    these = these | (breaks.may & holds(rule.predicate, frame, problem.variables, known))
            found[f"break the rule never `{rule.text}`"] = these
    units = level.fine(columns, frame.height)
    for target in problem.counts:
        empty = (target.highest <= 0) & np.array(target.sigma is None)
        plain = all(axis.declared for axis in target.grid.axes)
        if target.flat and plain and target.grid.universe is None and set(target.grid.positions) <= set(columns):
            found[f"lie where '{target.name}' wants none"] = np.append(empty, False)[target.index(units)]
    return found


def _of_wrong_numbers(problem: Problem, sampled: SampledUnits) -> dict[str, Mask]:
    """Units with more or fewer members than the spec lets there be, of any role and of each, as far as the files tell."""
    return {
        f"have `{wrong.text}`, which `{wrong.key}` does not allow,": wrong.rows
        for wrong in wrong_numbers(problem, sampled.units)
        if sampled.tells(wrong)
    }
