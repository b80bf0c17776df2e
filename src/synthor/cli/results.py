"""Verbs that make something: beliefs, a model, records, a measurement."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer

from synthor.cli.app import (
    AsJson,
    Beliefs,
    Calibrate,
    Draws,
    Elsewhere,
    Engine,
    FileFormat,
    HoldOut,
    Number,
    OnlyZones,
    Out,
    Partition,
    Quiet,
    RunDir,
    Scenario,
    Seed,
    SpecPath,
    Verbose,
    Wait,
    WaitForOthers,
    Workers,
    claimed,
    finish,
    interruptible,
    manner,
    named,
    opened,
    progress,
    read,
    verb,
    warn,
)

if TYPE_CHECKING:
    from synthor.events import Listener
    from synthor.report.screen import Tone
    from synthor.spec.model import Spec
    from synthor.store.folder import RunFolder


@verb(example="synthor elicit spec.yaml --out out/", codes="0 all was answered, 1 asking ended early or waits for answers")
def elicit(spec: SpecPath, out: Out, wait: Wait = False, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Ask the model, once, and stop after prior.json, so that you can review and edit it; go on with `run --prior`."""
    from synthor.loop import believe
    from synthor.report.terminal import show_prior
    from synthor.run import keeping, write_beliefs_manifest

    tone, loaded = manner(as_json, quiet), read(spec)
    with claimed(out, loaded, None, wait=wait) as folder, progress(["elicit"], quiet=quiet) as listen, interruptible(folder):
        state, asker = believe(loaded, answers=folder.answers, wait=wait, on_event=keeping(folder, listen))
        with folder.edition() as new:
            write_beliefs_manifest(new, loaded, asker)
    show_prior(state.prior, (*state.dropped, *state.lost), asker.bill, asker.stopped, str(spec), str(out), tone)
    raise typer.Exit(1 if state.questions else 0)


@verb(
    example="synthor fit spec.yaml --prior beliefs.json --out out/",
    codes="0 targets and beliefs agree, 1 they do not quite, or answers are waited for (the model is written)",
)
def fit(
    spec: SpecPath,
    out: Out,
    prior: Beliefs = None,
    scenario: Scenario = None,
    wait: Wait = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Ask for beliefs and pull them onto the targets; writes prior.json and model.json."""
    from synthor.loop import fit_spec
    from synthor.report.terminal import show_model
    from synthor.run import keeping, notes_on, write_manifest

    tone, loaded = manner(as_json, quiet, verbose), read(spec, scenario, prior)
    shown = progress(["elicit", "fit"], quiet=quiet, verbose=verbose)
    with claimed(out, loaded, prior, wait=wait) as folder, shown as listen, interruptible(folder):
        made = fit_spec(loaded, prior=prior, answers=folder.answers, wait=wait, on_event=keeping(folder, listen))
        with folder.edition() as new:
            write_manifest(new, made.model, 0, loaded.random_seed, made.inputs, made.seconds, made.bill)
    show_model(made.model, notes_on(made.model), str(out), tone)
    raise typer.Exit(0 if made.model.status.value == "converged" else 1)


@verb(example="synthor sample out/ -n 5000 --format csv", codes="0 targets met, 1 not met (the records are written)")
def sample(
    folder: RunDir,
    n: Number = None,
    seed: Seed = None,
    format: FileFormat = "parquet",
    partition: Partition = None,
    out: Elsewhere = None,
    workers: Workers = None,
    engine: Engine = None,
    wait: WaitForOthers = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Make records from a fitted model; replaces the folder's records, measurement and report unless --out says where."""
    from synthor.disk.shelf import keeping as keeping_work
    from synthor.engine.choice import workers as sharing
    from synthor.fit.model import Model
    from synthor.run import draw
    from synthor.store.folder import RunFolder

    tone, place = manner(as_json, quiet, verbose), opened(folder)
    results = RunFolder(out or folder)
    again, shown = "the same command starts again", progress(["sample", "write"], quiet=quiet, verbose=verbose)
    with (
        sharing(workers, engine=engine),
        results.locked(wait=wait, tell=warn),
        shown as listen,
        interruptible(results, again),
        keeping_work(results.path),
    ):
        model = Model.from_json(place.read("model.json"), source=str(folder / "model.json"))
        run = draw(model, n, random_seed=seed, on_event=listen)
        measurement = run.write(results.path, format=format, partition=partition, on_event=listen)
    finish(measurement, results.path, tone)


@verb(
    example="synthor run spec.yaml --prior beliefs.json --out out/",
    codes="0 targets met, 1 not met (the records are written) or answers are waited for",
)
def run(
    spec: SpecPath,
    out: Out,
    prior: Beliefs = None,
    scenario: Scenario = None,
    format: FileFormat = "parquet",
    partition: Partition = None,
    draws: Draws = 0,
    wait: Wait = False,
    hold_out: HoldOut = None,
    calibrate: Calibrate = False,
    workers: Workers = None,
    engine: Engine = None,
    only_zones: OnlyZones = None,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Do everything: check, ask for beliefs, fit, records, measurement, report."""
    tone, loaded = manner(as_json, quiet, verbose), read(spec, scenario, prior)
    if partition is not None:
        from synthor.streamed import check_partition

        check_partition(loaded, partition, format)
    if draws:
        from synthor.draws.make import check_drawable

        check_drawable(loaded)
    held = ["each"] if calibrate and not hold_out else hold_out or []
    plan = ["elicit", *(["holdout"] if held else []), "fit", "sample", "write", *(["draws"] if draws else [])]
    shown = progress(plan, quiet=quiet, verbose=verbose)
    from synthor.engine.choice import workers as sharing

    if only_zones is not None:
        others = {"--draws": draws, "--hold-out": hold_out, "--calibrate": calibrate, "--partition": partition}
        if given := [name for name, value in others.items() if value]:
            raise typer.BadParameter(f"--only-zones leaves the rest of the run as it is; leave {' and '.join(given)} out")
        zones = [name.strip() for text in only_zones for name in text.split(",") if name.strip()]
        from synthor.cli.again import redo

        with sharing(workers, engine=engine):
            redo(loaded, out, prior, zones, wait, quiet, verbose, tone)
        return
    with sharing(workers, engine=engine), claimed(out, loaded, prior, wait=wait) as folder:
        _run(loaded, folder, prior, _Form(format, partition), draws, wait, held, calibrate, shown, tone)


class _Form(NamedTuple):
    """How records are to be written."""

    format: FileFormat
    partition: str | None


def _run(
    spec: "Spec",
    folder: "RunFolder",
    prior: Path | None,
    form: _Form,
    draws: int,
    wait: bool,
    held: list[str],
    calibrate: bool,
    shown: AbstractContextManager["Listener"],
    tone: "Tone",
) -> None:
    from synthor.disk.shelf import keeping as keeping_work
    from synthor.draws.make import make_draws, recordings_of
    from synthor.draws.told import show_draws
    from synthor.holdout import synthesize_after
    from synthor.loop import synthesize
    from synthor.report.held_out import show_held_out
    from synthor.run import keeping

    out, answers = folder.path, folder.answers
    if calibrate:
        folder.refuse_kept("prior.json")
    with shown as listen:
        with interruptible(folder), keeping_work(out):
            keep = keeping(folder, listen)
            if held:
                made = synthesize_after(
                    spec, held, calibrated=calibrate, prior=prior, answers=answers, wait=wait, on_event=keep
                )
            else:
                made = synthesize(spec, prior=prior, answers=answers, wait=wait, on_event=keep)
            measurement = made.write(out, format=form.format, partition=form.partition, on_event=listen)
        if draws:
            with interruptible(folder, "the same command keeps the draws that are finished"):
                said = recordings_of(made.model, spec, prior, made.held_out.calibration if made.held_out else None)
                others = make_draws(made, said, folder, draws, format=form.format, wait=wait, on_event=listen)
    show_held_out(made.held_out, tone)
    if not draws:
        finish(measurement, out, tone)
    show_draws(measurement, others, str(out), tone)
    raise typer.Exit(0 if measurement.met else 1)


@verb(
    example='synthor measure out/ --of "mean income by tenure"', codes="0 targets met or questions answered, 1 targets not met"
)
def measure(
    place: Annotated[
        Path, typer.Argument(metavar="DIR|SPEC", help="A run folder, or a spec.", parser=named, show_default=False)
    ],
    records: Annotated[
        Path | None,
        typer.Argument(
            metavar="RECORDS",
            help="CSV or Parquet, or a folder with one a level; the folder's own unless given.",
            show_default=False,
        ),
    ] = None,
    of: Annotated[
        list[str] | None,
        typer.Option(
            "--of",
            metavar="WHAT",
            help='Instead, tell a table or statistic with its range over draws: "age by sex", "mean income by tenure", '
            '"income > 50000 by tenure". May be repeated.',
            show_default=False,
        ),
    ] = None,
    wait: WaitForOthers = False,
    quiet: Quiet = False,
    verbose: Verbose = False,
    as_json: AsJson = False,
) -> None:
    """Count records in every target cell; in a run folder, writes measurement and report anew."""
    tone = manner(as_json, quiet, verbose)
    if of:
        _answer(place, records, of, wait, tone)
        return
    from synthor.disk.lock import heal
    from synthor.run import measure_place

    if not place.is_dir():
        heal(place.parent)
    with opened(place).locked(wait=wait, tell=warn) if place.is_dir() and records is None else nullcontext():
        measurement = measure_place(place, records)
    finish(measurement, None, tone)


def _answer(place: Path, records: Path | None, of: list[str], wait: bool, tone: "Tone") -> None:
    """Questions put to a run folder."""
    from synthor.draws.asked import ask_folder
    from synthor.errors import Finding, InputError
    from synthor.report.ranges import show_ranges
    from synthor.report.screen import Tone

    if records is not None:
        cure = f"leave {records} out, or leave --of out"
        raise InputError([Finding(where="--of", message="asks a run folder, not other records", cure=cure)])
    folder = opened(place)
    shown = progress(["ranges"], quiet=tone is Tone.QUIET, verbose=tone is Tone.VERBOSE)
    with folder.locked(wait=wait, tell=warn), shown as listen:
        answers = ask_folder(folder, of, on_event=listen)
    show_ranges(answers, str(place), tone)
