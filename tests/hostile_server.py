"""A server on loopback that means harm: it sends what it likes, however much, however slowly, and knows the key."""

import json
import threading
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Harm = Callable[["Call"], None]


class Call(BaseHTTPRequestHandler):
    """One request, to be answered by the server's `harm`."""

    server: "HostileServer"
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        self.body: dict[str, Any] = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.number = self.server.count()
        try:
            self.server.harm(self)
        except (BrokenPipeError, ConnectionResetError):
            self.close_connection = True

    @property
    def key(self) -> str:
        return self.headers["Authorization"].removeprefix("Bearer ")

    def reply(self, data: bytes, status: int = 200, **headers: str) -> None:
        self.head(status, **{"Content-Length": str(len(data)), **headers})
        self.wfile.write(data)

    def head(self, status: int = 200, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()

    def say(self, content: str, **more: object) -> None:
        """An answer in the form of the protocol."""
        choice = {"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": content}}
        told = {"id": "x", "object": "chat.completion", "created": 1, "model": "m", "choices": [choice], **more}
        self.reply(json.dumps(told).encode())

    def log_message(self, format: str, *args: Any) -> None:
        pass


class HostileServer(ThreadingHTTPServer):
    """Counts requests; `over` ends what has no end."""

    daemon_threads = True

    def __init__(self, harm: Harm) -> None:
        super().__init__(("127.0.0.1", 0), Call)
        self.harm = harm
        self.requests = 0
        self.over = threading.Event()
        self._lock = threading.Lock()

    def count(self) -> int:
        with self._lock:
            self.requests += 1
            return self.requests - 1

    @property
    def model(self) -> str:
        return f"openai-chat:test@http://127.0.0.1:{self.server_address[1]}/v1"


def silent(call: Call) -> None:
    call.server.over.wait(60)


def drip(call: Call) -> None:
    """A blank every now and then: no single read ever times out."""
    call.head(Content_Length="1000000")
    while not call.server.over.wait(0.05):
        call.wfile.write(b" ")


def endless(call: Call) -> None:
    call.head(Transfer_Encoding="chunked")
    while not call.server.over.is_set():
        call.wfile.write(b"10000\r\n" + b"x" * 65536 + b"\r\n")


def endless_headers(call: Call) -> None:
    call.wfile.write(b"HTTP/1.1 200 OK\r\n")
    while not call.server.over.is_set():
        call.wfile.write(b"X-A: " + b"a" * 1000 + b"\r\n")


def bomb(call: Call) -> None:
    """64 megabytes of blanks in 64 kilobytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(b" " * 2**20) for _ in range(64)) + packer.flush()
    call.reply(packed, Content_Encoding="gzip")


def nested(call: Call) -> None:
    call.reply(b'{"a":' * 100_000 + b"1" + b"}" * 100_000)


@contextmanager
def harming(harm: Harm) -> Iterator[HostileServer]:
    """A hostile server in a thread of its own."""
    server = HostileServer(harm)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    try:
        yield server
    finally:
        server.over.set()
        server.shutdown()
        server.server_close()
