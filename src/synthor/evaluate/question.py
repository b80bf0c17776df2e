"""What can be asked of a population: a cross-table, a statistic or a share, for everybody or by category.

age by sex                       how many records fall into each cell
mean income by tenure            also total, sd and median of a number
income > 50000 by tenure, sex    the share of records for which an SQL predicate holds
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError, nearest
from synthor.measure import Records, encode
from synthor.problem import Problem
from synthor.rules.on_values import holds
from synthor.rules.parse import PredicateError, parse_predicate
from synthor.rules.syntax import Predicate, names_in
from synthor.schema import Variable
from synthor.types import CellIndex, Floats, Mask

Statistic = Literal["mean", "total", "sd", "median"]
Kind = Literal["count", "share"] | Statistic

MOST_CELLS = 2_000
GRAMMAR = 'write "age by sex", "mean income by tenure" (or total, sd, median), or "income > 50000 by tenure"'


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Question:
    """A cross-table, a statistic or a share, ready to be counted.

    Attributes:
        text: as asked.
        kind: count of a cross-table, share of a predicate, or a statistic.
        by: variables whose categories make the cells; one cell for everybody where there are none.
        of: the numeric variable of a statistic.
        predicate: of a share.
        variables: of the problem, by name.
        rows: what those are called that are asked; empty where there are no others.
        folds: what is said of rows below, as it is written, and of which rows each.
    """

    text: str
    kind: Kind
    by: tuple[Variable, ...]
    variables: Mapping[str, Variable]
    of: Variable | None = None
    predicate: Predicate | None = None
    rows: str = ""
    folds: Mapping[str, str] = field(default_factory=dict)

    @property
    def shape(self) -> tuple[int, ...]:
        return tuple(variable.size for variable in self.by)

    @property
    def n_cells(self) -> int:
        return int(np.prod(self.shape))

    @property
    def names(self) -> tuple[str, ...]:
        """All variables that it speaks of."""
        own = [self.of.name] if self.of is not None else []
        inside = sorted(names_in(self.predicate)) if self.predicate is not None else []
        return tuple(dict.fromkeys([*(variable.name for variable in self.by), *own, *inside]))

    @property
    def unit(self) -> str:
        """Of its values, for people."""
        if self.of is not None:
            return self.of.unit
        return "share" if self.kind != "count" else f"rows of {self.rows}" if self.rows else "records"

    @property
    def asked(self) -> str:
        """Whose rows it is answered of, for people; empty where there is one kind of rows.

        >>> Question(text="", kind="share", by=(), variables={}, rows="family", folds={"count(person)": "family"}).asked
        'Of rows of family; `count(person)` is of each family.'
        """
        told = "".join(f"; `{name}` is of each {row}" for name, row in self.folds.items())
        return f"Of rows of {self.rows}{told}." if self.rows else ""

    def labels(self, cell: int) -> dict[str, str]:
        """Labels of one cell by variable."""
        codes = np.unravel_index(cell, self.shape) if self.by else ()
        return {variable.name: variable.labels[int(code)] for variable, code in zip(self.by, codes, strict=True)}

    def values(self, records: Records) -> Floats:
        """What records come to in each cell, (cells,); NaN where no record is in the cell.

        Args:
            records: one table a level.

        Raises:
            InputError: a column is missing, holds unknown labels, or labels where numbers are needed.
        """
        frame = next(iter(records.values()))
        cell, such = self._cells(frame), None
        if self.predicate is not None:
            encode(frame, [self.variables[name] for name in self.names])
            such = holds(self.predicate, frame, self.variables)
        if self.of is None:
            return self.computed(cell, None, such)
        numbers = self._numbers(frame, self.of)
        there = ~np.isnan(numbers)
        return self.computed(cell[there], numbers[there], such)

    def computed(self, cell: CellIndex, numbers: Floats | None, such: Mask | None) -> Floats:
        """The same of rows that are told already.

        Args:
            cell: (rows,) that each falls into.
            numbers: (rows,) of a statistic.
            such: (rows,) whether each is what a share counts.
        """
        count = np.bincount(cell, minlength=self.n_cells).astype(np.float64)
        if self.kind == "count":
            return count
        with np.errstate(invalid="ignore", divide="ignore"):
            if such is not None:
                return np.bincount(cell[such], minlength=self.n_cells) / count
            if numbers is None:
                raise AssertionError("a statistic is of a variable")
            if self.kind == "median":
                return _medians(cell, numbers, self.n_cells)
            total = np.bincount(cell, numbers, self.n_cells)
            if self.kind == "total":
                return np.asarray(total, dtype=np.float64)
            mean = total / count
            if self.kind == "mean":
                return np.asarray(mean, dtype=np.float64)
            return np.sqrt(np.bincount(cell, np.square(numbers - mean[cell]), self.n_cells) / count)

    def _cells(self, records: pl.DataFrame) -> CellIndex:
        if not self.by:
            return np.zeros(records.height, np.int64)
        return np.ravel_multi_index(encode(records, self.by).columns(), self.shape).astype(np.int64)

    def _numbers(self, records: pl.DataFrame, of: Variable) -> Floats:
        encode(records, [of])
        column = records[of.name]
        if not column.dtype.is_numeric():
            message = f"column '{of.name}' holds labels, but its {self.kind} is asked for"
            raise InputError([Finding(where="records", message=message, cure="give its values as numbers")])
        return column.cast(pl.Float64).fill_null(np.nan).to_numpy()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sides:
    """The parts of a question as it is written.

    Attributes:
        first: what is asked for.
        by: names of the variables that make cells.
    """

    first: str
    by: tuple[str, ...]


def parse_question(text: str, problem: Problem) -> Question:
    """A question in the small language above.

    Raises:
        InputError: it is no such question, or names an unknown variable.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec("{records: 9, variables: {car: {type: boolean}, rents: {type: boolean}}}"))
    >>> question = parse_question("car = 'yes' by rents", problem)
    >>> question.kind, question.names
    ('share', ('rents', 'car'))
    """
    where = f'--of "{text}"'
    sides = sides_of(text)
    kind, named = kind_of(sides.first)
    if kind == "count":
        return sized(
            Question(text=text, kind=kind, by=_variables([*named, *sides.by], problem, where), variables=problem.variables)
        )
    if kind != "share":
        of = _variable(named[0], problem, where)
        if not of.numeric:
            raise no_numbers(where, of.name, kind, sides.by)
        return sized(
            Question(text=text, kind=kind, of=of, by=_variables(sides.by, problem, where), variables=problem.variables)
        )
    try:
        predicate = parse_predicate(named[0], problem.variables)
    except PredicateError as error:
        raise unclear(where, error) from None
    by = _variables(sides.by, problem, where)
    return sized(Question(text=text, kind=kind, predicate=predicate, by=by, variables=problem.variables))


def sides_of(text: str) -> Sides:
    """The parts of a question.

    Raises:
        InputError: it is too long to be one.
    """
    if len(text) > 1000:
        raise InputError([Finding(where="--of", message=f"is {len(text):,} characters long", cure=GRAMMAR)])
    first, *rest = outside_quotes(text, "by")
    return Sides(first=first, by=tuple(part.strip() for side in rest for part in side.split(",")))


def kind_of(first: str) -> tuple[Kind, list[str]]:
    """What is asked for, and of what: names of variables, or a predicate.

    >>> kind_of("mean of income"), kind_of("age, sex"), kind_of("share of age < 18")
    (('mean', ['income']), ('count', ['age', 'sex']), ('share', ['age < 18']))
    """
    statistic = re.fullmatch(r"(\w+)\s+(?:of\s+)?([\w.]+)", first.strip())
    if statistic and statistic[1].casefold() in get_args(Statistic):
        return next(known for known in get_args(Statistic) if known == statistic[1].casefold()), [statistic[2]]
    names = [name.strip() for name in first.split(",")]
    if all(re.fullmatch(r"[\w.]+", name) for name in names):
        return "count", names
    return "share", [re.sub(r"^\s*share\s+of\s+", "", first)]


def no_numbers(where: str, name: str, kind: Kind, by: Sequence[str]) -> InputError:
    """That a statistic is asked of a variable that has none."""
    cure = f'ask for "{" by ".join([name, *by])}", or name a number'
    return InputError([Finding(where=where, message=f"{name} holds no numbers, so it has no {kind}", cure=cure)])


def unclear(where: str, error: PredicateError) -> InputError:
    """That something can be read in no way."""
    message = f"is neither a table, nor a statistic, nor a predicate: it {error}"
    return InputError([Finding(where=where, message=message, cure=error.cure or GRAMMAR)])


def outside_quotes(text: str, word: str) -> list[str]:
    """The parts between a word wherever it stands outside quotes.

    >>> outside_quotes("tenure = 'rented by a' by sex by age", "by")
    ["tenure = 'rented by a'", 'sex', 'age']
    """
    pieces = re.split(r"('[^']*'|\"[^\"]*\")", text)
    held = [piece if i % 2 else re.sub(rf"(?i)(?:^|(?<=\s)){word}(?=\s|$)", "\0", piece) for i, piece in enumerate(pieces)]
    return [part.strip() for part in "".join(held).split("\0")]


def _variable(name: str, problem: Problem, where: str) -> Variable:
    if name in problem.variables:
        refuse_free(problem.variables[name], where)
        return problem.variables[name]
    message = f"no variable is called '{name}'" if name else "a name of a variable is missing"
    cure = nearest(name, list(problem.variables)) if name else GRAMMAR
    raise InputError([Finding(where=where, message=message, cure=cure)])


def refuse_free(variable: Variable, where: str) -> None:
    """Raise where no two records have the same of a variable.

    Raises:
        InputError: it is so.
    """
    if variable.kind.free:
        message = f"{variable.name} is another in each record, so nothing is counted of it"
        raise InputError([Finding(where=where, message=message, cure="name other variables")])


def _variables(names: Sequence[str], problem: Problem, where: str) -> tuple[Variable, ...]:
    found = tuple(_variable(name, problem, where) for name in names)
    twice = [name for name in names if names.count(name) > 1]
    if twice:
        raise InputError([Finding(where=where, message=f"names {twice[0]} twice", cure="name it once")])
    return found


def sized(question: Question) -> Question:
    """The same; refused where it has more cells than anybody looks at."""
    if question.n_cells > MOST_CELLS:
        message = f"has {question.n_cells:,} cells, at most {MOST_CELLS:,} can be looked at"
        raise InputError([Finding(where=f'--of "{question.text}"', message=message, cure="ask by fewer variables")])
    return question


def _medians(cell: CellIndex, numbers: Floats, n_cells: int) -> Floats:
    order = np.lexsort((numbers, cell))
    ends = np.searchsorted(cell[order], np.arange(n_cells + 1))
    sizes = np.diff(ends)
    found = np.full(n_cells, np.nan)
    held = np.flatnonzero(sizes)
    ranked = numbers[order]
    middle = ends[held] + (sizes[held] - 1) // 2, ends[held] + sizes[held] // 2
    found[held] = (ranked[middle[0]] + ranked[middle[1]]) / 2
    return found
