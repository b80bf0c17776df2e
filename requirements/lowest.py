"""The oldest libraries that pyproject.toml allows, as requirements: its stated lower bounds, each as the one version wanted.

`make lock` pins them with all that they need in lowest.txt, and `make lowest` runs the quick tests on these.
"""

import sys
import tomllib
from pathlib import Path

EXTRAS = ("privacy",)
"""Extras whose bounds are tried, too; `models` asks for newer libraries than the rest does, and is tried in its newest form."""
TESTS = ("editables", "hatchling", "hypothesis", "openpyxl", "packaging", "pytest", "pytest-xdist")
"""What the quick tests need besides."""


def lowest(document: str) -> list[str]:
    """Every stated lower bound as a pin, `numpy>=2.0` as `numpy==2.0`."""
    project = tomllib.loads(document)["project"]
    stated = [*project["dependencies"], *(text for extra in EXTRAS for text in project["optional-dependencies"][extra])]
    return [text.replace(">=", "==") for text in stated]


if __name__ == "__main__":
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    sys.stdout.write("\n".join([*lowest(text), *TESTS, ""]))
