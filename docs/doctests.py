"""For the reference: examples in docstrings, which begin with >>>, are shown as code."""

import re
from typing import Any

import griffe


def fenced(text: str) -> str:
    r"""Docstring with each run of lines from a prompt to the next blank line inside a fence.

    >>> fenced("Adds.\n\n>>> 1 + 1\n2\n")
    'Adds.\n\n```python\n>>> 1 + 1\n2\n```\n'
    """
    blocks = re.split(r"\n\s*\n", text.rstrip("\n"))
    shown = [f"```python\n{block.strip()}\n```" if block.lstrip().startswith(">>>") else block for block in blocks]
    return "\n\n".join(shown) + "\n"


class Doctests(griffe.Extension):
    """Applied to every docstring that the reference shows."""

    def on_object(self, *, obj: griffe.Object, **_: Any) -> None:
        """Put its examples into fences."""
        if obj.docstring is not None and ">>>" in obj.docstring.value:
            obj.docstring.value = fenced(obj.docstring.value)
