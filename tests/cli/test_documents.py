"""What each verb prints with --json is what its published schema says, part for part."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from model_server import KEY, serving
from synthor.cli import main  # noqa: F401  adds the verbs
from synthor.cli.app import app

SCHEMA = json.loads((Path(__file__).parents[2] / "docs" / "results.schema.json").read_text(encoding="utf-8"))
TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}

HOMES = """
unit: household
records: 60
variables:
  type: {type: category, values: [alone, couple]}
  persons: {from: count(person), bins: [1, 2]}
members:
  person:
    number: {min: 1, max: 2}
    role: role
    roles: {head: 1, partner: {max: 1}}
    variables:
      role: {type: category, values: [head, partner]}
      age: {type: integer, min: 18, max: 99, bins: [18, 40, 65]}
targets:
  - {counts: {type: {alone: 30, couple: 30}}}
  - {counts: {age: {18-39: 40, 40-64: 30, 65+: 20}}}
  - {mean: age, value: 45}
rules:
  - {never: "type = 'alone' and persons > 1"}
  - {never: "type = 'couple' and persons < 2"}
"""
CARS = """
records: 40
variables: {car: {type: boolean}, age: {type: integer, min: 18, max: 99, bins: [18, 40, 65]}}
targets:
  - {counts: {car: {yes: 10, no: 30}}}
  - {counts: {age: {18-39: 10, 40-64: 20, 65+: 10}}}
  - {table: [{car: yes, age: 18-39, share: 3%}, {car: yes, age: 40+, share: 22%}, {car: no, age: 18-39, share: 22%},
             {car: no, age: 40+, share: 53%}], tolerance: {points: 2}}
"""

ZONES = """
records: 7
variables: {car: {type: boolean}}
zones: {key: taz}
targets:
  - {table: [{taz: 1, car: yes, count: 1}, {taz: 1, car: no, count: 2},
             {taz: 2, car: yes, count: 4}, {taz: 2, car: no, count: 0}]}
  - {name: about, tolerance: {points: 15}, table: [{taz: 1, car: yes, count: 1}, {taz: 1, car: no, count: 2},
                                                   {taz: 2, car: yes, count: 4}, {taz: 2, car: no, count: 0}]}
"""


def wrong(value: Any, form: dict[str, Any], at: str = "") -> str:
    """The first place where a document is not of a form, or tells more than the form does; empty where there is none."""
    while "$ref" in form:
        form = SCHEMA["$defs"][form["$ref"].rsplit("/", 1)[1]]
    if "anyOf" in form:
        found = [wrong(value, one, at) for one in form["anyOf"]]
        return "" if not all(found) else max(found, key=len)
    if "const" in form or "enum" in form:
        return "" if value in form.get("enum", [form.get("const")]) else f"{at}: {value!r}"
    names = [form["type"]] if isinstance(form["type"], str) else form["type"]
    if not any(_is(value, name) for name in names):
        return f"{at}: {value!r} is no {' or '.join(names)}"
    if isinstance(value, list):
        return next(filter(None, (wrong(one, form["items"], f"{at}[{i}]") for i, one in enumerate(value))), "")
    if isinstance(value, dict) and "properties" in form:
        missing, more = {*form["required"]} - {*value}, {*value} - {*form["properties"]}
        if missing or more:
            return f"{at}: lacks {sorted(missing)}, has {sorted(more)}"
        return next(filter(None, (wrong(one, form["properties"][name], f"{at}.{name}") for name, one in value.items())), "")
    if isinstance(value, dict) and isinstance(form.get("additionalProperties"), dict):
        return next(filter(None, (wrong(one, form["additionalProperties"], f"{at}.{name}") for name, one in value.items())), "")
    return ""


def _is(value: Any, name: str) -> bool:
    if name in ("integer", "number"):
        return isinstance(value, int if name == "integer" else int | float) and not isinstance(value, bool)
    return isinstance(value, TYPES[name])


def printed(*arguments: str | Path) -> Any:
    done = CliRunner().invoke(app, [*map(str, arguments), "--json"])
    assert done.exit_code in (0, 1), done.output
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("documents")
    (found / "homes.yaml").write_text(HOMES)
    (found / "cars.yaml").write_text(CARS)
    (found / "zones.yaml").write_text(ZONES)
    (found / "tables").mkdir()
    (found / "tables" / "age_by_sex.csv").write_text("age,sex,count\n18-39,male,5\n18-39,female,6\n40+,male,7\n40+,female,8\n")
    (found / "out.json").write_text(json.dumps(printed("run", found / "homes.yaml", "--out", found / "homes")))
    made = ("run", found / "cars.yaml", "--out", found / "cars", "--draws", "2", "--format", "csv")
    (found / "cars.json").write_text(json.dumps(printed(*made)))
    return found


@pytest.mark.slow
@pytest.mark.parametrize(
    ("form", "arguments"),
    [
        ("check", ["check", "homes.yaml"]),
        ("check", ["check", "cars.yaml", "--reconcile"]),
        ("estimate", ["estimate", "homes.yaml"]),
        ("explain", ["spec", "homes.yaml", "--explain"]),
        ("fit", ["fit", "cars.yaml", "--out", "fitted"]),
        ("init", ["init", "tables", "--out", "tables/new.yaml"]),
        ("export", ["export", "homes", "--out", "exported"]),
        ("run", ["sample", "homes", "--out", "again"]),
        ("run", ["measure", "cars"]),
        ("compare", ["compare", "cars", "cars/draws/001"]),
        ("run", ["run", "zones.yaml", "--out", "zones"]),
        ("answers", ["measure", "cars", "--of", "share of car by age"]),
        ("answers", ["measure", "homes", "--of", "mean age by type"]),
        ("evaluate", ["evaluate", "homes", "--against", "homes", "--spec", "homes.yaml"]),
        ("evaluate", ["evaluate", "cars", "--against", "cars/records.csv", "--spec", "ages.yaml"]),
    ],
)
def test_a_document_is_of_its_published_form(
    form: str, arguments: list[str], place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place)
    (place / "ages.yaml").write_text(CARS.split("  - {table", maxsplit=1)[0])
    assert not wrong(printed(*arguments), {"$ref": f"#/$defs/{form}"})


@pytest.mark.slow
def test_what_a_model_was_asked_is_told_in_the_form(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    with serving() as server:
        (place / "asked.yaml").write_text(CARS + f'model: {{name: "{server.model}"}}\n')
        assert not wrong(printed("elicit", place / "asked.yaml", "--out", place / "asked"), {"$ref": "#/$defs/elicit"})


@pytest.mark.slow
@pytest.mark.parametrize("name", ["out.json", "cars.json"])
def test_a_run_tells_what_the_form_says(name: str, place: Path) -> None:
    assert not wrong(json.loads((place / name).read_text()), {"$ref": "#/$defs/run"})
