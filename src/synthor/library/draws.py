"""Plausible populations beside a run, in memory or in its folder, and questions put to all of them."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

import polars as pl

from synthor.draws.asked import questions_of
from synthor.draws.make import DRAWS, finished_draws, make_draws, population
from synthor.errors import Finding, InputError
from synthor.evaluate.question import GRAMMAR
from synthor.evaluate.ranges import ask
from synthor.events import Event, Listener, forward, ignore
from synthor.library.stored import Stored
from synthor.measure import Records
from synthor.prior.model import Prior
from synthor.problem import Problem
from synthor.schema import Schema
from synthor.store.folder import RunFolder
from synthor.store.records import read_records

if TYPE_CHECKING:
    from synthor.library.run import Run


class Draws(Sequence["Run"]):
    """Runs that might as well have come out: what differs between them is not determined.

    Args:
        usual: the run whose draws they are.
        runs: the draws.
    """

    def __init__(self, usual: "Run", runs: Sequence["Run"]) -> None:
        self.usual, self._runs = usual, tuple(runs)

    @overload
    def __getitem__(self, place: int) -> "Run": ...
    @overload
    def __getitem__(self, place: slice) -> "Draws": ...
    def __getitem__(self, place: int | slice) -> "Run | Draws":
        return Draws(self.usual, self._runs[place]) if isinstance(place, slice) else self._runs[place]

    def __len__(self) -> int:
        return len(self._runs)

    def measure(self, *texts: str, on_event: Listener = ignore) -> Any:
        """As `Run.measure`, with ranges over these draws: lowest, highest, mean, sd; with 20 or more also q05 and q95.

        Raises:
            InputError: lists every question that cannot be understood.
        """
        held = (run.tables for run in self._runs)
        frames = answers(self.usual.model.problem, self.usual.tables, held, texts, on_event)
        return next(iter(frames.values())) if len(texts) == 1 else frames

    @property
    def frame(self) -> pl.DataFrame:
        """One row a draw: whether it meets its targets, and its verdict."""
        told = [run.measurement for run in self._runs]
        return pl.DataFrame(
            {
                "draw": list(range(1, len(told) + 1)),
                "met": [one.met for one in told],
                "verdict": [one.verdict for one in told],
            },
            schema={"draw": pl.Int64, "met": pl.Boolean, "verdict": pl.String},
        )

    def __repr__(self) -> str:
        place = self.usual.folder
        kept = f", kept in {place / DRAWS}" if place is not None else ""
        return f'<{len(self)} Draws{kept}; ask them: draws.measure("mean NUMBER by VARIABLE")>'


def draws_of(usual: "Run", said: Sequence[Prior], n: int, on_event: Listener) -> Draws:
    """Draws of a run: kept in its folder if it has one.

    Args:
        usual: the run.
        said: recordings of beliefs, used in turn.
        n: how many draws.
        on_event: told of progress.

    Raises:
        InputError: the number is no number of draws, or another command writes into the folder.
    """
    from synthor.library.run import Run

    if not isinstance(n, int) or not 1 <= n <= MOST:
        raise InputError([Finding(where="draws", message=f"{n} draws cannot be made", cure=f"ask for 1 to {MOST}")])
    if usual.folder is None:
        made = []
        for number in range(1, n + 1):
            on_event(Event(stage="draws", done=number - 1, total=n))
            made.append(Run(population(usual.model, said, number), spec=usual.spec))
        on_event(Event(stage="draws", done=n, total=n))
        return Draws(usual, made)
    folder = RunFolder(usual.folder)
    told = make_draws(usual, said, folder, n, on_event=on_event)
    places = [folder.inner(DRAWS, f"{draw.number:03}") for draw in told]
    return Draws(usual, [Run(Stored(place), folder=place.path) for place in places])


MOST = 999
"""Draws of one run, at most."""


def kept_draws(folder: Path, schema: Schema) -> Iterator[Records]:
    """Records of the finished draws of a run folder, draw by draw."""
    for place in finished_draws(RunFolder(folder), schema.unit.name):
        yield read_records(place, schema)


def answers(
    problem: Problem, records: Records, draws: Iterable[Records], texts: Sequence[str], on_event: Listener
) -> dict[str, pl.DataFrame]:
    """Frames of answers by question: from a population, its draws, and what the targets imply.

    Raises:
        InputError: lists every question that cannot be understood.
    """
    if not texts:
        raise InputError([Finding(where="measure", message="asks nothing", cure=GRAMMAR)])
    found = ask(
        problem, questions_of([str(text) for text in texts], problem), records, draws, advance=forward("ranges", on_event)
    )
    return {answer.question.text: answer.frame for answer in found}
