"""Answers with their ranges: as tables in a terminal, and as one self-contained page with intervals drawn."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from rich.console import Group, RenderableType
from rich.table import Table

from synthor.evaluate.ranges import ENOUGH, Ranges
from synthor.report.page import template
from synthor.report.screen import Fitting, Tone, command, print_json, say, show, words
from synthor.types import Floats

DASH = "–"
MOST_ROWS = 60
"""Cells of one table that a terminal is filled with."""


def told(number: float, kind: str) -> str:
    """A value as people read it.

    >>> told(1234.0, "count"), told(0.1234, "share"), told(51234.5, "mean"), told(2.345, "sd"), told(float("nan"), "mean")
    ('1,234', '12.3%', '51,234', '2.35', '–')
    """
    if not math.isfinite(number):
        return DASH
    if kind == "share":
        return f"{number:.1%}"
    return f"{number:,.0f}" if kind == "count" or abs(number) >= 1000 else f"{number:,.3g}"


def span(low: float, high: float, kind: str) -> str:
    """An interval in words; a dash where it is not known."""
    if not (math.isfinite(low) and math.isfinite(high)):
        return DASH
    return f"{told(low, kind)} to {told(high, kind)}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One cell, ready to be shown: texts, and places between 0 and 100 along the drawing; negative ones are not drawn."""

    labels: tuple[str, ...]
    value: str
    draws: str
    middle: str
    spread: str
    bounds: str
    dot: float
    drawn: tuple[float, float]
    bound: tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class AnsweredQuestion:
    """One question, ready to be shown."""

    text: str
    asked: str
    heading: str
    columns: tuple[str, ...]
    lines: tuple[Line, ...]
    bounds: str
    from_: str
    to: str
    has_middle: bool


def answer_of(answer: Ranges) -> AnsweredQuestion:
    """What a reader sees of an answer."""
    kind, bounds = answer.question.kind, answer.bounds
    low, high, mean, sd = answer.lowest, answer.highest, answer.mean, answer.sd
    five, ninety_five = answer.quantile(0.05), answer.quantile(0.95)
    ends = _ends(answer.value, low, high, bounds.low, bounds.high)
    lines = [
        Line(
            labels=tuple(answer.question.labels(cell).values()) or ("everybody",),
            value=told(answer.value[cell], kind),
            draws=span(low[cell], high[cell], kind),
            middle=span(five[cell], ninety_five[cell], kind),
            spread=f"{told(mean[cell], kind)} ({told(sd[cell], kind)})" if math.isfinite(mean[cell]) else DASH,
            bounds=span(bounds.low[cell], bounds.high[cell], kind),
            dot=_place(answer.value[cell], ends),
            drawn=(_place(low[cell], ends), _place(high[cell], ends)),
            bound=(_place(bounds.low[cell], ends), _place(bounds.high[cell], ends)),
        )
        for cell in range(len(answer.value))
    ]
    wider = "; the truth lies inside, but they may be wider than they need be"
    known = not bounds.sharp and bool(np.isfinite(bounds.low).any())
    unit = f", {answer.question.unit}" if answer.question.unit else ""
    return AnsweredQuestion(
        text=answer.question.text,
        asked=answer.question.asked,
        heading=answer.question.unit if kind in ("count", "share") else f"{kind}{unit}",
        columns=tuple(answer.question.labels(0)) or ("of",),
        lines=tuple(lines),
        bounds=bounds.sentence + (wider if known else ""),
        from_=told(ends[0], kind),
        to=told(ends[1], kind),
        has_middle=len(answer.draws) >= ENOUGH,
    )


def show_ranges(answers: Sequence[Ranges], folder: str, tone: Tone) -> None:
    """Every answer as a table, and how to get draws where there are none."""
    if tone is Tone.JSON:
        print_json({"answers": [answer.to_dict() for answer in answers]})
        return
    for answer in answers:
        show(ranges_table(answer_of(answer), n_draws=len(answer.draws)))
    if tone is Tone.QUIET:
        return
    if answers and not len(answers[0].draws):
        say(f"There are no draws beside {folder}: make some with `{command('run', 'SPEC', '--out', folder, '--draws', 20)}`.")
    say(f"Look at {folder}/ranges.html; the figures are in {folder}/ranges.json.")


def ranges_table(answer: AnsweredQuestion, *, n_draws: int) -> RenderableType:
    """One row a cell: its value, its range over the draws, and the bounds of the targets."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in answer.columns:
        table.add_column(words(name))
    table.add_column(words(answer.heading), justify="right")
    if n_draws:
        for heading in (
            f"{n_draws} draw{'s' if n_draws > 1 else ''}",
            *(["5% to 95%"] if answer.has_middle else []),
            "mean (sd)",
        ):
            table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("bounds", justify="right", no_wrap=True)
    for line in answer.lines[:MOST_ROWS]:
        drawn = [line.draws, *([line.middle] if answer.has_middle else []), line.spread] if n_draws else []
        table.add_row(*(words(text) for text in (*line.labels, line.value, *drawn, line.bounds)))
    shown = Fitting(table, _one_below_the_other(answer, n_draws))
    more = len(answer.lines) - MOST_ROWS
    rest = [words(f"... and {more:,} more cells, in ranges.json.")] if more > 0 else []
    asked = [words(answer.asked)] if answer.asked else []
    return Group(words(answer.text, "bold"), *asked, shown, *rest, words(f"Bounds {answer.bounds}."), "")


def _one_below_the_other(answer: AnsweredQuestion, n_draws: int) -> RenderableType:
    """The same as the table, for a terminal that is too narrow for it: a line a cell, its ranges below."""
    lines = []
    for line in answer.lines[:MOST_ROWS]:
        lines.append(words(f"{', '.join(line.labels)}: {line.value}", "bold"))
        if n_draws:
            middle = f", 5% to 95% {line.middle}" if answer.has_middle else ""
            lines.append(words(f"  {n_draws} draw{'s' if n_draws > 1 else ''}: {line.draws}{middle}"))
            lines.append(words(f"  mean (sd): {line.spread}"))
        lines.append(words(f"  bounds: {line.bounds}"))
    return Group(words(f"{', '.join(answer.columns)}: {answer.heading}"), *lines)


def ranges_page(title: str, answers: Sequence[Ranges]) -> str:
    """The page ranges.html: each cell's value, its range over the draws, and the bounds, drawn on one scale a question.

    It loads nothing and runs nothing, and all labels are escaped.
    """
    n_draws = len(answers[0].draws) if answers else 0
    shown = [answer_of(answer) for answer in answers]
    return template("ranges.html.j2").render(title=title or "synthor", answers=shown, n_draws=n_draws) + "\n"


def _ends(*columns: Floats) -> tuple[float, float]:
    """Smallest and largest number that is drawn."""
    known = [float(number) for column in columns for number in column if math.isfinite(number)]
    low, high = min(known, default=0.0), max(known, default=1.0)
    return (low, high) if high > low else (low, low + 1.0)


def _place(number: float, ends: tuple[float, float]) -> float:
    return round(100 * (number - ends[0]) / (ends[1] - ends[0]), 2) if math.isfinite(number) else -1.0
