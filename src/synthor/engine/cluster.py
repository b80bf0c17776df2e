"""Tasks on the machines of a dask cluster.

Only bytes travel: the scheduler needs nothing of synthor. What all tasks share is a task, too, whose result workers get from
each other; so it is made again where all die that have it, as any task of a worker that dies is. Every task has a key of its
own: dask would take equal arguments for the same task. Whoever waits looks now and then whether there is still somebody there.
"""

import importlib
import logging
import operator
import pickle
import threading
import time
import uuid
import warnings
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import ExitStack, contextmanager, suppress
from itertools import takewhile
from typing import Any, TypeVar

from synthor.engine.job import Job
from synthor.engine.makeup import difference, makeup
from synthor.engine.worker import Hello
from synthor.errors import Finding, InputError, WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

CONNECTING = 10.0
"""Seconds in which a scheduler must be reached."""

PATIENCE = 30.0
"""Seconds that a scheduler has for an answer, and that may pass without any worker."""

BEAT = 2.0
"""Seconds between two looks at the cluster."""

TRANSFER = 600.0
"""Seconds that a finished result may take to come."""

AHEAD = 2
"""Tasks that are given out for each thread of the cluster."""


def libraries() -> tuple[Any, Any]:
    """The modules dask and distributed.

    Raises:
        InputError: they, or what keys are made with, are not installed.
    """
    try:
        importlib.import_module("cryptography")
        return importlib.import_module("dask"), importlib.import_module("distributed")
    except ModuleNotFoundError as error:
        cure = "pip install 'synthor[cluster]'"
        raise InputError([Finding(where="engine", message=f"needs the library {error.name}", cure=cure)]) from None


class Cluster:
    """Tasks shared out among all workers of a cluster, until `close`.

    Args:
        address: of the scheduler, as dask writes it: tcp://host:port or tls://host:port.
        security: dask's, with keys and certificates; what dask is configured with unless given.

    Raises:
        WorkerError: nobody answers there, nobody works there, or a worker is not made up as this process is.
    """

    def __init__(self, address: str, *, security: Any = None) -> None:
        self.address, self._sent = address, (b"", None)
        (self._settings, self._dask), self._makeup = libraries(), makeup()
        self._name, self._n_tasks = uuid.uuid4().hex, 0
        self._looked, self._threads, self._known = 0.0, 0, set[str]()
        self._alone: float | None = None  # since when nobody has been there
        with ExitStack() as opening:
            opening.enter_context(_quiet())
            self._client = self._connected(security)
            opening.callback(self._leave)
            self._look()
            while not self._threads:
                time.sleep(BEAT / 4)
                self._look()
            self._opened = opening.pop_all()

    def map(self, task: Callable[[Any, Item], Result], items: Sequence[Item], *, shared: Any) -> Iterator[Result]:
        """See `Engine`.

        Raises:
            WorkerError: workers die over one task again and again, or the cluster goes away.
        """
        job = self._job(Hello(task=task, shared=shared))
        waiting: deque[Any] = deque()
        try:
            for item in items:
                waiting.append(self._given(operator.call, job, pickle.dumps(item, pickle.HIGHEST_PROTOCOL)))
                if time.monotonic() > self._looked + BEAT:
                    self._look()
                if len(waiting) > AHEAD * self._threads:
                    yield from self._answers(waiting)
            while waiting:
                yield from self._answers(waiting)
        finally:  # also where whoever asked goes away, or on Ctrl-C: what nobody wants any more is not begun
            for future in waiting:
                future.release()

    def close(self) -> None:
        """Leave the cluster, which forgets what was asked of it."""
        self._opened.close()

    def __enter__(self) -> "Cluster":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _connected(self, security: Any) -> Any:
        def connect() -> Any:
            return self._dask.Client(
                self.address, timeout=CONNECTING, security=security, set_as_default=False, direct_to_workers=False
            )

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of versions, which are looked at below
            try:
                return _within(1.5 * CONNECTING, connect)
            except Exception as error:  # no address, nobody there, somebody else, or a key that is not known
                cure = f"start one with `dask scheduler`, and workers with `dask worker {self.address}`"
                raise self._error(f"no scheduler can be reached at {self.address}: {_told(error)}", cure) from None

    def _leave(self) -> None:
        self._sent = b"", None
        with suppress(Exception):  # it may have gone away
            self._client.close(timeout=BEAT)

    def _check(self, workers: Sequence[str]) -> None:
        """Every worker must be made up as this process is."""
        found = self._asked(lambda: self._client.run(makeup, workers=workers, on_error="return", asynchronous=True))
        for worker, there in sorted(found.items()):
            if isinstance(there, OSError):
                continue  # it went away meanwhile, or is asked once more
            if isinstance(there, Exception):
                cure = f"install synthor there, as here: pip install 'synthor[cluster]=={self._makeup['synthor']}'"
                raise self._error(f"the worker at {worker} cannot run synthor: {_told(there)}", cure)
            other = difference(there, self._makeup)
            if other is not None:
                raise self._error(f"the worker at {worker} {other[0]}", other[1])
            self._known.add(worker)

    def _job(self, hello: Hello) -> Any:
        """The task and what is shared, where workers can get it; what they were sent last is not sent again."""
        data = pickle.dumps(hello, pickle.HIGHEST_PROTOCOL)
        if data != self._sent[0]:
            job = Job(self._makeup, data)
            self._sent = data, self._given(pickle.loads, pickle.dumps(job, pickle.HIGHEST_PROTOCOL))
        return self._sent[1]

    def _given(self, call: Callable[..., Any], *arguments: Any) -> Any:
        self._n_tasks += 1
        with self._settings.config.set({"distributed.admin.large-graph-warning-threshold": "1 TiB"}):
            return self._client.submit(call, *arguments, key=f"synthor-{self._name}-{self._n_tasks}", pure=False)

    def _answers(self, waiting: deque[Any]) -> Iterator[Any]:
        """Those of the first that wait, one at least, as far as they are there."""
        while not waiting[0].done():
            with suppress(TimeoutError, self._dask.CancelledError), self._client.as_current():
                self._dask.wait([waiting[0]], timeout=BEAT)
            if not waiting[0].done():
                self._look()
        there = [waiting.popleft() for _ in list(takewhile(operator.methodcaller("done"), waiting))]
        try:
            answers = self._client.sync(lambda: self._client.gather(there, asynchronous=True), callback_timeout=TRANSFER)
        except Exception as error:
            raise self._failed(error) from None
        for good, value in map(pickle.loads, answers):
            if not good:
                raise value
            yield value

    def _failed(self, error: Exception) -> WorkerError:
        """What dask says of a task, where the task itself has said nothing."""
        if isinstance(error, self._dask.KilledWorker):
            died = f"{error.allowed_failures + 1} workers died over one task, the last at {error.last_worker.address}"
            return self._error(died, "is there enough memory on each machine? start fewer workers there")
        lost = isinstance(error, self._dask.CancelledError | OSError)  # a task's own errors come as its answer
        if lost or self._client.status != "running":
            return self._gone()
        return self._error(f"a worker could not run a task: {_told(error)}", "its log tells more; is synthor installed there?")

    def _look(self) -> None:
        """How many threads there are now; the scheduler must answer, somebody be there, and all be made up as we are."""
        found = self._asked(self._client.scheduler.ncores)
        new = sorted(found.keys() - self._known)
        if new:  # one without synthor that dask gives a task to would neither run it nor say so
            self._check(new)
        self._threads, self._looked = sum(found.values()), time.monotonic()
        self._alone = None if self._threads else self._alone or self._looked
        if self._alone is not None and self._looked > self._alone + PATIENCE:
            message = f"the scheduler at {self.address} has had no worker for {PATIENCE:.0f} seconds"
            raise self._error(message, f"start some: `dask worker {self.address}`")

    def _asked(self, question: Callable[[], Any]) -> Any:
        if self._client.status != "running":
            raise self._gone()
        try:
            return self._client.sync(question, callback_timeout=PATIENCE)
        except Exception:
            raise self._gone() from None

    def _gone(self) -> WorkerError:
        message = f"the scheduler at {self.address} went away, or answers no more"
        return self._error(message, "once it is there again, run the same command")

    def _error(self, message: str, cure: str) -> WorkerError:
        return WorkerError(message, where=self.address, cure=cure)


def _within(seconds: float, call: Callable[[], Result]) -> Result:
    """What a call returns; one that takes longer is left alone, as dask waits for ever for who says nothing that it knows."""
    found = Future[Result]()

    def run() -> None:
        try:
            found.set_result(call())
        except BaseException as error:  # whoever waits is to know it
            found.set_exception(error)

    threading.Thread(target=run, daemon=True).start()
    return found.result(timeout=seconds)


@contextmanager
def _quiet() -> Iterator[None]:
    """Within, dask logs nothing: what goes wrong is told once, by an error."""
    loggers = [logging.getLogger(name) for name in list(logging.root.manager.loggerDict) if name.split(".")[0] == "distributed"]
    before = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.CRITICAL + 1)
    try:
        yield
    finally:
        for logger, level in zip(loggers, before, strict=True):
            logger.setLevel(level)


def _told(error: Exception) -> str:
    """What an error says, on one line."""
    return " ".join(str(error).split()) or ("no answer in time" if isinstance(error, TimeoutError) else type(error).__name__)
