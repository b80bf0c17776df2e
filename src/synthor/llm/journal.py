"""answers.jsonl: every answer that was paid for, on disk before it is used, and never asked for again.

Each line carries a digest of what it says, so that damage is seen; lines that are older, or recorded elsewhere, need none.
"""

import difflib
import hashlib
import json
import math
import os
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from synthor.disk.staged import write_whole
from synthor.errors import Finding, InputError, OutputError
from synthor.files import BELIEFS, read_bytes, refuse_irregular
from synthor.llm.budget import Bill
from synthor.llm.request import Answer

HEADER = {"synthor": "answers", "note": "one answer a line; lines are only ever added"}
DIGEST = "digest"
ASIDE = ".damaged.jsonl"
"""Ending of the file beside a journal that damaged lines are moved to: an answer that was paid for is never thrown away."""

SHOWN = 5
"""Damaged lines that are told one by one."""

_KNOWN = {field.name for field in fields(Answer)}
_ALMOST = 0.9
"""Likeness of a first line to HEADER from which on it is one that was damaged."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Damaged:
    """A line that is no answer any more.

    Attributes:
        row: of the file, from 1.
        reason: what is wrong with it.
        line: as it stands there.
        is_answer: whether it may have been one, and not the note at the beginning.
    """

    row: int
    reason: str
    line: bytes
    is_answer: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class JournalContent:
    """What a journal says.

    Attributes:
        answers: in the order of the file.
        whole: lines that are as they should be.
        damaged: those that are not.
    """

    answers: tuple[Answer, ...]
    whole: tuple[bytes, ...]
    damaged: tuple[Damaged, ...]


class Journal:
    """The answers that a run folder holds, one a line; lines are only ever added.

    Damaged lines are moved into a file beside it, so that the answers are asked for again and the journal is whole again.

    Attributes:
        damage: what was damaged, to be told.

    Raises:
        InputError: the file is there but cannot be read, or holds no answers at all.
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bill = Bill()
        self.damage: tuple[Finding, ...] = ()
        self._answers: dict[tuple[str, str], Answer] = {}
        self._heard: set[str] = set()
        refuse_irregular(path)  # opening a pipe to write would wait for whoever reads it
        if path.is_file():
            read = read_journal(path)
            for answer in read.answers:
                self._take(answer)
            if read.damaged:
                self._heal(read)
        try:  # before anything is paid for
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "ab"):
                pass
            if not path.stat().st_size:
                path.unlink()
        except OSError as error:
            raise OutputError.of(path, error, "choose another folder") from error

    def get(self, key: str, model: str) -> Answer | None:
        """The answer that a model gave to a question, if it ever did; a refusal counts where it answered others."""
        found = self._answers.get((key, model))
        return found if found is None or found.finish != "error" or model in self._heard else None

    def holds(self, answer: Answer) -> bool:
        """Whether just this was written down before."""
        return self._answers.get((answer.key, answer.model)) == answer

    def add(self, answer: Answer) -> None:
        """Write an answer down, through to the disk, before anybody uses it.

        Raises:
            OutputError: the disk is full or the file cannot be written.
        """
        document = {name: value for name, value in asdict(answer).items() if value is not None}
        line = json.dumps({**document, DIGEST: _digest(document)}, ensure_ascii=True)
        try:
            with open(self.path, "ab") as file:
                if not file.tell():
                    file.write(json.dumps(HEADER).encode() + b"\n")
                elif not self._ends_with_newline():
                    file.write(b"\n")
                file.write(line.encode() + b"\n")
                file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            raise OutputError.of(self.path, error, "free some space and run again") from error
        self._take(answer)

    def _take(self, answer: Answer) -> None:
        self.bill = self.bill.with_answer(answer)
        self._answers[answer.key, answer.model] = answer
        if answer.finish != "error":
            self._heard.add(answer.model)

    def _heal(self, read: JournalContent) -> None:
        """Move damaged lines aside: there first, so that a crash between the two steps leaves them twice and not nowhere."""
        aside = self.path.with_suffix(ASIDE)
        refuse_irregular(aside)
        try:
            with open(aside, "ab") as file:
                file.writelines(entry.line + b"\n" for entry in read.damaged)
                file.flush()
                os.fsync(file.fileno())
            header = () if read.whole and _is_note(read.whole[0]) else (json.dumps(HEADER).encode(),)
            write_whole(self.path, b"".join(line + b"\n" for line in (*header, *read.whole)))
        except OSError as error:
            raise OutputError.of(aside, error, "choose another folder") from error
        n = sum(entry.is_answer for entry in read.damaged)
        plural = "" if n == 1 else "s"
        cost = f"{n} answer{plural} that may be missing will be asked for again, in about {n} request{plural}" if n else ""
        kept = f"what stood there is kept in {aside.name}"
        self.damage = damage_told(self.path, read.damaged, f"{cost}; {kept}" if cost else kept)

    def _ends_with_newline(self) -> bool:
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def read_journal(path: Path) -> JournalContent:
    """The answers of a journal file, and the lines that are none any more.

    Raises:
        InputError: it cannot be read, or is none of a journal.
    """
    lines = read_bytes(path, most=BELIEFS, cure="name a file of answers, answers.jsonl of a run folder").split(b"\n")
    answers: list[Answer] = []
    whole: list[bytes] = []
    damaged: list[Damaged] = []
    for row, line in enumerate((line.removesuffix(b"\r") for line in lines), start=1):
        if not line.strip():
            continue
        found = _answer(line)
        if isinstance(found, Answer):
            answers.append(found)
        elif not _is_note(line):
            damaged.append(Damaged(row=row, reason=found, line=line, is_answer=row > 1 or not _is_almost_note(line)))
            continue
        whole.append(line)
    if not answers and damaged and damaged[0].row == 1 and damaged[0].is_answer:
        message, cure = "is no file of answers", "name answers.jsonl of a run folder, or move this file away"
        raise InputError([Finding(where=str(path), row=1, message=message, cure=cure)])
    return JournalContent(answers=tuple(answers), whole=tuple(whole), damaged=tuple(damaged))


def damage_told(path: Path, damaged: Sequence[Damaged], consequence: str) -> tuple[Finding, ...]:
    """Damaged lines in words, each with its place, and what follows from them at the last."""
    shown = [Finding(where=str(path), row=entry.row, message=entry.reason, severity="warning") for entry in damaged[:SHOWN]]
    if not shown:
        return ()
    more = f"is damaged in {len(damaged):,} row{'' if len(damaged) == 1 else 's'}"
    return (*shown, Finding(where=str(path), message=more, cure=consequence, severity="warning"))


def _answer(line: bytes) -> Answer | str:
    """The answer in a line, or what is wrong with the line."""
    try:
        document = json.loads(line.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError:
        return "is not UTF-8 text"
    except (ValueError, RecursionError):
        return "is no JSON object: it was cut off or damaged"
    if not isinstance(document, dict):
        return "is no JSON object"
    digest = document.pop(DIGEST, None)
    if digest is not None and digest != _digest(document):
        return f"does not say what was written: damaged, or edited; take {DIGEST} out of a line that you edited"
    found = {name: value for name, value in document.items() if name in _KNOWN and value is not None}
    missing = {"key", "stage", "model", "text"} - found.keys()
    if missing:
        return f"has no {min(missing)}"
    wrong = [name for name, value in found.items() if not _is_right(name, value)]
    return f"has a {wrong[0]} of the wrong type" if wrong else Answer(**found)


def _is_right(name: str, value: Any) -> bool:
    match name:
        case "input_tokens" | "output_tokens":
            return isinstance(value, int) and not isinstance(value, bool) and value >= 0
        case "usd":
            return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < math.inf
        case _:
            return isinstance(value, str)


def _digest(document: dict[str, Any]) -> str:
    """Of what a line says, however it is set.

    >>> _digest({"key": "a", "text": "b"}) == _digest({"text": "b", "key": "a"}) != _digest({"key": "a", "text": "c"})
    True
    """
    text = json.dumps(document, sort_keys=True, ensure_ascii=True)
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _is_note(line: bytes) -> bool:
    """Whether a line says something about the answers."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return False
    return isinstance(document, dict) and "key" not in document and bool(document.keys() & {"synthor", "recorded"})


def _is_almost_note(line: bytes) -> bool:
    """Whether a line was HEADER before it was damaged or cut off by a crash."""
    header = json.dumps(HEADER)
    text = line[: 2 * len(header)].decode("utf-8", "replace")
    return header.startswith(text) or difflib.SequenceMatcher(None, header, text, autojunk=False).ratio() >= _ALMOST
