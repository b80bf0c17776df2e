"""The same arithmetic on every processor; imported before NumPy is, which reads this when it is loaded.

OpenBLAS has kernels for each kind of processor that add up in different orders, so that last digits, and in a close call a
record, depend on the machine. Prescott's kernels run on every x86-64; what a fit spends in them is next to nothing.
"""

import os
import platform

KERNELS = "Prescott"

if platform.machine().lower() in ("x86_64", "amd64"):
    os.environ["OPENBLAS_CORETYPE"] = KERNELS
