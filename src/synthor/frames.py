"""Tables that a user hands over in memory, of whichever library: all of them become polars frames here.

A polars frame is taken as it is. A pandas frame is taken column by column, so that no other library is needed for it; an index
with names becomes columns. Anything else that offers its columns through the Arrow C stream (PyArrow, DuckDB, narwhals, ...)
is read from there. Columns in a dict, and rows as dicts, are tables, too.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from synthor.errors import Finding, InputError, visible

KNOWN = "a polars or pandas frame, an Arrow table, a dict of columns or a list of rows"


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
    if isinstance(table, pl.LazyFrame):
        return table.collect()
    if isinstance(table, pl.DataFrame):
        return table
    try:
        if _is_pandas(table):
            return _of_pandas(table, where)
        if hasattr(table, "__arrow_c_stream__"):
            return pl.DataFrame(table)
        if isinstance(table, Mapping):
            return pl.DataFrame([_series(str(name), values) for name, values in table.items()])
        if isinstance(table, Sequence) and table and all(isinstance(row, Mapping) for row in table):
            names = dict.fromkeys(str(name) for row in table for name in row)
            return pl.DataFrame([_series(name, [row.get(name) for row in table]) for name in names])
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        first = str(error).strip().split("\n")[0]
        raise _refused(where, f"cannot be read as a table: {visible(first)}") from None
    raise _refused(where, f"is no table but of type {type(table).__name__}")


def rows_of(frame: pl.DataFrame) -> list[dict[str, str | int | float | bool]]:
    """The rows of a table as a spec writes them in place; what is missing is an empty text, a cell that is not told.

    >>> rows_of(pl.DataFrame({"sex": ["m", "f"], "count": [3.0, None]}))
    [{'sex': 'm', 'count': 3}, {'sex': 'f', 'count': ''}]
    """
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
    return type(value).__module__.split(".")[0] == "pandas" and hasattr(value, "columns")


def _of_pandas(frame: Any, where: str) -> pl.DataFrame:
    if any(name is not None for name in frame.index.names):
        frame = frame.reset_index()
    if getattr(frame.columns, "nlevels", 1) > 1:
        raise _refused(where, "has columns of several levels", "give them one name each, or stack them into rows")
    names = [str(name) for name in frame.columns]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise _refused(where, f"has two columns called '{twice}'", "give each a name of its own")
    columns = []
    for place, name in enumerate(names):
        column = frame.iloc[:, place]
        missing = column.isna().tolist()
        columns.append(_series(name, [None if gone else value for value, gone in zip(column.tolist(), missing, strict=True)]))
    return pl.DataFrame(columns)


def _series(name: str, values: Any) -> pl.Series:
    """A column; what no column of one type holds is kept as text. Numbers that are whole but for what is missing are whole."""
    held = list(values)
    try:
        column = pl.Series(name, held, strict=True)
    except (TypeError, pl.exceptions.PolarsError):
        column = pl.Series(name, [None if value is None else str(_cell(value)) for value in held])
    if column.dtype == pl.Object:
        column = pl.Series(name, [None if value is None else str(_cell(value)) for value in held])
    if column.dtype.is_float() and column.null_count():
        whole = column.cast(pl.Int64, strict=False)
        if whole.null_count() == column.null_count() and (whole == column).all():
            return whole
    return column


def _cell(value: object) -> str | int | float | bool:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return int(value)
    return value if isinstance(value, str | int | float | bool) else str(value)


def _refused(where: str, message: str, cure: str = f"give {KNOWN}") -> InputError:
    return InputError([Finding(where=where, message=message, cure=cure)])
