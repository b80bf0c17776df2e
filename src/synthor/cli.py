"""The command line: reads arguments, calls the library, shows what came out.

Exit codes: 0 targets met, 1 not met (the result is written), 2 bad input, 3 our fault, 130 interrupted.
"""

import json
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from synthor.errors import Finding, InputError, SynthorError

if TYPE_CHECKING:
    from rich.console import RenderableType

    from synthor.loop import Event, Listener
    from synthor.measure import Measurement
    from synthor.store.folder import RunFolder

app = typer.Typer(
    help="Exactly N records that add up to published aggregates and look real.",
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
    typer.Option("-n", min=1, metavar="N", help="Records to make; the spec's number unless given.", show_default=False),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="S", help="Random seed; the spec's unless given.", show_default=False)
]
FileFormat = Annotated[Literal["parquet", "csv"], typer.Option("--format", help="Format of the records.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON to standard output.")]


@app.command()
def schema() -> None:
    """Print the JSON schema of the spec, for editors."""
    from synthor.spec.model import json_schema

    print(json.dumps(json_schema(), indent=1, ensure_ascii=False))


@app.command()
def check(spec: SpecPath, as_json: AsJson = False) -> None:
    """Find every problem of a spec and its tables before anything is spent."""
    from synthor import problem
    from synthor.report.terminal import findings_list
    from synthor.spec.load import load_spec

    try:
        loaded = load_spec(spec)
        findings = problem.check(loaded)
    except InputError as error:
        loaded, findings = None, list(error.findings)
    errors = [finding for finding in findings if finding.severity == "error"]
    if as_json:
        print(
            json.dumps({"ok": not errors, "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False, indent=1)
        )
    else:
        _show(findings_list(findings))
        warned = f", {len(findings) - len(errors)} to know of" if len(findings) > len(errors) else ""
        plural = "" if len(errors) == 1 else "s"
        verdict = f"{len(errors)} problem{plural} to mend{warned}." if errors else f"No problems found{warned}."
        print(verdict)
    raise typer.Exit(2 if errors else 0)


@app.command()
def fit(spec: SpecPath, out: Out, prior: Beliefs = None, as_json: AsJson = False) -> None:
    """Pull the beliefs onto the targets; writes prior.json and model.json."""
    from synthor.loop import fit_spec, notes_on
    from synthor.spec.load import load_spec

    loaded, folder = load_spec(spec), _folder(out)
    with _progress() as listen, _interruptible(folder):
        model, _, _ = fit_spec(loaded, prior=prior, on_event=_keeping(folder, listen))
    if as_json:
        found = {"status": model.status.value, "residual": model.residual, "beliefs": model.beliefs.sentence}
        print(json.dumps(found | {"effective_sample_size": model.effective_sample_size, "notes": notes_on(model)}, indent=1))
    else:
        print(model.beliefs.sentence)
        print(f"{model.status.sentence} {model.status.knob}".strip())
        print(f"Largest residual {model.residual:.1e}, effective sample size {model.effective_sample_size:,.0f}.")
        print(f"Next: synthor sample {out}")
    raise typer.Exit(0 if model.status.value == "converged" else 1)


@app.command()
def sample(
    folder: RunDir, n: Number = None, seed: Seed = None, format: FileFormat = "parquet", as_json: AsJson = False
) -> None:
    """Make records from a fitted model; writes records, measurement and report."""
    from synthor.fit.model import Model
    from synthor.loop import draw

    place = _folder(folder, must_exist=True)
    model = Model.from_json(place.read("model.json"))
    with _progress() as listen, _interruptible(place):
        run = draw(model, n, random_seed=seed, on_event=listen)
        measurement = run.write(folder, format=format, on_event=listen)
    _finish(measurement, folder, as_json)


@app.command()
def run(
    spec: SpecPath,
    out: Out,
    prior: Beliefs = None,
    format: FileFormat = "parquet",
    as_json: AsJson = False,
) -> None:
    """Do everything: check, beliefs, fit, records, measurement, report."""
    from synthor.loop import synthesize
    from synthor.spec.load import load_spec

    loaded, folder = load_spec(spec), _folder(out)
    with _progress() as listen, _interruptible(folder):
        made = synthesize(loaded, prior=prior, on_event=_keeping(folder, listen))
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
    from synthor.loop import measure_file, remeasure
    from synthor.spec.load import load_spec

    if place.is_dir() and records is None:
        measurement = remeasure(_folder(place))
    elif place.is_dir() or records is None:
        cure = "give a run folder alone, or a spec and a file of records"
        raise InputError([Finding(where=str(place), message="cannot be measured like this", cure=cure)])
    else:
        measurement = measure_file(load_spec(place), records)
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
    from synthor.loop import Event
    from synthor.problem import compile_problem
    from synthor.report.terminal import evaluation_table
    from synthor.spec.load import load_spec
    from synthor.spec.tables import read_frame

    problem = compile_problem(load_spec(spec))
    file = _folder(records).records(problem.levels[0].name) if records.is_dir() else records
    with _progress() as listen:
        found = judge(
            problem,
            read_frame(file),
            read_frame(against),
            weight=weight,
            advance=lambda done, total: listen(Event(stage="evaluate", done=done, total=total)),
        )
    if as_json:
        print(found.to_json(), end="")
    else:
        _show(evaluation_table(found))


def main() -> None:
    """Entry point of the `synthor` command."""
    try:
        app()
    except InputError as error:
        from synthor.report.terminal import findings_list

        _show(findings_list(list(error.findings)), error=True)
        sys.exit(2)
    except SynthorError as error:
        print(f"error: {error}", file=sys.stderr)
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


STAGES = {"elicit": "Beliefs", "fit": "Fitting", "sample": "Whole numbers", "write": "Writing", "evaluate": "Bootstrap"}


@contextmanager
def _progress() -> "Iterator[Listener]":
    """Progress bars on standard error, one a stage; nothing where that is no terminal."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description:<14}"), BarColumn(), TimeElapsedColumn())
    bars = Progress(*columns, console=Console(stderr=True))
    tasks: dict[str, TaskID] = {}

    def listen(event: "Event") -> None:
        if event.stage not in tasks:
            tasks[event.stage] = bars.add_task(STAGES[event.stage], total=max(event.total, 1))
        bars.update(tasks[event.stage], total=max(event.total, 1), completed=event.done if event.total else 1)

    if bars.console.is_terminal:
        with bars:
            yield listen
    else:
        yield lambda event: None


def _keeping(folder: "RunFolder", listen: "Listener") -> "Listener":
    """Save each product in the moment that it exists, so that an interruption loses nothing that was finished."""
    from synthor.fit.model import Model
    from synthor.prior.model import Prior

    def keep(event: "Event") -> None:
        if isinstance(event.product, Prior):
            folder.save("prior.json", event.product.to_json())
        elif isinstance(event.product, Model):
            folder.save_model(event.product.to_json())
        listen(event)

    return keep


@contextmanager
def _interruptible(folder: "RunFolder") -> Iterator[None]:
    try:
        yield
    except KeyboardInterrupt:
        has_model = (folder.path / "model.json").is_file()
        cure = f"`synthor sample {folder.path}` goes on from its model" if has_model else "run the same command to start again"
        print(f"\nInterrupted. {folder.path} holds what was finished; {cure}.", file=sys.stderr)
        raise typer.Exit(130) from None


def _folder(path: Path, *, must_exist: bool = False) -> "RunFolder":
    from synthor.store.folder import RunFolder

    if must_exist and not path.is_dir():
        raise InputError([Finding(where=str(path), message="is no folder", cure="name one that fit or run wrote")])
    return RunFolder(path)


def _finish(measurement: "Measurement", folder: Path | None, as_json: bool) -> None:
    from synthor.report.terminal import measurement_table

    if as_json:
        print(measurement.to_json(), end="")
    else:
        _show(measurement_table(measurement))
        if folder is not None:
            print(f"Look at {folder / 'report.html'}; the records are in {folder}.")
    raise typer.Exit(0 if measurement.met else 1)


def _show(text: "RenderableType", *, error: bool = False) -> None:
    from rich.console import Console

    console = Console(stderr=error, highlight=False, soft_wrap=True)
    console.print(text)
