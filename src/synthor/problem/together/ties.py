"""What a category of a row says of the rows below it: how many there are of some, and between which ends their numbers lie.

Variables that follow from members say so (`following.py`), and so do a `where` (`below.py`) and a rule that look at rows below.
Here each of them is a *tie*: of each category the least and the most that some rows below come to.
"""

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Literal, cast

import numpy as np

from synthor.problem.below import FoldedBelow
from synthor.problem.following import Followed
from synthor.problem.views import View
from synthor.rules.lifted import NEITHER, NO, YES, Derived, Folded, Weighed, variable_of
from synthor.rules.syntax import OPPOSITES, Column, Compare, Constant, Predicate, names_in
from synthor.schema import Role, Schema, Variable
from synthor.types import CellIndex, Floats

Function = Literal["", "count", "sum", "mean", "min", "max"]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Tie:
    """What each category of a variable says of the rows below those that have it.

    Attributes:
        function: how these become one number; empty where it is what the one with the role has.
        role: that they have; None where any count.
        condition: that holds for them; None where all count.
        opposite: whether those count instead for whom the condition does not hold.
        source: position of the variable whose numbers are taken; None where rows are counted.
        low: (k,) the least that they come to in each category, NaN where there is nobody.
        high: (k,) the most.
        codes: whether it is a category that is taken over, not a number.
    """

    function: Function
    role: Role | None
    condition: Predicate | None
    source: int | None = None
    opposite: bool = False
    low: Floats
    high: Floats
    codes: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trait:
    """A variable of rows, by which these are told apart.

    Attributes:
        key: what it is known by, whoever sees it.
        variable: in its finest bins.
        categories: of them that there may be.
        low: (k,) the least number of each, and of those that it stands for.
        high: (k,) the greatest.
        tie: what it says of rows below; None where nothing.
    """

    key: Hashable
    variable: Variable
    categories: CellIndex
    low: Floats
    high: Floats
    tie: Tie | None = None

    @classmethod
    def merged(cls, key: Hashable, variable: Variable, tie: Tie | None, alike: Sequence[Floats]) -> "Trait":
        """One whose categories stand for all that are alike in what is said of them, (k,) each."""
        told = np.column_stack([np.isnan(variable.low), *alike])
        _, first, group = np.unique(told, axis=0, return_index=True, return_inverse=True)
        low, high = _spanned(variable.low, variable.high, group.ravel())
        if tie is not None:
            of_tie = _spanned(tie.low, tie.high, group.ravel())
            tie = replace(tie, low=of_tie[0], high=of_tie[1])
        return cls(key=key, variable=variable, categories=np.sort(first), low=low, high=high, tie=tie)


def _spanned(low: Floats, high: Floats, group: CellIndex) -> tuple[Floats, Floats]:
    """Of each category the least and the most of all in its group."""
    least, most = np.full(group.max() + 1, np.inf), np.full(group.max() + 1, -np.inf)
    with np.errstate(invalid="ignore"):  # those of nobody are none of any other's
        np.minimum.at(least, group, low)
        np.maximum.at(most, group, high)
    return least[group], most[group]


def of_followed(one: Followed, schema: Schema) -> Tie:
    """What a variable that follows from members says of these."""
    level = schema.levels[one.level]
    function = "" if one.fold is None else one.fold.name
    return _tie(function, one.role, one.source, one.condition, level.finest(one.position), schema, one.below)


def of_where(one: FoldedBelow, variable: Variable, schema: Schema) -> Tie:
    """What is said of rows below in a `where`."""
    follows, below = one.follows, schema.index(one.follows.level)
    level = schema.levels[below]
    role = level.role_of(follows.role) if follows.role else None
    source = level.position(follows.variable) if follows.variable else None
    condition = View.of_level(schema, below).predicate(follows.condition) if follows.condition else None
    return _tie(follows.function, role, source, condition, variable, schema, below)


def _tie(
    function: str,
    role: Role | None,
    source: int | None,
    condition: Predicate | None,
    variable: Variable,
    schema: Schema,
    below: int,
) -> Tie:
    if function in ("any", "all"):
        low, high = np.array([0.0, 1.0]), np.array([0.0, np.inf])
        if function == "all":
            low, high = low[::-1].copy(), high[::-1].copy()
        return Tie(function="count", role=role, condition=condition, opposite=function == "all", low=low, high=high)
    of = None if source is None else schema.levels[below].variables[source]
    finer = of is not None and of.decimals > variable.decimals
    half = 10.0**-variable.decimals / 2 if finer or function == "mean" else 0.0  # what follows is rounded
    return Tie(
        function=cast(Function, function),
        role=role,
        condition=condition,
        source=source,
        low=variable.low - half,
        high=variable.high + half,
        codes=not variable.numeric,
    )


def of_rules(derived: Sequence[Derived], above: int, below: int, schema: Schema) -> Iterator[Trait]:
    """What rules ask of rows of a level, of each row above: how many are such, whether any or all are."""
    seen = View.of_level(schema, below).variables
    for one in derived:
        tie = _counted(one, above, below)
        if tie is not None:
            named = names_in(tie.condition) if tie.condition is not None else ()
            unknown = isinstance(one, Folded) and any(seen[name].missing for name in named)  # then it may be neither
            states = [NO, YES, NEITHER] if unknown else [NO, YES]
            variable, categories = variable_of(one, schema), np.array(states)
            yield Trait(key=one.name, variable=variable, categories=categories, low=variable.low, high=variable.high, tie=tie)


def _counted(one: Derived, above: int, below: int) -> Tie | None:
    """The tie of one, where rows are counted alone; its categories are places among the states of what is asked."""
    if isinstance(one, Weighed) and len(one.folds) == 1 and not one.beside:
        fold, ends = one.folds[0], _ends(one.said, one.folds[0].name)
        if fold.fold.name != "count" or ends is None:
            return None
        rows, onto, opposite = fold.rows, fold.onto, False
    elif isinstance(one, Folded):
        rows, onto, opposite = one.rows, one.onto, one.fold.name == "all"
        no, yes = ((1.0, np.inf), (0.0, 0.0)) if opposite else ((0.0, 0.0), (1.0, np.inf))
        ends = no, yes
    else:
        return None
    if (onto, rows.level) != (above, below) or (rows.such is not None and (rows.such.derived or rows.such.level != below)):
        return None
    (no_low, no_high), (low, high) = ends
    lows, highs = np.array([no_low, 0.0, low, 0.0]), np.array([no_high, np.inf, high, np.inf])
    condition = None if rows.such is None else rows.such.predicate
    return Tie(function="count", role=rows.role, condition=condition, opposite=opposite, low=lows, high=highs)


def _ends(said: Compare, name: str) -> tuple[tuple[float, float], tuple[float, float]] | None:
    """Between which ends a count lies where a comparison with a number is not true, and where it is."""
    match said:
        case Compare(op, Column(own), Constant(value)) if own == name:
            pass
        case Compare(op, Constant(value), Column(own)) if own == name:
            op = {"<": ">", "<=": ">=", ">": "<", ">=": "<="}.get(op, op)
        case _:
            return None
    return _where(OPPOSITES[op], value), _where(op, value)


def _where(op: str, value: float) -> tuple[float, float]:
    """The least and the most that a count can be of which a comparison is true."""
    match op:
        case "<":
            return 0.0, np.ceil(value) - 1
        case "<=":
            return 0.0, np.floor(value)
        case ">":
            return np.floor(value) + 1, np.inf
        case ">=":
            return np.ceil(value), np.inf
        case "=":
            return value, value
    return float(value == 0), np.inf
