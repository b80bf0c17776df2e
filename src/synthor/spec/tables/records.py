"""Records from a file: microdata, a survey sample, or records that were made."""

import os
from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.files import in_bytes
from synthor.formulas import bare
from synthor.spec.tables.files import MOST_FIELDS, refuse_missing, too_many_fields, unreadable
from synthor.spec.tables.unusable import COMPRESSED

VALUE_BYTES = 12
"""Of one value in memory: what a column of numbers or labels takes, and half as much again while it is read."""
TEXT_FACTOR = 3
"""How many bytes of memory one byte of CSV takes while it is read."""


def read_frame(path: Path, *, shown: str | None = None) -> pl.DataFrame:
    """Records from CSV or Parquet, by the file's ending.

    Args:
        path: the file.
        shown: what to call it in a message; the path unless given.

    Raises:
        InputError: the file is missing, unreadable, of another kind, or larger than the memory that is free.
    """
    where = shown or str(path)
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError([Finding(where=where, message=f"cannot read '{path.suffix}' files", cure="use .csv or .parquet")])
    refuse_missing(path, where)
    try:
        if path.suffix.lower() == ".parquet":
            n_rows, columns = extent(path)
            _refuse_beyond_memory(n_rows * len(columns) * VALUE_BYTES, where, f"{n_rows:,} rows of {len(columns):,} columns")
            return pl.read_parquet(path, glob=False)
        _refuse_compressed(path, where)
        size = path.stat().st_size
        _refuse_beyond_memory(size * TEXT_FACTOR, where, f"{in_bytes(size)} of text")
        return bare(pl.read_csv(path, infer_schema_length=None, glob=False))
    except pl.exceptions.NoDataError:
        raise InputError([Finding(where=where, message="the file is empty", cure="write a header row")]) from None
    except UnicodeDecodeError:
        raise unreadable(where, "it is not UTF-8 text") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(where, error) from error


def read_table_frame(path: Path, shown: str) -> pl.DataFrame:
    """A published table from Parquet, whose footer is read first: a small file may stand for very many rows.

    Raises:
        InputError: as `read_frame`; or it is larger than published tables are.
    """
    try:
        n_rows, columns = extent(path)
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(shown, error) from error
    if n_rows * len(columns) > MOST_FIELDS:
        raise too_many_fields(shown, f"{n_rows:,} rows of {len(columns):,} columns")
    return read_frame(path, shown=shown)


def extent(path: Path) -> tuple[int, list[str]]:
    """Rows and columns of a Parquet file, from its footer alone."""
    lazy = pl.scan_parquet(path, glob=False)
    return int(lazy.select(pl.len()).collect().item()), lazy.collect_schema().names()


def _refuse_compressed(path: Path, where: str) -> None:
    """A packed text would be unpacked in passing, however much it holds."""
    with open(path, "rb") as file:
        head = file.read(4)
    if head.startswith(COMPRESSED):
        message = "is compressed, though it is called .csv"
        raise InputError([Finding(where=where, message=message, cure="unpack it, or save the records as Parquet")])


def _broken(where: str, error: Exception) -> InputError:
    first_line = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return unreadable(where, first_line)


def _refuse_beyond_memory(needed: int, where: str, what: str) -> None:
    """Raise where a file's records need more memory than is free, which would end the process without a word."""
    free = free_memory()
    if free is not None and needed > free:
        message = f"holds {what}, which take about {in_bytes(needed)} of memory, and {in_bytes(free)} are free"
        cure = "use a machine with more memory, or fewer records or columns"
        raise InputError([Finding(where=where, message=message, cure=cure)])


def free_memory() -> int | None:
    """Bytes that this process may still take; None where the system does not tell."""
    found = []
    try:
        import resource

        with open("/proc/self/statm", encoding="ascii") as file:
            taken = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        limit = resource.getrlimit(resource.RLIMIT_AS)[0]
        if limit != resource.RLIM_INFINITY:
            found.append(max(limit - taken, 0))
        with open("/proc/meminfo", encoding="ascii") as file:
            available = next(line for line in file if line.startswith("MemAvailable:"))
        found.append(int(available.split()[1]) * 1024)
    except (ImportError, OSError, ValueError, StopIteration):
        pass
    return min(found, default=None)
