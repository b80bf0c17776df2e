"""What to write in place of what the rows that a table counts do not see: a value of several members, a sum of rows below."""

from collections.abc import Iterator

from sqlglot import expressions as exp

from synthor.errors import Finding, nearest
from synthor.rules.parse import PredicateError, fold_of, outside_folds, tree_of
from synthor.rules.parse import text_of as shown
from synthor.schema import Schema
from synthor.schema.fold import FOLDS


def of_several(name: str, schema: Schema) -> tuple[str, str, str] | None:
    """Why nobody sees a variable of one of several with a role; if it is one, the variable to name and whose it then is.

    >>> from synthor import compile_problem, parse_spec
    >>> problem = compile_problem(parse_spec('''
    ... unit: home
    ... records: 10
    ... variables: {garden: {type: boolean}}
    ... members:
    ...   person:
    ...     role: role
    ...     roles: {head: 1}
    ...     variables: {role: {type: category, values: [head, child]}, age: {type: integer, min: 0, max: 99}}
    ... '''))
    >>> of_several("child.age", problem.schema)
    ("there may be several 'child' in one 'home': whose 'child.age' is meant?", 'age', "role = 'child'")
    """
    ref = schema.resolve_among(name)
    if ref is None or ref.among is None:
        return None
    level = schema.levels[ref.level]
    role, own = level.variables[ref.among.column], level.variables[ref.column].name
    label = role.labels[ref.among.code]
    message = f"there may be several '{label}' in one '{level.parent}': whose '{name}' is meant?"
    named, tells = (one if schema.resolve(one) is not None else f"{level.name}.{one}" for one in (own, role.name))
    return message, named, f"{tells} = '{label}'"


def summed(where: str, schema: Schema, place: str) -> Finding | None:
    """Why a `where` with a sum or a mean of rows below is not read, with the variable to declare and what to write then.

    What these come to hangs on values inside bins, and in which bins of its own a unit lies is drawn: those must be told.

    Args:
        where: of a target.
        schema: of the units.
        place: what to call the target.
    """
    try:
        tree = tree_of(where)
    except PredicateError:  # which is told elsewhere
        return None
    assert isinstance(tree, exp.Expression)
    folds = [call for node in outside_folds(tree) if (call := fold_of(node)) is not None]
    first = next((call for call in folds if not FOLDS[call.name].of_bins), None)
    if first is None or len(schema.levels) == 1:
        return None
    above = [(level.parent, (level.name, *level.roles)) for level in schema if level.parent is not None]
    wanted, owners = _free_names(schema), dict[str, str]()
    names, lines = dict[str, str](), list[str]()
    for call in folds:
        named = call.arguments[0] if call.arguments else None
        over = (named.table or named.name) if isinstance(named, exp.Column) else ""
        owner = next((parent for parent, known in above if over in known), None)
        if owner is None:
            cure = nearest(over, [name for _, known in above for name in known])
            message = f"where `{where[:80]}`: no level of members and no role is called '{over}'"
            return Finding(where=place, message=message, cure=cure, label=where)
        if call.shown not in names:
            names[call.shown], owners[owner] = next(wanted), ""
            bins = "" if FOLDS[call.name].of_bins else ", bins: [LEFT EDGES]"
            lines.append(f'{names[call.shown]}: {{from: "{call.shown}"{bins}}}')

    def replaced(node: exp.Expression) -> exp.Expression:
        call = fold_of(node)
        return node if call is None or call.shown not in names else exp.column(names[call.shown])

    message = f"where `{where[:80]}`: what `{first.shown[:60]}` comes to hangs on values, and no bins of it are told"
    declared = f"declare under the variables of {' and '.join(owners)} `{', '.join(lines)}`"
    cure = f'{declared}, and write `where: "{shown(tree.transform(replaced))}"`'
    return Finding(where=place, message=message, cure=cure, label=where)


def _free_names(schema: Schema) -> Iterator[str]:
    """Names that nothing has."""
    taken = {name for level in schema for name in (*level.names, *level.roles, level.name)}
    wanted = ("such", *(f"such_{number}" for number in range(2, 100)))
    return (name for name in wanted if name not in taken)
