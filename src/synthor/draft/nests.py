"""Labels below others: how far they are indented, how they are numbered, what their codes begin with.

Such signs say which labels are parts of which. Whether they are all of its parts, adding up tells: what they are the sum of is
their whole; where they are less, only some of its parts are printed, and it is the label that counts.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from synthor.spec.tables.labels import span, undressed

_MARKS = re.compile(
    r"(?:[-–—−>»›·•‣▪◦∙⁃…|└├+] ?|[*o] (?=\S)|\.{2,} ?|\. )+(?=[^\W\d])|(?:[-–—−»›·•‣▪◦∙] |\.{2,} ?|- ?- ?)+(?=\d)"
)
"""Marks of depth before a label; a dash or an angle right before a number belongs to the number."""
_CODE = re.compile(
    r"\(?([A-Z]{0,3}\d[\dA-Z]*[a-z]?(?:\.\d+)*(?:[-–][A-Z]?\d+)?|[A-Z](?:\d[\d.]*)?)(?:[.:)]?(?=\s|\Z)|(?=[:)]))"
)
_KINDS = (
    re.compile(r"(?:[IVX]+)[.)]? "), re.compile(r"[A-Z][.):]? (?=.{3})|[A-Z]\Z"), re.compile(r"\d+(?:-\d+)?[.)]? ?\D|\d+\Z"),
    re.compile(r"\d+\.\d+[.)]? ?\D"), re.compile(r"[a-z][.)] ?"),
)  # fmt: skip
"""Ways of numbering: I., A, 1., 1.1, a)."""

MOST_CODES = 500
"""Labels up to which each is compared with all others."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Nest:
    """Which labels stand below which, by position.

    Attributes:
        parts: of each label that has some, those right below it.
        sure: whether indentation says so, so that only adding up must not contradict.
        coded: whether codes say so.
    """

    parts: Mapping[int, Sequence[int]]
    sure: bool
    coded: bool = False

    def below(self, whole: int) -> list[int]:
        """All labels below one, however deep."""
        found: list[int] = []
        for part in self.parts.get(whole, ()):
            found += [part, *self.below(part)]
        return found


def nests_of(labels: Sequence[str], indents: Sequence[int]) -> list[Nest]:
    """What signs of depth say of labels, the surest first.

    Args:
        labels: as printed, in the order of the table.
        indents: blanks before each.

    >>> nests_of(["Work", "- part time", "No work"], [0, 0, 0])[0].parts
    {0: [1]}
    >>> nests_of(["1 Managers", "2 Others", "11 Heads", "12 Chiefs"], [0] * 4)[0].parts
    {0: [2, 3]}
    >>> nests_of(["A : Farms", "01 Crops", "02 Woods", "B : Mines"], [0] * 4)[0].parts
    {0: [1, 2]}
    >>> nests_of(["North", "South"], [0, 0]), nests_of(["- North", "- South"], [0, 0]), nests_of(["1", "2", "11"], [0] * 3)
    ([], [], [Nest(parts={0: [2]}, sure=False, coded=True)])
    """
    found = []
    if parts := _by_depth([(indent, _marks(label)) for label, indent in zip(labels, indents, strict=True)]):
        found.append(Nest(parts=parts, sure=True))
    if len(labels) > MOST_CODES:
        return found
    if parts := _by_code(labels):
        found.append(Nest(parts=parts, sure=False, coded=True))
    if parts := _by_words(labels):
        found.append(Nest(parts=parts, sure=False))
    if parts := _by_numbering(labels):
        found.append(Nest(parts=parts, sure=False))
    return found


def _marks(label: str) -> int:
    found = _MARKS.match(label.strip())
    if found and label.strip().endswith(found[0].strip()):
        return 0  # `- none -`
    return sum(not letter.isspace() for letter in found[0]) if found else 0


def _by_depth(depths: Sequence[tuple[int, int]]) -> dict[int, list[int]]:
    """Labels that stand deeper than the one before them, each under the last one that is less deep."""
    parts: dict[int, list[int]] = {}
    above: list[int] = []
    for at, depth in enumerate(depths):
        while above and sum(depths[above[-1]]) >= sum(depth):
            above.pop()
        if above:
            parts.setdefault(above[-1], []).append(at)
        above.append(at)
    return parts


def _by_code(labels: Sequence[str]) -> dict[int, list[int]]:
    """Labels whose code begins with that of another, or lies in its range."""
    codes = [_code(label) for label in labels]
    known = [(at, code) for at, code in enumerate(codes) if code is not None]
    if len(known) < max(3, 0.8 * len(labels)) or _are_bands(labels) or _in_turn(labels):
        return {}
    if len({len(end) for _, code in known for end in code}) == 1 and all(code[0] == code[1] for _, code in known):
        return {}
    parts: dict[int, list[int]] = {}
    for at, code in known:
        over = [other for other, its in known if other != at and _holds(its, code)]
        if over:
            parts.setdefault(max(over, key=lambda other: (len(codes[other][0]), codes[other][0])), []).append(at)  # type: ignore[index]
    return parts


def _code(label: str) -> tuple[str, str] | None:
    """First and last code that a label begins with."""
    found = _CODE.match(label.strip())
    if found is None:
        return None
    low, _, high = found[1].replace("–", "-").partition("-")
    high = high or low
    return low.rstrip("."), high.rstrip(".")


def _holds(whole: tuple[str, str], part: tuple[str, str]) -> bool:
    """Whether a code is one of those that begin like another's, or that lie between two."""
    low, high = part[0][: len(whole[0])], part[1][: len(whole[1])]
    return (
        whole != part and len(part[0]) >= len(whole[0]) and len(low) == len(whole[0]) and whole[0] <= low and high <= whole[1]
    )


def _are_bands(labels: Sequence[str]) -> bool:
    found = [span(label) for label in labels]
    return sum(one is not None and not one.single for one in found) * 2 > len(labels)


def _in_turn(labels: Sequence[str]) -> bool:
    """Whether labels are the numbers from 0 or 1 on, as those of zones are."""
    numbers = [int(text) for label in labels if (text := undressed(label)).isdigit()]
    return len(numbers) == len(labels) and all(later - earlier == 1 for earlier, later in pairwise(sorted(numbers)))


def _by_words(labels: Sequence[str]) -> dict[int, list[int]]:
    """Labels that say the whole of another and more: `Flats: with lift`."""
    plain = [undressed(label) for label in labels]
    parts: dict[int, list[int]] = {}
    for at, text in enumerate(plain):
        over = [
            i
            for i, other in enumerate(plain)
            if other and text.startswith(other) and re.match(r" ?[:,/(>|-]| \w", text[len(other) :])
        ]
        if over and not text[:1].isdigit():
            parts.setdefault(max(over, key=lambda i: len(plain[i])), []).append(at)
    return parts


def _by_numbering(labels: Sequence[str]) -> dict[int, list[int]]:
    """Labels that are numbered in another way than those above them: letters below numbers, numbers below letters."""
    kinds = [next((k for k, kind in enumerate(_KINDS) if kind.match(label.strip())), None) for label in labels]
    order = list(dict.fromkeys(kinds))
    if None in order or len(order) < 2 or _are_bands(labels):
        return {}
    return _by_depth([(order.index(kind), 0) for kind in kinds])
