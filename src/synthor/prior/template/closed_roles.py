"""How many members of each role rules leave a unit, given its structural variables: known before its composition is drawn.

Rules say most about who lives together: in a household of one parent with children nobody is a lodger, in one of a couple there
is a partner. What a rule says of a role, or of how many have it, is left out before compositions are drawn. Thrown away
instead, types of units with few compositions of their own would lose nearly all of these (four in a hundred were left of
households of a parent with three children), and what is learned from the rest would lose them for good.
"""

from collections.abc import Mapping, Sequence

import numpy as np

from synthor.prior.template.closed_numbers import states
from synthor.prior.template.told import Composition
from synthor.problem.model import Rule
from synthor.rules.lifted import Weighed, with_derived
from synthor.rules.on_categories import truth
from synthor.rules.syntax import names_in
from synthor.schema import Ref, Schema
from synthor.schema.fold import COUNT
from synthor.types import Codes, Mask


def columns_of_roles(rules: Sequence[Rule], schema: Schema, level: int) -> tuple[int, ...]:
    """Variables of the unit that rules name together with roles of its members at a level, or with their numbers."""
    found = set[int]()
    for rule in rules:
        if _says_of_roles(rule, schema, level):
            found |= {ref.column for ref in _plain(rule, schema).values() if ref.level == 0}
    return tuple(sorted(found))


def numbers_open(
    rules: Sequence[Rule], schema: Schema, told: Composition, keys: Codes, columns: Sequence[int]
) -> tuple[Mask, ...]:
    """Which numbers of members rules leave each role, given the unit's structural variables.

    Args:
        rules: what must not be.
        schema: of all levels.
        told: whose roles.
        keys: (keys, columns of the unit) combinations of structural variables.
        columns: of these, which mean something.

    Returns:
        For each role in its order: (keys, most + 1).
    """
    found = {role: np.ones((len(keys), told.most + 1), bool) for role in told.roles}
    for rule in rules:
        plain = _plain(rule, schema)
        known = {name: keys[:, ref.column] for name, ref in plain.items() if ref.level == 0 and ref.column in columns}
        variables = {one.name: one for one in with_derived(schema, rule.level, rule.derived).unit.variables}
        if rule.level == told.level:
            mine = next((name for name, ref in plain.items() if ref == _role(schema, told.level)), None)
            for role, open_ in found.items():
                of = known if mine is None else known | {mine: np.full(len(keys), role, np.int32)}
                open_[truth(rule.predicate, of, variables, len(keys)).must, 1:] = False
        elif rule.level == 0 and (role_asked := _counted(rule, told.level)) is not None:
            compared_numbers = {one.name: states(one, told.most) for one in rule.derived if isinstance(one, Weighed)}
            for number in range(told.most + 1):
                said = {name: np.full(len(keys), each[number], np.int32) for name, each in compared_numbers.items()}
                found[role_asked][truth(rule.predicate, known | said, variables, len(keys)).must, number] = False
    return tuple(found.values())


def _role(schema: Schema, level: int) -> Ref:
    own = schema.levels[level]
    return Ref(level, own.position(own.role))


def _plain(rule: Rule, schema: Schema) -> Mapping[str, Ref]:
    """Columns that a rule names of the rows it speaks of and of those above them."""
    refs: dict[str, Ref] = {}
    for at in reversed(schema.path(rule.level)):
        for column, variable in enumerate(schema.levels[at].variables):
            refs.setdefault(variable.name, Ref(at, column))
    derived = {one.name for one in rule.derived}
    return {name: refs[name] for name in sorted(names_in(rule.predicate) - derived)}


def _says_of_roles(rule: Rule, schema: Schema, level: int) -> bool:
    """Whether a rule may leave some roles fewer numbers."""
    if rule.level == level:
        return _role(schema, level) in _plain(rule, schema).values()
    return rule.level == 0 and _counted(rule, level) is not None


def _counted(rule: Rule, level: int) -> int | None:
    """The one role whose number a rule on units compares with others; None where there is none, or there are several."""
    weighed = [one for one in rule.derived if isinstance(one, Weighed)]
    roles = set[int]()
    for one in weighed:
        for fold in one.folds:
            if fold.fold is not COUNT or fold.rows.level != level or fold.rows.role is None or fold.rows.such is not None:
                return None
            roles.add(fold.rows.role.code)
        if names_in(one.said) - {fold.name for fold in one.folds}:
            return None
    return roles.pop() if len(roles) == 1 else None
