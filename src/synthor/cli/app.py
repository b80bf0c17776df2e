"""What all verbs of the command line share: the application, its arguments, progress, and how a verb ends."""

import inspect
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, TypeVar

import typer

from synthor.cli.interrupt import interruption

if TYPE_CHECKING:
    from synthor.events import Event, Listener
    from synthor.measure import Measurement
    from synthor.report.screen import Tone
    from synthor.spec.model import Spec
    from synthor.store.folder import RunFolder

Verb = TypeVar("Verb", bound=Callable[..., None])

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)

ALWAYS = "2 bad input, 3 our fault, 130 interrupted"
"""Exit codes that every verb has."""


def verb(name: str | None = None, *, example: str, codes: str = "0 done") -> Callable[[Verb], Verb]:
    """Make a verb of a function: its docstring is the help, with an example and the exit codes below."""

    def add(function: Verb) -> Verb:
        epilog = f"Example: {example}\n\nExit codes: {codes}, {ALWAYS}."
        return app.command(name, short_help=inspect.getdoc(function), epilog=epilog)(function)

    return add


def named(text: str, what: str = "a folder, or . for the one you are in") -> Path:
    """The path that an argument names; an empty one, often a variable that was not set, names nothing."""
    if not text:
        raise typer.BadParameter(f"it is empty; name {what}")
    try:
        Path(text).exists()
    except OSError as error:
        raise typer.BadParameter(f"nothing can be called so: {error.strerror}") from None
    return Path(text)


def named_file(text: str) -> Path:
    """The same of a file."""
    return named(text, "a file")


SpecPath = Annotated[Path, typer.Argument(metavar="SPEC", help="The spec, a YAML file.", parser=named_file, show_default=False)]
Out = Annotated[Path, typer.Option("--out", metavar="DIR", help="Folder for the results.", parser=named, show_default=False)]
Beliefs = Annotated[
    Path | None,
    typer.Option(
        "--prior", metavar="FILE", help="Beliefs to use instead of the spec's.", parser=named_file, show_default=False
    ),
]
Scenario = Annotated[
    Path | None,
    typer.Option(
        "--scenario",
        metavar="FILE",
        help="Scenario to apply, as `scenario:` in the spec: other targets, the same beliefs, nothing asked.",
        parser=named_file,
        show_default=False,
    ),
]
RunDir = Annotated[
    Path, typer.Argument(metavar="DIR", help="A folder that fit or run wrote.", parser=named, show_default=False)
]
Workers = Annotated[
    int | None,
    typer.Option(
        "--workers",
        min=1,
        metavar="W",
        help="Processes that share the work on many zones; one a core unless given.",
        show_default=False,
    ),
]
Engine = Annotated[
    str | None,
    typer.Option(
        "--engine",
        metavar="dask://HOST:PORT",
        help="Dask cluster whose workers share the work on many zones instead; `dask`: one that is begun here, of W workers.",
        show_default=False,
    ),
]
Number = Annotated[
    int | None,
    typer.Option("-n", min=1, max=10**12, metavar="N", help="Records to make; else the spec's.", show_default=False),
]
Seed = Annotated[
    int | None, typer.Option("--seed", min=0, metavar="S", help="Random seed; the spec's unless given.", show_default=False)
]
Elsewhere = Annotated[
    Path | None,
    typer.Option("--out", metavar="DIR2", help="Another folder for the records.", parser=named, show_default=False),
]
FileFormat = Annotated[
    Literal["parquet", "csv"], typer.Option("--format", metavar="parquet|csv", help="Format of the records.")
]
Partition = Annotated[
    str | None,
    typer.Option(
        "--partition",
        metavar="LEVEL",
        help="Write one Parquet file for each area of a level of zones, by_LEVEL/household/AREA.parquet.",
        show_default=False,
    ),
]
OnlyZones = Annotated[
    list[str] | None,
    typer.Option(
        "--only-zones",
        metavar="A,B",
        help="Make these zones of the run in DIR anew; the records of all others stay. May be repeated.",
        show_default=False,
    ),
]
Draws = Annotated[
    int,
    typer.Option("--draws", min=0, max=999, metavar="K", help="Plausible populations to make beside it.", show_default=False),
]
Wait = Annotated[
    bool, typer.Option("--wait", help="Wait for the answers of a batch folder, and for a command that is writing there.")
]
WaitForOthers = Annotated[bool, typer.Option("--wait", help="Wait for a command that is writing there, instead of refusing.")]
HoldOut = Annotated[
    list[str] | None,
    typer.Option(
        "--hold-out",
        metavar="TARGET",
        help="First predict this target from the others and the beliefs; `each`: every cross-table in turn. May be repeated.",
        show_default=False,
    ),
]
Calibrate = Annotated[
    bool,
    typer.Option("--calibrate-confidence", help="Let the targets held out (each, unless named) say how sure beliefs may be."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document to standard output, also of a failure.")]
Quiet = Annotated[bool, typer.Option("-q", "--quiet", help="Show the verdict and errors alone, and no progress.")]
Verbose = Annotated[bool, typer.Option("-v", "--verbose", help="Show every explanation, and how long each stage took.")]


def _version(wanted: bool) -> None:
    if wanted:
        from synthor.report.screen import say
        from synthor.version import __version__

        say(__version__)
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("-V", "--version", help="Print the version.", callback=_version, is_eager=True, show_default=False)
    ] = False,
) -> None:
    """Exactly N records that add up to published aggregates and look real."""


def manner(as_json: bool, quiet: bool, verbose: bool = False) -> "Tone":
    """For whom a result is shown, and how much of it."""
    from synthor.report.screen import Tone

    if quiet and verbose:
        raise typer.BadParameter("--quiet and --verbose exclude each other; leave one out")
    return Tone.JSON if as_json else Tone.QUIET if quiet else Tone.VERBOSE if verbose else Tone.USUAL


@contextmanager
def progress(plan: Sequence[str], *, quiet: bool, verbose: bool = False) -> "Iterator[Listener]":
    """Progress that listens to the loop, which ends there where an interruption got lost."""
    from synthor.report.progress import progress as shown

    interruption.claim()
    with shown(plan, quiet=quiet, verbose=verbose) as show:

        def listen(event: "Event") -> None:
            interruption.heed()
            show(event)

        yield listen


@contextmanager
def interruptible(folder: "RunFolder", cure: str = "") -> Iterator[None]:
    """Ctrl-C says what is left and how to go on."""
    try:
        yield
        interruption.heed()
    except KeyboardInterrupt:
        from synthor.errors import StoppedError
        from synthor.report.screen import command, say

        has_model = (folder.path / "model.json").is_file()
        sampled = f"`{command('sample', folder.path)}` goes on from its model"
        usual = sampled if has_model else "run the same command to start again"
        say("", error=True)
        raise StoppedError(folder.path, cure or usual) from None


@contextmanager
def claimed(out: Path, spec: "Spec", prior: Path | None, *, wait: bool) -> "Iterator[RunFolder]":
    """The folder for a run's results, once it is sure that nothing of anybody's will be overwritten; ours till the end."""
    from synthor.prior.elicit import sources
    from synthor.store.folder import RunFolder

    folder = RunFolder(out)
    with folder.locked(wait=wait, tell=warn):
        folder.claim(sources(spec, prior).values())
        yield folder


def opened(path: Path) -> "RunFolder":
    """A run folder that is there already, to be read."""
    from synthor.disk.lock import heal
    from synthor.store.folder import existing

    folder = existing(path)
    heal(path)
    return folder


def read(spec: Path, scenario: Path | None = None, prior: Path | None = None) -> "Spec":
    """A spec, to be read: what a killed `init` or `check` had begun beside it is finished or undone first.

    Args:
        spec: its file.
        scenario: to be applied to it, in place of the one that it names, if any.
        prior: beliefs that a run will be given.
    """
    from synthor.disk.lock import heal
    from synthor.spec.load import load_spec

    heal(spec.parent)
    loaded = load_spec(spec)
    if scenario is None and loaded.scenario is None:
        return loaded
    from synthor.scenario import applied

    return applied(loaded, scenario, prior=prior)


def warn(text: str) -> None:
    """Tell a person something that is no result."""
    from synthor.report.screen import say

    say(text, error=True)


def finish(measurement: "Measurement", folder: Path | None, tone: "Tone") -> None:
    """Show what came out, and end by whether the targets are met."""
    from synthor.report.terminal import show_measurement

    show_measurement(measurement, str(folder) if folder is not None else None, tone)
    raise typer.Exit(0 if measurement.met else 1)
