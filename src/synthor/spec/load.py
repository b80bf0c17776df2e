"""From a YAML file to a Spec, with the line of every problem."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from synthor.errors import Finding, InputError, nearest
from synthor.files import SPEC, read_text
from synthor.schema.kinds import KINDS
from synthor.spec.members import HowMany, MemberSpec, PairSpec
from synthor.spec.model import Spec
from synthor.spec.names import NO_LEVELS, RESERVED
from synthor.spec.written import with_digits

SpecPath = tuple[str | int, ...]
WRONG_TYPE = "Input should be a valid "


PLACED = ("targets", "rules")


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


MOST_REPEATED = 1_000_000
"""Values that the aliases of a spec may stand for together."""


class SpecLoader(yaml.SafeLoader):
    """YAML 1.2 scalars: `no` and `yes` are words, not booleans; 12:30 and 007 are no numbers. Every key is a word."""

    def compose_node(self, parent: Node | None, index: Any) -> Node | None:
        node = super().compose_node(parent, index)
        if isinstance(node, ScalarNode):
            if re.search("[\ud800-\udfff]", node.value):
                raise yaml.MarkedYAMLError(problem="found half a character", problem_mark=node.start_mark)
            if isinstance(parent, MappingNode) and index is None:
                node.tag = "tag:yaml.org,2002:str"
        return node

    def construct_yaml_float(self, node: ScalarNode) -> float:
        """A number with the digits that it was written with."""
        return with_digits(super().construct_yaml_float(node), node.value)


SpecLoader.add_constructor("tag:yaml.org,2002:float", SpecLoader.construct_yaml_float)
SpecLoader.yaml_implicit_resolvers = {}
for _tag, _pattern, _first in (
    ("tag:yaml.org,2002:bool", r"^(?:true|True|TRUE|false|False|FALSE)$", "tTfF"),
    ("tag:yaml.org,2002:null", r"^(?:~|null|Null|NULL|)$", ["~", "n", "N", ""]),
    ("tag:yaml.org,2002:int", r"^[-+]?(?:0|[1-9][0-9]*)$", "-+0123456789"),
    ("tag:yaml.org,2002:float", r"^[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?$", "-+.0123456789"),
):
    SpecLoader.add_implicit_resolver(_tag, re.compile(_pattern), list(_first))


def load_spec(path: str | Path) -> Spec:
    """Read a spec; its tables are read later, when it is compiled.

    Args:
        path: a YAML file. File names inside it are relative to its folder.

    Raises:
        InputError: the file is missing, is no YAML, or breaks the schema; lists every problem with its line.
    """
    file = Path(path)
    return parse_spec(spec_text(file), source=str(path)).placed_in(file.parent, file=file)


def spec_text(path: Path) -> str:
    """The text of a spec's file.

    Raises:
        InputError: the file is missing, no text, too large for a spec, or no plain file.
    """
    return read_text(path, most=SPEC, cure="give the path of a spec, for example spec.yaml")


def parse_spec(text: str, *, source: str = "spec") -> Spec:
    """A spec from YAML text.

    Raises:
        InputError: as `load_spec`.

    >>> parse_spec("{records: 3, variables: {car: {type: boolean}}}").records
    3
    """
    try:
        loader = SpecLoader(text)
        node = loader.get_single_node()
        _refuse_swelling(node, source)
        data = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError) as error:  # the last two: `!!bool x`
        raise InputError([_not_yaml(error, text, source)]) from None
    if node is None or not isinstance(data, dict):
        cure = "start with `records:`, `variables:` and `targets:`"
        raise InputError([Finding(where=source, message="is not a mapping of keys to values", cure=cure)])
    findings = list(_repeated_keys(node, source))
    try:
        spec = Spec.model_validate(data)
    except ValidationError as error:
        findings += _merged([_finding(problem, node, source) for problem in error.errors()])
    if findings:
        raise InputError(sorted(findings, key=lambda finding: finding.row or 0))
    return spec.with_rows(
        {f"{key}[{i}]": _locate(node, (key, i))[1] for key in PLACED for i in range(len(data.get(key) or ()))}
    )


def _refuse_swelling(root: Node | None, source: str) -> None:
    """Raise where aliases stand for very many values, or for what they are inside of: a few lines may mean billions.

    Raises:
        InputError: says how many.
    """
    sizes: dict[int, int] = {}

    def size(node: Node) -> int:
        """Nodes that a node stands for with all aliases written out; counted once where it is used again."""
        key = id(node)
        if key not in sizes:
            sizes[key] = 0  # where it is met again inside itself, that is told by the schema
            parts = node.value if isinstance(node, SequenceNode) else ()
            parts = (part for pair in node.value for part in pair) if isinstance(node, MappingNode) else parts
            sizes[key] = 1 + sum(map(size, parts))
        return sizes[key]

    if root is not None and (repeated := size(root) - len(sizes)) > MOST_REPEATED:
        message = f"its aliases (such as *name) repeat {repeated:,} values, and {MOST_REPEATED:,} are the most that is read"
        raise InputError([Finding(where=source, message=message, cure="put what is repeated into a table's file")])


def yaml_tree(text: str) -> Node:
    """The nodes of a spec's text, with their places in it; the text is known to be YAML."""
    node = SpecLoader(text).get_single_node()
    assert node is not None
    return node


def _not_yaml(error: Exception, text: str, source: str) -> Finding:
    mark = getattr(error, "problem_mark", None)
    vague = "it is nested too deeply" if isinstance(error, RecursionError) else "a value does not fit its type"
    what = getattr(error, "problem", None) or getattr(error, "reason", None) or vague
    row = mark.line + 1 if mark else None
    if isinstance(error, yaml.reader.ReaderError):
        row = text.count("\n", 0, error.position) + 1
    return Finding(where=source, row=row, message=f"is not YAML: {what}", cure="check indentation, colons and quotes")


def _merged(findings: list[Finding]) -> list[Finding]:
    """One finding a value: pydantic reports a value that may be of several types once for each of them."""
    merged: dict[tuple[str, int | None, str], Finding] = {}
    for finding in findings:
        wrong_type = finding.message.startswith(WRONG_TYPE)
        if wrong_type and any(other.where.startswith((f"{finding.where}[", f"{finding.where}.")) for other in findings):
            continue  # what is wrong inside is said
        key = (finding.where, finding.row, "" if wrong_type else finding.message)
        if key in merged and wrong_type:
            both = f"{merged[key].message} or {finding.message.removeprefix(WRONG_TYPE)}"
            merged[key] = replace(finding, message=both)
        else:
            merged[key] = finding
    return list(merged.values())


def _finding(problem: Any, node: Node, source: str) -> Finding:
    path, line, siblings = _locate(node, problem["loc"])
    message = re.sub(r"valid dictionary.*", "valid mapping of keys to values", problem["msg"].removeprefix("Value error, "))
    cure = ""
    if problem["type"] == "extra_forbidden":
        known = _known_keys(path, siblings)
        message, cure = f"unknown key '{path[-1]}'", _elsewhere(str(path[-1])) or nearest(str(path[-1]), known)
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
    elif problem["type"] == "variable_name":
        cure = f"use letters, digits and _, start with a letter; reserved: {', '.join(RESERVED)}"
    elif problem["type"] == "level_name":
        cure = f"use letters, digits and _, start with a letter; reserved: {', '.join(NO_LEVELS)}"
    elif problem["type"] == "level":
        message, cure = problem["ctx"]["message"], problem["ctx"]["cure"]
    elif problem["type"] == "union_tag_invalid":
        tag = str(problem["ctx"]["tag"])
        message, cure = f"unknown type '{tag}'", nearest(tag, list(KINDS))
    elif problem["type"] == "union_tag_not_found":
        message, cure = "'type' is missing", f"use one of {', '.join(KINDS)}"
    elif problem["type"] == "value_error":
        message, _, cure = message.partition("; ")
    if cure.startswith("write a plain number"):
        cure = _cure_of_number(str(problem["input"]), str(path[2]) if len(path) > 2 else "")
    key = "never" if path[:1] == ("rules",) and problem["type"] == "model_type" else str(path[-1]) if path else ""
    cure = KEY_CURES.get(key, cure) if problem["type"] != "missing" else cure
    return Finding(where=f"{source}: {_dotted(path)}" if path else source, row=line, message=message, cure=cure)


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
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    return f"'{str(value)[:60]}'"


MODELS = {
    "targets": "TargetSpec",
    "rules": "RuleSpec",
    "model": "ModelSpec",
    "sample": "SampleSpec",
    "tolerance": "Tolerance",
    "layout": "Layout",
    "suppressed": "Suppression",
}
"""What the mapping under each key is called in the schema; the innermost key decides."""


def _known_keys(path: SpecPath, siblings: dict[str, Any]) -> list[str]:
    """Keys that the schema knows at the level of an unknown one."""
    schema = Spec.model_json_schema()
    if len(path) == 1:
        return list(schema["properties"])
    while path[0] == "members" and path[2:3] == ("members",):
        path = path[2:]
    if path[0] == "members" and len(path) > 2 and path[2] != "variables":
        form = PairSpec if path[2] == "pairs" else HowMany if path[2] in ("number", "roles") else MemberSpec
        return list((MemberSpec if len(path) == 3 else form).model_fields)
    if path[0] in ("variables", "members"):
        kind = "Follows" if "from" in siblings else str(siblings.get("type", "")).capitalize()
        return list(schema["$defs"].get(kind, {}).get("properties", ["type"]))
    above = [step for step in path[:-1] if isinstance(step, str)]
    return list(schema["$defs"].get(MODELS.get(above[-1], ""), {}).get("properties", []))


def _elsewhere(key: str) -> str:
    """Where a key belongs that is unknown at its place; nothing where it is unknown everywhere."""
    schema = Spec.model_json_schema()
    places = {
        "at the top of the spec, for all of it": schema,
        "in a target": schema["$defs"]["TargetSpec"],
        "in a target's `layout`": schema["$defs"]["Layout"],
        "in a kind of members": schema["$defs"]["MemberSpec"],
    }
    found = [place for place, form in places.items() if key in form["properties"]]
    return f"`{key}:` stands {' or '.join(found)}" if found else ""


def _locate(root: Node, loc: SpecPath) -> tuple[SpecPath, int, dict[str, Any]]:
    """Follow pydantic's path through the YAML tree; steps that name a type instead of a key are passed over."""
    node, line = root, root.start_mark.line + 1
    path: SpecPath = ()
    siblings: dict[str, Any] = {}
    for step in loc:
        if isinstance(node, MappingNode):
            siblings = {key.value: value.value for key, value in node.value if isinstance(value, ScalarNode)}
            match = next(((k, v) for k, v in reversed(node.value) if k.value == str(step)), None)
            if match:
                line, node, path = match[0].start_mark.line + 1, match[1], (*path, step)
        elif isinstance(node, SequenceNode) and isinstance(step, int) and step < len(node.value):
            node, path = node.value[step], (*path, step)
            line = node.start_mark.line + 1
    return path, line, siblings


def _dotted(path: SpecPath) -> str:
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else str(step)
    return text


def _repeated_keys(root: Node, source: str) -> Iterator[Finding]:
    """YAML silently keeps the last of two equal keys; a table with a label written twice must not."""
    stack: list[tuple[Node, SpecPath]] = [(root, ())]
    visited: set[int] = set()
    while stack:
        node, path = stack.pop()
        if id(node) in visited:  # an anchor that is used twice, or that holds itself
            continue
        visited.add(id(node))
        if isinstance(node, SequenceNode):
            stack += [(child, (*path, i)) for i, child in enumerate(node.value)]
        elif isinstance(node, MappingNode):
            seen: dict[str, int] = {}
            for key, value in node.value:
                row = key.start_mark.line + 1
                if key.value in seen:
                    where = f"{source}: {_dotted((*path, str(key.value)))}"
                    message = f"'{key.value}' is written twice (first in row {seen[key.value]})"
                    yield Finding(where=where, row=row, message=message, cure="keep one", label=str(key.value))
                seen[key.value] = row
                stack.append((value, (*path, str(key.value))))
