"""Draws made and kept: one run folder each, beside the run that they belong to."""

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from synthor.draws.perturb import perturb
from synthor.errors import Finding, InputError
from synthor.evaluate.calibrate import Calibration
from synthor.events import Event, Listener, ignore, telling
from synthor.fit.model import Model, fit_what_can_be
from synthor.prior.confidence import strengthened
from synthor.prior.elicit import recordings
from synthor.prior.model import Prior
from synthor.prior.survey import with_survey
from synthor.randomness import generator
from synthor.run import Population, draw
from synthor.spec.model import Spec
from synthor.store.folder import RunFolder
from synthor.store.packed import Format

DRAWS = "draws"
"""Folder of the draws inside that of their run."""

MARK = "draw.json"
"""What a draw was made from; written last, so that a draw with it is a finished one."""

FORMAT = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One draw that was made.

    Attributes:
        number: from 1.
        met: whether it meets the targets.
        verdict: in words.
        recording: which recording of the beliefs it was made from, from 1.
        kept: whether an earlier run had made it already.
    """

    number: int
    met: bool
    verdict: str
    recording: int
    kept: bool = False


class Usual(Protocol):
    """A run whose draws are made."""

    @property
    def model(self) -> Model:
        """The usual fit."""

    @property
    def inputs(self) -> Mapping[str, Path]:
        """Files that were read for it."""


def check_drawable(spec: Spec) -> None:
    """Make sure that draws can be made of what a spec asks for, before anything is spent.

    Raises:
        InputError: its method takes a model at its word, so there is no confidence to perturb beliefs by; or it has zones.
    """
    if spec.method != "calibrated":
        message = f"'{spec.method}' takes a model at its word, so there is nothing that draws could perturb"
        raise InputError([Finding(where="method", message=message, cure="use method: calibrated, or leave --draws out")])
    if spec.zones is not None:
        message = "draws of records in zones are not made yet"
        raise InputError([Finding(where="zones", message=message, cure="leave --draws out, or leave zones out")])


def recordings_of(
    model: Model, spec: Spec, prior: str | Path | None, calibration: Calibration | None = None
) -> tuple[Prior, ...]:
    """What draws are made from: every recording that the spec names, or else what the run believed.

    Args:
        model: of the run.
        spec: may name several recordings.
        prior: beliefs, or a file of them, to use instead.
        calibration: of the run's confidences, which is that of all recordings.

    Raises:
        InputError: a file cannot be read.
    """
    found = recordings(spec, prior)
    if len(found) < 2:
        return (model.prior,)
    if calibration is not None:
        found = tuple(strengthened(said, calibration.factor, calibration.sentence) for said in found)
    return tuple(with_survey(recording, model.problem, spec) for recording in found)


def population(like: Model, said: Sequence[Prior], number: int) -> Population:
    """One plausible population: beliefs of one recording, perturbed by their confidence, fitted and made whole.

    Args:
        like: the usual fit, whose candidates are weighed for other beliefs as long as enough of them count.
        said: recordings of beliefs, used in turn.
        number: of the draw, from 1; the same number gives the same population.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec("{records: 9, variables: {car: {type: boolean}}}"))
    >>> population(fit_what_can_be(problem, Prior()), [Prior()], 1).records.height
    9
    """
    problem = like.problem
    model = fit_what_can_be(problem, perturb(said[(number - 1) % len(said)], problem, number), like=like)
    seed = int(generator(problem.spec.random_seed, "draw", number, "records").integers(2**63))
    return draw(model, random_seed=seed)


def make_draws(
    run: Usual,
    said: Sequence[Prior],
    folder: RunFolder,
    n_draws: int,
    *,
    format: Format = "parquet",
    wait: bool = False,
    on_event: Listener = ignore,
) -> tuple[Draw, ...]:
    """Write draws into their folders; those that an earlier run finished are kept as they are.

    Args:
        run: the usual one, whose draws they are.
        said: recordings of beliefs, from `recordings_of`.
        folder: of the run.
        n_draws: how many in all.
        format: of the records.
        wait: for another command that is writing into one of the folders, instead of refusing.
        on_event: told of progress, and whom is waited for.

    Raises:
        InputError: a folder holds files that this would overwrite and that no run wrote, or another command writes into it.
        OutputError: the disk is full.
    """
    of_model = _sha(run.model.to_json())
    made = []
    for number in range(1, n_draws + 1):
        on_event(Event(stage="draws", done=number - 1, total=n_draws))
        place = folder.inner(DRAWS, f"{number:03}")
        recording = (number - 1) % len(said)
        key = {"format": FORMAT, "number": number, "model": of_model, "recording": _sha(said[recording].to_json())}
        with place.locked(wait=wait, tell=telling("draws", on_event)):
            mark = _mark(place)
            if _finished(place, run.model.problem.schema.unit.name, format) and {name: mark.get(name) for name in key} == key:
                made.append(Draw(number=number, met=mark["met"], verdict=mark["verdict"], recording=recording + 1, kept=True))
                continue
            drawn = replace(population(run.model, said, number), inputs=run.inputs)
            measurement = drawn.write(place.path, format=format)
            told: dict[str, Any] = {"met": measurement.met, "verdict": measurement.verdict}
            place.save(MARK, json.dumps(key | told, ensure_ascii=False, indent=1) + "\n")
        made.append(Draw(number=number, met=measurement.met, verdict=measurement.verdict, recording=recording + 1))
    on_event(Event(stage="draws", done=n_draws, total=n_draws))
    return tuple(made)


def finished_draws(folder: RunFolder, unit: str) -> Iterator[RunFolder]:
    """Every finished draw of a run; draws of another model are passed over.

    Args:
        folder: of the run.
        unit: name of the units' level.
    """
    of_model = _sha(folder.read("model.json"))
    for place in folder.inside(DRAWS):
        if _mark(place).get("model") == of_model and any(_finished(place, unit, format) for format in ("parquet", "csv")):
            yield place


def _finished(place: RunFolder, unit: str, format: str) -> bool:
    return (place.path / MARK).is_file() and (place.path / f"{unit}.{format}").is_file()


def _mark(place: RunFolder) -> Mapping[str, Any]:
    """What a finished draw says of itself; nothing where there is none."""
    if not (place.path / MARK).is_file():
        return {}
    try:
        found = json.loads(place.read(MARK))
    except (InputError, ValueError, RecursionError):
        return {}
    whole = isinstance(found, dict) and isinstance(found.get("met"), bool) and isinstance(found.get("verdict"), str)
    return found if whole else {}


def _sha(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
