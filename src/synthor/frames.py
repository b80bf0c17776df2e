"""Tables that a user hands over in memory, of whichever library: all of them become polars frames here.

A polars frame is taken as it is. A pandas frame is taken column by column, so that no other library is needed for it; an index
with names becomes columns, one of labels without a name is refused, and a series is a frame of its counts. Anything else that
offers its columns through the Arrow C stream (PyArrow, DuckDB, narwhals, ...) is read from there. Columns in a dict, and
rows as dicts, are tables, too.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import polars as pl

from synthor.errors import Finding, InputError, visible

KNOWN = "a polars or pandas frame, an Arrow table, a dict of columns or a list of rows"
NO_COLUMN = (str, bytes, Mapping, set, frozenset)
"""What can be gone through, but is no column: it has no places, or none in an order."""

MISSING = ("NAType", "NaTType")
"""Types of what pandas calls missing."""


def is_frame(value: object) -> bool:
    """Whether a value is a table of some library, rather than text, a path or rows as a spec writes them.

    >>> is_frame(pl.DataFrame({"a": [1]})), is_frame("tables/a.csv"), is_frame([{"a": 1}])
    (True, False, False)
    """
    return isinstance(value, pl.DataFrame | pl.LazyFrame) or hasattr(value, "__arrow_c_stream__") or _is_pandas(value)


def as_frame(table: object, *, where: str = "table") -> pl.DataFrame:
    """A table as a polars frame.

    Args:
        table: of polars, pandas, Arrow; or columns by name, or rows as dicts.
        where: what to call it in a message.

    Raises:
        InputError: it is none, or two of its columns have one name.

    >>> as_frame({"sex": ["m", "f"], "count": [3, 4]})["count"].to_list()
    [3, 4]
    """
    if isinstance(table, pl.DataFrame):
        return table
    try:
        if isinstance(table, pl.LazyFrame):
            return table.collect()
        if _is_pandas(table):
            return _of_pandas(table, where)
        if hasattr(table, "__arrow_c_stream__"):
            return pl.DataFrame(table)
        if isinstance(table, Mapping):
            return _of_columns(list(table.items()), where)
        if isinstance(table, Sequence) and table and all(isinstance(row, Mapping) for row in table):
            names = dict.fromkeys(name for row in table for name in row)
            return _of_columns([(name, [row.get(name) for row in table]) for name in names], where)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OSError) as error:
        first = str(error).strip().split("\n")[0]
        raise _refused(where, f"cannot be read as a table: {visible(first)}") from None
    raise _refused(where, f"is no table but of type {type(table).__name__}")


def plain(frame: pl.DataFrame, *, where: str = "table") -> pl.DataFrame:
    """The same table, if each of its cells is one text, number or date.

    Raises:
        InputError: a column holds lists, bytes or other things that no table of a file could hold.
    """
    for name, kind in frame.schema.items():
        if kind.is_nested() or kind in (pl.Binary, pl.Object, pl.Duration):
            cure = "give it one text or number a cell, or leave it out"
            raise _refused(where, f"column '{visible(name)}' holds {kind}, which is neither text nor a number", cure)
    return frame


def rows_of(frame: pl.DataFrame) -> list[dict[str, str | int | float | bool]]:
    """The rows of a table as a spec writes them in place; what is missing is an empty text, a cell that is not told.

    Raises:
        InputError: a column holds what is neither text nor a number, or a number has no end.

    >>> rows_of(pl.DataFrame({"sex": ["m", "f"], "count": [3.0, None]}))
    [{'sex': 'm', 'count': 3}, {'sex': 'f', 'count': ''}]
    """
    for column in plain(frame):
        if column.dtype.is_float() and column.is_infinite().any():
            row, cure = int(column.is_infinite().arg_max() or 0) + 1, "write a number, or leave the cell out"
            raise _refused("table", f"column '{visible(column.name)}' is infinite in row {row}", cure)
    return [{name: _cell(value) for name, value in row.items()} for row in frame.iter_rows(named=True)]


def to_pandas(frame: pl.DataFrame) -> Any:
    """A table as a pandas frame: categories as such, in their order.

    Raises:
        InputError: pandas is not installed.
    """
    try:
        import pandas as pd  # type: ignore[import-untyped,import-not-found,unused-ignore]
    except ImportError:
        cure = "pip install pandas, or use the polars frames of run.tables"
        raise InputError([Finding(where="to_pandas", message="pandas is not installed", cure=cure)]) from None
    return pd.DataFrame({column.name: _for_pandas(column, pd) for column in frame})


def _for_pandas(column: pl.Series, pandas: Any) -> Any:
    if isinstance(column.dtype, pl.Enum):
        codes = column.to_physical().cast(pl.Int64).fill_null(-1).to_numpy()
        return pandas.Categorical.from_codes(codes, categories=list(column.dtype.categories))
    return column.to_list() if column.null_count() and not column.dtype.is_numeric() else column.to_numpy()


def _is_pandas(value: object) -> bool:
    return type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "index") and hasattr(value, "iloc")


def _of_pandas(frame: Any, where: str) -> pl.DataFrame:
    if not hasattr(frame, "columns"):  # a series, such as groupby().size()
        frame = frame.to_frame("count" if frame.name is None else frame.name)
    if any(name is not None for name in frame.index.names):
        both = next((name for name in frame.index.names if name in frame.columns), None)
        if both is not None:
            raise _refused(
                where, f"'{both}' names a column and the index, too", "rename one of them, or reset_index(drop=True)"
            )
        frame = frame.reset_index()
    elif frame.index.nlevels > 1 or frame.index.inferred_type not in ("integer", "empty"):
        raise _refused(
            where, "has labels in an index without a name", "give it one, `frame.index.name = ...`, or reset_index(drop=True)"
        )
    if getattr(frame.columns, "nlevels", 1) > 1:
        raise _refused(where, "has columns of several levels", "give them one name each, or stack them into rows")
    columns = []
    for place, name in enumerate(frame.columns):
        column = frame.iloc[:, place]
        missing = column.isna().tolist()
        told = [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]
        columns.append(("" if _is_missing(name) else name, told))
    return _of_columns(columns, where)


def _of_columns(columns: Sequence[tuple[Any, Any]], where: str) -> pl.DataFrame:
    """Columns by their names, which need not be texts."""
    names = [str(name) for name, _ in columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _refused(where, f"has two columns called '{visible(twice)}'", "give each a name of its own")
    for name, (_, values) in zip(names, columns, strict=True):
        if isinstance(values, NO_COLUMN) or not isinstance(values, Iterable):
            message = f"column '{visible(name)}' is of type {type(values).__name__}, which is no column"
            raise _refused(where, message, "give a list of its cells, from top to bottom")
    return pl.DataFrame({name: _series(name, values) for name, (_, values) in zip(names, columns, strict=True)})


def _is_missing(value: object) -> bool:
    return value is None or type(value).__name__ in MISSING or (isinstance(value, float) and math.isnan(value))


def _series(name: str, values: Any) -> pl.Series:
    """A column; what no column of one type holds is kept as text. Numbers that are whole but for what is missing are whole."""
    held = [None if type(value).__name__ in MISSING else value for value in values]
    try:
        column = pl.Series(name, held, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        column = pl.Series(name, [None if _is_missing(value) else str(_cell(value)) for value in held])
    if column.dtype == pl.Object:
        column = pl.Series(name, [None if _is_missing(value) else str(_cell(value)) for value in held])
    if column.dtype.is_float() and column.null_count():
        whole = column.cast(pl.Int64, strict=False)
        if whole.null_count() == column.null_count() and (whole == column).all():
            return whole
    return column


def _cell(value: object) -> str | int | float | bool:
    if _is_missing(value):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value if isinstance(value, str | int | float | bool) else str(value)


def _refused(where: str, message: str, cure: str = f"give {KNOWN}") -> InputError:
    return InputError([Finding(where=where, message=message, cure=cure)])
