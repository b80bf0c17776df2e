"""What a unit is: levels with their variables, rows of each level, where a row finds a value, and cells counted up to units."""

from synthor.schema.cells import ByRow, Cells, Conditional, Incidence, Partition
from synthor.schema.growing import Growing
from synthor.schema.level import Level, Schema
from synthor.schema.ref import Below, OneOfTwo, Ref, Role, of_below, of_unit
from synthor.schema.units import Rows, Units
from synthor.schema.variable import Variable

__all__ = [
    "Below",
    "ByRow",
    "Cells",
    "Conditional",
    "Growing",
    "Incidence",
    "Level",
    "OneOfTwo",
    "Partition",
    "Ref",
    "Role",
    "Rows",
    "Schema",
    "Units",
    "Variable",
    "of_below",
    "of_unit",
]
