"""The same arithmetic on every processor: from the command, from Python, and in processes that either begins."""

import json
import os
import platform
import subprocess
import sys

import pytest

LOADED = """
import scipy.linalg, json, threadpoolctl, os
found = [pool for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
here = sorted({pool["architecture"] for pool in found})
"""
THERE = """
from synthor.engine.processes import begun
worker = begun("import synthor" + chr(10) + LOADED + "print(json.dumps(here), flush=True)")
there = json.loads(worker.stdout.readline())
worker.communicate()
"""
KERNELS = {"Prescott", "Katmai"}  # OpenBLAS calls them either

pytestmark = pytest.mark.skipif(
    platform.machine().lower() not in ("x86_64", "amd64"), reason="such kernels are those of x86-64"
)


def kernels(code: str) -> tuple[list[str], list[str]]:
    """What a program that begins with some code uses, and a process that it begins, on another processor."""
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
    environment.pop("SYNTHOR_KERNELS", None)
    program = f"LOADED = {LOADED!r}\n{code}\n{LOADED}\n{THERE}\nprint(json.dumps([here, there]))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment)
    here, there = json.loads(done.stdout)
    return here, there


@pytest.mark.slow
@pytest.mark.parametrize("code", ["import synthor.cli", "import synthor", "import synthor\nimport numpy, polars\nsynthor.Spec"])
def test_whoever_loads_synthor_first_adds_up_in_the_same_order_whatever_the_processor(code: str) -> None:
    here, there = kernels(code)
    assert set(here) <= KERNELS
    assert set(there) <= KERNELS


@pytest.mark.slow
@pytest.mark.parametrize("code", ["import numpy\nimport synthor", "import numpy\nimport synthor.cli"])
def test_a_program_that_uses_numpy_already_keeps_its_arithmetic_and_its_workers_have_the_same(code: str) -> None:
    untouched = "import os\nassert os.environ['OPENBLAS_CORETYPE'] == 'Nehalem' and 'SYNTHOR_KERNELS' not in os.environ"
    here, there = kernels(f"{code}\n{untouched}")
    assert here == there == ["Nehalem"]
