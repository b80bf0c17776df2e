"""A command that failed, as JSON for machines: the same things that a person is told, each in a place of its own."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from synthor.errors import Finding, SynthorError

CODES = {
    "input": "The spec, a table, the beliefs or another input has to be mended.",
    "usage": "The command line names an option, an argument or a verb that there is not.",
    "output": "The result cannot be written.",
    "model": "The language model cannot be asked.",
    "workers": "Those who share the work died, went away, or are not made up as they must be.",
    "waiting": "Requests were written and wait for their answers.",
    "interrupted": "Ctrl-C was pressed.",
    "bug": "synthor broke a promise of its own; please report it.",
}
"""What each code of a finding means."""


def finding_document(finding: Finding, code: str = "input") -> dict[str, Any]:
    """One finding with its code."""
    return {"code": code, **asdict(finding)}


def failure_document(error: Exception, exit_code: int) -> dict[str, Any]:
    """An error, whatever its kind, as findings.

    >>> from synthor.errors import OutputError
    >>> told = failure_document(OutputError("out", "the disk is full", "free some space"), 2)["findings"][0]
    >>> told["code"], told["where"], told["cure"]
    ('output', 'out', 'free some space')
    """
    if isinstance(error, SynthorError):
        return failed(error.findings, error.code, exit_code)
    cure = "report it with the lines on standard error"
    return failed([Finding(where="synthor", message=f"{type(error).__name__}: {error}", cure=cure)], "bug", exit_code)


def failed(findings: Sequence[Finding], code: str, exit_code: int) -> dict[str, Any]:
    """The whole of what standard output holds after a failure."""
    told = [finding_document(finding, code) for finding in findings]
    return {"ok": False, "exit_code": exit_code, "findings": told}
