"""The algorithm on one page: from a spec to records that are measured."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from synthor.disk.lock import locked
from synthor.errors import Finding, InputError
from synthor.events import Event, Listener, forward, ignore, in_parts, telling
from synthor.fit.model import Model, fit_what_can_be, refuse_empty
from synthor.fit.status import Status
from synthor.llm.ask import Asker
from synthor.llm.budget import Bill
from synthor.llm.request import Request
from synthor.method.calibrated import Calibrated
from synthor.method.direct import Direct
from synthor.method.estimate import unasked
from synthor.method.incremental import Incremental
from synthor.method.state import Method, State
from synthor.prior.beliefs import resolve
from synthor.prior.elicit import asker_of, asks, elicit, sources
from synthor.prior.model import Prior
from synthor.prior.survey import check_survey, refuse_survey, with_survey
from synthor.problem import Problem, check, compile_problem
from synthor.run import Population, draw, timed
from synthor.spec.model import Spec

METHODS: dict[str, Method] = {"calibrated": Calibrated(), "incremental": Incremental(), "direct": Direct()}

ANSWERS = Path("answers.jsonl")
"""Where a model's answers are kept unless told otherwise."""


@dataclass(frozen=True, kw_only=True, eq=False)
class Fitted:
    """A fitted model and how it came about.

    Attributes:
        model: beliefs pulled onto targets.
        inputs: files that were read, by what they are called.
        seconds: wall-clock time of each stage.
        bill: what asking cost.
    """

    model: Model
    inputs: Mapping[str, Path]
    seconds: Mapping[str, float] = field(default_factory=dict)
    bill: Bill = field(default_factory=Bill)


def synthesize(
    spec: Spec,
    *,
    prior: str | Path | Prior | None = None,
    answers: str | Path = ANSWERS,
    wait: bool = False,
    on_event: Listener = ignore,
) -> Population:
    """From a spec to exactly N records that meet its targets.

    Args:
        spec: what is known, and where beliefs come from.
        prior: beliefs, or a file of them, to use instead of asking.
        answers: file that a model's answers are added to, and taken from when they are there already.
        wait: for the answers of a `batch:` folder, and for another process that asks for answers into the same folder,
            instead of stopping.
        on_event: told of progress; progress bars and the run folder listen here.

    Raises:
        InputError: the spec, a table or the beliefs cannot be used; lists every problem found.
        ModelError: the model cannot be asked; what was answered is kept.
        WaitingError: requests were written and wait for their answers.

    >>> from synthor import parse_spec
    >>> run = synthesize(parse_spec('''
    ... records: 10
    ... variables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented]}}
    ... targets: [{counts: {car: {yes: 6, no: 4}}}, {counts: {tenure: {owned: 5, rented: 5}}}]
    ... '''))
    >>> run.verdict
    'Met: 10 records add up to all 2 targets exactly (4 cells).'
    """
    fitted = fit_spec(spec, prior=prior, answers=answers, wait=wait, on_event=on_event)
    # 7. Whole records from the fitted model; measured as they are written or looked at.
    run = draw(fitted.model, on_event=on_event)
    return replace(run, inputs=fitted.inputs, seconds={**fitted.seconds, **run.seconds}, bill=fitted.bill)


def fit_spec(
    spec: Spec,
    *,
    prior: str | Path | Prior | None = None,
    answers: str | Path = ANSWERS,
    wait: bool = False,
    on_event: Listener = ignore,
) -> Fitted:
    """The first half of `synthesize`: a fitted model."""
    # 1. What is known.
    return fit_problem(compile_problem(spec).region, spec, prior=prior, answers=answers, wait=wait, on_event=on_event)


def fit_problem(
    problem: Problem,
    spec: Spec,
    *,
    prior: str | Path | Prior | None = None,
    answers: str | Path = ANSWERS,
    wait: bool = False,
    on_event: Listener = ignore,
) -> Fitted:
    """As `fit_spec`, for a problem that was compiled from the spec, perhaps without some of its targets."""
    with _alone(spec, prior, Path(answers), wait=wait, on_event=on_event):
        return _fitted(problem, spec, prior=prior, answers=Path(answers), wait=wait, on_event=on_event)


def _fitted(
    problem: Problem, spec: Spec, *, prior: str | Path | Prior | None, answers: Path, wait: bool, on_event: Listener
) -> Fitted:
    seconds: dict[str, float] = {}
    # 2. Whom to ask, if anybody: a model that cannot be asked ends the run here.
    asker = asker_of(spec, prior, answers, wait=wait)
    if asker is None:
        with timed("elicit", seconds):
            believed, dropped = elicit(spec, prior)
            believed = with_survey(believed, problem, spec)
            on_event(Event(stage="elicit", done=1, total=1, product=believed))
        with timed("fit", seconds):
            model = fit_what_can_be(problem, believed, dropped=dropped, advance=in_parts(forward("fit", on_event)))
        on_event(Event(stage="fit", done=1, total=1, product=model))
        return Fitted(model=model, inputs=sources(spec, prior), seconds=seconds)
    refuse_empty(problem)
    refuse_survey(problem, spec)
    _tell(asker, on_event)
    method = METHODS[spec.method]
    state = method.begin(problem)
    while True:
        # 3. Ask what this round asks, answer by answer; what came back unusable is asked once more.
        with timed("elicit", seconds):
            state = _round(method, state, asker, on_event)
            state = replace(state, prior=with_survey(state.prior, problem, spec))
            on_event(Event(stage="elicit", done=1, total=1, product=state.prior))
        # 4. Pull the beliefs onto what is known.
        is_open = bool(state.questions)
        with timed("fit", seconds):
            state = method.settle(state, in_parts(forward("fit", on_event))).passed(asker.can_answer)
        # 5. See how things stand, and what the next round should ask.
        for made in state.rounds[1:][-1:]:
            on_event(Event(stage="round", done=made.number, total=made.number, product=made))
        # 6. Until nothing is left to ask, or the budget ends.
        if not state.questions or asker.stopped:
            break
    model = _concluded(state, stopped=bool(asker.stopped) and (is_open or bool(state.questions)))
    on_event(Event(stage="fit", done=1, total=1, product=model))
    return Fitted(model=model, inputs=sources(spec, prior), seconds=seconds, bill=asker.bill)


def believe(
    spec: Spec, *, answers: str | Path = ANSWERS, wait: bool = False, on_event: Listener = ignore
) -> tuple[State, Asker]:
    """The first round of asking alone: what a model believes, for a person to review.

    Raises:
        InputError: the spec cannot be used, or it names no model.
        ModelError: the model cannot be asked.
        WaitingError: requests wait for their answers.
    """
    problem = compile_problem(spec).region
    refuse_empty(problem)
    with _alone(spec, None, Path(answers), wait=wait, on_event=on_event):
        asker = asker_of(spec, None, Path(answers), wait=wait)
        if asker is None:
            cure = "name a model that can be asked, `model: {name: ...}`, and neither `prior:` nor a recording"
            message = f"there is nobody to ask: {unasked(spec)}"
            raise InputError([Finding(where=str(spec.file or "spec"), message=message, cure=cure)])
        refuse_survey(problem, spec)
        _tell(asker, on_event)
        method = METHODS[spec.method]
        state = _round(method, method.begin(problem), asker, on_event)
    on_event(Event(stage="elicit", done=1, total=1, product=state.prior))
    return state, asker


def expected_requests(spec: Spec) -> tuple[Request, ...]:
    """What a run would ask when no answer has to be asked for again, without asking: for estimates."""
    method = METHODS[spec.method]
    problem = compile_problem(spec).region
    refuse_empty(problem)
    state = method.begin(problem)
    return (*(question.request for question in state.questions), *method.follow_up(state))


@contextmanager
def _alone(spec: Spec, prior: str | Path | Prior | None, answers: Path, *, wait: bool, on_event: Listener) -> Iterator[None]:
    """Keep others from asking into the same file of answers, so that no question is paid for twice."""
    if spec.model is None or spec.model.name.startswith("replay:") or not asks(spec, prior):
        yield
        return
    with locked(answers.parent, wait=wait, tell=telling("elicit", on_event)):
        yield


def _round(method: Method, state: State, asker: Asker, on_event: Listener) -> State:
    state = state.passed(asker.can_answer)
    while state.questions and not asker.stopped:
        requests = [question.request for question in state.questions]
        answers = asker.ask(requests, forward("elicit", on_event))
        _tell(asker, on_event)
        state = method.step(state, answers).passed(asker.can_answer)
    about = f"answers of {asker.source.name}"
    return replace(state, prior=state.prior.model_copy(update={"about": about}))


def _tell(asker: Asker, on_event: Listener) -> None:
    tell = telling("elicit", on_event)
    for finding in asker.untold():
        tell(str(finding))


def _concluded(state: State, *, stopped: bool) -> Model:
    """The last round's model; when the budget ended before everything was asked, it says so."""
    if state.model is None:
        raise AssertionError("a round ends with a model")
    if not stopped or state.model.status is not Status.CONVERGED:
        return state.model
    return state.model.recorded(status=Status.OUT_OF_BUDGET)


def check_all(spec: Spec, prior: str | Path | None = None) -> list[Finding]:
    """Every problem of a spec, its tables and its beliefs; beliefs that cannot be used are warnings."""
    findings = check(spec)
    usable = not any(finding.severity == "error" for finding in findings)
    findings = findings + check_survey(compile_problem(spec).region if usable else None, spec)
    several = prior is None and len(spec.priors) > 1
    for file in [spec.folder / name for name in spec.priors] if several else [prior]:
        where = str(file or next(iter(spec.priors), "prior"))
        try:
            believed, dropped = elicit(spec, file)
        except InputError as error:
            findings = findings + list(error.findings)
            continue
        entries = dropped + resolve(believed, compile_problem(spec).region).dropped if usable else dropped
        findings = findings + [
            Finding(where=where, message=f"{entry.belief}: {entry.reason}", cure=f"it is {entry.action}", severity="warning")
            for entry in entries
        ]
    return findings
