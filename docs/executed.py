"""For the site: pages that are notebooks are executed when it is built, shown with what comes out, and offered as .ipynb.

Such a page is Markdown whose blocks of Python are the cells. What it shows as text below one comes out anew.
"""

import re
from html import escape
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import nbformat
from nbclient import NotebookClient

DOCS = Path(__file__).parent
PAGES = (DOCS / "python.md", *sorted((DOCS / "notebooks").glob("*.md")))
CELL = re.compile(r"```python\n(.*?)\n```\n(?:\n```text\n.*?\n```\n)?", re.DOTALL)
LINK = re.compile(r"\[([^]]+)]\((?!https?:)[^)]+\)")

executed: dict[str, nbformat.NotebookNode] = {}
"""By the name of the page, as the site has it."""


def notebook(page: Path) -> nbformat.NotebookNode:
    """A page as a notebook; links to other pages, which lead nowhere from a file alone, are plain words."""
    made = nbformat.v4.new_notebook()
    for place, text in enumerate(CELL.split(page.read_text(encoding="utf-8"))):
        if place % 2:
            made.cells.append(nbformat.v4.new_code_cell(text))
        elif text.strip():
            made.cells.append(nbformat.v4.new_markdown_cell(LINK.sub(r"\1", text.strip())))
    for number, cell in enumerate(made.cells, start=1):
        cell.id = f"cell-{number}"
    made.metadata.kernelspec = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return made


def execute(made: nbformat.NotebookNode) -> nbformat.NotebookNode:
    """A notebook with what comes out of its cells; what they write is thrown away.

    Raises:
        CellExecutionError: of the first cell that fails.
    """
    with TemporaryDirectory() as folder:
        client = NotebookClient(made, timeout=300, record_timing=False, resources={"metadata": {"path": folder}})
        client.extra_arguments = ["--log-level=ERROR"]
        return client.execute()


def shown(output: nbformat.NotebookNode) -> str:
    """One output as HTML: as a notebook would show it, text where there is nothing better."""
    data = output.get("data", {})
    text = output.get("text") or data.get("text/plain", "")
    return data["text/html"] if "text/html" in data else f"<pre>{escape(text)}</pre>"


def on_files(files: Any, *, config: Any) -> None:
    """Execute all, and lay each beside its page."""
    from mkdocs.structure.files import File

    for page in PAGES:
        name = page.relative_to(DOCS).as_posix()
        executed[name] = execute(notebook(page))
        files.append(File.generated(config, name.removesuffix(".md") + ".ipynb", content=nbformat.writes(executed[name])))


def on_page_markdown(markdown: str, *, page: Any, **_: Any) -> str:
    """Leave room below each cell, and say below the title where the notebook is."""
    if (name := page.file.src_uri) not in executed:
        return markdown
    room = CELL.sub(r'```python\n\1\n```\n\n<div class="came-out"></div>\n', markdown)
    title, text = room.split("\n", 1)
    return f"{title}\n\n[Download as a notebook]({Path(name).stem}.ipynb)\n{text}"


def on_page_content(html: str, *, page: Any, **_: Any) -> str:
    """Put what came out of each cell into its room."""
    if page.file.src_uri not in executed:
        return html
    cells = iter([cell for cell in executed[page.file.src_uri].cells if cell.cell_type == "code"])
    return re.sub(
        r'<div class="came-out"></div>',
        lambda _: f'<div class="came-out">{"".join(map(shown, next(cells).outputs))}</div>',
        html,
    )
