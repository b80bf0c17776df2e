"""What one answer gave, and how its parts are read: entries, rows of percentages, labels, numbers, names.

What can be meant in one way only is mended and told; what cannot raises, and costs the item that it stands in.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from synthor.errors import nearest
from synthor.llm.salvage import said_once, salvage
from synthor.prior.model import (
    CompositionBelief,
    Dependency,
    DifferenceBelief,
    Dropped,
    Marginal,
    Proposal,
    Range,
    RuleBelief,
    ThreeWay,
)
from synthor.prior.questions import MOST_LABELS, Segment
from synthor.prior.scene import Pair, Scene
from synthor.prior.shown import MANY, Shown

TOLERANCE = 30.0
"""Percent by which a row may miss its total and still be taken, stretched."""

ROUNDING = 3.0
"""Percent by which a row may miss its total without a word."""

MOST_LISTED = 2_000
"""Entries of a list that are looked at."""

NOTHING = "there was no answer in JSON"

CUT = "the answer was cut off before it; write compactly"

UNREAD = "it is null, or no JSON, or it was given twice and differs"

BROKEN = "the answer was cut off, or is no JSON in some place; what could be read of it was taken"


@dataclass(kw_only=True)
class Heard:
    """What one answer gave.

    Attributes:
        errors: why an item could not be used, by the item's name.
        mended: what was repaired.
        tables, rules, segments, proposals, marginals, pairs, groups, compositions, differences, three_way: what could be used,
            by item where there are several.
        group_variable: whose categories the groups hold.
    """

    errors: dict[str, str] = field(default_factory=dict)
    mended: list[Dropped] = field(default_factory=list)
    tables: dict[str, Dependency] = field(default_factory=dict)
    rules: list[RuleBelief] = field(default_factory=list)
    segments: list[Segment] = field(default_factory=list)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    marginals: dict[str, Marginal] = field(default_factory=dict)
    pairs: list[Pair] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)
    group_variable: str = ""
    compositions: list[CompositionBelief] = field(default_factory=list)
    differences: list[DifferenceBelief] = field(default_factory=list)
    three_way: list[ThreeWay] = field(default_factory=list)

    def mend(self, belief: str, reason: str) -> None:
        self.mended.append(Dropped(belief=belief, reason=reason, action="mended"))

    def check_end(self, belief: str, listed: Any, *, whole: bool, most: int | None = None) -> None:
        """Tell of a list that lacks its end, or that goes on beyond what was asked for and is used."""
        if listed and not whole:
            self.mend(belief, BROKEN)
        if most is not None and isinstance(listed, list) and len(listed) > most:
            self.mended.append(Dropped(belief=belief, reason=f"{len(listed):,} were given, the first {most:,} were kept"))


class WrongError(Exception):
    """An item that cannot be used; the message goes back to the model."""


@dataclass(frozen=True, kw_only=True)
class Entries:
    """Entries of an answer by their number from 1, as text.

    Attributes:
        found: what each says; None where it could not be read, or was said in two ways.
        cut: whether the answer was cut off.
        doubt: why nobody knows which entry is which; empty where that is known.
    """

    found: dict[str, Any]
    cut: bool = False
    doubt: str = ""

    def __getitem__(self, number: int) -> Any:
        """The entry with a number.

        Raises:
            WrongError: there is none, or none that can be read.
        """
        if self.doubt:
            raise WrongError(self.doubt)
        if str(number) not in self.found:
            missing = f"the answer has no entry {number}"
            raise WrongError(CUT if self.cut and self.found else missing if self.found or not self.cut else NOTHING)
        if self.found[str(number)] is None:
            raise WrongError(UNREAD)
        return self.found[str(number)]


def numbered(text: str, n: int, wrappers: tuple[str, ...], keys: tuple[str, ...], names: Sequence[str] = ()) -> Entries:
    """Entries of an object with numbers as keys, or of a list of entries that give theirs.

    Args:
        text: of the answer.
        n: entries that were asked for.
        wrappers: names of what may hold them all.
        keys: under which an entry of a list may give its number.
        names: of the entries, in order, that may stand for their numbers.
    """
    value, whole = salvage(text)
    if isinstance(value, dict):
        inner = next((value[name] for name in wrappers if isinstance(value.get(name), dict | list)), None)
        value = value if inner is None else inner
    if isinstance(value, list):
        told = []
        for place, entry in enumerate(value, start=1):
            if place > n and not isinstance(entry, dict):
                continue
            number = next((entry[key] for key in keys if key in entry), place) if isinstance(entry, dict) else place
            rest = {key: part for key, part in entry.items() if key not in keys} if isinstance(entry, dict) else entry
            told.append((f"{number:g}" if isinstance(number, float) else str(number), rest))
        value = said_once(told)
    if not isinstance(value, dict):
        return Entries(found={}, cut=value is None)  # of no JSON at all
    found = [(_number_meant(key, names), entry) for key, entry in value.items()]
    entries = said_once((str(number), entry) for number, entry in found if number is not None)
    if "0" in entries and n:
        if entries.keys() != {str(number) for number in range(len(entries))}:
            return Entries(found={}, doubt=f"the entries are numbered from 0 and some are left out; number them from 1 to {n}")
        entries = {str(int(key) + 1): entry for key, entry in entries.items()}  # numbered from 0
    return Entries(found={key: entry for key, entry in entries.items() if 1 <= int(key) <= n}, cut=not whole)


def _number_meant(key: str, names: Sequence[str]) -> int | None:
    """The number of an entry by its key: the number itself, or a name, which may stand behind its number."""
    folded = [_folded(name) for name in names]
    name = re.sub(r"^\s*\d{1,6}\s*[.:)-]\s*", "", key)
    if folded.count(_folded(name)) == 1:
        return folded.index(_folded(name)) + 1
    found = re.fullmatch(r"\D*?(\d{1,6})\W*", key) if not key.startswith("-") else None
    return int(found[1]) if found else None


def confidence_of(entry: Any, item: str, heard: Heard) -> float | None:
    """The confidence of an entry, percent taken as shares; None where it gives none that can be used."""
    confidence = number_of(entry.get("confidence")) if isinstance(entry, dict) else None
    if confidence is not None and not 0 <= confidence <= 1:
        if 1 < confidence <= 100:
            confidence /= 100
            heard.mend(item, "its confidence was taken as percent")
        else:
            confidence = None
            heard.mend(item, "its confidence is out of range; 0.5 was taken")
    return confidence


def in_order(entry: dict[str, Any], variable: Shown, item: str, heard: Heard) -> list[Any]:
    """Values that are keyed by the labels of a variable, in the order of the labels."""
    found: dict[int, Any] = {}
    for key, value in entry.items():
        code = code_of(variable, key, item, heard)
        if code in found:
            raise WrongError(f"it gives '{variable.labels[code]}' of {variable.name} twice")
        found[code] = value
    missing = [label for code, label in enumerate(variable.labels) if code not in found]
    if missing:
        raise WrongError(f"it says nothing of '{missing[0]}' of {variable.name}")
    return [found[code] for code in range(variable.size)]


def row_of(row: Any, variable: Shown, place: str, item: str, heard: Heard) -> list[float]:
    """Percentages that add up to about 100; shares of one, and sums a little off, are stretched."""
    size = variable.size
    if isinstance(row, dict):
        row = in_order(row, variable, item, heard)
    if not isinstance(row, list) or len(row) != size:
        raise WrongError(f"{place} has {len(row) if isinstance(row, list) else 'no'} numbers, expected {size}")
    numbers = [number_of(value) for value in row]
    if any(number is None for number in numbers):
        raise WrongError(f"{place} holds something that is no number")
    values = [number for number in numbers if number is not None]
    if min(values) < 0:
        raise WrongError(f"{place} holds a negative number")
    total = sum(values)
    if total <= 0:
        raise WrongError(f"{place} holds only zeros")
    if abs(total - 1) <= TOLERANCE / 100 and max(values) <= 1:
        return [round(100 * value, 6) for value in values]
    if abs(total - 100) > TOLERANCE:
        raise WrongError(f"{place} adds up to {total:.4g}, expected 100")
    if abs(total - 100) > ROUNDING:
        heard.mend(item, f"{place} added up to {total:.4g}; it was stretched")
    return values


def values_by_name(entry: dict[str, Any], scene: Scene) -> list[Any] | None:
    """The values of a record whose keys are the names of the variables, in their order; None when they are not."""
    names = [variable.name for variable in scene.variables]
    found = {name_meant(key, names): value for key, value in entry.items()}
    return [found[name] for name in names] if found.keys() == set(names) and len(entry) == len(names) else None


def values_of(entry: Any, scene: Scene, item: str, heard: Heard) -> dict[str, Any]:
    """One distribution for each variable, in the forms that a proposal takes."""
    if isinstance(entry, list) and len(entry) == len(scene.variables):
        entry = dict(zip((variable.name for variable in scene.variables), entry, strict=True))
    if not isinstance(entry, dict):
        raise WrongError("it is no object with one entry for each variable")
    names = [variable.name for variable in scene.variables]
    if "values" not in names and isinstance(entry.get("values"), dict):
        entry = entry["values"]
    told = said_once((name_meant(key, names) or key, value) for key, value in entry.items())
    missing = [name for name in names if told.get(name) is None]
    if len(missing) > len(names) / 2:
        raise WrongError(f"it says nothing of {', '.join(missing[:4])}")
    values = {}
    for variable in scene.variables:
        if variable.name not in missing:
            values[variable.name] = distribution_of(told[variable.name], variable, item, heard)
    return values


def distribution_of(value: Any, variable: Shown, item: str, heard: Heard) -> Any:
    """One distribution of a variable, in the forms that a proposal takes."""
    name = variable.name
    match value:
        case {"from": low, "to": high} if variable.variable.kind.range_schema(variable.variable) is not None:
            return _range(low, high, variable, item, heard)
        case dict():
            weights: dict[str, float] = {}
            for key, told in value.items():
                weight = number_of(told)
                if weight is None or weight < 0:
                    raise WrongError(f"{name} has a weight that is no number of 0 or more")
                label = variable.labels[code_of(variable, key, item, heard)]
                weights[label] = weights.get(label, 0.0) + weight
            if not any(weights.values()):
                raise WrongError(f"{name} has no positive weights")
            return weights
        case [*labels] if labels and all(isinstance(label, str) for label in labels):
            if len(labels) == variable.size and all(_number_in(label) is not None for label in labels):
                return distribution_of([_number_in(label) for label in labels], variable, item, heard)
            if len(labels) > max(MOST_LABELS, MANY):
                raise WrongError(f"{name} lists {len(labels)} labels, at most {MOST_LABELS}")
            return {variable.labels[code_of(variable, label, item, heard)]: 1.0 for label in labels}
        case list():
            row = row_of(value, variable, name, item, heard)
            return {label: weight for label, weight in zip(variable.labels, row, strict=True) if weight > 0}
        case bool() | str() | int() | float():
            return variable.labels[code_of(variable, value, item, heard)]
    raise WrongError(f"{name} is neither numbers, nor a label, nor a range")


def _range(low: Any, high: Any, variable: Shown, item: str, heard: Heard) -> Range:
    a, b = number_of(low), number_of(high)
    if a is None or b is None:
        raise WrongError(f"the range of {variable.name} has no two numbers")
    if a > b:
        a, b = b, a
        heard.mend(item, f"the range of {variable.name} was turned round")
    lowest, highest = variable.variable.least, variable.variable.most
    if b < lowest or a > highest:
        raise WrongError(f"the range of {variable.name} lies outside {lowest:.15g} to {highest:.15g}")
    if a < lowest or b > highest:
        a, b = max(a, lowest), min(b, highest)
        heard.mend(item, f"the range of {variable.name} was cut at its bounds")
    return Range.model_validate({"from": a, "to": b})


def code_of(variable: Shown, label: Any, item: str, heard: Heard) -> int:
    """Position of a label, mended where there is no doubt."""
    text = ("yes" if label else "no") if isinstance(label, bool) else str(label)
    code = variable.code(text)
    number = number_of(label) if not isinstance(label, bool) else None
    if code < 0 and number is not None and not variable.grouped:
        code = variable.variable.code_of_number(number)
    if code >= 0:
        return code
    folded = [_folded(known) for known in variable.labels]
    if _folded(text) in folded and folded.count(_folded(text)) == 1:
        code = folded.index(_folded(text))
    else:
        close = [i for i, known in enumerate(folded) if _one_slip(_folded(text), known)]
        code = close[0] if len(close) == 1 else -1
    if code < 0:
        raise WrongError(f"'{line_of(text)}' is no label of {variable.name}; {nearest(text, variable.labels)}")
    heard.mend(item, f"'{line_of(text)}' was taken as '{variable.labels[code]}' of {variable.name}")
    return code


def _folded(text: str) -> str:
    return re.sub(r"[\s_–—'\"]+|-(?!\d)|(?<=\w)-", " ", text).strip().casefold()


def _one_slip(text: str, known: str) -> bool:
    """Whether two long enough words differ by one letter; digits and signs are never forgiven."""
    if min(len(text), len(known)) < 5 or abs(len(text) - len(known)) > 1:
        return False
    if re.findall(r"[^a-z ]", text) != re.findall(r"[^a-z ]", known):
        return False
    return any(known == candidate for candidate in _edits(text, known))


def _edits(text: str, known: str) -> Iterator[str]:
    """The texts one slip away from `text` that could be `known`: at the first place where they differ."""
    at = next((i for i, (a, b) in enumerate(zip(text, known, strict=False)) if a != b), min(len(text), len(known)))
    yield text[:at] + text[at + 1 :]
    yield text[:at] + known[at : at + 1] + text[at:]
    yield text[:at] + known[at : at + 1] + text[at + 1 :]
    yield text[:at] + text[at + 1 : at + 2] + text[at : at + 1] + text[at + 2 :]


def name_meant(key: Any, names: Sequence[str]) -> str:
    """The variable that a key means: its name, whatever its case, or its number from 1; empty when it is none."""
    if key in names:
        return str(key)
    number = number_of(key) if not isinstance(key, str) else _number_in(key)
    if number is not None and number == int(number) and 1 <= number <= len(names):
        return names[int(number) - 1]
    folded = {_folded(name): name for name in names}
    return folded.get(_folded(str(key)), "")


def number_of(value: Any) -> float | None:
    """A number, written as one or as text; None of anything else."""
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or abs(value) > 1e9:
        return None
    return float(value)


def _number_in(text: str) -> float | None:
    """A number written as text, perhaps with a percent sign; never a number with separators, which could mean two things."""
    found = re.fullmatch(r"(-?\d{1,9}(?:\.\d{1,9})?)(?:\s*%)?", text.strip())
    return float(found[1]) if found else None


def line_of(value: Any, most: int = 120) -> str:
    """Text in one line, without what cannot be printed or written to a file."""
    text = value if isinstance(value, str) else ""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()[:most]
