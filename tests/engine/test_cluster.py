"""Tasks on a dask cluster: in order, the same bytes, again where a worker dies, and errors where nobody is (`make extras`)."""

import json
import os
import platform
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import members_in_zones
from synthor.arithmetic import kernels_here
from synthor.engine import cluster
from synthor.engine.choice import engine, workers
from synthor.engine.cluster import Cluster
from synthor.engine.makeup import makeup
from synthor.errors import InputError, WorkerError
from synthor.events import Event
from synthor.loop import fit_spec
from synthor.run import draw
from synthor.spec.model import Spec
from tasks import dies_always, dies_once, refuses, sleeps, threads
from villages import village

pytestmark = pytest.mark.long

pytest.importorskip("distributed", reason="needs `make extras`")

Starting = Callable[..., subprocess.Popen[bytes]]


@pytest.fixture(autouse=True)
def the_same_kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever is started reckons as this process does, also where synthor was imported after NumPy."""
    for name, value in kernels_here().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def started() -> Iterator[Starting]:
    """Begins dask's commands, and ends them with the test."""
    living = []

    def start(*words: str, **environment: str) -> subprocess.Popen[bytes]:
        known = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment}
        living.append(subprocess.Popen([sys.executable, "-m", "dask", *words], stderr=subprocess.DEVNULL, env=known))
        return living[-1]

    yield start
    for process in living[::-1]:
        process.kill()
        process.wait()


@pytest.fixture
def scheduler(started: Starting, tmp_path: Path) -> tuple[subprocess.Popen[bytes], str]:
    """A scheduler on loopback, and its address."""
    file = tmp_path / "scheduler.json"
    process = started("scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard", "--scheduler-file", str(file))
    while not file.exists() or not file.read_text(encoding="utf-8").endswith("}"):
        assert process.poll() is None
        time.sleep(0.1)
    return process, str(json.loads(file.read_text(encoding="utf-8"))["address"])


def worker_of(address: str, started: Starting, n_threads: int = 1, **environment: str) -> subprocess.Popen[bytes]:
    words = ("--no-nanny", "--nthreads", str(n_threads), "--host", "127.0.0.1", "--no-dashboard")
    return started("worker", address, *words, **environment)


def test_a_cluster_begun_here_runs_tasks_in_order_and_ends(tmp_path: Path) -> None:
    with workers(2, engine="dask"), engine(3) as found:
        assert list(found.map(pow, [1, 2, 3], shared=2)) == [2, 4, 8]
        assert list(found.map(pow, [1, 2, 3], shared=2)) == [2, 4, 8]
        assert list(found.map(pow, list(range(40)), shared=3)) == [3**n for n in range(40)]
        assert list(found.map(dies_once, [5, 6], shared=str(tmp_path))) == [25, 36]
        assert list(found.map(threads, [1], shared=None)) == [{1}]
        with pytest.raises(InputError, match="number: is 2; take another"):
            list(found.map(refuses, [1, 2, 3], shared=None))
        with pytest.raises(WorkerError, match=r"workers died over one task.*enough memory"):
            list(found.map(dies_always, [1], shared=None))
        results = found.map(sleeps, [0, 1, 1, 1, 1, 1, 1, 1], shared=str(tmp_path))
        assert next(results) == 0
    living = {int(mark.stem) for mark in tmp_path.glob("*.worker")}
    assert living
    for process in living:
        with pytest.raises(ProcessLookupError):
            os.kill(process, 0)


def test_records_are_the_same_on_a_cluster_of_which_a_worker_is_killed(
    scheduler: tuple[subprocess.Popen[bytes], str], started: Starting
) -> None:
    model = fit_spec(Spec.collected(village(6, n_zones=8, per_zone=10))).model
    with workers(1):
        alone = draw(model).tables
    address = scheduler[1].replace("tcp://", "dask://")
    victim = worker_of(scheduler[1], started)
    worker_of(scheduler[1], started, n_threads=2)
    heard = []

    def kill(event: Event) -> None:
        heard.append(event)
        if len(heard) == 3:
            victim.kill()

    with workers(engine=address):
        shared = draw(model, on_event=kill).tables
    assert victim.wait() == -signal.SIGKILL
    assert all(shared[name].equals(alone[name]) for name in alone)


def test_a_scheduler_that_is_killed_ends_the_run(scheduler: tuple[subprocess.Popen[bytes], str], started: Starting) -> None:
    process, address = scheduler
    worker_of(address, started)
    with Cluster(address) as found:
        results = found.map(pow, list(range(1000)), shared=2)
        assert next(results) == 1
        process.kill()
        with pytest.raises(WorkerError, match=f"the scheduler at {address} went away"):
            list(results)


def test_where_nobody_listens_or_works_it_is_told(
    scheduler: tuple[subprocess.Popen[bytes], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun = time.monotonic()
    with (
        pytest.raises(WorkerError, match=r"no scheduler can be reached at tcp://127.0.0.1:1"),
        workers(engine="dask://127.0.0.1:1"),
    ):
        pass
    assert time.monotonic() - begun < 30
    monkeypatch.setattr(cluster, "PATIENCE", 2.0)
    with pytest.raises(WorkerError, match="has had no worker for 2 seconds; start some: `dask worker"):
        Cluster(scheduler[1])


def test_workers_that_are_not_made_up_as_we_are_are_refused(
    scheduler: tuple[subprocess.Popen[bytes], str], started: Starting, tmp_path: Path
) -> None:
    address = scheduler[1]
    (tmp_path / "without" / "synthor").mkdir(parents=True)
    (tmp_path / "without" / "synthor" / "__init__.py").write_text("raise ModuleNotFoundError('no synthor')", encoding="utf-8")
    lacking = worker_of(address, started, PYTHONPATH=str(tmp_path / "without"))
    with pytest.raises(WorkerError, match=r"cannot run synthor: .*no synthor.*install synthor there, as here"):
        Cluster(address)
    lacking.kill()
    if platform.machine() == "x86_64":
        kernels = "Haswell" if "Katmai" in makeup()["linear algebra"] else "Prescott"
        worker_of(address, started, OPENBLAS_CORETYPE=kernels, SYNTHOR_KERNELS=kernels)
        with pytest.raises(WorkerError, match=r"has linear algebra openblas .* as here; .*start it with OPENBLAS_CORETYPE="):
            Cluster(address)


def test_a_press_of_ctrl_c_ends_the_command_and_its_cluster(tmp_path: Path) -> None:
    members_in_zones.write_spec(tmp_path, n_zones=60)
    code = "from synthor.cli import main; main()"
    words = ["run", str(tmp_path / "spec.yaml"), "--out", str(tmp_path / "out"), "--engine", "dask", "--workers", "2"]
    known = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), "TMPDIR": str(tmp_path)}
    process = subprocess.Popen([sys.executable, "-c", code, *words], stderr=subprocess.PIPE, stdout=subprocess.PIPE, env=known)
    while not list(tmp_path.glob("dask-scratch-space/worker-*")):
        assert process.poll() is None
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert b"Traceback" not in told
    assert not list(tmp_path.glob("dask-scratch-space/worker-*"))
