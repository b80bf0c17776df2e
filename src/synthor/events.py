"""What happens during a run, for whoever listens: progress bars, the run folder, a notebook."""

from collections.abc import Callable
from dataclasses import dataclass

from synthor.fit.model import Model
from synthor.prior.model import Prior
from synthor.rounds import Round
from synthor.sample.stream import Sample


@dataclass(frozen=True, slots=True, kw_only=True)
class Event:
    """Something happened: a stage began (`done` 0), went on, or ended (`done` = `total`), perhaps with a product.

    Attributes:
        stage: elicit, fit, round, holdout, sample, write, draws, ranges or evaluate.
        done: steps done.
        total: steps in all.
        product: what the stage made, when it ends.
        told: a sentence for the user, who would not learn of it otherwise.
    """

    stage: str
    done: int
    total: int
    product: Prior | Round | Model | Sample | None = None
    told: str = ""


Listener = Callable[[Event], None]

PARTS = 10_000
"""Steps in all of work in parts."""


def ignore(event: Event) -> None:
    """Listen to nothing."""


def telling(stage: str, on_event: Listener) -> Callable[[str], None]:
    """Sentences for the user as events of a stage."""
    return lambda text: on_event(Event(stage=stage, done=0, total=0, told=text))


def forward(stage: str, on_event: Listener) -> Callable[[int, int], None]:
    """Progress of a stage as events."""
    return lambda done, total: on_event(Event(stage=stage, done=done, total=total))


def in_parts(advance: Callable[[int, int], None]) -> Callable[[int, int], None]:
    """Progress of work that begins anew nobody knows how often, as one that never ends early.

    The first part counts for a half of the whole, two for two thirds, three for three quarters, and so on.

    >>> told = []
    >>> parts = in_parts(lambda done, total: told.append(done / total))
    >>> for done in (0, 10, 0, 10, 5, 10):
    ...     parts(done, 10)
    >>> [round(share, 2) for share in told]
    [0.0, 0.5, 0.5, 0.67, 0.71, 0.75]
    """
    ended, before = 0, 0.0

    def noted(done: int, total: int) -> None:
        nonlocal ended, before
        part = min(done / total, 1.0) if total else 1.0
        if part < before:
            ended += 1
        before = part
        advance(round(PARTS * (1 - (1 - part) / (ended + 1) - part / (ended + 2))), PARTS)

    return noted
