"""The spec compiled: what is known, as frozen arrays for the solver."""

from synthor.problem.agree import forbidden_cells, forbids_all
from synthor.problem.compile import check, compile_problem
from synthor.problem.level import Level
from synthor.problem.model import Problem, Rule
from synthor.problem.target import Axis, Grid, Moment, Target, Universe

__all__ = [
    "Axis",
    "Grid",
    "Level",
    "Moment",
    "Problem",
    "Rule",
    "Target",
    "Universe",
    "check",
    "compile_problem",
    "forbidden_cells",
    "forbids_all",
]
