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
from synthor.errors import InputError
from synthor.fit.model import Model, fit
from synthor.measure import Measurement, Tally, measure
from synthor.prior.elicit import elicit, sources
from synthor.prior.model import Prior
from synthor.problem import compile_problem
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
            OutputError: the disk is full or the folder cannot be written.
        """
        place = RunFolder(folder)
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
        place.save(
            "manifest.json",
            manifest_json(
                place,
                status=self.model.status.value,
                random_seed=self.sample.random_seed,
                n_records=measurement.n_records,
                inputs=self.inputs,
                seconds=self.seconds,
            ),
        )
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


def remeasure(folder: RunFolder) -> Measurement:
    """Count the records that a run folder holds, and write its measurement and report anew.

    Raises:
        InputError: the folder holds no model or no records, or they do not belong together.
    """
    model = Model.from_json(folder.read("model.json"))
    problem = model.problem.with_rules(model.beliefs.rules)
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


def notes_on(model: Model) -> tuple[str, ...]:
    """What a reader of the result must know about how it was made."""
    notes = []
    if model.status.value != "converged":
        notes.append(f"{model.status.sentence} {model.status.knob}")
    notes += [f"No record that the rules allow falls into {cell}." for cell in model.unsupported]
    n_dropped = sum(entry.action == "dropped" for entry in model.dropped)
    if n_dropped:
        notes.append(f"{n_dropped} beliefs could not be used; model.json lists them under `dropped`.")
    return tuple(notes)


def _measurement(model: Model, tally: Tally, random_seed: int | None) -> Measurement:
    return tally.measurement(
        status=model.status.value, beliefs=model.beliefs.sentence, notes=notes_on(model), random_seed=random_seed
    )


def _forward(stage: str, on_event: Listener) -> Callable[[int, int], None]:
    return lambda done, total: on_event(Event(stage=stage, done=done, total=total))


@contextmanager
def _timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    begin = time.perf_counter()
    yield
    seconds[stage] = time.perf_counter() - begin
