"""A task as it travels to workers that are not ours: pickled, with the makeup that a worker must have."""

import pickle
import threading
from collections.abc import Mapping
from typing import Any

from synthor.engine.makeup import difference, makeup
from synthor.engine.worker import Hello, on_one_thread
from synthor.errors import WorkerError


class Job:
    """A task and what is shared, both unpickled when a worker first needs them.

    Args:
        made: the makeup of whoever asks.
        hello: the task and what is shared, pickled.

    >>> job = Job(makeup(), pickle.dumps(Hello(task=pow, shared=2)))
    >>> pickle.loads(pickle.loads(pickle.dumps(job))(pickle.dumps(3)))
    (True, 8)
    """

    def __init__(self, made: Mapping[str, str], hello: bytes) -> None:
        self.made, self.hello = made, hello
        self._ready: Hello | None = None
        self._lock = threading.Lock()  # a worker may have several threads

    def __reduce__(self) -> tuple[object, ...]:
        return Job, (self.made, self.hello)

    def __call__(self, item: bytes) -> bytes:
        """The answer to an item, both pickled: whether it worked, and the result or the error."""
        answer: tuple[bool, Any]
        try:
            hello = self._unpickled()
            answer = True, hello.task(hello.shared, pickle.loads(item))
        except Exception as error:  # it is raised again where the task came from
            answer = False, error
        return pickle.dumps(answer, pickle.HIGHEST_PROTOCOL)

    def _unpickled(self) -> Hello:
        with self._lock:
            if self._ready is None:
                other = difference(makeup(), self.made)  # a worker may have come after all others were looked at
                if other is not None:
                    raise WorkerError(f"a worker {other[0]}", cure=other[1])
                on_one_thread()
                self._ready = pickle.loads(self.hello)
            return self._ready
