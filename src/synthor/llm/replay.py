"""A model's recorded answers, read instead of asking again."""

import json
from pathlib import Path

from synthor.errors import Finding, InputError


def read_recording(path: Path) -> str:
    """The text of a recorded answer.

    Raises:
        InputError: there is no such file, or it is not UTF-8 text.
    """
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        cure = "name answers.jsonl of a run folder, or a JSON file of beliefs"
        raise InputError([Finding(where=str(path), message=f"cannot be read: {error.strerror}", cure=cure)]) from None
    except UnicodeDecodeError:
        raise InputError([Finding(where=str(path), message="is not UTF-8 text", cure="save it as UTF-8")]) from None


def is_prior(path: Path) -> bool:
    """Whether a recording is one JSON object of beliefs, rather than a journal of answers, one a line.

    Raises:
        InputError: it cannot be read.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError:
        return bool(read_recording(path))  # which says why
    # One line that is an answer or a note decides: the others may be damaged.
    return not any(_is_of_a_journal(line) for line in lines)


def _is_of_a_journal(line: bytes) -> bool:
    try:
        document = json.loads(line.decode("utf-8").removeprefix("\ufeff"))
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and bool(document.keys() & {"key", "synthor", "recorded"})
