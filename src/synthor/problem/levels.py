"""The levels of a spec as the kernel knows them: from what a user wrote to rows with their variables."""

from dataclasses import replace

from synthor.problem.attributes import kind_variable
from synthor.schema import Level, Schema, Variable
from synthor.spec.attributes import known_attributes
from synthor.spec.followed import NOBODY
from synthor.spec.levels import LevelForm, levels_of
from synthor.spec.model import Spec


def schema_of(spec: Spec) -> Schema:
    """The levels of a spec, in declared bins. What follows from members is a variable among the others.

    >>> from synthor import parse_spec
    >>> schema = schema_of(parse_spec('''
    ... unit: household
    ... records: 9
    ... variables: {oldest: {from: max(person.age)}}
    ... members: {person: {variables: {age: {type: integer, min: 0, max: 99, bins: [0, 65]}}}}
    ... '''))
    >>> [level.name for level in schema], schema.unit.variables[0].labels
    (['household', 'person'], ('0-64', '65+', 'none'))
    """
    unit, *below = (_level(form) for form in levels_of(spec))
    kinds, key = known_attributes(spec), "" if spec.zones is None else spec.zones.key
    variables = tuple(kind_variable(own, key) if own.name in kinds else own for own in unit.variables)
    return Schema(levels=(replace(unit, variables=variables), *below))


def _level(form: LevelForm) -> Level:
    return Level(
        name=form.name,
        variables=tuple(_variable(form, name) for name in form.variables),
        parent=form.parent,
        ordered=form.ordered,
        role=form.role,
        roles={role: form.most(role) for role in form.roles},
    )


def _variable(form: LevelForm, name: str) -> Variable:
    """A variable, with a category of its own where there may be nobody that it follows from."""
    variable = form.variables[name].build(name)
    follows = form.follows.get(name)
    return variable if follows is None or not follows.absent else variable.with_missing(NOBODY)
