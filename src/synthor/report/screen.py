"""The one way to a person's terminal: whatever is printed passes here, and nothing in it can steer the terminal.

Labels, names and notes come from tables, models and file names. They are shown as they are: marks of rich's markup stay text,
and control characters, bidirectional marks and the like are written out, as `errors.visible` does.
"""

import json
import os
import shlex
import sys
from contextlib import suppress
from enum import Enum
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.measure import Measurement
from rich.text import Text

from synthor.errors import JOINERS, visible


class Tone(Enum):
    """Who reads a result, and how much of it: a machine all; a person the verdict alone, what matters, or everything."""

    JSON = "json"
    QUIET = "quiet"
    USUAL = "usual"
    VERBOSE = "verbose"


class Screen(Console):
    """A console on which every plain string is text, wherever it stands in what is shown; styles come with `words` alone."""

    def __init__(self, *, error: bool = False) -> None:
        super().__init__(stderr=error, highlight=False, soft_wrap=True, markup=False, emoji=False)

    def render_str(self, text: str, **options: Any) -> Text:
        """A plain string, made visible."""
        return super().render_str(visible(text, kept=JOINERS), **options)

    def on_broken_pipe(self) -> None:
        """What nobody reads any more is lost, but nothing else: the command goes on and ends as it would have."""
        _unread()


class Fitting:
    """A table where all of it fits into the width, and something narrower where cells would be cut or broken."""

    def __init__(self, table: RenderableType, narrow: RenderableType) -> None:
        self.table, self.narrow = table, narrow

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        wanted = Measurement.get(console, options.update(max_width=10_000), self.table).maximum
        yield self.table if wanted <= options.max_width else self.narrow


def words(text: str, style: str = "") -> Text:
    """One line of words in a style."""
    return Text(visible(text, kept=JOINERS), style)


def say(line: str, *, error: bool = False) -> None:
    """Print one line as it is, on standard output or standard error; where nobody can read the latter, nowhere."""
    if not error:
        _print(visible(line, kept=JOINERS) + "\n")
    elif sys.stderr is not None:
        with suppress(OSError):  # closed, full or gone: no reason to lose a result
            print(visible(line, kept=JOINERS), file=sys.stderr, flush=True)


def show(text: RenderableType, *, error: bool = False) -> None:
    """Print something, on standard output or standard error; where nobody can read the latter, nowhere."""
    if not error:
        Screen().print(text)
    elif sys.stderr is not None:
        with suppress(OSError):
            Screen(error=True).print(text)


def watched_by_a_person() -> bool:
    """Whether standard error is a terminal, whatever FORCE_COLOR says."""
    return sys.stderr is not None and sys.stderr.isatty()


def command(*arguments: object) -> str:
    """A command of synthor as it can be pasted into a shell.

    >>> command("sample", "my out")
    "synthor sample 'my out'"
    """
    return shlex.join(["synthor", *map(str, arguments)])


def print_json(document: object) -> None:
    """One JSON document on standard output."""
    print_document(json.dumps(document, ensure_ascii=False, indent=1) + "\n")


def print_document(text: str) -> None:
    r"""JSON or YAML on standard output; what nobody sees is escaped inside its quotes, so that it reads as the same document.

    >>> print_document('{"name": "\u202eevil"}\n')
    {"name": "\u202eevil"}
    """
    _print("\n".join(line if line.isprintable() and fits(line) else _escaped(line) for line in text.split("\n")))


def fits(text: str) -> bool:
    """Whether standard output has all characters of a text: under LC_ALL=C it may have those of ASCII alone."""
    try:
        text.encode(sys.stdout.encoding or "utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _print(text: str) -> None:
    try:
        print(text, end="", flush=True)
    except BrokenPipeError:
        _unread()


def _unread() -> None:
    """Whoever read standard output has gone (`| head`): the rest goes nowhere."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _escaped(line: str) -> str:
    return "".join(c if visible(c, kept=JOINERS) == c and fits(c) else json.dumps(c)[1:-1] for c in line)
