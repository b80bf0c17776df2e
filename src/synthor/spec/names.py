"""What variables and levels may be called: words of letters, digits and _ that stand for nothing else."""

import re
from typing import Annotated

from pydantic import AfterValidator
from pydantic_core import PydanticCustomError

NAME = r"^[A-Za-z_][A-Za-z0-9_]*$"
RESERVED = ("count", "record_id", "share", "weight")
FUNCTIONS = ("count", "sum", "mean", "min", "max", "any", "all")
"""What makes one value of several members, as rules and `from` write it."""

NO_LEVELS = tuple(sorted({*RESERVED, *FUNCTIONS, "next", "previous"}))
LONGEST = 60
"""Characters of a level's name: its file is called so."""


def _of_variable(name: str) -> str:
    if not re.fullmatch(NAME.strip("^$"), name) or name.lower() in RESERVED:
        context = {"name": name, "cure": f"use letters, digits and _, start with a letter; reserved: {', '.join(RESERVED)}"}
        raise PydanticCustomError("variable_name", "'{name}' cannot name a variable", context)
    return name


def _of_level(name: str) -> str:
    if not re.fullmatch(NAME.strip("^$"), name) or name.lower() in NO_LEVELS or len(name) > LONGEST:
        context = {"name": name, "cure": f"use letters, digits and _, start with a letter; reserved: {', '.join(NO_LEVELS)}"}
        raise PydanticCustomError("level_name", "'{name}' cannot name a level", context)
    return name


VariableName = Annotated[str, AfterValidator(_of_variable)]
LevelName = Annotated[str, AfterValidator(_of_level)]
