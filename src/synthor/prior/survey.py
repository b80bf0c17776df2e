"""A survey sample as beliefs: what real microdata, however few, say of each pair of variables.

Each pair's weighted table enters the fit beside the beliefs of a model, as strong as the sample is large: its effective size in
the sense of Kish, (sum w)^2 / sum w^2. Like every belief it gives way to the targets.
"""

from itertools import combinations

import numpy as np

from synthor.errors import Finding, InputError
from synthor.prior.model import Dependency, Marginal, Prior
from synthor.problem import Problem
from synthor.spec.model import SampleSpec, Spec
from synthor.spec.tables import read_frame
from synthor.types import Codes, Floats

MOST_CATEGORIES = 200
"""A variable with more has no table counted from a sample."""


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
    columns, weights = _read(problem, spec, spec.sample)
    size = float(np.square(weights.sum()) / np.square(weights).sum())
    variables = problem.levels[0].variables
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
    return prior.model_copy(update={"dependencies": [*own, *tables], "marginals": [*prior.marginals, *marginals]})


def _read(problem: Problem, spec: Spec, sample: SampleSpec) -> tuple[dict[int, Codes], Floats]:
    """Codes of each variable that the sample holds, by position, and the records' weights."""
    frame = read_frame(spec.folder / sample.file, shown=sample.file)
    if not frame.height:
        cure = "give a file with one record a row, or leave `sample` out"
        raise InputError([Finding(where=sample.file, message="holds no record, only a header", cure=cure)])
    findings: list[Finding] = []
    columns: dict[int, Codes] = {}
    for v, variable in enumerate(problem.levels[0].variables):
        if variable.name in frame.columns:
            codes = variable.encode(frame[variable.name])
            if (codes < 0).any():
                row = int((codes < 0).argmax())
                message = f"'{frame[variable.name][row]}' is no value of {variable.name}"
                message += f" ({int((codes < 0).sum()):,} rows like it)"
                cure = f"known: {', '.join(variable.labels[:8])}"
                findings.append(Finding(where=sample.file, row=row + 2, message=message, cure=cure))
            columns[v] = codes
    if len(columns) < 2:
        names = ", ".join(problem.variables)
        message = "holds fewer than two of the variables"
        findings.append(Finding(where=sample.file, message=message, cure=f"name its columns {names}"))
    weights = np.ones(frame.height)
    if sample.weight is not None:
        if sample.weight not in frame.columns or not frame[sample.weight].dtype.is_numeric():
            message = f"has no numeric column '{sample.weight}', which weight names"
            findings.append(Finding(where=sample.file, message=message, cure=f"it has {', '.join(frame.columns[:12])}"))
        else:
            weights = frame[sample.weight].fill_null(0).to_numpy().astype(np.float64)
            if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.sum() > 0):
                message = f"has weights in '{sample.weight}' that are negative or no numbers"
                findings.append(Finding(where=sample.file, message=message, cure="weights are 0 or more"))
    if findings:
        raise InputError(findings)
    return columns, weights
