"""A model's recorded answers, read instead of asking again."""

import json
from pathlib import Path

from synthor.files import BELIEFS, read_bytes, read_text

CURE = "name answers.jsonl of a run folder, or a JSON file of beliefs"


def read_recording(path: Path) -> str:
    """The text of a recorded answer.

    Raises:
        InputError: there is no such file, it is not UTF-8 text, too large, or no plain file.
    """
    return read_text(path, most=BELIEFS, cure=CURE)


def is_prior(path: Path) -> bool:
    """Whether a recording is one JSON object of beliefs, rather than a journal of answers, one a line.

    Raises:
        InputError: it cannot be read.
    """
    lines = read_bytes(path, most=BELIEFS, cure=CURE).split(b"\n")
    # One line that is an answer or a note decides: the others may be damaged.
    return not any(_is_of_a_journal(line) for line in lines)


def _is_of_a_journal(line: bytes) -> bool:
    try:
        document = json.loads(line.decode("utf-8").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and bool(document.keys() & {"key", "synthor", "recorded"})
