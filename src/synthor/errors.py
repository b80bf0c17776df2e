"""What can go wrong, told by what the reader should do about it.

Every error that synthor raises on purpose derives from `SynthorError`; each leaf stands for one action of the reader.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One problem with the user's input: where it is, what is wrong, how to cure it.

    >>> print(Finding(where="tenure.csv", row=3, message="unknown label 'rentd' of tenure", cure="did you mean 'rented'?"))
    tenure.csv, row 3: unknown label 'rentd' of tenure; did you mean 'rented'?

    A list of them can be read at a prompt, too:

    >>> [Finding(where="records", message="it is missing", severity="warning")]
    [<warning: records: it is missing>]
    """

    where: str
    message: str
    cure: str = ""
    row: int | None = None
    label: str | None = None
    found: float | str | None = None
    expected: float | str | None = None
    severity: Literal["error", "warning"] = "error"

    def __str__(self) -> str:
        place = self.where if self.row is None else f"{self.where}, row {self.row}"
        return visible(f"{place}: {self.message}" + (f"; {self.cure}" if self.cure else ""))

    def __repr__(self) -> str:
        return f"<{self.severity}: {self}>"


JOINERS = "\u200c\u200d\u00a0\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f\u205f\u3000"
"""Joiners that some scripts and emoji are written with, and blanks of other widths: harmless where nothing is compared."""


def visible(text: str, *, kept: str = "") -> str:
    r"""A text on one line, its control characters written out: labels are data, and must not steer a terminal.

    Marks that turn the direction of writing, that have no width or that no font shows are written out, too.

    Args:
        text: of whatever origin.
        kept: characters to leave as they are.

    >>> print(visible("a\x1b[31m\u202eb\n"))
    a\x1b[31m\u202eb\n
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() or c in kept else c.encode("unicode_escape").decode("ascii") for c in text)


class SynthorError(Exception):
    """Root of every error that synthor raises on purpose.

    Attributes:
        findings: what is wrong, each with its place and its cure.
        exit_code: of a command that ends so.
        heading: what the command line says before it.
        code: of its findings, for machines.
    """

    exit_code = 3
    heading = "error"
    code = "bug"
    findings: tuple[Finding, ...]

    def __init__(self, message: str, *, where: str = "synthor", cure: str = "") -> None:
        self.findings = (Finding(where=where, message=message, cure=cure),)
        super().__init__(message + (f"; {cure}" if cure else ""))

    def __reduce__(self) -> tuple[object, ...]:
        """As it is, for another process: what its class was made with is not kept."""
        return _restored, (type(self), self.args), vars(self)


def _restored(cls: type[SynthorError], args: tuple[object, ...]) -> SynthorError:
    return cls.__new__(cls, *args)


class InputError(SynthorError):
    """Fix the spec, a table, the beliefs or another input: all problems that were found, together.

    Attributes:
        findings: one entry a problem, in the order of the input.
    """

    exit_code = 2
    code = "input"

    def __init__(self, findings: Iterable[Finding]) -> None:
        found = tuple(findings)
        super().__init__("\n".join(str(finding) for finding in found))
        self.findings = found


class OutputError(SynthorError):
    """Make room or choose another place: the result could not be written.

    >>> print(OutputError("out", "is a file", "choose another --out"))
    out: cannot be written: is a file; choose another --out
    """

    exit_code = 2
    code = "output"

    def __init__(self, path: str | Path, reason: str, cure: str) -> None:
        super().__init__(f"cannot be written: {reason}", where=str(path), cure=cure)
        self.args = (str(self.findings[0]),)

    @classmethod
    def of(cls, path: str | Path, error: OSError, cure: str) -> "OutputError":
        """What the system says of a file, with a cure."""
        return cls(path, error.strerror or type(error).__name__, cure)


class WorkerError(SynthorError):
    """Give those who share the work what they need: they died again and again, went away, or are not what was expected."""

    exit_code = 2
    code = "workers"

    def __init__(
        self, message: str, *, where: str = "workers", cure: str = "is there enough memory? try fewer, or one: --workers 1"
    ) -> None:
        super().__init__(message, where=where, cure=cure)


class WaitingError(SynthorError):
    """Answer the requests that were written, then run the same command again.

    Attributes:
        requests: the file to be answered.
        responses: the file to be made.
        n_open: how many requests have no answer yet.
        failed: which of them came back without one, in words; empty where none did.
    """

    exit_code = 1
    heading = "waiting"
    code = "waiting"

    def __init__(self, requests: Path, responses: Path, n_open: int, failed: str = "") -> None:
        self.requests, self.responses, self.n_open, self.failed = requests, responses, n_open, failed
        plural = "" if n_open == 1 else "s"
        cure = (
            f"put the answers into {responses}, one line of a batch result each, and run the same command again"
            " (or with --wait, to wait for them)"
        )
        told = f", {failed}" if failed else ""
        super().__init__(f"{n_open} request{plural} to a model in {requests}{told}", where=str(requests), cure=cure)


class ModelError(SynthorError):
    """Mend the model's name, key, address or network: nothing was asked, or the model cannot be reached any more.

    Attributes:
        model: as named in the spec.
        status: HTTP status, if there was one.
    """

    exit_code = 2
    code = "model"

    def __init__(self, message: str, *, model: str, cure: str = "", status: int | None = None) -> None:
        self.model, self.status = model, status
        super().__init__(visible(message), where=model, cure=cure)  # a server may have written some of it


class StoppedError(SynthorError):
    """Go on with the command that is named: Ctrl-C was pressed.

    Args:
        folder: that holds what was finished.
        cure: how to go on.
    """

    exit_code = 130
    heading = "Interrupted"
    code = "interrupted"

    def __init__(self, folder: Path, cure: str) -> None:
        super().__init__(f"{folder} holds what was finished", where=str(folder), cure=cure)


class BugError(SynthorError):
    """Report this: synthor broke a promise of its own."""


MOST_COMPARED = 1000
"""Characters of a label that others are compared with: the time for it grows with their square."""


def near(label: str, choices: Sequence[str]) -> str | None:
    """The one that a misspelt label may have meant.

    >>> near("Rentd", ["owned", "rented"])
    'rented'
    """
    folded = {choice.casefold().strip(): choice for choice in choices if len(choice) <= MOST_COMPARED}
    like = label.casefold().strip() if len(label) <= MOST_COMPARED else ""
    close = difflib.get_close_matches(like, list(folded), n=1, cutoff=0.6)
    return folded[close[0]] if close else None


def nearest(label: str, choices: Sequence[str]) -> str:
    """A suggestion for a misspelt label, empty when nothing is near.

    >>> nearest("Rentd", ["owned", "rented"])
    "did you mean 'rented'?"
    >>> nearest("zebra", ["owned", "rented"])
    'known: owned, rented'
    """
    found = near(label, choices)
    if found is not None:
        return f"did you mean '{found}'?"
    listed = ", ".join(choices[:8]) + (", ..." if len(choices) > 8 else "")
    return f"known: {listed}" if choices else ""
