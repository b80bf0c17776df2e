"""Tasks for engines, in a file of their own so that any process can import them."""

import os
import signal
import time
from pathlib import Path

from synthor.errors import InputError


def dies_once(folder: str, number: int) -> int:
    """A task whose worker is killed the first time that it is tried."""
    mark = Path(folder) / f"{number}.tried"
    if not mark.exists():
        mark.touch()
        os.kill(os.getpid(), signal.SIGKILL)
    return number * number


def dies_always(shared: None, number: int) -> int:
    """A task that no worker outlives."""
    os.kill(os.getpid(), signal.SIGKILL)
    return number


def refuses(shared: None, number: int) -> int:
    """A task that fails with an error that has findings."""
    if number == 2:
        from synthor.errors import Finding

        raise InputError([Finding(where="number", message="is 2", cure="take another")])
    return number


def sleeps(folder: str, number: int) -> int:
    """A task that says who works on it, and goes on for long."""
    (Path(folder) / f"{os.getpid()}.worker").touch()
    if number:
        time.sleep(60)
    return number


def speaks(shared: None, number: int) -> int:
    """A task that prints."""
    print("something")
    return number


def threads(shared: None, number: int) -> set[int]:
    """A task that tells by how many threads linear algebra would be done."""
    import scipy.linalg  # noqa: F401
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    return {library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"}
