"""One target of a spec in words: what is counted, from where, over which records, and how exactly it must be met."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from synthor.problem import Axis, Problem, Target
from synthor.problem.demand import EDGE
from synthor.problem.sides import codes_of, renamed_labels
from synthor.problem.statistic import SIGMAS
from synthor.schema.kinds import NUMBER
from synthor.schema.text import as_text, number, plural
from synthor.spec.model import Spec
from synthor.spec.tables.labels import span
from synthor.spec.targets import STATISTICS, Layout, Suppression, TargetSpec

MEASURES = ("count", "share", "value", "quantile", *STATISTICS)
WORDS = {"mean": "mean", "total": "sum", "sd": "standard deviation"}
OFFICES = {
    "acs": "data.census.gov",
    "cbs": "CBS StatLine",
    "eurostat": "Eurostat",
    "genesis": "GENESIS",
    "ine": "INE",
    "nomis": "NOMIS",
    "ons": "ONS",
    "sdmx": "an SDMX source",
    "statcan": "Statistics Canada",
}
MOST_BANDS = 12
"""Bands of a table that are listed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldTarget:
    """One target, told.

    Attributes:
        name: of the target.
        variables: that it speaks of, those of its `where` left out.
        inside: variables of its `where`, as far as its table could be read.
        sentence: all about it.
        unread: whether its table could not be read, so that its variables are not known for sure.
    """

    name: str
    variables: tuple[str, ...]
    inside: tuple[str, ...]
    sentence: str
    unread: bool


def explain_target(spec: Spec, i: int, problem: Problem | None) -> ToldTarget:
    """The target in place `i` of a spec, in words.

    Args:
        spec: as written.
        i: place among the spec's targets.
        problem: the spec compiled; None where it cannot be, and then cells and totals are not told.
    """
    written = spec.targets[i]
    compiled = _compiled(problem, i)
    variables = _variables(written) if compiled is None else _names(problem, compiled)
    sides = [name for name in variables if name != written.of and name not in _inside(written, variables)]
    name = compiled.name if compiled is not None else written.name or _named(written, variables) or f"targets[{i}]"
    rows = _rows(written, compiled, problem, members=bool(spec.members))
    parts = [
        f"{_what(written, compiled, variables, sides, rows)}{_size(compiled)}{_source(written)}{_over(written, rows)}.",
        _total(compiled, spec.records, rows),
        _exactness(written, compiled, spec.records, rows),
        _totals(problem, compiled),
        *(_bands(variable, bands, spec) for variable, bands in (written.groups or {}).items()),
        _read_as(problem, i, compiled),
        _cuts(problem, compiled),
        _suppressed(written),
        _layout(written.layout),
    ]
    unread = compiled is None and not variables
    universe = None if compiled is None else compiled.grid.universe
    inside = () if universe is None else tuple(universe.columns)
    sentence = f"{name}: " + " ".join(filter(None, parts))
    return ToldTarget(name=name, variables=variables, inside=inside, sentence=sentence, unread=unread)


def _named(written: TargetSpec, variables: Sequence[str]) -> str:
    """What a target will be called that the spec gives no name."""
    of = "quantiles" if written.quantiles is not None else written.statistic
    return f"{of} of {written.of}" if of is not None else " by ".join(variables)


def _compiled(problem: Problem | None, i: int) -> Target | None:
    if problem is None:
        return None
    name = problem.spec.targets[i].name  # compiled specs carry the names that targets were given
    return next((target for target in problem.targets if target.name == name), None)


def _names(problem: Problem | None, compiled: Target) -> tuple[str, ...]:
    assert problem is not None
    return tuple(dict.fromkeys(variable.name for variable in (*compiled.variables, *compiled.statistic.variables)))


def _variables(written: TargetSpec) -> tuple[str, ...]:
    """Variables of a target, as far as the spec alone says."""
    named: list[str] = [*(written.counts or ()), *(written.shares or ()), *(written.flows or ()), *(written.by or ())]
    if isinstance(written.table, list):
        margin = written.margin_of_error
        named += [column for row in written.table for column in row if column not in (*MEASURES, margin)]
    return tuple(dict.fromkeys([*named, *([written.of] if written.of else [])]))


def _inside(written: TargetSpec, variables: Sequence[str]) -> Sequence[str]:
    """The variable whose shares are given inside the categories of the others."""
    if written.by is None or written.statistic is not None:
        return ()
    return [name for name in variables if name not in written.by]


def _rows(written: TargetSpec, compiled: Target | None, problem: Problem | None, *, members: bool) -> str:
    """What a target counts: records, rows of one level, or pairs of rows; with members just rows where nothing says whose."""
    if written.pairs is not None:
        return f"pairs of '{written.pairs}'{_told_apart(compiled, problem)}"
    if problem is None or compiled is None or len(problem.schema.levels) == 1:
        return f"rows of '{written.rows}'" if written.rows is not None else "rows" if members else "records"
    return f"rows of '{problem.schema.levels[compiled.level].name}'"


def _told_apart(compiled: Target | None, problem: Problem | None) -> str:
    """The categories that tell the two of a pair apart, where these do."""
    if problem is None or compiled is None:
        return ""
    those = {(ref.level, ref.of_two.category) for ref in compiled.grid.refs if ref.of_two is not None}
    labels = [problem.schema.levels[level].variables[own.column].labels[own.code] for level, own in sorted(those)]
    return f" ({listed(labels)})" if labels else ""


def _what(written: TargetSpec, compiled: Target | None, variables: Sequence[str], sides: Sequence[str], rows: str) -> str:
    by = f" for each {listed(sides)}" if sides else ""
    if written.quantiles is not None:
        points = sorted((float(share), value) for share, value in (written.values or {}).items() if _is_number(share))
        told = [f"{100 * share:g}% have less than {number(value)}" for share, value in points]
        return listed(told)
    if written.statistic is not None:
        value = f", {number(written.value)}" if written.value is not None else ""
        return f"the {WORDS[written.statistic]} of {written.of}{by}{value}"
    if written.flows is not None:
        others = "none occurs that is not listed" if written.others == "none" else "of others nothing is known"
        return f"how many {rows} go from {' to '.join(written.flows)} ({others})"
    inside = _inside(written, variables)
    if inside or (compiled is not None and compiled.statistic.groups is not None):
        return f"shares of {listed(inside or variables)}{by if inside else ''}"
    inline = written.table[0] if isinstance(written.table, list) and written.table else {}
    kind = written.kind or next((key for key in MEASURES[:2] if key in inline), None)
    kind = kind if compiled is None else compiled.statistic.word
    what = f"{'counts' if kind == 'count' else 'shares' if kind == 'share' else 'counts or shares'} of {rows}"
    return f"{what} by {listed(variables)}" if variables else what


def _size(compiled: Target | None) -> str:
    if compiled is None:
        return ""
    if not compiled.counts:
        n = int(np.isfinite(compiled.wanted).sum())
        return f", {plural(n, 'value')}" if n > 1 else ""
    listed_cells = compiled.grid.size - compiled.grid.closed
    return f", {plural(listed_cells, 'cell')}"


def _source(written: TargetSpec) -> str:
    as_of = f" (as of {as_text(written.as_of)})" if written.as_of is not None else ""
    return f", from {written.table}{as_of}" if isinstance(written.table, str) else f", written in the spec{as_of}"


def _over(written: TargetSpec, rows: str) -> str:
    return f", over the {rows} with `{written.where}` alone" if written.where is not None else ""


def _total(compiled: Target | None, records: int, rows: str) -> str:
    if compiled is None or not compiled.counts or (compiled.grid.universe is None and compiled.grid.covers):
        return ""
    total = float(compiled.wanted.sum())
    told = f" of the {plural(records, 'record')}" if rows == "records" else f" {rows}"
    return f"It counts {number(round(total, 1))}{told}."


def _totals(problem: Problem | None, compiled: Target | None) -> str:
    """Totals of a table that are met by themselves, since its cells do not tell what they come to."""
    if problem is None or compiled is None:
        return ""
    sides = [
        f"{target.grid.size} of {listed([axis.variable.name for axis in target.axes])}" if target.axes else "that of all cells"
        for target in problem.targets
        if target.totals_of == compiled.name
    ]
    return f"Its published totals are met likewise: {listed(sides)}." if sides else ""


def _exactness(written: TargetSpec, compiled: Target | None, records: int, rows: str) -> str:
    statistic = written.statistic is not None or (compiled is not None and not compiled.counts)
    cell = "value" if statistic else "cell"
    if written.rounded_to is not None:
        half, step = number(written.rounded_to / 2), number(written.rounded_to)
        return f"Each {cell} within {half} of the published figure, which was rounded to a multiple of {step}."
    if written.tolerance is not None and written.tolerance.points is not None:
        points = f"{number(written.tolerance.points)} percentage point{'' if written.tolerance.points == 1 else 's'}"
        n = number(round(written.tolerance.points / 100 * records, 1))
        told = f" of all {rows}" + (f", that is {n} records" if rows == "records" else "")
        return f"Each {cell} within {points}{'' if statistic else told}."
    if written.tolerance is not None:
        share = f"{100 * written.tolerance.factor:g}%"
        return f"Each {cell} within {share} of itself{_largest(compiled, written.tolerance.factor)}."
    if written.margin_of_error is not None:
        factor = SIGMAS / NormalDist().inv_cdf(0.5 + written.confidence / 2)
        margin = written.margin_of_error
        given = f"in its column {margin}" if isinstance(margin, str) else f"{number(margin)} for every {cell}"
        within = f" ({number(round(factor * margin, 2))})" if not isinstance(margin, str) else ""
        return (
            f"Each {cell} within two standard deviations, that is {factor:.2f} times its margin of error{within}; "
            f"the margin is {given}, at a confidence of {100 * written.confidence:g}%."
        )
    if compiled is not None and compiled.counts and compiled.bounds is not None and compiled.silent is None:
        return "Each cell to what its published figure was rounded, since another table was rounded differently."
    if statistic:
        if compiled is not None and compiled.statistic.groups is not None:
            return "Each share to the digits that were published, or to the nearest whole record."
        half = f", so within {number(compiled.rounding)}" if compiled is not None else ""
        return f"Each value to the digits that were published{half}."
    if compiled is not None and compiled.counts and compiled.hidden:
        n_hidden = int((compiled.highest - compiled.lowest > EDGE).sum())
        return f"Cells that are told to the next whole record; {n_hidden} that are not told inside what is left for them."
    fraction = compiled is not None and (np.abs(compiled.wanted - np.rint(compiled.wanted)) > 1e-6).any()
    return "Each cell to the next whole record." if fraction else ""


def _largest(compiled: Target | None, factor: float) -> str:
    if compiled is None or not np.isfinite(compiled.wanted).any():
        return ""
    largest = float(np.nanmax(np.abs(compiled.wanted)))
    return f": the largest, {number(round(largest, 1))}, within {number(round(largest * factor, 1))}"


def _bands(variable: str, bands: Mapping[str, Sequence[str | float]], spec: Spec) -> str:
    """The labels of a table that are no categories, and what each stands for."""
    told = []
    kind = spec.variables[variable].kind if variable in spec.variables else NUMBER
    for label, band in list(bands.items())[:MOST_BANDS]:
        if all(isinstance(edge, int | float) for edge in band) and len(band) == 2:
            low, below = (float(edge) for edge in band)
            told.append(f"{label} is {kind.band(low, below)}")
        else:
            told.append(f"{label} is {listed([str(category) for category in band])}")
    more = f", and {len(bands) - MOST_BANDS} more" if len(bands) > MOST_BANDS else ""
    return f"Its labels of {variable} are its own: {', '.join(told)}{more}."


def _read_as(problem: Problem | None, i: int, compiled: Target | None) -> str:
    """What numbers that a table has for labels stand for, where that is no single value or leaves gaps."""
    if problem is None or compiled is None:
        return ""
    written, told = problem.spec.targets[i], []
    groups = compiled.statistic.groups
    sides = (*compiled.grid.axes, *([] if groups is None else [groups]))
    for axis in sides:
        declared = problem.schema.levels[axis.ref.level].variables[axis.position]
        if not declared.numeric or not isinstance(written.table, list) or declared.name in (written.groups or {}):
            continue
        texts = list(dict.fromkeys(str(row.get(declared.name, "")) for row in written.table))
        own = axis.labels == declared.labels
        codes = codes_of(
            texts, axis.labels, declared if own else None, renamed_labels(_as_texts(problem.spec)).get(declared.name, {})
        )
        known = {text: code for text, code in codes.items() if code >= 0}
        spans = {text: ends for text, code in known.items() if not np.isnan(ends := _span_of(axis, code)).any()}
        alone = [text for text in spans if (one := span(text)) is not None and one.single]
        if any(spans[text][0] < spans[text][1] for text in alone) or (alone and not declared.kind.whole):
            meant = [f"{text} is {_values(*spans[text])}" for text in list(spans)[:MOST_BANDS]]
            more = [f"{len(spans) - MOST_BANDS} more"] if len(spans) > MOST_BANDS else []
            told.append(f"Of its labels of {declared.name}, {listed([*meant, *more])}.")
    return " ".join(told)


def _as_texts(spec: Spec) -> dict[str, dict[str, str]]:
    return {name: {as_text(a): as_text(b) for a, b in pairs.items()} for name, pairs in spec.labels.items()}


def _span_of(axis: Axis, code: int) -> tuple[float, float]:
    """The least and the largest value of one label of a numeric side."""
    inside = axis.group_of == code
    return float(axis.variable.low[inside].min()), float(axis.variable.high[inside].max())


def _values(low: float, high: float) -> str:
    return f"{number(low)} alone" if low == high else f"{number(low)} to {number(high)}"


def _cuts(problem: Problem | None, compiled: Target | None) -> str:
    """Which declared bins a table's bands cut through."""
    if problem is None or compiled is None:
        return ""
    told = []
    for axis in compiled.grid.axes:
        if axis.declared:
            continue
        declared = problem.schema.levels[axis.ref.level].variables[axis.position]
        starts = np.flatnonzero(np.diff(axis.group_of)) + 1
        edges = axis.variable.low[starts]
        inside = [edge for edge in edges if edge not in declared.low and not np.isnan(edge)]
        if inside:
            bins = "bins of " + declared.name
            told.append(f"They cut the {bins} at {listed([number(float(edge)) for edge in inside])}.")
    return " ".join(dict.fromkeys(told))


def _suppressed(written: TargetSpec) -> str:
    if written.suppressed is None:
        return ""
    if isinstance(written.suppressed, Suppression):
        below, marks = written.suppressed.below, written.suppressed.marks
    else:
        text = written.suppressed.strip().removeprefix("<").strip()
        below, marks = (float(text) if _is_number(text) else None), []
    marked = f" marked {listed([f'{mark!r}' for mark in marks], 'or')}" if marks else " that are marked as suppressed"
    span = f"each may be anything from 0 to less than {number(below)}" if below is not None else "each may be anything"
    return f"Cells{marked} are not told: {span}."


def _layout(layout: Layout | None) -> str:
    if layout is None:
        return ""
    told = []
    if layout.format is not None:
        told.append(f"as downloaded from {OFFICES[layout.format]}")
    if layout.sheet is not None:
        told.append(f"from sheet {layout.sheet}")
    if layout.encoding is not None:
        told.append(f"in encoding {layout.encoding}")
    if layout.skip is not None:
        told.append(f"after {plural(layout.skip, 'row')} above the header")
    if layout.wide is not None:
        told.append(f"with the labels of {listed(layout.wide)} as column heads")
    if layout.unit != 1:
        told.append(f"each number times {number(layout.unit)}")
    if layout.decimal == ",":
        told.append("with commas before decimals")
    if layout.total is not None:
        told.append(f"where {listed(layout.total, 'or')} marks a total")
    return f"It is read {', '.join(told)}." if told else ""


def listed(names: Sequence[str], joint: str = "and") -> str:
    """Names as people list them.

    >>> listed(["a", "b", "c"])
    'a, b and c'
    """
    return f"{', '.join(names[:-1])} {joint} {names[-1]}" if len(names) > 1 else "".join(names)


def _is_number(text: object) -> bool:
    try:
        float(str(text))
    except ValueError:
        return False
    return True
