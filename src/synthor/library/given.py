"""Records that somebody hands over to be compared with: frames or files, one a level."""

from collections.abc import Mapping
from pathlib import Path

import polars as pl
from polars import selectors

from synthor.errors import Finding, InputError, nearest
from synthor.evaluate.fidelity import evaluate
from synthor.evaluate.levels import evaluate_levels
from synthor.evaluate.realism import Realism
from synthor.events import Event, Listener
from synthor.files import named
from synthor.frames import as_frame, plain
from synthor.measure import Records
from synthor.problem import Problem, without_attributes
from synthor.schema import Schema
from synthor.spec.tables import read_frame
from synthor.store.records import read_levels

FILE = "a file of records, or the folder that holds it"


def records_of(given: object, schema: Schema, *, weight: str | None, what: str) -> dict[str, pl.DataFrame]:
    """Records of the units and their members, by level.

    Args:
        given: a frame, a file, a folder with a file a level, or frames and files by the names of the levels.
        schema: the levels.
        weight: column of the units' weights.
        what: to call them in messages.

    Raises:
        InputError: they cannot be read, or belong to no level.
    """
    names = [level.name for level in schema]
    if isinstance(given, str | Path):
        given = named(given, where=what, what=FILE)
    if isinstance(given, Path) and given.is_dir():
        return {names[at]: frame for at, frame in read_levels(given, schema, weight=weight).items()}
    several = isinstance(given, Mapping) and len(names) > 1
    if not several:
        given = {names[0]: given}
    assert isinstance(given, Mapping)
    unknown = [str(name) for name in given if name not in names]
    if unknown:
        message = f"no level is called '{unknown[0]}'"
        raise InputError([Finding(where=what, message=message, cure=nearest(unknown[0], names))])
    found = {}
    for level in schema:
        if level.name not in given:
            continue
        held, where = given[level.name], what if len(names) == 1 else f"{what} of '{level.name}'"
        if isinstance(held, str | Path):
            file = named(held, where=where, what=FILE)
            found[level.name] = read_frame(file, variables=level.variables, weight=weight)
        else:
            frame = as_frame(held, where=where)
            looked_at = [name for name in frame.columns if name == weight or any(name == own.name for own in level.variables)]
            plain(frame.select(looked_at), where=where)
            # No column of NumPy's holds such numbers; what is so large is no value of any variable but a number.
            found[level.name] = frame.with_columns(selectors.by_dtype(pl.Int128).cast(pl.Float64))
    return found


def realism_of(problem: Problem, records: Records, real: Records, weight: str | None, on_event: Listener) -> Realism:
    """Compare records with real ones, of whichever levels there are; without zones where the real ones say nothing of these.

    Nor is what kind of zone records lie in compared where the real ones do not say it.

    Raises:
        InputError: the real records cannot be used, or nothing is left to compare.
    """

    def advance(done: int, total: int) -> None:
        on_event(Event(stage="evaluate", done=done, total=total))

    unit = problem.schema.unit.name
    if unit not in real:
        cure = f"give one table a level, by its name: {', '.join(level.name for level in problem.schema)}"
        raise InputError([Finding(where="microdata", message=f"there are no records of '{unit}'", cure=cure)])
    if problem.zones is not None and not any(name in real[unit].columns for name in problem.zones.names):
        kinds, problem = problem.attributes, problem.region
        if not any(problem.schema.unit.variables[position].name in real[unit].columns for position in kinds):
            problem = without_attributes(problem)
    if len(problem.schema.levels) == 1:
        found = evaluate(problem, records[unit], real[unit], weight=weight, advance=advance)
        return Realism({unit: found})
    below = [at for at in range(len(problem.schema.levels)) if problem.schema.above(at) in (None, 0)]
    names = {at: problem.schema.levels[at].name for at in below}
    made, told = ({at: held[name] for at, name in names.items() if name in held} for held in (records, real))
    return Realism(evaluate_levels(problem, made, told, weight=weight, advance=advance))
