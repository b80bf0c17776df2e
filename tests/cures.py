"""What `check` proposes, made: the cure of a finding is read as a user reads it, and written into the spec or its files."""

import copy
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

from synthor.errors import Finding

Edit = Callable[[dict[str, Any], dict[str, Any]], None]
"""Changes a spec, as YAML gives it, and its files by name, in place: their text, or how the bank of broken files has them."""

SAID = re.compile(r"`((?:columns|labels|layout|population|tolerance|groups|rounded_to|suppressed|margin_of_error|by): [^`]+)`")
OF_THE_SPEC = ("columns", "labels", "population", "records")


def proposals(finding: Finding, *, meant: str | None = None) -> Iterator[tuple[str, Edit]]:
    """Every change that the cure of a finding proposes in so many words, each by itself.

    Args:
        finding: with its cure.
        meant: what to write where the cure leaves a blank, `...`; None where a proposal with one is not made.
    """
    cure = finding.cure
    for said in SAID.findall(cure):
        if "..." not in said:
            yield said, _written(finding, yaml.load(said, yaml.CSafeLoader))
        elif meant is not None:
            yield said, _written(finding, yaml.load(said.replace("...", meant), yaml.CSafeLoader))
    if found := re.search(r"set (records|population) to ([\d,]+)", cure):
        yield found[0], _set(found[1], int(found[2].replace(",", "")))
    if found := re.search(r"did you mean '(.+?)'\?", cure):
        slip = re.search(r"(?:called|key|type|column|of) '([^']+)'|'([^']+)' is no ", finding.message)
        told = finding.label or (slip and (slip[1] or slip[2])) or finding.where
        folder = finding.where.rpartition("/")[0] if told == finding.where else ""
        yield found[0], _replaced(told, f"{folder}/{found[1]}".lstrip("/"))
    if found := re.search(r"call the column (share|count)", cure):
        yield found[0], _called(finding, found[1])
    for key in re.findall(r"leave `?(by|encoding|format)`? out", cure):
        yield f"leave {key} out", _left_out(finding, key)
    if "leave the row of totals out" in cure or "leave the row out" in cure:
        yield "leave the row out", _without_row(finding)


def _target(spec: dict[str, Any], finding: Finding) -> dict[str, Any]:
    """The target that a finding is about, or the one that its cure names."""
    targets = spec["targets"]
    if named := re.search(r"give '([^']*)'(?: \((.*?)\))? `", finding.cure):
        return next(target for target in targets if named[1] == target.get("name") or named[2] == target.get("table"))
    if place := re.match(r"targets\[(\d+)\]", finding.where):
        return targets[int(place[1])]
    of = [target for target in targets if finding.where in (target.get("table"), target.get("name"))]
    return of[0] if of else targets[0]


def _merged(into: dict[str, Any], more: dict[str, Any]) -> None:
    for key, value in more.items():
        if isinstance(value, dict) and isinstance(into.get(key), dict):
            _merged(into[key], value)
        else:
            into[key] = copy.deepcopy(value)


def _written(finding: Finding, said: dict[str, Any]) -> Edit:
    def edit(spec: dict[str, Any], files: dict[str, Any]) -> None:
        (key,) = said
        _merged(spec if key in OF_THE_SPEC else _target(spec, finding), said)
        if key == "tolerance":
            _target(spec, finding).pop("rounded_to", None)
        if key == "rounded_to":
            _target(spec, finding)["rounded_to"] = said[key]

    return edit


def _set(key: str, value: int) -> Edit:
    def edit(spec: dict[str, Any], files: dict[str, Any]) -> None:
        spec[key] = value

    return edit


def _replaced(label: str, by: str) -> Edit:
    alone = re.compile(rf"(?<![^,;\t\n\"']){re.escape(label)}(?![^,;\t\n\"'])")

    def walked(part: Any) -> Any:
        if isinstance(part, dict):
            return {walked(key): walked(value) for key, value in part.items()}
        if isinstance(part, list):
            return [walked(one) for one in part]
        if str(part) == label:
            return by
        return re.sub(rf"(?<!\w){re.escape(label)}(?!\w)", by, part) if isinstance(part, str) and " " in part else part

    def edit(spec: dict[str, Any], files: dict[str, Any]) -> None:
        changed = walked(spec)
        spec.clear()
        spec.update(changed)
        for name, text in list(files.items()):
            files[name] = alone.sub(by, text) if isinstance(text, str) else text
            if name == label:
                files[by] = files.pop(name)

    return edit


def _called(finding: Finding, measure: str) -> Edit:
    other = {"share": "count", "count": "share"}[measure]

    def edit(spec: dict[str, Any], files: dict[str, Any]) -> None:
        target = _target(spec, finding)
        if f"{other}s" in target:
            target[f"{measure}s"] = target.pop(f"{other}s")
        elif isinstance(target["table"], list):
            target["table"] = [{measure if key == other else key: cell for key, cell in row.items()} for row in target["table"]]
        else:
            head, end, body = files[target["table"]].partition("\n")
            files[target["table"]] = re.sub(rf"\b{other}\b", measure, head) + end + body

    return edit


def _left_out(finding: Finding, key: str) -> Edit:
    def edit(spec: dict[str, Any], files: dict[str, Any]) -> None:
        target = _target(spec, finding)
        target.pop(key, None)
        target.get("layout", {}).pop(key, None)

    return edit


def _without_row(finding: Finding) -> Edit:
    def edit(spec: dict[str, Any], files: dict[str, Any]) -> None:
        assert finding.row is not None
        target = _target(spec, finding)
        if isinstance(target.get("table"), str):
            lines = files[target["table"]].splitlines(keepends=True)
            del lines[finding.row - 1]
            files[target["table"]] = "".join(lines)
        elif "table" in target:
            del target["table"][finding.row - 1]
        else:
            (cells,) = (target.get("counts") or target["shares"]).values()
            del cells[list(cells)[finding.row - 1]]

    return edit
