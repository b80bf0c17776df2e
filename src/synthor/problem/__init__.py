"""The spec compiled: what is known, as frozen arrays for the solver."""

from synthor.problem.agree import forbidden_cells, forbids_all, shown
from synthor.problem.around import shared_over_areas
from synthor.problem.compile import Statements, check, compile_problem, every_statement, statements
from synthor.problem.demand import Demand, Demanded
from synthor.problem.grid import Axis, TargetGrid, Universe
from synthor.problem.leave_out import Remainder, apart, holding, leave_out, touching
from synthor.problem.marginals import Shared, Stated, inexact, shared_marginals
from synthor.problem.model import Problem, Rule
from synthor.problem.row_set import rules_on
from synthor.problem.statistic import Count, Deviation, Mean, OfValues, Statistic, Total, Within
from synthor.problem.target import Target
from synthor.problem.views import View
from synthor.problem.zones import Zones, without_attributes
from synthor.schema import Level

__all__ = [
    "Axis",
    "Count",
    "Demand",
    "Demanded",
    "Deviation",
    "Level",
    "Mean",
    "OfValues",
    "Problem",
    "Remainder",
    "Rule",
    "Shared",
    "Stated",
    "Statements",
    "Statistic",
    "Target",
    "TargetGrid",
    "Total",
    "Universe",
    "View",
    "Within",
    "Zones",
    "apart",
    "check",
    "compile_problem",
    "every_statement",
    "forbidden_cells",
    "forbids_all",
    "holding",
    "inexact",
    "leave_out",
    "rules_on",
    "shared_marginals",
    "shared_over_areas",
    "shown",
    "statements",
    "touching",
    "without_attributes",
]
