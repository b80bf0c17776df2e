"""The seed as a survey sample: its rows in the labels of the variables, without those that no variable can hold."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl

from synthor.formulas import guard
from synthor.populationsim.columns import Column
from synthor.populationsim.seed import Seed, as_floats, as_labels
from synthor.populationsim.settings import HOUSEHOLDS, LEVELS, PERSONS
from synthor.schema.text import plural

FEWEST = 2
"""Variables that a sample must hold to say how they go together."""
WEIGHT, KEY = "weight", "household_id"
FLAT = "sample.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sampled:
    """What a spec says of its sample, and the files that it names.

    Attributes:
        keys: of `sample`; nothing where there is none.
        comment: where it is from.
        files: text by name.
        remarks: what a person must know.
    """

    keys: Mapping[str, object]
    comment: str = ""
    files: Mapping[str, str]
    remarks: tuple[str, ...] = ()


def sampled(
    seed: Seed,
    columns: Mapping[tuple[str, str], Column],
    names: Mapping[tuple[str, str], str],
    *,
    follows: tuple[str, str] | None,
    persons: bool,
) -> Sampled:
    """The seed as a sample.

    Args:
        seed: may lack tables or columns.
        columns: variables, by seed table and column.
        names: what these are called.
        follows: the one that follows from members, which is counted of the seed's persons where these are there.
        persons: whether the spec's households have persons.
    """
    homes = seed.frames.get(HOUSEHOLDS)
    if homes is None:
        return Sampled(keys={}, files={})
    joined = persons and PERSONS in seed.frames and bool(seed.key)
    tables = (HOUSEHOLDS, PERSONS) if joined else (HOUSEHOLDS,)
    known = {place: column for place, column in columns.items() if place[0] in tables and seed.has(*place)}
    if joined and follows is not None:
        known.pop(follows, None)
    absent = [f"{table}.{name}" for table, name in columns if table in tables and not seed.has(table, name)]
    remarks = [f"The seed has no {', '.join(absent)}: it says nothing of them."] if absent else []
    if persons and not joined:
        lacks = "there are no persons" if PERSONS not in seed.frames else "nothing says which column joins them"
        remarks.append(f"The seed is a sample of households alone: {lacks}; see docs/members.md.")
    if len(known) < FEWEST:
        return Sampled(keys={}, files={}, remarks=tuple(remarks))
    kept = _whole({table: _written(seed, table, known, names) for table in tables})
    left = homes.height - kept[HOUSEHOLDS].height
    if not kept[HOUSEHOLDS].height:
        return Sampled(keys={}, files={}, remarks=(*remarks, "The seed is not used: controls count none of its households."))
    if left:
        why = "that no control counts, or without persons," if joined else "that no control counts"
        remarks.append(f"{plural(left, 'household')} of the seed {why} are left out.")
    weight: dict[str, object] = {"weight": WEIGHT} if seed.weight else {}
    comment = f"the seed's {plural(kept[HOUSEHOLDS].height, 'household')}"
    if not persons:
        files = {FLAT: _text(kept[HOUSEHOLDS].drop(KEY))}
        return Sampled(keys={"file": FLAT, **weight}, comment=comment, files=files, remarks=tuple(remarks))
    named = {LEVELS[table]: f"sample_{LEVELS[table]}.csv" for table in tables}
    files = {named[LEVELS[table]]: _text(kept[table]) for table in tables}
    key: dict[str, object] = {"key": KEY} if joined else {}
    return Sampled(keys={"files": named, **key, **weight}, comment=comment, files=files, remarks=tuple(remarks))


def _written(
    seed: Seed, table: str, known: Mapping[tuple[str, str], Column], names: Mapping[tuple[str, str], str]
) -> pl.DataFrame:
    """The rows of one table in the labels of its variables, with key and weight; those that have no place lack a value."""
    frame = seed.frames[table]
    keys = as_labels(frame[seed.key]) if seed.key in frame.columns else pl.Series(range(frame.height)).cast(pl.String)
    found = [keys.alias(KEY)]
    found += [column.written(frame[of]).alias(names[own, of]) for (own, of), column in known.items() if own == table]
    if table == HOUSEHOLDS and seed.weight:
        found.append(as_floats(frame[seed.weight]).alias(WEIGHT))
    return pl.DataFrame(found)


def _whole(tables: Mapping[str, pl.DataFrame]) -> dict[str, pl.DataFrame]:
    """Households with all their values, and all those of their persons."""
    homes = tables[HOUSEHOLDS].drop_nulls()
    if PERSONS not in tables:
        return {HOUSEHOLDS: homes}
    persons = tables[PERSONS]
    wanting = persons.filter(pl.any_horizontal(pl.all().is_null()))[KEY]
    homes = homes.filter(~pl.col(KEY).is_in(wanting.to_list()) & pl.col(KEY).is_in(persons[KEY].to_list()))
    return {HOUSEHOLDS: homes, PERSONS: persons.filter(pl.col(KEY).is_in(homes[KEY].to_list()))}


def _text(frame: pl.DataFrame) -> str:
    return guard(frame).write_csv()
