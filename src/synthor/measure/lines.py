"""A JSON file of one entry a line, in which some lists of very many numbers take one line each."""

import json
import re
from typing import Any

MARK = "\0in line\0"
_MARKED = re.compile(rf'"{re.escape(json.dumps(MARK)[1:-1])}([0-9]+)"')
"""What stands for a list that is put in later."""


_encode = json.JSONEncoder(ensure_ascii=False).encode
"""What `json.dumps` does, without making an encoder for each of very many lists."""


class InLine(list[object]):
    """A list that a file holds in one line."""


def in_lines(document: object) -> str:
    """A document as the text of a file, one entry a line.

    >>> print(in_lines({"a": [1, 2], "b": InLine([3, 4])}), end="")
    {
     "a": [
      1,
      2
     ],
     "b": [3, 4]
    }
    """
    lines: list[str] = []

    def marked(value: Any) -> Any:
        """The document with a mark in place of each such list."""
        if isinstance(value, InLine):
            lines.append(_encode(value))
            return f"{MARK}{len(lines) - 1}"
        if isinstance(value, list):
            return [marked(entry) for entry in value]
        return {key: marked(entry) for key, entry in value.items()} if isinstance(value, dict) else value

    text = json.dumps(marked(document), ensure_ascii=False, indent=1)
    return (_MARKED.sub(lambda found: lines[int(found[1])], text) if lines else text) + "\n"
