"""A variable from all labels that tables give it: categories, a boolean, or a number with bins."""

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from itertools import pairwise

from synthor.draft.meaning import AGES
from synthor.draft.roles import IDENTIFIER
from synthor.draft.told import Side
from synthor.schema.kinds.boolean import FALSE, TRUE
from synthor.schema.kinds.integer import MAX_UNBINNED
from synthor.spec.scaffold import Entry
from synthor.spec.tables.labels import Span, bands, is_unknown, span, undressed

LONG = 10_000
"""Single numbers of so many digits are codes of areas."""
CURRENCIES = {"$": "USD", "£": "GBP", "€": "EUR"}


def unit_of(labels: Sequence[str]) -> str:
    """The currency of labels, empty where they show none.

    >>> unit_of(["Under $10,000", "$10,000 or more"])
    'USD'
    """
    return next((CURRENCIES[sign] for label in labels for sign in CURRENCIES if sign in label), "")


def variable_of(name: str, group: Sequence[Side]) -> Entry:
    """A variable from all labels that tables give it."""
    labels: dict[str, str] = {}
    for side in group:
        for label in side.labels:
            labels.setdefault(undressed(label), label)
    unknown = [label for label in labels.values() if is_unknown(label)]
    told = [label for label in labels.values() if label not in unknown]
    if all(span(label) is not None for label in told) and len(unknown) < 2:
        sets = [[found for label in side.labels if (found := span(label)) is not None] for side in group]
        entry = _binned(sets, told, name)
        if entry is not None:
            return entry if not unknown else replace(entry, body={**entry.body, "missing": unknown[0]})
    folded = set(labels)
    if len(folded) == 2 and folded & TRUE and folded & FALSE:
        return Entry(name=name, body={"type": "boolean"})
    sizes = {len(side.labels) for side in group}
    comment = "tables give it different labels: if some are the same, say so under `labels`" if len(sizes) > 1 else ""
    return Entry(name=name, body={"type": "category", "values": list(labels.values())}, comment=comment)


def _binned(sets: Sequence[Sequence[Span]], labels: Sequence[str], name: str) -> Entry | None:
    """A variable with the bins of the table that has most; None where the numbers are rather codes."""
    unit = unit_of(labels)
    every = [one for spans in sets for one in spans]
    edges = [edge for one in every for edge in (one.low, one.high) if math.isfinite(edge)]
    whole = not unit and all(edge == round(edge) for edge in edges)
    step = 1.0 if whole else 0.01
    found = [sorted(bands(spans, step=step, whole=whole)) for spans in sets]
    overlapping = any(later[0] < earlier[1] for one in found for earlier, later in pairwise(one))
    singles = sorted({one.low for one in every if one.single})
    # However many tables hold them, single numbers far apart are codes, and so are those that name areas or rows.
    plain = re.sub(r"[\s_-]+", " ", name.casefold())
    named = IDENTIFIER.fullmatch(plain) is not None and not ({"age", "size", "persons"} & set(plain.split()))
    far = bool(singles) and singles[-1] - singles[0] >= 2 * len(singles)
    padded = any(re.fullmatch(r"0[0-9]+", label.strip()) for label in labels)
    long = bool(singles) and singles[0] >= LONG
    are_codes = len(singles) == len(set(every)) and (far or named or padded or long)
    behind = {re.sub(r"[\W\d]+", " ", undressed(label)).strip().removesuffix("s") for label in labels}
    codes_with_names = len(behind) > 2 and len(behind) > len(labels) / 2 and len(singles) == len(set(every))
    best = max(found, key=len)
    if overlapping or codes_with_names or are_codes or len(best) < 2:
        return None
    first, last = min(one[0][0] for one in found), max(one[-1][1] for one in found)
    starts = [low for low, _ in best if math.isfinite(low)]
    width = starts[-1] - starts[-2] if len(starts) > 1 else max(abs(starts[-1]), 1.0)
    guesses = []
    of_ages = AGES.search(f"{name} {' '.join(labels)}".casefold()) is not None
    if math.isinf(first):
        first = 0.0 if starts[0] > 0 else starts[0] - width
        guesses += [] if of_ages and first == 0 else ["smallest"]  # nobody is younger than 0
    if math.isinf(last):
        last = 5 * starts[-1] if unit and starts[-1] > 0 else farthest(starts[-1], width, of_ages=of_ages)
        guesses.append("largest")
    high = last - 1 if whole and "largest" not in guesses else last
    bins = sorted({first, *starts, *_between(best, every, whole=whole)})
    body: dict[str, object] = {"type": "integer" if whole else "number", "min": _plain(first), "max": _plain(high)}
    if not (whole and bins == [first + i for i in range(len(bins))] and len(bins) == high - first + 1 <= MAX_UNBINNED):
        body["bins"] = [_plain(edge) for edge in bins]
    if unit:
        body["unit"] = unit
    comment = f"the tables say no {' and no '.join(guesses)} value: {_guessed(name, body, guesses, starts)}" if guesses else ""
    return Entry(name=name, body=body, comment=comment)


def _between(best: Sequence[tuple[float, float]], every: Sequence[Span], *, whole: bool) -> list[float]:
    """Where bins begin of what lies between two bands, so that no bin reaches further than its band."""
    if not whole or all(one.single for one in every):
        return []
    return [below for (_, below), (later, _) in pairwise(best) if below < later]


def _guessed(name: str, body: Mapping[str, object], guesses: Sequence[str], starts: Sequence[float]) -> str:
    """That ends of a range are guesses, what is made up for that, and where it is changed."""
    inside = {
        "smallest": f"below {_plain(starts[0] if body['min'] != starts[0] else starts[1])}",
        "largest": f"from {_plain(starts[-1])} on",
    }
    keys = {"smallest": "min", "largest": "max"}
    invented = " and ".join(inside[guess] for guess in guesses)
    places = ", ".join(f"`variables.{name}.{keys[guess]}`" for guess in guesses)
    return f"this is a guess, and values {invented} are invented; change {places}"


def farthest(last: float, width: float, *, of_ages: bool) -> float:
    """A guess at the largest value behind an open band.

    Args:
        last: where it begins.
        width: of the band before it.
        of_ages: whether its numbers are ages.

    >>> farthest(4, 1, of_ages=False), farthest(65, 10, of_ages=True)
    (9, 105.0)
    """
    if of_ages:
        return max(105.0, last + 10)
    return last + 5 * width if last < 10 * width else 3 * last


def _plain(value: float) -> int | float:
    return int(value) if value == int(value) else value
