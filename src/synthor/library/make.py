"""From a spec to a run, and from a folder to the run that was written there.

Whatever these need is imported when they are called, so that importing them costs next to nothing.
"""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from synthor.events import Event, Listener
    from synthor.library.run import Run
    from synthor.prior.model import Prior
    from synthor.spec.model import Spec


def _unheard(event: "Event") -> None:
    """Nobody listens."""


def synthesize(
    spec: "Spec | str | Path",
    *,
    prior: "str | Path | Prior | None" = None,
    answers: str | Path | None = None,
    hold_out: Sequence[str] = (),
    calibrated: bool = False,
    scenario: str | Path | None = None,
    wait: bool = False,
    on_event: "Listener" = _unheard,
    progress: bool | None = None,
) -> "Run":
    """From a spec to exactly N records that meet its targets.

    Args:
        spec: what is known, and where beliefs come from; or the file that says it.
        prior: beliefs, or a file of them, to use instead of asking.
        answers: file that a model's answers are added to, and taken from when they are there already; answers.jsonl unless
            given.
        hold_out: targets to predict first from the others and the beliefs; `["each"]` stands for every cross-table in turn.
        calibrated: let the targets held out (each, unless named) say how sure beliefs may be.
        scenario: file that says which targets are changed, in place of the spec's own; beliefs stay, and nothing is asked.
        wait: for the answers of a `batch:` folder, and for another process that asks for answers into the same folder,
            instead of stopping.
        on_event: told of progress.
        progress: show how far it has come, on standard error or below a notebook's cell; without it, in a terminal or a
            notebook where nothing else listens.

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
    from synthor.events import ignore
    from synthor.files import named
    from synthor.holdout import EACH, synthesize_after
    from synthor.library.run import Run
    from synthor.loop import ANSWERS
    from synthor.loop import synthesize as made_by_the_loop
    from synthor.prior.model import Prior
    from synthor.report.progress import watched
    from synthor.scenario import applied
    from synthor.spec.load import load_spec

    _check_kinds(spec, prior, hold_out)
    kept = ANSWERS if answers is None else named(answers, where="answers", what="a file, such as answers.jsonl")
    if prior is not None and not isinstance(prior, Prior):
        prior = named(prior, where="prior", what="a file of beliefs, such as prior.json")
    spec = applied(load_spec(spec) if isinstance(spec, str | Path) else spec, scenario, prior=prior)
    names = () if not hold_out and not calibrated else tuple(hold_out) or (EACH,)
    plan = ("holdout", "elicit", "fit", "sample") if names else ("elicit", "fit", "sample")
    with watched(plan, ignore if on_event is _unheard else on_event, progress) as listen:
        if names:
            made = synthesize_after(spec, names, calibrated=calibrated, prior=prior, answers=kept, wait=wait, on_event=listen)
        else:
            made = made_by_the_loop(spec, prior=prior, answers=kept, wait=wait, on_event=listen)
    return Run(made, spec=spec, prior=prior)


def _check_kinds(spec: object, prior: object, hold_out: object) -> None:
    """What is handed over is of a kind that can be used.

    Raises:
        InputError: it is not.
    """
    from synthor.errors import Finding, InputError
    from synthor.prior.model import Prior
    from synthor.spec.model import Spec

    found = []
    if not isinstance(spec, Spec | str | Path):
        cure = "name a file, or make one with Spec(...), parse_spec(text) or draft_spec(tables)"
        found.append(Finding(where="spec", message=f"is no spec but of type {type(spec).__name__}", cure=cure))
    if not isinstance(prior, Prior | str | Path | None):
        cure = "name a file, or make them with Prior(...)"
        found.append(Finding(where="prior", message=f"is no beliefs but of type {type(prior).__name__}", cure=cure))
    if isinstance(hold_out, str):
        found.append(Finding(where="hold_out", message="is one text", cure=f"give a list of targets: [{hold_out!r}]"))
    elif not isinstance(hold_out, Iterable):
        message = f"is no list but of type {type(hold_out).__name__}"
        found.append(Finding(where="hold_out", message=message, cure="give a list of targets: ['each']"))
    if found:
        raise InputError(found)


def open_folder(folder: str | Path) -> "Run":
    """A run that was written before, by `Run.write` or the command line; its files are read as far as they are looked at.

    Args:
        folder: that holds it.

    Raises:
        InputError: there is no such folder, or no model in it.
    """
    from synthor.disk.lock import heal
    from synthor.files import named
    from synthor.library.run import Run
    from synthor.library.stored import Stored
    from synthor.store.folder import existing

    place = existing(named(folder, where="folder", what="the folder of a run"))
    heal(place.path)
    return Run(Stored(place), folder=place.path)
