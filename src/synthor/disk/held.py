"""Files that somebody gave as tables in memory: they last as long as the process, and nobody has to know where they are."""

import hashlib
import itertools
import tempfile
from collections.abc import Mapping
from functools import cache
from pathlib import Path

IN_MEMORY = "in-memory-"
"""What names of single files begin with."""

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


def held_file(text: str) -> str:
    r"""The name of a CSV file with a text: made from it, so that what names the file is the same for the same records.

    >>> held_file("a\n1\n"), found(Path("here"), held_file("a\n1\n")).is_file()
    ('in-memory-309b0e45a73d.csv', True)
    """
    name = f"{IN_MEMORY}{hashlib.sha256(text.encode()).hexdigest()[:12]}.csv"
    (Path(_root().name) / name).write_text(text, encoding="utf-8")
    return name


def found(folder: Path, name: str) -> Path:
    """Where a file is that a spec in a folder names, or that is held under this name."""
    held = Path(_root().name) / name if name.startswith(IN_MEMORY) else folder
    return held if held != folder and held.is_file() else folder / name


def is_held(folder: Path) -> bool:
    """Whether a folder is such a one."""
    return bool(_root.cache_info().currsize) and Path(_root().name) in (folder, folder.parent)


@cache
def _root() -> "tempfile.TemporaryDirectory[str]":
    return tempfile.TemporaryDirectory(prefix="synthor-", ignore_cleanup_errors=True)
