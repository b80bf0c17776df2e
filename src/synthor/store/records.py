"""Records read back from a folder: one file a level, in whichever format it is."""

from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.schema import Schema
from synthor.spec.tables import read_frame
from synthor.store.folder import OF_RECORDS, RunFolder


def read_records(folder: RunFolder, schema: Schema) -> dict[str, pl.DataFrame]:
    """The records of all levels, by the level's name.

    Raises:
        InputError: a file is missing, or cannot be read.
    """
    return {level.name: read_frame(folder.records(level.name), variables=level.variables) for level in schema}


def read_levels(folder: Path, schema: Schema, *, whole: bool = False, weight: str | None = None) -> dict[int, pl.DataFrame]:
    """The records of the units and of levels right below them, by the level's place: whoever made them.

    Args:
        folder: with one file a level, named like it.
        schema: gives the levels.
        whole: whether no level may be missing; that of the units never may.
        weight: column of the units' weights.

    Raises:
        InputError: it is no folder, or lacks a file, or one cannot be read.
    """
    if not folder.is_dir():
        message = "is no folder"
        cure = f"units with members have one file a level: {schema.unit.name}.csv and so on in one folder"
        raise InputError([Finding(where=str(folder), message=message, cure=cure)])
    place, found = RunFolder(folder), dict[int, pl.DataFrame]()
    for at, level in enumerate(schema):
        there = any((folder / f"{level.name}{ending}").is_file() for ending in OF_RECORDS)
        if at == 0 or (schema.above(at) == 0 and (whole or there)):
            found[at] = read_frame(place.records(level.name), variables=level.variables, weight=None if at else weight)
    return found
