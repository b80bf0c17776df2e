"""Numbers as they stand in a spec: their digits, zeros at the end included, say how exactly a figure is known."""

import re
from collections.abc import Callable
from typing import Annotated, Any

from pydantic import PlainSerializer, SerializationInfo, WrapValidator

from synthor.schema.text import Written, unread

PLAIN = re.compile(r"[-+]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][-+]?[0-9]+)?")


def with_digits(value: float, text: str) -> float:
    """A number that keeps the text it was read from, where by itself it would be written in another way.

    >>> type(with_digits(0.5, "0.5")).__name__, type(with_digits(0.5, "0.50")).__name__
    ('float', 'Written')
    """
    return value if f"{value:.15g}" == text or PLAIN.fullmatch(text) is None else Written(text)


def _checked(value: Any, check: Callable[[Any], float]) -> float:
    found = check(value)
    if isinstance(value, Written):
        return value
    return with_digits(found, value.strip()) if isinstance(value, str) else found


def _dumped(value: Any, info: SerializationInfo) -> Any:
    return unread(value) if info.mode == "json" else value


_Kept = Annotated[float, WrapValidator(_checked)]
_IN_JSON = PlainSerializer(_dumped)

Digits = Annotated[_Kept, _IN_JSON]
"""A number of a spec whose digits count; in JSON it is a text where they would be lost."""

Value = Annotated[str | int | _Kept | bool, _IN_JSON]
"""A cell of a table that is written in a spec, or a label: if it is a number its digits count."""
