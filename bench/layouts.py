"""Drafts of four hundred small tables in layouts of offices, planners and market research, with made-up numbers.

They were written by a language model that saw how drafts behave and none of the tests, most of them to break drafts. Of the
first 302, 98 were silently wrong; of 370 more, 149, of which those that taught something are here (`once_...`). Of 128 more,
which were no puzzles but what is published on normal days, 13 were wrong or lost a variable; 30 of them are here
(`office_...`). Drafts were mended on all of them, so they are a record of faults, no fresh evidence. A draft is right, asks,
or is refused with a reason; one that passes its own check with another number of people is wrong. Writes
bench/results/layouts.json.

    python bench/layouts.py
"""

import collections
import json
import tempfile
from pathlib import Path

from harness import dated, write
from synthor import InputError, check
from synthor.draft import infer
from synthor.spec.load import parse_spec
from synthor.spec.scaffold import scaffold

TABLES = Path(__file__).parent / "tables" / "layouts.json"
NEAR = (3, 0.002)
"""Records, and share of them, by which perturbed tables may differ from the people behind them."""


def outcome(files: dict[str, str], people: float) -> str:
    """What becomes of one folder of tables."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name, "tables")
        folder.mkdir()
        for file, text in files.items():
            (folder / file).write_text(text, encoding="utf-8")
        try:
            spec = parse_spec(scaffold(infer(folder, beside=Path(name)))).placed_in(Path(name))
        except InputError:
            return "refused"
        errors = [finding for finding in check(spec) if finding.severity == "error"]
    if errors:
        return "asked" if all("filled in" in finding.message for finding in errors) else "fails"
    return "right" if abs(spec.records - people) <= max(NEAR[0], NEAR[1] * people) else f"wrong: {spec.records:,} of {people:,}"


def main() -> None:
    """Draft all tables and write what became of them."""
    cases = json.loads(TABLES.read_text(encoding="utf-8"))
    found = {name: outcome(case["files"], case["people"]) for name, case in cases.items()}
    counted = collections.Counter(one.partition(":")[0] for one in found.values())
    result = {
        "tables": len(found),
        "outcomes": dict(counted.most_common()),
        "wrong": {name: one for name, one in found.items() if one.startswith("wrong")},
    }
    write("layouts", dated(result))
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
