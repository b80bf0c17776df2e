"""Asking: the journal first, then the model; each answer is on disk before anybody sees it; a cap ends the asking.

Every text of a server passes `Asker.ask` on its way to the disk and to whoever asked, and leaves the environment's keys there.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from synthor.errors import Finding, InputError, ModelError
from synthor.llm.batch import BatchFolder
from synthor.llm.budget import Bill, Budget, Permit
from synthor.llm.journal import Journal, damage_told, read_journal
from synthor.llm.request import Answer, Request
from synthor.llm.secrets import HIDDEN, without_secrets


class Source(Protocol):
    """Whoever answers: a provider, a folder, a recording."""

    name: str

    def ask(self, requests: Sequence[Request], permit: Permit, record: Callable[[Answer], None]) -> None:
        """Ask all; `permit` is asked before each try, and no ends it; `record` is told of each answer as it comes."""


class Recording:
    """A model that answered before: no network is touched.

    Args:
        path: answers.jsonl of a run folder.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = f"the recording {path.name}"
        read = read_journal(path)
        heard = [answer for answer in read.answers if answer.finish != "error"]
        self._found = {answer.key: answer for answer in (*read.answers, *heard)}  # a refusal takes no answer's place
        self.damage = damage_told(path, read.damaged, "what they said is not known, and nobody is asked again")
        self.notes = (*self.damage, *_several_models(path, heard))
        if not self._found:
            raise InputError(
                [*self.damage, Finding(where=str(path), message="holds no answers", cure="name answers.jsonl of a run folder")]
            )

    def get(self, key: str) -> Answer | None:
        """The answer to a request, if it was answered."""
        return self._found.get(key)

    def ask(self, requests: Sequence[Request], permit: Permit, record: Callable[[Answer], None]) -> None:
        """Say that there is no answer, unless a cap ends the asking here as it did when it was recorded.

        Raises:
            InputError: the recording does not answer a request: it belongs to another spec, or to another version of synthor.
        """
        if requests and permit.may_send():
            message = f"answers no request like this one ({requests[0].stage})"
            cure = (
                "record again: context, variables, rules or synthor's prompts have changed since;"
                " or go on with the command that recorded it, if that was interrupted or ended at a cap"
            )
            if self.damage:
                cure = "its answer may stand in a damaged row: take the file from a copy, or record again"
            raise InputError([*self.damage, Finding(where=str(self.path), message=message, cure=cure)])


def _several_models(path: Path, answers: Sequence[Answer]) -> tuple[Finding, ...]:
    """That several models answered the same requests, and whose answers are taken."""
    by: dict[str, list[str]] = {}
    for answer in answers:
        by.setdefault(answer.key, []).append(answer.model)
    twice = [models for models in by.values() if len(set(models)) > 1]
    if not twice:
        return ()
    names = list(dict.fromkeys(model for models in twice for model in models))
    requests = f"{len(twice):,} request{'' if len(twice) == 1 else 's'}"
    message = f"{', '.join(names[:-1])} and {names[-1]} answered the same {requests}; of each the last answer is taken"
    cure = "to replay what one of them said, copy its lines into a file of their own"
    return (Finding(where=str(path), message=message, cure=cure, severity="warning"),)


class Asker:
    """Asks, keeps answers, counts what they cost.

    Args:
        source: whoever answers.
        journal: where answers are kept; None for a recording, whose answers lie on disk already.
        budget: hard caps, over all that the journal holds.
    """

    def __init__(self, source: Source, journal: Journal | None, budget: Budget) -> None:
        self.source, self.journal = source, journal
        self.replayed = Bill()
        self.permit = Permit(budget, lambda: self.bill)
        self._notes: list[Finding] = list(journal.damage if journal is not None else ())
        if isinstance(source, Recording):
            self._notes += source.notes
        self._heard = self._told_of_keys = False

    def can_answer(self, request: Request) -> bool:
        """Whether an answer can be had: a recording holds it or not, everybody else can be asked."""
        return not isinstance(self.source, Recording) or self.source.get(request.key) is not None

    @property
    def stopped(self) -> str:
        """Which cap ended the asking, in words; empty while none did."""
        return self.permit.stopped

    def untold(self) -> tuple[Finding, ...]:
        """What the user should know of the asking and was not told yet."""
        notes, self._notes = self._notes, []
        return tuple(notes)

    @property
    def bill(self) -> Bill:
        """What was paid so far, in earlier runs too."""
        return self.journal.bill if self.journal is not None else self.replayed

    def ask(self, requests: Sequence[Request], advance: Callable[[int, int], None]) -> list[Answer | None]:
        """An answer to each request, None for those that the budget did not reach; `stopped` then says which cap it was.

        Args:
            requests: in order of importance.
            advance: told how many of how many are answered.

        Raises:
            SynthorError: of the source, or of the disk.
        """
        found = {request.key: self._kept(request) for request in requests}
        if self.journal is None:
            for kept in found.values():
                self.replayed = self.replayed if kept is None else self.replayed.with_answer(kept)
        missing = [request for request in requests if found[request.key] is None]
        advance(len(requests) - len(missing), len(requests))

        def record(answer: Answer) -> None:
            answer = self._clean(answer)
            read_again = isinstance(self.source, BatchFolder) and self.journal is not None and self.journal.holds(answer)
            if self.journal is not None and not read_again:
                self.journal.add(answer)
            self.permit.answered()
            found[answer.key] = answer
            advance(sum(known is not None for known in found.values()), len(requests))

        if missing:
            self.source.ask(missing, self.permit, record)
        if self.stopped and self.permit.in_vain:
            self._notes.append(Finding(where=self.source.name, message=self.permit.sentence, severity="warning"))
        answers = [found[request.key] for request in requests]
        self._heard |= any(answer is not None and answer.finish != "error" for answer in answers)
        if answers and not self._heard and all(answer is not None for answer in answers):
            message = f"{self.source.name}: every request was refused: it or its server does not take requests of this kind"
            raise ModelError(message, model=self.source.name, cure="name another model or address")
        return answers

    def _kept(self, request: Request) -> Answer | None:
        if isinstance(self.source, Recording):
            found = self.source.get(request.key)
        else:
            found = None if self.journal is None else self.journal.get(request.key, self.source.name)
        return None if found is None else self._clean(found)

    def _clean(self, answer: Answer) -> Answer:
        """The answer without keys; that it held one is told."""
        clean = replace(answer, text=without_secrets(answer.text), finish=without_secrets(answer.finish))
        if clean != answer and not self._told_of_keys:
            self._told_of_keys = True
            message = f"an answer holds a secret of your environment; {HIDDEN} was put in its place"
            cure = "a server that sends keys back should not be given one: change it"
            self._notes.append(Finding(where=self.source.name, message=message, cure=cure, severity="warning"))
        return clean


def source_of(name: str, folder: Path, *, wait: bool = False, requests_per_minute: float | None = None) -> Source:
    """Whoever a model's name stands for.

    Args:
        name: `replay:FILE`, `batch:FOLDER` or `provider:model`.
        folder: that file names are relative to.
        wait: for the answers of a batch folder.
        requests_per_minute: rate limit of a provider.

    Raises:
        InputError: a recording cannot be read.
        ModelError: a provider cannot be asked.
    """
    kind, _, rest = name.partition(":")
    if kind == "replay":
        return Recording(folder / rest)
    if kind == "batch":
        path, _, model = rest.partition("#")
        return BatchFolder(folder / path, wait=wait, **({"model": model} if model else {}))
    from synthor.llm.provider import Pace, Provider

    return Provider(name, pace=Pace(requests_per_minute=requests_per_minute))
