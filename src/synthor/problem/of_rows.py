"""The rows of one level as flat records, with the statistics of values and the rules that speak of them.

A row sees its own variables and those of the rows above it, so a table of persons by tenure is, of persons as flat records, a
table like any other: whatever handles records handles them. What a `where` says of the rows below one is a column more. What
rules say of yet other rows (a role, the next one) is left out; that is judged on whole units.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from synthor.problem.grid import Axis, TargetGrid, Universe
from synthor.problem.model import Problem
from synthor.problem.statistic import OfValues
from synthor.problem.target import Target
from synthor.schema import Level, Ref, Schema, Units, Variable, of_unit


def of_rows(problem: Problem, level: int, n_rows: int) -> tuple[Problem, Sequence[int]]:
    """What is known of the values of one level's rows, as a problem of flat records, and which of all statistics it holds.

    Args:
        problem: of units.
        level: whose rows.
        n_rows: of them, at most.

    Raises:
        ValueError: a statistic looks at other rows than its own and those above, or is of values of a row above.
    """
    places = _places(problem, level)
    below = _below(problem, level)
    own = problem.schema.seen_from(level).unit
    unit = replace(own, variables=(*own.variables, *below.values()))
    columns = {**_columns(problem.schema, level, unit), **{ref: of_unit(unit.position(one.name)) for ref, one in below.items()}}
    targets = tuple(_seen(problem.statistics[place], columns, unit, level) for place in places)
    rules = tuple(replace(rule, level=0) for rule in problem.rules if rule.level == level and not rule.derived)
    return replace(problem, n_units=n_rows, schema=Schema(levels=(unit,)), targets=targets, rules=rules), places


def as_rows(problem: Problem, units: Units, level: int) -> Units:
    """The rows of one level of some units as flat records, with the columns that `of_rows` gives them."""
    own, columns = len(problem.schema.seen_from(level).unit.variables), problem.schema.as_seen(units, level).columns()
    below = [units.column(ref, level) for ref in _below(problem, level)]
    return Units.of_columns([*columns[:own], *below, *columns[own:]])


def _places(problem: Problem, level: int) -> list[int]:
    """Which of all statistics are of the values of one level's rows."""
    of_level = [place for place, target in enumerate(problem.statistics) if target.level == level]
    return [place for place in of_level if isinstance(problem.statistics[place].statistic, OfValues)]


def _below(problem: Problem, level: int) -> Mapping[Ref, Variable]:
    """What these say of rows below, and the variable that each would be."""
    universes = [problem.statistics[place].grid.universe for place in _places(problem, level)]
    columns = (column for universe in universes if universe is not None for column in universe.columns.values())
    return {ref: variable for ref, variable in columns if ref.below is not None}


def _columns(schema: Schema, level: int, seen: Level) -> Mapping[Ref, Ref]:
    """Where the columns that rows of a level see lie among those of flat records."""
    found: dict[Ref, Ref] = {}
    for depth, at in enumerate(schema.path(level)):
        own = schema.levels[at]
        for position, variable in enumerate(own.variables):
            if any(variable.name in schema.levels[nearer].names for nearer in schema.path(level)[depth + 1 :]):
                continue
            place = seen.position(variable.name)
            found[Ref(at, position)] = of_unit(place)
            found[Ref(at, own.column(position))] = of_unit(seen.column(place))
    return found


def _seen(target: Target, columns: Mapping[Ref, Ref], unit: Level, level: int) -> Target:
    """A statistic of rows as one of flat records."""

    def moved(ref: Ref) -> Ref:
        if ref not in columns:
            raise ValueError(f"'{target.name}' looks at rows beside those that it speaks of: a statistic cannot")
        return columns[ref]

    def axis_of(axis: Axis) -> Axis:
        ref = moved(axis.ref)  # first: of what rows do not see, there is no position
        return replace(axis, ref=ref, position=unit.position(axis.variable.name))

    def universe_of(universe: Universe) -> Universe:
        found = {name: (moved(ref), variable) for name, (ref, variable) in universe.columns.items()}
        positions = tuple(unit.position(name) for name in found)
        return replace(universe, columns=found, positions=positions)

    of, grid = target.statistic, target.grid
    if isinstance(of, OfValues):
        if of.ref.level != level:
            raise ValueError(f"'{target.name}' is of values of a row above those that it speaks of: count them there")
        ref = moved(of.ref)
        of = replace(of, ref=ref, of=unit.position(of.variable.name))
    universe = None if grid.universe is None else universe_of(grid.universe)
    seen = TargetGrid(axes=tuple(map(axis_of, grid.axes)), universe=universe, listed=grid.listed, closed=grid.closed)
    return replace(target, level=0, grid=seen, statistic=of)
