"""Whether tables of rows and of their members can be met together at all: by a linear programme of kinds of rows."""

from synthor.problem.together.programme import RowsTold
from synthor.problem.together.unmeetable import unmeetable

__all__ = ["RowsTold", "unmeetable"]
