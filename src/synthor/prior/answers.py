"""What a model answered, as beliefs: repaired where the repair is certain, otherwise refused with the reason, item by item.

A refused item costs itself, never its neighbours: it is asked for once more with the reason, then dropped and listed.
"""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
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
    WrittenMember,
)
from synthor.prior.questions import ALL_PAIRS, MOST_LABELS, QUANTILES, RULES, SEGMENTS, THREE_WAYS, Segment
from synthor.prior.scene import Pair, Scene
from synthor.prior.segments import SegmentForm
from synthor.prior.shown import GROUPS, MANY, Shown
from synthor.prior.whole import WrittenLevel
from synthor.problem import Problem, forbids_all
from synthor.rules.parse import PredicateError, parse_predicate

TOLERANCE = 30.0
"""Percent by which a row may miss its total and still be taken, stretched."""

ROUNDING = 3.0
"""Percent by which a row may miss its total without a word."""

MOST_LISTED = 2_000
"""Entries of an outline that are looked at."""

NOTHING = "there was no answer in JSON"
CUT = "the answer was cut off before it; write compactly"
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


class _WrongError(Exception):
    """An item that cannot be used; the message goes back to the model."""


def hear_tables(text: str, scene: Scene, pairs: Sequence[Pair]) -> Heard:
    """Conditional tables, one a pair."""
    heard = Heard()
    entries, cut = _numbered(text, len(pairs), ("tables", "pairs"), ("pair", "number"))
    for number, pair in enumerate(pairs, start=1):
        try:
            heard.tables[str(pair)] = _table(_entry(entries, number, cut=cut), scene, pair, heard)
        except _WrongError as error:
            heard.errors[str(pair)] = str(error)
    return heard


def hear_revision(text: str, scene: Scene, written: Mapping[Pair, Dependency]) -> Heard:
    """The tables of some pairs once more; of units with members, one without rows is the one that was written before."""
    heard = Heard()
    entries, cut = _numbered(text, len(written), ("tables", "pairs"), ("pair", "number"))
    for number, (pair, table) in enumerate(written.items(), start=1):
        item = f"revise {pair}"
        try:
            entry = _entry(entries, number, cut=cut)
            if scene.levels and isinstance(entry, dict) and entry.get("rows") == []:
                confidence = _confidence(entry, str(pair), heard)
                confidence = table.confidence if confidence is None else confidence
                heard.tables[item] = table.model_copy(update={"confidence": confidence})
            else:
                heard.tables[item] = _table(entry, scene, pair, heard)
        except _WrongError as error:
            heard.errors[item] = str(error)
    return heard


def hear_rules(text: str, problem: Problem) -> Heard:
    """Structural zeros; a rule that cannot be read costs itself, an answer without a list is an error of `rules`."""
    heard = Heard()
    value, whole = salvage(text)
    listed = value.get("rules") if isinstance(value, dict) else value
    if not isinstance(listed, list):
        heard.errors["rules"] = NOTHING if value is None else 'there is no list called "rules"'
        return heard
    heard.check_end("rules", listed, whole=whole, most=RULES)
    known = {re.sub(r"\s+", " ", rule.text).strip() for rule in problem.rules}
    for i, entry in enumerate(listed[:RULES]):
        never = entry.get("never") if isinstance(entry, dict) else entry
        why = _line(entry.get("why")) if isinstance(entry, dict) else ""
        place = f"rules[{i}]"
        if not isinstance(never, str) or not never.strip():
            heard.mended.append(Dropped(belief=place, reason="has no condition"))
            continue
        never = _quoted(_line(never, most=2000), problem)
        if never in known:
            continue
        known.add(never)
        try:
            empties = _read(never, problem)
        except PredicateError as error:
            heard.mended.append(Dropped(belief=place, reason=f"`{never[:80]}` {error}"))
            continue
        if empties:
            heard.mended.append(Dropped(belief=place, reason=f"`{never[:80]}` forbids every record"))
            continue
        heard.rules.append(RuleBelief(never=never, why=why))
    return heard


def hear_differences(text: str, wanted: Sequence[str]) -> Heard:
    """How far apart the numbers of two members lie; an entry that cannot be used costs itself."""
    heard = Heard()
    value, whole = salvage(text)
    listed = value.get("differences") if isinstance(value, dict) else value
    heard.check_end("differences", listed, whole=whole)
    if not isinstance(listed, list):
        heard.errors["differences"] = NOTHING if value is None else 'there is no list called "differences"'
    for i, entry in enumerate(listed[:MOST_LISTED] if isinstance(listed, list) else []):
        name = _line(entry.get("difference")) if isinstance(entry, dict) else ""
        found = next((one for one in wanted if _bare(one) == _bare(name)), "")
        place = f"differences[{i}]" + (f" ({found})" if found else "")
        told = entry.get("quantiles") if isinstance(entry, dict) else None
        if isinstance(told, dict):
            told = list(told.values())
        values = [_number(value) for value in told] if isinstance(told, list) else []
        try:
            if not found:
                raise _WrongError("is none of the differences that were asked for")
            if any(one.difference == found for one in heard.differences):
                raise _WrongError("was given before")
            if len(values) != len(QUANTILES) or None in values:
                raise _WrongError(f"gives no {len(QUANTILES)} numbers as its quantiles")
            heard.differences.append(_difference(found, [value for value in values if value is not None], entry, heard))
        except _WrongError as error:
            heard.mended.append(Dropped(belief=place, reason=str(error)))
    return heard


def _difference(name: str, values: Sequence[float], entry: Any, heard: Heard) -> DifferenceBelief:
    """A difference by its quantiles; of those that are alike, as whole years easily are, the one nearest the middle."""
    kept: dict[float, int] = {}
    for share, value in sorted(zip(QUANTILES, values, strict=True), key=lambda one: abs(one[0] - 50)):
        kept.setdefault(value, share)
    rising = sorted(kept, key=lambda value: kept[value])
    if len(rising) < 2 or rising != sorted(rising):
        raise _WrongError("its quantiles do not rise")
    quantiles = {f"{kept[value]}%": value for value in rising}
    return DifferenceBelief(difference=name, quantiles=quantiles, confidence=_confidence(entry, name, heard))


def _bare(name: str) -> str:
    """A difference without blanks, quotes and case."""
    return re.sub(r"[\s\"'`]", "", name.replace("−", "-")).casefold()


def _quoted(never: str, problem: Problem) -> str:
    """The same condition with names of several words in double quotes, as conditions have them."""
    names = {name for level in problem.schema for name in (level.name, *level.roles)}
    longer = sorted((name for name in names if " " in name and '"' not in name), key=len, reverse=True)
    if not longer:
        return never
    either = "|".join(map(re.escape, longer))
    return re.sub(
        rf"'[^']*'|\"[^\"]*\"|(?<!\w)({either})(?!\w)", lambda found: f'"{found[1]}"' if found[1] else found[0], never
    )


def _read(never: str, problem: Problem) -> bool:
    """Whether a rule that can be read forbids every record; of units with members that is seen later."""
    if len(problem.schema.levels) > 1:
        problem.rule(never)
        return False
    return forbids_all(parse_predicate(never, problem.variables), problem.variables)


def hear_outline(text: str) -> Heard:
    """Names and shares of segments."""
    heard = Heard()
    value, whole = salvage(text)
    listed = value.get("segments") if isinstance(value, dict) else value
    heard.check_end("segments", listed, whole=whole)
    names: set[str] = set()
    for i, entry in enumerate(listed[:MOST_LISTED] if isinstance(listed, list) else []):
        name = _line(entry.get("name")) if isinstance(entry, dict) else ""
        share = _number(entry.get("share")) if isinstance(entry, dict) else None
        if not name or share is None or share <= 0:
            heard.mended.append(Dropped(belief=f"segments[{i}]", reason="has no name, or no share above 0"))
        elif name.casefold() in names:
            heard.mended.append(Dropped(belief=f"segments[{i}] ({name})", reason="was named before"))
        else:
            names.add(name.casefold())
            heard.segments.append(Segment(name=name, share=min(share, 100.0)))
    if len(heard.segments) > 2 * SEGMENTS:
        heard.mend("segments", f"{len(heard.segments)} segments, the largest {2 * SEGMENTS} were kept")
        heard.segments = sorted(heard.segments, key=lambda segment: -segment.share)[: 2 * SEGMENTS]
    if not heard.segments:
        heard.errors["outline"] = NOTHING if value is None else "it names no segments with a share"
    return heard


def hear_details(text: str, scene: Scene, segments: Sequence[Segment], prefix: str = "segment ") -> Heard:
    """Proposals, one a segment; items are named `prefix` and the segment's name."""
    heard = Heard()
    entries, cut = _numbered(text, len(segments), ("segments", "proposals"), ("segment", "number"))
    for number, segment in enumerate(segments, start=1):
        item = f"{prefix}{segment.name}"
        try:
            values = _values(_entry(entries, number, cut=cut), scene, item, heard)
            heard.proposals[item] = Proposal(name=segment.name, share=segment.share, values=values)
        except _WrongError as error:
            heard.errors[item] = str(error)
    return heard


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
    entries, cut = _numbered(text, len(segments), ("segments", "proposals"), ("segment", "number"))
    for number, (item, segment) in enumerate(segments.items(), start=1):
        try:
            said = _said_of_units(_entry(entries, number, cut=cut), scene, form, item, heard)
            proposal = Proposal(name=segment.name, share=segment.share, **said)
            wrong = wrong_in(proposal)
            if wrong:
                raise _WrongError(wrong)
            heard.proposals[item] = proposal
        except _WrongError as error:
            heard.errors[item] = str(error)
    return heard


def _said_of_units(entry: Any, scene: Scene, form: SegmentForm, item: str, heard: Heard) -> dict[str, Any]:
    """What characterises the units of a segment: values, compositions and differences."""
    if not isinstance(entry, dict):
        raise _WrongError("it is no object with lists of values, compositions and differences")
    values: dict[str, Any] = {}
    for told in _entries(entry, "values"):
        name = _name(told.get("variable"), form.variables)
        if not name:
            asked = _line(told.get("variable"))
            raise _WrongError(f"'{asked}' is no variable that a segment can give; {nearest(asked, form.variables)}")
        values[name] = _distribution(told.get("value"), scene.by_name[name], item, heard)
    compositions, differences = [], []
    for told in _entries(entry, "compositions"):
        found = _composition(told, form.roles)
        if found is None or not any(found[0]):
            raise _WrongError(f"a composition gives no percent, or no {len(form.roles)} whole numbers")
        members = {role: n for role, n in zip(form.roles, found[0], strict=True) if n}
        compositions.append(CompositionBelief(members=members, percent=found[1]))
    for told in _entries(entry, "differences"):
        low, high = _number(told.get("from")), _number(told.get("to"))
        if low is None or high is None:
            raise _WrongError("a difference has no two numbers, from and to")
        band = f"{min(low, high):.15g} to {max(low, high):.15g}"
        differences.append(DifferenceBelief(difference=_line(told.get("difference")), percent={band: 100}))
    if not (values or compositions or differences):
        raise _WrongError("it says nothing of its units")
    return {"values": values, "compositions": compositions or None, "differences": differences or None}


def _entries(entry: dict[str, Any], key: str) -> list[dict[str, Any]]:
    """Objects of one of the lists that a segment may have."""
    listed = entry.get(key)
    if key == "values" and isinstance(listed, dict):  # by their names
        listed = [{"variable": name, "value": value} for name, value in listed.items()]
    return [told for told in (listed if isinstance(listed, list) else [])[:MOST_LISTED] if isinstance(told, dict)]


def _composition(entry: Any, roles: Sequence[str]) -> tuple[list[int], float] | None:
    """Members of each role and the percent of a composition; None where these cannot be read."""
    members = entry.get("members") if isinstance(entry, dict) else None
    percent = _number(entry.get("percent")) if isinstance(entry, dict) else None
    each = [_number(one) for one in members] if isinstance(members, list) else []
    whole = [int(one) for one in each if one is not None and one >= 0 and one == int(one)]
    if percent is None or not 0 <= percent <= 100 or len(whole) != len(roles) or len(each) != len(roles):
        return None
    return whole, percent


def hear_plan(text: str, scene: Scene, n_segments: int) -> Heard:
    """Proposals with their own shares; duplicates are joined."""
    heard = Heard()
    entries, cut = _numbered(text, n_segments, ("proposals", "plan", "segments"), ("proposal", "number"))
    found: dict[str, Proposal] = {}
    for number, entry in entries.items():
        item = f"proposal {number}"
        try:
            share = _number(entry.get("share", entry.get("count"))) if isinstance(entry, dict) else None
            if share is None or share <= 0:
                raise _WrongError("it has no share above 0")
            own = {"share", "count", "name"} - scene.by_name.keys()
            rest = {key: value for key, value in entry.items() if key not in own}
            values = _values(rest, scene, item, heard)
            same = repr(values)
            before = found[same].share if same in found else 0.0
            found[same] = Proposal(name=_line(entry.get("name")), share=min(before + share, 1e9), values=values)
        except _WrongError as error:
            heard.mended.append(Dropped(belief=item, reason=str(error)))
    heard.proposals = {f"proposal {i}": proposal for i, proposal in enumerate(found.values(), start=1)}
    if not found:
        wrong = heard.mended[0].reason if heard.mended else NOTHING
        heard.errors["plan"] = wrong
    heard.check_end("plan", entries, whole=not cut)
    return heard


def hear_records(text: str, scene: Scene, n_records: int) -> Heard:
    """Whole records; those that say the same become one proposal with their number as its share."""
    heard = Heard()
    value, whole = salvage(text)
    listed = next((v for v in value.values() if isinstance(v, list)), None) if isinstance(value, dict) else value
    counts: dict[tuple[str, ...], int] = {}
    for i, entry in enumerate((listed if isinstance(listed, list) else [])[:n_records]):
        labels = _by_name(entry, scene) if isinstance(entry, dict) else entry
        if not isinstance(labels, list) or len(labels) != len(scene.variables):
            heard.mended.append(Dropped(belief=f"records[{i}]", reason=f"is no list of {len(scene.variables)} labels"))
            continue
        try:
            found = tuple(
                variable.labels[_code(variable, label, f"records[{i}]", heard)]
                for variable, label in zip(scene.variables, labels, strict=True)
            )
            counts[found] = counts.get(found, 0) + 1
        except _WrongError as error:
            heard.mended.append(Dropped(belief=f"records[{i}]", reason=str(error)))
    names = [variable.name for variable in scene.variables]
    heard.proposals = {
        f"record {i}": Proposal(share=count, values=dict(zip(names, labels, strict=True)))
        for i, (labels, count) in enumerate(counts.items(), start=1)
    }
    if not counts:
        heard.errors["records"] = heard.mended[0].reason if heard.mended else NOTHING
    heard.check_end("records", listed, whole=whole, most=n_records)
    return heard


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
        except _WrongError as error:
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
        told = said_once((_name(key, names), label) for key, label in own.items())
        own = [told.get(name) for name in names] if told.keys() == set(names) else None
    if not isinstance(own, list) or len(own) != len(names):
        raise _WrongError(f"a row of '{level.name}' is no list of {len(names)} labels")
    codes = [_code(variable, label, place, heard) for variable, label in zip(level.variables, own, strict=True)]
    members: dict[str, list[WrittenMember]] = {}
    for below in level.below:
        rows = entry.get(below.name, []) if isinstance(entry, dict) else None
        if not isinstance(rows, list):
            raise _WrongError(f"a {level.name} has no list called '{below.name}'")
        read = [_written(row, below, place, heard) for row in rows[:MOST_LISTED]]
        wrong = below.wrong([each for _, each in read])
        if wrong:
            raise _WrongError(wrong)
        members[below.name] = [row for row, _ in read]
    values = {name: variable.labels[code] for name, variable, code in zip(names, level.variables, codes, strict=True)}
    return WrittenMember(values=values, members=members if level.below else None), codes


def hear_marginals(text: str, scene: Scene, names: Sequence[str]) -> Heard:
    """Shares of variables that no target gives; items are named `marginal` and the variable."""
    heard = Heard()
    value, _ = salvage(text)
    for name in names:
        item = f"marginal {name}"
        try:
            if not isinstance(value, dict):
                raise _WrongError(NOTHING)
            row = _row(value.get(name), scene.by_name[name], name, item, heard)
            heard.marginals[item] = Marginal(of=name, percent=row)
        except _WrongError as error:
            heard.errors[item] = str(error)
    return heard


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
    if not heard.compositions:
        heard.errors["compositions"] = NOTHING if value is None else "it gives no composition with its members and percent"
        return heard
    heard.mended += [
        Dropped(belief=f"compositions of {number}", reason="the answer gives none" if whole else CUT)
        for number, listed in told.items()
        if not isinstance(listed, list)
    ]
    if _are_shares_of_one(heard.compositions):
        heard.compositions = [one.model_copy(update={"percent": 100 * one.percent}) for one in heard.compositions]
        heard.mend("compositions", "their percents were taken as shares of 1")
    return heard


def _are_shares_of_one(compositions: Sequence[CompositionBelief]) -> bool:
    """Whether compositions were told in shares where percents were asked for: those of some number add up to about 1."""
    sums: dict[int, float] = {}
    for one in compositions:
        n = sum(one.members.values())
        sums[n] = sums.get(n, 0.0) + one.percent
    return max(one.percent for one in compositions) <= 1 and any(abs(told - 1) <= TOLERANCE / 100 for told in sums.values())


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
        found = [_name(end, names) for end in ends] if isinstance(ends, list) else []
        if len(found) != 3 or "" in found or len({*found}) < 3:
            heard.mended.append(Dropped(belief=place, reason="names no three variables by their numbers"))
            continue
        of, first, second = (scene.by_name[name] for name in found)
        item = f"{of.name} given {first.name} and {second.name}"
        if item in told:
            heard.mended.append(Dropped(belief=item, reason="was given before"))
            continue
        try:
            rows = _rows_of(entry, first.size * second.size, of, item, heard)
        except _WrongError as error:
            heard.mended.append(Dropped(belief=item, reason=str(error)))
            continue
        told.add(item)
        confidence, why = _confidence(entry, item, heard), _line(entry.get("why"))
        given = [first.name, second.name]
        heard.three_way.append(ThreeWay(given=given, of=of.name, rows=rows, confidence=confidence, why=why))
    if len(heard.three_way) > THREE_WAYS:
        reason = f"{len(heard.three_way):,} were given, the first {THREE_WAYS} were kept"
        heard.mended.append(Dropped(belief="three-way", reason=reason))
        heard.three_way = heard.three_way[:THREE_WAYS]
    if not heard.three_way:
        heard.errors["three-way"] = NOTHING if value is None else "it gives no table with its triple and rows"
    return heard


def _rows_of(entry: dict[str, Any], n_rows: int, of: Shown, item: str, heard: Heard) -> list[list[float]]:
    rows = entry.get("rows")
    if not isinstance(rows, list) or len(rows) != n_rows:
        found = len(rows) if isinstance(rows, list) else "no"
        raise _WrongError(f"it has {found} rows, expected {n_rows}, one for each combination of the two that are given")
    return [_row(row, of, f"row {at}", item, heard) for at, row in enumerate(rows, start=1)]


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
        found = frozenset(_name(end, names) for end in ends) if isinstance(ends, list) else frozenset()
        if found in open_pairs:
            heard.pairs.append(open_pairs.pop(found))
    if len(heard.pairs) > most:
        heard.mended.append(Dropped(belief="pairs", reason=f"{len(heard.pairs):,} were given, the first {most:,} were kept"))
        heard.pairs = heard.pairs[:most]
    if not heard.pairs:
        heard.errors["pairs"] = NOTHING if value is None else "it names no pairs of variables by their numbers"
    return heard


def hear_groups(text: str, scene: Scene, name: str) -> Heard:
    """Groups of the categories of one variable; the item is named `groups` and the variable."""
    item, variable = f"groups {name}", scene.by_name[name].variable
    heard = Heard(group_variable=variable.name)  # also of the head's, who has no groups of its own
    value, whole = salvage(text)
    listed = value.get("groups") if isinstance(value, dict) else value
    heard.check_end(item, listed, whole=whole, most=GROUPS)
    taken: set[int] = set()
    for entry in (listed if isinstance(listed, list) else [])[:GROUPS]:
        label = _line(entry.get("name")) if isinstance(entry, dict) else ""
        members = entry.get("categories") if isinstance(entry, dict) else None
        codes = []
        for member in members if isinstance(members, list) else []:
            number = _number(member) if not isinstance(member, str) else None
            code = variable.code(member) if isinstance(member, str) else -1 if number is None else int(number) - 1
            if 0 <= code < variable.size and code not in taken:
                codes.append(code)
                taken.add(code)
        known = next((name for name in heard.groups if name.casefold() == label.casefold()), label or "other")
        if codes:
            heard.groups.setdefault(known, []).extend(variable.labels[code] for code in codes)
    missing = variable.size - len(taken)
    if len(heard.groups) < 2 or missing > variable.size / 2:
        heard.errors[item] = NOTHING if value is None else f"{missing} of {variable.size} categories are in no group"
        heard.groups = {}
    elif missing:
        heard.mend(item, f"{missing} categories were in no group; they were put together as `other`")
    return heard


def _numbered(text: str, n: int, wrappers: tuple[str, ...], keys: tuple[str, ...]) -> tuple[dict[str, Any], bool]:
    """Entries by their number as text, from an object with numbers as keys or a list of entries that give theirs."""
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
        return {}, False
    found = [(re.fullmatch(r"\D*?(\d{1,6})\W*", key), entry) for key, entry in value.items() if not key.startswith("-")]
    entries = said_once((str(int(match[1])), entry) for match, entry in found if match)
    if "0" in entries and entries.keys() == {str(number) for number in range(len(entries))}:
        entries = {str(int(key) + 1): entry for key, entry in entries.items()}  # numbered from 0
    return {key: entry for key, entry in entries.items() if 1 <= int(key) <= n}, not whole


def _entry(entries: dict[str, Any], number: int, *, cut: bool) -> Any:
    if str(number) not in entries:
        raise _WrongError(CUT if cut and entries else f"the answer has no entry {number}" if entries or not cut else NOTHING)
    return entries[str(number)]


def _table(entry: Any, scene: Scene, pair: Pair, heard: Heard) -> Dependency:
    rows = entry.get("rows") if isinstance(entry, dict) else entry
    given, of = scene.by_name[pair.given], scene.by_name[pair.of]
    if isinstance(rows, dict):
        rows = _in_order(rows, given, str(pair), heard)
    if not isinstance(rows, list) or len(rows) != given.size:
        found = len(rows) if isinstance(rows, list) else "no"
        raise _WrongError(f"it has {found} rows, expected {given.size}, one for each category of {given.name}")
    filled = [_row(row, of, f"row {i}", str(pair), heard) for i, row in enumerate(rows, start=1)]
    confidence = _confidence(entry, str(pair), heard)
    why = _line(entry.get("why")) if isinstance(entry, dict) else ""
    return Dependency(given=pair.given, of=pair.of, why=why, rows=filled, confidence=confidence)


def _confidence(entry: Any, item: str, heard: Heard) -> float | None:
    confidence = _number(entry.get("confidence")) if isinstance(entry, dict) else None
    if confidence is not None and not 0 <= confidence <= 1:
        if 1 < confidence <= 100:
            confidence /= 100
            heard.mend(item, "its confidence was taken as percent")
        else:
            confidence = None
            heard.mend(item, "its confidence is out of range; 0.5 was taken")
    return confidence


def _in_order(entry: dict[str, Any], variable: Shown, item: str, heard: Heard) -> list[Any]:
    """Values that are keyed by the labels of a variable, in the order of the labels."""
    found: dict[int, Any] = {}
    for key, value in entry.items():
        code = _code(variable, key, item, heard)
        if code in found:
            raise _WrongError(f"it gives '{variable.labels[code]}' of {variable.name} twice")
        found[code] = value
    missing = [label for code, label in enumerate(variable.labels) if code not in found]
    if missing:
        raise _WrongError(f"it says nothing of '{missing[0]}' of {variable.name}")
    return [found[code] for code in range(variable.size)]


def _row(row: Any, variable: Shown, place: str, item: str, heard: Heard) -> list[float]:
    """Percentages that add up to about 100; shares of one, and sums a little off, are stretched."""
    size = variable.size
    if isinstance(row, dict):
        row = _in_order(row, variable, item, heard)
    if not isinstance(row, list) or len(row) != size:
        raise _WrongError(f"{place} has {len(row) if isinstance(row, list) else 'no'} numbers, expected {size}")
    numbers = [_number(value) for value in row]
    if any(number is None for number in numbers):
        raise _WrongError(f"{place} holds something that is no number")
    values = [number for number in numbers if number is not None]
    if min(values) < 0:
        raise _WrongError(f"{place} holds a negative number")
    total = sum(values)
    if total <= 0:
        raise _WrongError(f"{place} holds only zeros")
    if abs(total - 1) <= TOLERANCE / 100 and max(values) <= 1:
        return [round(100 * value, 6) for value in values]
    if abs(total - 100) > TOLERANCE:
        raise _WrongError(f"{place} adds up to {total:.4g}, expected 100")
    if abs(total - 100) > ROUNDING:
        heard.mend(item, f"{place} added up to {total:.4g}; it was stretched")
    return values


def _by_name(entry: dict[str, Any], scene: Scene) -> list[Any] | None:
    """The values of a record whose keys are the names of the variables, in their order; None when they are not."""
    names = [variable.name for variable in scene.variables]
    found = {_name(key, names): value for key, value in entry.items()}
    return [found[name] for name in names] if found.keys() == set(names) and len(entry) == len(names) else None


def _values(entry: Any, scene: Scene, item: str, heard: Heard) -> dict[str, Any]:
    """One distribution for each variable, in the forms that a proposal takes."""
    if isinstance(entry, list) and len(entry) == len(scene.variables):
        entry = dict(zip((variable.name for variable in scene.variables), entry, strict=True))
    if not isinstance(entry, dict):
        raise _WrongError("it is no object with one entry for each variable")
    names = [variable.name for variable in scene.variables]
    if "values" not in names and isinstance(entry.get("values"), dict):
        entry = entry["values"]
    told = said_once((_name(key, names) or key, value) for key, value in entry.items())
    missing = [name for name in names if told.get(name) is None]
    if len(missing) > len(names) / 2:
        raise _WrongError(f"it says nothing of {', '.join(missing[:4])}")
    values = {}
    for variable in scene.variables:
        if variable.name not in missing:
            values[variable.name] = _distribution(told[variable.name], variable, item, heard)
    return values


def _distribution(value: Any, variable: Shown, item: str, heard: Heard) -> Any:
    name = variable.name
    match value:
        case {"from": low, "to": high} if variable.variable.kind.range_schema(variable.variable) is not None:
            return _range(low, high, variable, item, heard)
        case dict():
            weights: dict[str, float] = {}
            for key, told in value.items():
                weight = _number(told)
                if weight is None or weight < 0:
                    raise _WrongError(f"{name} has a weight that is no number of 0 or more")
                label = variable.labels[_code(variable, key, item, heard)]
                weights[label] = weights.get(label, 0.0) + weight
            if not any(weights.values()):
                raise _WrongError(f"{name} has no positive weights")
            return weights
        case [*labels] if labels and all(isinstance(label, str) for label in labels):
            if len(labels) == variable.size and all(_number_in(label) is not None for label in labels):
                return _distribution([_number_in(label) for label in labels], variable, item, heard)
            if len(labels) > max(MOST_LABELS, MANY):
                raise _WrongError(f"{name} lists {len(labels)} labels, at most {MOST_LABELS}")
            return {variable.labels[_code(variable, label, item, heard)]: 1.0 for label in labels}
        case list():
            row = _row(value, variable, name, item, heard)
            return {label: weight for label, weight in zip(variable.labels, row, strict=True) if weight > 0}
        case bool() | str() | int() | float():
            return variable.labels[_code(variable, value, item, heard)]
    raise _WrongError(f"{name} is neither numbers, nor a label, nor a range")


def _range(low: Any, high: Any, variable: Shown, item: str, heard: Heard) -> Range:
    a, b = _number(low), _number(high)
    if a is None or b is None:
        raise _WrongError(f"the range of {variable.name} has no two numbers")
    if a > b:
        a, b = b, a
        heard.mend(item, f"the range of {variable.name} was turned round")
    lowest, highest = variable.variable.least, variable.variable.most
    if b < lowest or a > highest:
        raise _WrongError(f"the range of {variable.name} lies outside {lowest:.15g} to {highest:.15g}")
    if a < lowest or b > highest:
        a, b = max(a, lowest), min(b, highest)
        heard.mend(item, f"the range of {variable.name} was cut at its bounds")
    return Range.model_validate({"from": a, "to": b})


def _code(variable: Shown, label: Any, item: str, heard: Heard) -> int:
    """Position of a label, mended where there is no doubt."""
    text = ("yes" if label else "no") if isinstance(label, bool) else str(label)
    code = variable.code(text)
    number = _number(label) if not isinstance(label, bool) else None
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
        raise _WrongError(f"'{_line(text)}' is no label of {variable.name}; {nearest(text, variable.labels)}")
    heard.mend(item, f"'{_line(text)}' was taken as '{variable.labels[code]}' of {variable.name}")
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


def _name(key: Any, names: Sequence[str]) -> str:
    """The variable that a key means: its name, whatever its case, or its number from 1; empty when it is none."""
    if key in names:
        return str(key)
    number = _number(key) if not isinstance(key, str) else _number_in(key)
    if number is not None and number == int(number) and 1 <= number <= len(names):
        return names[int(number) - 1]
    folded = {_folded(name): name for name in names}
    return folded.get(_folded(str(key)), "")


def _number(value: Any) -> float | None:
    if isinstance(value, str):
        return _number_in(value)
    if isinstance(value, bool) or not isinstance(value, int | float) or not np.isfinite(value) or abs(value) > 1e9:
        return None
    return float(value)


def _number_in(text: str) -> float | None:
    """A number written as text, perhaps with a percent sign; never a number with separators, which could mean two things."""
    found = re.fullmatch(r"(-?\d{1,9}(?:\.\d{1,9})?)(?:\s*%)?", text.strip())
    return float(found[1]) if found else None


def _line(value: Any, most: int = 120) -> str:
    """Text in one line, without what cannot be printed or written to a file."""
    text = value if isinstance(value, str) else ""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()[:most]
