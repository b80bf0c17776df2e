"""Exactly N records that add up to published aggregates and look real.

Three names do the first job::

    spec = synthor.load_spec("spec.yaml")
    run = synthor.synthesize(spec)
    run.write("out/")
"""

import importlib
from typing import TYPE_CHECKING, Any

from synthor.arithmetic import choose_kernels as _choose_kernels
from synthor.version import __version__ as __version__

_choose_kernels()

if TYPE_CHECKING:
    from synthor.engine.choice import workers
    from synthor.errors import InputError, SynthorError
    from synthor.fit.model import Model
    from synthor.library.drafted import draft_spec
    from synthor.library.make import open_folder as open  # noqa: A004  as open does, of what a run wrote
    from synthor.library.make import synthesize
    from synthor.library.run import Run
    from synthor.measure import Measurement
    from synthor.prior.model import Prior
    from synthor.problem import check, compile_problem
    from synthor.spec.load import load_spec, parse_spec
    from synthor.spec.model import Spec

_HOMES = {
    "InputError": "errors", "SynthorError": "errors", "Model": "fit.model", "Run": "library.run",
    "synthesize": "library.make", "open": "library.make:open_folder", "draft_spec": "library.drafted",
    "Measurement": "measure", "Prior": "prior.model", "check": "problem", "compile_problem": "problem",
    "load_spec": "spec.load", "parse_spec": "spec.load", "Spec": "spec.model", "workers": "engine.choice",
}  # fmt: skip

__all__ = [
    "InputError",
    "Measurement",
    "Model",
    "Prior",
    "Run",
    "Spec",
    "SynthorError",
    "check",
    "compile_problem",
    "draft_spec",
    "load_spec",
    "open",
    "parse_spec",
    "synthesize",
    "workers",
]


def __getattr__(name: str) -> Any:
    """Load a public name when it is first used, so that importing synthor costs next to nothing."""
    if name not in _HOMES:
        raise AttributeError(f"module 'synthor' has no attribute '{name}'")
    home, _, called = _HOMES[name].partition(":")
    value = getattr(importlib.import_module(f"synthor.{home}"), called or name)
    globals()[name] = value
    return value
