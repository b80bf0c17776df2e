"""What a model answered of units with members, as beliefs: who lives together, how far apart they are, segments, units.

As for flat records (`answers.py`), an item that cannot be used costs itself.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from synthor.errors import nearest
from synthor.llm.salvage import said_once, salvage
from synthor.prior.heard import (
    CUT,
    MOST_LISTED,
    NOTHING,
    TOLERANCE,
    Heard,
    WrongError,
    code_of,
    confidence_of,
    distribution_of,
    line_of,
    name_meant,
    number_of,
    numbered,
    row_of,
)
from synthor.prior.model import (
    CompositionBelief,
    DifferenceBelief,
    Dropped,
    Proposal,
    ThreeWay,
    WrittenMember,
)
from synthor.prior.questions import ALL_PAIRS, QUANTILES, THREE_WAYS, Segment
from synthor.prior.scene import Pair, Scene
from synthor.prior.segments import SegmentForm
from synthor.prior.shown import Shown
from synthor.prior.whole import WrittenLevel


def hear_differences(text: str, wanted: Sequence[str]) -> Heard:
    """How far apart the numbers of two members lie; an entry that cannot be used costs itself."""
    heard = Heard()
    value, whole = salvage(text)
    listed = value.get("differences") if isinstance(value, dict) else value
    if isinstance(listed, dict):  # by their names
        said = [(name, one if isinstance(one, dict) else {}, one) for name, one in listed.items()]
        listed = [{"difference": name, **(own if "quantiles" in own else {"quantiles": one})} for name, own, one in said]
    heard.check_end("differences", listed, whole=whole)
    if not isinstance(listed, list):
        heard.errors["differences"] = NOTHING if value is None else 'there is no list called "differences"'
    for i, entry in enumerate(listed[:MOST_LISTED] if isinstance(listed, list) else []):
        name = line_of(entry.get("difference")) if isinstance(entry, dict) else ""
        found, sign = _difference_meant(name, wanted)
        place = f"differences[{i}]" + (f" ({found})" if found else "")
        try:
            if not found:
                raise WrongError("is none of the differences that were asked for")
            if any(one.difference == found for one in heard.differences):
                raise WrongError("was given before")
            quantiles = _quantiles(entry.get("quantiles"))
            if sign < 0:
                quantiles = {100 - percent: -number for percent, number in quantiles.items()}
                heard.mend(found, f"'{name}' was turned round")
            heard.differences.append(_difference(found, quantiles, entry, heard))
        except WrongError as error:
            heard.mended.append(Dropped(belief=place, reason=str(error)))
    if listed and not heard.differences and "differences" not in heard.errors:
        heard.errors["differences"] = heard.mended[-1].reason
    return heard


def _difference_meant(name: str, wanted: Sequence[str]) -> tuple[str, int]:
    """The difference that was asked for, and -1 where an answer gives it the other way round; empty where it is none."""
    bare = {_bare(one): one for one in wanted}
    turned = "-".join(reversed(_bare(name).split("-")))
    return (bare[_bare(name)], 1) if _bare(name) in bare else (bare.get(turned, ""), -1)


def _quantiles(told: Any) -> dict[float, float]:
    """Numbers by the percent of differences that are no larger: those that were asked for, or such as are named."""
    if isinstance(told, dict):
        keys = [re.fullmatch(r"[pP]?\s*(\d{1,2}(?:\.\d{1,3})?)\s*(?:%|th)?", str(key).strip()) for key in told]
        named = {float(key[1]): number_of(one) for key, one in zip(keys, told.values(), strict=True) if key}
        if len(named) != len(told) or not 0 < min(named, default=0) <= max(named) < 100 or len(named) < 2:
            raise WrongError(f"names its quantiles by something else than percents ({', '.join(map(str, QUANTILES))})")
    else:
        values = told if isinstance(told, list) and len(told) == len(QUANTILES) else []
        named = {float(percent): number_of(one) for percent, one in zip(QUANTILES, values, strict=False)}
    if not named or None in named.values():
        raise WrongError(f"gives no {len(QUANTILES)} numbers as its quantiles")
    return {percent: one for percent, one in sorted(named.items()) if one is not None}


def _difference(name: str, told: Mapping[float, float], entry: Any, heard: Heard) -> DifferenceBelief:
    """A difference by its quantiles; of those that are alike, as whole years easily are, the one nearest the middle."""
    kept: dict[float, float] = {}
    for share, value in sorted(told.items(), key=lambda one: abs(one[0] - 50)):
        kept.setdefault(value, share)
    rising = sorted(kept, key=lambda value: kept[value])
    if len(rising) < 2 or rising != sorted(rising):
        raise WrongError("its quantiles do not rise")
    quantiles = {f"{kept[value]:g}%": value for value in rising}
    return DifferenceBelief(difference=name, quantiles=quantiles, confidence=confidence_of(entry, name, heard))


def _bare(name: str) -> str:
    """A difference without blanks, quotes and case."""
    return re.sub(r"[\s\"'`]", "", re.sub("[−–—]", "-", name)).casefold()


def hear_segments(
    text: str, scene: Scene, form: SegmentForm, segments: Mapping[str, Segment], wrong_in: Callable[[Proposal], str]
) -> Heard:
    """Proposals about units with members, one a segment.

    Args:
        text: of the answer.
        scene: what was asked.
        form: what may be said.
        segments: with their names and shares, by the items that they were asked as.
        wrong_in: why a proposal cannot be used; empty where it can.
    """
    heard = Heard()
    entries = numbered(text, len(segments), ("segments", "proposals"), ("segment", "number"))
    for number, (item, segment) in enumerate(segments.items(), start=1):
        try:
            said = _said_of_units(entries[number], scene, form, item, heard)
            proposal = Proposal(name=segment.name, share=segment.share, **said)
            wrong = wrong_in(proposal)
            if wrong:
                raise WrongError(wrong)
            heard.proposals[item] = proposal
        except WrongError as error:
            heard.errors[item] = str(error)
    return heard


def _said_of_units(entry: Any, scene: Scene, form: SegmentForm, item: str, heard: Heard) -> dict[str, Any]:
    """What characterises the units of a segment: values, compositions and differences."""
    if not isinstance(entry, dict):
        raise WrongError("it is no object with lists of values, compositions and differences")
    values: dict[str, Any] = {}
    for told in _entries(entry, "values"):
        name = name_meant(told.get("variable"), form.variables)
        if not name:
            asked = line_of(told.get("variable"))
            raise WrongError(f"'{asked}' is no variable that a segment can give; {nearest(asked, form.variables)}")
        values[name] = distribution_of(told.get("value"), scene.by_name[name], item, heard)
    compositions, differences = [], []
    for told in _entries(entry, "compositions"):
        found = _composition(told, form.roles)
        if found is None or not any(found[0]):
            raise WrongError(f"a composition gives no percent, or no {len(form.roles)} whole numbers")
        members = {role: n for role, n in zip(form.roles, found[0], strict=True) if n}
        compositions.append(CompositionBelief(members=members, percent=found[1]))
    for told in _entries(entry, "differences"):
        low, high = number_of(told.get("from")), number_of(told.get("to"))
        if low is None or high is None:
            raise WrongError("a difference has no two numbers, from and to")
        band = f"{min(low, high):.15g} to {max(low, high):.15g}"
        differences.append(DifferenceBelief(difference=line_of(told.get("difference")), percent={band: 100}))
    if not (values or compositions or differences):
        raise WrongError("it says nothing of its units")
    return {"values": values, "compositions": compositions or None, "differences": differences or None}


def _entries(entry: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Objects of one of the lists that a segment may have."""
    listed = entry.get(key)
    if key == "values" and isinstance(listed, dict):  # by their names
        listed = [{"variable": name, "value": value} for name, value in listed.items()]
    return [told for told in (listed if isinstance(listed, list) else [])[:MOST_LISTED] if isinstance(told, dict)]


def _composition(entry: Any, roles: Sequence[str]) -> tuple[list[int], float] | None:
    """Members of each role, in their order or by its name, and the percent; None where these cannot be read."""
    members = entry.get("members") if isinstance(entry, dict) else None
    percent = number_of(entry.get("percent")) if isinstance(entry, dict) else None
    if isinstance(members, dict):
        named = said_once((name_meant(role, roles), n) for role, n in members.items())
        members = [named.get(role, 0) for role in roles] if "" not in named else None
    each = [number_of(one) for one in members] if isinstance(members, list) else []
    whole = [int(one) for one in each if one is not None and one >= 0 and one == int(one)]
    if percent is None or not 0 <= percent <= 100 or len(whole) != len(roles) or len(each) != len(roles):
        return None
    return whole, percent


def hear_units(text: str, unit: WrittenLevel, n_units: int) -> Heard:
    """Whole units with their members; those that say the same become one proposal with their number as its share."""
    heard = Heard()
    value, whole = salvage(text)
    listed = next((v for v in value.values() if isinstance(v, list)), None) if isinstance(value, dict) else value
    counts: dict[str, int] = {}
    found: dict[str, WrittenMember] = {}
    for i, entry in enumerate((listed if isinstance(listed, list) else [])[:n_units]):
        try:
            row, _ = _written(entry, unit, f"units[{i}]", heard)
            same = row.model_dump_json()
            counts[same], found[same] = counts.get(same, 0) + 1, row
        except WrongError as error:
            heard.mended.append(Dropped(belief=f"units[{i}]", reason=str(error)))
    heard.proposals = {
        f"unit {i}": Proposal(share=count, values=dict(found[same].values), members=found[same].members)
        for i, (same, count) in enumerate(counts.items(), start=1)
    }
    if not counts:
        heard.errors["records"] = heard.mended[0].reason if heard.mended else NOTHING
    heard.check_end("units", listed, whole=whole, most=n_units)
    return heard


def _written(entry: Any, level: WrittenLevel, place: str, heard: Heard) -> tuple[WrittenMember, list[int]]:
    """A row with all below it, and its categories; a row without members may be an object that names its labels."""
    own = (
        entry.get(level.name) if isinstance(entry, dict) and (level.below or isinstance(entry.get(level.name), list)) else entry
    )
    names = [variable.name for variable in level.variables]
    if isinstance(own, dict):
        told = said_once((name_meant(key, names), label) for key, label in own.items())
        own = [told.get(name) for name in names] if told.keys() == set(names) else None
    if not isinstance(own, list) or len(own) != len(names):
        raise WrongError(f"a row of '{level.name}' is no list of {len(names)} labels")
    codes = [code_of(variable, label, place, heard) for variable, label in zip(level.variables, own, strict=True)]
    members: dict[str, list[WrittenMember]] = {}
    for below in level.below:
        rows = entry.get(below.name, []) if isinstance(entry, dict) else None
        if not isinstance(rows, list):
            raise WrongError(f"a {level.name} has no list called '{below.name}'")
        read = [_written(row, below, place, heard) for row in rows[:MOST_LISTED]]
        wrong = below.wrong([each for _, each in read])
        if wrong:
            raise WrongError(wrong)
        members[below.name] = [row for row, _ in read]
    values = {name: variable.labels[code] for name, variable, code in zip(names, level.variables, codes, strict=True)}
    return WrittenMember(values=values, members=members if level.below else None), codes


def hear_compositions(text: str, roles: Sequence[str], numbers: Sequence[int]) -> Heard:
    """Whole compositions of units with some numbers of members; one that cannot be read costs itself."""
    heard = Heard()
    value, whole = salvage(text)
    told = {number: value.get(str(number)) if isinstance(value, dict) else None for number in numbers}
    for number, listed in told.items():
        for i, entry in enumerate(listed[:MOST_LISTED] if isinstance(listed, list) else []):
            found, place = _composition(entry, roles), f"compositions of {number} [{i}]"
            if found is None:
                heard.mended.append(Dropped(belief=place, reason=f"gives no percent, or no {len(roles)} whole numbers"))
            elif sum(found[0]) != number:
                heard.mended.append(Dropped(belief=place, reason=f"its {sum(found[0])} members are not {number}"))
            else:
                these = {role: n for role, n in zip(roles, found[0], strict=True) if n}
                heard.compositions.append(CompositionBelief(members=these, percent=found[1]))
    if heard.compositions:
        heard.mended += [
            Dropped(belief=f"compositions of {number}", reason="the answer gives none" if whole else CUT)
            for number, listed in told.items()
            if not isinstance(listed, list)
        ]
        _as_percents(heard)
    if not heard.compositions:
        wrong = heard.mended[-1].reason if heard.mended else "it gives no composition with its members and percent"
        heard.errors["compositions"] = NOTHING if value is None else wrong
    return heard


def _as_percents(heard: Heard) -> None:
    """Compositions told in shares of 1 where percents were asked for, number of members by number.

    The commonest ones of some number make up most of it. Where those of another number do, in shares, those of numbers that are
    rarer may well be fewer.
    """
    sums: dict[int, float] = {}
    most: dict[int, float] = {}
    for one in heard.compositions:
        n = sum(one.members.values())
        sums[n], most[n] = sums.get(n, 0.0) + one.percent, max(most.get(n, 0.0), one.percent)
    small = {n for n, largest in most.items() if largest <= 1}
    shares = {n for n in small if abs(sums[n] - 1) <= TOLERANCE / 100}
    shares = small if shares and small == sums.keys() else shares
    kept = []
    for one in heard.compositions:
        n = sum(one.members.values())
        if n in shares:
            kept.append(one.model_copy(update={"percent": 100 * one.percent}))
        elif n not in small:
            kept.append(one)
    heard.compositions = kept
    if shares:
        heard.mend("compositions", "their percents were taken as shares of 1")
    for n in sorted(small - shares):
        reason = f"they add up to {sums[n]:.4g}%; percents of all units with {n} members were asked for"
        heard.mended.append(Dropped(belief=f"compositions of {n}", reason=reason))


def hear_three_way(text: str, scene: Scene) -> Heard:
    """Tables of three variables; one that cannot be read costs itself."""
    heard = Heard()
    value, whole = salvage(text)
    listed = value.get("tables") if isinstance(value, dict) else value
    heard.check_end("three-way", listed, whole=whole)
    names, told = [variable.name for variable in scene.variables], set()
    for i, entry in enumerate(listed[:MOST_LISTED] if isinstance(listed, list) else []):
        place = f"three_way[{i}]"
        ends = entry.get("triple") if isinstance(entry, dict) else None
        found = [name_meant(end, names) for end in ends] if isinstance(ends, list) else []
        if len(found) != 3 or "" in found or len({*found}) < 3:
            heard.mended.append(Dropped(belief=place, reason="names no three variables by their numbers"))
            continue
        of, first, second = (scene.by_name[name] for name in found)
        item = f"{of.name} given {first.name} and {second.name}"
        if item in told:
            heard.mended.append(Dropped(belief=item, reason="was given before"))
            continue
        try:
            rows = _rows_of(entry, (first.size, second.size), of, item, heard)
        except WrongError as error:
            heard.mended.append(Dropped(belief=item, reason=str(error)))
            continue
        told.add(item)
        confidence, why = confidence_of(entry, item, heard), line_of(entry.get("why"))
        given = [first.name, second.name]
        heard.three_way.append(ThreeWay(given=given, of=of.name, rows=rows, confidence=confidence, why=why))
    if len(heard.three_way) > THREE_WAYS:
        reason = f"{len(heard.three_way):,} were given, the first {THREE_WAYS} were kept"
        heard.mended.append(Dropped(belief="three-way", reason=reason))
        heard.three_way = heard.three_way[:THREE_WAYS]
    if not heard.three_way:
        wrong = heard.mended[0].reason if heard.mended else "it gives no table with its triple and rows"
        heard.errors["three-way"] = NOTHING if value is None else wrong
    return heard


def _rows_of(entry: dict[str, Any], size: tuple[int, int], of: Shown, item: str, heard: Heard) -> list[list[float]]:
    """A row for each combination of the two that are given; they may lie in a list for each category of the first."""
    rows = entry.get("rows")
    if isinstance(rows, list) and len(rows) == size[0] and all(_is_rows(row, size[1]) for row in rows):
        rows = [row for inner in rows for row in inner]
    n_rows = size[0] * size[1]
    if not isinstance(rows, list) or len(rows) != n_rows:
        found = len(rows) if isinstance(rows, list) else "no"
        raise WrongError(f"it has {found} rows, expected {n_rows}, one for each combination of the two that are given")
    return [row_of(row, of, f"row {at}", item, heard) for at, row in enumerate(rows, start=1)]


def _is_rows(value: Any, n_rows: int) -> bool:
    return isinstance(value, list) and len(value) == n_rows and all(isinstance(row, list | dict) for row in value)


def hear_pairs(text: str, scene: Scene, wanted: Sequence[Pair], most: int = ALL_PAIRS) -> Heard:
    """The strongest pairs, by the numbers or the names of their variables; those not `wanted` are passed over."""
    heard = Heard()
    value, whole = salvage(text)
    listed = value.get("pairs") if isinstance(value, dict) else value
    heard.check_end("pairs", listed, whole=whole)
    names = [variable.name for variable in scene.variables]
    open_pairs = {frozenset((pair.given, pair.of)): pair for pair in wanted}
    for entry in listed if isinstance(listed, list) else []:
        ends = list(entry.values()) if isinstance(entry, dict) else entry
        found = frozenset(name_meant(end, names) for end in ends) if isinstance(ends, list) else frozenset()
        if found in open_pairs:
            heard.pairs.append(open_pairs.pop(found))
    if len(heard.pairs) > most:
        heard.mended.append(Dropped(belief="pairs", reason=f"{len(heard.pairs):,} were given, the first {most:,} were kept"))
        heard.pairs = heard.pairs[:most]
    if not heard.pairs:
        heard.errors["pairs"] = NOTHING if value is None else "it names no pairs of variables by their numbers"
    return heard
