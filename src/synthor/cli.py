"""The command line: reads arguments, calls the library, shows what came out.

Exit codes: 0 targets met, 1 not met (the result is written), 2 bad input, 3 our fault, 130 interrupted.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from synthor.errors import InputError, SynthorError

if TYPE_CHECKING:
    from synthor.events import Listener
    from synthor.measure import Measurement
    from synthor.spec.model import Spec
    from synthor.store.folder import RunFolder

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec, a YAML file.", show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.", show_default=False)]
Beliefs = Annotated[
    Path | None, typer.Option("--prior", metavar="FILE", help="Beliefs to use instead of the spec's.", show_default=False)
]
RunDir = Annotated[Path, typer.Argument(metavar="DIR", help="A folder that fit or run wrote.", show_default=False)]
Number = Annotated[
    int | None,
    typer.Option("-n", min=1, max=10**12, metavar="N", help="Records to make; else the spec's.", show_default=False),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="S", help="Random seed; the spec's unless given.", show_default=False)
]
Elsewhere = Annotated[
    Path | None, typer.Option("--out", metavar="DIR2", help="Another folder for the records.", show_default=False)
]
FileFormat = Annotated[Literal["parquet", "csv"], typer.Option("--format", help="Format of the records.")]
Wait = Annotated[bool, typer.Option("--wait", help="Wait for the answers of a batch folder.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


def _version(wanted: bool) -> None:
    if wanted:
        from synthor import __version__

        print(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True, show_default=False)
    ] = False,
) -> None:
    """Exactly N records that add up to published aggregates and look real."""


@app.command()
def schema() -> None:
    """Print the JSON schema of the spec, for editors."""
    from synthor.spec.model import json_schema

    print(json.dumps(json_schema(), indent=1, ensure_ascii=False))


@app.command()
def check(spec: SpecPath, prior: Beliefs = None, as_json: AsJson = False) -> None:
    """Find every problem of a spec, its tables and beliefs, before anything is spent."""
    from synthor.loop import check_all
    from synthor.report.terminal import show_findings
    from synthor.spec.load import load_spec

    try:
        findings = check_all(load_spec(spec), prior)
    except InputError as error:
        findings = list(error.findings)
    show_findings(findings, as_json)
    raise typer.Exit(2 if any(finding.severity == "error" for finding in findings) else 0)


@app.command()
def estimate(spec: SpecPath, as_json: AsJson = False) -> None:
    """Tell requests, tokens and money before the first call."""
    from synthor.loop import expected_requests
    from synthor.method.estimate import estimate as priced
    from synthor.report.terminal import show_estimate
    from synthor.spec.load import load_spec

    loaded = load_spec(spec)
    show_estimate(priced(loaded, expected_requests(loaded)), as_json)


@app.command()
def elicit(spec: SpecPath, out: Out, wait: Wait = False, as_json: AsJson = False) -> None:
    """Ask the model, once, and stop after prior.json, so that you can review and edit it; go on with `run --prior`."""
    from synthor.loop import believe
    from synthor.report.terminal import show_prior
    from synthor.run import keeping, write_beliefs_manifest
    from synthor.spec.load import load_spec

    loaded = load_spec(spec)
    folder = _claimed(out, loaded, None)
    with _progress() as listen, _interruptible(folder):
        state, asker = believe(loaded, answers=folder.answers, wait=wait, on_event=keeping(folder, listen))
        write_beliefs_manifest(folder, loaded, asker)
    show_prior(state.prior, (*state.dropped, *state.lost), asker.bill, asker.stopped, str(spec), str(out), as_json)
    raise typer.Exit(1 if state.questions else 0)


@app.command()
def fit(spec: SpecPath, out: Out, prior: Beliefs = None, wait: Wait = False, as_json: AsJson = False) -> None:
    """Ask for beliefs and pull them onto the targets; writes prior.json and model.json."""
    from synthor.loop import fit_spec
    from synthor.report.terminal import show_model
    from synthor.run import keeping, notes_on, write_manifest
    from synthor.spec.load import load_spec

    loaded = load_spec(spec)
    folder = _claimed(out, loaded, prior)
    with _progress() as listen, _interruptible(folder):
        made = fit_spec(loaded, prior=prior, answers=folder.answers, wait=wait, on_event=keeping(folder, listen))
        write_manifest(folder, made.model, 0, loaded.random_seed, made.inputs, made.seconds, made.bill)
    show_model(made.model, notes_on(made.model), str(out), as_json)
    raise typer.Exit(0 if made.model.status.value == "converged" else 1)


@app.command()
def sample(
    folder: RunDir,
    n: Number = None,
    seed: Seed = None,
    format: FileFormat = "parquet",
    out: Elsewhere = None,
    as_json: AsJson = False,
) -> None:
    """Make records from a fitted model; replaces the folder's records, measurement and report unless --out says where."""
    from synthor.fit.model import Model
    from synthor.run import draw

    place = _existing(folder)
    model = Model.from_json(place.read("model.json"), source=str(folder / "model.json"))
    with _progress() as listen, _interruptible(place):
        run = draw(model, n, random_seed=seed, on_event=listen)
        measurement = run.write(out or folder, format=format, on_event=listen)
    _finish(measurement, out or folder, as_json)


@app.command()
def run(
    spec: SpecPath,
    out: Out,
    prior: Beliefs = None,
    format: FileFormat = "parquet",
    wait: Wait = False,
    as_json: AsJson = False,
) -> None:
    """Do everything: check, ask for beliefs, fit, records, measurement, report."""
    from synthor.loop import synthesize
    from synthor.run import keeping
    from synthor.spec.load import load_spec

    loaded = load_spec(spec)
    folder = _claimed(out, loaded, prior)
    with _progress() as listen, _interruptible(folder):
        made = synthesize(loaded, prior=prior, answers=folder.answers, wait=wait, on_event=keeping(folder, listen))
        measurement = made.write(out, format=format, on_event=listen)
    _finish(measurement, out, as_json)


@app.command()
def measure(
    place: Annotated[Path, typer.Argument(metavar="DIR|SPEC", help="A run folder, or a spec.", show_default=False)],
    records: Annotated[
        Path | None,
        typer.Argument(metavar="[RECORDS]", help="CSV or Parquet; the folder's own unless given.", show_default=False),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Count records in every target cell; in a run folder, writes measurement and report anew."""
    from synthor.run import measure_place

    measurement = measure_place(place, records)
    _finish(measurement, None, as_json)


@app.command()
def evaluate(
    records: Annotated[Path, typer.Argument(metavar="RECORDS", help="CSV or Parquet, or a run folder.", show_default=False)],
    against: Annotated[
        Path, typer.Option("--against", metavar="MICRODATA", help="Real records, CSV or Parquet.", show_default=False)
    ],
    spec: Annotated[
        Path, typer.Option("--spec", metavar="SPEC", help="The spec that the records were made from.", show_default=False)
    ],
    weight: Annotated[
        str | None, typer.Option("--weight", metavar="W", help="Column of weights in the microdata.", show_default=False)
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Compare records with real ones in everything that was no target."""
    from synthor.evaluate.fidelity import evaluate as judge
    from synthor.events import Event
    from synthor.problem import compile_problem
    from synthor.report.terminal import show_evaluation
    from synthor.spec.load import load_spec
    from synthor.spec.tables import read_frame

    problem = compile_problem(load_spec(spec))
    file = _existing(records).records(problem.levels[0].name) if records.is_dir() else records
    with _progress() as listen:
        found = judge(
            problem,
            read_frame(file),
            read_frame(against),
            weight=weight,
            advance=lambda done, total: listen(Event(stage="evaluate", done=done, total=total)),
        )
    show_evaluation(found, as_json)


def main() -> None:
    """Entry point of the `synthor` command."""
    try:
        app()
    except InputError as error:
        from synthor.report.terminal import findings_list, show

        show(findings_list(list(error.findings)), error=True)
        sys.exit(2)
    except SynthorError as error:
        print(f"{error.heading}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        sys.exit(0)
    except Exception:
        import traceback

        traceback.print_exc()
        print("This is a bug in synthor, not in your input. Please report it with the lines above.", file=sys.stderr)
        sys.exit(3)


@contextmanager
def _progress() -> "Iterator[Listener]":
    """Progress bars that listen to the loop."""
    from synthor.report.terminal import progress

    with progress() as show:
        yield lambda event: show(event.stage, event.done, event.total, event.product)


@contextmanager
def _interruptible(folder: "RunFolder") -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        has_model = (folder.path / "model.json").is_file()
        cure = f"`synthor sample {folder.path}` goes on from its model" if has_model else "run the same command to start again"
        print(f"\nInterrupted. {folder.path} holds what was finished; {cure}.", file=sys.stderr)
        raise typer.Exit(130) from None


def _claimed(out: Path, spec: "Spec", prior: Path | None) -> "RunFolder":
    """The folder for a run's results, once it is sure that nothing of the user's will be overwritten."""
    from synthor.prior.elicit import sources
    from synthor.store.folder import RunFolder

    folder = RunFolder(out)
    folder.claim(sources(spec, prior).values())
    return folder


def _existing(path: Path) -> "RunFolder":
    from synthor.store.folder import existing

    return existing(path)


def _finish(measurement: "Measurement", folder: Path | None, as_json: bool) -> None:
    from synthor.report.terminal import show_measurement

    show_measurement(measurement, str(folder) if folder is not None else None, as_json)
    raise typer.Exit(0 if measurement.met else 1)
