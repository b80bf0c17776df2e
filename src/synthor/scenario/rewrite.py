"""A target with other numbers, as a spec has it: its table written in place."""

import re
from statistics import NormalDist

import numpy as np

from synthor.problem import Target
from synthor.problem.demand import EDGE
from synthor.spec.targets import Layout, Suppression, TargetSpec
from synthor.spec.written import Value

PLAIN = {"counts": None, "shares": None, "layout": None, "suppressed": None}


def rewritten(written: TargetSpec, target: Target, whole: float) -> TargetSpec:
    """The target of a spec with the numbers of another.

    Args:
        written: as the spec has it; where it counts, how far cells may be off and how sure margins are stays.
        target: gives the cells.
        whole: what shares are of.

    >>> from synthor import parse_spec
    >>> from synthor.problem import statements
    >>> spec = parse_spec("{records: 9, variables: {car: {type: boolean}}, targets: [{counts: {car: {yes: 9}}}]}")
    >>> rewritten(spec.targets[0], statements(spec).tables[0].target, 9).table
    [{'car': 'no', 'count': 0}, {'car': 'yes', 'count': 9}]
    """
    if written.count is not None:
        return written.model_copy(update={"count": _plain(float(target.wanted[0]))})
    if written.value is not None:
        return written.model_copy(update={"value": _plain(float(target.wanted[0]))})
    share = target.counts and target.statistic.word == "share"
    measure = target.statistic.word if not target.counts else "share" if share else "count"
    unit = 100 / whole if share else 1.0
    margin = written.margin_of_error
    z = NormalDist().inv_cdf((1 + written.confidence) / 2)
    rows: list[dict[str, Value]] = []
    for cell in range(len(target.grid.cells)):
        if not np.isfinite(target.wanted[cell]):
            continue
        row: dict[str, Value] = {**target.labels(cell), measure: _plain(float(target.wanted[cell]) * unit)}
        if isinstance(margin, str):
            row[margin] = _plain(0.0 if target.sigma is None else float(target.sigma[cell]) * z * unit)
        rows.append(row)
    told: dict[str, object] = {"table": rows, **PLAIN, **({"by": None} if measure == "count" else {})}
    if margin is not None and not isinstance(margin, str) and target.sigma is not None:
        told["margin_of_error"] = float(target.sigma.max()) * z * unit
    return written.model_copy(update=told)


def as_printed(written: TargetSpec, factor: float) -> TargetSpec:
    """The target of a spec, all figures of its table times a factor, those that are not told included.

    >>> table = [{"car": "yes", "count": "*"}, {"car": "no", "count": 50}]
    >>> grown = as_printed(TargetSpec(table=table, suppressed="<10"), 1.5)
    >>> grown.layout, grown.suppressed
    (Layout(unit=1.5), '<15')
    """
    layout = (
        Layout(unit=factor)
        if written.layout is None
        else written.layout.model_copy(update={"unit": written.layout.unit * factor})
    )
    told = written.suppressed
    if isinstance(told, Suppression):
        told = told.model_copy(update={"below": None if told.below is None else told.below * factor})
    elif told is not None:
        told = re.sub(r"\d+(?:\.\d+)?", lambda found: f"{float(found[0]) * factor:.12g}", told)
    return written.model_copy(update={"layout": layout, "suppressed": told})


def _plain(number: float) -> int | float:
    """A whole number where it is one."""
    return round(number) if abs(number - round(number)) <= EDGE else number
