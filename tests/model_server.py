"""A server on loopback that speaks the OpenAI chat protocol, answers by the schema it is sent, and fails on request.

Run as a program it serves until it is killed: `python tests/model_server.py PORT_FILE LOG_FILE [SECONDS]`.
"""

import json
import random
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

KEY = "sk-test-loopback-0123456789"
SPEC = """
records: 200
variables:
  car: {type: boolean}
  tenure: {type: category, values: [owned, rented, free]}
  persons: {type: integer, min: 1, max: 5}
targets:
  - counts: {car: {yes: 120, no: 80}}
  - counts: {tenure: {owned: 100, rented: 90, free: 10}}
  - counts: {persons: {1: 80, 2: 60, 3: 30, 4: 20, 5: 10}}
"""
"""A spec whose beliefs the server can be asked for: small, with tables of one variable each."""


@dataclass
class Reply:
    """What the server does with one request."""

    content: str = ""
    status: int = 200
    headers: dict[str, str] = field(default_factory=dict)
    usage: bool = True
    delay: float = 0.0
    hang_up: bool = False
    finish: str = "stop"


Behaviour = Callable[[int, dict[str, Any]], Reply]


def by_schema(number: int, body: dict[str, Any]) -> Reply:
    """An answer of the right form that knows nothing; the same to the same question."""
    schema = body["response_format"]["json_schema"]["schema"]
    text = json.dumps(body["messages"], sort_keys=True)
    return Reply(content=json.dumps(value_of(schema, schema, random.Random(text))))


def value_of(schema: dict[str, Any], root: dict[str, Any], dice: random.Random) -> Any:
    """A random value that a schema allows."""
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return value_of(root["$defs"][name], root, dice)
    if "anyOf" in schema:
        return value_of(schema["anyOf"][0], root, dice)
    if "enum" in schema:
        return dice.choice(schema["enum"])
    match schema.get("type"):
        case "object":
            return {name: value_of(part, root, dice) for name, part in schema["properties"].items()}
        case "array":
            n = dice.randint(schema.get("minItems", 0), min(schema.get("maxItems", 3), schema.get("minItems", 0) + 3))
            return [value_of(schema["items"], root, dice) for _ in range(n)]
        case "integer":
            return dice.randint(schema.get("minimum", 0), schema.get("maximum", 9))
        case "number":
            return round(dice.uniform(max(schema.get("minimum", 0), 1), schema.get("maximum", 1)), 1)
        case _:
            return "".join(dice.choices("abcdefghij", k=8))


class Server(ThreadingHTTPServer):
    """Counts requests and keeps their bodies and keys."""

    daemon_threads = True

    def __init__(self, behaviour: Behaviour = by_schema, log: Path | None = None) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.behaviour, self.log = behaviour, log
        self.bodies: list[dict[str, Any]] = []
        self.keys: list[str] = []
        self.under_way = self.most_under_way = 0
        self.lock = threading.Lock()

    @property
    def model(self) -> str:
        """The name to write into a spec."""
        return f"openai-chat:test@http://127.0.0.1:{self.server_address[1]}/v1"

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Whoever was interrupted waits for no answer: that is told to nobody, least of all to the test that runs by then."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        with self.server.lock:
            number = len(self.server.bodies)
            self.server.bodies.append(body)
            self.server.keys.append(self.headers.get("Authorization", ""))
            self.server.under_way += 1
            self.server.most_under_way = max(self.server.most_under_way, self.server.under_way)
        try:
            reply = self.server.behaviour(number, body)
            time.sleep(reply.delay)
            if reply.hang_up:
                self.close_connection = True
                self.connection.close()
                return
            self._send(reply, body)
            if self.server.log is not None:
                with self.server.lock, open(self.server.log, "a") as file:
                    file.write(json.dumps(body["messages"]) + "\n")
        finally:
            with self.server.lock:
                self.server.under_way -= 1

    def _send(self, reply: Reply, body: dict[str, Any]) -> None:
        message = {"role": "assistant", "content": reply.content}
        document: dict[str, Any] = {
            "id": "x",
            "object": "chat.completion",
            "created": 1,
            "model": body["model"],
            "choices": [{"index": 0, "finish_reason": reply.finish, "message": message}],
        }
        if reply.usage:
            tokens = len(reply.content) // 4
            document["usage"] = {"prompt_tokens": 100, "completion_tokens": tokens, "total_tokens": 100 + tokens}
        if reply.status != 200:
            document = {"error": {"message": reply.content or "no", "type": "test", "code": None}}
        data = json.dumps(document).encode()
        self.send_response(reply.status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(data)), **reply.headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(behaviour: Behaviour = by_schema) -> Iterator[Server]:
    """A server in a thread of its own; tests that ask it are skipped where nothing is installed that asks."""
    pytest.importorskip("pydantic_ai", reason="needs the extra models")
    server = Server(behaviour)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()


def main() -> None:
    port_file, log_file = Path(sys.argv[1]), Path(sys.argv[2])
    delay = float(sys.argv[3]) if len(sys.argv) > 3 else 0.0

    def slow(number: int, body: dict[str, Any]) -> Reply:
        reply = by_schema(number, body)
        reply.delay = delay
        return reply

    server = Server(slow, log_file)
    port_file.write_text(server.model)
    server.serve_forever()


if __name__ == "__main__":
    main()
