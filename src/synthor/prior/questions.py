"""Questions to a model: prompts from templates, and the JSON schema of each answer."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined

from synthor.llm.request import Request
from synthor.prior.among_members import AmongMembers
from synthor.prior.model import Dependency
from synthor.prior.scene import Pair, Scene
from synthor.prior.segments import SegmentForm
from synthor.prior.shown import GROUPS, MANY, Shown
from synthor.prior.whole import MOST, WrittenLevel

ALL_PAIRS = 105
"""Pairs up to which all are asked for (15 variables); beyond, the model first names the strongest."""

RELATIONS, FEWEST_RELATIONS = 60, 20
"""Pairs beside those inside a level that a model names, at most and at least, where units have members."""

COMPOSITIONS = 8
"""Whole compositions of units with as many members that are asked for, at most."""

THREE_WAYS, ROWS_OF_THREE = 10, 60
"""Tables of three variables that are asked for at most, and rows of each at most."""

NUMBERS_A_REQUEST = 2_000
"""Cells of the tables that one request asks for: about 6,000 tokens of answer."""

SEGMENTS = 24
"""Segments of a plan."""

SEGMENTS_A_REQUEST = 14
"""Segments whose details one request asks for, since models cut long answers short."""

TOKENS_A_NUMBER = 2.7
"""Output tokens of one number of a table, its comma included."""

LEAST_TOKENS = 500
HEADROOM = 1.6
"""An answer is cut off at so many times the tokens that it should need, and `LEAST_TOKENS` more."""

USUAL = 6
"""Members beyond the fewest that a unit is taken to have at most, to tell how long an answer should be."""

MOST_LABELS = 8
"""Labels that a segment may list of a variable with many categories."""

MOST_DIFFERENCES = 4
"""Differences that a segment of units with members may tell."""

TOKENS_OF_UNITS = 250
"""Output tokens of such a segment, which says only what characterises it."""

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
"""Percent of the differences of two members' numbers below the values that are asked for."""

DIFFERENCES, TOKENS_OF_DIFFERENCE = 20, 45
"""Differences that are asked for at most, and output tokens of each."""

RULES = 30
NAME = r"^[^\x00-\x1f\"\\]{1,120}$"
CONDITION = r"^([^\x00-\x1f\"\\]{1,100}){1,3}$"
"""Constrained decoders take no more than 128 repetitions of one thing."""

PERCENT = {"type": "number", "minimum": 0, "maximum": 100}


@dataclass(frozen=True, slots=True, kw_only=True)
class Segment:
    """A group of records that are alike, named in the outline of a plan.

    Attributes:
        name: what characterises it, in the model's words.
        share: percent of all records, relative to the other segments.
    """

    name: str
    share: float


def batches_of_pairs(scene: Scene, pairs: Sequence[Pair]) -> list[list[Pair]]:
    """Pairs in as few requests as their answers' length allows, evenly filled."""
    sizes = [_cells(scene, pair) for pair in pairs]
    n = max(1, -(-sum(sizes) // NUMBERS_A_REQUEST))
    ends = np.cumsum(sizes)
    place = np.minimum((ends - np.array(sizes) / 2) * n // max(ends[-1], 1), n - 1) if len(pairs) else []
    return [[pair for pair, at in zip(pairs, place, strict=True) if at == batch] for batch in range(n)]


def ask_tables(scene: Scene, pairs: Sequence[Pair], errors: Mapping[str, str]) -> Request:
    """One conditional table for each pair."""
    listed = [
        {
            "number": number,
            "given": pair.given,
            "of": pair.of,
            "among": _plain(pair.among),
            "n_rows": scene.by_name[pair.given].size,
            "n_columns": scene.by_name[pair.of].size,
            "error": _plain(errors.get(str(pair), "")),
        }
        for number, pair in enumerate(pairs, start=1)
    ]
    schema = _tables_schema(scene, pairs)
    return _request("tables", scene, schema, _tokens_of_tables(scene, pairs), pairs=listed)


def ask_revision(
    scene: Scene,
    written: Mapping[Pair, Dependency],
    cells: Mapping[str, Sequence[Mapping[str, str]]],
    errors: Mapping[str, str],
) -> Request:
    """Some tables once more, as they were written, beside what the fit had to make of them.

    Args:
        scene: what every question says.
        written: the table of each pair. Of units with members it is shown whole, and an answer without rows keeps it.
        cells: of each pair, those that differ most.
        errors: why the last answers could not be used.
    """
    pairs = list(written)
    listed = [
        {
            "number": number,
            "given": pair.given,
            "of": pair.of,
            "among": _plain(pair.among),
            "cells": cells[str(pair)],
            "error": _plain(errors.get(f"revise {pair}", "")),
            "rows": "[" + ",".join("[" + ",".join(f"{cell:.4g}" for cell in row) + "]" for row in table.rows or []) + "]",
            "confidence": "" if table.confidence is None else f"{table.confidence:g}",
        }
        for number, (pair, table) in enumerate(written.items(), start=1)
    ]
    schema = _tables_schema(scene, pairs, may_be_kept=bool(scene.levels))
    return _request("revise", scene, schema, _tokens_of_tables(scene, pairs), pairs=listed)


def ask_rules(scene: Scene, error: str = "", among: AmongMembers | None = None) -> Request:
    """What is impossible.

    Args:
        scene: what every question says.
        error: why the last answer could not be used.
        among: what can be said of several members; None where units have none.
    """
    rule = _object({"never": {"type": "string", "pattern": CONDITION}, "why": {"type": "string", "pattern": NAME}})
    schema = _object({"rules": {"type": "array", "items": rule, "minItems": 0, "maxItems": RULES}})
    words: dict[str, Any] = {}
    if among is not None:
        words = {
            "numbers": list(among.numbers),
            "example": among.example,
            "counted": among.counted,
            "spaced": among.spaced,
            "listed": bool(scene.rules),
        }
    return _request("rules", scene, schema, 2_000, error=_plain(error), **words)


def ask_differences(scene: Scene, differences: Sequence[str], error: str = "") -> Request:
    """How far apart the numbers of two members lie.

    Args:
        scene: what every question says.
        differences: that may be told, as beliefs write them.
        error: why the last answer could not be used.
    """
    difference = _object(
        {
            "difference": {"type": "string", "enum": list(differences)},
            "quantiles": _listed({"type": "number"}, len(QUANTILES)) | {"minItems": len(QUANTILES)},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        }
    )
    schema = _object({"differences": _listed(difference, len(differences))})
    words = {"differences": [_plain(one) for one in differences], "quantiles": list(QUANTILES)}
    return _request("differences", scene, schema, TOKENS_OF_DIFFERENCE * len(differences), error=_plain(error), **words)


def ask_outline(scene: Scene, error: str = "") -> Request:
    """Names and shares of all segments."""
    segment = _object({"name": {"type": "string", "pattern": NAME}, "share": PERCENT})
    schema = _object({"segments": {"type": "array", "items": segment, "minItems": 2, "maxItems": 2 * SEGMENTS}})
    return _request("outline", scene, schema, 60 * SEGMENTS, n_segments=SEGMENTS, error=_plain(error))


def ask_details(scene: Scene, segments: Sequence[Segment], errors: Mapping[str, str]) -> Request:
    """For each segment, a distribution of every variable."""
    listed = [
        {
            "number": number,
            "name": _plain(segment.name),
            "share": f"{segment.share:.3g}%",
            "error": _plain(errors.get(f"segment {segment.name}", "")),
        }
        for number, segment in enumerate(segments, start=1)
    ]
    schema = _segments_schema(scene, [str(number) for number in range(1, len(segments) + 1)])
    return _request("details", scene, schema, len(segments) * _tokens_of_segment(scene), segments=listed, **_wide(scene))


def ask_marginals(scene: Scene, names: Sequence[str], error: str = "") -> Request:
    """Shares of variables that no target gives."""
    sizes = {name: scene.by_name[name].size for name in names}
    schema = _object({name: _row_schema(size) for name, size in sizes.items()})
    tokens = 200 + int(4 * TOKENS_A_NUMBER * sum(sizes.values()))
    return _request("marginals", scene, schema, tokens, names=list(names), error=_plain(error))


def ask_pairs(scene: Scene, error: str = "", *, most: int = ALL_PAIRS, anyway: bool = False) -> Request:
    """The pairs that depend most strongly on each other.

    Args:
        scene: what every question says.
        error: why the last answer could not be used.
        most: pairs that may be named.
        anyway: whether all pairs inside levels are asked for beside them.
    """
    number = {"type": "integer", "minimum": 1, "maximum": len(scene.variables)}
    pair = {"type": "array", "items": number, "minItems": 2, "maxItems": 2}
    fewest = FEWEST_RELATIONS if anyway else min(len(scene.variables) - 1, most)
    schema = _object({"pairs": {"type": "array", "items": pair, "minItems": fewest, "maxItems": most}})
    words = {"anyway": anyway} if scene.levels else {}
    return _request("pairs", scene, schema, 12 * most, fewest=fewest, most=most, error=_plain(error), **words)


def ask_compositions(scene: Scene, roles: Sequence[str], numbers: Sequence[int], *, who: str, error: str = "") -> Request:
    """Who the members of units with so many of them are, as a whole.

    Args:
        scene: what every question says.
        roles: of the members.
        numbers: of members.
        who: what a member is called.
        error: why the last answer could not be used.
    """
    number = {"type": "integer", "minimum": 0, "maximum": max(numbers)}
    members = {"type": "array", "items": number, "minItems": len(roles), "maxItems": len(roles)}
    listed = {
        "type": "array",
        "items": _object({"members": members, "percent": PERCENT}),
        "minItems": 1,
        "maxItems": COMPOSITIONS,
    }
    schema = _object({str(number): listed for number in numbers})
    tokens = len(numbers) * COMPOSITIONS * (12 + 2 * len(roles))
    words = {"roles": [_plain(role) for role in roles], "numbers": list(numbers), "who": _plain(who), "most": COMPOSITIONS}
    return _request("compositions", scene, schema, tokens, error=_plain(error), **words)


def ask_three_way(scene: Scene, error: str = "") -> Request:
    """Tables of one variable given two others, where the third matters most for how two go together."""
    number = {"type": "integer", "minimum": 1, "maximum": len(scene.variables)}
    row = {"type": "array", "items": PERCENT, "minItems": 2, "maxItems": MANY}
    table = _object(
        {
            "triple": {"type": "array", "items": number, "minItems": 3, "maxItems": 3},
            "why": {"type": "string", "pattern": NAME},
            "rows": {"type": "array", "items": row, "minItems": 4, "maxItems": ROWS_OF_THREE},
            "confidence": {"type": "number", "minimum": 0, "maximum": 1},
        }
    )
    schema = _object({"tables": {"type": "array", "items": table, "minItems": 1, "maxItems": THREE_WAYS}})
    tokens = THREE_WAYS * (26 + ROWS_OF_THREE / 2 * (1.5 + 5 * TOKENS_A_NUMBER))
    return _request("three_way", scene, schema, tokens, most=THREE_WAYS, most_rows=ROWS_OF_THREE, error=_plain(error))


def ask_groups(scene: Scene, name: str, error: str = "") -> Request:
    """Groups of the categories of a variable that has too many to be shown."""
    variable = scene.by_name[name].variable
    members = {
        "type": "array",
        "items": {"type": "integer", "minimum": 1, "maximum": variable.size},
        "minItems": 1,
        "maxItems": variable.size,
    }
    group = _object({"name": {"type": "string", "pattern": NAME}, "categories": members})
    schema = _object({"groups": {"type": "array", "items": group, "minItems": 2, "maxItems": GROUPS}})
    shown = {"name": name, "labels": [_plain(label) for label in variable.labels]}
    tokens = 400 + int(2 * TOKENS_A_NUMBER * variable.size)
    return _request("groups", scene, schema, tokens, variable=shown, most=GROUPS, error=_plain(error))


def ask_targeted(scene: Scene, cells: Sequence[Mapping[str, str]]) -> Request:
    """Segments that supply what is missing in some cells; each has number, name, wanted, have, error."""
    schema = _segments_schema(scene, [cell["number"] for cell in cells])
    clean = [{key: _plain(value) for key, value in cell.items()} for cell in cells]
    return _request("targeted", scene, schema, len(cells) * _tokens_of_segment(scene), cells=clean, **_wide(scene))


def ask_segments(scene: Scene, form: SegmentForm, cells: Sequence[Mapping[str, str]]) -> Request:
    """Segments of units with members that supply what is missing in some cells; each has number, name, wanted, have, error."""
    values = [
        _object({"variable": {"type": "string", "enum": [name]}, "value": _values_schema(scene.by_name[name])})
        for name in form.variables
    ]
    parts: dict[str, Any] = {"values": _listed({"anyOf": values}, len(values))}
    if form.roles:
        number = {"type": "integer", "minimum": 0, "maximum": form.most or MOST}
        members = {"type": "array", "items": number, "minItems": len(form.roles), "maxItems": len(form.roles)}
        parts["compositions"] = _listed(_object({"members": members, "percent": PERCENT}), COMPOSITIONS)
    if form.differences:
        difference = {"type": "string", "enum": list(form.differences)}
        ends = {"from": {"type": "number"}, "to": {"type": "number"}}
        parts["differences"] = _listed(_object({"difference": difference} | ends), MOST_DIFFERENCES)
    schema = _object({cell["number"]: {"$ref": "#/$defs/segment"} for cell in cells}) | {"$defs": {"segment": _object(parts)}}
    return _request(
        "targeted",
        scene,
        schema,
        len(cells) * TOKENS_OF_UNITS,
        cells=[{key: _plain(value) for key, value in cell.items()} for cell in cells],
        roles=[_plain(role) for role in form.roles],
        differences=list(form.differences),
        unsaid=list(form.unsaid),
        example=form.variables[0],
    )


def ask_plan(
    scene: Scene, cells: Sequence[Mapping[str, str]], *, n_segments: int, share: str, done: str, error: str = ""
) -> Request:
    """Proposals for the next records, given what is wrong with those made so far; each cell has name, wanted, have."""
    schema = _segments_schema(scene, [str(number) for number in range(1, n_segments + 1)], {"share": PERCENT})
    return _request(
        "plan",
        scene,
        schema,
        n_segments * _tokens_of_segment(scene),
        have=bool(cells),
        cells=[{key: _plain(value) for key, value in cell.items()} for cell in cells],
        n_segments=n_segments,
        share=share,
        done=done,
        error=_plain(error),
        **_wide(scene),
    )


def ask_records(scene: Scene, *, n_records: int, part: int, parts: int, error: str = "") -> Request:
    """Whole records, one by one."""
    n = len(scene.variables)
    labels = list(dict.fromkeys(label for variable in scene.variables for label in variable.labels))
    record = {"type": "array", "items": {"type": "string", "enum": labels}, "minItems": n, "maxItems": n}
    schema = _object({"records": {"type": "array", "items": record, "minItems": 1, "maxItems": n_records}})
    tokens = n_records * n * 12
    return _request("records", scene, schema, tokens, n_records=n_records, part=part, parts=parts, error=_plain(error))


def ask_units(scene: Scene, unit: WrittenLevel, *, n_units: int, part: int, parts: int, error: str = "") -> Request:
    """Whole units with their members, one by one.

    Args:
        scene: what every question says.
        unit: what a unit is.
        n_units: to be written.
        part: which of the requests this is.
        parts: requests in all.
        error: why the last answer could not be used.
    """
    units = {"type": "array", "items": _written_schema(unit), "minItems": 1, "maxItems": n_units}
    tokens = n_units * _tokens_of_rows(unit) * 12
    words = {"forms": [_form_in_words(level) for level in _and_below(unit) if level.below], "example": _example_of(unit)}
    return _request(
        "records",
        scene,
        _object({"units": units}),
        tokens,
        n_units=n_units,
        part=part,
        parts=parts,
        error=_plain(error),
        **words,
    )


def percent(share: float) -> str:
    """A share as a prompt shows it.

    >>> [percent(share) for share in (0.3484, 0.0123, 0.00004, 0)]
    ['34.8%', '1.2%', '0.004%', '0%']
    """
    value = 100 * share
    return f"{value:.1f}%" if value >= 1 else f"{value:.1g}%"


def _request(stage: str, scene: Scene, schema: dict[str, Any], tokens: float, **words: Any) -> Request:
    """A question from the template of its stage, once with figures, once without: that is what it is about."""
    told, about = (_render(stage, scene, figures=figures, **words) for figures in (True, False))
    return Request(
        stage=stage,
        instructions=_template("instructions", scene).render().strip(),
        question=told,
        subject=about,
        schema=schema,
        max_output_tokens=LEAST_TOKENS + int(HEADROOM * tokens),
    )


def _render(stage: str, scene: Scene, *, figures: bool, **words: Any) -> str:
    variables = [
        {
            "name": variable.name,
            "about": _plain(variable.variable.about),
            "unit": _plain(variable.variable.unit),
            "labels": [_plain(label) for label in variable.labels],
            "percent": [percent(float(share)) for share in shares],
            "published": published,
            "example": _example(variable),
            "known": bool(np.isfinite(shares).all()),
            "level": place,
            "follows": _plain(scene.follows.get(variable.name, "")),
            "alike": scene.alike.get(variable.name, ""),
            "number": number,
        }
        for number, (variable, shares, published, place) in enumerate(
            zip(scene.variables, scene.shares, scene.published, scene.places or [0] * len(scene.variables), strict=True),
            start=1,
        )
    ]
    rules = [{"text": _plain(text), "why": _plain(why)} for text, why in scene.rules]
    context = re.sub(r"</?(context|variables|impossible)>", "", scene.context)
    levels = [_plain(level) for level in scene.levels]
    told = _template("subject", scene)
    subject = told.render(context=context, variables=variables, rules=rules, figures=figures, levels=levels).strip()
    return _template(stage, scene).render(subject=subject, variables=variables, figures=figures, **words).strip() + "\n"


@cache
def _environment() -> Environment:
    # Prompts are plain text: nothing is escaped, but what goes in has been made one line without quotes by `_plain`.
    loader = PackageLoader("synthor.prior", "prompts")
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)


def _template(name: str, scene: Scene) -> Any:
    """The template of a stage; where units have members one of their own, if that says anything else."""
    return _environment().select_template([*([f"members/{name}.md.j2"] if scene.levels else []), f"{name}.md.j2"])


def _plain(text: str) -> str:
    """Text of others in one line, so that it cannot be taken for a part of the prompt."""
    return re.sub(r"\s+", " ", "".join(c if c.isprintable() else " " for c in text)).strip()


def _example(variable: Shown) -> str:
    return f'"{_plain(variable.labels[0])}"' if variable.size > MANY else "[..]"


def _wide(scene: Scene) -> dict[str, Any]:
    return {"wide": [variable.name for variable in scene.variables if variable.size > MANY], "most": MOST_LABELS}


def _object(properties: dict[str, Any]) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties), "additionalProperties": False}


def _listed(items: dict[str, Any], most: int) -> dict[str, Any]:
    return {"type": "array", "items": items, "minItems": 0, "maxItems": most}


def _row_schema(size: int) -> dict[str, Any]:
    return {"type": "array", "items": PERCENT, "minItems": size, "maxItems": size}


def _tables_schema(scene: Scene, pairs: Sequence[Pair], *, may_be_kept: bool = False) -> dict[str, Any]:
    """Each shape of table is defined once and referred to, which keeps the schema short; what may be kept needs no rows."""
    shapes = {}
    for pair in pairs:
        n_rows, n_columns = scene.by_name[pair.given].size, scene.by_name[pair.of].size
        rows = {"type": "array", "items": _row_schema(n_columns), "minItems": 0 if may_be_kept else n_rows, "maxItems": n_rows}
        why = {"type": "string", "pattern": NAME}
        confidence = {"type": "number", "minimum": 0, "maximum": 1}
        shapes[str(pair)] = (f"t{n_rows}x{n_columns}", _object({"why": why, "rows": rows, "confidence": confidence}))
    tables = {str(number): {"$ref": f"#/$defs/{shapes[str(pair)][0]}"} for number, pair in enumerate(pairs, start=1)}
    return _object(tables) | {"$defs": dict(sorted(shapes.values()))}


def _segments_schema(scene: Scene, numbers: Sequence[str], extra: dict[str, Any] | None = None) -> dict[str, Any]:
    segment = _object((extra or {}) | {variable.name: _values_schema(variable) for variable in scene.variables})
    return _object({number: {"$ref": "#/$defs/segment"} for number in numbers}) | {"$defs": {"segment": segment}}


def _values_schema(variable: Shown) -> dict[str, Any]:
    label = {"type": "string", "enum": list(variable.labels)}
    some = {"type": "array", "items": label, "minItems": 1, "maxItems": MOST_LABELS}
    choices = [some if variable.size > MANY else _row_schema(variable.size), label]
    bound = variable.variable.kind.range_schema(variable.variable)
    if bound is not None:
        choices.append(_object({"from": bound, "to": bound}))
    return {"anyOf": choices}


def _written_schema(level: WrittenLevel) -> dict[str, Any]:
    """A row: a list of labels, or where rows stand below it an object with that list and theirs, by the names of the levels."""
    n, labels = len(level.variables), list(dict.fromkeys(label for variable in level.variables for label in variable.labels))
    own = {"type": "array", "items": {"type": "string", **({"enum": labels} if labels else {})}, "minItems": n, "maxItems": n}
    if not level.below:
        return own
    below = {
        one.name: {"type": "array", "items": _written_schema(one), "minItems": one.form.number.min, "maxItems": one.most}
        for one in level.below
    }
    return _object({level.name: own} | below)


def _and_below(level: WrittenLevel) -> Iterator[WrittenLevel]:
    yield level
    for one in level.below:
        yield from _and_below(one)


def _form_in_words(level: WrittenLevel) -> str:
    members = " and ".join(f'"{one.name}", a list of its {one.name} rows' for one in level.below)
    return f'A {level.name} is an object with "{level.name}", its own row, and {members}.'


def _example_of(level: WrittenLevel) -> str:
    own = "[" + ",".join(f'"{_plain(variable.labels[0])}"' for variable in level.variables) + "]"
    if not level.below:
        return own
    below = ",".join(f'"{one.name}":[{_example_of(one)},..]' for one in level.below)
    return f'{{"{level.name}":{own},{below}}}'


def _tokens_of_rows(level: WrittenLevel) -> float:
    """Labels of a unit, about: of members as many as lie between the fewest and what is usual."""
    below = sum((1 + min(one.most, one.form.number.min + USUAL)) / 2 * _tokens_of_rows(one) for one in level.below)
    return len(level.variables) + 1 + below


def _cells(scene: Scene, pair: Pair) -> int:
    return scene.by_name[pair.given].size * scene.by_name[pair.of].size


def _tokens_of_tables(scene: Scene, pairs: Sequence[Pair]) -> float:
    rows = sum(scene.by_name[pair.given].size for pair in pairs)
    return TOKENS_A_NUMBER * sum(_cells(scene, pair) for pair in pairs) + 1.5 * rows + 26 * len(pairs)


def _tokens_of_segment(scene: Scene) -> float:
    sizes = sum(min(variable.size, 2 * MOST_LABELS) for variable in scene.variables)
    return 10 + TOKENS_A_NUMBER * sizes + 6 * len(scene.variables)
