"""What came of a run with draws, as a person reads it in a terminal."""

import json
from collections.abc import Sequence
from dataclasses import asdict

from rich.console import Group

from synthor.draws.make import Draw
from synthor.measure import Measurement
from synthor.report.screen import Tone, command, print_json, say, show, words
from synthor.report.terminal import measurement_table, verdict_line


def show_draws(measurement: Measurement, draws: Sequence[Draw], folder: str, tone: Tone) -> None:
    """Every target of the usual population, then which draws meet theirs, and how to ask."""
    if tone is Tone.JSON:
        print_json(json.loads(measurement.to_json()) | {"draws": [asdict(draw) for draw in draws]})
        return
    kept = sum(draw.kept for draw in draws)
    unmet = [draw for draw in draws if not draw.met]
    found = f" ({kept} of them by an earlier run)" if kept else ""
    lines = [words(f"Draw {draw.number:03}: {draw.verdict}", "yellow") for draw in unmet]
    n_met = len(draws) - len(unmet)
    what = f"{len(draws)} draw{'s' if len(draws) > 1 else ''}{found}"
    verdict = f"{what}, {n_met} of which meet{'s' if n_met == 1 else ''} all targets."
    if unmet and measurement.met:
        them = "that draw" if len(unmet) == 1 else "those draws"
        verdict += f" The records themselves meet theirs, so the run counts as met; leave {them} out where tables must hold."
    last = words(verdict, "bold green" if not unmet else "bold yellow")
    if tone is Tone.QUIET:
        show(Group(verdict_line(measurement), last))
        return
    if not measurement.beliefs or measurement.beliefs.startswith("No beliefs"):
        lines.append(
            words("Without beliefs the draws say nothing of what the tables leave open: look at the bounds.", "yellow")
        )
    show(Group(measurement_table(measurement, everything=tone is Tone.VERBOSE), *lines, last))
    say(f"Look at {folder}/report.html; the draws are in {folder}/draws.")
    say(f'Ask for ranges: {command("measure", folder)} --of "mean NUMBER by VARIABLE", or "VARIABLE by VARIABLE"')
