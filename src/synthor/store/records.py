"""Records read back from a folder: one file a level, in whichever format it is."""

import polars as pl

from synthor.schema import Schema
from synthor.spec.tables import read_frame
from synthor.store.folder import RunFolder


def read_records(folder: RunFolder, schema: Schema) -> dict[str, pl.DataFrame]:
    """The records of all levels, by the level's name.

    Raises:
        InputError: a file is missing, or cannot be read.
    """
    return {level.name: read_frame(folder.records(level.name), variables=level.variables) for level in schema}
