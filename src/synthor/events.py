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


def ignore(event: Event) -> None:
    """Listen to nothing."""


def telling(stage: str, on_event: Listener) -> Callable[[str], None]:
    """Sentences for the user as events of a stage."""
    return lambda text: on_event(Event(stage=stage, done=0, total=0, told=text))


def forward(stage: str, on_event: Listener) -> Callable[[int, int], None]:
    """Progress of a stage as events."""
    return lambda done, total: on_event(Event(stage=stage, done=done, total=total))
