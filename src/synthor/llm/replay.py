"""A model's recorded answers, read instead of asking again."""

import json
from pathlib import Path

from synthor.files import BELIEFS, read_text


def read_recording(path: Path) -> str:
    """The text of a recorded answer.

    Raises:
        InputError: there is no such file, it is not UTF-8 text, too large, or no plain file.
    """
    return read_text(path, most=BELIEFS, cure="name answers.jsonl of a run folder, or a JSON file of beliefs")


def is_prior(path: Path) -> bool:
    """Whether a recording is one JSON object of beliefs, rather than a journal of answers, one a line.

    Raises:
        InputError: it cannot be read.
    """
    text = read_recording(path).lstrip("\ufeff \n\r\t")
    try:
        first = json.loads(text.split("\n", 1)[0])
    except ValueError:
        return True
    return not isinstance(first, dict) or not first.keys() & {"key", "synthor", "recorded"}
