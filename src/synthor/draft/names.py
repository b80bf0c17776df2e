"""Which columns of several tables are one variable, and what column heads are labels of."""

import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from synthor.draft.meaning import concept, generic, meaning
from synthor.draft.roles import AREAS
from synthor.draft.told import Side, Told
from synthor.draft.variables import unit_of
from synthor.spec.tables.labels import column_key, undressed


def nameless(head: str) -> bool:
    """Whether a column has no head of its own.

    >>> nameless(""), nameless("(column 2)"), nameless("Age")
    (True, True, False)
    """
    return head == "" or re.fullmatch(r"\(column [0-9]+\)", head) is not None


def joined(found: Sequence[Told]) -> list[Told]:
    """Tables whose columns of bands go by one name, where another table has bands of the same kind under another.

    A column without a name is taken for the only one that it can be, one with a name for one that shares a word with it.
    """
    first: list[Side] = []
    for side in (side for one in found for side in one.sides if side.titled and not nameless(side.head)):
        if all(side.key != other.key for other in first):
            first.append(side)
    joined = []
    for one in found:
        keys = {side.key for side in one.sides}
        sides = []
        for side in one.sides:
            like = [other for other in first if other.key not in keys and _alike(side, other)]
            earlier = [other for other in like if nameless(side.head) or first.index(other) < _place(first, side)]
            sides.append(replace(side, taken=earlier[0].head) if len(earlier) == 1 else side)
        joined.append(replace(one, sides=tuple(sides)))
    return joined


def _place(first: Sequence[Side], side: Side) -> int:
    return next((i for i, other in enumerate(first) if other.key == side.key), len(first))


def _alike(side: Side, other: Side) -> bool:
    """Whether two columns may be one variable: their labels are the same, or bands of the same kind, and so are their names."""
    if not side.titled:
        return False
    words = [set(one.key.split("_")) for one in (side, other)]
    if not nameless(side.head) and not words[0] & words[1]:
        return False
    if set(map(undressed, side.labels)) <= set(map(undressed, other.labels)):
        return True
    mine, theirs = side.spans, other.spans
    if mine is None or theirs is None or unit_of(side.labels) != unit_of(other.labels):
        return False
    ends = [max(one.low for one in spans if math.isfinite(one.low)) for spans in (mine, theirs)]
    return max(ends) <= 2 * max(min(ends), 1.0)


def named(found: Sequence[Told]) -> list[Told]:
    """Tables whose column heads, where they are labels, go by the variable of other tables or of the file's name."""
    known: dict[str, set[str]] = {}
    for one in found:
        for side in one.sides:
            if side.titled:
                known.setdefault(side.head, set()).update(map(undressed, side.labels))
    named = []
    for one in found:
        sides = list(one.sides)
        if sides[-1].wide and not sides[-1].named:
            others = {side.key for side in sides[:-1]}
            own = set(map(undressed, sides[-1].labels))
            fitting = [head for head, labels in known.items() if column_key(head) not in others and own <= labels]
            stem = one.title or Path(one.file).stem
            words = [word for word in re.split(r"_by_|_x_|[\s-]by[\s-]", stem) if column_key(word) not in others]
            if len(words) != 1 or column_key(words[0]) == column_key(stem):
                said = {"by", "x"}.union(*(other.split("_") for other in others))
                words = [word for word in re.split(r"[\W_]+", stem) if column_key(word) not in said] or words
            by_file = words[0] if len(words) == 1 else ""
            plain = by_file if by_file.isalpha() else meaning(sides[-1].labels, words) or by_file
            head = fitting[0] if fitting else plain or sides[-1].head
            known.setdefault(head, set()).update(own)
            sides[-1] = replace(sides[-1], head=head)
        named.append(replace(one, sides=tuple(sides)))
    return named


def meant(found: Sequence[Told], titles: Mapping[str, Sequence[str]]) -> list[Told]:
    """Tables whose columns go by what their labels are of, where their names do not say it, or other tables say it otherwise.

    Sexes and ages are one variable under whatever name; columns without a telling name are one where their labels meet.

    Args:
        found: tables.
        titles: of each file.
    """
    heads: dict[str, str] = {}
    for one in found:
        for side in one.sides:
            about = concept(side.head, side.labels, titles.get(one.file, ()))
            if about and not generic(side.head):
                heads.setdefault(about, side.taken or side.head)
    known: dict[str, set[str]] = {}
    told = []
    for one in found:
        sides: list[Side] = []
        for side in one.sides:
            others = {other.key for other in (*sides, *one.sides[len(sides) + 1 :])}
            name = _meant(side, titles.get(one.file, ()), heads)
            if not name and generic(side.head) and not side.taken and side.head:
                name = _apart(side, one.file, known)
            sides.append(replace(side, taken=name) if name and column_key(name) not in others else side)
        told.append(replace(one, sides=tuple(sides)))
    return told


def _meant(side: Side, titles: Sequence[str], heads: Mapping[str, str]) -> str:
    """The name of what the labels of a side are of; empty where it has one already, or none can be told."""
    about = concept(side.head, side.labels, titles)
    if about:
        name = heads.get(about, about)
        return "" if column_key(name) == side.key and _is_spelt(name) else name if _is_spelt(name) else about
    if side.titled and side.head and not side.taken and not _is_spelt(side.head):
        return "geography" if AREAS.search(column_key(side.head).replace("_", " ")) else meaning(side.labels, titles)
    if side.taken or not generic(side.head):
        return ""
    return meaning(side.labels, titles)


def _is_spelt(head: str) -> bool:
    """Whether some letters of a name are those of a variable's name.

    >>> _is_spelt("Größe"), _is_spelt("男女_2020"), _is_spelt("성별")
    (True, False, False)
    """
    return re.search("[a-z]{2}", unicodedata.normalize("NFKD", head.casefold())) is not None or head.isascii()


def _apart(side: Side, file: str, known: dict[str, set[str]]) -> str:
    """A name of its own for a side whose name says nothing, and that shares no label with those of the same name before it."""
    own = set(map(undressed, side.labels)) if side.spans is None else {"bands"}
    names = [side.head, f"{side.head} of {Path(file).stem}"]
    name = next((name for name in names if name not in known or known[name] & own), names[-1])
    known.setdefault(name, set()).update(own)
    return "" if name == side.head else name
