"""Where the command begins: every verb, and what becomes of an error.

Exit codes: 0 targets met, 1 not met (the result is written), 2 bad input, 3 our fault, 130 interrupted.
"""

import sys

from synthor.cli import arithmetic, init, inputs, results  # noqa: F401  that comes before NumPy; each other adds its verbs
from synthor.cli.app import app
from synthor.errors import InputError, SynthorError


def main() -> None:
    """Entry point of the `synthor` command."""
    try:
        app()
    except InputError as error:
        from synthor.report.terminal import findings_list, show

        show(findings_list(list(error.findings)), error=True)
        sys.exit(2)
    except SynthorError as error:
        print(f"{error.heading}: {error}", file=sys.stderr)
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
