"""A spec as YAML again: as it is understood, with the defaults that matter filled in."""

import json
import re
from typing import Any

import yaml

from synthor.schema.text import Written
from synthor.spec.levels import levels_of
from synthor.spec.load import SpecLoader
from synthor.spec.model import Spec

_MARK = re.compile(r'"\\u0000([0-9]+)\\u0000"')


class _Dumper(yaml.SafeDumper):
    """Texts that any reader might take for something else are quoted, and those that hold what nobody sees."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


def _number(dumper: yaml.SafeDumper, number: Written) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:float", number.text)


_Dumper.add_representer(str, _text)
_Dumper.add_representer(Written, _number)


_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()), *SpecLoader.yaml_implicit_resolvers.get(first, ())]
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *SpecLoader.yaml_implicit_resolvers}
}


def as_understood(spec: Spec) -> dict[str, Any]:
    """A spec as plain values: everything that was written, and defaults where they matter.

    >>> as_understood(Spec(records=3, variables={"age": {"type": "integer", "min": 0, "max": 2}}))["variables"]["age"]["bins"]
    [0, 1, 2]
    """
    document = spec.model_dump(exclude_none=True)
    for level in levels_of(spec):
        at = document
        for key in level.path:
            at = at[str(key)]
        for name, declared in level.variables.items():
            if name not in at["variables"]:  # an area, which `zones` tells of
                continue
            meant = declared.understood()
            plain = {key: value for key, value in at["variables"][name].items() if key not in meant}
            kind = {"type": declared.kind.name}
            at["variables"][name] = (plain | kind if name in level.follows else kind | plain) | meant
    for target, written in zip(document["targets"], spec.targets, strict=True):
        if written.margin_of_error is None:
            del target["confidence"]
        if written.flows is None:
            del target["others"]
    tidied: dict[str, Any] = _tidy(document)
    return tidied


def to_yaml(spec: Spec, *, plain: bool = False) -> str:
    """The same as a YAML text, which reads as the same spec; a plain one has no characters beyond ASCII.

    >>> print(to_yaml(Spec(records=3, variables={"car": {"type": "boolean"}})), end="")
    records: 3
    random_seed: 0
    variables:
      car: {type: boolean}
    method: calibrated
    """
    return yaml.dump(
        as_understood(spec), Dumper=_Dumper, sort_keys=False, allow_unicode=not plain, default_flow_style=None, width=120
    )


def to_json(spec: Spec) -> str:
    """The same as a JSON text; its numbers have the digits that they were written with.

    >>> from synthor.spec.load import parse_spec
    >>> spec = parse_spec("{records: 3, variables: {car: {type: boolean}}, targets: [{shares: {car: {yes: 0.50, no: +.50}}}]}")
    >>> to_json(spec).split("shares")[1].split()
    ['":', '{', '"car":', '{', '"yes":', '0.50,', '"no":', '0.50', '}', '}', '}', '],', '"method":', '"calibrated"', '}']
    """
    texts: list[str] = []

    def marked(value: Any) -> Any:
        """The document with a mark in place of each such number, since a number in Python has no digits of its own."""
        if isinstance(value, Written):
            texts.append(_as_json(value.text))
            return f"\0{len(texts) - 1}\0"
        if isinstance(value, list):
            return [marked(entry) for entry in value]
        return {key: marked(entry) for key, entry in value.items()} if isinstance(value, dict) else value

    text = json.dumps(marked(as_understood(spec)), ensure_ascii=False, indent=1)
    return _MARK.sub(lambda found: texts[int(found[1])], text) + "\n"


def _as_json(text: str) -> str:
    """A number as JSON has it: without a plus, with digits on both sides of a point, without zeros in front."""
    sign, digits = ("-" if text.startswith("-") else ""), text.lstrip("+-")
    whole = re.match("[0-9]*", digits)
    assert whole is not None
    return sign + (whole[0].lstrip("0") or "0") + re.sub(r"^\.(?![0-9])", "", digits[whole.end() :])


def _tidy(value: Any) -> Any:
    """Whole numbers without a point unless written so; mappings without entries that hold nothing, and with texts for keys."""
    if isinstance(value, float) and not isinstance(value, Written) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, list):
        return [_tidy(entry) for entry in value]
    if isinstance(value, dict):
        tidied = {str(key): _tidy(entry) for key, entry in value.items()}
        return {key: entry for key, entry in tidied.items() if entry not in ("", [], {})}
    return value
