"""answers.jsonl: every answer that was paid for, on disk before it is used, and never asked for again."""

import json
import os
from collections.abc import Sequence
from dataclasses import asdict, fields
from pathlib import Path

from synthor.errors import Finding, InputError, OutputError
from synthor.files import BELIEFS, read_bytes, refuse_irregular
from synthor.llm.budget import Bill
from synthor.llm.request import Answer

HEADER = {"synthor": "answers", "note": "one answer a line; lines are only ever added"}
_KNOWN = {field.name for field in fields(Answer)}


class Journal:
    """The answers that a run folder holds, one a line; lines are only ever added.

    A line that a crash cut off is passed over: its answer was never used. A first line without an answer is a note.

    Raises:
        InputError: the file is there but cannot be read, or holds no answers at all.
        OutputError: it cannot be written.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.bill = Bill()
        self._answers: dict[tuple[str, str], Answer] = {}
        self._heard: set[str] = set()
        refuse_irregular(path)  # opening a pipe to write would wait for whoever reads it
        if path.is_file():
            for answer in read_answers(path):
                self._take(answer)
        try:  # before anything is paid for
            path.parent.mkdir(parents=True, exist_ok=True)
            with open(path, "ab"):
                pass
            if not path.stat().st_size:
                path.unlink()
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}; choose another folder") from error

    def get(self, key: str, model: str) -> Answer | None:
        """The answer that a model gave to a question, if it ever did; a refusal counts where it answered others."""
        found = self._answers.get((key, model))
        return found if found is None or found.finish != "error" or model in self._heard else None

    def add(self, answer: Answer) -> None:
        """Write an answer down, through to the disk, before anybody uses it.

        Raises:
            OutputError: the disk is full or the file cannot be written.
        """
        line = json.dumps({name: value for name, value in asdict(answer).items() if value is not None}, ensure_ascii=True)
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
            raise OutputError(f"{self.path}: cannot be written: {error.strerror}; free some space and run again") from error
        self._take(answer)

    def _take(self, answer: Answer) -> None:
        self.bill = self.bill.with_answer(answer)
        self._answers[answer.key, answer.model] = answer
        if answer.finish != "error":
            self._heard.add(answer.model)

    def _ends_with_newline(self) -> bool:
        with open(self.path, "rb") as file:
            file.seek(-1, os.SEEK_END)
            return file.read(1) == b"\n"


def read_answers(path: Path) -> Sequence[Answer]:
    """All answers of a journal file.

    Raises:
        InputError: it cannot be read, or its first line is none of a journal.
    """
    cure = "name a file of answers, answers.jsonl of a run folder"
    lines = read_bytes(path, most=BELIEFS, cure=cure).decode("utf-8", errors="replace").split("\n")
    answers: list[Answer] = []
    for row, line in enumerate(lines, start=1):
        if not line.strip() and row > 1:
            continue
        try:
            document = json.loads(line)
            answers.append(Answer(**{name: value for name, value in document.items() if name in _KNOWN}))
        except (ValueError, TypeError, AttributeError):
            if row == 1 and not _is_note(line):
                message, cure = "is no file of answers", "name answers.jsonl of a run folder, or move this file away"
                raise InputError([Finding(where=str(path), row=row, message=message, cure=cure)]) from None
    return answers


def _is_note(line: str) -> bool:
    try:
        document = json.loads(line)
    except ValueError:
        return json.dumps(HEADER).startswith(line)  # cut off by a crash
    return isinstance(document, dict) and bool(document.keys() & {"synthor", "recorded"})
