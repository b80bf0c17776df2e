"""Variables that follow from members: how `from` is written, and which form such a variable takes.

`from` is in the grammar of rules, of which only the shape is read here: the function, the level or role, the variable. The
condition stays a text, to be parsed where variables have their categories.
"""

import re
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from synthor.errors import nearest
from synthor.schema import Variable
from synthor.schema.kinds import INTEGER, KINDS, NUMBER, Boolean, Declared
from synthor.schema.text import as_text
from synthor.spec.names import FUNCTIONS
from synthor.spec.variables import Follows

NOBODY = "none"
"""The category of those that have no such member."""

CONDITIONS, COUNTS = ("any", "all"), ("any", "all", "count")
"""Functions that need a condition, and those that take members rather than a variable of theirs."""

MEAN_DECIMALS = 2
"""Decimals of a mean beyond those of what it is the mean of."""

_WORD = r"[A-Za-z_][A-Za-z0-9_]*"
_CALL = re.compile(rf"({_WORD})\s*\((.*)\)", re.DOTALL)
_DOTTED = re.compile(rf"({_WORD})(?:\s*\.\s*({_WORD}))?")
_QUOTED = re.compile(r"'[^']*'")
_EXAMPLES = "write count(person, age < 18), sum(person.earnings) or head.age"
_OF_NUMBERS = ("min", "max", "bins", "decimals", "labels", "unit")


class UnclearError(ValueError):
    """What is written cannot be understood; `cure` says what to write instead."""

    def __init__(self, message: str, cure: str) -> None:
        super().__init__(message)
        self.cure = cure


@dataclass(frozen=True, slots=True, kw_only=True)
class FromText:
    """A `from` as it is written.

    Attributes:
        function: one of `FUNCTIONS`; empty where one member is named by its role.
        name: of a level or role.
        variable: of these members; empty where they are counted.
        condition: which of them, as an SQL predicate; empty where all are meant.
    """

    function: str
    name: str
    variable: str
    condition: str

    @property
    def words(self) -> list[tuple[str, str]]:
        """Names in its condition, each with what stands before its dot."""
        found = _DOTTED.findall(_QUOTED.sub("''", self.condition))
        return [(before, own) if own else ("", before) for before, own in found]


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberRange:
    """How many members a function goes over.

    Attributes:
        low: the fewest.
        high: the most; None where there is no limit.
    """

    low: int
    high: int | None

    def sums(self, variable: Variable) -> tuple[float | None, float | None]:
        """The smallest and the largest sum of a variable over so many; None where there is no limit."""

        def over(value: float, n: int | None) -> float | None:
            return None if n is None else round(value * n, variable.decimals)

        low = over(variable.least, self.high if variable.least < 0 else self.low)
        return low, over(variable.most, self.high if variable.most > 0 else self.low)


def shape_of(text: str) -> FromText:
    """Read a `from`.

    Raises:
        UnclearError: it is none.

    >>> shape_of("count(person, age < 18)")
    FromText(function='count', name='person', variable='', condition='age < 18')
    >>> shape_of("head.age")
    FromText(function='', name='head', variable='age', condition='')
    """
    written = text.strip()
    if not _closed(written):
        raise UnclearError(f"`{written[:80]}` has a bracket or a quote that is not closed", "close it, or take it out")
    call = _CALL.fullmatch(written)
    if call is None:
        dotted = _DOTTED.fullmatch(written)
        if dotted is None or dotted[2] is None:
            raise UnclearError(f"`{written[:80]}` says nothing of members", _EXAMPLES)
        return FromText(function="", name=dotted[1], variable=dotted[2], condition="")
    function, (argument, comma, condition) = call[1].lower(), call[2].partition(",")
    if function not in FUNCTIONS:
        raise UnclearError(f"no function is called '{call[1]}'", nearest(call[1], FUNCTIONS))
    counted = _DOTTED.fullmatch(argument.strip())
    if counted is None or not _closed(condition):  # count(a) + (b)
        raise UnclearError(f"`{written[:80]}` cannot be read", _EXAMPLES)
    name, variable, condition = counted[1], counted[2] or "", condition.strip()
    if function in COUNTS and variable:
        whole = f"{function}({name}, ...)" if function in CONDITIONS else f"{function}({name})"
        raise UnclearError(f"{function} takes members, not their {variable}", f"write {whole}")
    if function not in COUNTS and not variable:
        raise UnclearError(f"{function} needs a variable of '{name}'", f"write {function}({name}.VARIABLE)")
    if not condition and (comma or function in CONDITIONS):
        raise UnclearError(f"{function} has no condition", f"write {function}({argument.strip()}, CONDITION)")
    return FromText(function=function, name=name, variable=variable, condition=condition)


def _closed(condition: str) -> bool:
    """Whether brackets and quotes close, none of them before it opens."""
    plain, depth = _QUOTED.sub("", condition), 0
    for character in plain:
        depth += (character == "(") - (character == ")")
        if depth < 0:
            return False
    return not depth and "'" not in plain


def form_of(written: Follows, shape: FromText, source: Declared | None, over: MemberRange) -> Declared:
    """The form that a variable takes which follows from others: its type, ends and bins, those that are given first.

    Args:
        written: what is given.
        shape: of its `from`.
        source: the members' variable; None where members are counted.
        over: how many members there may be.

    Raises:
        UnclearError: what is given does not fit what follows, or something that is needed does not follow.
    """
    if shape.function in CONDITIONS:
        return _nominal(written, shape, Boolean(type="boolean"))
    if source is None:
        form = _binned(written, INTEGER.name, {"min": over.low, "max": over.high}, 0)
        least = int(form.build("").least)
        if least > over.low:
            message = f"there may be {over.low} of '{shape.name}', and its bins begin at {least}"
            more = "" if shape.condition else f", or say that there are more: `number: {{min: {least}}}`"
            raise UnclearError(message, f"begin them at {over.low}{more}")
        return form
    variable = source.build(shape.variable)
    if not variable.numeric:
        if shape.function:
            message = f"{shape.function} needs a number, and {shape.variable} of '{shape.name}' is none"
            raise UnclearError(message, f"write count({shape.name}, {shape.variable} = ...) or any(...)")
        return _nominal(written, shape, source)
    kind, decimals = variable.kind.name, variable.decimals
    ends: dict[str, Any] = {"min": variable.least, "max": variable.most, "unit": variable.unit}
    if shape.function == "sum":
        ends["min"], ends["max"] = over.sums(variable)
    elif shape.function == "mean":
        kind, decimals = NUMBER.name, decimals + MEAN_DECIMALS
    elif written.min is None and written.max is None and written.bins is None:
        ends |= {"bins": variable.edges, "labels": list(variable.labels[: variable.n_valued])}
    if not shape.function and variable.missing:
        ends["missing"] = variable.labels[-1]
    return _binned(written, kind, ends, decimals)


def _nominal(written: Follows, shape: FromText, form: Declared) -> Declared:
    """A variable without numbers: as it is, but for what is said about it."""
    what = f"`{written.from_.strip()[:80]}` is of type {form.kind.name}"
    if written.type not in ("", form.kind.name):
        raise UnclearError(f"{what}, not {written.type}", "leave type out: it follows")
    given = [key for key in _OF_NUMBERS if getattr(written, key) not in (None, "")]
    if given:
        raise UnclearError(f"{what}, so it has no {given[0]}", f"leave {given[0]} out")
    return form.model_copy(update={"about": written.about})


def _binned(written: Follows, kind: str, follows: dict[str, Any], decimals: int) -> Declared:
    """A variable of numbers: what is given, and else what follows."""
    wider = KINDS[kind].kind.wider
    if written.type not in ("", kind, *wider):
        message = f"`{written.from_.strip()[:80]}` is of type {kind}, not {written.type}"
        raise UnclearError(message, f"leave type out, or write {' or '.join((kind, *wider))}")
    kind = written.type or kind
    given = {key: getattr(written, key) for key in _OF_NUMBERS if getattr(written, key) not in (None, "")}
    if "decimals" in KINDS[kind].model_fields:
        given.setdefault("decimals", decimals)
    if "bins" in given:
        given.setdefault("min", given["bins"][0])
    form = {"type": kind, "about": written.about} | {key: value for key, value in follows.items() if value is not None} | given
    for key in ("min", "max"):
        if key not in form:
            what = "smallest" if key == "min" else "largest"
            raise UnclearError(
                f"its {what} value does not follow: members may be any number", f"give {key}, or `number: {{max: ...}}`"
            )
    low, high = follows["min"], follows["max"]
    if (high is not None and form["min"] > high) or (low is not None and form["max"] < low):
        span = f"{'any' if low is None else as_text(float(low))} to {'any' if high is None else as_text(float(high))}"
        raise UnclearError(f"its values follow from {span}, none of which has a bin", "correct bins, min or max")
    try:
        declared: Declared = KINDS[kind].collected(form)
    except ValidationError as error:
        raise _unclear(error, kind) from None
    return declared


def _unclear(error: ValidationError, kind: str) -> UnclearError:
    """What a kind says of a form that it does not take."""
    first = error.errors()[0]
    key = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "missing":
        return UnclearError(f"{key} do not follow: a {kind} needs left edges", f"add `{key}: [...]`")
    if first["type"] == "extra_forbidden":
        return UnclearError(f"an {kind} has no {key}", f"leave {key} out, or write type: number")
    if first["type"] == "int_from_float":
        message = f"{as_text(first['input'])} is no whole number"
        return UnclearError(message, "write whole numbers, or type: number")
    if first["type"] == "int_parsing_size":
        return UnclearError(f"{as_text(first['input'])} is too large", "write a smaller number")
    message, _, cure = first["msg"].removeprefix("Value error, ").partition("; ")
    return UnclearError(message, cure)
