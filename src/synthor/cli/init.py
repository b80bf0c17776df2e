"""The verb that begins: a spec from tables, or spec and tables from private records or from a set-up of PopulationSim."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from synthor.cli.app import AsJson, Quiet, WaitForOthers, manner, named, verb, warn
from synthor.errors import Finding, InputError

if TYPE_CHECKING:
    from synthor.report.screen import Tone
    from synthor.spec.scaffold import Draft


@verb(example="synthor init my-tables/", codes="0 the spec is written")
def init(
    folder: Annotated[
        Path | None,
        typer.Argument(
            metavar="FOLDER",
            help="A folder of tables; with --from or --from-populationsim, the folder to write.",
            parser=named,
            show_default=False,
        ),
    ] = None,
    set_up: Annotated[
        Path | None,
        typer.Option(
            "--from-populationsim",
            metavar="SETUP",
            help="A folder with a set-up of PopulationSim.",
            parser=named,
            show_default=False,
        ),
    ] = None,
    microdata: Annotated[
        Path | None,
        typer.Option("--from", metavar="MICRODATA", help="Private records, CSV or Parquet.", show_default=False),
    ] = None,
    weight: Annotated[
        str | None, typer.Option("--weight", metavar="W", help="Column of weights in the records.", show_default=False)
    ] = None,
    cross: Annotated[
        list[str] | None,
        typer.Option("--cross", metavar="A,B", help="Publish a table of these columns; may be repeated.", show_default=False),
    ] = None,
    cross_tables: Annotated[
        int, typer.Option("--cross-tables", min=0, metavar="K", help="Publish the K most dependent pairs, too.")
    ] = 0,
    below: Annotated[
        int | None,
        typer.Option("--below", metavar="N", help="Suppress counts of fewer records (default: 10).", show_default=False),
    ] = None,
    round_to: Annotated[
        int | None, typer.Option("--round-to", metavar="B", help="Round counts instead.", show_default=False)
    ] = None,
    epsilon: Annotated[
        float | None,
        typer.Option("--epsilon", metavar="E", help="Add differentially private noise instead.", show_default=False),
    ] = None,
    records: Annotated[
        int | None,
        typer.Option("--records", min=1, metavar="N", help="Records that the tables stand for.", show_default=False),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="SPEC",
            help="The spec to write, from a folder of tables (default: spec.yaml).",
            parser=named,
            show_default=False,
        ),
    ] = None,
    wait: WaitForOthers = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Start a spec: from a folder of tables, or with --from as spec and protected tables from private records."""
    settings = {
        "weight": weight,
        "cross": tuple(tuple(name.strip() for name in names.split(",")) for names in cross or ()),
        "cross_tables": cross_tables,
        "below": below,
        "round_to": round_to,
        "epsilon": epsilon,
        "records": records,
    }
    tone = manner(as_json, quiet)
    if microdata is not None and set_up is not None:
        raise typer.BadParameter("--from and --from-populationsim exclude each other; leave one out")
    if out is not None and (microdata is not None or set_up is not None):
        begin = "--from" if microdata is not None else "--from-populationsim"
        message = f"is where a spec of a folder of tables goes; {begin} writes FOLDER, and spec.yaml in it"
        raise InputError([Finding(where="--out", message=message, cure="leave it out, and name the folder to write as FOLDER")])
    if microdata is not None:
        _from_records(microdata, folder, settings, wait, tone)
        return
    given = [f"--{name.replace('_', '-')}" for name, value in settings.items() if value]
    if given:
        cure = "give the private file with --from, or leave these options out"
        raise InputError([Finding(where=", ".join(given), message="speaks of private records, and none are given", cure=cure)])
    if set_up is not None:
        _from_set_up(set_up, folder, wait, tone)
        return
    answers = {} if folder is not None else _asked(as_json)
    _from_tables(folder or Path(answers.pop("folder")), out or Path("spec.yaml"), answers, wait, tone)


def _from_records(microdata: Path, folder: Path | None, settings: dict[str, Any], wait: bool, tone: "Tone") -> None:
    from synthor.disclose import Settings, disclose
    from synthor.report.screen import Tone, command, print_json, say
    from synthor.spec.tables import read_frame
    from synthor.store.fresh import fresh

    if folder is None:
        cure = f"write: {command('init', '--from', microdata, 'FOLDER')}"
        raise InputError([Finding(where="init --from", message="needs a folder to write", cure=cure)])
    wanted = Settings(**settings)
    with fresh(folder, f"init --from {microdata.resolve()} {wanted}", wait=wait, tell=warn) as place:
        if place.finished:
            # Noise is new each time: what was about to be published is, and nothing else beside it.
            summary: tuple[str, ...] = ("The same command was killed when all was written but the names: they are given now.",)
        else:
            made = disclose(read_frame(microdata, weight=wanted.weight), wanted, source=str(microdata))
            place.write(made.files)
            summary = made.summary
    spec = folder / "spec.yaml"
    if tone is Tone.JSON:
        print_json({"ok": True, "spec": str(spec), "told": list(summary), "questions": []})
        return
    for line in summary if tone is Tone.USUAL else ():
        say(line)
    say(f"Wrote {folder}: read disclosure.md, fill in title and context of spec.yaml, then `{command('check', spec)}`.")


def _from_tables(folder: Path, out: Path, answers: dict[str, str], wait: bool, tone: "Tone") -> None:
    from synthor.draft import infer
    from synthor.spec.scaffold import SCHEMA_FILE, scaffold, schema_text
    from synthor.store.fresh import fresh

    with fresh(out.parent, wait=wait, tell=warn) as place:
        draft = infer(folder, beside=out.parent, **answers)
        place.write({SCHEMA_FILE: schema_text(), out.name: scaffold(draft)})
    _show(draft, out, Path("out"), tone)


def _from_set_up(set_up: Path, folder: Path | None, wait: bool, tone: "Tone") -> None:
    from synthor.populationsim import drafted
    from synthor.report.screen import command
    from synthor.spec.scaffold import SCHEMA_FILE, scaffold, schema_text
    from synthor.store.fresh import fresh

    if folder is None:
        cure = f"write: {command('init', '--from-populationsim', set_up, 'FOLDER')}"
        raise InputError([Finding(where="init --from-populationsim", message="needs a folder to write", cure=cure)])
    with fresh(folder, wait=wait, tell=warn) as place:
        made = drafted(set_up)
        place.write({**made.files, SCHEMA_FILE: schema_text(), "spec.yaml": scaffold(made.draft)})
    _show(made.draft, folder / "spec.yaml", folder / "out", tone)


def _show(draft: "Draft", spec: Path, out: Path, tone: "Tone") -> None:
    """Tell what is in a draft, what had to be guessed, and what comes next."""
    from synthor.report.screen import Tone, command, print_json, say
    from synthor.schema.text import plural
    from synthor.spec.scaffold import numbered

    if tone is Tone.JSON:
        told = [f"{entry.name}: {entry.comment}." for entry in draft.variables if entry.comment]
        document = {"ok": True, "spec": str(spec), "told": [*told, *draft.remarks[1:]], "questions": draft.questions}
        print_json(document | {"records": draft.records, "variables": len(draft.variables), "targets": len(draft.targets)})
        return
    todo = "answer what it asks" if draft.questions else "read it"
    if tone is Tone.QUIET:
        say(f"Wrote {spec}: {todo}.")
        return
    variables, targets = plural(len(draft.variables), "variable"), plural(len(draft.targets), "target")
    say(f"{variables}, {targets}, {plural(draft.records, draft.unit or 'record')}.")
    say(f"Title{f' ({draft.title_comment})' if draft.title_comment else ''}: {draft.title}")
    for entry in draft.variables:
        if entry.comment:
            say(f"{entry.name}: {entry.comment}.")
    for remark in (*draft.remarks[1:], *numbered(draft.questions)):
        say(remark)
    say(f"Wrote {spec}: {todo}, then `{command('check', spec)}`, then `{command('run', spec, '--out', f'{out}/')}`.")


def _asked(as_json: bool) -> dict[str, str]:
    """What a person at a terminal says; elsewhere nobody can be asked."""
    if as_json or not sys.stdin.isatty():
        cure = "write synthor init FOLDER for a folder of tables, or synthor init --from records.csv FOLDER for private records"
        raise InputError([Finding(where="init", message="there is no terminal to ask at", cure=cure)])
    return {
        "folder": typer.prompt("Folder of your tables"),
        "title": typer.prompt("Title (empty: as the files say)", default="", show_default=False),
        "context": typer.prompt("What is one record, where, when (empty: as they say)", default="", show_default=False),
    }
