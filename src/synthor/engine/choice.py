"""Which engine work is given to: a cluster, or as many workers as were asked for, or as there are cores and enough to do."""

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass

from synthor.engine.cluster import Cluster, libraries
from synthor.engine.engine import Engine, Here
from synthor.engine.own_cluster import own_cluster
from synthor.engine.processes import Processes
from synthor.errors import Finding, InputError

ENOUGH = 500
"""Zones with members from which on workers are worth the second that they take to begin."""

ADDRESS = re.compile(r"(dask|tcp|tls)://((?:\[[0-9a-fA-F:.]+\]|[\w.-]+):\d{1,5})")
"""Of a scheduler, as dask writes it; `dask://` is what dask calls tcp."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Asked:
    """What was asked for.

    Attributes:
        workers: how many; None for as many as there are cores.
        cluster: the scheduler's address, empty for a cluster that is begun here; None for no cluster.
    """

    workers: int | None = None
    cluster: str | None = None


_ASKED: ContextVar[_Asked | None] = ContextVar("workers", default=None)


@contextmanager
def workers(n: int | None = None, *, engine: str | None = None) -> Iterator[None]:
    """Inside, work is shared out among workers.

    What comes out is the same, byte for byte, however many there are and wherever they are.

    Args:
        n: processes on this machine; as many as there are cores, where there is enough to do, unless given.
        engine: `dask://host:port` for the workers of a dask cluster, of which this is the scheduler (or its `tcp://` or `tls://`
            address), `dask` for a cluster that is begun here and ends with the work. Both need `synthor[cluster]`.

    Raises:
        InputError: `engine` is none of these, or the library is missing.
        WorkerError: no such cluster answers, or not all who work there are made up as this process is.

    >>> with workers(1), engine(10_000) as here:
    ...     type(here).__name__
    'Here'
    """
    asked = _Asked(workers=n, cluster=_cluster(n, engine))
    if asked.cluster is not None:  # what lacks is told before anything is asked, fitted or paid for
        libraries()
    if asked.cluster:
        Cluster(asked.cluster).close()
    before = _ASKED.set(asked)
    try:
        yield
    finally:
        _ASKED.reset(before)


@contextmanager
def engine(size: int) -> Iterator[Engine]:
    """The engine for work of some size, in zones."""
    asked = _ASKED.get() or _Asked()
    if asked.cluster is not None:
        with Cluster(asked.cluster) if asked.cluster else own_cluster(asked.workers or _cores()) as cluster:
            yield cluster
        return
    n = asked.workers if asked.workers is not None else _cores() if size >= ENOUGH else 1
    if n <= 1:
        yield Here()
        return
    with Processes(n) as found:
        yield found


def _cluster(n: int | None, engine: str | None) -> str | None:
    """The address of the cluster that was asked for, see `_Asked`."""
    if engine is None or engine == "dask":
        return None if engine is None else ""
    found = ADDRESS.fullmatch(engine)
    if found is None:
        message, cure = f"{engine!r} is no engine", "write dask://HOST:PORT, as in dask://10.0.0.5:8786, or dask"
        raise InputError([Finding(where="engine", message=message, cure=cure)])
    if n is not None:
        message, cure = f"{engine} has workers of its own, and cannot have {n}", "leave the number of workers out"
        raise InputError([Finding(where="engine", message=message, cure=cure)])
    return f"{'tls' if found[1] == 'tls' else 'tcp'}://{found[2]}"


def _cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
