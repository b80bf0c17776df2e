"""From a YAML file to a Spec, with the line of every problem."""

import re
from collections.abc import Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import yaml
from pydantic import ValidationError
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

from synthor.errors import Finding, InputError
from synthor.files import SPEC, named, read_text
from synthor.forms import Form, dotted, findings_of
from synthor.spec.model import Spec
from synthor.spec.written import with_digits

Read = TypeVar("Read", bound=Form)
SpecPath = tuple[str | int, ...]
PLACED = ("targets", "rules")


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
    file = named(path, where="spec", what="the file of a spec, such as spec.yaml")
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
    spec, rows = parsed(text, source, Spec, "start with `records:`, `variables:` and `targets:`", PLACED)
    return spec.with_rows(rows)


def parsed(text: str, source: str, form: type[Read], cure: str, placed: Sequence[str]) -> tuple[Read, dict[str, int]]:
    """A form from YAML text, and the row in which each entry of some of its lists begins.

    Args:
        text: of a file.
        source: what messages call it.
        form: that it should be.
        cure: of a text that holds no keys and values.
        placed: keys of these lists.

    Raises:
        InputError: as `load_spec`.
    """
    try:
        loader = SpecLoader(text)
        node = loader.get_single_node()
        refuse_swelling(node, source)
        data = loader.construct_document(node) if node is not None else None
    except (yaml.YAMLError, RecursionError, ValueError, LookupError, AttributeError) as error:  # the last two: `!!bool x`
        raise InputError([_not_yaml(error, text, source)]) from None
    if node is None or not isinstance(data, dict):
        raise InputError([Finding(where=source, message="is not a mapping of keys to values", cure=cure)])
    findings = list(_repeated_keys(node, source))
    try:
        made = form.collected(data)
    except ValidationError as error:
        findings += findings_of(error, form, partial(_locate, node), source)
    if findings:
        raise InputError(sorted(findings, key=lambda finding: finding.row or 0))
    return made, {f"{key}[{i}]": _locate(node, (key, i))[1] for key in placed for i in range(len(data.get(key) or ()))}


def refuse_swelling(root: Node | None, source: str) -> None:
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
                    where = f"{source}: {dotted((*path, str(key.value)))}"
                    message = f"'{key.value}' is written twice (first in row {seen[key.value]})"
                    yield Finding(where=where, row=row, message=message, cure="keep one", label=str(key.value))
                seen[key.value] = row
                stack.append((value, (*path, str(key.value))))
