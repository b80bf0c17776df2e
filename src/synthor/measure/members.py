"""What a spec says of members beside its tables: how many there are of each, and what follows from them.

Records that a run has made keep to it by construction. Those that somebody has changed, or made elsewhere, need not, and a
table can be met all the same. So it is counted like rules are, in the words of rules: no household has `count(head) <> 1`.
"""

from collections.abc import Iterator

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError
from synthor.measure.coded import Records
from synthor.problem import Problem
from synthor.problem.following import Followed
from synthor.problem.numbers_of_members import wrong_numbers
from synthor.schema import Ref, Units
from synthor.types import Mask


def strays(problem: Problem, units: Units, records: Records) -> Iterator[tuple[str, int, Mask]]:
    """What must not be, in the words of a rule, the level whose rows it is about, and for which of them it is, (rows,).

    Args:
        problem: in its finest bins.
        units: the same.
        records: of all levels.

    Raises:
        InputError: a number follows from a column that holds labels.
    """
    for wrong in wrong_numbers(problem, units):
        yield wrong.text, wrong.level, wrong.rows
    for one in problem.follows:
        name = problem.schema.levels[one.level].variables[one.position].name
        yield f"{name} <> {one.text}", one.level, _differs(one, problem, units, records)


def _differs(one: Followed, problem: Problem, units: Units, records: Records) -> Mask:
    """Rows in which a variable is not what it follows from."""
    schema = problem.schema
    level, below = schema.levels[one.level], schema.levels[one.below]
    variable = level.variables[one.position]
    codes, column = units.column(Ref(one.level, one.position)), records[level.name][variable.name]
    if not variable.numeric:
        return np.asarray(codes != one.codes(schema, units))
    if one.source is not None and not records[below.name][below.variables[one.source].name].dtype.is_numeric():
        message = f"column '{below.variables[one.source].name}' holds labels, but '{variable.name}' follows from its numbers"
        cure = "give its values as numbers"
        raise InputError([Finding(where=f"records of '{below.name}'", message=message, cure=cure)])
    wanted = one.values(schema, units, records)
    assert wanted is not None
    if not column.dtype.is_numeric():
        return np.asarray(codes != one.coded(variable, wanted))
    got, step = column.cast(pl.Float64).fill_null(np.nan).to_numpy(), 10.0**-variable.decimals
    with np.errstate(invalid="ignore"):
        off = np.abs(got - wanted) > step / 2 * (1 + 1e-6)
    return np.asarray(off | (np.isnan(got) != np.isnan(wanted)))
