"""`batch:FOLDER`: requests and answers as files, for batch services, for `vllm run-batch`, or for whoever has no network.

Requests are written to requests-0001.jsonl as OpenAI Batch lines for /v1/chat/completions; answers are taken from
responses-0001.jsonl when it is there. A folder is only ever added to.
"""

import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from synthor.errors import Finding, InputError, OutputError, WaitingError
from synthor.files import BELIEFS, read_text
from synthor.llm.request import Answer, Request

POLL_SECONDS = 2.0
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

    def ask(self, requests: Sequence[Request], may_send: Callable[[], bool], record: Callable[[Answer], None]) -> None:
        """Record the answers that are there; write down the requests that have none.

        Raises:
            WaitingError: some have no answer yet; the open ones stand in a request file.
            InputError: a response file cannot be read.
            OutputError: the folder cannot be written.
        """
        open_requests = [request for request in requests if may_send()]
        while True:
            found = self._found()
            for request in [request for request in open_requests if request.key in found]:
                record(_answer(request, found[request.key], self.name))
                open_requests.remove(request)
            if not open_requests:
                return
            waiting = self._written(open_requests)
            if not self.wait:
                raise waiting
            time.sleep(POLL_SECONDS)

    def _found(self) -> dict[str, dict[str, Any]]:
        """Lines of all response files by the key of their request."""
        found = {}
        for path in sorted(self.folder.glob("responses-*.jsonl")):
            lines = read_text(path, most=BELIEFS, cure="save it as UTF-8 lines").split("\n")
            for row, line in enumerate(lines, start=1):
                if self.wait and row == len(lines) and not _whole(line):
                    continue  # is being written
                if line.strip():
                    document = _line_of(line, path, row)
                    found[str(document["custom_id"])] = document
        return found

    def _written(self, missing: Sequence[Request]) -> WaitingError:
        """Write what is open, unless a request file that asks for all of it waits already."""
        for path in sorted(self.folder.glob("requests-*.jsonl")):
            lines = read_text(path, most=BELIEFS).split("\n")
            asked = {str(_line_of(line, path, row)["custom_id"]) for row, line in enumerate(lines, start=1) if line}
            responses = path.with_name(path.name.replace("requests", "responses"))
            if {request.key for request in missing} <= asked and (self.wait or not responses.exists()):
                return WaitingError(path, responses, len(missing))
        number = 1 + len(list(self.folder.glob("requests-*.jsonl")))
        path = self.folder / f"requests-{number:04d}.jsonl"
        text = "".join(json.dumps(self._line(request)) + "\n" for request in missing)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = path.with_suffix(".tmp")
            temporary.write_text(text, encoding="utf-8")
            temporary.replace(path)
        except OSError as error:
            raise OutputError(f"{path}: cannot be written: {error.strerror}; choose another folder") from error
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


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except ValueError:
        return False
    return True


def _line_of(line: str, path: Path, row: int) -> dict[str, Any]:
    try:
        document = json.loads(line)
        if isinstance(document, dict) and "custom_id" in document:
            return document
    except ValueError:
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
        finish=str(choice.get("finish_reason") or "") if choice else "error",
    )


def _dict(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and value >= 0 else None
