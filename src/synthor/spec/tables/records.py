"""Records from a file: microdata, a survey sample, or records that were made.

A CSV file says nothing of types. Where the spec is known it does: labels of a category are text, whatever they look like, so
that `01001`, `1.10`, `1e3` and `None` are what was written. Where it is not, a column is of numbers only if no digit that was
written is lost by it.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import polars as pl

from synthor.errors import Finding, InputError
from synthor.files import in_bytes
from synthor.formulas import bare
from synthor.schema import Variable
from synthor.schema.text import as_numbers
from synthor.spec.tables.files import MOST_FIELDS, refuse_missing, too_many_fields, unreadable
from synthor.spec.tables.unusable import COMPRESSED

VALUE_BYTES = 12
"""Of one value in memory: what a column of numbers or labels takes, and half as much again while it is read."""
TEXT_FACTOR = 3
"""How many bytes of memory one byte of CSV takes while it is read."""
ZERO_FIRST, SHORT_POWER = r"^[-+]?0[0-9]", r"^[0-9]+[eE][0-9]+$"
"""Texts that are codes, not numbers: with a zero in front, or such as `1e3`, which no program writes for 1000."""


def read_frame(
    path: Path, *, shown: str | None = None, variables: Sequence[Variable] | None = None, weight: str | None = None
) -> pl.DataFrame:
    """Records from CSV or Parquet, by the file's ending.

    Args:
        path: the file.
        shown: what to call it in a message; the path unless given.
        variables: that the records have; in CSV their kinds say what is text. Unless given that is told from what is written.
        weight: column of the records' weights, which are numbers.

    Raises:
        InputError: the file is missing, unreadable, of another kind, or larger than the memory that is free.
    """
    where = shown or str(path)
    if path.is_dir() and (parts := sorted(path.glob("*.parquet"))):
        return _of_parts(parts, where)
    refuse_missing(path, where)
    if not _in_unicode(path):
        raise InputError([Finding(where=where, message="its name is no Unicode text", cure="rename it")])
    if path.suffix.lower() not in (".csv", ".parquet"):
        raise InputError([Finding(where=where, message=f"cannot read '{path.suffix}' files", cure="use .csv or .parquet")])
    try:
        if path.suffix.lower() == ".parquet":
            n_rows, columns = extent(path)
            _refuse_beyond_memory(n_rows * len(columns) * VALUE_BYTES, where, f"{n_rows:,} rows of {len(columns):,} columns")
            return pl.read_parquet(path, glob=False)
        _refuse_compressed(path, where)
        size = path.stat().st_size
        _refuse_beyond_memory(size * TEXT_FACTOR, where, f"{in_bytes(size)} of text")
        return _from_text(path, variables, weight)
    except pl.exceptions.NoDataError:
        raise InputError([Finding(where=where, message="the file is empty", cure="write a header row")]) from None
    except UnicodeDecodeError:
        raise unreadable(where, "it is not UTF-8 text") from None
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(where, error) from error


def _in_unicode(path: Path) -> bool:
    """Whether a name can be handed on: one that was written in another encoding has half characters."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        return False
    return True


def _from_text(path: Path, variables: Sequence[Variable] | None, weight: str | None) -> pl.DataFrame:
    if variables is None:
        frame = bare(pl.read_csv(path, infer_schema=False, glob=False))
        return frame.with_columns((as_numbers if name == weight else _told)(frame[name]) for name in frame.columns)
    texts = {variable.name: pl.String for variable in variables if variable.kind.texts}
    frame = bare(pl.read_csv(path, infer_schema_length=None, schema_overrides=texts, glob=False))
    known = {variable.name: variable for variable in variables}
    if weight is not None and weight in frame.columns and frame.schema[weight] == pl.String:
        frame = frame.with_columns(as_numbers(frame[weight]))
    return frame.with_columns(known[name].from_text(frame[name]) for name in frame.columns if name in known)


def _told(column: pl.Series) -> pl.Series:
    """A column of texts as numbers or booleans, where it holds nothing else and each can be written in one way only.

    >>> [_told(pl.Series(texts)).dtype for texts in (["1", "20"], ["1.5", "2"], ["01", "20"], ["1.1", "1.10"], ["1e3", "2"])]
    [Int64, Float64, String, String, String]
    """
    known = column.replace("", None)
    texts = known.unique().drop_nulls()
    if texts.is_empty():
        return column
    if texts.str.to_lowercase().is_in(["true", "false"]).all():
        return known.str.to_lowercase() == "true"
    values = texts.cast(pl.Float64, strict=False)
    codes = texts.str.contains(ZERO_FIRST) | texts.str.contains(SHORT_POWER)
    if values.null_count() or codes.any() or _written_in_several_ways(texts):
        return column
    whole = known.cast(pl.Int64, strict=False)
    return whole if whole.null_count() == known.null_count() else known.cast(pl.Float64)


def _written_in_several_ways(texts: pl.Series) -> bool:
    """Whether decimals of some number end with a zero that another text for it lacks, as of the codes 1.1 and 1.10."""
    decimal = texts.filter(texts.str.contains(r"\.[0-9]*[1-9]0*$"))
    return bool(decimal.str.strip_chars_end("0").n_unique() < len(decimal))


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


def _of_parts(files: Sequence[Path], where: str) -> pl.DataFrame:
    """Records in many Parquet files, one after the other."""
    try:
        lazy = pl.scan_parquet(list(files), glob=False)
        n_rows, columns = int(lazy.select(pl.len()).collect().item()), lazy.collect_schema().names()
        _refuse_beyond_memory(n_rows * len(columns) * VALUE_BYTES, where, f"{n_rows:,} rows of {len(columns):,} columns")
        return lazy.collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        raise _broken(where, error) from error


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
