"""Arrays that long work has made already, kept beside its results until these are there: who begins again goes on from them.

Each file begins with the hash of what follows: one that was written by half, or damaged, is as good as none. Nothing but
numbers is read from it.
"""

import hashlib
import io
import shutil
import time
import zipfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from synthor.disk.staged import write_whole
from synthor.version import __version__

NAME = ".synthor-kept"
"""The folder in a run folder."""

SELDOM = 10.0
"""Seconds between states of one piece of work: who begins again loses so much of it."""

Array = NDArray[Any]

_PLACE: ContextVar[Path | None] = ContextVar("kept", default=None)


class Shelf:
    """Where the arrays of one piece of work are kept.

    Args:
        place: folder for them; None where nothing is kept.
    """

    def __init__(self, place: Path | None) -> None:
        self.place, self._last = place, time.monotonic()

    @classmethod
    def of(cls, *made_from: Array) -> "Shelf":
        """The one of work made from some arrays, in the folder that is being written to; what was kept of other work goes."""
        place = _PLACE.get()
        if place is None:
            return cls(None)
        key = hashlib.sha256(f"{__version__} {np.__version__}".encode())
        for one in made_from:
            key.update(f"{one.dtype} {one.shape}".encode() + np.ascontiguousarray(one).tobytes())
        own = place / NAME / key.hexdigest()[:16]
        for other in (place / NAME).glob("*"):
            if other != own and other.is_dir() and not other.is_symlink():
                shutil.rmtree(other, ignore_errors=True)
        return cls(own)

    def take(self, name: str) -> list[Array] | None:
        """The arrays of a name, as they were put there; None where there are none."""
        if self.place is None:
            return None
        with suppress(OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
            text = (self.place / f"{name}.npz").read_bytes()
            if hashlib.sha256(text[32:]).digest() == text[:32]:
                with np.load(io.BytesIO(text[32:]), allow_pickle=False) as found:
                    return [found[f"arr_{place}"] for place in range(len(found.files))]
        return None

    def put(self, name: str, arrays: Sequence[Array]) -> None:
        """Keep arrays; where the disk does not take them, they would have to be made again, and that is all."""
        if self.place is not None:
            whole = io.BytesIO()
            np.savez(whole, *arrays)
            text = whole.getvalue()
            with suppress(OSError):
                self.place.mkdir(parents=True, exist_ok=True)
                write_whole(self.place / f"{name}.npz", hashlib.sha256(text).digest() + text)

    def due(self) -> bool:
        """Whether it is time to keep the state of work that changes all the time."""
        if self.place is None or time.monotonic() - self._last < SELDOM:
            return False
        self._last = time.monotonic()
        return True


@contextmanager
def keeping(folder: Path) -> Iterator[None]:
    """Inside, long work keeps in a folder what it has made; at the end, unless that is a failure, this is no longer needed."""
    before = _PLACE.set(folder)
    try:
        yield
    finally:
        _PLACE.reset(before)
    if (folder / NAME).is_dir() and not (folder / NAME).is_symlink():
        shutil.rmtree(folder / NAME, ignore_errors=True)
