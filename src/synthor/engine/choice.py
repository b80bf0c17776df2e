"""Which engine work is given to: as many workers as were asked for, or as there are cores where there is enough to do."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from synthor.engine.engine import Engine, Here
from synthor.engine.processes import Processes

ENOUGH = 500
"""Zones with members from which on workers are worth the second that they take to begin."""

_ASKED: ContextVar[int | None] = ContextVar("workers", default=None)


@contextmanager
def workers(n: int | None) -> Iterator[None]:
    """Inside, work is shared out among so many processes; None for as many as there are cores, where there is enough to do.

    What comes out is the same, byte for byte, however many there are.

    >>> with workers(1), engine(10_000) as here:
    ...     type(here).__name__
    'Here'
    """
    before = _ASKED.set(n)
    try:
        yield
    finally:
        _ASKED.reset(before)


@contextmanager
def engine(size: int) -> Iterator[Engine]:
    """The engine for work of some size, in zones."""
    asked = _ASKED.get()
    n = asked if asked is not None else _cores() if size >= ENOUGH else 1
    if n <= 1:
        yield Here()
        return
    with Processes(n) as found:
        yield found


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
