"""Evidence without microdata: published tables are left out, each in turn, and predicted from the others and the beliefs."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from synthor.errors import Finding, InputError, nearest
from synthor.evaluate.believed import believed_of, speaks_of
from synthor.evaluate.calibrate import Calibration, ComparedTables, calibrate
from synthor.evaluate.holdout import AS_STATED, HeldOut, HoldOuts, PublishedShares
from synthor.events import Event, Listener, forward, ignore, in_parts
from synthor.fit.determined import Determined, determined
from synthor.fit.model import Model, fit_what_can_be, refuse_zones
from synthor.fit.status import Status
from synthor.llm.budget import Bill
from synthor.loop import ANSWERS, fit_problem
from synthor.prior.confidence import strengthened
from synthor.prior.elicit import asks, elicit, sources
from synthor.prior.model import Dropped, Prior
from synthor.prior.survey import with_survey
from synthor.problem import Problem, Target, apart, compile_problem, holding, leave_out, touching
from synthor.problem.demand import EDGE
from synthor.rounds import Round
from synthor.run import Population, draw, timed
from synthor.spec.model import Spec

EACH = "each"
"""Stands for every cross-table."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Held:
    """What holding out showed, and what the run goes on with.

    Attributes:
        outs: every table that was left out, as published and as predicted.
        prior: the beliefs; their confidences calibrated where that was asked for.
        dropped: beliefs that could not be used.
        rounds: of asking a model, without the tables.
        out_of_budget: whether the budget ended before everything was asked.
        seconds: wall-clock time of each stage.
        bill: what asking cost.
    """

    outs: HoldOuts
    prior: Prior
    dropped: tuple[Dropped, ...] = ()
    rounds: tuple[Round, ...] = ()
    out_of_budget: bool = False
    seconds: Mapping[str, float] = field(default_factory=dict)
    bill: Bill = field(default_factory=Bill)


def hold_out(
    spec: Spec,
    names: Sequence[str] = (EACH,),
    *,
    calibrated: bool = False,
    prior: str | Path | Prior | None = None,
    answers: str | Path = ANSWERS,
    wait: bool = False,
    on_event: Listener = ignore,
) -> Held:
    r"""Predict published tables, each in turn, from all other targets and the beliefs.

    Of a cross-table the dependence is left out: its one-way marginals stay known. A model is asked once, and is shown none of
    the tables that are named; beliefs that are given are taken as they are. Of units with members each table is left out in
    turn, too, whichever rows it counts.

    Args:
        spec: what is known, and where beliefs come from.
        names: of targets; `each` stands for every cross-table.
        calibrated: let the tables that were left out calibrate the confidence of the beliefs about their pairs.
        prior: beliefs, or a file of them, to use instead of asking.
        answers: file of a model's answers.
        wait: for the answers of a batch folder.
        on_event: told of progress.

    Raises:
        InputError: the spec cannot be used, no target has a name, it is nothing that can be predicted, or nothing is believed
            of what should calibrate.

    >>> from synthor import parse_spec
    >>> from synthor.spec.targets import TargetSpec
    >>> table = [("no", "owned", 1), ("no", "rented", 4), ("yes", "owned", 4), ("yes", "rented", 1)]
    >>> spec = parse_spec("records: 10\nvariables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented]}}")
    >>> rows = [{"car": car, "tenure": tenure, "count": count} for car, tenure, count in table]
    >>> spec = spec.model_copy(update={"targets": [TargetSpec(name="both", table=rows)]})
    >>> believed = Prior(dependencies=[{"given": "car", "of": "tenure", "rows": [[25, 75], [75, 25]]}])
    >>> hold_out(spec, prior=believed).outs.verdict
    "The cross-table left out was predicted at 17% of independence's distance (mean TVD 0.052; independence 0.300)."
    """
    problem = compile_problem(spec)
    refuse_zones(problem)
    targets = _named(problem, names)
    if asks(spec, prior) and spec.method != "calibrated":
        cure = "write `method: calibrated`, or give beliefs with --prior"
        message = f"`method: {spec.method}` takes a model's records as they are, so no table can be left out of a fit"
        raise InputError([Finding(where="hold-out", message=message, cure=cure)])
    held = _believing(spec, problem, [target.name for target in targets], prior, answers, wait, on_event)
    pairs = [pair for target in targets for pair in believed_of(problem, target, held.prior)] if calibrated else []
    calibration = _calibration(pairs) if calibrated else None
    seconds = dict(held.seconds)
    with timed("holdout", seconds):
        outs = replace(held.outs, tables=_each(problem, targets, held.prior, on_event), calibration=calibration)
        if len(problem.schema.levels) > 1:
            outs = replace(outs, independence=AS_STATED)
    if calibration is None:
        return replace(held, outs=outs, seconds=seconds)
    believed = strengthened(held.prior, calibration.factor, calibration.sentence)
    return replace(held, outs=outs, seconds=seconds, prior=believed)


def synthesize_after(
    spec: Spec,
    names: Sequence[str] = (EACH,),
    *,
    calibrated: bool = False,
    prior: str | Path | Prior | None = None,
    answers: str | Path = ANSWERS,
    wait: bool = False,
    on_event: Listener = ignore,
) -> Population:
    """Hold out, then make the records with all targets and the same beliefs; arguments and errors as of `hold_out`."""
    held = hold_out(spec, names, calibrated=calibrated, prior=prior, answers=answers, wait=wait, on_event=on_event)
    on_event(Event(stage="elicit", done=1, total=1, product=held.prior))
    seconds = dict(held.seconds)
    with timed("fit", seconds):
        advance = in_parts(forward("fit", on_event))
        fitted = fit_what_can_be(compile_problem(spec), held.prior, dropped=held.dropped, advance=advance)
    cut_short = held.out_of_budget and fitted.status is Status.CONVERGED
    model = fitted.recorded(rounds=held.rounds, status=Status.OUT_OF_BUDGET if cut_short else None)
    on_event(Event(stage="fit", done=1, total=1, product=model))
    run = draw(model, on_event=on_event)
    inputs = sources(spec, prior)
    return replace(run, inputs=inputs, seconds={**seconds, **run.seconds}, bill=held.bill, held_out=held.outs)


def _named(problem: Problem, names: Sequence[str]) -> list[Target]:
    """The targets to leave out, in the spec's order."""
    every = {target.name: target for target in problem.targets}
    findings = []
    for name in dict.fromkeys(map(str, names)):
        found = every.get(name)
        if found is None and name != EACH:
            cure = nearest(name, [*every, EACH])
            findings.append(Finding(where="hold-out", message=f"no target is called '{name}'", cure=cure))
        elif found is not None and found.counts and not found.axes:
            message = f"'{name}' is a single number, of which no distribution can be predicted"
            findings.append(Finding(where="hold-out", message=message, cure="leave out a table of counts or shares"))
        elif found is not None and not found.counts and found.statistic.groups is None:
            message = f"'{name}' is a {found.statistic.word}: one number a cell, of which no distribution can be predicted"
            findings.append(Finding(where="hold-out", message=message, cure="leave out a table of counts or shares"))
    crossed = [name for name, target in every.items() if _is_crossed(target)]
    if EACH in names and EACH not in every and not crossed:
        message = "no target is a cross-table, so none can be left out in turn"
        cure = "add a cross-table to the spec, or name a one-way table to predict"
        findings.append(Finding(where="hold-out", message=message, cure=cure))
    if findings:
        raise InputError(findings)
    wanted = {*names, *(crossed if EACH in names and EACH not in every else ())}
    return [target for name, target in every.items() if name in wanted]


def _is_crossed(target: Target) -> bool:
    """Whether it is a cross-table of its own, not the totals of another."""
    return target.counts and len(target.axes) > 1 and not target.totals_of


def _believing(
    spec: Spec,
    problem: Problem,
    names: Sequence[str],
    prior: str | Path | Prior | None,
    answers: str | Path,
    wait: bool,
    on_event: Listener,
) -> Held:
    """What is believed by somebody who is shown none of the tables; nothing is predicted yet."""
    blind = leave_out(problem, names).problem
    if not asks(spec, prior):
        believed, dropped = elicit(spec, prior)
        about = (
            "No beliefs were used: only the other targets predict."
            if believed.empty and spec.sample is None
            else "The beliefs were given: whether whoever made them had seen these tables is not known."
        )
        outs = HoldOuts(tables=(), beliefs=about)
        return Held(outs=outs, prior=with_survey(believed, blind, spec), dropped=dropped)

    def listen(event: Event) -> None:  # a model without these tables is not what the run is about, and is not kept
        on_event(replace(event, product=None) if isinstance(event.product, Model) else event)

    fitted = fit_problem(blind, spec, answers=answers, wait=wait, on_event=listen)
    model = fitted.model
    outs = HoldOuts(tables=(), beliefs="The model was asked without being shown any of these tables.")
    lost = tuple(entry for entry in model.dropped if entry not in model.beliefs.dropped)  # the others are found again
    return Held(
        outs=outs,
        prior=model.prior,
        dropped=lost,
        rounds=model.rounds,
        out_of_budget=model.status is Status.OUT_OF_BUDGET,
        seconds=fitted.seconds,
        bill=fitted.bill,
    )


def _each(problem: Problem, targets: Sequence[Target], prior: Prior, on_event: Listener) -> tuple[HeldOut, ...]:
    """Each table, left out and predicted.

    Each fit draws candidates of its own: those of another would tell what was left out, as they are drawn where its cells are.
    """
    steps = len(targets)
    on_event(Event(stage="holdout", done=0, total=steps))
    independent = None
    if len(problem.schema.levels) > 1 and any(len(set(target.seen)) > 1 for target in targets):
        independent = fit_what_can_be(apart(problem), Prior())
    tables = []
    for done, target in enumerate(targets, start=1):
        tables.append(_predicted(problem, target, prior, independent))
        on_event(Event(stage="holdout", done=done, total=steps))
    return tuple(tables)


def _predicted(problem: Problem, target: Target, prior: Prior, independent: Model | None) -> HeldOut:
    """One table, left out and predicted.

    Args:
        problem: all targets.
        target: the table.
        prior: what is believed.
        independent: of units with members, what they are as if every variable had been published alone.
    """
    left = leave_out(problem, [target.name])
    model = fit_what_can_be(left.problem, prior)
    units, weights = model.pool.units, model.weights
    published = PublishedShares.of(target, problem.schema, units, weights)
    alone = model if prior.empty else fit_what_can_be(left.problem, Prior())
    follows = determined(problem, target, alone, left.kept) if len(problem.schema.levels) > 1 else Determined()
    of_independence = published.distance_of_independence
    if independent is not None and len(set(target.seen)) > 1:
        of_independence = published.distance(independent.pool.units, independent.weights)
    held = HeldOut(
        name=target.name,
        variables=tuple(dict.fromkeys(variable.name for variable in (*target.variables, *target.statistic.variables))),
        n_cells=len(published.shares),
        tvd=published.distance(units, weights),
        tvd_of_independence=of_independence,
        tvd_of_targets=published.distance(alone.pool.units, alone.weights),
        floor=published.floor,
        worst=published.worst(units, weights),
        believed=any(speaks_of(table, target) for table in model.beliefs.tables),
        kept=left.kept,
        told_by=tuple(dict.fromkeys((*holding(problem, target), *follows.names))),
        status=model.status.value,
    )
    notes = (*_of_leaving_out(target, left.kept), *_of_others(problem, target, follows), *_of_table(target, model))
    return replace(held, notes=notes)


def _of_leaving_out(target: Target, kept: Sequence[str]) -> Iterator[str]:
    """What stays known of it."""
    if kept and len(target.axes) < 2:
        yield f"'{target.name}' was left out, but for how many it counts."
    elif kept:
        yield f"'{target.name}' was left out, but for what it says of one variable alone: {', '.join(kept)}."


def _of_others(problem: Problem, target: Target, follows: Determined) -> Iterator[str]:
    """What other targets say of it."""
    told_by, touched = holding(problem, target), touching(problem, target)
    same = ", ".join(f"'{name}'" for name in follows.names if name not in told_by)
    if told_by:
        names = ", ".join(f"'{name}'" for name in told_by)
        yield f"'{target.name}' is no test: {names} gives the same variables together; strike that from the spec to test this."
    elif follows.together:
        yield f"'{target.name}' is no test: it follows from {same} together; strike one of these from the spec to test this."
    elif same:
        yield f"'{target.name}' is no test: {same} says the same of other rows; strike that from the spec to test this."
    elif not follows.looked:
        yield f"Whether '{target.name}' follows from other targets was not looked at: they have too many cells."
    elif follows.n_cells:
        cells = "1 cell" if follows.n_cells == 1 else f"{follows.n_cells} cells"
        yield f"{cells} of '{target.name}' follow from other targets, and are no test."
    if touched:
        names = ", ".join(f"'{name}'" for name in touched)
        yield f"{names}, about the same variables, tells a part of '{target.name}'."


def _of_table(target: Target, model: Model) -> Iterator[str]:
    """What a reader must know of the table itself, and of the fit without it."""
    if target.counts and target.hidden:
        n_hidden = int((target.highest - target.lowest > EDGE).sum())
        cells = "1 cell" if n_hidden == 1 else f"{n_hidden} cells"
        yield f"{cells} of '{target.name}' are not told, and compared with a guess inside what they may hold."
    if not target.counts:
        yield f"'{target.name}' gives shares inside cells: its cells are taken to be as large as predicted."
    elif target.grid.listed is not None and not target.grid.closed:
        yield f"'{target.name}' lists only some cells, so its sides are not known and left out with it."
    if model.status is not Status.CONVERGED:
        yield f"Without '{target.name}': {model.status.sentence}"


def _calibration(pairs: Sequence[ComparedTables]) -> Calibration:
    if pairs:
        return calibrate(pairs)
    message = "no pair of the tables that are left out has a dependency table with a confidence, so nothing can be calibrated"
    cure = "leave out a table of all records about a pair that is believed something of, or run without --calibrate-confidence"
    raise InputError([Finding(where="calibrate-confidence", message=message, cure=cure)])
