"""What would scenarios and later fits gain from the candidates of the run before them?

    python bench/reused.py

Writes bench/results/reused.json and reused.md. Of each example a scenario with one changed target is made from the beliefs of
its base, stage by stage, in CPU seconds (others may share the cores). *Candidates* are a part of *fit*: no reuse can save more,
and a command of its own would have to draw those of its base again. *With the base's* is the fit that weighs these anew, and
goes on from the multipliers of the base, where they are in memory; candidates with members are never weighed anew
(`fit/reuse.py`).
"""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, TypeVar

from harness import EXAMPLES, dated, write
from synthor import compile_problem, load_spec
from synthor.fit.model import Model, fit_what_can_be
from synthor.loop import fit_spec
from synthor.run import draw
from synthor.scenario import applied

SCENARIOS = {
    "census-tables": '{target: age by sex, where: "age >= 75", change: +20%}',
    "trips": "{target: mode, where: \"mode = 'car'\", change: -20%}",
    "population": "{target: tenure, where: \"tenure = 'tenant'\", change: +10%}",
}
BELIEFS = "beliefs.json"
"""Of the example that has a file of them; the others replay a recording."""

T = TypeVar("T")


def timed(what: Callable[[], T]) -> tuple[T, float]:
    """What comes of it, and the CPU seconds that it takes."""
    begin = time.process_time()
    found = what()
    return found, time.process_time() - begin


def case(example: str, folder: Path) -> dict[str, Any]:
    """The stages of one scenario."""
    scenario = folder / f"{example}.yaml"
    scenario.write_text(f"changes: [{SCENARIOS[example]}]\n", encoding="utf-8")
    place = EXAMPLES / example
    beliefs = place / BELIEFS if (place / BELIEFS).is_file() else None
    spec = load_spec(place / "spec.yaml")
    base = fit_spec(spec, prior=beliefs).model
    changed, applying = timed(lambda: compile_problem(applied(spec, scenario, prior=base.prior)).region)
    anew, fitting = timed(lambda: fit_what_can_be(changed, base.prior))
    _, drawing = timed(lambda: replace(anew.recipe, made=None).pool)
    run, sampling = timed(lambda: draw(anew))
    measured, writing = timed(lambda: run.write(folder / example))
    whole = applying + fitting + sampling + writing
    return {
        "example": example,
        "candidates, s": round(drawing, 2),
        "fit, s": round(fitting, 2),
        "with the base's, s": with_those_of(base, anew),
        "whole counts, s": round(sampling, 2),
        "records and page, s": round(writing, 2),
        "all, s": round(whole, 2),
        "candidates, % of all": round(100 * drawing / whole, 1),
        "met": measured.met,
    }


def with_those_of(base: Model, anew: Model) -> str:
    """CPU seconds of the fit with the candidates of another, and steps of both."""
    if base.pool.handed:
        return "drawn anew"
    like, seconds = timed(lambda: fit_what_can_be(anew.problem, base.prior, like=base))
    if like.recipe.drawn_for is None:
        return f"{seconds:.2f}, drawn anew"
    return f"{seconds:.2f} ({len(like.history)} steps, not {len(anew.history)})"


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        rows = []
        for example in SCENARIOS:
            rows.append(case(example, Path(folder)))
            print(rows[-1], flush=True)
    document = dated({"rows": rows})
    lines = [
        "# What scenarios would gain from the candidates of their base",
        "",
        f"`python bench/reused.py`, {document['date']}, {document['machine']}. CPU seconds of one run each, other work "
        "beside it.",
        "*Candidates* are a part of *fit*; *all* leaves out Python's start. Candidates with members cannot be weighed anew.",
        "",
        "| " + " | ".join(rows[0]) + " |",
        "|" + "---|" * len(rows[0]),
        *("| " + " | ".join(str(value) for value in row.values()) + " |" for row in rows),
        "",
    ]
    write("reused", document, "\n".join(lines))


if __name__ == "__main__":
    main()
