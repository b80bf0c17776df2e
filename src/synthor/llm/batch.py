"""`batch:FOLDER`: requests and answers as files, for batch services, for `vllm run-batch`, or for whoever has no network.

Requests are written to requests-0001.jsonl as OpenAI Batch lines for /v1/chat/completions; answers are taken from
responses-0001.jsonl when it is there. A folder is only ever added to, and requests that nobody answered are not written again,
but for those that came back without an answer.
"""

import json
import re
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from synthor.disk.lock import locked
from synthor.disk.staged import write_whole
from synthor.errors import Finding, InputError, OutputError, WaitingError
from synthor.files import BELIEFS, read_text
from synthor.llm.budget import Permit
from synthor.llm.request import Answer, Request

SOON, POLL_SECONDS, LONGER = 0.1, 2.0, 1.5
"""After how long answers are looked for first and at most, and how much longer each time: some come at once, most in hours."""

SHOWN = 3
"""Lines that answer no request and are told one by one."""

FINISHES = ("stop", "length", "content_filter", "tool_calls", "error")
MOST_TOKENS = 10**9
REFUSALS = (400, 413, 422)
"""HTTP statuses of a request that is itself at fault: what failed otherwise may be sent again as it is."""

MODEL = "model"
"""Stands in the requests for the model's name, where the service needs none or puts its own."""


@dataclass(kw_only=True)
class _Came:
    """What the response files hold.

    Attributes:
        answers: lines that answer, or refuse, by the key of their request.
        failed: why a request came back without an answer, and the ending of the last file that says so.
        wrong: lines that are none, and such as answer no request of this folder.
    """

    answers: dict[str, dict[str, Any]] = field(default_factory=dict)
    failed: dict[str, tuple[str, str]] = field(default_factory=dict)
    wrong: list[Finding] = field(default_factory=list)

    def sentence(self, keys: set[str]) -> str:
        """How many of some requests failed, and of what; empty where none did."""
        why = Counter(self.failed[key][0] for key in keys & self.failed.keys())
        return f"of which {why.total():,} failed before ({', '.join(sorted(why))})" if why else ""


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
            InputError: a file cannot be read, or lines came that answer no request while some are still open.
            OutputError: the folder cannot be written.
        """
        open_requests = [request for request in requests if permit.may_send()]
        pause = SOON
        while open_requests:
            came = self._came(requests)
            for request in [request for request in open_requests if request.key in came.answers]:
                record(_answer(request, came.answers[request.key], self.name))
                open_requests.remove(request)
            if not open_requests:
                return
            if came.wrong:
                raise InputError(came.wrong)
            waiting = self._written(open_requests, came)
            if not self.wait:
                raise waiting
            if permit.seconds_left() <= 0 and not permit.may_send():
                return
            time.sleep(min(pause, permit.seconds_left()))
            pause = min(LONGER * pause, POLL_SECONDS)

    def _came(self, requests: Sequence[Request]) -> _Came:
        known = {request.key for request in requests}
        for path in self._files("requests"):
            known |= _ids_in(path)
        came = _Came()
        for path in self._files("responses"):
            lines = _lines(path)
            broken, strangers = list[int](), list[tuple[int, str]]()
            for row, line in enumerate(lines, start=1):
                if not line.strip() or (self.wait and row == len(lines) and not _whole(line)):
                    continue  # the last is being written
                document = _document(line)
                if document is None:
                    broken.append(row)
                    continue
                key = str(document["custom_id"])
                why = _failure(document)
                if why:
                    came.failed[key] = why, _ending(path)
                else:
                    came.answers[key] = document
                if key not in known:
                    strangers.append((row, key))
            came.wrong += [*_broken(path, broken), *_strange(path, strangers)]
        came.failed = {key: why for key, why in came.failed.items() if key not in came.answers}
        return came

    def _files(self, kind: str) -> list[Path]:
        return sorted(self.folder.glob(f"{kind}-*.jsonl"))

    def _written(self, missing: Sequence[Request], came: _Came) -> WaitingError:
        """Write what is open, unless a request file that asks for all of it waits for its answers already."""
        with locked(self.folder, wait=self.wait):  # another run may be writing the same requests in this moment
            return self._numbered(missing, came)

    def _numbered(self, missing: Sequence[Request], came: _Came) -> WaitingError:
        open_keys = {request.key for request in missing}
        failed = came.sentence(open_keys)
        for path in self._files("requests"):
            asked, ending = _ids_in(path), _ending(path)
            back = {key for key, (_, last) in came.failed.items() if last >= ending}
            came_back = open_keys & back if self.wait else asked & (back | came.answers.keys())
            if open_keys <= asked and not came_back:
                return WaitingError(path, self.folder / f"responses{ending}", len(missing), failed)
        taken = [path.stem.rpartition("-")[2] for kind in ("requests", "responses") for path in self._files(kind)]
        number = 1 + max((int(one) for one in taken if re.fullmatch(r"[0-9]{1,9}", one)), default=0)
        path = self.folder / f"requests-{number:04d}.jsonl"
        text = "".join(json.dumps(self._line(request)) + "\n" for request in missing)
        try:
            write_whole(path, text)
        except OSError as error:
            raise OutputError.of(path, error, "choose another folder") from error
        return WaitingError(path, self.folder / f"responses{_ending(path)}", len(missing), failed)

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


def _ending(path: Path) -> str:
    """What a request file and its response file are both called, `-0001.jsonl`; later ones come later."""
    return path.name[path.name.index("-") :]


def _ids_in(path: Path) -> set[str]:
    """The keys of all requests in a file.

    Raises:
        InputError: a line is none of a batch file.
    """
    found = [(row, _document(line)) for row, line in enumerate(_lines(path), start=1) if line.strip()]
    broken = _broken(path, [row for row, document in found if document is None])
    if broken:
        raise InputError(broken)
    return {str(document["custom_id"]) for _, document in found if document is not None}


def _broken(path: Path, rows: Sequence[int]) -> list[Finding]:
    n = len(rows) - 1
    more = f", nor {'is' if n == 1 else 'are'} {n:,} more row{'' if n == 1 else 's'}" if n > 0 else ""
    cure = "one JSON object a line with custom_id and response, as batch services write them"
    return [Finding(where=str(path), row=row, message=f"is no line of a batch file{more}", cure=cure) for row in rows[:1]]


def _strange(path: Path, entries: Sequence[tuple[int, str]]) -> list[Finding]:
    if not entries:
        return []
    shown = ", ".join(f"row {row} '{key[:40]}'" for row, key in entries[:SHOWN]) + (", ..." if len(entries) > SHOWN else "")
    n = f"{len(entries):,} line{' answers' if len(entries) == 1 else 's answer'}"
    message = f"{n} no request that was written to this folder, by custom_id: {shown}"
    cure = "give each line the custom_id of its request, or move the file away, and run again"
    return [Finding(where=str(path), message=message, cure=cure)]


def _whole(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


def _document(line: str) -> dict[str, Any] | None:
    """The object of a line, None where it is no line of a batch file."""
    try:
        document = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) and "custom_id" in document else None


def _failure(document: dict[str, Any]) -> str:
    """Why a request came back without an answer and may be sent again, in a few words; empty where it was answered or refused.

    >>> _failure({"response": {"status_code": 429, "body": {}}}), _failure({"error": {"code": "batch_expired"}})
    ('HTTP 429', 'batch_expired')
    >>> _failure({"response": {"status_code": 400, "body": {}}})
    ''
    """
    response, error = _dict(document.get("response")), document.get("error")
    status = response.get("status_code")
    if _dict(response.get("body")).get("choices"):
        return ""
    if isinstance(status, int):
        return "" if status < 300 or status in REFUSALS else f"HTTP {status}"
    code = str(_dict(error).get("code"))
    return "" if error is None else code if re.fullmatch(r"[a-z_]{1,40}", code) else "an error"


def _answer(request: Request, document: dict[str, Any], model: str) -> Answer:
    """The answer in a line of a response file; a request that failed is an answer without text."""
    body = _dict(_dict(document.get("response")).get("body"))
    choices = body.get("choices")
    choice = _dict(choices[0]) if isinstance(choices, list) and choices else {}
    content = _dict(choice.get("message")).get("content")
    parts = content if isinstance(content, list) else [{"text": content}]
    texts = [text for part in parts if isinstance(text := _dict(part).get("text"), str)]
    usage = _dict(body.get("usage"))
    return Answer(
        key=request.key,
        stage=request.stage,
        model=model,
        text="".join(texts),
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
