"""Verbs that set records against real ones, and runs beside each other."""

from pathlib import Path
from typing import Annotated

import typer

from synthor.cli.app import AsJson, Quiet, manner, named, named_file, opened, progress, read, verb


@verb(example="synthor evaluate out/ --against real.csv --weight w --spec spec.yaml")
def evaluate(
    records: Annotated[
        Path, typer.Argument(metavar="RECORDS", help="CSV or Parquet, or a run folder.", parser=named_file, show_default=False)
    ],
    against: Annotated[
        Path,
        typer.Option(
            "--against",
            metavar="MICRODATA",
            help="Real records, CSV or Parquet; with members a folder, one file a level.",
            parser=named_file,
            show_default=False,
        ),
    ],
    spec: Annotated[
        Path,
        typer.Option(
            "--spec",
            metavar="SPEC",
            help="The spec that the records were made from.",
            parser=named_file,
            show_default=False,
        ),
    ],
    weight: Annotated[
        str | None, typer.Option("--weight", metavar="W", help="Column of weights in the microdata.", show_default=False)
    ] = None,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Compare records with real ones in everything that was no target."""
    from synthor.library.given import realism_of
    from synthor.problem import compile_problem
    from synthor.report.terminal import show_evaluation, show_evaluations
    from synthor.run import with_believed_rules
    from synthor.spec.tables import read_frame
    from synthor.store.records import read_levels

    tone, loaded = manner(as_json, quiet), read(spec)
    problem = with_believed_rules(compile_problem(loaded), loaded, records)
    schema = problem.schema
    several = len(schema.levels) > 1
    if several:
        made, real = read_levels(records, schema, whole=True), read_levels(against, schema, weight=weight)
    else:
        file, variables = opened(records).records(schema.unit.name) if records.is_dir() else records, schema.unit.variables
        made, real = {0: read_frame(file, variables=variables)}, {0: read_frame(against, variables=variables, weight=weight)}
    records_made, records_real = ({schema.levels[at].name: frame for at, frame in held.items()} for held in (made, real))
    with progress(["evaluate"], quiet=quiet) as listen:
        found = realism_of(problem, records_made, records_real, weight, listen)
    if several:
        show_evaluations(found.views, tone)
    else:
        show_evaluation(found.views[schema.unit.name], tone)


@verb(example="synthor compare base/ older/ --write compared.html")
def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(metavar="RUN...", help="Run folders, two or more; differences are from the first.", parser=named),
    ],
    write: Annotated[
        Path | None,
        typer.Option(
            "--write",
            metavar="FILE",
            help="Write a page, to a file that is not there yet.",
            parser=named_file,
            show_default=False,
        ),
    ] = None,
    quiet: Quiet = False,
    verbose: Annotated[bool, typer.Option("-v", "--verbose", help="Show all that differs, not the first dozen alone.")] = False,
    as_json: AsJson = False,
) -> None:
    """Set runs beside each other, of a spec and its scenarios: what their targets wanted and got, and how records lie."""
    from synthor.evaluate.compared import refuse_names
    from synthor.library.compared import compare as compared
    from synthor.library.make import open_folder
    from synthor.report.compared import show_compared
    from synthor.report.screen import Tone, say

    tone, names = manner(as_json, quiet, verbose), [str(run) for run in runs]
    refuse_names(names)
    found = compared([open_folder(run) for run in runs], names)
    if write is not None:
        found.write(write)
    show_compared(found.found, tone)
    if write is not None and tone not in (Tone.JSON, Tone.QUIET):
        say(f"Look at {write}.")
