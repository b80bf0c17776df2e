"""The algorithm on one page: from a spec to records that are measured."""

import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from synthor.engine.local import in_order
from synthor.errors import Finding, InputError
from synthor.fit.model import Model, fit
from synthor.measure import Measurement, Tally, measure
from synthor.prior.beliefs import resolve
from synthor.prior.elicit import elicit, sources
from synthor.prior.model import Prior
from synthor.problem import check, compile_problem
from synthor.report.page import render
from synthor.sample.stream import Sample, sample
from synthor.spec.model import Spec
from synthor.spec.tables import read_frame
from synthor.store.folder import Format, RunFolder
from synthor.store.manifest import manifest_json


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened: a stage began (`done` 0), went on, or ended (`done` = `total`), perhaps with a product.

    Attributes:
        stage: elicit, fit, sample or write.
        done: steps done.
        total: steps in all.
        product: what the stage made, when it ends.
    """

    stage: str
    done: int
    total: int
    product: Prior | Model | Sample | None = None


SHOWN = 5
"""Beliefs that could not be used and are told one by one."""

Listener = Callable[[Event], None]


@dataclass(frozen=True, kw_only=True, eq=False)
class Run:
    """A population, ready to be used or written.

    Attributes:
        model: the fitted model.
        sample: the whole-numbered population drawn from it.
        inputs: files that were read, by what they are called.
        seconds: wall-clock time of each stage.
    """

    model: Model
    sample: Sample
    inputs: Mapping[str, Path] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)

    @cached_property
    def records(self) -> pl.DataFrame:
        """All records of level 0."""
        name = self.sample.problem.levels[0].name
        return pl.concat([chunk[name] for chunk in self.sample.chunks()])

    @cached_property
    def measurement(self) -> Measurement:
        """Every target cell, wanted and got."""
        tally = Tally(self.sample.problem)
        for chunk in self.sample.chunks():
            tally.add(chunk)
        return _measurement(self.model, tally, self.sample.random_seed)

    @property
    def verdict(self) -> str:
        """One sentence: are the targets met?"""
        return self.measurement.verdict

    def write(self, folder: str | Path, *, format: Format = "parquet", on_event: Listener = lambda event: None) -> Measurement:
        """Write the run folder: prior, model, records, measurement, report, manifest.

        Records are made, counted and written chunk by chunk.

        Args:
            folder: made if it is not there. Files of an earlier run in it are replaced.
            format: of the records, parquet or csv.
            on_event: told of progress.

        Raises:
            InputError: the folder holds files that this would overwrite and that no run wrote.
            OutputError: the disk is full or the folder cannot be written.
        """
        place = RunFolder(folder)
        place.claim(self.inputs.values())
        tally = Tally(self.sample.problem, [table.columns for table in self.model.beliefs.tables])
        with _timed("write", self.seconds):
            place.save("prior.json", self.model.prior.to_json())
            place.save_model(self.model.to_json())
            names = [level.name for level in self.sample.problem.levels]
            n_chunks = self.sample.n_chunks
            with place.writing(names, format) as write, closing(in_order(self.sample.chunk, n_chunks)) as chunks:
                for done, chunk in enumerate(chunks, start=1):
                    tally.add(chunk)
                    write(chunk)
                    on_event(Event(stage="write", done=done, total=n_chunks))
            measurement = _measurement(self.model, tally, self.sample.random_seed)
            self.__dict__["measurement"] = measurement
            place.save("measurement.json", measurement.to_json())
            place.save("report.html", render(self.model, measurement, tally.pair_counts))
        write_manifest(place, self.model, measurement.n_records, self.sample.random_seed, self.inputs, self.seconds)
        return measurement


def synthesize(spec: Spec, *, prior: str | Path | Prior | None = None, on_event: Listener = lambda event: None) -> Run:
    """From a spec to exactly N records that meet its targets.

    Args:
        spec: what is known, and where beliefs come from.
        prior: beliefs, or a file of them, to use instead of those that the spec names.
        on_event: told of progress; progress bars and the run folder listen here.

    Raises:
        InputError: the spec, a table or the beliefs cannot be used; lists every problem found.

    >>> from synthor import parse_spec
    >>> run = synthesize(parse_spec('''
    ... records: 10
    ... variables: {car: {type: boolean}, tenure: {type: category, values: [owned, rented]}}
    ... targets: [{counts: {car: {yes: 6, no: 4}}}, {counts: {tenure: {owned: 5, rented: 5}}}]
    ... '''))
    >>> run.verdict
    'Met: 10 records add up to all 2 targets exactly (4 cells).'
    """
    # 1. What is known, and what is believed.
    # 2. The belief pulled onto what is known.
    model, inputs, seconds = fit_spec(spec, prior=prior, on_event=on_event)
    # 3. Whole records from the fitted model; measured as they are written or looked at.
    run = draw(model, on_event=on_event)
    return replace(run, inputs=inputs, seconds=seconds | run.seconds)


def fit_spec(
    spec: Spec, *, prior: str | Path | Prior | None = None, on_event: Listener = lambda event: None
) -> tuple[Model, dict[str, Path], dict[str, float]]:
    """The first half of `synthesize`: a fitted model, the files that were read, and the time each stage took."""
    seconds: dict[str, float] = {}
    problem = compile_problem(spec)
    with _timed("elicit", seconds):
        on_event(Event(stage="elicit", done=0, total=1))
        believed, dropped = elicit(spec, prior)
        on_event(Event(stage="elicit", done=1, total=1, product=believed))
    with _timed("fit", seconds):
        model = fit(problem, believed, dropped=dropped, advance=_forward("fit", on_event))
        on_event(Event(stage="fit", done=1, total=1, product=model))
    return model, sources(spec, prior), seconds


def draw(
    model: Model,
    n_units: int | None = None,
    *,
    random_seed: int | None = None,
    on_event: Listener = lambda event: None,
) -> Run:
    """The second half of `synthesize`: whole records from a fitted model, as many as wanted."""
    seconds: dict[str, float] = {}
    with _timed("sample", seconds):
        drawn = sample(model, n_units, random_seed=random_seed, advance=_forward("sample", on_event))
        on_event(Event(stage="sample", done=1, total=1, product=drawn))
    return Run(model=model, sample=drawn, seconds=seconds)


def write_manifest(
    folder: RunFolder,
    model: Model,
    n_records: int,
    random_seed: int,
    inputs: Mapping[str, Path],
    seconds: Mapping[str, float],
) -> None:
    """Say what the folder's products were made from and with."""
    text = manifest_json(
        folder,
        status=model.status.value,
        beliefs=model.beliefs.sentence,
        random_seed=random_seed,
        n_records=n_records,
        inputs=inputs,
        seconds=seconds,
    )
    folder.save("manifest.json", text)


def check_all(spec: Spec, prior: str | Path | None = None) -> list[Finding]:
    """Every problem of a spec, its tables and its beliefs; beliefs that cannot be used are warnings."""
    findings = check(spec)
    try:
        believed, dropped = elicit(spec, prior)
    except InputError as error:
        return findings + list(error.findings)
    if any(finding.severity == "error" for finding in findings):
        entries = dropped
    else:
        entries = dropped + resolve(believed, compile_problem(spec)).dropped
    where = str(prior or spec.prior or "prior")
    return findings + [
        Finding(where=where, message=f"{entry.belief}: {entry.reason}", cure=f"it is {entry.action}", severity="warning")
        for entry in entries
    ]


def remeasure(folder: RunFolder, records: Path | None = None) -> Measurement:
    """Count records against the targets of a run folder.

    Args:
        folder: holds the model, and the records unless others are given.
        records: a file of other records; without one, the folder's measurement and report are written anew.

    Raises:
        InputError: the folder holds no model or no records, or they do not belong together.
    """
    model = Model.from_json(folder.read("model.json"))
    problem = model.problem.with_rules(model.beliefs.rules)
    if records is not None:
        return measure(problem, {problem.levels[0].name: read_frame(records)}, beliefs=model.beliefs.sentence)
    frames = {level.name: read_frame(folder.records(level.name)) for level in problem.levels}
    random_seed = None
    with suppress(InputError, ValueError, KeyError):  # `sample -n --seed` may have made another number with another seed
        made = json.loads(folder.read("manifest.json"))
        problem, random_seed = problem.scaled(int(made["records"])), int(made["random_seed"])
    tally = Tally(problem, [table.columns for table in model.beliefs.tables])
    tally.add(frames)
    measurement = _measurement(model, tally, random_seed)
    folder.save("measurement.json", measurement.to_json())
    folder.save("report.html", render(model, measurement, tally.pair_counts))
    return measurement


def measure_file(spec: Spec, records: Path) -> Measurement:
    """Count any records against the targets of a spec, wherever they come from.

    Raises:
        InputError: spec or records cannot be used.
    """
    problem = compile_problem(spec)
    return measure(problem, {problem.levels[0].name: read_frame(records)})


def keeping(folder: RunFolder, listen: Listener) -> Listener:
    """A listener that saves each product in the moment that it exists, so that an interruption loses nothing finished."""

    def keep(event: Event) -> None:
        if isinstance(event.product, Prior):
            folder.save("prior.json", event.product.to_json())
        elif isinstance(event.product, Model):
            folder.save_model(event.product.to_json())
        listen(event)

    return keep


def notes_on(model: Model) -> tuple[str, ...]:
    """What a reader of the result must know about how it was made."""
    notes = list(model.problem.warnings)
    if model.status.value != "converged":
        notes.append(f"{model.status.sentence} {model.status.knob}")
    notes += [f"No record that the rules allow falls into {cell}." for cell in model.unsupported]
    dropped = [entry for entry in model.dropped if entry.action == "dropped"]
    notes += [f"A belief could not be used: {entry.belief}: {entry.reason}." for entry in dropped[:SHOWN]]
    if len(dropped) > SHOWN:
        notes.append(f"{len(dropped) - SHOWN} more beliefs could not be used; the report and model.json list them.")
    return tuple(notes)


def _measurement(model: Model, tally: Tally, random_seed: int | None) -> Measurement:
    notes = notes_on(model)
    if tally.problem.n_units != model.problem.n_units:
        notes += (f"The tables were scaled from {model.problem.n_units:,} records; cells are exact to the next whole number.",)
    return tally.measurement(status=model.status.value, beliefs=model.beliefs.sentence, notes=notes, random_seed=random_seed)


def _forward(stage: str, on_event: Listener) -> Callable[[int, int], None]:
    return lambda done, total: on_event(Event(stage=stage, done=done, total=total))


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begin
