"""`batch:FOLDER`: requests and answers as files, for batch services, for `vllm run-batch`, or for whoever has no network.

Requests are written to requests-0001.jsonl as OpenAI Batch lines for /v1/chat/completions; answers are taken from
responses-0001.jsonl when it is there. A folder is only ever added to, and requests that nobody answered are not written again.
"""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from synthor.disk.lock import locked
from synthor.disk.staged import write_whole
from synthor.errors import Finding, InputError, OutputError, WaitingError
from synthor.files import BELIEFS, read_text
from synthor.llm.budget import Permit
from synthor.llm.request import Answer, Request

POLL_SECONDS = 2.0
SHOWN = 3
"""Lines that answer no request and are told one by one."""

FINISHES = ("stop", "length", "content_filter", "tool_calls", "error")
MOST_TOKENS = 10**9
MODEL = "model"
"""Stands in the requests for the model's name, where the service needs none or puts its own."""


class BatchFolder:
    """A model behind a folder.

    Args:
        folder: made if it is not there.
        model: name to write into the requests.
        wait: look for the answers until they are there, instead of stopping.
    """

    def __init__(self, folder: Path, *, model: str = MODEL, wait: bool = False) -> None:
        self.folder, self.model, self.wait = folder, model, wait
        self.name = "batch" if model == MODEL else f"batch:{model}"

    def ask(self, requests: Sequence[Request], permit: Permit, record: Callable[[Answer], None]) -> None:
        """Record the answers that are there; write down the requests that have none.

        Raises:
            WaitingError: some have no answer yet; the open ones stand in a request file.
            InputError: a file cannot be read, or answers came that belong to no request while some are still open.
            OutputError: the folder cannot be written.
        """
        open_requests = [request for request in requests if permit.may_send()]
        while open_requests:
            found, strangers = self._found(requests)
            for request in [request for request in open_requests if request.key in found]:
                record(_answer(request, found[request.key], self.name))
                open_requests.remove(request)
            if not open_requests:
                return
            if strangers:
                raise InputError(strangers)
            waiting = self._written(open_requests, found)
            if not self.wait:
                raise waiting
            if permit.seconds_left() <= 0 and not permit.may_send():
                return
            time.sleep(min(POLL_SECONDS, permit.seconds_left()))

    def _found(self, requests: Sequence[Request]) -> tuple[dict[str, dict[str, Any]], list[Finding]]:
        """Lines of all response files by the key of their request, and those that answer no request of this folder."""
        known = {request.key for request in requests}
        for path in self._files("requests"):
            known |= _ids_in(path)
        found = {}
        strangers: dict[Path, list[tuple[int, str]]] = {}
        for path in self._files("responses"):
            lines = _lines(path)
            for row, line in enumerate(lines, start=1):
                if self.wait and row == len(lines) and not _whole(line):
                    continue  # is being written
                if line.strip():
                    document = _line_of(line, path, row)
                    key = str(document["custom_id"])
                    found[key] = document
                    if key not in known:
                        strangers.setdefault(path, []).append((row, key))
        return found, [_strange(path, entries) for path, entries in strangers.items()]

    def _files(self, kind: str) -> list[Path]:
        return sorted(self.folder.glob(f"{kind}-*.jsonl"))

    def _written(self, missing: Sequence[Request], found: Mapping[str, object]) -> WaitingError:
        """Write what is open, unless a request file that asks for all of it waits for its answers already."""
        with locked(self.folder, wait=self.wait):  # another run may be writing the same requests in this moment
            return self._numbered(missing, found)

    def _numbered(self, missing: Sequence[Request], found: Mapping[str, object]) -> WaitingError:
        for path in self._files("requests"):
            asked = _ids_in(path)
            responses = path.with_name(path.name.replace("requests", "responses"))
            if {request.key for request in missing} <= asked and (self.wait or not asked & found.keys()):
                return WaitingError(path, responses, len(missing))
        number = 1 + len(self._files("requests"))
        path = self.folder / f"requests-{number:04d}.jsonl"
        text = "".join(json.dumps(self._line(request)) + "\n" for request in missing)
        try:
            write_whole(path, text)
        except OSError as error:
            raise OutputError.of(path, error, "choose another folder") from error
        return WaitingError(path, self.folder / f"responses-{number:04d}.jsonl", len(missing))

    def _line(self, request: Request) -> dict[str, Any]:
        schema = {"name": request.stage.replace(" ", "_"), "strict": True, "schema": request.schema}
        return {
            "custom_id": request.key,
            "method": "POST",
            "url": "/v1/chat/completions",
            "body": {
                "model": self.model,
                "messages": [
                    {"role": "system", "content": request.instructions},
                    {"role": "user", "content": request.question},
                ],
                "max_completion_tokens": request.max_output_tokens,
                "response_format": {"type": "json_schema", "json_schema": schema},
            },
        }


def _lines(path: Path) -> list[str]:
    return read_text(path, most=BELIEFS, cure="save it as UTF-8 lines").split("\n")


def _ids_in(path: Path) -> set[str]:
    """The keys of all requests in a file."""
    return {str(_line_of(line, path, row)["custom_id"]) for row, line in enumerate(_lines(path), start=1) if line.strip()}


def _strange(path: Path, entries: Sequence[tuple[int, str]]) -> Finding:
    shown = ", ".join(f"row {row} '{key[:40]}'" for row, key in entries[:SHOWN]) + (", ..." if len(entries) > SHOWN else "")
    n = f"{len(entries):,} line{' answers' if len(entries) == 1 else 's answer'}"
    message = f"{n} no request that was written to this folder, by custom_id: {shown}"
    cure = "give each line the custom_id of its request, or move the file away, and run again"
    return Finding(where=str(path), message=message, cure=cure)


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _line_of(line: str, path: Path, row: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
        if isinstance(document, dict) and "custom_id" in document:
            return document
    except (ValueError, RecursionError):
        pass
    cure = "one JSON object a line with custom_id and response, as batch services write them"
    raise InputError([Finding(where=str(path), row=row, message="is no line of a batch file", cure=cure)])


def _answer(request: Request, document: dict[str, Any], model: str) -> Answer:
    """The answer in a line of a response file; a request that failed is an answer without text."""
    body = _dict(_dict(document.get("response")).get("body"))
    choices = body.get("choices")
    choice = _dict(choices[0]) if isinstance(choices, list) and choices else {}
    content = _dict(choice.get("message")).get("content")
    usage = _dict(body.get("usage"))
    return Answer(
        key=request.key,
        stage=request.stage,
        model=model,
        text=content if isinstance(content, str) else "",
        input_tokens=_count(usage.get("prompt_tokens")),
        output_tokens=_count(usage.get("completion_tokens")),
        finish=_finish(choice.get("finish_reason")) if choice else "error",
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _finish(told: Any) -> str:
    return told if isinstance(told, str) and told in FINISHES else ""


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and 0 <= value <= MOST_TOKENS else None
