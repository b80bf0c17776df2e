"""JSON out of a model's answer: prose around it, a code fence, an end that was cut off.

The work grows with the length of the text and no faster, whatever is in it: what a reading costs is counted in characters, and
the search ends when it cost so many times the text.
"""

import json
import math
import re
from collections.abc import Iterable
from typing import Any

MOST_VALUES = 200
"""Brackets in prose that are looked into."""

MOST_WORK = 40
"""Times that a text may be read over, in characters; an answer that was cut off inside six brackets takes eight."""

DEEPEST = 40
"""Brackets within brackets that an answer may have; what lies deeper is left out."""

_NUMBER = "-+.0123456789eE"
_BLANK = re.compile(r"[\s,]*")
_OPENING = re.compile(r"[{\[]")


def said_once(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """An object of its names and values; what is said of one name in two ways is not known, so that its value is null.

    >>> said_once([("1", [30, 70]), ("2", [50, 50]), ("2", [50, 50]), ("1", [70, 30])])
    {'1': None, '2': [50, 50]}
    """
    found: dict[str, Any] = {}
    for name, value in pairs:
        found[name] = value if name not in found or found[name] == value else None
    return found


# Raw control characters are forgiven.
_DECODER = json.JSONDecoder(parse_constant=lambda name: None, object_pairs_hook=said_once, strict=False)


def salvage(text: str) -> tuple[Any, bool]:
    """The JSON value in an answer, and whether it was complete.

    Of an answer that was cut off, the members that were finished are kept. NaN and infinity become null, and so does what is
    said in two ways.

    >>> salvage('Here you are: {"1": [30, 70], "2": [5')
    ({'1': [30, 70]}, False)
    >>> salvage("I cannot help with that.")
    (None, False)
    """
    found: list[tuple[int, Any, bool]] = []
    reader = _Reader(text)
    start = _opening(text, 0)
    while start >= 0 and len(found) < MOST_VALUES and reader.work < MOST_WORK * len(text):
        value, end, whole = reader.read(start, 0)
        found.append((end - start, value, whole))
        start = _opening(text, max(end, start + 1))
    if not found:
        return None, False
    _, value, whole = max(found, key=lambda entry: entry[0])  # the longest: prose may hold brackets too
    return _plain(value, 0), whole


def _opening(text: str, start: int) -> int:
    found = _OPENING.search(text, start)
    return found.start() if found else -1


class _Reader:
    """Reads values out of a text and counts what that costs.

    Attributes:
        work: characters that were read in vain so far, at most.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.work = 0
        self._last_number = len(text.rstrip(_NUMBER))  # where the number that the text may end with begins

    def read(self, start: int, depth: int) -> tuple[Any, int, bool]:
        """The value that begins at `start`, where it ends, and whether it is complete."""
        text = self.text
        try:
            value, end = _DECODER.raw_decode(text, start)
            if isinstance(value, int | float) and end >= self._last_number:
                return None, len(text), False  # its next digit may be missing
            return value, end, True
        except json.JSONDecodeError as error:
            whole = error.msg.startswith("Unterminated string")  # was looked for to the end
            self.work += len(text) - start if whole else max(error.pos - start, 0) + 1
        except (ValueError, RecursionError):
            self.work += len(text) - start
        if depth > 6 or start >= len(text) or text[start] not in "{[":
            return None, start, False
        return (self._members if text[start] == "{" else self._elements)(start + 1, depth)

    def _members(self, at: int, depth: int) -> tuple[Any, int, bool]:
        text = self.text
        pairs: list[tuple[str, Any]] = []
        while True:
            at = _after_blank(text, at)
            if text.startswith("}", at):
                return said_once(pairs), at + 1, False
            name, at, named = self.read(at, depth + 1)
            if not named or not isinstance(name, str):
                return said_once(pairs), at, False
            at = _after_blank(text, at)
            if not text.startswith(":", at):
                return said_once(pairs), at, False
            part, at, whole = self.read(_after_blank(text, at + 1), depth + 1)
            wrapper = depth == 0 and bool(part) and not name.strip().isdecimal()  # holds entries, of which some are finished
            if whole or wrapper:
                pairs.append((name, part))
            if not whole:
                return said_once(pairs), at, False

    def _elements(self, at: int, depth: int) -> tuple[Any, int, bool]:
        value: list[Any] = []
        while True:
            at = _after_blank(self.text, at)
            if self.text.startswith("]", at):
                return value, at + 1, False
            part, at, whole = self.read(at, depth + 1)
            if not whole:
                return value, at, False
            value.append(part)


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _plain(value: Any, depth: int) -> Any:
    """The value with null for numbers that are none, and for what is nested too deeply to be an answer."""
    match value:
        case dict() | list() if depth >= DEEPEST:
            return None
        case dict():
            return {key: _plain(part, depth + 1) for key, part in value.items()}
        case list():
            return [_plain(part, depth + 1) for part in value]
        case float() if not math.isfinite(value):
            return None
        case int() if not isinstance(value, bool) and abs(value) > 10**15:
            return None
    return value
