"""Records from a file: microdata, a survey sample, or records that were made."""

from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.spec.tables.files import refuse_missing, unreadable


def read_frame(path: Path, *, shown: str | None = None) -> pl.DataFrame:
    """Records from CSV or Parquet, by the file's ending.

    Args:
        path: the file.
        shown: what to call it in a message; the path unless given.

    Raises:
        InputError: the file is missing, unreadable or of another kind.
    """
    where = shown or str(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError([Finding(where=where, message=f"cannot read '{path.suffix}' files", cure="use .csv or .parquet")])
    refuse_missing(path, where)
    try:
        if path.suffix.lower() == ".parquet":
            return pl.read_parquet(path)
        return pl.read_csv(path, infer_schema_length=None)
    except pl.exceptions.NoDataError:
        raise InputError([Finding(where=where, message="the file is empty", cure="write a header row")]) from None
    except UnicodeDecodeError:
        raise unreadable(where, "it is not UTF-8 text") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise unreadable(where, first_line) from error
