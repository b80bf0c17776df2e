"""Progress as a person sees it: one bar that never goes back, plain lines where there is no terminal, a bar in a notebook."""

import html
import importlib
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

from synthor.events import Event, Listener, ignore
from synthor.report.screen import Screen, say, watched_by_a_person, words
from synthor.rounds import Round

STAGES = {
    "elicit": ("Beliefs", 10),
    "holdout": ("Left out", 30),
    "fit": ("Fitting", 50),
    "sample": ("Whole numbers", 20),
    "write": ("Writing", 20),
    "draws": ("Draws", 200),
    "ranges": ("Bounds", 10),
    "evaluate": ("Bootstrap", 10),
}
"""What each stage is called, and roughly how long it takes beside the others."""

EVERY, RARER = 10.0, 6.0
"""Seconds between two lines of the same stage, where there is no terminal: the first, or what has passed over the second."""


class Course:
    """How far a command has come, all its stages together: a share that only grows.

    A stage takes its part of what is then left. One that begins anew, as in the next round of asking, takes a part again.

    >>> course = Course(["fit", "sample"])
    >>> [round(course.advance(stage, done, 2), 2) for stage, done in (("fit", 1), ("fit", 2), ("sample", 0), ("sample", 2))]
    [0.36, 0.71, 0.71, 1.0]
    """

    def __init__(self, plan: Sequence[str]) -> None:
        self.share = 0.0
        self.stage = ""
        self._plan = list(plan)
        self._part, self._low, self._high = 0.0, 0.0, 0.0

    def advance(self, stage: str, done: int, total: int) -> float:
        """Note how far a stage is; the share of the whole that is done."""
        part = min(done / total, 1.0) if total else 1.0
        if stage != self.stage or part < self._part:
            ahead = self._plan[self._plan.index(stage) :] if stage in self._plan else [stage]
            own = STAGES[stage][1] / sum(STAGES[name][1] for name in ahead)
            self._low, self._high = self.share, self.share + (1 - self.share) * own
            self.stage = stage
        self._part = part
        self.share = max(self.share, self._low + (self._high - self._low) * part)
        return self.share


class _Display(Protocol):
    def move(self, stage: str, share: float) -> None: ...
    def line(self, text: str, style: str = "") -> None: ...


class _Bar:
    """One bar on standard error."""

    def __init__(self, bar: Progress) -> None:
        self._bar, self._begun = bar, time.monotonic()
        self._task = bar.add_task("", total=1.0, left="")

    def move(self, stage: str, share: float) -> None:
        passed = time.monotonic() - self._begun
        left = f"took {passed:.0f} s" if share >= 1 else _left(passed, share).removeprefix(", ")
        self._bar.update(self._task, description=STAGES[stage][0], completed=share, left=left)

    def line(self, text: str, style: str = "") -> None:
        self._bar.console.print(words(text, style))


class _Lines:
    """A line a stage, and one every few seconds while it lasts."""

    def __init__(self) -> None:
        self._stage, self._begun = "", time.monotonic()
        self._told = self._begun

    def move(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if stage != self._stage:
            say(f"{STAGES[stage][0]} ...", error=True)
        elif share >= 1 or now - self._told < max(EVERY, (now - self._begun) / RARER):
            return
        else:
            say(f"{STAGES[stage][0]}: {share:.0%} of the whole{_left(now - self._begun, share)}", error=True)
        self._stage, self._told = stage, now

    def line(self, text: str, style: str = "") -> None:
        say(text, error=True)


class _Cell:
    """One bar below a cell of a notebook."""

    def __init__(self) -> None:
        self._ipython = importlib.import_module("IPython.display")
        self._begun = self._drawn = time.monotonic()
        self._stage = ""
        self._handle = self._ipython.display(self._ipython.HTML(self._html("", 0.0)), display_id=True)

    def _html(self, name: str, share: float) -> str:
        left = _left(time.monotonic() - self._begun, share) if share < 1 else ""
        return f'<progress max="1" value="{share:.3f}"></progress> {html.escape(name)} {share:.0%}{left}'

    def move(self, stage: str, share: float) -> None:
        now = time.monotonic()
        if stage != self._stage or share == 1 or now - self._drawn > 0.2:
            self._stage, self._drawn = stage, now
            self._handle.update(self._ipython.HTML(self._html(STAGES[stage][0], share)))

    def line(self, text: str, style: str = "") -> None:
        say(text)

    def end(self) -> None:
        """Nothing of it stays in the notebook."""
        self._handle.update(self._ipython.HTML(""))


class _Warnings:
    """No progress at all; what a person would not learn otherwise is told all the same."""

    def move(self, stage: str, share: float) -> None:
        pass

    def line(self, text: str, style: str = "") -> None:
        if style:
            say(text, error=True)


def _left(seconds: float, share: float) -> str:
    """Time left in words, when enough is done to tell, and there is some.

    >>> _left(60.0, 0.25), _left(10.0, 0.5), _left(1.0, 0.0), _left(10.0, 0.99)
    (', about 3 min left', ', about 10 s left', '', '')
    """
    rest = seconds * (1 - share) / max(share, 1e-9)
    if share < 0.05 or rest < 0.5:
        return ""
    return f", about {rest:.0f} s left" if rest < 100 else f", about {rest / 60:.0f} min left"


@contextmanager
def progress(plan: Sequence[str], *, quiet: bool = False, verbose: bool = False) -> Iterator[Listener]:
    """A listener that shows how far a command has come, on standard error or below a notebook's cell.

    Args:
        plan: stages ahead, in order.
        quiet: show warnings alone.
        verbose: tell how long each stage took.

    Yields:
        What is to be told of events.
    """
    screen = Screen(error=True)
    if quiet:
        yield _Told(plan, _Warnings(), verbose=False)
    elif screen.is_jupyter:
        cell = _Cell()
        try:
            yield from _until_the_end(_Told(plan, cell, verbose=verbose))
        finally:
            cell.end()
    elif not watched_by_a_person():
        yield from _until_the_end(_Told(plan, _Lines(), verbose=verbose))
    else:
        columns = (TextColumn("{task.description:<13}"), BarColumn(24), TaskProgressColumn(), TextColumn("{task.fields[left]}"))
        with Progress(*columns, console=screen) as bar:
            yield from _until_the_end(_Told(plan, _Bar(bar), verbose=verbose))


def _until_the_end(told: "_Told") -> Iterator[Listener]:
    """A listener, and how long its last stage took."""
    try:
        yield told
    finally:
        told.tell_stage()


class _Told:
    """Shows on a display what it is told of.

    Args:
        plan: stages ahead, in order.
        display: that shows it.
        verbose: tell how long each stage took.
    """

    def __init__(self, plan: Sequence[str], display: _Display, *, verbose: bool) -> None:
        self._course, self._display, self._verbose = Course(plan), display, verbose
        self._begun = time.monotonic()

    def __call__(self, event: Event) -> None:
        """One event."""
        if event.told:
            self._display.line(f"Note: {event.told}", "yellow")
        elif isinstance(event.product, Round):
            self._display.line(round_line(event.product))
        else:
            if event.stage != self._course.stage:
                self.tell_stage()
            self._display.move(event.stage, self._course.advance(event.stage, event.done, event.total))

    def tell_stage(self) -> None:
        """How long the stage took that is under way, where that is asked for."""
        if self._verbose and self._course.stage:
            self._display.line(f"{STAGES[self._course.stage][0]} took {time.monotonic() - self._begun:.1f} s.")
        self._begun = time.monotonic()


@contextmanager
def watched(plan: Sequence[str], on_event: Listener, wanted: bool | None) -> Iterator[Listener]:
    """A listener, with progress beside it where that is wanted.

    Args:
        plan: stages ahead, in order.
        on_event: who listens besides.
        wanted: show progress; None: in a terminal or notebook, unless somebody listens already.

    Yields:
        What is to be told of events.
    """
    usual = on_event is ignore and (watched_by_a_person() or Screen(error=True).is_jupyter)
    if not (usual if wanted is None else wanted):
        yield on_event
        return
    with progress(plan) as show:

        def both(event: Event) -> None:
            on_event(event)
            show(event)

        yield both


def round_line(made: Round) -> str:
    """One round in one line: what was asked, what came of it."""
    asked = ", ".join(f"{n} {stage}" if n > 1 else stage for stage, n in made.asked.items()) or "nothing"
    held = ", ".join(f"{n} {what if n > 1 else what.removesuffix('s')}" for what, n in made.beliefs.items() if n) or "nothing"
    off = "targets exact" if made.worst_discrepancy < 1e-6 else f"targets off by {made.discrepancy:.1%} on average"
    missing = f", {made.unsupported} cells without support" if made.unsupported else ""
    tokens = f"{made.output_tokens:,} tokens out"
    return f"Round {made.number}: asked for {asked} ({tokens}); holds {held}; {made.status.replace('_', ' ')}, {off}{missing}."
