"""The spec compiled: what is known, as frozen arrays for the solver."""

from synthor.problem.agree import forbidden_cells, forbids_all, shown
from synthor.problem.compile import Statements, check, compile_problem, statements
from synthor.problem.marginals import Shared, Stated, inexact, shared_marginals
from synthor.problem.model import Problem, Rule
from synthor.problem.target import Axis, Demand, Moment, Target, TargetGrid, Universe
from synthor.problem.without import Without, holding, touching, without
from synthor.schema import Level

__all__ = [
    "Axis",
    "Demand",
    "Level",
    "Moment",
    "Problem",
    "Rule",
    "Shared",
    "Stated",
    "Statements",
    "Target",
    "TargetGrid",
    "Universe",
    "Without",
    "check",
    "compile_problem",
    "forbidden_cells",
    "forbids_all",
    "holding",
    "inexact",
    "shared_marginals",
    "shown",
    "statements",
    "touching",
    "without",
]
