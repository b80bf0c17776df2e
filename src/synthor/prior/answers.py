"""What a model answered, as beliefs: repaired where the repair is certain, otherwise refused with the reason, item by item.

A refused item costs itself, never its neighbours: it is asked for once more with the reason, then dropped and listed.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from synthor.llm.salvage import said_once, salvage
from synthor.prior.heard import (
    MOST_LISTED,
    NOTHING,
    Entries,
    Heard,
    WrongError,
    code_of,
    confidence_of,
    in_order,
    line_of,
    name_meant,
    number_of,
    numbered,
    row_of,
    values_by_name,
    values_of,
)
from synthor.prior.model import Dependency, Dropped, Marginal, Proposal, RuleBelief
from synthor.prior.questions import RULES, SEGMENTS, Segment
from synthor.prior.scene import Pair, Scene
from synthor.prior.shown import GROUPS
from synthor.problem import Problem, forbids_all
from synthor.rules.parse import PredicateError, parse_predicate


def hear_tables(text: str, scene: Scene, pairs: Sequence[Pair]) -> Heard:
    """Conditional tables, one a pair."""
    heard = Heard()
    entries = _of_pairs(text, scene, pairs)
    for number, pair in enumerate(pairs, start=1):
        try:
            heard.tables[str(pair)] = _table(entries[number], scene, pair, heard)
        except WrongError as error:
            heard.errors[str(pair)] = str(error)
    return heard


def hear_revision(text: str, scene: Scene, written: Mapping[Pair, Dependency]) -> Heard:
    """The tables of some pairs once more; of units with members, one without rows is the one that was written before."""
    heard = Heard()
    entries = _of_pairs(text, scene, list(written))
    for number, (pair, table) in enumerate(written.items(), start=1):
        item = f"revise {pair}"
        try:
            entry = entries[number]
            if scene.levels and isinstance(entry, dict) and entry.get("rows") == []:
                confidence = confidence_of(entry, str(pair), heard)
                confidence = table.confidence if confidence is None else confidence
                heard.tables[item] = table.model_copy(update={"confidence": confidence})
            else:
                heard.tables[item] = _table(entry, scene, pair, heard)
        except WrongError as error:
            heard.errors[item] = str(error)
    return heard


def _of_pairs(text: str, scene: Scene, pairs: Sequence[Pair]) -> Entries:
    """Entries about pairs; one that says which two variables it is about is about these, wherever it stands."""
    entries = numbered(text, len(pairs), ("tables", "pairs"), ("pair", "number", "id", "n", "no", "index"), [*map(str, pairs)])
    places = {(pair.given, pair.of): number for number, pair in enumerate(pairs, start=1)}
    names = [variable.name for variable in scene.variables]
    about = {key: _pair_named(entry, names) for key, entry in entries.found.items()}
    if all(ends is None or places.get(ends) == int(key) for key, ends in about.items()):
        return entries
    told = [(str(places.get(ends, 0)) if ends else key, entries.found[key]) for key, ends in about.items()]
    return replace(entries, found=said_once((key, entry) for key, entry in told if key != "0"))


def _pair_named(entry: Any, names: Sequence[str]) -> tuple[str, str] | None:
    """The two variables that an entry says it is about, the given one first; None where it says no such thing."""
    if not isinstance(entry, dict) or not isinstance(entry.get("of"), str) or not isinstance(entry.get("given"), str):
        return None
    ends = name_meant(entry["given"], names), name_meant(entry["of"], names)
    return ends if all(ends) else None


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
        why = line_of(entry.get("why")) if isinstance(entry, dict) else ""
        place = f"rules[{i}]"
        if not isinstance(never, str) or not never.strip():
            heard.mended.append(Dropped(belief=place, reason="has no condition"))
            continue
        never = _quoted(line_of(never, most=2000), problem)
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
        name = line_of(entry.get("name")) if isinstance(entry, dict) else ""
        share = number_of(entry.get("share")) if isinstance(entry, dict) else None
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
    entries = numbered(text, len(segments), ("segments", "proposals"), ("segment", "number"))
    for number, segment in enumerate(segments, start=1):
        item = f"{prefix}{segment.name}"
        try:
            values = values_of(entries[number], scene, item, heard)
            heard.proposals[item] = Proposal(name=segment.name, share=segment.share, values=values)
        except WrongError as error:
            heard.errors[item] = str(error)
    return heard


def hear_plan(text: str, scene: Scene, n_segments: int) -> Heard:
    """Proposals with their own shares; duplicates are joined."""
    heard = Heard()
    entries = numbered(text, n_segments, ("proposals", "plan", "segments"), ("proposal", "number"))
    found: dict[str, Proposal] = {}
    for number, entry in entries.found.items():
        item = f"proposal {number}"
        try:
            share = number_of(entry.get("share", entry.get("count"))) if isinstance(entry, dict) else None
            if share is None or share <= 0:
                raise WrongError("it has no share above 0")
            own = {"share", "count", "name"} - scene.by_name.keys()
            rest = {key: value for key, value in entry.items() if key not in own}
            values = values_of(rest, scene, item, heard)
            same = repr(values)
            before = found[same].share if same in found else 0.0
            found[same] = Proposal(name=line_of(entry.get("name")), share=min(before + share, 1e9), values=values)
        except WrongError as error:
            heard.mended.append(Dropped(belief=item, reason=str(error)))
    heard.proposals = {f"proposal {i}": proposal for i, proposal in enumerate(found.values(), start=1)}
    if not found:
        heard.errors["plan"] = entries.doubt or (heard.mended[0].reason if heard.mended else NOTHING)
    heard.check_end("plan", entries.found, whole=not entries.cut)
    return heard


def hear_records(text: str, scene: Scene, n_records: int) -> Heard:
    """Whole records; those that say the same become one proposal with their number as its share."""
    heard = Heard()
    value, whole = salvage(text)
    listed = next((v for v in value.values() if isinstance(v, list)), None) if isinstance(value, dict) else value
    counts: dict[tuple[str, ...], int] = {}
    for i, entry in enumerate((listed if isinstance(listed, list) else [])[:n_records]):
        labels = values_by_name(entry, scene) if isinstance(entry, dict) else entry
        if not isinstance(labels, list) or len(labels) != len(scene.variables):
            heard.mended.append(Dropped(belief=f"records[{i}]", reason=f"is no list of {len(scene.variables)} labels"))
            continue
        try:
            found = tuple(
                variable.labels[code_of(variable, label, f"records[{i}]", heard)]
                for variable, label in zip(scene.variables, labels, strict=True)
            )
            counts[found] = counts.get(found, 0) + 1
        except WrongError as error:
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


def hear_marginals(text: str, scene: Scene, names: Sequence[str]) -> Heard:
    """Shares of variables that no target gives; items are named `marginal` and the variable."""
    heard = Heard()
    value, _ = salvage(text)
    for name in names:
        item = f"marginal {name}"
        try:
            if not isinstance(value, dict):
                raise WrongError(NOTHING)
            row = row_of(value.get(name), scene.by_name[name], name, item, heard)
            heard.marginals[item] = Marginal(of=name, percent=row)
        except WrongError as error:
            heard.errors[item] = str(error)
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
        label = line_of(entry.get("name")) if isinstance(entry, dict) else ""
        members = entry.get("categories") if isinstance(entry, dict) else None
        codes = []
        for member in members if isinstance(members, list) else []:
            number = number_of(member) if not isinstance(member, str) else None
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


def _table(entry: Any, scene: Scene, pair: Pair, heard: Heard) -> Dependency:
    rows = entry.get("rows") if isinstance(entry, dict) else entry
    given, of = scene.by_name[pair.given], scene.by_name[pair.of]
    if isinstance(rows, dict):
        rows = in_order(rows, given, str(pair), heard)
    if not isinstance(rows, list) or len(rows) != given.size:
        found = len(rows) if isinstance(rows, list) else "no"
        raise WrongError(f"it has {found} rows, expected {given.size}, one for each category of {given.name}")
    filled = [row_of(row, of, f"row {i}", str(pair), heard) for i, row in enumerate(rows, start=1)]
    confidence = confidence_of(entry, str(pair), heard)
    why = line_of(entry.get("why")) if isinstance(entry, dict) else ""
    return Dependency(given=pair.given, of=pair.of, why=why, rows=filled, confidence=confidence)
