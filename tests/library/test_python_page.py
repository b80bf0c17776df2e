"""The page for Python does what it shows: its examples run one after the other, and what it says came out comes out."""

import ast
import contextlib
import importlib.util
import io
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "python.md").read_text(encoding="utf-8")
README = (ROOT / "README.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(python|text)\n(.*?)```", PAGE, re.DOTALL)


def shown(code: str, names: dict[str, Any]) -> str:
    """What a prompt shows of some lines: what they print, and the last one's value."""
    *body, last = ast.parse(code).body
    printed = io.StringIO()
    with contextlib.redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "python.md", "exec"), names)
        if not isinstance(last, ast.Expr):
            exec(compile(ast.Module([last], []), "python.md", "exec"), names)
            return printed.getvalue()
        value = eval(compile(ast.Expression(last.value), "python.md", "eval"), names)
    return printed.getvalue() + (f"{value!r}\n" if value is not None else "")


@pytest.mark.slow
def test_what_the_page_for_python_shows_comes_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    for (kind, code), (follows, expected) in zip(BLOCKS, [*BLOCKS[1:], ("", "")], strict=True):
        library = re.match(r"# with (\w+)\n", code)
        if kind == "text" or (library is not None and importlib.util.find_spec(library[1]) is None):
            continue
        found = shown(code, names)
        if follows == "text":
            assert found == expected, code


def test_each_task_takes_at_most_five_statements() -> None:
    for kind, code in BLOCKS:
        if kind == "python":
            assert len([line for line in ast.parse(code).body if not isinstance(line, ast.Import)]) <= 5, code


def test_the_section_of_the_readme_is_short_and_says_what_there_is() -> None:
    section = README.split("## In Python\n")[1].split("\n## ")[0].strip()
    assert len(section.splitlines()) <= 12
    import synthor

    for name in re.findall(r"synthor\.(\w+)", section):
        assert hasattr(synthor, name)
    for name in re.findall(r"\brun\.(\w+)", section):
        assert hasattr(synthor.Run, name)
