"""The connection to a model's server, for every provider that takes one: how much may come over it is held here.

A body is counted as it comes and as it is unpacked, before anybody keeps it, so that neither an endless answer nor one that
unpacks to gigabytes fills the memory. This is a hook and no transport, which would pass by the proxies of the environment.
"""

import zlib
from collections.abc import AsyncIterator

import httpx2
from pydantic_ai.models import create_async_httpx2_client

LARGEST_ANSWER = 4 * 2**20
"""Bytes of one answer, as sent and as unpacked; the longest that a prompt of ours can bring have a few hundred thousand."""


class TooLargeError(Exception):
    """An answer that is larger than any answer."""


def client() -> httpx2.AsyncClient:
    """An HTTP client whose answers have an end; to be closed by whoever opens it."""
    made = create_async_httpx2_client()
    made.headers["Accept-Encoding"] = "identity"
    hooks = made.event_hooks
    made.event_hooks = {**hooks, "response": [*hooks["response"], _bound]}
    return made


async def _bound(response: httpx2.Response) -> None:
    """Put the bounds around the body of an answer that is about to be read."""
    stream = response.stream
    if not isinstance(stream, httpx2.AsyncByteStream):
        raise TypeError("an asynchronous client reads asynchronously")
    packed = response.headers.pop("Content-Encoding", "").strip().lower() in ("gzip", "x-gzip", "deflate")
    response.stream = _Bounded(stream, packed=packed)


class _Bounded(httpx2.AsyncByteStream):
    """A body that ends with an error when too much of it comes."""

    def __init__(self, stream: httpx2.AsyncByteStream, *, packed: bool) -> None:
        self._stream = stream
        self._unpack = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32) if packed else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        came = unpacked = 0
        async for chunk in self._stream:
            came += len(chunk)
            part = self._unpack.decompress(chunk, LARGEST_ANSWER + 1 - unpacked) if self._unpack is not None else chunk
            unpacked += len(part)
            if max(came, unpacked) > LARGEST_ANSWER:
                raise TooLargeError(f"the answer is larger than {LARGEST_ANSWER:,} bytes")
            yield part

    async def aclose(self) -> None:
        await self._stream.aclose()
