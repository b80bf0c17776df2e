"""Tasks in processes of this machine.

A worker is a Python of its own that knows nothing but what it is sent: nothing is forked, so that threads of this process do no
harm, and the script that called is not run again. One thread here feeds each worker and waits for its answers. A worker that
dies (killed, out of memory) is replaced and its task given out again; one that fails tells why, and that is raised here.
"""

import os
import pickle
import queue
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import suppress
from typing import Any, TypeVar

from synthor.arithmetic import kernels_here
from synthor.engine.worker import Hello
from synthor.errors import WorkerError

Item = TypeVar("Item")
Result = TypeVar("Result")

LIVES = 3
"""Workers that may die over one task before it is given up."""

COMMAND = "from synthor.engine.worker import serve; serve()"


class Processes:
    """Tasks shared out among workers, which live until `close`.

    Args:
        workers: how many.

    >>> with Processes(2) as engine:
    ...     list(engine.map(pow, [1, 2, 3], shared=2))
    [2, 4, 8]
    """

    def __init__(self, workers: int) -> None:
        self.workers = workers
        self._idle: list[_Worker] = []
        self._busy: list[_Feeder] = []

    def map(self, task: Callable[[Any, Item], Result], items: Sequence[Item], *, shared: Any) -> Iterator[Result]:
        """See `Engine`.

        Raises:
            WorkerError: workers die over one task again and again.
        """
        results: list[Future[Result]] = [Future() for _ in items]
        todo: queue.SimpleQueue[tuple[Item, Future[Result]]] = queue.SimpleQueue()
        for given in zip(items, results, strict=True):
            todo.put(given)
        hello = pickle.dumps(Hello(task=task, shared=shared), pickle.HIGHEST_PROTOCOL)
        feeders = []
        for _ in range(min(self.workers, len(items))):
            feeders.append(_Feeder(todo, hello, self._idle.pop() if self._idle else None))
            feeders[-1].start()
        self._busy += feeders
        done = False
        try:
            for result in results:
                yield result.result()
            done = True
        finally:  # also where whoever asked goes away, or on Ctrl-C
            for feeder in feeders:
                worker = feeder.end(kill=not done)
                self._busy.remove(feeder)
                self._idle += [] if worker is None else [worker]

    def close(self) -> None:
        """End all workers, also those whose results nobody waited for to the end."""
        for feeder in self._busy:
            feeder.end(kill=True)
        for worker in self._idle:
            worker.close()
        self._idle = []

    def __enter__(self) -> "Processes":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class _Feeder(threading.Thread):
    """Gives one worker a task after the other, until none is left."""

    def __init__(self, todo: "queue.SimpleQueue[tuple[Any, Future[Any]]]", hello: bytes, worker: "_Worker | None") -> None:
        super().__init__(daemon=True)
        self.todo, self.hello, self.worker = todo, hello, worker
        self.ended, self.lock = False, threading.Lock()

    def run(self) -> None:
        if self.worker is not None:
            self.worker.send(self.hello)
        with suppress(queue.Empty):
            while not self.ended:
                item, result = self.todo.get_nowait()
                try:
                    result.set_result(self._answer(pickle.dumps(item, pickle.HIGHEST_PROTOCOL)))
                except BaseException as error:  # whatever it is, whoever waits for the result is to know it
                    result.set_exception(error)

    def _answer(self, data: bytes) -> Any:
        for _ in range(LIVES):
            worker = self._living()
            answer = None if worker is None else worker.asked(data)
            if answer is not None:
                good, value = answer
                if not good:
                    raise value
                return value
            self._close()
            if self.ended:
                break
        raise WorkerError(f"{LIVES} workers died over one task")

    def _living(self) -> "_Worker | None":
        with self.lock:
            if self.worker is None and not self.ended:
                self.worker = _Worker()
                self.worker.send(self.hello)
            return self.worker

    def _close(self) -> None:
        with self.lock:
            if self.worker is not None:
                self.worker.close()
            self.worker = None

    def end(self, *, kill: bool) -> "_Worker | None":
        """Wait for this thread, and hand its worker on; where it is not to be waited for, it is killed."""
        if kill:
            self.ended = True
            with self.lock:
                if self.worker is not None:
                    self.worker.process.kill()
        self.join()
        if kill:
            self._close()
        return self.worker


def begun(command: str) -> subprocess.Popen[bytes]:
    """A Python of its own, that knows all modules that this one does; its input and output are pipes."""
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **kernels_here()}
    return subprocess.Popen(
        [sys.executable, "-c", command],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env=known,
        start_new_session=True,  # Ctrl-C is for this process, which then ends it
    )


class _Worker:
    """A process that runs one task after the other."""

    def __init__(self) -> None:
        self.process = begun(COMMAND)

    def asked(self, item: bytes) -> tuple[bool, Any] | None:
        """Its answer to one item: whether it worked, and the result or the error; None where it died."""
        self.send(item)
        assert self.process.stdout is not None
        try:
            found: tuple[bool, Any] = pickle.load(self.process.stdout)
        except (EOFError, pickle.UnpicklingError, OSError):
            return None
        return found

    def send(self, data: bytes) -> None:
        """The task and what is shared, or an item, pickled; which of these it is the worker sees."""
        assert self.process.stdin is not None
        with suppress(OSError):  # it died: reading its answer tells so
            self.process.stdin.write(len(data).to_bytes(8, "little"))
            self.process.stdin.write(data)
            self.process.stdin.flush()

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()
        for pipe in (self.process.stdin, self.process.stdout):
            with suppress(OSError):  # of what was on its way
                if pipe is not None:
                    pipe.close()
