"""A command that failed, as JSON for machines: the same things that a person is told, each in a place of its own."""

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from synthor.errors import Finding, InputError, ModelError, OutputError, SynthorError, WaitingError

CODES = {
    "input": "The spec, a table, the beliefs or another input has to be mended.",
    "usage": "The command line names an option, an argument or a verb that there is not.",
    "output": "The result cannot be written.",
    "model": "The language model cannot be asked.",
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

    >>> failure_document(OutputError("out: the disk is full"), 2)["findings"][0]["code"]
    'output'
    """
    if isinstance(error, InputError):
        return failed(error.findings, "input", exit_code)
    if isinstance(error, ModelError):
        return failed([Finding(where=error.model, message=str(error))], "model", exit_code)
    if isinstance(error, WaitingError):
        cure = "answer them, and run the same command again"
        return failed([Finding(where=str(error.requests), message=str(error), cure=cure)], "waiting", exit_code)
    if isinstance(error, OutputError | OSError):
        return failed([Finding(where="output", message=str(error))], "output", exit_code)
    cure = "" if isinstance(error, SynthorError) else "report it with the lines on standard error"
    message = str(error) if isinstance(error, SynthorError) else f"{type(error).__name__}: {error}"
    return failed([Finding(where="synthor", message=message, cure=cure)], "bug", exit_code)


def failed(findings: Sequence[Finding], code: str, exit_code: int) -> dict[str, Any]:
    """The whole of what standard output holds after a failure."""
    told = [finding_document(finding, code) for finding in findings]
    return {"ok": False, "exit_code": exit_code, "findings": told}
