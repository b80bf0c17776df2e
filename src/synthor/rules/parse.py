"""From a text to a predicate, by a parser of SQL (sqlglot).

Anything but comparisons, `in`, `between`, and/or/not and arithmetic is refused by name; nothing is ever evaluated as code.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import sqlglot
from sqlglot import expressions as exp
from sqlglot import parser, tokens

from synthor.errors import nearest
from synthor.rules.syntax import Absent, Among, Arithmetic, Both, Column, Compare, Constant, Either, Negated, Predicate, Term
from synthor.schema import Variable
from synthor.schema.fold import FOLDS

MAX_LENGTH = 10_000
MAX_DEPTH = 100


COMPARISONS: dict[type[exp.Expression], str] = {
    exp.EQ: "=", exp.NEQ: "!=", exp.LT: "<", exp.LTE: "<=", exp.GT: ">", exp.GTE: ">=",
}  # fmt: skip
ARITHMETIC: dict[type[exp.Expression], str] = {exp.Add: "+", exp.Sub: "-", exp.Mul: "*"}


class Unfolded(sqlglot.Dialect):
    """SQL whose folds are functions like any other: they take a condition, which those of SQL do not.

    `all` and `any` are words of its own in SQL, which a parser drops or joins to what comes before or after.
    """

    class Tokenizer(tokens.Tokenizer):
        """What makes words of a text."""

        KEYWORDS: ClassVar = {word: token for word, token in tokens.Tokenizer.KEYWORDS.items() if word.lower() not in FOLDS}

    class Parser(parser.Parser):
        """Its parser."""

        FUNCTIONS: ClassVar = {name: made for name, made in parser.Parser.FUNCTIONS.items() if name.lower() not in FOLDS}
        NO_PAREN_FUNCTION_PARSERS: ClassVar = {
            name: made for name, made in parser.Parser.NO_PAREN_FUNCTION_PARSERS.items() if name.lower() not in FOLDS
        }


class PredicateError(ValueError):
    """A predicate cannot be understood; `cure` says what to write instead."""

    def __init__(self, message: str, cure: str = "") -> None:
        super().__init__(message)
        self.cure = cure


def parse_predicate(text: str, variables: Mapping[str, Variable]) -> Predicate:
    """Parse an SQL predicate over the variables of a spec.

    Raises:
        PredicateError: it is no SQL, uses what is not allowed, or names an unknown variable or label.

    >>> from synthor.schema.kinds import Integer
    >>> age = Integer(type="integer", min=0, max=99, bins=[0, 18]).build("age")
    >>> parse_predicate("age >= 18", {"age": age})
    Compare(op='>=', left=Column(name='age'), right=Constant(value=18.0))
    """
    return predicate_of(tree_of(text), variables)


def tree_of(text: str) -> exp.Condition:
    """The syntax tree of a predicate, before anything in it is understood.

    Raises:
        PredicateError: it is no SQL.
    """
    if len(text) > MAX_LENGTH:
        raise PredicateError(f"is {len(text)} characters long", f"keep it under {MAX_LENGTH}")
    try:
        return sqlglot.parse_one(text, into=exp.Condition, dialect=Unfolded)
    except sqlglot.errors.SqlglotError as error:
        problem = (getattr(error, "errors", None) or [{}])[0]
        near = f", near '{problem['highlight']}'" if problem.get("highlight") else ""
        raise PredicateError(f"is no SQL predicate{near}", "write it like: age < 15 and works = 'yes'") from None
    except RecursionError:
        raise too_deep() from None


def with_columns(text: str, meaning: Mapping[str, str]) -> str:
    """A predicate in which some columns are written as what they mean.

    >>> with_columns("income > eldest", {"eldest": "max(person.age)"})
    'income > MAX(person.age)'
    """

    def put(node: Any) -> Any:
        if isinstance(node, exp.Column) and not node.table and node.name in meaning:
            return tree_of(meaning[node.name])
        return node

    return tree_of(text).transform(put).sql(dialect=Unfolded)


def predicate_of(tree: object, variables: Mapping[str, Variable], others: Collection[str] = ()) -> Predicate:
    """A syntax tree as a predicate over some variables.

    Args:
        tree: of a predicate.
        variables: that it may name.
        others: names of those that are of other rows, which need not be there.

    Raises:
        PredicateError: it uses what is not allowed, or names an unknown variable or label.
    """
    numbers = frozenset(name for name, one in variables.items() if one.numeric)
    try:
        predicate = _Parser(variables, numbers, frozenset(others)).predicate(tree)
    except sqlglot.errors.SqlglotError:
        raise PredicateError("is no SQL predicate", "write it like: age < 15 and works = 'yes'") from None
    except RecursionError:
        raise too_deep() from None
    if _depth(predicate) > MAX_DEPTH:  # whoever reads the tree later has less room than the parser had
        raise too_deep()
    return predicate


@dataclass(frozen=True, slots=True)
class _Parser:
    """A predicate's syntax tree into ours.

    Attributes:
        variables: that a predicate may name.
        numbers: names of those that stand for a number; the others stand for a label.
        others: names of those that are of other rows, which need not be there.
    """

    variables: Mapping[str, Variable]
    numbers: frozenset[str]
    others: frozenset[str]

    def predicate(self, node: object) -> Predicate:
        match node:
            case exp.Paren():
                return self.predicate(node.this)
            case exp.Not():
                return Negated(self.predicate(node.this))
            case exp.And():
                return _joined(Both, [self.predicate(part) for part in node.flatten(unnest=False)])
            case exp.Or():
                return _joined(Either, [self.predicate(part) for part in node.flatten(unnest=False)])
            case exp.Between() if not node.args.get("symmetric"):
                low = self.comparison(">=", node.this, node.args["low"])
                return Both(low, self.comparison("<=", node.this, node.args["high"]))
            case exp.In() if node.expressions:
                return self.membership(node.this, node.expressions)
            case exp.Column():
                variable = self.variable(node)
                if variable.kind.alone is None:
                    raise PredicateError(f"'{variable.name}' alone is no condition", f"compare it: {variable.name} = ...")
                return Among(variable.name, (variable.kind.alone,))
            case exp.Expression() if type(node) in COMPARISONS:
                return self.comparison(COMPARISONS[type(node)], node.this, node.expression)
            case exp.Is(this=exp.Column() as column, expression=exp.Null()):
                variable = self.variable(column)
                cure = f"every {variable.name} has a value; what has none is declared by `missing: not stated`"
                if variable.missing and variable.name not in self.others:
                    cure = f"write {variable.name} = '{variable.labels[-1]}'"
                raise PredicateError(f"`{_shown(node)}` is not allowed", cure)
        raise _refused(node)

    def comparison(self, op: str, left: exp.Expression, right: exp.Expression) -> Predicate:
        left, right = bare(left), bare(right)
        if self._nominal(right) and not self._nominal(left):
            left, right = right, left  # = and != only, so nothing else turns round
        if op in ("=", "!=") and self._label(left) and self._binned(right):
            left, right = right, left
        if op in ("=", "!=") and self._label(right) and self._binned(left):
            inside = self.membership(left, [right])
            return inside if op == "=" else Negated(inside)
        nominal = self._nominal(left)
        if nominal is None:
            return Compare(op, self.term(left), self.term(right))
        if op not in ("=", "!="):
            raise PredicateError(f"'{nominal.name}' has no order, so '{op}' means nothing", "use =, != or in (...)")
        other = None if isinstance(right, exp.Column) and right.this.quoted else self._nominal(right)
        alike = None if other is None else _alike(nominal, other, op)
        if alike is not None:
            return alike
        inside = self.membership(left, [right])
        return inside if op == "=" else Negated(inside)

    def membership(self, left: exp.Expression, items: list[exp.Expression]) -> Predicate:
        nominal = self._nominal(left)
        if nominal is not None:
            return Among(nominal.name, tuple(sorted({self.code(nominal, item) for item in items})))
        binned = self._binned(left)
        found: list[Predicate] = []
        for item in items:
            if binned is not None and self._label(item):  # a bin by its label, as tables write it
                code = self.code(binned, item)
                found.append(_inside(binned, code) if code < binned.n_valued else Absent(binned.name))
            else:
                found.append(Compare("=", self.term(left), self.term(item)))
        return _joined(Either, found)

    def code(self, variable: Variable, node: exp.Expression) -> int:
        node = bare(node)
        if isinstance(node, exp.Literal | exp.Boolean):
            text = str(node.this) if isinstance(node, exp.Literal) else "yes" if node.this else "no"
        elif isinstance(node, exp.Column) and node.this.quoted:  # "double quotes" are a common slip for 'single quotes'
            text = node.name
        else:
            raise PredicateError(f"'{variable.name}' is compared with {_shown(node)}", "compare it with a label in quotes")
        code = variable.code(text)
        if code >= variable.n_valued and variable.name in self.others:
            message = f"'{text}' stands for no value, and {variable.name} has none either where there is no such row"
            before, _, own = variable.name.partition(".")
            cure = f"write any({before}, {own} = '{text}')" if before.isidentifier() else "leave that label out"
            raise PredicateError(message, cure)
        if code < 0:
            cure = "write a number without quotes, or a label; " if variable.name in self.numbers else ""
            raise PredicateError(f"'{text}' is no label of {variable.name}", cure + nearest(text, variable.labels))
        return code

    def term(self, node: exp.Expression) -> Term:
        match bare(node):
            case exp.Column() as column:
                variable = self.variable(column)
                if variable.name not in self.numbers:
                    raise PredicateError(f"'{variable.name}' is no number", "compare it with a label in quotes")
                return Column(variable.name)
            case exp.Literal() as literal:
                if literal.is_string:
                    raise PredicateError(
                        f"{_shown(literal)} is compared with a number",
                        "compare numbers with numbers, or a bin with its label by = or in",
                    )
                value = float(literal.this)
                if not np.isfinite(value):
                    raise PredicateError(f"{literal.this} is too large", "write a smaller number")
                return Constant(value)
            case exp.Neg() as negative:
                return Arithmetic("-", Constant(0.0), self.term(negative.this))
            case exp.Expression() as other if type(other) in ARITHMETIC:
                return Arithmetic(ARITHMETIC[type(other)], self.term(other.this), self.term(other.expression))
            case other:
                raise _refused(other)

    def variable(self, node: exp.Column) -> Variable:
        if node.table:
            raise PredicateError(f"'{node.sql()}' has a dot", "name a variable alone")
        if node.name not in self.variables:
            raise PredicateError(f"no variable is called '{node.name}'", nearest(node.name, list(self.variables)))
        return _counted(self.variables[node.name])

    def _binned(self, node: exp.Expression) -> Variable | None:
        node = bare(node)
        found = self.variables.get(node.name) if isinstance(node, exp.Column) and not node.table else None
        return found if found is not None and found.name in self.numbers else None

    @staticmethod
    def _label(node: exp.Expression) -> bool:
        node = bare(node)
        return isinstance(node, exp.Literal) and bool(node.is_string)

    def _nominal(self, node: exp.Expression) -> Variable | None:
        if not isinstance(node, exp.Column) or node.table or node.name not in self.variables:
            return None
        variable = _counted(self.variables[node.name])
        return None if variable.name in self.numbers else variable


def _alike(one: Variable, other: Variable, op: str) -> Predicate | None:
    """Two variables with the same label, or with two different ones; None where they share none.

    What has no value is neither.
    """
    own, theirs = one.labels[: one.n_valued], other.labels[: other.n_valued]
    if set(own).isdisjoint(theirs):
        return None
    found: list[Predicate] = []
    for code, label in enumerate(own):
        such = tuple(at for at, beside in enumerate(theirs) if (beside == label) == (op == "="))
        if such:
            found.append(Both(Among(one.name, (code,)), Among(other.name, such)))
    return _joined(Either, found) if found else Among(one.name, ())


def _counted(variable: Variable) -> Variable:
    """A variable of which something can be said."""
    if variable.kind.free:
        raise PredicateError(f"'{variable.name}' is another in each record, so nothing is said of it", "leave it out")
    return variable


def _inside(variable: Variable, code: int) -> Predicate:
    """That a value lies in a bin."""
    value = Column(variable.name)
    above = Compare(">=", value, Constant(float(variable.low[code])))
    if code == variable.n_valued - 1:
        return Both(above, Compare("<=", value, Constant(float(variable.high[code]))))
    return Both(above, Compare("<", value, Constant(float(variable.low[code + 1]))))


def _joined(kind: type[Both] | type[Either], parts: list[Predicate]) -> Predicate:
    """All parts in one tree that is as flat as can be, so that a long list is not a deep one."""
    if len(parts) == 1:
        return parts[0]
    half = (len(parts) + 1) // 2
    return kind(_joined(kind, parts[:half]), _joined(kind, parts[half:]))


def _depth(node: Predicate | Term) -> int:
    match node:
        case Column() | Constant() | Among() | Absent():
            return 1
        case Negated(inner):
            return 1 + _depth(inner)
        case _:
            return 1 + max(_depth(node.left), _depth(node.right))


def too_deep() -> PredicateError:
    """That a predicate is nested deeper than can be read."""
    return PredicateError(f"is nested more than {MAX_DEPTH} levels deep", "split it into several rules")


def bare(node: exp.Expression) -> exp.Expression:
    """A node without the parentheses around it."""
    while isinstance(node, exp.Paren):
        node = node.this
    return node


def _shown(node: exp.Expression) -> str:
    return node.sql()[:60]


def _refused(node: object) -> PredicateError:
    call = fold_of(node)
    if call is not None:
        message = f"`{call.shown}` looks at rows below, and these records have none"
        return PredicateError(message, "name variables of one record alone")
    what = f"{type(node).__name__.lower()} `{_shown(node)}`" if isinstance(node, exp.Expression) else repr(node)
    cure = "use variables, labels, numbers, = != < <= > >=, in, between, and, or, not, + - *"
    return PredicateError(f"{what} is not allowed", cure)


@dataclass(frozen=True, slots=True)
class Call:
    """A function that is written and that SQL does not know, or that stands for a fold.

    Attributes:
        name: in small letters.
        arguments: as they are.
    """

    name: str
    arguments: tuple[exp.Expression, ...]

    @property
    def shown(self) -> str:
        """How it is written."""
        return f"{self.name}({', '.join(map(text_of, self.arguments))})"


def text_of(node: exp.Expression) -> str:
    """A node as it could be written; two that differ are written differently."""
    return node.sql(normalize_functions="lower")


def call_of(node: object) -> Call | None:
    """A node of a syntax tree as a call; None where it is none."""
    return Call(node.name.lower(), tuple(node.expressions)) if isinstance(node, exp.Anonymous) else None


def fold_of(node: object) -> Call | None:
    """A node of a syntax tree as something said of rows below; None where it is none."""
    call = call_of(node)
    return call if call is not None and call.name in FOLDS else None


def outside_folds(tree: object) -> Iterator[object]:
    """The nodes of a syntax tree but for what stands inside of something said of rows below."""
    assert isinstance(tree, exp.Expression)
    return tree.walk(prune=lambda node: fold_of(node) is not None)
