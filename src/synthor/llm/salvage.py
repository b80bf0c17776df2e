"""JSON out of a model's answer: prose around it, a code fence, an end that was cut off."""

import json
import math
import re
from typing import Any

MOST_VALUES = 200
"""Brackets in prose that are looked into."""

_DECODER = json.JSONDecoder(parse_constant=lambda name: None, strict=False)  # raw control characters are forgiven
_REST_OF_NUMBER = re.compile(r"[-+.0-9eE]*")
_BLANK = re.compile(r"[\s,]*")


def salvage(text: str) -> tuple[Any, bool]:
    """The JSON value in an answer, and whether it was complete.

    Of an answer that was cut off, the members that were finished are kept. NaN and infinity become null.

    >>> salvage('Here you are: {"1": [30, 70], "2": [5')
    ({'1': [30, 70]}, False)
    >>> salvage("I cannot help with that.")
    (None, False)
    """
    found: list[tuple[int, Any, bool]] = []
    start = _opening(text, 0)
    while start >= 0 and len(found) < MOST_VALUES:
        value, end, whole = _read(text, start, 0)
        found.append((end - start, value, whole))
        start = _opening(text, max(end, start + 1))
    if not found:
        return None, False
    _, value, whole = max(found, key=lambda entry: entry[0])  # the longest: prose may hold brackets too
    return _finite(value), whole


def _opening(text: str, start: int) -> int:
    places = [place for place in (text.find("{", start), text.find("[", start)) if place >= 0]
    return min(places, default=-1)


def _read(text: str, start: int, depth: int) -> tuple[Any, int, bool]:
    """The value that begins at `start`, where it ends, and whether it is complete."""
    try:
        value, end = _DECODER.raw_decode(text, start)
        if isinstance(value, int | float) and _REST_OF_NUMBER.fullmatch(text, end):
            return None, len(text), False  # its next digit may be missing
        return value, end, True
    except (ValueError, RecursionError):
        pass
    if depth > 6 or start >= len(text) or text[start] not in "{[":
        return None, start, False
    return (_members if text[start] == "{" else _elements)(text, start + 1, depth)


def _members(text: str, at: int, depth: int) -> tuple[Any, int, bool]:
    value: dict[str, Any] = {}
    while True:
        at = _after_blank(text, at)
        if text.startswith("}", at):
            return value, at + 1, False
        name, at, named = _read(text, at, depth + 1)
        if not named or not isinstance(name, str):
            return value, at, False
        at = _after_blank(text, at)
        if not text.startswith(":", at):
            return value, at, False
        part, at, whole = _read(text, _after_blank(text, at + 1), depth + 1)
        wrapper = depth == 0 and bool(part) and not name.strip().isdecimal()  # holds entries, of which some are finished
        if whole or wrapper:
            value[name] = part
        if not whole:
            return value, at, False


def _elements(text: str, at: int, depth: int) -> tuple[Any, int, bool]:
    value: list[Any] = []
    while True:
        at = _after_blank(text, at)
        if text.startswith("]", at):
            return value, at + 1, False
        part, at, whole = _read(text, at, depth + 1)
        if not whole:
            return value, at, False
        value.append(part)


def _after_blank(text: str, at: int) -> int:
    found = _BLANK.match(text, at)
    return found.end() if found else at


def _finite(value: Any) -> Any:
    """The value with null for numbers that are none; of nesting too deep to be an answer, nothing."""
    try:
        match value:
            case dict():
                return {key: _finite(part) for key, part in value.items()}
            case list():
                return [_finite(part) for part in value]
            case float() if not math.isfinite(value):
                return None
            case int() if not isinstance(value, bool) and abs(value) > 10**15:
                return None
    except RecursionError:
        return None
    return value
