"""Tasks in processes: in order, again where a worker dies, and gone when nobody waits any more."""

import os
import time
from pathlib import Path

import pytest

from synthor.engine.processes import Processes
from synthor.errors import InputError, WorkerError
from tasks import dies_always, dies_once, refuses, sleeps, speaks, threads


@pytest.mark.slow
def test_linear_algebra_is_done_by_one_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENBLAS_NUM_THREADS", "4")
    with Processes(1) as found:
        assert list(found.map(threads, [1], shared=None)) == [{1}]


@pytest.mark.slow
def test_a_killed_workers_tasks_run_again(tmp_path: Path) -> None:
    with Processes(2) as found:
        assert list(found.map(dies_once, range(5), shared=str(tmp_path))) == [0, 1, 4, 9, 16]
        assert list(found.map(pow, [1, 2, 3], shared=2)) == [2, 4, 8]


@pytest.mark.slow
def test_a_task_that_no_worker_outlives_ends_with_its_cure() -> None:
    with Processes(2) as found, pytest.raises(WorkerError, match="--workers 1"):
        list(found.map(dies_always, [1], shared=None))


@pytest.mark.slow
def test_what_a_task_raises_is_raised_here() -> None:
    with Processes(2) as found:
        with pytest.raises(InputError, match="number: is 2; take another"):
            list(found.map(refuses, [1, 2, 3], shared=None))
        assert list(found.map(refuses, [1, 3], shared=None)) == [1, 3]


@pytest.mark.slow
def test_workers_end_when_nobody_waits_any_more(tmp_path: Path) -> None:
    begun = time.monotonic()
    with Processes(2) as found:
        results = found.map(sleeps, [0, 1, 1], shared=str(tmp_path))
        assert next(results) == 0
        results.close()  # type: ignore[attr-defined]
    assert time.monotonic() - begun < 30
    for mark in tmp_path.glob("*.worker"):
        with pytest.raises(ProcessLookupError):
            os.kill(int(mark.stem), 0)


@pytest.mark.slow
def test_what_tasks_print_does_no_harm() -> None:
    with Processes(1) as found:
        assert list(found.map(speaks, [1, 2], shared=None)) == [1, 2]
