"""What the page says, as plain values: all choosing, sorting and arithmetic happens here, none of it in the template."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from synthor.fit.model import Model
from synthor.fit.strain import Pull
from synthor.measure import CountFit, Explanation, Measurement, Records, StatisticFit
from synthor.prior.model import Dropped
from synthor.problem import Rule
from synthor.report.areas import ZonesView, view_zones
from synthor.report.dependencies import DependencyView, view_dependencies
from synthor.report.misfit import StrainTable, explain_misfit, strain_tables
from synthor.report.nested import UnitView, view_units
from synthor.report.related import RelatedView, view_related
from synthor.report.spreads import SpreadView, view_spreads
from synthor.rounds import Round
from synthor.types import CellIndex, Counts
from synthor.version import __version__

MAX_CELLS = 60
"""Cells of one target that are drawn; of a larger one those furthest off, then the largest."""

ONE_WAY = 12
"""Values of a statistic that are drawn beside others; more take the whole width."""

MAX_LISTED = 100
"""Entries of any list of texts; the files beside the page hold all of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CellView:
    """One cell of a target.

    Attributes:
        label: its categories, joined.
        wanted: rows, perhaps not whole where the table was published as shares; of a statistic, its value.
        got: rows, or the value.
        off: got minus the nearest that counts as met, 0 where the cell is met.
        interval: the least and the most that it may hold, where there is room; None where `wanted` is meant.
        told: whether `wanted` was published, or guessed inside its interval.
        wanted_width: length of its bar in percent of the target's longest.
        got_width: the same for `got`.
    """

    label: str
    wanted: float
    got: float
    off: float
    interval: tuple[float, float] | None
    told: bool
    wanted_width: float
    got_width: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetView:
    """One target: its line in the summary and its bars.

    Attributes:
        anchor: the id of its bars on the page.
        name: as in the spec.
        variables: their names, joined.
        narrow: whether it is about a single variable, or about none; of a statistic, whether it has few cells.
        kind: total, one-way or cross-table of counts or shares; or mean, total, sd, shares.
        counts: whether its cells are counts of rows.
        decimals: that the values of a statistic were published with; 0 of counts.
        n_cells: how many it has.
        tae: total absolute error, in rows; None of a statistic.
        worst: the cell furthest off; None where all are met.
        strain: nats; None where the fit did not look at it.
        support: fewest candidates in a wanted cell; None as above.
        cells: those that are drawn.
        of_areas: whether it is a table of areas, whose cells the section on zones tells of.
    """

    anchor: str
    name: str
    variables: str
    narrow: bool
    kind: str
    counts: bool
    decimals: int
    n_cells: int
    tae: int | None
    worst: CellView | None
    strain: float | None
    support: int | None
    cells: tuple[CellView, ...]
    of_areas: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleView:
    """One rule and how many records break it; None where nobody counted."""

    text: str
    why: str
    source: str
    violations: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Everything on the page, in its order."""

    title: str
    context: tuple[str, ...]
    met: bool
    verdict: str
    beliefs: str
    n_records: int
    counted: str
    status: str
    status_sentence: str
    status_knob: str
    converged: bool
    notes: tuple[str, ...]
    targets: tuple[TargetView, ...]
    zones: ZonesView | None
    untargeted: tuple[str, ...]
    spreads: tuple[SpreadView, ...]
    units: tuple[UnitView, ...]
    related: tuple[RelatedView, ...]
    dependencies: tuple[DependencyView, ...]
    rules: tuple[RuleView, ...]
    dropped: tuple[Dropped, ...]
    unsupported: tuple[str, ...]
    misfits: tuple[Explanation, ...]
    strains: tuple[StrainTable, ...]
    rounds: tuple[Round, ...]
    version: str
    random_seed: int
    n_candidates: int
    effective_sample_size: float
    acceptance: float


def page_data(model: Model, measurement: Measurement, pair_counts: Sequence[Counts], examples: Records) -> Page:
    """Gather what the page says.

    Args:
        model: the fitted model.
        measurement: of records drawn from it, or of any others over the same targets.
        pair_counts: the table of each believed dependency as counted in these records.
        examples: some units with their members, to be shown as they are; none where units have no members.
    """
    spec, status = model.problem.spec, model.status
    pulls = {pull.name: pull for pull in model.targets}
    variables = model.problem.schema.unit.variables
    every = [target for target in model.problem.targets if target.flat]
    targeted = {position for target in every for position in target.columns}
    targeted |= {position for target in every if (of := target.grid.universe) is not None for position in of.positions}
    rules = (*model.problem.rules, *model.beliefs.rules)
    explanations = measurement.explanations or explain_misfit(model)
    counts = tuple(_target(fit, i, pulls.get(fit.target.name)) for i, fit in enumerate(measurement.of_counts))
    return Page(
        title=spec.title.strip() or "Synthetic records",
        # Single line breaks are those of the file it was written in, blank lines are meant.
        context=tuple(" ".join(part.split()) for part in spec.context.split("\n\n") if part.strip()),
        met=measurement.met,
        verdict=measurement.verdict,
        beliefs=measurement.beliefs or model.beliefs.sentence,
        n_records=measurement.n_records,
        counted=measurement.counted,
        status=status.value.replace("_", " "),
        status_sentence=status.sentence,
        status_knob=status.knob,
        converged=status.value == "converged",
        # The status has a line of its own.
        notes=tuple(note for note in measurement.notes if not note.startswith(status.sentence))[:MAX_LISTED],
        targets=(*counts, *(_statistic(fit, i) for i, fit in enumerate(measurement.of_statistics))),
        zones=view_zones(model.problem.whole, measurement, {view.name: view.anchor for view in counts}),
        misfits=tuple(told for told in explanations if told.kind in ("contradiction", "unsupported", "rounding"))[:MAX_LISTED],
        strains=strain_tables(model),
        untargeted=tuple(v.name for i, v in enumerate(variables) if i not in targeted and not v.kind.free),
        spreads=view_spreads(measurement.spreads)[:MAX_LISTED],
        units=view_units(examples, model.problem.schema),
        related=view_related(model, measurement.related, measurement.counted),
        dependencies=view_dependencies(model, pair_counts),
        rules=(*(_rule(rule, measurement) for rule in rules), *_of_members(rules, measurement)),
        dropped=model.dropped,
        unsupported=model.unsupported,
        rounds=model.rounds,
        version=__version__,
        random_seed=spec.random_seed if measurement.random_seed is None else measurement.random_seed,
        n_candidates=model.n_candidates,
        effective_sample_size=model.effective_sample_size,
        acceptance=model.acceptance,
    )


def _target(fit: CountFit, number: int, pull: Pull | None) -> TargetView:
    target = fit.target
    longest = max(float(target.wanted.max(initial=0)), float(fit.got.max(initial=0)), 1.0)
    return TargetView(
        anchor=f"target-{number + 1}",
        name=target.name,
        variables=" × ".join(variable.name for variable in target.variables),
        narrow=len(target.columns) < 2,
        kind=f"{fit.table}, {target.statistic.word}s",
        counts=True,
        decimals=0,
        n_cells=fit.got.size,
        tae=fit.tae,
        worst=None if fit.met else _cell(fit, fit.worst, longest),
        strain=None if pull is None else pull.strain,
        support=None if pull is None else pull.support,
        cells=() if fit.side_of_areas is not None else tuple(_cell(fit, cell, longest) for cell in _drawn(fit)),
        of_areas=fit.side_of_areas is not None,
    )


def _statistic(fit: StatisticFit, number: int) -> TargetView:
    target = fit.target
    values = np.abs(np.concatenate([target.wanted.ravel()[fit.given], fit.got[fit.given]]))
    longest = float(np.nan_to_num(values).max(initial=0.0)) or 1.0
    cells = tuple(_value(fit, int(cell), longest) for cell in _shown(fit))
    return TargetView(
        anchor=f"statistic-{number + 1}",
        name=target.name,
        variables=" × ".join(variable.name for variable in (*target.variables, *target.statistic.variables)),
        narrow=len(cells) <= ONE_WAY,
        kind=target.statistic.word,
        counts=False,
        decimals=max((fit.digits(int(cell)) for cell in fit.given), default=fit.decimals),
        n_cells=len(fit.given),
        tae=None,
        worst=None if fit.met else _value(fit, fit.worst, longest),
        strain=None,
        support=None,
        cells=cells,
    )


def _value(fit: StatisticFit, cell: int, longest: float) -> CellView:
    wanted, got = float(fit.target.wanted.ravel()[cell]), float(fit.got[cell])
    low, high = (float(side.ravel()[cell]) for side in (fit.target.lowest, fit.target.highest))
    return CellView(
        label=" · ".join(fit.target.labels(cell).values()) or "all records",
        wanted=wanted,
        got=got,
        off=float(fit.error[cell]),
        interval=None if fit.target.exact else (low, high),
        told=True,
        wanted_width=round(100 * abs(wanted) / longest, 1),
        got_width=round(100 * abs(np.nan_to_num(got)) / longest, 1),
    )


def _shown(fit: StatisticFit) -> CellIndex:
    """The values to draw: all, in the table's order; of many the ones furthest off, then the first."""
    if len(fit.given) <= MAX_CELLS:
        return fit.given
    return fit.given[np.argsort(-np.abs(fit.error[fit.given]), kind="stable")[:MAX_CELLS]]


def _drawn(fit: CountFit) -> list[int]:
    """The cells to draw: all, in the table's order; of a large table the ones furthest off, then the largest."""
    if fit.got.size <= MAX_CELLS:
        return list(range(fit.got.size))
    order = np.lexsort((-fit.target.wanted, -np.abs(fit.error)))
    return [int(cell) for cell in order[:MAX_CELLS]]


def _cell(fit: CountFit, cell: int, longest: float) -> CellView:
    wanted, got = float(fit.target.wanted[cell]), int(fit.got[cell])
    return CellView(
        label=" · ".join(fit.target.labels(cell).values()) or "all records",
        wanted=wanted,
        got=got,
        off=int(fit.error[cell]),
        interval=fit.interval(cell),
        told=not fit.target.hidden,
        wanted_width=round(100 * wanted / longest, 1),
        got_width=round(100 * got / longest, 1),
    )


def _rule(rule: Rule, measurement: Measurement) -> RuleView:
    return RuleView(text=rule.text, why=rule.why, source=rule.source, violations=measurement.violations.get(rule.text))


def _of_members(rules: Sequence[Rule], measurement: Measurement) -> Iterator[RuleView]:
    """What members are not as the spec says."""
    known = {rule.text for rule in rules}
    for text, count in measurement.violations.items():
        if text not in known:
            yield RuleView(text=text, why="what the spec says of members", source="spec", violations=count)
