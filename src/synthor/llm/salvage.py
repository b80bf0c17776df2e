"""JSON out of a model's answer: prose around it, a code fence, an end that was cut off.

The work grows with the length of the text and no faster, whatever is in it: what a reading costs is counted in characters, and
the search ends when it cost so many times the text.
"""

import json
import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

MOST_VALUES = 200
"""Brackets in prose that are looked into."""

MOST_WORK = 40
"""Times that a text may be read over, in characters; an answer that was cut off inside six brackets takes eight."""

MOST_FAILURES = 5_000
"""Lists and objects that are looked into because they are no JSON."""

DEEPEST_MENDED = 6
"""Brackets within brackets in which slips are mended."""

DEEPEST = 40
"""Brackets within brackets that an answer may have; what lies deeper is left out."""

_BLANK = re.compile(r"(?:[\s,]|//[^\n]*|/\*.*?\*/)*", re.DOTALL)
_OPENING = re.compile(r"[{\[]")
_ENDED = re.compile(r"\s*(?:[,:}\]\"]|//|/\*|$|\n)")
"""What stands behind a number or a text that is all of its value."""

_QUOTED = re.compile(r"([\"'])((?:(?!\1)[^\\\n]|\\.|\1(?!\s*[,:{}\[\]]))*)\1(?=\s*(?:[,:}\]\n]|//|/\*|$))")
"""A text in either quotes, in which such quotes may stand as long as it goes on behind them."""

_BARE = re.compile(r"(?:(?!//|/\*)[^\s,:{}\[\]\"'])+(?:[^\S\n]+(?:(?!//|/\*)[^\s,:{}\[\]\"'])+)*")
_WHOLE_NUMBER = re.compile(r"[-+]?\d{1,15}")
_ANY_NUMBER = re.compile(r"[-+]?(?:\d{1,400}\.?\d{0,400}|\.\d{1,400})(?:[eE][-+]?\d{1,4})?")
_WORDS: dict[str, bool | None] = {"true": True, "false": False, "True": True, "False": False}
_WORDS |= dict.fromkeys(("null", "None", "NaN", "nan", "undefined", "Infinity", "-Infinity"))
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\]]', re.DOTALL)
_THOUGHT = re.compile(r"\s*<(think|thinking|thought|reasoning)>")
_THOUGHT_OUT = re.compile(r"</(?:think|thinking|thought|reasoning)>(?=\s*(?:```\w*\s*)?[{\[])")


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

    Of an answer that was cut off, the members that were finished are kept. A slip costs the list or object that it stands in,
    which becomes null; commas before a bracket, comments, words without quotes and quotes of other kinds are none. NaN and
    infinity become null, and so does what is said in two ways. What a model thought before it answered is no answer.

    >>> salvage('Here you are: {"1": [30, 70], "2": [5')
    ({'1': [30, 70]}, False)
    >>> salvage('{"1": [30, 70,], "2": {"rows": [[30: 70], [60, 40]]}}')
    ({'1': [30, 70], '2': {'rows': [None, [60, 40]]}}, False)
    >>> salvage("I cannot help with that.")
    (None, False)
    """
    text = _without_thoughts(text)
    found: list[_Found] = []
    reader = _Reader(text)
    start = _opening(text, 0)
    while start >= 0 and len(found) < MOST_VALUES and reader.work < MOST_WORK * len(text):
        reader.slipped = False
        value, end, state = reader.read(start, 0)
        found.append(_Found(end - start, value, state is _State.WHOLE and not reader.slipped))
        start = _opening(text, max(end, start + 1))
    if not found:
        return None, False
    value, whole = _chosen(found)
    return _plain(value, 0), whole


def _without_thoughts(text: str) -> str:
    """The text behind what a model thought, where it says so; nothing where it never came to an end."""
    opening = _THOUGHT.match(text)
    if opening:
        _, closing, after = text.partition(f"</{opening[1]}>")
        return after if closing else ""
    closed = list(_THOUGHT_OUT.finditer(text))  # servers may keep the opening to themselves
    return text[closed[-1].end() :] if closed else text


def _opening(text: str, start: int) -> int:
    found = _OPENING.search(text, start)
    return found.start() if found else -1


@dataclass(frozen=True, slots=True)
class _Found:
    """A value in an answer.

    Attributes:
        length: of its text.
        value: itself.
        whole: whether it was complete.
    """

    length: int
    value: Any
    whole: bool

    @property
    def shape(self) -> Any:
        """What drafts of one answer, and parts of it, have in common: the names of an object, the kind of what a list holds."""
        if isinstance(self.value, dict):
            return "parts" if self.numbered else frozenset(self.value)
        return type(self.value), type(self.value[0]) if self.value else None

    @property
    def numbered(self) -> bool:
        """Whether it is an object of entries by their numbers."""
        return isinstance(self.value, dict) and bool(self.value) and all(name.strip().isdecimal() for name in self.value)


def _chosen(found: Sequence[_Found]) -> tuple[Any, bool]:
    """The answer among the values of a text, and whether it is complete.

    Prose may hold brackets, too, so that it is the longest; of several that are alike the last, for those before are drafts;
    but parts that together give all entries are joined.
    """
    longest = max(found, key=lambda one: one.length)
    if not isinstance(longest.value, dict | list):
        return longest.value, longest.whole
    alike = [one for one in found if isinstance(one.value, dict | list) and one.shape == longest.shape]
    last = alike[-1]
    if not longest.numbered or all(one.value.keys() <= last.value.keys() for one in alike):
        return last.value, last.whole
    parts = said_once((name, entry) for one in alike for name, entry in one.value.items())
    return parts, all(one.whole for one in alike)


class _State(Enum):
    """How the reading of a value ended."""

    WHOLE = auto()  # at its end
    LOST = auto()  # behind it; what it says could not be read
    BAD = auto()  # where no value begins
    CUT = auto()  # with the text, in the middle of it


class _Reader:
    """Reads values out of a text and counts what that costs.

    Attributes:
        work: characters that were read in vain so far, at most.
        slipped: whether anything was lost on the way.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.work = 0
        self.slipped = False
        self._failures = 0

    def read(self, start: int, depth: int) -> tuple[Any, int, _State]:
        """The value that begins at `start`, where it ends, and how."""
        text = self.text
        if start >= len(text):
            return None, start, _State.CUT
        if text[start] not in '{["':
            return self._loose(start)
        try:
            value, end = _DECODER.raw_decode(text, start)
            if isinstance(value, dict | list) or _ENDED.match(text, end):
                return value, end, _State.WHOLE
        except json.JSONDecodeError as error:
            whole = error.msg.startswith("Unterminated string")  # was looked for to the end
            self.work += len(text) - start if whole else max(error.pos - start, 0) + 1
            self._failures += 1
        except (ValueError, RecursionError):
            self.work += len(text) - start
        if self._failures > MOST_FAILURES:
            return None, len(text), _State.CUT
        if text[start] == '"':
            return self._loose(start)
        if depth > DEEPEST_MENDED:
            return self._left(start + 1, None, depth)
        return (self._members if text[start] == "{" else self._elements)(start + 1, depth)

    def _loose(self, start: int) -> tuple[Any, int, _State]:
        """A text in quotes of any kind, or without, or a number, even as JSON does not write it."""
        text = self.text
        if text[start] in "\"'":
            quoted = _QUOTED.match(text, start)
            self.work += (quoted.end() if quoted else len(text)) - start
            return (quoted[2], quoted.end(), _State.WHOLE) if quoted else (None, start, self._of_open_text(start))
        bare = _BARE.match(text, start)
        if bare is None:
            return None, start, _State.BAD
        if bare.end() >= len(text):
            return None, len(text), _State.CUT  # its next letter or digit may be missing
        word = bare[0].rstrip()
        if word in _WORDS:
            return _WORDS[word], bare.end(), _State.WHOLE
        if _WHOLE_NUMBER.fullmatch(word):
            return int(word), bare.end(), _State.WHOLE
        return float(word) if _ANY_NUMBER.fullmatch(word) else word, bare.end(), _State.WHOLE

    def _of_open_text(self, start: int) -> _State:
        """Whether a text that begins somewhere was cut off, or ends where it must not."""
        return _State.BAD if self.text.find(self.text[start], start + 1) >= 0 else _State.CUT

    def _members(self, at: int, depth: int) -> tuple[Any, int, _State]:
        text = self.text
        pairs: list[tuple[str, Any]] = []
        while True:
            at = _after_blank(text, at)
            if text.startswith("}", at):
                return said_once(pairs), at + 1, _State.WHOLE
            name, end, state = self.read(at, depth + 1)
            colon = _after_blank(text, end)
            if state is _State.CUT:
                return said_once(pairs), end, state
            if state is not _State.WHOLE or isinstance(name, dict | list) or not text.startswith(":", colon):
                return self._left(at, said_once(pairs), depth)
            name = name if isinstance(name, str) else text[at:end]
            part, at, state = self.read(_after_blank(text, colon + 1), depth + 1)
            wrapper = depth == 0 and bool(part) and not name.strip().isdecimal()  # holds entries, of which some are finished
            if state in (_State.WHOLE, _State.LOST) or (state is _State.CUT and wrapper):
                pairs.append((name, part if wrapper or state is _State.WHOLE else None))
            if state is _State.CUT:
                return said_once(pairs), at, state
            if state is _State.BAD:
                return self._left(at, said_once(pairs), depth)

    def _elements(self, at: int, depth: int) -> tuple[Any, int, _State]:
        value: list[Any] = []
        while True:
            at = _after_blank(self.text, at)
            if self.text.startswith("]", at):
                return value, at + 1, _State.WHOLE
            part, at, state = self.read(at, depth + 1)
            if state is _State.CUT:
                return value, at, state
            if state is _State.BAD:
                return self._left(at, value, depth)
            value.append(part if state is _State.WHOLE else None)

    def _left(self, at: int, value: Any, depth: int) -> tuple[Any, int, _State]:
        """What was read of a list or object before something slipped; the reading goes on behind its end.

        Nothing counts as read of an entry: what was read before is kept by the outermost and by what holds all entries in it.
        """
        self.slipped = True
        if depth == 0:
            return value, at, _State.CUT
        inside = 1
        for found in _BRACKETS.finditer(self.text, at):
            inside += {"{": 1, "[": 1, "}": -1, "]": -1}.get(found[0], 0)
            if not inside:
                self.work += found.end() - at
                return value, found.end(), _State.LOST
        self.work += len(self.text) - at
        return value, len(self.text), _State.CUT


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
