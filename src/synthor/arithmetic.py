"""The same arithmetic on every processor: chosen when synthor is imported before NumPy, which reads this when it is loaded.

OpenBLAS has kernels for each kind of processor that add up in different orders, so that last digits, and in a close call a
record, depend on the machine. Prescott's kernels run on every x86-64; what a fit spends in them is next to nothing.
"""

import os
import sys

KERNELS = "Prescott"
VARIABLE = "OPENBLAS_CORETYPE"
THOSE_OF_WHOEVER_BEGAN_US = "SYNTHOR_KERNELS"


def choose_kernels() -> None:
    """Have NumPy and SciPy use these kernels, whatever the environment says; where NumPy is loaded, nothing changes.

    Processes that this one begins have them, too.
    """
    # `platform` says the same, but takes longer to import than all else that `import synthor` loads.
    machine = os.uname().machine if hasattr(os, "uname") else os.environ.get("PROCESSOR_ARCHITECTURE", "")
    if "numpy" not in sys.modules and machine.lower() in ("x86_64", "amd64"):
        os.environ[VARIABLE] = os.environ.get(THOSE_OF_WHOEVER_BEGAN_US, KERNELS)


def kernels_here() -> dict[str, str]:
    """What has a process that this one begins use the same kernels, as variables of its environment.

    A program that loaded NumPy before synthor has others, and a worker loads synthor first.
    """
    if "numpy" not in sys.modules:
        return {}
    import scipy.linalg  # noqa: F401  its own library must be loaded, too
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    found = sorted({one["architecture"] for one in threadpool_info() if one.get("architecture")})
    return {VARIABLE: found[0], THOSE_OF_WHOEVER_BEGAN_US: found[0]} if found else {}
