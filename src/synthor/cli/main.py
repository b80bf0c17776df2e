"""Where the command begins: every verb, and what becomes of an error.

Exit codes: 0 targets met, 1 not met (the result is written), 2 bad input, 3 our fault, 130 interrupted.
"""

import errno
import io
import sys
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from typer import Abort

from synthor.cli import export, init, inputs, results, versus  # noqa: F401  each adds verbs
from synthor.cli.app import app
from synthor.cli.interrupt import INTERRUPTED, interruption
from synthor.errors import Finding, InputError, SynthorError, visible


def main() -> None:
    """Entry point of the `synthor` command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")  # a label that the terminal has no letters for ends no command
    code: int | None = None
    with suppress(KeyboardInterrupt), interruption.noticed():
        code = _ended()
    if code is None:
        _document([Finding(where="synthor", message="interrupted")], "interrupted", INTERRUPTED)
    sys.exit(INTERRUPTED if interruption.noted or code is None else code)


def _ended() -> int | None:
    """The exit code of the command, once what went wrong is told; None where it was interrupted, of which nothing is told."""
    try:
        return int(app(standalone_mode=False) or 0)
    except InputError as error:
        from synthor.report.screen import show
        from synthor.report.terminal import findings_list

        show(findings_list(list(error.findings)), error=True)
        _document(error.findings, "input", error.exit_code)
        return error.exit_code
    except SynthorError as error:
        _say(f"{error.heading}: {error}")
        _failed(error, error.exit_code)
        return error.exit_code
    except KeyboardInterrupt:
        return None
    except Abort:
        _say("Aborted.")
        return None
    except Exception as error:
        if interruption.noted:  # somebody else's code made this of it
            return None
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            return _without_room(error)
        if hasattr(error, "format_message"):
            return _misused(error)
        import traceback

        for line in traceback.format_exc().splitlines():
            _say(line)
        _say("This is a bug in synthor, not in your input. Please report it with the lines above.")
        _failed(error, 3)
        return 3


def _wants_json() -> bool:
    """Whether a machine reads standard output; asked of the words themselves, since these may be what is wrong."""
    return "--json" in sys.argv[1:]


def _failed(error: Exception, exit_code: int) -> None:
    """Tell a machine of an error, if one listens."""
    if _wants_json():
        from synthor.report.failure import failure_document
        from synthor.report.screen import print_json

        print_json(failure_document(error, exit_code))


def _document(findings: Sequence[Finding], code: str, exit_code: int) -> None:
    """Tell a machine of findings, if one listens."""
    if _wants_json():
        from synthor.report.failure import failed
        from synthor.report.screen import print_json

        print_json(failed(findings, code, exit_code))


def _without_room(error: OSError) -> int:
    """Files tell of a full disk with their names; what is left is the output itself."""
    sys.stdout = io.StringIO()  # what the other still holds would be tried again at the end
    _say(f"error: the output cannot be written: {error.strerror}; free some space, or write it elsewhere")
    return 2


def _misused(error: Any) -> int:
    """What the command line says of arguments that it does not take, which may be names of files."""
    error.message = visible(error.message)
    error.show()
    _document([Finding(where="command line", message=visible(error.format_message()))], "usage", int(error.exit_code))
    return int(error.exit_code)


def _say(line: str) -> None:
    from synthor.report.screen import say

    say(line, error=True)
