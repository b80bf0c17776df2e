"""The notebooks run: every cell of each without an error, and the twelve tasks in five lines each."""

import importlib.util
import re
from pathlib import Path
from typing import Any

import pytest

DOCS = Path(__file__).parents[2] / "docs"
PAGES = [DOCS / "python.md", *sorted((DOCS / "notebooks").glob("*.md"))]


@pytest.fixture(scope="module")
def executed() -> Any:
    """What makes notebooks of the pages, as the site uses it."""
    for needed in ("nbclient", "ipykernel", "altair", "pandas"):
        pytest.importorskip(needed)
    spec = importlib.util.spec_from_file_location("executed", DOCS / "executed.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of Jupyter's own
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_cell_runs(executed: Any, page: Path) -> None:
    made = executed.execute(executed.notebook(page))
    code = [cell for cell in made.cells if cell.cell_type == "code"]
    assert len(code) == page.read_text(encoding="utf-8").count("```python\n")
    assert all(cell.execution_count is not None for cell in code)
    outputs = [output for cell in code for output in cell.outputs]
    shown = "".join(f"{output.get('text', '')}{output.get('data', {}).get('text/html', '')}" for output in outputs)
    assert "synthor-run" in shown or page.stem == "python"
    assert "<progress" not in shown, "a bar stays below a cell that is done"
    assert not [output for output in outputs if output.get("name") == "stderr"]


def test_twelve_tasks_take_one_cell_of_at_most_five_lines_each() -> None:
    text = PAGES[0].read_text(encoding="utf-8")
    tasks = re.findall(r"^## (\d+)\. [^\n]+\n(.*?)(?=^## )", text, re.DOTALL | re.MULTILINE)
    assert [number for number, _ in tasks] == [str(number) for number in range(1, 13)]
    for number, body in tasks:
        cells = re.findall(r"```python\n(.*?)```", body, re.DOTALL)
        assert len(cells) == 1, number
        lines = [line for line in cells[0].splitlines() if line.strip() and not line.startswith("# with ")]
        assert len(lines) <= 5, cells[0]


def test_a_notebook_holds_no_link_to_a_page_that_is_not_beside_it(executed: Any) -> None:
    for page in PAGES:
        made = executed.notebook(page)
        words = "".join(cell.source for cell in made.cells if cell.cell_type == "markdown")
        assert not re.search(r"]\((?!https?:)", words) and "```text" not in words
