"""A spec as YAML again: as it is understood, with the defaults that matter filled in."""

from typing import Any

import yaml

from synthor.spec.load import SpecLoader
from synthor.spec.model import Spec


class _Dumper(yaml.SafeDumper):
    """Texts that any reader might take for something else are quoted, and those that hold what nobody sees."""


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if text.isprintable() else '"')


_Dumper.add_representer(str, _text)


_Dumper.yaml_implicit_resolvers = {
    first: [*yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()), *SpecLoader.yaml_implicit_resolvers.get(first, ())]
    for first in {*yaml.SafeDumper.yaml_implicit_resolvers, *SpecLoader.yaml_implicit_resolvers}
}


def as_understood(spec: Spec) -> dict[str, Any]:
    """A spec as plain values: everything that was written, and defaults where they matter.

    >>> as_understood(Spec(records=3, variables={"age": {"type": "integer", "min": 0, "max": 2}}))["variables"]["age"]["bins"]
    [0, 1, 2]
    """
    document = spec.model_dump(mode="json", exclude_none=True)
    for name, declared in spec.variables.items():
        variable = declared.build(name)
        edges = {"bins": [float(edge) for edge in variable.low], "labels": list(variable.labels)} if variable.numeric else {}
        plain = {key: value for key, value in document["variables"][name].items() if key not in edges}
        document["variables"][name] = {"type": declared.type} | plain | edges
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


def _tidy(value: Any) -> Any:
    """Whole numbers without a point; mappings without entries that hold nothing: an empty text, list or mapping."""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    if isinstance(value, list):
        return [_tidy(entry) for entry in value]
    if isinstance(value, dict):
        tidied = {key: _tidy(entry) for key, entry in value.items()}
        return {key: entry for key, entry in tidied.items() if entry not in ("", [], {})}
    return value
