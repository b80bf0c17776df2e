"""Which values a JSON schema refuses: the part of JSON Schema that ours uses."""

import re
from functools import cache
from typing import Any

from synthor.spec.model import json_schema


@cache
def published() -> dict[str, Any]:
    """The schema of specs, made once for all who hold something against it."""
    return json_schema()


def violations(value: Any, schema: dict[str, Any], root: dict[str, Any], path: str = "") -> list[str]:
    """What a JSON value breaks of the keywords that our schema uses."""
    if "$ref" in schema:
        return violations(value, root["$defs"][schema["$ref"].removeprefix("#/$defs/")], root, path)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            branches = [violations(value, branch, root, path) for branch in schema[key]]
            return [] if [] in branches else [f"{path}: no branch of {key}"]
    types: dict[str, type | tuple[type, ...]] = {
        "object": dict,
        "array": list,
        "string": str,
        "integer": int,
        "number": (int, float),
        "null": type(None),
        "boolean": bool,
    }
    wanted = [schema["type"]] if isinstance(schema.get("type"), str) else schema.get("type", [])
    if wanted and not any(isinstance(value, types[kind]) for kind in wanted):
        return [f"{path}: no {wanted}"]
    found = [f"{path}: not {schema['const']}"] if value != schema.get("const", value) else []
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        found.append(f"{path}: pattern")
    if isinstance(value, int | float) and not schema.get("minimum", value) <= value <= schema.get("maximum", value):
        found.append(f"{path}: out of range")
    if isinstance(value, list):
        for i, item in enumerate(value):
            found += violations(item, schema.get("items", {}), root, f"{path}[{i}]")
    if isinstance(value, dict):
        found += [f"{path}.{key}: missing" for key in schema.get("required", []) if key not in value]
        known = schema.get("properties", {})
        other = schema.get("additionalProperties", True)
        for key, item in value.items():
            if not re.search(schema.get("propertyNames", {}).get("pattern", ""), key):
                found.append(f"{path}.{key}: name")
            if key in known or isinstance(other, dict):
                found += violations(item, known.get(key, other), root, f"{path}.{key}")
            elif other is False:
                found.append(f"{path}.{key}: unknown")
    return found
