import json
import os
import platform
import subprocess
import sys

import pytest


@pytest.mark.slow
@pytest.mark.skipif(platform.machine().lower() not in ("x86_64", "amd64"), reason="such kernels are those of x86-64")
def test_the_command_adds_up_in_the_same_order_whatever_the_processor() -> None:
    code = """
import synthor.cli, scipy.linalg, json, threadpoolctl
found = [pool for pool in threadpoolctl.threadpool_info() if pool["internal_api"] == "openblas"]
print(json.dumps([pool["architecture"] for pool in found]))
"""
    environment = {**os.environ, "OPENBLAS_CORETYPE": "Nehalem"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert set(json.loads(done.stdout)) <= {"Prescott", "Katmai"}  # OpenBLAS calls them either
