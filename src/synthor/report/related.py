"""How the numbers of two members go together, the ages of couples or of parents and children: pictures, words, a table."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.fit.model import Model
from synthor.measure.related import PairedNumbers, Relation
from synthor.prior.beliefs import BelievedTable
from synthor.problem import OfValues, Target, Within
from synthor.problem.grid import Universe
from synthor.report.spreads import LONG_TAIL, short
from synthor.schema import Ref
from synthor.schema.text import plural
from synthor.types import Floats

FEWEST = 10
"""Pairs of which a picture is drawn, at least."""

SIDE, CELLS = 300, 40
"""Length of a side of the area in which both numbers are drawn, and cells along it at most."""

WIDE, HIGH, COLUMNS = 400, 100, 60
"""Size of the area in which differences are drawn, and columns of it at most."""

TINTS = 10
"""Tints of a cell, by the square root of its pairs: few pairs are seen, too."""

BEYOND = 0.5
"""Percent of the differences at either end that lie outside of their picture, where there are many."""

MARKS = 6
"""Labels of an axis, at most."""

MOST_GROUPS = 10
"""Rows and columns of the table: neighbouring bins are put together where there are more."""

MOST_SPOKEN = 6
"""Tables, beliefs and rules that are named for one relation."""

STRENGTHS = (
    (0.9, "go together very closely"),
    (0.7, "go together closely"),
    (0.4, "go together somewhat"),
    (0.15, "go together weakly"),
    (0.0, "hardly go together"),
)
"""How numbers go together, by the size of their correlation."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelatedView:
    """One relation: its pictures and what they say.

    Attributes:
        name: of the relation.
        names: of the two numbers: the first lies along the picture, the second upwards.
        unit: of both.
        told: in words, sentence by sentence.
        spoken: some of what speaks of both, target, belief or rule, each with its name or text.
        n_more: how much else does.
        cells: path of the cells of each tint, with its opacity.
        magnitudes: whether the axes go by magnitudes.
        marks: place and label of marks along both axes.
        outline: path of the columns of the differences.
        lines: places of the differences that 5, 50 and 95 percent lie below.
        difference_marks: place and label of marks along the differences.
        figures: names and values.
        labels: of the table's rows and columns.
        table: for each row with pairs its label, how many pairs it has, and of each column share and tint.
    """

    name: str
    names: tuple[str, str]
    unit: str
    told: tuple[str, ...]
    spoken: tuple[tuple[str, str], ...]
    n_more: int
    cells: tuple[tuple[str, float], ...]
    magnitudes: bool
    marks: tuple[tuple[float, str], ...]
    outline: str
    lines: tuple[float, ...]
    difference_marks: tuple[tuple[float, str], ...]
    figures: tuple[tuple[str, str], ...]
    labels: tuple[str, ...]
    table: tuple[tuple[str, int, tuple[tuple[float, int], ...]], ...]


def view_related(model: Model, related: Sequence[PairedNumbers], counted: str) -> tuple[RelatedView, ...]:
    """A view of each relation that has pairs enough.

    Args:
        model: its targets, beliefs and rules may speak of them.
        related: the numbers.
        counted: what a unit is called.
    """
    return tuple(_view(model, paired, counted) for paired in related if paired.values.shape[1] >= FEWEST)


def _view(model: Model, paired: PairedNumbers, counted: str) -> RelatedView:
    relation, (first, second) = paired.relation, paired.values
    difference = first - second
    low, half, high = (float(q) for q in np.quantile(difference, (0.05, 0.5, 0.95), method="inverted_cdf"))
    step = 10.0**-relation.variable.decimals
    scale = _scale(paired.values)
    cells, marks = _cells(first, second, step, scale)
    outline, along, difference_marks = _differences(difference, step)
    correlation = _correlation(first, second)
    labels, table = _table(relation, first, second)
    spoken = _spoken(model, relation)
    figures = [("smallest", difference.min()), ("5% below", low), ("half below", half), ("95% below", high)]
    figures += [("largest", difference.max())]
    return RelatedView(
        name=relation.name,
        names=relation.names,
        unit=relation.variable.unit,
        told=(*_told(paired, counted, (low, half, high), correlation), *_believed(model, relation)),
        spoken=tuple(spoken[:MOST_SPOKEN]),
        n_more=max(len(spoken) - MOST_SPOKEN, 0),
        cells=cells,
        magnitudes=bool(scale),
        marks=marks,
        outline=outline,
        lines=tuple(along(value) for value in (low, half, high)),
        difference_marks=difference_marks,
        figures=(
            *((name, short(float(value))) for name, value in figures),
            ("correlation", "–" if correlation is None else _two(correlation)),
        ),
        labels=labels,
        table=table,
    )


# --- In words


def _told(
    paired: PairedNumbers, counted: str, quantiles: tuple[float, float, float], correlation: float | None
) -> Iterator[str]:
    relation, n = paired.relation, paired.values.shape[1]
    first, second = relation.names
    looked = "" if paired.every == 1 else f", looking at one {counted} in {paired.every:,}"
    yield f"{plural(n, 'pair')}{looked}."
    low, half, high = quantiles
    unit = f" {relation.variable.unit}" if relation.variable.unit else ""
    yield f"In nine of ten, {first} is {_apart(low, high)} than {second}; the median difference is {_signed(half)}{unit}."
    if correlation is None:
        yield "One of the two is always the same, so there is no correlation."
    else:
        how = next(word for least, word in STRENGTHS if abs(correlation) >= least)
        turned = ", the other way round: where one is large the other is small" if correlation <= -STRENGTHS[-2][0] else ""
        yield f"They {how}{turned} (correlation {_two(correlation)})."


def _believed(model: Model, relation: Relation) -> Iterator[str]:
    """What is believed of their difference."""
    for belief in model.beliefs.differences:
        if set(belief.refs) == set(relation.refs):
            low, half, high = (short(belief.distribution.quantile(share, belief.step)) for share in (0.05, 0.5, 0.95))
            yield f"Believed of {belief.name}: 5% below {low}, half below {half}, 95% below {high}."


def _apart(low: float, high: float) -> str:
    """Between which differences.

    >>> _apart(19, 45), _apart(-6, 12), _apart(-9, -1), _apart(0, 0)
    ('19 to 45 more', '6 less to 12 more', '9 to 1 less', '0 to 0 more')
    """
    if low >= 0:
        return f"{short(low)} to {short(high)} more"
    return f"{short(-low)} to {short(-high)} less" if high <= 0 else f"{short(-low)} less to {short(high)} more"


def _signed(value: float) -> str:
    return f"+{short(value)}" if value > 0 else short(value)


def _two(value: float) -> str:
    return f"{value:.2f}".replace("-", "−")


def _correlation(first: Floats, second: Floats) -> float | None:
    """None where one of the two is always the same."""
    return float(np.corrcoef(first, second)[0, 1]) if np.ptp(first) > 0 and np.ptp(second) > 0 else None


# --- What speaks of both


def _spoken(model: Model, relation: Relation) -> list[tuple[str, str]]:
    """Targets, beliefs and rules that tie the two numbers: what each is, and its name or text."""
    rules = [rule.text for rule in (*model.problem.rules, *model.beliefs.rules) if _names_both(rule.text, relation)]
    return [
        *(("target", target.name) for target in model.problem.targets if _of_both(target, relation)),
        *(("belief", table.name) for table in model.beliefs.tables if _believed_of_both(table, relation)),
        *(("rule", " ".join(text.split())) for text in dict.fromkeys(rules)),
    ]


def _names_both(text: str, relation: Relation) -> bool:
    return all(re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text) for name in relation.names)


def _believed_of_both(table: BelievedTable, relation: Relation) -> bool:
    return {(ref.level, ref.column, ref.role or ref.among) for ref in table.refs} == {
        (ref.level, ref.column, ref.role or ref.among) for ref in relation.refs
    }


def _of_both(target: Target, relation: Relation) -> bool:
    seen = [(axis.ref, axis.position) for axis in target.axes]
    if isinstance(target.statistic, Within):
        seen.append((target.statistic.side.ref, target.statistic.side.position))
    elif isinstance(target.statistic, OfValues):
        seen.append((target.statistic.ref, target.statistic.of))
    return _of_either(relation, seen) or all(
        any(_is(ref, position, one, target) for ref, position in seen) for one in relation.refs
    )


def _of_either(relation: Relation, seen: Sequence[tuple[Ref, int]]) -> bool:
    """Whether a target sees the number of both, whom a category tells apart there, not their roles."""
    one, other = relation.refs
    their = [ref.of_two for ref, position in seen if (ref.level, position) == (one.level, one.column)]
    told = {two for two in their if two is not None and set(two.roles) == {one.role, other.role}}
    return len(told) > 1


def _is(ref: Ref, position: int, one: Ref, target: Target) -> bool:
    """Whether a column that a target sees is the number of one of the two: a row's own is, where rows with its role count."""
    if (ref.level, position) != (one.level, one.column) or ref.step:
        return False
    if ref.plain:
        return one.among is not None and target.level == one.level and _holds(target.grid.universe, one)
    return (ref.role or ref.among) == (one.role or one.among)


def _holds(universe: Universe | None, one: Ref) -> bool:
    """Whether rows with a role may be among those that a table counts."""
    role = one.among
    if universe is None or role is None or any(ref.column != role.column for ref, _ in universe.columns.values()):
        return True
    codes = {ref: (role if ref.plain else ref.role or role).code for ref, _ in universe.columns.values()}
    return bool(universe.holds(lambda ref: np.array([codes[ref]], np.int32), 1)[0])


# --- Pictures


def _scale(values: Floats) -> float:
    """Where axes by magnitudes begin to be so; 0 where numbers themselves are drawn."""
    size = np.abs(values[values != 0])
    if not len(size):
        return 0.0
    near = 0.0 if values.min() <= 0 <= values.max() else float(size.min())
    return float(np.median(size)) / 4 if size.max() > LONG_TAIL * max(float(np.median(size)), near) else 0.0


def _cells(
    first: Floats, second: Floats, step: float, scale: float
) -> tuple[tuple[tuple[str, float], ...], tuple[tuple[float, str], ...]]:
    """Cells of both numbers on the same axis, tint by tint, and marks along it."""
    low, high = min(first.min(), second.min()), max(first.max(), second.max()) + step
    if scale:
        edges = scale * np.sinh(np.linspace(np.arcsinh(low / scale), np.arcsinh(high / scale), CELLS + 1))
        marks = [mark for mark in _magnitudes(low, high) if low <= mark < high]
    else:
        edges = np.append(np.arange(low, high, _width(high - low, step, CELLS)), np.inf)
        edges[-1] = edges[-2] + _width(high - low, step, CELLS)
        marks = _ticks(low, high - step)
    n = len(edges) - 1
    place = [np.clip(np.searchsorted(edges, values, side="right") - 1, 0, n - 1) for values in (first, second)]
    counts = np.bincount(place[0] * n + place[1], minlength=n * n)
    tints = np.ceil(TINTS * np.sqrt(counts / counts.max())).astype(np.int64)
    ends = np.round(SIDE * np.arange(n + 1) / n, 1)
    paths = []
    for tint in range(1, TINTS + 1):
        rows = [
            f"M{ends[x]:g} {SIDE - ends[y]:g}H{ends[x + 1]:g}V{SIDE - ends[y + 1]:g}H{ends[x]:g}Z"
            for x, y in (divmod(int(cell), n) for cell in np.flatnonzero(tints == tint))
        ]
        if rows:
            paths.append(("".join(rows), round(0.08 + 0.92 * tint / TINTS, 2)))
    along = np.interp(marks, edges, SIDE * np.arange(n + 1) / n)
    return tuple(paths), tuple((round(float(at), 1), short(mark)) for at, mark in zip(along, marks, strict=True))


def _differences(difference: Floats, step: float) -> tuple[str, "_Along", tuple[tuple[float, str], ...]]:
    """Path of the columns, where values lie along them, and marks."""
    low, high = (float(q) for q in np.percentile(difference, (BEYOND, 100 - BEYOND), method="inverted_cdf"))
    width = _width(high + step - low, step, COLUMNS)
    low = np.floor(low / width) * width
    n = max(int(np.ceil((high + step - low) / width - 1e-9)), 1)
    place = np.floor((difference - low) / width + 1e-9).astype(np.int64)
    counts = np.bincount(place[(place >= 0) & (place < n)], minlength=n)
    heights = np.round(HIGH * counts / counts.max(), 1)
    ends = np.round(WIDE * np.arange(1, n + 1) / n, 1)
    columns = "".join(f"V{HIGH - height:g}H{end:g}" for height, end in zip(heights, ends, strict=True))
    along = _Along(low=float(low), high=float(low + n * width), step=step)
    marks = tuple((along(mark), short(mark)) for mark in _ticks(along.low, along.high - step))
    return f"M0 {HIGH}{columns}V{HIGH}Z", along, marks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Along:
    """Where the middle of a value lies in the picture of differences."""

    low: float
    high: float
    step: float

    def __call__(self, value: float) -> float:
        return round(WIDE * (value + self.step / 2 - self.low) / (self.high - self.low), 1)


def _width(extent: float, step: float, most: int) -> float:
    """Width of cells, of whole steps, of which there are no more than `most`."""
    return float(step * max(np.ceil(extent / step / most - 1e-9), 1))


def _ticks(low: float, high: float) -> list[float]:
    """Round numbers between two, `MARKS` at most.

    >>> _ticks(15, 99), _ticks(-8, 21)
    ([20.0, 40.0, 60.0, 80.0], [-5.0, 0.0, 5.0, 10.0, 15.0, 20.0])
    """
    unit = 10.0 ** np.floor(np.log10(max(high - low, 1e-9) / MARKS))
    for width in (unit, 2 * unit, 5 * unit, 10 * unit):
        first, last = int(np.ceil(low / width - 1e-9)), int(np.floor(high / width + 1e-9))
        if last - first < MARKS:
            break
    return [float(width * place) for place in range(first, last + 1)]


def _magnitudes(low: float, high: float) -> list[float]:
    """0 and some powers of ten, `MARKS` at most on either side."""
    top = int(np.floor(np.log10(max(abs(low), abs(high)))))
    powers = [10.0**power for power in range(top - 2, top + 1)]
    return [*(-power for power in reversed(powers)), 0.0, *powers]


# --- The table


def _table(
    relation: Relation, first: Floats, second: Floats
) -> tuple[tuple[str, ...], tuple[tuple[str, int, tuple[tuple[float, int], ...]], ...]]:
    """Labels, and of each row the percentages of the second number's bins among pairs whose first is in its own."""
    variable = relation.variable
    codes = [variable.codes_of_numbers(values) for values in (first, second)]
    known = (codes[0] >= 0) & (codes[1] >= 0)
    held = np.unique(np.concatenate(codes))
    groups = [group for group in np.array_split(held[held >= 0], min(len(held), MOST_GROUPS)) if len(group)]
    group_of = np.zeros(variable.size, np.int64)
    for place, group in enumerate(groups):
        group_of[group] = place
    n = len(groups)
    counts = np.bincount(group_of[codes[0][known]] * n + group_of[codes[1][known]], minlength=n * n).reshape(n, n)
    labels = tuple(
        variable.labels[group[0]] if len(group) == 1 else f"{variable.labels[group[0]]} to {variable.labels[group[-1]]}"
        for group in groups
    )
    rows = []
    for label, row in zip(labels, counts, strict=True):
        total = int(row.sum())
        if total:
            rows.append((label, total, tuple((float(count / total), round(TINTS * count / total)) for count in row)))
    return labels, tuple(rows)
