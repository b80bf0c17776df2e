"""Expressions of a control file, which PopulationSim runs as Python: here they are parsed, and nothing is ever run.

What is understood: comparisons of a column with a number or a text, `isin`, `between`, `isna` and their kin, joined by `&`,
`|` and `~`. Everything else is refused in words.
"""

import ast
import math
import operator
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from synthor.populationsim.values import FIRST, LAST, Cut, ValueSet, after, before

MOST = 10_000
"""Characters of an expression."""
MOST_CODES = 100_000
"""Numbers of a range that is written out."""

ALL_NUMBERS = ValueSet.between(FIRST, LAST)
BLANK = ValueSet(blank=True)
MIRRORED: dict[type[ast.cmpop], type[ast.cmpop]] = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE}
METHODS: dict[str, type[ast.cmpop]] = {
    "eq": ast.Eq, "ne": ast.NotEq, "lt": ast.Lt, "le": ast.LtE, "gt": ast.Gt, "ge": ast.GtE,
}  # fmt: skip
NUMPY = ("np", "numpy", "math")


class UntranslatedError(ValueError):
    """An expression cannot be said of records; the text is the reason."""


@dataclass(frozen=True, slots=True)
class OneColumn:
    """A condition on one column: its value is one of these."""

    column: str
    values: ValueSet


@dataclass(frozen=True, slots=True)
class AllHold:
    """Conditions of which all hold; no two of them are on one column alone."""

    parts: tuple["Condition", ...]


@dataclass(frozen=True, slots=True)
class AnyHolds:
    """Conditions of which one at least holds."""

    parts: tuple["Condition", ...]


Condition = OneColumn | AllHold | AnyHolds


def condition_of(expression: str, table: str) -> Condition:
    """What an expression says of the rows of a table.

    Args:
        expression: as the control file has it.
        table: of the seed, which the expression calls by its name.

    Raises:
        UntranslatedError: it says something else, or cannot be read; the text is the reason.

    >>> condition_of("(persons.AGEP > 15) & (persons.AGEP <= 24)", "persons").values.edges
    [(15.0, 1), (24.0, 1)]
    >>> condition_of("households.BLD.isin([2, 3])", "households").values.points
    [2.0, 3.0]
    """
    if len(expression) > MOST:
        raise UntranslatedError(f"it is longer than {MOST:,} characters")
    try:
        with warnings.catch_warnings(action="ignore", category=SyntaxWarning):
            tree = ast.parse(expression.strip(), mode="eval")
        return _Reader(table).condition(tree.body)
    except (RecursionError, MemoryError):
        raise UntranslatedError("it is nested too deeply") from None
    except SyntaxError as error:
        raise UntranslatedError(f"it is no expression of Python ({error.msg})") from None
    except UntranslatedError:
        raise
    except ValueError as error:  # null bytes, and numbers of thousands of digits
        raise UntranslatedError(f"it cannot be read ({str(error).split(';')[0]})") from None


def box_of(condition: Condition) -> dict[str, ValueSet] | None:
    """Values of each column, where these conditions all hold and no others; None of anything else.

    >>> list(box_of(condition_of("(h.NP == 1) & (h.CAR > 0)", "h")))
    ['NP', 'CAR']
    >>> box_of(condition_of("(h.NP == 1) | (h.CAR > 0)", "h"))
    """
    parts = condition.parts if isinstance(condition, AllHold) else (condition,)
    if all(isinstance(part, OneColumn) for part in parts):
        return {part.column: part.values for part in parts if isinstance(part, OneColumn)}
    return None


def single_conditions(condition: Condition) -> list[OneColumn]:
    """The conditions on one column that it is made of, in order."""
    if isinstance(condition, OneColumn):
        return [condition]
    return [single for part in condition.parts for single in single_conditions(part)]


def narrowed(condition: Condition, is_true: Callable[[OneColumn], bool]) -> Condition | None:
    """A condition without parts that are true of all rows; None where nothing is left.

    >>> both = condition_of("(h.NP == 1) & (h.WGTP > 0)", "h")
    >>> narrowed(both, lambda part: part.column == "WGTP").column
    'NP'
    """
    if isinstance(condition, OneColumn):
        return None if is_true(condition) else condition
    parts = [narrowed(part, is_true) for part in condition.parts]
    left = tuple(part for part in parts if part is not None)
    if not left or (isinstance(condition, AnyHolds) and len(left) < len(parts)):
        return None
    return left[0] if len(left) == 1 else type(condition)(left)


class _Reader:
    """From the syntax of an expression to a condition."""

    def __init__(self, table: str) -> None:
        self.table = table

    def condition(self, node: ast.expr) -> Condition:
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitAnd):
            return _all_hold(self.condition(node.left), self.condition(node.right))
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.BitOr):
            return _any_holds(self.condition(node.left), self.condition(node.right))
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Invert):
            return _opposite(self.condition(node.operand))
        if isinstance(node, ast.Compare):
            return self._compared(node)
        if isinstance(node, ast.Call):
            return self._called(node)
        if isinstance(node, ast.BoolOp) or (isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.Not)):
            raise UntranslatedError("`and`, `or` and `not` say nothing of columns: write &, | and ~")
        if self._column(node) is not None:
            raise UntranslatedError(f"the column {ast.unparse(node)} alone is no condition: compare it with a value")
        raise UntranslatedError(f"`{_shown(node)}` is no condition on a column of {self.table}")

    def _compared(self, node: ast.Compare) -> OneColumn:
        if len(node.ops) > 1:
            raise UntranslatedError("it compares several times in a row: put each comparison in brackets, with & between")
        left, right, op = node.left, node.comparators[0], type(node.ops[0])
        if op in (ast.In, ast.NotIn, ast.Is, ast.IsNot):
            raise UntranslatedError("`in` and `is` say nothing of columns: write isin([...])")
        column = self._column(left)
        if column is None:
            left, right, op = right, left, MIRRORED.get(op, op)
            column = self._column(left)
        if column is None:
            raise UntranslatedError(f"`{_shown(node)}` does not compare a column of {self.table} with a value")
        if self._column(right) is not None:
            raise UntranslatedError(f"it compares two columns, {ast.unparse(left)} and {ast.unparse(right)}")
        return OneColumn(column, _where(op, _constant(right)))

    def _called(self, node: ast.Call) -> OneColumn:
        """A method of a column that says which values count."""
        function = node.func
        column = self._column(function.value) if isinstance(function, ast.Attribute) else None
        if not isinstance(function, ast.Attribute) or column is None:
            raise UntranslatedError(f"`{_shown(node)}` is no condition on a column of {self.table}")
        name, said = function.attr, {word.arg: word.value for word in node.keywords}
        if name in ("isna", "isnull", "notna", "notnull") and not node.args and not said:
            return OneColumn(column, BLANK if name.startswith("is") else BLANK.without())
        if name == "isin" and len(node.args) == 1 and not said:
            return OneColumn(column, ValueSet.of(_constants(node.args[0])))
        if name in METHODS and len(node.args) == 1 and not said:
            return OneColumn(column, _where(METHODS[name], _constant(node.args[0])))
        if name == "between" and len(node.args) == 2 and set(said) <= {"inclusive"}:
            inclusive = _constant(said["inclusive"]) if said else "both"
            low, high = map(_number, node.args)
            if inclusive not in ("both", "left", "right", "neither"):
                raise UntranslatedError(f"`between` knows no inclusive={inclusive!r}")
            first = before(low) if inclusive in ("both", "left") else after(low)
            return OneColumn(column, ValueSet.between(first, after(high) if inclusive in ("both", "right") else before(high)))
        raise UntranslatedError(f"`{name}` is not known here: comparisons, isin, between, isna and notna are")

    def _column(self, node: ast.expr) -> str | None:
        """The name of a column of the table; None of anything else."""
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == self.table:
            return node.attr
        if isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name) and node.value.id == self.table:
            inner = node.slice
            return inner.value if isinstance(inner, ast.Constant) and isinstance(inner.value, str) else None
        return None


def _where(op: type[ast.cmpop], value: float | str) -> ValueSet:
    """The values that compare so with one."""
    if op is ast.Eq:
        return ValueSet.of([value])
    if op is ast.NotEq:
        return ValueSet.of([value]).without()
    if isinstance(value, str):
        raise UntranslatedError(f"the text '{value}' is neither greater nor less than others")
    stretches: dict[type[ast.cmpop], tuple[Cut, Cut]] = {
        ast.Lt: (FIRST, before(value)),
        ast.LtE: (FIRST, after(value)),
        ast.Gt: (after(value), LAST),
        ast.GtE: (before(value), LAST),
    }
    return ValueSet.between(*stretches[op])


def _constant(node: ast.expr) -> float | str:
    """A number or a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return node.value
    return _number(node)


def _number(node: ast.expr) -> float:
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub | ast.UAdd):
        return _number(node.operand) * (-1 if isinstance(node.op, ast.USub) else 1)
    if isinstance(node, ast.Constant) and isinstance(node.value, int | float) and not isinstance(node.value, bool):
        try:
            return float(node.value)
        except OverflowError:
            return math.inf
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in NUMPY:
        if node.attr.lower() in ("inf", "infty"):
            return math.inf
        if node.attr == "NINF":
            return -math.inf
    raise UntranslatedError(f"`{_shown(node)}` is neither a number nor a text")


def _constants(node: ast.expr) -> Sequence[float | str]:
    """The values of a list, or of a range."""
    if isinstance(node, ast.List | ast.Tuple | ast.Set):
        return [_constant(item) for item in node.elts]
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and not node.keywords:
        if node.func.id in ("list", "tuple", "set") and len(node.args) == 1:
            return _constants(node.args[0])
        if node.func.id == "range" and 1 <= len(node.args) <= 3:
            ends = [_number(item) for item in node.args]
            if all(end == round(end) for end in ends if math.isfinite(end)) and all(map(math.isfinite, ends)):
                found = _ranged([int(end) for end in ends])
                if found is not None:
                    return found
    raise UntranslatedError(f"`{_shown(node)}` is no list of values")


def _ranged(ends: Sequence[int]) -> list[float | str] | None:
    if len(ends) == 3 and not ends[2]:
        return None
    found = range(*ends)
    return [float(value) for value in found] if len(found) <= MOST_CODES else None


def _all_hold(left: Condition, right: Condition) -> Condition:
    return _joined(left, right, AllHold, operator.and_)


def _any_holds(left: Condition, right: Condition) -> Condition:
    return _joined(left, right, AnyHolds, operator.or_)


def _joined(
    left: Condition,
    right: Condition,
    kind: type[AllHold] | type[AnyHolds],
    of_values: Callable[[ValueSet, ValueSet], ValueSet],
) -> Condition:
    """Two conditions as one; those on the same column become one of it."""
    parts: list[Condition] = []
    for one in (left, right):
        for part in one.parts if isinstance(one, kind) else (one,):
            at = next((at for at, known in enumerate(parts) if _same_column(known, part)), None)
            known = parts[at] if at is not None else None
            if at is not None and isinstance(known, OneColumn) and isinstance(part, OneColumn):
                parts[at] = OneColumn(part.column, of_values(known.values, part.values))
            else:
                parts.append(part)
    return parts[0] if len(parts) == 1 else kind(tuple(parts))


def _same_column(one: Condition, other: Condition) -> bool:
    return isinstance(one, OneColumn) and isinstance(other, OneColumn) and one.column == other.column


def _opposite(condition: Condition) -> Condition:
    if isinstance(condition, OneColumn):
        return OneColumn(condition.column, condition.values.without())
    kind = AnyHolds if isinstance(condition, AllHold) else AllHold
    return kind(tuple(_opposite(part) for part in condition.parts))


def _shown(node: ast.expr) -> str:
    text = ast.unparse(node)
    return text if len(text) <= 60 else f"{text[:57]}..."
