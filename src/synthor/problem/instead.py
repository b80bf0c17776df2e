"""What to write in place of what the rows that a table counts do not see: of several members, or of rows below in a `where`."""

from collections.abc import Iterator

from sqlglot import expressions as exp

from synthor.errors import Finding, nearest
from synthor.rules.parse import PredicateError, call_of, tree_of
from synthor.rules.parse import text_of as shown
from synthor.schema import Schema
from synthor.schema.fold import FOLDS, MEAN, SUM


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


def folded(where: str, schema: Schema, place: str) -> Finding | None:
    """Why a `where` that looks at rows below is not read, with the variable to declare and what to write then.

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
    folds = [call for node in tree.walk() if (call := call_of(node)) is not None and call.name in FOLDS]
    if not folds or len(schema.levels) == 1:
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
            bins = ", bins: [LEFT EDGES]" if FOLDS[call.name] in (SUM, MEAN) else ""
            lines.append(f'{names[call.shown]}: {{from: "{call.shown}"{bins}}}')

    def replaced(node: exp.Expression) -> exp.Expression:
        call = call_of(node)
        return node if call is None or call.shown not in names else exp.column(names[call.shown])

    message = f"where `{where[:80]}`: a `where` does not look at rows below, as `{folds[0].shown[:60]}` does"
    declared = f"declare under the variables of {' and '.join(owners)} `{', '.join(lines)}`"
    cure = f'{declared}, and write `where: "{shown(tree.transform(replaced))}"`'
    return Finding(where=place, message=message, cure=cure, label=where)


def _free_names(schema: Schema) -> Iterator[str]:
    """Names that nothing has."""
    taken = {name for level in schema for name in (*level.names, *level.roles, level.name)}
    wanted = ("such", *(f"such_{number}" for number in range(2, 100)))
    return (name for name in wanted if name not in taken)
