"""A worker: tasks come in by one pipe, results go out by another."""

import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, BinaryIO


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Hello:
    """What the items that follow are for.

    Attributes:
        task: function of what is shared and an item.
        shared: what all tasks look at.
    """

    task: Callable[[Any, Any], Any]
    shared: Any


def serve() -> None:
    """Run tasks until nobody sends any more."""
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    sys.stdout = sys.stderr  # whatever is printed must not come between results
    task, shared = None, None
    on_one_thread()
    while (data := _read(source)) is not None:
        answer: tuple[bool, Any]
        try:
            message = pickle.loads(data)
            if isinstance(message, Hello):
                task, shared = message.task, message.shared
                continue
            assert task is not None
            answer = True, task(shared, message)
        except Exception as error:  # it is raised again where the task came from
            answer = False, error
        pickle.dump(answer, sink, pickle.HIGHEST_PROTOCOL)
        sink.flush()


def on_one_thread() -> None:
    """From now on linear algebra in this process is done by one thread, so that sums are made in one order."""
    import scipy.linalg  # noqa: F401  NumPy's library and its own must be loaded, or they would not be limited
    from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

    threadpool_limits(limits=1, user_api="blas")


def _read(source: BinaryIO) -> bytes | None:
    """What was sent next; None at the end."""
    size = source.read(8)
    if len(size) < 8:
        return None
    data = source.read(int.from_bytes(size, "little"))
    return data if len(data) == int.from_bytes(size, "little") else None
