"""What results hang on beside their arguments: versions and arithmetic, which are the same wherever tasks of one run are."""

import sys
from collections.abc import Mapping

CURES = {
    "synthor": "install the same version there",
    "Python": "start it with the same Python",
    "NumPy": "install the same version there",
    "SciPy": "install the same version there",
    "linear algebra": "import synthor before NumPy here, and start it with OPENBLAS_CORETYPE=Prescott in its environment",
    "processor features": "set NPY_DISABLE_CPU_FEATURES, there and here, to what only one of the two has",
}
"""What can differ, and what to do about it."""


def makeup() -> dict[str, str]:
    """That of this process.

    >>> sorted(makeup()) == sorted(CURES)
    True
    """
    import numpy as np
    import scipy.linalg  # its own library must be loaded, too
    from threadpoolctl import threadpool_info  # type: ignore[import-untyped]

    from synthor.version import __version__

    libraries = [one for one in threadpool_info() if one["user_api"] == "blas"]
    # A program that has loaded other libraries besides has their own ones, too, which NumPy and SciPy do not look at.
    libraries = [one for one in libraries if one["internal_api"] == "openblas"] or libraries
    kernels = sorted({f"{one['internal_api']} {one.get('architecture', '')}" for one in libraries})
    found = np.show_config(mode="dicts").get("SIMD Extensions", {}).get("found", [])
    return {
        "synthor": __version__,
        "Python": f"{sys.version_info.major}.{sys.version_info.minor}",
        "NumPy": np.__version__,
        "SciPy": scipy.__version__,
        "linear algebra": ", ".join(kernels),
        "processor features": " ".join(found),
    }


def difference(there: Mapping[str, str], here: Mapping[str, str]) -> tuple[str, str] | None:
    """The first thing that differs, and its cure; None where nothing does.

    >>> difference({"synthor": "0.1", "Python": "3.12"}, {"synthor": "0.1", "Python": "3.11"})
    ('has Python 3.12 and not 3.11 as here', 'start it with the same Python')
    """
    for name, cure in CURES.items():
        found, wanted = there.get(name), here.get(name)
        if found != wanted:
            return f"has {name} {found or 'none'} and not {wanted or 'none'} as here", cure
    return None
