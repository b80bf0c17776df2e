"""Verbs that look at what the user wrote, before anything is spent."""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from synthor.cli.app import AsJson, Beliefs, Quiet, Scenario, SpecPath, WaitForOthers, manner, read, verb, warn
from synthor.errors import InputError

if TYPE_CHECKING:
    from synthor.report.screen import Tone


@verb(example="synthor schema > spec.schema.json")
def schema(
    as_json: Annotated[bool, typer.Option("--json", help="As other verbs have it; this one prints JSON anyway.")] = False,
) -> None:
    """Print the JSON schema of the spec, for editors."""
    from synthor.report.screen import print_json
    from synthor.spec.model import json_schema

    print_json(json_schema())


@verb("spec", example="synthor spec spec.yaml --explain")
def show_spec(
    spec: SpecPath,
    in_words: Annotated[bool, typer.Option("--explain", help="Say in words what it asks for.")] = False,
    as_json: AsJson = False,
) -> None:
    """Print a spec as it is understood, with defaults filled in; or explain it in words."""
    from synthor.report.terminal import show_explanation, show_understood

    loaded = read(spec)
    if in_words:
        show_explanation(loaded, as_json)
    else:
        show_understood(loaded, as_json)


@verb(example="synthor check spec.yaml --reconcile", codes="0 no problems, or warnings alone")
def check(
    spec: SpecPath,
    prior: Beliefs = None,
    scenario: Scenario = None,
    reconcile: Annotated[
        bool, typer.Option("--reconcile", help="Rescale tables that disagree onto each other, in a copy of the spec.")
    ] = False,
    fix_labels: Annotated[
        bool, typer.Option("--fix-labels", help="Give labels and columns that match nothing their meaning, in a copy.")
    ] = False,
    wait: WaitForOthers = False,
    quiet: Quiet = False,
    as_json: AsJson = False,
) -> None:
    """Find every problem of a spec, its tables and beliefs, before anything is spent."""
    from synthor.loop import check_all
    from synthor.report.terminal import show_findings

    tone = manner(as_json, quiet)
    try:
        if reconcile or fix_labels:
            _refuse_scenario(spec, scenario)
            _correct(spec, prior, reconcile, fix_labels, wait, tone)
        findings = check_all(read(spec, scenario, prior), prior)
    except InputError as error:
        findings = list(error.findings)
    show_findings(findings, tone)
    raise typer.Exit(2 if any(finding.severity == "error" for finding in findings) else 0)


def _refuse_scenario(spec: Path, scenario: Path | None) -> None:
    """A scenario's tables agree already, and there is no file of them to be put right."""
    from synthor.errors import Finding
    from synthor.spec.load import load_spec

    named = scenario or load_spec(spec).scenario
    if named is not None:
        message = "put the tables of a spec right, and those of a scenario follow these"
        cure = f"leave the scenario '{named}' out first, then apply it to the copy"
        raise InputError([Finding(where="--reconcile and --fix-labels", message=message, cure=cure)])


def _correct(spec: Path, prior: Path | None, reconcile: bool, fix_labels: bool, wait: bool, tone: "Tone") -> None:
    """Write a copy of the spec in which names and tables are put right, and check that."""
    from synthor.loop import check_all
    from synthor.reconcile import corrected
    from synthor.report.corrections import show_copy
    from synthor.spec.load import load_spec, spec_text
    from synthor.store.fresh import fresh

    with fresh(spec.parent, wait=wait, tell=warn) as folder:
        copy = corrected(load_spec(spec), spec_text(spec), spec.name, names=fix_labels, tables=reconcile)
        try:
            folder.write(copy.files)
        except InputError as error:
            cure = "move it away or delete it, then try again"
            raise InputError([replace(finding, cure=cure) for finding in error.findings]) from None
    findings = check_all(load_spec(spec.parent / copy.name if copy.name else spec), prior)
    show_copy(copy, findings, str(spec), tone)
    raise typer.Exit(2 if any(finding.severity == "error" for finding in (*findings, *copy.refused)) else 0)


@verb(example="synthor estimate spec.yaml")
def estimate(spec: SpecPath, quiet: Quiet = False, as_json: AsJson = False) -> None:
    """Tell requests, tokens and money before the first call."""
    from synthor.loop import expected_requests
    from synthor.method.estimate import estimate as priced
    from synthor.method.estimate import unasked
    from synthor.report.terminal import show_estimate

    tone, loaded = manner(as_json, quiet), read(spec)
    show_estimate(priced(loaded, expected_requests(loaded)), unasked(loaded), tone)
