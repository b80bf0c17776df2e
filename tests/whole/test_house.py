"""The architecture, kept true: who may import whom, who touches files, and what importing costs."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest

from forked import LOADED
from synthor.spec.model import json_schema

SOURCE = Path(__file__).parents[2] / "src" / "synthor"
MODULES = sorted(SOURCE.rglob("*.py"))

CONTRIBUTING = (SOURCE.parents[1] / "CONTRIBUTING.md").read_text(encoding="utf-8")
FLOORS = [line.strip("◀ ").split() for line in re.findall(r"^    (?:errors|◀) .*$", CONTRIBUTING, re.MULTILINE)]
"""Rooms by floors, as the contributor's guide has them."""
REACHED_FROM = {
    "llm": {"prior", "method", "store", "report", "run", "loop", "holdout", "library"},
    "engine": {"geography", "streamed", "cli"},
    "cli": set[str](),
}
FACE = {"arithmetic", "engine", "errors", "version", "spec", "problem", "prior", "fit", "measure", "library"}
"""Rooms from which the package's own face takes names."""
TOUCHES_FILES = re.compile(
    r"(?<![.\w])open\(|\.read_text\(|\.write_text\(|read_csv\(|read_parquet\(|\.unlink\(|\.mkdir\(|write_parquet\("
)


def room(module: Path) -> str:
    parts = module.relative_to(SOURCE).with_suffix("").parts
    return "rules/syntax" if parts == ("rules", "syntax") else parts[0]


@dataclass(frozen=True, slots=True)
class Read:
    """What a file says, without its syntax, which would lie in the memory of all tests to come.

    Attributes:
        rooms: that it imports.
        large: functions with more than 50 lines beside their docstring, or more than 7 arguments beside self.
        classes: that others may name.
    """

    rooms: frozenset[str]
    large: tuple[str, ...]
    classes: tuple[str, ...]


@cache
def read(module: Path) -> Read:
    """A file, read once for all who look at it."""
    found = list(statements(ast.parse(module.read_text(encoding="utf-8"))))
    large = tuple(
        told for node in found if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) for told in too_large(node)
    )
    classes = tuple(node.name for node in found if isinstance(node, ast.ClassDef) and not node.name.startswith("_"))
    rooms = {name for node in found if isinstance(node, ast.ImportFrom) for name in imported_rooms(node)}
    return Read(frozenset(rooms), large, classes)


def statements(tree: ast.AST) -> Iterator[ast.AST]:
    """All statements of a file, wherever they stand: no import, function or class is an expression."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        yield node
        for part in ("body", "orelse", "finalbody", "handlers", "cases"):
            waiting += getattr(node, part, [])


def imported_rooms(node: ast.ImportFrom) -> set[str]:
    outer, *inner = (node.module or "").split(".")
    if outer != "synthor":
        return set()
    if inner[:2] == ["rules", "syntax"]:
        return {"rules/syntax"}
    return {inner[0]} if inner else {name.name for name in node.names}


def too_large(node: ast.FunctionDef | ast.AsyncFunctionDef) -> Iterator[str]:
    ordinary = [*node.args.posonlyargs, *node.args.args]
    n_arguments = len([*ordinary, *node.args.kwonlyargs]) - (bool(ordinary) and ordinary[0].arg in ("self", "cls"))
    said = node.body[0] if ast.get_docstring(node) is not None else None
    n_lines = (node.end_lineno or 0) - node.lineno + 1
    n_lines -= 0 if said is None else (said.end_lineno or 0) - said.lineno + 1
    if n_lines > 50 or n_arguments > 7:
        yield f"{node.name}: {n_lines} lines, {n_arguments} arguments"


def test_every_room_stands_on_one_floor() -> None:
    standing = [name for floor in FLOORS for name in floor]
    assert sorted(standing) == sorted({room(module) for module in MODULES} - {"__init__"})


def looks_up(module: Path) -> frozenset[str]:
    """Rooms that a file imports and that its own room may not."""
    own = room(module)
    found = read(module).rooms - {own}
    if own == "__init__":
        return found - FACE
    floor = next(i for i, rooms in enumerate(FLOORS) if own in rooms)
    above = found - {name for rooms in FLOORS[:floor] for name in rooms}
    return above | {other for other in found & REACHED_FROM.keys() if own not in REACHED_FROM[other]}


def test_imports_point_one_way() -> None:
    found = {str(module.relative_to(SOURCE)): looks_up(module) for module in MODULES}
    assert {name: rooms for name, rooms in found.items() if rooms} == {}


def test_only_five_rooms_touch_files() -> None:
    others = [module for module in MODULES if room(module) not in ("disk", "files", "spec", "store", "llm")]
    assert [module for module in others if TOUCHES_FILES.search(module.read_text(encoding="utf-8"))] == []


def test_what_forks_are_to_find_loaded_can_be_loaded() -> None:
    """A name that is none is passed over in silence, and each of hundreds of forks loads it by itself."""
    assert [name for name in LOADED if name != "__main__" and find_spec(name) is None] == []


def test_the_command_line_stays_thin() -> None:
    for part in (SOURCE / "cli").iterdir():
        if part.suffix == ".py":
            assert len(part.read_text(encoding="utf-8").splitlines()) < 300


def test_no_frozen_object_is_changed() -> None:
    for module in MODULES:
        assert not re.search(r"__dict__|object\.__setattr__", module.read_text(encoding="utf-8")), module


@pytest.mark.slow
def test_at_most_ten_functions_are_large() -> None:
    # Options of the command line are arguments of its functions, so that room is left out; which ten others does not matter.
    read_ones = {module.relative_to(SOURCE): read(module) for module in MODULES if room(module) != "cli"}
    large = [f"{name}: {told}" for name, one in read_ones.items() for told in one.large]
    assert len(large) <= 10, "\n".join(large)


def test_no_two_classes_have_one_name() -> None:
    homes: dict[str, list[str]] = {}
    for module in MODULES:
        for name in read(module).classes:
            homes.setdefault(name, []).append(str(module.relative_to(SOURCE)))
    assert {name: where for name, where in homes.items() if len(where) > 1} == {}


def test_at_most_fifteen_names_are_public_and_all_can_be_had() -> None:
    import synthor

    assert len(synthor.__all__) <= 15
    assert all(getattr(synthor, name) is not None for name in synthor.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        _ = synthor.nonsense


HEAVY = ("numpy", "polars", "scipy", "sqlglot", "pydantic", "jinja2", "rich", "typer", "yaml", "ruamel", "pandas", "altair")
"""Libraries that take a noticeable time to import."""


def loaded(statement: str) -> set[str]:
    """Those of them that a new interpreter has loaded after a statement; how busy the machine is does not matter."""
    code = f"import sys; {statement}; print(*(name for name in {HEAVY} if name in sys.modules))"
    return set(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split())


@pytest.mark.parametrize(
    ("statement", "libraries"),
    [
        ("import synthor", set()),
        ("from synthor import InputError, SynthorError, draft_spec, open, synthesize", set()),
        ("from synthor import Spec, load_spec, parse_spec", {"numpy", "pydantic", "yaml"}),
        ("from synthor import Model, Prior, Run, check, compile_problem", {"numpy", "pydantic", "yaml", "polars", "sqlglot"}),
        ("import synthor.cli.app", {"typer"}),
    ],
)
@pytest.mark.slow
def test_importing_loads_no_library_before_it_is_needed(statement: str, libraries: set[str]) -> None:
    assert loaded(statement) <= libraries


def seconds(statement: str) -> float:
    """CPU seconds to run a statement in a new interpreter."""
    code = f"import time; begin = time.process_time(); {statement}; print(time.process_time() - begin)"
    return float(subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout)


@pytest.mark.slow
def test_importing_costs_at_most_three_times_numpy_and_pydantic() -> None:
    """The best of two, or of up to seven where the machine is busy; in turn, since other tests run beside."""
    bare = package = load = float("inf")
    for tried in range(1, 8):
        bare = min(bare, seconds("import numpy, pydantic"))
        package = min(package, seconds("import synthor"))
        load = min(load, seconds("from synthor import load_spec"))
        if tried > 1 and max(package, load) < 3 * bare:
            break
    assert package < 3 * bare
    assert load < 3 * bare


def test_the_committed_schema_is_the_current_one() -> None:
    committed = json.loads((SOURCE.parents[1] / "docs" / "spec.schema.json").read_text(encoding="utf-8"))
    assert committed == json_schema(), "run `make docs`"


@pytest.mark.parametrize("page", ["docs/architecture.md", "docs/glossary.md", "CONTRIBUTING.md"])
def test_pages_for_maintainers_name_files_that_there_are(page: str) -> None:
    root = SOURCE.parents[1]
    said = re.findall(r"`([\w./-]+)(?:: [^`\n]+)?`", (root / page).read_text(encoding="utf-8"))
    paths = [name for name in said if name.endswith(".py") or "/" in name]
    known = {module.name for module in MODULES}
    assert len(paths) > 3
    assert not [name for name in paths if name not in known and not any((top / name).exists() for top in (SOURCE, root))]
