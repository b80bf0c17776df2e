"""Texts in CSV files that a spreadsheet would run: written with an apostrophe before them, and read back without it.

A spreadsheet takes a field that begins with = + - @ (their wide forms, too), a tab or a line break for a formula, which may
open programs and addresses. So such a text gets one apostrophe more in front, be it that it begins with apostrophes itself:
what is read with one apostrophe less is the very text that was written. Numbers stay as they are, negative ones too.
"""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import polars as pl

RUN = "^'*[=+\\-@\uff1d\uff0b\uff0d\uff20\t\r\n]"
NUMBER = r"^[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?$"
_RUN, _NUMBER = re.compile(RUN), re.compile(NUMBER.replace("$", r"\Z"))


def guarded(text: str) -> str:
    """A text as it stands in a CSV file.

    >>> [guarded(text) for text in ("=1+1", "'=1+1", "-5", "- none", "a=b", "'a")]
    ["'=1+1", "''=1+1", '-5', "'- none", 'a=b', "'a"]
    """
    return f"'{text}" if _RUN.match(text) and not _NUMBER.match(text) else text


def bared(text: str) -> str:
    """The text that `guarded` was given.

    >>> [bared(text) for text in ("'=1+1", "''=1+1", "-5", "'- none", "'a")]
    ['=1+1', "'=1+1", '-5', '- none', "'a"]
    """
    return text[1:] if text.startswith("'") and _RUN.match(text) else text


def guard(frame: "pl.DataFrame") -> "pl.DataFrame":
    """A table whose texts no spreadsheet runs."""
    return _mapped(frame, guarded)


def bare(frame: "pl.DataFrame") -> "pl.DataFrame":
    """The table that `guard` was given, as it was read from a CSV file."""
    return _mapped(frame, bared)


def _mapped(frame: "pl.DataFrame", change: Callable[[str], str]) -> "pl.DataFrame":
    """A table with a function applied to its texts, once to each that occurs."""
    import polars as pl

    for name, dtype in frame.schema.items():
        if isinstance(dtype, pl.Enum):
            told = dtype.categories.to_list()
        elif dtype in (pl.String, pl.Categorical):
            told = frame[name].cast(pl.String).filter(frame[name].cast(pl.String).str.contains(RUN)).unique().to_list()
        else:
            continue
        changed = {text: new for text in told if (new := change(text)) != text}
        if changed:
            frame = frame.with_columns(pl.col(name).cast(pl.String).replace(changed))
    return frame
