"""A spec's text changed in a few places; every other character, comments included, stays as it is."""

import json
from collections.abc import Mapping

from yaml.nodes import MappingNode, Node, SequenceNode

from synthor.errors import Finding, InputError
from synthor.spec.load import parse_spec, yaml_tree
from synthor.spec.model import Spec

TABLES = ("table", "counts", "shares")


def with_tables(text: str, files: Mapping[int, str]) -> str:
    r"""The text of a spec, some of whose targets take their tables from other files, in plain long form.

    Args:
        text: of the spec.
        files: by the target's place in the list, from 0.

    Raises:
        InputError: an entry is an anchor or alias, so that it cannot be changed by itself.

    >>> text = "records: 2\nvariables: {car: {type: boolean}}\ntargets:\n- counts: {car: {yes: 2}}  # as counted\n"
    >>> print(with_tables(text, {0: "cars.csv"}), end="")
    records: 2
    variables: {car: {type: boolean}}
    targets:
    - table: "cars.csv"  # as counted
    """
    targets = _value(yaml_tree(text), "targets")
    assert isinstance(targets, SequenceNode)
    edits: list[tuple[int, int, str]] = []
    for i, file in files.items():
        target = targets.value[i]
        assert isinstance(target, MappingNode)
        for key, value in target.value:
            if key.value in TABLES:
                edits.append((key.start_mark.index, _end(value), f"table: {_quoted(file)}"))
            elif key.value == "layout":
                edits.append((value.start_mark.index, _end(value), "{}"))
    spec = parse_spec(text)
    plain = {"counts": None, "shares": None}
    meant = [
        target.model_copy(update={**plain, "table": files[i], "layout": target.layout and type(target.layout)()})
        if i in files
        else target
        for i, target in enumerate(spec.targets)
    ]
    return _checked(_edited(text, edits), spec.model_copy(update={"targets": meant}))


def with_names(text: str, columns: Mapping[str, str], labels: Mapping[str, Mapping[str, str]]) -> str:
    r"""The text of a spec with further entries in `columns` and `labels`.

    Args:
        text: of the spec.
        columns: what tables call columns, and what each is.
        labels: for a variable, what tables call its categories, and the label that each is.

    Raises:
        InputError: as `with_tables`.

    >>> print(with_names("records: 2\nlabels: # ours\n  sex: {M: male}\n", {}, {"sex": {"F": "female"}}), end="")
    records: 2
    labels: # ours
      sex: {"F": "female", M: male}
    """
    wanted: dict[str, Mapping[str, object]] = {"columns": columns, "labels": labels}
    for key, entries in wanted.items():
        if entries:
            root = yaml_tree(text)
            assert isinstance(root, MappingNode)
            text = _edited(text, _added(text, root, {key: entries}, depth=0))
    return text


def with_header(text: str, *lines: str) -> str:
    """The text under a comment of some lines."""
    return "".join(f"# {line}\n" for line in lines) + text.removeprefix("\ufeff")


def _added(text: str, mapping: MappingNode, entries: Mapping[str, object], depth: int) -> list[tuple[int, int, str]]:
    """Edits that put entries into a mapping, at its start; at the top, at the end of the text."""
    edits: list[tuple[int, int, str]] = []
    for key, value in entries.items():
        there = _value(mapping, key)
        if isinstance(there, MappingNode) and isinstance(value, Mapping):
            edits += _added(text, there, value, depth + 1)
        elif there is None:
            written = f"{_quoted(key) if depth else key}: {json.dumps(value, ensure_ascii=False)}"
            start = mapping.start_mark.index
            if mapping.flow_style:
                edits.append((start + 1, start + 1, written + (", " if mapping.value or len(entries) > 1 else "")))
            elif depth:
                edits.append((start, start, f"{written}\n{' ' * mapping.start_mark.column}"))
            else:
                end = _end(mapping)
                line_end = text.find("\n", end)
                place = len(text) if line_end < 0 else line_end
                edits.append((place, place, f"\n{' ' * mapping.start_mark.column}{written}"))
    return edits


def _value(mapping: Node, key: str) -> Node | None:
    assert isinstance(mapping, MappingNode)
    return next((value for name, value in mapping.value if name.value == key), None)


def _end(node: Node) -> int:
    """Where a node ends in the text; that of a block ends with its last leaf, not with the comments below it."""
    if not isinstance(node, MappingNode | SequenceNode) or node.flow_style or not node.value:
        return int(node.end_mark.index)
    return _end(node.value[-1][1] if isinstance(node, MappingNode) else node.value[-1])


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)


def _edited(text: str, edits: list[tuple[int, int, str]]) -> str:
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    return text


def _checked(text: str, meant: Spec) -> str:
    """The text, once it is sure that it says what is meant."""
    try:
        agrees = parse_spec(text).model_dump() == meant.model_dump()
    except InputError:
        agrees = False
    if not agrees:
        message = "the targets that must change cannot be told apart in the text"
        raise InputError([Finding(where="targets", message=message, cure="write them out without anchors (&) and aliases (*)")])
    return text
