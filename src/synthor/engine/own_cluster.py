"""A dask cluster on this machine that ends with the work: a process that has a scheduler, and workers that it watches over.

Nothing is forked, and the script that called is not run again. All talk with each other by keys that are made for this cluster,
since whoever reaches a scheduler can have it run anything. It ends when nobody holds the other end of its input any more.
"""

import pickle
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from synthor.engine.cluster import Cluster, libraries
from synthor.engine.processes import begun
from synthor.errors import WorkerError

BEGINNING = 120.0
"""Seconds in which all workers must be there."""

ENDING = 10.0
"""Seconds that they have to clean up."""

SETTINGS: dict[str, Any] = {"distributed.scheduler.http.routes": [], "distributed.worker.http.routes": []}
"""Of dask there: no pages, which anybody on this machine could look at."""


@contextmanager
def own_cluster(workers: int) -> Iterator[Cluster]:
    """The engine of a cluster of its own.

    Args:
        workers: how many, of one thread each.

    Raises:
        InputError: a library is missing.
        WorkerError: it cannot begin; or see `Cluster`.
    """
    libraries()
    host = begun(f"from synthor.engine.own_cluster import serve; serve({workers})")
    try:
        address, security = _begun(host)
        with Cluster(address, security=security) as found:
            yield found
    finally:
        _end(host)


def serve(workers: int) -> None:
    """Have a cluster until nobody wants it any more; where it is and by which keys, or why there is none, is told first."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever is printed must not come between
    dask, distributed = libraries()
    dask.config.set(SETTINGS)
    try:
        cluster = distributed.LocalCluster(
            n_workers=workers,
            threads_per_worker=1,
            processes=True,
            security=True,
            host="127.0.0.1",
            dashboard_address="127.0.0.1:0",
            worker_dashboard_address="127.0.0.1:0",
            memory_limit=None,
            silence_logs=60,
        )
    except Exception as error:  # whoever waits is to know it
        _tell(sink, (False, f"{type(error).__name__}: {error}"))
        return
    _tell(sink, (True, (cluster.scheduler_address, cluster.security)))
    source.read()
    cluster.close(timeout=ENDING)


def _tell(sink: Any, answer: tuple[bool, Any]) -> None:
    pickle.dump(answer, sink, pickle.HIGHEST_PROTOCOL)
    sink.flush()


def _begun(host: subprocess.Popen[bytes]) -> tuple[str, Any]:
    """Address and keys of the cluster that a process has begun."""
    assert host.stdout is not None
    late = threading.Timer(BEGINNING, host.kill)
    late.start()
    try:
        good, value = pickle.load(host.stdout)
    except (EOFError, pickle.UnpicklingError):
        good, value = False, "its process ended"
    finally:
        late.cancel()
    if not good:
        raise WorkerError(f"no cluster could be begun here: {' '.join(value.split())}", where="dask", cure="try --workers 1")
    address, security = value
    return address, security


def _end(host: subprocess.Popen[bytes]) -> None:
    assert host.stdin is not None
    assert host.stdout is not None
    with suppress(OSError):
        host.stdin.close()
    try:
        host.wait(ENDING)
    except subprocess.TimeoutExpired:
        host.kill()
        host.wait()
    host.stdout.close()
