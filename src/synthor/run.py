"""A population made from a fitted model: drawn, looked at, written, measured again."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.evaluate.holdout import HoldOuts
from synthor.events import Event, Listener, forward, ignore, telling
from synthor.fit.model import Model
from synthor.geography.zoned import zoned_sample
from synthor.llm.ask import Asker
from synthor.llm.budget import Bill
from synthor.measure import Explanation, Measurement, Records, Tally, measure
from synthor.prior.beliefs import resolve
from synthor.prior.elicit import elicit, sources
from synthor.prior.model import Prior
from synthor.problem import Problem, compile_problem
from synthor.report.misfit import explain_misfit
from synthor.report.page import render
from synthor.report.rounding import explain_rounding
from synthor.sample.proof import no_whole_numbers
from synthor.sample.stream import Sample, sample
from synthor.scenario import applied
from synthor.schema import Ref
from synthor.spec.load import load_spec
from synthor.spec.model import Spec
from synthor.spec.scenario import AppliedScenario
from synthor.spec.tables import read_frame
from synthor.store.folder import ELICITED, MANIFEST, Edition, RunFolder, existing
from synthor.store.manifest import Made, manifest_json
from synthor.store.packed import Format
from synthor.store.records import read_records
from synthor.streamed import Parted, write_files, write_parts

SHOWN = 5
"""Beliefs that could not be used and are told one by one."""


@dataclass(kw_only=True, eq=False)
class Population:
    """A population, ready to be used or written; it remembers how it was counted, so that it is made only once for that.

    Attributes:
        model: the fitted model.
        sample: the whole-numbered population drawn from it.
        inputs: files that were read, by what they are called.
        seconds: wall-clock time of each stage.
        bill: what asking a model cost.
        held_out: tables that were left out and predicted before, if any were.
        spec_files: the spec and its tables, by name, where no file held them before; they are written along.
    """

    model: Model
    sample: Sample
    inputs: Mapping[str, Path] = field(default_factory=dict)
    seconds: Mapping[str, float] = field(default_factory=dict)
    bill: Bill = field(default_factory=Bill)
    held_out: HoldOuts | None = None
    spec_files: Mapping[str, str] = field(default_factory=dict)
    _counted: Measurement | None = field(default=None, init=False, repr=False)

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return self.sample.problem.n_units

    @property
    def records(self) -> pl.DataFrame:
        """All records of the units themselves; of members, see `tables`."""
        return self.tables[self.sample.problem.schema.unit.name]

    @cached_property
    def tables(self) -> dict[str, pl.DataFrame]:
        """All records of every level, by its name: `run.tables["person"]` has the key of each person's household."""
        chunks = list(self.sample.chunks())
        return {level.name: pl.concat([chunk[level.name] for chunk in chunks]) for level in self.sample.problem.schema}

    @property
    def measurement(self) -> Measurement:
        """Every target cell, wanted and got."""
        if self._counted is None:
            tally = Tally(self.sample.problem)
            for chunk in self.sample.chunks():
                tally.add(chunk)
            self._counted = measured(self.model, tally, self.sample.random_seed)
        return self._counted

    @property
    def verdict(self) -> str:
        """One sentence: are the targets met?"""
        return self.measurement.verdict

    def page(self) -> str:
        """The page report.html, as `write` writes it."""
        tally = Tally(self.sample.problem, pairs_of(self.model))
        for chunk in self.sample.chunks():
            tally.add(chunk)
        self._counted = measured(self.model, tally, self.sample.random_seed)
        return page_of(self.model, self._counted, tally, self.held_out)

    def write(
        self,
        folder: str | Path,
        *,
        format: Format = "parquet",
        partition: str | None = None,
        wait: bool = False,
        on_event: Listener = ignore,
    ) -> Measurement:
        """Write the run folder: prior, model, records, measurement, report, manifest; all of them, or none.

        Records are made, counted and packed chunk by chunk, as many at once as there are cores, and written in order.

        Args:
            folder: made if it is not there. Files of an earlier run in it are replaced.
            format: of the records, parquet or csv.
            partition: a level of areas: records are then written in one Parquet file an area, `by_taz/household/12.parquet`.
                What a command that was interrupted had written is kept.
            wait: for another command that is writing there, instead of refusing.
            on_event: told of progress, and whom is waited for.

        Raises:
            InputError: the folder holds files that this would overwrite and that no run wrote, or another command is writing.
            OutputError: the disk is full or the folder cannot be written.
        """
        parts = None if partition is None else Parted.of(self.sample, partition, format, self.model.to_json())
        place = RunFolder(folder)
        with place.locked(wait=wait, tell=telling("write", on_event)):
            place.refuse_foreign(self.inputs.values(), self.spec_files)
            with place.edition() as new:
                return self._write(new, format, parts, on_event)

    def _write(self, new: Edition, format: Format, parts: Parted | None, on_event: Listener) -> Measurement:
        pairs = pairs_of(self.model)
        seconds = dict(self.seconds)
        with timed("write", seconds):
            new.save("prior.json", self.model.prior.to_json())
            new.save_model(self.model.to_json())
            if self.spec_files:
                new.save_spec(self.spec_files)
            if parts is None:
                tally = write_files(self.sample, pairs, new, format, on_event)
            else:
                tally = write_parts(self.sample, pairs, new, parts, on_event)
            held_out, lost = (self.held_out, ()) if self.held_out is not None else held_out_in(new)
            if self.held_out is not None:
                new.save("holdout.json", self.held_out.to_json())
            elif lost:
                new.staged.remove("holdout.json")
            measurement = measured(self.model, tally, self.sample.random_seed, lost)
            self._counted = measurement
            new.save("measurement.json", measurement.to_json())
            new.save("report.html", page_of(self.model, measurement, tally, held_out))
        told = self.model.concluded(met=measurement.met)
        write_manifest(new, told, measurement.n_records, self.sample.random_seed, self.inputs, seconds, self.bill)
        return measurement


def draw(
    model: Model,
    n_units: int | None = None,
    *,
    random_seed: int | None = None,
    on_event: Listener = ignore,
) -> Population:
    """The second half of `synthesize`: whole records from a fitted model, as many as wanted."""
    seconds: dict[str, float] = {}
    with timed("sample", seconds):
        drawing = sample if model.problem.zoned is None else zoned_sample
        drawn = drawing(model, n_units, random_seed=random_seed, advance=forward("sample", on_event))
        on_event(Event(stage="sample", done=1, total=1, product=drawn))
    return Population(model=model, sample=drawn, seconds=seconds)


def write_manifest(
    new: Edition,
    model: Model,
    n_records: int,
    random_seed: int,
    inputs: Mapping[str, Path],
    seconds: Mapping[str, float],
    bill: Bill | None = None,
) -> None:
    """Say what a folder's products were made from and with."""
    made = Made(
        status=model.status.value,
        beliefs=model.beliefs.sentence,
        random_seed=random_seed,
        n_records=n_records,
        inputs=inputs,
        seconds=seconds,
        rounds=model.rounds,
        bill=Bill() if bill is None else bill,
        scenario=model.problem.spec.scenario if isinstance(model.problem.spec.scenario, AppliedScenario) else None,
    )
    new.save(MANIFEST, manifest_json(new.products(), made))


def write_beliefs_manifest(new: Edition, spec: Spec, asker: Asker) -> None:
    """Say what a folder's beliefs were made from, when nothing was fitted yet."""
    made = Made(
        status=ELICITED,
        beliefs=f"Asked {asker.source.name}; nothing is fitted yet.",
        random_seed=spec.random_seed,
        n_records=0,
        inputs=sources(spec),
        seconds={},
        rounds=(),
        bill=asker.bill,
    )
    new.save(MANIFEST, manifest_json(new.products(), made))


def measure_place(place: Path, records: Path | None) -> Measurement:
    """Count records against a run folder, or any file of records against a spec.

    Raises:
        InputError: there is no such folder, or a spec without records.
    """
    if not place.is_file():
        return remeasure(existing(place), records)
    if place.suffix.lower() in (".csv", ".parquet"):
        cure = f"name its run folder, `synthor measure {place.parent}`, or a spec before it, `synthor measure SPEC {place}`"
        raise InputError([Finding(where=str(place), message="is a file of records, no run folder and no spec", cure=cure)])
    if records is None:
        cure = "name a file of records after it"
        raise InputError([Finding(where=str(place), message="has no records beside it", cure=cure)])
    return measure_file(applied(load_spec(place)), records)


def remeasure(folder: RunFolder, records: Path | None = None) -> Measurement:
    """Count records against the targets of a run folder.

    Args:
        folder: holds the model, and the records unless others are given.
        records: others, in a file or, one a level, in a folder; without them measurement and report are written anew.

    Raises:
        InputError: the folder holds no model or no records, or they do not belong together.
    """
    model = Model.from_json(folder.read("model.json"), source=str(folder.path / "model.json"))
    problem = model.ruled.whole
    if records is not None:
        return measure(problem, _read(records, problem), beliefs=model.beliefs.sentence)
    with folder.edition() as new:
        tally, random_seed = tallied(folder, model, _read(folder.path, problem))
        held_out, lost = held_out_in(new)
        measurement = measured(model, tally, random_seed, lost)
        new.save("measurement.json", measurement.to_json())
        new.save("report.html", page_of(model, measurement, tally, held_out))
        new.note()
    return measurement


def tallied(folder: RunFolder, model: Model, records: Records) -> tuple[Tally, int | None]:
    """The records of a run folder, counted; and the seed that they were drawn with, None where it is not known.

    Args:
        folder: its manifest says how many were made: `sample -n --seed` may have made another number with another seed.
        model: that is in it.
        records: that are in it.
    """
    problem, made = model.ruled.whole, folder.manifest()
    n_made = made.get("records", 0)
    tally = Tally(problem.scaled(n_made) if n_made > 0 else problem, pairs_of(model))
    tally.add(records)
    return tally, made.get("random_seed")


def page_of(model: Model, measurement: Measurement, tally: Tally, held_out: HoldOuts | None) -> str:
    """The page report.html."""
    told = model.concluded(met=measurement.met)
    return render(told, measurement, tally.pair_counts, held_out, tally.examples)


def _read(records: Path, problem: Problem) -> Records:
    """Records of all levels: from a file, or from a folder that holds one for each."""
    names = [level.name for level in problem.schema]
    if not records.is_dir() and len(names) > 1:
        message = f"is one file, and units have members: there is one of {', '.join(names)} each"
        cure = f"name the folder that holds {' and '.join(f'{name}.parquet' for name in names)}, or .csv"
        raise InputError([Finding(where=str(records), message=message, cure=cure)])
    if records.is_dir():
        return read_records(RunFolder(records), problem.schema)
    return {names[0]: read_frame(records, variables=problem.schema.unit.variables)}


def with_believed_rules(problem: Problem, spec: Spec, records: Path) -> Problem:
    """The problem with the rules that were believed when records were made, besides those of the spec.

    Args:
        problem: of the spec.
        spec: may name a file of beliefs.
        records: a run folder, or a file; what was believed is read from the model beside them, where there is one.

    Raises:
        InputError: beliefs or model cannot be read.
    """
    place = records if records.is_dir() else records.parent
    file = place / "model.json"
    said = Model.from_json(RunFolder(place).read(file.name), source=str(file)).prior if file.is_file() else elicit(spec)[0]
    return problem.with_rules(resolve(said, problem).rules)


def held_out_in(new: Edition) -> tuple[HoldOuts | None, tuple[str, ...]]:
    """What holding out showed when the folder's model was made, None where nothing was; and a note where that is lost."""
    try:
        text = new.read("holdout.json")
        return (None if text is None else HoldOuts.from_json(text)), ()
    except (InputError, ValueError):
        name = new.folder.path / "holdout.json"
        return None, (f"{name} is damaged, so what holding out showed is not told: run again with --hold-out to know it.",)


def measure_file(spec: Spec, records: Path) -> Measurement:
    """Count any records against the targets of a spec, wherever they come from.

    Raises:
        InputError: spec or records cannot be used.
    """
    problem = compile_problem(spec)
    return measure(problem, _read(records, problem))


def keeping(folder: RunFolder, listen: Listener) -> Listener:
    """A listener that saves each product in the moment that it exists, so that an interruption loses nothing finished."""

    def keep(event: Event) -> None:
        if isinstance(event.product, Prior):
            folder.save("prior.json", event.product.to_json())
        elif isinstance(event.product, Model):
            folder.save_model(event.product.to_json())
        listen(event)

    return keep


def pairs_of(model: Model) -> list[tuple[tuple[Ref, Ref], int]]:
    """The two columns of each believed table, and the level whose rows see both."""
    return [(table.refs, table.level) for table in model.beliefs.tables]


def notes_on(model: Model) -> tuple[str, ...]:
    """What a reader of the result must know about how it was made."""
    notes = list(model.problem.warnings)
    if model.prior.calibrated:
        notes.append(model.prior.calibrated)
    notes += [f"{note}." for note in model.prior.survey or ()]
    if model.status.value != "converged":
        notes.append(f"{model.status.sentence} {model.status.knob}".strip())
    dropped = [entry for entry in model.dropped if entry.action == "dropped"]
    notes += [f"A belief could not be used: {entry.belief}: {entry.reason}." for entry in dropped[:SHOWN]]
    if len(dropped) > SHOWN:
        notes.append(f"{len(dropped) - SHOWN} more beliefs could not be used; the report and model.json list them.")
    return tuple(dict.fromkeys(notes))  # targets of one file may have the same


def measured(model: Model, tally: Tally, random_seed: int | None, lost: Sequence[str] = ()) -> Measurement:
    """What was counted, with what a reader must know of how it came about; and of what is lost of that."""
    model = model.concluded(met=tally.measurement().met)
    notes = (*notes_on(model), *lost)
    if tally.problem.n_units != model.problem.n_units:
        notes += (f"The tables were scaled from {model.problem.n_units:,} records; cells are exact to the next whole number.",)
    found = tally.measurement(status=model.status.value, beliefs=model.beliefs.sentence, notes=notes, random_seed=random_seed)
    return replace(found, explanations=(*_rounding(model, found, tally.problem), *explain_misfit(model)))


def _rounding(model: Model, found: Measurement, problem: Problem) -> tuple[Explanation, ...]:
    """Why targets are missed that no table stands in the way of: they are met by fractions of records, not by whole ones."""
    if found.met or not model.pulled or model.contradictions or model.unsupported:
        return ()
    off = [place for place, fit in enumerate(found.fits) if not fit.met]
    names = [fit.target.name for fit in found.fits]
    return explain_rounding(found, [names[place] for place in no_whole_numbers(problem, off)])


@contextmanager
def timed(stage: str, seconds: dict[str, float]) -> Iterator[None]:
    """Add the wall-clock time of a block to a stage's."""
    begin = time.perf_counter()
    yield
    seconds[stage] = seconds.get(stage, 0.0) + time.perf_counter() - begin
