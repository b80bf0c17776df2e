"""Files that somebody gave as tables in memory: they last as long as the process, and nobody has to know where they are."""

import itertools
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

_NUMBERS = itertools.count(1)


def held_folder(files: Mapping[str, str]) -> Path:
    r"""A new folder with some text files, which is gone when the process ends.

    Args:
        files: text by name.

    >>> held_folder({"sexes.csv": "sex,count\n"}).name.isdigit()
    True
    """
    folder = Path(_root().name) / f"{next(_NUMBERS)}"
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def is_held(folder: Path) -> bool:
    """Whether a folder is such a one."""
    return bool(_root.cache_info().currsize) and folder.parent == Path(_root().name)


@cache
def _root() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="synthor-", ignore_cleanup_errors=True)
