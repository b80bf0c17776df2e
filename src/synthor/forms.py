"""What a user writes, as pydantic models: and what is wrong with it, in words, wherever it was written.

A form that is built in Python says everything that is wrong with it as findings of one `InputError`. Whoever validates what
came from a file takes pydantic's errors instead (`collected`), to say in which row each is.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any, ClassVar, Self

from pydantic import BaseModel, ConfigDict, ValidationError

from synthor.errors import Finding, InputError, nearest

Path = tuple[str | int, ...]
Located = tuple[Path, int | None, Mapping[str, Any]]
"""Where a problem is: its path as it was written, its row, and the keys beside it with their values."""

WRONG_TYPE = "Input should be a valid "
EXPECTED = re.compile(r"(?P<kinds>.+) (?:is|are) expected, (?P<found>.+) was found")
KINDS = {
    "string": ("a text", "put it in quotes"),
    "list": ("a list", "start each entry with a dash, or write [a, b]"),
    "mapping of keys to values": ("keys and values", "write {key: value, ...}"),
    "integer": ("a whole number", "write a whole number"),
    "number": ("a number", "write a plain number"),
    "boolean": ("true or false", "write true or false"),
}
"""What pydantic expects, in words, and what to write."""

PLAIN = {
    "int_parsing": ("{found} is no whole number", "write a number such as 5000"),
    "int_type": ("{found} is no whole number", "write a number such as 5000"),
    "int_parsing_size": ("{found} is too large", "write a smaller number"),
    "int_from_float": ("{found} is no whole number", "write a number such as 5000"),
    "greater_than": ("{found} is too small", "it must be larger than {gt}"),
    "greater_than_equal": ("{found} is too small", "it must be {ge} or more"),
    "less_than": ("{found} is too large", "it must be less than {lt}"),
    "less_than_equal": ("{found} is too large", "it must be {le} or less"),
    "float_parsing": ("{found} is no number", "write a plain number, with a point for decimals"),
    "dict_type": ("keys and values are expected, {found} was found", "write {{key: value, ...}}"),
    "too_short": ("it is empty", "give at least one"),
    "string_too_short": ("it is empty", "give a text"),
    "list_type": ("a list is expected, {found} was found", "start each entry with a dash, or write [a, b]"),
    "model_type": ("keys and values are expected, {found} was found", "write {{key: value, ...}}"),
    "model_attributes_type": ("keys and values are expected, {found} was found", "write {{key: value, ...}}"),
}
"""Messages of pydantic that a user would not understand, and what to do."""

ONE_TYPE = ("variables", "members", "rules", "labels")
"""Parts of a spec inside of which no value may be of several types."""

KEY_CURES = {
    "suppressed": "write what they were smaller than: suppressed: '<10'",
    "confidence": "90% is 0.9",
    "never": "write {never: \"age < 15 and works = 'yes'\"}",
}
"""What to write for keys that are often got wrong."""


class Form(BaseModel):
    """A part of what a user writes; it does not change.

    Raises:
        InputError: something in it is wrong; lists all of that.

    >>> class Budget(Form):
    ...     requests: int
    >>> Budget(requests="many", minutes=3)
    Traceback (most recent call last):
    synthor.errors.InputError: budget: requests: 'many' is no whole number; write a number such as 5000
    budget: minutes: unknown key 'minutes'; known: requests

    It shows what was written:

    >>> class Caps(Form):
    ...     requests: int = 40
    ...     usd: float | None = None
    >>> Caps(usd=2)
    Caps(usd=2.0)
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    called: ClassVar[str] = ""
    """What messages call it; the name of its class unless given."""

    tags: ClassVar[Sequence[str]] = ()
    """What `type` may be inside of it."""

    @classmethod
    def known_keys(cls, path: Path, beside: Mapping[str, Any]) -> list[str]:
        """Keys that may stand where an unknown one does."""
        return [field.alias or name for name, field in cls.model_fields.items()] if len(path) == 1 else []

    @classmethod
    def elsewhere(cls, path: Path) -> str:
        """Where a key belongs that is unknown at its place; nothing where that is not told."""
        del path
        return ""

    def __init__(self, /, **data: Any) -> None:
        with _in_words(type(self), data):
            super().__init__(**data)

    # Forms inside of others are still built by pydantic itself, which knows where in the whole each stands.
    __init__.__pydantic_base_init__ = True  # type: ignore[attr-defined]

    @classmethod
    def model_validate(cls, obj: Any, **options: Any) -> Self:
        """A form from plain values."""
        with _in_words(cls, obj):
            return super().model_validate(obj, **options)

    def __repr_args__(self) -> Iterator[tuple[str | None, Any]]:
        """What was written, without all that was left at what it is unless given."""
        return ((name, value) for name, value in super().__repr_args__() if name in self.model_fields_set)

    @classmethod
    def collected(cls, data: Any) -> Self:
        """The same, for whoever knows in which row of a file each value stands.

        Raises:
            ValidationError: of pydantic, with the path of each problem.
        """
        return super().model_validate(data)


@contextmanager
def _in_words(form: type[Form], data: object) -> Iterator[None]:
    try:
        yield
    except ValidationError as error:
        called = form.called or form.__name__.removesuffix("Spec").lower() or "spec"
        raise InputError(findings_of(error, form, lambda loc: located(data, loc), called)) from None


def findings_of(error: ValidationError, form: type[Form], locate: Callable[[Path], Located], source: str) -> list[Finding]:
    """What is wrong, in words, one finding a value.

    Args:
        error: of pydantic.
        form: that was to be built.
        locate: where each part of it was written.
        source: what to call the whole.
    """
    return _merged([_finding(problem, form, locate, source) for problem in error.errors()])


def located(data: object, loc: Path) -> Located:
    """Follow pydantic's path through plain values; steps that name a type instead of a key are passed over."""
    path: Path = ()
    beside: dict[str, Any] = {}
    for step in loc:
        if isinstance(data, Mapping):
            beside = {str(key): value for key, value in data.items() if not isinstance(value, Mapping | list)}
            held = {str(key): value for key, value in data.items()}
            if str(step) in held:
                data, path = held[str(step)], (*path, step)
        elif isinstance(data, list | tuple) and isinstance(step, int) and step < len(data):
            data, path = data[step], (*path, step)
    return path, None, beside


def dotted(path: Path) -> str:
    """A path as messages write it.

    >>> dotted(("targets", 3, "counts"))
    'targets[3].counts'
    """
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _merged(findings: list[Finding]) -> list[Finding]:
    """One finding a value: pydantic reports a value that may be of several types once for each of them."""
    merged: dict[tuple[str, int | None, str], Finding] = {}
    for finding in findings:
        wrong_type = EXPECTED.fullmatch(finding.message)
        if wrong_type and any(other.where.startswith((f"{finding.where}[", f"{finding.where}.")) for other in findings):
            continue  # what is wrong inside is said
        key = (finding.where, finding.row, "" if wrong_type else finding.message)
        before = EXPECTED.fullmatch(merged[key].message) if key in merged else None
        if before is not None and wrong_type and before["kinds"] != wrong_type["kinds"]:
            both = f"{before['kinds']} or {wrong_type['kinds']} are expected, {wrong_type['found']} was found"
            cure = finding.cure if finding.cure in KEY_CURES.values() else ""
            merged[key] = replace(finding, message=both, cure=cure)
        else:
            merged[key] = finding
    return list(merged.values())


def _finding(problem: Any, form: type[Form], locate: Callable[[Path], Located], source: str) -> Finding:
    path, row, beside = locate(problem["loc"])
    message = re.sub(r"valid dictionary.*", "valid mapping of keys to values", problem["msg"].removeprefix("Value error, "))
    cure = ""
    if problem["type"] == "extra_forbidden":
        known = form.known_keys(path, beside)
        message, cure = f"unknown key '{path[-1]}'", form.elsewhere(path) or nearest(str(path[-1]), known)
        if str(path[-1]).isdigit():
            cure = "write numbers without thousands separators, and put texts that hold a comma in quotes"
    elif problem["type"] == "missing":
        message, cure = f"'{problem['loc'][-1]}' is missing", f"add `{problem['loc'][-1]}: ...`"
    elif problem["type"] in PLAIN and (len(path) == 1 or path[0] in ONE_TYPE or "type" not in problem["type"]):
        message, cure = PLAIN[problem["type"]]
        values = {"found": _found(problem["input"]), **problem.get("ctx", {})}
        message, cure = message.format(**values), cure.format(**values)
        if "number" in cure and isinstance(problem["input"], str) and re.search(r"\d[,.' ]\d{3}", problem["input"]):
            cure = "write it without thousands separators"
    elif problem["type"] == "string_pattern_mismatch":
        message = f"{_found(problem['input'])} names no model"
        cure = "write provider:model, such as openai:gpt-5 or anthropic:claude-sonnet-4-5, or batch:FOLDER, replay:FILE, none"
    elif problem["type"] == "level":
        message, cure = problem["ctx"]["message"], problem["ctx"]["cure"]
    elif problem["type"] == "union_tag_invalid":
        tag = str(problem["ctx"]["tag"])
        message, cure = f"unknown type '{tag}'", nearest(tag, form.tags)
    elif problem["type"] == "union_tag_not_found":
        message, cure = "'type' is missing", f"use one of {', '.join(form.tags)}"
    elif problem["type"] == "value_error":
        message, _, cure = message.partition("; ")
    elif (kind := KINDS.get(message.removeprefix(WRONG_TYPE))) and message.startswith(WRONG_TYPE):
        message = f"{kind[0]} {'are' if kind[0].endswith('s') else 'is'} expected, {_found(problem['input'])} was found"
        alone = isinstance(problem["input"], str) and kind[0] == "a list" and re.fullmatch(r"[\w.]{1,60}", problem["input"])
        cure = f"write [{problem['input']}]" if alone else kind[1]
        if kind[0] == "a text" and isinstance(problem["input"], Mapping | list):
            cure = "write one text, without brackets"
    else:
        cure = str(problem.get("ctx", {}).get("cure", ""))
    if cure.startswith("write a plain number") and problem["type"] != "float_type":
        cure = _cure_of_number(str(problem["input"]), str(path[2]) if len(path) > 2 else "")
    key = "never" if path[:1] == ("rules",) and problem["type"] == "model_type" else str(path[-1]) if path else ""
    cure = KEY_CURES.get(key, cure) if problem["type"] != "missing" else cure
    if path == ("model",) and isinstance(problem["input"], str):
        cure = "write model: {name: ...}"
    return Finding(where=f"{source}: {dotted(path)}" if path else source, row=row, message=message, cure=cure)


def _cure_of_number(text: str, key: str) -> str:
    """What to do about a text in the place of a number."""
    if text.strip().endswith("%"):
        return f"leave the percent sign out{', and call them shares' if key == 'counts' else ''}"
    if not any(character.isdigit() for character in text) and key in ("counts", "shares"):
        return f"write a number; cells that are not told need `table:`, with a column {key.removesuffix('s')}"
    return "write a plain number, with a point for decimals and no thousands separators"


def _found(value: object) -> str:
    """What was found instead, short enough for a message."""
    if value is None:
        return "nothing"
    if isinstance(value, Mapping | list):
        return "a mapping" if isinstance(value, Mapping) else "a list"
    return f"'{str(value)[:60]}'"
