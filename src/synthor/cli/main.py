"""Where the command begins: every verb, and what becomes of an error.

Exit codes: 0 targets met, 1 not met (the result is written), 2 bad input, 3 our fault, 130 interrupted.
"""

import errno
import io
import sys
from typing import Any

from typer import Abort

from synthor.cli import arithmetic, init, inputs, results  # noqa: F401  that comes before NumPy; each other adds its verbs
from synthor.cli.app import app
from synthor.errors import InputError, SynthorError, visible


def main() -> None:
    """Entry point of the `synthor` command."""
    try:
        sys.exit(app(standalone_mode=False))
    except InputError as error:
        from synthor.report.screen import show
        from synthor.report.terminal import findings_list

        show(findings_list(list(error.findings)), error=True)
        sys.exit(2)
    except SynthorError as error:
        _say(f"{error.heading}: {error}")
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except Abort:
        _say("Aborted!")
        sys.exit(1)
    except BrokenPipeError:
        sys.exit(0)
    except Exception as error:
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
            _end_without_room(error)
        if hasattr(error, "format_message"):
            _end_with_usage(error)
        import traceback

        for line in traceback.format_exc().splitlines():
            _say(line)
        _say("This is a bug in synthor, not in your input. Please report it with the lines above.")
        sys.exit(3)


def _end_without_room(error: OSError) -> None:
    """Files tell of a full disk with their names; what is left is the output itself."""
    sys.stdout = io.StringIO()  # what the other still holds would be tried again at the end
    _say(f"error: the output cannot be written: {error.strerror}; free some space, or write it elsewhere")
    sys.exit(2)


def _end_with_usage(error: Any) -> None:
    """What the command line says of arguments that it does not take, which may be names of files."""
    error.message = visible(error.message)
    error.show()
    sys.exit(error.exit_code)


def _say(line: str) -> None:
    from synthor.report.screen import say

    say(line, error=True)
