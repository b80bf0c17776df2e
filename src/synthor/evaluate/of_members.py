"""Questions about members, or about units by their members: asked of the rows of the deepest level that they name.

relationship by sex                          how many persons of each
mean head.age by tenure                      of households, one member of which is named by its role
count(partner) < 1 where age < 18 by tenure  the share of persons under 18 in whose household nobody is a partner
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import polars as pl

from synthor.errors import Finding, InputError, nearest
from synthor.evaluate.question import (
    GRAMMAR,
    Question,
    kind_of,
    no_numbers,
    outside_quotes,
    refuse_free,
    sides_of,
    sized,
    unclear,
)
from synthor.measure import Records
from synthor.measure.coded import coded
from synthor.problem import Problem, Rule
from synthor.problem.instead import of_several
from synthor.rules.lifted import as_seen, folds_in, seen_values, with_derived
from synthor.rules.lifting import levels_named
from synthor.rules.on_values import holds
from synthor.rules.parse import PredicateError
from synthor.schema import Ref, Schema, Units
from synthor.types import Floats, Mask


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuestionOfMembers(Question):
    """A question to the rows of one level.

    Attributes:
        schema: of the units.
        level: whose rows are asked.
        refs: where they find the categories that make the cells.
        number: where they find the number of a statistic; None where there is none.
        such: what is true of those that a share counts; None of other questions.
        where: what is true of those that are asked; None where all are.
    """

    schema: Schema
    level: int
    refs: tuple[Ref, ...]
    number: Ref | None = None
    such: Rule | None = None
    where: Rule | None = None

    def values(self, records: Records) -> Floats:
        units = coded(records, self.schema)
        columns = [units.column(ref, self.level) for ref in self.refs]
        kept = np.ones(units.n_rows(self.level), bool)
        for column in columns:
            kept &= column >= 0
        if self.where is not None:
            kept &= self._holds(self.where, units, records)
        numbers = None
        if self.number is not None:
            numbers = self._found(self.number, units, records)
            kept &= ~np.isnan(numbers)
            numbers = numbers[kept]
        such = self._holds(self.such, units, records)[kept] if self.such is not None else None
        cell = np.zeros(int(kept.sum()), np.int64)
        for column, variable in zip(columns, self.by, strict=True):
            cell = cell * variable.size + column[kept]
        return self.computed(cell, numbers, such)

    def _holds(self, rule: Rule, units: Units, records: Records) -> Mask:
        schema, fine = self.schema.refined, self.schema.refine(units)
        flat = with_derived(schema, rule.level, rule.derived).unit
        seen = as_seen(schema, fine, rule.level, rule.derived).columns()
        codes = {variable.name: column for variable, column in zip(flat.variables, seen, strict=True)}
        values = seen_values(schema, fine, rule.level, rule.derived, records)
        found = holds(rule.predicate, values, {variable.name: variable for variable in flat.variables}, codes)
        return found[units.above(rule.level, self.level)]

    def _found(self, ref: Ref, units: Units, records: Records) -> Floats:
        level = self.schema.levels[ref.level]
        column = records[level.name][level.variables[ref.column].name]
        if not column.dtype.is_numeric():
            message = f"column '{column.name}' holds labels, but its {self.kind} is asked for"
            where = f"records of '{level.name}'"
            raise InputError([Finding(where=where, message=message, cure="give its values as numbers")])
        numbers = np.append(column.cast(pl.Float64).fill_null(np.nan).to_numpy(), np.nan)
        return np.asarray(numbers[units.seen(ref, self.level)])  # the last one stands for nobody


def parse_of_members(text: str, problem: Problem) -> QuestionOfMembers | None:
    """A question to members, or to units by them; None where it is to units by their own variables.

    Raises:
        InputError: it is no such question, or names an unknown variable.
    """
    where = f'--of "{text}"'
    schema = problem.schema
    asked, *conditions = outside_quotes(text, "where")  # before or behind what it is asked by
    if len(conditions) > 1:
        raise InputError([Finding(where=where, message="says `where` twice", cure="join the two with `and`")])
    sides = sides_of(asked)
    behind = sides_of(conditions[0]) if conditions else None
    names = [*sides.by, *(() if behind is None else behind.by)]
    by = [(name, _ref(name, schema, where)) for name in names]
    of = None
    kind, counted = kind_of(sides.first)
    if kind == "count":
        by = [*((name, _ref(name, schema, where)) for name in counted), *by]
    elif kind != "share":
        of = _ref(counted[0], schema, where)
    twice = [name for place, (name, ref) in enumerate(by) if ref in [other for _, other in by[:place]]]
    if twice:
        raise InputError([Finding(where=where, message=f"names {twice[0]} twice", cure="name it once")])
    refs = [ref for _, ref in by] + ([] if of is None else [of])
    said = [counted[0]] if kind == "share" else []
    level = _asked(schema, refs, said if behind is None else [*said, behind.first], where)
    such = _rule(counted[0], problem, level, where) if kind == "share" else None
    told = None if behind is None else _rule(behind.first, problem, level, where)
    if told is None and all(ref.plain and not ref.level for ref in refs) and (such is None or such.flat):
        return None
    number = None if of is None else schema.variable(of)
    if number is not None and not number.numeric:
        raise no_numbers(where, number.name, kind, names)
    question = QuestionOfMembers(
        text=text,
        kind=kind,
        by=tuple(replace(schema.variable(ref), name=name) for name, ref in by),
        variables=problem.variables,
        rows=schema.levels[level].name,
        folds={
            fold.name: schema.levels[fold.onto].name
            for rule in (such, told)
            for fold in (() if rule is None else folds_in(rule.derived))
        },
        of=number,
        schema=schema,
        level=level,
        refs=tuple(ref for _, ref in by),
        number=of,
        such=such,
        where=told,
    )
    sized(question)
    return question


def _ref(name: str, schema: Schema, where: str) -> Ref:
    ref = schema.resolve(name)
    if ref is not None:
        refuse_free(schema.variable(ref), where)
        return ref
    known = [level for level in schema if name in level.names]
    if len(known) > 1:
        message = f"'{name}' is a variable of {' and of '.join(level.name for level in known)}"
        cure = f"write {' or '.join(f'{level.name}.{name}' for level in known)}"
        raise InputError([Finding(where=where, message=message, cure=cure)])
    several = of_several(name, schema)
    if several is not None:
        cure = f"ask for {several[1]}, with `where {several[2]}`"
        raise InputError([Finding(where=where, message=several[0], cure=cure)])
    message = f"no variable is called '{name}'" if name else "a name of a variable is missing"
    raise InputError([Finding(where=where, message=message, cure=nearest(name, schema.names) if name else GRAMMAR)])


def _asked(schema: Schema, refs: Sequence[Ref], predicates: Iterable[str], where: str) -> int:
    """The level whose rows are asked: the deepest that anything in the question names."""
    try:
        named = {level for text in predicates for level in levels_named(text, schema)}
    except PredicateError as error:
        raise unclear(where, error) from None
    level = schema.shared_level([Ref(0, 0), *refs, *(Ref(at, 0) for at in named)])
    if level is None:
        message = "names variables of levels that stand side by side"
        raise InputError([Finding(where=where, message=message, cure="ask about one of them at a time")])
    return level


def _rule(text: str, problem: Problem, level: int, where: str) -> Rule:
    try:
        return problem.rule(text, of=level)
    except PredicateError as error:
        raise unclear(where, error) from None
