"""Tasks on the cores of this machine; results come back in order, and only a few at a time."""

import os
from collections import deque
from collections.abc import Callable, Generator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Result = TypeVar("Result")


def in_order(task: Callable[[int], Result], n_tasks: int, *, workers: int | None = None) -> Generator[Result, None, None]:
    """Results of `task(0)`, `task(1)`, ... in that order, computed by several threads.

    At most one result more than there are workers is kept waiting, so memory does not grow with the number of tasks.

    >>> list(in_order(lambda number: number * number, 4, workers=2))
    [0, 1, 4, 9]
    """
    n_workers = min(workers or os.cpu_count() or 1, n_tasks)
    if n_workers <= 1:
        yield from (task(number) for number in range(n_tasks))
        return
    pool = ThreadPoolExecutor(n_workers)
    waiting: deque[Future[Result]] = deque()
    try:
        for number in range(n_tasks):
            waiting.append(pool.submit(task, number))
            if len(waiting) > n_workers:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
